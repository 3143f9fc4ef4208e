"""DNS, asked within a time limit, of the configured servers, and remembered as long as its answers allow.

What authenticates a sender (`listserv.authenticate`) is written as plain functions that ask for records as if they
were there already; `settled` runs them, fetches what they lacked, all at once, and runs them again. So the checks stay
pure, the event loop is never blocked, and one message sees one answer to each question.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver
from dns.nameserver import Do53Nameserver

from listserv.settings import Settings

T = TypeVar("T")
Kind = Literal["A", "AAAA", "MX", "PTR", "TXT"]
Records = tuple[Any, ...]
"""TXT: tuples of octet strings; MX: (preference, name); the others: text. Names have no final dot."""

REMEMBERED = 20_000  # questions
LONGEST = 3600.0  # seconds that an answer is believed at most, so that a withdrawn key is gone within the hour
FAILED_FOR = 2.0  # seconds in which a question that failed is not asked again
ROUNDS = 60  # of asking for one check; SPF allows ten mechanisms of ten names each


class Unanswered(Exception):
    """DNS could not be asked: nothing is known, in either direction."""


class Missing(Exception):
    """The answer is not here yet; whoever catches everything must let this one through."""


@dataclass(frozen=True, slots=True)
class Server:
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class _Answer:
    records: Records
    failure: str  # why there is no answer; empty when there is one
    until: float


def _server(text: str) -> Server:
    """`host`, `host:port`, `[v6]:port` or a bare IPv6 address."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return Server(host, int(rest.lstrip(":") or 53))
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return Server(host, int(port))
    return Server(text, 53)


def _client(settings: Settings) -> dns.asyncresolver.Resolver:
    given = [_server(text) for text in settings.dns.nameservers]
    client = dns.asyncresolver.Resolver(configure=not given)
    if given:
        client.nameservers = [Do53Nameserver(server.address, server.port) for server in given]
    client.lifetime = settings.dns.timeout
    client.timeout = max(0.2, settings.dns.timeout / 2)  # so that a second server, or a second try, has its time
    return client


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


def _record(kind: Kind, data: Any) -> Any:
    match kind:
        case "TXT":
            return tuple(data.strings)
        case "MX":
            return (data.preference, _plain(data.exchange.to_text()))
        case "PTR":
            return _plain(data.target.to_text())
        case _:
            return data.address


