"""Issues: what is due is written and put into the outbox, each letter exactly once.

The last step of a digest. A letter is composed outside of any transaction; then its issue, its mail and its delivery
row are one commit. The issue's period is unique: whoever comes second, another machine or the same one after a crash,
finds it taken and writes nothing.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from listserv import archiver, copies, routing
from listserv.context import Context
from listserv.digest import editing, schedule
from listserv.digest.letter import Choice, Draft, Press, alternatives, draft, finished
from listserv.digest.material import Material, Source
from listserv.digest.schedule import Wanted
from listserv.digest.standard import Printer
from listserv.mail.address import canonical
from listserv.mail.headers import address_field, ids_field
from listserv.mail.headers import field as header
from listserv.membership import person_with
from listserv.model import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    DigestFormat,
    Following,
    Issue,
    Notice,
    Person,
    Post,
    PostState,
    Subscription,
)
from listserv.model.people import RECEIVING
from listserv.settings import HUB, ListSettings
from listserv.tokens import capability, one_shot

_issue = Issue.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]
_delivery = Delivery.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]
_following = Following.__table__  # type: ignore[attr-defined]

BATCH = 20  # letters in one transaction
PRIORITY = 2
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Report:
    """What a run did: letters sent, and slots in which there was nothing to say."""

    sent: int = 0
    empty: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Desk:
    """What letters are composed with; one for a run, so that pieces are shared."""

    ctx: Context
    source: Source
    printer: Printer
    began: datetime
    _presses: dict[str, Press] = field(default_factory=dict)

    @classmethod
    def open(cls, ctx: Context) -> Desk:
        return cls(ctx, Source(ctx), Printer(ctx), ctx.clock())

    def press(self, wanted: Wanted) -> Press:
        """The press of the language of a letter."""
        if wanted.language not in self._presses:
            self._presses[wanted.language] = Press(self.ctx.speaking(wanted.language))
        return self._presses[wanted.language]

    def materials(self, wanted: Wanted) -> list[Material]:
        return [self.source.of(name, wanted.since, wanted.until) for name in wanted.lists]

    def draft(self, wanted: Wanted, choice: Choice) -> tuple[Draft | None, list[Material]]:
        materials = self.materials(wanted)
        note = self.ctx.settings.community.digest.empty == "note"
        return draft(self.press(wanted), wanted, materials, choice, note_if_empty=note), materials


def due(
    ctx: Context, at: datetime, *, list_name: str | None = None, member: str | None = None
) -> list[tuple[Wanted, Choice]]:
    """The letters that should have been sent by `at`, with what the facilitators decided of them."""
    with ctx.db.reading() as tx:
        only: Iterable[int] | None = None
        if member is not None:
            person = person_with(tx, canonical(member))
            only = [person] if person is not None else []
        wanted = schedule.due(ctx, tx, at, only=only)
        choices = editing.Choices(tx, at)
        muted = _muted(tx)
    if list_name is not None:
        wanted = [one for one in wanted if list_name in one.lists]
    return [(one, _without(choices.of(one), muted.get(one.person))) for one in wanted]


def _muted(tx: Connection) -> dict[int, frozenset[tuple[str, str]]]:
    """Conversations that members do not want to hear of, by person."""
    found: dict[int, set[tuple[str, str]]] = {}
    for row in tx.execute(select(_following).where(_following.c.muted)):
        found.setdefault(row.person_id, set()).add((row.list_name, row.tag))
    return {person: frozenset(keys) for person, keys in found.items()}


def _without(choice: Choice, muted: frozenset[tuple[str, str]] | None) -> Choice:
    return replace(choice, dropped=choice.dropped | muted) if muted else choice


def run(ctx: Context, at: datetime | None = None, *, list_name: str | None = None) -> Report:
    """Sends what is due at `at` (now). Nothing due, or another run at work: an empty report. Raises UserError when
    the archive cannot be written, from which digests take their conversations."""
    found = due(ctx, at or ctx.clock(), list_name=list_name)
    report = Report()
    if not found:
        return report
    desk = Desk.open(ctx)
    archiver.update(ctx)
    for start in range(0, len(found), BATCH):
        made: list[tuple[Wanted, Draft | None, tuple[bytes, bytes] | None]] = []
        for wanted, choice in found[start : start + BATCH]:
            one = compose(desk, wanted, choice)
            if one is not None:
                made.append((wanted, *one))
        _commit(desk, made, report)
    ctx.wake.outbox.set()
    return report


def compose(desk: Desk, wanted: Wanted, choice: Choice) -> tuple[Draft | None, tuple[bytes, bytes] | None] | None:
    """A letter, and for the standard forms its body; None when we fail on it, which the log says: it is tried again
    at the next run."""
    try:
        made, materials = desk.draft(wanted, choice)
        body = None
        if made is not None and wanted.form is not DigestFormat.LETTER:
            body = desk.printer.body(wanted, materials, made.subject)
        return made, body
    except OSError:
        raise
    except Exception:
        log.exception("the digest of person %d cannot be composed; it is tried again", wanted.person)
        return None


def _commit(
    desk: Desk, made: Sequence[tuple[Wanted, Draft | None, tuple[bytes, bytes] | None]], report: Report
) -> None:
    def work(tx: Connection) -> tuple[int, int]:
        sent = empty = 0
        for wanted, one, body in made:
            state = _write(desk, tx, wanted, one, body)
            sent += state == "sent"
            empty += state == "empty"
        return sent, empty

    sent, empty = desk.ctx.db.submit(work).result()
    report.sent += sent
    report.empty += empty


def _write(desk: Desk, tx: Connection, wanted: Wanted, one: Draft | None, body: tuple[bytes, bytes] | None) -> str:
    """The issue with its mail, in the caller's transaction; "taken" when it is there already."""
    ctx = desk.ctx
    if not _still_wanted(tx, wanted) or taken_back(desk, tx, wanted):
        return "gone"
    number = _claim(ctx, tx, wanted, one)
    if number is None:
        return "taken"
    if one is None:
        return "empty"
    put(desk, tx, wanted, one, body, number)
    return "sent"


