"""The log of decisions: who did what, through which channel, proved how; each entry holds the hash of the one before.

Beside every stage: `note` is called in the very transaction of the fact, so that there is no decision without its entry
and no entry without its decision. It holds no name, address, text or value. A person is a pseudonym, a text a hash,
both with salts of their own (`salt`) that an erasure destroys; the chain does not need them and stays verifiable.
Acceptance writes nothing here: only what somebody decided does.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Connection, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite

from listserv.model import Audit, Person, Post, Salt

_audit = Audit.__table__  # type: ignore[attr-defined]
_salt = Salt.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]

GENESIS = "0" * 64  # what the first entry has for the hash of the one before
LOCK = 0x6C697374  # of PostgreSQL's advisory locks: whoever holds it writes the next entry
BATCH = 1000
_PLAIN = re.compile(r"[A-Za-z0-9_.:+ -]{0,200}")
_PROOFS = ("DKIM", "SPF", "ARC", "DMARC", "shell", "session", "reply", "without proof")


class By(Protocol):
    """Whoever decides: a person or the operator (no person), through which channel, proved how."""

    @property
    def channel(self) -> str: ...
    @property
    def person(self) -> int | None: ...
    @property
    def proof(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Who:
    """A decider for those who have no other: the operator at the shell, the clock, a member on the web."""

    channel: str
    person: int | None = None
    proof: str = ""
    name: str = ""


OPERATOR = Who("shell", None, "shell of this machine", "the operator")
CLOCK = Who("clock", name="listserv")


def note(
    tx: Connection,
    at: datetime,
    event: str,
    by: By,
    *,
    about: int | None = None,
    list_name: str = "",
    post_id: int | None = None,
    details: Mapping[str, int | bool | str] | None = None,
) -> int:
    """Adds an entry; its number. On PostgreSQL whoever else writes one waits until this transaction ends.

    `about`: the person to whom it was done. `details`: counts and words of ours, never what anybody wrote: whatever
    could be more than a word raises ValueError.
    """
    for name, value in (details or {}).items():
        if not _PLAIN.fullmatch(name) or (isinstance(value, str) and not _PLAIN.fullmatch(value)):
            raise ValueError(f"{name} of {event} does not belong into the audit log")
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    last = tx.execute(select(_audit.c.id, _audit.c.hash).order_by(_audit.c.id.desc()).limit(1)).first()
    row: dict[str, Any] = {
        "id": last.id + 1 if last else 1,
        "at": at,
        "event": event,
        "person": pseudonym(tx, by.person),
        "about": pseudonym(tx, about),
        "channel": by.channel,
        "proof": _kind_of(by.proof),
        "list_name": list_name,
        "post_id": post_id,
        "message": _message(tx, post_id),
        "details": json.dumps(dict(details or {}), sort_keys=True, separators=(",", ":")),
        "previous": last.hash if last else GENESIS,
    }
    tx.execute(insert(_audit).values(**row, hash=hash_of(row)))
    return int(row["id"])


def decided(tx: Connection, at: datetime, verb: str, by: By, post_id: int, **details: int | bool | str) -> int:
    """The entry of a decision on a post: its verb is the event."""
    row = tx.execute(select(_post.c.list_name, _post.c.person_id).where(_post.c.id == post_id)).one()
    return note(tx, at, verb, by, about=row.person_id, list_name=row.list_name, post_id=post_id, details=details)


def held(tx: Connection, at: datetime, post: Any, **counts: int) -> int:
    """The entry of a post that was held: by which rules, and what a screen counted."""
    codes = " ".join(str(reason["code"]) for reason in post.reasons)[:200]
    return note(tx, at, "held", CLOCK, about=post.person_id, list_name=post.list_name, post_id=post.id,
                details={"reasons": codes, **counts})  # fmt: skip


def hash_of(row: Mapping[str, Any]) -> str:
    """SHA-256 over the fields of an entry in this order, as compact ASCII JSON."""
    at = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
    fields = ("event", "person", "about", "channel", "proof", "list_name", "post_id", "message", "details", "previous")
    encoded = json.dumps([row["id"], at, *(row[name] for name in fields)], separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(encoded.encode("ascii")).hexdigest()


def _kind_of(proof: str) -> str:
    """By what somebody was proved, without the domains and addresses that a proof names."""
    return " ".join(dict.fromkeys(word for word in _PROOFS if word.lower() in proof.lower()))


def pseudonym(tx: Connection, person: int | None) -> str:
    """The name of a person in the log, the same as long as they are with us; "" for nobody."""
    return "" if person is None else _keyed(_salt_of(tx, "person_id", person), f"person {person}")


def _message(tx: Connection, post_id: int | None) -> str:
    """Which text a post had, for whoever has that text: salted, so that it is nothing once post and salt are gone."""
    content = tx.execute(select(_post.c.content_hash).where(_post.c.id == post_id)).scalar() if post_id else None
    return "" if content is None or post_id is None else _keyed(_salt_of(tx, "post_id", post_id), f"message {content}")


def _keyed(salt: bytes, words: str) -> str:
    return hmac.new(salt, words.encode(), hashlib.sha256).hexdigest()[:32]


def _salt_of(tx: Connection, column: str, number: int) -> bytes:
    mine = select(_salt.c.salt).where(_salt.c[column] == number)
    known = tx.execute(mine).scalar()
    if known is None:
        dialect: Any = postgresql if tx.dialect.name == "postgresql" else sqlite
        new = dialect.insert(_salt).values(**{column: number}, salt=secrets.token_bytes(32))
        tx.execute(new.on_conflict_do_nothing())
        known = tx.execute(mine).scalar_one()
    return bytes(known)


# --- reading and verifying ---------------------------------------------------------------------------------------


def entries(
    tx: Connection, *, list_name: str | None = None, post_id: int | None = None, since: datetime | None = None
) -> list[dict[str, Any]]:
    """The log, oldest first, with the names of those who are still with us."""
    query = select(_audit).order_by(_audit.c.id)
    if list_name is not None:
        query = query.where(_audit.c.list_name == list_name)
    if post_id is not None:
        query = query.where(_audit.c.post_id == post_id)
    if since is not None:
        query = query.where(_audit.c.at >= since)
    names = _names(tx)
    return [
        {
            **json.loads(row.details),
            "number": row.id,
            "time": row.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "event": row.event,
            "who": names.get(row.person, f"former {row.person[:8]}") if row.person else _NOBODY.get(row.channel, ""),
            "about": names.get(row.about, f"former {row.about[:8]}") if row.about else "",
            "channel": row.channel,
            "proof": row.proof,
            "list": row.list_name,
            "post": row.post_id,
            "hash": row.hash,
        }
        for row in tx.execute(query)
    ]


_NOBODY = {"shell": "the operator", "clock": "listserv"}


def _names(tx: Connection) -> dict[str, str]:
    """The names behind pseudonyms."""
    query = select(_salt.c.person_id, _salt.c.salt, _person.c.name).join(_person, _person.c.id == _salt.c.person_id)
    found = {}
    for row in tx.execute(query):
        found[_keyed(bytes(row.salt), f"person {row.person_id}")] = row.name or f"person {row.person_id}"
    return found


@dataclass(frozen=True, slots=True)
class Verified:
    """What a walk along the chain found. `broken`: the number of the first entry that is not what it was; 0: none."""

    count: int
    head: str
    broken: int
    words: str


def verify(tx: Connection, head: str = "") -> Verified:
    """Walks the whole chain. `head`: a hash that was kept elsewhere; it must be that of an entry, else the end was cut
    off (or all of it written anew) since."""
    head = head.strip().lower()
    count, last, seen = 0, GENESIS, not head
    for row in _walk(tx):
        wrong = _wrong(row, count + 1, last)
        if wrong:
            return Verified(count, last, count + 1, wrong)
        count, last = row["id"], row["hash"]
        seen = seen or last == head
    if not seen:
        end = f"what came after entry {count} was cut off, or all was written anew"
        words = f"no entry has the hash {head[:64]}: {end}"
        return Verified(count, last, count + 1, words)
    return Verified(count, last, 0, f"{count} entries, each as it was written, none missing")


def _wrong(row: Mapping[str, Any], number: int, previous: str) -> str:
    if row["id"] != number:
        return f"entry {number} is missing"
    if row["hash"] != hash_of(row):
        return f"entry {number} is not what was written"
    if row["previous"] != previous:
        return f"entry {number} does not follow entry {number - 1}"
    return ""


def _walk(tx: Connection) -> Iterator[Any]:
    after = 0
    while True:
        rows = list(tx.execute(select(_audit).where(_audit.c.id > after).order_by(_audit.c.id).limit(BATCH)).mappings())
        yield from rows
        if len(rows) < BATCH:
            return
        after = rows[-1]["id"]
