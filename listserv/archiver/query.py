"""Searching the archive: what a person types becomes a question to FTS5, and its hits become results.

The same for the search page, for `archive search` and for `search` by mail. The reader's lists are part of the question
itself, so that no word of another list can be found, counted or guessed. The newest hits alone are ranked, and every
question has a time limit: a common word in a large archive is answered as quickly as a rare one.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from listserv.archiver.entries import FILES_MARK, author_mark, list_mark
from listserv.words import N_

RANKED = 2000  # the newest hits, which are put in order of relevance
PER_PAGE = 20
TIME_LIMIT = 2.0  # seconds
MAX_TERMS = 16
SNIPPET_WORDS = 30
BEGIN, END = "\x02", "\x03"  # around found words in a snippet
_TOKEN = re.compile(r'(-?)(?:(from|list|after|before|has|subject|author):)?(?:"([^"]*)"?|(\S+))', re.I)
_ENDING = re.compile(r"(?:i|in|ing|ings|e|es|ed|er|s|at|ati|atio|ation)\Z", re.I)
_WORDS = re.compile(r"[\w]+", re.U)


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked. `match` is the FTS5 expression of the words ("" for none); `wrong` is what was not understood."""

    match: str = ""
    refuse: str = ""
    lists: frozenset[str] = frozenset()
    files: bool = False
    author: str = ""
    since: int | None = None  # seconds since 1970, inclusive
    until: int | None = None  # exclusive
    wrong: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        asked = self.match or self.refuse or self.lists or self.files or self.author
        return not asked and self.since is None and self.until is None


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that was found; `snippet` has BEGIN and END around the words."""

    row: dict[str, Any]
    snippet: str


@dataclass(frozen=True, slots=True)
class Found:
    """A page of results. `more`: there are further ones; `count` is exact unless `many`."""

    hits: tuple[Hit, ...] = ()
    count: int = 0
    many: bool = False
    more: bool = False
    late: bool = False
    wrong: tuple[str, ...] = field(default=())


def read(text: str, zone: ZoneInfo, *, typing: bool = False) -> Query:
    """Understands a query. `typing`: its last word is not finished yet, so words that begin so are found as well."""
    match: list[str] = []
    refuse: list[str] = []
    wrong: list[str] = []
    values: dict[str, Any] = {}
    lists: set[str] = set()
    pieces = list(_TOKEN.finditer(text[:500]))[: 2 * MAX_TERMS]
    for number, piece in enumerate(pieces):
        minus, key, phrase, word = piece[1], (piece[2] or "").lower(), piece[3], piece[4] or ""
        value = phrase if phrase is not None else word
        if key == "list":
            lists.add(value.lower())
        elif key in ("after", "before"):
            day = _day(value, zone, following=key == "before")
            if day is None:
                wrong.append(N_("%(word)s: write the day as YYYY-MM-DD", word=piece[0]))
            else:
                values["until" if key == "before" else "since"] = day
        elif key == "has":
            if value.lower().startswith(("attach", "file")):
                values["files"] = True
            else:
                wrong.append(N_("%(word)s: only has:attachment can be asked for", word=piece[0]))
        elif key == "author" and re.fullmatch(r"[px][a-z0-9]{1,20}", value):
            values["author"] = value
        else:
            last = typing and number == len(pieces) - 1 and phrase is None and not text.endswith(" ")
            term = _term(value, open_=last or word.endswith("*"))
            if term:
                columns = {"from": "name", "subject": "subject"}.get(key, "{subject name body}")
                (refuse if minus else match).append(f"{columns} : {term}")
    return Query(
        " AND ".join(match[:MAX_TERMS]), " OR ".join(refuse[:MAX_TERMS]), frozenset(lists), wrong=tuple(wrong), **values
    )


def _term(value: str, *, open_: bool) -> str:
    """A word or phrase as FTS5 reads it, or "" when nothing of it could be found."""
    words = _WORDS.findall(value)
    if not words:
        return ""
    quoted = '"' + " ".join(words) + '"'
    if not open_ or len(words[-1]) < 2:
        return quoted
    stem = _ENDING.sub("", quoted[:-1])  # the index holds stems: "breathi" has gone past that of "breathing"
    return f'({quoted} * OR {stem}")' if len(words) == 1 and len(stem) > 4 else f"{quoted} *"


def _day(value: str, zone: ZoneInfo, *, following: bool) -> int | None:
    try:
        day = date.fromisoformat(value)
        start = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=following)
        return int(start.astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        return None


def search(
    db: sqlite3.Connection,
    asked: Query,
    lists: Collection[str],
    *,
    by_date: bool = False,
    page: int = 1,
    per_page: int = PER_PAGE,
    time_limit: float = TIME_LIMIT,
) -> Found:
    """The messages that answer a query, of these lists alone; `by_date`: newest first, else by relevance."""
    allowed = sorted(set(lists) & asked.lists) if asked.lists else sorted(lists)
    if asked.empty or not allowed:
        return Found(wrong=asked.wrong)
    until = time.monotonic() + time_limit
    db.set_progress_handler(lambda: time.monotonic() > until, 10_000)
    try:
        return _found(db, asked, allowed, by_date, max(1, min(page, RANKED // per_page)), per_page)
    except sqlite3.OperationalError as error:
        if "interrupt" in str(error):
            return Found(late=True, wrong=asked.wrong)
        if "fts5" in str(error) or "unterminated" in str(error):  # a query that FTS5 cannot read is one without hits
            return Found(wrong=(*asked.wrong, "this could not be understood"))
        raise
    finally:
        db.set_progress_handler(None, 0)


def _expression(asked: Query, lists: list[str]) -> str:
    marks = [f"marks : ({' OR '.join(list_mark(name) for name in lists)})"]
    if asked.author:
        marks.append(f"marks : {author_mark(asked.author)}")
    if asked.files:
        marks.append(f"marks : {FILES_MARK}")
    whole = " AND ".join([f"({asked.match})"] * bool(asked.match) + marks)
    return f"({whole}) NOT ({asked.refuse})" if asked.refuse else whole


def _found(db: sqlite3.Connection, asked: Query, lists: list[str], by_date: bool, page: int, per_page: int) -> Found:
    expression = _expression(asked, lists)
    low = (asked.since or 0) << 24
    high = (asked.until << 24) - 1 if asked.until is not None else 1 << 62
    query = "SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ?"
    newest = [row[0] for row in db.execute(query, (expression, low, high, RANKED + 1))]
    many = len(newest) > RANKED
    newest = newest[:RANKED]
    if not newest:
        return Found(wrong=asked.wrong)
    if by_date or not asked.match:
        ordered = newest
    else:
        known = db.execute("SELECT COUNT(DISTINCT list) FROM month").fetchone()[0]
        ordered = _ranked(db, expression if 2 * len(lists) < known else asked.match, newest)
    at = (page - 1) * per_page
    wanted = ordered[at : at + per_page]
    hits = _hits(db, asked.match or expression, wanted, lists)
    more = len(ordered) > at + per_page
    return Found(tuple(hits), len(newest), many, more, wrong=asked.wrong)


def _ranked(db: sqlite3.Connection, match: str, newest: list[int]) -> list[int]:
    """The hits by relevance (BM25: subject before name before text), the newest first among equals.

    Marks weigh nothing. They are in `match` only where they keep many messages of other lists from being weighed;
    otherwise they would cost more than that.
    """
    wanted = set(newest)
    query = (
        "SELECT rowid, bm25(words, 6.0, 3.0, 1.0, 0.0) AS score FROM words"
        " WHERE words MATCH ? AND rowid BETWEEN ? AND ?"
    )
    scores = {row[0]: row[1] for row in db.execute(query, (match, newest[-1], newest[0])) if row[0] in wanted}
    return sorted(newest, key=lambda number: (round(scores.get(number, 0.0), 3), -number))


def _hits(db: sqlite3.Connection, match: str, numbers: list[int], lists: list[str]) -> list[Hit]:
    if not numbers:
        return []
    marks = ",".join("?" * len(numbers))
    rows = {
        row["number"]: dict(row)
        for row in db.execute(f"SELECT * FROM message WHERE number IN ({marks})", numbers)  # noqa: S608
        if row["list"] in lists and row["shown"]
    }
    query = (
        f"SELECT rowid, snippet(words, 2, '{BEGIN}', '{END}', '…', {SNIPPET_WORDS}) FROM words"  # noqa: S608
        f" WHERE words MATCH ? AND rowid IN ({marks})"
    )
    snippets = {row[0]: " ".join(row[1].split()) for row in db.execute(query, (match, *numbers))}
    return [Hit(rows[n], snippets.get(n) or rows[n]["excerpt"]) for n in numbers if n in rows]
