"""Verifiers: a notice with everything about an applicant, and their answer: verified, need, decline.

Between an application and a membership. A verifier's answer is a decision and needs proof of its sender, as that of a
moderator does (its Reply-To is a moderate address). Nothing is looked up by us: registers are read by people.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from listserv import audit, membership, moderate, notices, routing
from listserv.authenticate import Proof
from listserv.context import Context
from listserv.life.applications import CLOSE_AFTER, ask, duplicates, join_list, missing
from listserv.life.pausing import receiving_again
from listserv.mail.dates import read_day
from listserv.mail.incoming import Incoming
from listserv.mail.reply import answer_text, read_answer
from listserv.mail.text import one_line
from listserv.membership import READING, Recipient, moderators, recipient
from listserv.model import (
    Address,
    Agreement,
    Application,
    ApplicationState,
    Credential,
    Person,
    Purpose,
    Role,
    RoleName,
    Status,
    Subscription,
)
from listserv.policy.lifecycle import next_end
from listserv.routing import Kind
from listserv.settings import HUB
from listserv.words import N_

_application = Application.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_address = Address.__table__  # type: ignore[attr-defined]
_role = Role.__table__  # type: ignore[attr-defined]
_credential = Credential.__table__  # type: ignore[attr-defined]
_agreement = Agreement.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]

RENEWAL = "renewal until "  # before the date, as the reason of an application that is a renewal
VERBS = {"verified": "verified", "accept": "verified", "approve": "verified", "ok": "verified", "yes": "verified",
         "need": "need", "needs": "need", "decline": "decline", "reject": "decline"}  # fmt: skip


def verifiers(ctx: Context, tx: Connection, lists: list[str]) -> list[Recipient]:
    """Who verifies: those with the role; without any, who moderates or owns the lists that are asked for."""
    rows = tx.execute(
        select(_person.c.id, _person.c.name, _address.c.email)
        .select_from(_role.join(_person, _person.c.id == _role.c.person_id).join(
            _address, (_address.c.person_id == _person.c.id) & _address.c.preferred))
        .where(_role.c.role == RoleName.VERIFIER, _person.c.status.in_(READING))
        .distinct()
        .order_by(_person.c.id)
    )  # fmt: skip
    found = [Recipient(*row) for row in rows]
    if found:
        return found
    people = {one.person: one for name in (lists or ctx.settings.lists) for one in moderators(tx, name)}
    return list(people.values())


def tell(ctx: Context, tx: Connection, number: int, *, again: bool = False) -> None:
    """Puts an application before the verifiers; once, but for the reminder and for new answers of the applicant."""
    row = tx.execute(select(_application).where(_application.c.id == number)).one()
    if row.told_at is not None and not again:
        return
    tx.execute(update(_application).where(_application.c.id == number).values(told_at=ctx.clock()))
    profession = ctx.settings.profession(row.profession, row.registration)
    until = next_end(profession, ctx.clock().astimezone(ctx.settings.community.zone).date())
    said = row.reason.removeprefix(RENEWAL) if row.reason.startswith(RENEWAL) else ""
    until = date.fromisoformat(said) if said else until  # of a renewal, what the member says is to be looked up
    flags = duplicates(tx, row)
    if row.registration and profession is not None and not profession.fits(row.registration):
        flags.append(N_("the number does not look like one of %(profession)s", profession=profession.title))
    if row.registration and profession is None and ctx.settings.professions:
        flags.append(N_("the profession is none of those in the settings"))
    people = verifiers(ctx, tx, row.lists)
    if not people:
        notices.put(ctx, tx, "verify", ctx.settings.community.contact, "verify-nobody", row=row)
    for to in people:
        token = moderate.issue(ctx, tx, Purpose.VERIFY, to.person, application_id=number)
        notices.put(
            ctx, tx, "verify", to, "verify", row=row, flags=flags, again=again,
            register=profession.register if profession else "", until=until or "30 Nov 2027",
            reply_to=routing.address(ctx.settings, HUB, Kind.MODERATE, token),
            needs_registration=ctx.settings.community.credentials == "registration",
        )  # fmt: skip


def verifier_answer(
    ctx: Context, tx: Connection, token: Any, text_token: str, incoming: Incoming, proof: Proof
) -> None:
    """`verified until 30 Nov 2027`, `need <what>`, `decline <reason>`: from the verifier's own address, with proof."""
    to = membership.answering(tx, token, incoming.authors[0].address)
    if to is None or not proof.proven:
        return
    answering = notices.Answering(incoming.message_id)
    row = tx.execute(select(_application).where(_application.c.id == token.application_id)).first()
    still = row is not None and row.state == ApplicationState.OPEN and row.verified_at is None
    if row is None or not still or to.person not in {one.person for one in verifiers(ctx, tx, row.lists)}:
        notices.put(ctx, tx, "unclear", to, "verify-done", answering=answering, row=row)
        return
    said = read_answer(answer_text(incoming.message), VERBS, with_argument=set(VERBS.values()))
    argument = one_line(said.argument, 500)
    until = _until(ctx, argument) if said.verb == "verified" else None
    unclear = said.verb is None or (said.verb in ("need", "decline") and not argument)
    if unclear or (said.verb == "verified" and argument and until is None):
        reply_to = routing.address(ctx.settings, HUB, Kind.MODERATE, text_token)
        notices.put(ctx, tx, "unclear", to, "verify-unclear", answering=answering, reply_to=reply_to,
                    wrote=one_line(said.first_line, 120), applicant=row.name)  # fmt: skip
        return
    by = audit.Who("mail", to.person, proof.by)
    audit.note(tx, ctx.clock(), f"application-{said.verb}", by, about=row.person_id)
    _decide(ctx, tx, row, to, said.verb or "", argument, until)
    notices.put(ctx, tx, "verified", to, "verified", answering=answering, row=row, verb=said.verb,
                until=until, argument=argument)  # fmt: skip


