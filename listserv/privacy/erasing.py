"""Erasing a person: what is theirs goes, their posts stay as a former member's (or go as well), nothing else moves.

In this order, so that a run that was killed can be run again: rows of others are cleared of them in small steps
(`scanning`), then one commit takes the person and everything that is theirs, marked as not finished; then what was
written meanwhile is looked at once more, archive and files are tidied, and the mark goes.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Table, delete, func, or_, select, update

from listserv import archiver, audit, changes, copies, vault
from listserv.context import Context
from listserv.edge import forgetting
from listserv.mail import anonymous
from listserv.mail.address import canonical
from listserv.mail.identity import FORMER
from listserv.mail.message import Message, TooComplex, content_hash, parse
from listserv.mail.threads import ERASED, erased_id
from listserv.model import (
    Address,
    Decision,
    Delivery,
    DeliveryState,
    Edition,
    Issue,
    Notice,
    Person,
    Post,
    PostState,
    Quarantine,
    Role,
    RoleName,
    Salt,
    Status,
    Subscription,
    ThreadEdit,
)
from listserv.model import Message as Raw
from listserv.privacy import inventory, scanning
from listserv.privacy.inventory import Is
from listserv.privacy.person import Known, known
from listserv.privacy.scanning import Traces, stop
from listserv.tokens import one_shot

_address = Address.__table__  # type: ignore[attr-defined]
_decision = Decision.__table__  # type: ignore[attr-defined]
_delivery = Delivery.__table__  # type: ignore[attr-defined]
_edit = ThreadEdit.__table__  # type: ignore[attr-defined]
_edition = Edition.__table__  # type: ignore[attr-defined]
_issue = Issue.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]
_quarantine = Quarantine.__table__  # type: ignore[attr-defined]
_raw = Raw.__table__  # type: ignore[attr-defined]
_role = Role.__table__  # type: ignore[attr-defined]
_salt = Salt.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]

DISTRIBUTED = (PostState.RELEASED, PostState.RECALLED)
FINISHED = (PostState.REJECTED, PostState.DISCARDED, PostState.WITHDRAWN, PostState.EXPIRED)
NOTHING = zlib.compress(b"")
_SENT_AS = f"{copies.REWRITTEN}: its author's data was erased"
_DECIDED = {"decision": "former moderator", "threadedit": "former moderator", "edition": "former facilitator",
            "incident": "former moderator", "emergency": "former moderator"}  # fmt: skip
_EMPTY: dict[str, dict[str, Any]] = {
    # what is left of the newest row of a table whose numbers stand in links (inventory.NAMED_IN_LINKS)
    "delivery": {"recipient": "", "person_id": None, "subscription_id": None, "post_id": None, "origin_id": None,
                 "notice_id": None, "last_reply": "", "state": DeliveryState.SUPPRESSED},
    "issue": {"notice_id": None, "threads": [], "stopped": [], "stopped_at": None},
    "subscription": {"delivery": "none", "moderated": False, "delivery_since": None},
    "session": {},
    "feed": {},
}  # fmt: skip
_ENDED = {"subscription": "left_at", "session": "expires_at", "feed": "revoked_at"}


class Form(Enum):
    """What stays of a stored mail."""

    WORDS = "words"  # its words, without its author
    PLACE = "place"  # when it was and what it answered
    NOTHING = "nothing"


@dataclass(slots=True)
class Survey:
    """What an erasure would take, in numbers for whoever decides; `warnings` are sentences."""

    someone: Known
    traces: Traces
    counts: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether nothing at all is held."""
        return not any(self.counts.values()) and not self.traces.count and not self.traces.set_aside


