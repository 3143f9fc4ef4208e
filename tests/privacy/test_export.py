"""An export holds everything about one person, readable, and nothing about anybody else that they were not shown."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from listserv.context import Context
from listserv.errors import UserError
from listserv.privacy import inventory
from listserv.privacy.export import Item, export, write
from listserv.privacy.inventory import Is
from tests.house import rows, scalar
from tests.privacy import world
from tests.privacy.world import FIRST, NAME, NUMBER, SECOND, TAGGED


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def house(request: pytest.FixtureRequest, make_context: Callable[..., Context]) -> Context:
    more = {} if request.param == "sqlite" else {"database": request.getfixturevalue("postgresql")}
    ctx = make_context(world.settings(**more))
    world.people(ctx)
    world.live(ctx)
    return ctx


def files(ctx: Context, person: int = 1) -> dict[str, bytes]:
    with ctx.db.reading() as tx:
        return {item.name: item.data for item in export(ctx, tx, person)}


def table(found: dict[str, bytes], name: str) -> Any:
    return json.loads(found[name])


def test_everything_is_in_it(house: Context) -> None:
    found = files(house)
    assert table(found, "person.json")["name"] == NAME
    assert [row["email"] for row in table(found, "addresses.json")] == [FIRST, SECOND]
    assert [row["number"] for row in table(found, "credentials.json")] == [NUMBER]
    assert table(found, "agreements.json")[0]["evidence"] == f"mail of {FIRST}"
    assert table(found, "confirmations.json")[0]["address"] == TAGGED
    assert {row["list_name"] for row in table(found, "subscriptions.json")} == {"perinatal", "anxiety"}
    assert {(row["list_name"], row["role"]) for row in table(found, "roles.json")} == {
        ("news", "moderator"), ("perinatal", "owner")}  # fmt: skip
    assert len(table(found, "sessions.json")) == len(table(found, "feeds.json")) == 1
    assert table(found, "mail-without-proof.json")[0]["from_address"] == TAGGED
    assert table(found, "set-aside.json")[0]["envelope_sender"] == SECOND
    deliveries = table(found, "deliveries.json")
    assert sum(row["count"] for row in deliveries) == scalar(
        house, "SELECT COUNT(*) FROM delivery WHERE recipient = :a", a=FIRST
    )
    assert {row["month"] for row in deliveries} == {"2026-11"}
    mails = table(found, "mail-to-you.json")
    assert {"held-author", "decided-author"} <= {row["kind"] for row in mails} and all(row["text"] for row in mails)
    assert [row["what"] for row in table(found, "decisions-you-made.json")] == ["reject"]
    assert len(table(found, "corrections-you-made.json")) == 2


def test_posts_are_there_as_they_came_with_what_was_decided(house: Context) -> None:
    found = files(house)
    posts = {row["message_id"]: row for row in table(found, "posts.json")}
    assert len(posts) == scalar(house, "SELECT COUNT(*) FROM post WHERE person_id = 1") > 5
    rich = posts["<annabel.archer.17@clinic.test>"]
    assert found[rich["file"]] == world.rich_mail() and rich["state"] == "released"
    refused = posts["<held1@clinic.test>"]
    assert refused["decisions"][0]["what"] == "reject" and NAME in refused["decisions"][0]["reason"]
    assert refused["waited_because"][0]["code"] == "moderated-list"
    assert all(row["file"] in found for row in posts.values())


def test_others_are_not_in_it_but_as_she_was_shown_them(house: Context) -> None:
    """Who decided is nobody's business; what she decided on is a number."""
    with house.db.transaction() as tx:
        said = json.dumps([{"code": "x", "text": "t", "detail": "Ben Bower is another member", "advice": "a"}])
        tx.execute(text("UPDATE post SET reasons = :r WHERE person_id = 1"), {"r": said})
    found = files(house)
    for name, data in found.items():
        if not name.startswith("posts/") and name not in ("mail-to-you.json", "posts.json"):
            for other in (b"Mia", b"mia@", b"Ben ", b"ben@", b"Owen"):
                assert other not in data, (name, other)
    assert b"Mia Moss" not in found["posts.json"] and b"Ben Bower" not in found["posts.json"]
    assert b"Mia's own" not in found["decisions-you-made.json"]


def test_secret_codes_are_masked(house: Context) -> None:
    codes = [row.reply_to for row in world_notices(house)]
    found = b"".join(files(house).values())
    assert codes and not any(code.encode() in found for code in codes)
    with house.db.transaction() as tx:
        tx.execute(text("UPDATE notice SET person_id = 1, recipient = :a WHERE kind = 'held'"), {"a": FIRST})
    mails = table(files(house), "mail-to-you.json")
    assert any(row["kind"] == "held" for row in mails)
    hashes = [row.hash for row in rows(house, "SELECT hash FROM token")]
    everything = b"".join(files(house).values())
    assert not any(code.encode() in everything for code in (*codes, *hashes))


def world_notices(ctx: Context) -> list[Any]:
    from dataclasses import dataclass

    from tests.house import notices

    @dataclass
    class Code:
        reply_to: str

    return [Code(one.reply_to.partition("+")[2].partition("@")[0]) for one in notices(ctx, "held")]


def test_every_column_that_is_theirs_is_given_out(house: Context) -> None:
    """By the inventory: for a table with a file, a row of hers shows each of them."""
    found = files(house)
    for name, held, _ in inventory.of_person():
        if held.file and (shown := table(found, held.file)):
            wanted = {column for column, is_ in held.columns.items() if is_ in (Is.THEIRS, Is.WORDS)}
            assert wanted <= set(shown[0]), name
    assert set(table(found, "person.json")) == {
        column for column, is_ in inventory.TABLES["person"].columns.items() if is_ is Is.THEIRS
    }


def test_the_readme_tells_of_every_file(house: Context) -> None:
    found = files(house)
    readme = found["README.txt"].decode()
    assert "Community of Practice" in readme and "facilitators@people.test" in readme
    for name in found:
        assert ("posts/" if name.startswith("posts/") else name) in readme or name == "README.txt"
    assert list(found)[-1] == "README.txt"


def test_a_person_without_anything_has_a_whole_export(make_context: Callable[..., Context]) -> None:
    from tests.people import add_person

    ctx = make_context()
    with ctx.db.transaction() as tx:
        person = add_person(tx, "sue@people.test", registration=None)
    found = files(ctx, person)
    assert table(found, "posts.json") == [] and table(found, "credentials.json") == []


def test_a_folder_or_a_zip_for_nobody_elses_eyes(tmp_path: Path) -> None:
    items = [Item("person.json", b"{}"), Item("posts/1.eml", b"x")]
    packed = write(items, tmp_path / "out.zip")
    with zipfile.ZipFile(packed) as opened:
        assert sorted(opened.namelist()) == ["person.json", "posts/1.eml"]
    folder = write(items, tmp_path / "out")
    assert (folder / "posts" / "1.eml").read_bytes() == b"x"
    for path in (packed, folder / "person.json", folder / "posts" / "1.eml"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE((folder / "posts").stat().st_mode) == 0o700
    for target in (packed, folder):
        with pytest.raises(UserError, match="nothing is ever overwritten"):
            write(items, target)
