"""Posts in which the screen finds something: with their authors first, then with moderators, redacted, by two."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from listserv import housekeeping, moderate, vault
from listserv.archiver.importing import import_mbox
from listserv.context import Context
from listserv.mail.mbox import written
from listserv.mail.message import iter_parts, parse
from listserv.model import Role, RoleName
from listserv.moderate import By
from tests.conftest import NOW, community
from tests.house import Written, copies_of, notices, put, rows, scalar, work
from tests.people import add_person, mail, seed

MEDICARE = "2123 45670 1"
WORDS = f"A woman in her forties, Medicare {MEDICARE}, sleeps badly.\nWhat would you try first?\n"
CLEAN = "A woman in her forties sleeps badly since the birth.\nWhat would you try first?\n"
PHONE = "Her mother rings her every night, from 02 7010 4418.\n"
LISTS = {
    "perinatal": {"title": "Perinatal", "moderation": "none", "screening": "clinical", "approval_delay": 0},
    "anxiety": {"title": "Anxiety", "moderation": "newcomers", "approval_delay": 0},
    "news": {"title": "News", "posting": "moderators", "moderation": "none"},
}  # fmt: skip
Clock = list[datetime]


@pytest.fixture
def clock() -> Clock:
    return [NOW]


@pytest.fixture
def ctx(make_context: Callable[..., Context], clock: Clock) -> Context:
    made = make_context(community(lists=LISTS), clock=lambda: clock[0])
    seed(made)
    return made


def post(ctx: Context, words: str = WORDS, sender: str = "ann@people.test", **more: str) -> None:
    put(ctx, mail(sender, text=words, **more), sender=sender)
    work(ctx)


def reply(ctx: Context, notice: Written, words: str, who: str | None = None) -> None:
    who = who or notice.recipient
    raw = mail(who, notice.reply_to, f"Re: {notice.subject}", words, message_id=f"<{abs(hash((who, words)))}@r.test>")
    put(ctx, raw, notice.reply_to, sender=who)
    work(ctx)


def state(ctx: Context) -> str:
    return str(scalar(ctx, "SELECT state FROM post"))


def last(ctx: Context, kind: str, to: str | None = None) -> Written:
    return notices(ctx, kind, to)[-1]


def raw_of(ctx: Context) -> bytes:
    stored = rows(ctx, "SELECT m.raw FROM message m JOIN post p ON p.message_id = m.id")[0].raw
    return vault.unpacked(ctx.keys.held, stored)


def nowhere(ctx: Context, value: str = MEDICARE) -> None:
    """The value is in no notice of ours, in no reason, in no decision."""
    bare = value.replace(" ", "")
    for one in notices(ctx):
        assert bare not in one.raw.decode("utf-8", "replace").replace(" ", "").replace("=\r\n", ""), one.kind
        assert bare not in one.text.replace(" ", "")
    for row in rows(ctx, "SELECT subject, reasons, author_note FROM post"):
        assert bare not in str(tuple(row)).replace(" ", "")
    for row in rows(ctx, "SELECT reason FROM decision"):
        assert bare not in row.reason.replace(" ", "")


def test_it_goes_back_to_its_author_before_anybody_sees_it(ctx: Context) -> None:
    post(ctx)
    assert state(ctx) == "returned"
    assert notices(ctx, "held") == []
    told = last(ctx, "returned")
    assert told.recipient == "ann@people.test" and told.subject == "Before your post goes out: A question"
    assert "Medicare card number" in told.text and "redact for me" in told.text and "withdraw" in told.text
    assert "[1: Medicare card number], sleeps badly" in told.text
    nowhere(ctx)


def test_what_waits_is_sealed_and_what_goes_out_is_not(ctx: Context) -> None:
    post(ctx)
    stored = rows(ctx, "SELECT raw FROM message")[0].raw
    assert vault.is_locked(stored) and MEDICARE.encode() in raw_of(ctx)
    with pytest.raises(zlib.error):
        zlib.decompress(stored)
    post(ctx, CLEAN, message_id="<clean@people.test>")
    assert not vault.is_locked(rows(ctx, "SELECT raw FROM message ORDER BY id DESC")[0].raw)


def test_a_corrected_text_takes_its_place_and_a_moderator_sees_it(ctx: Context) -> None:
    post(ctx)
    reply(ctx, last(ctx, "returned"), CLEAN)
    assert state(ctx) == "held"
    assert MEDICARE.encode() not in raw_of(ctx) and b"since the birth" in raw_of(ctx)
    told = last(ctx, "held", "mia@people.test")
    assert "has mended it" in told.text and "since the birth" in told.text
    reply(ctx, told, "approve\n")
    assert state(ctx) == "released" and "ben@people.test" in copies_of(ctx)
    nowhere(ctx)


def test_a_corrected_text_with_an_identifier_comes_back_thrice_at_most(ctx: Context) -> None:
    post(ctx)
    for round_ in range(3):
        assert state(ctx) == "returned"
        reply(ctx, last(ctx, "returned"), f"Try {round_}. {WORDS}")
    assert state(ctx) == "held"
    nowhere(ctx)


@pytest.mark.parametrize("words", ["redact for me", "Redact for me, please.", "redact"])
def test_redact_for_me_takes_it_out(ctx: Context, words: str) -> None:
    post(ctx)
    reply(ctx, last(ctx, "returned"), words + "\n")
    assert state(ctx) == "held"
    assert MEDICARE.encode() not in raw_of(ctx) and b"[redacted by moderator]" in raw_of(ctx)
    thanks = last(ctx, "returned")
    assert "Taken out" in thanks.text and "2•••" in thanks.text
    held = last(ctx, "held", "max@people.test")
    assert "[redacted by moderator]" in held.text
    reply(ctx, held, "approve\n")
    assert state(ctx) == "released"
    assert "was taken out" in last(ctx, "decided-author").text
    nowhere(ctx)


def test_withdraw_drops_it(ctx: Context) -> None:
    post(ctx)
    reply(ctx, last(ctx, "returned"), "Withdraw\n")
    assert state(ctx) == "withdrawn" and copies_of(ctx) == [] and notices(ctx, "held") == []


def test_leave_as_is_goes_to_the_moderators_with_the_reason(ctx: Context) -> None:
    post(ctx)
    reply(ctx, last(ctx, "returned"), "leave as is it is a test number of Services Australia\n")
    assert state(ctx) == "held" and MEDICARE.encode() in raw_of(ctx)
    told = last(ctx, "held", "mia@people.test")
    plain = " ".join(told.text.split())
    assert "test number of Services Australia" in plain and "once two of you say so" in plain
    nowhere(ctx)


def test_after_a_day_the_moderators_see_it_as_it_is(ctx: Context, clock: Clock) -> None:
    post(ctx)
    clock[0] += timedelta(hours=25)
    with ctx.db.transaction() as tx:
        assert moderate.overdue(ctx, tx) == 1
    work(ctx)
    assert state(ctx) == "held"
    told = last(ctx, "held", "mia@people.test")
    assert "has not answered yet" in told.text
    assert b"message/rfc822" not in told.raw and "[1: 2••• ••••• •]" in told.text
    nowhere(ctx)


@pytest.mark.parametrize("words", ["", "> redact for me\n", "thanks, later\n", "witdraw\n"])
def test_an_unclear_answer_of_the_author_changes_nothing(ctx: Context, words: str) -> None:
    post(ctx)
    reply(ctx, last(ctx, "returned"), words)
    assert state(ctx) == "returned" and MEDICARE.encode() in raw_of(ctx)
    assert last(ctx, "returned").subject.startswith("Please answer once more")


def test_nobody_else_can_answer_for_the_author(ctx: Context) -> None:
    post(ctx)
    reply(ctx, last(ctx, "returned"), "withdraw\n", who="ben@people.test")
    assert state(ctx) == "returned"


def held(ctx: Context, clock: Clock) -> tuple[Written, Written]:
    """The hold notices to Mia and Max of a post whose author has not answered."""
    post(ctx)
    clock[0] += timedelta(hours=25)
    with ctx.db.transaction() as tx:
        moderate.overdue(ctx, tx)
    work(ctx)
    return last(ctx, "held", "mia@people.test"), last(ctx, "held", "max@people.test")


def test_two_pairs_of_eyes(ctx: Context, clock: Clock) -> None:
    mia, max_ = held(ctx, clock)
    reply(ctx, mia, "approve\n")
    assert state(ctx) == "held"
    assert "first of two" in last(ctx, "acted").text
    second = last(ctx, "second")
    assert second.recipient == "max@people.test" and "Mia Moss has approved" in second.text
    reply(ctx, mia, "yes\n")
    assert state(ctx) == "held", "the same moderator twice is one pair of eyes"
    reply(ctx, second, "approve\n")
    assert state(ctx) == "released"
    del max_
    nowhere(ctx)


def test_the_first_approval_can_be_taken_back(ctx: Context, clock: Clock) -> None:
    mia, max_ = held(ctx, clock)
    reply(ctx, mia, "approve\n")
    reply(ctx, mia, "undo\n")
    reply(ctx, max_, "approve\n")
    assert state(ctx) == "held"


def test_one_is_enough_once_it_is_redacted(ctx: Context, clock: Clock) -> None:
    mia, _ = held(ctx, clock)
    reply(ctx, mia, "redact 1\n")
    shown = last(ctx, "redacted")
    assert "[redacted by moderator], sleeps badly" in shown.text and state(ctx) == "held"
    reply(ctx, shown, "approve\n")
    assert state(ctx) == "released" and MEDICARE.encode() not in raw_of(ctx)
    nowhere(ctx)


def test_a_redaction_can_be_put_back(ctx: Context, clock: Clock) -> None:
    mia, _ = held(ctx, clock)
    reply(ctx, mia, "redact all\n")
    assert MEDICARE.encode() not in raw_of(ctx)
    reply(ctx, last(ctx, "redacted"), "undo\n")
    assert MEDICARE.encode() in raw_of(ctx) and state(ctx) == "held"
    assert scalar(ctx, "SELECT count(*) FROM message") == 1
    reply(ctx, mia, "approve\n")
    assert state(ctx) == "held", "it needs two again"


def test_numbers_that_are_not_there_are_named(ctx: Context, clock: Clock) -> None:
    mia, _ = held(ctx, clock)
    reply(ctx, mia, "redact 1 9\n")
    assert "no finding 9" in last(ctx, "unclear").text and MEDICARE.encode() in raw_of(ctx)


def test_words_can_be_taken_out_as_well(ctx: Context, clock: Clock) -> None:
    mia, _ = held(ctx, clock)
    reply(ctx, mia, "redact sleeps badly\n")
    assert b"sleeps badly" not in raw_of(ctx) and "[redacted by moderator]" in last(ctx, "redacted").text
    nowhere(ctx)


def test_the_operator_is_one_pair_of_eyes(ctx: Context, clock: Clock) -> None:
    mia, _ = held(ctx, clock)
    number = int(scalar(ctx, "SELECT id FROM post"))
    with ctx.db.transaction() as tx:
        outcome = moderate.decide(ctx, tx, number, "approve", By("the operator", "shell"))
    assert outcome.done and outcome.waits and state(ctx) == "held"
    reply(ctx, mia, "approve\n")
    assert state(ctx) == "released"


def test_a_list_with_one_moderator_turns_to_the_operator(ctx: Context, clock: Clock) -> None:
    with ctx.db.transaction() as tx:
        tx.execute(text("DELETE FROM role WHERE person_id = (SELECT id FROM person WHERE name = 'Max Marsh')"))
    post(ctx)
    clock[0] += timedelta(hours=25)
    with ctx.db.transaction() as tx:
        moderate.overdue(ctx, tx)
    work(ctx)
    reply(ctx, last(ctx, "held"), "approve\n")
    told = last(ctx, "held-contact")
    assert told.recipient == "facilitators@people.test" and "listserv approve" in told.text
    number = int(scalar(ctx, "SELECT id FROM post"))
    with ctx.db.transaction() as tx:
        moderate.decide(ctx, tx, number, "approve", By("the operator", "shell"))
    work(ctx)
    assert state(ctx) == "released"
    nowhere(ctx)


def test_nobody_decides_on_a_post_of_their_own(ctx: Context) -> None:
    put(ctx, mail("mia@people.test", text=PHONE), sender="mia@people.test")
    work(ctx)
    assert state(ctx) == "held" and not notices(ctx, "held", "mia@people.test")
    number = int(scalar(ctx, "SELECT id FROM post"))
    mia = int(scalar(ctx, "SELECT id FROM person WHERE name = 'Mia Moss'"))
    with ctx.db.transaction() as tx:
        outcome = moderate.decide(ctx, tx, number, "approve", By("Mia Moss", "mail", mia))
    assert not outcome.done and "your own post" in outcome.words and state(ctx) == "held"
    reply(ctx, last(ctx, "held", "max@people.test"), "approve\n")
    assert state(ctx) == "released"


def test_what_a_trainee_decides_waits_for_a_moderator(ctx: Context, clock: Clock) -> None:
    with ctx.db.transaction() as tx:
        tx.execute(text("INSERT INTO role (person_id, list_name, role) SELECT id, 'perinatal', 'trainee' FROM person "
                        "WHERE name = 'Sue Short'"))  # fmt: skip
    held(ctx, clock)
    reply(ctx, last(ctx, "held", "sue@people.test"), "reject please leave the number out\n")
    assert state(ctx) == "held"
    proposed = [n for n in notices(ctx, "second") if "proposes" in n.text]
    assert {n.recipient for n in proposed} == {"mia@people.test", "max@people.test"}
    reply(ctx, proposed[0], "reject please leave the number out\n")
    assert state(ctx) == "rejected"


def test_an_identifier_in_a_reason_is_taken_out_of_it(ctx: Context, clock: Clock) -> None:
    mia, _ = held(ctx, clock)
    reply(ctx, mia, f"reject the Medicare number {MEDICARE} must not stand there\n")
    assert state(ctx) == "rejected"
    assert "[removed]" in last(ctx, "decided-author").text
    nowhere(ctx)


def test_a_moderator_gives_it_back_and_sees_it_again(ctx: Context) -> None:
    post(ctx, CLEAN + PHONE)
    assert state(ctx) == "held"
    reply(ctx, last(ctx, "held", "mia@people.test"), "return please leave the number out\n")
    assert state(ctx) == "returned"
    told = last(ctx, "returned")
    assert "Mia Moss, a moderator, asks you for a change" in told.text and "leave the number out" in told.text
    reply(ctx, told, CLEAN)
    assert state(ctx) == "held" and "since the birth" in last(ctx, "held", "max@people.test").text


def test_what_a_moderator_returned_is_given_up_after_two_weeks(ctx: Context, clock: Clock) -> None:
    post(ctx, CLEAN + PHONE)
    reply(ctx, last(ctx, "held", "mia@people.test"), "return please leave the number out\n")
    clock[0] += timedelta(days=15)
    with ctx.db.transaction() as tx:
        moderate.overdue(ctx, tx)
    assert state(ctx) == "expired" and last(ctx, "decided-author").subject.startswith("Your post was dropped")


def test_the_author_takes_back_what_is_held(ctx: Context) -> None:
    post(ctx, CLEAN + PHONE)
    reply(ctx, last(ctx, "held-author"), "withdraw\n")
    assert state(ctx) == "withdrawn"
    reply(ctx, last(ctx, "held", "mia@people.test"), "approve\n")
    assert state(ctx) == "withdrawn" and "Ann Archer has withdrawn it" in last(ctx, "already").text


@pytest.mark.parametrize(
    ("words", "expected"),
    [("claim", "It is yours"), ("hold", "three days"), ("note she has asked before", "has gone to the other"),
     ("trust", "no longer looked at"), ("untrust", "is looked at from now on"), ("note", "has no words"),
     ("return", "what the author should change"), ("to nowhere", "There is no list"), ("help", "redact 1 3"),
     ("show", "/held/"), ("ban", "ban yes"), ("aprove", "Did you mean")],
)  # fmt: skip
def test_the_other_words(ctx: Context, words: str, expected: str) -> None:
    post(ctx, CLEAN + PHONE)
    before = len(notices(ctx))
    reply(ctx, last(ctx, "held", "mia@people.test"), words + "\n")
    new = [n for n in notices(ctx)[before:] if n.recipient == "mia@people.test"]
    assert len(new) == 1 and expected in " ".join(new[0].text.split())
    assert state(ctx) == "held"


def test_a_claim_and_a_note_reach_the_others(ctx: Context) -> None:
    post(ctx, CLEAN + PHONE)
    mia = last(ctx, "held", "mia@people.test")
    reply(ctx, mia, "claim\n")
    reply(ctx, mia, "note I have called her\n")
    texts = [n.text for n in notices(ctx, "moderators", "max@people.test")]
    assert "Mia Moss sees to the post" in texts[0] and "I have called her" in texts[1]
    assert not notices(ctx, "moderators", "ann@people.test")


def test_to_another_list(ctx: Context) -> None:
    post(ctx, CLEAN + PHONE)
    reply(ctx, last(ctx, "held", "mia@people.test"), "to anxiety\n")
    assert scalar(ctx, "SELECT list_name FROM post") == "anxiety"
    assert state(ctx) == "released", "phone numbers hold nothing on a list that is not clinical"
    assert "from Perinatal to Anxiety" in " ".join(last(ctx, "decided-author").text.split())


def test_one_moderator_does_not_send_to_an_unscreened_list_what_takes_two(
    make_context: Callable[..., Context], clock: Clock
) -> None:
    lists = {**LISTS, "anxiety": {**LISTS["anxiety"], "screening": "off"}}
    ctx = make_context(community(lists=lists), clock=lambda: clock[0])
    seed(ctx)
    mia, _ = held(ctx, clock)
    reply(ctx, mia, "to anxiety\n")
    assert state(ctx) == "held" and "Redact it first" in " ".join(last(ctx, "unclear").text.split())
    reply(ctx, mia, "redact all\n")
    reply(ctx, mia, "to anxiety\n")
    assert scalar(ctx, "SELECT list_name FROM post") == "anxiety" and MEDICARE.encode() not in raw_of(ctx)
    nowhere(ctx)


def test_ban_is_asked_twice_and_drops_what_waits(ctx: Context) -> None:
    post(ctx, CLEAN + PHONE)
    mia = last(ctx, "held", "mia@people.test")
    reply(ctx, mia, "ban\n")
    assert scalar(ctx, "SELECT status FROM person WHERE name = 'Ann Archer'") == "active"
    reply(ctx, mia, "ban yes selling things\n")
    assert scalar(ctx, "SELECT status FROM person WHERE name = 'Ann Archer'") == "banned" and state(ctx) == "discarded"
    assert {n.recipient for n in notices(ctx) if "excluded" in n.subject} == {
        "max@people.test", "facilitators@people.test",
    }  # fmt: skip


def test_verbs_in_a_second_language(make_context: Callable[..., Context]) -> None:
    ctx = make_context(community(lists=LISTS, moderation={"languages": ["de", "fr"]}))
    seed(ctx)
    post(ctx, CLEAN + PHONE)
    reply(ctx, last(ctx, "held", "mia@people.test"), "schwärzen alles\n")
    assert "[redacted by moderator]" in last(ctx, "redacted").text
    reply(ctx, last(ctx, "held", "max@people.test"), "approuver\n")
    assert state(ctx) == "released"


def test_a_warning_goes_to_the_author_and_the_post_goes_out(ctx: Context) -> None:
    post(ctx, "She was admitted on 14 March 2026 and has slept badly since.\n")
    assert state(ctx) == "released"
    told = last(ctx, "screening-note")
    assert told.recipient == "ann@people.test" and "Instead:" in told.text
    assert scalar(ctx, "SELECT screened FROM post") is None


def test_danger_goes_to_the_moderators_at_once(ctx: Context) -> None:
    post(ctx, f"My client says that he will kill himself tonight. He has a plan. Medicare {MEDICARE}.\n")
    assert state(ctx) == "held"
    assert {n.recipient for n in notices(ctx, "held-urgent")} == {"mia@people.test", "max@people.test"}
    assert "THIS MAY BE URGENT" in last(ctx, "held-urgent").text
    assert "call the emergency services" in last(ctx, "risk").text
    nowhere(ctx)


def test_a_list_that_is_not_screened_lets_it_through(make_context: Callable[..., Context]) -> None:
    lists = {**LISTS, "perinatal": {**LISTS["perinatal"], "screening": "off"}}
    ctx = make_context(community(lists=lists))
    seed(ctx)
    post(ctx)
    assert state(ctx) == "released"


def test_without_author_first_it_is_held_at_once(make_context: Callable[..., Context]) -> None:
    lists = {**LISTS, "perinatal": {**LISTS["perinatal"], "author_first": False}}
    ctx = make_context(community(lists=lists))
    seed(ctx)
    post(ctx)
    assert state(ctx) == "held" and len(notices(ctx, "held")) == 2
    nowhere(ctx)


def test_the_buttons_write_a_reply_with_the_word_in_its_body(ctx: Context, clock: Clock) -> None:
    mia, _ = held(ctx, clock)
    html = mia.raw.decode().replace("=\r\n", "").replace("=3D", "=")
    address = mia.reply_to.replace("+", "+")
    for word in ("approve", "redact%20all", "reject%20", "return%20", "claim", "show", "discard"):
        assert f'href="mailto:{address}?subject=' in html and f"body={word}" in html
    nowhere(ctx)


def test_the_night_tells_nobody_twice(ctx: Context, clock: Clock) -> None:
    held(ctx, clock)
    before = len(notices(ctx))
    work(ctx)
    assert len(notices(ctx)) == before
    assert "moderation" in {job.name for job in housekeeping.JOBS}


def photo() -> bytes:
    """The smallest JPEG with an Exif block that names a place."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\0 -33.8688 151.2093"
    app1 = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    tables = b"\xff\xdb\0\x43\0" + bytes(range(1, 65))
    frame = b"\xff\xc0\0\x0b\x08\0\x01\0\x01\x01\x01\x11\0" + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0"
    return b"\xff\xd8" + app1 + tables + frame + b"\x37\xff\xd9"


