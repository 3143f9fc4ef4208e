"""The weekly digest measured: 3,000 members, each with their own choice of 12 lists, and 200 real conversations."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from sqlalchemy import insert, text

from benchmarks.archive import CORPUS
from listserv import archiver
from listserv.archiver.importing import import_mbox
from listserv.context import Context, open_context
from listserv.digest.schedule import schedule_of
from listserv.model import Address, IssueKind, Person, Subscription
from listserv.policy.periods import latest
from listserv.settings import HUB, load

LISTS = [f"topic{number}" for number in range(12)]
MEMBERS = 3000
THREADS = 200
MESSAGES = 4000

_RUN = """
import re, sys, time
from pathlib import Path
from listserv.context import open_context
from listserv.digest import issuing
from listserv.settings import load
ctx = open_context(load(Path(sys.argv[1])))
begun, used = time.monotonic(), time.process_time()
report = issuing.run(ctx)
used, begun = time.process_time() - used, time.monotonic() - begun
most = re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]
print(report.sent, report.empty, used, begun, most)
"""


def _boxes(folder: Path) -> dict[str, Path]:
    """Real messages, one conversation in one list."""
    parts: dict[str, list[bytes]] = {name: [] for name in LISTS}
    with gzip.open(CORPUS / "people.mbox.gz", "rb") as file:
        messages = file.read().split(b"\nFrom ")[:MESSAGES]
    for message in messages:
        subject = next((line for line in message.split(b"\n") if line.lower().startswith(b"subject:")), b"")
        key = subject.lower().replace(b"re:", b"").replace(b" ", b"")
        parts[LISTS[sum(key) % len(LISTS)]].append(message)
    found = {}
    for name, some in parts.items():
        found[name] = folder / f"{name}.mbox"
        found[name].write_bytes(b"".join(b"From " + one.removeprefix(b"From ") + b"\n" for one in some))
    return found


def _members(ctx: Context, since: datetime) -> None:
    chance = random.Random(3)
    people, addresses, subscriptions = [], [], []
    for number in range(1, MEMBERS + 1):
        email = f"member{number}@people.test"
        people.append({"name": f"Member {number}", "profession": "Psychologist", "status": "active",
                       "delivery": "weekly", "trusted": False, "approved_posts": 0, "created_at": since})  # fmt: skip
        addresses.append({"person_id": number, "email": email, "canonical": email, "preferred": True,
                          "bounce_score": 0.0})  # fmt: skip
        subscriptions += [
            {"person_id": number, "list_name": name, "delivery": "weekly", "moderated": False, "since": since,
             "delivery_since": since}
            for name in chance.sample(LISTS, chance.randint(1, len(LISTS)))
        ]  # fmt: skip
    with ctx.db.transaction() as tx:
        tx.execute(insert(Person), people)
        tx.execute(insert(Address), addresses)
        tx.execute(insert(Subscription), subscriptions)


def _this_week(ctx: Context, begins: datetime, ends: datetime) -> tuple[int, int]:
    """Conversations of the archive become those of the week; how many, and their messages."""
    db = archiver.connect(ctx.settings.archive.directory)
    chosen = [tuple(row) for row in db.execute("SELECT list, tag FROM thread ORDER BY tag LIMIT ?", (THREADS,))]
    posts = [
        row[0]
        for name, tag in chosen
        for row in db.execute("SELECT post FROM message WHERE list = ? AND thread = ?", (name, tag))
    ]
    db.close()
    with ctx.db.transaction() as tx:
        for number, post in enumerate(posts):
            at = begins + (ends - begins) * (number / len(posts))
            tx.execute(
                text("UPDATE post SET imported = 0, released_at = :at, person_id = :who WHERE id = :id"),
                {"at": at.astimezone(UTC).replace(tzinfo=None).isoformat(" "), "id": post, "who": number % MEMBERS + 1},
            )
    return len(chosen), len(posts)


def run(say: Callable[[str], None]) -> None:
    if not CORPUS.is_dir():
        say("digest: shared/corpus is not there, nothing measured")
        return
    with tempfile.TemporaryDirectory(prefix="listserv-digest-") as temporary:
        folder = Path(temporary)
        data = {
            "community": {"name": "Measured", "domain": "lists.test", "contact": "a@people.test",
                          "credentials": "none"},
            "lists": {name: {"title": f"Topic {name[5:]}", "screening": "off"} for name in LISTS},
        }  # fmt: skip
        file = folder / "settings.yaml"
        file.write_text(yaml.safe_dump(data))
        ctx = open_context(load(file))
        for name, box in _boxes(folder).items():
            import_mbox(ctx, name, box)
        slot = latest(schedule_of(ctx.settings, IssueKind.WEEKLY, HUB, "", "", ""), datetime.now(UTC)).at
        _members(ctx, slot - timedelta(days=6))
        archiver.build(ctx)
        threads, messages = _this_week(ctx, slot - timedelta(days=6), slot - timedelta(hours=1))
        archiver.build(ctx)
        done = subprocess.run([sys.executable, "-c", _RUN, str(file)], capture_output=True, text=True, check=True)
        sent, _, cpu, wall, memory = done.stdout.split()
        with ctx.db.reading() as tx:
            size = tx.execute(text("SELECT SUM(LENGTH(raw)) FROM notice WHERE kind = 'digest'")).scalar() or 0
        say(
            f"digest, {sent} letters of {threads} conversations ({messages} messages) on {len(LISTS)} lists:"
            f" {float(cpu):.1f} s of CPU, {float(wall):.1f} s, {int(memory) / 1024:.0f} MB,"
            f" {size / 1e6:.0f} MB in the database"
        )
        ctx.db.close()
