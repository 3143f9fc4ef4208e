"""The database forgets: what was deleted is in none of its files any more, neither in free pages nor in the log.

After rows were erased. SQLite overwrites what it deletes (secure_delete); `tidy` also writes the whole file anew, for
what earlier versions left behind, and empties the write-ahead log. PostgreSQL vacuums. A mark that is set in the
commit of an erasure says that this is still to be done, whoever was killed meanwhile.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection, text

from listserv.edge.db import Database
from listserv.errors import UserError

WAIT = 60.0  # seconds for others who read or write
_MARK = "erased: to be vacuumed"


def mark(database: Database, tx: Connection) -> None:
    """In the commit that erases: the files are still to be tidied."""
    if database.sqlite:
        tx.exec_driver_sql("PRAGMA user_version = 1")
    else:
        tx.execute(text(f"COMMENT ON TABLE alembic_version IS '{_MARK}'"))


def is_marked(database: Database) -> bool:
    """Whether an erasure was committed whose files nobody has tidied yet."""
    with database.reading() as tx:
        if database.sqlite:
            return bool(tx.exec_driver_sql("PRAGMA user_version").scalar())
        return tx.execute(text("SELECT obj_description('alembic_version'::regclass)")).scalar() == _MARK


def tidy(database: Database, tables: Iterable[str] = ()) -> None:
    """Writes the files anew; `tables` are those that PostgreSQL is to vacuum. Others go on reading and, but for the
    moment of writing, working. Raises UserError when somebody does not let go of them."""
    if database.sqlite:
        _tidy_file(Path(database.url.removeprefix("sqlite:///")))
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name in tables:
            connection.exec_driver_sql(f'VACUUM "{name}"')
        connection.exec_driver_sql("COMMENT ON TABLE alembic_version IS NULL")


def _tidy_file(path: Path) -> None:
    connection = sqlite3.connect(path, timeout=WAIT, isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA temp_store = 1")  # a file: the database may be larger than the memory
        connection.execute("VACUUM")
        if not empty_log(connection):
            raise UserError(f"database: the log of {path} could not be emptied, somebody reads it; try again")
        connection.execute("PRAGMA user_version = 0")
        empty_log(connection, 5)
    except sqlite3.OperationalError as error:
        raise UserError(f"database: {path} cannot be written anew: {error}") from error
    finally:
        connection.close()


def empty_log(connection: sqlite3.Connection, wait: float = WAIT) -> bool:
    """Everything from the write-ahead log into the file, and the log to no length; False when readers held it."""
    end = time.monotonic() + wait
    while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
