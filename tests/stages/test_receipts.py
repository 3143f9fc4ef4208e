"""A receipt for authors whose mail program never shows them their own copy; for nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from listserv.context import Context
from tests.conftest import community
from tests.house import notices, put, work
from tests.people import add_person, mail, seed

GINA, OWN = "gina@gmail.com", "olive@practice.test"


@pytest.fixture
def ctx(make_context: Callable[..., Context]) -> Context:
    lists = {"perinatal": {"title": "Perinatal mental health", "moderation": "newcomers", "approval_delay": 0},
             "anxiety": {"moderation": "none", "approval_delay": 0}}  # fmt: skip
    made = make_context(community(web={"listen": "127.0.0.1:0"}, lists=lists))
    seed(made)
    with made.db.transaction() as tx:
        add_person(tx, GINA, name="Gina Gray", lists=("perinatal", "anxiety"), aliases=("gina@work.test",))
        add_person(tx, OWN, name="Olive Oak", lists=("perinatal",))
        add_person(tx, "wes@gmail.com", name="Wes West", lists=("perinatal",), delivery="weekly")
    return made


def say(ctx: Context, sender: str, message_id: str, *to: str) -> list[str]:
    """What a post brings its author, as texts of receipts."""
    before = len(notices(ctx, "posted"))
    raw = mail(sender, ", ".join(to or ("perinatal@lists.test",)), "On sleep", message_id=message_id)
    put(ctx, raw, *(to or ("perinatal@lists.test",)), sender=sender)
    work(ctx)
    written = notices(ctx, "posted")[before:]
    assert all(one.recipient == sender for one in written)
    return [f"{one.subject}\n{one.text}" for one in written]


def test_authors_on_gmail_get_one(ctx: Context) -> None:
    (said,) = say(ctx, GINA, "<a1@mail.gmail.com>")
    assert said.startswith("[Perinatal mental health] posted: On sleep\n")
    assert "on its way to 5 other members of" in said and "Perinatal mental health." in said
    assert "https://lists.test/archive/perinatal/m/" in said
    (raw,) = (one.raw for one in notices(ctx, "posted"))
    assert b"In-Reply-To: <a1@mail.gmail.com>" in raw and b"Auto-Submitted: auto-replied" in raw


def test_also_under_a_domain_of_their_own(ctx: Context) -> None:
    assert len(say(ctx, OWN, "<CAx7=1@mail.gmail.com>")) == 1
    assert say(ctx, OWN, "<a2@practice.test>") == []


def test_one_for_two_lists(ctx: Context) -> None:
    assert len(say(ctx, GINA, "<a3@mail.gmail.com>", "perinatal@lists.test", "anxiety@lists.test")) == 1


@pytest.mark.parametrize(
    ("sender", "message_id"),
    [
        ("ann@people.test", "<a4@people.test>"),  # sees her own copy
        ("gina@work.test", "<a5@work.test>"),  # her copy goes to another mailbox, which shows it
        ("wes@gmail.com", "<a6@mail.gmail.com>"),  # gets letters, no copies
    ],
)
def test_nobody_else_does(ctx: Context, sender: str, message_id: str) -> None:
    assert say(ctx, sender, message_id) == []


def test_who_was_told_already_is_not_told_twice(ctx: Context) -> None:
    """A post that a moderator approved: its author has heard that it is out."""
    with ctx.db.transaction() as tx:
        tx.exec_driver_sql("UPDATE person SET trusted = false WHERE name = 'Gina Gray'")
    assert say(ctx, GINA, "<a7@mail.gmail.com>") == []
    held = notices(ctx, "held", to="mia@people.test")[-1]
    put(ctx, mail("mia@people.test", held.reply_to, "Re: held", "approve\n"), held.reply_to, sender="mia@people.test")
    work(ctx)
    assert notices(ctx, "posted") == []
