"""Nothing is stored of which nobody has said whether it is about a person."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import Field, SQLModel

from listserv.privacy import inventory
from listserv.privacy.inventory import Goes, Is

DOCS = Path(__file__).parents[2] / "docs" / "privacy.md"
HOW = (
    "{}: say in listserv/privacy/inventory.py what each column holds (Is.PLAIN: nothing about anybody; Is.THEIRS: about"
    " the person of the row; Is.KEY, Is.HIDDEN, Is.NAMED, Is.WORDS, Is.MAIL), whose its rows are (`whose`, `by`) and in"
    " which file of an export they stand. Rows that stay without their person, and mails, need code in"
    " privacy/erasing.py and privacy/scanning.py. Then tell it in docs/privacy.md."
)


def test_every_column_of_every_table_is_classified() -> None:
    missing = inventory.unclassified()
    assert not missing, HOW.format(", ".join(missing))


def test_a_column_that_nobody_classified_is_noticed() -> None:
    class Forgotten(SQLModel, table=True):
        id: int | None = Field(default=None, primary_key=True)
        birthday: str

    try:
        assert inventory.unclassified() == ["forgotten.birthday", "forgotten.id"]
    finally:
        SQLModel.metadata.remove(SQLModel.metadata.tables["forgotten"])


@pytest.mark.parametrize("name", list(inventory.TABLES))
def test_what_is_classified_is_there(name: str) -> None:
    table, held = inventory.here(name), inventory.TABLES[name]
    if table is None:
        pytest.skip(f"this version has no table {name}")
    gone = [column for column in held.columns if column not in table.c]
    assert not gone, f"{name} has no {', '.join(gone)} any more: take them out of listserv/privacy/inventory.py"


@pytest.mark.parametrize("name", list(inventory.TABLES))
def test_rows_of_a_person_are_found_and_given_out(name: str) -> None:
    """What is about the person of a row has a way to that person, and into an export."""
    held, table = inventory.TABLES[name], inventory.here(name)
    elsewhere = {"person", "post", "message", "decision", "notice", "delivery", "attempt"}  # with code of their own
    if Is.THEIRS in held.columns.values() and name not in elsewhere:
        assert held.whose or held.by, f"{name}: whose rows are these?"
        assert held.file and held.what, f"{name}: in which file of an export, and what is it to the person?"
    for column in (*held.by, *([held.whose] if held.whose else ())):
        assert column in held.columns
    if table is not None and any(key.column.table.name == "person" for key in table.foreign_keys):
        assert held.whose or held.goes is Goes.PSEUDONYM, f"{name} names a person: set `whose`"


@pytest.mark.parametrize("name", list(inventory.TABLES))
def test_every_table_is_told_of(name: str) -> None:
    assert f"`{name}`" in DOCS.read_text(), f"docs/privacy.md does not tell of `{name}`"
