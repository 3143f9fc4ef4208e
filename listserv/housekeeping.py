"""What is done from time to time: questions that nobody answered, old envelopes, the daily word to the operator.

Each job reads the rows and writes their next state, so two schedulers or a missed night do no harm. `app` holds the
clock (APScheduler); this is only what is done.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, select

from listserv import archiver, arrivals, bounces, emergency, incidents, life, moderate, notices, topics
from listserv.context import Context
from listserv.digest import asking, editing, issuing
from listserv.errors import UserError
from listserv.model import Delivery, DeliveryState
from listserv.privacy import retention

_delivery = Delivery.__table__  # type: ignore[attr-defined]

log = logging.getLogger(__name__)

LOW_DISK = 200_000_000  # octets


async def expire(ctx: Context) -> None:
    """Questions to authors that have waited for 48 hours."""
    if await ctx.db.write(lambda tx: topics.expire(ctx, tx) + arrivals.expire(ctx, tx)):
        ctx.wake.outbox.set()


async def moderation(ctx: Context) -> None:
    """Posts that are with their authors for too long, and those that nobody has decided on."""
    if await ctx.db.write(lambda tx: moderate.overdue(ctx, tx) + moderate.remind(ctx, tx)):
        ctx.wake.work.set()
        ctx.wake.outbox.set()


async def purge(ctx: Context) -> None:
    """What was kept long enough, by the settings under `retention`."""
    await retention.run(ctx)


async def report_failures(ctx: Context) -> None:
    """One mail a day to the contact about copies that could not be delivered at all (RFC 5321 section 6.1)."""

    def work(tx: Connection) -> None:
        failed = (_delivery.c.state == DeliveryState.FAILED, _delivery.c.finished_at > ctx.clock() - timedelta(days=1))
        count = tx.execute(select(func.count()).where(*failed)).scalar() or 0
        if not count:
            return
        rows = tx.execute(
            select(_delivery.c.recipient, func.count().label("copies"), func.max(_delivery.c.last_reply).label("reply"))
            .where(*failed)
            .group_by(_delivery.c.recipient)
            .order_by(_delivery.c.recipient)
            .limit(50)
        )
        found = [(row.recipient, row.copies, row.reply) for row in rows]
        notices.put(ctx, tx, "failures", ctx.settings.community.contact, "failures", count=count, found=found)

    await ctx.db.write(work)
    ctx.wake.outbox.set()


async def watch_disk(ctx: Context) -> None:
    """A word to the operator while there is still room to say it."""
    path = ctx.settings.sqlite_path
    if path is None:
        return
    free = shutil.disk_usage(path.parent).free
    if free < LOW_DISK:
        megabytes = free // 1_000_000
        await ctx.db.write(
            lambda tx: notices.put(
                ctx, tx, "disk", ctx.settings.community.contact, "disk", megabytes=megabytes, folder=str(path.parent)
            )
        )
        ctx.wake.outbox.set()


async def refresh_archive(ctx: Context) -> None:
    """Members who have another name or profession now are shown so; what a night has missed is made up."""
    await asyncio.to_thread(archiver.build, ctx)


async def digests(ctx: Context) -> None:
    """Letters that are due, previews for facilitators, letters that somebody asked for."""

    def work() -> None:
        try:
            editing.previews(ctx)
            issuing.run(ctx)
            asking.run(ctx)
        except UserError as error:
            log.error("digests wait: %s", error)

    await asyncio.to_thread(work)


async def members(ctx: Context) -> None:
    """Pauses that end, applications that wait, terms that are new, registrations that end."""
    for step in (
        bounces.look_at_refusals,
        bounces.probe,
        life.resume_due,
        life.remind,
        life.close_old,
        life.campaign,
        life.renewals,
    ):
        try:
            if await ctx.db.write(partial(step, ctx)):
                ctx.wake.outbox.set()
        except UserError as error:
            log.error("a job about members waits: %s", error)


async def watch_moderation(ctx: Context) -> None:
    """Emergency moderation that has ended by itself, incidents that are to be assessed."""
    if await ctx.db.write(lambda tx: emergency.expire(ctx, tx) + incidents.remind(ctx, tx)):
        ctx.wake.outbox.set()


@dataclass(frozen=True, slots=True)
class Job:
    """A line of the table: what, and when (APScheduler's trigger and its arguments)."""

    name: str
    run: Callable[[Context], Awaitable[None]]
    trigger: str
    when: dict[str, Any] = field(default_factory=dict)


JOBS = (
    Job("expire", expire, "interval", {"minutes": 10}),
    Job("moderation", moderation, "interval", {"minutes": 5}),
    Job("purge", purge, "cron", {"hour": 3, "minute": 20}),
    Job("report-failures", report_failures, "cron", {"hour": 7, "minute": 30}),
    Job("refresh-archive", refresh_archive, "cron", {"hour": 4, "minute": 10}),
    Job("members", members, "interval", {"minutes": 10}),
    Job("digests", digests, "cron", {"second": 2}),
    Job("watch-moderation", watch_moderation, "interval", {"minutes": 1}),
    Job("watch-disk", watch_disk, "interval", {"minutes": 5}),
)
