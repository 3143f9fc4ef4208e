"""Commands by mail to LIST-request and community-request: so far `search WORDS` and `digest ...`.

From a proven member alone, and the answer goes to their registered address: it shows what only they may read. Words
and results of a search are those of the search page.
"""

from __future__ import annotations

import re
from contextlib import closing
from datetime import datetime, time

from sqlalchemy import Connection, select

from listserv import membership, notices, permalinks, routing
from listserv.archiver import connect, query
from listserv.archiver.pages import when
from listserv.context import Context
from listserv.digest import asking, wishes
from listserv.digest.schedule import zone_of
from listserv.errors import UserError
from listserv.mail.address import canonical
from listserv.mail.incoming import Incoming
from listserv.mail.reply import answer_text, own_text
from listserv.mail.text import one_line
from listserv.model import IssueKind, Person
from listserv.routing import Route
from listserv.settings import HUB

_person = Person.__table__  # type: ignore[attr-defined]

RESULTS = 15
TIME_LIMIT = 0.3  # seconds; it is asked inside the transaction that accepts the mail
_DIGEST = re.compile(r"\s*(?:re:\s*)?(?:set\s+)?digest\b[:\s]*(.{0,100})\s*\Z", re.I)
_SEARCH = re.compile(r"\s*(?:re:\s*)?(?:search|find)[:\s]+(\S.{0,400})", re.I)


def search_words(incoming: Incoming) -> str | None:
    """What a mail asks to search for, in its subject or its first own line; None when it asks for something else."""
    return _words(incoming, _SEARCH)


def digest_words(incoming: Incoming) -> str | None:
    """What a mail says of the digest ("" for the word alone); None when it says nothing of it."""
    return _words(incoming, _DIGEST)


def _words(incoming: Incoming, pattern: re.Pattern[str]) -> str | None:
    found = pattern.match(incoming.subject)
    if found is None:
        lines = [line for line in own_text(answer_text(incoming.message)).splitlines() if line.strip()]
        found = pattern.match(lines[0]) if lines else None
    return one_line(found[1], 400) if found else None


def digest(ctx: Context, tx: Connection, route: Route, incoming: Incoming, words: str) -> bool:
    """Changes how a member gets their digests, of all lists or of the one whose address it was, or sends one; False
    for somebody who may not read."""
    person = membership.person_of(tx, canonical(incoming.authors[0].address))
    to = membership.recipient(tx, person) if person is not None else None
    reader = membership.reader(tx, ctx.settings, person, ctx.clock()) if person is not None else None
    if person is None or to is None or reader is None:
        return False
    row = tx.execute(select(_person).where(_person.c.id == person)).one()
    zone = zone_of(ctx.settings, row.timezone)
    wish = wishes.read(words, ctx.clock().astimezone(zone).date())
    lists = reader.lists if route.list_name == HUB else tuple(n for n in reader.lists if n == route.list_name)
    coming = wish.what in ("now", "since") and notices.room(ctx, tx, "digest-settings", to.email)
    if coming:
        since = datetime.combine(wish.since, time(), zone) if wish.since is not None else None
        asking.ask(ctx, tx, person, route.list_name, since, IssueKind.ASKED)
    wishes.carry_out(ctx, tx, person, wish, lists)
    notices.put(
        ctx,
        tx,
        "digest-settings",
        to,
        "digest-settings",
        list_name=route.list_name,
        answering=notices.Answering(incoming.message_id),
        words=one_line(words, 80),
        changed=wish.what in ("mode", "when", "form", "per-list", "zone"),
        coming=coming,
        unclear=wish.what == "unclear",
        lists=wishes.in_words(ctx, tx, person),
        regular=wishes.regular(ctx, tx, person),
        request_address=routing.address(ctx.settings, route.list_name, routing.Kind.REQUEST),
    )
    return True


def search(ctx: Context, tx: Connection, route: Route, incoming: Incoming, words: str) -> bool:
    """Answers with results of the lists that the member may read (of the one whose address it was); False for
    somebody who may not read."""
    person = membership.person_of(tx, canonical(incoming.authors[0].address))
    to = membership.recipient(tx, person) if person is not None else None
    reader = membership.reader(tx, ctx.settings, person, ctx.clock()) if person is not None else None
    if to is None or reader is None:
        return False
    lists = reader.lists if route.list_name == HUB else tuple(n for n in reader.lists if n == route.list_name)
    asked = query.read(words, ctx.settings.community.zone)
    try:
        with closing(connect(ctx.settings.archive.directory)) as db:
            found = query.search(db, asked, lists, per_page=RESULTS, time_limit=TIME_LIMIT)
    except UserError:
        found = query.Found(wrong=asked.wrong)
    notices.put(
        ctx,
        tx,
        "search",
        to,
        "search",
        list_name=route.list_name,
        answering=notices.Answering(incoming.message_id),
        words=words,
        found=found,
        hits=[
            {
                "subject": hit.row["subject"],
                "name": hit.row["name"],
                "day": when(ctx.settings, hit.row["date"]).day,
                "list": routing.title(ctx.settings, hit.row["list"]),
                "snippet": hit.snippet.replace(query.BEGIN, "*").replace(query.END, "*"),
                "url": permalinks.url(ctx.settings, hit.row["list"], hit.row["tag"]),
            }
            for hit in found.hits
        ],
    )
    return True
