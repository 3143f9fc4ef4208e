"""A member's own page: their lists and how they come, addresses, feeds, the way out; and the feeds themselves.

A feed's address is a capability of one member for one list: it can be given to a feed reader, which cannot log in, and
taken back at any time. Each fetch asks anew whether that member may read that list.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import tempfile
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import Connection, insert, select, update
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from listserv import audit, farewell, life, membership, permalinks, routing
from listserv.archiver import pages
from listserv.context import Context
from listserv.digest import wishes
from listserv.digest.schedule import zone_of
from listserv.edge.languages import LOCALES, OWN_NAMES
from listserv.mail.address import canonical, parse_mailboxes
from listserv.model import Address, Feed, Person, Status, Subscription
from listserv.policy.periods import WEEKDAYS
from listserv.privacy.export import export, write
from listserv.tokens import capability, read_capability
from listserv.web.answers import form
from listserv.web.finding import from_index, page
from listserv.web.login import Visit, check_seal, required, seal
from listserv.words import N_

_address = Address.__table__  # type: ignore[attr-defined]
_feed = Feed.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]
NEWEST = 40  # messages in a feed
ATOM = "http://www.w3.org/2005/Atom"


def routes(ctx: Context) -> list[Route]:
    async def me(request: Request) -> Response:
        here = await required(ctx, request)
        if isinstance(here, Response):
            return here
        if request.method == "POST":
            fields = await form(request)
            check_seal(ctx, here.session, fields)
            if fields.get("action") == "export":
                by = audit.Who("web", here.reader.person, "session")
                await ctx.db.write(lambda tx: audit.note(tx, ctx.clock(), "export", by, about=by.person))
                return await asyncio.to_thread(_export, ctx, here.reader.person)
            action = fields.get("action", "")
            change = _CHANGES.get(action, _change_feed)
            await ctx.db.write(lambda tx: change(ctx, tx, here, fields))
            ctx.wake.outbox.set()
            query = "?asked" if action == "address-add" else ""
            return RedirectResponse(f"{pages.path_of(ctx.settings)}/me{query}", 303)
        feeds = await ctx.db.read(lambda tx: _feeds(tx, here.reader.person))
        wishes_ = await ctx.db.read(lambda tx: _wishes(here.ctx, tx, here.reader.person))
        lists = [
            {
                "name": name,
                "title": routing.title(ctx.settings, name),
                "address": routing.address(ctx.settings, name),
                "feed": _feed_url(ctx, feeds[name]) if name in feeds else "",
            }
            for name in here.reader.lists
        ]
        asked = "asked" in request.query_params
        sealed = seal(ctx, here.session)
        return page(here.ctx, "me", name=here.reader.name, lists=lists, seal=sealed, asked=asked, **wishes_)

    async def feed(request: Request) -> Response:
        number = read_capability(ctx.keys.feed, request.path_params["token"])
        list_name = await ctx.db.read(lambda tx: _feed_list(ctx, tx, number)) if number is not None else None
        if list_name is None:
            raise HTTPException(404)
        none: list[sqlite3.Row] = []
        rows = await from_index(ctx, lambda db: _newest(db, list_name), none)
        url = f"{ctx.settings.community.url}{request.url.path}"
        data = _atom(ctx, list_name, rows, url)
        tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag, "Cache-Control": "private, no-cache"})
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        return Response(data, media_type="application/atom+xml; charset=utf-8", headers=headers)

    return [
        Route("/me", me, methods=["GET", "POST"]),
        Route("/feed/{token}", feed, methods=["GET"]),
    ]


def _wishes(ctx: Context, tx: Connection, person: int) -> dict[str, Any]:
    """How somebody gets their lists, as the form shows it."""
    row = tx.execute(select(_person).where(_person.c.id == person)).one()
    running = tx.execute(
        select(_subscription.c.list_name, _subscription.c.delivery).where(
            _subscription.c.person_id == person, _subscription.c.left_at.is_(None)
        )
    )
    modes = {one.list_name: one.delivery for one in running}
    digest = ctx.settings.community.digest
    addresses = tx.execute(
        select(_address.c.email, _address.c.preferred).where(_address.c.person_id == person).order_by(_address.c.id)
    )
    return {
        "addresses": [(one.email, bool(one.preferred)) for one in addresses],
        "others": [(name, one.title, one.description) for name, one in ctx.settings.lists.items() if name not in modes],
        "deliveries": [(n, one.title, modes[n]) for n, one in ctx.settings.lists.items() if n in modes],
        "modes": list(wishes.WORDS.items()),
        "days": [(day, ctx.speech.weekday(day)) for day in WEEKDAYS],
        "languages": list(OWN_NAMES.items()),
        "chosen": ctx.speech.language,
        "day": row.digest_day or digest.day,
        "clock": row.digest_time or digest.time.strftime("%H:%M"),
        "zone": zone_of(ctx.settings, row.timezone).key,
        "forms": list(FORMS.items()),
        "form": str(row.digest_format),
        "per_list": bool(row.digest_per_list),
        "paused": row.status == Status.PAUSED,
        "standing": life.status(ctx, tx, person),
    }


FORMS = {
    "letter": N_("a letter to read and answer"),
    "plain": N_("plain text (RFC 1153)"),
    "mime": N_("MIME digest (for mail programs that open it)"),
}


def _change_delivery(ctx: Context, tx: Connection, here: Visit, fields: dict[str, str]) -> None:
    """Takes over the form; what it does not name stays as it is. An impossible value changes nothing at all."""
    person, now = here.reader.person, ctx.clock()
    language = fields.get("language", "")
    modes = {name: fields[f"list-{name}"] for name in here.reader.lists if f"list-{name}" in fields}
    day, form_, zone = fields.get("day", ""), fields.get("form", ""), fields.get("zone", "").strip()
    try:
        clock = time.fromisoformat(fields.get("time", "")).strftime("%H:%M")
    except ValueError:
        raise HTTPException(400) from None
    if not set(modes.values()) <= wishes.WORDS.keys() or day not in WEEKDAYS or form_ not in FORMS:
        raise HTTPException(400)
    if zone not in available_timezones() or language not in ("", *LOCALES):
        raise HTTPException(400)
    digest = ctx.settings.community.digest
    wishes.set_person(
        tx,
        person,
        digest_day="" if day == digest.day else day,
        digest_time="" if clock == digest.time.strftime("%H:%M") else clock,
        digest_format=form_,
        timezone="" if zone == ctx.settings.community.timezone else zone,
        **({"language": language} if language else {}),
    )
    wishes.set_per_list(tx, person, fields.get("per-list") == "yes", now)
    for name, mode in modes.items():
        wishes.set_mode(tx, person, mode, [name], now)


def _change_pause(ctx: Context, tx: Connection, here: Visit, fields: dict[str, str]) -> None:
    """A pause until a day, or until they say so."""
    zone = zone_of(ctx.settings, "")
    try:
        day = date.fromisoformat(fields["until"]) if fields.get("until") else None
    except ValueError:
        raise HTTPException(400) from None
    if day is not None and day <= ctx.clock().astimezone(zone).date():
        raise HTTPException(400)
    life.pause(ctx, tx, here.reader.person, life.midnight(day, zone) if day else None)


def _change_resume(ctx: Context, tx: Connection, here: Visit, _: dict[str, str]) -> None:
    life.resume(ctx, tx, here.reader.person)


def _change_join(ctx: Context, tx: Connection, here: Visit, fields: dict[str, str]) -> None:
    """Onto a list, as `join` does by mail."""
    if fields.get("list") not in ctx.settings.lists:
        raise HTTPException(400)
    life.join_list(ctx, tx, here.reader.person, fields["list"])


def _change_leave(ctx: Context, tx: Connection, here: Visit, fields: dict[str, str]) -> None:
    """Off a list at once; the mail about it takes `undo` as its answer."""
    if fields.get("list") not in ctx.settings.lists:
        raise HTTPException(400)
    for number in farewell.running(tx, here.reader.person, fields["list"]):
        farewell.leave(ctx, tx, number)


def _change_address(ctx: Context, tx: Connection, here: Visit, fields: dict[str, str]) -> None:
    """What `address add | prefer | remove` does by mail; a new one is asked there whether it is theirs."""
    boxes = parse_mailboxes(fields.get("email", "")[:320])
    to = membership.recipient(tx, here.reader.person)
    if len(boxes) != 1 or not canonical(boxes[0].address) or to is None:
        raise HTTPException(400)
    life.change_address(ctx, tx, to, fields["action"].removeprefix("address-"), boxes[0].address)


_CHANGES = {
    "delivery": _change_delivery, "pause": _change_pause, "resume": _change_resume, "join": _change_join,
    "leave": _change_leave, "address-add": _change_address, "address-prefer": _change_address,
    "address-remove": _change_address,
}  # fmt: skip


def _export(ctx: Context, person: int) -> Response:
    """Everything held about the person who asks, as one file; nothing of it stays on the disk."""
    with tempfile.TemporaryDirectory(prefix="listserv-export-") as folder, ctx.db.reading() as tx:
        data = write(export(ctx, tx, person), Path(folder) / "export.zip").read_bytes()
    headers = {"Content-Disposition": 'attachment; filename="my-data.zip"', "Cache-Control": "private, no-store"}
    return Response(data, media_type="application/zip", headers=headers)


def _feeds(tx: Connection, person: int) -> dict[str, int]:
    rows = tx.execute(
        select(_feed.c.id, _feed.c.list_name).where(_feed.c.person_id == person, _feed.c.revoked_at.is_(None))
    )
    return {row.list_name: row.id for row in rows}


def _feed_url(ctx: Context, number: int) -> str:
    return f"{ctx.settings.community.url}/feed/{capability(ctx.keys.feed, number)}"


def _change_feed(ctx: Context, tx: Connection, here: Visit, fields: dict[str, str]) -> None:
    """Makes a feed address for a list, or takes it back; a new one after that is another one."""
    name, action = fields.get("list", ""), fields.get("action", "")
    if name not in here.reader.lists or action not in ("make", "revoke"):
        raise HTTPException(400)
    now, person = ctx.clock(), here.reader.person
    existing = _feeds(tx, person).get(name)
    if action == "make" and existing is None:
        tx.execute(insert(_feed).values(person_id=person, list_name=name, created_at=now))
    elif action == "revoke" and existing is not None:
        tx.execute(update(_feed).where(_feed.c.id == existing).values(revoked_at=now))


def _feed_list(ctx: Context, tx: Connection, number: int) -> str | None:
    """The list of a feed that is in use, of a member who may read that list at present."""
    row = tx.execute(select(_feed).where(_feed.c.id == number, _feed.c.revoked_at.is_(None))).first()
    if row is None:
        return None
    reader = membership.reader(tx, ctx.settings, row.person_id, ctx.clock())
    return str(row.list_name) if reader is not None and row.list_name in reader.lists else None


def _newest(db: sqlite3.Connection, list_name: str) -> list[sqlite3.Row]:
    query = (
        "SELECT number, tag, thread, subject, name, profession, date, excerpt FROM message"
        " WHERE list = ? AND month >= (SELECT COALESCE(MIN(month), '') FROM (SELECT DISTINCT month FROM message"
        " WHERE list = ? ORDER BY month DESC LIMIT 24)) AND shown ORDER BY number DESC LIMIT ?"
    )
    return db.execute(query, (list_name, list_name, NEWEST)).fetchall()


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _xml(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold."""
    return "".join(c for c in text if c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff")


def _atom(ctx: Context, list_name: str, rows: list[Any], url: str) -> bytes:
    """RFC 4287. The text is an excerpt: whoever wants all of it reads it where its readers are asked for."""
    ET.register_namespace("", ATOM)
    settings = ctx.settings

    def put(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
        element = ET.SubElement(parent, f"{{{ATOM}}}{name}", attributes)
        element.text = _xml(text) or None
        return element

    root = ET.Element(f"{{{ATOM}}}feed")
    put(root, "id", f"{settings.community.url}/archive/{list_name}/")
    put(root, "title", f"{routing.title(settings, list_name)} · {settings.community.name}")
    put(root, "updated", _iso(rows[0]["date"] if rows else 0))
    put(root, "link", rel="self", href=url)
    put(root, "link", rel="alternate", href=f"{settings.community.url}/archive/{list_name}/")
    for row in rows:
        entry = put(root, "entry")
        link = permalinks.url(settings, list_name, row["tag"])
        put(entry, "id", link)
        put(entry, "title", row["subject"])
        put(entry, "updated", _iso(row["date"]))
        author = put(entry, "author")
        put(author, "name", f"{row['name']}, {row['profession']}" if row["profession"] else row["name"])
        put(entry, "link", rel="alternate", href=link)
        put(entry, "summary", row["excerpt"])
    data: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return data
