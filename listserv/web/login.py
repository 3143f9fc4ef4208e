"""Logging in by an emailed link, and who a request is from.

No passwords: whoever reads a member's mail is that member. The link's GET shows a button and its POST logs in, because
link scanners of mail providers fetch every link (RFC 9110 section 9.2.1). The answer to the question for a link is the
same in words and time for everybody. The cookie is the signed number of a session; the session is a row, so that it can
be ended, and every request looks at it and at the member's standing anew.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import Connection, delete, insert, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from listserv import membership, moderate, notices
from listserv.archiver.pages import path_of
from listserv.context import Context
from listserv.mail.address import canonical
from listserv.membership import Reader
from listserv.model import Purpose, Session, Token
from listserv.tokens import capability, read_capability, stored
from listserv.web.afterwards import Afterwards
from listserv.web.answers import form, render, towards
from listserv.words import N_

log = logging.getLogger(__name__)
_session = Session.__table__  # type: ignore[attr-defined]
_token = Token.__table__  # type: ignore[attr-defined]

LINK_LIFE = timedelta(minutes=15)
SESSION_LIFE = timedelta(days=30)
LINKS_PER_HOUR = (
    1000  # of one process, whoever asks for them: a machine that knows the members' addresses gets no further
)
asked = Afterwards("questions for a login link")
_sent: deque[datetime] = deque(maxlen=LINKS_PER_HOUR)


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who is logged in, and may read; `ctx` speaks to them."""

    session: int
    reader: Reader
    ctx: Context


def _cookie_name(ctx: Context) -> str:
    """With this prefix browsers take the cookie over https alone, and from this very host."""
    return "__Host-listserv" if _secure(ctx) else "listserv"


def _secure(ctx: Context) -> bool:
    return ctx.settings.community.url.startswith("https://")


def _signer(ctx: Context) -> URLSafeSerializer:
    return URLSafeSerializer(ctx.keys.cookie, salt="session")


def _session_number(ctx: Context, request: Request) -> int | None:
    value = request.cookies.get(_cookie_name(ctx), "")
    if not value or len(value) > 300:
        return None
    try:
        number = _signer(ctx).loads(value)
    except BadSignature:
        return None
    return number if isinstance(number, int) else None


async def visit(ctx: Context, request: Request) -> Visit | None:
    """Who this request is from; None for everybody who may not read."""
    return await _who(ctx, request, agreeing=False)


async def agreeing(ctx: Context, request: Request) -> Visit | None:
    """Who this request is from, also somebody who may read nothing but the terms before they agree to them."""
    return await _who(ctx, request, agreeing=True)


async def _who(ctx: Context, request: Request, *, agreeing: bool) -> Visit | None:
    number = _session_number(ctx, request)
    if number is None:
        return None
    return await ctx.db.read(lambda tx: _visit(ctx, tx, number, agreeing=agreeing))


def _visit(ctx: Context, tx: Connection, number: int, *, agreeing: bool) -> Visit | None:
    now = ctx.clock()
    row = tx.execute(select(_session.c.person_id, _session.c.expires_at).where(_session.c.id == number)).first()
    if row is None or row.expires_at <= now:
        return None
    found = membership.reader(tx, ctx.settings, row.person_id, now, agreeing=agreeing)
    return Visit(number, found, ctx.speaking(found.language, found.timezone)) if found is not None else None


def to_login(ctx: Context, request: Request) -> Response:
    """The way to the login form, and back to the page that was asked for."""
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    query = urlencode({"next": target})
    return RedirectResponse(f"{path_of(ctx.settings)}/login?{query}", 303)


async def required(ctx: Context, request: Request) -> Visit | Response:
    """The visit, or the answer for who is not logged in: login for a page."""
    return await visit(ctx, request) or to_login(ctx, request)


def local(target: str) -> str:
    """A path of ours to go to after login; anything else becomes the front page (no open redirect)."""
    ours = target.startswith(("/archive/", "/search", "/author/", "/me", "/terms", "/threads/"))
    bad = target.startswith("//") or "\\" in target or not target.isprintable() or len(target) > 600
    return target if ours and not bad else "/archive/"


# --- forms against other sites ----------------------------------------------------------------------------------


def seal(ctx: Context, session: int) -> str:
    """What a form of ours carries, so that no other site can send it (beside SameSite)."""
    return capability(ctx.keys.cookie, session)


def signed_time(ctx: Context) -> str:
    """The present second, for a form that tells how long it was open."""
    return str(URLSafeSerializer(ctx.keys.cookie, salt="time").dumps(int(ctx.clock().timestamp())))


def time_of(ctx: Context, value: str) -> int | None:
    """How many seconds ago a form was shown; None for what is not ours."""
    try:
        shown = URLSafeSerializer(ctx.keys.cookie, salt="time").loads(value[:200])
    except BadSignature:
        return None
    return int(ctx.clock().timestamp()) - shown if isinstance(shown, int) else None


def check_seal(ctx: Context, session: int, fields: dict[str, str]) -> None:
    """Raises HTTPException 403 for a form that is not ours."""
    if read_capability(ctx.keys.cookie, fields.get("seal", "")) != session:
        raise HTTPException(403)


