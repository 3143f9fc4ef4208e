"""Values that must not stand in a mail any more, found in every form in which a person would read the same thing.

Pure; for redaction. Case, accents, full-width forms, blanks, line ends, quotation marks and characters without width do
not hide a value; of numbers neither do dashes, dots and brackets. A word that is short is found as a whole word only.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_JUNK = re.compile(r"[\W_]+")
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_BETWEEN = r"[\W_]{0,200}"
_BROKEN_WORD = r"(?: ?\r?\n[> \t]{0,40})?"  # format=flowed with DelSp
_ENOUGH_DIGITS = 6
_ENOUGH_LETTERS = 8
_LEAST_IN_BYTES = 4
_UNSEEN = frozenset(("Mn", "Me", "Cf", "Cc", "Cs"))


@lru_cache(maxsize=20_000)
def _folded(character: str) -> str:
    spread = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(one for one in spread if unicodedata.category(one) not in _UNSEEN or one in "\t\n\r")


def fold(text: str) -> str:
    """Text without what a reader does not see or does not mind: case, accents, width, characters without width."""
    return text.lower() if _is_plain(text) else "".join(map(_folded, text))


def _is_plain(text: str) -> bool:
    return text.isascii() and not _CONTROL.search(text)


@dataclass(frozen=True, slots=True)
class Text:
    """Folded text and, for each of its characters, where in the source it stands (`begins` to `ends`)."""

    folded: str
    begins: Sequence[int]
    ends: Sequence[int]


def folded(text: str) -> Text:
    """A text and the way back to it."""
    if _is_plain(text):
        return Text(text.lower(), range(len(text)), range(1, len(text) + 1))
    out: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        plain = _folded(character)
        out.append(plain)
        places += [place] * len(plain)
    return Text("".join(out), places, [place + 1 for place in places])


@dataclass(frozen=True, slots=True)
class Sought:
    """One value; `number` is its place among all. `strong`: found inside longer words as well."""

    number: int
    value: str
    compact: str
    strong: bool
    pattern: re.Pattern[str]

    def may_be_in(self, compact: str) -> bool:
        return self.compact in compact


def sought(values: Sequence[str]) -> tuple[Sought, ...]:
    """What to look for. A value without a letter or digit is nobody's and is left out."""
    found = (_sought(number, value) for number, value in enumerate(values))
    return tuple(one for one in found if one is not None)


def _sought(number: int, value: str) -> Sought | None:
    plain = fold(value)
    tokens = _TOKEN.findall(plain)
    compact = _JUNK.sub("", plain)
    if not tokens:
        return None
    many, strong = _strength(tokens)
    pieces = [_piece(token, many=many, long=len(compact) >= _ENOUGH_DIGITS) for token in tokens]
    out = pieces[0]
    for before, after, piece in zip(tokens, tokens[1:], pieces[1:], strict=False):
        loose = strong or before.isdigit() != after.isdigit()
        out += (_BETWEEN if loose else _BETWEEN.replace("{0,", "{1,")) + piece
    if not strong:
        out = _edge(tokens[0][0], behind=True) + out + _edge(tokens[-1][-1], behind=False)
    return Sought(number, value, compact, strong, re.compile(out))


def _strength(tokens: Sequence[str]) -> tuple[bool, bool]:
    """Whether a value has many digits, and whether it is nothing else inside longer words either."""
    compact = "".join(tokens)
    many = sum(map(str.isdigit, compact)) >= _ENOUGH_DIGITS
    return many, many or (len(tokens) > 1 and len(compact) >= _ENOUGH_LETTERS)


def _piece(token: str, *, many: bool, long: bool) -> str:
    if token.isdigit():
        return (_BETWEEN if many else "").join(map(re.escape, token))
    return (_BROKEN_WORD if long else "").join(map(re.escape, token))


def _edge(character: str, *, behind: bool) -> str:
    """Where a short value must end: letters with letters, digits with digits; writing without blanks has no edges."""
    if not character.isdigit() and character.upper() == character.lower():
        return ""
    more = r"\d" if character.isdigit() else r"[^\W\d_]"
    return f"(?<!{more})" if behind else f"(?!{more})"


def compacted(text: str) -> str:
    """Only the letters and digits of folded text."""
    return _JUNK.sub("", text)


def spans(text: Text, values: Sequence[Sought]) -> list[tuple[int, int, frozenset[int]]]:
    """Characters of the folded text that belong to values, in order and apart, with the numbers of the values."""
    compact = compacted(text.folded)
    found = [
        (match.start(), match.end(), value.number)
        for value in values
        if value.may_be_in(compact)
        for match in value.pattern.finditer(text.folded)
    ]
    out: list[tuple[int, int, frozenset[int]]] = []
    for start, end, number in sorted(found):
        if out and start < out[-1][1]:
            before = out.pop()
            out.append((before[0], max(end, before[1]), before[2] | {number}))
        else:
            out.append((start, end, frozenset((number,))))
    return out


def numbers_in(text: str, values: Sequence[Sought]) -> frozenset[int]:
    """Which of the values a text shows."""
    plain = fold(text)
    compact = compacted(plain)
    return frozenset(one.number for one in values if one.may_be_in(compact) and one.pattern.search(plain))


def replaced(text: str, values: Sequence[Sought], mark: str) -> tuple[str, Counter[int]]:
    """The text with the mark in place of every value, and how often each was there."""
    count: Counter[int] = Counter()
    if not numbers_in(text, values):
        return text, count
    source = folded(text)
    out: list[str] = []
    position = 0
    for start, end, numbers in spans(source, values):
        begin, until = source.begins[start], source.ends[end - 1]
        while until < len(text) and not _folded(text[until]):
            until += 1  # accents of the last letter, characters without width
        out += [text[position:begin], mark]
        position = until
        count.update(numbers)
    return "".join(out) + text[position:], count


def numbers_in_bytes(data: bytes, values: Sequence[Sought]) -> frozenset[int]:
    """Which of the values stand in bytes of any kind, in UTF-8, UTF-16 or Latin-1; the shortest are not looked for."""
    return frozenset(
        one.number for one in values if len(one.compact) >= _LEAST_IN_BYTES and _in_bytes(one.value).search(data)
    )


@lru_cache(maxsize=1000)
def _in_bytes(value: str) -> re.Pattern[bytes]:
    """The value in any of the encodings of text, which all have ASCII in common but for NULs."""
    tokens = re.findall(r"[^\W\d_]+|\d+", unicodedata.normalize("NFC", unicodedata.normalize("NFKC", value)))
    many, strong = _strength(tokens)
    between = rb"[^0-9A-Za-z]{0,200}"
    pieces = [(between if many and token.isdigit() else rb"\0?").join(map(_octets, token)) for token in tokens]
    pattern = between.join(pieces)
    if not strong:
        digits = tokens[0][0].isdigit(), tokens[-1][-1].isdigit()
        before, after = (rb"[0-9]" if one else rb"[A-Za-z]" for one in digits)
        pattern = b"(?<!" + before + b")(?<!" + before + rb"\0)" + pattern + rb"(?!\0?" + after + b")"
    return re.compile(pattern, re.I)


def _octets(character: str) -> bytes:
    """A character as any of its encodings, and as the letter without accent."""
    if character.isascii():
        return re.escape(character.encode())
    forms = {character, character.upper(), character.lower(), _folded(character)}
    found = {form.encode(name, "ignore") for form in forms for name in ("utf-8", "utf-16-le", "utf-16-be", "latin-1")}
    return b"(?:" + b"|".join(re.escape(one) for one in sorted(found - {b""}, key=len, reverse=True)) + b")"
