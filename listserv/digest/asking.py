"""Letters between times: `digest now`, `digest since 1 Nov`, and what was said while somebody was away.

Beside the schedule. Asking writes a row at once, in the transaction that takes the mail; the letter is made from it a
moment later, so that nobody's mail waits for it. Such letters do not move the schedule: the next regular one tells
everything since the last regular one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from listserv import archiver, emergency, membership, notices
from listserv.context import Context
from listserv.digest import issuing
from listserv.digest.letter import Choice, Draft
from listserv.digest.schedule import Wanted, zone_of
from listserv.model import Issue, IssueKind, Person
from listserv.settings import HUB

_issue = Issue.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]

BETWEEN = (IssueKind.ASKED, IssueKind.CATCH_UP)
LONGEST = timedelta(days=366)
TAKEN = -1


def ask(ctx: Context, tx: Connection, person: int, scope: str, since: datetime | None, kind: IssueKind) -> None:
    """Notes that somebody is to get a letter about the time from `since` (their last letter) until now."""
    now = ctx.clock()
    begins = since or _last(tx, person, now) or now - timedelta(days=7)
    dialect: Any = sqlite if ctx.db.sqlite else postgresql
    tx.execute(
        dialect.insert(_issue)
        .values(
            person_id=person,
            list_name=scope,
            kind=kind,
            period=now.isoformat(timespec="microseconds"),
            since=max(begins, now - LONGEST),
            until=now,
            made_at=now,
            threads=[],
            stopped=[],
        )
        .on_conflict_do_nothing(index_elements=["person_id", "list_name", "kind", "period"])
    )


def _last(tx: Connection, person: int, now: datetime) -> datetime | None:
    latest = func.max(_issue.c.until, type_=_issue.c.until.type)
    query = select(latest).where(_issue.c.person_id == person, _issue.c.until <= now, _issue.c.kind.not_in(BETWEEN))
    found: datetime | None = tx.execute(query).scalar()
    return found


def run(ctx: Context) -> int:
    """Makes the letters that were asked for; how many. Those of lists in emergency moderation wait for its end."""
    with ctx.db.reading() as tx:
        query = select(_issue).where(_issue.c.kind.in_(BETWEEN), _issue.c.notice_id.is_(None)).order_by(_issue.c.id)
        open_ = [row for row in tx.execute(query) if not waits(ctx, tx, row.person_id, row.list_name)][:100]
    if not open_:
        return 0
    desk = issuing.Desk.open(ctx)
    archiver.update(ctx)
    for row in open_:
        with ctx.db.reading() as tx:
            wanted = _wanted(ctx, tx, row)
        made = issuing.compose(desk, wanted, Choice()) if wanted is not None else (None, None)
        if made is not None:
            ctx.db.submit(partial(_finish, desk, row=row, wanted=wanted, made=made)).result()
    ctx.wake.outbox.set()
    return len(open_)


def waits(ctx: Context, tx: Connection, person: int, scope: str) -> bool:
    """Whether a letter to somebody about a list (or about all of theirs) would wait now."""
    frozen = emergency.active(tx, ctx.clock())
    if not frozen:
        return False
    reader = membership.reader(tx, ctx.settings, person, ctx.clock())
    lists = (scope,) if scope != HUB else reader.lists if reader is not None else ()
    return emergency.letters_wait(frozen, lists)


def _wanted(ctx: Context, tx: Connection, row: Any) -> Wanted | None:
    """None for somebody who may not read at present, or has no address."""
    reader = membership.reader(tx, ctx.settings, row.person_id, ctx.clock())
    to = membership.recipient(tx, row.person_id)
    person = tx.execute(select(_person).where(_person.c.id == row.person_id)).first()
    if reader is None or to is None or person is None:
        return None
    lists = reader.lists if row.list_name == HUB else tuple(name for name in reader.lists if name == row.list_name)
    return Wanted(
        person=row.person_id,
        name=to.name,
        email=to.email,
        kind=row.kind,
        scope=row.list_name,
        period=row.period,
        since=row.since,
        until=row.until,
        lists=lists,
        form=person.digest_format,
        zone=zone_of(ctx.settings, person.timezone),
        language=person.language,
    )


def _finish(
    desk: issuing.Desk, tx: Connection, *, row: Any, wanted: Wanted | None, made: tuple[Draft | None, Any]
) -> None:
    """The letter into the outbox, once; in words that there is none, where that was the result."""
    if wanted is not None and issuing.taken_back(desk, tx, wanted):
        return
    taken = update(_issue).where(_issue.c.id == row.id, _issue.c.notice_id.is_(None)).values(notice_id=TAKEN)
    if tx.execute(taken).rowcount != 1:  # another machine was first
        return
    draft, body = made
    if wanted is None:
        return
    if draft is None or not draft.threads:
        to = membership.recipient(tx, wanted.person)
        if to is not None and row.kind == IssueKind.ASKED:
            notices.put(desk.ctx, tx, "digest-nothing", to, "digest-nothing", list_name=row.list_name)
        return
    threads = [list(key) for key in draft.threads]
    tx.execute(update(_issue).where(_issue.c.id == row.id).values(threads=threads))
    issuing.put(desk, tx, wanted, draft, body, row.id)
