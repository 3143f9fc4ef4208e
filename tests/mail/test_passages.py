"""Every text of a message, however it is written or hidden, and whose words it is."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.mail.marked_up import all_text
from listserv.mail.message import parse
from listserv.mail.passages import MAX_ALL, MAX_PASSAGE, Passage, Place, Unread, passages
from listserv.mail.whose import whose


def crlf(mail: EmailMessage) -> bytes:
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def mail(text: str = "Hello.\n", html: str = "", subject: str = "A case") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["Subject"] = "ann@people.test", subject
    if text or not html:
        made.set_content(text)
    if html:
        (made.add_alternative if text else made.set_content)(html, subtype="html", cte="base64")
    return made


def read(made: EmailMessage, documents: dict[int, str] | None = None) -> tuple[Passage, ...]:
    return passages(parse(crlf(made)), documents or {})


def the(found: tuple[Passage, ...], place: Place) -> Passage:
    return next(passage for passage in found if passage.place == place)


def test_subject_text_and_html_in_order() -> None:
    found = read(mail("Grüße\n", "<p>Grüße</p>", "Über alles"))
    assert [(one.place, one.part) for one in found] == [(Place.SUBJECT, -1), (Place.TEXT, 0), (Place.HTML, 1)]
    assert [one.text.strip() for one in found] == ["Über alles", "Grüße", "Grüße"]


@pytest.mark.parametrize(
    ("html", "says"),
    [
        ("21<b>23</b> 45&nbsp;670 1", "2123 45\xa0670 1"),
        ("<img src='cid:a' alt='MRN 1234567'>", "MRN 1234567"),
        ('<a title="born 3/4/1988" href="x">there</a>', "born 3/4/1988"),
        ("<div aria-label='her mum'>x</div>", "her mum"),
        ("<div data-card='2123 45670 1'>x</div>", "2123 45670 1"),
        ("<!-- TFN 123 456 782 -->", "TFN 123 456 782"),
        ("<span style='display:none'>hidden words</span>", "hidden words"),
        ("<a href='mailto:jane@example.org?subject=x'>me</a>", "jane@example.org"),
        ("<a href='tel:0491570156'>ring</a>", "0491570156"),
        ("<p>never <a closed", "closed"),
        ("<td>2123</td><td>45670</td><td>1</td>", "2123  45670  1"),
    ],
)
def test_html_is_read_with_all_that_hides_in_it(html: str, says: str) -> None:
    assert says in the(read(mail("", html)), Place.HTML).text


def test_scripts_and_styles_are_no_text() -> None:
    text = the(read(mail("", "<style>p{margin:1234567}</style><script>var a=1</script><p>seen</p>")), Place.HTML).text
    assert "seen" in text
    assert "1234567" not in text
    assert "var a" not in text


def test_names_and_texts_of_files() -> None:
    made = mail()
    made.add_attachment("born 3/4/1988", filename="Sarah Nguyen.txt")
    made.add_attachment(b"a,b\r\n2123456701,x\r\n", "text", "csv", filename="list.csv")
    found = read(made)
    assert [one.text for one in found if one.place == Place.FILE_NAME] == ["Sarah Nguyen.txt", "list.csv"]
    assert [one.text.strip() for one in found if one.place == Place.FILE] == ["born 3/4/1988", "a,b\n2123456701,x"]


def test_a_document_is_read_by_somebody_else_or_not_at_all() -> None:
    made = mail()
    made.add_attachment(b"%PDF-1.7\0\xff", "application", "pdf", filename="letter.pdf")
    assert the(read(made), Place.FILE).unread == Unread.DOCUMENT
    assert the(read(made, {1: "  "}), Place.FILE).unread == Unread.DOCUMENT
    handed = the(read(made, {1: "Dear doctor"}), Place.FILE)
    assert (handed.text, handed.unread, handed.part, handed.name) == ("Dear doctor", None, 1, "letter.pdf")


def test_pictures_are_not_read_and_logos_are_no_pictures() -> None:
    made = mail("", "<img src='cid:l'>")
    made.add_related(b"\x89PNG" + b"\0" * 2_000, "image", "png", cid="<l>", disposition="inline")
    assert [one for one in read(made) if one.unread] == []
    made = mail()
    made.add_attachment(b"\x89PNG" + b"\0" * 2_000, "image", "png", filename="scan.png")
    assert the(read(made), Place.FILE).unread == Unread.PICTURE


def test_what_is_encrypted_says_so() -> None:
    made = mail("-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n")
    assert the(read(made), Place.TEXT).unread == Unread.ENCRYPTED
    made = mail()
    made.add_attachment(b"\x30\x80", "application", "pkcs7-mime", filename="smime.p7m")
    assert the(read(made), Place.FILE).unread == Unread.ENCRYPTED


def test_an_attached_message_is_read_with_its_header() -> None:
    made = mail()
    made.add_attachment(mail("her number is 1234567\n", subject="About Jane Citizen"))
    texts = "\n".join(one.text for one in read(made) if one.part > 0)
    assert "her number is 1234567" in texts
    assert "About Jane Citizen" in texts


def test_an_attached_message_in_base64_is_opened() -> None:
    inner = crlf(mail("her number is 1234567\n"))
    made = mail()
    made.add_attachment(inner, "application", "octet-stream", filename="m.eml")
    raw = crlf(made).replace(b"application/octet-stream", b"message/rfc822")
    assert any("1234567" in one.text for one in passages(parse(raw)))


def test_what_is_too_long_is_cut_and_says_so() -> None:
    found = read(mail("word " * MAX_PASSAGE))
    text = the(found, Place.TEXT)
    assert len(text.text) == MAX_PASSAGE
    assert text.unread == Unread.LONG
    made = mail()
    for number in range(6):
        made.add_attachment("x y\n" * (MAX_PASSAGE // 4 - 1), filename=f"{number}.txt")
    found = read(made)
    assert sum(len(one.text) for one in found) <= MAX_ALL
    assert found[-1].unread == Unread.LONG


TEXT = """Dear all,