def _still_wanted(tx: Connection, wanted: Wanted) -> bool:
    """Whether they have not left, or changed their mind, while it was composed."""
    query = select(_person.c.id).where(_person.c.id == wanted.person, _person.c.status.in_(RECEIVING))
    if tx.execute(query).first() is None:
        return False
    if str(wanted.kind) not in ("weekly", "daily"):
        return True
    mine = select(_subscription.c.list_name).where(
        _subscription.c.person_id == wanted.person,
        _subscription.c.left_at.is_(None),
        _subscription.c.delivery == str(wanted.kind),
    )
    return set(wanted.lists) <= {row.list_name for row in tx.execute(mine)}


def taken_back(desk: Desk, tx: Connection, wanted: Wanted) -> bool:
    """Whether a post was taken back while letters were composed, so that this one may tell of it: it is written anew
    at the next run."""
    recalled = _post.c.state == PostState.RECALLED, _post.c.state_since > desk.began
    return (
        tx.execute(select(_post.c.id).where(*recalled, _post.c.list_name.in_(wanted.lists)).limit(1)).first()
        is not None
    )


def _claim(ctx: Context, tx: Connection, wanted: Wanted, one: Draft | None) -> int | None:
    """The number of a new issue; None when there is one of this period."""
    dialect: Any = sqlite if ctx.db.sqlite else postgresql
    row = tx.execute(
        dialect.insert(_issue)
        .values(
            person_id=wanted.person,
            list_name=wanted.scope,
            kind=wanted.kind,
            period=wanted.period,
            since=wanted.since,
            until=wanted.until,
            made_at=ctx.clock(),
            threads=[list(key) for key in one.threads] if one is not None else [],
            stopped=[],
        )
        .on_conflict_do_nothing(index_elements=["person_id", "list_name", "kind", "period"])
        .returning(_issue.c.id)
    ).first()
    return None if row is None else int(row.id)


