"""A post becomes an entry of the index: its place, its words, its text as safe HTML, its files.

The first step of the archive. What is shown is the distributed post: without Received lines, and with the author as
the roster knows them (name, profession). A post that was taken back is an entry without words, so that the thread
around it keeps its shape.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, or_, select

from listserv import vault
from listserv.archiver import files
from listserv.context import Context
from listserv.mail.body import Body, render, without_addresses
from listserv.mail.message import Message, TooComplex, parse
from listserv.mail.shown import one_line
from listserv.mail.threads import ERASED, links_of, subject_of, tag_of
from listserv.model import Message as Raw
from listserv.model import Person, Post, PostState
from listserv.settings import Settings

_post = Post.__table__  # type: ignore[attr-defined]
_raw = Raw.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]

ARCHIVED = or_(
    _post.c.state == PostState.RELEASED,
    (_post.c.state == PostState.RECALLED) & (_post.c.released_at.is_not(None) | _post.c.imported),
)
"""What an archive has, a post that was taken back as a place without words; not one that never went out."""
_TAKEN = "SELECT 1 FROM message WHERE list = ? AND tag = ?"
EXCERPT = 240  # characters
REMOVED = "[taken back]"
log = logging.getLogger(__name__)
_LOCAL = re.compile(r"[^@\s]+(?=@)")
_POST_COLUMNS = (
    _post.c.id, _post.c.list_name, _post.c.state, _post.c.person_id, _post.c.from_name, _post.c.from_address,
    _post.c.subject, _post.c.message_id_header, _post.c.tag, _post.c.thread, _post.c.received_at,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the index, with what stands beside it."""

    row: dict[str, Any]
    html: str
    words: str
    marks: str


def read(tx: Connection, post_ids: Sequence[int]) -> list[Any]:
    """These posts with their bytes and authors, as far as they belong into an archive."""
    query = (
        select(*_POST_COLUMNS, _raw.c.raw, _person.c.name, _person.c.profession)
        .join(_raw, _raw.c.id == _post.c.message_id)
        .outerjoin(_person, _person.c.id == _post.c.person_id)
        .where(_post.c.id.in_(post_ids), ARCHIVED)
        .order_by(_post.c.id)
    )
    return list(tx.execute(query))


def list_mark(name: str) -> str:
    """A list as one word of the index that no query of a person can contain, and no stemmer changes."""
    return f"l{name.encode().hex()}0"


def author_mark(author: str) -> str:
    return f"a{author.encode().hex()}0"


FILES_MARK = "f0"


def author_key(post: Any) -> str:
    """Who wrote it: the person's number, or a hash of an address that is nobody's."""
    if post.person_id:
        return f"p{post.person_id}"
    return f"x{tag_of(post.from_address.lower() or post.from_name.casefold())}"


def number_of(date: int, post_id: int) -> int:
    """Entries are numbered by time, so that "the newest" is an end of the index and not a sort."""
    return max(date, 0) << 24 | post_id & 0xFFFFFF


def entry(ctx: Context, post: Any) -> Entry:
    """The entry of a post; its files are written already."""
    settings, tag = ctx.settings, post.tag
    date = int(post.received_at.timestamp())
    hide = settings.archive.addresses == "hidden"
    shown = post.state == PostState.RELEASED
    message = _message(ctx, post)
    listed = settings.lists.get(post.list_name)
    about = subject_of(post.subject, listed.subject_prefix if listed else None)
    links = links_of(message)
    text = _text(ctx, post, message) if shown else None
    author = author_key(post)
    name = shown_name(settings, post.name or post.from_name or _before_at(post.from_address))
    row = {
        "number": number_of(date, post.id),
        "post": post.id,
        "list": post.list_name,
        "tag": tag,
        "message_id": post.message_id_header,
        "date": date,
        "moment": date * 1_000_000 + post.received_at.microsecond,
        "month": month_of(post.received_at, settings.community.zone),
        "subject": _shown(one_line(post.subject, 400) or "(no subject)", hide) if shown else REMOVED,
        "topic": about.key if shown else "",
        "reply": about.reply,
        "refs": " ".join(links.refs),
        "conversation": links.index[:22] or None,
        "thread_index": links.index or None,
        "sent_to": post.thread,
        "author": author if shown else "",
        "name": name if shown else "",
        "profession": shown_name(settings, post.profession) if shown else "",
        "address": post.from_address if shown and not hide and not post.from_address.endswith(ERASED) else "",
        "asks": bool(text and "?" in text.text),
        "shown": shown,
        "excerpt": " ".join(text.text[: 4 * EXCERPT].split())[:EXCERPT] if text else "",
        "files": len(text.files) if text else 0,
        "size": len(text.html) if text else 0,
    }
    marks = [list_mark(post.list_name), author_mark(author)]
    marks += [FILES_MARK] if text and text.files else []
    marks += [f"{file.name}" for file in text.files] if text else []
    return Entry(row, _with_files(ctx, text, tag) if text else "", text.text if text else "", " ".join(marks))


