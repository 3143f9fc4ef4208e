"""What was fetched from mailboxes: the row that makes IMAP intake happen once, whatever breaks.

It is written in the transaction that accepts the message, and the message is moved on the server after that commit:
who is killed between the two finds the row and moves only.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from listserv.model.columns import UtcTime, Word


class Outcome(StrEnum):
    PROCESSED = "processed"  # somebody of ours has it: accepted, held, waiting for its proof, or answered
    REFUSED = "refused"  # nobody took it; its envelope is in `refusal`
    QUARANTINE = "quarantine"  # we failed on it


class Fetched(SQLModel, table=True):
    """One message of one mailbox. `content` is the hash of its bytes and recipients: the same bytes under another UID
    (UIDVALIDITY changed, a mailbox was put back from a backup) are known by it. `moved_at`: it is out of the folder."""

    __table_args__ = (UniqueConstraint("mailbox", "uidvalidity", "uid", "content"),)

    id: int | None = Field(default=None, primary_key=True)
    mailbox: str
    uidvalidity: int = Field(sa_column=Column(BigInteger, nullable=False))
    uid: int = Field(sa_column=Column(BigInteger, nullable=False))
    content: str = Field(index=True)
    outcome: Outcome = Field(sa_column=Column(Word(Outcome), nullable=False))
    why: str
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False, index=True))
    moved_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
