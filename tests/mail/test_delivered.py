"""Who a fetched message is for: the topmost of the trusted fields, then To and Cc."""

from __future__ import annotations

import pytest

from listserv.mail.delivered import MOST, recipients, return_path
from listserv.mail.message import parse

TRUST = ("delivered-to", "x-original-to", "envelope-to", "to")


def ours(address: str) -> bool:
    return address.lower().endswith("@lists.test")


def found(*fields: str, trust: tuple[str, ...] = TRUST) -> list[str]:
    return recipients(parse("".join(f"{field}\r\n" for field in fields).encode() + b"\r\nText\r\n"), trust, ours)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        (["Delivered-To: a@lists.test", "To: b@lists.test"], ["a@lists.test"]),
        (["Delivered-To: a@lists.test", "Delivered-To: b@lists.test"], ["a@lists.test"]),
        (["delivered-TO: <A@Lists.test>"], ["A@lists.test"]),
        # the server names the mailbox itself: the next field that it writes, then To and Cc
        (["Delivered-To: box@host.test", "X-Original-To: a@lists.test", "To: b@lists.test"], ["a@lists.test"]),
        (["Delivered-To: box@host.test", "To: b@lists.test"], ["b@lists.test"]),
        # what came with the message below the server's own field
        (["Delivered-To: box@host.test", "Delivered-To: forged@lists.test", "To: b@lists.test"], ["b@lists.test"]),
        (["Envelope-To: a@lists.test, c@lists.test", "To: b@lists.test"], ["a@lists.test", "c@lists.test"]),
        (["To: b@lists.test, Somebody <x@else.test>", 'Cc: "C, D" <c@lists.test>'], ["b@lists.test", "c@lists.test"]),
        (["To: group: a@lists.test, b@lists.test;", "Cc: a@lists.test"], ["a@lists.test", "b@lists.test"]),
        (["To: a-moderate+tok3n@lists.test"], ["a-moderate+tok3n@lists.test"]),
        (["To: x@else.test", "Subject: a@lists.test"], []),
        (["Bcc: a@lists.test", "Resent-To: a@lists.test"], []),
        (["To: a@lists.test\x00", "Delivered-To:"], []),
        ([], []),
    ],
)
def test_the_first_trusted_field_with_an_address_of_ours_counts(fields: list[str], wanted: list[str]) -> None:
    assert found(*fields) == wanted


def test_only_the_named_fields_are_trusted() -> None:
    fields = ["Delivered-To: a@lists.test", "X-Gm-Original-To: b@lists.test", "To: c@lists.test"]
    assert found(*fields, trust=("to",)) == ["c@lists.test"]
    assert found(*fields, trust=("x-gm-original-to", "to")) == ["b@lists.test"]
    assert found(*fields, trust=("x-original-to",)) == []


def test_there_are_not_more_recipients_than_in_one_transaction() -> None:
    assert len(found("To: " + ", ".join(f"n{n}@lists.test" for n in range(500)))) == MOST


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        (["Return-Path: <ann@people.test>", "Return-Path: <forged@people.test>"], "ann@people.test"),
        (["Return-Path: ann@people.test"], "ann@people.test"),
        (["Return-Path: <>"], ""),
        (["Return-Path:"], ""),
        (["Return-Path: not an address"], None),
        (["From: ann@people.test"], None),
    ],
)
def test_the_envelope_sender_is_the_topmost_return_path(fields: list[str], wanted: str | None) -> None:
    assert return_path(parse("".join(f"{field}\r\n" for field in fields).encode() + b"\r\n")) == wanted
