"""Whom a held post is told to, and when: the rota, quiet hours, lists instead of single mails.

`announcing` asks for the first round; what follows from the clock is in `reminding`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from listserv import membership
from listserv.context import Context
from listserv.mail.address import canonical
from listserv.membership import Recipient
from listserv.model import Person
from listserv.policy import rota

_person = Person.__table__  # type: ignore[attr-defined]

URGENT = timedelta(minutes=30)  # so long whoever is on call is alone with an urgent post


def first_called(ctx: Context, tx: Connection, post: Any) -> tuple[list[Recipient], datetime | None]:
    """Who is told at once, and when everybody else is; None when that is everybody."""
    everybody = [
        one for one in membership.deciders(tx, post.list_name) if one.person != post.person_id or post.imported
    ]
    settings = ctx.settings.moderation.rota
    if settings is None:
        return everybody, None
    now = ctx.clock()
    turn = rota.on_call(settings.start, settings.every, settings.people, now, ctx.settings.community.zone)
    person = membership.person_of(tx, canonical(turn)) if turn else None
    called = [one for one in everybody if one.person == person]
    if not called or len(called) == len(everybody):
        return everybody, None
    return called, now + (URGENT if post.urgent else settings.everybody_after)


def zone_of(ctx: Context, tx: Connection, person: int) -> ZoneInfo:
    """The time zone that a person lives in, the community's unless they have said so."""
    name = tx.execute(select(_person.c.timezone).where(_person.c.id == person)).scalar()
    try:
        return ZoneInfo(name) if name else ctx.settings.community.zone
    except (ValueError, OSError):
        return ctx.settings.community.zone


def not_before(ctx: Context, tx: Connection, person: int, *, urgent: bool = False) -> datetime | None:
    """The end of a person's quiet hours, when it is quiet for them now."""
    quiet = ctx.settings.moderation.quiet
    if quiet is None or urgent:
        return None
    return rota.quiet_until(quiet.begin, quiet.end, ctx.clock(), zone_of(ctx, tx, person))


def lists_posts(ctx: Context, post: Any) -> bool:
    """Whether moderators hear of this post by a list of what waits, rather than by a mail of its own."""
    return ctx.settings.moderation.notices != "each" and not post.urgent


def first_reminder(ctx: Context) -> datetime | None:
    """When a post that is held now stands in a list, or is reminded of, for the first time."""
    settings, now = ctx.settings.moderation, ctx.clock()
    if settings.notices != "each":
        return rota.next_listing(settings.notices, now, ctx.settings.community.zone)
    return rota.next_reminder(now, settings.remind, now)
