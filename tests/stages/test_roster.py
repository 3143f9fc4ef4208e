"""Members in and out as CSV: all or nothing, every bad row named, the same file twice changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from listserv.context import Context
from listserv.roster import export_csv, export_rows, import_csv
from tests.conftest import community
from tests.house import rows, scalar

HEAD = "email,name,profession,registration,registration_expires,lists,roles,delivery,aliases,terms,trusted\n"
ANN = (
    "ann@people.test,Ann,GP,MED1,2027-11-30,perinatal;anxiety,perinatal:moderator;community:verifier,each,"
    "a@x.test,agreed,yes\n"
)
BEN = "ben@people.test,Ben,,,,perinatal,,weekly,,,\n"
TABLES = ("person", "address", "subscription", "role", "credential", "agreement")


def dump(ctx: Context) -> dict[str, list[tuple[object, ...]]]:
    return {table: [tuple(row) for row in rows(ctx, f"SELECT * FROM {table} ORDER BY id")] for table in TABLES}


def test_people_come_in_and_the_same_file_again_writes_nothing(ctx: Context) -> None:
    report = import_csv(ctx, HEAD + ANN + BEN)
    assert (report.added, report.problems) == (2, ())
    before = dump(ctx)
    again = import_csv(ctx, HEAD + ANN + BEN)
    assert (again.added, again.updated, again.unchanged) == (0, 0, 2)
    assert dump(ctx) == before


def test_what_is_exported_can_be_imported_and_changes_nothing(ctx: Context) -> None:
    import_csv(ctx, HEAD + ANN + BEN)
    before, exported = dump(ctx), export_csv(ctx)
    assert import_csv(ctx, exported).unchanged == 2
    assert dump(ctx) == before
    first = export_rows(ctx)[0]
    assert (first["status"], first["bounce_score"], first["lists"]) == ("active", 0.0, "perinatal;anxiety")


def test_an_empty_cell_leaves_and_a_dash_clears(ctx: Context) -> None:
    import_csv(ctx, HEAD + ANN)
    import_csv(ctx, "email,name,lists\nann@people.test,,\n")
    assert export_rows(ctx)[0]["name"] == "Ann"
    import_csv(ctx, "email,name,lists,roles,aliases,registration,trusted\nann@people.test,-,-,-,-,-,-\n")
    row = export_rows(ctx)[0]
    assert [row[c] for c in ("name", "lists", "roles", "aliases", "registration", "trusted")] == [""] * 6
    import_csv(ctx, "email,lists\nann@people.test,anxiety\n")
    assert export_rows(ctx)[0]["lists"] == "anxiety"
    assert scalar(ctx, "SELECT count(*) FROM subscription") == 2  # taken up again, not made anew


def test_a_new_first_address_keeps_the_person(ctx: Context) -> None:
    import_csv(ctx, HEAD + ANN)
    import_csv(ctx, "email,aliases\nnew@people.test,ann@people.test\n")
    assert scalar(ctx, "SELECT count(*) FROM person") == 1
    row = export_rows(ctx)[0]
    assert (row["email"], row["aliases"]) == ("new@people.test", "ann@people.test")


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("", 1, "empty"),
        ("name\nAnn\n", 1, "is missing"),
        ("email;name\na@x.test;A\n", 1, "uses ;"),
        ("email,nme\na@x.test,A\n", 1, "did you mean name?"),
        ("email\nnobody\n", 2, "no email address"),
        ("email\nperinatal-owner@lists.test\n", 2, "an address of listserv itself"),
        ("email\na@x.test\nA@X.test\n", 3, "stands in line 2"),
        ("email,lists\na@x.test,anxeity\n", 2, "did you mean anxiety?"),
        ("email,roles\na@x.test,anxiety:moderater\n", 2, "did you mean moderator?"),
        ("email,delivery\na@x.test,weeky\n", 2, "did you mean weekly?"),
        ("email,registration_expires\na@x.test,30.11.2027\n", 2, "write it like 2027-11-30"),
        ("email,registration\na@x.test,N1\nb@x.test,n1\n", 3, "stands in line 2"),
        ("email,trusted\na@x.test,maybe\n", 2, "is not one of yes, no"),
        ("email,name\na@x.test\n", 2, "1 cells where the first line has 2"),
        ('email,name\na@x.test,"open\n', 2, "cannot be read as CSV"),
        ("email,name\na@x.test,bell\x07\n", 2, "control characters"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_nothing_is_imported(
    make_context: Callable[..., Context], content: str, line: int, words: str
) -> None:
    ctx = make_context()
    report = import_csv(ctx, content)
    assert [(p.line, words in p.words) for p in report.problems][-1] == (line, True), report.problems
    assert scalar(ctx, "SELECT count(*) FROM person") == 0


def test_every_bad_row_is_named_and_the_good_ones_can_be_taken(ctx: Context) -> None:
    content = "email,lists\na@x.test,perinatal\nbad,\nb@x.test,nolist\n"
    assert [problem.line for problem in import_csv(ctx, content).problems] == [3, 4]
    assert scalar(ctx, "SELECT count(*) FROM person") == 0
    import_csv(ctx, content, skip_bad=True)
    assert [row["email"] for row in export_rows(ctx)] == ["a@x.test"]


def test_a_dry_run_says_and_does_nothing(ctx: Context) -> None:
    import_csv(ctx, HEAD + ANN)
    before = dump(ctx)
    report = import_csv(ctx, "email,delivery\nann@people.test,weekly\nnew@x.test,\n", dry_run=True)
    assert (report.added, report.updated) == (1, 1)
    assert "delivery: each -> weekly" in report.changes[0].details
    assert dump(ctx) == before


def test_nobody_leaves_without_sync_and_not_many_with_it(ctx: Context) -> None:
    many = HEAD + "".join(f"p{n}@x.test,P{n},,,,perinatal,,,,,\n" for n in range(40))
    import_csv(ctx, many)
    import_csv(ctx, HEAD + BEN)
    assert scalar(ctx, "SELECT count(*) FROM subscription WHERE left_at IS NULL") == 41
    refused = import_csv(ctx, HEAD + BEN, sync=True)
    assert refused.problems[0].line == 0 and "40 of 41" in refused.problems[0].words
    most = HEAD + BEN + "".join(many.splitlines(keepends=True)[3:])
    assert import_csv(ctx, most, sync=True).left == 2
    assert scalar(ctx, "SELECT count(*) FROM person WHERE status = 'left'") == 2


def test_somebody_elses_address_is_refused(ctx: Context) -> None:
    import_csv(ctx, HEAD + ANN + BEN)
    report = import_csv(ctx, "email,aliases\nann@people.test,ben@people.test\n")
    assert "more than one member" in report.problems[0].words


def test_terms_are_agreed_to_in_their_current_version(make_context: Callable[..., Context], tmp_path: Path) -> None:
    data = community()
    data["community"]["terms"] = "terms.md"
    (tmp_path / "terms.md").write_text("Be kind.")
    ctx = make_context(data)
    import_csv(ctx, HEAD + ANN)
    assert export_rows(ctx)[0]["terms"] == "agreed"
    (tmp_path / "terms.md").write_text("Be kind, please.")
    assert export_rows(ctx)[0]["terms"] == ""
    with ctx.db.reading() as tx:
        assert tx.execute(text("SELECT count(*) FROM agreement")).scalar() == 1
