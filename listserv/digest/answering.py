"""An answer to a digest becomes a post in the conversation that it answers, without the digest's text.

Between intake and the policy of posts: what comes to LIST+d.TOKEN is decided on like any post, proof, rules and
screening included. Which conversation is meant is told by what of the digest was left in the answer; where that is
not one alone, the author gets a numbered choice and answers with a number.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from listserv import membership, moderate, notices, posts, routing, screen, topics, vault
from listserv.archiver import connect
from listserv.authenticate import Proof
from listserv.context import Context
from listserv.errors import UserError
from listserv.mail.attached import is_attachment
from listserv.mail.compose import is_signed
from listserv.mail.headers import address_field
from listserv.mail.headers import field as header
from listserv.mail.incoming import Incoming, read
from listserv.mail.letter import text_part
from listserv.mail.message import Message, Part, iter_parts, parse
from listserv.mail.own_words import is_attribution, is_greeting
from listserv.mail.reply import answer_text, read_answer
from listserv.mail.shown import one_line
from listserv.mail.text import html_to_text, part_text
from listserv.mail.unquoted import Known, bare, is_quoted, known, marked, without
from listserv.membership import recipient
from listserv.model import Issue, Notice, Post, PostState, Purpose
from listserv.model import Message as Raw
from listserv.posts import Envelope, Receipt, Store
from listserv.settings import HUB
from listserv.tokens import read_capability
from listserv.words import N_

_issue = Issue.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]
_message = Raw.__table__  # type: ignore[attr-defined]

CHOICES = 60
_TAGGED = re.compile(r"\+t\.([a-z2-7]{16})@|/m/([a-z2-7]{16})\b", re.I)
_DROPPED = frozenset(
    (b"in-reply-to", b"references", b"thread-index", b"thread-topic", b"subject", b"to", b"content-type",
     b"content-transfer-encoding", b"content-disposition", b"content-language", b"mime-version")
)  # fmt: skip
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Option:
    """A conversation that an answer may mean."""

    key: Key
    subject: str


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it goes on: the conversation that it is for, if that is clear, and its bytes without the digest."""

    option: Option | None
    raw: bytes
    issue: int | None


def receive(
    ctx: Context, tx: Connection, route: routing.Route, incoming: Incoming, store: Store, envelope: Envelope,
    proof: Proof, *, asks: bool,
) -> Receipt:  # fmt: skip
    """Decides on an answer as on a post to its list. An address that names no issue is that of the list."""
    found = _answered(ctx, tx, route, incoming)
    if found is None:
        return posts.receive(ctx, tx, incoming, store, route.list_name, envelope, proof, asks=asks)
    new = read(found.raw, envelope.sender)
    fresh = Store.of(found.raw, screen.still_there(store.screened, new.message))
    if found.option is not None:
        name, tag = found.option.key
        return posts.receive(ctx, tx, new, fresh, name, envelope, proof, thread=tag, asks=asks)
    return posts.receive(ctx, tx, new, fresh, HUB, envelope, proof, asks=asks, issue=found.issue)


def _answered(ctx: Context, tx: Connection, route: routing.Route, incoming: Incoming) -> Answered | None:
    number = read_capability(ctx.keys.answer, route.digest)
    row = tx.execute(select(_issue).where(_issue.c.id == number)).first() if number is not None else None
    if row is None:
        return None
    choices = options(ctx, row)
    texts = _sent(tx, row)
    text = known(texts)
    signed = is_signed(incoming.message)
    option = recognised(incoming.message, choices, text, _around(texts))
    own = without(answer_text(incoming.message), text)
    raw = _rewritten(ctx, incoming.message, option, own if not signed else None)
    return Answered(option, raw, row.id)


def options(ctx: Context, issue: Any) -> list[Option]:
    """The conversations of an issue, with their subjects as they are now; only those of lists that exist."""
    found: list[Option] = []
    try:
        db = connect(ctx.settings.archive.directory)
    except UserError:
        return [Option((name, tag), "") for name, tag in issue.threads if name in ctx.settings.lists]
    try:
        for name, tag in issue.threads:
            row = db.execute("SELECT subject FROM message WHERE list = ? AND tag = ?", (name, tag)).fetchone()
            if name in ctx.settings.lists:
                found.append(Option((name, tag), row["subject"] if row is not None else ""))
    finally:
        db.close()
    return found


