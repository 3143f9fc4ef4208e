"""Replies in: what a moderator's answer to a notice does.

It counts only if it comes from the moderator that the token was given to, with proof, and its first own line is a verb.
Whatever is empty, unclear or automatic does nothing and is explained. Words that moderators write pass the screen too,
before anybody else reads them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from listserv import membership, notices, routing, screen
from listserv.authenticate import Proof
from listserv.context import Context
from listserv.mail.address import canonical
from listserv.mail.incoming import Incoming
from listserv.mail.reply import Answer, answer_text, read_answer
from listserv.mail.text import one_line
from listserv.mail.verbs import moderation_verbs
from listserv.membership import Recipient, person_of, recipient
from listserv.model import Post, PostState, Purpose
from listserv.moderate import listing
from listserv.moderate.asking import find
from listserv.moderate.carrying import WITH_WORDS, Say, carry_out, told
from listserv.moderate.deciding import By, earlier
from listserv.words import N_

_post = Post.__table__  # type: ignore[attr-defined]


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
    if row.post_id is None:
        listing.answer(ctx, tx, row, token, moderator, incoming, proof)
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
        words = screen.scrubbed(ctx, tx, notices.without_answers(words))
    carry_out(ctx, tx, post, said.verb, words, by, say)


def _decides(tx: Connection, post: Any, moderator: Recipient) -> bool:
    return any(one.person == moderator.person for one in membership.deciders(tx, post.list_name))


def _explain(ctx: Context, tx: Connection, post: Any, moderator: Recipient, said: Answer, say: Say) -> None:
    if post.state != PostState.HELD:
        if not told(tx, post.id, moderator.person):
            say("already", "already", words=earlier(tx, post))
        return
    wrote = one_line(screen.scrubbed(ctx, tx, said.first_line), 120)
    say("unclear", "unclear", wrote=wrote, suggestion=said.suggestion)
