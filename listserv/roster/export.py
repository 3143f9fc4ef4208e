"""Everybody out again, in the columns that an import reads."""

from __future__ import annotations

import csv
import io
from typing import Any

from listserv.context import Context
from listserv.roster.known import everybody
from listserv.roster.reading import COLUMNS, WRITTEN_ONLY


def export_rows(ctx: Context) -> list[dict[str, Any]]:
    """Everybody, ordered by address, with the columns of the CSV; `bounce_score` is a number."""
    with ctx.db.reading() as tx:
        people = everybody(ctx, tx)
    rows = []
    for known in people.values():
        running = [name for name, (_, _, left) in known.subscriptions.items() if left is None]
        aliases = sorted(email for _, email, preferred in known.addresses.values() if not preferred)
        rows.append(
            {
                "email": known.email,
                "name": known.name,
                "profession": known.profession,
                "registration": known.number,
                "registration_expires": known.expires.isoformat() if known.expires else "",
                "lists": ";".join(sorted(running, key=ctx.settings.list_order)),
                "roles": ";".join(f"{name}:{role}" for name, role in sorted(known.roles)),
                "delivery": known.delivery,
                "aliases": ";".join(aliases),
                "terms": "agreed" if known.agreed else "",
                "trusted": "yes" if known.trusted else "",
                "language": known.language,
                "status": str(known.status),
                "bounce_score": known.bounce_score,
            }
        )
    return sorted(rows, key=lambda row: str(row["email"]).casefold())


def export_csv(ctx: Context) -> str:
    """The same as CSV; importing it again changes nothing."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [*COLUMNS, *WRITTEN_ONLY], lineterminator="\n")
    writer.writeheader()
    writer.writerows(export_rows(ctx))
    return out.getvalue()