def _sent(tx: Connection, issue: Any) -> list[str]:
    """The text of an issue as it was sent, in both forms."""
    raw = tx.execute(select(_notice.c.raw).where(_notice.c.id == issue.notice_id)).scalar()
    if not raw:
        return []
    return [
        html_to_text(part_text(part)) if part.content_type == "text/html" else part_text(part)
        for part in iter_parts(parse(zlib.decompress(raw)))
        if part.content_type in ("text/plain", "text/html")
    ]


# --- which conversation ------------------------------------------------------------------------------------------


def _around(texts: Sequence[str]) -> frozenset[str]:
    """The lines of a letter's plain text that belong to no conversation: its top, its headings, its end."""
    found: set[str] = set()
    inside = False
    for line in texts[0].replace("\r\n", "\n").split("\n") if texts else ():
        inside = line.startswith("* ") or (inside and bool(line.strip()))
        if not inside and line.strip():
            found.add(_folded(line))
    return frozenset(found)


def recognised(message: Message, choices: Sequence[Option], text: Known, around: frozenset[str]) -> Option | None:
    """The one conversation that an answer can mean, None when it could be several. `around`: lines of the letter that
    belong to none."""
    if not choices:
        return None
    named = _named(message, choices)
    if len(named) == 1:
        return named[0]
    plain = answer_text(message)
    lines = plain.replace("\r\n", "\n").split("\n")
    above = _above(lines, marked(lines, text), choices, around)
    if above is not None:
        return above
    if not named and len(choices) == 1:
        return choices[0]
    return None


def _named(message: Message, choices: Sequence[Option]) -> list[Option]:
    """Conversations whose link or address is in what was left of the digest; else those whose subject is."""
    content = [part_text(part) for part in iter_parts(message) if part.content_type in ("text/plain", "text/html")
               and not is_attachment(part)]  # fmt: skip
    whole = "\n".join(content)
    tags = {(found[1] or found[2]).lower() for found in _TAGGED.finditer(re.sub(r"=\r?\n", "", whole))}
    by_tag = [option for option in choices if option.key[1] in tags]
    if by_tag:
        return by_tag
    quoted = " ".join(" ".join(bare(line) for line in one.split("\n")) for one in content).casefold()
    quoted = " ".join(quoted.split())
    return [option for option in choices if len(option.subject) > 8 and _folded(option.subject) in quoted]


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _above(
    lines: Sequence[str], of: Sequence[bool], choices: Sequence[Option], around: frozenset[str]
) -> Option | None:
    """Somebody who writes right below a conversation means that one: the one that each of their own passages stands
    under, if it is the same for all of them. Who writes below the whole letter means any."""
    current: Option | None = None
    meant: set[Key | None] = set()
    for line, known_line in zip(lines, of, strict=True):
        if known_line or is_quoted(line):
            found = _TAGGED.search(line)
            tag = (found[1] or found[2]).lower() if found else ""
            plain = _folded(bare(line).lstrip("* "))
            if _folded(bare(line)) in around:
                current = None
            for option in choices:
                if option.key[1] == tag or (plain and _folded(option.subject).startswith(plain) and len(plain) > 8):
                    current = option
        elif line.strip() and not is_greeting(line) and not is_attribution(line):
            if line.rstrip("\r") == "-- ":
                break
            meant.add(current.key if current is not None else None)
    if len(meant) != 1:
        return None
    key = meant.pop()
    return next((option for option in choices if option.key == key), None)


# --- the post ----------------------------------------------------------------------------------------------------


def _rewritten(ctx: Context, message: Message, option: Option | None, own: str | None) -> bytes:
    """The answer addressed to its list, without the digest in subject, references and text. Signed mail (`own` None)
    keeps its body."""
    name = option.key[0] if option is not None else HUB
    kept = [field.raw for field in message.fields if field.key not in _DROPPED]
    kept += [
        address_field("To", [(routing.title(ctx.settings, name), routing.address(ctx.settings, name))]),
        header("Subject", _subject(option) if option is not None else "(an answer to the digest)"),
    ]
    if own is None:
        content = [field.raw for field in message.fields if field.key.startswith((b"content-", b"mime-"))]
        return b"".join((*kept, *content)) + b"\r\n" + message.body
    kept.append(b"MIME-Version: 1.0\r\n")
    head, body = text_part(own)
    files = [part for part in iter_parts(message) if is_attachment(part) and part.head_start >= 0
             and not any(kind.startswith("message/") for kind in part.within)]  # fmt: skip
    if not files:
        return b"".join(kept) + head + b"\r\n" + body
    boundary = b"=_answer"
    pieces = [_whole(part) for part in files]
    while any(b"--" + boundary in piece for piece in (body, *pieces)):
        boundary += b"-"
    parts = b"".join(b"--" + boundary + b"\r\n" + piece + b"\r\n" for piece in (head + b"\r\n" + body, *pieces))
    kind = b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n'
    return b"".join(kept) + kind + b"\r\n" + parts + b"--" + boundary + b"--\r\n"


