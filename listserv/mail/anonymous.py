"""A stored mail without one person in it: their own posts as a former member's, headers of others, our own letters.

Pure; the part of an erasure that touches bytes. The words of a post stay, and what names its author in them goes: full
name, addresses, registration, what stands below a signature mark, a last line that is only a name. Of attached files
those stay that can be looked through (text, pictures that do not name the author); documents carry their author's name
in places that nobody sees, so they go.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from listserv.mail import headers
from listserv.mail.address import parse_mailboxes
from listserv.mail.charsets import decode_text
from listserv.mail.identity import FORMER, Identity, mailboxes_without
from listserv.mail.message import (
    Field,
    Message,
    Node,
    Part,
    TooComplex,
    as_part,
    decode_words,
    field_text,
    parse,
    part_value,
    text_header,
    walk,
)
from listserv.mail.rewritten import PGP, in_utf8, no_longer_signed, words_alone
from listserv.mail.shown import one_line
from listserv.mail.threads import erased_id
from listserv.mail.transfer import Edit, apply_edits, head_of

FILE_GONE = "[A file was here. It was removed with the data of its author.]"
_OF_A_POST = frozenset(
    (b"date", b"subject", b"in-reply-to", b"references", b"thread-index", b"thread-topic", b"to", b"cc",
     b"content-type", b"content-transfer-encoding", b"content-language")
)  # fmt: skip
_OF_A_PLACE = frozenset((b"date", b"in-reply-to", b"references", b"thread-index"))
_BOXES = frozenset(
    (b"to", b"cc", b"bcc", b"reply-to", b"sender", b"mail-followup-to", b"mail-reply-to", b"resent-to", b"resent-cc",
     b"resent-from", b"resent-sender", b"author")
)  # fmt: skip
_IDS = frozenset((b"in-reply-to", b"references"))
_WORDS = frozenset((b"subject", b"thread-topic", b"comments", b"keywords"))
_OTHER_TEXT = frozenset(("text/calendar", "text/vcard", "text/x-vcard", "text/directory", "text/rtf", "text/richtext"))
_ID = re.compile(r"<[^<>\s]{1,996}>")
_MARKS = re.compile(r"[>\s]*")
_HTML_NAME = re.compile(r"(?<=>)(\s{0,40})([^<>\s][^<>]{0,120}?)(?=\s{0,40}<)")


def of_author(raw: bytes, who: Identity, shown_as: tuple[str, str], own_id: str, ids: Collection[str] = ()) -> bytes:
    """A post of theirs as it stays: from `shown_as` (name, address), with `own_id`, its words without what names them.

    `ids`: the Message-IDs of all their posts. What cannot be read any more is left with its place alone.
    """
    alone = place_alone(raw, shown_as, own_id, ids, who)
    try:
        message = parse(raw)
    except TooComplex:
        return alone
    fields = _header(message, who, shown_as, own_id, ids, _OF_A_POST)
    own, body = _rewritten(message, who, theirs=True)
    fields = [field for field in fields if not field.key.startswith((b"content-", b"mime-"))]
    content = [field for field in own if field.key.startswith(b"content-") and field.key in _OF_A_POST]
    if content:
        content.insert(0, Field(b"MIME-Version", b"MIME-Version: 1.0\r\n"))
    done = head_of([*fields, *content]) + body
    return alone if names(done, who) else done


def place_alone(
    raw: bytes, shown_as: tuple[str, str], own_id: str, ids: Collection[str] = (), who: Identity | None = None
) -> bytes:
    """Of a post that goes altogether: when it was and what it answered, so that its conversation keeps its shape."""
    try:
        message = parse(raw)
    except TooComplex:
        message = Message(b"", (), b"")
    return head_of(_header(message, who, shown_as, own_id, ids, _OF_A_PLACE))


def beside(raw: bytes, who: Identity, ids: Collection[str] = ()) -> bytes | None:
    """A mail of somebody else whose header names them: without that; None when it does not.

    Nothing that its author wrote is changed: neither text nor subject.
    """
    try:
        message = parse(raw)
    except TooComplex:
        return None
    out = [_beside(field, who, ids) for field in message.fields]
    if all(new is old for new, old in zip(out, message.fields, strict=True)):
        return None
    return head_of([field for field in out if field is not None]) + message.body


def without(raw: bytes, who: Identity) -> bytes:
    """A mail of ours, or one that ours has attached: everywhere without them."""
    message = parse(raw)
    own, body = _rewritten(message, who, theirs=False)
    return head_of(own) + body


def names(raw: bytes, who: Identity) -> bool:
    """Whether a mail names them anywhere: in its header, in its texts and files, however they are encoded."""
    if not _may_hide(raw) and not who.finds_in(raw):
        return False
    try:
        message = parse(raw)
    except TooComplex:
        return who.finds_in(raw)
    if any(who.finds(_text(field)) for field in message.fields):
        return True
    return names_in_words(message, who)


def names_in_words(message: Message, who: Identity) -> bool:
    """The same of what its author wrote: subject, texts, files, mails that they passed on."""
    if who.finds(text_header(message, "subject")) or who.finds_in(message.body):
        return True
    for node in walk(message):
        if node.head_start >= 0 and any(who.finds(_text(field)) for field in node.fields):
            return True
        if node.leaf:
            part = as_part(node, message.body)
            text = decode_text(part.decoded(), part.charset) if _is_text(part) else ""
            if who.finds(text) or (not _is_text(part) and who.finds_in(part.decoded())):
                return True
    return False


def attaches(raw: bytes) -> bool:
    """Whether a notice carries somebody's mail."""
    return b"message/rfc822" in raw


