"""Pages in the language of their reader: the browser's before login, the member's own after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from itsdangerous import URLSafeSerializer
from sqlalchemy import insert

from listserv import archiver, web
from listserv.context import Context
from listserv.model import Session
from listserv.tokens import capability
from tests.conftest import NOW, community
from tests.house import put, scalar, work
from tests.people import mail, seed


def ask(ctx: Context, method: str, path: str, **more: Any) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app=web.app(ctx, dict))
        async with httpx.AsyncClient(transport=transport, base_url="https://lists.test") as client:
            return await client.request(method, path, **more)

    return asyncio.run(asked())


@pytest.fixture
def ctx(make_context: Callable[..., Context]) -> Context:
    made = make_context(community(web={"listen": "127.0.0.1:0"}))
    seed(made)
    return made


def cookie(ctx: Context, person: int) -> dict[str, str]:
    """A session of this person."""
    with ctx.db.transaction() as tx:
        later = NOW.replace(year=2030)
        done = tx.execute(insert(Session).values(person_id=person, created_at=NOW, expires_at=later))
        assert done.inserted_primary_key is not None
        number = int(done.inserted_primary_key[0])
    value = URLSafeSerializer(ctx.keys.cookie, salt="session").dumps(number)
    return {"Cookie": f"__Host-listserv={value}"}


@pytest.mark.parametrize(
    ("wanted", "language", "words"),
    [("de-AT,de;q=0.9,en;q=0.5", "de", "Den Link schicken"), ("fr", "fr", "Envoyez-moi le lien"),
     ("it", "en", "Send me the link"), ("", "en", "Send me the link")],
)  # fmt: skip
def test_the_login_page_is_in_the_language_of_the_browser(ctx: Context, wanted: str, language: str, words: str) -> None:
    page = ask(ctx, "GET", "/login", headers={"Accept-Language": wanted}).text
    assert f'<html lang="{language}">' in page and words in page


@pytest.mark.parametrize("path", ["/join", "/login", "/login/abc", "/nowhere", "/unsubscribe/TOKEN"])
def test_no_page_mixes_languages(ctx: Context, path: str) -> None:
    path = path.replace("TOKEN", capability(ctx.keys.unsubscribe, 1))
    page = ask(ctx, "GET", path, headers={"Accept-Language": "de"}).text
    assert '<html lang="de">' in page
    assert "antwortet ein Mensch" in page
    assert not [word for word in ("your", " the ", "Please", "person") if word in page.partition("</head>")[2]]


def test_the_undo_names_its_time_in_the_language(ctx: Context) -> None:
    path = f"/unsubscribe/{capability(ctx.keys.unsubscribe, 1)}"
    page = ask(ctx, "POST", path, data={"action": "leave"}, headers={"Accept-Language": "de"}).text
    assert "Bis Montag, 30. November, 19:00 können Sie es rückgängig machen." in page  # in Sydney


def test_ones_own_page_chooses_the_language(ctx: Context) -> None:
    mine = cookie(ctx, 1)
    page = ask(ctx, "GET", "/me", headers={**mine, "Accept-Language": "fr"}).text
    assert '<html lang="en">' in page and '<option value="de" lang="de">Deutsch</option>' in page
    seal = page.partition('name="seal" value="')[2].partition('"')[0]
    form = {"seal": seal, "action": "delivery", "day": "monday", "time": "07:00", "zone": "Europe/Berlin",
            "form": "letter", "language": "de"}  # fmt: skip
    assert ask(ctx, "POST", "/me", data=form, headers=mine).status_code == 303
    assert scalar(ctx, "SELECT language FROM person WHERE id = 1") == "de"
    page = ask(ctx, "GET", "/me", headers=mine).text
    assert '<html lang="de">' in page and "Ihre Zeitzone" in page and ">Montag</option>" in page
    assert "Sie sind Mitglied." in page and "jede Nachricht einzeln" in page
    assert ask(ctx, "POST", "/me", data={**form, "language": "xx"}, headers=mine).status_code == 400
    assert scalar(ctx, "SELECT language FROM person WHERE id = 1") == "de"


def test_front_and_search_follow_the_reader_and_shared_pages_the_community(
    make_context: Callable[..., Context],
) -> None:
    settings = community(web={"listen": "127.0.0.1:0"})
    settings["community"]["language"] = "fr"
    ctx = make_context(settings)
    seed(ctx)
    put(ctx, mail(subject="Sleep"))
    work(ctx)
    archiver.update(ctx)
    with ctx.db.transaction() as tx:
        tx.exec_driver_sql("UPDATE person SET language = 'de' WHERE id = 1")
    mine = cookie(ctx, 1)
    front = ask(ctx, "GET", "/archive/", headers=mine).text
    assert '<html lang="de">' in front and "Ihre Listen" in front and "1 Nachricht" in front
    found = ask(ctx, "GET", "/search?q=sleep", headers=mine).text
    assert "23. Nov. 2026" in found and "Suchen" in found
    shared = ask(ctx, "GET", "/archive/perinatal/", headers=mine).text
    assert '<html lang="fr">' in shared and "Dernières conversations" in shared and "novembre" in shared
