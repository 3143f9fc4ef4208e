"""Mails that attack the reader: no page made of them has anything that runs, asks a stranger, or leaves its place."""

from __future__ import annotations

import gzip
import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from listserv.mail import sanitised
from listserv.mail.body import render
from listserv.mail.message import Message, normalise, parse
from tests.data.hostile import FILES_AT, XSS, html, part, problems, whole

FOLDER = Path(os.environ.get("LISTSERV_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")
FILES = sorted(FOLDER.glob("*.mbox.gz"))
needs_corpus = pytest.mark.skipif(not FILES, reason=f"NO CORPUS: no *.mbox.gz in {FOLDER.name}, set LISTSERV_CORPUS")
SECONDS = 4.0  # of the processor; it takes a quarter of that
MANY = 200_000


def shown(message: Message, *, hide: bool = False) -> str:
    return render(message, files_at=FILES_AT, hide_addresses=hide).html


def test_the_table_is_large_and_its_names_are_its_own() -> None:
    assert len(XSS) >= 70
    assert len({name for name, _ in XSS}) == len(XSS)


@pytest.mark.parametrize("hide", [False, True])
@pytest.mark.parametrize(("name", "raw"), XSS, ids=[name for name, _ in XSS])
def test_nothing_runs_and_nothing_is_fetched(name: str, raw: bytes, hide: bool) -> None:
    found = shown(parse(normalise(raw)), hide=hide)
    assert not problems(found)
    assert not re.search(
        r"<[^>]*\b(?:src|srcset|background|poster|ping|data|action)\s*=\s*[\"'][^\"']*evil\.test", found
    )


@given(st.binary(max_size=2000))
@example(b"")
@example(b"Content-Type: text/html\r\n\r\n<")
@example(b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n")
def test_any_bytes_are_rendered(raw: bytes) -> None:
    assert not problems(shown(parse(normalise(raw))))


_TAGS = (
    "<p> </p> <div> </div> <blockquote> </blockquote> <b> </b> <i> </i> <a> </a> <table> </table> <tr> <td> </td> "
    "<ul> </ul> <ol> <li> </li> <dl> <dt> <dd> </dl> <h1> </h1> <pre> </pre> <hr> <br> <span> </span> <th> <figure> "
    "<figcaption> </figure> <thead> <tbody> <code> </code> <svg> </svg> <math> <style> <form> <sub> &nbsp; &lt; x <!-- "
    "-->"
)
_PIECES = st.sampled_from(
    [*_TAGS.split(), '<a href="https://x.test/">', '<img src="cid:x">', " ", "\n", "<td colspan=0>"]
)


@given(st.lists(_PIECES, max_size=40))
def test_any_order_of_tags_becomes_a_page_that_a_browser_reads_alike(pieces: list[str]) -> None:
    assert not problems(shown(parse(html("".join(pieces)))))


_LINES = st.sampled_from(
    ["", "words", "> quoted", ">> twice", ">", "-- ", "--", "On Monday 10:00, Ann wrote:", "From: Ann", "Sent: Monday",
     "-----Original Message-----", "____________", "<b>", "https://x.test/(a)", "  code();", "a@x.test", " > odd"]
)  # fmt: skip


@given(st.lists(_LINES, max_size=40), st.booleans())
def test_any_order_of_lines_becomes_a_page(lines: list[str], hide: bool) -> None:
    assert not problems(shown(parse(whole(part("text/plain", "\n".join(lines)))), hide=hide))


_TEXTS = {
    "quote marks": ">" * MANY,
    "quoted lines": ">\n" * (MANY // 2),
    "deeper and deeper": "\n".join(">" * (depth % 300) for depth in range(1500)),
    "brackets": "(" * MANY,
    "a link of letters": "http://" + "a" * MANY,
    "links without end": "http://" * (MANY // 7),
    "links with brackets": ("http://a.b/" + ")" * 1900 + " ") * 100,
    "tags": "<" * MANY,
    "addresses": "a@" * (MANY // 2),
    "nearly addresses": ("@" + "a." * 60) * 1600,
    "blank lines": " \n" * (MANY // 2),
    "signatures": "-- \n" * (MANY // 4),
    "headers": "From: a\n" * (MANY // 8),
    "rules": ("_" * 99 + "\n") * (MANY // 100),
    "attributions": "On Monday wrote 10:00:\n> x\n" * (MANY // 27),
    "columns": "x   " * (MANY // 4),
    "bars": ("+ |" * 60 + "\n") * (MANY // 181),
}
_PAGES = {
    "divs": "<div>" * MANY,
    "quotations": "<blockquote>" * (MANY // 3),
    "tables": "<table><tr><td>" * (MANY // 4),
    "lists": "<ul><li>" * (MANY // 2),
    "formatting": "<b><i><u>" * (MANY // 3),
    "large": "<p>hello world</p>" * 300_000,
    "empty paragraphs": "<p>&nbsp;</p>" * (MANY // 4),
    "breaks": "<br>" * MANY,
    "tags": "<" * MANY,
    "ampersands": "&" * MANY,
    "comments": "<!--" * (MANY // 2),
    "attributes": "<p " + "a=b " * (MANY // 2) + ">",
    "an open attribute": '<a href="' + "x" * MANY,
    "a link text of dots": '<a href="http://b.test">' + "a." * (MANY // 2) + "</a>",
}


@pytest.mark.parametrize("name", _TEXTS)
@pytest.mark.parametrize("flowed", ["", "; format=flowed"])
def test_long_text_takes_little_time(name: str, flowed: str) -> None:
    message = parse(whole(part(f"text/plain{flowed}", _TEXTS[name])))
    begun = time.process_time()
    shown(message, hide=True)
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize("name", _PAGES)
def test_deep_and_large_html_takes_little_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nh3 gets is looked at first: it cannot be interrupted."""
    real = sanitised.nh3.clean
    monkeypatch.setattr(sanitised.nh3, "clean", lambda text, **more: real(_bounded(text), **more))
    message = parse(html(_PAGES[name]))
    begun = time.process_time()
    shown(message, hide=True)
    assert time.process_time() - begun < SECONDS


def _bounded(text: str) -> str:
    assert text.count("<") <= 25_000
    return text


@pytest.mark.parametrize(
    "tag", ["<b a={}>", "<<b>font a={}>", "<b\n a={}>", "<b/a={}>", "<b a={}><table><td></b></table>"]
)
def test_formatting_that_is_never_closed_does_not_multiply(tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTML 5 opens each of them again in every paragraph; a mail of 160 kB took all memory and ended the process."""
    sizes = []
    real = sanitised.nh3.clean

    def measured(text: str, **more: object) -> str:
        assert text.count("<") < 10_000
        clean = real(text, **more)  # type: ignore[arg-type]
        sizes.append(len(clean))
        return clean

    monkeypatch.setattr(sanitised.nh3, "clean", measured)
    shown(parse(html("<p>" + "".join(map(tag.format, range(1200))) + "</p><p>x" * 1200)))
    assert sizes and max(sizes) < 2_000_000


@needs_corpus
@pytest.mark.timeout(300)
def test_a_thousand_real_messages_become_good_pages() -> None:
    bad, count = [], 0
    for file in FILES:
        with gzip.open(file, "rb") as opened:
            data = opened.read()
        starts = [found.start() for found in re.finditer(rb"^From .*$", data, re.M)] + [len(data)]
        step = max(1, len(FILES) * (len(starts) - 1) // 1000)
        for number in range(0, len(starts) - 1, step):
            raw = re.sub(rb"^>(>*From )", rb"\1", data[starts[number] : starts[number + 1]], flags=re.M)
            count += 1
            bad += [f"{file.name} {number}: {problem}" for problem in problems(shown(parse(normalise(raw))))]
    assert not bad, bad[:30]
    assert count >= 1000
