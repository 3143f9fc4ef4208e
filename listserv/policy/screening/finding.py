"""A finding of the screen: what kind, how grave, where, and how it may be shown. Never the value itself.

The value is what stands in the passage between `start` and `end`; it is looked up there by whoever has the message
(redaction), and stored nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from listserv.mail.passages import Place


class Level(StrEnum):
    """What a finding does to a post."""

    HIGH = "high"  # H: held everywhere; released by two moderators, or by one once it is redacted
    CLINICAL = "clinical"  # h: held on lists whose `screening` is clinical
    WARNING = "warning"  # W: the author is told, the post goes on
    NOTE = "note"  # I: a word to the moderator


GRAVITY = {Level.HIGH: 3, Level.CLINICAL: 2, Level.WARNING: 1, Level.NOTE: 0}


@dataclass(frozen=True, slots=True)
class Finding:
    """One identifier, or what may be one.

    `passage` is the index of its passage among those of the message, `start` and `end` the characters in it (the same
    for what could not be read at all); `line` counts from 1. `masked` shows at most two characters of the value, of
    names and birth dates none; it can be empty. `quoted`: it stands in words of somebody else that the author quotes.
    """

    kind: str
    level: Level
    place: Place
    passage: int
    start: int
    end: int
    line: int
    masked: str
    quoted: bool = False
