"""Every word that moderators and authors may answer, in the replies of real mail clients, through the whole door.

The suite of client replies (tests/data/replies) says where a person's own words stand in what their client sends; in
these places other words are put here, of everything else not a letter is changed.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import Message as Mail
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text

from listserv import moderate, vault
from listserv.context import Context
from listserv.mail.message import normalise, parse
from listserv.mail.own_words import own_text
from listserv.mail.reply import answer_text, read_answer, read_answers
from listserv.mail.verbs import MODERATION_VERBS
from listserv.model import Address
from listserv.moderate.carrying import WITH_WORDS
from listserv.moderate.returning import AS_IS, VERBS
from tests.conftest import NOW, community
from tests.house import Written, notices, put, rows, scalar, work
from tests.people import mail, seed

REPLIES = Path(__file__).parent.parent / "data" / "replies"
with (REPLIES / "index.csv").open(newline="", encoding="utf-8") as _file:
    SHAPES = [row["file"] for row in csv.DictReader(_file) if row["verb"] == "approve"]
OWN = re.compile(r"\b(?:approve|ok|yes)\b!?|👍", re.I)  # what the people of these replies wrote
OWN_LINE = re.compile(rf"^(?!>)[ \t]*(?:{OWN.pattern})[^\r\n]*", re.I | re.M)

PHONES = ("02 7010 4418", "02 7010 4419", "02 7010 4420")
WORDS = f"She sleeps badly. Her mother rings: {PHONES[0]}, her\nsister from {PHONES[1]}, an aunt from {PHONES[2]}.\n"
MEDICARE = "2123 45670 1"
MENDED = "A woman in her forties sleeps badly since the birth. What would you try first?"
LISTS = {
    "perinatal": {"title": "Perinatal", "moderation": "none", "screening": "clinical", "approval_delay": 0},
    "anxiety": {"title": "Anxiety", "moderation": "newcomers", "approval_delay": 0},
    "news": {"title": "News", "posting": "moderators", "moderation": "none"},
}  # fmt: skip


def rewritten(shape: str, words: str) -> Mail:
    """The reply of that client, with these words in the place of its person's own."""
    found: Mail = message_from_bytes((REPLIES / shape).read_bytes(), policy=policy.compat32)
    places = 0
    for part in found.walk():
        if part.get_content_maintype() != "text":
            continue
        raw = part.get_payload(decode=True)
        assert isinstance(raw, bytes)
        old = raw.decode(part.get_content_charset() or "ascii")
        html = part.get_content_subtype() == "html"
        own, new = (OWN, words.replace("\n", "<br>")) if html else (OWN_LINE, words)
        text_, count = own.subn(lambda _, new=new: new, old, count=1)  # type: ignore[misc]
        places += count
        del part["content-transfer-encoding"]
        part.set_payload(text_, "utf-8")
    assert places >= 1, shape
    return found


def sent(shape: str, words: str, who: str, to: str) -> bytes:
    """The same as `who` sends it to that address."""
    found = rewritten(shape, words)
    found.replace_header("From", who)
    found.replace_header("To", to)
    del found["list-id"]
    return normalise(found.as_bytes())


@pytest.fixture
def clock() -> list[datetime]:
    return [NOW]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def both(request: pytest.FixtureRequest, make_context: Callable[..., Context], clock: list[datetime]) -> Context:
    more = {} if request.param == "sqlite" else {"database": request.getfixturevalue("postgresql")}
    return _seeded(make_context, clock, **more)


@pytest.fixture
def ctx(make_context: Callable[..., Context], clock: list[datetime]) -> Context:
    return _seeded(make_context, clock)


def _seeded(make_context: Callable[..., Context], clock: list[datetime], **more: Any) -> Context:
    made = make_context(community(lists=LISTS, **more), clock=lambda: clock[0])
    seed(made)
    return made


def post(ctx: Context, words: str = WORDS, subject: str = "A question") -> None:
    put(ctx, mail("ann@people.test", subject=subject, text=words), sender="ann@people.test")
    work(ctx)


