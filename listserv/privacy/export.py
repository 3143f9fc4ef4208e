"""Everything that is held about a person, for that person to read: a file for each subject, their posts as they came.

`export` gives the files one by one, so that nothing large is in memory; `write` puts them into a zip file or a folder.
Of others it holds what the person was shown anyway: the reason of a decision, never who decided; of posts that they
decided on, the number and no more. What is secret by itself (codes in mails of ours) is masked.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from listserv import membership, vault
from listserv.context import Context
from listserv.errors import UserError
from listserv.mail.message import TooComplex, parse
from listserv.mail.text import readable
from listserv.model import Decision, Delivery, Edition, Message, Notice, Person, Post, ThreadEdit
from listserv.privacy import inventory
from listserv.privacy.inventory import Held, Is
from listserv.privacy.person import Known, of_number

_decision = Decision.__table__  # type: ignore[attr-defined]
_delivery = Delivery.__table__  # type: ignore[attr-defined]
_edit = ThreadEdit.__table__  # type: ignore[attr-defined]
_edition = Edition.__table__  # type: ignore[attr-defined]
_message = Message.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]

TEXT = 50_000  # characters of one of our mails
_CODE = re.compile(r"(?<![a-z2-7])[a-z2-7]{24,26}(?![a-z2-7])", re.I)
_OWN_FILES = {
    "posts.json": "your posts: what became of each, why it waited, what was decided and the reason that was given",
    "posts/": "your posts exactly as they came to us, one file (.eml) each, which mail programs open",
    "deliveries.json": "how many copies went to you, by month and list, and what became of them",
    "mail-to-you.json": "the mails that this system wrote to you, with their text as long as it is kept",
    "decisions-you-made.json": "what you decided as a moderator, by the number of the post",
    "corrections-you-made.json": "threads and digests that you corrected as a moderator or facilitator",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One file of an export: a path below its top, and its bytes."""

    name: str
    data: bytes


def export(ctx: Context, tx: Connection, person: int) -> Iterator[Item]:
    """All files of the export of one person, README.txt last. To be consumed inside the caller's transaction."""
    someone = of_number(tx, person)
    told: dict[str, str] = {}

    def made(name: str, rows: Any, what: str) -> Item:
        told[name] = what
        return Item(name, _json(rows))

    held = inventory.TABLES["person"]
    row = tx.execute(select(_person).where(_person.c.id == person)).one()
    yield made(held.file, _shown(ctx.keys.held, held, row), held.what)
    for name, held, table in inventory.of_person():
        if held.file:
            which = inventory.rows_of(held, table, person, someone.addresses)
            rows = tx.execute(select(table).where(which).order_by(table.c.id))
            yield made(held.file or f"{name}.json", [_shown(ctx.keys.held, held, row) for row in rows], held.what)
    for item in _posts(ctx.keys.held, tx, someone):
        told.setdefault(item.name if "/" not in item.name else "posts/", _OWN_FILES[_topic(item.name)])
        yield item
    for name, found in (
        ("deliveries.json", _deliveries(ctx, tx, someone)),
        ("mail-to-you.json", _mails(ctx, tx, someone)),
        ("decisions-you-made.json", _decisions(tx, person)),
        ("corrections-you-made.json", _corrections(tx, someone)),
    ):
        yield made(name, found, _OWN_FILES[name])
    terms = _terms(ctx)
    if terms is not None:
        told["terms.txt"] = "the terms as they are at present"
        yield Item("terms.txt", terms)
    yield Item("README.txt", _readme(ctx, told).encode())


def _topic(name: str) -> str:
    return "posts/" if name.startswith("posts/") else name


