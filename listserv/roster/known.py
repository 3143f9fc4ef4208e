"""The people whom the database has, as an import compares with them and an export writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, select

from listserv import membership
from listserv.context import Context
from listserv.model import Address, Agreement, Credential, Person, Role, RoleName, Status, Subscription

_person = Person.__table__  # type: ignore[attr-defined]
_address = Address.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]
_role = Role.__table__  # type: ignore[attr-defined]
_credential = Credential.__table__  # type: ignore[attr-defined]
_agreement = Agreement.__table__  # type: ignore[attr-defined]


@dataclass(slots=True)
class Known:
    """A person as the database has them."""

    id: int
    name: str
    profession: str
    status: Status
    delivery: str
    trusted: bool
    language: str
    addresses: dict[str, tuple[int, str, bool]] = field(default_factory=dict)  # canonical -> id, email, preferred
    subscriptions: dict[str, tuple[int, str, datetime | None]] = field(default_factory=dict)  # list -> id, mode, left
    roles: set[tuple[str, RoleName]] = field(default_factory=set)
    number: str = ""
    expires: date | None = None
    agreed: bool = False
    bounce_score: float = 0.0

    @property
    def email(self) -> str:
        return next((email for _, email, preferred in self.addresses.values() if preferred), "")


def everybody(ctx: Context, tx: Connection) -> dict[int, Known]:
    """Everybody, in one query per table. Who has no address is nobody: what an erasure has left of a number."""
    people = {
        row.id: Known(row.id, row.name, row.profession, row.status, row.delivery, bool(row.trusted), row.language)
        for row in tx.execute(select(_person).where(_person.c.id.in_(select(_address.c.person_id))))
    }
    for row in tx.execute(select(_address)):
        known = people[row.person_id]
        known.addresses[row.canonical] = (row.id, row.email, bool(row.preferred))
        if row.preferred:
            known.bounce_score = row.bounce_score
    for row in tx.execute(select(_subscription).where(_subscription.c.person_id.in_(select(_address.c.person_id)))):
        people[row.person_id].subscriptions[row.list_name] = (row.id, row.delivery, row.left_at)
    for row in tx.execute(select(_role)):
        people[row.person_id].roles.add((row.list_name, row.role))
    for row in tx.execute(select(_credential)):
        people[row.person_id].number, people[row.person_id].expires = row.number, row.expires
    version = membership.terms_version(ctx.settings)
    if version is not None:
        for row in tx.execute(select(_agreement.c.person_id).where(_agreement.c.version == version)):
            people[row.person_id].agreed = True
    return people
