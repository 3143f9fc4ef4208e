"""A member's life: applying, terms as they were agreed to, renewals that were asked for, threads followed or muted."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import JSON, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from listserv.model.columns import UtcTime, Word


class ApplicationState(StrEnum):
    OPEN = "open"  # something is still missing: from the applicant, or from a verifier
    DONE = "done"  # became a member
    DECLINED = "declined"  # by a verifier, who said why
    WITHDRAWN = "withdrawn"  # by the applicant
    CLOSED = "closed"  # nobody answered for thirty days, the applicant told


class Application(SQLModel, table=True):
    """Somebody has asked to join. Its steps come in any order; `person_id` is there once the address is confirmed.

    Of one address there is at most one open application.
    """

    __table_args__ = (
        Index(
            "ix_application_open",
            "canonical",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_application_state", "state", "created_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    state: ApplicationState = Field(sa_column=Column(Word(ApplicationState), nullable=False))
    email: str
    canonical: str
    person_id: int | None = Field(default=None, foreign_key="person.id", ondelete="CASCADE")
    lists: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    language: str = ""  # of their mail or browser, one of ours; empty: the community's
    name: str = ""
    profession: str = ""
    registration: str = ""
    confirmed_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    terms_version: str = ""
    told_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))  # verifiers, of these answers
    verified_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    verified_by: str = ""
    verified_until: date | None = None
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    asked_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))  # when the applicant was last written to
    reminded_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    closed_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    reason: str = ""


class TermsText(SQLModel, table=True):
    """A version of the terms, by the SHA-256 of its text: what an agreement is evidence of."""

    version: str = Field(primary_key=True)
    text: str
    first_seen: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class Campaign(SQLModel, table=True):
    """A member was asked to agree to a version of the terms, or to renew by a date: each stage once."""

    __table_args__ = (UniqueConstraint("person_id", "about", "stage"),)

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", ondelete="CASCADE")
    about: str  # the version of the terms, or the date on which the registration ends
    stage: str
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class Following(SQLModel, table=True):
    """A member follows a thread (gets each message of it, whatever their delivery) or has muted it (gets none)."""

    __table_args__ = (UniqueConstraint("person_id", "list_name", "tag"), Index("ix_following_tag", "list_name", "tag"))

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True, ondelete="CASCADE")
    list_name: str
    tag: str
    muted: bool
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
