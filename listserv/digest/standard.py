"""Digests of the old kind, for those who choose them: RFC 1153 as one plain text, and MIME's multipart/digest.

Beside `letter`. Both hold the messages themselves, as they were distributed, without Received fields. Neither carries
attachments that would make it a burden: a message over `LARGE` is named with its link. One message that we fail on
becomes a placeholder, and the digest goes out.
"""

from __future__ import annotations

import logging
import quopri
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime
from typing import Any

from sqlalchemy import Connection, select

from listserv import permalinks, posts, routing
from listserv.archiver.mboxes import as_distributed
from listserv.context import Context
from listserv.digest.letter import counts_of, heading_of
from listserv.digest.material import Material
from listserv.digest.schedule import Wanted
from listserv.mail.compose import Shared, to_seven_bit
from listserv.mail.headers import address_field, field
from listserv.mail.message import TooComplex, every, parse, text_header
from listserv.mail.shown import clean, one_line
from listserv.mail.text import attachments, readable
from listserv.model import DigestFormat, Post, PostState

_post = Post.__table__  # type: ignore[attr-defined]

LARGE = 300_000  # octets of a message that is still put in whole
WHOLE = 5_000_000  # octets of a digest; what comes after that is named
TEXT = 20_000  # characters of one message in the plain digest
FIELDS = ("Date", "From", "To", "Cc", "Subject", "Message-ID", "Keywords", "Summary")
"""What RFC 1153 keeps of a header, in its order."""
RULE = "-" * 30
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A message of a digest: its line in the table of contents, and its bytes as distributed (7 bits)."""

    subject: str
    name: str
    raw: bytes
    text: str


class Printer:
    """Makes the bodies of such digests, each once for all who get the same."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self._kept: dict[tuple[Any, ...], tuple[bytes, bytes]] = {}

    def body(self, wanted: Wanted, materials: Sequence[Material], subject: str) -> tuple[bytes, bytes]:
        """The content fields and the body."""
        numbers = tuple(number for material in materials for number in material.posts)
        key = (wanted.form, wanted.scope, wanted.since, wanted.until, wanted.zone.key, wanted.language, numbers)
        if key not in self._kept:
            self._kept.clear()  # they may be large; those who get the same come one after the other
            with self.ctx.db.reading() as tx:
                entries = list(_entries(self.ctx, tx, numbers))
            threads = [thread for material in materials for thread in material.threads]
            ctx = self.ctx.speaking(wanted.language, wanted.zone.key)
            counts = counts_of(ctx.speech, materials, threads)
            write = _plain if wanted.form is DigestFormat.PLAIN else _mime
            self._kept[key] = write(ctx, wanted, subject, counts, entries)
        return self._kept[key]


def _entries(ctx: Context, tx: Connection, numbers: Sequence[int]) -> Iterator[Entry]:
    """Each message once, though it may stand on several lists."""
    size = 0
    told: set[int] = set()
    for number in numbers:
        post = tx.execute(select(_post).where(_post.c.id == number, _post.c.state == PostState.RELEASED)).first()
        if post is None or post.origin_id in told:
            continue
        told.add(post.origin_id)
        try:
            raw, text = _content(ctx, tx, post, room=WHOLE - size)
        except Exception as error:  # one message must not keep everybody's digest
            log.error("post %d cannot be put into a digest: %s", number, type(error).__name__)
            raw, text = _named(ctx, post, "This message could not be put into the digest.")
        size += len(raw)
        yield Entry(one_line(post.subject, 200) or "(no subject)", one_line(post.from_name, 60), raw, text)


def _content(ctx: Context, tx: Connection, post: Any, *, room: int) -> tuple[bytes, str]:
    listed = ctx.settings.lists.get(post.list_name)
    if listed is not None and listed.digest_excerpts == "hidden":
        return _named(ctx, post, "Messages of this list are not sent in digests.")
    original = posts.raw_message(ctx, tx, post.message_id)
    raw = as_distributed(ctx, original, post)
    head, _, body = raw.partition(b"\r\n\r\n")
    shared = Shared(head + b"\r\n", body, eightbit=not raw.isascii(), reencoded=False, utf8=False)
    seven = to_seven_bit(shared)
    whole = _ascii_head(seven.head) + b"\r\n" + seven.body
    text = _as_text(post, whole)
    if len(whole) > min(LARGE, room):
        return _named(ctx, post, "This message is too large for a digest.")[0], text
    return whole, text


def _ascii_head(head: bytes) -> bytes:
    """Raw 8-bit header fields cannot be in a 7-bit digest: they are left out, the rest is as it was."""
    if head.isascii():
        return head
    fields = re.split(rb"(?<=\r\n)(?![ \t])", head)
    return b"".join(one for one in fields if one.isascii())


