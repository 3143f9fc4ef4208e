"""From acceptance to delivery rows, on both databases: who gets a post, who is refused and told what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from listserv.context import Context
from listserv.intake.accept import combined
from listserv.model import Status
from tests.conftest import NOW, community
from tests.dns_server import name_server
from tests.house import copies_of, notices, put, rows, scalar, work
from tests.people import add_person, mail, seed

BOTH = ["ann@people.test", "ben@people.test", "mia@people.test", "nia@people.test"]


def test_a_post_becomes_one_copy_for_each_who_takes_each_post(ctx: Context) -> None:
    seed(ctx)
    with ctx.db.transaction() as tx:
        for name, more in {
            "weekly": {"delivery": "weekly"},
            "nomail": {"delivery": "none"},
            "paused": {"status": Status.PAUSED},
            "gone": {"status": Status.LEFT},
            "out": {"status": Status.SUSPENDED},
            "away": {"status": Status.BOUNCING},
        }.items():
            add_person(tx, f"{name}@people.test", lists=("perinatal",), **more)
    assert [str(reply) for reply in put(ctx, mail())] == ["250 2.0.0 Thank you, the message is in safe hands"]
    work(ctx)
    assert copies_of(ctx) == BOTH
    assert scalar(ctx, "SELECT copies FROM post") == 4


@pytest.mark.parametrize(
    ("sender", "words"),
    [
        ("sam@elsewhere.test", "takes posts from members only"),
        ("sue@people.test", "not on the list perinatal"),
        ("late@people.test", "registration"),
        ("bad@people.test", "cannot post here any more"),
        ("out@people.test", "suspended"),
        ("perinatal@lists.test", "belongs to the list system"),
    ],
)
def test_who_may_not_post_is_told_why_in_one_sentence(ctx: Context, sender: str, words: str) -> None:
    seed(ctx)
    with ctx.db.transaction() as tx:
        add_person(tx, "late@people.test", lists=("perinatal",), expires=date(2026, 11, 22))
        add_person(tx, "bad@people.test", lists=("perinatal",), status=Status.BANNED)
        add_person(tx, "out@people.test", lists=("perinatal",), status=Status.SUSPENDED)
    (reply,) = put(ctx, mail(sender), sender=sender)
    assert reply.code == 550 and words in reply.text
    assert scalar(ctx, "SELECT count(*) FROM post") == scalar(ctx, "SELECT count(*) FROM message") == 0
    assert scalar(ctx, "SELECT from_address FROM refusal") == sender


def test_a_registration_is_valid_through_its_last_day_in_the_communitys_time_zone(
    make_context: Callable[..., Context],
) -> None:
    moment = datetime(2026, 11, 22, 12, 59, tzinfo=UTC)  # one minute before midnight in Sydney
    ctx = make_context(clock=lambda: moment)
    with ctx.db.transaction() as tx:
        add_person(tx, "ann@people.test", lists=("perinatal",), expires=date(2026, 11, 22))
    assert put(ctx, mail(subject="in time"))[0].code == 250
    moment += timedelta(minutes=2)
    assert put(ctx, mail(subject="too late"))[0].code == 550


def test_terms_have_to_be_agreed_to_and_a_new_text_is_a_new_version(
    make_context: Callable[..., Context], tmp_path: Any
) -> None:
    from sqlalchemy import insert

    from listserv import membership
    from listserv.model import Agreement

    data = community()
    data["community"]["terms"] = "terms.md"
    (tmp_path / "terms.md").write_text("Be kind.")
    ctx = make_context(data)
    seed(ctx)
    assert "agreement" in put(ctx, mail())[0].text
    with ctx.db.transaction() as tx:
        version = membership.terms_version(ctx.settings)
        tx.execute(insert(Agreement).values(person_id=1, version=version, agreed_at=NOW, evidence="test"))
    assert put(ctx, mail())[0].code == 250
    (tmp_path / "terms.md").write_text("Be kind and patient.")
    assert put(ctx, mail(subject="later"))[0].code == 550


def test_the_same_message_again_is_taken_once_and_not_a_word_is_said(ctx: Context) -> None:
    seed(ctx)
    first = put(ctx, mail(), "perinatal@lists.test", "perinatal@lists.test")
    again = put(ctx, b"Received: by another path\r\n" + mail())
    assert {str(reply) for reply in (*first, *again)} == {"250 2.0.0 Thank you, the message is in safe hands"}
    work(ctx)
    assert scalar(ctx, "SELECT count(*) FROM post") == 1
    assert copies_of(ctx) == BOTH
    put(ctx, mail())
    work(ctx)
    assert copies_of(ctx) == BOTH


def test_another_text_under_the_same_message_id_is_held_and_never_dropped(ctx: Context) -> None:
    seed(ctx)
    put(ctx, mail(message_id="<one@people.test>"))
    put(ctx, mail(message_id="<one@people.test>", text="Something else.\n"))
    assert [row.state for row in rows(ctx, "SELECT state FROM post ORDER BY id")] == ["accepted", "held"]
    assert rows(ctx, "SELECT reasons FROM post ORDER BY id")[1].reasons is not None


def test_a_message_without_a_message_id_gets_one_that_stays_the_same(ctx: Context) -> None:
    seed(ctx)
    put(ctx, mail(message_id=None))
    put(ctx, mail(message_id=None))
    assert scalar(ctx, "SELECT count(*) FROM post") == 1
    assert scalar(ctx, "SELECT message_id_header FROM post").endswith("@lists.test>")


@pytest.mark.parametrize("order", [("perinatal", "anxiety"), ("anxiety", "perinatal")])
def test_a_post_to_two_lists_in_one_transaction_reaches_each_person_once_by_the_first_list(
    ctx: Context, order: tuple[str, str]
) -> None:
    seed(ctx)
    put(ctx, mail(to="anxiety@lists.test, perinatal@lists.test"), *(f"{name}@lists.test" for name in order))
    work(ctx)
    assert copies_of(ctx, "perinatal") == BOTH
    assert copies_of(ctx, "anxiety") == ["max@people.test"]


@pytest.mark.parametrize("order", [("perinatal", "anxiety"), ("anxiety", "perinatal")])
def test_a_post_to_two_lists_in_two_transactions_reaches_each_person_once_by_the_first_list(
    ctx: Context, order: tuple[str, str]
) -> None:
    seed(ctx)
    for name in order:
        put(ctx, mail(to="anxiety@lists.test, perinatal@lists.test"), f"{name}@lists.test")
        work(ctx)
    assert copies_of(ctx, "perinatal") == BOTH
    assert copies_of(ctx, "anxiety") == ["max@people.test"]
    assert scalar(ctx, "SELECT count(DISTINCT origin_id) FROM post") == 1


def test_who_is_on_two_named_lists_waits_a_moment_for_the_first_and_then_gets_the_other(ctx: Context) -> None:
    seed(ctx)
    put(ctx, mail(to="anxiety@lists.test, perinatal@lists.test"), "anxiety@lists.test")
    work(ctx)
    due = rows(ctx, "SELECT recipient, next_attempt > created_at AS waits FROM delivery ORDER BY recipient")
    assert {row.recipient: bool(row.waits) for row in due} == {**dict.fromkeys(BOTH, True), "max@people.test": False}


def test_smtp_says_250_when_one_list_took_it_and_tells_the_author_of_the_other(ctx: Context) -> None:
    seed(ctx)
    replies = put(ctx, mail(to="perinatal@lists.test, news@lists.test"), "perinatal@lists.test", "news@lists.test")
    assert [reply.code for reply in replies] == [250, 550]
    assert combined(replies).code == 250
    (told,) = notices(ctx, "refused-lists")
    assert told.recipient == "ann@people.test" and "Only its moderators" in told.text


def test_lmtp_answers_each_recipient_and_sends_no_notice(ctx: Context) -> None:
    seed(ctx)
    both = ("perinatal@lists.test", "news@lists.test")
    assert [reply.code for reply in put(ctx, mail(to=", ".join(both)), *both, lmtp=True)] == [250, 550]
    assert notices(ctx) == []


def test_all_lists_refused_is_one_550_with_every_reason(ctx: Context) -> None:
    seed(ctx)
    both = ("perinatal@lists.test", "news@lists.test")
    reply = combined(put(ctx, mail("sue@people.test", ", ".join(both)), *both, sender="sue@people.test"))
    assert reply.code == 550 and "not on the list" in reply.text and "Only its moderators" in reply.text


@pytest.mark.parametrize("unverified", ["confirm", "hold"])
def test_without_proof_members_and_strangers_hear_the_same(
    make_context: Callable[..., Context], unverified: str
) -> None:
    with name_server() as server:
        ctx = make_context(community(authentication={"unverified": unverified}, dns={"nameservers": [server.address]}))
        seed(ctx)
        who = ("ann@people.test", "sue@people.test", "sam@x.test")
        heard = {str(put(ctx, mail(one), sender=one)[0]) for one in who}
        assert heard == {"250 2.0.0 Thank you, the message is in safe hands"}
        assert scalar(ctx, "SELECT count(*) FROM arrival WHERE state = 'waiting'") == 3  # nobody has looked yet
        work(ctx)
    states = {row.from_address: row.state for row in rows(ctx, "SELECT from_address, state FROM post")}
    if unverified == "hold":
        assert states == {"ann@people.test": "held", "sue@people.test": "held"}
        assert {notice.recipient for notice in notices(ctx)} == {"mia@people.test", "max@people.test"}  # nobody else
    else:
        assert states == {}
        assert {notice.recipient for notice in notices(ctx)} == {"ann@people.test", "sue@people.test"}
    (dropped,) = rows(ctx, "SELECT from_address, action, reasons FROM refusal")
    assert tuple(dropped) == ("sam@x.test", "discard", "unproven-stranger")
    assert scalar(ctx, "SELECT count(*) FROM arrival WHERE raw IS NOT NULL") == (2 if unverified == "confirm" else 0)


@pytest.mark.parametrize("headers", [{"Auto_Submitted": "auto-replied"}, {"List_Id": "x <perinatal.lists.test>"}])
def test_machines_and_our_own_copies_never_become_posts(ctx: Context, headers: dict[str, str]) -> None:
    seed(ctx)
    put(ctx, mail(**headers))
    put(ctx, mail(), sender="")
    work(ctx)
    assert scalar(ctx, "SELECT count(*) FROM post") == 0
    assert notices(ctx) == []


def test_more_posts_than_the_rate_allows_are_held(make_context: Callable[..., Context]) -> None:
    ctx = make_context(community(intake={"rate": "2/10min"}))
    seed(ctx)
    for number in range(3):
        put(ctx, mail(subject=f"Post {number}"))
    assert [row.state for row in rows(ctx, "SELECT state FROM post ORDER BY id")] == ["accepted", "accepted", "held"]


@pytest.mark.parametrize(
    ("subject", "to"),
    [("[anxiety] A question", "community@lists.test"), ("A question", "community+anxiety@lists.test")],
)
def test_the_hub_takes_posts_for_a_named_topic(ctx: Context, subject: str, to: str) -> None:
    seed(ctx)
    put(ctx, mail(subject=subject, to=to), to)
    assert [tuple(row) for row in rows(ctx, "SELECT list_name, state FROM post")] == [("anxiety", "accepted")]


def test_mail_for_people_is_forwarded_attached_and_from_us(ctx: Context) -> None:
    seed(ctx)
    put(ctx, mail("sam@x.test", "perinatal-owner@lists.test"), "perinatal-owner@lists.test", sender="sam@x.test")
    put(ctx, mail("sam@x.test", "postmaster@lists.test"), "postmaster@lists.test", sender="sam@x.test")
    assert [n.recipient for n in notices(ctx)] == ["mia@people.test", "max@people.test", "facilitators@people.test"]
    assert all(b"message/rfc822" in n.raw and b"From: sam@x.test" in n.raw for n in notices(ctx))


def test_a_request_without_a_command_goes_to_a_human_and_only_members_are_told(ctx: Context) -> None:
    seed(ctx)
    for who in ("ann@people.test", "sam@x.test"):
        raw = mail(who, "perinatal-request@lists.test", "A wish", "Could somebody call me back about my place?\n")
        put(ctx, raw, "perinatal-request@lists.test", sender=who)
    assert [n.recipient for n in notices(ctx, "forward")] == ["facilitators@people.test"] * 2
    assert [n.recipient for n in notices(ctx, "not-yet")] == ["ann@people.test"]
