"""Who somebody is to the database: their number, and everything they are known by, for finding them in texts.

The first step of an export and of an erasure. Besides the roster, what their own mail said counts: sub-addresses and
names in From of their posts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select

from listserv.mail.address import canonical
from listserv.mail.identity import Identity, identity
from listserv.mail.names import name_key
from listserv.mail.threads import ERASED
from listserv.membership import person_with
from listserv.model import Address, Arrival, Confirmation, Credential, Person, Post

_person = Person.__table__  # type: ignore[attr-defined]
_address = Address.__table__  # type: ignore[attr-defined]
_arrival = Arrival.__table__  # type: ignore[attr-defined]
_confirmation = Confirmation.__table__  # type: ignore[attr-defined]
_credential = Credential.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Known:
    """One person, or an address that is nobody's (`number` None): `addresses` as they were written anywhere, `who`
    finds them in texts, `namesakes` are members of the same name, which is then not looked for."""

    number: int | None
    name: str
    addresses: frozenset[str]
    who: Identity
    namesakes: int = 0

    def posts(self) -> Any:
        """The condition that a post is theirs."""
        mine = func.lower(_post.c.from_address).in_(sorted({address.lower() for address in self.addresses}))
        if self.number is None:
            return mine
        return or_(_post.c.person_id == self.number, mine & _post.c.person_id.is_(None))


def known(tx: Connection, address: str) -> Known:
    """Who has this address, by any of their addresses; for a stranger's, what is known by the address alone."""
    return of_number(tx, person_with(tx, canonical(address)), (address,))


def of_number(tx: Connection, number: int | None, addresses: Iterable[str] = ()) -> Known:
    """The same for somebody whose number is known already."""
    found = {address for address in addresses if canonical(address)}
    name, names, numbers = "", set[str](), set[str]()
    if number is not None:
        name = tx.execute(select(_person.c.name).where(_person.c.id == number)).scalar() or ""
        names.add(name)
        rows = list(tx.execute(select(_address.c.email, _address.c.canonical).where(_address.c.person_id == number)))
        found |= {one for row in rows for one in (row.email, row.canonical)}
        numbers |= set(tx.execute(select(_credential.c.number).where(_credential.c.person_id == number)).scalars())
        for column in (_confirmation.c.address, _arrival.c.from_address, _post.c.from_address):
            seen = tx.execute(select(column).where(column.table.c.person_id == number).distinct()).scalars()
            found |= {one for one in seen if canonical(one) and not one.endswith(f"@{ERASED}")}
    listed = func.lower(_post.c.from_address).in_(sorted({one.lower() for one in found}))
    theirs = (_post.c.person_id == number) if number is not None else listed
    names |= set(tx.execute(select(_post.c.from_name).where(or_(theirs, listed)).distinct()).scalars())
    names = {one for one in names if name_key(one)}
    shared = {one for one in names if _namesakes(tx, one, number)}
    who = identity(names - shared, found, numbers)
    return Known(number, name, frozenset(found), who, len(shared))


def _namesakes(tx: Connection, name: str, number: int | None) -> int:
    query = select(func.count()).where(_person.c.name_key == name_key(name), _person.c.id != (number or 0))
    return int(tx.execute(query).scalar() or 0)
