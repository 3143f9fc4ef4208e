"""Names of people as a model recognises them: spaCy, where a site has installed it and names a pipeline.

Off unless `screening.names` says otherwise, and not among what listserv needs (the extra `names`). `screen` asks before
any transaction; policy.screening.recognised decides what becomes of the names. A model holds the interpreter for tenths
of a second and is not made for several threads: it is loaded and asked in one thread of its own, one text at a time,
and in a memory zone, so that no word of a post stays behind in it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

from listserv.errors import UserError

SETTING = "screening.names"
PIECE = 10_000  # characters that the model gets at once
MOST = 100_000  # characters of one message; what stands behind is left to the detectors
MOST_NAMES = 200  # of one message
LONGEST = 80  # characters of a name
_PERSON = ("PERSON", "PER")  # English pipelines say the first, most others the second
_FINDS_NAMES = "doc.ents"
_READER = ThreadPoolExecutor(1, "names")


def ready(pipeline: str | None) -> None:
    """Loads the pipeline, if one is wanted. Raises UserError, with setting, value and what to do, where it cannot be;
    takes a second or more, so call it outside the event loop."""
    if pipeline:
        _READER.submit(_loaded, pipeline).result()


async def people(pipeline: str, texts: Sequence[str]) -> frozenset[str]:
    """Every name of a person that the pipeline recognises, as it stands there, blanks made one. Raises as `ready`."""
    if not any(text.strip() for text in texts):
        return frozenset()
    return await asyncio.get_running_loop().run_in_executor(_READER, _people, pipeline, texts)


def _people(pipeline: str, texts: Sequence[str]) -> frozenset[str]:
    model = _loaded(pipeline)
    found: set[str] = set()
    with model.memory_zone():
        for doc in model.pipe(pieces(texts), batch_size=1):
            found |= {" ".join(one.text.split()) for one in doc.ents if one.label_ in _PERSON}
    return frozenset(sorted(name for name in found if 1 < len(name) <= LONGEST)[:MOST_NAMES])


def pieces(texts: Iterable[str]) -> Iterator[str]:
    """The texts, cut between paragraphs where they are too long for one piece, else between lines or words; the same
    text once, and MOST characters in all."""
    left = MOST
    for text in dict.fromkeys(texts):
        at, end = 0, min(len(text), left)
        left -= end
        while at < end:
            stop = min(end, at + PIECE)
            if stop < len(text):
                stop = _cut(text, at, stop)
            if text[at:stop].strip():
                yield text[at:stop]
            at = stop


def _cut(text: str, at: int, stop: int) -> int:
    """The last good place to cut in the second half of a piece; its end, where there is none."""
    for gap in ("\n\n", "\n", " "):
        found = text.rfind(gap, at + (stop - at) // 2, stop)
        if found >= 0:
            return found + len(gap)
    return stop


@lru_cache(1)
def _loaded(pipeline: str) -> Any:
    """The pipeline with nothing in it but what finds names and what that listens to."""
    try:
        import spacy
    except ImportError:
        words = f"{pipeline} needs spaCy, which is not installed; pip install 'spacy>=3.8,<4', or leave it empty"
        raise UserError(f"{SETTING}: {words}") from None
    try:
        model = spacy.load(pipeline)
    except OSError:
        words = f"there is no spaCy pipeline {pipeline} here; {_instead(spacy, pipeline)}, or leave it empty"
        raise UserError(f"{SETTING}: {words}") from None
    except Exception as error:
        words = (
            f"the spaCy pipeline {pipeline} cannot be loaded ({_first_line(error)}); install one made for this spaCy"
        )
        raise UserError(f"{SETTING}: {words}, which is {spacy.__version__}, or leave it empty") from None
    finders = {name for name in model.pipe_names if _FINDS_NAMES in model.get_pipe_meta(name).assigns}
    if not finders:
        raise UserError(f"{SETTING}: the spaCy pipeline {pipeline} recognises no names; choose one with `ner` in it")
    for name in model.pipe_names:
        if name not in finders and not finders & set(getattr(model.get_pipe(name), "listening_components", ())):
            model.remove_pipe(name)
    return model


def _instead(spacy: Any, pipeline: str) -> str:
    installed = sorted(spacy.util.get_installed_models())
    if installed:
        return f"name one that is installed ({', '.join(installed)})"
    return f"install it with: python -m spacy download {pipeline}"


def _first_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error))[:120] or type(error).__name__
