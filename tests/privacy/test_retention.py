"""Nothing is kept longer than the settings say, whoever looks how often; nothing goes that is still needed."""

from __future__ import annotations

import asyncio
import threading
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text, update

from listserv import archiver, housekeeping, privacy
from listserv.archiver.importing import import_mbox
from listserv.context import Context
from listserv.edge import forgetting
from listserv.mail.mbox import written
from listserv.model import Post, PostState, Quarantine, QuarantineState, Session
from listserv.moderate import By, decide
from listserv.posts import Envelope
from listserv.privacy import retention
from listserv.quarantine import set_aside
from tests import archives
from tests.conftest import NOW, community
from tests.house import put, rows, scalar, work
from tests.letters import Clock
from tests.people import mail, seed
from tests.privacy import world

SOON = timedelta(days=1)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def make(request: pytest.FixtureRequest, make_context: Callable[..., Context], clock: Clock) -> Callable[..., Context]:
    def made(**kept: str) -> Context:
        more: dict[str, Any] = {"retention": kept}
        if request.param == "postgresql":
            more["database"] = request.getfixturevalue("postgresql")
        return make_context(community(**more), clock=clock)

    return made


def night(ctx: Context) -> int:
    return asyncio.run(retention.run(ctx))


def count(ctx: Context, table: str, more: str = "1 = 1") -> int:
    return int(scalar(ctx, f"SELECT COUNT(*) FROM {table} WHERE {more}"))


