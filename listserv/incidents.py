"""What follows a recall: everybody who got the post is asked to delete it, and the incident is kept until it is closed.

After `recall`. `announce` is a step of the worker, some notices in each transaction, and finds by the rows alone whom
it has told already; `remind` runs with the calendar; the rest is for the shell.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, exists, func, or_, select, update

from listserv import audit, notices, routing
from listserv.context import Context
from listserv.errors import UserError
from listserv.mail.text import one_line
from listserv.membership import Recipient, recipient
from listserv.model import Delivery, DeliveryState, Incident, IncidentState, Notice, Post
from listserv.recall import By, letters_with, spoken

_delivery = Delivery.__table__  # type: ignore[attr-defined]
_incident = Incident.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]

BATCH = 100  # notices in one transaction
EARLY = timedelta(days=7)  # before the assessment is due


def untold(tx: Connection) -> list[int]:
    """Incidents of which somebody may still have to be told."""
    return list(
        tx.execute(select(_incident.c.id).where(_incident.c.told_at.is_(None)).order_by(_incident.c.id)).scalars()
    )


def announce(ctx: Context, tx: Connection, number: int) -> int:
    """Asks some of those who got the post to delete it; how many. Finished when everybody has been asked and nothing is
    under way any more: a copy that was being sent is told of once the relay has answered."""
    now = ctx.clock()
    query = select(_incident).where(_incident.c.id == number, _incident.c.told_at.is_(None))
    row = tx.execute(query.with_for_update(skip_locked=True)).first()
    if row is None:  # done, or another worker is at it
        return 0
    posts = _posts(tx, row)
    missing = _not_told(tx, row, posts)
    for person, email in missing:
        to = recipient(tx, person) or Recipient(person, "", email)
        _ask(ctx, tx, row, posts[0], to)
    if missing:
        tx.execute(update(_incident).where(_incident.c.id == number).values(told=row.told + len(missing)))
    elif not _under_way(tx, posts, now):
        tx.execute(update(_incident).where(_incident.c.id == number).values(told_at=now))
    return len(missing)


def _posts(tx: Connection, row: Any) -> list[Any]:
    query = select(_post).where(or_(_post.c.origin_id == row.origin_id, _post.c.id == row.post_id))
    return list(tx.execute(query.where(_post.c.list_name.in_(row.lists)).order_by(_post.c.id)))


def _arrived() -> Any:
    return or_(_delivery.c.state == DeliveryState.SENT, _delivery.c.possible_duplicates > 0)


def _not_told(tx: Connection, row: Any, posts: Sequence[Any]) -> list[tuple[int, str]]:
    """Some of those who got a copy, then of those who got a letter with it, and have no notice yet."""
    authors = [post.person_id for post in posts if post.person_id is not None]
    told = _notice.c.kind == "recalled", _notice.c.post_id == row.post_id
    numbers = [post.id for post in posts]
    query = select(_delivery.c.person_id, _delivery.c.recipient).where(
        _delivery.c.post_id.in_(numbers),
        _arrived(),
        _delivery.c.person_id.is_not(None),
        _delivery.c.person_id.not_in(authors),
        ~exists().where(*told, _notice.c.person_id == _delivery.c.person_id),
    )
    found = [(one.person_id, one.recipient) for one in tx.execute(query.order_by(_delivery.c.id).limit(BATCH))]
    if found:
        return found
    issues = letters_with(tx, posts, row.opened_at)
    readers: dict[int, str] = {}
    for at in range(0, len(issues), 500):
        some = {issue.notice_id: issue.person_id for issue in issues[at : at + 500]}
        sent = select(_delivery.c.notice_id, _delivery.c.recipient).where(_delivery.c.notice_id.in_(some), _arrived())
        readers |= {some[one.notice_id]: one.recipient for one in tx.execute(sent)}
    known = set(tx.execute(select(_notice.c.person_id).where(*told)).scalars())
    left = [(person, email) for person, email in readers.items() if person not in known and person not in authors]
    return left[:BATCH]


def _under_way(tx: Connection, posts: Sequence[Any], now: datetime) -> bool:
    leased = _delivery.c.post_id.in_([post.id for post in posts]), _delivery.c.lease_until > now
    return tx.execute(select(_delivery.c.id).where(*leased).limit(1)).first() is not None


def _ask(ctx: Context, tx: Connection, row: Any, post: Any, to: Recipient) -> None:
    notices.put(
        ctx, tx, "recalled", to, "recalled", list_name=post.list_name, post_id=row.post_id,
        at=post.received_at, author=one_line(post.from_name or post.from_address, 120),
        reason=spoken(ctx, tx, row.reason), lists=[routing.title(ctx.settings, name) for name in row.lists],
    )  # fmt: skip


def remind(ctx: Context, tx: Connection) -> int:
    """Reminds the contact of an assessment seven days before it is due, and on the day, each once; how many mails."""
    now = ctx.clock()
    query = select(_incident).where(
        _incident.c.state == IncidentState.OPEN, _incident.c.reminded < 2, _incident.c.assess_by <= now + EARLY
    )
    count = 0
    for row in list(tx.execute(query.order_by(_incident.c.id))):
        stage = 2 if row.assess_by <= now else 1
        same = (_incident.c.id == row.id, _incident.c.reminded == row.reminded)
        if stage <= row.reminded or tx.execute(update(_incident).where(*same).values(reminded=stage)).rowcount != 1:
            continue
        due = row.assess_by.astimezone(ctx.settings.community.zone)
        notices.put(ctx, tx, "incident", ctx.settings.community.contact, "incident", row=row, over=stage == 2,
                    due=due, told=_told(tx, row))  # fmt: skip
        count += 1
    return count


def _told(tx: Connection, row: Any) -> int:
    same = _notice.c.kind == "recalled", _notice.c.post_id == row.post_id
    return int(tx.execute(select(func.count()).select_from(_notice).where(*same)).scalar() or 0)


def close(ctx: Context, tx: Connection, number: int, by: By, note: str) -> None:
    """What came of it, in a word; then nobody is reminded any more. Raises UserError."""
    if not note.strip():
        raise UserError("incidents close: say in --note what came of it")
    now = ctx.clock()
    changed = tx.execute(
        update(_incident)
        .where(_incident.c.id == number, _incident.c.state == IncidentState.OPEN)
        .values(state=IncidentState.CLOSED, closed_at=now, closed_by=by.name, note=note.strip()[:4000])
    )
    if changed.rowcount != 1:
        row = tx.execute(select(_incident.c.closed_by).where(_incident.c.id == number)).first()
        words = f"incident {number} is closed already" if row else f"there is no incident with the number {number}"
        raise UserError(f"incidents close: {words}")
    audit.note(tx, now, "incident-close", by, details={"incident": number})


def iso(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def listed(tx: Connection) -> list[dict[str, Any]]:
    """All incidents, the newest first."""
    return [
        {
            "id": row.id,
            "state": str(row.state),
            "kind": str(row.kind),
            "lists": row.lists,
            "post": row.post_id,
            "opened": iso(row.opened_at),
            "by": row.opened_by,
            "reason": row.reason,
            "sent": row.sent,
            "stopped": row.stopped,
            "under_way": row.under_way,
            "letters": row.letters,
            "told": row.told,
            "told_at": iso(row.told_at),
            "assess_by": iso(row.assess_by),
            "closed": iso(row.closed_at),
            "closed_by": row.closed_by,
            "note": row.note,
        }
        for row in tx.execute(select(_incident).order_by(_incident.c.id.desc()))
    ]


def record(tx: Connection, number: int) -> dict[str, Any]:
    """Everything that is known of one incident, who received the post included. Raises UserError."""
    row = tx.execute(select(_incident).where(_incident.c.id == number)).first()
    if row is None:
        raise UserError(f"there is no incident with the number {number}")
    posts = _posts(tx, row)
    copies = select(_delivery).where(_delivery.c.post_id.in_([post.id for post in posts])).order_by(_delivery.c.id)
    issues = {issue.notice_id: issue for issue in letters_with(tx, posts, row.opened_at)}
    letters = select(_delivery).where(_delivery.c.notice_id.in_(list(issues))).order_by(_delivery.c.id)
    entries = [entry for post in posts for entry in audit.entries(tx, post_id=post.id)]
    return {
        "incident": next(one for one in listed(tx) if one["id"] == number),
        "posts": [
            {"post": post.id, "list": post.list_name, "message_id": post.message_id_header, "author": post.from_address,
             "received": iso(post.received_at), "released": iso(post.released_at), "state": str(post.state)}
            for post in posts
        ],
        "copies": [_copy(one) for one in tx.execute(copies)],
        "letters": [{**_copy(one), "period": issues[one.notice_id].period} for one in tx.execute(letters)],
        "log": sorted(entries, key=lambda entry: entry["number"]),
    }  # fmt: skip


def _copy(row: Any) -> dict[str, Any]:
    return {
        "recipient": row.recipient,
        "state": str(row.state),
        "possibly_arrived": bool(row.state == DeliveryState.SENT or row.possible_duplicates),
        "at": iso(row.finished_at),
        "reply": row.last_reply,
    }
