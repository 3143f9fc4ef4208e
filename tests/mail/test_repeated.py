"""Answers that repeat the words of another mail, and those that do not."""

from __future__ import annotations

import pytest

from listserv.mail.message import parse
from listserv.mail.repeated import answered, repeats

OTHER = (
    b"Subject: x\r\n\r\nA baker in Kapunda, whose twins go to the school there, cannot sleep.\r\n\r\n"
    b"> What helps you most of all in the night?\r\n"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I would try light.", False),
        ("Try light.\r\n\r\n> A baker in Kapunda, whose twins go to the school there, cannot sleep.", True),
        ("> A baker in Kapunda,\r\n> whose twins\r\n> go to the school", True),
        ("You say *a baker in Kapunda (whose twins* go", True),
        ("> > What helps you most of all in the night?", False),
        ("The twins go to the school there?", True),
        ("A baker cannot sleep, you say.", False),
    ],
)
def test_words_in_a_row(text: str, expected: bool) -> None:
    assert repeats(parse(b"Subject: Re: x\r\n\r\n" + text.encode() + b"\r\n"), parse(OTHER)) is expected


def test_in_html_and_in_a_few_words() -> None:
    html = b"Content-Type: text/html\r\n\r\n<blockquote>Kapunda <b>baker</b>, twins</blockquote>\r\n"
    assert repeats(parse(html), parse(b"Subject: x\r\n\r\nKapunda baker: twins!\r\n"))
    assert not repeats(parse(html), parse(b"Subject: x\r\n\r\nKapunda\r\nschool\r\n"))
    assert not repeats(parse(html), parse(b"Subject: x\r\n\r\n"))


def test_what_it_answers() -> None:
    head = b"References: <a@x.test> <b@x.test>\r\n\t<c@x.test>\r\nIn-Reply-To: <c@x.test> of today\r\n\r\n"
    assert answered(parse(head)) == ("<a@x.test>", "<b@x.test>", "<c@x.test>")
    assert answered(parse(b"Subject: x\r\n\r\n")) == ()
