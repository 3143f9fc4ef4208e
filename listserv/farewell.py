"""Leaving a list: by the unsubscribe button, by its mail, and the way back for seven days.

The token of a copy (`tokens.capability`) names a subscription; it ends that subscription and nothing else. Whoever
leaves is told at the registered address and answers `undo` to be back.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select

from listserv import membership, moderate, notices, routing
from listserv.context import Context
from listserv.mail.incoming import Incoming
from listserv.mail.reply import answer_text, read_answer
from listserv.mail.text import one_line
from listserv.membership import recipient
from listserv.model import Purpose, Subscription
from listserv.settings import HUB
from listserv.tokens import read_capability

_subscription = Subscription.__table__  # type: ignore[attr-defined]

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


def running(tx: Connection, person: int, list_name: str) -> list[int]:
    """Somebody's subscriptions to a list (with the hub's name: to all of them)."""
    query = select(_subscription.c.id).where(_subscription.c.person_id == person, _subscription.c.left_at.is_(None))
    if list_name != HUB:
        query = query.where(_subscription.c.list_name == list_name)
    return [row.id for row in tx.execute(query)]


def by_mail(ctx: Context, tx: Connection, token: str, incoming: Incoming) -> None:
    """Mail to LIST-leave+TOKEN, as the unsubscribe button of mail programs sends it. Automatic mail leaves nothing."""
    subscription = read_capability(ctx.keys.unsubscribe, token)
    if subscription is not None and incoming.automatic is None:
        leave(ctx, tx, subscription)


def answer(ctx: Context, tx: Connection, token: Any, text_token: str, incoming: Incoming) -> None:
    """A reply to the farewell: `undo` from the person who left brings them back; the token is its proof."""
    to = membership.answering(tx, token, incoming.authors[0].address)
    if to is None:
        return
    answering = notices.Answering(incoming.message_id)
    row = tx.execute(select(_subscription).where(_subscription.c.id == token.subscription_id)).first()
    if row is None:
        notices.put(ctx, tx, "unclear", to, "token-unknown", answering=answering)
        return
    said = read_answer(answer_text(incoming.message), VERBS)
    if said.verb is None:
        reply_to = routing.address(ctx.settings, row.list_name, routing.Kind.CONFIRM, text_token)
        notices.put(
            ctx, tx, "unclear", to, "farewell-unclear", list_name=row.list_name, reply_to=reply_to,
            answering=answering, wrote=one_line(said.first_line, 120),
        )  # fmt: skip
        return
    if row.left_at is None:
        kind, template = "rejoined", "rejoin-already"
    else:
        back = token.expires_at > ctx.clock() and membership.rejoin(tx, row.id, ctx.clock(), UNDO_DAYS)
        kind, template = "rejoined", "rejoined" if back else "rejoin-late"
    notices.put(ctx, tx, kind, to, template, list_name=row.list_name, answering=answering)
