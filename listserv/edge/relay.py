"""Opening a connection to the relay: the door through which every mail leaves the house.

Greeting, EHLO or HELO (RFC 5321 section 4.1.1.1), STARTTLS (RFC 3207), AUTH (RFC 4954). What is sent over it then
is told in `listserv.edge.relay_sending`; callers import everything from here.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import ipaddress
import os
import re
import ssl
from typing import Literal

from listserv.edge.relay_sending import Connection, Copy, NextCopy, Outcome, Patience, Peek, Record, Result
from listserv.edge.relay_wire import Answer, Lost, Wire, one_line
from listserv.settings import Settings

__all__ = [
    "Connection",
    "Copy",
    "NextCopy",
    "Outcome",
    "Peek",
    "Record",
    "RelayDown",
    "Result",
    "Tls",
    "connect",
    "connect_as_set",
]

Tls = Literal["opportunistic", "required", "implicit", "none"]
Keywords = dict[str, str]

_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_HELO_NAME = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,255}")


class RelayDown(Exception):
    """No session with the relay. `permanent` means that only a change of settings, here or there, will help."""

    def __init__(self, reply: str, *, permanent: bool = False) -> None:
        super().__init__(one_line(reply))
        self.permanent = permanent


class _HandshakeFailed(Exception):
    """TLS was offered and did not come about."""


async def connect_as_set(settings: Settings, *, timeout: float = 60.0, connect_timeout: float = 30.0) -> Connection:
    """A connection to the relay of the settings, whose password is in the environment; raises what `connect` does."""
    given = settings.relay
    return await connect(
        given.host,
        given.port,
        helo_name=settings.domain,
        tls=given.tls,
        username=given.username,
        password=os.environ.get(given.password_env) if given.password_env else None,
        timeout=timeout,
        connect_timeout=connect_timeout,
    )


async def connect(
    host: str,
    port: int,
    *,
    helo_name: str,
    tls: Tls = "opportunistic",
    username: str | None = None,
    password: str | None = None,
    timeout: float = 60.0,
    dot_timeout: float = 600.0,
    connect_timeout: float = 30.0,
    ssl_context: ssl.SSLContext | None = None,
) -> Connection:
    """A connection over which copies can be sent at once; raises `RelayDown`, and ValueError for a bad `helo_name`.

    `timeout` is for the greeting and each command, `dot_timeout` for the answer to a message, both in seconds.
    `opportunistic` takes TLS where it is offered and works, whatever the certificate; `required` and `implicit` want
    a certificate that is valid for `host`. Credentials travel inside TLS or to a loopback address only.
    """
    if not _HELO_NAME.fullmatch(helo_name):
        raise ValueError(f"not a name to say in EHLO: {helo_name!r}")

    async def attempt(tls: Tls) -> Connection:
        wire = await _reach(host, port, tls, ssl_context, connect_timeout)
        try:
            keywords = await _session(wire, host, tls, ssl_context, helo_name, timeout)
            if username is not None:
                await _authenticate(wire, keywords, username, password or "", timeout)
        except Lost as lost:
            raise RelayDown(f"{lost.code or ''} {lost.words}".strip()) from None
        except BaseException:
            wire.abort("given up")
            raise
        return Connection(wire, keywords, Patience(timeout, dot_timeout))

    try:
        return await attempt(tls)
    except _HandshakeFailed as failed:
        if tls != "opportunistic":
            bad_certificate = isinstance(failed.__cause__, ssl.SSLCertVerificationError)
            raise RelayDown(f"TLS with the relay failed: {failed}", permanent=bad_certificate) from None
    return await attempt("none")


async def _reach(host: str, port: int, tls: Tls, context: ssl.SSLContext | None, seconds: float) -> Wire:
    loop = asyncio.get_running_loop()
    if tls == "implicit":
        security = {"ssl": context or _verifying_context(), "server_hostname": host}
    else:
        security = {}
    try:
        async with asyncio.timeout(seconds):
            _, wire = await loop.create_connection(lambda: Wire(loop), host, port, **security)  # type: ignore[call-overload]
    except ssl.SSLError as error:
        permanent = isinstance(error, ssl.SSLCertVerificationError)
        raise RelayDown(f"TLS with the relay failed: {_reason(error)}", permanent=permanent) from None
    except TimeoutError:
        raise RelayDown(f"the relay at {host}:{port} did not accept within {seconds:g} seconds") from None
    except OSError as error:
        raise RelayDown(f"the relay at {host}:{port} cannot be reached: {_reason(error)}") from None
    except (UnicodeError, OverflowError) as error:
        raise RelayDown(f"{host}:{port} is not an address of a relay: {error}", permanent=True) from None
    assert isinstance(wire, Wire)
    return wire


async def _session(
    wire: Wire, host: str, tls: Tls, context: ssl.SSLContext | None, helo_name: str, seconds: float
) -> Keywords:
    """Greeting, EHLO, and STARTTLS with a second EHLO where `tls` says so; the keywords that hold from now on."""
    greeting = await wire.answer(seconds)
    if greeting.code != 220:
        raise _down("the relay does not let us in", greeting)
    keywords = await _ehlo(wire, helo_name, seconds)
    if tls in ("none", "implicit"):
        return keywords
    if "STARTTLS" not in keywords:
        if tls == "required":
            raise RelayDown("the relay does not offer STARTTLS, which the settings require", permanent=True)
        return keywords
    answer = await _ask(wire, b"STARTTLS", seconds)
    if answer.code != 220:
        if tls == "required" or answer.code == 421:
            raise _down("the relay refused STARTTLS", answer)
        return keywords
    chosen = context or (_verifying_context() if tls == "required" else _accepting_context())
    try:
        await wire.start_tls(chosen, host, seconds)
    except OSError as error:
        wire.abort("TLS failed")
        raise _HandshakeFailed(_reason(error)) from error
    return await _ehlo(wire, helo_name, seconds)


async def _ehlo(wire: Wire, helo_name: str, seconds: float) -> Keywords:
    answer = await _ask(wire, f"EHLO {helo_name}".encode(), seconds)
    if answer.code == 250:
        return _keywords(answer)
    if answer.code >= 500:
        answer = await _ask(wire, f"HELO {helo_name}".encode(), seconds)
        if answer.code == 250:
            return {}
    raise _down("the relay refused our greeting", answer)


def _keywords(answer: Answer) -> Keywords:
    """Keyword in upper case -> its parameters; the first line is the relay's name (RFC 5321 section 4.1.1.1)."""
    keywords: Keywords = {}
    for line in answer.text.decode("ascii", "replace").split("\n")[1:]:
        keyword, _, parameters = line.strip().replace("AUTH=", "AUTH ", 1).partition(" ")
        if _KEYWORD.fullmatch(keyword):
            known = keywords.get(keyword.upper())
            keywords[keyword.upper()] = f"{known} {parameters}" if known else parameters
    return keywords


