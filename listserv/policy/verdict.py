"""The values that a decision is made from and made of: Facts in, Verdict out.

Facts hold plain values only; a lazy relationship of a row would be hidden I/O. The stage `intake.accept` gathers
them, `policy.rules.decide` reads them, and the verdict is stored with the post.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from listserv.policy.screening.finding import Finding


class Action(StrEnum):
    """What becomes of a post; the order of severity is that of `policy.rules.decide`."""

    ACCEPT = "accept"  # distribute it
    HOLD = "hold"  # a moderator decides
    CONFIRM = "confirm"  # its author is asked something first
    REJECT = "reject"  # refused with words
    DISCARD = "discard"  # dropped without a word; only the envelope is kept


@dataclass(frozen=True, slots=True)
class Author:
    """What is known of the person whose address stands in From, for one list, at one moment."""

    person: int
    name: str
    status: str  # model.people.Status
    verified: bool  # registration valid today, or the community asks for none
    terms_agreed: bool  # to the current version, or there are no terms
    subscribed: bool
    moderator: bool  # moderator or owner of this list
    trusted: bool  # no newcomer by decision
    moderated: bool  # each post of this member is held
    approved_posts: int


@dataclass(frozen=True, slots=True)
class Facts:
    """All that may influence the decision on one message for one list."""

    now: datetime
    list_name: str
    list_address: str
    own_domain: str
    # the message
    size: int
    max_size: int
    authors: tuple[str, ...]  # addresses of all mailboxes of all From fields, canonical
    pretends: str  # whom the display name shows instead of the author, in words
    automatic: str | None  # why no human wrote it, in words
    own_list_id: bool  # it already carries a List-Id of ours
    hops: int  # Received fields
    addressed: bool  # To or Cc names this list (or the hub)
    header_recipients: int  # mailboxes in To and Cc
    doubled_fields: tuple[str, ...]  # single fields that occur more than once
    only_command: str | None  # its whole text is this command
    dangerous: tuple[str, ...]  # names of attachments that may carry a program
    # what is known around it
    proven: bool  # an aligned proof of the sender, or `unverified: accept`
    unverified: str  # the setting authentication.unverified
    author: Author | None
    own_address: bool  # From is an address of listserv itself
    topic_missing: bool  # sent to the hub, no topic named
    topics: tuple[str, ...]
    collision: bool  # this Message-ID was posted before with another text
    over_rate: bool
    list_over_rate: bool
    posting: str
    moderation: str
    emergency: bool
    screening: str = "off"  # of the list: clinical, general or off
    findings: tuple[Finding, ...] = ()  # what the screen found
    repeats_recalled: bool = False  # it answers a message that was taken back, and repeats its words
    approved: bool = False  # a moderator approved it: switches off HOLD, never STOP


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a rule hit. `text` is for moderators, `advice` for the author: why, and what to do."""

    code: str
    text: str
    advice: str
    action: Action
    enhanced: str = "5.7.1"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision, with every rule that hit or missed in the order they were asked."""

    action: Action
    reasons: tuple[Reason, ...]
    hits: tuple[str, ...]
    misses: tuple[str, ...]

    @property
    def codes(self) -> list[str]:
        return [reason.code for reason in self.reasons]
