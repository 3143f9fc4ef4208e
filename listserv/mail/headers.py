"""The one writer of header fields: nothing that enters here can begin a field of its own.

Every field that we add to a post or write in a mail of ours passes here. RFC 5322 sections 2.1.1 and 2.2.3 (folding),
RFC 2047 (encoded words of at most 75 characters, no character split between two of them).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

_NAME = re.compile(r"[!-9;-~]{1,70}\Z")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*\Z")
_NOT_IN_ADDRESS = re.compile(r"[\s<>(),;:\\\"\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_QUOTED_LOCAL = re.compile(r'"(?:[ !#-;=?-\[\]-~]|\\[ -;=?-~])*"@[^\s<>(),;:\\"@]+\Z')
_LITERAL = re.compile(r"[^\s<>(),;:\\\"@]+@\[(?:IPv6:)?[0-9A-Fa-f:.]+\]\Z")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
WIDTH = 78
LONGEST = 900  # octets of what cannot be folded; 998 is the end (RFC 5322 section 2.1.1)


def _clean(value: str) -> str:
    return _UNSAFE.sub(" ", value).strip(" ")


def _q(data: bytes) -> str:
    return "".join(chr(octet) if octet in _PLAIN else "_" if octet == 32 else f"={octet:02X}" for octet in data)


def _words(text: str, first: int = 60) -> list[str]:
    """The text as encoded words, the shorter of Q and B; the first one at most `first` characters long, others 75."""
    data = text.encode("utf-8")
    q = len(_q(data)) <= 4 * len(data) / 3 + 4
    words: list[str] = []
    chunk, room = b"", max(first, 30) - 12
    for character in text:
        octets = character.encode("utf-8")
        grown = chunk + octets
        if chunk and (len(_q(grown)) if q else (len(grown) + 2) // 3 * 4) > room:
            words.append(_q(chunk) if q else base64.b64encode(chunk).decode())
            grown, room = octets, 63
        chunk = grown
    if chunk:
        words.append(_q(chunk) if q else base64.b64encode(chunk).decode())
    return [f"=?utf-8?{'q' if q else 'b'}?{word}?=" for word in words]


def _fold(name: str, tokens: Sequence[str]) -> bytes:
    lines = [f"{name}:"]
    for token in tokens:
        if len(lines[-1]) + 1 + len(token.encode("utf-8")) > WIDTH and lines[-1] not in (f"{name}:", ""):
            lines.append("")
        lines[-1] += f" {token}"
    return "\r\n".join(lines).encode("utf-8") + b"\r\n"


def _check(name: str) -> None:
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is no name of a header field")


def field(name: str, value: str) -> bytes:
    """An unstructured field; controls and line ends in the value become blanks. Raises ValueError for a bad name."""
    _check(name)
    text = _clean(value)
    if text.isascii() and "=?" not in text and all(len(token) <= LONGEST for token in text.split(" ")):
        return _fold(name, _spaced(text))
    return _fold(name, _words(text, 76 - len(name) - 2))


def _spaced(text: str) -> list[str]:
    """Tokens to fold between; a run of blanks stays in front of the word that it precedes, if it is short."""
    return [token[1:] if token.startswith(" ") else token for token in re.findall(r" {0,40}[^ ]+", text)]


def encode_phrase(name: str) -> str:
    """A display name: atoms, a quoted string, or encoded words; "" stays empty."""
    text = " ".join(_clean(name).split())
    if not text.isascii() or "=?" in text or any(len(token) > 70 for token in text.split(" ")):
        return " ".join(_words(text))
    if _ATOMS.match(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _safe_address(address: str) -> str:
    """The address without anything that could make two of it."""
    if _QUOTED_LOCAL.match(address) or _LITERAL.match(address):
        return address
    return _NOT_IN_ADDRESS.sub("", address)


def address_field(name: str, mailboxes: Sequence[tuple[str, str]]) -> bytes:
    """A field of (display name, address) pairs; only the names are encoded. Raises ValueError for a bad name."""
    _check(name)
    tokens: list[str] = []
    pairs = [(encode_phrase(person), _safe_address(address)) for person, address in mailboxes]
    pairs = [(phrase, address) for phrase, address in pairs if 0 < len(address) <= LONGEST]
    for number, (phrase, address) in enumerate(pairs, 1):
        comma = "," if number < len(pairs) else ""
        tokens += phrase.split(" ") if phrase else []
        tokens.append(f"<{address}>{comma}" if phrase else f"{address}{comma}")
    return _fold(name, tokens)


def ids_field(name: str, ids: Sequence[str]) -> bytes:
    """Message-IDs, one after the other. Raises ValueError for a bad name."""
    _check(name)
    clean = (re.sub(r"[^!-~]", "", one) for one in ids)
    return _fold(name, [one for one in clean if 0 < len(one) <= LONGEST])
