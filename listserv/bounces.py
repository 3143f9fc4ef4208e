"""Addresses that fail: what came back is counted; an address is paused, probed, and mended by a word from it.

Behind delivery. A bounce counts only through the return path of the copy that it answers (a capability, so nobody can
forge one), only as a permanent failure of the address itself (`mail.dsn`), and once a day. What many recipients of one
post refuse is the post's fault. Nobody is ever removed: at the limit our mail goes to another address of the member, or
rests, is probed weekly, and a human is told.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, update

from listserv import forward, life, notices, routing
from listserv.context import Context
from listserv.mail.address import canonical
from listserv.mail.dsn import Bounce as Found
from listserv.mail.dsn import BounceClass, classify, is_automatic_answer, of_reply
from listserv.mail.incoming import Incoming
from listserv.membership import Recipient, recipient
from listserv.model import Address, Bounce, Delivery, DeliveryState, Notice, Person, Post, Status
from listserv.settings import HUB
from listserv.tokens import read_capability

_address = Address.__table__  # type: ignore[attr-defined]
_bounce = Bounce.__table__  # type: ignore[attr-defined]
_delivery = Delivery.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]

LIMIT = 4.0  # days on which an address failed
STALE = timedelta(days=14)  # without a failure: what was before is forgotten
ONCE = timedelta(hours=20)  # so far apart are two failures that both count
FEW = 5  # recipients; with fewer refusals a post is not at fault
SHARE = 0.1  # of its copies
PROBE_EVERY, PROBE_WAITS = timedelta(days=7), timedelta(days=3)
LOOKED_BACK = timedelta(days=2)


def came_back(ctx: Context, tx: Connection, token: str, incoming: Incoming) -> None:
    """Mail to a return path. Without a genuine tag it is nobody's and counts for nothing."""
    number = read_capability(ctx.keys.verp, token)
    row = tx.execute(select(_delivery).where(_delivery.c.id == number)).first() if number is not None else None
    if row is None:
        return
    found = classify(incoming.message)
    if found.kind is BounceClass.NONE and not is_automatic_answer(incoming.message):
        forward.bounce(ctx, tx, token, incoming)  # a human may make something of it
    _record(ctx, tx, row, found)


def look_at_refusals(ctx: Context, tx: Connection) -> int:
    """Copies that the relay refused for good are bounces too; how many were new."""
    now = ctx.clock()
    rows = tx.execute(
        select(_delivery)
        .outerjoin(_bounce, _bounce.c.delivery_id == _delivery.c.id)
        .where(_delivery.c.state == DeliveryState.FAILED, _delivery.c.finished_at > now - LOOKED_BACK,
               _bounce.c.id.is_(None))
        .limit(500)
    )  # fmt: skip
    found = list(rows)
    for row in found:
        _record(ctx, tx, row, of_reply(row.last_reply))
    return len(found)


def _record(ctx: Context, tx: Connection, row: Any, found: Found) -> None:
    """Writes a bounce down, counts it if it counts, and does what follows from it."""
    now, key = ctx.clock(), canonical(row.recipient)
    address = tx.execute(select(_address).where(_address.c.canonical == key)).first()
    counts = found.kind is BounceClass.HARD and address is not None and not _counted_lately(tx, key, now)
    tx.execute(
        insert(_bounce).values(
            at=now, canonical=key, person_id=address.person_id if address is not None else None, delivery_id=row.id,
            post_id=row.post_id, kind=found.kind, status=found.status, words=found.words[:300], counted=counts,
        )
    )  # fmt: skip
    if found.kind is BounceClass.COMPLAINT:
        notices.put(ctx, tx, "complaint", ctx.settings.community.contact, "complaint", recipient=row.recipient,
                    what=found.words)  # fmt: skip
    if counts:
        _count(ctx, tx, address, now)
    if row.post_id is not None and found.kind in (BounceClass.HARD, BounceClass.POLICY):
        _post_at_fault(ctx, tx, row.post_id)


def _counted_lately(tx: Connection, key: str, now: datetime) -> bool:
    recent = select(_bounce.c.id).where(_bounce.c.canonical == key, _bounce.c.counted, _bounce.c.at > now - ONCE)
    return tx.execute(recent.limit(1)).first() is not None


def _count(ctx: Context, tx: Connection, address: Any, now: datetime) -> None:
    """One more day on which an address failed; at the limit it is not written to any more."""
    before = select(func.max(_bounce.c.at, type_=_bounce.c.at.type)).where(
        _bounce.c.canonical == address.canonical, _bounce.c.counted, _bounce.c.at < now
    )
    last = tx.execute(before).scalar()
    score = 1.0 if last is None or last < now - STALE else address.bounce_score + 1.0
    tx.execute(update(_address).where(_address.c.id == address.id).values(bounce_score=score))
    if score >= LIMIT and address.preferred:
        _pause(ctx, tx, address)


def _pause(ctx: Context, tx: Connection, address: Any) -> None:
    """Another address of the member takes over; without one the mail rests, and a human is told."""
    others = tx.execute(
        select(_address)
        .where(_address.c.person_id == address.person_id, _address.c.id != address.id, _address.c.bounce_score < LIMIT)
        .order_by(_address.c.bounce_score, _address.c.id)
    )
    other = others.first()
    if other is not None:
        tx.execute(update(_address).where(_address.c.person_id == address.person_id).values(preferred=False))
        tx.execute(update(_address).where(_address.c.id == other.id).values(preferred=True))
        to = recipient(tx, address.person_id)
        if to is not None:
            notices.put(ctx, tx, "bounce-moved", to, "bounce-moved", old=address.email, new=other.email)
        return
    changed = tx.execute(
        update(_person).where(_person.c.id == address.person_id, _person.c.status == Status.ACTIVE)
        .values(status=Status.BOUNCING)
    )  # fmt: skip
    if changed.rowcount == 1:
        name = tx.execute(select(_person.c.name).where(_person.c.id == address.person_id)).scalar()
        words = tx.execute(
            select(_bounce.c.words).where(_bounce.c.canonical == address.canonical).order_by(_bounce.c.id.desc())
        ).scalar()
        notices.put(ctx, tx, "bounce-lost", ctx.settings.community.contact, "bounce-lost", who=name or address.email,
                    email=address.email, said=words or "")  # fmt: skip


