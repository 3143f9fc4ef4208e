"""recall and incidents: taking a post back, and what follows."""

from __future__ import annotations

import json as json_
import sys
from typing import Annotated

import typer

from listserv import incidents, recall
from listserv.cli.deciding import OPERATOR, operator_or
from listserv.cli.output import AsJson, say, show
from listserv.context import Context, open_context
from listserv.errors import UserError
from listserv.model import IncidentKind
from listserv.settings import load

As = Annotated[str | None, typer.Option("--as", metavar="ADDRESS", help="As this moderator, not the operator.")]
Number = Annotated[int, typer.Argument(metavar="ID", help="The number of the incident, as `incidents` shows it.")]
COLUMNS = ("id", "state", "lists", "opened", "by", "sent", "told", "assess_by", "reason")


def register(app: typer.Typer) -> None:
    app.command("recall")(recall_command)
    group = typer.Typer(help="Posts that were taken back.", invoke_without_command=True, rich_markup_mode=None)
    group.callback()(listed)
    group.command("close")(close)
    group.command("export")(export)
    app.add_typer(group, name="incidents")


def recall_command(
    context: typer.Context,
    message_id: Annotated[str, typer.Argument(metavar="MESSAGE-ID", help="Or the post's link or tag in the archive.")],
    reason: Annotated[str, typer.Option("--reason", help="What author and readers are told.")],
    kind: Annotated[
        IncidentKind,
        typer.Option(
            "--kind", help="breach: somebody can be recognised, 30 days to assess it; other: nothing to assess."
        ),
    ] = IncidentKind.BREACH,
    as_: As = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Takes a post back: out of the archive and out of what was not sent yet; its readers are asked to delete it."""
    ctx = open_context(load(context.obj))
    if not reason.strip():
        raise UserError("recall: say in --reason why; author and readers are told")
    with ctx.db.reading() as tx:
        found = recall.reach(tx, recall.find(tx, message_id), ctx.clock())
    if found.posts and not yes and sys.stdin.isatty():
        say(recall.in_words(found, 0))
        sys.stdout.write("\nTake it back? Type yes: ")
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() != "yes":
            raise UserError("recall: nothing was taken back (answer yes, or give --yes)")
    with ctx.db.transaction() as tx:
        posts = recall.find(tx, message_id)
        by = operator_or(tx, [post.list_name for post in posts], as_) if posts else OPERATOR
        outcome = recall.recall(ctx, tx, posts, by, reason, kind)
    if not outcome.done:
        raise UserError(f"recall: {outcome.words[0].lower()}{outcome.words[1:].rstrip('.')}")
    say(outcome.words)


def listed(context: typer.Context, json: AsJson = False) -> None:
    """Posts that were taken back, the newest first."""
    if context.invoked_subcommand:
        return
    ctx = open_context(load(context.obj))
    with ctx.db.reading() as tx:
        rows = incidents.listed(tx)
    show(rows, COLUMNS, as_json=json, empty="Nothing has been taken back.")


def close(
    context: typer.Context,
    id: Number,
    note: Annotated[str, typer.Option("--note", help="What came of it.")],
) -> None:
    """Closes an incident: it is assessed, and nobody is reminded any more."""
    ctx: Context = open_context(load(context.obj))
    with ctx.db.transaction() as tx:
        incidents.close(ctx, tx, id, OPERATOR, note)
    say(f"Incident {id} is closed.")


def export(context: typer.Context, id: Number) -> None:
    """Everything about an incident as JSON: what was done when, and who received the post."""
    ctx = open_context(load(context.obj))
    with ctx.db.reading() as tx:
        record = incidents.record(tx, id)
    say(json_.dumps(record, ensure_ascii=False, indent=2, default=str))
