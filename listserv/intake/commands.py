"""What stands after MAIL FROM:, RCPT TO: and XFORWARD: arguments of SMTP commands into values, or a refusal. Pure.

RFC 5321 section 4.1.2 (paths, source routes ignored), RFC 1870 (SIZE), RFC 6152 (BODY), RFC 6531 (SMTPUTF8). What
comes out of here is safe to put into a header or into another SMTP session: no control character, no space outside
of a quoted string, nothing over its limit.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from listserv.errors import Reply
from listserv.intake import replies

HELO_NAME = re.compile(r"[\w.:\[\]+-]{1,255}")

_ATOM = r"[^\x00-\x20\x7f-\x9f\"(),.:;<>@\[\\\]\ud800-\udfff]+"
_LOCAL = rf"{_ATOM}(?:\.{_ATOM})*|\"(?:[^\x00-\x1f\x7f-\x9f\"\\\ud800-\udfff]|\\[\x20-\x7e])*\""
_LITERAL = r"\[[0-9A-Za-z.:-]{1,64}\]"
_DOMAIN = rf"[\w](?:[\w-]*[^\W_])?(?:\.[\w](?:[\w-]*[^\W_])?)*|{_LITERAL}"
_ADDRESS = re.compile(rf"(?P<local>{_LOCAL})@(?P<domain>{_DOMAIN})")
_ROUTE = re.compile(rf"@(?:{_DOMAIN})(?:,@(?:{_DOMAIN}))*:")
_QUOTED = r"\"(?:[^\"\\]|\\.)*\""
_PATH = re.compile(rf"\s*<(?P<path>(?:[^<>\"]|{_QUOTED})*)>(?P<rest>| .*)\Z", re.DOTALL)
_XTEXT = re.compile(r"\+([0-9A-F]{2})")


@dataclass(frozen=True, slots=True)
class Sender:
    """MAIL: the envelope sender, empty for the null sender, and what was declared about the message."""

    address: str
    size: int
    smtputf8: bool


@dataclass(frozen=True, slots=True)
class Forwarded:
    """XFORWARD: who our own mail server got the message from; empty where it does not know."""

    ip: str
    helo: str


def sender(argument: str, *, extended: bool) -> Sender | Reply:
    """Reads what follows ``MAIL``; parameters only after EHLO or LHLO."""
    split = _split(argument, "FROM:")
    if split is None:
        return replies.MAIL_SYNTAX
    path, rest = split
    size, smtputf8, seen = 0, False, set[str]()
    for word in rest.split():
        name, equals, value = word.partition("=")
        name = name.upper()
        if not extended or name not in {"SIZE", "BODY", "SMTPUTF8"}:
            return replies.UNKNOWN_PARAMETER
        if name in seen:
            return replies.BAD_PARAMETER
        seen.add(name)
        if name == "SIZE":
            if not (value.isascii() and value.isdigit() and len(value) <= 20):
                return replies.BAD_PARAMETER
            size = int(value)
        elif name == "BODY":
            if value.upper() not in {"7BIT", "8BITMIME"}:
                return replies.BAD_PARAMETER
        elif equals:
            return replies.BAD_PARAMETER
        else:
            smtputf8 = True
    if path == "":
        return Sender("", size, smtputf8)
    checked = _address(path, smtputf8, replies.BAD_SENDER)
    return checked if isinstance(checked, Reply) else Sender(checked, size, smtputf8)


def recipient(argument: str, *, smtputf8: bool) -> str | Reply:
    """Reads what follows ``RCPT``; postmaster may come without domain (RFC 5321 section 4.5.1)."""
    split = _split(argument, "TO:")
    if split is None:
        return replies.RCPT_SYNTAX
    path, rest = split
    if rest.strip():
        return replies.UNKNOWN_PARAMETER
    if path.lower() == "postmaster":
        return "postmaster"
    return _address(path, smtputf8, replies.BAD_RECIPIENT)


def forwarded(argument: str, known: Forwarded | None) -> Forwarded | Reply:
    """Reads attributes of Postfix's XFORWARD, values in xtext, on top of those that came in an earlier command."""
    ip, helo = (known.ip, known.helo) if known else ("", "")
    words = argument.split()
    for word in words:
        name, _, value = word.partition("=")
        if name.upper() not in {"NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"} or not value:
            return replies.BAD_XFORWARD
        value = _XTEXT.sub(lambda hexa: chr(int(hexa[1], 16)), value)
        if value.upper() in {"[UNAVAILABLE]", "[TEMPUNAVAIL]"}:
            continue
        if name.upper() == "ADDR":
            try:
                ip = str(ipaddress.ip_address(value[5:] if value.upper().startswith("IPV6:") else value))
            except ValueError:
                return replies.BAD_XFORWARD
        elif name.upper() == "HELO":
            helo = value if HELO_NAME.fullmatch(value) else ""
    return Forwarded(ip, helo) if words else replies.BAD_XFORWARD


def _split(argument: str, keyword: str) -> tuple[str, str] | None:
    """The path between the angle brackets, and what follows."""
    if argument[: len(keyword)].upper() != keyword:
        return None
    found = _PATH.match(argument, len(keyword))
    return (found["path"], found["rest"]) if found else None


def _address(path: str, smtputf8: bool, bad: Reply) -> str | Reply:
    route = _ROUTE.match(path)
    if route:
        path = path[route.end() :]
    found = _ADDRESS.fullmatch(path)
    if found is None:
        return bad
    if not path.isascii() and not smtputf8:
        return replies.NEEDS_SMTPUTF8
    if len(found["local"].encode()) > 64 or len(found["domain"].encode()) > 255:
        return bad
    return path
