"""Where else somebody stands: rows of others are read through for them, and rewritten in small steps.

The first half of an erasure, before the one commit that erases the person: while the roster still knows who they are,
a run that was killed can be run again. Mails are decompressed and decoded, whatever their encoding. What other people
wrote is only counted: headers of their posts that name the person are rewritten, their words never.
"""

from __future__ import annotations

import json
import logging
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import JSON, Connection, String, Table, cast, func, or_, select, update

from listserv import vault
from listserv.context import Context
from listserv.mail import anonymous
from listserv.mail.address import authors
from listserv.mail.identity import Identity
from listserv.mail.message import TooComplex, parse
from listserv.model import Arrival, Delivery, DeliveryState, Issue, Message, Notice, Post, Quarantine
from listserv.model.outbox import WAITING
from listserv.privacy import inventory
from listserv.privacy.inventory import Is
from listserv.privacy.person import Known

_arrival = Arrival.__table__  # type: ignore[attr-defined]
_delivery = Delivery.__table__  # type: ignore[attr-defined]
_issue = Issue.__table__  # type: ignore[attr-defined]
_message = Message.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]
_quarantine = Quarantine.__table__  # type: ignore[attr-defined]

READ = 20  # rows at once; each may be as large as a mail can be
STEP = 50  # rows rewritten in one commit, so that nobody waits long
GONE = b""
_LARGE = ("delivery", "attempt")  # read through once
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Traces:
    """Where rows of others name somebody. `mentions`: posts of others whose words do; they stay as they are."""

    mails: dict[str, list[int]] = field(default_factory=dict)  # table -> rows whose header names them
    notices: list[int] = field(default_factory=list)
    words: list[tuple[Table, Any, list[int]]] = field(default_factory=list)
    mentions: list[int] = field(default_factory=list)
    set_aside: list[int] = field(default_factory=list)  # quarantined mail that they wrote
    newest: dict[str, int] = field(default_factory=dict)  # how far each table was read

    @property
    def count(self) -> int:
        rows = sum(map(len, self.mails.values())) + sum(len(found) for _, _, found in self.words)
        return rows + len(self.notices)


def own_ids(tx: Connection, someone: Known) -> frozenset[str]:
    """The Message-IDs of their posts."""
    return frozenset(tx.execute(select(_post.c.message_id_header).where(someone.posts())).scalars())


def look(ctx: Context, someone: Known, since: Traces | None = None) -> Traces:
    """Reads everything through; with `since` only mails that came after it, and texts."""
    found = Traces()
    after = since.newest if since is not None else {}
    with ctx.db.reading() as tx:
        own = set(tx.execute(select(_post.c.message_id).where(someone.posts())).scalars())
        ids = own_ids(tx, someone)
        mentioned: list[int] = []
        for table in (_message, _arrival, _quarantine):
            hits = found.mails.setdefault(table.name, [])
            for number, raw in _mails(ctx, tx, table, after.get(table.name, 0)):
                found.newest[table.name] = number
                if table is _message and number in own:
                    continue
                if table is _quarantine and _is_from(raw, someone):
                    found.set_aside.append(number)
                elif anonymous.beside(raw, someone.who, ids) is not None:
                    hits.append(number)
                if table is _message and _says(raw, someone.who):
                    mentioned.append(number)
        found.mentions = _posts_of(tx, mentioned)
        mine = set(tx.execute(select(_notice.c.id).where(_addressed(someone))).scalars())
        for number, raw in _mails(ctx, tx, _notice, after.get("notice", 0)):
            found.newest["notice"] = number
            if number not in mine and anonymous.names(raw, someone.who):
                found.notices.append(number)
        for table, column in inventory.columns_that_are(Is.WORDS):
            if since is not None and table.name in _LARGE:
                continue
            rows = [number for number, _ in _texts(tx, table, column, someone.who)]
            if rows:
                found.words.append((table, column, rows))
    return found


def _addressed(someone: Known) -> Any:
    return inventory.rows_of(inventory.TABLES["notice"], _notice, someone.number, someone.addresses)


def _mails(ctx: Context, tx: Connection, table: Any, after: int) -> Iterator[tuple[int, bytes]]:
    """The stored mails of a table, unpacked, in order of their numbers."""
    while True:
        query = select(table.c.id, table.c.raw).where(table.c.id > after, table.c.raw.is_not(None))
        rows = list(tx.execute(query.order_by(table.c.id).limit(READ)))
        for row in rows:
            after = row.id
            if row.raw:
                yield row.id, vault.unpacked(ctx.keys.held, row.raw)
        if len(rows) < READ:
            return


def _is_from(raw: bytes, someone: Known) -> bool:
    try:
        return any(someone.who.is_theirs(box.address) for box in authors(parse(raw)))
    except TooComplex:
        return False


def _says(raw: bytes, who: Identity) -> bool:
    """Whether what somebody else wrote names them."""
    if not anonymous.names(raw, who):
        return False
    try:
        return anonymous.names_in_words(parse(raw), who)
    except TooComplex:
        return True


def _posts_of(tx: Connection, messages: Sequence[int]) -> list[int]:
    found: list[int] = []
    for at in range(0, len(messages), 500):
        query = select(_post.c.id).where(_post.c.message_id.in_(messages[at : at + 500]))
        found += tx.execute(query).scalars()
    return sorted(found)


