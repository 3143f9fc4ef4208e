"""What was said: the conversations of a list in a stretch of time, as a digest tells them.

The second step of a digest. Which posts were released when is asked of the database, their conversations of the
archive's index, so that digest and archive always agree. What everybody's letter has in common is read once.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from listserv import archiver, vault
from listserv.context import Context
from listserv.mail.body import without_addresses
from listserv.mail.message import TooComplex, parse
from listserv.mail.own_words import is_greeting, own_text
from listserv.mail.reply import answer_text
from listserv.mail.shown import clean, one_line
from listserv.model import Message, Person, Post, PostState, Subscription
from listserv.model.people import RECEIVING

_post = Post.__table__  # type: ignore[attr-defined]
_raw = Message.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]

WORDS = 60
QUESTIONS_FOR = timedelta(days=21)
QUESTIONS = 6
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Thread:
    """One conversation. `new` are its posts of this time; `people` everybody who has ever taken part, as keys of the
    index; `origins` the messages of this time, to recognise what stands on two lists; `newest`: who wrote lately, name
    and profession."""

    list_name: str
    tag: str
    subject: str
    name: str
    profession: str
    excerpt: str
    answers: int
    new: int
    newest: tuple[tuple[str, str], ...]
    people: frozenset[str]
    origins: frozenset[int]
    begun: bool  # in this time
    asks: bool
    first: int  # seconds
    last: int
    files: int

    @property
    def key(self) -> tuple[str, str]:
        return (self.list_name, self.tag)

    @property
    def unanswered(self) -> bool:
        return self.asks and len(self.people) <= 1


@dataclass(frozen=True, slots=True)
class Material:
    """What one list has to tell. `questions` are older ones that still wait; `posts` the numbers of all new posts."""

    list_name: str
    threads: tuple[Thread, ...]
    questions: tuple[Thread, ...]
    posts: tuple[int, ...]
    messages: int
    authors: frozenset[int]
    joined: tuple[tuple[int, str, str], ...]  # person, name, profession
    joined_count: int


@dataclass(slots=True)
class Source:
    """Reads material and keeps it: most letters are about the same days."""

    ctx: Context
    _kept: dict[tuple[str, datetime, datetime], Material] = field(default_factory=dict)
    _excerpts: dict[int, str] = field(default_factory=dict)

    def of(self, list_name: str, since: datetime, until: datetime) -> Material:
        """The material of a list from `since` (excluded) to `until`. Raises UserError when there is no archive."""
        key = (list_name, since, until)
        if key not in self._kept:
            if len(self._kept) > 2000:
                self._kept.clear()
            with closing(archiver.connect(self.ctx.settings.archive.directory)) as db, self.ctx.db.reading() as tx:
                self._kept[key] = self._read(db, tx, *key)
        return self._kept[key]

    def _read(
        self, db: sqlite3.Connection, tx: Connection, list_name: str, since: datetime, until: datetime
    ) -> Material:
        rows = list(tx.execute(_released(list_name, since, until)))
        new = {row.id: row for row in rows}
        tags: dict[str, list[Any]] = {}
        unseen = dict(new)
        for row in _in_index(db, list_name, new):
            unseen.pop(row["post"], None)
            if row["shown"]:
                tags.setdefault(row["thread"], []).append(new[row["post"]])
        threads = [self._thread(db, tx, list_name, tag, posts) for tag, posts in tags.items()]
        threads += [_placeholder(list_name, post) for post in unseen.values()]
        found = sorted((t for t in threads if t is not None), key=lambda t: (-t.new, -t.last, t.tag))
        questions = self._questions(db, tx, list_name, since, until, {thread.tag for thread in found})
        joined, count = _joined(tx, list_name, since, until)
        return Material(
            list_name=list_name,
            threads=tuple(found),
            questions=tuple(questions),
            posts=tuple(sorted(new)),
            messages=sum(thread.new for thread in found),
            authors=frozenset(row.person_id for row in rows if row.person_id),
            joined=joined,
            joined_count=count,
        )

    def _thread(
        self, db: sqlite3.Connection, tx: Connection, list_name: str, tag: str, new: Sequence[Any]
    ) -> Thread | None:
        told = db.execute("SELECT * FROM thread WHERE list = ? AND tag = ?", (list_name, tag)).fetchone()
        rows = db.execute(
            "SELECT post, tag, author, name, profession, date, excerpt, shown FROM message"
            " WHERE list = ? AND thread = ? ORDER BY moment, tag",
            (list_name, tag),
        ).fetchall()
        if told is None or not rows:
            return None
        numbers = {row.id for row in new}
        first = rows[0]
        wrote = [(row["name"], row["profession"]) for row in rows if row["post"] in numbers and row["name"]]
        opened = next((row for row in rows if row["tag"] == tag), first)
        return Thread(
            list_name=list_name,
            tag=tag,
            subject=told["subject"],
            name=opened["name"],
            profession=told["profession"],
            excerpt=self._excerpt(tx, opened["post"], opened["excerpt"]) if opened["shown"] else "",
            answers=told["count"] - 1,
            new=len(numbers),
            newest=tuple(dict.fromkeys(reversed(wrote))),
            people=frozenset(row["author"] for row in rows if row["author"]),
            origins=frozenset(row.origin_id for row in new if row.origin_id),
            begun=opened["post"] in numbers,
            asks=bool(told["asks"]),
            first=told["first"],
            last=told["last"],
            files=told["files"],
        )

    def _questions(
        self, db: sqlite3.Connection, tx: Connection, list_name: str, since: datetime, until: datetime, told: set[str]
    ) -> list[Thread]:
        """Questions of the weeks before that nobody has answered yet, the newest first."""
        oldest = int((until - QUESTIONS_FOR).timestamp())
        rows = db.execute(
            "SELECT tag FROM thread WHERE list = ? AND asks AND people = 1 AND last >= ? AND first >= ?"
            " AND first <= ? ORDER BY first DESC LIMIT 40",
            (list_name, oldest, oldest, int(until.timestamp())),
        ).fetchall()
        found: list[Thread] = []
        for row in rows:
            if row["tag"] in told or len(found) >= QUESTIONS:
                continue
            thread = self._thread(db, tx, list_name, row["tag"], ())
            if thread is not None and _ours(tx, list_name, row["tag"], until):
                found.append(thread)
        return found

    def _excerpt(self, tx: Connection, post: int, indexed: str) -> str:
        """The first words of a post that are its author's own; those of the index where the post cannot be read."""
        if post not in self._excerpts:
            if len(self._excerpts) > 20_000:
                self._excerpts.clear()
            row = tx.execute(
                select(_raw.c.raw, _post.c.from_name)
                .join(_post, _post.c.message_id == _raw.c.id)
                .where(_post.c.id == post)
            ).first()
            try:
                words = excerpt(vault.unpacked(self.ctx.keys.held, row.raw), row.from_name) if row is not None else ""
            except Exception as error:  # one message must not keep everybody's letter
                log.error("post %d has no excerpt in the digest: %s", post, type(error).__name__)
                words = ""
            if self.ctx.settings.archive.addresses == "hidden":
                words = without_addresses(words)
            self._excerpts[post] = words or indexed
        return self._excerpts[post]


