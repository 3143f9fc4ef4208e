"""The ears of the tests hear: a value that gets out is found, wherever and however it is written."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import pytest
from sqlalchemy import text

from listserv import notices
from listserv.context import Context
from tests import whispers
from tests.house import put, work
from tests.people import mail, seed

VALUE = "2123 45670 1"


@pytest.fixture
def ctx(make_context: Callable[..., Context], overheard: list[whispers.Screened]) -> Context:
    made = make_context()
    seed(made)
    put(made, mail(text=f"Her Medicare number is {VALUE}.\n"))
    work(made)
    assert whispers.secrets_of(overheard) == {"2123456701"}
    overheard.clear()  # what follows lets it out on purpose
    return made


def test_silence_is_silence(ctx: Context) -> None:
    assert whispers.heard(ctx, {"2123456701"}, ["post 1 waits"]) == []


def test_a_notice_is_heard_in_any_encoding(ctx: Context) -> None:
    with ctx.db.transaction() as tx:
        notices.put(ctx, tx, "acted", "mia@people.test", "acted", words="ü 2123\u00a045670-1", subject="x")
    assert whispers.heard(ctx, {"2123456701"}, []) == ["'2123456701' in the notice acted"]


def test_a_log_line_and_a_decision_are_heard(ctx: Context) -> None:
    with ctx.db.transaction() as tx:
        tx.execute(text("INSERT INTO decision (post_id, verb, decided_by, channel, proof, reason, decided_at) VALUES "
                        "(1, 'note', 'Mia', 'mail', '', 'it is 2123456701', '2026-11-23 08:00:00')"))  # fmt: skip
    found = whispers.heard(ctx, {"2123456701"}, ["screened: 2123 45670 1"])
    assert found == ["'2123456701' in a log line", "'2123456701' in decision"]


def test_what_was_released_as_it_stands_is_no_secret(ctx: Context) -> None:
    raw = zlib.compress(f"Subject: x\r\n\r\n{VALUE}\r\n".encode())
    with ctx.db.transaction() as tx:
        tx.execute(text("UPDATE message SET raw = :raw"), {"raw": raw})
        tx.execute(text("UPDATE post SET state = 'released'"))
    assert whispers.heard(ctx, {"2123456701"}, [VALUE]) == []