def survey(ctx: Context, address: str) -> Survey:
    """Looks at everything that is held about whoever has this address (or about the address alone)."""
    with ctx.db.reading() as tx:
        someone = known(tx, address)
    found = Survey(someone, scanning.look(ctx, someone))
    with ctx.db.reading() as tx:
        for name, held, table in inventory.of_person():
            which = inventory.rows_of(held, table, someone.number, someone.addresses)
            found.counts[name] = int(tx.execute(select(func.count()).select_from(table).where(which)).scalar() or 0)
        states = tx.execute(select(_post.c.state, func.count()).where(someone.posts()).group_by(_post.c.state))
        by_state = {row[0]: row[1] for row in states}
        found.counts["posts"] = sum(by_state.get(state, 0) for state in DISTRIBUTED)
        found.counts["posts that were never distributed"] = sum(by_state.values()) - found.counts["posts"]
        if someone.number is not None:
            found.counts["person"] = 1
            mine = select(func.count()).select_from(_decision).where(_decision.c.person_id == someone.number)
            found.counts["decision"] = int(tx.execute(mine).scalar() or 0)
            found.warnings += _of_roles(ctx, tx, someone.number)
            found.warnings += _of_person(tx, someone)
    if canonical(ctx.settings.community.contact) in someone.who.addresses:
        words = f"{ctx.settings.community.contact} is community.contact in the settings and stays there: name another"
        found.warnings.append(words)
    return found


def _of_roles(ctx: Context, tx: Connection, person: int) -> list[str]:
    found = []
    for row in tx.execute(select(_role.c.list_name, _role.c.role).where(_role.c.person_id == person)):
        if row.role not in (RoleName.OWNER, RoleName.MODERATOR, RoleName.VERIFIER):
            continue
        same = (_role.c.list_name == row.list_name, _role.c.role == row.role, _role.c.person_id != person)
        if tx.execute(select(_role.c.id).where(*same).limit(1)).first() is None:
            listed = "the community" if row.list_name not in ctx.settings.lists else row.list_name
            found.append(f"this is the last {row.role} of {listed}; make somebody else one first")
    return found


def _of_person(tx: Connection, someone: Known) -> list[str]:
    status = tx.execute(select(_person.c.status).where(_person.c.id == someone.number)).scalar()
    found = []
    if status in (Status.BANNED, Status.SUSPENDED):
        found.append(f"this person is {status}; afterwards nothing remembers that, and they can apply again")
    if someone.namesakes:
        found.append("another member has the same name, so texts are only searched for addresses and registration")
    claimed = (_delivery.c.person_id == someone.number, _delivery.c.lease_owner.is_not(None))
    under_way = tx.execute(select(func.count()).select_from(_delivery).where(*claimed)).scalar() or 0
    if under_way:
        found.append(f"{under_way} copies to this person are being sent just now and may still arrive")
    return found


def erase(ctx: Context, found: Survey, *, posts: bool = False) -> None:
    """Erases for good; `posts`: their posts as well. Raises UserError when the files cannot be tidied: everything is
    erased then, and `finish` does the rest."""
    someone = found.someone
    scanning.clear(ctx, someone, found.traces)
    late = scanning.look(ctx, someone, found.traces)
    scanning.clear(ctx, someone, late)
    aside = [*found.traces.set_aside, *late.set_aside]
    ctx.db.submit(lambda tx: _erase(ctx, tx, someone, aside, remove=posts)).result()
    for name, number in late.newest.items():
        found.traces.newest[name] = max(number, found.traces.newest.get(name, 0))
    scanning.clear(ctx, someone, scanning.look(ctx, someone, found.traces))  # written while we were at it
    finish(ctx)


def is_unfinished(ctx: Context) -> bool:
    """Whether an erasure was committed, and killed before its files were tidied."""
    return forgetting.is_marked(ctx.db)


def finish(ctx: Context) -> None:
    """The archive of this machine and the files of the database forget what was erased. Others' archives follow the
    changes by themselves. Raises UserError."""
    archiver.forget(ctx)
    forgetting.tidy(ctx.db, [name for name in inventory.TABLES if inventory.here(name) is not None])


# --- the one commit ----------------------------------------------------------------------------------------------


def _erase(ctx: Context, tx: Connection, someone: Known, aside: Sequence[int], *, remove: bool) -> None:
    now = ctx.clock()
    forgetting.mark(ctx.db, tx)
    audit.note(tx, now, "erase", audit.OPERATOR, details={"posts": "removed" if remove else "kept"})
    own = list(tx.execute(select(_post).where(someone.posts()).order_by(_post.c.id)))
    _posts(ctx.keys.held, tx, someone, own, now, remove=remove)
    numbers = [row.id for row in own]
    if aside:
        tx.execute(delete(_quarantine).where(_quarantine.c.id.in_(aside)))
    for at in range(0, len(numbers), 500):
        _about_posts(tx, numbers[at : at + 500], now)
    _decided(tx, someone)
    _deliveries(tx, someone)
    kept = False
    for name, held, table in inventory.of_person():
        if name != "delivery":
            which = inventory.rows_of(held, table, someone.number, someone.addresses)
            kept |= _remove(ctx, tx, table, which, now)
    if someone.number is not None:
        _person_row(ctx, tx, someone.number, now, kept=kept)


