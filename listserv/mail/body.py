"""The text of a message as a safe piece of a page: what the archive shows and what it searches.

Plain text is preferred, for it is what the author can be trusted to have meant: quotations are folded, never what is
not quoted, signatures dimmed, addresses of the web made links. HTML goes through nh3 and through `sanitised`. RFC 3676
(flowed text, signatures), RFC 2392 (pictures by Content-ID). Nothing of a mail is ever markup by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from listserv.mail.attached import is_attachment
from listserv.mail.message import Message, Part, iter_parts
from listserv.mail.own_words import is_boilerplate
from listserv.mail.sanitised import REST, sanitised
from listserv.mail.served import Served, served
from listserv.mail.text import part_text

MAX_TEXT = 200_000  # characters that are shown
MAX_WORDS = 20_000  # characters that are searched
SHORT_QUOTE = 6  # lines that stay open between own words
PICTURE = 10_000  # octets; what is smaller is a logo
NOTHING = '<p class="none">This message has no text.</p>'
OUTLOOK = (
    '<p class="none">This message came in a form that only Outlook can read (winmail.dat). Its author can send it'
    " again as plain text or HTML.</p>"
)
ENCRYPTED = '<p class="none">This message is encrypted; who has the key can read it in their own copy.</p>'
_TNEF = ("application/ms-tnef", "application/vnd.ms-tnef")
_SEALED = ("application/pkcs7-mime", "application/x-pkcs7-mime")
REL = "nofollow noopener noreferrer"
_URL = re.compile(r"\b(?:https?://|www\.)[^\s<>\"\x00-\x1f]{1,2000}", re.I)
_HOST = re.compile(r"https?://[\w.-]{1,253}(?::[0-5]?\d{1,4})?(?:[/?#]|\Z)", re.I)
_UNFIT = {ord(mark): f"%{ord(mark):02X}" for mark in "\\^`{|}[]"}
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_TABLE = re.compile(rb"<th[\s>]", re.I)
_OWN_LINE = re.compile(r"\s|[-*•·–—+#=_]|\(?\w{1,3}[.)]\s|https?://")
_COLUMNS = re.compile(r"\S {3,}\S|[|\t]")
_AFTER_URL = ".,;:!?'\"*_…»”’"
_ADDRESS = re.compile(r"(?<![\w.+-])([\w.+-]{1,64})@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}", re.A)
_QUOTED = re.compile(r"[ \t]?>")
_MARKS = re.compile(r"[ \t]{0,3}>")
_ATTRIBUTION = re.compile(
    r"(?:wrote|writes|schrieb|écrit|escribió|escreveu|scritto|schreef|skrev|napsal|napisał\(?a?\)?|пишет|写道|\d\d|@\S+>?)"
    r"\s?[:：]\s*\Z|<\S+@\S+>.{0,40}[:：]\s*\Z|"
    r"\A\s*(?:on|am|le|el|il|op|den|em|w dniu)\b.{4,160}\b(?:wrote|schrieb|écrit|escribió|escreveu|scritto|schreef|"
    r"skrev|napisał)\b.{0,100}[:：]\s*\Z",
    re.I,
)
_EARLIER = re.compile(
    r"\s*-{2,}\s*(?:original message|originalnachricht|ursprüngliche nachricht|message d'origine|mensaje original|"
    r"messaggio originale|oorspronkelijk bericht|mensagem original|forwarded message)\s*-{2,}\s*\Z",
    re.I,
)
_FROM = re.compile(r"\s*\*?(?:from|von|de|da|van|från|fra|od)\*?\s?:\*?\s*\S", re.I)
_SENT = re.compile(
    r"\s*\*?(?:sent|date|gesendet|datum|envoyé|enviado|fecha|data|inviato|verzonden|skickat|sendt)\*?\s?:", re.I
)
_RULE = re.compile(r"\s*_{10,}\s*\Z")
_OF_A_LIST = re.compile(r"\S.{0,80}\bmailing list\s*\Z", re.I)
_GAP = re.compile(r"\n{4,}")
_CODE = re.compile(
    r"(?:diff |index [0-9a-f]{7}|@@ |[+-]{3} |[+-](?![+-])\S|#include|\$ |> \w|\t| {4,}\S|.*[;{}]\s*\Z|"
    r".*\S {3,}\S|[|+].*[|+]\s*\Z)"
)


@dataclass(frozen=True, slots=True)
class Body:
    """`html` is safe; `text` has the author's own words; `files` are listed below, `shown` are inside the html."""

    html: str
    text: str
    files: tuple[Served, ...]
    shown: tuple[Served, ...]


