"""Taking a post back after it went out: as far as that can be done, and honestly about the rest.

After the release. One commit does all that must not be half done: the posts of the message are RECALLED, copies and
letters that have not gone are stopped, the archives are told, what our own mails held of it is emptied, the incident
is opened, author and moderators are written to. Whoever got it is then asked to delete it (`incidents.announce`, a
worker's step): that takes longer, and goes on after a restart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from listserv import audit, changes, notices, repeating, routing, screen, vault
from listserv.context import Context
from listserv.mail.message import TooComplex, parse
from listserv.mail.text import one_line
from listserv.membership import Recipient, moderators, recipient
from listserv.model import (
    Decision,
    Delivery,
    DeliveryState,
    DigestFormat,
    Incident,
    IncidentKind,
    IncidentState,
    Issue,
    IssueKind,
    Message,
    Notice,
    Person,
    Post,
    PostState,
    Quarantine,
)
from listserv.model.outbox import WAITING
from listserv.policy.verdict import Action, Reason
from listserv.settings import HUB
from listserv.words import N_, Phrase, _, in_a_row

_decision = Decision.__table__  # type: ignore[attr-defined]
_delivery = Delivery.__table__  # type: ignore[attr-defined]
_incident = Incident.__table__  # type: ignore[attr-defined]
_issue = Issue.__table__  # type: ignore[attr-defined]
_message = Message.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]
_quarantine = Quarantine.__table__  # type: ignore[attr-defined]

ASSESSMENT = timedelta(days=30)
"""So long an assessment of a suspected breach may take (Privacy Act 1988, section 26WH)."""
REPEATS = Reason(
    "recalled",
    N_("It repeats words of a message that was taken back."),
    N_("It repeats words of a message that was taken back; without them it need not wait."),
    Action.HOLD,
    "2.0.0",
)
OPEN = (PostState.ACCEPTED, PostState.RELEASED)
STOPPED = "taken back before it was sent"
REASON_SHOWN = 1000  # characters of a reason that members get
_LINK = re.compile(r"https?://\S+/(?P<list>[a-z0-9-]+)/m/(?P<tag>[a-z2-7]+)\b")
_SCHEDULED = (IssueKind.WEEKLY, IssueKind.DAILY)


@dataclass(frozen=True, slots=True)
class By:
    """Who decides: a person or the operator (no person), through which channel, proved how."""

    name: str
    channel: str
    person: int | None = None
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`done`: it is taken back, and `incident` is its record. `words` say what was done, or why not."""

    done: bool
    words: str
    incident: int | None = None


@dataclass(slots=True)
class Reach:
    """How far the posts of one message have come."""

    posts: list[Any] = field(default_factory=list)  # those that can be taken back
    sent: int = 0
    waiting: int = 0
    under_way: int = 0
    held: list[str] = field(default_factory=list)  # lists on which it waits for a decision

    @property
    def lists(self) -> list[str]:
        return [post.list_name for post in self.posts]


def find(tx: Connection, reference: str) -> list[Any]:
    """Every post of the message that a Message-ID (with or without brackets), a permalink or a tag names."""
    link = _LINK.search(reference)
    wanted = reference.strip().strip("<>")
    if link is not None:
        same = and_(_post.c.list_name == link["list"], _post.c.tag == link["tag"])
    elif "@" in wanted:
        same = _post.c.message_id_header == f"<{wanted}>"
    else:
        same = _post.c.tag == wanted.rstrip("/").rpartition("/")[2].casefold()
    origins = select(_post.c.origin_id).where(same, _post.c.origin_id.is_not(None))
    return list(tx.execute(select(_post).where(or_(same, _post.c.origin_id.in_(origins))).order_by(_post.c.id)))


