"""The sending loop of one connection to the relay: the last step in the way of a post (RFC 5321, RFC 2920).

Very many personalised copies go out, one recipient each, so a copy costs one round trip: the end of one copy and the
envelope of the next travel together. What the house promises about duplicates is kept here: the answer to a copy is
recorded before the same connection ends its next copy, so at most one copy per connection is ever in doubt.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from listserv.edge.relay_wire import Answer, Lost, Wire
from listserv.mail.address import is_valid_for_smtp

PIECE = 131072
QUIT_TIMEOUT = 5.0

_UNSTUFFED = re.compile(rb"\n\.[^.]")


class Result(StrEnum):
    """What became of a copy on this connection."""

    SENT = "sent"  # the relay answered 2xx to the final dot: it is responsible now
    DEFERRED = "deferred"  # 4xx for this copy: not now
    FAILED = "failed"  # 5xx for this copy, or known beforehand to be impossible here
    UNSENT = "unsent"  # the connection went before the final dot was written: nothing happened
    UNKNOWN = "unknown"  # the connection went after the final dot was written: it may have arrived


@dataclass(frozen=True, slots=True)
class Copy:
    """One message to one recipient.

    `chunks` joined are the whole message: CRLF line ends, dot-stuffed (RFC 5321 section 4.5.2), ending in CRLF,
    without the final dot. `size` is in octets. `sender` is empty for the null sender. `id` is the caller's own.
    """

    id: int
    sender: str
    recipient: str
    chunks: tuple[bytes, ...]
    size: int
    eightbit: bool
    utf8: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """`code` is 0 where no reply decided it; `stage` is one of connect, mail, rcpt, data, dot."""

    copy: Copy
    result: Result
    code: int
    reply: str
    stage: str


NextCopy = Callable[[], Awaitable[Copy | None]]
Peek = Callable[[], Copy | None]
Record = Callable[[Outcome], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for the answer to a command or to the final dot (RFC 5321 section 4.5.3.2)."""

    command: float = 60.0
    dot: float = 600.0


