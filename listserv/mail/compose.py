"""The author's message becomes the copy of a list: as few bytes changed as can be.

Fields go or are added, the body stays byte for byte. Only what SMTP cannot carry is re-encoded, and then only the
leaf part concerned: NUL, lines over 998 octets (RFC 5321 section 4.5.3.1), 8-bit text for a next hop without 8BITMIME
(RFC 6152). Signed mail is never changed inside (RFC 1847) but for these.
"""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from listserv.mail import headers
from listserv.mail.message import Field, Message, Part, decode_words, iter_parts, parameters, parse
from listserv.mail.text import decode_text

SINGLE = frozenset(
    (b"from", b"date", b"message-id", b"subject", b"to", b"cc", b"reply-to", b"sender", b"in-reply-to", b"references",
     b"mime-version", b"content-type", b"content-transfer-encoding")
)  # fmt: skip
_ADDRESSES = frozenset((b"from", b"to", b"cc", b"reply-to", b"sender", b"resent-from", b"resent-to"))
_LONG = re.compile(rb"[^\r\n]{999}|\x00")
_HIGH = re.compile(rb"[\x80-\xff]")
_MARKS = re.compile(
    r"\s*((?:re|aw|antw(?:ort)?|sv|vs|ref|res|réf|odp|ynt|fwd?|wg|tr|rv|doorst|enc)(?:\[\d+\])?\s*:\s*)+", re.I
)


@dataclass(frozen=True, slots=True)
class Shared:
    """A post prepared once for all recipients. `head` has no blank line at its end; nothing is dot-stuffed yet."""

    head: bytes
    body: bytes
    eightbit: bool
    reencoded: bool
    utf8: bool


@dataclass(frozen=True, slots=True)
class Footer:
    text: str
    html: str


def distributed(
    message: Message,
    *,
    add: Sequence[bytes],
    drop: Collection[bytes],
    replace: Mapping[bytes, bytes],
    message_id_if_missing: str,
    date_if_missing: str,
    subject_prefix: str | None = None,
    footer: Footer | None = None,
) -> Shared:
    """The author's message with the fields of the list on top; see the module for what may change."""
    exact = frozenset(name for name in drop if not name.endswith(b"*"))
    prefixes = tuple(name[:-1] for name in drop if name.endswith(b"*"))
    last = {field.key: number for number, field in enumerate(message.fields)}
    kept: list[Field] = []
    for number, field in enumerate(message.fields):
        key = field.key
        if key in exact or (prefixes and key.startswith(prefixes)) or (key in SINGLE and last[key] != number):
            continue
        if key in replace:
            field = Field(field.name, replace[key])
        elif key == b"subject" and subject_prefix:
            subject = subject_with_prefix(decode_words(_text(field.value)), subject_prefix)
            field = Field(field.name, headers.field("Subject", subject))
        kept.append(_carried(field))
    present = {field.key for field in kept}
    extra = list(add)
    if b"date" not in present:
        extra.append(headers.field("Date", date_if_missing))
    if b"message-id" not in present:
        extra.append(headers.ids_field("Message-ID", [message_id_if_missing]))
    body, reencoded = message.body, False
    if footer is not None and not is_signed(message):
        kept, body, changed = _with_footer(message, kept, footer)
        reencoded = reencoded or changed
    if _LONG.search(body):
        kept, body = _reencoded(kept, body, lambda data: _LONG.search(data) is not None)
        body = _LONG.sub(_wrapped, body) if _LONG.search(body) else body
        reencoded = True
    head = b"".join(extra) + b"".join(field.raw for field in kept)
    return Shared(head, body, eightbit=_HIGH.search(body) is not None, reencoded=reencoded, utf8=not head.isascii())


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _carried(field: Field) -> Field:
    """A field that SMTP can carry: 8-bit values as encoded words, lines of at most 998 octets, no NUL."""
    raw = field.raw
    if raw.isascii() and not _LONG.search(raw):
        return field
    name, value = field.name.decode("ascii", "replace"), _text(field.value)
    if field.key in _ADDRESSES:
        from listserv.mail.address import parse_mailboxes

        boxes = [(box.name, box.address) for box in parse_mailboxes(value)]
        if boxes and all(address.isascii() for _, address in boxes):
            return Field(field.name, headers.address_field(name, boxes))
    if field.key in (b"references", b"in-reply-to", b"message-id"):
        return Field(field.name, headers.ids_field(name, re.findall(r"<[^<>\s]{1,900}>", value)))
    return Field(field.name, headers.field(name, value))


