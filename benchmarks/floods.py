"""What abuse costs everybody else: a member's post once a second while peers are slow, or flood us, or both at once.

The attack runs in a process of its own, from the loopback addresses 127.0.0.2 to 127.0.0.20, so that the limits are
those that we ship with and yet no peer has too many connections. Whoever is sent away comes back at once.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import smtplib
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from benchmarks.place import DOMAIN, free_port, message, place

SECONDS = 20.0  # of posts in each of the three parts
SLOW, FLOODS = 1000, 10
READY = 8.0  # seconds within which the attack has to stand
PAUSE = 3.0  # seconds between two octets of a slow peer, on average
FLOOD = 10_000_000
PIECE = 65_536
ADDRESSES = [f"127.0.0.{number}" for number in range(2, 21)]
TO = f"general@{DOMAIN}".encode()
ENVELOPE = b"MAIL FROM:<p0@people.test>\r\nRCPT TO:<" + TO + b">\r\nDATA\r\n"
START = b"From: p0@people.test\r\nTo: " + TO + b"\r\nSubject: Flood\r\n"
END = b"\r\n\r\nThat was all.\r\n.\r\n"
# Where a slow peer stands: what it says at once, how many replies that gets, and what it then says octet by octet.
PHASES = (
    (b"", 0, b"EHLO " + b"a" * 200),
    (b"EHLO slow.test\r\nMAIL FROM:<p0@people.test>\r\n", 2, b"RCPT TO:<" + b"a" * 200),
    (b"EHLO slow.test\r\n" + ENVELOPE, 4, b"Subject: " + b"a" * 900),
)


def _payloads() -> dict[str, bytes]:
    """Ten million octets of header each; the last one has as many fields as the cap on octets lets through."""
    line = b"X-Flood: " + b"a" * 60 + b"\r\n"
    field = b"X-Field: " + b"a" * 89 + b"\r\n"
    fold = b" " + b"a" * 70 + b"\r\n"
    return {
        "endless header lines": START + line * (FLOOD // len(line)) + b".\r\n",  # no empty line, ever
        "one endless line": START + b"X-Flood: " + b"a" * FLOOD + END,
        "100,000 fields": START + field * 100_000 + END[2:],
        "a folded header": START + b"X-Flood:\r\n" + fold * (FLOOD // len(fold)) + END[2:],
        "60,000 small fields": START + b"a:\r\n" * 60_000 + END[2:],
    }


class _SentAway(EOFError):
    """The daemon closed the connection; the words are what it said before."""


async def _reply(reader: asyncio.StreamReader) -> str:
    """Code and enhanced code of the next reply."""
    while line := await reader.readline():
        if line[3:4] != b"-":
            words = line.decode("latin-1").split()
            said = " ".join(words[: 2 if words[1:] and words[1][:1].isdigit() else 1])
            if said.startswith("421"):
                raise _SentAway(said)
            return said
    raise _SentAway("closed without a word")


class Attack:
    """What the attackers see; `standing` are the slow connections that are open now."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.standing: set[int] = set()
        self.sent_away = 0
        self.heard: Counter[str] = Counter()
        self.octets = 0

    async def run(self, slow: int, floods: int) -> None:
        """Until standard input ends; says `ready` when everybody stands."""
        tasks = [asyncio.create_task(self._again(self._slow, number)) for number in range(slow)]
        begun = time.monotonic()
        while len(self.standing) < slow and time.monotonic() - begun < READY:
            await asyncio.sleep(0.05)
        kinds = list(_payloads().items())
        for number in range(floods):
            kind, payload = kinds[number % len(kinds)]

            async def flood(number: int, kind: str = kind, payload: bytes = payload) -> None:
                await self._flood(number, kind, payload)

            tasks.append(asyncio.create_task(self._again(flood, number)))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        print(
            json.dumps(
                {"standing": len(self.standing), "away": self.sent_away, "heard": self.heard, "octets": self.octets}
            ),
            flush=True,
        )
        for task in tasks:
            task.cancel()

    async def _again(self, act: Callable[[int], Any], number: int) -> None:
        while True:
            try:
                await act(number)
            except (OSError, EOFError):
                await asyncio.sleep(0.01)

    async def _connect(self, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        here = (ADDRESSES[number % len(ADDRESSES)], 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=here)
        try:
            await _reply(reader)
        except BaseException:
            writer.transport.abort()
            raise
        return reader, writer

    async def _slow(self, number: int) -> None:
        begin, replies, octets = PHASES[number % len(PHASES)]
        reader, writer = await self._connect(number)
        try:
            writer.write(begin)
            for _ in range(replies):
                await _reply(reader)
            self.standing.add(number)
            gone = asyncio.create_task(_reply(reader))
            for octet in octets:
                done, _ = await asyncio.wait([gone], timeout=random.uniform(0.5, 1.5) * PAUSE)
                if done:
                    await gone
                writer.write(bytes((octet,)))
        except (OSError, EOFError):
            self.sent_away += 1
            raise
        finally:
            self.standing.discard(number)
            writer.transport.abort()

    async def _flood(self, number: int, kind: str, payload: bytes) -> None:
        reader, writer = await self._connect(number)
        try:
            writer.write(b"EHLO flood.test\r\n")
            await _reply(reader)
            while True:
                writer.write(ENVELOPE)
                for _ in range(3):
                    await _reply(reader)
                for at in range(0, len(payload), PIECE):
                    writer.write(payload[at : at + PIECE])
                    self.octets += len(payload[at : at + PIECE])
                    await writer.drain()
                self.heard[f"{kind}: {await _reply(reader)}"] += 1
        except EOFError as error:
            self.heard[f"{kind}: {error}"] += 1
            raise
        except OSError as error:
            self.heard[f"{kind}: {type(error).__name__}"] += 1
            raise
        finally:
            writer.transport.abort()


def main(port: int, slow: int, floods: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(Attack(port).run(slow, floods))


@contextmanager
def _attack(port: int, slow: int, floods: int) -> Iterator[Callable[[], dict[str, Any]]]:
    """Under way when this returns; what it gives ends it and tells what the attackers saw."""
    code = f"import benchmarks.floods as f; f.main({port}, {slow}, {floods})"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None and process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def end() -> dict[str, Any]:
        stdin.close()
        seen: dict[str, Any] = json.loads(stdout.readline())
        return seen

    try:
        if stdout.readline().strip() != b"ready":
            raise SystemExit("the attack did not start")
        yield end
    finally:
        process.kill()
        process.wait()


class _Watch(threading.Thread):
    """The most resident memory of a process, looked at twenty times a second."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.process, self.peak, self.over = process, 0.0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.05):
            self.peak = max(self.peak, self.process.memory_info().rss / 1e6)

    def stop(self) -> float:
        self.over.set()
        self.join()
        return self.peak


def _posts(port: int) -> tuple[list[float], list[str]]:
    """One post a second: the seconds from connecting to each 250, and how the others ended."""
    took: list[float] = []
    failed: list[str] = []
    first = time.monotonic()
    while (begun := time.monotonic()) - first < SECONDS:
        try:
            with smtplib.SMTP("127.0.0.1", port, local_hostname="member.test", timeout=10) as client:
                client.sendmail(
                    "p1@people.test", [TO.decode()], message("normal", TO.decode(), sender="p1@people.test")
                )
                took.append(time.monotonic() - begun)
        except (OSError, smtplib.SMTPException) as error:
            failed.append(type(error).__name__)
        time.sleep(max(0.0, 1 - (time.monotonic() - begun)))
    return sorted(took), failed


def _part(name: str, slow: int, floods: int, say: Callable[[str], None]) -> None:
    port = free_port()
    with place(10, intake={"smtp": f"127.0.0.1:{port}", "rate": None, "list_rate": None}) as where:
        watch = _Watch(where.process)
        watch.start()
        with _attack(port, slow, floods) as end:
            cpu, begun = where.cpu(), time.monotonic()
            took, failed = _posts(port)
            busy = (where.cpu() - cpu) / (time.monotonic() - begun)
            seen = end()
        peak = watch.stop()
        _say(name, slow, took, failed, busy, peak, seen, say)


def _say(
    name: str,
    slow: int,
    took: list[float],
    failed: list[str],
    busy: float,
    peak: float,
    seen: dict[str, Any],
    say: Callable[[str], None],
) -> None:
    middle, slowest = (took[len(took) // 2] * 1e3, took[-1] * 1e3) if took else (0.0, 0.0)
    say(
        f"floods, {name:<29}: {len(took)} of {len(took) + len(failed)} posts heard 250, median {middle:4.0f} ms, "
        f"slowest {slowest:4.0f} ms, memory at most {peak:.0f} MB, {busy:.0%} of a core"
        + "".join(f", {error}" for error in sorted(set(failed)))
    )
    if slow:
        say(f"    {seen['standing']} slow connections open at the end, {seen['away']} times one was sent away")
    if seen["heard"]:
        say(f"    {seen['octets'] / SECONDS / 1e6:.0f} MB/s of floods were answered with:")
        for what, number in sorted(seen["heard"].items()):
            say(f"    {number:>6} x {what}")


def run(say: Callable[[str], None]) -> None:
    _part(f"{SLOW:,} slow peers", SLOW, 0, say)
    _part(f"{FLOODS} floods", 0, FLOODS, say)
    _part(f"{SLOW:,} slow peers and {FLOODS} floods", SLOW, FLOODS, say)