def test_pictures_for_a_clinical_list_do_not_tell_where_they_were_taken(ctx: Context) -> None:
    encoded = base64.encodebytes(photo()).decode()
    body = (
        "--b\nContent-Type: text/plain\n\nThe room we could use.\n--b\nContent-Type: image/jpeg\n"
        f"Content-Disposition: attachment; filename=room.jpg\nContent-Transfer-Encoding: base64\n\n{encoded}--b--\n"
    )
    post(ctx, body, MIME_Version="1.0", Content_Type='multipart/mixed; boundary="b"')
    assert state(ctx) == "held" and "Picture or scan" in last(ctx, "held").text
    (picture,) = [part for part in iter_parts(parse(raw_of(ctx))) if part.content_type == "image/jpeg"]
    assert b"151.2093" not in picture.decoded() and picture.decoded().startswith(b"\xff\xd8")


SUBJECTS = (f"Medicare {MEDICARE} bounced", "Re: Medicare 2123-45670-1", "Medicare 2123456701")


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_is_covered_as_long_as_it_waits(ctx: Context, clock: Clock, subject: str) -> None:
    post(ctx, CLEAN, subject=subject)
    clock[0] += timedelta(hours=25)
    with ctx.db.transaction() as tx:
        moderate.overdue(ctx, tx)
    work(ctx)
    mia, max_ = last(ctx, "held", "mia@people.test"), last(ctx, "held", "max@people.test")
    assert "•" in mia.subject
    nowhere(ctx)
    reply(ctx, mia, "redact all\n")
    assert "[redacted by moderator]" in str(scalar(ctx, "SELECT subject FROM post"))
    reply(ctx, max_, "approve\n")
    assert state(ctx) == "released" and "[redacted by moderator]" in str(scalar(ctx, "SELECT subject FROM post"))
    nowhere(ctx)