def _post_at_fault(ctx: Context, tx: Connection, post_id: int) -> None:
    """A post that many refuse: what it counted is taken back, and the contact told once."""
    refused = and_(_bounce.c.post_id == post_id, _bounce.c.kind.in_((BounceClass.HARD, BounceClass.POLICY)))
    many = int(tx.execute(select(func.count(func.distinct(_bounce.c.canonical))).where(refused)).scalar() or 0)
    post = tx.execute(select(_post.c.copies, _post.c.subject).where(_post.c.id == post_id)).first()
    if post is None or many < FEW or many < SHARE * max(post.copies, 1):
        return
    counted = list(tx.execute(select(_bounce.c.id, _bounce.c.canonical).where(refused, _bounce.c.counted)))
    tx.execute(update(_bounce).where(_bounce.c.id.in_([row.id for row in counted])).values(counted=False))
    for row in counted:
        address = tx.execute(select(_address).where(_address.c.canonical == row.canonical)).first()
        if address is None:
            continue
        score = max(0.0, address.bounce_score - 1.0)
        tx.execute(update(_address).where(_address.c.id == address.id).values(bounce_score=score))
        if score < LIMIT:
            _receives_again(ctx, tx, address.person_id)
    told = select(_notice.c.id).where(_notice.c.kind == "bounce-post", _notice.c.post_id == post_id)
    if tx.execute(told.limit(1)).first() is None:
        notices.put(ctx, tx, "bounce-post", ctx.settings.community.contact, "bounce-post", post_id=post_id,
                    subject=post.subject[:200], many=many, copies=post.copies)  # fmt: skip


# --- mending -------------------------------------------------------------------------------------------------------


def heard_from(ctx: Context, tx: Connection, key: str) -> bool:
    """Proven mail from an address: whoever can write from it can mostly be written to. Whether that mended anything."""
    row = tx.execute(
        select(_address.c.id, _address.c.person_id).where(_address.c.canonical == key, _address.c.bounce_score > 0)
    ).first()
    if row is None:
        return False
    tx.execute(update(_address).where(_address.c.id == row.id).values(bounce_score=0.0))
    return _receives_again(ctx, tx, row.person_id)


def _receives_again(ctx: Context, tx: Connection, person: int) -> bool:
    changed = tx.execute(
        update(_person).where(_person.c.id == person, _person.c.status == Status.BOUNCING).values(status=Status.ACTIVE)
    )
    if changed.rowcount != 1:
        return False
    life.receiving_again(tx, person, ctx.clock())
    to = recipient(tx, person)
    if to is not None:
        notices.put(ctx, tx, "bounce-mended", to, "bounce-mended")
    return True


def reset(ctx: Context, tx: Connection, key: str) -> bool:
    """Forgets the score of an address, by an operator; False when there is no such address."""
    row = tx.execute(select(_address).where(_address.c.canonical == key)).first()
    if row is None:
        return False
    tx.execute(update(_address).where(_address.c.id == row.id).values(bounce_score=0.0))
    tx.execute(update(_bounce).where(_bounce.c.canonical == key).values(counted=False))
    _receives_again(ctx, tx, row.person_id)
    return True


def of_address(tx: Connection, key: str) -> list[Any]:
    """What came back for an address, the newest first."""
    return list(tx.execute(select(_bounce).where(_bounce.c.canonical == key).order_by(_bounce.c.id.desc())))


def probe(ctx: Context, tx: Connection) -> int:
    """Writes weekly to members whose mail rests; who has a probe of three days that did not come back gets mail again.
    How many were written to or mended."""
    now, done = ctx.clock(), 0
    resting = select(_person.c.id).where(_person.c.status == Status.BOUNCING).order_by(_person.c.id).limit(500)
    for row in list(tx.execute(resting)):
        last = tx.execute(
            select(_notice.c.id, _notice.c.created_at, _delivery.c.state, _delivery.c.id.label("delivery"))
            .join(_delivery, _delivery.c.notice_id == _notice.c.id)
            .where(_notice.c.kind == "probe", _notice.c.person_id == row.id)
            .order_by(_notice.c.id.desc())
        ).first()
        to = recipient(tx, row.id)
        if to is None:
            continue
        if last is not None and last.created_at < now - PROBE_WAITS and _arrived(tx, last):
            tx.execute(update(_address).where(_address.c.canonical == canonical(to.email)).values(bounce_score=0.0))
            done += _receives_again(ctx, tx, row.id)
        elif last is None or last.created_at < now - PROBE_EVERY:
            _probe(ctx, tx, to)
            done += 1
    return done


def _arrived(tx: Connection, probe_: Any) -> bool:
    """Whether the relay took a probe and nothing came back."""
    back = select(_bounce.c.id).where(_bounce.c.delivery_id == probe_.delivery, _bounce.c.kind != BounceClass.NONE)
    return probe_.state == DeliveryState.SENT and tx.execute(back.limit(1)).first() is None


def _probe(ctx: Context, tx: Connection, to: Recipient) -> None:
    reply_to = routing.address(ctx.settings, HUB, routing.Kind.REQUEST)
    notices.put(ctx, tx, "probe", to, "probe", reply_to=reply_to)
