"""How we speak to one reader: their language, their time zone, and the manner of dates, lists and weekdays there.

Beside the templates, which it serves. English is the source: what a catalogue does not have is said in English. The
catalogues ship as listserv/locale/LANGUAGE/LC_MESSAGES/listserv.po and are read at first use; a site may have its own
beside its settings.yaml (locale/LANGUAGE/LC_MESSAGES/listserv.po, also for en), which come first.
"""

from __future__ import annotations

import gettext
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, get_day_names
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from listserv.errors import UserError
from listserv.policy.periods import WEEKDAYS
from listserv.words import Phrase, in_a_row

SHIPPED = Path(__file__).parent.parent / "locale"
LOCALES = {"en": "en_AU", "de": "de_DE", "fr": "fr_FR"}
MOMENTS = {"en": "EEEE d MMMM", "de": "EEEE, d. MMMM", "fr": "EEEE d MMMM"}
BRIEF = {"en": "dd MMM HH:mm", "de": "dd. MMM HH:mm", "fr": "dd MMM HH:mm"}
OWN_NAMES = {"en": "English", "de": "Deutsch", "fr": "Français"}


def file_of(folder: Path, language: str) -> Path:
    return folder / language / "LC_MESSAGES" / "listserv.po"


@lru_cache(maxsize=16)
def catalogue(site: Path | None, language: str) -> gettext.NullTranslations:
    """The translations of a language: the site's own, then ours, then the English itself. Raises UserError."""
    found = _read(file_of(SHIPPED, language))
    own = _read(file_of(site / "locale", language)) if site else None
    if own is not None:
        own.add_fallback(found or gettext.NullTranslations())
    return own or found or gettext.NullTranslations()


def _read(path: Path) -> gettext.GNUTranslations | None:
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            read = read_po(file, abort_invalid=True)
    except (ValueError, OSError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    compiled = io.BytesIO()
    write_mo(compiled, read)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


FEW = 10  # letters
LONG = 500  # characters; in a longer text one value is looked for and no more, which costs no time
_VALUE = re.compile(r"%\((\w+)\)s")


@lru_cache(maxsize=16)
def _patterns(site: Path | None, language: str) -> tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...]:
    """What recognises the English of a phrase with values in it, for texts that were stored as they were said: what
    stands between the values, the whole, and the phrase."""
    known = getattr(catalogue(site, language), "_catalog", {})
    found = []
    for msgid in known:
        if not isinstance(msgid, str) or not _VALUE.search(msgid):
            continue
        if len(re.findall(r"[^\W\d_]", _VALUE.sub("", msgid))) < FEW:
            continue  # too little of our own in it to be told from the words of others
        parts = _VALUE.split(msgid)
        seen: set[str] = set()
        made = ""
        for number, part in enumerate(parts):
            if number % 2 == 0:
                made += re.escape(part.replace("%%", "%"))
            else:
                made += f"(?P={part})" if part in seen else f"(?P<{part}>.+?)"
                seen.add(part)
        words = tuple(part.replace("%%", "%") for part in parts[::2])
        found.append((words, re.compile(made + r"\Z", re.S), msgid))
    return tuple(sorted(found, key=lambda one: -len(one[2])))


