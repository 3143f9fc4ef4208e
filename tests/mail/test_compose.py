"""The copy of a post: what may change in it, what may not, and what SMTP can carry."""

from __future__ import annotations

import email
from email import policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.mail.compose import Shared, distributed, dot_stuff, subject_with_prefix, to_seven_bit
from listserv.mail.headers import field
from listserv.mail.message import TooComplex, has_bare_newline, iter_parts, last, normalise, parse, text_header
from listserv.mail.transfer import base64_lines, has_long_line, quoted_printable
from tests.mail.test_message import MAILISH

HEAD = b"From: Ann <ann@x.test>\r\nDate: Mon, 23 Nov 2026 18:00:00 +1100\r\nMessage-ID: <1@x.test>\r\nSubject: Hi\r\n"


def copied(raw: bytes, **more: Any) -> Shared:
    given_ = {
        "add": (),
        "drop": (),
        "replace": {},
        "message_id_if_missing": "<new@l.test>",
        "date_if_missing": "Tue, 24 Nov 2026 00:00:00 +0000",
    }
    return distributed(parse(raw), **(given_ | more))


def whole(shared: Shared) -> bytes:
    return shared.head + b"\r\n" + shared.body


def leaves(shared: Shared) -> list[bytes]:
    return [part.decoded() for part in iter_parts(parse(whole(shared), max_header=10**7))]


def carried_by_smtp(data: bytes) -> bool:
    return b"\0" not in data and not has_bare_newline(data) and all(len(line) <= 998 for line in data.split(b"\r\n"))


def test_a_clean_post_goes_out_byte_for_byte_below_the_fields_of_the_list() -> None:
    rest = b"X-Odd:   two  blanks\r\n\tand a fold\r\nDKIM-Signature: v=1; b=abc\r\n"
    body = b"text\xc3\xa9\r\n.dot\r\n\r\n\r\n"
    shared = copied(HEAD + rest + b"\r\n" + body, add=[b"List-Id: <l.x.test>\r\n"])
    assert shared.head == b"List-Id: <l.x.test>\r\n" + HEAD + rest
    assert shared.body == body
    assert (shared.eightbit, shared.reencoded, shared.utf8) == (True, False, False)


def test_dropped_fields_go_by_name_and_by_prefix() -> None:
    extra = b"Received: a\r\nLIST-ID: <o.test>\r\nList-Post: x\r\nListed: stays\r\nBcc: y@x.test\r\n"
    shared = copied(HEAD + extra + b"\r\nx", drop=(b"received", b"list-*", b"bcc"))
    assert shared.head == HEAD + b"Listed: stays\r\n"


@pytest.mark.parametrize(
    "name", ["From", "Date", "Message-ID", "Subject", "To", "Cc", "Reply-To", "Sender", "Content-Type", "MIME-Version"]
)
def test_of_a_single_field_only_the_last_goes_out(name: str) -> None:
    raw = b"%b: <first@x.test>\r\n%b: <second@x.test>\r\n\r\nx" % (name.encode(), name.upper().encode())
    read = email.message_from_bytes(whole(copied(raw)), policy=policy.compat32)
    assert read.get_all(name) == ["<second@x.test>"]


@pytest.mark.parametrize("lines", [b"", b"Date:\r\nMessage-ID: \r\n", b"Message-ID: no brackets\r\n"])
def test_a_missing_or_empty_date_and_message_id_are_added(lines: bytes) -> None:
    message = parse(whole(copied(b"From: a@x.test\r\n" + lines + b"\r\nx")))
    assert last(message, "date") == "Tue, 24 Nov 2026 00:00:00 +0000"
    assert last(message, "message-id") == "<new@l.test>"


def test_replaced_fields_stand_where_they_stood_or_are_added() -> None:
    shared = copied(
        HEAD + b"\r\nx", replace={b"from": b"From: list@l.test\r\n", b"reply-to": b"Reply-To: ann@x.test\r\n"}
    )
    assert shared.head == b"Reply-To: ann@x.test\r\n" + HEAD.replace(b"Ann <ann@x.test>", b"list@l.test")


def test_a_field_of_the_list_takes_the_place_of_the_authors_single_one() -> None:
    shared = copied(HEAD + b"Reply-To: ann@x.test\r\n\r\nx", add=[b"Reply-To: list@l.test\r\n"])
    assert [f.value for f in parse(whole(shared)).fields if f.key == b"reply-to"] == [b"list@l.test"]


@pytest.mark.parametrize(
    ("line", "name", "text"),
    [
        ("Subject: Grüße".encode(), "subject", "Grüße"),
        ("Subject: Grüße".encode("latin-1"), "subject", "Grüße"),
        ("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= Grüße".encode(), "subject", "Grüße Grüße"),
        ("From: Dörte <d@x.test>".encode(), "from", "Dörte <d@x.test>"),
        (b"Subject: a\0b", "subject", "a b"),
        (b"X-Long: " + b"word " * 400, "x-long", ("word " * 400).strip()),
        (b"References: " + b"<a@b.test> " * 200, "references", " ".join(["<a@b.test>"] * 200)),
    ],
)
def test_header_fields_that_smtp_can_not_carry_are_encoded_or_folded(line: bytes, name: str, text: str) -> None:
    shared = copied(line + b"\r\n\r\nx")
    assert shared.head.isascii() and not shared.utf8
    assert carried_by_smtp(shared.head)
    assert text_header(parse(whole(shared)), name) == text


