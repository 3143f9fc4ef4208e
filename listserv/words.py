"""Words that are made in one place and read in another: a phrase keeps its English and what stands in it apart.

Below everything. Whoever makes a text for people marks it with `N_`; whoever shows it (a template,
`Context.phrase`) says it in the language of the reader. A phrase is a `str`, its English: it can be stored and compared
like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Self


class Phrase(str):
    """A text for people: `msgid` is its English with `%(name)s` where values stand, as the catalogues have it."""

    __slots__ = ("msgid", "values")
    msgid: str
    values: dict[str, object]

    def __new__(cls, msgid: str, /, **values: object) -> Self:
        made = super().__new__(
            cls, msgid % {name: _plain(value) for name, value in values.items()} if values else msgid
        )
        made.msgid = msgid
        made.values = values
        return made


def in_a_row(between: str, parts: Iterable[str]) -> Phrase:
    """Several texts in a row, each of them said by itself."""
    values = {f"part{number}": part for number, part in enumerate(parts)}
    return Phrase(between.join(f"%({name})s" for name in values), **values)


def _plain(value: object) -> object:
    """A value in the English of a phrase."""
    if isinstance(value, datetime):
        return f"{value:%A} {value.day} {value:%B %Y, %H:%M %Z}"
    return f"{value.day} {value:%B %Y}" if isinstance(value, date) else value


def _(msgid: str) -> str:
    """Marks a text whose values come later: `Phrase(text, **values)`."""
    return msgid


def N_(msgid: str, /, **values: object) -> Phrase:  # noqa: N802 - the name that gettext's tools know
    """Marks a text for the catalogues."""
    return Phrase(msgid, **values)
