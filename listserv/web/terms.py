"""The terms, for members who are logged in: what they have not agreed to yet they can agree to here, by a button.

Whoever has still to agree sees this page alone. Their agreement is the same as one by mail (`life.agree`): to one
text, that which stood on the page, with the evidence of the session, whose link went to the registered address.
"""

from __future__ import annotations

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from listserv import audit, life, membership
from listserv.archiver.pages import path_of
from listserv.context import Context
from listserv.web.answers import form, render
from listserv.web.login import Visit, agreeing, check_seal, local, seal, to_login, visit
from listserv.words import N_


def routes(ctx: Context) -> list[Route]:
    async def terms(request: Request) -> Response:
        here = await agreeing(ctx, request)
        if here is None:
            return to_login(ctx, request)
        version = membership.terms_version(ctx.settings)  # before the text: what is agreed to was read
        if version is None:
            raise HTTPException(404)
        target, changed = local(request.query_params.get("next", "")), False
        if request.method == "POST":
            fields = await form(request)
            check_seal(ctx, here.session, fields)
            target = local(fields.get("next", ""))
            if await ctx.db.write(lambda tx: _agree(ctx, tx, here, fields.get("version", ""))):
                return RedirectResponse(path_of(ctx.settings) + target, 303)
            changed = True
        return render(
            here.ctx,
            "terms",
            200,
            title=N_("Terms"),
            version=version,
            terms=life.terms_text(ctx),
            agreed=await ctx.db.read(lambda tx: life.agreed(ctx, tx, here.reader.person)),
            reads=await visit(ctx, request) is not None,
            changed=changed,
            seal=seal(ctx, here.session),
            target=target,
        )

    return [Route("/terms", terms, methods=["GET", "POST"])]


def _agree(ctx: Context, tx: Connection, here: Visit, version: str) -> bool:
    """Writes down that they agree to this version; False when it is not the present one any more."""
    if version != membership.terms_version(ctx.settings):
        return False
    person = here.reader.person
    evidence = f"button on the web below the text, logged in by a mailed link, session {here.session}"
    life.agree(ctx, tx, person, evidence, by=audit.Who("web", person, "session"))
    return True
