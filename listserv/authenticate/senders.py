"""SPF: whether the network address that a message came from may send for the domain of its envelope (RFC 7208).

pyspf does it; it asks for its records where `settled` of `edge.resolver` can fetch them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import spf

from listserv.edge.resolver import Missing, Records, Unanswered
from listserv.mail.address import ascii_domain, split

Lookup = Callable[[str, Any], Records]
_asking: ContextVar[Lookup] = ContextVar("spf lookup")
_ADDRESSES = ("A", "AAAA")


@dataclass(frozen=True, slots=True)
class Sender:
    """The result of RFC 7208 section 2.6, the domain that it is about, and why. `unchecked`: it was not asked."""

    result: str  # pass, fail, softfail, neutral, none, permerror, temperror, unchecked
    domain: str
    reason: str


def _look_up(name: str, kind: str, strict: object = True, timeout: float = 0) -> Iterator[tuple[Any, Any]]:
    """In the place of pyspf's own question to DNS."""
    del strict, timeout
    if kind not in ("A", "AAAA", "MX", "PTR", "TXT"):
        return
    try:
        for record in _asking.get()(name, kind):
            yield (name, kind), record
    except Unanswered as error:
        raise spf.TempError(f"DNS {error}") from error


spf.DNSLookup = _look_up


def check(ip: str, helo: str, sender: str, ask: Lookup) -> Sender:
    """SPF of MAIL FROM, of HELO for the null sender. Raises Missing only. `ip` empty: nothing to check."""
    local, host = split(sender)
    domain = ascii_domain((host if sender else helo).rstrip(".")) or host or helo.lower()
    sender = f"{local}@{domain}" if sender else ""
    if not ip:
        return Sender("unchecked", domain, "it did not come over the network from outside")
    try:
        ipaddress.ip_address(ip)
    except ValueError:
        return Sender("unchecked", domain, "the address it came from is not known")
    token = _asking.set(ask)
    try:
        query = spf.query(i=ip, s=sender, h=helo, timeout=20, querytime=0)
        result, _, words = query.check()
    except Missing:
        raise
    except Exception as error:
        return Sender("permerror", domain, f"it cannot be worked out: {type(error).__name__}")
    finally:
        _asking.reset(token)
    said = {"none": "the domain publishes no SPF record", "pass": f"{ip} may send for {domain}"}
    return Sender(result, domain, said.get(result) or _short(words))


def _short(words: object) -> str:
    return " ".join(str(words).split())[:200] or "no reason given"
