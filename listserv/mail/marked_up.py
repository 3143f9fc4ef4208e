"""HTML as all the text in it: what is seen, what is hidden, what stands in attributes and comments.

Below `passages`. Unlike `text.html_to_text` and `visible`, nothing is left out but scripts, style sheets and the
addresses of pictures: a number behind `display:none` or in an alt text goes to every member as well. One pass over the
markup, no tree, no recursion: linear whatever the nesting (HTML 5 section 13.2.5 has the states).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

from listserv.mail.shown import clean

Span = tuple[int, int]
Aside = tuple[int, int, int]  # begin and end of what is not shown, and the place in the text where it stood
_MARK = re.compile(r"<!--|<(?=[a-zA-Z/!?])")
_TAG_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9:-]{0,40})")
_QUOTE_OR_END = re.compile(r"[\"'>]")
_ATTRIBUTE = re.compile(r"([a-zA-Z][a-zA-Z:-]{0,40})\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]{1,2000}))")
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code em font i img ins kbd mark nobr o:p s samp small span strike strong sub "  # noqa: SIM905
    "sup tt u var wbr".split()
)
_SILENT = frozenset(("script", "style", "svg"))
_CELLS = frozenset(("td", "th"))
_TOLD = frozenset(
    ("alt", "title", "aria-label", "aria-description", "placeholder", "value", "summary", "content", "label", "name",
     "download")
)  # fmt: skip
_QUOTE = re.compile(r"gmail_quote|yahoo_quoted|protonmail_quote|tutanota_quote|moz-cite|olk_src_body_section", re.I)
_FROM_HERE = re.compile(r"divrplyfwdmsg|appendonsend|mail-editor-reference-message-container", re.I)
_SIGNED = re.compile(r"(?:^|[_ \"'-])(?:signature|gmail_signature|applemailsignature|moz-signature)", re.I)
_LINK = re.compile(r"(mailto|tel|sms|callto|https?):(.{1,2000})", re.I | re.S)
_SPACE = re.compile(r"[ \t\r\n\f]+")
LIMIT_OF_TAGS = 200_000


@dataclass(slots=True)
class _Page:
    """What is written so far; `open` are the quotations and signatures that have not ended: tag, depth, begin."""

    out: list[str] = field(default_factory=list)
    length: int = 0
    behind: dict[str, int] = field(default_factory=dict)  # what is not shown, and behind how much of the text it stood
    quoted: list[Span] = field(default_factory=list)
    signed: list[Span] = field(default_factory=list)
    open: list[tuple[str, int, int, bool]] = field(default_factory=list)
    depth: dict[str, int] = field(default_factory=dict)
    silent: str = ""
    fresh: bool = True  # at the beginning of a line

    def write(self, text: str) -> None:
        self.out.append(text)
        self.length += len(text)
        self.fresh = text.endswith("\n")

    def say(self, raw: str) -> None:
        if self.silent or not raw:
            return
        text = clean(unescape(raw))
        if self.depth.get("pre"):
            text = text.replace("\r\n", "\n")
        else:
            text = _SPACE.sub(" ", text)
            text = text.lstrip(" ") if self.fresh else text
        if text:
            self.write(text)

    def line(self) -> None:
        if not self.fresh:
            self.write("\n")


def all_text(html: str) -> tuple[str, tuple[Span, ...], tuple[Span, ...], tuple[Aside, ...]]:
    """The text, a line for each block, then one for each text of an attribute or a comment; what of it the markup
    calls a quotation, and what a signature; where these last lines stand. Never raises."""
    page = _Page()
    at = tags = 0
    while at < len(html):
        mark = _MARK.search(html, at)
        if mark is None or tags > LIMIT_OF_TAGS:
            page.say(html[at:])
            break
        page.say(html[at : mark.start()])
        tags += 1
        if mark[0] == "<!--":
            end = html.find("-->", mark.end())
            _comment(page, html[mark.end() : end if end >= 0 else len(html)])
            at = end + 3 if end >= 0 else len(html)
        else:
            end = _tag_end(html, mark.end())
            if end < 0:  # never closed: nobody knows what it is, so it is read
                page.say(html[mark.end() :])
                break
            _tag(page, html[mark.end() : end])
            at = end + 1
    for tag, _, begin, quote in page.open:
        del tag
        (page.quoted if quote else page.signed).append((begin, page.length))
    page.line()
    asides: list[Aside] = []
    for words, stood in page.behind.items():
        if not words:
            continue
        if asides:
            page.write("\n")
        asides.append((page.length, page.length + len(words), stood))
        page.write(words)
    return "".join(page.out), tuple(page.quoted), tuple(page.signed), tuple(asides)


def _tag_end(html: str, at: int) -> int:
    """Where the ">" of a tag stands that is in no quotation marks; -1 when it has no end."""
    first = html.find(">", at)
    if first < 0:
        return -1
    position = at
    while found := _QUOTE_OR_END.search(html, position):
        if found[0] == ">":
            return found.start()
        close = html.find(found[0], found.end(), found.end() + 20_000)
        if close < 0:  # a mark that stands alone
            return first
        position = close + 1
    return first


def _comment(page: _Page, text: str) -> None:
    words = _SPACE.sub(" ", clean(unescape(re.sub(r"<[^<>]*>", " ", text)))).strip()
    if words and not words.startswith("[if"):
        page.behind.setdefault(words, page.length)
    elif words:
        page.behind.setdefault(words.partition("]")[2].strip(), page.length)


def _tag(page: _Page, inside: str) -> None:
    name = _TAG_NAME.match(inside)
    if name is None:
        return
    tag, closing = name[1].lower(), inside.startswith("/")
    if page.silent:
        if closing and tag == page.silent:
            page.silent = ""
        return
    if tag in _SILENT and not closing and not inside.endswith("/"):
        page.silent = tag
    if tag in _CELLS and not closing:
        if not page.fresh:
            page.write("  ")
    elif tag not in _INLINE and tag not in _CELLS:
        page.line()
    if closing:
        _close(page, tag)
        return
    attributes = {key.lower(): value for key, value in _attributes(inside[name.end() :])}
    if tag not in ("br", "img", "hr", "input", "meta", "link"):
        page.depth[tag] = page.depth.get(tag, 0) + 1
        _open(page, tag, attributes)
    for words in _told(tag, attributes):
        page.behind.setdefault(words, page.length)


def _attributes(inside: str) -> Iterator[tuple[str, str]]:
    if "=" not in inside:
        return
    for found in _ATTRIBUTE.finditer(inside[:200_000]):
        yield found[1], found[2] or found[3] or found[4] or ""


def _open(page: _Page, tag: str, attributes: dict[str, str]) -> None:
    named = f"{attributes.get('class', '')} {attributes.get('id', '')}"
    if tag == "blockquote" or _QUOTE.search(named):
        page.open.append((tag, page.depth[tag], page.length, True))
    elif _FROM_HERE.search(named):
        page.open.append(("", 0, page.length, True))
    elif _SIGNED.search(named):
        page.open.append((tag, page.depth[tag], page.length, False))


def _close(page: _Page, tag: str) -> None:
    depth = page.depth.get(tag, 0)
    if page.open and page.open[-1][:2] == (tag, depth):
        _, _, begin, quote = page.open.pop()
        (page.quoted if quote else page.signed).append((begin, page.length))
    page.depth[tag] = max(0, depth - 1)


def _told(tag: str, attributes: dict[str, str]) -> Iterator[str]:
    """Texts of attributes, and where links lead."""
    for key, value in attributes.items():
        words = ""
        told = key in _TOLD and not (tag == "meta" and "charset=" in value)
        if told or (key.startswith("data-") and "://" not in value):
            words = value
        elif key == "href" and (link := _LINK.match(unescape(value).strip())):
            words = link[0] if link[1].lower().startswith("http") else link[2].partition("?")[0]
        text = _SPACE.sub(" ", clean(unescape(words))).strip()
        if text:
            yield text
