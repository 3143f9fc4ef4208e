"""The outbox: one row per copy and recipient. The rows are the queue; there is no second queue.

`DeliveryState` is the state machine of docs/states.md. A row is claimed for a while by a lease, so that two
machines never send the same row.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from listserv.model.columns import UtcTime, Word


class DeliveryState(StrEnum):
    PENDING = "pending"  # to be sent now
    DEFERRED = "deferred"  # the relay said "later"; PENDING again at next_attempt
    SENT = "sent"  # the relay took it
    FAILED = "failed"  # refused for good, or five days of trying are over
    SUPPRESSED = "suppressed"  # not to be sent any more (left, recalled)


WAITING = (DeliveryState.PENDING, DeliveryState.DEFERRED)


class DeliveryKind(StrEnum):
    NOTICE = "notice"
    POST = "post"


class Notice(SQLModel, table=True):
    """A mail that listserv wrote itself, ready to be sent but for the envelope sender."""

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(index=True)
    list_name: str
    person_id: int | None = Field(default=None, foreign_key="person.id", ondelete="SET NULL", index=True)
    post_id: int | None = Field(default=None, index=True)
    recipient: str
    subject: str
    message_id_header: str
    verp: bool  # our own accord: VERP; an answer to mail: the null return path
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False, index=True))


class Delivery(SQLModel, table=True):
    """One copy for one recipient. `origin_id` and `person_id` are unique together: one copy per person."""

    __table_args__ = (
        UniqueConstraint("origin_id", "person_id"),
        Index(
            "ix_delivery_due",
            "priority",
            "next_attempt",
            "id",
            sqlite_where=text("state IN ('pending', 'deferred')"),
            postgresql_where=text("state IN ('pending', 'deferred')"),
        ),
        Index("ix_delivery_post", "post_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: DeliveryKind = Field(sa_column=Column(Word(DeliveryKind), nullable=False))
    priority: int  # 0 notices, 1 posts, 2 digests
    origin_id: int | None = None
    post_id: int | None = Field(default=None, foreign_key="post.id")
    notice_id: int | None = Field(default=None, foreign_key="notice.id", index=True)
    subscription_id: int | None = None
    person_id: int | None = None
    recipient: str
    state: DeliveryState = Field(sa_column=Column(Word(DeliveryState), nullable=False))
    attempts: int = 0
    next_attempt: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    lease_owner: str | None = None
    lease_until: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    last_reply: str = ""
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    possible_duplicates: int = 0


class Attempt(SQLModel, table=True):
    """A try that did not end in SENT; the reply of the one that did stands in the delivery itself."""

    id: int | None = Field(default=None, primary_key=True)
    delivery_id: int = Field(foreign_key="delivery.id", index=True, ondelete="CASCADE")
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    result: str
    reply: str
