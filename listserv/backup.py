"""`backup`: a consistent copy of the database while listserv runs. An operator's, beside the way of a post."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from sqlalchemy import make_url

from listserv.errors import UserError
from listserv.settings import Settings


def write(settings: Settings, file: Path) -> None:
    """Writes the copy, which only its owner may read. Raises UserError; never overwrites."""
    if file.exists():
        raise UserError(f"backup: {file} exists already, and nothing is ever overwritten")
    path = settings.sqlite_path
    if path is None:
        _dump(settings.database, file)
        return
    if not path.exists():
        raise UserError(f"backup: the database {path} does not exist yet")
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(handle)
    source, target = sqlite3.connect(path), sqlite3.connect(file)
    try:
        source.backup(target)
        if target.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise UserError(f"backup: {file} is not whole; the disk may be failing")
    finally:
        source.close()
        target.close()


def _dump(address: str, file: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise UserError("backup: pg_dump is not installed; it comes with PostgreSQL's client programs")
    url = make_url(address).set(drivername="postgresql")
    secret = {"PGPASSWORD": url.password} if url.password else {}  # not among the arguments, which everybody here sees
    command = [program, "-Fc", "-f", str(file), url.set(password=None).render_as_string()]
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(handle)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **secret})  # noqa: S603
    if done.returncode:
        file.unlink(missing_ok=True)
        raise UserError(f"backup: pg_dump failed: {done.stderr.strip()[:300]}")
