"""The process that opens documents: `python -m listserv.edge.document_worker MEGABYTES`, started by `documents` alone.

It limits itself before it reads the first byte: memory, open files, no file written, no process started. For each
document it gets seconds and bytes on standard input and answers with JSON on standard output; it ends when nobody has
asked for a minute, after a document that took too much of it, and with its parent.
"""

from __future__ import annotations

import json
import resource
import select
import struct
import sys
import time
from typing import BinaryIO

from listserv.edge import document_text

_IDLE = 60  # seconds
_JOBS = 200


def main(megabytes: int) -> None:
    """Answers until there is nothing more to do."""
    _limit(megabytes)
    source, target = sys.stdin.buffer, sys.stdout.buffer
    for job in range(1, _JOBS + 1):
        if not select.select([source], [], [], _IDLE)[0] or len(head := source.read(16)) < 16:
            return
        seconds, size = struct.unpack("!dQ", head)
        _limit_processor(seconds)
        found, last = document_text.Found(), job == _JOBS
        try:
            document_text.read(source.read(size), found)
        except MemoryError:
            found.why, last = document_text.TOO_LARGE, True  # what it has taken is not given back
        _reply(target, {"text": found.text(), "why": found.why, "last": last})
        if last:
            return


def _limit(megabytes: int) -> None:
    for what, most in (
        (resource.RLIMIT_AS, megabytes * 1024 * 1024),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_NPROC, 0),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def _limit_processor(seconds: float) -> None:
    """Beside the parent's clock: the parent may be gone."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + seconds) + 1, hard))


def _reply(target: BinaryIO, answer: dict[str, object]) -> None:
    data = json.dumps(answer).encode()
    target.write(struct.pack("!Q", len(data)) + data)
    target.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
