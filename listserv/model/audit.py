"""The log of decisions, and the records of incidents.

Rows of `audit` are never changed or removed: the database itself refuses it (triggers, migration 0009). What ties an
entry to a person or a text is a hash with a salt of its own in `salt`; when the salt goes, nobody can tie it any more,
and the chain of entries is as whole as before.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from listserv.model.columns import UtcTime, Word


class Audit(SQLModel, table=True):
    """One entry. `person` and `about` are pseudonyms (listserv.audit.pseudonym), `details` canonical JSON."""

    __table_args__ = (Index("ix_audit_post", "post_id"), Index("ix_audit_at", "at"))

    id: int | None = Field(default=None, primary_key=True)  # 1, 2, 3 ... without a gap
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    event: str
    person: str = ""  # who did it; empty: the operator, or the clock
    about: str = ""  # to whom it was done
    channel: str  # mail | shell | web | clock
    proof: str = ""  # by what it was proved, without domains and addresses
    list_name: str = ""
    post_id: int | None = None
    message: str = ""  # of the post's bytes, salted
    details: str = "{}"
    previous: str
    hash: str


class Salt(SQLModel, table=True):
    """What makes the pseudonym of a person, or the hash of a post, theirs: destroyed with them."""

    id: int | None = Field(default=None, primary_key=True)
    person_id: int | None = Field(default=None, foreign_key="person.id", unique=True, ondelete="CASCADE")
    post_id: int | None = Field(default=None, unique=True)
    salt: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class IncidentState(StrEnum):
    OPEN = "open"  # somebody is still to look into it
    CLOSED = "closed"  # with a word about what came of it


class IncidentKind(StrEnum):
    BREACH = "breach"  # somebody may be recognisable: the 30 days of an assessment run
    OTHER = "other"  # off topic, to the wrong list: nothing to assess


class Incident(SQLModel, table=True):
    """A post was taken back. `told_at` is empty until everybody who got it has a notice, or is known not to have got
    it; so the work goes on after a restart."""

    __table_args__ = (Index("ix_incident_told", "told_at"),)

    id: int | None = Field(default=None, primary_key=True)
    origin_id: int = Field(index=True)  # of the posts, as everywhere
    post_id: int  # the post that notices are filed under
    lists: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    kind: IncidentKind = Field(sa_column=Column(Word(IncidentKind), nullable=False))
    opened_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    opened_by: str  # the name as others are told it
    channel: str
    reason: str = ""
    sent: int = 0  # copies that had gone out when it was taken back
    stopped: int = 0  # copies that were not sent any more
    under_way: int = 0  # of those: copies that were being sent at that moment, and may have arrived
    letters: int = 0  # digests with it that were not sent any more
    told: int = 0  # members who were asked to delete it
    told_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    assess_by: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    reminded: int = 0  # reminders of that day so far
    state: IncidentState = Field(default=IncidentState.OPEN, sa_column=Column(Word(IncidentState), nullable=False))
    closed_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    closed_by: str = ""
    note: str = ""
