"""The addresses of a list: which handler an address belongs to, and how our own addresses are written.

Read at RCPT, before a byte of the message is seen; built for every notice and copy. Names and forms are those of the
contract: `LIST`, `LIST+t.TAG`, `LIST-leave+TOKEN`, `LIST-request`, ..., the hub `community`, `postmaster`, `abuse`. An
answer to a digest comes to `LIST+d.TOKEN`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from listserv.mail.address import split
from listserv.settings import HUB, Settings


class Kind(StrEnum):
    """One handler each."""

    POST = "post"
    REQUEST = "request"
    JOIN = "join"
    LEAVE = "leave"
    OWNER = "owner"
    CONFIRM = "confirm"
    MODERATE = "moderate"
    BOUNCES = "bounces"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a message to one of our addresses goes. `list_name` is the hub's for the whole community."""

    kind: Kind
    list_name: str
    token: str = ""
    thread: str = ""
    digest: str = ""  # an answer to a digest: the token that names its issue


_HUB_KINDS = frozenset({Kind.REQUEST, Kind.JOIN, Kind.LEAVE, Kind.CONFIRM, Kind.MODERATE, Kind.BOUNCES, Kind.OWNER})
_SUFFIXES = {str(kind): kind for kind in Kind if kind not in (Kind.POST, Kind.CONTACT)}
_NEEDS_TOKEN = frozenset({Kind.CONFIRM, Kind.MODERATE, Kind.BOUNCES})


def resolve(settings: Settings, address: str) -> Route | None:
    """The route of an address, None when it is not one of ours. Case does not matter."""
    local, domain = split(address)
    local = local.lower()
    if local in ("postmaster", "abuse") and domain in ("", settings.domain):
        return Route(Kind.CONTACT, HUB)
    if domain != settings.domain:
        return None
    stem, _, tag = local.partition("+")
    if (stem in settings.lists or stem == HUB) and tag.startswith("d."):
        return Route(Kind.POST, stem, digest=tag[2:])
    if stem in settings.lists:
        return Route(Kind.POST, stem, thread=tag[2:] if tag.startswith("t.") else "")
    if stem == HUB:
        return Route(Kind.POST, tag if tag in settings.lists else HUB)
    name, _, suffix = stem.rpartition("-")
    kind = _SUFFIXES.get(suffix)
    if kind is None:
        return None
    if name not in settings.lists and not (name == HUB and kind in _HUB_KINDS):
        return None
    if kind in _NEEDS_TOKEN and not tag:
        return None
    return Route(kind, name, token=tag)


def address(settings: Settings, list_name: str, kind: Kind = Kind.POST, token: str = "") -> str:
    """One of our own addresses."""
    suffix = "" if kind is Kind.POST else f"-{kind}"
    return f"{list_name}{suffix}{'+' if token else ''}{token}@{settings.domain}"


def is_own(settings: Settings, address: str) -> bool:
    """Whether an address belongs to listserv itself, in whatever form: such a one is nobody's."""
    local, domain = split(address)
    return domain == settings.domain and (
        resolve(settings, address) is not None or resolve(settings, f"{local}+x@{domain}") is not None
    )


def title(settings: Settings, list_name: str) -> str:
    """What people call the list: its title, or the community's name for the hub."""
    known = settings.lists.get(list_name)
    if known is not None:
        return known.title
    return settings.community.name if list_name == HUB else list_name
