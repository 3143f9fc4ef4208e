"""A thread or a month as an mbox file, made when a member asks for it: the distributed form, without Received lines.

Nothing of it is kept, so nothing can be left over when a post is taken back. Where the archive hides addresses, the
file holds the text that the pages show.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC
from email.utils import format_datetime
from typing import Any

from sqlalchemy import select

from listserv import copies, posts
from listserv.archiver import index
from listserv.context import Context
from listserv.mail.body import render, without_addresses
from listserv.mail.compose import distributed
from listserv.mail.headers import address_field, field
from listserv.mail.mbox import written
from listserv.mail.message import Message, TooComplex, parse
from listserv.model import Post, PostState

_post = Post.__table__  # type: ignore[attr-defined]
_RECEIVED = re.compile(rb"(?im)^received[ \t]*:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*")


def posts_of(ctx: Context, list_name: str, thread: str | None, month: str | None) -> list[int]:
    """The posts of a thread or a month, in order of time; none when there is no such thing."""
    db = index.connect(ctx.settings.archive.directory)
    try:
        column, value = ("thread", thread) if thread is not None else ("month", month)
        query = f"SELECT post FROM message WHERE list = ? AND {column} = ? AND shown ORDER BY moment, tag"  # noqa: S608
        return [row[0] for row in db.execute(query, (list_name, value))]
    finally:
        db.close()


def entries(ctx: Context, numbers: Iterable[int]) -> Iterator[bytes]:
    """Each post as an entry of an mbox; what has been taken back meanwhile is left out."""
    for number in numbers:
        with ctx.db.reading() as tx:
            post = tx.execute(select(_post).where(_post.c.id == number, _post.c.state == PostState.RELEASED)).first()
            raw = posts.raw_message(ctx, tx, post.message_id) if post is not None else b""
        if post is not None:
            yield written(as_distributed(ctx, raw, post), post.received_at)


def as_distributed(ctx: Context, raw: bytes, post: Any) -> bytes:
    """A post as its copies had it, but for what each of them has of its own and where it came through."""
    try:
        message = parse(raw)
    except TooComplex:
        message = Message(b"", (), b"")
    if ctx.settings.archive.addresses == "hidden":
        return _text_alone(message, post)
    if post.imported:
        shared = distributed(
            message,
            add=(),
            drop=copies.DROPPED,
            replace={},
            message_id_if_missing=post.message_id_header,
            date_if_missing=format_datetime(post.received_at.astimezone(UTC)),
        )
    else:
        shared, _ = copies.shared_copy(ctx, message, post)
    return _RECEIVED.sub(b"", shared.head) + b"\r\n" + shared.body


def _text_alone(message: Message, post: Any) -> bytes:
    """Who, when, about what, and the text, with no address in it."""
    name = post.from_name or "A member"
    head = b"".join(
        (
            address_field("From", [(name, "hidden@address.invalid")]),
            field("Subject", without_addresses(post.subject)),
            field("Date", format_datetime(post.received_at.astimezone(UTC))),
            field("Message-ID", post.message_id_header),
            b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n",
        )
    )
    text = render(message, files_at="", hide_addresses=True).text
    return head + b"\r\n" + text.replace("\n", "\r\n").encode() + b"\r\n"


def packed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """gzip, the same bytes for the same content."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    for chunk in chunks:
        if data := packer.compress(chunk):
            yield data
    yield packer.flush()
