"""Real mail, sent as posts by members over SMTP: a definite reply to each, and copies whose bodies are the author's.

The messages are read from a folder beside the project (LISTSERV_CORPUS names another) and are never shown. A sample
is sent by default; LISTSERV_CORPUS_FULL=1 sends all.
"""

from __future__ import annotations

import email
import gzip
import os
import re
import smtplib
import threading
from collections import Counter
from collections.abc import Iterator
from email.message import Message as Parsed
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest
from sqlalchemy import insert, text

from listserv import moderate, trace
from listserv.mail.address import canonical
from listserv.mail.incoming import read
from listserv.mail.message import Message, message_id, normalise, parse
from listserv.model import Address, Person, Status, Subscription
from listserv.moderate import By
from tests.conftest import NOW, SKIPPED, community
from tests.daemon import Daemon, running

FULL = os.environ.get("LISTSERV_CORPUS_FULL") == "1"
CORPUS = Path(os.environ.get("LISTSERV_CORPUS") or Path(__file__).parents[2].parent / "shared" / "corpus")
SAMPLE = 1 if FULL else 60
LIST = b"perinatal@lists.test"


def _messages() -> Iterator[bytes]:
    files = sorted(CORPUS.glob("*.mbox.gz"))
    if not files:
        words = f"there is no real mail in {CORPUS.name}/: nothing was tried on it"
        SKIPPED.append(words)
        pytest.skip(words)
    for file in files:
        for number, raw in enumerate(re.split(rb"(?m)^From .*\n", gzip.decompress(file.read_bytes()))[1:]):
            if number % SAMPLE == 0:
                yield normalise(re.sub(rb"(?m)^>(>*From )", rb"\1", raw))


def _readdressed(raw: bytes) -> bytes:
    """The message as if it had been written to our list: its old list's address replaced in To and Cc."""
    head, gap, body = raw.partition(b"\r\n\r\n")
    old = re.search(rb"(?im)^list-post:\s*<mailto:([^>]+)>", head)
    if old:
        wanted = re.compile(re.escape(old[1]), re.I)
        fields = rb"(?im)^(?:to|cc):.*(?:\r\n[ \t].*)*"
        head = re.sub(fields, lambda match: wanted.sub(LIST, match[0]), head)
    return head + gap + body


def _members(daemon: Daemon, addresses: set[str]) -> None:
    with daemon.ctx.db.transaction() as tx:
        rows = sorted(addresses)
        common = {"profession": "", "status": Status.ACTIVE, "delivery": "none", "trusted": True, "approved_posts": 0}
        tx.execute(
            insert(Person), [{**common, "id": n + 1, "name": f"P{n}", "created_at": NOW} for n in range(len(rows))]
        )
        tx.execute(
            insert(Address),
            [
                {"person_id": n + 1, "email": a, "canonical": a, "preferred": True, "bounce_score": 0.0}
                for n, a in enumerate(rows)
            ],
        )
        readers = [n for n, a in enumerate(rows) if a.startswith("reader")]
        tx.execute(
            insert(Subscription),
            [
                {"person_id": n + 1, "list_name": "perinatal", "delivery": "each", "moderated": False, "since": NOW}
                for n in readers
            ],
        )


def _send_all(daemon: Daemon, posts: list[tuple[str, bytes]]) -> list[tuple[int, str]]:
    """Everything over eight sessions at once; one reply per post."""
    waiting: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
    for post in posts:
        waiting.put(post)
    replies: list[tuple[int, str]] = []

    def session() -> None:
        with smtplib.SMTP("127.0.0.1", daemon.smtp, timeout=120) as client:
            client.ehlo("corpus.test")
            while True:
                try:
                    sender, raw = waiting.get_nowait()
                except Empty:
                    return
                client.mail(sender, ["BODY=8BITMIME"])
                client.rcpt(LIST.decode())
                code, words = client.data(raw)
                replies.append((code, words.decode()))

    threads = [threading.Thread(target=session) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


def _approve_held(daemon: Daemon) -> int:
    with daemon.ctx.db.reading() as tx:
        waiting = trace.held(tx)
    for row in waiting:
        with daemon.ctx.db.transaction() as tx:
            moderate.decide(daemon.ctx, tx, row["id"], "approve", By("the operator", "shell"))
    return len(waiting)


def _check(copy: bytes, original: Message) -> bool:
    """One copy against what its author sent; whether its body is the author's to the byte."""
    parsed: Parsed = email.message_from_bytes(copy)
    for name in ("From", "Date", "Message-ID", "List-Id"):
        assert len(parsed.get_all(name, [])) == 1, f"{name} is there {len(parsed.get_all(name, []))} times"
    assert max(map(len, copy.split(b"\r\n"))) <= 998
    return parse(copy).body.rstrip(b"\r\n") == original.body.rstrip(b"\r\n")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_real_mail_gets_a_definite_reply_and_goes_out_as_it_came(tmp_path: Path) -> None:
    posts: list[tuple[str, bytes]] = []
    for raw in _messages():
        post = _readdressed(raw)
        boxes = read(post, "x@people.test").authors
        posts.append((canonical(boxes[0].address) if boxes else "nobody@people.test", post))
    lists = {"perinatal": {"moderation": "none", "posting": "members", "approval_delay": 0}}
    data = community(lists=lists)
    data["community"]["credentials"] = "none"
    with running(tmp_path, data, start=False) as (daemon, catcher):
        _members(daemon, {sender for sender, _ in posts if sender} | {"reader@readers.test"})
        daemon.start()
        replies = _send_all(daemon, posts)
        codes = Counter(code for code, _ in replies)
        held = _approve_held(daemon)

        def settled() -> bool:
            with daemon.ctx.db.reading() as tx:
                left = tx.execute(text("SELECT count(*) FROM post WHERE state = 'accepted'")).scalar()
                return left == 0 and not trace.queue(tx)

        daemon.until(settled, 600, "every copy on its way")
        assert daemon.process is not None and daemon.process.poll() is None
        with daemon.ctx.db.reading() as tx:
            released = tx.execute(text("SELECT count(*) FROM post WHERE state = 'released'")).scalar()
            aside = tx.execute(text("SELECT count(*) FROM quarantine")).scalar()
            found = tx.execute(text("SELECT reasons, count(*) AS posts FROM refusal GROUP BY reasons"))
            refusals = {row.reasons: row.posts for row in found}
        copies = [one.data for one in catcher.kept if one.recipient == "reader@readers.test" and one.header("list-id")]
    originals: dict[str | None, list[Message]] = {}  # some archives have two texts under one Message-ID
    for _, raw in posts:
        message = parse(raw)
        originals.setdefault(message_id(message), []).append(message)
    same = reencoded = 0
    for copy in copies:
        candidates = originals[message_id(parse(copy))]
        if any(_check(copy, original) for original in candidates):
            same += 1
        else:
            needed = any(re.search(rb"[^\r\n]{999}|\x00", original.body) for original in candidates)
            assert needed, "a body was changed without need"
            reencoded += 1
    print(f"\n{len(posts)} posts, replies {dict(codes)}, refusals {refusals}, {held} held and approved,")
    print(f"{aside} quarantined; {len(copies)} copies: {same} with the author's bytes, {reencoded} re-encoded")
    assert len(replies) == len(posts)
    assert set(codes) <= {250, 550}
    assert aside == 0
    assert len(copies) == released > 0.9 * len(posts)
