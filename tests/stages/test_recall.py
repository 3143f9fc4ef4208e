"""Taking a post back: what has not gone does not go, who got it is asked, the words are nowhere but in the message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from listserv import archiver, audit, claims, incidents, moderate, recall
from listserv.context import Context
from listserv.digest import issuing
from listserv.edge.relay import Copy, Outcome, Result
from listserv.errors import UserError
from listserv.mail.threads import tag_of
from listserv.model import IncidentKind
from listserv.recall import By
from tests import archives
from tests.conftest import NOW
from tests.house import Written, notices, put, rows, scalar, work
from tests.people import add_person, mail, seed
from tests.privacy import world

OPERATOR = By("the operator", "shell", proof="shell of this machine")
WORDS = "A xylophone teacher of Wagga Wagga"
ID = "<told-too-much@people.test>"


def take_back(ctx: Context, reference: str = ID, by: By = OPERATOR, **more: Any) -> recall.Outcome:
    with ctx.db.transaction() as tx:
        return recall.recall(ctx, tx, recall.find(tx, reference), by, "Somebody could be recognised.", **more)


def answered(row: Any, result: Result) -> tuple[Outcome, Any]:
    """What the relay says to a copy."""
    copy = Copy(row.id, "x@lists.test", row.recipient, (b"",), 0, eightbit=False, utf8=False)
    return Outcome(copy, result, 250 if result is Result.SENT else 450, "so", "dot"), row


def send(ctx: Context, *recipients: str) -> None:
    """The relay takes the copies and mails of these people, or of everybody."""
    with ctx.db.transaction() as tx:
        claimed = claims.claim(tx, claims.owner_name(), ctx.clock())
        theirs = [row for row in claimed if not recipients or row.recipient in recipients]
        claims.record(tx, [answered(row, Result.SENT) for row in theirs], ctx.clock())
        claims.give_back(tx, [row.id for row in claimed if row not in theirs], ctx.clock())


def told_too_much(ctx: Context, **more: Any) -> None:
    seed(ctx)
    archives.post(ctx, "A case", f"{WORDS}.\nWhat would you do?\n", message_id=ID, **more)


def states(ctx: Context) -> dict[str, str]:
    return {row.recipient: row.state for row in
            rows(ctx, "SELECT recipient, state FROM delivery WHERE post_id IS NOT NULL")}  # fmt: skip


def test_copies_that_waited_are_stopped_and_readers_of_the_others_are_asked(ctx: Context) -> None:
    told_too_much(ctx)
    send(ctx, "ben@people.test", "ann@people.test")
    done = take_back(ctx)
    assert done.done and "2 copies had gone out" in done.words and "2 copies that waited" in done.words
    assert scalar(ctx, "SELECT state FROM post") == "recalled"
    assert states(ctx) == {"ann@people.test": "sent", "ben@people.test": "sent", "mia@people.test": "suppressed",
                           "nia@people.test": "suppressed"}  # fmt: skip
    work(ctx)
    (asked,) = notices(ctx, "recalled")
    assert asked.recipient == "ben@people.test", "the author has a mail of their own"
    assert "Ann" in asked.text or "ann@people.test" in asked.text
    assert "Monday 23 November 2026" in asked.text and "Somebody could be recognised." in asked.text
    assert "delete it" in asked.text and WORDS not in asked.text and "A case" not in asked.text
    assert [one.recipient for one in notices(ctx, "recalled-author")] == ["ann@people.test"]
    moderators = notices(ctx, "recalled-moderators")
    assert {one.recipient for one in moderators} == {"mia@people.test", "max@people.test", "facilitators@people.test"}
    assert "23 December 2026" in moderators[0].text and "2 copies had gone out" in moderators[0].text
    with ctx.db.reading() as tx:
        (row,) = incidents.listed(tx)
        entry = audit.entries(tx)[-1]
    assert (row["sent"], row["stopped"], row["told"], row["state"]) == (2, 2, 1, "open") and row["told_at"]
    assert (entry["event"], entry["sent"], entry["incident"]) == ("recall", 2, 1)


def test_nothing_is_asked_twice_whoever_is_killed(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    told_too_much(ctx)
    send(ctx)
    monkeypatch.setattr(incidents, "BATCH", 1)
    take_back(ctx)
    with ctx.db.transaction() as tx:
        assert incidents.announce(ctx, tx, 1) == 1
    with pytest.raises(RuntimeError), ctx.db.transaction() as tx:  # killed before its commit
        assert incidents.announce(ctx, tx, 1) == 1
        raise RuntimeError
    work(ctx)
    work(ctx)
    assert sorted(one.recipient for one in notices(ctx, "recalled")) == [
        "ben@people.test", "mia@people.test", "nia@people.test",
    ]  # fmt: skip
    assert scalar(ctx, "SELECT told FROM incident") == 3
    assert not take_back(ctx).done, "once"
    assert scalar(ctx, "SELECT count(*) FROM incident") == 1


@pytest.mark.parametrize(("result", "state", "asked"), [
    (Result.SENT, "sent", 1), (Result.DEFERRED, "suppressed", 0), (Result.UNSENT, "suppressed", 0),
    (Result.FAILED, "suppressed", 0), (Result.UNKNOWN, "suppressed", 1),
])  # fmt: skip
def test_a_copy_under_way_is_told_of_when_it_arrived_and_not_sent_again(
    ctx: Context, result: Result, state: str, asked: int
) -> None:
    told_too_much(ctx)
    send(ctx, "ann@people.test", "mia@people.test", "nia@people.test")
    with ctx.db.transaction() as tx:
        (row,) = [row for row in claims.claim(tx, claims.owner_name(), ctx.clock()) if row.post_id]
    done = take_back(ctx)
    assert "1 of these were being sent" in done.words
    work(ctx)
    assert scalar(ctx, "SELECT told_at FROM incident") is None, "it waits for what the relay says"
    with ctx.db.transaction() as tx:
        claims.record(tx, [answered(row, result)], ctx.clock())
    work(ctx)
    assert states(ctx)["ben@people.test"] == state
    assert [one.recipient for one in notices(ctx, "recalled")].count("ben@people.test") == asked
    assert scalar(ctx, "SELECT told_at FROM incident") is not None
    with ctx.db.transaction() as tx:
        assert not [row for row in claims.claim(tx, "x", ctx.clock() + timedelta(days=1)) if row.post_id]


def test_both_lists_of_a_message_and_an_approval_that_waits(ctx: Context) -> None:
    seed(ctx)
    raw = mail("ann@people.test", "perinatal@lists.test, anxiety@lists.test", "A case", f"{WORDS}\n", message_id=ID)
    put(ctx, raw, "perinatal@lists.test", "anxiety@lists.test")
    with ctx.db.transaction() as tx:
        tx.execute(text("UPDATE post SET release_at = :t WHERE list_name = 'anxiety'"),
                   {"t": ctx.clock().replace(tzinfo=None) + timedelta(minutes=2)})  # fmt: skip
    work(ctx)
    assert [row.state for row in rows(ctx, "SELECT state FROM post ORDER BY id")] == ["released", "accepted"]
    assert take_back(ctx).done
    assert {row.state for row in rows(ctx, "SELECT state FROM post")} == {"recalled"}
    work(ctx)
    assert set(states(ctx).values()) == {"suppressed"} and notices(ctx, "recalled") == []
    archiver.build(ctx)
    once = archives.files(ctx.settings.archive.directory)
    archiver.build(ctx, full=True)
    assert archives.files(ctx.settings.archive.directory) == once
    assert [row["list"] for row in archives.table(ctx, "SELECT list FROM message")] == ["perinatal"]
    put(ctx, raw, "perinatal@lists.test")
    work(ctx)
    assert scalar(ctx, "SELECT count(*) FROM post") == 2, "the same message does not come in again"


@pytest.mark.parametrize("how", ["bare", "tag", "link"])
def test_it_is_found_by_id_tag_or_link(ctx: Context, how: str) -> None:
    told_too_much(ctx)
    tag = tag_of(ID)
    reference = {"bare": ID.strip("<>"), "tag": tag, "link": f"https://lists.test/archive/perinatal/m/{tag}"}[how]
    assert take_back(ctx, reference).done


def test_what_cannot_be_taken_back_says_why(ctx: Context) -> None:
    seed(ctx)
    assert take_back(ctx).words == "There is no such message."
    put(ctx, mail("nia@people.test", "anxiety@lists.test", message_id="<held@people.test>"), "anxiety@lists.test",
        sender="nia@people.test")  # fmt: skip
    assert "anxiety: held" in take_back(ctx, "<held@people.test>").words


# --- digests -----------------------------------------------------------------------------------------------------


def week(ctx: Context) -> None:
    """Ben gets each post, Lea a weekly letter."""
    with ctx.db.transaction() as tx:
        add_person(tx, "lea@people.test", name="Lea Letter", lists=("perinatal",), delivery="weekly")
        tx.execute(text("UPDATE subscription SET delivery_since = :t WHERE delivery = 'weekly'"),
                   {"t": NOW.replace(tzinfo=None) - timedelta(days=7)})  # fmt: skip
    told_too_much(ctx)
    archives.post(ctx, "Another", "Something harmless.\n")


def letters(ctx: Context) -> list[str]:
    """The texts of digests as they are kept."""
    return [one.text for one in notices(ctx, "digest")]


def test_a_letter_that_comes_later_does_not_tell_of_it(ctx: Context) -> None:
    week(ctx)
    archiver.build(ctx)
    take_back(ctx)
    issuing.run(ctx, NOW + timedelta(days=7))
    (letter,) = letters(ctx)
    assert "Another" in letter and "xylophone" not in letter and "A case" not in letter


def test_a_letter_that_waits_is_written_anew_without_it(ctx: Context) -> None:
    week(ctx)
    archiver.build(ctx)
    issuing.run(ctx, NOW + timedelta(days=7))
    (letter,) = letters(ctx)
    assert "xylophone" in letter
    assert "1 digests" in take_back(ctx).words
    assert letters(ctx) == []
    issuing.run(ctx, NOW + timedelta(days=7))
    issuing.run(ctx, NOW + timedelta(days=7))
    (letter,) = letters(ctx)
    assert "Another" in letter and "xylophone" not in letter
    work(ctx)
    assert "lea@people.test" not in {one.recipient for one in notices(ctx, "recalled")}


def test_who_read_of_it_in_a_letter_is_asked_too(ctx: Context) -> None:
    week(ctx)
    archiver.build(ctx)
    issuing.run(ctx, NOW + timedelta(days=7))
    send(ctx)
    take_back(ctx)
    work(ctx)
    assert {one.recipient for one in notices(ctx, "recalled")} == {
        "ben@people.test", "mia@people.test", "nia@people.test", "lea@people.test",
    }  # fmt: skip
    assert letters(ctx) == []


# --- the removal proof -------------------------------------------------------------------------------------------


def test_its_words_are_nowhere_but_in_the_message(ctx: Context) -> None:
    week(ctx)
    put(ctx, mail("nia@people.test", "anxiety@lists.test", "A case", f"{WORDS}\n", message_id="<held@people.test>"),
        "anxiety@lists.test", sender="nia@people.test")  # fmt: skip
    work(ctx)
    from listserv import moderate

    with ctx.db.transaction() as tx:
        post = scalar(ctx, "SELECT id FROM post WHERE list_name = 'anxiety'")
        assert moderate.decide(ctx, tx, post, "approve", moderate.By("Mia Moss", "mail")).done
    work(ctx)
    archives.post(ctx, "Re: A case", "I would wait.\n", sender="ben@people.test", references=ID, in_reply_to=ID)
    archiver.build(ctx)
    issuing.run(ctx, NOW + timedelta(days=7))
    found = world.places(ctx, "xylophone")
    assert {"message.raw", "notice.raw", "index fragment"} <= set(found)
    before = archives.threads(ctx)
    take_back(ctx)
    take_back(ctx, "<held@people.test>")
    archiver.forget(ctx)
    with ctx.db.transaction() as tx:
        tx.execute(text("DELETE FROM notice WHERE id NOT IN (SELECT notice_id FROM delivery WHERE notice_id > 0)"))
    allowed = {"message.raw"}
    if ctx.settings.sqlite_path is not None:  # the file of the database holds that row, and nothing else of it
        with ctx.db.transaction() as tx:
            tx.execute(text("UPDATE message SET raw = x'789c030000000001' WHERE id IN (SELECT message_id FROM post"
                            " WHERE state = 'recalled')"))  # fmt: skip
        from listserv.edge import forgetting

        forgetting.tidy(ctx.db)
        allowed = set()
    assert set(world.places(ctx, "xylophone")) <= allowed
    assert archives.threads(ctx) == before, "the conversation keeps its shape"


# --- the incident ------------------------------------------------------------------------------------------------


def test_the_contact_is_reminded_twice_and_no_more_when_it_is_closed(make_context: Callable[..., Context]) -> None:
    moment = [NOW]
    ctx = make_context(clock=lambda: moment[0])
    told_too_much(ctx)
    take_back(ctx)

    def reminders(at: datetime) -> int:
        moment[0] = at
        for _ in range(2):
            with ctx.db.transaction() as tx:
                incidents.remind(ctx, tx)
        return len(notices(ctx, "incident"))

    assert reminders(NOW + timedelta(days=22)) == 0
    assert reminders(NOW + timedelta(days=23)) == 1
    assert reminders(NOW + timedelta(days=29)) == 1
    assert reminders(NOW + timedelta(days=30)) == 2
    assert reminders(NOW + timedelta(days=60)) == 2
    with ctx.db.transaction() as tx:
        incidents.close(ctx, tx, 1, OPERATOR, "Assessed: nobody can be recognised.")
    with pytest.raises(UserError, match="closed already"), ctx.db.transaction() as tx:
        incidents.close(ctx, tx, 1, OPERATOR, "again")
    with pytest.raises(UserError, match="no incident"), ctx.db.transaction() as tx:
        incidents.close(ctx, tx, 7, OPERATOR, "again")


def test_a_recall_for_another_reason_has_no_clock(ctx: Context) -> None:
    told_too_much(ctx)
    take_back(ctx, kind=IncidentKind.OTHER)
    assert scalar(ctx, "SELECT assess_by FROM incident") is None
    assert "breach" not in notices(ctx, "recalled-moderators")[0].text


def test_the_record_names_who_received_it(ctx: Context) -> None:
    told_too_much(ctx)
    send(ctx, "ben@people.test")
    take_back(ctx)
    with ctx.db.reading() as tx:
        record = incidents.record(tx, 1)
    assert {one["recipient"] for one in record["copies"] if one["possibly_arrived"]} == {"ben@people.test"}
    assert [one["event"] for one in record["log"]] == ["recall"] and record["posts"][0]["message_id"] == ID


# --- answers that repeat it --------------------------------------------------------------------------------------

CASE = "A baker in Kapunda, whose twins go to the school there, cannot sleep."


def case_and_answer(ctx: Context, quoted: str = f"> {CASE}\n", delay: int = 0) -> None:
    """A case goes out, and a newcomer's answer to it is held."""
    seed(ctx)
    put(ctx, mail("ann@people.test", "anxiety@lists.test", "A case", f"{CASE}\n", message_id=ID), "anxiety@lists.test")
    work(ctx)
    answer_to_it(ctx, quoted)
    assert [one.state for one in rows(ctx, "SELECT state FROM post ORDER BY id")] == ["released", "held"]


