"""held, approve, reject, discard, quarantine, trace, queue: looking and deciding from the shell."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from listserv import moderate, posts, quarantine, routing, trace
from listserv.cli.deciding import OPERATOR, operator_or
from listserv.cli.output import AsJson, say, show
from listserv.context import open_context
from listserv.errors import UserError
from listserv.intake import accept as acceptance
from listserv.membership import deciders
from listserv.moderate import By
from listserv.settings import load

As = Annotated[str | None, typer.Option("--as", metavar="ADDRESS", help="Decide as this moderator, not the operator.")]
Number = Annotated[int, typer.Argument(metavar="ID", help="The number of the post, as `held` shows it.")]


def register(app: typer.Typer) -> None:
    for command in (held, approve, reject, redact, discard):
        app.command()(command)
    app.command("trace")(trace_command)
    queues = typer.Typer(help="What waits to be delivered.", invoke_without_command=True, rich_markup_mode=None)
    queues.callback()(queue)
    queues.command("retry")(queue_retry)
    app.add_typer(queues, name="queue")
    aside = typer.Typer(
        help="Messages on which listserv itself failed.", invoke_without_command=True, rich_markup_mode=None
    )
    aside.callback()(quarantine_list)
    aside.command("retry")(quarantine_retry)
    app.add_typer(aside, name="quarantine")


def held(context: typer.Context, json: AsJson = False) -> None:
    """The posts that wait for a decision."""
    ctx = open_context(load(context.obj))
    with ctx.db.reading() as tx:
        rows = trace.held(tx)
    show(rows, ["id", "list", "sender", "subject", "reasons", "since"], as_json=json, empty="No post is held.")


def approve(context: typer.Context, id: Number, as_: As = None) -> None:
    """Sends a held post to its list at once."""
    _decide(context, id, "approve", as_)


def reject(
    context: typer.Context,
    id: Number,
    reason: Annotated[str, typer.Option("--reason", help="What the author is told.")],
    as_: As = None,
) -> None:
    """Refuses a held post; the author gets the reason."""
    _decide(context, id, "reject", as_, reason)


def discard(context: typer.Context, id: Number, as_: As = None) -> None:
    """Drops a held post without a reason."""
    _decide(context, id, "discard", as_)


def redact(
    context: typer.Context,
    id: Number,
    what: Annotated[list[str], typer.Argument(metavar="WHAT", help="`all`, numbers of findings, or words.")],
    as_: As = None,
) -> None:
    """Takes what was found out of a held post, and shows it as it is then; it stays held."""
    ctx = open_context(load(context.obj))
    with ctx.db.transaction() as tx:
        outcome, text = moderate.redact(ctx, tx, id, _by(tx, id, as_), " ".join(what))
    if not outcome.done:
        raise UserError(outcome.words)
    say(outcome.words)
    say(text)


def _decide(context: typer.Context, number: int, verb: str, as_: str | None, reason: str = "") -> None:
    ctx = open_context(load(context.obj))
    with ctx.db.transaction() as tx:
        outcome = moderate.decide(ctx, tx, number, verb, _by(tx, number, as_), reason)
    if not outcome.done:
        raise UserError(outcome.words)
    say(outcome.words)


def _by(tx: Any, number: int, address: str | None) -> By:
    if address is None:
        return OPERATOR
    list_name = posts.list_of(tx, number)
    if list_name is None:
        raise UserError(f"there is no post with the number {number}")
    return operator_or(tx, [list_name], address, deciders)


def trace_command(
    context: typer.Context,
    message_id: Annotated[str, typer.Argument(metavar="MESSAGE-ID")],
    member: Annotated[
        str | None, typer.Option("--member", metavar="ADDRESS", help="This member's copies only.")
    ] = None,
    json: AsJson = False,
) -> None:
    """What happened to a message, hop by hop."""
    ctx = open_context(load(context.obj))
    with ctx.db.reading() as tx:
        rows = trace.trace(tx, message_id, member)
    if not rows and not json:
        raise UserError(f"nothing is known of a message with the Message-ID {message_id}")
    show(rows, ["time", "stage", "event", "recipient", "reply"], as_json=json, empty="")
    if not rows:
        raise typer.Exit(1)


def queue(context: typer.Context, json: AsJson = False) -> None:
    """What waits to be delivered."""
    if context.invoked_subcommand:
        return
    ctx = open_context(load(context.obj))
    with ctx.db.reading() as tx:
        rows = trace.queue(tx)
    columns = ["list", "recipient", "state", "attempts", "next_attempt", "last_reply", "message_id"]
    show(rows, columns, as_json=json, empty="Nothing waits.")


def queue_retry(context: typer.Context) -> None:
    """Tries everything that waits again, now."""
    ctx = open_context(load(context.obj))
    with ctx.db.transaction() as tx:
        count = trace.retry_now(tx, ctx.clock())
    say(f"{count} deliveries are due now.")


def quarantine_list(context: typer.Context, json: AsJson = False) -> None:
    """Messages on which listserv itself failed."""
    if context.invoked_subcommand:
        return
    ctx = open_context(load(context.obj))
    with ctx.db.reading() as tx:
        rows = [
            {
                "id": row.id,
                "at": trace.iso(row.at),
                "stage": row.stage,
                "sender": row.envelope_sender,
                "recipients": row.recipients,
                "size": row.size,
                "error": row.error.strip().splitlines()[-1] if row.error.strip() else "",
            }
            for row in quarantine.waiting(tx)
        ]
    show(
        rows,
        ["id", "at", "stage", "sender", "recipients", "size", "error"],
        as_json=json,
        empty="Nothing is set aside.",
    )


def quarantine_retry(context: typer.Context, id: Annotated[int, typer.Argument(metavar="ID")]) -> None:
    """Takes a message through acceptance again."""
    ctx = open_context(load(context.obj))
    with ctx.db.reading() as tx:
        row = quarantine.get(tx, id)
    if row is None:
        raise UserError(f"there is nothing with the number {id} in quarantine")
    if row.post_id is not None:
        with ctx.db.transaction() as tx:
            reopened = quarantine.reopen_post(tx, row, ctx.clock())
            quarantine.done(tx, id)
        say(f"The post {row.post_id} goes on." if reopened else f"The post {row.post_id} has moved on already.")
        return
    fetched = row.protocol == "IMAP"
    protocol = "IMAP" if fetched else "LMTP"
    envelope = posts.Envelope(row.envelope_sender, row.peer, row.helo, protocol, row.at, trusted=fetched)
    found = [(address, routing.resolve(ctx.settings, address)) for address in row.recipients]
    recipients = [acceptance.Recipient(address, route) for address, route in found if route is not None]
    replies = asyncio.run(acceptance.again(ctx, quarantine.message(row), envelope, recipients))
    with ctx.db.transaction() as tx:
        quarantine.done(tx, id)
    for to, reply in zip(recipients, replies, strict=True):
        say(f"{to.address}: {reply}")
    for address, route in found:
        if route is None:
            say(f"{address}: there is no such list any more")
