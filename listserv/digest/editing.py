"""Facilitators and the digest: a preview a day before, and their answers: note, coming up, drop, lead, hold, send now.

Before the letters of a week are made. What they decide is an edition: a row per list (or the hub) and week. The last
answer counts; several facilitators share one edition, and each answer is told what stands now.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from listserv import archiver, membership, moderate, notices, routing
from listserv.context import Context
from listserv.digest.letter import Choice, said
from listserv.digest.material import Source, Thread
from listserv.digest.schedule import LAG, Wanted, edition_for, editions, schedule_of
from listserv.mail.incoming import Incoming
from listserv.mail.own_words import own_text
from listserv.mail.reply import answer_text
from listserv.mail.shown import one_line
from listserv.membership import Recipient
from listserv.model import Address, Edition, IssueKind, Person, Purpose, Role, RoleName
from listserv.policy.periods import Slot, after, before, latest
from listserv.settings import HUB
from listserv.words import N_

_edition = Edition.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_address = Address.__table__  # type: ignore[attr-defined]
_role = Role.__table__  # type: ignore[attr-defined]

BEFORE = timedelta(hours=24)
HELD_FOR = timedelta(days=3)
SHOWN = 120  # conversations of a preview
NOTE = 3000  # characters


class Choices:
    """What facilitators decided, for any letter of these weeks."""

    def __init__(self, tx: Connection, at: datetime) -> None:
        self._editions = editions(tx, at)
        self._kept: dict[tuple[str, str, tuple[str, ...]], Choice] = {}

    def of(self, wanted: Wanted) -> Choice:
        """A letter over several lists has the words of the community's facilitators, and of each list what its own
        left out or put first."""
        if wanted.kind is not IssueKind.WEEKLY:
            return Choice()
        key = (wanted.scope, wanted.period, wanted.lists)
        if key not in self._kept:
            scopes = dict.fromkeys((wanted.scope, *wanted.lists, HUB))
            found = {scope: edition_for(self._editions, scope, wanted.period) for scope in scopes}
            self._kept[key] = _joined(wanted.scope, {scope: one for scope, one in found.items() if one is not None})
        return self._kept[key]


def _joined(scope: str, found: dict[str, Any]) -> Choice:
    own = found.get(scope)
    return Choice(
        note=own.note if own is not None else "",
        upcoming=own.upcoming if own is not None else "",
        dropped=frozenset((name, tag) for one in found.values() for name, tag in one.dropped),
        lead=tuple(dict.fromkeys((name, tag) for one in found.values() for name, tag in one.lead)),
    )


# --- the preview -------------------------------------------------------------------------------------------------


def previews(ctx: Context, at: datetime | None = None) -> int:
    """Sends the previews of letters that go out within a day, each once; how many editions were begun."""
    at = at or ctx.clock()
    if not ctx.settings.community.digest.preview:
        return 0
    with ctx.db.reading() as tx:
        coming = [(scope, slot) for scope in _scopes(tx, ctx) if (slot := _coming(ctx, scope, at)) is not None]
        known = editions(tx, at)
        coming = [(scope, slot) for scope, slot in coming if (scope, slot.period) not in known]
    if not coming:
        return 0
    archiver.update(ctx)
    source = Source(ctx)
    begun = 0
    for scope, slot in coming:
        threads = _threads(ctx, source, scope, slot, at)
        begun += ctx.db.submit(partial(_begin, ctx, scope=scope, slot=slot, threads=threads)).result()
    if begun:
        ctx.wake.outbox.set()
    return begun


def _scopes(tx: Connection, ctx: Context) -> list[str]:
    """The hub, and lists, that have facilitators."""
    rows = tx.execute(select(_role.c.list_name).where(_role.c.role == RoleName.FACILITATOR).distinct())
    names = {row.list_name for row in rows}
    return [name for name in (HUB, *ctx.settings.lists) if name in names]


def _coming(ctx: Context, scope: str, at: datetime) -> Slot | None:
    """The next slot of a scope, when it is near enough for a preview."""
    schedule = schedule_of(ctx.settings, IssueKind.WEEKLY, scope, "", "", "")
    slot = after(schedule, latest(schedule, at))
    return slot if slot.at - BEFORE <= at < slot.at else None


def _threads(ctx: Context, source: Source, scope: str, slot: Slot, at: datetime) -> list[Thread]:
    schedule = schedule_of(ctx.settings, IssueKind.WEEKLY, scope, "", "", "")
    since = before(schedule, slot).at - LAG
    lists = list(ctx.settings.lists) if scope == HUB else [scope]
    return [thread for name in lists for thread in source.of(name, since, at).threads][:SHOWN]


def _begin(ctx: Context, tx: Connection, *, scope: str, slot: Slot, threads: Sequence[Thread]) -> int:
    """The edition's row and the notices to its facilitators, in one commit."""
    dialect: Any = sqlite if ctx.db.sqlite else postgresql
    values = {
        "list_name": scope, "period": slot.period, "slot_at": slot.at, "previewed_at": ctx.clock(), "note": "",
        "upcoming": "", "numbered": [list(thread.key) for thread in threads], "dropped": [], "lead": [],
        "edited_by": "",
    }  # fmt: skip
    statement = dialect.insert(_edition).values(values).on_conflict_do_nothing(index_elements=["list_name", "period"])
    row = tx.execute(statement.returning(_edition.c.id)).first()
    if row is None:
        return 0
    for to in facilitators(tx, scope):
        reader = membership.reader(tx, ctx.settings, to.person, ctx.clock())
        if reader is None:
            continue
        token = moderate.issue(ctx, tx, Purpose.EDITION, to.person, edition_id=row.id, life=timedelta(days=10))
        notices.put(
            ctx,
            tx,
            "digest-preview",
            to,
            "digest-preview",
            list_name=scope,
            reply_to=routing.address(ctx.settings, scope, routing.Kind.CONFIRM, token),
            when=slot.at,
            threads=[
                _line(ctx.speaking(reader.language), n, one)
                for n, one in enumerate(threads, 1)
                if one.list_name in reader.lists
            ],
        )
    return 1


