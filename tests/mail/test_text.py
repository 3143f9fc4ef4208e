"""What a person reads in a post, and which attachments may carry a program."""

from __future__ import annotations

import base64
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.mail.charsets import decode_text
from listserv.mail.message import Message, normalise, parse
from listserv.mail.text import attachments, dangerous_attachments, one_line, readable, safe_name
from tests.mail.test_message import MAILISH


def part(kind: str, data: bytes, name: str | None = None, disposition: str = "attachment") -> bytes:
    lines = [f"Content-Type: {kind}", "Content-Transfer-Encoding: base64"]
    if name is not None:
        lines.append(f'Content-Disposition: {disposition}; filename="{name}"')
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + base64.encodebytes(data).replace(b"\n", b"\r\n")


def mixed(*parts: bytes, kind: str = "mixed") -> Message:
    body = b"".join(b"--b\r\n" + one + b"\r\n" for one in parts)
    return parse(f"Content-Type: multipart/{kind}; boundary=b\r\n\r\n".encode() + body + b"--b--\r\n")


def plain(text: bytes, params: str = "") -> Message:
    return parse(f"Content-Type: text/plain{params}\r\n\r\n".encode() + text)


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("utf-8", "Grüße".encode(), "Grüße"),
        ("iso-8859-1", b"\x93hi\x94 \x80", "“hi” €"),
        ("windows-1251", "привет".encode("cp1251"), "привет"),
        ("gb2312", "中文镕".encode("gb18030"), "中文镕"),
        ("iso-2022-jp", "日本語".encode("iso2022_jp"), "日本語"),
        ("shift_jis", "日本①".encode("cp932"), "日本①"),
        ("us-ascii", "café".encode(), "café"),
        ("nosuch", "café".encode(), "café"),
        ("nosuch", "café".encode("latin-1"), "café"),
        ("utf-8", "café".encode("latin-1"), "café"),
        ("utf-7", b"+ADw-script+AD4-", "+ADw-script+AD4-"),
        ("unicode_escape", b"\\x41", "\\x41"),
        ("base64", b"aGk=", "aGk="),
        ("rot13", b"uryyb", "uryyb"),
        ("utf-16", "hi".encode("utf-16"), "hi"),
        ("", b"hi", "hi"),
        ("x\0y", b"hi", "hi"),
    ],
)
def test_text_is_read_by_its_charset_and_never_lost(charset: str, data: bytes, text: str) -> None:
    assert decode_text(data, charset) == text


ODD = "utf-8 utf-16 utf-32 iso-2022-jp big5 euc-kr hz idna punycode undefined mbcs raw_unicode_escape zlib"


@given(st.binary(), st.text() | st.sampled_from(ODD.split()))
def test_decoding_text_never_raises(data: bytes, charset: str) -> None:
    assert isinstance(decode_text(data, charset), str)


@given(st.text(st.characters(codec="utf-8")), st.sampled_from(["nosuch", "", "us-ascii", "utf-7", "hex", "utf-8"]))
def test_utf_8_is_read_whatever_the_charset_claims(text: str, charset: str) -> None:
    assert decode_text(text.encode(), charset) == text


@given(st.binary() | MAILISH)
def test_reading_never_raises_and_shows_no_hidden_characters(data: bytes) -> None:
    message = parse(normalise(data))
    text = readable(message, 500)
    assert len(text) <= 500
    assert not any((ord(c) < 32 and c not in "\n\t") or c in "\u202e\u2066\x7f\x85" for c in text)
    attachments(message), dangerous_attachments(message)


def test_the_text_is_read_before_the_html_and_without_attachments() -> None:
    message = mixed(
        b"Content-Type: text/html\r\n\r\n<p>html</p>", b"\r\nplain", part("text/plain", b"attached", "a.txt")
    )
    assert readable(message).strip() == "plain"


def test_html_alone_is_turned_into_text_without_scripts() -> None:
    head = b"<head><title>no</title><style>p{}</style><script>evil()</script></head>"
    html = b"<html>" + head + b"<body><p>One</p><p>Two &amp; three</p></body></html>"
    text = readable(parse(b"Content-Type: text/html\r\n\r\n" + html))
    assert text.split() == ["One", "Two", "&", "three"]


def test_html_with_an_xml_declaration_is_read() -> None:
    html = b'<?xml version="1.0" encoding="utf-8"?><html><body>hello</body></html>'
    assert readable(parse(b"Content-Type: text/html\r\n\r\n" + html)) == "hello"


@pytest.mark.parametrize(
    ("text", "params", "shown"),
    [
        (b"one \r\ntwo\r\nthree", "; format=flowed", "one two\nthree"),
        (b"on \r\ne\r\n", "; format=flowed; delsp=yes", "one\n"),
        (b"> a \r\n> b\r\nc", "; format=flowed", "> a b\nc"),
        (b"> a \r\n>> b\r\n", "; format=flowed", "> a\n>> b\n"),
        (b"text \r\n-- \r\nname", "; format=flowed", "text\n-- \nname"),
        (b" From stuffed\r\n", "; format=flowed", "From stuffed\n"),
        (b"one \r\ntwo", "", "one \ntwo"),
    ],
)
def test_flowed_text_is_put_together(text: bytes, params: str, shown: str) -> None:
    assert readable(plain(text, params)) == shown


def test_control_and_bidi_characters_are_left_out_but_tabs_and_lines_stay() -> None:
    text = "a\tb\x1b[31m\u202ec\u2066d\x00\x85\r\ne".encode()
    assert readable(plain(text, "; charset=utf-8")) == "a\tb[31mcd\ne"


def test_reading_is_limited() -> None:
    assert len(readable(plain(b"word " * 10_000), 100)) == 100


