"""Notices out: what moderators are told of a held post, and what its author is told of a decision.

A hold notice goes to everybody who decides on the list, with a token of their own. Where the screen found what may
name somebody, text and subject are covered and nothing is attached: a notice must not spread what it warns of. The
whole is read on the web, after a login.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select, update

from listserv import audit, membership, notices, permalinks, posts, routing
from listserv.context import Context
from listserv.edge.languages import Speech
from listserv.facts import screening_of
from listserv.mail.text import one_line
from listserv.membership import Recipient, recipient
from listserv.model import Decision, Delivery, DeliveryKind, Notice, Person, Post, Purpose
from listserv.moderate.asking import TOKEN_LIFE, issue
from listserv.moderate.calling import first_called, first_reminder, lists_posts, not_before
from listserv.policy.screening import advice, summary, title
from listserv.policy.screening.finding import Finding, Level
from listserv.policy.screening.masking import covered
from listserv.policy.screening.screened import Screened
from listserv.words import N_, Phrase, in_a_row

_post = Post.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_decision = Decision.__table__  # type: ignore[attr-defined]
_delivery = Delivery.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]

REASON_SHOWN = 3000  # characters of a moderator's reason that its author gets


def announce(ctx: Context, tx: Connection, post: Any, to: Sequence[Recipient] | None = None) -> None:
    """Writes the hold notices of a post, and tells its author that it waits. `to`: these moderators only, and not
    the author."""
    values = described(ctx, tx, post)
    wider = None
    deciders = list(to or ())
    if to is None:
        deciders, wider = first_called(ctx, tx, post)
        planned = {"remind_at": first_reminder(ctx), "wider_at": wider, "reminded": 0}
        tx.execute(update(_post).where(_post.c.id == post.id).values(planned))
    kind = "held-urgent" if post.urgent else "held"
    for moderator in () if lists_posts(ctx, post) else deciders:
        notice(ctx, tx, post, moderator, kind, "held", values)
    if not deciders and to is None:
        contact = ctx.settings.community.contact
        notices.put(
            ctx, tx, "held-contact", contact, "held-contact", list_name=post.list_name, post_id=post.id,
            own=bool(membership.deciders(tx, post.list_name)), **values,
        )  # fmt: skip
    if to is None:
        found = Counter(str(finding.level) for _, finding, _ in posts.screened_of(ctx, post).left())
        audit.held(tx, ctx.clock(), post, **found)
        if not post.returns:  # else they were asked about it and know
            _tell_waiting(ctx, tx, post, values["subject"])


def notice(
    ctx: Context, tx: Connection, post: Any, moderator: Recipient, kind: str, template: str, values: dict[str, Any]
) -> None:
    """One hold notice, with a token for this moderator alone."""
    token = issue(ctx, tx, Purpose.MODERATE, moderator.person, post_id=post.id)
    screened = posts.screened_of(ctx, post)
    original = None if screened.masks else notices.attachable(posts.raw_message(ctx, tx, post.message_id))
    notices.put(
        ctx,
        tx,
        kind,
        moderator,
        template,
        list_name=post.list_name,
        reply_to=routing.address(ctx.settings, post.list_name, routing.Kind.MODERATE, token),
        buttons=buttons(screened),
        not_before=not_before(ctx, tx, moderator.person, urgent=post.urgent),
        attached=original,
        post_id=post.id,
        **values,
    )


def buttons(screened: Screened) -> list[tuple[str, str]]:
    """Label and body of the answers that a notice offers to one tap."""
    found = [(N_("Approve"), "approve"), (N_("Reject ..."), "reject "), (N_("Return to author ..."), "return "),
             (N_("Claim"), "claim")]  # fmt: skip
    if screened.masks:
        found = [(N_("Redact all"), "redact all"), *found, (N_("Show"), "show")]
    return [*found, (N_("Discard"), "discard")]


def described(ctx: Context, tx: Connection, post: Any) -> dict[str, Any]:
    """What notices about a held post say of it."""
    screened = posts.screened_of(ctx, post)
    text, files = notices.shown(posts.raw_message(ctx, tx, post.message_id), covering(screened))
    return {
        "post": post,
        "subject": one_line(post.subject, 200) or N_("(no subject)"),
        "author": who(ctx, tx, post),
        "reasons": [_reason_words(reason) for reason in post.reasons],
        "findings": [(number, summary(finding)) for number, finding, _ in screened.left()],
        "covered": screened.masks,
        "two": bool(screened.at(Level.HIGH)),
        "redacted": "redacted" in post.changed or post.changed == "asked",
        "author_note": post.author_note,
        "text": text,
        "files": files,
        "verbs_until": ctx.clock() + TOKEN_LIFE,
    }


def covering(screened: Screened) -> Any:
    """How a text is covered for moderators: by the number of the finding and its masked form."""
    return _cover(screened, lambda number, finding: f"{number}: {finding.masked}") if screened.masks else None


def covering_for_author(screened: Screened, speech: Speech) -> Any:
    """How a text is covered for its author, who writes something else in these places."""
    return _cover(screened, lambda number, finding: f"{number}: {speech.translated(title(finding.kind))}")


def speech_of(ctx: Context, tx: Connection, person: int) -> Speech:
    """How we speak to somebody."""
    return ctx.speaking(*membership.speech(tx, person)).speech


def _cover(screened: Screened, label: Any) -> Any:
    found = [one for one in screened.left() if one[1].level is not Level.NOTE]
    return lambda text: covered(text, found, label)


def _tell_waiting(ctx: Context, tx: Connection, post: Any, subject: str) -> None:
    """A word to the author: it waits, why, and that it can be taken back."""
    author = proven_author(tx, post)
    if author is None:
        return
    token = issue(ctx, tx, Purpose.RETURNED, author.person, post_id=post.id)
    notices.put(
        ctx,
        tx,
        "risk" if post.urgent else "held-author",
        author,
        "risk" if post.urgent else "held-author",
        list_name=post.list_name,
        answering=notices.Answering(post.message_id_header),
        reply_to=routing.address(ctx.settings, post.list_name, routing.Kind.CONFIRM, token),
        post_id=post.id,
        subject=subject,
        crisis=one_line(ctx.settings.community.crisis, 500),
        reasons=[one_line(reason["advice"] or reason["text"], 300) for reason in post.reasons],
    )


def proven(post: Any) -> bool:
    return "unproven" not in {reason.get("code") for reason in post.reasons}


def proven_author(tx: Connection, post: Any) -> Recipient | None:
    """The author, if we know that it is the author."""
    return recipient(tx, post.person_id) if post.person_id and proven(post) else None


def who(ctx: Context, tx: Connection, post: Any) -> str:
    """The sender with what is known of them, in one line."""
    address = f"{one_line(post.from_name, 80)} <{post.from_address}>".strip()
    if post.person_id is None:
        return N_("%(address)s, not known to us", address=address)
    row = tx.execute(select(_person).where(_person.c.id == post.person_id)).one()
    return N_(
        "%(address)s; %(name)s; member since %(day)s, %(posts)s approved posts",
        address=address,
        name=", ".join(filter(None, (row.name, row.profession))),
        day=row.created_at.astimezone(ctx.settings.community.zone).date(),
        posts=row.approved_posts,
    )


def _reason_words(reason: dict[str, Any]) -> str:
    words = Phrase(reason["text"])
    if not reason.get("detail"):
        return words
    detail = in_a_row(", ", map(Phrase, one_line(reason["detail"], 200).split(", ")))
    return Phrase("%(text)s (%(detail)s)", text=words, detail=detail)


def tell_author(ctx: Context, tx: Connection, post: Any, verb: str, reason: str = "", **more: Any) -> None:
    """Tells the author what was decided, if we know that it is the author."""
    author = proven_author(tx, post)
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
        subject=one_line(post.subject, 200) or N_("(no subject)"),
        reason=notices.without_answers(reason.strip())[:REASON_SHOWN],
        **more,
    )


def released(ctx: Context, tx: Connection, post: Any) -> None:
    """What is told when a post goes out: its author that it does, and what was changed or might be better left out."""
    screened = posts.screened_of(ctx, post)
    if approved_by_person(tx, post.id):
        taken = [summary(one) for number, one in enumerate(screened.findings, 1) if number in screened.gone]
        tell_author(ctx, tx, post, "approve", taken=taken if post.changed else [])
        return
    author = proven_author(tx, post)
    doubtful = screened.at(Level.WARNING) if screening_of(ctx.settings, post.list_name) == "clinical" else ()
    if author is not None and doubtful:
        notices.put(
            ctx,
            tx,
            "screening-note",
            author,
            "screening-note",
            list_name=post.list_name,
            answering=notices.Answering(post.message_id_header),
            post_id=post.id,
            subject=one_line(post.subject, 200) or N_("(no subject)"),
            findings=with_advice(doubtful),
        )
    elif author is not None:
        _receipt(ctx, tx, post, author)


def _receipt(ctx: Context, tx: Connection, post: Any, author: Recipient) -> None:
    """A short word instead of the author's own copy, where that will not be seen: Gmail drops a mail whose Message-ID
    it has sent itself. One for all lists of the post."""
    if author.email.casefold() != post.from_address.casefold() or not _hides_own_copy(post):
        return
    own = (_delivery.c.kind == DeliveryKind.POST, _delivery.c.person_id == author.person)
    if tx.execute(select(_delivery.c.id).where(*own, _delivery.c.post_id == post.id)).first() is None:
        return
    siblings = select(_post.c.id).where(_post.c.origin_id == post.origin_id)
    if tx.execute(select(_notice.c.id).where(_notice.c.kind == "posted", _notice.c.post_id.in_(siblings))).first():
        return
    copies = tx.execute(select(func.count()).where(_delivery.c.post_id == post.id, ~own[1])).scalar()
    url = permalinks.url(ctx.settings, post.list_name, post.tag) if ctx.settings.web is not None else ""
    notices.put(
        ctx, tx, "posted", author, "posted", list_name=post.list_name, post_id=post.id, url=url,
        copies=int(copies or 0), answering=notices.Answering(post.message_id_header),
        subject=one_line(post.subject, 200) or "(no subject)",
    )  # fmt: skip


def _hides_own_copy(post: Any) -> bool:
    """Whether a post was written in Gmail, also under a domain of one's own, whose Message-IDs are Gmail's."""
    domain = post.from_address.casefold().rpartition("@")[2]
    written_in = (post.message_id_header or "").casefold().rstrip(">").rpartition("@")[2]
    return domain in ("gmail.com", "googlemail.com") or written_in == "mail.gmail.com"


def with_advice(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """What was found, masked, and how to write it instead; each kind's advice once."""
    told: set[str] = set()
    lines = []
    for one in findings:
        lines.append((summary(one), "" if one.kind in told else advice(one.kind)))
        told.add(one.kind)
    return lines


def approved_by_person(tx: Connection, post_id: int) -> bool:
    """Whether a post was released by somebody's decision (its author is then told when it goes out)."""
    query = select(_decision.c.id).where(
        _decision.c.post_id == post_id, _decision.c.verb == "approve", _decision.c.undone_at.is_(None)
    )
    return tx.execute(query.limit(1)).first() is not None
