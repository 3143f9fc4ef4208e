"""Posts: the raw message, what became of it, who decided, what was refused, what we failed on.

`PostState` is the state machine of docs/states.md. A message is stored once, compressed; a post is that message on
one list, so that a message to three lists is three posts.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from listserv.model.columns import UtcTime, Word


class PostState(StrEnum):
    """Each change is one commit; see docs/states.md for who makes it and when."""

    RECEIVED = "received"  # stored, not decided (only inside the instant of acceptance)
    ACCEPTED = "accepted"  # to be distributed, at `release_at`
    HELD = "held"  # waits for a moderator
    RETURNED = "returned"  # back with its author for a change
    CONFIRMING = "confirming"  # its author was asked something
    REJECTED = "rejected"  # refused by a moderator, the author told why
    DISCARDED = "discarded"  # dropped by a moderator
    WITHDRAWN = "withdrawn"  # taken back by its author
    EXPIRED = "expired"  # nobody answered in time, the author told
    QUARANTINED = "quarantined"  # we failed on it
    RELEASED = "released"  # its delivery rows exist
    RECALLED = "recalled"  # taken back after its release


OPEN = (PostState.HELD, PostState.RETURNED, PostState.CONFIRMING, PostState.ACCEPTED, PostState.RELEASED)
"""States in which the same message again is a duplicate; after a refusal it may be sent anew."""


class Message(SQLModel, table=True):
    """The bytes as they were accepted (CRLF line ends), compressed; sealed while a post of them waits (`vault`)."""

    id: int | None = Field(default=None, primary_key=True)
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    size: int
    received_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class Post(SQLModel, table=True):
    """A message on one list (or on the hub, until its topic is known).

    `duplicate_key` is set while the post is in one of the OPEN states and unique, so that the same message cannot be
    accepted twice for a list, not even by two machines. `origin_id` is the first post made of the same message: who
    is on several of its lists gets one copy per origin.
    """

    __table_args__ = (
        UniqueConstraint("duplicate_key", "list_name"),
        Index("ix_post_message_id", "message_id_header", "list_name"),
        Index("ix_post_tag", "tag", "list_name"),
        Index("ix_post_work", "state", "release_at"),
        Index("ix_post_rate", "person_id", "received_at"),
        Index("ix_post_list_rate", "list_name", "received_at"),
        Index("ix_post_released", "released_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="message.id", index=True)
    origin_id: int | None = Field(default=None, index=True)
    list_name: str
    person_id: int | None = Field(default=None, foreign_key="person.id", ondelete="SET NULL")
    state: PostState = Field(sa_column=Column(Word(PostState), nullable=False))
    envelope_sender: str
    from_address: str
    from_name: str = ""
    subject: str = ""
    message_id_header: str
    content_hash: str
    tag: str = ""  # what it is called in the archive (mail.threads.tag_of), one of a kind in its list
    thread: str = ""  # the tag of LIST+t.TAG, when it was sent to a thread's own address
    imported: bool = False  # came from an mbox: it was never distributed by us
    duplicate_key: str | None = None
    proof: str = ""
    auth: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # authenticate.Proof
    sent_as: str = ""  # whose From the copies have, and why; written at the release
    peer: str = ""
    reasons: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    rules: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    notified: bool = False  # the notices that this state asks for are in the outbox
    received_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    state_since: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    screened: bytes | None = Field(default=None, sa_column=Column(LargeBinary))  # policy.screening.Screened, sealed
    original_id: int | None = Field(default=None, index=True)  # the message as it came, before a change
    changed: str = ""  # "redacted" by moderators, "asked" for by its author or "revised" by them; "revised redacted"
    author_note: str = ""  # what the author said to the moderators
    urgent: bool = False  # somebody may be in danger
    claimed_by: int | None = None  # the person who said that they see to it
    returns: int = 0  # how often it was with its author
    return_by: datetime | None = Field(default=None, sa_column=Column(UtcTime))  # RETURNED: until when
    reminded: int = 0  # reminders so far, since it is held
    remind_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))  # the next one
    wider_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))  # when those not on call are told
    release_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    released_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    copies: int = 0


class Decision(SQLModel, table=True):
    """Somebody decided on a post. Only the one who moved it out of HELD has written one."""

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(foreign_key="post.id", index=True)
    verb: str
    person_id: int | None = Field(default=None, foreign_key="person.id", ondelete="SET NULL")
    decided_by: str  # the name as others are told it
    channel: str  # mail | shell
    proof: str = ""
    reason: str = ""
    decided_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    undone_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class Purpose(StrEnum):
    MODERATE = "moderate"
    TOPIC = "topic"
    LEFT = "left"
    SENDER = "sender"
    LOGIN = "login"
    EDITION = "edition"
    DIGEST = "digest"
    APPLY = "apply"
    VERIFY = "verify"
    TERMS = "terms"
    ADDRESS = "address"
    RETURNED = "returned"


class ArrivalState(StrEnum):
    """What becomes of a message whose sender is not proven; see docs/states.md."""

    WAITING = "waiting"  # accepted, not looked at: whether its author is a member is not known yet
    ASKED = "asked"  # its author was asked whether it is theirs
    CONFIRMED = "confirmed"  # it is: the message went on as if it had been proven
    WITHDRAWN = "withdrawn"  # it is not, or they took it back
    EXPIRED = "expired"  # nobody answered in time, the author told
    SETTLED = "settled"  # decided without a question


class Arrival(SQLModel, table=True):
    """A message whose sender is not proven, exactly as it came. `raw` goes as soon as it is settled.

    Everything unproven waits here first, whoever it is from, so that neither the reply nor its time can tell a
    member from a stranger.
    """

    __table_args__ = (Index("ix_arrival_state", "state", "state_since"),)

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(index=True)  # posts.duplicate_key: the same message in another transaction is asked about once
    raw: bytes | None = Field(default=None, sa_column=Column(LargeBinary))  # sealed
    screened: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    size: int
    envelope_sender: str
    ip: str
    helo: str
    protocol: str
    recipients: list[str] = Field(sa_column=Column(JSON, nullable=False))
    from_address: str
    message_id_header: str = Field(index=True)
    person_id: int | None = Field(default=None, foreign_key="person.id", ondelete="SET NULL", index=True)
    proof: str
    auth: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    state: ArrivalState = Field(sa_column=Column(Word(ArrivalState), nullable=False))
    received_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    state_since: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class Token(SQLModel, table=True):
    """A one-shot token, stored hashed (tokens.stored), for one person and one question."""

    id: int | None = Field(default=None, primary_key=True)
    hash: str = Field(unique=True)
    purpose: Purpose = Field(sa_column=Column(Word(Purpose), nullable=False))
    person_id: int | None = Field(default=None, foreign_key="person.id", ondelete="CASCADE")  # None: an applicant
    post_id: int | None = Field(default=None, foreign_key="post.id", index=True)
    subscription_id: int | None = Field(default=None, foreign_key="subscription.id", ondelete="CASCADE")
    arrival_id: int | None = Field(default=None, foreign_key="arrival.id", ondelete="CASCADE", index=True)
    issue_id: int | None = None
    edition_id: int | None = None
    application_id: int | None = None
    about: str = ""
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class Refusal(SQLModel, table=True):
    """The envelope of mail that was refused or dropped; kept for 30 days, never the message."""

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False, index=True))
    list_name: str
    envelope_sender: str
    from_address: str
    peer: str
    message_id_header: str = Field(index=True)
    action: str
    reasons: str
    reply: str


class QuarantineState(StrEnum):
    WAITING = "waiting"
    RETRIED = "retried"


class Quarantine(SQLModel, table=True):
    """A message on which listserv itself failed: one row per content and recipients, retried by command."""

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    size: int
    envelope_sender: str
    recipients: list[str] = Field(sa_column=Column(JSON, nullable=False))
    peer: str
    helo: str
    protocol: str
    post_id: int | None = None
    stage: str
    error: str
    state: QuarantineState = Field(
        default=QuarantineState.WAITING, sa_column=Column(Word(QuarantineState), nullable=False)
    )
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class Emergency(SQLModel, table=True):
    """Emergency moderation of a list, or of all ("community"), until a time."""

    id: int | None = Field(default=None, primary_key=True)
    list_name: str = Field(unique=True)
    until: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    reason: str = ""
    begun_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    begun_by: str = ""
