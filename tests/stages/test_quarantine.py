"""What we fail on ourselves is kept and can be tried again; a full disk is a 452, and then it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import event, text

from listserv import copies, distribute, posts, quarantine, worker
from listserv.context import Context
from tests.conftest import community
from tests.daemon import running
from tests.house import copies_of, notices, put, rows, scalar, work
from tests.people import add_person, mail, seed


def _break(*_: object, **__: object) -> None:
    raise ZeroDivisionError("our mistake")


def test_a_message_that_we_fail_on_gets_its_250_and_is_kept_with_the_traceback(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(ctx)
    with monkeypatch.context() as patch:
        patch.setattr(posts, "decide", _break)
        assert put(ctx, mail())[0].code == 250
        assert put(ctx, mail())[0].code == 250  # the same message again finds its row
    with ctx.db.reading() as tx:
        (row,) = quarantine.waiting(tx)
    assert row.stage == "accept" and "ZeroDivisionError" in row.error
    assert quarantine.message(row) == mail() and row.recipients == ["perinatal@lists.test"]
    assert scalar(ctx, "SELECT count(*) FROM post") == 0


@pytest.mark.parametrize(
    ("module", "name", "stage"), [(distribute, "release", "distribute"), (copies, "shared_copy", "compose")]
)
def test_a_post_that_a_later_stage_fails_on_is_set_aside_and_goes_on_when_retried(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, module: object, name: str, stage: str
) -> None:
    seed(ctx)
    put(ctx, mail())
    with monkeypatch.context() as patch:
        patch.setattr(module, name, _break)
        work(ctx)
    assert scalar(ctx, "SELECT state FROM post") == "quarantined"
    with ctx.db.transaction() as tx:
        (row,) = quarantine.waiting(tx)
        assert row.stage == stage
        assert quarantine.reopen_post(tx, row, ctx.clock())
        quarantine.done(tx, row.id)
    work(ctx)
    assert len(copies_of(ctx)) == 4


def test_a_notice_that_we_fail_on_does_not_lose_the_held_post(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(ctx)
    put(ctx, mail("nia@people.test", "anxiety@lists.test"), "anxiety@lists.test", sender="nia@people.test")
    with monkeypatch.context() as patch:
        patch.setattr(worker.moderate, "announce", _break)
        work(ctx)
    assert scalar(ctx, "SELECT state FROM post") == "quarantined"
    assert notices(ctx) == []


def test_when_even_keeping_it_fails_the_answer_is_451(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(ctx)
    monkeypatch.setattr(posts, "decide", _break)
    monkeypatch.setattr(quarantine, "set_aside", _break)
    (reply,) = put(ctx, mail())
    assert (reply.code, reply.enhanced) == (451, "4.3.0")
    assert "ZeroDivision" not in str(reply) and "our mistake" not in str(reply)


def test_a_full_disk_is_a_452_and_afterwards_it_goes_on(make_context: object) -> None:
    ctx: Context = make_context()  # type: ignore[operator]
    seed(ctx)
    full = True

    @event.listens_for(ctx.db.engine, "begin")
    def _limit(connection: object) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() if full else 1_000_000  # type: ignore[attr-defined]
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")  # type: ignore[attr-defined]

    big = mail(text="".join(f"{number * 7919 % 10007} words of some length\n" for number in range(4000)))
    (reply,) = put(ctx, big)
    assert (reply.code, reply.enhanced) == (452, "4.3.1")
    full = False
    assert put(ctx, big)[0].code == 250
    work(ctx)
    assert len(copies_of(ctx)) == 4


def test_the_shell_shows_and_retries_what_was_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, community(), start=False) as (daemon, catcher):
        with daemon.ctx.db.transaction() as tx:
            add_person(tx, "ann@people.test", lists=("perinatal",))
        with monkeypatch.context() as patch:
            patch.setattr(posts, "decide", _break)
            put(daemon.ctx, mail())
        shown = json.loads(daemon.command("quarantine", "--json").stdout)
        assert [(row["stage"], row["recipients"]) for row in shown] == [("accept", ["perinatal@lists.test"])]
        assert "ZeroDivisionError" in shown[0]["error"]
        done = daemon.command("quarantine", "retry", str(shown[0]["id"]))
        assert done.returncode == 0 and b"250 2.0.0" in done.stdout
        assert daemon.command("quarantine", "retry", "99").returncode == 1
        daemon.start()
        daemon.until(lambda: len(catcher.kept) == 1)
        assert json.loads(daemon.command("quarantine", "--json").stdout) == []


def test_a_commit_that_is_shared_fails_for_nobody_else(ctx: Context) -> None:
    futures = [
        ctx.db.submit(lambda tx, n=n: tx.execute(text("SELECT 1" if n % 3 else "SELECT nothing")).scalar())
        for n in range(30)
    ]
    outcomes = [future.exception(10) is None for future in futures]
    assert outcomes == [bool(n % 3) for n in range(30)]
    assert rows(ctx, "SELECT 1 AS one")[0].one == 1
