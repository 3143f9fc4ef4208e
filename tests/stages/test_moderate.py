"""Holds and their decisions: notices to every moderator, replies that count and replies that do not."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from listserv import moderate
from listserv.context import Context
from listserv.mail.message import normalise
from listserv.moderate import By
from tests.conftest import NOW, community
from tests.house import Written, copies_of, notices, put, rows, scalar, work
from tests.people import mail, seed

REPLIES = Path(__file__).parent.parent / "data" / "replies"


def hold(ctx: Context) -> list[Written]:
    """A newcomer's post to anxiety is held; the notices to its moderators."""
    seed(ctx)
    put(ctx, mail("nia@people.test", "anxiety@lists.test"), "anxiety@lists.test", sender="nia@people.test")
    work(ctx)
    return notices(ctx, "held")


def reply(ctx: Context, notice: Written, words: str, *, who: str | None = None, **headers: str) -> None:
    who = who or notice.recipient
    raw = mail(
        who,
        notice.reply_to,
        f"Re: {notice.subject}",
        words,
        message_id=f"<{abs(hash((who, words)))}@r.test>",
        **headers,
    )
    put(ctx, raw, notice.reply_to, sender=who)
    work(ctx)


def state(ctx: Context) -> str:
    return str(scalar(ctx, "SELECT state FROM post"))


def test_every_moderator_gets_a_notice_of_their_own_with_all_that_is_needed(ctx: Context) -> None:
    found = hold(ctx)
    assert [notice.recipient for notice in found] == ["mia@people.test", "max@people.test"]
    assert len({notice.reply_to for notice in found}) == 2
    for notice in found:
        assert notice.subject == "[anxiety] held: A question"
        assert "nia@people.test" in notice.text and "first two posts are looked at" in notice.text
        assert "What would you do?" in notice.text and "approve" in notice.text
        assert b"Content-Type: message/rfc822" in notice.raw
        assert notice.reply_to.startswith("anxiety-moderate+")
    assert [n.recipient for n in notices(ctx, "held-author")] == ["nia@people.test"]
    stored = {row.hash for row in rows(ctx, "SELECT hash FROM token")}
    assert not any(notice.reply_to.partition("+")[2].partition("@")[0] in stored for notice in found)


def test_approve_sends_it_out_and_tells_the_author(ctx: Context) -> None:
    reply(ctx, hold(ctx)[0], "approve\n\nOn Monday, Anxiety wrote:\n> reject <reason>\n")
    assert state(ctx) == "released"
    assert copies_of(ctx) == [
        "ann@people.test",
        "ben@people.test",
        "max@people.test",
        "mia@people.test",
        "nia@people.test",
    ]
    assert [n.subject for n in notices(ctx, "decided-author")] == ["Your post is on its way: A question"]
    assert scalar(ctx, "SELECT approved_posts FROM person WHERE name = 'Nia New'") == 1


def test_reject_gives_the_author_the_reason(ctx: Context) -> None:
    reply(ctx, hold(ctx)[0], "reject Please leave out\nthe name of the clinic.\n")
    assert state(ctx) == "rejected" and copies_of(ctx) == []
    (told,) = notices(ctx, "decided-author")
    assert told.recipient == "nia@people.test" and "the name of the clinic." in told.text


def test_discard_drops_it(ctx: Context) -> None:
    reply(ctx, hold(ctx)[0], "Discard.\n")
    assert state(ctx) == "discarded" and copies_of(ctx) == []


@pytest.mark.parametrize(
    "words", ["", "> approve\n", "maybe approve\n", "do not approve\n", "aprove\n", "approve or reject?\n"]
)
def test_an_empty_or_unclear_reply_decides_nothing_and_explains(ctx: Context, words: str) -> None:
    reply(ctx, hold(ctx)[0], words)
    assert state(ctx) == "held"
    (told,) = notices(ctx, "unclear")
    assert told.recipient == "mia@people.test" and "approve" in told.text


@pytest.mark.parametrize(
    "headers", [{"Auto_Submitted": "auto-replied"}, {"Precedence": "junk"}, {"X_Autoreply": "yes"}]
)
def test_an_automatic_reply_decides_nothing_and_is_not_answered(ctx: Context, headers: dict[str, str]) -> None:
    before = hold(ctx)
    reply(ctx, before[0], "approve\n", **headers)
    assert state(ctx) == "held"
    assert len(notices(ctx)) == len(before) + 1


@pytest.mark.parametrize("who", ["max@people.test", "ann@people.test", "sam@elsewhere.test"])
def test_a_forwarded_notice_gives_nobody_power(ctx: Context, who: str) -> None:
    reply(ctx, hold(ctx)[0], "approve\n", who=who)
    assert state(ctx) == "held"


def test_a_made_up_token_does_nothing(ctx: Context) -> None:
    hold(ctx)
    to = f"anxiety-moderate+{'a' * 26}@lists.test"
    put(ctx, mail("mia@people.test", to, text="approve\n"), to, sender="mia@people.test")
    assert state(ctx) == "held"
    assert "belongs to another question" in notices(ctx, "unclear")[0].text


def test_whoever_comes_second_is_told_once_who_was_first(ctx: Context) -> None:
    mia, max_ = hold(ctx)
    reply(ctx, mia, "approve\n")
    reply(ctx, max_, "reject off topic\n")
    reply(ctx, max_, "reject off topic!\n")
    reply(ctx, max_, "hello?\n")
    (told,) = notices(ctx, "already")
    assert told.recipient == "max@people.test" and "Mia Moss has approved it" in told.text
    assert scalar(ctx, "SELECT count(*) FROM decision") == 1