def reach(tx: Connection, posts: Sequence[Any], now: datetime) -> Reach:
    """What taking them back would find."""
    found = Reach([post for post in posts if post.state in OPEN])
    found.held = [post.list_name for post in posts if post.state in (PostState.HELD, PostState.RETURNED)]
    numbers = [post.id for post in found.posts]
    waits = _delivery.c.state.in_(WAITING)
    found.sent = _count(tx, _delivery.c.post_id.in_(numbers), _delivery.c.state == DeliveryState.SENT)
    found.waiting = _count(tx, _delivery.c.post_id.in_(numbers), waits)
    found.under_way = _count(tx, _delivery.c.post_id.in_(numbers), waits, _delivery.c.lease_until > now)
    return found


def _count(tx: Connection, *conditions: Any) -> int:
    return int(tx.execute(select(func.count()).select_from(_delivery).where(*conditions)).scalar() or 0)


def by_reply(ctx: Context, tx: Connection, post: Any, by: By, reason: str) -> Outcome:
    """`recall <reason>` in the answer to a hold notice whose post went out since."""
    return recall(ctx, tx, find(tx, post.message_id_header), by, reason)


def spoken(ctx: Context, tx: Connection, reason: str) -> str:
    """A reason as it is kept and told: without what could tell who a client is, and without addresses of ours."""
    return screen.scrubbed(ctx, tx, notices.without_answers(reason.strip()))


def recall(
    ctx: Context,
    tx: Connection,
    posts: Sequence[Any],
    by: By,
    reason: str,
    kind: IncidentKind = IncidentKind.BREACH,
) -> Outcome:
    """Takes back every post of one message that is out, or is about to go out."""
    now = ctx.clock()
    numbers = [post.id for post in posts]
    locked = select(_post).where(_post.c.id.in_(numbers), _post.c.state.in_(OPEN)).order_by(_post.c.id)
    found = reach(tx, list(tx.execute(locked.with_for_update())), now)
    found.held = reach(tx, posts, now).held
    if not found.posts:
        return Outcome(False, _why_not(posts))
    tx.execute(  # the duplicate key stays: the same message does not come in again by another way
        update(_post)
        .where(_post.c.id.in_([post.id for post in found.posts]))
        .values(state=PostState.RECALLED, state_since=now, release_at=None)
    )
    for post in found.posts:
        if post.state == PostState.RELEASED:
            changes.note(tx, post.list_name, now, post.id)
    stop(tx, [post.id for post in found.posts], now)
    letters = _letters(tx, found.posts, now)
    stopped = _stop_answers(ctx, tx, now)
    first = found.posts[0]
    values: dict[str, Any] = {
        "origin_id": first.origin_id or first.id,
        "post_id": first.id,
        "lists": found.lists,
        "kind": kind,
        "opened_at": now,
        "opened_by": by.name,
        "channel": by.channel,
        "reason": spoken(ctx, tx, reason)[:4000],
        "sent": found.sent,
        "stopped": found.waiting,
        "under_way": found.under_way,
        "letters": letters,
        "told": 0,
        "assess_by": now + ASSESSMENT if kind is IncidentKind.BREACH else None,
        "reminded": 0,
        "state": IncidentState.OPEN,
        "closed_by": "",
        "note": "",
    }
    made = tx.execute(insert(_incident).values(values)).inserted_primary_key
    assert made is not None
    number = int(made[0])
    counts = {"sent": found.sent, "stopped": found.waiting, "under-way": found.under_way, "letters": letters}
    for post in found.posts:
        audit.note(tx, now, "recall", by, about=post.person_id, list_name=post.list_name, post_id=post.id,
                   details={**counts, "incident": number, "kind": str(kind)})  # fmt: skip
    _tell(ctx, tx, found, values, number, by)
    words = in_words(found, letters, number)
    if values["assess_by"]:
        due = values["assess_by"].astimezone(ctx.settings.community.zone).date()
        words = in_a_row("\n", (words, N_("Whether it is a breach has to be assessed by %(due)s.", due=due)))
    if stopped:
        repeat = N_(
            "Posts that wait and repeat words of it: %(posts)s. Their moderators are told, and asked once more.",
            posts=stopped,
        )
        words = in_a_row("\n", (words, repeat))
    return Outcome(True, words, number)


