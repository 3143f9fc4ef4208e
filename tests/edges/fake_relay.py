"""A relay to send to: a real socket on loopback that keeps the rules of RFC 5321 unless its script says otherwise.

A script maps what the client does (greeting, EHLO, HELO, STARTTLS, AUTH, MAIL, RCPT, DATA, dot, RSET, QUIT) to what is
said instead of the usual: one answer for every time, or a list of answers used up one by one over all sessions.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

EXTENSIONS = ("PIPELINING", "SIZE 10240000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


@dataclass(frozen=True)
class Say:
    """`raw` goes out as it is, if wanted octet by octet and after an event; then perhaps no word more, or the end."""

    raw: bytes
    slowly: bool = False
    hang_up: bool = False
    mute: bool = False
    after: asyncio.Event | None = None


SILENCE = Say(b"", mute=True)
HANG_UP = Say(b"", hang_up=True)
Script = Mapping[str, str | Say | list[str | Say]]


@dataclass(frozen=True)
class Received:
    session: int
    mail: str
    rcpt: str
    data: bytes  # as on the wire, without the final dot line


@dataclass
class FakeRelay:
    script: Script = field(default_factory=dict)
    extensions: tuple[str, ...] = EXTENSIONS
    starttls: ssl.SSLContext | None = None
    implicit: ssl.SSLContext | None = None
    on_end: Callable[[Received], None] | None = None

    port: int = 0
    sessions: int = 0
    log: list[str] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    impatient: list[str] = field(default_factory=list)  # commands that did not wait for the answer before
    hung_up_on: asyncio.Event = field(default_factory=asyncio.Event)  # a client went without QUIT

    async def __aenter__(self) -> FakeRelay:
        self._used: dict[str, int] = {}
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, ssl=self.implicit)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def count(self, verb: str) -> int:
        return sum(line.split(" ")[0].split(":")[0] == verb for line in self.log)

    async def until(self, verb: str, count: int) -> None:
        while self.count(verb) < count:
            self._news.clear()
            await self._news.wait()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.sessions += 1
        try:
            await _Session(self, self.sessions, reader, writer).run()
        except (ConnectionError, EOFError, ssl.SSLError, asyncio.CancelledError):
            self.hung_up_on.set()
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    def note(self, line: str) -> None:
        self.log.append(line)
        self._news.set()

    def scripted(self, event: str) -> str | Say | None:
        entry = self.script.get(event)
        if not isinstance(entry, list):
            return entry
        turn = self._used.get(event, 0)
        self._used[event] = turn + 1
        return entry[turn] if turn < len(entry) else None


class _Session:
    def __init__(
        self, relay: FakeRelay, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.relay, self.number, self.reader, self.writer = relay, number, reader, writer
        self.buffer = b""
        self.secure = relay.implicit is not None
        self.mail = self.rcpt = ""

    async def run(self) -> None:
        await self.say("greeting", "220 fake.example ESMTP")
        while True:
            line = (await self.line()).decode("utf-8")
            self.relay.note(line)
            verb = line.split(" ")[0].upper()
            if self.buffer:
                self.relay.impatient.append(line)
            handler = getattr(self, f"on_{verb.lower()}", None)
            if handler is None:
                await self.say(verb, "500 5.5.1 what?")
            elif await handler(line):
                return

    async def line(self) -> bytes:
        while b"\r\n" not in self.buffer:
            await self.more()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    async def more(self) -> None:
        data = await self.reader.read(262144)
        if not data:
            raise EOFError
        self.buffer += data

    async def say(self, event: str, usual: str) -> str:
        """Says what the script wants, else `usual`; returns the code that was said."""
        wanted = self.relay.scripted(event)
        if not isinstance(wanted, Say):
            wanted = Say((wanted or usual).replace("\n", "\r\n").encode() + b"\r\n")
        if wanted.after is not None:
            await wanted.after.wait()
        for piece in [wanted.raw[i : i + 1] for i in range(len(wanted.raw))] if wanted.slowly else [wanted.raw]:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)
        while wanted.mute:
            await self.more()
        if wanted.hang_up:
            raise EOFError
        return (re.findall(rb"(?m)^\d\d\d(?= |\r)", wanted.raw) or [b""])[0].decode()

    async def on_ehlo(self, line: str) -> None:
        extensions = [*self.relay.extensions]
        if self.relay.starttls and not self.secure:
            extensions.append("STARTTLS")
        lines = ["fake.example", *extensions]
        await self.say("EHLO", "\n".join(f"250{'-' if i < len(lines) - 1 else ' '}{t}" for i, t in enumerate(lines)))

    async def on_helo(self, line: str) -> None:
        await self.say("HELO", "250 fake.example")

    async def on_starttls(self, line: str) -> None:
        if await self.say("STARTTLS", "220 2.0.0 go ahead") == "220":
            assert self.relay.starttls is not None
            await self.writer.start_tls(self.relay.starttls)
            self.secure = True
            self.buffer = b""
            self.relay.note("(secure)")

    async def on_auth(self, line: str) -> None:
        answer = await self.say("AUTH", "235 2.7.0 welcome")
        while answer == "334":
            self.relay.note("auth " + (await self.line()).decode())
            answer = await self.say("AUTH", "235 2.7.0 welcome")

    async def on_mail(self, line: str) -> None:
        if self.mail:
            await self.say("nested", "503 5.5.1 nested MAIL")
        elif (await self.say("MAIL", "250 2.1.0 Ok")).startswith("2"):
            self.mail, self.rcpt = line, ""

    async def on_rcpt(self, line: str) -> None:
        if not self.mail:
            await self.say("orphan", "503 5.5.1 MAIL first")
        elif (await self.say("RCPT", "250 2.1.5 Ok")).startswith("2"):
            self.rcpt = line

    async def on_data(self, line: str) -> None:
        usual = "354 End data with <CR><LF>.<CR><LF>" if self.rcpt else "554 5.5.1 no valid recipients"
        if await self.say("DATA", usual) != "354":
            return
        if self.buffer:
            self.relay.impatient.append(line + " (and the message)")
        while not (found := re.search(rb"(?:\A|\r\n)\.\r\n", self.buffer)):
            await self.more()
        end = found.end() - 3
        data, self.buffer = self.buffer[:end], self.buffer[end + 3 :]
        received = Received(self.number, self.mail, self.rcpt, data)
        if self.rcpt and self.relay.on_end:
            self.relay.on_end(received)
        self.relay.note(f"dot {len(data)}")
        usual = f"250 2.0.0 Ok: queued as {len(self.relay.received)}" if self.rcpt else "554 5.5.1 no valid recipients"
        self.mail = ""
        if (await self.say("dot", usual)).startswith("2"):
            self.relay.received.append(received)

    async def on_rset(self, line: str) -> None:
        self.mail = ""
        await self.say("RSET", "250 2.0.0 Ok")

    async def on_quit(self, line: str) -> bool:
        await self.say("QUIT", "221 2.0.0 Bye")
        return True
