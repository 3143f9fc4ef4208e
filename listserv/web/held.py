"""A held post in full, for those who decide on it: what a notice must not carry is read here, after a login.

Nothing acts here. The decision goes by mail, as a reply to the notice; the page has the words for it.
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup, escape
from sqlalchemy import Connection, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from listserv import membership, posts, routing
from listserv.context import Context
from listserv.mail.message import TooComplex, parse
from listserv.mail.passages import Passage, Place, passages
from listserv.mail.text import attachments, one_line
from listserv.model import Post, PostState
from listserv.moderate.announcing import who
from listserv.policy.screening import summary
from listserv.policy.screening.screened import Screened
from listserv.web.finding import page
from listserv.web.login import Visit, required
from listserv.words import N_, Phrase

_post = Post.__table__  # type: ignore[attr-defined]

SHOWN = 50_000  # characters of one text
_WAITING = (PostState.HELD, PostState.RETURNED)
_TITLES = {
    Place.TEXT: N_("The text"),
    Place.HTML: N_("The formatted text, with what it hides"),
    Place.FILE: N_("An attached text"),
}


def routes(ctx: Context) -> list[Route]:
    async def held(request: Request) -> Response:
        here = await required(ctx, request)
        if isinstance(here, Response):
            return here
        number = request.path_params["number"]
        values = await ctx.db.read(lambda tx: _shown(ctx, tx, here, number))
        if values is None:
            raise HTTPException(404)
        answer = page(here.ctx, "held", **values)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return [Route("/held/{number:int}", held, methods=["GET"])]


def _shown(ctx: Context, tx: Connection, here: Visit, number: int) -> dict[str, Any] | None:
    """What the page shows; None for whoever does not decide on this post, and for what waits no more."""
    post = tx.execute(select(_post).where(_post.c.id == number, _post.c.state.in_(_WAITING))).first()
    if post is None or all(one.person != here.reader.person for one in membership.deciders(tx, post.list_name)):
        return None
    raw = posts.raw_message(ctx, tx, post.message_id)
    screened = posts.screened_of(ctx, post)
    try:
        message = parse(raw)
        texts, files = passages(message), attachments(message)
    except TooComplex:
        texts, files = (), []
    return {
        "number": post.id,
        "list_title": routing.title(ctx.settings, post.list_name),
        "author": who(ctx, tx, post),
        "subject": one_line(next((one.text for one in texts if one.place is Place.SUBJECT), post.subject), 300),
        "reasons": [Phrase(reason["text"]) for reason in post.reasons],
        "findings": [(n, summary(finding)) for n, finding, _ in screened.left()],
        "author_note": here.ctx.speech.translated(post.author_note),
        "parts": [(_TITLES[one.place], one.name, _marked(one, screened)) for one in texts if one.place in _TITLES],
        "files": [f"{one_line(name, 80)} ({kind}, {size} bytes)" for name, kind, size in files],
        "with_author": post.state == PostState.RETURNED,
    }


def _marked(passage: Passage, screened: Screened) -> Markup:
    """The text of a passage with what was found in it marked by its number."""
    text = passage.text[:SHOWN]
    spans: list[tuple[int, int, int]] = []
    for number, _, value in screened.left():
        at = text.find(value) if value.strip() else -1
        while at >= 0:
            spans.append((at, at + len(value), number))
            at = text.find(value, at + len(value))
    out, position = Markup(), 0
    for start, end, number in sorted(spans):
        if start >= position:
            out += escape(text[position:start])
            out += Markup('<mark title="{}">{}</mark><sup>{}</sup>').format(
                f"finding {number}", text[start:end], number
            )
            position = end
    return out + escape(text[position:])
