"""The file, read: each line a `Row` of checked values, each mistake a `Problem` with its line.

Knows the settings (which lists there are) but not the database. A column of the CSV begins here.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from listserv import routing
from listserv.context import Context
from listserv.edge.languages import LOCALES
from listserv.mail.address import canonical
from listserv.model import RoleName
from listserv.roster.report import Problem
from listserv.settings import HUB

COLUMNS = (
    "email", "name", "profession", "registration", "registration_expires", "lists", "roles", "delivery", "aliases",
    "terms", "trusted", "language",
)  # fmt: skip
WRITTEN_ONLY = ("status", "bounce_score")
MODES = ("each", "daily", "weekly", "none")
MAX_TEXT = 200


@dataclass(slots=True)
class Row:
    """One line, read: None leaves a value, "" or an empty set clears it."""

    line: int
    email: str
    name: str | None = None
    profession: str | None = None
    registration: str | None = None
    expires: date | Literal[""] | None = None
    lists: set[str] | None = None
    roles: set[tuple[str, RoleName]] | None = None
    delivery: str | None = None
    aliases: dict[str, str] | None = None  # canonical -> as written
    terms: bool | None = None
    trusted: bool | None = None
    language: str | None = None


class Bad(Exception):
    def __init__(self, column: str, words: str) -> None:
        super().__init__(words)
        self.column, self.words = column, words


def _near(word: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(word.lower(), list(known), 1)
    return f"; did you mean {found[0]}?" if found else ""


def _header(reader: Any) -> tuple[list[str], list[Problem]]:
    try:
        names = [cell.strip().lower().lstrip("\ufeff") for cell in next(reader)]
    except StopIteration:
        return [], [Problem(1, "", "the file is empty; its first line names the columns, and `email` is one of them")]
    except csv.Error as error:
        return [], [Problem(1, "", f"cannot be read as CSV: {error}")]
    if len(names) == 1 and ";" in names[0]:
        return [], [Problem(1, "", "this file uses ; between columns; save it with commas")]
    problems = [
        Problem(1, name, f"is no column of a roster{_near(name, COLUMNS)}")
        for name in names
        if name not in COLUMNS and name not in WRITTEN_ONLY
    ]
    problems += [Problem(1, name, "is there twice") for name in COLUMNS if names.count(name) > 1]
    if "email" not in names:
        problems.append(Problem(1, "email", "is missing: every row needs an email address"))
    return names, problems


def read(ctx: Context, text: str) -> tuple[list[Row], list[Problem]]:
    reader = csv.reader(io.StringIO(text.replace("\x00", "\ufffd")), strict=True)
    names, problems = _header(reader)
    rows: list[Row] = []
    if problems:
        return rows, problems
    seen: dict[str, int] = {}
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return rows, problems
        except csv.Error as error:
            problems.append(Problem(reader.line_num, "", f"cannot be read as CSV: {error}"))
            return rows, problems
        if not any(cell.strip() for cell in cells):
            continue
        line = reader.line_num
        if len(cells) != len(names):
            problems.append(Problem(line, "", f"has {len(cells)} cells where the first line has {len(names)}"))
            continue
        try:
            row = _row(ctx, line, {name: cell.strip() for name, cell in zip(names, cells, strict=True)})
            for key in (canonical(row.email), *(row.aliases or ())):
                if key in seen:
                    raise Bad("email", f"{key} stands in line {seen[key]} as well")
            for key in (canonical(row.email), *(row.aliases or ())):
                seen[key] = line
        except Bad as bad:
            problems.append(Problem(line, bad.column, bad.words))
        else:
            rows.append(row)


def _email(ctx: Context, column: str, value: str) -> str:
    if not canonical(value) or len(value) > 254:
        raise Bad(column, f"{value!r} is no email address")
    if routing.is_own(ctx.settings, value):
        raise Bad(column, f"{value} is an address of listserv itself; it can be nobody's")
    return value


def _text(column: str, value: str, limit: int = MAX_TEXT) -> str | None:
    if not value:
        return None
    if value == "-":
        return ""
    if not value.isprintable():
        raise Bad(column, "has control characters in it")
    if len(value) > limit:
        raise Bad(column, f"has {len(value)} characters; at most {limit} are kept")
    return value


def _parts(value: str) -> list[str] | None:
    if not value:
        return None
    return [] if value == "-" else [part.strip() for part in value.split(";") if part.strip()]


def _choice(column: str, value: str, choices: dict[str, Any]) -> Any | None:
    if not value:
        return None
    if value.lower() not in choices:
        raise Bad(column, f"{value!r} is not one of {', '.join(k for k in choices if k != '-')}{_near(value, choices)}")
    return choices[value.lower()]


def _row(ctx: Context, line: int, cells: dict[str, str]) -> Row:
    def get(name: str) -> str:
        return cells.get(name, "")

    row = Row(line, _email(ctx, "email", get("email")))
    row.name, row.profession = _text("name", get("name")), _text("profession", get("profession"))
    row.registration = _text("registration", get("registration"), 40)
    if get("registration_expires") == "-":
        row.expires = ""
    elif get("registration_expires"):
        try:
            row.expires = date.fromisoformat(get("registration_expires"))
        except ValueError:
            shown = get("registration_expires")
            raise Bad("registration_expires", f"{shown!r} is no date; write it like 2027-11-30") from None
    known = list(ctx.settings.lists)
    if (lists := _parts(get("lists"))) is not None:
        for name in lists:
            if name not in known:
                raise Bad("lists", f"there is no list {name!r}{_near(name, known)}")
        row.lists = set(lists)
    if (roles := _parts(get("roles"))) is not None:
        row.roles = {_role_of(known, role) for role in roles}
    row.delivery = _choice("delivery", get("delivery"), {mode: mode for mode in MODES} | {"-": "default"})
    if row.delivery == "default":
        row.delivery = ctx.settings.community.default_delivery
    if (aliases := _parts(get("aliases"))) is not None:
        row.aliases = {canonical(_email(ctx, "aliases", alias)): alias for alias in aliases}
        if canonical(row.email) in row.aliases:
            raise Bad("aliases", f"{row.email} is the row's own email already")
    row.terms = _choice("terms", get("terms"), {"agreed": True, "-": False})
    row.trusted = _choice("trusted", get("trusted"), {"yes": True, "no": False, "-": False})
    row.language = _choice("language", get("language"), {code: code for code in LOCALES} | {"-": ""})
    return row


def _role_of(lists: list[str], text: str) -> tuple[str, RoleName]:
    name, _, role = text.partition(":")
    if name not in lists and name != HUB:
        raise Bad("roles", f"{text!r} names no list{_near(name, [*lists, HUB])}; write it like perinatal:moderator")
    try:
        return name, RoleName(role.lower())
    except ValueError:
        words = ", ".join(RoleName)
        raise Bad("roles", f"{role!r} is not one of {words}{_near(role, list(RoleName))}") from None
