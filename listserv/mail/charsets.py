"""Bytes become text: whatever a mail says of its charset, nothing is lost and nothing raises.

The lowest step of reading a post: header words (RFC 2047), parameters (RFC 2231) and bodies (RFC 2045) all pass here.
"""

from __future__ import annotations

import codecs
import re

_ALIASES = {
    "gb2312": "gb18030", "gb_2312-80": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "cp936": "gb18030",
    "us-ascii": "utf-8", "ascii": "utf-8", "unknown-8bit": "utf-8", "x-unknown": "utf-8", "utf8mb4": "utf-8",
    "unicode": "utf-8", "iso-8859-8-i": "iso-8859-8", "iso-8859-8-e": "iso-8859-8", "x-sjis": "cp932",
    "shift_jis": "cp932", "shift-jis": "cp932", "windows-31j": "cp932", "ks_c_5601-1987": "cp949", "euc-kr": "cp949",
    "ksc5601": "cp949", "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman", "iso-8859-9": "cp1254", "tis-620": "cp874", "windows-874": "cp874", "big5": "big5hkscs",
    "cp-1252": "cp1252", "windows1252": "cp1252", "iso-2022-jp": "iso2022_jp_ext",
}  # fmt: skip
_REFUSED = frozenset(("utf-7", "unicode-1-1-utf-7", "idna", "punycode", "undefined", "mbcs", "oem"))
_ESCAPES = re.compile(r"unicode[-_ ]?escape|raw|rot|_codec|string[-_]escape", re.I)


def codec_name(charset: str | None) -> str | None:
    """The codec to read this charset with, or None when it is unknown or no charset for text."""
    name = (charset or "").strip(" \t'\"").lower()[:60]
    name = _ALIASES.get(name, name)
    if not name or not name.isascii() or "\0" in name or name in _REFUSED or _ESCAPES.search(name):
        return None
    try:
        found = codecs.lookup(name).name
        b"text".decode(name)  # LookupError for codecs that give no text, such as base64
    except UnicodeError:
        return name
    except (LookupError, ValueError, TypeError):
        return None
    return None if found in _REFUSED else name


def decode_text(data: bytes, charset: str | None = None) -> str:
    """Text by its charset, else UTF-8, else the charset with replacement marks, else Latin-1 as Windows has it."""
    name = codec_name(charset)
    for candidate in (name, "utf-8"):
        if candidate is None:
            continue
        try:
            return data.decode(candidate)
        except (UnicodeError, ValueError):
            continue
    for candidate in (name, "cp1252"):
        if candidate is not None and candidate != "utf-8":
            text = data.decode(candidate, "replace")
            if text.count("\ufffd") * 20 <= len(text):
                return text
    return data.decode("latin-1")


def like_ascii(charset: str | None) -> bool:
    """Whether text in this charset has every ASCII character where ASCII has it."""
    ascii_text = "".join(map(chr, range(32, 126)))  # an even number, or no UTF-16
    return decode_text(ascii_text.encode(), charset) == ascii_text
