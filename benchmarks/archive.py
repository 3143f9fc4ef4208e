"""The archive measured on real messages (shared/corpus beside the checkout): building, one more post, searching.

30,000 and 300,000 messages are the corpus several times over, each time with other Message-IDs, on other lists.
"""

from __future__ import annotations

import gzip
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import yaml

from listserv import archiver
from listserv.archiver import query
from listserv.archiver.importing import import_mbox
from listserv.context import Context, open_context
from listserv.settings import load

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
QUERIES = (
    "calibration", "the", "x310 clock", '"phase calibration"', "from:marcus usrp", "patch -v2", "has:attachment uhd",
    "after:2020-01-01 before:2020-03-31 rfnoc", "board", "u-boot", "clk driver", "stm32 led", "uhd*", "I am", "error",
    "driver error from:marek", "list:patches board", "re", "thanks", "dts", "power -usb", "subject:clk", "is it", "a",
)  # fmt: skip
_ID = re.compile(rb"<([^<>\s]+@[^<>\s]+)>")


def house(folder: Path, lists: list[str]) -> tuple[Path, Context]:
    folder.mkdir(parents=True, exist_ok=True)
    data = {
        "community": {"name": "Measured", "domain": "lists.test", "contact": "a@people.test", "credentials": "none"},
        "lists": {name: {"screening": "off"} for name in lists},  # what the screen costs is in `screening`
    }
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(data))
    return file, open_context(load(file))


def renamed(source: str, target: Path, number: int) -> Path:
    """The messages of a corpus file with Message-IDs of their own, and the references to them."""
    with gzip.open(CORPUS / source, "rb") as old, target.open("wb") as new:
        head = True
        for line in old:
            head = line.startswith(b"From ") or (head and bool(line.strip()))
            new.write(_ID.sub(rb"<r%d.\1>" % number, line) if head and number else line)
    return target


def fill(ctx: Context, folder: Path, wanted: int) -> None:
    """`wanted` messages on as many lists as that takes, without their pages."""
    have = 0
    for number, name in enumerate(ctx.settings.lists):
        for source in ("patches.mbox.gz", "people.mbox.gz"):
            if have >= wanted:
                return
            box = renamed(source, folder / "some.mbox", number)
            have += import_mbox(ctx, name, box).added
            box.unlink()


