"""Whether a mail repeats the words of another, quoted or not.

Pure; asked when an answer to a message that was taken back is to go out, which must not bring its words to everybody
a second time. Marks of quoting, line breaks and punctuation count for nothing; earlier mails that the other one itself
quotes do not count as its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from listserv.mail.message import Message, every
from listserv.mail.passages import Place, passages

RUN = 6  # so many words in a row are no chance
MOST = 200_000  # characters that are compared
_WORD = re.compile(r"\w+")
_QUOTED = re.compile(r"^[ \t]*>.*$", re.M)
_ID = re.compile(r"<[^<>\s]{1,500}>")
_REFERENCES = 50


def answered(message: Message) -> tuple[str, ...]:
    """The Message-IDs, with brackets, that a mail answers: In-Reply-To and the last of References."""
    found = [
        one for name in ("references", "in-reply-to") for value in every(message, name) for one in _ID.findall(value)
    ]
    return tuple(dict.fromkeys(found[-_REFERENCES:]))


def repeats(message: Message, other: Message) -> bool:
    """Whether some words in a row of `other` stand in `message`; for very few words, all of them."""
    theirs = _words("\n".join(_QUOTED.sub("", text) for text in _texts(other)))
    length = min(RUN, len(theirs))
    if length == 0:
        return False
    known = set(_runs(theirs, length))
    return any(run in known for text in _texts(message) for run in _runs(_words(text), length))


def _texts(message: Message) -> Iterator[str]:
    return (one.text[:MOST] for one in passages(message) if one.place in (Place.TEXT, Place.HTML))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _runs(words: list[str], length: int) -> Iterator[tuple[str, ...]]:
    return (tuple(words[at : at + length]) for at in range(len(words) - length + 1))
