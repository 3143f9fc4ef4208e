"""A post to the whole community without a topic: its author is asked which one, and answers with its name."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from listserv import membership, moderate, notices, permalinks, posts, routing
from listserv.authenticate import Proof
from listserv.context import Context
from listserv.facts import gather
from listserv.mail.incoming import Incoming, read
from listserv.mail.reply import answer_text, read_answer
from listserv.mail.text import one_line
from listserv.membership import recipient
from listserv.model import Post, PostState, Purpose
from listserv.policy.rules import decide
from listserv.policy.verdict import Action
from listserv.settings import HUB, Settings
from listserv.words import N_

_post = Post.__table__  # type: ignore[attr-defined]


def ask(ctx: Context, tx: Connection, post: Any) -> None:
    """Writes the question; the post waits in CONFIRMING."""
    author = recipient(tx, post.person_id)
    if author is None:
        return
    token = moderate.issue(ctx, tx, Purpose.TOPIC, author.person, post_id=post.id, life=posts.CONFIRM_WITHIN)
    notices.put(
        ctx,
        tx,
        "topic",
        author,
        "topic",
        reply_to=routing.address(ctx.settings, HUB, routing.Kind.CONFIRM, token),
        answering=notices.Answering(post.message_id_header),
        post_id=post.id,
        subject=_subject(post),
        topics=choices(ctx.settings),
        hours=int(posts.CONFIRM_WITHIN.total_seconds() // 3600),
    )


def choices(settings: Settings) -> list[tuple[str, str]]:
    """Names and titles that an answer may give."""
    return [(name, known.title) for name, known in settings.lists.items()]


def _subject(post: Any) -> str:
    return one_line(post.subject, 200) or N_("(no subject)")


def answer(ctx: Context, tx: Connection, token: Any, text_token: str, incoming: Incoming) -> None:
    """The author's answer, from their own address; the token, which was sent to them alone, is its proof."""
    author = membership.answering(tx, token, incoming.authors[0].address)
    if author is None:
        return
    answering = notices.Answering(incoming.message_id)
    post = tx.execute(select(_post).where(_post.c.id == token.post_id)).one()
    if post.state != PostState.CONFIRMING:
        notices.put(ctx, tx, "unclear", author, "topic-done", answering=answering, subject=_subject(post))
        return
    words = {word.lower(): name for name, title in choices(ctx.settings) for word in (name, title, f"[{name}]")}
    said = read_answer(answer_text(incoming.message), words)
    if said.verb is None:
        notices.put(
            ctx,
            tx,
            "topic",
            author,
            "topic-unclear",
            reply_to=routing.address(ctx.settings, HUB, routing.Kind.CONFIRM, text_token),
            answering=answering,
            post_id=post.id,
            subject=_subject(post),
            wrote=one_line(said.first_line, 120),
            suggestion=said.suggestion,
            topics=choices(ctx.settings),
        )
        return
    settle(ctx, tx, post, said.verb, author, answering)


def settle(ctx: Context, tx: Connection, post: Any, list_name: str, author: Any, answering: Any, **more: Any) -> None:
    """The post goes on as if it had been sent to the list that its author named; `more` changes its row along."""
    now = ctx.clock()
    original = read(posts.raw_message(ctx, tx, post.message_id), post.envelope_sender)
    proof = Proof.restored(True, post.proof, post.auth)
    screened = posts.screened_of(ctx, post)
    facts, _ = gather(tx, ctx.settings, original, list_name, proof, now, screened=screened, exclude_post=post.id)
    verdict = decide(facts)
    if verdict.action not in (Action.ACCEPT, Action.HOLD):
        advice = verdict.reasons[0].advice
        posts.change(tx, post.id, PostState.CONFIRMING, PostState.REJECTED, now)
        notices.put(
            ctx, tx, "refused-lists", author, "refused", list_name=list_name, answering=answering,
            subject=_subject(post), refusals=[(list_name, advice)], all_of_them=True,
        )  # fmt: skip
        return
    state = PostState.ACCEPTED if verdict.action is Action.ACCEPT else PostState.HELD
    if posts.goes_to_author_first(ctx.settings, list_name, verdict, screened):
        state = PostState.RETURNED
        more |= {"returns": 1, "return_by": now + ctx.settings.moderation.author_within}
    values = {
        "list_name": list_name,
        "tag": permalinks.new_tag(tx, list_name, post.message_id_header, post.content_hash),
        "reasons": [asdict(reason) for reason in verdict.reasons],
        "rules": {"hits": verdict.hits, "misses": verdict.misses, "named": []},
        "urgent": "risk" in verdict.codes,
        "notified": state is PostState.ACCEPTED,
        "release_at": now if state is PostState.ACCEPTED else None,
        **more,
    }
    try:
        with tx.begin_nested():
            posts.change(tx, post.id, PostState.CONFIRMING, state, now, **values)
    except IntegrityError:  # the same message was posted to that list directly meanwhile
        posts.change(tx, post.id, PostState.CONFIRMING, PostState.WITHDRAWN, now)


def expire(ctx: Context, tx: Connection) -> int:
    """Posts whose question nobody answered in time: EXPIRED, the author told."""
    now = ctx.clock()
    query = select(_post).where(_post.c.state == PostState.CONFIRMING, _post.c.state_since < now - posts.CONFIRM_WITHIN)
    rows = list(tx.execute(query.limit(500)))
    for post in rows:
        if posts.change(tx, post.id, PostState.CONFIRMING, PostState.EXPIRED, now):
            author = recipient(tx, post.person_id) if post.person_id else None
            if author is not None:
                notices.put(ctx, tx, "decided-author", author, "expired", post_id=post.id, subject=_subject(post))
    return len(rows)


def mark_told(tx: Connection, post_id: int) -> None:
    """The notices of a post's state are in the outbox."""
    tx.execute(update(_post).where(_post.c.id == post_id).values(notified=True))
