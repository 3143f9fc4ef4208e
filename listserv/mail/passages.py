"""Every text of a message that people can read or that hides in it, decoded, with where it stands.

The screen for identifiers reads these and nothing else; redaction finds its places by them. The order is that of the
message: subject, then part by part.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Place(StrEnum):
    """What a passage is."""

    SUBJECT = "subject"
    TEXT = "text"
    HTML = "html"
    FILE_NAME = "file-name"
    FILE = "file"  # the text inside an attached document


@dataclass(frozen=True, slots=True)
class Passage:
    """`part` is the number of the leaf part as `mail.message.iter_parts` yields them, -1 for the header; `name` its file
    name. `quoted` and `signature` are spans of characters of `text`: quotations of others, and the author's signature.
    """

    place: Place
    part: int
    name: str
    text: str
    quoted: tuple[tuple[int, int], ...] = ()
    signature: tuple[tuple[int, int], ...] = ()
