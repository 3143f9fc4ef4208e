"""Archives for tests: built from posts put in through the front door, and read back from their files."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from listserv import archiver
from listserv.context import Context
from tests.house import put, work
from tests.people import mail


def files(directory: Path) -> dict[str, bytes]:
    """Every file of an archive that two builds must agree on."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.startswith("search.sqlite3") and path.name not in (".lock", ".part")
    }


def post(ctx: Context, subject: str = "A question", text: str = "What would you do?\n", **more: Any) -> str:
    """One post to perinatal, released; its Message-ID."""
    to = more.pop("to", "perinatal@lists.test")
    sender = more.pop("sender", "ann@people.test")
    message_id = more.pop("message_id", None) or f"<{abs(hash((subject, text, sender))):x}@people.test>"
    raw = more.pop("raw", None) or mail(sender, to, subject, text, message_id=message_id, **more)
    for reply in put(ctx, raw, to, sender=sender):
        assert reply.code == 250, reply
    work(ctx)
    return message_id


def table(ctx: Context, query: str, *values: Any) -> list[sqlite3.Row]:
    """Rows of the index."""
    db = archiver.connect(ctx.settings.archive.directory)
    try:
        return db.execute(query, values).fetchall()
    finally:
        db.close()


def threads(ctx: Context, list_name: str = "perinatal") -> list[list[str]]:
    """The subjects of each thread, in order of time."""
    rows = table(ctx, "SELECT thread, message_id FROM message WHERE list = ? ORDER BY date, tag", list_name)
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["thread"], []).append(row["message_id"])
    return sorted(found.values())