def test_refused_mail_is_forgotten_after_its_time(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make(refusals="10d")
    put(ctx, mail("stranger@else.test"), sender="stranger@else.test")
    assert count(ctx, "refusal") == 1
    for days, left in ((9, 1), (2, 0)):
        clock.now += timedelta(days=days)
        night(ctx)
        assert count(ctx, "refusal") == left


def test_texts_of_our_mails_go_and_what_is_still_to_be_sent_stays(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make(notices="20d", letters="5d")
    seed(ctx)
    for number in range(2):
        put(ctx, mail("nia@people.test", "anxiety@lists.test", f"Question {number}"), "anxiety@lists.test",
            sender="nia@people.test")  # fmt: skip
    work(ctx)
    assert count(ctx, "notice", "length(raw) = 0") == 0 < count(ctx, "notice")
    with ctx.db.transaction() as tx:
        tx.execute(text("UPDATE delivery SET state = 'sent', finished_at = created_at WHERE notice_id > 1"))
        tx.execute(text("UPDATE notice SET kind = 'digest' WHERE id = 2"))
    clock.now += timedelta(days=6)
    night(ctx)
    assert [row.id for row in rows(ctx, "SELECT id FROM notice WHERE length(raw) = 0")] == [2]
    clock.now += timedelta(days=15)
    night(ctx)
    assert [row.id for row in rows(ctx, "SELECT id FROM notice WHERE length(raw) > 0")] == [1], "it waits to be sent"
    assert count(ctx, "notice", "subject <> ''") == count(ctx, "notice")


def test_what_became_of_copies_is_kept_for_its_time(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make(deliveries="30d")
    seed(ctx)
    archives.post(ctx, "Sleep")
    put(ctx, mail("nia@people.test", "anxiety@lists.test"), "anxiety@lists.test", sender="nia@people.test")
    work(ctx)
    with ctx.db.transaction() as tx:
        tx.execute(text("UPDATE delivery SET state = 'failed', finished_at = created_at WHERE id < 4"))
        tx.execute(text("UPDATE delivery SET state = 'sent', finished_at = created_at WHERE notice_id IS NOT NULL"))
        tx.execute(text("INSERT INTO attempt (delivery_id, at, result, reply) SELECT 1, created_at, 'failed', 'no'"
                        " FROM delivery WHERE id = 1"))  # fmt: skip
    before = count(ctx, "delivery")
    clock.now += timedelta(days=29)
    night(ctx)
    assert count(ctx, "delivery") == before
    clock.now += timedelta(days=2)
    night(ctx)
    assert count(ctx, "attempt") == 0 and count(ctx, "delivery", "id < 4") == 0
    newest = scalar(ctx, "SELECT MAX(id) FROM delivery")
    waiting = count(ctx, "delivery", "state = 'pending'")
    assert waiting and count(ctx, "delivery") == waiting + count(
        ctx, "delivery", f"id = {newest} AND state <> 'pending'"
    )
    assert count(ctx, "notice") <= 1, "mails of which no delivery is known are gone, but for the newest"


def _not_sent(ctx: Context) -> dict[str, int]:
    """A post refused, one withdrawn, one on two lists refused on one of them only."""
    seed(ctx)
    numbers = {}
    for words in ("refused", "waits"):
        raw = mail("nia@people.test", "anxiety@lists.test", words, "Words that go.\n", message_id=f"<{words}@x>")
        put(ctx, raw, "anxiety@lists.test", sender="nia@people.test")
        numbers[words] = scalar(ctx, "SELECT MAX(id) FROM post")
    both = mail("ann@people.test", "perinatal@lists.test, anxiety@lists.test", "both", "Both.\n", message_id="<b@x>")
    put(ctx, both, "perinatal@lists.test", "anxiety@lists.test")
    work(ctx)
    with ctx.db.transaction() as tx:
        decide(ctx, tx, numbers["refused"], "reject", By("Mia Moss", "shell"), "No")
        tx.execute(text("UPDATE post SET state = 'rejected' WHERE subject = 'both' AND list_name = 'anxiety'"))
    return numbers


def test_texts_of_posts_that_went_to_nobody_are_destroyed(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make(undistributed="30d")
    numbers = _not_sent(ctx)
    clock.now += timedelta(days=29)
    night(ctx)
    assert count(ctx, "message", "size = 0") == 0
    clock.now += timedelta(days=2)
    night(ctx)
    gone = rows(ctx, "SELECT p.id, p.subject, p.state, m.raw FROM post p JOIN message m ON m.id = p.message_id"
                     " WHERE m.size = 0")  # fmt: skip
    assert [(row.id, row.subject, row.state, zlib.decompress(row.raw)) for row in gone] == [
        (numbers["refused"], "", "rejected", b"")
    ], "what waits, and what another list has, stays"
    assert count(ctx, "decision") == 1, "who decided what is still known"
    assert night(ctx) == 0


def test_of_a_post_that_was_taken_back_its_place_is_left(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make(undistributed="30d")
    seed(ctx)
    first = archives.post(ctx, "Sleep")
    second = archives.post(ctx, "Re: Sleep", "Words that go.\n", sender="ben@people.test", in_reply_to=first)
    third = archives.post(ctx, "Re: Sleep", "An answer.\n", in_reply_to=second, references=second)
    archiver.build(ctx)
    before = archives.threads(ctx)
    with ctx.db.transaction() as tx:
        tx.execute(update(Post).where(Post.message_id_header == second).values(state=PostState.RECALLED))  # type: ignore[arg-type]
    clock.now += timedelta(days=31)
    night(ctx)
    night(ctx)
    raw = scalar(ctx, "SELECT m.raw FROM message m JOIN post p ON p.message_id = m.id WHERE p.state = 'recalled'")
    assert b"In-Reply-To" in zlib.decompress(raw).replace(b"in-reply-to", b"In-Reply-To")
    assert b"Words that go" not in zlib.decompress(raw)
    archiver.build(ctx, full=True)
    assert archives.threads(ctx) == before and len(before[0]) == 3 and third


def test_old_posts_go_from_the_database_and_the_archive(
    make: Callable[..., Context], clock: Clock, tmp_path: Path
) -> None:
    ctx = make(posts="5y", deliveries="forever")
    seed(ctx)
    old = archives.post(ctx, "Of old", "Quokkasyndrome.\n")
    put(
        ctx,
        mail("nia@people.test", "anxiety@lists.test", "Quokkas wait"),
        "anxiety@lists.test",
        sender="nia@people.test",
    )
    work(ctx)
    archiver.build(ctx)
    clock.now += timedelta(days=5 * 365 - 2)
    new = archives.post(ctx, "Re: Of old", "Still true.\n", sender="ben@people.test", references=old)
    archiver.update(ctx)
    night(ctx)
    assert len(archives.threads(ctx)[0]) == 2
    clock.now += timedelta(days=4)
    assert night(ctx) > 0
    archiver.update(ctx)
    assert archives.threads(ctx) == [[new]] and not world.places(ctx, "Quokkasyndrome")
    assert count(ctx, "post", "state = 'held'") == 1, "what waits for a decision is not old"
    assert count(ctx, "delivery", "post_id = 1") == 0 and count(ctx, "message") == 2
    assert archiver.build(ctx, full=True).written == 0


def test_an_imported_archive_is_as_old_as_its_messages(
    make: Callable[..., Context], clock: Clock, tmp_path: Path
) -> None:
    ctx = make(posts="1y")
    raws = [
        mail(subject=f"Number {n}", message_id=f"<{n}@old>").replace(b"23 Nov 2026", b"23 Nov 2022") for n in range(5)
    ]
    (tmp_path / "old.mbox").write_bytes(b"".join(written(raw, NOW - timedelta(days=1462)) for raw in raws))
    import_mbox(ctx, "perinatal", tmp_path / "old.mbox")
    archives.post(ctx, "Of today", sender="ann@people.test") if not seed(ctx) else None
    archiver.build(ctx)
    assert len(archives.threads(ctx)) == 6
    night(ctx)
    archiver.update(ctx)
    assert len(archives.threads(ctx)) == 1


def test_many_rows_go_in_small_commits(
    make: Callable[..., Context], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = make()
    monkeypatch.setattr(retention, "BATCH", 7)
    _refusals(ctx, 40)
    clock.now += timedelta(days=31)
    assert night(ctx) == 40 and count(ctx, "refusal") == 0


def _refusals(ctx: Context, number: int) -> None:
    from listserv.model import Refusal

    row = dict.fromkeys(
        ("list_name", "envelope_sender", "from_address", "peer", "message_id_header", "action", "reasons", "reply"), "x"
    )
    with ctx.db.transaction() as tx:
        tx.execute(insert(Refusal), [{**row, "at": ctx.clock()} for _ in range(number)])


def test_two_schedulers_do_no_harm(make: Callable[..., Context], clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx = make(posts="30d")
    monkeypatch.setattr(retention, "BATCH", 5)
    seed(ctx)
    for number in range(12):
        archives.post(ctx, f"Question {number} for all")
    _refusals(ctx, 60)
    clock.now += timedelta(days=40)
    failed: list[BaseException] = []

    def scheduler(ctx: Context) -> None:
        try:
            night(ctx)
        except BaseException as error:
            failed.append(error)

    both = [threading.Thread(target=scheduler, args=(one,)) for one in (ctx, make(posts="30d"))]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert not failed
    assert count(ctx, "refusal") == 0 and count(ctx, "post") == 1


def test_sessions_that_have_ended_and_mail_that_was_tried_again(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make()
    seed(ctx)
    with ctx.db.transaction() as tx:
        for days in (1, 40, 41):
            tx.execute(insert(Session).values(person_id=1, created_at=NOW, expires_at=NOW + timedelta(days=days)))
        for number in range(2):
            envelope = Envelope("ann@people.test", "", "", "ESMTP", NOW)
            set_aside(tx, mail(subject=f"{number}"), envelope, ["perinatal@lists.test"], "x", "Error")
        tx.execute(update(Quarantine).where(Quarantine.id == 1).values(state=QuarantineState.RETRIED))  # type: ignore[arg-type]
    clock.now += timedelta(days=100)
    night(ctx)
    assert count(ctx, "session") == 1, "the newest stays: its number stands in a cookie"
    assert [row.state for row in rows(ctx, "SELECT state FROM quarantine")] == ["waiting"]


def test_forever_is_forever(make: Callable[..., Context], clock: Clock) -> None:
    ctx = make(refusals="forever", deliveries="forever", notices="forever")
    put(ctx, mail("stranger@else.test"), sender="stranger@else.test")
    seed(ctx)
    archives.post(ctx, "Sleep")
    before = count(ctx, "delivery"), count(ctx, "refusal"), count(ctx, "post")
    clock.now += timedelta(days=10_000)
    night(ctx)
    assert (count(ctx, "delivery"), count(ctx, "refusal"), count(ctx, "post")) == before


def test_the_night_ends_an_erasure_that_was_interrupted(
    make: Callable[..., Context], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = make()
    seed(ctx)
    archives.post(ctx, "Sleep", "Yours\nAnn Archer\n")
    archiver.build(ctx)
    real = forgetting.tidy
    monkeypatch.setattr(forgetting, "tidy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        privacy.erase(ctx, privacy.survey(ctx, "ann@people.test"))
    monkeypatch.setattr(forgetting, "tidy", real)
    assert privacy.is_unfinished(ctx)
    asyncio.run(housekeeping.purge(ctx))
    assert not privacy.is_unfinished(ctx) and not world.places(ctx, "ann@people.test", "Ann Archer")


def test_defaults_are_those_that_are_documented(make: Callable[..., Context]) -> None:
    """The table of docs/privacy.md is what the program does."""
    page = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text()
    for name, kept in make().settings.retention:
        words = "forever" if kept is None else f"{kept.days}d"
        assert f"| `{name}` | {words} |" in page, f"docs/privacy.md: `{name}` is {words}"
    assert isinstance(NOW, datetime)
