"""A house behind the front door that only writes down what it is given, and a peer that speaks SMTP to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

from listserv.errors import Reply
from listserv.intake.smtp import Limits, Peer, Server, start

HOST = "mx.lists.example"
LISTS = {"list@lists.example", "other@lists.example", "refusing@lists.example", "postmaster", "größe@lists.example"}
SECRET = "words that no peer may see"


@dataclass
class Taken:
    data: bytes
    sender: str
    recipients: list[tuple[str, Any]]
    peer: Peer


@dataclass
class House:
    """Takes mail to `LISTS`. With `gate` a message is only answered when the gate is opened."""

    taken: list[Taken] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    gate: asyncio.Event | None = None
    working: asyncio.Event = field(default_factory=asyncio.Event)

    async def recipient(self, address: str, sender: str) -> tuple[Any | None, Reply]:
        self.asked.append((address, sender))
        if address == "exploding@lists.example":
            raise RuntimeError(SECRET)
        if address == "later@lists.example":
            return None, Reply(451, "4.3.0", "Please try again later")
        if address in LISTS:
            return f"route of {address}", Reply(250, "2.1.5", "Recipient OK")
        if address.endswith("@lists.example"):
            return None, Reply(550, "5.1.1", "There is no such list here")
        return None, Reply(550, "5.7.1", "We take mail for our own lists only")

    async def message(
        self, data: bytes, sender: str, recipients: list[tuple[str, Any]], peer: Peer, per_recipient: bool
    ) -> list[Reply]:
        self.working.set()
        if self.gate is not None:
            await self.gate.wait()
        if b"Subject: explode" in data:
            raise RuntimeError(SECRET)
        if b"Subject: no answer" in data:
            return []
        if b"Subject: long words" in data:
            return [Reply(550, "5.7.1", "wörds " * 200 + "\r\n250 2.0.0 injected\x1b[0m")] * len(recipients)
        self.taken.append(Taken(data, sender, list(recipients), peer))
        fine, no = Reply(250, "2.0.0", "Taken"), Reply(550, "5.7.1", "Members only")
        if per_recipient:
            return [no if address.startswith("refusing") else fine for address, _ in recipients]
        return [no if b"Subject: refuse" in data else fine]


class Talk:
    """A peer on a real socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def reply(self) -> str:
        """The last line of the next reply, without CRLF; empty when the connection was closed."""
        while True:
            line = await self.line()
            if line[3:4] != "-":
                return line

    async def line(self) -> str:
        async with asyncio.timeout(20):
            try:
                raw = await self.reader.readline()
            except ConnectionError:
                return ""
        assert not raw or raw.endswith(b"\r\n"), raw
        assert len(raw) <= 512
        return raw[:-2].decode()

    async def say(self, text: str | bytes) -> str:
        await self.send((text.encode() if isinstance(text, str) else text) + b"\r\n")
        return await self.reply()

    async def send(self, raw: bytes) -> None:
        self.writer.write(raw)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def rest(self) -> bytes:
        """All that comes until the connection is closed."""
        async with asyncio.timeout(20):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def up_to_data(self, *recipients: str, hello: str = "EHLO client.example") -> None:
        assert (await self.say(hello)).startswith("250")
        assert (await self.say("MAIL FROM:<anna@people.example>")).startswith("250")
        for recipient in recipients or ("list@lists.example",):
            await self.say(f"RCPT TO:<{recipient}>")
        assert (await self.say("DATA")).startswith("354")


@dataclass
class Door:
    server: Server
    house: House
    path: str = ""

    @contextlib.asynccontextmanager
    async def silent(self) -> AsyncIterator[Talk]:
        """A connection whose greeting was not read yet."""
        if self.path:
            talk = Talk(*await asyncio.open_unix_connection(self.path))
        else:
            talk = Talk(*await asyncio.open_connection("127.0.0.1", self.server.port))
        try:
            yield talk
        finally:
            talk.writer.close()
            with contextlib.suppress(ConnectionError):
                await talk.writer.wait_closed()

    @contextlib.asynccontextmanager
    async def talk(self) -> AsyncIterator[Talk]:
        async with self.silent() as talk:
            assert (await talk.reply()).startswith("220 ")
            yield talk


@contextlib.asynccontextmanager
async def open_door(
    house: House | None = None, listen: str = "127.0.0.1:0", *, lmtp: bool = False, tls: Any = None, **limits: Any
) -> AsyncIterator[Door]:
    house = house or House()
    server = await start(listen, house, replace(Limits(), **limits), hostname=HOST, lmtp=lmtp, tls=tls)
    try:
        yield Door(server, house, listen[5:] if listen.startswith("unix:") else "")
    finally:
        await server.close(grace=1)
