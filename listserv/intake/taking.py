"""What becomes of one message of a mailbox: who it is for, acceptance as by SMTP, and the row that makes it once.

A mailbox has no peer to refuse anything to: what SMTP would answer with a 5xx goes to the folder Refused, and only a
proven author is told. Each message leaves a row of `fetched` in the commit that accepts it; a message that has its row
is moved and nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from listserv import quarantine, routing
from listserv.context import Context
from listserv.errors import Reply
from listserv.intake import accept as acceptance
from listserv.intake import replies
from listserv.mail import delivered
from listserv.mail.address import authors
from listserv.mail.message import Message, TooComplex, has_bare_newline, message_id, parse
from listserv.model import Fetched, Outcome, Refusal
from listserv.posts import Envelope
from listserv.settings import HUB
from listserv.settings.connections import Imap

log = logging.getLogger(__name__)
_fetched = Fetched.__table__  # type: ignore[attr-defined]
_refusal = Refusal.__table__  # type: ignore[attr-defined]

_SAME = select(_fetched).where(_fetched.c.content == bindparam("content")).order_by(_fetched.c.id)
KEPT = timedelta(days=90)  # rows of a folder that does not exist any more under its old UIDVALIDITY
UNDECIDED = "4.7.24"  # who sent it cannot be checked just now


class NotNow(Exception):
    """We ourselves cannot take anything just now: the database does not answer, or there is no room."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message lies: for the server (UIDVALIDITY and UID) and for us."""

    mailbox: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a message. `fresh`: just now and by us; else it had its row before."""

    outcome: Outcome
    fresh: bool = True


def name_of(account: Imap) -> str:
    """A mailbox as its rows name it."""
    return f"{account.username}@{account.host.lower()}/{account.folder}"


def label(account: Imap) -> str:
    """A mailbox in the log."""
    return f"{account.folder} of {account.username} at {account.host}"


# --- one message -------------------------------------------------------------------------------------------------


def take(
    ctx: Context, loop: asyncio.AbstractEventLoop, account: Imap, place: Place, raw: bytes, *, patient: bool
) -> Taken | None:
    """Where the message belongs now, on disk; None: not yet. Called in a thread. Raises NotNow.

    `patient`: while DNS does not say who sent it, it waits.
    """
    try:
        message = parse(raw)
        to = _recipients(ctx, account, message)
    except TooComplex as error:
        return Taken(refuse(ctx, account, place, raw, f"too-complex: {error.reason}"))
    except Exception as error:
        return Taken(_set_aside(ctx, account, place, raw, error))
    content = _content(raw, [one.address for one in to])
    known = _known(ctx, place, content)
    if known is not None:
        return known
    if has_bare_newline(raw):
        return Taken(refuse(ctx, account, place, raw, f"bare-newline: {replies.BARE_NEWLINE.text}", content))
    if not to:
        words = "no-recipient: none of the fields of intake.imap.recipients has an address of ours"
        return Taken(refuse(ctx, account, place, raw, words, content))

    written: list[Outcome] = []

    def also(tx: Connection, answers: list[Reply] | None) -> None:
        _insert(tx, place, content, _outcome(answers), _why(answers), ctx)
        written.append(_outcome(answers))

    envelope = envelope_of(ctx, account, message)
    call = acceptance.accept(ctx, raw, envelope, to, also=also, patient=patient)
    try:
        answers = asyncio.run_coroutine_threadsafe(call, loop).result()
    except acceptance.AlreadyTaken:
        return _known(ctx, place, content)
    temporary = next((reply for reply in answers if reply.temporary), None)
    if temporary is not None:
        if temporary.enhanced == UNDECIDED:
            return None
        raise NotNow(temporary.text)
    if not written:  # refused before there was anything to commit: beyond the caps
        return Taken(refuse(ctx, account, place, raw, f"too-complex: {answers[0].text}", content))
    if written[-1] is not Outcome.PROCESSED:
        log.info("%s: message %d is %s", label(account), place.uid, written[-1])
    return Taken(written[-1])


def _recipients(ctx: Context, account: Imap, message: Message) -> list[acceptance.Recipient]:
    """By the trusted fields; a mailbox of one list has that list's mail, whatever the fields say."""

    def ours(address: str) -> bool:
        route = routing.resolve(ctx.settings, address)
        return route is not None and account.list in (None, route.list_name)

    found = delivered.recipients(message, account.recipients, ours)
    if not found and account.list is not None:
        found = [routing.address(ctx.settings, account.list)]
    routes = [(address, routing.resolve(ctx.settings, address)) for address in found]
    return [acceptance.Recipient(address, route) for address, route in routes if route is not None]


