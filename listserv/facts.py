"""The facts on a message for one list: what it says itself, what proves it, and what is known of its author.

Between acceptance and `policy.rules.decide`, which reads them. `facts_alone` are those that are the same whoever wrote
it; `gather` asks the database for the rest, inside the transaction that stores what is decided.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from listserv import repeating, routing
from listserv.authenticate import Proof
from listserv.mail.address import canonical
from listserv.mail.incoming import Incoming
from listserv.mail.names import addresses_in, name_key
from listserv.membership import author, namesake
from listserv.model import Emergency, Post
from listserv.model.posts import OPEN
from listserv.policy.screening.screened import NOTHING_FOUND, Screened
from listserv.policy.verdict import Author, Facts
from listserv.settings import HUB, ListSettings, Settings

_post = Post.__table__  # type: ignore[attr-defined]
_emergency = Emergency.__table__  # type: ignore[attr-defined]


def facts_alone(
    settings: Settings,
    incoming: Incoming,
    list_name: str,
    proof: Proof,
    now: datetime,
    screened: Screened = NOTHING_FOUND,
) -> Facts:
    """The facts that a message and its proof give for one list, without a look at who its author is."""
    hub = list_name == HUB
    rules = ListSettings() if hub else settings.lists[list_name]
    keys = tuple(dict.fromkeys(canonical(box.address) for box in incoming.authors))
    return Facts(
        now=now,
        list_name=list_name,
        list_address=routing.address(settings, list_name),
        own_domain=settings.domain,
        size=incoming.size,
        max_size=settings.intake.max_size,
        authors=keys,
        pretends="",
        automatic=incoming.automatic,
        own_list_id=any(i == settings.domain or i.endswith("." + settings.domain) for i in incoming.list_ids),
        hops=incoming.hops,
        addressed=addressed(settings, incoming, list_name),
        header_recipients=incoming.recipient_count,
        doubled_fields=incoming.doubled,
        only_command=incoming.only_command,
        dangerous=incoming.dangerous,
        proven=proof.proven,
        unverified=settings.authentication.unverified,
        author=None,
        own_address=bool(keys) and any(routing.is_own(settings, key) for key in keys),
        topic_missing=hub,
        topics=tuple(settings.lists),
        collision=False,
        over_rate=False,
        list_over_rate=False,
        posting="members" if hub else rules.posting,
        moderation="none" if hub else rules.moderation,
        emergency=False,
        screening=screening_of(settings, list_name),
        findings=tuple(finding for _, finding, _ in screened.left()),
    )


def screening_of(settings: Settings, list_name: str) -> str:
    """How a list is screened; the hub, whose posts go to a list later, in general."""
    listed = settings.lists.get(list_name)
    return listed.screening if listed is not None else "general"


def gather(
    tx: Connection,
    settings: Settings,
    incoming: Incoming,
    list_name: str,
    proof: Proof,
    now: datetime,
    *,
    screened: Screened = NOTHING_FOUND,
    approved: bool = False,
    exclude_post: int | None = None,
) -> tuple[Facts, Author | None]:
    """The facts on one message for one list (the hub's while no topic is known), and its author."""
    alone = facts_alone(settings, incoming, list_name, proof, now, screened)
    keys = alone.authors
    who = author(tx, settings, keys[0], list_name, now) if keys and keys[0] else None
    facts = replace(
        alone,
        author=who,
        pretends=_pretends(tx, settings, incoming, who),
        collision=_collision(tx, incoming, list_name, exclude_post),
        over_rate=who is not None and _over_rate(tx, settings, who.person, now),
        list_over_rate=_list_over_rate(tx, settings, list_name, now),
        emergency=_emergency_now(tx, list_name, now),
        repeats_recalled=repeating.of_recalled(tx, incoming.message),
        approved=approved,
    )
    return facts, who


def _pretends(tx: Connection, settings: Settings, incoming: Incoming, who: Author | None) -> str:
    """Whom the display name shows instead of its author; empty when it does not."""
    if not incoming.authors:
        return ""
    box = incoming.authors[0]
    own = canonical(box.address)
    others = [shown for shown in addresses_in(box.name) if canonical(shown) != own]
    if others:
        return f"it shows the address {others[0]}"
    key = name_key(box.name)
    if not key or (who is not None and key == name_key(who.name)):
        return ""
    if key in _names_of_lists(settings):
        return f"{box.name} is the name of a list"
    other = namesake(tx, key, who.person if who else None)
    return f"{other} is another member" if other else ""


def _names_of_lists(settings: Settings) -> set[str]:
    titles = [settings.community.name, *(known.title for known in settings.lists.values())]
    return {name_key(title) for title in titles} - {""}


def named_lists(settings: Settings, incoming: Incoming) -> list[str]:
    """Our lists that To or Cc names, in the order of the settings."""
    found = set()
    for address in incoming.recipients:
        route = routing.resolve(settings, address)
        if route is not None and route.kind is routing.Kind.POST:
            found.add(route.list_name)
    return sorted(found, key=settings.list_order)


def addressed(settings: Settings, incoming: Incoming, list_name: str) -> bool:
    """Whether To or Cc names this list, or the hub, which stands for all of them."""
    names = named_lists(settings, incoming)
    return list_name in names or HUB in names


# Statements of the instant of acceptance, compiled once.
_COLLISION = (
    select(_post.c.id)
    .where(
        _post.c.message_id_header == bindparam("message_id"),
        _post.c.list_name == bindparam("list"),
        _post.c.content_hash != bindparam("hash"),
        _post.c.state.in_(OPEN),
        _post.c.id != bindparam("exclude"),
    )
    .limit(1)
)
_RECENT = select(func.count(func.distinct(_post.c.message_id))).where(
    _post.c.person_id == bindparam("person"), _post.c.received_at > bindparam("since")
)
_RECENT_ON_LIST = select(func.count()).where(
    _post.c.list_name == bindparam("list"), _post.c.received_at > bindparam("since")
)
_EMERGENCY = (
    select(_emergency.c.id)
    .where(_emergency.c.list_name.in_((bindparam("list"), HUB)), _emergency.c.until > bindparam("now"))
    .limit(1)
)


def _collision(tx: Connection, incoming: Incoming, list_name: str, exclude: int | None) -> bool:
    if incoming.message_id is None:
        return False
    values = {"message_id": incoming.message_id, "list": list_name, "hash": incoming.content_hash}
    return tx.execute(_COLLISION, {**values, "exclude": exclude or 0}).first() is not None


def _over_rate(tx: Connection, settings: Settings, person: int, now: datetime) -> bool:
    rate = settings.intake.rate
    if rate is None:
        return False
    return int(tx.execute(_RECENT, {"person": person, "since": now - rate.window}).scalar() or 0) >= rate.count


def _list_over_rate(tx: Connection, settings: Settings, list_name: str, now: datetime) -> bool:
    rate = settings.intake.list_rate
    if rate is None:
        return False
    values = {"list": list_name, "since": now - rate.window}
    return int(tx.execute(_RECENT_ON_LIST, values).scalar() or 0) >= rate.count


def _emergency_now(tx: Connection, list_name: str, now: datetime) -> bool:
    return tx.execute(_EMERGENCY, {"list": list_name, "now": now}).first() is not None