def test_an_old_post_that_names_a_client_is_not_published(ctx: Context, tmp_path: Path) -> None:
    box = tmp_path / "old.mbox"
    old = [mail(text=CLEAN, message_id="<old1@people.test>"), mail(text=WORDS, message_id="<old2@people.test>")]
    box.write_bytes(b"".join(written(raw, NOW) for raw in old))
    report = import_mbox(ctx, "perinatal", box)
    assert (report.read, report.added, report.held) == (2, 1, 1)
    assert import_mbox(ctx, "perinatal", box).known == 2
    work(ctx)
    assert notices(ctx) == [] and copies_of(ctx) == []
    (held_one,) = rows(ctx, "SELECT id, state FROM post WHERE message_id_header = '<old2@people.test>'")
    assert held_one.state == "held"
    with ctx.db.transaction() as tx:
        assert moderate.remind(ctx, tx) == 0
        assert moderate.redact(ctx, tx, held_one.id, By("the operator", "shell"), "all")[0].done
        assert moderate.decide(ctx, tx, held_one.id, "approve", By("the operator", "shell")).done
    work(ctx)
    assert scalar(ctx, "SELECT count(*) FROM post WHERE state = 'released'") == 2
    assert copies_of(ctx) == [] and notices(ctx) == []
    nowhere(ctx)