def without_addresses(text: str) -> str:
    """Mail addresses cut down to what stands before their @."""
    return _ADDRESS.sub(r"\1@…", text)


def render(message: Message, *, files_at: str, hide_addresses: bool = False) -> Body:
    """A message for a page; `files_at` is where its files are ("../a/TAG/"). Never raises."""
    parts = [part for part in iter_parts(message) if not any(k.startswith("message/") for k in part.within)]
    texts = [part for part in parts if part.content_type == "text/plain" and not is_attachment(part)]
    pages = [part for part in parts if part.content_type == "text/html" and not _is_file(part)]
    files = served(message, {part.start for part in (*texts, *pages)})
    chosen = _chosen(texts, pages, files)
    out: list[str] = []
    words: list[str] = []
    inside: set[int] = set()
    for part in chosen:
        if part.content_type == "text/html":
            html, own, used = sanitised(part_text(part), files, files_at, hide=hide_addresses)
            inside |= used
        else:
            html, own = plain(_hidden(part_text(part), hide_addresses))
        out.append(html)
        words.append(own)
    text = "\n".join(word for word in words if word)[: 4 * MAX_WORDS]
    text = re.sub(r"[ \t]+", " ", re.sub(r"\s*\n\s*", "\n", text)).strip()[:MAX_WORDS]
    html = "".join(out) or _placeholder(parts)
    return Body(
        html,
        _hidden(text, hide_addresses),
        tuple(file for file in files if file.number not in inside),
        tuple(file for file in files if file.number in inside),
    )


def _placeholder(parts: Sequence[Part]) -> str:
    """What stands in the place of a text that is not there, or that we cannot read."""
    if any(part.content_type in _TNEF or (part.filename or "").lower() == "winmail.dat" for part in parts):
        return OUTLOOK
    if any(part.content_type in _SEALED or "multipart/encrypted" in part.within for part in parts):
        return ENCRYPTED
    return NOTHING


def _hidden(text: str, hide: bool) -> str:
    return without_addresses(text) if hide else text


def _is_file(part: Part) -> bool:
    """HTML with a file name that is no form of the text itself."""
    return is_attachment(part) and not (
        part.within and part.within[-1] in ("multipart/alternative", "multipart/related")
    )


def _chosen(texts: Sequence[Part], pages: Sequence[Part], files: Sequence[Served]) -> list[Part]:
    """Of alternatives the text, unless it is blank or only the HTML shows pictures; of everything else all."""
    plain_ones = [part for part in texts if "multipart/alternative" in part.within]
    rich_ones = [part for part in pages if "multipart/alternative" in part.within]
    alone = [part for part in (*texts, *pages) if "multipart/alternative" not in part.within]
    if any(part.content_type == "text/plain" and part.decoded().strip() for part in alone) and not rich_ones:
        alone = [part for part in alone if part.content_type == "text/plain" or not plain_ones]
    blank = not any(part.decoded().strip() for part in plain_ones)
    if rich_ones and (blank or _has_pictures(rich_ones, files) or _has_table(rich_ones)):
        both = [*alone, *rich_ones]
    else:
        both = [*alone, *(plain_ones or rich_ones)]
    return [part for part in sorted(both, key=lambda part: part.start) if part.decoded().strip()]


