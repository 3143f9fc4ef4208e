"""The model that recognises names: loaded once, given texts in pieces; what is said where it is missing.

The pipeline is a real one of spaCy's, made here, which knows two names: nothing has to be fetched.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv import app, setup
from listserv.edge import entities
from listserv.errors import UserError
from listserv.settings import parse
from tests.conftest import community
from tests.pipelines import a_pipeline, needs_spacy

TEXT = "Last week Zephyrine Quoll was here with\nOdalys Wren. Berlin is far.\n"


def recognised(pipeline: Path, *texts: str) -> frozenset[str]:
    return asyncio.run(entities.people(str(pipeline), texts))


@needs_spacy
def test_names_of_people_and_nothing_else(tmp_path: Path) -> None:
    pipeline = a_pipeline(tmp_path, "Zephyrine Quoll", "Odalys\nWren", "Odalys Wren", places=("Berlin",))
    entities.ready(str(pipeline))
    assert recognised(pipeline, "", TEXT) == {"Zephyrine Quoll"} | {"Odalys Wren"}
    assert recognised(pipeline, "", " \n") == frozenset()
    assert recognised(pipeline) == frozenset()


@needs_spacy
def test_only_what_finds_names_is_kept(tmp_path: Path) -> None:
    pipeline = a_pipeline(tmp_path, "Odalys Wren", more=("sentencizer",))
    assert entities._loaded(str(pipeline)).pipe_names == ["entity_ruler"]


@needs_spacy
def test_a_long_text_is_read_in_pieces_up_to_a_limit(tmp_path: Path) -> None:
    pipeline = a_pipeline(tmp_path, "Odalys Wren", "Zephyrine Quoll")
    filler = "Sleep is bad again and nothing helps.\n\n" * 900  # 35,000 characters
    assert recognised(pipeline, filler + "Odalys Wren", filler + "Zephyrine Quoll") == {
        "Odalys Wren",
        "Zephyrine Quoll",
    }
    assert recognised(pipeline, filler * 3 + "Odalys Wren") == frozenset()


@given(st.lists(st.text(alphabet="ab \n", max_size=400), max_size=6), st.integers(1, 90), st.integers(1, 900))
def test_pieces_leave_nothing_out_and_are_never_too_long(texts: list[str], piece: int, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entities, "PIECE", piece)
        patch.setattr(entities, "MOST", most)
        cut = list(entities.pieces(texts))
    assert all(len(one) <= piece for one in cut)
    whole = "".join(dict.fromkeys(texts))[:most]
    assert "".join("".join(cut).split()) == "".join(whole.split())


def test_a_piece_ends_between_paragraphs() -> None:
    text = "a" * 6000 + "\n\n" + "b" * 3000 + "\n" + "c" * 3000
    assert [len(one) for one in entities.pieces([text])] == [6002, 6001]


@needs_spacy
def test_a_pipeline_that_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"^screening\.names: there is no spaCy pipeline xx_none here; .*(installed|download)"
    ):
        entities.ready("xx_none")
    a_pipeline(tmp_path / "empty")
    with pytest.raises(UserError, match="recognises no names"):
        entities.ready(str(tmp_path / "empty"))


def test_without_spacy_check_and_serve_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    words = r"^screening\.names: xx_none needs spaCy, which is not installed; pip install 'spacy"
    with pytest.raises(UserError, match=words):
        entities.ready("xx_none")
    wanted = parse({**community(), "screening": {"names": "xx_none"}}, base=tmp_path)
    (finding,) = setup._names(wanted.screening.names)
    assert (finding.level, finding.subject) == ("problem", "screening.names")
    assert "pip install" in finding.words
    monkeypatch.setattr(app, "load", lambda file: wanted)
    with pytest.raises(UserError, match=words):
        app.run(tmp_path / "settings.yaml")


def test_off_is_the_default_and_nothing_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    settings = parse(community(), base=tmp_path)
    assert settings.screening.names is None
    entities.ready(settings.screening.names)
    assert list(setup._names(settings.screening.names)) == []