def last(ctx: Context, kind: str, to: str | None = None) -> Written:
    return notices(ctx, kind, to)[-1]


def state(ctx: Context) -> str:
    return str(scalar(ctx, "SELECT state FROM post"))


def raw_of(ctx: Context) -> bytes:
    stored = rows(ctx, "SELECT m.raw FROM message m JOIN post p ON p.message_id = m.id")[0].raw
    return vault.unpacked(ctx.keys.held, stored)


def reply(ctx: Context, notice: Written, shape: str, words: str, who: str | None = None) -> list[Written]:
    """Answers a notice with that client; what is told because of it."""
    before = len(notices(ctx))
    sender = who or notice.recipient
    put(ctx, sent(shape, words, sender, notice.reply_to), notice.reply_to, sender=sender)
    work(ctx)
    return notices(ctx)[before:]


def plain(written: Written) -> str:
    return " ".join(written.text.split())


# --- read --------------------------------------------------------------------------------------------------------

BY_MODERATORS = [
    ("approve", "approve", ""), ("reject off topic", "reject", "off topic"), ("discard", "discard", ""),
    ("hold", "hold", ""), ("claim", "claim", ""), ("return please shorten it", "return", "please shorten it"),
    ("redact 1 3", "redact", "1 3"), ("redact all", "redact", "all"), ("to anxiety", "move", "anxiety"),
    ("trust", "trust", ""), ("untrust", "untrust", ""), ("ban yes selling things", "ban", "yes selling things"),
    ("note she has asked before", "note", "she has asked before"), ("show", "show", ""), ("undo", "undo", ""),
    ("help", "help", ""), ("recall it names a client", "recall", "it names a client"),
    ("aprove", None, ""), ("do not approve", None, ""), ("approve?", None, ""),
]  # fmt: skip
BY_AUTHORS = [
    ("withdraw", "withdraw", ""), ("redact for me", "redact", ""), ("Redact for me, please", "redact", ""),
    ("leave as is it is our own number", AS_IS, "it is our own number"), ("what is this about", None, ""),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_each_word_of_a_moderator_is_read_in_each_reply(shape: str) -> None:
    for words, verb, argument in BY_MODERATORS:
        message = parse(normalise(rewritten(shape, words).as_bytes()))
        said = read_answer(answer_text(message), MODERATION_VERBS, with_argument=WITH_WORDS)
        assert said.verb == verb, words
        # a client's own signature without a mark stays with the words of the person
        assert verb is None or said.argument.split("\n")[0] == argument or not argument, words


NUMBERED = [
    ("1 approve\n2 reject off topic", {1: "approve", 2: "reject"}),
    ("1. approve\n#2: discard\n3) redact 1 3", {1: "approve", 2: "discard", 3: "redact"}),
    ("1, 2 and 4 approve", {1: "approve", 2: "approve", 4: "approve"}),
    ("1 aprove\n2 approve", {1: None, 2: "approve"}),
    ("1 approve\n1 reject off topic", {1: None}),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_numbered_answers_are_read_in_each_reply(shape: str) -> None:
    for words, expected in NUMBERED:
        message = parse(normalise(rewritten(shape, words).as_bytes()))
        said = read_answers(answer_text(message), MODERATION_VERBS, with_argument=WITH_WORDS)
        assert {number: one.verb for number, one in said} == expected, words


@pytest.mark.parametrize("shape", SHAPES)
def test_each_word_of_an_author_is_read_in_each_reply(shape: str) -> None:
    for words, verb, argument in BY_AUTHORS:
        message = parse(normalise(rewritten(shape, words).as_bytes()))
        said = read_answer(answer_text(message), VERBS, with_argument={AS_IS})
        assert said.verb == verb, words
        assert verb is None or said.argument.split("\n")[0] == argument or not argument, words


@pytest.mark.parametrize("shape", SHAPES)
def test_a_corrected_text_comes_without_what_the_client_added(shape: str) -> None:
    own = own_text(answer_text(parse(normalise(rewritten(shape, MENDED).as_bytes()))))
    assert MENDED in own
    assert "What to do" not in own and "Why it is held" not in own


# --- done --------------------------------------------------------------------------------------------------------

DONE = [
    ("approve", "released", "decided-author", "is on its way"),
    ("reject off topic", "rejected", "decided-author", "off topic"),
    ("discard", "discarded", "", ""), ("hold", "held", "acted", "three days"),
    ("claim", "held", "acted", "It is yours"),
    ("return please shorten it", "returned", "returned", "please shorten it"),
    ("redact 1 3", "held", "redacted", "sister from [2: 02"),
    ("redact all", "held", "redacted", "[redacted by moderator]"),
    ("to anxiety", "released", "acted", "on anxiety now"), ("trust", "held", "acted", "no longer looked at"),
    ("untrust", "held", "acted", "looked at from now on"),
    ("ban yes selling things", "discarded", "banned", "selling things"),
    ("note she has asked before", "held", "moderators", "she has asked before"), ("show", "held", "show", "/held/1"),
    ("help", "held", "unclear", "redact 1 3"), ("recall it names a client", "held", "unclear", ""),
    ("ban", "held", "unclear", "ban yes"), ("undo", "held", "unclear", "nothing to take back"),
    ("do not approve", "held", "unclear", "approve"),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES[::6])
def test_a_list_of_posts_is_answered_from_each_client(
    make_context: Callable[..., Context], clock: list[datetime], shape: str
) -> None:
    made = make_context(community(lists=LISTS, moderation={"notices": "hourly"}), clock=lambda: clock[0])
    seed(made)
    for number in range(3):
        post(made, WORDS + f"So {number}?\n", f"Question {number}")
    clock[0] += timedelta(hours=2)
    with made.db.transaction() as tx:
        moderate.remind(made, tx)
    (told,) = reply(made, last(made, "listing", "mia@people.test"), shape, "1 discard\n2 claim")[-1:]
    found = [tuple(row) for row in rows(made, "SELECT subject, state FROM post ORDER BY id")]
    assert found == [("Question 0", "discarded"), ("Question 1", "held"), ("Question 2", "held")]
    assert told.subject == "About the posts that wait: 2 of 3" and "It is yours" in told.text


@pytest.mark.parametrize(("number", "words", "becomes", "kind", "told"), [(n, *row) for n, row in enumerate(DONE)])
def test_each_word_does_what_it_says(ctx: Context, number: int, words: str, becomes: str, kind: str, told: str) -> None:
    post(ctx)
    said = reply(ctx, last(ctx, "held", "mia@people.test"), SHAPES[number], words)
    assert state(ctx) == becomes
    if kind:
        found = [one for one in said if one.kind == kind]
        assert found and any(told in f"{one.subject} {plain(one)}" for one in found), [plain(one) for one in said]
    if words.startswith("redact"):
        gone = {"redact 1 3": (True, False, True), "redact all": (True, True, True)}[words]
        assert tuple(phone.encode() not in raw_of(ctx) for phone in PHONES) == gone
        assert PHONES[1].replace(" ", "") not in plain(said[-1]).replace(" ", "")


@pytest.mark.parametrize(
    ("number", "words", "becomes"),
    [(20, "withdraw", "withdrawn"), (21, "redact for me", "held"), (22, "leave as is it is a test number", "held"),
     (23, MENDED, "held"), (24, "Redact for me, please", "held"), (25, "thanks", "returned"), (26, "", "returned")],
)  # fmt: skip
def test_each_word_of_an_author_does_what_it_says(ctx: Context, number: int, words: str, becomes: str) -> None:
    post(ctx, f"A woman in her forties, Medicare {MEDICARE}, sleeps badly.\nWhat would you try first?\n")
    reply(ctx, last(ctx, "returned"), SHAPES[number], words)
    assert state(ctx) == becomes
    assert (MEDICARE.encode() in raw_of(ctx)) == (not (words == MENDED or words.lower().startswith("redact")))
    if words == MENDED:
        assert b"She sleeps" not in raw_of(ctx) and b"What to do" not in raw_of(ctx)


def test_undo_puts_a_redaction_back(ctx: Context) -> None:
    post(ctx)
    reply(ctx, last(ctx, "held", "mia@people.test"), SHAPES[27], "redact all")
    reply(ctx, last(ctx, "redacted"), SHAPES[28], "undo")
    assert state(ctx) == "held" and all(phone.encode() in raw_of(ctx) for phone in PHONES)


def test_a_note_is_passed_on_from_every_client(ctx: Context) -> None:
    post(ctx)
    mia = last(ctx, "held", "mia@people.test")
    for number, shape in enumerate(SHAPES):
        said = reply(ctx, mia, shape, f"note this is word {number} about it")
        told = [one for one in said if one.kind == "moderators"]
        assert [one.recipient for one in told] == ["max@people.test"], shape
        assert f"this is word {number} about it" in plain(told[0]) and "A question" in told[0].subject
    assert state(ctx) == "held"


# --- who, and when -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mia_says", "max_says"), [("approve", "reject off topic"), ("discard", "return shorter"),
                                                    ("redact all", "approve"), ("approve", "approve")])  # fmt: skip
