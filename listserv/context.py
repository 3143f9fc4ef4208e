"""Context: what every stage needs, as its first argument. Built by `app` and by the commands, never global."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from listserv.edge.db import Database, open_database
from listserv.edge.languages import LOCALES, Speech
from listserv.edge.resolver import Resolver
from listserv.edge.templates import render
from listserv.errors import UserError
from listserv.settings import Settings
from listserv.signing import Signer, signer
from listserv.tokens import Keys


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Wake:
    """Bells between the roles of one process. Rings are hints: whoever misses one finds the rows by looking."""

    work: asyncio.Event = field(default_factory=asyncio.Event)  # posts to distribute, notices to write
    outbox: asyncio.Event = field(default_factory=asyncio.Event)  # delivery rows to send
    archive: asyncio.Event = field(default_factory=asyncio.Event)  # changes for the archive


@dataclass(frozen=True, slots=True)
class Context:
    settings: Settings
    db: Database
    keys: Keys
    resolver: Resolver
    signer: Signer | None = None
    clock: Callable[[], datetime] = utc_now
    wake: Wake = field(default_factory=Wake)
    language: str = ""  # of whom we speak to; empty: the community's
    timezone: str = ""

    @property
    def speech(self) -> Speech:
        """How we speak to whom this context is for: the community, unless it was made by `speaking`."""
        community = self.settings.community
        language = self.language if self.language in LOCALES else community.language
        return Speech(self.settings.base, language, _zone(self.timezone) or community.zone)

    def speaking(self, language: str, timezone: str = "") -> Context:
        """The same context for a reader with this language and time zone; empty ones are the community's."""
        return replace(self, language=language, timezone=timezone)

    def render(self, template: str, /, **values: object) -> str:
        return render(self.speech, template, **values)

    def phrase(self, text: str, /, **values: object) -> str:
        """A text of ours, in the language of the reader; `%(name)s` in it are its values."""
        return self.speech.phrase(text, **values)

    def phrases(self, one: str, many: str, count: int, /, **values: object) -> str:
        """A text about a number of things, which stands in it as `%(num)s`."""
        return self.speech.phrases(one, many, count, **values)


def _zone(name: str) -> ZoneInfo | None:
    """The zone that somebody chose; None when there is none of that name (any more)."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


def master_key(path: Path) -> bytes:
    """The secret of this installation: made at the first start, mode 600, one for all machines."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes()
        else:
            key = secrets.token_hex(32).encode()
            with os.fdopen(handle, "wb") as file:
                file.write(key)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise UserError(f"secrets.key_file: {path} cannot be read or made: {error.strerror}") from error
    if len(key.strip()) < 32:
        raise UserError(f"secrets.key_file: {path} is too short to be a key; delete it and a new one is made")
    return key.strip()


def open_context(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> Context:
    """Key file and database of these settings, opened. Raises UserError with the fix."""
    keys = Keys.derive(master_key(settings.secrets.key_file))
    signs = signer(settings)
    return Context(settings, open_database(settings.database), keys, Resolver(settings), signs, clock)
