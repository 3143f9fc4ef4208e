"""Attached files as the archive may serve them: names, endings and types of ours, whatever the mail says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.mail.message import normalise, parse
from listserv.mail.served import TYPES, Served, served
from tests.data.hostile import PNG, XSS, attached, multipart, part, whole


def one(kind: str, content: bytes | str, name: str) -> Served:
    return served(parse(attached(kind, content, name)))[-1]


@pytest.mark.parametrize(
    ("kind", "name", "content", "ending"),
    [
        ("application/pdf", "Plan.PDF", b"%PDF-1.7", "pdf"),
        ("application/octet-stream", "plan.docx", b"PK", "docx"),
        ("text/x-patch", "fix.patch", b"--- a\n+++ b\n", "txt"),
        ("text/x-diff", "fix.diff", b"--- a\n+++ b\n", "txt"),
        ("application/x-whatever", "a.whatever", b"x", "bin"),
        ("image/png", "a.png", PNG, "png"),
        ("application/octet-stream", "a.exe", b"MZ", "bin"),
        ("text/html", "a.html", b"<p>x", "txt"),
        ("application/octet-stream", "a.HTM", b"<p>x", "txt"),
        ("image/svg+xml", "a.svg", b"<svg/>", "txt"),
        ("text/xml", "a.xml", b"<x/>", "txt"),
        ("text/javascript", "a.js", b"alert(1)", "txt"),
        ("text/calendar", "invite.ics", b"BEGIN:VCALENDAR", "ics"),
    ],
)
def test_endings_come_from_our_list(kind: str, name: str, content: bytes, ending: str) -> None:
    found = one(kind, content, f'filename="{name}"')
    assert (found.ending, found.content_type) == (ending, TYPES[ending])
    assert found.name.startswith(name)


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        (PNG, "png"),
        (b"\xff\xd8\xff\xe0", "jpg"),
        (b"GIF89a", "gif"),
        (b"GIF87a", "gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
    ],
)
def test_pictures_are_told_from_their_first_bytes(content: bytes, ending: str) -> None:
    found = one("text/html", content, 'filename="page.html"')
    assert (found.image, found.ending) == (True, ending)


@pytest.mark.parametrize("claimed", ["image/png", "image/jpeg", "image/svg+xml", "image/gif"])
def test_a_picture_by_name_only_is_none(claimed: str) -> None:
    found = one(claimed, "<svg onload='alert(1)'/>", 'filename="a.png"')
    assert not found.image
    assert found.content_type in ("application/octet-stream", "text/plain; charset=utf-8")


def test_active_files_are_shown_as_text() -> None:
    assert one("text/html", "<p>x</p>", 'filename="page.html"').name == "page.html.txt"


def test_a_nested_message_is_one_file() -> None:
    inner = whole(multipart(part("text/plain", "x"), part("application/pdf", "%PDF"), kind="parallel"))
    (found,) = served(parse(whole(multipart(b"Content-Type: message/rfc822\r\n\r\n" + inner))))
    assert (found.file, found.content_type) == ("1.eml", "application/octet-stream")
    assert found.name


@pytest.mark.parametrize("kind", ["application/pkcs7-signature", "application/pgp-signature"])
def test_signatures_are_no_files(kind: str) -> None:
    message = parse(whole(multipart(part(kind, "x"), part("application/pdf", "%PDF"), kind="signed")))
    assert [(found.number, found.ending) for found in served(message)] == [(1, "pdf")]


def test_files_are_numbered_in_order_and_measured_decoded() -> None:
    parts = [part("application/pdf", "%PDF" * count, "Content-ID: <c@x.test>") for count in (1, 2, 3)]
    found = served(parse(whole(multipart(*parts))))
    assert [(file.number, file.size, file.content_id) for file in found] == [
        (1, 4, "c@x.test"),
        (2, 8, "c@x.test"),
        (3, 12, "c@x.test"),
    ]
    left = served(parse(whole(multipart(*parts))), exclude={found[0].part.start})
    assert len(left) == 2


def test_a_name_is_never_empty_and_has_no_path() -> None:
    assert one("application/pdf", "%PDF", 'filename="../../etc/passwd.pdf"').name == "passwd.pdf"
    (found,) = served(parse(whole(multipart(part("application/x-thing", "x")))))
    assert found.name == "unnamed"
    (invitation,) = served(parse(whole(part("text/calendar; method=REQUEST", "BEGIN:VCALENDAR"))))
    assert (invitation.name, invitation.ending) == ("invitation.ics", "ics")
    (document,) = served(parse(whole(multipart(part("application/pdf", "%PDF")))))
    assert document.name == "unnamed.pdf"


@pytest.mark.parametrize(("name", "raw"), XSS, ids=[name for name, _ in XSS])
def test_nothing_active_is_served(name: str, raw: bytes) -> None:
    for found in served(parse(normalise(raw))):
        assert TYPES[found.ending] == found.content_type
        assert not found.content_type.startswith(("text/html", "image/svg", "text/xml", "application/xml"))
        assert found.name and not set(found.name) & set("\r\n\0/\u202e")


def test_no_type_of_ours_is_active() -> None:
    assert not [
        kind for kind in TYPES.values() if any(word in kind.split(";")[0] for word in ("html", "svg", "script"))
    ]


@given(st.binary(max_size=400), st.text(max_size=30), st.text(max_size=60))
def test_any_bytes_are_served(content: bytes, kind: str, name: str) -> None:
    head = f'Content-Type: {kind}\r\nContent-Disposition: attachment; filename="{name}"\r\n\r\n'
    for found in served(parse(normalise(head.encode("utf-8", "replace") + content))):
        assert found.content_type == TYPES[found.ending]
        assert found.name
