"""The one writer of header fields: never two fields out of one, never a line that SMTP cannot carry."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.mail.address import parse_mailboxes
from listserv.mail.headers import address_field, field, ids_field
from listserv.mail.message import parse, text_header

HOSTILE = st.text() | st.text(alphabet=st.sampled_from('a :\r\n\t\x00\x0b\x0c\x85\u2028\u2029é😀=?_,<>@"\\'))


def lines_of(raw: bytes) -> list[bytes]:
    assert raw.endswith(b"\r\n")
    lines = raw[:-2].split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines)
    assert all(len(line) <= 998 for line in lines)
    assert all(line.strip() for line in lines)
    return lines


@given(HOSTILE)
def test_a_field_is_always_one_field_of_lines_that_smtp_carries(value: str) -> None:
    raw = field("Subject", value)
    lines_of(raw)
    message = parse(raw + b"X-Next: 1\r\n\r\nbody")
    assert [one.name for one in message.fields] == [b"Subject", b"X-Next"]
    assert raw.isascii()


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), max_size=400))
def test_a_field_without_blanks_reads_back_as_it_was(value: str) -> None:
    assert text_header(parse(field("Subject", value) + b"\r\n"), "subject") == value


@pytest.mark.parametrize(
    "value",
    [
        "Two  blanks   stay",
        "Grüße aus Köln, " * 20,
        "日本語の件名" * 40,
        "plain " * 60 + "end",
        "=?utf-8?q?no_word?=",
        "x" * 3000,
        "re: 😀" * 30,
    ],
)
def test_a_subject_reads_back_as_it_was(value: str) -> None:
    value = value.strip()
    assert text_header(parse(field("Subject", value) + b"\r\n"), "subject") == value


@given(st.text(min_size=1))
def test_encoded_words_are_short_and_hold_whole_characters(value: str) -> None:
    for word in re.findall(rb"=\?utf-8\?[bq]\?[^?]*\?=", field("Subject", "é" + value)):
        assert len(word) <= 75
        assert "\ufffd" not in text_header(parse(b"Subject: " + word + b"\r\n\r\n"), "subject") or "\ufffd" in value


def test_lines_fold_at_78_where_there_is_a_blank() -> None:
    lines = lines_of(field("Subject", "some words " * 40)) + lines_of(field("Subject", "einige Wörter " * 40))
    assert max(map(len, lines)) <= 78 and len(lines) > 10


@pytest.mark.parametrize("name", ["", "Sub ject", "Subject:", "Sub\r\nject", "Sübject", "X\n"])
def test_a_bad_name_is_a_mistake_of_the_program(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        field(name, "x")
    with pytest.raises(ValueError, match="no name"):
        address_field(name, [])
    with pytest.raises(ValueError, match="no name"):
        ids_field(name, [])


@given(st.lists(st.tuples(HOSTILE, st.emails()), min_size=1, max_size=4))
def test_an_address_field_gives_back_exactly_the_addresses(pairs: list[tuple[str, str]]) -> None:
    raw = address_field("To", pairs)
    lines_of(raw)
    (one,) = parse(raw + b"\r\n").fields
    boxes = parse_mailboxes(one.value.decode())
    assert [box.address for box in boxes] == [
        local + "@" + domain.lower() for local, domain in (a.split("@") for _, a in pairs)
    ]


@given(HOSTILE)
def test_an_address_can_not_smuggle_in_another_one(address: str) -> None:
    raw = address_field("To", [("Ann", address)])
    if raw.strip() != b"To:":
        lines_of(raw)
    assert len(parse(raw + b"\r\n").fields) == 1
    assert len(parse_mailboxes(parse(raw + b"\r\n").fields[0].value.decode())) <= 1


def test_an_international_address_stays_whole() -> None:
    raw = address_field("To", [("Dörte", "dörte@müller.test")])
    assert [box.address for box in parse_mailboxes(raw.decode().partition(":")[2])] == ["dörte@müller.test"]


@given(st.lists(HOSTILE))
def test_ids_stay_one_field(ids: list[str]) -> None:
    assert len(parse(ids_field("References", ids) + b"\r\n").fields) == 1


def test_many_ids_are_folded() -> None:
    ids = [f"<{number:030}@x.test>" for number in range(30)]
    raw = ids_field("References", ids)
    assert max(map(len, lines_of(raw))) <= 78
    assert parse(raw + b"\r\n").fields[0].value.decode().split() == ids
