"""When a digest is due: slots of a weekly or daily schedule in the zone of its reader. Pure; the time is an argument.

A slot belongs to a local date, and that date is its period: unlike ISO weeks (30 December 2024 and 29 December 2025
are both "week 1" of a year), dates never repeat. A local time that a clock leaps over is taken as it would have been
before the leap; one that comes twice is taken the first time (PEP 495, fold=0). So each date has exactly one slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """`weekday`: 0 is Monday; None for every day."""

    weekday: int | None
    at: time
    zone: ZoneInfo

    @property
    def step(self) -> timedelta:
        return DAY if self.weekday is None else 7 * DAY


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """`at` in UTC; `period` is the local date, as in 2026-11-30."""

    at: datetime
    period: str


def slot_on(schedule: Schedule, day: date) -> Slot:
    """The slot of a local date, whatever its weekday."""
    return Slot(datetime.combine(day, schedule.at, schedule.zone).astimezone(UTC), day.isoformat())


def latest(schedule: Schedule, now: datetime) -> Slot:
    """The last slot that is not after `now`."""
    day = now.astimezone(schedule.zone).date() + DAY  # a zone may leap over a date
    while True:
        if schedule.weekday is None or day.weekday() == schedule.weekday:
            slot = slot_on(schedule, day)
            if slot.at <= now:
                return slot
        day -= DAY


def before(schedule: Schedule, slot: Slot) -> Slot:
    return slot_on(schedule, date.fromisoformat(slot.period) - schedule.step)


def after(schedule: Schedule, slot: Slot) -> Slot:
    return slot_on(schedule, date.fromisoformat(slot.period) + schedule.step)


def missed(schedule: Schedule, since: datetime, now: datetime, most: int) -> list[Slot]:
    """The slots after `since` up to `now`, oldest first; of more than `most` the newest."""
    found: list[Slot] = []
    slot = latest(schedule, now)
    while slot.at > since and len(found) < most:
        found.append(slot)
        slot = before(schedule, slot)
    return found[::-1]
