"""A pipeline of spaCy's for tests: it knows the names that it is given, by rule, and nothing has to be fetched."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import SKIPPED

_WORDS = "spaCy is not installed: no name is recognised by a model here"
_MISSING = find_spec("spacy") is None
if _MISSING:
    SKIPPED.append(_WORDS)
needs_spacy = pytest.mark.skipif(_MISSING, reason=_WORDS)


def a_pipeline(folder: Path, *names: str, places: tuple[str, ...] = (), more: tuple[str, ...] = ()) -> Path:
    """Writes it, with other components as wanted; without names and places it recognises nothing."""
    import spacy

    model = spacy.blank("en")
    for component in more:
        model.add_pipe(component)
    if names or places:
        ruler = model.add_pipe("entity_ruler")
        ruler.add_patterns([{"label": "PERSON", "pattern": name} for name in names])  # type: ignore[attr-defined]
        ruler.add_patterns([{"label": "GPE", "pattern": place} for place in places])  # type: ignore[attr-defined]
    model.to_disk(folder)
    return folder
