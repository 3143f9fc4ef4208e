"""Published DKIM vectors (RFC 6376, RFC 8463 appendix A, dkimpy's own) through our reading, and ARC chains.

tests/data/dkim holds them as dkimpy publishes them, its licence beside them.
"""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listserv.authenticate.signatures import Chain, Signed, chain
from listserv.edge.resolver import Records
from listserv.mail.message import normalise
from tests.conftest import NOW
from tests.people import mail
from tests.senders.world import published, rsa_key, sealed, signed

DATA = Path(__file__).parent.parent / "data" / "dkim"
GOOD = (DATA / "test.txt").read_text().strip()
BRISBANE = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
RSA = "test._domainkey.football.example.com"
FOOTBALL = {RSA: GOOD, "brisbane._domainkey.football.example.com": BRISBANE}


def results(raw: bytes, keys: dict[str, str], now: datetime = NOW) -> list[tuple[str, str, str]]:
    """(domain, result, reason) of each signature."""

    def ask(name: str, kind: str) -> Records:
        assert kind == "TXT"
        return ((keys[name.rstrip(".")].encode(),),) if name.rstrip(".") in keys else ()

    read = Signed(raw)
    found = [read.verify(number, ask, now) for number in range(len(read.tags))]
    return [(one.domain, one.result, one.reason) for one in found]


def vector(name: str) -> bytes:
    return normalise((DATA / name).read_bytes())


@pytest.mark.parametrize(
    ("name", "keys", "expected"),
    [
        ("rfc6376.signed.msg", FOOTBALL, ["pass", "pass"]),
        ("rfc6376.signed.rsa.msg", FOOTBALL, ["pass"]),
        ("rfc6376.signed.no_t.msg", FOOTBALL, ["fail"]),  # published so
        ("rfc6376.signed.msg", {**FOOTBALL, RSA: BRISBANE}, ["pass", "permerror"]),
        ("rfc6376.signed.msg", {"brisbane._domainkey.football.example.com": BRISBANE}, ["pass", "permerror"]),
        (
            "rfc6376.signed.rsa.msg",
            {RSA: "v=DKIM1; k=ed25519-sha256; p=AAAA"},
            ["f"],
        ),
        ("rfc6376.signed.rsa.msg", {RSA: "v=DKIM2; p=AAAA"}, ["f"]),
        ("test.message.baddomain", {}, ["permerror"]),
    ],
)
def test_published_vectors(name: str, keys: dict[str, str], expected: list[str]) -> None:
    found = [result for _, result, _ in results(vector(name), keys)]
    if expected == ["f"]:
        assert found[0] in ("fail", "permerror")
    else:
        assert sorted(found) == sorted(expected)


def test_a_vector_that_was_changed_fails() -> None:
    raw = vector("rfc6376.signed.msg").replace(b"We lost the game", b"We won the game")
    assert {result for _, result, _ in results(raw, FOOTBALL)} == {"fail"}
    raw = vector("rfc6376.signed.msg").replace(b"Is dinner ready?", b"Is dinner late?")
    assert {result for _, result, _ in results(raw, FOOTBALL)} == {"fail"}


# --- ARC ---------------------------------------------------------------------------------------------------------


def _chain(raw: bytes, *domains: str) -> Chain:
    keys = {f"seal._domainkey.{domain}": published(rsa_key())[0] for domain in domains}

    def ask(name: str, kind: str) -> Records:
        text = keys.get(name.rstrip("."))
        return ((text.encode(),),) if text else ()

    return chain(raw, ask)


