"""The daemon as a whole: TLS, limits, slow peers, peers that leave, and how it stops."""

from __future__ import annotations

import asyncio
import logging
import shutil
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvloop

from listserv.errors import Reply, UserError
from listserv.intake import replies
from listserv.intake.connections import Room, Stage
from listserv.intake.smtp import Limits, Peer, start
from tests.front_door import HOST, SECRET, House, Talk, open_door

MESSAGE = b"Subject: hello\r\n\r\nGood morning\r\n.\r\n"
Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def runner(coroutine: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=factory) as loop:
            loop.run(asyncio.wait_for(coroutine, 60))

    return runner


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with key and certificate, made by openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: STARTTLS is NOT tested")
    pem = tmp_path_factory.mktemp("tls") / "both.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=mx -batch"
    made = subprocess.run([*command.split(), "-keyout", "-", "-out", "-"], capture_output=True, check=True)
    pem.write_bytes(made.stdout)
    return pem


def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def client_side() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def gone(talk: Talk) -> None:
    assert await talk.rest() == b""


# --- TLS ------------------------------------------------------------------------------------------------------------


def test_starttls_forgets_what_was_said_and_drops_what_came_in_plain(run: Run, certificate: Path) -> None:
    async def securing() -> None:
        async with open_door(tls=server_side(certificate)) as door, door.talk() as talk:
            await talk.send(b"EHLO client.example\r\n")
            lines = [await talk.line() for _ in range(8)]
            assert "250-STARTTLS" in lines
            assert (await talk.say("MAIL FROM:<plain@people.example>")).startswith("250")
            # What follows STARTTLS in its packet was written by somebody in the middle.
            assert (await talk.say("STARTTLS\r\nRSET\r\nNOOP")).startswith("220 2.0.0 ")
            await talk.writer.start_tls(client_side())
            assert (await talk.say("MAIL FROM:<anna@people.example>")).startswith("503 5.5.1 ")
            await talk.send(b"EHLO client.example\r\n")
            lines = [await talk.line() for _ in range(7)]
            assert lines[-1] == "250 HELP"
            assert "250-STARTTLS" not in lines
            assert (await talk.say("STARTTLS")).startswith("503 5.5.1 ")
            await talk.up_to_data()
            await talk.send(MESSAGE + b"QUIT\r\n")
            assert (await talk.reply()).startswith("250 2.0.0 ")
            assert (await talk.reply()).startswith("221 2.0.0 ")
            (taken,) = door.house.taken
            assert taken.peer == Peer("127.0.0.1", "client.example", True, "ESMTPS")
            assert taken.sender == "anna@people.example"

    run(securing())


