"""The world that mail comes from in these tests: domains with keys, SPF records and policies in a real name server."""

from __future__ import annotations

import base64
import functools
from collections.abc import Sequence
from typing import Any

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from listserv import signing
from tests.dns_server import SERVFAIL, TIMEOUT

IP = "192.0.2.1"  # what tests.house says that mail comes from
RELAYED = ["v=spf1 ip4:192.0.2.1 -all"]


@functools.cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key for each way of asking: `rsa_key()` and `rsa_key(2048)` are two."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@functools.cache
def ed_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def published(key: Any, **tags: str) -> list[str]:
    """A TXT record for a key, with more tags in front."""
    more = "".join(f"{name}={value}; " for name, value in tags.items())
    return [signing.record(key).replace("v=DKIM1; ", f"v=DKIM1; {more}")]


def pem(key: Any) -> bytes:
    return bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )


def zone() -> dict[str, Any]:
    """people.test signs and has a policy; strict.test is strict; esp.test signs for anybody; many are ill."""
    good = published(rsa_key())
    return {
        "s1._domainkey.people.test": {"TXT": good},
        "_dmarc.people.test": {"TXT": ["v=DMARC1; p=reject"]},
        "people.test": {"TXT": ["v=spf1 ip4:198.51.100.7 -all"]},
        "s1._domainkey.mail.people.test": {"TXT": good},
        "mail.people.test": {"TXT": RELAYED},
        "ed._domainkey.people.test": {"TXT": published(ed_key())},
        "test._domainkey.people.test": {"TXT": published(rsa_key(), t="y")},
        "flag._domainkey.people.test": {"TXT": published(rsa_key(), t="s")},
        "tls._domainkey.people.test": {"TXT": published(rsa_key(), s="tlsrpt")},
        "sha1._domainkey.people.test": {"TXT": published(rsa_key(), h="sha1")},
        "gone._domainkey.people.test": {"TXT": ["v=DKIM1; p="]},
        "junk._domainkey.people.test": {"TXT": ["v=DKIM1; p=!!!not base64!!!"]},
        "small._domainkey.people.test": {"TXT": published(rsa_key(1024))},
        "slow._domainkey.people.test": {"TXT": TIMEOUT},
        "ill._domainkey.people.test": {"TXT": SERVFAIL},
        "s1._domainkey.strict.test": {"TXT": good},
        "s1._domainkey.mail.strict.test": {"TXT": good},
        "_dmarc.strict.test": {"TXT": ["v=DMARC1; p=quarantine; adkim=s; aspf=s"]},
        "mail.strict.test": {"TXT": RELAYED},
        "s1._domainkey.esp.test": {"TXT": good},
        "esp.test": {"TXT": RELAYED},
        "s1._domainkey.lists.test": {"TXT": good},
        "lists.test": {"TXT": RELAYED},
        "spf.test": {"TXT": RELAYED},
        "_dmarc.spf.test": {"TXT": ["v=DMARC1; p=none"]},
        "bounce.spf.test": {"TXT": RELAYED},
        "softfail.test": {"TXT": ["v=spf1 ~all"]},
        "neutral.test": {"TXT": ["v=spf1 ?all"]},
        "broken.test": {"TXT": ["v=spf1 ip4:nonsense -all"]},
        "twice.test": {"TXT": ["v=spf1 ip4:192.0.2.1 -all", "v=spf1 -all"]},
        "deep.test": {"TXT": ["v=spf1 include:deep.test -all"]},
        "slow.test": {"TXT": TIMEOUT},
        "_dmarc.slowpolicy.test": {"TXT": TIMEOUT},
        "s1._domainkey.mail.slowpolicy.test": {"TXT": good},
        "s1._domainkey.slowpolicy.test": {"TXT": good},
        # a public suffix that says so, and two organisations below it
        "_dmarc.psd.test": {"TXT": ["v=DMARC1; p=none; psd=y"]},
        "_dmarc.one.psd.test": {"TXT": ["v=DMARC1; p=none"]},
        "_dmarc.two.psd.test": {"TXT": ["v=DMARC1; p=none"]},
        "s1._domainkey.two.psd.test": {"TXT": good},
        "s1._domainkey.psd.test": {"TXT": good},
        "s1._domainkey.mail.one.psd.test": {"TXT": good},
        "seal._domainkey.filter.test": {"TXT": good},
        "seal._domainkey.other.test": {"TXT": good},
    }


def signed(
    raw: bytes,
    domain: str = "people.test",
    selector: str = "s1",
    *,
    key: Any = None,
    headers: Sequence[str] | None = None,
    length: bool = False,
    identity: str | None = None,
) -> bytes:
    """The message with a DKIM signature by dkimpy on top."""
    key = key or rsa_key()
    algorithm, private = b"rsa-sha256", b""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        algorithm = b"ed25519-sha256"
        seed = key.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
        )
        private = base64.b64encode(seed)
    else:
        private = pem(key)
    names = [name.encode() for name in headers] if headers else None
    signature = dkim.sign(
        raw,
        selector.encode(),
        domain.encode(),
        private,
        identity=identity.encode() if identity else None,
        canonicalize=(b"relaxed", b"relaxed"),
        signature_algorithm=algorithm,
        include_headers=names,
        length=length,
    )
    return bytes(signature + raw)


def sealed(raw: bytes, results: str, domain: str = "filter.test") -> bytes:
    """The message as a filter hands it on, which found `results` and sealed them."""
    raw = f"Authentication-Results: {domain}; {results}\r\n".encode() + raw
    fields = dkim.arc_sign(raw, b"seal", domain.encode(), pem(rsa_key()), domain.encode())
    return b"".join(fields) + raw
