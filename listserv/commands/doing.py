"""Carries out the commands of a mail, each in its own words, and answers all of them in one mail.

Behind intake (`handling`), inside the transaction that takes the mail. Each command is a function, of `finding`,
`receiving`, `oneself` or `moderating`, that returns what its answer says; what it changes and says is one commit.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, select

from listserv import life, membership, notices, routing
from listserv.commands import finding, moderating, oneself, receiving
from listserv.commands.asked import Asked
from listserv.commands.reading import commands
from listserv.context import Context
from listserv.mail.address import canonical
from listserv.mail.incoming import Incoming
from listserv.mail.text import one_line
from listserv.model import Person, Status
from listserv.routing import Route
from listserv.settings import HUB
from listserv.words import N_, Phrase

_person = Person.__table__  # type: ignore[attr-defined]


def is_command(incoming: Incoming) -> bool:
    """Whether a mail to a list is nothing but a command that was meant for the request address."""
    return incoming.only_command is not None and any(command.verb for command in commands(incoming))


def answer(ctx: Context, tx: Connection, route: Route, incoming: Incoming, proof: str = "") -> bool:
    """Carries out what a proven mail asks for, and answers once. False when it holds no command at all, and a person
    should read it."""
    found = commands(incoming)
    if not found:
        return False
    person = membership.person_of(tx, canonical(incoming.authors[0].address))
    to = membership.recipient(tx, person) if person is not None else None
    answering = notices.Answering(incoming.message_id)
    if to is None:
        outsider = incoming.authors[0].address
        if found[0].verb == "status" and life.status_of_applicant(ctx, tx, outsider, answering):
            return True
        notices.put(ctx, tx, "command-outsider", outsider, "command-outsider", list_name=route.list_name,
                    answering=answering, join=routing.address(ctx.settings, HUB, routing.Kind.JOIN))  # fmt: skip
        return True
    row = tx.execute(select(_person).where(_person.c.id == to.person)).one()
    if row.status in (Status.BANNED, Status.SUSPENDED):
        return False
    ctx = ctx.speaking(row.language, row.timezone)
    reader = membership.reader(tx, ctx.settings, to.person, ctx.clock())
    if not notices.room(ctx, tx, "commands", to.email):
        return True
    applies = row.status == Status.APPLIED and found[0].verb in ("status", "agree", "renew")
    if applies and life.status_of_applicant(ctx, tx, incoming.authors[0].address, answering):
        return True  # what is missing is answered there, in reply to a mail with a token
    mail = f"command from {one_line(incoming.authors[0].address, 200)}, Message-ID {incoming.message_id or 'none'}"
    results = [_result(Asked(ctx, tx, route, to, row, reader, command, proof, mail)) for command in found]
    results = [result for result in results if result["words"]]  # leaving is told by the mail that can undo it
    if not results:
        return True
    notices.put(
        ctx,
        tx,
        "commands",
        to,
        "commands",
        list_name=route.list_name,
        answering=answering,
        results=results,
        first=found[0].line,
        request_address=routing.address(ctx.settings, HUB, routing.Kind.REQUEST),
    )
    return True


def _result(asked: Asked) -> dict[str, str]:
    command = asked.command
    if not command.verb:
        return {
            "line": command.line,
            "words": N_("That was not understood. Did you mean: %(word)s?", word=command.suggestion),
        }
    needs_reading = command.verb in ("search", "last", "get", "follow", "mute", "digest", "join")
    if needs_reading and asked.reader is None:
        return {"line": command.line, "words": life.why_not_reading(asked.ctx, asked.tx, asked.to.person)}
    words = _VERBS[command.verb](asked)
    return {"line": command.line, "words": words if isinstance(words, Phrase) else words.strip()}


_VERBS: dict[str, Callable[[Asked], str]] = {
    "help": finding.help_, "status": finding.status, "lists": finding.lists, "search": finding.search,
    "last": finding.last, "get": finding.get,
    "join": receiving.join, "leave": receiving.leave, "delivery": receiving.delivery, "pause": receiving.pause,
    "resume": receiving.resume, "follow": receiving.follow, "mute": receiving.mute, "digest": receiving.digest,
    "address": oneself.address, "terms": oneself.terms, "agree": oneself.agree, "renew": oneself.renew,
    "export": oneself.export, "forget": oneself.forget, "language": oneself.language,
    "recall": moderating.take_back, "emergency": moderating.switch,
}  # fmt: skip
