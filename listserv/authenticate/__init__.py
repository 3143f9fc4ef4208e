"""Who is this, and what proves it: the second step in the way of a post.

A sender is proven by a domain that speaks for the one address in From: by a DKIM signature, by SPF, by what our own
mail server found, or by an ARC seal of somebody whom the operator trusts. DNS failures raise `Undecided` where they
could change the outcome, and are passed over where they cannot. What was found is a value (`Proof`), stored with the
post; that an unproven sender may be known by a confirmation is decided later, by `arrivals`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from listserv.authenticate import header, senders, signatures
from listserv.authenticate.signatures import Chain, Signature, Signed
from listserv.context import Context
from listserv.edge.resolver import Asking, Unanswered
from listserv.errors import Reply, Temporary
from listserv.mail.address import ascii_domain
from listserv.mail.incoming import Incoming
from listserv.policy import alignment
from listserv.policy.alignment import Policy, Walk

BIG = 200_000  # octets; larger messages are checked in a thread, so that nobody else waits
WITHIN = 30.0  # seconds for all checks of one message
TRY_LATER = Reply(451, "4.7.24", "We could not check just now who sent this. Please try again later")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A proved domain that does not speak for the author, but may be theirs: `dkim` signed, `spf` sent it."""

    kind: str
    domain: str


@dataclass(frozen=True, slots=True)
class Result:
    """One check as people see it: in `explain`, in `trace`, in our Authentication-Results."""

    kind: str  # spf, dkim, dmarc, arc
    domain: str
    result: str
    reason: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proved about the sender of one message, and by what (stored with the post, shown in notices).

    `keys` are the DNS records of valid aligned signatures by name: with them it can be checked later, without DNS,
    whether the author's signature is still good on the bytes that go out. `failed`: what DNS did not answer.
    """

    proven: bool
    by: str
    results: tuple[Result, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    keys: dict[str, str] = field(default_factory=dict)
    failed: str = ""

    def stored(self) -> dict[str, Any]:
        """For the JSON column `auth` of posts and arrivals."""
        return {
            "results": [[r.kind, r.domain, r.result, r.reason] for r in self.results],
            "evidence": [[e.kind, e.domain] for e in self.evidence],
            "keys": self.keys,
        }

    @classmethod
    def restored(cls, proven: bool, by: str, stored: dict[str, Any]) -> Proof:
        """The opposite of `stored`."""
        return cls(
            proven,
            by,
            tuple(Result(*row) for row in stored.get("results", ())),
            tuple(Evidence(*row) for row in stored.get("evidence", ())),
            dict(stored.get("keys", {})),
        )


class Undecided(Temporary):
    """DNS did not answer, and the answer could change what becomes of the message: 451."""

    def __init__(self, cause: str) -> None:
        super().__init__(TRY_LATER, cause)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message came from. `trusted`: our own mail server or filter, or this machine."""

    ip: str
    helo: str
    sender: str
    trusted: bool


async def authenticate(ctx: Context, incoming: Incoming, origin: Origin, *, full: bool = False) -> Proof:
    """What proves the author of a message. Raises Undecided.

    `full` looks at everything and never raises, for `explain`; else it ends as soon as the author is proven.
    """
    accepting = ctx.settings.authentication.unverified == "accept"
    case = _Case(ctx, incoming, origin)
    try:
        async with asyncio.timeout(WITHIN):
            proof = await _checked(case, signatures_only=accepting and not full, full=full)
    except TimeoutError:
        case.failed.append("DNS took too long")
        proof = case.proof(False, "nothing could be checked in time")
    if accepting:
        words = "accepted without proof (authentication.unverified: accept)"
        return case.proof(True, f"{words}; {proof.by}" if proof.proven else words)
    if not proof.proven and proof.failed and not full:
        raise Undecided(proof.failed)
    return proof


