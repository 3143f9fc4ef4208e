"""Held posts: notices out, replies in, the first decision wins.

A hold notice goes to every moderator of the list with a token of their own. A reply decides only if it comes from
that moderator, with proof, and its first own line is a verb; whatever is empty, unclear or automatic decides nothing
and explains. The change of state is one conditional UPDATE: who comes second is told who decided what, once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from listserv import audit, notices, posts, routing
from listserv.authenticate import Proof
from listserv.context import Context
from listserv.mail.address import canonical
from listserv.mail.incoming import Incoming, read
from listserv.mail.reply import MODERATION_VERBS, Answer, answer_text, read_answer
from listserv.mail.text import one_line
from listserv.membership import Recipient, moderators, person_of, recipient
from listserv.model import Decision, Notice, Person, Post, PostState, Purpose, Token
from listserv.policy.rules import decide as verdict_of
from listserv.policy.verdict import Action
from listserv.tokens import one_shot, stored

_post = Post.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_decision = Decision.__table__  # type: ignore[attr-defined]
_token = Token.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]

TOKEN_LIFE = timedelta(days=30)
WITH_REASON = frozenset({"reject"})
_RESULT = {"approve": PostState.ACCEPTED, "reject": PostState.REJECTED, "discard": PostState.DISCARDED}
REASON_SHOWN = 3000  # characters of a moderator's reason that its author gets
_OWN_ANSWERS = re.compile(r"[^\s<>]+-(?:moderate|confirm)\+[^\s<>]+")
PAST = {"approve": "approved", "reject": "rejected", "discard": "discarded", "undo": "taken back"}


@dataclass(frozen=True, slots=True)
class By:
    """Who decides: a person or the operator (no person), through which channel, proved how."""

    name: str
    channel: str
    person: int | None = None
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`done`: this decision counts. Else `words` says why not; `earlier` when somebody else was first."""

    done: bool
    words: str
    earlier: bool = False
    release_at: datetime | None = None


# --- notices out -------------------------------------------------------------------------------------------------


def announce(ctx: Context, tx: Connection, post: Any) -> None:
    """Writes the hold notices of a post that has just been held, and tells its author that it waits."""
    raw = posts.raw_message(tx, post.message_id)
    text, files = notices.shown(raw)
    values: dict[str, Any] = {
        "post": post,
        "subject": one_line(post.subject, 200) or "(no subject)",
        "author": _who(ctx, tx, post),
        "reasons": [_reason_words(reason) for reason in post.reasons],
        "text": text,
        "files": files,
        "verbs_until": (ctx.clock() + TOKEN_LIFE).astimezone(ctx.settings.community.zone),
    }
    audit.held(tx, ctx.clock(), post)
    deciders = moderators(tx, post.list_name)
    for moderator in deciders:
        token = issue(ctx, tx, Purpose.MODERATE, moderator.person, post_id=post.id)
        notices.put(
            ctx,
            tx,
            "held",
            moderator,
            "held",
            list_name=post.list_name,
            reply_to=routing.address(ctx.settings, post.list_name, routing.Kind.MODERATE, token),
            attached=notices.attachable(raw),
            post_id=post.id,
            **values,
        )
    if not deciders:
        contact = ctx.settings.community.contact
        notices.put(
            ctx, tx, "held-contact", contact, "held-contact", list_name=post.list_name, post_id=post.id, **values
        )
    author = recipient(tx, post.person_id) if post.person_id and _proven(post) else None
    if author is not None:
        notices.put(
            ctx,
            tx,
            "held-author",
            author,
            "held-author",
            list_name=post.list_name,
            answering=notices.Answering(post.message_id_header),
            post_id=post.id,
            subject=values["subject"],
            reasons=[one_line(reason["advice"] or reason["text"], 300) for reason in post.reasons],
        )


def issue(
    ctx: Context,
    tx: Connection,
    purpose: Purpose,
    person: int | None,
    *,
    post_id: int | None = None,
    subscription_id: int | None = None,
    arrival_id: int | None = None,
    issue_id: int | None = None,
    edition_id: int | None = None,
    application_id: int | None = None,
    about: str = "",
    life: timedelta = TOKEN_LIFE,
) -> str:
    """A new one-shot token for one person and one question; only its hash is kept."""
    token = one_shot()
    tx.execute(
        insert(_token).values(
            hash=stored(token),
            purpose=purpose,
            person_id=person,
            post_id=post_id,
            subscription_id=subscription_id,
            arrival_id=arrival_id,
            issue_id=issue_id,
            edition_id=edition_id,
            application_id=application_id,
            about=about,
            expires_at=ctx.clock() + life,
        )
    )
    return token


