"""The web side: one click leaves, nothing acts on GET, undo works for seven days, tokens stay out of logs."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from listserv import web
from listserv.context import Context
from listserv.roster import import_csv
from listserv.tokens import capability
from tests.conftest import NOW
from tests.house import copies_of, notices, put, scalar, work
from tests.people import mail, seed

FORM = {"content-type": "application/x-www-form-urlencoded"}


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


@pytest.fixture
def moment(make_context: Callable[..., Context]) -> tuple[list[datetime], Context, Client, str]:
    """Like `place`, with a clock that can be set."""
    now = [NOW]
    ctx = make_context(clock=lambda: now[0])
    seed(ctx)
    return now, ctx, Client(web.app(ctx, dict)), f"/unsubscribe/{capability(ctx.keys.unsubscribe, 1)}"


class Broken:
    """A database whose errors tell too much; or, with a pause, one that does not answer."""

    def __init__(self, pause: float = 0) -> None:
        self._pause = pause

    async def read(self, _: Any) -> None:
        await asyncio.sleep(self._pause)
        raise OSError("connection to lists:hunter2@db.test failed for ann@people.test")


def change(ctx: Context, statement: str) -> None:
    with ctx.db.transaction() as tx:
        tx.execute(text(statement))


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


@pytest.mark.parametrize(
    ("length", "status"),
    [("abc", 400), ("-5", 400), ("²", 400), ("1e3", 400), ("", 400), ("9" * 5000, 413), ("8193", 413)],
)
def test_a_strange_length_is_no_failure_of_ours(place: tuple[Context, Client, str], length: str, status: int) -> None:
    ctx, client, path = place
    headers = {**FORM, "content-length": length.encode("latin-1")}
    answer = client.post(path, content=b"action=leave", headers=headers)
    assert answer.status_code == status and "<h1>" in answer.text
    assert on_list(ctx)


def test_a_body_in_pieces_has_the_same_limit(place: tuple[Context, Client, str]) -> None:
    ctx, client, path = place

    async def pieces() -> Any:
        for _ in range(9):
            yield b"x" * 1000

    assert client.post(path, content=pieces(), headers=FORM).status_code == 413
    assert on_list(ctx)


def test_who_hangs_up_in_the_middle_is_no_error(
    place: tuple[Context, Client, str], caplog: pytest.LogCaptureFixture
) -> None:
    ctx, _, path = place
    sent: list[Any] = []
    coming = [{"type": "http.request", "body": b"action=le", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return coming.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(name.encode(), value.encode()) for name, value in FORM.items()]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
    asyncio.run(web.app(ctx, dict)(scope, receive, send))
    assert on_list(ctx) and sent[0]["status"] == 400
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


BOTH = (
    b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n'
    b'--x\r\nContent-Disposition: form-data; name="action"\r\n\r\nundo\r\n--x--\r\n'
)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data; boundary=x", BOTH, 200),
        ("multipart/form-data; boundary=x; charset=nonsense", BOTH, 200),
        ("multipart/form-data; boundary=x; charset=base64", BOTH, 200),
        ('Multipart/Form-Data ; boundary="x"', BOTH, 200),
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click&action=undo", 200),
        ("multipart/form-data", BOTH, 400),
        ("multipart/form-data; boundary=y", BOTH, 400),
        ("multipart/form-data; boundary=", BOTH, 400),
        (
            "multipart/form-data; boundary=x; charset=idna",
            BOTH.replace(b"One-Click", b"\xff" * 70).replace(b"undo", b""),
            400,
        ),
        ("multipart/form-data; boundary=x", BOTH[:60], 400),
    ],
)
def test_multipart_in_all_states_of_repair(
    place: tuple[Context, Client, str], kind: str, body: bytes, status: int
) -> None:
    ctx, client, path = place
    assert client.post(path, content=body, headers={"content-type": kind}).status_code == status
    assert on_list(ctx) is (status == 400)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"])
def test_other_methods_are_refused_and_told_which_work(place: tuple[Context, Client, str], method: str) -> None:
    _, client, path = place
    answer = client.request(method, path)
    assert answer.status_code == 405 and "Not like this" in answer.text
    assert {word.strip() for word in answer.headers["allow"].split(",")} == {"GET", "HEAD", "POST"}
    assert client.post("/healthz").status_code == 405


@pytest.mark.parametrize("change_path", ["{}/", "/{}", "{}//", "{}/x"])
def test_nothing_redirects(place: tuple[Context, Client, str], change_path: str) -> None:
    """RFC 8058 section 3.1; and the address of a redirect would hold the token and a Host that anybody may claim."""
    ctx, client, path = place
    answer = client.post(change_path.format(path), data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 404 and "location" not in answer.headers
    assert on_list(ctx)


def test_a_token_in_capitals_or_percent_encoded_is_the_same_token(place: tuple[Context, Client, str]) -> None:
    _, client, path = place
    token = path.rpartition("/")[2]
    for written in (token.upper(), "".join(f"%{ord(letter):02x}" for letter in token)):
        assert "Leave Perinatal" in client.get(f"/unsubscribe/{written}").text
    assert client.get(f"/unsubscribe/{'a' * 60000}").status_code == 404


@pytest.mark.parametrize("table", ["person", "subscription"])
def test_the_link_of_somebody_deleted_says_so(place: tuple[Context, Client, str], table: str) -> None:
    ctx, client, path = place
    change(ctx, f"DELETE FROM {table} WHERE id = 1")
    for answer in (client.get(path), client.post(path, data={"List-Unsubscribe": "One-Click"})):
        assert answer.status_code == 410 and "Not in use any more" in answer.text


def test_leave_and_undo_again_and_again_stays_true(ctx: Context) -> None:
    seed(ctx)
    client, path = Client(web.app(ctx, dict)), f"/unsubscribe/{capability(ctx.keys.unsubscribe, 1)}"
    assert "Nothing has been changed" in client.post(path, data={"action": "undo"}).text
    assert notices(ctx) == []
    for _ in range(3):
        assert "You have left" in client.post(path, data={"action": "leave"}).text and not on_list(ctx)
        assert "not on" in client.post(path, data={"action": "leave"}).text and not on_list(ctx)
        assert "Welcome back" in client.post(path, data={"action": "undo"}).text and on_list(ctx)
        again = client.post(path, data={"action": "undo"}).text
        assert "Nothing has been changed" in again and "Welcome back" not in again and on_list(ctx)
    assert [one.kind for one in notices(ctx, to="ann@people.test")] == ["left", "rejoined"] * 3


def test_the_last_mail_says_what_the_page_says_and_mails_have_a_limit(
    moment: tuple[list[datetime], Context, Client, str],
) -> None:
    now, ctx, client, path = moment
    for _ in range(15):
        client.post(path, data={"action": "leave"})
        now[0] += timedelta(seconds=10)
        client.post(path, data={"action": "undo"})
        now[0] += timedelta(seconds=10)
    assert [one.kind for one in notices(ctx)] == ["left", "rejoined"] * 10
    assert on_list(ctx)


def test_the_page_says_until_when_and_that_it_is_too_late(
    moment: tuple[list[datetime], Context, Client, str],
) -> None:
    now, ctx, client, path = moment
    client.post(path, data={"List-Unsubscribe": "One-Click"})
    now[0] += timedelta(days=6, hours=23)
    for page in (client.get(path), client.post(path, data={"action": "leave"})):
        assert "Until Monday 30 November, 19:00 you can undo it" in page.text  # in Sydney
    now[0] += timedelta(hours=1)
    late = client.post(path, data={"action": "undo"})
    assert late.status_code == 409 and "cannot be undone any more" in late.text and "put me back" not in late.text
    assert not on_list(ctx) and notices(ctx, "rejoined") == []


@pytest.mark.parametrize("lists", ["anxiety", "-"])
def test_who_was_taken_off_a_list_cannot_undo_it(
    moment: tuple[list[datetime], Context, Client, str], lists: str
) -> None:
    now, ctx, client, path = moment
    client.post(path, data={"action": "leave"})
    client.post(path, data={"action": "undo"})
    now[0] += timedelta(hours=1)
    assert not import_csv(ctx, f"email,lists\nann@people.test,{lists}\n").problems
    assert not on_list(ctx)
    assert "Undo" not in client.get(path).text
    client.post(path, data={"action": "undo"})
    assert not on_list(ctx)


@pytest.mark.parametrize("status", ["left", "banned"])
def test_who_has_gone_or_is_banned_cannot_undo(place: tuple[Context, Client, str], status: str) -> None:
    ctx, client, path = place
    client.post(path, data={"action": "leave"})
    change(ctx, f"UPDATE person SET status = '{status}' WHERE id = 1")
    assert "put me back" not in client.get(path).text
    assert "Your membership" not in client.post(path, data={"action": "leave"}).text
    assert client.post(path, data={"action": "undo"}).status_code == 409
    assert not on_list(ctx)


def test_health_says_how_it_is_and_nothing_more(place: tuple[Context, Client, str]) -> None:
    ctx, _, _ = place
    health = {"roles": ["web"], "relay": "535 5.7.8 lists@relay.test: bad password hunter2", "tasks": {}}
    found = Client(web.app(ctx, lambda: health)).get("/healthz")
    assert found.json() == {"database": "ok", "roles": ["web"], "relay": "cannot be reached", "tasks": {}}
    for words in ("ok", "not here"):
        assert Client(web.app(ctx, lambda words=words: {"relay": words})).get("/healthz").json()["relay"] == words


@pytest.mark.parametrize("pause", [0, 60])
def test_health_answers_soon_when_the_database_does_not(
    place: tuple[Context, Client, str], pause: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ctx, _, _ = place
    monkeypatch.setattr(web, "HEALTH_WITHIN", 0.05, raising=False)
    broken: Any = Broken(pause)
    client = Client(web.app(replace(ctx, db=broken), dict))
    found = asyncio.run(asyncio.wait_for(asyncio.to_thread(client.get, "/healthz"), 5))
    assert found.status_code == 503 and found.json() == {"database": "cannot be reached"}
    assert "hunter2" not in caplog.text


def test_a_failure_of_ours_is_a_page_and_a_log_without_values(
    place: tuple[Context, Client, str], caplog: pytest.LogCaptureFixture
) -> None:
    ctx, _, path = place
    broken: Any = Broken()
    answer = Client(web.app(replace(ctx, db=broken), dict)).get(path)
    assert answer.status_code == 500 and "<h1>" in answer.text and "no-store" in answer.headers["cache-control"]
    assert "OSError" in caplog.text and " unsubscribe > " in caplog.text  # where it was
    for secret in ("hunter2", "ann@people.test", path.rpartition("/")[2]):
        assert secret not in caplog.text and secret not in answer.text


def test_a_site_template_with_a_mistake_still_gets_an_answer(place: tuple[Context, Client, str]) -> None:
    ctx, _, path = place
    assert ctx.settings.base is not None
    folder = ctx.settings.base / "templates" / "web"
    folder.mkdir(parents=True)
    (folder / "base.html").write_text("{{ nobody_gives_this }}")
    answer = Client(web.app(ctx, dict)).get(path)
    assert answer.status_code == 500 and "our mistake" in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    "where",
    [
        "/unsubscribe/{}",
        "/unsubscribe/{}?again={}",
        "//unsubscribe//{}",
        "/unsubscribe/x/{}",
        "/Unsubscribe/{}",
        "/unsubscribe%2f{}",
        "/unsubscribe%3F{}",
        "/unsubscribe%20{}",
        "/{}",
        "/feed/{}.xml",
    ],
)
def test_no_way_of_writing_a_path_puts_the_token_in_the_log(
    place: tuple[Context, Client, str], where: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, client, path = place
    token = path.rpartition("/")[2]
    with caplog.at_level(logging.INFO, "listserv.web"):
        client.get(where.format(token, token))
        client.post(where.format(token.upper(), token), data={"action": "nonsense"})
    ours = [record.getMessage() for record in caplog.records if record.name == "listserv.web"]
    assert len(ours) == 2 and token not in "".join(ours).lower()


def test_a_path_cannot_forge_log_lines(place: tuple[Context, Client, str], caplog: pytest.LogCaptureFixture) -> None:
    _, client, _ = place
    with caplog.at_level(logging.INFO, "listserv.web"):
        client.get("/a%0AERROR%20forged%1b[31m%C2%85" + "/b" * 30000)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "listserv.web"]
    assert line.isprintable() and line.isascii() and len(line) < 200


def test_every_page_can_be_read_and_used_by_everybody(place: tuple[Context, Client, str]) -> None:
    _, client, path = place
    pages = [client.get(path), client.post(path, data={"action": "leave"}), client.get(path)]
    pages += [client.post(path, data={"action": "undo"}), client.get("/nothing"), client.put(path)]
    titles = []
    for page in pages:
        title, heading = (re.findall(rf"<{tag}>(.*?)</{tag}>", page.text) for tag in ("title", "h1"))
        assert len(heading) == 1 and title == [f"{heading[0]} · Community of Practice"]
        assert '<html lang="en">' in page.text and page.text.count("<main>") == 1
        assert 'content="width=device-width, initial-scale=1"' in page.text
        assert "overflow-wrap: anywhere" in page.text.partition("h1 {")[0]  # long words at 320 px
        titles += title
    assert len(set(titles)) == len(pages)  # what has happened stands in the title
