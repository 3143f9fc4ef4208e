"""Joining: a mail to LIST-join or community-join, and the steps until somebody is a member.

Whoever writes there hears the same: one mail to the address that stood in From, which its owner answers. So nobody can
be found out (whether an address is a member's is told to that address alone) and nobody bombed (one mail a day and
address, two for all +tags of it, a limit for all together). The steps: the address confirmed, name, profession and
registration told, the terms agreed to, in any order, in one mail or several; then a verifier looks. Reminded after
7 days, closed after 30.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from listserv import membership, moderate, notices, routing
from listserv.context import Context
from listserv.edge.languages import preferred
from listserv.life import verifying
from listserv.life.applications import CLOSE_AFTER, ask, join_list, missing, needs_registration
from listserv.life.standing import why_not_reading
from listserv.life.terms import AGREE, agree, keep_text, terms_text
from listserv.mail.address import canonical
from listserv.mail.incoming import Incoming
from listserv.mail.message import first
from listserv.mail.names import name_key
from listserv.mail.own_words import own_text
from listserv.mail.reply import answer_text, read_answer
from listserv.mail.text import one_line
from listserv.membership import person_with, recipient
from listserv.model import (
    Address,
    Application,
    ApplicationState,
    Credential,
    Notice,
    Person,
    Purpose,
    Status,
    Subscription,
)
from listserv.routing import Kind, Route
from listserv.settings import HUB
from listserv.words import N_

_application = Application.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_address = Address.__table__  # type: ignore[attr-defined]
_credential = Credential.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]
_notice = Notice.__table__  # type: ignore[attr-defined]

AGAIN = timedelta(hours=24)  # a repeated request sends nothing sooner
CONFIRM_WITHIN = timedelta(days=7)
REMIND_AFTER = timedelta(days=7)
PER_HOUR = 200  # such mails, to all addresses together
_LABELS = {
    "name": "name", "nom": "name", "profession": "profession", "beruf": "profession", "métier": "profession",
    "registration": "registration", "registration number": "registration", "registrierung": "registration",
    "enregistrement": "registration", "list": "lists", "lists": "lists", "liste": "lists", "listen": "lists",
    "listes": "lists",
}  # fmt: skip
_LINE = re.compile(r"\W*(" + "|".join(_LABELS) + r")\s*[:=]\s*(.{1,200})", re.I)
_WITHDRAW = {"withdraw": "withdraw", "no": "withdraw", "stop": "withdraw", "nein": "withdraw", "non": "withdraw"}
_YES = {**AGREE, "confirm": "yes", "confirms": "yes", "confirmed": "yes", "yes": "yes", "ok": "yes", "ja": "yes",
        "oui": "yes"}  # fmt: skip


def apply(ctx: Context, tx: Connection, route: Route, incoming: Incoming) -> None:
    """A mail to a join address from a person; one without one clear author begins nothing."""
    if len(incoming.authors) != 1:
        return
    box = incoming.authors[0]
    lists = [route.list_name] if route.list_name != HUB else []
    begin(ctx, tx, box.address, lists, one_line(box.name, 100), incoming.message_id, language=_written_in(incoming))


def _written_in(incoming: Incoming) -> str:
    """The language that a mail says it is in, or would like to be answered in; "" when it does not say."""
    fields = (first(incoming.message, name) or "" for name in ("accept-language", "content-language"))
    return next((found for field in fields if (found := preferred(field, ""))), "")


def begin(
    ctx: Context, tx: Connection, email: str, lists: list[str], name: str, answers: str | None = None, *,
    language: str = "",
) -> None:  # fmt: skip
    """An application, or for a member the way onto a list; one mail to that address in either case. `language` is what
    the applicant seems to speak, "" when nothing tells."""
    key, now = canonical(email), ctx.clock()
    if not key or routing.is_own(ctx.settings, email) or _too_many(tx, now) or notices.asked_enough(ctx, tx, email):
        return
    person = person_with(tx, key)
    status = tx.execute(select(_person.c.status).where(_person.c.id == person)).scalar() if person else None
    if person is not None and status in (Status.BANNED, Status.SUSPENDED):
        notices.put(ctx, tx, "join-member", email, "join-not", answering=notices.Answering(answers))
        return
    if person is not None and status not in (Status.LEFT, Status.APPLIED):
        _member(ctx, tx, person, lists, answers)
        return
    open_ = (_application.c.canonical == key, _application.c.state == ApplicationState.OPEN)
    row = tx.execute(select(_application).where(*open_)).first()
    if row is not None:
        wanted = list(dict.fromkeys([*row.lists, *lists]))
        tx.execute(update(_application).where(_application.c.id == row.id).values(lists=wanted))
        if row.asked_at > now - AGAIN:
            return
        number = row.id
    else:
        values = {
            "state": ApplicationState.OPEN, "email": email, "canonical": key, "person_id": None, "lists": lists,
            "language": language,
            "name": name, "profession": "", "registration": "", "terms_version": "", "verified_by": "",
            "created_at": now, "asked_at": now, "reason": "",
        }  # fmt: skip
        done = tx.execute(insert(_application).values(values)).inserted_primary_key
        assert done is not None
        number = int(done[0])
    ask(ctx, tx, number, "begin", answers)


def _too_many(tx: Connection, now: datetime) -> bool:
    recent = select(func.count()).where(
        _notice.c.kind.in_(("join", "join-member")), _notice.c.created_at > now - timedelta(hours=1)
    )
    return int(tx.execute(recent).scalar() or 0) >= PER_HOUR


def _member(ctx: Context, tx: Connection, person: int, lists: list[str], answers: str | None) -> None:
    """A member wrote to a join address, or somebody in their name: one mail whose token puts them on the list."""
    to = recipient(tx, person)
    if to is None or notices.asked_enough(ctx, tx, to.email):
        return
    about = lists[0] if lists else HUB
    token = moderate.issue(ctx, tx, Purpose.APPLY, person, about=about, life=CONFIRM_WITHIN)
    notices.put(
        ctx, tx, "join-member", to, "join-member", list_name=about, lists=lists,
        reply_to=routing.address(ctx.settings, HUB, Kind.CONFIRM, token), answering=notices.Answering(answers),
        request_address=routing.address(ctx.settings, HUB, Kind.REQUEST),
    )  # fmt: skip


def applied_answer(ctx: Context, tx: Connection, token: Any, incoming: Incoming) -> None:
    """A reply to one of these mails, from the address that it went to."""
    sender = canonical(incoming.authors[0].address)
    if token.application_id is None:
        _member_answer(ctx, tx, token, sender, incoming)
        return
    row = tx.execute(select(_application).where(_application.c.id == token.application_id)).first()
    if row is None or row.canonical != sender or token.expires_at < ctx.clock():
        return
    ctx = ctx.speaking(row.language)
    text = answer_text(incoming.message)
    own = own_text(text)
    if row.state != ApplicationState.OPEN:
        notices.put(ctx, tx, "unclear", row.email, "join-over", answering=notices.Answering(incoming.message_id),
                    state=str(row.state), reason=row.reason)  # fmt: skip
        return
    if read_answer(text, _WITHDRAW).verb == "withdraw":
        _end(tx, row.id, ApplicationState.WITHDRAWN, ctx.clock())
        notices.put(ctx, tx, "unclear", row.email, "join-withdrawn",
                    answering=notices.Answering(incoming.message_id))  # fmt: skip
        return
    said = answers_in(own)
    values: dict[str, Any] = {"confirmed_at": row.confirmed_at or ctx.clock()}
    values |= {name: said[name] for name in ("name", "profession", "registration") if name in said}
    if "lists" in said:
        values["lists"] = _named_lists(ctx, said["lists"]) or row.lists
    if "agree" in said or (read_answer(text, AGREE).verb and "I agree" in own):
        values["terms_version"] = keep_text(ctx, tx) or ""
    problem = _problem(ctx, {**row._mapping, **values})
    if problem:
        values.pop("registration", None)
    tx.execute(update(_application).where(_application.c.id == row.id).values(values))
    agreed_by = f"reply from {one_line(incoming.authors[0].address, 200)}, Message-ID {incoming.message_id or 'none'}"
    _go_on(ctx, tx, row.id, incoming.message_id, problem, agreed_by if values.get("terms_version") else "")


def answers_in(own: str) -> dict[str, str]:
    """The lines of an answer: Name:, Profession:, Registration:, Lists:, and `I agree`."""
    found: dict[str, str] = {}
    for line in own.splitlines():
        match = _LINE.match(line)
        if match:
            found[_LABELS[match[1].casefold()]] = one_line(match[2].strip(" *_"), 120)
        elif re.fullmatch(
            r"\W*(?:yes,?\s+)?(?:i\s+agree|i\s+accept|ich\s+stimme\s+zu|j.accepte)\b.{0,40}", line.strip(), re.I
        ):
            found["agree"] = "yes"
    return found


def _named_lists(ctx: Context, text: str) -> list[str]:
    folded = text.casefold()
    return [name for name, one in ctx.settings.lists.items()
            if re.search(rf"\b{re.escape(name)}\b", folded) or one.title.casefold() in folded]  # fmt: skip


def _problem(ctx: Context, values: dict[str, Any]) -> str:
    """What is wrong with a registration number, in words; "" when nothing is."""
    number = str(values.get("registration") or "")
    profession = ctx.settings.profession(str(values.get("profession") or ""))
    if not number or profession is None or profession.fits(number):
        return ""
    return N_(
        "%(number)s does not look like a registration number of %(profession)s.",
        number=number, profession=profession.title,
    )  # fmt: skip


def _go_on(ctx: Context, tx: Connection, number: int, answers: str | None, problem: str, agreed_by: str = "") -> None:
    """After each answer: a person as soon as the address is confirmed, verifiers as soon as everything is told."""
    row = tx.execute(select(_application).where(_application.c.id == number)).one()
    person = row.person_id or _person_of(ctx, tx, row)
    tx.execute(update(_application).where(_application.c.id == number).values(person_id=person))
    tx.execute(
        update(_person).where(_person.c.id == person).values(
            name=row.name, name_key=name_key(row.name), profession=row.profession
        )
    )  # fmt: skip
    if agreed_by:
        agree(ctx, tx, person, agreed_by)
    left = missing(ctx, row)
    if row.verified_at is None and not [what for what in left if what != "terms"]:
        verifying.tell(ctx, tx, number)
    if not left and row.verified_at is not None:
        verifying.admit(ctx, tx, number)
        return
    _show(ctx, tx, number, answers, problem)


def _show(ctx: Context, tx: Connection, number: int, answers: str | None, problem: str = "") -> None:
    """Writes to the applicant how each step stands."""
    now = tx.execute(select(_application).where(_application.c.id == number)).one()
    left = missing(ctx, now)
    token = moderate.issue(ctx, tx, Purpose.APPLY, None, application_id=number, life=CLOSE_AFTER)
    notices.put(
        ctx, tx, "join-step", now.email, "join-step", row=now, missing=left, problem=problem,
        reply_to=routing.address(ctx.settings, HUB, Kind.CONFIRM, token), answering=notices.Answering(answers),
        terms=terms_text(ctx) if "terms" in left else "", needs_registration=needs_registration(ctx),
    )  # fmt: skip


def _person_of(ctx: Context, tx: Connection, row: Any) -> int:
    """The person of a confirmed address: the one who had left, or a new one, APPLIED."""
    known = person_with(tx, row.canonical)
    if known is not None:
        tx.execute(
            update(_person).where(_person.c.id == known, _person.c.status == Status.LEFT)
            .values(status=Status.APPLIED)
        )  # fmt: skip
        return known
    values = {
        "name": row.name, "name_key": name_key(row.name), "profession": row.profession, "status": Status.APPLIED,
        "language": row.language,
        "delivery": ctx.settings.community.default_delivery, "trusted": False, "approved_posts": 0,
        "created_at": ctx.clock(),
    }  # fmt: skip
    done = tx.execute(insert(_person).values(values)).inserted_primary_key
    assert done is not None
    person = int(done[0])
    tx.execute(insert(_address).values(person_id=person, email=row.email, canonical=row.canonical, preferred=True,
                                       bounce_score=0.0))  # fmt: skip
    return person


def _member_answer(ctx: Context, tx: Connection, token: Any, sender: str, incoming: Incoming) -> None:
    """A member's `yes`: onto the list."""
    to = recipient(tx, token.person_id)
    if to is None or membership.person_of(tx, sender) != token.person_id or token.expires_at < ctx.clock():
        return
    if read_answer(answer_text(incoming.message), _YES).verb is None:
        return
    if membership.reader(tx, ctx.settings, token.person_id, ctx.clock()) is None:
        notices.put(ctx, tx, "joined", to, "joined", list_name=token.about,
                    words=why_not_reading(ctx, tx, token.person_id),
                    answering=notices.Answering(incoming.message_id))  # fmt: skip
        return
    words = join_list(ctx, tx, token.person_id, token.about) if token.about != HUB else N_("You are a member already.")
    notices.put(ctx, tx, "joined", to, "joined", list_name=token.about, words=words,
                answering=notices.Answering(incoming.message_id))  # fmt: skip