# --- slips that fresh eyes found ---------------------------------------------------------------------------------


def trainee(ctx: Context, name: str = "perinatal") -> None:
    with ctx.db.transaction() as tx:
        person = add_person(tx, "tom@people.test", name="Tom Trainee")
        tx.execute(insert(Role).values(person_id=person, list_name=name, role=RoleName.TRAINEE))


@pytest.mark.parametrize(
    "words",
    ["approve", "reject off topic", "return please shorten it", "to news", "ban yes he sells", "trust", "untrust"],
)
def test_what_a_trainee_says_is_proposed_whatever_the_word(ctx: Context, words: str) -> None:
    trainee(ctx)
    post(ctx, PHONE)
    reply(ctx, last(ctx, "held", "tom@people.test"), words + "\n")
    assert state(ctx) == "held" and scalar(ctx, "SELECT list_name FROM post") == "perinatal"
    assert scalar(ctx, "SELECT status FROM person WHERE name = 'Ann Archer'") == "active"
    asked = notices(ctx, "second")
    assert [one.recipient for one in asked] == ["mia@people.test", "max@people.test"]
    assert f"\n  {words}\n" in asked[0].text.replace("\r\n", "\n") and "1. Phone number" in asked[0].text
    reply(ctx, last(ctx, "held", "tom@people.test"), words + "\n\n-- \nTom\n")
    assert len(notices(ctx, "second")) == 2 and "already" in last(ctx, "unclear").text
    reply(ctx, last(ctx, "held", "tom@people.test"), "undo\n")
    assert "is taken back" in last(ctx, "undone").text


