"""Mail whose sender is not proven: it waits, its author is asked whether it is theirs, and goes on from there.

Whatever is unproven comes here first, whoever it is from: the peer has had its 250 before anybody looks whether a
member writes from that address, so neither words nor time can tell a member from a stranger. A stranger's message is
dropped with only its envelope kept; a member gets one question at the registered address and answers it by replying.
An answer is remembered for a year for what sent the mail (a signing domain, an envelope domain with SPF pass).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update

from listserv import moderate, notices, posts, routing, vault
from listserv.authenticate import Evidence, Proof
from listserv.context import Context
from listserv.mail.address import canonical
from listserv.mail.incoming import Incoming
from listserv.mail.reply import answer_text, read_answer
from listserv.mail.text import one_line, readable
from listserv.membership import Recipient, person_of, recipient
from listserv.model import Arrival, ArrivalState, Confirmation, Person, Purpose, Refusal, Status
from listserv.policy.screening.screened import NOTHING_FOUND, Screened
from listserv.routing import Kind, Route
from listserv.settings import HUB
from listserv.words import N_

_arrival = Arrival.__table__  # type: ignore[attr-defined]
_confirmation = Confirmation.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_refusal = Refusal.__table__  # type: ignore[attr-defined]

REMEMBERED_FOR = timedelta(days=365)
EXCERPT = 600  # characters of a mail that its author is shown to recognise it, without its links
VERBS = {
    "yes": "yes", "ok": "yes", "okay": "yes", "confirm": "yes", "y": "yes", "ja": "yes", "oui": "yes",
    "no": "no", "n": "no", "nein": "no", "non": "no",
}  # fmt: skip
_YES_AND_MORE = re.compile(r"(?:yes|ok|okay|confirm(?:ed)?)\s*[,.!:;–—-]+\s+[^?]*", re.I)
_DOUBT = re.compile(r"\b(?:no|not|never|but|nothing|without|wrong|\w+n['’]?t)\b", re.I)
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.I)
_UNKNOWN = (Status.BANNED, Status.LEFT)
_STOPPED = "unproven-stranger"


def store(
    ctx: Context,
    tx: Connection,
    incoming: Incoming,
    raw: bytes,
    envelope: posts.Envelope,
    recipients: Sequence[str],
    proof: Proof,
) -> int:
    """Keeps an unproven message as it came (`raw` compressed), for the worker to look at."""
    now = envelope.received_at
    key = posts.duplicate_key(incoming)
    values = {
        "key": key,
        "raw": vault.locked(ctx.keys.held, raw),
        "size": incoming.size,
        "envelope_sender": envelope.sender[:320],
        "ip": envelope.ip,
        "helo": envelope.helo[:255],
        "protocol": envelope.protocol,
        "recipients": list(recipients),
        "from_address": incoming.authors[0].address[:320] if incoming.authors else "",
        "message_id_header": incoming.message_id or posts.generated_id(ctx.settings, key),
        "proof": proof.by[:1000],
        "auth": proof.stored(),
        "state": ArrivalState.WAITING,
        "received_at": now,
        "state_since": now,
    }
    made = tx.execute(insert(_arrival).values(values)).inserted_primary_key
    assert made is not None
    return int(made[0])


def waiting(tx: Connection, limit: int = 20) -> list[Any]:
    """What nobody has looked at yet, oldest first."""
    query = select(_arrival).where(_arrival.c.state == ArrivalState.WAITING).order_by(_arrival.c.id).limit(limit)
    return list(tx.execute(query))


def locked(tx: Connection, number: int) -> Any | None:
    """An arrival that still waits, for this transaction alone; None when it has been looked at meanwhile."""
    query = select(_arrival).where(_arrival.c.id == number).with_for_update()
    row = tx.execute(query).first()
    return row if row is not None and row.state == ArrivalState.WAITING else None


def envelope_of(row: Any) -> posts.Envelope:
    return posts.Envelope(row.envelope_sender, row.ip, row.helo, row.protocol, row.received_at)


def proof_of(row: Any) -> Proof:
    return Proof.restored(False, row.proof, row.auth)


def message_of(ctx: Context, row: Any) -> bytes:
    return vault.unpacked(ctx.keys.held, row.raw)


def change(tx: Connection, row: Any, old: ArrivalState, new: ArrivalState, now: datetime, **values: Any) -> bool:
    """Moves an arrival on if it still is in the old state; what is settled keeps no text."""
    if new is not ArrivalState.ASKED:
        values |= {"raw": None, "screened": None}
    result = tx.execute(
        update(_arrival)
        .where(_arrival.c.id == row.id, _arrival.c.state == old)
        .values(state=new, state_since=now, **values)
    )
    return result.rowcount == 1


# --- who it may be from ------------------------------------------------------------------------------------------


def member(tx: Connection, incoming: Incoming) -> Recipient | None:
    """The member whose address stands in From, with the registered address; None for strangers."""
    person = person_of(tx, canonical(incoming.authors[0].address)) if len(incoming.authors) == 1 else None
    if person is None:
        return None
    status = tx.execute(select(_person.c.status).where(_person.c.id == person)).scalar()
    return recipient(tx, person) if status not in _UNKNOWN else None


def drop(tx: Connection, row: Any, lists: Sequence[str]) -> None:
    """A stranger's message goes; its envelope is kept for 30 days."""
    envelope = envelope_of(row)
    for name in lists:
        tx.execute(
            insert(_refusal).values(
                at=row.received_at,
                list_name=name,
                envelope_sender=row.envelope_sender,
                from_address=row.from_address,
                peer=envelope.peer[:300],
                message_id_header=row.message_id_header,
                action="discard",
                reasons=_STOPPED,
                reply=str(posts.THANKS),
            )
        )
    tx.execute(delete(_arrival).where(_arrival.c.id == row.id))


