"""The message of one DATA command, read in big pieces: it ends at CR LF . CR LF and nowhere else.

RFC 5321 sections 2.3.8, 4.1.1.4 and 4.5.2. A CR or LF that stands alone never ends anything; a message that has one
is refused after its end, so that no reading of it can make two messages (SMTP smuggling, CVE-2023-51764 and kin).
Memory is bounded: what is too much already is read on to its end, but not kept.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from listserv.errors import Reply
from listserv.intake import replies

_END = b"\r\n.\r\n"
_EVERYTHING = 1 << 24  # more than the buffer of a reader ever holds
_SMALL = 32_768  # a message that is smaller than this may use the last quarter of the budget too
_GIVE_UP = 4  # times the size that we take


class Reader(asyncio.StreamReader):
    """A stream reader that takes back what was read too far, and tells whether a line waits."""

    _buffer: bytearray

    def unread(self, data: bytes) -> None:
        self._buffer[:0] = data

    def forget(self) -> None:
        """Drops what was received but not read, and lets the peer go on (RFC 3207 section 4.2)."""
        self._buffer.clear()
        self._maybe_resume_transport()  # type: ignore[attr-defined]

    def has_line(self) -> bool:
        return b"\n" in self._buffer

    def empty(self) -> bool:
        return not self._buffer


class Budget:
    """The octets of messages that are in memory over all connections."""

    def __init__(self, octets: int) -> None:
        self._octets = octets
        self.used = 0

    def take(self, octets: int, *, so_far: int) -> bool:
        """Small messages always find a quarter that big ones cannot take from them."""
        allowed = self._octets if so_far + octets <= _SMALL else self._octets * 3 // 4
        if self.used + octets > allowed:
            return False
        self.used += octets
        return True

    def has(self, octets: int) -> bool:
        """Whether a message of a size that was announced could be taken now."""
        return octets <= _SMALL or self.used + octets <= self._octets * 3 // 4

    def give_back(self, octets: int) -> None:
        self.used -= octets


@dataclass(frozen=True, slots=True)
class Caps:
    """What one message may have, in octets."""

    size: int
    header: int


@dataclass(slots=True)
class Reading:
    """How far the reading of a message is; `taken` octets have to be given back to the budget afterwards."""

    received: int = 0
    taken: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """What came: the message with its dots un-stuffed, or why it cannot be taken. `hopeless`: the end never came."""

    data: bytes
    refusal: Reply | None = None
    hopeless: bool = False

    @property
    def must_close(self) -> bool:
        """Nothing that this peer sends afterwards is to be taken for a command."""
        return self.hopeless or self.refusal is replies.BARE_NEWLINE


async def read_message(reader: Reader, caps: Caps, budget: Budget, reading: Reading) -> Message:
    """Reads up to the end of the data; what came after it stays in the reader.

    Raises asyncio.IncompleteReadError when the peer goes away before the end.
    """
    kept = bytearray()  # not a list of pieces: those of two octets each would take twenty times what they count
    refusal: Reply | None = None
    header = -1  # octets of the header, once its end was seen
    tail = b"\r\n"  # the CR LF of the DATA command: the message may begin with its final dot
    while True:
        piece = await reader.read(_EVERYTHING)
        if not piece:
            raise asyncio.IncompleteReadError(b"", None)
        window = tail + piece
        end = window.find(_END)
        if end >= 0:
            reader.unread(window[end + len(_END) :])
            piece = window[len(tail) : end + 2]  # empty when an earlier piece brought the begin of the end
        if header < 0:
            found = window.find(b"\r\n\r\n")
            if found >= 0:
                header = reading.received - len(tail) + found + 2
        reading.received += len(piece)
        if refusal is None:
            refusal = _refusal(reading.received, header, caps)
            if refusal is None and not budget.take(len(piece), so_far=reading.taken):
                refusal = replies.NO_MEMORY
            if refusal is None:
                reading.taken += len(piece)
                kept += piece
            else:
                kept = bytearray()
                budget.give_back(reading.taken)
                reading.taken = 0
        if end >= 0:
            break
        if reading.received > _GIVE_UP * caps.size:
            return Message(b"", refusal, hopeless=True)
        tail = window[-4:]
    if refusal is not None:
        return Message(b"", refusal)
    return _finished(bytes(kept), max(0, len(tail) - end - 2))


def _refusal(received: int, header: int, caps: Caps) -> Reply | None:
    if received > caps.size:
        return replies.filled(replies.TOO_BIG, size=caps.size)
    if (header if header >= 0 else received - 2) > caps.header:  # of the empty line one octet may be here already
        return replies.filled(replies.HEADER_TOO_BIG, size=caps.header)
    return None


def _finished(data: bytes, excess: int) -> Message:
    """`excess`: octets of the end of the data that came with an earlier piece than its last one."""
    if excess:
        data = data[:-excess]
    pairs = data.count(b"\r\n")
    if data.count(b"\r") != pairs or data.count(b"\n") != pairs:
        return Message(b"", replies.BARE_NEWLINE)
    if data.startswith(b"."):
        data = data[1:]
    return Message(data.replace(b"\r\n.", b"\r\n"))
