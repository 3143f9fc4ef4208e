"""All that the screen found in one message, with the values: it is kept sealed (vault) and goes with the original."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from listserv.mail.passages import Place
from listserv.policy.screening.finding import Finding, Level


@dataclass(frozen=True, slots=True)
class Screened:
    """`values` and `parts` are in step with `findings`: what was found, and in which leaf part (-1: the header).

    A finding's number for people is its place here, from 1, and never changes; `gone` holds the numbers of those that
    were taken out since, `before` those of them that were gone already when moderators began to take out.
    """

    findings: tuple[Finding, ...] = ()
    values: tuple[str, ...] = field(default=(), repr=False)
    parts: tuple[int, ...] = ()
    gone: frozenset[int] = frozenset()
    before: frozenset[int] | None = None

    def left(self) -> Iterator[tuple[int, Finding, str]]:
        """Number, finding and value of what still stands in the message."""
        for number, (finding, value) in enumerate(zip(self.findings, self.values, strict=True), 1):
            if number not in self.gone:
                yield number, finding, value

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(finding.kind for _, finding, _ in self.left())

    def at(self, *levels: Level) -> tuple[Finding, ...]:
        """What still stands there of these levels."""
        return tuple(finding for _, finding, _ in self.left() if finding.level in levels)

    @property
    def masks(self) -> bool:
        """Whether a notice must not show the text as it is (contract: an H or h finding)."""
        return bool(self.at(Level.HIGH, Level.CLINICAL))

    def without(self, numbers: Collection[int]) -> Screened:
        return replace(self, gone=self.gone | frozenset(numbers))

    def put_back(self) -> Screened:
        """As it was before moderators began to take out."""
        return replace(self, gone=self.before or frozenset(), before=None)

    def stored(self) -> dict[str, Any]:
        """As plain values for JSON; `restored` reads it again."""
        return {
            "findings": [asdict(finding) for finding in self.findings],
            "values": list(self.values),
            "parts": list(self.parts),
            "gone": sorted(self.gone),
            "before": None if self.before is None else sorted(self.before),
        }

    @classmethod
    def restored(cls, data: dict[str, Any]) -> Screened:
        findings = tuple(
            Finding(**{**one, "level": Level(one["level"]), "place": Place(one["place"])}) for one in data["findings"]
        )
        before = data.get("before")
        return cls(
            findings,
            tuple(data["values"]),
            tuple(data["parts"]),
            frozenset(data["gone"]),
            None if before is None else frozenset(before),
        )


NOTHING_FOUND = Screened()
