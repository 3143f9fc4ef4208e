"""1,000 connections that hardly move, floods of header fields, and how long a normal post takes meanwhile.

Everything stays on loopback and ends by itself. The slow peers and the floods run in processes of their own, so that
their CPU is not the daemon's.
"""

from __future__ import annotations

import asyncio
import random
import resource
import smtplib
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

from benchmarks.place import DOMAIN, Place, message, place

SECONDS = 20
SLOW = 1000
FLOODS = 10
SIZE = 10_000_000
_BEGINNINGS = (
    b"",
    b"EHL",
    b"EHLO slow.test\r\nMAIL FROM:<p0@peo",
    b"EHLO slow.test\r\nMAIL FROM:<p0@people.test>\r\nRCPT TO:<quiet@bench.test>\r\nDATA\r\nSubj",
)


async def _slow_peer(port: int, number: int, end: float) -> None:
    """Begins somewhere and goes on with an octet every few seconds; comes back when it is closed."""
    while time.monotonic() < end:
        try:
            local = (f"127.0.0.{2 + number % 40}", 0)
            _, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=local)
            writer.write(_BEGINNINGS[number % len(_BEGINNINGS)])
            while time.monotonic() < end and not writer.is_closing():
                await asyncio.sleep(random.uniform(1, 4))
                writer.write(b"x")
                await writer.drain()
            writer.close()
        except OSError:
            await asyncio.sleep(1)


async def _slow(port: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    await asyncio.gather(*(_slow_peer(port, number, end) for number in range(SLOW)))


def _flood(kind: int) -> bytes:
    """10 MB of header: endless fields, one endless line, a field folded without end, 100,000 short fields."""
    if kind == 0:
        return b"X-Filler: " + b"y" * 900 + b"\r\n"
    if kind == 1:
        return b"z" * 910
    if kind == 2:
        return b" folded and folded again and again and again\r\n"
    return b"A: b\r\n"


async def _flooder(port: int, number: int, end: float, replies: Counter[str]) -> None:
    piece = _flood(number % 4)
    block = piece * (65_536 // len(piece))
    while time.monotonic() < end:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"EHLO f\r\nMAIL FROM:<f@x.test>\r\nRCPT TO:<quiet@{DOMAIN}>\r\nDATA\r\n".encode())
            while not (await reader.readline()).startswith((b"354", b"4", b"5")):
                pass
            writer.write(b"Subject: flood\r\n")
            for _ in range(SIZE // len(block)):
                writer.write(block)
                await writer.drain()
            writer.write(b"\r\n\r\nthe end\r\n.\r\n")
            replies[(await reader.readline()).decode()[:60].strip()] += 1
            writer.close()
        except OSError:
            replies["closed"] += 1


async def _floods(port: int, seconds: float) -> None:
    replies: Counter[str] = Counter()
    end = time.monotonic() + seconds
    await asyncio.gather(*(_flooder(port, number, end, replies) for number in range(FLOODS)))
    for words, count in replies.most_common():
        sys.stdout.write(f"    {count:>5} x {words}\n")


def main(what: str, port: int, seconds: float) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    asyncio.run(_slow(port, seconds) if what == "slow" else _floods(port, seconds))


def _beside(what: str, port: int) -> subprocess.Popen[bytes]:
    code = f"import benchmarks.floods as f; f.main({what!r}, {port}, {SECONDS + 5})"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)


def _posts(where: Place, name: str) -> tuple[list[float], float]:
    """A normal post every second: seconds from connect to the 250, and the most memory seen."""
    took, most = [], 0.0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        begun = time.monotonic()
        with smtplib.SMTP("127.0.0.1", where.smtp, timeout=30) as client:
            client.sendmail("p0@people.test", [f"quiet@{DOMAIN}"], message(f"{name}{begun}", f"quiet@{DOMAIN}"))
        took.append(time.monotonic() - begun)
        most = max(most, where.memory())
        time.sleep(max(0.0, 1 - took[-1]))
    return took, most


def run(say: Callable[[str], None]) -> None:
    """Nothing, slow peers, floods, both."""
    for words, kinds in (("slow peers", ["slow"]), ("floods", ["flood"]), ("both", ["slow", "flood"])):
        with place(10) as where:
            others = [_beside(kind, where.smtp) for kind in kinds]
            time.sleep(4)
            took, most = _posts(where, words)
            say(
                f"{words}: a normal post takes {statistics.median(took) * 1e3:.0f} ms, at most {max(took) * 1e3:.0f} ms "
                f"({len(took)} posts); memory at most {most:.0f} MB"
            )
            for other in others:
                out, _ = other.communicate(timeout=60)
                if out:
                    say(out.decode().rstrip())
