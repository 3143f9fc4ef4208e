"""Several held posts in one mail, numbered, and the answer to it, line by line: `1 approve`, `2 reject off topic`.

Used for reminders, and instead of single notices where `moderation.notices` says so. The token knows which number is
which post; each line is carried out as if it had been the answer to a notice of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from listserv import membership, notices, posts, routing, screen
from listserv.authenticate import Proof
from listserv.context import Context
from listserv.mail.incoming import Incoming
from listserv.mail.reply import answer_text, read_answer, read_answers
from listserv.mail.text import one_line
from listserv.mail.verbs import moderation_verbs
from listserv.membership import Recipient
from listserv.model import Post, Purpose
from listserv.moderate.announcing import described
from listserv.moderate.asking import issue
from listserv.moderate.calling import not_before
from listserv.moderate.carrying import WITH_WORDS, carry_out
from listserv.moderate.deciding import By
from listserv.settings import HUB
from listserv.words import N_, in_a_row

_post = Post.__table__  # type: ignore[attr-defined]

FIRST_LINES = 6  # of each post
MOST = 30  # posts in one mail


def write(ctx: Context, tx: Connection, to: Recipient, rows: Sequence[Any], kind: str, **more: Any) -> None:
    """The mail to one moderator about these posts. `kind` is reminder, listing or escalation."""
    shown = list(rows)[:MOST]
    token = issue(ctx, tx, Purpose.MODERATE, to.person, about=",".join(str(row.id) for row in shown))
    notices.put(
        ctx,
        tx,
        kind,
        to,
        "waiting",
        reply_to=routing.address(ctx.settings, HUB, routing.Kind.MODERATE, token),
        not_before=not_before(ctx, tx, to.person),
        waiting=[entry(ctx, tx, row, number) for number, row in enumerate(shown, 1)],
        more=len(rows) - len(shown),
        why=kind,
        **more,
    )


def entry(ctx: Context, tx: Connection, row: Any, number: int) -> dict[str, Any]:
    """What the mail says of one post."""
    values = described(ctx, tx, row)
    lines = [line for line in str(values["text"]).splitlines() if line.strip()]
    return {
        "number": number,
        "list_name": row.list_name,
        "since": row.state_since,
        "claimed": _name(tx, row.claimed_by),
        "text": "\n".join(lines[:FIRST_LINES]) + ("\n    [...]" if len(lines) > FIRST_LINES else ""),
        **{name: values[name] for name in ("subject", "author", "reasons", "findings", "covered")},
    }


def _name(tx: Connection, person: int | None) -> str:
    return membership.name_of(tx, person) if person is not None else ""


def answer(
    ctx: Context, tx: Connection, row: Any, token: str, moderator: Recipient, incoming: Incoming, proof: Proof
) -> None:
    """A reply to such a mail. What is clear is done; what is not is named; one mail tells both."""
    numbers = [int(one) for one in row.about.split(",") if one]
    reply_to = routing.address(ctx.settings, HUB, routing.Kind.MODERATE, token)
    answering = notices.Answering(incoming.message_id)

    def tell(template: str, **values: Any) -> None:
        notices.put(ctx, tx, "unclear", moderator, template, reply_to=reply_to, answering=answering, **values)

    if row.expires_at < ctx.clock():
        tell("token-expired", subject=N_("held posts"), post_number=row.about)
        return
    if not proof.proven:
        tell("moderator-unproven", subject=N_("held posts"), post_number=row.about)
        return
    verbs = moderation_verbs(ctx.settings.moderation.languages)
    text = answer_text(incoming.message)
    said = read_answers(text, verbs, with_argument=WITH_WORDS)
    alone = read_answer(text, verbs, with_argument=WITH_WORDS)
    if not said and alone.verb == "help":
        tell("moderating-help", subject=N_("held posts"))
        return
    if not said and alone.verb is not None and len(numbers) == 1:  # of one post, no number need be told
        said = [(1, alone)]
    by = By(moderator.name or moderator.email, "mail", moderator.person, proof.by)
    lines: list[tuple[str, str]] = []
    for number, one in said:
        if not 1 <= number <= len(numbers):
            lines.append((str(number), N_("There is no post with this number in the mail.")))
            continue
        post = tx.execute(select(_post).where(_post.c.id == numbers[number - 1])).first()
        if post is None or all(m.person != moderator.person for m in membership.deciders(tx, post.list_name)):
            lines.append((str(number), N_("You do not decide on this post (any more).")))
            continue
        label = f"{number}. {one_line(post.subject, 60) or N_('(no subject)')}"
        if one.verb is None:
            wrote = one_line(screen.scrubbed(ctx, tx, one.first_line), 80)
            unclear = N_("“%(wrote)s” is not clear, so nothing was done.", wrote=wrote)
            if one.suggestion:
                meant = N_("Did you mean `%(words)s`?", words=f"{number} {one.suggestion}")
                unclear = in_a_row(" ", (unclear, meant))
            lines.append((label, unclear))
            continue
        words = one.argument
        if one.verb != "redact":
            words = screen.scrubbed(ctx, tx, notices.without_answers(words))
        came = _done(ctx, tx, post, one.verb, words, by, moderator, answering)
        if came or len(said) > 1:  # else the mail about it says all
            lines.append((label, came or N_("See the mail about it.")))
    if lines or not said:
        done = sum(1 <= number <= len(numbers) for number, _ in said)
        tell("waiting-done", lines=lines, done=done, count=len(numbers))


def _done(
    ctx: Context, tx: Connection, post: Any, verb: str, words: str, by: By, moderator: Recipient, answering: Any
) -> str:
    """Carries one line out; in words what came of it. What has to be read at length comes as a mail of its own, and
    then there are no words."""
    heard: list[str] = []
    own: list[str] = []

    def say(kind: str, template: str, **more: Any) -> None:
        if template in ("redacted", "show", "moderating-help"):
            token = issue(ctx, tx, Purpose.MODERATE, moderator.person, post_id=post.id)
            notices.put(
                ctx, tx, kind, moderator, template, list_name=post.list_name, answering=answering, post_id=post.id,
                reply_to=routing.address(ctx.settings, post.list_name, routing.Kind.MODERATE, token),
                subject=one_line(post.subject, 200) or N_("(no subject)"), **more,
            )  # fmt: skip
            own.append(template)
        elif template == "approved-undo":
            goes = N_("Approved; it goes out on %(at)s. Second thoughts? `undo` with its number.", at=more["at"])
            heard.append(goes)
        elif template == "undone":
            heard.append(N_("Your approval is taken back; it is held again."))
        else:
            heard.append(more.get("words", ""))

    carry_out(ctx, tx, post, verb, words, by, say)
    if heard or own:
        return in_a_row(" ", heard)
    now = tx.execute(select(_post.c.state).where(_post.c.id == post.id)).scalar()
    return N_("Done: the post is %(state)s.", state=posts.in_words(now))
