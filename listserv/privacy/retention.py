"""Keeping nothing longer than it must be kept: what the settings say under `retention`, carried out every night.

Beside the way of a post. Each class of rows goes in small commits, so that nobody waits for it, and each commit looks
anew, so that two schedulers, or one that was killed, do no harm. What goes from the posts is noted for the archives.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Table, delete, func, or_, select, update

from listserv import changes, vault
from listserv.arrivals import REMEMBERED_FOR
from listserv.context import Context
from listserv.edge import forgetting
from listserv.edge.forgetting import empty_log
from listserv.errors import UserError
from listserv.mail import anonymous
from listserv.model import (
    Application,
    Arrival,
    ArrivalState,
    Attempt,
    Bounce,
    Change,
    Confirmation,
    Decision,
    Delivery,
    Fetched,
    Issue,
    Message,
    Notice,
    Post,
    PostState,
    Quarantine,
    QuarantineState,
    Refusal,
    Salt,
    Session,
    ThreadEdit,
    Token,
)
from listserv.model.outbox import WAITING
from listserv.privacy.erasing import DISTRIBUTED, FINISHED, NOTHING, finish, sweep
from listserv.privacy.inventory import NAMED_IN_LINKS

_application = Application.__table__  # type: ignore[attr-defined]
_bounce = Bounce.__table__  # type: ignore[attr-defined]
_fetched = Fetched.__table__  # type: ignore[attr-defined]
_arrival = Arrival.__table__  # type: ignore[attr-defined]
_attempt = Attempt.__table__  # type: ignore[attr-defined]
_change = Change.__table__  # type: ignore[attr-defined]
_confirmation = Confirmation.__table__  # type: ignore[attr-defined]
_decision = Decision.__table__  # type: ignore[attr-defined]
_delivery = Delivery.__table__  # type: ignore[attr-defined]
_edit = ThreadEdit.__table__  # type: ignore[attr-defined]
_issue = Issue.__table__  # type: ignore[attr-defined]
_message = Message.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]
_quarantine = Quarantine.__table__  # type: ignore[attr-defined]
_refusal = Refusal.__table__  # type: ignore[attr-defined]
_salt = Salt.__table__  # type: ignore[attr-defined]
_session = Session.__table__  # type: ignore[attr-defined]
_token = Token.__table__  # type: ignore[attr-defined]

BATCH = 200  # rows in one commit
TOKENS_KEPT = timedelta(days=30)  # after a question has expired: so long an answer hears that it is too late
UNDER_WAY = (ArrivalState.WAITING, ArrivalState.ASKED)
log = logging.getLogger(__name__)
NUMBERED = (*NAMED_IN_LINKS, "change", "post")
"""Tables whose newest row stays: SQLite would give its number out again, and those numbers are known elsewhere."""
Step = Callable[..., int]
"""Does a batch in the transaction `tx`; how many rows it did. Fewer than BATCH: there are no more."""


async def run(ctx: Context) -> int:
    """Everything whose time is over; how many rows went or lost their text."""
    total = 0
    for step in _steps(ctx):
        while True:
            done = await ctx.db.write(lambda tx, step=step: step(tx=tx))  # type: ignore[misc]
            total += done
            if done < BATCH:
                break
    total += await ctx.db.write(sweep)
    await asyncio.to_thread(_tidy, ctx)
    return total


def _steps(ctx: Context) -> list[Step]:
    """What the settings ask for. Nothing is asked of what is kept for ever."""
    kept, now = ctx.settings.retention, ctx.clock()
    found: list[Step] = []

    def add(step: Callable[..., int], after: timedelta | None, *more: Any) -> None:
        if after is not None:
            found.append(partial(step, *more, before=now - after))

    add(_delete, kept.refusals, _refusal, _refusal.c.at)
    add(_delete, TOKENS_KEPT, _token, _token.c.expires_at)
    add(_delete, kept.sessions, _session, _session.c.expires_at)
    add(_delete, kept.changes, _change, _change.c.at)
    add(_delete, kept.arrivals, _arrival, _arrival.c.state_since, _arrival.c.state.not_in(UNDER_WAY))
    add(_delete, REMEMBERED_FOR + timedelta(days=30), _confirmation, _confirmation.c.confirmed_at)
    retried = _quarantine.c.state == QuarantineState.RETRIED
    add(_delete, kept.set_aside, _quarantine, _quarantine.c.at, retried)
    add(_empty_notices, kept.letters, _notice.c.kind == "digest")
    add(_empty_notices, kept.notices, _notice.c.kind != "digest")
    add(_delete, kept.issues, _issue, _issue.c.made_at)
    add(_delete, kept.bounces, _bounce, _bounce.c.at)
    add(_delete, kept.fetched, _fetched, _fetched.c.moved_at)
    add(_delete, kept.applications, _application, _application.c.closed_at)
    add(_deliveries, kept.deliveries)
    add(_old_notices, kept.deliveries)
    add(_originals, kept.originals)
    add(partial(_undistributed, ctx.keys.held), kept.undistributed)
    add(partial(_posts, ctx), kept.posts)
    return found


def _chosen(tx: Connection, table: Table, *conditions: Any) -> list[int]:
    """The oldest rows, for this transaction alone."""
    query = select(table.c.id).where(*conditions).order_by(table.c.id).limit(BATCH)
    if table.name in NUMBERED:
        query = query.where(table.c.id < select(func.max(table.c.id)).scalar_subquery())
    return list(tx.execute(query.with_for_update(skip_locked=True)).scalars())


def _delete(table: Table, column: Any, *conditions: Any, before: datetime, tx: Connection) -> int:
    rows = _chosen(tx, table, column < before, *conditions)
    if rows:
        tx.execute(delete(table).where(table.c.id.in_(rows)))
    return len(rows)


def _waiting() -> Any:
    """Notices that are still to be sent."""
    return select(_delivery.c.notice_id).where(_delivery.c.state.in_(WAITING), _delivery.c.notice_id.is_not(None))


def _empty_notices(kind: Any, *, before: datetime, tx: Connection) -> int:
    """The texts of mails of ours."""
    query = select(_notice.c.id).where(
        kind, _notice.c.created_at < before, _notice.c.raw != b"", _notice.c.id.not_in(_waiting())
    )
    rows = list(tx.execute(query.order_by(_notice.c.id).limit(BATCH)).scalars())
    if rows:
        tx.execute(update(_notice).where(_notice.c.id.in_(rows)).values(raw=b""))
    return len(rows)


def _deliveries(*, before: datetime, tx: Connection) -> int:
    """Copies that were sent or given up, with every try."""
    rows = _chosen(tx, _delivery, _delivery.c.finished_at < before, _delivery.c.state.not_in(WAITING))
    _drop_deliveries(tx, rows)
    return len(rows)


def _drop_deliveries(tx: Connection, rows: Sequence[int]) -> None:
    for at in range(0, len(rows), 500):
        some = rows[at : at + 500]
        tx.execute(delete(_attempt).where(_attempt.c.delivery_id.in_(some)))
        tx.execute(delete(_delivery).where(_delivery.c.id.in_(some)))


def _old_notices(*, before: datetime, tx: Connection) -> int:
    """Mails of ours of which no delivery is known any more."""
    known = select(_delivery.c.notice_id).where(_delivery.c.notice_id.is_not(None))
    return _delete(_notice, _notice.c.created_at, _notice.c.id.not_in(known), before=before, tx=tx)


def _originals(*, before: datetime, tx: Connection) -> int:
    """What was changed before it went out, as it came, and what the screen had found in it. Their hash stays."""
    waits = (PostState.HELD, PostState.RETURNED, PostState.CONFIRMING, PostState.ACCEPTED, PostState.QUARANTINED)
    kept = or_(_post.c.original_id.is_not(None), _post.c.screened.is_not(None))
    query = select(_post.c.id, _post.c.original_id).where(
        kept, _post.c.state.not_in(waits), _post.c.state_since < before
    )
    rows = list(tx.execute(query.order_by(_post.c.id).limit(BATCH)))
    for row in rows:
        tx.execute(update(_post).where(_post.c.id == row.id).values(original_id=None, screened=None))
        if row.original_id is not None:
            tx.execute(delete(_message).where(_message.c.id == row.original_id))
    return len(rows)


def _undistributed(key: bytes, *, before: datetime, tx: Connection) -> int:
    """The text of posts that went to nobody, or were taken back; that they were, and who decided, stays."""
    over = (*FINISHED, PostState.RECALLED)
    other = _post.alias()
    needed = select(other.c.message_id).where(or_(other.c.state.not_in(over), other.c.state_since >= before))
    query = (
        select(_message.c.id)
        .join(_post, _post.c.message_id == _message.c.id)
        .where(_post.c.state.in_(over), _post.c.state_since < before, _message.c.size > 0)
        .where(_message.c.id.not_in(needed))
        .group_by(_message.c.id)
        .order_by(_message.c.id)
        .limit(BATCH)
    )
    rows = list(tx.execute(query).scalars())
    for number in rows:
        recalled = _post.c.message_id == number, _post.c.state == PostState.RECALLED
        row = tx.execute(select(_post).where(*recalled).limit(1)).first()
        packed = NOTHING
        if row is not None:  # its place in the conversation stays
            raw = vault.unpacked(key, tx.execute(select(_message.c.raw).where(_message.c.id == number)).scalar_one())
            author = (row.from_name, row.from_address)
            packed = zlib.compress(anonymous.place_alone(raw, author, row.message_id_header), 6)
        tx.execute(update(_message).where(_message.c.id == number).values(raw=packed, size=0))
        tx.execute(update(_post).where(_post.c.message_id == number).values(subject=""))
    return len(rows)


def _posts(ctx: Context, *, before: datetime, tx: Connection) -> int:
    """Old posts altogether, here and in the archives."""
    rows = _chosen(tx, _post, _post.c.received_at < before, _post.c.state.in_((*DISTRIBUTED, *FINISHED)))
    if not rows:
        return 0
    now = ctx.clock()
    for row in list(tx.execute(select(_post.c.id, _post.c.list_name, _post.c.tag).where(_post.c.id.in_(rows)))):
        changes.note(tx, row.list_name, now, row.id)
        tx.execute(delete(_edit).where(_edit.c.list_name == row.list_name, _edit.c.tag == row.tag))
    about = select(_notice.c.id).where(_notice.c.post_id.in_(rows))
    theirs = or_(_delivery.c.post_id.in_(rows), _delivery.c.notice_id.in_(about))
    _drop_deliveries(tx, list(tx.execute(select(_delivery.c.id).where(theirs)).scalars()))
    tx.execute(delete(_notice).where(_notice.c.post_id.in_(rows)))
    for table in (_token, _decision, _quarantine, _salt):
        tx.execute(delete(table).where(table.c.post_id.in_(rows)))
    columns = (_post.c.message_id, _post.c.original_id)
    messages = {number for row in tx.execute(select(*columns).where(_post.c.id.in_(rows))) for number in row if number}
    tx.execute(delete(_post).where(_post.c.id.in_(rows)))
    for number in messages:
        if tx.execute(select(_post.c.id).where(_post.c.message_id == number).limit(1)).first() is None:
            tx.execute(delete(_message).where(_message.c.id == number))
    return len(rows)


def _tidy(ctx: Context) -> None:
    """What was deleted leaves SQLite's log as well; an erasure that was interrupted is brought to its end."""
    try:
        if forgetting.is_marked(ctx.db):
            finish(ctx)
        elif ctx.settings.sqlite_path is not None:
            with closing(sqlite3.connect(ctx.settings.sqlite_path, timeout=5, isolation_level=None)) as connection:
                empty_log(connection, 5)
    except (UserError, sqlite3.OperationalError) as error:
        log.warning("the files of the database could not be tidied tonight: %s", error)
