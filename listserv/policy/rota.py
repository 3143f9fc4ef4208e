"""Who is on call, when somebody wants to be left in peace, and when held posts are listed or reminded of. Pure; the
time is an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from listserv.policy.periods import DAY, Schedule, slot_on

MORNING = time(8, 0)  # when a daily list of held posts comes


def on_call(start: date, every: timedelta, people: Sequence[str], now: datetime, zone: ZoneInfo) -> str | None:
    """Whose turn it is: one after the other from `start` on, for `every` (whole days) each; None before that."""
    days = (now.astimezone(zone).date() - start).days
    if not people or days < 0:
        return None
    return people[days // max(every.days, 1) % len(people)]


def quiet_until(begin: time, end: time, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When the quiet time that it is now ends, in UTC; None when it is none. It may go over midnight, and clocks may
    leap in it (`periods.slot_on`)."""
    local = now.astimezone(zone)
    clock = local.time().replace(tzinfo=None)
    over_midnight = end <= begin
    if not (clock >= begin or clock < end if over_midnight else begin <= clock < end):
        return None
    day = local.date() + DAY if over_midnight and clock >= begin else local.date()
    ends = slot_on(Schedule(None, end, zone), day).at
    return ends if ends > now else None


def next_listing(how: str, now: datetime, zone: ZoneInfo) -> datetime:
    """When the next list of held posts goes out: at the full hour (`hourly`), or in the morning (`daily`)."""
    if how == "hourly":
        return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    today = now.astimezone(zone).date()
    return next(
        at for at in (slot_on(Schedule(None, MORNING, zone), today + n * DAY).at for n in (0, 1, 2)) if at > now
    )


def next_reminder(since: datetime, after: Sequence[timedelta], now: datetime) -> datetime | None:
    """The first of the reminders, so long after `since` each, that is still to come; None when all are over."""
    return next((since + one for one in sorted(after) if since + one > now), None)
