"""Running it: what `check` says of a mailbox, what /healthz shows, how the daemon starts and stops with one."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from listserv import quarantine
from listserv.context import Context
from listserv.intake import imap_check
from listserv.model import Outcome
from listserv.setup import Finding
from tests.conftest import community
from tests.daemon import free_port, running
from tests.house import rows, scalar
from tests.imap.dovecot import Dovecot
from tests.imap.fetching import house, mailbox, until
from tests.imap.odd_server import odd_server
from tests.people import mail, seed

Make = Callable[..., Context]


def said(make_context: Make, *boxes: dict[str, object]) -> list[Finding]:
    return imap_check.findings(make_context(house(*boxes)).settings)


def test_check_logs_in_looks_and_changes_nothing(server: Dovecot, make_context: Make) -> None:
    server.put(mail())
    findings = said(make_context, mailbox(server))
    assert [(one.level, one.subject) for one in findings] == [("ok", "intake.imap"), ("note", "intake.imap")]
    assert findings[0].words == "INBOX of lists@people.test can be read; 1 messages wait in it"
    assert "Processed, Refused, Quarantine are not there yet" in findings[1].words
    assert server.counts("INBOX", "Processed") == {"INBOX": 1, "Processed": 0}
    with server.client() as client:
        assert [name for _, _, name in client.list_folders()] == ["INBOX"]


def test_check_names_setting_value_and_fix(
    server: Dovecot, make_context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = said(make_context, mailbox(server, folder="Lists"), mailbox(server, port=free_port()))
    assert [(one.level, one.subject) for one in missing] == [
        ("problem", "intake.imap.0.folder"),
        ("problem", "intake.imap.1.host"),
    ]
    assert "'Lists' cannot be opened" in missing[0].words and "the folders are INBOX" in missing[0].words
    monkeypatch.setenv("IMAP_PASSWORD", "wrong pass word")
    (wrong,) = said(make_context, mailbox(server))
    assert (wrong.level, wrong.subject) == ("problem", "intake.imap.password_env")
    assert "IMAP_PASSWORD" in wrong.words and "is it the right one?" in wrong.words
    assert "wrong pass word" not in wrong.words


def test_check_says_what_a_server_cannot_do(make_context: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAP_PASSWORD", "secret")
    with odd_server(capability="IMAP4rev1 AUTH=PLAIN") as odd:
        box = {"host": "127.0.0.1", "port": odd.port, "tls": "none", "username": "u", "password_env": "IMAP_PASSWORD"}
        words = [one.words for one in said(make_context, box)]
    assert any("no IDLE), so it is looked for every 60 s" in one for one in words)
    assert any("neither MOVE nor UIDPLUS" in one for one in words)
    assert "CREATE" not in " ".join(odd.commands)


def test_check_warns_of_a_password_in_the_clear_and_says_what_proves_senders(make_context: Make) -> None:
    box = {"host": "imap.invalid", "tls": "none", "username": "u", "password_env": "IMAP_PASSWORD"}
    data = house(box, authentication={"unverified": "confirm"})
    found = {one.subject: one for one in imap_check.findings(make_context(data).settings)}
    assert "can read password and mail" in found["intake.imap.tls"].words
    assert found["intake.imap.host"].level == "problem"
    assert "proven by DKIM alone" in found["authentication.authserv_ids"].words


def test_a_community_that_has_only_a_mailbox(server: Dovecot, tmp_path: Path) -> None:
    """Post in, copies out, stopped in the middle of IDLE; nothing listens but the web side."""
    web = free_port()
    data = community(intake={"imap": mailbox(server)}, web={"listen": f"127.0.0.1:{web}"})
    with running(tmp_path, data, start=False) as (daemon, catcher):
        seed(daemon.ctx)
        server.put(mail())
        daemon.start()
        daemon.until(lambda: len(catcher.kept) == 4, what="four copies")
        health = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{web}/healthz", timeout=5).read())
        assert health["imap"] == ["ok"] and health["tasks"]["imap"] == "running"
        checked = daemon.command("check")
        assert b"INBOX of lists@people.test can be read; 0 messages wait" in checked.stdout
        began = time.monotonic()
        daemon.stop()
        assert time.monotonic() - began < 6
        assert not [line for line in daemon.lines if "imap" in line]


def test_a_mailbox_that_cannot_be_reached_keeps_nothing_else_from_starting(
    server: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web, port = free_port(), free_port()
    data = community(intake={"imap": mailbox(server, port=port)}, web={"listen": f"127.0.0.1:{web}"})
    with running(tmp_path, data) as (daemon, _):
        seed(daemon.ctx)
        assert daemon.send(mail(), "ann@people.test", "perinatal@lists.test")[0] == 250
        answer = urllib.request.urlopen(f"http://127.0.0.1:{web}/healthz", timeout=5)
        assert answer.status == 200 and json.loads(answer.read())["imap"] == ["cannot be reached"]
        until(lambda: any("cannot be reached: Connection refused" in line for line in daemon.lines))
        checked = daemon.command("check")
        assert checked.returncode == 1 and b"PROBLEM  intake.imap.host" in checked.stdout


def test_what_was_quarantined_is_retried_as_fetched_mail(
    server: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server of the mailbox found counts then as well."""
    trusted = {"unverified": "confirm", "authserv_ids": ["mx.people.test"]}
    data = community(intake={"imap": mailbox(server)}, authentication=trusted)
    data["dns"] = {"nameservers": ["127.0.0.1:9"], "timeout": 0.2}
    passed = b"Authentication-Results: mx.people.test; dmarc=pass header.from=people.test\r\n"
    with running(tmp_path, data, start=False) as (daemon, _):
        seed(daemon.ctx)
        from listserv.posts import Envelope

        envelope = Envelope("ann@people.test", "", "127.0.0.1", "IMAP", daemon.ctx.clock(), trusted=True)
        with daemon.ctx.db.transaction() as tx:
            number = quarantine.set_aside(tx, passed + mail(), envelope, ["perinatal@lists.test"], "accept", "x")
        done = daemon.command("quarantine", "retry", str(number))
        assert b"250" in done.stdout, done.stderr
        (post,) = rows(daemon.ctx, "SELECT proof, peer FROM post")
        assert (post.proof, post.peer) == ("DMARC of people.test, as mx.people.test found", "IMAP from 127.0.0.1")
        assert scalar(daemon.ctx, "SELECT count(*) FROM arrival") == 0


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_is_on_the_page_of_states(outcome: Outcome) -> None:
    assert outcome.upper() in (Path(__file__).parents[2] / "docs" / "states.md").read_text()
