"""stats: the measures of the community, or of one list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from listserv import measures
from listserv.cli.output import AsJson, say, show
from listserv.context import open_context
from listserv.measures import Measure
from listserv.settings import HUB, Settings, load

WIDTH = 80  # columns, also where the terminal has more
VALUE = 20
BAR = 48
WITHHELD = "under 5"

_WORDS = {
    "members": "take part",
    "posted-30d": "wrote in the last 30 days",
    "posted-90d": "wrote in the last 90 days",
    "posts": "posts in the last 90 days",
    "busiest-ten-share": "of these posts are by the ten who write most",
    "conversations": "began",
    "answered-share": "were answered by somebody else",
    "unanswered": "were not answered",
    "first-answer-median": "half of the first answers came within",
    "first-answer-p90": "nine of ten first answers came within",
    "first-posts": "wrote for the first time",
    "first-posts-answered-share": "had somebody write after them, within a week",
    "held-median": "half of the decisions came within",
    "held-p90": "nine of ten decisions came within",
    "members-without-mail": "get no mail, for their address fails",
    "addresses-paused": "have an address that is not written to",
}
_GROUPS: Mapping[str, Mapping[str, str]] = {
    "members-by-status": {},
    "members-by-profession": {},
    "members-by-delivery": {
        "each": "every post",
        "daily": "a letter a day",
        "weekly": "a letter a week",
        "none": "the archive alone",
    },
    "decisions": {
        "approve": "approved",
        "reject": "rejected",
        "discard": "discarded",
        "return": "returned to the author",
        "redact": "redacted",
        "move": "moved to another list",
        "ban": "author banned",
    },
    "digests": {
        "weekly": "weekly letters sent",
        "daily": "daily letters sent",
        "catch-up": "letters after a time away sent",
        "asked": "letters sent that were asked for",
    },
    "bounces": {
        "hard": "came back: no such address",
        "soft": "came back: not now",
        "policy": "came back: our mail is not wanted there",
        "complaint": "came back: called spam",
        "none": "came back: no failure, or not understood",
    },
}
_WITH = {"posted-30d": "posted-30d-share", "posted-90d": "posted-90d-share"}  # told on the same line
_SECTIONS = (
    ("Members today", ("members",)),
    ("  by standing", ("members-by-status",)),
    ("  by profession, of those who take part", ("members-by-profession",)),
    ("  by the most frequent way of reading they chose", ("members-by-delivery",)),
    ("Writing", ("posted-30d", "posted-90d", "posts", "busiest-ten-share")),
    (
        "Conversations begun in the last 90 days, each given a week for an answer",
        ("conversations", "answered-share", "unanswered", "first-answer-median", "first-answer-p90"),
    ),
    ("Newcomers in the last 90 days", ("first-posts", "first-posts-answered-share")),
    ("Held posts and what moderators did in the last 90 days", ("decisions", "held-median", "held-p90")),
    ("Letters and what came back in the last 30 days", ("digests", "bounces")),
    ("Mail today", ("members-without-mail", "addresses-paused")),
)
_IN_SHORT = {
    "members": "members", "posted-90d": "wrote", "posts": "posts", "conversations": "begun",
    "answered-share": "answered", "first-answer-median": "half within",
}  # fmt: skip


def register(app: typer.Typer) -> None:
    app.command()(stats)


def stats(
    context: typer.Context,
    list_: Annotated[str | None, typer.Argument(metavar="[LIST]", help="Of this list alone.")] = None,
    json: AsJson = False,
) -> None:
    """The measures of the community, without names; fewer than five people are never told by themselves."""
    ctx = open_context(load(context.obj))
    try:
        found = measures.measures(ctx, list_)
    finally:
        ctx.db.close()
    if json:
        show([one.row() for one in found], (), as_json=True, empty="")
        return
    console = Console(width=WIDTH, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        for part in _page(ctx.settings, found, list_):
            console.print(part)
    for line in captured.get().splitlines():
        say(line.rstrip())


def _page(settings: Settings, found: Sequence[Measure], list_name: str | None) -> Iterator[Table | Text]:
    mine = [one for one in found if one.list_name == (list_name or HUB)]
    name = f"list {list_name}" if list_name else settings.community.name
    zone = settings.community.zone
    yield Text(name, style="bold")
    yield Text(f"{mine[0].until.astimezone(zone):%d %B %Y, %H:%M} ({zone.key})")
    by_name = {one.name: one for one in mine}
    for heading, names in _SECTIONS:
        rows = [(one, by_name.get(_WITH.get(one.name, ""))) for name in names for one in mine if one.name == name]
        if rows:
            yield Text(f"\n{heading}", style="bold")
            yield _table([(_label(one), _values(one, share)) for one, share in rows])
    yield Text("\nPosts per week, from Monday", style="bold")
    yield _weeks([one for one in mine if one.name == "posts-per-week"])
    if list_name is None:
        yield Text("\nEach list in the last 90 days", style="bold")
        yield _lists(settings, [one for one in found if one.list_name != HUB])
    yield Text()
    yield from map(Text, _notes(found))


def _notes(found: Sequence[Measure]) -> Iterator[str]:
    """What has to be said so that the numbers are read rightly."""
    if any(one.withheld for one in found):
        yield f'"{WITHHELD}" stands where a number would tell of fewer than five people.'
    if any(one.name == "conversations" and one.value is None for one in found):
        yield "Of conversations nothing is known here: `listserv archive build` builds the archive."
    yield "Posts that were taken back and those of an imported archive are not counted."


def _table(rows: Sequence[tuple[str, str]]) -> Table:
    """Labels and their values."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=2)
    table.add_column(width=WIDTH - VALUE - 8)
    table.add_column(width=VALUE, justify="right", no_wrap=True)
    for label, value in rows:
        table.add_row("", Text(label, overflow="ellipsis", no_wrap=True), Text(value))
    return table


