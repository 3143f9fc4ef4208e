"""Who is speaking: situations of senders, and what becomes of the mail in each of them.

Each row goes through acceptance and the worker with a real name server and real signatures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from listserv import routing
from listserv.context import Context
from listserv.errors import Reply
from listserv.handling import To
from listserv.intake.accept import accept
from listserv.model import Status
from listserv.posts import Envelope
from tests.conftest import community
from tests.dns_server import NameServer, name_server
from tests.house import notices, rows, work
from tests.people import add_person, mail, seed
from tests.senders.world import IP, ed_key, rsa_key, sealed, signed, zone

GMAIL = [
    "to",
    "subject",
    "message-id",
    "date",
    "from",
    "mime-version",
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "reply-to",
]
REJECT = {"unverified": "reject"}
ANN = "ann@people.test"
SPF = "sara@spf.test"


@dataclass(frozen=True)
class Case:
    """`outcome`: posted, held, asked, dropped, refused, later, nothing. `words`: in proof, reason or reply."""

    name: str
    raw: Callable[[], bytes]
    outcome: str
    words: str = ""
    sender: str = "bounces@esp-unknown.test"  # an envelope that proves nothing
    ip: str = IP
    helo: str = "mx.people.test"
    trusted: bool = False
    authentication: dict[str, Any] = field(default_factory=dict)
    to: str = "perinatal@lists.test"


def of(who: str = ANN, **more: Any) -> Callable[[], bytes]:
    return lambda: mail(who, **more)


def by(who: str = ANN, domain: str = "people.test", selector: str = "s1", **more: Any) -> Callable[[], bytes]:
    """Signed mail; `headers`, `length`, `key`, `identity` are for the signature."""
    sign = {name: more.pop(name) for name in ("headers", "length", "key", "identity") if name in more}
    return lambda: signed(mail(who, **more), domain, selector, **sign)


def changed(old: bytes, new: bytes, make: Callable[[], bytes]) -> Callable[[], bytes]:
    """The mail of `make` with a change on its way."""

    def build() -> bytes:
        raw = make()
        assert old in raw
        return raw.replace(old, new, 1)

    return build


def topped(line: bytes, make: Callable[[], bytes]) -> Callable[[], bytes]:
    return lambda: line + b"\r\n" + make()


def more_text(make: Callable[[], bytes]) -> Callable[[], bytes]:
    return lambda: make() + b"And buy this.\r\n"


FROM_LINE = b"From: ann@people.test"
OUR_MX = {"authserv_ids": ["mx.lists.test"]}
SEALERS = {"arc_sealers": ["filter.test"]}

CASES = [
    # -- signatures that prove --
    Case("aligned dkim", by(), "posted", "DKIM signature of people.test"),
    Case("ed25519", by(selector="ed", key=ed_key()), "posted", "DKIM signature of people.test"),
    Case("relaxed subdomain", by(domain="mail.people.test"), "posted", "DKIM signature of mail.people.test"),
    Case("identity below the domain", by(identity="ann@clinic.people.test"), "posted", "DKIM signature"),
    Case("fields as gmail signs them", by(headers=GMAIL, MIME_Version="1.0", Content_Type="text/plain"), "posted"),
    Case("a good signature below a bad one", topped(b"DKIM-Signature: v=1; nonsense", by()), "posted"),
    Case(
        "the good one of several",
        lambda: signed(signed(mail(), "esp.test"), "people.test"),
        "posted",
        "DKIM signature of people.test",
    ),
    Case("upper-case From", by("ANN@People.TEST"), "posted"),
    Case("the wrong envelope does not matter", by(), "posted", sender="x@softfail.test"),
    Case("aligned dkim needs no spf", by(), "posted", sender="x@slow.test"),
    # -- signatures that do not --
    Case("strict alignment", by("stella@strict.test", domain="mail.strict.test"), "asked", "speaks for mail.strict"),
    Case("strict, the same domain", by("stella@strict.test", domain="strict.test"), "posted"),
    Case("signed by somebody else", by(domain="esp.test"), "asked", "DKIM only speaks for esp.test"),
    Case("l= with appended text", more_text(by(length=True)), "asked", "l="),
    Case("l= without appended text", by(length=True), "asked", "l="),
    Case("changed text", changed(b"What would", b"Whatever would", by()), "asked", "DKIM fail"),
    Case("changed subject", changed(b"Subject: A question", b"Subject: An offer", by()), "asked", "DKIM fail"),
    Case("unsigned subject", by(headers=["from", "to", "date", "message-id"]), "asked", "does not cover Subject"),
    Case("unsigned To", by(headers=["from", "subject", "date", "message-id"]), "asked", "does not cover To"),
    Case("unsigned date", by(headers=["from", "to", "subject", "message-id"]), "asked", "does not cover Date"),
    Case(
        "no MIME field signed",
        by(headers=["from", "to", "subject", "date", "message-id"], MIME_Version="1.0", Content_Type="text/html"),
        "asked",
        "none of the MIME",
    ),
    Case("second subject on top", topped(b"Subject: Another", by()), "asked", "Subject twice"),
    Case("replayed to our list", by(to="somebody@else.test"), "held", "list-not-addressed"),
    Case("our list put into Cc", topped(b"Cc: perinatal@lists.test", by(to="x@else.test")), "asked", "Cc"),
    Case("test key", by(selector="test"), "asked", "marked as a test"),
    Case("key for the domain itself", by(selector="flag", identity="a@sub.people.test"), "asked", "not for subdomains"),
    Case("key for tls reports", by(selector="tls"), "asked", "not for mail"),
    Case("key for sha1", by(selector="sha1"), "asked", "not for SHA-256"),
    Case("withdrawn key", by(selector="gone"), "asked", "withdrawn"),
    Case("unreadable key", by(selector="junk"), "asked", "DKIM"),
    Case("no key", by(selector="nokey"), "asked", "no key is published"),
    Case("1024 bits are believed", by(selector="small", key=rsa_key(1024)), "posted"),
    Case(
        "expired signature",
        changed(b"; h=from", b"; x=1500000000; h=from", by()),
        "asked",
        "expired",
    ),
    Case("sha1 signature", changed(b"a=rsa-sha256", b"a=rsa-sha1", by()), "asked", "SHA-1"),
    Case("two public suffix neighbours", by("one@one.psd.test", domain="two.psd.test"), "asked"),
    Case("the public suffix itself", by("one@one.psd.test", domain="psd.test"), "asked"),
    Case("below the public suffix", by("one@one.psd.test", domain="mail.one.psd.test"), "posted"),
    # -- DNS fails --
    Case("key not answered", by(selector="slow"), "later", "Please try again"),
    Case("key server ill", by(selector="ill"), "later"),
    Case("spf not answered", of("slo@slow.test"), "later", sender="slo@slow.test"),
    Case("policy not answered", by("pol@slowpolicy.test", domain="mail.slowpolicy.test"), "later"),
    Case("policy not needed", by("pol@slowpolicy.test", domain="slowpolicy.test"), "posted"),
    Case("a stranger, key not answered", by("stranger@people.test", selector="slow"), "later"),
    # -- SPF --
    Case("spf only", of(SPF), "posted", "SPF of spf.test", sender=SPF),
    Case("spf, relaxed subdomain", of(SPF), "posted", "SPF of bounce.spf.test", sender="b@bounce.spf.test"),
    Case("spf, strict subdomain", of("stella@strict.test"), "asked", sender="b@mail.strict.test"),
    Case("spf of another domain", of(SPF), "asked", "SPF only speaks for esp.test", sender="sara@esp.test"),
    Case("spf fail", of(), "asked", "SPF fail", sender=ANN),
    Case("spf softfail", of("softy@softfail.test"), "asked", "softfail", sender="softy@softfail.test"),
    Case("spf neutral", of("nora@neutral.test"), "asked", sender="nora@neutral.test"),
    Case("spf broken", of("bro@broken.test"), "asked", "permerror", sender="bro@broken.test"),
    Case("spf twice", of("twi@twice.test"), "asked", "permerror", sender="twi@twice.test"),
    Case("spf in a circle", of("dee@deep.test"), "asked", "permerror", sender="dee@deep.test"),
    Case("spf is not asked of our own server", of(SPF), "asked", sender=SPF, trusted=True),
    # -- From --
    Case("two From fields", topped(b"From: ben@people.test", by()), "refused", "several addresses"),
    Case("two addresses in From", of("ann@people.test, ben@people.test"), "refused", "several addresses"),
    Case("group syntax", of("Team: ann@people.test, ben@people.test;"), "refused", "several addresses"),
    Case("group of one", of("Team: ann@people.test;"), "asked"),
    Case("nobody in From", of("undisclosed-recipients:;"), "refused", "no readable From"),
    Case("an address in the display name", by('"ben@people.test" <ann@people.test>'), "held", "pretender"),
    Case("another member's name", by("Ben Bower <ann@people.test>"), "held", "pretender"),
    Case("another member's name, encoded", by("=?utf-8?q?Ben_Bower?= <ann@people.test>"), "held", "pretender"),
    Case("confusable letters", by("=?utf-8?b?QtC1biBCb3fQtXI=?= <ann@people.test>"), "held", "pretender"),
    Case("a moderator's name, turned round", by('"MOSS, Mia (Dr)" <ann@people.test>'), "held", "pretender"),
    Case("the name of the list", by("Perinatal mental health <ann@people.test>"), "held", "pretender"),
    Case("one's own name", by("Dr Ann Archer <ann@people.test>"), "posted"),
    Case("a stranger's name", by("Someone Else <ann@people.test>"), "posted"),
    Case("sender and reply-to of a member", of("x@softfail.test", Sender=ANN, Reply_To=ANN), "dropped"),
    Case("our own list in From", of("perinatal@lists.test"), "refused", "belongs to the list system"),
    Case("our own domain without proof", of("olga@lists.test"), "refused", "Nothing proves"),
    Case("our own domain with proof", of("olga@lists.test"), "posted", sender="olga@lists.test"),
    # -- who it is --
    Case("a stranger with proof", by("stranger@people.test"), "refused", "no member's address"),
    Case("a stranger without", of("stranger@people.test"), "dropped"),
    Case("an alias", of("ben@spf.test"), "posted", sender="ben@spf.test"),
    Case("a plus-address with proof", by("ann+lists@people.test"), "posted"),
    Case("a plus-address without", of("ann+lists@people.test"), "asked"),
    Case("a lapsed member with proof", by("lia@people.test"), "refused", "registration"),
    Case("a lapsed member without", of("lia@people.test"), "asked"),
    Case("a banned member with proof", by("bad@people.test"), "refused", "cannot post here any more"),
    Case("a banned member without", of("bad@people.test"), "dropped"),
    Case("a suspended member with proof", by("sus@people.test"), "refused", "suspended"),
    Case("a member of another list with proof", by("sue@people.test"), "refused", "not on the list"),
    Case("a vacation reply without proof", of(Auto_Submitted="auto-replied"), "refused", "Automatic"),
    # -- what others say of it --
    Case(
        "a forged Authentication-Results",
        topped(b"Authentication-Results: mx.lists.test; dmarc=pass header.from=people.test", of()),
        "asked",
        authentication=OUR_MX,
    ),
    Case(
        "our own server's Authentication-Results",
        topped(b"Authentication-Results: mx.lists.test; dmarc=pass header.from=people.test", of()),
        "posted",
        "DMARC of people.test, as mx.lists.test found",
        trusted=True,
        authentication=OUR_MX,
    ),
    Case(
        "our own server found a signature",
        topped(b"Authentication-Results: mx.lists.test; dkim=pass header.d=mail.people.test", of()),
        "posted",
        "DKIM of mail.people.test",
        trusted=True,
        authentication=OUR_MX,
    ),
    Case(
        "our own server, but not on top",
        topped(
            b"Authentication-Results: other.test; none",
            topped(b"Authentication-Results: mx.lists.test; dmarc=pass header.from=people.test", of()),
        ),
        "asked",
        trusted=True,
        authentication=OUR_MX,
    ),
    Case(
        "our own server found that it fails",
        topped(b"Authentication-Results: mx.lists.test; dmarc=fail header.from=people.test", of()),
        "asked",
        trusted=True,
        authentication=OUR_MX,
    ),
    Case(
        "another domain passed there",
        topped(b"Authentication-Results: mx.lists.test; dmarc=pass header.from=evil.test", of()),
        "asked",
        trusted=True,
        authentication=OUR_MX,
    ),
    Case(
        "a seal of a trusted filter",
        lambda: sealed(mail(), "dmarc=pass header.from=people.test"),
        "posted",
        "ARC seal of filter.test",
        authentication=SEALERS,
    ),
    Case(
        "a seal of somebody else",
        lambda: sealed(mail(), "dmarc=pass header.from=people.test", "other.test"),
        "asked",
        authentication=SEALERS,
    ),
    Case("a seal that nobody asked for", lambda: sealed(mail(), "dmarc=pass header.from=people.test"), "asked"),
    Case(
        "a broken seal",
        changed(b"What would", b"Whatever would", lambda: sealed(mail(), "dmarc=pass header.from=people.test")),
        "asked",
        authentication=SEALERS,
    ),
    # -- settings --
    Case("held instead of asked", of(), "held", "unproven", authentication={"unverified": "hold"}),
    Case("refused instead of asked", of(), "refused", "Nothing in the message", authentication=REJECT),
    Case("a stranger is refused alike", of("x@y.test"), "refused", "Nothing in the message", authentication=REJECT),
    Case("believed without proof", of(), "posted", "without proof", authentication={"unverified": "accept"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def dns() -> Iterator[NameServer]:
    with name_server(zone()) as server:
        yield server


def _people(ctx: Context) -> None:
    seed(ctx)
    on = ("perinatal",)
    with ctx.db.transaction() as tx:
        for email in (SPF, "softy@softfail.test", "nora@neutral.test", "bro@broken.test", "twi@twice.test"):
            add_person(tx, email, lists=on)
        for email in (
            "dee@deep.test",
            "slo@slow.test",
            "pol@slowpolicy.test",
            "one@one.psd.test",
            "stella@strict.test",
        ):
            add_person(tx, email, lists=on)
        add_person(tx, "olga@lists.test", lists=on)
        add_person(tx, "lia@people.test", lists=on, expires=date(2026, 1, 1))
        add_person(tx, "bad@people.test", lists=on, status=Status.BANNED)
        add_person(tx, "sus@people.test", lists=on, status=Status.SUSPENDED)
        add_person(tx, "ben2@people.test", name="Ben Second", lists=on, aliases=("ben@spf.test",))


def bring(ctx: Context, case: Case) -> Reply:
    envelope = Envelope(case.sender, case.ip, case.helo, "ESMTP", ctx.clock(), trusted=case.trusted)
    route = routing.resolve(ctx.settings, case.to)
    assert route is not None
    (reply,) = asyncio.run(accept(ctx, case.raw(), envelope, [To(case.to, route)]))
    return reply


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_situation(case: Case, dns: NameServer, make_context: Callable[..., Context]) -> None:
    data = community(
        dns={"nameservers": [dns.address], "timeout": 1.5},
        authentication={"unverified": "confirm", **case.authentication},
    )
    ctx = make_context(data)
    _people(ctx)
    reply = bring(ctx, case)
    work(ctx)
    posts = rows(ctx, "SELECT state, proof, reasons FROM post")
    asked = rows(ctx, "SELECT proof, auth FROM arrival WHERE state = 'asked'")
    dropped = rows(ctx, "SELECT reasons FROM refusal WHERE action = 'discard'")
    told = [(n.kind, n.recipient) for n in notices(ctx)]
    if reply.code != 250:
        found, words = ("later" if reply.temporary else "refused"), str(reply)
        assert not posts and not asked and not told
    elif asked:
        found, words = "asked", f"{asked[0].proof} {asked[0].auth}"
        assert not posts and [kind for kind, _ in told] == ["sender"]
    elif posts:
        held = posts[0].state == "held"
        found, words = ("held" if held else "posted"), str(posts[0].reasons if held else posts[0].proof)
    else:
        found, words = ("dropped" if dropped else "nothing"), str(dropped)
        assert not told
    assert (found, case.words in words) == (case.outcome, True), (found, words, str(reply))


def test_there_are_enough_situations() -> None:
    assert len(CASES) >= 60 and len({case.name for case in CASES}) == len(CASES)
