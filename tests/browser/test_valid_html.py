"""Every page of a community under an HTML validator (html-validate, its standard rules)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Site, npm_package
from tests.browser.test_accessible import PAGES, go, reader

RULES = {
    "extends": ["html-validate:standard", "html-validate:a11y"],
    "rules": {
        "long-title": "off",  # a subject is as long as its author made it
        "no-trailing-whitespace": "off",  # style
        "void-style": "off",  # style
        "no-raw-characters": "off",  # `&` alone is right in HTML 5 where it begins no reference
        "require-sri": "off",  # the style sheet is our own, from the same place
        "tel-non-breaking": "off",  # telephone numbers are the words of members
        "no-implicit-button-type": "off",  # our buttons submit
        "prefer-native-element": "off",  # role=search has an element only in the newest browsers
    },
}


def validated(folder: Path, pages: dict[str, str]) -> list[str]:
    """What the validator says about these pages."""
    program = npm_package("html-validate").parent / ".bin" / "html-validate"
    (folder / ".htmlvalidate.json").write_text(json.dumps({"root": True, **RULES}))
    for number, text in enumerate(pages.values()):
        (folder / f"{number}.html").write_text(text)
    done = subprocess.run(
        [str(program), "--formatter", "json", *(f"{n}.html" for n in range(len(pages)))],
        cwd=folder, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    names = list(pages)
    said = json.loads(done.stdout) if done.stdout.strip() else []
    assert said or done.returncode == 0, done.stderr
    return [
        f"{names[int(Path(one['filePath']).stem)]}: line {m['line']}: {m['ruleId']}: {m['message']}"
        for one in said
        for m in one["messages"]
    ]


def test_every_kind_of_page_is_valid(site: Site, window: Callable[..., Any], tmp_path: Path) -> None:
    """As the server sends them, before any script."""
    npm_package("html-validate")
    pages: dict[str, str] = {}
    for name in PAGES:
        page = window(reader(name), java_script_enabled=False)
        answers: list[Any] = []
        page.on("response", lambda one, kept=answers: kept.append(one) if one.request.is_navigation_request() else None)
        go(site, page, name)
        final = [one for one in answers if one.status not in (302, 303)]
        pages[name] = final[-1].text()
    assert validated(tmp_path, pages) == []


def test_the_validator_would_find_something(tmp_path: Path) -> None:
    text = '<!doctype html><html lang="en"><head><title>x</title></head><body><p><div>x</div></p></body></html>'
    found = validated(tmp_path, {"wrong": text})
    assert any("close" in one or "permitted" in one for one in found)


@pytest.mark.timeout(300)
def test_hostile_mails_give_valid_pages(tmp_path: Path) -> None:
    from listserv.mail.body import render
    from listserv.mail.message import parse
    from tests.data.hostile import XSS

    npm_package("html-validate")
    head = '<!doctype html><html lang="en"><head><title>x</title></head><body><h1>x</h1><main>'
    pages = {
        name: f"{head}<div>{render(parse(raw), files_at='../a/x/').html}</div></main></body></html>"
        for name, raw in XSS
    }
    harmless = ("wcag/h30", "wcag/h37", "text-content", "no-redundant-for", "prefer-tbody", "wcag/h63", "empty-heading")
    said = [one for one in validated(tmp_path, pages) if not any(rule in one for rule in harmless)]
    assert said == []
