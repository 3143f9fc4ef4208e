"""The arithmetic of the community's measures: shares, medians, answers, weeks; and what is too few people to be told.

Beside the way of a post. Pure: numbers and times in, numbers out. A group of fewer than `FEW` people is never told by
itself, for who knows the community would know whom it means.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FEW = 5  # people; fewer are not told
BUSIEST = 10  # people whose share of the posts is told
ANSWER_WITHIN = timedelta(days=7)  # a conversation that nobody has answered by then counts as unanswered
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation: `author` tells people apart, `begins` is true of its first message."""

    post: int
    thread: tuple[str, str]
    author: str
    at: datetime
    begins: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """A message that somebody might have answered. `after` is None when nobody else wrote within ANSWER_WITHIN."""

    post: int
    thread: tuple[str, str]
    author: str
    begins: bool
    after: timedelta | None


def told(people: int) -> bool:
    """Whether a measure over so many people may be told. Of nobody there is nothing to give away."""
    return people == 0 or people >= FEW


def folded(groups: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """People by group, the largest first, and how many are in groups that are not told by themselves.

    Groups of one to four are put together; where that is still too few, the next larger group joins them, for
    otherwise whoever knows the total could work them out. When all together are too few, nothing is left but the rest.
    """
    shown = dict(sorted(((name, count) for name, count in groups.items() if count), key=lambda g: (-g[1], g[0])))
    rest = sum(shown.pop(name) for name in [name for name, count in shown.items() if count < FEW])
    while 0 < rest < FEW and shown:
        rest += shown.popitem()[1]
    return shown, rest


def share(part: int, whole: int) -> float | None:
    """In percent, to one decimal; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def percentile(values: Iterable[timedelta], percent: int) -> timedelta | None:
    """The value that so many percent of them do not exceed (nearest rank); None of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else None


def median(values: Iterable[timedelta]) -> timedelta | None:
    """The one in the middle, or halfway between the two there; None of none."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if not ordered:
        return None
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def busiest(posts: Mapping[int, int]) -> float | None:
    """The share of all posts that the BUSIEST people wrote, in percent; by person, how many posts.

    None when it would tell of too few: of those who wrote at all, or of those who are not among the busiest.
    """
    counts = sorted(posts.values(), reverse=True)
    if not told(len(counts)) or not told(max(0, len(counts) - BUSIEST)):
        return None
    return share(sum(counts[:BUSIEST]), sum(counts))


def answers(messages: Iterable[Said]) -> list[Answered]:
    """Every message, with the time until somebody else wrote in its conversation."""
    threads: dict[tuple[str, str], list[Said]] = {}
    for message in sorted(messages, key=lambda said: (said.at, said.post)):
        threads.setdefault(message.thread, []).append(message)
    return [answered for thread in threads.values() for answered in _answered(thread)]


def _answered(thread: Sequence[Said]) -> list[Answered]:
    """The messages of one conversation, in order of time; seen from its end, where each knows who comes next."""
    found: list[Answered] = []
    following: Said | None = None  # the next message
    other: Said | None = None  # the first one after that which its author did not write
    for said in reversed(thread):
        if following is not None and following.author != said.author:
            other = following
        after = other.at - said.at if other is not None else None
        late = after is not None and after > ANSWER_WITHIN
        found.append(Answered(said.post, said.thread, said.author, said.begins, None if late else after))
        following = said
    return found[::-1]


def monday(at: datetime, zone: ZoneInfo) -> date:
    """The Monday of the week of a time, as calendars in this zone have it."""
    day = at.astimezone(zone).date()
    return day - timedelta(days=day.weekday())


def begin_of(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a day begins in a zone, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def by_week(times: Iterable[datetime], first: date, last: date, zone: ZoneInfo) -> dict[date, int]:
    """How many of these times are in each week from `first` to `last` (Mondays), those without any included."""
    counts = Counter(monday(at, zone) for at in times)
    return {first + WEEK * n: counts[first + WEEK * n] for n in range((last - first).days // 7 + 1)}
