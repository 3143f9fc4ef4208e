"""That no value of a finding gets out: looked for after every test, in all that was written, said or logged in it.

`tests.conftest` collects what the screen finds while a test runs (HIGH and CLINICAL) and hands it here with every
context that was opened. What was approved as it stands, and so is in a released post, is no secret any more.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from email import message_from_bytes, policy

from sqlalchemy import inspect, text

from listserv import vault
from listserv.context import Context
from listserv.mail.message import iter_parts, parse
from listserv.mail.text import part_text
from listserv.policy.screening import GRAVITY, Level
from listserv.policy.screening.screened import Screened

_RUN = re.compile(r"[\W_]+")
_PUBLIC = ("digest", "commands", "command-search", "forward")  # what is theirs to read, or their own mail passed on
SHORTEST = 6  # letters and digits; what is shorter stands everywhere


class Ears(logging.Handler):
    """Every log line of a test."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def bare(words: str) -> str:
    return _RUN.sub("", words).casefold()


def secrets_of(found: Iterable[Screened]) -> set[str]:
    """The values that must not get out, as letters and digits alone."""
    values = {
        bare(value)
        for one in found
        for finding, value in zip(one.findings, one.values, strict=True)
        if GRAVITY[finding.level] >= GRAVITY[Level.CLINICAL] and finding.kind != "combination"
    }
    return {value for value in values if len(value) >= SHORTEST}


def heard(ctx: Context, secrets: set[str], lines: Iterable[str]) -> list[str]:
    """Where a value stands that should not: empty when all is well."""
    if not secrets:
        return []
    with ctx.db.reading() as tx:
        tables = set(inspect(tx).get_table_names())
        released = tx.execute(text("SELECT m.raw FROM message m JOIN post p ON p.message_id = m.id WHERE p.state IN "
                                   "('released', 'recalled')")).scalars()  # fmt: skip
        public = bare("".join(_everything(vault.unpacked(ctx.keys.held, raw)) for raw in released))
        secret = {value for value in secrets if value not in public}
        said: list[tuple[str, str]] = [("a log line", line) for line in lines]
        for row in tx.execute(text("SELECT kind, raw FROM notice")):
            if row.kind not in _PUBLIC and row.raw:
                said.append((f"the notice {row.kind}", _everything(vault.unpacked(ctx.keys.held, row.raw))))
        for table in sorted(tables & {"decision", "audit", "incident", "refusal", "emergency"}):
            said += [(table, " ".join(map(str, row))) for row in tx.execute(text(f"SELECT * FROM {table}"))]
        query = "SELECT subject, reasons, author_note FROM post WHERE state NOT IN ('released', 'recalled', 'accepted')"
        said += [("post", " ".join(map(str, row))) for row in tx.execute(text(query))]
    return [f"{value!r} in {where}" for where, words in said for value in secret if value in bare(words)]


def _everything(raw: bytes) -> str:
    """All that a mail says: its head, and every part decoded."""
    head = message_from_bytes(raw, policy=policy.compat32)
    words = [str(value) for value in head.values()]
    try:
        words += [part_text(part) for part in iter_parts(parse(raw))]
    except ValueError:
        words.append(raw.decode("utf-8", "replace"))
    return "\n".join(words)