def envelope_of(ctx: Context, account: Imap, message: Message) -> Envelope:
    """What is known of the way of a fetched message. Who connected is not: SPF proves nothing, DKIM does, and what the
    server of the mailbox found (authserv_ids)."""
    sender = delivered.return_path(message)
    if sender is None:
        boxes = authors(message)
        sender = boxes[0].address if boxes else ""
    return Envelope(sender[:320], "", account.host, "IMAP", ctx.clock(), trusted=True)


def _outcome(answers: Sequence[Reply] | None) -> Outcome:
    if answers is None:
        return Outcome.QUARANTINE
    return Outcome.PROCESSED if any(reply.ok for reply in answers) else Outcome.REFUSED


def _why(answers: Sequence[Reply] | None) -> str:
    if answers is None or any(reply.ok for reply in answers):
        return ""
    return " ".join(dict.fromkeys(reply.text for reply in answers))[:500]


def refuse(ctx: Context, account: Imap, place: Place, head: bytes, why: str, content: str = "") -> Outcome:
    """What nobody takes: its envelope stays for 30 days, for `trace`. `head` has at least the begin of the header."""
    code, _, words = why.partition(": ")
    values = _envelope_words(head)

    def work(tx: Connection) -> None:
        _insert(tx, place, content, Outcome.REFUSED, why[:500], ctx)
        tx.execute(
            insert(_refusal).values(
                **values,
                at=ctx.clock(),
                list_name=account.list or HUB,
                peer=f"IMAP from {account.host}"[:300],
                action="reject",
                reasons=code,
                reply=words[:500],
            )
        )

    _write(ctx, work)
    return Outcome.REFUSED


def _envelope_words(head: bytes) -> dict[str, str]:
    """What a refusal says of a message, as far as it can be read."""
    try:
        end = head.find(b"\r\n\r\n")
        message = parse(head[: min(end + 4 if end >= 0 else len(head), 200_000)])
        boxes = authors(message)
        words = (delivered.return_path(message) or "", boxes[0].address if boxes else "", message_id(message) or "")
    except Exception:  # it is refused as something that cannot be read
        words = ("", "", "")
    return dict(zip(("envelope_sender", "from_address", "message_id_header"), (w[:320] for w in words), strict=True))


def _set_aside(ctx: Context, account: Imap, place: Place, raw: bytes, error: Exception) -> Outcome:
    """We failed before acceptance could begin."""
    words = quarantine.describe(error)
    addresses = [routing.address(ctx.settings, account.list or HUB)]
    envelope = Envelope("", "", account.host, "IMAP", ctx.clock(), trusted=True)

    def work(tx: Connection) -> int:
        _insert(tx, place, "", Outcome.QUARANTINE, type(error).__name__, ctx)
        return quarantine.set_aside(tx, raw, envelope, addresses, "imap", words)

    number = _write(ctx, work)
    log.error("a fetched message could not be read and is in quarantine as %s: %s", number, type(error).__name__)
    return Outcome.QUARANTINE


