"""What a person reads in a message: its text, its attachments, and which of those may carry a program.

Decoding never loses text and never raises (RFC 2045-2047, RFC 3676); what cannot be shown is left out.
"""

from __future__ import annotations

import codecs
import io
import re
import zipfile

from listserv.mail.message import Message, Part, iter_parts

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
_ALIASES = {
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "us-ascii": "utf-8", "ascii": "utf-8", "unknown-8bit": "utf-8",
    "iso-8859-8-i": "iso-8859-8", "x-sjis": "cp932", "shift_jis": "cp932", "ks_c_5601-1987": "cp949", "euc-kr": "cp949",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "x-mac-roman": "mac-roman", "macintosh": "mac-roman",
}  # fmt: skip
_REFUSED = {
    "utf-7",
    "unicode-1-1-utf-7",
    "base64",
    "hex",
    "zip",
    "bz2",
    "rot13",
    "uu",
    "quopri",
    "zlib",
    "idna",
    "punycode",
}
_PROGRAMS = frozenset(
    "exe com scr pif bat cmd ps1 psm1 vbs vbe js jse ws wsf wsh msi msp msc mst hta cpl jar dll sys lnk reg inf scf url "
    "application gadget appx msix iso img vhd vhdx dmg pkg deb rpm apk sh bash csh py pl rb docm dotm xlsm xltm xlam "
    "xlsb pptm potm ppam ppsm sldm one onepkg htm html xhtml shtml svg svgz mht mhtml swf chm ade adp mde accde "
    "library-ms search-ms settingcontent-ms".split()
)
_ARCHIVES = frozenset("zip jar docx xlsx pptx odt ods odp".split())
_ACTIVE_TYPES = frozenset(
    ("text/html", "image/svg+xml", "application/xhtml+xml", "application/javascript", "text/javascript",
     "application/x-msdownload", "application/x-sh", "application/hta")
)  # fmt: skip


def decode_text(data: bytes, charset: str | None) -> str:
    """Bytes as text by their charset, else UTF-8, else Latin-1 as Windows has it. Never raises."""
    name = (charset or "utf-8").strip().strip("'\"").lower()
    name = _ALIASES.get(name, name)
    for candidate in (name, "utf-8", "cp1252"):
        try:
            if candidate in _REFUSED or not codecs.lookup(candidate)._is_text_encoding:
                continue
            return data.decode(candidate)
        except (LookupError, UnicodeError, ValueError):
            continue
    return data.decode("latin-1")


def clean(text: str) -> str:
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def unflow(text: str, *, delsp: bool) -> str:
    """format=flowed as paragraphs (RFC 3676 section 4)."""
    out: list[str] = []
    depth_before, flowing = -1, False
    for line in text.split("\n"):
        stripped = line.lstrip(">")
        depth = len(line) - len(stripped)
        content = stripped.removeprefix(" ")
        soft = content.endswith(" ") and content != "-- "
        if flowing and depth == depth_before:
            out[-1] += content[:-1] if soft and delsp else content
        else:
            mark = ">" * depth + (" " if depth else "")
            out.append(mark + (content[:-1] if soft and delsp else content))
        depth_before, flowing = depth, soft
    return "\n".join(line.rstrip() for line in out)


def html_to_text(html: str) -> str:
    """HTML as plain text; scripts, styles and comments left out."""
    import html_text

    try:
        return str(html_text.extract_text(html[:2_000_000]))
    except Exception:  # whatever the parser makes of hostile input
        return re.sub(r"<[^>]{0,2000}>", " ", html[:200_000])


def _is_attachment(part: Part) -> bool:
    return part.disposition == "attachment" or (part.filename is not None and part.disposition != "inline")


def part_text(part: Part) -> str:
    text = clean(decode_text(part.decoded(), part.charset))
    params = dict(part.params)
    if part.content_type == "text/plain" and params.get("format", "").lower() == "flowed":
        text = unflow(text, delsp=params.get("delsp", "").lower() == "yes")
    return text


def readable(message: Message, limit: int = 20000) -> str:
    """The text of a message as a person would read it, at most `limit` characters."""
    plain: list[str] = []
    html: list[str] = []
    for part in iter_parts(message):
        if _is_attachment(part):
            continue
        if part.content_type == "text/plain" and sum(map(len, plain)) < limit:
            plain.append(part_text(part))
        elif part.content_type == "text/html" and not plain and sum(map(len, html)) < limit:
            html.append(part_text(part))
    if any(text.strip() for text in plain):
        return "\n".join(plain)[:limit]
    return clean("\n".join(map(html_to_text, html)))[:limit]


def one_line(text: str, limit: int) -> str:
    """Text for a subject or a log: no controls, no line ends, cut with dots."""
    line = " ".join(_CONTROL.sub(" ", text).split())
    return line if len(line) <= limit else line[: limit - 3].rstrip() + "..."


def safe_name(name: str) -> str:
    """A file name without path, control and bidi characters."""
    return one_line(_CONTROL.sub("", name).replace("\\", "/").rpartition("/")[2], 120) or "unnamed"


def attachments(message: Message) -> list[tuple[str, str, int]]:
    """Name, type and decoded size of every attached file."""
    found = []
    for part in iter_parts(message):
        text = part.content_type in ("text/plain", "text/html")
        if _is_attachment(part) or not (text or part.content_type.startswith("multipart/")):
            name = safe_name(part.filename) if part.filename else "unnamed"
            found.append((name, part.content_type, len(part.decoded())))
    return found


def _suspicious_name(name: str) -> bool:
    return name.lower().rstrip(". ").rpartition(".")[2] in _PROGRAMS


def dangerous_attachments(message: Message) -> list[str]:
    """Names of attached files that may carry a program; archives are listed, never unpacked."""
    found = []
    for part in iter_parts(message):
        name = safe_name(part.filename) if part.filename else ""
        body = part.content_type in ("text/plain", "text/html") and not _is_attachment(part)
        if body or (not name and part.content_type.startswith(("text/plain", "multipart/", "message/"))):
            continue
        if _suspicious_name(name) or part.content_type in _ACTIVE_TYPES:
            found.append(name or part.content_type)
            continue
        if part.content_type.startswith(("image/", "audio/", "video/", "text/")):
            continue
        data = part.decoded()
        if data.startswith((b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")) or _bad_zip(data):
            found.append(name or part.content_type)
    return found


def _bad_zip(data: bytes) -> bool:
    if not data.startswith(b"PK"):
        return False
    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()[:2000]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, IndexError):
        return False
    return any(_suspicious_name(name) or name.lower().endswith("vbaproject.bin") for name in names)
