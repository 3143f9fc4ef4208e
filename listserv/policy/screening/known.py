"""What the screen is told before it looks: who writes, who is a member, what the site adds and allows; and what a
detector says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from listserv.policy.screening.finding import Level

_SPACE = re.compile(r"[\W_]+")
_OF_NUMBERS = re.compile(r"\+?\d+|m|t|p|ph|mob|mobile|tel|phone|call|or|and|on")
_APART = re.compile(r"[,|(/–—•·:;-]")


@dataclass(frozen=True, slots=True)
class OwnDetector:
    """A site's own detector; `words` is how to write it instead."""

    name: str
    pattern: re.Pattern[str]
    level: Level
    words: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """`members` are names, and addresses, of people who may be named; `allowed` are values that are no finding: a
    number, an address, a name, or a domain of the mail (`example.org`). `recognised` are names of which a model says
    that they are people's (edge.entities)."""

    author_name: str = ""
    author_addresses: tuple[str, ...] = ()
    members: frozenset[str] = frozenset()
    detectors: tuple[OwnDetector, ...] = ()
    allowed: tuple[str, ...] = ()
    recognised: frozenset[str] = frozenset()
    people: People = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "people", People.of(self))


@dataclass(frozen=True, slots=True)
class Hit:
    """What a detector says: characters of `View.text`; `words` are shown instead of a mask."""

    kind: str
    level: Level
    start: int
    end: int
    words: str = ""


def key(value: str) -> str:
    """A value as it is compared: letters and digits alone."""
    return _SPACE.sub("", value).casefold()


_TITLES = frozenset(("dr", "prof", "professor", "mr", "mrs", "ms", "miss", "mx", "phd", "rn", "aprof", "a"))


@lru_cache(4096)
def name_words(name: str) -> tuple[str, ...]:
    """The words of a name without titles, casefolded."""
    words = (word.strip(".,'’\"()").casefold() for word in re.split(r"[\s_/]+", name))
    return tuple(word for word in words if word and word not in _TITLES)


@dataclass(frozen=True, slots=True)
class People:
    """Names that are no finding, ready to be compared."""

    author: frozenset[str]  # words of the author's name
    author_in_order: tuple[str, ...]
    full: frozenset[tuple[str, ...]]
    last: frozenset[str]
    first: frozenset[str]
    addresses: frozenset[str]
    allowed: frozenset[str]

    @classmethod
    def of(cls, known: Known) -> People:
        names = [name_words(name) for name in known.members if "@" not in name]
        addresses = {one.casefold() for one in (*known.author_addresses, *known.members, *known.allowed) if "@" in one}
        return cls(
            author=frozenset(name_words(known.author_name)),
            author_in_order=name_words(known.author_name),
            full=frozenset(names),
            last=frozenset(words[-1] for words in names if words),
            first=frozenset(words[0] for words in names if words),
            addresses=frozenset(addresses),
            allowed=frozenset(key(value) for value in known.allowed),
        )

    def is_known(self, name: str) -> bool:
        """Whether a name, with a title or of several words, is the author's or a member's."""
        words = name_words(name)
        if not words or set(words) <= self.author:
            return True
        if words in self.full or (len(words) == 1 and words[0] in self.last):
            return True
        return any(set(words) <= set(full) for full in self.full) if len(words) > 1 else False

    def signs(self, line: str, quoted: bool = False) -> bool:
        """Whether a line is the author's name or initials, or begins with all of it (`Ann Archer, psychologist`); of
        quoted lines also whether it begins with a member's first and last name."""
        if quoted and any(len(name) > 1 and name_words(line)[: len(name)] == name for name in self.full):
            return True
        if not self.author or not (words := name_words(_APART.sub(" ", line[:120]))):
            return False
        if len(line) <= 40 and set(words) <= self.author:
            return True
        called = [word for word in words if not _OF_NUMBERS.fullmatch(word)]
        if len(line) <= 60 and 0 < len(called) < len(words) and set(called) <= self.author and len(called[0]) > 1:
            return True  # `Ann, 0491 570 006`
        size = len(self.author_in_order)
        return size > 1 and (
            words[:size] == self.author_in_order
            or (set(words[:2]) <= self.author and len(words) > 1)
            or (words[0] == self.author_in_order[0] and self.author_in_order[-1] in words[:4])
            or (
                len(words[0]) == 1
                and words[0] == self.author_in_order[0][0]
                and words[1:2] == self.author_in_order[-1:]
            )
        )

    def stands_in(self, text: str) -> bool:
        """Whether the author or a member is named in a text by first and last name."""
        folded = " ".join(name_words(re.sub(r"[,|(<>–—]", " ", text)))
        whole = [self.author_in_order, *self.full]
        return any(len(words) > 1 and " ".join(words) in folded for words in whole)

    def is_named(self, name: str) -> bool:
        """The same for what may be no name at all."""
        return bool(name_words(name)) and self.is_known(name)

    def is_first_name(self, name: str) -> bool:
        """Whether a single word is the first name of the author or a member."""
        return name.casefold() in self.first or name.casefold() in self.author