def find(tx: Connection, token: str) -> Any | None:
    """The token's row. It answers one question; whether it still may is that question's own state."""
    return tx.execute(select(_token).where(_token.c.hash == stored(token))).first()


def _proven(post: Any) -> bool:
    return "unproven" not in {reason.get("code") for reason in post.reasons}


def _who(ctx: Context, tx: Connection, post: Any) -> str:
    """The sender with what is known of them, in one line."""
    address = f"{one_line(post.from_name, 80)} <{post.from_address}>".strip()
    if post.person_id is None:
        return f"{address}, not known to us"
    row = tx.execute(select(_person).where(_person.c.id == post.person_id)).one()
    since = row.created_at.astimezone(ctx.settings.community.zone)
    known = f"member since {since.day} {since:%B %Y}, {row.approved_posts} approved posts"
    return f"{address}; {', '.join(filter(None, (row.name, row.profession)))}; {known}"


def _reason_words(reason: dict[str, Any]) -> str:
    return f"{reason['text']} ({one_line(reason['detail'], 200)})" if reason.get("detail") else str(reason["text"])


# --- replies in --------------------------------------------------------------------------------------------------


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
    subject = one_line(post.subject, 200) or "(no subject)"
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

    if row.expires_at < ctx.clock() or not any(m.person == moderator.person for m in moderators(tx, post.list_name)):
        say("unclear", "token-expired", post_number=post.id)
        return
    if not proof.proven:
        say("unclear", "moderator-unproven", post_number=post.id)
        return
    said = read_answer(answer_text(incoming.message), MODERATION_VERBS, with_argument=WITH_REASON)
    if said.verb is None:
        _explain(tx, post, moderator, said, say)
        return
    by = By(moderator.name or moderator.email, "mail", moderator.person, proof.by)
    outcome = decide(ctx, tx, post.id, said.verb, by, said.argument)
    if outcome.done:
        if outcome.release_at and outcome.release_at > ctx.clock():
            at = outcome.release_at.astimezone(ctx.settings.community.zone)
            say("approved", "approved-undo", at=f"{at:%H:%M}")
        elif said.verb == "undo":
            say("undone", "undone")
        return
    if outcome.earlier and _told(tx, post.id, moderator.person):
        return
    say("already" if outcome.earlier else "unclear", "already" if outcome.earlier else "not-done", words=outcome.words)


def _explain(tx: Connection, post: Any, moderator: Recipient, said: Answer, say: Any) -> None:
    if post.state != PostState.HELD:
        if not _told(tx, post.id, moderator.person):
            say("already", "already", words=_earlier(tx, post))
        return
    say("unclear", "unclear", wrote=one_line(said.first_line, 120), suggestion=said.suggestion)


def _told(tx: Connection, post_id: int, person: int) -> bool:
    query = select(_notice.c.id).where(
        _notice.c.kind == "already", _notice.c.post_id == post_id, _notice.c.person_id == person
    )
    return tx.execute(query.limit(1)).first() is not None


# --- the decision ------------------------------------------------------------------------------------------------


def decide(ctx: Context, tx: Connection, post_id: int, verb: str, by: By, reason: str = "") -> Outcome:
    """One decision on one post, by mail or shell. Counts only if the post is still held (or, for undo, waiting)."""
    now = ctx.clock()
    post = tx.execute(select(_post).where(_post.c.id == post_id)).first()
    if post is None:
        return Outcome(False, f"There is no post with the number {post_id}.")
    if verb == "undo":
        return _undo(ctx, tx, post, by)
    if post.state != PostState.HELD:
        return Outcome(False, _earlier(tx, post), earlier=True)
    values: dict[str, Any] = {}
    if verb == "approve":
        stopped = _still_stopped(ctx, tx, post, now)
        if stopped:
            return Outcome(False, stopped)
        listed = ctx.settings.lists.get(post.list_name)
        delay = listed.approval_delay if listed and by.channel == "mail" else timedelta(0)
        values["release_at"] = now + delay
    if not posts.change(tx, post_id, PostState.HELD, _RESULT[verb], now, **values):
        post = tx.execute(select(_post).where(_post.c.id == post_id)).one()
        return Outcome(False, _earlier(tx, post), earlier=True)
    _record(tx, post_id, verb, by, reason, now)
    if verb == "approve":
        _count_approved(tx, post.person_id, +1)
    else:
        tell_author(ctx, tx, post, verb, reason)
    return Outcome(True, f"The post is {PAST[verb]}.", release_at=values.get("release_at"))


