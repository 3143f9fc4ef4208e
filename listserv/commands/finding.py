"""Commands by mail that ask: for help, for what lists there are, and for what was said on them.

Each returns what its answer says (`doing`), and changes nothing.
"""

from __future__ import annotations

from sqlalchemy import select

from listserv import life, permalinks, posts, routing
from listserv.archiver import connect, query
from listserv.archiver.pages import when
from listserv.commands.asked import Asked, tag_in
from listserv.context import Context
from listserv.errors import UserError
from listserv.mail.message import parse
from listserv.mail.text import one_line, readable
from listserv.model import Post, PostState
from listserv.settings import HUB
from listserv.words import N_

_post = Post.__table__  # type: ignore[attr-defined]

RESULTS = 15
TIME_LIMIT = 0.3  # seconds of a search; it is asked inside the transaction that takes the mail
SHOWN = 6000  # characters of a message that `get` shows


def help_(asked: Asked) -> str:
    return asked.ctx.render("mail/command-help.txt", request=routing.address(
        asked.ctx.settings, HUB, routing.Kind.REQUEST))  # fmt: skip


def status(asked: Asked) -> str:
    return life.status(asked.ctx, asked.tx, asked.to.person)


def lists(asked: Asked) -> str:
    mine = set(asked.on)
    lines = []
    for name, one in asked.ctx.settings.lists.items():
        mark = f" {asked.ctx.phrase('(you are on it)')}" if name in mine else ""
        about = f"\n  {one.description}" if one.description else ""
        lines.append(f"{name}: {one.title}{mark}{about}")
    return "\n".join(lines)


def search(asked: Asked) -> str:
    ctx = asked.ctx
    assert asked.reader is not None
    if not asked.command.argument:
        return N_("What for? Write: search sleep diary")
    lists = asked.reader.lists
    if asked.route.list_name != HUB:
        lists = tuple(name for name in lists if name == asked.route.list_name)
    wanted = query.read(asked.command.argument, ctx.settings.community.zone)
    try:
        db = connect(ctx.settings.archive.directory)
    except UserError:
        return N_("The archive is not there yet.")
    try:
        found = query.search(db, wanted, lists, per_page=RESULTS, time_limit=TIME_LIMIT)
    finally:
        db.close()
    return ctx.render(
        "mail/command-search.txt",
        words=asked.command.argument,
        found=found,
        hits=[
            {
                "subject": hit.row["subject"],
                "name": hit.row["name"],
                "day": when(ctx, hit.row["date"]).day,
                "list": routing.title(ctx.settings, hit.row["list"]),
                "snippet": hit.snippet.replace(query.BEGIN, "*").replace(query.END, "*"),
                "url": _link(ctx, hit.row["list"], hit.row["tag"]),
            }
            for hit in found.hits
        ],
    )


def _link(ctx: Context, list_name: str, tag: str) -> str:
    if ctx.settings.web is None:
        return f"get {tag}"
    return permalinks.url(ctx.settings, list_name, tag)


def last(asked: Asked) -> str:
    assert asked.reader is not None
    count = next((int(word) for word in asked.command.argument.split() if word.isdecimal() and len(word) < 3), 10)
    lists = [name for name in asked.lists if name in asked.reader.lists]
    rows = asked.tx.execute(
        select(_post.c.list_name, _post.c.subject, _post.c.from_name, _post.c.released_at, _post.c.tag)
        .where(_post.c.list_name.in_(lists), _post.c.state == PostState.RELEASED, _post.c.released_at.is_not(None))
        .order_by(_post.c.released_at.desc())
        .limit(min(count, 30))
    )
    lines = [
        f"{asked.ctx.speech.brief(row.released_at)}  {one_line(row.subject, 60)}\n"
        f"  {one_line(row.from_name, 40)}, {row.list_name}; get {row.tag}"
        for row in rows
    ]
    return "\n".join(lines) or N_("Nothing has been said yet.")


def get(asked: Asked) -> str:
    assert asked.reader is not None
    tag = tag_in(asked.command.argument)
    row = asked.tx.execute(
        select(_post).where(
            _post.c.tag == tag, _post.c.state == PostState.RELEASED, _post.c.list_name.in_(asked.reader.lists)
        )
    ).first()
    if row is None:
        return N_("There is no such message, or it is on a list that you are not on. `last` shows what there is.")
    text = readable(parse(posts.raw_message(asked.ctx, asked.tx, row.message_id)), SHOWN + 1)
    if len(text) > SHOWN:
        text = text[:SHOWN].rstrip() + "\n[...]"
    speech = asked.ctx.speech
    head = asked.ctx.phrase(
        "Subject: %(subject)s\nFrom: %(name)s\nDate: %(day)s, %(clock)s\nAnswer: %(address)s",
        subject=one_line(row.subject, 200),
        name=one_line(row.from_name or row.from_address, 80),
        day=speech.day(row.received_at),
        clock=speech.clock(row.received_at),
        address=permalinks.answer_address(asked.ctx.settings, row.list_name, row.tag),
    )
    return f"{head}\n\n{text.strip()}"
