"""The worker role: whatever acceptance left to be done on rows.

Held posts get their notices, accepted posts their delivery rows. Each step is one transaction that reads a state and
writes the next, so it may be killed anywhere and run twice without harm. What a step fails on is quarantined.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from listserv import arrivals, copies, distribute, handling, incidents, moderate, quarantine, screen, topics
from listserv.context import Context
from listserv.digest import answering
from listserv.mail.incoming import read
from listserv.model import DeliveryKind, Post, PostState
from listserv.policy.screening.screened import NOTHING_FOUND
from listserv.stages import stage

log = logging.getLogger(__name__)
_post = Post.__table__  # type: ignore[attr-defined]

POLL = 1.0  # seconds; how soon the work of another process is found


async def run(ctx: Context, cache: copies.Cache, stopping: asyncio.Event) -> None:
    """Works until `stopping` is set."""
    while not stopping.is_set():
        ctx.wake.work.clear()
        try:
            busy = await once(ctx, cache)
        except OperationalError as error:
            log.error("the database does not answer the worker, trying again: %s", type(error.orig).__name__)
            busy = False
        if not busy:
            await _bell(ctx.wake.work, stopping)


async def _bell(bell: asyncio.Event, stopping: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(bell.wait()), asyncio.ensure_future(stopping.wait())]
    await asyncio.wait(waits, timeout=POLL, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _untold(tx: Connection) -> list[Any]:
    states = (PostState.HELD, PostState.RETURNED, PostState.CONFIRMING)
    query = select(_post).where(_post.c.state.in_(states), _post.c.notified.is_(False))
    return list(tx.execute(query.order_by(_post.c.id).limit(50)))


async def once(ctx: Context, cache: copies.Cache) -> bool:
    """One round; whether there was anything to do."""
    waiting = await ctx.db.read(arrivals.waiting)
    for row in waiting:
        await _sift(ctx, row)
    untold = await ctx.db.read(_untold)
    for post in untold:
        await _step(ctx, post, "notices", lambda tx, p: _tell(ctx, tx, p))
    due = await ctx.db.read(lambda tx: distribute.due(tx, ctx.clock()))
    due.sort(key=lambda post: (post.release_at, ctx.settings.list_order(post.list_name)))
    for post in due:
        prepared = await _prepare(ctx, post)
        if prepared is None:
            continue
        cache.put((DeliveryKind.POST, post.id), prepared)
        copies_made = await _step(ctx, post, "distribute", partial(_release, ctx, prepared))
        ctx.wake.archive.set()
        log.info("post %d to %s: %s copies", post.id, post.list_name, copies_made)
    told = await _recalls(ctx)
    if waiting or untold or due or told:
        ctx.wake.outbox.set()
    return bool(waiting or untold or due or told)


async def _recalls(ctx: Context) -> int:
    """Some of those who got a post that was taken back are asked to delete it; how many."""
    told = 0
    for number in await ctx.db.read(incidents.untold):
        try:
            told += await ctx.db.write(partial(_announce, ctx, number))
        except OperationalError:
            raise
        except Exception as error:
            log.error("those who got the post of incident %d cannot be told: %s", number, type(error).__name__)
    return told


def _announce(ctx: Context, number: int, tx: Connection) -> int:
    return incidents.announce(ctx, tx, number)


def _release(ctx: Context, prepared: copies.Prepared, tx: Connection, post: Any) -> int:
    return distribute.release(ctx, tx, post, prepared.sent_as, prepared.refs)


async def _sift(ctx: Context, row: Any) -> None:
    """An unproven message is looked at: whose it may be, and what becomes of it."""
    try:
        with stage("sift", row.id):
            incoming = await asyncio.to_thread(lambda: read(arrivals.message_of(ctx, row), row.envelope_sender))
            member = await ctx.db.read(lambda tx: arrivals.member(tx, incoming))
            screened = NOTHING_FOUND
            if member is not None:  # strangers are dropped
                routes = handling.routes_of(ctx, row)
                screened = await screen.look(ctx, incoming, routes)
                incoming = await screen.with_people(ctx, incoming, routes)
            await ctx.db.write(lambda tx: handling.sift(ctx, tx, row, incoming, screened))
    except OperationalError:
        raise
    except Exception as error:
        words = quarantine.describe(error)
        log.error("arrival %d cannot be looked at and is quarantined: %s", row.id, type(error).__name__)
        await ctx.db.write(lambda tx: quarantine.set_arrival_aside(ctx, tx, row, words))


def _tell(ctx: Context, tx: Connection, post: Any) -> None:
    current = tx.execute(select(_post).where(_post.c.id == post.id)).one()
    if current.notified or current.state != post.state:
        return
    if current.state == PostState.HELD:
        moderate.announce(ctx, tx, current)
    elif current.state == PostState.RETURNED:
        moderate.ask_author(ctx, tx, current)
    elif "issue" in current.rules:
        answering.ask(ctx, tx, current)
    else:
        topics.ask(ctx, tx, current)
    topics.mark_told(tx, post.id)


async def _prepare(ctx: Context, post: Any) -> copies.Prepared | None:
    """Composes the post before its rows exist: what cannot be composed never reaches the outbox."""
    try:
        return await ctx.db.read(lambda tx: copies.prepare(ctx, tx, DeliveryKind.POST, post.id))
    except OperationalError:
        raise
    except Exception as error:
        await _set_aside(ctx, post, "compose", error)
        return None


async def _step(ctx: Context, post: Any, name: str, work: Callable[[Connection, Any], Any]) -> Any:
    try:
        with stage(name, post.id):
            return await ctx.db.write(lambda tx: work(tx, post))
    except OperationalError:
        raise
    except Exception as error:
        await _set_aside(ctx, post, name, error)
        return None


async def _set_aside(ctx: Context, post: Any, name: str, error: Exception) -> None:
    words = quarantine.describe(error)
    log.error("post %d cannot get through %s and is quarantined: %s", post.id, name, type(error).__name__)
    await ctx.db.write(lambda tx: quarantine.set_post_aside(tx, post, name, words, ctx.clock()))
