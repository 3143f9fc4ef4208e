"""The static pages: a thread, a month, a list. Each is a pure function of the index and the settings.

The last step of the archive. Templates are in templates/archive/; the fragments of the messages come ready and safe
from the index, so that a page costs little more than its joining.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from listserv import permalinks, routing
from listserv.archiver import index
from listserv.context import Context
from listserv.edge.languages import between, month_only, short_day
from listserv.edge.templates import shipped
from listserv.mail.threads import Line, outline, same_subject
from listserv.settings import Settings

LATEST = 40  # threads on the page of a list
DEEPEST = 6  # levels that are indented
ASSET_NAMES = ("style.css", "archive.js")


@dataclass(frozen=True, slots=True)
class When:
    """A time as a page shows it, in the community's zone."""

    iso: str
    text: str
    day: str


def when(ctx: Context, seconds: int) -> When:
    """In the language of the reader. The zone is the community's, as on the pages that all readers share."""
    local = datetime.fromtimestamp(seconds, UTC).astimezone(ctx.settings.community.zone)
    day = short_day(ctx.speech.language, local.date())
    return When(local.isoformat(timespec="minutes"), f"{day}, {local:%H:%M}", day)


def month_name(ctx: Context, month: str) -> str:
    """`2026-11` for people."""
    return ctx.speech.month(date.fromisoformat(f"{month}-01"))


def span(ctx: Context, first: int, last: int) -> str:
    """Two days, as short as they can be said."""
    zone = ctx.settings.community.zone
    begin, end = (datetime.fromtimestamp(seconds, UTC).astimezone(zone).date() for seconds in (first, last))
    return between(ctx.speech.language, begin, end)


def path_of(settings: Settings) -> str:
    """What stands before our paths in public addresses: empty, or the path of community.url."""
    return urlsplit(settings.community.url).path.rstrip("/")


def asset(name: str, ctx: Context) -> bytes:
    """Style sheet or script: the site's own if it has one."""
    own = ctx.settings.base / "templates" / "archive" / name
    return (own if own.is_file() else shipped() / "archive" / name).read_bytes()


def look(ctx: Context) -> str:
    """A hash of everything but mail and people that pages are made of: when it changes, all are written again."""
    settings = ctx.settings
    digest = hashlib.sha256()
    for folder in (shipped() / "archive", settings.base / "templates" / "archive"):
        for file in sorted(folder.glob("*")) if folder.is_dir() else ():
            digest.update(file.name.encode() + file.read_bytes())
    community = settings.community
    said = (community.name, community.domain, community.url, community.contact, community.timezone, community.language)
    lists = [(one.name, one.title, one.description, one.posting, one.subject_prefix) for one in settings.lists.values()]
    digest.update(repr((index.VERSION, said, lists, settings.archive.addresses)).encode())
    return digest.hexdigest()


def common(ctx: Context, root: str) -> dict[str, Any]:
    """What every page of the archive is given; `root` leads to the archive's folder."""
    community = ctx.settings.community
    return {
        "community": community.name,
        "contact": community.contact,
        "path": path_of(ctx.settings),
        "assets": f"{root}{'_/'}",
    }


def _render(ctx: Context, template: str, root: str, **values: Any) -> bytes:
    return ctx.render(f"archive/{template}.html", **common(ctx, root), **values).encode()


def thread_file(tag: str, page: int = 1) -> str:
    return f"t/{tag}.html" if page == 1 else f"t/{tag}-{page}.html"


# --- a thread ----------------------------------------------------------------------------------------------------


def _answer_link(settings: Settings, row: sqlite3.Row, subject: str) -> str:
    """A mailto that reaches the thread even where the program drops the last two fields (webmail does)."""
    about = subject if row["reply"] and subject[:3].lower() == "re:" else f"Re: {subject}"
    fields = {"subject": about, "In-Reply-To": row["message_id"], "References": row["message_id"]}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())
    return f"mailto:{quote(permalinks.answer_address(settings, row['list'], row['tag']), safe='@+.')}?{query}"


def _messages(
    ctx: Context, db: sqlite3.Connection, rows: dict[str, sqlite3.Row], lines: list[Line], subject: str
) -> Iterator[Any]:
    settings = ctx.settings
    by_time = {tag: place for place, tag in enumerate(sorted((line.tag for line in lines), key=lambda tag: (
        rows[tag]["moment"], tag)), 1)}  # fmt: skip
    listed = settings.lists[next(iter(rows.values()))["list"]]
    may_answer = listed.posting != "moderators"
    for line in lines:
        row = rows[line.tag]
        above = rows.get(line.parent or "")
        html = db.execute("SELECT html FROM fragment WHERE number = ?", (row["number"],)).fetchone()
        yield {
            "tag": line.tag,
            "depth": min(line.depth, DEEPEST),
            "place": by_time[line.tag],
            "name": row["name"],
            "profession": row["profession"],
            "address": row["address"],
            "author": row["author"],
            "when": when(ctx, row["date"]),
            "shown": row["shown"],
            "own_subject": ""
            if not row["shown"] or same_subject(row["subject"], subject, listed.subject_prefix)
            else row["subject"],
            "above": above["name"] or ctx.phrase("a message that was taken back") if above else "",
            "above_at": f"{'' if above['page'] == row['page'] else thread_file(above['thread'], above['page'])[2:]}"
            f"#m-{above['tag']}"
            if above
            else "",
            "missing": line.parent is None and line.depth > 0,
            "answer": _answer_link(settings, row, row["subject"]) if row["shown"] and may_answer else "",
            "html": Markup(zlib.decompress(html[0]).decode()) if html else "",  # noqa: S704  (made safe by mail.body)
        }


