"""Whom a text names: the names, addresses and numbers of one person, found in any text and taken out of it.

Pure; for the erasure of a person. Found are the ways in which mail programs and pages write such things: a name over a
line end or between tags, an address in a link or in a return path. A single word ("Ann") is nobody's alone and is only
looked for where a line holds nothing else (`signed_off`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from listserv.mail.address import canonical
from listserv.mail.names import spoken_names

FORMER = "former member"
NO_ADDRESS = "[address removed]"
NO_NUMBER = "[number removed]"
_BETWEEN = r"(?:[\s>_.\u00a0]|&nbsp;|%20|<[^<>]{0,100}>)+"
_APOSTROPHE = r"(?:['\u2019]|&\#39;|&\#x27;|&apos;|&rsquo;)"
_AT = r"(?:@|%40|=40|=|&\#64;)"
_APOSTROPHES = str.maketrans({"\u2019": "'"})


@dataclass(frozen=True, slots=True)
class Identity:
    """What one person is known by. `addresses` are canonical ones; made by `identity`."""

    addresses: frozenset[str]
    words: frozenset[str]  # single words of their names, casefolded
    needles: tuple[str, ...]  # one of them, casefolded, stands wherever anything is found
    pattern: re.Pattern[str] | None

    def is_theirs(self, address: str) -> bool:
        """Whether a mail address is one of theirs."""
        return canonical(address) in self.addresses

    def is_in_id(self, message_id: str) -> bool:
        """Whether a Message-ID has been made of what they are known by: `<20261123-1-ann@clinic.test>` as git does."""
        return any(address in message_id.casefold() for address in self.addresses) or self.finds(message_id)

    def finds(self, text: str) -> bool:
        """Whether a text names them."""
        if self.pattern is None:
            return False
        if not any(needle in text.casefold() for needle in self.needles):
            text = _composed(text)
            if not any(needle in text.casefold() for needle in self.needles):
                return False
        return self.pattern.search(_composed(text)) is not None

    def removed(self, text: str) -> str:
        """The text without them: "former member" for a name, words in brackets for an address or a number."""
        if self.pattern is None or not self.finds(text):
            return text
        return self.pattern.sub(_instead, _composed(text))

    def finds_in(self, data: bytes) -> bool:
        """Whether bytes of any kind name them, in one of the encodings of text."""
        texts = [data.decode("utf-8", "replace"), data.decode("latin-1")]
        if b"\0" in data:
            texts += [data[at:].decode(name, "ignore") for at in (0, 1) for name in ("utf-16-le", "utf-16-be")]
        return any(self.finds(text) for text in texts)

    def signed_off(self, line: str) -> bool:
        """Whether a line is nothing but (some of) their name, as a letter ends."""
        found = {word.casefold() for word in re.findall(r"[^\W\d_]+", _composed(line))}
        return bool(found & self.words) and found <= self.words | {"dr", "prof", "a"}


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _instead(found: re.Match[str]) -> str:
    return NO_ADDRESS if found["address"] else NO_NUMBER if found["number"] else FORMER


def _of_address(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return rf"(?<![\w.+-]){re.escape(local)}(?:\+[\w.-]{{1,60}})?{_AT}{re.escape(domain)}(?![\w-]|\.\w)"


def _of_name(name: str) -> str:
    words = [re.escape(word.translate(_APOSTROPHES)).replace("'", _APOSTROPHE) for word in name.split()]
    return rf"(?<!\w){_BETWEEN.join(words)}(?!\w)"


def identity(names: Iterable[str], addresses: Iterable[str], numbers: Iterable[str]) -> Identity:
    """The identity of one person. Names of one word alone are left out of searching."""
    given = [_composed(" ".join(name.split())) for name in names]
    spoken = {form for name in given for form in spoken_names(name)}
    keys = {key for address in addresses if (key := canonical(address))}
    figures = {number.strip() for number in numbers if len(number.strip()) > 3}
    choices = []
    for group, found in (
        ("address", [_of_address(key) for key in keys]),
        ("number", [rf"(?<!\w){re.escape(number)}(?!\w)" for number in figures]),
        ("name", [_of_name(name) for name in spoken]),
    ):
        longest_first = sorted(found, key=lambda one: (-len(one), one))
        choices.append(f"(?P<{group}>{'|'.join(longest_first) or '(?!)'})")
    needles = {key.rpartition("@")[0].casefold() for key in keys} | {number.casefold() for number in figures}
    needles |= {_longest(name) for name in spoken}
    words = {word for name in given for word in re.findall(r"[^\W\d_]+", name.casefold())}
    pattern = re.compile("|".join(choices), re.I) if keys or figures or spoken else None
    return Identity(frozenset(keys), frozenset(words), tuple(sorted(needles - {""})), pattern)


def _longest(name: str) -> str:
    """The longest run of letters of a name: it is written the same way everywhere."""
    return max(re.findall(r"[^\W\d_]+", name.casefold()), key=len, default="")


def mailboxes_without(boxes: Collection[tuple[str, str]], who: Identity) -> list[tuple[str, str]]:
    """(name, address) pairs but for theirs."""
    return [(name, address) for name, address in boxes if not who.is_theirs(address) and not who.finds(address)]
