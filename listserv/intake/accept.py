"""The instant of acceptance: the story of the house.

Read the message, gather what is known, decide, commit, and only then say 250. SMTP, LMTP, IMAP and standard input
all come through here. What we cannot decide because *we* failed is quarantined with a 250; what we cannot even store
is a 451 (452 when the disk is full).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from listserv import arrivals, posts, quarantine, screen
from listserv.authenticate import Origin, Proof, Undecided, authenticate
from listserv.context import Context
from listserv.edge.db import is_disk_full
from listserv.errors import Reply
from listserv.facts import facts_alone
from listserv.handling import To, handle, needs_proof
from listserv.mail.incoming import Incoming, read
from listserv.mail.message import TooComplex
from listserv.policy.rules import decide_alone
from listserv.policy.screening.screened import NOTHING_FOUND, Screened
from listserv.policy.verdict import Verdict
from listserv.posts import THANKS, DuplicatePost, Envelope, Store
from listserv.routing import Kind
from listserv.stages import stage

log = logging.getLogger(__name__)

BIG = 200_000  # octets; larger messages are read in a thread, so that nobody else waits
TRY_LATER = Reply(451, "4.3.0", "We could not store the message just now. Please try again later")
DISK_FULL = Reply(452, "4.3.1", "There is no room to store the message just now. Please try again later")
UNPROVEN = Reply(
    550,
    "5.7.1",
    "Nothing in the message proves that it comes from the address it names. Please send it through the mail server "
    "of your own address, with DKIM or SPF.",
)
Recipient = To
Also = Callable[[Connection, list[Reply] | None], None]
"""Runs in the transaction of an acceptance, with its replies; None: the message goes into quarantine."""


class AlreadyTaken(Exception):
    """Raised by an `Also`: somebody else has accepted this very message. Nothing was stored."""


async def accept(
    ctx: Context,
    raw: bytes,
    envelope: Envelope,
    recipients: Sequence[Recipient],
    *,
    also: Also | None = None,
    patient: bool = True,
) -> list[Reply]:
    """One reply per recipient, each true: whatever says 250 is on disk. Raises nothing but AlreadyTaken.

    `also` is done in the same commit, if there is one (a 451 has none, nor has a message beyond the caps). Not
    `patient`: what DNS does not answer proves nothing, instead of a 451.
    """
    try:
        with stage("accept", id(raw)):
            return await again(ctx, raw, envelope, recipients, also=also, patient=patient)
    except AlreadyTaken:
        raise
    except Exception as error:
        return [await _set_aside(ctx, raw, envelope, recipients, error, also)] * len(recipients)


async def again(
    ctx: Context,
    raw: bytes,
    envelope: Envelope,
    recipients: Sequence[To],
    *,
    also: Also | None = None,
    patient: bool = True,
) -> list[Reply]:
    """The same, raising what we fail on (for `quarantine retry`, which has the message already)."""
    try:
        incoming = await _read(raw, envelope.sender)
    except TooComplex as error:
        return [Reply(550, "5.6.0", f"The message cannot be taken: {error.reason}")] * len(recipients)
    try:
        proof = await _prove(ctx, incoming, envelope, recipients)
    except Undecided as error:
        if patient:
            level = logging.INFO if envelope.protocol == "IMAP" else logging.WARNING  # there it is tried by ourselves
            log.log(level, "who sent a message cannot be checked, answered with 451: %s", error.cause)
            return [error.reply] * len(recipients)
        proof = Proof(False, f"could not be checked: {error.cause}")
    screened = await _screen(ctx, incoming, recipients, proof)
    routes = [to.route for to in recipients]
    if proof.proven:
        incoming = await screen.with_people(ctx, incoming, routes)
    if incoming.size < BIG:
        kept = screen.kept(ctx, incoming.message, routes)
    else:
        kept = await asyncio.to_thread(screen.kept, ctx, incoming.message, routes)
    return await _commit(ctx, incoming, Store.of(kept, screened), envelope, recipients, proof, also)


async def _read(raw: bytes, sender: str) -> Incoming:
    if len(raw) < BIG:
        return read(raw, sender)
    return await asyncio.to_thread(read, raw, sender)


async def _prove(ctx: Context, incoming: Incoming, envelope: Envelope, recipients: Sequence[To]) -> Proof:
    """Who sent it, where that matters. Raises Undecided where nothing but DNS stands between us and the answer."""
    unknown = Proof(False, "nothing was checked")
    kinds = {to.route.kind for to in recipients}
    if kinds <= {Kind.BOUNCES, Kind.LEAVE} and not any(needs_proof(to.route) for to in recipients):
        return unknown  # their tokens are all the proof that they need
    stopped = [_stopped(ctx, incoming, to, envelope, Proof(True, "")) for to in recipients]
    if all(verdict is not None for verdict in stopped):
        return unknown
    origin = Origin(envelope.client, envelope.helo, envelope.sender, envelope.trusted)
    try:
        return await authenticate(ctx, incoming, origin)
    except Undecided:
        if any(needs_proof(to.route) for to in recipients):
            raise
        return unknown


async def _screen(ctx: Context, incoming: Incoming, recipients: Sequence[To], proof: Proof) -> Screened:
    """What the post could tell of a client. Mail without proof waits first, and is looked through then."""
    if not proof.proven or incoming.automatic is not None or incoming.list_ids:
        return NOTHING_FOUND
    return await screen.look(ctx, incoming, [to.route for to in recipients])


def _stopped(ctx: Context, incoming: Incoming, to: To, envelope: Envelope, proof: Proof) -> Verdict | None:
    """The verdict on a post that holds whoever wrote it."""
    if to.route.kind is not Kind.POST:
        return None
    name = to.route.list_name
    return decide_alone(facts_alone(ctx.settings, incoming, name, proof, envelope.received_at))


async def _commit(
    ctx: Context,
    incoming: Incoming,
    store: Store,
    envelope: Envelope,
    recipients: Sequence[To],
    proof: Proof,
    also: Also | None,
) -> list[Reply]:
    def work(tx: Connection) -> list[Reply]:
        fresh = store.fresh()
        found = decided(ctx, tx, incoming, fresh, envelope, recipients, proof)
        if also is not None:
            also(tx, found)
        return found

    for last in (False, True):
        try:
            replies = await ctx.db.write(work)
            break
        except DuplicatePost:
            if last:
                raise
    ctx.wake.work.set()
    if any(to.route.kind is not Kind.POST for to in recipients) or len(recipients) > 1:
        ctx.wake.outbox.set()
    return replies


def decided(
    ctx: Context,
    tx: Connection,
    incoming: Incoming,
    store: Store,
    envelope: Envelope,
    recipients: Sequence[To],
    proof: Proof,
) -> list[Reply]:
    """Proven mail is handled at once; unproven mail waits, the same for everybody (`arrivals`)."""
    in_session = envelope.protocol != "IMAP"
    if proof.proven:
        return handle(ctx, tx, incoming, store, envelope, recipients, proof, in_session=in_session)
    replies: list[Reply] = []
    waiting: list[str] = []
    for to in recipients:
        if not needs_proof(to.route):
            replies += handle(ctx, tx, incoming, store, envelope, [to], proof, in_session=in_session)
            continue
        verdict = _stopped(ctx, incoming, to, envelope, proof)
        if verdict is not None:
            reply = posts.refusal(verdict)
            posts.refuse(tx, incoming, to.route.list_name, envelope, verdict, reply)
            replies.append(reply)
        elif to.route.kind is not Kind.POST and ctx.settings.authentication.unverified == "reject":
            replies.append(UNPROVEN)
        else:
            waiting.append(to.address)
            replies.append(THANKS)
    if waiting:
        arrivals.store(ctx, tx, incoming, store.raw, envelope, list(dict.fromkeys(waiting)), proof)
    return replies


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
    ctx: Context,
    raw: bytes,
    envelope: Envelope,
    recipients: Sequence[Recipient],
    error: Exception,
    also: Also | None,
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

    def work(tx: Connection) -> int:
        found = quarantine.set_aside(tx, raw, envelope, addresses, "accept", words)
        if also is not None:
            also(tx, None)
        return found

    try:
        number = await ctx.db.write(work)
    except AlreadyTaken:
        raise
    except Exception as second:
        log.error(
            "a message could be neither decided nor set aside: %s, %s", type(error).__name__, type(second).__name__
        )
        return DISK_FULL if is_disk_full(second) else TRY_LATER
    log.error("a message could not be decided and is in quarantine as %d: %s", number, type(error).__name__)
    return THANKS