def thread(ctx: Context, db: sqlite3.Connection, list_name: str, tag: str) -> Iterator[tuple[str, bytes]]:
    """The files of a thread: one page, several when it is long; none when there is no such thread."""
    settings = ctx.settings
    rows = {
        row["tag"]: row for row in db.execute("SELECT * FROM message WHERE list = ? AND thread = ?", (list_name, tag))
    }
    summary = db.execute("SELECT * FROM thread WHERE list = ? AND tag = ?", (list_name, tag)).fetchone()
    if not rows or summary is None:
        return
    lines = outline({key: (row["moment"], key) for key, row in rows.items()}, {k: r["parent"] for k, r in rows.items()})
    first = rows[tag]
    for page in range(1, summary["pages"] + 1):
        here = [line for line in lines if rows[line.tag]["page"] == page]
        data = _render(
            ctx,
            "thread",
            "../../",
            list_name=list_name,
            list_title=routing.title(settings, list_name),
            subject=summary["subject"],
            tag=tag,
            count=summary["count"],
            people=summary["people"],
            span=span(ctx, summary["first"], summary["last"]),
            month=first["month"],
            month_name=month_name(ctx, first["month"]),
            page=page,
            pages=[(number, thread_file(tag, number)[2:]) for number in range(1, summary["pages"] + 1)],
            messages=list(_messages(ctx, db, rows, here, summary["subject"])),
        )
        yield thread_file(tag, page), data


# --- lists of threads --------------------------------------------------------------------------------------------


def row_of(ctx: Context, row: Any, href: str) -> dict[str, Any]:
    """A thread as lists of threads show it; `row` is one of the index's table `thread`."""
    names = [name for name in row["names"].split("\n") if name]
    return {
        "href": href,
        "subject": row["subject"],
        "list": row["list"],
        "list_title": routing.title(ctx.settings, row["list"]),
        "excerpt": row["excerpt"],
        "names": names,
        "others": max(0, row["people"] - 1),
        "profession": row["profession"],
        "count": row["count"],
        "files": row["files"],
        "last": when(ctx, row["last"]),
    }


def months(db: sqlite3.Connection, list_name: str) -> list[tuple[str, int]]:
    """Months with messages, newest first, and how many."""
    query = "SELECT month, count FROM month WHERE list = ? ORDER BY month DESC"
    return [(row[0], row[1]) for row in db.execute(query, (list_name,))]


def month(ctx: Context, db: sqlite3.Connection, list_name: str, name: str) -> bytes | None:
    """The threads of a month with what was written in that month; None when there was nothing."""
    rows = db.execute(
        "SELECT m.thread, m.name, m.date, t.subject FROM message m JOIN thread t ON t.list = m.list AND"
        " t.tag = m.thread WHERE m.list = ? AND m.month = ? ORDER BY m.moment, m.tag",
        (list_name, name),
    ).fetchall()
    if not rows:
        return None
    threads: dict[str, dict[str, Any]] = {}
    for row in rows:
        known = threads.setdefault(
            row["thread"],
            {"href": thread_file(row["thread"]), "subject": row["subject"], "names": {}, "count": 0,
             "first": row["date"], "last": row["date"]},
        )  # fmt: skip
        known["count"] += 1
        known["last"] = row["date"]
        if row["name"]:
            known["names"].setdefault(row["name"])
    settings = ctx.settings
    for known in threads.values():
        known["names"] = list(known["names"])
        known["when"] = when(ctx, known["first"])
        known["span"] = span(ctx, known["first"], known["last"])
    around = [one for one, _ in months(db, list_name)]
    at = around.index(name)
    return _render(
        ctx,
        "month",
        "../",
        list_name=list_name,
        list_title=routing.title(settings, list_name),
        month=name,
        month_name=month_name(ctx, name),
        count=len(rows),
        threads=list(threads.values()),
        later=(around[at - 1], month_name(ctx, around[at - 1])) if at else None,
        earlier=(around[at + 1], month_name(ctx, around[at + 1])) if at + 1 < len(around) else None,
    )


def list_page(ctx: Context, db: sqlite3.Connection, list_name: str) -> bytes:
    """The front of a list: what it is, its latest threads, its months."""
    settings = ctx.settings
    listed = settings.lists[list_name]
    latest = db.execute("SELECT * FROM thread WHERE list = ? ORDER BY last DESC, tag LIMIT ?", (list_name, LATEST))
    years: dict[str, list[tuple[str, str, int]]] = {}
    total = 0
    for name, count in months(db, list_name):
        years.setdefault(name[:4], []).append(
            (name, month_only(ctx.speech.language, date.fromisoformat(f"{name}-01")), count)
        )
        total += count
    return _render(
        ctx,
        "list",
        "../",
        list_name=list_name,
        list_title=listed.title,
        description=listed.description,
        address=routing.address(settings, list_name),
        open_to_all=listed.posting != "moderators",
        threads=[row_of(ctx, row, thread_file(row["tag"])) for row in latest],
        years=list(years.items()),
        total=total,
    )
