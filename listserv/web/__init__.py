"""The web side: login, the archive, search, a member's own page, one-click unsubscribe, /healthz.

Nothing acts on GET (RFC 9110 section 9.2.1). Every request of a reader is asked anew who they are and what they may
see. `app` of the house runs it under uvicorn; nginx may stand in front of it and serve the files itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from listserv.context import Context
from listserv.web import answers, finding, held, joining, login, mine, reading, terms, unsubscribe
from listserv.web.answers import log, masked

__all__ = ["app", "masked"]
HEALTH_WITHIN = 5.0  # seconds for the database to answer /healthz


def app(ctx: Context, health: Callable[[], dict[str, Any]]) -> ASGIApp:
    """The pages of one community; `health` gives what /healthz shows of the process."""

    async def healthz(_: Request) -> Response:
        found = {"database": await _database(ctx), **health()}
        if found.get("relay") not in (None, "ok", "not here"):
            found["relay"] = "cannot be reached"  # why is for the log: this page is public
        return JSONResponse(found, 200 if found["database"] == "ok" else 503)

    async def security(_: Request) -> Response:
        """RFC 9116: whom to tell about a hole."""
        community = ctx.settings.community
        until = (ctx.clock() + timedelta(days=180)).strftime("%Y-%m-%dT00:00:00Z")
        url = f"{community.url}/.well-known/security.txt"
        return PlainTextResponse(f"Contact: mailto:{community.contact}\nExpires: {until}\nCanonical: {url}\n")

    async def icon(_: Request) -> Response:
        """Browsers ask for it on their own; there is none."""
        return Response(status_code=204, headers={"Cache-Control": "max-age=604800"})

    async def failed(request: Request, error: Exception) -> Response:
        return answers.failed(answers.towards(ctx, request), error)

    routes = [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/.well-known/security.txt", security, methods=["GET"]),
        Route("/favicon.ico", icon, methods=["GET"]),
    ]
    for module in (unsubscribe, login, terms, joining, mine, held, finding, reading):
        routes += module.routes(ctx)
    pages = Starlette(routes=routes, exception_handlers={HTTPException: failed, Exception: failed})
    pages.router.redirect_slashes = False  # RFC 8058 section 3.1: no redirects; and they would carry the token
    return answers.Log(answers.Headers(answers.Caught(pages)))


async def _database(ctx: Context) -> str:
    try:
        async with asyncio.timeout(HEALTH_WITHIN):
            await ctx.db.read(lambda tx: tx.execute(select(1)).scalar())
    except Exception as error:
        log.warning("/healthz: the database cannot be reached: %s", type(error).__name__)
        return "cannot be reached"
    return "ok"