def shown_name(settings: Settings, text: str | None) -> str:
    """A name or profession as pages show it."""
    return _shown(one_line(text or "", 120), settings.archive.addresses == "hidden")


def _shown(text: str, hide: bool) -> str:
    return without_addresses(text) if hide else text


def _text(ctx: Context, post: Any, message: Message) -> Body:
    """The text of a post, its files written. A message that we fail on is shown without its text, and the log says so:
    one message must not keep the archive from all others."""
    settings = ctx.settings
    folder = settings.archive.directory / post.list_name / "a" / post.tag
    try:
        hide = settings.archive.addresses == "hidden"
        text = render(message, files_at=f"../a/{post.tag}/", hide_addresses=hide)
        files.put_attachments(settings.archive.directory, folder, (*text.files, *text.shown))
    except OSError:
        raise
    except Exception as error:
        log.error("post %d cannot be shown in the archive: %s", post.id, type(error).__name__)
        return Body('<p class="none">This message could not be shown.</p>', "", (), ())
    return text


def month_of(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m")


def _before_at(address: str) -> str:
    found = _LOCAL.match(address)
    return found[0] if found else address or "unknown"


def _message(ctx: Context, post: Any) -> Message:
    try:
        return parse(vault.unpacked(ctx.keys.held, post.raw))
    except TooComplex:  # it was taken when the caps were wider
        return Message(b"", (), b"")


def _with_files(ctx: Context, text: Body, tag: str) -> str:
    if not text.files:
        return text.html
    return text.html + ctx.render("archive/files.html", files=text.files, at=f"../a/{tag}/")


def _columns(entry: Entry) -> tuple[str, str]:
    return ", ".join(entry.row), ", ".join(f":{name}" for name in entry.row)


def store(db: sqlite3.Connection, made: Iterable[Entry]) -> list[int]:
    """Puts entries into the index in the place of earlier ones of the same posts; their numbers."""
    numbers = []
    for one in made:
        remove(db, one.row["post"])
        taken = db.execute(_TAKEN, (one.row["list"], one.row["tag"])).fetchone()
        if taken is not None:  # two machines gave one tag to two posts at the same moment
            one.row["tag"] = tag_of(one.row["message_id"], str(one.row["post"]))
        names, values = _columns(one)
        db.execute(f"INSERT INTO message ({names}) VALUES ({values})", one.row)  # noqa: S608  (our own column names)
        number = one.row["number"]
        db.execute("INSERT INTO fragment VALUES (?, ?)", (number, zlib.compress(one.html.encode(), 1)))
        refs = [*one.row["refs"].split(), *([one.row["sent_to"]] if one.row["sent_to"] else [])]
        if refs:
            db.executemany(
                "INSERT OR IGNORE INTO reference VALUES (?, ?, ?)", [(one.row["list"], ref, number) for ref in refs]
            )
        if one.row["shown"]:
            name = f"{one.row['name']} {one.row['address']}"
            db.execute(
                "INSERT INTO words(rowid, subject, name, body, marks) VALUES (?, ?, ?, ?, ?)",
                (number, one.row["subject"], name, one.words, one.marks),
            )
        numbers.append(number)
    return numbers


def remove(db: sqlite3.Connection, post: int) -> sqlite3.Row | None:
    """Takes the entry of a post out of the index; the entry that was, or None."""
    old: sqlite3.Row | None = db.execute("SELECT * FROM message WHERE post = ?", (post,)).fetchone()
    if old is None:
        return None
    number = old["number"]
    for table in ("message", "fragment", "reference"):
        db.execute(f"DELETE FROM {table} WHERE number = ?", (number,))  # noqa: S608  (three names of ours)
    db.execute("DELETE FROM words WHERE rowid = ?", (number,))
    return old


def entries(ctx: Context, tx: Connection, post_ids: Sequence[int]) -> list[Entry]:
    """The entries of these posts, as far as their lists exist."""
    return [entry(ctx, post) for post in read(tx, post_ids) if post.list_name in ctx.settings.lists]


def folder_of(directory: Path, row: sqlite3.Row) -> Path:
    """Where the files of an entry are."""
    return directory / str(row["list"]) / "a" / str(row["tag"])
