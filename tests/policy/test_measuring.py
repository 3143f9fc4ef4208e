"""The arithmetic of the measures: what is too few to be told, medians, shares, answers, weeks when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.policy import measuring
from listserv.policy.measuring import FEW, Said

SYDNEY = ZoneInfo("Australia/Sydney")
START = datetime(2026, 11, 1, tzinfo=UTC)


def hours(*values: float) -> list[timedelta]:
    return [timedelta(hours=value) for value in values]


@pytest.mark.parametrize(
    ("groups", "shown", "rest"),
    [
        ({}, {}, 0),
        ({"a": 0}, {}, 0),
        ({"a": 4}, {}, 4),
        ({"a": 5}, {"a": 5}, 0),
        ({"a": 5, "b": 9}, {"b": 9, "a": 5}, 0),
        ({"a": 40, "b": 3, "c": 2}, {"a": 40}, 5),  # together they are enough
        ({"a": 40, "b": 7, "c": 3}, {"a": 40}, 10),  # alone, c could be worked out from the total
        ({"a": 40, "c": 1}, {}, 41),
        ({"a": 2, "b": 2}, {}, 4),
    ],
)
def test_small_groups_are_put_together(groups: dict[str, int], shown: dict[str, int], rest: int) -> None:
    assert measuring.folded(groups) == (shown, rest)


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 30), max_size=12))
def test_no_group_can_be_worked_out(groups: dict[str, int]) -> None:
    shown, rest = measuring.folded(groups)
    assert sum(shown.values()) + rest == sum(groups.values())
    assert all(count >= FEW and groups[name] == count for name, count in shown.items())
    assert rest == 0 or rest >= FEW or not shown
    assert list(shown.values()) == sorted(shown.values(), reverse=True)


@pytest.mark.parametrize(("people", "told"), [(0, True), (1, False), (4, False), (5, True), (600, True)])
def test_what_may_be_told(people: int, told: bool) -> None:
    assert measuring.told(people) is told


@pytest.mark.parametrize(
    ("values", "median", "ninety"),
    [
        ([], None, None),
        (hours(3), hours(3)[0], hours(3)[0]),
        (hours(1, 100), hours(50.5)[0], hours(100)[0]),
        (hours(9, 1, 2), hours(2)[0], hours(9)[0]),
        (hours(*range(1, 11)), hours(5.5)[0], hours(9)[0]),
        (hours(*range(1, 12)), hours(6)[0], hours(10)[0]),
    ],
)
def test_median_and_ninetieth(values: list[timedelta], median: timedelta | None, ninety: timedelta | None) -> None:
    assert measuring.median(values) == median
    assert measuring.percentile(values, 90) == ninety


@pytest.mark.parametrize(
    ("part", "whole", "share"), [(0, 0, None), (0, 3, 0.0), (1, 3, 33.3), (2, 3, 66.7), (3, 3, 100.0)]
)
def test_shares(part: int, whole: int, share: float | None) -> None:
    assert measuring.share(part, whole) == share


@pytest.mark.parametrize(
    ("posts", "share"),
    [
        ([], None),
        ([9, 9, 9, 9], None),  # four people
        ([1] * 5, 100.0),
        ([1] * 10, 100.0),
        ([1] * 14, None),  # what the other four wrote would be known
        ([10] * 10 + [4] * 5, 83.3),
    ],
)
def test_the_ten_busiest(posts: list[int], share: float | None) -> None:
    assert measuring.busiest(dict(enumerate(posts))) == share


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([("ann", 0)], [None]),
        ([("ann", 0), ("ann", 2)], [None, None]),  # one's own word is no answer
        ([("ann", 0), ("ann", 2), ("ben", 5), ("ann", 6)], [5, 3, 1, None]),
        ([("ben", 5), ("ann", 0)], [5, None]),  # in whatever order they come
        ([("ann", 0), ("ben", 7 * 24)], [7 * 24, None]),
        ([("ann", 0), ("ben", 7 * 24 + 1)], [None, None]),  # too late
        ([("ann", 0), ("ben", 1), ("ben", 2), ("cat", 30)], [1, 29, 28, None]),
    ],
)
def test_answers(messages: list[tuple[str, int]], expected: list[int | None]) -> None:
    said = [
        Said(number, ("perinatal", "t"), author, START + timedelta(hours=at), at == 0)
        for number, (author, at) in enumerate(messages)
    ]
    found = measuring.answers(said)
    assert [None if one.after is None else one.after / timedelta(hours=1) for one in found] == expected
    assert [one.begins for one in found] == [True] + [False] * (len(found) - 1)


def test_nobody_answers_in_another_conversation() -> None:
    said = [Said(1, ("a", "t"), "ann", START, True), Said(2, ("b", "t"), "ben", START + timedelta(hours=1), True)]
    assert [one.after for one in measuring.answers(said)] == [None, None]


def test_weeks_begin_on_monday_where_the_community_lives() -> None:
    sunday_night = datetime(
        2026, 10, 4, 12, 59, 59, tzinfo=UTC
    )  # 23:59:59 in Sydney, where clocks went forward that day
    times = [sunday_night, sunday_night + timedelta(seconds=1), START]
    weeks = measuring.by_week(times, date(2026, 9, 21), date(2026, 10, 12), SYDNEY)
    assert weeks == {
        date(2026, 9, 21): 0,
        date(2026, 9, 28): 1,
        date(2026, 10, 5): 1,
        date(2026, 10, 12): 0,
    }
    assert measuring.begin_of(date(2026, 10, 5), SYDNEY) == datetime(2026, 10, 4, 13, 0, tzinfo=UTC)
    assert measuring.begin_of(date(2026, 9, 28), SYDNEY) == datetime(2026, 9, 27, 14, 0, tzinfo=UTC)
