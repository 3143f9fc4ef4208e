"""Opening a connection: greeting, EHLO, STARTTLS and AUTH, with relays that offer, refuse and break each of them."""

from __future__ import annotations

import asyncio
import base64
import shutil
import ssl
import subprocess
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop
from fake_relay import EXTENSIONS, HANG_UP, SILENCE, FakeRelay, Say

from listserv.edge.relay import Connection, Copy, Outcome, RelayDown, connect

Run = Callable[[Coroutine[Any, Any, None]], None]
WITH_AUTH = (*EXTENSIONS, "AUTH PLAIN LOGIN")


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def runner(coroutine: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=factory) as loop:
            loop.run(asyncio.wait_for(coroutine, 60))

    return runner


@dataclass(frozen=True)
class Certificate:
    file: Path
    key: Path

    def served(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context

    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.file)


def make_certificate(folder: Path, names: str) -> Certificate:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("NOT TESTED: TLS with the relay, because the program openssl is not installed")
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    subprocess.run(
        [
            *(program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=relay.example"),
            *("-addext", f"subjectAltName={names}", "-keyout", str(made.key), "-out", str(made.file)),
        ],
        check=True,
        capture_output=True,
    )
    return made


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), "DNS:localhost,IP:127.0.0.1")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("foreign"), "DNS:elsewhere.example")


async def to(relay: FakeRelay, **options: Any) -> Connection:
    return await connect("127.0.0.1", relay.port, helo_name="lists.example", **options)


async def one_goes_through(connection: Connection, relay: FakeRelay) -> None:
    waiting = [Copy(7, "", "a@example.org", (b"A: b\r\n\r\ntext\r\n",), 14, False, False)]
    outcomes: list[Outcome] = []

    async def next_copy() -> Copy | None:
        return waiting.pop() if waiting else None

    async def record(outcome: Outcome) -> None:
        outcomes.append(outcome)

    await connection.send_all(next_copy, record)
    await connection.close()
    assert [o.result.value for o in outcomes] == ["sent"]
    assert relay.received[-1].data == b"A: b\r\n\r\ntext\r\n"


CAPABILITIES = [
    (("PIPELINING", "SIZE 1000", "8BITMIME", "SMTPUTF8"), 1000, (True, True, True)),
    (("size 0", "8bitmime"), None, (False, True, False)),
    (("SIZE",), None, (False, False, False)),
    (("SIZE many", "PIPELINING extra words"), None, (True, False, False)),
    (("SIZE -5",), None, (False, False, False)),
    ((), None, (False, False, False)),
]


@pytest.mark.parametrize(("extensions", "size", "offered"), CAPABILITIES)
def test_what_the_relay_offers_is_known(
    run: Run, extensions: tuple[str, ...], size: int | None, offered: tuple[bool, bool, bool]
) -> None:
    async def story() -> None:
        async with FakeRelay(extensions=extensions) as relay:
            connection = await to(relay)
            assert connection.capabilities == {e.split(" ")[0].upper() for e in extensions}
            assert connection.max_size == size
            assert (connection.pipelining, connection.eightbit, connection.utf8) == offered
            await one_goes_through(connection, relay)
            assert relay.log[0] == "EHLO lists.example"

    run(story())


