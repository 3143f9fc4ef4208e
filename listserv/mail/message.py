"""A message as bytes and header fields: the first look at a post, split and never re-serialised.

RFC 5322 (fields, folding), RFC 2045 to 2047 and RFC 2231 (parts, words, parameters). A field keeps its bytes with its
folding. Of a field that a message has once, the LAST occurrence counts everywhere: it is the one that a DKIM signature
covers. The tree of parts is walked by offsets, without recursion.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from listserv.mail.charsets import decode_text

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n")
_OPEN = re.compile(
    rb"(?:[!-9;-~]+[ \t]*:|[ \t])[^\r\n]*(?:\r\n[ \t][^\r\n]*)*"
)  # a field or a rest of one, without its end
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_NEWLINE = re.compile(rb"\r\n|\r|\n")
_ID = re.compile(r"<[!-;=?-~]{1,996}>")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_WORD = re.compile(r"=\?([\w.:()+-]{1,60})(?:\*[A-Za-z0-9-]{0,20})?\?([bBqQ])\?([^\r\n]{0,1000}?)\?=", re.ASCII)
_BASE64_JUNK = re.compile(rb"[^A-Za-z0-9+/=]+")
_PARAM = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')
_CONTINUED = re.compile(r"([^*]+)\*(?:(\d{1,3})(\*?))?")
MAX_DEPTH = 100
MAX_PARTS = 1000


class TooComplex(ValueError):
    """The message is beyond the caps; `reason` says so to a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Field:
    """One header field: `name` as written, `raw` with its folding and final CRLF."""

    name: bytes
    raw: bytes

    @property
    def key(self) -> bytes:
        return self.name.lower()

    @property
    def value(self) -> bytes:
        """Unfolded and stripped."""
        return _FOLD.sub(b"", self.raw.partition(b":")[2]).strip()


@dataclass(frozen=True, slots=True)
class Message:
    raw: bytes
    fields: tuple[Field, ...]
    body: bytes


def normalise(data: bytes) -> bytes:
    """Any mix of line ends becomes CRLF; no other byte is added or lost."""
    return _NEWLINE.sub(b"\r\n", data)


def has_bare_newline(data: bytes) -> bool:
    """Whether a CR or LF stands alone (RFC 5321 section 2.3.8)."""
    pairs = data.count(b"\r\n")
    return data.count(b"\n") != pairs or data.count(b"\r") != pairs


def parse(raw: bytes, *, max_header: int = 262_144, max_fields: int = 1000) -> Message:
    """Splits a message with CRLF line ends. Raises TooComplex beyond the caps, for nothing else."""
    position = 0
    if raw.startswith((b"From ", b">From ")) and not _FIELD.match(raw):  # the first line of an mbox entry
        position = raw.find(b"\r\n") + 2 if b"\r\n" in raw else len(raw)
    end = position + max_header
    fields: list[Field] = []
    match = _FIELD.match
    while found := match(raw, position, end):
        fields.append(Field(found[1], found[0]))
        position = found.end()
        if len(fields) > max_fields:
            raise TooComplex(f"its header has more than {max_fields} fields")
    if raw.startswith(b"\r\n", position):
        return Message(raw, tuple(fields), raw[position + 2 :])
    if len(raw) > end and (position >= end - 1 or ((cut := _OPEN.match(raw, position, end)) and cut.end() >= end - 1)):
        raise TooComplex(f"its header is larger than {max_header // 1024} KiB")
    if position < len(raw) <= end:  # perhaps a last field without its line end
        begin = fields.pop() if fields and raw[position : position + 1] in (b" ", b"\t") else None
        tail = (begin.raw if begin else b"") + raw[position:] + b"\r\n"
        if (found := match(tail)) and found.end() == len(tail):
            return Message(raw, (*fields, Field(found[1], tail)), b"")
        fields += [begin] if begin else []
    return Message(raw, tuple(fields), raw[position:])


