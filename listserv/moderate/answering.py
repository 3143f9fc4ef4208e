"""Replies in: what a moderator's answer to a notice does.

It counts only if it comes from the moderator that the token was given to, with proof, and its first own line is a verb.
Whatever is empty, unclear or automatic does nothing and is explained. Words that moderators write pass the screen too,
before anybody else reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from listserv import membership, notices, recall, routing, screen
from listserv.authenticate import Proof
from listserv.context import Context
from listserv.mail.address import canonical
from listserv.mail.incoming import Incoming
from listserv.mail.reply import Answer, answer_text, moderation_verbs, read_answer
from listserv.mail.text import one_line
from listserv.membership import Recipient, person_of, recipient
from listserv.model import Notice, Post, PostState, Purpose
from listserv.moderate import acting, changing
from listserv.moderate.announcing import without_answers
from listserv.moderate.asking import find
from listserv.moderate.deciding import DECIDING, By, Outcome, decide, earlier, record
from listserv.words import N_

_post = Post.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]

WITH_WORDS = frozenset({"reject", "return", "redact", "move", "ban", "note", "recall"})
Say = Callable[..., None]


def answer(ctx: Context, tx: Connection, token: str, incoming: Incoming, proof: Proof) -> None:
    """A reply to a hold notice."""
    if incoming.automatic is not None or incoming.list_ids or len(incoming.authors) != 1:
        return
    person = person_of(tx, canonical(incoming.authors[0].address))
    moderator = recipient(tx, person) if person is not None else None
    if moderator is None:
        return
    answering = notices.Answering(incoming.message_id)
    row = find(tx, token)
    if row is None or row.purpose != Purpose.MODERATE or row.person_id != moderator.person:
        notices.put(ctx, tx, "unclear", moderator, "token-unknown", answering=answering)
        return
    post = tx.execute(select(_post).where(_post.c.id == row.post_id)).one()
    subject = one_line(post.subject, 200) or N_("(no subject)")
    reply_to = routing.address(ctx.settings, post.list_name, routing.Kind.MODERATE, token)

    def say(kind: str, template: str, **more: Any) -> None:
        notices.put(
            ctx,
            tx,
            kind,
            moderator,
            template,
            list_name=post.list_name,
            reply_to=reply_to,
            answering=answering,
            post_id=post.id,
            subject=subject,
            **more,
        )

    if row.expires_at < ctx.clock() or not _decides(tx, post, moderator):
        say("unclear", "token-expired", post_number=post.id)
        return
    if not proof.proven:
        say("unclear", "moderator-unproven", post_number=post.id)
        return
    verbs = moderation_verbs(ctx.settings.moderation.languages)
    said = read_answer(answer_text(incoming.message), verbs, with_argument=WITH_WORDS)
    if said.verb is None:
        _explain(ctx, tx, post, moderator, said, say)
        return
    by = By(moderator.name or moderator.email, "mail", moderator.person, proof.by)
    words = said.argument
    if said.verb != "redact":  # its words are looked for as they stand, and never repeated
        words = screen.scrubbed(ctx, tx, without_answers(words))
    _do(ctx, tx, post, said.verb, words, by, say)


def _decides(tx: Connection, post: Any, moderator: Recipient) -> bool:
    return any(one.person == moderator.person for one in membership.deciders(tx, post.list_name))


def _do(ctx: Context, tx: Connection, post: Any, verb: str, argument: str, by: By, say: Say) -> None:
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
        outcome = _ACTS[verb](ctx, tx, post, by, argument)
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
    if verb == "undo" and post.state == PostState.HELD and changing.restore(ctx, tx, post):
        record(tx, post.id, "restore", by, "", ctx.clock())
        say(
            "acted",
            "acted",
            words=N_("The redaction is taken back; the post is as its author sent it, and still held."),
        )
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


def _explain(ctx: Context, tx: Connection, post: Any, moderator: Recipient, said: Answer, say: Say) -> None:
    if post.state != PostState.HELD:
        if not told(tx, post.id, moderator.person):
            say("already", "already", words=earlier(tx, post))
        return
    wrote = one_line(screen.scrubbed(ctx, tx, said.first_line), 120)
    say("unclear", "unclear", wrote=wrote, suggestion=said.suggestion)


def told(tx: Connection, post_id: int, person: int) -> bool:
    """Whether somebody has heard already that a post was decided before their answer."""
    query = select(_notice.c.id).where(
        _notice.c.kind == "already", _notice.c.post_id == post_id, _notice.c.person_id == person
    )
    return tx.execute(query.limit(1)).first() is not None
