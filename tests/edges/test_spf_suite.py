"""The published test suite of RFC 7208 through our own resolver, against a real name server.

tests/data/spf holds the suite as it is published (its licence beside it): data, which names its authors.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from listserv.authenticate import senders
from listserv.edge.resolver import Asking, Resolver
from listserv.settings import parse
from tests.conftest import community
from tests.dns_server import TIMEOUT, NameServer, name_server

SUITE = Path(__file__).parent.parent / "data" / "spf" / "rfc7208-tests.yml"
SCENARIOS = list(yaml.safe_load_all(SUITE.read_text(encoding="utf-8")))
CASES = [
    pytest.param(number, name, id=f"{scenario['description'].replace(' ', '-')}-{name}")
    for number, scenario in enumerate(SCENARIOS)
    for name in scenario["tests"]
]


def _load(server: NameServer, zonedata: dict[str, list[Any]]) -> None:
    """Records of the suite: SPF stands for TXT where there is no TXT, a lone TIMEOUT for every other kind."""
    for name, records in zonedata.items():
        if len(name.rstrip(".").split(".")[0]) > 63:
            continue
        kinds: dict[str, Any] = {}
        stands_for: list[Any] = []
        for record in records:
            if record == "TIMEOUT":
                kinds["*"] = TIMEOUT
                continue
            for kind, data in record.items():
                if kind == "SPF":
                    stands_for.append(data)
                elif data == "TIMEOUT":
                    kinds[kind] = TIMEOUT
                elif kind == "CNAME":
                    kinds[kind] = data
                else:
                    kinds.setdefault(kind, []).append(tuple(data) if isinstance(data, list) else data)
        if "TXT" not in kinds and stands_for:
            kinds["TXT"] = [tuple(one) if isinstance(one, list) else one for one in stands_for]
        kinds["TXT"] = [one for one in kinds.get("TXT", ()) if one != "NONE"] if "TXT" in kinds else None
        server.add({name: {kind: data for kind, data in kinds.items() if data not in (None, [])}})


def _patience(case: dict[str, Any]) -> float:
    """Seconds for an answer: short where silence is the case, long where a busy machine must not look like silence."""
    return 1.0 if "temperror" in case["result"] else 10.0


@pytest.mark.parametrize(("number", "name"), CASES)
def test_spf(number: int, name: str) -> None:
    scenario = SCENARIOS[number]
    case = scenario["tests"][name]
    with name_server() as server:
        _load(server, scenario["zonedata"])
        settings = parse(community(dns={"nameservers": [server.address], "timeout": _patience(case)}), base=Path())
        asking = Asking(Resolver(settings))

        async def check() -> senders.Sender:
            return await asking.settled(
                lambda: senders.check(case["host"], case["helo"], case.get("mailfrom") or "", asking)
            )

        found = asyncio.run(check())
    wanted = case["result"] if isinstance(case["result"], list) else [case["result"]]
    assert found.result in wanted, (found, case.get("comment"))
