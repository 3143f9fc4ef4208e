"""The decision on a held post: one conditional UPDATE from HELD, the first wins, whoever comes second is told so.

Two pairs of eyes: while something of level H stands in a post, one approval is only the first of two; nobody decides
on a post of their own, and what a trainee decides waits for somebody else. An approval never switches off STOP.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from listserv import audit, membership, notices, posts, repeating, routing
from listserv.authenticate import Proof
from listserv.context import Context
from listserv.facts import gather
from listserv.mail.incoming import read
from listserv.mail.text import one_line
from listserv.membership import Recipient
from listserv.model import Decision, Person, Post, PostState, Purpose
from listserv.moderate.announcing import described, notice, proven, tell_author
from listserv.moderate.asking import issue
from listserv.policy.rules import decide as verdict_of
from listserv.policy.screening.finding import Level
from listserv.policy.verdict import Action
from listserv.recall import By as By
from listserv.words import N_, Phrase, _

_post = Post.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_decision = Decision.__table__  # type: ignore[attr-defined]

_RESULT = {"approve": PostState.ACCEPTED, "reject": PostState.REJECTED, "discard": PostState.DISCARDED}
FIRST = "first"  # the verb of an approval that waits for a second one
PROPOSED = "proposed"  # and of what a trainee decided
ASKED = "asked-again"  # and of one that is asked for once more
DECIDING = ("approve", "reject", "discard")
PAST = {
    "approve": N_("approved"),
    "reject": N_("rejected"),
    "discard": N_("discarded"),
    "undo": N_("taken back"),
    FIRST: N_("approved"),
    PROPOSED: N_("proposed to decide on"),
    "redact": N_("redacted"),
    "restore": N_("put back as it was"),
    "return": N_("returned"),
    "move": N_("moved"),
    "note": N_("written a note on"),
    "claim": N_("claimed"),
    "hold": N_("put off"),
    "ban": N_("banned its author of"),
    "trust": N_("trusted the author of"),
    "untrust": N_("untrusted the author of"),
    "withdraw": N_("withdrawn"),
    "revise": N_("revised"),
    "as-is": N_("left as it is"),
}
OWN = N_("It is your own post, so another moderator decides on it.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """`done`: this decision counts. Else `words` says why not; `earlier` when somebody else was first; `waits` when it
    counts and somebody else has to agree."""

    done: bool
    words: str
    earlier: bool = False
    release_at: datetime | None = None
    waits: bool = False


def decide(ctx: Context, tx: Connection, post_id: int, verb: str, by: By, reason: str = "") -> Outcome:
    """One decision on one post, by mail or shell. Counts only if the post is still held (or, for undo, waiting)."""
    now = ctx.clock()
    post = tx.execute(select(_post).where(_post.c.id == post_id)).first()
    if post is None:
        return Outcome(False, N_("There is no post with the number %(number)s.", number=post_id))
    if by.person is not None and by.person == post.person_id:
        return Outcome(False, OWN)
    if verb == "undo":
        return _undo(ctx, tx, post, by)
    if post.state != PostState.HELD:
        return Outcome(False, earlier(tx, post), earlier=True)
    if by.person is not None and by.person in membership.trainees(tx, post.list_name):
        return propose(ctx, tx, post, verb, by, reason)
    values: dict[str, Any] = {}
    if verb == "approve":
        stopped = None if post.imported else still_stopped(ctx, tx, post, now)
        if stopped:
            return Outcome(False, stopped)
        if _asked_again(ctx, tx, post, by, now):
            words = N_(
                "It repeats words of a message that was taken back. If they may go out, reply `approve` once more."
            )
            return Outcome(False, words)
        if _needs_second(ctx, tx, post, by):
            return _first(ctx, tx, post, by, now)
        listed = ctx.settings.lists.get(post.list_name)
        delay = listed.approval_delay if listed and by.channel == "mail" else timedelta(0)
        values["release_at"] = now + delay
    if not posts.change(tx, post_id, PostState.HELD, _RESULT[verb], now, remind_at=None, **values):
        post = tx.execute(select(_post).where(_post.c.id == post_id)).one()
        return Outcome(False, earlier(tx, post), earlier=True)
    record(tx, post_id, verb, by, reason, now)
    if post.imported:  # nobody waits for an answer about an old post
        return Outcome(True, N_("The post is %(done)s.", done=PAST[verb]), release_at=values.get("release_at"))
    if verb == "approve":
        count_approved(tx, post.person_id, +1)
    else:
        tell_author(ctx, tx, post, verb, reason)
    return Outcome(True, N_("The post is %(done)s.", done=PAST[verb]), release_at=values.get("release_at"))


# --- two pairs of eyes -------------------------------------------------------------------------------------------


def _needs_second(ctx: Context, tx: Connection, post: Any, by: By) -> bool:
    """Whether this approval is not enough: something of level H stands in it, and nobody else has approved it."""
    if not posts.screened_of(ctx, post).at(Level.HIGH):
        return False
    if any(row.person_id != by.person for row in _standing(tx, post.id, FIRST)):
        return False
    return by.person is not None or bool(others(tx, post, by))


def _asked_again(ctx: Context, tx: Connection, post: Any, by: By, now: datetime) -> bool:
    """Whether this approval is the first that somebody gives to a post which repeats what was taken back; the next one
    counts."""
    message = read(posts.raw_message(ctx, tx, post.message_id), post.envelope_sender).message
    if post.imported or not repeating.of_recalled(tx, message):
        return False
    if any(row.person_id == by.person for row in _standing(tx, post.id, ASKED)):
        return False
    record(tx, post.id, ASKED, by, "", now)
    return True


def _standing(tx: Connection, post_id: int, verb: str) -> list[Any]:
    query = select(_decision).where(
        _decision.c.post_id == post_id, _decision.c.verb == verb, _decision.c.undone_at.is_(None)
    )
    return list(tx.execute(query))


def others(tx: Connection, post: Any, by: By) -> list[Recipient]:
    """Who else can decide on a post: neither its author nor a trainee."""
    excluded = {post.person_id, by.person} | membership.trainees(tx, post.list_name)
    return [one for one in membership.deciders(tx, post.list_name) if one.person not in excluded]


def _first(ctx: Context, tx: Connection, post: Any, by: By, now: datetime) -> Outcome:
    """The first of two approvals: written down, and the others are asked for the second."""
    if any(row.person_id == by.person for row in _standing(tx, post.id, FIRST)):
        return Outcome(
            False, N_("You have approved it already; somebody else has to agree, or it is redacted."), waits=True
        )
    record(tx, post.id, FIRST, by, "", now)
    ask = others(tx, post, by)
    _ask_others(ctx, tx, post, by, ask, "second")
    who = ", ".join(one.name or one.email for one in ask) or N_("the operator")
    return Outcome(True, N_("Yours is the first of two approvals. Asked for the second: %(who)s.", who=who), waits=True)


def propose(ctx: Context, tx: Connection, post: Any, verb: str, by: By, reason: str) -> Outcome:
    """What a trainee decides is told to the others, who decide."""
    if by.person == post.person_id:
        return Outcome(False, OWN)
    if verb != "recall" and post.state != PostState.HELD:
        return Outcome(False, earlier(tx, post), earlier=True)
    said = f"{_WRITTEN.get(verb, verb)} {reason.strip()}".strip()
    if any(row.person_id == by.person and row.reason == said[:4000] for row in _standing(tx, post.id, PROPOSED)):
        return Outcome(False, N_("You have proposed that already; the other moderators decide."))
    record(tx, post.id, PROPOSED, by, said, ctx.clock())
    _ask_others(ctx, tx, post, by, others(tx, post, by), "proposed", proposal=one_line(said, 500), verb=verb)
    words = N_("Your proposal (%(verb)s) has gone to the other moderators, who decide.", verb=_WRITTEN.get(verb, verb))
    return Outcome(True, words, waits=True)


_WRITTEN = {"move": "to"}  # the word for it in a mail, where it is another one


def has_said(tx: Connection, post: Any, by: By) -> bool:
    """Whether a first approval or a proposal of theirs stands, which `undo` takes back."""
    return any(row.person_id == by.person for verb in (FIRST, PROPOSED) for row in _standing(tx, post.id, verb))


def _ask_others(
    ctx: Context, tx: Connection, post: Any, by: By, ask: list[Recipient], template: str, **more: Any
) -> None:
    values = {**described(ctx, tx, post), "by": by.name, "proposal": "", **more}
    for other in ask:
        notice(ctx, tx, post, other, "second", template, values)
    if not ask:
        contact = ctx.settings.community.contact
        notices.put(
            ctx, tx, "held-contact", contact, "second-contact", list_name=post.list_name, post_id=post.id, **values
        )


# --- undo --------------------------------------------------------------------------------------------------------


def _undo(ctx: Context, tx: Connection, post: Any, by: By) -> Outcome:
    now = ctx.clock()
    if post.state == PostState.ACCEPTED and post.release_at and post.release_at > now:
        back = posts.change(tx, post.id, PostState.ACCEPTED, PostState.HELD, now, release_at=None)
        if back:
            set_aside(tx, post.id, now)
            record(tx, post.id, "undo", by, "", now)
            count_approved(tx, post.person_id, -1)
            return Outcome(True, N_("The approval is taken back; the post is held again."))
    if post.state == PostState.HELD:
        mine = [row for verb in (FIRST, PROPOSED) for row in _standing(tx, post.id, verb) if row.person_id == by.person]
        if mine:
            tx.execute(update(_decision).where(_decision.c.id.in_([row.id for row in mine])).values(undone_at=now))
            record(tx, post.id, "undo", by, "", now)
            return Outcome(True, N_("What you said of the post is taken back; it is held as before."))
    why = earlier(tx, post)
    if post.state == PostState.RELEASED:
        words = N_("%(why)s It has gone out since; `recall` and your reason takes it back.", why=why)
        return Outcome(False, words)
    return Outcome(False, N_("There is nothing to take back any more: %(why)s", why=why))


def set_aside(tx: Connection, post_id: int, now: datetime) -> None:
    """Whatever was decided on a post so far does not stand any more."""
    tx.execute(
        update(_decision)
        .where(_decision.c.post_id == post_id, _decision.c.undone_at.is_(None), _decision.c.verb.in_(_STANDS))
        .values(undone_at=now)
    )


_STANDS = (*DECIDING, FIRST, PROPOSED, ASKED)


# --- what all of them need ---------------------------------------------------------------------------------------


def record(tx: Connection, post_id: int, verb: str, by: By, reason: str, now: datetime) -> None:
    """A row of `decision`: who did what, how, and why."""
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


def count_approved(tx: Connection, person: int | None, by: int) -> None:
    if person is not None:
        tx.execute(update(_person).where(_person.c.id == person).values(approved_posts=_person.c.approved_posts + by))


def still_stopped(ctx: Context, tx: Connection, post: Any, now: datetime) -> str | None:
    """Why a post cannot be approved (its author was banned meanwhile, say). An approval never switches off STOP."""
    incoming = read(posts.raw_message(ctx, tx, post.message_id), post.envelope_sender)
    if post.list_name not in ctx.settings.lists:
        return N_("The list %(list)s does not exist any more.", list=post.list_name)
    proof = Proof.restored(proven(post), post.proof, post.auth)
    facts, _ = gather(tx, ctx.settings, incoming, post.list_name, proof, now, approved=True, exclude_post=post.id)
    verdict = verdict_of(facts)
    if verdict.action is Action.ACCEPT:
        return None
    return N_("It cannot be approved: %(why)s", why=Phrase(verdict.reasons[0].text))


def earlier(tx: Connection, post: Any) -> str:
    """Who decided what and when."""
    row = tx.execute(
        select(_decision)
        .where(_decision.c.post_id == post.id, _decision.c.undone_at.is_(None), _decision.c.verb.in_(_ENDS))
        .order_by(_decision.c.id.desc())
        .limit(1)
    ).first()
    if row is None or post.state in (PostState.HELD, PostState.RETURNED, PostState.RECALLED):
        words = _WHERE.get(post.state, _("The post is %(state)s since %(at)s."))
        return Phrase(words, state=posts.in_words(post.state), at=post.state_since)
    return N_("%(by)s has %(done)s it on %(at)s.", by=row.decided_by, done=PAST[row.verb], at=row.decided_at)


_ENDS = (*DECIDING, "undo", "withdraw", "ban")
_WHERE = {
    PostState.HELD: _("The post waits since %(at)s."),
    PostState.RETURNED: _("The post is with its author since %(at)s; it comes back to you after that."),
    PostState.WITHDRAWN: _("Its author has withdrawn it on %(at)s."),
    PostState.RECALLED: _("It was taken back on %(at)s."),
    PostState.RELEASED: _("It has gone out on %(at)s."),
    PostState.EXPIRED: _("It was given back to its author on %(at)s, for nobody had decided."),
}


def author_token(ctx: Context, tx: Connection, post: Any, person: int, life: timedelta) -> str:
    """The address at which an author answers about a post that waits."""
    token = issue(ctx, tx, Purpose.RETURNED, person, post_id=post.id, life=life)
    return routing.address(ctx.settings, post.list_name, routing.Kind.CONFIRM, token)
