"""Answers read from octets: however they are cut, and whatever else comes instead."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.edge.relay_wire import MAX_ANSWER, Answer, Lost, Wire, one_line

STREAM = b"220 hi\r\n250-a\r\n250-\r\n250 c\r\n354\r\n250-2.0.0 x\n250 2.0.0 y\n421 4.3.2 bye\r\n"
ANSWERS = [
    Answer(220, b"hi"),
    Answer(250, b"a\n\nc"),
    Answer(354, b""),
    Answer(250, b"2.0.0 x\n2.0.0 y"),
    Answer(421, b"4.3.2 bye"),
]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def heard(loop: asyncio.AbstractEventLoop, pieces: list[bytes]) -> tuple[list[Answer], Wire]:
    wire = Wire(loop)
    for piece in pieces:
        wire.data_received(piece)
    answers = []
    while (answer := wire.unasked()) is not None:
        answers.append(answer)
    return answers, wire


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_answers_are_the_same_however_the_octets_are_cut(loop: asyncio.AbstractEventLoop, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(edges)]
    answers, wire = heard(loop, pieces)
    assert answers == ANSWERS
    assert not wire.unread
    assert not wire.lost


@given(st.lists(st.binary(max_size=200) | st.sampled_from([b"250 ok\r\n", b"250-", b"\r\n", b"\n", b"421"])))
def test_any_octets_give_answers_or_a_lost_connection_and_nothing_else(
    loop: asyncio.AbstractEventLoop, pieces: list[bytes]
) -> None:
    answers, wire = heard(loop, pieces)
    assert all(200 <= a.code <= 599 for a in answers)
    assert all(a.words().isprintable() for a in answers)
    if wire.lost:
        with pytest.raises(Lost, match=r"not SMTP|too long"):
            loop.run_until_complete(wire.answer(60))


@pytest.mark.parametrize(
    "pieces",
    [
        [b"250 " + b"x" * MAX_ANSWER],
        [b"250 " + b"x" * MAX_ANSWER + b"\r\n"],
        [b"250-" + b"x" * 999 + b"\r\n"] * 100,
        [b"250-\n"] * MAX_ANSWER,
        [b"250 ok\r\n" * 100],
        [b"hello\r\n"],
        [b"25 ok\r\n"],
        [b"2500 ok\r\n"],
        [b"650 ok\r\n"],
        [b"199 ok\r\n"],
        [b"\r\n"],
        ["２５０ ok\r\n".encode()],
    ],
)
def test_what_is_no_reply_or_has_no_end_ends_the_connection(
    loop: asyncio.AbstractEventLoop, pieces: list[bytes]
) -> None:
    _, wire = heard(loop, pieces)
    assert wire.lost


@given(st.text(max_size=2000))
def test_one_line_is_short_and_printable(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert len(line) <= 500
