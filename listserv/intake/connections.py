"""Who may be connected to the daemon, and who has to go when it is full.

Slow or idle peers must not keep others out (security row 27): when there is no room left one connection is closed
with a 421, and the new one is let in. It is one of those who hold many, and among them the least advanced: else a crowd
that always comes back in the middle of DATA would drive out every peer that is only beginning.
"""

from __future__ import annotations

import enum
import ipaddress
from collections import Counter
from dataclasses import dataclass
from typing import Literal, Protocol

from listserv.errors import Reply
from listserv.intake import replies

IDLE = 5.0  # seconds after which a peer in a transaction counts as one that has not begun
DATA_AT_LEAST = 1.0  # seconds that a peer may send its message in before it can be closed to make room

Word = Literal[
    "SMTP", "ESMTP", "ESMTPS", "LMTP", "LMTPS", "UTF8SMTP", "UTF8SMTPS", "UTF8LMTP", "UTF8LMTPS"
]  # RFC 3848, RFC 6531 section 4.3


@dataclass(frozen=True, slots=True)
class Limits:
    """Octets, numbers and seconds; all of them of one daemon, which has one address that it listens on."""

    max_size: int = 15_000_000
    max_header: int = 262_144
    recipients: int = 100
    connections: int = 1000
    per_peer: int = 100
    trusted_peers: tuple[str, ...] = ()
    command_timeout: float = 300
    data_timeout: float = 600
    errors: int = 20
    bytes_in_flight: int = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Peer:
    """Who speaks to us: `ip` is empty for a unix socket, `helo` is what they call themselves.

    `trusted`: our own mail server; `forwarded`: it told us (XFORWARD) whom it has the message from.
    """

    ip: str
    helo: str
    tls: bool
    protocol: Word
    trusted: bool = False
    forwarded: bool = False


class Stage(enum.IntEnum):
    """How far a connection is; while we work on what it sent it is never closed to make room."""

    GREETED = 0
    TRANSACTION = 1
    DATA = 2
    WORKING = 3


class Connection(Protocol):
    """What the room needs to know of a connection; `since`: the loop's time at which its stage last advanced."""

    ip: str
    trusted: bool
    stage: Stage
    since: float

    def dismiss(self, reply: Reply) -> None:
        """Says the reply and closes."""

    def cut(self) -> None:
        """Ends the connection without a word."""


class Trusted:
    """The peers of `trusted_peers`, single addresses or networks; whoever comes by a unix socket is one of them."""

    def __init__(self, peers: tuple[str, ...]) -> None:
        self._networks = [ipaddress.ip_network(peer, strict=False) for peer in peers]
        self._known: dict[str, bool] = {"": True}

    def __contains__(self, ip: str) -> bool:
        if not self._networks:
            return not ip
        known = self._known.get(ip)
        if known is None:
            if len(self._known) > 10_000:
                self._known = {"": True}
            try:
                address = ipaddress.ip_address(ip)
            except ValueError:
                return False
            known = self._known[ip] = any(address in network for network in self._networks)
        return known


class Room:
    """The connections of one daemon."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._per_peer: Counter[str] = Counter()
        self.here: dict[Connection, None] = {}

    def enter(self, new: Connection, now: float) -> Reply | None:
        """Lets a connection in, or says why not."""
        if not new.trusted and self._per_peer[new.ip] >= self._limits.per_peer:
            return replies.TOO_MANY_FROM_PEER
        if len(self.here) >= self._limits.connections:
            victim = self._who_goes(now)
            if victim is None or self._comes_before(victim, new, now):
                return replies.CROWDED
            victim.dismiss(replies.CROWDED)
            self.leave(victim)
        self.here[new] = None
        self._per_peer[new.ip] += 1
        return None

    def leave(self, gone: Connection) -> None:
        if gone not in self.here:
            return
        del self.here[gone]
        self._per_peer[gone.ip] -= 1
        if not self._per_peer[gone.ip]:
            del self._per_peer[gone.ip]

    def _who_goes(self, now: float) -> Connection | None:
        candidates = [c for c in self.here if _can_go(c, now)]
        return min(candidates, key=lambda c: (c.trusted, -self._crowd(c.ip), _advanced(c, now), c.since), default=None)

    def _comes_before(self, here: Connection, new: Connection, now: float) -> bool:
        """One who is at work and holds less does not go for one who holds more."""
        return not new.trusted and self._crowd(new.ip) > self._crowd(here.ip) and now - here.since < IDLE

    def _crowd(self, ip: str) -> int:
        """How many an address holds, roughly (by powers of two): a few more or less are no reason to go first."""
        return self._per_peer[ip].bit_length()


def _can_go(connection: Connection, now: float) -> bool:
    if connection.stage is Stage.DATA:
        return now - connection.since >= DATA_AT_LEAST
    return connection.stage is not Stage.WORKING


def _advanced(connection: Connection, now: float) -> Stage:
    if connection.stage is Stage.TRANSACTION and now - connection.since >= IDLE:
        return Stage.GREETED
    return connection.stage


def canonical_ip(host: object) -> str:
    """An address as text, IPv4 also where it came mapped into IPv6, without a scope; empty for a unix socket."""
    if not isinstance(host, tuple) or not host:
        return ""
    text = str(host[0]).partition("%")[0]
    return text[7:] if text.startswith("::ffff:") and "." in text else text
