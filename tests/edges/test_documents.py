"""Attached documents: what is written in them is read, what cannot be is told, what attacks the reader harms nobody."""

from __future__ import annotations

import asyncio
import base64
import datetime
import io
import os
import random
import signal
import time
import zipfile
import zlib
from collections.abc import Iterator

import openpyxl
import psutil
import pytest
from fpdf import FPDF
from PIL import Image
from pypdf import PdfReader, PdfWriter

from listserv.edge import documents
from listserv.edge.document_text import CUT, DAMAGED, ENCRYPTED, PARTLY_SCANNED, SCANNED, TOO_LARGE
from listserv.edge.documents import ARCHIVE, FAILED, NOT_READ, OLD_OFFICE, SLOW, Documents
from listserv.mail.message import Message, parse
from tests.data.hostile import PNG

CARD = "2123 45670 1"
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
CORE = (
    '<cp:coreProperties xmlns:cp="c" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator>Ann Owner</dc:creator>'
    "<dc:title>About Jane</dc:title></cp:coreProperties>"
)
APP = "<Properties xmlns='p'><Application>Word</Application><Company>Clinic Ltd</Company></Properties>"


@pytest.fixture(autouse=True)
def _no_process_left() -> Iterator[None]:
    yield
    documents.close()
    assert workers() == []


def workers() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if "document_worker" in " ".join(one.cmdline())]


def mail(*files: bytes, kind: str = "application/octet-stream") -> Message:
    """A text and files behind it, which are the parts 1, 2 and so on."""
    parts = [b"Content-Type: text/plain\r\n\r\nSee the files.\r\n"]
    for data in files:
        head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
        parts.append(head + base64.encodebytes(data).replace(b"\n", b"\r\n"))
    body = b"".join(b"--x\r\n" + one + b"\r\n" for one in parts)
    return parse(b"Subject: x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + body + b"--x--\r\n")


def read(*files: bytes, seconds: float = 10, kind: str = "application/octet-stream") -> Documents:
    return asyncio.run(documents.texts(mail(*files, kind=kind), seconds=seconds))


def pdf(*pages: str | None, **more: str) -> bytes:
    """A PDF with a text on each page; None is a page that is a picture."""
    made = FPDF()
    made.set_font("helvetica", size=12)
    for text in pages:
        made.add_page()
        if text is None:
            made.image(io.BytesIO(PNG), w=50)
        else:
            made.multi_cell(0, text=text)
    made.set_author(more.get("author", ""))
    made.set_title(more.get("title", ""))
    return bytes(made.output())


def packed(**members: str | bytes) -> bytes:
    """A zip; `__` in a name is a slash, `_` a dot."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        if members.keys() & {"word__document_xml", "ppt__slides__slide1_xml", "visio__document_xml"}:
            archive.writestr("[Content_Types].xml", "<Types/>")
        for name, data in members.items():
            stored = zipfile.ZIP_STORED if name == "mimetype" else None
            archive.writestr(name.replace("__", "/").replace("_", "."), data, stored)
    return out.getvalue()


def docx(words: str = CARD, **more: str | bytes) -> bytes:
    return packed(word__document_xml=f"<w:document {W}><w:body><w:p>{words}</w:p></w:body></w:document>", **more)


def runs(*texts: str) -> str:
    return "".join(f"<w:r><w:t>{text}</w:t></w:r>" for text in texts)


def odt(content: str, **more: str) -> bytes:
    body = f'<o xmlns:text="t" xmlns:table="b"><body>{content}</body></o>'
    return packed(mimetype="application/vnd.oasis.opendocument.text", content_xml=body, **more)


def xlsx() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Clients of May"
    sheet.append(["Jane & Co", 2123456701, datetime.date(1980, 5, 7), 1.5, datetime.date(2026, 11, 23)])
    sheet["A3"] = "a note"
    sheet["A3"].comment = openpyxl.comments.Comment("in a comment", "Ann")
    book.properties.creator = "Ann Owner"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def locked(password: str, owner: str | None = None, algorithm: str = "AES-256") -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(CARD))))
    writer.encrypt(password, owner, algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def bare_pdf(content: bytes, *, kids: str = "[3 0 R]", more: str = "", filters: str = "/FlateDecode") -> bytes:
    """A PDF by hand, one page with this content stream."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids {kids}/Count 1>>".encode(),
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R{more}"
        "/Resources<</Font<</F <</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>".encode(),
        b"<</Length %d/Filter%s>>\nstream\n%s\nendstream" % (len(content), filters.encode(), content),
    ]
    out, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 5\n0000000000 65535 f \n" + table + b"trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF"
    return out + end % len(out)


