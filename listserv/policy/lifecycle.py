"""What a registration is worth on a day, and when its holder is written to. Pure; days are arguments.

A profession says how its numbers look, when all its registrations end, how long afterwards one still counts (the late
period of the register), and how long somebody may then still read. Facts of the Australian ones: Ahpra, "Renewing your
registration"; they are data (docs/examples/professions-australia.yaml).
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Profession:
    """`number`: what a registration number looks like (a regular expression, matched whole), empty for any;
    `renewal`: month and day on which registrations end, None where each has a date of its own; periods in days."""

    key: str
    title: str
    number: str = ""
    register: str = ""
    renewal: tuple[int, int] | None = None
    late: int = 0
    read_only: int = 0

    def fits(self, number: str) -> bool:
        return not self.number or re.fullmatch(self.number, number.replace(" ", "").upper()) is not None


class Standing(StrEnum):
    VALID = "valid"
    LATE = "late"  # it has ended, and the register still counts it
    READ_ONLY = "read-only"  # reads, does not post
    LAPSED = "lapsed"
    NONE = "none"  # there is no registration


def standing(number: str | None, expires: date | None, today: date, profession: Profession | None) -> Standing:
    """What somebody's registration is worth; without an end it is valid until further notice."""
    if not number:
        return Standing.NONE
    if expires is None or today <= expires:
        return Standing.VALID
    late = expires + timedelta(days=profession.late if profession else 0)
    if today <= late:
        return Standing.LATE
    reads = late + timedelta(days=profession.read_only if profession else 0)
    return Standing.READ_ONLY if today <= reads else Standing.LAPSED


POSTS = (Standing.VALID, Standing.LATE)
READS = (*POSTS, Standing.READ_ONLY)


@dataclass(frozen=True, slots=True)
class Stage:
    """A mail about a renewal, sent once between `begins` and `ends` (both included)."""

    name: str
    begins: date
    ends: date


def stages(expires: date, profession: Profession | None) -> list[Stage]:
    """The mails about one end of a registration: 30 and 7 days before, at the date, in the late period, when only
    reading is left, and when it has lapsed."""
    late = expires + timedelta(days=profession.late if profession else 0)
    reads = late + timedelta(days=profession.read_only if profession else 0)
    day = timedelta(days=1)
    found = [
        Stage("in-30-days", expires - 30 * day, expires - 8 * day),
        Stage("in-7-days", expires - 7 * day, expires - day),
    ]
    if late > expires:
        found += [Stage("today", expires, expires), Stage("late", expires + day, late)]
    else:
        found.append(Stage("today", expires, expires))
    if reads > late:
        found.append(Stage("read-only", late + day, reads))
    found.append(Stage("lapsed", reads + day, date.max))
    return found


SPREAD = {"in-30-days": 7, "in-7-days": 3, "late": 5, "read-only": 3}
"""Over how many days the mails of a stage are spread, so that not everybody is written to (and asks) at once."""


def due(expires: date, today: date, profession: Profession | None, person: int) -> str | None:
    """The stage whose mail somebody should have by today, None when there is none. Only the present stage counts: who
    was away from the system gets no mail about what is over."""
    for stage in stages(expires, profession):
        if stage.begins <= today <= stage.ends:
            wait = person % SPREAD.get(stage.name, 1)
            last = (stage.ends - stage.begins).days if stage.ends != date.max else wait
            return stage.name if today >= stage.begins + timedelta(days=min(wait, last)) else None
    return None


def next_end(profession: Profession | None, today: date) -> date | None:
    """When a registration that is renewed now ends: the next renewal date that is at least two months away."""
    if profession is None or profession.renewal is None:
        return None
    month, day = profession.renewal
    for year in (today.year, today.year + 1, today.year + 2):
        end = date(year, month, min(day, calendar.monthrange(year, month)[1]))
        if (end - today).days >= 60:
            return end
    return None
