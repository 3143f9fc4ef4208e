"""Whose digest is due: every subscription that wants one, its slot, and the issues that are there already.

The first step of a digest. Reads only. A slot that was missed (three days down) is made up for, each once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, func, select

from listserv import emergency
from listserv.context import Context
from listserv.model import Address, DigestFormat, Edition, Issue, IssueKind, Person, Subscription
from listserv.model.people import RECEIVING
from listserv.policy.periods import WEEKDAYS, Schedule, Slot, before, latest, missed
from listserv.settings import HUB, Settings

_person = Person.__table__  # type: ignore[attr-defined]
_address = Address.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]
_issue = Issue.__table__  # type: ignore[attr-defined]
_edition = Edition.__table__  # type: ignore[attr-defined]

LAG = timedelta(minutes=2)
"""An issue ends so long before its slot: what was released in its last moments may not be committed when it is made."""
MADE_UP = 10
"""So many missed issues are sent late; what is older stands in the first of them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One letter that is due. `scope` is a list, or the hub for a letter over all of `lists`."""

    person: int
    name: str
    email: str
    kind: IssueKind
    scope: str
    period: str
    since: datetime
    until: datetime
    lists: tuple[str, ...]
    form: DigestFormat
    zone: ZoneInfo
    language: str = ""  # empty: the community's


def clock_of(text: str, default: time) -> time:
    """HH:MM as a person chose it."""
    try:
        return time.fromisoformat(text) if text else default
    except ValueError:
        return default


def zone_of(settings: Settings, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name) if name else settings.community.zone
    except (KeyError, ValueError, OSError):
        return settings.community.zone


def schedule_of(settings: Settings, kind: IssueKind, scope: str, day: str, at: str, zone: str) -> Schedule:
    """The schedule of somebody's letters: what they chose, else that of the list, else that of the community."""
    listed = settings.lists.get(scope)
    default = (listed.digest if listed else None) or settings.community.digest
    weekday = WEEKDAYS.index(day if day in WEEKDAYS else default.day) if kind is IssueKind.WEEKLY else None
    return Schedule(weekday, clock_of(at, default.time), zone_of(settings, zone))


def _readers(tx: Connection, only: Iterable[int] | None) -> list[Any]:
    """A row for each subscription that wants a digest."""
    query = (
        select(
            _person.c.id, _person.c.name, _person.c.language, _person.c.timezone, _person.c.digest_day,
            _person.c.digest_time,
            _person.c.digest_format, _person.c.digest_per_list, _subscription.c.list_name, _subscription.c.delivery,
            func.coalesce(_subscription.c.delivery_since, _subscription.c.since, type_=_subscription.c.since.type)
            .label("wanted_since"),
        )
        .join(_person, _person.c.id == _subscription.c.person_id)
        .where(
            _subscription.c.delivery.in_(("weekly", "daily")),
            _subscription.c.left_at.is_(None),
            _person.c.status.in_(RECEIVING),
        )
        .order_by(_person.c.id)
    )  # fmt: skip
    if only is not None:
        query = query.where(_person.c.id.in_(list(only)))
    return list(tx.execute(query))


@dataclass(slots=True)
class _Reader:
    row: Any
    kind: IssueKind
    scope: str
    lists: list[str]
    wanted_since: datetime


def _grouped(settings: Settings, rows: Iterable[Any]) -> list[_Reader]:
    """Each person's letters: one per kind, or one per list for who wants it so."""
    found: dict[tuple[int, str, str], _Reader] = {}
    for row in rows:
        if row.list_name not in settings.lists:
            continue
        scope = row.list_name if row.digest_per_list else HUB
        key = (row.id, row.delivery, scope)
        known = found.get(key)
        if known is None:
            found[key] = _Reader(row, IssueKind(row.delivery), scope, [row.list_name], row.wanted_since)
        else:
            known.lists.append(row.list_name)
            known.wanted_since = min(known.wanted_since, row.wanted_since)
    return list(found.values())


def due(ctx: Context, tx: Connection, at: datetime, *, only: Iterable[int] | None = None) -> list[Wanted]:
    """Every letter on schedule that should have been sent by `at` and is not there, oldest first for each person."""
    settings = ctx.settings
    readers = _grouped(settings, _readers(tx, only))
    schedules: dict[tuple[Any, ...], tuple[Schedule, Slot]] = {}
    open_: list[tuple[_Reader, Schedule, Slot]] = []
    for reader in readers:
        row = reader.row
        wish = (reader.kind, reader.scope, row.digest_day, row.digest_time, row.timezone)
        if wish not in schedules:
            schedule = schedule_of(settings, *wish)
            schedules[wish] = (schedule, latest(schedule, at))
        schedule, slot = schedules[wish]
        open_.append((reader, schedule, slot))
    if not open_:
        return []
    known = editions(tx, at)
    early = {key: edition for key, edition in known.items() if edition.send_at and edition.send_at <= at}
    oldest = min(slot.period for _, _, slot in open_)
    done = _done(tx, oldest)
    wanted: list[Wanted] = []
    lacking: list[tuple[_Reader, Schedule, Slot]] = []
    for reader, schedule, slot in open_:
        now_too = _sent_now(reader, schedule, slot, early)
        if now_too is not None:
            slot = now_too
        key = (reader.row.id, reader.scope, str(reader.kind), slot.period)
        if key not in done and (reader.wanted_since < slot.at or now_too is not None):
            lacking.append((reader, schedule, slot))
    if not lacking:
        return []
    last = _last(tx, {reader.row.id for reader, _, _ in lacking}, at)
    emails = _emails(tx, {reader.row.id for reader, _, _ in lacking})
    frozen = emergency.active(tx, at)
    for reader, schedule, slot in lacking:
        if emergency.letters_wait(frozen, reader.lists):
            continue
        if reader.row.id in emails:
            wanted += _letters(ctx, reader, schedule, slot, last, emails[reader.row.id], known, at)
    return wanted