def test_an_international_address_stays_whole_and_asks_for_smtputf8() -> None:
    shared = copied("From: Dörte <dörte@müller.test>\r\n\r\nx".encode())
    assert shared.utf8
    assert "dörte@müller.test" in shared.head.decode()


def test_raw_eight_bit_file_names_become_rfc_2231_and_the_boundary_stays() -> None:
    name = "Übersicht " * 12 + ".pdf"
    raw = (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        + f'Content-Type: a/b; name="{name}"\r\n'.encode()
        + b"\r\nx\r\n--b--\r\n"
    )
    seven = to_seven_bit(copied(raw))
    (part,) = iter_parts(parse(whole(seven)))
    assert part.filename == name and whole(seven).isascii()


LONG = b"word " * 300 + "é".encode()


def test_only_the_part_that_smtp_can_not_carry_is_encoded() -> None:
    other = b"--b\r\nContent-Type: text/plain\r\n\r\n=41 short\r\n"
    raw = HEAD + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n" + other
    raw += (
        b"--b\r\nContent-Type: text/html\r\nX-Keep:  it\r\n\r\n"
        + LONG
        + b"\r\n\r\n--b\r\nContent-Type: image/x\r\n\r\na\0b\r\n--b--\r\n"
    )
    shared = copied(raw)
    assert shared.reencoded and carried_by_smtp(shared.body)
    assert leaves(shared) == [b"=41 short", LONG + b"\r\n", b"a\0b"]
    assert shared.body.startswith(b"pre\r\n" + other)
    assert b"X-Keep:  it\r\nContent-Transfer-Encoding: quoted-printable\r\n" in shared.body
    assert b"Content-Transfer-Encoding: base64\r\n\r\nYQBi\r\n--b--\r\n" in shared.body


@pytest.mark.parametrize("body", [LONG, LONG + b"\r\n", b"a\0b\r\n", b"x" * 5000 + b"\r\n.\r\n", b"x" * 999])
def test_a_plain_body_that_smtp_can_not_carry_is_encoded_whole(body: bytes) -> None:
    shared = copied(HEAD + b"\r\n" + body)
    assert carried_by_smtp(whole(shared))
    assert leaves(shared)[0].removesuffix(b"\r\n") == body.removesuffix(b"\r\n")
    assert b"MIME-Version: 1.0\r\n" in shared.head


def test_a_line_of_998_octets_is_left_alone() -> None:
    assert not copied(HEAD + b"\r\n" + b"x" * 998 + b"\r\n" + b"y" * 998).reencoded


def test_base64_with_endless_lines_is_wrapped_and_still_base64() -> None:
    raw = HEAD + b"Content-Transfer-Encoding: base64\r\nContent-Type: text/plain\r\n\r\n" + b"aGVs" * 1000 + b"\r\n"
    shared = copied(raw)
    assert carried_by_smtp(shared.body) and leaves(shared) == [b"hel" * 1000]
    assert b"base64" in shared.head and b"quoted" not in shared.head


def test_text_outside_of_every_part_is_wrapped_hard() -> None:
    raw = (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"x" * 3000
        + b"\r\n--b\r\n\r\nok\r\n--b--\r\n"
        + b"y" * 2500
    )
    shared = copied(raw)
    assert carried_by_smtp(shared.body) and leaves(shared) == [b"ok"]
    assert shared.body.count(b"x") == 3000 and shared.body.count(b"y") == 2500


NESTED = b"".join(
    (
        HEAD, b"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
        b"caf\xc3\xa9 =3D  \r\n\r\n",
        b"--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
        b"Subject: \xc3\xa9\r\nContent-Type: text/html; charset=latin-1\r\n\r\n\xe9\r\n",
        b"--b\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\x80\x81\r\n",
        b"--b\r\nContent-Type: text/plain\r\n\r\nseven =3D\r\n--b--\r\n",
    )
)  # fmt: skip


def test_every_eight_bit_part_becomes_seven_bits_and_decodes_to_the_same() -> None:
    eight = copied(NESTED)
    seven = to_seven_bit(eight)
    assert eight.eightbit and not eight.reencoded and not seven.eightbit
    assert whole(seven).isascii() and carried_by_smtp(whole(seven))
    assert leaves(seven) == leaves(eight) == ["café =3D  \r\n".encode(), b"\xe9", b"\x80\x81", b"seven =3D"]
    assert seven.body.endswith(b"--b\r\nContent-Type: text/plain\r\n\r\nseven =3D\r\n--b--\r\n")
    assert b"8bit" not in whole(seven)
    read = email.message_from_bytes(whole(seven), policy=policy.compat32)
    kinds = "multipart/mixed text/plain message/rfc822 text/html application/x text/plain"
    assert [part.get_content_type() for part in read.walk()] == kinds.split()