@pytest.mark.parametrize(
    ("text", "limit", "line"),
    [
        ("a\r\nb\tc", 20, "a b c"),
        ("a" * 30, 10, "aaaaaaa..."),
        ("a\u202eb", 10, "a b"),
        ("", 5, ""),
        ("abcdef", 2, ".."),
        ("abc", 3, "abc"),
    ],
)
def test_one_line_is_one_short_line(text: str, limit: int, line: str) -> None:
    assert one_line(text, limit) == line


@given(st.text(), st.integers(0, 50))
def test_one_line_never_exceeds_its_limit(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit and line.isprintable() >= (not line) and len(line.splitlines()) <= 1


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.exe", "a.exe"),
        ("a\u202efdp.exe", "afdp.exe"),
        ("a\r\nb.txt", "ab.txt"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("x" * 300 + ".exe", "x" * 100 + "....exe"),
    ],
)
def test_a_file_name_is_safe_and_keeps_its_ending(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_attachments_are_listed_with_their_decoded_size() -> None:
    message = mixed(
        b"\r\ntext",
        part("application/pdf", b"12345", "../a.pdf"),
        part("image/png", b"123", "p.png", "inline"),
        part("a/b", b""),
    )
    assert attachments(message) == [("a.pdf", "application/pdf", 5), ("p.png", "image/png", 3), ("unnamed", "a/b", 0)]


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return out.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
DANGEROUS = [
    ("application/octet-stream", b"x", "Invoice.PDF.exe"),
    ("text/plain", b"x", "run.bat"),
    ("application/octet-stream", b"x", "a.exe. "),
    ("application/octet-stream", b"x", "evil\u202etxt.scr"),
    ("application/octet-stream", b"MZ\x90\0", "photo.dat"),
    ("application/pdf", b"\x7fELF\x02", "a.pdf"),
    ("application/octet-stream", b"#!/bin/sh\n", "readme"),
    ("application/msword", OLE + b"\0" * 50 + "_VBA_PROJECT".encode("utf-16-le"), "a.doc"),
    ("application/octet-stream", b"x", "a.docm"),
    ("application/octet-stream", zipped("[Content_Types].xml", "word/vbaProject.bin"), "a.docx"),
    ("text/html", b"<p>x</p>", "login.html"),
    ("image/svg+xml", b"<svg/>", "a.svg"),
    ("application/zip", zipped("a.txt", "sub/run.js"), "a.zip"),
    ("application/octet-stream", zipped("x.lnk"), "nothing"),
    ("application/vnd.rar", b"Rar!\x1a\x07\0\0\0setup.exe\0\0", "a.rar"),
    ("application/x-tar", b"run.sh" + b"\0" * 251 + b"ustar\0", "a.tar"),
    ("application/octet-stream", b"x", "disk.iso"),
    ("application/octet-stream", b"x", "note.one"),
    ("application/octet-stream", b"x", "x" * 300 + ".exe"),
]


@pytest.mark.parametrize(("kind", "data", "name"), DANGEROUS, ids=range(len(DANGEROUS)))
def test_what_may_carry_a_program_is_named(kind: str, data: bytes, name: str) -> None:
    raw = part(kind, data, "NAME").replace(b"NAME", name.encode())
    assert dangerous_attachments(mixed(b"\r\ntext", raw)) == [safe_name(name)]


def test_the_name_in_the_type_counts_as_well() -> None:
    raw = part('application/octet-stream; name="a.exe"', b"x", "a.txt")
    assert dangerous_attachments(mixed(raw)) == ["a.txt"]


def test_an_attached_message_is_looked_into_also_in_base64() -> None:
    inner = mixed(part("application/x", b"MZ", "a.bin")).raw
    assert dangerous_attachments(mixed(b"Content-Type: message/rfc822\r\n\r\n" + inner)) == ["a.bin"]
    assert dangerous_attachments(mixed(part("message/rfc822", inner))) == ["a.bin"]
    for _ in range(6):
        inner = mixed(part("message/rfc822", inner)).raw
    assert dangerous_attachments(parse(inner)) == ["message/rfc822"]


HARMLESS = [
    ("application/pdf", b"%PDF-1.4", "a.pdf"),
    ("image/png", b"\x89PNG", "a.png"),
    ("application/zip", zipped("a.txt", "b.pdf"), "a.zip"),
    ("application/octet-stream", zipped("[Content_Types].xml", "word/document.xml"), "a.docx"),
    ("application/msword", OLE + b"\0" * 100, "a.doc"),
    ("text/plain", b"MZ is not a program here", "a.txt"),
    ("text/x-patch", b"--- a.py\n+++ b.py\n", "fix.patch"),
    ("application/zip", b"PK broken", "b.zip"),
    ("application/octet-stream", b"", "exe"),
    ("text/calendar", b"BEGIN:VCALENDAR", "invite.ics"),
]


@pytest.mark.parametrize(("kind", "data", "name"), HARMLESS, ids=range(len(HARMLESS)))
def test_ordinary_files_are_harmless(kind: str, data: bytes, name: str) -> None:
    assert dangerous_attachments(mixed(b"\r\ntext", part(kind, data, name))) == []


def test_the_html_of_the_text_itself_is_no_attachment() -> None:
    html = b"Content-Type: text/html\r\n\r\n<p>x</p>"
    assert dangerous_attachments(mixed(b"\r\nx", html, kind="alternative")) == []
    assert dangerous_attachments(parse(html)) == []
    assert (
        dangerous_attachments(
            mixed(part('text/html; name="mail.html"', b"x", "mail.html", "inline"), kind="alternative")
        )
        == []
    )


def test_a_bomb_is_not_unpacked() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.txt", b"\0" * 20_000_000)
    assert dangerous_attachments(mixed(part("application/zip", out.getvalue(), "a.zip"))) == []
