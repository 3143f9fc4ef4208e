"""Leaving a list: by the unsubscribe button, by its mail, and the way back for seven days.

The token of a copy (`tokens.capability`) names a subscription; it ends that subscription and nothing else. Whoever
leaves is told at the registered address and answers `undo` to be back.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, select

from listserv import membership, moderate, notices, routing
from listserv.authenticate import Proof
from listserv.context import Context
from listserv.mail.address import canonical
from listserv.mail.incoming import Incoming
from listserv.mail.reply import answer_text, read_answer
from listserv.membership import person_of, recipient
from listserv.model import Purpose, Subscription, Token
from listserv.tokens import read_capability, stored

_subscription = Subscription.__table__  # type: ignore[attr-defined]
_token = Token.__table__  # type: ignore[attr-defined]

UNDO_DAYS = 7
VERBS = {"undo": "undo"}


def leave(ctx: Context, tx: Connection, subscription: int) -> tuple[int, str] | None:
    """Ends a subscription and tells the person; (person, list), None when it was not running."""
    done = membership.leave(tx, subscription, ctx.clock())
    if done is not None:
        _tell(ctx, tx, done[0], done[1], subscription)
    return done


def _tell(ctx: Context, tx: Connection, person: int, list_name: str, subscription: int) -> None:
    to = recipient(tx, person)
    if to is None:
        return
    life = timedelta(days=UNDO_DAYS)
    token = moderate.issue(ctx, tx, Purpose.LEFT, person, subscription_id=subscription, life=life)
    reply_to = routing.address(ctx.settings, list_name, routing.Kind.CONFIRM, token)
    notices.put(ctx, tx, "left", to, "left", list_name=list_name, reply_to=reply_to, days=UNDO_DAYS)


def by_mail(ctx: Context, tx: Connection, token: str, incoming: Incoming) -> None:
    """Mail to LIST-leave+TOKEN, as the unsubscribe button of mail programs sends it. Automatic mail leaves nothing."""
    subscription = read_capability(ctx.keys.unsubscribe, token)
    if subscription is not None and incoming.automatic is None:
        leave(ctx, tx, subscription)


def answer(ctx: Context, tx: Connection, token: str, incoming: Incoming, proof: Proof) -> None:
    """A reply to the farewell: `undo` from the person who left, with proof, brings them back."""
    if incoming.automatic is not None or incoming.list_ids or len(incoming.authors) != 1 or not proof.proven:
        return
    row = tx.execute(select(_token).where(_token.c.hash == stored(token), _token.c.purpose == Purpose.LEFT)).first()
    if row is None or row.person_id != person_of(tx, canonical(incoming.authors[0].address)):
        return
    to = recipient(tx, row.person_id)
    said = read_answer(answer_text(incoming.message), VERBS)
    if to is None or said.verb != "undo":
        return
    list_name = tx.execute(
        select(_subscription.c.list_name).where(_subscription.c.id == row.subscription_id)
    ).scalar_one()
    back = row.expires_at > ctx.clock() and membership.rejoin(tx, row.subscription_id, ctx.clock(), UNDO_DAYS)
    notices.put(
        ctx, tx, "rejoined", to, "rejoined" if back else "rejoin-late", list_name=list_name,
        answering=notices.Answering(incoming.message_id),
    )  # fmt: skip
