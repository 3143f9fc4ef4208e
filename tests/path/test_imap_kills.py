"""Mail from a mailbox, tested by cutting and killing: each message is processed exactly once.

Real messages wait in a Dovecot. Between it and the daemon stands a proxy that breaks connections at random octets, and
the daemon is killed with SIGKILL again and again in the middle of what its log says it is doing. LISTSERV_IMAP_MESSAGES
sets another number of messages; the corpus is found as in test_corpus_posts.
"""

from __future__ import annotations

import gzip
import os
import random
import re
import select
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from listserv.mail.address import canonical
from listserv.mail.incoming import read
from listserv.mail.message import normalise
from tests.conftest import SKIPPED, community
from tests.daemon import Daemon, running
from tests.imap.dovecot import PASSWORD, Dovecot, dovecot
from tests.imap.fetching import mailbox
from tests.path.test_corpus_posts import CORPUS, _members, _readdressed
from tests.path.test_kills import _LINE

MESSAGES = int(os.environ.get("LISTSERV_IMAP_MESSAGES", "200"))
KILLS = max(15, MESSAGES // 40)
STAGES = ("fetch", "take", "accept", "move")
SEED = 20261123


class Cutter:
    """A proxy on loopback that hangs up, hard, after a random number of octets from the server."""

    def __init__(self, to: int, chance: random.Random) -> None:
        self.to, self.chance = to, chance
        self.cuts = self.connections = 0
        self.gentle = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._pass, args=(one, self.chance.expovariate(1 / 250_000)), daemon=True).start()

    def _pass(self, here: socket.socket, octets: float) -> None:
        with here, socket.create_connection(("127.0.0.1", self.to)) as there:
            try:
                while True:
                    ready, _, _ = select.select([here, there], [], [], 1)
                    for one in ready:
                        data = one.recv(min(65536, max(1, int(octets)))) if one is there else one.recv(65536)
                        if not data:
                            return
                        (here if one is there else there).sendall(data)
                        octets -= len(data) if one is there else 0
                    if octets <= 0 and not self.gentle:
                        self.cuts += 1
                        for one in (here, there):
                            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                    octets = max(octets, 1)
            except OSError:
                return


def _corpus() -> list[tuple[str, bytes]]:
    """Messages that can be told apart by their Message-ID, as delivered; with their authors."""
    files = sorted(CORPUS.glob("*.mbox.gz"))
    if not files:
        words = f"there is no real mail in {CORPUS.name}/: nothing was fetched of it"
        SKIPPED.append(words)
        pytest.skip(words)
    found: dict[str, tuple[str, bytes]] = {}
    for file in files:
        for raw in re.split(rb"(?m)^From .*\n", gzip.decompress(file.read_bytes()))[1:]:
            post = _readdressed(normalise(re.sub(rb"(?m)^>(>*From )", rb"\1", raw)))
            known = read(post, "x@people.test")
            if known.message_id is None or not known.authors or b"\0" in post:
                continue
            author = canonical(known.authors[0].address)
            top = f"Return-Path: <{author}>\r\nDelivered-To: perinatal@lists.test\r\n".encode("ascii", "replace")
            found.setdefault(known.message_id, (author, top + post))
            if len(found) >= MESSAGES:
                return list(found.values())
    return list(found.values())


def _kill_inside(daemon: Daemon, wanted: str, skip: int) -> bool:
    """SIGKILL at the begin of a stage; whether it came to it."""
    now = threading.Event()

    def watch(line: str) -> None:
        nonlocal skip
        match = _LINE.search(line)
        if match and match[1] == ">" and match[2] == wanted and not now.is_set():
            skip -= 1
            if skip < 0:
                now.set()
                if daemon.process is not None:
                    daemon.process.kill()

    daemon.watch = watch
    reached = now.wait(8)
    daemon.kill()
    daemon.watch = lambda _: None
    daemon.lines.clear()
    return reached


@contextmanager
def _place(tmp_path: Path, server: Dovecot, chance: random.Random) -> Iterator[tuple[Daemon, Cutter]]:
    cutter = Cutter(server.port, chance)
    lists = {"perinatal": {"moderation": "none", "posting": "members", "approval_delay": 0}}
    data = community(lists=lists, intake={"imap": mailbox(server, port=cutter.port)})
    data["community"]["credentials"] = "none"
    try:
        with running(tmp_path, data, start=False) as (daemon, _):
            daemon.log = "debug"
            yield daemon, cutter
    finally:
        cutter.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_each_message_of_a_mailbox_is_processed_exactly_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAP_PASSWORD", PASSWORD)
    chance = random.Random(SEED)
    messages = _corpus()
    authors = sorted({author for author, _ in messages if author})
    # nothing but the row of `fetched` makes a refusal once: a post would be known by its content
    strangers = set(chance.sample(authors, len(authors) // 4))
    inside: Counter[str] = Counter()
    with dovecot() as server, _place(tmp_path, server, chance) as (daemon, cutter):
        _members(daemon, set(authors) - strangers | {"reader@readers.test"})
        server.deliver([raw for _, raw in messages])
        began = time.monotonic()
        for number in range(KILLS):
            daemon.start()
            wanted = STAGES[number % len(STAGES)]
            batches = 2 if wanted in ("fetch", "move") else max(2, MESSAGES // KILLS)
            inside[wanted] += _kill_inside(daemon, wanted, chance.randrange(batches))
        daemon.start()
        names = ("INBOX", "Processed", "Refused", "Quarantine")
        daemon.until(lambda: server.counts(*names)["INBOX"] == 0, 900, "an empty INBOX")
        seconds = time.monotonic() - began
        counts = server.counts(*names)
        bodies = Counter(raw for name in names for raw in server.folder(name))
        with daemon.ctx.db.reading() as tx:
            done = Counter(tx.execute(text("SELECT message_id_header FROM post")).scalars())
            refused = Counter(tx.execute(text("SELECT message_id_header FROM refusal")).scalars())
            outcomes = Counter(tx.execute(text("SELECT outcome FROM fetched")).scalars())
            taken = tx.execute(text("SELECT count(DISTINCT content) FROM fetched")).scalar()
    times = done + refused
    print(f"\n{len(messages)} messages: {sum(done.values())} posts, {sum(refused.values())} refused; folders {counts};")
    print(f"{cutter.cuts} connections of {cutter.connections} cut, {sum(inside.values())} kills: {dict(inside)};")
    print(f"processed twice: {sum(n > 1 for n in times.values())}, lost: {len(messages) - len(times)}; {seconds:.0f} s")
    assert len(times) == len(messages) and set(times.values()) == {1}
    assert outcomes.total() == taken == len(messages) and outcomes["quarantine"] == 0
    assert (counts["Processed"], counts["Refused"]) == (outcomes["processed"], outcomes["refused"])
    assert bodies == Counter(raw for _, raw in messages)
    assert cutter.cuts >= MESSAGES // 40 and all(inside[stage] for stage in STAGES)
    assert refused and done
