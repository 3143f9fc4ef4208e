"""The real daemon as a process of its own, a catcher as its relay, and people who post to it."""

from __future__ import annotations

import asyncio
import os
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml

from listserv.catcher import Catcher
from listserv.context import Context, open_context
from listserv.settings import load


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


class Relay:
    """A catcher on a loop and thread of its own, so that tests may block."""

    def __init__(self) -> None:
        self.catcher = Catcher()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self.catcher.start(), self._loop).result(10)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.catcher.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Daemon:
    """`listserv serve`, started again as often as it is killed. `lines` collects its log."""

    def __init__(self, folder: Path, data: dict[str, Any], relay_port: int) -> None:
        self.smtp = free_port()
        self.lmtp = folder / "lmtp.sock"
        data = {**data, "relay": {"host": "127.0.0.1", "port": relay_port, "tls": "none", **data.get("relay", {})}}
        data["intake"] = {
            "rate": None,
            "list_rate": None,
            "per_peer": 1000,
            **data.get("intake", {}),
            "smtp": f"127.0.0.1:{self.smtp}",
        }
        self.settings_file = folder / "settings.yaml"
        self.settings_file.write_text(yaml.safe_dump(data))
        self.ctx: Context = open_context(load(self.settings_file))
        self.process: subprocess.Popen[str] | None = None
        self.lines: list[str] = []
        self.watch: Callable[[str], None] = lambda _: None
        self.log = "warning"
        self._reader: threading.Thread | None = None

    def start(self, *, prefix: tuple[str, ...] = ()) -> None:
        command = [*prefix, sys.executable, "-m", "listserv", "--settings", str(self.settings_file), "serve"]
        environment = {**os.environ, "LISTSERV_LOG": self.log, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            if line.strip() == "ready":
                return
        self._reader.join(5)
        raise AssertionError("the daemon did not start:\n" + "".join(self.lines[-20:]))

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.lines.append(line)
            self.watch(line)

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        traced = psutil.Process(self.process.pid).children() if self.process.args[0] != sys.executable else []  # type: ignore[index]
        if traced:  # the tracer ends with what it traces
            traced[0].send_signal(number)
        else:
            self.process.send_signal(number)
        self.process.wait(40)
        if self._reader is not None:
            self._reader.join(10)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        self.process = None

    def command(self, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """One command of the shell."""
        program = [sys.executable, "-m", "listserv", "--settings", str(self.settings_file), *words]
        return subprocess.run(program, input=stdin, capture_output=True, timeout=60, check=False)

    def send(self, raw: bytes, sender: str, *recipients: str) -> tuple[int, str]:
        """One message; the reply to its final dot, or to the first refused RCPT."""
        with smtplib.SMTP("127.0.0.1", self.smtp, timeout=30) as client:
            client.ehlo("mail.people.test")
            client.mail(sender)
            for recipient in recipients:
                code, words = client.rcpt(recipient)
                if code >= 400:
                    return code, words.decode()
            code, words = client.data(raw)
            return code, words.decode()

    def until(self, condition: Callable[[], bool], seconds: float = 30, what: str = "") -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited {seconds} s for {what or 'a condition'}"
            time.sleep(0.02)


@contextmanager
def running(folder: Path, data: dict[str, Any], *, start: bool = True) -> Iterator[tuple[Daemon, Catcher]]:
    """A daemon with a catcher behind it; both end with the block."""
    relay = Relay()
    daemon = Daemon(folder, data, relay.port)
    try:
        if start:
            daemon.start()
        yield daemon, relay.catcher
    finally:
        daemon.stop()
        daemon.ctx.db.close()
        relay.close()