_BUILD = """
import resource, sys, time
from pathlib import Path
from listserv import archiver
from listserv.context import open_context
from listserv.settings import load
ctx = open_context(load(Path(sys.argv[1])))
begun = time.process_time()
report = archiver.build(ctx, full=True)
print(report.messages, report.written, time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def built(settings: Path) -> tuple[int, int, float, float]:
    """A full build in a process of its own: messages, files, CPU seconds, megabytes at most."""
    done = subprocess.run([sys.executable, "-c", _BUILD, str(settings)], capture_output=True, text=True, check=True)
    messages, files, seconds, kilobytes = done.stdout.split()
    return int(messages), int(files), float(seconds), int(kilobytes) / 1024


def sizes(directory: Path) -> str:
    """Pages over 100 kB compressed, and the largest one."""
    found = sorted((len(gzip.compress(path.read_bytes(), 6)), path) for path in directory.rglob("*.html"))
    large = [size for size, _ in found if size > 100_000]
    return f"{len(found)} pages, {len(large)} of them over 100 kB compressed, the largest {found[-1][0] / 1000:.0f} kB"


def searched(directory: Path, lists: list[str], words: str, say: Callable[[str], None]) -> None:
    for by_date, order in ((False, "relevance"), (True, "time")):
        times = []
        with closing(archiver.connect(directory)) as db:
            for asked in (*QUERIES, *QUERIES):
                begun = time.perf_counter()
                query.search(db, query.read(asked, UTC), lists, by_date=by_date)  # type: ignore[arg-type]
                times.append((time.perf_counter() - begun) * 1000)
        times.sort()
        p95 = times[int(len(times) * 0.95)]
        say(
            f"archive, search {words} by {order}: p50 {statistics.median(times):.1f} ms, p95 {p95:.1f} ms,"
            f" at most {times[-1]:.1f} ms ({len(times)} queries)"
        )


def one_more(ctx: Context, folder: Path, say: Callable[[str], None]) -> None:
    """Answers to random messages, one at a time, everything updated and on disk."""
    chance = random.Random(1)
    with closing(archiver.connect(ctx.settings.archive.directory)) as db:
        rows = db.execute("SELECT list, message_id, subject FROM message").fetchall()
    cpu, wall = [], []
    kept = archiver.connect(ctx.settings.archive.directory)  # as `serve` keeps one open
    kept.execute("SELECT 1 FROM meta").fetchone()
    for number in range(60):
        row = chance.choice(rows)
        raw = (
            f"From: New Author <new{number}@people.test>\r\nSubject: Re: {row['subject']}\r\n"
            f"Message-ID: <new{number}@people.test>\r\nIn-Reply-To: {row['message_id']}\r\n"
            f"References: {row['message_id']}\r\nDate: {datetime.now(UTC):%a, %d %b %Y %H:%M:%S} +0000\r\n\r\n"
            + "A few words of an answer, as people write them. What do you think?\r\n"
            * 20
        )
        box = folder / "one.mbox"
        box.write_bytes(b"From x Mon Nov 23 08:00:00 2026\n" + raw.replace("\r\n", "\n").encode("utf-8", "replace"))
        import_mbox(ctx, row["list"], box)
        used, begun = time.process_time(), time.perf_counter()
        archiver.update(ctx)
        cpu.append((time.process_time() - used) * 1000)
        wall.append((time.perf_counter() - begun) * 1000)
    kept.close()
    cpu.sort(), wall.sort()
    say(
        f"archive, one more post into {len(rows)}: {statistics.median(cpu):.1f} ms of CPU, p95 {cpu[56]:.1f} ms;"
        f" {statistics.median(wall):.1f} ms until it is on disk, p95 {wall[56]:.1f} ms"
    )


def run(say: Callable[[str], None], *, large: bool) -> None:
    """Everything; `large`: with 300,000 messages too, which takes half an hour to fill."""
    if not CORPUS.is_dir():
        say("archive: shared/corpus is not there, nothing measured")
        return
    with tempfile.TemporaryDirectory(prefix="listserv-archive-") as temporary:
        root = Path(temporary)
        settings, ctx = house(root / "patches", ["patches"])
        import_mbox(ctx, "patches", CORPUS / "patches.mbox.gz")
        messages, files, seconds, memory = built(settings)
        say(
            f"archive, full build of {messages}: {seconds:.1f} s of CPU, {messages / seconds:.0f} messages a CPU second,"
            f" {files} files, {memory:.0f} MB; {sizes(ctx.settings.archive.directory)}"
        )
        ctx.db.close()
        for wanted in (30_000, *([300_000] if large else [])):
            lists = [f"list{number}" for number in range(wanted // 10_000)]
            settings, ctx = house(root / str(wanted), lists)
            begun, used = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
            fill(ctx, root, wanted)
            filled = resource.getrusage(resource.RUSAGE_SELF).ru_utime - used
            say(f"archive, import to {wanted}: {filled:.0f} s of CPU, {time.monotonic() - begun:.0f} s")
            messages, files, seconds, memory = built(settings)
            say(
                f"archive, full build of {messages}: {seconds:.1f} s of CPU, {messages / seconds:.0f} messages a CPU"
                f" second, {files} files, {memory:.0f} MB"
            )
            one_more(ctx, root, say)
            searched(ctx.settings.archive.directory, lists, f"of {messages}, all lists", say)
            searched(ctx.settings.archive.directory, lists[:1], f"of {messages}, one list of {len(lists)}", say)
            ctx.db.close()