def _posts(key: bytes, tx: Connection, someone: Known, own: Sequence[Any], now: datetime, *, remove: bool) -> None:
    """Their posts under a name that is nobody's, the same for all of them; never distributed ones lose everything."""
    shown_as = (FORMER, f"former-{one_shot()[:10]}@{ERASED}")
    ids = frozenset(row.message_id_header for row in own)
    states: dict[int, set[PostState]] = {}
    for row in own:
        states.setdefault(row.message_id, set()).add(row.state)
    hashes: dict[int, str] = {}
    for row in own:
        distributed = row.state in DISTRIBUTED
        if row.message_id not in hashes:
            form = _form(states[row.message_id], remove=remove)
            hashes[row.message_id] = _message(key, tx, row, someone, shown_as, ids, form)
        values: dict[str, Any] = {
            "person_id": None,
            "envelope_sender": "",
            "from_address": shown_as[1],
            "from_name": shown_as[0],
            "subject": "" if remove or not distributed else someone.who.removed(row.subject),
            "message_id_header": erased_id(row.message_id_header),
            "content_hash": hashes[row.message_id],
            "proof": "",
            "auth": {},
            "sent_as": _SENT_AS if row.sent_as else "",
            "peer": "",
            "reasons": [{**reason, "detail": ""} for reason in row.reasons],
            "screened": None,
            "author_note": "",
            "original_id": None,
        }
        if row.original_id is not None:
            tx.execute(update(_raw).where(_raw.c.id == row.original_id).values(raw=NOTHING, size=0))
        if not distributed and row.state not in FINISHED:
            values |= {"state": PostState.WITHDRAWN, "state_since": now, "release_at": None, "notified": True}
            values["duplicate_key"] = None
        elif distributed and remove:
            values |= {"state": PostState.RECALLED, "duplicate_key": None}
            values["state_since"] = now if row.state == PostState.RELEASED else row.state_since
        tx.execute(update(_post).where(_post.c.id == row.id).values(values))
        if distributed:
            changes.note(tx, row.list_name, now, row.id)


def _form(states: Collection[PostState], *, remove: bool) -> Form:
    """What a stored mail becomes, by the states of the posts that are made of it."""
    if PostState.RELEASED in states and not remove:
        return Form.WORDS
    return Form.PLACE if any(state in DISTRIBUTED for state in states) else Form.NOTHING


def _message(
    key: bytes,
    tx: Connection,
    row: Any,
    someone: Known,
    shown_as: tuple[str, str],
    ids: Collection[str],
    form: Form,
) -> str:
    """Rewrites the stored mail of a post; the hash of what it is now."""
    raw = vault.unpacked(key, tx.execute(select(_raw.c.raw).where(_raw.c.id == row.message_id)).scalar_one())
    identity = erased_id(row.message_id_header)
    new = b""
    if form is Form.WORDS:
        new = anonymous.of_author(raw, someone.who, shown_as, identity, ids)
    elif form is Form.PLACE:
        new = anonymous.place_alone(raw, shown_as, identity, ids)
    packed = zlib.compress(new, 6) if new else NOTHING
    size = len(new) if form is Form.WORDS else 0
    tx.execute(update(_raw).where(_raw.c.id == row.message_id).values(raw=packed, size=size))
    try:
        return content_hash(parse(new))
    except TooComplex:
        return content_hash(Message(b"", (), b""))


def _about_posts(tx: Connection, posts: Sequence[int], now: datetime) -> None:
    """Notices that carry their posts, and copies of them that nobody has sent yet."""
    tx.execute(update(_notice).where(_notice.c.post_id.in_(posts)).values(raw=b"", subject=""))
    carrying = select(_notice.c.id).where(_notice.c.post_id.in_(posts))
    stop(tx, or_(_delivery.c.post_id.in_(posts), _delivery.c.notice_id.in_(carrying)), now)
    tx.execute(delete(_quarantine).where(_quarantine.c.post_id.in_(posts)))
    tx.execute(delete(_salt).where(_salt.c.post_id.in_(posts)))


