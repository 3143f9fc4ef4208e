"""The rows that an import writes: all of them, of people, addresses and what hangs on a person, are made here.

A column that an import is to fill is named in `_person_row` or `_address_row` for somebody new, and in
`_change_person` or `_change_addresses` for somebody known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, update

from listserv import membership
from listserv.context import Context
from listserv.mail.address import canonical
from listserv.mail.names import name_key
from listserv.model import Address, Agreement, Credential, Person, Role, RoleName, Status, Subscription
from listserv.roster.known import Known
from listserv.roster.reading import Row
from listserv.roster.report import Change

_person = Person.__table__  # type: ignore[attr-defined]
_address = Address.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]
_role = Role.__table__  # type: ignore[attr-defined]
_credential = Credential.__table__  # type: ignore[attr-defined]
_agreement = Agreement.__table__  # type: ignore[attr-defined]


@dataclass(slots=True)
class Work:
    """The statements that a file asks for, in bulk."""

    now: datetime
    version: str | None
    inserts: dict[Any, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    changes: list[Any] = field(default_factory=list)
    leaving: list[int] = field(default_factory=list)

    def run(self, tx: Connection) -> None:
        for statement in self.changes:
            tx.execute(statement)
        for subscription in self.leaving:
            membership.leave(tx, subscription, self.now)
        for table, rows in self.inserts.items():
            if rows:
                tx.execute(insert(table), rows)


def _person_row(row: Row, mode: str, now: datetime) -> dict[str, Any]:
    return {
        "name": row.name or "",
        "profession": row.profession or "",
        "status": Status.ACTIVE,
        "delivery": mode,
        "trusted": bool(row.trusted),
        "language": row.language or "",
        "approved_posts": 0,
        "created_at": now,
    }


def _address_row(person: int, email: str, key: str, *, preferred: bool) -> dict[str, Any]:
    return {"person_id": person, "email": email, "canonical": key, "preferred": preferred, "bounce_score": 0.0}


def _subscription_row(person: int, name: str, mode: str, now: datetime) -> dict[str, Any]:
    return {
        "person_id": person,
        "list_name": name,
        "delivery": mode,
        "moderated": False,
        "since": now,
        "delivery_since": now,
    }


def _agreed(person: int, work: Work) -> dict[str, Any]:
    return {"person_id": person, "version": work.version, "agreed_at": work.now, "evidence": "roster import"}


def _roles(roles: Iterable[tuple[str, RoleName]]) -> str:
    return ";".join(f"{name}:{role}" for name, role in sorted(roles)) or "(none)"


def add(ctx: Context, tx: Connection, rows: list[Row], work: Work) -> None:
    """New members, in bulk: the people first, then what hangs on their numbers."""
    if not rows:
        return
    default = ctx.settings.community.default_delivery
    values = [_person_row(row, row.delivery or default, work.now) for row in rows]
    numbers: list[int] = []
    for start in range(0, len(values), 1000):
        made = tx.execute(
            insert(_person).returning(_person.c.id, sort_by_parameter_order=True), values[start : start + 1000]
        )
        numbers += [row.id for row in made]
    more: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for person, row in zip(numbers, rows, strict=True):
        key = canonical(row.email)
        more[_address].append(_address_row(person, row.email, key, preferred=True))
        more[_address] += [_address_row(person, email, k, preferred=False) for k, email in (row.aliases or {}).items()]
        more[_subscription] += [
            _subscription_row(person, name, row.delivery or default, work.now) for name in sorted(row.lists or ())
        ]
        more[_role] += [{"person_id": person, "list_name": n, "role": r} for n, r in sorted(row.roles or ())]
        if row.registration:
            more[_credential].append({"person_id": person, "number": row.registration, "expires": row.expires or None})
        if row.terms and work.version is not None:
            more[_agreement].append(_agreed(person, work))
    for table, entries in more.items():
        for start in range(0, len(entries), 5000):
            tx.execute(insert(table), entries[start : start + 5000])


def change(work: Work, row: Row, known: Known) -> list[str]:
    """Asks for what differs; in words for `--dry-run`."""
    details = _change_person(work, row, known)
    details += _change_addresses(work, row, known)
    details += _change_credential(work, row, known)
    details += _change_lists(work, row, known)
    if row.roles is not None and row.roles != known.roles:
        details.append(f"roles: {_roles(known.roles)} -> {_roles(row.roles)}")
        work.changes.append(delete(_role).where(_role.c.person_id == known.id))
        work.inserts[_role] += [{"person_id": known.id, "list_name": n, "role": r} for n, r in sorted(row.roles)]
    if row.terms is not None and work.version is not None and row.terms != known.agreed:
        details.append("terms: agreed" if row.terms else "terms: agreement taken away")
        if row.terms:
            work.inserts[_agreement].append(_agreed(known.id, work))
        else:
            same = (_agreement.c.person_id == known.id, _agreement.c.version == work.version)
            work.changes.append(delete(_agreement).where(*same))
    return details


def _change_person(work: Work, row: Row, known: Known) -> list[str]:
    details: list[str] = []
    values: dict[str, Any] = {}
    for name, given in (
        ("name", row.name),
        ("profession", row.profession),
        ("delivery", row.delivery),
        ("trusted", row.trusted),
        ("language", row.language),
    ):
        old = getattr(known, name)
        if given is not None and given != old:
            values[name] = given
            details.append(f"{name}: {old or '(none)'} -> {given or '(none)'}")
    if known.status is Status.LEFT:
        values["status"] = Status.ACTIVE
        details.append("status: left -> active")
    if "name" in values:
        values["name_key"] = name_key(values["name"])
    if values:
        work.changes.append(update(_person).where(_person.c.id == known.id).values(values))
    return details


def _change_addresses(work: Work, row: Row, known: Known) -> list[str]:
    details: list[str] = []
    key = canonical(row.email)
    wanted = {key: row.email, **(row.aliases if row.aliases is not None else {})}
    if row.aliases is None:
        wanted |= {k: email for k, (_, email, _) in known.addresses.items() if k != key}
    for k, (number, email, preferred) in known.addresses.items():
        if k not in wanted:
            details.append(f"address {email} taken away")
            work.changes.append(delete(_address).where(_address.c.id == number))
        elif preferred != (k == key) or email != wanted[k]:
            details.append(f"address {wanted[k]}{' preferred' if k == key else ''}")
            values = {"preferred": k == key, "email": wanted[k]}
            work.changes.append(update(_address).where(_address.c.id == number).values(values))
    for k, email in wanted.items():
        if k not in known.addresses:
            details.append(f"address {email} added")
            work.inserts[_address].append(_address_row(known.id, email, k, preferred=k == key))
    return details


def _change_credential(work: Work, row: Row, known: Known) -> list[str]:
    number = known.number if row.registration is None else row.registration
    expires = known.expires if row.expires is None else (row.expires or None)
    if (number, expires if number else None) == (known.number, known.expires if known.number else None):
        return []
    if known.number:
        work.changes.append(delete(_credential).where(_credential.c.person_id == known.id))
    if number:
        work.inserts[_credential].append({"person_id": known.id, "number": number, "expires": expires})
    return [f"registration: {known.number or '(none)'} {known.expires or ''} -> {number or '(none)'} {expires or ''}"]


def _change_lists(work: Work, row: Row, known: Known) -> list[str]:
    details: list[str] = []
    mode = row.delivery or known.delivery
    running = {name for name, (_, _, left) in known.subscriptions.items() if left is None}
    wanted = running if row.lists is None else row.lists
    for name in sorted(running - wanted):
        details.append(f"leaves {name}")
        work.leaving.append(known.subscriptions[name][0])
    for name in sorted(wanted - running):
        details.append(f"joins {name}")
        if name in known.subscriptions:
            number = known.subscriptions[name][0]
            values = {"left_at": None, "delivery": mode, "delivery_since": work.now}
            work.changes.append(update(_subscription).where(_subscription.c.id == number).values(values))
        else:
            work.inserts[_subscription].append(_subscription_row(known.id, name, mode, work.now))
    for name in sorted(wanted & running):
        number, old, _ = known.subscriptions[name]
        if row.delivery is not None and old != row.delivery:
            details.append(f"{name}: {old} -> {row.delivery}")
            values = {"delivery": row.delivery, "delivery_since": work.now}
            work.changes.append(update(_subscription).where(_subscription.c.id == number).values(values))
    return details


def let_go(work: Work, known: Known) -> Change:
    work.changes.append(update(_person).where(_person.c.id == known.id).values(status=Status.LEFT))
    work.leaving += [number for number, _, left in known.subscriptions.values() if left is None]
    return Change(0, known.email, "left", ("is not in the file",))
