"""The footer stands where people read, in the charset of the part, and never in signed mail."""

from __future__ import annotations

import pytest

from listserv.mail.compose import Footer, Shared, distributed, is_signed
from listserv.mail.message import iter_parts, normalise, parse
from listserv.mail.text import readable

FOOTER = Footer("List footer – bye", "<p>List footer – bye</p>")
PLAIN = Footer("bye", "<p>bye</p>")
ALTERNATIVE = b"""From: a@x.test
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

caf=E9
--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PGh0bWw+PEJPRFk+Y2Fmw6k8L0JPRFk+PC9odG1sPg==
--b--
"""
SIGNED = [
    b"Content-Type: multipart/signed; boundary=b\n\n--b\n\nhi\n--b\nContent-Type: x/sig\n\nx\n--b--\n",
    b"Content-Type: multipart/encrypted; boundary=b\n\n--b\n\nhi\n--b--\n",
    b"Content-Type: application/pkcs7-mime; smime-type=signed-data\nContent-Transfer-Encoding: base64\n\nAAAA\n",
    b"Content-Type: application/x-pkcs7-mime\nContent-Transfer-Encoding: base64\n\nAAAA\n",
    b"\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nhi\n-----BEGIN PGP SIGNATURE-----\n",
    b"Content-Transfer-Encoding: base64\n\nLS0tLS1CRUdJTiBQR1AgTUVTU0FHRS0tLS0tCg==\n",
    b"Content-Type: multipart/mixed; boundary=a\n\n"
    b"--a\nContent-Type: multipart/signed; boundary=b\n\n--b\n\nhi\n--b--\n--a--\n",
]


def footed(raw: bytes, footer: Footer = FOOTER) -> Shared:
    return distributed(
        parse(normalise(raw)),
        add=(),
        drop=(),
        replace={},
        message_id_if_missing="<1@x.test>",
        date_if_missing="Mon, 23 Nov 2026 09:00:00 +0000",
        footer=footer,
    )


def texts(shared: Shared) -> list[tuple[str, str | None, str]]:
    parts = iter_parts(parse(shared.head + b"\r\n" + shared.body))
    return [(part.content_type, part.charset, part.decoded().decode(part.charset or "ascii")) for part in parts]


def test_both_forms_of_the_text_get_it_in_their_own_charset_or_utf_8() -> None:
    plain, html = texts(footed(ALTERNATIVE))
    assert plain == ("text/plain", "utf-8", "café\r\n\r\n-- \r\nList footer – bye\r\n")
    assert html == ("text/html", "utf-8", "<html><BODY>café<hr><p>List footer – bye</p>\r\n</BODY></html>")


def test_a_charset_that_can_say_it_stays() -> None:
    plain, _ = texts(footed(ALTERNATIVE, PLAIN))
    assert plain == ("text/plain", "iso-8859-1", "café\r\n\r\n-- \r\nbye\r\n")


@pytest.mark.parametrize("raw", SIGNED)
def test_signed_or_encrypted_mail_never_gets_it(raw: bytes) -> None:
    raw = b"From: a@x.test\n" + raw
    assert is_signed(parse(normalise(raw)))
    shared = footed(raw)
    assert shared.body == parse(normalise(raw)).body and not shared.reencoded


@pytest.mark.parametrize(
    "body", ["hi", "> -----BEGIN PGP SIGNED MESSAGE-----", "see -----BEGIN PGP PUBLIC KEY BLOCK-----"]
)
def test_quoted_signatures_and_keys_are_not_signed_mail(body: str) -> None:
    assert not is_signed(parse(f"From: a@x.test\r\n\r\n{body}\r\n".encode()))


def test_plain_seven_bit_mail_keeps_its_encoding_and_its_lines() -> None:
    shared = footed(b"From: a@x.test\nContent-Type: text/plain; charset=us-ascii\n\nline one\nline two\n\n\n", PLAIN)
    assert shared.body == b"line one\r\nline two\r\n\r\n-- \r\nbye\r\n"
    assert b"quoted-printable" not in shared.head


def test_mail_without_any_mime_field_is_labelled_when_the_footer_needs_it() -> None:
    shared = footed(b"From: a@x.test\n\nhi\n")
    assert texts(shared) == [("text/plain", "utf-8", "hi\r\n\r\n-- \r\nList footer – bye\r\n")]
    assert shared.body.isascii() and b"MIME-Version: 1.0" in shared.head


def test_flowed_text_stays_flowed_and_does_not_swallow_the_footer() -> None:
    raw = b"From: a@x.test\nContent-Type: text/plain; format=flowed\n\nsoft \nline \n"
    shared = footed(raw, Footer("From us \n> not a quotation", ""))
    assert shared.body == b"soft \r\nline\r\n\r\n-- \r\n From us\r\n > not a quotation\r\n"
    shown = readable(parse(shared.head + b"\r\n" + shared.body))
    assert shown == "soft line\n\n-- \nFrom us\n> not a quotation\n"


def test_html_alone_gets_it_in_html_only() -> None:
    shared = footed(b"From: a@x.test\nContent-Type: text/html\n\n<p>hi</p></HTML>\n", PLAIN)
    assert shared.body.startswith(b"<p>hi</p><hr><p>bye</p>\r\n</HTML>")


def test_the_place_in_html_is_right_behind_letters_that_grow_in_lower_case() -> None:
    head = "From: a@x.test\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    raw = f"{head}<body>İİİ</body>".encode()
    assert footed(raw, PLAIN).body.decode() == "<body>İİİ<hr><p>bye</p>\r\n</body>"


def test_attached_and_forwarded_text_is_left_alone() -> None:
    raw = b"""From: a@x.test
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

mine
--b
Content-Type: text/plain; name=notes.txt
Content-Disposition: attachment

notes
--b
Content-Type: message/rfc822

Subject: x

theirs
--b--
"""
    assert [text for _, _, text in texts(footed(raw, PLAIN))] == ["mine\r\n\r\n-- \r\nbye\r\n", "notes", "theirs"]


def test_without_text_there_is_no_footer_and_nothing_changes() -> None:
    raw = b"From: a@x.test\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAAA\n"
    shared = footed(raw)
    assert shared.body == b"AAAA\r\n" and not shared.reencoded


@pytest.mark.parametrize("charset", ["utf-16", "iso-2022-jp", "gb2312", "nosuch", "utf-7", "koi8-r"])
def test_every_charset_can_be_read_after_the_footer(charset: str) -> None:
    sample = {"iso-2022-jp": "日本", "gb2312": "中文", "koi8-r": "привет"}.get(charset, "plain")
    known = charset not in ("nosuch", "utf-7")
    data = sample.encode(charset if known else "ascii")
    head = f"From: a@x.test\r\nContent-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    message = parse(head.encode() + data)
    shared = distributed(
        message, add=(), drop=(), replace={}, message_id_if_missing="<1@x>", date_if_missing="x", footer=FOOTER
    )
    text = readable(parse(shared.head + b"\r\n" + shared.body))
    assert sample in text and "List footer – bye" in text