def _decided(tx: Connection, someone: Known) -> None:
    """What they decided stays decided, by nobody in particular."""
    if someone.number is not None:
        mine = _decision.c.person_id == someone.number
        tx.execute(update(_decision).where(mine).values(decided_by=_DECIDED["decision"], person_id=None, proof=""))
    for table, column in inventory.columns_that_are(Is.NAMED):
        names = set(tx.execute(select(column).where(column != "").distinct()).scalars())
        theirs = [name for name in names if someone.who.finds(name) or (name == someone.name and not someone.namesakes)]
        for name in theirs:
            tx.execute(update(table).where(column == name).values({column.name: _DECIDED.get(table.name, FORMER)}))


def _deliveries(tx: Connection, someone: Known) -> None:
    """Copies and mails to them, with what the relay said of each."""
    which = inventory.rows_of(inventory.TABLES["delivery"], _delivery, someone.number, someone.addresses)
    notices = inventory.rows_of(inventory.TABLES["notice"], _notice, someone.number, someone.addresses)
    which = or_(which, _delivery.c.notice_id.in_(select(_notice.c.id).where(notices)))
    newest = tx.execute(select(func.max(_delivery.c.id))).scalar()
    tx.execute(update(_delivery).where(which, _delivery.c.id == newest).values(_EMPTY["delivery"]))
    attempt = inventory.here("attempt")
    assert attempt is not None
    gone = select(_delivery.c.id).where(or_(which, (_delivery.c.id == newest) & (_delivery.c.recipient == "")))
    tx.execute(delete(attempt).where(attempt.c.delivery_id.in_(gone)))
    tx.execute(delete(_delivery).where(which))


def _remove(ctx: Context, tx: Connection, table: Table, which: Any, now: datetime) -> bool:
    """Deletes rows; whether one stays, emptied, because its number stands in links and would be given out again."""
    kept = False
    if ctx.db.sqlite and table.name in inventory.NAMED_IN_LINKS:
        newest = tx.execute(select(func.max(table.c.id))).scalar()
        values = dict(_EMPTY[table.name])
        values |= {_ENDED[table.name]: now} if table.name in _ENDED else {}
        kept = bool(tx.execute(update(table).where(which, table.c.id == newest).values(values)).rowcount)
        which = which & (table.c.id != newest)
    tx.execute(delete(table).where(which))
    return kept


def _person_row(ctx: Context, tx: Connection, number: int, now: datetime, *, kept: bool) -> None:
    """The person goes; while the newest number of something was theirs, a row without anything stays in their place."""
    newest = tx.execute(select(func.max(_person.c.id))).scalar()
    if not kept and not (ctx.db.sqlite and number == newest):
        tx.execute(delete(_person).where(_person.c.id == number))
        return
    plain = dict.fromkeys(("name", "name_key", "profession", "language", "timezone", "digest_day", "digest_time"), "")
    values = {**plain, "status": Status.LEFT, "delivery": "none", "trusted": False, "approved_posts": 0}
    tx.execute(update(_person).where(_person.c.id == number).values(**values, created_at=now))


def sweep(tx: Connection) -> int:
    """Takes away what was left in the place of erased persons, as soon as newer rows exist; how many persons went."""
    nobody = select(_person.c.id).where(
        _person.c.name == "",
        _person.c.profession == "",
        _person.c.status == Status.LEFT,
        _person.c.id.not_in(select(_address.c.person_id)),
    )
    swept = 0
    for number in list(tx.execute(nobody).scalars()):
        left = False
        for name, held, table in inventory.of_person():
            if held.whose and name not in ("delivery", "notice"):
                newest = select(func.max(table.c.id)).scalar_subquery()
                mine = table.c[held.whose] == number
                tx.execute(delete(table).where(mine, table.c.id != newest))
                left |= tx.execute(select(table.c.id).where(mine).limit(1)).first() is not None
        if not left and number != tx.execute(select(func.max(_person.c.id))).scalar():
            tx.execute(delete(_person).where(_person.c.id == number))
            swept += 1
    return swept
