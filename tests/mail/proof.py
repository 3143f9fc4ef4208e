"""Whether a value can still be read anywhere in a mail: decoded in every way, by other means than our own."""

from __future__ import annotations

import base64
import binascii
import email
import html
import quopri
import re
import unicodedata
from collections.abc import Iterator
from email import policy
from email.header import decode_header
from email.message import Message
from urllib.parse import unquote

from lxml import html as lxml_html

CHARSETS = ("utf-8", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso2022_jp")
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4,100}=*\s*)+")


def bare(text: str) -> str:
    """Letters and digits alone, in one width and one case, without accents."""
    text = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in unicodedata.normalize("NFKD", text) if one.isalnum())


def texts_of(data: bytes, charset: str | None = None) -> Iterator[str]:
    for name in (charset or "utf-8", *CHARSETS):
        try:
            yield data.decode(name, "ignore")
        except (LookupError, UnicodeError):
            continue


def decodings(data: bytes) -> Iterator[bytes]:
    """Bytes as they are, as if quoted-printable, as if base64."""
    yield data
    yield quopri.decodestring(data)
    for found in _BASE64.findall(data):
        packed = b"".join(found.split()).rstrip(b"=")
        if len(packed) >= 8:
            try:
                yield base64.b64decode(packed[: len(packed) // 4 * 4] + b"")
                yield base64.b64decode(packed + b"=" * (-len(packed) % 4))
            except (binascii.Error, ValueError):
                continue


def header_texts(message: Message) -> Iterator[str]:
    for name, value in message.items():
        text = str(value)
        yield f"{name} {text}"
        yield unquote(text)
        try:
            pieces = decode_header(re.sub(r"\r\n(?=[ \t])", "", text))
            yield "".join(
                piece if isinstance(piece, str) else piece.decode(charset or "latin-1", "replace")
                for piece, charset in pieces
            )
        except Exception:
            continue
    yield str(message.get_filename())
    for header in ("content-type", "content-disposition"):
        for _, value in message.get_params([], header=header) or []:
            yield email.utils.collapse_rfc2231_value(value)


def html_texts(page: str) -> Iterator[str]:
    yield html.unescape(page)
    yield html.unescape(re.sub(r"<[^<>]*>", "", page))
    try:
        root = lxml_html.fromstring(page.encode("utf-8", "replace"))
    except Exception:
        return
    yield "".join(str(piece) for piece in root.itertext())
    for element in root.iter():
        for value in element.attrib.values():
            yield str(value)
            yield unquote(str(value))


def everything(raw: bytes) -> Iterator[str]:
    """All that anybody could read in a mail."""
    for data in decodings(raw):
        yield from texts_of(data)
    for part in email.message_from_bytes(raw, policy=policy.compat32).walk():
        yield from header_texts(part)
        if part.is_multipart():
            continue
        data = part.get_payload(decode=True) or b""
        for text in texts_of(data, part.get_content_charset()):
            yield text
            yield from html_texts(text)
        for again in decodings(data):
            yield from texts_of(again)


def stands_in(value: str, raw: bytes) -> list[str]:
    """What of a mail shows the value; [] is the proof that it is gone."""
    wanted = bare(value)
    return [text[:200] for text in everything(raw) if wanted in bare(text)]
