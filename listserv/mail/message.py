"""A message as bytes and header fields: split, never re-serialised (RFC 5322, RFC 2045-2047, RFC 2231).

The header is found by one regular expression over bytes; a field keeps its bytes with its folding. Of a field that a
message has once, the LAST occurrence counts everywhere: it is the one that a DKIM signature covers.
"""

from __future__ import annotations

import binascii
import hashlib
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import decode_header
from urllib.parse import unquote_to_bytes

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_NEWLINE = re.compile(rb"\r\n|\r|\n")
_ID = re.compile(r"<[^\s<>\x00-\x1f\x7f]{1,994}>")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


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
    """Any mix of line ends becomes CRLF."""
    return _NEWLINE.sub(b"\r\n", data)


def has_bare_newline(data: bytes) -> bool:
    """Whether a CR or LF stands alone (RFC 5321 section 2.3.8)."""
    return _BARE.search(data) is not None


def parse(raw: bytes, *, max_header: int = 262_144, max_fields: int = 1000) -> Message:
    """Splits a message with CRLF line ends. Raises TooComplex beyond the caps."""
    position = 0
    if raw.startswith((b"From ", b">From ")):
        position = raw.find(b"\r\n") + 2 or len(raw)
    fields: list[Field] = []
    limit = position + max_header
    end = raw.find(b"\r\n\r\n", position, limit + 4)
    header = raw if end >= 0 or len(raw) <= limit else raw[: limit + 2]
    if header is raw and not raw.endswith(b"\r\n") and end < 0:
        header = raw + b"\r\n"
    while match := _FIELD.match(header, position):
        fields.append(Field(match[1], match[0]))
        position = match.end()
        if len(fields) > max_fields:
            raise TooComplex(f"its header has more than {max_fields} fields")
    if position >= limit or (end < 0 and len(raw) > limit and position > limit - 100_000 and header is not raw):
        raise TooComplex(f"its header is larger than {max_header // 1024} KiB")
    body = raw[position:]
    if body.startswith(b"\r\n"):
        body = body[2:]
    return Message(raw, tuple(fields), body)


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def every(message: Message, name: str) -> list[str]:
    key = name.lower().encode("ascii", "replace")
    return [_decoded(field.value) for field in message.fields if field.key == key]


def first(message: Message, name: str) -> str | None:
    found = every(message, name)
    return found[0] if found else None


def last(message: Message, name: str) -> str | None:
    found = every(message, name)
    return found[-1] if found else None


def decode_words(value: str) -> str:
    """RFC 2047 encoded words as text; what cannot be decoded stays as it is."""
    if "=?" not in value:
        return value
    try:
        parts = decode_header(value)
    except (ValueError, LookupError):
        return value
    out = []
    for part, charset in parts:
        if isinstance(part, str):
            out.append(part)
            continue
        try:
            out.append(part.decode(charset or "ascii"))
        except (UnicodeDecodeError, LookupError, ValueError):
            out.append(_decoded(part))
    return "".join(out)


def text_header(message: Message, name: str) -> str:
    """The last such field decoded for people, without control characters."""
    return _CONTROL.sub(" ", decode_words(last(message, name) or "")).strip()


def message_id(message: Message) -> str | None:
    match = _ID.search(last(message, "message-id") or "")
    return match[0] if match and match[0].isascii() else None


def content_hash(message: Message) -> str:
    """The same for the same mail through two paths: From, Subject, Date and the body without trailing blanks."""
    digest = hashlib.sha256()
    for name in ("from", "subject", "date"):
        digest.update(((last(message, name) or "") + "\0").encode("utf-8", "surrogatepass"))
    body = re.sub(rb"[ \t]+(?=\r\n)", b"", message.body).rstrip(b"\r\n \t")
    digest.update(body)
    return digest.hexdigest()


