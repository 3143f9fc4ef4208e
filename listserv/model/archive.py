"""What the archive is made from besides the posts: what changed, corrected threads; and who may read: sessions, feeds.

The archive itself is derived and stands in files of its own (listserv/archiver/).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from listserv.model.columns import UtcTime


class Change(SQLModel, table=True):
    """A post (or, without one, the threads of a list) that every archive has to look at again.

    Written in the commit that made the change. Each archive remembers up to which it has come.
    """

    id: int | None = Field(default=None, primary_key=True)
    post_id: int | None = None
    list_name: str
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False, index=True))


class ThreadEdit(SQLModel, table=True):
    """A moderator put a message below another one, or, with an empty `parent`, at the beginning of its own thread."""

    __table_args__ = (UniqueConstraint("list_name", "tag"),)

    id: int | None = Field(default=None, primary_key=True)
    list_name: str
    tag: str
    parent: str = ""
    edited_by: str
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class Session(SQLModel, table=True):
    """Somebody is logged in; the cookie holds the signed number of this row. Ended sessions are kept for 30 days."""

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True, ondelete="CASCADE")
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class Feed(SQLModel, table=True):
    """A member's own address of the feed of one list; the token is a capability that names this row."""

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True, ondelete="CASCADE")
    list_name: str
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
