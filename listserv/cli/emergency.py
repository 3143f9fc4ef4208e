"""emergency: each post waits for a moderator, for a time."""

from __future__ import annotations

from typing import Annotated

import typer

from listserv import emergency
from listserv.cli.deciding import operator_or
from listserv.cli.output import AsJson, say, show
from listserv.cli.recall import As
from listserv.context import Context, open_context
from listserv.errors import UserError
from listserv.incidents import iso
from listserv.settings import HUB, load

Name = Annotated[str | None, typer.Argument(metavar="LIST", help="Without one: every list.")]
COLUMNS = ("list", "since", "until", "by", "reason")


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Emergency moderation: each post waits for a moderator.",
        invoke_without_command=True,
        rich_markup_mode=None,
    )
    group.callback()(listed)
    group.command("on")(on)
    group.command("off")(off)
    app.add_typer(group, name="emergency")


def listed(context: typer.Context, json: AsJson = False) -> None:
    """Where each post waits for a moderator, and until when."""
    if context.invoked_subcommand:
        return
    ctx = open_context(load(context.obj))
    with ctx.db.reading() as tx:
        rows = emergency.listed(tx, ctx.clock())
    found = [{**row, "since": iso(row["since"]), "until": iso(row["until"])} for row in rows]
    show(found, COLUMNS, as_json=json, empty="Emergency moderation is not on.")


def _scope(ctx: Context, name: str | None) -> str:
    if name is not None and name != HUB and name not in ctx.settings.lists:
        raise UserError(f"emergency: there is no list {name}")
    return name or HUB


def on(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", help="What the moderators are told.")],
    list_: Name = None,
    life: Annotated[str, typer.Option("--for", metavar="TIME", help="Then it ends by itself; like 12h or 3d.")] = "24h",
    as_: As = None,
) -> None:
    """Holds each post, whoever wrote it; digests wait too. Moderators are told."""
    ctx = open_context(load(context.obj))
    name, span = _scope(ctx, list_), emergency.read_span(life)
    if span is None:
        raise UserError(f"emergency: --for {life} is no time of at most 30 days; write it like 12h or 3d")
    with ctx.db.transaction() as tx:
        by = operator_or(tx, [HUB, *ctx.settings.lists] if name == HUB else [name, HUB], as_)
        words = emergency.begin(ctx, tx, name, by, reason, span)
    say(words)


def off(context: typer.Context, list_: Name = None, as_: As = None) -> None:
    """Ends it before its time."""
    ctx = open_context(load(context.obj))
    name = _scope(ctx, list_)
    with ctx.db.transaction() as tx:
        by = operator_or(tx, [HUB, *ctx.settings.lists] if name == HUB else [name, HUB], as_)
        words = emergency.end(ctx, tx, name, by)
    if words is None:
        raise UserError(f"emergency: it is not on for {name}")
    say(words)
