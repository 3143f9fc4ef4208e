"""What the clock does to held posts, and several of them in one mail, answered line by line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from listserv import moderate
from listserv.context import Context
from tests.conftest import NOW, community
from tests.house import Written, notices, put, rows, scalar, work
from tests.people import mail, seed

Clock = list[datetime]
PHONE = "Her mother rings her every night, from 02 7010 4418.\n"
LISTS = {
    "perinatal": {"title": "Perinatal mental health", "moderation": "none", "screening": "clinical"},
    "anxiety": {"title": "Anxiety", "moderation": "newcomers", "approval_delay": 0},
    "news": {"title": "News", "posting": "moderators", "moderation": "none"},
}


@pytest.fixture
def clock() -> Clock:
    return [NOW]


@pytest.fixture
def make(make_context: Callable[..., Context], clock: Clock) -> Callable[..., Context]:
    def made(**moderation: Any) -> Context:
        ctx = make_context(community(lists=LISTS, moderation=moderation), clock=lambda: clock[0])
        seed(ctx)
        return ctx

    return made


def post(ctx: Context, subject: str = "A question", words: str = PHONE) -> None:
    put(ctx, mail("ann@people.test", subject=subject, text=words), sender="ann@people.test")
    work(ctx)


def tick(ctx: Context, clock: Clock, **more: float) -> int:
    clock[0] += timedelta(**more)
    with ctx.db.transaction() as tx:
        return moderate.remind(ctx, tx)


def to(ctx: Context, kind: str) -> list[str]:
    return sorted(n.recipient.partition("@")[0] for n in notices(ctx, kind))


def reply(ctx: Context, notice: Written, words: str) -> None:
    raw = mail(notice.recipient, notice.reply_to, "Re: x", words, message_id=f"<{abs(hash(words))}@r.test>")
    put(ctx, raw, notice.reply_to, sender=notice.recipient)
    work(ctx)


def states(ctx: Context) -> list[str]:
    return [row.state for row in rows(ctx, "SELECT state FROM post ORDER BY id")]


def test_reminders_after_a_day_and_three_then_owners_then_back_to_the_author(
    make: Callable[..., Context], clock: Clock
) -> None:
    ctx = make()
    with ctx.db.transaction() as tx:
        tx.execute(text("INSERT INTO role (person_id, list_name, role) SELECT id, 'perinatal', 'owner' FROM person "
                        "WHERE name = 'Ben Bower'"))  # fmt: skip
    post(ctx)
    assert to(ctx, "held") == ["ben", "max", "mia"]
    assert tick(ctx, clock, hours=23) == 0
    assert tick(ctx, clock, hours=2) == 1 and to(ctx, "reminder") == ["ben", "max", "mia"]
    assert tick(ctx, clock, minutes=5) == 0
    tick(ctx, clock, hours=48)
    assert to(ctx, "reminder") == sorted(["ben", "max", "mia"] * 2)
    tick(ctx, clock, hours=73)
    assert to(ctx, "escalation") == ["ben", "facilitators"]
    assert tick(ctx, clock, days=5) == 0 and states(ctx) == ["held"]
    tick(ctx, clock, days=5)
    assert states(ctx) == ["expired"]
    told = notices(ctx, "decided-author")[-1]
    assert told.recipient == "ann@people.test" and "waited for 14 days" in told.text
    assert "[1: Phone number]" in told.text
    assert "expire" in [row.event for row in rows(ctx, "SELECT event FROM audit")]


def test_two_schedulers_tell_nobody_twice(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make()
    post(ctx)
    clock[0] += timedelta(hours=25)
    with ctx.db.transaction() as tx:
        moderate.remind(ctx, tx)
        moderate.remind(ctx, tx)
    assert to(ctx, "reminder") == ["max", "mia"]


def test_whoever_claimed_it_is_reminded_first(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make()
    post(ctx)
    reply(ctx, notices(ctx, "held", "max@people.test")[0], "claim\n")
    tick(ctx, clock, hours=25)
    assert to(ctx, "reminder") == ["max"]


def test_hold_keeps_reminders_away_for_three_days(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make()
    post(ctx)
    reply(ctx, notices(ctx, "held", "max@people.test")[0], "hold\n")
    assert tick(ctx, clock, hours=71) == 0
    assert tick(ctx, clock, hours=2) == 1


def test_what_was_decided_is_not_reminded_of(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make()
    post(ctx)
    reply(ctx, notices(ctx, "held", "max@people.test")[0], "discard\n")
    assert tick(ctx, clock, days=20) == 0


def test_on_call_first_everybody_after_a_while(make: Callable[..., Context], clock: Clock) -> None:
    rota = {"start": "2026-11-23", "people": ["max@people.test", "mia@people.test"]}
    ctx = make(rota=rota)
    post(ctx)
    assert to(ctx, "held") == ["max"]
    assert tick(ctx, clock, hours=11) == 0
    assert tick(ctx, clock, hours=2) == 1 and to(ctx, "held") == ["max", "mia"]
    assert tick(ctx, clock, hours=1) == 0


def test_danger_finds_whoever_is_on_call_and_soon_everybody(make: Callable[..., Context], clock: Clock) -> None:
    clock[0] = datetime(2026, 11, 28, 15, 0, tzinfo=UTC)  # two in the morning in Sydney
    rota = {"start": "2026-11-23", "people": ["max@people.test", "mia@people.test"]}
    ctx = make(rota=rota, quiet={"begin": "21:00", "end": "07:00"})
    post(ctx, words="My client says that he will kill himself tonight. He has a plan.\n")
    assert to(ctx, "held-urgent") == ["max"]
    assert scalar(ctx, "SELECT count(*) FROM delivery d JOIN notice n ON n.id = d.notice_id WHERE n.kind = "
                       "'held-urgent' AND d.next_attempt > n.created_at") == 0  # fmt: skip
    tick(ctx, clock, minutes=31)
    assert to(ctx, "held-urgent") == ["max", "mia"]


def test_quiet_hours_are_each_persons_own(make: Callable[..., Context], clock: Clock) -> None:
    clock[0] = datetime(2026, 11, 28, 15, 0, tzinfo=UTC)
    ctx = make(quiet={"begin": "21:00", "end": "07:00"})
    with ctx.db.transaction() as tx:
        tx.execute(text("UPDATE person SET timezone = 'Europe/Berlin' WHERE name = 'Max Marsh'"))
    post(ctx)
    query = ("SELECT d.recipient, d.next_attempt FROM delivery d JOIN notice n ON n.id = d.notice_id "
             "WHERE n.kind = 'held'")  # fmt: skip
    when = {row.recipient: str(row.next_attempt) for row in rows(ctx, query)}
    assert when["mia@people.test"].startswith("2026-11-28 20:00") and when["max@people.test"].startswith(
        "2026-11-28 15"
    )


def test_several_posts_in_one_mail_answered_line_by_line(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make(notices="hourly")
    for subject in ("First", "Second", "Third", "Fourth"):
        post(ctx, subject)
    assert to(ctx, "held") == [] and to(ctx, "held-author") == ["ann"] * 4
    assert tick(ctx, clock, minutes=61) == 4
    (mine,) = notices(ctx, "listing", "mia@people.test")
    assert mine.subject == "4 posts wait for you" and "2. Second" in mine.text and "found 1: Phone number" in mine.text
    assert "7010" not in mine.text
    quoted = "\n".join(f"> {line}" for line in mine.text.splitlines())
    lines = ("1 approve", "2. reject off topic,", "please ask in anxiety", "#3 aprove", "9 discard")
    words = "\n".join((*lines, "", "On Monday X wrote:", quoted, ""))
    reply(ctx, mine, words)
    assert states(ctx) == ["accepted", "rejected", "held", "held"]
    told = notices(ctx, "unclear")[-1].text
    for part in (
        "1. First",
        "goes out on",
        "2. Second",
        "rejected",
        "Did you mean `3 approve`",
        "no post with this number",
    ):
        assert part in " ".join(told.split())
    assert "please ask in anxiety" in notices(ctx, "decided-author")[-1].text
    reply(ctx, mine, "1 undo\n4 redact all\n")
    assert states(ctx) == ["held", "rejected", "held", "held"]
    assert "[redacted by moderator]" in notices(ctx, "redacted")[-1].text


def test_an_answer_without_numbers_does_nothing(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make(notices="daily")
    post(ctx)
    post(ctx, "Another", PHONE + "So?\n")
    tick(ctx, clock, hours=25)
    reply(ctx, notices(ctx, "listing", "mia@people.test")[0], "approve\n")
    assert states(ctx) == ["held", "held"] and "begins with the number" in notices(ctx, "unclear")[-1].text
    reply(ctx, notices(ctx, "listing", "mia@people.test")[0], "help\n")
    assert "recall <reason>" in notices(ctx, "unclear")[-1].text


def test_of_one_post_no_number_need_be_told(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make(notices="daily")
    post(ctx)
    tick(ctx, clock, hours=25)
    reply(ctx, notices(ctx, "listing", "mia@people.test")[0], "reject it is off topic\n")
    assert states(ctx) == ["rejected"]
    told = notices(ctx, "unclear")[-1]
    assert told.subject == "About the posts that wait: 1 of 1" and "rejected" in told.text


@pytest.mark.parametrize("words", ["I look at it later.\n\n", "1 reject it is off topic\n\n", ""])
@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_a_list_quoted_without_marks_decides_nothing_more(
    make: Callable[..., Context], clock: Clock, words: str, language: str
) -> None:
    ctx = make(notices="daily")
    with ctx.db.transaction() as tx:
        tx.execute(text("UPDATE person SET language = :it"), {"it": language})
    post(ctx, "approve")
    post(ctx, "approve", PHONE + "So?\n")
    tick(ctx, clock, hours=25)
    listed = notices(ctx, "listing", "mia@people.test")[0]
    assert "  1 approve" in listed.text
    reply(ctx, listed, words + listed.text)
    assert states(ctx) == ["rejected" if "reject" in words else "held", "held"]


def test_a_redaction_is_told_by_one_mail(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make(notices="daily")
    post(ctx)
    tick(ctx, clock, hours=25)
    before = len(notices(ctx))
    reply(ctx, notices(ctx, "listing", "mia@people.test")[0], "1 redact all\n")
    assert [one.kind for one in notices(ctx)[before:]] == ["redacted"]


def test_a_list_is_answered_by_its_reader_alone(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make(notices="hourly")
    post(ctx)
    tick(ctx, clock, hours=2)
    mine = notices(ctx, "listing", "mia@people.test")[0]
    put(ctx, mail("max@people.test", mine.reply_to, "x", "1 approve\n"), mine.reply_to, sender="max@people.test")
    put(ctx, mail("mia@people.test", mine.reply_to, "x", "1 approve\n", auto_submitted="auto-replied"),
        mine.reply_to, sender="mia@people.test")  # fmt: skip
    work(ctx)
    assert states(ctx) == ["held"]


def test_danger_does_not_wait_for_a_list(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make(notices="daily")
    post(ctx, words="My client says that he will kill himself tonight. He has a plan.\n")
    assert to(ctx, "held-urgent") == ["max", "mia"]
