"""The mails that listserv writes to people: one function per notice, one template each, text first.

Every notice says what happened, why, and what to do by replying, and names a human. They go to registered addresses
only, never to Reply-To. A notice is a row with its bytes and a delivery row, written in the same commit as the fact
that it tells, so that it is sent exactly when that fact is true.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from sqlalchemy import Connection, func, insert, select

from listserv import membership, routing
from listserv.context import Context
from listserv.mail import letter
from listserv.mail.address import without_tag
from listserv.mail.compose import distributed
from listserv.mail.message import TooComplex, parse
from listserv.mail.text import attachments, one_line, readable
from listserv.membership import Recipient
from listserv.model import Delivery, DeliveryKind, DeliveryState, Notice
from listserv.routing import Kind
from listserv.settings import HUB
from listserv.tokens import one_shot

_notice = Notice.__table__  # type: ignore[attr-defined]
_delivery = Delivery.__table__  # type: ignore[attr-defined]

EXCERPT = 4000
_OWN_ANSWERS = re.compile(r"[^\s<>]+-(?:moderate|confirm)\+[^\s<>]+")
COVERED = 200_000  # characters that are looked through for what must be covered
ATTACH_LIMIT = 1_000_000
PER_DAY = {
    # automatic mail of one kind to one address in a day; what is not named here is not limited
    "held-author": 20,
    "refused-lists": 20,
    "decided-author": 40,
    "topic": 10,
    "screening-note": 2,
    "returned": 20,
    "risk": 5,
    "sender": 20,
    "sender-no": 20,
    "not-yet": 2,
    "forward": 50,
    "bounce": 10,
    "left": 10,
    "login": 10,
    "commands": 50,
    "command-outsider": 3,
    "join": 4,
    "join-member": 3,
    "join-step": 12,
    "posted": 20,
    "address": 3,
    "forget": 5,
    "digest-edited": 40,
    "digest-stopped": 10,
    "unclear": 20,
    "failures": 1,
    "disk": 1,
}

CONFIRMING = ("join", "join-member", "address")
"""Mail that somebody can have sent to an address of somebody else: the questions whether it is theirs."""
QUESTIONS_PER_DAY = 2


@dataclass(frozen=True, slots=True)
class Answering:
    """The mail that a notice answers: its Message-ID, and that our answer must not be answered by a machine."""

    message_id: str | None


def put(
    ctx: Context,
    tx: Connection,
    kind: str,
    to: Recipient | str,
    template: str,
    *,
    list_name: str = HUB,
    reply_to: str | None = None,
    answering: Answering | None = None,
    attached: bytes | None = None,
    buttons: Sequence[tuple[str, str]] = (),
    not_before: datetime | None = None,
    post_id: int | None = None,
    **values: object,
) -> int | None:
    """Writes a notice and its delivery row. None when this address has had enough of this kind for a day.

    It is written in the language and the time zone of the person; for an address alone, in those of `ctx`.
    The first line of a template is its subject. Answers to mail get the null return path, what we send of our own
    accord gets VERP (RFC 3834 section 2, RFC 5321 section 4.5.5). `buttons`: answers as links that write the reply
    (label, its first line), in an HTML alternative; they need a `reply_to`. `not_before`: it is not sent earlier.
    """
    now = ctx.clock()
    person, name, email = (to.person, to.name, to.email) if isinstance(to, Recipient) else (None, "", to)
    if person is not None:
        reader = ctx.speaking(*membership.speech(tx, person))
    else:
        reader = ctx.speaking("") if email == ctx.settings.community.contact else ctx
    if not room(ctx, tx, kind, email):
        return None
    community = ctx.settings.community
    text = reader.render(
        f"mail/{template}.txt",
        community=community.name,
        contact=community.contact,
        name=name,
        list_title=routing.title(ctx.settings, list_name),
        list_address=routing.address(ctx.settings, list_name),
        list_name=list_name,
        owner_address=routing.address(ctx.settings, list_name, Kind.OWNER),
        **values,
    )
    subject, _, body = text.partition("\n")
    sender = routing.address(ctx.settings, list_name, Kind.REQUEST if list_name == HUB else Kind.OWNER)
    message_id = f"<{one_shot()}@{ctx.settings.domain}>"
    raw = letter.write(
        letter.Letter(
            sender=(routing.title(ctx.settings, list_name), sender),
            recipient=(name, email),
            subject=one_line(subject.removeprefix("Subject:").strip(), 300),
            text=body,
            message_id=message_id,
            date=now.astimezone(reader.speech.zone),
            reply_to=reply_to,
            in_reply_to=answering.message_id if answering else None,
            auto_submitted="auto-replied" if answering else "auto-generated",
            attached=attached,
            html=_with_buttons(reader, subject, body, reply_to, buttons) if buttons and reply_to else None,
        )
    )
    row = {
        "kind": kind,
        "list_name": list_name,
        "person_id": person,
        "post_id": post_id,
        "recipient": email,
        "subject": one_line(subject.removeprefix("Subject:").strip(), 300),
        "message_id_header": message_id,
        "verp": answering is None,
        "raw": zlib.compress(raw),
        "created_at": now,
    }
    notice = tx.execute(insert(_notice).values(row)).inserted_primary_key
    assert notice is not None
    tx.execute(
        insert(_delivery).values(
            kind=DeliveryKind.NOTICE,
            priority=0,
            notice_id=notice[0],
            recipient=email,
            state=DeliveryState.PENDING,
            attempts=0,
            next_attempt=max(now, not_before or now),
            created_at=now,
            last_reply="",
            possible_duplicates=0,
        )
    )
    return int(notice[0])


def _with_buttons(ctx: Context, subject: str, text: str, to: str, buttons: Sequence[tuple[str, str]]) -> str:
    """The text of a notice as HTML with a link for each answer: `mailto` with the word in the body (RFC 6068)."""
    about = quote("Re: " + one_line(subject.removeprefix("Subject:").strip(), 120))
    links = [(label, f"mailto:{quote(to, safe='@+')}?subject={about}&body={quote(word)}") for label, word in buttons]
    return ctx.render("mail/buttons.html", text=text.strip("\n"), links=links)


def room(ctx: Context, tx: Connection, kind: str, email: str) -> bool:
    """Whether this address may get another notice of this kind today."""
    return kind not in PER_DAY or _sent_today(tx, kind, email, ctx.clock()) < PER_DAY[kind]


def _sent_today(tx: Connection, kind: str, email: str, now: datetime) -> int:
    query = select(func.count()).where(
        _notice.c.kind == kind, _notice.c.recipient == email, _notice.c.created_at > now - timedelta(days=1)
    )
    return int(tx.execute(query).scalar() or 0)


def asked_enough(ctx: Context, tx: Connection, email: str) -> bool:
    """Whether whoever reads this address was asked often enough today, under whatever +tag of it."""
    key = without_tag(email)
    query = select(_notice.c.recipient).where(
        _notice.c.kind.in_(CONFIRMING), _notice.c.created_at > ctx.clock() - timedelta(days=1)
    )
    if key[:1].isascii():  # SQLite folds the case of no other letters
        query = query.where(func.lower(_notice.c.recipient).like(f"{key[:1]}%"))
    return sum(without_tag(row.recipient) == key for row in tx.execute(query)) >= QUESTIONS_PER_DAY


def without_answers(words: str) -> str:
    """A person's words without addresses of ours at which something could be decided."""
    return _OWN_ANSWERS.sub("[address]", words)


