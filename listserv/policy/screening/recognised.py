"""Names that a model took for people's, weighed like all other names: by the words around them.

A model knows a name where no list has it, and knows nothing of whom it belongs to: whoever is greeted, cited or a
member is a person too. So a recognised name is a finding in the text of a case alone; it holds a post as first and last
name beside a word for somebody in care, and is a warning elsewhere. `looking` makes one of what overlaps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from listserv.mail.passages import Place
from listserv.policy.screening import around_names as around
from listserv.policy.screening import people
from listserv.policy.screening.context import case_in
from listserv.policy.screening.finding import Level
from listserv.policy.screening.known import Hit, Known
from listserv.policy.screening.plain import View
from listserv.policy.screening.words import ACRONYMS, EPONYMS, NO_NAMES

LONGEST = 80  # characters of a name
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?")
_OWNED = re.compile(r"['’]s?\Z")
_KIN = (
    r"(?:mother|mum|mom|father|dad|son|daughter|husband|wife|partner|ex|brother|sister|baby|child|boyfriend|girlfriend|"
    r"carer|grandmother|grandfather|nan|pop|aunt|uncle|cousin|nephew|niece|step(?:mother|father|son|daughter)|friend)"
)
_IN_CARE = re.compile(
    rf"\b(?:clients?|patients?|pts?|consumers?|"
    rf"(?:her|his|their|my client's|(?:the |my )?(?:client|patient)['’]s) {_KIN})\b"
)
_LEARNED = re.compile(r"\b(?:dr|prof|professor|doctor|a/prof|assoc|judge|justice|senator)\b\.?[ ]?\Z", re.I)


def names(view: View, known: Known) -> Iterator[Hit]:
    """Recognised names wherever they stand in a passage that speaks of somebody in care."""
    wanted = _pattern(known.recognised)
    if wanted is None or view.passage.place == Place.FILE_NAME or not case_in(view.text, view.about):
        return
    for found in islice(wanted.finditer(view.text), people.MANY):
        start, end = found.span()
        name = " ".join(found[0].split())
        if not _is_known(name, known) and not _is_excused(view, start, end):
            near = view.near(_IN_CARE, start, end, 40, 25)
            if " " in name:
                yield Hit("name", Level.CLINICAL if near else Level.WARNING, start, end)
            elif near or around.SOMEBODYS.search(view.text, *view.sentence(start, end, 160)):
                yield Hit("name", Level.WARNING, start, end)


@lru_cache(8)
def _pattern(recognised: frozenset[str]) -> re.Pattern[str] | None:
    """Every name that may be one, wherever it stands and however its words are parted; the longest first."""
    forms = {words for name in recognised if len(name) <= LONGEST and (words := _words(name))}
    if not forms:
        return None
    either = "|".join(r"[ \t]*\n?[ \t>]*".join(map(re.escape, words)) for words in sorted(forms, key=_longest_first))
    return re.compile(rf"(?<![\w@.-])(?:{either})(?![\w@])")


def _longest_first(words: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    return -sum(map(len, words)), words


def _words(name: str) -> tuple[str, ...]:
    """The words of a recognised name; none where it is no name: a test, a therapy, an abbreviation, a lone letter."""
    words = tuple(found[0] for found in _WORD.finditer(_OWNED.sub("", name)))
    plain = [word.strip(".").casefold() for word in words]
    if not words or len(words) > 5 or not words[0][0].isupper() or not words[-1][0].isupper():
        return ()
    if plain[0] in NO_NAMES or plain[-1] in EPONYMS | NO_NAMES or any(word in ACRONYMS for word in plain):
        return ()
    if (
        any(len(word) > 1 and word.isupper() for word in words)
        or max(map(len, plain)) < 3
        or around.SERVICES.match(name)
    ):
        return ()
    return words


def _is_known(name: str, known: Known) -> bool:
    return known.people.is_known(name) or (" " not in name and known.people.is_first_name(name))


def _is_excused(view: View, start: int, end: int) -> bool:
    """Whether the words around say that it is nobody in care: greeted, cited, published, made up, a colleague."""
    before, behind = view.text[max(0, start - 45) : start], view.text[end : end + 30]
    if view.in_web(start) or _LEARNED.search(before) or around.SPOKEN_TO.search(before) or around.SAID.match(behind):
        return True
    left, right = view.sentence(start, end, 160)
    at_work = around.PROFESSION.search(view.text, left, right) or around.STAFF.search(view.text, left, right)
    return at_work is not None or people.is_nobodys(view, start, end)