def test_a_trainee_proposes_to_take_back_what_went_out(ctx: Context) -> None:
    trainee(ctx)
    post(ctx, PHONE)
    reply(ctx, last(ctx, "held", "mia@people.test"), "approve\n")
    reply(ctx, last(ctx, "held", "tom@people.test"), "recall it names a client\n")
    assert state(ctx) == "released"
    assert "it has gone out" in last(ctx, "second", "mia@people.test").text
    reply(ctx, last(ctx, "second", "mia@people.test"), "recall it names a client\n")
    assert state(ctx) == "recalled"


def test_a_proposal_that_nobody_can_agree_to_is_told_as_what_it_is(ctx: Context) -> None:
    trainee(ctx)
    with ctx.db.transaction() as tx:
        tx.execute(text("DELETE FROM role WHERE role = 'moderator'"))
    post(ctx, PHONE)
    reply(ctx, last(ctx, "held", "tom@people.test"), "reject off topic\n")
    (told,) = notices(ctx, "held-contact")
    assert told.recipient == "facilitators@people.test"
    assert "reject off topic" in told.text and "has approved" not in told.text


def test_what_only_its_author_could_decide_goes_to_the_contact(ctx: Context) -> None:
    with ctx.db.transaction() as tx:
        tx.execute(text("DELETE FROM role WHERE person_id = (SELECT id FROM person WHERE name = 'Max Marsh')"))
    post(ctx, PHONE, sender="mia@people.test")
    assert notices(ctx, "held") == []
    (told,) = notices(ctx, "held-contact")
    assert "nobody but its author decides there" in told.text


