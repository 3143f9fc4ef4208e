"""Plays the dialogues of this folder over real sockets.

``# words`` says what is promised; ``! lmtp trusted recipients=2`` sets up the daemon; ``C:`` is a line that the
client sends, ``C<raw>:`` octets with Python's escapes and no line end; ``S:`` is a line of the server in which
``...`` stands for anything (``S: 250-...`` for one or more such lines); ``S<closed>`` says that the server closes,
``= 2`` that the house has taken two messages by now.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.front_door import Talk, open_door

FOLDER = Path(__file__).parent
DIALOGS = sorted(FOLDER.glob("*.txt"))


def test_there_are_dialogues_and_each_says_what_it_promises() -> None:
    assert len(DIALOGS) >= 30
    for path in DIALOGS:
        lines = path.read_text("utf-8").splitlines()
        assert lines[0].startswith("# "), path.name
        assert any(line.startswith("S") for line in lines), path.name


@pytest.mark.parametrize("path", DIALOGS, ids=lambda path: path.stem)
def test_dialogue(path: Path) -> None:
    asyncio.run(play(path.read_text("utf-8").splitlines()))


async def play(lines: list[str]) -> None:
    lmtp, limits = set_up(lines)
    async with open_door(lmtp=lmtp, **limits) as door, door.silent() as talk:
        for number, line in enumerate(lines, 1):
            kind, _, text = line.partition(":")
            text = text.removeprefix(" ")
            if line.startswith("= "):
                assert len(door.house.taken) == int(line[2:]), f"line {number}"
            elif kind == "C":
                await talk.send(text.encode() + b"\r\n")
            elif kind == "C<raw>":
                await talk.send(text.encode("latin-1").decode("unicode_escape").encode("latin-1"))
            elif kind == "S":
                await expect(talk, text, number)
            elif line == "S<closed>":
                assert await talk.rest() == b"", f"line {number}"
            else:
                assert not line or line[0] in "#!", f"line {number} is nothing that we know: {line}"
        talk.writer.close()


def set_up(lines: list[str]) -> tuple[bool, dict[str, Any]]:
    words = [word for line in lines if line.startswith("! ") for word in line[2:].split()]
    limits: dict[str, Any] = {name: int(value) for name, _, value in (w.partition("=") for w in words) if value}
    if "trusted" in words:
        limits["trusted_peers"] = ("127.0.0.0/8",)
    return "lmtp" in words, limits


async def expect(talk: Talk, pattern: str, number: int) -> None:
    exact = re.compile(".*".join(re.escape(part) for part in pattern.split("...")))
    got = await talk.line()
    assert exact.fullmatch(got), f"line {number}: expected {pattern!r}, got {got!r}"
    if pattern[3:4] == "-" and pattern.endswith("-..."):
        while exact.fullmatch((await peek(talk)).decode()):
            await talk.line()


async def peek(talk: Talk) -> bytes:
    """The next line that the server has sent, left in place; a continued reply comes in one piece or soon."""
    line = await talk.reader.readline()
    talk.reader._buffer[:0] = line  # type: ignore[attr-defined]
    return line.rstrip(b"\r\n")
