"""Commands by mail to LIST-request and community-request. So far there is one: `search WORDS`.

From a proven member alone, and the answer goes to their registered address: it shows what only they may read. Words
and results are those of the search page.
"""

from __future__ import annotations

import re
from contextlib import closing

from sqlalchemy import Connection

from listserv import membership, notices, permalinks, routing
from listserv.archiver import connect, query
from listserv.archiver.pages import when
from listserv.context import Context
from listserv.errors import UserError
from listserv.mail.address import canonical
from listserv.mail.incoming import Incoming
from listserv.mail.reply import answer_text, own_text
from listserv.mail.text import one_line
from listserv.routing import Route
from listserv.settings import HUB

RESULTS = 15
TIME_LIMIT = 0.3  # seconds; it is asked inside the transaction that accepts the mail
_SEARCH = re.compile(r"\s*(?:re:\s*)?(?:search|find)[:\s]+(\S.{0,400})", re.I)


def search_words(incoming: Incoming) -> str | None:
    """What a mail asks to search for, in its subject or its first own line; None when it asks for something else."""
    found = _SEARCH.match(incoming.subject)
    if found is None:
        lines = [line for line in own_text(answer_text(incoming.message)).splitlines() if line.strip()]
        found = _SEARCH.match(lines[0]) if lines else None
    return one_line(found[1], 400) if found else None


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
