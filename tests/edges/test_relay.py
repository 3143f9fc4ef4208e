"""The sending loop against a relay that does everything a relay may do, and some things it may not."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import pytest
import uvloop
from fake_relay import EXTENSIONS, HANG_UP, SILENCE, FakeRelay, Received, Say

from listserv.edge.relay import Connection, Copy, Outcome, Result, connect
from listserv.edge.relay_wire import Wire

BODY = b"Subject: a post\r\n\r\nFirst line\r\n..a line that began with a dot\r\n..\r\nlast\r\n"
STEPWISE = tuple(e for e in EXTENSIONS if e != "PIPELINING")
Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def runner(coroutine: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=factory) as loop:
            loop.run(asyncio.wait_for(coroutine, 60))

    return runner


def a_copy(
    number: int = 1,
    *chunks: bytes,
    recipient: str = "",
    sender: str | None = None,
    size: int = 100,
    eightbit: bool = False,
    utf8: bool = False,
) -> Copy:
    return Copy(
        number,
        f"l-bounces+{number}@lists.example" if sender is None else sender,
        recipient or f"member{number}@example.org",
        chunks or (b"X-Copy: %d\r\n" % number, BODY),
        size,
        eightbit,
        utf8,
    )


class Desk:
    """Hands out copies and writes down what became of them."""

    def __init__(self, copies: Iterable[Copy]) -> None:
        self.waiting = deque(copies)
        self.outcomes: list[Outcome] = []

    async def next_copy(self) -> Copy | None:
        return self.peek()

    def peek(self) -> Copy | None:
        return self.waiting.popleft() if self.waiting else None

    async def record(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    async def send(self, connection: Connection) -> None:
        await connection.send_all(self.next_copy, self.record, self.peek)

    def told(self) -> list[tuple[int, str, int, str]]:
        return [(o.copy.id, o.result.value, o.code, o.stage) for o in self.outcomes]


async def session(relay: FakeRelay, **options: Any) -> Connection:
    return await connect("127.0.0.1", relay.port, helo_name="lists.example", tls="none", **options)


async def play(relay: FakeRelay, copies: Iterable[Copy], **options: Any) -> tuple[Desk, Connection]:
    """Sends the copies over one connection and closes it; `usable` is what it was before the closing."""
    desk = Desk(copies)
    connection = await session(relay, **options)
    await desk.send(connection)
    return desk, connection


@pytest.mark.parametrize("extensions", [EXTENSIONS, STEPWISE], ids=["pipelined", "stepwise"])
def test_every_octet_arrives_and_every_copy_is_told_once(run: Run, extensions: tuple[str, ...]) -> None:
    bodies = {
        1: (b"A: 1\r\n", b"\r\n", b"text\r\n"),
        2: (BODY,),
        3: (b"A: 3\r\n\r\n", b"", b"caf\xc3\xa9 \x80\xff\r\n", b"..\r\n"),
        4: (b"A: 4\r\n\r\n", b"0123456789abcdef" * 4 * 20000 + b"\r\n", b"..end", b"\r\n"),
        5: (b"..only\r\n",),
    }

    async def story() -> None:
        async with FakeRelay(extensions=extensions) as relay:
            copies = [a_copy(n, *chunks, size=sum(map(len, chunks))) for n, chunks in bodies.items()]
            desk, connection = await play(relay, copies)
            assert connection.usable
            await connection.close()
            assert [r.data for r in relay.received] == [b"".join(chunks) for chunks in bodies.values()]
            assert [r.rcpt for r in relay.received] == [f"RCPT TO:<member{n}@example.org>" for n in bodies]
            assert desk.told() == [(n, "sent", 250, "dot") for n in bodies]
            assert desk.outcomes[1].reply == "2.0.0 Ok: queued as 1"
            assert relay.log[-1] == "QUIT"

    run(story())


def test_without_pipelining_no_command_waits_behind_another(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay(extensions=STEPWISE) as relay:
            desk, connection = await play(relay, map(a_copy, range(5)))
            await connection.close()
            assert relay.impatient == []
            assert len(desk.outcomes) == 5

    run(story())


def test_pipelined_envelope_travels_with_the_end_of_the_copy_before(run: Run) -> None:
    async def story() -> None:
        answered = asyncio.Event()
        script = {"dot": Say(b"250 ok\r\n", after=answered)}

        def look(received: Received) -> None:
            asyncio.get_running_loop().call_soon(answered.set)

        async with FakeRelay(script, on_end=look) as relay:
            _, connection = await play(relay, map(a_copy, range(3)))
            await connection.close()
            assert [line.split(" ")[0] for line in relay.impatient] == ["MAIL", "RCPT"] * 3

    run(story())


def test_without_peek_nothing_is_taken_ahead(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay() as relay:
            desk = Desk(map(a_copy, range(3)))
            connection = await session(relay)
            waiting_at_record = []

            async def record(outcome: Outcome) -> None:
                waiting_at_record.append(len(desk.waiting))

            await connection.send_all(desk.next_copy, record)
            await connection.close()
            assert waiting_at_record == [2, 1, 0]

    run(story())


def test_next_final_dot_waits_for_the_record_of_the_copy_before(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay() as relay:
            desk, written_down = Desk(map(a_copy, range(2))), asyncio.Event()

            async def record(outcome: Outcome) -> None:
                await written_down.wait()
                await desk.record(outcome)

            connection = await session(relay)
            sending = asyncio.create_task(connection.send_all(desk.next_copy, record, desk.peek))
            await relay.until("DATA", 2)  # the envelope is there, and the relay waits for the message
            bystander = await session(relay)
            for _ in range(20):
                await Desk([a_copy(99, recipient="not an address")]).send(bystander)
                await bystander.close()
                bystander = await session(relay)
            await bystander.close()
            assert relay.count("dot") == 1
            written_down.set()
            await sending
            await connection.close()
            assert relay.count("dot") == 2
            assert [o.result for o in desk.outcomes] == [Result.SENT] * 2

    run(story())


def test_a_long_wait_for_the_next_copy_keeps_no_envelope_open(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay() as relay:
            desk, empty, more = Desk([a_copy(1)]), asyncio.Event(), asyncio.Event()

            async def next_copy() -> Copy | None:
                if not desk.waiting and not more.is_set():
                    empty.set()
                    await more.wait()
                    desk.waiting.append(a_copy(2))
                return desk.peek()

            connection = await session(relay)
            sending = asyncio.create_task(connection.send_all(next_copy, desk.record, desk.peek))
            await empty.wait()
            assert relay.count("MAIL") == relay.count("dot") == 1
            more.set()
            await sending
            await connection.close()
            assert [o.copy.id for o in desk.outcomes] == [1, 2]

    run(story())


REFUSALS = [
    ("mail 5xx", {"MAIL": ["550 5.7.1 not you"]}, ("failed", 550, "mail")),
    ("mail 4xx", {"MAIL": ["451 4.3.0 later"]}, ("deferred", 451, "mail")),
    ("rcpt 5xx", {"RCPT": ["550 5.1.1 unknown"]}, ("failed", 550, "rcpt")),
    ("rcpt 4xx", {"RCPT": ["450 4.2.0 greylisted"]}, ("deferred", 450, "rcpt")),
    ("data 4xx", {"DATA": ["452 4.3.1 disk"]}, ("deferred", 452, "data")),
    ("data 5xx", {"DATA": ["554 5.7.1 no"]}, ("failed", 554, "data")),
    ("dot 5xx", {"dot": ["552 5.3.4 too big after all"]}, ("failed", 552, "dot")),
    ("dot 4xx", {"dot": ["451 4.7.0 filter is out"]}, ("deferred", 451, "dot")),
    ("rcpt 5xx, data taken", {"RCPT": ["550 5.1.1 unknown"], "DATA": ["354 go on"]}, ("failed", 550, "rcpt")),
    ("mail 4xx, data taken", {"MAIL": ["450 4.1.8 no"], "DATA": ["354 go on"]}, ("deferred", 450, "mail")),
    (
        "rcpt 5xx, data taken, even the dot",
        {"RCPT": ["550 5.1.1 unknown"], "DATA": ["354 go on"], "dot": ["250 fine"]},
        ("failed", 550, "rcpt"),
    ),
]


@pytest.mark.parametrize("extensions", [EXTENSIONS, STEPWISE], ids=["pipelined", "stepwise"])
@pytest.mark.parametrize(("script", "expected"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_a_refused_copy_costs_only_itself(
    run: Run, script: dict[str, Any], expected: tuple[str, int, str], extensions: tuple[str, ...]
) -> None:
    if extensions is STEPWISE and "RCPT" in script | {"MAIL": 0} and "DATA" in script:
        script = {k: v for k, v in script.items() if k in ("MAIL", "RCPT")}  # no DATA without a recipient

    async def story() -> None:
        async with FakeRelay(script, extensions=extensions) as relay:
            desk, connection = await play(relay, map(a_copy, (1, 2, 3)))
            assert connection.usable
            await connection.close()
            assert desk.told() == [(1, *expected), (2, "sent", 250, "dot"), (3, "sent", 250, "dot")]
            assert [r.data[:9] for r in relay.received if r.data] == [b"X-Copy: 2", b"X-Copy: 3"]

    run(story())


def test_a_refused_copy_in_the_middle_leaves_its_neighbours_alone(run: Run) -> None:
    async def story() -> None:
        ok = "250 ok"
        script: dict[str, Any] = {"RCPT": [ok, "550 5.1.1 no", "450 4.2.1 later", ok, "550 5.1.1 no"]}
        async with FakeRelay(script) as relay:
            desk, connection = await play(relay, map(a_copy, range(6)))
            await connection.close()
            results = [o.result.value for o in desk.outcomes]
            assert results == ["sent", "failed", "deferred", "sent", "failed", "sent"]
            assert [r.rcpt for r in relay.received] == [f"RCPT TO:<member{n}@example.org>" for n in (0, 3, 5)]

    run(story())


GONE_BEFORE = [
    ("421 to mail", {"MAIL": "421 4.3.2 going down"}, 421, "mail"),
    ("421 to rcpt", {"RCPT": "421 4.7.0 too many errors"}, 421, "rcpt"),
    ("421 to data", {"DATA": "421 4.3.2 going down"}, 421, "data"),
    ("421 and gone", {"MAIL": Say(b"421 4.3.2 bye\r\n", hang_up=True)}, 421, "mail"),
    ("dropped at mail", {"MAIL": HANG_UP}, 0, "mail"),
    ("dropped at rcpt", {"RCPT": HANG_UP}, 0, "rcpt"),
    ("dropped at data", {"DATA": HANG_UP}, 0, "data"),
    ("silent at mail", {"MAIL": SILENCE}, 0, "mail"),
    ("silent at data", {"DATA": SILENCE}, 0, "data"),
    ("half a reply, then nothing", {"RCPT": Say(b"250 2.1", mute=True)}, 0, "rcpt"),
    ("no end of a reply", {"RCPT": Say(b"250-again\r\n", mute=True)}, 0, "rcpt"),
    ("garbage", {"MAIL": Say(b"\x00\xff HTTP/1.1 400 Bad Request\r\n")}, 0, "mail"),
    ("endless line", {"MAIL": Say(b"250 " + b"x" * 70000, mute=True)}, 0, "mail"),
    ("long whole line", {"MAIL": Say(b"250 " + b"x" * 70000 + b"\r\n")}, 0, "mail"),
    ("endless reply", {"MAIL": Say(b"250-line of a reply\r\n" * 5000)}, 0, "mail"),
    ("250 to data", {"DATA": "250 ok"}, 0, "data"),
    ("354 to mail", {"MAIL": "354 go"}, 0, "mail"),
    ("message refused before it was sent", {"DATA": Say(b"354 go\r\n421 4.4.2 or rather not\r\n")}, 421, "data"),
    ("message accepted before it was sent", {"DATA": Say(b"354 go\r\n250 ok\r\n")}, 0, "data"),
]


@pytest.mark.parametrize("extensions", [EXTENSIONS, STEPWISE], ids=["pipelined", "stepwise"])
@pytest.mark.parametrize(("script", "code", "stage"), [g[1:] for g in GONE_BEFORE], ids=[g[0] for g in GONE_BEFORE])
def test_a_connection_that_goes_before_the_dot_leaves_the_copy_unsent(
    run: Run, script: dict[str, Any], code: int, stage: str, extensions: tuple[str, ...]
) -> None:
    async def story() -> None:
        async with FakeRelay(script, extensions=extensions) as relay:
            desk, connection = await play(relay, map(a_copy, (1, 2)), timeout=0.2)
            assert not connection.usable
            await connection.close()
            assert desk.told()[0] == (1, "unsent", code, stage)
            assert desk.told()[1:] == [(2, "unsent", code, "mail")] * (1 - len(desk.waiting))
            assert relay.received == []
            assert desk.outcomes[0].reply

    run(story())


GONE_AFTER = [
    ("dropped", {"dot": HANG_UP}, "connection lost after the final dot"),
    ("silent", {"dot": SILENCE}, "no answer within 0.2 seconds after the final dot"),
    ("garbage", {"dot": Say(b"ok\r\n")}, "the relay's reply is not SMTP, or too long after the final dot"),
    ("354", {"dot": "354 more"}, "the relay answered out of order (354 more) after the final dot"),
]


@pytest.mark.parametrize("extensions", [EXTENSIONS, STEPWISE], ids=["pipelined", "stepwise"])
@pytest.mark.parametrize(("script", "words"), [g[1:] for g in GONE_AFTER], ids=[g[0] for g in GONE_AFTER])
def test_a_connection_that_goes_after_the_dot_leaves_one_copy_in_doubt(
    run: Run, script: dict[str, Any], words: str, extensions: tuple[str, ...]
) -> None:
    async def story() -> None:
        async with FakeRelay(script, extensions=extensions) as relay:
            desk, connection = await play(relay, map(a_copy, (1, 2, 3)), dot_timeout=0.2)
            assert not connection.usable
            await connection.close()
            ahead = [(2, "unsent", 0, "mail")] if extensions is EXTENSIONS else []
            assert desk.told() == [(1, "unknown", 0, "dot"), *ahead]
            assert desk.outcomes[0].reply == words
            assert relay.count("dot") == 1

    run(story())


def test_421_to_the_dot_defers_that_copy_and_ends_the_connection(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay({"dot": "421 4.3.2 shutting down"}) as relay:
            desk, connection = await play(relay, map(a_copy, (1, 2, 3)))
            assert not connection.usable
            await connection.close()
            assert desk.told() == [(1, "deferred", 421, "dot"), (2, "unsent", 421, "mail")]
            assert {o.reply for o in desk.outcomes} == {"4.3.2 shutting down"}

    run(story())


def test_an_answer_that_came_before_the_drop_counts(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay({"dot": Say(b"250 2.0.0 taken\r\n", hang_up=True)}) as relay:
            desk, connection = await play(relay, map(a_copy, (1, 2)))
            await connection.close()
            assert desk.told() == [(1, "sent", 250, "dot"), (2, "unsent", 0, "mail")]

    run(story())


def test_a_refusal_of_the_recipient_counts_even_if_the_connection_goes_then(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay({"RCPT": "550 5.1.1 unknown", "DATA": HANG_UP}) as relay:
            desk, connection = await play(relay, [a_copy(1), a_copy(2)])
            await connection.close()
            assert desk.told() == [(1, "failed", 550, "rcpt")]
            assert not connection.usable

    run(story())


def test_a_refusal_in_the_middle_of_a_large_message_counts(run: Run) -> None:
    async def story() -> None:
        large = a_copy(1, b"A: b\r\n\r\n", b"x" * 76 + b"\r\n", (b"y" * 76 + b"\r\n") * 100000)
        async with FakeRelay({"DATA": Say(b"354 go\r\n552 5.3.4 no room for that\r\n")}) as relay:
            desk, connection = await play(relay, [large])
            await connection.close()
            assert desk.told() == [(1, "failed", 552, "data")]
            assert relay.received == []

    run(story())


def test_a_relay_that_stops_reading_a_large_message_leaves_it_unsent(run: Run) -> None:
    async def story() -> None:
        large = a_copy(1, b"A: b\r\n\r\n", (b"y" * 76 + b"\r\n") * 400000, size=10000000)
        forever = asyncio.Event()
        answers = b"220 hi\r\n", b"250-x\r\n250 PIPELINING\r\n", b"250 a\r\n250 b\r\n354 c\r\n"

        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for answer in answers:
                writer.write(answer)
                if answer is not answers[-1]:
                    await reader.read(1000)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await forever.wait()
            writer.transport.abort()

        server = await asyncio.start_server(deaf, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        connection = await connect("127.0.0.1", port, helo_name="x.example", tls="none", timeout=0.3)
        desk = Desk([large])
        await desk.send(connection)
        await connection.close()
        assert desk.told() == [(1, "unsent", 0, "data")]
        assert desk.outcomes[0].reply == "no answer within 0.3 seconds before the final dot"
        forever.set()
        server.close()
        await server.wait_closed()

    run(story())


def test_a_relay_that_hung_up_while_idle_leaves_the_next_copy_unsent(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay() as relay:
            connection = await session(relay)
            asked = asyncio.Event()
            desk = Desk([a_copy(1), a_copy(2)])

            async def next_copy() -> Copy | None:
                asked.set()
                for task in list(relay._tasks):
                    task.cancel()
                await relay.hung_up_on.wait()
                while connection.usable:
                    await asyncio.sleep(0)
                return desk.peek()

            await connection.send_all(next_copy, desk.record, desk.peek)
            assert desk.told() == [(1, "unsent", 0, "connect")]
            await connection.send_all(next_copy, desk.record, desk.peek)
            assert len(desk.outcomes) == 1, "an unusable connection takes nothing"
            await connection.close()

    run(story())


def test_replies_in_single_octets_many_lines_and_bare_newlines_are_understood(run: Run) -> None:
    async def story() -> None:
        script = {
            "EHLO": Say(b"250-fake\n250-size 5000\n250 Pipelining\n", slowly=True),
            "MAIL": Say(b"250-2.1.0 one\r\n250-\r\n250 2.1.0 two\r\n", slowly=True),
            "RCPT": Say(b"250\r\n", slowly=True),
            "dot": Say(b"250-2.0.0 first\r\n250 2.0.0 \x1b[31msecond\t\xff\r\n", slowly=True),
        }
        async with FakeRelay(script) as relay:
            desk, connection = await play(relay, map(a_copy, (1, 2)))
            await connection.close()
            assert connection.capabilities == {"SIZE", "PIPELINING"}
            assert connection.max_size == 5000
            assert desk.told() == [(1, "sent", 250, "dot"), (2, "sent", 250, "dot")]
            assert desk.outcomes[0].reply == "2.0.0 first 2.0.0 ?[31msecond \N{REPLACEMENT CHARACTER}"

    run(story())


def test_a_reply_is_kept_as_one_line_of_at_most_500_characters(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay({"RCPT": "550-" + "a" * 400 + "\n550 " + "b" * 400}) as relay:
            desk, connection = await play(relay, [a_copy(1)])
            await connection.close()
            assert desk.outcomes[0].reply == "a" * 400 + " " + "b" * 99

    run(story())


def test_envelope_says_size_body_and_smtputf8_only_where_offered_and_needed(run: Run) -> None:
    async def story() -> None:
        copies = [
            a_copy(1, size=77),
            a_copy(2, size=78, eightbit=True, sender=""),
            a_copy(3, size=79, eightbit=True, utf8=True, recipient="jürgen@bücher.example"),
        ]
        async with FakeRelay() as relay:
            _, connection = await play(relay, copies)
            await connection.close()
            assert [line for line in relay.log if line[:4] in ("MAIL", "RCPT")] == [
                "MAIL FROM:<l-bounces+1@lists.example> SIZE=77",
                "RCPT TO:<member1@example.org>",
                "MAIL FROM:<> SIZE=78 BODY=8BITMIME",
                "RCPT TO:<member2@example.org>",
                "MAIL FROM:<l-bounces+3@lists.example> SIZE=79 BODY=8BITMIME SMTPUTF8",
                "RCPT TO:<jürgen@bücher.example>",
            ]
        async with FakeRelay(extensions=("PIPELINING",)) as relay:
            _, connection = await play(relay, copies[:1])
            await connection.close()
            assert "MAIL FROM:<l-bounces+1@lists.example>" in relay.log

    run(story())


HOPELESS = [
    ("too big", {"size": 20000}, 552, "5.3.4"),
    ("needs SMTPUTF8", {"utf8": True}, 553, "5.6.7"),
    ("needs 8BITMIME", {"eightbit": True}, 554, "5.6.3"),
    ("non-ASCII address", {"recipient": "jürgen@example.org"}, 553, "5.1.3"),
    ("no recipient", {"recipient": " "}, 553, "5.1.3"),
    ("second command in recipient", {"recipient": "a@example.org>\r\nRCPT TO:<b@example.org"}, 553, "5.1.3"),
    ("newline in recipient", {"recipient": "a@example.org\n"}, 553, "5.1.3"),
    ("parameter in recipient", {"recipient": "a@example.org> NOTIFY=NEVER"}, 553, "5.1.3"),
    ("second command in sender", {"sender": "a@example.org>\r\nRCPT TO:<b@example.org"}, 553, "5.1.7"),
    ("surrogate", {"recipient": "a\udcff@example.org"}, 553, "5.1.3"),
    ("line end in a domain", {"recipient": "a@example.org\r\nDATA.example"}, 553, "5.1.3"),
    ("line separator in sender", {"sender": "a\u2028b@example.org"}, 553, "5.1.7"),
]


@pytest.mark.parametrize(("fault", "code", "words"), [h[1:] for h in HOPELESS], ids=[h[0] for h in HOPELESS])
def test_what_cannot_work_fails_without_a_word_to_the_relay(
    run: Run, fault: dict[str, Any], code: int, words: str
) -> None:
    async def story() -> None:
        async with FakeRelay(extensions=("PIPELINING", "SIZE 10000")) as relay:
            desk, connection = await play(relay, [a_copy(1, **fault), a_copy(2), a_copy(3, **fault), a_copy(4)])
            await connection.close()
            results = {o.copy.id: o.result.value for o in desk.outcomes}
            assert results == {1: "failed", 2: "sent", 3: "failed", 4: "sent"}
            assert desk.outcomes[0].code == code
            assert desk.outcomes[0].reply.startswith(words)
            assert relay.count("MAIL") == relay.count("RCPT") == 2

    run(story())


@pytest.mark.parametrize(
    "recipient",
    [
        "jürgen@example.org>\r\nRCPT TO:<b@example.org",
        "a@bücher.example> NOTIFY=NEVER",
        "a@bücher.example\r\nDATA",
        "ü ü@example.org",
        "ü@\udcff.example",
        "ü\N{NO-BREAK SPACE}@example.org",
    ],
)
def test_an_international_address_brings_no_second_command(run: Run, recipient: str) -> None:
    async def story() -> None:
        async with FakeRelay() as relay:
            desk, connection = await play(relay, [a_copy(1, recipient=recipient, utf8=True)])
            await connection.close()
            assert desk.told() == [(1, "failed", 553, "rcpt")]
            assert relay.count("MAIL") == 0

    run(story())


BREAKOUTS = [
    (b"A: b\r\n\r\ntext\r\n.\r\nMAIL FROM:<evil@example.org>\r\n",),
    (b"A: b\r\n\r\ntext\n.\r\nMAIL FROM:<evil@example.org>\r\n",),
    (b"A: b\r\n\r\ntext\n.\nMAIL\r\n",),
    (b"A: b\r\n\r\ntext\r\n", b".\r\n", b"MAIL\r\n"),
    (b"A: b\r\n\r\ntext\r\n.", b"\r\nMAIL\r\n"),
    (b".\r\n",),
    (b".unstuffed\r\n",),
    (b"A: b\r\n\r\n" + b"x" * 131072 + b"\r\n.", b"\r\nMAIL\r\n"),
    (b"A: b\r\n\r\nno line end",),
    (b"A: b\r\n\r\nhalf a line end\r",),
    (b"A: b\r\n\r\nthe wrong line end\n",),
    (b"",),
]


@pytest.mark.parametrize("chunks", BREAKOUTS)
def test_a_message_that_could_end_early_is_never_ended(run: Run, chunks: tuple[bytes, ...]) -> None:
    async def story() -> None:
        async with FakeRelay() as relay:
            desk, connection = await play(relay, [a_copy(1, *chunks), a_copy(2)])
            assert not connection.usable
            await connection.close()
            assert desk.told() == [(1, "failed", 554, "data"), (2, "unsent", 0, "mail")]
            assert relay.received == []

    run(story())


def test_cancelling_tells_what_is_known_of_the_copies_in_hand(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay({"dot": SILENCE}) as relay:
            desk = Desk(map(a_copy, (1, 2, 3)))
            connection = await session(relay)
            sending = asyncio.create_task(desk.send(connection))
            await relay.until("dot", 1)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            assert desk.told() == [(1, "unknown", 0, "dot"), (2, "unsent", 0, "mail")]
            assert not connection.usable
            await connection.close()

    run(story())


def test_cancelling_does_not_lose_an_answer_that_is_there_already(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with FakeRelay() as relay:
            desk = Desk([a_copy(1)])
            hear = Wire.data_received
            sending: asyncio.Task[None] | None = None

            def hear_and_cancel(wire: Wire, data: bytes) -> None:
                hear(wire, data)
                if b"queued as" in data and sending is not None:
                    sending.cancel()

            monkeypatch.setattr(Wire, "data_received", hear_and_cancel)
            connection = await session(relay)
            sending = asyncio.create_task(desk.send(connection))
            with pytest.raises(asyncio.CancelledError):
                await sending
            await connection.close()
            assert desk.told() == [(1, "sent", 250, "dot")]

    run(story())


def test_a_record_that_raises_ends_the_connection_before_the_next_dot(run: Run) -> None:
    async def story() -> None:
        async with FakeRelay() as relay:
            desk = Desk(map(a_copy, (1, 2, 3)))

            async def record(outcome: Outcome) -> None:
                await desk.record(outcome)
                if outcome.copy.id == 1:
                    raise OSError("disk full")

            connection = await session(relay)
            with pytest.raises(OSError, match="disk full"):
                await connection.send_all(desk.next_copy, record, desk.peek)
            assert desk.told() == [(1, "sent", 250, "dot"), (2, "unsent", 0, "mail")]
            assert not connection.usable
            await connection.close()
            assert relay.count("dot") == 1

    run(story())


def test_closing_a_relay_that_does_not_answer_quit_ends(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("listserv.edge.relay_sending.QUIT_TIMEOUT", 0.1)

    async def story() -> None:
        async with FakeRelay({"QUIT": SILENCE}) as relay:
            connection = await session(relay)
            await connection.close()
            await connection.close()
            assert relay.count("QUIT") == 1
            assert not connection.usable

    run(story())


def test_2000_copies_over_ten_connections_keep_the_promise_on_each(run: Run) -> None:
    async def story() -> None:
        recorded: set[str] = set()
        before: dict[int, str] = {}
        broken: list[str] = []

        def ended(received: Received) -> None:
            last = before.get(received.session)
            if last is not None and last not in recorded:
                broken.append(received.rcpt)
            before[received.session] = received.rcpt

        async with FakeRelay(on_end=ended) as relay:
            desk = Desk(a_copy(n, b"X-Copy: %d\r\n" % n, BODY * (1 + n % 50)) for n in range(2000))

            async def record(outcome: Outcome) -> None:
                for _ in range(outcome.copy.id % 4):
                    await asyncio.sleep(0)
                recorded.add(f"RCPT TO:<{outcome.copy.recipient}>")
                await desk.record(outcome)

            connections = [await session(relay) for _ in range(10)]
            await asyncio.gather(*(c.send_all(desk.next_copy, record, desk.peek) for c in connections))
            assert all(c.usable for c in connections)
            await asyncio.gather(*(c.close() for c in connections))
            assert broken == []
            assert Counter(o.result for o in desk.outcomes) == {Result.SENT: 2000}
            expected = {f"RCPT TO:<{o.copy.recipient}>": b"".join(o.copy.chunks) for o in desk.outcomes}
            assert {r.rcpt: r.data for r in relay.received} == expected
            assert len(relay.received) == 2000

    run(story())


@pytest.mark.skipif(shutil.which("smtp-sink") is None, reason="smtp-sink (Debian: postfix) is not installed")
def test_smtp_sink_takes_2000_copies_over_ten_connections(run: Run) -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        program = shutil.which("smtp-sink") or ""
        sink = await asyncio.create_subprocess_exec(
            program, "-c", "-u", "nobody", f"127.0.0.1:{port}", "100", stdout=asyncio.subprocess.PIPE
        )
        try:
            connections: list[Connection] = []
            for _ in range(100):
                try:
                    connections.append(await connect("127.0.0.1", port, helo_name="lists.example"))
                    break
                except Exception:
                    await asyncio.sleep(0.05)
            while len(connections) < 10:
                connections.append(await connect("127.0.0.1", port, helo_name="lists.example"))
            desk = Desk(map(a_copy, range(2000)))
            await asyncio.gather(*(desk.send(c) for c in connections))
            await asyncio.gather(*(c.close() for c in connections))
            assert Counter(o.result for o in desk.outcomes) == {Result.SENT: 2000}
            assert len({o.copy.id for o in desk.outcomes}) == 2000
        finally:
            sink.kill()
            await sink.communicate()

    run(story())
