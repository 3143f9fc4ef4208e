"""One-shot tokens: a question of ours to one person, kept as its hash with what it is about."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from listserv.context import Context
from listserv.model import Purpose, Token
from listserv.tokens import one_shot, stored

_token = Token.__table__  # type: ignore[attr-defined]

TOKEN_LIFE = timedelta(days=30)


def issue(
    ctx: Context,
    tx: Connection,
    purpose: Purpose,
    person: int | None,
    *,
    post_id: int | None = None,
    subscription_id: int | None = None,
    arrival_id: int | None = None,
    issue_id: int | None = None,
    edition_id: int | None = None,
    application_id: int | None = None,
    about: str = "",
    life: timedelta = TOKEN_LIFE,
) -> str:
    """A new one-shot token for one person and one question; only its hash is kept."""
    token = one_shot()
    tx.execute(
        insert(_token).values(
            hash=stored(token),
            purpose=purpose,
            person_id=person,
            post_id=post_id,
            subscription_id=subscription_id,
            arrival_id=arrival_id,
            issue_id=issue_id,
            edition_id=edition_id,
            application_id=application_id,
            about=about,
            expires_at=ctx.clock() + life,
        )
    )
    return token


def find(tx: Connection, token: str) -> Any | None:
    """The token's row. It answers one question; whether it still may is that question's own state."""
    return tx.execute(select(_token).where(_token.c.hash == stored(token))).first()
