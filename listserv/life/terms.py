"""The terms: each text is a version, agreeing is evidence, and a new text asks everybody once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from listserv import audit, membership, moderate, notices, routing
from listserv.context import Context
from listserv.life.standing import agreed
from listserv.mail.incoming import Incoming
from listserv.mail.reply import answer_text, read_answer
from listserv.mail.text import one_line
from listserv.membership import recipient
from listserv.model import Agreement, Campaign, Person, Purpose, TermsText
from listserv.settings import HUB
from listserv.words import N_

_agreement = Agreement.__table__  # type: ignore[attr-defined]
_campaign = Campaign.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_terms = TermsText.__table__  # type: ignore[attr-defined]

AGREE = {"i agree": "agree", "agree": "agree", "agreed": "agree", "yes": "agree", "ok": "agree", "i accept": "agree",
         "ich stimme zu": "agree", "j'accepte": "agree", "j’accepte": "agree"}  # fmt: skip
PER_ROUND = 200  # mails of a campaign in one round of the job
REMINDER = timedelta(days=3)  # before the grace ends


def terms_text(ctx: Context) -> str:
    """The present terms; "" when there are none."""
    path = ctx.settings.community.terms
    return path.read_text(encoding="utf-8").strip() if path is not None else ""


def keep_text(ctx: Context, tx: Connection) -> str | None:
    """Keeps the present text as a version, which agreements are about; None when there are no terms."""
    version = membership.terms_version(ctx.settings)
    if version is not None:
        dialect: Any = sqlite if ctx.db.sqlite else postgresql
        values = {"version": version, "text": terms_text(ctx), "first_seen": ctx.clock()}
        tx.execute(dialect.insert(_terms).values(values).on_conflict_do_nothing())
    return version


def agree(ctx: Context, tx: Connection, person: int, evidence: str, *, by: audit.Who | None = None) -> str:
    """Writes an agreement down; what the answer says. `evidence`: from which mail, in words; `by`: how, if not so."""
    version = keep_text(ctx, tx)
    if version is None:
        return N_("This community has no terms to agree to.")
    if agreed(ctx, tx, person):
        return N_("You have agreed to the present terms already. Thank you.")
    values = {"person_id": person, "version": version, "agreed_at": ctx.clock(), "evidence": evidence[:500]}
    tx.execute(insert(_agreement).values(values))
    by = by or audit.Who("mail", person, "reply")
    audit.note(tx, ctx.clock(), "agree", by, about=person, details={"terms": version})
    return N_("Thank you. That you agree to the present terms is written down.")


def campaign(ctx: Context, tx: Connection) -> int:
    """Asks members who have agreed to an earlier text for the present one: once when it is new, once before the grace
    ends; some in each round, so that not everybody is asked at once. How many were."""
    version = keep_text(ctx, tx)
    if version is None:
        return 0
    seen = tx.execute(select(_terms.c.first_seen).where(_terms.c.version == version)).scalar_one()
    ends = seen + ctx.settings.community.terms_grace
    earlier = tx.execute(select(func.count()).select_from(_terms).where(_terms.c.version != version)).scalar()
    now = ctx.clock()
    if not earlier or now > ends + timedelta(days=30):
        return 0
    stage = "last" if now > ends - REMINDER else "first"
    has = select(_agreement.c.person_id).where(_agreement.c.version == version)
    told = select(_campaign.c.person_id).where(_campaign.c.about == version, _campaign.c.stage == stage)
    rows = tx.execute(
        select(_person.c.id)
        .where(_person.c.status.in_(membership.READING), _person.c.id.not_in(has), _person.c.id.not_in(told))
        .order_by(_person.c.id)
        .limit(PER_ROUND)
    )
    people = [row.id for row in rows]
    for person in people:
        to = recipient(tx, person)
        tx.execute(insert(_campaign).values(person_id=person, about=version, stage=stage, at=now))
        if to is None:
            continue
        token = moderate.issue(ctx, tx, Purpose.TERMS, person, about=version, life=timedelta(days=90))
        notices.put(
            ctx, tx, "terms", to, "terms", terms=terms_text(ctx), last=stage == "last",
            until=ends.astimezone(ctx.settings.community.zone).date(), over=now >= ends,
            reply_to=routing.address(ctx.settings, HUB, routing.Kind.CONFIRM, token),
        )  # fmt: skip
    return len(people)


def terms_answer(ctx: Context, tx: Connection, token: Any, text_token: str, incoming: Incoming) -> None:
    """A reply to the question; the token, sent to the registered address alone, is its proof."""
    to = membership.answering(tx, token, incoming.authors[0].address)
    if to is None:
        return
    answering = notices.Answering(incoming.message_id)
    said = read_answer(answer_text(incoming.message), AGREE)
    reply_to = routing.address(ctx.settings, HUB, routing.Kind.CONFIRM, text_token)
    if said.verb is None or token.about != membership.terms_version(ctx.settings):
        notices.put(
            ctx, tx, "unclear", to, "terms-unclear", answering=answering, reply_to=reply_to,
            wrote=one_line(said.first_line, 120), changed=token.about != membership.terms_version(ctx.settings),
        )  # fmt: skip
        return
    sender = one_line(incoming.authors[0].address, 200)
    words = agree(ctx, tx, to.person, f"reply from {sender}, Message-ID {incoming.message_id or 'none'}")
    notices.put(ctx, tx, "agreed", to, "agreed", answering=answering, words=words)
