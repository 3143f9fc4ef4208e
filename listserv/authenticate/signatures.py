"""DKIM signatures and ARC chains of a message: what each of them says, and what it leaves open.

dkimpy reads, canonicalises and verifies (RFC 6376, RFC 8463, RFC 8617); what a list has to ask beyond that is asked
here: no `l=`, no testing or revoked key, no SHA-1, not expired, and every field that people read or that names the
list is signed and stands there once. A signature that fails such a question is as good as none (RFC 6376 section 6.1).
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dkim
from dkim.util import InvalidTagValueList, parse_tag_value

from listserv.edge.resolver import Missing, Records, Unanswered
from listserv.mail.address import ascii_domain

Lookup = Callable[[str, Any], Records]
_SILENT = logging.getLogger("listserv.dkimpy")
_SILENT.setLevel(logging.CRITICAL + 1)
_ARC = re.compile(rb"^(arc-[a-z-]+)[ \t]*:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", re.I | re.M)
_FIELD = re.compile(rb"(?:\A|\n)dkim-signature[ \t]*:", re.I)
MOST = 5  # signatures of one message that are looked at
MOST_OF_BIG = 3  # the same of a message so large that each one is work
BIG = 1_000_000
LONGEST = 4000  # octets of a signature field; dkimpy's patterns take time with the square of it
MOST_SEALS = 10
MUST_SIGN = (b"from", b"to", b"cc", b"subject", b"date", b"message-id")
MIME = (b"mime-version", b"content-type", b"content-transfer-encoding")
"""Of these one that is there must be signed, and each must be there once: Gmail signs MIME-Version alone."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM-Signature: `valid` is what any receiver finds, `whole` that it also covers what a list needs."""

    domain: str
    selector: str
    result: str  # pass, fail, neutral, policy, permerror, temperror (RFC 8601 section 2.7.1)
    reason: str
    valid: bool = False
    whole: bool = False
    key: str = ""  # the TXT record of its key

    @property
    def name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"


@dataclass(frozen=True, slots=True)
class Chain:
    """The ARC sets of a message: `sealer` closed the newest, which says `found` of what arrived at the sealer."""

    result: str  # pass, fail, none, temperror
    reason: str
    sealer: str = ""
    found: str = ""  # the newest ARC-Authentication-Results, without its instance


