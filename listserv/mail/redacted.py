"""A held post without what could tell who a client is: by the values themselves, in every byte of the message.

Pure; called by moderation when somebody says `redact` (MO-8), and when an author sends a corrected text. A part that
names no value keeps its bytes; a part of text that does is written anew in UTF-8. What cannot be edited safely (PDF,
office files, archives) is removed when a value is seen in its bytes. DKIM-Signature fields stay as they are.
"""

from __future__ import annotations

import dataclasses
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from listserv.mail.charsets import decode_text, like_ascii
from listserv.mail.message import (
    Field,
    Message,
    Node,
    TooComplex,
    as_part,
    field_text,
    normalise,
    parse,
    walk,
)
from listserv.mail.revised import SIGNATURES, revised
from listserv.mail.rewritten import in_utf8, no_longer_signed, words_alone
from listserv.mail.sought import Sought, numbers_in, numbers_in_bytes, replaced, sought
from listserv.mail.sought_fields import fields_without
from listserv.mail.sought_html import misread, replaced_in_html
from listserv.mail.text import html_to_text
from listserv.mail.transfer import Edit, apply_edits, base64_lines, head_of, with_field

__all__ = ["MARK", "Redacted", "Taken", "redact", "revised"]
MARK = "[redacted by moderator]"
FILE_GONE = "[A file was here. It was removed by a moderator.]"
SIGNATURE_GONE = "[A digital signature was here. It was removed by a moderator, who changed the message.]"
A_FILE = "a file"
_INSIDE = ", in an attached message"
HEADER = b"X-Listserv-Redacted"
_DEEPEST = 3  # messages in base64 within each other
_IDS = frozenset((b"message-id", b"in-reply-to", b"references"))
_PAGES = frozenset(("text/html", "text/enriched", "text/richtext", "application/xhtml+xml", "image/svg+xml"))
_NOT_PLAIN = frozenset(("text/rtf",))
_PGP_SIGNATURE = re.compile(r"-----BEGIN PGP SIGNATURE-----.*?-----END PGP SIGNATURE-----", re.S)


@dataclass(frozen=True, slots=True)
class Taken:
    """`value` is the place of the value among those given, -1 for a file or a signature that went as a whole; `part`
    the number of the leaf part, -1 for a header; `where` is words for people, without the value."""

    value: int
    part: int
    times: int
    where: str


@dataclass(frozen=True, slots=True)
class Redacted:
    """`left`: the values that still stand somewhere in `raw`; never to be shown or logged."""

    raw: bytes = field(repr=False)
    taken: tuple[Taken, ...]
    left: tuple[str, ...] = field(repr=False)


@dataclass(slots=True)
class _Work:
    """What one redaction looks for, and what it has done so far."""

    values: tuple[Sought, ...]
    mark: str
    without: frozenset[int] = frozenset()
    levels: int = _DEEPEST
    taken: list[Taken] = field(default_factory=list)

    def took(self, counts: Mapping[int, int] | Iterable[int], part: int, where: str) -> None:
        for number, times in sorted(Counter(counts).items()):
            self.taken.append(Taken(number, part, times, where))

    def says(self, words: str) -> str:
        """Words of ours, unless a value is among them."""
        return "[...]" if numbers_in(words, self.values) else words


def redact(raw: bytes, values: Sequence[str], *, without_parts: Collection[int] = (), mark: str = MARK) -> Redacted:
    """The message without any occurrence of the values, and without the leaf parts of those numbers.

    A message in which nothing is found comes back as it was. Raises TooComplex as `parse` does, for nothing else.
    """
    message = parse(raw)
    work = _Work(sought(values), mark, frozenset(without_parts))
    work.mark = work.says(mark)
    fields, body = _rewritten(message, work)
    if not work.taken:
        return Redacted(raw, (), _left(message, work, values))
    if not any(one.key == HEADER.lower() for one in fields):
        fields.append(Field(HEADER, HEADER + b": moderator\r\n"))
    done = head_of(fields) + body
    return Redacted(done, tuple(work.taken), _left(parse(done, max_header=len(done), max_fields=2000), work, values))


def _fields(fields: Iterable[Field], work: _Work, *, own: bool, part: int) -> list[Field]:
    new, taken = fields_without(fields, work.values, work.mark, own=own)
    for (number, where), times in Counter(taken).items():
        work.took({number: times}, part, where)
    return new


def _left(message: Message, work: _Work, values: Sequence[str]) -> tuple[str, ...]:
    """What a second look finds: what would be taken out again, and what stands where nothing may be changed."""
    again = _Work(work.values, work.mark, levels=work.levels)
    _rewritten(message, again)
    found = {one.value for one in again.taken if one.value >= 0}
    strong = [one for one in work.values if one.strong]
    for one in message.fields:
        if one.key in _IDS:
            found |= numbers_in(field_text(one.value), strong)
    for node in walk(message, max_parts=100_000) if strong else ():
        found |= numbers_in(node.params.get("boundary", ""), strong)
    return tuple(values[number] for number in sorted(found))


