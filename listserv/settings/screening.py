"""The settings of the screen: what a site looks for besides, and what is no finding (docs/screening.md)."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from listserv.policy.screening import BUILT_IN, Level, OwnDetector
from listserv.settings.values import Section, Words, as_tuple


class DetectorSettings(Section):
    """Something that the screen looks for on this site besides its own kinds, such as a hospital's own numbers."""

    name: Annotated[str, Field(min_length=2, max_length=60)]
    pattern: Annotated[str, Field(min_length=2, max_length=1000)]
    level: Literal["high", "clinical", "warning", "note"] = "clinical"
    words: Annotated[str, Field(max_length=300)] = ""  # how to write it instead

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if value.strip() in BUILT_IN:
            raise ValueError("is the name of a detector of the program; choose another one")
        return value.strip()

    @field_validator("pattern")
    @classmethod
    def _pattern(cls, value: str) -> str:
        try:
            pattern = re.compile(value, re.I)
        except re.error as error:
            raise ValueError(f"is not a regular expression: {error}") from error
        if pattern.search(""):
            raise ValueError("matches where nothing stands; let it ask for at least one character")
        if _ENDLESS.search(value):
            raise ValueError("may take for ever: it repeats a group that repeats itself; write limits, such as {1,20}")
        return value

    def detector(self) -> OwnDetector:
        return OwnDetector(self.name, re.compile(self.pattern, re.I), Level(self.level), self.words)


_ENDLESS = re.compile(r"\((?:[^()\\]|\\.)+?[*+}](?:[^()\\]|\\.)*\)(?:[*+]|\{\d*,\})")


class Screening(Section):
    """What every screened list looks for besides, and what is no finding (docs/screening.md)."""

    detectors: Annotated[tuple[DetectorSettings, ...], BeforeValidator(as_tuple)] = ()
    allowed: Words = ()  # numbers, names, addresses, domains
    names: Annotated[str, Field(max_length=200)] | None = None  # a spaCy pipeline that recognises names; None: none

    @field_validator("detectors")
    @classmethod
    def _different(cls, value: tuple[DetectorSettings, ...]) -> tuple[DetectorSettings, ...]:
        names = [one.name for one in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"has two detectors with the name {twice}; a finding is known by the name")
        return value

    def own(self) -> tuple[OwnDetector, ...]:
        return tuple(one.detector() for one in self.detectors)
