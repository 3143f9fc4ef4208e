"""Bounces told apart: flufl.bounce's own samples and refusals of forty systems; who counts, and who must not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.mail.dsn import BounceClass, classify, is_automatic_answer, of_reply
from listserv.mail.message import normalise, parse
from tests.data.bounce_replies import REPLIES

SAMPLES = Path(__file__).parent.parent / "data" / "bounces" / "flufl"
GONE = frozenset(
    """bounce_02 dsn_10 dsn_11 dsn_12 dsn_13 dsn_14 dsn_15 dsn_16 dsn_18 exim_01 groupwise_01 groupwise_02 llnl_01
    microsoft_01 microsoft_04 postfix_01 qmail_03 qmail_04 qmail_05 simple_04 simple_05 simple_06 simple_08 simple_11
    simple_12 simple_13 simple_15 simple_19 simple_23 simple_25 simple_26 simple_27 simple_29 simple_30 simple_33
    simple_34 simple_36 simple_37 simple_39 simple_41 simple_43 smtp32_04 smtp32_06 smtp32_07 yahoo_03 yahoo_05
    yahoo_06 yahoo_07 yahoo_08 yahoo_09 yahoo_10 yahoo_11 yahoo_13 yale_01""".split()  # noqa: SIM905
)
"""The samples that say that an address is gone, read one by one; all others are delays, full mailboxes, refused
content, loops, answers of machines, or do not say why."""


def dsn(system: str, status: str, words: str, action: str = "failed") -> bytes:
    """A report as RFC 3464 has it; systems that write no report are given as text by `plain`."""
    return (
        f"From: MAILER-DAEMON@{system.replace(' ', '-')}.test\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/plain\r\n\r\nThis is the mail system at host mx.test.\r\n\r\n"
        f"I'm sorry to have to inform you that your message could not be delivered.\r\n\r\n"
        f"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n"
        f"Final-Recipient: rfc822; x@example.org\r\nAction: {action}\r\nStatus: {status or '5.0.0'}\r\n"
        f"Diagnostic-Code: smtp; {words}\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        "Subject: The user is unknown and spam\r\n\r\nNo such user, mailbox full, blocked.\r\n--b--\r\n"
    ).encode()


def plain(system: str, status: str, words: str) -> bytes:
    return (
        f"From: postmaster@{system.replace(' ', '-')}.test\r\nSubject: failure notice\r\n\r\n"
        "Hi. This is the mail program. I'm afraid I wasn't able to deliver your message to the following addresses.\r\n"
        f"This is a permanent error; I've given up.\r\n\r\n<x@example.org>:\r\n{words}\r\n\r\n"
        "--- Below this line is a copy of the message.\r\n\r\nSubject: About a mailbox that does not exist\r\n\r\n"
        "User unknown, quota, spam.\r\n"
    ).encode()


def kind(raw: bytes) -> BounceClass:
    return classify(parse(normalise(raw))).kind


def test_who_counts_and_who_does_not() -> None:
    told: list[tuple[str, bool, bool]] = []
    for path in sorted(SAMPLES.glob("*.txt")):
        told.append((f"flufl {path.stem}", path.stem in GONE, kind(path.read_bytes()) is BounceClass.HARD))
    for number, (system, status, words, gone) in enumerate(REPLIES):
        told.append((f"report {number} {system}", gone, kind(dsn(system, status, words)) is BounceClass.HARD))
        told.append((f"text {number} {system}", gone, kind(plain(system, status, words)) is BounceClass.HARD))
        if words[:3].isdecimal():  # what a relay says always begins with its code
            told.append((f"reply {number} {system}", gone, of_reply(words).kind is BounceClass.HARD))
    print()
    for what in ("flufl", "report", "text", "reply", ""):
        some = [(gone, counted) for name, gone, counted in told if name.startswith(what)]
        counts = Counter(some)
        right, wrong, missed = counts[True, True], counts[False, True], counts[True, False]
        print(
            f"{what or 'all':8} {len(some):4} bounces: precision {right / (right + wrong):.3f},"
            f" recall {right / (right + missed):.3f}, wrongly counted"
            f" {wrong / (wrong + counts[False, False]):.3f}"
        )
    failures = [(name, gone, counted) for name, gone, counted in told if gone != counted]
    for name, gone, _ in failures:
        print(f"  {'missed' if gone else 'WRONG '} {name}")
    counts = Counter((gone, counted) for _, gone, counted in told)
    assert len(told) > 400 and len(REPLIES) >= 100
    assert counts[True, True] / (counts[True, True] + counts[True, False]) >= 0.95
    assert counts[False, True] / (counts[False, True] + counts[False, False]) <= 0.02


def test_delays_relays_and_receipts_never_count() -> None:
    for system, status, words, _ in REPLIES:
        assert kind(dsn(system, status.replace("5.", "4.", 1), words, action="delayed")) is BounceClass.SOFT
        assert kind(dsn(system, "2.0.0", words, action="relayed")) is BounceClass.NONE
        assert kind(dsn(system, "2.0.0", words, action="delivered")) is BounceClass.NONE
    for subject in (
        "Automatic reply: Re: hello",
        "Out of office",
        "Abwesenheitsnotiz",
        "Réponse automatique",
        "Read: x",
    ):
        raw = f"Subject: {subject}\r\n\r\nI no longer work here; my mailbox does not exist any more.\r\n".encode()
        assert kind(raw) is BounceClass.NONE and is_automatic_answer(parse(raw)), subject


def test_complaints() -> None:
    raw = (
        b'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n--b\r\n\r\nThis is a report.'
        b"\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: X/1\r\n"
        b"Original-Rcpt-To: x@example.org\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny\r\n"
        b"--b--\r\n"
    )
    found = classify(parse(raw))
    assert (found.kind, found.words, found.about) == (BounceClass.COMPLAINT, "abuse", ("x@example.org",))


def test_several_recipients_the_worst_counts_and_utf8_reports() -> None:
    raw = dsn("postfix", "4.2.2", "mailbox full", action="delayed").replace(
        b"\r\n\r\n--b\r\nContent-Type: message/rfc822",
        "\r\n\r\nFinal-Recipient: utf-8; bär@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\n"
        "Content-Type: message/rfc822".encode(),
    )
    assert kind(raw) is BounceClass.HARD
    world = dsn("postfix", "5.1.1", "550 5.1.1 no such user").replace(b"message/delivery-status",
                                                                       b"message/global-delivery-status")  # fmt: skip
    assert kind(world) is BounceClass.HARD


@given(st.binary(max_size=3000))
def test_nothing_fails_on_rubbish(rubbish: bytes) -> None:
    for raw in (rubbish, dsn("x", "5.1.1", "y") + rubbish, b"Content-Type: message/delivery-status\r\n\r\n" + rubbish):
        assert classify(parse(normalise(raw))).kind in BounceClass


@pytest.mark.parametrize("text", ["a" * 200_000, "user " * 40_000, "no such " * 30_000, "-" * 100_000, "\n" * 100_000])
def test_long_rubbish_is_looked_at_in_bounds(text: str) -> None:
    raw = b"Subject: failure notice\r\n\r\n" + text.encode()
    assert kind(raw) in BounceClass
