"""How mail is stored: compressed, and while it waits for a person, encrypted as well.

Mail that is held may name a client. From the moment of acceptance until it is released it is sealed with AES-256-GCM
(NIST SP 800-38D, a random nonce of 96 bits) under a key that is derived from the key file and never in the database,
so that neither the file of the database nor a backup of it tells what it says.
"""

from __future__ import annotations

import json
import os
import zlib
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from listserv.errors import UserError

_MARK = b"\x02"  # no zlib stream begins with it (RFC 1950 section 2.2)
_NONCE = 12


def packed(raw: bytes) -> bytes:
    """Mail as it is stored when it need not be secret."""
    return zlib.compress(raw, 3)


def is_locked(stored: bytes) -> bool:
    return stored[:1] == _MARK


def locked(key: bytes, stored: bytes) -> bytes:
    """What is stored, sealed; what is sealed already stays as it is."""
    if is_locked(stored):
        return stored
    nonce = os.urandom(_NONCE)
    return _MARK + nonce + AESGCM(key).encrypt(nonce, stored, None)


def unlocked(key: bytes, stored: bytes) -> bytes:
    """The stored form without its seal. Raises UserError when the key is another one, or a byte was changed."""
    if not is_locked(stored):
        return stored
    try:
        return AESGCM(key).decrypt(stored[1 : 1 + _NONCE], stored[1 + _NONCE :], None)
    except InvalidTag:
        raise UserError(
            "secrets.key_file: held mail was sealed with another key; put the key file back that this database had"
        ) from None


def unpacked(key: bytes, stored: bytes) -> bytes:
    """The mail itself, sealed or not; empty when it has been destroyed."""
    return zlib.decompress(unlocked(key, stored)) if stored else b""


def lock_values(key: bytes, values: Any) -> bytes:
    """Plain values (JSON) that must not be read in the database."""
    return locked(key, zlib.compress(json.dumps(values, ensure_ascii=False).encode("utf-8", "surrogatepass"), 3))


def unlock_values(key: bytes, stored: bytes) -> Any:
    return json.loads(unpacked(key, stored).decode("utf-8", "surrogatepass"))
