"""What each address of ours does with a message: posts are decided on, answers answered, mail for people passed on.

Called inside one transaction: from the instant of acceptance for proven mail, and by the worker for mail that had to
wait for a proof (`arrivals`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from listserv import (
    arrivals,
    bounces,
    commands,
    farewell,
    forward,
    life,
    moderate,
    notices,
    posts,
    routing,
    screen,
    topics,
)
from listserv.authenticate import Proof
from listserv.context import Context
from listserv.digest import answering, editing, stopping
from listserv.errors import Reply
from listserv.mail.address import canonical
from listserv.mail.incoming import Incoming, read
from listserv.mail.message import last
from listserv.mail.text import one_line
from listserv.membership import person_of, recipient
from listserv.model import ArrivalState, Purpose
from listserv.policy.screening.screened import NOTHING_FOUND, Screened
from listserv.policy.verdict import Action
from listserv.posts import THANKS, Envelope, Receipt, Store
from listserv.routing import Kind, Route
from listserv.tokens import read_capability


def needs_proof(route: Route) -> bool:
    """Whether what an unproven message does at an address depends on who it is from: then it is not decided in the
    session. A token of ours, and a wish to join, need none: the answer to a mail of ours is the proof."""
    return route.kind in (Kind.POST, Kind.MODERATE, Kind.CONFIRM, Kind.REQUEST) or (
        route.kind is Kind.LEAVE and not route.token
    )


@dataclass(frozen=True, slots=True)
class To:
    """One RCPT: the address as it was given and where it leads."""

    address: str
    route: Route


def handle(
    ctx: Context,
    tx: Connection,
    incoming: Incoming,
    store: Store,
    envelope: Envelope,
    recipients: Sequence[To],
    proof: Proof,
    *,
    in_session: bool = True,
) -> list[Reply]:
    """Every recipient of one message; a list named twice is decided on once.

    `in_session`: the peer hears the replies, so that the author is only told what SMTP's one reply cannot say.
    """
    if proof.proven and len(incoming.authors) == 1 and incoming.automatic is None:
        bounces.heard_from(ctx, tx, canonical(incoming.authors[0].address))
    replies: list[Reply] = []
    receipts: list[Receipt] = []
    done: dict[tuple[Kind, str, str], Reply] = {}
    for to in recipients:
        key = (to.route.kind, to.route.list_name, to.route.token or to.route.digest)
        if key not in done:
            if to.route.kind is Kind.POST and proof.proven and commands.is_command(incoming):
                commands.answer(ctx, tx, to.route, incoming, proof.by)
                done[key] = THANKS
            elif to.route.kind is Kind.POST:
                name, thread = to.route.list_name, to.route.thread
                if to.route.digest:
                    receipt = answering.receive(ctx, tx, to.route, incoming, store, envelope, proof, asks=in_session)
                else:
                    receipt = posts.receive(
                        ctx, tx, incoming, store, name, envelope, proof, thread=thread, asks=in_session
                    )
                receipts.append(receipt)
                done[key] = receipt.reply
            else:
                _service(ctx, tx, to.route, incoming, proof)
                done[key] = THANKS
        replies.append(done[key])
    if envelope.protocol != "LMTP" or not in_session:
        _tell_refused(ctx, tx, incoming, receipts, all_too=not in_session)
    return replies


def _service(ctx: Context, tx: Connection, route: Route, incoming: Incoming, proof: Proof) -> None:
    """Mail to an address that is not for posts."""
    match route.kind:
        case Kind.MODERATE:
            _decide(ctx, tx, route.token, incoming, proof)
        case Kind.CONFIRM:
            _confirm(ctx, tx, route.token, incoming)
        case Kind.LEAVE if _of_a_machine(incoming):
            pass
        case Kind.LEAVE if route.token:
            _leave(ctx, tx, route.token, incoming)
        case Kind.LEAVE:
            _leave_list(ctx, tx, route, incoming, proof)
        case Kind.JOIN if not _of_a_machine(incoming):
            life.apply(ctx, tx, route, incoming)
        case Kind.JOIN:
            pass
        case Kind.REQUEST if _carried_out(ctx, tx, route, incoming, proof):
            pass
        case Kind.BOUNCES:
            bounces.came_back(ctx, tx, route.token, incoming)
        case Kind.OWNER | Kind.CONTACT:
            forward.to_people(ctx, tx, route, incoming, why="addressed", proof=proof)
        case _:
            forward.not_yet(ctx, tx, route, incoming, proof)


def _leave(ctx: Context, tx: Connection, token: str, incoming: Incoming) -> None:
    """The unsubscribe mail of a copy ends a subscription, that of a digest ends the digest."""
    issue = read_capability(ctx.keys.digest, token)
    if issue is None:
        farewell.by_mail(ctx, tx, token, incoming)
    else:
        stopping.stop(ctx, tx, issue)


def _leave_list(ctx: Context, tx: Connection, route: Route, incoming: Incoming, proof: Proof) -> None:
    """Mail to LIST-leave from a proven member leaves that list at once; of the community's address, all of them."""
    if not _answerable(incoming, proof):
        return
    person = person_of(tx, canonical(incoming.authors[0].address))
    for subscription in farewell.running(tx, person, route.list_name) if person is not None else ():
        farewell.leave(ctx, tx, subscription)


