"""Posts that repeat what was taken back: they are looked at, whatever else is known of them.

`posts.gather` asks for a post that comes in or is decided on; `recall` asks for those that wait already.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from listserv import vault
from listserv.mail.message import Message, TooComplex, parse
from listserv.mail.repeated import answered, repeats
from listserv.model import Message as Stored
from listserv.model import Post, PostState

_post = Post.__table__  # type: ignore[attr-defined]
_message = Stored.__table__  # type: ignore[attr-defined]


def of_recalled(tx: Connection, message: Message) -> bool:
    """Whether a message answers one that was taken back, and repeats its words (or those are gone already)."""
    ids = answered(message)
    if not ids:
        return False
    query = (
        select(_message.c.raw)
        .join(_post, _post.c.message_id == _message.c.id)
        .where(_post.c.message_id_header.in_(ids), _post.c.state == PostState.RECALLED)
        .limit(20)
    )
    return any(_repeats(message, row.raw) for row in tx.execute(query))


def _repeats(message: Message, stored: Any) -> bool:
    if vault.is_locked(stored):  # it never went out, so nobody quotes it
        return False
    raw = vault.unpacked(b"", stored)
    try:
        return not raw or repeats(message, parse(raw))
    except TooComplex:
        return True