def status_of_applicant(ctx: Context, tx: Connection, email: str, answering: notices.Answering) -> bool:
    """Answers `status` of somebody whose application is open; False for everybody else."""
    row = tx.execute(
        select(_application).where(
            _application.c.canonical == canonical(email), _application.c.state == ApplicationState.OPEN
        )
    ).first()
    if row is None:
        return False
    if row.confirmed_at is not None:
        _show(ctx, tx, row.id, answering.message_id)
    elif row.asked_at < ctx.clock() - timedelta(minutes=10):
        ask(ctx, tx, row.id, "status", answering.message_id)
    return True


# --- time ----------------------------------------------------------------------------------------------------------


def _end(tx: Connection, number: int, state: ApplicationState, now: datetime, reason: str = "") -> None:
    tx.execute(
        update(_application)
        .where(_application.c.id == number, _application.c.state == ApplicationState.OPEN)
        .values(state=state, closed_at=now, reason=reason)
    )


def remind(ctx: Context, tx: Connection) -> int:
    """One reminder after seven days, to whoever it waits for."""
    now = ctx.clock()
    rows = list(
        tx.execute(
            select(_application)
            .where(
                _application.c.state == ApplicationState.OPEN,
                _application.c.reminded_at.is_(None),
                _application.c.created_at < now - REMIND_AFTER,
            )
            .limit(100)
        )
    )
    for row in rows:
        tx.execute(update(_application).where(_application.c.id == row.id).values(reminded_at=now))
        if row.told_at is not None and row.verified_at is None:
            verifying.tell(ctx, tx, row.id, again=True)
        if missing(ctx, row):
            ask(ctx, tx, row.id, "reminder")
    return len(rows)


def close_old(ctx: Context, tx: Connection) -> int:
    """Applications that nothing came of in thirty days end, with a word to whoever confirmed their address."""
    now = ctx.clock()
    old = (_application.c.state == ApplicationState.OPEN, _application.c.created_at < now - CLOSE_AFTER)
    rows = list(tx.execute(select(_application).where(*old).limit(100)))
    for row in rows:
        waits = row.told_at is not None and row.verified_at is None and not missing(ctx, row)
        if waits and row.created_at > now - 2 * CLOSE_AFTER:
            continue  # it is the verifiers who are late: the applicant has done everything
        _end(tx, row.id, ApplicationState.CLOSED, now, N_("nothing was heard for thirty days"))
        if row.confirmed_at is not None:
            notices.put(ctx.speaking(row.language), tx, "join-closed", row.email, "join-closed", join=routing.address(
                ctx.settings, HUB, Kind.JOIN))  # fmt: skip
    return len(rows)
