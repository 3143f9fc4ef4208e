"""Bringing the archive up to date: after each change, or all of it.

What a step changes in the index, and which pages that touches, is one transaction; a page noted there is struck off
after it has been written. So a run that was killed leaves whole pages and a list of what is still to be written.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, text

from listserv.archiver import entries, files, index, pages, placing
from listserv.archiver.index import connect, locked, meta, set_meta, transaction
from listserv.context import Context
from listserv.errors import UserError
from listserv.model import Change, Person, Post, ThreadEdit

log = logging.getLogger(__name__)
_post = Post.__table__  # type: ignore[attr-defined]
_change = Change.__table__  # type: ignore[attr-defined]
_edit = ThreadEdit.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]

CHUNK = 200  # posts in memory at once
BEHIND = 1000  # changes that are looked at once more: on PostgreSQL a lower number may be committed later
POLL = 1.0  # seconds
PAUSE = 30  # seconds after the folder could not be written
GATHER = 0.05  # seconds in which a burst of posts comes together before pages are written
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Report:
    """What a run did."""

    messages: int = 0
    threads: int = 0
    written: int = 0
    removed: int = 0
    full: bool = False


def _nothing(_done: int, _all: int) -> None:
    return None


def build(ctx: Context, list_name: str | None = None, *, full: bool = False, progress: Progress = _nothing) -> Report:
    """Brings the archive up to date; `full` makes all of it (or all pages of one list) anew."""
    with locked(ctx.settings.archive.directory):
        db = connect(ctx.settings.archive.directory, write=True)
        try:
            if (full and list_name is None) or not _usable(ctx, db):
                return _all(ctx, db, progress)
            report = _changes(ctx, db)
            _names(ctx, db)
            _edits(ctx, db)
            if meta(db, "look") != pages.look(ctx):
                _note_everything(ctx, db)
            if full and list_name is not None:
                with transaction(db):
                    _note_list(db, list_name)
                    _note(db, list_name, "clear", "")
            _write(ctx, db, report, sync=False, progress=progress)
            report.threads = db.execute("SELECT COUNT(*) FROM thread").fetchone()[0]
            return report
        finally:
            db.close()


def update(ctx: Context) -> Report:
    """What has changed since the last time; builds everything when there is nothing yet. For `serve`."""
    directory = ctx.settings.archive.directory
    with locked(directory):
        db = connect(directory, write=True)
        try:
            if not _usable(ctx, db):
                return _all(ctx, db, _nothing)
            report = _changes(ctx, db)
            _write(ctx, db, report, sync=True)
            return report
        finally:
            db.close()


def _usable(ctx: Context, db: sqlite3.Connection) -> bool:
    """Whether what is there can be brought up to date: whole, of this version, and not ahead of its database, as after
    a backup was put back, nor away for longer than changes are kept."""
    if meta(db, "version") != index.VERSION or meta(db, "complete") is None or meta(db, "made") != _made(ctx):
        return False
    with ctx.db.reading() as tx:
        oldest, newest = tx.execute(text("SELECT MIN(id), MAX(id) FROM change")).one()
    cursor = int(meta(db, "cursor") or 0)
    return (newest or 0) >= cursor and ((oldest or 0) <= cursor + 1 or not ctx.db.sqlite)


def _made(ctx: Context) -> str:
    """The settings that are in every entry: with others, all of them are made anew."""
    settings = ctx.settings
    prefixes = [(name, one.subject_prefix) for name, one in settings.lists.items()]
    return repr((settings.archive.addresses, settings.community.timezone, sorted(prefixes)))


async def follow(ctx: Context, stopping: asyncio.Event) -> None:
    """Keeps the archive up to date until `stopping` is set: the archiver of `serve`."""
    while not stopping.is_set():
        try:
            await _follow(ctx, stopping)
        except (UserError, OSError) as error:
            log.error("the archive cannot be written, trying again in %d s: %s", PAUSE, error)
            await _rest(stopping, PAUSE)


async def _follow(ctx: Context, stopping: asyncio.Event) -> None:
    await asyncio.to_thread(build, ctx)
    with closing(connect(ctx.settings.archive.directory)) as kept:
        kept.execute("SELECT 1 FROM meta").fetchone()  # while this is open, no update has to tidy up the index's log
        while not stopping.is_set():
            ctx.wake.archive.clear()
            if await asyncio.to_thread(_waiting, ctx):
                done = await asyncio.to_thread(update, ctx)
                if done.messages or done.removed or done.written:
                    continue
            await _rest(stopping, POLL, ctx.wake.archive)
            if ctx.wake.archive.is_set():
                await asyncio.sleep(GATHER)


async def _rest(stopping: asyncio.Event, seconds: float, *bells: asyncio.Event) -> None:
    """Until it is time, one of the bells rings, or everything stops."""
    waits = [asyncio.ensure_future(bell.wait()) for bell in (stopping, *bells)]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _waiting(ctx: Context) -> bool:
    """Whether there is anything to do; looks without waiting for the lock."""
    try:
        db = connect(ctx.settings.archive.directory)
    except Exception:
        return True
    try:
        if meta(db, "complete") is None or db.execute("SELECT 1 FROM dirty LIMIT 1").fetchone():
            return True
        with ctx.db.reading() as tx:
            return bool(_fresh(ctx, tx, db, 1))
    finally:
        db.close()


# --- what changed ------------------------------------------------------------------------------------------------


def _fresh(ctx: Context, tx: Connection, db: sqlite3.Connection, limit: int) -> list[Any]:
    """Changes that this archive has not taken over yet, oldest first."""
    cursor = int(meta(db, "cursor") or 0)
    query = select(_change).order_by(_change.c.id)
    if ctx.db.sqlite:
        return list(tx.execute(query.where(_change.c.id > cursor).limit(limit)))
    seen = {row[0] for row in db.execute("SELECT id FROM seen")}
    rows = tx.execute(query.where(_change.c.id > cursor - BEHIND).limit(limit + BEHIND))
    return [row for row in rows if row.id not in seen][:limit]


def _have_seen(db: sqlite3.Connection, changes: list[int]) -> None:
    cursor = max(int(meta(db, "cursor") or 0), *changes, 0)
    set_meta(db, "cursor", str(cursor))
    db.executemany("INSERT OR IGNORE INTO seen VALUES (?)", [(change,) for change in changes])
    db.execute("DELETE FROM seen WHERE id <= ?", (cursor - BEHIND,))


def _changes(ctx: Context, db: sqlite3.Connection) -> Report:
    """Takes over all changes of posts and threads; pages are noted, not written."""
    report = Report()
    while True:
        with ctx.db.reading() as tx:
            fresh = _fresh(ctx, tx, db, CHUNK)
            if not fresh:
                return report
            posts = sorted({row.post_id for row in fresh if row.post_id is not None})
            made = entries.entries(ctx, tx, posts)
        with transaction(db):
            _take(ctx, db, made, set(posts) - {one.row["post"] for one in made}, report)
            if any(row.post_id is None for row in fresh):
                _take_edits(ctx, db)
            _have_seen(db, [row.id for row in fresh])
        if len(fresh) < CHUNK:
            return report


def _take(ctx: Context, db: sqlite3.Connection, made: list[entries.Entry], gone: Iterable[int], report: Report) -> None:
    """Entries into the index, others out of it, threads put together, pages noted: inside one transaction."""
    old = [row for one in made if (row := _current(db, one.row["post"])) is not None]
    numbers = entries.store(db, made)
    for post in gone:
        row = entries.remove(db, post)
        if row is not None:
            old.append(row)
            files.remove(entries.folder_of(ctx.settings.archive.directory, row))
            report.removed += 1
    new = [db.execute("SELECT * FROM message WHERE number = ?", (number,)).fetchone() for number in numbers]
    for name in sorted({row["list"] for row in (*old, *new)}):
        _touch(db, name, [row for row in (*old, *new) if row["list"] == name])
    for one in made:
        if not one.row["shown"]:  # taken back: its files go at once, its words when the transaction is over
            files.remove(ctx.settings.archive.directory / one.row["list"] / "a" / one.row["tag"])
    if old:
        set_meta(db, "forget", "1")
    report.messages += len(new)


def _current(db: sqlite3.Connection, post: int) -> sqlite3.Row | None:
    row: sqlite3.Row | None = db.execute("SELECT * FROM message WHERE post = ?", (post,)).fetchone()
    return row


def _touch(db: sqlite3.Connection, list_name: str, changed: list[sqlite3.Row]) -> None:
    """Places what changed and notes the pages that this touches."""
    touched, called, moved = placing.place(db, list_name, changed)
    months = {row["month"] for row in changed} | moved
    for month in months:
        count = "SELECT ?1, ?2, COUNT(*) FROM message WHERE list = ?1 AND month = ?2"
        db.execute(f"INSERT OR REPLACE INTO month {count}", (list_name, month))
    db.execute("DELETE FROM month WHERE list = ? AND count = 0", (list_name,))
    for tag in touched:
        _note(db, list_name, "thread", tag)
    for tag in called:
        query = "SELECT DISTINCT month FROM message WHERE list = ? AND thread = ?"
        months |= {row[0] for row in db.execute(query, (list_name, tag))}
    for month in months:
        _note(db, list_name, "month", month)
    _note(db, list_name, "list", "")


def _note(db: sqlite3.Connection, list_name: str, kind: str, name: str) -> None:
    db.execute("INSERT OR IGNORE INTO dirty VALUES (?, ?, ?)", (list_name, kind, name))


def _note_list(db: sqlite3.Connection, list_name: str) -> None:
    _note(db, list_name, "list", "")
    db.execute(
        "INSERT OR IGNORE INTO dirty SELECT DISTINCT list, 'month', month FROM message WHERE list = ?", (list_name,)
    )
    db.execute("INSERT OR IGNORE INTO dirty SELECT list, 'thread', tag FROM thread WHERE list = ?", (list_name,))


def _note_everything(ctx: Context, db: sqlite3.Connection) -> None:
    with transaction(db):
        for name in ctx.settings.lists:
            _note_list(db, name)
        set_meta(db, "look", pages.look(ctx))


def _edits(ctx: Context, db: sqlite3.Connection) -> None:
    with transaction(db):
        _take_edits(ctx, db)


def _take_edits(ctx: Context, db: sqlite3.Connection) -> None:
    """Corrections of moderators, as they stand now."""
    with ctx.db.reading() as tx:
        wanted = {(row.list_name, row.tag): row.parent for row in tx.execute(select(_edit))}
    known = {(row["list"], row["tag"]): row["parent"] for row in db.execute("SELECT * FROM edit")}
    differing = {key for key in wanted.keys() | known.keys() if wanted.get(key) != known.get(key)}
    for list_name, tag in differing:
        db.execute("DELETE FROM edit WHERE list = ? AND tag = ?", (list_name, tag))
        if (list_name, tag) in wanted:
            db.execute("INSERT INTO edit VALUES (?, ?, ?)", (list_name, tag, wanted[list_name, tag]))
    for name in {key[0] for key in differing}:
        query = "SELECT * FROM message WHERE list = ? AND tag = ?"
        rows = [db.execute(query, key).fetchone() for key in sorted(differing) if key[0] == name]
        changed = [row for row in rows if row is not None]
        if changed:
            _touch(db, name, changed)


def _names(ctx: Context, db: sqlite3.Connection) -> None:
    """Members who are called otherwise now, or have another profession, are so in the archive."""
    query = "SELECT DISTINCT author, name, profession FROM message WHERE author GLOB 'p[0-9]*'"
    shown = [(int(row[0][1:]), row[1], row[2]) for row in db.execute(query)]
    with ctx.db.reading() as tx:
        people = {row.id: row for row in tx.execute(select(_person.c.id, _person.c.name, _person.c.profession))}
        stale = [person for person, *said in shown if person not in people or not _says(ctx, people[person], *said)]
        if not stale:
            return
        authors = {f"p{person}" for person in stale}
        posts = [row[0] for one in authors for row in db.execute("SELECT post FROM message WHERE author = ?", (one,))]
        for at in range(0, len(posts), CHUNK):
            made = entries.entries(ctx, tx, posts[at : at + CHUNK])
            with transaction(db):
                _take(ctx, db, made, (), Report())


def _says(ctx: Context, person: Any, name: str, profession: str) -> bool:
    """Whether that is how this person is shown."""
    now = entries.shown_name(ctx.settings, person.name)
    return (not now or now == name) and entries.shown_name(ctx.settings, person.profession) == profession


# --- everything --------------------------------------------------------------------------------------------------


def _all(ctx: Context, db: sqlite3.Connection, progress: Progress) -> Report:
    """The whole archive anew: the index in one transaction, so that readers keep the old one until it is there."""
    report = Report(full=True)
    with transaction(db):
        index.reset(db)
        with ctx.db.reading() as tx:
            _have_seen(
                db, [row.id for row in tx.execute(select(_change.c.id).order_by(_change.c.id.desc()).limit(BEHIND))]
            )
            query = select(_post.c.id).where(entries.ARCHIVED).order_by(_post.c.id)
            every = [row.id for row in tx.execute(query)]
            for row in tx.execute(select(_edit)):
                db.execute("INSERT INTO edit VALUES (?, ?, ?)", (row.list_name, row.tag, row.parent))
        for at in range(0, len(every), CHUNK):
            with ctx.db.reading() as tx:
                made = entries.entries(ctx, tx, every[at : at + CHUNK])
            _take(ctx, db, made, (), report)
            progress(min(at + CHUNK, len(every)), len(every))
        db.execute("INSERT INTO words(words) VALUES ('optimize')")
        for name in ctx.settings.lists:
            _note_list(db, name)
            _note(db, name, "clear", "")
        set_meta(db, "look", pages.look(ctx))
        set_meta(db, "made", _made(ctx))
        set_meta(db, "complete", "1")
    _write(ctx, db, report, sync=False, progress=progress)
    _clear_others(ctx)
    index.forget(db)
    report.threads = db.execute("SELECT COUNT(*) FROM thread").fetchone()[0]
    return report


def _write(ctx: Context, db: sqlite3.Connection, report: Report, *, sync: bool, progress: Progress = _nothing) -> None:
    """Writes every page that is noted."""
    directory = ctx.settings.archive.directory
    for name in pages.ASSET_NAMES:
        files.write(directory, f"{files.ASSETS}/{name}", pages.asset(name, ctx))
    noted = db.execute("SELECT * FROM dirty ORDER BY list, kind DESC, name").fetchall()
    for at in range(0, len(noted), CHUNK):
        done = []
        for row in noted[at : at + CHUNK]:
            try:
                report.written += _page(ctx, db, directory, row, sync=sync)
                done.append(row)
            except OSError:
                raise
            except Exception as error:  # it stays noted, and the others go on
                words = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
                log.error("the page %s %s %s of the archive cannot be made: %s", *tuple(row), words)
        with transaction(db):
            keys = [tuple(row) for row in done]
            db.executemany("DELETE FROM dirty WHERE list = ? AND kind = ? AND name = ?", keys)
        progress(min(at + CHUNK, len(noted)), len(noted))
    if not sync and noted:
        os.sync()
    if meta(db, "forget") is not None:
        index.forget(db)
        with transaction(db):
            db.execute("DELETE FROM meta WHERE key = 'forget'")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _page(ctx: Context, db: sqlite3.Connection, directory: Path, row: sqlite3.Row, *, sync: bool) -> int:
    """Writes what is noted, or takes it away when there is nothing to show any more; how many files changed."""
    folder = directory / row["list"]
    if row["list"] not in ctx.settings.lists:
        return 0
    if row["kind"] == "clear":  # the last of its list, by its name
        _clear_list(ctx, db, row["list"])
        return 0
    if row["kind"] == "list":
        return files.write(directory, f"{row['list']}/index.html", pages.list_page(ctx, db, row["list"]), sync=sync)
    if row["kind"] == "month":
        page = pages.month(ctx, db, row["list"], row["name"])
        if page is None:
            files.remove(folder / f"{row['name']}.html")
            return 1
        return files.write(directory, f"{row['list']}/{row['name']}.html", page, sync=sync)
    written, number = 0, 0
    for number, (name, data) in enumerate(pages.thread(ctx, db, row["list"], row["name"]), 1):  # noqa: B007
        written += files.write(directory, f"{row['list']}/{name}", data, sync=sync)
    while (stale := folder / pages.thread_file(row["name"], number + 1)).exists():
        files.remove(stale)
        number += 1
    return written


def _clear_list(ctx: Context, db: sqlite3.Connection, list_name: str) -> None:
    """Takes away what no message of a list accounts for: leftovers of a killed run, of removed posts and months."""
    folder = ctx.settings.archive.directory / list_name
    threads = {
        pages.thread_file(row["tag"], number)[2:]
        for row in db.execute("SELECT tag, pages FROM thread WHERE list = ?", (list_name,))
        for number in range(1, row["pages"] + 1)
    }
    tags = {row[0] for row in db.execute("SELECT tag FROM message WHERE list = ? AND shown", (list_name,))}
    months = {f"{name}.html" for name, _ in pages.months(db, list_name)}
    for name, kept in (("t", threads), ("a", tags)):
        if (folder / name).is_dir():
            files.keep_only(folder / name, kept)
    if folder.is_dir():
        files.keep_only(folder, {"index.html", "t", "a", *months})


def _clear_others(ctx: Context) -> None:
    """Folders of lists that are in the settings no more: told from anything else by the pages that each has."""
    directory = ctx.settings.archive.directory
    for folder in directory.iterdir():
        ours = (folder / "index.html").is_file() and (folder / "t").is_dir()
        if ours and folder.name not in ctx.settings.lists:
            files.remove(folder)
