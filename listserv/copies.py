"""A delivery row becomes the bytes of one copy.

What all recipients share (header, body, dot-stuffing, 7-bit form, the hash of the signature) is prepared once per
post; a copy is then `signature and headers of this recipient + shared bytes`, joined, never parsed again. That keeps
the author's signature valid and a copy at a few microseconds.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from email.utils import format_datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from listserv import permalinks, posts, routing
from listserv.authenticate import Proof, own_results
from listserv.authenticate.signatures import still_good
from listserv.context import Context
from listserv.edge.relay import Copy
from listserv.mail.address import canonical, parse_mailboxes
from listserv.mail.compose import Footer, Shared, distributed, dot_stuff, to_seven_bit
from listserv.mail.headers import address_field, field, ids_field
from listserv.mail.message import Field, Message, every, parse, text_header
from listserv.mail.signature import Signable
from listserv.mail.threads import links_of
from listserv.model import DeliveryKind, Issue, Notice, Post
from listserv.routing import Kind
from listserv.seal import sealed
from listserv.settings import ListSettings
from listserv.signing import Signer
from listserv.tokens import capability

_post = Post.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]
_issue = Issue.__table__  # type: ignore[attr-defined]

CACHE_BYTES = 48_000_000
DROPPED = (
    b"received", b"return-path", b"delivered-to", b"x-original-to", b"envelope-to", b"x-delivered-to",
    b"bcc", b"resent-bcc", b"list-*", b"archived-at",
    b"precedence", b"feedback-id", b"errors-to", b"disposition-notification-to", b"return-receipt-to",
    b"x-confirm-reading-to", b"auto-submitted", b"authentication-results", b"x-no-archive", b"received-spf",
    b"x-auto-response-suppress",
)  # fmt: skip
"""Header fields that do not go out: traces of where the author was, requests for receipts, other lists' headers."""
BROKEN = (b"dkim-signature", b"domainkey-signature", b"sender", b"author", b"resent-from", b"resent-sender")
"""What goes as well when From is rewritten: signatures that cannot be good any more (RFC 6377 section 5.3)."""
KEPT = "the author's From"
REWRITTEN = "From rewritten"


class Prepared:
    """One post or notice ready for any number of recipients, in its 8-bit and, when asked for, its 7-bit form."""

    __slots__ = (
        "_forms",
        "_seven",
        "_shared",
        "_signer",
        "eightbit",
        "list_name",
        "own",
        "personal",
        "refs",
        "seconds",
        "sent_as",
        "utf8",
        "verp",
    )

    def __init__(
        self,
        shared: Shared,
        list_name: str,
        *,
        verp: bool,
        personal: bool = False,
        own: bytes = b"",
        refs: tuple[str, ...] = (),
        signer: Signer | None = None,
        seconds: int = 0,
        sent_as: str = "",
        seven: Callable[[], Shared] | None = None,
    ) -> None:
        """`seconds` since 1970: when it was signed; `personal`: its copies have unsubscribe fields of their own, or
        those of `own`, when it is for one person alone; `refs`: tags of the messages that it refers to;
        `seven`: what is re-encoded for a relay without 8BITMIME, where that breaks the author's signature."""
        self._shared, self._signer, self._seven = shared, signer, seven
        self._forms: dict[bool, tuple[bytes, Signable | None]] = {}
        self.eightbit, self.utf8 = shared.eightbit, shared.utf8
        self.list_name, self.verp, self.personal, self.seconds = list_name, verp, personal, seconds
        self.own, self.refs = own, refs
        self.sent_as = sent_as
        self.form(eightbit=True)

    def form(self, *, eightbit: bool) -> tuple[bytes, Signable | None]:
        """The dot-stuffed message for a next hop with or without 8BITMIME, and what signs it."""
        key = eightbit or not self.eightbit
        if key not in self._forms:
            shared = self._shared if key else to_seven_bit(self._seven() if self._seven else self._shared)
            stuffed = dot_stuff(shared.head + b"\r\n" + shared.body)
            self._forms[key] = (stuffed, self._signable(shared))
        return self._forms[key]

    def _signable(self, shared: Shared) -> Signable | None:
        if self._signer is None:
            return None
        body = shared.body if shared.body.endswith(b"\r\n") else shared.body + b"\r\n"
        keys, domain = self._signer.keys, self._signer.domain
        return Signable(shared.head, body, keys, domain, self.seconds, personal=self.personal)

    @property
    def size(self) -> int:
        return 2 * len(self._forms[True][0])


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
    seconds = int(ctx.clock().timestamp())
    if kind is DeliveryKind.NOTICE:
        row = tx.execute(select(_notice).where(_notice.c.id == number)).one()
        shared = _as_it_is(zlib.decompress(row.raw))
        issue = tx.execute(select(_issue.c.id).where(_issue.c.notice_id == number)).scalar()
        own = Personal(ctx).digest_fields(row.list_name, issue) if issue is not None else b""
        return Prepared(
            shared, row.list_name, verp=row.verp, personal=bool(own), own=own, signer=ctx.signer, seconds=seconds
        )
    post = tx.execute(select(_post).where(_post.c.id == number)).one()
    message = parse(posts.raw_message(ctx, tx, post.message_id))
    shared, sent_as = shared_copy(ctx, _in_its_thread(tx, message, post), post)
    if ctx.signer is not None and ctx.signer.seal is not None:
        shared = sealed(ctx.signer, shared, seconds)
    seven = None
    if shared.eightbit and not sent_as.startswith(REWRITTEN):
        proof = Proof.restored(False, post.proof, post.auth)
        seven = partial(_composed, ctx, message, post, proof, rewritten=True)
    return Prepared(
        shared,
        post.list_name,
        verp=True,
        personal=True,
        refs=links_of(message).refs,
        signer=ctx.signer,
        seconds=seconds,
        sent_as=sent_as,
        seven=seven,
    )


