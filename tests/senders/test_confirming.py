"""The question to a member whose mail proves nothing, its answers, and what is believed afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from listserv import routing
from listserv.context import Context
from listserv.errors import Reply
from listserv.handling import To
from listserv.housekeeping import expire, purge
from listserv.intake.accept import accept
from listserv.posts import Envelope
from tests.conftest import NOW, community
from tests.dns_server import NameServer, name_server
from tests.house import Written, copies_of, notices, rows, scalar, work
from tests.people import add_person, mail, seed
from tests.senders.world import IP, signed, zone

NOWHERE = "x@esp-unknown.test"  # an envelope that proves nothing
THROUGH_ESP = "ann@esp.test"  # SPF pass, for another domain


@dataclass
class House:
    """A community on a clock that the test moves."""

    ctx: Context
    hands: list[datetime] = field(default_factory=list)

    def put(self, raw: bytes, *to: str, sender: str = NOWHERE) -> list[Reply]:
        envelope = Envelope(sender, IP, "mx.people.test", "ESMTP", self.ctx.clock())
        found = []
        for address in to or ("perinatal@lists.test",):
            route = routing.resolve(self.ctx.settings, address)
            assert route is not None
            found.append(To(address, route))
        replies = asyncio.run(accept(self.ctx, raw, envelope, found))
        work(self.ctx)
        return replies

    def asked(self, who: str = "ann@people.test") -> Written:
        return notices(self.ctx, "sender", who)[-1]

    def answer(self, question: Written, words: str, who: str = "ann@people.test", **more: Any) -> None:
        raw = mail(who, question.reply_to, f"Re: {question.subject}", words, message_id=f"<{words[:9]!r}@x>", **more)
        self.put(raw.replace(b"'", b""), question.reply_to)

    def states(self) -> list[str]:
        return [row.state for row in rows(self.ctx, "SELECT state FROM arrival ORDER BY id")]

    def later(self, **time: float) -> None:
        self.hands[0] += timedelta(**time)


@pytest.fixture(scope="module")
def dns() -> Iterator[NameServer]:
    with name_server(zone()) as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def house(request: pytest.FixtureRequest, make_context: Callable[..., Context], dns: NameServer) -> House:
    changes: dict[str, Any] = {"dns": {"nameservers": [dns.address], "timeout": 1.5}}
    changes["authentication"] = {"unverified": "confirm"}
    if request.param == "postgresql":
        changes["database"] = request.getfixturevalue("postgresql")
    hands = [NOW]
    made = House(make_context(community(**changes), clock=lambda: hands[0]), hands)
    seed(made.ctx)
    return made


BOTH = ["ann@people.test", "ben@people.test", "mia@people.test", "nia@people.test"]


def test_yes_by_reply_sends_the_post_just_as_it_was(house: House) -> None:
    raw = mail(subject="Sleepless", text="She does not sleep.\n")
    assert str(house.put(raw)[0]).startswith("250")
    question = house.asked()
    assert (question.recipient, "Sleepless" in question.subject) == ("ann@people.test", True)
    assert "She does not sleep." in question.text and "yes" in question.text and "facilitators@" in question.text
    assert copies_of(house.ctx) == []
    house.answer(question, "Yes, that was me. Thanks!\n")
    assert house.states()[0] == "confirmed"
    assert copies_of(house.ctx) == BOTH
    proof = scalar(house.ctx, "SELECT proof FROM post")
    assert proof == "confirmed by a reply from ann@people.test"
    house.answer(question, "yes\n")
    assert len(copies_of(house.ctx)) == 4
    assert "yes to this already" in notices(house.ctx, "unclear")[-1].text


@pytest.mark.parametrize("words", ["ok\n", "Confirm.\n", "YES\n", "> is it yours?\n\nyes\n"])
def test_words_that_confirm(house: House, words: str) -> None:
    house.put(mail())
    house.answer(house.asked(), words)
    assert copies_of(house.ctx) == BOTH


def test_no_sends_it_to_nobody_and_keeps_no_text(house: House) -> None:
    house.put(mail())
    house.answer(house.asked(), "No\n")
    assert house.states()[0] == "withdrawn"
    assert copies_of(house.ctx) == [] and scalar(house.ctx, "SELECT count(*) FROM arrival WHERE raw IS NOT NULL") == 0
    assert "gone to nobody" in notices(house.ctx, "sender-no")[-1].text


UNCLEAR = ["Why do you ask?\n", "\n", "yes or no?\n", "> yes\n", "I will say yes tomorrow\n", "Yes, but not I\n"]


@pytest.mark.parametrize("words", UNCLEAR)
def test_an_answer_that_is_neither_is_asked_again(house: House, words: str) -> None:
    house.put(mail())
    house.answer(house.asked(), words)
    assert house.states()[0] == "asked" and copies_of(house.ctx) == []
    again = notices(house.ctx, "unclear")[-1]
    assert again.recipient == "ann@people.test" and "yes" in again.text
    house.answer(again, "yes\n")
    assert copies_of(house.ctx) == BOTH


def test_automatic_replies_confirm_nothing(house: House) -> None:
    house.put(mail())
    question = house.asked()
    house.answer(question, "yes\n", Auto_Submitted="auto-replied")
    house.answer(question, "yes\n", Precedence="junk")
    house.put(mail("ann@people.test", question.reply_to, "Re: x", "yes\n"), question.reply_to, sender="")
    assert house.states()[0] == "asked" and copies_of(house.ctx) == []
    assert len(notices(house.ctx)) == 1  # and they are not answered


@pytest.mark.parametrize("who", ["ben@people.test", "sam@stranger.test"])
def test_a_forwarded_question_gives_nobody_else_power(house: House, who: str) -> None:
    house.put(mail())
    house.answer(house.asked(), "yes\n", who)
    assert house.states()[0] == "asked" and copies_of(house.ctx) == []


def test_what_sent_a_confirmed_mail_is_believed_for_a_year(house: House) -> None:
    house.put(mail(subject="One"), sender=THROUGH_ESP)
    house.answer(house.asked(), "yes\n")
    house.later(days=364)
    house.put(mail(subject="Two"), sender=THROUGH_ESP)
    assert len(notices(house.ctx, "sender")) == 1
    proof = rows(house.ctx, "SELECT proof FROM post ORDER BY id")[1].proof
    assert proof == "SPF of esp.test, confirmed by reply on 23 November 2026"
    house.later(days=2)
    house.put(mail(subject="Three"), sender=THROUGH_ESP)
    assert len(notices(house.ctx, "sender")) == 2


def test_only_that_evidence_for_that_address_is_believed(house: House) -> None:
    house.put(signed(mail(subject="One"), "esp.test"))
    house.answer(house.asked(), "yes\n")
    house.put(signed(mail(subject="Two"), "esp.test"))
    assert len(notices(house.ctx, "sender")) == 1
    house.put(mail(subject="Three"))  # no evidence: asked each time
    house.put(mail(subject="Four"), sender=THROUGH_ESP)  # esp.test again, but by SPF
    house.put(signed(mail("ben@people.test", subject="Five"), "esp.test"))  # another member
    house.put(signed(mail("ann+x@people.test", subject="Six"), "esp.test"))  # another address of the same
    assert [n.recipient for n in notices(house.ctx, "sender")] == ["ann@people.test"] * 3 + [
        "ben@people.test",
        "ann@people.test",
    ]


def test_without_evidence_nothing_is_remembered(house: House) -> None:
    house.put(mail(subject="One"))
    house.answer(house.asked(), "yes\n")
    assert scalar(house.ctx, "SELECT count(*) FROM confirmation") == 0
    house.put(mail(subject="Two"))
    assert len(notices(house.ctx, "sender")) == 2


def test_copies_of_ours_are_no_evidence(house: House) -> None:
    house.put(signed(mail(subject="One"), "lists.test"), sender="x@lists.test")
    house.answer(house.asked(), "yes\n")
    assert scalar(house.ctx, "SELECT count(*) FROM confirmation") == 0


def test_a_post_to_two_lists_is_asked_about_once_in_one_transaction_or_in_two(house: House) -> None:
    raw = mail(to="perinatal@lists.test, anxiety@lists.test")
    house.put(raw, "perinatal@lists.test")
    house.put(raw, "anxiety@lists.test")
    assert len(notices(house.ctx, "sender")) == 1
    house.answer(house.asked(), "yes\n")
    assert sorted(row.list_name for row in rows(house.ctx, "SELECT list_name FROM post")) == ["anxiety", "perinatal"]
    again = mail(to="perinatal@lists.test, anxiety@lists.test", subject="Second")
    house.put(again, "perinatal@lists.test")
    house.answer(house.asked(), "yes\n")
    house.put(again, "anxiety@lists.test")  # comes after the answer
    assert len(notices(house.ctx, "sender")) == 2
    assert scalar(house.ctx, "SELECT count(*) FROM post WHERE subject = 'Second'") == 2


def test_the_question_ends_after_two_days_and_the_author_is_told(house: House) -> None:
    house.put(mail())
    question = house.asked()
    house.later(hours=49)
    asyncio.run(expire(house.ctx))
    assert house.states() == ["expired"]
    assert "No answer has come" in notices(house.ctx, "decided-author")[-1].text
    house.answer(question, "yes\n")
    assert copies_of(house.ctx) == [] and "not open any more" in notices(house.ctx, "unclear")[-1].text
    house.later(days=31)
    asyncio.run(purge(house.ctx))
    assert house.states() == []


def test_a_confirmed_post_is_still_held_or_refused_as_any_other(house: House) -> None:
    house.put(mail("nia@people.test", "anxiety@lists.test"), "anxiety@lists.test")
    house.answer(house.asked("nia@people.test"), "yes\n", "nia@people.test")
    assert scalar(house.ctx, "SELECT state FROM post") == "held"
    house.put(mail("sue@people.test"))
    house.answer(house.asked("sue@people.test"), "yes\n", "sue@people.test")
    (told,) = notices(house.ctx, "refused-lists")
    assert told.recipient == "sue@people.test" and "not on the list" in told.text
    assert "Your post was not taken" in told.subject


def test_the_question_goes_to_the_registered_address_only(house: House) -> None:
    with house.ctx.db.transaction() as tx:
        add_person(tx, "eve@people.test", lists=("perinatal",), aliases=("eve@spf.test",))
    house.put(mail("eve@spf.test", Reply_To="thief@evil.test"))
    assert [n.recipient for n in notices(house.ctx)] == ["eve@people.test"]
    assert "eve@spf.test" in house.asked("eve@people.test").text


def test_the_question_carries_no_links_of_others(house: House) -> None:
    house.put(mail(text="Please look at https://evil.test/x?y and WWW.evil.test now\n"))
    assert "evil.test" not in house.asked().text and "[link]" in house.asked().text


def test_too_many_questions_in_a_day_become_holds(house: House) -> None:
    for number in range(22):
        house.put(mail(subject=f"Post {number}"))
    assert len(notices(house.ctx, "sender")) == 20
    states = rows(house.ctx, "SELECT state, reasons FROM post")
    assert [row.state for row in states] == ["held", "held"]


# --- moderators --------------------------------------------------------------------------------------------------


def _held(house: House) -> Written:
    house.put(signed(mail("nia@people.test", "anxiety@lists.test", "Introducing myself")), "anxiety@lists.test")
    return notices(house.ctx, "held", "max@people.test")[-1]


def decision(notice: Written, words: str, who: str = "max@people.test", **more: Any) -> bytes:
    return mail(who, notice.reply_to, f"Re: {notice.subject}", words, **more)


def test_a_decision_with_proof_counts_at_once(house: House) -> None:
    notice = _held(house)
    house.put(signed(decision(notice, "approve\n")), notice.reply_to)
    assert scalar(house.ctx, "SELECT state FROM post") == "released"
    assert scalar(house.ctx, "SELECT proof FROM decision") == "DKIM signature of people.test, aligned with From"


def test_a_decision_without_proof_counts_after_one_confirming_reply(house: House) -> None:
    notice = _held(house)
    house.put(decision(notice, "approve\n"), notice.reply_to)
    assert scalar(house.ctx, "SELECT state FROM post") == "held"
    question = house.asked("max@people.test")
    assert question.subject.startswith("Is this decision yours?") and "approve" in question.text
    house.answer(question, "yes\n", "max@people.test")
    assert scalar(house.ctx, "SELECT state FROM post") == "released"
    assert scalar(house.ctx, "SELECT decided_by FROM decision") == "Max Marsh"


def test_a_forwarded_notice_gives_nobody_power(house: House) -> None:
    notice = _held(house)
    house.put(signed(decision(notice, "approve\n", "ben@people.test")), notice.reply_to)  # a member, with proof
    house.put(signed(decision(notice, "approve\n", "mia@people.test")), notice.reply_to)  # another moderator's notice
    house.put(decision(notice, "approve\n", "sam@stranger.test"), notice.reply_to)
    assert scalar(house.ctx, "SELECT state FROM post") == "held"
    house.put(decision(notice, "approve\n"), notice.reply_to)  # forged: it claims to be from Max
    assert scalar(house.ctx, "SELECT state FROM post") == "held"
    assert house.asked("max@people.test").recipient == "max@people.test"  # who is asked, and can say no
    assert "sam@stranger.test" not in {n.recipient for n in notices(house.ctx)}


@pytest.mark.parametrize("proof", [True, False])
def test_a_moderators_vacation_reply_decides_nothing(house: House, proof: bool) -> None:
    notice = _held(house)
    before = len(notices(house.ctx))
    raw = decision(notice, "approve\n", Auto_Submitted="auto-replied")
    house.put(signed(raw) if proof else raw, notice.reply_to)
    assert scalar(house.ctx, "SELECT state FROM post") == "held" and len(notices(house.ctx)) == before


def test_a_guessed_token_tells_a_stranger_nothing(house: House) -> None:
    for kind in ("moderate", "confirm"):
        address = f"perinatal-{kind}+{'a' * 26}@lists.test"
        assert str(house.put(mail("sam@stranger.test", address), address)[0]).startswith("250")
    assert notices(house.ctx) == []


def test_what_was_found_is_stored_and_shown_to_moderators(house: House) -> None:
    notice = _held(house)
    assert "DKIM signature of people.test, aligned with From" in notice.text
    auth = scalar(house.ctx, "SELECT auth FROM post")
    assert "people.test" in str(auth) and "pass" in str(auth)


def test_two_workers_ask_once(house: House) -> None:
    """Both have read the same waiting row; the second one finds it looked at."""
    from listserv import arrivals, handling
    from listserv.mail.incoming import read

    ctx = house.ctx
    route = routing.resolve(ctx.settings, "perinatal@lists.test")
    assert route is not None
    envelope = Envelope(NOWHERE, IP, "mx.people.test", "ESMTP", ctx.clock())
    asyncio.run(accept(ctx, mail(), envelope, [To("perinatal@lists.test", route)]))
    with ctx.db.reading() as tx:
        (row,) = arrivals.waiting(tx)
    for _ in range(2):
        with ctx.db.transaction() as tx:
            handling.sift(ctx, tx, row, read(arrivals.message_of(ctx, row), row.envelope_sender))
    assert len(notices(ctx, "sender")) == 1
