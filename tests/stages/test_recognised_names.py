"""A name that only a model recognises holds a post like any other, by every way on which a text is screened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from listserv.archiver.importing import import_mbox
from listserv.context import Context
from listserv.edge import entities
from listserv.mail.mbox import written
from tests.conftest import NOW, community
from tests.house import notices, put, rows, scalar, work
from tests.people import mail, seed
from tests.pipelines import a_pipeline, needs_spacy

pytestmark = needs_spacy
NAME = "Zephyrine Quoll"
OTHER = "Odalys Wren"
WORDS = f"I have seen a client for weeks, {NAME}, and she sleeps badly.\nWhat would you try first?\n"
MEDICARE = "A woman in her forties, Medicare 2123 45670 1, sleeps badly.\nWhat would you try first?\n"
LISTS = {"perinatal": {"title": "Perinatal", "moderation": "none", "screening": "clinical", "approval_delay": 0}}


@pytest.fixture
def pipeline(tmp_path: Path) -> str:
    return str(a_pipeline(tmp_path / "pipeline", NAME, OTHER))


@pytest.fixture
def ctx(make_context: Callable[..., Context], pipeline: str) -> Context:
    made = make_context(community(lists=LISTS, screening={"names": pipeline}), clock=lambda: NOW)
    seed(made)
    return made


def nowhere(ctx: Context, name: str) -> None:
    for one in notices(ctx):
        assert name not in one.text
        assert name.split()[1].encode() not in one.raw
    for row in rows(ctx, "SELECT subject, reasons, author_note FROM post"):
        assert name.split()[1] not in str(tuple(row))


def test_a_post_with_such_a_name_is_held(ctx: Context) -> None:
    put(ctx, mail("ann@people.test", text=WORDS), sender="ann@people.test")
    work(ctx)
    assert scalar(ctx, "SELECT state FROM post") in ("held", "returned")
    assert "Name of a person" in notices(ctx)[-1].text
    nowhere(ctx, NAME)


def test_without_the_setting_it_goes_out(make_context: Callable[..., Context], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entities, "_people", None)  # nobody asks
    ctx = make_context(community(lists=LISTS), clock=lambda: NOW)
    seed(ctx)
    put(ctx, mail("ann@people.test", text=WORDS), sender="ann@people.test")
    work(ctx)
    assert scalar(ctx, "SELECT state FROM post") == "released"


def test_a_corrected_text_is_looked_through_and_the_model_is_never_asked_inside_a_transaction(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(ctx, mail("ann@people.test", text=MEDICARE, subject=f"A client and {OTHER}"), sender="ann@people.test")
    work(ctx)
    assert scalar(ctx, "SELECT state FROM post") == "returned"
    notice = notices(ctx)[-1]
    asked: list[bool] = []
    real = entities._people

    def listening(pipeline: str, texts: list[str]) -> frozenset[str]:
        asked.append(ctx.db.submit(lambda tx: tx.in_transaction()).result(timeout=60))  # the one writer is free
        return real(pipeline, texts)

    monkeypatch.setattr(entities, "_people", listening)
    raw = mail("ann@people.test", notice.reply_to, f"Re: {notice.subject}", WORDS, message_id="<corrected@r.test>")
    put(ctx, raw, notice.reply_to, sender="ann@people.test")
    work(ctx)
    assert asked == [True]
    assert rows(ctx, "SELECT changed FROM post")[0].changed == "revised"
    assert scalar(ctx, "SELECT state FROM post") == "held"
    nowhere(ctx, NAME)
    nowhere(ctx, OTHER)  # in the subject, of which the answer says nothing


def test_imported_posts_are_looked_through(ctx: Context, tmp_path: Path) -> None:
    box = tmp_path / "old.mbox"
    box.write_bytes(written(mail("ann@people.test", text=WORDS), NOW))
    report = import_mbox(ctx, "perinatal", box)
    assert (report.added, report.held) == (0, 1)
