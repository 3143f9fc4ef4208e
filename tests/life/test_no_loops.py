"""Machines that write to us: whatever they send, to whichever address of ours, nothing is done and nobody answered.

RFC 3834 section 2: automatic answers, vacation messages, mail of lists, reports, receipts, and our own mail come back.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from listserv import moderate
from listserv.context import Context
from listserv.digest import issuing
from listserv.model import Purpose
from listserv.tokens import capability
from tests.conftest import community
from tests.house import notices, put, rows, work
from tests.letters import EARLY, MONDAY, Clock, house, letters, post, reader
from tests.mail.test_dsn import dsn
from tests.people import mail, seed

WORDS = "leave all\nyes\napprove\nverified until 30 Nov 2027\nI agree\nhold\nwithdraw\nundo\n"
MACHINES: dict[str, dict[str, str]] = {
    "vacation": {"Auto-Submitted": "auto-replied", "Subject": "Out of office"},
    "generated": {"Auto-Submitted": "auto-generated"},
    "exchange": {
        "X-Auto-Response-Suppress": "All",
        "Auto-Submitted": "auto-replied",
        "Subject": "Automatic reply: leave",
    },
    "old vacation": {"Precedence": "auto_reply", "X-Autoreply": "yes"},
    "autorespond": {"X-Autorespond": "leave all"},
    "a list": {"List-Id": "<other.list.test>", "Precedence": "list"},
    "our own list": {"List-Id": "<perinatal.lists.test>"},
    "bulk": {"Precedence": "bulk"},
    "junk": {"Precedence": "junk"},
}


def house_with_everything(make_context: Callable[..., Context]) -> tuple[Context, list[str]]:
    """A community in the middle of its life, and every kind of address that it has."""
    clock = Clock(MONDAY)
    lists = community()["lists"]
    lists["anxiety"]["moderation"] = "all"
    ctx = house(make_context, clock, lists=lists)
    seed(ctx)
    reader(ctx, "rita@people.test")
    post(ctx, clock, EARLY, "A post of the week", "Words.\n")
    issuing.run(ctx)
    put(ctx, mail("ann@people.test", "anxiety@lists.test", "Held", message_id="<held@x>"), "anxiety@lists.test")
    work(ctx)
    tag = rows(ctx, "SELECT tag FROM post WHERE subject = 'A post of the week'")[0].tag
    delivery = rows(ctx, "SELECT id FROM delivery WHERE post_id IS NOT NULL")[0].id
    issue = letters(ctx)[0].issue
    subscription = rows(ctx, "SELECT id FROM subscription WHERE person_id = 1 AND list_name = 'perinatal'")[0].id
    held = notices(ctx, "held")[0].reply_to
    tokens = {}
    for purpose in (Purpose.TERMS, Purpose.LEFT, Purpose.DIGEST, Purpose.EDITION, Purpose.ADDRESS, Purpose.APPLY):
        tokens[purpose] = ctx.db.submit(
            lambda tx, p=purpose: moderate.issue(ctx, tx, p, 1, issue_id=issue, subscription_id=subscription,
                                                 about="ann@people.test")
        ).result()  # fmt: skip
    places = [
        "perinatal", "community", "perinatal-request", "community-request", "perinatal-join", "community-join",
        "perinatal-leave", "community-leave", f"perinatal+t.{tag}", "perinatal-owner", "postmaster", "abuse",
        f"perinatal-leave+{capability(ctx.keys.unsubscribe, subscription)}",
        f"community-leave+{capability(ctx.keys.digest, issue)}", f"community+d.{capability(ctx.keys.answer, issue)}",
        f"perinatal-bounces+{capability(ctx.keys.verp, delivery)}", held.partition("@")[0],
        *(f"community-confirm+{token}" for token in tokens.values()),
    ]  # fmt: skip
    return ctx, [f"{place}@lists.test" for place in places]


def state(ctx: Context) -> list[object]:
    """Everything that a command could have changed."""
    queries = (
        "SELECT id, delivery, left_at FROM subscription ORDER BY id",
        "SELECT id, status, digest_format FROM person ORDER BY id",
        "SELECT id, state FROM post ORDER BY id", "SELECT id, person_id, email FROM address ORDER BY id",
        "SELECT COUNT(*) FROM application", "SELECT COUNT(*) FROM decision", "SELECT COUNT(*) FROM agreement",
        "SELECT id, held_until, send_at FROM edition", "SELECT id, stopped_at FROM issue ORDER BY id",
    )  # fmt: skip
    return [[tuple(row) for row in rows(ctx, query)] for query in queries]


@pytest.mark.parametrize("machine", MACHINES)
def test_machines_change_nothing_and_are_not_answered(make_context: Callable[..., Context], machine: str) -> None:
    ctx, addresses = house_with_everything(make_context)
    before, told = state(ctx), len(notices(ctx))
    for number, address in enumerate(addresses):
        for sender in ("ann@people.test", "mia@people.test", "eve@evil.test"):
            head = {"Subject": "leave all", **MACHINES[machine]}
            raw = mail(sender, address, head.pop("Subject"), WORDS, message_id=f"<m{number}{sender}>")
            fields = "".join(f"{name}: {value}\r\n" for name, value in head.items()).encode()
            put(ctx, fields + raw, address, sender=sender)
        put(
            ctx,
            fields + mail("ann@people.test", address, "leave all", WORDS, message_id=f"<n{number}>"),
            address,
            sender="",
        )
    work(ctx)
    answered = [one for one in notices(ctx)[told:] if one.kind not in ("forward", "bounce")]
    posts_allowed = machine in ("bulk", "junk", "a list")  # a member's post may say that it is bulk, or came by a list
    if not posts_allowed:
        assert state(ctx) == before
    else:
        assert state(ctx)[0] == before[0] and state(ctx)[1] == before[1] and state(ctx)[4:] == before[4:]
    allowed = {"held", "held-author", "topic", "refused"} if posts_allowed else set()
    assert {one.kind for one in answered} <= allowed, [(one.kind, one.recipient, one.subject) for one in answered]


def test_our_own_mail_and_reports_come_back_to_every_address(make_context: Callable[..., Context]) -> None:
    ctx, addresses = house_with_everything(make_context)
    before, told = state(ctx), len(notices(ctx))
    ours = [one.raw for one in notices(ctx)]
    for number, address in enumerate(addresses):
        for raw in (*ours, dsn("postfix", "5.1.1", "550 5.1.1 no such user")):
            put(ctx, raw, address, sender="")
            put(
                ctx,
                raw.replace(b"\r\nTo: ", b"\r\nX-Number: %d\r\nTo: " % number, 1),
                address,
                sender="ann@people.test",
            )
    work(ctx)
    assert state(ctx)[0] == before[0] and state(ctx)[2:] == before[2:]
    assert {one.kind for one in notices(ctx)[told:]} <= {"forward", "bounce"}
    assert {one.recipient for one in notices(ctx)[told:]} <= {
        "facilitators@people.test",
        "mia@people.test",
        "max@people.test",
    }
