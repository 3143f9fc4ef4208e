"""One connection to the SMTP or LMTP daemon: lines in, replies out, limits of time and errors, and how it ends.

RFC 5321 sections 3.1, 4.2, 4.3 and 4.5.3; pipelining as RFC 2920. This is the only module that knows aiosmtpd, which
gives transport, STARTTLS and state. Its own command loop is not used: it has no enhanced codes, cuts off work in
progress when a peer leaves, logs every command, and shows the text of exceptions to the peer.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, AnyStr, cast

from aiosmtpd.smtp import SMTP, Envelope, TLSSetupException

from listserv.errors import Reply
from listserv.intake import commands, replies
from listserv.intake.connections import Limits, Room, Stage, Trusted, canonical_ip
from listserv.intake.data import Budget, Caps, Reader

log = logging.getLogger(__name__)
logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd would log every command of every peer

_BUFFER = 32_768  # octets that wait in a reader before its peer is made to wait
_ANSWERS = 64  # replies to pipelined commands that are kept for one packet
_LINE = 512  # RFC 5321 section 4.5.3.1.4
_MAIL_LINE = _LINE + 26 + 17 + 10  # what SIZE, BODY and SMTPUTF8 add
_LINGER = 2.0  # seconds in which a peer that we send away may still read why
_ABORT = 10.0  # seconds after which a peer that does not even read our last words is cut off
_IDLE_COMMANDS = 100  # NOOP, RSET and the like between two messages; more are errors
_IDLE = frozenset((b"NOOP", b"RSET", b"VRFY", b"HELP", b"EHLO", b"HELO", b"LHLO", b"XFORWARD"))
_OTHER_PROTOCOLS = frozenset((b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"CONNECT", b"DELETE"))
_PLACES = frozenset(reply for reply in vars(replies).values() if isinstance(reply, Reply) and "{" in reply.text)
_XFORWARD = "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"


Command = Callable[[Any, str], Awaitable[None]]


class Shared:
    """What all sessions of one daemon share."""

    def __init__(self, limits: Limits, hostname: str, *, lmtp: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self.limits = limits
        self.hostname = hostname
        self.lmtp = lmtp
        self.tls = tls
        self.caps = Caps(limits.max_size, limits.max_header)
        self.trusted = Trusted(limits.trusted_peers)
        self.room = Room(limits)
        self.budget = Budget(limits.bytes_in_flight)
        self.tasks: set[asyncio.Task[None]] = set()
        self.closing = False
        self.loop = asyncio.get_running_loop()
        # What aiosmtpd works out in its constructor is the same for each connection, and takes longer than a command.
        base = SMTP(None, hostname=hostname, enable_SMTPUTF8=True, tls_context=tls, loop=self.loop)
        self.base = {name: value for name, value in vars(base).items() if name != "_smtp_methods"}
        self.base["_timeout_duration"] = limits.command_timeout

    def capabilities(self, *, tls: bool, trusted: bool) -> bytes:
        """The reply to EHLO and LHLO; one of the few without enhanced code (RFC 2034 section 4)."""
        words = [self.hostname, f"SIZE {self.limits.max_size}", "8BITMIME", "SMTPUTF8", "PIPELINING"]
        words.append("ENHANCEDSTATUSCODES")
        if self.tls is not None and not tls:
            words.append("STARTTLS")
        if trusted:
            words.append(_XFORWARD)
        lines = [f"250-{word}\r\n" for word in words]
        return ("".join(lines) + "250 HELP\r\n").encode("ascii")


class Transaction(Envelope):
    """What MAIL and RCPT have said; `routes` are the accepted recipients, each with where it leads."""

    def __init__(self) -> None:
        super().__init__()
        self.routes: list[tuple[str, Any]] = []


class Conversation(SMTP):
    """One connection: its lines, replies, limits and end. What the commands do is told in `listserv.intake.smtp`."""

    def __init__(self, shared: Shared) -> None:
        vars(self).update(shared.base)
        self.incoming = Reader(limit=_BUFFER, loop=shared.loop)
        asyncio.StreamReaderProtocol.__init__(self, self.incoming, self._cb_client_connected, shared.loop)
        self.shared = shared
        self.commands: Mapping[bytes, Command] = {}
        self.ip = ""
        self.trusted = False
        self.stage = Stage.GREETED
        self.since = self._deadline = self._timer_at = 0.0
        self.helo = ""
        self.extended = False
        self.forwarded: commands.Forwarded | None = None
        self.out: list[bytes] = []
        self.errors = self.idle_commands = 0
        self._unwelcome: Reply | None = None
        self.leaving = self.shaking_hands = False
        self._abort_handle: asyncio.TimerHandle | None = None

    def _create_envelope(self) -> Transaction:
        return Transaction()

    @property
    def name(self) -> str:
        """For the log."""
        return self.ip or "unix socket"

    @property
    def transaction(self) -> Transaction:
        return cast(Transaction, self.envelope)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.helo, self.extended = "", False
        if self._original_transport is None:
            self.ip = canonical_ip(transport.get_extra_info("peername"))
            self.trusted = self.ip in self.shared.trusted
            self.since = self.loop.time()
            self._unwelcome = self.shared.room.enter(self, self.since)
        super().connection_made(transport)
        task = self._handler_coroutine
        assert task is not None
        self.shared.tasks.add(task)
        task.add_done_callback(self.shared.tasks.discard)

    def connection_lost(self, error: Exception | None) -> None:
        """The conversation ends by itself when its reader does: what we are storing just now is not interrupted."""
        for handle in (self._timeout_handle, self._abort_handle):
            if handle is not None:
                handle.cancel()
        if self._original_transport is not None:
            self._original_transport.close()
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self.transport = None
        self.leaving = True
        self.shared.room.leave(self)

    def eof_received(self) -> bool | None:
        """A peer that has nothing more to say still gets the replies to what it said."""
        asyncio.StreamReaderProtocol.eof_received(self)
        return self._tls_protocol is None

    def _reset_timeout(self, duration: float | None = None) -> None:
        """One timer for a connection, moved on only when it rings too early."""
        self._deadline = self.loop.time() + (duration or self._timeout_duration)
        if self._timeout_handle is None or self._deadline < self._timer_at:
            if self._timeout_handle is not None:
                self._timeout_handle.cancel()
            self._timer_at = self._deadline
            self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)

    def _timeout_cb(self) -> None:
        self._timeout_handle = None
        if self.stage is Stage.WORKING:
            return  # it is we who take long; the timer is set again afterwards
        if self.loop.time() < self._deadline - 0.002:
            self._timer_at = self._deadline
            self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)
            return
        log.info("%s: nothing came in time, connection closed", self.name)
        self.dismiss(replies.TIMED_OUT)

    def dismiss(self, reply: Reply) -> None:
        """Says a 421 and closes, from wherever the conversation is."""
        if self.transport is None or self.leaving:
            return
        self.leaving = True
        if self.shaking_hands:
            self.transport.abort()  # type: ignore[attr-defined]
            return
        self.out.append(replies.wire(self._filled(reply)))
        self._writer.write(b"".join(self.out))
        self.out.clear()
        self._close()

    def cut(self) -> None:
        """Ends the connection without a word."""
        self.leaving = True
        if self.transport is not None:
            self.transport.abort()  # type: ignore[attr-defined]

    def _set_rset_state(self) -> None:
        super()._set_rset_state()  # type: ignore[no-untyped-call]
        self.stage, self.forwarded = Stage.GREETED, None

    def _close(self) -> None:
        self.leaving = True
        if self.transport is not None and self._abort_handle is None:
            self.transport.close()
            self._abort_handle = self.loop.call_later(_ABORT, self.transport.abort)  # type: ignore[attr-defined]

    async def see_off(self) -> None:
        """Closes so that a peer that is still sending can read our last words: a reset would take them away."""
        self.leaving = True
        await self.flush()
        if self.transport is None:
            return
        if self.transport.can_write_eof():  # type: ignore[attr-defined]
            self.transport.write_eof()  # type: ignore[attr-defined]
            try:
                async with asyncio.timeout(_LINGER):
                    while await self.incoming.read(_BUFFER):
                        pass
            except TimeoutError:
                pass
        self._close()

    async def _handle_client(self) -> None:
        try:
            await self._converse()
            await self.flush()
        except (asyncio.IncompleteReadError, ConnectionError):
            log.info("%s: the connection was lost", self.name)
        except TLSSetupException as error:
            log.info("%s: TLS did not come about: %s", self.name, type(error.__cause__).__name__)
            self.connection_lost(None)
        except Exception as error:
            log.error("the conversation with %s failed: %s", self.name, where(error))
            self.dismiss(Reply(421, "4.3.0", replies.OUR_FAULT.text))
        finally:
            self._close()

    async def _converse(self) -> None:
        if self._unwelcome is not None:
            log.info("%s: not let in: %s", self.name, self._unwelcome.text.format(host="it"))
            self.dismiss(self._unwelcome)
            return
        protocol = "LMTP" if self.shared.lmtp else "ESMTP"
        self.out.append(f"220 {self.shared.hostname} {protocol} listserv\r\n".encode())
        while not self.leaving:
            if self.shared.closing:
                self.dismiss(replies.SHUTTING_DOWN)
                return
            self._reset_timeout()
            line = await self._next_line()
            if not self.leaving:
                self.since = self.loop.time()
                await self._obey(line)

    async def _next_line(self) -> bytes:
        """A command with its line end, empty when it was too long; only then replies to earlier ones are sent."""
        if not self.incoming.has_line():
            await self.flush()
        too_long = False
        while True:
            try:
                line = await self.incoming.readuntil(b"\n")
                return b"" if too_long else line
            except asyncio.LimitOverrunError as overrun:
                too_long = True
                await self.incoming.read(overrun.consumed)

    async def _obey(self, line: bytes) -> None:
        text = line[:-2]
        verb, _, argument = text.partition(b" ")
        verb = verb.upper()
        if len(line) > (_MAIL_LINE if verb == b"MAIL" else _LINE) or not line:
            await self.refuse(replies.LINE_TOO_LONG)
            return
        if not line.endswith(b"\r\n") or b"\r" in text or b"\n" in text:
            await self.refuse(replies.BARE_COMMAND)
            return
        command = self.commands.get(verb)
        if command is None:
            if verb in _OTHER_PROTOCOLS:
                self.dismiss(replies.NOT_MAIL)
                return
            await self.refuse(replies.UNKNOWN_COMMAND if verb.isalnum() else replies.BAD_SYNTAX)
            return
        if verb in _IDLE:
            self.idle_commands += 1
            if self.idle_commands > _IDLE_COMMANDS:
                self.errors += 1
        if self.errors > self.shared.limits.errors:
            await self.refuse(replies.TOO_MANY_ERRORS)
            return
        await command(self, argument.decode("utf-8", "surrogateescape").strip(" \t"))

    async def answer(self, reply: Reply) -> None:
        self.out.append(replies.wire(self._filled(reply), utf8=self.transaction.smtp_utf8))
        if len(self.out) >= _ANSWERS:
            await self.flush()
            await asyncio.sleep(0)  # others have something to say, too

    async def refuse(self, reply: Reply) -> None:
        """A reply that counts as a mistake of the peer; too many end the conversation."""
        self.errors += 1
        if self.errors > self.shared.limits.errors:
            log.info("%s: too many errors, connection closed", self.name)
            self.out.append(replies.wire(self._filled(replies.TOO_MANY_ERRORS)))
            await self.see_off()
        else:
            await self.answer(reply)

    async def push(self, status: AnyStr) -> None:
        """What aiosmtpd says by itself goes out in our words."""
        line = status if isinstance(status, str) else status.decode("ascii", "replace")
        reply = replies.dressed(line)
        if reply is None:
            log.error("a reply of aiosmtpd is not in our table: %s", line[:3])
            reply = replies.OUR_FAULT
        await self.answer(reply)
        await self.flush()

    async def flush(self) -> None:
        if self.out:
            data = b"".join(self.out)
            self.out.clear()
            if self.transport is None or self._writer.is_closing():  # uvloop would raise a RuntimeError
                raise ConnectionResetError
            self._writer.write(data)
            await self._writer.drain()

    def _filled(self, reply: Reply) -> Reply:
        """Our own replies with a place in them get its value; others may have braces in them and stay as they are."""
        if reply not in _PLACES:
            return reply
        shared = self.shared
        hello = "LHLO" if shared.lmtp else "EHLO"
        return replies.filled(reply, host=shared.hostname, size=shared.limits.max_size, hello=hello)


def where(error: BaseException) -> str:
    """What kind of error and where, for the log: its text may hold what somebody wrote."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {trace.tb_frame.f_code.co_qualname}, line {trace.tb_lineno}" if trace is not None else ""
    return type(error).__name__ + place
