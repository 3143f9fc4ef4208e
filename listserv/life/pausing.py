"""Pausing and coming back; threads that somebody follows or has muted."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime

from sqlalchemy import Connection, select, update

from listserv.archiver import connect
from listserv.context import Context
from listserv.digest import asking
from listserv.digest.schedule import zone_of
from listserv.errors import UserError
from listserv.model import IssueKind, Person, Status, Subscription
from listserv.settings import HUB
from listserv.words import N_

_person = Person.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]


def pause(ctx: Context, tx: Connection, person: int, until: datetime | None) -> str:
    """No mail from now on, until a time or until they say so; what the answer says."""
    now = ctx.clock()
    row = tx.execute(select(_person).where(_person.c.id == person)).one()
    if row.status not in (Status.ACTIVE, Status.PAUSED):
        return N_("Your mail cannot be paused at present; `status` tells why.")
    tx.execute(
        update(_person)
        .where(_person.c.id == person)
        .values(status=Status.PAUSED, paused_at=row.paused_at or now, paused_until=until)
    )
    if until is None:
        return N_("Your mail is paused until you write `resume`. You can post and read as before.")
    return N_(
        "Your mail is paused until %(day)s; then it comes again by itself, with one letter of what was said meanwhile."
        " You can post and read as before, and `resume` ends the pause.",
        day=until.astimezone(zone_of(ctx.settings, row.timezone)).date(),
    )


def resume(ctx: Context, tx: Connection, person: int) -> bool:
    """Mail comes again, and one letter tells what was said meanwhile. False when there was no pause."""
    now = ctx.clock()
    row = tx.execute(select(_person).where(_person.c.id == person)).one()
    changed = tx.execute(
        update(_person)
        .where(_person.c.id == person, _person.c.status == Status.PAUSED)
        .values(status=Status.ACTIVE, paused_at=None, paused_until=None)
    )
    if changed.rowcount != 1:
        return False
    receiving_again(tx, person, now)
    if row.paused_at is not None:
        asking.ask(ctx, tx, person, HUB, row.paused_at, IssueKind.CATCH_UP)
    return True


def receiving_again(tx: Connection, person: int, now: datetime) -> None:
    """Letters begin anew now: those of the time without mail do not come one by one."""
    tx.execute(update(_subscription).where(_subscription.c.person_id == person).values(delivery_since=now))


def resume_due(ctx: Context, tx: Connection) -> int:
    """Ends the pauses whose time has come."""
    due = (
        _person.c.status == Status.PAUSED,
        _person.c.paused_until.is_not(None),
        _person.c.paused_until <= ctx.clock(),
    )
    people = [row.id for row in tx.execute(select(_person.c.id).where(*due).limit(500))]
    return sum(resume(ctx, tx, person) for person in people)


def thread_of(ctx: Context, list_name: str, tag: str) -> str:
    """The tag of the conversation that a message stands in; its own while the archive does not know it."""
    try:
        with closing(connect(ctx.settings.archive.directory)) as db:
            row = db.execute("SELECT thread FROM message WHERE list = ? AND tag = ?", (list_name, tag)).fetchone()
    except UserError:
        return tag
    return str(row["thread"]) if row is not None else tag
