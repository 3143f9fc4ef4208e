"""A message as bytes and fields: split in one way, bounded, never raising but for what is too complex."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.mail.message import (
    TooComplex,
    check_structure,
    content_hash,
    decode_words,
    every,
    first,
    has_bare_newline,
    iter_parts,
    last,
    message_id,
    normalise,
    parameters,
    parse,
    received_count,
    text_header,
)

PIECES = """From Subject : a@b --b -- =?utf-8?q? ?= =
Content-Type:_multipart/mixed;_boundary=b~ Content-Type:_message/rfc822~ Content-Type:_text/html~
Content-Transfer-Encoding:_base64~ Content-Transfer-Encoding:_quoted-printable~ ~~ ~ _"""
WORDS = [word.replace("_", " ").replace("~", "\r\n").encode() for word in PIECES.split()]
MAILISH = st.lists(
    st.sampled_from([*WORDS, b"\t", b"\n", b"\r", b"\0", b"\xe9", b"\xc3\xa9", b"x" * 1200]), max_size=60
).map(b"".join)


@given(st.binary() | MAILISH)
def test_every_line_end_becomes_crlf_and_no_other_byte_changes(data: bytes) -> None:
    out = normalise(data)
    assert not has_bare_newline(out)
    assert out.replace(b"\r\n", b"\n") == data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert normalise(out) == out


@pytest.mark.parametrize(
    ("data", "bare"),
    [
        (b"", False),
        (b"a\r\nb\r\n", False),
        (b"a\nb", True),
        (b"a\rb", True),
        (b"\n\r", True),
        (b"\r\r\n", True),
        (b"\r\n\n", True),
    ],
)
def test_a_lone_cr_or_lf_is_seen(data: bytes, bare: bool) -> None:
    assert has_bare_newline(data) is bare


SPLIT = [
    (b"A: 1\r\nB: 2\r\n\r\nbody\r\n", [b"A", b"B"], b"body\r\n"),
    (b"A: 1\r\n folded\r\n\t more\r\nB: 2\r\n\r\n", [b"A", b"B"], b""),
    (b"From ann Mon Nov 23\r\nA: 1\r\n\r\nx", [b"A"], b"x"),
    (b">From ann Mon Nov 23\r\nA: 1\r\n\r\nx", [b"A"], b"x"),
    (b"From : ann@x.test\r\n\r\nx", [b"From"], b"x"),
    (b"From \t: ann@x.test\r\n\r\nx", [b"From"], b"x"),
    (b"From ann", [], b""),
    (b"A: 1\r\nno field here\r\nB: 2\r\n\r\nx", [b"A"], b"no field here\r\nB: 2\r\n\r\nx"),
    (b"A: 1\r\nB: 2", [b"A", b"B"], b""),
    (b"A: 1\r\nB: 2\r\n", [b"A", b"B"], b""),
    (b"A: 1\r\nB: 2\r\n folded", [b"A", b"B"], b""),
    (b"\r\nbody", [], b"body"),
    (b" no field\r\nA: 1\r\n\r\n", [], b" no field\r\nA: 1\r\n\r\n"),
    (b"only text", [], b"only text"),
    (b"", [], b""),
    (b":x\r\n\r\n", [], b":x\r\n\r\n"),
    (b"A:\r\n\r\n", [b"A"], b""),
]


@pytest.mark.parametrize(("raw", "names", "body"), SPLIT)
def test_header_and_body_are_split_as_a_tolerant_reader_does(raw: bytes, names: list[bytes], body: bytes) -> None:
    message = parse(raw)
    assert [field.name for field in message.fields] == names
    assert message.body == body


@given(MAILISH | st.binary())
def test_parsing_never_raises_and_loses_nothing_of_a_message(data: bytes) -> None:
    raw = normalise(data)
    message = parse(raw)
    fields = b"".join(field.raw for field in message.fields)
    assert (
        fields + message.body in (raw, raw + b"\r\n")
        or (fields + b"\r\n" + message.body).endswith(raw)
        or b"From " in raw
    )
    check_structure(message)
    for part in iter_parts(message):
        assert 0 <= part.start <= part.end <= len(message.body)
        part.decoded()
    for name in ("from", "subject"):
        text_header(message, name), first(message, name), message_id(message), content_hash(message)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"A: 1\r\n" * 1001 + b"\r\n", "more than 1000 fields"),
        (b"A: " + b"x" * 300_000 + b"\r\n\r\n", "larger than 256 KiB"),
        (b"A: " + b"x" * 300_000, "larger than 256 KiB"),
        (b"A: b\r\n" + b" x\r\n" * 100_000 + b"\r\n", "larger than 256 KiB"),
        (b"A: b\r\n" + b" x\r\n" * 100_000, "larger than 256 KiB"),
        ((b"A: " + b"x" * 2000 + b"\r\n") * 200 + b"\r\n", "larger than 256 KiB"),
    ],
)
def test_a_header_beyond_the_caps_is_too_complex_in_words(raw: bytes, words: str) -> None:
    with pytest.raises(TooComplex) as caught:
        parse(raw)
    assert words in caught.value.reason


def test_a_header_within_the_caps_and_a_large_body_are_read() -> None:
    raw = (b"A: " + b"x" * 2000 + b"\r\n") * 100 + b"\r\n" + b"y" * 1_000_000
    assert len(parse(raw).fields) == 100
    assert len(parse(b"x" * 1_000_000).body) == 1_000_000


def nested(depth: int) -> bytes:
    out = b""
    for number in range(depth):
        out += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number)
    return out + b"\r\ntext\r\n"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (nested(101), "100 deep"),
        (nested(5000), "100 deep"),
        (b"Content-Type: message/rfc822\r\n\r\n" * 101 + b"\r\n", "100 deep"),
        (
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 1001 + b"--b--\r\n",
            "1000 parts",
        ),
        (
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
            + b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n" * 600,
            "1000 parts",
        ),
    ],
)
def test_a_structure_beyond_the_caps_is_too_complex_in_words(raw: bytes, words: str) -> None:
    message = parse(raw)
    assert sum(1 for _ in iter_parts(message)) <= 1000
    with pytest.raises(TooComplex) as caught:
        check_structure(message)
    assert words in caught.value.reason


def test_a_hundred_levels_and_many_parts_are_allowed() -> None:
    check_structure(parse(nested(99)))
    check_structure(parse(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 900))


def test_the_last_of_several_fields_counts() -> None:
    message = parse(b"Subject: one\r\nSUBJECT: two\r\nReceived: a\r\nreceived: b\r\n\r\n")
    assert (first(message, "subject"), last(message, "Subject"), every(message, "subject")) == (
        "one",
        "two",
        ["one", "two"],
    )
    assert text_header(message, "subject") == "two"
    assert (first(message, "to"), last(message, "to"), text_header(message, "to")) == (None, None, "")
    assert received_count(message) == 2


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?utf-8?b?R3LDvMOfZQ==?=", "Grüße"),
        (b"=?utf-8?b?R3LDvA?= =?utf-8?b?w59l?=", "Grüße"),
        (b"=?utf-8?q?Gr=C3?= =?utf-8?q?=BC=C3=9Fe?=", "Grüße"),
        (b"=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"),
        (b"=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        (b"=?iso-8859-1?q?=E9?= =?utf-8?q?=C3=A9?=", "éé"),
        (b"=?utf-8*en?q?a?=", "a"),
        (b"=?nosuch?q?caf=C3=A9?=", "café"),
        (b"=?utf-8?b?!!!?=", ""),
        (b"=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        (b"=?iso-2022-jp?b?GyRCRnxLXDhsGyhC?=", "日本語"),
        (b"=?gb2312?b?1tDOxA==?=", "中文"),
        (b"=?utf-7?q?+AGE-?=", "+AGE-"),
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("latin-1"), "Grüße"),
        (b"=?utf-8?q?a=0D=0ABcc:_x?=", "a  Bcc: x"),
        (b"a\r\n\tb", "a b"),
    ],
)
def test_a_header_is_decoded_for_people(raw: bytes, text: str) -> None:
    assert text_header(parse(b"Subject: " + raw + b"\r\n\r\n"), "subject") == text


@given(st.text(alphabet=st.sampled_from("=?utf-8bqBQ_ \tAé")) | st.text())
def test_decoding_words_never_raises(value: str) -> None:
    assert isinstance(decode_words(value), str)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"<a@b.test>", "<a@b.test>"),
        (b"  <a@b.test> (comment)", "<a@b.test>"),
        (b"<a.b.c>", "<a.b.c>"),
        (b"a@b.test", None),
        (b"<a b@c>", None),
        (b"<>", None),
        (b"<\xc3\xa9@x>", None),
        (b"<" + b"a" * 996 + b">", "<" + "a" * 996 + ">"),
        (b"<" + b"a" * 997 + b">", None),
    ],
)
def test_a_message_id_is_one_token_or_none(raw: bytes, found: str | None) -> None:
    assert message_id(parse(b"Message-ID: <old@x>\r\nMessage-ID: " + raw + b"\r\n\r\n")) == found


def test_the_content_hash_is_the_same_on_two_ways_and_another_for_another_text() -> None:
    one = parse(b"Received: x\r\nFrom: a@b\r\nSubject: s\r\n\r\ntext  \r\nmore\r\n\r\n")
    two = parse(b"From: a@b\r\nSubject:  s\r\nX: y\r\n\r\ntext\r\nmore")
    other = parse(b"From: a@b\r\nSubject: s\r\n\r\ntext\r\nmore!")
    assert content_hash(one) == content_hash(two) != content_hash(other)
    assert len(content_hash(one)) == 64


@pytest.mark.parametrize(
    ("value", "kind", "params"),
    [
        ('text/plain; charset="utf-8"', "text/plain", {"charset": "utf-8"}),
        ("Text/PLAIN; Charset=UTF-8 ; format=flowed", "text/plain", {"charset": "UTF-8", "format": "flowed"}),
        ("text/plain charset=utf-8", "text/plain", {"charset": "utf-8"}),
        ("text/plain (words); charset=utf-8", "text/plain", {"charset": "utf-8"}),
        ("a/b; name*=utf-8''caf%C3%A9.txt", "a/b", {"name": "café.txt"}),
        ("a/b; name*0*=utf-8''caf; name*1*=%C3%A9; name*2=.txt", "a/b", {"name": "café.txt"}),
        ("a/b; name*1=b; name*0=a", "a/b", {"name": "ab"}),
        ('a/b; name="=?utf-8?q?caf=C3=A9?="', "a/b", {"name": "café"}),
        (r'a/b; name="a\"b;c"', "a/b", {"name": 'a"b;c'}),
        ('a/b; name="open', "a/b", {"name": "open"}),
        ("a/b; name*=nosuch'x'%E9", "a/b", {"name": "é"}),
        ("", "", {}),
        (";;;=;", "", {}),
    ],
)
def test_parameters_are_read_as_mail_programs_write_them(value: str, kind: str, params: dict[str, str]) -> None:
    assert parameters(value) == (kind, params)


TREE = b"""Content-Type: multipart/mixed; boundary="out"