def _texts(tx: Connection, table: Table, column: Any, who: Identity) -> list[tuple[int, Any]]:
    """Rows in which a text names somebody, with that text. The database looks for a word of it, we for the rest."""
    if not who.needles:
        return []
    plain = cast(column, String) if isinstance(column.type, JSON) else column
    like = [func.lower(plain).contains(needle, autoescape=True) for needle in sorted(_needles(who))]
    rows = tx.execute(select(table.c.id, column).where(or_(*like)))
    return [(row[0], row[1]) for row in rows if row[1] != _taken_out(row[1], who)]


def _needles(who: Identity) -> set[str]:
    """As a column may hold them: JSON escapes what is not ASCII, and SQLite's lower() leaves it as it is."""
    forms = {form for one in who.needles for form in (one, one.capitalize(), one.upper())}
    forms |= {json.dumps(form)[1:-1] for form in forms}
    return {re.sub("[A-Z]", lambda found: found[0].lower(), form) for form in forms}


def _taken_out(value: Any, who: Identity) -> Any:
    """A text, or all texts of a JSON value, without somebody."""
    if isinstance(value, str):
        return who.removed(value)
    if isinstance(value, list):
        return [_taken_out(one, who) for one in value]
    if isinstance(value, dict):
        return {key: _taken_out(one, who) for key, one in value.items()}
    return value


# --- rewriting ---------------------------------------------------------------------------------------------------


def clear(ctx: Context, someone: Known, found: Traces) -> None:
    """Takes them out of rows of others, some rows in each commit. Run again, it finds nothing more to do."""
    with ctx.db.reading() as tx:
        ids = own_ids(tx, someone)
    for table in (_message, _arrival, _quarantine):
        step = partial(_clear_mails, ctx, table=table, who=someone.who, ids=ids)
        _in_steps(ctx, found.mails.get(table.name, ()), step)
    _in_steps(ctx, found.notices, partial(clear_notices, ctx, who=someone.who))
    for words, column, rows in found.words:
        _in_steps(ctx, rows, partial(_clear_words, table=words, column=column, who=someone.who))


def _in_steps(ctx: Context, rows: Sequence[int], step: Callable[..., None]) -> None:
    for at in range(0, len(rows), STEP):
        part = rows[at : at + STEP]
        ctx.db.submit(lambda tx, part=part: step(tx, rows=part)).result()  # type: ignore[misc]


def _clear_mails(
    ctx: Context, tx: Connection, *, table: Any, who: Identity, ids: Collection[str], rows: Sequence[int]
) -> None:
    for number in rows:
        raw = tx.execute(select(table.c.raw).where(table.c.id == number)).scalar()
        new = anonymous.beside(vault.unpacked(ctx.keys.held, raw), who, ids) if raw else None
        if new is not None:
            kept = vault.packed(new)
            if raw and vault.is_locked(raw):
                kept = vault.locked(ctx.keys.held, kept)
            values = {"raw": kept, "size": len(new)}
            tx.execute(update(table).where(table.c.id == number).values(values))


def clear_notices(ctx: Context, tx: Connection, *, who: Identity, rows: Sequence[int]) -> None:
    """Our own mails to others: letters that can still be answered, and what is still to be sent, are rewritten; of all
    others, and of those that carry somebody's mail, the text goes."""
    now = ctx.clock()
    waiting = set(
        tx.execute(
            select(_delivery.c.notice_id).where(_delivery.c.notice_id.in_(rows), _delivery.c.state.in_(WAITING))
        ).scalars()
    )
    letters = set(tx.execute(select(_issue.c.notice_id).where(_issue.c.notice_id.in_(rows))).scalars())
    for row in list(tx.execute(select(_notice.c.id, _notice.c.raw, _notice.c.subject).where(_notice.c.id.in_(rows)))):
        raw = zlib.decompress(row.raw) if row.raw else GONE
        kept = (row.id in waiting or row.id in letters) and not anonymous.attaches(raw)
        new = _without(raw, who) if kept and raw else GONE
        values = {"raw": zlib.compress(new) if new else GONE, "subject": who.removed(row.subject)}
        tx.execute(update(_notice).where(_notice.c.id == row.id).values(values))
        if not new:
            stop(tx, _delivery.c.notice_id == row.id, now)


def _without(raw: bytes, who: Identity) -> bytes:
    """A mail of ours without somebody; nothing of it when that cannot be done."""
    try:
        new = anonymous.without(raw, who)
    except TooComplex:
        return GONE
    return GONE if anonymous.names(new, who) else new


def stop(tx: Connection, which: Any, now: Any) -> None:
    """Copies that nobody has sent yet are not sent."""
    tx.execute(
        update(_delivery)
        .where(which, _delivery.c.state.in_(WAITING))
        .values(state=DeliveryState.SUPPRESSED, finished_at=now, last_reply="its author was erased before it was sent")
    )


def _clear_words(tx: Connection, *, table: Table, column: Any, who: Identity, rows: Sequence[int]) -> None:
    for row in list(tx.execute(select(table.c.id, column).where(table.c.id.in_(rows)))):
        new = _taken_out(row[1], who)
        if new != row[1]:
            tx.execute(update(table).where(table.c.id == row[0]).values({column.name: new}))
