"""Tables in a text: each cell with the head of its column, since "Born" may stand far above a date.

Pure, below the detectors. A table is what has cells divided by `|`, tabs, two blanks, or as exports are by `;` or `,`,
on lines that follow each other (formatted tables are read with two blanks); its first line is the head where no cell
of it looks like a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

Cell = tuple[int, int, str, str]  # begin, end, the head of its column, all heads
_APART = re.compile(r"\||\t|[ ]{2,}")
_EXPORTED = re.compile(r"([;,])(?! )[^\n;,]*\1(?! )")  # two of one mark without a blank behind: rows of an export
_OF_EXPORTS = {";": re.compile(";"), ",": re.compile(",")}
_RULE = re.compile(r"[\s|:+-]+")
_VALUE = re.compile(r"\A\W*\d|\d{3}|\d[./-]\d")
MAX_HEAD = 40
MAX_CELLS = 5000  # of one passage


@lru_cache(8)
def cells(text: str) -> tuple[Cell, ...]:
    """Every cell below a head, in order; none where nothing divides cells."""
    divided = "|" in text or "\t" in text or "  " in text or _EXPORTED.search(text)
    return tuple(islice(_cells(text), MAX_CELLS)) if divided else ()


def _cells(text: str) -> Iterator[Cell]:
    heads: list[str] = []
    at = 0
    for line in text.splitlines(keepends=True):
        bare = line.strip()
        row = list(_row(line, at)) if 0 < len(bare) < 500 else []
        at += len(line)
        if len(row) < 2:
            heads = heads if bare and _RULE.fullmatch(bare) else []
            continue
        if not heads:
            named = [text[start:end] for start, end in row]
            is_head = not any(len(name) > MAX_HEAD or _VALUE.search(name) for name in named)
            heads = named if is_head else []
            continue
        if _RULE.fullmatch(bare):
            continue
        together = " ".join(heads)
        yield from ((start, end, head, together) for (start, end), head in zip(row, heads, strict=False))


def _row(line: str, at: int) -> Iterator[tuple[int, int]]:
    """Where the cells of a line stand; what stands outside of the outermost `|` is none."""
    start = 0
    apart = _APART
    exported = _EXPORTED.search(line) if "|" not in line and "\t" not in line else None
    if exported:
        apart = _OF_EXPORTS[exported[1]]
    bounds = [*((found.start(), found.end()) for found in apart.finditer(line)), (len(line), len(line))]
    ruled = "|" in line
    for end, after in bounds:
        if not ruled or "|" in line[end:after] or end == len(line):
            cell = line[start:end]
            inside = cell.strip()
            if inside or exported or (ruled and start > 0 and end < len(line)):
                begin = start + len(cell) - len(cell.lstrip())
                yield at + begin, at + begin + len(inside)
            start = after
