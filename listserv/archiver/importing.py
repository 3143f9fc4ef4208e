"""Old messages come into the archive of a list, from an mbox file. No mail is sent, nobody is subscribed.

Each message becomes a released post that was never distributed by us, so that everything made from posts (archive,
search, export) has it too. Where the screen finds fault with one, it stays unpublished: held, without a notice to
anybody. Importing the same file again adds nothing: a message is known by its Message-ID, author and content, also
when it came as a post before.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, insert, select, update

from listserv import changes, permalinks, posts, screen, vault
from listserv.context import Context
from listserv.errors import UserError
from listserv.facts import screening_of
from listserv.mail.address import canonical, parse_mailboxes
from listserv.mail.incoming import Incoming, read
from listserv.mail.mbox import Item, NotAnMbox, date_of
from listserv.mail.mbox import read as read_mbox
from listserv.mail.message import TooComplex, every, message_id, parse
from listserv.mail.shown import one_line
from listserv.membership import person_of
from listserv.model import Message, Post, PostState
from listserv.policy.hold import screened_reasons
from listserv.policy.screening.screened import Screened
from listserv.routing import Kind, Route

_post = Post.__table__  # type: ignore[attr-defined]
_message = Message.__table__  # type: ignore[attr-defined]

BATCH = 100
_VIA = re.compile(r"(.{1,200}?) via .{1,200}\Z", re.S)
NAMED = 50  # problems that are named one by one


@dataclass(slots=True)
class Imported:
    """What came of a file."""

    read: int = 0
    added: int = 0
    known: int = 0
    held: int = 0
    refused: int = 0
    repaired: int = 0
    problems: list[str] = field(default_factory=list)

    def note(self, words: str) -> None:
        if len(self.problems) < NAMED:
            self.problems.append(words)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """The file, unpacked if it is gzip, and the size of what is read from it."""
    try:
        plain = path.open("rb")
    except OSError as error:
        raise UserError(f"archive import: {path} cannot be read: {error.strerror}") from error
    with plain:
        packed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        if not packed:
            yield plain, path.stat().st_size
            return
        with gzip.open(plain, "rb") as unpacked:
            yield unpacked, 0  # type: ignore[misc]


def import_mbox(
    ctx: Context, list_name: str, path: Path, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> Imported:
    """Imports a file; `progress` hears octets read and the size (0: not known). Raises UserError for no mbox."""
    if list_name not in ctx.settings.lists:
        raise UserError(f"archive import: there is no list {list_name}; lists are {', '.join(ctx.settings.lists)}")
    report = Imported()
    before: datetime | None = None
    batch: list[tuple[Item, datetime]] = []
    with _opened(path) as (file, size):
        try:
            for item in read_mbox(file):
                report.read += 1
                try:
                    when, wrong = date_of(parse(item.raw), item.envelope, ctx.clock(), before)
                except TooComplex as error:
                    report.refused += 1
                    report.note(f"message {report.read} (at octet {item.offset}) is left out: {error.reason}")
                    continue
                before = when
                if wrong:
                    report.repaired += 1
                    identity = message_id(parse(item.raw)) or f"at octet {item.offset}"
                    report.note(f"message {report.read} ({one_line(identity, 120)}) has {wrong}: {when:%Y-%m-%d}")
                batch.append((item, when))
                if len(batch) >= BATCH:
                    _write(ctx, list_name, batch, report)
                    batch = []
                    progress(item.offset, size)
        except NotAnMbox as error:
            raise UserError(f"archive import: {path}: {error}") from error
        except (OSError, EOFError, zlib.error) as error:
            _write(ctx, list_name, batch, report)
            raise UserError(f"archive import: {path} cannot be read to its end: {error}") from error
    _write(ctx, list_name, batch, report)
    if not report.read:
        raise UserError(f"archive import: {path} holds no message")
    return report


def _write(ctx: Context, list_name: str, batch: list[tuple[Item, datetime]], report: Imported) -> None:
    """One durable transaction for some messages."""
    taken: list[tuple[Incoming, datetime]] = []
    for item, when in batch:
        try:
            taken.append((read(item.raw, ""), when))
        except TooComplex as error:
            report.refused += 1
            report.note(f"a message (at octet {item.offset}) is left out: {error.reason}")

    ready = asyncio.run(_screened(ctx, list_name, taken))

    def work(tx: Connection) -> tuple[int, int]:
        made = [_one(ctx, tx, list_name, *one) for one in ready]
        return made.count(PostState.RELEASED), made.count(PostState.HELD)

    added, held = ctx.db.submit(work).result()
    report.added += added
    report.held += held
    report.known += len(ready) - added - held


async def _screened(
    ctx: Context, list_name: str, batch: list[tuple[Incoming, datetime]]
) -> list[tuple[Incoming, datetime, Screened]]:
    """What the screen finds in old posts, as in new ones."""
    route = [Route(Kind.POST, list_name)]
    return [(incoming, when, await screen.look(ctx, incoming, route)) for incoming, when in batch]


def _author(incoming: Incoming) -> tuple[str, str]:
    """Name and address of who wrote it; behind `Name via List`, which lists write for DMARC's sake, the real author."""
    if not incoming.authors:
        return "", ""
    shown = incoming.authors[0]
    found = _VIA.match(shown.name)
    if not found:
        return shown.name, shown.address
    name = found[1].strip(" '\"")
    for header in ("author", "x-original-from", "reply-to", "cc"):
        boxes = [box for value in every(incoming.message, header) for box in parse_mailboxes(value)]
        for box in boxes:
            same = box.name.strip(" '\"").casefold() == name.casefold()
            if box.address and box.address != shown.address and (same or header != "cc"):
                return name, box.address
    return name, ""