def give_up(ctx: Context, account: Imap, place: Place, why: str) -> Outcome:
    """The server does not give it to us: there is nothing to keep but that."""
    _write(ctx, lambda tx: _insert(tx, place, "", Outcome.QUARANTINE, why[:500], ctx))
    log.error("%s: message %d cannot be fetched and goes to the folder Quarantine: %s", label(account), place.uid, why)
    return Outcome.QUARANTINE


# --- its row -----------------------------------------------------------------------------------------------------


def _content(raw: bytes, recipients: Sequence[str]) -> str:
    found = hashlib.sha256("\0".join(sorted(recipients)).encode("utf-8", "surrogatepass") + b"\0")
    found.update(raw)
    return found.hexdigest()


def _known(ctx: Context, place: Place, content: str) -> Taken | None:
    """What became of these bytes already. What was refused or set aside and has been moved is tried again when somebody
    puts it back; what was processed never."""
    with ctx.db.reading() as tx:
        rows = list(tx.execute(_SAME, {"content": content}))
    here = next((row for row in rows if _is_at(row, place)), None)
    if here is not None:
        return Taken(Outcome(here.outcome), fresh=False)
    row = next((row for row in rows if row.outcome == Outcome.PROCESSED or row.moved_at is None), None)
    if row is None:
        return None
    outcome = Outcome(row.outcome)
    now = ctx.clock()

    def work(tx: Connection) -> None:
        _insert(tx, place, content, outcome, "the same bytes as before", ctx)
        others = (_fetched.c.content == content, _fetched.c.moved_at.is_(None), _fetched.c.uid != place.uid)
        tx.execute(update(_fetched).where(*others).values(moved_at=now))

    _write(ctx, work)
    return Taken(outcome)


def _is_at(row: Any, place: Place) -> bool:
    return (row.mailbox, row.uidvalidity, row.uid) == (place.mailbox, place.uidvalidity, place.uid)


def _insert(tx: Connection, place: Place, content: str, outcome: Outcome, why: str, ctx: Context) -> None:
    values = {
        "mailbox": place.mailbox,
        "uidvalidity": place.uidvalidity,
        "uid": place.uid,
        "content": content,
        "outcome": outcome,
        "why": why,
        "at": ctx.clock(),
    }
    try:
        tx.execute(insert(_fetched).values(values))
    except IntegrityError:  # another machine has taken it at this very moment
        raise acceptance.AlreadyTaken from None


def _write(ctx: Context, work: Any) -> Any:
    """A commit from a thread; None when another machine did the same."""
    try:
        return ctx.db.submit(work).result()
    except acceptance.AlreadyTaken:
        return None


def moved(ctx: Context, places: Sequence[Place]) -> None:
    """They are out of their folder. If we die before this is on disk, `left` finds out."""
    if not places:
        return
    first = places[0]
    where = (
        _fetched.c.mailbox == first.mailbox,
        _fetched.c.uidvalidity == first.uidvalidity,
        _fetched.c.uid.in_([place.uid for place in places]),
        _fetched.c.moved_at.is_(None),
    )
    now = ctx.clock()
    ctx.db.submit(lambda tx: tx.execute(update(_fetched).where(*where).values(moved_at=now)), durable=False).result()


def not_moved(ctx: Context, mailbox: str, uidvalidity: int) -> list[int]:
    """UIDs that were taken, and not moved as far as we know."""
    same = (_fetched.c.mailbox == mailbox, _fetched.c.uidvalidity == uidvalidity, _fetched.c.moved_at.is_(None))
    with ctx.db.reading() as tx:
        return list(tx.execute(select(_fetched.c.uid).where(*same)).scalars())


def forget_old(ctx: Context, mailbox: str, uidvalidity: int) -> None:
    """Rows of the same folder under another UIDVALIDITY, which will never be moved."""
    old = (_fetched.c.mailbox == mailbox, _fetched.c.uidvalidity != uidvalidity, _fetched.c.at < ctx.clock() - KEPT)
    ctx.db.submit(lambda tx: tx.execute(delete(_fetched).where(*old)), durable=False).result()
