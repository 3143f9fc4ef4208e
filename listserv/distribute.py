"""A released post becomes one delivery row per recipient, in one transaction.

INSERT .. SELECT, so that ten thousand rows cost milliseconds. A post to several lists reaches a person once, with the
List-Id of the first of those lists in the order of the settings, whether it came in one SMTP transaction or in two.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, exists, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from listserv import changes, moderate, posts
from listserv.context import Context
from listserv.model import (
    Address,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Following,
    Person,
    Post,
    PostState,
    Subscription,
)
from listserv.model.columns import UtcTime, Word
from listserv.model.people import RECEIVING

_post = Post.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_address = Address.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]
_delivery = Delivery.__table__  # type: ignore[attr-defined]
_following = Following.__table__  # type: ignore[attr-defined]

SIBLING_WAIT = timedelta(seconds=30)
"""How long the copy of somebody on two lists waits for the post on the earlier list, when that list is named in To
or Cc but its own transaction has not come yet."""


def due(tx: Connection, now: datetime, limit: int = 20) -> list[Any]:
    """Accepted posts whose approval delay is over."""
    query = select(_post).where(_post.c.state == PostState.ACCEPTED, _post.c.release_at <= now)
    return list(tx.execute(query.order_by(_post.c.release_at, _post.c.id).limit(limit)))


def release(ctx: Context, tx: Connection, post: Any, sent_as: str = "", refs: Sequence[str] = ()) -> int:
    """ACCEPTED -> RELEASED with its delivery rows; the number of copies. Nothing happens twice.

    `sent_as`: whose From the copies have, and why (copies.shared_copy); all of them have the same. `refs`: tags of the
    messages that it refers to, by which those are found who follow or have muted its conversation.
    """
    now = ctx.clock()
    changed = tx.execute(
        update(_post)
        .where(_post.c.id == post.id, _post.c.state == PostState.ACCEPTED, _post.c.release_at <= now)
        .values(
            state=PostState.RELEASED,
            state_since=now,
            released_at=post.received_at if post.imported else now,
            sent_as=sent_as,
        )
    )
    if changed.rowcount != 1:
        return 0
    changes.note(tx, post.list_name, now, post.id)
    taken = _take_over(ctx, tx, post, now)
    missing = _missing_siblings(ctx, tx, post)
    made = 0 if post.imported else _insert(ctx, tx, post, now, _followers(tx, post, refs))
    if missing:
        _wait_for(tx, post, missing, now)
    tx.execute(update(_post).where(_post.c.id == post.id).values(copies=made + taken))
    if not post.imported:
        moderate.released(ctx, tx, post)
    posts.unseal(ctx, tx, post)
    return made + taken


def _followers(tx: Connection, post: Any, refs: Sequence[str]) -> dict[bool, list[int]]:
    """Who has muted (True) and who follows (False) the conversation of a post."""
    tags = {*refs, post.thread} - {""}
    found: dict[bool, list[int]] = {True: [], False: []}
    if tags:
        query = select(_following.c.person_id, _following.c.muted).where(
            _following.c.list_name == post.list_name, _following.c.tag.in_(tags)
        )
        for row in tx.execute(query):
            found[bool(row.muted)].append(row.person_id)
    return found


def _insert(ctx: Context, tx: Connection, post: Any, now: datetime, followers: dict[bool, list[int]]) -> int:
    state, kind, time = Word(DeliveryState), Word(DeliveryKind), UtcTime()
    columns = {
        "kind": literal(DeliveryKind.POST, kind),
        "priority": literal(1),
        "origin_id": literal(post.origin_id),
        "post_id": literal(post.id),
        "subscription_id": _subscription.c.id,
        "person_id": _subscription.c.person_id,
        "recipient": _address.c.email,
        "state": literal(DeliveryState.PENDING, state),
        "attempts": literal(0),
        "next_attempt": literal(now, time),
        "created_at": literal(now, time),
        "last_reply": literal(""),
        "possible_duplicates": literal(0),
    }
    people = (
        select(*columns.values())
        .select_from(
            _subscription.join(_person, _person.c.id == _subscription.c.person_id).join(
                _address, and_(_address.c.person_id == _person.c.id, _address.c.preferred)
            )
        )
        .where(
            _subscription.c.list_name == post.list_name,
            or_(_subscription.c.delivery == "each", _subscription.c.person_id.in_(followers[False]))
            if followers[False]
            else _subscription.c.delivery == "each",
            _subscription.c.left_at.is_(None),
            _person.c.status.in_(RECEIVING),
        )
    )
    if followers[True]:
        people = people.where(_subscription.c.person_id.not_in(followers[True]))
    dialect: Any = sqlite if ctx.db.sqlite else postgresql
    statement = dialect.insert(_delivery).from_select(list(columns), people).on_conflict_do_nothing()
    return int(tx.execute(statement, execution_options={"preserve_rowcount": True}).rowcount)


def _siblings(ctx: Context, post: Any, *, earlier: bool) -> list[str]:
    """The lists before (or after) this one in the settings."""
    here = ctx.settings.list_order(post.list_name)
    return [name for i, name in enumerate(ctx.settings.lists) if (i < here if earlier else i > here)]


def _missing_siblings(ctx: Context, tx: Connection, post: Any) -> list[str]:
    """Earlier lists that the header names and whose own copy of the message has not come yet."""
    named = set(post.rules.get("named", ())) & set(_siblings(ctx, post, earlier=True))
    if not named:
        return []
    here = tx.execute(select(_post.c.list_name).where(_post.c.origin_id == post.origin_id))
    return sorted(named - {row.list_name for row in here})


def _on_list(lists: list[str]) -> Any:
    return exists().where(
        _subscription.c.person_id == _delivery.c.person_id,
        _subscription.c.list_name.in_(lists),
        _subscription.c.delivery == "each",
        _subscription.c.left_at.is_(None),
    )


def _wait_for(tx: Connection, post: Any, lists: list[str], now: datetime) -> None:
    tx.execute(
        update(_delivery)
        .where(_delivery.c.post_id == post.id, _delivery.c.state == DeliveryState.PENDING, _on_list(lists))
        .values(next_attempt=now + SIBLING_WAIT)
    )


def _take_over(ctx: Context, tx: Connection, post: Any, now: datetime) -> int:
    """Copies of a later list that nobody has begun to send become copies of this one."""
    later = _siblings(ctx, post, earlier=False)
    others = select(_post.c.id).where(_post.c.origin_id == post.origin_id, _post.c.list_name.in_(later))
    if post.origin_id == post.id and tx.execute(others.limit(1)).first() is None:
        return 0
    subscription = (
        select(_subscription.c.id)
        .where(
            _subscription.c.person_id == _delivery.c.person_id,
            _subscription.c.list_name == post.list_name,
            _subscription.c.delivery == "each",
            _subscription.c.left_at.is_(None),
        )
        .scalar_subquery()
    )
    result = tx.execute(
        update(_delivery)
        .where(
            _delivery.c.origin_id == post.origin_id,
            _delivery.c.post_id.in_(others),
            _delivery.c.state == DeliveryState.PENDING,
            _delivery.c.attempts == 0,
            _delivery.c.lease_until.is_(None),
            _on_list([post.list_name]),
        )
        .values(post_id=post.id, subscription_id=subscription, next_attempt=now)
    )
    return int(result.rowcount)