def test_two_moderators_at_once(
    both: Context, make_context: Callable[..., Context], clock: list[datetime], mia_says: str, max_says: str
) -> None:
    post(both)
    other = make_context(_again(both), clock=lambda: clock[0])
    mia, max_ = last(both, "held", "mia@people.test"), last(both, "held", "max@people.test")
    with ThreadPoolExecutor(2) as pool:
        answers = [
            pool.submit(put, at, sent(SHAPES[n], words, to.recipient, to.reply_to), to.reply_to, sender=to.recipient)
            for n, (at, to, words) in enumerate([(both, mia, mia_says), (other, max_, max_says)])
        ]
        assert all(one.code == 250 for future in answers for one in future.result())
    work(both)
    verbs = [row.verb for row in rows(both, "SELECT verb FROM decision ORDER BY id")]
    final = [verb for verb in verbs if verb in ("approve", "reject", "discard", "return")]
    assert len(final) == 1, verbs
    becomes = {"approve": "released", "reject": "rejected", "discard": "discarded", "return": "returned"}[final[0]]
    assert state(both) == becomes
    if mia_says != "redact all":
        assert len(notices(both, "already")) == 1, "whoever was second is told who was first"


def _again(ctx: Context) -> dict[str, Any]:
    """Settings of a second machine on the same database."""
    return community(lists=LISTS, database=ctx.settings.database)


