"""What is attached to a post, and which of it may carry a program (CF-1): such a post waits for a moderator.

Names, types and the first bytes are looked at; archives are listed, never unpacked (zip bombs).
"""

from __future__ import annotations

import io
import re
import zipfile

from listserv.mail.message import Message, Part, TooComplex, iter_parts, normalise, parse
from listserv.mail.shown import safe_name

_ENDINGS = """
exe com scr pif cpl msi msp mst msix appx appxbundle dll sys drv ocx jar jnlp apk deb rpm pkg app run elf gadget
bat cmd ps1 psm1 psd1 ps1xml vb vbs vbe js jse mjs ws wsf wsh wsc sct hta sh bash zsh csh ksh py pyc pyw pl rb
php command scpt applescript lua
lnk url website reg inf scf msc chm hlp settingcontent-ms library-ms search-ms searchconnector-ms application
appref-ms desktop one onepkg iqy slk ade adp mde accde mdb
docm dotm xlsm xltm xlam xlsb xll pptm potm ppam ppsm ppa sldm
htm html xhtml xht shtml svg svgz mht mhtml swf xsl
iso img vhd vhdx vmdk dmg udf
"""
_PROGRAMS = frozenset(_ENDINGS.split())
"""Endings of programs, scripts, links, office files with macros, active content for browsers, images of disks."""
_ACTIVE_TYPES = frozenset(
    ("text/html", "image/svg+xml", "application/xhtml+xml", "application/javascript", "text/javascript",
     "application/x-javascript", "application/x-msdownload", "application/x-dosexec", "application/x-sh",
     "application/x-executable", "application/hta", "application/java-archive", "application/x-ms-shortcut",
     "application/vnd.ms-word.document.macroenabled.12", "application/vnd.ms-excel.sheet.macroenabled.12",
     "application/vnd.ms-powerpoint.presentation.macroenabled.12", "application/x-iso9660-image")
)  # fmt: skip
_MAGIC = (
    b"MZ",  # Windows
    b"\x7fELF",
    b"\xca\xfe\xba\xbe",  # Java, or a Mac program of several kinds
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"#!/",
    b"L\0\0\0\x01\x14\x02\0",  # a link of Windows
    b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d",  # OneNote
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_MACROS = ("_VBA_PROJECT".encode("utf-16-le"), b"\0Attribut\0e VB_Nam")
_NAMES_INSIDE = re.compile(rb"[\x20-\x7e]{1,200}\.([A-Za-z0-9]{2,5})(?=[^\x20-\x7e]|\Z)")
_MAX_NAMES = 10_000
_DEEPEST = 3  # messages in base64 within each other
_SCANNED = 8_000_000  # bytes of an archive that are searched for names


def is_attachment(part: Part) -> bool:
    """Whether people see it as a file and not as a part of the text."""
    return part.disposition == "attachment" or (part.filename is not None and part.disposition != "inline")


def attachments(message: Message) -> list[tuple[str, str, int]]:
    """Name, type and decoded size of every attached file."""
    found = []
    for part in iter_parts(message):
        text = part.content_type in ("text/plain", "text/html")
        if is_attachment(part) or not (text or part.content_type.startswith("multipart/")):
            name = safe_name(part.filename) if part.filename else "unnamed"
            found.append((name, part.content_type, len(part.decoded())))
    return found


def dangerous_attachments(message: Message) -> list[str]:
    """Names of attached files that may carry a program; what is hidden too deep counts as one."""
    return _dangerous(message, _DEEPEST)


def _dangerous(message: Message, levels: int) -> list[str]:
    found: list[str] = []
    for part in iter_parts(message):
        names = [safe_name(name) for name in (part.filename, dict(part.params).get("name")) if name]
        shown = names[0] if names else part.content_type
        body = part.content_type in ("text/plain", "text/html") and not is_attachment(part)
        if any(map(_is_program, names)) and not (body and part.content_type == "text/html" and _in_text(part)):
            found.append(shown)
        elif body or part.content_type.startswith("multipart/"):
            continue
        elif part.content_type in ("message/rfc822", "message/global"):
            found += _in_encoded_message(part, levels)
        elif part.content_type in _ACTIVE_TYPES or (_worth_opening(part) and _holds_program(part.decoded())):
            found.append(shown)
    return found


def _in_encoded_message(part: Part, levels: int) -> list[str]:
    """What an attached message carries that is itself in base64, which RFC 2046 forbids and programs open."""
    if part.encoding in ("", "7bit", "8bit", "binary"):
        return []
    try:
        return _dangerous(parse(normalise(part.decoded())), levels - 1) if levels else ["message/rfc822"]
    except TooComplex:
        return ["message/rfc822"]


def _in_text(part: Part) -> bool:
    """Whether it is one form of the text itself; some programs give even that a file name."""
    return bool(part.within) and part.within[-1] in ("multipart/alternative", "multipart/related")


def _worth_opening(part: Part) -> bool:
    return not part.content_type.startswith(("image/", "audio/", "video/", "text/", "message/"))


def _is_program(name: str) -> bool:
    return name.lower().rstrip(". \"'").rpartition(".")[2].strip() in _PROGRAMS and "." in name


def _holds_program(data: bytes) -> bool:
    if data.startswith(_MAGIC):
        return True
    if data.startswith(_OLE):
        return any(mark in data for mark in _OLE_MACROS)
    if data.startswith(b"PK"):
        return _bad_zip(data)
    listed = data.startswith((b"Rar!\x1a\x07", b"MSCF")) or data[257:262] == b"ustar"
    return listed and any(found[1].decode().lower() in _PROGRAMS for found in _NAMES_INSIDE.finditer(data[:_SCANNED]))


def _bad_zip(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except Exception:  # the library has many ways to fail on a broken directory
        return False
    if len(names) > _MAX_NAMES:
        return True
    office = "[Content_Types].xml" in names
    macros = any(name.lower().endswith("vbaproject.bin") for name in names)
    return macros or (not office and any(_is_program(name) for name in names if not name.endswith("/")))
