"""Every text of a message that people can read or that hides in it, decoded, with where it stands.

The screen for identifiers reads these and nothing else; redaction finds its places by them. The order is that of the
message: subject, then part by part, of each part its file name first. What could not be read is there as well, with the
reason: it may hold anything.

Text parts and attached files of text are read here; what is in documents (PDF, office files) is read by a process of
its own and handed in. An HTML part is one passage: its text, hidden or not, then what its attributes and comments say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from listserv.mail.attached import is_attachment
from listserv.mail.charsets import decode_text
from listserv.mail.marked_up import Aside, all_text
from listserv.mail.message import (
    MAX_PARTS,
    Field,
    Message,
    Node,
    Part,
    TooComplex,
    as_part,
    decode_words,
    field_text,
    normalise,
    parse,
    text_header,
    walk,
)
from listserv.mail.shown import clean
from listserv.mail.text import part_text
from listserv.mail.whose import Span, joined, whose, with_asides

MAX_PASSAGE = 100_000  # characters
MAX_ALL = 300_000  # characters of all passages
MAX_MARKUP = 1_000_000  # octets of one part of HTML
LOGO = 10_000  # octets; a smaller picture inside a text is a logo
DEEPEST = 3  # messages in base64 within each other
_NESTED = ("message/rfc822", "message/global")
_SEALS = ("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature",
          "application/pgp-keys", "application/pgp-encrypted")  # fmt: skip
_SEALED_TYPES = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_ENCRYPTED = re.compile(r"^-----BEGIN PGP MESSAGE-----", re.M)
_TEXT_TYPES = ("application/json", "application/xml", "application/ics", "application/csv", "message/delivery-status",
               "message/disposition-notification")  # fmt: skip
_HEADINGS = (b"subject", b"from", b"to", b"cc", b"reply-to", b"sender", b"thread-topic")


class Place(StrEnum):
    """What a passage is."""

    SUBJECT = "subject"
    TEXT = "text"
    HTML = "html"
    FILE_NAME = "file-name"
    FILE = "file"  # the text inside an attached document


class Unread(StrEnum):
    """Why a passage does not have all that is there."""

    PICTURE = "picture"  # an image, a scan, a recording: nobody reads it but people
    ENCRYPTED = "encrypted"
    DOCUMENT = "document"  # a file of a kind that is not read, or a document in which no text was found
    LONG = "long"  # the rest was cut


@dataclass(frozen=True, slots=True)
class Passage:
    """`part` is the number of the leaf part as `mail.message.iter_parts` yields them, -1 for the header; `name` its
    file name. `quoted` and `signature` are spans of characters of `text`: quotations of others, and signatures. With
    `unread` there is more than `text`, or all of it could not be read.
    """

    place: Place
    part: int
    name: str
    text: str
    quoted: tuple[Span, ...] = ()
    signature: tuple[Span, ...] = ()
    unread: Unread | None = None
    asides: tuple[Aside, ...] = ()  # what attributes and comments say, at the end of `text`


def passages(message: Message, documents: Mapping[int, str] = MappingProxyType({})) -> tuple[Passage, ...]:
    """All passages in order. `documents` are the texts of attached documents by the number of their part; one that is
    missing or blank could not be read. At most MAX_ALL characters, then the rest is `Unread.LONG`. Never raises."""
    return tuple(_capped(_all(message, documents, DEEPEST)))


def _capped(found: Iterator[Passage]) -> Iterator[Passage]:
    left = MAX_ALL
    for passage in found:
        if len(passage.text) > min(left, MAX_PASSAGE):
            limit = min(left, MAX_PASSAGE)
            yield replace(passage, text=passage.text[:limit], quoted=_within(passage.quoted, limit),
                          signature=_within(passage.signature, limit), unread=Unread.LONG)  # fmt: skip
            left -= limit
        else:
            yield passage
            left -= len(passage.text)


def _within(spans: tuple[Span, ...], limit: int) -> tuple[Span, ...]:
    return tuple((start, min(end, limit)) for start, end in spans if start < limit)


def _all(message: Message, documents: Mapping[int, str], levels: int) -> Iterator[Passage]:
    subject = clean(text_header(message, "subject"))
    yield Passage(Place.SUBJECT, -1, "", subject)
    topic = clean(text_header(message, "thread-topic"))  # Outlook's second subject
    if topic and topic not in subject:
        yield Passage(Place.SUBJECT, -1, "", topic)
    leaf = nodes = 0
    for node in walk(message):
        nodes += 1
        if node.within and node.within[-1] in _NESTED:
            yield from _headings(node.fields, leaf)
        if node.leaf:
            yield from _leaf(node, as_part(node, message.body), leaf, documents, levels)
            leaf += 1
    if nodes >= MAX_PARTS:
        yield Passage(Place.FILE, leaf, "", "", unread=Unread.LONG)


def _headings(fields: tuple[Field, ...], leaf: int) -> Iterator[Passage]:
    """What the header of an attached message says."""
    lines = [
        f"{field.name.decode('latin-1')}: {clean(decode_words(field_text(field.value)))}"
        for field in fields
        if field.key in _HEADINGS
    ]
    if lines:
        text = "\n".join(lines)
        yield Passage(Place.FILE, leaf, "", text, quoted=((0, len(text)),))


def _leaf(node: Node, part: Part, number: int, documents: Mapping[int, str], levels: int) -> Iterator[Passage]:
    name = clean(part.filename or "")
    for text in dict.fromkeys(filter(None, (name, clean(dict(part.params).get("name", "")), _description(part)))):
        yield Passage(Place.FILE_NAME, number, name, text)
    kind = part.content_type
    if kind in _SEALS or (kind.startswith("multipart/") and part.end - part.start < 200):
        return
    if "multipart/encrypted" in node.within or kind in _SEALED_TYPES:
        signed = dict(part.params).get("smime-type", "").lower() == "signed-data"
        yield Passage(Place.FILE, number, name, "", unread=Unread.DOCUMENT if signed else Unread.ENCRYPTED)
    elif number in documents and documents[number].strip():
        yield _file(number, name, clean(documents[number][: MAX_PASSAGE + 1]))
    elif kind in ("text/html", "application/xhtml+xml"):
        yield _html(part, number, name)
    elif kind in _NESTED:
        yield from _encoded_message(part, number, name, levels)
    elif kind.startswith(("text/", "multipart/", "message/")) or kind in _TEXT_TYPES:
        yield _text(part, number, name)
    elif kind.startswith("image/"):
        if not _is_logo(node, part):
            yield Passage(Place.FILE, number, name, "", unread=Unread.PICTURE)
    elif kind.startswith(("audio/", "video/")):
        yield Passage(Place.FILE, number, name, "", unread=Unread.PICTURE)
    else:
        yield _unknown(part, number, name)


def _description(part: Part) -> str:
    found = next((field.value for field in part.fields if field.key == b"content-description"), b"")
    return clean(decode_words(field_text(found)))


def _is_logo(node: Node, part: Part) -> bool:
    shown_within = "multipart/related" in node.within or part.disposition == "inline"
    return shown_within and (part.end - part.start) * 3 // 4 < LOGO


def _bounded(part: Part, octets: int) -> tuple[Part, bool]:
    """The part, its encoded body cut where more could not be read anyway, and whether it was cut."""
    cut = part.end - part.start > octets
    return (replace(part, end=part.start + octets) if cut else part), cut


def _text(part: Part, number: int, name: str) -> Passage:
    bounded, cut = _bounded(part, 4 * MAX_PASSAGE)
    text = part_text(bounded)
    unread = Unread.LONG if cut else Unread.ENCRYPTED if _ENCRYPTED.search(text) else None
    if part.content_type != "text/plain" or is_attachment(part):
        return replace(_file(number, name, text), unread=unread)
    quoted, signature = whose(text[: MAX_PASSAGE + 1])
    return Passage(Place.TEXT, number, name, text, quoted, signature, unread)


def _file(number: int, name: str, text: str) -> Passage:
    return Passage(Place.FILE, number, name, text)


def _html(part: Part, number: int, name: str) -> Passage:
    bounded, cut = _bounded(part, MAX_MARKUP)
    text, by_markup, signed, asides = all_text(part_text(bounded))
    shown = text[: asides[0][0]] if asides else text
    quoted, signature = whose(shown[: MAX_PASSAGE + 1])
    place = Place.FILE if part.disposition == "attachment" else Place.HTML
    return Passage(
        place, number, name, text[: MAX_PASSAGE + 1],
        with_asides(joined((*quoted, *by_markup)), asides), with_asides(joined((*signature, *signed)), asides),
        Unread.LONG if cut else None, asides,
    )  # fmt: skip


def _encoded_message(part: Part, number: int, name: str, levels: int) -> Iterator[Passage]:
    """An attached message that is itself encoded, which RFC 2046 forbids and programs open."""
    bounded, cut = _bounded(part, 4 * MAX_MARKUP)
    try:
        inner = parse(normalise(bounded.decoded())) if levels else None
    except TooComplex:
        inner = None
    if inner is None or cut:
        yield Passage(Place.FILE, number, name, "", unread=Unread.LONG)
    if inner is not None:
        for passage in _all(inner, {}, levels - 1):
            place = Place.FILE_NAME if passage.place == Place.FILE_NAME else Place.FILE
            yield replace(passage, place=place, part=number)


def _unknown(part: Part, number: int, name: str) -> Passage:
    """A file of another kind: read if it is text after all."""
    bounded, cut = _bounded(part, 4 * MAX_PASSAGE)
    data = bounded.decoded()
    if data.strip() and b"\0" not in data:
        try:
            text = clean(data.decode("utf-8", "strict" if not cut else "ignore"))
        except UnicodeDecodeError:
            text = clean(decode_text(data)) if _mostly_text(data) else ""
        if text and not data.startswith((b"%PDF", b"PK", b"{\\rtf", b"Rar!")):
            return replace(_file(number, name, text), unread=Unread.LONG if cut else None)
    return Passage(Place.FILE, number, name, "", unread=Unread.DOCUMENT if data.strip() else None)


def _mostly_text(data: bytes) -> bool:
    sample = data[:4000]
    return sum(byte < 9 or 13 < byte < 32 or byte > 126 for byte in sample) * 20 < len(sample)