def received_count(message: Message) -> int:
    return sum(field.key == b"received" for field in message.fields)


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the MIME tree; `start` and `end` are offsets of its (encoded) body in `Message.body`."""

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
            return quopri.decodestring(data)
        return data


_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


def _base64(data: bytes) -> bytes:
    clean = _NOT_BASE64.sub(b"", data.partition(b"=")[0] if data.count(b"=") > 2 else data)
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


_PARAM = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """`type/subtype; name=value` with RFC 2231 continuations and charsets, and RFC 2047 words as Outlook writes."""
    kind, _, rest = value.partition(";")
    raw: dict[str, str] = {}
    for name, text in _PARAM.findall(";" + rest[:20_000])[:100]:
        text = text.strip()
        if text.startswith('"'):
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        raw.setdefault(name.lower(), text)
    out: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for name, text in raw.items():
        match = re.fullmatch(r"([^*]+)\*(?:(\d{1,3})(\*?))?", name)
        if match:
            encoded = match[2] is None or match[3] == "*"
            pieces.setdefault(match[1], []).append((int(match[2] or 0), encoded, text))
        else:
            out[name] = decode_words(text)
    for name, found in pieces.items():
        out[name] = _joined(sorted(found))
    return kind.strip().lower(), out


def _joined(found: list[tuple[int, bool, str]]) -> str:
    charset, data = "utf-8", b""
    for number, encoded, text in found:
        if number == 0 and encoded and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data += unquote_to_bytes(text) if encoded else text.encode("utf-8", "surrogatepass")
    try:
        return data.decode(charset or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return _decoded(data)


def _fields_between(source: bytes, start: int, end: int) -> tuple[tuple[Field, ...], int]:
    """The header at `start` and where its body begins."""
    fields = []
    position = start
    while len(fields) < 1000 and (match := _FIELD.match(source, position, end)):
        fields.append(Field(match[1], match[0]))
        position = match.end()
    return tuple(fields), min(position + 2, end) if source.startswith(b"\r\n", position) else position


def _value(fields: tuple[Field, ...], key: bytes) -> str:
    return next((_decoded(field.value) for field in reversed(fields) if field.key == key), "")


@dataclass(frozen=True, slots=True)
class _Node:
    fields: tuple[Field, ...]
    head_start: int
    start: int
    end: int
    depth: int
    within: tuple[str, ...]
    default: str


def iter_parts(message: Message, *, max_depth: int = 100, max_parts: int = 1000) -> Iterator[Part]:
    """The leaves of a message in order, nested messages opened. Iterative, bounded, never raises."""
    source = message.body
    stack = [_Node(message.fields, -1, 0, len(source), 0, (), "text/plain")]
    count = 0
    while stack and count < max_parts:
        node = stack.pop()
        count += 1
        kind, params = parameters(_value(node.fields, b"content-type") or node.default)
        if "/" not in kind:
            kind = "text/plain"
        inner = (*node.within, kind)
        if node.depth < max_depth and kind.startswith("multipart/") and params.get("boundary"):
            ranges = _ranges(source, node, params["boundary"])
            default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
            if ranges:
                for start, end in reversed(ranges[: max_parts + 1]):
                    fields, body = _fields_between(source, start, end)
                    stack.append(_Node(fields, start, body, end, node.depth + 1, inner, default))
                continue
        encoding = _value(node.fields, b"content-transfer-encoding").strip().lower()
        if kind == "message/rfc822" and encoding not in ("base64", "quoted-printable") and node.depth < max_depth:
            fields, body = _fields_between(source, node.start, node.end)
            stack.append(_Node(fields, node.start, body, node.end, node.depth + 1, inner, "text/plain"))
            continue
        where, more = parameters(_value(node.fields, b"content-disposition"))
        yield Part(
            content_type=kind,
            charset=params.get("charset"),
            filename=more.get("filename") or params.get("name"),
            disposition=where or None,
            encoding=encoding,
            start=node.start,
            end=node.end,
            depth=node.depth,
            fields=node.fields,
            head_start=node.head_start,
            params=tuple(params.items()),
            within=node.within,
            source=source,
        )


def _ranges(source: bytes, node: _Node, boundary: str) -> list[tuple[int, int]]:
    """Where the parts of a multipart begin and end; the CRLF before a delimiter belongs to the delimiter."""
    line = re.compile(
        rb"(?:\A|(?<=\r\n))--" + re.escape(boundary.encode("utf-8", "replace")) + rb"(--)?[ \t]*(?:\r\n|\Z)"
    )
    ranges: list[tuple[int, int]] = []
    begin = None
    for match in line.finditer(source, node.start, node.end):
        if begin is not None:
            ranges.append((begin, max(begin, match.start() - 2)))
        begin = None if match[1] else match.end()
        if match[1] or len(ranges) > 2000:
            break
    if begin is not None:
        ranges.append((begin, node.end))
    return ranges


def check_structure(message: Message, *, max_depth: int = 100, max_parts: int = 1000) -> None:
    """Raises TooComplex for more parts or deeper nesting than a mail of a person has. Cheap for plain mail."""
    kind = _value(message.fields, b"content-type")[:40].lower()
    if not kind.startswith(("multipart/", "message/")):
        return
    count = 0
    for part in iter_parts(message, max_depth=max_depth + 1, max_parts=max_parts + 2):
        count += 1
        if part.depth > max_depth:
            raise TooComplex(f"its parts are nested more than {max_depth} deep")
        if count > max_parts:
            break
    if count > max_parts:
        raise TooComplex(f"it has more than {max_parts} parts")