class Signed:
    """A message parsed once for all its signatures."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._reader: dkim.DKIM | None = None
        self.broken = ""
        if not _FIELD.search(raw):
            self.tags: list[dict[bytes, bytes] | None] = []
            return
        try:
            self._reader = dkim.DKIM(raw, logger=_SILENT)
        except Exception as error:
            self.broken = f"its header cannot be read: {type(error).__name__}"
            self.tags = []
            return
        most = MOST_OF_BIG if len(raw) > BIG else MOST
        found = [value for name, value in self._reader.headers if name.lower() == b"dkim-signature"][:most]
        self.tags = [_tags(value) if len(value) <= LONGEST else None for value in found]

    def domains(self) -> list[tuple[int, str, str]]:
        """(number, domain, selector) of each signature that names them."""
        out = []
        for number, tags in enumerate(self.tags):
            if tags is not None and b"d" in tags and b"s" in tags:
                out.append((number, _text(tags[b"d"]), _text(tags[b"s"])))
        return out

    def verify(self, number: int, ask: Lookup, now: datetime) -> Signature:
        """What signature `number` says. Raises Missing only."""
        tags = self.tags[number]
        if tags is None or self._reader is None or b"d" not in tags or b"s" not in tags:
            return Signature("", "", "permerror", "the signature cannot be read, or is longer than any real one")
        domain, selector = _text(tags[b"d"]), _text(tags[b"s"])

        def said(result: str, reason: str) -> Signature:
            return Signature(domain, selector, result, reason)

        try:
            key, complaint = _key(f"{selector}._domainkey.{domain}", ask)
        except Unanswered as error:
            return said("temperror", f"its key could not be asked for ({error})")
        if complaint:
            return said("permerror" if key is None else "neutral", complaint)
        assert key is not None
        complaint = _refused(tags, key, now)
        if complaint:
            return said("policy", complaint)
        try:
            good = bool(self._reader.verify(idx=number, dnsfunc=lambda *_, **__: key))
        except Missing:
            raise
        except dkim.DKIMException as error:
            return said("fail" if "mismatch" in str(error) else "permerror", _words(error))
        except Exception as error:
            return said("permerror", f"it cannot be verified: {type(error).__name__}")
        if not good:
            return said("fail", "the signature does not fit the message")
        lack = self._lack(tags)
        reason = "the signature is good" + (f", but {lack}" if lack else "")
        text = key.decode("utf-8", "replace")
        return Signature(domain, selector, "pass", reason, valid=True, whole=not lack, key=text)

    def _lack(self, tags: Mapping[bytes, bytes]) -> str:
        """What the signature leaves open to others, in words."""
        if b"l" in tags:
            return "it covers only the beginning of the text (l=)"
        assert self._reader is not None
        there = Counter(name.lower() for name, _ in self._reader.headers)
        signed = Counter(name.strip().lower() for name in tags.get(b"h", b"").split(b":"))
        for name in (*MUST_SIGN, *MIME):
            if there[name] > 1:
                return f"the message has {_title(name)} twice"
        for name in MUST_SIGN:
            if there[name] and not signed[name]:
                return f"it does not cover {_title(name)}"
        if any(there[name] for name in MIME) and not any(signed[name] for name in MIME):
            return "it covers none of the MIME fields"
        return ""


def _title(name: bytes) -> str:
    return "-".join(word.capitalize() for word in name.decode().split("-"))


def _text(value: bytes) -> str:
    """A domain or selector as it is asked for; of another alphabet as A-labels (RFC 8616)."""
    return ascii_domain(value.decode("utf-8", "replace").strip().rstrip(".")) or value.decode("latin-1").strip().lower()


def _tags(value: bytes) -> dict[bytes, bytes] | None:
    try:
        tags: dict[bytes, bytes] = parse_tag_value(value)
    except (InvalidTagValueList, ValueError):
        return None
    return tags


def _words(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error).replace("b'", "'"))[:200]


def _key(name: str, ask: Lookup) -> tuple[bytes | None, str]:
    """The key record, and why it cannot be used. Raises Missing and Unanswered."""
    records = [b"".join(strings) for strings in ask(name, "TXT")]
    keys = [record for record in records if b"p=" in record.replace(b" ", b"")]
    if not keys:
        return None, "no key is published for it"
    tags = _tags(keys[0])
    if tags is None:
        return None, "its key record cannot be read"
    flags = {flag.strip() for flag in tags.get(b"t", b"").split(b":")}
    if not re.sub(rb"\s", b"", tags.get(b"p", b"")):
        return None, "its key has been withdrawn"
    if b"y" in flags:
        return keys[0], "its key is marked as a test (t=y), so it proves nothing"
    if b"h" in tags and b"sha256" not in {name.strip() for name in tags[b"h"].split(b":")}:
        return None, "its key is not for SHA-256"
    services = {name.strip() for name in tags.get(b"s", b"*").split(b":")}
    if not services & {b"*", b"email"}:
        return None, "its key is not for mail (s=)"
    return keys[0], ""


def _refused(tags: Mapping[bytes, bytes], key: bytes, now: datetime) -> str:
    """Why a signature is not believed whatever it says; empty when nothing speaks against it."""
    if tags.get(b"a", b"").endswith(b"sha1"):
        return "it uses SHA-1 (RFC 8301)"
    expires = re.sub(rb"\s", b"", tags.get(b"x", b""))
    if expires.isdigit() and len(expires) < 16 and int(expires) < now.timestamp():
        return "it has expired (x=)"
    flags = {flag.strip() for flag in (_tags(key) or {}).get(b"t", b"").split(b":")}
    identity = tags.get(b"i")
    if b"s" in flags and identity and _text(identity.rpartition(b"@")[2]) != _text(tags[b"d"]):
        return "its key is for the domain itself, not for subdomains (t=s)"
    return ""


def chain(raw: bytes, ask: Lookup) -> Chain:
    """What the ARC chain says. Raises Missing only."""
    if b"arc-seal" not in raw.lower():
        return Chain("none", "the message has no ARC seal")
    unanswered: list[str] = []
    seals = [value for name, value in _ARC.findall(raw.partition(b"\r\n\r\n")[0] + b"\r\n")]
    if len(seals) > 3 * MOST_SEALS or any(len(value) > LONGEST for value in seals):
        return Chain("fail", "it has more seals, or longer ones, than any real one")

    def key(name: bytes, **_: object) -> bytes:
        try:
            found = [b"".join(strings) for strings in ask(name.decode("latin-1"), "TXT")]
        except Unanswered as error:
            unanswered.append(str(error))
            return b""
        return next((record for record in found if b"p=" in record.replace(b" ", b"")), b"")

    try:
        result, sets, reason = dkim.ARC(raw, logger=_SILENT).verify(dnsfunc=key)
    except Missing:
        raise
    except Exception as error:
        return Chain("fail", f"it cannot be read: {type(error).__name__}")
    if unanswered:
        return Chain("temperror", unanswered[0])
    if result == dkim.CV_None:
        return Chain("none", "the message has no ARC seal")
    if result != dkim.CV_Pass or not sets:
        return Chain("fail", _words(ValueError(reason)))
    newest = sets[0]
    found = newest["aar-value"].decode("utf-8", "replace").partition(";")[2].strip()
    return Chain("pass", f"{len(sets)} seal(s), each good", _text(newest["as-domain"]), found)


def still_good(raw: bytes, keys: Mapping[str, str], now: datetime) -> str:
    """Which of the signatures whose key records we know is good on these bytes, in words; empty when none is.

    A receiver asks no more than this: RFC 6376, not what `Signed` wants beyond it.
    """
    signed = Signed(raw)

    def ask(name: str, kind: str) -> Records:
        del kind
        return ((keys[name].encode(),),) if name in keys else ()

    for number, domain, selector in signed.domains():
        if f"{selector}._domainkey.{domain}" in keys and signed.verify(number, ask, now).valid:
            return f"the signature of {domain} is good on what goes out"
    return ""
