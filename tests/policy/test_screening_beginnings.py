"""Slow patterns are tried only where one of their first words stands: here each pattern is held to its list of words.

Texts are made from the patterns themselves. What a pattern finds in all of a text, it has to find at the places to
which the words lead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from listserv.mail.passages import Passage, Place
from listserv.policy.screening import circumstances, contacts, danger, dates, naming, numbers, pages, people, traits
from listserv.policy.screening.plain import View, view

Starts = Callable[[View], Sequence[int]]


def _words(words: frozenset[str], stems: tuple[str, ...] = ()) -> Starts:
    return lambda seen: seen.starts(words, stems)


def _capitals(seen: View) -> Sequence[int]:
    return seen.capitals_at()


def _initialled(seen: View) -> Sequence[int]:
    return sorted({*seen.capitals_at(2), *seen.starts(naming.INITIALLED)})


def _planned(seen: View) -> Sequence[int]:
    words = seen.starts(danger._PLANNED, danger._PLANNED_STEMS)
    return sorted([*words, *(start - 1 for start in seen.words.get("ll", ()))])


LABELLED = next(row.pattern for row in numbers.ROWS if row.labelled)
PATTERNS: dict[str, tuple[re.Pattern[str], Starts]] = {
    "record label": (LABELLED, _words(numbers._LABELS)),
    "estate": (contacts._ESTATE, _words(contacts._LOTS)),
    "po box": (contacts._PO_BOX, _words(*contacts._BOXES)),
    "titled": (naming.TITLED, _words(naming.TITLES)),
    "titled, small": (naming.SMALL_TITLED, _words(naming.SMALL_TITLES)),
    "named": (naming.NAMED, _words(naming.NAMING)),
    "of client": (naming.OF_CLIENT, _words(naming.CLIENTS)),
    "renamed": (naming.RENAMED, _words(frozenset(), naming.RENAMING)),
    "beside a number": (naming.BESIDE_NUMBER, _capitals),
    "related, small": (naming.RELATED_SMALL, _words(naming.SMALL_RELATED)),
    "alone": (naming.ALONE, _capitals),
    "initials": (naming.INITIALS, lambda seen: seen.capitals_at(1)),
    "titled initial": (naming.TITLED_INITIAL, _words(naming.TITLES)),
    "two letters": (naming.TWO_LETTERS, lambda seen: seen.capitals_at(2)),
    "client's initials": (naming.CLIENT_INITIALS, _initialled),
    "workplace": (circumstances._WORKPLACE, _words(circumstances._TOWARDS)),
    "unit": (circumstances._UNIT, circumstances._units),
    "employer": (circumstances._EMPLOYER, _words(circumstances._EMPLOYED)),
    "labelled workplace": (circumstances._LABELLED, _words(circumstances._EMPLOYERS)),
    "school": (circumstances._SCHOOL, _capitals),
    "third party": (circumstances._THIRD, _words(circumstances._THIRDS)),
    "criticised": (circumstances._CRITICISED, _words(circumstances._CRITICAL, circumstances._CRITICAL_STEMS)),
    "by name": (circumstances._BY_NAME, _capitals),
    "page": (pages._STORY, _words(pages._LINKS)),
    "account": (pages._HANDLE, _words(pages._ACCOUNTS)),
    "birth": (dates._BORN, dates._births_said),
    "plan": (danger._PLAN, _planned),
    "myself": (danger._MYSELF, _words(frozenset(("i",)))),
    **{
        f"trait: {kind}": (pattern, lambda seen, kind=kind: traits._starts(seen, kind))  # type: ignore[misc]
        for kind, pattern in traits.TRAITS.items()
        if kind != "small place"
    },
    **{
        f"relation {number}": (
            relation.pattern,
            _capitals if relation.begins is None else _words(relation.begins),
        )
        for number, relation in enumerate(people.RELATIONS)
    },
}
SELDOM = settings(max_examples=60, derandomize=True, suppress_health_check=list(HealthCheck), deadline=None)


def _letters(pattern: re.Pattern[str]) -> st.SearchStrategy[str]:
    """Texts in which the pattern is found, of characters that mail has."""
    return st.from_regex(pattern, fullmatch=False, alphabet=st.characters(codec="cp1252", exclude_categories=["Cc"]))


@pytest.mark.parametrize("name", PATTERNS)
def test_the_first_words_lead_to_every_match(name: str) -> None:
    pattern, starts = PATTERNS[name]
    met = 0

    @SELDOM
    @given(st.tuples(st.sampled_from(["", "So ", "x. "]), _letters(pattern), st.sampled_from(["", " and", "\n"])))
    def held(pieces: tuple[str, str, str]) -> None:
        nonlocal met
        seen = view(Passage(Place.TEXT, -1, "", "".join(pieces)))
        everywhere = [found.span() for found in pattern.finditer(seen.text)]
        met += len(everywhere)
        assert [found.span() for found in seen.matches_at(pattern, starts(seen))] == everywhere

    held()
    assert met > 20  # or this shows nothing


@pytest.mark.parametrize("row", [row for row in numbers.ROWS if row.words and row.near], ids=lambda row: row.kind)
def test_the_words_of_a_row_stand_in_whatever_its_pattern_needs(row: numbers.Number) -> None:
    assert row.near is not None

    @SELDOM
    @given(_letters(row.near))
    def held(text: str) -> None:
        seen = view(Passage(Place.TEXT, -1, "", text))
        if row.near is not None and row.near.search(seen.text):
            assert seen.mentions(row.words)

    held()


@pytest.mark.parametrize(
    "row", [row for row in numbers.ROWS if row.digits > 3 and not row.labelled], ids=lambda row: row.kind
)
def test_what_a_row_finds_has_the_digits_that_it_says(row: numbers.Number) -> None:
    @SELDOM
    @given(_letters(row.pattern))
    def held(text: str) -> None:
        seen = view(Passage(Place.TEXT, -1, "", text))
        for found in row.pattern.finditer(seen.text):
            if sum(character.isdigit() for character in found[0]) == len(re.sub(r"\W", "", found[0])):
                assert list(numbers._matches(seen, row, seen.text)), found[0]

    held()
