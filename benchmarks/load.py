"""A load of posts from many sessions at once, in a process of its own, so that its CPU is not the daemon's."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.place import message


def _signed(file: str, data: bytes) -> bytes:
    """The message with a DKIM signature of people.test on top."""
    from listserv.mail.signature import Key, Signable
    from listserv.signing import _key

    if file not in _KEYS:
        _KEYS[file] = _key("dkim", "s", Path(file))
    key: Key = _KEYS[file]
    head, _, body = data.partition(b"\r\n\r\n")
    return Signable(head + b"\r\n", body, [key], "people.test", int(time.time()), personal=False).sign() + data


_KEYS: dict[str, Any] = {}


async def _session(port: int, to: str, posts: list[bytes], took: list[float], replies: list[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def reply() -> int:
        while True:
            line = await reader.readline()
            if len(line) < 4 or line[3:4] != b"-":
                return int(line[:3] or b"0")

    await reply()
    writer.write(b"EHLO bench.test\r\n")
    await reply()
    for data in posts:
        begun = time.monotonic()
        writer.write(b"MAIL FROM:<p0@people.test>\r\nRCPT TO:<" + to.encode() + b">\r\nDATA\r\n")
        for _ in range(3):
            await reply()
        writer.write(data + b".\r\n")
        replies.append(await reply())
        took.append(time.monotonic() - begun)
    writer.write(b"QUIT\r\n")
    writer.close()


async def _run(port: int, to: str, sessions: int, posts: int, signed_by: str) -> dict[str, object]:
    took: list[float] = []
    replies: list[int] = []
    ready = [[message(f"{s}-{i}", to) for i in range(posts)] for s in range(sessions)]
    if signed_by:
        ready = [[_signed(signed_by, one) for one in some] for some in ready]
    begun = time.monotonic()
    await asyncio.gather(*(_session(port, to, some, took, replies) for some in ready))
    return {"seconds": time.monotonic() - begun, "took": sorted(took), "ok": replies.count(250), "all": len(replies)}


def run(port: int, to: str, sessions: int, posts: int, signed_by: str = "") -> dict[str, object]:
    """`posts` by each of `sessions`; how long all took, each post's seconds, how many heard 250.

    `signed_by`: a key file; the posts are signed with it beforehand.
    """
    code = f"import benchmarks.load as l; l.main({port}, {to!r}, {sessions}, {posts}, {signed_by!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    result: dict[str, object] = json.loads(done.stdout)
    return result


def main(port: int, to: str, sessions: int, posts: int, signed_by: str) -> None:
    sys.stdout.write(json.dumps(asyncio.run(_run(port, to, sessions, posts, signed_by))))