def test_chains_of_one_and_two_seals() -> None:
    one = sealed(mail(), "dmarc=pass header.from=people.test")
    found = _chain(one, "filter.test")
    assert (found.result, found.sealer) == ("pass", "filter.test") and "dmarc=pass" in found.found
    two = sealed(one, "arc=pass; dmarc=pass header.from=people.test", "other.test")
    found = _chain(two, "filter.test", "other.test")
    assert (found.result, found.sealer, found.reason) == ("pass", "other.test", "2 seal(s), each good")
    assert _chain(mail()).result == "none"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"What would", b"What should"),
        (b"Subject: A question", b"Subject: Another"),
        (b"dmarc=pass", b"dmarc=fail"),
        (b"cv=none", b"cv=pass"),
        (b"ARC-Message-Signature:", b"X-Message-Signature:"),
        (b"i=1;", b"i=2;"),
        (b"d=filter.test", b"d=stranger.test"),
    ],
)
def test_a_chain_that_was_touched_fails(old: bytes, new: bytes) -> None:
    raw = sealed(mail(), "dmarc=pass header.from=people.test")
    assert _chain(raw.replace(old, new), "filter.test").result == "fail"


@pytest.mark.parametrize("filler", [b"\r\n ", b" ", b" \r\n  ", b"A", b"x=;"])
def test_a_field_that_would_take_minutes_to_read_takes_none(filler: bytes) -> None:
    """dkimpy looks for `b=` with a pattern whose time grows with the square of a run of folds."""
    good = signed(mail())
    evil = good.replace(b"v=1;", b"v=1; z=x b" + filler * (200_000 // len(filler)) + b"!;", 1)
    seal = b"ARC-Seal: i=1; cv=none; z=x b" + filler * (200_000 // len(filler)) + b"!\r\n"
    begun = time.process_time()
    keys = {"s1._domainkey.people.test": published(rsa_key())[0]}
    assert {result for _, result, _ in results(evil, keys)} == {"permerror"}
    assert _chain(seal + mail()).result == "fail"
    assert time.process_time() - begun < 20  # it would be minutes


def test_of_many_signatures_only_a_few_are_looked_at() -> None:
    keys = {"s1._domainkey.people.test": published(rsa_key())[0]}
    assert len(results(b"DKIM-Signature: v=1\r\n" * 500 + mail(), keys)) == 5


# --- whatever comes ----------------------------------------------------------------------------------------------

_BYTES = st.binary(max_size=200).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b"\r\n "))
_NAMES = ("v", "a", "c", "d", "s", "h", "b", "bh", "t", "x", "l", "i", "q", "z")
_TAGS = st.lists(
    st.tuples(st.sampled_from(_NAMES), st.text(max_size=30)),
    max_size=14,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.one_of(_BYTES, _TAGS.map(lambda tags: "; ".join("=".join(tag) for tag in tags).encode("utf-8", "replace"))))
def test_any_signature_field_has_a_definite_result(value: bytes) -> None:
    value = value.replace(b"\r\n ", b"").replace(b"\r", b"").replace(b"\n", b"")
    raw = b"DKIM-Signature: " + value + b"\r\nARC-Seal: i=1; " + value + b"\r\n" + mail()
    for _, result, reason in results(raw, {}):
        assert result in ("fail", "permerror", "policy", "neutral") and reason
    assert _chain(raw).result in ("fail", "none")


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=120), st.text(max_size=80).map(lambda text: f"v=DKIM1; p={text}".encode())))
def test_any_key_record_has_a_definite_result(record: bytes) -> None:
    raw = signed(mail())

    def ask(name: str, kind: str) -> Records:
        return ((record,),)

    found = Signed(raw).verify(0, ask, NOW)
    assert found.result in ("fail", "permerror", "policy", "neutral") and found.reason and not found.valid


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 4000), st.integers(1, 255))
def test_any_changed_octet_of_what_people_read_is_noticed(at: int, by: int) -> None:
    raw = bytearray(SIGNED_ONCE)
    begin = SIGNED_ONCE.index(b"\r\nFrom: ") + 8
    at = begin + at % (len(raw) - begin - 2)
    raw[at] = (raw[at] + by) % 256
    changed = normalise(bytes(raw))
    keys = {"s1._domainkey.people.test": published(rsa_key())[0]}
    plain = re.sub(rb"[ \t\r\n]+", b" ", SIGNED_ONCE[begin:]).lower()
    if re.sub(rb"[ \t\r\n]+", b" ", changed[begin:]).lower() != plain:  # more than blanks or a name's case
        assert all(result != "pass" for _, result, _ in results(changed, keys))


SIGNED_ONCE = signed(mail())
