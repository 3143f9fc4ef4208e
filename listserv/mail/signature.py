"""Our DKIM signatures: what all copies of a post share is hashed once, a copy costs one signature over its few fields.

RFC 6376, RFC 8301 (rsa-sha256), RFC 8463 (ed25519-sha256); canonicalisation is dkimpy's. The unsubscribe fields of a
recipient are signed (RFC 8058 section 4), so every copy has a signature of its own: they stand last in `h=`, and the
state of the hash before them is kept. Pure: keys are given by `signing`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from dkim.canonicalization import Relaxed

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]
PERSONAL = ("list-unsubscribe", "list-unsubscribe-post")
ONCE_MORE = ("from", "subject", "reply-to", "to", "cc")
"""Signed once more than they are there, so that nobody can add one (RFC 6376 section 8.15)."""
SIGNED = (
    "from", "sender", "author", "reply-to", "subject", "date", "message-id", "to", "cc", "in-reply-to", "references",
    "mime-version", "content-type", "content-transfer-encoding", "auto-submitted", "archived-at", "list-id",
    "list-post", "list-help", "list-owner", "list-subscribe", "list-archive",
)  # fmt: skip
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n)")
_B64_LINE = 70


@dataclass(frozen=True, slots=True)
class Key:
    """A private key as it signs: `sign` takes a SHA-256 digest and gives the signature."""

    selector: str
    algorithm: Algorithm
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class _Begun:
    """One key's work on one message: its field up to `b=`, and the hash of the shared fields."""

    key: Key
    field: bytes  # as it is sent, without the signature
    canonical: bytes  # as it is hashed
    state: hashlib._Hash


class Signable:
    """A message prepared for any number of signatures. `personal`: unsubscribe fields will stand in front of it."""

    __slots__ = ("_begun",)

    def __init__(
        self, head: bytes, body: bytes, keys: Sequence[Key], domain: str, seconds: int, *, personal: bool
    ) -> None:
        digest = hashlib.sha256(Relaxed.canonicalize_body(body)).digest()
        shared, names = _select(head)
        if personal:
            names = [*names, *PERSONAL, *PERSONAL]  # each once more than it is there
        self._begun = [_begin(key, shared, names, digest, domain, seconds) for key in keys]

    def sign(self, personal: bytes = b"") -> bytes:
        """The DKIM-Signature fields of one copy, to stand on top of it. Costs one private operation a key."""
        fields = canonical_fields(personal)
        # From the bottom up, as h= names them: the last field of a name is the first one that is signed.
        own = b"".join(fields[name] for name in PERSONAL if name in fields)
        return b"".join(_finish(begun, own) for begun in self._begun)


def canonical_fields(head: bytes) -> dict[str, bytes]:
    """The relaxed form of each field of a short header, by lower-case name; of a repeated one the last."""
    return {name.lower().decode("latin-1"): _relaxed(name, value) for name, value in _FIELD.findall(head)}


def _relaxed(name: bytes, value: bytes) -> bytes:
    """RFC 6376 section 3.4.2."""
    text = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip()
    return name.lower().rstrip() + b":" + text + b"\r\n"


def _select(head: bytes) -> tuple[bytes, list[str]]:
    """The fields that are signed, in canonical form and in the order of `h=`, and that list of names."""
    there: dict[str, list[bytes]] = {}
    for name, value in _FIELD.findall(head):
        there.setdefault(name.lower().decode("latin-1"), []).append(_relaxed(name, value))
    signed: list[bytes] = []
    names: list[str] = []
    for name in SIGNED:
        found = there.get(name, [])
        signed += reversed(found)
        names += [name] * (len(found) + (name in ONCE_MORE))
    return b"".join(signed), names


def _begin(key: Key, shared: bytes, names: Sequence[str], digest: bytes, domain: str, seconds: int) -> _Begun:
    tags = [
        "v=1", f"a={key.algorithm}", "c=relaxed/relaxed", f"d={domain}", f"s={key.selector}", f"t={seconds}",
        "h=" + ":".join(names), f"bh={base64.b64encode(digest).decode()}", "b=",
    ]  # fmt: skip
    field = _folded(tags)
    name, _, value = field.partition(b":")
    canonical = _relaxed(name, value).removesuffix(b"\r\n")
    return _Begun(key, field, canonical, hashlib.sha256(shared))


def _folded(tags: Sequence[str]) -> bytes:
    """The field with lines of at most 78 characters, broken between tags and between the names of `h=`."""
    lines = ["DKIM-Signature:"]
    for number, tag in enumerate(tags):
        end = ";" if number < len(tags) - 1 else ""
        pieces = [f"{piece}:" for piece in tag.split(":")]
        pieces[-1] = pieces[-1][:-1] + end
        for first, piece in enumerate(pieces):
            gap = " " if not first else ""
            if len(lines[-1]) + len(gap) + len(piece) > 78:
                lines.append("")
                gap = " "
            lines[-1] += gap + piece
    if len(lines[-1]) > 10:  # the signature begins on a line of its own
        lines[-1] = lines[-1].removesuffix(" b=")
        lines.append(" b=")
    return "\r\n".join(lines).encode("ascii")


def _finish(begun: _Begun, own: bytes) -> bytes:
    state = begun.state.copy()
    state.update(own + begun.canonical)
    text = base64.b64encode(begun.key.sign(state.digest()))
    lines = [text[i : i + _B64_LINE] for i in range(0, len(text), _B64_LINE)]
    return begun.field + b"\r\n ".join(lines) + b"\r\n"
