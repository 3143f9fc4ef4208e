"""A community of any size in a temporary folder, the real daemon, Postfix's smtp-sink as the relay, and CPU readings."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml
from sqlalchemy import text

from listserv.context import Context, open_context
from listserv.settings import load

DOMAIN = "bench.test"


def machine() -> str:
    """Processor, cores, load and versions, for the README."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    load_now = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{os.cpu_count()} cores of {model}; Python {platform.python_version()}; load {load_now}"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def roster(members: int, lists: str = "general") -> str:
    rows = "".join(
        f"p{i}@people.test,Person {i},Psychologist,PSY{i:010},2099-11-30,{lists},,each,,yes\n" for i in range(members)
    )
    return f"email,name,profession,registration,registration_expires,lists,roles,delivery,terms,trusted\n{rows}"


@dataclass(slots=True)
class Place:
    """`ctx` reads the same database as the daemon; `process` is the daemon."""

    folder: Path
    ctx: Context
    smtp: int
    process: psutil.Process
    started_in: float  # seconds from exec to `ready`

    def cpu(self) -> float:
        """Seconds of CPU the daemon has used, user and system, all threads."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> float:
        """Resident megabytes of the daemon."""
        return float(self.process.memory_info().rss / 1e6)

    def scalar(self, query: str) -> Any:
        with self.ctx.db.reading() as tx:
            return tx.execute(text(query)).scalar()

    def until(self, query: str, value: Any, seconds: float = 300) -> float:
        """Waits until a query gives a value; the seconds it took."""
        begun = time.monotonic()
        while self.scalar(query) != value:
            if time.monotonic() - begun > seconds:
                raise SystemExit(f"waited {seconds} s for {query} = {value}, it is {self.scalar(query)}")
            time.sleep(0.02)
        return time.monotonic() - begun


def message(number: int | str, to: str, size: int = 4096, sender: str = "p0@people.test") -> bytes:
    head = (
        f"From: {sender}\r\nTo: {to}\r\nSubject: Post {number}\r\nMessage-ID: <{number}.{time.time_ns()}@people.test>\r\n"
        "Date: Mon, 23 Nov 2026 18:00:00 +1100\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    )
    line = "What helps when the nights are the worst part of it, do you think?\r\n"
    body = line * max(1, (size - len(head)) // len(line))
    return (head + body).encode()


@contextmanager
def sink(port: int, *options: str) -> Iterator[None]:
    """Postfix's smtp-sink as the relay."""
    program = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"
    if not Path(program).exists():
        raise SystemExit("smtp-sink is not installed (it comes with Postfix)")
    as_user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [program, *as_user, *options, f"127.0.0.1:{port}", "1000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def place(members: int, **changes: Any) -> Iterator[Place]:
    """A running community with one list, `general`, and so many members on it."""
    folder = Path(tempfile.mkdtemp(prefix="listserv-bench-"))
    relay, smtp = free_port(), free_port()
    data: dict[str, Any] = {
        "community": {"name": "Bench", "domain": DOMAIN, "contact": "c@people.test", "url": "https://bench.test"},
        "authentication": {"unverified": "accept"},
        "intake": {"smtp": f"127.0.0.1:{smtp}", "rate": None, "list_rate": None, "per_peer": 1000},
        "relay": {"host": "127.0.0.1", "port": relay, "tls": "none"},
        "web": None,
        "lists": {"general": {"moderation": "none"}, "quiet": {"moderation": "none", "posting": "members"}},
    }
    data.update(changes)
    if data.get("dkim"):
        from listserv import signing

        signing.make(folder / "rsa.pem", "rsa-sha256")
        signing.make(folder / "ed.pem", "ed25519-sha256")
    settings_file = folder / "settings.yaml"
    settings_file.write_text(yaml.safe_dump(data))
    ctx = open_context(load(settings_file))
    from listserv.roster import import_csv

    import_csv(ctx, roster(members))
    with sink(relay):
        begun = time.monotonic()
        daemon = subprocess.Popen(
            [sys.executable, "-m", "listserv", "--settings", str(settings_file), "serve"], stdout=subprocess.PIPE
        )
        assert daemon.stdout is not None
        line = daemon.stdout.readline()
        if line.strip() != b"ready":
            raise SystemExit("the daemon did not start")
        started = time.monotonic() - begun
        try:
            yield Place(folder, ctx, smtp, psutil.Process(daemon.pid), started)
        finally:
            daemon.terminate()
            daemon.wait(30)
            ctx.db.close()
            shutil.rmtree(folder, ignore_errors=True)
