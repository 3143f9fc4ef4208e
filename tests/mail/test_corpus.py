"""Real mail: every message of two public archives goes through reading and composing, and comes out whole.

Reads the folder named by LISTSERV_CORPUS, else `../shared/corpus` beside the repository; every 20th message, or all
of them with LISTSERV_CORPUS_FULL=1. Never prints a message.
"""

from __future__ import annotations

import email
import gzip
import os
import re
from collections.abc import Iterator
from email import policy
from pathlib import Path

import pytest

from listserv.mail.address import authors
from listserv.mail.automatic import automatic, from_a_list
from listserv.mail.compose import Footer, distributed, dot_stuff, to_seven_bit
from listserv.mail.headers import field
from listserv.mail.message import Message, check_structure, content_hash, iter_parts, message_id, normalise, parse
from listserv.mail.text import attachments, dangerous_attachments, readable

FOLDER = Path(os.environ.get("LISTSERV_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")
FILES = sorted(FOLDER.glob("*.mbox.gz"))
STEP = 1 if os.environ.get("LISTSERV_CORPUS_FULL") else 20
DROP = (b"received", b"return-path", b"bcc", b"list-*")
needs_corpus = pytest.mark.skipif(not FILES, reason=f"NO CORPUS: no *.mbox.gz in {FOLDER.name}, set LISTSERV_CORPUS")


def messages(file: Path) -> Iterator[tuple[int, bytes]]:
    """Every STEP-th message of an mboxrd file, with CRLF line ends."""
    with gzip.open(file, "rb") as opened:
        whole = opened.read()
    starts = [found.start() for found in re.finditer(rb"^From .*$", whole, re.M)]
    for number in range(0, len(starts), STEP):
        end = starts[number + 1] if number + 1 < len(starts) else len(whole)
        raw = whole[starts[number] : end].removesuffix(b"\n\n") + b"\n"
        yield number, normalise(re.sub(rb"^>(>*From )", rb"\1", raw, flags=re.M))


def copy_of(message: Message, **more: object) -> tuple[bytes, bytes, object]:
    shared = distributed(
        message,
        add=[field("List-Id", "Test <test.lists.test>")],
        drop=DROP,
        replace={},
        message_id_if_missing="<missing@lists.test>",
        date_if_missing="Mon, 23 Nov 2026 09:00:00 +0000",
        **more,  # type: ignore[arg-type]
    )
    return shared.head, shared.body, shared


def leaves(head: bytes, body: bytes) -> list[tuple[str, bytes]]:
    found = iter_parts(parse(head + b"\r\n" + body, max_header=10**7, max_fields=10**5))
    return [(part.content_type, part.decoded()) for part in found]


def problems_of_bytes(data: bytes) -> list[str]:
    found = []
    if data.count(b"\r\n") != data.count(b"\n") or data.count(b"\r") != data.count(b"\n"):
        found.append("a bare newline")
    if b"\0" in data:
        found.append("a NUL")
    if any(len(line) > 998 for line in data.split(b"\r\n")):
        found.append("a long line")
    return found


def problems_of(raw: bytes) -> list[str]:
    """What is wrong with what we make of one message, in words without its content."""
    message = parse(raw)
    check_structure(message)
    readable(message), attachments(message), dangerous_attachments(message), authors(message)
    automatic(message, "a@x.test"), from_a_list(message), content_hash(message), message_id(message)
    found: list[str] = []
    head, body, shared = copy_of(message)
    found += problems_of_bytes(head + b"\r\n" + body)
    if not shared.reencoded and body != message.body:  # type: ignore[attr-defined]
        found.append("the body changed")
    if not head.isascii():
        found.append("the head is not ASCII")
    read = email.message_from_bytes(head + b"\r\n" + body, policy=policy.compat32)
    for name in ("From", "Date", "Message-ID", "List-Id"):
        if len(read.get_all(name, [])) != 1:
            found.append(f"{len(read.get_all(name, []))} of {name}")
    seven = to_seven_bit(shared)  # type: ignore[arg-type]
    found += problems_of_bytes(seven.head + b"\r\n" + seven.body)
    if not (seven.head + seven.body).isascii():
        found.append("seven bits are eight")
    before, after = leaves(head, body), leaves(seven.head, seven.body)
    if before != after:
        found.append(f"7-bit leaves differ: {len(before)}, {len(after)}")
    if shared.reencoded and leaves(b"".join(f.raw for f in message.fields), message.body) != before:  # type: ignore[attr-defined]
        found.append("re-encoded leaves differ")
    if not dot_stuff(head + b"\r\n" + body).endswith(b"\r\n"):
        found.append("no end")
    head, body, shared = copy_of(message, footer=Footer("Grüße", "<p>Grüße</p>"), subject_prefix="[test]")
    found += [f"footer: {problem}" for problem in problems_of_bytes(head + b"\r\n" + body)]
    if shared.reencoded and "Grüße" not in readable(parse(head + b"\r\n" + body), 10**7):  # type: ignore[attr-defined]
        found.append("the footer cannot be read")
    return found


@needs_corpus
@pytest.mark.parametrize("file", FILES or [Path("none")], ids=lambda file: file.name)
@pytest.mark.timeout(900)
def test_every_real_message_is_read_and_copied_whole(file: Path) -> None:
    bad, count = [], 0
    for number, raw in messages(file):
        count += 1
        try:
            bad += [f"{file.name} {number}: {problem}" for problem in problems_of(raw)]
        except Exception as error:
            bad.append(f"{file.name} {number}: {type(error).__name__}")
    assert not bad, bad[:30]
    assert count >= 100