def test_nonsense_instead_of_a_handshake_is_no_trouble(
    run: Run, certificate: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def securing() -> None:
        async with open_door(tls=server_side(certificate)) as door:
            async with door.talk() as talk:
                await talk.say("EHLO x")
                assert (await talk.say("STARTTLS")).startswith("220")
                await talk.send(b"this is no TLS\r\n")
                await talk.rest()
            async with door.talk() as talk:
                await talk.up_to_data()
                assert (await talk.say(MESSAGE[:-2])).startswith("250 2.0.0 ")

    run(securing())
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_tls_is_at_least_1_2(certificate: Path) -> None:
    async def starting() -> None:
        context = server_side(certificate)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        async with open_door(tls=context):
            assert context.minimum_version >= ssl.TLSVersion.TLSv1_2

    asyncio.run(starting())


# --- who may be here ------------------------------------------------------------------------------------------------


def test_one_address_cannot_take_all_connections(run: Run) -> None:
    async def crowding() -> None:
        async with open_door(per_peer=2) as door, door.talk() as first, door.talk():
            async with door.silent() as third:
                assert (await third.reply()).startswith(f"421 4.7.0 {HOST} ")
                await gone(third)
            await first.say("QUIT")
            await gone(first)
            async with door.talk() as again:
                assert (await again.say("NOOP")).startswith("250")

    run(crowding())


def test_trusted_peers_may_have_any_number(run: Run) -> None:
    async def crowding() -> None:
        async with open_door(per_peer=1, trusted_peers=("127.0.0.1",)) as door, door.talk(), door.talk() as second:
            assert (await second.say("NOOP")).startswith("250")

    run(crowding())


def test_when_full_the_least_advanced_goes(run: Run) -> None:
    async def crowding() -> None:
        async with open_door(connections=3) as door, door.talk() as advanced, door.talk() as idle, door.talk() as later:
            await advanced.say("EHLO x")
            await advanced.say("MAIL FROM:<a@b.example>")
            await later.say("NOOP")
            async with door.talk() as new:
                assert (await idle.reply()).startswith(f"421 4.3.2 {HOST} ")
                await gone(idle)
                await new.up_to_data()
                assert (await new.say(MESSAGE[:-2])).startswith("250")
                for still_here in (advanced, later):
                    assert (await still_here.say("NOOP")).startswith("250")

    run(crowding())


@dataclass(eq=False)
class Guest:
    """A connection as the room sees it."""

    ip: str
    stage: Stage = Stage.GREETED
    since: float = 0.0
    trusted: bool = False
    said: list[Reply] = field(default_factory=list)

    def dismiss(self, reply: Reply) -> None:
        self.said.append(reply)

    def cut(self) -> None: ...


def test_a_crowd_in_data_that_comes_back_at_once_drives_out_itself_and_nobody_else() -> None:
    room = Room(Limits(connections=100, per_peer=20))
    for number in range(99):
        assert room.enter(Guest(f"192.0.2.{number % 11}", Stage.DATA), 0.0) is None
    member = Guest("198.51.100.1", since=10.0)
    assert room.enter(member, 10.0) is None
    for number in range(500):  # faster than any of them has had its second of DATA, and slower
        now = 10 + number * (0.001 if number < 300 else 0.02)
        room.enter(Guest(f"192.0.2.{number % 11}", Stage.DATA, since=now), now)
        member.since = now
    assert member in room.here
    assert not member.said


def test_one_who_holds_many_may_take_the_place_of_one_who_is_idle() -> None:
    room = Room(Limits(connections=5))
    idle = Guest("192.0.2.2")
    for guest in (idle, *(Guest("192.0.2.1", Stage.WORKING) for _ in range(4))):
        assert room.enter(guest, 0.0) is None
    assert room.enter(Guest("192.0.2.1"), 4.0) is replies.CROWDED
    assert room.enter(Guest("192.0.2.1"), 5.0) is None
    assert idle.said == [replies.CROWDED]


def test_a_few_connections_more_are_no_reason_to_go_before_one_that_is_idle() -> None:
    room = Room(Limits(connections=5))
    busy = [Guest("192.0.2.1", Stage.DATA) for _ in range(3)]
    idle = [Guest("192.0.2.2") for _ in range(2)]
    for guest in (*busy, *idle):
        assert room.enter(guest, 5.0) is None
    assert room.enter(Guest("192.0.2.3"), 5.0) is None
    assert [len(guest.said) for guest in (*busy, *idle)] == [0, 0, 0, 1, 0]


def test_a_message_that_we_work_on_is_not_cut_off_to_make_room(run: Run) -> None:
    async def crowding() -> None:
        house = House(gate=asyncio.Event())
        assert house.gate is not None
        async with open_door(house, connections=1) as door, door.talk() as talk:
            await talk.up_to_data()
            await talk.send(MESSAGE)
            await house.working.wait()
            async with door.silent() as new:
                assert (await new.reply()).startswith("421 4.3.2 ")
            house.gate.set()
            assert (await talk.reply()).startswith("250 2.0.0 ")

    run(crowding())


def test_a_post_gets_through_hundreds_of_slow_connections(run: Run) -> None:
    async def slow() -> None:
        limits = {"connections": 400, "per_peer": 10_000}
        async with open_door(**limits) as door:
            socks = []
            try:
                for number in range(500):
                    sock = socket.create_connection(("127.0.0.1", door.server.port))
                    socks.append(sock)
                    sock.send(b"EHLO slow\r\nMAIL FROM:<a@b.example>\r\n"[: number % 40])
                    await asyncio.sleep(0)
                async with door.talk() as talk:
                    await talk.up_to_data()
                    assert (await talk.say(MESSAGE[:-2])).startswith("250 2.0.0 ")
                assert door.server.connections <= 400
            finally:
                for sock in socks:
                    sock.close()

    run(slow())


# --- time -----------------------------------------------------------------------------------------------------------


def test_a_peer_that_says_nothing_is_sent_away(run: Run) -> None:
    async def waiting() -> None:
        async with open_door(command_timeout=0.05) as door, door.talk() as talk:
            assert (await talk.reply()).startswith(f"421 4.4.2 {HOST} ")
            await gone(talk)

    run(waiting())


def test_single_octets_do_not_make_a_command_last_longer(run: Run) -> None:
    async def trickling() -> None:
        async with open_door(command_timeout=0.1) as door, door.talk() as talk:
            answer = asyncio.create_task(talk.reply())
            while not answer.done():
                await talk.send(b"x")
                await asyncio.sleep(0.005)
            assert (await answer).startswith("421 4.4.2 ")

    run(trickling())


def test_a_message_has_one_time_limit_for_all_of_it(run: Run) -> None:
    async def trickling() -> None:
        async with open_door(data_timeout=0.1) as door, door.talk() as talk:
            await talk.up_to_data()
            answer = asyncio.create_task(talk.reply())
            while not answer.done():
                await talk.send(b"x: y\r\n")
                await asyncio.sleep(0.005)
            assert (await answer).startswith("421 4.4.2 ")
            assert door.house.taken == []

    run(trickling())


def test_our_own_slowness_is_not_held_against_the_peer(run: Run) -> None:
    async def working() -> None:
        house = House(gate=asyncio.Event())
        assert house.gate is not None
        async with open_door(house, command_timeout=0.05, data_timeout=0.05) as door, door.talk() as talk:
            await talk.up_to_data()
            await talk.send(MESSAGE + b"QUIT\r\n")
            await house.working.wait()
            asyncio.get_running_loop().call_later(0.2, house.gate.set)
            assert (await talk.rest()).decode() == "250 2.0.0 Taken\r\n221 2.0.0 Bye\r\n"

    run(working())


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_a_message_that_is_endless_is_cut_off_with_a_word(run: Run) -> None:
    async def flooding() -> None:
        async with open_door(max_size=10_000) as door, door.talk() as talk:
            await talk.up_to_data()
            for _ in range(30):
                await talk.send(b"x" * 2_000 + b"\r\n")
            assert (await talk.reply()).startswith("552 5.3.4 ")
            await gone(talk)
            assert door.server.bytes_in_flight == 0

    run(flooding())


def test_a_command_without_end_keeps_no_memory_and_no_one_waiting(run: Run) -> None:
    async def flooding() -> None:
        async with open_door() as door, door.talk() as talk:
            for _ in range(50):
                await talk.send(b"x" * 100_000)
            assert (await talk.say("")).startswith("500 5.5.2 ")
            assert (await talk.say("NOOP")).startswith("250 ")

    run(flooding())


def test_a_peer_that_has_said_all_still_gets_its_replies(run: Run) -> None:
    async def half_closing() -> None:
        house = House(gate=asyncio.Event())
        assert house.gate is not None
        async with open_door(house) as door, door.talk() as talk:
            await talk.up_to_data()
            await talk.send(MESSAGE)
            talk.writer.write_eof()
            await house.working.wait()
            house.gate.set()
            assert (await talk.rest()).startswith(b"250 2.0.0 Taken\r\n")
            assert len(house.taken) == 1

    run(half_closing())


def test_a_peer_that_vanishes_does_not_interrupt_our_work(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def vanishing() -> None:
        house = House(gate=asyncio.Event())
        assert house.gate is not None
        async with open_door(house) as door:
            async with door.talk() as talk:
                await talk.up_to_data()
                await talk.send(MESSAGE)
                await house.working.wait()
                reset = struct.pack("ii", 1, 0)  # close() sends RST: a FIN could be that of a peer that still listens
                talk.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                talk.writer.transport.abort()
            while door.server.connections:
                await asyncio.sleep(0)
            house.gate.set()
        assert len(house.taken) == 1

    with caplog.at_level(logging.INFO):
        run(vanishing())
    lines = [r.getMessage() for r in caplog.records if r.name.startswith("listserv")]
    assert len(lines) == 1
    assert all(r.levelno <= logging.INFO for r in caplog.records)


def test_a_crash_of_the_house_is_logged_without_its_words(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def crashing() -> None:
        async with open_door() as door, door.talk() as talk:
            await talk.up_to_data()
            assert (await talk.say(b"Subject: explode\r\n\r\n.")).startswith("451 4.3.0 ")

    run(crashing())
    (record,) = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert "RuntimeError" in record.getMessage()
    assert SECRET not in caplog.text
    assert "explode" not in caplog.text


def test_many_idle_commands_are_errors(run: Run) -> None:
    async def idling() -> None:
        async with open_door(errors=3) as door, door.talk() as talk:
            await talk.send(b"NOOP\r\n" * 200)
            answers = (await talk.rest()).decode().splitlines()
            assert answers[:100] == ["250 2.0.0 OK"] * 100
            assert answers[-1].startswith("421 4.7.0 ")
            assert len(answers) < 110

    run(idling())


def test_ten_thousand_recipients_all_get_an_answer(run: Run) -> None:
    async def many() -> None:
        async with open_door() as door, door.talk() as talk:
            await talk.say("EHLO x")
            await talk.say("MAIL FROM:<a@b.example>")
            sending = asyncio.create_task(talk.send(b"RCPT TO:<list@lists.example>\r\n" * 10_000))
            answers = [(await talk.reply())[:9] for _ in range(10_000)]
            await sending
            assert answers == ["250 2.1.5"] * 100 + ["452 4.5.3"] * 9_900
            assert (await talk.say("DATA")).startswith("354")
            assert (await talk.say(MESSAGE[:-2])).startswith("250 2.0.0")

    run(many())


def test_what_the_house_is_told(run: Run) -> None:
    async def telling() -> None:
        async with open_door(trusted_peers=("127.0.0.0/8",)) as door, door.talk() as talk:
            await talk.say("EHLO relay.example")
            await talk.say("XFORWARD ADDR=192.0.2.7 HELO=far.example")
            await talk.say("MAIL FROM:<> SMTPUTF8")
            await talk.say("RCPT TO:<POSTMASTER>")
            await talk.say("RCPT TO:<größe@lists.example>")
            await talk.say("DATA")
            await talk.say(MESSAGE[:-2])
            await talk.up_to_data(hello="HELO plain.example")
            await talk.say(MESSAGE[:-2])
            first, second = door.house.taken
            assert door.house.asked[0] == ("postmaster", "")
            assert first.recipients == [
                ("postmaster", "route of postmaster"),
                ("größe@lists.example", "route of größe@lists.example"),
            ]
            assert (first.sender, first.data) == ("", b"Subject: hello\r\n\r\nGood morning\r\n")
            assert first.peer == Peer("192.0.2.7", "far.example", False, "UTF8SMTP", trusted=True, forwarded=True)
            assert second.peer == Peer("127.0.0.1", "plain.example", False, "SMTP", trusted=True)

    run(telling())


# --- where it listens, how it stops ---------------------------------------------------------------------------------


def test_lmtp_on_a_unix_socket(run: Run, tmp_path: Path) -> None:
    async def local() -> None:
        path = tmp_path / "lmtp"
        left_behind = socket.socket(socket.AF_UNIX)
        left_behind.bind(str(path))
        left_behind.close()
        async with open_door(listen=f"unix:{path}", lmtp=True) as door, door.talk() as talk:
            await talk.up_to_data(hello="LHLO mta.example")
            assert (await talk.say(MESSAGE[:-2])).startswith("250 2.0.0 ")
            assert door.house.taken[0].peer == Peer("", "mta.example", False, "LMTP", trusted=True)
            with pytest.raises(UserError, match="another process"):
                await start(f"unix:{path}", House(), Limits(), hostname=HOST, lmtp=True)
        assert not path.exists()

    run(local())


def test_an_address_that_is_taken_is_the_operators_mistake(run: Run, tmp_path: Path) -> None:
    async def twice() -> None:
        (tmp_path / "file").write_text("not a socket")
        async with open_door() as door:
            wrong = (f"127.0.0.1:{door.server.port}", "127.0.0.1:port", "127.0.0.1:99999", f"unix:{tmp_path}/file")
            for listen in wrong:
                with pytest.raises(UserError, match="cannot listen on"):
                    await start(listen, House(), Limits(), hostname=HOST)
        assert (tmp_path / "file").read_text() == "not a socket"

    run(twice())


def test_stopping_lets_a_message_finish_and_sends_others_away(run: Run) -> None:
    async def stopping() -> None:
        house = House()
        server = await start("127.0.0.1:0", house, Limits(), hostname=HOST)
        idle, busy = [Talk(*await asyncio.open_connection("127.0.0.1", server.port)) for _ in range(2)]
        await idle.reply()
        await busy.reply()
        await busy.up_to_data()
        closing = asyncio.create_task(server.close(grace=30))
        assert (await idle.reply()).startswith(f"421 4.3.2 {HOST} ")
        await gone(idle)
        assert (await busy.say(MESSAGE[:-2])).startswith("250 2.0.0 ")
        assert (await busy.reply()).startswith("421 4.3.2 ")
        await gone(busy)
        await closing
        assert len(house.taken) == 1
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", server.port)
        for talk in (idle, busy):
            talk.writer.close()

    run(stopping())


def test_stopping_does_not_wait_for_ever(run: Run) -> None:
    async def stopping() -> None:
        house = House(gate=asyncio.Event())
        server = await start("127.0.0.1:0", house, Limits(), hostname=HOST)
        sending, waiting = [Talk(*await asyncio.open_connection("127.0.0.1", server.port)) for _ in range(2)]
        for talk in (sending, waiting):
            await talk.reply()
            await talk.up_to_data()
        await waiting.send(MESSAGE)
        await house.working.wait()
        await server.close(grace=0.05)
        assert (await sending.reply()).startswith("421 4.3.2 ")
        await waiting.rest()
        assert server.connections == 0
        for talk in (sending, waiting):
            talk.writer.close()

    run(stopping())
