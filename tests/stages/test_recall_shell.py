"""recall, incidents, emergency and audit as an operator uses them: with no terminal, with JSON, with exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import text

from listserv.context import Context
from tests import archives
from tests.conftest import community
from tests.people import seed

Shell = Callable[..., "subprocess.CompletedProcess[str]"]
ID = "<a-case@people.test>"


@pytest.fixture
def house(make_context: Callable[..., Context]) -> Context:
    ctx = make_context(community())
    seed(ctx)
    archives.post(ctx, "A case", "Too much.\n", message_id=ID)
    return ctx


@pytest.fixture
def shell(tmp_path: Path, house: Context) -> Shell:
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(community()))

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "listserv", "--settings", str(file), *words]
        return subprocess.run(command, input="", capture_output=True, text=True, timeout=120, cwd=tmp_path)

    return run


def said(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_post_is_taken_back_and_its_incident_closed(shell: Shell) -> None:
    assert shell("recall", "<no@people.test>", "--reason", "x").returncode == 1
    assert shell("recall", ID).returncode == 2
    refused = shell("recall", ID, "--reason", "x", "--as", "ben@people.test")
    assert refused.returncode == 1 and "no moderator" in refused.stderr and refused.stderr.count("\n") == 1
    done = shell("recall", ID, "--reason", "A place was named", "--as", "mia@people.test")
    assert done.returncode == 0 and "4 copies that waited are not sent." in done.stdout, done.stderr
    again = shell("recall", ID, "--reason", "A place was named")
    assert again.returncode == 1 and "perinatal: recalled" in again.stderr
    (row,) = said(shell("incidents", "--json"))
    assert (row["state"], row["by"], row["stopped"], row["lists"]) == ("open", "Mia Moss", 4, ["perinatal"])
    copies = said(shell("incidents", "export", "1"))["copies"]
    assert [one["recipient"] for one in copies if not one["possibly_arrived"]][:1] == ["ann@people.test"]
    assert shell("incidents", "close", "1", "--note", "Nobody can be recognised.").returncode == 0
    assert shell("incidents", "close", "1", "--note", "again").returncode == 1
    events = [(one["event"], one["who"]) for one in said(shell("audit", "--json"))]
    assert events == [("recall", "Mia Moss"), ("incident-close", "the operator")]
    assert "taken back" in shell("trace", ID).stdout


def test_emergency(shell: Shell) -> None:
    assert said(shell("emergency", "--json")) == []
    assert shell("emergency", "on", "nowhere", "--reason", "x").returncode == 1
    assert shell("emergency", "on", "perinatal").returncode == 2
    assert shell("emergency", "on", "perinatal", "--reason", "x", "--for", "soon").returncode == 1
    assert shell("emergency", "on", "perinatal", "--reason", "A row", "--for", "12h").returncode == 0
    assert shell("emergency", "on", "--reason", "A leak", "--as", "mia@people.test").returncode == 0
    assert [(one["list"], one["by"]) for one in said(shell("emergency", "--json"))] == [
        ("community", "Mia Moss"), ("perinatal", "the operator"),
    ]  # fmt: skip
    assert shell("emergency", "off").returncode == 0 and shell("emergency", "off").returncode == 1
    assert "perinatal" in shell("emergency").stdout


def test_the_log_is_read_and_verified(shell: Shell, house: Context) -> None:
    for _ in range(2):
        shell("emergency", "on", "perinatal", "--reason", "A row")
    table = shell("audit", "--list", "perinatal").stdout
    assert table.splitlines()[0].startswith("NUMBER") and table.count("emergency-on") == 2
    assert said(shell("audit", "--json", "--since", "2099-01-01")) == []
    assert shell("audit", "--since", "yesterday").returncode == 2
    good = shell("audit", "--verify")
    assert good.returncode == 0 and "2 entries" in good.stdout
    head = next(line for line in good.stdout.splitlines() if line.startswith("head: ")).removeprefix("head: ")
    assert shell("audit", "--verify", "--head", head).returncode == 0
    (row,) = said(shell("audit", "--verify", "--json"))
    assert row == {"verified": 2, "head": head, "broken": None, "words": row["words"]}
    with house.db.transaction() as tx:
        tx.execute(text("DROP TRIGGER audit_unremoved"))
        tx.execute(text("DELETE FROM audit WHERE id = 2"))
    cut = shell("audit", "--verify", "--head", head)
    assert cut.returncode == 1 and "after entry 1 was cut off" in cut.stderr
    assert shell("audit", "--verify").returncode == 0
    with house.db.transaction() as tx:
        tx.execute(text("DROP TRIGGER audit_unchanged"))
        tx.execute(text("UPDATE audit SET event = 'approve' WHERE id = 1"))
    broken = shell("audit", "--verify")
    assert broken.returncode == 1 and "entry 1 is not what was written" in broken.stderr
    assert shell("audit", "--verify", "--json").returncode == 1