def _may_hide(raw: bytes) -> bool:
    """Whether something in it is encoded, so that a search of the bytes says too little."""
    low = raw.lower()
    return any(mark in low for mark in (b"base64", b"quoted-printable", b"=?", b"uuencode", b"utf-7", b"*="))


# --- headers -----------------------------------------------------------------------------------------------------


def _text(field: Field) -> str:
    return decode_words(field_text(field.value))


def _header(
    message: Message,
    who: Identity | None,
    shown_as: tuple[str, str],
    own_id: str,
    ids: Collection[str],
    kept: Collection[bytes],
) -> list[Field]:
    """Fields of a list of ours alone; whatever else a mail program adds tells of its user."""
    out = [
        Field(b"From", headers.address_field("From", [shown_as])),
        Field(b"Message-ID", headers.ids_field("Message-ID", [own_id])),
    ]
    for field in message.fields:
        if field.key not in kept:
            continue
        if field.key in _IDS:
            out.append(_with_other_ids(field, who, ids))
        elif who is None or not who.finds(_text(field)):
            out.append(field)
        elif field.key in _WORDS:
            out.append(_reworded(field, who))
        elif field.key in _BOXES and (new := _beside(field, who, ids)) is not None:
            out.append(new)
    return out


def _beside(field: Field, who: Identity, ids: Collection[str]) -> Field | None:
    """A header field without them; itself when it does not name them, None when nothing of it is left."""
    if field.key in _IDS:
        return _with_other_ids(field, who, ids)
    if field.key == b"from" or field.key in _WORDS or not who.finds(_text(field)):
        return field
    if field.key not in _BOXES:
        return None
    boxes = [(box.name, box.address) for box in parse_mailboxes(field_text(field.value))]
    left = [(who.removed(name), address) for name, address in mailboxes_without(boxes, who)]
    if not left:
        return None
    return Field(field.name, headers.address_field(field.name.decode("ascii", "replace"), left))


def _with_other_ids(field: Field, who: Identity | None, ids: Collection[str]) -> Field:
    """References with others instead of the IDs of erased posts, and of IDs that name them (many programs put the
    address into it); the tags are the same."""
    value = field_text(field.value)

    def goes(one: str) -> bool:
        return one in ids or (who is not None and who.is_in_id(one))

    found = _ID.findall(value)
    if not any(map(goes, found)):
        return field
    new = [erased_id(one) if goes(one) else one for one in found]
    return Field(field.name, headers.ids_field(field.name.decode("ascii", "replace"), new))


def _reworded(field: Field, who: Identity) -> Field:
    """A field of text without them."""
    name = field.name.decode("ascii", "replace")
    return Field(field.name, headers.field(name, who.removed(one_line(_text(field), 2000))))


# --- bodies ------------------------------------------------------------------------------------------------------