def _answerable(incoming: Incoming, proof: Proof) -> bool:
    """Whether a mail is a person's own, and not a machine's or a list's."""
    return proof.proven and not _of_a_machine(incoming) and len(incoming.authors) == 1


def _of_a_machine(incoming: Incoming) -> bool:
    """What must never be answered (RFC 3834 section 2): automatic mail, mail of lists, bulk mail."""
    precedence = (last(incoming.message, "precedence") or "").strip().lower()
    bulk = precedence in ("bulk", "list", "junk")
    return incoming.automatic is not None or bool(incoming.list_ids) or bulk


def _carried_out(ctx: Context, tx: Connection, route: Route, incoming: Incoming, proof: Proof) -> bool:
    """Whether it was a command, which has been answered; mail of machines is neither answered nor passed on."""
    if _of_a_machine(incoming):
        return True
    return _answerable(incoming, proof) and commands.answer(ctx, tx, route, incoming, proof.by)


def _decide(ctx: Context, tx: Connection, text_token: str, incoming: Incoming, proof: Proof) -> None:
    """A moderator's or a verifier's answer, by what its token is for."""
    if _of_a_machine(incoming) or len(incoming.authors) != 1:
        return
    token = moderate.find(tx, text_token)
    if token is None or token.purpose != Purpose.VERIFY:
        moderate.answer(ctx, tx, text_token, incoming, proof)
    else:
        life.verifier_answer(ctx, tx, token, text_token, incoming, proof)


def _confirm(ctx: Context, tx: Connection, text_token: str, incoming: Incoming) -> None:
    """A reply to one of our questions: the token says to which one."""
    if _of_a_machine(incoming) or len(incoming.authors) != 1:
        return
    token = moderate.find(tx, text_token)
    if token is None or token.purpose in (Purpose.MODERATE, Purpose.VERIFY, Purpose.LOGIN):
        person = person_of(tx, canonical(incoming.authors[0].address))
        to = recipient(tx, person) if person is not None else None
        if to is not None:
            notices.put(ctx, tx, "unclear", to, "token-unknown", answering=notices.Answering(incoming.message_id))
        return
    match token.purpose:
        case Purpose.TOPIC:
            if not answering.choose(ctx, tx, token, text_token, incoming):
                topics.answer(ctx, tx, token, text_token, incoming)
        case Purpose.RETURNED:
            moderate.author_answer(ctx, tx, token, incoming)
        case Purpose.APPLY:
            life.applied_answer(ctx, tx, token, incoming)
        case Purpose.TERMS:
            life.terms_answer(ctx, tx, token, text_token, incoming)
        case Purpose.ADDRESS:
            life.confirm_address(ctx, tx, token, incoming)
        case Purpose.DIGEST:
            stopping.answer(ctx, tx, token, text_token, incoming)
        case Purpose.EDITION:
            editing.answer(ctx, tx, token, text_token, incoming)
        case Purpose.LEFT:
            farewell.answer(ctx, tx, token, text_token, incoming)
        case Purpose.SENDER:
            confirmed = arrivals.answer(ctx, tx, token, text_token, incoming)
            if confirmed is not None:
                message = read(confirmed.raw, confirmed.row.envelope_sender)
                screened = posts.screened_of(ctx, confirmed.row)
                _go_on(ctx, tx, confirmed.row, confirmed.proof, message, screened)


