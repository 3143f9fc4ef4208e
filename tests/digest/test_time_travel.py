"""Three years of letters in four zones, with crashes and two schedulers: each issue once, each post told once."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from listserv import archiver
from listserv.context import Context
from listserv.digest import issuing
from tests.conftest import community
from tests.house import rows
from tests.letters import Clock, house, post, reader

ZONES = ("Australia/Sydney", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu")
BEGIN = datetime(2024, 1, 10, 12, 0, tzinfo=UTC)
END = datetime(2027, 1, 20, 12, 0, tzinfo=UTC)


class Killed(Exception):
    """The process dies here."""


def expected(zone: str, at: str, weekday: int | None, since: datetime, until: datetime) -> list[str]:
    """The dates of all slots, counted from the calendar."""
    found, day = [], since.date() - timedelta(days=2)
    while day <= until.date() + timedelta(days=2):
        slot = datetime.combine(day, time.fromisoformat(at), ZoneInfo(zone)).astimezone(UTC)
        if since < slot <= until and weekday in (None, day.weekday()):
            found.append(day.isoformat())
        day += timedelta(days=1)
    return found


def dying(monkeypatch: pytest.MonkeyPatch, chance: random.Random, other: Callable[[], None]) -> None:
    """Dies at random before an issue is written, while it is, and after; or lets another scheduler go first."""
    put, compose, commit = issuing.put, issuing.compose, issuing._commit

    def die(*args: Any, **kwargs: Any) -> Any:
        done = put(*args, **kwargs)
        if chance.random() < 0.03:
            raise Killed
        return done

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        if chance.random() < 0.02:
            other()
        return compose(*args, **kwargs)

    def late(*args: Any, **kwargs: Any) -> None:
        if chance.random() < 0.02:
            raise Killed
        commit(*args, **kwargs)
        if chance.random() < 0.02:
            raise Killed

    monkeypatch.setattr(issuing, "put", die)
    monkeypatch.setattr(issuing, "compose", meanwhile)
    monkeypatch.setattr(issuing, "_commit", late)


@pytest.mark.timeout(900)
def test_three_years(make_context: Callable[..., Context], monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(5)
    clock = Clock(BEGIN)
    one = house(make_context, clock, web=None)
    two = make_context(community(), clock=clock)
    wishes: dict[int, tuple[str, str, int | None]] = {}
    for zone in ZONES:
        for delivery, at in (("weekly", "07:00"), ("daily", "02:30")):
            email = f"{zone.partition('/')[2].lower()}-{delivery}-{at[:2]}@people.test"
            person = reader(one, email, delivery=delivery, since=BEGIN, timezone=zone, digest_time=at)
            wishes[person] = (zone, at, 0 if delivery == "weekly" else None)
    reader(one, "ann@people.test", delivery="each")
    moments = sorted(BEGIN + (END - BEGIN) * chance.random() for _ in range(150))
    moments = [moment for moment in moments if moment < END - timedelta(days=9)]
    for number, moment in enumerate(moments):
        post(one, clock, moment, f"Remark number {number} of many", f"Number {number}.\n")
    archiver.build(one, full=True)
    dying(monkeypatch, chance, lambda: issuing.run(two))
    clock.now, killed = BEGIN, 0
    while clock.now < END:
        gap = chance.choice((120, 300, 900, 1500, 2400, 4400))  # minutes; the last: three days down
        clock.now = min(clock.now + timedelta(minutes=gap * chance.uniform(0.1, 1)), END)
        for ctx in chance.sample((one, two), chance.choice((1, 2))):
            try:
                issuing.run(ctx)
            except Killed:
                killed += 1
    monkeypatch.undo()
    issuing.run(one)

    issues: dict[int, list[Any]] = defaultdict(list)
    for row in rows(one, "SELECT person_id, period, since, until, threads, notice_id FROM issue ORDER BY until"):
        issues[row.person_id].append(row)
    for person, (zone, at, weekday) in wishes.items():
        periods = [row.period for row in issues[person]]
        assert periods == expected(zone, at, weekday, BEGIN, END), zone
        chain = issues[person]
        assert all(earlier.until == later.since for earlier, later in pairwise(chain))
        told = [thread for row in chain if row.threads for thread in _keys(row.threads)]
        assert len(told) == len(set(told)) == len(moments), (zone, at, len(told))
        assert all((row.notice_id is not None) == bool(_keys(row.threads)) for row in chain)
    deliveries = rows(one, "SELECT COUNT(*) AS n, COUNT(DISTINCT notice_id) AS m FROM delivery WHERE priority = 2")[0]
    assert deliveries.n == deliveries.m == sum(bool(_keys(r.threads)) for chain in issues.values() for r in chain)
    assert killed > 50
    assert date(2024, 12, 30).isocalendar()[1] == date(2025, 12, 29).isocalendar()[1] == 1
    weekly = {row.period for person, wish in wishes.items() if wish[2] == 0 for row in issues[person]}
    assert {"2024-12-30", "2025-12-29"} <= weekly
    print(f"{sum(map(len, issues.values()))} issues, {deliveries.n} letters, {killed} kills")


def _keys(threads: Any) -> list[tuple[str, str]]:
    import json

    found = json.loads(threads) if isinstance(threads, str) else threads
    return [(name, tag) for name, tag in found]
