"""What a message itself says, read once on acceptance: the part of the facts that needs no database.

Pure and bounded: whatever the bytes are, the answer is an Incoming or TooComplex.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from listserv.mail.address import Mailbox, authors, canonical, parse_mailboxes
from listserv.mail.automatic import automatic
from listserv.mail.message import (
    Message,
    check_structure,
    content_hash,
    every,
    message_id,
    parse,
    received_count,
    text_header,
)
from listserv.mail.text import dangerous_attachments, readable

SINGLE_FIELDS = ("from", "date", "message-id", "subject", "to", "cc", "reply-to", "sender", "in-reply-to", "references")
COMMANDS = frozenset(
    (
        "help", "status", "lists", "info", "join", "leave", "subscribe", "unsubscribe", "signoff", "each", "daily",
        "weekly", "none", "digest", "nomail", "pause", "resume", "follow", "mute", "search", "last", "get", "terms",
        "renew", "whoami", "who", "which", "review", "index", "end", "quit",
    )
)  # fmt: skip
_ANGLE = re.compile(r"<([^<>]*)>")
_TOPIC = re.compile(r"\[([^\[\]]{1,60})\]")


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message as it was given to us; `message_id` is None when it has none that could be used."""

    message: Message
    authors: tuple[Mailbox, ...]
    subject: str
    message_id: str | None
    content_hash: str
    automatic: str | None
    list_ids: tuple[str, ...]
    hops: int
    recipients: frozenset[str]  # canonical addresses of To and Cc
    recipient_count: int
    doubled: tuple[str, ...]
    only_command: str | None
    dangerous: tuple[str, ...]
    people: frozenset[str] = frozenset()  # names that a model recognised (`screen`)

    @property
    def size(self) -> int:
        return len(self.message.raw)


def read(raw: bytes, envelope_sender: str) -> Incoming:
    """Reads a message with CRLF line ends. Raises TooComplex for what is beyond the caps."""
    message = parse(raw)
    check_structure(message)
    addressed = [box for name in ("to", "cc") for value in every(message, name) for box in parse_mailboxes(value)]
    counts: dict[bytes, int] = {}
    for field in message.fields:
        counts[field.key] = counts.get(field.key, 0) + 1
    list_ids = []
    for value in every(message, "list-id"):
        found = _ANGLE.findall(value) or [value]
        list_ids.append(found[-1].strip().lower())
    return Incoming(
        message=message,
        authors=tuple(authors(message)),
        subject=text_header(message, "subject"),
        message_id=message_id(message),
        content_hash=content_hash(message),
        automatic=automatic(message, envelope_sender),
        list_ids=tuple(list_ids),
        hops=received_count(message),
        recipients=frozenset(canonical(box.address) for box in addressed),
        recipient_count=len(addressed),
        doubled=tuple(name for name in SINGLE_FIELDS if counts.get(name.encode(), 0) > 1),
        only_command=_only_command(message),
        dangerous=tuple(dangerous_attachments(message)),
    )


def _only_command(message: Message) -> str | None:
    """The command that a message consists of, when it was meant for the request address (IN: CO-4)."""
    if len(message.body) > 4000:
        return None
    lines = [line.strip() for line in readable(message, 2000).splitlines() if line.strip()]
    if not lines or len(lines) > 2 or (len(lines) == 2 and lines[1] != "--"):
        return None
    words = lines[0].lower().rstrip(".!").split()
    if not words or words[0] not in COMMANDS or len(words) > 3:
        return None
    return " ".join(words) if len(words) == 1 or words[0] in ("digest", "set", "pause", "search", "get") else None


def topic_of(subject: str, topics: Collection[str]) -> str | None:
    """The topic named as `[topic]` in a subject."""
    known = {topic.lower(): topic for topic in topics}
    for word in _TOPIC.findall(subject):
        if word.strip().lower() in known:
            return known[word.strip().lower()]
    return None
