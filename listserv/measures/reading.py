"""What the measures are made from: a few questions to the database, and one to the archive's index.

The conversations are the index's, as in digests, so that measures and archive agree; when each of their messages was
there to be read is the database's. Nothing is asked person by person, no text is read. Old posts that were brought in
from an mbox count for nothing, and neither does what was taken back.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, or_, select, true

from listserv import archiver
from listserv.archiver import index
from listserv.bounces import LIMIT
from listserv.errors import UserError
from listserv.membership import READING
from listserv.model import (
    Address,
    Bounce,
    Decision,
    Delivery,
    DeliveryState,
    Issue,
    Person,
    Post,
    PostState,
    Status,
    Subscription,
)
from listserv.policy.measuring import Said

_address = Address.__table__  # type: ignore[attr-defined]
_bounce = Bounce.__table__  # type: ignore[attr-defined]
_decision = Decision.__table__  # type: ignore[attr-defined]
_delivery = Delivery.__table__  # type: ignore[attr-defined]
_issue = Issue.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]

DELIVERIES = ("each", "daily", "weekly", "none")  # the most frequent first
DECISIONS = ("approve", "reject", "discard", "return", "redact", "move", "ban")
"""What moderators do to a post, by the verb it is written down with."""
ENDING = ("approve", "reject", "discard")
HELD_BEFORE = timedelta(days=60)  # so long before its release a post can have arrived


@dataclass(frozen=True, slots=True)
class Sent:
    """A post that went out. `person` is None where its author was erased, `member` whether they take part today."""

    id: int
    list_name: str
    person: int | None
    origin: int
    at: datetime
    member: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """What a moderator did, to whose post, and how long after it had arrived."""

    verb: str
    person: int | None
    after: timedelta


@dataclass(frozen=True, slots=True)
class Counted:
    """How many things there were, and how many people they were about."""

    things: int
    people: int


def _of(list_name: str | None, column: Any) -> Any:
    """That a person is on this list; of everybody where there is none."""
    if list_name is None:
        return true()
    on_list = (_subscription.c.list_name == list_name) & _subscription.c.left_at.is_(None)
    return column.in_(select(_subscription.c.person_id).where(on_list))


def _counts(tx: Connection, query: Select[Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in tx.execute(query)}


def by_status(tx: Connection, list_name: str | None) -> dict[str, int]:
    """People by where they stand."""
    query = select(_person.c.status, func.count()).where(_of(list_name, _person.c.id))
    return _counts(tx, query.group_by(_person.c.status))


def by_profession(tx: Connection, list_name: str | None) -> dict[str, int]:
    """Those who take part, by profession as the roster writes it."""
    query = select(_person.c.profession, func.count()).where(
        _of(list_name, _person.c.id), _person.c.status.in_(READING)
    )
    return _counts(tx, query.group_by(_person.c.profession))


def by_delivery(tx: Connection, list_name: str | None) -> dict[str, int]:
    """Those who take part, each once: by the most frequent delivery that they have chosen on any list."""
    rank = case(*((_subscription.c.delivery == mode, number) for number, mode in enumerate(DELIVERIES)), else_=3)
    each = (
        select(func.min(rank).label("rank"))
        .join(_person, _person.c.id == _subscription.c.person_id)
        .where(_subscription.c.left_at.is_(None), _person.c.status.in_(READING))
        .group_by(_subscription.c.person_id)
    )
    if list_name is not None:
        each = each.where(_subscription.c.list_name == list_name)
    inner = each.subquery()
    found = tx.execute(select(inner.c.rank, func.count()).group_by(inner.c.rank))
    return {DELIVERIES[int(rank)]: int(count) for rank, count in found}


def subscribers(tx: Connection) -> dict[str, int]:
    """Those who take part, by list."""
    query = (
        select(_subscription.c.list_name, func.count())
        .join(_person, _person.c.id == _subscription.c.person_id)
        .where(_subscription.c.left_at.is_(None), _person.c.status.in_(READING))
    )
    return _counts(tx, query.group_by(_subscription.c.list_name))


def sent(tx: Connection, list_name: str | None, since: datetime, until: datetime) -> list[Sent]:
    """The posts that went out in a stretch of time, in that order."""
    query = (
        select(
            _post.c.id, _post.c.list_name, _post.c.person_id, _post.c.origin_id, _post.c.released_at, _person.c.status
        )
        .outerjoin(_person, _person.c.id == _post.c.person_id)
        .where(
            _post.c.released_at > since,
            _post.c.released_at <= until,
            _post.c.state == PostState.RELEASED,
            _post.c.imported.is_(False),
        )
        .order_by(_post.c.released_at, _post.c.id)
    )
    if list_name is not None:
        query = query.where(_post.c.list_name == list_name)
    return [
        Sent(row.id, row.list_name, row.person_id, row.origin_id or row.id, row.released_at, row.status in READING)
        for row in tx.execute(query)
    ]


def wrote_before(tx: Connection, list_name: str | None, since: datetime) -> set[int]:
    """Whose first post was earlier, as far as posts are kept; posts of an imported archive are earlier ones."""
    query = (
        select(_post.c.person_id)
        .where(_post.c.person_id.is_not(None), or_(_post.c.released_at <= since, _post.c.imported))
        .distinct()
    )
    if list_name is not None:
        query = query.where(_post.c.list_name == list_name)
    return set(tx.execute(query).scalars())


def decisions(tx: Connection, list_name: str | None, since: datetime, until: datetime) -> list[Decided]:
    """What moderators did to posts that were held, and what stands of it."""
    query = (
        select(_decision.c.verb, _decision.c.decided_at, _post.c.received_at, _post.c.person_id)
        .join(_post, _post.c.id == _decision.c.post_id)
        .where(
            _decision.c.decided_at > since,
            _decision.c.decided_at <= until,
            _decision.c.undone_at.is_(None),
            _decision.c.verb.in_(DECISIONS),
            _post.c.imported.is_(False),
        )
    )
    if list_name is not None:
        query = query.where(_post.c.list_name == list_name)
    return [Decided(row.verb, row.person_id, row.decided_at - row.received_at) for row in tx.execute(query)]


def bounced(tx: Connection, list_name: str | None, since: datetime, until: datetime) -> dict[str, Counted]:
    """What came back, by what it was taken for."""
    query = (
        select(_bounce.c.kind, func.count(), func.count(func.distinct(_bounce.c.canonical)))
        .where(_bounce.c.at > since, _bounce.c.at <= until, _of(list_name, _bounce.c.person_id))
        .group_by(_bounce.c.kind)
    )
    return {str(kind): Counted(int(things), int(people)) for kind, things, people in tx.execute(query)}


def resting(tx: Connection, list_name: str | None) -> tuple[int, int]:
    """Members whose mail rests because their only address fails; people one of whose addresses is not written to."""
    paused = select(func.count(func.distinct(_address.c.person_id))).where(
        _address.c.bounce_score >= LIMIT, _of(list_name, _address.c.person_id)
    )
    members = select(func.count()).where(_person.c.status == Status.BOUNCING, _of(list_name, _person.c.id))
    return int(tx.execute(members).scalar() or 0), int(tx.execute(paused).scalar() or 0)


def letters(tx: Connection, list_name: str | None, since: datetime, until: datetime) -> dict[str, Counted]:
    """Digests that the relay took, by kind; of a list, those that are about this list alone."""
    query = (
        select(_issue.c.kind, func.count(), func.count(func.distinct(_issue.c.person_id)))
        .join(_delivery, and_(_delivery.c.notice_id == _issue.c.notice_id, _delivery.c.state == DeliveryState.SENT))
        .where(_issue.c.made_at > since, _issue.c.made_at <= until)
        .group_by(_issue.c.kind)
    )
    if list_name is not None:
        query = query.where(_issue.c.list_name == list_name)
    return {str(kind): Counted(int(things), int(people)) for kind, things, people in tx.execute(query)}


def said(directory: Path, posts: Sequence[Sent], since: datetime) -> list[Said] | None:
    """Their places in conversations; None when there is no archive here to ask."""
    try:
        db = archiver.connect(directory)
    except UserError:
        return None
    with closing(db):
        if index.meta(db, "complete") is None:
            return None
        known = {post.id: post for post in posts}
        return [
            Said(row["post"], (row["list"], row["thread"]), row["author"], known[row["post"]].at, bool(row["begins"]))
            for row in _placed(db, since)
            if row["post"] in known
        ]


def _placed(db: sqlite3.Connection, since: datetime) -> list[sqlite3.Row]:
    number = int((since - HELD_BEFORE).timestamp()) << 24  # entries are numbered by time
    query = (
        "SELECT post, list, thread, author, tag = thread AS begins FROM message WHERE number >= ? AND shown"
        " ORDER BY number"
    )
    return db.execute(query, (max(0, number),)).fetchall()


def posts_by(posts: Sequence[Sent]) -> Counter[int]:
    """How many messages each person wrote; one to several lists is one."""
    return Counter(person for person, _ in {(post.person, post.origin) for post in posts} if person is not None)