def test_a_redaction_put_back_leaves_what_the_author_took_out(ctx: Context) -> None:
    other = "02 7010 4418"
    post(ctx, WORDS + f"Her mother rings from {other}.\nThe aunt lives in Kapunda.\n")
    reply(ctx, last(ctx, "returned"), "redact for me\n")
    assert MEDICARE.encode() not in raw_of_post(ctx) and other.encode() not in raw_of_post(ctx)
    reply(ctx, last(ctx, "held"), "redact Kapunda\n")
    reply(ctx, last(ctx, "redacted"), "redact aunt\n")
    assert b"Kapunda" not in raw_of_post(ctx) and b"aunt" not in raw_of_post(ctx)
    reply(ctx, last(ctx, "redacted"), "undo\n")
    raw = raw_of_post(ctx)
    assert b"Kapunda" in raw and b"aunt" in raw and MEDICARE.encode() not in raw and other.encode() not in raw
    assert scalar(ctx, "SELECT count(*) FROM message") == 1  # nobody can put back what the author took out
    reply(ctx, last(ctx, "acted"), "undo \n")
    assert "nothing to take back" in last(ctx, "unclear").text


def test_a_redaction_put_back_leaves_the_corrected_text(ctx: Context) -> None:
    post(ctx)
    reply(ctx, last(ctx, "returned"), CLEAN + "The aunt lives in Kapunda.\n")
    assert "after what was taken out" not in last(ctx, "held").text
    reply(ctx, last(ctx, "held"), "redact Kapunda\n")
    reply(ctx, last(ctx, "redacted"), "undo\n")
    raw = raw_of_post(ctx)
    assert b"since the birth" in raw and b"Kapunda" in raw and MEDICARE.encode() not in raw


