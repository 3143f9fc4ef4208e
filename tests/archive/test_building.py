"""The archive as files: one by one or all at once, in any order, interrupted or not, it ends with the same bytes."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update

from listserv import archiver, changes
from listserv.archiver import building, files, pages
from listserv.archiver.importing import import_mbox
from listserv.context import Context
from listserv.mail.mbox import written
from listserv.mail.threads import tag_of
from listserv.model import Person, Post, PostState
from tests import archives
from tests.conftest import NOW
from tests.people import add_person, mail, seed

_post = Post.__table__  # type: ignore[attr-defined]


def conversation(count: int = 40, seed_: int = 1) -> list[tuple[bytes, datetime]]:
    """Messages of several threads: with references, with a part of them, with Outlook's index alone, with a subject
    alone, to missing messages; some in circles."""
    chance = random.Random(seed_)
    found: list[tuple[bytes, datetime]] = []
    ids: list[tuple[str, str, list[str]]] = []
    for number in range(count):
        at = NOW + timedelta(hours=number * chance.choice([1, 5, 30]))
        own = f"<m{number}@people.test>"
        fields: dict[str, str] = {"date": at.strftime("%a, %d %b %Y %H:%M:%S +0000")}
        kind = chance.random()
        subject, chain = f"Topic number {number % 7} of the week", [own]
        if ids and kind < 0.5:
            parent, subject, refs = chance.choice(ids)
            chain = [*refs, own]
            fields["references"] = " ".join(refs[chance.randrange(len(refs)) :])
            fields["in_reply_to"] = parent if chance.random() < 0.7 else "<nobody@knows>"
            subject = subject if chance.random() < 0.8 else "Something else entirely"
        elif kind < 0.65:
            subject = f"Re: Topic number {number % 7} of the week"
        elif kind < 0.75:
            fields["references"] = f"<missing{number % 3}@people.test>"
        elif kind < 0.8:
            fields["references"] = f"<m{min(count - 1, number + 3)}@people.test>"
        subject = subject if subject.startswith("Re:") or "references" not in fields else f"Re: {subject}"
        sender = chance.choice(["Ann <ann@people.test>", "Ben <ben@people.test>", "A Stranger <x@old.test>"])
        date = fields.pop("date")
        raw = mail(sender, subject=subject, text=f"Words {number}?\n", message_id=own, **fields)
        raw = raw.replace(b"Date: Mon, 23 Nov 2026 18:00:00 +1100", f"Date: {date}".encode())
        found.append((raw, at))
        ids.append((own, subject.removeprefix("Re: "), chain))
    return found


def as_mbox(path: Path, messages: list[tuple[bytes, datetime]]) -> Path:
    path.write_bytes(b"".join(written(raw, at) for raw, at in messages))
    return path


def late(ctx: Context) -> Context:
    import dataclasses

    return dataclasses.replace(ctx, clock=lambda: NOW + timedelta(days=400))


@pytest.mark.parametrize("order", range(6))
def test_threads_are_the_same_in_any_order_of_arrival(
    make_context: Callable[..., Context], tmp_path: Path, order: int
) -> None:
    """One message at a time, each with an update of its own, against everything at once."""
    messages = conversation(seed_=order)
    whole = late(make_context(base=tmp_path / "whole"))
    import_mbox(whole, "perinatal", as_mbox(tmp_path / "whole.mbox", messages))
    archiver.build(whole, full=True)
    shuffled = messages[:]
    random.Random(order).shuffle(shuffled)
    single = late(make_context(base=tmp_path / "single"))
    for number, message in enumerate(shuffled):
        import_mbox(single, "perinatal", as_mbox(tmp_path / f"{number}.mbox", [message]))
        archiver.update(single)
    assert archives.threads(single) == archives.threads(whole)
    assert archives.files(single.settings.archive.directory) == archives.files(whole.settings.archive.directory)
    assert 2 < len(archives.threads(whole)) < len(messages)


def dated(raw: bytes, at: datetime) -> tuple[bytes, datetime]:
    date = at.strftime("%a, %d %b %Y %H:%M:%S +0000").encode()
    return raw.replace(b"Date: Mon, 23 Nov 2026 18:00:00 +1100", b"Date: " + date), at


def test_a_message_that_moves_to_another_conversation_is_told_in_its_month(
    make_context: Callable[..., Context], tmp_path: Path
) -> None:
    """What it answers comes late: both conversations keep their names, and the month of the answer has to say so."""
    day = timedelta(days=1)
    messages = [
        dated(mail("Ann <ann@people.test>", subject="A topic", message_id="<a@x>"), NOW),
        dated(mail("Ben <ben@people.test>", subject="Another", message_id="<b@x>"), NOW + day),
        dated(
            mail("Ben <ben@people.test>", subject="Re: A topic", message_id="<c@x>", in_reply_to="<m@x>"), NOW + 9 * day
        ),
        dated(
            mail("Ann <ann@people.test>", subject="Re: Another", message_id="<m@x>", in_reply_to="<b@x>"), NOW + 2 * day
        ),
    ]
    for name, parts in (("whole", [messages]), ("late", [messages[:3], messages[3:]])):
        ctx = late(make_context(base=tmp_path / name))
        for number, part in enumerate(parts):
            import_mbox(ctx, "perinatal", as_mbox(tmp_path / f"{name}{number}.mbox", part))
            archiver.build(ctx)
        assert archives.threads(ctx) == [["<a@x>"], ["<b@x>", "<m@x>", "<c@x>"]]
        month = (ctx.settings.archive.directory / "perinatal" / "2026-12.html").read_text()
        assert "Another" in month and "A topic" not in month, name


def test_a_full_build_gives_the_same_bytes(ctx: Context) -> None:
    seed(ctx)
    archiver.build(ctx)
    for number in range(5):
        archives.post(ctx, f"Question {number} for all", "Well?\n")
        archiver.update(ctx)
    archives.post(ctx, "Re: Question 1 for all", "Yes.\n", sender="ben@people.test")
    archiver.update(ctx)
    one_by_one = archives.files(ctx.settings.archive.directory)
    report = archiver.build(ctx, full=True)
    assert report.full and report.written == 0, "not a byte of a page was another one"
    assert archives.files(ctx.settings.archive.directory) == one_by_one


def test_one_post_touches_its_thread_its_month_and_its_list(ctx: Context) -> None:
    seed(ctx)
    for number in range(3):
        archives.post(ctx, f"Question {number} for all", "Well?\n")
    archives.post(ctx, "For anxiety", "Well?\n", to="anxiety@lists.test")
    archiver.build(ctx)
    before = archives.files(ctx.settings.archive.directory)
    message_id = archives.post(ctx, "Something new", "Well?\n")
    report = archiver.update(ctx)
    after = archives.files(ctx.settings.archive.directory)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"perinatal/index.html", "perinatal/2026-11.html", f"perinatal/t/{tag_of(message_id)}.html"}
    assert report.written == 3 and before.keys() <= after.keys()


def test_nothing_new_writes_nothing(ctx: Context) -> None:
    seed(ctx)
    archives.post(ctx)
    archiver.build(ctx)
    report = archiver.build(ctx)
    assert (report.messages, report.written, report.removed) == (0, 0, 0)


class Stopped(BaseException):
    """As if the process had been killed here."""


@pytest.mark.parametrize("after", [0, 1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("full", [True, False])
def test_a_build_that_was_interrupted_anywhere_ends_the_same(
    make_context: Callable[..., Context], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int, full: bool
) -> None:
    ctx = late(make_context(base=tmp_path / "house"))
    messages = conversation()
    import_mbox(ctx, "perinatal", as_mbox(tmp_path / "a.mbox", messages[:25]))
    archiver.build(ctx)
    import_mbox(ctx, "perinatal", as_mbox(tmp_path / "b.mbox", messages))
    real, count = files.write, 0

    def breaking(root: Path, name: str, data: bytes, *, sync: bool = False) -> bool:
        nonlocal count
        count += 1
        if count > after:
            raise Stopped
        return real(root, name, data, sync=sync)

    monkeypatch.setattr(files, "write", breaking)
    with pytest.raises(Stopped):
        archiver.build(ctx, full=full)
    monkeypatch.setattr(files, "write", real)
    archiver.update(ctx)
    resumed = archives.files(ctx.settings.archive.directory)
    assert archiver.build(ctx, full=True).written == 0
    assert archives.files(ctx.settings.archive.directory) == resumed


def test_what_no_message_accounts_for_is_cleared_away(ctx: Context) -> None:
    seed(ctx)
    archives.post(ctx)
    archiver.build(ctx)
    folder = ctx.settings.archive.directory
    before = archives.files(folder)
    for stale in ("perinatal/t/aaaaaaaaaaaaaaaa.html", "perinatal/2001-01.html"):
        (folder / stale).write_text("old")
    (folder / "perinatal/a/aaaaaaaaaaaaaaaa").mkdir(parents=True)
    (folder / "perinatal/a/aaaaaaaaaaaaaaaa/1.png").write_text("old")
    (folder / "README.md").write_text("kept")
    archiver.build(ctx, full=True)
    assert archives.files(folder) == before | {"README.md": b"kept"}


def test_the_index_can_be_deleted(ctx: Context) -> None:
    seed(ctx)
    archives.post(ctx)
    archiver.build(ctx)
    folder = ctx.settings.archive.directory
    before = archives.files(folder)
    for path in folder.glob("search.sqlite3*"):
        path.unlink()
    archiver.update(ctx)
    assert archives.files(folder) == before and archives.table(ctx, "SELECT * FROM message")


def test_a_change_of_name_and_profession_is_shown(ctx: Context) -> None:
    seed(ctx)
    archives.post(ctx)
    archiver.build(ctx)
    with ctx.db.transaction() as tx:
        tx.execute(update(Person).where(Person.name == "Ann Archer").values(name="Ann Bell", profession="GP"))  # type: ignore[arg-type]
    archiver.build(ctx)
    resumed = archives.files(ctx.settings.archive.directory)
    page = next(data for name, data in resumed.items() if "/t/" in name).decode()
    assert "Ann Bell" in page and "GP" in page and "Ann Archer" not in page
    assert archiver.build(ctx, full=True).written == 0


def test_other_settings_are_on_every_page(ctx: Context, make_context: Callable[..., Context]) -> None:
    import dataclasses

    seed(ctx)
    archives.post(ctx)
    archiver.build(ctx)
    listed = ctx.settings.lists["perinatal"].model_copy(update={"title": "Mothers and fathers"})
    settings = ctx.settings.model_copy(update={"lists": {**ctx.settings.lists, "perinatal": listed}})
    archiver.build(dataclasses.replace(ctx, settings=settings))
    pages_now = [data for name, data in archives.files(ctx.settings.archive.directory).items() if name.endswith("html")]
    assert len(pages_now) >= 3
    assert all(b"Mothers and fathers" in data for data in pages_now if b"Perinatal" in data or b"/perinatal/" in data)
    assert not any(b"Perinatal mental health" in data for data in pages_now)


SECRET = "Quokkasyndrome"


@pytest.mark.parametrize("gone", ["recalled", "erased"])
def test_what_is_taken_back_is_nowhere_any_more(ctx: Context, gone: str) -> None:
    """Looked for in every file, raw and decoded, in every blob of the index, and in its free pages and its log."""
    seed(ctx)
    first = archives.post(ctx, "Before", "Nothing special here.\n")
    raw = mail(subject=f"About {SECRET} today", text="", message_id="<secret@people.test>", mime_version="1.0",
               content_type='multipart/mixed; boundary="b"')  # fmt: skip
    raw += (f"--b\r\nContent-Type: text/plain\r\n\r\n{SECRET} again {SECRET}\r\n--b\r\nContent-Type: text/plain\r\n"
            f'Content-Disposition: attachment; filename="{SECRET}.txt"\r\n\r\n{SECRET}\r\n--b--\r\n'
            ).encode()  # fmt: skip
    archives.post(ctx, raw=raw)
    answer = archives.post(ctx, "Re: About it", "An answer.\n", sender="ben@people.test",
                           in_reply_to="<secret@people.test>", references="<secret@people.test>")  # fmt: skip
    archiver.build(ctx)
    assert {"1.txt", "fragment"} <= set(_found(ctx, SECRET)) and len(_found(ctx, SECRET)) > 4
    with ctx.db.transaction() as tx:
        row = tx.execute(text("SELECT id, list_name FROM post WHERE subject LIKE '%Quokka%'")).one()
        if gone == "recalled":
            tx.execute(update(_post).where(_post.c.id == row.id).values(state=PostState.RECALLED))
        else:
            tx.execute(text("DELETE FROM delivery WHERE post_id = :id"), {"id": row.id})
            tx.execute(text("DELETE FROM post WHERE id = :id"), {"id": row.id})
        changes.note(tx, row.list_name, ctx.clock(), row.id)
    archiver.update(ctx)
    assert not _found(ctx, SECRET)
    one_thread = [["<secret@people.test>", answer]] if gone == "recalled" else [[answer]]
    found = [sorted(thread) for thread in archives.threads(ctx)]  # of one second: chance orders them
    assert sorted(found) == sorted([[first], *map(sorted, one_thread)])
    pages_now = archives.files(ctx.settings.archive.directory)
    if gone == "recalled":
        assert b"This message was taken back" in pages_now[f"perinatal/t/{tag_of('secret@people.test')}.html"]
    assert archiver.build(ctx, full=True).written == 0
    assert not _found(ctx, SECRET)


def _found(ctx: Context, word: str) -> list[str]:
    import zlib

    places = []
    wanted = [word.lower().encode(), word.lower()[:9].encode()]  # as written, and as the stemmer may have cut it
    for path in ctx.settings.archive.directory.rglob("*"):
        if path.is_file() and any(one in path.read_bytes().lower() for one in wanted):
            places.append(path.name)
    for row in archives.table(ctx, "SELECT html FROM fragment"):
        if any(one in zlib.decompress(row[0]).lower() for one in wanted):
            places.append("fragment")
    return places


def test_a_long_conversation_is_split_into_pages(make_context: Callable[..., Context], tmp_path: Path) -> None:
    ctx = late(make_context(base=tmp_path / "house"))
    root = "<root@people.test>"
    messages = [(mail(subject="Long one", message_id=root), NOW)]
    for number in range(230):
        messages.append((mail("ben@people.test", subject="Re: Long one", text=f"Answer {number}\n",
                              message_id=f"<{number}@x>", in_reply_to=root), NOW))  # fmt: skip
    import_mbox(ctx, "perinatal", as_mbox(tmp_path / "a.mbox", messages))
    archiver.build(ctx)
    tag = tag_of(root)
    names = [name for name in archives.files(ctx.settings.archive.directory) if "/t/" in name]
    assert names == [f"perinatal/t/{tag}{end}.html" for end in ("-2", "-3", "")]
    counts = [archives.files(ctx.settings.archive.directory)[name].count(b"<article") for name in names]
    assert sum(counts) == 231 and max(counts) == building.placing.PER_PAGE


def test_a_subject_stands_once_above_its_conversation(ctx: Context) -> None:
    seed(ctx)
    first = archives.post(ctx, "Sleep diaries", "What do you use?\n")
    more = {"in_reply_to": first, "references": first, "sender": "ben@people.test"}
    archives.post(ctx, "Re: Sleep diaries", "One line a day.\n", **more)
    archives.post(ctx, "Groups for fathers (was: Sleep diaries)", "And fathers?\n", **more)
    archiver.build(ctx)
    made = archives.files(ctx.settings.archive.directory)
    (page,) = [data.decode() for name, data in made.items() if "/t/" in name]
    assert page.count("<article") == 3 and page.count('class="own-subject"') == 1
    assert '<p class="own-subject">Groups for fathers (was: Sleep diaries)</p>' in page


def test_a_month_is_that_of_the_community(ctx: Context) -> None:
    """23 November, 8:00 UTC is the same day in Sydney; the end of a month is another month there."""
    assert pages.month_name(ctx, "2026-11") == "November 2026"
    from listserv.archiver.entries import month_of

    zone = ctx.settings.community.zone
    assert month_of(NOW.replace(day=30, hour=14), zone) == "2026-12"


def test_an_import_adds_nothing_twice_and_sends_nothing(ctx: Context, tmp_path: Path) -> None:
    ctx = late(ctx)
    with ctx.db.transaction() as tx:
        add_person(tx, "ann@people.test", name="Ann Archer", lists=("perinatal",))
    box = as_mbox(tmp_path / "old.mbox", conversation(10))
    first, second = import_mbox(ctx, "perinatal", box), import_mbox(ctx, "perinatal", box)
    assert (first.read, first.added, first.known) == (10, 10, 0)
    assert (second.read, second.added, second.known) == (10, 0, 10)
    with ctx.db.reading() as tx:
        assert tx.execute(text("SELECT COUNT(*) FROM delivery")).scalar() == 0
        assert tx.execute(text("SELECT COUNT(*) FROM notice")).scalar() == 0
        assert tx.execute(text("SELECT COUNT(*) FROM post WHERE person_id IS NOT NULL")).scalar()


def test_an_archive_that_is_ahead_of_its_database_is_built_anew(ctx: Context) -> None:
    """A backup was put back: numbers of changes are given out a second time."""
    seed(ctx)
    for number in range(3):
        archives.post(ctx, f"Question {number} for all")
    archiver.build(ctx)
    with ctx.db.transaction() as tx:
        tx.execute(text("DELETE FROM delivery"))
        tx.execute(text("DELETE FROM change WHERE id > 1"))
        tx.execute(text("DELETE FROM post WHERE id > 1"))
    report = archiver.update(ctx)
    assert report.full and len(archives.threads(ctx)) == 1


def test_a_message_that_we_fail_on_does_not_keep_the_others_out(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from listserv.archiver import entries

    seed(ctx)
    real = entries.render

    def failing(message: object, **more: object) -> object:
        if b"poison" in message.raw:  # type: ignore[attr-defined]
            raise RecursionError("deep")
        return real(message, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(entries, "render", failing)
    archives.post(ctx, "Before all", "Well?\n")
    poison = archives.post(ctx, "Poisoned one", "poison\n")
    archives.post(ctx, "After all", "Well?\n")
    archiver.build(ctx)
    found = archives.files(ctx.settings.archive.directory)
    assert b"This message could not be shown" in found[f"perinatal/t/{tag_of(poison)}.html"]
    assert len(archives.threads(ctx)) == 3 and "cannot be shown in the archive: RecursionError" in caplog.text
    monkeypatch.setattr(entries, "render", real)
    archiver.build(ctx, full=True)
    assert b"poison" in archives.files(ctx.settings.archive.directory)[f"perinatal/t/{tag_of(poison)}.html"]


def test_a_page_that_we_fail_on_is_tried_again(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seed(ctx)
    archives.post(ctx, "Before all", "Well?\n")
    real = pages.month
    monkeypatch.setattr(pages, "month", lambda *_: 1 / 0)
    archiver.build(ctx)
    assert "the page perinatal month 2026-11 of the archive cannot be made: ZeroDivisionError" in caplog.text
    assert "perinatal/index.html" in archives.files(ctx.settings.archive.directory)
    monkeypatch.setattr(pages, "month", real)
    assert archiver.update(ctx).written == 1


def test_two_posts_with_one_tag_are_both_there(ctx: Context) -> None:
    """As two machines could give them in the same moment."""
    seed(ctx)
    archives.post(ctx, "One of them", "Well?\n")
    archives.post(ctx, "The other one", "Well?\n")
    with ctx.db.transaction() as tx:
        tx.execute(text("UPDATE post SET tag = (SELECT MIN(tag) FROM post)"))
    archiver.build(ctx)
    assert len(archives.threads(ctx)) == 2 and archiver.build(ctx, full=True).written == 0


def test_settings_that_are_in_every_entry_make_all_anew(ctx: Context) -> None:
    import dataclasses

    seed(ctx)
    archives.post(ctx, "Quokkas for all", "I am ann@people.test\n")
    archiver.build(ctx)
    hidden = ctx.settings.archive.model_copy(update={"addresses": "hidden"})
    other = dataclasses.replace(ctx, settings=ctx.settings.model_copy(update={"archive": hidden}))
    assert archiver.update(other).full
    assert not _found(other, "ann@people.test")
    fewer = {name: one for name, one in ctx.settings.lists.items() if name != "perinatal"}
    without = dataclasses.replace(ctx, settings=ctx.settings.model_copy(update={"lists": fewer}))
    assert archiver.update(without).full
    assert not (ctx.settings.archive.directory / "perinatal").exists() and not _found(without, "Quokkas for all")


def test_a_broken_index_is_said(ctx: Context) -> None:
    from listserv.errors import UserError

    seed(ctx)
    archiver.build(ctx)
    for path in ctx.settings.archive.directory.glob("search.sqlite3*"):
        path.unlink()
    (ctx.settings.archive.directory / "search.sqlite3").write_text("no database " * 1000)
    with pytest.raises(UserError, match="delete it, and it is made anew"):
        archiver.update(ctx)


def test_opening_the_index_to_write_keeps_the_locks_of_those_who_read(
    make_context: Callable[..., Context],
) -> None:
    """POSIX drops every lock of a process on a file when it closes any handle of it: another process would then take
    the log away under whoever reads here (seen as "disk I/O error" when a command ran beside the daemon)."""
    import subprocess
    import sys
    from contextlib import closing

    ctx = make_context()
    seed(ctx)
    archives.post(ctx)
    archiver.build(ctx)
    folder = ctx.settings.archive.directory
    with closing(archiver.connect(folder)) as kept:
        assert kept.execute("SELECT COUNT(*) FROM message").fetchone()[0] == 1
        archiver.connect(folder, write=True).close()
        other = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute('SELECT * FROM meta'); d.close()"
        subprocess.run([sys.executable, "-c", other, str(folder / "search.sqlite3")], check=True)
        assert (folder / "search.sqlite3-wal").exists(), "the log that the reader has open"