def test_a_relay_that_knows_no_ehlo_is_greeted_with_helo(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay({"EHLO": "502 5.5.2 what is that"}) as relay:
            connection = await to(relay)
            assert connection.capabilities == frozenset()
            await one_goes_through(connection, relay)
            assert relay.log[:2] == ["EHLO lists.example", "HELO lists.example"]
            assert relay.impatient == []

    run(story())


DOWN = [
    ("greeting 421", {"greeting": "421 4.3.2 busy"}, False, "421 4.3.2 busy"),
    ("greeting 554", {"greeting": "554 5.7.1 go away"}, True, "554 5.7.1 go away"),
    ("greeting dropped", {"greeting": HANG_UP}, False, "connection lost"),
    ("greeting silent", {"greeting": SILENCE}, False, "no answer within 0.3 seconds"),
    ("greeting of another protocol", {"greeting": "+OK POP3 ready"}, False, "not SMTP"),
    ("ehlo 421", {"EHLO": "421 4.7.0 try later"}, False, "421 4.7.0 try later"),
    ("ehlo and helo refused", {"EHLO": "550 no", "HELO": "550 5.7.1 bad name"}, True, "550 5.7.1 bad name"),
    ("ehlo dropped", {"EHLO": HANG_UP}, False, "connection lost"),
    ("ehlo silent", {"EHLO": SILENCE}, False, "no answer within 0.3 seconds"),
]


@pytest.mark.parametrize(("script", "permanent", "words"), [d[1:] for d in DOWN], ids=[d[0] for d in DOWN])
def test_a_relay_that_lets_nobody_in_is_down(run: Run, script: dict[str, Any], permanent: bool, words: str) -> None:
    async def story() -> None:
        async with FakeRelay(script) as relay:
            with pytest.raises(RelayDown) as down:
                await to(relay, timeout=0.3)
            assert words in str(down.value)
            assert down.value.permanent is permanent

    run(story())


def test_a_port_where_nobody_listens_is_a_relay_that_is_down(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay() as relay:
            pass
        with pytest.raises(RelayDown, match="cannot be reached") as down:
            await to(relay)
        assert not down.value.permanent

    run(story())


@pytest.mark.parametrize(("host", "port"), [("a..b", 25), ("x" * 70 + ".example", 25)])
def test_what_is_no_host_is_down_for_good_or_not_but_nothing_else(run: Run, host: str, port: int) -> None:
    async def story() -> None:
        with pytest.raises(RelayDown):
            await connect(host, port, helo_name="lists.example", connect_timeout=5)

    run(story())


@pytest.mark.parametrize("name", ["", "a b", "a\r\nMAIL FROM:<>", "jürgen.example"])
def test_a_helo_name_that_is_none_is_refused(run: Run, name: str) -> None:
    async def story() -> None:
        with pytest.raises(ValueError, match="EHLO"):
            await connect("127.0.0.1", 1, helo_name=name)

    run(story())


def test_cancelling_while_connecting_leaves_nothing_open(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay({"EHLO": SILENCE}) as relay:
            connecting = asyncio.create_task(to(relay))
            await relay.until("EHLO", 1)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            await relay.hung_up_on.wait()

    run(story())


# TLS


def test_opportunistic_takes_tls_whatever_the_certificate(run: Run, foreign: Certificate) -> None:
    async def story() -> None:
        async with FakeRelay(starttls=foreign.served()) as relay:
            connection = await to(relay)
            assert "STARTTLS" not in connection.capabilities
            await one_goes_through(connection, relay)
            assert relay.log[:4] == ["EHLO lists.example", "STARTTLS", "(secure)", "EHLO lists.example"]

    run(story())


def test_none_does_not_ask_for_tls(run: Run, foreign: Certificate) -> None:
    async def story() -> None:
        async with FakeRelay(starttls=foreign.served()) as relay:
            await one_goes_through(await to(relay, tls="none"), relay)
            assert relay.count("STARTTLS") == 0

    run(story())


@pytest.mark.parametrize(
    "answer",
    [
        "454 4.7.0 TLS not available",
        "502 5.5.1 no",
        Say(b"220 go ahead\r\nthis is no TLS at all\r\n", mute=True),
        Say(b"220 go ahead\r\n", hang_up=True),
        Say(b"220 go ahead\r\n", mute=True),
    ],
    ids=["4xx", "5xx", "garbage", "drop", "silence"],
)
def test_opportunistic_goes_on_in_plain_text_when_tls_does_not_work(run: Run, answer: str | Say) -> None:
    async def story() -> None:
        async with FakeRelay({"STARTTLS": answer}, extensions=(*EXTENSIONS, "STARTTLS")) as relay:
            await one_goes_through(await to(relay, timeout=0.5), relay)
            assert relay.count("STARTTLS") == 1
            assert relay.count("(secure)") == 0

    run(story())


def test_required_sends_over_a_verified_connection(run: Run, certificate: Certificate) -> None:
    async def story() -> None:
        async with FakeRelay(starttls=certificate.served()) as relay:
            connection = await to(relay, tls="required", ssl_context=certificate.trusted())
            await one_goes_through(connection, relay)
            assert relay.count("(secure)") == 1

    run(story())


def test_required_wants_tls_to_be_offered(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay() as relay:
            with pytest.raises(RelayDown, match="does not offer STARTTLS") as down:
                await to(relay, tls="required")
            assert down.value.permanent

    run(story())


@pytest.mark.parametrize(("answer", "permanent"), [("454 4.7.0 not now", False), ("554 5.7.0 never", True)])
def test_required_wants_starttls_to_be_granted(run: Run, answer: str, permanent: bool) -> None:
    async def story() -> None:
        async with FakeRelay({"STARTTLS": answer}, extensions=("STARTTLS",)) as relay:
            with pytest.raises(RelayDown, match="refused STARTTLS") as down:
                await to(relay, tls="required")
            assert down.value.permanent is permanent
            assert relay.count("MAIL") == 0

    run(story())


def test_required_does_not_fall_back_when_the_handshake_fails(run: Run) -> None:
    async def story() -> None:
        script = {"STARTTLS": Say(b"220 go ahead\r\n", hang_up=True)}
        async with FakeRelay(script, extensions=("STARTTLS",)) as relay:
            with pytest.raises(RelayDown, match="TLS") as down:
                await to(relay, tls="required")
            assert not down.value.permanent
            assert relay.sessions == 1

    run(story())


def test_required_refuses_a_certificate_that_nobody_vouches_for(run: Run, certificate: Certificate) -> None:
    async def story() -> None:
        async with FakeRelay(starttls=certificate.served()) as relay:
            with pytest.raises(RelayDown, match="TLS") as down:
                await to(relay, tls="required")
            assert down.value.permanent
            assert relay.sessions == 1

    run(story())


def test_required_refuses_a_certificate_for_another_host(run: Run, foreign: Certificate) -> None:
    async def story() -> None:
        async with FakeRelay(starttls=foreign.served()) as relay:
            with pytest.raises(RelayDown, match="TLS") as down:
                await to(relay, tls="required", ssl_context=foreign.trusted())
            assert down.value.permanent

    run(story())


def test_words_in_plain_text_before_tls_are_forgotten(run: Run, certificate: Certificate) -> None:
    async def story() -> None:
        injected = Say(b"220 go ahead\r\n250-evil.example\r\n250 AUTH PLAIN\r\n")
        async with FakeRelay({"STARTTLS": injected}, starttls=certificate.served()) as relay:
            connection = await to(relay, tls="required", ssl_context=certificate.trusted())
            assert "AUTH" not in connection.capabilities
            assert "PIPELINING" in connection.capabilities
            await one_goes_through(connection, relay)

    run(story())


def test_implicit_is_tls_from_the_first_octet(run: Run, certificate: Certificate) -> None:
    async def story() -> None:
        async with FakeRelay(implicit=certificate.served()) as relay:
            connection = await to(relay, tls="implicit", ssl_context=certificate.trusted())
            await one_goes_through(connection, relay)
            assert relay.count("STARTTLS") == 0

    run(story())


def test_implicit_refuses_a_certificate_that_nobody_vouches_for(run: Run, certificate: Certificate) -> None:
    async def story() -> None:
        async with FakeRelay(implicit=certificate.served()) as relay:
            with pytest.raises(RelayDown, match="TLS") as down:
                await to(relay, tls="implicit")
            assert down.value.permanent

    run(story())


def test_implicit_to_a_relay_without_tls_is_down(run: Run, certificate: Certificate) -> None:
    async def story() -> None:
        async with FakeRelay() as relay:
            with pytest.raises(RelayDown):
                await to(relay, tls="implicit", ssl_context=certificate.trusted(), connect_timeout=5)

    run(story())


def test_large_copies_go_through_tls_octet_for_octet(run: Run, certificate: Certificate) -> None:
    async def story() -> None:
        async with FakeRelay(starttls=certificate.served()) as relay:
            connection = await to(relay)
            chunks = (b"A: b\r\n\r\n", b"0123456789abcdef" * 4 * 30000 + b"\r\n", b"..end\r\n")
            waiting = [Copy(n, "", f"m{n}@example.org", chunks, 1920017, False, False) for n in range(3)]
            outcomes: list[Outcome] = []

            async def next_copy() -> Copy | None:
                return waiting.pop() if waiting else None

            async def record(outcome: Outcome) -> None:
                outcomes.append(outcome)

            await connection.send_all(next_copy, record, lambda: waiting.pop() if waiting else None)
            await connection.close()
            assert [o.result.value for o in outcomes] == ["sent"] * 3
            assert {r.data for r in relay.received} == {b"".join(chunks)}

    run(story())


# AUTH


def test_plain_is_preferred_and_says_name_and_password_once(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay(extensions=WITH_AUTH) as relay:
            connection = await to(relay, username="Jürgen", password="pass word")
            await one_goes_through(connection, relay)
            [line] = [line for line in relay.log if line.startswith("AUTH")]
            assert base64.b64decode(line.split(" ")[2]).decode() == "\0Jürgen\0pass word"

    run(story())


@pytest.mark.parametrize("extension", ["AUTH LOGIN", "AUTH=LOGIN", "auth CRAM-MD5 login"])
def test_login_answers_two_questions(run: Run, extension: str) -> None:
    async def story() -> None:
        script: dict[str, Any] = {"AUTH": ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"]}
        async with FakeRelay(script, extensions=(*EXTENSIONS, extension)) as relay:
            connection = await to(relay, username="user", password="secret")
            await one_goes_through(connection, relay)
            said = [line.split(" ")[1] for line in relay.log if line.startswith("auth ")]
            assert [base64.b64decode(word) for word in said] == [b"user", b"secret"]

    run(story())


AUTH_FAILURES = [
    ({"AUTH": "535 5.7.8 wrong"}, WITH_AUTH, True, "535 5.7.8 wrong"),
    ({"AUTH": "454 4.7.0 later"}, WITH_AUTH, False, "454 4.7.0 later"),
    ({"AUTH": ["334 VXNlcm5hbWU6", "535 5.7.8 no such user"]}, ("AUTH LOGIN",), True, "no such user"),
    ({"AUTH": HANG_UP}, WITH_AUTH, False, "connection lost"),
    ({}, EXTENSIONS, True, "neither AUTH PLAIN nor AUTH LOGIN"),
    ({}, ("AUTH CRAM-MD5",), True, "neither AUTH PLAIN nor AUTH LOGIN"),
]


@pytest.mark.parametrize(("script", "extensions", "permanent", "words"), AUTH_FAILURES)
def test_a_relay_that_refuses_our_name_is_down_and_the_password_is_not_told(
    run: Run, script: dict[str, Any], extensions: tuple[str, ...], permanent: bool, words: str
) -> None:
    async def story() -> None:
        async with FakeRelay(script, extensions=extensions) as relay:
            with pytest.raises(RelayDown) as down:
                await to(relay, username="user", password="sesame")
            assert words in str(down.value)
            assert "sesame" not in str(down.value)
            assert down.value.permanent is permanent

    run(story())


def test_the_password_does_not_leave_in_plain_text_for_another_machine(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Elsewhere:
        is_loopback = False

    monkeypatch.setattr("listserv.edge.relay.ipaddress.ip_address", lambda _: Elsewhere)

    async def story() -> None:
        async with FakeRelay(extensions=WITH_AUTH) as relay:
            with pytest.raises(RelayDown, match="plain text") as down:
                await to(relay, username="user", password="secret")
            assert down.value.permanent
            assert relay.count("AUTH") == 0

    run(story())


def test_the_password_leaves_inside_tls_for_another_machine(
    run: Run, monkeypatch: pytest.MonkeyPatch, certificate: Certificate
) -> None:
    class Elsewhere:
        is_loopback = False

    monkeypatch.setattr("listserv.edge.relay.ipaddress.ip_address", lambda _: Elsewhere)

    async def story() -> None:
        async with FakeRelay(extensions=WITH_AUTH, starttls=certificate.served()) as relay:
            await one_goes_through(await to(relay, username="user", password="secret"), relay)
            assert relay.log.index("(secure)") < [line[:4] for line in relay.log].index("AUTH")

    run(story())
