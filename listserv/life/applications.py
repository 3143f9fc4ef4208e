"""What the steps of an application share: what is missing, what the applicant is asked, and the way onto a list."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from listserv import membership, moderate, notices, routing
from listserv.context import Context
from listserv.life.terms import terms_text
from listserv.model import Application, Credential, Person, Purpose, Subscription
from listserv.routing import Kind
from listserv.settings import HUB
from listserv.words import N_

_application = Application.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_credential = Credential.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]

CLOSE_AFTER = timedelta(days=30)


def ask(ctx: Context, tx: Connection, number: int, stage: str, answers: str | None = None) -> None:
    """Writes to the applicant what is there and what is missing, with a token to answer to."""
    row = tx.execute(select(_application).where(_application.c.id == number)).one()
    token = moderate.issue(ctx, tx, Purpose.APPLY, None, application_id=number, life=CLOSE_AFTER)
    tx.execute(update(_application).where(_application.c.id == number).values(asked_at=ctx.clock()))
    notices.put(
        ctx.speaking(row.language), tx, "join", row.email, "join", stage=stage, row=row, missing=missing(ctx, row),
        reply_to=routing.address(ctx.settings, HUB, Kind.CONFIRM, token),
        answering=notices.Answering(answers) if answers else None,
        needs_registration=needs_registration(ctx), terms=terms_text(ctx),
        lists=[(name, one.title) for name, one in ctx.settings.lists.items()],
        professions=[one.title for one in ctx.settings.professions.values()],
    )  # fmt: skip


def needs_registration(ctx: Context) -> bool:
    return ctx.settings.community.credentials == "registration"


def missing(ctx: Context, row: Any) -> list[str]:
    """What the applicant still has to say: `confirm`, `name`, `profession`, `registration`, `terms`."""
    found = []
    if row.confirmed_at is None:
        found.append("confirm")
    if not row.name:
        found.append("name")
    if needs_registration(ctx):
        found += [what for what in ("profession", "registration") if not getattr(row, what)]
    version = membership.terms_version(ctx.settings)
    if version is not None and row.terms_version != version:
        found.append("terms")
    return found


def join_list(ctx: Context, tx: Connection, person: int, name: str) -> str:
    """Puts a member onto a list; what the answer says."""
    now = ctx.clock()
    title = routing.title(ctx.settings, name)
    row = tx.execute(select(_person).where(_person.c.id == person)).one()
    same = (_subscription.c.person_id == person, _subscription.c.list_name == name)
    known = tx.execute(select(_subscription).where(*same)).first()
    if known is not None and known.left_at is None:
        return N_("You are on %(title)s already.", title=title)
    mode = {"delivery": row.delivery, "delivery_since": now}
    if known is not None:
        tx.execute(update(_subscription).where(*same).values(left_at=None, **mode))
    else:
        tx.execute(insert(_subscription).values(person_id=person, list_name=name, moderated=False, since=now, **mode))
    address = routing.address(ctx.settings, name)
    return N_("You are on %(title)s now. Write to %(address)s to post.", title=title, address=address)


def duplicates(tx: Connection, row: Any) -> list[str]:
    """Who else has this registration number, in words for a verifier."""
    plain = row.registration.replace(" ", "").upper()
    if not plain:
        return []
    found = tx.execute(
        select(_person.c.name, _person.c.status)
        .join(_credential, _credential.c.person_id == _person.c.id)
        .where(func.upper(func.replace(_credential.c.number, " ", "")) == plain, _person.c.id != (row.person_id or 0))
    )
    return [
        N_("%(name)s (%(status)s) has the same registration number", name=one.name, status=str(one.status))
        for one in found
    ]
