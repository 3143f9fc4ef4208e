"""The same work by mlmmj (Debian's package): one copy per member, own return path, smtp-sink as the relay.

When it is not installed that is said, and it is left out. GNU Mailman 3 is not run here yet.
"""

from __future__ import annotations

import resource
import shutil
import smtplib
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.place import free_port, message, place, sink

MEMBERS = 300
Figures = tuple[float, float]  # seconds of wall clock and of CPU a copy


def _ours() -> Figures:
    with place(MEMBERS) as where:
        to = "general@bench.test"
        for number in ("warm", "measured"):
            cpu, begun = where.cpu(), time.monotonic()
            with smtplib.SMTP("127.0.0.1", where.smtp) as client:
                client.sendmail("p0@people.test", [to], message(number, to))
            done = MEMBERS * (1 if number == "warm" else 2)
            where.until("SELECT count(*) FROM delivery WHERE state = 'sent'", done)
        return (time.monotonic() - begun) / MEMBERS, (where.cpu() - cpu) / MEMBERS


def _mlmmj() -> Figures | None:
    program = shutil.which("mlmmj-receive")
    if program is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="mlmmj-bench-"))
    folders = (
        "incoming",
        "queue/discarded",
        "archive",
        "text",
        "subconf",
        "unsubconf",
        "bounce",
        "control",
        "moderation",
    )
    for name in (*folders, "subscribers.d", "digesters.d", "requeue", "nomailsubs.d"):
        (folder / name).mkdir(parents=True)
    port = free_port()
    control = {
        "listaddress": "general@bench.test",
        "relayhost": "127.0.0.1",
        "smtpport": str(port),
        "owner": "c@people.test",
    }
    for name, value in control.items():
        (folder / "control" / name).write_text(f"{value}\n")
    (folder / "index").write_text("0\n")
    (folder / "subscribers.d" / "p").write_text("".join(f"p{n}@people.test\n" for n in range(MEMBERS)))
    post = b"Return-Path: <p0@people.test>\n" + message("mlmmj", "general@bench.test").replace(b"\r\n", b"\n")
    with sink(port):
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run([program, "-L", str(folder), "-F"], input=post, check=True, capture_output=True)
        after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - begun
    taken = (folder / "archive" / "1").exists()
    shutil.rmtree(folder, ignore_errors=True)
    if not taken:
        raise SystemExit("mlmmj did not take the post")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds / MEMBERS, cpu / MEMBERS


def run(say: Callable[[str], None]) -> None:
    """Prints ours and mlmmj's, and how many times more theirs is."""
    wall, cpu = _ours()
    say(f"listserv, {MEMBERS} members: {1 / wall:,.0f} copies/s, {cpu * 1e6:,.0f} us of CPU a copy")
    theirs = _mlmmj()
    if theirs is None:
        say("mlmmj: not installed, left out")
        return
    say(
        f"mlmmj, {MEMBERS} members: {1 / theirs[0]:,.0f} copies/s, {theirs[1] * 1e6:,.0f} us of CPU a copy: "
        f"{theirs[0] / wall:,.0f} times the time, {theirs[1] / cpu:,.1f} times the CPU of listserv"
    )
