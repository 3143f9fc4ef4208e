"""Where somebody stands, in words: what `status` says, and why something cannot be had at present."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from listserv import membership, notices
from listserv.context import Context
from listserv.digest import wishes
from listserv.membership import Recipient
from listserv.model import Address, Agreement, Credential, Person, Role, Status
from listserv.policy.lifecycle import READS, Standing

_person = Person.__table__  # type: ignore[attr-defined]
_address = Address.__table__  # type: ignore[attr-defined]
_credential = Credential.__table__  # type: ignore[attr-defined]
_agreement = Agreement.__table__  # type: ignore[attr-defined]
_role = Role.__table__  # type: ignore[attr-defined]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The beginning of a day, where somebody lives."""
    return datetime.combine(day, time(), zone)


def day_words(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"


def _row(tx: Connection, person: int) -> Any:
    query = select(_person, _credential.c.number, _credential.c.expires).outerjoin(
        _credential, _credential.c.person_id == _person.c.id
    )
    return tx.execute(query.where(_person.c.id == person)).one()


def masked(number: str) -> str:
    """A registration number as it may be shown: its beginning and its last three."""
    plain = number.strip()
    return plain if len(plain) < 7 else f"{plain[:3]}{'•' * (len(plain) - 6)}{plain[-3:]}"


def agreed(ctx: Context, tx: Connection, person: int) -> bool:
    """Whether the present terms are agreed to (or there are none)."""
    version = membership.terms_version(ctx.settings)
    if version is None:
        return True
    query = select(_agreement.c.id).where(_agreement.c.person_id == person, _agreement.c.version == version)
    return tx.execute(query).first() is not None


_STATUS = {
    Status.ACTIVE: "You are a member.",
    Status.APPLIED: "You have asked to join, and are not a member yet.",
    Status.LAPSED: "Your membership rests: your registration has run out.",
    Status.PAUSED: "You are a member, and your mail is paused.",
    Status.BOUNCING: "You are a member, but our mail to you comes back.",
    Status.SUSPENDED: "Your membership is suspended.",
    Status.BANNED: "You are not a member.",
    Status.LEFT: "You have left.",
}


def status(ctx: Context, tx: Connection, person: int) -> str:
    """Everything that `status` tells, in lines."""
    row = _row(tx, person)
    lines = [f"{row.name or 'No name'}{f', {row.profession}' if row.profession else ''}", _STATUS[row.status]]
    if row.status == Status.PAUSED:
        until = row.paused_until
        lines[-1] = f"You are a member, and your mail is paused{f' until {day_words(until.date())}' if until else ''}."
    if ctx.settings.community.credentials == "registration":
        lines.append(_registration(ctx, row))
    if membership.terms_version(ctx.settings) is not None:
        lines.append("You have agreed to the terms." if agreed(ctx, tx, person) else
                     "You have not agreed to the present terms yet: `terms` shows them, `agree` agrees.")  # fmt: skip
    addresses = tx.execute(select(_address.c.email, _address.c.preferred).where(_address.c.person_id == person))
    lines.append("Addresses: " + ", ".join(f"{one.email}{' (our mail)' if one.preferred else ''}" for one in addresses))
    roles = list(tx.execute(select(_role.c.list_name, _role.c.role).where(_role.c.person_id == person)))
    if roles:
        lines.append("Roles: " + ", ".join(f"{one.role} of {one.list_name}" for one in roles))
    lists = wishes.in_words(ctx, tx, person)
    lines += ["", *(f"{title}: {mode}" for title, mode in lists)] if lists else ["", "You are on no list: `lists`."]
    regular = wishes.regular(ctx, tx, person)
    return "\n".join((*lines, *([regular] if regular else [])))


def _registration(ctx: Context, row: Any) -> str:
    found = membership.standing_of(ctx.settings, row, ctx.clock())
    if found is Standing.NONE:
        return "We have no registration of yours: `renew NUMBER until DATE` tells us one."
    number = masked(row.number)
    if row.expires is None:
        return f"Registration {number}, valid until further notice."
    ends = day_words(row.expires)
    return {
        Standing.VALID: f"Registration {number}, until {ends}.",
        Standing.LATE: f"Registration {number} ended on {ends}; the late period runs. `renew` tells us the new end.",
        Standing.READ_ONLY: f"Registration {number} ended on {ends}: you can read, and post again once it is renewed.",
        Standing.LAPSED: f"Registration {number} ended on {ends}. `renew NUMBER until DATE` brings you back.",
    }[found]


def why_not_reading(ctx: Context, tx: Connection, person: int) -> str:
    """Why somebody has nothing to read at present, and what to do."""
    row = _row(tx, person)
    if row.status not in membership.READING:
        return _STATUS[row.status] + " `status` tells more."
    if not agreed(ctx, tx, person):
        return "First, please agree to the present terms: `terms` shows them, `agree` agrees."
    if membership.standing_of(ctx.settings, row, ctx.clock()) not in READS:
        return _registration(ctx, row)
    return f"That is not possible at present. {ctx.settings.community.contact} is a person."


def forget(ctx: Context, tx: Connection, to: Recipient) -> str:
    """A wish to be erased goes to a human: it cannot be undone, and a stolen mailbox must not be enough for it."""
    notices.put(ctx, tx, "forget", ctx.settings.community.contact, "forget", who=to.name, email=to.email)
    return (
        f"Your wish has been passed on to {ctx.settings.community.contact}, who will write to you and then erase what"
        " is held about you. Until then, `leave all` stops all mail at once."
    )
