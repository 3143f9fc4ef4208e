"""audit: the log of decisions, to read and to verify."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from listserv import audit
from listserv.cli.output import AsJson, say, show
from listserv.context import open_context
from listserv.errors import UserError
from listserv.settings import load

COLUMNS = ("number", "time", "event", "who", "channel", "proof", "list", "post", "about", "details")


def register(app: typer.Typer) -> None:
    app.command("audit")(audit_command)


def audit_command(
    context: typer.Context,
    list_: Annotated[str | None, typer.Option("--list", metavar="LIST", help="Of this list only.")] = None,
    post: Annotated[int | None, typer.Option("--post", metavar="ID", help="Of this post only.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="DATE", help="From this day on (YYYY-MM-DD).")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Look whether any entry was changed or removed.")] = False,
    head: Annotated[
        str, typer.Option("--head", metavar="HASH", help="With --verify: a hash that you kept; none was cut off since.")
    ] = "",
    json: AsJson = False,
) -> None:
    """The log of decisions: who decided what, when, through which channel, proved how."""
    ctx = open_context(load(context.obj))
    if head and not verify:
        raise typer.BadParameter("--head goes with --verify")
    if verify:
        with ctx.db.reading() as tx:
            found = audit.verify(tx, head)
        _verified(found, as_json=json)
        return
    begin: datetime | None = None
    if since is not None:
        try:
            begin = datetime.strptime(since, "%Y-%m-%d").replace(tzinfo=ctx.settings.community.zone)
        except ValueError:
            raise typer.BadParameter(f"--since: {since} is no day; write it like 2026-11-23") from None
    with ctx.db.reading() as tx:
        rows = audit.entries(tx, list_name=list_, post_id=post, since=begin)
    shown = [{**row, "time": _local(ctx, row["time"]), "details": _details(row)} for row in rows] if not json else rows
    show(shown, COLUMNS, as_json=json, empty="Nothing has been decided yet.")


def _details(row: dict[str, Any]) -> str:
    """What an entry has beside its columns."""
    return ", ".join(f"{name} {value}" for name, value in row.items() if name not in (*COLUMNS, "hash"))


def _local(ctx: Any, iso: str) -> str:
    return datetime.fromisoformat(iso).astimezone(ctx.settings.community.zone).strftime("%Y-%m-%d %H:%M")


def _verified(found: audit.Verified, *, as_json: bool) -> None:
    if as_json:
        row = {"verified": found.count, "head": found.head, "broken": found.broken or None, "words": found.words}
        show([row], (), as_json=True, empty="")
        if found.broken:
            raise typer.Exit(1)
        return
    if found.broken:
        raise UserError(f"audit: {found.words}; {found.count} before it are as they were written")
    say(f"Verified: {found.words}.")
    say(f"head: {found.head}")
    say("Keep this line elsewhere; `listserv audit --verify --head HASH` then shows that nothing was cut off since.")
