"""A post with the author's corrected text in place of the old one; its header and its files stay.

Pure; for the author who answers what the screen found (community: the author mends it first).
"""

from __future__ import annotations

from collections.abc import Sequence

from listserv.mail import headers
from listserv.mail.attached import is_attachment
from listserv.mail.letter import text_part
from listserv.mail.message import Field, Message, Node, as_part, parse, walk
from listserv.mail.transfer import head_of, with_field

SIGNATURES = frozenset(("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"))
_SEALED = frozenset(
    ("multipart/encrypted", "application/pgp-encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")
)
_OF_THE_BODY = frozenset((b"mime-version", b"lines"))


def revised(raw: bytes, text: str, *, subject: str | None = None) -> bytes:
    """The message with `text` as its only text, its attached files byte for byte behind it.

    Other forms of the old text, their pictures, and digital signatures go. Raises TooComplex as `parse` does.
    """
    message = parse(raw)
    fields = [
        field for field in message.fields if field.key not in _OF_THE_BODY and not field.key.startswith(b"content-")
    ]
    if subject is not None:
        value = headers.field("Subject", subject).partition(b":")[2].strip()
        fields = with_field(fields, "Subject", value)
    fields.append(Field(b"MIME-Version", b"MIME-Version: 1.0\r\n"))
    head, body = text_part(text)
    files = _files(message)
    if not files:
        return b"".join(field.raw for field in fields) + head + b"\r\n" + body
    boundary = _boundary(body, *files)
    parts = (head + b"\r\n" + body, *files)
    return b"".join(
        [
            *(field.raw for field in fields),
            b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n\r\n',
            *(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts),
            b"--" + boundary + b"--\r\n",
        ]
    )


def _files(message: Message) -> list[bytes]:
    """The parts that people see as files, each with its own header."""
    out: list[bytes] = []
    done = -1  # up to where everything has been decided
    for node in walk(message, max_parts=100_000):
        if 0 <= node.head_start < done:
            continue
        if node.kind in _SEALED:
            done = node.end
        elif _is_file(node, message):
            out.append(_whole(node, message))
            done = node.end
    return out


def _is_file(node: Node, message: Message) -> bool:
    if node.kind in SIGNATURES or "multipart/alternative" in node.within:
        return False
    if node.kind.startswith("message/"):
        return True
    if not node.leaf or node.kind.startswith("multipart/"):
        return False
    part = as_part(node, message.body)
    if "multipart/related" in node.within:
        return part.disposition == "attachment" and not any(field.key == b"content-id" for field in node.fields)
    return is_attachment(part) or not node.kind.startswith("text/")


def _whole(node: Node, message: Message) -> bytes:
    if node.head_start >= 0:
        return message.body[node.head_start : node.end]
    own: Sequence[Field] = [field for field in message.fields if field.key.startswith(b"content-")]
    return head_of(own) + message.body


def _boundary(*contents: bytes) -> bytes:
    count = 0
    while any(b"--=_revised%d" % count in content for content in contents):
        count += 1
    return b"=_revised%d" % count
