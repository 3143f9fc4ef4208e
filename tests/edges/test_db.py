"""The database: group commit, what a failed job undoes, durability as it is set, migrations, aware times."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event, insert, text
from sqlalchemy.exc import DBAPIError, StatementError
from sqlmodel import SQLModel

from listserv.context import Context
from listserv.edge import db
from listserv.edge.db import SCHEMA, Database, open_database
from listserv.errors import UserError
from listserv.model import Emergency
from tests.conftest import NOW
from tests.house import scalar


def _add(name: str) -> Callable[[db.Connection], None]:
    return lambda tx: tx.execute(insert(Emergency).values(list_name=name, until=NOW, reason="")) and None


def test_jobs_that_wait_together_commit_together(ctx: Context) -> None:
    commits = 0
    gate, entered = threading.Event(), threading.Event()

    @event.listens_for(ctx.db.engine, "commit")
    def _count(_: object) -> None:
        nonlocal commits
        commits += 1

    def first(_: object) -> None:
        entered.set()
        gate.wait(10)

    futures = [ctx.db.submit(first)]
    entered.wait(10)
    futures += [ctx.db.submit(_add(f"list{n}")) for n in range(100)]
    gate.set()
    for future in futures:
        future.result(10)
    assert commits == 2
    assert scalar(ctx, "SELECT count(*) FROM emergency") == 100


def test_a_job_that_fails_undoes_itself_alone(ctx: Context) -> None:
    gate, entered = threading.Event(), threading.Event()

    def first(_: object) -> None:
        entered.set()
        gate.wait(10)

    def bad(tx: db.Connection) -> None:
        _add("bad")(tx)
        raise KeyError("x")

    head = ctx.db.submit(first)
    entered.wait(10)
    good, failed, more = ctx.db.submit(_add("one")), ctx.db.submit(bad), ctx.db.submit(_add("two"))
    gate.set()
    for future in (head, good, more):
        future.result(10)
    with pytest.raises(KeyError):
        failed.result(10)
    assert scalar(ctx, "SELECT count(*) FROM emergency") == 2


def test_what_hears_that_it_is_done_is_durable_and_only_records_of_copies_may_be_less(
    make_context: Callable[..., Context],
) -> None:
    ctx = make_context()
    seen = [
        ctx.db.submit(lambda tx: tx.execute(text("PRAGMA synchronous")).scalar(), durable=durable).result(10)
        for durable in (True, False, True)
    ]
    assert seen == [2, 1, 2]  # FULL, NORMAL, FULL
    assert scalar(ctx, "PRAGMA journal_mode") == "wal"
    assert scalar(ctx, "PRAGMA foreign_keys") == 1


@pytest.mark.postgresql
def test_a_lost_connection_fails_once_and_is_made_anew(postgresql: str) -> None:
    database = open_database(postgresql)
    try:
        assert database.submit(lambda tx: tx.execute(text("SHOW synchronous_commit")).scalar()).result(10) == "on"
        pid = database.submit(lambda tx: tx.execute(text("SELECT pg_backend_pid()")).scalar()).result(10)
        other = create_engine(postgresql)
        with other.connect() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        other.dispose()
        with pytest.raises(DBAPIError):
            database.submit(_add("lost")).result(10)
        database.submit(_add("kept")).result(10)
    finally:
        database.close()


def test_a_time_without_a_zone_is_refused(ctx: Context) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    with pytest.raises(StatementError), ctx.db.transaction() as tx:
        tx.execute(insert(Emergency).values(list_name="x", until=naive, reason=""))


def test_the_migrations_make_the_tables_that_the_code_describes(ctx: Context) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(db.__file__).parent.parent / "model" / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA
    with ctx.db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        differences = compare_metadata(context, SQLModel.metadata)
    assert [d for d in differences if d[0] not in ("add_index", "remove_index")] == []


@pytest.mark.postgresql
def test_postgresql_asks_to_be_migrated_and_sqlite_is_brought_up(postgresql: str, tmp_path: Path) -> None:
    engine = create_engine(postgresql)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    engine.dispose()
    with pytest.raises(UserError, match="listserv migrate"):
        open_database(postgresql)
    fresh = open_database(f"sqlite:///{tmp_path}/new/lists.sqlite3")
    assert db.schema_version(fresh) == SCHEMA
    fresh.close()


def test_a_newer_database_and_one_that_cannot_be_reached_are_said_plainly(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/lists.sqlite3")
    db.migrate(database)
    with database.transaction() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(UserError, match="newer than this listserv"):
        open_database(f"sqlite:///{tmp_path}/lists.sqlite3")
    with pytest.raises(UserError, match="cannot be opened"):
        open_database("postgresql+psycopg://nobody@127.0.0.1:1/none")