@dataclass(slots=True)
class _Change:
    fields: list[Field]
    data: bytes | None
    unsafe: bool = False  # a page that could not be cleared as it was; it is plain text now


def _rewritten(message: Message, work: _Work) -> tuple[list[Field], bytes]:
    """Fields and body with every part looked at."""
    source = message.body
    nodes = list(walk(message, max_parts=100_000))
    changes: list[_Change] = []
    edits: list[Edit] = []
    gone: list[tuple[int, int]] = []
    leaf = -1
    for place, node in enumerate(nodes):
        leaf += node.leaf
        own = node.head_start < 0
        if own:
            fields = _fields(message.fields, work, own=True, part=-1)
        else:
            fields = _fields(node.fields, work, own=False, part=leaf if node.leaf else -1)
        change = _Change(fields, None)
        if not node.leaf:
            edits += _between_parts(nodes, place, source, work)
        elif (new := _leaf(node, fields, source, work, leaf)) is not None:
            change = new
            if new.unsafe:
                gone += _alternative(nodes, place, source)
        changes.append(change)
    _unsign(nodes, changes, [(start, end) for start, end, _ in edits] + gone, work)
    edits += [edit for node, change in zip(nodes, changes, strict=True) if (edit := _edit(node, change)) is not None]
    edits = [edit for edit in edits if not any(start <= edit[0] and edit[1] <= end for start, end in gone)]
    edits += [(start, end, b"") for start, end in gone]
    own_fields = changes[0].fields if changes else list(message.fields)
    return own_fields, apply_edits(source, sorted(edits, key=lambda edit: edit[:2]))


def _edit(node: Node, change: _Change) -> Edit | None:
    if node.head_start < 0:
        return None if change.data is None else (node.start, node.end, change.data)
    if change.data is not None:
        return node.head_start, node.end, head_of(change.fields) + change.data
    if tuple(change.fields) != node.fields:
        return node.head_start, node.start, head_of(change.fields)
    return None


def _leaf(node: Node, fields: list[Field], source: bytes, work: _Work, number: int) -> _Change | None:
    """A leaf that has to be another one; None when it may stay."""
    if number in work.without:
        return _removed(fields, work, (-1,), number, A_FILE)
    part = as_part(node, source)
    data = part.decoded()
    if node.kind in ("message/rfc822", "message/global"):
        return _attached_message(fields, data, work, number)
    if node.kind.startswith("multipart/"):
        return _without_parts(node, fields, data, work, number)
    if node.kind in _PAGES:
        return _page(node, fields, decode_text(data, part.charset), work, number)
    if node.kind.startswith("text/") and node.kind not in _NOT_PLAIN:
        text, count = replaced(decode_text(data, part.charset), work.values, work.mark)
        if count:
            work.took(count, number, "the text")
            if "-----BEGIN PGP SIGNATURE-----" in text:
                text = _PGP_SIGNATURE.sub(work.says(SIGNATURE_GONE), text)
                work.taken.append(Taken(-1, number, 1, "the signature of the text, which is no longer true"))
            return _Change(*in_utf8(node, fields, text))
        if b"\0" not in data and like_ascii(part.charset):
            return None  # what its bytes say in ASCII, its text says as well
    found = numbers_in_bytes(data, work.values)
    return _removed(fields, work, found, number, A_FILE) if found else None


def _removed(fields: list[Field], work: _Work, found: Iterable[int], number: int, where: str) -> _Change:
    work.took(found, number, f"{where}, removed as a whole")
    return _Change(*words_alone(fields, work.says(FILE_GONE)))


def _without_parts(node: Node, fields: list[Field], data: bytes, work: _Work, number: int) -> _Change | None:
    """A multipart in which no part was found: nothing of it is shown, but by programs that decode it first."""
    if node.encoding in ("base64", "quoted-printable"):
        kind = b"".join(one.raw for one in fields if one.key == b"content-type")
        inner = _Work(work.values, work.mark, levels=work.levels - 1)
        if inner.levels:
            _rewritten(parse(kind + b"\r\n" + normalise(data), max_header=len(kind) + 1), inner)
        found = {one.value for one in inner.taken if one.value >= 0} | numbers_in_bytes(data, work.values)
        return _removed(fields, work, found, number, A_FILE) if found else None
    text, count = replaced(data.decode("latin-1"), work.values, work.mark)
    work.took(count, number, "what stands between the parts")
    return _Change(fields, text.encode("latin-1", "replace")) if count else None


