"""Names as impostors would have them read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.mail.names import addresses_in, name_key

ANN = name_key("Ann Archer")


@pytest.mark.parametrize(
    "name",
    ["Dr Ann Archer", "ARCHER, Ann", "Ann M. Archer (PhD)", "ánn ÀRCHER", "Аnn Аrсhеr", "Prof. Ann  Archer, MPsych",
     "ａｎｎ ａｒｃｈｅｒ"],
)  # fmt: skip
def test_names_that_read_the_same(name: str) -> None:
    assert name_key(name) == ANN != ""


@pytest.mark.parametrize("name", ["Ann", "Dr Ann", "", "   ", "!!!", "A. B."])
def test_names_that_too_many_people_share_have_no_key(name: str) -> None:
    assert name_key(name) == ""


@pytest.mark.parametrize("name", ["Ann Archibald", "Annette Archer", "Ann Archer Smith"])
def test_names_of_others(name: str) -> None:
    assert name_key(name) not in ("", ANN)


@given(st.text(max_size=300))
def test_any_name_has_a_short_key_that_blanks_and_case_do_not_change(name: str) -> None:
    key = name_key(name)
    assert len(key) <= 200 and key == name_key(f"  {name}  ")


def test_addresses_in_display_names() -> None:
    assert addresses_in("ben@people.test") == ["ben@people.test"]
    assert addresses_in('"Ben" (ben@people.test.)') == ["ben@people.test"]
    assert addresses_in("Ben @ work") == []
