"""Who asks what: what every command of a mail is given.

`doing` makes it, once for each command; the modules with the commands themselves read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from listserv import routing
from listserv.commands.reading import Command
from listserv.context import Context
from listserv.membership import Reader, Recipient
from listserv.model import Subscription
from listserv.routing import Route
from listserv.settings import HUB

_subscription = Subscription.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, by which address of ours, with which command. `reader` is None for who may not read at present."""

    ctx: Context
    tx: Connection
    route: Route
    to: Recipient
    row: Any  # of the person
    reader: Reader | None
    command: Command
    proof: str = ""  # what proves that the mail is theirs
    mail: str = ""  # the mail itself, in words: from which address, which Message-ID

    @property
    def lists(self) -> tuple[str, ...]:
        """The lists that a command is about: the one named, that of the address, or all that they are on."""
        named = self.named
        if named:
            return (named,)
        mine = self.on
        if self.route.list_name != HUB:
            return tuple(name for name in mine if name == self.route.list_name)
        return mine

    @property
    def named(self) -> str:
        """The list that the argument names, by its name or its title; "" for none."""
        wanted = self.command.argument.casefold().strip("[]#")
        for name, one in self.ctx.settings.lists.items():
            if wanted and wanted in (name, one.title.casefold(), routing.address(self.ctx.settings, name)):
                return name
        return ""

    @property
    def on(self) -> tuple[str, ...]:
        """The lists that they are on, in the order of the settings."""
        query_ = select(_subscription.c.list_name).where(
            _subscription.c.person_id == self.to.person, _subscription.c.left_at.is_(None)
        )
        found = {row.list_name for row in self.tx.execute(query_)}
        return tuple(name for name in self.ctx.settings.lists if name in found)


def tag_in(text: str) -> str:
    """A tag, or the one at the end of a permalink."""
    return text.strip().rstrip("/").rpartition("/")[2].casefold()
