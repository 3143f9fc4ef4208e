"""What the tests stand on: a context on SQLite and on a real PostgreSQL, and loud words about what is missing."""

from __future__ import annotations

import getpass
import logging
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from glob import glob
from pathlib import Path
from typing import Any

import pytest

from listserv import screen
from listserv.context import Context, open_context
from listserv.edge.db import Database, migrate
from listserv.policy.screening.screened import Screened
from listserv.settings import Settings, parse
from tests import whispers

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SKIPPED: list[str] = []


def community(**changes: Any) -> dict[str, Any]:
    """Settings of a small community as the file would give them; top-level keys may be replaced."""
    data: dict[str, Any] = {
        "community": {
            "name": "Community of Practice",
            "domain": "lists.test",
            "url": "https://lists.test",
            "contact": "facilitators@people.test",
            "timezone": "Australia/Sydney",
        },
        "authentication": {"unverified": "accept"},
        "intake": {"smtp": "127.0.0.1:0"},
        "web": None,
        "lists": {
            "perinatal": {"title": "Perinatal mental health", "moderation": "none", "approval_delay": 0},
            "anxiety": {"title": "Anxiety", "moderation": "newcomers", "approval_delay": 0},
            "news": {"title": "News", "posting": "moderators", "moderation": "none"},
        },
    }
    data.update(changes)
    return data


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of an empty database on a server of our own, started from the installed programs."""
    programs = [*sorted(glob("/usr/lib/postgresql/*/bin")), str(Path(shutil.which("initdb") or "/none").parent)]
    initdb = next((Path(p) / "initdb" for p in programs if (Path(p) / "initdb").exists()), None)
    if initdb is None:
        words = "PostgreSQL is not installed: nothing is tested against it"
        SKIPPED.append(words)
        pytest.skip(words)
    root = Path(tempfile.mkdtemp(prefix="listserv-pg-"))
    user = getpass.getuser()
    become: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        user = "postgres"
        shutil.chown(root, user, pwd.getpwnam(user).pw_gid)
        become = ["runuser", "-u", user, "--"]
    data = root / "data"

    def run(*command: str) -> None:
        subprocess.run([*become, *command], check=True, capture_output=True, cwd=root)

    run(str(initdb), "-D", str(data), "-A", "trust", "-U", user, "--no-sync")
    options = f"-k {root} -c listen_addresses='' -c max_connections=60"
    run(str(initdb.with_name("pg_ctl")), "-D", str(data), "-w", "-o", options, "-l", str(root / "log"), "start")
    try:
        yield f"postgresql+psycopg://{user}@/postgres?host={root}"
    finally:
        run(str(initdb.with_name("pg_ctl")), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def postgresql(postgresql_server: str) -> Iterator[str]:
    """A database with nothing in it but our tables."""
    from sqlalchemy import create_engine, text

    engine = create_engine(postgresql_server)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    database = Database(postgresql_server)
    migrate(database)
    database.close()
    yield postgresql_server


@pytest.fixture
def overheard(monkeypatch: pytest.MonkeyPatch) -> list[Screened]:
    """All that the screen finds while a test runs."""
    found: list[Screened] = []
    real = screen._screened

    def listening(*arguments: Any) -> Screened:
        found.append(real(*arguments))
        return found[-1]

    monkeypatch.setattr(screen, "_screened", listening)
    return found


@pytest.fixture
def make_context(tmp_path: Path, overheard: list[Screened]) -> Iterator[Callable[..., Context]]:
    """Contexts on SQLite, closed at the end; the clock stands still unless one is given."""
    opened: list[Context] = []
    ears = whispers.Ears()
    logging.getLogger().addHandler(ears)

    def make(
        data: dict[str, Any] | None = None,
        *,
        clock: Callable[[], datetime] | None = None,
        base: Path | None = None,
    ) -> Context:
        settings: Settings = parse(data or community(), base=base or tmp_path)
        context = open_context(settings, clock=clock or (lambda: NOW))
        opened.append(context)
        return context

    yield make
    logging.getLogger().removeHandler(ears)
    secrets = whispers.secrets_of(overheard)
    try:
        got_out = [words for context in opened for words in whispers.heard(context, secrets, ears.lines)]
    finally:
        for context in opened:
            context.db.close()
    assert not got_out, f"a value of a finding got out: {got_out[:5]}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def ctx(request: pytest.FixtureRequest, make_context: Callable[..., Context]) -> Context:
    """A context of the small community, on each kind of database."""
    if request.param == "sqlite":
        return make_context()
    return make_context(community(database=request.getfixturevalue("postgresql")))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for words in dict.fromkeys(SKIPPED):
        terminalreporter.write_line(f"NOT TESTED: {words}", red=True, bold=True)
