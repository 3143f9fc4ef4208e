"""kill -9 while unproven mail is being looked at: every mail that heard 250 is asked about, once; every yes counts."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import text

from listserv.context import Context
from tests.conftest import community
from tests.daemon import Daemon, running
from tests.dns_server import name_server
from tests.people import mail, seed

KILLS = 12


def _count(ctx: Context, query: str) -> int:
    with ctx.db.reading() as tx:
        return int(tx.execute(text(query)).scalar() or 0)


def _kill_at(daemon: Daemon, mark: str) -> None:
    """Waits for a line of the log and kills at once."""
    seen = threading.Event()
    daemon.watch = lambda line: seen.set() if mark in line else None
    seen.wait(3)
    daemon.kill()
    daemon.watch = lambda _: None


def test_every_unproven_mail_is_asked_about_once_and_every_yes_counts(tmp_path: Path) -> None:
    with name_server() as server:
        data = community(
            authentication={"unverified": "confirm"},
            dns={"nameservers": [server.address]},
            web={"listen": "127.0.0.1:0"},
        )
        with running(tmp_path, data, start=False) as (daemon, catcher):
            seed(daemon.ctx)
            daemon.log = "debug"
            heard: list[bool] = []
            for number in range(KILLS):
                daemon.start()
                killer = threading.Thread(target=_kill_at, args=(daemon, "> sift" if number % 2 else "< sift"))
                killer.start()
                try:
                    code, _ = daemon.send(mail(subject=f"Post {number}"), "x@unknown.test", "perinatal@lists.test")
                except OSError:
                    code = 0
                killer.join()
                heard.append(code == 250)
            daemon.start()
            for number in range(KILLS):  # who heard nothing tries again, as a mail server does; so does a nervous one
                if not heard[number] or number % 3 == 0:
                    code, _ = daemon.send(mail(subject=f"Post {number}"), "x@unknown.test", "perinatal@lists.test")
                    assert code == 250
            asked = "SELECT count(*) FROM arrival WHERE state = 'asked'"
            daemon.until(lambda: _count(daemon.ctx, asked) == KILLS, what="every question")
            assert _count(daemon.ctx, "SELECT count(*) FROM notice WHERE kind = 'sender'") == KILLS
            daemon.until(lambda: len({q.header("reply-to") for q in catcher.kept}) == KILLS, what="the questions")
            questions = {question.header("reply-to"): question for question in catcher.kept}
            for reply_to, question in questions.items():
                raw = mail(to=reply_to, subject=f"Re: {question.header('subject')}", text="yes\n")
                assert daemon.send(raw, "x@unknown.test", reply_to)[0] == 250
            daemon.until(
                lambda: _count(daemon.ctx, "SELECT count(*) FROM post WHERE state = 'released'") == KILLS, what="posts"
            )
            assert _count(daemon.ctx, "SELECT count(*) FROM arrival WHERE raw IS NOT NULL") == 0
