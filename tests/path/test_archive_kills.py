"""The archive's builder is killed at random moments, as a process; what comes out is what an undisturbed one makes."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from listserv import archiver
from listserv.archiver.importing import import_mbox
from listserv.context import Context, open_context
from listserv.settings import load
from tests import archives
from tests.archive.test_building import as_mbox, conversation
from tests.conftest import NOW, community
from tests.daemon import running
from tests.people import mail, seed

KILLS = 30


def house(folder: Path, database: Path) -> tuple[Path, Context]:
    folder.mkdir()
    data = community(database=f"sqlite:///{database}", secrets={"key_file": str(database.with_name("key"))})
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(data))
    return file, open_context(load(file), clock=lambda: NOW + timedelta(days=400))


def build(settings: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "listserv", "--settings", str(settings), "archive", "build", *more]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@pytest.mark.timeout(300)
def test_a_build_killed_at_random_moments(tmp_path: Path) -> None:
    """Full builds and updates, each killed somewhere in its time; a reader meanwhile never sees half a page."""
    chance = random.Random(4)
    database = tmp_path / "db.sqlite3"
    settings, ctx = house(tmp_path / "killed", database)
    messages = conversation(700)
    began = time.monotonic()
    import_mbox(ctx, "perinatal", as_mbox(tmp_path / "a.mbox", messages[:300]))
    first = build(settings, "--full")
    assert first.communicate()[1] == b"" and first.returncode == 0
    whole = time.monotonic() - began
    taken, inside = 300, 0
    for number in range(KILLS):
        if number % 3 == 0 and taken < 700:
            import_mbox(ctx, "perinatal", as_mbox(tmp_path / f"{number}.mbox", messages[taken : taken + 40]))
            taken += 40
        process = build(settings, *(["--full"] if number % 2 else []))
        time.sleep(0.3 + chance.random() * min(whole, 2.5))
        inside += process.poll() is None
        process.kill()
        process.communicate()
        for name, data in archives.files(ctx.settings.archive.directory).items():
            assert not name.endswith(".html") or data.rstrip().endswith(b"</html>"), name
    import_mbox(ctx, "perinatal", as_mbox(tmp_path / "rest.mbox", messages))
    process = build(settings)
    assert process.communicate()[1] == b"" and process.returncode == 0
    _, other = house(tmp_path / "undisturbed", database)
    archiver.build(other, full=True)
    killed = archives.files(ctx.settings.archive.directory)
    print(f"{KILLS} kills, {inside} of them while it ran")
    assert killed == archives.files(other.settings.archive.directory)
    assert archives.threads(ctx) == archives.threads(other)
    archiver.build(ctx, full=True)
    assert archives.files(ctx.settings.archive.directory) == archives.files(other.settings.archive.directory)
    assert inside > KILLS / 3, "else nothing was shown"
    ctx.db.close()
    other.db.close()


@pytest.mark.timeout(300)
def test_a_post_is_in_the_archive_a_moment_later_and_after_a_kill(tmp_path: Path) -> None:
    """`serve` is killed after each few posts; started again, the archive has all of them."""
    data = community(web={"listen": "127.0.0.1:0"}, archive={"directory": str(tmp_path / "archive")})
    chance = random.Random(7)
    with running(tmp_path, data) as (daemon, _):
        seed(daemon.ctx)
        waits = []
        for number in range(40):
            raw = mail(subject=f"Post {number} of many", text="Well?\n", message_id=f"<{number}@x.test>")
            began = time.monotonic()
            assert daemon.send(raw, "ann@people.test", "perinatal@lists.test")[0] == 250
            if number % 5 == 4:
                time.sleep(chance.random() * 0.2)
                daemon.kill()
                daemon.start()
            else:
                daemon.until(lambda n=number: _page_is_there(daemon.ctx, n), 20, "its page")
                waits.append(time.monotonic() - began)
        daemon.until(lambda: all(_page_is_there(daemon.ctx, n) for n in range(40)), 30, "all pages")
        daemon.stop()
        before = archives.files(daemon.ctx.settings.archive.directory)
        assert archiver.build(daemon.ctx, full=True).messages == 40
        after = archives.files(daemon.ctx.settings.archive.directory)
        assert before == after
        waits.sort()
        print(f"a post is on its page {waits[len(waits) // 2]:.2f} s after it was sent, at most {waits[-1]:.2f} s")


def _page_is_there(ctx: Context, number: int) -> bool:
    from listserv.mail.threads import tag_of

    folder = ctx.settings.archive.directory / "perinatal"
    return (folder / "t" / f"{tag_of(f'{number}@x.test')}.html").exists() and (
        f"Post {number} of many".encode() in (folder / "index.html").read_bytes()
    )
