"""What listserv itself failed on: set aside with its traceback, shown to the operator, retried by command.

Nothing unexpected loses mail. A message that could not be decided is stored with its envelope, one row per content
and recipients; a stored post that a later stage failed on is moved to QUARANTINED.
"""

from __future__ import annotations

import hashlib
import traceback
import zlib
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from listserv import arrivals
from listserv.context import Context
from listserv.model import ArrivalState, Post, PostState, Quarantine, QuarantineState
from listserv.posts import Envelope

_quarantine = Quarantine.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]


def describe(error: BaseException) -> str:
    """The traceback without any value of a local name."""
    return "".join(traceback.format_exception(error))[-8000:]


def set_aside(tx: Connection, raw: bytes, envelope: Envelope, recipients: list[str], stage: str, error: str) -> int:
    """Stores a message that we failed on; the same message to the same recipients again finds its row."""
    key = hashlib.sha256("\0".join(sorted(recipients)).encode() + b"\0" + raw).hexdigest()
    known = tx.execute(select(_quarantine.c.id).where(_quarantine.c.key == key)).scalar()
    if known is not None:
        tx.execute(
            update(_quarantine).where(_quarantine.c.id == known).values(error=error, state=QuarantineState.WAITING)
        )
        return int(known)
    result = tx.execute(
        insert(_quarantine).values(
            key=key,
            raw=zlib.compress(raw, 3),
            size=len(raw),
            envelope_sender=envelope.sender,
            recipients=recipients,
            peer=envelope.client,
            helo=envelope.helo,
            protocol=envelope.protocol,
            stage=stage,
            error=error,
            state=QuarantineState.WAITING,
            at=envelope.received_at,
        )
    )
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])


def set_arrival_aside(ctx: Context, tx: Connection, row: Any, error: str) -> None:
    """An unproven message that could not be looked at; nothing of it is lost."""
    if arrivals.change(tx, row, ArrivalState.WAITING, ArrivalState.SETTLED, ctx.clock()):
        set_aside(tx, arrivals.message_of(ctx, row), arrivals.envelope_of(row), row.recipients, "sift", error)


def set_post_aside(tx: Connection, post: Any, stage: str, error: str, now: datetime) -> int | None:
    """A stored post that `stage` failed on: QUARANTINED, with its error; None when it has moved on meanwhile."""
    changed = tx.execute(
        update(_post)
        .where(_post.c.id == post.id, _post.c.state == post.state)
        .values(state=PostState.QUARANTINED, state_since=now)
    )
    if changed.rowcount != 1:
        return None
    result = tx.execute(
        insert(_quarantine).values(
            key=f"post {post.id} {now.isoformat()}",
            raw=b"",
            size=0,
            envelope_sender=post.envelope_sender,
            recipients=[post.list_name],
            peer=post.peer,
            helo="",
            protocol="",
            post_id=post.id,
            stage=stage,
            error=f"{post.state}\n{error}",
            state=QuarantineState.WAITING,
            at=now,
        )
    )
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])


def waiting(tx: Connection) -> list[Any]:
    """All that waits to be retried, oldest first."""
    query = select(_quarantine).where(_quarantine.c.state == QuarantineState.WAITING).order_by(_quarantine.c.id)
    return list(tx.execute(query))


def get(tx: Connection, number: int) -> Any | None:
    return tx.execute(select(_quarantine).where(_quarantine.c.id == number)).first()


def message(row: Any) -> bytes:
    return zlib.decompress(row.raw)


def done(tx: Connection, number: int) -> None:
    tx.execute(update(_quarantine).where(_quarantine.c.id == number).values(state=QuarantineState.RETRIED))


def reopen_post(tx: Connection, row: Any, now: datetime) -> bool:
    """A post goes back to the state in which we failed on it, and its stage tries again."""
    state = PostState(row.error.partition("\n")[0])
    values: dict[str, Any] = {"state": state, "state_since": now}
    if state is PostState.ACCEPTED:
        values["release_at"] = now
    changed = tx.execute(
        update(_post).where(_post.c.id == row.post_id, _post.c.state == PostState.QUARANTINED).values(**values)
    )
    return changed.rowcount == 1
