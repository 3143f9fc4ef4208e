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
from listserv.model import Address, Agreement, Credential, Person, Role, RoleName, Status
from listserv.policy.lifecycle import READS, Standing
from listserv.words import N_, Phrase, _

_person = Person.__table__  # type: ignore[attr-defined]
_address = Address.__table__  # type: ignore[attr-defined]
_credential = Credential.__table__  # type: ignore[attr-defined]
_agreement = Agreement.__table__  # type: ignore[attr-defined]
_role = Role.__table__  # type: ignore[attr-defined]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The beginning of a day, where somebody lives."""
    return datetime.combine(day, time(), zone)


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
    Status.ACTIVE: N_("You are a member."),
    Status.APPLIED: N_("You have asked to join, and are not a member yet."),
    Status.LAPSED: N_("Your membership rests: your registration has run out."),
    Status.PAUSED: N_("You are a member, and your mail is paused."),
    Status.BOUNCING: N_("You are a member, but our mail to you comes back."),
    Status.SUSPENDED: N_("Your membership is suspended."),
    Status.BANNED: N_("You are not a member."),
    Status.LEFT: N_("You have left."),
}


_ROLES = {
    RoleName.MODERATOR: N_("moderator"),
    RoleName.OWNER: N_("owner"),
    RoleName.FACILITATOR: N_("facilitator"),
    RoleName.VERIFIER: N_("verifier"),
}


def status(ctx: Context, tx: Connection, person: int) -> str:
    """Everything that `status` tells, in lines."""
    row = _row(tx, person)
    phrase = ctx.phrase
    lines = [", ".join(filter(None, (row.name or phrase("No name"), row.profession))), phrase(_STATUS[row.status])]
    if row.status == Status.PAUSED and row.paused_until:
        ends = row.paused_until.astimezone(ctx.speech.zone).date()
        lines[-1] = phrase("You are a member, and your mail is paused until %(day)s.", day=ends)
    if ctx.settings.community.credentials == "registration":
        lines.append(phrase(_registration(ctx, row)))
    if membership.terms_version(ctx.settings) is not None:
        if agreed(ctx, tx, person):
            lines.append(phrase("You have agreed to the terms."))
        else:
            lines.append(phrase("You have not agreed to the present terms yet: `terms` shows them, `agree` agrees."))
    addresses = tx.execute(select(_address.c.email, _address.c.preferred).where(_address.c.person_id == person))
    ours = phrase("(our mail)")
    shown = ", ".join(f"{one.email} {ours}" if one.preferred else one.email for one in addresses)
    lines.append(phrase("Addresses: %(addresses)s", addresses=shown))
    roles = list(tx.execute(select(_role.c.list_name, _role.c.role).where(_role.c.person_id == person)))
    if roles:
        named = ", ".join(phrase("%(role)s of %(list)s", role=_ROLES[one.role], list=one.list_name) for one in roles)
        lines.append(phrase("Roles: %(roles)s", roles=named))
    lists = wishes.in_words(ctx, tx, person)
    lines += (
        ["", *(f"{title}: {phrase(mode)}" for title, mode in lists)]
        if lists
        else ["", phrase("You are on no list: `lists`.")]
    )
    regular = wishes.regular(ctx, tx, person)
    return "\n".join((*lines, *([regular] if regular else [])))


def _registration(ctx: Context, row: Any) -> str:
    found = membership.standing_of(ctx.settings, row, ctx.clock())
    if found is Standing.NONE:
        return N_("We have no registration of yours: `renew NUMBER until DATE` tells us one.")
    number = masked(row.number)
    if row.expires is None:
        return N_("Registration %(number)s, valid until further notice.", number=number)
    return Phrase(_REGISTRATION[found], number=number, day=row.expires)


_REGISTRATION = {
    Standing.VALID: _("Registration %(number)s, until %(day)s."),
    Standing.LATE: _("Registration %(number)s ended on %(day)s; the late period runs. `renew` tells us the new end."),
    Standing.READ_ONLY: _("Registration %(number)s ended on %(day)s: you can read, and post again once it is renewed."),
    Standing.LAPSED: _("Registration %(number)s ended on %(day)s. `renew NUMBER until DATE` brings you back."),
}


def why_not_reading(ctx: Context, tx: Connection, person: int) -> str:
    """Why somebody has nothing to read at present, and what to do."""
    row = _row(tx, person)
    if row.status not in membership.READING:
        return N_("%(standing)s `status` tells more.", standing=_STATUS[row.status])
    if not agreed(ctx, tx, person):
        return N_("First, please agree to the present terms: `terms` shows them, `agree` agrees.")
    if membership.standing_of(ctx.settings, row, ctx.clock()) not in READS:
        return _registration(ctx, row)
    contact = ctx.settings.community.contact
    return N_("That is not possible at present. %(contact)s is a person.", contact=contact)


def forget(ctx: Context, tx: Connection, to: Recipient) -> str:
    """A wish to be erased goes to a human: it cannot be undone, and a stolen mailbox must not be enough for it."""
    notices.put(ctx, tx, "forget", ctx.settings.community.contact, "forget", who=to.name, email=to.email)
    return N_(
        "Your wish has been passed on to %(contact)s, who will write to you and then erase what is held about you."
        " Until then, `leave all` stops all mail at once.",
        contact=ctx.settings.community.contact,
    )
