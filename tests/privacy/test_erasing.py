"""After an erasure nothing that is stored names the person: proved by decoding all of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from listserv import privacy
from listserv.context import Context
from tests.house import rows, scalar
from tests.privacy import world
from tests.privacy.world import FIRST, KNOWN_BY, SECOND


@pytest.fixture
def house(request: pytest.FixtureRequest, make_context: Callable[..., Context]) -> Context:
    if getattr(request, "param", "sqlite") == "sqlite":
        return make_context(world.settings())
    return make_context(world.settings(database=request.getfixturevalue("postgresql")))


BOTH = pytest.mark.parametrize(
    "house", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)


@BOTH
@pytest.mark.parametrize("posts", [False, True])
def test_nothing_that_is_stored_names_the_person_any_more(house: Context, posts: bool) -> None:
    world.people(house)
    world.live(house)
    before = world.places(house, *KNOWN_BY)
    print(before)
    privacy.erase(house, privacy.survey(house, SECOND.upper()), posts=posts)
    assert world.places(house, *KNOWN_BY) == []
    assert scalar(house, "SELECT COUNT(*) FROM address WHERE email LIKE '%clinic.test'") == 0
    assert FIRST and rows