def put(desk: Desk, tx: Connection, wanted: Wanted, one: Draft, body: tuple[bytes, bytes] | None, number: int) -> int:
    """The mail of an issue and its delivery row; the notice's number."""
    ctx = desk.ctx
    now = ctx.clock()
    message_id = f"<{one_shot()}@{ctx.settings.domain}>"
    raw = message(desk, wanted, one, body, number, message_id)
    notice = tx.execute(
        insert(_notice).values(
            kind="digest",
            list_name=wanted.scope,
            person_id=wanted.person,
            recipient=wanted.email,
            subject=one.subject[:300],
            message_id_header=message_id,
            verp=True,
            raw=zlib.compress(raw, 3),
            created_at=now,
        )
    ).inserted_primary_key
    assert notice is not None
    tx.execute(
        insert(_delivery).values(
            kind=DeliveryKind.NOTICE,
            priority=PRIORITY,
            notice_id=notice[0],
            person_id=wanted.person,
            recipient=wanted.email,
            state=DeliveryState.PENDING,
            attempts=0,
            next_attempt=now,
            created_at=now,
            last_reply="",
            possible_duplicates=0,
        )
    )
    tx.execute(update(_issue).where(_issue.c.id == number).values(notice_id=notice[0]))
    return int(notice[0])


def message(
    desk: Desk, wanted: Wanted, one: Draft, body: tuple[bytes, bytes] | None, number: int, message_id: str
) -> bytes:
    """The whole mail, but for what its delivery adds: signature and unsubscribe fields."""
    head = head_of(desk.ctx, wanted, one.subject, number, message_id)
    if body is not None:
        return head + body[0] + b"\r\n" + body[1]
    boundary = b"=_digest-" + message_id[1:27].encode()
    text, html = finished(desk.press(wanted), one, links_of(desk.ctx, wanted.scope, number))
    content = b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n'
    return head + content + b"\r\n" + alternatives(text, html, boundary)


def links_of(ctx: Context, scope: str, number: int) -> dict[str, str]:
    """How this issue is stopped, on the web and by mail."""
    token = capability(ctx.keys.digest, number)
    url = ctx.settings.community.url
    address = routing.address(ctx.settings, scope, routing.Kind.LEAVE, token)
    return {
        "stop": f"{url}/unsubscribe/{token}" if ctx.settings.web is not None else "",
        "stop_mail": f"mailto:{address}?subject=unsubscribe",
    }


def head_of(ctx: Context, wanted: Wanted, subject: str, number: int, message_id: str) -> bytes:
    """RFC 5322, RFC 2369, RFC 2919, RFC 3834. An answer comes to an address that names the issue."""
    settings, scope = ctx.settings, wanted.scope
    title = routing.title(settings, scope)
    listed = settings.lists.get(scope) or ListSettings(name=scope, title=title)
    post = "NO" if listed.posting == "moderators" else f"<mailto:{routing.address(settings, scope)}>"
    request = routing.address(settings, scope, routing.Kind.REQUEST)
    answer = f"{scope}+d.{capability(ctx.keys.answer, number)}@{settings.domain}"
    fields = [
        address_field("From", [(title, request)]),
        address_field("To", [(wanted.name, wanted.email)]),
        header("Subject", subject),
        header("Date", _date(ctx, wanted)),
        ids_field("Message-ID", [message_id]),
        address_field("Reply-To", [(title, answer)]),
        copies.list_id(title, scope, settings.domain),
        header("List-Post", post),
        header("List-Help", f"<mailto:{request}?subject=digest%20help>"),
        header("Auto-Submitted", "auto-generated"),
        header("X-Auto-Response-Suppress", "OOF, AutoReply"),
        b"Precedence: list\r\n",
        header("Feedback-ID", f"{wanted.period}:{scope}:digest:{settings.domain}"),
        b"MIME-Version: 1.0\r\n",
    ]
    if settings.web is not None:
        where = f"{scope}/" if scope != HUB else ""
        fields.insert(9, header("List-Archive", f"<{settings.community.url}/archive/{where}>"))
    return b"".join(fields)


def _date(ctx: Context, wanted: Wanted) -> str:
    from email.utils import format_datetime

    return format_datetime(ctx.clock().astimezone(wanted.zone))
