"""How members stop, undo, change and ask for digests: by link, by mail; and what operators see in the shell."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dkim
import pytest
import yaml

from listserv import copies, signing, web
from listserv.context import Context
from listserv.digest import asking, issuing, wishes
from listserv.mail.dates import read_day
from listserv.model import DeliveryKind, IssueKind
from tests.conftest import community
from tests.edges.test_web import FORM, Client
from tests.house import notices, put, rows, work
from tests.letters import EARLY, MONDAY, Clock, house, letters, post, reader
from tests.people import mail

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> Clock:
    return Clock(MONDAY + timedelta(minutes=1))


@pytest.fixture
def ctx(make_context: Callable[..., Context], clock: Clock) -> Context:
    made = house(make_context, clock)
    lists = ("perinatal", "anxiety")
    reader(made, "ann@people.test", *lists, delivery="each", name="Ann Archer")
    reader(made, "rita@people.test", *lists, name="Rita Reader")
    post(made, clock, EARLY + HOUR, "Said this week", "Words.\n")
    return made


def modes(ctx: Context) -> dict[str, str]:
    query = "SELECT list_name, delivery FROM subscription WHERE person_id = 2"
    return {row.list_name: row.delivery for row in rows(ctx, query)}


def command(
    ctx: Context, words: str, to: str = "community-request@lists.test", sender: str = "rita@people.test"
) -> str:
    before = len(notices(ctx))
    identity = f"<{abs(hash((words, to, before)))}@people.test>"
    put(ctx, mail(sender, to, words, "\n", message_id=identity), to, sender=sender)
    after = notices(ctx)[before:]
    return after[-1].subject + "\n" + after[-1].text if after else ""


# --- stopping ------------------------------------------------------------------------------------------------------


def test_one_click_stops_the_digest_and_not_the_membership(ctx: Context) -> None:
    issuing.run(ctx)
    (letter,) = letters(ctx)
    links = issuing.links_of(ctx, "community", letter.issue)
    assert links["stop"] in letter.text and links["stop"] in letter.html
    client = Client(web.app(ctx, dict))
    path = links["stop"].removeprefix("https://lists.test")
    assert "Stop the digest" in client.get(path).text and modes(ctx)["perinatal"] == "weekly"
    done = client.post(path, content="List-Unsubscribe=One-Click", headers=FORM)
    assert done.status_code == 200 and modes(ctx) == {"perinatal": "none", "anxiety": "none"}
    assert rows(ctx, "SELECT COUNT(*) AS n FROM subscription WHERE person_id = 2 AND left_at IS NULL")[0].n == 2
    assert rows(ctx, "SELECT state FROM delivery WHERE priority = 2")[0].state == "suppressed"
    (told,) = notices(ctx, "digest-stopped")
    assert "You are a member as before" in told.text
    again = client.post(path, content="action=undo", headers=FORM)
    assert "goes on" in again.text and modes(ctx) == {"perinatal": "weekly", "anxiety": "weekly"}


def test_stopping_by_mail_and_undo_by_reply(ctx: Context) -> None:
    issuing.run(ctx)
    (letter,) = letters(ctx)
    to = issuing.links_of(ctx, "community", letter.issue)["stop_mail"].removeprefix("mailto:").partition("?")[0]
    put(ctx, mail("rita@people.test", to, "unsubscribe", "\n"), to, sender="rita@people.test")
    assert modes(ctx)["perinatal"] == "none"
    (told,) = notices(ctx, "digest-stopped")
    for words, found in (("what is this", "weekly"), ("undo", "weekly")):
        raw = mail(
            "rita@people.test", told.reply_to, "Re: stopped", f"{words}\n", message_id=f"<{words[:4]}@people.test>"
        )
        put(ctx, raw, told.reply_to, sender="rita@people.test")
        assert found == "weekly"
    assert modes(ctx) == {"perinatal": "weekly", "anxiety": "weekly"}
    assert "goes on" in notices(ctx)[-1].subject


def test_an_automatic_answer_stops_nothing(ctx: Context) -> None:
    issuing.run(ctx)
    to = (
        issuing.links_of(ctx, "community", letters(ctx)[0].issue)["stop_mail"].removeprefix("mailto:").partition("?")[0]
    )
    put(ctx, mail("rita@people.test", to, "Away", "\n", auto_submitted="auto-replied"), to, sender="rita@people.test")
    assert modes(ctx)["perinatal"] == "weekly"


def test_the_unsubscribe_fields_of_a_digest_are_signed(
    make_context: Callable[..., Context], clock: Clock, tmp_path: Path
) -> None:
    key = signing.make(tmp_path / "k.pem", "ed25519-sha256")
    known = {b"k._domainkey.lists.test.": signing.record(key).encode()}
    ctx = house(make_context, clock, dkim={"selector": "k", "key_file": str(tmp_path / "k.pem")})
    reader(ctx, "ann@people.test", delivery="each")
    reader(ctx, "rita@people.test")
    post(ctx, clock, EARLY + HOUR, "Said", "Words.\n")
    issuing.run(ctx)
    row = rows(ctx, "SELECT id, notice_id, recipient, subscription_id FROM delivery WHERE priority = 2")[0]
    with ctx.db.reading() as tx:
        prepared = copies.prepare(ctx, tx, DeliveryKind.NOTICE, row.notice_id)
    made = copies.copy(copies.Personal(ctx), prepared, row, eightbit=True)
    raw = b"".join(made.chunks).replace(b"\r\n..", b"\r\n.")
    assert made.sender.startswith("community-bounces+")
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert b"list-unsubscribe:list-unsubscribe-post" in b"".join(raw.partition(b"\r\n\r\n")[0].lower().split())
    assert dkim.DKIM(raw).verify(dnsfunc=lambda name, timeout=5: known.get(name))


# --- changing ------------------------------------------------------------------------------------------------------


def test_commands_change_how_letters_come(ctx: Context) -> None:
    assert "each week" in command(ctx, "digest help") and "every Monday at 07:00" in command(ctx, "digest")
    assert "a letter each day" in command(ctx, "digest daily")
    assert modes(ctx) == {"perinatal": "daily", "anxiety": "daily"}
    command(ctx, "digest weekly", to="anxiety-request@lists.test")
    assert modes(ctx) == {"perinatal": "daily", "anxiety": "weekly"}
    assert "every Friday at 18:00" in command(ctx, "digest friday 6pm")
    assert "(Europe/Berlin)" in command(ctx, "digest zone europe/berlin")
    assert "as plain text" in command(ctx, "digest plain") and "for each list" in command(ctx, "digest per list")
    assert "not understood" in command(ctx, "digest sometimes perhaps")
    assert "no mail" in command(ctx, "digest off")
    assert command(ctx, "digest weekly", sender="eve@evil.test") == "" or modes(ctx)["anxiety"] == "none"
    row = rows(
        ctx, "SELECT digest_day, digest_time, timezone, digest_format, digest_per_list FROM person WHERE id = 2"
    )[0]
    assert tuple(row)[:4] == ("friday", "18:00", "Europe/Berlin", "plain") and row.digest_per_list


def test_now_and_since(ctx: Context, clock: Clock) -> None:
    issuing.run(ctx)
    post(ctx, clock, MONDAY + 2 * HOUR, "Said later", "Words.\n")
    clock.now = MONDAY + 3 * HOUR
    assert "follows in a minute" in command(ctx, "digest now")
    asking.run(ctx)
    asking.run(ctx)
    now = letters(ctx)[1:]
    assert len(now) == 1 and "Said later" in now[0].text and "Said this week" not in now[0].text
    clock.now += HOUR
    command(ctx, "digest since 10 Nov")
    asking.run(ctx)
    since = letters(ctx)[2]
    assert "Said this week" in since.text and "from 10 to 23 November 2026" in since.subject
    clock.now = MONDAY + timedelta(days=7, minutes=1)
    issuing.run(ctx)
    assert "Said later" in letters(ctx)[3].text, "asking between times moves nothing"
    clock.now += HOUR
    command(ctx, "digest since 5 Jan 2020", to="anxiety-request@lists.test")
    asking.run(ctx)
    assert "nothing new" in notices(ctx, "digest-nothing")[0].text


def test_what_was_said_while_somebody_was_away(ctx: Context, clock: Clock) -> None:
    with ctx.db.transaction() as tx:
        asking.ask(ctx, tx, 2, "community", EARLY, IssueKind.CATCH_UP)
    asking.run(ctx)
    (letter,) = letters(ctx)
    assert "while you were away" in letter.subject and "Said this week" in letter.text


def test_two_schedulers_at_once(make_context: Callable[..., Context], clock: Clock, postgresql: str) -> None:
    """On PostgreSQL, with real threads: one issue each, one delivery each."""
    from concurrent.futures import ThreadPoolExecutor

    first = house(make_context, clock, database=postgresql)
    second = house(make_context, clock, database=postgresql)
    reader(first, "ann@people.test", delivery="each")
    for number in range(60):
        reader(first, f"r{number}@people.test", delivery=("weekly", "daily")[number % 2])
    post(first, clock, MONDAY - 5 * HOUR, "Said", "Words.\n")
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda ctx: issuing.run(ctx), (first, second, first, second)))
    assert sum(report.sent for report in done) == 60
    counted = rows(first, "SELECT COUNT(*) AS n, COUNT(DISTINCT person_id) AS p FROM delivery WHERE priority = 2")[0]
    assert tuple(counted) == (60, 60)
    work(first)


@pytest.mark.parametrize(
    ("text", "past", "day"),
    [
        ("1 Nov", True, "2026-11-01"), ("Nov 1st", True, "2026-11-01"), ("1. November", True, "2026-11-01"),
        ("1 December", True, "2025-12-01"), ("2026-11-01", True, "2026-11-01"), ("1.11.2026", True, "2026-11-01"),
        ("monday", True, "2026-11-16"), ("sunday", True, "2026-11-22"), ("yesterday", True, "2026-11-22"),
        ("2 weeks", True, "2026-11-09"), ("last week", True, "2026-11-16"), ("a month", True, "2026-10-23"),
        ("15 Jan", False, "2027-01-15"), ("15 January 2028", False, "2028-01-15"), ("tomorrow", False, "2026-11-24"),
        ("next monday", False, "2026-11-30"), ("in 3 weeks", False, "2026-12-14"), ("29 Feb", False, "2028-02-29"),
        ("3. März", False, "2027-03-03"), ("15 janvier", False, "2027-01-15"), ("31 Nov", False, None),
        ("whenever", False, None), ("99999999 days", False, None), ("", False, None), ("1 2 3 4", False, None),
    ],
)  # fmt: skip
def test_days_as_people_write_them(text: str, past: bool, day: str | None) -> None:
    found = read_day(text, date(2026, 11, 23), past=past)
    assert (found.isoformat() if found else None) == day


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("weekly", "mode"), ("Off.", "mode"), ("now", "now"), ("since 1 Nov", "since"), ("since tomorrow", "unclear"),
        ("monday 07:00", "when"), ("on Friday at 6 pm", "unclear"), ("friday 18 uhr", "unclear"), ("7", "when"),
        ("25:00", "unclear"), ("zone Europe/Berlin", "zone"), ("zone Mars/North", "unclear"), ("mime", "form"),
        ("one letter", "per-list"), ("", "help"), ("drop table person", "unclear"),
    ],
)  # fmt: skip
def test_wishes(text: str, what: str) -> None:
    assert wishes.read(text, date(2026, 11, 23)).what == what


# --- the shell -----------------------------------------------------------------------------------------------------


def test_preview_and_send_from_the_shell(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    data = community()
    data["community"]["credentials"] = "none"
    settings.write_text(yaml.safe_dump(data))
    members = tmp_path / "members.csv"
    members.write_text("email,name,lists,delivery\nann@people.test,Ann,perinatal;anxiety,each\n"
                       "rita@people.test,Rita,perinatal,weekly\ndan@people.test,Dan,perinatal,daily\n")  # fmt: skip

    def run(*words: str, data: bytes = b"") -> Any:
        command = [sys.executable, "-m", "listserv", "--settings", str(settings), *words]
        return subprocess.run(command, input=data, capture_output=True, timeout=60)

    assert run("roster", "import", str(members)).returncode == 0
    assert run("digest", "preview", "perinatal").stdout == b"Nothing is due.\n"
    raw = mail("ann@people.test", subject="From the shell", text="Words of the shell.\n")
    assert run("inject", "--sender", "ann@people.test", "perinatal@lists.test", data=raw).returncode == 0
    from listserv.context import open_context
    from listserv.settings import load

    ctx = open_context(load(settings))
    work(ctx)
    ctx.db.close()
    later = (datetime.now(UTC) + timedelta(days=8)).isoformat(timespec="minutes")
    shown = json.loads(run("digest", "preview", "perinatal", "--at", later, "--json").stdout)
    assert {(row["list"], row["member"], row["threads"]) for row in shown} == {
        ("perinatal", "rita@people.test", 1), ("perinatal", "dan@people.test", 1),
    }  # fmt: skip
    assert all(0 < row["size"] < 90_000 and row["subject"] for row in shown)
    text = run("digest", "preview", "perinatal", "--at", later, "--member", "rita@people.test").stdout.decode()
    assert "Words of the shell." in text and "Subject: " in text
    assert json.loads(run("digest", "preview", "anxiety", "--at", later, "--json").stdout) == []
    sent = run("digest", "send", "--at", later)
    assert sent.returncode == 0 and b"2 letters are in the outbox" in sent.stdout
    assert run("digest", "send", "--at", later).stdout == b"Nothing is due.\n"
    queue = json.loads(run("queue", "--json").stdout)
    assert {row["recipient"] for row in queue} >= {"rita@people.test", "dan@people.test"}
    wrong = run("digest", "send", "--at", "soon")
    assert wrong.returncode == 1 and b"write it like 2026-11-30T07:00" in wrong.stderr
    assert run("digest", "send", "nowhere").returncode == 1