def field_text(value: bytes) -> str:
    """The bytes of a field as text: UTF-8 (RFC 6532), else Latin-1."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def every(message: Message, name: str) -> list[str]:
    key = name.lower().encode("ascii", "replace")
    return [field_text(field.value) for field in message.fields if field.key == key]


def first(message: Message, name: str) -> str | None:
    found = every(message, name)
    return found[0] if found else None


def last(message: Message, name: str) -> str | None:
    found = every(message, name)
    return found[-1] if found else None


def decode_words(value: str) -> str:
    """RFC 2047 encoded words as text; neighbours of one charset are joined before they are decoded."""
    if "=?" not in value:
        return value
    out: list[str] = []
    pending: list[bytes] = []
    charset, position = "", 0
    for word in _WORD.finditer(value):
        between = value[position : word.start()]
        apart = not pending or bool(between.strip())
        if apart or charset != word[1].lower():
            if pending:
                out.append(decode_text(b"".join(pending), charset))
                pending = []
            if apart:
                out.append(between)
        charset = word[1].lower()
        data = word[3].encode("utf-8", "surrogatepass")
        pending.append(_base64(data) if word[2] in "bB" else binascii.a2b_qp(data, header=True))
        position = word.end()
    if pending:
        out.append(decode_text(b"".join(pending), charset))
    return "".join(out) + value[position:]


def text_header(message: Message, name: str) -> str:
    """The last such field decoded for people, without control characters; "" when there is none."""
    return _CONTROL.sub(" ", decode_words(last(message, name) or "")).strip()


def message_id(message: Message) -> str | None:
    """`<left@right>` of the last Message-ID; None when it is missing or nothing that could be referred to."""
    found = _ID.search(last(message, "message-id") or "")
    return found[0] if found else None


def content_hash(message: Message) -> str:
    """The same for the same mail through two paths: From, Subject, Date and the body without trailing blanks."""
    digest = hashlib.sha256()
    for name in ("from", "subject", "date"):
        digest.update(((last(message, name) or "") + "\0").encode("utf-8", "surrogatepass"))
    lines = [line.rstrip(b" \t") for line in message.body.split(b"\r\n")]
    digest.update(b"\r\n".join(lines).rstrip(b"\r\n"))
    return digest.hexdigest()


def received_count(message: Message) -> int:
    return sum(field.key == b"received" for field in message.fields)


def _base64(data: bytes) -> bytes:
    """As much as can be read; padding in the middle (joined pieces) and junk between do no harm."""
    out = []
    for piece in re.split(rb"=+", _BASE64_JUNK.sub(b"", data)):
        whole = piece[:-1] if len(piece) % 4 == 1 else piece
        out.append(binascii.a2b_base64(whole + b"=" * (-len(whole) % 4)))
    return b"".join(out)


def _uuencoded(data: bytes) -> bytes:
    out = []
    for line in data.split(b"\r\n"):
        if line.startswith((b"begin ", b"end")):
            continue
        try:
            out.append(binascii.a2b_uu(line))
        except (binascii.Error, ValueError):
            continue
    return b"".join(out)


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """`type/subtype; name=value` with RFC 2231 continuations and charsets, and RFC 2047 words as Outlook writes."""
    kind, _, rest = value.partition(";")
    kind = kind.partition("(")[0].strip()
    if " " in kind:  # the semicolon was forgotten
        kind, _, more = kind.partition(" ")
        rest = f"{more};{rest}"
    raw: dict[str, str] = {}
    for name, text in _PARAM.findall(";" + rest[:20_000])[:100]:
        text = text.strip()
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        raw.setdefault(name.lower(), text.strip('"') if text.count('"') == 1 else text)
    out: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for name, text in raw.items():
        if found := _CONTINUED.fullmatch(name):
            pieces.setdefault(found[1], []).append((int(found[2] or 0), found[2] is None or bool(found[3]), text))
        else:
            out[name] = decode_words(text)
    out.update((name, _joined(sorted(found))) for name, found in pieces.items())
    return kind.lower(), out


def _joined(found: list[tuple[int, bool, str]]) -> str:
    charset, data = "utf-8", b""
    for number, encoded, text in found:
        if number == 0 and encoded and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        plain = text.encode("utf-8", "surrogatepass")
        data += unquote_to_bytes(plain) if encoded else plain
    return decode_text(data, charset)


@dataclass(frozen=True, slots=True)
class Node:
    """One part of the tree, a container or a leaf. All offsets are offsets in `Message.body`."""

    fields: tuple[Field, ...]
    head_start: int  # where its own header begins; -1 for the message itself
    start: int
    end: int
    depth: int
    within: tuple[str, ...]  # content types of the parts around it, outermost first
    kind: str
    params: dict[str, str]
    encoding: str
    leaf: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the tree; `start` and `end` are offsets of its (encoded) body in `Message.body`."""

    content_type: str
    charset: str | None
    filename: str | None
    disposition: str | None
    encoding: str
    start: int
    end: int
    depth: int
    fields: tuple[Field, ...]
    head_start: int  # where its own header begins; -1 for the message itself
    params: tuple[tuple[str, str], ...]
    within: tuple[str, ...]  # content types of the parts around it, outermost first
    source: bytes

    def decoded(self) -> bytes:
        """The bytes behind its transfer encoding; what is broken is decoded as far as it goes."""
        data = self.source[self.start : self.end]
        if self.encoding == "base64":
            return _base64(data)
        if self.encoding == "quoted-printable":
            return binascii.a2b_qp(data)
        if self.encoding in ("x-uuencode", "uuencode", "x-uue"):
            return _uuencoded(data)
        return data


def part_value(fields: tuple[Field, ...], key: bytes) -> str:
    """The last field of that lower-case name as text, "" when there is none."""
    return next((field_text(field.value) for field in reversed(fields) if field.key == key), "")


