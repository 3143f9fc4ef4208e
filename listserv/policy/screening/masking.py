"""A text with what was found in it covered: what notices show of a post that may name somebody."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from listserv.policy.screening.finding import Finding

NOT_SHOWN = "[The text is not shown: what was found in it could not be covered safely.]"
_RUN = re.compile(r"[^\W_]+")
_BETWEEN = r"[\W_]{0,6}"  # between two pieces of a value, wherever it stands


def covered(text: str, found: Iterable[tuple[int, Finding, str]], label: Callable[[int, Finding], str]) -> str:
    """`text` with every occurrence of each value replaced by `[label]`; a text of ours instead when one is left.

    A value is found whatever stands between its letters and digits: blanks, line ends, quote marks, dashes.
    """
    runs_of = []
    for number, finding, value in found:
        runs = _RUN.findall(value)
        if runs:
            runs_of.append((runs, f"[{label(number, finding)}]"))
    for runs, cover in sorted(runs_of, key=lambda one: -len("".join(one[0]))):
        joined = re.compile(r"(?<![^\W_])" + _BETWEEN.join(map(re.escape, runs)) + r"(?![^\W_])", re.I)
        text = joined.sub(lambda _, cover=cover: cover, text)  # type: ignore[misc]
    bare = re.sub(r"[\W_]+", "", text).casefold()
    if any(len("".join(runs)) > 5 and "".join(runs).casefold() in bare for runs, _ in runs_of):
        return NOT_SHOWN
    return text