def test_a_seven_bit_post_is_not_touched_for_a_seven_bit_hop() -> None:
    shared = copied(HEAD + b"\r\nplain\r\n")
    assert to_seven_bit(shared) is shared


@given(st.binary() | MAILISH, st.booleans())
def test_any_bytes_become_a_copy_that_smtp_carries_with_one_of_each(data: bytes, prefixed: bool) -> None:
    shared = copied(normalise(data), subject_prefix="[l]" if prefixed else None, add=[field("List-Id", "<l.x.test>")])
    for form in (shared, to_seven_bit(shared)):
        assert carried_by_smtp(whole(form))
        keys = [one.key for one in parse(form.head + b"\r\n").fields]
        assert keys.count(b"date") == keys.count(b"message-id") == keys.count(b"list-id") == 1
        assert parse(form.head + b"\r\n").body == b""
    assert to_seven_bit(shared).body.isascii()


@given(st.binary())
def test_both_transfer_encodings_give_back_the_same_bytes(data: bytes) -> None:
    for name, encoded in (("quoted-printable", quoted_printable(data)), ("base64", base64_lines(data))):
        assert encoded.isascii() and not has_bare_newline(encoded)
        assert max(map(len, encoded.split(b"\r\n"))) <= 76
        (part,) = iter_parts(parse(f"Content-Transfer-Encoding: {name}\r\n\r\n".encode() + encoded))
        assert part.decoded() == data


@given(st.lists(st.integers(0, 1100)))
def test_a_long_line_is_found_wherever_it_is(lengths: list[int]) -> None:
    data = b"\r\n".join(b"x" * length for length in lengths)
    assert has_long_line(data) is any(length > 998 for length in lengths)


@pytest.mark.parametrize(
    ("data", "stuffed"),
    [
        (b".", b"..\r\n"),
        (b"a\r\n.\r\n", b"a\r\n..\r\n"),
        (b"..a\r\n", b"...a\r\n"),
        (b"a", b"a\r\n"),
        (b"", b"\r\n"),
        (b"a.\r\nb", b"a.\r\nb\r\n"),
    ],
)
def test_dots_are_stuffed_and_the_end_is_a_line_end(data: bytes, stuffed: bytes) -> None:
    assert dot_stuff(data) == stuffed


@given(MAILISH)
def test_dots_survive_exactly_and_nothing_can_end_the_data_early(data: bytes) -> None:
    stuffed = dot_stuff(normalise(data))
    lines = stuffed[:-2].split(b"\r\n")
    assert b"." not in lines
    undone = b"\r\n".join(line.removeprefix(b".") for line in lines)
    assert undone in (normalise(data), normalise(data).removesuffix(b"\r\n"))


@pytest.mark.parametrize(
    ("subject", "out"),
    [
        ("Hello", "[l] Hello"),
        ("Re: Hello", "Re: [l] Hello"),
        ("RE: [l] Hello", "RE: [l] Hello"),
        ("[l] Re: Hello", "Re: [l] Hello"),
        ("Re: [l] Re: [L] AW: Hello", "Re: [l] Hello"),
        ("AW: SV: Re[2]: Hello", "AW: [l] Hello"),
        ("Antwort: Hello", "Antwort: [l] Hello"),
        ("Re : Hello", "Re: [l] Hello"),
        ("Fwd: Re: Hello", "[l] Fwd: Re: Hello"),
        ("Re: Fwd: Hello", "Re: [l] Fwd: Hello"),
        ("Reading: a list", "[l] Reading: a list"),
        ("Ref: 12", "[l] Ref: 12"),
        ("回复：你好", "回复: [l] 你好"),
        ("", "[l]"),
        ("Re:", "Re: [l]"),
    ],
)
def test_a_prefix_stands_once_behind_one_reply_mark(subject: str, out: str) -> None:
    assert subject_with_prefix(subject, "[l]") == out
    assert subject_with_prefix(out, "[l] ") == out


@given(st.text())
def test_a_prefix_is_never_put_twice(subject: str) -> None:
    once = subject_with_prefix(subject, "[list]")
    assert once.lower().count("[list]") == 1
    assert subject_with_prefix(once, "[list]") == once


def test_a_subject_that_has_its_prefix_keeps_its_bytes() -> None:
    raw = b"Subject: Re: [l]\r\n folded\r\n"
    assert raw in copied(HEAD.replace(b"Subject: Hi\r\n", raw) + b"\r\nx", subject_prefix="[l]").head


def test_an_encoded_subject_is_encoded_whole_with_its_prefix() -> None:
    shared = copied(b"Subject: =?utf-8?q?Re:_Gr=C3=BC=C3=9Fe?=\r\n\r\nx", subject_prefix="[Liste Ü]")
    assert text_header(parse(whole(shared)), "subject") == "Re: [Liste Ü] Grüße"


def test_too_complex_is_never_raised_by_composing() -> None:
    many = b"X: y\r\n" * 999
    try:
        to_seven_bit(copied(many + b"\r\n\xe9", add=[b"A: b\r\n"] * 50))
    except TooComplex:  # pragma: no cover
        pytest.fail("composing has no caps of its own")