async def _authenticate(wire: Wire, keywords: Keywords, username: str, password: str, seconds: float) -> None:
    peer = wire.transport.get_extra_info("peername")
    secured = wire.transport.get_extra_info("ssl_object") is not None
    if not secured and not ipaddress.ip_address(peer[0].partition("%")[0]).is_loopback:
        raise RelayDown("no TLS with the relay: the password is not sent in plain text", permanent=True)
    mechanisms = keywords.get("AUTH", "").upper().split()
    if "PLAIN" in mechanisms:
        answer = await _ask(wire, b"AUTH PLAIN " + _base64(f"\0{username}\0{password}"), seconds)
    elif "LOGIN" in mechanisms:
        answer = await _ask(wire, b"AUTH LOGIN", seconds)
        for word in (username, password):
            if answer.code == 334:
                answer = await _ask(wire, _base64(word), seconds)
    else:
        raise RelayDown("the relay offers neither AUTH PLAIN nor AUTH LOGIN", permanent=True)
    if answer.code != 235:
        raise _down("the relay refused the user name or password", answer)


async def _ask(wire: Wire, command: bytes, seconds: float) -> Answer:
    wire.write(command + b"\r\n")
    return await wire.answer(seconds)


def _base64(text: str) -> bytes:
    return base64.b64encode(text.encode())


def _down(what: str, answer: Answer) -> RelayDown:
    return RelayDown(f"{what}: {answer}", permanent=answer.code >= 500)


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


@functools.cache
def _verifying_context() -> ssl.SSLContext:
    return ssl.create_default_context()


@functools.cache
def _accepting_context() -> ssl.SSLContext:
    """Encrypts against listeners only: without DANE or MTA-STS no certificate of a relay proves anything."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
