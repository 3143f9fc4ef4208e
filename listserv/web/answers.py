"""How the web side answers: pages, the headers that every answer has, forms that are read within bounds, the log.

Under every page of `web`. Nothing here knows what a page is about.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import traceback

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from listserv.context import Context
from listserv.edge.languages import preferred
from listserv.words import N_

log = logging.getLogger("listserv.web")

MAX_BODY = 8192
SHOWN = 120  # characters of a path in the log
_TOKEN_PATH = re.compile(r"((?:unsubscribe|feed|login)/).+", re.I | re.S)
_TOKEN_LIKE = re.compile(r"[A-Za-z0-9]{20,}")
_STYLE = re.compile(r"<style>(.*?)</style>", re.S)
_WORDS = {
    403: (
        N_("Not from here"),
        N_("This was not sent by a page of ours, or the page was too old. Please open it anew."),
    ),
    404: (
        N_("Nothing here"),
        N_("This address leads nowhere, or it is not complete. Please copy it once more from your mail."),
    ),
    405: (N_("Not like this"), N_("This page cannot be used in that way.")),
    400: (N_("Not understood"), N_("What was sent could not be read. Please use the button on the page.")),
    410: (
        N_("Not in use any more"),
        N_("The subscription that this link was for is gone. Nothing comes to you by it."),
    ),
    413: (N_("Too much"), N_("More was sent than belongs here.")),
}
_FAILED = (N_("Something failed here"), N_("That is our mistake. Please try again later."))


def masked(path: str) -> str:
    """A path for the log: one short line without tokens, even where what stands around a token is mistyped."""
    hidden = _TOKEN_LIKE.sub("***", _TOKEN_PATH.sub(r"\1***", path))
    return hidden.encode("unicode_escape").decode("ascii")[:SHOWN]


def towards(ctx: Context, request: Request) -> Context:
    """The context that speaks to whoever is not logged in: as their browser would like it."""
    return ctx.speaking(preferred(request.headers.get("accept-language", ""), ""))


def failed(ctx: Context, error: Exception) -> Response:
    """The page for whatever went wrong."""
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    title, words = _WORDS.get(status, _FAILED)
    answer = render(ctx, "message", status, title=title, words=words)
    answer.headers.update(headers or {})
    return answer


async def form(request: Request) -> dict[str, str]:
    """The fields of a form of at most 8 KiB, urlencoded or multipart. Raises HTTPException, also for a form that
    stood on the page of another site (mail providers that unsubscribe for somebody send no such header)."""
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise HTTPException(403)
    request._body = await _body(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise HTTPException(400)
    try:
        async with request.form(max_files=2, max_fields=10) as fields:
            return {name: value for name, value in fields.items() if isinstance(value, str)}
    except (MultiPartException, HTTPException, ValueError, KeyError):
        raise HTTPException(400) from None


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


def render(ctx: Context, template: str, status: int, **values: object) -> Response:
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
    "X-Robots-Tag": "noindex, noarchive",
}


class Headers:
    """The headers that every answer has."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _FIXED.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
            await send(message)

        await self._inner(scope, receive, with_headers)


class Caught:
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


class Log:
    """One line per request, tokens masked."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                log.info("%s %s %s", masked(scope["method"]), masked(scope["path"]), message["status"])
            await send(message)

        await self._inner(scope, receive, seen if scope["type"] == "http" else send)
