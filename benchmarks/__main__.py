"""`python -m benchmarks [delivery|signed|intake|proven|floods|latency|start|roster|archive|archive-large|digest|screening|peers ...]`: prints figures, asserts nothing."""

from __future__ import annotations

import smtplib
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import load
from benchmarks.place import DOMAIN, Place, machine, message, place, roster

SENT = "SELECT count(*) FROM delivery WHERE state = 'sent'"


def say(words: str) -> None:
    print(words, flush=True)


def _post(where: Place, number: str, to: str = f"general@{DOMAIN}") -> float:
    """One post; the seconds until its 250."""
    begun = time.monotonic()
    with smtplib.SMTP("127.0.0.1", where.smtp) as client:
        client.sendmail("p0@people.test", [to], message(number, to))
    return time.monotonic() - begun


def delivery() -> None:
    """Cost per copy for 1,000, 10,000 and 50,000 members, every copy personalised."""
    for members in (1_000, 10_000, 50_000):
        with place(members) as where:
            _post(where, "warm", f"quiet@{DOMAIN}")
            cpu, begun = where.cpu(), time.monotonic()
            _post(where, "one")
            where.until("SELECT count(*) > 0 FROM delivery WHERE state = 'sent'", 1)
            first = time.monotonic() - begun
            where.until(SENT, members)
            seconds, used = time.monotonic() - begun, where.cpu() - cpu
            say(
                f"delivery, {members:>6} members: {used / members * 1e6:6.0f} us of CPU a copy, "
                f"{members / seconds:7,.0f} copies/s, first copy after {first:.2f} s, memory {where.memory():.0f} MB"
            )


def signed() -> None:
    """The same for 10,000 members, each copy signed: RSA-2048, Ed25519, both."""
    second = {"selector": "e", "key_file": "ed.pem"}
    rsa = {"selector": "r", "key_file": "rsa.pem"}
    for words, dkim in (("RSA-2048", rsa), ("Ed25519", second), ("both", {**rsa, "second": second})):
        with place(10_000, dkim=dkim) as where:
            _post(where, "warm", f"quiet@{DOMAIN}")
            cpu, begun = where.cpu(), time.monotonic()
            _post(where, "one")
            where.until("SELECT count(*) > 0 FROM delivery WHERE state = 'sent'", 1)
            first = time.monotonic() - begun
            where.until(SENT, 10_000)
            seconds, used = time.monotonic() - begun, where.cpu() - cpu
            say(
                f"delivery signed with {words}: {used / 1e4 * 1e6:6.0f} us of CPU a copy, {1e4 / seconds:7,.0f} copies/s, "
                f"first copy after {first:.2f} s, memory {where.memory():.0f} MB"
            )


def intake() -> None:
    """Posts of 4 KiB from 50 sessions, decided and durably committed, to a list with no members."""
    with place(10) as where:
        load.run(where.smtp, f"quiet@{DOMAIN}", 10, 10)
        cpu = where.cpu()
        result = load.run(where.smtp, f"quiet@{DOMAIN}", 50, 60)
        count = int(str(result["all"]))
        used = (where.cpu() - cpu) / count
        say(
            f"intake, 50 sessions: {used * 1e3:.2f} ms of CPU a post, {count / float(str(result['seconds'])):,.0f} posts/s, "
            f"{result['ok']} of {count} heard 250, memory {where.memory():.0f} MB"
        )


def proven() -> None:
    """The same with `unverified: confirm`, every post signed (RSA-2048), its key asked of a name server, then cached."""
    from listserv import signing
    from tests.dns_server import name_server

    with tempfile.TemporaryDirectory() as folder:
        key = signing.make(Path(folder) / "author.pem", "rsa-sha256")
        zone = {"s._domainkey.people.test": {"TXT": [signing.record(key)]}}
        with name_server(zone) as server:
            changes = {"authentication": {"unverified": "confirm"}, "dns": {"nameservers": [server.address]}}
            with place(10, **changes) as where:
                signed_by = str(Path(folder) / "author.pem")
                load.run(where.smtp, f"quiet@{DOMAIN}", 10, 10, signed_by)
                cpu = where.cpu()
                result = load.run(where.smtp, f"quiet@{DOMAIN}", 50, 30, signed_by)
                count = int(str(result["all"]))
                used = (where.cpu() - cpu) / count
                posted = where.scalar("SELECT count(*) FROM post WHERE proof LIKE 'DKIM%'")
                say(
                    f"intake, DKIM verified: {used * 1e3:.2f} ms of CPU a post, "
                    f"{count / float(str(result['seconds'])):,.0f} posts/s, {posted} of {count + 100} proven by DKIM, "
                    f"{len(server.asked)} questions to DNS, memory {where.memory():.0f} MB"
                )


