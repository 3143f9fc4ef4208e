"""The settings of the screen: detectors of a site, each mistake with its place and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from listserv.policy.screening import Level
from listserv.settings import parse
from tests.conftest import community
from tests.test_settings import problems

WARD = {"name": "Ward number", "pattern": r"WN-\d{6}", "level": "high", "words": "Leave it out."}


def site(*detectors: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**community(), "screening": {"detectors": list(detectors), **more}}


def test_a_detector_of_the_site() -> None:
    settings = parse(site(WARD, {"name": "Bed", "pattern": "bed \\d+"}, allowed=["(03) 5550 1234"]), base=Path("/srv"))
    ward, bed = settings.screening.own()
    assert (ward.name, ward.level, ward.words) == ("Ward number", Level.HIGH, "Leave it out.")
    assert (bed.level, bed.words) == (Level.CLINICAL, "")
    assert ward.pattern.search("wn-123456")
    assert settings.screening.allowed == ("(03) 5550 1234",)


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        ({"pattern": "WN-("}, "screening.detectors.0.pattern", "is not a regular expression"),
        ({"pattern": r"\d*"}, "screening.detectors.0.pattern", "matches where nothing stands"),
        ({"pattern": r"(a+)+b"}, "screening.detectors.0.pattern", "may take for ever"),
        ({"pattern": r"(\w+\s?)*x"}, "screening.detectors.0.pattern", "may take for ever"),
        ({"name": "medicare-card"}, "screening.detectors.0.name", "choose another one"),
        ({"level": "severe"}, "screening.detectors.0.level", "high"),
        ({"word": "x"}, "screening.detectors.0.word", "words"),
    ],
)
def test_a_mistake_says_where_it_is_and_what_to_do(change: dict[str, Any], where: str, words: str) -> None:
    found = problems(site({**WARD, **change}))
    assert where in found
    assert words in found[where]


def test_two_detectors_have_two_names() -> None:
    assert "two detectors with the name Ward number" in problems(site(WARD, WARD))["screening.detectors"]