class _Case:
    """One message being looked at: what was asked, what was found, what failed."""

    def __init__(self, ctx: Context, incoming: Incoming, origin: Origin) -> None:
        self.ctx, self.incoming, self.origin = ctx, incoming, origin
        self.raw = incoming.message.raw
        self.asking = Asking(ctx.resolver)
        self.author = ascii_domain(incoming.authors[0].domain.rstrip(".")) if len(incoming.authors) == 1 else ""
        self.results: list[Result] = []
        self.evidence: list[Evidence] = []
        self.keys: dict[str, str] = {}
        self.failed: list[str] = []
        self._walks: dict[str, Walk] = {}

    def proof(self, proven: bool, by: str) -> Proof:
        own = self.ctx.settings.domain  # what we sign ourselves says nothing about who sent it to us
        unique = tuple(e for e in dict.fromkeys(self.evidence) if e.domain != own and not e.domain.endswith("." + own))
        failed = "; ".join(dict.fromkeys(self.failed))
        return Proof(proven, by, tuple(self.results), () if proven else unique, dict(self.keys), failed)

    async def run(self, check: Callable[[], Any], *, heavy: bool = False) -> Any:
        return await self.asking.settled(check, threaded=heavy and len(self.raw) > BIG)

    async def walk(self, domain: str) -> Walk:
        """The tree walk from a domain. Raises Unanswered."""
        if domain not in self._walks:
            self._walks[domain] = await self.run(partial(alignment.walk, domain, self._policy_at))
        return self._walks[domain]

    def _policy_at(self, domain: str) -> Policy | None:
        records = self.asking(f"_dmarc.{domain}", "TXT")
        return alignment.read_policy(domain, [b"".join(strings).decode("utf-8", "replace") for strings in records])

    async def aligned(self, domain: str, method: str) -> bool:
        """Whether a proved domain speaks for the author; a DNS failure is noted and proves nothing."""
        if not domain or not self.author:
            return False
        if domain == self.author:
            return True
        if not alignment.related(domain, self.author):
            return False
        try:
            policy = (await self.walk(self.author)).policy
            strict = policy is not None and (policy.strict_dkim if method == "dkim" else policy.strict_spf)
            if strict:
                return False
            other = await self.walk(domain)
        except Unanswered as error:
            self.failed.append(str(error))
            return False
        walks = {domain: other.organisation, self.author: self._walks[self.author].organisation}
        return alignment.aligned(domain, self.author, strict=strict, organisation=walks.__getitem__)


async def _checked(case: _Case, *, signatures_only: bool, full: bool) -> Proof:
    if len(case.incoming.authors) != 1:
        return case.proof(False, "From does not name exactly one address, so nothing can prove it")
    proofs: list[str] = []
    proofs += await _by_signatures(case, aligned_only=signatures_only, full=full)
    sealing = case.ctx.signer is not None and case.ctx.signer.seal is not None
    if sealing and not full:  # our own seal says what became of those before it
        proofs += await _by_seal(case)
    if signatures_only or (proofs and not full):
        return case.proof(bool(proofs), proofs[0] if proofs else "no DKIM signature speaks for the author")
    proofs += await _by_own_server(case)
    if not proofs or full:
        proofs += await _by_envelope(case)
    if full or (not proofs and not sealing and case.ctx.settings.authentication.arc_sealers):
        proofs += await _by_seal(case)
    if full:
        await _policy(case, bool(proofs))
    return case.proof(bool(proofs), proofs[0] if proofs else _nothing(case))


def _nothing(case: _Case) -> str:
    """Why nothing is proven, in words for a moderator."""
    found = [f"{e.kind.upper()} only speaks for {e.domain}" for e in dict.fromkeys(case.evidence)]
    told = [r for r in case.results if r.result not in ("none", "unchecked")]
    notable = [f"{r.kind.upper()} {r.result}: {r.reason}" for r in told]
    words = "; ".join(found or notable[:3]) or "no DKIM signature, no SPF"
    return f"nothing proves {case.author} ({words})"


async def _by_signatures(case: _Case, *, aligned_only: bool, full: bool) -> list[str]:
    signed: Signed = await case.run(partial(Signed, case.raw), heavy=True)
    if signed.broken:
        case.results.append(Result("dkim", "", "permerror", signed.broken))
        return []
    found = signed.domains()
    unreadable = len(signed.tags) - len(found)
    case.results += [Result("dkim", "", "permerror", "the signature cannot be read")] * unreadable
    if not signed.tags:
        case.results.append(Result("dkim", "", "none", "the message has no DKIM signature"))
    order = sorted(found, key=lambda one: (one[1] != case.author, not alignment.related(one[1], case.author), one[0]))
    if aligned_only:
        order = [one for one in order if alignment.related(one[1], case.author)]
    await case.asking.prefetch(*((f"{selector}._domainkey.{domain}", "TXT") for _, domain, selector in order))
    proofs: list[str] = []
    for number, domain, _ in order:
        check = partial(signed.verify, number, case.asking, case.ctx.clock())
        one: Signature = await case.run(check, heavy=True)
        case.results.append(Result("dkim", domain, one.result, one.reason))
        if one.result == "temperror":
            case.failed.append(one.reason)
        if not one.valid:
            continue
        if await case.aligned(domain, "dkim"):
            case.keys[one.name] = one.key
            if one.whole:
                proofs.append(f"DKIM signature of {domain}, aligned with From")
                if not full:
                    return proofs
        elif one.whole:
            case.evidence.append(Evidence("dkim", domain))
    return proofs


