"""A member's addresses: a new one is confirmed from itself, and asked for from an old one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from listserv import moderate, notices, routing
from listserv.context import Context
from listserv.mail.address import canonical
from listserv.mail.incoming import Incoming
from listserv.membership import Recipient, person_with, recipient
from listserv.model import Address, Person, Purpose, Session, Status
from listserv.settings import HUB
from listserv.words import N_

_address = Address.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_session = Session.__table__  # type: ignore[attr-defined]

LIFE = timedelta(days=3)
MOST = 8  # addresses of one person


def change_address(ctx: Context, tx: Connection, to: Recipient, verb: str, email: str) -> str:
    """`add`, `prefer` or `remove`; what the answer says. Whether an address belongs to somebody else is not told."""
    key = canonical(email)
    own = {row.canonical: row for row in tx.execute(select(_address).where(_address.c.person_id == to.person))}
    if verb == "add":
        return _add(ctx, tx, to, email, key, own)
    if key not in own:
        return N_("%(email)s is not one of your addresses; `status` shows them.", email=email)
    if verb == "prefer":
        _prefer(tx, to.person, own[key].id)
        return N_("Our mail to you goes to %(email)s from now on.", email=email)
    if len(own) == 1:
        return N_("That is your only address. Add another one first: address add new@example.org")
    tx.execute(delete(_address).where(_address.c.id == own[key].id))
    if own[key].preferred:
        first = min(row.id for other, row in own.items() if other != key)
        _prefer(tx, to.person, first)
    tx.execute(delete(_session).where(_session.c.person_id == to.person))
    return N_("%(email)s is not yours here any more. For safety you have been logged out on the web.", email=email)


def _prefer(tx: Connection, person: int, number: int) -> None:
    tx.execute(update(_address).where(_address.c.person_id == person).values(preferred=False))
    tx.execute(update(_address).where(_address.c.id == number).values(preferred=True))


def _add(ctx: Context, tx: Connection, to: Recipient, email: str, key: str, own: dict[str, Any]) -> str:
    if key in own:
        return N_("%(email)s is one of your addresses already.", email=email)
    if len(own) >= MOST:
        return N_("You have %(count)s addresses; remove one first.", count=len(own))
    free = not routing.is_own(ctx.settings, email) and person_with(tx, key) is None
    if free and not notices.asked_enough(ctx, tx, email):
        token = moderate.issue(ctx, tx, Purpose.ADDRESS, to.person, about=email, life=LIFE)
        reply_to = routing.address(ctx.settings, HUB, routing.Kind.CONFIRM, token)
        notices.put(ctx, tx, "address", email, "address", reply_to=reply_to, who=to.name, old=to.email)
    return N_("A mail has gone to %(email)s. When it is answered from there, that address is yours here.", email=email)


def confirm_address(ctx: Context, tx: Connection, token: Any, incoming: Incoming) -> None:
    """The answer from a new address; the token, sent there alone, is its proof."""
    email = token.about
    to = recipient(tx, token.person_id)
    if to is None or canonical(incoming.authors[0].address) != canonical(email) or token.expires_at < ctx.clock():
        return
    status = tx.execute(select(_person.c.status).where(_person.c.id == token.person_id)).scalar()
    if status in (Status.BANNED, Status.LEFT) or person_with(tx, canonical(email)) is not None:
        return
    values = {"person_id": token.person_id, "email": email, "canonical": canonical(email), "preferred": False,
              "bounce_score": 0.0}  # fmt: skip
    tx.execute(insert(_address).values(values))
    notices.put(ctx, tx, "address-added", to, "address-added", email=email)
    notices.put(ctx, tx, "address-added", email, "address-added", email=email)
