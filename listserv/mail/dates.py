"""Days as people write them in a command: `15 Jan`, `2026-11-01`, `next Monday`, `tomorrow`, `in 2 weeks`. Pure.

For `digest since ...` and `pause until ...`. A day without a year is the next one, or for the past the last one.
"""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta

_MONTHS = (
    "jan january januar jänner janvier", "feb february februar février fev fevrier", "mar march märz maerz mars mär",
    "apr april avril avr", "may mai", "jun june juni juin", "jul july juli juillet", "aug august août aout",
    "sep sept september septembre", "oct october oktober okt octobre", "nov november novembre",
    "dec december dezember dez décembre decembre déc",
)  # fmt: skip
_MONTH = {word: number for number, words in enumerate(_MONTHS, 1) for word in words.split()}
_DAYS = (
    "monday mon montag lundi", "tuesday tue tues dienstag mardi", "wednesday wed mittwoch mercredi",
    "thursday thu thurs donnerstag jeudi", "friday fri freitag vendredi", "saturday sat samstag samedi",
    "sunday sun sonntag dimanche",
)  # fmt: skip
_DAY = {word: number for number, words in enumerate(_DAYS) for word in words.split()}
_UNITS = {
    "day": 1, "days": 1, "tag": 1, "tage": 1, "tagen": 1, "jour": 1, "jours": 1,
    "week": 7, "weeks": 7, "woche": 7, "wochen": 7, "semaine": 7, "semaines": 7,
}  # fmt: skip
_MONTH_UNITS = frozenset(("month", "months", "monat", "monate", "monaten", "mois"))
_NUMBERS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "six": 6,
    "ein": 1,
    "eine": 1,
    "un": 1,
    "une": 1,
}
_FILLERS = frozenset(["st", "nd", "rd", "th", "in", "for", "ago", "vor", "seit", "il", "y", "dans", "depuis"])
_TODAY = {"today": 0, "heute": 0, "aujourd'hui": 0, "tomorrow": 1, "morgen": 1, "demain": 1,
          "yesterday": -1, "gestern": -1, "hier": -1}  # fmt: skip


def weekday(word: str) -> int | None:
    """0 for Monday; None for what is no day of the week."""
    return _DAY.get(word.casefold().strip(" .,"))


def read_day(text: str, today: date, *, past: bool = False) -> date | None:
    """The day that is meant, None when none is. `past`: days without a year, and spans, lie before today."""
    plain = re.sub(r"\b(?:the|on|of|am|den|dem|le|of|next|last|nächsten?|letzten?)\b", " ", text.casefold())
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+", plain)
    iso = re.fullmatch(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})\s*", text)
    if iso:
        return _date(*map(int, iso.groups()))
    dotted = re.fullmatch(r"\s*(\d{1,2})[./](\d{1,2})[./]?(\d{4}|\d{2})?\s*", text)
    if dotted:
        year = int(dotted[3]) if dotted[3] else None
        return _near(today, int(dotted[2]), int(dotted[1]), year, past=past)
    words = [word for word in words if word not in _FILLERS]
    if len(words) == 1 and words[0] in _TODAY:
        return today + timedelta(days=_TODAY[words[0]])
    if len(words) == 1 and words[0] in _DAY:
        ahead = (_DAY[words[0]] - today.weekday() - 1) % 7 + 1
        return today + timedelta(days=(ahead - 7 or -7) if past else ahead)
    span = _span(words, today, past=past)
    return span if span is not None else _named(words, today, past=past)


def _span(words: list[str], today: date, *, past: bool) -> date | None:
    if not words or len(words) > 2:
        return None
    count = _NUMBERS.get(words[0]) or (int(words[0]) if words[0].isdecimal() and len(words[0]) < 4 else None)
    unit = words[-1]
    if len(words) == 1:
        count = 1
    if count is None:
        return None
    if unit in _UNITS:
        return today + timedelta(days=count * _UNITS[unit] * (-1 if past else 1))
    if unit in _MONTH_UNITS:
        months = today.year * 12 + today.month - 1 + count * (-1 if past else 1)
        year, month = divmod(months, 12)
        if not 1 <= year <= 9998:
            return None
        return date(year, month + 1, min(today.day, calendar.monthrange(year, month + 1)[1]))
    return None


def _named(words: list[str], today: date, *, past: bool) -> date | None:
    """A month by its name, with a day and perhaps a year, in any order; a day of the week in front of it is let be."""
    months = [_MONTH[word] for word in words if word in _MONTH]
    numbers = [int(word) for word in words if word.isdecimal() and len(word) <= 4]
    others = [word for word in words if word not in _MONTH and not word.isdecimal() and word not in _DAY]
    if len(months) != 1 or others or not 1 <= len(numbers) <= 2:
        return None
    years = [number for number in numbers if number > 31]
    days = [number for number in numbers if number <= 31]
    if len(days) != 1:
        return None
    return _near(today, months[0], days[0], years[0] if years else None, past=past)


def _near(today: date, month: int, day: int, year: int | None, *, past: bool) -> date | None:
    if year is not None:
        return _date(year + 2000 if year < 100 else year, month, day)
    for other in range(9):  # the 29th of February may be eight years away
        found = _date(today.year + (-other if past else other), month, day)
        if found is not None and (found <= today if past else found >= today):
            return found
    return None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