def answer_to_it(ctx: Context, quoted: str, who: str = "nia@people.test", identity: str = "<re@people.test>") -> None:
    answer = mail(
        who, "anxiety@lists.test", "Re: A case", f"Try light.\n\n{quoted}", message_id=identity, In_Reply_To=ID
    )
    put(ctx, answer, "anxiety@lists.test", sender=who)
    work(ctx)


def approve(ctx: Context, notice: Written, words: str) -> str:
    identity = f"<{abs(hash(words))}@r.test>"
    raw = mail(notice.recipient, notice.reply_to, "Re: held", words, message_id=identity)
    put(ctx, raw, notice.reply_to, sender=notice.recipient)
    work(ctx)
    return str(scalar(ctx, "SELECT state FROM post ORDER BY id DESC LIMIT 1"))


def test_a_held_answer_that_repeats_it_is_approved_knowingly_or_not_at_all(ctx: Context) -> None:
    case_and_answer(ctx)
    old = notices(ctx, "held", "mia@people.test")[-1]
    done = take_back(ctx)
    assert "repeat words of it: 1." in done.words
    work(ctx)
    told = notices(ctx, "held", "mia@people.test")
    assert len(told) == 2 and "It repeats words of a message that was taken back." in told[-1].text
    assert approve(ctx, old, "approve\n") == "held", "the old notice did not say so"
    assert "`approve` once more" in " ".join(notices(ctx, "unclear")[-1].text.split())
    assert approve(ctx, told[-1], "approve \n\n-- \nMia\n") == "released"


