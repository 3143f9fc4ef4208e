"""HTML of a mail as HTML of a page: what nh3 lets through, put into an order that every reader can follow.

Below `body`. nh3 (the Rust library ammonia) takes out everything that is not in short lists of ours; pictures remain
only where they came with the mail. What is left is well-formed; one pass over its tags folds quotations and mends what
mail programs nest in ways that HTML does not have. No recursion: mails are nested ten thousand deep on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from urllib.parse import quote, unquote, urlsplit

import nh3

from listserv.mail.served import Served

MAX_HTML = 1_000_000  # characters
MAX_TAGS = 20_000
MAX_REOPENED = 400_000
REST = '<p class="none">The rest of this message is too long to be shown here.</p>'
SCHEMES = ("http://", "https://", "mailto:")
REL = "nofollow noopener noreferrer"
_BLOCKS = frozenset(
    "p div ul ol li blockquote pre table thead tbody tr td th hr dl dt dd figure figcaption h1 h2 h3 h4 h5 h6".split()  # noqa: SIM905
)
_INLINE = frozenset("b strong i em u s sub sup code a".split())  # noqa: SIM905
_VOID = frozenset(("br", "hr", "img"))
_TAGS = _BLOCKS | _INLINE | _VOID
_ATTRIBUTES: dict[str, set[str]] = {
    "*": set(),
    "a": {"href"},
    "img": {"src", "alt"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
_FORGET = frozenset((
    "script", "style", "head", "title", "noscript", "template", "textarea", "select", "iframe", "object", "embed",
    "svg", "math", "noembed", "noframes", "option", "audio", "video", "canvas", "frameset",
))  # fmt: skip
_FORMATTING = re.compile(r"</?(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/<>]|\Z)[^<>]*>?", re.I)
_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?:\s+[a-z][a-z-]*="[^"]*")*)\s*/?>')
_EMPTY = re.compile(r"<(p|div)>(?:\s|&nbsp;|<br>)*</\1>")
_BREAKS = re.compile(r"(?:<br>\s*){3,}")
_HREF = re.compile(r'href="([^"]*)"')
_LOOKS_LIKE_ADDRESS = re.compile(r"\s*(?:https?://)?((?:[\w-]+\.)+[a-z]{2,})(?:[/:?#]\S*)?\s*\Z", re.I)
_NUMBER = re.compile(r"\d{1,2}\Z")
_ADDRESS = re.compile(r"(?<![\w.+-])([\w.+-]{1,64})@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}", re.A)


@dataclass(slots=True)
class _Element:
    """An open tag while its end is looked for; positions are those in the list of pieces."""

    tag: str
    open: int
    parent: _Element | None
    attributes: str = ""
    blocks: bool = False  # holds a block, at whatever depth
    loose: bool = False  # holds text or elements directly that a list must not
    children: list[_Element] = field(default_factory=list)
    close: int = -1


def sanitised(html: str, files: Sequence[Served], files_at: str, *, hide: bool) -> tuple[str, str, set[int]]:
    """Safe HTML, the words outside of quotations, and the numbers of the pictures that it shows."""
    pictures = {file.content_id: file for file in files if file.image and file.content_id}
    used: set[int] = set()

    def allow(tag: str, name: str, value: str) -> str | None:
        if tag == "img" and name == "src":
            found = pictures.get(unquote(value.strip()[4:])) if value.strip()[:4].lower() == "cid:" else None
            if found is None:
                return None
            used.add(found.number)
            return f"{files_at}{quote(found.file)}"
        if name in ("colspan", "rowspan"):
            return value if _NUMBER.match(value) and 0 < int(value) < 50 else None
        if name == "href":
            scheme = value.strip()[:8].lower()
            return (
                value if scheme.startswith(("http://", "https://")) or (scheme[:7] == "mailto:" and not hide) else None
            )
        return value

    bounded, cut = _bounded(html)
    try:
        clean = nh3.clean(
            bounded,
            tags=set(_TAGS),
            clean_content_tags=set(_FORGET),
            attributes=_ATTRIBUTES,
            attribute_filter=allow,
            link_rel=REL,
            url_schemes={"http", "https", "mailto", "cid"},
            strip_comments=True,
        )
    except (ValueError, RuntimeError):
        return "", "", set()
    pieces = _pieces(clean)
    _mend(pieces)
    out, words = _written(pieces, hide)
    for _ in range(2):
        out = _EMPTY.sub("", out)
    out = _BREAKS.sub("<br><br>", out)
    rest = REST if cut else ""
    return (f'<div class="html">{out}</div>{rest}' if out.strip() else rest), words, used


def _bounded(html: str) -> tuple[str, bool]:
    """What nh3 can read in bounded time and memory, and whether anything was cut. The rules of HTML 5 open every
    formatting tag that was not closed again in each paragraph: without a bound, 160 kB of them end the process."""
    text, cut = html[:MAX_HTML], len(html) > MAX_HTML
    tags = text.count("<")
    if tags > MAX_TAGS:
        text, tags, cut = "<".join(text.split("<", MAX_TAGS)[:MAX_TAGS]), MAX_TAGS, True
    if tags > 600 and tags * sum(1 for _ in _FORMATTING.finditer(text)) > MAX_REOPENED:
        text = _FORMATTING.sub(" ", text)  # a blank, so that no tag is made of what stood around one
    return text, cut


@dataclass(slots=True)
class _Piece:
    """A tag or the text between two tags, as it will be written."""

    text: str
    tag: str = ""  # "" for text
    closing: bool = False
    quoted: bool = False
    element: _Element | None = None


def _pieces(clean: str) -> list[_Piece]:
    """The tags and texts, every tag with its element; what is beyond the cap is cut, all open tags closed."""
    pieces: list[_Piece] = []
    stack: list[_Element] = []
    position = 0

    def add_text(text: str) -> None:
        if text:
            pieces.append(_Piece(text))
            if stack and text.strip():
                stack[-1].loose = True

    for count, found in enumerate(_TAG.finditer(clean)):
        add_text(clean[position : found.start()])
        position = found.end()
        closing, tag, attributes = found[1] == "/", found[2], found[3]
        if count > MAX_TAGS:
            position = len(clean)
            break
        if closing:
            if stack and stack[-1].tag == tag:
                element = stack.pop()
                element.close = len(pieces)
                pieces.append(_Piece(found[0], tag, True, element=element))
            continue
        if (tag == "img" and " src=" not in attributes) or (tag == "br" and stack and stack[-1].tag in ("ul", "ol")):
            continue
        element = _Element(tag, len(pieces), stack[-1] if stack else None, attributes)
        if stack:
            stack[-1].children.append(element)
            stack[-1].loose |= tag not in ("li", "br")
            if tag in _BLOCKS:
                above: _Element | None = stack[-1]
                while above is not None and not above.blocks:
                    above.blocks = True
                    above = above.parent
        text = found[0].replace("<img ", '<img loading="lazy" ') if tag == "img" else found[0]
        if tag == "img" and " alt=" not in attributes:
            text = text[:-1] + ' alt="">'
        pieces.append(_Piece(text, tag, element=element))
        if tag not in _VOID:
            stack.append(element)
    add_text(clean[position:])
    while stack:
        element = stack.pop()
        element.close = len(pieces)
        pieces.append(_Piece(f"</{element.tag}>", element.tag, True, element=element))
    return pieces


def _mend(pieces: list[_Piece]) -> None:
    """Quotations folded; inline tags around blocks dropped; items without a list and lists with loose text plain."""
    quotes = 0
    renamed: dict[int, str] = {}
    for piece in pieces:
        element = piece.element
        if element is None or piece.tag in _VOID:
            piece.quoted = quotes > 0
            continue
        tag = element.tag
        if tag == "blockquote" and not piece.closing:
            quotes += 1
        outermost = quotes == 1
        if tag == "blockquote":
            if outermost:
                piece.text = (
                    "</blockquote></details>"
                    if piece.closing
                    else '<details class="quote"><summary>Quoted text</summary><blockquote>'
                )
            quotes -= piece.closing
        elif ((tag in _INLINE or tag == "pre") and element.blocks) or (
            tag == "a" and "href=" not in element.attributes
        ):
            piece.text = ""
        else:
            new = _name(element, renamed)
            renamed[id(element)] = new
            if new != tag:
                extra = ' class="h"' if tag[0] == "h" and tag != "hr" else ""
                piece.text = f"</{new}>" if piece.closing else f"<{new}{extra}>"
        piece.quoted = quotes > 0


def _name(element: _Element, renamed: dict[int, str]) -> str:
    """The tag that an element gets, so that it may stand where it stands."""
    tag = element.tag
    if re.fullmatch(r"h[1-6]", tag) or tag in ("dl", "dt", "dd", "figure", "figcaption"):
        return "div"
    if tag in ("ul", "ol"):
        return "div" if element.loose or not element.children else tag
    if tag == "li":
        above = element.parent
        return "li" if above is not None and renamed.get(id(above)) in ("ul", "ol") else "div"
    return tag


def _written(pieces: list[_Piece], hide: bool) -> tuple[str, str]:
    out: list[str] = []
    words: list[str] = []
    link: tuple[str, list[str]] | None = None  # where a link leads, and its text so far
    for piece in pieces:
        text = piece.text
        if not piece.tag:
            if hide:
                text = _ADDRESS.sub(r"\1@…", text)
            if not piece.quoted:
                words.append(unescape(text))
            if link is not None:
                link[1].append(text)
        elif piece.tag == "a" and piece.text:
            if not piece.closing:
                found = _HREF.search(piece.text)
                link = (unescape(found[1]), []) if found else None
            elif link is not None:
                text = _real(*link) + text
                link = None
        elif piece.tag in _BLOCKS or piece.tag == "br":
            words.append("\n")
        out.append(text)
    return "".join(out), re.sub(r"[^\S\n]+", " ", "".join(words)).strip()


def _real(href: str, shown: list[str]) -> str:
    """The host of a link whose text names another one."""
    named = _LOOKS_LIKE_ADDRESS.match(unescape("".join(shown)))
    if not named:
        return ""
    try:
        host = (urlsplit(href).hostname or "").lower()
    except ValueError:
        return ""
    claimed = named[1].lower()
    same = host == claimed or host.endswith("." + claimed) or claimed.endswith("." + host)
    return "" if same or not host else f' <span class="real">[{escape(host)}]</span>'
