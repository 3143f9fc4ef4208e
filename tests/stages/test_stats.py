"""`stats`: a small community whose numbers are known, on both databases; nothing about fewer than five people."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import insert, text

from listserv import archiver, measures
from listserv.context import Context
from listserv.edge.db import Database
from listserv.errors import UserError
from listserv.mail.dsn import BounceClass
from listserv.model import Bounce, Decision, Delivery, DeliveryState, Issue, Notice, Status, Subscription
from listserv.model.digests import IssueKind
from listserv.model.outbox import DeliveryKind
from tests import archives
from tests.conftest import NOW, community
from tests.people import add_person

WRITERS = [f"p{number}@people.test" for number in range(1, 7)]


class House:
    """A context whose clock is set by hand."""

    def __init__(self, make: Callable[..., Context], data: dict[str, Any]) -> None:
        self.now = NOW
        self.ctx = make(data, clock=lambda: self.now)

    def post(self, sender: str, days: float, subject: str, *, hours: float = 0, to: str = "", **more: Any) -> str:
        """A post so many days before NOW; `to` the Message-ID that it answers."""
        self.now = NOW - timedelta(days=days) + timedelta(hours=hours)
        more |= {"in_reply_to": to} if to else {}
        found = archives.post(self.ctx, subject, f"About {subject}.\n", sender=sender, **more)
        self.now = NOW
        return found

    def told(self, list_name: str | None = None, of: str = "community") -> dict[tuple[str, str], Any]:
        """The measures by name and group; what is withheld as "withheld"."""
        found = measures.measures(self.ctx, list_name)
        return {
            (one.name, one.group): "withheld" if one.withheld else one.value for one in found if one.list_name == of
        }


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def house(request: pytest.FixtureRequest, make_context: Callable[..., Context]) -> House:
    more = {"database": request.getfixturevalue("postgresql")} if request.param == "postgresql" else {}
    return House(make_context, community(**more))


@pytest.fixture
def lively(house: House) -> House:
    """Fifteen who take part, six of whom write, and five who do not any more."""
    with house.ctx.db.transaction() as tx:
        for email in (*WRITERS, "m@people.test"):
            add_person(tx, email, lists=("perinatal",), profession="Psychologist")
        nurses = [
            add_person(tx, f"n{number}@people.test", lists=("perinatal",), profession="nurse", delivery="weekly",
                       status=Status.BOUNCING if number == 5 else Status.ACTIVE)
            for number in range(1, 6)
        ]  # fmt: skip
        for number in range(3):
            add_person(tx, f"g{number}@people.test", lists=("perinatal",), profession="GP", delivery="none")
            add_person(tx, f"l{number}@people.test", lists=("perinatal",), status=Status.LAPSED)
        for number in range(2):
            add_person(tx, f"z{number}@people.test", status=Status.LEFT)
        tx.execute(insert(Subscription).values(
            person_id=nurses[0], list_name="anxiety", delivery="each", moderated=False, since=NOW
        ))  # fmt: skip
    house.post(WRITERS[0], 100, "Long ago")
    lonely = house.post(WRITERS[0], 40, "Answered too late")
    house.post(WRITERS[5], 29, "Re: Answered too late", to=lonely)
    begun = [house.post(writer, 20, f"Question {number}", hours=number / 60) for number, writer in enumerate(WRITERS)]
    for number, first in enumerate(begun):
        own = number == 5
        writer = WRITERS[5 if own else number + 1]
        house.post(writer, 20, f"Re: Question {number}", hours=number / 60 + number + 1, to=first)
    house.post(WRITERS[2], 3, "Too young to be measured")
    gone = house.post(WRITERS[1], 5, "Taken back")
    with house.ctx.db.transaction() as tx:
        tx.execute(text("UPDATE post SET state = 'recalled' WHERE message_id_header = :id"), {"id": gone})
    archiver.build(house.ctx)
    return house


def test_a_community_whose_numbers_are_known(lively: House) -> None:
    told = lively.told()
    weeks = {group: value for (name, group), value in told.items() if name == "posts-per-week" and value}
    assert weeks == {"2026-10-12": 1, "2026-10-19": 1, "2026-11-02": 12, "2026-11-16": 1}
    rest = {key: value for key, value in told.items() if key[0] != "posts-per-week"}
    assert rest == {
        ("members", ""): 15,
        ("members-by-status", "active"): 14,
        ("members-by-status", "others"): 6,  # three lapsed, two left, one bouncing
        ("members-by-profession", "Psychologist"): 7,
        ("members-by-profession", "others"): 8,  # three GPs alone could be worked out
        ("members-by-delivery", "each"): 8,  # one of them on another list
        ("members-by-delivery", "others"): 7,
        ("posted-30d", ""): 6,
        ("posted-30d-share", ""): 40.0,
        ("posted-90d", ""): 6,
        ("posted-90d-share", ""): 40.0,
        ("posts", ""): 15,
        ("busiest-ten-share", ""): 100.0,
        ("conversations", ""): 7,
        ("answered-share", ""): 71.4,
        ("unanswered", ""): 2,
        ("first-answer-median", ""): 3 * 3600,
        ("first-answer-p90", ""): 5 * 3600,
        ("first-posts", ""): 5,  # the sixth wrote before
        ("first-posts-answered-share", ""): 80.0,
        ("held-median", ""): None,
        ("held-p90", ""): None,
        ("members-without-mail", ""): "withheld",
        ("addresses-paused", ""): 0,
    }


def test_each_list_in_short_and_one_alone(lively: House) -> None:
    short = lively.told(of="perinatal")
    assert short == {
        ("members", ""): 15, ("posted-90d", ""): 6, ("posts", ""): 15, ("conversations", ""): 7,
        ("answered-share", ""): 71.4, ("first-answer-median", ""): 3 * 3600,
    }  # fmt: skip
    assert lively.told(of="anxiety")["members", ""] == "withheld"
    alone = lively.told("perinatal", of="perinatal")
    assert short.items() <= alone.items()
    assert alone["members-by-delivery", "each"] == 7
    assert ("members-by-status", "left") not in alone
    with pytest.raises(UserError, match="no list nowhere"):
        measures.measures(lively.ctx, "nowhere")


def test_moderation_letters_and_bounces(lively: House) -> None:
    with lively.ctx.db.transaction() as tx:
        rows = list(tx.execute(text("SELECT id, person_id FROM post WHERE subject LIKE 'Question%' ORDER BY id")))
        at = {row.id: lively.now - timedelta(days=20) for row in rows}
        for number, row in enumerate(rows):
            tx.execute(text("UPDATE post SET received_at = released_at WHERE id = :id"), {"id": row.id})
            decide(tx, row.id, "approve", at[row.id] + timedelta(minutes=number) + timedelta(hours=number + 1))
        decide(tx, rows[0].id, "return", at[rows[0].id] + timedelta(hours=1))
        decide(tx, rows[0].id, "reject", at[rows[0].id] + timedelta(hours=99), undone_at=NOW)
        decide(tx, rows[0].id, "claim", at[rows[0].id] + timedelta(hours=99))
        people = list(tx.execute(text("SELECT person_id, canonical FROM address ORDER BY id LIMIT 7")))
        for number, person in enumerate(people):
            kind = BounceClass.HARD if number < 5 else BounceClass.SOFT
            tx.execute(insert(Bounce).values(at=NOW - timedelta(days=2), canonical=person.canonical, kind=kind))
            letter(tx, person.person_id, DeliveryState.SENT if number < 6 else DeliveryState.PENDING)
        tx.execute(text("UPDATE address SET bounce_score = 4 WHERE person_id <= :id"), {"id": people[5].person_id})
    told = lively.told()
    assert told["decisions", "approve"] == 6
    assert told["decisions", "return"] == "withheld"
    assert not {("decisions", "reject"), ("decisions", "claim")} & told.keys()
    assert (told["held-median", ""], told["held-p90", ""]) == (3.5 * 3600, 6 * 3600)
    assert (told["bounces", "hard"], told["bounces", "soft"]) == (5, "withheld")
    assert told["digests", "weekly"] == 6
    assert told["addresses-paused", ""] == 6


def decide(tx: Any, post: int, verb: str, at: datetime, undone_at: datetime | None = None) -> None:
    tx.execute(insert(Decision).values(
        post_id=post, verb=verb, decided_by="Mia Moss", channel="mail", proof="", reason="", decided_at=at,
        undone_at=undone_at,
    ))  # fmt: skip


def letter(tx: Any, person: int, state: DeliveryState) -> None:
    notice = tx.execute(insert(Notice).values(
        kind="digest", list_name="community", person_id=person, recipient="x", subject="x", message_id_header="x",
        verp=True, raw=b"", created_at=NOW,
    )).inserted_primary_key[0]  # fmt: skip
    tx.execute(insert(Issue).values(
        person_id=person, list_name="community", kind=IssueKind.WEEKLY, period="2026-11-16", since=NOW, until=NOW,
        made_at=NOW - timedelta(days=7), notice_id=notice, threads=[], stopped=[],
    ))  # fmt: skip
    tx.execute(insert(Delivery).values(
        kind=DeliveryKind.NOTICE, priority=2, notice_id=notice, person_id=person, recipient="x", state=state,
        next_attempt=NOW, created_at=NOW,
    ))  # fmt: skip


def test_an_empty_community_has_nothing_to_hide(house: House) -> None:
    told = house.told()
    assert "withheld" not in told.values()
    assert told["members", ""] == told["posts", ""] == 0
    assert told["posted-30d-share", ""] is told["conversations", ""] is told["busiest-ten-share", ""] is None
    archiver.build(house.ctx)
    assert house.told()["conversations", ""] == 0 and house.told()["answered-share", ""] is None


def test_of_four_people_nothing_is_told_but_how_many_posts_there_were(house: House) -> None:
    with house.ctx.db.transaction() as tx:
        for email in WRITERS[:4]:
            add_person(tx, email, lists=("perinatal",))
    first = house.post(WRITERS[0], 20, "A question")
    house.post(WRITERS[1], 19, "Re: A question", to=first)
    archiver.build(house.ctx)
    told = house.told()
    assert (told["posts", ""], told["conversations", ""]) == (2, 1)
    assert {name for (name, _), value in told.items() if value == "withheld"} == {
        "members", "members-by-status", "members-by-profession", "members-by-delivery", "posted-30d", "posted-90d",
        "posted-30d-share", "posted-90d-share", "busiest-ten-share", "answered-share", "unanswered",
        "first-answer-median", "first-answer-p90", "first-posts", "first-posts-answered-share",
    }  # fmt: skip
    assert all(value in ("withheld", None, 0) for (name, _), value in told.items() if name not in TOLD)


TOLD = ("posts", "posts-per-week", "conversations")


def test_the_command(tmp_path: Path) -> None:
    data = community()
    data["community"]["name"] = (
        "A community with a name that is a good deal longer than one line of a terminal is wide, really"
    )
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(data))

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "listserv", "--settings", str(file), "stats", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)

    assert json.loads(run("--json").stdout)[0]["measure"] == "members"
    database = Database(f"sqlite:///{tmp_path}/var/listserv.sqlite3")
    with database.transaction() as tx:
        for number in range(7):
            add_person(tx, f"m{number}@people.test", lists=("perinatal",), profession="Nurse" if number else "P" * 90)
    database.close()
    page = run()
    assert page.returncode == 0 and page.stderr == ""
    assert max(map(len, page.stdout.splitlines())) <= 80
    for words in ("take part", "7 people", "every post", "archive build", "so far"):
        assert words in page.stdout
    assert "PPP" not in page.stdout and "m1@" not in page.stdout
    rows = json.loads(run("perinatal", "--json").stdout)
    assert {row["list"] for row in rows} == {"perinatal"}
    assert all(set(row) == set(rows[0]) and row["until"].endswith("Z") for row in rows)
    assert {"list", "measure", "group", "value", "unit", "withheld", "since", "until"} == set(rows[0])
    unknown = run("nowhere")
    assert (unknown.returncode, unknown.stdout, unknown.stderr.count("\n")) == (1, "", 1)