def slow() -> None:
    """1,000 slow connections and floods of header fields, and a normal post every second meanwhile."""
    from benchmarks import floods

    floods.run(say)


def latency() -> None:
    """A post every 20 ms while a list of 10,000 is being delivered: how long until its 250."""
    with place(10_000) as where:
        took: list[float] = []
        stop = threading.Event()

        def poster() -> None:
            number = 0
            while not stop.is_set():
                took.append(_post(where, f"q{number}", f"quiet@{DOMAIN}"))
                number += 1
                time.sleep(0.02)

        thread = threading.Thread(target=poster)
        for number in range(3):
            _post(where, f"big{number}")
        thread.start()
        where.until("SELECT count(*) FROM delivery WHERE state = 'sent' AND kind = 'post'", 30_000)
        stop.set()
        thread.join()
        took.sort()
        say(
            f"latency while 30,000 copies go out: {len(took)} posts, median {took[len(took) // 2] * 1e3:.0f} ms, "
            f"p99 {took[int(len(took) * 0.99)] * 1e3:.0f} ms, longest {took[-1] * 1e3:.0f} ms, memory {where.memory():.0f} MB"
        )


def start() -> None:
    """From the start of the process to the first accepted post, and memory when idle."""
    with place(3_000) as where:
        begun = time.monotonic()
        _post(where, "first", f"quiet@{DOMAIN}")
        first = where.started_in + time.monotonic() - begun
        time.sleep(3)
        say(f"start: ready after {where.started_in:.2f} s, first post accepted after {first:.2f} s")
        say(f"idle memory: {where.memory():.0f} MB")


def import_roster() -> None:
    """10,000 people, and the same file again."""
    with place(0) as where:
        from listserv.roster import import_csv

        for words in ("10,000 new people", "the same file again"):
            begun, cpu = time.monotonic(), time.process_time()
            report = import_csv(where.ctx, roster(10_000))
            say(
                f"roster, {words}: {time.monotonic() - begun:.1f} s, {time.process_time() - cpu:.1f} s of CPU "
                f"({report.added} added, {report.unchanged} unchanged)"
            )


def archive() -> None:
    """Full builds, one more post, searching: 8,000 and 30,000 real messages."""
    from benchmarks import archive as measured

    measured.run(say, large=False)


def digest() -> None:
    """All letters of a week composed and queued."""
    from benchmarks import digest as measured

    measured.run(say)


def archive_large() -> None:
    """The same, and with 300,000 messages; takes an hour. Only when it is named."""
    from benchmarks import archive as measured

    measured.run(say, large=True)


def screening() -> None:
    """Posts of 2 kB, 20 kB and 10 MB through the screen for identifiers."""
    from benchmarks import screening as measured

    measured.run(say)


def peers() -> None:
    """mlmmj on the same work, when it is installed."""
    from benchmarks import peers as others

    others.run(say)


BENCHMARKS: dict[str, Callable[[], None]] = {
    "delivery": delivery,
    "signed": signed,
    "intake": intake,
    "proven": proven,
    "floods": slow,
    "latency": latency,
    "start": start,
    "roster": import_roster,
    "archive": archive,
    "archive-large": archive_large,
    "digest": digest,
    "screening": screening,
    "peers": peers,
}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"benchmarks: {unknown[0]} is not one of {', '.join(BENCHMARKS)}")
    say(machine())
    for name in names or [name for name in BENCHMARKS if name != "archive-large"]:
        BENCHMARKS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
