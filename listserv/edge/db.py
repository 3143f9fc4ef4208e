"""The database: one writer, many readers, group commit. The instant of acceptance is a commit made here.

All writing of a process goes through one thread, which runs what is waiting in one transaction and commits it once:
sessions that wait together commit together, and on SQLite nobody ever meets a locked database. On SQLite a durable
commit is synchronous=FULL (WAL, fsync before it returns); the recording of copies already sent may use NORMAL, which
survives kill -9. On PostgreSQL every commit is synchronous_commit=on, and several machines share the database.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError, SQLAlchemyError

from listserv.errors import UserError

log = logging.getLogger(__name__)
T = TypeVar("T")
SCHEMA = "0010"
BATCH = 200
_READ = {"listserv_read": True}
PRAGMAS = (
    "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16000", "temp_store=2",
    "secure_delete=ON",  # what is deleted is overwritten
)  # fmt: skip


def is_disk_full(error: BaseException) -> bool:
    """SQLite: SQLITE_FULL or a failed write; PostgreSQL: disk_full (53100)."""
    if not isinstance(error, DBAPIError):
        return False
    words = str(error.orig).lower()
    return "disk is full" in words or "disk i/o error" in words or getattr(error.orig, "sqlstate", "") == "53100"


def make_engine(url: str) -> Engine:
    """An engine with our pragmas and explicit BEGINs."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=8, max_overflow=8, pool_pre_ping=True)
    engine = create_engine(url, pool_size=8, max_overflow=8, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("listserv_read")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


class _Job:
    __slots__ = ("durable", "error", "function", "future", "result")

    def __init__(self, function: Callable[[Connection], Any], durable: bool, future: Future[Any]) -> None:
        self.function, self.durable, self.future = function, durable, future
        self.result: Any = None
        self.error: BaseException | None = None


class Database:
    """Opened once per process by `app` or a command; `close` ends the writer after what it was given."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sqlite = url.startswith("sqlite")
        if self.sqlite:
            Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.engine = make_engine(url)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="db-read")
        self._start = threading.Lock()
        self._synchronous = "FULL"

    # -- from anywhere, synchronously (commands, start-up) --

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One durable transaction on a connection of its own."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view, nothing written."""
        with self.engine.connect().execution_options(**_READ) as connection:
            yield connection

    # -- from the event loop --

    async def write(self, function: Callable[[Connection], T], *, durable: bool = True) -> T:
        """Runs `function` in the writer's next transaction; returns after its commit.

        What it raises is raised here and undoes only what it did itself; a failed commit raises in all who shared it.
        """
        return await asyncio.wrap_future(self.submit(function, durable=durable))

    async def read(self, function: Callable[[Connection], T]) -> T:
        """Runs `function` in a reading transaction in a thread."""

        def run() -> T:
            with self.reading() as connection:
                return function(connection)

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    def submit(self, function: Callable[[Connection], T], *, durable: bool = True) -> Future[T]:
        """Like `write`, for threads."""
        with self._start:
            if self._writer is None:
                self._writer = threading.Thread(target=self._run, name="db-write", daemon=True)
                self._writer.start()
        future: Future[T] = Future()
        self._jobs.put(_Job(function, durable, future))
        return future

    def close(self) -> None:
        if self._writer is not None:
            self._jobs.put(None)
            self._writer.join(30)
        self._readers.shutdown()
        self.engine.dispose()

    # -- the writer --

    def _run(self) -> None:
        connection: Connection | None = None
        last = False
        while not last:
            batch: list[_Job] = []
            job = self._jobs.get()
            while job is not None:
                batch.append(job)
                if len(batch) >= BATCH:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            last = job is None
            if batch:
                connection = self._commit(connection, batch)
        if connection is not None:
            connection.close()

    def _commit(self, connection: Connection | None, batch: list[_Job]) -> Connection | None:
        failed: BaseException | None = None
        try:
            if connection is None:
                connection = self.engine.connect()
                self._synchronous = "FULL"
            self._set_durability(connection, any(job.durable for job in batch))
            with connection.begin():
                for job in batch:
                    self._do(connection, job, alone=len(batch) == 1)
        except BaseException as error:
            failed = error
            if len(batch) > 1 or batch[0].error is None:
                log.warning("a commit of %d failed: %s", len(batch), type(error).__name__)
            if not (len(batch) == 1 and error is batch[0].error and not isinstance(error, SQLAlchemyError)):
                connection = self._drop(connection)
        for job in batch:
            reason = job.error or failed
            if not job.future.set_running_or_notify_cancel():
                continue
            if reason is not None:
                job.future.set_exception(reason)
            else:
                job.future.set_result(job.result)
        return connection

    @staticmethod
    def _do(connection: Connection, job: _Job, *, alone: bool) -> None:
        if alone:
            try:
                job.result = job.function(connection)
            except BaseException as error:
                job.error = error
                raise
            return
        connection.exec_driver_sql("SAVEPOINT job")
        try:
            job.result = job.function(connection)
        except Exception as error:
            job.error = error
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
        connection.exec_driver_sql("RELEASE SAVEPOINT job")

    def _set_durability(self, connection: Connection, durable: bool) -> None:
        wanted = "FULL" if durable else "NORMAL"
        if self.sqlite and wanted != self._synchronous:
            raw = connection.connection.dbapi_connection
            assert raw is not None
            raw.execute(f"PRAGMA synchronous={wanted}")
            self._synchronous = wanted

    @staticmethod
    def _drop(connection: Connection | None) -> None:
        if connection is not None:
            try:
                connection.invalidate()
                connection.close()
            except SQLAlchemyError:
                pass


def schema_version(database: Database) -> str | None:
    """The version that the tables are at, None when there are none. Raises UserError when it cannot be reached."""
    try:
        with database.reading() as connection:
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except (OperationalError, ProgrammingError) as error:
        words = str(error.orig)
        if "alembic_version" in words and ("no such table" in words or "does not exist" in words):
            return None
        raise UserError(f"database: {database.engine.url!r} cannot be opened: {' '.join(words.split())}") from error


def migrate(database: Database) -> None:
    """Brings the tables to this version."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "model" / "migrations"))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def open_database(url: str) -> Database:
    """A database at this version. SQLite is created and brought up; PostgreSQL asks for `listserv migrate`."""
    database = Database(url)
    version = schema_version(database)
    if version == SCHEMA:
        return database
    if database.sqlite and (version is None or version < SCHEMA):
        migrate(database)
        return database
    database.close()
    if version is not None and version > SCHEMA:
        raise UserError(
            f"database: its tables are of version {version}, newer than this listserv ({SCHEMA}); update it"
        )
    raise UserError("database: its tables are missing or older than this listserv; run `listserv migrate`")
