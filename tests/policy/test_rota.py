"""Rota, quiet hours and the times of lists and reminders, over midnight and over changes of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.policy.rota import next_listing, next_reminder, on_call, quiet_until

SYDNEY, BERLIN = ZoneInfo("Australia/Sydney"), ZoneInfo("Europe/Berlin")
PEOPLE = ("ann@x.test", "ben@x.test", "cat@x.test")
WEEK = timedelta(days=7)


def at(zone: ZoneInfo, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=zone).astimezone(UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("now", "who"),
    [
        (at(SYDNEY, 2026, 11, 1, 23, 59), None),
        (at(SYDNEY, 2026, 11, 2, 0, 0), "ann@x.test"),
        (at(SYDNEY, 2026, 11, 8, 23, 59), "ann@x.test"),
        (at(SYDNEY, 2026, 11, 9, 0, 0), "ben@x.test"),
        (at(SYDNEY, 2026, 11, 16, 12, 0), "cat@x.test"),
        (at(SYDNEY, 2026, 11, 23, 12, 0), "ann@x.test"),
    ],
)
def test_one_after_the_other_by_local_days(now: datetime, who: str | None) -> None:
    assert on_call(date(2026, 11, 2), WEEK, PEOPLE, now, SYDNEY) == who


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (at(SYDNEY, 2026, 11, 28, 20, 59), None),
        (at(SYDNEY, 2026, 11, 28, 21, 0), at(SYDNEY, 2026, 11, 29, 7, 0)),
        (at(SYDNEY, 2026, 11, 29, 2, 30), at(SYDNEY, 2026, 11, 29, 7, 0)),
        (at(SYDNEY, 2026, 11, 29, 7, 0), None),
        (at(SYDNEY, 2026, 10, 3, 23, 0), at(SYDNEY, 2026, 10, 4, 7, 0)),  # that night has one hour less
        (at(BERLIN, 2026, 10, 24, 23, 0), None),  # it is morning in Sydney
    ],
)
def test_quiet_over_midnight(now: datetime, until: datetime | None) -> None:
    assert quiet_until(time(21), time(7), now, SYDNEY) == until


def test_quiet_within_a_day() -> None:
    assert quiet_until(time(12), time(14), at(BERLIN, 2026, 11, 28, 13), BERLIN) == at(BERLIN, 2026, 11, 28, 14)
    assert quiet_until(time(12), time(14), at(BERLIN, 2026, 11, 28, 14), BERLIN) is None


@given(st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1)), st.times(), st.times())  # noqa: DTZ001
def test_quiet_ends_later_and_within_a_day(now: datetime, begin: time, end: time) -> None:
    moment = now.replace(tzinfo=UTC)
    until = quiet_until(begin.replace(tzinfo=None), end.replace(tzinfo=None), moment, SYDNEY)
    assert until is None or moment < until <= moment + timedelta(hours=26)


def test_lists_come_at_the_full_hour_or_in_the_morning() -> None:
    assert next_listing("hourly", datetime(2026, 11, 28, 9, 59, tzinfo=UTC), SYDNEY).hour == 10
    assert next_listing("daily", at(SYDNEY, 2026, 11, 28, 7, 59), SYDNEY) == at(SYDNEY, 2026, 11, 28, 8)
    assert next_listing("daily", at(SYDNEY, 2026, 11, 28, 8, 0), SYDNEY) == at(SYDNEY, 2026, 11, 29, 8)
    assert next_listing("daily", at(SYDNEY, 2026, 10, 3, 9, 0), SYDNEY) == at(SYDNEY, 2026, 10, 4, 8)


def test_reminders_in_order_whatever_the_settings_say() -> None:
    since = datetime(2026, 11, 28, tzinfo=UTC)
    after = (timedelta(hours=72), timedelta(hours=24))
    assert next_reminder(since, after, since) == since + timedelta(hours=24)
    assert next_reminder(since, after, since + timedelta(hours=24)) == since + timedelta(hours=72)
    assert next_reminder(since, after, since + timedelta(hours=73)) is None