READ = {
    "pdf": (pdf(f"Card {CARD}", "page two", author="Ann Owner", title="About Jane"), [CARD, "page two", "Ann Owner"]),
    "pdf with remarks": (
        bare_pdf(zlib.compress(b"BT /F 9 Tf (2123 45670 1) Tj ET"), more="/Annots[<</Contents(a remark)>>]"),
        [CARD, "a remark"],
    ),
    "pdf locked against changes": (locked("", "owner"), [CARD]),
    "docx": (docx(runs("2123 4", "5670 1")), [CARD]),
    "docx with all its places": (
        docx(
            runs("Body") + "<w:del><w:r><w:delText>struck out</w:delText></w:r></w:del>"
            + f"<w:p>{runs('x', 'y')}</w:p><w:drawing><docPr descr='a picture of Jane'/></w:drawing>"
            + f"<w:tbl><w:tr><w:tc>{runs('cell')}</w:tc></w:tr></w:tbl>",
            word__header1_xml=f"<w:hdr {W}><w:p>{runs('In the header')}</w:p></w:hdr>",
            word__footnotes_xml=f"<w:footnotes {W}>{runs('a footnote')}</w:footnotes>",
            word__comments_xml=f"<a {W}><w:comment w:author='Ben'>{runs('a comment')}</w:comment></a>",
            docProps__core_xml=CORE, docProps__app_xml=APP,
        ),
        ["Body", "struck out", "xy", "a picture of Jane", "cell", "In the header", "a footnote", "a comment", "Ben",
         "Ann Owner", "About Jane", "Clinic Ltd"],
    ),
    "pptx": (
        packed(ppt__slides__slide1_xml=f"<p xmlns:a='a'><a:p><a:t>{CARD}</a:t></a:p></p>",
               ppt__notesSlides__notesSlide1_xml="<p xmlns:a='a'><a:t>spoken</a:t></p>"),
        [CARD, "spoken"],
    ),
    "odt": (
        odt("<text:h>Head</text:h><text:p>Card 2123 <text:span>45670</text:span> 1<text:line-break/>next</text:p>"
            "<table:table-cell><text:p>cell</text:p></table:table-cell>",
            meta_xml="<m xmlns:dc='d'><dc:creator>Ann Owner</dc:creator><generator>Office</generator></m>",
            styles_xml="<s xmlns:text='t'><style name='Standard'/><text:p>In the footer</text:p></s>"),
        ["Head", f"Card {CARD}", "next", "cell", "Ann Owner", "In the footer"],
    ),
    "xlsx": (xlsx(), ["Clients of May", "Jane & Co", "2123456701", "07/05/1980", "1.5", "23/11/2026", "a note",
                      "in a comment", "Ann Owner"]),
    "text that calls itself something else": (f"Größe, {CARD}\n".encode(), [CARD, "Größe"]),
    "the same in UTF-16": (CARD.encode("utf-16"), [CARD]),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_what_is_written_in_documents_is_read(name: str) -> None:
    data, expected = READ[name]
    found = read(data)
    assert found.unread == {} and set(found.texts) == {1}
    for words in expected:
        assert words in found.texts[1]
    for words in ("Office", "Standard", "fpdf2", "Word"):
        assert words not in found.texts[1].split()
    assert CARD not in repr(found)


UNREAD = {
    "encrypted pdf": (locked("secret"), ENCRYPTED),
    "encrypted pdf of old": (locked("secret", algorithm="RC4-128"), ENCRYPTED),
    "encrypted docx": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), ENCRYPTED),
    "encrypted odt": (odt("x", **{"META-INF__manifest_xml": "<encryption-data/>"}), ENCRYPTED),
    "doc": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), OLD_OFFICE),
    "zip": (packed(a_txt="x"), ARCHIVE),
    "scan": (pdf(None, None), SCANNED),
    "pdf cut off": (pdf(CARD)[:300], DAMAGED),
    "no pdf": (b"%PDF-1.7\n" + random.Random(1).randbytes(5000), DAMAGED),
    "docx cut off": (docx(runs(CARD))[:-40], DAMAGED),
    "docx with a document type": (packed(word__document_xml='<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), DAMAGED),
    "docx of no XML": (packed(word__document_xml=""), DAMAGED),
    "only pictures": (packed(ppt__slides__slide1_xml="<a/>", ppt__media__a_png=PNG, docProps__core_xml=CORE), SCANNED),
    "office of another kind": (packed(visio__document_xml="x"), NOT_READ),
    "a page tree that bites its tail": (bare_pdf(zlib.compress(b"x"), kids="[2 0 R 2 0 R]"), DAMAGED),
    "rtf": (b"{\\rtf1 x}", NOT_READ),
    "unknown": (b"\x00\x01\x02", NOT_READ),
    "zip bomb": (packed(word__document_xml=b"<a>" + b" " * 70_000_000), TOO_LARGE),
    "zip bomb of many": (
        packed(word__document_xml="", **{f"word__header{n}_xml": bytes(45_000_000) for n in range(4)}),
        TOO_LARGE,
    ),
    "pdf bomb": (bare_pdf(zlib.compress(zlib.compress(bytes(10**8))), filters="[/FlateDecode/FlateDecode]"), None),
    "pdf with a huge stream": (bare_pdf(zlib.compress(b" " * 200_000_000)), None),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREAD)
def test_what_cannot_be_read_is_told(name: str) -> None:
    data, expected = UNREAD[name]
    before = psutil.Process().memory_info().rss
    start = time.monotonic()
    found = read(data, pdf("the next one"), seconds=8)
    assert time.monotonic() - start < 20
    assert found.unread.get(1) == expected or (expected is None and found.unread[1])
    assert found.texts.get(2) == "the next one", "a bad document does not spoil the next"
    assert psutil.Process().memory_info().rss - before < 60_000_000


def test_pictures_and_signatures_are_no_documents() -> None:
    assert read(PNG, kind="image/png") == Documents({}, {})
    assert read(b"abc", kind="application/pkcs7-signature") == Documents({}, {})
    assert read(b"abc", kind="application/pkcs7-mime").unread == {1: ENCRYPTED}
    assert read(pdf(CARD), kind="image/png").texts == {1: CARD}
    assert len(workers()) == 1
    assert read(b"{\\rtf1 x}", kind="text/rtf").unread == {1: NOT_READ}
    assert read(b"Subject: x\r\n\r\nx", kind="message/rfc822").unread == {1: NOT_READ}
    assert read(b"-----BEGIN PGP MESSAGE-----\r\n\r\nabc").unread == {1: ENCRYPTED}
    assert read(f"<svg><text>{CARD}</text></svg>".encode(), kind="image/svg+xml").texts[1].count(CARD) == 1


def test_no_process_without_a_document() -> None:
    assert read(b"some text", packed(a_txt="x"), b"\0").unread == {2: ARCHIVE, 3: NOT_READ}
    assert not workers()
    assert documents._READERS._pool is None


def test_some_pages_are_pictures() -> None:
    found = read(pdf(CARD, None))
    assert found.texts[1] == CARD and found.unread == {1: PARTLY_SCANNED}
    assert read(pdf(CARD, "")).unread == {}


def test_a_long_document_is_cut() -> None:
    found = read(docx(runs(*["word "] * 210_000)))
    assert found.unread == {1: CUT} and 900_000 < len(found.texts[1]) <= documents.MOST_CHARACTERS


def test_a_slow_document_is_given_up_in_time() -> None:
    slow = bare_pdf(zlib.compress(b"BT /F 9 Tf " + b"(a) Tj 1 0 0 1 5 5 Tm " * 2_000_000 + b"ET"))
    start = time.monotonic()
    found = read(slow, pdf("the next one"), seconds=1.5)
    assert found.unread == {1: SLOW} and found.texts == {2: "the next one"}
    assert time.monotonic() - start < 8
    many = read(*[slow] * 6, pdf("never"), seconds=0.5)
    assert set(many.unread.values()) == {SLOW} and len(many.unread) >= 6


def test_the_process_is_kept_and_knows_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTSERV_SECRET", "never")
    read(pdf(CARD))
    (first,) = workers()
    assert set(first.environ()) == {
        "PYTHONPATH",
        "PYTHONDONTWRITEBYTECODE",
        *(["LC_CTYPE"] * ("LC_CTYPE" in first.environ())),
    }
    limits = {name: psutil.Process(first.pid).rlimit(getattr(psutil, name)) for name in ("RLIMIT_AS", "RLIMIT_FSIZE")}
    assert limits == {"RLIMIT_AS": (512 << 20, 512 << 20), "RLIMIT_FSIZE": (0, 0)}
    start = time.monotonic()
    assert read(pdf("again")).texts == {1: "again"}
    assert time.monotonic() - start < 1
    assert [one.pid for one in workers()] == [first.pid]


def test_a_killed_process_is_followed_by_another() -> None:
    read(pdf(CARD))
    for how in (signal.SIGKILL, signal.SIGTERM):
        (one,) = workers()
        one.send_signal(how)
        one.wait(5)
        assert read(pdf("again")).texts == {1: "again"}
    (one,) = workers()
    one.suspend()
    assert read(pdf("late"), seconds=1).unread == {1: SLOW}
    assert read(pdf("again")).texts == {1: "again"}


def test_killed_at_work() -> None:
    asyncio.run(_killed_at_work())


async def _killed_at_work() -> None:
    slow = bare_pdf(zlib.compress(b"BT /F 9 Tf " + b"(a) Tj 1 0 0 1 5 5 Tm " * 2_000_000 + b"ET"))
    work = asyncio.create_task(documents.texts(mail(slow)))
    for _ in range(100):
        await asyncio.sleep(0.05)
        if workers():
            break
    await asyncio.sleep(0.5)
    os.kill(workers()[0].pid, signal.SIGKILL)
    assert (await work).unread == {1: FAILED}


def test_many_at_once_are_two_processes() -> None:
    asyncio.run(_many_at_once())


async def _many_at_once() -> None:
    most, done = 0, asyncio.Event()

    async def watch() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, len(workers()))
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    found = await asyncio.gather(
        *(documents.texts(mail(pdf(f"number {n}"), docx(runs(f"word {n}")))) for n in range(12))
    )
    done.set()
    await watching
    assert [one.texts for one in found] == [{1: f"number {n}", 2: f"word {n}"} for n in range(12)]
    assert 1 <= most <= 2


def test_any_bytes_behind_the_marks_of_a_document() -> None:
    rng = random.Random(3)
    whole = [pdf(CARD), docx(runs(CARD)), odt(f"<text:p>{CARD}</text:p>"), xlsx(), locked("")]
    for number in range(40):
        data = bytearray(whole[number % len(whole)])
        for _ in range(rng.randrange(1, 30)):
            data[rng.randrange(8, len(data))] = rng.randrange(256)
        found = read(bytes(data), seconds=5)
        assert found.texts or found.unread


def test_pictures_in_a_pdf_are_not_opened() -> None:
    out = io.BytesIO()
    Image.new("L", (9000, 9000)).save(out, "JPEG")
    made = FPDF()
    made.add_page()
    made.image(io.BytesIO(out.getvalue()), w=50)
    start = time.monotonic()
    assert read(bytes(made.output())).unread == {1: SCANNED}
    assert time.monotonic() - start < 3
