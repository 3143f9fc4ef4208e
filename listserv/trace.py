"""What happened to a message, hop by hop, and what waits: read from the rows that the stages wrote anyway."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, or_, select, update

from listserv import arrivals
from listserv.authenticate import Proof, shown
from listserv.mail.address import canonical
from listserv.model import (
    Address,
    Arrival,
    Attempt,
    Decision,
    Delivery,
    DeliveryState,
    Notice,
    Post,
    PostState,
    Refusal,
)
from listserv.model.outbox import WAITING

_arrival = Arrival.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]
_decision = Decision.__table__  # type: ignore[attr-defined]
_delivery = Delivery.__table__  # type: ignore[attr-defined]
_attempt = Attempt.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]
_refusal = Refusal.__table__  # type: ignore[attr-defined]
_address = Address.__table__  # type: ignore[attr-defined]


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, as all our JSON has it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def held(tx: Connection) -> list[dict[str, Any]]:
    """The moderation queue, oldest first."""
    rows = tx.execute(select(_post).where(_post.c.state == PostState.HELD).order_by(_post.c.state_since, _post.c.id))
    return [
        {
            "id": row.id,
            "list": row.list_name,
            "sender": row.from_address,
            "subject": row.subject,
            "reasons": [reason["code"] for reason in row.reasons],
            "since": iso(row.state_since),
        }
        for row in rows
    ]


def queue(tx: Connection) -> list[dict[str, Any]]:
    """Copies and notices that are pending or deferred."""
    query = (
        select(
            _delivery,
            _post.c.list_name.label("post_list"),
            _post.c.message_id_header.label("post_message_id"),
            _notice.c.list_name.label("notice_list"),
            _notice.c.message_id_header.label("notice_message_id"),
        )
        .select_from(
            _delivery.outerjoin(_post, _post.c.id == _delivery.c.post_id).outerjoin(
                _notice, _notice.c.id == _delivery.c.notice_id
            )
        )
        .where(_delivery.c.state.in_(WAITING))
        .order_by(_delivery.c.next_attempt, _delivery.c.id)
    )
    return [
        {
            "list": row.post_list or row.notice_list,
            "recipient": row.recipient,
            "message_id": row.post_message_id or row.notice_message_id,
            "state": str(row.state),
            "attempts": row.attempts,
            "next_attempt": iso(row.next_attempt),
            "last_reply": row.last_reply,
        }
        for row in tx.execute(query)
    ]


def retry_now(tx: Connection, now: datetime) -> int:
    """Everything deferred is due at once; the number of rows."""
    result = tx.execute(
        update(_delivery)
        .where(_delivery.c.state.in_(WAITING), _delivery.c.next_attempt > now)
        .values(next_attempt=now, state=DeliveryState.PENDING)
    )
    return int(result.rowcount)


def _event(time: datetime, stage: str, event: str, recipient: str = "", reply: str = "") -> dict[str, Any]:
    return {"time": iso(time), "stage": stage, "event": event, "recipient": recipient, "reply": reply}


def _deliveries(tx: Connection, condition: Any, member: set[str] | None, what: str) -> list[dict[str, Any]]:
    events = []
    rows = list(tx.execute(select(_delivery).where(condition).order_by(_delivery.c.id)))
    if member is not None:
        rows = [row for row in rows if canonical(row.recipient) in member]
    numbers = [row.id for row in rows]
    tries: dict[int, list[Any]] = {}
    for start in range(0, len(numbers), 500):
        part = select(_attempt).where(_attempt.c.delivery_id.in_(numbers[start : start + 500])).order_by(_attempt.c.id)
        for row in tx.execute(part):
            tries.setdefault(row.delivery_id, []).append(row)
    for row in rows:
        events.append(_event(row.created_at, "outbox", f"{what} queued", row.recipient))
        for attempt in tries.get(row.id, ()):
            events.append(_event(attempt.at, "delivery", attempt.result, row.recipient, attempt.reply))
        if row.finished_at is not None and row.state != DeliveryState.FAILED:
            events.append(_event(row.finished_at, "delivery", str(row.state), row.recipient, row.last_reply))
        elif row.finished_at is not None and "given up" in row.last_reply:
            events.append(_event(row.finished_at, "delivery", "given up", row.recipient, row.last_reply))
        if row.possible_duplicates:
            words = f"{row.possible_duplicates} possible duplicate(s)"
            events.append(_event(row.finished_at or row.next_attempt, "delivery", words, row.recipient))
    return events


def trace(tx: Connection, message_id: str, member: str | None = None) -> list[dict[str, Any]]:
    """Every event of a message by its Message-ID (with or without angle brackets), in order of time."""
    wanted = message_id if message_id.startswith("<") else f"<{message_id}>"
    events: list[dict[str, Any]] = []
    addresses = _addresses(tx, member) if member else None
    for row in tx.execute(select(_refusal).where(_refusal.c.message_id_header == wanted)):
        words = f"{row.action} by {row.list_name}: {row.reasons}"
        events.append(_event(row.at, "intake", words, row.envelope_sender, row.reply))
    for row in tx.execute(select(_arrival).where(_arrival.c.message_id_header == wanted).order_by(_arrival.c.id)):
        events += _arrival_events(row)
    for post in list(tx.execute(select(_post).where(_post.c.message_id_header == wanted).order_by(_post.c.id))):
        events += _post_events(tx, post)
        events += _deliveries(tx, _delivery.c.post_id == post.id, addresses, "copy")
        told = select(_notice.c.id).where(_notice.c.post_id == post.id)
        events += _deliveries(tx, _delivery.c.notice_id.in_(told), addresses, "notice")
    notices = select(_notice.c.id).where(_notice.c.message_id_header == wanted)
    events += _deliveries(tx, _delivery.c.notice_id.in_(notices), addresses, "notice")
    return sorted(events, key=lambda event: event["time"])


_SETTLED = {
    "waiting": "waits to be looked at",
    "asked": "the author was asked whether it is theirs",
    "confirmed": "the author has said that it is theirs",
    "withdrawn": "the author has said that it is not theirs",
    "expired": "the author did not answer",
    "settled": "decided without a question",
}


def _arrival_events(row: Any) -> list[dict[str, Any]]:
    peer = arrivals.envelope_of(row).peer
    return [
        _event(row.received_at, "intake", f"received without proof, {peer}", row.envelope_sender),
        _event(row.received_at, "authentication", row.proof, row.from_address, checks(row.auth)),
        _event(row.state_since, "confirmation", _SETTLED[row.state], row.from_address),
    ]


def checks(auth: dict[str, Any]) -> str:
    """What SPF, DKIM and the others said, in one line."""
    return shown(Proof.restored(False, "", auth).results)


def _post_events(tx: Connection, post: Any) -> list[dict[str, Any]]:
    codes = ", ".join(reason["code"] for reason in post.reasons)
    first = "held" if codes and "no-topic" not in codes else ("asked for a topic" if codes else "accepted")
    events = [
        _event(post.received_at, "intake", f"received for {post.list_name}, {post.peer}", post.envelope_sender),
        _event(post.received_at, "authentication", post.proof, post.from_address, checks(post.auth)),
        _event(post.received_at, "policy", f"{first}{': ' if codes else ''}{codes}"),
    ]
    decisions = select(_decision).where(_decision.c.post_id == post.id).order_by(_decision.c.id)
    for row in tx.execute(decisions):
        events.append(_event(row.decided_at, "moderation", f"{row.verb} by {row.decided_by} ({row.channel})"))
    if post.released_at is not None:
        words = f"released to {post.list_name}: {post.copies} copies"
        events.append(_event(post.released_at, "distribution", f"{words}; {post.sent_as}" if post.sent_as else words))
    if post.state == PostState.RECALLED:
        events.append(_event(post.state_since, "moderation", "taken back"))
    elif post.released_at is None and post.state in (PostState.QUARANTINED, PostState.EXPIRED, PostState.WITHDRAWN):
        events.append(_event(post.state_since, "policy", str(post.state)))
    return events


def _addresses(tx: Connection, member: str) -> set[str]:
    """All addresses of the person with this address, canonical."""
    key = canonical(member)
    person = select(_address.c.person_id).where(_address.c.canonical == key)
    rows = tx.execute(
        select(_address.c.canonical).where(or_(_address.c.person_id.in_(person), _address.c.canonical == key))
    )
    return {key, *(row.canonical for row in rows)}