def _is_text(part: Part) -> bool:
    return part.content_type.startswith("text/") and part.content_type not in _OTHER_TEXT


def _rewritten(message: Message, who: Identity, *, theirs: bool) -> tuple[list[Field], bytes]:
    """Fields and body with every part looked at; `theirs`: they wrote it, so that more of it goes."""
    source, edits = message.body, list[Edit]()
    own = list(message.fields)
    for node in walk(message, max_parts=100_000):
        changed, data = _part(node, source, who, theirs=theirs)
        if node.head_start < 0:
            own = changed
            if data is not None:
                edits.append((node.start, node.end, data))
        elif data is not None:
            edits.append((node.head_start, node.end, head_of(changed) + data))
        elif tuple(changed) != node.fields:
            edits.append((node.head_start, node.start, head_of(changed)))
    body = apply_edits(source, edits)
    return own, _between_parts(body, who) if who.finds_in(body) else body


def _between_parts(body: bytes, who: Identity) -> bytes:
    """What stands where no mail program shows anything, or in no encoding that it says it is in."""
    body = who.removed(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    body = who.removed(body.decode("latin-1")).encode("latin-1", "replace")
    return b"" if who.finds_in(body) else body


def _part(node: Node, source: bytes, who: Identity, *, theirs: bool) -> tuple[list[Field], bytes | None]:
    """The fields of a part, and its bytes where they are others now."""
    fields = _own_fields(node, who)
    if not node.leaf:
        signed = theirs and node.kind == "multipart/signed"
        return no_longer_signed(node, fields) if signed else fields, None
    part = as_part(node, source)
    data = part.decoded()
    if _is_text(part):
        before = decode_text(data, part.charset)
        after = _reread(before, who, html=part.content_type == "text/html", theirs=theirs)
        return (fields, None) if after == before else in_utf8(node, fields, after)
    if node.kind.startswith("multipart/"):  # without parts: nothing of it is shown
        return fields, (b"" if who.finds_in(source[node.start : node.end]) else None)
    looked_through = node.kind.startswith("image/") or not theirs
    if looked_through and not who.finds_in(data):
        return fields, None
    return words_alone(fields, FILE_GONE)


def _own_fields(node: Node, who: Identity) -> list[Field]:
    """The header of a part or of a mail inside, without them; content fields keep what a reader needs of them."""
    out: list[Field] = []
    for field in node.fields:
        if not who.finds(_text(field)) and not who.finds_in(field.raw):
            out.append(field)
        elif field.key == b"content-type":
            kept = "".join(
                f'; {name}="{value}"'
                for name, value in node.params.items()
                if name in ("charset", "boundary", "format", "delsp") and '"' not in value
            )
            out.append(Field(field.name, f"{field.name.decode()}: {node.kind}{kept}\r\n".encode("utf-8", "replace")))
        elif field.key == b"content-disposition":
            word = part_value((field,), b"content-disposition").partition(";")[0].strip()
            out.append(Field(field.name, headers.field(field.name.decode(), word)))
        elif field.key == b"from":
            out.append(Field(field.name, headers.address_field("From", [(FORMER, "former@erased.invalid")])))
        elif field.key in _WORDS:
            out.append(_reworded(field, who))
        elif field.key in _BOXES and (new := _beside(field, who, ())) is not None:
            out.append(new)
    return out


def _reread(text: str, who: Identity, *, html: bool, theirs: bool) -> str:
    """A text without them. Of their own also what stands below the signature mark, and their name as a last line."""
    if theirs:
        text = PGP.sub("", text)
        text = (
            _HTML_NAME.sub(lambda one: one[1] + (FORMER if who.signed_off(one[2]) else one[2]), text) if html else text
        )
        text = text if html else _unsigned(text, who)
    return who.removed(text)


def _unsigned(text: str, who: Identity) -> str:
    lines = text.split("\n")
    marks = [number for number, line in enumerate(lines) if line.rstrip("\r") == "-- "]
    if marks:
        end = next((n for n in range(marks[-1] + 1, len(lines)) if lines[n].startswith(">")), len(lines))
        lines[marks[-1] : end] = []
    return "\n".join(_MARKS.match(line)[0] + FORMER if who.signed_off(line) else line for line in lines)  # type: ignore[index]
