"""One verb of a moderator on one post, carried out, and what is said to it. Called for answers to notices and, line by
line, to lists of posts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from listserv import membership, recall
from listserv.context import Context
from listserv.model import Notice, PostState
from listserv.moderate import acting, changing
from listserv.moderate.deciding import DECIDING, By, Outcome, decide, has_said, propose, record
from listserv.words import N_

_notice = Notice.__table__  # type: ignore[attr-defined]

WITH_WORDS = frozenset({"reject", "return", "redact", "move", "ban", "note", "recall"})
Say = Callable[..., None]
"""Says something to whoever decides: the kind of the notice, its template, its values."""


def carry_out(ctx: Context, tx: Connection, post: Any, verb: str, argument: str, by: By, say: Say) -> None:
    """One verb, carried out and answered."""
    if verb in DECIDING or verb == "undo":
        _decide(ctx, tx, post, verb, argument, by, say)
        return
    if verb == "help":
        say("unclear", "moderating-help")
        return
    if verb == "show":
        link = f"{ctx.settings.community.url}/held/{post.id}"
        say("show", "show", link=link)
        return
    if verb == "redact":
        outcome, preview = acting.redact(ctx, tx, post, by, argument)
        if outcome.done:
            say("redacted", "redacted", words=outcome.words, text=preview)
            return
    else:
        learns = verb in PROPOSED_ONLY and by.person in membership.trainees(tx, post.list_name)
        outcome = propose(ctx, tx, post, verb, by, argument) if learns else _ACTS[verb](ctx, tx, post, by, argument)
        if outcome.done:
            say("acted", "acted", words=outcome.words)
            return
    _not_done(tx, post, by, outcome, say)


def _recall(ctx: Context, tx: Connection, post: Any, by: By, argument: str) -> Outcome:
    """Takes back what has gone out."""
    if not argument.strip():
        return Outcome(False, N_("Please say why it is taken back: those who got it read your reason."))
    found = recall.by_reply(ctx, tx, post, by, argument)
    return Outcome(found.done, found.words)


PROPOSED_ONLY = frozenset({"return", "move", "ban", "trust", "untrust", "recall"})
"""What of this a trainee proposes, as they do to decide; the rest cannot do harm, or comes before a decision."""

_ACTS: Mapping[str, Callable[[Context, Connection, Any, By, str], Outcome]] = {
    "claim": lambda ctx, tx, post, by, _: acting.claim(ctx, tx, post, by),
    "hold": lambda ctx, tx, post, by, _: acting.put_off(ctx, tx, post, by),
    "trust": lambda ctx, tx, post, by, _: acting.trust(ctx, tx, post, by, on=True),
    "untrust": lambda ctx, tx, post, by, _: acting.trust(ctx, tx, post, by, on=False),
    "note": acting.note,
    "return": acting.give_back,
    "move": acting.move,
    "recall": _recall,
    "ban": acting.ban,
}


def _decide(ctx: Context, tx: Connection, post: Any, verb: str, argument: str, by: By, say: Say) -> None:
    last = post.state == PostState.HELD and not has_said(tx, post, by)  # else their own word is taken back first
    if verb == "undo" and last and changing.restore(ctx, tx, post):
        record(tx, post.id, "restore", by, "", ctx.clock())
        words = N_("The redaction is taken back; the post is as it was before, and still held.")
        say("acted", "acted", words=words)
        return
    outcome = decide(ctx, tx, post.id, verb, by, argument)
    if not outcome.done:
        _not_done(tx, post, by, outcome, say)
    elif outcome.waits:
        say("acted", "acted", words=outcome.words)
    elif outcome.release_at and outcome.release_at > ctx.clock():
        say("approved", "approved-undo", at=outcome.release_at)
    elif verb == "undo":
        say("undone", "undone")


def _not_done(tx: Connection, post: Any, by: By, outcome: Outcome, say: Say) -> None:
    if outcome.earlier and by.person is not None and told(tx, post.id, by.person):
        return
    template = "already" if outcome.earlier else "not-done"
    say("already" if outcome.earlier else "unclear", template, words=outcome.words)


def told(tx: Connection, post_id: int, person: int) -> bool:
    """Whether somebody has heard already that a post was decided before their answer."""
    query = select(_notice.c.id).where(
        _notice.c.kind == "already", _notice.c.post_id == post_id, _notice.c.person_id == person
    )
    return tx.execute(query.limit(1)).first() is not None