def _stop_answers(ctx: Context, tx: Connection, now: datetime) -> int:
    """Posts that wait and repeat words of what was taken back: moderators read so, and none goes out by an approval
    from before. How many."""
    states = (PostState.HELD, PostState.RETURNED, PostState.ACCEPTED)
    query = select(_post, _message.c.raw).join(_message, _message.c.id == _post.c.message_id)
    count = 0
    for post in tx.execute(query.where(_post.c.state.in_(states)).order_by(_post.c.id)).fetchall():
        if any(reason.get("code") == REPEATS.code for reason in post.reasons) or not _repeats(ctx, tx, post):
            continue
        if post.state == PostState.ACCEPTED and not vault.is_locked(post.raw):
            continue  # nobody held it: it is on its way out already
        values: dict[str, Any] = {"reasons": [*post.reasons, asdict(REPEATS)], "release_at": None}
        if post.state != PostState.RETURNED:
            values |= {"state": PostState.HELD, "notified": False}
        if post.state == PostState.ACCEPTED:
            values |= {"state_since": now}
            said = (_decision.c.post_id == post.id, _decision.c.verb == "approve", _decision.c.undone_at.is_(None))
            if tx.execute(update(_decision).where(*said).values(undone_at=now)).rowcount and post.person_id is not None:
                fewer = {"approved_posts": _person.c.approved_posts - 1}
                tx.execute(update(_person).where(_person.c.id == post.person_id).values(fewer))
        count += tx.execute(
            update(_post).where(_post.c.id == post.id, _post.c.state == post.state).values(values)
        ).rowcount
    return count


def _repeats(ctx: Context, tx: Connection, post: Any) -> bool:
    try:
        return repeating.of_recalled(tx, parse(vault.unpacked(ctx.keys.held, post.raw)))
    except TooComplex:
        return False


def _why_not(posts: Sequence[Any]) -> str:
    if not posts:
        return N_("There is no such message.")
    states = ", ".join(f"{post.list_name}: {post.state}" for post in posts)
    return N_("There is nothing to take back (%(states)s).", states=states)


def in_words(found: Reach, letters: int, number: int | None = None) -> str:
    """What was done (or, without a number, what would be), in a few lines."""
    lists = ", ".join(found.lists)
    lines = [N_("Taken back from %(lists)s.", lists=lists) if number else N_("On %(lists)s.", lists=lists)]
    lines.append(
        N_(
            "%(copies)s copies had gone out: their readers are asked to delete it; it cannot be unsent.",
            copies=found.sent,
        )
    )
    if found.waiting:
        lines.append(N_("%(copies)s copies that waited are not sent.", copies=found.waiting))
    if found.under_way:
        words = _("%(copies)s of these were being sent at that moment and may still arrive.")
        lines.append(Phrase(words, copies=found.under_way))
    if letters:
        lines.append(N_("%(letters)s digests with it were not sent yet and are written anew.", letters=letters))
    if found.held:
        words = _("It still waits for a decision on %(lists)s: discard it there.")
        lines.append(Phrase(words, lists=", ".join(found.held)))
    if number:
        lines.append(N_("Incident %(number)s is open.", number=number))
    return in_a_row("\n", lines)


def stop(tx: Connection, numbers: Sequence[int], now: datetime) -> None:
    """Copies that have not gone are not sent; mails of ours that hold the post's words lose them."""
    waits = _delivery.c.state.in_(WAITING)
    stopped = {"state": DeliveryState.SUPPRESSED, "finished_at": now, "last_reply": STOPPED}
    tx.execute(update(_delivery).where(_delivery.c.post_id.in_(numbers), waits).values(stopped))
    about = select(_notice.c.id).where(_notice.c.post_id.in_(numbers))
    tx.execute(update(_delivery).where(_delivery.c.notice_id.in_(about), waits).values(stopped))
    tx.execute(update(_notice).where(_notice.c.post_id.in_(numbers)).values(raw=b"", subject=""))
    tx.execute(delete(_quarantine).where(_quarantine.c.post_id.in_(numbers)))