@pytest.mark.parametrize("words", ["approve", "reject too late", "redact all", "return shorter please", "claim", "hold",
                                   "to anxiety", "discard"])  # fmt: skip
@pytest.mark.parametrize("first", ["approve", "reject off topic", "discard", "ban yes selling"])
def test_an_answer_to_a_decided_notice_changes_nothing(ctx: Context, first: str, words: str) -> None:
    post(ctx)
    reply(ctx, last(ctx, "held", "max@people.test"), SHAPES[30], first)
    before = rows(ctx, "SELECT * FROM post"), rows(ctx, "SELECT * FROM decision")
    said = reply(ctx, last(ctx, "held", "mia@people.test"), SHAPES[31], words)
    assert (rows(ctx, "SELECT * FROM post"), rows(ctx, "SELECT * FROM decision")) == before
    assert [(one.kind, one.recipient) for one in said] == [("already", "mia@people.test")]
    assert "Max Marsh has" in plain(said[0])


def test_a_note_about_a_decided_post_is_still_passed_on(ctx: Context) -> None:
    post(ctx)
    reply(ctx, last(ctx, "held", "max@people.test"), SHAPES[0], "reject off topic")
    said = reply(ctx, last(ctx, "held", "mia@people.test"), SHAPES[1], "note I would have let it through")
    assert {one.kind for one in said} == {"moderators", "acted"} and state(ctx) == "rejected"