def _in_its_thread(tx: Connection, message: Message, post: Any) -> Message:
    """An answer that came by the thread's own address and says nothing itself (webmail drops it from a mailto): the
    copies say what it answers, so that it stands in its thread in every mail program."""
    if not post.thread or every(message, "in-reply-to") or every(message, "references"):
        return message
    answered = permalinks.message_id_of(tx, post.list_name, post.thread)
    if answered is None:
        return message
    extra = (Field(b"In-Reply-To", ids_field("In-Reply-To", [answered])),
             Field(b"References", ids_field("References", [answered])))  # fmt: skip
    return replace(message, fields=(*message.fields, *extra))


def _as_it_is(raw: bytes) -> Shared:
    head, _, body = raw.partition(b"\r\n\r\n")
    return Shared(head=head + b"\r\n", body=body, eightbit=not raw.isascii(), reencoded=False, utf8=False)


def shared_copy(ctx: Context, message: Message, post: Any) -> tuple[Shared, str]:
    """What all copies of a post have in common, and in words whose From they have, and why.

    The author's From stays while the author's own aligned signature is still good on the bytes that go out, which is
    tried, not assumed (RFC 7960); else it is the list's. What was decided at the release holds for every later copy.
    """
    proof = Proof.restored(False, post.proof, post.auth)
    if not post.sent_as.startswith(REWRITTEN):
        why = "no valid signature of the author's domain came with it"
        if proof.keys:
            shared = _composed(ctx, message, post, proof, rewritten=False)
            good = still_good(_sample(ctx, post, shared), proof.keys, ctx.clock())
            if good:
                return shared, f"{KEPT}: {good}"
            why = "what the list adds would break the author's signature"
        words = f"{REWRITTEN}: {why}"
    else:
        words = post.sent_as
    return _composed(ctx, message, post, proof, rewritten=True), words


def _sample(ctx: Context, post: Any, shared: Shared) -> bytes:
    """The bytes of a copy as a receiver gets them; every recipient's unsubscribe fields break the same."""
    return Personal(ctx).fields(post.list_name, 0) + shared.head + b"\r\n" + shared.body


def _composed(ctx: Context, message: Message, post: Any, proof: Proof, *, rewritten: bool) -> Shared:
    settings = ctx.settings
    listed = settings.lists.get(post.list_name) or ListSettings(name=post.list_name, title=post.list_name)
    add = list_headers(ctx, listed, post)
    if proof.results:
        add.insert(1, own_results(settings.domain, proof))
    drop = [*DROPPED]
    if ctx.signer is None or ctx.signer.seal is None:
        drop.append(b"arc-*")
    own_reply_to = text_header(message, "reply-to")
    if listed.replies == "list":
        drop.append(b"reply-to")
        add.append(address_field("Reply-To", [(listed.title, routing.address(settings, listed.name))]))
    elif not own_reply_to and post.from_address and (listed.replies == "author" or rewritten):
        add.append(address_field("Reply-To", [(post.from_name, post.from_address)]))
    instead: dict[bytes, bytes] = {}
    if rewritten:
        drop += BROKEN
        instead = _from_the_list(settings.domain, message, post, listed)
        add.append(address_field("Author", [(post.from_name, post.from_address)]))
    return distributed(
        message,
        add=add,
        drop=drop,
        replace=instead,
        message_id_if_missing=post.message_id_header,
        date_if_missing=format_datetime(post.received_at.astimezone(UTC)),
        subject_prefix=listed.subject_prefix,
        footer=_footer(ctx, listed) if listed.footer else None,
    )


