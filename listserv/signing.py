"""The keys with which we sign what we send: read from PEM files, made by `listserv dkim keygen`, told to DNS.

RSA (PKCS#1 and PKCS#8) and Ed25519, by the `cryptography` package: OpenSSL signs in C and lets other threads run.
"""

from __future__ import annotations

import base64
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa, utils

from listserv.errors import UserError
from listserv.mail.signature import Algorithm, Key
from listserv.settings import Settings

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
BITS = 2048
SELECTOR = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_PREHASHED = utils.Prehashed(hashes.SHA256())
_PADDING = padding.PKCS1v15()


@dataclass(frozen=True, slots=True)
class Signer:
    """All that is needed to sign for our domain. `slow`: a signature costs so much that it belongs in a thread."""

    domain: str
    keys: tuple[Key, ...]
    seal: tuple[str, bytes] | None  # selector and PEM of the key that closes ARC sets, when they are wanted

    @property
    def slow(self) -> bool:
        return any(key.algorithm == "rsa-sha256" for key in self.keys)


def signer(settings: Settings) -> Signer | None:
    """The signer of these settings, None when nothing is signed. Raises UserError that names setting and fix."""
    given = settings.dkim
    if given is None:
        return None
    keys = [_key("dkim", given.selector, given.key_file)]
    if given.second is not None:
        keys.append(_key("dkim.second", given.second.selector, given.second.key_file))
        if keys[0].algorithm == keys[1].algorithm:
            raise UserError(
                f"dkim.second: both keys are {keys[0].algorithm}; a second signature is for the other kind of key"
            )
    seal = None
    if given.arc_seal:
        if keys[0].algorithm != "rsa-sha256":
            raise UserError("dkim.arc_seal: ARC wants an RSA key in dkim.key_file (RFC 8617); make one with keygen")
        seal = (given.selector, _pkcs1(load(given.key_file, "dkim")))
    return Signer(settings.domain, tuple(keys), seal)


def load(path: Path, setting: str) -> PrivateKey:
    """A private key from a PEM file. Raises UserError that names the setting and the fix."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{setting}.key_file: {path} cannot be read: {error.strerror}") from error
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{setting}.key_file: {path} is no private key in PEM form without a password; "
            "`listserv dkim keygen` makes one"
        ) from error
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < 1024:
            raise UserError(f"{setting}.key_file: {path} has {key.key_size} bits; nobody believes fewer than 1024")
        return key
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    raise UserError(f"{setting}.key_file: {path} is neither an RSA nor an Ed25519 key")


def is_private(path: Path) -> bool:
    """Whether nobody else can read the key."""
    return not stat.S_IMODE(path.stat().st_mode) & 0o077


def _key(setting: str, selector: str, path: Path) -> Key:
    key = load(path, setting)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Key(selector, "ed25519-sha256", key.sign)

    def sign(digest: bytes) -> bytes:
        return key.sign(digest, _PADDING, _PREHASHED)

    return Key(selector, "rsa-sha256", sign)


def _pkcs1(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def public(key: PrivateKey) -> tuple[str, str]:
    """The kind of a key as DNS writes it, and its public half in base64 (RFC 6376 3.6.1, RFC 8463 section 4)."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return "ed25519", base64.b64encode(raw).decode()
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "rsa", base64.b64encode(der).decode()


def record(key: PrivateKey) -> str:
    """The text of the TXT record that publishes a key."""
    kind, text = public(key)
    return f"v=DKIM1; k={kind}; p={text}"


def zone_line(name: str, text: str) -> str:
    """The record as a line of a zone file, in strings of at most 255 octets (RFC 1035 section 3.3)."""
    parts = " ".join(f'"{text[i : i + 250]}"' for i in range(0, len(text), 250))
    return f"{name}. IN TXT ( {parts} )"


def publishes(text: str, key: PrivateKey) -> bool:
    """Whether a TXT record publishes this very key."""
    tags = dict(part.strip().partition("=")[::2] for part in text.split(";") if "=" in part)
    found = {name.strip(): "".join(value.split()) for name, value in tags.items()}
    kind, wanted = public(key)
    if found.get("k", "rsa") != kind:
        return False
    if found.get("p") == wanted:
        return True
    if kind != "rsa" or not isinstance(key, rsa.RSAPrivateKey):
        return False
    bare = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    return found.get("p") == base64.b64encode(bare).decode()


def make(path: Path, algorithm: Algorithm) -> PrivateKey:
    """A new key in a new file of mode 600 (PKCS#8). Raises UserError; never overwrites."""
    key: PrivateKey
    if algorithm == "ed25519-sha256":
        key = ed25519.Ed25519PrivateKey.generate()
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UserError(f"dkim keygen: {path} exists already, and no key is ever overwritten") from None
    except OSError as error:
        raise UserError(f"dkim keygen: {path} cannot be written: {error.strerror}") from error
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    return key
