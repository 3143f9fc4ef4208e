"""The footer of a list, put where people read: into the text and the HTML of a post, never into signed mail.

Part of making the copy of a post. RFC 1847 (signed mail), RFC 3676 (format=flowed). A footer as a part of its own is
shown as an attachment by some mail programs and not at all by others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from listserv.mail.charsets import codec_name, decode_text
from listserv.mail.message import Field, Message, Part, iter_parts, parameters, part_value
from listserv.mail.transfer import Edit, apply_edits, base64_lines, head_of, is_unfit, quoted_printable, with_field

_INLINE_PGP = re.compile(r"^-----BEGIN PGP (?:SIGNED )?MESSAGE-----\s*$", re.M)
_BODY_END = re.compile(r"</body\s*>", re.I)
_HTML_END = re.compile(r"</html\s*>", re.I)


@dataclass(frozen=True, slots=True)
class Footer:
    """What is put below a post, for its text part and for its HTML part."""

    text: str
    html: str


def is_signed(message: Message) -> bool:
    """S/MIME, PGP/MIME or inline PGP, signed or encrypted: not to be changed inside."""
    kind, params = parameters(part_value(message.fields, b"content-type"))
    if kind in ("multipart/signed", "multipart/encrypted") or "pkcs7-mime" in kind or "smime-type" in params:
        return True
    for part in iter_parts(message):
        if "message/rfc822" in part.within:
            continue
        if {"multipart/signed", "multipart/encrypted"} & set(part.within) or "pkcs7" in part.content_type:
            return True
        if part.content_type == "text/plain" and _INLINE_PGP.search(part.decoded().decode("latin-1")):
            return True
    return False


def with_footer(message: Message, fields: Sequence[Field], footer: Footer) -> tuple[list[Field], bytes, bool]:
    """The fields and body with the footer, and whether there was a place for it."""
    own, edits = list(fields), list[Edit]()
    for part in _places(message):
        plain = part.content_type == "text/plain"
        changed, data = _footed(part, footer.text if plain else footer.html)
        if part.head_start >= 0:
            edits.append((part.head_start, part.end, head_of(changed) + data))
            continue
        for field in changed:
            if field.key in (b"content-type", b"content-transfer-encoding"):
                own = with_field(own, field.name.decode("ascii", "replace"), field.raw.partition(b":")[2].strip())
        if not any(field.key == b"mime-version" for field in own):
            own = with_field(own, "MIME-Version", b"1.0")
        edits.append((part.start, part.end, data))
    return own, apply_edits(message.body, edits), bool(edits)


def _places(message: Message) -> list[Part]:
    """The text part and the HTML part that people read: the first of each, or the last of the only kind."""
    found: dict[str, list[Part]] = {"text/plain": [], "text/html": []}
    for part in iter_parts(message):
        hidden = part.disposition == "attachment" or part.filename is not None
        inner = any(kind.startswith("message/") for kind in part.within)
        if part.content_type in found and not hidden and not inner:
            found[part.content_type].append(part)
    plain, html = found.values()
    both = [plain[0], html[0]] if plain and html else [*plain[-1:], *html[-1:]]
    return sorted(both, key=lambda part: part.start)


def _footed(part: Part, footer: str) -> tuple[list[Field], bytes]:
    """The part's fields and bytes with the footer, in its own charset and transfer encoding where they allow it."""
    data, codec = part.decoded(), codec_name(part.charset or "us-ascii")
    fields = list(part.fields)
    try:
        footer.encode(part.charset or "us-ascii")
        new = _put(part, data.decode(codec or "utf-8"), footer).encode(codec or "utf-8")
    except (UnicodeError, LookupError, ValueError):
        new = _put(part, decode_text(data, part.charset), footer).encode("utf-8", "replace")
        fields = with_field(fields, "Content-Type", _in_utf8(part))
    encoding = part.encoding
    fits = not is_unfit(new) and (new.isascii() or encoding == "8bit")
    if encoding == "base64":
        return fields, base64_lines(new)
    if fits and encoding in ("", "7bit", "8bit"):
        return fields, new
    return with_field(fields, "Content-Transfer-Encoding", b"quoted-printable"), quoted_printable(new)


def _in_utf8(part: Part) -> bytes:
    params = {**dict(part.params), "charset": "utf-8"}
    words = (f'{name}="{text}"' for name, text in params.items() if re.fullmatch(r"[ !#-\[\]-~]{0,200}", text))
    return "; ".join((part.content_type, *words)).encode("ascii", "replace")


def _put(part: Part, text: str, footer: str) -> str:
    if part.content_type == "text/html":
        return _inside(text, footer)
    return _below(text, footer, flowed=dict(part.params).get("format", "").lower() == "flowed")


def _below(text: str, footer: str, *, flowed: bool) -> str:
    lines = ["", "-- ", *(line.rstrip() for line in footer.strip().splitlines())]
    if flowed:
        lines = [f" {line}" if line.startswith((" ", ">", "From ")) else line for line in lines]
    end = "\n" if "\n" in text and "\r\n" not in text else "\r\n"
    return text.rstrip() + end + end.join(lines) + end


def _inside(text: str, footer: str) -> str:
    block = f"<hr>{footer.strip()}"
    for pattern in (_BODY_END, _HTML_END):
        places = [found.start() for found in pattern.finditer(text)]
        if places:
            return f"{text[: places[-1]]}{block}\r\n{text[places[-1] :]}"
    return f"{text}{block}\r\n"