def raw_of_post(ctx: Context) -> bytes:
    stored = rows(ctx, "SELECT m.raw FROM message m JOIN post p ON p.message_id = m.id")[0].raw
    return vault.unpacked(ctx.keys.held, stored)


def test_undo_takes_back_the_last_word_first(ctx: Context) -> None:
    post(ctx, WORDS + "Her sister's Medicare number is 2123 45689 1.\n")
    reply(ctx, last(ctx, "returned"), "leave as is it is invented\n")
    reply(ctx, last(ctx, "held", "mia@people.test"), "redact 1\n")
    reply(ctx, last(ctx, "redacted"), "approve\n")
    assert len(notices(ctx, "second")) == 1
    reply(ctx, last(ctx, "redacted"), "undo\n")
    assert MEDICARE.encode() not in raw_of_post(ctx)
    reply(ctx, last(ctx, "redacted"), "undo\n\n-- \nMia\n")
    assert MEDICARE.encode() in raw_of_post(ctx)


def test_too_late_to_undo_says_how_to_take_it_back(ctx: Context) -> None:
    post(ctx, PHONE)
    reply(ctx, last(ctx, "held"), "approve\n")
    reply(ctx, last(ctx, "held"), "undo\n")
    assert "`recall` and your reason" in " ".join(last(ctx, "unclear").text.split())


def test_an_author_is_told_what_can_be_done_once_it_is_out(ctx: Context) -> None:
    post(ctx, PHONE)
    reply(ctx, last(ctx, "held"), "approve\n")
    reply(ctx, last(ctx, "held-author"), "withdraw\n")
    told = last(ctx, "returned").text
    assert "perinatal-owner@lists.test" in told and "As long as it waits" not in told


def test_redact_all_leaves_the_words_of_danger(ctx: Context) -> None:
    post(ctx, f"My client says that he will kill himself tonight. He has a plan. Medicare {MEDICARE}.\n")
    urgent = last(ctx, "held-urgent")
    assert urgent.subject == "[perinatal] URGENT, held: A question"
    reply(ctx, urgent, "redact all\n")
    raw = raw_of_post(ctx)
    assert b"kill himself tonight" in raw and MEDICARE.encode() not in raw


AWAY = {
    "English": "Thank you for your mail. I am currently out of the office and will be back on Monday 7 December.\n",
    "German": "Vielen Dank für Ihre Nachricht. Ich bin bis zum 7. Dezember im Urlaub und danach wieder erreichbar.\n",
    "French": "Merci de votre message. Je suis en congé et de retour le 7 décembre; adressez-vous à ma collègue.\n",
}


