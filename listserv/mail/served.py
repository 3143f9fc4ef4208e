"""Attached files as an archive may serve them: under names and types of ours, so that no browser ever runs one.

Beside `body` in the making of a page. What a mail says of a file's name and type is only shown; what is served is told
from a fixed list of endings and, for pictures, from their first bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from listserv.mail.message import Message, Part, as_part, walk
from listserv.mail.shown import safe_name

MAX_FILES = 200
_OCTETS = "application/octet-stream"
_TEXT = "text/plain; charset=utf-8"
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
TYPES: Mapping[str, str] = {
    "png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "pdf": "application/pdf",
    "docx": f"{_OFFICE}wordprocessingml.document", "xlsx": f"{_OFFICE}spreadsheetml.sheet",
    "pptx": f"{_OFFICE}presentationml.presentation", "odt": f"{_OPEN}text", "ods": f"{_OPEN}spreadsheet",
    "odp": f"{_OPEN}presentation", "doc": "application/msword", "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint", "rtf": "application/rtf", "csv": "text/csv; charset=utf-8", "txt": _TEXT,
    "ics": "text/calendar; charset=utf-8", "vcf": "text/vcard; charset=utf-8", "zip": "application/zip",
    "gz": "application/gzip", "mp3": "audio/mpeg", "m4a": "audio/mp4", "ogg": "audio/ogg", "wav": "audio/wav",
    "mp4": "video/mp4", "eml": _OCTETS, "bin": _OCTETS,
}  # fmt: skip
"""Endings and the types that they are served as: there are no others."""
_SAME = {"jpeg": "jpg", "jpe": "jpg", "text": "txt", "log": "txt", "md": "txt", "patch": "txt", "diff": "txt",
         "tgz": "gz", "oga": "ogg"}  # fmt: skip
_ACTIVE = frozenset((
    "html", "htm", "xhtml", "xht", "shtml", "mhtml", "mht", "svg", "svgz", "xml", "xsl", "xslt", "js", "mjs", "css",
    "json", "swf", "hta", "php", "asp", "aspx", "jsp", "py", "sh", "bat", "cmd", "ps1", "vbs", "wsf",
))  # fmt: skip
_TYPED = {"text/plain": "txt", "text/csv": "csv", "text/calendar": "ics", "application/pdf": "pdf",
          "text/x-patch": "txt", "text/x-diff": "txt", "text/vcard": "vcf", "application/zip": "zip"}  # fmt: skip
_UNNAMED = {"ics": "invitation.ics", "vcf": "contact.vcf"}
_PICTURES = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpg"), (b"GIF87a", "gif"), (b"GIF89a", "gif"))
_SIGNATURES = ("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature",
               "application/pgp-encrypted")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Served:
    """One file; `number` counts from 1, `name` is what people see, `image` whether a page may show it."""

    number: int
    name: str
    ending: str
    content_type: str
    image: bool
    content_id: str
    part: Part
    size: int

    @property
    def file(self) -> str:
        return f"{self.number}.{self.ending}"


def served(message: Message, exclude: Collection[int] = ()) -> list[Served]:
    """The files of a message but those parts (by `Part.start`) that are shown as its text. Never raises."""
    found: list[Served] = []
    for node in walk(message):
        nested = node.kind in ("message/rfc822", "message/global")
        if any(kind.startswith("message/") for kind in node.within) or (not node.leaf and not nested):
            continue
        if node.start in exclude or node.kind in _SIGNATURES or node.kind.startswith("multipart/"):
            continue
        part = as_part(node, message.body)
        data = part.decoded()
        if (not data.strip() and not part.filename) or len(found) >= MAX_FILES:
            continue
        found.append(_served(part, data, len(found) + 1, nested=nested))
    return found


def _served(part: Part, data: bytes, number: int, *, nested: bool) -> Served:
    name = safe_name(part.filename) if part.filename else ""
    picture = _picture(data)
    stem, _, last = name.rpartition(".")
    last = last.lower().strip() if stem else ""
    last = _SAME.get(last, last)
    if picture:
        ending = picture
    elif nested:
        ending, name = "eml", name or "message"
    elif last in _ACTIVE or part.content_type in ("text/html", "image/svg+xml", "text/xml", "application/xml"):
        ending, name = "txt", f"{name or 'unnamed'}.txt"
    elif last in TYPES and last not in ("png", "jpg", "gif", "webp"):
        ending = last
    elif part.content_type in _TYPED:
        ending = _TYPED[part.content_type]
    else:
        ending = "bin"
    identity = next((field.value for field in reversed(part.fields) if field.key == b"content-id"), b"")
    return Served(
        number=number,
        name=name or _UNNAMED.get(ending, f"unnamed.{ending}" if ending != "bin" else "unnamed"),
        ending=ending,
        content_type=TYPES[ending],
        image=bool(picture),
        content_id=identity.decode("utf-8", "replace").strip().strip("<>"),
        part=part,
        size=len(data),
    )


def _picture(data: bytes) -> str:
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    return next((ending for magic, ending in _PICTURES if data.startswith(magic)), "")