# --- digests -----------------------------------------------------------------------------------------------------


def letters_with(tx: Connection, posts: Sequence[Any], until: datetime) -> list[Any]:
    """Issues made by then that told of one of these posts: as the beginning of a conversation, or, in the standard
    forms, word by word."""
    released = [post.released_at for post in posts if post.released_at is not None]
    if not released:
        return []
    query = (
        select(_issue, _person.c.digest_format)
        .join(_person, _person.c.id == _issue.c.person_id)
        .where(_issue.c.made_at >= min(released), _issue.c.made_at <= until, _issue.c.notice_id.is_not(None))
        .order_by(_issue.c.id)
    )
    return [row for row in tx.execute(query) if any(_tells(row, post) for post in posts)]


def _tells(issue: Any, post: Any) -> bool:
    if [post.list_name, post.tag] in issue.threads:
        return True
    if issue.digest_format == DigestFormat.LETTER or post.released_at is None:
        return False
    within: bool = issue.since < post.released_at <= issue.until
    return within and any(listed == post.list_name for listed, _ in issue.threads)


def _letters(tx: Connection, posts: Sequence[Any], now: datetime) -> int:
    """Letters with these posts that have not gone are taken out of the outbox, and their issues made free: the next
    run writes them anew. What has gone loses its stored text. How many had not gone."""
    stopped = 0
    for issue in letters_with(tx, posts, now):
        mine = _delivery.c.notice_id == issue.notice_id
        free = and_(mine, _delivery.c.state.in_(WAITING), or_(_delivery.c.lease_until.is_(None),
                    _delivery.c.lease_until < now), _delivery.c.possible_duplicates == 0)  # fmt: skip
        values = {"state": DeliveryState.SUPPRESSED, "finished_at": now, "last_reply": STOPPED}
        waited = tx.execute(update(_delivery).where(free).values(values)).rowcount == 1
        if not waited:  # sent, or being sent: then what the relay answers is written down
            tx.execute(update(_delivery).where(mine, _delivery.c.state.in_(WAITING)).values(values))
        tx.execute(update(_notice).where(_notice.c.id == issue.notice_id).values(raw=b""))
        if waited and issue.kind in _SCHEDULED:
            tx.execute(delete(_issue).where(_issue.c.id == issue.id))
        elif waited:
            tx.execute(update(_issue).where(_issue.c.id == issue.id).values(notice_id=None, threads=[]))
        stopped += waited
    return stopped


# --- who is told at once -----------------------------------------------------------------------------------------


def _tell(ctx: Context, tx: Connection, found: Reach, values: dict[str, Any], number: int, by: By) -> None:
    first = found.posts[0]
    shared: dict[str, Any] = {
        "lists": [routing.title(ctx.settings, name) for name in found.lists],
        "at": first.received_at,
        "author": one_line(first.from_name or first.from_address, 120),
        "reason": values["reason"][:REASON_SHOWN],
    }
    author = recipient(tx, first.person_id) if first.person_id is not None else None
    if author is not None:
        notices.put(ctx, tx, "recalled-author", author, "recalled-author", list_name=first.list_name,
                    post_id=first.id, **shared)  # fmt: skip
    people: dict[str, Recipient | str] = {}
    for name in found.lists:
        people |= {one.email: one for one in moderators(tx, name)}
    people.setdefault(ctx.settings.community.contact, ctx.settings.community.contact)
    due = values["assess_by"].astimezone(ctx.settings.community.zone) if values["assess_by"] else None
    for to in people.values():
        if isinstance(to, Recipient) and to.person == by.person and to.email != ctx.settings.community.contact:
            continue  # the answer to their own mail says it
        notices.put(
            ctx, tx, "recalled-moderators", to, "recalled-moderators",
            list_name=first.list_name if len(found.posts) == 1 else HUB, post_id=first.id, number=number,
            by=values["opened_by"], sent=found.sent, stopped=found.waiting, under_way=found.under_way,
            letters=values["letters"], held=found.held, due=due, **shared,
        )  # fmt: skip
