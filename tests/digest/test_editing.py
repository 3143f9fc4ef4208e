"""Facilitators: a preview a day before, and what they answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from listserv.context import Context
from listserv.digest import editing, issuing
from listserv.digest.editing import read_orders
from tests.conftest import community
from tests.house import Written, notices, put, rows
from tests.letters import EARLY, MONDAY, Clock, facilitator, house, letters, post, reader
from tests.people import mail

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> Clock:
    return Clock(MONDAY - timedelta(hours=30))


@pytest.fixture
def ctx(make_context: Callable[..., Context], clock: Clock) -> Context:
    """Fay facilitates the community, Lou the list perinatal; Rita reads."""
    made = house(make_context, clock)
    lists = ("perinatal", "anxiety")
    reader(made, "ann@people.test", *lists, delivery="each", name="Ann Archer")
    fay = reader(made, "fay@people.test", *lists, delivery="each", name="Fay Field")
    reader(made, "rita@people.test", *lists, name="Rita Reader")
    facilitator(made, fay)
    for number in range(4):
        to = "anxiety@lists.test" if number == 3 else "perinatal@lists.test"
        post(made, clock, EARLY + number * HOUR, f"Conversation {number}", f"Words of {number}.\n", to=to)
    return made


def previewed(ctx: Context, clock: Clock) -> Written:
    clock.now = MONDAY - timedelta(hours=23)
    assert editing.previews(ctx) == 1
    (found,) = notices(ctx, "digest-preview")
    return found


def answer(ctx: Context, preview: Written, text: str, sender: str = "fay@people.test") -> str:
    """Sends an answer; what came back."""
    before = len(notices(ctx))
    raw = mail(sender, preview.reply_to, f"Re: {preview.subject}", text)
    put(ctx, raw, preview.reply_to, sender=sender)
    after = notices(ctx)[before:]
    return after[0].text if after else ""


def number_of(preview: Written, subject: str) -> int:
    return next(int(line.split()[0]) for line in preview.text.splitlines() if line.endswith(subject))


def test_a_preview_comes_once_and_a_day_before(ctx: Context, clock: Clock) -> None:
    assert editing.previews(ctx) == 0
    preview = previewed(ctx, clock)
    assert preview.recipient == "fay@people.test"
    assert "Monday 23 November, 07:00" in preview.subject
    assert all(f"Conversation {number}" in preview.text for number in range(4))
    clock.now += HOUR
    assert editing.previews(ctx) == 0


def test_note_drop_and_lead(ctx: Context, clock: Clock) -> None:
    preview = previewed(ctx, clock)
    drop, lead = number_of(preview, "Conversation 0"), number_of(preview, "Conversation 3")
    text = (
        f"Hi,\n\nnote: What a week.\nThank you all.\n\nUntil soon, Fay\ncoming up: Case night, 3 December\n"
        f"drop {drop}\nlead {lead}\n\n> hold\n"
    )
    said = answer(ctx, preview, text)
    assert "What a week." in said and "Case night" in said
    assert f"First: {lead}  Conversation 3" in said and f"Left out: {drop}  Conversation 0" in said
    clock.now = MONDAY + timedelta(minutes=1)
    assert issuing.run(ctx).sent == 1
    (letter,) = letters(ctx)
    for form in (letter.text, letter.html):
        assert "What a week." in form and "Thank you all." in form and "Case night, 3 December" in form
        assert "Conversation 0" not in form
        assert form.index("Conversation 3") < form.index("Conversation 1")
    assert "has gone out" in notices_after(ctx, preview, "drop 1\n")


def notices_after(ctx: Context, preview: Written, text: str) -> str:
    answer(ctx, preview, text)
    return notices(ctx, "digest-edited")[-1].subject


def test_hold_and_send_now(ctx: Context, clock: Clock) -> None:
    preview = previewed(ctx, clock)
    assert "is held" in answer(ctx, preview, "hold\n")
    clock.now = MONDAY + HOUR
    assert issuing.run(ctx).sent == 0
    assert "goes out now" in notices_after(ctx, preview, "send now\n") or issuing.run(ctx).sent == 1
    issuing.run(ctx)
    assert len(letters(ctx)) == 1
    clock.now = MONDAY + timedelta(days=5)
    assert issuing.run(ctx).sent == 0


def test_a_held_letter_goes_out_after_three_days(ctx: Context, clock: Clock) -> None:
    preview = previewed(ctx, clock)
    answer(ctx, preview, "hold\n")
    clock.now = MONDAY + timedelta(days=2, hours=23)
    assert issuing.run(ctx).sent == 0
    clock.now = MONDAY + timedelta(days=3, hours=1)
    assert issuing.run(ctx).sent == 1


def test_sent_before_its_time_nothing_is_lost_or_told_twice(ctx: Context, clock: Clock) -> None:
    preview = previewed(ctx, clock)
    clock.now = MONDAY - timedelta(hours=20)
    assert "It goes out now" in answer(ctx, preview, "Send now!\n")
    assert issuing.run(ctx).sent == 1
    post(ctx, clock, MONDAY - timedelta(hours=10), "Said between", "Not lost.\n")
    clock.now = MONDAY + HOUR
    assert issuing.run(ctx).sent == 0
    clock.now = MONDAY + timedelta(days=7, hours=1)
    assert issuing.run(ctx).sent == 1
    first, second = letters(ctx)
    assert "Said between" not in first.text and "Said between" in second.text
    assert "Conversation 1" in first.text and "Conversation 1" not in second.text


def test_others_and_nonsense_change_nothing(ctx: Context, clock: Clock) -> None:
    preview = previewed(ctx, clock)
    assert answer(ctx, preview, "drop 1\n", sender="rita@people.test") == ""
    assert "Nothing was changed" in answer(ctx, preview, "This looks good, thank you so much\n")
    assert "no conversation 77" in answer(ctx, preview, "drop 77\n")
    away = mail("fay@people.test", preview.reply_to, "Away", "hold\n", auto_submitted="auto-replied")
    put(ctx, away, preview.reply_to, sender="fay@people.test")
    row = rows(ctx, "SELECT held_until, dropped FROM edition")[0]
    assert row.held_until is None and row.dropped in ("[]", [])


def test_a_list_with_its_own_day_has_its_own_facilitator(make_context: Callable[..., Context], clock: Clock) -> None:
    lists = community()["lists"]
    lists["perinatal"]["digest"] = {"day": "friday", "time": "18:00"}
    ctx = house(make_context, clock, lists=lists)
    reader(ctx, "ann@people.test", "perinatal", "anxiety", delivery="each")
    lou = reader(ctx, "lou@people.test", "perinatal", delivery="each", name="Lou")
    facilitator(ctx, lou, "perinatal")
    reader(ctx, "one@people.test", "perinatal", "anxiety", digest_per_list=True)
    reader(ctx, "all@people.test", "perinatal", "anxiety")
    post(ctx, clock, EARLY + HOUR, "On the list", "Words.\n")
    post(ctx, clock, EARLY + HOUR, "On the other", "Words.\n", to="anxiety@lists.test")
    friday = MONDAY - timedelta(days=2, hours=13)  # 18:00 in Sydney
    clock.now = friday - HOUR
    assert editing.previews(ctx) == 1
    (preview,) = notices(ctx, "digest-preview")
    assert "On the list" in preview.text and "On the other" not in preview.text
    assert "Friday 20 November, 18:00" in preview.text
    answer(ctx, preview, "note: For this list alone.\n", sender="lou@people.test")
    clock.now = friday + timedelta(minutes=1)
    issuing.run(ctx)
    (letter,) = letters(ctx)
    assert letter.to == "one@people.test" and "For this list alone." in letter.text
    assert letter.subject.startswith("Perinatal mental health: ")
    clock.now = MONDAY + timedelta(minutes=1)
    issuing.run(ctx)
    assert sorted(one.to for one in letters(ctx)) == ["all@people.test", "one@people.test", "one@people.test"]
    assert "For this list alone." not in letters(ctx, "all@people.test")[0].text


@pytest.mark.parametrize(
    ("text", "drop", "keep", "lead", "hold", "send"),
    [
        ("drop 3", [3], [], [], False, False),
        ("Drop 3, 4 and 7.", [3, 4, 7], [], [], False, False),
        ("drop #2\nkeep 5\nlead 1", [2], [5], [1], False, False),
        ("hold", [], [], [], True, False),
        ("Hold please", [], [], [], True, False),
        ("send now", [], [], [], False, True),
        ("hold\nsend now", [], [], [], False, True),
        ("drop everything you are doing", [], [], [], False, False),
        ("I would lead with 5 of them", [], [], [], False, False),
    ],
)
def test_orders(text: str, drop: list[int], keep: list[int], lead: list[int], hold: bool, send: bool) -> None:
    orders = read_orders(text)
    assert (orders.drop, orders.keep, orders.lead, orders.hold, orders.send) == (drop, keep, lead, hold, send)
