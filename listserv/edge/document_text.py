"""What a document says: PDF, docx, xlsx, pptx, odt, ods, odp, with author, company and title as far as they are in it.

Only ever run in `document_worker`. Of office files the few members that hold words are read from the zip as a stream,
their size looked at first; XML without entities and without a network.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lxml import etree
from pypdf import PdfReader

MOST = 1_000_000  # characters
TOO_LARGE = "it is too large to be read"
ENCRYPTED = "it is encrypted"
SCANNED = "it is a scan: there is no text in it"
PARTLY_SCANNED = "some of its pages are pictures"
DAMAGED = "it is damaged"
CUT = "it is long: only its beginning was read"
FILES_INSIDE = "there are files in it, which are not opened"
NOT_READ = "it is not a kind of file that can be read"
_LARGEST_MEMBER = 60_000_000  # octets, unpacked
_LARGEST_IN_ALL = 150_000_000
_MEMBERS = re.compile(
    r"word/(?:document|header\d*|footer\d*|footnotes|endnotes|comments)\.xml"
    r"|ppt/(?:slides|notesSlides|comments)/[^/]+\.xml"
    r"|xl/(?:worksheets/[^/]+|comments[^/]*|comments/[^/]+|threadedComments/[^/]+)\.xml"
    r"|(?:word|ppt|xl)/(?:charts|diagrams|drawings)/[^/]+\.xml"
    r"|docProps/(?:core|app|custom)\.xml|content\.xml|styles\.xml|meta\.xml"
)
_RUNS = frozenset(("t", "delText", "instrText", "lpwstr"))
_PARAGRAPHS = frozenset(("p", "h"))  # of OpenDocument, in which text stands between elements
_OF_META = frozenset(
    ("creator", "lastModifiedBy", "title", "subject", "description", "keywords", "category", "Company", "Manager",
     "initial-creator", "keyword", "user-defined", "lpwstr")
)  # fmt: skip
_LINES = frozenset(("p", "h", "tr", "br", "cr", "line-break", "table-row", "comment", "si"))
_APART = frozenset(("s", "tab", "tc", "table-cell"))
_DESCRIBING = frozenset(("descr", "author", "displayName"))  # attributes that people write words into
_PICTURE = re.compile(rb"(?<!\S)(?:Do|BI|sh)(?!\S)")
_FORM = re.compile(rb"(?<!\S)(?:[fbB]\*?|F)(?!\S)")
_MANY_FORMS = 50
_OF_PROGRAMS = frozenset(("/Producer", "/CreationDate", "/ModDate"))
_DATES = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))  # ECMA-376 part 1, 18.8.30
_NO_WORDS_OF_FORMAT = re.compile(r"\[[^\]]*\]|\"[^\"]*\"|\\.")


class _Enough(Exception):
    """As much text as is wanted."""


@dataclass(slots=True)
class Found:
    """What has been read so far; `why` says what could not be."""

    pieces: list[str] = field(default_factory=list)
    size: int = 0
    why: str = ""

    def add(self, text: str) -> None:
        self.pieces.append(text[: MOST - self.size])
        self.size += len(text)
        if self.size > MOST:
            self.why = CUT
            raise _Enough

    def text(self) -> str:
        joined = "".join(self.pieces).encode("utf-8", "replace").decode()
        return re.sub(r"[ \t]*\n\s*\n\s*", "\n\n", joined).strip()[:MOST]


def read(data: bytes, found: Found) -> None:
    """Raises MemoryError alone; what has been read before something went wrong is kept."""
    try:
        if b"%PDF-" in data[:1024]:
            _pdf(data, found)
        elif data.startswith(b"PK"):
            _office(data, found)
        else:
            found.why = NOT_READ
    except _Enough:
        pass
    except (MemoryError, RecursionError) as error:
        found.why = TOO_LARGE
        if isinstance(error, MemoryError):
            raise
    except Exception:  # every library has its own ways to fail on a broken file
        found.why = DAMAGED


# --- PDF ---------------------------------------------------------------------------------------------------------


def _pdf(data: bytes, found: Found) -> None:
    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):  # many are only locked against changes
        found.why = ENCRYPTED
        return
    pages = pictures = 0
    for page in reader.pages:
        text = page.extract_text()
        if text.strip():
            pages += 1
        elif _shows_something(page):
            pictures += 1
        found.add(text + "\n")
        for note in _notes(page):
            found.add(note + "\n")
    if not pages:
        found.why = SCANNED
    elif pictures:
        found.why = PARTLY_SCANNED
    for key, value in (reader.metadata or {}).items():
        found.add(f"\n{value}" if isinstance(value, str) and key not in _OF_PROGRAMS else "")
    for name, value in (reader.get_form_text_fields() or {}).items():
        found.add(f"\n{name} {value or ''}")
    for name in reader.attachments:
        found.why = found.why or FILES_INSIDE
        found.add(f"\n{name}")


def _shows_something(page: Any) -> bool:
    """Whether a page without text has a picture, or so many forms that they may be letters."""
    contents = page.get_contents()
    data = contents.get_data() if contents is not None else b""
    return _PICTURE.search(data) is not None or len(_FORM.findall(data)) > _MANY_FORMS


def _notes(page: Any) -> Iterator[str]:
    """What is written into remarks, fields and links of a page."""
    for one in page.get("/Annots") or ():
        note = one.get_object()
        for key in ("/Contents", "/T", "/TU", "/V"):
            if isinstance(value := note.get(key), str):
                yield value
        action = note.get("/A")
        if action is not None and isinstance(uri := action.get_object().get("/URI"), str):
            yield uri


# --- office ------------------------------------------------------------------------------------------------------


def _office(data: bytes, found: Found) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if any(member.flag_bits & 1 for member in members) or _is_locked(archive):
            found.why = ENCRYPTED
            return
        wanted = [member for member in members if _MEMBERS.fullmatch(member.filename)]
        workbook = any(member.filename.startswith("xl/") for member in members)
        unpacked = sum(member.file_size for member in wanted)
        if unpacked > _LARGEST_IN_ALL or any(member.file_size > _LARGEST_MEMBER for member in wanted):
            found.why = TOO_LARGE
            return
        if workbook:
            _workbook(archive, wanted, found)
        properties = [member for member in wanted if member.filename.startswith(("docProps/", "meta.xml"))]
        for member in wanted:
            if member not in properties and not member.filename.startswith("xl/worksheets/"):
                _words(archive, member.filename, found)
        pictures = any(re.search(r"(?:^|/)(?:media|Pictures)/", member.filename) for member in members)
        if not wanted:
            found.why = NOT_READ
        elif pictures and not found.text():
            found.why = SCANNED
        for member in properties:
            _words(archive, member.filename, found)
        if not found.why and any(
            re.search(r"(?:^|/)(?:embeddings|ObjectReplacements)/", member.filename) for member in members
        ):
            found.why = FILES_INSIDE


def _is_locked(archive: zipfile.ZipFile) -> bool:
    """OpenDocument with a password (part 3, section 3.8.1)."""
    try:
        info = archive.getinfo("META-INF/manifest.xml")
    except KeyError:
        return False
    return info.file_size < 5_000_000 and b"encryption-data" in archive.read(info)


class _Events:
    """What lxml tells of a member while it reads it."""

    def __init__(self) -> None:
        self.new: list[tuple[str, str, dict[str, str]]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        named = {str(key).rpartition("}")[2]: value for key, value in attributes.items()}
        self.new.append(("start", tag.rpartition("}")[2], named))

    def end(self, tag: str) -> None:
        self.new.append(("end", tag.rpartition("}")[2], {}))

    def data(self, text: str) -> None:
        self.new.append(("text", text, {}))

    def doctype(self, *_: object) -> None:
        raise ValueError("a document type")  # no office file has one

    def close(self) -> None:
        return None


def _events(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """`start` and `end` with the local name of an element, `text` with text; no tree is built."""
    events = _Events()
    parser = etree.XMLParser(target=events, resolve_entities=False, no_network=True, recover=True)
    with archive.open(name) as source:
        while piece := source.read(65_536):
            parser.feed(piece)
            yield from events.new
            events.new.clear()
    parser.close()
    yield from events.new


def _words(archive: zipfile.ZipFile, name: str, found: Found) -> None:
    """The words of a member of an office file: runs of text, descriptions of pictures, properties."""
    meta = name.startswith("docProps/") or name == "meta.xml"
    wanted = _OF_META if meta else _RUNS if "/" in name else _PARAGRAPHS
    inside = 0
    for event, word, attributes in _events(archive, name):
        if event == "text":
            if inside:
                found.add(word)
            continue
        step = 1 if event == "start" else -1
        inside += step if word in wanted else 0
        if word in _APART:
            found.add(" ")
        elif word in _LINES or (meta and word in wanted):
            found.add("\n")
        for key in _DESCRIBING & attributes.keys() if event == "start" and not meta else ():
            if word not in ("style", "sheet", "font-face"):
                found.add(f"\n{attributes[key]}\n")


def _workbook(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], found: Found) -> None:
    """Cells as people see them: shared strings, numbers without exponent, dates as dates."""
    names = set(archive.namelist())
    strings = _shared_strings(archive) if "xl/sharedStrings.xml" in names else []
    dates = _date_styles(archive) if "xl/styles.xml" in names else frozenset()
    for event, word, attributes in _events(archive, "xl/workbook.xml") if "xl/workbook.xml" in names else ():
        if event == "start" and word == "sheet":
            found.add(f"\n{attributes.get('name', '')}")
    for member in members:
        if member.filename.startswith("xl/worksheets/"):
            _sheet(archive, member.filename, strings, dates, found)


def _sheet(archive: zipfile.ZipFile, name: str, strings: list[str], dates: frozenset[str], found: Found) -> None:
    kind = style = text = ""
    for event, word, attributes in _events(archive, name):
        if event == "text":
            text += word
            continue
        if event == "start" and word == "row":
            found.add("\n")
        elif event == "start" and word == "c":
            kind, style = attributes.get("t", ""), attributes.get("s", "0")
        elif event == "end" and word == "v":
            found.add(_cell(text, kind, strings, date=style in dates) + "\t")
        elif event == "end" and word in ("t", "oddHeader", "oddFooter"):
            found.add(text + "\t")
        text = ""


def _shared_strings(archive: zipfile.ZipFile) -> list[str]:
    if archive.getinfo("xl/sharedStrings.xml").file_size > _LARGEST_MEMBER:
        raise MemoryError
    out: list[str] = []
    text, inside = "", False
    for event, word, _ in _events(archive, "xl/sharedStrings.xml"):
        if event == "text":
            text += word if inside else ""
        elif word == "t":
            inside = event == "start"
        elif word == "si" and event == "end":
            out.append(text)
            text = ""
    return out


def _date_styles(archive: zipfile.ZipFile) -> frozenset[str]:
    """Numbers of the cell styles that show a number as a date."""
    own: set[int] = set()
    out: set[str] = set()
    inside, number = False, 0
    for event, word, attributes in _events(archive, "xl/styles.xml"):
        if word == "numFmt" and event == "start":
            code = _NO_WORDS_OF_FORMAT.sub("", attributes.get("formatCode", "")).lower()
            if re.search(r"[dy]", code):
                own.add(int(attributes.get("numFmtId", "0")))
        elif word == "cellXfs":
            inside = event == "start"
        elif word == "xf" and event == "start" and inside:
            if int(attributes.get("numFmtId", "0")) in own | _DATES:
                out.add(str(number))
            number += 1
    return frozenset(out)


def _cell(value: str, kind: str, strings: list[str], *, date: bool) -> str:
    if kind == "s":
        return strings[int(value)] if value.isdigit() and int(value) < len(strings) else ""
    if kind in ("str", "inlineStr", "e", "b", "d"):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    if date and 0 < number < 2_958_466:
        return (datetime(1899, 12, 30) + timedelta(days=number)).strftime("%d/%m/%Y")  # noqa: DTZ001  (a date)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else value
