"""A held post in full on the web: for those who decide on it, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from listserv.context import Context
from tests.conftest import community
from tests.edges.test_archive_web import Browser, logged_in
from tests.house import put, scalar, work
from tests.people import mail, seed

PHONE = "02 7010 4418"
LISTS = {
    "perinatal": {"title": "Perinatal", "moderation": "none", "screening": "clinical"},
    "anxiety": {"title": "Anxiety"},
    "news": {"title": "News"},
}


@pytest.fixture
def ctx(make_context: Callable[..., Context], overheard: list[object]) -> Context:
    made = make_context(community(lists=LISTS, web={"listen": "127.0.0.1:0"}))
    seed(made)
    put(made, mail(text=f"<script>alert(1)</script> Her mother rings every night, from {PHONE}.\n"))
    work(made)
    assert scalar(made, "SELECT state FROM post") == "held"
    return made


def test_a_moderator_reads_all_of_it_with_what_was_found_marked(ctx: Context) -> None:
    answer = logged_in(ctx, "mia@people.test").get("/held/1")
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    assert f'<mark title="finding 1">{PHONE}</mark>' in answer.text
    assert "<script>alert" not in answer.text and "&lt;script&gt;alert(1)" in answer.text
    assert "script-src" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("who", ["ann@people.test", "ben@people.test", "nia@people.test"])
def test_nobody_else_gets_it_not_even_its_author(ctx: Context, who: str) -> None:
    answer = logged_in(ctx, who).get("/held/1")
    assert answer.status_code == 404 and PHONE not in answer.text


def test_without_a_login_it_asks_for_one(ctx: Context) -> None:
    answer = Browser(ctx).get("/held/1")
    assert answer.status_code == 303 and answer.headers["location"].startswith("/login")


def test_looking_changes_nothing_and_posting_does_not_exist(ctx: Context) -> None:
    browser = logged_in(ctx, "mia@people.test")
    browser.get("/held/1?approve=1")
    assert browser.post("/held/1", verb="approve").status_code == 405
    assert scalar(ctx, "SELECT state FROM post") == "held"


def test_what_waits_no_more_is_not_there(ctx: Context) -> None:
    browser = logged_in(ctx, "mia@people.test")
    with ctx.db.transaction() as tx:
        tx.exec_driver_sql("UPDATE post SET state = 'rejected'")
    assert browser.get("/held/1").status_code == 404
    assert browser.get("/held/99").status_code == 404