def _wrapped(match: re.Match[bytes]) -> bytes:
    """Text that belongs to no part: cut hard, without NUL."""
    text = match[0].replace(b"\x00", b"")
    return text[:990] + (b"\r\n" + text[990:] if text[990:] else b"")


def _with_transfer_encoding(fields: Sequence[Field], encoding: bytes) -> list[Field]:
    kept = [field for field in fields if field.key != b"content-transfer-encoding"]
    name = b"Content-Transfer-Encoding"
    return [*kept, Field(name, name + b": " + encoding + b"\r\n")]


def _encode(part: Part) -> tuple[bytes, bytes]:
    """A leaf's bytes anew: quoted-printable for text, base64 for the rest."""
    data = part.decoded()
    if part.content_type.startswith("text/") and b"\x00" not in data:
        # quopri keeps CR; a text part's lines end in CRLF already
        encoded = quopri.encodestring(data.replace(b"\r\n", b"\n")).replace(b"\r", b"=0D").replace(b"\n", b"\r\n")
        return b"quoted-printable", encoded
    return b"base64", base64.encodebytes(data).replace(b"\n", b"\r\n")


def _reencoded(fields: Sequence[Field], body: bytes, wanted: Callable[[bytes], bool]) -> tuple[list[Field], bytes]:
    """Every leaf whose bytes `wanted` picks gets a new transfer encoding; nothing else is touched."""
    message = Message(b"", tuple(fields), body)
    out: list[bytes] = []
    own = list(fields)
    position = 0
    for part in iter_parts(message, max_parts=5000):
        if not wanted(body[part.start : part.end]):
            continue
        encoding, data = _encode(part)
        if part.head_start < 0:
            return _with_transfer_encoding(own, encoding), data
        if part.head_start < position:
            continue
        head = b"".join(field.raw for field in _with_transfer_encoding(part.fields, encoding))
        out += [body[position : part.head_start], head, b"\r\n", data.removesuffix(b"\r\n")]
        position = part.end
    out.append(body[position:])
    joined = b"".join(out)
    return _outer_seven_bit(own) if joined.isascii() else own, joined


def _outer_seven_bit(fields: list[Field]) -> list[Field]:
    """A multipart that says 8bit or binary and is 7-bit now says so."""
    if any(f.key == b"content-transfer-encoding" and f.value.lower() in (b"8bit", b"binary") for f in fields):
        return _with_transfer_encoding(fields, b"7bit")
    return fields


def to_seven_bit(shared: Shared) -> Shared:
    """For a next hop without 8BITMIME: every 8-bit leaf re-encoded, 7-bit parts untouched."""
    if not shared.eightbit:
        return shared
    message = parse(shared.head + b"\r\n" + shared.body, max_header=16_000_000, max_fields=100_000)
    fields, body = _reencoded(message.fields, shared.body, lambda data: _HIGH.search(data) is not None)
    if not body.isascii():  # text outside of every part, or headers of parts
        body = _HIGH.sub(b"?", body)
    head = b"".join(field.raw for field in fields)
    if b"mime-version" not in {field.key for field in fields}:
        head += b"MIME-Version: 1.0\r\n"
    return replace(shared, head=head, body=body, eightbit=False, reencoded=True)