preamble
--out
Content-Type: multipart/alternative; boundary=out-in

--out-in
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

caf=C3=A9
--out-in
Content-Type: text/html
Content-Transfer-Encoding: base64

PHA+aGk8L3A+
--out-in--
--out
Content-Type: message/rfc822

Subject: inner
Content-Type: application/pdf; name=a.pdf
Content-Disposition: attachment; filename*=utf-8''b%20%C3%A9.pdf

pdf
--out

no header
--out--
epilogue
"""


def test_the_parts_of_a_tree_come_in_order_with_their_bytes() -> None:
    parts = list(iter_parts(parse(normalise(TREE))))
    assert [(part.content_type, part.decoded(), part.depth) for part in parts] == [
        ("text/plain", "café".encode(), 2),
        ("text/html", b"<p>hi</p>", 2),
        ("application/pdf", b"pdf", 2),
        ("text/plain", b"no header", 1),
    ]
    assert parts[2].filename == "b é.pdf" and parts[2].disposition == "attachment"
    assert parts[0].charset == "utf-8" and parts[1].encoding == "base64"
    assert parts[0].within == ("multipart/mixed", "multipart/alternative")


@pytest.mark.parametrize(
    ("encoding", "data", "decoded"),
    [
        (b"base64", b"aGVs\r\nbG8=\r\n", b"hello"),
        (b"BASE64", b"aGVsbG8", b"hello"),
        (b"base64", b"aGk=aGk=", b"hihi"),
        (b"base64", b"!!a!!G!!k=", b"hi"),
        (b"base64", b"a", b""),
        (b"quoted-printable", b"a=3Db=\r\nc=ZZ", b"a=bc=ZZ"),
        (b"x-uuencode", b"begin 644 a\r\n#:&D*\r\n`\r\nend", b"hi\n"),
        (b"nosuch", b"as it is", b"as it is"),
    ],
)
def test_a_broken_transfer_encoding_is_decoded_as_far_as_it_goes(encoding: bytes, data: bytes, decoded: bytes) -> None:
    (part,) = iter_parts(parse(b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + data))
    assert part.decoded() == decoded
