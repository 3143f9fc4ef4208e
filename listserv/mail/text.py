"""What a person reads in a post: its text and the names of what is attached, for moderators, rules and notices.

Decoding never loses text and never raises (RFC 2045 to 2047, RFC 3676); what must not be shown, such as characters
that turn the direction of writing, is left out.
"""

from __future__ import annotations

import re

from listserv.mail.attached import attachments, dangerous_attachments, is_attachment
from listserv.mail.charsets import decode_text
from listserv.mail.message import Message, Part, iter_parts
from listserv.mail.shown import clean, one_line, safe_name

__all__ = ["attachments", "clean", "dangerous_attachments", "decode_text", "html_to_text", "one_line", "part_text",
           "readable", "safe_name", "unflow"]  # fmt: skip
HTML_LIMIT = 1_000_000  # characters that are converted
_INVISIBLE = re.compile(r"<(script|style|title|head)\b[^<>]*>.*?</\1\s*>", re.I | re.S)
_TITLE = re.compile(r"<title\b[^<>]{0,200}>[^<]{0,2000}</title\s*>", re.I)
_DECLARATION = re.compile(r"\A\s*<\?xml[^<>]*\?>")


def unflow(text: str, *, delsp: bool) -> str:
    """format=flowed as paragraphs, their quote marks kept (RFC 3676 section 4)."""
    out: list[list[str]] = []
    depth_before, flowing = -1, False
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        signature = content == "-- "
        soft = content.endswith(" ") and not signature
        piece = content[:-1] if soft and delsp else content
        if flowing and depth == depth_before and not signature:
            out[-1].append(piece)
        else:
            out.append([">" * depth + (" " if depth else ""), piece])
        depth_before, flowing = depth, soft
    lines = ("".join(pieces) for pieces in out)
    return "\n".join(line if line == "-- " else line.rstrip() for line in lines)


def html_to_text(html: str) -> str:
    """HTML as plain text; scripts, styles and comments left out. Never raises."""
    import html_text  # loads lxml, which most posts do not need

    cut = _TITLE.sub("", _DECLARATION.sub("", html[:HTML_LIMIT]))
    if not cut.strip():
        return ""
    try:
        return str(html_text.extract_text(cut))
    except Exception:  # whatever the parser makes of hostile input
        return re.sub(r"<[^<>]*>", " ", _INVISIBLE.sub(" ", cut[:20_000]))


def part_text(part: Part) -> str:
    """The decoded text of a part with LF line ends, without control characters; HTML stays HTML."""
    text = clean(decode_text(part.decoded(), part.charset))
    params = dict(part.params)
    if part.content_type == "text/plain" and params.get("format", "").lower() == "flowed":
        return unflow(text, delsp=params.get("delsp", "").lower() == "yes")
    return text


def readable(message: Message, limit: int = 20000) -> str:
    """The text of a message as a person would read it, at most `limit` characters; "" when it has none."""
    texts: dict[str, list[str]] = {"text/plain": [], "text/html": []}
    seen = dict.fromkeys(texts, 0)
    for part in iter_parts(message):
        kind = part.content_type
        if is_attachment(part) or kind not in texts or seen[kind] > (limit if kind == "text/plain" else HTML_LIMIT):
            continue
        text = part_text(part)
        if text.strip():
            texts[kind].append(text)
            seen[kind] += len(text)
    if texts["text/plain"]:
        return "\n".join(texts["text/plain"])[:limit]
    return clean("\n".join(map(html_to_text, texts["text/html"])))[:limit]
