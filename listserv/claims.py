"""The rows of the outbox as they are claimed and written down: who sends what, and what became of it.

`deliver` keeps the connections; here is what it does to the database, each function in a transaction that it is given.
Claims are leases, so that two machines never send the same row.
"""

from __future__ import annotations

import os
import socket
import time
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from listserv.edge.relay import Outcome, Result
from listserv.model import Attempt, Delivery, DeliveryState
from listserv.model.outbox import WAITING

_delivery = Delivery.__table__  # type: ignore[attr-defined]
_attempt = Attempt.__table__  # type: ignore[attr-defined]

CLAIM = 500
LEASE = timedelta(minutes=10)
GIVE_UP = timedelta(days=5)
BACK_OFF = tuple(timedelta(minutes=m) for m in (1, 5, 15, 30, 60, 60, 120, 240))
NOT_THE_COPY = frozenset({530, 534, 535, 538})
"""Refusals of MAIL that are about our login, not about the copy (RFC 4954 section 6): tried again like a 4xx."""


def owner_name() -> str:
    """Who holds a lease: host, process, and the moment it started."""
    return f"{socket.gethostname()}:{os.getpid()}:{time.time_ns()}"


def _dead(owner: str, me: str) -> bool:
    host, pid, _ = owner.rsplit(":", 2)
    my_host, my_pid, _ = me.rsplit(":", 2)
    if owner == me or host != my_host:
        return False
    if pid == my_pid:
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def release_dead(tx: Connection, me: str) -> int:
    """Frees what a killed process of this machine had claimed; the number of rows."""
    owners = tx.execute(select(_delivery.c.lease_owner).distinct().where(_delivery.c.lease_owner.is_not(None)))
    dead = [row.lease_owner for row in owners if _dead(row.lease_owner, me)]
    if not dead:
        return 0
    result = tx.execute(
        update(_delivery).where(_delivery.c.lease_owner.in_(dead)).values(lease_owner=None, lease_until=None)
    )
    return int(result.rowcount)


def claim(tx: Connection, me: str, now: datetime, limit: int = CLAIM) -> list[Any]:
    """Takes what is due, notices before posts, for the time of a lease (DEFERRED -> PENDING)."""
    free = or_(_delivery.c.lease_until.is_(None), _delivery.c.lease_until < now)
    query = (
        select(
            _delivery.c.id,
            _delivery.c.kind,
            _delivery.c.post_id,
            _delivery.c.notice_id,
            _delivery.c.subscription_id,
            _delivery.c.recipient,
            _delivery.c.attempts,
            _delivery.c.created_at,
        )
        .where(_delivery.c.state.in_(WAITING), _delivery.c.next_attempt <= now, free)
        .order_by(_delivery.c.priority, _delivery.c.next_attempt, _delivery.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = list(tx.execute(query))
    if rows:
        values = {"state": DeliveryState.PENDING, "lease_owner": me, "lease_until": now + LEASE}
        tx.execute(update(_delivery).where(_delivery.c.id.in_([row.id for row in rows])).values(values))
    return rows


def give_back(tx: Connection, ids: list[int], at: datetime) -> None:
    """What was claimed and not tried goes back, to be taken from `at` on."""
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        tx.execute(
            update(_delivery)
            .where(_delivery.c.id.in_(part), _delivery.c.state == DeliveryState.PENDING)
            .values(lease_owner=None, lease_until=None, next_attempt=at)
        )


def stopped(ids: list[int], tx: Connection) -> set[int]:
    """Which of these claimed rows are not to be sent any more."""
    found: set[int] = set()
    for start in range(0, len(ids), 500):
        part = _delivery.c.id.in_(ids[start : start + 500])
        query = select(_delivery.c.id).where(part, _delivery.c.state == DeliveryState.SUPPRESSED)
        found |= set(tx.execute(query).scalars())
    return found


def let_go(ids: list[int], me: str, tx: Connection) -> None:
    """Ends the leases of stopped rows that have left the stock: nothing of them is under way any more."""
    for start in range(0, len(ids), 500):
        mine = _delivery.c.id.in_(ids[start : start + 500]), _delivery.c.lease_owner == me
        tx.execute(update(_delivery).where(*mine).values(lease_owner=None, lease_until=None))


_SENT = (
    update(_delivery)
    .where(_delivery.c.id == bindparam("row"))
    .values(
        state=DeliveryState.SENT,
        attempts=_delivery.c.attempts + 1,
        last_reply=bindparam("reply"),
        finished_at=bindparam("at"),
        lease_owner=None,
        lease_until=None,
    )
)


def record(tx: Connection, outcomes: list[tuple[Outcome, Any]], now: datetime) -> None:
    """Writes down what became of copies, those that were sent in one statement."""
    sent = [{"row": o.copy.id, "reply": _said(o), "at": now} for o, _ in outcomes if o.result is Result.SENT]
    if sent:
        tx.execute(_SENT, sent)
    for outcome, row in outcomes:
        if outcome.result is not Result.SENT:
            _record_failure(tx, outcome, row, now)


def _said(outcome: Outcome) -> str:
    """The relay's reply with its code, or our own words when there was none."""
    return f"{outcome.code} {outcome.reply}" if outcome.code else outcome.reply


def _record_failure(tx: Connection, outcome: Outcome, row: Any, now: datetime) -> None:
    attempts = row.attempts + (outcome.result is not Result.UNSENT)
    values: dict[str, Any] = {
        "attempts": attempts,
        "last_reply": _said(outcome),
        "lease_owner": None,
        "lease_until": None,
    }
    about_login = outcome.stage == "mail" and outcome.code in NOT_THE_COPY
    if outcome.result is Result.FAILED and not about_login:
        values |= {"state": DeliveryState.FAILED, "finished_at": now}
    elif now - row.created_at >= GIVE_UP:
        reply = f"given up after five days; the last answer was: {_said(outcome)}"
        values |= {"state": DeliveryState.FAILED, "finished_at": now, "last_reply": reply[:500]}
    elif outcome.result is Result.UNSENT:
        values |= {"state": DeliveryState.PENDING, "next_attempt": now + timedelta(seconds=1)}
    else:
        wait = BACK_OFF[min(attempts, len(BACK_OFF)) - 1]
        values |= {"state": DeliveryState.DEFERRED, "next_attempt": now + wait}
    if outcome.result is Result.UNKNOWN:
        values["possible_duplicates"] = _delivery.c.possible_duplicates + 1
    stopped = (_delivery.c.id == row.id, _delivery.c.state == DeliveryState.SUPPRESSED)
    plain = {name: values[name] for name in values if name not in ("state", "next_attempt", "finished_at")}
    if not tx.execute(update(_delivery).where(*stopped).values(plain)).rowcount:  # else stopped while it was being sent
        running = (_delivery.c.id == row.id, _delivery.c.state.in_(WAITING))
        if not tx.execute(update(_delivery).where(*running).values(values)).rowcount:
            return  # its recipient was erased while it was being sent
    tx.execute(
        insert(_attempt).values(delivery_id=row.id, at=now, result=str(outcome.result), reply=_said(outcome)[:500])
    )


def renew(tx: Connection, ids: list[int], me: str, now: datetime) -> None:
    """Leases of rows that are still being worked on."""
    for start in range(0, len(ids), 500):
        tx.execute(
            update(_delivery)
            .where(_delivery.c.id.in_(ids[start : start + 500]), _delivery.c.lease_owner == me)
            .values(lease_until=now + LEASE)
        )
