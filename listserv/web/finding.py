"""Pages that are put together for one reader from what they may see: the front page, search, an author, corrections.

Everything here asks the index of the archive with the reader's own lists in the question.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from listserv import archiver, routing
from listserv.archiver import correcting, index, pages, query
from listserv.context import Context
from listserv.errors import UserError
from listserv.mail.threads import is_tag
from listserv.membership import Reader
from listserv.web.answers import form
from listserv.web.login import Visit, check_seal, required, seal
from listserv.web.reading import POLICY
from listserv.words import N_

T = TypeVar("T")
FRONT = 12  # threads of each kind on the front page
UNANSWERED_DAYS = 60
AUTHOR_KEY = re.compile(r"[px][a-z0-9]{1,20}\Z")
_RESULT_COLUMNS = "list, tag, thread, page, subject, name, profession, date, excerpt, files"


def page(ctx: Context, template: str, status: int = 200, **values: Any) -> Response:
    """A page in the look of the archive."""
    common = pages.common(ctx, f"{pages.path_of(ctx.settings)}/archive/")
    html = ctx.render(f"archive/{template}.html", **common, **values)
    return HTMLResponse(html, status, headers={"Content-Security-Policy": POLICY})


async def from_index(ctx: Context, work: Callable[[sqlite3.Connection], T], empty: T) -> T:
    """Asks the index in a thread; `empty` while there is none."""

    def run() -> T:
        try:
            db = index.connect(ctx.settings.archive.directory)
        except UserError:
            return empty
        with closing(db):
            return work(db)

    return await run_in_threadpool(run)


def routes(ctx: Context) -> list[Route]:
    async def home(_: Request) -> Response:
        return RedirectResponse(f"{pages.path_of(ctx.settings)}/archive/", 303)

    async def front(request: Request) -> Response:
        here = await required(ctx, request)
        if isinstance(here, Response):
            return here
        found = await from_index(ctx, lambda db: _front(here.ctx, db, here.reader), _nothing(ctx, here.reader))
        return page(here.ctx, "front", reader=here.reader.name, **found)

    async def search(request: Request) -> Response:
        here = await required(ctx, request)
        if isinstance(here, Response):
            return here
        values = await _search(here.ctx, here.reader, dict(request.query_params))
        if request.query_params.get("part"):
            answer = page(here.ctx, "results", **values)
            answer.headers["X-Part"] = "1"
            return answer
        return page(here.ctx, "search", **values)

    async def author(request: Request) -> Response:
        here = await required(ctx, request)
        if isinstance(here, Response):
            return here
        key = request.path_params["key"]
        if not AUTHOR_KEY.match(key):
            raise HTTPException(404)
        values = await _author(here.ctx, here.reader, key, _number(request.query_params.get("page", "1")))
        return page(here.ctx, "author", **values)

    async def threads(request: Request) -> Response:
        here = await required(ctx, request)
        if isinstance(here, Response):
            return here
        name, tag = request.path_params["list"], request.path_params["tag"]
        if name not in here.reader.lists or not is_tag(tag):
            raise HTTPException(404)
        if name not in here.reader.moderates:
            return page(
                here.ctx, "not-yours", 403, list_title=routing.title(ctx.settings, name), list_name=name, tag=tag
            )
        said = ""
        if request.method == "POST":
            said = await _correct(ctx, here, name, await form(request))
        return await _corrections(here.ctx, here, name, tag, said)

    return [
        Route("/", home, methods=["GET"]),
        Route("/archive", home, methods=["GET"]),
        Route("/archive/", front, methods=["GET"]),
        Route("/search", search, methods=["GET"]),
        Route("/author/{key}", author, methods=["GET"]),
        Route("/threads/{list}/{tag}", threads, methods=["GET", "POST"]),
    ]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 1


# --- the front page ----------------------------------------------------------------------------------------------


def _nothing(ctx: Context, reader: Reader) -> dict[str, Any]:
    lists = [{"name": name, "title": routing.title(ctx.settings, name), "count": 0, "week": 0,
              "description": ctx.settings.lists[name].description} for name in reader.lists]  # fmt: skip
    return {"lists": lists, "latest": [], "unanswered": [], "week": {"messages": 0, "people": 0}}


def _front(ctx: Context, db: sqlite3.Connection, reader: Reader) -> dict[str, Any]:
    found = _nothing(ctx, reader)
    if not reader.lists:
        return found
    marks = ",".join("?" * len(reader.lists))
    now = ctx.clock()
    week, old = (int((now - timedelta(days=days)).timestamp()) for days in (7, UNANSWERED_DAYS))
    query_ = f"SELECT list, SUM(count) FROM thread WHERE list IN ({marks}) GROUP BY list"  # noqa: S608
    counts = dict(db.execute(query_, reader.lists).fetchall())
    recent = db.execute(
        f"SELECT list, author FROM message WHERE number >= ? AND list IN ({marks}) AND shown",  # noqa: S608
        (week << 24, *reader.lists),
    ).fetchall()
    for one in found["lists"]:
        one["count"] = counts.get(one["name"], 0)
        one["week"] = sum(row["list"] == one["name"] for row in recent)
    latest = [
        row for name in reader.lists
        for row in db.execute("SELECT * FROM thread WHERE list = ? ORDER BY last DESC LIMIT ?", (name, FRONT))
    ]  # fmt: skip
    latest.sort(key=lambda row: -row["last"])
    waiting = db.execute(
        f"SELECT * FROM thread WHERE list IN ({marks}) AND last >= ? AND count = 1 AND asks"  # noqa: S608
        " ORDER BY last DESC LIMIT ?",
        (*reader.lists, old, FRONT),
    ).fetchall()
    open_ = {(row["list"], row["tag"]) for row in waiting}
    found["unanswered"] = [_thread(ctx, row) for row in waiting]
    found["latest"] = [_thread(ctx, row) for row in latest[:FRONT] if (row["list"], row["tag"]) not in open_]
    found["week"] = {"messages": len(recent), "people": len({row["author"] for row in recent})}
    return found


def _thread(ctx: Context, row: sqlite3.Row) -> dict[str, Any]:
    href = f"{pages.path_of(ctx.settings)}/archive/{row['list']}/{pages.thread_file(row['tag'])}"
    return pages.row_of(ctx, row, href)


# --- search ------------------------------------------------------------------------------------------------------


async def _search(ctx: Context, reader: Reader, params: dict[str, str]) -> dict[str, Any]:
    text = params.get("q", "")[:500]
    scope = params.get("in", "") if params.get("in", "") in reader.lists else ""
    by_date = params.get("sort") == "date"
    number = _number(params.get("page", "1"))
    asked = query.read(text, ctx.settings.community.zone, typing=bool(params.get("part")))
    lists = [scope] if scope else list(reader.lists)
    found = await from_index(
        ctx, lambda db: query.search(db, asked, lists, by_date=by_date, page=number), query.Found(wrong=asked.wrong)
    )
    base = {"q": text, **({"in": scope} if scope else {}), **({"sort": "date"} if by_date else {})}
    return {
        "q": text,
        "scope": scope,
        "by_date": by_date,
        "asked": not asked.empty or bool(asked.wrong),
        "found": found,
        "hits": [_hit(ctx, hit) for hit in found.hits],
        "lists": [(name, routing.title(ctx.settings, name)) for name in reader.lists],
        "later": f"?{urlencode({**base, 'page': number - 1})}" if number > 1 else "",
        "earlier": f"?{urlencode({**base, 'page': number + 1})}" if found.more else "",
        "page": number,
    }


def _hit(ctx: Context, hit: query.Hit) -> dict[str, Any]:
    return {**_message(ctx, hit.row), "snippet": _marked(hit.snippet)}


def _marked(snippet: str) -> Markup:
    """A snippet with its words marked; everything of the message escaped."""
    marked = str(escape(snippet)).replace(query.BEGIN, "<mark>").replace(query.END, "</mark>")
    return Markup(marked)  # noqa: S704


def _message(ctx: Context, row: Any) -> dict[str, Any]:
    settings = ctx.settings
    return {
        "href": f"{pages.path_of(settings)}/archive/{row['list']}/{pages.thread_file(row['thread'], row['page'])}"
        f"#m-{row['tag']}",
        "subject": row["subject"],
        "name": row["name"],
        "profession": row["profession"],
        "list_title": routing.title(settings, row["list"]),
        "when": pages.when(ctx, row["date"]),
        "excerpt": row["excerpt"],
        "files": row["files"],
    }


# --- an author ---------------------------------------------------------------------------------------------------


async def _author(ctx: Context, reader: Reader, key: str, number: int) -> dict[str, Any]:
    marks = ",".join("?" * len(reader.lists))

    def work(db: sqlite3.Connection) -> tuple[list[Any], int]:
        where = f"FROM message WHERE author = ? AND list IN ({marks}) AND shown"
        rows = db.execute(
            f"SELECT {_RESULT_COLUMNS} {where} ORDER BY number DESC LIMIT ? OFFSET ?",
            (key, *reader.lists, query.PER_PAGE + 1, (number - 1) * query.PER_PAGE),
        ).fetchall()
        count = db.execute(f"SELECT COUNT(*) {where}", (key, *reader.lists)).fetchone()[0]
        return rows, count

    nobody: tuple[list[Any], int] = ([], 0)
    rows, count = await from_index(ctx, work, nobody)
    if not rows:
        raise HTTPException(404)
    return {
        "name": rows[0]["name"],
        "profession": rows[0]["profession"],
        "messages": [_message(ctx, row) for row in rows[: query.PER_PAGE]],
        "count": count,
        "page": number,
        "later": f"?page={number - 1}" if number > 1 else "",
        "earlier": f"?page={number + 1}" if len(rows) > query.PER_PAGE else "",
    }


# --- corrections by moderators -----------------------------------------------------------------------------------


async def _correct(ctx: Context, here: Visit, name: str, fields: dict[str, str]) -> str:
    check_seal(ctx, here.session, fields)
    message, below = fields.get("message", ""), fields.get("below", "").strip()
    if fields.get("action") not in ("split", "join") or not is_tag(message):
        raise HTTPException(400)
    target = below if fields["action"] == "join" else None

    def work() -> str:
        try:
            words = correcting.correct(ctx, name, message, target, here.reader.name)
        except UserError as error:
            return N_("Nothing was changed: %(error)s.", error=str(error))
        archiver.update(ctx)
        return words

    return await run_in_threadpool(work)


async def _corrections(ctx: Context, here: Visit, name: str, tag: str, said: str) -> Response:
    def work(db: sqlite3.Connection) -> tuple[str, list[Any]]:
        query_ = f"SELECT {_RESULT_COLUMNS} FROM message WHERE list = ? AND thread = ? ORDER BY moment, tag"  # noqa: S608
        where = db.execute("SELECT thread FROM message WHERE list = ? AND tag = ?", (name, tag)).fetchone()
        return (where["thread"], db.execute(query_, (name, where["thread"])).fetchall()) if where else ("", [])

    nothing: tuple[str, list[Any]] = ("", [])
    thread, rows = await from_index(ctx, work, nothing)
    if not rows:
        raise HTTPException(404)
    return page(
        here.ctx,
        "threads",
        said=said,
        seal=seal(ctx, here.session),
        list_name=name,
        list_title=routing.title(ctx.settings, name),
        thread=thread,
        subject=rows[0]["subject"],
        messages=[{**_message(ctx, row), "tag": row["tag"]} for row in rows],
    )
