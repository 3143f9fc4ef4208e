"""Commands by mail: one answer each, suggestions, proof, and nothing done by what is none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from listserv import archiver, life
from listserv.commands import reading
from listserv.context import Context
from listserv.digest import asking
from listserv.mail.incoming import read
from tests.conftest import NOW
from tests.house import copies_of, notices, put, rows, work
from tests.letters import Clock, house, letters
from tests.people import mail, seed

REQUEST = "community-request@lists.test"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def ctx(make_context: Callable[..., Context], clock: Clock) -> Context:
    made = house(make_context, clock)
    seed(made)
    return made


def say(
    ctx: Context, text: str, *, sender: str = "ann@people.test", to: str = REQUEST, subject: str = "", **more: str
) -> str:
    """Sends a mail with these lines; what the answer says."""
    before = notices(ctx, to=sender)
    identity = f"<{abs(hash((text, sender, to, len(before)))):x}@people.test>"
    for reply in put(ctx, mail(sender, to, subject, text, message_id=identity, **more), to, sender=sender):
        assert reply.code == 250, reply
    work(ctx)
    after = notices(ctx, to=sender)[len(before) :]
    return "\n".join(f"{one.subject}\n{one.text}" for one in after)


def one(ctx: Context, query: str) -> object:
    found = rows(ctx, query)
    return tuple(found[0]) if found else None


def test_help_status_and_lists(ctx: Context) -> None:
    assert "pause until 15 Jan" in say(ctx, "help\n")
    status = say(ctx, "Status, please\n\nOn Monday you wrote:\n> leave all\n")
    assert "You are a member." in status and "Perinatal mental health: each message by itself" in status
    assert "PSY•" in status and "PSY00012345671" not in status
    assert "news: News" in say(ctx, "", subject="lists")


def test_several_commands_get_one_answer(ctx: Context) -> None:
    said = say(ctx, "weekly\nleave anxiety\nlists\n-- \nAnn\nhelp\n")
    assert said.count("Commands go to") == 1 and "From now on" in said and "You have left Anxiety" in said
    found = {row.list_name: (row.delivery, row.left_at is None) for row in rows(
        ctx, "SELECT list_name, delivery, left_at FROM subscription WHERE person_id = 1")}  # fmt: skip
    assert found == {"perinatal": ("weekly", True), "anxiety": ("weekly", False)}
    assert "pause until" not in said, "what stands below the signature is no command"


def test_typing_mistakes_get_a_suggestion_and_do_nothing(ctx: Context) -> None:
    assert "Did you mean: weekly?" in say(ctx, "weeky\n")
    assert "Did you mean: unsubscribe?" in say(ctx, "unsuscribe\n")
    assert "Did you mean: leave perinatal?" in say(ctx, "leev perinatal\n")
    assert "Did you mean: pause until tomorrow?" in say(ctx, "pase until tomorrow\n")
    for words in ("Hello all", "Kind regards", "Thanks for that", "Great idea"):
        assert reading.one(words) is None, words
    assert one(ctx, "SELECT COUNT(*) FROM subscription WHERE delivery <> 'each' OR left_at IS NOT NULL") == (0,)


def test_a_sentence_is_no_command_and_a_person_reads_it(ctx: Context) -> None:
    said = say(ctx, "Help me understand why my last post was refused, please.\n", subject="A question")
    assert "passed on to a person" in said
    assert [n.recipient for n in notices(ctx, "forward")] == ["facilitators@people.test"]


def test_join_and_leave(ctx: Context) -> None:
    assert "You are on News now" in say(ctx, "join news\n")
    assert "already" in say(ctx, "subscribe News\n")
    assert "Which list?" in say(ctx, "leave\n")
    assert "You have left News" in say(ctx, "leave news\n")
    assert "You have left Perinatal" in say(ctx, "leave\n", to="perinatal-request@lists.test")
    say(ctx, "", to="anxiety-leave@lists.test")
    assert one(ctx, "SELECT COUNT(*) FROM subscription WHERE person_id = 1 AND left_at IS NULL") == (0,)


def test_pause_resume_and_what_was_said_meanwhile(ctx: Context, clock: Clock) -> None:
    said = say(ctx, "pause until 3 Dec\n")
    assert "paused until 3 December 2026" in said
    assert one(ctx, "SELECT status FROM person WHERE id = 1") == ("paused",)
    clock.now += timedelta(days=1)
    put(ctx, mail("ben@people.test", subject="While away", text="Said.\n"), sender="ben@people.test")
    work(ctx)
    assert "ann@people.test" not in copies_of(ctx)
    assert say(ctx, "Posting goes on.\n", to="perinatal@lists.test", subject="From a pause") == ""
    assert one(ctx, "SELECT state FROM post WHERE subject = 'From a pause'") == ("released",)
    clock.now = NOW + timedelta(days=10)
    assert ctx.db.submit(lambda tx: life.resume_due(ctx, tx)).result() == 1
    archiver.build(ctx)
    asking.run(ctx)
    (letter,) = letters(ctx, "ann@people.test")
    assert "While away" in letter.text and "while you were away" in letter.subject
    assert one(ctx, "SELECT status, paused_at FROM person WHERE id = 1") == ("active", None)
    assert "Until when?" in say(ctx, "pause until yesterday\n")
    assert "until you write `resume`" in say(ctx, "pause\n")
    assert "Welcome back" in say(ctx, "resume\n") and "not paused" in say(ctx, "resume\n")


def test_search_last_and_get(ctx: Context) -> None:
    put(ctx, mail("ben@people.test", subject="About wombats", text="Wombats sleep by day.\n"), sender="ben@people.test")
    put(ctx, mail("max@people.test", "anxiety@lists.test", "Secret of anxiety", "Wombats again.\n"),
        "anxiety@lists.test", sender="max@people.test")  # fmt: skip
    work(ctx)
    archiver.build(ctx)
    assert "About wombats" in say(ctx, "search wombats sleep\n")
    last = say(ctx, "last 5\n")
    assert "About wombats" in last
    tag = one(ctx, "SELECT tag FROM post WHERE subject = 'About wombats'")[0]  # type: ignore[index]
    assert "Wombats sleep by day." in say(ctx, f"get {tag}\n")
    say(ctx, "leave anxiety\n")
    hidden = one(ctx, "SELECT tag FROM post WHERE subject = 'Secret of anxiety'")[0]  # type: ignore[index]
    assert "no such message" in say(ctx, f"get {hidden}\n") and "Secret" not in say(ctx, "search wombats\n")
    assert "Secret" not in say(ctx, "last\n")


def test_follow_and_mute_a_conversation(ctx: Context) -> None:
    put(
        ctx,
        mail("ben@people.test", subject="A long talk", text="First.\n", message_id="<t1@x>"),
        sender="ben@people.test",
    )
    work(ctx)
    archiver.build(ctx)
    tag = one(ctx, "SELECT tag FROM post WHERE subject = 'A long talk'")[0]  # type: ignore[index]
    assert "Nothing more of" in say(ctx, f"mute https://lists.test/archive/perinatal/m/{tag}\n")
    say(ctx, "weekly\n", sender="nia@people.test")
    assert "Each message of" in say(ctx, f"follow {tag}\n", sender="nia@people.test")
    refers = {"message_id": "<t2@x>", "in_reply_to": "<t1@x>", "references": "<t1@x>"}
    answer = mail("mia@people.test", subject="Re: A long talk", text="Second.\n", **refers)
    put(ctx, answer, sender="mia@people.test")
    work(ctx)
    post = one(ctx, "SELECT id FROM post WHERE subject = 'Re: A long talk'")[0]  # type: ignore[index]
    got = [row.recipient for row in rows(ctx, f"SELECT recipient FROM delivery WHERE post_id = {post} ORDER BY 1")]
    assert got == ["ben@people.test", "mia@people.test", "nia@people.test"]


def test_addresses(ctx: Context) -> None:
    assert "A mail has gone to" in say(ctx, "address add ann@new.test\n")
    (asked,) = notices(ctx, "address")
    assert asked.recipient == "ann@new.test"
    say(ctx, "yes\n", sender="eve@evil.test", to=asked.reply_to)
    assert one(ctx, "SELECT COUNT(*) FROM address WHERE email = 'ann@new.test'") == (0,)
    say(ctx, "yes\n", sender="ann@new.test", to=asked.reply_to)
    assert one(ctx, "SELECT person_id, preferred FROM address WHERE email = 'ann@new.test'") == (1, 0)
    assert len(notices(ctx, "address-added")) == 2
    say(ctx, "address prefer ann@new.test\n")
    assert "not one of your addresses" in say(ctx, "address remove ben@people.test\n", sender="ann@new.test")
    before = len(notices(ctx, "address"))
    assert "A mail has gone to" in say(ctx, "address add ben@people.test\n", sender="ann@new.test"), (
        "nobody is found out"
    )
    assert len(notices(ctx, "address")) == before
    say(ctx, "address remove ann@people.test\n", sender="ann@new.test")
    assert one(ctx, "SELECT COUNT(*) FROM address WHERE person_id = 1") == (1,)
    assert "only address" in say(ctx, "address remove ann@new.test\n", sender="ann@new.test")


def test_a_command_to_the_list_is_carried_out_and_not_distributed(ctx: Context) -> None:
    said = say(ctx, "weekly\n", to="perinatal@lists.test", subject="weekly")
    assert "From now on" in said
    assert one(ctx, "SELECT COUNT(*) FROM post") == (0,)
    assert one(ctx, "SELECT delivery FROM subscription WHERE person_id = 1 AND list_name = 'perinatal'") == ("weekly",)
    assert one(ctx, "SELECT delivery FROM subscription WHERE person_id = 1 AND list_name = 'anxiety'") == ("each",)


def test_strangers_and_machines(ctx: Context) -> None:
    assert "Commands are for members" in say(ctx, "search wombats\n", sender="eve@evil.test")
    for number in range(6):
        say(ctx, f"help\n{number}\n", sender="eve@evil.test")
    assert len(notices(ctx, to="eve@evil.test")) == 3
    for more in ({"auto_submitted": "auto-replied"}, {"precedence": "bulk"}, {"list_id": "<x.other>"}):
        assert say(ctx, "leave all\n", **more) == ""
    assert say(ctx, "leave all\n", sender="mailer-daemon@people.test") != "x"
    assert one(ctx, "SELECT COUNT(*) FROM subscription WHERE left_at IS NOT NULL") == (0,)


def test_without_proof_a_member_is_asked_and_a_stranger_is_not(
    make_context: Callable[..., Context], clock: Clock
) -> None:
    asks = house(make_context, clock, authentication={"unverified": "confirm"})
    seed(asks)
    assert "Is this command yours?" in say(asks, "leave perinatal\n")
    assert one(asks, "SELECT COUNT(*) FROM subscription WHERE left_at IS NOT NULL") == (0,)
    (question,) = notices(asks, "sender")
    say(asks, "yes\n", to=question.reply_to)
    assert one(asks, "SELECT list_name FROM subscription WHERE left_at IS NOT NULL") == ("perinatal",)
    assert say(asks, "help\n", sender="eve@evil.test") == ""


def test_lapsed_members_are_told_why(ctx: Context) -> None:
    with ctx.db.transaction() as tx:
        tx.exec_driver_sql("UPDATE credential SET expires = '2026-01-31' WHERE person_id = 1")
    said = say(ctx, "search wombats\n")
    assert "ended on 31 January 2026" in said and "renew" in said
    assert "have been asked to look up" in say(ctx, "renew until 31 Jan 2028\n")
    assert "Until when" in say(ctx, "renew\n")


LINES = {
    "help": ("help", ""), "HELP!": ("help", ""), "Re: help": ("help", ""), "help please": ("help", ""),
    "I need help with my post": None, "help me": ("help", "me"), "weekly": ("delivery", ""),
    "daily perinatal": ("delivery", "perinatal"), "wöchentlich": ("delivery", ""), "Urlaub": ("pause", ""),
    "pause bis 3. März": ("pause", "bis 3. März"), "Set digest plain": ("digest", "plain"), "digest": ("digest", ""),
    "leave perinatal": ("leave", "perinatal"), "Leaving soon": None, "whoami": ("status", ""),
    "i agree": ("agree", ""), "I agree with Ben about that": None, "I agree to the new terms.": ("agree", ""),
    "forget me": ("forget", ""), "Forget it": None, "": None, "lists are fine": None,
    "last 20 perinatal": ("last", "20 perinatal"),
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_lines(line: str) -> None:
    found = reading.one(line)
    expected = LINES[line]
    assert ((found.verb, found.argument) if found and found.verb else None) == expected


def test_reading_never_fails() -> None:
    for raw in (
        b"",
        b"\xff\xfe",
        b"Subject: =?x?q?=?=\r\n\r\n\x00help",
        b"Subject: " + b"a" * 5000 + b"\r\n\r\n" + b"help\n" * 5000,
    ):
        assert isinstance(reading.commands(read(raw, "")), list)
