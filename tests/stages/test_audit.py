"""The log of decisions: in the commit of each decision, one chain whoever writes it; whatever is done to it shows."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from listserv import audit, moderate, privacy
from listserv.context import Context
from listserv.edge.db import Database
from listserv.moderate import By
from tests.conftest import NOW, community
from tests.house import put, rows, scalar, work
from tests.people import mail, seed


def decisions(ctx: Context, count: int = 1) -> list[int]:
    """Posts of a newcomer that were decided on by Mia (by mail) and by the operator in turns; their numbers."""
    seed(ctx)
    numbers = []
    for number in range(count):
        put(ctx, mail("nia@people.test", "anxiety@lists.test", f"Question {number}"), "anxiety@lists.test",
            sender="nia@people.test")  # fmt: skip
        work(ctx)
        post = scalar(ctx, "SELECT max(id) FROM post")
        mia = scalar(ctx, "SELECT id FROM person WHERE name = 'Mia Moss'")
        by = By("Mia Moss", "mail", mia, "DKIM of people.test") if number % 2 == 0 else By("the operator", "shell")
        with ctx.db.transaction() as tx:
            assert moderate.decide(ctx, tx, post, "reject", by, "Not like this, please").done
        numbers.append(post)
    return numbers


def entries(ctx: Context, **wanted: Any) -> list[dict[str, Any]]:
    """What was decided; that a post was held stands in the log as well."""
    with ctx.db.reading() as tx:
        return [one for one in audit.entries(tx, **wanted) if one["event"] != "held"]


def verified(ctx: Context, head: str = "") -> audit.Verified:
    with ctx.db.reading() as tx:
        return audit.verify(tx, head)


def test_a_decision_stands_in_the_log_with_person_channel_and_proof(ctx: Context) -> None:
    posts = decisions(ctx, 2)
    first, second = entries(ctx)
    assert (first["number"], first["event"], first["who"], first["channel"], first["proof"]) == (
        2, "reject", "Mia Moss", "mail", "DKIM",
    )  # fmt: skip
    assert first["list"] == "anxiety" and first["post"] == posts[0] and first["about"] == "Nia New"
    assert (second["who"], second["channel"]) == ("the operator", "shell")
    assert [one["number"] for one in entries(ctx, post_id=posts[1])] == [4]
    assert entries(ctx, list_name="perinatal") == [] and entries(ctx, since=NOW + timedelta(days=1)) == []
    stored = json.dumps([dict(row._mapping) for row in rows(ctx, "SELECT * FROM audit")], default=str)
    for word in ("Mia", "Nia", "people.test", "Not like this", "Question"):
        assert word not in stored


def test_that_a_post_was_held_and_why_stands_in_the_log(ctx: Context) -> None:
    decisions(ctx)
    with ctx.db.reading() as tx:
        held = audit.entries(tx)[0]
    assert (held["event"], held["who"], held["channel"], held["reasons"]) == ("held", "listserv", "clock", "newcomer")


def test_a_decision_that_is_undone_leaves_no_entry(ctx: Context) -> None:
    seed(ctx)
    with pytest.raises(RuntimeError), ctx.db.transaction() as tx:
        audit.note(tx, NOW, "trust", audit.OPERATOR, about=1)
        raise RuntimeError
    assert entries(ctx) == []


@pytest.mark.parametrize("details", [{"said": "Call me on\n0491"}, {"who": "ann@people.test"}, {"x" * 201: 1}])
def test_what_somebody_wrote_does_not_come_into_the_log(ctx: Context, details: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="does not belong"), ctx.db.transaction() as tx:
        audit.note(tx, NOW, "x", audit.OPERATOR, details=details)


@pytest.mark.parametrize("change", [
    "UPDATE audit SET event = 'approve' WHERE id = 2",
    "DELETE FROM audit WHERE id = 3",
    "DELETE FROM audit",
    "TRUNCATE audit",
    "INSERT OR REPLACE INTO audit SELECT id, at, 'approve', person, about, channel, proof, list_name, post_id, message,"
    " details, previous, hash FROM audit WHERE id = 2",
])  # fmt: skip
def test_the_database_refuses_to_change_it(ctx: Context, change: str) -> None:
    if ("TRUNCATE" in change and ctx.db.sqlite) or ("REPLACE" in change and not ctx.db.sqlite):
        pytest.skip("no such statement here")
    decisions(ctx, 3)
    with pytest.raises(DBAPIError, match="only ever added to"), ctx.db.transaction() as tx:
        tx.execute(text(change))
    assert verified(ctx).count == 6 and not verified(ctx).broken


def _force(ctx: Context, *statements: str) -> None:
    """What somebody could do who owns the database."""
    with ctx.db.transaction() as tx:
        for name in ("audit_unchanged", "audit_unremoved", "audit_in_order"):
            tx.execute(text(f"DROP TRIGGER IF EXISTS {name}" + ("" if ctx.db.sqlite else " ON audit")))
        for statement in statements:
            tx.execute(text(statement))


@pytest.mark.parametrize(("statements", "broken"), [
    (["UPDATE audit SET event = 'approve' WHERE id = 3"], 3),
    (["UPDATE audit SET details = '{}  ' WHERE id = 1"], 1),
    (["UPDATE audit SET about = '' WHERE id = 5"], 5),
    (["DELETE FROM audit WHERE id = 2"], 2),
    (["DELETE FROM audit WHERE id = 1"], 1),
    (["DELETE FROM audit WHERE id = 2", "UPDATE audit SET id = id - 1 WHERE id > 2"], 2),
    (["UPDATE audit SET id = 99 WHERE id = 2", "UPDATE audit SET id = 2 WHERE id = 3",
      "UPDATE audit SET id = 3 WHERE id = 99"], 2),
])  # fmt: skip
def test_a_changed_missing_or_swapped_entry_is_named(ctx: Context, statements: list[str], broken: int) -> None:
    decisions(ctx, 5)
    assert verified(ctx).count == 10
    _force(ctx, *statements)
    assert verified(ctx).broken == broken


def test_a_kept_head_shows_that_the_end_was_cut_off(ctx: Context) -> None:
    decisions(ctx, 3)
    kept = verified(ctx).head
    with ctx.db.transaction() as tx:
        audit.note(tx, NOW, "trust", audit.OPERATOR, about=1)
    assert not verified(ctx, kept).broken, "the chain may have grown since"
    _force(ctx, "DELETE FROM audit WHERE id >= 3")
    assert not verified(ctx).broken, "nothing but the head can show it"
    assert verified(ctx, kept).broken == 3


def test_the_chain_survives_an_erasure_and_names_the_person_no_more(ctx: Context) -> None:
    decisions(ctx, 3)
    before = rows(ctx, "SELECT hash FROM audit ORDER BY id")
    privacy.erase(ctx, privacy.survey(ctx, "mia@people.test"))
    assert rows(ctx, "SELECT hash FROM audit ORDER BY id")[: len(before)] == before
    found = entries(ctx)
    assert [one["event"] for one in found] == ["reject", "reject", "reject", "erase"]
    assert not verified(ctx).broken
    assert found[0]["who"] == found[2]["who"] and found[0]["who"].startswith("former ")
    privacy.erase(ctx, privacy.survey(ctx, "nia@people.test"))
    assert "Nia" not in json.dumps(entries(ctx)) and not verified(ctx).broken
    assert scalar(ctx, "SELECT count(*) FROM salt") == 0


def test_several_writers_make_one_chain(ctx: Context) -> None:
    """Two machines (two databases objects, each with its writer) and a shell, at once."""
    seed(ctx)
    others = [Database(ctx.db.url) for _ in range(2)]
    failed: list[BaseException] = []

    def machine(database: Database) -> None:
        try:
            waits = [database.submit(lambda tx: audit.note(tx, NOW, "trust", audit.OPERATOR, about=1))
                     for _ in range(40)]  # fmt: skip
            for wait in waits:
                wait.result(60)
        except BaseException as error:
            failed.append(error)

    def shell() -> None:
        try:
            for _ in range(20):
                with ctx.db.transaction() as tx:
                    audit.note(tx, NOW, "ban", audit.OPERATOR, about=2)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=machine, args=(one,)) for one in others] + [threading.Thread(target=shell)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for one in others:
        one.close()
    assert not failed
    assert verified(ctx).count == 100 and not verified(ctx).broken
    assert scalar(ctx, "SELECT count(*) FROM salt") == 2


def test_an_older_database_is_brought_up(tmp_path: Any, make_context: Callable[..., Context]) -> None:
    ctx = make_context(community(), base=tmp_path)
    path = ctx.settings.sqlite_path
    assert path is not None
    names = {row[0] for row in sqlite3.connect(path).execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    assert names >= {"audit_unchanged", "audit_unremoved", "audit_in_order"}