def remembered(ctx: Context, tx: Connection, proof: Proof, address: str, person: int) -> Proof | None:
    """The proof by an earlier confirmation of what sent a message with this address in From, or None."""
    if not proof.evidence:
        return None
    found = [(_confirmation.c.kind == one.kind) & (_confirmation.c.domain == one.domain) for one in proof.evidence]
    known = tx.execute(
        select(_confirmation)
        .where(
            _confirmation.c.person_id == person,
            _confirmation.c.address == canonical(address),
            _confirmation.c.confirmed_at > ctx.clock() - REMEMBERED_FOR,
            or_(*found),
        )
        .order_by(_confirmation.c.confirmed_at.desc())
        .limit(1)
    ).first()
    if known is None:
        return None
    day = known.confirmed_at.astimezone(ctx.settings.community.zone)
    words = f"{known.kind.upper()} of {known.domain}, confirmed by reply on {day.day} {day:%B %Y}"
    return Proof(True, words, proof.results, (), proof.keys)


def remember(tx: Connection, person: int, address: str, evidence: Sequence[Evidence], now: datetime) -> None:
    """What sent a confirmed message is believed from now on; a new confirmation takes the place of an old one."""
    for one in evidence:
        same = (
            _confirmation.c.person_id == person,
            _confirmation.c.address == address,
            _confirmation.c.kind == one.kind,
            _confirmation.c.domain == one.domain,
        )
        if tx.execute(update(_confirmation).where(*same).values(confirmed_at=now)).rowcount:
            continue
        values = {"person_id": person, "address": address, "kind": one.kind, "domain": one.domain, "confirmed_at": now}
        tx.execute(insert(_confirmation).values(values))


def same_message(tx: Connection, row: Any, now: datetime) -> Any | None:
    """The same message in an earlier transaction, asked about or confirmed in the last two days."""
    states = (ArrivalState.ASKED, ArrivalState.CONFIRMED)
    query = select(_arrival).where(
        _arrival.c.key == row.key,
        _arrival.c.id != row.id,
        _arrival.c.state.in_(states),
        _arrival.c.state_since > now - posts.CONFIRM_WITHIN,
    )
    return tx.execute(query.order_by(_arrival.c.id).limit(1)).first()


def join(tx: Connection, earlier: Any, row: Any, now: datetime) -> None:
    """One question is enough: the recipients of the later transaction wait for the answer to the earlier one."""
    together = list(dict.fromkeys([*earlier.recipients, *row.recipients]))
    tx.execute(update(_arrival).where(_arrival.c.id == earlier.id).values(recipients=together))
    change(tx, row, ArrivalState.WAITING, ArrivalState.SETTLED, now, person_id=earlier.person_id)


# --- the question ------------------------------------------------------------------------------------------------