@dataclass(frozen=True, slots=True)
class Speech:
    """A language (a key of LOCALES) in a time zone, for one site."""

    site: Path | None
    language: str
    zone: ZoneInfo

    @property
    def locale(self) -> str:
        return LOCALES[self.language]

    def phrase(self, text: str, /, **values: object) -> str:
        """A text of ours in this language; values are said as well."""
        if isinstance(text, Phrase):
            phrase: Phrase = text
            return self.phrase(phrase.msgid, **{**phrase.values, **values})
        said = catalogue(self.site, self.language).gettext(text) if text else ""
        return said % {name: self.spoken(value) for name, value in values.items()} if values else said

    def phrases(self, one: str, many: str, count: int, /, **values: object) -> str:
        """The same for a number of things, which stands in the text as %(num)s."""
        said = catalogue(self.site, self.language).ngettext(one, many, count)
        return said % {"num": count, **{name: self.spoken(value) for name, value in values.items()}}

    def spoken(self, value: Any) -> Any:
        """A value for a template: phrases in this language, also those inside lists and mappings; days in words."""
        if isinstance(value, Phrase):
            return self.phrase(value)
        if isinstance(value, str):
            return value
        if isinstance(value, datetime):
            return self.at_length(value)
        if isinstance(value, date):
            return self.day(value)
        return value

    def prepared(self, value: Any) -> Any:
        """The same, in depth, for what a template gets: dates stay dates there."""
        if isinstance(value, Phrase):
            return self.phrase(value)
        if type(value) in (list, tuple):
            return type(value)(self.prepared(one) for one in value)
        if type(value) is dict:
            return {key: self.prepared(one) for key, one in value.items()}
        return value

    def translated(self, text: str) -> str:
        """A text of ours that was stored in English, found again by its words; what is not ours stays as it is."""
        if isinstance(text, Phrase):
            return self.phrase(text)
        if self.language == "en" or not text:
            return text
        said = catalogue(self.site, self.language).gettext(text)
        if said != text:
            return said
        for words, pattern, msgid in _patterns(self.site, self.language):
            if (len(text) > LONG and len(words) > 2) or not all(part in text for part in words):
                continue
            if found := pattern.match(text):
                values = found.groupdict()
                if "what" in values:  # kinds of things, which have names of ours
                    values["what"] = in_a_row(", ", map(Phrase, values["what"].split(", ")))
                return self.phrase(msgid, **values)
        return text

    # --- days and times ---------------------------------------------------------------------------------------

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)

    def day(self, at: date | datetime) -> str:
        """3 December 2026"""
        return format_date(self._date(at), "long", self.locale)

    def days(self, begin: datetime, end: datetime) -> tuple[str, str]:
        """Two days, a month or year that they share with the second alone: 3, 5 December 2026."""
        first, last = self._date(begin), self._date(end)
        if first.year != last.year or first == last:
            return self.day(first), self.day(last)
        form = NUMBER if first.month == last.month else WITHOUT_YEAR
        return format_date(first, form[self.language], self.locale), self.day(last)

    def weekday_and_day(self, at: date | datetime) -> str:
        """Thursday 3 December"""
        return format_date(self._date(at), MOMENTS[self.language], self.locale)

    def moment(self, at: datetime) -> str:
        """Thursday 3 December, 17:00"""
        return f"{self.weekday_and_day(at)}, {self.clock(at)}"

    def at_length(self, at: datetime) -> str:
        """Thursday 3 December 2026, 17:00"""
        return f"{format_date(self._date(at), f'{MOMENTS[self.language]} y', self.locale)}, {self.clock(at)}"

    def brief(self, at: datetime) -> str:
        """03 Dec 17:00"""
        form, _, clock = BRIEF[self.language].rpartition(" ")
        return f"{format_date(self.local(at), form, self.locale)} {format_time(self.local(at).time(), clock)}"

    def clock(self, at: datetime | time) -> str:
        """17:00"""
        return f"{self.local(at) if isinstance(at, datetime) else at:%H:%M}"

    def month(self, at: date | datetime) -> str:
        """December 2026"""
        return format_date(self._date(at), "MMMM y", self.locale)

    def weekday(self, which: str | date) -> str:
        """Monday, for `monday` or a day."""
        number = self._date(which).weekday() if isinstance(which, date) else WEEKDAYS.index(which)
        return str(get_day_names("wide", locale=self.locale)[number])

    def listed(self, names: Sequence[str]) -> str:
        """Ann, Ben and Cem"""
        return format_list([str(self.spoken(name)) for name in names], locale=self.locale)

    def _date(self, at: date | datetime) -> date:
        return self.local(at).date() if isinstance(at, datetime) else at


# --- days on the pages of the archive: many on each, so they are kept --------------------------------------------

SHORT = {"en": "d MMM y", "de": "d. MMM y", "fr": "d MMM y"}
WITHOUT_YEAR = {"en": "d MMMM", "de": "d. MMMM", "fr": "d MMMM"}
NUMBER = {"en": "d", "de": "d.", "fr": "d"}


@lru_cache(maxsize=4096)
def short_day(language: str, day: date) -> str:
    """3 Dec 2026"""
    return format_date(day, SHORT[language], LOCALES[language])


@lru_cache(maxsize=4096)
def between(language: str, begin: date, end: date) -> str:
    """Two days, as short as they can be said: 3–5 December 2026."""
    locale = LOCALES[language]
    last = format_date(end, "long", locale)
    if begin == end:
        return last
    if (begin.year, begin.month) == (end.year, end.month):
        return f"{format_date(begin, NUMBER[language], locale)}–{last}"
    if begin.year == end.year:
        return f"{format_date(begin, WITHOUT_YEAR[language], locale)} – {last}"
    return f"{format_date(begin, 'long', locale)} – {last}"


def month_only(language: str, day: date) -> str:
    """December"""
    return format_date(day, "LLLL", LOCALES[language])


# --- which language -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    """What the languages are called, in each of them."""
    found = {code: code for code in LOCALES}
    for code in LOCALES:
        for other in LOCALES:
            found[str(Locale(code).get_display_name(other)).casefold()] = code
    return found


def named(words: str) -> str | None:
    """The language that somebody calls by its name or code, in any of ours: Deutsch, german, allemand, de-AT."""
    wanted = words.strip().casefold()
    return _names().get(wanted) or _names().get(re.split("[-_]", wanted)[0])


def preferred(header: str, otherwise: str) -> str:
    """The first of our languages in an Accept-Language or Content-Language field (RFC 9110 section 12.5.4)."""
    wishes: list[tuple[float, int, str]] = []
    for place, item in enumerate(header[:500].split(",")):
        tag, _, quality = item.partition(";")
        code = tag.strip().casefold().split("-")[0]
        number = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", quality)
        weight = float(number.group(1)) if number else 1.0
        if code in LOCALES and weight > 0:
            wishes.append((-weight, place, code))
    return min(wishes)[2] if wishes else otherwise
