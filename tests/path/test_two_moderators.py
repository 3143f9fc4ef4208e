"""Twenty replies of two moderators to the same ten notices at the same time: ten decisions, ten polite answers."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from listserv.catcher import Caught
from tests.conftest import community
from tests.daemon import running
from tests.people import add_person, mail

POSTS = 10


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_twenty_replies_make_ten_decisions_and_ten_polite_answers(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    changes: dict[str, Any] = {"lists": {"perinatal": {"moderation": "all", "approval_delay": 0}}}
    if kind == "postgresql":
        changes["database"] = request.getfixturevalue("postgresql")
    with running(tmp_path, community(**changes)) as (daemon, catcher):
        with daemon.ctx.db.transaction() as tx:
            add_person(tx, "ann@people.test", lists=("perinatal",))
            add_person(tx, "mia@people.test", name="Mia Moss", moderates=("perinatal",))
            add_person(tx, "max@people.test", name="Max Marsh", moderates=("perinatal",))
        for number in range(POSTS):
            raw = mail("ann@people.test", subject=f"Post {number}", message_id=f"<{number}@people.test>")
            assert daemon.send(raw, "ann@people.test", "perinatal@lists.test")[0] == 250

        def held(one: Caught) -> bool:
            return "held:" in one.header("subject")

        daemon.until(lambda: len(catcher.find(held)) == 2 * POSTS, what="twenty notices")
        notices = catcher.find(held)
        assert len({one.header("reply-to") for one in notices}) == 2 * POSTS  # a token for each moderator and post
        start = threading.Barrier(2 * POSTS)
        replies: list[int] = []

        def answer(notice: Caught) -> None:
            verb = "approve" if notice.recipient.startswith("mia") else "reject off topic"
            quoted = "\n".join(f"> {line}" for line in notice.text.splitlines())
            words = f"{verb}\n\nOn Monday, {notice.header('from')} wrote:\n{quoted}\n"
            raw = mail(
                notice.recipient,
                notice.header("reply-to"),
                f"Re: {notice.header('subject')}",
                words,
                message_id=f"<answer-{notice.number}@people.test>",
                In_Reply_To=notice.header("message-id"),
            )
            start.wait(30)
            replies.append(daemon.send(raw, notice.recipient, notice.header("reply-to"))[0])

        threads = [threading.Thread(target=answer, args=(notice,)) for notice in notices]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        def late(one: Caught) -> bool:
            return "Already decided" in one.header("subject")

        daemon.until(lambda: len(catcher.find(late)) >= POSTS, what="ten polite answers")
        daemon.until(lambda: daemon.command("queue", "--json").stdout.strip() == b"[]", what="an empty queue")
        answers = catcher.find(late)
        with daemon.ctx.db.reading() as tx:
            decisions = Counter(row.post_id for row in tx.execute(text("SELECT post_id FROM decision")))
            states = Counter(row.state for row in tx.execute(text("SELECT state FROM post")))
            by = {row.decided_by for row in tx.execute(text("SELECT DISTINCT decided_by FROM decision"))}
    assert replies == [250] * 2 * POSTS
    assert len(decisions) == POSTS and set(decisions.values()) == {1}
    assert states["released"] + states["rejected"] == POSTS
    assert by <= {"Mia Moss", "Max Marsh"}
    assert len(answers) == POSTS
    for one in answers:  # the other moderator is named, and what was decided
        other = "Max Marsh has rejected" if one.recipient.startswith("mia") else "Mia Moss has approved"
        assert other in one.text