def facilitators(tx: Connection, scope: str) -> list[Recipient]:
    """Who looks after the digests of a list, or of the community."""
    rows = tx.execute(
        select(_person.c.id, _person.c.name, _address.c.email)
        .select_from(_role.join(_person, _person.c.id == _role.c.person_id).join(
            _address, (_address.c.person_id == _person.c.id) & _address.c.preferred))
        .where(_role.c.list_name == scope, _role.c.role == RoleName.FACILITATOR,
               _person.c.status.in_(membership.READING))
        .order_by(_person.c.id)
    )  # fmt: skip
    return [Recipient(*row) for row in rows]


def _line(ctx: Context, number: int, thread: Thread) -> dict[str, Any]:
    return {
        "number": number,
        "subject": one_line(thread.subject, 100),
        "name": one_line(thread.name, 60),
        "said": said(ctx.speech, thread)
        or ctx.phrase(N_("not answered yet") if thread.unanswered else N_("no answers")),
        "list": routing.title(ctx.settings, thread.list_name),
    }


# --- the answers -------------------------------------------------------------------------------------------------

_NUMBERS = r"\s*:?\s*((?:#?\d{1,3}[\s,;]*(?:and|und|et)?\s*)+)\.?\s*\Z"
_LINES = (
    ("note", re.compile(r"(?:note|notiz)\s*:\s*(.*)\Z", re.I)),
    ("upcoming", re.compile(r"(?:coming up|upcoming|termine|agenda)\s*:\s*(.*)\Z", re.I)),
    ("drop", re.compile(r"(?:drop|leave out|without)" + _NUMBERS, re.I)),
    ("keep", re.compile(r"(?:keep|restore|undrop)" + _NUMBERS, re.I)),
    ("lead", re.compile(r"(?:lead|lead with|first)" + _NUMBERS, re.I)),
    ("hold", re.compile(r"(?:hold|wait)(?:\s+(?:it|please))?[.!]?\s*\Z", re.I)),
    ("send", re.compile(r"(?:send(?:\s+it)?\s+now|send|go)[.!]?\s*\Z", re.I)),
)


@dataclass(slots=True)
class Orders:
    """What an answer to a preview asks for. `note` and `upcoming`: None leaves what is there, "" takes it away."""

    note: str | None = None
    upcoming: str | None = None
    drop: list[int] = field(default_factory=list)
    keep: list[int] = field(default_factory=list)
    lead: list[int] = field(default_factory=list)
    hold: bool = False
    send: bool = False

    @property
    def any(self) -> bool:
        texts = self.note is not None or self.upcoming is not None
        return bool(texts or self.drop or self.keep or self.lead or self.hold or self.send)


