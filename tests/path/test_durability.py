"""A 250 means on disk: seen from outside, in the system calls of the daemon, with fifty sessions at once.

A PRAGMA is no proof. strace shows for each session when the end of its message was read and when its 250 was written;
between the two the database must have been synced, by an fdatasync that began after the one and ended before the other.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from listserv.posts import THANKS
from tests.conftest import SKIPPED, community
from tests.daemon import running
from tests.people import add_person, mail

SESSIONS = 50
_CALL = re.compile(r"^(?P<pid>\d+) +(?P<time>\d+\.\d+) (?P<rest>.*)$")
_RESUMED = re.compile(r"^<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)$")
_BEGUN = re.compile(r"^(?P<name>\w+)\((?P<fd>\d+)?(?P<rest>.*)$")


def _strace() -> str:
    program = shutil.which("strace")
    works = program and subprocess.run([program, "-f", "true"], capture_output=True, check=False).returncode == 0
    if not program or not works:
        words = "strace cannot be used: no system call was looked at before a 250"
        SKIPPED.append(words)
        pytest.skip(words)
    return program


def _events(log: str) -> list[tuple[float, str, str, str]]:
    """(time, what, file descriptor, text): `read` and `write` when they are done, `sync-begin` and `sync-end`."""
    events: list[tuple[float, str, str, str]] = []
    open_calls: dict[str, tuple[str, str]] = {}
    for line in log.splitlines():
        match = _CALL.match(line)
        if not match:
            continue
        pid, time, rest = match["pid"], float(match["time"]), match["rest"]
        if resumed := _RESUMED.match(rest):
            name, fd = open_calls.pop(pid, (resumed["name"], ""))
            rest, unfinished, begun = resumed["rest"], False, False
        elif call := _BEGUN.match(rest):
            name, fd = call["name"], call["fd"] or ""
            unfinished, begun = rest.endswith("<unfinished ...>"), True
        else:
            continue
        if name in ("fsync", "fdatasync"):
            if begun:
                events.append((time, "sync-begin", fd, pid))
            if not unfinished:
                events.append((time, "sync-end", fd, pid))
        elif name in ("write", "sendto", "sendmsg", "writev") and begun:
            events.append((time, "write", fd, rest))
        elif not unfinished and name in ("read", "recvfrom", "recvmsg"):
            events.append((time, "read", fd, rest))
        if unfinished:
            open_calls[pid] = (name, fd)
    return events


def test_the_database_is_synced_between_the_final_dot_and_each_250(tmp_path: Path) -> None:
    program = _strace()
    log = tmp_path / "calls"
    calls = "read,recvfrom,recvmsg,write,sendto,sendmsg,writev,fsync,fdatasync"
    prefix = (program, "-f", "-ttt", "-s", "600", "-e", f"trace={calls}", "-o", str(log))
    with running(tmp_path, community(), start=False) as (daemon, _):
        with daemon.ctx.db.transaction() as tx:
            add_person(tx, "p0@people.test", lists=("perinatal",))
        daemon.start(prefix=prefix)
        replies: list[int] = []

        def post(number: int) -> None:
            raw = mail("p0@people.test", subject=f"Post {number}", message_id=f"<{number}@people.test>")
            replies.append(daemon.send(raw, "p0@people.test", "perinatal@lists.test")[0])

        threads = [threading.Thread(target=post, args=(number,)) for number in range(SESSIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert replies == [250] * SESSIONS
    ended: dict[str, float] = {}
    syncs: list[tuple[float, float]] = []
    begun: dict[str, float] = {}
    answered = unsynced = 0
    for time, what, fd, text in _events(log.read_text(errors="replace")):
        if what == "read" and ".\\r\\n" in text:
            ended[fd] = time
        elif what == "sync-begin":
            begun[text] = time
        elif what == "sync-end" and text in begun:
            syncs.append((begun.pop(text), time))
        elif what == "write" and THANKS.text in text and fd in ended:
            answered += 1
            dot = ended.pop(fd)
            unsynced += not any(begin >= dot and end <= time for begin, end in syncs)
    print(f"\n{answered} replies of 250 by {len(syncs)} syncs")
    assert answered == SESSIONS
    assert unsynced == 0