class Connection:
    """An open session, past greeting, EHLO, TLS and AUTH. One task at a time sends over it."""

    def __init__(self, wire: Wire, keywords: Mapping[str, str], patience: Patience) -> None:
        self.capabilities = frozenset(keywords)
        size = keywords.get("SIZE", "").strip()
        self.max_size: int | None = (int(size) or None) if re.fullmatch("[0-9]{1,20}", size) else None
        self.pipelining = "PIPELINING" in keywords
        self.eightbit = "8BITMIME" in keywords
        self.utf8 = "SMTPUTF8" in keywords
        self._tells_size = "SIZE" in keywords
        self._wire = wire
        self._patience = patience
        self._in_hand: list[Copy] = []  # taken and not recorded: the one whose turn it is, perhaps the next
        self._stage = "connect"  # how far the first of them is
        self._dot_written = False
        self._must_reset = False  # a refusal may have left a transaction open
        self._reset_written = False

    @property
    def usable(self) -> bool:
        """Whether another copy may be tried: False once the relay has hung up or said a word unasked."""
        return not self._wire.lost and not self._wire.unread

    async def send_all(self, next_copy: NextCopy, record: Record, peek: Peek | None = None) -> None:
        """Sends what `next_copy` gives until that is None or the connection is of no more use.

        `peek` takes a copy only if one is there at once: with it, and if the relay offers PIPELINING, the next
        envelope travels with the end of the copy before. Every copy taken is recorded exactly once, and `record` of
        a copy has returned before the next final dot is written. Raises only what the callables raise, and
        `asyncio.CancelledError`: then the connection is closed and what is in hand recorded as what is known of it.
        """
        try:
            while self._in_hand or await self._take(next_copy, record):
                await self._settle(await self._send(self._in_hand[0], peek, record), record)
        except BaseException:
            answer = self._wire.unasked() if self._dot_written else None
            self._wire.abort("stopped on our side")
            while self._in_hand:
                copy = self._in_hand[0]
                outcome = self._interrupted(copy, self._wire.gone())
                if answer is not None:
                    outcome, answer = self._ended(copy, answer) or outcome, None
                await self._settle(outcome, record)
            raise

    async def close(self) -> None:
        """Says QUIT if there is anybody to say it to, and closes. Never raises."""
        wire = self._wire
        try:
            async with asyncio.timeout(QUIT_TIMEOUT):
                if self.usable:
                    wire.write(b"QUIT\r\n")
                    await wire.answer(QUIT_TIMEOUT)
                wire.transport.close()
                await asyncio.shield(wire.closed)
        except (Lost, TimeoutError):
            pass
        finally:
            wire.abort("closed")

    async def _take(self, next_copy: NextCopy, record: Record) -> bool:
        """Takes the next copy that may be tried and, when pipelining, writes its envelope; False: no more to do."""
        while self.usable:
            copy = await next_copy()
            if copy is None:
                return False
            refusal = self._refusal(copy)
            if refusal is not None:
                await record(refusal)
                continue
            self._in_hand.append(copy)
            self._stage = "connect"
            return True
        return False

    async def _settle(self, outcome: Outcome, record: Record) -> None:
        del self._in_hand[0]
        self._dot_written = False
        self._stage = "mail"
        await record(outcome)

    async def _send(self, copy: Copy, peek: Peek | None, record: Record) -> Outcome:
        try:
            if self._stage == "connect":
                if self._wire.unread:
                    return self._out_of_turn(copy)
                if self.pipelining:
                    self._wire.write(self._envelope(copy))
            refusal = await (self._opened(copy) if self.pipelining else self._opened_stepwise(copy))
            if refusal is not None:
                return refusal
            self._stage = "data"
            if peek is not None and self.pipelining:
                await self._look_ahead(peek, record)
            return await self._delivered(copy)
        except Lost as lost:
            return self._interrupted(copy, lost)

    async def _look_ahead(self, peek: Peek, record: Record) -> None:
        while (copy := peek()) is not None:
            refusal = self._refusal(copy)
            if refusal is None:
                self._in_hand.append(copy)
                return
            await record(refusal)

    async def _opened(self, copy: Copy) -> Outcome | None:
        """Reads the answers to an envelope that was written in one go; None when the relay waits for the message."""
        if self._reset_written:
            self._reset_written = False
            await self._reset_answered()
        refusal: Outcome | None = None
        try:
            for stage in ("mail", "rcpt"):
                answer = await self._answer(stage)
                if refusal is None and answer.code // 100 != 2:
                    refusal = self._refused(copy, answer, stage)
            answer = await self._answer("data")
            if answer.code == 354:
                if refusal is None:
                    return None
                await self._end_empty()
            elif refusal is None:
                refusal = self._refused(copy, answer, "data")
        except Lost:
            if refusal is None:
                raise
        self._must_reset = True
        return refusal

    async def _opened_stepwise(self, copy: Copy) -> Outcome | None:
        """The envelope for a relay without PIPELINING: one command, one answer."""
        if self._must_reset:
            self._must_reset = False
            self._wire.write(b"RSET\r\n")
            await self._reset_answered()
        for command, stage in zip(self._commands(copy).splitlines(True), ("mail", "rcpt", "data"), strict=True):
            self._wire.write(command)
            answer = await self._answer(stage)
            if (answer.code != 354) if stage == "data" else (answer.code // 100 != 2):
                self._must_reset = True
                return self._refused(copy, answer, stage)
        return None

    async def _reset_answered(self) -> None:
        answer = await self._answer("mail")
        if answer.code // 100 != 2:
            raise self._nonsense(answer)

    async def _end_empty(self) -> None:
        """Ends a message that has no recipient, as RFC 2920 section 3.1 asks; the copy is refused already."""
        self._wire.write(b".\r\n")
        answer = await self._wire.answer(self._patience.dot)
        if answer.code == 421:
            raise self._hung_up(answer)

    async def _delivered(self, copy: Copy) -> Outcome:
        """Writes the message, its end and the next envelope, and says what the relay answered to the end."""
        wire = self._wire
        held, before = b"", b"\r\n"
        for piece in _pieces(copy.chunks):
            if held:
                wire.write(held)
                await wire.drained(self._patience.command)
                if wire.unread:
                    return self._out_of_turn(copy)
            if _breaks_out(before, piece):
                return self._malformed(copy, "a line of the message begins with a single dot")
            held, before = piece, (before + piece[-2:])[-2:]
        if not held or before != b"\r\n":
            return self._malformed(copy, "the message does not end in CRLF")
        if wire.unread:
            return self._out_of_turn(copy)
        following = self._envelope(self._in_hand[1]) if len(self._in_hand) > 1 else b""
        wire.write(b"".join((held, b".\r\n", following)))
        self._dot_written = True
        self._stage = "dot"
        answer = await wire.answer(self._patience.dot)
        outcome = self._ended(copy, answer)
        if outcome is None:
            raise self._nonsense(answer)
        return outcome

    async def _answer(self, stage: str) -> Answer:
        self._stage = stage
        answer = await self._wire.answer(self._patience.command)
        if answer.code == 421:
            raise self._hung_up(answer)
        return answer

    def _envelope(self, copy: Copy) -> bytes:
        if not self._must_reset:
            return self._commands(copy)
        self._must_reset = False
        self._reset_written = True
        return b"RSET\r\n" + self._commands(copy)

    def _commands(self, copy: Copy) -> bytes:
        size = f" SIZE={copy.size}" if self._tells_size else ""
        body = " BODY=8BITMIME" if copy.eightbit else ""
        utf8 = " SMTPUTF8" if copy.utf8 else ""
        lines = f"MAIL FROM:<{copy.sender}>{size}{body}{utf8}\r\nRCPT TO:<{copy.recipient}>\r\nDATA\r\n"
        return lines.encode()

    def _refusal(self, copy: Copy) -> Outcome | None:
        """What can be known to fail without a word to the relay."""
        if self.max_size is not None and copy.size > self.max_size:
            words = f"5.3.4 message of {copy.size} octets is larger than the relay takes ({self.max_size})"
            return Outcome(copy, Result.FAILED, 552, words, "mail")
        if copy.utf8 and not self.utf8:
            words = "5.6.7 the relay does not offer SMTPUTF8, which this message or address needs"
            return Outcome(copy, Result.FAILED, 553, words, "mail")
        if copy.eightbit and not self.eightbit:
            words = "5.6.3 the relay does not offer 8BITMIME and the message was not re-encoded"
            return Outcome(copy, Result.FAILED, 554, words, "mail")
        if copy.sender and not _may_be_said(copy.sender, copy.utf8):
            return Outcome(copy, Result.FAILED, 553, "5.1.7 the envelope sender is not a valid address", "mail")
        if not _may_be_said(copy.recipient, copy.utf8):
            return Outcome(copy, Result.FAILED, 553, "5.1.3 the recipient is not a valid address", "rcpt")
        return None

    def _refused(self, copy: Copy, answer: Answer, stage: str) -> Outcome:
        if answer.code < 400:
            raise self._nonsense(answer)
        result = Result.DEFERRED if answer.code < 500 else Result.FAILED
        return Outcome(copy, result, answer.code, answer.words(), stage)

    def _ended(self, copy: Copy, answer: Answer) -> Outcome | None:
        """What an answer to the final dot means; None when it means nothing."""
        kind = answer.code // 100
        if kind == 2:
            return Outcome(copy, Result.SENT, answer.code, answer.words(), "dot")
        if kind == 3:
            return None
        if answer.code == 421:
            self._hung_up(answer)
        return self._refused(copy, answer, "dot")

    def _out_of_turn(self, copy: Copy) -> Outcome:
        """The relay spoke before it was asked. A refusal counts, anything else only ends the connection."""
        answer = self._wire.unasked()
        if answer is None or answer.code < 400:
            return self._interrupted(copy, self._give_up("the relay spoke out of turn"))
        lost = self._hung_up(answer)
        if answer.code == 421 or self._stage == "connect":
            return self._interrupted(copy, lost)
        return self._refused(copy, answer, self._stage)

    def _malformed(self, copy: Copy, words: str) -> Outcome:
        """The relay waits for a message that must not be written: only hanging up takes that back."""
        self._give_up("hung up instead of sending a malformed message")
        return Outcome(copy, Result.FAILED, 554, f"5.6.0 {words}", "data")

    def _hung_up(self, answer: Answer) -> Lost:
        return self._give_up(answer.words(), answer.code)

    def _nonsense(self, answer: Answer) -> Lost:
        return self._give_up(f"the relay answered out of order ({answer})")

    def _give_up(self, words: str, code: int = 0) -> Lost:
        self._wire.forget()
        self._wire.abort(words, code)
        return self._wire.gone()

    def _interrupted(self, copy: Copy, lost: Lost) -> Outcome:
        if self._dot_written:
            return Outcome(copy, Result.UNKNOWN, lost.code, f"{lost.words} after the final dot", self._stage)
        words = lost.words if lost.code else f"{lost.words} before the final dot"
        return Outcome(copy, Result.UNSENT, lost.code, words, self._stage)


def _may_be_said(address: str, utf8: bool) -> bool:
    """Whether `address` may stand in a command: printable (no control, no lone surrogate) and valid."""
    return address.isprintable() and is_valid_for_smtp(address, utf8=utf8)


def _pieces(chunks: tuple[bytes, ...]) -> Iterator[bytes]:
    """The message in one piece, or a large one in several, so that ten of them do not fill the memory."""
    if sum(map(len, chunks)) <= PIECE:
        yield b"".join(chunks)
        return
    for chunk in chunks:
        for start in range(0, len(chunk), PIECE):
            yield chunk[start : start + PIECE]


def _breaks_out(before: bytes, piece: bytes) -> bool:
    """Whether a line in `piece`, which follows `before`, could end the message early (SMTP smuggling)."""
    text = before + piece
    return b"\n." in text and _UNSTUFFED.search(text) is not None
