"""Emergency moderation: for a time every post to a list, or to all of them, waits for a moderator.

The rule (`policy.rules`) reads the row; here it is written, ended and told. It ends by itself, exactly at its time,
because the rule looks at the clock; that it ended is told by the calendar. Digests of such a list wait as well
(`digest.schedule`): nobody wants a letter of what is being calmed down just now.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from listserv import audit, notices, routing
from listserv.context import Context
from listserv.mail.text import one_line
from listserv.membership import Recipient, moderators
from listserv.model import Emergency
from listserv.recall import REASON_SHOWN, By, spoken
from listserv.routing import Kind
from listserv.settings import HUB
from listserv.words import N_

_emergency = Emergency.__table__  # type: ignore[attr-defined]

LIFE = timedelta(hours=24)
LONGEST = timedelta(days=30)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_SPAN = r"(\d{1,4})\s*(m(?:in(?:ute)?s?)?|h(?:ours?)?|d(?:ays?)?|w(?:eeks?)?)"
_FIRST = re.compile(rf"^(?:for\s+)?{_SPAN}(?:[\s,:;.]+|$)", re.I)
_LAST = re.compile(rf"[\s,;]+for\s+{_SPAN}\s*\.?$", re.I)


def read_span(words: str) -> timedelta | None:
    """`24h`, `for 3 days`, `90 minutes`; None for what is none, or lasts longer than 30 days."""
    match = _FIRST.fullmatch(words.strip())
    return _span(match) if match else None


def _span(match: re.Match[str]) -> timedelta | None:
    found = int(match[1]) * _UNITS[match[2][0].lower()]
    return found if timedelta(0) < found <= LONGEST else None


def read_wish(words: str) -> tuple[timedelta | None, str]:
    """For how long (None: longer than can be), and why: `for 3 days: a row about a study`, `a row for 3 days`."""
    for pattern in (_FIRST, _LAST):
        match = pattern.search(words.strip())
        if match:
            return _span(match), (words.strip()[: match.start()] + words.strip()[match.end() :]).strip()
    return LIFE, words.strip()


def active(tx: Connection, at: datetime) -> frozenset[str]:
    """The lists in emergency moderation at a time; the hub's name stands for all."""
    query = select(_emergency.c.list_name).where(_emergency.c.until > at)
    return frozenset(tx.execute(query).scalars())


def letters_wait(frozen: frozenset[str], lists: Collection[str]) -> bool:
    """Whether a letter over these lists waits while those of `frozen` (see `active`) are in emergency moderation."""
    return HUB in frozen or not frozen.isdisjoint(lists)


def begin(ctx: Context, tx: Connection, list_name: str, by: By, reason: str, life: timedelta = LIFE) -> str:
    """From now on every post of the list waits; of a list for which that is so already, until when is set anew. What
    the answer says."""
    now = ctx.clock()
    reason = spoken(ctx, tx, reason)[:REASON_SHOWN]
    values = {"until": now + life, "reason": reason}
    mine = _emergency.c.list_name == list_name
    row = tx.execute(select(_emergency).where(mine).with_for_update()).first()
    fresh = row is None or row.until <= now
    if fresh:
        values |= {"begun_at": now, "begun_by": by.name}
    if row is None:
        tx.execute(insert(_emergency).values(list_name=list_name, **values))
    else:
        tx.execute(update(_emergency).where(mine).values(values))
    minutes = int(life.total_seconds() // 60)
    audit.note(tx, now, "emergency-on", by, list_name=list_name, details={"minutes": minutes})
    until = (now + life).astimezone(ctx.settings.community.zone)
    _tell(
        ctx,
        tx,
        list_name,
        "emergency-on",
        by=by.name,
        until=until,
        reason=spoken(ctx, tx, reason)[:REASON_SHOWN],
        fresh=fresh,
    )
    return N_(
        "Every post to %(scope)s waits for a moderator now, until %(until)s. Its digests wait too.",
        scope=_scope(ctx, list_name),
        until=until,
    )


def end(ctx: Context, tx: Connection, list_name: str, by: By) -> str | None:
    """Posts go as usual again; what the answer says. None when there was nothing to end."""
    now = ctx.clock()
    running = (_emergency.c.list_name == list_name, _emergency.c.until > now)
    if tx.execute(delete(_emergency).where(*running)).rowcount != 1:
        return None
    audit.note(tx, now, "emergency-off", by, list_name=list_name)
    _tell(ctx, tx, list_name, "emergency-off", by=by.name)
    return N_(
        "Posts to %(scope)s go as usual again. What is held still waits for a decision.", scope=_scope(ctx, list_name)
    )


def expire(ctx: Context, tx: Connection) -> int:
    """Tells of what has ended by itself, each once; how many did."""
    now = ctx.clock()
    ended = list(tx.execute(select(_emergency).where(_emergency.c.until <= now).order_by(_emergency.c.id)))
    count = 0
    for row in ended:
        if tx.execute(delete(_emergency).where(_emergency.c.id == row.id, _emergency.c.until <= now)).rowcount == 1:
            audit.note(tx, now, "emergency-off", audit.CLOCK, list_name=row.list_name)
            _tell(ctx, tx, row.list_name, "emergency-off", by="")
            count += 1
    return count


def listed(tx: Connection, now: datetime) -> list[dict[str, Any]]:
    """What is in force now."""
    query = select(_emergency).where(_emergency.c.until > now).order_by(_emergency.c.list_name)
    return [
        {"list": row.list_name, "since": row.begun_at, "until": row.until, "by": row.begun_by, "reason": row.reason}
        for row in tx.execute(query)
    ]


def _scope(ctx: Context, list_name: str) -> str:
    return N_("every list") if list_name == HUB else routing.title(ctx.settings, list_name)


def _tell(ctx: Context, tx: Connection, list_name: str, template: str, **values: Any) -> None:
    """All moderators: of the list, or of every list."""
    names = [HUB, *ctx.settings.lists] if list_name == HUB else [list_name]
    people: dict[int, Recipient] = {one.person: one for name in names for one in moderators(tx, name)}
    for to in people.values():
        notices.put(
            ctx, tx, "emergency", to, template, list_name=list_name,
            reply_to=routing.address(ctx.settings, list_name, Kind.REQUEST), everywhere=list_name == HUB,
            scope=one_line(_scope(ctx, list_name), 120), **values,
        )  # fmt: skip