def _label(one: Measure) -> str:
    if one.group == measures.OTHERS:
        return "others, in groups too small to be told"
    return _GROUPS[one.name].get(one.group, one.group) if one.name in _GROUPS else _WORDS[one.name]


def _values(one: Measure, share: Measure | None) -> str:
    told = _value(one)
    return told if share is None or share.value is None else f"{told}, {_value(share)}"


def _value(one: Measure, *, unit: bool = True) -> str:
    if one.withheld:
        return WITHHELD
    if one.value is None:
        return "-"
    if one.unit == "percent":
        return f"{one.value:.0f} %"
    if one.unit == "seconds":
        return _duration(one.value)
    return f"{one.value} {one.unit}" if unit and one.unit == "people" else str(one.value)


def _duration(seconds: float) -> str:
    """In the two largest units, as in 2 h 5 min."""
    minutes = round(seconds / 60)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def _weeks(weeks: Sequence[Measure]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=2)
    table.add_column(width=14)
    table.add_column(justify="right")
    table.add_column(no_wrap=True)
    most = max((int(one.value or 0) for one in weeks), default=0)
    for one in weeks:
        value = int(one.value or 0)
        running = ", so far" if one is weeks[-1] else ""
        bar = "█" * max(round(BAR * value / most), 1) if value else ""
        table.add_row("", Text(f"{date.fromisoformat(one.group):%d %b}{running}"), Text(str(value)), Text(bar))
    return table


def _lists(settings: Settings, found: Sequence[Measure]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=3)
    table.add_column(width=24)
    for _ in _IN_SHORT:
        table.add_column(justify="right", no_wrap=True)
    table.add_row("", *(Text(word) for word in ("list", *_IN_SHORT.values())), style="dim")
    for list_name in settings.lists:
        mine = {one.name: one for one in found if one.list_name == list_name}
        table.add_row("", Text(list_name), *(Text(_value(mine[name], unit=False)) for name in _IN_SHORT))
    return table