def _named(ctx: Context, post: Any, why: str) -> tuple[bytes, str]:
    """In the place of a message: who wrote when about what, and where it is read."""
    link = permalinks.url(ctx.settings, post.list_name, post.tag) if ctx.settings.web is not None else ""
    words = f"{why}\n{f'Read it here: {link}' if link else 'Ask the people of the list for it.'}\n"
    head = b"".join(
        (
            field("Date", format_datetime(post.received_at.astimezone(UTC))),
            address_field("From", [(post.from_name, post.from_address)]),
            address_field("To", [("", routing.address(ctx.settings, post.list_name))]),
            field("Subject", one_line(post.subject, 300)),
            field("Message-ID", post.message_id_header),
            b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n",
        )
    )
    raw = head + b"\r\n" + words.encode("ascii", "replace").replace(b"\n", b"\r\n")
    return raw, _as_text(post, raw)


def _as_text(post: Any, raw: bytes) -> str:
    """A message as RFC 1153 shows it: some fields, a blank line, the text."""
    try:
        message = parse(raw)
    except TooComplex:
        return f"Subject: {one_line(post.subject, 300)}\n\n(This message could not be read.)\n"
    lines = []
    for name in FIELDS:
        value = one_line(text_header(message, name), 900) if every(message, name) else ""
        if value:
            lines.append(f"{name}: {value}")
    text = readable(message, TEXT + 1)
    if len(text) > TEXT:
        text = text[:TEXT].rstrip() + "\n[...]"
    files = [f"[{one_line(name, 80)}, {kind}, {size} bytes]" for name, kind, size in attachments(message)]
    body = "\n".join((clean(text).strip("\n"), *files)).strip("\n") or "(no text)"
    return "\n".join(lines) + "\n\n" + _without_rules(body) + "\n"


def _without_rules(text: str) -> str:
    """Lines that would end the message in the eyes of a burster get a blank in front (RFC 1153)."""
    return "\n".join(f" {line}" if line.startswith(RULE) else line for line in text.split("\n"))


def _title(ctx: Context, wanted: Wanted) -> str:
    return f"{routing.title(ctx.settings, wanted.scope)} Digest"


def _preamble(ctx: Context, wanted: Wanted, counts: str, entries: Sequence[Entry]) -> str:
    """The masthead and the table of contents."""
    settings = ctx.settings
    lines = [_title(ctx, wanted), f"{heading_of(ctx.speech, wanted)}. {counts}", ""]
    request = routing.address(settings, wanted.scope, routing.Kind.REQUEST)
    lines += [ctx.phrase("Requests: %(address)s (write: digest help)", address=request)]
    if settings.web is not None:
        lines.append(ctx.phrase("Archive:  %(url)s", url=f"{settings.community.url}/archive/"))
    lines += [
        ctx.phrase("A person: %(contact)s", contact=settings.community.contact),
        "",
        ctx.phrase("Today's topics:"),
        "",
    ]
    lines += [
        f"  {number}. {one.subject}{f' ({one.name})' if one.name else ''}" for number, one in enumerate(entries, 1)
    ]
    return "\n".join((*lines, ""))


def _plain(ctx: Context, wanted: Wanted, subject: str, counts: str, entries: Sequence[Entry]) -> tuple[bytes, bytes]:
    """RFC 1153: 70 hyphens behind the preamble, 30 between messages, blank lines around both, a trailer."""
    del subject
    title = f"End of {_title(ctx, wanted)}"
    blocks = [_preamble(ctx, wanted, counts, entries), "-" * 70 + "\n"]
    for entry in entries:
        blocks += [entry.text, RULE + "\n"]
    blocks.append(f"{title}\n{'*' * len(title)}\n")
    text = "\n".join(blocks)
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
    return head, quopri.encodestring(text.encode("utf-8", "replace")).replace(b"\n", b"\r\n")


def _mime(ctx: Context, wanted: Wanted, subject: str, counts: str, entries: Sequence[Entry]) -> tuple[bytes, bytes]:
    """RFC 2046 section 5.1.5: the table of contents needs a multipart/mixed around the digest."""
    del subject
    stem = f"=_{wanted.scope}-{wanted.period}".encode()
    inside = b"\0".join(entry.raw for entry in entries)
    count = 0
    while b"--%b-%d" % (stem, count) in inside:
        count += 1
    outer, inner = b"%b-%d-o" % (stem, count), b"%b-%d-i" % (stem, count)
    contents = quopri.encodestring(_preamble(ctx, wanted, counts, entries).encode()).replace(b"\n", b"\r\n")
    pieces = [
        b"--" + outer + b"\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + contents,
        b"\r\n--" + outer + b'\r\nContent-Type: multipart/digest; boundary="' + inner + b'"\r\n\r\n',
    ]
    pieces += [b"--" + inner + b"\r\n\r\n" + _ended(entry.raw) for entry in entries]
    pieces += [b"--" + inner + b"--\r\n\r\n--" + outer + b"--\r\n"]
    return b'Content-Type: multipart/mixed; boundary="' + outer + b'"\r\n', b"".join(pieces)


def _ended(raw: bytes) -> bytes:
    return raw + (b"\r\n" if raw.endswith(b"\r\n") else b"\r\n\r\n")
