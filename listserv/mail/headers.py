"""The one writer of header fields: nothing that enters here can begin a field of its own.

RFC 5322 section 2.1.1 and 2.2.3 (folding), RFC 2047 (encoded words of at most 75 characters, no split characters).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

_NAME = re.compile(r"[!-9;-~]{1,70}\Z")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*\Z")
WIDTH = 78
_CHUNK = 45  # octets of UTF-8 in one encoded word: 12 + 4 * 45 / 3 = 72 characters


def _clean(value: str) -> str:
    return " ".join(_UNSAFE.sub(" ", value).split(" ")).strip()


def _words(text: str) -> list[str]:
    """The text as encoded words."""
    words, chunk = [], b""
    for character in text:
        octets = character.encode("utf-8")
        if len(chunk) + len(octets) > _CHUNK:
            words.append(chunk)
            chunk = b""
        chunk += octets
    return [f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in (*words, chunk) if word]


def _fold(name: str, tokens: Sequence[str]) -> bytes:
    lines = [f"{name}:"]
    for token in tokens:
        while len(token) > 900:
            lines.append(f" {token[:900]}")
            token = token[900:]
        if len(lines[-1]) + 1 + len(token) > WIDTH and lines[-1] != f"{name}:" and lines[-1].strip():
            lines.append("")
        lines[-1] += f" {token}"
    return "\r\n".join(lines).encode("ascii", "replace") + b"\r\n"


def _check(name: str) -> None:
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is no name of a header field")


def field(name: str, value: str) -> bytes:
    """An unstructured field; controls and line ends in the value become blanks."""
    _check(name)
    text = _clean(value)
    looks_encoded = "=?" in text
    if text.isascii() and not looks_encoded:
        return _fold(name, [token for token in text.split(" ") if token])
    return _fold(name, _words(text))


def encode_phrase(name: str) -> str:
    """A display name: atoms, a quoted string, or encoded words."""
    text = " ".join(_clean(name).split())
    if not text.isascii() or "=?" in text:
        return " ".join(_words(text))
    if _ATOMS.match(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def address_field(name: str, mailboxes: Sequence[tuple[str, str]]) -> bytes:
    """A field of addresses; only the names are encoded."""
    _check(name)
    tokens: list[str] = []
    for number, (person, address) in enumerate(mailboxes):
        comma = "," if number < len(mailboxes) - 1 else ""
        safe = re.sub(r"[\s<>\x00-\x1f\x7f-\x9f]", "", address)
        phrase = encode_phrase(person)
        tokens += phrase.split(" ") if phrase else []
        tokens.append(f"<{safe}>{comma}" if phrase else f"{safe}{comma}")
    return _fold(name, tokens)


def ids_field(name: str, ids: Sequence[str]) -> bytes:
    """Message-IDs, one after the other."""
    _check(name)
    return _fold(name, [re.sub(r"[\s\x00-\x1f\x7f-\x9f]", "", one) for one in ids])
