"""What the clock does to held posts: those not on call are told, lists and reminders go out, owners hear of what nobody
decides, and in the end a post goes back to its author.

Run every few minutes by `housekeeping`. Each step moves the post by one conditional UPDATE in the commit of its mails,
so that two schedulers, a crash or a missed night tell nobody twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from listserv import audit, membership, notices, posts
from listserv.context import Context
from listserv.mail.text import one_line
from listserv.membership import Recipient
from listserv.model import Post, PostState, Purpose, Role, RoleName, Token
from listserv.moderate import listing
from listserv.moderate.announcing import announce, covering_for_author, proven_author, speech_of
from listserv.policy import rota
from listserv.words import N_

_post = Post.__table__  # type: ignore[attr-defined]
_role = Role.__table__  # type: ignore[attr-defined]
_token = Token.__table__  # type: ignore[attr-defined]

ESCALATE = timedelta(hours=72)  # after the last reminder
BATCH = 200


def run(ctx: Context, tx: Connection) -> int:
    """All that is due now; how many posts something was done about."""
    return _give_up(ctx, tx) + _widen(ctx, tx) + _remind(ctx, tx)


def _held(tx: Connection, *conditions: Any) -> list[Any]:
    query = select(_post).where(_post.c.state == PostState.HELD, _post.c.notified, _post.c.imported.is_(False))
    return list(tx.execute(query.where(*conditions).order_by(_post.c.id).limit(BATCH)))


def _claim(tx: Connection, row: Any, column: Any, **values: Any) -> bool:
    """Moves a post on if nobody has in the meantime."""
    same = (_post.c.id == row.id, _post.c.state == PostState.HELD, column == getattr(row, column.name))
    return tx.execute(update(_post).where(*same).values(values)).rowcount == 1


# --- those who are not on call -----------------------------------------------------------------------------------


def _widen(ctx: Context, tx: Connection) -> int:
    """Nobody on call has decided: everybody else is told."""
    rows = _held(tx, _post.c.wider_at <= ctx.clock())
    for row in rows:
        if _claim(tx, row, _post.c.wider_at, wider_at=None):
            known = (_token.c.post_id == row.id, _token.c.purpose == Purpose.MODERATE)
            told = set(tx.execute(select(_token.c.person_id).where(*known)).scalars())
            rest = [one for one in membership.deciders(tx, row.list_name) if one.person not in told]
            announce(ctx, tx, row, rest)
    return len(rows)


# --- lists and reminders -----------------------------------------------------------------------------------------


def _remind(ctx: Context, tx: Connection) -> int:
    """Lists of what waits, one mail to each moderator; in the end to the owners, and to the contact."""
    now = ctx.clock()
    settings = ctx.settings.moderation
    listed = int(settings.notices != "each")  # the first list is the notice itself
    stages = len(settings.remind) + listed
    mine: dict[str, dict[int, tuple[Recipient, list[Any]]]] = {}
    rows = _held(tx, _post.c.remind_at <= now)
    for row in rows:
        kind = "listing" if listed and not row.reminded else "reminder" if row.reminded < stages else "escalation"
        after = _next(ctx, row, stages, now)
        if not _claim(tx, row, _post.c.remind_at, remind_at=after, reminded=row.reminded + 1):
            continue
        for one in _whom(tx, row, kind):
            mine.setdefault(kind, {}).setdefault(one.person, (one, []))[1].append(row)
        if kind == "escalation":
            _tell_contact(ctx, tx, row)
    for kind, people in mine.items():
        for one, about in people.values():
            listing.write(ctx, tx, one, about, kind)
    return len(rows)


def _next(ctx: Context, row: Any, stages: int, now: datetime) -> datetime | None:
    """When this post is spoken of again: the reminders, then the owners, then not any more."""
    if row.reminded + 1 < stages:
        return rota.next_reminder(row.state_since, ctx.settings.moderation.remind, now) or now + ESCALATE
    return now + ESCALATE if row.reminded + 1 == stages else None


def _whom(tx: Connection, row: Any, kind: str) -> list[Recipient]:
    """Who is written to: whoever claimed it first, then all who decide, in the end the owners."""
    everybody = [one for one in membership.deciders(tx, row.list_name) if one.person != row.person_id]
    if kind == "escalation":
        owns = select(_role.c.person_id).where(_role.c.list_name == row.list_name, _role.c.role == RoleName.OWNER)
        owners = set(tx.execute(owns).scalars())
        return [one for one in everybody if one.person in owners]
    if kind == "reminder" and row.claimed_by is not None and row.reminded <= 1:
        return [one for one in everybody if one.person == row.claimed_by] or everybody
    return everybody


def _tell_contact(ctx: Context, tx: Connection, row: Any) -> None:
    notices.put(
        ctx, tx, "escalation", ctx.settings.community.contact, "undecided", list_name=row.list_name, post_id=row.id,
        subject=one_line(row.subject, 200) or N_("(no subject)"), number=row.id, since=row.state_since,
    )  # fmt: skip


# --- the end -----------------------------------------------------------------------------------------------------


def _give_up(ctx: Context, tx: Connection) -> int:
    """HELD -> EXPIRED: nobody has decided for so long; its author gets it back, and may send it anew."""
    now = ctx.clock()
    rows = _held(tx, _post.c.state_since < now - ctx.settings.moderation.give_up)
    for row in rows:
        if not posts.change(tx, row.id, PostState.HELD, PostState.EXPIRED, now, remind_at=None, wider_at=None):
            continue
        audit.decided(tx, now, "expire", audit.CLOCK, row.id)
        author = proven_author(tx, row)
        if author is None:
            continue
        screened = posts.screened_of(ctx, row)
        cover = covering_for_author(screened, speech_of(ctx, tx, author.person)) if screened.masks else None
        text, _ = notices.shown(posts.raw_message(ctx, tx, row.message_id), cover)
        days = ctx.settings.moderation.give_up.days
        notices.put(
            ctx, tx, "decided-author", author, "held-over", list_name=row.list_name, post_id=row.id, days=days,
            subject=one_line(row.subject, 200) or N_("(no subject)"), text=text,
        )  # fmt: skip
    return len(rows)
