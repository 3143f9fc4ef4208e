"""The SMTP and LMTP daemon: the commands with which a post comes in, up to the reply after the final dot.

RFC 5321 with SIZE (1870), STARTTLS (3207), 8BITMIME (6152), SMTPUTF8 (6531), and LMTP (2033). What is accepted, and
whether it is safe on disk, is for `Accept` to say: no database and no rule is known here. Callers import everything
from here; lines, limits and the end of a connection are in `listserv.intake.session`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import stat
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from listserv.errors import Reply, UserError
from listserv.intake import commands, replies
from listserv.intake.connections import Limits, Peer, Stage, Word
from listserv.intake.data import Message, Reading, read_message
from listserv.intake.session import Command, Conversation, Shared, where

__all__ = ["Accept", "Limits", "Peer", "Server", "start"]

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_NOWHERE = (None, replies.OUR_FAULT)


class Accept(Protocol):
    """The rest of the house, as seen from the front door. Neither may raise; if it does, the peer gets a 451."""

    async def recipient(self, address: str, sender: str) -> tuple[Any | None, Reply]:
        """Where an address leads and a 250; or None and why it is refused."""

    async def message(
        self, data: bytes, sender: str, recipients: list[tuple[str, Any]], peer: Peer, per_recipient: bool
    ) -> list[Reply]:
        """Takes a message: one reply, or with `per_recipient` (LMTP) one for each recipient in order."""


class Session(Conversation):
    """One connection, SMTP or LMTP, with all that it may say."""

    def __init__(self, shared: Shared, accept: Accept) -> None:
        super().__init__(shared)
        self.accept = accept
        self.commands = _LMTP if shared.lmtp else _SMTP

    async def extended_hello(self, name: str) -> None:
        if not commands.HELO_NAME.fullmatch(name):
            await self.refuse(replies.BAD_HELO)
            return
        self._set_rset_state()
        self.helo, self.extended = name, True
        tls = self._tls_protocol is not None
        self.out.append(self.shared.capabilities(tls=tls, trusted=self.trusted))

    async def plain_hello(self, name: str) -> None:
        if not commands.HELO_NAME.fullmatch(name):
            await self.refuse(replies.BAD_HELO)
            return
        self._set_rset_state()
        self.helo, self.extended = name, False
        await self.answer(Reply(250, "", self.shared.hostname))

    async def wrong_hello(self, name: str) -> None:
        await self.refuse(replies.NOT_IN_LMTP if self.shared.lmtp else replies.NOT_IN_SMTP)

    async def on_mail(self, argument: str) -> None:
        if not self.helo:
            await self.refuse(replies.HELLO_FIRST)
            return
        if self.transaction.mail_from is not None:
            await self.refuse(replies.NESTED_MAIL)
            return
        sender = commands.sender(argument, extended=self.extended)
        if isinstance(sender, Reply):
            await self.refuse(sender)
            return
        if sender.size > self.shared.limits.max_size:
            await self.refuse(replies.TOO_BIG)
            return
        if not self.shared.budget.has(sender.size):
            await self.answer(replies.NO_MEMORY)
            return
        self.transaction.mail_from = sender.address
        self.transaction.smtp_utf8 = sender.smtputf8
        self.stage = Stage.TRANSACTION
        await self.answer(replies.SENDER_OK)

    async def on_rcpt(self, argument: str) -> None:
        transaction = self.transaction
        if transaction.mail_from is None:
            await self.refuse(replies.MAIL_FIRST)
            return
        address = commands.recipient(argument, smtputf8=transaction.smtp_utf8)
        if isinstance(address, Reply):
            await self.refuse(address)
            return
        if len(transaction.routes) >= self.shared.limits.recipients:
            await self.answer(replies.TOO_MANY_RECIPIENTS)
            return
        route, reply = await self._work(self.accept.recipient(address, transaction.mail_from), _NOWHERE)
        if route is not None and reply.ok:
            transaction.rcpt_tos.append(address)
            transaction.routes.append((address, route))
            await self.answer(reply)
        elif reply.temporary or self.trusted or self.shared.lmtp:
            await self.answer(reply)
        else:
            await self.refuse(reply if not reply.ok else replies.OUR_FAULT)

    async def on_data(self, argument: str) -> None:
        if argument:
            await self.refuse(replies.NO_ARGUMENT)
            return
        if not self.transaction.routes:
            await self.refuse(replies.MAIL_FIRST if self.transaction.mail_from is None else replies.RCPT_FIRST)
            return
        await self.answer(replies.GO_AHEAD)
        await self.flush()
        reading = Reading()
        self.stage = Stage.DATA
        self._reset_timeout(self.shared.limits.data_timeout)
        try:
            message = await read_message(self.incoming, self.shared.caps, self.shared.budget, reading)
            answers = await self._take(message)
        finally:
            self.shared.budget.give_back(reading.taken)
        if all(reply.ok for reply in answers):
            self.errors = self.idle_commands = 0
        for reply in answers:
            await self.answer(reply)
        self._set_rset_state()
        if message.must_close:
            log.info("%s: connection closed after the message: %s", self.name, answers[0].text)
            await self.see_off()

    async def _take(self, message: Message) -> list[Reply]:
        """One reply, or one for each recipient; whatever goes wrong here is ours, and temporary."""
        transaction, lmtp = self.transaction, self.shared.lmtp
        number = len(transaction.routes) if lmtp else 1
        if message.refusal is not None:
            return [message.refusal] * number
        sender = transaction.mail_from or ""
        call = self.accept.message(message.data, sender, transaction.routes, self._peer(), lmtp)
        answers = await self._work(call, [])
        if len(answers) != number:
            if answers:
                log.error("%d replies came for %d recipients", len(answers), number)
            return [replies.OUR_FAULT] * number
        return answers

    async def _work(self, call: Awaitable[_T], otherwise: _T) -> _T:
        """While we work the peer need not hurry, and is not closed to make room."""
        stage, self.stage = self.stage, Stage.WORKING
        try:
            return await call
        except Exception as error:
            log.error("what %s sent could not be worked on: %s", self.name, where(error))
            return otherwise
        finally:
            self.stage, self.since = stage, self.loop.time()
            self._reset_timeout()

    def _peer(self) -> Peer:
        known = self.forwarded
        tls = self._tls_protocol is not None
        word = "LMTP" if self.shared.lmtp else "SMTP"
        if self.transaction.smtp_utf8:
            word = "UTF8" + word
        elif self.extended and not self.shared.lmtp:
            word = "ESMTP"
        if tls and self.extended:
            word += "S"
        ip = known.ip if known and known.ip else self.ip
        helo = known.helo if known and known.helo else self.helo
        forwarded = bool(known and known.ip) and ip not in self.shared.trusted
        return Peer(ip, helo, tls, cast(Word, word), self.trusted or self.shared.lmtp, forwarded)

    async def on_rset(self, argument: str) -> None:
        if argument:
            await self.refuse(replies.NO_ARGUMENT)
            return
        self._set_rset_state()
        await self.answer(replies.OK)

    async def on_noop(self, argument: str) -> None:
        await self.answer(replies.OK)

    async def on_help(self, argument: str) -> None:
        await self.answer(replies.HELP)

    async def on_vrfy(self, argument: str) -> None:
        if argument:
            await self.answer(replies.CANNOT_VERIFY)
        else:
            await self.refuse(replies.NEEDS_ARGUMENT)

    async def on_quit(self, argument: str) -> None:
        if argument:
            await self.refuse(replies.NO_ARGUMENT)
            return
        await self.answer(replies.BYE)
        self.leaving = True

    async def not_offered(self, argument: str) -> None:
        await self.refuse(replies.NOT_OFFERED)

    async def on_starttls(self, argument: str) -> None:
        if self.shared.tls is None:
            await self.refuse(replies.NOT_OFFERED)
        elif argument:
            await self.refuse(replies.NO_ARGUMENT)
        elif self._tls_protocol is not None:
            await self.refuse(replies.TLS_ALREADY)
        elif not self.helo:
            await self.refuse(replies.HELLO_FIRST)
        else:
            await self.flush()
            self.incoming.forget()
            self.shaking_hands = True
            await super().smtp_STARTTLS("")
            self.shaking_hands = False

    async def on_xforward(self, argument: str) -> None:
        """Who our own mail server got the message from (Postfix); forgotten when the transaction ends."""
        if not self.trusted:
            await self.refuse(replies.XFORWARD_DENIED)
        elif not self.helo:
            await self.refuse(replies.HELLO_FIRST)
        elif self.transaction.mail_from is not None:
            await self.refuse(replies.IN_TRANSACTION)
        else:
            known = commands.forwarded(argument, self.forwarded)
            if isinstance(known, Reply):
                await self.refuse(known)
                return
            self.forwarded = known
            await self.answer(replies.OK)


_BOTH: dict[bytes, Command] = {
    b"MAIL": Session.on_mail,
    b"RCPT": Session.on_rcpt,
    b"DATA": Session.on_data,
    b"RSET": Session.on_rset,
    b"NOOP": Session.on_noop,
    b"QUIT": Session.on_quit,
    b"VRFY": Session.on_vrfy,
    b"HELP": Session.on_help,
    b"STARTTLS": Session.on_starttls,
    b"XFORWARD": Session.on_xforward,
    b"AUTH": Session.not_offered,
    b"BDAT": Session.not_offered,
    b"EXPN": Session.not_offered,
    b"ETRN": Session.not_offered,
}
_SMTP = _BOTH | {b"EHLO": Session.extended_hello, b"HELO": Session.plain_hello, b"LHLO": Session.wrong_hello}
_LMTP = _BOTH | {b"LHLO": Session.extended_hello, b"HELO": Session.wrong_hello, b"EHLO": Session.wrong_hello}


class Server:
    """A daemon that listens; made by `start`."""

    def __init__(self, shared: Shared, listener: asyncio.AbstractServer, path: Path | None) -> None:
        self._shared = shared
        self._listener = listener
        self._path = path
        sockets = getattr(listener, "sockets", ())
        self.port: int = 0 if path or not sockets else sockets[0].getsockname()[1]

    @property
    def connections(self) -> int:
        return len(self._shared.room.here)

    @property
    def bytes_in_flight(self) -> int:
        return self._shared.budget.used

    async def close(self, grace: float = 5.0) -> None:
        """Takes nobody new, lets messages that are coming in finish within `grace` seconds, then says 421 4.3.2."""
        shared = self._shared
        shared.closing = True
        self._listener.close()
        for connection in list(shared.room.here):
            if connection.stage in (Stage.GREETED, Stage.TRANSACTION):
                connection.dismiss(replies.SHUTTING_DOWN)
        await _ended(shared, grace)
        for connection in list(shared.room.here):
            connection.dismiss(replies.SHUTTING_DOWN)
        await _ended(shared, min(grace, 1.0))
        for task in shared.tasks:
            task.cancel()
        await asyncio.gather(*shared.tasks, return_exceptions=True)
        for connection in list(shared.room.here):
            connection.cut()
        await self._listener.wait_closed()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


async def start(
    listen: str,
    accept: Accept,
    limits: Limits,
    *,
    hostname: str,
    lmtp: bool = False,
    tls: ssl.SSLContext | None = None,
) -> Server:
    """Listens on ``host:port`` (port 0: any) or ``unix:/path``; raises UserError when that is not possible."""
    shared = Shared(limits, hostname, lmtp=lmtp, tls=tls)
    if tls is not None and tls.minimum_version < ssl.TLSVersion.TLSv1_2:
        tls.minimum_version = ssl.TLSVersion.TLSv1_2

    def session() -> Session:
        return Session(shared, accept)

    loop = asyncio.get_running_loop()
    path: Path | None = None
    listener: asyncio.AbstractServer
    try:
        if listen.startswith("unix:"):
            path = Path(listen[5:])
            await asyncio.to_thread(_clear, path)
            listener = await loop.create_unix_server(session, str(path), backlog=512)
            path.chmod(0o660)
        else:
            host, port = _host_and_port(listen)
            listener = await loop.create_server(session, host, port, backlog=512)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(
            f"cannot listen on {listen}: {reason}; free that address or set another one under intake in settings.yaml"
        ) from error
    return Server(shared, listener, path)


def _host_and_port(listen: str) -> tuple[str | None, int]:
    """An empty host and ``*`` mean every address of this machine."""
    host, _, port = listen.rpartition(":")
    number = int(port)
    if not 0 <= number <= 65535:
        raise ValueError("a port is a number from 0 to 65535")
    host = host.strip("[]")
    return None if host in ("", "*") else host, number


def _clear(path: Path) -> None:
    """Removes a socket that a process left behind; one that is still answered to is somebody's."""
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise OSError(0, "there is a file that is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        raise OSError(0, "another process listens there")


async def _ended(shared: Shared, seconds: float) -> None:
    if shared.tasks:
        await asyncio.wait(shared.tasks, timeout=seconds)
