"""A load of posts from many sessions at once, in a process of its own, so that its CPU is not the daemon's."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time

from benchmarks.place import message


async def _session(port: int, to: str, numbers: list[str], took: list[float], replies: list[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def reply() -> int:
        while True:
            line = await reader.readline()
            if len(line) < 4 or line[3:4] != b"-":
                return int(line[:3] or b"0")

    await reply()
    writer.write(b"EHLO bench.test\r\n")
    await reply()
    for number in numbers:
        data = message(number, to)
        begun = time.monotonic()
        writer.write(b"MAIL FROM:<p0@people.test>\r\nRCPT TO:<" + to.encode() + b">\r\nDATA\r\n")
        for _ in range(3):
            await reply()
        writer.write(data + b".\r\n")
        replies.append(await reply())
        took.append(time.monotonic() - begun)
    writer.write(b"QUIT\r\n")
    writer.close()


async def _run(port: int, to: str, sessions: int, posts: int) -> dict[str, object]:
    took: list[float] = []
    replies: list[int] = []
    begun = time.monotonic()
    await asyncio.gather(
        *(_session(port, to, [f"{s}-{i}" for i in range(posts)], took, replies) for s in range(sessions))
    )
    return {"seconds": time.monotonic() - begun, "took": sorted(took), "ok": replies.count(250), "all": len(replies)}


def run(port: int, to: str, sessions: int, posts: int) -> dict[str, object]:
    """`posts` by each of `sessions`; how long all took, each post's seconds, how many heard 250."""
    code = f"import benchmarks.load as l; l.main({port}, {to!r}, {sessions}, {posts})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    result: dict[str, object] = json.loads(done.stdout)
    return result


def main(port: int, to: str, sessions: int, posts: int) -> None:
    sys.stdout.write(json.dumps(asyncio.run(_run(port, to, sessions, posts))))
