"""`init` writes what works, `check` says what would not and how to mend it, a wheel carries its templates."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from listserv import backup, setup
from listserv.edge.db import Database, migrate
from listserv.errors import UserError
from listserv.settings import load
from tests.daemon import Relay, free_port

ROOT = Path(__file__).parents[2]


def listserv(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "listserv", *words], capture_output=True, text=True, check=False, **more
    )


def test_init_writes_what_works_and_never_overwrites(tmp_path: Path) -> None:
    place = tmp_path / "lists"
    assert listserv("init", str(place)).returncode == 0
    settings_file = place / "settings.yaml"
    load(settings_file)
    assert stat.S_IMODE((place / "var" / "secret.key").stat().st_mode) == 0o600
    before = settings_file.read_text()
    again = listserv("init", str(place))
    assert again.returncode == 1 and "nothing is ever overwritten" in again.stderr and "Traceback" not in again.stderr
    assert settings_file.read_text() == before
    done = listserv(
        "roster", "import", str(place / "roster.csv"), env={**os.environ, "LISTSERV_SETTINGS": str(settings_file)}
    )
    assert done.returncode == 0 and "4 added" in done.stdout


def _place(tmp_path: Path, relay_port: int, **changes: Any) -> Path:
    setup.init(tmp_path)
    file = tmp_path / "settings.yaml"
    data = yaml.safe_load(file.read_text())
    data["relay"] = {"host": "127.0.0.1", "port": relay_port, "tls": "none"}
    data["intake"] = {"smtp": f"127.0.0.1:{free_port()}"}
    data["web"] = {"listen": f"127.0.0.1:{free_port()}"}
    data.update(changes)
    file.write_text(yaml.safe_dump(data))
    return file


def test_check_is_content_when_everything_would_work(tmp_path: Path) -> None:
    relay = Relay()
    try:
        file = _place(tmp_path, relay.port, authentication={"unverified": "accept"})
        listserv("--settings", str(file), "roster", "import", str(tmp_path / "roster.csv"))
        done = listserv("--settings", str(file), "check")
    finally:
        relay.close()
    assert done.returncode == 0, done.stdout
    assert "Everything would work" in done.stdout
    assert "only for closed networks" in done.stdout


def test_check_names_each_thing_that_would_not_work(tmp_path: Path) -> None:
    file = _place(tmp_path, free_port(), lists={"general": {}, "lonely": {"moderation": "all"}})
    listserv("--settings", str(file), "roster", "import", str(tmp_path / "roster.csv"))
    (tmp_path / "var" / "secret.key").chmod(0o644)
    (tmp_path / "templates" / "terms.md").unlink()
    (tmp_path / "templates" / "mail").mkdir()
    (tmp_path / "templates" / "mail" / "held.txt").write_text("{% if %}")
    done = listserv("--settings", str(file), "check")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    for words in ("chmod 600", "community.terms", "held.txt, line 1", "lonely:moderator", "relay: 127.0.0.1:"):
        assert words in done.stdout


def test_wrong_settings_and_unknown_commands_are_exit_2(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("community: {nme: X}\n")
    wrong = listserv("--settings", str(tmp_path / "settings.yaml"), "held")
    assert wrong.returncode == 2 and "did you mean name?" in wrong.stderr
    assert listserv("nonsense").returncode == 2


def test_a_backup_is_whole_private_and_never_overwrites(tmp_path: Path) -> None:
    file = _place(tmp_path, 25)
    listserv("--settings", str(file), "roster", "import", str(tmp_path / "roster.csv"))
    copy = tmp_path / "copy.sqlite3"
    backup.write(load(file), copy)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with pytest.raises(UserError, match="exists already"):
        backup.write(load(file), copy)


@pytest.mark.postgresql
def test_a_backup_of_postgresql_is_whole_and_private(postgresql: str, tmp_path: Path) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed")
    database = Database(postgresql)
    migrate(database)
    database.close()
    file = _place(tmp_path, 25, database=postgresql)
    copy = tmp_path / "copy.dump"
    backup.write(load(file), copy)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600 and copy.read_bytes()[:5] == b"PGDMP"
    with pytest.raises(UserError, match="exists already"):
        backup.write(load(file), copy)
    gone = _place(tmp_path / "elsewhere", 25, database=postgresql.rsplit("/", 1)[0] + "/nowhere")
    with pytest.raises(UserError, match="pg_dump failed"):
        backup.write(load(gone), tmp_path / "other.dump")
    assert not (tmp_path / "other.dump").exists()


def test_inject_speaks_sysexits_and_explain_shows_every_rule(tmp_path: Path) -> None:
    import json

    file = _place(tmp_path, 25, authentication={"unverified": "accept"})
    listserv("--settings", str(file), "roster", "import", str(tmp_path / "roster.csv"))

    def run(*words: str, text: str) -> subprocess.CompletedProcess[str]:
        return listserv("--settings", str(file), *words, input=text)

    good = "From: anna.hughes@example.org\nTo: general@lists.example.org\nSubject: Hi\n\nHello.\n"
    assert run("inject", "general@lists.example.org", text=good).returncode == 0
    assert run("inject", "general@lists.example.org", text="").returncode == 65
    assert run("inject", "nobody@lists.example.org", text=good).returncode == 67
    refused = run("inject", "general@lists.example.org", text=good.replace("anna.hughes", "stranger"))
    assert refused.returncode == 77 and "members only" in refused.stderr
    shown = json.loads(run("explain", "--json", text=good.replace("anna.hughes", "chloe.tran")).stdout)
    assert shown[0]["kind"] == "verdict" and shown[0]["result"] == "hold"
    hits = [row["name"] for row in shown if row["kind"] == "rule" and row["result"] == "hit"]
    assert hits == ["newcomer"] and len([row for row in shown if row["kind"] == "rule"]) > 25
    assert {"spf", "dkim", "dmarc", "arc"} <= {row["kind"] for row in shown}


@pytest.mark.slow
def test_the_wheel_carries_every_template(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    unpacked = tmp_path / "site"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(unpacked)], check=True)
    code = "import listserv.edge.templates as t, listserv.edge.languages as l; print(l.SHIPPED, *sorted("
    code += "l.catalogue(None, one).gettext('Save') for one in l.LOCALES)); print(t.shipped(), t.compile_all(None))"
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    words, line = done.stdout.strip().splitlines()
    assert words == f"{unpacked / 'listserv' / 'locale'} Enregistrer Save Speichern"
    folder, _, count = line.rpartition(" ")
    assert Path(folder) == unpacked / "listserv" / "templates"
    assert int(count) == len([p for p in (ROOT / "templates").rglob("*") if p.suffix in (".txt", ".html")])
