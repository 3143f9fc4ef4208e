"""What came back: who is counted, when, and what follows; forged, malformed and automatic mail changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import text

from listserv import bounces
from listserv.context import Context
from listserv.tokens import capability
from tests.conftest import NOW, community
from tests.house import notices, put, rows, work
from tests.letters import Clock
from tests.mail.test_dsn import dsn
from tests.people import add_person, mail, seed

GONE = dsn("postfix", "5.1.1", "550 5.1.1 <x>: User unknown")
FULL = dsn("postfix", "5.2.2", "552 5.2.2 mailbox full")
SPAM = dsn("postfix", "5.7.1", "554 5.7.1 blocked as spam")


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def ctx(request: pytest.FixtureRequest, make_context: Callable[..., Context], clock: Clock) -> Context:
    changes = {} if request.param == "sqlite" else {"database": request.getfixturevalue("postgresql")}
    made = make_context(community(**changes), clock=clock)
    seed(made)
    return made


def delivered(ctx: Context, to: str, number: int = 0) -> int:
    """A post to perinatal; the delivery of its copy to somebody."""
    subject = f"Post {number} {ctx.clock():%d%H%M}"
    put(
        ctx,
        mail("mia@people.test", subject=subject, message_id=f"<{subject.replace(' ', '')}@x>"),
        sender="mia@people.test",
    )
    work(ctx)
    query = (
        "SELECT d.id FROM delivery d JOIN post p ON p.id = d.post_id WHERE d.recipient = :to ORDER BY d.id DESC LIMIT 1"
    )
    found = rows(ctx, query, to=to)
    return int(found[0].id) if found else 0


def back(ctx: Context, delivery: int, raw: bytes, token: str | None = None) -> None:
    """A bounce to the return path of a delivery."""
    tag = token or capability(ctx.keys.verp, delivery)
    (reply,) = put(ctx, raw, f"perinatal-bounces+{tag}@lists.test", sender="")
    assert reply.code == 250


def score(ctx: Context, email: str = "ben@people.test") -> float:
    return float(rows(ctx, "SELECT bounce_score FROM address WHERE email = :email", email=email)[0].bounce_score)


def status(ctx: Context, email: str = "ben@people.test") -> str:
    query = "SELECT p.status FROM person p JOIN address a ON a.person_id = p.id WHERE a.email = :email"
    return str(rows(ctx, query, email=email)[0].status)


def fails_for(ctx: Context, clock: Clock, days: int, raw: bytes = GONE, email: str = "ben@people.test") -> None:
    for day in range(days):
        back(ctx, delivered(ctx, email, day), raw)
        clock.now += timedelta(days=1)


def test_four_days_and_the_mail_rests(ctx: Context, clock: Clock) -> None:
    fails_for(ctx, clock, 3)
    assert (score(ctx), status(ctx)) == (3.0, "active")
    fails_for(ctx, clock, 1)
    assert (score(ctx), status(ctx)) == (4.0, "bouncing")
    (told,) = notices(ctx, "bounce-lost")
    assert told.recipient == "facilitators@people.test" and "User unknown" in told.text
    assert delivered(ctx, "ben@people.test", 9) < delivered(ctx, "ann@people.test", 10), "no copy any more"
    assert rows(ctx, "SELECT COUNT(*) AS n FROM subscription WHERE left_at IS NOT NULL")[0].n == 0, "never removed"


def test_one_a_day_and_only_the_gone(ctx: Context, clock: Clock) -> None:
    for number in range(6):
        back(ctx, delivered(ctx, "ben@people.test", number), GONE)
    assert score(ctx) == 1.0
    for raw in (FULL, SPAM, dsn("postfix", "4.4.1", "connection timed out", action="delayed")):
        clock.now += timedelta(days=1)
        back(ctx, delivered(ctx, "ben@people.test"), raw)
    assert score(ctx) == 1.0
    kinds = [row.kind for row in rows(ctx, "SELECT kind FROM bounce ORDER BY id")]
    assert kinds[-3:] == ["soft", "policy", "soft"]


def test_two_quiet_weeks_forget(ctx: Context, clock: Clock) -> None:
    fails_for(ctx, clock, 3)
    clock.now += timedelta(days=15)
    fails_for(ctx, clock, 1)
    assert score(ctx) == 1.0


def test_forged_and_malformed_bounces_count_for_nothing(ctx: Context) -> None:
    number = delivered(ctx, "ben@people.test")
    genuine = capability(ctx.keys.verp, number)
    other = capability(ctx.keys.unsubscribe, number)
    for token in ("a" * 24, other, genuine[:-1] + ("a" if genuine[-1] != "a" else "b"), "1", genuine[:10]):
        back(ctx, number, GONE, token)
    assert rows(ctx, "SELECT COUNT(*) AS n FROM bounce")[0].n == 0
    for raw in (b"", b"\r\n", b"\xff\xfe\x00", GONE[:200], b"Content-Type: multipart/report\r\n\r\n--"):
        back(ctx, number, raw)
    assert score(ctx) == 0.0 and rows(ctx, "SELECT COUNT(*) AS n FROM quarantine")[0].n == 0


def test_answers_of_machines_are_no_failure_and_go_to_nobody(ctx: Context) -> None:
    number = delivered(ctx, "ben@people.test")
    away = mail(
        "ben@people.test", "x@lists.test", "Out of office", "I no longer work here.\n", auto_submitted="auto-replied"
    )
    back(ctx, number, away)
    assert score(ctx) == 0.0 and not notices(ctx, "bounce")
    back(ctx, number, mail("postmaster@people.test", "x@lists.test", "Delivery problem", "Something went wrong.\n"))
    assert notices(ctx, "bounce")[0].recipient == "facilitators@people.test", "what nobody understands, a person reads"


def test_another_address_takes_over(ctx: Context, clock: Clock) -> None:
    with ctx.db.transaction() as tx:
        add_person(tx, "two@old.test", name="Two", lists=("perinatal",), aliases=("two@new.test",))
    fails_for(ctx, clock, 4, email="two@old.test")
    assert status(ctx, "two@old.test") == "active"
    (told,) = notices(ctx, "bounce-moved")
    assert told.recipient == "two@new.test" and "two@old.test" in told.text
    assert delivered(ctx, "two@new.test", 9)


def test_a_post_that_many_refuse_is_at_fault(ctx: Context, clock: Clock) -> None:
    with ctx.db.transaction() as tx:
        for number in range(8):
            add_person(tx, f"m{number}@people.test", lists=("perinatal",))
    delivered(ctx, "m0@people.test")
    post = rows(ctx, "SELECT MAX(id) AS id FROM post")[0].id
    copies = rows(ctx, "SELECT id, recipient FROM delivery WHERE post_id = :post AND recipient LIKE 'm%'", post=post)
    for row in copies[:4]:
        back(ctx, row.id, GONE)
    assert score(ctx, copies[0].recipient) == 1.0
    back(ctx, copies[4].id, SPAM)
    assert all(score(ctx, row.recipient) == 0.0 for row in copies)
    back(ctx, copies[5].id, GONE)
    assert score(ctx, copies[5].recipient) == 0.0
    assert len(notices(ctx, "bounce-post")) == 1


def test_mail_from_the_address_mends_it(ctx: Context, clock: Clock) -> None:
    fails_for(ctx, clock, 4)
    assert status(ctx) == "bouncing"
    put(ctx, mail("ben@people.test", subject="I am here", message_id="<here@x>"), sender="ben@people.test")
    assert (status(ctx), score(ctx)) == ("active", 0.0)
    assert "reaches you again" in notices(ctx, "bounce-mended")[0].subject
    clock.now += timedelta(days=1)
    away = mail(
        "ben@people.test", "perinatal@lists.test", "Away", "x\n", auto_submitted="auto-replied", message_id="<a@x>"
    )
    fails_for(ctx, clock, 4)
    put(ctx, away, sender="ben@people.test")
    assert status(ctx) == "bouncing", "a machine's answer mends nothing"


def test_probes_weekly_and_what_they_find(ctx: Context, clock: Clock) -> None:
    fails_for(ctx, clock, 4)
    run: Any = lambda: ctx.db.submit(lambda tx: bounces.probe(ctx, tx)).result()  # noqa: E731
    assert run() == 1 and run() == 0
    probe = rows(ctx, "SELECT d.id FROM delivery d JOIN notice n ON n.id = d.notice_id WHERE n.kind = 'probe'")[0].id
    with ctx.db.transaction() as tx:
        tx.execute(text("UPDATE delivery SET state = 'sent' WHERE id = :id"), {"id": probe})
    back(ctx, probe, FULL)
    clock.now += timedelta(days=4)
    assert run() == 0 and status(ctx) == "bouncing"
    clock.now += timedelta(days=4)
    assert run() == 1 and len(notices(ctx, "probe")) == 2
    with ctx.db.transaction() as tx:
        tx.execute(text("UPDATE delivery SET state = 'sent' WHERE notice_id IS NOT NULL"))
    clock.now += timedelta(days=4)
    assert run() == 1 and status(ctx) == "active"


def test_what_the_relay_refuses_is_a_bounce_too(ctx: Context, clock: Clock) -> None:
    for day in range(4):
        number = delivered(ctx, "ben@people.test", day)
        with ctx.db.transaction() as tx:
            tx.execute(
                text("UPDATE delivery SET state = 'failed', finished_at = :at, last_reply = :r WHERE id = :id"),
                {"at": clock.now if not ctx.db.sqlite else clock.now.replace(tzinfo=None).isoformat(" "), "id": number,
                 "r": "550 5.1.1 <ben@people.test>: Recipient address rejected: User unknown"},
            )  # fmt: skip
        for _ in range(2):
            ctx.db.submit(lambda tx: bounces.look_at_refusals(ctx, tx)).result()
        clock.now += timedelta(days=1)
    assert (score(ctx), status(ctx)) == (4.0, "bouncing")
    assert rows(ctx, "SELECT COUNT(*) AS n FROM bounce")[0].n == 4


def test_a_complaint_is_recorded_and_removes_nobody(ctx: Context) -> None:
    raw = (
        b'Content-Type: multipart/report; boundary="b"\r\n\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\n'
        b"Feedback-Type: abuse\r\n\r\n--b--\r\n"
    )
    back(ctx, delivered(ctx, "ben@people.test"), raw)
    assert rows(ctx, "SELECT kind, counted FROM bounce")[0].kind == "complaint"
    assert "ben@people.test" in notices(ctx, "complaint")[0].subject and status(ctx) == "active"


def test_bounces_in_the_shell(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(yaml.safe_dump(community()))
    (tmp_path / "m.csv").write_text("email,lists,registration\nann@people.test,perinatal,PSY1\n")

    def run(*words: str, data: bytes = b"") -> Any:
        command = [sys.executable, "-m", "listserv", "--settings", str(settings), *words]
        return subprocess.run(command, input=data, capture_output=True, timeout=60)

    assert run("roster", "import", str(tmp_path / "m.csv")).returncode == 0
    assert b"Nothing has come back" in run("bounces", "ann@people.test").stdout
    assert run("bounces", "nobody@x.test").returncode == 1
    post = mail("ann@people.test", subject="Hello", message_id="<h@x>")
    assert run("inject", "--sender", "ann@people.test", "perinatal@lists.test", data=post).returncode == 0
    from listserv.context import open_context
    from listserv.settings import load

    ctx = open_context(load(settings))
    work(ctx)
    number = rows(ctx, "SELECT id FROM delivery WHERE post_id IS NOT NULL")[0].id
    tag = capability(ctx.keys.verp, number)
    ctx.db.close()
    assert run("inject", "--sender", "", f"perinatal-bounces+{tag}@lists.test", data=GONE).returncode == 0
    (row,) = json.loads(run("bounces", "ann@people.test", "--json").stdout)
    assert (row["address"], row["class"], row["status"], row["counted"]) == ("ann@people.test", "hard", "5.1.1", True)
    assert row["time"].endswith("Z")
    exported = json.loads(run("roster", "export", "--json").stdout)
    assert exported[0]["bounce_score"] == 1.0
    assert run("bounces", "reset", "ann@people.test").returncode == 0
    assert json.loads(run("roster", "export", "--json").stdout)[0]["bounce_score"] == 0.0
    assert run("bounces", "reset", "nobody@x.test").returncode == 1
