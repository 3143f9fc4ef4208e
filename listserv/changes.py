"""What an archive has to look at again: a row for each change of a post, in the commit that makes the change.

Between the stages and the archives. There may be several archives (every machine with the web role holds one), so the
rows are not taken off: each archive remembers how far it has come.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert

from listserv.model import Change

_change = Change.__table__  # type: ignore[attr-defined]
_INSERT = insert(_change)


def note(tx: Connection, list_name: str, now: datetime, post_id: int | None = None) -> None:
    """A post of this list (without one: the shape of its threads) is not what it was."""
    tx.execute(_INSERT, {"post_id": post_id, "list_name": list_name, "at": now})
