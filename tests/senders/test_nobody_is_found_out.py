"""Without proof a member and a stranger are told the same, after the same time: compared statistically."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Callable

import pytest

from listserv import routing
from listserv.context import Context
from listserv.handling import To
from listserv.intake.accept import accept
from listserv.posts import Envelope
from tests.conftest import community
from tests.dns_server import name_server
from tests.house import notices, scalar, work
from tests.people import mail, seed
from tests.senders.world import IP, zone

WHO = ("ann@people.test", "nobody@people.test")
ROUNDS = 300


@pytest.mark.parametrize("to", ["perinatal@lists.test", f"perinatal-moderate+{'a' * 26}@lists.test"])
def test_text_and_time_of_the_reply_are_the_same(make_context: Callable[..., Context], to: str) -> None:
    """Two samples of one distribution: the rank sum (Mann and Whitney 1947) stays within five standard deviations.

    A difference of a tenth of the time of a reply would lie far outside; five happen by chance once in 1.7 million.
    """
    with name_server(zone()) as server:
        ctx = make_context(
            community(
                authentication={"unverified": "confirm"}, dns={"nameservers": [server.address]}, intake={"rate": None}
            )
        )
        seed(ctx)
        route = routing.resolve(ctx.settings, to)
        assert route is not None
        took: list[tuple[float, str]] = []
        heard: set[str] = set()

        async def probe() -> None:
            turns = [who for who in WHO for _ in range(ROUNDS)]
            random.Random(1).shuffle(turns)
            for number, who in enumerate(turns):
                raw = mail(who, to, f"Post {number:06}")
                envelope = Envelope("x@unknown.test", IP, "mx.people.test", "ESMTP", ctx.clock())
                begun = time.perf_counter()
                replies = await accept(ctx, raw, envelope, [To(to, route)])
                if number >= 20:
                    took.append((time.perf_counter() - begun, who))
                heard.update(map(str, replies))

        asyncio.run(probe())
        assert heard == {"250 2.0.0 Thank you, the message is in safe hands"}
        # Nothing that depends on the sender has been done yet.
        assert scalar(ctx, "SELECT count(*) FROM arrival WHERE state = 'waiting'") == 2 * ROUNDS
        assert scalar(ctx, "SELECT count(*) FROM post") == scalar(ctx, "SELECT count(*) FROM refusal") == 0
        assert notices(ctx) == []
        work(ctx)
        assert scalar(ctx, "SELECT count(*) FROM refusal") == ROUNDS
    ranks = dict.fromkeys(WHO, 0.0)
    counts = dict.fromkeys(WHO, 0)
    for rank, (_, who) in enumerate(sorted(took), 1):
        ranks[who] += rank
        counts[who] += 1
    ours, theirs = counts[WHO[0]], counts[WHO[1]]
    mean = ours * (ours + theirs + 1) / 2
    deviation = (ours * theirs * (ours + theirs + 1) / 12) ** 0.5
    medians = {who: statistics.median(t for t, w in took if w == who) for who in WHO}
    print(f"\n{to}: z = {(ranks[WHO[0]] - mean) / deviation:+.2f}, medians {medians}")
    assert abs(ranks[WHO[0]] - mean) < 5 * deviation, medians
