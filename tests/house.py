"""The house without sockets: mail in through `accept`, rounds of the worker, and what was written read back."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import Any

from sqlalchemy import text

from listserv import copies, routing, worker
from listserv.context import Context
from listserv.errors import Reply
from listserv.intake.accept import Recipient, accept
from listserv.posts import Envelope


async def _put(ctx: Context, raw: bytes, sender: str, recipients: Sequence[str], protocol: str) -> list[Reply]:
    envelope = Envelope(sender, "192.0.2.1", "mail.people.test", protocol, ctx.clock())
    found = []
    for address in recipients:
        route = routing.resolve(ctx.settings, address)
        assert route is not None, address
        found.append(Recipient(address, route))
    return await accept(ctx, raw, envelope, found)


def put(ctx: Context, raw: bytes, *recipients: str, sender: str = "ann@people.test", lmtp: bool = False) -> list[Reply]:
    """One message through acceptance; a reply per recipient."""
    return asyncio.run(_put(ctx, raw, sender, recipients or ("perinatal@lists.test",), "LMTP" if lmtp else "ESMTP"))


def work(ctx: Context) -> None:
    """The worker, until it finds nothing more to do."""

    async def rounds() -> None:
        cache = copies.Cache()
        while await worker.once(ctx, cache):
            pass

    asyncio.run(rounds())


def rows(ctx: Context, query: str, **values: Any) -> list[Any]:
    with ctx.db.reading() as tx:
        return list(tx.execute(text(query), values))


def scalar(ctx: Context, query: str, **values: Any) -> Any:
    found = rows(ctx, query, **values)
    return found[0][0] if found else None


@dataclass(frozen=True, slots=True)
class Written:
    """A notice as its reader sees it."""

    kind: str
    recipient: str
    subject: str
    reply_to: str
    message_id: str
    text: str
    raw: bytes


def notices(ctx: Context, kind: str | None = None, to: str | None = None) -> list[Written]:
    """The mails of ours so far, oldest first, but for those whose text is gone."""
    found = []
    for row in rows(ctx, "SELECT kind, recipient, raw FROM notice ORDER BY id"):
        if not row.raw or kind not in (None, row.kind) or to not in (None, row.recipient):
            continue
        raw = zlib.decompress(row.raw)
        parsed = message_from_bytes(raw, policy=policy.default)
        part = parsed.get_body(("plain",))
        assert part is not None
        found.append(
            Written(
                row.kind,
                row.recipient,
                str(parsed["subject"]),
                str(parsed["reply-to"] or ""),
                str(parsed["message-id"]),
                part.get_content(),
                raw,
            )
        )
    return found


def copies_of(ctx: Context, list_name: str | None = None) -> list[str]:
    """Who has a delivery row for a post (of one list), in order."""
    query = "SELECT d.recipient, p.list_name FROM delivery d JOIN post p ON p.id = d.post_id ORDER BY d.recipient"
    return [row.recipient for row in rows(ctx, query) if list_name in (None, row.list_name)]
