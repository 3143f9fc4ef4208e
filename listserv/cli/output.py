"""How commands speak: tables for people, one JSON array for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON array on standard output.")]


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def show(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Rows as a table of these columns, or all of their keys as JSON."""
    if as_json:
        sys.stdout.write(json.dumps(list(rows), ensure_ascii=False, default=str) + "\n")
        return
    if not rows:
        say(empty)
        return
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [min(60, max(len(column), *(len(row[i]) for row in cells))) for i, column in enumerate(columns)]
    say(
        "  ".join(
            name.upper().replace("_", " ").ljust(width) for name, width in zip(columns, widths, strict=True)
        ).rstrip()
    )
    for row in cells:
        say("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
    return "".join(c if c.isprintable() else " " for c in text)
