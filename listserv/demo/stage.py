"""What the scenes stand on: the console, the doors of the daemon, and what is read back and found missing."""

from __future__ import annotations

import asyncio
import os
import smtplib
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from textwrap import wrap

from rich.console import Console
from rich.text import Text

from listserv import signing
from listserv.catcher import Catcher, Caught
from listserv.context import Context
from listserv.errors import UserError


@dataclass(slots=True)
class Stage:
    """What the scenes share: the doors, the catcher, and what has been found missing."""

    console: Console
    ctx: Context
    catcher: Catcher
    settings_file: Path
    smtp_port: int
    daemon: asyncio.subprocess.Process | None = None
    missing: list[str] = field(default_factory=list)

    def scene(self, title: str) -> None:
        self.console.print()
        self.console.print(Text(title, style="bold cyan"))

    def tell(self, words: str) -> None:
        self._print(words, "  ", Text(""))

    def quote(self, words: str) -> None:
        for line in words.strip().splitlines():
            self._print(line, "    | ", Text(""), style="dim")

    def _print(self, words: str, indent: str, mark: Text, style: str = "") -> None:
        """Wraps at the width of the terminal, further lines under the first."""
        width = max(40, min(self.console.width, 110)) - len(mark) - len(indent)
        for number, line in enumerate(wrap(words, width, break_on_hyphens=False, break_long_words=False) or [""]):
            start = mark if number == 0 else Text(" " * len(mark))
            self.console.print(start + Text(indent + line, style=style), soft_wrap=True)

    def check(self, found: bool, words: str) -> None:
        """Says what was read back; marks it when it is not there."""
        mark = Text("  ✓ ", style="green") if found else Text("  ✗ MISSING: ", style="bold red")
        self._print(words, "", mark)
        if not found:
            self.missing.append(words)

    def send(self, raw: bytes, sender: str, recipients: list[str]) -> tuple[int, str]:
        """One message over SMTP; the reply to its final dot (or to the RCPT that was refused)."""
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=30) as client:
            client.ehlo("mail.people.demo.test")
            client.mail(sender)
            for recipient in recipients:
                code, words = client.rcpt(recipient)
                if code >= 400:
                    return code, words.decode()
            code, words = client.data(raw)
            return code, words.decode()

    def signed(self, one: Caught) -> bool:
        """Whether our signature on a copy is good, as any receiver would find it."""
        import dkim

        key = signing.record(signing.load(self.settings_file.parent / "dkim.pem", "dkim")).encode()
        return bool(dkim.DKIM(one.data).verify(dnsfunc=lambda *_, **__: key))

    async def post(self, sender: str, to: str | list[str], subject: str, text: str, **headers: str) -> tuple[int, str]:
        recipients = [to] if isinstance(to, str) else to
        fields = {
            "From": sender,
            "To": ", ".join(recipients),
            "Subject": subject,
            "Date": format_datetime(datetime.now(UTC)),
            "Message-ID": message_id(subject),
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        raw = (head + "\r\n" + text.replace("\n", "\r\n")).encode()
        return await asyncio.to_thread(self.send, raw, sender.rpartition("<")[2].rstrip(">"), recipients)

    async def copies(self, subject: str, count: int, seconds: float = 20) -> list[Caught]:
        """The copies of a post that have arrived (notices about it left out)."""
        return await self.catcher.wait(
            lambda one: one.header("subject") == subject and bool(one.header("list-id")), count, seconds
        )

    async def notice(self, to: str, about: str, count: int = 1) -> list[Caught]:
        """The notices of ours to somebody whose subject holds `about`."""
        return await self.catcher.wait(
            lambda one: one.recipient == to and about in one.header("subject") and bool(one.header("auto-submitted")),
            count,
        )


def message_id(subject: str) -> str:
    return f"<{''.join(c for c in subject.lower() if c.isalnum())[:40]}@people.demo.test>"


async def command(stage: Stage, *words: str) -> tuple[int, str]:
    """One command of the shell, as an operator would give it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "listserv", "--settings", str(stage.settings_file), *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode().strip()


async def start(settings_file: Path) -> asyncio.subprocess.Process:
    """The real daemon; returns when it has said `ready`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "listserv", "--settings", str(settings_file), "serve",
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "LISTSERV_LOG": os.environ.get("LISTSERV_LOG", "error")},
        process_group=0,
    )  # fmt: skip
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if line.strip() == b"ready":
            return process
    raise UserError("demo: the daemon did not start; its message is above")
