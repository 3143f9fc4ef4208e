"""The measures themselves: for the whole community or one list, what is told, in which unit, of which time.

Each is a `Measure`, and what is over fewer than five people is withheld. The one exception is how many posts there
were and how many conversations began: every member sees as much on the pages of the archive.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from listserv.context import Context
from listserv.errors import UserError
from listserv.measures import reading
from listserv.measures.reading import Counted, Sent
from listserv.membership import READING
from listserv.policy import measuring
from listserv.policy.measuring import ANSWER_WITHIN, WEEK, Answered
from listserv.settings import HUB, Settings

MONTH, QUARTER = timedelta(days=30), timedelta(days=90)
WEEKS = 13  # this one, which is not over, and the twelve before it
OTHERS = "others"  # groups of fewer than five people, put together
Value = int | float | None


@dataclass(frozen=True, slots=True)
class Measure:
    """One number. `unit` says what it counts; durations are in seconds, shares in percent. `group` tells the parts of a
    measure apart. A value of None is one that there is not, or, where `withheld`, one over too few people."""

    list_name: str
    name: str
    group: str
    value: Value
    unit: str
    since: datetime | None
    until: datetime
    withheld: bool = False

    def row(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "list": self.list_name,
            "measure": self.name,
            "group": self.group,
            "value": self.value,
            "unit": self.unit,
            "withheld": self.withheld,
            "since": _iso(self.since) if self.since else None,
            "until": _iso(self.until),
        }


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _seconds(time: timedelta | None) -> int | None:
    return None if time is None else round(time.total_seconds())


@dataclass(frozen=True, slots=True)
class _Of:
    """Of which list and time the measures are that are made."""

    list_name: str
    now: datetime

    def make(
        self, name: str, value: Value, unit: str, people: int, *, group: str = "", back: timedelta | None = None
    ) -> Measure:
        """A measure over so many people, up to now: from `back` on, or without it as things stand today."""
        since = self.now - back if back else None
        withheld = not measuring.told(people)
        return Measure(self.list_name, name, group, None if withheld else value, unit, since, self.now, withheld)

    def groups(self, name: str, groups: Mapping[str, int]) -> list[Measure]:
        """People by group, small ones put together."""
        shown, rest = measuring.folded(groups)
        found = [self.make(name, count, "people", count, group=group) for group, count in shown.items()]
        return [*found, self.make(name, rest, "people", rest, group=OTHERS)] if rest else found

    def counted(self, name: str, unit: str, groups: Mapping[str, Counted], back: timedelta) -> list[Measure]:
        """Things by kind, each withheld by itself: no total is told from which the rest could be known."""
        return [
            self.make(name, one.things, unit, one.people, group=group, back=back)
            for group, one in sorted(groups.items())
        ]


def measures(ctx: Context, list_name: str | None = None) -> list[Measure]:
    """All measures of the community and the main ones of each list; or all of one list. UserError: no such list."""
    if list_name is not None and list_name not in ctx.settings.lists:
        raise UserError(f"stats: there is no list {list_name}; there are {', '.join(ctx.settings.lists)}")
    zone, now = ctx.settings.community.zone, ctx.clock()
    first = measuring.monday(now, zone) - WEEK * (WEEKS - 1)
    since = min(now - QUARTER, measuring.begin_of(first, zone) - timedelta(microseconds=1))
    of = _Of(list_name or HUB, now)
    with ctx.db.reading() as tx:
        posts = reading.sent(tx, list_name, since, now)
        said = reading.said(ctx.settings.archive.directory, posts, since)
        answered = None if said is None else measuring.answers(said)
        recent = _since(posts, now - QUARTER)
        found = _members(ctx.settings, tx, of, list_name)
        people = next(one for one in found if one.name == "members").value
        found += _posting(of, recent, people)
        found += _weeks(ctx, of, posts)
        began = _began(posts, now)
        found += _conversations(of, answered, began)
        found += _newcomers(of, recent, answered, reading.wrote_before(tx, list_name, now - QUARTER))
        found += _moderation(tx, of, list_name)
        found += _mail(tx, of, list_name)
        if list_name is None:
            subscribed = reading.subscribers(tx)
            for name in ctx.settings.lists:
                found += _list(_Of(name, now), recent, answered, began, subscribed.get(name, 0))
    return found


def _since(posts: Iterable[Sent], since: datetime) -> list[Sent]:
    return [post for post in posts if post.at > since]


def _writers(posts: Iterable[Sent]) -> int:
    return len(reading.posts_by(list(posts)))


def _members(settings: Settings, tx: Connection, of: _Of, list_name: str | None) -> list[Measure]:
    status = reading.by_status(tx, list_name)
    taking_part = sum(status.get(word, 0) for word in READING)
    professions: dict[str, int] = {}
    for words, count in reading.by_profession(tx, list_name).items():
        known = settings.profession(words)
        title = known.title if known else words.strip() or "not said"
        name = next((name for name in professions if name.casefold() == title.casefold()), title)
        professions[name] = professions.get(name, 0) + count
    return [
        of.make("members", taking_part, "people", taking_part),
        *of.groups("members-by-status", status),
        *of.groups("members-by-profession", professions),
        *of.groups("members-by-delivery", reading.by_delivery(tx, list_name)),
    ]


def _posting(of: _Of, recent: Sequence[Sent], members: Value) -> list[Measure]:
    found = []
    for name, back in (("30", MONTH), ("90", QUARTER)):
        within = [post for post in _since(recent, of.now - back) if post.member]
        count = _writers(within)
        found.append(of.make(f"posted-{name}d", count, "people", count, back=back))
        share = measuring.share(count, int(members)) if members else None
        found.append(of.make(f"posted-{name}d-share", share, "percent", count, back=back))
    posts_by = reading.posts_by(recent)
    top = measuring.busiest(posts_by)
    told = Measure(
        of.list_name, "busiest-ten-share", "", top, "percent", of.now - QUARTER, of.now,
        withheld=bool(posts_by) and top is None,
    )  # fmt: skip
    return [*found, _posts(of, recent), told]


def _posts(of: _Of, recent: Sequence[Sent]) -> Measure:
    """A message to several lists is one."""
    return of.make("posts", len({post.origin for post in recent}), "posts", 0, back=QUARTER)


def _weeks(ctx: Context, of: _Of, posts: Sequence[Sent]) -> list[Measure]:
    zone = ctx.settings.community.zone
    last = measuring.monday(of.now, zone)
    first_sent = {post.origin: post.at for post in sorted(posts, key=lambda post: post.at, reverse=True)}
    weeks = measuring.by_week(first_sent.values(), last - WEEK * (WEEKS - 1), last, zone)
    return [
        Measure(
            of.list_name, "posts-per-week", day.isoformat(), count, "posts", measuring.begin_of(day, zone),
            min(of.now, measuring.begin_of(day + WEEK, zone)),
        )
        for day, count in weeks.items()
    ]  # fmt: skip


# --- conversations -----------------------------------------------------------------------------------------------


def _began(posts: Iterable[Sent], now: datetime) -> set[int]:
    """The posts of the quarter before the last week: each had a week to be answered in."""
    return {post.id for post in posts if now - QUARTER < post.at <= now - ANSWER_WITHIN}


def _conversations(of: _Of, said: Sequence[Answered] | None, within: Collection[int]) -> list[Measure]:
    """Of the conversations that these posts began. Without an archive all of them are unknown."""
    begun = [one for one in said or () if one.begins and one.post in within]
    answered = [one.after for one in begun if one.after is not None]
    people = len({one.author for one in begun})
    count = None if said is None else len(begun)
    middle, slow = measuring.median(answered), measuring.percentile(answered, 90)

    def make(name: str, value: Value, unit: str, over: int = people) -> Measure:
        return Measure(
            of.list_name, name, "", value if measuring.told(over) else None, unit, of.now - QUARTER,
            of.now - ANSWER_WITHIN, withheld=not measuring.told(over),
        )  # fmt: skip

    asking = len({one.author for one in begun if one.after is not None})
    return [
        make("conversations", count, "conversations", over=0),
        make("answered-share", measuring.share(len(answered), count) if count else None, "percent"),
        make("unanswered", None if count is None else count - len(answered), "conversations"),
        make("first-answer-median", _seconds(middle), "seconds", asking),
        make("first-answer-p90", _seconds(slow), "seconds", asking),
    ]


def _newcomers(of: _Of, recent: Sequence[Sent], said: Sequence[Answered] | None, before: set[int]) -> list[Measure]:
    """Who wrote for the first time, and whether anybody said something after it, in that conversation within a week."""
    first: dict[int, Sent] = {}
    for post in recent:
        if post.person is not None and post.person not in before:
            first.setdefault(post.person, post)
    ripe = {post.id for post in first.values() if post.at <= of.now - ANSWER_WITHIN}
    looked_at = [one for one in said or () if one.post in ripe]
    answered = sum(one.after is not None for one in looked_at)
    share = measuring.share(answered, len(looked_at))
    return [
        of.make("first-posts", len(first), "people", len(first), back=QUARTER),
        of.make("first-posts-answered-share", share, "percent", len(looked_at), back=QUARTER),
    ]


# --- moderators, mail, lists -------------------------------------------------------------------------------------


def _moderation(tx: Connection, of: _Of, list_name: str | None) -> list[Measure]:
    done = reading.decisions(tx, list_name, of.now - QUARTER, of.now)
    found: dict[str, Counted] = {}
    for verb in {one.verb for one in done}:
        same = [one for one in done if one.verb == verb]
        found[verb] = Counted(len(same), len({one.person for one in same if one.person is not None}))
    waited = [one.after for one in done if one.verb in reading.ENDING]
    people = len({one.person for one in done if one.verb in reading.ENDING and one.person is not None})
    middle, slow = measuring.median(waited), measuring.percentile(waited, 90)
    return [
        *of.counted("decisions", "posts", found, QUARTER),
        of.make("held-median", _seconds(middle), "seconds", people, back=QUARTER),
        of.make("held-p90", _seconds(slow), "seconds", people, back=QUARTER),
    ]


def _mail(tx: Connection, of: _Of, list_name: str | None) -> list[Measure]:
    lost, paused = reading.resting(tx, list_name)
    return [
        *of.counted("digests", "letters", reading.letters(tx, list_name, of.now - MONTH, of.now), MONTH),
        *of.counted("bounces", "mails", reading.bounced(tx, list_name, of.now - MONTH, of.now), MONTH),
        of.make("members-without-mail", lost, "people", lost),
        of.make("addresses-paused", paused, "people", paused),
    ]


def _list(
    of: _Of, recent: Sequence[Sent], said: Sequence[Answered] | None, within: Collection[int], subscribed: int
) -> list[Measure]:
    """The main measures of one list beside others."""
    posts = [post for post in recent if post.list_name == of.list_name]
    here = None if said is None else [one for one in said if one.thread[0] == of.list_name]
    people = _writers([post for post in posts if post.member])
    return [
        of.make("members", subscribed, "people", subscribed),
        of.make("posted-90d", people, "people", people, back=QUARTER),
        _posts(of, posts),
        *(one for one in _conversations(of, here, within) if one.name in IN_SHORT),
    ]


IN_SHORT = ("conversations", "answered-share", "first-answer-median")
