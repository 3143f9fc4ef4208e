"""The archive from the shell: build, import, search, split and join, as an operator uses them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from listserv.mail.mbox import written
from tests.conftest import NOW, community
from tests.people import mail


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    settings = tmp_path / "settings.yaml"
    settings.write_text(yaml.safe_dump(community()))

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "listserv", "--settings", str(settings), "archive", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    return run


def mbox(path: Path) -> Path:
    begun = NOW - timedelta(days=400)
    raws = [
        mail("Old Friend <old@people.test>", subject="Where it began", text="The first words.\n", message_id="<1@old>"),
        mail("New Friend <new@people.test>", subject="Re: Where it began", text="An answer.\n", message_id="<2@old>",
             in_reply_to="<1@old>"),
        mail("Old Friend <old@people.test>", subject="No date", text="Undated.\n", message_id="<3@old>"),
    ]  # fmt: skip
    raws = [raw.replace(b"Mon, 23 Nov 2026", b"Tue, 21 Oct 2025") for raw in raws]
    raws[2] = raws[2].replace(b"Date: Tue, 21 Oct 2025 18:00:00 +1100\r\n", b"")
    path.write_bytes(b"".join(written(raw, begun) for raw in raws))
    return path


def test_an_old_archive_comes_in_is_searched_and_corrected(
    shell: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    box = mbox(tmp_path / "old.mbox")
    packed = tmp_path / "old.mbox.gz"
    packed.write_bytes(gzip.compress(box.read_bytes()))
    done = shell("import", "perinatal", str(packed))
    assert done.returncode == 0, done.stderr
    assert "message 3 (<3@old>) has no Date; taken from the From line: 2025-10-19" in done.stdout
    assert "3 messages read: 3 added, 0 were there already, 1 dates repaired, 0 left out. No mail" in done.stdout
    again = shell("import", "perinatal", str(box))
    assert "3 messages read: 0 added, 3 were there already" in again.stdout
    found = json.loads(shell("search", "answer from:new", "--json").stdout)
    assert [row["subject"] for row in found] == ["Re: Where it began"]
    assert set(found[0]) == {"list", "subject", "from", "date", "url", "snippet", "message_id"}
    assert found[0]["date"] == "2025-10-21T07:00:00Z" and found[0]["message_id"] == "<2@old>"
    assert found[0]["url"].startswith("https://lists.test/archive/perinatal/m/")
    threads = lambda: len(list((tmp_path / "archive/perinatal/t").iterdir()))  # noqa: E731
    assert threads() == 2
    split = shell("split", "perinatal", found[0]["url"])
    assert split.returncode == 0 and "begins a conversation of its own" in split.stdout and threads() == 3
    joined = shell("join", "perinatal", "<2@old>", "<3@old>")
    assert joined.returncode == 0 and threads() == 2
    wrong = shell("join", "perinatal", "<3@old>", "<2@old>")
    assert wrong.returncode == 1 and "cannot stand below itself" in wrong.stderr


def test_a_build_says_what_it_did(shell: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    shell("import", "perinatal", str(mbox(tmp_path / "old.mbox")))
    done = shell("build")
    assert done.returncode == 0 and "brought up to date: 0 messages taken in" in done.stdout
    assert "made anew: 3 messages taken in" in shell("build", "--full").stdout
    (tmp_path / "archive/perinatal/index.html").unlink()
    assert "1 files written" in shell("build", "perinatal", "--full").stdout
    assert (tmp_path / "archive/search.sqlite3").stat().st_mode & 0o077 == 0
    assert (tmp_path / "archive").stat().st_mode & 0o007 == 0
    assert (tmp_path / "archive/perinatal/index.html").stat().st_mode & 0o007 == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import", "nolist", "x.mbox"), "there is no list nolist; lists are anxiety, news, perinatal"),
        (("import", "perinatal", "/nowhere.mbox"), "cannot be read: No such file"),
        (("import", "perinatal", __file__), "so it is no mbox"),
        (("import", "perinatal", "/dev/null"), "holds no message"),
        (("build", "nolist"), "there is no list nolist"),
        (("search", "after:soon"), "after:soon: write the day as YYYY-MM-DD"),
        (("split", "perinatal", "<nobody@knows>"), "perinatal has no message <nobody@knows>"),
    ],
)
def test_mistakes_are_said_in_one_line(
    shell: Callable[..., subprocess.CompletedProcess[str]], words: tuple[str, ...], said: str
) -> None:
    done = shell(*words)
    assert done.returncode == 1 and said in done.stderr and done.stderr.count("\n") == 1


def test_nothing_found_is_no_failure(shell: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert shell("search", "anything").stdout == "Nothing was found.\n"
    assert json.loads(shell("search", "anything", "--json").stdout) == []


def test_a_cut_file_says_so_and_keeps_what_was_read(
    shell: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    many = mbox(tmp_path / "old.mbox").read_bytes()
    packed = gzip.compress(many)
    (tmp_path / "cut.mbox.gz").write_bytes(packed[: len(packed) - 20])
    done = shell("import", "perinatal", str(tmp_path / "cut.mbox.gz"))
    assert done.returncode == 1 and "cannot be read to its end" in done.stderr
    assert shell("import", "perinatal", str(tmp_path / "old.mbox")).returncode == 0
