"""Who is this, and what proves it: the second step in the way of a post.

So far nothing is proved here: SPF, DKIM and DMARC come with the next capability. Until then a sender counts as
proven only where the operator wrote `authentication.unverified: accept`, and that is what the proof says.
"""

from __future__ import annotations

from dataclasses import dataclass

from listserv.settings import Settings


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proved about the sender of one message, and by what (stored with the post, shown in notices)."""

    proven: bool
    by: str


def authenticate(settings: Settings) -> Proof:
    """The proof for a message from outside."""
    if settings.authentication.unverified == "accept":
        return Proof(True, "accepted without proof (authentication.unverified: accept)")
    return Proof(False, "nothing was checked")
