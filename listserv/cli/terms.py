"""agreements: who agreed to which text of the terms, when, and by which mail."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import select

from listserv.cli.output import AsJson, say, show
from listserv.context import open_context
from listserv.errors import UserError
from listserv.model import Address, Agreement, Person, TermsText
from listserv.settings import load

_address = Address.__table__  # type: ignore[attr-defined]
_agreement = Agreement.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_terms = TermsText.__table__  # type: ignore[attr-defined]

COLUMNS = ["time", "address", "name", "version", "evidence"]
LEAST = 6  # characters by which a version may be named


def register(app: typer.Typer) -> None:
    app.command("agreements")(agreements)


def agreements(
    context: typer.Context,
    version: Annotated[
        str | None, typer.Option("--text", metavar="VERSION", help="Shows the text of this version instead.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Who agreed to which text of the terms, when, and by which mail; a version is the SHA-256 of its text."""
    ctx = open_context(load(context.obj))
    with ctx.db.reading() as tx:
        if version is not None:
            if len(version) < LEAST:
                raise UserError(f"agreements: name at least {LEAST} characters of the version")
            query = select(_terms.c.text).where(_terms.c.version.startswith(version.lower(), autoescape=True))
            texts = [row.text for row in tx.execute(query)]
            if len(texts) != 1:
                raise UserError(f"agreements: {'several texts' if texts else 'no text'} of the terms: {version}")
            say(texts[0])
            return
        found = tx.execute(
            select(_agreement, _person.c.name, _address.c.email)
            .join(_person, _person.c.id == _agreement.c.person_id)
            .outerjoin(_address, (_address.c.person_id == _person.c.id) & _address.c.preferred)
            .order_by(_agreement.c.agreed_at, _agreement.c.id)
        )
        rows = [
            {
                "time": row.agreed_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
                "address": row.email or "",
                "name": row.name,
                "version": row.version if json else row.version[:12],
                "evidence": row.evidence,
            }
            for row in found
        ]
    show(rows, COLUMNS, as_json=json, empty="Nobody has agreed to any terms yet.")
