"""The author's message becomes the copy of a list: as few bytes changed as can be, so that its signature stays valid.

Fields go or are added, the body stays byte for byte; RFC 5322 section 3.6 allows one of each field that matters. What
SMTP cannot carry is re-encoded in `transfer`, the footer comes from `footer`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from listserv.mail import headers
from listserv.mail.footer import Footer, is_signed, with_footer
from listserv.mail.message import Field, Message, decode_words, field_text, message_id, parse
from listserv.mail.transfer import carried, is_unfit, reencoded, with_field

__all__ = ["Footer", "Shared", "distributed", "dot_stuff", "is_signed", "subject_with_prefix", "to_seven_bit"]

SINGLE = frozenset(
    (b"from", b"date", b"message-id", b"subject", b"to", b"cc", b"reply-to", b"sender", b"in-reply-to", b"references",
     b"mime-version", b"content-type", b"content-transfer-encoding")
)  # fmt: skip
_REPLY = re.compile(r"(?:re|aw|antw|antwort|sv|vs|res|réf|rép|odp|ynt|rif|bls|svar|vá|atb|回复|回覆|答复|返信)"
                    r"(?:\[\d{1,3}\]|\(\d{1,3}\)|\^\d{1,3})?[ \t\xa0]{0,3}[:：][ \t\xa0]*", re.I)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shared:
    """A post prepared once for all recipients. `head` has no blank line at its end; nothing is dot-stuffed yet."""

    head: bytes
    body: bytes
    eightbit: bool
    reencoded: bool
    utf8: bool


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
    """The author's message with the ready fields of `add` on top. Never raises.

    `drop` holds lower-case names (`list-*` is a prefix), `replace` whole fields by lower-case name.
    """
    kept = _kept(message, drop, replace)
    if subject_prefix:
        kept = [_prefixed(field, subject_prefix) if field.key == b"subject" else field for field in kept]
    body, changed = message.body, False
    if footer is not None and not is_signed(message):
        kept, body, changed = with_footer(message, kept, footer)
    if is_unfit(body):
        kept, body = reencoded(kept, body, seven_bit=False)
        changed = True
    added = {raw.partition(b":")[0].strip().lower() for raw in add}
    present = added | {field.key for field in kept}
    extra = [*add, *(raw for key, raw in replace.items() if key not in present)]
    if b"date" not in present:
        extra.append(headers.field("Date", date_if_missing))
    if b"message-id" not in present:
        extra.append(headers.ids_field("Message-ID", [message_id_if_missing]))
    fit = [new.raw for field in kept if (new := carried(field)) is not None and not _doubled(new, added)]
    head = b"".join((*extra, *fit))
    return Shared(head, body, eightbit=not body.isascii(), reencoded=changed, utf8=not head.isascii())


def _doubled(field: Field, added: Collection[bytes]) -> bool:
    return field.key in SINGLE and field.key in added


def _kept(message: Message, drop: Collection[bytes], replace: Mapping[bytes, bytes]) -> list[Field]:
    """The author's fields that go out: of single ones the last, without empty or useless Date and Message-ID."""
    exact = frozenset(name for name in drop if not name.endswith(b"*"))
    prefixes = tuple(name[:-1] for name in drop if name.endswith(b"*"))
    keys = [field.key for field in message.fields]
    last = {key: number for number, key in enumerate(keys)}
    kept: list[Field] = []
    for number, (field, key) in enumerate(zip(message.fields, keys, strict=True)):
        if key in exact or (prefixes and key.startswith(prefixes)) or (key in SINGLE and last[key] != number):
            continue
        if key in replace:
            kept.append(Field(field.name, replace[key]))
        elif (key == b"date" and not field.value) or (key == b"message-id" and message_id(message) is None):
            continue
        else:
            kept.append(field)
    return kept


def _prefixed(field: Field, prefix: str) -> Field:
    before = " ".join(decode_words(field_text(field.value)).split())
    after = subject_with_prefix(before, prefix)
    return field if before == after else Field(field.name, headers.field("Subject", after))


def to_seven_bit(shared: Shared) -> Shared:
    """For a next hop without 8BITMIME: every 8-bit part re-encoded, parts of 7 bits untouched."""
    if not shared.eightbit:
        return shared
    size = len(shared.head) + 1
    fields = parse(shared.head + b"\r\n", max_header=size, max_fields=size).fields
    new, body = reencoded(fields, shared.body, seven_bit=True)
    if not any(field.key == b"mime-version" for field in new):
        new = with_field(new, "MIME-Version", b"1.0")
    head = b"".join(field.raw for field in new)
    return dataclasses.replace(shared, head=head, body=body, eightbit=False, reencoded=True)


def dot_stuff(data: bytes) -> bytes:
    """Ready for DATA, without the final dot (RFC 5321 section 4.5.2); ends with CRLF."""
    if data.startswith(b"."):
        data = b"." + data
    if b"\r\n." in data:
        data = data.replace(b"\r\n.", b"\r\n..")
    return data if data.endswith(b"\r\n") else data + b"\r\n"


def subject_with_prefix(subject: str, prefix: str) -> str:
    """`Re: [list] words`: the reply marks collapsed into the first one, the prefix once behind it."""
    prefix = " ".join(prefix.split())
    rest = " ".join(subject.split())
    if prefix:
        rest = " ".join(re.sub(re.escape(prefix), " ", rest, flags=re.I).split())
    mark = ""
    while found := _REPLY.match(rest):
        mark = mark or re.split(r"[\[(^:：\s]", found[0])[0] + ": "
        rest = rest[found.end() :]
    return f"{mark}{prefix} {rest}".strip() if prefix else f"{mark}{rest}".strip()