class Resolver:
    """Answers with their time to live; a question that several ask at once goes out once. For one event loop."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._client_: dns.asyncresolver.Resolver | None = None
        self._known: OrderedDict[tuple[str, Kind], _Answer] = OrderedDict()
        self._asked: dict[tuple[str, Kind], asyncio.Task[_Answer]] = {}

    @property
    def _client(self) -> dns.asyncresolver.Resolver:
        if self._client_ is None:  # made when first needed: a machine without resolv.conf may never ask
            try:
                self._client_ = _client(self._settings)
            except dns.resolver.NoResolverConfiguration as error:
                raise Unanswered("this machine names no DNS server; set dns.nameservers") from error
        return self._client_

    def known(self, name: str, kind: Kind) -> _Answer | None:
        """What is remembered and still valid."""
        key = (_plain(name), kind)
        found = self._known.get(key)
        if found is not None and found.until <= self._clock():
            del self._known[key]
            return None
        return found

    async def ask(self, name: str, kind: Kind) -> Records:
        """The records of a name, () when there are none. Raises Unanswered."""
        answer = await self._ask(name, kind)
        if answer.failure:
            raise Unanswered(answer.failure)
        return answer.records

    async def _ask(self, name: str, kind: Kind) -> _Answer:
        found = self.known(name, kind)
        if found is not None:
            return found
        key = (_plain(name), kind)
        task = self._asked.get(key)
        if task is None or task.get_loop() is not asyncio.get_running_loop():
            task = asyncio.create_task(self._fetch(*key))
            self._asked[key] = task
            task.add_done_callback(lambda _: self._asked.pop(key, None))
        return await asyncio.shield(task)

    async def _fetch(self, name: str, kind: Kind) -> _Answer:
        records: Records = ()
        failure, life = "", LONGEST
        try:
            answer = await self._client.resolve(name, kind, search=False, raise_on_no_answer=False)
            records = tuple(_record(kind, data) for data in answer.rrset or () if data.rdtype == _TYPES[kind])
            life = max(0.0, answer.expiration - time.time())
        except dns.resolver.NXDOMAIN as error:
            life = _negative_life(error)
        except dns.resolver.NoNameservers as error:
            if not _goes_in_a_circle(error):
                failure, life = _why(error), FAILED_FOR
        except (dns.name.LabelTooLong, dns.name.EmptyLabel, dns.name.NameTooLong, dns.name.BadEscape, UnicodeError):
            pass  # no name at all, so it has no records
        except dns.name.IDNAException:
            pass
        except Unanswered as error:
            failure, life = str(error), FAILED_FOR
        except (dns.exception.DNSException, OSError, EOFError, ValueError) as error:
            failure, life = _why(error), FAILED_FOR
        made = _Answer(records, failure, self._clock() + min(life, LONGEST))
        self._known[(name, kind)] = made
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return made


_TYPES = {kind: dns.rdatatype.from_text(kind) for kind in ("A", "AAAA", "MX", "PTR", "TXT")}


def _negative_life(error: dns.resolver.NXDOMAIN) -> float:
    """How long a name may be remembered as not there (RFC 2308 section 5), 30 seconds when nothing is said."""
    lives = [
        float(min(rrset.ttl, *(data.minimum for data in rrset)))
        for response in error.kwargs.get("responses", {}).values()
        for rrset in response.authority
        if rrset.rdtype == dns.rdatatype.SOA
    ]
    return min(lives, default=30.0)


def _goes_in_a_circle(error: dns.resolver.NoNameservers) -> bool:
    """Aliases that lead to each other lead to no record: that is an answer, not a failure."""
    return any(isinstance(one[3], dns.message.ChainTooLong) for one in error.kwargs.get("errors", ()))


def _why(error: Exception) -> str:
    if isinstance(error, dns.exception.Timeout):
        return "no answer in time"
    if isinstance(error, dns.resolver.NoNameservers):
        return "the name servers answer with an error"
    return type(error).__name__


class Asking:
    """The answers that one message sees: asked for while it is checked, the same each time."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._found: dict[tuple[str, Kind], _Answer] = {}
        self._missing: set[tuple[str, Kind]] = set()
        self.failed: set[str] = set()

    def __call__(self, name: str, kind: Kind) -> Records:
        """The records; raises Unanswered when DNS failed, Missing when `settled` has to fetch them first."""
        key = (_plain(name), kind)
        found = self._found.get(key) or self._resolver.known(*key)
        if found is None:
            self._missing.add(key)
            raise Missing(key[0])
        self._found[key] = found
        if found.failure:
            self.failed.add(key[0])
            raise Unanswered(f"{key[0]}: {found.failure}")
        return found.records

    async def prefetch(self, *questions: tuple[str, Kind]) -> None:
        """Asks several questions at once; failures are met when somebody needs the answer."""
        keys = {(_plain(name), kind) for name, kind in questions} - set(self._found)
        answers = await asyncio.gather(*(self._resolver._ask(*key) for key in keys))
        self._found.update(zip(keys, answers, strict=True))

    async def settled(self, check: Callable[[], T], *, threaded: bool = False) -> T:
        """Runs `check` until nothing is missing. Raises what it raises, and Unanswered when it never ends."""
        for _ in range(ROUNDS):
            self._missing.clear()
            try:
                result = await asyncio.to_thread(check) if threaded else check()
            except Missing:
                pass
            else:
                if not self._missing:
                    return result
            await self.prefetch(*self._missing)
        raise Unanswered("too many questions")


async def records(settings: Settings, name: str, kind: Kind) -> list[str]:
    """The records of a name as text, asked afresh (for `listserv check`). Raises Unanswered."""
    found = await Resolver(settings).ask(name, kind)
    if kind == "TXT":
        return [b"".join(strings).decode("utf-8", "replace") for strings in found]
    return [" ".join(map(str, one)) if isinstance(one, tuple) else str(one) for one in found]
