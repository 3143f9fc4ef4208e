"""Entries find their threads, in the index: the rules are mail.threads', what they have to know is asked here.

A new entry can change the place of others: of those that refer to it, that share its subject or Outlook's index. They
are placed again, and every thread that was or is touched is put together anew. So a build in any order, in one go or
one by one, ends with the same threads.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from listserv.mail.threads import (
    WINDOW,
    Place,
    Subject,
    by_index,
    by_references,
    by_subject,
    components,
    outline,
)

PER_PAGE = 100  # messages
PAGE_SIZE = 350_000  # characters of HTML
_DAYS = WINDOW // 1_000_000 + 1  # seconds
_COLUMNS = (
    "number, tag, date, moment, topic, reply, refs, conversation, thread_index, sent_to, parent, thread, page,"
    " month, size"
)


def _place(row: sqlite3.Row) -> Place:
    subject = Subject(row["topic"], bool(row["reply"]))
    refs = tuple(row["refs"].split())
    return Place(row["tag"], row["moment"], subject, refs, row["thread_index"] or b"", row["sent_to"])


def _rows(db: sqlite3.Connection, list_name: str, column: str, values: Collection[Any]) -> list[sqlite3.Row]:
    """Entries of a list by the values of a column."""
    found: list[sqlite3.Row] = []
    wanted = list(values)
    for at in range(0, len(wanted), 400):
        some = wanted[at : at + 400]
        marks = ",".join("?" * len(some))
        query = f"SELECT {_COLUMNS} FROM message WHERE list = ? AND {column} IN ({marks})"  # noqa: S608
        found += db.execute(query, (list_name, *some))
    return found


def _referring(db: sqlite3.Connection, list_name: str, tags: Collection[str]) -> list[sqlite3.Row]:
    """Entries that refer to one of these messages."""
    numbers: set[int] = set()
    wanted = list(tags)
    for at in range(0, len(wanted), 400):
        some = wanted[at : at + 400]
        marks = ",".join("?" * len(some))
        query = f"SELECT number FROM reference WHERE list = ? AND tag IN ({marks})"  # noqa: S608
        numbers.update(row[0] for row in db.execute(query, (list_name, *some)))
    return _rows(db, list_name, "number", numbers)


def affected(db: sqlite3.Connection, list_name: str, changed: Sequence[sqlite3.Row]) -> dict[str, sqlite3.Row]:
    """Entries whose parent may be another one because these came, went or changed."""
    tags = {row["tag"] for row in changed}
    found = {row["tag"]: row for row in _rows(db, list_name, "tag", tags)}
    found.update((row["tag"], row) for row in _referring(db, list_name, tags))
    kin = {row["conversation"] for row in changed if row["conversation"]}
    if kin:
        found.update((row["tag"], row) for row in _rows(db, list_name, "conversation", kin))
    for row in changed:
        if row["topic"]:
            later = db.execute(
                f"SELECT {_COLUMNS} FROM message WHERE list = ? AND topic = ? AND topic <> '' AND date BETWEEN ? AND ?",  # noqa: S608
                (list_name, row["topic"], row["date"], row["date"] + _DAYS),
            )
            found.update((other["tag"], other) for other in later)
    return found


def _known(db: sqlite3.Connection, list_name: str, rows: Iterable[sqlite3.Row]) -> set[str]:
    """Which of the messages that these refer to are here."""
    tags = {ref for row in rows for ref in (*row["refs"].split(), row["sent_to"]) if ref}
    return {row["tag"] for row in _rows(db, list_name, "tag", tags)}


def _parent(
    db: sqlite3.Connection, list_name: str, row: sqlite3.Row, known: Collection[str], edits: dict[str, str]
) -> str | None:
    if row["tag"] in edits:
        return edits[row["tag"]] or None
    place = _place(row)
    found = by_references(place, known)
    if found is None and place.index:
        found = by_index(
            place, [_place(o) for o in _rows(db, list_name, "conversation", [row["conversation"]])
                    if o["topic"] == row["topic"]]
        )  # fmt: skip
    if found is None and place.subject.key and place.subject.reply:
        query = f"SELECT {_COLUMNS} FROM message WHERE list = ? AND topic = ? AND topic <> '' AND date BETWEEN ? AND ?"  # noqa: S608
        near = db.execute(query, (list_name, row["topic"], row["date"] - _DAYS, row["date"]))
        found = by_subject(place, [_place(other) for other in near if other["tag"] != place.tag])
    return found


def _edits(db: sqlite3.Connection, list_name: str) -> dict[str, str]:
    return {row["tag"]: row["parent"] for row in db.execute("SELECT * FROM edit WHERE list = ?", (list_name,))}


def place(
    db: sqlite3.Connection, list_name: str, changed: Sequence[sqlite3.Row]
) -> tuple[set[str], set[str], set[str]]:
    """Places entries that came, went (as they were) or changed.

    The tags of all threads that are not what they were, and of those that are new, gone, or called otherwise now; the
    months of entries that are in another thread now.
    """
    edits = _edits(db, list_name)
    rows = affected(db, list_name, changed)
    known = _known(db, list_name, rows.values())
    for tag, row in rows.items():
        parent = _parent(db, list_name, row, known, edits)
        if parent != row["parent"]:
            values = (parent, list_name, tag)
            db.execute("UPDATE message SET parent = ? WHERE list = ? AND tag = ?", values)
    before = {row["thread"] for row in (*rows.values(), *changed)} - {""}
    members = {row["tag"]: row for row in _rows(db, list_name, "tag", rows)}
    members.update((row["tag"], row) for row in _rows(db, list_name, "thread", before))
    _widen(db, list_name, members, edits)
    near = _neighbours(members, edits)
    before |= {row["thread"] for row in members.values()} - {""}
    called = _subjects(db, list_name, before)
    whole = components(members, lambda tag: near.get(tag, ()))
    pages: dict[str, int] = {}
    moved: set[str] = set()
    for tags in whole:
        thread, pages_of_it, months = _assemble(db, {tag: members[tag] for tag in tags})
        pages[thread] = pages_of_it
        moved |= months
    after = set(pages)
    for thread, count in pages.items():  # when every entry has its thread: they move from one to the other
        _summarise(db, list_name, thread, count)
    for gone in before - after:
        db.execute("DELETE FROM thread WHERE list = ? AND tag = ?", (list_name, gone))
    now = _subjects(db, list_name, after)
    return before | after, {tag for tag in before | after if called.get(tag) != now.get(tag)}, moved


def _subjects(db: sqlite3.Connection, list_name: str, tags: Iterable[str]) -> dict[str, str]:
    query = "SELECT subject FROM thread WHERE list = ? AND tag = ?"
    found = {tag: db.execute(query, (list_name, tag)).fetchone() for tag in tags}
    return {tag: row[0] for tag, row in found.items() if row}


def _orphan(row: sqlite3.Row, edits: dict[str, str]) -> bool:
    """Refers only to messages that are not here."""
    return row["parent"] is None and bool(row["refs"]) and row["tag"] not in edits


def _widen(db: sqlite3.Connection, list_name: str, members: dict[str, sqlite3.Row], edits: dict[str, str]) -> None:
    """Adds whatever hangs together with the members: parents, answers, and who answers the same missing message."""
    fresh = list(members.values())
    while fresh:
        found = _rows(db, list_name, "tag", {row["parent"] for row in fresh if row["parent"]} - members.keys())
        found += _rows(db, list_name, "parent", {row["tag"] for row in fresh})
        missing: dict[str, set[str]] = {}
        for row in fresh:
            if _orphan(row, edits):
                for ref in row["refs"].split():
                    missing.setdefault(ref, set()).add(row["topic"])
        found += [
            row for row in _referring(db, list_name, missing)
            if _orphan(row, edits) and any(row["topic"] in missing.get(ref, ()) for ref in row["refs"].split())
        ]  # fmt: skip
        fresh = [row for row in {row["tag"]: row for row in found}.values() if row["tag"] not in members]
        members.update((row["tag"], row) for row in fresh)


def _neighbours(members: dict[str, sqlite3.Row], edits: dict[str, str]) -> dict[str, list[str]]:
    near: dict[str, list[str]] = {}
    missing: dict[tuple[str, str], str] = {}

    def join(one: str, other: str) -> None:
        near.setdefault(one, []).append(other)
        near.setdefault(other, []).append(one)

    for tag, row in members.items():
        if row["parent"] in members:
            join(tag, row["parent"])
        elif _orphan(row, edits):
            for ref in row["refs"].split():
                first = missing.setdefault((ref, row["topic"]), tag)
                if first != tag:
                    join(tag, first)
    return near


def _assemble(db: sqlite3.Connection, rows: dict[str, sqlite3.Row]) -> tuple[str, int, set[str]]:
    """Gives these entries to the thread that they are: its tag, that of its first message; how many pages; the months
    of entries that were in another one."""
    orders = {tag: (row["moment"], tag) for tag, row in rows.items()}
    lines = outline(orders, {tag: row["parent"] for tag, row in rows.items()})
    thread = lines[0].tag
    page, count, size = 1, 0, 0
    moved = {row["month"] for row in rows.values() if row["thread"] != thread}
    for line in lines:
        row = rows[line.tag]
        if count and (count >= PER_PAGE or size + row["size"] > PAGE_SIZE):
            page, count, size = page + 1, 0, 0
        count, size = count + 1, size + row["size"]
        if (row["thread"], row["page"]) != (thread, page):
            db.execute("UPDATE message SET thread = ?, page = ? WHERE number = ?", (thread, page, row["number"]))
    return thread, page, moved


def _summarise(db: sqlite3.Connection, list_name: str, thread: str, pages: int) -> None:
    rows = list(
        db.execute(
            "SELECT tag, subject, date, name, author, asks, excerpt, files, profession, shown FROM message"
            " WHERE list = ? AND thread = ? ORDER BY moment, tag",
            (list_name, thread),
        )
    )
    first = next(row for row in rows if row["tag"] == thread)
    people = {row["author"] for row in rows if row["author"]}
    names = list(dict.fromkeys(row["name"] for row in rows if row["name"]))
    names = [*([first["name"]] if first["name"] else []), *(name for name in names if name != first["name"])]
    values = (
        list_name, thread, first["subject"], rows[0]["date"], rows[-1]["date"], len(rows), len(people),
        first["asks"], "\n".join(names[:8]), first["profession"], first["excerpt"],
        sum(row["files"] for row in rows), pages,
    )  # fmt: skip
    db.execute(f"INSERT OR REPLACE INTO thread VALUES ({','.join('?' * len(values))})", values)  # noqa: S608