def dot_stuff(data: bytes) -> bytes:
    """Ready for DATA, without the final dot (RFC 5321 section 4.5.2); ends with CRLF."""
    if data.startswith(b"."):
        data = b"." + data
    if b"\r\n." in data:
        data = data.replace(b"\r\n.", b"\r\n..")
    return data if data.endswith(b"\r\n") else data + b"\r\n"


def subject_with_prefix(subject: str, prefix: str) -> str:
    """The prefix once, after the reply marks, which are collapsed into one."""
    mark = ""
    rest = subject.strip()
    for _ in range(50):
        before = rest
        rest = rest.removeprefix(prefix.strip()).lstrip() if rest.startswith(prefix.strip()) else rest
        match = _MARKS.match(rest)
        if match:
            mark = mark or match[0].strip().partition(":")[0] + ": "
            rest = rest[match.end() :]
        if rest == before:
            break
    return f"{mark}{prefix.strip()} {rest}".strip()


def is_signed(message: Message) -> bool:
    """S/MIME, PGP/MIME or inline PGP: not to be changed inside."""
    kind, params = parameters(next((_text(f.value) for f in reversed(message.fields) if f.key == b"content-type"), ""))
    if kind in ("multipart/signed", "multipart/encrypted") or "pkcs7-mime" in kind or "smime-type" in params:
        return True
    if b"-----BEGIN PGP " in message.body:
        return True
    return any("multipart/signed" in part.within or "pkcs7" in part.content_type for part in iter_parts(message))


def _with_footer(message: Message, fields: list[Field], footer: Footer) -> tuple[list[Field], bytes, bool]:
    """The footer in the first text part and the first HTML part; nothing else changes."""
    targets: dict[str, Part] = {}
    for part in iter_parts(message):
        if part.disposition == "attachment" or "message/rfc822" in part.within:
            continue
        if part.content_type in ("text/plain", "text/html"):
            targets.setdefault(part.content_type, part)
    body, position, out = message.body, 0, []
    for part in sorted(targets.values(), key=lambda p: p.start):
        text = decode_text(part.decoded(), part.charset).replace("\r\n", "\n")
        text = (
            _plain_footer(text, footer.text) if part.content_type == "text/plain" else _html_footer(text, footer.html)
        )
        data = quopri.encodestring(text.encode("utf-8")).replace(b"\n", b"\r\n")
        changed = _with_transfer_encoding(_utf8(part), b"quoted-printable")
        if part.head_start < 0:
            names = {b"content-type", b"content-transfer-encoding", b"mime-version"}
            outer = [field for field in fields if field.key not in names]
            outer += [field for field in changed if field.key in names]
            if not any(field.key == b"mime-version" for field in outer):
                outer.append(Field(b"MIME-Version", b"MIME-Version: 1.0\r\n"))
            return outer, data, True
        out += [body[position : part.head_start], b"".join(f.raw for f in changed), b"\r\n", data.removesuffix(b"\r\n")]
        position = part.end
    out.append(body[position:])
    return fields, b"".join(out), bool(targets)


def _utf8(part: Part) -> list[Field]:
    """The part's fields with charset=utf-8, its other parameters kept."""
    params = {name: value for name, value in part.params if name != "charset"} | {"charset": "utf-8"}
    words = "; ".join(f'{name}="{value}"' for name, value in params.items() if value.isascii() and '"' not in value)
    kept = [field for field in part.fields if field.key != b"content-type"]
    return [*kept, Field(b"Content-Type", headers.field("Content-Type", f"{part.content_type}; {words}"))]


def _plain_footer(text: str, footer: str) -> str:
    return f"{text.rstrip()}\n\n-- \n{footer.strip()}\n"


def _html_footer(text: str, footer: str) -> str:
    place = max(text.lower().rfind("</body>"), -1)
    block = f"<hr>{footer.strip()}"
    if place < 0:
        place = text.lower().rfind("</html>")
    return f"{text}{block}" if place < 0 else f"{text[:place]}{block}{text[place:]}"
