"""Mail for people: owners, postmaster, abuse; and mail to a request address in which there is no command.

Mail to these addresses is forwarded attached, From ours, rate-limited per sender. What cannot be understood is said
honestly to members (nobody else is answered) and passed on to a human.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from listserv import notices, routing
from listserv.authenticate import Proof
from listserv.context import Context
from listserv.mail.address import canonical
from listserv.mail.incoming import Incoming
from listserv.mail.text import one_line
from listserv.membership import Recipient, moderators, person_of, recipient
from listserv.model import Delivery, Notice
from listserv.routing import Kind, Route
from listserv.tokens import read_capability
from listserv.words import N_

_notice = Notice.__table__  # type: ignore[attr-defined]
_delivery = Delivery.__table__  # type: ignore[attr-defined]

_NOT_YET = {Kind.REQUEST: N_("make out a command in it")}


def _people(ctx: Context, tx: Connection, route: Route) -> list[Recipient | str]:
    if route.kind is Kind.OWNER:
        found: list[Recipient | str] = [*moderators(tx, route.list_name)]
        if found:
            return found
    return [ctx.settings.community.contact]


def to_people(ctx: Context, tx: Connection, route: Route, incoming: Incoming, *, why: str, proof: Proof) -> None:
    """Forwards a message, attached, to those behind an address. Automatic mail is forwarded, never answered."""
    sender = one_line(incoming.authors[0].address, 200) if incoming.authors else N_("an unknown sender")
    for to in _people(ctx, tx, route):
        notices.put(
            ctx,
            tx,
            "forward",
            to,
            "forward",
            list_name=route.list_name,
            attached=notices.attachable(incoming.message.raw),
            sender=sender,
            subject=one_line(incoming.subject, 200) or N_("(no subject)"),
            address=routing.address(ctx.settings, route.list_name, route.kind)
            if route.kind is not Kind.CONTACT
            else "",
            why=why,
            proof=proof.by if proof.proven else "",
        )


def not_yet(ctx: Context, tx: Connection, route: Route, incoming: Incoming, proof: Proof) -> None:
    """A request that this version cannot carry out: a human gets it, and a member is told so."""
    to_people(ctx, tx, route, incoming, why="not-yet", proof=proof)
    if incoming.automatic is not None or incoming.list_ids or len(incoming.authors) != 1 or not proof.proven:
        return
    person = person_of(tx, canonical(incoming.authors[0].address))
    member = recipient(tx, person) if person is not None else None
    if member is not None:
        notices.put(
            ctx,
            tx,
            "not-yet",
            member,
            "not-yet",
            list_name=route.list_name,
            answering=notices.Answering(incoming.message_id),
            what=_NOT_YET[route.kind],
            subject=one_line(incoming.subject, 200) or N_("(no subject)"),
        )


def bounce(ctx: Context, tx: Connection, token: str, incoming: Incoming) -> None:
    """A bounce to one of our VERP addresses: shown to a human while nothing counts it yet. A forged tag is dropped."""
    number = read_capability(ctx.keys.verp, token)
    row = tx.execute(select(_delivery).where(_delivery.c.id == number)).first() if number is not None else None
    if row is None or _is_to(tx, row.notice_id, ctx.settings.community.contact):
        return
    notices.put(
        ctx,
        tx,
        "bounce",
        ctx.settings.community.contact,
        "bounce",
        attached=notices.attachable(incoming.message.raw),
        recipient=row.recipient,
        subject=one_line(incoming.subject, 200) or N_("(no subject)"),
    )


def _is_to(tx: Connection, notice: int | None, contact: str) -> bool:
    """Whether what bounced was our own mail to the contact: telling the contact again would go round in a circle."""
    if notice is None:
        return False
    query = select(func.count()).where(_notice.c.id == notice, _notice.c.recipient == contact)
    return bool(tx.execute(query).scalar())
