"""Names that a model recognised: what becomes of them, without any model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.mail.passages import Passage, Place
from listserv.mail.whose import whose
from listserv.policy.screening import Finding, Known, Level, screen

NOBODYS = "Zephyrine Quoll"  # in no list of names


def found(text: str, *recognised: str, **known: object) -> tuple[tuple[str, Level], ...]:
    """Value and level of every name that is found."""
    return tuple((text[one.start : one.end], one.level) for one in findings(text, *recognised, **known))


def findings(text: str, *recognised: str, **known: object) -> list[Finding]:
    passage = Passage(Place.TEXT, 0, "", text, *whose(text))
    who = Known(recognised=frozenset(recognised), **known)  # type: ignore[arg-type]
    return [one for one in screen((passage,), who) if one.kind == "name"]


@pytest.mark.parametrize(
    ("text", "recognised", "wanted"),
    [
        ("I have seen a client for weeks, Zephyrine Quoll, and she sleeps badly.", NOBODYS, Level.CLINICAL),
        ("She rang me, and her mother, it was Zephyrine Quoll, did too.", NOBODYS, Level.CLINICAL),
        ("The client and, later, Zephyrine Quoll were both unwell; she cried.", NOBODYS, Level.CLINICAL),
        ("She sleeps badly. In the end it was Zephyrine Quoll who rang.", NOBODYS, Level.WARNING),
        ("She sleeps badly. In the end it was Zephyrine who rang her.", "Zephyrine", Level.WARNING),
        ("She sleeps badly. In the end she had Zephyrine's turn.", "Zephyrine's", Level.WARNING),
        ("She sleeps badly. In the end it was Zephyrine\nQuoll who rang.", NOBODYS, Level.WARNING),
    ],
)
def test_a_recognised_name_in_the_text_of_a_case(text: str, recognised: str, wanted: Level) -> None:
    assert found(text) == ()
    ((value, level),) = found(text, recognised)
    assert " ".join(value.split()) == recognised.removesuffix("'s")
    assert level is wanted


@pytest.mark.parametrize(
    "text",
    [
        "The room is free again; Zephyrine Quoll has the key.",  # nobody in care
        "She sleeps badly. The Zephyrine list counts hours.",  # a word alone, in a sentence about nobody
        "Dear Zephyrine Quoll,\n\nmy client sleeps badly. She is tired.\n",
        "My client sleeps badly.\n\nThanks to Zephyrine Quoll for the idea that she rests.\n",
        "She sleeps badly, as Zephyrine Quoll wrote last week.",
        "She sleeps badly; Zephyrine Quoll (2019) has a chapter on it.",
        "She sleeps badly; the Zephyrine Quoll Scale says so.",
        "She sleeps badly; I asked Dr Zephyrine Quoll.",
        "My client, not her real name, Zephyrine Quoll, sleeps badly.",
        "She sleeps badly; a colleague, Zephyrine Quoll, a psychologist, has a place.",
        "She sleeps badly; see https://example.org/Zephyrine/Quoll",
        "She sleeps badly.\n\nKind regards,\nZephyrine Quoll\n",
    ],
)
def test_who_is_greeted_cited_thanked_or_made_up_is_no_finding(text: str) -> None:
    assert found(text, NOBODYS, "Zephyrine", "Quoll") == ()


TEXT = "She is tired. My client, Zephyrine Quoll, sleeps badly."


def test_members_the_author_and_what_is_allowed_are_no_findings() -> None:
    assert found(TEXT, NOBODYS)
    assert found(TEXT, NOBODYS, members=frozenset({"Zephyrine Quoll"})) == ()
    assert found(TEXT, NOBODYS, author_name="Zephyrine Quoll") == ()
    assert found(TEXT, NOBODYS, allowed=("Zephyrine Quoll",)) == ()


@pytest.mark.parametrize("no_name", ["EMDR", "DASS", "Beck", "CBT", "Lifeline", "zephyrine", "Q", "...", "(", "Monday"])
def test_tests_therapies_and_what_is_no_name_are_no_findings(no_name: str) -> None:
    assert found(f"My client had {no_name} and she sleeps badly.", no_name) == ()


def test_what_is_found_already_is_not_found_twice_and_stays_as_grave() -> None:
    text = "My client Mrs Hannah Quoll sleeps badly; she is tired."
    before = found(text)
    assert [level for _, level in before] == [Level.CLINICAL]
    assert found(text, "Hannah Quoll", "Hannah", "Quoll") == before


def test_a_mask_shows_nothing_of_the_name() -> None:
    (one,) = findings(TEXT, NOBODYS)
    assert set(one.masked) <= {"•", " "}


@given(st.frozensets(st.text(max_size=90), max_size=8), st.text(max_size=200))
def test_no_name_that_a_model_invents_breaks_the_screen(recognised: frozenset[str], text: str) -> None:
    for one in findings("She sleeps. " + text, *recognised):
        assert 0 <= one.start < one.end <= len("She sleeps. " + text)
