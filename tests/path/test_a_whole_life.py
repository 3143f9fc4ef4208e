"""A member's whole life by mail, over real SMTP, with the real daemon."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from listserv import housekeeping
from listserv.catcher import Catcher, Caught
from tests.conftest import community
from tests.daemon import Daemon, running
from tests.people import add_person, mail

NORA, NEW = "nora@practice.test", "nora@home.test"
D = "lists.test"
_number = itertools.count(1)


class Life:
    """Somebody at their mail program."""

    def __init__(self, daemon: Daemon, catcher: Catcher) -> None:
        self.daemon, self.catcher = daemon, catcher

    def write(self, sender: str, to: str, words: str, subject: str = "Re: your mail", code: int = 250) -> None:
        raw = mail(sender, to, subject, words, message_id=f"<life{next(_number)}@practice.test>")
        found = self.daemon.send(raw, sender, to)
        assert found[0] == code, found

    def read(self, to: str, about: str, *, count: int = 1) -> Caught:
        """The latest mail to somebody with these words in its subject or text, when there are so many."""

        def there() -> list[Caught]:
            return self.catcher.find(
                lambda one: one.recipient == to and (about in one.header("subject") or about in one.text)
            )

        self.daemon.until(lambda: len(there()) >= count, what=f"a mail to {to} about {about}")
        return there()[-1]

    def answer(self, one: Caught, words: str, sender: str = "") -> None:
        quoted = "\n".join(f"> {line}" for line in one.text.splitlines()[:30])
        text_ = f"{words}\n\nOn Monday, {D} wrote:\n{quoted}\n"
        self.write(sender or one.recipient, one.header("reply-to").rpartition("<")[2].rstrip(">"), text_,
                   f"Re: {one.header('subject')}")  # fmt: skip

    def one(self, query: str) -> tuple[object, ...]:
        with self.daemon.ctx.db.reading() as tx:
            row = tx.execute(text(query)).first()
        return tuple(row) if row is not None else ()

    def set(self, statement: str) -> None:
        with self.daemon.ctx.db.transaction() as tx:
            tx.execute(text(statement))

    def night(self) -> None:
        """The jobs about members, as the scheduler runs them."""
        asyncio.run(housekeeping.members(self.daemon.ctx))


def test_from_the_application_to_the_last_farewell(tmp_path: Path) -> None:
    (tmp_path / "terms.md").write_text("Be kind; name no client.\n")
    lists = {"perinatal": {"title": "Perinatal", "moderation": "newcomers", "approval_delay": 0}, "anxiety": {}}
    professions = {"psychologist": {"title": "Psychologist", "number": "PSY[0-9]{10}", "late": "31d"}}
    data = community(lists=lists, professions=professions)
    data["community"] |= {"terms": "terms.md", "default_delivery": "each"}
    with running(tmp_path, data) as (daemon, catcher):
        life = Life(daemon, catcher)
        with daemon.ctx.db.transaction() as tx:
            mia = add_person(tx, "mia@people.test", name="Mia Moss", lists=("perinatal",), moderates=("perinatal",))
            tx.execute(text(f"INSERT INTO role(person_id, list_name, role) VALUES ({mia}, 'community', 'verifier')"))
            tx.execute(text(f"INSERT INTO agreement(person_id, version, agreed_at, evidence) VALUES ({mia}, :v,"
                            " '2026-01-01 00:00:00', '')"), {"v": _version(tmp_path / "terms.md")})  # fmt: skip

        # she applies, is verified, agrees
        life.write(NORA, f"perinatal@{D}", "May I?\n", "A first try", code=550)
        life.write(NORA, f"community-join@{D}", "I would like to join.\n", "Hello")
        asked = life.read(NORA, "Joining")
        life.answer(asked, "Name: Nora Neu\nProfession: Psychologist\nRegistration: PSY0001112223\nLists: perinatal")
        told = life.read("mia@people.test", "wants to join")
        assert "PSY0001112223" in told.text
        life.answer(told, "verified until 30 Nov 2027")
        life.answer(life.read(NORA, "Nearly a member"), "I agree")
        assert "perinatal@lists.test" in life.read(NORA, "Welcome to").text

        # her first post waits for a moderator
        life.write(NORA, f"perinatal@{D}", "What do you ask first?\n", "My first question")
        life.answer(life.read("mia@people.test", "held: My first question"), "Approve, thanks")
        life.read("mia@people.test", "What do you ask first?", count=2)

        # one letter a week instead
        life.write(NORA, f"community-request@{D}", "weekly\n", "weekly")
        life.read(NORA, "From now on")
        life.write("mia@people.test", f"perinatal@{D}", "Sleep, always.\n", "About sleep")
        life.read("mia@people.test", "Sleep, always.")
        at = (datetime.now(UTC) + timedelta(days=7)).isoformat(
            timespec="minutes"
        )  # one letter is due, whatever today is
        assert daemon.command("digest", "send", "--at", at).returncode == 0
        assert "About sleep" in life.read(NORA, "the week to").text
        assert not catcher.find(lambda one: one.recipient == NORA and one.header("subject") == "About sleep")

        # a pause, another address
        life.write(NORA, f"community-request@{D}", "pause until 1 Feb\n", "pause until 1 Feb")
        life.read(NORA, "Your mail is paused until")
        assert life.one("SELECT status FROM person WHERE name = 'Nora Neu'") == ("paused",)
        life.write(NORA, f"community-request@{D}", "resume\n", "resume")
        life.read(NORA, "Welcome back")
        life.write(NORA, f"community-request@{D}", f"address add {NEW}\n", f"address add {NEW}")
        life.answer(life.read(NEW, "Is this address yours?"), "yes")
        life.read(NEW, "is one of your addresses now")
        life.write(NEW, f"community-request@{D}", f"address prefer {NEW}\n", f"address prefer {NEW}")
        life.read(NORA, "goes to nora@home.test from now on")

        # her registration runs out, and is mended
        gone = (datetime.now(UTC) - timedelta(days=40)).date()
        life.set(f"UPDATE credential SET expires = '{gone}' WHERE number = 'PSY0001112223'")
        life.night()
        rests = life.read(NEW, "membership rests")
        life.write(NEW, f"perinatal@{D}", "Still here.\n", "Am I?", code=550)
        life.answer(rests, "renew until 30 Nov 2027")
        life.answer(life.read("mia@people.test", "renews a registration"), "verified until 30 Nov 2027")
        life.read(NEW, "your registration is renewed")
        life.write(NEW, f"perinatal@{D}", "Back again.\n", "I am")

        # she leaves, comes back, and leaves for good
        life.write(NEW, f"perinatal-leave@{D}", "\n", "leave")
        life.answer(life.read(NEW, "You have left Perinatal"), "undo")
        life.read(NEW, "back")
        query = "SELECT COUNT(*) FROM subscription s JOIN person p ON p.id = s.person_id WHERE p.name = 'Nora Neu'"
        assert life.one(f"{query} AND s.left_at IS NULL") == (1,)
        life.write(NEW, f"community-request@{D}", "leave all\n", "leave all")
        life.read(NEW, "You have left Perinatal", count=2)
        assert life.one(f"{query} AND s.left_at IS NULL") == (0,)

        # she takes her data along, and is erased while everything runs
        out = tmp_path / "nora.zip"
        done = daemon.command("export", NORA, "--out", str(out))
        assert done.returncode == 0 and out.is_file(), done.stderr
        done = daemon.command("erase", NORA, "--yes")
        assert done.returncode == 0, done.stderr
        assert life.one("SELECT COUNT(*) FROM person WHERE name = 'Nora Neu'") == (0,)
        assert life.one("SELECT COUNT(*) FROM post WHERE from_address LIKE 'nora@%'") == (0,)
        assert life.one("SELECT state FROM post WHERE subject = 'My first question'") == ("released",)
        life.write(NEW, f"perinatal@{D}", "Who am I?\n", "A stranger now", code=550)
        assert not [line for line in daemon.lines if "Traceback" in line or "ERROR" in line]


def _version(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()