def _letters(
    ctx: Context,
    reader: _Reader,
    schedule: Schedule,
    slot: Slot,
    last: dict[tuple[int, str, str], tuple[datetime, str]],
    email: str,
    editions: dict[tuple[str, str], Any],
    at: datetime,
) -> list[Wanted]:
    """What one person has to get by now: the slot that is due, and before it those that were missed."""
    until, period = last.get((reader.row.id, reader.scope, str(reader.kind)), (None, ""))
    if until is not None and until < reader.wanted_since:  # they had another delivery in between
        until = None
    slots = missed(schedule, until or reader.wanted_since, at, MADE_UP)
    slots = [one for one in slots if one.period > period]
    if slot.at > at:  # the facilitators said `send now`
        slots = [*[one for one in slots if one.period != slot.period], slot]
    order = ctx.settings.list_order
    lists = tuple(sorted(reader.lists, key=order))
    found: list[Wanted] = []
    for one in slots:
        edition = edition_for(editions, reader.scope, one.period) if reader.kind is IssueKind.WEEKLY else None
        if edition is not None and edition.held_until is not None and edition.held_until > at:
            break
        ends = edition.send_at if one.at > at and edition is not None and edition.send_at else one.at - LAG
        since = found[-1].until if found else until or before(schedule, one).at - LAG
        found.append(
            Wanted(
                person=reader.row.id,
                name=reader.row.name,
                email=email,
                kind=reader.kind,
                scope=reader.scope,
                period=one.period,
                since=since,
                until=ends,
                lists=lists,
                form=reader.row.digest_format,
                zone=schedule.zone,
                language=reader.row.language,
            )
        )
    return found


def _sent_now(reader: _Reader, schedule: Schedule, slot: Slot, early: dict[tuple[str, str], Any]) -> Slot | None:
    """The next slot of somebody whose letters the facilitators have sent before their time."""
    if reader.kind is not IssueKind.WEEKLY or not early:
        return None
    for (scope, period), edition in early.items():
        if scope == reader.scope and slot.period < period and edition.slot_at > slot.at:
            coming = Slot(edition.slot_at, period)
            if before(schedule, coming) == slot:
                return coming
    return None


def editions(tx: Connection, at: datetime) -> dict[tuple[str, str], Any]:
    """Editions that can matter to letters of these days."""
    query = select(_edition).where(_edition.c.slot_at > at - timedelta(days=60))
    return {(row.list_name, row.period): row for row in tx.execute(query)}


def edition_for(editions: dict[tuple[str, str], Any], scope: str, period: str) -> Any | None:
    """What facilitators said for a letter of this date: the edition of the date, or the one of the days before it."""
    day = datetime.fromisoformat(period)
    for back in range(7):
        found = editions.get((scope, (day - timedelta(days=back)).date().isoformat()))
        if found is not None:
            return found
    return None


def _done(tx: Connection, oldest: str) -> set[tuple[int, str, str, str]]:
    query = select(_issue.c.person_id, _issue.c.list_name, _issue.c.kind, _issue.c.period).where(
        _issue.c.period >= oldest
    )
    return {(row.person_id, row.list_name, str(row.kind), row.period) for row in tx.execute(query)}


def _last(tx: Connection, people: set[int], at: datetime) -> dict[tuple[int, str, str], tuple[datetime, str]]:
    """Until when the letters of these people reach, and the period of the last one."""
    found: dict[tuple[int, str, str], tuple[datetime, str]] = {}
    numbers = sorted(people)
    latest_ = func.max(_issue.c.until, type_=_issue.c.until.type)
    for start in range(0, len(numbers), 500):
        query = (
            select(
                _issue.c.person_id, _issue.c.list_name, _issue.c.kind, latest_.label("until"),
                func.max(_issue.c.period).label("period"),
            )
            .where(_issue.c.person_id.in_(numbers[start : start + 500]), _issue.c.until <= at)
            .group_by(_issue.c.person_id, _issue.c.list_name, _issue.c.kind)
        )  # fmt: skip
        found.update({(r.person_id, r.list_name, str(r.kind)): (r.until, r.period) for r in tx.execute(query)})
    return found


def _emails(tx: Connection, people: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    numbers = sorted(people)
    for start in range(0, len(numbers), 500):
        query = select(_address.c.person_id, _address.c.email).where(
            and_(_address.c.person_id.in_(numbers[start : start + 500]), _address.c.preferred)
        )
        found.update({row.person_id: row.email for row in tx.execute(query)})
    return found
