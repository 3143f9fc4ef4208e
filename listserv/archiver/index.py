"""The archive's own file: which messages it holds, their threads, what is left to write, and the words to search.

`search.sqlite3` in the archive's folder (SQLite with FTS5, whatever the main database is). It is never served. All of
it is derived: delete it, and the next build makes it anew. One process at a time writes it (`locked`); everybody may
read. What is deleted is overwritten (secure_delete), for an archive must be able to forget.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from listserv.errors import UserError

FILE = "search.sqlite3"
VERSION = "2"
CACHE_KIB = 32_000
_SCHEMA = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE message(
    number INTEGER PRIMARY KEY, post INTEGER NOT NULL UNIQUE, list TEXT NOT NULL, tag TEXT NOT NULL,
    message_id TEXT NOT NULL, date INTEGER NOT NULL, moment INTEGER NOT NULL, month TEXT NOT NULL,
    subject TEXT NOT NULL, topic TEXT NOT NULL, reply INTEGER NOT NULL, refs TEXT NOT NULL, conversation BLOB,
    thread_index BLOB, sent_to TEXT NOT NULL, author TEXT NOT NULL, name TEXT NOT NULL, profession TEXT NOT NULL,
    address TEXT NOT NULL, asks INTEGER NOT NULL, shown INTEGER NOT NULL, excerpt TEXT NOT NULL, files INTEGER NOT NULL,
    size INTEGER NOT NULL, parent TEXT, thread TEXT NOT NULL DEFAULT '', page INTEGER NOT NULL DEFAULT 1,
    UNIQUE(list, tag));
CREATE INDEX message_thread ON message(list, thread);
CREATE INDEX message_parent ON message(list, parent) WHERE parent IS NOT NULL;
CREATE INDEX message_topic ON message(list, topic, date) WHERE topic <> '';
CREATE INDEX message_conversation ON message(list, conversation) WHERE conversation IS NOT NULL;
CREATE INDEX message_month ON message(list, month, thread);
CREATE INDEX message_author ON message(author, number);
CREATE TABLE fragment(number INTEGER PRIMARY KEY, html BLOB NOT NULL);
CREATE TABLE reference(list TEXT, tag TEXT, number INTEGER, PRIMARY KEY(list, tag, number)) WITHOUT ROWID;
CREATE TABLE thread(
    list TEXT, tag TEXT, subject TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,
    people INTEGER NOT NULL, asks INTEGER NOT NULL, names TEXT NOT NULL, profession TEXT NOT NULL,
    excerpt TEXT NOT NULL, files INTEGER NOT NULL, pages INTEGER NOT NULL, PRIMARY KEY(list, tag)) WITHOUT ROWID;
CREATE INDEX thread_last ON thread(list, last);
CREATE TABLE month(list TEXT, month TEXT, count INTEGER NOT NULL, PRIMARY KEY(list, month)) WITHOUT ROWID;
CREATE TABLE edit(list TEXT, tag TEXT, parent TEXT NOT NULL, PRIMARY KEY(list, tag)) WITHOUT ROWID;
CREATE TABLE dirty(list TEXT, kind TEXT, name TEXT, PRIMARY KEY(list, kind, name)) WITHOUT ROWID;
CREATE TABLE seen(id INTEGER PRIMARY KEY);
CREATE VIRTUAL TABLE words USING fts5(
    subject, name, body, marks, tokenize = "porter unicode61 remove_diacritics 2", prefix = '2 3');
"""
_TABLES = ("words", "seen", "dirty", "edit", "month", "thread", "reference", "fragment", "message", "meta")


def connect(directory: Path, *, write: bool = False) -> sqlite3.Connection:
    """The index of an archive. Reading raises UserError when there is none yet; writing makes it, empty."""
    path = directory / FILE
    if not write:
        if not path.is_file():
            raise UserError("the archive is not built yet; `listserv archive build` builds it")
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5, isolation_level=None)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA cache_size = -8000")
        return db
    make_folder(directory)
    if not path.exists():  # closing an open one would drop the locks of every connection of this process (POSIX)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # private from the first byte
    db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    try:
        db.execute("PRAGMA journal_mode = WAL")
    except sqlite3.DatabaseError as error:
        db.close()
        raise UserError(f"archive: {path} cannot be opened ({error}); delete it, and it is made anew") from error
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA secure_delete = ON")
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return db


def make_folder(path: Path) -> None:
    """A folder that others than the user and group of the service cannot enter."""
    try:
        path.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"archive.directory: {path} cannot be made: {error.strerror}") from error


def reset(db: sqlite3.Connection) -> None:
    """Empties the index inside the caller's transaction: readers keep what was until it commits."""
    for table in _TABLES:
        db.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in _SCHEMA.split(";\n"):
        if statement.strip():
            db.execute(statement)
    set_meta(db, "version", VERSION)


def meta(db: sqlite3.Connection, key: str) -> str | None:
    """A value of the index about itself; None when it is not there, or the file is no index of ours yet."""
    try:
        row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    except sqlite3.OperationalError:
        return None
    return str(row[0]) if row else None


def set_meta(db: sqlite3.Connection, key: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One writer at a time, also among processes; waits for its turn."""
    make_folder(directory)
    handle = os.open(directory / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        (directory / ".part").unlink(missing_ok=True)  # of one who was killed while writing a page
        yield
    finally:
        os.close(handle)


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def forget(db: sqlite3.Connection) -> None:
    """After a removal: no word of it stays in the index, its free pages or its log (outside of any transaction)."""
    db.execute("INSERT INTO words(words) VALUES ('optimize')")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
