"""Commands by mail of moderators and owners: recall, emergency.

What members may do stands in `finding`, `receiving` and `oneself`; here every command first asks whether its sender
moderates what it is about. The mail is proven (`handling`), or it would not have come so far.
"""

from __future__ import annotations

from listserv import emergency, recall
from listserv.commands.asked import Asked
from listserv.membership import moderators
from listserv.recall import By
from listserv.settings import HUB
from listserv.words import N_


def _moderates(asked: Asked, names: list[str]) -> bool:
    return any(one.person == asked.to.person for name in names for one in moderators(asked.tx, name))


def _by(asked: Asked) -> By:
    return By(asked.to.name or asked.to.email, "mail", asked.to.person, asked.proof)


def take_back(asked: Asked) -> str:
    """`recall <Message-ID, link or tag> <reason>`"""
    reference, _, reason = asked.command.argument.partition(" ")
    found = recall.find(asked.tx, reference) if reference else []
    if not found or not _moderates(asked, [post.list_name for post in found]):
        return N_("There is no such message on a list that you moderate. Write `recall`, its link and the reason.")
    if not reason.strip():
        return N_("Why? Write: recall %(link)s and the reason. Its author and its readers are told.", link=reference)
    return recall.recall(asked.ctx, asked.tx, found, _by(asked), reason).words


def switch(asked: Asked) -> str:
    """`emergency on <reason>`, `emergency on for 3 days <reason>`, `emergency off`: for the list of the address, or for
    all lists, by whoever moderates one."""
    name = asked.route.list_name
    everywhere = [HUB, *asked.ctx.settings.lists]
    if not _moderates(asked, everywhere if name == HUB else [name, HUB]):
        return N_("Only moderators and owners can do that. If something is urgent, write to the list's owners.")
    if asked.command.word.endswith("off"):
        return emergency.end(asked.ctx, asked.tx, name, _by(asked)) or N_("Emergency moderation is not on.")
    life, reason = emergency.read_wish(asked.command.argument)
    if life is None:
        return N_("For how long? At most 30 days; write, for example: emergency on for 3 days, and the reason.")
    if not reason:
        return N_("Why? Write: emergency on, and the reason. The other moderators are told.")
    return emergency.begin(asked.ctx, asked.tx, name, _by(asked), reason, life)
