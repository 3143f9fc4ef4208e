"""Screening: what in a post could tell who a client is, found before anybody but its author sees it.

Between reading a message and deciding on it (`intake.accept`, and `worker` for mail that waited for a proof). Decoding
and detecting are pure (mail.passages, policy.screening); here stand what they need from outside: the text of attached
documents (edge.documents, in a process of their own), the names that a model recognises where a site wants one
(edge.entities, never inside a transaction), and the names of members, who may be named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from listserv import membership
from listserv.context import Context
from listserv.edge import documents, entities
from listserv.facts import screening_of
from listserv.mail import pictures
from listserv.mail.address import canonical
from listserv.mail.incoming import Incoming
from listserv.mail.message import Message
from listserv.mail.passages import Passage, Place, passages
from listserv.policy.screening import Known
from listserv.policy.screening.screened import NOTHING_FOUND, Screened
from listserv.routing import Kind, Route

BIG = 4_000  # octets; larger messages are looked through in a thread, so that nobody else waits


def wanted(ctx: Context, routes: Iterable[Route]) -> bool:
    """Whether any of these is a list whose posts are screened."""
    return any(route.kind is Kind.POST and screening_of(ctx.settings, route.list_name) != "off" for route in routes)


async def look(ctx: Context, incoming: Incoming, routes: Iterable[Route]) -> Screened:
    """What the screen finds in a post, documents included. Stores nothing."""
    if not wanted(ctx, routes):
        return NOTHING_FOUND
    read = await documents.texts(incoming.message)
    big = incoming.size > BIG
    found = await asyncio.to_thread(passages, incoming.message, read.texts) if big else passages(
        incoming.message, read.texts
    )  # fmt: skip
    named = await asyncio.to_thread(_named, found) if big else _named(found)
    people = await _people(ctx, found)
    known = await ctx.db.read(lambda tx: _known(ctx, tx, _address(incoming), named, people))
    return await asyncio.to_thread(_screened, found, known) if big else _screened(found, known)


def kept(ctx: Context, message: Message, routes: Iterable[Route]) -> bytes:
    """The bytes to be stored: on a list that is screened for clients, pictures lose where and when they were taken."""
    if any(route.kind is Kind.POST and screening_of(ctx.settings, route.list_name) == "clinical" for route in routes):
        return pictures.in_message(message)
    return message.raw


async def with_people(ctx: Context, incoming: Incoming, routes: Iterable[Route]) -> Incoming:
    """A message with the names that are recognised in it, if it may bring a corrected text, which `look_at_text` looks
    at inside a transaction, where nobody waits for a model."""
    if not ctx.settings.screening.names or not any(route.kind is Kind.CONFIRM for route in routes):
        return incoming
    found = await asyncio.to_thread(passages, incoming.message)
    return replace(incoming, people=await _people(ctx, found))


def look_at_text(
    ctx: Context, tx: Connection, message: Message, author: str, people: frozenset[str], before: Screened
) -> Screened:
    """The same inside a transaction, for a message without documents: a corrected text, in which `people` were
    recognised. Names that were found `before` may still stand in its subject and files."""
    found = passages(message)
    if ctx.settings.screening.names:
        people |= {value for _, finding, value in before.left() if finding.kind == "name"}
    return _screened(found, _known(ctx, tx, author, _named(found), people))


def scrubbed(ctx: Context, tx: Connection, words: str) -> str:
    """What a person wrote to be passed on, without anything that could tell who a client is."""
    from listserv.policy.screening import scrubbed as without_values

    return without_values(words, _known(ctx, tx, "", ())) if words else ""


def still_there(screened: Screened, message: Message) -> Screened:
    """What was found, less what does not stand in the message any more (quoted words that were cut out of it)."""
    if not screened.findings:
        return screened
    text = "\n".join(one.text for one in passages(message))
    gone = [n for n, one, value in screened.left() if one.place is not Place.FILE and value not in text]
    return screened.without(gone)


def _address(incoming: Incoming) -> str:
    return canonical(incoming.authors[0].address) if incoming.authors else ""


async def _people(ctx: Context, found: Sequence[Passage]) -> frozenset[str]:
    """The names that the site's model recognises, if it has one."""
    pipeline = ctx.settings.screening.names
    return await entities.people(pipeline, [one.text for one in found]) if pipeline else frozenset()


def _known(
    ctx: Context, tx: Connection, author: str, named: Collection[str], recognised: frozenset[str] = frozenset()
) -> Known:
    person = membership.person_of(tx, author) if author else None
    return Known(
        author_name=membership.name_of(tx, person) if person is not None else "",
        author_addresses=tuple(membership.addresses_of(tx, person)) if person is not None else (author,),
        members=membership.names_of_members(tx, {*named, *recognised}),
        detectors=ctx.settings.screening.own(),
        allowed=(*ctx.settings.screening.allowed, ctx.settings.domain),
        recognised=recognised,
    )


def _named(found: Sequence[Passage]) -> frozenset[str]:
    """Names and addresses of which the roster is asked whether they are members'."""
    from listserv.policy.screening import addresses, names

    return names(found) | addresses(found)


def warm() -> None:
    """Loads the detectors before the first post needs them."""
    from listserv.policy.screening import screen

    screen((), Known())


def _screened(found: Sequence[Passage], known: Known) -> Screened:
    from listserv.policy.screening import screen

    findings = screen(tuple(found), known)
    return Screened(
        findings,
        tuple(found[one.passage].text[one.start : one.end] for one in findings),
        tuple(found[one.passage].part for one in findings),
    )