def _fields_between(source: bytes, start: int, end: int) -> tuple[tuple[Field, ...], int]:
    """The header at `start` and where its body begins."""
    fields: list[Field] = []
    position = start
    while len(fields) < 1000 and (match := _FIELD.match(source, position, end)):
        fields.append(Field(match[1], match[0]))
        position = match.end()
    return tuple(fields), min(position + 2, end) if source.startswith(b"\r\n", position) else position


def walk(message: Message, *, max_depth: int = MAX_DEPTH, max_parts: int = MAX_PARTS) -> Iterator[Node]:
    """Every part in order of its bytes, containers before what they hold; nested messages opened. Never raises."""
    source = message.body
    opened: list[tuple[tuple[Field, ...], int, int, int, int, tuple[str, ...], str]] = [
        (message.fields, -1, 0, len(source), 0, (), "text/plain")
    ]
    count = 0
    while opened and count < max_parts:
        fields, head_start, start, end, depth, within, default = opened.pop()
        count += 1
        kind, params = parameters(part_value(fields, b"content-type") or default)
        kind = kind if "/" in kind else "text/plain"
        encoding = part_value(fields, b"content-transfer-encoding").partition(";")[0].strip().lower()
        ranges: list[tuple[int, int]] = []
        if depth < max_depth and kind.startswith("multipart/") and params.get("boundary"):
            ranges = _ranges(source, start, end, params["boundary"], max_parts + 1)
        nested = kind in ("message/rfc822", "message/global") and encoding not in ("base64", "quoted-printable")
        if depth < max_depth and nested:
            ranges = [(start, end)]
        inner = (*within, kind)
        default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        for begin, until in reversed(ranges):
            own, body = _fields_between(source, begin, until)
            opened.append((own, begin, body, until, depth + 1, inner, default))
        yield Node(fields, head_start, start, end, depth, within, kind, params, encoding, not ranges)


def as_part(node: Node, source: bytes) -> Part:
    """A leaf with what its header says of it."""
    where, more = parameters(part_value(node.fields, b"content-disposition"))
    return Part(
        content_type=node.kind,
        charset=node.params.get("charset"),
        filename=more.get("filename") or node.params.get("name"),
        disposition=where or None,
        encoding=node.encoding,
        start=node.start,
        end=node.end,
        depth=node.depth,
        fields=node.fields,
        head_start=node.head_start,
        params=tuple(node.params.items()),
        within=node.within,
        source=source,
    )


def iter_parts(message: Message, *, max_depth: int = MAX_DEPTH, max_parts: int = MAX_PARTS) -> Iterator[Part]:
    """The leaves of a message in order, nested messages opened. Iterative, bounded, never raises."""
    for node in walk(message, max_depth=max_depth, max_parts=max_parts):
        if node.leaf:
            yield as_part(node, message.body)


def _ranges(source: bytes, start: int, end: int, boundary: str, limit: int) -> list[tuple[int, int]]:
    """Where the parts of a multipart begin and end; the CRLF before a delimiter belongs to it (RFC 2046 5.1.1)."""
    mark = b"--" + boundary.rstrip().encode("utf-8", "surrogatepass")
    ranges: list[tuple[int, int]] = []
    begin = -1
    found = start if source.startswith(mark, start, end) else _next_line(source, mark, start, end)
    while found >= 0 and len(ranges) < limit:
        line_end = source.find(b"\r\n", found, end)
        rest = source[found + len(mark) : line_end if line_end >= 0 else end]
        closing = rest.startswith(b"--")
        if not (rest[2:] if closing else rest).strip(b" \t"):
            if begin >= 0:
                ranges.append((begin, max(begin, found - 2)))
            if closing:
                return ranges
            begin = line_end + 2 if line_end >= 0 else end
        found = _next_line(source, mark, found, end)
    if begin >= 0 and found < 0:
        ranges.append((begin, end))
    return ranges


def _next_line(source: bytes, mark: bytes, start: int, end: int) -> int:
    """Where the next line that begins with `mark` begins, or -1."""
    at = source.find(b"\r\n" + mark, start, end)
    return at + 2 if at >= 0 else -1


def check_structure(message: Message, *, max_depth: int = MAX_DEPTH, max_parts: int = MAX_PARTS) -> None:
    """Raises TooComplex for more parts or deeper nesting than a person's mail has. Cheap for plain mail."""
    kind = part_value(message.fields, b"content-type")[:40].lower()
    if not kind.startswith(("multipart/", "message/")):
        return
    for count, node in enumerate(walk(message, max_depth=max_depth + 1, max_parts=max_parts + 1), 1):
        if node.depth > max_depth:
            raise TooComplex(f"its parts are nested more than {max_depth} deep")
        if count > max_parts:
            raise TooComplex(f"it has more than {max_parts} parts")