def write(items: Iterable[Item], target: Path) -> Path:
    """Writes an export into a zip file (a name that ends in .zip) or a folder, for its owner's eyes alone. Raises
    UserError; never overwrites."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UserError(f"export: {target} exists already, and nothing is ever overwritten")
    try:
        if target.suffix == ".zip" and not target.is_dir():
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
                for item in items:
                    packed.writestr(item.name, item.data)
            return target
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.chmod(0o700)
        for item in items:
            path = target / item.name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.write_bytes(item.data)
            path.chmod(0o600)
    except OSError as error:
        raise UserError(f"export: {target} cannot be written: {error.strerror}") from error
    return target


# --- what stands in the files ------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return value


def _json(rows: Any) -> bytes:
    return (json.dumps(rows, ensure_ascii=False, indent=2, default=str) + "\n").encode("utf-8", "replace")


def _shown(key: bytes, held: Held, row: Any) -> dict[str, Any]:
    """What of a row is for the person: what is theirs, and the texts in it; a mail as its text."""
    found: dict[str, Any] = {}
    for name, is_ in held.columns.items():
        if is_ in (Is.THEIRS, Is.WORDS):
            found[name] = _plain(getattr(row, name))
        elif is_ is Is.MAIL and getattr(row, name):
            found["text"] = _text(key, getattr(row, name))
    return found


def _text(key: bytes, packed: bytes) -> str:
    """What a stored mail says, without attachments and with every code of ours masked."""
    try:
        return _CODE.sub("[code]", readable(parse(vault.unpacked(key, packed)), TEXT))
    except TooComplex:
        return "[a mail that cannot be read]"


def _posts(key: bytes, tx: Connection, someone: Known) -> Iterator[Item]:
    """posts.json, and each message as it came."""
    rows = list(tx.execute(select(_post).where(someone.posts()).order_by(_post.c.received_at, _post.c.id)))
    files = {row.message_id: f"posts/{row.message_id:06}.eml" for row in rows}
    yield Item("posts.json", _json([_post_row(tx, row, files[row.message_id]) for row in rows]))
    seen: set[int] = set()
    for row in rows:
        if row.message_id in seen:
            continue
        seen.add(row.message_id)
        packed = tx.execute(select(_message.c.raw).where(_message.c.id == row.message_id)).scalar_one()
        raw = vault.unpacked(key, packed)
        if raw:  # not destroyed by now
            yield Item(files[row.message_id], raw)


def _post_row(tx: Connection, row: Any, file: str) -> dict[str, Any]:
    decided = tx.execute(select(_decision).where(_decision.c.post_id == row.id).order_by(_decision.c.id))
    reasons = [{"code": reason["code"], "text": reason["advice"] or reason["text"]} for reason in row.reasons]
    return {
        "number": row.id,
        "list": row.list_name,
        "subject": row.subject,
        "file": file,
        "message_id": row.message_id_header,
        "state": str(row.state),
        "from": f"{row.from_name} <{row.from_address}>",
        "envelope_sender": row.envelope_sender,
        "came_by": row.peer,
        "proof": row.proof,
        "checks": row.auth.get("results", []),
        "received": _plain(row.received_at),
        "distributed": _plain(row.released_at),
        "copies": row.copies,
        "waited_because": reasons,
        "decisions": [
            {"what": one.verb, "at": _plain(one.decided_at), "reason": one.reason, "taken_back": _plain(one.undone_at)}
            for one in decided
        ],
    }


def _deliveries(ctx: Context, tx: Connection, someone: Known) -> list[dict[str, Any]]:
    which = inventory.rows_of(inventory.TABLES["delivery"], _delivery, someone.number, someone.addresses)
    found: Counter[tuple[str, str, str, str]] = Counter()
    query = (
        select(
            _delivery.c.created_at,
            _delivery.c.state,
            _delivery.c.kind,
            func.coalesce(_post.c.list_name, _notice.c.list_name).label("name"),
        )
        .outerjoin(_post, _post.c.id == _delivery.c.post_id)
        .outerjoin(_notice, _notice.c.id == _delivery.c.notice_id)
        .where(which)
    )
    for row in tx.execute(query):
        month = row.created_at.astimezone(ctx.settings.community.zone).strftime("%Y-%m")
        found[month, row.name or "", str(row.kind), str(row.state)] += 1
    return [
        {"month": month, "list": name, "kind": kind, "state": state, "count": count}
        for (month, name, kind, state), count in sorted(found.items())
    ]


def _mails(ctx: Context, tx: Connection, someone: Known) -> list[dict[str, Any]]:
    held = inventory.TABLES["notice"]
    which = inventory.rows_of(held, _notice, someone.number, someone.addresses)
    numbers = list(tx.execute(select(_notice.c.id).where(which).order_by(_notice.c.id)).scalars())
    return [
        _shown(ctx.keys.held, held, tx.execute(select(_notice).where(_notice.c.id == number)).one())
        for number in numbers
    ]


def _decisions(tx: Connection, person: int) -> list[dict[str, Any]]:
    rows = tx.execute(
        select(_decision, _post.c.list_name)
        .join(_post, _post.c.id == _decision.c.post_id)
        .where(_decision.c.person_id == person)
        .order_by(_decision.c.id)
    )
    return [
        {
            "post": row.post_id,
            "list": row.list_name,
            "what": row.verb,
            "reason": row.reason,
            "as": row.decided_by,
            "by": row.channel,
            "proof": row.proof,
            "at": _plain(row.decided_at),
            "taken_back": _plain(row.undone_at),
        }
        for row in rows
    ]


def _corrections(tx: Connection, someone: Known) -> list[dict[str, Any]]:
    """By their name, which is all that such a row has; nothing when somebody else has the same."""
    if not someone.name or someone.namesakes:
        return []
    found: list[dict[str, Any]] = []
    for row in tx.execute(select(_edit).where(_edit.c.edited_by == someone.name).order_by(_edit.c.id)):
        found.append({"list": row.list_name, "message": row.tag, "below": row.parent, "at": _plain(row.at)})
    for row in tx.execute(select(_edition).where(_edition.c.edited_by == someone.name).order_by(_edition.c.id)):
        found.append({"digest": row.list_name, "of": row.period, "note": row.note, "coming_up": row.upcoming})
    return found


def _terms(ctx: Context) -> bytes | None:
    path = ctx.settings.community.terms
    if path is None or membership.terms_version(ctx.settings) is None:
        return None
    return path.read_bytes()


def _readme(ctx: Context, told: dict[str, str]) -> str:
    community = ctx.settings.community
    width = max(map(len, told))
    lines = [
        f"What {community.name} holds about you",
        "",
        f"Made on {_plain(ctx.clock())}. Times are in UTC. Every file is plain text: open it with any text editor.",
        "",
        *(f"  {name.ljust(width)}  {what}" for name, what in told.items()),
        "",
        "An empty list ([]) means that nothing of the kind is held. Secret codes in mails that we wrote to you read",
        "[code]. Copies of your posts in the mailboxes of other members, and what they quoted of them, are not ours",
        "to give or take.",
        "",
        f"Questions, corrections, or the wish to be erased: {community.contact}",
        "",
    ]
    return "\n".join(lines)