_GAPS = re.compile(r"\s+")
_LONG_URL = re.compile(r"<?https?://([^\s/<>]{1,60})/[^\s<>]{40,}>?", re.I)  # its host is enough here
_MARKS = re.compile(r"(?<!\S)[-*_=#~>|]{2,}(?!\S)")


def excerpt(raw: bytes, name: str = "", words: int = WORDS) -> str:
    """The first words of a message in one paragraph, without greeting, quotation, signature, and the name (its
    author's) at the end. May be empty."""
    try:
        own = own_text(answer_text(parse(raw)))
    except TooComplex:
        return ""
    lines = [line for line in own.splitlines() if line.strip()]
    if len(lines) > 1 and is_greeting(lines[0]):
        lines = lines[1:]
    if len(lines) > 1 and _is_name(lines[-1], name):
        lines = lines[:-1]
    text = _GAPS.sub(" ", _MARKS.sub(" ", _LONG_URL.sub(r"\1/…", clean(" ".join(lines))))).strip()
    found = text.split(" ")
    short = " ".join(found[:words])
    if len(found) > words or len(short) > words * 9:
        short = short[: words * 9].rstrip(" ,;:.-–—") + " …"
    return short


def _is_name(line: str, name: str) -> bool:
    """Whether a last line is nothing but (some of) its author's name."""
    words = set(re.findall(r"\w+", line.casefold()))
    return bool(words) and words <= set(re.findall(r"\w+", name.casefold()))


