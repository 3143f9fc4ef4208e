"""Servers that drop, decline, fall silent or say nonsense: the mail that can be had is had, and nothing spins."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import pytest

from listserv.context import Context
from listserv.intake import imap
from listserv.intake import mailbox as role
from tests.house import rows, scalar
from tests.imap.fetching import fetching, house, until
from tests.imap.odd_server import HANG_UP, SILENCE, OddServer, odd_server
from tests.people import mail, seed

Make = Callable[..., Context]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAP_PASSWORD", "secret")
    monkeypatch.setattr(role, "AGAIN", 0.05)
    monkeypatch.setattr(role, "HANDS_OFF", 0.1)


def box(server: OddServer, **changes: object) -> dict[str, object]:
    return {
        "host": "127.0.0.1", "port": server.port, "tls": "none", "username": "lists", "password_env": "IMAP_PASSWORD",
        "poll": "1s", **changes,
    }  # fmt: skip


def ready(make_context: Make, server: OddServer, **changes: object) -> Context:
    ctx = make_context(house(box(server, **changes)))
    seed(ctx)
    return ctx


def posts(*numbers: int) -> list[bytes]:
    return [mail(subject=f"Post {number}", text=f"{number}\n") for number in numbers]


def subjects(ctx: Context) -> list[str]:
    return [row.subject for row in rows(ctx, "SELECT subject FROM post ORDER BY subject")]


def test_as_it_should_be(make_context: Make) -> None:
    with odd_server() as server:
        ctx = ready(make_context, server)
        server.put(*posts(1, 2, 3))
        with fetching(ctx):
            until(lambda: len(server.folders.get("Processed", ())) == 3)
        assert subjects(ctx) == ["Post 1", "Post 2", "Post 3"]
        bodies = [one for one in server.commands if "BODY.PEEK[]" in one]
        assert len(bodies) == 1 and bodies[0].startswith("UID FETCH 1,2,3 ")


def test_one_message_on_which_the_server_breaks_does_not_keep_back_the_others(make_context: Make) -> None:
    with odd_server(lambda said: HANG_UP if "2" in said.split("(")[0] and "BODY.PEEK[]" in said else None) as server:
        ctx = ready(make_context, server)
        server.put(*posts(1, 2, 3))
        with fetching(ctx):
            until(lambda: len(server.folders.get("Processed", ())) == 2)
        assert subjects(ctx) == ["Post 1", "Post 3"] and list(server.inbox) == [2]


def test_what_the_server_declines_again_and_again_is_set_aside(
    make_context: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(role.Delay, "later", lambda delay: setattr(delay, "until", time.monotonic() + 0.05))
    no = b"TAG NO [SERVERBUG] this message is broken\r\n"
    with odd_server(lambda said: no if "2" in said.split("(")[0] and "BODY.PEEK[]" in said else None) as server:
        ctx = ready(make_context, server)
        server.put(*posts(1, 2, 3))
        with fetching(ctx):
            until(lambda: len(server.folders.get("Processed", ())) == 2 and 2 in server.folders["Quarantine"])
        assert subjects(ctx) == ["Post 1", "Post 3"] and not server.inbox
    assert scalar(ctx, "SELECT why FROM fetched WHERE uid = 2") == "the server does not give it to us"
    assert "message 2 cannot be fetched and goes to the folder Quarantine" in caplog.text


@pytest.mark.parametrize(
    "nonsense",
    [
        b"* 1 FETCH (UID 1 BODY[]<0> {10}\r\nshort)\r\nTAG OK done\r\n",
        b"* FETCH )(\r\nTAG OK\r\n",
        b"\xff\xfe\r\n",
        b"TAG\r\n",
    ],
)
def test_nonsense_instead_of_a_message_is_a_connection_that_does_not_hold(make_context: Make, nonsense: bytes) -> None:
    times = [0]

    def odd(said: str) -> bytes | None:
        if "BODY.PEEK[]" not in said:
            return None
        times[0] += 1
        return nonsense if times[0] < 3 else None

    with odd_server(odd) as server:
        ctx = ready(make_context, server)
        server.put(*posts(1, 2))
        with fetching(ctx), pytest.MonkeyPatch.context() as patch:
            patch.setattr(imap, "READ_WITHIN", 1.0)
            until(lambda: len(server.folders.get("Processed", ())) == 2, 60)
        assert subjects(ctx) == ["Post 1", "Post 2"]


@pytest.mark.parametrize("where", ["LOGIN", "AUTHENTICATE", "SELECT", "UID SEARCH", "BODY.PEEK", "UID MOVE", "IDLE"])
def test_the_connection_breaks_at_any_command_and_each_post_is_taken_once(make_context: Make, where: str) -> None:
    broken = [0]

    def odd(said: str) -> bytes | None:
        if where in said and broken[0] < 2:
            broken[0] += 1
            return HANG_UP
        return None

    capability = "IMAP4rev1 MOVE IDLE" + ("" if where == "LOGIN" else " AUTH=PLAIN")
    with odd_server(odd, capability=capability) as server:
        ctx = ready(make_context, server)
        server.put(*posts(1, 2))
        with fetching(ctx):
            until(lambda: len(server.folders.get("Processed", ())) == 2 and broken[0] == 2)
        assert subjects(ctx) == ["Post 1", "Post 2"]
        assert broken[0] == 2 and scalar(ctx, "SELECT count(*) FROM fetched") == 2


@pytest.mark.parametrize("where", ["UID FETCH", "IDLE", "UID MOVE"])
def test_a_silent_server_does_not_keep_us_from_stopping(make_context: Make, where: str) -> None:
    with odd_server(lambda said: SILENCE if said.startswith(where) else None) as server:
        ctx = ready(make_context, server)
        server.put(*posts(1))
        with fetching(ctx) as (mailbox,):
            if where == "IDLE":
                until(lambda: server.folders.get("Processed"))
            until(lambda: any(one.startswith(where) for one in server.commands))
            began = time.monotonic()
        assert time.monotonic() - began < 15  # else the read would have waited for a minute
        assert mailbox._ended.is_set()


def test_idle_that_is_offered_and_refused_is_polling(make_context: Make) -> None:
    with odd_server(lambda said: b"TAG BAD no idling here\r\n" if said == "IDLE" else None) as server:
        ctx = ready(make_context, server)
        with fetching(ctx):
            until(lambda: "IDLE" in server.commands)
            server.put(*posts(1))
            until(lambda: server.folders.get("Processed"))
        assert server.commands.count("IDLE") == 1 and server.sessions == 1


def test_what_cannot_be_moved_is_taken_once_and_said(make_context: Make, caplog: pytest.LogCaptureFixture) -> None:
    with odd_server(lambda said: b"TAG NO [OVERQUOTA] full\r\n" if said.startswith("UID MOVE 1 ") else None) as server:
        ctx = ready(make_context, server)
        server.put(*posts(1))
        with fetching(ctx):
            until(
                lambda: (
                    "cannot be moved to Processed: move failed: [OVERQUOTA] full" in caplog.text
                    or "OVERQUOTA" in caplog.text
                )
            )
            server.put(*posts(2))
            until(lambda: server.folders.get("Processed"))
        assert subjects(ctx) == ["Post 1", "Post 2"] and list(server.inbox) == [1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"greeting": b"* BYE too many connections\r\n"}, "host: .*too many connections"),
        ({"greeting": b"220 mail.people.test ESMTP\r\n"}, "host: .*does not answer like an IMAP server"),
        ({"capability": "IMAP4rev1 LOGINDISABLED"}, "tls: 127.0.0.1 takes no password on such a connection"),
        ({"writable": b"[READ-ONLY]"}, "folder: 'INBOX' may only be read"),
        ({"select": b"* 0 EXISTS\r\n"}, "folder: 'INBOX' has no UIDVALIDITY"),
        ({"odd": lambda said: b"TAG NO [UNAVAILABLE] later\r\n" if "AUTH" in said else None}, "host: .*just now"),
        ({"odd": lambda said: b"TAG NO denied\r\n" if "AUTH" in said else None}, "password_env: .*app password"),
        ({"odd": lambda said: b"TAG NO no room\r\n" if "CREATE" in said else None}, "folder: the folder Processed"),
    ],
)
def test_what_the_operator_has_to_know_is_said_with_its_setting(
    make_context: Make, change: dict[str, object], words: str
) -> None:
    with odd_server() as server:
        for name, value in change.items():
            setattr(server, name, value)
        (account,) = ready(make_context, server).settings.intake.imap
        with pytest.raises(imap.Trouble, match=words):
            session = imap.connect(account)
            try:
                imap.make(session, imap.missing(session, ["Processed"]))
            finally:
                imap.close(session)


def test_starttls_that_is_not_offered_says_nothing_more(make_context: Make) -> None:
    with odd_server() as server:
        (account,) = ready(make_context, server, tls="starttls").settings.intake.imap
        with pytest.raises(imap.Trouble, match=r"tls: .*offers no STARTTLS; write tls: implicit"):
            imap.connect(account)
        assert not any("LOGIN" in one or "AUTH" in one for one in server.commands)


def test_a_port_without_tls_is_named(make_context: Make) -> None:
    with odd_server() as server:
        (account,) = ready(make_context, server, tls="implicit").settings.intake.imap
        with pytest.raises(imap.Trouble, match=r"tls: .*does not speak TLS when tls is implicit; try starttls"):
            imap.connect(account)


def test_a_name_that_nobody_has_and_a_port_where_nobody_listens(make_context: Make) -> None:
    with odd_server() as server:
        port = server.port
        ctx = ready(make_context, server, host="imap.invalid")
        with pytest.raises(imap.Trouble, match=r"host: imap\.invalid is not known in DNS"):
            imap.connect(ctx.settings.intake.imap[0])
    ctx = make_context(house({**box(server), "port": port}))
    with pytest.raises(imap.Trouble, match=r"host: 127\.0\.0\.1:.* cannot be reached: Connection refused"):
        imap.connect(ctx.settings.intake.imap[0])


def test_a_trouble_that_goes_on_is_said_again_after_an_hour_only(
    make_context: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(role, "AGAIN_AT_MOST", 0.05)
    with odd_server() as server:
        server.greeting = b"* BYE too many connections\r\n"
        ctx = ready(make_context, server)
        with caplog.at_level(logging.WARNING), fetching(ctx):
            until(lambda: server.sessions > 6)
            assert caplog.text.count("too many connections") == 1
            monkeypatch.setattr(role, "SAY_AGAIN", 0.0)
            until(lambda: caplog.text.count("too many connections") > 1)


def test_a_connection_that_never_holds_is_tried_less_and_less_often(
    make_context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    with odd_server() as server:
        server.greeting = b"* BYE no\r\n"
        ctx = ready(make_context, server)
        with fetching(ctx) as (mailbox,):
            wait = mailbox._stopping.wait
            monkeypatch.setattr(mailbox._stopping, "wait", lambda s=None: waits.append(s) or wait(0.01))
            until(lambda: len(waits) > 16)
            monkeypatch.undo()
    assert waits[-1] == role.AGAIN_AT_MOST and waits == sorted(waits)
