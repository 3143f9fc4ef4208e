"""Every reply has a right enhanced code, those of aiosmtpd too, and fits onto the wire."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re

import aiosmtpd.lmtp
import aiosmtpd.smtp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.errors import Reply
from listserv.intake import replies
from tests.front_door import House, open_door

TABLE = {name: value for name, value in vars(replies).items() if isinstance(value, Reply)}
WITHOUT_ENHANCED = {"BAD_HELO", "GO_AHEAD"}  # RFC 2034 section 4: answers to HELO and EHLO, and 3xx


def said_by_aiosmtpd() -> list[str]:
    """Every text in aiosmtpd's source that begins like a reply, places filled with an x."""
    found = set()
    for module in (aiosmtpd.smtp, aiosmtpd.lmtp):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            text = ""
            if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
                text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            elif isinstance(node, ast.JoinedStr):
                text = "".join(str(p.value) if isinstance(p, ast.Constant) else "x" for p in node.values)
            if re.match(r"[2-5]\d\d ", text):
                found.add(text)
    # Not replies by themselves: the greeting and the name after HELO, and the last line of the answer to EHLO.
    return sorted(found - {"220 {} {}", "250 {}", "250 HELP"})


def test_aiosmtpd_says_as_much_as_we_think() -> None:
    assert len(said_by_aiosmtpd()) >= 40


@pytest.mark.parametrize("line", said_by_aiosmtpd())
def test_what_aiosmtpd_says_is_in_our_table(line: str) -> None:
    reply = replies.dressed(line)
    assert reply is not None
    if reply.code >= 400 or reply.code < 300:
        assert reply.enhanced[:1] == str(reply.code)[0] or reply is replies.BAD_HELO
    # 250 HELP becomes a 214, a crash (500) a 451; all others keep what they mean.
    assert reply.code // 100 == int(line[0]) or reply is replies.OUR_FAULT


@pytest.mark.parametrize("name", sorted(TABLE))
def test_code_and_enhanced_code_agree(name: str) -> None:
    reply = TABLE[name]
    if name in WITHOUT_ENHANCED:
        assert reply.enhanced == ""
    else:
        assert re.fullmatch(r"[245]\.[0-7]\.\d{1,2}", reply.enhanced)
        assert reply.enhanced[0] == str(reply.code)[0]
    assert reply.text.isascii()
    assert len(reply.text) < replies.LINE


def test_a_line_that_is_not_in_the_table_is_seen() -> None:
    assert replies.dressed("299 something new") is None
    assert replies.dressed("535 5.7.8 as it was") == Reply(535, "5.7.8", "as it was")


@given(st.text(max_size=1500), st.booleans())
def test_any_text_fits_onto_the_wire(text: str, utf8: bool) -> None:
    raw = replies.wire(Reply(550, "5.7.1", text.encode("utf-8", "replace").decode()), utf8=utf8)
    lines = raw.split(b"\r\n")
    assert lines.pop() == b""
    for number, line in enumerate(lines, 1):
        assert len(line) <= 510
        assert line.startswith(b"550 5.7.1 " if number == len(lines) else b"550-5.7.1 ")
        assert not re.search(rb"[\x00-\x1f\x7f]", line)
        assert utf8 or line.isascii()


def test_long_words_of_the_house_come_in_lines_and_cannot_end_the_reply() -> None:
    async def refusing() -> None:
        async with open_door(House()) as door, door.talk() as talk:
            await talk.up_to_data()
            await talk.send(b"Subject: long words\r\n\r\n.\r\nQUIT\r\n")
            lines = (await talk.rest()).decode("ascii").splitlines()
            assert lines.pop() == "221 2.0.0 Bye"
            assert len(lines) > 2
            assert all(line.startswith("550-5.7.1 ") for line in lines[:-1])
            assert lines[-1].startswith("550 5.7.1 250 2.0.0 injected")

    asyncio.run(refusing())
