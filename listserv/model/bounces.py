"""What came back: one row for each bounce of an address, and whether it counted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from listserv.mail.dsn import BounceClass
from listserv.model.columns import UtcTime, Word


class Bounce(SQLModel, table=True):
    """`canonical` is the address that our mail went to, by its return path, never what the bounce says of itself."""

    __table_args__ = (
        Index("ix_bounce_address", "canonical", "at"),
        Index("ix_bounce_post", "post_id"),
        Index("ix_bounce_delivery", "delivery_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False, index=True))
    canonical: str
    person_id: int | None = Field(default=None, foreign_key="person.id", ondelete="SET NULL")
    delivery_id: int | None = None
    post_id: int | None = None
    kind: BounceClass = Field(sa_column=Column(Word(BounceClass), nullable=False))
    status: str = ""
    words: str = ""
    counted: bool = False
