"""The relay says «later», «never», nothing at all, or hangs up after the dot: nothing is lost, and `trace` tells."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.conftest import community
from tests.daemon import Daemon, free_port
from tests.people import add_person, mail

Script = Callable[[str, str, int], str | None]
"""(stage, recipient, how often this recipient was seen there) -> reply; None: hang up; "": say nothing."""


class Moody:
    """A small relay that behaves as its script says, per recipient, and keeps what it took."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.kept: list[tuple[str, bytes]] = []
        self.seen: Counter[tuple[str, str]] = Counter()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._session, args=(peer,), daemon=True).start()

    def _session(self, peer: socket.socket) -> None:
        try:
            self._talk(peer)
        except OSError:  # the daemon was killed, or stopped
            pass

    def _say(self, peer: socket.socket, stage: str, recipient: str, usual: str) -> tuple[bool, bool]:
        """Answers as the script says, else as usual: (whether it goes on, whether it was a yes or unsaid)."""
        self.seen[stage, recipient] += 1
        scripted = self.script(stage, recipient, self.seen[stage, recipient])
        if scripted == "hang up":
            return False, True
        if scripted == "silence":
            return True, True
        peer.sendall(f"{scripted or usual}\r\n".encode())
        return not (scripted or "").startswith("421"), scripted is None

    def _talk(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as lines:
            recipient, data, reading = "", b"", False
            going, _ = self._say(peer, "greeting", "", "220 moody ESMTP")
            while going and (line := lines.readline()):
                word = line[:4].upper()
                if reading:
                    if line != b".\r\n":
                        data += line
                        continue
                    reading = False
                    going, taken = self._say(peer, "dot", recipient, "250 2.0.0 taken")
                    if taken:
                        self.kept.append((recipient, data))
                elif word == b"EHLO":
                    going, _ = self._say(peer, "ehlo", "", "250-moody\r\n250-PIPELINING\r\n250 8BITMIME")
                elif word == b"MAIL":
                    recipient = ""
                    going, _ = self._say(peer, "mail", "", "250 2.1.0 ok")
                elif word == b"RCPT":
                    wanted = line.partition(b"<")[2].partition(b">")[0].decode()
                    going, taken = self._say(peer, "rcpt", wanted, "250 2.1.5 ok")
                    recipient = wanted if taken else ""
                elif word == b"DATA":
                    data, reading = b"", bool(recipient)
                    peer.sendall(b"354 go on\r\n" if recipient else b"503 5.5.1 nobody to send it to\r\n")
                elif word == b"QUIT":
                    peer.sendall(b"221 bye\r\n")
                    return
                else:
                    peer.sendall(b"250 2.0.0 ok\r\n")


PEOPLE = [f"p{n}@people.test" for n in range(6)]


@contextmanager
def place(tmp_path: Path, script: Script, **relay: Any) -> Iterator[tuple[Daemon, Moody]]:
    moody = Moody(script)
    daemon = Daemon(tmp_path, community(relay={"connections": 2, **relay}), moody.port)
    with daemon.ctx.db.transaction() as tx:
        for address in PEOPLE:
            add_person(tx, address, lists=("perinatal",))
    try:
        daemon.start()
        yield daemon, moody
    finally:
        daemon.stop()
        daemon.ctx.db.close()
        moody.close()


def _post(daemon: Daemon) -> str:
    code, words = daemon.send(
        mail("p0@people.test", message_id="<one@people.test>"), "p0@people.test", "perinatal@lists.test"
    )
    assert code == 250, words
    return "one@people.test"


def _count(daemon: Daemon, state: str) -> int:
    with daemon.ctx.db.reading() as tx:
        return int(tx.execute(text("SELECT count(*) FROM delivery WHERE state = :s"), {"s": state}).scalar() or 0)


def _story(daemon: Daemon, message_id: str, member: str) -> list[tuple[str, str]]:
    done = daemon.command("trace", message_id, "--member", member, "--json")
    assert done.returncode == 0, done.stderr
    return [(row["event"], row["reply"]) for row in json.loads(done.stdout) if row["stage"] == "delivery"]


def _everybody_once(moody: Moody) -> None:
    assert Counter(recipient for recipient, _ in moody.kept) == Counter(PEOPLE)


@pytest.mark.parametrize("stage", ["rcpt", "dot"])
def test_a_copy_that_is_refused_for_now_is_tried_again_and_arrives_once(tmp_path: Path, stage: str) -> None:
    def script(where: str, recipient: str, time: int) -> str | None:
        return "451 4.2.1 busy" if where == stage and recipient == "p3@people.test" and time == 1 else None

    with place(tmp_path, script) as (daemon, moody):
        message_id = _post(daemon)
        daemon.until(lambda: _count(daemon, "sent") == 5 and _count(daemon, "deferred") == 1)
        waiting = json.loads(daemon.command("queue", "--json").stdout)
        assert [(row["recipient"], row["state"], row["attempts"]) for row in waiting] == [
            ("p3@people.test", "deferred", 1)
        ]
        assert "451 4.2.1 busy" in waiting[0]["last_reply"]
        assert daemon.command("queue", "retry").returncode == 0
        daemon.until(lambda: _count(daemon, "sent") == 6)
        _everybody_once(moody)
        assert _story(daemon, message_id, "p3@people.test") == [
            ("deferred", "451 4.2.1 busy"),
            ("sent", "250 2.0.0 taken"),
        ]


@pytest.mark.parametrize("stage", ["rcpt", "dot"])
def test_a_copy_that_is_refused_for_good_is_never_tried_again(tmp_path: Path, stage: str) -> None:
    def script(where: str, recipient: str, time: int) -> str | None:
        return "550 5.1.1 no such user" if where == stage and recipient == "p3@people.test" else None

    with place(tmp_path, script) as (daemon, moody):
        message_id = _post(daemon)
        daemon.until(lambda: _count(daemon, "sent") == 5 and _count(daemon, "failed") == 1)
        daemon.command("queue", "retry")
        assert json.loads(daemon.command("queue", "--json").stdout) == []
        assert moody.seen["rcpt", "p3@people.test"] == 1
        assert _story(daemon, message_id, "p3@people.test") == [("failed", "550 5.1.1 no such user")]


def test_421_at_the_greeting_and_in_the_middle_costs_nothing_but_time(tmp_path: Path) -> None:
    def script(where: str, recipient: str, time: int) -> str | None:
        if where == "greeting" and time <= 2:
            return "421 4.3.2 not now"
        return "421 4.7.0 too fast" if where == "mail" and time in (2, 5) else None

    with place(tmp_path, script) as (daemon, moody):
        message_id = _post(daemon)
        daemon.until(lambda: _count(daemon, "sent") == 6)
        _everybody_once(moody)
        for address in PEOPLE:
            assert _story(daemon, message_id, address)[-1] == ("sent", "250 2.0.0 taken")


def test_a_connection_lost_after_the_dot_is_tried_again_and_counted_as_a_possible_duplicate(tmp_path: Path) -> None:
    def script(where: str, recipient: str, time: int) -> str | None:
        return "hang up" if where == "dot" and recipient == "p3@people.test" and time == 1 else None

    with place(tmp_path, script) as (daemon, moody):
        message_id = _post(daemon)
        daemon.until(lambda: _count(daemon, "sent") == 5 and _count(daemon, "deferred") == 1)
        daemon.command("queue", "retry")
        daemon.until(lambda: _count(daemon, "sent") == 6)
        kept = Counter(recipient for recipient, _ in moody.kept)
        assert kept.pop("p3@people.test") == 2  # it had arrived: the one case in which a copy comes twice
        assert set(kept.values()) == {1} and len(kept) == 5
        story = _story(daemon, message_id, "p3@people.test")
        assert [event for event, _ in story] == ["unknown", "sent", "1 possible duplicate(s)"]


def test_a_relay_that_hangs_holds_up_nobody_else_and_loses_nothing_when_the_daemon_is_stopped(tmp_path: Path) -> None:
    silent = threading.Event()

    def script(where: str, recipient: str, time: int) -> str | None:
        return "silence" if where == "rcpt" and recipient == "p3@people.test" and not silent.is_set() else None

    with place(tmp_path, script) as (daemon, moody):
        message_id = _post(daemon)
        daemon.until(lambda: _count(daemon, "sent") == 5)
        silent.set()
        daemon.kill()
        daemon.start()
        daemon.until(lambda: _count(daemon, "sent") == 6)
        _everybody_once(moody)
        assert _story(daemon, message_id, "p3@people.test")[-1][0] == "sent"


def test_a_relay_that_is_down_costs_nothing_but_time(tmp_path: Path) -> None:
    port = free_port()
    daemon = Daemon(tmp_path, community(relay={"connections": 2}), port)
    with daemon.ctx.db.transaction() as tx:
        for address in PEOPLE:
            add_person(tx, address, lists=("perinatal",))
    try:
        daemon.start()
        _post(daemon)
        daemon.until(lambda: any("cannot be used" in line for line in daemon.lines))
        waiting = json.loads(daemon.command("queue", "--json").stdout)
        assert len(waiting) == 6
        assert {row["attempts"] for row in waiting} == {0}
        back = Moody(lambda *_: None)
        back_port, daemon_settings = back.port, daemon.settings_file
        daemon_settings.write_text(daemon_settings.read_text().replace(f"port: {port}", f"port: {back_port}"))
        assert daemon.process is not None
        daemon.process.send_signal(1)  # SIGHUP: the settings are read again
        daemon.until(lambda: _count(daemon, "sent") == 6)
        _everybody_once(back)
        back.close()
    finally:
        daemon.stop()
        daemon.ctx.db.close()
