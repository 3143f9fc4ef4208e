"""Authentication-Results: the one header of our own mail server that is believed, and the one that we write.

RFC 8601, read by authres. Only the topmost field counts, only with a configured authserv-id, and only when the
message came from a trusted peer; whatever else claims to be one is a stranger's words (section 5) and leaves no trace.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import authres

from listserv.mail.address import split
from listserv.mail.headers import field
from listserv.mail.message import Message


@dataclass(frozen=True, slots=True)
class Finding:
    """One method of such a field: `domain` is what it is about (header.d, smtp.mailfrom, header.from)."""

    method: str
    result: str
    domain: str


def findings(text: str) -> tuple[str, list[Finding]]:
    """authserv-id and what the field says; ("", []) when it cannot be read."""
    try:
        header = authres.AuthenticationResultsHeader.parse_value(text)
        found = [_finding(result) for result in header.results or ()]
        return str(header.authserv_id or "").lower(), [one for one in found if one is not None]
    except Exception:  # authres raises whatever its reading stumbles over
        return "", []


def _finding(result: object) -> Finding | None:
    method = str(getattr(result, "method", "")).lower()
    wanted = {"dkim": "d", "spf": "mailfrom", "dmarc": "from", "arc": ""}
    if method not in wanted:
        return None
    for prop in getattr(result, "properties", None) or ():
        if str(prop.name).lower() == wanted[method]:
            value = str(prop.value).strip().lower()
            return Finding(method, str(result.result).lower(), split(value)[1] or value)  # type: ignore[attr-defined]
    return Finding(method, str(result.result).lower(), "")  # type: ignore[attr-defined]


def trusted(message: Message, ids: Collection[str]) -> tuple[str, list[Finding]]:
    """What our own mail server found: the topmost field, if it has one of its names. Else ("", [])."""
    if not ids:
        return "", []
    top = next((f for f in message.fields if f.key == b"authentication-results"), None)
    if top is None:
        return "", []
    name, found = findings(top.value.decode("utf-8", "replace"))
    return (name, found) if name in {known.lower() for known in ids} else ("", [])


def written(domain: str, results: Iterable[Finding]) -> bytes:
    """Our own field for the copies of a post. Domains only: whose mailbox it was is nobody's business."""
    properties = {"dkim": "header.d", "spf": "smtp.mailfrom", "dmarc": "header.from", "arc": ""}
    parts = []
    for one in results:
        prop = properties[one.method]
        about = f" {prop}={one.domain}" if prop and one.domain else ""
        parts.append(f"{one.method}={one.result}{about}")
    return field("Authentication-Results", "; ".join([domain, *(parts or ["none"])]))
