"""The header of a redacted mail: fields of text get the mark, names of files too, other fields that name a value go.

Pure; for `redacted`. RFC 2047 (words), RFC 2231 and RFC 2183 (names of files).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote

from listserv.mail import headers
from listserv.mail.address import parse_mailboxes
from listserv.mail.message import Field, decode_words, field_text, parameters
from listserv.mail.shown import one_line
from listserv.mail.sought import Sought, numbers_in, replaced
from listserv.mail.transfer import mime_field

_NOBODY = "redacted@redacted.invalid"
_WORDS = frozenset((b"subject", b"thread-topic", b"comments", b"keywords", b"content-description"))
_MIME = frozenset((b"content-type", b"content-disposition"))
_BOXES = frozenset((b"to", b"cc", b"bcc", b"reply-to", b"mail-followup-to", b"mail-reply-to", b"from", b"sender"))
_OF_THE_TYPE = frozenset(
    ("boundary", "charset", "format", "delsp", "protocol", "micalg", "type", "report-type", "method")
)
_NO_NAMES = re.compile(
    r"(?:boundary|charset|format|delsp|protocol|micalg|type|report-type|method)\s*=\s*(?:\"[^\"]*\"|[^\s;]*)|[\w*-]{1,40}\s?=",
    re.I,
)
_OF_THE_WAY = frozenset(
    (b"from", b"sender", b"date", b"message-id", b"in-reply-to", b"references", b"received", b"return-path",
     b"dkim-signature", b"domainkey-signature", b"x-google-dkim-signature", b"authentication-results", b"delivered-to",
     b"mime-version", b"content-transfer-encoding", b"autocrypt",
     b"auto-submitted", b"precedence", b"x-listserv-redacted")
)  # fmt: skip


def _readings(one: Field) -> list[str]:
    """The ways in which a field may be read."""
    plain = field_text(one.value)
    texts = [plain, decode_words(plain)]
    if "%" in plain:
        texts.append(unquote(plain))
    if one.key in _MIME:
        texts = [_NO_NAMES.sub("", text.partition(";")[2]) for text in texts]
        texts += [text for name, text in parameters(plain)[1].items() if name not in _OF_THE_TYPE]
    return texts


def fields_without(
    fields: Iterable[Field], values: Sequence[Sought], mark: str, *, own: bool
) -> tuple[list[Field], list[tuple[int, str]]]:
    """A header without the values, and each value with the words for where it was.

    `own`: the header of the post itself, whose way and author stay.
    """
    out: list[Field] = []
    taken: list[tuple[int, str]] = []
    strong = [value for value in values if value.strong]
    for one in fields:
        if own and (one.key in _OF_THE_WAY or one.key.startswith((b"arc-", b"list-"))):
            out.append(one)
            continue
        found = {number for text in _readings(one) for number in numbers_in(text, values)}
        found |= numbers_in(one.name.decode("ascii", "replace"), strong)
        new = _field(one, values, mark, own=own) if found else one
        if new is not one:
            taken += [(number, _where(one.key, own=own)) for number in sorted(found)]
        if new is not None:
            out.append(new)
    return out, taken


def _where(key: bytes, *, own: bool) -> str:
    if key in _MIME:
        return "the name of a file"
    if key == b"subject":
        return "the subject" if own else "the subject of an attached message"
    if key in _WORDS or key in _BOXES:
        return f"the field {key.decode().title()} of the header"
    return "another field of the header"


def _field(one: Field, values: Sequence[Sought], mark: str, *, own: bool) -> Field | None:
    """A field that names a value without it; None when the field goes."""
    name, value = one.name.decode("ascii", "replace"), field_text(one.value)
    if numbers_in(name, [value for value in values if value.strong]):
        return None
    if one.key in _MIME:
        kind, params = parameters(value)
        return Field(
            one.name, mime_field(name, kind, {key: _name(key, text, values, mark) for key, text in params.items()})
        )
    if one.key in _WORDS:
        text, _ = replaced(one_line(decode_words(value), 4000), values, mark)
        return Field(one.name, headers.field(name, text))
    if one.key in _BOXES:
        return _boxes(one, values, mark, own=own)
    return one if one.key in (b"content-transfer-encoding", b"mime-version") else None


def _name(key: str, text: str, values: Sequence[Sought], mark: str) -> str:
    if key in _OF_THE_TYPE:
        return text
    text, _ = replaced(text, values, mark)
    if not numbers_in(unquote(text), values):
        return text
    ending = re.search(r"\.[A-Za-z0-9]{1,5}\Z", text)
    return mark + ending[0] if ending and not numbers_in(ending[0], values) else mark


def _boxes(one: Field, values: Sequence[Sought], mark: str, *, own: bool) -> Field | None:
    """Mailboxes with the mark for a name. An address that is a value goes; those of the post itself only for values
    that are addresses or long numbers, since the address of the list must not be lost."""
    near = [value for value in values if value.strong or not own]
    out: list[tuple[str, str]] = []
    boxes = parse_mailboxes(field_text(one.value))
    for box in boxes:
        person, _ = replaced(box.name, values, mark)
        if not numbers_in(unquote(box.address), near):
            out.append((person, box.address))
        elif one.key in (b"from", b"sender"):
            out.append((person or mark, _NOBODY))
    if own and out == [(box.name, box.address) for box in boxes]:
        return one
    return Field(one.name, headers.address_field(one.name.decode("ascii", "replace"), out)) if out else None