def test_who_moderates_no_more_decides_no_more(ctx: Context) -> None:
    mia, _ = hold(ctx)
    with ctx.db.transaction() as tx:
        tx.execute(text("DELETE FROM role WHERE list_name = 'anxiety' AND person_id = (SELECT person_id FROM address "
                        "WHERE canonical = 'mia@people.test')"))  # fmt: skip
    reply(ctx, mia, "approve\n")
    assert state(ctx) == "held"


def test_no_approval_saves_an_author_who_was_banned_meanwhile(ctx: Context) -> None:
    mia, _ = hold(ctx)
    with ctx.db.transaction() as tx:
        tx.execute(text("UPDATE person SET status = 'banned' WHERE name = 'Nia New'"))
    reply(ctx, mia, "approve\n")
    assert state(ctx) == "held" and "cannot be approved" in notices(ctx, "unclear")[0].text


def test_an_approval_can_be_taken_back_within_the_delay(make_context: Callable[..., Context]) -> None:
    moment = [NOW]
    lists = {"anxiety": {"moderation": "all", "approval_delay": "2min"}, "perinatal": {}, "news": {}}
    ctx = make_context(community(lists=lists), clock=lambda: moment[0])
    mia, max_ = hold(ctx)
    reply(ctx, mia, "approve\n")
    assert state(ctx) == "accepted" and copies_of(ctx) == []
    assert "Reply `undo`" in notices(ctx, "approved")[0].text
    reply(ctx, mia, "undo\n")
    assert state(ctx) == "held"
    reply(ctx, max_, "approve\n")
    moment[0] += timedelta(minutes=3)
    work(ctx)
    assert state(ctx) == "released" and copies_of(ctx)
    reply(ctx, max_, "undo\n")
    assert state(ctx) == "released"


def test_a_notice_is_good_for_thirty_days(make_context: Callable[..., Context]) -> None:
    moment: list[datetime] = [NOW]
    ctx = make_context(clock=lambda: moment[0])
    mia, _ = hold(ctx)
    moment[0] += timedelta(days=31)
    reply(ctx, mia, "approve\n")
    assert state(ctx) == "held"
    assert "not valid any more" in notices(ctx, "unclear")[0].text


def test_with_nothing_proved_no_reply_decides(make_context: Callable[..., Context]) -> None:
    ctx = make_context(community(authentication={"unverified": "hold"}))
    mia, _ = hold(ctx)
    reply(ctx, mia, "approve\n")
    assert state(ctx) == "held"
    assert "nothing proves" in notices(ctx, "unclear")[0].text


def test_when_nobody_moderates_the_contact_hears_of_it(ctx: Context) -> None:
    seed(ctx)
    with ctx.db.transaction() as tx:
        tx.execute(text("DELETE FROM role"))
    put(ctx, mail("nia@people.test", "anxiety@lists.test"), "anxiety@lists.test", sender="nia@people.test")
    work(ctx)
    (told,) = notices(ctx, "held-contact")
    assert told.recipient == "facilitators@people.test" and "listserv approve" in told.text


def test_the_shell_decides_at_once_and_only_once(ctx: Context) -> None:
    hold(ctx)
    number = int(scalar(ctx, "SELECT id FROM post"))
    operator = By("the operator", "shell")
    with ctx.db.transaction() as tx:
        assert moderate.decide(ctx, tx, number, "approve", operator).done
    with ctx.db.transaction() as tx:
        second = moderate.decide(ctx, tx, number, "discard", operator)
        assert not second.done and "the operator has approved it" in second.words
        assert not moderate.decide(ctx, tx, 999, "approve", operator).done


def _suite() -> list[dict[str, str]]:
    with (REPLIES / "index.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("case", _suite(), ids=lambda case: case["file"])
def test_the_replies_of_real_clients_decide_what_they_say(
    case: dict[str, str], make_context: Callable[..., Context]
) -> None:
    """The suite of client replies through the whole door: only its From is made the moderator's."""
    ctx = make_context()
    mia, _ = hold(ctx)
    raw = normalise((REPLIES / case["file"]).read_bytes())
    head, gap, body = raw.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"from:", b"list-id:"))]
    put(ctx, b"\r\n".join([b"From: mia@people.test", *lines]) + gap + body, mia.reply_to, sender="mia@people.test")
    wanted = {"approve": "accepted", "reject": "rejected", "discard": "discarded"}.get(case["verb"], "held")
    if wanted != "held" and b"auto-submitted" in head.lower():
        wanted = "held"
    assert state(ctx) == wanted


def test_the_author_hears_why_in_words_meant_for_them(ctx: Context) -> None:
    seed(ctx)
    put(ctx, mail("nia@people.test", "anxiety@lists.test"), "anxiety@lists.test")
    work(ctx)
    (told,) = notices(ctx, "held-author")
    assert "You are new here, welcome!" in told.text and "The author is new" not in told.text


def test_a_reason_never_carries_the_address_that_decides(ctx: Context) -> None:
    seed(ctx)
    put(ctx, mail("nia@people.test", "anxiety@lists.test"), "anxiety@lists.test")
    work(ctx)
    address = notices(ctx, "held", "max@people.test")[0].reply_to
    answer = mail("max@people.test", address, "Re: held", f"reject see <{address}> please\n")
    put(ctx, answer, address, sender="max@people.test")
    (told,) = notices(ctx, "decided-author")
    assert "see <[address]> please" in told.text and address not in told.text
