"""Redaction: the value is gone from every byte, what did not name it is as it was, nothing is lost by surprise."""

from __future__ import annotations

import base64
import email
import quopri
import random
import re
from email import policy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from listserv.mail.message import TooComplex, decode_words, iter_parts, normalise, parse, text_header
from listserv.mail.redacted import FILE_GONE, MARK, SIGNATURE_GONE, redact, revised
from listserv.mail.sought import numbers_in, sought
from listserv.mail.text import part_text, readable
from tests.data.hostile import XSS
from tests.mail.proof import stands_in
from tests.mail.test_corpus import FILES, messages, needs_corpus

CARD = "2123 45670 1"
NAME = "Jane Müller"
HEAD = (
    b"From: Ann Archer <ann@clinic.test>\r\nTo: Cases <cases@lists.test>\r\nSubject: A question\r\n"
    b"Message-ID: <1@clinic.test>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n"
)
B64 = "Content-Transfer-Encoding: base64"
QP = "Content-Transfer-Encoding: quoted-printable"


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def part(kind: str, data: bytes | str, *more: str, encoding: str = "") -> bytes:
    content = crlf(data) if isinstance(data, str) else data
    lines = [f"Content-Type: {kind}", *more]
    if encoding == "base64":
        content = base64.encodebytes(content).replace(b"\n", b"\r\n").removesuffix(b"\r\n")
        lines.append(B64)
    elif encoding == "qp":
        content = quopri.encodestring(content.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
        lines.append(QP)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def multi(kind: str, *parts: bytes, more: str = "", mark: str = "") -> bytes:
    mark = mark or f"=_{kind}"
    head = f'Content-Type: multipart/{kind}; boundary="{mark}"{more}\r\n\r\n'.encode()
    return head + b"".join(b"--%s\r\n%s\r\n" % (mark.encode(), one) for one in parts) + f"--{mark}--\r\n".encode()


def taken_out(raw: bytes, *values: str, without: tuple[int, ...] = ()) -> bytes:
    """The mail redacted, proved to be without the values, and stable."""
    done = redact(raw, values, without_parts=without)
    assert done.left == () and done.taken
    for value in values:
        assert not stands_in(value, done.raw), stands_in(value, done.raw)[:3]
    assert redact(done.raw, values).raw == done.raw
    assert done.raw.count(b"X-Listserv-Redacted: moderator\r\n") == 1
    assert b"\n" not in done.raw.replace(b"\r\n", b"")
    return done.raw


def text_of(raw: bytes) -> str:
    return readable(parse(raw)).rstrip("\n")


def texts_of(raw: bytes) -> str:
    return "\n".join(part_text(one) for one in iter_parts(parse(raw)))


SHORT = f"The card is {CARD}. Thank you."
TEXTS = {
    "7bit": part("text/plain; charset=us-ascii", SHORT),
    "no header at all": b"\r\n" + SHORT.encode(),
    "latin-1": part("text/plain; charset=iso-8859-1", f"Grüße, {CARD}.".encode("latin-1")),
    "latin-1 with hard blanks": part("text/plain; charset=iso-8859-1", "2123\xa045670\xa01".encode("latin-1")),
    "utf-8": part("text/plain; charset=utf-8", f"Grüße – {CARD}."),
    "quoted-printable": part("text/plain; charset=utf-8", f"Grüße – {CARD}.", encoding="qp"),
    "soft line ends in the value": part("text/plain", b"Card 2123 4=\r\n5670=\r\n 1.", QP),
    "every octet quoted": part("text/plain", "".join(f"={ord(one):02X}" for one in CARD).encode(), QP),
    "base64": part("text/plain; charset=utf-8", SHORT, encoding="base64"),
    "base64 in odd lines": part("text/plain", re.sub(rb"(.{7})", rb"\1\r\n", base64.b64encode(SHORT.encode())), B64),
    "utf-16 in base64": part("text/plain; charset=utf-16", SHORT.encode("utf-16"), encoding="base64"),
    "utf-16-le in base64": part("text/plain; charset=utf-16le", SHORT.encode("utf-16-le"), encoding="base64"),
    "utf-16 that says nothing of it": part("text/plain", SHORT.encode("utf-16"), encoding="base64"),
    "iso-2022-jp": part("text/plain; charset=iso-2022-jp", f"番号 {CARD}".encode("iso2022_jp")),
    "full width": part("text/plain; charset=utf-8", "Card ２１２３　４５６７０　１"),
    "without width": part("text/plain; charset=utf-8", "Card 2123\u200b45670\u200d\u20601"),
    "soft hyphens": part("text/plain; charset=utf-8", "Card 21\u00ad23 45\u00ad670 1"),
    "run together": part("text/plain", "Card 2123456701."),
    "with dashes": part("text/plain; charset=utf-8", "Card 2123-45670\u20111."),
    "single digits": part("text/plain", "Card 2 1 2 3 4 5 6 7 0 1."),
    "over a line end": part("text/plain", "Card 2123\n45670 1."),
    "over a quoted line end": part("text/plain", "> Card 2123\n> > 45670\n> 1 and more"),
    "flowed": part("text/plain; format=flowed", "Card 2123 \n45670 \n1 and \nmore"),
    "flowed with DelSp": part("text/plain; format=flowed; delsp=yes", "Card 2123 456 \n70 1 and \nmore"),
    "more than once": part("text/plain", f"{SHORT}\n2123456701\n{SHORT}"),
    "uuencoded": part(
        "text/plain", b'begin 644 a\r\n,,C$R,R T-38W," Q\r\nend', "Content-Transfer-Encoding: x-uuencode"
    ),
    "text of another type": part("text/csv", "name,card\nx,2123 45670 1"),
    "a folded calendar": part("text/calendar", "BEGIN:VEVENT\nSUMMARY:Card 2123 456\n 70 1\nEND:VEVENT"),
    "unknown charset": part("text/plain; charset=x-none", f"Gr\xfc\xdfe {CARD}".encode("latin-1")),
    "unknown encoding": part("text/plain", SHORT, "Content-Transfer-Encoding: x-none"),
    "a charset that is not true": part("text/plain; charset=utf-16", SHORT),
    "rich text": part("text/rtf", r"{\rtf1 2123 45670 1}"),
    "a clear signed text": part(
        "text/plain",
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{SHORT}\n-----BEGIN PGP SIGNATURE-----\n\nabc\n"
        "-----END PGP SIGNATURE-----",
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_gone_from_text_in_every_encoding(name: str) -> None:
    done = taken_out(HEAD + TEXTS[name], CARD)
    shown = texts_of(done)
    assert MARK in shown or FILE_GONE in shown
    assert (FILE_GONE in shown) == (name in ("rich text", "a charset that is not true"))


@pytest.mark.parametrize("name", TEXTS)
def test_the_same_in_a_part(name: str) -> None:
    raw = HEAD + multi("mixed", part("text/plain", "Before."), TEXTS[name], part("text/plain", "Behind."))
    shown = texts_of(taken_out(raw, CARD))
    assert shown.startswith("Before.") and shown.endswith("Behind.")


def test_the_words_around_stay() -> None:
    raw = HEAD + part("text/plain; charset=utf-8; format=flowed", f"Grüße!\n> Card {CARD}, given \n> today\n-- \nAnn")
    assert text_of(taken_out(raw, CARD)) == f"Grüße!\n> Card {MARK}, given today\n-- \nAnn"
    assert b'format="flowed"' in taken_out(raw, CARD)


def test_a_clear_signature_goes() -> None:
    shown = text_of(taken_out(HEAD + TEXTS["a clear signed text"], CARD))
    assert SIGNATURE_GONE in shown and "BEGIN PGP SIGNATURE" not in shown


PAGES = {
    "plain": f"<p>Card {CARD}.</p>",
    "tags inside": "<p>Card 2123 <b>45670</b> 1.</p>",
    "tags inside words": "<p>Card 21<i>2</i>3 4<span style='x'>56</span>70<font> 1</font>.</p>",
    "hard blanks": "<p>Card 2123&nbsp;45670&#160;1.</p>",
    "entities": "<p>Card &#50;1&#x32;3 456&#55;0 1.</p>",
    "entities without end": "<p>Card &#50 &#49 23 45670 1</p>",
    "soft hyphens": "<p>Card 2123&shy;45670&zwnj;1&ZeroWidthSpace;.</p>",
    "cells": "<table><tr><td>2123</td>\n  <td>45670</td>\n  <td>1</td></tr></table>",
    "lines": "<p>2123<br>45670<br/>1</p>",
    "wbr": "<p>2123<wbr>45670<wbr>1</p>",
    "a comment between": "<p>2123 <!-- x --> 45670 1</p>",
    "alt": f'<p>x</p><img src="cid:a" alt="Card {CARD}">',
    "title and label": f"<a title='{CARD}' aria-label=2123456701>x</a>",
    "a link": '<a href="tel:2123456701">call</a>',
    "a link in percents": '<a href="https://x.test/?q=2123%2045670%201&amp;z=1">x</a>',
    "an attribute in entities": '<img alt="&#50;123 45670 1">',
    "data": '<p data-card="2123-45670-1">x</p>',
    "style": '<p style="content: \'2123 45670 1\'">x</p>',
    "a style sheet": "<style>p:after{content:'2123 45670 1'}</style><p>x</p>",
    "a script": "<script>var a='2123 45670 1'</script><p>x</p>",
    "a comment": f"<!-- {CARD} --><p>x</p>",
    "a comment with tags": "<!--[if mso]><p>2123 <b>45670</b> 1</p><![endif]--><p>x</p>",
    "a declaration": f"<!DOCTYPE html '{CARD}'><p>x</p>",
    "a title": f"<title>{CARD}</title><p>x</p>",
    "hidden text": f'<p style="display:none">{CARD}</p><p>x</p>',
    "full width": "<p>２１２３ ４５６７０ １</p>",
    "a tag not closed": f"<p>x</p><p {CARD}",
    "a quote not closed": f'<p>x</p><a title="y>{CARD}</a> and "more"',
    "a comment not closed": f"<p>x</p><!-- {CARD}",
    "the name of an attribute": "<p 2123456701>x</p>",
    "signs that are no tags": f"<p>1 < 2 and {CARD} > 3</p>",
    "a text area": f"<textarea>2123 <b>45670</b> 1</textarea><input value='{CARD}'><p>x</p>",
}  # fmt: skip


@pytest.mark.parametrize("encoding", ["", "qp", "base64"])
@pytest.mark.parametrize("name", PAGES)
def test_gone_from_html(name: str, encoding: str) -> None:
    page = part("text/html; charset=utf-8", f"<html><body>Words. {PAGES[name]}<p>More &amp; more.</p></body></html>",
                encoding=encoding)  # fmt: skip
    shown = text_of(taken_out(HEAD + page, CARD))
    assert "Words." in shown
    if "not closed" not in name:
        assert "More & more." in shown


@pytest.mark.parametrize("name", PAGES)
def test_gone_from_alternatives_with_html_in_base64(name: str) -> None:
    plain = part("text/plain; charset=utf-8", SHORT, encoding="qp")
    page = part("text/html; charset=utf-8", PAGES[name], encoding="base64")
    picture = part("image/png", b"\x89PNG", "Content-ID: <a>", encoding="base64")
    done = taken_out(HEAD + multi("mixed", multi("alternative", plain, multi("related", page, picture))), CARD)
    assert f"The card is {MARK}. Thank you." in text_of(done)


def test_what_is_not_named_in_a_page_stays_as_it_was() -> None:
    page = f'<P CLASS=x>Dose 2123&nbsp;mg <B>not</B> &copy;</P> \n <IMG ALT="a &lt; b">{CARD}<p>é</p>'
    (one,) = iter_parts(parse(taken_out(HEAD + part("text/html; charset=utf-8", page), CARD)))
    assert one.decoded().decode() == page.replace(CARD, MARK).replace("\n", "\r\n")


def test_tags_around_a_value_stay() -> None:
    (one,) = iter_parts(parse(taken_out(HEAD + part("text/html", "<p>a 2123 <b>45670</b> 1 z</p>"), CARD)))
    assert one.decoded() == f"<p>a {MARK}<b></b> z</p>".encode()


def test_a_page_that_programs_read_differently_goes_in_favour_of_the_text() -> None:
    page = part("text/html", "<p>2123 <a x='>' 45670 <b title=\"1\">'> 1</p>")
    raw = HEAD + multi("alternative", part("text/plain", "Words."), page, part("text/calendar", "BEGIN:VEVENT"))
    done = redact(raw, [CARD])
    assert texts_of(done.raw) == "Words.\nBEGIN:VEVENT" and done.taken and not done.left
    alone = redact(HEAD + page, [CARD])
    assert text_of(alone.raw) and b"text/html" not in alone.raw and not stands_in(CARD, alone.raw) and not alone.left


SUBJECTS = {
    "plain": f"Subject: Card {CARD} again",
    "folded": "Subject: Card 2123\r\n 45670 1 again",
    "encoded": "Subject: =?utf-8?b?" + base64.b64encode(f"Größe {CARD} again".encode()).decode() + "?=",
    "quoted": "Subject: =?iso-8859-1?q?Gr=F6=DFe_2123_45670_1_again?=",
    "in two words": "Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe_2123_45?=\r\n =?utf-8?q?670_1_again?=",
    "in two charsets": "Subject: =?utf-8?q?2123_45?= =?iso-8859-1?q?670_1_again?=",
    "half in a word": "Subject: =?utf-8?q?2123?= 45670 1 again",
    "raw": f"Subject: Größe {CARD} again",
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_gone_from_the_subject_and_what_repeats_it(name: str) -> None:
    line = SUBJECTS[name]
    more = [line.replace("Subject:", f"{key}:") for key in ("Thread-Topic", "Comments", "Keywords", "X-Original")]
    head = HEAD.replace(b"Subject: A question", "\r\n".join([line, *more]).encode())
    done = parse(taken_out(head + b"\r\nWords.\r\n", CARD))
    subject = text_header(done, "subject")
    assert MARK in subject and subject.endswith("again")
    assert ("Größe" in subject) == (name in ("encoded", "quoted", "in two words", "raw"))
    assert MARK in text_header(done, "thread-topic") and not text_header(done, "x-original")
    assert done.body == b"Words.\r\n"


NAMES = {
    "plain": 'attachment; filename="scan 2123 45670 1.png"',
    "without quotes": "attachment; filename=2123-45670-1.png",
    "RFC 2231": "attachment; filename*=utf-8''2123%2045670%201.png",
    "RFC 2231 in pieces": 'attachment; filename*0="2123 4"; filename*1="5670 1.png"',
    "RFC 2231 in pieces, encoded": "attachment; filename*0*=utf-8'en'2123%20; filename*1*=45670%20; filename*2=1.png",
    "RFC 2047": 'attachment; filename="=?utf-8?q?2123_45670_1=2Epng?="',
    "RFC 2047 in two words": 'attachment; filename="=?utf-8?b?MjEyMyA0?=\r\n =?utf-8?b?NTY3MCAxLnBuZw==?="',
    "two that differ": "attachment; filename=\"2123456701.png\"; filename*=utf-8''other.png",
    "percents": 'attachment; filename="2123%2045670%201.png"',
    "raw": 'attachment; filename="Größe 2123 45670 1.png"',
}


@pytest.mark.parametrize("name", NAMES)
def test_gone_from_file_names(name: str) -> None:
    disposition = "Content-Disposition: " + NAMES[name]
    kind = "Content-Type: image/png; " + NAMES[name].partition("; ")[2].replace("filename", "name")
    picture = f"{kind}\r\n{disposition}\r\nContent-Description: Scan {CARD}\r\n{B64}\r\n\r\n".encode() + b"iVBORw0KGgo="
    raw = HEAD + multi("mixed", part("text/plain", "Words."), picture)
    done = taken_out(raw, CARD)
    file = list(iter_parts(parse(done)))[1]
    assert (
        file.content_type == "image/png" and file.decoded() == b"\x89PNG\r\n\x1a\n" and file.disposition == "attachment"
    )
    assert file.filename is not None
    assert file.filename == "other.png" if name == "two that differ" else MARK in file.filename
    assert file.filename.endswith(".png")


def test_parts_that_name_nothing_keep_their_bytes() -> None:
    odd = b'Content-Type:  TEXT/plain ;charset = "utf-8"\r\nX-Odd: 1\r\n\tfolded\r\n\r\nGr\xc3\xbc\xc3\x9fe \t \r\n'
    picture = part("image/png", bytes(range(256)), encoding="base64").replace(b"base64", b"BASE64")
    raw = HEAD + b"X-Odd:   as it   was\r\n" + multi("mixed", odd, part("text/plain", SHORT), picture)
    done = taken_out(raw, CARD)
    assert odd in done and picture in done and b"X-Odd:   as it   was\r\n" in done
    before, after = raw.split(b"--=_mixed"), done.split(b"--=_mixed")
    assert [b == a for b, a in zip(before[1:], after[1:], strict=True)] == [True, False, True, True]


def test_a_mail_that_names_nothing_is_the_same_object() -> None:
    raw = HEAD + part("text/plain", "Nothing here, 2123 45671 1.")
    done = redact(raw, [CARD, NAME, "", " -- "])
    assert done.raw is raw and done.taken == () and done.left == ()


def test_documents_go_by_number_and_by_their_bytes() -> None:
    pdf = part("application/pdf; name=a.pdf", b"%PDF-1.4 (2123 45670 1) Tj", "Content-Disposition: attachment",
               encoding="base64")  # fmt: skip
    office = part("application/zip", b"PK\x03\x04" + "J a n e".encode("utf-16-le") + CARD.encode("utf-16-le"),
                  encoding="base64")  # fmt: skip
    scan = part("image/jpeg; name=scan.jpg", b"\xff\xd8nothing", encoding="base64")
    other = part("image/jpeg; name=other.jpg", b"\xff\xd8nothing", encoding="base64")
    raw = HEAD + multi("mixed", part("text/plain", "Words."), pdf, office, scan, other)
    done = redact(raw, [CARD], without_parts={3})
    parts = list(iter_parts(parse(done.raw)))
    assert [part_text(one).strip() for one in parts[1:4]] == [FILE_GONE] * 3
    assert other in done.raw and done.left == () and not stands_in(CARD, done.raw) and b"scan.jpg" not in done.raw
    assert [(one.value, one.part, one.times) for one in done.taken] == [(0, 1, 1), (0, 2, 1), (-1, 3, 1)]
    alone = redact(HEAD + pdf, [], without_parts=[0])
    assert text_of(alone.raw) == FILE_GONE and b"pdf" not in alone.raw


def test_attached_messages() -> None:
    inner = (
        b"From: Jane M\xc3\xbcller <jane.mueller@home.test>\r\nTo: Ann <ann@clinic.test>\r\n"
        b"X-Info: Jane M\xc3\xbcller\r\n"
        b"Subject: =?utf-8?q?From_Jane_M=C3=BCller?=\r\n" + part("text/plain; charset=utf-8", f"I am {NAME}, {CARD}.")
    )
    for one in (part("message/rfc822", inner), part("message/rfc822", inner, encoding="base64")):
        raw = HEAD + multi("mixed", part("text/plain", "See below."), one)
        done = taken_out(raw, CARD, NAME, "jane.mueller@home.test")
        assert f"I am {MARK}, {MARK}." in done.decode() or one.startswith(b"Content-Type: message/rfc822\r\nContent-Tr")
        deep = HEAD + multi("mixed", part("message/rfc822", raw))
        taken_out(deep, CARD, NAME, "jane.mueller@home.test")


@pytest.mark.parametrize(
    ("protocol", "name"),
    [("application/pgp-signature", "signature.asc"), ("application/pkcs7-signature", "smime.p7s")],
)
def test_signatures_over_other_words_go(protocol: str, name: str) -> None:
    signature = part(f"{protocol}; name={name}", b"abc", encoding="base64")
    words = multi("mixed", part("text/plain", SHORT), part("text/plain", "Untouched."))
    raw = HEAD + multi("signed", words, signature, more=f'; protocol="{protocol}"; micalg=sha-256')
    done = redact(raw, [CARD])
    assert not stands_in(CARD, done.raw) and done.left == ()
    parts = list(iter_parts(parse(done.raw)))
    assert [part_text(one).strip() for one in parts[1:]] == ["Untouched.", SIGNATURE_GONE]
    assert b"multipart/signed" not in done.raw and (-1, 2) in [(one.value, one.part) for one in done.taken]
    subject_only = redact(raw.replace(b"A question", b"Card 2123456701").replace(SHORT.encode(), b"-"), [CARD])
    assert b"multipart/signed" in subject_only.raw and signature in subject_only.raw


def test_what_no_program_shows_goes_as_well() -> None:
    raw = HEAD + multi("mixed", part("text/plain", "Words.")).replace(
        b"\r\n\r\n--=_mixed", f"\r\n\r\nThis is {CARD}\r\n--=_mixed".encode(), 1
    )
    raw += f"Behind {CARD}\r\n".encode()
    assert text_of(taken_out(raw, CARD)) == "Words."
    empty = HEAD + b'Content-Type: multipart/mixed; boundary="x"\r\n\r\nNo parts, 2123 45670 1.\r\n'
    taken_out(empty, CARD)


def test_what_may_not_be_changed_is_told() -> None:
    for line in (b"Message-ID: <2123456701@x.test>", b"References: <a@b> <2123-45670-1@x.test>"):
        raw = HEAD.replace(b"Message-ID: <1@clinic.test>", line) + b"\r\nWords.\r\n"
        assert redact(raw, [NAME, CARD]).left == (CARD,)
    raw = HEAD + multi("mixed", part("text/plain", SHORT)).replace(b"=_mixed", b"2123456701")
    assert redact(raw, [CARD]).left == (CARD,)
    assert CARD not in repr(redact(raw, [CARD]))


def test_our_own_fields_of_the_way_stay() -> None:
    raw = HEAD.replace(b"From: Ann Archer", b"DKIM-Signature: v=1; b=abc\r\nFrom: Ann Archer")
    raw = (
        raw.replace(b"To: Cases <", b"To: Jane Miller <")
        + b"Cc: jane@home.test, ben@x.test\r\n\r\nann and Jane Miller\r\n"
    )
    done = redact(raw, ["Ann", "Jane Miller", "jane@home.test", "cases"])
    assert done.raw.startswith(b"DKIM-Signature: v=1; b=abc\r\nFrom: Ann Archer <ann@clinic.test>\r\n")
    assert f'To: "{MARK}" <cases@lists.test>'.encode() in done.raw and b"Cc: ben@x.test\r\n" in done.raw
    assert text_of(done.raw) == f"{MARK} and {MARK}" and done.left == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [(NAME, "JANE MÜLLER"), (NAME, "Jane Mu\u0308ller"), (NAME, "jane_muller.pdf"), (NAME, "Jane\n> Müller"),
     (NAME, "JaneMüllerReport"), ("O'Neil Pat", "O’Neil Pat"), ("Ina", "INA"), ("王小明", "我找王小明谈"),
     ("7 May", "7-May"), ("PSY0001234567", "psy 0001234567"), ("0412 345 678", "(0412) 345-678"), ("1.2.50", "1/2/50"),
     ("Lee", "Lee2"),
     ("ann@x.test", "<ANN@X.TEST>"), ("Straße 5", "STRASSE 5"), ("ﬁona Fox", "Fiona Fox")],
)  # fmt: skip
def test_the_same_to_a_person(value: str, text: str) -> None:
    assert numbers_in(f"before {text} after", sought([value])) == {0}
    done = redact(HEAD + part("text/plain; charset=utf-8", f"before {text} after"), [value])
    assert done.left == () and done.taken[0].times == 1
    assert not numbers_in(text_of(done.raw), sought([value]))


@pytest.mark.parametrize(
    ("value", "text"),
    [("Ina", "in a word"), ("Ann", "annual"), ("Lee", "sleep"), ("1.2", "12"), ("1.2", "3112"), ("12", "312 mg"),
     ("7 May", "17 May"), (NAME, "Jane and Müller"), (CARD, "2123 45670 and 1"), ("--", "a -- b")],
)  # fmt: skip
def test_another_thing(value: str, text: str) -> None:
    assert not numbers_in(text, sought([value]))


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1"])
def test_a_text_that_shows_something_like_it_is_not_taken_for_a_file(charset: str) -> None:
    raw = HEAD + part(f"text/plain; charset={charset}", "Frau Müller, Année, Ébern".encode(charset))
    assert redact(raw, ["ller", "Anne", "bern"]).raw is raw


def test_structure_that_hides_a_value() -> None:
    inner = multi("mixed", part("text/html", f"<p>{CARD}</p>", encoding="base64"), mark="inner")
    head, _, body = inner.partition(b"\r\n\r\n")
    coded = head + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(body).replace(b"\n", b"\r\n")
    assert FILE_GONE in texts_of(taken_out(HEAD + multi("mixed", part("text/plain", "x"), coded), CARD))
    deep = HEAD + inner
    for _ in range(6):
        deep = part("message/rfc822", deep, encoding="base64")
    done = redact(HEAD + multi("mixed", deep), [CARD])
    assert not done.left and done.taken
    raw = done.raw
    while not (text := texts_of(raw)).startswith("[A file"):
        (one,) = iter_parts(parse(raw))
        assert one.content_type == "message/rfc822" and len(one.decoded()) < len(raw), text
        raw = one.decoded()
    named = HEAD + b"X-2123456701: yes\r\nContent-2123456701: yes\r\n\r\nWords.\r\n"
    assert [(one.where, one.times) for one in redact(named, [CARD]).taken] == [("another field of the header", 2)]
    taken_out(named, CARD)


def test_values_that_our_own_words_hold() -> None:
    raw = HEAD + multi("mixed", part("text/plain", "The moderator removed a file."), part("image/png", b"x"))
    done = redact(raw, ["moderator", "file"], without_parts=[1])
    assert done.left == () and text_of(done.raw) == "The [...] removed a [...].\n[...]"


def test_taken_tells_how_often_and_where_without_the_value() -> None:
    raw = HEAD.replace(b"A question", b"2123456701") + multi(
        "alternative", part("text/plain", f"{CARD} {CARD} {NAME}"), part("text/html; charset=utf-8", f"<p>{CARD}</p>")
    )
    done = redact(raw, [CARD, NAME])
    assert [(one.value, one.part, one.times, one.where) for one in done.taken] == [
        (0, -1, 1, "the subject"), (0, 0, 2, "the text"), (1, 0, 1, "the text"), (0, 1, 1, "the HTML text"),
    ]  # fmt: skip


# --- a corrected text --------------------------------------------------------------------------------------------


def test_a_corrected_text_replaces_every_form_of_the_old_one() -> None:
    pdf = part("application/pdf; name=a.pdf", b"%PDF", "Content-Disposition: attachment", encoding="base64")
    letter = part("message/rfc822", b"Subject: x\r\n" + multi("mixed", part("text/plain", "inner"), pdf, mark="inner"))
    picture = part("image/png", b"\x89PNG", "Content-ID: <a>", "Content-Disposition: inline", encoding="base64")
    text = multi("alternative", part("text/plain", SHORT), multi("related", part("text/html", SHORT), picture))
    note = part("text/plain; name=note.txt", "a note", "Content-Disposition: attachment")
    signature = part("application/pgp-signature; name=signature.asc", b"abc")
    raw = HEAD + b"X-Odd:  1\r\n" + multi("signed", multi("mixed", text, pdf, letter, note), signature)
    done = revised(raw, "Größer.\nNeu.", subject="Ein Fall – neu")
    read = email.message_from_bytes(done, policy=policy.default)
    assert [one.get_content_type() for one in read.iter_parts()] == [
        "text/plain", "application/pdf", "message/rfc822", "text/plain"
    ]  # fmt: skip
    assert next(read.iter_parts()).get_content() == "Größer.\r\nNeu.\r\n"
    for kept in (pdf, letter, note, b"X-Odd:  1\r\n", b"From: Ann Archer <ann@clinic.test>\r\n"):
        assert kept in done
    assert read["subject"] == "Ein Fall – neu" and not stands_in(CARD, done) and b"signature" not in done


@pytest.mark.parametrize("body", [*list(TEXTS.values())[:6], part("text/html", PAGES["plain"], encoding="base64")])
def test_a_corrected_text_alone(body: bytes) -> None:
    done = revised(HEAD + body, "New.")
    assert not stands_in(CARD, done) and text_of(done) == "New." and done.startswith(HEAD.rpartition(b"MIME")[0])
    assert decode_words(text_header(parse(done), "subject")) == "A question"


def test_a_mail_that_is_a_file_keeps_it() -> None:
    raw = HEAD + part("application/pdf", b"%PDF", "Content-Disposition: attachment; filename=a.pdf", encoding="base64")
    words, file = iter_parts(parse(revised(raw, "New.")))
    assert part_text(words) == "New.\n" and file.decoded() == b"%PDF" and file.filename == "a.pdf"


@pytest.mark.parametrize("kind", ["application/pkcs7-mime", "multipart/encrypted; boundary=x"])
def test_what_is_sealed_goes(kind: str) -> None:
    raw = HEAD + part(kind, b"--x\r\nContent-Type: application/octet-stream; name=x.asc\r\n\r\nabc\r\n--x--\r\n")
    assert text_of(revised(raw, "New.")) == "New." and b"abc" not in revised(raw, "New.")


# --- anything ----------------------------------------------------------------------------------------------------

_FORMS = st.sampled_from(
    [CARD, "2123456701", "2123\u00a045670\u00a01", "2123-45670-1", "２１２３４５６７０１", "2123\n45670\n1"]
)
_WORDS = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=30)


@st.composite
def _leaf(draw: st.DrawFn) -> bytes:
    text = draw(_WORDS) + draw(st.one_of(st.just(""), _FORMS)) + draw(_WORDS)
    kind = draw(st.sampled_from(["plain", "html", "csv"]))
    if kind == "html":
        text = text.replace("\u00a0", "&nbsp;").replace("-", "<i>-</i>")
    charset = draw(st.sampled_from(["utf-8", "iso-8859-1", "utf-16"]))
    encoding = "base64" if charset == "utf-16" else draw(st.sampled_from(["", "qp", "base64"]))
    data = normalise(text.encode(charset, "replace")) if charset != "utf-16" else text.encode(charset)
    more = draw(st.sampled_from([(), ('Content-Disposition: attachment; filename="2123456701.txt"',)]))
    return part(f"text/{kind}; charset={charset}", data, *more, encoding=encoding)


def _container(children: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    def build(args: tuple[str, list[bytes], int]) -> bytes:
        kind, parts, number = args
        return multi(kind, *parts).replace(b"=_" + kind.encode(), b"=_%s%d" % (kind.encode(), number))

    kinds = st.sampled_from(["mixed", "alternative", "related", "signed"])
    made = st.tuples(kinds, st.lists(children, min_size=1, max_size=3), st.integers(0, 10**6)).map(build)
    return st.one_of(made, children.map(lambda one: part("message/rfc822", HEAD + one)))


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.recursive(_leaf(), _container, max_leaves=6))
def test_gone_from_any_mail(content: bytes) -> None:
    done = redact(HEAD + content, [CARD])
    assert done.left == () and not stands_in(CARD, done.raw)


@given(st.binary(max_size=3000), st.text(max_size=12))
def test_any_bytes_and_any_value(data: bytes, value: str) -> None:
    for raw in (normalise(data), HEAD + normalise(data), HEAD + multi("mixed", normalise(data))):
        redact(raw, [value, CARD, "x"], without_parts=[0])
        revised(raw, value, subject=value)


@pytest.mark.parametrize(("name", "raw"), XSS, ids=[name for name, _ in XSS])
def test_hostile_pages(name: str, raw: bytes) -> None:
    whole = normalise(raw)
    planted = whole.replace(b"Subject: Hello", b"Subject: Hello 2123 45670 1")
    texts = [part_text(one) for one in iter_parts(parse(whole)) if one.content_type.startswith("text/")]
    words = sorted({word for text in texts for word in re.findall(r"[A-Za-z]{6,}", text)})[:6]
    done = redact(planted, [CARD, *words])
    assert not stands_in(CARD, done.raw) and not done.left


@needs_corpus
@pytest.mark.parametrize("file", FILES or [Path("none")], ids=lambda file: file.name)
@pytest.mark.timeout(600)
def test_words_of_real_mail(file: Path) -> None:
    rng, bad, count = random.Random(7), [], 0
    for number, raw in messages(file):
        if number % 4:
            continue
        try:
            message = parse(raw)
        except TooComplex:
            continue
        words = sorted(set(re.findall(r"\b[A-Za-z]{5,}\b", readable(message))))
        chosen = rng.sample(words, min(3, len(words)))
        done = redact(raw, chosen)
        count += bool(chosen)
        looked = sought(done.left + tuple(chosen))
        left = numbers_in(readable(parse(done.raw), 10**6), looked) | numbers_in(
            text_header(parse(done.raw), "subject"), looked
        )
        if done.left or left:
            bad.append(f"{file.name} {number}: {len(done.left)} left, {len(left)} read")
    assert not bad, bad[:30]
    assert count >= 50
