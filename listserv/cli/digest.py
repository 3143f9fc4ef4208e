"""digest preview, digest send: the letters that are due, shown or sent, as if it were some time."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from listserv.cli.output import AsJson, say, show
from listserv.context import Context, open_context
from listserv.errors import UserError
from listserv.settings import load

COLUMNS = ["member", "subject", "threads", "size"]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="ISO-TIME", help="As if it were this time; without a zone, that of the community."),
]


def register(app: typer.Typer) -> None:
    digest = typer.Typer(help="Weekly and daily digests.", no_args_is_help=True, rich_markup_mode=None)
    digest.command()(preview)
    digest.command()(send)
    app.add_typer(digest, name="digest")


def _time(ctx: Context, text: str | None) -> datetime:
    if text is None:
        return ctx.clock()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"--at: {text!r} is no time; write it like 2026-11-30T07:00") from None
    return (at if at.tzinfo else at.replace(tzinfo=ctx.settings.community.zone)).astimezone(UTC)


def _known(ctx: Context, list_name: str | None) -> None:
    if list_name is not None and list_name not in ctx.settings.lists:
        raise UserError(f"digest: there is no list {list_name}; lists are {', '.join(ctx.settings.lists)}")


def preview(
    context: typer.Context,
    list_name: Annotated[str, typer.Argument(metavar="LIST")],
    at: At = None,
    member: Annotated[
        str | None, typer.Option("--member", metavar="ADDRESS", help="The letter of this member.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Shows the letters with this list that are due; with --member, that member's text. Sends nothing."""
    from listserv import archiver
    from listserv.digest import issuing

    ctx = open_context(load(context.obj))
    _known(ctx, list_name)
    found = issuing.due(ctx, _time(ctx, at), list_name=list_name, member=member)
    desk = issuing.Desk.open(ctx)
    if found:
        archiver.update(ctx)
    rows: list[dict[str, Any]] = []
    shown: list[str] = []
    for wanted, choice in found:
        one = issuing.compose(desk, wanted, choice)
        if one is None or one[0] is None:
            continue
        raw = issuing.message(desk, wanted, one[0], one[1], 0, f"<preview@{ctx.settings.domain}>")
        rows.append(
            {
                "list": list_name,
                "member": wanted.email,
                "subject": one[0].subject,
                "threads": len(one[0].threads),
                "size": len(raw),
                "period": wanted.period,
                "kind": str(wanted.kind),
            }
        )
        if member is not None:
            shown.append(_text(raw))
    if json:
        show(rows, COLUMNS, as_json=True, empty="")
        return
    if shown:
        say("\n\n".join(shown))
        return
    show(rows, COLUMNS, as_json=False, empty="Nothing is due.")


def _text(raw: bytes) -> str:
    """What a reader of plain text sees."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    body = message.get_body(preferencelist=("plain",))
    text = body.get_content() if body is not None else ""
    return f"Subject: {message['subject']}\nTo: {message['to']}\n\n{text}"


def send(
    context: typer.Context,
    list_name: Annotated[str | None, typer.Argument(metavar="[LIST]")] = None,
    at: At = None,
) -> None:
    """Puts the letters that are due into the outbox, each once; `serve` sends them."""
    from listserv.digest import issuing

    ctx = open_context(load(context.obj))
    _known(ctx, list_name)
    report = issuing.run(ctx, _time(ctx, at), list_name=list_name)
    if not report.sent and not report.empty:
        say("Nothing is due.")
        return
    noun = "letter is" if report.sent == 1 else "letters are"
    say(f"{report.sent} {noun} in the outbox; for {report.empty} there was nothing to tell.")
