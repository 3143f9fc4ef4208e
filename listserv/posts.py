"""A post from acceptance to decision: verdict stored, state changed, its bytes sealed and opened.

Everything here runs inside the transaction that is the instant of acceptance (or of a later decision), so that what
was decided and what it was decided from are on disk together before anybody hears 250.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from listserv import vault
from listserv.authenticate import Proof
from listserv.context import Context
from listserv.errors import Reply
from listserv.facts import gather, named_lists, screening_of
from listserv.mail.address import canonical
from listserv.mail.incoming import Incoming, topic_of
from listserv.mail.message import parse, text_header
from listserv.mail.threads import is_tag
from listserv.model import Message, Post, PostState, Refusal
from listserv.model.posts import OPEN
from listserv.permalinks import new_tag
from listserv.policy.rules import decide
from listserv.policy.screening.finding import Level
from listserv.policy.screening.masking import covered
from listserv.policy.screening.screened import NOTHING_FOUND, Screened
from listserv.policy.verdict import Action, Author, Reason, Verdict
from listserv.settings import HUB, Settings
from listserv.words import N_

_message = Message.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]
_refusal = Refusal.__table__  # type: ignore[attr-defined]

THANKS = Reply(250, "2.0.0", "Thank you, the message is in safe hands")
CONFIRM_WITHIN = timedelta(hours=48)
_INSERT_MESSAGE = insert(_message)
_INSERT_POST = insert(_post)
_OWN_ORIGIN = update(_post).where(_post.c.id == bindparam("post")).values(origin_id=_post.c.id)
_STATES = {Action.ACCEPT: PostState.ACCEPTED, Action.HOLD: PostState.HELD, Action.CONFIRM: PostState.CONFIRMING}


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a message came: the envelope sender ("" for the null one), from whom, by which protocol.

    `trusted`: it came through our own mail server or from this machine; then `ip` is the sender's only if that
    server told us (`forwarded`). Of mail that was fetched (protocol IMAP) no `ip` is known, and `helo` is the host of
    the mailbox.
    """

    sender: str
    ip: str
    helo: str
    protocol: str
    received_at: datetime
    trusted: bool = False
    forwarded: bool = False

    @property
    def client(self) -> str:
        """The address to ask SPF about; empty when it is not known."""
        return "" if self.trusted and not self.forwarded else self.ip

    @property
    def peer(self) -> str:
        if self.protocol == "IMAP":
            return f"IMAP from {self.helo}"
        return f"{self.protocol} from {self.ip or 'this machine'}" + (f" ({self.helo})" if self.helo else "")