def test_an_approval_from_before_does_not_stand(ctx: Context) -> None:
    case_and_answer(ctx)
    with ctx.db.transaction() as tx:
        moderate.decide(ctx, tx, 2, "approve", By("Max", "shell", tx.execute(text(
            "SELECT id FROM person WHERE name = 'Max Marsh'")).scalar()))  # fmt: skip
        tx.execute(text("UPDATE post SET release_at = :t WHERE id = 2"),
                   {"t": ctx.clock().replace(tzinfo=None) + timedelta(minutes=2)})  # fmt: skip
    assert scalar(ctx, "SELECT state FROM post WHERE id = 2") == "accepted"
    take_back(ctx)
    work(ctx)
    assert scalar(ctx, "SELECT state FROM post WHERE id = 2") == "held"
    assert scalar(ctx, "SELECT approved_posts FROM person WHERE name = 'Nia New'") == 0
    assert scalar(ctx, "SELECT count(*) FROM delivery WHERE post_id = 2") == 0


def test_an_answer_without_its_words_goes_its_way(ctx: Context) -> None:
    case_and_answer(ctx, "")
    done = take_back(ctx)
    assert "repeat words" not in done.words
    assert approve(ctx, notices(ctx, "held", "mia@people.test")[-1], "approve\n") == "released"


@pytest.mark.parametrize(("quoted", "state"), [(f"> {CASE}\n", "held"), ("", "released")])
def test_an_answer_that_comes_later_is_looked_at_when_it_repeats_it(ctx: Context, quoted: str, state: str) -> None:
    case_and_answer(ctx)
    take_back(ctx)
    answer_to_it(ctx, quoted, who="ben@people.test", identity="<later@people.test>")
    assert scalar(ctx, "SELECT state FROM post ORDER BY id DESC LIMIT 1") == state
