"""The instant of acceptance: the story of the house.

Read the message, gather what is known, decide, commit, and only then say 250. SMTP, LMTP, IMAP and standard input
all come through here. What we cannot decide because *we* failed is quarantined with a 250; what we cannot even store
is a 451 (452 when the disk is full).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from listserv import farewell, forward, moderate, notices, posts, quarantine, topics
from listserv.authenticate import Proof, authenticate
from listserv.context import Context
from listserv.edge.db import is_disk_full
from listserv.errors import Reply
from listserv.mail.incoming import Incoming, read
from listserv.mail.message import TooComplex
from listserv.mail.text import one_line
from listserv.membership import recipient
from listserv.policy.verdict import Action
from listserv.posts import THANKS, DuplicatePost, Envelope, Receipt, Store
from listserv.routing import Kind, Route
from listserv.stages import stage

log = logging.getLogger(__name__)

BIG = 200_000  # octets; larger messages are read in a thread, so that nobody else waits
TRY_LATER = Reply(451, "4.3.0", "We could not store the message just now. Please try again later")
DISK_FULL = Reply(452, "4.3.1", "There is no room to store the message just now. Please try again later")


@dataclass(frozen=True, slots=True)
class Recipient:
    """One RCPT: the address as it was given and where it leads."""

    address: str
    route: Route


async def accept(ctx: Context, raw: bytes, envelope: Envelope, recipients: Sequence[Recipient]) -> list[Reply]:
    """One reply per recipient, each true: whatever says 250 is on disk. Never raises."""
    try:
        with stage("accept", id(raw)):
            return await again(ctx, raw, envelope, recipients)
    except Exception as error:
        return [await _set_aside(ctx, raw, envelope, recipients, error)] * len(recipients)


async def again(ctx: Context, raw: bytes, envelope: Envelope, recipients: Sequence[Recipient]) -> list[Reply]:
    """The same, raising what we fail on (for `quarantine retry`, which has the message already)."""
    try:
        incoming = await _read(raw, envelope.sender)
    except TooComplex as error:
        return [Reply(550, "5.6.0", f"The message cannot be taken: {error.reason}")] * len(recipients)
    return await _commit(ctx, incoming, Store.of(raw), envelope, recipients, authenticate(ctx.settings))


async def _read(raw: bytes, sender: str) -> Incoming:
    if len(raw) < BIG:
        return read(raw, sender)
    return await asyncio.to_thread(read, raw, sender)


async def _commit(
    ctx: Context, incoming: Incoming, store: Store, envelope: Envelope, recipients: Sequence[Recipient], proof: Proof
) -> list[Reply]:
    for last in (False, True):
        fresh = Store(store.raw, store.size)
        try:
            work = partial(
                handle, ctx, incoming=incoming, store=fresh, envelope=envelope, recipients=recipients, proof=proof
            )
            replies = await ctx.db.write(work)
            break
        except DuplicatePost:
            if last:
                raise
    ctx.wake.work.set()
    if any(r.route.kind is not Kind.POST for r in recipients) or len(recipients) > 1:
        ctx.wake.outbox.set()
    return replies


def handle(
    ctx: Context,
    tx: Connection,
    incoming: Incoming,
    store: Store,
    envelope: Envelope,
    recipients: Sequence[Recipient],
    proof: Proof,
) -> list[Reply]:
    """Every recipient of one message, in one transaction; a list named twice is decided on once."""
    replies: list[Reply] = []
    receipts: list[Receipt] = []
    done: dict[tuple[Kind, str, str], Reply] = {}
    for to in recipients:
        key = (to.route.kind, to.route.list_name, to.route.token)
        if key not in done:
            if to.route.kind is Kind.POST:
                receipt = posts.receive(ctx, tx, incoming, store, to.route.list_name, envelope, proof)
                receipts.append(receipt)
                done[key] = receipt.reply
            else:
                _service(ctx, tx, to.route, incoming, proof)
                done[key] = THANKS
        replies.append(done[key])
    if envelope.protocol != "LMTP":
        _tell_partly_refused(ctx, tx, incoming, receipts)
    return replies


def _service(ctx: Context, tx: Connection, route: Route, incoming: Incoming, proof: Proof) -> None:
    """Mail to an address that is not for posts."""
    match route.kind:
        case Kind.MODERATE:
            moderate.answer(ctx, tx, route.token, incoming, proof)
        case Kind.CONFIRM:
            topics.answer(ctx, tx, route.token, incoming, proof)
            farewell.answer(ctx, tx, route.token, incoming, proof)
        case Kind.LEAVE if route.token:
            farewell.by_mail(ctx, tx, route.token, incoming)
        case Kind.BOUNCES:
            forward.bounce(ctx, tx, route.token, incoming)
        case Kind.OWNER | Kind.CONTACT:
            forward.to_people(ctx, tx, route, incoming, why="addressed")
        case _:
            forward.not_yet(ctx, tx, route, incoming, proof)


def _tell_partly_refused(ctx: Context, tx: Connection, incoming: Incoming, receipts: list[Receipt]) -> None:
    """SMTP has one reply for several lists: the proven author of a partly refused post gets one notice."""
    refused = [r for r in receipts if r.action is Action.REJECT]
    author = next((r.person for r in receipts if r.person is not None), None)
    if not refused or len(refused) == len(receipts) or author is None:
        return
    to = recipient(tx, author)
    if to is not None:
        notices.put(
            ctx,
            tx,
            "refused-lists",
            to,
            "refused",
            answering=notices.Answering(incoming.message_id),
            subject=one_line(incoming.subject, 200) or "(no subject)",
            refusals=[(r.list_name, r.reply.text) for r in refused],
        )


def combined(replies: Sequence[Reply]) -> Reply:
    """SMTP's one reply: any temporary failure is a 451; all refused is a 550; else 250 (design, section 1)."""
    for reply in replies:
        if reply.temporary:
            return reply
    if all(not reply.ok for reply in replies):
        first = replies[0]
        words = " ".join(dict.fromkeys(reply.text for reply in replies))
        return Reply(550, first.enhanced, words)
    return next(reply for reply in replies if reply.ok)


async def _set_aside(
    ctx: Context, raw: bytes, envelope: Envelope, recipients: Sequence[Recipient], error: Exception
) -> Reply:
    """We failed: 452 or 451 when the database did, else quarantine and 250."""
    if is_disk_full(error):
        log.error("the disk is full: mail is answered with 452 until there is room again")
        return DISK_FULL
    if isinstance(error, OperationalError | InterfaceError):
        log.error("the database does not take the message, answered with 451: %s", type(error.orig).__name__)
        return TRY_LATER
    words = quarantine.describe(error)
    addresses = [to.address for to in recipients]
    try:
        number = await ctx.db.write(lambda tx: quarantine.set_aside(tx, raw, envelope, addresses, "accept", words))
    except Exception as second:
        log.error(
            "a message could be neither decided nor set aside: %s, %s", type(error).__name__, type(second).__name__
        )
        return DISK_FULL if is_disk_full(second) else TRY_LATER
    log.error("a message could not be decided and is in quarantine as %d: %s", number, type(error).__name__)
    return THANKS
