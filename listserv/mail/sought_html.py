"""Values that must not stand in a page of HTML any more: its text across tags and entities, attributes, comments.

Pure; for redaction. The page is edited by offsets: whatever names no value stays as it was written. Mail programs read
broken HTML in different ways; `misread` therefore looks in more than one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape, unescape
from urllib.parse import unquote

from listserv.mail.sought import Sought, Text, compacted, fold, folded, numbers_in, replaced, spans
from listserv.mail.text import html_to_text

_NAME = re.compile(r"/?[A-Za-z][^\s/>]{0,60}")
_TO_QUOTE = re.compile(r"[^\"'>]*")
_ENTITY = re.compile(r"&(?:#[0-9]{1,9}|#[xX][0-9A-Fa-f]{1,8}|[A-Za-z][A-Za-z0-9]{1,31});?")
_ATTRIBUTE = re.compile(r"(\s{0,200})([^\s\"'<>/=]+)(?:\s{0,20}=\s{0,20}(\"[^\"]*\"|'[^']*'|[^\s\"'<>]+))?")
_TAG = re.compile(r"<[^<>]*>")
_WITHIN_A_LINE = frozenset(
    ("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd",
     "label", "mark", "o:p", "q", "s", "samp", "small", "span", "strike", "strong",
     "sub", "sup", "tt", "u", "var", "wbr")
)  # fmt: skip
_HIDDEN = frozenset(("script", "style"))
_LINKS = frozenset(
    ("action", "archive", "background", "cite", "classid", "codebase", "content", "data", "formaction", "href",
     "longdesc", "manifest", "ping", "poster", "profile", "src", "srcdoc", "srcset", "usemap", "xlink:href")
)  # fmt: skip
Token = tuple[str, int, int]  # text, tag, comment or hidden; start, end


def tokens(html: str) -> Iterator[Token]:
    """The page in pieces, without gaps. What is not closed ends where the next piece begins. Linear."""
    position, size = 0, len(html)
    no_more = {"'": size + 1, '"': size + 1}  # from where on a quotation mark does not come again
    while position < size:
        at = html.find("<", position)
        at = size if at < 0 else at
        if at > position:
            yield "text", position, at
        if at == size:
            return
        if html.startswith("<!--", at):
            end = html.find("-->", at + 2)
            position = size if end < 0 else end + 3
            yield "comment", at, position
        elif html.startswith(("<!", "<?"), at):
            position = _end(html, at)
            yield "comment", at, position
        elif name := _NAME.match(html, at + 1):
            position = _end_of_tag(html, name.end(), no_more)
            yield "tag", at, position
            word = name[0].lower()
            if word in _HIDDEN and not html.startswith("/>", position - 2):
                found = re.compile(rf"</{word}", re.I).search(html, position)
                end = found.start() if found else size
                if end > position:
                    yield "hidden", position, end
                position = end
        else:
            yield "text", at, at + 1
            position = at + 1


def _end(html: str, start: int) -> int:
    end = html.find(">", start)
    return len(html) if end < 0 else end + 1


def _end_of_tag(html: str, start: int, no_more: dict[str, int]) -> int:
    """Behind the `>` of a tag that is in no quotation marks; behind the next one if they are not closed."""
    position = start
    while True:
        found = _TO_QUOTE.match(html, position)
        position = found.end() if found else position
        if position >= len(html):
            return len(html)
        if html[position] == ">":
            return position + 1
        quote = html[position]
        close = -1 if position >= no_more[quote] else html.find(quote, position + 1)
        if close < 0:
            no_more[quote] = min(no_more[quote], position)
            return _end(html, start)
        position = close + 1


def _text(html: str, pieces: Sequence[Token]) -> Text:
    """All that a reader sees, with the way back; tags that begin a line are line ends."""
    out: list[str] = []
    begins: list[int] = []
    ends: list[int] = []

    def add(plain: str, begin: int, end: int) -> None:
        out.append(plain)
        begins.extend([begin] * len(plain))
        ends.extend([end] * len(plain))

    for kind, start, end in pieces:
        if kind == "tag":
            name = _NAME.match(html, start + 1)
            if name is None or name[0].lower().strip("/") not in _WITHIN_A_LINE:
                add("\n", start, start)
        if kind != "text":
            continue
        position = start
        for entity in [*_ENTITY.finditer(html, start, end), None]:
            until = entity.start() if entity else end
            piece = folded(html[position:until])
            out.append(piece.folded)
            begins.extend(position + place for place in piece.begins)
            ends.extend(position + place for place in piece.ends)
            if entity:
                add(fold(unescape(entity[0])), entity.start(), entity.end())
                position = entity.end()
    return Text("".join(out), begins, ends)


def replaced_in_html(html: str, values: Sequence[Sought], mark: str) -> tuple[str, Counter[int]]:
    """The page with the mark in place of every value, and how often each was there."""
    count: Counter[int] = Counter()
    pieces = list(tokens(html))
    edits = _edits_of_tags(html, pieces, values, mark, count)
    words = fold(unescape("".join(html[start:end] for kind, start, end in pieces if kind == "text")))
    if any(value.may_be_in(compacted(words)) for value in values):
        edits += _edits_of_text(_text(html, pieces), values, escape(mark), count)
    out: list[str] = []
    position = 0
    for start, end, new in sorted(edits):
        out += [html[position:start], new]
        position = end
    return "".join(out) + html[position:], count


def _edits_of_text(
    text: Text, values: Sequence[Sought], mark: str, count: Counter[int]
) -> Iterator[tuple[int, int, str]]:
    """The mark where a value begins; the rest of it goes, the tags in between stay."""
    for first, last, numbers in spans(text, values):
        count.update(numbers)
        ranges: list[tuple[int, int]] = []
        for place in range(first, last):
            start, end = text.begins[place], text.ends[place]
            if start == end or (ranges and end <= ranges[-1][1]):
                continue
            if ranges and ranges[-1][1] == start:
                ranges[-1] = (ranges[-1][0], end)
            else:
                ranges.append((start, end))
        for number, (start, end) in enumerate(ranges):
            yield start, end, "" if number else mark


def _edits_of_tags(
    html: str, pieces: Sequence[Token], values: Sequence[Sought], mark: str, count: Counter[int]
) -> list[tuple[int, int, str]]:
    marked = "\n".join(html[start:end] for kind, start, end in pieces if kind != "text")
    compact = compacted(fold(_plain(marked) + " " + unescape(_TAG.sub("", marked))))
    near = [value for value in values if value.may_be_in(compact)]
    edits: list[tuple[int, int, str]] = []
    for kind, start, end in pieces if near else ():
        if kind == "text":
            continue
        piece = html[start:end]
        found = numbers_in(_plain(piece), near) | numbers_in(unescape(_TAG.sub("", piece.removeprefix("<!--"))), near)
        if not found:
            continue
        count.update(found)
        edits.append((start, end, _tag_without(piece, near, mark) if kind == "tag" else ""))
    return edits


def _plain(piece: str) -> str:
    text = unescape(piece)
    return f"{text} {unquote(text)}" if "%" in text else text


def _tag_without(tag: str, values: Sequence[Sought], mark: str) -> str:
    """A tag whose attributes name no value: links go, texts get the mark; nothing when that is not enough."""
    name = _NAME.match(tag, 1)
    if name is None:
        return ""
    out, position = [tag[: name.end()]], name.end()
    for one in _ATTRIBUTE.finditer(tag, name.end()):
        out.append(tag[position : one.start()])
        position = one.end()
        if not numbers_in(_plain(one[0]), values):
            out.append(one[0])
        elif one[3] and one[2].lower() not in _LINKS:
            text, _ = replaced(unescape(one[3].strip("\"'")), values, mark)
            out.append(f'{one[1] or " "}{one[2]}="{escape(text)}"')
    new = "".join(out) + tag[position:]
    return "" if numbers_in(_plain(new), values) else new


def misread(html: str, values: Sequence[Sought]) -> frozenset[int]:
    """Which of the values a program could read in a page that takes its broken places in another way than `tokens`."""
    naive = unescape(_TAG.sub("", html))
    found = numbers_in(naive, values) | numbers_in(html, values)
    compact = compacted(fold(naive))
    if not found and any(value.may_be_in(compact) for value in values):
        found = numbers_in(html_to_text(html), values)
    return found
