"""The same work by others: one copy per member, personalised return path, smtp-sink as the relay.

mlmmj comes from Debian's package. GNU Mailman 3 is run when a `mailman` program is on the PATH, or named by
MAILMAN (`pip install mailman` into an environment of its own). What is not installed is said and left out.
"""

from __future__ import annotations

import os
import resource
import shutil
import smtplib
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

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
    post = message("mlmmj", "general@bench.test").replace(b"\r\n", b"\n")
    with sink(port):
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run([program, "-L", str(folder), "-F"], input=post, check=True, capture_output=True)
        while any(path.is_file() for path in (folder / "queue").iterdir()) and time.monotonic() - begun < 120:
            time.sleep(0.1)
        after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - begun
    shutil.rmtree(folder, ignore_errors=True)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds / MEMBERS, cpu / MEMBERS


def _mailman() -> Figures | None:
    program = os.environ.get("MAILMAN") or shutil.which("mailman")
    if program is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="mailman-bench-"))
    relay, lmtp, rest = free_port(), free_port(), free_port()
    config = folder / "mailman.cfg"
    config.write_text(
        f"[paths.here]\nvar_dir: {folder}\n[mailman]\nlayout: here\nsite_owner: c@people.test\n"
        f"[mta]\nincoming: mailman.mta.null.NullMTA\nsmtp_host: 127.0.0.1\nsmtp_port: {relay}\nlmtp_host: 127.0.0.1\n"
        f"lmtp_port: {lmtp}\nverp_delivery_interval: 1\n[webservice]\nport: {rest}\n"
    )
    (folder / "members").write_text("".join(f"p{n}@people.test\n" for n in range(MEMBERS)))

    def mailman(*words: str) -> None:
        subprocess.run([program, "-C", str(config), *words], check=True, capture_output=True, timeout=300)

    mailman("create", "-d", "general@bench.test")
    mailman("addmembers", "-W", str(folder / "members"), "general@bench.test")
    counted = folder / "sunk"
    try:
        with sink(relay, "-d", f"{counted}."):
            mailman(*(["--run-as-root"] if os.geteuid() == 0 else []), "start")
            return _mailman_post(folder, lmtp)
    finally:
        subprocess.run([program, "-C", str(config), "stop"], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def _mailman_post(folder: Path, lmtp: int) -> Figures:
    runners = [
        p for p in psutil.process_iter(["cmdline"]) if any(str(folder) in word for word in p.info["cmdline"] or [])
    ]
    to = "general@bench.test"
    for _ in range(600):
        try:
            client = smtplib.LMTP("127.0.0.1", lmtp)
            break
        except OSError:
            time.sleep(0.1)
    cpu, begun = _cpu(runners), time.monotonic()
    client.sendmail("p0@people.test", [to], message("mailman", to))
    while len(list(folder.glob("sunk.*"))) < MEMBERS and time.monotonic() - begun < 240:
        time.sleep(0.1)
    return (time.monotonic() - begun) / MEMBERS, (_cpu(runners) - cpu) / MEMBERS


def _cpu(processes: list[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def run(say: Callable[[str], None]) -> None:
    """Prints ours and theirs, and how many times more theirs is."""
    wall, cpu = _ours()
    say(f"listserv, {MEMBERS} members: {1 / wall:,.0f} copies/s, {cpu * 1e6:,.0f} us of CPU a copy")
    for name, measure in (("mlmmj", _mlmmj), ("GNU Mailman 3", _mailman)):
        theirs = measure()
        if theirs is None:
            say(f"{name}: not installed, left out")
            continue
        say(
            f"{name}, {MEMBERS} members: {1 / theirs[0]:,.0f} copies/s, {theirs[1] * 1e6:,.0f} us of CPU a copy: "
            f"{theirs[0] / wall:,.0f} times the time, {theirs[1] / cpu:,.1f} times the CPU of listserv"
        )
