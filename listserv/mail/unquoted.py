"""An answer without the text that it answers, where that text is known: the digest cut away from replies to it.

Between an answer to a digest and the post that it becomes. Nothing is guessed from the looks of a quotation: a line
goes only if its words stand in the digest, or if it stands among such lines and says who wrote them. So an author's
own words stay, above, below and between, whatever their mail program does with quotation marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from listserv.mail.own_words import is_attribution, is_header_label

_WORD = re.compile(r"\w+")
_MARKS = re.compile(r"^(?:\s?(?:>|\|))+ ?")
_RULE = re.compile(r"\s*[-–—_=─*]{3,}.{0,60}\Z")
_WROTE = re.compile(
    r"\s*(?:on|am|le|el|il|op|den|em)\s[^,]{2,30},.{1,80}\b(?:wrote|schrieb|écrit|escribió|escreveu|scritto|schreef|skrev)"
    r"\s?[:：]\s*\Z|\s*am\s\w{3,12}\sschrieb\s.{1,80}[:：]\s*\Z",
    re.I,
)
SHINGLE = 4  # words
ENOUGH = 0.6  # of the shingles of a line


@dataclass(frozen=True, slots=True)
class Known:
    """A text as lines are compared with it: its lines, and all runs of four words."""

    lines: frozenset[str]
    shingles: frozenset[tuple[str, ...]]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def known(texts: Iterable[str]) -> Known:
    """Of several forms of one text (plain, and what the HTML shows)."""
    lines: set[str] = set()
    shingles: set[tuple[str, ...]] = set()
    for text in texts:
        lines.update(key for line in text.split("\n") if (key := _key(line)))
        words = _words(text)
        for length in (2, 3, SHINGLE):
            shingles.update(zip(*(words[at:] for at in range(length)), strict=False))
    return Known(frozenset(lines), frozenset(shingles))


def _key(line: str) -> str:
    return " ".join(_words(_MARKS.sub("", line)))


def bare(line: str) -> str:
    """A line without its quotation marks."""
    return _MARKS.sub("", line)


def is_quoted(line: str) -> bool:
    return bool(_MARKS.match(line)) and line.lstrip()[:1] in (">", "|")


def _from(line: str, text: Known) -> bool:
    """Whether the words of a line stand in the text, in their order."""
    key = _key(line)
    if not key:
        return False
    if key in text.lines or (key == "quoted" and is_quoted(line)):  # what mail.visible puts for a quotation
        return True
    words = key.split(" ")
    if len(words) < SHINGLE:
        return False
    runs = list(zip(*(words[at:] for at in range(SHINGLE)), strict=False))
    return sum(run in text.shingles for run in runs) >= ENOUGH * len(runs)


def _piece(line: str, text: Known) -> bool:
    """Whether two or three words, the rest of a broken line, can be of the text."""
    words = _key(line).split(" ")
    return 1 < len(words) < SHINGLE and tuple(words) in text.shingles


def marked(lines: Sequence[str], text: Known) -> list[bool]:
    """Which lines are of the text: by their words, or because they stand within a quotation of it."""
    of = [_from(line, text) for line in lines]
    for start, end in _runs(lines):
        full = [at for at in range(start, end) if _key(lines[at])]
        if full and sum(of[at] for at in full) * 2 >= len(full):
            of[start:end] = [True] * (end - start)
    for at, line in enumerate(lines):
        if not of[at] and _key(line) and _between(of, lines, at) and (_piece(line, text) or "@" in line):
            of[at] = True
    return of


def _runs(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Stretches of lines with quotation marks."""
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(lines):
        if not is_quoted(lines[at]):
            at += 1
            continue
        end = at
        while end < len(lines) and is_quoted(lines[end]):
            end += 1
        found.append((at, end))
        at = end
    return found


def _between(of: Sequence[bool], lines: Sequence[str], at: int) -> bool:
    """Whether the nearest lines with words above and below, at most two away, are of the text."""

    def near(step: int) -> bool:
        for other in (at + step, at + 2 * step):
            if 0 <= other < len(lines) and _key(lines[other]):
                return of[other]
        return False

    return near(-1) and near(1)


def without(content: str, text: Known) -> str:
    """What is left of a reply; LF line ends, at most one blank line in a row where something went."""
    lines = content.replace("\r\n", "\n").split("\n")
    gone = marked(lines, text)
    for at in range(len(lines)):
        if gone[at] and (at == 0 or not gone[at - 1]):
            _drop_introduction(lines, gone, at)
    out: list[str] = []
    for line, away in zip(lines, gone, strict=True):
        if away:
            if out and out[-1] != "":
                out.append("")
        elif line.strip() or (out and out[-1] != ""):
            out.append(line if line.strip() else "")
    return "\n".join(out).strip("\n") + "\n" if any(line.strip() for line in out) else ""


def _drop_introduction(lines: Sequence[str], gone: list[bool], at: int) -> None:
    """What says that a quotation follows: "On Monday, ... wrote:", From:, Sent:, a rule; at most eight lines."""
    top = at - 1
    while top >= 0 and at - top <= 12 and not gone[top]:
        line = lines[top].strip()
        if line and not (is_header_label(line) or _RULE.match(line)):
            break
        top -= 1
    window = [n for n in range(max(0, top - 3), top + 1) if lines[n].strip()]
    near = reversed(window)  # the fewest lines that make one: what stands above them is the author's
    begins = next((n for n in near if is_attribution(" ".join(lines[m] for m in range(n, top + 1)))), None)
    if begins is None and window and _WROTE.match(lines[window[-1]]):  # without day, hour or address, as some write it
        begins = window[-1]
    first = begins if begins is not None else top + 1
    if begins is not None or any(is_header_label(lines[n].strip()) or _RULE.match(lines[n]) for n in range(first, at)):
        for n in range(first, at):
            gone[n] = True
