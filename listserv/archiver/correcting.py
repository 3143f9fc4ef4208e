"""A moderator splits a thread or joins two. What they decide stands in the main database, so that every build knows it.

Beside the way of a post: the archive that comes out of `placing` can be wrong where people changed the subject by hand
or their mail programs left everything out.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy import Connection, delete, insert

from listserv import changes
from listserv.archiver import index
from listserv.context import Context
from listserv.errors import UserError
from listserv.mail.threads import is_tag, tag_of
from listserv.model import ThreadEdit
from listserv.words import N_

_edit = ThreadEdit.__table__  # type: ignore[attr-defined]


def find(db: sqlite3.Connection, list_name: str, text: str) -> sqlite3.Row | None:
    """A message of a list by its permalink, its tag or its Message-ID."""
    text = text.strip()
    last = text.rstrip("/").rpartition("/")[2].rpartition("#m-")[2].removesuffix(".html").lower()
    tag = last if is_tag(last) else tag_of(text)
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM message WHERE list = ? AND tag = ?", (list_name, tag)
    ).fetchone()
    return row


def correct(ctx: Context, list_name: str, message: str, below: str | None, who: str) -> str:
    """Splits (`below` None) or joins; what was done, in words. Raises UserError when it cannot be done."""
    db = index.connect(ctx.settings.archive.directory)
    try:
        moved = find(db, list_name, message)
        target = find(db, list_name, below) if below is not None else None
        if moved is None or (below is not None and target is None):
            unknown = message if moved is None else below
            raise UserError(f"{list_name} has no message {unknown}; give its permalink or its Message-ID")
        if target is not None and _is_below(db, list_name, target, moved["tag"]):
            raise UserError("a message cannot stand below itself or below one of its own answers")
    finally:
        db.close()
    parent = target["tag"] if target is not None else ""

    def work(tx: Connection) -> None:
        tx.execute(delete(_edit).where(_edit.c.list_name == list_name, _edit.c.tag == moved["tag"]))
        values = {"list_name": list_name, "tag": moved["tag"], "parent": parent, "edited_by": who, "at": ctx.clock()}
        tx.execute(insert(_edit).values(values))
        changes.note(tx, list_name, ctx.clock())

    ctx.db.submit(work).result()
    if target is None:
        return N_(
            "“%(subject)s” by %(name)s begins a conversation of its own now.",
            subject=moved["subject"], name=moved["name"],
        )  # fmt: skip
    return N_(
        "“%(subject)s” by %(name)s stands below “%(above)s” by %(above_name)s now.",
        subject=moved["subject"], name=moved["name"], above=target["subject"], above_name=target["name"],
    )  # fmt: skip


def _is_below(db: sqlite3.Connection, list_name: str, row: sqlite3.Row, tag: str) -> bool:
    """Whether `tag` is this message or one of those it answers."""
    seen: set[str] = set()
    here: sqlite3.Row | None = row
    while here is not None and here["tag"] not in seen:
        if here["tag"] == tag:
            return True
        seen.add(here["tag"])
        query = "SELECT * FROM message WHERE list = ? AND tag = ?"
        here = db.execute(query, (list_name, here["parent"])).fetchone() if here["parent"] else None
    return False
