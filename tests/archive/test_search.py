"""Searching: what a person types is understood, found, marked and put in order; and nothing else is found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv import archiver
from listserv.archiver import query
from listserv.archiver.importing import import_mbox
from listserv.context import Context
from listserv.mail.mbox import written
from tests.conftest import NOW
from tests.people import add_person, mail

SYDNEY = ZoneInfo("Australia/Sydney")
LISTS = ["perinatal", "anxiety", "news"]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """A dozen messages on two lists, over two years."""
    from listserv.context import open_context
    from listserv.settings import parse
    from tests.conftest import community

    folder = tmp_path_factory.mktemp("search")
    ctx = open_context(parse(community(), base=folder), clock=lambda: NOW)
    with ctx.db.transaction() as tx:
        add_person(tx, "ann@people.test", name="Ann Archer", lists=LISTS)
        add_person(tx, "ben@people.test", name="Benedikt Bauer-Müller", lists=LISTS)
    attached = mail(subject="A form", text="", message_id="<form@x>", mime_version="1.0",
                    content_type='multipart/mixed; boundary="b"')  # fmt: skip
    attached += (b'--b\r\nContent-Type: text/plain\r\n\r\nHere is the form.\r\n--b\r\nContent-Type: application/pdf\r\n'
                 b'Content-Disposition: attachment; filename="intake-form.pdf"\r\n\r\n%PDF\r\n--b--\r\n')  # fmt: skip
    said = [
        ("perinatal", "2026-11-20", "ann", "Sleep diaries", "One line a day, on the fridge. Breathing helps as well."),
        ("perinatal", "2026-11-10", "ben", "Re: Sleep diaries", "Diary or not, sleep is what matters."),
        ("perinatal", "2025-03-01", "ann", "Groups for fathers", "Has anybody led a group for fathers?"),
        ("perinatal", "2025-03-31", "ben", "Re: Groups for fathers", "Yes, sleep was the first topic. Naïve café."),
        ("anxiety", "2026-11-01", "ann", "Breathing exercises", "Slow breathing, four and six."),
        ("anxiety", "2026-11-02", "ben", "Exposure at school", "The diary of a pupil, day by day."),
        ("anxiety", "2026-11-03", "ben", "Long one", "diary " + "word " * 5000 + "needle"),
    ]
    for number, (name, day, who, subject, words) in enumerate(said):
        raw = mail(f"{who.title()} <{who}@people.test>", subject=subject, text=words, message_id=f"<s{number}@x>")
        raw = raw.replace(b"Mon, 23 Nov 2026 18:00:00 +1100", f"{_date(day)}".encode())
        _import(ctx, name, raw)
    _import(ctx, "perinatal", attached)
    archiver.build(ctx)
    yield ctx
    ctx.db.close()


def _date(day: str) -> str:
    return datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=SYDNEY).strftime("%a, %d %b %Y %H:%M:%S %z")


def _import(ctx: Context, name: str, raw: bytes) -> None:
    box = ctx.settings.base / "one.mbox"
    box.write_bytes(written(raw, NOW))
    import_mbox(ctx, name, box)


def found(ctx: Context, text: str, lists: list[str] = LISTS, **more: bool) -> list[str]:
    with closing(archiver.connect(ctx.settings.archive.directory)) as db:
        typing = more.pop("typing", False)
        answer = query.search(db, query.read(text, SYDNEY, typing=typing), lists, **more)  # type: ignore[arg-type]
        assert answer.count == len(answer.hits) and not answer.many and not answer.late
        return [hit.row["subject"] for hit in answer.hits]


ASKED = [
    ("fathers", {"Groups for fathers", "Re: Groups for fathers"}),
    ("father", {"Groups for fathers", "Re: Groups for fathers"}),  # stemmed
    ("diary", {"Sleep diaries", "Re: Sleep diaries", "Exposure at school", "Long one"}),
    ("DIARIES fridge", {"Sleep diaries"}),
    ('"line a day"', {"Sleep diaries"}),
    ('"day a line"', set()),
    ("breathing -fridge", {"Breathing exercises"}),
    ("-diary", {"Groups for fathers", "Breathing exercises", "A form", "Re: Groups for fathers"}),
    ("from:ann", {"Sleep diaries", "Groups for fathers", "Breathing exercises", "A form"}),
    ("from:ann sleep", {"Sleep diaries"}),
    ('from:"Ann Archer" list:anxiety', {"Breathing exercises"}),
    ("from:muller sleep", {"Re: Sleep diaries", "Re: Groups for fathers"}),  # diacritics do not matter
    ("from:ben@people.test pupil", {"Exposure at school"}),
    ("list:anxiety", {"Breathing exercises", "Exposure at school", "Long one"}),
    ("list:anxiety list:perinatal breathing", {"Sleep diaries", "Breathing exercises"}),
    ("list:nolist", set()),
    ("has:attachment", {"A form"}),
    ("intake-form", set()),
    ("after:2026-11-20", {"Sleep diaries", "A form"}),
    ("after:2025-03-01 before:2025-03-31", {"Groups for fathers", "Re: Groups for fathers"}),
    ("before:2025-02-28", set()),
    ("after:2025-03-02 before:2025-03-30", set()),
    ("subject:breathing", {"Breathing exercises"}),
    ("breath*", {"Sleep diaries", "Breathing exercises"}),
    ("naive cafe", {"Re: Groups for fathers"}),
    ("sleep -from:ben", {"Sleep diaries"}),
    ("", set()),
    ("   ", set()),
    ("from:", set()),
    ("-", set()),
    ('"', set()),
]


@pytest.mark.parametrize(("asked", "subjects"), ASKED)
def test_what_is_asked_is_found(index: Context, asked: str, subjects: set[str]) -> None:
    assert set(found(index, asked)) == subjects


def test_by_relevance_and_by_time(index: Context) -> None:
    assert found(index, "breathing")[0] == "Breathing exercises", "a word in the subject counts more"
    assert found(index, "breathing", by_date=True) == ["Sleep diaries", "Breathing exercises"]


def test_a_word_that_is_not_finished(index: Context) -> None:
    assert "Breathing exercises" in found(index, "breathi", typing=True)
    assert found(index, "breathi ", typing=True) == []


@pytest.mark.parametrize("lists", [["anxiety"], ["perinatal"], ["news"], []])
@pytest.mark.parametrize("asked", [asked for asked, _ in ASKED])
def test_only_the_readers_lists_are_looked_at(index: Context, lists: list[str], asked: str) -> None:
    with closing(archiver.connect(index.settings.archive.directory)) as db:
        answer = query.search(db, query.read(asked, SYDNEY), lists)
    assert {hit.row["list"] for hit in answer.hits} <= set(lists)
    assert answer.count == len(answer.hits)


def test_found_words_are_marked_in_their_neighbourhood(index: Context) -> None:
    with closing(archiver.connect(index.settings.archive.directory)) as db:
        hit = query.search(db, query.read("pupil", SYDNEY), LISTS).hits[0]
        assert hit.snippet == f"The diary of a {query.BEGIN}pupil{query.END}, day by day."
        assert not query.search(db, query.read("needle", SYDNEY), LISTS).hits, "beyond what is indexed of one message"


@pytest.mark.parametrize(
    ("asked", "words"),
    [("after:yesterday", "YYYY-MM-DD"), ("before:2026-13-01", "YYYY-MM-DD"), ("has:wings", "attachment")],
)
def test_what_is_not_understood_is_said(asked: str, words: str) -> None:
    assert words in query.read(asked, SYDNEY).wrong[0]


@given(st.text(max_size=120), st.booleans())
def test_no_query_is_too_strange(index: Context, asked: str, typing: bool) -> None:
    with closing(archiver.connect(index.settings.archive.directory)) as db:
        query.search(db, query.read(asked, SYDNEY, typing=typing), LISTS)


SYNTAX = ["NEAR(a b)", "a AND", "OR", "NOT x", "(a", "a)", "marks:l1", "{subject}: x", "^a", "a+b", "a:b:c", "*", "a**",
          "\x00", "'; DROP TABLE message; --", '"unclosed', 'a"b"c', "col : x", "💊", "'", "%", "_", "\\"]  # fmt: skip


@pytest.mark.parametrize("asked", SYNTAX)
def test_the_language_of_the_index_is_not_spoken(index: Context, asked: str) -> None:
    with closing(archiver.connect(index.settings.archive.directory)) as db:
        answer = query.search(db, query.read(asked, SYDNEY), ["news"])
        assert not answer.hits and not answer.late
        assert db.execute("SELECT COUNT(*) FROM message").fetchone()[0] == 8


def test_a_question_ends_at_its_time_limit(index: Context) -> None:
    with closing(archiver.connect(index.settings.archive.directory)) as db:
        deep = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n"
        original = query._found
        try:
            query._found = lambda db, *_: db.execute(deep).fetchone()
            began = time.monotonic()
            assert query.search(db, query.read("diary", SYDNEY), LISTS, time_limit=0.2).late
            assert time.monotonic() - began < 5
        finally:
            query._found = original


def test_pages_of_results(make_context: Callable[..., Context], tmp_path: Path) -> None:
    ctx = make_context(clock=lambda: NOW + timedelta(days=1))
    box = tmp_path / "many.mbox"
    raws = [mail(subject=f"Number {n}", text="the same words\n", message_id=f"<{n}@x>") for n in range(45)]
    box.write_bytes(b"".join(written(raw, NOW) for raw in raws))
    import_mbox(ctx, "perinatal", box)
    archiver.build(ctx)
    seen: list[str] = []
    with closing(archiver.connect(ctx.settings.archive.directory)) as db:
        for page in (1, 2, 3):
            answer = query.search(db, query.read("same", SYDNEY), LISTS, page=page)
            assert (answer.count, answer.more) == (45, page < 3)
            seen += [hit.row["tag"] for hit in answer.hits]
    assert len(seen) == len(set(seen)) == 45


def test_the_newest_are_ranked_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch, index: Context) -> None:
    monkeypatch.setattr(query, "RANKED", 2)
    with closing(archiver.connect(index.settings.archive.directory)) as db:
        answer = query.search(db, query.read("diary", SYDNEY), LISTS, per_page=1)
    assert answer.many and answer.count == 2


def test_days_are_those_of_the_community(index: Context) -> None:
    asked = query.read("after:2026-11-23 before:2026-11-23", SYDNEY)
    assert asked.since is not None and asked.until is not None
    assert datetime.fromtimestamp(asked.since, UTC) == datetime(2026, 11, 22, 13, tzinfo=UTC)
    assert asked.until - asked.since == 86_400