@pytest.mark.parametrize("words", AWAY.values(), ids=AWAY)
def test_an_out_of_office_answer_is_no_corrected_text(ctx: Context, words: str) -> None:
    post(ctx)
    reply(ctx, last(ctx, "returned"), words)
    assert state(ctx) == "returned" and MEDICARE.encode() in raw_of(ctx)
    told = last(ctx, "returned")
    assert "`new text`" in told.text and words[:12] in told.text
    reply(ctx, told, f"New text:\n{words}")
    assert state(ctx) == "held" and words[:12].encode() in raw_of_post(ctx) and b"New text" not in raw_of_post(ctx)


def test_an_out_of_office_subject_is_enough(ctx: Context) -> None:
    post(ctx)
    asked = last(ctx, "returned")
    raw = mail(asked.recipient, asked.reply_to, f"Automatic reply: {asked.subject}", CLEAN, message_id="<a@r.test>")
    put(ctx, raw, asked.reply_to, sender=asked.recipient)
    work(ctx)
    assert state(ctx) == "returned"


def test_a_corrected_text_about_leave_is_taken(ctx: Context) -> None:
    post(ctx)
    reply(ctx, last(ctx, "returned"), CLEAN + "She is on maternity leave now, and her husband will be back soon.\n")
    assert state(ctx) == "held" and b"maternity leave" in raw_of_post(ctx)


@pytest.mark.parametrize("language", ["en", "de", "fr"])
@pytest.mark.parametrize("crisis", ["", "112; Telefonseelsorge, 0800 1110111, Tag und Nacht"])
def test_who_writes_of_danger_reads_the_communitys_own_numbers(
    make_context: Callable[..., Context], crisis: str, language: str
) -> None:
    settings = community(lists=LISTS)
    settings["community"] |= {"crisis": crisis, "language": language}
    ctx = make_context(settings)
    seed(ctx)
    post(ctx, "My client says that he will kill himself tonight. He has a plan.\n")
    (told,) = notices(ctx, "risk")
    assert "13 11 14" not in told.text and "000" not in told.text.replace("0800", "")
    assert (crisis or told.text.split()[0]) in " ".join(told.text.split())
    assert "\n\n\n" not in told.text.replace("\r", "")


def test_a_subject_that_names_a_client_can_be_changed_by_reply(ctx: Context) -> None:
    post(ctx, CLEAN, subject=f"Medicare {MEDICARE}")
    asked = last(ctx, "returned")
    assert "  Subject: ..." in asked.text
    reply(ctx, asked, CLEAN)
    assert state(ctx) == "returned", "the number is still in the subject"
    reply(ctx, last(ctx, "returned"), "Subject: Sleep after a birth\n" + CLEAN)
    assert state(ctx) == "held" and scalar(ctx, "SELECT subject FROM post") == "Sleep after a birth"
    assert MEDICARE.encode() not in raw_of_post(ctx) and b"Subject: Sleep" in raw_of_post(ctx)


@pytest.mark.parametrize(("language", "words", "becomes"), [
    ("de", "schwärzen", "held"), ("de", "Zurückziehen", "withdrawn"),
    ("de", "lassen wie es ist, es ist erfunden", "held"),
    ("fr", "caviarder", "held"), ("fr", "retirer", "withdrawn"), ("fr", "laisser tel quel", "held"),
])  # fmt: skip
def test_authors_answer_in_a_second_language_too(
    make_context: Callable[..., Context], language: str, words: str, becomes: str
) -> None:
    ctx = make_context(community(lists=LISTS, moderation={"languages": [language]}))
    seed(ctx)
    with ctx.db.transaction() as tx:
        tx.execute(text("UPDATE person SET language = :it"), {"it": language})
    post(ctx)
    assert "Medicare card number]" not in last(ctx, "returned").text
    reply(ctx, last(ctx, "returned"), words + "\n")
    assert state(ctx) == becomes


def test_whoever_takes_a_post_back_is_told_once(ctx: Context) -> None:
    post(ctx, PHONE)
    mia = last(ctx, "held", "mia@people.test")
    reply(ctx, mia, "approve\n")
    before = scalar(ctx, "SELECT max(id) FROM notice")
    reply(ctx, mia, "recall it names a client\n")
    told = rows(ctx, "SELECT kind FROM notice WHERE recipient = 'mia@people.test' AND id > :n", n=before)
    assert [row.kind for row in told if row.kind != "recalled"] == ["acted"]
    assert "assessed by 23 December 2026" in " ".join(last(ctx, "acted").text.split())
    reply(ctx, mia, "reject off topic\n")
    assert "It was taken back on" in last(ctx, "already").text
