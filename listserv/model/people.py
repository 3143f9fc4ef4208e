"""People: who is a member, by which addresses, on which lists, with which role, credential and agreement.

A person is not an address: anybody may have several, one of them preferred for what we send.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Index, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from listserv.mail.address import without_tag
from listserv.mail.names import name_key
from listserv.model.columns import UtcTime, Word
from listserv.model.digests import DigestFormat


class Status(StrEnum):
    """Where a person stands in the community."""

    ACTIVE = "active"  # takes part
    APPLIED = "applied"  # has asked to join, is not decided on yet
    LAPSED = "lapsed"  # registration or renewal ran out: reads and writes nothing until renewed
    PAUSED = "paused"  # takes part, but wants no mail for a while
    BOUNCING = "bouncing"  # takes part, but our mail does not arrive
    SUSPENDED = "suspended"  # by decision, for a time
    BANNED = "banned"  # by decision, for good
    LEFT = "left"  # has gone


RECEIVING = (Status.ACTIVE,)
"""Whose subscriptions get copies."""


class RoleName(StrEnum):
    MODERATOR = "moderator"
    OWNER = "owner"
    FACILITATOR = "facilitator"
    VERIFIER = "verifier"
    TRAINEE = "trainee"  # gets hold notices; what they decide waits for a moderator


def _key_of_name(row: Any) -> str:
    return name_key(row.get_current_parameters().get("name") or "")


def _untagged(row: Any) -> str:
    return without_tag(row.get_current_parameters()["canonical"])


class Person(SQLModel, table=True):
    """`name_key` is the name as impostors are found by (mail.names.name_key); whoever changes a name changes both."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = ""
    name_key: str = Field(default="", sa_column=Column(String, nullable=False, index=True, default=_key_of_name))
    profession: str = ""
    status: Status = Field(default=Status.ACTIVE, sa_column=Column(Word(Status), nullable=False, index=True))
    delivery: str = "each"
    trusted: bool = False
    approved_posts: int = 0
    language: str = ""  # en | de | fr; empty: the community's
    timezone: str = ""  # empty: the community's; so for day and time of their digest
    digest_day: str = ""
    digest_time: str = ""  # HH:MM
    digest_format: DigestFormat = Field(
        default=DigestFormat.LETTER, sa_column=Column(Word(DigestFormat), nullable=False, server_default="letter")
    )
    paused_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))
    paused_until: datetime | None = Field(default=None, sa_column=Column(UtcTime))  # None: until they say so
    digest_per_list: bool = False  # a letter for each list instead of one over all of them
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class Address(SQLModel, table=True):
    """`email` as the person writes it, `canonical` as we compare it (mail.address.canonical).

    `untagged` recognises sub-addresses (mail.address.without_tag); it is never enough without proof.
    """

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True, ondelete="CASCADE")
    email: str
    canonical: str = Field(unique=True)
    untagged: str = Field(default="", sa_column=Column(String, nullable=False, index=True, default=_untagged))
    preferred: bool = False
    bounce_score: float = 0.0


class Subscription(SQLModel, table=True):
    """One person on one list; `left_at` is set when they left and may still undo it."""

    __table_args__ = (
        UniqueConstraint("person_id", "list_name"),
        Index("ix_subscription_list", "list_name", "delivery", "left_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True, ondelete="CASCADE")
    list_name: str
    delivery: str = "each"  # each | daily | weekly | none
    moderated: bool = False
    since: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    delivery_since: datetime | None = Field(default=None, sa_column=Column(UtcTime))  # since when in this way
    left_at: datetime | None = Field(default=None, sa_column=Column(UtcTime))


class Role(SQLModel, table=True):
    """A role on a list, or in the whole community (`list_name` is "community"), with or without a subscription."""

    __table_args__ = (UniqueConstraint("person_id", "list_name", "role"),)

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True, ondelete="CASCADE")
    list_name: str = Field(index=True)
    role: RoleName = Field(sa_column=Column(Word(RoleName), nullable=False))


class Credential(SQLModel, table=True):
    """A professional registration; without `expires` it is valid until further notice."""

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", unique=True, ondelete="CASCADE")
    number: str
    expires: date | None = None


class Agreement(SQLModel, table=True):
    """Somebody agreed to one version of the terms (`version` is the SHA-256 of the text)."""

    __table_args__ = (UniqueConstraint("person_id", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True, ondelete="CASCADE")
    version: str
    agreed_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    evidence: str = ""


class Confirmation(SQLModel, table=True):
    """A member said of a mail without proof that it was theirs: what sent it is believed for a year.

    `kind` and `domain` are the evidence (authenticate.Evidence), `address` the canonical one that stood in From.
    """

    __table_args__ = (UniqueConstraint("person_id", "address", "kind", "domain"),)

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True, ondelete="CASCADE")
    address: str
    kind: str
    domain: str
    confirmed_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
