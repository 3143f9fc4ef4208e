"""A held post in other words: redacted by a moderator, or revised by its author. The original is kept sealed for a
while (`retention.originals`). Until the post is decided on, what moderators took out can be put back; what its author
took out or wrote anew stands: then the author's words are the original.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from listserv import posts, screen, vault
from listserv.authenticate import Proof
from listserv.context import Context
from listserv.facts import gather
from listserv.mail.incoming import Incoming, read
from listserv.mail.passages import Place
from listserv.mail.redacted import Redacted, redact
from listserv.model import Message, Post, PostState
from listserv.moderate.announcing import proven
from listserv.moderate.deciding import set_aside
from listserv.policy.rules import decide as verdict_of
from listserv.policy.screening import summary
from listserv.policy.screening.finding import Level
from listserv.policy.screening.screened import Screened
from listserv.policy.verdict import Action, Reason
from listserv.words import N_

_post = Post.__table__  # type: ignore[attr-defined]
_message = Message.__table__  # type: ignore[attr-defined]

MENDED = Reason("mended", N_("Its author has mended it after it was given back."), "", Action.HOLD, "2.0.0")
TAKEN_OUT = Reason("redacted", N_("What was found in it has been taken out by a moderator."), "", Action.HOLD, "2.0.0")
REDACTED, ASKED, REVISED = "redacted", "asked", "revised"  # by moderators; by us for the author; by the author


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a redaction: in words what was taken out and what could not be; nothing done when `taken` is
    empty."""

    taken: tuple[str, ...]
    left: tuple[str, ...]


def redact_findings(
    ctx: Context, tx: Connection, post: Any, numbers: Collection[int] | None, words: str = "", *, state: PostState
) -> Change:
    """Takes findings (None: all that are left) or free words out of a held post; it stays in `state` for the decision.

    What stands in an attached document goes with that document.
    """
    screened = posts.screened_of(ctx, post)
    chosen = [
        one for one in screened.left() if (one[0] in numbers if numbers is not None else one[1].level is not Level.NOTE)
    ]
    raw = posts.raw_message(ctx, tx, post.message_id)
    values = [value for _, _, value in chosen if value.strip()]
    parts = {screened.parts[n - 1] for n, finding, _ in chosen if finding.place is Place.FILE}
    if words:
        values = [words]
    done: Redacted = redact(raw, values, without_parts=parts)
    if not done.taken:
        return Change((), tuple(summary(finding) for _, finding, _ in chosen))
    remaining = screened.without([number for number, _, value in chosen if value not in done.left])
    incoming = read(done.raw, post.envelope_sender)
    remaining = screen.still_there(remaining, incoming.message)
    changed = ASKED
    if state == PostState.HELD:
        changed = post.changed if post.changed.endswith(REDACTED) else f"{post.changed} {REDACTED}".strip()
        if changed != post.changed:
            remaining = replace(remaining, before=screened.gone)
    put_in_place(ctx, tx, post, incoming, remaining, changed, state=state)
    taken = tuple(summary(one) for n, one in enumerate(screened.findings, 1) if n in remaining.gone - screened.gone)
    left = tuple(summary(finding) for n, finding, _ in remaining.left() if any(n == chose[0] for chose in chosen))
    where = tuple(N_("your words, %(times)s times, %(where)s", times=one.times, where=one.where) for one in done.taken)
    return Change(taken or where, left)


def put_in_place(
    ctx: Context,
    tx: Connection,
    post: Any,
    incoming: Incoming,
    screened: Screened,
    changed: str,
    *,
    state: PostState,
    **values: Any,
) -> None:
    """Another message in the place of a post's own; earlier approvals do not stand any more."""
    now = ctx.clock()
    raw = incoming.message.raw
    row = {"raw": vault.locked(ctx.keys.held, vault.packed(raw)), "size": len(raw), "received_at": post.received_at}
    made = tx.execute(insert(_message).values(row)).inserted_primary_key
    assert made is not None
    set_aside(tx, post.id, now)
    reasons = values.pop("reasons", None)
    if reasons is None:
        why = TAKEN_OUT if changed.endswith(REDACTED) else MENDED
        reasons = reasons_now(ctx, tx, post, incoming, screened, now, otherwise=why)
    first = changed.endswith(f" {REDACTED}") and not post.changed.endswith(REDACTED)
    original, dropped = post.original_id or post.message_id, post.message_id if post.original_id is not None else None
    if first and post.original_id is not None:  # what moderators put back is what the author made of it
        original, dropped = post.message_id, post.original_id
    tx.execute(
        update(_post)
        .where(_post.c.id == post.id, _post.c.state == state)
        .values(
            message_id=made[0],
            original_id=original,
            subject=posts.hidden_subject(incoming.subject, screened)[:1000],
            content_hash=incoming.content_hash,
            screened=posts.seal(ctx, screened),
            changed=changed,
            reasons=reasons,
            **values,
        )
    )
    if dropped is not None:  # there was one between the original and this one
        _drop(tx, dropped)


def reasons_now(
    ctx: Context, tx: Connection, post: Any, incoming: Incoming, screened: Screened, now: datetime, *, otherwise: Reason
) -> list[dict[str, Any]]:
    """Why the post as it is now would be held; `otherwise`, when nothing else is left: that it was changed."""
    proof = Proof.restored(proven(post), post.proof, post.auth)
    facts, _ = gather(tx, ctx.settings, incoming, post.list_name, proof, now, screened=screened, exclude_post=post.id)
    verdict = verdict_of(facts)
    found = [asdict(reason) for reason in verdict.reasons if reason.code != "over-rate"]
    return found if verdict.action is Action.HOLD and found else [asdict(otherwise)]


def restore(ctx: Context, tx: Connection, post: Any) -> bool:
    """The post as it was before moderators redacted it; False when they have not, or when that is gone."""
    if not post.changed.endswith(REDACTED) or post.original_id is None:
        return False
    raw = posts.raw_message(ctx, tx, post.original_id)
    if not raw:
        return False
    incoming = read(raw, post.envelope_sender)
    screened = posts.screened_of(ctx, post).put_back()
    now = ctx.clock()
    set_aside(tx, post.id, now)
    tx.execute(
        update(_post)
        .where(_post.c.id == post.id, _post.c.state == PostState.HELD)
        .values(
            message_id=post.original_id,
            original_id=None,  # what was before the author's own change is gone
            subject=posts.hidden_subject(incoming.subject, screened)[:1000],
            content_hash=incoming.content_hash,
            screened=posts.seal(ctx, screened),
            changed=post.changed.removesuffix(REDACTED).strip(),
            reasons=reasons_now(ctx, tx, post, incoming, screened, now, otherwise=MENDED),
        )
    )
    _drop(tx, post.message_id)
    return True


def _drop(tx: Connection, message_id: int) -> None:
    """A message that no post is made of any more."""
    used = select(_post.c.id).where((_post.c.message_id == message_id) | (_post.c.original_id == message_id))
    if tx.execute(used.limit(1)).first() is None:
        tx.execute(_message.delete().where(_message.c.id == message_id))