def _one(
    ctx: Context, tx: Connection, list_name: str, incoming: Incoming, when: datetime, screened: Screened
) -> PostState | None:
    """A message as a post: published, or held where the screen found something; None when it is here already."""
    key = posts.duplicate_key(incoming)
    same = list(
        tx.execute(select(_post.c.id, _post.c.list_name, _post.c.origin_id).where(_post.c.duplicate_key == key))
    )
    if any(row.list_name == list_name for row in same):
        return None
    reasons = screened_reasons(screened.findings, screening_of(ctx.settings, list_name))
    state = PostState.HELD if reasons else PostState.RELEASED
    raw = incoming.message.raw
    packed = zlib.compress(raw, 6)
    values = {"raw": vault.locked(ctx.keys.held, packed) if reasons else packed, "size": len(raw), "received_at": when}
    stored = tx.execute(insert(_message), values).inserted_primary_key
    assert stored is not None
    name, address = _author(incoming)
    identity = incoming.message_id or posts.generated_id(ctx.settings, key)
    row: dict[str, Any] = {
        "message_id": int(stored[0]),
        "origin_id": min((one.origin_id for one in same if one.origin_id), default=None),
        "list_name": list_name,
        "person_id": person_of(tx, canonical(address)) if address else None,
        "state": state,
        "envelope_sender": "",
        "from_address": address,
        "from_name": name,
        "subject": (posts.hidden_subject(incoming.subject, screened) if reasons else incoming.subject)[:1000],
        "message_id_header": identity,
        "content_hash": incoming.content_hash,
        "tag": permalinks.new_tag(tx, list_name, identity, incoming.content_hash),
        "thread": "",
        "imported": True,
        "duplicate_key": key,
        "proof": "",
        "auth": {},
        "sent_as": "",
        "peer": "imported from an mbox",
        "reasons": [asdict(reason) for reason in reasons],
        "screened": posts.seal(ctx, screened) if reasons else None,
        "rules": {},
        "notified": True,
        "received_at": when,
        "state_since": ctx.clock(),
        "released_at": None if reasons else when,
        "copies": 0,
    }
    number = tx.execute(insert(_post), row).inserted_primary_key
    assert number is not None
    if row["origin_id"] is None:
        tx.execute(update(_post).where(_post.c.id == number[0]).values(origin_id=_post.c.id))
    if state is PostState.RELEASED:
        changes.note(tx, list_name, ctx.clock(), int(number[0]))
    return state
