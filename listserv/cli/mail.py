"""inject and explain: a message on standard input."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from listserv import arrivals, posts, routing, screen
from listserv.authenticate import TRY_LATER, Origin, Proof, authenticate
from listserv.cli.output import AsJson, show
from listserv.context import Context, open_context
from listserv.errors import UserError
from listserv.facts import gather, named_lists
from listserv.intake import accept as acceptance
from listserv.intake.connections import Trusted
from listserv.mail.incoming import Incoming, read, topic_of
from listserv.mail.message import TooComplex, normalise
from listserv.policy import reasons, rules
from listserv.policy.screening import summary
from listserv.policy.screening.screened import Screened
from listserv.policy.verdict import Action
from listserv.settings import HUB, load

EX_DATAERR, EX_NOUSER, EX_TEMPFAIL, EX_NOPERM = 65, 67, 75, 77


def register(app: typer.Typer) -> None:
    app.command()(inject)
    app.command()(explain)


def _stop(words: str, code: int) -> typer.Exit:
    sys.stderr.write(f"listserv: {words}\n")
    return typer.Exit(code)


def inject(
    context: typer.Context,
    recipients: Annotated[list[str], typer.Argument(metavar="RECIPIENT...")],
    sender: Annotated[str | None, typer.Option("--sender", metavar="ADDRESS", help="The envelope sender.")] = None,
) -> None:
    """Takes one message on standard input, as the SMTP daemon would. Exit codes are those of sysexits."""
    try:
        ctx = open_context(load(context.obj))
    except UserError as error:
        from listserv.settings import SettingsError

        if isinstance(error, SettingsError):
            raise
        raise _stop(str(error), EX_TEMPFAIL) from None
    raw = normalise(sys.stdin.buffer.read())
    if not raw.strip():
        raise _stop("standard input is empty; a message was expected", EX_DATAERR)
    found = []
    for address in recipients:
        route = routing.resolve(ctx.settings, address)
        if route is None:
            raise _stop(
                f"{address} is no address of ours; the domain of every list is {ctx.settings.domain}", EX_NOUSER
            )
        found.append(acceptance.Recipient(address, route))
    try:
        first = read(raw, "x@invalid").authors[:1]
    except TooComplex as error:
        raise _stop(f"the message cannot be read: {error.reason}", EX_DATAERR) from None
    envelope_sender = sender if sender is not None else (first[0].address if first else "")
    envelope = posts.Envelope(envelope_sender.strip("<>"), "", "", "inject", ctx.clock(), trusted=True)
    replies = asyncio.run(acceptance.accept(ctx, raw, envelope, found))
    ctx.db.close()
    reply = acceptance.combined(replies)
    if reply.temporary:
        raise _stop(str(reply), EX_TEMPFAIL)
    if not reply.ok:
        raise _stop(str(reply), EX_DATAERR if reply.enhanced == "5.6.0" else EX_NOPERM)


def explain(
    context: typer.Context,
    recipient: Annotated[str | None, typer.Argument(metavar="RECIPIENT")] = None,
    sender: Annotated[str | None, typer.Option("--sender", metavar="ADDRESS", help="The envelope sender.")] = None,
    ip: Annotated[str, typer.Option("--ip", help="The address it would come from.")] = "",
    helo: Annotated[str, typer.Option("--helo", help="The name it would say.")] = "",
    json: AsJson = False,
) -> None:
    """What would be decided on a message, and why: every rule that hits or misses. Nothing is stored or sent."""
    ctx = open_context(load(context.obj))
    raw = normalise(sys.stdin.buffer.read())
    if not raw.strip():
        raise UserError("standard input is empty; a message was expected")
    try:
        incoming = read(raw, "x@invalid" if sender is None else sender)
    except TooComplex as error:
        show([_row("verdict", "", "reject", error.reason)], _COLUMNS, as_json=json, empty="")
        return
    if sender is None and incoming.authors:
        incoming = read(raw, incoming.authors[0].address)
    addresses = [recipient] if recipient else [
        routing.address(ctx.settings, name) for name in named_lists(ctx.settings, incoming)
    ]  # fmt: skip
    if not addresses:
        raise UserError("neither the command nor To and Cc of the message name a list; give a RECIPIENT")
    envelope_sender = sender if sender is not None else (incoming.authors[0].address if incoming.authors else "")
    origin = Origin(ip, helo, envelope_sender.strip("<>"), not ip or ip in Trusted(ctx.settings.intake.trusted_peers))
    proof = asyncio.run(authenticate(ctx, incoming, origin, full=True))
    routes = [route for route in (routing.resolve(ctx.settings, address) for address in addresses) if route is not None]
    screened = asyncio.run(screen.look(ctx, incoming, routes))
    rows: list[dict[str, Any]] = []
    with ctx.db.reading() as tx:
        for address in addresses:
            rows += _explained(ctx, tx, incoming, address, proof, screened)
    rows += _checks(proof)
    show(rows, _COLUMNS, as_json=json, empty="")


_COLUMNS = ["kind", "name", "result", "reason"]


def _row(kind: str, name: str, result: str, reason: str) -> dict[str, Any]:
    return {"kind": kind, "name": name, "result": result, "reason": reason}


def _checks(proof: Proof) -> list[dict[str, Any]]:
    """What SPF, DKIM, DMARC and ARC say, and what it comes to."""
    rows = [_row(one.kind, one.domain, one.result, one.reason) for one in proof.results]
    for check in ("spf", "dkim", "dmarc", "arc"):
        if not any(one.kind == check for one in proof.results):
            rows.append(_row(check, "", "unchecked", proof.by))
    return rows


def _explained(
    ctx: Context, tx: Connection, incoming: Incoming, address: str, proof: Proof, screened: Screened
) -> list[dict[str, Any]]:
    route = routing.resolve(ctx.settings, address)
    if route is None:
        return [_row("verdict", address, "reject", "550 5.1.1: there is no list with this address (said at RCPT)")]
    if route.kind is not routing.Kind.POST:
        return [_row("verdict", address, "accept", f"mail to the {route.kind} address, not a post")]
    name = route.list_name
    if name == HUB:
        name = topic_of(incoming.subject, ctx.settings.lists) or HUB
    member = arrivals.member(tx, incoming)
    if not proof.proven and member is not None:
        known = arrivals.remembered(ctx, tx, proof, incoming.authors[0].address, member.person)
        proof = known or proof
    facts, who = gather(tx, ctx.settings, incoming, name, proof, ctx.clock(), screened=screened)
    verdict = rules.decide(facts)
    if proof.failed and not proof.proven and rules.decide_alone(replace(facts, proven=True)) is None:
        return [_row("verdict", name, "defer", f"{TRY_LATER}; {proof.failed}")]
    said = "; ".join(
        (reason.advice if verdict.action is Action.REJECT else "") or reason.text for reason in verdict.reasons
    )
    person = f"from {facts.authors[0] if facts.authors else 'nobody'}, " + (
        f"known as {who.name or 'a member'} ({who.status})" if who else "not known"
    )
    said = "; ".join((said or "nothing speaks against it", person, proof.by))
    rows = [_row("verdict", name, str(verdict.action), said)]
    texts = {reasons.code(rule): reasons.words(rule) for rule in (*rules.STOP, *rules.HOLD)}
    details = {reason.code: reason.detail for reason in verdict.reasons}
    for code, text in texts.items():
        result = "hit" if code in verdict.hits else "miss" if code in verdict.misses else "not asked"
        detail = details.get(code)
        rows.append(_row("rule", code, result, f"{text} ({detail})" if detail else text))
    if facts.screening != "off":
        rows += [_row("finding", one.kind, str(one.level), summary(one)) for one in screened.findings]
    return rows
