"""A small form to apply with: it does what a mail to community-join does, and says the same to everybody.

Beside the way by mail. The mail that follows goes to the address given, and its owner answers it; whether that is a
member's is told to nobody else, not even by the time of the answer. A field that people do not see, and a form that was
filled in within two seconds, are a machine's.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from listserv import life, routing
from listserv.context import Context
from listserv.edge.languages import preferred
from listserv.mail.address import parse_mailboxes
from listserv.mail.text import one_line
from listserv.settings import HUB
from listserv.web.afterwards import Afterwards
from listserv.web.answers import form, render, towards
from listserv.web.login import signed_time, time_of
from listserv.words import N_

begun = Afterwards("applications")
FASTEST = 2  # seconds
OLDEST = 86_400


def routes(ctx: Context) -> list[Route]:
    async def join(request: Request) -> Response:
        if request.method != "POST":
            lists = [(name, one.title, one.description) for name, one in ctx.settings.lists.items()]
            title = N_("Join %(community)s", community=ctx.settings.community.name)
            return render(towards(ctx, request), "join", 200, title=title, lists=lists,
                          time=signed_time(ctx),
                          join_address=routing.address(ctx.settings, HUB, routing.Kind.JOIN))  # fmt: skip
        fields = await form(request)
        age = time_of(ctx, fields.get("time", ""))
        boxes = parse_mailboxes(fields.get("email", "")[:320])
        if not fields.get("website") and age is not None and FASTEST <= age <= OLDEST and len(boxes) == 1:
            wanted = [name for name in ctx.settings.lists if fields.get(f"list-{name}") == "yes"]
            language = preferred(request.headers.get("accept-language", ""), "")
            email, name = boxes[0].address, one_line(fields.get("name", ""), 100)
            begun.write(ctx, lambda tx: life.begin(ctx, tx, email, wanted, name, language=language))
        return render(towards(ctx, request), "join-sent", 200, title=N_("Look into your mail"))

    return [Route("/join", join, methods=["GET", "POST"])]
