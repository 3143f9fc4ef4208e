"""Digests for tests: members who get letters, posts at chosen times, and letters as their readers see them."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from sqlalchemy import text, update

from listserv.context import Context
from listserv.model import Person, Role, RoleName, Subscription
from tests.conftest import NOW, community
from tests.house import put, rows, work
from tests.people import add_person, mail

EARLY = datetime(2026, 11, 16, 0, 0, tzinfo=UTC)  # Monday noon in Sydney: the letter of that day has gone out
MONDAY = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)  # the next one: Monday, 07:00 in Sydney


class Clock:
    """A clock that tests put forward."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def house(make_context: Callable[..., Context], clock: Clock, **changes: Any) -> Context:
    return make_context(community(**{"web": {"listen": "127.0.0.1:0"}, **changes}), clock=clock)


def reader(
    ctx: Context, email: str, *lists: str, delivery: str = "weekly", since: datetime = EARLY, **more: Any
) -> int:
    """Somebody who gets letters about these lists since a time."""
    name = more.pop("name", "")
    with ctx.db.transaction() as tx:
        person = add_person(tx, email, name=name, lists=lists or ("perinatal",), delivery=delivery)
        tx.execute(update(Subscription).where(Subscription.person_id == person).values(delivery_since=since))  # type: ignore[arg-type]
        if more:
            tx.execute(update(Person).where(Person.id == person).values(**more))  # type: ignore[arg-type]
    return person


def facilitator(ctx: Context, person: int, scope: str = "community") -> None:
    with ctx.db.transaction() as tx:
        tx.execute(text("INSERT INTO role(person_id, list_name, role) VALUES (:p, :l, :r)"),
                   {"p": person, "l": scope, "r": str(RoleName.FACILITATOR)})  # fmt: skip
    assert Role


def post(
    ctx: Context, clock: Clock, at: datetime, subject: str, words: str = "What would you do?\n", **more: Any
) -> str:
    """A released post at that time; its Message-ID."""
    before, clock.now = clock.now, at
    sender, to = more.pop("sender", "ann@people.test"), more.pop("to", "perinatal@lists.test")
    identity = more.pop("message_id", None) or f"<{abs(hash((subject, words, sender, at))):x}@people.test>"
    raw = more.pop("raw", None) or mail(sender, to, subject, words, message_id=identity, **more)
    for reply in put(ctx, raw, to, sender=sender):
        assert reply.code == 250, reply
    work(ctx)
    clock.now = before
    return identity


@dataclass(frozen=True, slots=True)
class Letter:
    """A digest as it stands in the outbox."""

    to: str
    subject: str
    raw: bytes
    message: EmailMessage
    text: str
    html: str
    issue: int


def letters(ctx: Context, to: str | None = None) -> list[Letter]:
    """The digests so far, oldest first."""
    found = []
    query = "SELECT n.recipient, n.raw, i.id FROM notice n JOIN issue i ON i.notice_id = n.id ORDER BY n.id"
    for row in rows(ctx, query):
        if to not in (None, row.recipient):
            continue
        raw = zlib.decompress(row.raw)
        message = message_from_bytes(raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        plain, html = message.get_body(("plain",)), message.get_body(("html",))
        found.append(
            Letter(
                row.recipient,
                str(message["subject"]),
                raw,
                message,
                plain.get_content().replace("\r\n", "\n") if plain else "",
                html.get_content() if html else "",
                row.id,
            )
        )
    return found
