"""Tokens in addresses and links: what they prove and how they are checked. Pure; time is an argument.

Two kinds, never mixed:

* one-shot tokens (`one_shot`): 128 random bits, sent to one person, stored hashed, with an expiry; they stand for
  one question (a hold, a confirmation) and say nothing by themselves;
* capability tokens (`capability`): an identifier with a MAC (keyed BLAKE2b, RFC 7693), repeatable, valid as long
  as the key; they are in every copy (VERP, one-click unsubscribe) and must cost no row in the database.

Both are lower-case base32 without padding, compared case-insensitively, because mail systems fold local parts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

_ID_BYTES = 5
_MAC_BYTES = 10
_BASE32 = re.compile(r"[a-z2-7]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys derived from the one key file, one for each purpose, so that no token serves another's."""

    verp: bytes
    unsubscribe: bytes
    cookie: bytes
    feed: bytes
    digest: bytes  # stops a digest
    answer: bytes  # an answer to a digest
    held: bytes  # seals mail that waits (vault)

    @classmethod
    def derive(cls, master: bytes) -> Keys:
        """`master` is the content of secrets.key_file, at least 32 bytes."""
        names = (b"verp", b"unsubscribe", b"cookie", b"feed", b"digest", b"answer", b"held")
        return cls(*(hmac.digest(master, b"listserv " + name, "sha256") for name in names))


def _encode(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()


def _decode(text: str) -> bytes | None:
    folded = text.lower()
    if not _BASE32.match(folded):
        return None
    try:
        return base64.b32decode(folded.upper() + "=" * (-len(folded) % 8))
    except ValueError:
        return None


def capability(key: bytes, identifier: int) -> str:
    """24 characters that name `identifier` (below 2**40) and cannot be made without `key` (80-bit MAC)."""
    head = identifier.to_bytes(_ID_BYTES, "big")
    return base64.b32encode(head + _mac(key, head)).decode("ascii").lower()


def _mac(key: bytes, data: bytes) -> bytes:
    """Keyed BLAKE2b: a MAC by design, and ten times cheaper per call than OpenSSL's HMAC."""
    return hashlib.blake2b(data, key=key, digest_size=_MAC_BYTES).digest()


def read_capability(key: bytes, token: str) -> int | None:
    """The identifier of a genuine token, else None. Constant time in the MAC."""
    data = _decode(token)
    if data is None or len(data) != _ID_BYTES + _MAC_BYTES:
        return None
    head, mac = data[:_ID_BYTES], data[_ID_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, head)):
        return None
    return int.from_bytes(head, "big")


def one_shot() -> str:
    """A new token of 26 characters, 128 random bits."""
    return _encode(secrets.token_bytes(16))


def stored(token: str) -> str:
    """What the database keeps of a one-shot token: its SHA-256 in hex (128 random bits need no salt)."""
    return hashlib.sha256(token.lower().encode("utf-8", "replace")).hexdigest()
