"""Real messages: whatever they are, who sent them has a definite result, and our signature on their copies is good."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import dkim

from listserv import copies, signing
from listserv.authenticate import Origin, authenticate
from listserv.context import Context
from listserv.mail.incoming import Incoming, read
from listserv.mail.message import TooComplex
from tests.conftest import NOW, community
from tests.dns_server import name_server
from tests.mail.test_corpus import FILES, messages, needs_corpus


def _some() -> list[Incoming]:
    found = []
    for file in FILES:
        for number, raw in messages(file):
            if number % 3 and not os.environ.get("LISTSERV_CORPUS_FULL"):
                continue
            try:
                found.append(read(raw, "x@people.test"))
            except TooComplex:
                continue
    return [incoming for incoming in found if incoming.authors]


@needs_corpus
def test_our_signature_is_good_on_every_copy(make_context: Callable[..., Context], tmp_path: Path) -> None:
    key = signing.make(tmp_path / "e.pem", "ed25519-sha256")
    listed = {"title": 'Perinatal, "mental" health', "footer": True, "subject_prefix": "[P]"}
    ctx = make_context(
        community(
            dkim={"selector": "e", "key_file": "e.pem"}, web={"listen": "127.0.0.1:0"}, lists={"perinatal": listed}
        )
    )
    record, personal, count = signing.record(key).encode(), copies.Personal(ctx), 0
    for incoming in _some():
        first = incoming.authors[0]
        post = SimpleNamespace(
            id=1, list_name="perinatal", from_address=first.address, from_name=first.name, proof="", auth={},
            sent_as="", tag="abcdefghijklmnop", thread="",
            message_id_header=incoming.message_id or "<a@b>", received_at=NOW,
        )  # fmt: skip
        shared, words = copies.shared_copy(ctx, incoming.message, post)
        assert words.startswith("From rewritten")
        prepared = copies.Prepared(
            shared, "perinatal", verp=True, personal=True, signer=ctx.signer, seconds=int(NOW.timestamp())
        )
        for eightbit in (True, False):
            row = SimpleNamespace(id=5, subscription_id=7, recipient="a@b.test", kind="post")
            sent = b"".join(copies.copy(personal, prepared, row, eightbit=eightbit).chunks)
            unstuffed = sent.replace(b"\r\n..", b"\r\n.")
            assert dkim.DKIM(unstuffed).verify(dnsfunc=lambda *_, **__: record), incoming.message_id
            count += 1
    assert count > 200


@needs_corpus
def test_who_sent_a_real_message_has_a_definite_result(make_context: Callable[..., Context]) -> None:
    async def look(ctx: Context) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for incoming in _some():
            origin = Origin("192.0.2.1", "mx.people.test", incoming.authors[0].address, trusted=False)
            begun = time.process_time()
            proof = await authenticate(ctx, incoming, origin, full=True)
            assert not proof.proven and proof.by and not proof.failed
            assert {"spf", "dmarc", "arc"} <= {one.kind for one in proof.results} or len(incoming.authors) != 1
            assert time.process_time() - begun < 5
            found.update((one.kind, one.result) for one in proof.results)
        return found

    with name_server() as server:
        ctx = make_context(
            community(authentication={"unverified": "confirm"}, dns={"nameservers": [server.address], "timeout": 1})
        )
        found = asyncio.run(look(ctx))
    assert found["dkim", "permerror"] and found["spf", "none"]
    assert not any(result == "pass" for _, result in found)
