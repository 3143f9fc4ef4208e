"""Dates: of birth, and others that fix when something happened; ages that are rare."""

from __future__ import annotations

import re
from collections.abc import Iterator

from listserv.mail.passages import Place
from listserv.policy.screening.context import CASE, EVENT, of_a_case
from listserv.policy.screening.finding import Level
from listserv.policy.screening.known import Hit
from listserv.policy.screening.plain import View, matches, stretches
from listserv.policy.screening.tables import cells
from listserv.policy.screening.words import words

_MONTH = (
    r"(?:jan(?:uary|uar|vier)?|feb(?:ruary|ruar)?|f[ée]vr(?:ier)?|mar(?:ch|s)?|märz|apr(?:il)?|avr(?:il)?|may|mai|"
    r"june?|juni|"
    r"juin|july?|juli|juil(?:let)?|aug(?:ust)?|août|sept?(?:ember|embre)?|oct(?:ober|obre)?|okt(?:ober)?|"
    r"nov(?:ember|embre)?|"
    r"de[cz](?:ember)?|d[ée]c(?:embre)?)\b\.?"
)
_Y = r"(?:(?:19|20)\d\d|'?\d\d)(?!\d)"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_NUM_MONTH = r"(?:0?[1-9]|1[0-2])"
_GAP = r"[ \t]*\n?[ \t]*"
FULL = (
    rf"(?:(?<![\d./-]){_DAY}(?:st|nd|rd|th|\.)?[-/]?{_GAP}(?:(?:day[ \t])?of[ \t])?{_GAP}{_MONTH}(?:[-/,]?{_GAP}{_Y})?|"
    rf"\b{_MONTH}{_GAP}(?:the[ ])?{_DAY}(?:st|nd|rd|th)?(?![\d:])(?:,?{_GAP}(?:19|20)\d\d)?|"
    rf"(?<![\d./-])(?:19|20)\d\d[-/.]{_NUM_MONTH}[-/.]{_DAY}(?!\d)|"
    rf"(?<![\d./$-]){_DAY}[ ]?[/.-][ ]?\n?{_NUM_MONTH}[ ]?[/.-][ ]?\n?{_Y}(?![\d/.-]\d))"
)
_FULL = re.compile(FULL, re.I)
_OF_BIRTH = re.compile(
    rf"{FULL}|(?<![\d./$-])\d{{1,2}}[ ]?[/.-][ ]?\d{{1,2}}[ ]?[/.-][ ]?{_Y}(?![\d/.-]\d)|(?<![\d./$-]){_DAY}[ "
    rf"]{_NUM_MONTH}[ ](?:19|20)\d\d(?!\d)|"
    rf"\b(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|\w+teenth|twentieth|"
    rf"twenty[- ]\w+|thirtieth|"
    rf"thirty[- ]first)[ ](?:day[ ])?(?:of[ ])?{_MONTH}(?:,?{_GAP}(?:19|20)\d\d)?",
    re.I,
)
_BORN = re.compile(
    r"\bd\.?[ /]?o\.?[ /]?b\b\.?|\bborn\b|\bb[-\']?days?\b|\bb(?:ri|i|ir|irt)th(?:[ -]?(?:day|date|dy))\b|"
    r"\bb\.(?=[ ]?\Z)|(?<=\()[*]|\bbirth(?:[ -]?(?:day|date))?s?\b|\bdate of "
    r"birth\b|\bgeb(?:oren\b|\.)|\bgeburtsdatum\b|"
    r"\bturn(?:s|ed|ing)[ ]\d{1,3}[ ]on\b|\bn[ée]e? le\b|\bdate de naissance\b|\bbdate\b",
    re.I,
)
_COMPACT = re.compile(
    rf"\b(?:d\.?o\.?b\b\.?|born|birth)[ :=(-]{{0,4}}(?P<date>{_DAY}[ -]?{_NUM_MONTH}[ -]?(?:19|"
    rf"20)?\d\d|(?:19|20)\d\d{_NUM_MONTH}{_DAY})(?!\d)",
    re.I,
)
_BIRTH_HEAD = re.compile(
    r"\W*(?:(?:client|patient|pt|child)(?:'?s)?[ ])?(?:d\.?[ /]?o\.?[ /]?b\.?|born(?: on)?|birth[ -]?da(?:te|y)|b-?day|"
    r"date of birth|geb(?:oren|urtsdatum|\.)?|n[ée]e? le|date de naissance)\W*",
    re.I,
)
_NOT_BORN_THEN = re.compile(r"\b(?:1[5-8]\d\d|190\d|191\d)\b")
_CELEBRATED = re.compile(
    r"\b(?:our|network|community|list|society|association|college|"
    r"service)\b.{0,25}\bbirthday\b",
    re.I,
)
_OTHER_DATE = re.compile(
    r"\b(?:admitted|admission|discharged|seen|died|death|funeral|court|hearing|due|appointment|session|started|"
    r"referred|"
    r"assessed|placement|report(?:ed)?|presented|incident)\b[^.;\n]{0,25}\Z",
    re.I,
)
_AGE = re.compile(
    r"(?<![\w$./-])(?:aged?[ ]|age of[ ]|is[ ]|turned[ ]|turning[ ])?(?P<age>9\d|1[01]\d)(?:[ -]?(?:years?|yrs?)?[ "
    r"-]?old|[ ]?y/?o\b|"
    r"[ ]?yrs?[ ]old|[ ]?years? of age|(?<=age \d\d)|(?<=aged \d\d)|[ -]?jährige?)|\baged?[ :]{1,2}(?P<aged>9\d|"
    r"1[01]\d)\b(?![.%]\d|[ ]?%)|"
    r"\b(?P<short>9\d|10\d)(?:yo|[ ]?y/o)?[ ]?[MFmf]\b(?![.\w])",
    re.I,
)  # fmt: skip
_AGE_IN_WORDS = re.compile(
    r"\b(?:ninety(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?|(?:a|one) hundred(?: and (?:one|two|three|"
    r"four|five|six|seven|eight|nine))?)[ -](?:years?[ -](?:old|of age)|y/?o\b)",
    re.I,
)
_NEARLY = re.compile(r"(?<=[ ])(?:9\d|10\d)(?=[,;:!?)\n]|\.(?!\d)|\Z|[ ](?:and|but|now|next|years?)\b)(?![ ]and[ ]\d)")
_SO_OLD = re.compile(
    r"\b(?:nearly|almost|rising|pushing|just turned|turn(?:s|ed|ing)|(?:she|he)(?:'s|s| is| was)(?: now)?|"
    r"(?:gentleman|lady|man|woman|client|patient|resident) of|"
    r"(?:mother|father|mum|dad|nan|grandmother|grandfather|client|patient|resident)(?:'s| is| was)(?: now)?)[ ]\Z",
    re.I,
)
_NOT_AN_AGE = re.compile(
    r"\b(?:over|above|under|up to|more than|less than|at least|older than|beyond|to|-|than)[ "
    r"]\Z",
    re.I,
)