class Store:
    """The message rows of a transaction, written when the first post needs them: an open one for posts that go out, a
    sealed one for those that wait. `raw` is packed, `screened` what the screen has found in it."""

    def __init__(self, raw: bytes, size: int, screened: Screened = NOTHING_FOUND) -> None:
        self.raw, self.size, self.screened = raw, size, screened
        self._ids: dict[bool, int] = {}

    @classmethod
    def of(cls, raw: bytes, screened: Screened = NOTHING_FOUND) -> Store:
        return cls(vault.packed(raw), len(raw), screened)

    def fresh(self) -> Store:
        """The same message for another try at its transaction."""
        return Store(self.raw, self.size, self.screened)

    def row(self, ctx: Context, tx: Connection, received_at: datetime, *, sealed: bool) -> int:
        if sealed not in self._ids:
            raw = vault.locked(ctx.keys.held, self.raw) if sealed else self.raw
            values = {"raw": raw, "size": self.size, "received_at": received_at}
            result = tx.execute(_INSERT_MESSAGE, values)
            assert result.inserted_primary_key is not None
            self._ids[sealed] = int(result.inserted_primary_key[0])
        return self._ids[sealed]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message at one list. `person` is the proven author; only they are told reasons."""

    list_name: str
    action: Action
    reasons: tuple[Reason, ...]
    reply: Reply
    person: int | None = None
    post_id: int | None = None


_SAME = select(_post.c.id, _post.c.origin_id, _post.c.list_name).where(_post.c.duplicate_key == bindparam("key"))


def receive(
    ctx: Context,
    tx: Connection,
    incoming: Incoming,
    store: Store,
    list_name: str,
    envelope: Envelope,
    proof: Proof,
    *,
    thread: str = "",
    asks: bool = True,
    issue: int | None = None,
) -> Receipt:
    """Decides on a message for one list and stores what was decided.

    `thread`: the tag of the thread whose own address it was sent to. `asks` False: the author cannot be asked any more
    whether it is theirs, so that it is held instead. `issue`: it answers this digest issue, and nobody knows which
    conversation of it.
    """
    now = envelope.received_at
    if list_name == HUB and issue is None:
        list_name = topic_of(incoming.subject, ctx.settings.lists) or HUB
    facts, who = gather(tx, ctx.settings, incoming, list_name, proof, now, screened=store.screened)
    if not asks and facts.unverified == "confirm":
        facts = replace(facts, unverified="hold")
    verdict = decide(facts)
    person = who.person if who and proof.proven else None
    if verdict.action in (Action.REJECT, Action.DISCARD):
        reply = refusal(verdict)
        refuse(tx, incoming, list_name, envelope, verdict, reply)
        return Receipt(list_name, verdict.action, verdict.reasons, reply, person)
    key = duplicate_key(incoming)
    same = list(tx.execute(_SAME, {"key": key}))
    known = next((row.id for row in same if row.list_name == list_name), None)
    if known is None:
        origin = min((row.origin_id for row in same if row.origin_id), default=None)
        try:
            values = {"thread": thread if is_tag(thread) else ""}
            known = _insert(ctx, tx, incoming, store, list_name, envelope, proof, verdict, who, key, origin, values)
            if issue is not None:
                _note_issue(tx, known, issue)
        except IntegrityError:  # another machine stored the same message at this very moment
            if ctx.db.sqlite:
                raise
            raise DuplicatePost from None
    return Receipt(list_name, verdict.action, verdict.reasons, THANKS, person, known)


class DuplicatePost(Exception):
    """Another machine committed the same message first: the transaction is to be run again."""


def duplicate_key(incoming: Incoming) -> str:
    sender = canonical(incoming.authors[0].address) if incoming.authors else ""
    text = "\0".join((incoming.message_id or "", sender, incoming.content_hash))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def refusal(verdict: Verdict) -> Reply:
    """The SMTP reply of a refusal: one sentence that says why and what to do; 250 for what is dropped silently."""
    reason = verdict.reasons[0]
    if verdict.action is Action.DISCARD:
        return THANKS
    return Reply(550, reason.enhanced, reason.advice)


def refuse(
    tx: Connection, incoming: Incoming, list_name: str, envelope: Envelope, verdict: Verdict, reply: Reply
) -> None:
    """Keeps the envelope of what is not taken (for `trace`, 30 days), never the message."""
    tx.execute(
        insert(_refusal).values(
            at=envelope.received_at,
            list_name=list_name,
            envelope_sender=envelope.sender[:320],
            from_address=incoming.authors[0].address[:320] if incoming.authors else "",
            peer=envelope.peer[:300],
            message_id_header=incoming.message_id or "",
            action=str(verdict.action),
            reasons=" ".join(verdict.codes),
            reply=str(reply)[:500],
        )
    )


def _insert(
    ctx: Context,
    tx: Connection,
    incoming: Incoming,
    store: Store,
    list_name: str,
    envelope: Envelope,
    proof: Proof,
    verdict: Verdict,
    who: Author | None,
    key: str,
    origin: int | None,
    more: dict[str, Any],
) -> int:
    now = envelope.received_at
    first = incoming.authors[0]
    screened = store.screened if screening_of(ctx.settings, list_name) != "off" else NOTHING_FOUND
    waits = verdict.action is not Action.ACCEPT
    to_author = who is not None and goes_to_author_first(ctx.settings, list_name, verdict, screened)
    values: dict[str, Any] = {
        "message_id": store.row(ctx, tx, now, sealed=waits),
        "origin_id": origin,
        "list_name": list_name,
        "person_id": who.person if who else None,
        "state": PostState.RETURNED if to_author else _STATES[verdict.action],
        "envelope_sender": envelope.sender,
        "from_address": first.address,
        "from_name": first.name,
        "subject": hidden_subject(incoming.subject, screened)[:1000] if waits else incoming.subject[:1000],
        "message_id_header": incoming.message_id or generated_id(ctx.settings, key),
        "content_hash": incoming.content_hash,
        "duplicate_key": key,
        "tag": new_tag(tx, list_name, incoming.message_id or generated_id(ctx.settings, key), incoming.content_hash),
        "imported": False,
        "proof": proof.by,
        "auth": proof.stored(),
        "sent_as": "",
        "peer": envelope.peer[:300],
        "reasons": [asdict(reason) for reason in verdict.reasons],
        "rules": {"hits": verdict.hits, "misses": verdict.misses, "named": named_lists(ctx.settings, incoming)},
        "notified": verdict.action is Action.ACCEPT,
        "received_at": now,
        "state_since": now,
        "release_at": now if verdict.action is Action.ACCEPT else None,
        "copies": 0,
        "return_by": now + ctx.settings.moderation.author_within if to_author else None,
        "returns": int(to_author),
        "screened": seal(ctx, screened),
        "urgent": "risk" in verdict.codes,
        **more,
    }
    result = tx.execute(_INSERT_POST, values)
    assert result.inserted_primary_key is not None
    post_id = int(result.inserted_primary_key[0])
    if origin is None:
        tx.execute(_OWN_ORIGIN, {"post": post_id})
    return post_id


def _note_issue(tx: Connection, post_id: int, issue: int) -> None:
    """Which digest a post answers; its author is asked for the conversation."""
    rules = tx.execute(select(_post.c.rules).where(_post.c.id == post_id)).scalar_one()
    tx.execute(update(_post).where(_post.c.id == post_id).values(rules={**rules, "issue": issue}))


def goes_to_author_first(settings: Settings, list_name: str, verdict: Verdict, screened: Screened) -> bool:
    """Whether a post that is held is given back to its author before a moderator sees it (contract: level H)."""
    listed = settings.lists.get(list_name)
    if verdict.action is not Action.HOLD or listed is None or not listed.author_first:
        return False
    doubtful = {"unproven", "pretender", "risk"} & set(verdict.codes)
    return "identifier" in verdict.codes and not doubtful and bool(screened.at(Level.HIGH))


def seal(ctx: Context, screened: Screened) -> bytes | None:
    """What was found as it is stored with a post."""
    return vault.lock_values(ctx.keys.held, screened.stored()) if screened.findings else None


def screened_of(ctx: Context, row: Any) -> Screened:
    """What was found in a post (or arrival)."""
    return Screened.restored(vault.unlock_values(ctx.keys.held, row.screened)) if row.screened else NOTHING_FOUND


def hidden_subject(subject: str, screened: Screened) -> str:
    """A subject as it may stand in notices and in the queue while a post waits: with what was found in it masked."""
    if not screened.masks:
        return subject
    found = [one for one in screened.left() if one[1].level is not Level.NOTE]
    return covered(subject, found, lambda _, finding: finding.masked or "...")


def generated_id(settings: Settings, key: str) -> str:
    """The Message-ID of a post that came without one: the same each time the same message comes."""
    return f"<{key[:32]}@{settings.domain}>"


def raw_message(ctx: Context, tx: Connection, message_id: int) -> bytes:
    """The bytes of a stored message."""
    raw = tx.execute(select(_message.c.raw).where(_message.c.id == message_id)).scalar_one()
    return vault.unpacked(ctx.keys.held, raw)


def unseal(ctx: Context, tx: Connection, post: Any) -> None:
    """A post that has gone out: its message needs no seal any more, and what was found in it is forgotten."""
    stored = tx.execute(select(_message.c.raw).where(_message.c.id == post.message_id)).scalar_one()
    if vault.is_locked(stored):
        opened = vault.unlocked(ctx.keys.held, stored)
        tx.execute(update(_message).where(_message.c.id == post.message_id).values(raw=opened))
    if post.screened or post.original_id:
        subject = text_header(parse(vault.unpacked(ctx.keys.held, stored)), "subject")[:1000]
        tx.execute(update(_post).where(_post.c.id == post.id).values(screened=None, subject=subject))


def change(tx: Connection, post_id: int, old: PostState, new: PostState, now: datetime, **values: Any) -> bool:
    """Moves a post from one state to the next if it still is in the old one: the first who comes wins."""
    if new not in OPEN:
        values["duplicate_key"] = None
    result = tx.execute(
        update(_post).where(_post.c.id == post_id, _post.c.state == old).values(state=new, state_since=now, **values)
    )
    return result.rowcount == 1


def in_words(state: PostState | None) -> str:
    """A state as people are told it."""
    words = {
        PostState.ACCEPTED: N_("approved"),
        PostState.HELD: N_("still held"),
        PostState.RETURNED: N_("with its author"),
        PostState.REJECTED: N_("rejected"),
        PostState.DISCARDED: N_("discarded"),
        PostState.WITHDRAWN: N_("withdrawn"),
        PostState.RELEASED: N_("sent"),
    }
    return words.get(state, str(state)) if state is not None else N_("gone")


def list_of(tx: Connection, post_id: int) -> str | None:
    """The list of a post, None when there is no such post."""
    return tx.execute(select(_post.c.list_name).where(_post.c.id == post_id)).scalar()
