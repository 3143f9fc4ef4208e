"""A delivery row becomes the bytes of one copy.

What all recipients share (header, body, dot-stuffing, 7-bit form) is prepared once per post; a copy is then
`headers of this recipient + shared bytes`, joined, never parsed again. That keeps the author's signature valid and a
copy at a few microseconds.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from datetime import UTC
from email.utils import format_datetime
from typing import Any

from sqlalchemy import Connection, select

from listserv import posts, routing
from listserv.context import Context
from listserv.edge.relay import Copy
from listserv.mail.compose import Footer, Shared, distributed, dot_stuff, to_seven_bit
from listserv.mail.headers import address_field, field
from listserv.mail.message import Message, parse, text_header
from listserv.model import DeliveryKind, Notice, Post
from listserv.routing import Kind
from listserv.settings import ListSettings
from listserv.tokens import capability

_post = Post.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]

CACHE_BYTES = 48_000_000
DROPPED = (
    b"received", b"return-path", b"delivered-to", b"x-original-to", b"bcc", b"resent-bcc", b"list-*", b"archived-at",
    b"precedence", b"feedback-id", b"errors-to", b"disposition-notification-to", b"return-receipt-to",
    b"x-confirm-reading-to", b"auto-submitted", b"authentication-results", b"x-no-archive",
)  # fmt: skip
"""Header fields that do not go out: traces of where the author was, requests for receipts, other lists' headers."""


class Prepared:
    """One post or notice ready for any number of recipients, in its 8-bit and, when asked for, its 7-bit form."""

    __slots__ = ("_seven", "_shared", "eight", "eightbit", "list_name", "utf8", "verp")

    def __init__(self, shared: Shared, list_name: str, *, verp: bool) -> None:
        self._shared = shared
        self.eight = dot_stuff(shared.head + b"\r\n" + shared.body)
        self._seven: bytes | None = None
        self.eightbit, self.utf8 = shared.eightbit, shared.utf8
        self.list_name, self.verp = list_name, verp

    def bytes_for(self, *, eightbit: bool) -> bytes:
        """The dot-stuffed message for a next hop with or without 8BITMIME."""
        if eightbit or not self.eightbit:
            return self.eight
        if self._seven is None:
            seven = to_seven_bit(self._shared)
            self._seven = dot_stuff(seven.head + b"\r\n" + seven.body)
        return self._seven

    @property
    def size(self) -> int:
        return 2 * len(self.eight)


class Cache:
    """Prepared posts, least recently used first out, bounded in bytes."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._limit, self._bytes = limit, 0
        self._kept: OrderedDict[tuple[str, int], Prepared] = OrderedDict()

    def get(self, key: tuple[str, int]) -> Prepared | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: tuple[str, int], prepared: Prepared) -> None:
        self._kept[key] = prepared
        self._bytes += prepared.size
        while self._bytes > self._limit and len(self._kept) > 1:
            _, old = self._kept.popitem(last=False)
            self._bytes -= old.size


def prepare(ctx: Context, tx: Connection, kind: DeliveryKind, number: int) -> Prepared:
    """Reads a post or notice from the database and prepares it."""
    if kind is DeliveryKind.NOTICE:
        row = tx.execute(select(_notice).where(_notice.c.id == number)).one()
        return Prepared(_as_it_is(zlib.decompress(row.raw)), row.list_name, verp=row.verp)
    post = tx.execute(select(_post).where(_post.c.id == number)).one()
    message = parse(posts.raw_message(tx, post.message_id))
    return Prepared(shared_copy(ctx, message, post), post.list_name, verp=True)


def _as_it_is(raw: bytes) -> Shared:
    head, _, body = raw.partition(b"\r\n\r\n")
    return Shared(head=head + b"\r\n", body=body, eightbit=not raw.isascii(), reencoded=False, utf8=False)


def shared_copy(ctx: Context, message: Message, post: Any) -> Shared:
    """What all copies of a post have in common: the author's message with the headers of the list."""
    settings = ctx.settings
    listed = settings.lists.get(post.list_name) or ListSettings(name=post.list_name, title=post.list_name)
    drop = DROPPED if listed.replies == "keep" else (*DROPPED, b"reply-to")
    if listed.replies == "author" and text_header(message, "reply-to"):
        drop = DROPPED
    footer = _footer(ctx, listed) if listed.footer else None
    return distributed(
        message,
        add=list_headers(ctx, listed, post),
        drop=drop,
        replace={},
        message_id_if_missing=post.message_id_header,
        date_if_missing=format_datetime(post.received_at.astimezone(UTC)),
        subject_prefix=listed.subject_prefix,
        footer=footer,
    )