@pytest.mark.parametrize("words", ["approve", "redact all", "note hello", "claim", "show"])
def test_an_old_notice_does_nothing_and_says_so(ctx: Context, clock: list[datetime], words: str) -> None:
    post(ctx)
    mia = last(ctx, "held", "mia@people.test")
    clock[0] += timedelta(days=31)
    before = rows(ctx, "SELECT * FROM post")
    said = reply(ctx, mia, SHAPES[32], words)
    assert rows(ctx, "SELECT * FROM post") == before and not rows(ctx, "SELECT * FROM decision")
    assert [one.kind for one in said] == ["unclear"] and "not valid any more" in plain(said[0])


@pytest.mark.parametrize("words", ["approve", "reject no", "show", "redact all", "note hello", "ban yes him", "undo"])
@pytest.mark.parametrize("who", ["ben@people.test", "max@people.test", "stranger@elsewhere.test"])
def test_the_copy_that_somebody_was_forwarded_gives_them_nothing(ctx: Context, who: str, words: str) -> None:
    post(ctx)
    said = reply(ctx, last(ctx, "held", "mia@people.test"), SHAPES[33], words, who=who)
    assert state(ctx) == "held" and not rows(ctx, "SELECT * FROM decision")
    assert all(one.recipient == who and "belongs to another question" in plain(one) for one in said)


def test_a_moderator_answers_from_another_address_of_theirs(ctx: Context) -> None:
    with ctx.db.transaction() as tx:
        mia = tx.execute(text("SELECT id FROM person WHERE name = 'Mia Moss'")).scalar()
        values = {"person_id": mia, "email": "mia@clinic.test", "canonical": "mia@clinic.test", "preferred": False}
        tx.execute(insert(Address).values(**values, bounce_score=0.0))
    post(ctx)
    reply(ctx, last(ctx, "held", "mia@people.test"), SHAPES[34], "reject off topic", who="mia@clinic.test")
    assert state(ctx) == "rejected"


@pytest.mark.parametrize("file", ["own-out-of-office.eml", "own-out-of-office-french.eml"])
@pytest.mark.parametrize("kind", ["held", "returned", "held-author"])
def test_nobody_answers_a_vacation_reply(ctx: Context, file: str, kind: str) -> None:
    post(ctx, WORDS if kind != "returned" else f"Medicare {MEDICARE}, sleeps badly. What would you try first?\n")
    notice = last(ctx, kind)
    before = len(notices(ctx)), rows(ctx, "SELECT * FROM post")
    found = message_from_bytes((REPLIES / file).read_bytes(), policy=policy.compat32)
    found.replace_header("From", notice.recipient)
    put(ctx, normalise(found.as_bytes()), notice.reply_to, sender="")
    work(ctx)
    assert (len(notices(ctx)), rows(ctx, "SELECT * FROM post")) == before


@pytest.mark.parametrize("kind", ["held", "returned", "held-author"])
@pytest.mark.parametrize("words", ["approve", "withdraw", "redact for me", MENDED, "discard"])
def test_not_even_when_it_begins_with_a_word(ctx: Context, kind: str, words: str) -> None:
    post(ctx, WORDS if kind != "returned" else f"Medicare {MEDICARE}, sleeps badly. What would you try first?\n")
    notice = last(ctx, kind)
    before = len(notices(ctx)), rows(ctx, "SELECT * FROM post")
    raw = mail(notice.recipient, notice.reply_to, "Automatic reply", words + "\n", Auto_Submitted="auto-replied")
    put(ctx, raw, notice.reply_to, sender="")
    work(ctx)
    assert (len(notices(ctx)), rows(ctx, "SELECT * FROM post")) == before
