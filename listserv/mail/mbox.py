"""mbox files: many messages in one file, in and out (RFC 4155; the dialects mboxrd and mboxo).

For the import of an old archive and for the files that members take home. Reading is a stream: one message in memory
at a time, whatever the size of the file. A line "From " begins a message only where it looks like one (a date in it, a
header field below it), because many programs forgot to quote such lines in texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from listserv.mail.message import Message, every, first

LARGEST = 100_000_000  # octets of one message; what is beyond belongs to no mail
EARLIEST = datetime(1985, 1, 1, tzinfo=UTC)
FAR_OFF = timedelta(days=370)
_BEGIN = re.compile(rb"From (?:\S.{0,400}? )?.{0,40}\d\d:\d\d(?::\d\d)?.{0,40}\b(?:19|20)\d\d")
_FIELD_LINE = re.compile(rb"[!-9;-~]{1,80}[ \t]*:|>?From ")
_QUOTED = re.compile(rb"^>(>*From )", re.M)
_TO_QUOTE = re.compile(rb"^(>*From )", re.M)
_FROM_DATE = re.compile(
    r"(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*\s+(?P<day>\d{1,2})\s+"
    r"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?\s+(?:[A-Z+-]\S*\s+)?(?P<year>(?:19|20)\d\d)",
    re.I,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class NotAnMbox(ValueError):
    """The file does not begin like an mbox."""


@dataclass(frozen=True, slots=True)
class Item:
    """A message of an mbox with CRLF line ends, its "From " line, and where in the file it began (octets)."""

    raw: bytes
    envelope: str
    offset: int


def read(lines: Iterable[bytes]) -> Iterator[Item]:
    """The messages of an mbox, given by its lines with their ends. Raises NotAnMbox."""
    buffer: list[bytes] = []
    envelope, start, offset, size = "", 0, 0, 0
    pending: bytes | None = None  # a "From " line that the next line has to confirm
    blank, begun = True, False
    for line in lines:
        if pending is not None:
            if _FIELD_LINE.match(line):
                if begun:
                    yield _item(buffer, envelope, start)
                buffer, size, begun = [], 0, True
                envelope, start = pending.decode("latin-1").rstrip(), offset - len(pending)
            elif begun:
                buffer.append(pending)
            pending = None
        if blank and line.startswith(b"From ") and _BEGIN.match(line):
            pending = line
        elif begun:
            size += len(line)
            if size <= LARGEST:
                buffer.append(line)
        elif line.strip():
            raise NotAnMbox("it does not begin with a line `From address date`, so it is no mbox")
        blank = not line.strip(b"\r\n")
        offset += len(line)
    if begun:
        if pending is not None:
            buffer.append(pending)
        yield _item(buffer, envelope, start)


def _item(lines: list[bytes], envelope: str, offset: int) -> Item:
    if lines and not lines[-1].strip(b"\r\n"):  # the blank line that ends an entry
        lines = lines[:-1]
    data = b"".join(lines)
    data = _QUOTED.sub(rb"\1", data)
    return Item(re.sub(rb"\r\n|\r|\n", b"\r\n", data), envelope, offset)


def written(raw: bytes, at: datetime, sender: str = "MAILER-DAEMON") -> bytes:
    """A message with CRLF line ends as an entry of an mboxrd file."""
    sender = re.sub(r"[^!-~]", "", sender) or "MAILER-DAEMON"
    head = f"From {sender} {at.astimezone(UTC):%a %b %d %H:%M:%S %Y}\n".encode("ascii")
    body = _TO_QUOTE.sub(rb">\1", raw.replace(b"\r\n", b"\n"))
    return head + body + (b"\n" if body.endswith(b"\n") else b"\n\n")


def _read_date(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(" ".join(value.split())[:200])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _envelope_date(envelope: str) -> datetime | None:
    found = _FROM_DATE.search(envelope)
    if not found:
        return None
    try:
        return datetime(
            int(found["year"]), _MONTHS.index(found["month"].lower()) + 1, int(found["day"]),
            int(found["hour"]), int(found["minute"]), int(found["second"] or 0), tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        return None


def date_of(message: Message, envelope: str, now: datetime, before: datetime | None) -> tuple[datetime, str]:
    """When a message was written, and what was wrong with its own Date ("" when nothing was).

    Date, if it is plausible and no more than a year from the first Received; else that Received, else the "From " line
    (often the day of an export, so it corrects nothing), else a second after the message `before` it in the file.
    """

    def plausible(at: datetime | None) -> datetime | None:
        return at if at is not None and EARLIEST <= at <= now + timedelta(days=1) else None

    value = first(message, "date")
    own = plausible(_read_date(value)) if value else None
    received = next(
        (at for line in every(message, "received")[::-1] if (at := plausible(_read_date(line.rpartition(";")[2])))),
        None,
    )
    noted = received or plausible(_envelope_date(envelope))
    if own is not None and (received is None or abs(own - received) <= FAR_OFF):
        return own, ""
    wrong = "no Date" if not value else "an unreadable Date" if _read_date(value) is None else "an impossible Date"
    if noted is not None:
        return noted, f"{wrong}; taken from {'Received' if received else 'the From line'}"
    if before is not None:
        return before + timedelta(seconds=1), f"{wrong}; put behind the message before it"
    return EARLIEST, f"{wrong}, and nothing else says when"
