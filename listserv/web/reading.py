"""The files of the archive, behind the question who asks; permalinks, mbox files, and what nginx asks us.

A page goes to members of its list alone. Who is not logged in is led to the login form for a page and hears 401 for
anything else; for whoever may not see a list there is nothing (404). What is served is told by its path: only kinds of
files that the archive makes, under types that no browser runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from listserv.archiver import index, mboxes
from listserv.archiver.pages import path_of, thread_file
from listserv.context import Context
from listserv.errors import UserError
from listserv.mail.served import TYPES
from listserv.web.login import to_login, visit

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)
ATTACHED_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
_LIST = r"(?P<list>[a-z0-9][a-z0-9._-]{0,23})"
_PAGE = re.compile(_LIST + r"/(?:index\.html|\d{4}-\d\d\.html|t/[a-z2-7]{16}(?:-\d{1,4})?\.html)\Z")
_ATTACHED = re.compile(_LIST + r"/a/[a-z2-7]{16}/\d{1,4}\.(?P<ending>[a-z0-9]{1,8})\Z")
_ASSETS = {"_/style.css": "text/css; charset=utf-8", "_/archive.js": "text/javascript; charset=utf-8"}
_PERMALINK = re.compile(_LIST + r"/m/(?P<tag>[a-z2-7]{16})\Z")
_MBOX = re.compile(_LIST + r"/(?:t/(?P<tag>[a-z2-7]{16})|(?P<month>\d{4}-\d\d))\.mbox\.gz\Z")
_THREAD = re.compile(_LIST + r"/t/(?P<tag>[a-z2-7]{16})(?:-\d{1,4})?\.html\Z")
_IMAGES = ("png", "jpg", "gif", "webp")


class Packed(FileResponse):
    """A page as gzip where the browser takes it: a long conversation is a fifth of its size then. Pages of the archive
    hold no secret; those that do, beside words from the address, are never packed (BREACH)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await GZipMiddleware(super().__call__, minimum_size=1000, compresslevel=5)(scope, receive, send)


def routes(ctx: Context) -> list[Route]:
    async def file(request: Request) -> Response:
        path = request.path_params["path"]
        if path in _ASSETS:
            return _file(ctx, path, _ASSETS[path], {"Cache-Control": "no-cache"})
        here = await visit(ctx, request)
        if here is None:
            return _not_logged_in(ctx, request, path)
        name = path.partition("/")[0]
        if name not in here.reader.lists:
            raise HTTPException(404)
        if path == name:
            return RedirectResponse(f"{path_of(ctx.settings)}/archive/{name}/", 303)
        if path == f"{name}/":
            path = f"{name}/index.html"
        if found := _PERMALINK.match(path):
            return await _permalink(ctx, found["list"], found["tag"])
        if found := _MBOX.match(path):
            return await _mbox(ctx, found["list"], found["tag"], found["month"])
        return await _static(ctx, path)

    async def authorise(request: Request) -> Response:
        """For nginx (auth_request): 204, 401 or 403 for the path in X-Original-URI."""
        path = unquote(urlsplit(request.headers.get("x-original-uri", "")).path)
        path = path.removeprefix(f"{path_of(ctx.settings)}/archive/")
        if path in _ASSETS:
            return Response(status_code=204)
        here = await visit(ctx, request)
        if here is None:
            return Response(status_code=401)
        allowed = kind(path) is not None and path.partition("/")[0] in here.reader.lists
        return Response(status_code=204 if allowed else 403)

    return [
        Route("/authorise", authorise, methods=["GET"]),
        Route("/archive/{path:path}", file, methods=["GET"]),
    ]


def kind(path: str) -> str | None:
    """The content type of a file of the archive; None for what is never served."""
    if _PAGE.match(path):
        return "text/html; charset=utf-8"
    if found := _ATTACHED.match(path):
        return TYPES.get(found["ending"])
    return None


def _not_logged_in(ctx: Context, request: Request, path: str) -> Response:
    """Login for what is a page, 401 for the rest; the same whether or not there is anything."""
    page = path.endswith((".html", "/")) or "." not in path.rpartition("/")[2]
    return to_login(ctx, request) if page else Response(status_code=401)


def _file(ctx: Context, path: str, content_type: str, headers: dict[str, str], *, page: bool = True) -> Response:
    place = Path(ctx.settings.archive.directory) / path
    if place.is_symlink() or not place.is_file():
        raise HTTPException(404)
    return (Packed if page else FileResponse)(place, headers=headers, media_type=content_type)


async def _static(ctx: Context, path: str) -> Response:
    content_type = kind(path)
    if content_type is None:
        raise HTTPException(404)
    attached = _ATTACHED.match(path)
    if attached is None:
        headers = {"Content-Security-Policy": POLICY}
        place = ctx.settings.archive.directory / path
        if not place.is_file() and (found := _THREAD.match(path)):
            return await _permalink(ctx, found["list"], found["tag"], whole=True)
        return _file(ctx, path, content_type, headers)
    headers = {"Content-Security-Policy": ATTACHED_POLICY}
    if attached["ending"] not in _IMAGES:
        headers["Content-Disposition"] = "attachment"
    return _file(ctx, path, content_type, headers, page=False)


async def _permalink(ctx: Context, list_name: str, tag: str, *, whole: bool = False) -> Response:
    """To the message in its thread, wherever that is now; `whole`: to the thread that a message is in."""

    def look() -> tuple[str, int] | None:
        try:
            db = index.connect(ctx.settings.archive.directory)
        except UserError:
            return None
        try:
            query = "SELECT thread, page FROM message WHERE list = ? AND tag = ?"
            row = db.execute(query, (list_name, tag)).fetchone()
        finally:
            db.close()
        return (row["thread"], row["page"]) if row else None

    found = await run_in_threadpool(look)
    if found is None or (whole and found[0] == tag):
        raise HTTPException(404)
    page = thread_file(*found)
    return RedirectResponse(f"{path_of(ctx.settings)}/archive/{list_name}/{page}#m-{tag}", 302)


async def _mbox(ctx: Context, list_name: str, tag: str | None, month: str | None) -> Response:
    posts = await run_in_threadpool(mboxes.posts_of, ctx, list_name, tag, month)
    if not posts:
        raise HTTPException(404)
    name = f"{list_name}-{tag or month}.mbox.gz"

    def chunks() -> Iterator[bytes]:
        yield from mboxes.packed(mboxes.entries(ctx, posts))

    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": ATTACHED_POLICY}
    return StreamingResponse(chunks(), headers=headers, media_type="application/gzip")