_OF_BIRTHS = (
    "born",
    "birth",
    "bdate",
    "dob",
    "d.o",
    "d o b",
    "d/o/b",
    "geb",
    "naissance",
    "née",
    "né ",
    "nee ",
    "turn",
    "(*",
    "b.",
    "bday",
    "b-day",
    "b'day",
    "brith",
    "bith",
)


def births(view: View) -> Iterator[Hit]:
    """Dates near words of birth."""
    text = view.text
    if not view.mentions(_OF_BIRTHS):
        return
    near = view.around(_births_said(view), 100, 200)
    for found in matches(_COMPACT, text, near):
        yield Hit("birth-date", Level.HIGH, *found.span("date"))
    for start, end, head, _ in cells(text):
        if _BIRTH_HEAD.fullmatch(head) and (date := _OF_BIRTH.search(text, start, end)):
            yield Hit("birth-date", Level.HIGH, *date.span())
    dates = [found.span() for found in matches(_OF_BIRTH, text, near)]
    for number, (start, end) in enumerate(dates):
        if _NOT_BORN_THEN.search(text, start, min(len(text), end + 6)) or view.in_web(start):
            continue
        before = max(start - 80, dates[number - 1][1] if number else 0)
        word = next(reversed(list(_BORN.finditer(text, before, start))), None)
        led_to = word is not None and _leads_to(text[word.end() : start])
        if led_to and word is not None and _OTHER_DATE.search(text, word.end(), start):
            led_to = False
        behind = _BORN.search(text, end, min(len(text), end + 30))
        behind_it = behind is not None and re.fullmatch(
            r"[\s,(\[-]*(?:(?:is|was|as|being|for)[ ])?(?:(?:her|his|their|the|my client's)[ ])?(?:\d\d?(?:st|nd|rd|"
            r"th)[ ])?",
            text[end : behind.start()],
        )
        if led_to or behind_it:
            left, right = view.sentence(start, end, 60)
            if not _CELEBRATED.search(text, left, right):
                yield Hit("birth-date", Level.HIGH, start, end)


