"""A passage as the detectors see it: one way to write each character, with the way back to the passage.

Full-width and foreign digits become 0 to 9, dashes and blanks one of each, invisible characters and the quotation marks
of mail go; letters that pass for digits count as digits in `digits` where digits stand beside them (Unicode Standard
Annex 15, Technical Standard 39). A number broken over two quoted lines is then one number with white space in it.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from listserv.mail.passages import Passage, Place

_ODD = re.compile(r"[^\x00-\x7f]+|^[ \t]?(?:>[ \t]?)+|[\x00-\x08\x0b-\x1f\x7f]+", re.M)
_PASS_FOR_DIGITS = re.compile(r"(?<![A-Za-z0-9])[0-9OoIl|](?:[ \t\n./-]{0,2}[0-9OoIl|]){6,24}(?![A-Za-z0-9])")
_DIGIT = re.compile(r"[0-9]+")
_LONG = re.compile(r"[0-9](?:[\s./_A-Za-z|-]{0,3}[0-9OoIl|]|\s[\s./_-]{0,16}[0-9OoIl|]){3,40}")
_DIGITS = str.maketrans("OoIl|", "00111")
_LOOK_ALIKES = dict(
    zip("АВЕЅЗІКМНОРСТХУаеорсухіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧοΝ", "ABES3IKMHOPCTXYaeopcyxijsABEZHIKMNOPTYXoN", strict=True)
)
_WEB = re.compile(r"(?:https?://|www\.)[^\s<>\"]{1,2000}|\b(?:doi:?\s*)?10\.\d{4,9}/[^\s<>\"]{1,200}", re.I)
_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"[.!?][\"')\]]{0,2}(?=\s)|\n\s*\n")


@lru_cache(4096)
def _folded(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cf", "Me", "Cc") or "\ufe00" <= character <= "\ufe0f":
        return ""
    if category == "Pd" or character in "−⁃":
        return "-"
    if category in ("Zs", "Zl", "Zp"):
        return " "
    if character in "‘’ʼ′`´":
        return "'"
    if character in "“”„«»″":
        return '"'
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    return unicodedata.normalize("NFKC", character)


Stretches = tuple[tuple[int, int], ...]
"""Beginnings and ends in a text, in order and apart."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """`text` to look in, `digits` of the same length; `offsets` and `origins` lead back: from offsets[i] of `text` on,
    characters are those from origins[i] of the passage on."""

    passage: Passage
    text: str
    digits: str
    offsets: tuple[int, ...]
    origins: tuple[int, ...]
    web: Stretches  # addresses of the web and DOIs
    lower: str  # in small letters, character for character: a quick look whether a word can be there at all
    numbers: Stretches  # around digits; whatever needs one is looked for there only
    long_numbers: Stretches  # close around four digits or more that may be one number
    longest_numbers: Stretches  # the same of six and more
    words: Mapping[str, Sequence[int]]  # every word in small letters, and where in `text` it begins
    capitals: Sequence[tuple[int, str]]  # where each word with a capital letter begins, and the word in small letters
    made_up: bool = False  # whether it says that its names are invented
    about: str = ""  # the subject, for words that say what the text is about

    def mentions(self, words: tuple[str, ...]) -> bool:
        """Whether one of these, in small letters, stands anywhere."""
        return any(word in self.lower for word in words)

    def by_numbers(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """The matches of a pattern that holds a digit."""
        return matches(pattern, self.text, self.numbers)

    def says(self, words: frozenset[str]) -> bool:
        """Whether one of these words, in small letters, stands anywhere as a word of its own."""
        return not words.isdisjoint(self.words)

    def starts(self, words: frozenset[str], stems: tuple[str, ...] = ()) -> list[int]:
        """Where these words begin, and those with such beginnings; in order."""
        known = words.intersection(self.words)
        if stems:
            known |= {word for word in self.words if word.startswith(stems)}
        return sorted(start for word in known for start in self.words[word])

    def capitals_at(self, length: int | None = None) -> list[int]:
        """Where words with a capital letter begin; only those of so many letters."""
        return [start for start, word in self.capitals if length is None or len(word) == length]

    def matches_at(self, pattern: re.Pattern[str], starts: Iterable[int]) -> Iterator[re.Match[str]]:
        """What `finditer` gives for a pattern that matches nowhere else than at these places, which are in order."""
        end = 0
        for start in starts:
            if start >= end and (found := pattern.match(self.text, start)):
                yield found
                end = found.end()

    def around(self, starts: Iterable[int], before: int, after: int) -> Stretches:
        """Stretches around places, which are in order."""
        return stretches(((start, start) for start in starts), self.text, before, after)

    def origin(self, at: int) -> int:
        """The place in the passage of a character of `text`."""
        number = bisect_right(self.offsets, at) - 1
        end = self.origins[number + 1] if number + 1 < len(self.origins) else len(self.passage.text)
        return min(self.origins[number] + at - self.offsets[number], max(end - 1, self.origins[number]))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where `text[start:end]` stands in the passage."""
        return self.origin(start), self.origin(end - 1) + 1 if end > start else self.origin(start)

    def in_signature(self, at: int) -> bool:
        return within(self.passage.signature, self.origin(at))

    def in_quotation(self, at: int) -> bool:
        return within(self.passage.quoted, self.origin(at))

    def in_web(self, at: int) -> bool:
        return within(self.web, at)

    def near(self, pattern: re.Pattern[str], start: int, end: int, before: int = 60, after: int = 30) -> bool:
        """Whether the pattern is found shortly before or behind; not beyond an empty line."""
        first = max(0, start - before)
        gap = self.text.rfind("\n\n", first, start)
        left = gap + 2 if gap >= 0 else first
        right = self.text.find("\n\n", end, end + after)
        right = min(len(self.text), end + after) if right < 0 else right
        return bool(pattern.search(self.text, left, start) or pattern.search(self.text, end, right))

    def sentence(self, start: int, end: int, reach: int = 300) -> tuple[int, int]:
        """Where the sentence around begins and ends, at most `reach` characters away."""
        left = max(0, start - reach)
        for found in _SENTENCE_END.finditer(self.text, left, start):
            left = found.end()
        after = _SENTENCE_END.search(self.text, end, min(len(self.text), end + reach))
        return left, after.end() if after else min(len(self.text), end + reach)

    def line(self, at: int, reach: int = 300) -> tuple[int, int]:
        """Where the line around begins and ends, at most `reach` characters away."""
        begin = max(0, at - reach)
        stop = min(len(self.text), at + reach)
        end = self.text.find("\n", at, stop)
        found = self.text.rfind("\n", begin, at)
        return begin if found < 0 else found + 1, stop if end < 0 else end