def _from_the_list(domain: str, message: Message, post: Any, listed: ListSettings) -> dict[bytes, bytes]:
    """From becomes `Name via Title <list@domain>`; where replies go to the list, the author is found in Cc."""
    name = post.from_name or post.from_address.partition("@")[0]
    fields = {b"from": address_field("From", [(f"{name} via {listed.title}", f"{listed.name}@{domain}")])}
    if listed.replies != "list":
        return fields
    copied = [box for value in every(message, "cc")[-1:] for box in parse_mailboxes(value)]
    addressed = [*copied, *(box for value in every(message, "to") for box in parse_mailboxes(value))]
    if canonical(post.from_address) not in {canonical(box.address) for box in addressed}:
        people = [(box.name, box.address) for box in copied]
        fields[b"cc"] = address_field("Cc", [*people, (post.from_name, post.from_address)])
    return fields


def list_headers(ctx: Context, listed: ListSettings, post: Any) -> list[bytes]:
    """The list's own fields (RFC 2369, RFC 2919), one of each; those of one recipient are added per copy."""
    settings, name = ctx.settings, post.list_name

    def mailto(kind: Kind = Kind.POST, query: str = "") -> str:
        return f"<mailto:{routing.address(settings, name, kind)}{query}>"

    web = []
    if settings.web is not None:
        web = [
            field("List-Archive", f"<{settings.community.url}/archive/{name}/>"),
            field("Archived-At", f"<{permalinks.url(settings, name, post.tag)}>"),
        ]
    received = format_datetime(post.received_at.astimezone(settings.community.zone))
    return [
        field("Received", f"by {settings.domain} (listserv) for {name}; {received}"),
        list_id(listed.title, name, settings.domain),
        field("List-Post", "NO" if listed.posting == "moderators" else mailto()),
        field("List-Help", mailto(Kind.REQUEST, "?subject=help")),
        field("List-Owner", mailto(Kind.OWNER)),
        field("List-Subscribe", mailto(Kind.JOIN)),
        *web,
        b"Precedence: list\r\n",
        b"X-Auto-Response-Suppress: OOF, AutoReply\r\n",
        field("Feedback-ID", f"{post.id}:{name}:post:{settings.domain}"),
    ]


def list_id(title: str, name: str, domain: str) -> bytes:
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
    """The header fields and envelope of one recipient, from constants of the list and two MACs."""

    def __init__(self, ctx: Context) -> None:
        self._keys = ctx.keys
        self._domain = ctx.settings.domain.encode()
        self._url = ctx.settings.community.url.encode() if ctx.settings.web is not None else b""
        self._one_click = self._url.startswith(b"https://") and ctx.signer is not None

    def fields(self, list_name: str, subscription: int) -> bytes:
        """List-Unsubscribe by web and by mail (RFC 2369); one-click only where it can be: over https, and signed
        (RFC 8058 section 4)."""
        return self._unsubscribe(list_name, capability(self._keys.unsubscribe, subscription))

    def digest_fields(self, list_name: str, issue: int) -> bytes:
        """The same for a digest: it stops the digest, not the membership."""
        return self._unsubscribe(list_name, capability(self._keys.digest, issue))

    def _unsubscribe(self, list_name: str, text_token: str) -> bytes:
        token = text_token.encode()
        mail = (b"<mailto:", list_name.encode(), b"-leave+", token, b"@", self._domain, b"?subject=unsubscribe>\r\n")
        if not self._url:
            return b"".join((b"List-Unsubscribe: ", *mail))
        web = (b"<", self._url, b"/unsubscribe/", token, b">")
        if not self._one_click:
            return b"".join((b"List-Unsubscribe: ", *mail[:-1], b"?subject=unsubscribe>,\r\n ", *web, b"\r\n"))
        post = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        return b"".join((b"List-Unsubscribe: ", *web, b",\r\n ", *mail, post))

    def sender(self, list_name: str, delivery: int) -> str:
        """The VERP envelope sender of one copy."""
        return f"{list_name}-bounces+{capability(self._keys.verp, delivery)}@{self._domain.decode()}"


def copy(personal: Personal, prepared: Prepared, row: Any, *, eightbit: bool) -> Copy:
    """The copy for one delivery row, as the relay with or without 8BITMIME takes it, signed."""
    body, signable = prepared.form(eightbit=eightbit)
    head = prepared.own
    if prepared.personal and not head and row.subscription_id is not None:
        head = personal.fields(prepared.list_name, row.subscription_id)
    if signable is not None:
        head = signable.sign(head) + head
    return Copy(
        id=row.id,
        sender=personal.sender(prepared.list_name, row.id) if prepared.verp else "",
        recipient=row.recipient,
        chunks=(head, body) if head else (body,),
        size=len(head) + len(body),
        eightbit=prepared.eightbit and eightbit,
        utf8=prepared.utf8 or not row.recipient.isascii(),
    )
