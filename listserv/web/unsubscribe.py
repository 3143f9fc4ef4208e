"""One-click unsubscribe and its undo. Nothing acts on GET (RFC 9110 section 9.2.1).

RFC 8058: the POST of a mail provider carries `List-Unsubscribe=One-Click`, no cookie and no login, and is obeyed at
once. People who open the link get a page with a button.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from listserv import farewell, membership, notices, routing
from listserv.context import Context
from listserv.digest import stopping
from listserv.model import Issue, Notice, Person, Purpose, Status, Subscription, Token
from listserv.tokens import read_capability
from listserv.web.answers import form, render, towards

_subscription = Subscription.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_token = Token.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]
_issue = Issue.__table__  # type: ignore[attr-defined]

_GONE = (Status.LEFT, Status.BANNED)
_UNDO = timedelta(days=farewell.UNDO_DAYS)


@dataclass(frozen=True, slots=True)
class Standing:
    """A subscription as the page needs it."""

    id: int
    person: int
    list_name: str
    left_at: datetime | None
    member: bool  # whether the person belongs to the community
    undo: datetime | None  # until when leaving can be undone; None when it cannot

    @property
    def left(self) -> bool:
        return self.left_at is not None


def routes(ctx: Context) -> list[Route]:
    async def unsubscribe(request: Request) -> Response:
        reader = towards(ctx, request)
        token = request.path_params["token"]
        issue = read_capability(ctx.keys.digest, token)
        if issue is not None:
            return await _digest(ctx, request, issue)
        number = read_capability(ctx.keys.unsubscribe, token)
        if number is None:
            raise HTTPException(404)
        standing = await ctx.db.read(lambda tx: _standing(ctx, tx, number))
        title = routing.title(ctx.settings, standing.list_name)
        if request.method != "POST":
            return render(reader, "unsubscribe", 200, standing=standing, title=title)
        undo = _wanted(await form(request)) == "undo"
        work = _undo if undo else _leave
        standing, changed = await ctx.db.write(lambda tx: work(ctx, tx, number))
        ctx.wake.outbox.set()
        status = 409 if undo and standing.left else 200
        return render(reader, "unsubscribed", status, standing=standing, title=title, wanted_undo=undo, changed=changed)

    return [Route("/unsubscribe/{token}", unsubscribe, methods=["GET", "POST"])]


async def _digest(ctx: Context, request: Request, number: int) -> Response:
    """The link of a digest: it stops the digest and leaves the membership as it is."""
    before = await ctx.db.read(lambda tx: _digest_standing(ctx, tx, number))
    title = routing.title(ctx.settings, before["list_name"])
    if request.method != "POST":
        return render(towards(ctx, request), "digest", 200, title=title, done="", **before)
    undo = _wanted(await form(request)) == "undo"
    work = stopping.undo if undo else stopping.stop
    changed = await ctx.db.write(lambda tx: work(ctx, tx, number))
    ctx.wake.outbox.set()
    after = await ctx.db.read(lambda tx: _digest_standing(ctx, tx, number))
    status = 409 if undo and not changed and not after["running"] else 200
    return render(towards(ctx, request), "digest", status, title=title, done="undo" if undo else "stop", **after)


def _digest_standing(ctx: Context, tx: Connection, number: int) -> dict[str, Any]:
    """Whether the digests of an issue come at present, and whether stopping them can be undone."""
    row = tx.execute(select(_issue).where(_issue.c.id == number)).first()
    if row is None:
        raise HTTPException(410)
    return {
        "list_name": row.list_name,
        "running": stopping.is_running(tx, row),
        "undo": row.stopped_at is not None and row.stopped_at + timedelta(days=stopping.UNDO_DAYS) > ctx.clock(),
    }


def _standing(ctx: Context, tx: Connection, number: int) -> Standing:
    row = tx.execute(
        select(_subscription, _person.c.status)
        .join(_person, _person.c.id == _subscription.c.person_id)
        .where(_subscription.c.id == number)
    ).first()
    if row is None:
        raise HTTPException(410)
    member = row.status not in _GONE
    until = row.left_at + _UNDO if row.left_at and member else None
    undo = until if until and ctx.clock() < until and _own_wish(tx, number, until) else None
    return Standing(row.id, row.person_id, row.list_name, row.left_at, member, undo)


def _own_wish(tx: Connection, number: int, until: datetime) -> bool:
    """Whether the person left by themselves: only then there is a farewell with a token that lives so long."""
    longest = select(func.max(_token.c.expires_at)).where(
        _token.c.subscription_id == number, _token.c.purpose == Purpose.LEFT
    )
    found = tx.execute(longest).scalar()
    return found is not None and found >= until


def _leave(ctx: Context, tx: Connection, number: int) -> tuple[Standing, bool]:
    changed = farewell.leave(ctx, tx, number) is not None
    return _standing(ctx, tx, number), changed


def _undo(ctx: Context, tx: Connection, number: int) -> tuple[Standing, bool]:
    before = _standing(ctx, tx, number)
    changed = bool(before.undo) and membership.rejoin(tx, number, ctx.clock(), farewell.UNDO_DAYS)
    if changed:
        _welcome_back(ctx, tx, before)
    return _standing(ctx, tx, number), changed


def _welcome_back(ctx: Context, tx: Connection, before: Standing) -> None:
    """Who was told by mail that they have left is told that they are back; so this has the same limit per day."""
    farewells = select(_notice.c.id).where(
        _notice.c.kind == "left",
        _notice.c.person_id == before.person,
        _notice.c.list_name == before.list_name,
        _notice.c.created_at >= before.left_at,
    )
    to = membership.recipient(tx, before.person)
    if to is not None and tx.execute(farewells.limit(1)).first() is not None:
        notices.put(ctx, tx, "rejoined", to, "rejoined", list_name=before.list_name)


def _wanted(fields: dict[str, str]) -> str:
    """`leave` or `undo`."""
    if fields.get("List-Unsubscribe") == "One-Click" or fields.get("action") == "leave":
        return "leave"
    if fields.get("action") == "undo":
        return "undo"
    raise HTTPException(400)
