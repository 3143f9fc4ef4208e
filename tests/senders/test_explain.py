"""`explain` says beforehand what happens, in every situation and for the whole SPF suite; nothing is stored or sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from listserv.cli import app
from listserv.context import open_context
from listserv.settings import load
from tests.conftest import community
from tests.dns_server import NameServer, name_server
from tests.edges.test_spf_suite import SCENARIOS, _load
from tests.people import mail
from tests.senders.test_situations import CASES, Case, _people
from tests.senders.world import zone

SAYS = {
    "posted": "accept",
    "held": "hold",
    "asked": "confirm",
    "dropped": "discard",
    "refused": "reject",
    "later": "defer",
}


def explained(settings: Path, raw: bytes, *words: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, ["--settings", str(settings), "explain", *words, "--json"], input=raw)
    assert done.exit_code == 0, (done.output, done.exception)
    return list(json.loads(done.stdout))


@pytest.fixture(scope="module")
def dns() -> Iterator[NameServer]:
    with name_server(zone()) as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("explain")


def _settings(folder: Path, dns: NameServer, authentication: dict[str, Any]) -> Path:
    data = community(
        dns={"nameservers": [dns.address], "timeout": 1.5}, authentication={"unverified": "confirm", **authentication}
    )
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(data))
    return file


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_explain_says_what_happens(case: Case, dns: NameServer, folder: Path) -> None:
    file = _settings(folder, dns, case.authentication)
    if not (folder / "var" / "listserv.sqlite3").exists():
        ctx = open_context(load(file))
        _people(ctx)
        ctx.db.close()
    peer = () if case.trusted else ("--ip", case.ip, "--helo", case.helo)
    rows = explained(file, case.raw(), case.to, "--sender", case.sender, *peer)
    assert rows[0]["kind"] == "verdict"
    assert rows[0]["result"] == SAYS[case.outcome], rows
    assert {"spf", "dkim", "dmarc", "arc"} <= {row["kind"] for row in rows}
    assert all(set(row) == {"kind", "name", "result", "reason"} and row["reason"] for row in rows)
    ctx = open_context(load(file))
    with ctx.db.reading() as tx:
        from sqlalchemy import text

        stored = [tx.execute(text(f"SELECT count(*) FROM {table}")).scalar() for table in ("post", "arrival", "notice")]
    ctx.db.close()
    assert stored == [0, 0, 0]


@pytest.mark.parametrize("number", range(len(SCENARIOS)), ids=lambda number: SCENARIOS[number]["description"])
def test_the_spf_suite_through_explain(number: int, folder: Path) -> None:
    scenario, wrong = SCENARIOS[number], []
    with name_server() as server:
        _load(server, scenario["zonedata"])
        file = _settings(folder, server, {})
        for name, case in scenario["tests"].items():
            sender = case.get("mailfrom") or ""
            words = ("--ip", case["host"], "--helo", case["helo"], "--sender", sender)
            rows = explained(file, mail(), "perinatal@lists.test", *words)
            found = next(row["result"] for row in rows if row["kind"] == "spf")
            wanted = case["result"] if isinstance(case["result"], list) else [case["result"]]
            if found not in wanted:
                wrong.append((name, found, wanted))
    assert wrong == []