# --- the pages ---------------------------------------------------------------------------------------------------


def routes(ctx: Context) -> list[Route]:
    async def ask(request: Request) -> Response:
        target = local(request.query_params.get("next", ""))
        if request.method == "POST":
            fields = await form(request)
            target = local(fields.get("next", ""))
            email = fields.get("email", "")
            asked.write(ctx, lambda tx: _send_link(ctx, tx, email, target))
            return render(towards(ctx, request), "login-sent", 200, title=N_("Look into your mail"), minutes=_minutes())
        if await visit(ctx, request) is not None:
            return RedirectResponse(path_of(ctx.settings) + target, 303)
        if await agreeing(ctx, request) is not None:
            return RedirectResponse(f"{path_of(ctx.settings)}/terms?{urlencode({'next': target})}", 303)
        return render(towards(ctx, request), "login", 200, title=N_("Log in"), target=target, minutes=_minutes())

    async def link(request: Request) -> Response:
        token = request.path_params["token"]
        target = local(request.query_params.get("next", ""))
        if request.method != "POST":
            good = await ctx.db.read(lambda tx: _good(ctx, tx, token))
            if not good:
                return render(towards(ctx, request), "login-late", 410, title=N_("This link is used up"), target=target)
            return render(towards(ctx, request), "login-here", 200, title=N_("Log in"), target=target)
        target = local((await form(request)).get("next", ""))
        number = await ctx.db.write(lambda tx: _spend(ctx, tx, token))
        if number is None:
            return render(towards(ctx, request), "login-late", 410, title=N_("This link is used up"), target=target)
        answer = RedirectResponse(path_of(ctx.settings) + target, 303)
        answer.set_cookie(
            _cookie_name(ctx),
            str(_signer(ctx).dumps(number)),
            max_age=int(SESSION_LIFE.total_seconds()),
            path="/",
            secure=_secure(ctx),
            httponly=True,
            samesite="lax",
        )
        return answer

    async def logout(request: Request) -> Response:
        number = _session_number(ctx, request)
        if number is not None:
            fields = await form(request)
            check_seal(ctx, number, fields)
            everywhere = fields.get("where") == "everywhere"
            await ctx.db.write(lambda tx: _end(tx, number, everywhere=everywhere))
        title, words = N_("You are logged out"), N_("The archive is closed on this device.")
        answer = render(towards(ctx, request), "message", 200, title=title, words=words)
        answer.delete_cookie(_cookie_name(ctx), path="/", secure=_secure(ctx), httponly=True, samesite="lax")
        return answer

    return [
        Route("/login", ask, methods=["GET", "POST"]),
        Route("/login/{token}", link, methods=["GET", "POST"]),
        Route("/logout", logout, methods=["POST"]),
    ]


def _minutes() -> int:
    return int(LINK_LIFE.total_seconds()) // 60


def _send_link(ctx: Context, tx: Connection, email: str, target: str) -> None:
    """A link for a member who may read, or agree to the terms, to their registered address and nowhere else."""
    key = canonical(email.strip()[:320])
    person = membership.person_with(tx, key) if key else None
    if person is None or membership.reader(tx, ctx.settings, person, ctx.clock(), agreeing=True) is None:
        return
    to = membership.recipient(tx, person)
    now = ctx.clock()
    if to is None or not notices.room(ctx, tx, "login", to.email):
        return
    if len(_sent) == LINKS_PER_HOUR and now - _sent[0] < timedelta(hours=1):
        log.warning("more than %d login links were asked for within an hour: one is not sent", LINKS_PER_HOUR)
        return
    _sent.append(now)
    token = moderate.issue(ctx, tx, Purpose.LOGIN, person, life=LINK_LIFE)
    query = "" if target == "/archive/" else f"?next={quote(target, safe='/')}"
    url = f"{ctx.settings.community.url}/login/{token}{query}"
    notices.put(ctx, tx, "login", to, "login", url=url, minutes=_minutes())


def _token_row(ctx: Context, tx: Connection, token: str) -> Any | None:
    query = select(_token).where(
        _token.c.hash == stored(token), _token.c.purpose == Purpose.LOGIN, _token.c.expires_at > ctx.clock()
    )
    return tx.execute(query).first()


def _good(ctx: Context, tx: Connection, token: str) -> bool:
    return _token_row(ctx, tx, token) is not None


def _spend(ctx: Context, tx: Connection, token: str) -> int | None:
    """Uses a link up and begins a session; its number, None when the link is not good any more."""
    row = _token_row(ctx, tx, token)
    if row is None or tx.execute(delete(_token).where(_token.c.id == row.id)).rowcount != 1:
        return None
    now = ctx.clock()
    values = {"person_id": row.person_id, "created_at": now, "expires_at": now + SESSION_LIFE}
    key = tx.execute(insert(_session).values(values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _end(tx: Connection, number: int, *, everywhere: bool) -> None:
    """Ends a session, or all of that person."""
    if everywhere:
        person = select(_session.c.person_id).where(_session.c.id == number).scalar_subquery()
        tx.execute(delete(_session).where(_session.c.person_id == person))
    else:
        tx.execute(delete(_session).where(_session.c.id == number))
