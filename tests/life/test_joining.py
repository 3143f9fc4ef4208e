"""Joining by mail: any order, nobody found out, nobody bombed, verifiers who answer by reply."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from listserv import housekeeping, life
from listserv.context import Context
from tests.conftest import NOW, community
from tests.house import Written, notices, put, rows, work
from tests.letters import Clock
from tests.people import add_person, mail, seed

JOIN = "community-join@lists.test"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def ctx(make_context: Callable[..., Context], clock: Clock, tmp_path: Path) -> Context:
    """A community with terms and professions; Vera verifies."""
    (tmp_path / "terms.md").write_text("Be kind; name no client.\n")
    data = community()["community"] | {"terms": "terms.md", "default_delivery": "weekly"}
    psychologist = {"title": "Psychologist", "number": "PSY[0-9]{10}", "renewal": "30 Nov", "late": "31d"}
    professions = {"psychologist": psychologist | {"read_only": "30d", "look_up": "https://register.test/"}}
    made = make_context(community(community=data, professions=professions), clock=clock)
    seed(made)
    with made.db.transaction() as tx:
        vera = add_person(tx, "vera@people.test", name="Vera Verifier", lists=("perinatal",))
        tx.exec_driver_sql(f"INSERT INTO role(person_id, list_name, role) VALUES ({vera}, 'community', 'verifier')")
    return made


def write(
    ctx: Context, to: str, text: str, sender: str = "new@there.test", subject: str = "Re: joining", **more: str
) -> None:
    count = rows(ctx, "SELECT COUNT(*) AS n FROM notice")[0].n
    identity = f"<{abs(hash((to, text, sender, count))):x}@there.test>"
    for reply in put(ctx, mail(sender, to, subject, text, message_id=identity, **more), to, sender=sender):
        assert reply.code == 250, reply
    work(ctx)


def newest(ctx: Context, to: str) -> Written:
    return notices(ctx, to=to)[-1]


def application(ctx: Context) -> object:
    return rows(ctx, "SELECT * FROM application ORDER BY id DESC LIMIT 1")[0]


ALL = "Name: Nora Neu\nProfession: Psychologist\nRegistration: PSY0001112223\nLists: perinatal\nI agree\n"


def test_all_in_one_mail(ctx: Context) -> None:
    write(ctx, JOIN, "I would like to join.\n", subject="Hello")
    asked = newest(ctx, "new@there.test")
    assert "Name:" in asked.text and "I agree" in asked.text and "Be kind; name no client." in asked.text
    assert rows(ctx, "SELECT COUNT(*) AS n FROM person WHERE status = 'applied'")[0].n == 0, (
        "not before it is confirmed"
    )
    write(ctx, asked.reply_to, ALL)
    assert "a person looks at it now" in newest(ctx, "new@there.test").text
    told = newest(ctx, "vera@people.test")
    assert "PSY0001112223" in told.text and "https://register.test/" in told.text and "30 November 2027" in told.text
    write(ctx, told.reply_to, "verified until 30 Nov 2027\n", sender="vera@people.test")
    welcome = newest(ctx, "new@there.test")
    assert "Welcome to" in welcome.subject and "perinatal@lists.test" in welcome.text
    joined = "person p JOIN credential c ON c.person_id = p.id JOIN subscription s ON s.person_id = p.id"
    columns = "p.status, c.number, c.expires, s.list_name, s.delivery"
    row = rows(ctx, f"SELECT {columns} FROM {joined} WHERE p.name = 'Nora Neu'")[0]
    assert tuple(map(str, row)) == ("active", "PSY0001112223", "2027-11-30", "perinatal", "weekly")
    evidence = rows(ctx, "SELECT a.evidence, t.text FROM agreement a JOIN termstext t ON t.version = a.version")[0]
    assert (
        evidence.evidence.startswith("reply from new@there.test, Message-ID <")
        and evidence.text == "Be kind; name no client."
    )


def test_one_by_one_in_any_order(ctx: Context) -> None:
    write(ctx, "perinatal-join@lists.test", "\n", subject="join")
    for text in ("I agree\n", "Registration: PSY0001112223\n", "Profession: Psychologist\n", "Name: Nora Neu\n"):
        write(ctx, newest(ctx, "new@there.test").reply_to, text)
    told = newest(ctx, "vera@people.test")
    write(ctx, told.reply_to, "need a letter of your supervisor\n", sender="vera@people.test")
    assert "a letter of your supervisor" in newest(ctx, "new@there.test").text
    write(ctx, newest(ctx, "new@there.test").reply_to, "Registration: PSY0001112224\n")
    again = newest(ctx, "vera@people.test")
    assert "PSY0001112224" in again.text
    write(ctx, again.reply_to, "verified until 30 Nov 2027\n", sender="vera@people.test")
    assert "Welcome" in newest(ctx, "new@there.test").subject
    assert rows(ctx, "SELECT COUNT(*) AS n FROM subscription WHERE list_name = 'perinatal' AND person_id ="
                     " (SELECT id FROM person WHERE name = 'Nora Neu')")[0].n == 1  # fmt: skip


def test_verified_first_then_terms(ctx: Context) -> None:
    write(ctx, JOIN, "\n")
    write(ctx, newest(ctx, "new@there.test").reply_to, ALL.replace("I agree\n", ""))
    told = newest(ctx, "vera@people.test")
    write(ctx, told.reply_to, "verified until 30 Nov 2027\n", sender="vera@people.test")
    missing = newest(ctx, "new@there.test")
    assert "Nearly a member" in missing.subject and "I agree" in missing.text
    write(ctx, missing.reply_to, "I agree\n")
    assert "Welcome" in newest(ctx, "new@there.test").subject


def test_declined_and_wrong_numbers(ctx: Context) -> None:
    write(ctx, JOIN, "\n")
    write(ctx, newest(ctx, "new@there.test").reply_to, ALL.replace("PSY0001112223", "12345"))
    assert "does not look like a registration number of Psychologist" in newest(ctx, "new@there.test").text
    assert not notices(ctx, "verify")
    write(ctx, newest(ctx, "new@there.test").reply_to, "Registration: PSY0001234567" + "1\n")
    assert not notices(ctx, "verify")
    with ctx.db.reading() as tx:
        number = tx.exec_driver_sql("SELECT number FROM credential WHERE person_id = 1").scalar()
    with ctx.db.transaction() as tx:
        tx.exec_driver_sql("UPDATE credential SET number = 'PSY0009999999' WHERE person_id = 1")
    assert number
    write(ctx, newest(ctx, "new@there.test").reply_to, "Registration: PSY0009999999\n")
    told = newest(ctx, "vera@people.test")
    assert "Ann Archer (active) has the same registration number" in told.text
    write(ctx, told.reply_to, "decline\n", sender="vera@people.test")
    assert "Nothing was decided" in newest(ctx, "vera@people.test").text
    write(ctx, told.reply_to, "decline not the person of that number\n", sender="vera@people.test")
    assert "not the person of that number" in newest(ctx, "new@there.test").text
    write(ctx, told.reply_to, "verified until 30 Nov 2027\n", sender="vera@people.test")
    assert "Already decided" in newest(ctx, "vera@people.test").subject


def test_nobody_is_found_out_or_bombed(ctx: Context, clock: Clock) -> None:
    for _ in range(5):
        write(ctx, JOIN, "\n", sender="victim@there.test")
        write(ctx, JOIN, "\n", sender="ann@people.test")
    assert len(notices(ctx, to="victim@there.test")) == 1
    assert len(notices(ctx, to="ann@people.test")) <= 2
    assert "already" in notices(ctx, to="ann@people.test")[0].subject
    clock.now += timedelta(hours=25)
    write(ctx, JOIN, "\n", sender="victim@there.test")
    assert len(notices(ctx, to="victim@there.test")) == 2
    for number in range(400):
        write(ctx, JOIN, "\n", sender=f"x{number}@there.test")
    assert len(notices(ctx, "join")) <= 205
    for extra in ({"auto_submitted": "auto-replied"}, {"list_id": "<other.list>"}, {"precedence": "bulk"}):
        write(ctx, JOIN, "\n", sender="robot@there.test", **extra)
    assert not notices(ctx, to="robot@there.test")


def test_tags_and_dots_are_no_way_around_two_questions_a_day(ctx: Context, clock: Clock) -> None:
    """What goes into one mailbox counts together, also with what a member asks to have added."""
    tried = [f"victim+{number}@there.test" for number in range(5)] + ["VICTIM@there.test", "Victim+x@There.test"]
    for sender in tried:
        write(ctx, JOIN, "\n", sender=sender)
    assert [one.recipient for one in notices(ctx, "join")] == ["victim+0@there.test", "victim+1@there.test"]
    write(ctx, "community-request@lists.test", "address add victim+9@there.test\n", sender="vera@people.test",
          subject="address add victim+9@there.test")  # fmt: skip
    assert not notices(ctx, "address")
    for sender in ("v.ictim@gmail.com", "vi.ctim@gmail.com", "victim+a@googlemail.com"):
        write(ctx, JOIN, "\n", sender=sender)
    assert len(notices(ctx, "join")) == 4
    for tag in range(5):  # a member's address with a tag is a stranger's; all the same it is one mailbox
        write(ctx, JOIN, "\n", sender=f"ann+{tag}@people.test")
        write(ctx, JOIN, "\n", sender="ann@people.test")
    assert sum(one.recipient.startswith("ann") for one in notices(ctx)) == 2
    clock.now += timedelta(hours=25)
    write(ctx, JOIN, "\n", sender="victim+7@there.test")
    assert notices(ctx, "join")[-1].recipient == "victim+7@there.test"


def test_status_and_agree_of_an_applicant_show_each_step(ctx: Context) -> None:
    write(ctx, JOIN, "\n")
    write(ctx, newest(ctx, "new@there.test").reply_to, "Name: Nora Neu\nProfession: Psychologist\n")
    for word in ("status", "I agree to the terms"):
        before = len(notices(ctx, to="new@there.test"))
        write(ctx, "community-request@lists.test", f"{word}\n", subject=word)
        (said,) = notices(ctx, to="new@there.test")[before:]
        assert "address        confirmed" in said.text and "registration   missing" in said.text
        assert "renew" not in said.text and "-confirm+" in said.reply_to
    write(ctx, newest(ctx, "new@there.test").reply_to, "Registration: PSY0001112223\nI agree\n")
    assert "wants to join" in newest(ctx, "vera@people.test").subject


def test_answers_from_elsewhere_do_nothing(ctx: Context) -> None:
    write(ctx, JOIN, "\n")
    asked = newest(ctx, "new@there.test")
    write(ctx, asked.reply_to, ALL, sender="eve@evil.test")
    write(ctx, asked.reply_to, ALL, auto_submitted="auto-replied")
    assert application(ctx).confirmed_at is None  # type: ignore[attr-defined]
    write(ctx, asked.reply_to, "withdraw\n")
    assert application(ctx).state == "withdrawn"  # type: ignore[attr-defined]


def test_a_verifiers_word_needs_the_verifier(ctx: Context) -> None:
    write(ctx, JOIN, "\n")
    write(ctx, newest(ctx, "new@there.test").reply_to, ALL)
    told = newest(ctx, "vera@people.test")
    write(ctx, told.reply_to, "verified until 30 Nov 2027\n", sender="new@there.test")
    write(ctx, told.reply_to, "verified until 30 Nov 2027\n", sender="ann@people.test")
    write(ctx, told.reply_to, "verified until 30 Nov 2027\n", sender="vera@people.test", auto_submitted="auto-replied")
    assert application(ctx).verified_at is None  # type: ignore[attr-defined]


def test_reminded_after_seven_days_and_closed_after_thirty(ctx: Context, clock: Clock) -> None:
    write(ctx, JOIN, "\n")
    write(ctx, newest(ctx, "new@there.test").reply_to, "Name: Nora Neu\n")
    clock.now += timedelta(days=8)
    for _ in range(2):
        ctx.db.submit(lambda tx: life.remind(ctx, tx)).result()
    assert len([one for one in notices(ctx, to="new@there.test") if "waits for you" in one.subject]) == 1
    clock.now += timedelta(days=23)
    ctx.db.submit(lambda tx: life.close_old(ctx, tx)).result()
    assert application(ctx).state == "closed"  # type: ignore[attr-defined]
    assert "has ended" in newest(ctx, "new@there.test").subject
    write(ctx, JOIN, "\n")
    assert application(ctx).state == "open"  # type: ignore[attr-defined]


def test_a_member_joins_another_list_with_one_word(ctx: Context) -> None:
    write(ctx, "news-join@lists.test", "\n", sender="sue@people.test")
    asked = newest(ctx, "sue@people.test")
    write(ctx, asked.reply_to, "yes\n", sender="eve@evil.test")
    assert not rows(ctx, "SELECT 1 FROM subscription s JOIN person p ON p.id = s.person_id WHERE p.name = 'Sue Short'")
    write(ctx, asked.reply_to, "yes\n", sender="sue@people.test")
    assert "agree to the present terms" in newest(ctx, "sue@people.test").text
    sue = rows(ctx, "SELECT id FROM person WHERE name = 'Sue Short'")[0].id
    ctx.db.submit(lambda tx: life.agree(ctx, tx, sue, "a mail")).result()
    write(ctx, asked.reply_to, "yes\n", sender="sue@people.test")
    assert rows(ctx, "SELECT list_name FROM subscription s JOIN person p ON p.id = s.person_id WHERE"
                     " p.name = 'Sue Short'")[0].list_name == "news"  # fmt: skip


def test_who_was_excluded_does_not_come_in_by_the_side(ctx: Context, clock: Clock) -> None:
    for status, words in (("banned", "cannot be done by mail"), ("lapsed", "rests")):
        clock.now += timedelta(hours=25)
        with ctx.db.transaction() as tx:
            tx.exec_driver_sql("UPDATE person SET status = 'active' WHERE name = 'Sue Short'")
        before = len(notices(ctx, to="sue@people.test"))
        write(ctx, "news-join@lists.test", "\n", sender="sue@people.test")
        asked = notices(ctx, to="sue@people.test")[before]
        with ctx.db.transaction() as tx:
            tx.exec_driver_sql(f"UPDATE person SET status = '{status}' WHERE name = 'Sue Short'")
        write(ctx, asked.reply_to, "yes\n", sender="sue@people.test")
        if status == "banned":
            write(ctx, "news-join@lists.test", "\n", sender="sue@people.test")
        assert words in newest(ctx, "sue@people.test").text
    assert not rows(ctx, "SELECT 1 FROM subscription s JOIN person p ON p.id = s.person_id WHERE p.name = 'Sue Short'")


def test_somebody_who_left_comes_back(ctx: Context) -> None:
    with ctx.db.transaction() as tx:
        tx.exec_driver_sql("UPDATE person SET status = 'left' WHERE id = 1")
    write(ctx, "perinatal-join@lists.test", "\n", sender="ann@people.test")
    write(ctx, newest(ctx, "ann@people.test").reply_to, ALL.replace("Nora Neu", "Ann Archer"), sender="ann@people.test")
    told = newest(ctx, "vera@people.test")
    write(ctx, told.reply_to, "verified until 30 Nov 2027\n", sender="vera@people.test")
    assert rows(ctx, "SELECT status FROM person WHERE id = 1")[0].status == "active"
    assert rows(ctx, "SELECT COUNT(*) AS n FROM person WHERE name = 'Ann Archer'")[0].n == 1


def test_the_job_runs(ctx: Context) -> None:
    import asyncio

    asyncio.run(housekeeping.members(ctx))
