"""Renewal: members are written to before and after the end of their registration, and come back with a line.

Daily, by the dates of `policy.lifecycle`: each mail once (a row in `campaign`), spread over days. Who has lapsed gets
no mail of the lists and sees nothing; a new end, by reply, by a verifier or by a file, brings them back.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from listserv import membership, notices, routing
from listserv.context import Context
from listserv.life.pausing import receiving_again
from listserv.life.standing import masked
from listserv.life.verifying import RENEWAL, tell
from listserv.mail.address import canonical
from listserv.mail.dates import read_day
from listserv.mail.text import one_line
from listserv.membership import Recipient, recipient
from listserv.model import Application, ApplicationState, Campaign, Credential, Person, Status
from listserv.policy import lifecycle
from listserv.routing import Kind
from listserv.settings import HUB
from listserv.words import N_

_person = Person.__table__  # type: ignore[attr-defined]
_credential = Credential.__table__  # type: ignore[attr-defined]
_campaign = Campaign.__table__  # type: ignore[attr-defined]
_application = Application.__table__  # type: ignore[attr-defined]

PER_ROUND = 300  # mails of one round of the job
_RENEW = re.compile(
    r"\s*(?P<number>[A-Za-z0-9][A-Za-z0-9 ./-]{2,40}?)?\s*(?:until|till|to|bis|jusqu.au)\s+(?P<day>.+)\Z", re.I
)


def renewals(ctx: Context, tx: Connection) -> int:
    """Writes the mails that are due, lets lapse and come back; how many were written to. Run again it does no more."""
    if ctx.settings.community.credentials == "none":
        return 0
    today = ctx.clock().astimezone(ctx.settings.community.zone).date()
    _come_back(ctx, tx, today)
    rows = tx.execute(
        select(_person.c.id, _person.c.profession, _person.c.status, _credential.c.number, _credential.c.expires)
        .join(_credential, _credential.c.person_id == _person.c.id)
        .where(_person.c.status.in_(membership.READING), _credential.c.expires.is_not(None),
               _credential.c.expires <= today.fromordinal(today.toordinal() + 30))
        .order_by(_credential.c.expires, _person.c.id)
    )  # fmt: skip
    told = 0
    for row in list(rows):
        if told >= PER_ROUND:
            break
        profession = ctx.settings.profession(row.profession, row.number or "")
        stage = lifecycle.due(row.expires, today, profession, row.id)
        if stage is not None and _once(ctx, tx, row, stage):
            _tell(ctx, tx, row, stage, profession)
            told += 1
    return told


def _once(ctx: Context, tx: Connection, row: Any, stage: str) -> bool:
    dialect: Any = sqlite if ctx.db.sqlite else postgresql
    values = {"person_id": row.id, "about": row.expires.isoformat(), "stage": stage, "at": ctx.clock()}
    done = tx.execute(dialect.insert(_campaign).values(values).on_conflict_do_nothing().returning(_campaign.c.id))
    return done.first() is not None


def _tell(ctx: Context, tx: Connection, row: Any, stage: str, profession: lifecycle.Profession | None) -> None:
    if stage == "lapsed":
        tx.execute(update(_person).where(_person.c.id == row.id).values(status=Status.LAPSED))
    to = recipient(tx, row.id)
    if to is None:
        return
    ends = {one.name: one for one in lifecycle.stages(row.expires, profession)}
    late = ends["late"].ends if "late" in ends else row.expires
    notices.put(
        ctx,
        tx,
        "renewal",
        to,
        "renewal",
        stage=stage,
        number=masked(row.number or ""),
        expires=row.expires,
        late=late,
        reads=ends["read-only"].ends if "read-only" in ends else None,
        reply_to=routing.address(ctx.settings, HUB, Kind.REQUEST),
        until=_next(profession, row.expires),
        request_address=routing.address(ctx.settings, HUB, Kind.REQUEST),
    )


def _next(profession: lifecycle.Profession | None, expires: date) -> date:
    found = lifecycle.next_end(profession, expires)
    return found or date(expires.year + 1, expires.month, min(expires.day, 28))


def _come_back(ctx: Context, tx: Connection, today: date) -> int:
    """Members whose registration was renewed, by whatever way: out of LAPSED."""
    rows = tx.execute(
        select(_person.c.id, _person.c.profession, _credential.c.number, _credential.c.expires)
        .join(_credential, _credential.c.person_id == _person.c.id)
        .where(_person.c.status == Status.LAPSED)
    )
    back = 0
    for row in list(rows):
        profession = ctx.settings.profession(row.profession, row.number or "")
        if lifecycle.standing(row.number, row.expires, today, profession) in lifecycle.POSTS:
            back += reactivate(ctx, tx, row.id)
    return back


def reactivate(ctx: Context, tx: Connection, person: int) -> bool:
    """LAPSED -> ACTIVE, with a word."""
    changed = tx.execute(
        update(_person).where(_person.c.id == person, _person.c.status == Status.LAPSED).values(status=Status.ACTIVE)
    )
    if changed.rowcount != 1:
        return False
    receiving_again(tx, person, ctx.clock())
    to = recipient(tx, person)
    if to is not None:
        notices.put(ctx, tx, "renewed", to, "renewed")
    return True


def renew(ctx: Context, tx: Connection, to: Recipient, argument: str) -> str:
    """A member tells the new end of their registration (and its number): verifiers look, and say so."""
    found = _RENEW.match(argument) or _RENEW.match(f"until {argument}")
    today = ctx.clock().astimezone(ctx.settings.community.zone).date()
    day = read_day(found["day"], today) if found else None
    row = tx.execute(
        select(_person, _credential.c.number, _credential.c.expires)
        .outerjoin(_credential, _credential.c.person_id == _person.c.id)
        .where(_person.c.id == to.person)
    ).one()
    number = (found["number"] or "").strip() if found else ""
    number = number or row.number or ""
    if day is None or day <= today or not number:
        return N_("Until when, and with which number? Write, for example: renew PSY0001234567 until 30 Nov 2027")
    profession = ctx.settings.profession(row.profession, number)
    if profession is not None and not profession.fits(number):
        return N_(
            "%(number)s does not look like a registration number of %(profession)s.",
            number=one_line(number, 40), profession=profession.title,
        )  # fmt: skip
    _ask_verifiers(ctx, tx, to, row, number, day)
    return N_("Thank you. Those who verify have been asked to look up your registration until %(day)s.", day=day)


def _ask_verifiers(ctx: Context, tx: Connection, to: Recipient, row: Any, number: str, day: date) -> None:
    """A renewal is an application of somebody who is a member already: its verifier's answer sets the new end."""
    now = ctx.clock()
    key = canonical(to.email)
    open_ = (_application.c.canonical == key, _application.c.state == ApplicationState.OPEN)
    tx.execute(delete(_application).where(*open_))
    values = {
        "state": ApplicationState.OPEN, "email": to.email, "canonical": key, "person_id": to.person, "lists": [],
        "name": row.name, "profession": row.profession, "registration": number, "confirmed_at": now,
        "terms_version": membership.terms_version(ctx.settings) or "", "verified_by": "", "created_at": now,
        "asked_at": now, "reason": f"{RENEWAL}{day.isoformat()}",
    }  # fmt: skip
    done = tx.execute(insert(_application).values(values)).inserted_primary_key
    assert done is not None
    tell(ctx, tx, int(done[0]))
