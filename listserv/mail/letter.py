"""A mail that listserv writes itself: text first, an attached original where one belongs to it.

Pure: bytes out of values. Used by `notices` alone, so that every mail of ours has the same headers (RFC 3834).
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from listserv.mail.headers import address_field, field, ids_field

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail of ours says. `attached` is a whole message with CRLF line ends, lines below 998 octets."""

    sender: tuple[str, str]  # name, address
    recipient: tuple[str, str]
    subject: str
    text: str
    message_id: str
    date: datetime
    reply_to: str | None = None
    in_reply_to: str | None = None
    references: Sequence[str] = ()
    auto_submitted: str = "auto-generated"  # or auto-replied, for an answer to mail
    attached: bytes | None = None
    html: str | None = None  # the same in HTML, for those who answer by a tap


def write(letter: Letter) -> bytes:
    """The message with CRLF line ends. Nothing in it can start a header field of its own."""
    head = [
        address_field("From", [letter.sender]),
        address_field("To", [letter.recipient]),
        field("Subject", letter.subject),
        field("Date", format_datetime(letter.date)),
        ids_field("Message-ID", [letter.message_id]),
    ]
    if letter.reply_to:
        head.append(address_field("Reply-To", [("", letter.reply_to)]))
    if letter.in_reply_to:
        head.append(ids_field("In-Reply-To", [letter.in_reply_to]))
        head.append(ids_field("References", [*letter.references, letter.in_reply_to]))
    head += [
        field("Auto-Submitted", letter.auto_submitted),
        field("X-Auto-Response-Suppress", "OOF, AutoReply"),
        b"MIME-Version: 1.0\r\n",
    ]
    part_head, part_body = text_part(letter.text)
    if letter.html is not None:
        part_head, part_body = _alternative(letter.message_id, (part_head, part_body), letter.html)
    if letter.attached is None:
        return b"".join(head) + part_head + b"\r\n" + part_body
    boundary = _boundary(letter.message_id, part_body + letter.attached)
    encoding = b"8bit" if re.search(rb"[\x80-\xff]", letter.attached) else b"7bit"
    return b"".join(
        [
            *head,
            b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n\r\n',
            b"--" + boundary + b"\r\n",
            part_head + b"\r\n" + part_body,
            b"\r\n--" + boundary + b"\r\nContent-Type: message/rfc822\r\n",
            b'Content-Disposition: attachment; filename="original.eml"\r\n',
            b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n",
            letter.attached,
            b"\r\n--" + boundary + b"--\r\n",
        ]
    )


def _alternative(message_id: str, text: tuple[bytes, bytes], html: str) -> tuple[bytes, bytes]:
    """Text and HTML as one part (RFC 2046 section 5.1.4)."""
    encoded = quopri.encodestring(_CONTROL.sub("", html).encode("utf-8", "replace")).replace(b"\n", b"\r\n")
    boundary = _boundary(message_id + "a", text[1] + encoded)
    head = b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n'
    body = b"".join(
        [
            b"--" + boundary + b"\r\n" + text[0] + b"\r\n" + text[1],
            b"\r\n--" + boundary + b"\r\nContent-Type: text/html; charset=utf-8\r\n",
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\n",
            encoded,
            b"\r\n--" + boundary + b"--\r\n",
        ]
    )
    return head, body


def text_part(text: str) -> tuple[bytes, bytes]:
    """The content fields and the encoded body of a text with LF line ends."""
    clean = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip("\n") + "\n"
    try:
        body = clean.encode("ascii")
        if max(map(len, body.split(b"\n"))) <= 900:
            return b"Content-Type: text/plain; charset=us-ascii\r\n", body.replace(b"\n", b"\r\n")
    except UnicodeEncodeError:
        pass
    encoded = quopri.encodestring(clean.encode("utf-8", "replace")).replace(b"\n", b"\r\n")
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
    return head, encoded


def _boundary(message_id: str, content: bytes) -> bytes:
    stem = "=_" + re.sub(r"[^A-Za-z0-9]", "", message_id)[:40]
    count = 0
    while f"--{stem}{count}".encode() in content:
        count += 1
    return f"{stem}{count}".encode()
