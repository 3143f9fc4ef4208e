"""DNS over real sockets: answers remembered for their time, failures told apart from emptiness."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from listserv.edge.resolver import Asking, Missing, Resolver, Unanswered
from listserv.settings import parse
from tests.conftest import community
from tests.dns_server import SERVFAIL, TIMEOUT, NameServer, name_server


def resolver(server: NameServer, clock: Any = time.monotonic, timeout: float = 0.3) -> Resolver:
    data = community(dns={"nameservers": [server.address], "timeout": timeout})
    return Resolver(parse(data, base=Path()), clock)


LONG = "k" * 3000
ZONE = {
    "a.test": {"TXT": [("one ", "record"), "two"], "A": ["192.0.2.7"], "AAAA": ["2001:db8::7"]},
    "long.test": {"TXT": [LONG]},
    "mx.test": {"MX": [(10, "Mail.A.test")]},
    "alias.test": {"CNAME": "a.test"},
    "slow.test": {"TXT": TIMEOUT},
    "ill.test": {"TXT": SERVFAIL},
    "empty.test": {"A": ["192.0.2.8"]},
    "round.test": {"CNAME": "about.test"},
    "about.test": {"CNAME": "round.test"},
}


def test_records_of_every_kind_and_names_that_have_none() -> None:
    async def check(dns: Resolver) -> None:
        assert set(await dns.ask("A.test.", "TXT")) == {(b"one ", b"record"), (b"two",)}
        assert await dns.ask("a.test", "A") == ("192.0.2.7",)
        assert await dns.ask("a.test", "AAAA") == ("2001:db8::7",)
        assert await dns.ask("mx.test", "MX") == ((10, "mail.a.test"),)
        assert len(await dns.ask("alias.test", "TXT")) == 2
        assert b"".join((await dns.ask("long.test", "TXT"))[0]) == LONG.encode()  # by TCP
        for name in ("nowhere.test", "empty.test", "round.test", "x" * 70 + ".test", "a..test", "ü" * 300, ""):
            assert await dns.ask(name, "TXT") == ()

    with name_server(ZONE) as server:
        asyncio.run(check(resolver(server)))


@pytest.mark.parametrize("name", ["slow.test", "ill.test"])
def test_failures_are_no_answers(name: str) -> None:
    with name_server(ZONE) as server, pytest.raises(Unanswered):
        asyncio.run(resolver(server).ask(name, "TXT"))


def test_a_server_that_is_not_there() -> None:
    with name_server(ZONE) as server:
        gone = resolver(server)
    with pytest.raises(Unanswered):
        asyncio.run(gone.ask("a.test", "TXT"))


def test_answers_are_remembered_as_long_as_they_say() -> None:
    now = [0.0]

    async def check(dns: Resolver, server: NameServer) -> None:
        for _ in range(3):
            await dns.ask("a.test", "TXT")
        assert len(server.asked) == 1
        now[0] += 61
        await dns.ask("a.test", "TXT")
        assert len(server.asked) == 2
        await asyncio.gather(*(dns.ask("empty.test", "TXT") for _ in range(20)))
        assert len(server.asked) == 3  # at once, asked once

    with name_server(ZONE, ttl=60) as server:
        asyncio.run(check(resolver(server, lambda: now[0]), server))


def test_a_check_sees_one_answer_to_each_question() -> None:
    async def check(dns: Resolver, server: NameServer) -> list[Any]:
        asking, seen = Asking(dns), []

        def look() -> list[Any]:
            first = asking("a.test", "TXT")
            server.zone["a.test"]["TXT"] = ["changed"]
            return [first, asking("empty.test", "A"), asking("a.test", "TXT")]

        seen = await asking.settled(look)
        with pytest.raises(Missing):
            asking("nobody-asked.test", "TXT")
        return seen

    with name_server({name: dict(kinds) for name, kinds in ZONE.items()}, ttl=0) as server:
        first, address, again = asyncio.run(check(resolver(server), server))
    assert first == again and address == ("192.0.2.8",)


def test_a_check_that_swallows_what_is_missing_is_run_again() -> None:
    async def check(dns: Resolver) -> object:
        asking = Asking(dns)

        def careless() -> object:
            try:
                return asking("a.test", "A")
            except Exception:
                return "nothing"

        return await asking.settled(careless)

    with name_server(ZONE) as server:
        assert asyncio.run(check(resolver(server))) == ("192.0.2.7",)
