"""Our own addresses, read and written; tokens that cannot be guessed and survive being folded to upper case."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv import routing
from listserv.routing import Kind, Route
from listserv.settings import HUB, parse
from listserv.tokens import Keys, capability, one_shot, read_capability, stored
from tests.conftest import community

SETTINGS = parse(community(), base=Path("/srv"))
KEYS = Keys.derive(b"k" * 32)


@pytest.mark.parametrize(
    ("address", "route"),
    [
        ("perinatal@lists.test", Route(Kind.POST, "perinatal")),
        ("Perinatal@LISTS.test", Route(Kind.POST, "perinatal")),
        ("perinatal+t.abc@lists.test", Route(Kind.POST, "perinatal", thread="abc")),
        ("perinatal-request@lists.test", Route(Kind.REQUEST, "perinatal")),
        ("perinatal-join@lists.test", Route(Kind.JOIN, "perinatal")),
        ("perinatal-leave@lists.test", Route(Kind.LEAVE, "perinatal")),
        ("perinatal-leave+tok@lists.test", Route(Kind.LEAVE, "perinatal", token="tok")),
        ("perinatal-owner@lists.test", Route(Kind.OWNER, "perinatal")),
        ("perinatal-confirm+tok@lists.test", Route(Kind.CONFIRM, "perinatal", token="tok")),
        ("perinatal-moderate+tok@lists.test", Route(Kind.MODERATE, "perinatal", token="tok")),
        ("perinatal-bounces+tag@lists.test", Route(Kind.BOUNCES, "perinatal", token="tag")),
        ("community@lists.test", Route(Kind.POST, HUB)),
        ("community+anxiety@lists.test", Route(Kind.POST, "anxiety")),
        ("community+nonsense@lists.test", Route(Kind.POST, HUB)),
        ("community-request@lists.test", Route(Kind.REQUEST, HUB)),
        ("community-bounces+tag@lists.test", Route(Kind.BOUNCES, HUB, token="tag")),
        ("postmaster@lists.test", Route(Kind.CONTACT, HUB)),
        ("abuse@lists.test", Route(Kind.CONTACT, HUB)),
        ("postmaster", Route(Kind.CONTACT, HUB)),
        ("nobody@lists.test", None),
        ("perinatal@elsewhere.test", None),
        ("perinatal-moderate@lists.test", None),
        ("nobody-owner@lists.test", None),
        ("perinatal-nonsense@lists.test", None),
        ("", None),
        ("@", None),
    ],
)
def test_an_address_leads_to_one_handler(address: str, route: Route | None) -> None:
    assert routing.resolve(SETTINGS, address) == route


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.CONTACT])
def test_an_address_that_is_written_is_read_again(kind: Kind) -> None:
    token = one_shot()
    longest = "x" * 24
    settings = parse(community(lists={longest: {}}), base=Path("/srv"))
    address = routing.address(settings, longest, kind, "" if kind is Kind.POST else token)
    assert len(address.partition("@")[0]) <= 64
    found = routing.resolve(settings, address.upper())
    assert found is not None and (found.kind, found.list_name) == (kind, longest)


def test_addresses_of_ours_are_nobodys() -> None:
    for address in (
        "perinatal@lists.test",
        "perinatal-moderate@lists.test",
        "community@lists.test",
        "abuse@lists.test",
    ):
        assert routing.is_own(SETTINGS, address)
    assert not routing.is_own(SETTINGS, "ann@people.test")
    assert not routing.is_own(SETTINGS, "ann@lists.test")


@given(st.integers(0, 2**40 - 1))
def test_a_capability_names_its_row_and_survives_folding(number: int) -> None:
    token = capability(KEYS.verp, number)
    assert read_capability(KEYS.verp, token) == read_capability(KEYS.verp, token.upper()) == number
    assert len(token) == 24


@given(st.integers(0, 2**40 - 1), st.integers(0, 23), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_changed_capability_is_none(number: int, place: int, letter: str) -> None:
    token = capability(KEYS.verp, number)
    changed = token[:place] + letter + token[place + 1 :]
    assert (read_capability(KEYS.verp, changed) is None) == (changed != token)


@given(st.text(max_size=80))
def test_no_text_makes_the_reader_of_tokens_fail(text: str) -> None:
    read_capability(KEYS.verp, text)
    assert len(stored(text)) == 64


def test_a_capability_serves_one_purpose_only() -> None:
    assert read_capability(KEYS.verp, capability(KEYS.unsubscribe, 7)) is None
    assert read_capability(Keys.derive(b"z" * 32).verp, capability(KEYS.verp, 7)) is None


def test_one_shot_tokens_are_long_different_and_stored_folded() -> None:
    tokens = {one_shot() for _ in range(1000)}
    assert len(tokens) == 1000 and {len(token) for token in tokens} == {26}
    token = tokens.pop()
    assert stored(token) == stored(token.upper()) != token