def _released(list_name: str, since: datetime, until: datetime) -> Any:
    return (
        select(
            _post.c.id, _post.c.tag, _post.c.origin_id, _post.c.person_id, _post.c.subject, _post.c.from_name,
            _post.c.released_at,
        )
        .where(
            _post.c.released_at > since,
            _post.c.released_at <= until,
            _post.c.state == PostState.RELEASED,
            _post.c.list_name == list_name,
            _post.c.imported.is_(False),
        )
        .order_by(_post.c.id)
    )  # fmt: skip


def _placeholder(list_name: str, post: Any) -> Thread:
    """A post that the archive cannot show: it is named, so that nobody misses it."""
    seconds = int(post.released_at.timestamp())
    return Thread(
        list_name=list_name, tag=post.tag, subject=one_line(post.subject, 400) or "(no subject)",
        name=one_line(post.from_name, 120), profession="", excerpt="This message could not be shown.", answers=0,
        new=1, newest=(), people=frozenset((f"p{post.person_id}",)), origins=frozenset((post.origin_id,)), begun=True,
        asks=False, first=seconds, last=seconds, files=0,
    )  # fmt: skip


def _in_index(db: sqlite3.Connection, list_name: str, posts: Iterable[int]) -> list[sqlite3.Row]:
    wanted: list[int] = list(posts)
    found: list[sqlite3.Row] = []
    for at in range(0, len(wanted), 400):
        some = wanted[at : at + 400]
        marks = ",".join("?" * len(some))
        query = f"SELECT post, thread, shown FROM message WHERE list = ? AND post IN ({marks})"  # noqa: S608
        found += db.execute(query, (list_name, *some)).fetchall()
    return found


def _ours(tx: Connection, list_name: str, tag: str, until: datetime) -> bool:
    """Whether that post was sent to members, and by then: an imported archive asks nobody anything."""
    query = select(_post.c.id).where(
        _post.c.tag == tag, _post.c.list_name == list_name, _post.c.imported.is_(False),
        _post.c.state == PostState.RELEASED, _post.c.released_at <= until,
    )  # fmt: skip
    return tx.execute(query.limit(1)).first() is not None


def _joined(
    tx: Connection, list_name: str, since: datetime, until: datetime
) -> tuple[tuple[tuple[int, str, str], ...], int]:
    """Who has come to the list: some of them by name, and how many in all."""
    where = (
        _subscription.c.list_name == list_name,
        _subscription.c.left_at.is_(None),
        _subscription.c.since > since,
        _subscription.c.since <= until,
        _person.c.status.in_(RECEIVING),
        _person.c.name != "",
    )
    joined = _subscription.join(_person, _person.c.id == _subscription.c.person_id)
    count = int(tx.execute(select(func.count()).select_from(joined).where(*where)).scalar() or 0)
    rows = tx.execute(
        select(_person.c.id, _person.c.name, _person.c.profession)
        .select_from(joined)
        .where(*where)
        .order_by(_subscription.c.since, _person.c.id)
        .limit(40)
    )
    return tuple((row.id, row.name, row.profession) for row in rows), count
