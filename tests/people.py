"""People and posts for tests: put into the database directly, written as a mail program would."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, insert

from listserv.context import Context
from listserv.model import Address, Credential, Person, Role, RoleName, Status, Subscription

_JOINED = datetime(2025, 1, 1, tzinfo=UTC)


def add_person(
    tx: Connection,
    email: str,
    *,
    name: str = "",
    lists: Iterable[str] = (),
    moderates: Iterable[str] = (),
    status: Status = Status.ACTIVE,
    registration: str | None = "PSY0001234567",
    expires: date | None = None,
    delivery: str = "each",
    trusted: bool = True,
    aliases: Iterable[str] = (),
    **more: Any,
) -> int:
    """A member, verified and trusted unless said otherwise; the number of the person."""
    row = {"name": name or email.partition("@")[0].title(), "profession": "Psychologist", "status": status}
    row |= {"delivery": delivery, "trusted": trusted, "approved_posts": 0, "created_at": _JOINED, **more}
    key = tx.execute(insert(Person).values(row)).inserted_primary_key
    assert key is not None
    person = int(key[0])
    for number, address in enumerate((email, *aliases)):
        values = {"person_id": person, "email": address, "canonical": address.casefold(), "preferred": number == 0}
        tx.execute(insert(Address).values(**values, bounce_score=0.0))
    for name_ in lists:
        values = {"person_id": person, "list_name": name_, "delivery": delivery, "moderated": False, "since": _JOINED}
        tx.execute(insert(Subscription).values(values))
    for name_ in moderates:
        tx.execute(insert(Role).values(person_id=person, list_name=name_, role=RoleName.MODERATOR))
    if registration:
        tx.execute(insert(Credential).values(person_id=person, number=f"{registration}{person}", expires=expires))
    return person


def mail(
    sender: str = "ann@people.test",
    to: str = "perinatal@lists.test",
    subject: str = "A question",
    text: str = "What would you do?\n",
    *,
    message_id: str | None = "",
    **headers: str,
) -> bytes:
    """A plain message with CRLF line ends; keyword names become header fields (`list_id` is List-Id)."""
    if message_id == "":
        message_id = f"<{abs(hash((sender, to, subject, text))):x}@people.test>"
    fields = {"From": sender, "To": to, "Subject": subject, "Date": "Mon, 23 Nov 2026 18:00:00 +1100"}
    if message_id:
        fields["Message-ID"] = message_id
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return (head + "\r\n" + text.replace("\n", "\r\n")).encode()


def seed(ctx: Context) -> None:
    """Ann and Ben on perinatal and anxiety, Mia and Max moderating both, Nia new, Sue on nothing."""
    both = ("perinatal", "anxiety")
    with ctx.db.transaction() as tx:
        add_person(tx, "ann@people.test", name="Ann Archer", lists=both)
        add_person(tx, "ben@people.test", name="Ben Bower", lists=both)
        add_person(tx, "mia@people.test", name="Mia Moss", lists=both, moderates=(*both, "news"))
        add_person(tx, "max@people.test", name="Max Marsh", lists=("anxiety",), moderates=both)
        add_person(tx, "nia@people.test", name="Nia New", lists=both, trusted=False)
        add_person(tx, "sue@people.test", name="Sue Short", lists=())
