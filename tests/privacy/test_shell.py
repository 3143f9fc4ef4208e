"""export and erase as an operator uses them, also while the daemon runs and mail comes in."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from listserv.context import Context
from tests.conftest import community
from tests.daemon import running
from tests.house import put, rows, scalar, work
from tests.people import add_person, mail
from tests.privacy import world
from tests.privacy.world import FIRST, KNOWN_BY, NAME, SECOND

Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell(tmp_path: Path, make_context: Callable[..., Context]) -> Shell:
    ctx = make_context(world.settings())
    world.people(ctx)
    world.live(ctx)
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(world.settings()))

    def run(*words: str, said: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "listserv", "--settings", str(file), *words]
        return subprocess.run(command, input=said, capture_output=True, text=True, timeout=120, cwd=tmp_path)

    return run


def test_export_by_any_address(shell: Shell, tmp_path: Path) -> None:
    done = shell("export", SECOND.upper(), "--out", "hers.zip")
    assert done.returncode == 0 and "wrote hers.zip" in done.stdout, done.stderr
    with zipfile.ZipFile(tmp_path / "hers.zip") as packed:
        assert json.loads(packed.read("person.json"))["name"] == NAME
    again = shell("export", FIRST, "--out", "hers.zip")
    assert again.returncode == 1 and "nothing is ever overwritten" in again.stderr
    assert shell("export", FIRST, "--out", "folder").returncode == 0 and (tmp_path / "folder" / "README.txt").is_file()
    alone = shell("export", FIRST)
    name = re.search(r"wrote (export-of-1-\d{4}-\d\d-\d\d\.zip)", alone.stdout)
    assert name and (tmp_path / name[1]).is_file()


@pytest.mark.parametrize("verb", ["export", "erase"])
def test_an_address_that_nobody_has(shell: Shell, verb: str) -> None:
    done = shell(verb, "nobody@else.test")
    assert done.returncode == 1 and "nobody has the address nobody@else.test" in done.stderr
    assert done.stdout == "" and "Traceback" not in done.stderr
    assert shell("erase", "nonsense").stderr.startswith("listserv: erase: nonsense is not a mail address")


def test_erase_says_what_goes_and_asks(shell: Shell, tmp_path: Path) -> None:
    for said in ("no\n", "", "y\n"):
        done = shell("erase", FIRST, said=said)
        assert done.returncode == 1 and "nothing was erased" in done.stderr
    assert "posts: stay, as a former member's" in done.stdout and "they end at once" in done.stdout
    assert "WARNING: this is the last owner of perinatal; make somebody else one first" in done.stdout
    assert shell("export", FIRST, "--out", "still.zip").returncode == 0
    (tmp_path / "still.zip").unlink()
    done = shell("erase", FIRST, said="yes\n")
    assert done.returncode == 0, done.stderr
    assert "Backups made before today still hold it: delete them within 30 days" in done.stdout
    assert "What other members wrote or quoted is theirs" in done.stdout
    again = shell("erase", FIRST, "--yes")
    assert again.returncode == 1 and "nothing is held about it" in again.stderr
    assert shell("export", FIRST).returncode == 1


def test_erase_with_their_posts(shell: Shell) -> None:
    done = shell("erase", FIRST, "--posts", "--yes")
    assert done.returncode == 0 and "removed; their place in the conversation stays" in done.stdout


def test_backup_says_how_long_it_may_live(shell: Shell) -> None:
    done = shell("backup", "copy.sqlite3")
    assert done.returncode == 0 and "Delete it within 30 days" in done.stdout


def test_erase_while_the_daemon_runs(tmp_path: Path) -> None:
    """Mail comes in before, meanwhile and after; the web side, the archive and the queue go on."""
    data = community(web={"listen": "127.0.0.1:0"})
    with running(tmp_path, data) as (daemon, catcher):
        with daemon.ctx.db.transaction() as tx:
            add_person(tx, FIRST, name=NAME, lists=("perinatal",), aliases=(SECOND,))
            for number in range(30):
                add_person(tx, f"m{number}@people.test", name=f"Member N{number:02}", lists=("perinatal",))

        def post(number: int, sender: str, **more: str) -> None:
            words = f"Words of {sender}.\n"
            raw = mail(sender, subject=f"Number {number} of many", text=words, message_id=f"<{number}@x.test>", **more)
            code, said = daemon.send(raw, sender, "perinatal@lists.test")
            assert code == 250, said

        for number in range(5):
            post(number, FIRST)
            post(100 + number, f"m{number}@people.test")
        archived = tmp_path / "archive" / "perinatal" / "index.html"
        daemon.until(lambda: archived.is_file() and "Number 4" in archived.read_text(), what="the archive")
        process = subprocess.Popen(
            [sys.executable, "-m", "listserv", "--settings", str(daemon.settings_file), "erase", SECOND, "--yes"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        number = 200
        while process.poll() is None:
            post(number, f"m{number % 30}@people.test")
            number += 1
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert number > 200 and "Erased." in out
        assert world.places(daemon.ctx, *KNOWN_BY) == []
        post(999, "m7@people.test", references="<2@x.test>", in_reply_to="<2@x.test>")
        daemon.until(lambda: catcher_has(catcher, "Number 999", 30), what="copies after the erasure")
        refused = daemon.send(mail(FIRST, subject="Once more"), FIRST, "perinatal@lists.test")
        assert refused[0] == 550
        waiting = "SELECT COUNT(*) FROM delivery WHERE state IN ('pending', 'deferred')"
        daemon.until(lambda: scalar(daemon.ctx, waiting) == 0, what="an empty queue")
        assert not [line for line in daemon.lines if "ERROR" in line or "Traceback" in line]
        assert len(rows(daemon.ctx, "SELECT id FROM post WHERE from_name = 'former member'")) == 5


def catcher_has(catcher: object, subject: str, count: int) -> bool:
    return sum(f"Subject: {subject}".encode() in one.data for one in catcher.kept) >= count  # type: ignore[attr-defined]


def test_who_agreed_to_which_terms(tmp_path: Path, make_context: Callable[..., Context]) -> None:
    """By a command, with the mail that said it; the text is shown as it was, also when it is not the present one."""
    (tmp_path / "terms.md").write_text("Be kind; name no client.\n")
    data = community(community=community()["community"] | {"terms": "terms.md"})
    ctx = make_context(data)
    (ctx.settings.community.terms or tmp_path).write_text("Be kind; name no client.\n")
    with ctx.db.transaction() as tx:
        add_person(tx, "ann@people.test", name="Ann Archer", lists=("perinatal",))
    request = "community-request@lists.test"
    put(ctx, mail("ann@people.test", request, "agree", "\n", message_id="<yes1@people.test>"), request)
    work(ctx)
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(data))

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "listserv", "--settings", str(file), "agreements", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)

    (row,) = json.loads(run("--json").stdout)
    assert row["address"] == "ann@people.test" and row["name"] == "Ann Archer" and row["time"].endswith("Z")
    assert row["evidence"] == "command from ann@people.test, Message-ID <yes1@people.test>"
    (tmp_path / "terms.md").write_text("Be kinder.\n")
    assert run("--text", row["version"][:12]).stdout == "Be kind; name no client.\n"
    assert "Ann Archer" in run().stdout
    assert run("--text", "aaaaaaaa").returncode == 1 and run("--text", "%").returncode == 1