def _has_pictures(pages: Sequence[Part], files: Sequence[Served]) -> bool:
    ids = [file.content_id for file in files if file.image and file.content_id and file.size > PICTURE]
    if not ids:
        return False
    html = "".join(part_text(part) for part in pages)
    return any(f"cid:{identity}" in html for identity in ids)


def _has_table(pages: Sequence[Part]) -> bool:
    """Whether there is a table of data: those that only arrange a page have no heads."""
    return any(_TABLE.search(part.decoded()) for part in pages)


# --- plain text --------------------------------------------------------------------------------------------------


def linked(text: str) -> str:
    """Text escaped, with addresses of the web as links."""
    if "http" not in text and "www." not in text and "HTTP" not in text:
        return escape(text, quote=False)
    out, position = [], 0
    for found in _URL.finditer(text):
        url = found[0].rstrip(_AFTER_URL)
        while url.endswith((")", "]")) and url.count(url[-1]) > url.count("(" if url[-1] == ")" else "["):
            url = url[:-1].rstrip(_AFTER_URL)
        href = url if url[:4].lower() == "http" else f"http://{url}"
        if len(url) < 8 or not _HOST.match(href):
            continue
        href = _BARE_PERCENT.sub("%25", href.translate(_UNFIT))
        out.append(escape(text[position : found.start()], quote=False))
        out.append(f'<a href="{escape(href)}" rel="{REL}">{escape(url, quote=False)}</a>')
        position = found.start() + len(url)
    return "".join((*out, escape(text[position:], quote=False)))


def plain(text: str) -> tuple[str, str]:
    """Plain text as HTML, and the author's own words of it."""
    cut = len(text) > MAX_TEXT
    lines = text[:MAX_TEXT].split("\n")
    blocks = list(_blocks([line.rstrip() if line != "-- " else line for line in lines]))
    last = max((n for n, (kind, _) in enumerate(blocks) if kind == "text"), default=-1)
    out, own = [], []
    for number, (kind, block) in enumerate(blocks):
        if kind == "text":
            own += block
            out.append(_text(block))
        elif kind == "sig":
            out.append(f'<div class="sig">{linked(_trimmed(block))}</div>')
        elif kind == "earlier":
            out.append(_folded("Earlier message", _text(block)))
        else:
            out.append(_quote(block, folded=number > last or len(block) > SHORT_QUOTE))
    return "".join(out) + (REST if cut else ""), "\n".join(own)


def _text(lines: Sequence[str]) -> str:
    if _is_code(lines):
        return f'<div class="text mono">{linked(_trimmed(lines))}</div>'
    prose = _GAP.sub("\n\n\n", _reflowed(lines))
    return f'<div class="text">{linked(prose)}</div>'


def _trimmed(lines: Sequence[str]) -> str:
    return "\n".join(lines).strip("\n").rstrip()


def _reflowed(lines: Sequence[str]) -> str:
    """Prose that a mail program broke into lines, as paragraphs that fit any page: two lines are one where the second
    one's first word had no room on the first. What was meant to be a line of its own stays one."""
    width = max((len(line) for line in lines if "://" not in line), default=0)
    if not 50 <= width <= 100:
        return _trimmed(lines)
    out: list[str] = []
    open_ = ""  # the last line as it was written, if the next one may go on with it
    for line in lines:
        first = line.partition(" ")[0]
        joins = open_ and line and not _OWN_LINE.match(line) and len(open_) + 1 + len(first) > width
        if joins and len(open_) >= 40:
            out[-1] += f" {line}"
        else:
            out.append(line)
        open_ = "" if _COLUMNS.search(line) else line
    return _trimmed(out)


def _folded(summary: str, inner: str) -> str:
    return f'<details class="quote"><summary>{summary}</summary>{inner}</details>'


