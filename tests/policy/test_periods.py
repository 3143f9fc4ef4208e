"""Slots of a schedule: one for each date, whatever clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.policy.periods import Schedule, after, before, latest, missed, slot_on

ZONES = ("Australia/Sydney", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "UTC")


def schedule(zone: str, at: str = "07:00", weekday: int | None = 0) -> Schedule:
    return Schedule(weekday, time.fromisoformat(at), ZoneInfo(zone))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "at", "day", "slot"),
    [
        ("Australia/Sydney", "07:00", "2026-11-30", "2026-11-29T20:00"),  # summer
        ("Australia/Sydney", "07:00", "2026-06-01", "2026-05-31T21:00"),  # winter
        ("Australia/Sydney", "02:30", "2026-10-04", "2026-10-03T16:30"),  # leapt over: 03:30 summer time
        ("Australia/Sydney", "02:30", "2027-04-04", "2027-04-03T15:30"),  # comes twice: the first time
        ("Europe/Berlin", "07:00", "2024-12-30", "2024-12-30T06:00"),
        ("America/St_Johns", "07:00", "2026-11-30", "2026-11-30T10:30"),
        ("Asia/Kathmandu", "07:00", "2026-11-30", "2026-11-30T01:15"),
    ],
)
def test_a_date_has_one_slot(zone: str, at: str, day: str, slot: str) -> None:
    assert slot_on(schedule(zone, at), date.fromisoformat(day)).at == utc(slot)


def test_iso_weeks_repeat_but_periods_do_not() -> None:
    weekly = schedule("Europe/Berlin")
    one, other = latest(weekly, utc("2024-12-30T12:00")), latest(weekly, utc("2025-12-29T12:00"))
    assert date.fromisoformat(one.period).isocalendar()[1] == date.fromisoformat(other.period).isocalendar()[1] == 1
    assert (one.period, other.period) == ("2024-12-30", "2025-12-29")


@given(
    zone=st.sampled_from(ZONES),
    at=st.times(),
    weekday=st.one_of(st.none(), st.integers(0, 6)),
    now=st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_latest_is_the_last_that_is_not_later(zone: str, at: time, weekday: int | None, now: datetime) -> None:
    wanted = Schedule(weekday, at.replace(second=0, microsecond=0), ZoneInfo(zone))
    slot = latest(wanted, now)
    assert slot.at <= now < after(wanted, slot).at
    assert before(wanted, after(wanted, slot)) == slot


@given(
    zone=st.sampled_from(ZONES[:4]),
    now=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    days=st.integers(0, 40),
)
def test_missed_are_all_since_then_and_the_newest_of_too_many(zone: str, now: datetime, days: int) -> None:
    daily = schedule(zone, weekday=None)
    since = now - timedelta(days=days)
    every = missed(daily, since, now, 100)
    assert [slot.at for slot in every] == sorted(slot.at for slot in every)
    assert all(since < slot.at <= now for slot in every)
    assert len({slot.period for slot in every}) == len(every) and abs(len(every) - days) <= 1
    assert missed(daily, since, now, 7) == every[-7:]
