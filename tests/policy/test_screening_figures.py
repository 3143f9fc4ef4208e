"""How well the screen does on the labelled posts: what the program promises of it.

`python -m tests.screening` prints the table. Tuned is on own.yaml alone.
"""

from __future__ import annotations

import pytest

from tests.screening import measure, report


@pytest.mark.parametrize("corpus", ["own", "other_hand"])
def test_the_screen_finds_what_it_should_and_holds_little_else(corpus: str) -> None:
    figures = measure(corpus)
    print(report(corpus, figures))
    if corpus == "own":  # the other hand's is told, not asked for: docs/screening.md says where it falls short
        assert figures.recall("H") >= 0.98
        assert figures.held_wrongly < 0.03