what do you think?

Kind regards
Ann Archer
0499 999 999

On Tue, 3 Mar 2026 at 10:11, Bob Baker
<bob@people.test> wrote:
> first
> second
"""


def test_whose_words() -> None:
    quoted, signature = whose(TEXT)
    assert [TEXT[start:end].split("\n")[0][:6] for start, end in quoted] == ["On Tue"]
    assert TEXT[quoted[0][1] :] == ""
    assert [TEXT[start:end].strip() for start, end in signature] == ["Kind regards\nAnn Archer\n0499 999 999"]


@pytest.mark.parametrize(
    "text",
    [
        "Thanks\n\nHer mobile: 0412 345 678\n",
        "Best,\nAnn\nPS: call her mum on 0412 345 678\n",
        "Cheers\n\nClient's next of kin: 0412 345 678\n",
    ],
)
def test_a_signature_ends_where_somebody_else_is_spoken_of(text: str) -> None:
    at = text.index("0412")
    assert not any(start <= at < end for start, end in whose(text)[1])


def test_outlook_quotes_without_marks() -> None:
    text = "Yes.\n\nFrom: Bob <bob@people.test>\nSent: Tuesday\nTo: list\nSubject: x\n\nhis words\n"
    quoted = whose(text)[0]
    assert [text[start:end][:9] for start, end in quoted] == ["From: Bob"]
    assert quoted[-1][1] == len(text)


def test_quotations_of_markup() -> None:
    text, quoted, signed, _ = all_text(
        "<p>mine</p><blockquote>yours</blockquote><p>mine</p><div class='gmail_signature'>me</div>"
    )
    assert [text[start:end].strip() for start, end in quoted] == ["yours"]
    assert [text[start:end].strip() for start, end in signed] == ["me"]


def test_lines_of_preformatted_text_stay_lines() -> None:
    assert all_text("<p>a\nb</p><pre>dob;sex\r\n2009-12-30;F</pre>c")[0].splitlines() == [
        "a b",
        "dob;sex",
        "2009-12-30;F",
        "c",
    ]


@given(st.text(max_size=300))
def test_never_raises_on_html(html: str) -> None:
    text, quoted, signed, _ = all_text(html)
    assert all(0 <= start <= end <= len(text) for start, end in (*quoted, *signed))


@given(st.text(alphabet="<>/!-=\"' abp\n&;#1x", max_size=200))
def test_never_raises_on_markup(html: str) -> None:
    all_text(html)


@given(st.text(max_size=400))
def test_spans_are_in_order(text: str) -> None:
    for spans in whose(text):
        flat = [at for span in spans for at in span]
        assert flat == sorted(flat)


@given(st.binary(max_size=600))
def test_never_raises_on_bytes(data: bytes) -> None:
    head = b"From: a@b.c\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    for raw in (
        data,
        head + data.replace(b"\n", b"\r\n"),
        head + b"Content-Type: text/html\r\n\r\n" + data + b"\r\n--b--",
    ):
        for passage in passages(parse(raw)):
            assert isinstance(passage.text, str)