def ask(
    ctx: Context,
    tx: Connection,
    row: Any,
    who: Recipient,
    incoming: Incoming,
    routes: Sequence[Route],
    screened: Screened = NOTHING_FOUND,
) -> bool:
    """WAITING -> ASKED, with one mail to the registered address. False when that address has had enough today.

    What the screen found is kept, sealed, for the answer; the question covers it."""
    list_name = next((route.list_name for route in routes), HUB)
    token = moderate.issue(
        ctx, tx, Purpose.SENDER, who.person, arrival_id=row.id, life=posts.CONFIRM_WITHIN + timedelta(days=30)
    )
    cover = None
    if screened.masks:
        cover = moderate.covering_for_author(screened, moderate.speech_of(ctx, tx, who.person))
    written = notices.put(
        ctx,
        tx,
        "sender",
        who,
        "sender",
        list_name=list_name,
        reply_to=routing.address(ctx.settings, list_name, Kind.CONFIRM, token),
        what=_what(routes),
        subject=one_line(posts.hidden_subject(_subject(incoming), screened), 200),
        from_address=one_line(row.from_address, 200),
        addresses=_where(ctx, routes),
        text=_excerpt(incoming, cover),
        hours=int(posts.CONFIRM_WITHIN.total_seconds() // 3600),
        remembers=bool(row.auth.get("evidence")),
    )
    if written is None:
        return False
    sealed = posts.seal(ctx, screened)
    change(tx, row, ArrivalState.WAITING, ArrivalState.ASKED, ctx.clock(), person_id=who.person, screened=sealed)
    return True


def _what(routes: Sequence[Route]) -> str:
    """What the question is about: a decision, a post, or else a command."""
    if any(route.kind is Kind.MODERATE for route in routes):
        return "decision"
    return "post" if any(route.kind is Kind.POST for route in routes) else "command"


def _where(ctx: Context, routes: Sequence[Route]) -> str:
    titles = (routing.title(ctx.settings, route.list_name) for route in routes)
    return ", ".join(dict.fromkeys(titles))


def _subject(incoming: Incoming) -> str:
    return one_line(incoming.subject, 200) or N_("(no subject)")


def _excerpt(incoming: Incoming, cover: Callable[[str], str] | None) -> str:
    text = readable(incoming.message, EXCERPT + 1 if cover is None else notices.COVERED)
    text = _LINK.sub("[link]", cover(text) if cover is not None else text)
    if len(text) > EXCERPT:
        text = text[:EXCERPT].rstrip() + " [...]"
    lines = [line.strip() for line in text.strip().splitlines()]
    return "\n".join(f"    {line}".rstrip() for line in lines[:12])


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A message that its author has said to be theirs: it goes on as if it had been proven."""

    row: Any
    raw: bytes
    proof: Proof


def answer(ctx: Context, tx: Connection, token: Any, text_token: str, incoming: Incoming) -> Confirmed | None:
    """A reply to the question. It counts from the member's own address only; that it has the token, which went to
    the registered address and nowhere else, is its proof. Automatic mail confirms nothing."""
    if person_of(tx, canonical(incoming.authors[0].address)) != token.person_id:
        return None
    to = recipient(tx, token.person_id)
    row = tx.execute(select(_arrival).where(_arrival.c.id == token.arrival_id)).first()
    if to is None or row is None:
        return None
    answering = notices.Answering(incoming.message_id)
    if row.state != ArrivalState.ASKED or row.raw is None:
        notices.put(ctx, tx, "unclear", to, "sender-done", answering=answering, state=str(row.state))
        return None
    said = read_answer(answer_text(incoming.message), VERBS)
    verb = said.verb or _said_more(said.first_line)
    now = ctx.clock()
    if verb == "no":
        if not change(tx, row, ArrivalState.ASKED, ArrivalState.WITHDRAWN, now):
            return None
        notices.put(ctx, tx, "sender-no", to, "sender-no", answering=answering)
        return None
    if verb is None:
        reply_to = routing.address(ctx.settings, HUB, Kind.CONFIRM, text_token)
        wrote = one_line(said.first_line, 120)
        notices.put(
            ctx, tx, "unclear", to, "sender-unclear", answering=answering, reply_to=reply_to, wrote=wrote,
            suggestion=said.suggestion,
        )  # fmt: skip
        return None
    raw = message_of(ctx, row)
    if not change(tx, row, ArrivalState.ASKED, ArrivalState.CONFIRMED, now):
        return None
    proof = proof_of(row)
    remember(tx, token.person_id, canonical(row.from_address), proof.evidence, now)
    words = f"confirmed by a reply from {canonical(incoming.authors[0].address)}"
    return Confirmed(row, raw, Proof(True, words, proof.results, (), proof.keys))


def _said_more(line: str) -> str | None:
    """`Yes, that was me.` is a yes; whatever asks or doubts is none."""
    return "yes" if _YES_AND_MORE.fullmatch(line.strip()) and not _DOUBT.search(line) else None


def expire(ctx: Context, tx: Connection) -> int:
    """Questions that nobody answered in time: EXPIRED, the author told."""
    now = ctx.clock()
    due = (_arrival.c.state == ArrivalState.ASKED, _arrival.c.state_since < now - posts.CONFIRM_WITHIN)
    rows = list(tx.execute(select(_arrival).where(*due).limit(500)))
    for row in rows:
        if not change(tx, row, ArrivalState.ASKED, ArrivalState.EXPIRED, now):
            continue
        to = recipient(tx, row.person_id) if row.person_id else None
        if to is not None:
            notices.put(ctx, tx, "decided-author", to, "sender-expired", from_address=one_line(row.from_address, 200))
    return len(rows)
