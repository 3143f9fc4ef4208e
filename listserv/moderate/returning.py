"""A post that is back with its author: they mend it first, by replying, and a moderator sees the result.

A post in which the screen found something of level H goes to its proven author before anybody else sees it, and to the
moderators with the answer, or after `moderation.author_within`. A moderator's `return` does the same with words of
their own. The token went to the registered address alone; it and that address are the proof of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select, update

from listserv import notices, posts, screen
from listserv.context import Context
from listserv.facts import screening_of
from listserv.mail.address import canonical
from listserv.mail.automatic import sounds_away
from listserv.mail.incoming import Incoming, read
from listserv.mail.own_words import own_text
from listserv.mail.passages import Place
from listserv.mail.redacted import revised
from listserv.mail.reply import answer_text, read_answer
from listserv.mail.text import one_line
from listserv.membership import Recipient, person_of, recipient
from listserv.model import Decision, Post, PostState
from listserv.moderate.announcing import covering_for_author, proven_author, speech_of, with_advice
from listserv.moderate.changing import MENDED, REVISED, put_in_place, redact_findings
from listserv.moderate.deciding import By, author_token, earlier, record
from listserv.policy.screening.finding import Level
from listserv.policy.screening.screened import NOTHING_FOUND
from listserv.words import N_

_post = Post.__table__  # type: ignore[attr-defined]
_decision = Decision.__table__  # type: ignore[attr-defined]

_VERBS_IN: Mapping[str, Mapping[str, str]] = {
    "de": {"zurückziehen": "withdraw", "schwärzen": "redact", "bitte schwärzen": "redact",
           "schwärzen sie es": "redact", "lassen wie es ist": "as-is", "so lassen": "as-is"},
    "fr": {"retirer": "withdraw", "caviarder": "redact", "masquer": "redact", "caviardez pour moi": "redact",
           "laisser tel quel": "as-is", "laissez tel quel": "as-is"},
}  # fmt: skip
VERBS: Mapping[str, str] = {
    "withdraw": "withdraw", "take it back": "withdraw", "redact for me": "redact", "redact": "redact",
    "please redact for me": "redact", "leave as is": "as-is", "leave it as it is": "as-is", "leave as it is": "as-is",
}  # fmt: skip
_MARKED = re.compile(
    r"\W*(?:(?:my )?new text|(?:mein )?neuer text|(?:mon )?nouveau texte)\b[ \t]*(?:[:.]|(?=\n))\s*", re.I
)
_TITLED = re.compile(r"\W*(?:subject|betreff|objet)[ \t]*:[ \t]*(\S[^\n]*)(?:\n|$)", re.I)
MOST_RETURNS = 3  # rounds with the author before a moderator sees what is still found
SHORTEST = 40  # characters of a corrected text; what is shorter is rather a question to us
AS_IS = "as-is"


def ask(ctx: Context, tx: Connection, post: Any, words: str = "", by: str = "") -> None:
    """The mail that gives a post back: what was found or what a moderator asks for, and how to answer."""
    author = proven_author(tx, post)
    if author is None:
        return
    screened = posts.screened_of(ctx, post)
    cover = covering_for_author(screened, speech_of(ctx, tx, author.person))
    text, _ = notices.shown(posts.raw_message(ctx, tx, post.message_id), cover)
    life = ctx.settings.moderation.give_up
    notices.put(
        ctx,
        tx,
        "returned",
        author,
        "returned",
        list_name=post.list_name,
        answering=notices.Answering(post.message_id_header),
        reply_to=author_token(ctx, tx, post, author.person, life + ctx.settings.moderation.author_within),
        buttons=[
            (N_("Redact for me"), "redact for me"),
            (N_("Withdraw"), "withdraw"),
            (N_("Leave as is ..."), "leave as is "),
        ],
        post_id=post.id,
        subject=one_line(post.subject, 200) or N_("(no subject)"),
        findings=with_advice([finding for _, finding, _ in screened.left() if finding.level is not Level.NOTE]),
        words=words,
        by=by,
        again=post.returns > 1,
        in_subject=any(finding.place is Place.SUBJECT for _, finding, _ in screened.left()),
        text=text,
        until=post.return_by,
    )


def give_back(ctx: Context, tx: Connection, post: Any, by: By, words: str) -> bool:
    """HELD -> RETURNED by a moderator; False when the author is not known for sure, or somebody else was first."""
    if proven_author(tx, post) is None:
        return False
    now = ctx.clock()
    until = now + ctx.settings.moderation.give_up
    changed = posts.change(
        tx, post.id, PostState.HELD, PostState.RETURNED, now, returns=post.returns + 1, return_by=until, notified=True
    )
    if changed:
        record(tx, post.id, "return", by, words, now)
        ask(ctx, tx, tx.execute(select(_post).where(_post.c.id == post.id)).one(), words, by.name)
    return changed


# --- the author's answer -----------------------------------------------------------------------------------------


def answer(ctx: Context, tx: Connection, token: Any, incoming: Incoming) -> None:
    """A reply of the author about a post of theirs that waits."""
    if person_of(tx, canonical(incoming.authors[0].address)) != token.person_id:
        return
    author = recipient(tx, token.person_id)
    post = tx.execute(select(_post).where(_post.c.id == token.post_id)).first()
    if author is None or post is None:
        return
    text = answer_text(incoming.message)
    verbs = dict(VERBS)
    for language in ctx.settings.moderation.languages:
        verbs |= _VERBS_IN[language]
    said = read_answer(text, verbs, with_argument={AS_IS})
    by = By(author.name or author.email, "mail", author.person, "a reply from the author")
    if said.verb == "withdraw":
        _withdraw(ctx, tx, post, author, by, incoming)
    elif post.state != PostState.RETURNED:
        _late(ctx, tx, post, author, incoming)
    elif said.verb == "redact":
        _redact(ctx, tx, post, author, by, incoming)
    elif said.verb == AS_IS:
        _leave(ctx, tx, post, author, by, incoming, said.argument)
    else:
        _revise(ctx, tx, post, author, by, incoming, own_text(text).strip())


def _say(
    ctx: Context, tx: Connection, post: Any, author: Recipient, incoming: Incoming, template: str, **more: Any
) -> None:
    """A word to the author, which they can answer as well."""
    notices.put(
        ctx,
        tx,
        "returned",
        author,
        template,
        list_name=post.list_name,
        answering=notices.Answering(incoming.message_id),
        reply_to=author_token(ctx, tx, post, author.person, ctx.settings.moderation.give_up),
        post_id=post.id,
        subject=one_line(post.subject, 200) or N_("(no subject)"),
        **more,
    )


def _late(ctx: Context, tx: Connection, post: Any, author: Recipient, incoming: Incoming) -> None:
    """An answer about a post that is not with its author."""
    waits = post.state in (PostState.HELD, PostState.RETURNED, PostState.ACCEPTED)
    out = post.state == PostState.RELEASED
    _say(ctx, tx, post, author, incoming, "returned-late", words=earlier(tx, post), waits=waits, out=out)


def _withdraw(ctx: Context, tx: Connection, post: Any, author: Recipient, by: By, incoming: Incoming) -> None:
    now = ctx.clock()
    for state in (PostState.HELD, PostState.RETURNED, PostState.ACCEPTED):
        if posts.change(tx, post.id, state, PostState.WITHDRAWN, now, release_at=None, remind_at=None):
            record(tx, post.id, "withdraw", by, "", now)
            _say(ctx, tx, post, author, incoming, "withdrawn")
            return
    _late(ctx, tx, post, author, incoming)


def _redact(ctx: Context, tx: Connection, post: Any, author: Recipient, by: By, incoming: Incoming) -> None:
    change = redact_findings(ctx, tx, post, None, state=PostState.RETURNED)
    if not change.taken:
        _say(ctx, tx, post, author, incoming, "returned-unclear", wrote="", short=False, nothing=True, away=False)
        return
    _go_on(ctx, tx, post, by, "redact", N_("The author has asked us to take out what was found; that is done."))
    _say(ctx, tx, post, author, incoming, "returned-thanks", taken=change.taken, left=change.left, text="")


def _leave(ctx: Context, tx: Connection, post: Any, author: Recipient, by: By, incoming: Incoming, why: str) -> None:
    note = screen.scrubbed(ctx, tx, why)[:2000].strip() or N_("(no reason given)")
    _go_on(ctx, tx, post, by, AS_IS, N_("The author asks to leave it as it is: %(note)s", note=note))
    _say(ctx, tx, post, author, incoming, "returned-thanks", taken=(), left=(), text="")


def _revise(ctx: Context, tx: Connection, post: Any, author: Recipient, by: By, incoming: Incoming, text: str) -> None:
    """The corrected text takes the place of the first one, is screened in its turn, and goes on or comes back."""
    raw = posts.raw_message(ctx, tx, post.message_id)
    marked = _MARKED.match(text)
    text = text[marked.end() :].strip() if marked else text
    titled = _TITLED.match(text)
    text = text[titled.end() :].strip() if titled else text
    away = not marked and sounds_away(incoming.subject, text, notices.shown(raw, None)[0])
    if away or len(text) < SHORTEST:
        wrote = one_line(screen.scrubbed(ctx, tx, text), 120)
        values = {"wrote": wrote, "short": bool(wrote), "nothing": False, "away": away and bool(wrote)}
        _say(ctx, tx, post, author, incoming, "returned-unclear", **values)
        return
    subject = one_line(titled[1], 300) if titled else None
    new = read(revised(raw, text + "\n", subject=subject), post.envelope_sender)
    before = posts.screened_of(ctx, post)
    found = screen.look_at_text(ctx, tx, new.message, canonical(post.from_address), incoming.people, before)
    if screening_of(ctx.settings, post.list_name) == "off":
        found = NOTHING_FOUND
    put_in_place(ctx, tx, post, new, found, REVISED, state=PostState.RETURNED)
    post = tx.execute(select(_post).where(_post.c.id == post.id)).one()
    if found.at(Level.HIGH) and post.returns < MOST_RETURNS:
        until = ctx.clock() + ctx.settings.moderation.author_within
        tx.execute(update(_post).where(_post.c.id == post.id).values(returns=post.returns + 1, return_by=until))
        record(tx, post.id, "revise", by, "", ctx.clock())
        ask(ctx, tx, tx.execute(select(_post).where(_post.c.id == post.id)).one())
        return
    _go_on(ctx, tx, post, by, "revise", N_("The author has sent this corrected text."))
    cover = covering_for_author(found, speech_of(ctx, tx, author.person)) if found.masks else None
    shown, _ = notices.shown(new.message.raw, cover)
    _say(ctx, tx, post, author, incoming, "returned-thanks", taken=(), left=(), text=shown)


def _go_on(ctx: Context, tx: Connection, post: Any, by: By, verb: str, note: str) -> None:
    """RETURNED -> HELD: the moderators see it, with what the author said."""
    now = ctx.clock()
    values: dict[str, Any] = {"notified": False, "return_by": None, "author_note": note, "reminded": 0}
    if not post.reasons:
        values["reasons"] = [asdict(MENDED)]
    if posts.change(tx, post.id, PostState.RETURNED, PostState.HELD, now, **values):
        record(tx, post.id, verb, by, "", now)
        ctx.wake.work.set()


def overdue(ctx: Context, tx: Connection) -> int:
    """Posts whose author has not answered in time: what the screen gave back goes to the moderators as it is, what a
    moderator returned is given up."""
    now = ctx.clock()
    query = select(_post).where(_post.c.state == PostState.RETURNED, _post.c.return_by < now).limit(200)
    rows = list(tx.execute(query))
    for post in rows:
        if _returned_by_moderator(tx, post.id):
            if posts.change(tx, post.id, PostState.RETURNED, PostState.EXPIRED, now, return_by=None):
                author = proven_author(tx, post)
                if author is not None:
                    subject = one_line(post.subject, 200) or N_("(no subject)")
                    notices.put(
                        ctx, tx, "decided-author", author, "returned-over", list_name=post.list_name,
                        post_id=post.id, subject=subject,
                    )  # fmt: skip
            continue
        note = N_("The author was asked first and has not answered yet.")
        posts.change(
            tx, post.id, PostState.RETURNED, PostState.HELD, now, notified=False, return_by=None, author_note=note
        )
    return len(rows)


def _returned_by_moderator(tx: Connection, post_id: int) -> bool:
    told = (_decision.c.post_id == post_id, _decision.c.verb.in_(("return", "revise")))
    query = select(_decision.c.verb).where(*told).order_by(_decision.c.id.desc())
    last = tx.execute(query.limit(1)).scalar()
    return last == "return"
