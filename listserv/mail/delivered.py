"""Who a message in a mailbox was delivered to: the envelope, as far as a delivering server has written it down. Pure.

A server writes what it knows on top (RFC 5321 section 4.4: Return-Path; Delivered-To and its kin are custom), and what
stands further down came with the message and may be anybody's words. So of each field only the topmost one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from listserv.mail.address import canonical, parse_mailboxes
from listserv.mail.message import Message, every, first

MOST = 100  # recipients, as in one SMTP transaction


def recipients(message: Message, names: Sequence[str], ours: Callable[[str], bool]) -> list[str]:
    """Our addresses in the first of these fields that has any; `to` means all of To and Cc."""
    for name in names:
        values = [*every(message, "to"), *every(message, "cc")] if name == "to" else [first(message, name) or ""]
        found = dict.fromkeys(address for value in values for address in _addresses(value) if ours(address))
        if found:
            return list(found)[:MOST]
    return []


def _addresses(value: str) -> list[str]:
    return [box.address for box in parse_mailboxes(value) if canonical(box.address)]


def return_path(message: Message) -> str | None:
    """The envelope sender, "" for the null one; None when no server has written it down."""
    value = first(message, "return-path")
    if value is None:
        return None
    if not value.strip().strip("<>").strip():
        return ""
    return next(iter(_addresses(value)), None)
