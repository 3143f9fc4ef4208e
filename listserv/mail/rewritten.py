"""Parts of a stored mail with other content: what erasure and redaction both do to the bytes of a part.

Pure. RFC 2045 (fields of a part), RFC 1847 and RFC 9580 (signatures, which other words make worthless).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from listserv.mail.message import Field, Node
from listserv.mail.transfer import is_unfit, quoted_printable, with_field

PGP = re.compile(r"-----BEGIN PGP (?:SIGNATURE|PUBLIC KEY BLOCK|MESSAGE)-----.*?-----END PGP [A-Z ]{4,20}-----", re.S)
_OF_OTHER_BYTES = frozenset((b"content-md5", b"content-length", b"lines"))


def in_utf8(node: Node, fields: Sequence[Field], text: str) -> tuple[list[Field], bytes]:
    """A part of text with another text: its fields and its bytes."""
    kept = "".join(f'; {name}="{node.params[name]}"' for name in ("format", "delsp") if name in node.params)
    new = [field for field in fields if field.key not in _OF_OTHER_BYTES]
    new = with_field(new, "Content-Type", f'{node.kind}; charset="utf-8"{kept}'.encode("ascii", "replace"))
    data = re.sub(r"\r\n|\r|\n", "\r\n", text).encode("utf-8", "replace")
    if data.isascii() and not is_unfit(data):
        return with_field(new, "Content-Transfer-Encoding", b"7bit"), data
    return with_field(new, "Content-Transfer-Encoding", b"quoted-printable"), quoted_printable(data)


def words_alone(fields: Sequence[Field], words: str) -> tuple[list[Field], bytes]:
    """A line of ours where a file was; of its header what does not describe the file."""
    plain = [field for field in fields if not field.key.startswith(b"content-") and field.key not in _OF_OTHER_BYTES]
    return [*plain, Field(b"Content-Type", b"Content-Type: text/plain; charset=us-ascii\r\n")], (
        words.encode("ascii", "replace") + b"\r\n"
    )


def no_longer_signed(node: Node, fields: Sequence[Field]) -> list[Field]:
    """The fields of a multipart/signed whose parts are others now."""
    boundary = node.params.get("boundary", "").replace('"', "")
    kind = f'multipart/mixed; boundary="{boundary}"'
    return with_field(fields, "Content-Type", kind.encode("utf-8", "replace"))