def list_headers(ctx: Context, listed: ListSettings, post: Any) -> list[bytes]:
    """The list's own fields (RFC 2369, RFC 2919), one of each; those of one recipient are added per copy."""
    settings, name = ctx.settings, post.list_name

    def mailto(kind: Kind = Kind.POST, query: str = "") -> str:
        return f"<mailto:{routing.address(settings, name, kind)}{query}>"

    received = format_datetime(post.received_at.astimezone(settings.community.zone))
    fields = [
        field("Received", f"by {settings.domain} (listserv) for {name}; {received}"),
        _list_id(listed.title, name, settings.domain),
        field("List-Post", "NO" if listed.posting == "moderators" else mailto()),
        field("List-Help", mailto(Kind.REQUEST, "?subject=help")),
        field("List-Owner", mailto(Kind.OWNER)),
        field("List-Subscribe", mailto(Kind.JOIN)),
        b"Precedence: list\r\n",
        b"X-Auto-Response-Suppress: OOF, AutoReply\r\n",
        field("Feedback-ID", f"{post.id}:{name}:post:{settings.domain}"),
    ]
    if listed.replies == "list":
        fields.append(address_field("Reply-To", [(listed.title, routing.address(settings, name))]))
    elif listed.replies == "author" and post.from_address:
        fields.append(address_field("Reply-To", [(post.from_name, post.from_address)]))
    return fields


def _list_id(title: str, name: str, domain: str) -> bytes:
    """`Title <name.domain>`; the title as a phrase that no parser can take for anything else."""
    return address_field("List-Id", [(title, f"{name}@{domain}")]).replace(
        f"<{name}@{domain}>".encode(), f"<{name}.{domain}>".encode()
    )


def _footer(ctx: Context, listed: ListSettings) -> Footer:
    values = {
        "list_title": listed.title,
        "list_name": listed.name,
        "list_address": routing.address(ctx.settings, listed.name),
        "request_address": routing.address(ctx.settings, listed.name, Kind.REQUEST),
        "owner_address": routing.address(ctx.settings, listed.name, Kind.OWNER),
        "contact": ctx.settings.community.contact,
    }
    return Footer(ctx.render("mail/footer.txt", **values), ctx.render("mail/footer.html", **values))


class Personal:
    """The header fields and envelope of one recipient, from constants of the list and two HMACs."""

    def __init__(self, ctx: Context) -> None:
        self._keys = ctx.keys
        self._domain = ctx.settings.domain.encode()
        self._url = ctx.settings.community.url.encode()

    def fields(self, list_name: str, subscription: int) -> bytes:
        """One-click List-Unsubscribe by web (RFC 8058) and by mail (RFC 2369)."""
        token = capability(self._keys.unsubscribe, subscription).encode()
        return b"".join(
            (
                b"List-Unsubscribe: <", self._url, b"/unsubscribe/", token, b">,\r\n <mailto:", list_name.encode(),
                b"-leave+", token, b"@", self._domain,
                b"?subject=unsubscribe>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
            )
        )  # fmt: skip

    def sender(self, list_name: str, delivery: int) -> str:
        """The VERP envelope sender of one copy."""
        return f"{list_name}-bounces+{capability(self._keys.verp, delivery)}@{self._domain.decode()}"


def copy(personal: Personal, prepared: Prepared, row: Any, *, eightbit: bool) -> Copy:
    """The copy for one delivery row, as the relay with or without 8BITMIME takes it."""
    body = prepared.bytes_for(eightbit=eightbit)
    chunks: tuple[bytes, ...] = (body,)
    size = len(body)
    if row.kind is DeliveryKind.POST and row.subscription_id is not None:
        head = personal.fields(prepared.list_name, row.subscription_id)
        chunks, size = (head, body), size + len(head)
    return Copy(
        id=row.id,
        sender=personal.sender(prepared.list_name, row.id) if prepared.verp else "",
        recipient=row.recipient,
        chunks=chunks,
        size=size,
        eightbit=prepared.eightbit and eightbit,
        utf8=prepared.utf8 or not row.recipient.isascii(),
    )