def read_orders(text: str) -> Orders:
    """The orders in a facilitator's own words; a note goes on until the next order."""
    orders = Orders()
    into = ""
    for line in text.split("\n"):
        what, rest = _order(line.strip())
        if what in ("note", "upcoming"):
            into = what
            setattr(orders, what, rest)
        elif what in ("drop", "keep", "lead"):
            getattr(orders, what).extend(int(one) for one in re.findall(r"\d+", rest))
            into = ""
        elif what == "hold":
            orders.hold, orders.send, into = True, False, ""
        elif what == "send":
            orders.send, orders.hold, into = True, False, ""
        elif into:
            setattr(orders, into, f"{getattr(orders, into)}\n{line.rstrip()}")
    for name in ("note", "upcoming"):
        value = getattr(orders, name)
        if value is not None:
            setattr(orders, name, value.strip()[:NOTE])
    return orders


def _order(line: str) -> tuple[str, str]:
    for name, pattern in _LINES:
        found = pattern.match(line)
        if found:
            return name, found[1] if pattern.groups else ""
    return "", ""


def answer(ctx: Context, tx: Connection, token: Any, text_token: str, incoming: Incoming) -> None:
    """A facilitator's answer to a preview, from their own address; the token, sent to them alone, is its proof."""
    to = membership.answering(tx, token, incoming.authors[0].address)
    if to is None:
        return
    row = tx.execute(select(_edition).where(_edition.c.id == token.edition_id)).first()
    answering = notices.Answering(incoming.message_id)
    if row is None or to.person not in {one.person for one in facilitators(tx, row.list_name)}:
        notices.put(ctx, tx, "unclear", to, "token-unknown", answering=answering)
        return
    own = own_text(answer_text(incoming.message))
    orders = read_orders(own)
    gone = row.send_at is not None or (row.slot_at <= ctx.clock() and row.held_until is None)
    if not gone and orders.any:
        tx.execute(update(_edition).where(_edition.c.id == row.id).values(_changed(ctx, row, orders, to.name)))
    now = tx.execute(select(_edition).where(_edition.c.id == row.id)).one()
    reply_to = routing.address(ctx.settings, row.list_name, routing.Kind.CONFIRM, text_token)
    subjects = _subjects(ctx, now.numbered)

    def named(keys: Sequence[Sequence[str]]) -> list[str]:
        numbers = {(name, tag): number for number, (name, tag) in enumerate(now.numbered, 1)}
        return [f"{numbers.get((name, tag), '?')}  {subjects.get((name, tag), '')}".rstrip() for name, tag in keys]

    notices.put(
        ctx,
        tx,
        "digest-edited",
        to,
        "digest-edited",
        list_name=row.list_name,
        reply_to=reply_to,
        answering=answering,
        gone=gone,
        understood=orders.any,
        wrote=one_line(own, 200),
        unknown=[n for n in (*orders.drop, *orders.keep, *orders.lead) if not 1 <= n <= len(row.numbered)],
        note=now.note,
        upcoming=now.upcoming,
        dropped=named(now.dropped),
        lead=named(now.lead),
        held=now.held_until is not None,
        sent=now.send_at is not None,
        when=now.held_until or now.slot_at,
    )
    ctx.wake.outbox.set()


def _changed(ctx: Context, row: Any, orders: Orders, name: str) -> dict[str, Any]:
    numbered = [list(key) for key in row.numbered]

    def keys(numbers: Sequence[int]) -> list[list[str]]:
        return [numbered[number - 1] for number in numbers if 1 <= number <= len(numbered)]

    kept = keys(orders.keep) + keys(orders.lead)
    dropped = [key for key in row.dropped if key not in kept]
    dropped += [key for key in keys(orders.drop) if key not in dropped]
    lead = keys(orders.lead) or [key for key in row.lead if key not in dropped]
    values: dict[str, Any] = {"dropped": dropped, "lead": lead, "edited_by": name}
    if orders.note is not None:
        values["note"] = orders.note
    if orders.upcoming is not None:
        values["upcoming"] = orders.upcoming
    now = ctx.clock()
    if orders.hold:
        values["held_until"] = max(row.slot_at, now) + HELD_FOR
    if orders.send:
        values["held_until"] = None
        if row.slot_at > now:
            values["send_at"] = now
    return values


def _subjects(ctx: Context, keys: Sequence[Sequence[str]]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    db = archiver.connect(ctx.settings.archive.directory)
    try:
        for name, tag in keys:
            row = db.execute("SELECT subject FROM thread WHERE list = ? AND tag = ?", (name, tag)).fetchone()
            found[name, tag] = one_line(row["subject"], 80) if row is not None else ""
    finally:
        db.close()
    return found
