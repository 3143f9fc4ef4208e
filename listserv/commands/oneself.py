"""Commands by mail about the member who writes: addresses, terms, registration, language, their data.

Each returns what its answer says (`doing`).
"""

from __future__ import annotations

from sqlalchemy import update

from listserv import life
from listserv.commands.asked import Asked
from listserv.edge.languages import named
from listserv.mail.address import parse_mailboxes
from listserv.model import Person
from listserv.words import N_

_person = Person.__table__  # type: ignore[attr-defined]


def address(asked: Asked) -> str:
    verb, _, rest = asked.command.argument.partition(" ")
    boxes = parse_mailboxes(rest) if rest else []
    email = boxes[0].address if len(boxes) == 1 else ""
    if verb.casefold() not in ("add", "remove", "prefer") or not email:
        return N_("Write: address add new@example.org, address prefer ..., or address remove ...")
    return life.change_address(asked.ctx, asked.tx, asked.to, verb.casefold(), email)


def terms(asked: Asked) -> str:
    return life.terms_text(asked.ctx) or N_("This community has no terms to agree to.")


def agree(asked: Asked) -> str:
    return life.agree(asked.ctx, asked.tx, asked.to.person, asked.mail)


def renew(asked: Asked) -> str:
    return life.renew(asked.ctx, asked.tx, asked.to, asked.command.argument)


def language(asked: Asked) -> str:
    wanted = named(asked.command.argument)
    if wanted is None:
        return N_(
            "Which language? Write `language en` for English, `language de` for German or `language fr` for French."
        )
    asked.tx.execute(update(_person).where(_person.c.id == asked.to.person).values(language=wanted))
    return N_("From now on we write to you in English.")


def export(asked: Asked) -> str:
    settings = asked.ctx.settings
    if settings.web is None:
        return N_("Your data cannot be sent by mail. Please write to %(contact)s.", contact=settings.community.contact)
    url = f"{settings.community.url}/me"
    return N_("Your data is not sent by mail. Log in here, and take it with you:\n%(url)s", url=url)


def forget(asked: Asked) -> str:
    return life.forget(asked.ctx, asked.tx, asked.to)
