"""What can go wrong between two modules, and how it is said to the other side.

Every error that crosses a module has an SMTP reply for the peer (RFC 5321 section 4.2, RFC 3463) and a private
cause for the log. `Temporary` means that the same thing may work later, `Permanent` that it never will.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply: a three-digit code, an enhanced code such as ``5.7.1``, and words for a person.

    `text` may have several lines; `str()` gives the reply as it goes over the wire, without the final CRLF.
    """

    code: int
    enhanced: str
    text: str

    @property
    def ok(self) -> bool:
        return self.code < 400

    @property
    def temporary(self) -> bool:
        return 400 <= self.code < 500

    def __str__(self) -> str:
        lines = self.text.splitlines() or [""]
        prefix = f"{self.enhanced} " if self.enhanced else ""
        out = [f"{self.code}-{prefix}{line}" for line in lines[:-1]]
        out.append(f"{self.code} {prefix}{lines[-1]}")
        return "\r\n".join(out)


class Failure(Exception):
    """Base of the two kinds of failure; `reply` is public, `cause` is for the log only."""

    def __init__(self, reply: Reply, cause: str = "") -> None:
        super().__init__(cause or reply.text)
        self.reply = reply
        self.cause = cause


class Temporary(Failure):
    """May work later: 4xx, sysexits 75."""


class Permanent(Failure):
    """Will never work as it is: 5xx."""


class UserError(Exception):
    """A mistake of the operator: the message names what was wrong, the value, and the fix. No traceback."""
