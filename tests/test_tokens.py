"""Tokens: whatever is put into an address, only what we made means something, and only for what it was made for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from listserv.tokens import Keys, capability, one_shot, read_capability, stored

KEYS = Keys.derive(b"k" * 32)
OTHER = Keys.derive(b"o" * 32)


@given(st.integers(0, 2**40 - 1))
def test_a_capability_names_its_row_for_its_own_purpose_only(number: int) -> None:
    token = capability(KEYS.verp, number)
    assert read_capability(KEYS.verp, token) == read_capability(KEYS.verp, token.upper()) == number
    assert len(token) == 24 and token.islower()
    for key in (KEYS.unsubscribe, KEYS.cookie, OTHER.verp):
        assert read_capability(key, token) is None


@given(st.text(max_size=80))
def test_nothing_else_is_a_capability(text: str) -> None:
    assert read_capability(KEYS.verp, text) is None


@given(st.integers(0, 2**40 - 1), st.integers(0, 23), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_changed_capability_means_nothing(number: int, at: int, letter: str) -> None:
    token = capability(KEYS.unsubscribe, number)
    changed = token[:at] + letter + token[at + 1 :]
    assert read_capability(KEYS.unsubscribe, changed) == (number if changed == token else None)


@given(st.text(max_size=80))
def test_any_text_can_be_looked_up_as_a_one_shot_token(text: str) -> None:
    assert len(stored(text)) == 64


def test_one_shot_tokens_are_of_128_bits_and_fold_in_case() -> None:
    made = {one_shot() for _ in range(1000)}
    assert len(made) == 1000 and {len(token) for token in made} == {26}
    assert all(stored(token) == stored(token.upper()) != token for token in made)
