"""As whom a command decides: the operator, or with --as a moderator of the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import Connection

from listserv.errors import UserError
from listserv.mail.address import canonical
from listserv.membership import Recipient, moderators, person_of
from listserv.recall import By

OPERATOR = By("the operator", "shell", proof="shell of this machine")


def operator_or(
    tx: Connection,
    lists: list[str],
    address: str | None,
    may: Callable[[Connection, str], Iterable[Recipient]] = moderators,
) -> By:
    """The operator, or somebody who `may` on one of these lists. Raises UserError for who may not."""
    if address is None:
        return OPERATOR
    person = person_of(tx, canonical(address))
    for name in lists:
        for one in may(tx, name):
            if one.person == person:
                return By(one.name or one.email, "shell", one.person, "shell of this machine")
    raise UserError(f"--as: {address} is no moderator or owner of {', '.join(lists)}; see `roles` in the roster")
