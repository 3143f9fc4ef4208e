"""Emergency moderation: each post waits, the end comes by itself, every moderator knows, letters wait and come once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from listserv import archiver, audit, emergency, housekeeping, incidents
from listserv.context import Context
from listserv.digest import asking, issuing
from listserv.recall import By
from listserv.settings import HUB
from tests import archives
from tests.conftest import NOW, community
from tests.house import copies_of, notices, put, rows, scalar, work
from tests.letters import Clock
from tests.people import add_person, mail, seed

OPERATOR = By("the operator", "shell", proof="shell of this machine")
ID = "<a-case@people.test>"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def ctx(request: pytest.FixtureRequest, make_context: Callable[..., Context], clock: Clock) -> Context:
    more = {} if request.param == "sqlite" else {"database": request.getfixturevalue("postgresql")}
    made = make_context(community(**more), clock=clock)
    seed(made)
    return made


def say(ctx: Context, words: str, *, sender: str = "mia@people.test", to: str = "perinatal-request@lists.test",
        subject: str = "") -> str:  # fmt: skip
    """A command by mail; what its answer says."""
    before = len(notices(ctx, "commands", sender))
    identity = f"<{abs(hash((words, sender, to, before, ctx.clock()))):x}@people.test>"
    put(ctx, mail(sender, to, subject, words, message_id=identity), to, sender=sender)
    work(ctx)
    return "\n".join(one.text for one in notices(ctx, "commands", sender)[before:])


def state_of_post(ctx: Context, subject: str, to: str = "perinatal@lists.test") -> str:
    put(ctx, mail("ann@people.test", to, subject), to)
    work(ctx)
    return str(scalar(ctx, "SELECT state FROM post WHERE subject = :s", s=subject))


def told(ctx: Context) -> list[str]:
    return sorted(one.recipient for one in notices(ctx, "emergency"))


def test_on_and_off_by_mail_and_by_another_moderator(ctx: Context) -> None:
    assert state_of_post(ctx, "Before") == "released"
    said = say(ctx, "emergency on A row about a study\n")
    assert "waits for a moderator now, until Tuesday 24 November 2026" in said
    assert told(ctx) == ["max@people.test", "mia@people.test"]
    assert "A row about a study" in notices(ctx, "emergency")[0].text
    assert state_of_post(ctx, "During") == "held" and state_of_post(ctx, "Elsewhere", "news@lists.test") != "held"
    assert scalar(ctx, "SELECT begun_by FROM emergency") == "Mia Moss"
    assert "as usual again" in say(ctx, "emergency off\n", sender="max@people.test")
    assert len(told(ctx)) == 4 and state_of_post(ctx, "After") == "released"
    assert scalar(ctx, "SELECT state FROM post WHERE subject = 'During'") == "held"
    assert "is not on" in say(ctx, "emergency off\n")
    with ctx.db.reading() as tx:
        log = [(one["event"], one["who"], one["proof"]) for one in audit.entries(tx) if "emergency" in one["event"]]
    assert [one[:2] for one in log] == [("emergency-on", "Mia Moss"), ("emergency-off", "Max Marsh")]
    assert all(one[2] for one in log)


def test_a_notice_is_answered_to_end_it(ctx: Context) -> None:
    say(ctx, "emergency on A row\n")
    notice = notices(ctx, "emergency", "max@people.test")[0]
    assert "as usual" in say(ctx, "emergency off\n", sender="max@people.test", to=notice.reply_to,
                             subject=f"Re: {notice.subject}")  # fmt: skip


@pytest.mark.parametrize("sender", ["ann@people.test", "sue@people.test"])
def test_members_cannot(ctx: Context, sender: str) -> None:
    assert "Only moderators" in say(ctx, "emergency on Because\n", sender=sender)
    assert rows(ctx, "SELECT id FROM emergency") == []


def test_all_lists_at_once(ctx: Context) -> None:
    say(ctx, "emergency on for 3 days: a leak\n", to="community-request@lists.test")
    assert state_of_post(ctx, "One") == "held" and state_of_post(ctx, "Two", "anxiety@lists.test") == "held"
    assert scalar(ctx, "SELECT list_name FROM emergency") == HUB
    assert "every list" in notices(ctx, "emergency")[0].subject


def test_it_ends_at_its_time_and_that_is_told_once(ctx: Context, clock: Clock) -> None:
    with ctx.db.transaction() as tx:
        emergency.begin(ctx, tx, "perinatal", OPERATOR, "A row", timedelta(hours=2))
    clock.now = NOW + timedelta(hours=1, minutes=59)
    asyncio.run(housekeeping.watch_moderation(ctx))
    assert state_of_post(ctx, "Still") == "held" and len(told(ctx)) == 2
    clock.now = NOW + timedelta(hours=2)
    assert state_of_post(ctx, "Over") == "released", "the rule looks at the clock, not at the calendar"
    for _ in range(2):
        asyncio.run(housekeeping.watch_moderation(ctx))
    assert len(told(ctx)) == 4 and "ended by itself" in notices(ctx, "emergency")[-1].text
    assert rows(ctx, "SELECT id FROM emergency") == []


def test_a_letter_that_is_due_waits_and_goes_out_once(ctx: Context, clock: Clock) -> None:
    with ctx.db.transaction() as tx:
        add_person(tx, "lea@people.test", name="Lea Letter", lists=("perinatal", "anxiety"), delivery="weekly")
        add_person(tx, "leo@people.test", name="Leo Letter", lists=("anxiety",), delivery="weekly")
        tx.execute(text("UPDATE subscription SET delivery_since = :t WHERE delivery = 'weekly'"),
                   {"t": NOW.replace(tzinfo=None) - timedelta(days=7)})  # fmt: skip
    archives.post(ctx, "A question of sleep", "What helps?\n")
    put(ctx, mail("ann@people.test", "anxiety@lists.test", "A question of calm"), "anxiety@lists.test")
    work(ctx)
    archiver.build(ctx)
    clock.now = NOW + timedelta(days=6, hours=2)
    with ctx.db.transaction() as tx:
        emergency.begin(ctx, tx, "perinatal", OPERATOR, "A row")
    clock.now = NOW + timedelta(days=6, hours=14)
    issuing.run(ctx)
    assert [one.recipient for one in notices(ctx, "digest")] == ["leo@people.test"]
    clock.now = NOW + timedelta(days=7, hours=3)
    issuing.run(ctx)
    issuing.run(ctx)
    found = notices(ctx, "digest")
    assert [one.recipient for one in found] == ["leo@people.test", "lea@people.test"]
    assert "A question of sleep" in found[1].text and "A question of calm" in found[1].text


def test_a_letter_that_somebody_asks_for_waits_too(ctx: Context, clock: Clock) -> None:
    archives.post(ctx, "A question of sleep", "What helps?\n")
    archiver.build(ctx)
    with ctx.db.transaction() as tx:
        emergency.begin(ctx, tx, "perinatal", OPERATOR, "A row")
    clock.now = NOW + timedelta(hours=1)
    told_ = say(ctx, "digest now", sender="ben@people.test")
    assert "follows when" in " ".join(told_.split())
    assert asking.run(ctx) == 0 and notices(ctx, "digest") == []
    assert "in a minute" in say(ctx, "digest now", sender="ben@people.test", to="anxiety-request@lists.test")
    clock.now = NOW + timedelta(hours=25)
    assert asking.run(ctx) > 0
    (letter,) = notices(ctx, "digest", "ben@people.test")
    assert "A question of sleep" in letter.text
    assert asking.run(ctx) == 0


@pytest.mark.parametrize(("words", "life", "reason"), [
    ("A row", timedelta(hours=24), "A row"),
    ("for 3 days: A row", timedelta(days=3), "A row"),
    ("12h A row", timedelta(hours=12), "A row"),
    ("A row for 2 hours", timedelta(hours=2), "A row"),
    ("A row about 3 days of leave", timedelta(hours=24), "A row about 3 days of leave"),
    ("for 400 days A row", None, "A row"),
    ("", timedelta(hours=24), ""),
])  # fmt: skip
def test_for_how_long_and_why(words: str, life: timedelta | None, reason: str) -> None:
    assert emergency.read_wish(words) == (life, reason)


# --- recall by mail ----------------------------------------------------------------------------------------------


def test_a_moderator_takes_a_post_back_by_mail(ctx: Context) -> None:
    archives.post(ctx, "A case", "Too much.\n", message_id=ID)
    said = say(ctx, f"recall {ID} A place was named\n")
    assert "Taken back from perinatal." in said and "Incident 1 is open" in said
    assert scalar(ctx, "SELECT state FROM post") == "recalled"
    assert "A place was named" in notices(ctx, "recalled-author")[0].text
    with ctx.db.reading() as tx:
        entry = audit.entries(tx)[-1]
        assert incidents.listed(tx)[0]["by"] == "Mia Moss"
    assert (entry["event"], entry["who"], entry["channel"]) == ("recall", "Mia Moss", "mail") and entry["proof"]


@pytest.mark.parametrize(("sender", "words"), [
    ("ben@people.test", f"recall {ID} Because\n"), ("mia@people.test", f"recall {ID}\n"),
    ("mia@people.test", "recall <nothing@people.test> Because\n"), ("mia@people.test", "recall\n"),
])  # fmt: skip
def test_what_does_not_take_it_back(ctx: Context, sender: str, words: str) -> None:
    archives.post(ctx, "A case", "Too much.\n", message_id=ID)
    assert "recall" in say(ctx, words, sender=sender)
    assert scalar(ctx, "SELECT state FROM post") == "released" and len(copies_of(ctx)) == 4
