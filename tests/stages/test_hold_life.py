"""The life of held posts, in any order of events: what must hold whatever authors, moderators, the operator, the clock
and a restart do, and when. Hypothesis looks for an order in which it does not.

The database itself writes down each change of a post's state, so that steps between two looks are seen as well.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from listserv import copies, housekeeping, moderate, vault, worker
from listserv.context import Context, open_context
from listserv.model import PostState, Role, RoleName
from listserv.moderate import By
from listserv.settings import parse
from tests import whispers
from tests.conftest import NOW, community
from tests.house import put, rows, scalar
from tests.people import add_person, mail, seed

STATES = Path(__file__).parents[2] / "docs" / "states.md"
FINISHED = ("rejected", "discarded", "withdrawn", "expired", "released")
LISTS = {
    "perinatal": {"title": "Perinatal mental health", "moderation": "none", "screening": "clinical"},
    "anxiety": {"title": "Anxiety", "moderation": "newcomers", "approval_delay": 0},
    "lounge": {"title": "Lounge", "moderation": "none", "screening": "off"},
}
SUBSCRIBERS = {
    "perinatal": {"ann@people.test", "ben@people.test", "mia@people.test", "nia@people.test"},
    "anxiety": {"ann@people.test", "ben@people.test", "mia@people.test", "max@people.test", "nia@people.test"},
    "lounge": {"ann@people.test", "ben@people.test", "mia@people.test"},
}
EVERYBODY = ("ann", "ben", "mia", "max", "nia", "sue")
OPERATOR = By("the operator", "shell")
CLEAN = "A woman in her forties sleeps badly since the birth of her second child.\nWhat would you try first?"
BY_AUTHORS = (
    "redact for me", "withdraw", "leave as is it is the number of our own clinic", CLEAN, "", "what is this about?",
    "> withdraw",
)  # fmt: skip
BY_MODERATORS = (
    "approve", "approve", "reject off topic, with thanks", "discard", "undo", "undo", "hold", "claim",
    "note I know her", "return please leave the number out", "redact all", "redact 1", "redact sleeps badly",
    "to anxiety", "to lounge", "to perinatal", "trust", "untrust", "show", "help", "ban", "", "perhaps approve",
    "> approve",
)  # fmt: skip
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 31, 13 * 60, 25 * 60, 73 * 60, 15 * 24 * 60))


def medicare(seed_: int) -> str:
    """A number that Medicare cards could have, another for each seed."""
    digits = [int(one) for one in f"2{random.Random(seed_).randrange(10**7):07d}"]
    digits.append(sum(a * b for a, b in zip(digits, (1, 3, 7, 9, 1, 3, 7, 9), strict=True)) % 10)
    run = "".join(map(str, digits)) + "1"
    return f"{run[:4]} {run[4:9]} {run[9]}"


def phone(seed_: int) -> str:
    return f"02 7010 {random.Random(seed_).randrange(10**4):04d}"


WRITTEN: dict[str, Callable[[int], tuple[str, tuple[str, ...]]]] = {
    "clean": lambda n: (f"{CLEAN}\nThis is question {n}.", ()),
    "high": lambda n: (f"A woman, Medicare {medicare(n)}, sleeps badly.\nWhat first?", (medicare(n),)),
    "two": lambda n: (
        f"Medicare {medicare(n)} sleeps badly, her sister is {medicare(n + 5000)}.\nWhat first?",
        (medicare(n), medicare(n + 5000)),
    ),
    "clinical": lambda n: (f"{CLEAN}\nHer mother rings from {phone(n)}.", ()),
    "urgent": lambda n: (
        f"My client says that he will kill himself tonight. He has a plan. Medicare {medicare(n)}.",
        (medicare(n),),
    ),
}


@cache
def documented() -> frozenset[tuple[str, str]]:
    """From which state to which, as docs/states.md says of posts."""
    table = STATES.read_text(encoding="utf-8").partition("## A post")[2].partition("\n## ")[0]
    pairs: set[tuple[str, str]] = set()
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4:
            old, new = (re.findall(r"[A-Z]{4,}", cell) for cell in cells[:2])
            pairs |= {(a.lower(), b.lower()) for a, b in product(old, new)}
    return frozenset(pairs)


@cache
def template() -> Path:
    """A folder with a database of our people, copied for each life."""
    folder = Path(tempfile.mkdtemp(prefix="listserv-life-"))
    ctx = open_context(parse(SETTINGS, base=folder), clock=lambda: NOW)
    seed(ctx)
    with ctx.db.transaction() as tx:
        add_person(tx, "tom@people.test", name="Tom Trainee")
        for name in LISTS:
            _role(tx, "Tom Trainee", name, RoleName.TRAINEE)
        for name in ("Mia Moss", "Max Marsh"):
            _role(tx, name, "lounge", RoleName.MODERATOR)
        tx.execute(text("INSERT INTO subscription (person_id, list_name, delivery, moderated, since) SELECT id, "
                        "'lounge', 'each', false, created_at FROM person WHERE name IN ('Ann Archer', 'Ben Bower', "
                        "'Mia Moss')"))  # fmt: skip
        tx.execute(text("CREATE TABLE moved (id INTEGER PRIMARY KEY, post INTEGER, old TEXT, new TEXT)"))
        tx.execute(text("CREATE TRIGGER post_moved AFTER UPDATE ON post WHEN old.state != new.state BEGIN "
                        "INSERT INTO moved (post, old, new) VALUES (old.id, old.state, new.state); END"))  # fmt: skip
        tx.execute(text("CREATE TRIGGER post_gone AFTER DELETE ON post BEGIN "
                        "INSERT INTO moved (post, old, new) VALUES (old.id, old.state, 'gone'); END"))  # fmt: skip
    ctx.db.close()
    return folder


def _role(tx: Any, name: str, list_name: str, role: RoleName) -> None:
    person = tx.execute(text("SELECT id FROM person WHERE name = :name"), {"name": name}).scalar()
    tx.execute(Role.__table__.insert().values(person_id=person, list_name=list_name, role=role))  # type: ignore[attr-defined]


SETTINGS = community(lists=LISTS)
ON_CALL = {
    "notices": "hourly",
    "rota": {"start": "2026-11-23", "every": "1d", "people": ["mia@people.test", "max@people.test"],
             "everybody_after": "6h"},
    "quiet": {"begin": "21:00", "end": "07:00"},
}  # fmt: skip


class Life(RuleBasedStateMachine):
    """Some posts, and all that may happen to them."""

    moderation: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="listserv-life-"))
        shutil.copytree(template(), self.folder, dirs_exist_ok=True)
        self.now: datetime = NOW
        self.sent = 0
        self.secrets: set[str] = set()
        self.high: dict[int, tuple[str, ...]] = {}
        self.snapshots: dict[int, tuple[Any, ...]] = {}
        self.alone: set[int] = set()  # posts that the operator approved while nobody else could
        self.ears = whispers.Ears()
        logging.getLogger().addHandler(self.ears)
        self.ctx: Context = self._open()

    def _open(self) -> Context:
        wanted = {**SETTINGS, "moderation": self.moderation}
        return open_context(parse(wanted, base=self.folder), clock=lambda: self.now)

    def teardown(self) -> None:
        try:
            self._end()
        finally:
            logging.getLogger().removeHandler(self.ears)
            self.ctx.db.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self) -> None:
        """Left alone, everything comes to an end."""
        for _ in range(20):
            self.now += timedelta(days=4)
            asyncio.run(housekeeping.moderation(self.ctx))
            self._work(20)
        self.look()
        waiting = [tuple(row) for row in rows(self.ctx, "SELECT id, state FROM post") if row.state not in FINISHED]
        assert not waiting, "these wait for ever"

    def _work(self, rounds: int) -> None:
        async def go() -> None:
            made = copies.Cache()
            for _ in range(rounds):
                if not await worker.once(self.ctx, made):
                    break

        asyncio.run(go())

    # --- what happens ------------------------------------------------------------------------------------------

    @initialize(kind=st.sampled_from(["high", "clinical", "two"]), author=st.sampled_from(["ann", "mia"]),
                silent=st.booleans())  # fmt: skip
    def first(self, kind: str, author: str, silent: bool) -> None:
        self.post(kind, author, "perinatal")
        self._work(20)
        if silent:  # the author does not answer, and the moderators see it as it is
            self.now += timedelta(hours=25)
            asyncio.run(housekeeping.moderation(self.ctx))
            self._work(20)

    @rule(kind=st.sampled_from(sorted(WRITTEN)), author=st.sampled_from(["ann", "mia", "nia"]),
          list_name=st.sampled_from(["perinatal", "perinatal", "anxiety"]))  # fmt: skip
    def post(self, kind: str, author: str, list_name: str) -> None:
        self.sent += 1
        words, high = WRITTEN[kind](self.sent)
        sender, to = f"{author}@people.test", f"{list_name}@lists.test"
        known = {row.id for row in rows(self.ctx, "SELECT id FROM post")}
        put(self.ctx, mail(sender, to, f"Question {self.sent}", words + "\n"), to, sender=sender)
        for row in rows(self.ctx, "SELECT id FROM post"):
            if row.id not in known:
                self.high[row.id] = high
        self.secrets |= {whispers.bare(value) for value in high}
        if kind == "clinical" and list_name == "perinatal":
            self.secrets.add(whispers.bare(phone(self.sent)))

    def _notices(self, route: str) -> list[tuple[str, str]]:
        """Who was asked something, and at which address they answer; the newest first."""
        found = []
        for row in rows(self.ctx, "SELECT recipient, raw FROM notice ORDER BY id DESC"):
            head = message_from_bytes(vault.unpacked(self.ctx.keys.held, row.raw), policy=policy.default)
            reply_to = str(head["reply-to"] or "")
            if f"-{route}+" in reply_to:
                found.append((row.recipient, reply_to))
        return found

    def _reply(self, who: str, to: str, words: str) -> None:
        self.sent += 1
        raw = mail(who, to, "Re: your notice", words + "\n", message_id=f"<reply-{self.sent}@people.test>")
        put(self.ctx, raw, to, sender=who)

    @precondition(lambda self: self._notices("confirm"))
    @rule(pick=st.integers(0, 5), words=st.sampled_from(BY_AUTHORS), again=st.booleans())
    def author_answers(self, pick: int, words: str, again: bool) -> None:
        asked = self._notices("confirm")
        who, to = asked[pick % len(asked)]
        if again and words == CLEAN:  # a correction that is none
            self.sent += 1
            value = medicare(9000 + self.sent)
            self.secrets.add(whispers.bare(value))
            number = self._post_of(to)
            if scalar(self.ctx, "SELECT state FROM post WHERE id = :id", id=number or 0) == "returned":
                assert number is not None
                self.high[number] = (*self.high.get(number, ()), value)
            words = f"{CLEAN}\nHer Medicare number is {value}."
        self._reply(who, to, words)

    def _post_of(self, address: str) -> int | None:
        with self.ctx.db.reading() as tx:
            found = moderate.find(tx, address.partition("+")[2].partition("@")[0])
        return found.post_id if found is not None else None

    @precondition(lambda self: self._notices("moderate"))
    @rule(
        pick=st.integers(0, 5),
        words=st.sampled_from(BY_MODERATORS),
        forged=st.sampled_from([*[""] * 8, *EVERYBODY]),
        numbers=st.sampled_from(["1", "1", "2", "1 2", "1-3", ""]),
        also=st.sampled_from(["", "", *BY_MODERATORS]),
    )
    def moderator_answers(self, pick: int, words: str, forged: str, numbers: str, also: str) -> None:
        asked = self._notices("moderate")
        who, to = asked[pick % len(asked)]
        if to.startswith("community-"):  # a list of posts
            words = f"{numbers} {words}\n2 {also}" if also else f"{numbers} {words}"
        self._reply(f"{forged}@people.test" if forged else who, to, words)

    @precondition(lambda self: self.high)
    @rule(pick=st.integers(0, 3), verb=st.sampled_from(["approve", "approve", "reject", "discard", "undo", "redact"]))
    def operator(self, pick: int, verb: str) -> None:
        numbers = sorted(self.high, reverse=True)
        number = numbers[pick % len(numbers)]
        with self.ctx.db.transaction() as tx:
            if verb == "redact":
                moderate.redact(self.ctx, tx, number, OPERATOR, "all")
                return
            outcome = moderate.decide(self.ctx, tx, number, verb, OPERATOR, "it is settled")
        row = rows(self.ctx, "SELECT list_name, person_id FROM post WHERE id = :id", id=number)[0]
        if verb == "approve" and outcome.done and not outcome.waits and not self._others(row):
            self.alone.add(number)

    def _others(self, post: Any) -> set[int]:
        found = rows(self.ctx, "SELECT person_id FROM role WHERE role IN ('moderator', 'owner') AND list_name = :name",
                     name=post.list_name)  # fmt: skip
        return {row.person_id for row in found} - {post.person_id}

    @rule(wait=st.sampled_from(WAITS))
    def time_passes(self, wait: timedelta) -> None:
        self.now += wait

    @rule()
    def clock_strikes(self) -> None:
        asyncio.run(housekeeping.moderation(self.ctx))

    @rule(rounds=st.sampled_from([1, 20]))
    def work(self, rounds: int) -> None:
        self._work(rounds)

    @rule()
    def restart(self) -> None:
        self.ctx.db.close()
        self.ctx = self._open()

    @rule(name=st.sampled_from(["Max Marsh", "Mia Moss"]))
    def moderator_leaves(self, name: str) -> None:
        with self.ctx.db.transaction() as tx:
            tx.execute(text("DELETE FROM role WHERE person_id = (SELECT id FROM person WHERE name = :n)"), {"n": name})

    # --- what holds, whatever happens --------------------------------------------------------------------------

    @invariant()
    def look(self) -> None:
        self.no_post_disappears()
        self.states_follow_the_documents()
        self.finished_posts_do_not_change()
        for post in rows(self.ctx, "SELECT p.*, m.raw FROM post p JOIN message m ON m.id = p.message_id ORDER BY p.id"):
            said = rows(self.ctx, "SELECT * FROM decision WHERE post_id = :id AND undone_at IS NULL", id=post.id)
            self.one_decision_stands(post, said)
            self.two_pairs_of_eyes(post, said)
            self.copies_are_there_once(post)
            self.what_waits_is_sealed(post)
        assert not whispers.heard(self.ctx, self.secrets, self.ears.lines)

    def no_post_disappears(self) -> None:
        assert {row.id for row in rows(self.ctx, "SELECT id FROM post")} == set(self.high)
        assert not rows(self.ctx, "SELECT post_id FROM quarantine"), "a stage of ours failed"

    def states_follow_the_documents(self) -> None:
        moved = [tuple(row) for row in rows(self.ctx, "SELECT post, old, new FROM moved ORDER BY id")]
        for number, old, new in moved:
            assert (old, new) in documented(), f"post {number} went from {old} to {new}: {moved}"
        for row in rows(self.ctx, "SELECT DISTINCT state FROM post"):
            assert row.state in {*PostState}

    def finished_posts_do_not_change(self) -> None:
        for row in rows(self.ctx, "SELECT p.*, m.raw FROM post p JOIN message m ON m.id = p.message_id"):
            if row.state in FINISHED:
                assert self.snapshots.setdefault(row.id, tuple(row)) == tuple(row)
            else:
                assert row.id not in self.snapshots

    def one_decision_stands(self, post: Any, said: list[Any]) -> None:
        final = [row.verb for row in said if row.verb in ("approve", "reject", "discard")]
        assert len(final) <= 1, f"post {post.id} is {post.state}, and these stand: {final}"
        if post.state in ("held", "returned", "expired"):
            assert final == [], f"post {post.id} is {post.state}, and {final} stands"
        if post.state == "rejected":
            assert final == ["reject"]

    def two_pairs_of_eyes(self, post: Any, said: list[Any]) -> None:
        agreed = [row for row in said if row.verb in ("approve", "first")]
        trainee = scalar(self.ctx, "SELECT id FROM person WHERE name = 'Tom Trainee'")
        assert all(row.person_id not in (post.person_id, trainee) for row in said if row.verb != "proposed" and row.verb
                   in ("approve", "reject", "discard", "first"))  # fmt: skip
        if post.state not in ("accepted", "released"):
            return
        public = whispers.bare(vault.unpacked(self.ctx.keys.held, post.raw).decode())
        named = [value for value in self.high[post.id] if whispers.bare(value) in public]
        if named and post.id not in self.alone:
            assert len({row.person_id for row in agreed}) >= 2, f"post {post.id} goes out with {named}: {agreed}"

    def copies_are_there_once(self, post: Any) -> None:
        found = rows(self.ctx, "SELECT recipient FROM delivery WHERE post_id = :id", id=post.id)
        got = [row.recipient for row in found]
        assert len(got) == len(set(got))
        assert set(got) == (SUBSCRIBERS[post.list_name] if post.state == "released" else set())

    def what_waits_is_sealed(self, post: Any) -> None:
        if post.state in ("held", "returned"):
            assert vault.is_locked(post.raw)
        if post.state == "released":
            assert not vault.is_locked(post.raw) and post.screened is None


@pytest.mark.timeout(600)
def test_the_life_of_held_posts() -> None:
    checks = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
    bounds = settings(max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=checks)
    run_state_machine_as_test(Life, settings=bounds)


class OnCall(Life):
    """The same where a rota says who is told first, in lists of posts, and not at night."""

    moderation = ON_CALL


@pytest.mark.timeout(600)
def test_the_life_of_held_posts_with_a_rota_and_lists() -> None:
    checks = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
    bounds = settings(max_examples=15, stateful_step_count=30, deadline=None, suppress_health_check=checks)
    run_state_machine_as_test(OnCall, settings=bounds)
