"""The web side: one-click unsubscribe and its undo, and /healthz. Nothing acts on GET (RFC 9110 section 9.2.1).

RFC 8058: the POST of a mail provider carries `List-Unsubscribe=One-Click`, no cookie and no login, and is obeyed at
once. People who open the link get a page with a button. `app` of the house runs it under uvicorn.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from listserv import farewell, membership, notices, routing
from listserv.context import Context
from listserv.model import Notice, Person, Purpose, Status, Subscription, Token
from listserv.tokens import read_capability

log = logging.getLogger(__name__)
_subscription = Subscription.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_token = Token.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]

MAX_BODY = 8192
HEALTH_WITHIN = 5.0  # seconds for the database to answer /healthz
SHOWN = 120  # characters of a path in the log
_GONE = (Status.LEFT, Status.BANNED)
_UNDO = timedelta(days=farewell.UNDO_DAYS)
_TOKEN_PATH = re.compile(r"((?:unsubscribe|feed)/).+", re.I | re.S)
_TOKEN_LIKE = re.compile(r"[A-Za-z0-9]{16,}")
_STYLE = re.compile(r"<style>(.*?)</style>", re.S)
_WORDS = {
    404: (
        "Nothing here",
        "This address leads nowhere, or it is not complete. Please copy it once more from your mail.",
    ),
    405: ("Not like this", "This page cannot be used in that way."),
    400: ("Not understood", "What was sent could not be read. Please use the button on the page."),
    410: ("Not in use any more", "The subscription that this link was for is gone. Nothing comes to you by it."),
    413: ("Too much", "More was sent than belongs here."),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A subscription as the page needs it."""

    id: int
    person: int
    list_name: str
    left_at: datetime | None
    member: bool  # whether the person belongs to the community
    undo: str  # until when leaving can be undone, in words; empty when it cannot

    @property
    def left(self) -> bool:
        return self.left_at is not None


def masked(path: str) -> str:
    """A path for the log: one short line without tokens, even where what stands around a token is mistyped."""
    hidden = _TOKEN_LIKE.sub("***", _TOKEN_PATH.sub(r"\1***", path))
    return hidden.encode("unicode_escape").decode("ascii")[:SHOWN]


def app(ctx: Context, health: Callable[[], dict[str, Any]]) -> ASGIApp:
    """The pages of one community; `health` gives what /healthz shows of the process."""

    async def unsubscribe(request: Request) -> Response:
        number = read_capability(ctx.keys.unsubscribe, request.path_params["token"])
        if number is None:
            raise HTTPException(404)
        standing = await ctx.db.read(lambda tx: _standing(ctx, tx, number))
        title = routing.title(ctx.settings, standing.list_name)
        if request.method != "POST":
            return _render(ctx, "unsubscribe", 200, standing=standing, title=title)
        undo = await _wanted(request) == "undo"
        work = _undo if undo else _leave
        standing, changed = await ctx.db.write(lambda tx: work(ctx, tx, number))
        ctx.wake.outbox.set()
        status = 409 if undo and standing.left else 200
        return _render(ctx, "unsubscribed", status, standing=standing, title=title, wanted_undo=undo, changed=changed)

    async def healthz(_: Request) -> Response:
        found = {"database": await _database(ctx), **health()}
        if found.get("relay") not in (None, "ok", "not here"):
            found["relay"] = "cannot be reached"  # why is for the log: this page is public
        return JSONResponse(found, 200 if found["database"] == "ok" else 503)

    async def failed(_: Request, error: Exception) -> Response:
        status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
        title, words = _WORDS.get(status, ("Something failed here", "That is our mistake. Please try again later."))
        answer = _render(ctx, "message", status, title=title, words=words)
        answer.headers.update(headers or {})
        return answer

    routes = [
        Route("/unsubscribe/{token}", unsubscribe, methods=["GET", "POST"]),
        Route("/healthz", healthz, methods=["GET"]),
    ]
    pages = Starlette(routes=routes, exception_handlers={HTTPException: failed, Exception: failed})
    pages.router.redirect_slashes = False  # RFC 8058 section 3.1: no redirects; and they would carry the token
    return _Log(_Headers(_Caught(pages)))


async def _database(ctx: Context) -> str:
    try:
        async with asyncio.timeout(HEALTH_WITHIN):
            await ctx.db.read(lambda tx: tx.execute(select(1)).scalar())
    except Exception as error:
        log.warning("/healthz: the database cannot be reached: %s", type(error).__name__)
        return "cannot be reached"
    return "ok"


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
    undo = ""
    if until and ctx.clock() < until and _own_wish(tx, number, until):
        local = until.astimezone(ctx.settings.community.zone)
        undo = f"{local:%A} {local.day} {local:%B}, {local:%H:%M}"
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


async def _wanted(request: Request) -> str:
    """`leave` or `undo`, from a form of at most 8 KiB, urlencoded or multipart."""
    request._body = await _body(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise HTTPException(400)
    try:
        async with request.form(max_files=2, max_fields=10) as form:
            clicked, action = form.get("List-Unsubscribe"), form.get("action")
    except (MultiPartException, HTTPException, ValueError, KeyError):
        raise HTTPException(400) from None
    if clicked == "One-Click" or action == "leave":
        return "leave"
    if action == "undo":
        return "undo"
    raise HTTPException(400)


async def _body(request: Request) -> bytes:
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise HTTPException(400)
    if len(length) > 18 or int(length) > MAX_BODY:
        raise HTTPException(413)
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise HTTPException(413)
    except ClientDisconnect:
        raise HTTPException(400) from None
    return body


def _render(ctx: Context, template: str, status: int, **values: object) -> Response:
    community = ctx.settings.community
    html = ctx.render(f"web/{template}.html", community=community.name, contact=community.contact, **values)
    return HTMLResponse(html, status, headers={"Content-Security-Policy": _policy(html)})


def _policy(html: str) -> str:
    """No script at all; the one style block of the page by its hash."""
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"
        for style in _STYLE.findall(html)
    ]
    allowed = " ".join(hashes) or "'none'"
    return f"default-src 'none'; style-src {allowed}; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"


_FIXED = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, noarchive",
}


class _Headers:
    """The headers that every answer has."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _FIXED.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
            await send(message)

        await self._inner(scope, receive, with_headers)


class _Caught:
    """An answer in any case; and no exception reaches the server, which would log its text: SQL holds addresses."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._inner(scope, receive, noted)
        except Exception as error:
            where, words = masked(scope.get("path", "")), type(error).__name__
            log.error("a page failed: %s: %s at %s", where, words, _frames(error))
            if not begun and scope["type"] == "http":
                sorry = PlainTextResponse("Something failed here. That is our mistake. Please try again later.\n", 500)
                await sorry(scope, receive, send)


def _frames(error: Exception) -> str:
    """Where it happened, on one line, without values."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)


class _Log:
    """One line per request, tokens masked."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                log.info("%s %s %s", masked(scope["method"]), masked(scope["path"]), message["status"])
            await send(message)

        await self._inner(scope, receive, seen if scope["type"] == "http" else send)
