"""One SMTP connection as octets out and answers in: the lower half of the relay client (RFC 5321 section 4.2).

It stands below `listserv.edge.relay`, at the very end of the way of a post. It knows lines, answers and deadlines,
and nothing of envelopes. An `asyncio.Protocol` is used because it costs a fraction of a stream reader per answer.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections import deque
from typing import NamedTuple, cast

MAX_ANSWER = 65536
MAX_UNREAD = 64
MAX_WORDS = 500

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)


class Answer(NamedTuple):
    """One complete reply of the relay; `text` is what follows the code, lines joined by LF."""

    code: int
    text: bytes

    def words(self) -> str:
        return one_line(self.text.decode("utf-8", "replace"))

    def __str__(self) -> str:
        return f"{self.code} {self.words()}".rstrip()


class Lost(Exception):
    """The connection is of no more use; says why in our own words, or in the relay's after a 421."""

    def __init__(self, words: str, code: int = 0) -> None:
        super().__init__(words)
        self.words = words
        self.code = code


def one_line(text: str) -> str:
    """`text` fit to be stored and shown: one line, printable, at most 500 characters."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)
        text = " ".join(text.split())
    return text[:MAX_WORDS]


class Wire(asyncio.Protocol):
    """Reads answers as they come and writes octets; every wait has a deadline, and a missed one ends the connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.lost = False
        self.closed: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._unparsed = b""
        self._lines: list[bytes] = []
        self._lines_size = 0
        self._answers: deque[Answer] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._patience = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._paused = False
        self._why = ("connection lost", 0)

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        plain = transport.get_extra_info("socket")
        if plain is not None and plain.family in (socket.AF_INET, socket.AF_INET6):
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        if self.lost:
            return
        if self._unparsed:
            data = self._unparsed + data
        *lines, self._unparsed = data.split(b"\n")
        for line in lines:
            if not self._take_line(line.removesuffix(b"\r")):
                self.abort("the relay's reply is not SMTP, or too long")
                return
        if len(self._unparsed) + self._lines_size > MAX_ANSWER or len(self._answers) > MAX_UNREAD:
            self.abort("the relay's reply is too long")
        elif self._answers:
            self._wake()

    def eof_received(self) -> bool:
        self._lose("connection lost")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose("connection lost")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._wake()

    # What the connection calls

    def gone(self) -> Lost:
        return Lost(*self._why)

    @property
    def unread(self) -> bool:
        """Whether the relay has said something that nobody has asked for yet."""
        return bool(self._answers or self._unparsed or self._lines)

    def unasked(self) -> Answer | None:
        """What the relay has said without being asked, if that is a complete answer."""
        return self._answers.popleft() if self._answers else None

    def write(self, data: bytes) -> None:
        """Raises `Lost` when the connection is known to be gone."""
        if self.lost:
            raise self.gone()
        self.transport.write(data)

    async def answer(self, seconds: float) -> Answer:
        """The next answer, also one that came in before the connection broke; raises `Lost`."""
        answers = self._answers
        while not answers:
            await self._wait(seconds)
        return answers.popleft()

    async def drained(self, seconds: float) -> None:
        """Returns when the transport takes more, at once if it does; raises `Lost`."""
        while self._paused and not self._answers:
            await self._wait(seconds)

    def forget(self) -> None:
        """Drops what was read and not asked for: it came in plain text before TLS began (RFC 3207 section 4.2)."""
        self._unparsed = b""
        self._lines.clear()
        self._lines_size = 0
        self._answers.clear()

    def abort(self, words: str, code: int = 0) -> None:
        """Ends the connection at once; whoever waits for more than has come in gets `Lost` with these words."""
        self._lose(words, code)
        if self.transport is not None and not self.closed.done():
            self.transport.abort()

    async def start_tls(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """Secures the connection and forgets what came in before.

        Raises OSError (`ssl.SSLError` and timeouts are such) when the handshake fails.
        """
        if self.lost:
            raise ConnectionResetError(self._why[0])
        secured = await self._loop.start_tls(
            self.transport, self, context, server_hostname=host, ssl_handshake_timeout=seconds
        )
        if secured is None:
            raise ConnectionResetError("connection lost in the TLS handshake")
        self.transport = secured
        self.forget()

    # Inside

    def _take_line(self, line: bytes) -> bool:
        found = _LINE.fullmatch(line)
        if found is None or len(line) + self._lines_size > MAX_ANSWER:
            return False
        code, separator, text = found.groups()
        if separator == b"-":
            self._lines.append(text)
            self._lines_size += len(line) + 1
            return True
        if self._lines:
            text = b"\n".join((*self._lines, text or b""))
            self._lines.clear()
            self._lines_size = 0
        self._answers.append(Answer(int(code), text or b""))
        return True

    def _lose(self, words: str, code: int = 0) -> None:
        if not self.lost or code:
            self._why = (words, code)
        self.lost = True
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    async def _wait(self, seconds: float) -> None:
        """Until something has changed. One timer serves many waits: it looks at the deadline when it fires."""
        if self.lost:
            raise self.gone()
        self._patience = seconds
        self._deadline = deadline = self._loop.time() + seconds
        timer = self._timer
        if timer is None or self._timer_at > deadline:
            if timer is not None:
                timer.cancel()
            self._timer, self._timer_at = self._loop.call_at(deadline, self._tick), deadline
        self._waiter = waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    def _tick(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() >= self._deadline:
            self.abort(f"no answer within {self._patience:g} seconds")
        else:
            self._timer, self._timer_at = self._loop.call_at(self._deadline, self._tick), self._deadline
