"""What an import did or would do, and what is wrong with its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

What = Literal["added", "updated", "unchanged", "left"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake in the file: line 0 is about the file as a whole."""

    line: int
    column: str
    words: str


@dataclass(frozen=True, slots=True)
class Change:
    line: int
    email: str
    what: What
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]

    def _count(self, what: What) -> int:
        return sum(change.what == what for change in self.changes)

    @property
    def added(self) -> int:
        return self._count("added")

    @property
    def updated(self) -> int:
        return self._count("updated")

    @property
    def unchanged(self) -> int:
        return self._count("unchanged")

    @property
    def left(self) -> int:
        return self._count("left")
