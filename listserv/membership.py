"""Members as the stages see them: who an address belongs to, who moderates a list, who leaves it.

The only place that knows what makes somebody a verified member (policy itself gets plain values).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from listserv.errors import UserError
from listserv.mail.address import canonical, without_tag
from listserv.mail.names import name_key
from listserv.model import (
    Address,
    Agreement,
    Credential,
    Delivery,
    Person,
    Role,
    RoleName,
    Status,
    Subscription,
    TermsText,
)
from listserv.model.outbox import WAITING, DeliveryState
from listserv.policy import lifecycle
from listserv.policy.verdict import Author
from listserv.settings import Settings

_person = Person.__table__  # type: ignore[attr-defined]
_address = Address.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]
_role = Role.__table__  # type: ignore[attr-defined]
_credential = Credential.__table__  # type: ignore[attr-defined]
_agreement = Agreement.__table__  # type: ignore[attr-defined]
_delivery = Delivery.__table__  # type: ignore[attr-defined]
_terms = TermsText.__table__  # type: ignore[attr-defined]

MODERATING = (RoleName.MODERATOR, RoleName.OWNER)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person with the address that our mail to them goes to."""

    person: int
    name: str
    email: str


@lru_cache(maxsize=4)
def _version(path: Path, _changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def terms_version(settings: Settings) -> str | None:
    """SHA-256 of the current terms; None when the community has none. Raises UserError when they cannot be read."""
    path = settings.community.terms
    if path is None:
        return None
    try:
        return _version(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise UserError(f"community.terms: {path} cannot be read: {error.strerror}") from error


def _author_query() -> Any:
    role = (
        select(func.count())
        .select_from(_role)
        .where(_role.c.person_id == _person.c.id, _role.c.list_name == bindparam("list"), _role.c.role.in_(MODERATING))
        .scalar_subquery()
    )
    on_list = and_(
        _subscription.c.person_id == _person.c.id,
        _subscription.c.list_name == bindparam("list"),
        _subscription.c.left_at.is_(None),
    )
    agreed = and_(_agreement.c.person_id == _person.c.id, _agreement.c.version == bindparam("version"))
    return (
        select(
            _person.c.id,
            _person.c.name,
            _person.c.profession,
            _person.c.status,
            _person.c.trusted,
            _person.c.approved_posts,
            _credential.c.number,
            _credential.c.expires,
            _subscription.c.id.label("subscription"),
            _subscription.c.moderated,
            _agreement.c.id.label("agreement"),
            role.label("roles"),
        )
        .select_from(
            _address.join(_person, _address.c.person_id == _person.c.id)
            .outerjoin(_credential, _credential.c.person_id == _person.c.id)
            .outerjoin(_subscription, on_list)
            .outerjoin(_agreement, agreed)
        )
        .where(_address.c.canonical == bindparam("address"))
    )


_AUTHOR = _author_query()
_RECOGNISED = select(_address.c.canonical, _address.c.person_id).where(_address.c.untagged == bindparam("untagged"))
_NAMESAKE = (
    select(_person.c.name)
    .where(
        _person.c.name_key == bindparam("key"),
        _person.c.id != bindparam("person"),
        _person.c.status.not_in((Status.LEFT, Status.BANNED, Status.APPLIED)),
    )
    .limit(1)
)


def author(tx: Connection, settings: Settings, canonical: str, list_name: str, now: datetime) -> Author | None:
    """What is known of the person with this canonical address, for one list; None for a stranger.

    A sub-address (`ann+lists@`) is recognised as its person's; whether it is believed is a matter of proof.
    """
    version = terms_version(settings)
    values = {"address": canonical, "list": list_name, "version": version or ""}
    row = tx.execute(_AUTHOR, values).first()
    if row is None:
        known = _recognised(tx, canonical)
        row = tx.execute(_AUTHOR, {**values, "address": known.canonical}).first() if known else None
    if row is None:
        return None
    found = standing_of(settings, row, now)
    return Author(
        person=row.id,
        name=row.name,
        status=str(row.status),
        verified=found in lifecycle.POSTS or settings.community.credentials == "none",
        terms_agreed=version is None or row.agreement is not None or in_grace(tx, settings, row.id, version, now),
        subscribed=row.subscription is not None,
        moderator=row.roles > 0,
        trusted=bool(row.trusted),
        moderated=bool(row.moderated),
        approved_posts=row.approved_posts,
    )


def standing_of(settings: Settings, row: Any, now: datetime) -> lifecycle.Standing:
    """What the registration in a row (number, expires, profession) is worth now, in the community's time zone."""
    today = now.astimezone(settings.community.zone).date()
    profession = settings.profession(row.profession, row.number or "")
    return lifecycle.standing(row.number, row.expires, today, profession)


def in_grace(tx: Connection, settings: Settings, person: int, version: str, now: datetime) -> bool:
    """Whether a new text of the terms may still wait for somebody who has agreed to an earlier one."""
    seen = tx.execute(select(_terms.c.first_seen).where(_terms.c.version == version)).scalar()
    if seen is not None and now >= seen + settings.community.terms_grace:
        return False
    earlier = (
        select(_agreement.c.id)
        .join(_terms, _terms.c.version == _agreement.c.version)
        .where(_agreement.c.person_id == person, _agreement.c.version != version)
    )
    return tx.execute(earlier.limit(1)).first() is not None


@dataclass(frozen=True, slots=True)
class Reader:
    """A member who may read: which lists, and of which of them they may correct the threads."""

    person: int
    name: str
    lists: tuple[str, ...]
    moderates: frozenset[str]
    language: str = ""
    timezone: str = ""


READING = (Status.ACTIVE, Status.PAUSED, Status.BOUNCING)
_READER = (
    select(
        _person.c.id, _person.c.name, _person.c.profession, _person.c.status, _person.c.language, _person.c.timezone,
        _credential.c.number, _credential.c.expires,
        _agreement.c.id.label("agreement"),
    )
    .select_from(
        _person.outerjoin(_credential, _credential.c.person_id == _person.c.id).outerjoin(
            _agreement, and_(_agreement.c.person_id == _person.c.id, _agreement.c.version == bindparam("version"))
        )
    )
    .where(_person.c.id == bindparam("person"))
)  # fmt: skip


def reader(tx: Connection, settings: Settings, person: int, now: datetime, *, agreeing: bool = False) -> Reader | None:
    """What a person may read at present; None for whoever is no member in good standing.

    The lists that they are on, in whatever way they get them, and those in which they have a role. With `agreeing`:
    what they may read once they agree to the present terms.
    """
    version = terms_version(settings)
    row = tx.execute(_READER, {"person": person, "version": version or ""}).first()
    if row is None or row.status not in READING:
        return None
    agreed = version is None or row.agreement is not None or agreeing
    if version is not None and not agreed and not in_grace(tx, settings, person, version, now):
        return None
    if standing_of(settings, row, now) not in lifecycle.READS and settings.community.credentials != "none":
        return None
    running = (_subscription.c.person_id == person, _subscription.c.left_at.is_(None))
    lists = {found.list_name for found in tx.execute(select(_subscription.c.list_name).where(*running))}
    roles = list(tx.execute(select(_role.c.list_name, _role.c.role).where(_role.c.person_id == person)))
    lists |= {found.list_name for found in roles if found.role != RoleName.VERIFIER}
    moderates = frozenset(found.list_name for found in roles if found.role in MODERATING)
    mine = tuple(name for name in settings.lists if name in lists)
    return Reader(person, row.name, mine, moderates, row.language, row.timezone)


def _recognised(tx: Connection, canonical: str) -> Any | None:
    """The address of the one person whose sub-address this can be, or None."""
    rows = list(tx.execute(_RECOGNISED, {"untagged": without_tag(canonical)})) if canonical else []
    return rows[0] if len({row.person_id for row in rows}) == 1 else None


def person_of(tx: Connection, canonical: str) -> int | None:
    """Whose address or sub-address this is."""
    found = tx.execute(select(_address.c.person_id).where(_address.c.canonical == canonical)).scalar()
    if found is not None:
        return int(found)
    known = _recognised(tx, canonical)
    return int(known.person_id) if known else None


def person_with(tx: Connection, canonical: str) -> int | None:
    """Whose registered address this is; no sub-address is guessed at."""
    found = tx.execute(select(_address.c.person_id).where(_address.c.canonical == canonical)).scalar()
    return None if found is None else int(found)


def namesake(tx: Connection, key: str, person: int | None) -> str | None:
    """The name of another member that reads like this one (`key`: mail.names.name_key), or None."""
    return tx.execute(_NAMESAKE, {"key": key, "person": person or 0}).scalar() if key else None


def recipient(tx: Connection, person: int) -> Recipient | None:
    """The person with their preferred address."""
    row = tx.execute(
        select(_person.c.id, _person.c.name, _address.c.email)
        .join(_address, _address.c.person_id == _person.c.id)
        .where(_person.c.id == person)
        .order_by(_address.c.preferred.desc(), _address.c.id)
    ).first()
    return Recipient(*row) if row else None


def answering(tx: Connection, token: Any, sender: str) -> Recipient | None:
    """The person whom a token was sent to, if the mail that brings it is from an address of theirs; else None."""
    to = recipient(tx, token.person_id)
    return to if to is not None and person_of(tx, canonical(sender)) == token.person_id else None


def speech(tx: Connection, person: int) -> tuple[str, str]:
    """Language and time zone that somebody has chosen; empty ones are the community's."""
    row = tx.execute(select(_person.c.language, _person.c.timezone).where(_person.c.id == person)).first()
    return (row.language, row.timezone) if row else ("", "")


def moderators(tx: Connection, list_name: str) -> list[Recipient]:
    """Who decides on held posts of a list: its moderators and owners who take part at present."""
    return _in_role(tx, list_name, MODERATING)


def _in_role(tx: Connection, list_name: str, names: Sequence[RoleName]) -> list[Recipient]:
    rows = tx.execute(
        select(_person.c.id, _person.c.name, _address.c.email)
        .distinct()
        .select_from(_role.join(_person, _role.c.person_id == _person.c.id).join(_address))
        .where(
            _role.c.list_name == list_name,
            _role.c.role.in_(names),
            _address.c.preferred,
            _person.c.status.in_((Status.ACTIVE, Status.PAUSED, Status.BOUNCING)),
        )
        .order_by(_person.c.id)
    )
    return [Recipient(*row) for row in rows]


def deciders(tx: Connection, list_name: str) -> list[Recipient]:
    """Who gets hold notices of a list and may answer them: its moderators, owners and trainees."""
    return _in_role(tx, list_name, (*MODERATING, RoleName.TRAINEE))


def trainees(tx: Connection, list_name: str) -> frozenset[int]:
    """Who learns to moderate a list and is neither its moderator nor its owner."""
    rows = list(tx.execute(select(_role.c.person_id, _role.c.role).where(_role.c.list_name == list_name)))
    full = {row.person_id for row in rows if row.role in MODERATING}
    return frozenset(row.person_id for row in rows if row.role == RoleName.TRAINEE) - full


def name_of(tx: Connection, person: int) -> str:
    return str(tx.execute(select(_person.c.name).where(_person.c.id == person)).scalar() or "")


def addresses_of(tx: Connection, person: int) -> frozenset[str]:
    """All addresses of a person, canonical."""
    return frozenset(tx.execute(select(_address.c.canonical).where(_address.c.person_id == person)).scalars())


def names_of_members(tx: Connection, names: Collection[str]) -> frozenset[str]:
    """Those of some names and mail addresses that are members'; a word alone when it is one of a member's name."""
    found: set[str] = set()
    for name in names:
        if "@" in name:
            known = tx.execute(select(_address.c.id).where(_address.c.canonical == canonical(name))).first()
            if known is not None:
                found.add(name)
            continue
        key = name_key(name)
        where = _person.c.name_key == key
        if not key:
            word = name_key(f"{name} zz").replace(" zz", "").strip()
            if not word or " " in word:
                continue
            where = or_(*(_person.c.name_key.like(form) for form in (f"{word} %", f"% {word}", f"% {word} %")))
        query = select(_person.c.id).where(where, _person.c.status.not_in((Status.LEFT, Status.BANNED)))
        if tx.execute(query.limit(1)).first() is not None:
            found.add(name)
    return frozenset(found)


def leave(tx: Connection, subscription: int, now: datetime) -> tuple[int, str] | None:
    """Ends a subscription at once; copies not yet sent are not sent. (person, list) if it was running, else None."""
    row = tx.execute(
        select(_subscription.c.person_id, _subscription.c.list_name, _subscription.c.left_at).where(
            _subscription.c.id == subscription
        )
    ).first()
    if row is None or row.left_at is not None:
        return None
    tx.execute(update(_subscription).where(_subscription.c.id == subscription).values(left_at=now))
    tx.execute(
        update(_delivery)
        .where(_delivery.c.subscription_id == subscription, _delivery.c.state.in_(WAITING))
        .values(state=DeliveryState.SUPPRESSED, finished_at=now, last_reply="left the list before it was sent")
    )
    return row.person_id, row.list_name


def rejoin(tx: Connection, subscription: int, now: datetime, within_days: int = 7) -> bool:
    """Undoes `leave` if it was at most `within_days` ago."""
    left = tx.execute(select(_subscription.c.left_at).where(_subscription.c.id == subscription)).scalar()
    if left is None or (now - left).days >= within_days:
        return False
    tx.execute(update(_subscription).where(_subscription.c.id == subscription).values(left_at=None))
    return True