def within(spans: Stretches, at: int) -> bool:
    """Whether one of the spans, which are in order, has this character."""
    number = bisect_right(spans, (at, 1 << 60)) - 1
    return number >= 0 and spans[number][0] <= at < spans[number][1]


@lru_cache(8)
def view(passage: Passage) -> View:
    """The passage for the detectors; the last few are kept, for the same one is looked at for names first."""
    source = passage.text.replace("_", " ") if passage.place == Place.FILE_NAME else passage.text
    return replace(_read(source), passage=passage)


@lru_cache(8)
def _read(source: str) -> View:
    """What does not depend on whose words they are."""
    out: list[str] = []
    offsets, origins = [0], [0]
    length = at = 0

    def add(text: str, origin: int) -> None:
        nonlocal length
        if origin - origins[-1] != length - offsets[-1]:
            offsets.append(length)
            origins.append(origin)
        out.append(text)
        length += len(text)

    for odd in _ODD.finditer(source):
        if odd.start() > at:
            add(source[at : odd.start()], at)
        at = odd.end()
        if not odd[0].isascii():
            _fold(source, odd.start(), odd.end(), add)
    if at < len(source):
        add(source[at:], at)
    text = "".join(out)
    numbers = stretches((found.span() for found in _DIGIT.finditer(text)), text, 120, 120)
    long = [(*found.span(), sum(map(str.isdigit, found[0]))) for found in _LONG.finditer(text)] if numbers else []
    words: dict[str, list[int]] = {}
    capitals: list[tuple[int, str]] = []
    lower = text.replace("\u0130", "i").lower()  # the one capital that is two characters when small
    for found in _WORD.finditer(text):
        start, end = found.span()
        word = lower[start:end]
        words.setdefault(word, []).append(start)
        if word[0] != text[start]:
            capitals.append((start, word))
    web = _WEB.finditer(text) if "/" in text or "www" in text or "WWW" in text else ()
    return View(
        Passage(Place.TEXT, -1, "", source),
        text,
        _digits(text, numbers),
        tuple(offsets),
        tuple(origins),
        tuple((found.start(), found.end()) for found in web),
        lower,
        numbers,
        stretches(((start, end) for start, end, _ in long), text, 30, 30),
        stretches(((start, end) for start, end, digits in long if digits > 5), text, 30, 30),
        words,
        capitals,
    )


def stretches(spans: Iterable[tuple[int, int]], text: str, before: int, after: int) -> Stretches:
    """Stretches that begin so many characters before each of the spans, which are in order, and end as many behind it,
    at the end of a word; those that touch are one."""
    found: list[tuple[int, int]] = []
    start = end = -1
    for first, last in spans:
        if start >= 0 and first - before > end:
            end = _end_of_word(text, end)
            if first - before > end:
                found.append((start, end))
                start = -1
        start = max(0, first - before) if start < 0 else start
        end = max(end, min(len(text), last + after))
    if start >= 0:
        found.append((start, _end_of_word(text, end)))
    return tuple(found)


def _end_of_word(text: str, at: int) -> int:
    """The next place at which nothing is cut in two; what is longer than any word is."""
    stop = min(len(text), at + 40)
    while at < stop and not text[at].isspace():
        at += 1
    return at


def matches(pattern: re.Pattern[str], text: str, where: Stretches) -> Iterator[re.Match[str]]:
    """The matches of a pattern in parts of a text."""
    for start, end in where:
        yield from pattern.finditer(text, start, end)


def _digits(text: str, numbers: Stretches) -> str:
    """The text with letters that pass for digits as digits, where digits are near."""
    out, at = [], 0
    for start, end in numbers:
        out += [text[at:start], _PASS_FOR_DIGITS.sub(_as_digits, text[start:end])]
        at = end
    return "".join((*out, text[at:]))


def _fold(source: str, start: int, end: int, add: Callable[[str, int], None]) -> None:
    for position in range(start, end):
        character = source[position]
        around = source[max(0, position - 1) : position] + source[position + 1 : position + 2]
        if character in _LOOK_ALIKES and any(beside.isascii() and beside.isalnum() for beside in around):
            folded = _LOOK_ALIKES[character]
        else:
            folded = _folded(character)
        for one in folded:
            add(one, position)


def _as_digits(found: re.Match[str]) -> str:
    run = found[0]
    return run.translate(_DIGITS) if sum(character.isdigit() for character in run) > 5 else run
