"""bounces ADDRESS, bounces reset ADDRESS: what came back for an address, and forgetting it."""

from __future__ import annotations

from typing import Annotated

import typer

from listserv import bounces as stage
from listserv.cli.output import AsJson, say, show
from listserv.context import open_context
from listserv.errors import UserError
from listserv.mail.address import canonical
from listserv.membership import person_with
from listserv.settings import load

COLUMNS = ["time", "class", "status", "counted", "words"]


def register(app: typer.Typer) -> None:
    app.command("bounces")(bounces)


def bounces(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="ADDRESS | reset ADDRESS")],
    json: AsJson = False,
) -> None:
    """What came back for an address and what each was taken for; `reset ADDRESS` forgets its score."""
    forget = words[0] == "reset" and len(words) == 2
    if not forget and len(words) != 1:
        raise typer.BadParameter("write an address, or: reset ADDRESS")
    ctx = open_context(load(context.obj))
    email = words[-1]
    key = canonical(email)
    if forget:
        if not ctx.db.submit(lambda tx: stage.reset(ctx, tx, key)).result():
            raise UserError(f"bounces: {email} is the address of no member")
        say(f"The score of {email} is forgotten; mail goes there again.")
        return
    with ctx.db.reading() as tx:
        found = stage.of_address(tx, key)
        if not found and person_with(tx, key) is None:
            raise UserError(f"bounces: {email} is the address of no member, and nothing came back for it")
    rows = [
        {
            "time": row.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "address": email,
            "class": str(row.kind),
            "status": row.status,
            "counted": bool(row.counted),
            "words": row.words,
        }
        for row in found
    ]
    show(rows, COLUMNS, as_json=json, empty=f"Nothing has come back for {email}.")