def _blocks(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Own text, quotations with the line that introduces them, signature, an earlier message down to the end."""
    text: list[str] = []
    kind = "text"
    at = 0
    while at < len(lines):
        line = lines[at]
        if _QUOTED.match(line):
            end = _end_of_quote(lines, at)
            introduction = _introduction(text)
            text = text[: len(text) - len(introduction)]
            if any(text):
                yield kind, text
            yield "quote", [*introduction, *lines[at:end]]
            text, kind, at = [], "text", end
            continue
        if _begins_earlier(lines, at):
            if any(text):
                yield kind, text
            yield "earlier", lines[at:]
            return
        if kind == "text" and _begins_signature(lines, at):
            if any(text):
                yield kind, text
            text, kind = [line] if is_boilerplate(line) else [], "sig"
        else:
            text.append(line)
        at += 1
    if any(text):
        yield kind, text


def _begins_signature(lines: list[str], at: int) -> bool:
    """The mark of a signature, what a device puts below its mails, or the rule above what an older list did."""
    if lines[at] and at and not lines[at - 1] and lines[at][0].isalpha() and is_boilerplate(lines[at]):
        return True
    if at + 1 >= len(lines):
        return False
    return lines[at] in ("-- ", "--") or bool(_RULE.match(lines[at]) and _OF_A_LIST.match(lines[at + 1]))


def _end_of_quote(lines: list[str], at: int) -> int:
    """Behind the last quoted line of a run; single blank lines within belong to it."""
    end = at + 1
    while end < len(lines):
        if _QUOTED.match(lines[end]):
            end += 1
        elif not lines[end] and end + 1 < len(lines) and _QUOTED.match(lines[end + 1]):
            end += 2
        else:
            break
    return end


def _introduction(text: list[str]) -> list[str]:
    """The last lines of own text that say whose words follow ("On Monday, Ann wrote:")."""
    end = len(text)
    while end and not text[end - 1]:
        end -= 1
    if not end or len(text[end - 1]) > 300 or not _ATTRIBUTION.search(text[end - 1]):
        return []
    begin = end - 1
    while begin and text[begin - 1] and end - begin < 3 and len(text[begin - 1]) < 100:
        if not re.match(r"\s*(?:On|Am|Le|El|Il|Op|Den|Em|W dniu)\b|\s*\S.{0,60}<?\S+@", text[begin - 1]):
            break
        begin -= 1
    return text[begin:]


def _begins_earlier(lines: list[str], at: int) -> bool:
    if _EARLIER.match(lines[at]):
        return True
    start = at + 1 if _RULE.match(lines[at]) else at
    if start >= len(lines) or not _FROM.match(lines[start]):
        return False
    return any(_SENT.match(line) for line in lines[start + 1 : start + 4])


def _quote(lines: list[str], *, folded: bool) -> str:
    out: list[str] = []
    depth = 0
    run: list[str] = []
    count = 0

    def flush() -> None:
        if any(run):
            out.append(_text(run))
        run.clear()

    for line in lines:
        rest, deep = line, 0
        while found := _MARKS.match(rest):
            rest, deep = rest[found.end() :], deep + 1
        deep = min(deep, 6)
        count += bool(deep)
        if not line:
            deep = depth
        if deep != depth:
            flush()
            out.append("<blockquote>" * (deep - depth) if deep > depth else "</blockquote>" * (depth - deep))
            depth = deep
        run.append(rest.removeprefix(" "))
    flush()
    out.append("</blockquote>" * depth)
    inner = "".join(out)
    return _folded(f"Quoted text, {count} {'line' if count == 1 else 'lines'}", inner) if folded else inner


def _is_code(lines: Sequence[str]) -> bool:
    """Whether columns matter: a patch, a program, a table, the output of a terminal."""
    full = [line for line in lines[:400] if line]
    return len(full) > 4 and sum(bool(_CODE.match(line)) for line in full) * 3 > len(full)
