"""The web side: one click leaves, nothing acts on GET, undo works for seven days, tokens stay out of logs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from listserv import web
from listserv.context import Context
from listserv.tokens import capability
from tests.conftest import NOW
from tests.house import copies_of, notices, put, scalar, work
from tests.people import mail, seed


class Client:
    """Asks an ASGI application, one request at a time."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://elsewhere.test") as client:
                return await client.request(method, path, **more)

        return asyncio.run(ask())

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)

    def head(self, path: str) -> httpx.Response:
        return self.request("HEAD", path)

    def put(self, path: str) -> httpx.Response:
        return self.request("PUT", path)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)


@pytest.fixture
def place(make_context: Callable[..., Context]) -> tuple[Context, Client, str]:
    """A context, a client, and the unsubscribe path of Ann's subscription to perinatal."""
    ctx = make_context()
    seed(ctx)
    subscription = int(scalar(ctx, "SELECT id FROM subscription WHERE person_id = 1 AND list_name = 'perinatal'"))
    return (
        ctx,
        Client(web.app(ctx, lambda: {"roles": ["web"]})),
        f"/unsubscribe/{capability(ctx.keys.unsubscribe, subscription)}",
    )


def on_list(ctx: Context) -> bool:
    query = "SELECT left_at IS NULL FROM subscription WHERE person_id = 1 AND list_name = 'perinatal'"
    return bool(scalar(ctx, query))


def test_get_and_head_change_nothing(place: tuple[Context, Client, str]) -> None:
    ctx, client, path = place
    page = client.get(path)
    assert page.status_code == 200 and "Leave Perinatal mental health?" in page.text
    assert client.head(path).status_code == 200
    assert on_list(ctx) and notices(ctx) == []


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"data": {"action": "leave"}},
    ],
)
def test_one_post_leaves_at_once_without_cookie_or_login(
    place: tuple[Context, Client, str], body: dict[str, Any]
) -> None:
    ctx, client, path = place
    put(ctx, mail())
    work(ctx)
    answer = client.post(path, **body)
    assert answer.status_code == 200 and "set-cookie" not in answer.headers
    assert not on_list(ctx)
    assert (
        scalar(ctx, "SELECT state FROM delivery WHERE recipient = 'ann@people.test' AND post_id IS NOT NULL")
        == "suppressed"
    )
    assert client.post(path, **body).status_code == 200
    (told,) = notices(ctx, "left")
    assert told.recipient == "ann@people.test" and "undo" in told.text
    put(ctx, mail("ben@people.test", subject="Later"), sender="ben@people.test")
    work(ctx)
    assert copies_of(ctx).count("ann@people.test") == 1


def test_leaving_one_list_is_not_leaving_another(place: tuple[Context, Client, str]) -> None:
    ctx, client, path = place
    client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert scalar(ctx, "SELECT count(*) FROM subscription WHERE person_id = 1 AND left_at IS NULL") == 1


def test_undo_by_button_and_by_mail(place: tuple[Context, Client, str]) -> None:
    ctx, client, path = place
    client.post(path, data={"action": "leave"})
    assert "You are on" in client.post(path, data={"action": "undo"}).text and on_list(ctx)
    client.post(path, data={"action": "leave"})
    told = notices(ctx, "left")[-1]
    put(ctx, mail("ben@people.test", told.reply_to, text="undo\n"), told.reply_to, sender="ben@people.test")
    assert not on_list(ctx)  # not from somebody else
    put(ctx, mail("ann@people.test", told.reply_to, text="undo\n\n> You have left\n"), told.reply_to)
    assert on_list(ctx)
    assert notices(ctx, "rejoined")[0].subject == "You are back on Perinatal mental health"


def test_after_seven_days_there_is_nothing_to_undo(make_context: Callable[..., Context]) -> None:
    moment = [NOW]
    ctx = make_context(clock=lambda: moment[0])
    seed(ctx)
    client = Client(web.app(ctx, dict))
    path = f"/unsubscribe/{capability(ctx.keys.unsubscribe, 1)}"
    client.post(path, data={"action": "leave"})
    moment[0] += timedelta(days=7, minutes=1)
    assert "Undo" not in client.get(path).text
    client.post(path, data={"action": "undo"})
    assert not on_list(ctx)


def test_the_mail_address_of_the_button_leaves_too(place: tuple[Context, Client, str]) -> None:
    ctx, _, path = place
    to = f"perinatal-leave+{path.rpartition('/')[2].upper()}@lists.test"
    put(ctx, mail(to=to, subject="unsubscribe", text=""), to)
    assert not on_list(ctx)


@pytest.mark.parametrize("token", ["x", "a" * 24, "%2e%2e", "'; DROP TABLE person", "é"])
def test_a_forged_link_leads_nowhere(place: tuple[Context, Client, str], token: str) -> None:
    ctx, client, _ = place
    for answer in (client.get(f"/unsubscribe/{token}"), client.post(f"/unsubscribe/{token}", data={"action": "leave"})):
        assert answer.status_code == 404 and "facilitators@people.test" in answer.text
    assert on_list(ctx)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"content": b"x" * 9000, "headers": {"content-type": "application/x-www-form-urlencoded"}}, 413),
        ({"content": b"{}", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"--x", "headers": {"content-type": "multipart/form-data"}}, 400),
        ({"data": {"List-Unsubscribe": "no"}}, 400),
        ({}, 400),
    ],
)
def test_a_strange_body_is_refused_in_words(
    place: tuple[Context, Client, str], request_: dict[str, Any], status: int
) -> None:
    ctx, client, path = place
    answer = client.post(path, **request_)
    assert answer.status_code == status and "<h1>" in answer.text
    assert on_list(ctx)


def test_every_answer_is_private_and_has_no_script(place: tuple[Context, Client, str]) -> None:
    _, client, path = place
    for answer in (client.get(path), client.get("/nothing"), client.put(path), client.get("/healthz")):
        assert "script" not in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "<script" not in answer.text
    assert client.get("/healthz").json()["database"] == "ok"


def test_tokens_are_masked_in_the_log(place: tuple[Context, Client, str], caplog: pytest.LogCaptureFixture) -> None:
    _, client, path = place
    with caplog.at_level(logging.INFO, "listserv.web"):
        client.get(path)
    assert "GET /unsubscribe/*** 200" in caplog.text
    assert path.rpartition("/")[2] not in caplog.text
