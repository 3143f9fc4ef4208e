"""The terms on the web: whoever has still to agree sees them alone, and only the button on that page agrees."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from listserv.context import Context
from listserv.model import Agreement, Credential, Person, Status, TermsText
from tests.conftest import NOW, community
from tests.edges.test_archive_web import Browser, link_in, logged_in
from tests.house import notices, rows
from tests.people import seed

TEXT = "Terms\n\nBe kind, <b>and</b> tell nobody who a client is.\n"
VERSION = hashlib.sha256(TEXT.encode()).hexdigest()


def settings(*, terms: str | None = "terms.md") -> dict[str, object]:
    data = community(web={"listen": "127.0.0.1:0"})
    return data | {"community": {**data["community"], "terms": terms}}


@pytest.fixture
def ctx(make_context: Callable[..., Context], tmp_path: Path) -> Context:
    (tmp_path / "terms.md").write_text(TEXT)
    ctx = make_context(settings())
    seed(ctx)
    return ctx


def agreements(ctx: Context) -> list[tuple[int, str, str]]:
    return [tuple(row) for row in rows(ctx, "SELECT person_id, version, evidence FROM agreement ORDER BY id")]


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def test_who_has_still_to_agree_sees_the_terms_and_nothing_else(ctx: Context) -> None:
    browser = logged_in(ctx, "ann@people.test")
    for path in ("/archive/", "/me", "/search?q=x", "/archive/perinatal/index.html", "/author/p1"):
        closed = browser.get(path)
        assert (closed.status_code, closed.headers["location"][:12]) == (303, "/login?next="), path
        on = browser.get(closed.headers["location"])
        assert (on.status_code, on.headers["location"][:12]) == (303, "/terms?next="), path
    assert browser.get("/archive/perinatal/a/x/y.png").status_code == 401
    page = browser.get("/terms?next=/me")
    assert page.status_code == 200 and "Be kind, &lt;b&gt;and&lt;/b&gt;" in page.text
    assert hidden(page.text)["next"] == "/me" and hidden(page.text)["version"] == VERSION
    assert agreements(ctx) == []


def test_the_button_agrees_once_with_evidence(ctx: Context) -> None:
    browser = logged_in(ctx, "ann@people.test")
    fields = hidden(browser.get("/terms?next=/me").text)
    done = browser.post("/terms", **fields)
    assert (done.status_code, done.headers["location"]) == (303, "/me")
    assert agreements(ctx) == [(1, VERSION, "button on the web below the text, logged in by a mailed link, session 1")]
    noted = rows(ctx, "SELECT event, channel, proof FROM audit")
    assert [tuple(row) for row in noted] == [("agree", "web", "session")]
    assert [row.text for row in rows(ctx, "SELECT text FROM termstext")] == [TEXT.strip()]
    assert browser.get("/me").status_code == 200
    assert "already" in browser.get("/terms").text and "<button" not in browser.get("/terms").text
    assert browser.post("/terms", **fields).status_code == 303
    assert len(agreements(ctx)) == 1 and len(rows(ctx, "SELECT id FROM audit")) == 1


@pytest.mark.parametrize(
    ("change", "headers", "status"),
    [
        ({"seal": ""}, {}, 403),
        ({"seal": "of another session"}, {}, 403),
        ({}, {"sec-fetch-site": "cross-site"}, 403),
        ({"version": "0" * 64}, {}, 200),
        ({"version": ""}, {}, 200),
    ],
)
def test_nothing_else_agrees(ctx: Context, change: dict[str, str], headers: dict[str, str], status: int) -> None:
    browser, other = logged_in(ctx, "ann@people.test"), logged_in(ctx, "ben@people.test")
    fields = hidden(browser.get("/terms").text) | change
    if fields["seal"] == "of another session":
        fields["seal"] = hidden(other.get("/terms").text)["seal"]
    answer = browser.request("POST", "/terms", data=fields, headers=headers)
    assert answer.status_code == status and agreements(ctx) == []
    if status == 200:
        assert "have changed" in answer.text and hidden(answer.text)["version"] == VERSION
    assert browser.request("POST", "/terms", content=b"").status_code == 400
    assert agreements(ctx) == []


def test_a_text_that_changed_while_it_was_read_is_shown_anew(ctx: Context, tmp_path: Path) -> None:
    browser = logged_in(ctx, "ann@people.test")
    fields = hidden(browser.get("/terms").text)
    (tmp_path / "terms.md").write_text(TEXT + "And agree to this as well.\n")
    page = browser.post("/terms", **fields)
    assert page.status_code == 200 and "as well" in page.text and agreements(ctx) == []
    assert browser.post("/terms", **hidden(page.text)).status_code == 303
    assert len(agreements(ctx)) == 1 and agreements(ctx)[0][1] != VERSION


@pytest.mark.parametrize("who", ["nobody", "lapsed", "banned", "unregistered"])
def test_no_link_and_no_terms_for_who_could_not_read_afterwards(ctx: Context, who: str) -> None:
    browser = Browser(ctx) if who == "nobody" else logged_in(ctx, "ann@people.test")
    fields = hidden(browser.get("/terms").text)
    before = len(notices(ctx, "login", "ann@people.test"))
    with ctx.db.transaction() as tx:
        if who == "unregistered":
            tx.execute(update(Credential).values(expires=date(2026, 11, 1)))
        elif who != "nobody":
            tx.execute(update(Person).where(Person.id == 1).values(status=Status(who)))  # type: ignore[arg-type]
    assert browser.get("/terms").headers["location"] == "/login?next=%2Fterms"
    assert browser.post("/terms", **fields).status_code == 303
    assert agreements(ctx) == []
    if who != "nobody":
        Browser(ctx).post("/login", email="ann@people.test")
        assert len(notices(ctx, "login", "ann@people.test")) == before


def test_a_new_text_can_be_agreed_to_while_the_old_one_still_counts(ctx: Context) -> None:
    with ctx.db.transaction() as tx:
        tx.execute(insert(TermsText).values(version="earlier", text="Be kind.", first_seen=NOW - timedelta(days=900)))
        tx.execute(insert(Agreement).values(person_id=1, version="earlier", agreed_at=NOW - timedelta(days=800)))
    browser = logged_in(ctx, "ann@people.test")
    assert browser.get("/me").status_code == 200
    page = browser.get("/terms")
    assert "new text" in page.text
    assert browser.post("/terms", **hidden(page.text)).status_code == 303
    assert [version for _, version, _ in agreements(ctx)] == ["earlier", VERSION]


def test_where_there_are_no_terms_there_is_no_page(make_context: Callable[..., Context]) -> None:
    ctx = make_context(settings(terms=None))
    seed(ctx)
    browser = Browser(ctx)
    browser.post("/login", email="ann@people.test")
    assert browser.post(link_in(ctx, "ann@people.test")).status_code == 303
    assert browser.get("/terms").status_code == 404