async def _by_own_server(case: _Case) -> list[str]:
    ids = case.ctx.settings.authentication.authserv_ids
    if not case.origin.trusted:
        return []
    name, found = header.trusted(case.incoming.message, ids)
    proofs = []
    for one in found:
        if one.method == "arc":
            continue
        good = one.result == "pass" and bool(one.domain)
        case.results.append(Result(one.method, one.domain, one.result, f"says {name}"))
        if not good:
            continue
        if one.method == "dmarc":
            matches = one.domain == case.author
        else:
            matches = await case.aligned(one.domain, one.method)
        if matches:
            proofs.append(f"{one.method.upper()} of {one.domain}, as {name} found")
        elif one.method in ("dkim", "spf"):
            case.evidence.append(Evidence(one.method, one.domain))
    return proofs


async def _by_envelope(case: _Case) -> list[str]:
    origin = case.origin
    ip = "" if origin.trusted else origin.ip
    check = partial(senders.check, ip, origin.helo, origin.sender, case.asking)
    try:
        one: senders.Sender = await case.run(check)
    except Unanswered as error:
        one = senders.Sender("temperror", case.author, str(error))
    case.results.append(Result("spf", one.domain, one.result, one.reason))
    if one.result == "temperror":
        case.failed.append(f"SPF of {one.domain}: {one.reason}")
    if one.result != "pass" or not origin.sender.strip("<>"):
        return []
    if await case.aligned(one.domain, "spf"):
        return [f"SPF of {one.domain}, aligned with From"]
    case.evidence.append(Evidence("spf", one.domain))
    return []


async def _by_seal(case: _Case) -> list[str]:
    try:
        chain: Chain = await case.run(partial(signatures.chain, case.raw, case.asking), heavy=True)
    except Unanswered as error:
        chain = Chain("temperror", str(error))
    case.results.append(Result("arc", chain.sealer, chain.result, chain.reason))
    sealers = {sealer.lower() for sealer in case.ctx.settings.authentication.arc_sealers}
    if chain.result == "temperror" and sealers:
        case.failed.append(f"ARC: {chain.reason}")
    if chain.result != "pass" or chain.sealer not in sealers:
        return []
    _, found = header.findings(chain.found)
    for one in found:
        if one.method == "dmarc" and one.result == "pass" and one.domain == case.author:
            return [f"ARC seal of {chain.sealer}, which found DMARC pass for {case.author}"]
    return []


async def _policy(case: _Case, proven: bool) -> None:
    """The DMARC line of `explain`: what the author's domain asks for, and whether it is met."""
    try:
        walk = await case.walk(case.author)
    except Unanswered as error:
        case.results.append(Result("dmarc", case.author, "temperror", str(error)))
        return
    choice = walk.choice(case.author)
    if choice is None:
        words = f"{case.author} publishes no policy; its organisational domain is {walk.organisation}"
        case.results.append(Result("dmarc", case.author, "none", words))
        return
    assert walk.policy is not None
    words = f"the policy of {walk.policy.domain} is {choice}; organisational domain {walk.organisation}"
    case.results.append(Result("dmarc", case.author, "pass" if proven else "fail", words))


def shown(results: Iterable[Result]) -> str:
    """The checks in one line, as `trace` shows them."""
    return "; ".join(f"{r.kind}={r.result}{f' {r.domain}' if r.domain else ''}" for r in results)


def own_results(message_id_domain: str, proof: Proof) -> bytes:
    """Our Authentication-Results field for the copies of a post (RFC 8601 section 5)."""
    found = [header.Finding(r.kind, r.result, r.domain) for r in proof.results if r.result != "unchecked"]
    return header.written(message_id_domain, found)


__all__ = ["Evidence", "Origin", "Proof", "Result", "Undecided", "authenticate", "own_results", "shown"]
