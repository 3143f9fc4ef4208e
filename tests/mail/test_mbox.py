"""mbox files: both dialects, broken ones, and dates that cannot be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.mail.mbox import NotAnMbox, date_of, read, written
from listserv.mail.message import parse

NOW = datetime(2026, 11, 23, tzinfo=UTC)
FIRST = b"From ann@people.test Mon Nov 16 08:00:00 2026\n"


def lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def texts(data: bytes) -> list[bytes]:
    return [item.raw for item in read(lines(data))]


def test_messages_are_told_apart_and_get_crlf() -> None:
    found = texts(FIRST + b"Subject: one\n\ntext\n\n" + FIRST + b"Subject: two\n\nmore\n")
    assert found == [b"Subject: one\r\n\r\ntext\r\n", b"Subject: two\r\n\r\nmore\r\n"]


def test_quoted_from_lines_are_what_they_were() -> None:
    """mboxrd quotes every level, mboxo only the first: one level is taken off."""
    assert texts(FIRST + b"Subject: x\n\n>From here\n>>From there\n> From no\n")[0].endswith(
        b"\r\n\r\nFrom here\r\n>From there\r\n> From no\r\n"
    )


def test_a_from_line_in_a_text_that_nobody_quoted_begins_nothing() -> None:
    text = b"Subject: x\n\nhello\n\nFrom what I know at 10:15 on 3 May 2020 it was\nlate.\n\nFrom the heart\n"
    found = texts(FIRST + text)
    assert len(found) == 1 and b"From the heart" in found[0] and b"From what I know" in found[0]


def test_a_file_with_crlf_and_without_blank_lines_at_its_end() -> None:
    data = (FIRST + b"Subject: one\n\ntext\n\n" + FIRST + b"Subject: two\n\nmore").replace(b"\n", b"\r\n")
    assert [parse(raw).fields[0].value for raw in texts(data)] == [b"one", b"two"]


@pytest.mark.parametrize("data", [b"Subject: x\n\nno mbox\n", b"PK\x03\x04 something\n", b"From nobody\nx\n"])
def test_what_is_no_mbox_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(NotAnMbox):
        list(read(lines(data)))


def test_an_empty_file_has_no_messages() -> None:
    assert texts(b"") == [] == texts(b"\n\n")


BODY = st.lists(
    st.sampled_from([b"From x", b">From y", b">>From", b"text", b"", b".", b"From a Mon May 3 10:00:00 2020"])
)


@given(BODY)
def test_what_is_written_is_read_again(body: list[bytes]) -> None:
    raw = b"Subject: x\r\n\r\n" + b"".join(line + b"\r\n" for line in body)
    found = texts(written(raw, NOW) + written(b"Subject: y\r\n\r\nlast\r\n", NOW))
    assert found == [raw, b"Subject: y\r\n\r\nlast\r\n"]


def dated(**fields: str) -> object:
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return parse(head.encode() + b"\r\n")


ENVELOPE = "From ann@people.test Mon Nov 16 08:00:00 2020"
DATES = [
    ({"Date": "Mon, 16 Nov 2020 19:00:00 +1100"}, ENVELOPE, "2020-11-16T08:00", ""),
    ({"Date": "Mon, 16 Nov 2020 08:00:00"}, "From x", "2020-11-16T08:00", ""),
    ({"Date": "Thu, 01 Jan 1970 00:00:00 +0000"}, ENVELOPE, "2020-11-16T08:00", "impossible"),
    ({"Date": "Mon, 16 Nov 2048 08:00:00 +0000"}, ENVELOPE, "2020-11-16T08:00", "impossible"),
    ({"Date": "Sun, 16 Nov 2008 08:00:00 +0000"}, ENVELOPE, "2008-11-16T08:00", ""),
    ({"Date": "Sun, 16 Nov 2008 08:00:00 +0000", "Received": "by x; Tue, 17 Nov 2020 08:00:00 +0000"}, ENVELOPE,
     "2020-11-17T08:00", "Received"),
    ({"Date": "yesterday"}, ENVELOPE, "2020-11-16T08:00", "unreadable"),
    ({}, ENVELOPE, "2020-11-16T08:00", "no Date"),
    ({"Received": "by x; Tue, 17 Nov 2020 08:00:00 +0000"}, ENVELOPE, "2020-11-17T08:00", "Received"),
    ({"Date": "x", "Received": "by x; nonsense"}, "From x", "2019-01-01T00:00", "behind the message before"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "envelope", "expected", "wrong"), DATES)
def test_a_date_that_cannot_be_is_repaired_and_said(
    fields: dict[str, str], envelope: str, expected: str, wrong: str
) -> None:
    before = datetime(2018, 12, 31, 23, 59, 59, tzinfo=UTC)
    when, words = date_of(dated(**fields), envelope, NOW, before)  # type: ignore[arg-type]
    assert when.isoformat().startswith(expected)
    assert (wrong in words) if wrong else not words


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_date_is_too_strange(date: str, envelope: str) -> None:
    message = parse(b"Date: " + date.encode("utf-8", "replace").replace(b"\r", b"").replace(b"\n", b"") + b"\r\n\r\n")
    when, _ = date_of(message, envelope, NOW, None)
    assert when.tzinfo is not None and when <= NOW + timedelta(days=1)