def _undo(ctx: Context, tx: Connection, post: Any, by: By) -> Outcome:
    now = ctx.clock()
    if post.state == PostState.ACCEPTED and post.release_at and post.release_at > now:
        back = posts.change(tx, post.id, PostState.ACCEPTED, PostState.HELD, now, release_at=None)
        if back:
            tx.execute(
                update(_decision)
                .where(_decision.c.post_id == post.id, _decision.c.undone_at.is_(None))
                .values(undone_at=now)
            )
            _record(tx, post.id, "undo", by, "", now)
            _count_approved(tx, post.person_id, -1)
            return Outcome(True, "The approval is taken back; the post is held again.")
    return Outcome(False, f"There is nothing to take back any more: {_earlier(tx, post)}")


def _record(tx: Connection, post_id: int, verb: str, by: By, reason: str, now: datetime) -> None:
    tx.execute(
        insert(_decision).values(
            post_id=post_id,
            verb=verb,
            person_id=by.person,
            decided_by=by.name,
            channel=by.channel,
            proof=by.proof,
            reason=reason[:4000],
            decided_at=now,
        )
    )
    audit.decided(tx, now, verb, by, post_id)


def _count_approved(tx: Connection, person: int | None, by: int) -> None:
    if person is not None:
        tx.execute(update(_person).where(_person.c.id == person).values(approved_posts=_person.c.approved_posts + by))


def _still_stopped(ctx: Context, tx: Connection, post: Any, now: datetime) -> str | None:
    """Why a post cannot be approved (its author was banned meanwhile, say). An approval never switches off STOP."""
    incoming = read(posts.raw_message(tx, post.message_id), post.envelope_sender)
    if post.list_name not in ctx.settings.lists:
        return f"The list {post.list_name} does not exist any more."
    proof = Proof.restored(_proven(post), post.proof, post.auth)
    facts, _ = posts.gather(tx, ctx.settings, incoming, post.list_name, proof, now, approved=True, exclude_post=post.id)
    verdict = verdict_of(facts)
    if verdict.action is Action.ACCEPT:
        return None
    return f"It cannot be approved: {verdict.reasons[0].text}"


def _earlier(tx: Connection, post: Any) -> str:
    """Who decided what and when."""
    row = tx.execute(
        select(_decision)
        .where(_decision.c.post_id == post.id, _decision.c.undone_at.is_(None))
        .order_by(_decision.c.id.desc())
        .limit(1)
    ).first()
    if row is None:
        return f"The post is {post.state} since {post.state_since:%d %b %Y, %H:%M} UTC."
    return f"{row.decided_by} has {PAST[row.verb]} it on {row.decided_at:%d %b %Y at %H:%M} UTC."


def tell_author(ctx: Context, tx: Connection, post: Any, verb: str, reason: str = "") -> None:
    """Tells the author what was decided, if we know that it is the author."""
    author = recipient(tx, post.person_id) if post.person_id and _proven(post) else None
    if author is None:
        return
    notices.put(
        ctx,
        tx,
        "decided-author",
        author,
        f"decided-{verb}",
        list_name=post.list_name,
        answering=notices.Answering(post.message_id_header),
        post_id=post.id,
        subject=one_line(post.subject, 200) or "(no subject)",
        reason=_OWN_ANSWERS.sub("[address]", reason.strip())[:REASON_SHOWN],
    )


def approved_by_person(tx: Connection, post_id: int) -> bool:
    """Whether a post was released by somebody's decision (its author is then told when it goes out)."""
    query = select(_decision.c.id).where(
        _decision.c.post_id == post_id, _decision.c.verb == "approve", _decision.c.undone_at.is_(None)
    )
    return tx.execute(query.limit(1)).first() is not None