def _tell_refused(ctx: Context, tx: Connection, incoming: Incoming, receipts: list[Receipt], *, all_too: bool) -> None:
    """The proven author of a refused post gets one notice, where no reply of ours could tell them."""
    refused = [r for r in receipts if r.action is Action.REJECT]
    author = next((r.person for r in receipts if r.person is not None), None)
    if not refused or author is None or (len(refused) == len(receipts) and not all_too):
        return
    to = recipient(tx, author)
    if to is not None:
        notices.put(
            ctx,
            tx,
            "refused-lists",
            to,
            "refused",
            answering=notices.Answering(incoming.message_id),
            subject=one_line(incoming.subject, 200) or "(no subject)",
            refusals=[(r.list_name, r.reply.text) for r in refused],
            all_of_them=len(refused) == len(receipts),
        )


# --- mail that had to wait ---------------------------------------------------------------------------------------


def routes_of(ctx: Context, row: Any) -> list[Route]:
    """Where an arrival leads."""
    return [to.route for to in _recipients(ctx, row)]


def sift(ctx: Context, tx: Connection, row: Any, incoming: Incoming, screened: Screened = NOTHING_FOUND) -> None:
    """A waiting arrival is looked at: a stranger's is dropped, a member's is asked about, held, or goes on."""
    now = ctx.clock()
    row = arrivals.locked(tx, row.id)
    if row is None:  # another worker was first
        return
    routes = [to.route for to in _recipients(ctx, row)]
    who = arrivals.member(tx, incoming)
    if who is None:
        arrivals.drop(tx, row, list(dict.fromkeys(route.list_name for route in routes)))
        return
    for route in routes:
        if route.kind is Kind.CONFIRM:
            _confirm(ctx, tx, route.token, incoming)
    questions = [route for route in routes if route.kind is not Kind.CONFIRM]
    if not questions or incoming.automatic is not None:
        arrivals.change(tx, row, ArrivalState.WAITING, ArrivalState.SETTLED, now, person_id=who.person)
        return
    earlier = arrivals.same_message(tx, row, now)
    proof = arrivals.remembered(ctx, tx, arrivals.proof_of(row), row.from_address, who.person)
    if proof is None and earlier is not None and earlier.state == ArrivalState.CONFIRMED:
        found = arrivals.proof_of(row)
        words = "confirmed by a reply to the same message for another list"
        proof = replace(found, proven=True, by=words, evidence=())
    if proof is None and earlier is not None:
        arrivals.join(tx, earlier, row, now)
        return
    asks = ctx.settings.authentication.unverified == "confirm"
    if proof is None and asks and arrivals.ask(ctx, tx, row, who, incoming, questions, screened):
        return
    if arrivals.change(tx, row, ArrivalState.WAITING, ArrivalState.SETTLED, now, person_id=who.person):
        _go_on(ctx, tx, row, proof or arrivals.proof_of(row), incoming, screened)


def _recipients(ctx: Context, row: Any) -> list[To]:
    """The recipients of an arrival that still exist."""
    found = [(address, routing.resolve(ctx.settings, address)) for address in row.recipients]
    return [To(address, route) for address, route in found if route is not None]


def _go_on(ctx: Context, tx: Connection, row: Any, proof: Proof, incoming: Incoming, screened: Screened) -> None:
    """The message of an arrival does what it would have done in its session, had it been looked at there."""
    to = [to for to in _recipients(ctx, row) if to.route.kind is not Kind.CONFIRM]
    kept = screen.kept(ctx, incoming.message, [one.route for one in to])
    handle(ctx, tx, incoming, Store.of(kept, screened), arrivals.envelope_of(row), to, proof, in_session=False)
