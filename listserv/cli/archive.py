"""archive build, import, search, split, join: the web archive from the shell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from listserv.cli.output import AsJson, say, show
from listserv.context import Context, open_context
from listserv.errors import UserError
from listserv.settings import load

COLUMNS = ["date", "list", "from", "subject", "snippet"]


def register(app: typer.Typer) -> None:
    archive = typer.Typer(help="The web archive and its search.", no_args_is_help=True, rich_markup_mode=None)
    for verb in (build, search, split, join):
        archive.command()(verb)
    archive.command("import")(import_)
    app.add_typer(archive, name="archive")


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr where somebody looks at it."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)

        def step(done: int, whole: int) -> None:
            progress.update(task, completed=done, total=whole or None)

        yield step


def _known(ctx: Context, list_name: str | None) -> None:
    if list_name is not None and list_name not in ctx.settings.lists:
        raise UserError(f"archive: there is no list {list_name}; lists are {', '.join(ctx.settings.lists)}")


def build(
    context: typer.Context,
    list_name: Annotated[str | None, typer.Argument(metavar="[LIST]")] = None,
    full: Annotated[bool, typer.Option("--full", help="Make everything anew, not only what has changed.")] = False,
) -> None:
    """Brings the archive up to date, also while `serve` runs."""
    from listserv import archiver

    ctx = open_context(load(context.obj))
    _known(ctx, list_name)
    with _bar("building") as progress:
        report = archiver.build(ctx, list_name, full=full, progress=progress)
    what = "made anew" if report.full else "brought up to date"
    say(
        f"The archive in {ctx.settings.archive.directory} is {what}: {report.messages} messages taken in,"
        f" {report.removed} taken out, {report.written} files written, {report.threads} conversations in all."
    )


def import_(
    context: typer.Context,
    list_name: Annotated[str, typer.Argument(metavar="LIST")],
    file: Annotated[Path, typer.Argument(metavar="FILE.mbox")],
) -> None:
    """Takes an old archive (mbox, also gzipped) into the archive of a list. Sends no mail; adds nothing twice."""
    from listserv import archiver
    from listserv.archiver.importing import import_mbox

    ctx = open_context(load(context.obj))
    with _bar("reading") as progress:
        report = import_mbox(ctx, list_name, file, progress)
    for problem in report.problems:
        say(problem)
    named = report.repaired + report.refused
    if named > len(report.problems):
        say(f"... and {named - len(report.problems)} more")
    with _bar("building") as progress:
        archiver.build(ctx, progress=progress)
    say(
        f"{report.read} messages read: {report.added} added, {report.known} were there already,"
        f" {report.repaired} dates repaired, {report.refused} left out. No mail was sent."
    )
    if report.held:
        say(f"{report.held} are not published, for they may tell who a client is; `listserv held` lists them.")


def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(metavar="QUERY")],
    by_date: Annotated[bool, typer.Option("--by-date", help="Newest first, not by relevance.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 20,
    json: AsJson = False,
) -> None:
    """Searches all lists. Words, "phrases", -word, from: list: after: before: has:attachment."""
    from listserv import archiver
    from listserv.archiver import query as queries

    ctx = open_context(load(context.obj))
    archiver.update(ctx)
    asked = queries.read(query, ctx.settings.community.zone)
    for words in asked.wrong:
        raise UserError(f"archive search: {words}")
    db = archiver.connect(ctx.settings.archive.directory)
    try:
        found = queries.search(db, asked, list(ctx.settings.lists), by_date=by_date, per_page=limit, time_limit=60)
    finally:
        db.close()
    rows = [_row(ctx, hit) for hit in found.hits]
    if json or not rows:
        show(rows, COLUMNS, as_json=json, empty="Nothing was found.")
        return
    for row in rows:
        say(f"{row['subject']}\n  {row['from']}, {row['date']}, {row['list']}\n  {row['snippet']}\n  {row['url']}\n")
    say(f"{'More than ' if found.many else ''}{found.count} in all" + ("; --limit shows more." if found.more else "."))


def _row(ctx: Context, hit: Any) -> dict[str, Any]:
    from listserv import permalinks
    from listserv.archiver import query as queries

    row = hit.row
    return {
        "list": row["list"],
        "subject": row["subject"],
        "from": row["name"],
        "date": datetime.fromtimestamp(row["date"], UTC).isoformat().replace("+00:00", "Z"),
        "url": permalinks.url(ctx.settings, row["list"], row["tag"]),
        "snippet": hit.snippet.replace(queries.BEGIN, "").replace(queries.END, ""),
        "message_id": row["message_id"],
    }


def split(
    context: typer.Context,
    list_name: Annotated[str, typer.Argument(metavar="LIST")],
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="Message-ID, permalink or tag.")],
) -> None:
    """Lets a message begin a conversation of its own; its answers come with it."""
    _edit(context, list_name, message, None)


def join(
    context: typer.Context,
    list_name: Annotated[str, typer.Argument(metavar="LIST")],
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="Message-ID, permalink or tag.")],
    below: Annotated[str, typer.Argument(metavar="BELOW", help="The message that it answers.")],
) -> None:
    """Puts a message, with its answers, below another one."""
    _edit(context, list_name, message, below)


def _edit(context: typer.Context, list_name: str, message: str, below: str | None) -> None:
    from listserv import archiver
    from listserv.archiver import correcting

    ctx = open_context(load(context.obj))
    _known(ctx, list_name)
    archiver.update(ctx)
    words = correcting.correct(ctx, list_name, message, below, "the operator")
    archiver.update(ctx)
    say(words)
