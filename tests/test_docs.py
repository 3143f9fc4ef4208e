"""The documentation names every rule, state and command; the build fails when one is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from listserv.cli import app
from listserv.model import DeliveryState, PostState
from listserv.policy.reasons import code, words
from listserv.policy.rules import HOLD, STOP
from listserv.settings import load, parse

ROOT = Path(__file__).parent.parent


def test_every_rule_is_on_its_page_with_its_words() -> None:
    page = (ROOT / "docs" / "rules.md").read_text()
    for rule in (*STOP, *HOLD):
        assert f"| `{code(rule)}` | {words(rule)} |" in page
    listed = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert listed == [code(rule) for rule in (*STOP, *HOLD)]


@pytest.mark.parametrize("state", [*PostState, *DeliveryState])
def test_every_state_is_on_its_page(state: str) -> None:
    assert state.upper() in (ROOT / "docs" / "states.md").read_text()


def test_every_command_that_works_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    names = [c.name or c.callback.__name__ for c in app.registered_commands if c.callback]
    names += [str(group.name) for group in app.registered_groups]
    missing = [name for name in names if name.partition("_")[0] not in readme]
    assert not missing


def test_the_settings_at_the_top_and_those_that_init_writes_are_the_same_and_right() -> None:
    top = ROOT / "settings.yaml"
    assert top.read_text() == (ROOT / "templates" / "init" / "settings.yaml").read_text()
    load(top)


def test_the_settings_in_the_readme_are_right() -> None:
    readme = (ROOT / "README.md").read_text()
    block = readme.partition("```yaml\n")[2].partition("```")[0]
    parse(yaml.safe_load(block), base=ROOT)