def _attached_message(fields: list[Field], data: bytes, work: _Work, number: int) -> _Change | None:
    """A message in base64, which RFC 2046 forbids and programs open."""
    inner = _Work(work.values, work.mark, levels=work.levels - 1)
    if not work.levels:  # deeper than anybody means well
        return _removed(fields, work, (-1,), number, "an attached message")
    try:
        message = parse(normalise(data))
    except TooComplex:
        found = numbers_in_bytes(data, work.values)
        return _removed(fields, work, found, number, "an attached message") if found else None
    own, body = _rewritten(message, inner)
    own = _fields(own, inner, own=False, part=number)
    if not inner.taken:
        return None
    for one in inner.taken:
        where = one.where.removesuffix(_INSIDE) + _INSIDE
        work.taken.append(Taken(one.value, number, one.times, where))
    new = with_field(fields, "Content-Transfer-Encoding", b"base64")
    return _Change(new, base64_lines(head_of(own) + body))


def _page(node: Node, fields: list[Field], html: str, work: _Work, number: int) -> _Change | None:
    """A page of HTML; as plain text when some program could still read a value in it."""
    page, count = replaced_in_html(html, work.values, work.mark)
    still = misread(page, work.values)
    if count:
        still |= set(replaced_in_html(page, work.values, work.mark)[1])
    work.took(count + Counter(still - set(count)), number, "the HTML text")
    if not still:
        return _Change(*in_utf8(node, fields, page)) if count else None
    text, _ = replaced(html_to_text(page), work.values, work.mark)
    plain = Field(b"Content-Type", b"Content-Type: text/plain\r\n")
    return _Change(
        *in_utf8(dataclasses.replace(node, kind="text/plain", params={}), [*fields, plain], text), unsafe=True
    )


def _alternative(nodes: Sequence[Node], place: int, source: bytes) -> list[tuple[int, int]]:
    """From where to where a form of the text goes, its delimiter with it, when another form is plain text."""
    page = nodes[place]
    around = [n for n in range(place) if nodes[n].kind == "multipart/alternative" and nodes[n].end >= page.end]
    if not around:
        return []
    outer = nodes[around[-1]]
    inside = [one for one in nodes[around[-1] + 1 :] if outer.start <= one.head_start < outer.end]
    forms = [one for one in inside if one.depth == outer.depth + 1]
    own = [one for one in forms if one.head_start <= page.head_start and page.end <= one.end]
    others = [one for one in forms if one not in own and one.leaf and one.kind == "text/plain"]
    if not own or not others:
        return []
    start = _delimiter(outer, own[0].head_start, source)
    return [(start, own[0].end)] if start > outer.start else []


def _delimiter(outer: Node, head_start: int, source: bytes) -> int:
    """Where the line end before the delimiter of a part stands; at the begin of the container: its begin."""
    mark = b"--" + outer.params.get("boundary", "").rstrip().encode("utf-8", "surrogatepass")
    at = source.rfind(mark, outer.start, head_start)
    return max(at - 2, outer.start) if at >= 0 else outer.start


def _between_parts(nodes: Sequence[Node], place: int, source: bytes, work: _Work) -> Iterator[Edit]:
    """Preamble and epilogue, which no mail program shows, go when a value stands there."""
    node = nodes[place]
    if not node.kind.startswith("multipart/"):
        return
    children = [one for one in _within(nodes, place) if one.depth == node.depth + 1]
    if not children:
        return
    mark = b"--" + node.params.get("boundary", "").rstrip().encode("utf-8", "surrogatepass")
    first = source.rfind(mark, node.start, children[0].head_start)
    closing = source.find(mark, children[-1].end, node.end)
    after = source.find(b"\r\n", closing, node.end) if closing >= 0 else -1
    for start, end in ((node.start, first), (after + 2 if after >= 0 else node.end, node.end)):
        found = numbers_in_bytes(source[start:end], work.values) if start < end else ()
        if found:
            work.took(found, -1, "what stands between the parts")
            yield start, end, b""


def _within(nodes: Sequence[Node], place: int) -> Sequence[Node]:
    """The parts below a container: they follow it."""
    end = place + 1
    while end < len(nodes) and nodes[end].depth > nodes[place].depth:
        end += 1
    return nodes[place + 1 : end]


def _unsign(nodes: Sequence[Node], changes: Sequence[_Change], touched: Sequence[tuple[int, int]], work: _Work) -> None:
    """Signatures over parts that are others now become a line of ours."""
    leaves = [place for place, node in enumerate(nodes) if node.leaf]
    for place, node in enumerate(nodes):
        if node.kind != "multipart/signed" or node.leaf:
            continue
        below = range(place + 1, place + 1 + len(_within(nodes, place)))
        other = any(_edit(nodes[one], changes[one]) is not None for one in below)
        if not other and not any(node.start <= start and end <= node.end for start, end in touched):
            continue
        changes[place].fields = no_longer_signed(node, changes[place].fields)
        for one in below:
            if nodes[one].leaf and nodes[one].kind in SIGNATURES and nodes[one].depth == node.depth + 1:
                changes[one].fields, changes[one].data = words_alone(changes[one].fields, work.says(SIGNATURE_GONE))
                number = bisect_left(leaves, one)
                work.taken.append(Taken(-1, number, 1, "the digital signature, which is no longer true"))
