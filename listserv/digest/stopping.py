"""The unsubscribe link of a digest stops the digest, not the membership; `undo` brings it back.

Behind a digest's delivery. The token names an issue, and the issue says whose letters, weekly or daily, over which
lists: those subscriptions get nothing any more (`none`: the archive alone). Which ones they were is kept with the
issue, so that undoing restores exactly them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from listserv import membership, moderate, notices, routing
from listserv.context import Context
from listserv.mail.incoming import Incoming
from listserv.mail.reply import answer_text, read_answer
from listserv.mail.text import one_line
from listserv.membership import recipient
from listserv.model import Delivery, DeliveryState, Issue, IssueKind, Purpose, Subscription
from listserv.model.outbox import WAITING
from listserv.settings import HUB
from listserv.words import N_

_issue = Issue.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]
_delivery = Delivery.__table__  # type: ignore[attr-defined]

UNDO_DAYS = 30


def stop(ctx: Context, tx: Connection, number: int) -> bool:
    """Ends the digests that an issue belongs to; whether there were any. The person is told, with the way back."""
    row = tx.execute(select(_issue).where(_issue.c.id == number)).first()
    if row is None:
        return False
    now = ctx.clock()
    stopped = [one.id for one in tx.execute(_running(row))]
    if not stopped:
        return False
    values = {"delivery": "none", "delivery_since": now}
    tx.execute(update(_subscription).where(_subscription.c.id.in_(stopped)).values(values))
    tx.execute(update(_issue).where(_issue.c.id == number).values(stopped=stopped, stopped_at=now))
    _suppress(tx, row, now)
    to = recipient(tx, row.person_id)
    if to is not None:
        life = timedelta(days=UNDO_DAYS)
        token = moderate.issue(ctx, tx, Purpose.DIGEST, row.person_id, issue_id=number, life=life)
        reply_to = routing.address(ctx.settings, row.list_name, routing.Kind.CONFIRM, token)
        notices.put(
            ctx, tx, "digest-stopped", to, "digest-stopped", list_name=row.list_name, reply_to=reply_to,
            days=UNDO_DAYS, word=_word(row),
        )  # fmt: skip
    return True


def _running(row: Any) -> Any:
    """The subscriptions that an issue belongs to."""
    running = select(_subscription.c.id).where(
        _subscription.c.person_id == row.person_id,
        _subscription.c.left_at.is_(None),
        _subscription.c.delivery.in_(_modes(row)),
    )
    return running if row.list_name == HUB else running.where(_subscription.c.list_name == row.list_name)


def is_running(tx: Connection, row: Any) -> bool:
    """Whether digests like this issue come at present."""
    return tx.execute(_running(row).limit(1)).first() is not None


def undo(ctx: Context, tx: Connection, number: int) -> bool:
    """What `stop` has ended goes on, as far as nothing else was chosen meanwhile."""
    row = tx.execute(select(_issue).where(_issue.c.id == number)).first()
    if row is None or row.stopped_at is None or row.stopped_at < ctx.clock() - timedelta(days=UNDO_DAYS):
        return False
    done = tx.execute(
        update(_subscription)
        .where(_subscription.c.id.in_(row.stopped), _subscription.c.delivery == "none")
        .values(delivery=_modes(row)[0], delivery_since=ctx.clock())
    )
    tx.execute(update(_issue).where(_issue.c.id == number).values(stopped=[], stopped_at=None))
    return bool(done.rowcount)


def _modes(row: Any) -> tuple[str, ...]:
    """The deliveries that an issue stands for; a letter between times stands for whatever digest they have."""
    return (str(row.kind),) if row.kind in (IssueKind.WEEKLY, IssueKind.DAILY) else ("weekly", "daily")


def _word(row: Any) -> str:
    return {IssueKind.WEEKLY: N_("weekly letter"), IssueKind.DAILY: N_("daily letter")}.get(row.kind, N_("digest"))


def _suppress(tx: Connection, row: Any, now: Any) -> None:
    """Letters that wait to be sent stay here."""
    notices_of = select(_issue.c.notice_id).where(
        _issue.c.person_id == row.person_id, _issue.c.list_name == row.list_name, _issue.c.notice_id.is_not(None)
    )
    tx.execute(
        update(_delivery)
        .where(_delivery.c.notice_id.in_(notices_of), _delivery.c.state.in_(WAITING))
        .values(state=DeliveryState.SUPPRESSED, finished_at=now, last_reply="the digest was stopped before it was sent")
    )


def answer(ctx: Context, tx: Connection, token: Any, text_token: str, incoming: Incoming) -> None:
    """A reply to "your digest has stopped": `undo` from its person; the token is its proof."""
    to = membership.answering(tx, token, incoming.authors[0].address)
    if to is None:
        return
    answering = notices.Answering(incoming.message_id)
    row = tx.execute(select(_issue).where(_issue.c.id == token.issue_id)).first()
    list_name = row.list_name if row is not None else HUB
    said = read_answer(answer_text(incoming.message), {"undo": "undo", "weekly": "undo", "daily": "undo"})
    if said.verb is None:
        reply_to = routing.address(ctx.settings, list_name, routing.Kind.CONFIRM, text_token)
        notices.put(
            ctx, tx, "unclear", to, "digest-stop-unclear", list_name=list_name, reply_to=reply_to,
            answering=answering, wrote=one_line(said.first_line, 120),
        )  # fmt: skip
        return
    back = row is not None and undo(ctx, tx, row.id)
    notices.put(ctx, tx, "rejoined", to, "digest-again" if back else "digest-not-again", list_name=list_name,
                answering=answering, word=_word(row) if row is not None else N_("digest"))  # fmt: skip