def attachable(raw: bytes) -> bytes | None:
    """An original as it can be attached: no line over 998 octets, no blind copies; None when it is too large."""
    if len(raw) > ATTACH_LIMIT:
        return None
    try:
        shared = distributed(
            parse(raw),
            add=(),
            drop=(b"bcc", b"resent-bcc"),
            replace={},
            message_id_if_missing=f"<{hashlib.sha256(raw).hexdigest()[:32]}@missing.invalid>",
            date_if_missing="Thu, 01 Jan 1970 00:00:00 +0000",
        )
    except TooComplex:
        return None
    return shared.head + b"\r\n" + shared.body


def shown(raw: bytes, cover: Callable[[str], str] | None = None) -> tuple[str, list[str]]:
    """The readable text of a post for a notice, indented and cut, and its attachments in words. `cover` is given the
    text and each file name first, where something in them must not be shown."""
    message = parse(raw)
    text = readable(message, EXCERPT + 1 if cover is None else COVERED)
    if cover is not None:
        text = cover(text)
    if len(text) > EXCERPT:
        text = text[:EXCERPT].rstrip() + "\n[...]"
    quoted = "\n".join(f"    {line}".rstrip() for line in text.strip().splitlines())
    hidden = cover or (lambda name: name)
    files = [f"{one_line(hidden(name), 80)} ({kind}, {size} bytes)" for name, kind, size in attachments(message)]
    return quoted, files
