"""What SMTP can carry: lines of at most 998 octets, no NUL, and seven bits for a next hop without 8BITMIME.

The last step before a post goes out. RFC 5321 section 4.5.3.1, RFC 6152, RFC 2045 section 6. Only the part that breaks
a rule gets another transfer encoding; all other bytes stay, so that MIME boundaries and offsets stay true.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from listserv.mail import headers
from listserv.mail.address import parse_mailboxes
from listserv.mail.message import (
    Field,
    Message,
    Node,
    as_part,
    decode_words,
    field_text,
    has_bare_newline,
    parameters,
    walk,
)

LONGEST = 998
Edit = tuple[int, int, bytes]  # start, end, what stands there instead
_ADDRESSES = frozenset(
    (b"from", b"to", b"cc", b"reply-to", b"sender", b"resent-from", b"resent-to", b"resent-cc", b"resent-sender")
)
_IDS = frozenset((b"references", b"in-reply-to", b"message-id", b"resent-message-id"))
_MIME = frozenset((b"content-type", b"content-disposition"))
_HIGH = re.compile(rb"[\x80-\xff]")


def has_long_line(data: bytes) -> bool:
    """Whether a line is longer than 998 octets; looks at two bytes of each thousand."""
    position, size = 0, len(data)
    while size - position > LONGEST:
        end = data.rfind(b"\r\n", position, position + LONGEST + 2)
        if end < 0:
            return True
        position = end + 2
    return False


def is_unfit(data: bytes) -> bool:
    """Whether SMTP cannot carry it even with 8BITMIME."""
    return b"\0" in data or has_long_line(data) or has_bare_newline(data)


def is_unfit_for_seven_bit(data: bytes) -> bool:
    return not data.isascii() or is_unfit(data)


def quoted_printable(data: bytes) -> bytes:
    """Lines of at most 76 characters; only CRLF stays a line end, a lone CR or LF is encoded."""
    if b"\r\n" in data and not has_bare_newline(data):
        return binascii.b2a_qp(data, istext=True)
    lines = (binascii.b2a_qp(line, istext=False) for line in data.split(b"\r\n"))
    return b"\r\n".join(line.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for line in lines)


def base64_lines(data: bytes) -> bytes:
    """Lines of 76 characters, without a line end behind the last."""
    return base64.encodebytes(data).rstrip(b"\n").replace(b"\n", b"\r\n")


def carried(field: Field) -> Field | None:
    """The field in ASCII and in lines that SMTP carries; None when nothing can be kept of it.

    Addresses beyond ASCII stay UTF-8 (RFC 6532), everything else of eight bits becomes encoded words.
    """
    raw = field.raw
    if raw.isascii() and not is_unfit(raw):
        return field
    name, value = field.name.decode("ascii", "replace"), field_text(field.value)
    try:
        if field.key in _ADDRESSES and (boxes := parse_mailboxes(value)):
            new = headers.address_field(name, [(box.name, box.address) for box in boxes])
        elif field.key in _IDS and not raw.isascii():
            new = headers.ids_field(name, re.findall(r"<[!-;=?-~]{1,900}>", value))
        elif field.key in _IDS:
            new = headers.ids_field(name, value.split())
        elif field.key in _MIME:
            new = mime_field(name, *parameters(value))
        else:
            new = headers.field(name, value if raw.isascii() else decode_words(value))
    except ValueError:
        return None
    return Field(field.name, new)


def mime_field(name: str, kind: str, params: Mapping[str, str]) -> bytes:
    """Content-Type or Content-Disposition with its parameters in ASCII (RFC 2231)."""
    out = [f"{name}: " + re.sub(r"[^!-~]", "", kind)[:200]]
    for key, text in params.items():
        key = re.sub(r"[^A-Za-z0-9_-]", "", key)[:40]
        text = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text)
        if not key:
            continue
        if text.isascii() and len(text) <= 200:
            escaped = text.replace("\\", "\\\\").replace('"', '\\"')
            out.append(f'\t{key}="{escaped}"')
            continue
        coded = quote(text, safe="", errors="replace")
        first, *more = re.findall(r"(?:%[0-9A-F]{2}|[^%]){1,20}", coded)[:100] or [""]
        if not more:
            out.append(f"\t{key}*=utf-8''{first}")
        else:
            out += [f"\t{key}*0*=utf-8''{first}", *(f"\t{key}*{n}*={piece}" for n, piece in enumerate(more, 1))]
    return ";\r\n".join(out).encode("ascii", "replace") + b"\r\n"


def with_field(fields: Sequence[Field], name: str, value: bytes) -> list[Field]:
    """The fields with one of that name only, in the place of the last one, else at the end."""
    new = Field(name.encode(), name.encode() + b": " + value + b"\r\n")
    places = [number for number, field in enumerate(fields) if field.key == new.key]
    if not places:
        return [*fields, new]
    kept = [new if number == places[-1] else field for number, field in enumerate(fields)]
    return [field for field in kept if field is new or field.key != new.key]


def head_of(fields: Sequence[Field]) -> bytes:
    """A header with its blank line."""
    return b"".join(field.raw for field in fields) + b"\r\n"


def apply_edits(body: bytes, edits: Sequence[Edit]) -> bytes:
    """The body with every edit in place; they are in order and do not overlap."""
    out, position = [], 0
    for start, end, data in edits:
        out += [body[position:start], data]
        position = end
    return b"".join((*out, body[position:]))


def reencoded(fields: Sequence[Field], body: bytes, *, seven_bit: bool) -> tuple[list[Field], bytes]:
    """Every part that SMTP cannot carry in another transfer encoding, everything else as it was.

    Text outside of every part is wrapped hard; it has no encoding of its own.
    """
    unfit = is_unfit_for_seven_bit if seven_bit else is_unfit
    own, edits = list(fields), list[Edit]()
    for node in walk(Message(b"", tuple(fields), body), max_parts=100_000):
        leaf = node.leaf and not node.kind.startswith("multipart/")
        if leaf and unfit(body[node.start : node.end]):
            new, data = _encoded(node, body)
            if node.head_start < 0:
                own = new
                edits.append((node.start, node.end, data + (b"" if data.endswith(b"\r\n") else b"\r\n")))
            else:
                edits.append((node.head_start, node.end, head_of(_all_carried(new)) + data))
        elif seven_bit and node.encoding in ("8bit", "binary"):
            new = with_field(node.fields, "Content-Transfer-Encoding", b"7bit")
            if node.head_start < 0:
                own = new
            else:
                edits.append((node.head_start, node.start, head_of(_all_carried(new))))
        elif node.head_start >= 0 and unfit(body[node.head_start : node.start]):
            edits.append((node.head_start, node.start, head_of(_all_carried(node.fields))))
    body = apply_edits(body, edits)
    return own, _wrapped(body, seven_bit=seven_bit) if unfit(body) else body


def _all_carried(fields: Sequence[Field]) -> list[Field]:
    return [new for field in fields if (new := carried(field)) is not None]


def _encoded(node: Node, body: bytes) -> tuple[list[Field], bytes]:
    """A leaf's fields and bytes anew: quoted-printable for text, base64 for the rest."""
    data = as_part(node, body).decoded()
    readable = node.kind.startswith(("text/", "message/")) and b"\0" not in data
    encode: Callable[[bytes], bytes] = quoted_printable if readable and node.encoding != "base64" else base64_lines
    name = b"quoted-printable" if encode is quoted_printable else b"base64"
    fields = with_field(node.fields, "Content-Transfer-Encoding", name)
    keys = {field.key for field in fields}
    if b"content-type" not in keys and node.kind == "text/plain" and not data.isascii() and _is_utf8(data):
        fields = with_field(fields, "Content-Type", b"text/plain; charset=utf-8")
    whole = node.head_start < 0 or (node.within and node.within[-1].startswith("message/"))
    if whole and b"mime-version" not in keys:
        fields = with_field(fields, "MIME-Version", b"1.0")
    return fields, encode(data)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _wrapped(body: bytes, *, seven_bit: bool) -> bytes:
    """What belongs to no part: lines cut at 998 octets, no NUL, no lone CR or LF."""
    body = re.sub(rb"\r\n|\r|\n", b"\r\n", body.replace(b"\0", b""))
    if seven_bit:
        body = _HIGH.sub(b"?", body)
    if not has_long_line(body):
        return body
    lines: list[bytes] = []
    for line in body.split(b"\r\n"):
        lines += [line[at : at + LONGEST] for at in range(0, len(line), LONGEST)] or [b""]
    return b"\r\n".join(lines)