def _until(ctx: Context, argument: str) -> date | None:
    """The end that a verifier named."""
    words = re.sub(r"^\W*(?:until|till|to|bis|jusqu.au)\s+", "", argument, flags=re.I)
    return read_day(words, ctx.clock().astimezone(ctx.settings.community.zone).date())


def _decide(
    ctx: Context, tx: Connection, row: Any, by: Recipient, verb: str, argument: str, until: date | None
) -> None:
    now = ctx.clock()
    if verb == "decline":
        tx.execute(
            update(_application).where(_application.c.id == row.id)
            .values(state=ApplicationState.DECLINED, closed_at=now, reason=argument, verified_by=by.name)
        )  # fmt: skip
        tx.execute(update(_person).where(_person.c.id == row.person_id, _person.c.status == Status.APPLIED)
                   .values(status=Status.LEFT))  # fmt: skip
        notices.put(ctx.speaking(row.language), tx, "join-declined", row.email, "join-declined", reason=argument)
        return
    if verb == "need":
        tx.execute(update(_application).where(_application.c.id == row.id).values(told_at=None))
        token = moderate.issue(ctx, tx, Purpose.APPLY, None, application_id=row.id, life=CLOSE_AFTER)
        notices.put(ctx.speaking(row.language), tx, "join-need", row.email, "join-need", what=argument,
                    reply_to=routing.address(ctx.settings, HUB, Kind.CONFIRM, token))  # fmt: skip
        return
    tx.execute(
        update(_application).where(_application.c.id == row.id)
        .values(verified_at=now, verified_by=by.name, verified_until=until)
    )  # fmt: skip
    if row.person_id is not None and row.registration:
        tx.execute(delete(_credential).where(_credential.c.person_id == row.person_id))
        values = {"person_id": row.person_id, "number": row.registration, "expires": until}
        tx.execute(insert(_credential).values(values))
    if not missing(ctx, row):
        admit(ctx, tx, row.id)
    else:
        ask(ctx, tx, row.id, "verified")


def admit(ctx: Context, tx: Connection, number: int) -> None:
    """The last step: a member, on the lists that were asked for, with a welcome."""
    now = ctx.clock()
    row = tx.execute(select(_application).where(_application.c.id == number)).one()
    changed = tx.execute(
        update(_application)
        .where(_application.c.id == number, _application.c.state == ApplicationState.OPEN)
        .values(state=ApplicationState.DONE, closed_at=now)
    )
    if changed.rowcount != 1 or row.person_id is None:
        return
    before = tx.execute(select(_person.c.status).where(_person.c.id == row.person_id)).scalar()
    resting = (Status.APPLIED, Status.LAPSED)
    tx.execute(
        update(_person).where(_person.c.id == row.person_id, _person.c.status.in_(resting))
        .values(status=Status.ACTIVE)
    )  # fmt: skip
    if row.terms_version:
        same = (_agreement.c.person_id == row.person_id, _agreement.c.version == row.terms_version)
        if tx.execute(select(_agreement.c.id).where(*same)).first() is None:
            values = {"person_id": row.person_id, "version": row.terms_version, "agreed_at": now,
                      "evidence": f"application {number}, by reply from {row.email}"}  # fmt: skip
            tx.execute(insert(_agreement).values(values))
    to = recipient(tx, row.person_id)
    if before != Status.APPLIED:  # a member, whose registration was renewed
        if before == Status.LAPSED:
            receiving_again(tx, row.person_id, now)
        if to is not None:
            notices.put(ctx, tx, "renewed", to, "renewed")
        return
    open_lists = [name for name, one in ctx.settings.lists.items() if one.posting != "moderators"]
    wanted = row.lists or (open_lists if len(open_lists) <= 3 else [])
    for name in wanted:
        if name in ctx.settings.lists:
            join_list(ctx, tx, row.person_id, name)
    if to is not None:
        notices.put(
            ctx, tx, "welcome", to, "welcome",
            lists=[(routing.title(ctx.settings, name), routing.address(ctx.settings, name)) for name in wanted],
            request_address=routing.address(ctx.settings, HUB, Kind.REQUEST),
            url=ctx.settings.community.url if ctx.settings.web is not None else "",
        )  # fmt: skip
