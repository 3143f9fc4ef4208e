"""Arguments of MAIL, RCPT and XFORWARD: whatever comes gives a value that is safe to use, or a refusal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.errors import Reply
from listserv.intake import commands, replies
from listserv.intake.commands import Forwarded, Sender

NASTY = st.text(st.sampled_from('ab.@<>"\\ ,:;()[]\t\r\n\x00\x7fäé\udcff-_=%+'), max_size=40)


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        ("FROM:<anna@people.example>", "anna@people.example"),
        ("from: <Anna@People.Example>", "Anna@People.Example"),
        ("FROM:<>", ""),
        ("FROM:<@relay.example:anna@people.example>", "anna@people.example"),
        ('FROM:<"anna b"@people.example>', '"anna b"@people.example'),
        ('FROM:<"a>b"@people.example> BODY=7BIT', '"a>b"@people.example'),
        (r'FROM:<"a\"b"@people.example>', r'"a\"b"@people.example'),
        ("FROM:<anna@[192.0.2.1]>", "anna@[192.0.2.1]"),
        ("FROM:<anna@[IPv6:2001:db8::1]>", "anna@[IPv6:2001:db8::1]"),
        ("FROM:<a!b#$%&'*+/=?^_`{|}~-@people.example>", "a!b#$%&'*+/=?^_`{|}~-@people.example"),
        ("FROM:<prvs=1234=anna@people.example>", "prvs=1234=anna@people.example"),
        ("FROM:<a@b>", "a@b"),
    ],
)
def test_senders_that_may_come(argument: str, address: str) -> None:
    sender = commands.sender(argument, extended=True)
    assert isinstance(sender, Sender)
    assert sender.address == address


@pytest.mark.parametrize(
    "path",
    [
        "a@b@c",
        ".a@b",
        "a.@b",
        "a@-b.example",
        "a@b.example.",
        "a@b-.example",
        'a"b"@c',
        '"a"b@c',
        "a(b)@c",
        "a@b c",
        "@b",
    ],
)
def test_malformed_paths(path: str) -> None:
    assert commands.sender(f"FROM:<{path}>", extended=True) is replies.BAD_SENDER
    assert commands.recipient(f"TO:<{path}>", smtputf8=True) is replies.BAD_RECIPIENT


def test_lengths_are_those_of_the_rfc() -> None:
    domain = ".".join(["d" * 50] * 5)
    assert commands.recipient(f"TO:<{'a' * 64}@{domain}>", smtputf8=False) == f"{'a' * 64}@{domain}"
    assert commands.recipient(f"TO:<{'a' * 65}@{domain}>", smtputf8=False) is replies.BAD_RECIPIENT
    assert commands.recipient(f"TO:<a@{domain}.{'e' * 10}>", smtputf8=False) is replies.BAD_RECIPIENT
    assert commands.recipient(f"TO:<{'ä' * 33}@b.example>", smtputf8=True) is replies.BAD_RECIPIENT


@given(NASTY, NASTY)
def test_nothing_dangerous_gets_through(path: str, rest: str) -> None:
    for argument in (f"FROM:<{path}>{rest}", f"FROM:{path}"):
        sender = commands.sender(argument, extended=True)
        if isinstance(sender, Sender):
            assert not re.search("[\x00-\x1f\x7f\ud800-\udfff]", sender.address)
            assert "@" in sender.address or sender.address == ""
            assert sender.address.isascii() or sender.smtputf8
    recipient = commands.recipient(f"TO:<{path}>{rest}", smtputf8=False)
    assert isinstance(recipient, Reply) or (recipient.isascii() and recipient.isprintable() and "@" in recipient)


@given(st.text(max_size=100))
def test_xforward_gives_clean_values_or_is_refused(argument: str) -> None:
    known = commands.forwarded(argument, None)
    assert isinstance(known, Reply | Forwarded)


@pytest.mark.parametrize(
    ("argument", "known"),
    [
        ("ADDR=192.0.2.1 HELO=spike.example", Forwarded("192.0.2.1", "spike.example")),
        ("ADDR=IPv6:2001:DB8::1", Forwarded("2001:db8::1", "")),
        ("HELO=spike+2Eexample", Forwarded("", "spike.example")),
        ("HELO=a+0D+0AX:+20y", Forwarded("", "")),
        ("ADDR=[UNAVAILABLE] HELO=[UNAVAILABLE]", Forwarded("", "")),
        ("NAME=x PORT=25 PROTO=ESMTP IDENT=1 SOURCE=LOCAL", Forwarded("", "")),
        ("ADDR=300.1.1.1", replies.BAD_XFORWARD),
        ("ADDR", replies.BAD_XFORWARD),
        ("", replies.BAD_XFORWARD),
    ],
)
def test_xforward(argument: str, known: Forwarded | Reply) -> None:
    assert commands.forwarded(argument, None) == known


def test_a_second_xforward_adds_to_the_first() -> None:
    assert commands.forwarded("HELO=a", Forwarded("192.0.2.1", "")) == Forwarded("192.0.2.1", "a")
