"""Text from outside made fit to be shown: no control characters, none that turn or hide what stands there.

Used by everything that puts a stranger's words into a notice, a log or a list of files (Unicode TR 36).
"""

from __future__ import annotations

import re

_HIDDEN = "\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
_CONTROL = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_HIDDEN}]")
_UNFIT_IN_LINE = re.compile(f"[\x00-\x1f\x7f-\x9f{_HIDDEN}]")


def clean(text: str) -> str:
    """Text with LF line ends; tabs and line ends stay, other controls and bidi characters go."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str, limit: int) -> str:
    """Text for a subject or a log: no controls, no line ends, at most `limit` characters, cut with dots."""
    line = " ".join(_UNFIT_IN_LINE.sub(" ", text).split())
    return line if len(line) <= limit else line[: max(limit - 3, 0)].rstrip() + "..."[:limit]


def safe_name(name: str) -> str:
    """A file name without path, control and bidi characters; its ending is kept when it is cut."""
    plain = _UNFIT_IN_LINE.sub("", name).replace("\\", "/").rpartition("/")[2].strip(" .") or "unnamed"
    if len(plain) <= 120:
        return plain
    stem, dot, ending = plain.rpartition(".")
    return f"{stem[:100]}...{dot}{ending}" if stem and len(ending) <= 12 else f"{plain[:117]}..."