def _whole(part: Part) -> bytes:
    """A part with its own header, as it came."""
    return part.source[part.head_start : part.end]


def _subject(option: Option) -> str:
    subject = one_line(option.subject, 300) or "your conversation"
    return subject if subject[:3].lower() == "re:" else f"Re: {subject}"


def redirected(ctx: Context, raw: bytes, option: Option) -> bytes:
    """An answer whose author has said by now which conversation it is for."""
    message = parse(raw)
    kept = [field.raw for field in message.fields if field.key not in (b"subject", b"to")]
    name = option.key[0]
    kept.append(address_field("To", [(routing.title(ctx.settings, name), routing.address(ctx.settings, name))]))
    kept.append(header("Subject", _subject(option)))
    return b"".join(kept) + b"\r\n" + message.body


# --- the choice --------------------------------------------------------------------------------------------------


def ask(ctx: Context, tx: Connection, post: Any) -> None:
    """Asks the author which conversation their answer is for; the post waits in CONFIRMING."""
    author = recipient(tx, post.person_id) if post.person_id else None
    if author is None:
        return
    token = moderate.issue(ctx, tx, Purpose.TOPIC, author.person, post_id=post.id, life=posts.CONFIRM_WITHIN)
    _put(ctx, tx, post, author, token, post.message_id_header, wrote="")


def _put(ctx: Context, tx: Connection, post: Any, author: Any, token: str, answered: str | None, *, wrote: str) -> None:
    text, _ = notices.shown(posts.raw_message(ctx, tx, post.message_id))
    notices.put(
        ctx,
        tx,
        "topic",
        author,
        "digest-which",
        reply_to=routing.address(ctx.settings, HUB, routing.Kind.CONFIRM, token),
        answering=notices.Answering(answered),
        post_id=post.id,
        text=text,
        wrote=wrote,
        options=[
            (number, one_line(option.subject, 100) or N_("(no subject)"), routing.title(ctx.settings, option.key[0]))
            for number, option in enumerate(_choices(ctx, tx, post), 1)
        ],
        hours=int(posts.CONFIRM_WITHIN.total_seconds() // 3600),
    )


def _choices(ctx: Context, tx: Connection, post: Any) -> list[Option]:
    row = tx.execute(select(_issue).where(_issue.c.id == post.rules["issue"])).first()
    return options(ctx, row)[:CHOICES] if row is not None else []


def choose(ctx: Context, tx: Connection, token: Any, text_token: str, incoming: Incoming) -> bool:
    """The author's number, from their own address; the token, sent to them alone, is its proof. False when the token
    is not about an answer to a digest."""
    post = tx.execute(select(_post).where(_post.c.id == token.post_id)).first()
    if post is None or "issue" not in post.rules:
        return False
    author = membership.answering(tx, token, incoming.authors[0].address)
    if author is None:
        return True
    answering = notices.Answering(incoming.message_id)
    if post.state != PostState.CONFIRMING:
        subject = one_line(post.subject, 200)
        notices.put(ctx, tx, "unclear", author, "topic-done", answering=answering, subject=subject)
        return True
    found = _choices(ctx, tx, post)
    words = {f"{mark}{number}": str(number) for number in range(1, len(found) + 1) for mark in ("", "#", "no. ")}
    said = read_answer(answer_text(incoming.message), {**words, "withdraw": "withdraw"})
    if said.verb is None:
        wrote = one_line(said.first_line, 120) or "(nothing)"
        _put(ctx, tx, post, author, text_token, incoming.message_id, wrote=wrote)
        return True
    if said.verb == "withdraw":
        posts.change(tx, post.id, PostState.CONFIRMING, PostState.WITHDRAWN, ctx.clock())
        notices.put(ctx, tx, "unclear", author, "digest-withdrawn", answering=answering)
        return True
    option = found[int(said.verb) - 1]
    raw = redirected(ctx, posts.raw_message(ctx, tx, post.message_id), option)
    tx.execute(
        update(_message)
        .where(_message.c.id == post.message_id)
        .values(raw=vault.locked(ctx.keys.held, vault.packed(raw)), size=len(raw))
    )
    values = {"thread": option.key[1], "subject": _subject(option)[:1000]}
    topics.settle(ctx, tx, post, option.key[0], author, answering, **values)
    return True
