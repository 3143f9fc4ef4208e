"""The promise, tested by killing: whatever heard 250 reaches every subscriber, and hardly anything twice.

Posts stream in while the daemon is killed with SIGKILL a hundred times and started again, at moments chosen by what
its log says it is in the middle of. LISTSERV_KILLS sets another number.
"""

from __future__ import annotations

import os
import random
import re
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import text

from listserv import moderate, signing, trace
from listserv.moderate import By
from tests.conftest import community
from tests.daemon import Daemon, running
from tests.people import add_person, mail

KILLS = int(os.environ.get("LISTSERV_KILLS", "100"))
STAGES = ("accept", "notices", "distribute", "claim", "send", "record")
PER_STAGE = min(5, KILLS // 20)
SUBSCRIBERS = 12
CONNECTIONS = 4
_LINE = re.compile(r"listserv\.stage: ([<>]) (\S+) (\S*)")


def _open_stages(lines: list[str]) -> set[str]:
    """The stages that had begun and not ended when the log broke off."""
    under_way: Counter[tuple[str, str]] = Counter()
    for line in lines:
        if match := _LINE.search(line):
            under_way[match[2], match[3]] += 1 if match[1] == ">" else -1
    return {name for (name, _), count in under_way.items() if count > 0}


class Poster(threading.Thread):
    """Sends post after post, each until it has heard 250, to an open and a moderated list in turn."""

    def __init__(self, daemon: Daemon) -> None:
        super().__init__(daemon=True)
        self.daemon_process = daemon
        self.heard: dict[str, str] = {}
        self.enough = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.enough.is_set():
            number += 1
            name = "held" if number % 4 == 0 else "open"
            message_id, to = f"<{number}@people.test>", f"{name}@lists.test"
            raw = mail("p0@people.test", to, f"Post {number}", f"This is post {number}.\n", message_id=message_id)
            while not self.enough.is_set():
                try:
                    code, _ = self.daemon_process.send(raw, "p0@people.test", to)
                except OSError:
                    time.sleep(0.02)
                    continue
                if code == 250:
                    self.heard[message_id] = name
                    break
                time.sleep(0.02)
            time.sleep(0.01)


def _kill_inside(daemon: Daemon, wanted: str, chance: random.Random) -> set[str]:
    """Kills the daemon at the beginning of a stage that it is about to go through; the stages it died in."""
    skip = chance.randrange(4)
    now = threading.Event()

    def watch(line: str) -> None:
        nonlocal skip
        match = _LINE.search(line)
        if match and match[1] == ">" and match[2] == wanted and not now.is_set():
            if skip > 0:
                skip -= 1
                return
            now.set()
            if daemon.process is not None:
                os.kill(daemon.process.pid, signal.SIGKILL)

    start = len(daemon.lines)
    daemon.watch = watch
    now.wait(5)
    daemon.kill()
    daemon.watch = lambda _: None
    return _open_stages(daemon.lines[start - min(start, 400) :] if start else daemon.lines)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("signed", "kills"), [(False, KILLS), (True, KILLS // 4)], ids=["unsigned", "signed-ahead"])
def test_no_post_that_heard_250_is_lost_over_a_hundred_kills(tmp_path: Path, signed: bool, kills: int) -> None:
    data = community(
        lists={"open": {"moderation": "none", "approval_delay": 0}, "held": {"moderation": "all", "approval_delay": 0}},
        relay={"connections": CONNECTIONS},
    )
    if signed:
        signing.make(tmp_path / "key.pem", "rsa-sha256")
        data["dkim"] = {"selector": "s", "key_file": "key.pem"}
    chance = random.Random(20261123)
    inside: Counter[str] = Counter()
    with running(tmp_path, data, start=False) as (daemon, catcher):
        daemon.log = "debug"
        with daemon.ctx.db.transaction() as tx:
            for number in range(SUBSCRIBERS):
                add_person(
                    tx, f"p{number}@people.test", lists=("open", "held"), moderates=("held",) if number < 2 else ()
                )
        daemon.start()
        poster = Poster(daemon)
        poster.start()
        for number in range(kills):
            daemon.lines.clear()
            wanted = (
                min(STAGES, key=lambda name: (inside[name], chance.random())) if number % 2 else chance.choice(STAGES)
            )
            inside.update(_kill_inside(daemon, wanted, chance))
            daemon.start()
        poster.enough.set()
        poster.join(60)
        _approve_all(daemon)
        daemon.until(lambda: _settled(daemon), 120, "all posts released and the queue empty")
        copies = Counter((one.header("message-id"), one.recipient) for one in catcher.kept if one.header("list-id"))
        notices = Counter(
            (one.header("subject"), one.recipient) for one in catcher.kept if "held:" in one.header("subject")
        )
    wanted_copies = {(m, f"p{n}@people.test") for m in poster.heard for n in range(SUBSCRIBERS)}
    lost = wanted_copies - set(copies)
    twice = sum(copies[pair] - 1 for pair in copies) + sum(notices[pair] - 1 for pair in notices)
    print(
        f"\n{len(poster.heard)} posts heard 250, {len(wanted_copies)} copies wanted, {len(lost)} lost, {twice} extra;"
    )
    print(f"{kills} kills, inside: {', '.join(f'{name} {inside[name]}' for name in STAGES)}")
    assert len(poster.heard) > kills / 2
    assert not lost
    assert twice <= kills * CONNECTIONS
    assert signed or all(inside[name] >= PER_STAGE for name in STAGES), inside


def _settled(daemon: Daemon) -> bool:
    with daemon.ctx.db.reading() as tx:
        open_posts = tx.execute(text("SELECT count(*) FROM post WHERE state <> 'released'")).scalar()
        return open_posts == 0 and not trace.queue(tx)


def _approve_all(daemon: Daemon) -> None:
    with daemon.ctx.db.reading() as tx:
        waiting = trace.held(tx)
    for row in waiting:
        with daemon.ctx.db.transaction() as tx:
            assert moderate.decide(daemon.ctx, tx, row["id"], "approve", By("the operator", "shell")).done
