"""Digests: what facilitators decide of a week's letters, and which letter each person got.

An issue is a row with a unique period, so that no person ever gets the same issue twice: not after a crash, not from
two machines, not when a clock goes back.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from listserv.model.columns import UtcTime, Word


class IssueKind(StrEnum):
    WEEKLY = "weekly"
    DAILY = "daily"
    CATCH_UP = "catch-up"  # what was said while somebody was away
    ASKED = "asked"  # `digest now`, `digest since 1 Nov`


class DigestFormat(StrEnum):
    LETTER = "letter"  # text and HTML, made for reading and answering
    PLAIN = "plain"  # RFC 1153
    MIME = "mime"  # multipart/digest (RFC 2046 section 5.1.5)


class Edition(SQLModel, table=True):
    """What the facilitators have made of the letters of one week: of all of them, or of one list with its own day.

    `period` is the local date of its slot. The numbers of the preview stand for `numbered`, so that they keep their
    meaning while posts come in.
    """

    __table_args__ = (UniqueConstraint("list_name", "period"),)

    id: int | None = Field(default=None, primary_key=True)
    list_name: str
    period: str
    slot_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    previewed_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    note: str = ""
    upcoming: str = ""
    numbered: list[list[str]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    dropped: list[list[str]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    lead: list[list[str]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    held_until: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    send_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))  # `send now` came before the slot
    edited_by: str = ""


class Issue(SQLModel, table=True):
    """One letter to one person. `list_name` is the hub's for a letter over all their lists; without a notice there was
    nothing to say. `stopped` are the subscriptions that its unsubscribe link has turned off."""

    __table_args__ = (
        UniqueConstraint("person_id", "list_name", "kind", "period"),
        Index("ix_issue_notice", "notice_id"),
        Index("ix_issue_made", "made_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", ondelete="CASCADE")
    list_name: str
    kind: IssueKind = Field(sa_column=Column(Word(IssueKind), nullable=False))
    period: str
    since: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    until: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    made_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    notice_id: int | None = None
    threads: list[list[str]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    stopped: list[int] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    stopped_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
