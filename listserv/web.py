"""The web side: one-click unsubscribe and its undo, and /healthz. Nothing acts on GET (RFC 9110 section 9.2.1).

RFC 8058: the POST of a mail provider carries `List-Unsubscribe=One-Click`, no cookie and no login, and is obeyed at
once. People who open the link get a page with a button. `app` of the house runs it under uvicorn.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from listserv import farewell, membership, routing
from listserv.context import Context
from listserv.model import Subscription
from listserv.tokens import read_capability

log = logging.getLogger(__name__)
_subscription = Subscription.__table__  # type: ignore[attr-defined]

MAX_BODY = 8192
_TOKEN_PATH = re.compile(r"(/(?:unsubscribe|feed)/)[^/?]+")
_STYLE = re.compile(r"<style>(.*?)</style>", re.S)
_WORDS = {
    404: (
        "Nothing here",
        "This address leads nowhere, or it is not complete. Please copy it once more from your mail.",
    ),
    405: ("Not like this", "This page cannot be used in that way."),
    400: ("Not understood", "What was sent could not be read. Please use the button on the page."),
    413: ("Too much", "More was sent than belongs here."),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A subscription as the page needs it."""

    id: int
    list_name: str
    left: bool
    undo: bool


def masked(path: str) -> str:
    """A path for the log, without the tokens in it."""
    return _TOKEN_PATH.sub(r"\1***", path)


def app(ctx: Context, health: Callable[[], dict[str, Any]]) -> ASGIApp:
    """The pages of one community; `health` gives what /healthz shows of the process."""

    async def page(request: Request) -> Response:
        standing = await _standing(ctx, request.path_params["token"])
        return _render(
            ctx, "unsubscribe", 200, standing=standing, title=routing.title(ctx.settings, standing.list_name)
        )

    async def act(request: Request) -> Response:
        standing = await _standing(ctx, request.path_params["token"])
        wanted = await _wanted(request)
        number = standing.id

        def work(tx: Connection) -> None:
            if wanted == "undo":
                membership.rejoin(tx, number, ctx.clock(), farewell.UNDO_DAYS)
            else:
                farewell.leave(ctx, tx, number)

        await ctx.db.write(work)
        ctx.wake.outbox.set()
        standing = await _standing(ctx, request.path_params["token"])
        title = routing.title(ctx.settings, standing.list_name)
        return _render(ctx, "unsubscribed", 200, standing=standing, title=title, undone=wanted == "undo")

    async def healthz(_: Request) -> Response:
        try:
            await ctx.db.read(lambda tx: tx.execute(select(1)).scalar())
            database = "ok"
        except SQLAlchemyError:
            database = "cannot be reached"
        found = {"database": database, **health()}
        return JSONResponse(found, 200 if database == "ok" else 503)

    async def failed(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status == 500:
            log.error("a page failed: %s %s: %s", request.method, masked(request.url.path), type(error).__name__)
        title, words = _WORDS.get(status, ("Something failed here", "That is our mistake. Please try again later."))
        return _render(ctx, "message", status, title=title, words=words)

    routes = [
        Route("/unsubscribe/{token}", page, methods=["GET"]),
        Route("/unsubscribe/{token}", act, methods=["POST"]),
        Route("/healthz", healthz, methods=["GET"]),
    ]
    return _Log(_Headers(Starlette(routes=routes, exception_handlers={HTTPException: failed, Exception: failed})))


async def _standing(ctx: Context, token: str) -> Standing:
    number = read_capability(ctx.keys.unsubscribe, token)
    if number is None:
        raise HTTPException(404)
    row = await ctx.db.read(lambda tx: tx.execute(select(_subscription).where(_subscription.c.id == number)).first())
    if row is None:
        raise HTTPException(404)
    undo = row.left_at is not None and ctx.clock() - row.left_at < timedelta(days=farewell.UNDO_DAYS)
    return Standing(row.id, row.list_name, row.left_at is not None, undo)


async def _wanted(request: Request) -> str:
    """`leave` or `undo`, from a form of at most 8 KiB, urlencoded or multipart."""
    if int(request.headers.get("content-length") or 0) > MAX_BODY:
        raise HTTPException(413)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise HTTPException(413)
    request._body = body
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise HTTPException(400)
    try:
        form = await request.form(max_files=2, max_fields=10)
    except (MultiPartException, HTTPException, ValueError, KeyError):
        raise HTTPException(400) from None
    if form.get("List-Unsubscribe") == "One-Click" or form.get("action") == "leave":
        return "leave"
    if form.get("action") == "undo":
        return "undo"
    raise HTTPException(400)


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


class _Log:
    """One line per request, tokens masked."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                log.info("%s %s %s", scope.get("method"), masked(scope.get("path", "")), message["status"])
            await send(message)

        await self._inner(scope, receive, seen if scope["type"] == "http" else send)