_BIRTH_WORDS = words(
    "b bday bdays bdate born d date de do dob geb geboren geburtsdatum n ne nee né née turned turning turns"
)
_BIRTH_STEMS = ("birth", "birtth", "bith", "brith")


def _births_said(view: View) -> list[int]:
    """Where a word of birth may begin."""
    starred = [found.start() for found in re.finditer(r"[*]", view.text)]
    return sorted(starred + view.starts(_BIRTH_WORDS, _BIRTH_STEMS))


def _leads_to(between: str) -> bool:
    """Whether what stands between a word of birth and a date still speaks of it."""
    if len(between) <= 25 and not re.search(r"\w", between):
        return True  # a label and its value, in two cells perhaps
    return not re.search(r"\n\s*\n|[;!?]|\.(?=\s+[A-Z])", between)


def dates(view: View) -> Iterator[Hit]:
    """Days of a year in the text of a case, but for those of courses, laws and meetings."""
    if view.passage.place == Place.FILE_NAME or not of_a_case(view.text):
        return
    months = view.starts(frozenset(), _MONTHS)
    spots = sorted(months + [found.start() for found in _IN_DIGITS.finditer(view.text)])
    for found in matches(_FULL, view.text, view.around(spots, 30, 45)):
        start, end = found.span()
        if view.in_signature(start) or view.in_web(start) or _in_heading(view, start):
            continue
        left, right = view.sentence(start, end, 120)
        if EVENT.search(view.text, left, right) and not re.search(
            r"\b(?:admi|discharg|overdos|assault|died)", view.text[left:right], re.I
        ):
            continue
        if re.search(r"\d", found[0]) and (CASE.search(view.text, left, right) or len(view.text) < 4000):
            yield Hit("date", Level.WARNING, start, end)


_MONTHS = (
    "jan", "feb", "fév", "fev", "mar", "mär", "apr", "avr", "may", "mai", "jun", "juin", "jul", "juil", "aug", "août",
    "sep", "oct", "okt", "nov", "dec", "dez", "déc",
)  # fmt: skip
_IN_DIGITS = re.compile(r"\d[ ]?[/.-][ ]?\n?\d{1,2}[ ]?[/.-]")


def _in_heading(view: View, start: int) -> bool:
    """Whether the line says when somebody wrote."""
    left, right = view.line(start)
    line = view.text[left:right]
    return bool(re.search(r"\b(?:wrote|schrieb|écrit)\b|^\W*(?:sent|date|gesendet|envoyé|from)\W*:", line, re.I))


_VERY_OLD = re.compile(r"9\d|1[01]\d")


def ages(view: View) -> Iterator[Hit]:
    """Ages of 90 and more, in digits or in words."""
    if view.mentions(("ninety", "hundred")):
        for found in _AGE_IN_WORDS.finditer(view.text):
            if not _NOT_AN_AGE.search(view.text, max(0, found.start() - 12), found.start()):
                yield Hit("age", Level.WARNING, *found.span())
    old = stretches((found.span() for found in _VERY_OLD.finditer(view.text)), view.text, 15, 25)
    for found in matches(_NEARLY, view.text, old):
        if _SO_OLD.search(view.text, max(0, found.start() - 30), found.start()):
            yield Hit("age", Level.WARNING, *found.span())
    for found in matches(_AGE, view.text, old):
        group = next(name for name in ("age", "aged", "short") if found[name])
        start = found.start(group)
        if _NOT_AN_AGE.search(view.text, max(0, start - 12), start) or view.in_signature(start):
            continue
        yield Hit("age", Level.WARNING, start, found.end())
