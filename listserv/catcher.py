"""A relay that keeps what it is given: the end of the way in `listserv demo` and in tests.

It speaks through our own SMTP daemon, so that a copy is seen as the next hop would get it. It can be told to refuse a
recipient for a while, and shows its mailboxes on a page.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from listserv.edge.templates import in_english, render
from listserv.errors import Reply
from listserv.intake import smtp

_TAKEN = Reply(250, "2.0.0", "kept")


@dataclass(frozen=True, slots=True)
class Caught:
    """One message as it came over the wire, with its envelope."""

    number: int
    sender: str
    recipient: str
    data: bytes

    @property
    def message(self) -> Message:
        return email.message_from_bytes(self.data)

    def header(self, name: str) -> str:
        """A header field decoded for people, "" when there is none."""
        value = email.message_from_bytes(self.data, policy=email.policy.default).get(name, "")
        return str(value)

    @property
    def text(self) -> str:
        """The first readable part."""
        for part in self.message.walk():
            if part.get_content_type() == "text/plain":
                payload = part.get_payload(decode=True)
                content = payload if isinstance(payload, bytes) else b""
                return content.decode(part.get_content_charset() or "utf-8", "replace")
        return ""


@dataclass(slots=True)
class Catcher:
    """The kept messages; `refuse` decides per recipient at RCPT (None: take it)."""

    kept: list[Caught] = field(default_factory=list)
    refuse: Callable[[str], Reply | None] = lambda _: None
    server: smtp.Server | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def recipient(self, address: str, sender: str) -> tuple[Any | None, Reply]:
        refusal = self.refuse(address)
        return (None, refusal) if refusal else (address, Reply(250, "2.1.5", "ok"))

    async def message(
        self, data: bytes, sender: str, recipients: list[tuple[str, Any]], peer: smtp.Peer, per_recipient: bool
    ) -> list[Reply]:
        for address, _ in recipients:
            self.kept.append(Caught(len(self.kept) + 1, sender, address, data))
        self._news.set()
        return [_TAKEN] * (len(recipients) if per_recipient else 1)

    async def start(self, listen: str = "127.0.0.1:0") -> int:
        """Listens; the port."""
        limits = smtp.Limits(max_size=60_000_000, per_peer=1000)
        self.server = await smtp.start(listen, self, limits, hostname="catcher.test")
        return int(self.server.port)

    async def close(self) -> None:
        if self.server is not None:
            await self.server.close(grace=1)

    def find(self, wanted: Callable[[Caught], bool]) -> list[Caught]:
        return [one for one in self.kept if wanted(one)]

    async def wait(self, wanted: Callable[[Caught], bool], count: int = 1, seconds: float = 20) -> list[Caught]:
        """The messages that `wanted` picks, once there are `count`, or those there are after `seconds`."""
        end = asyncio.get_running_loop().time() + seconds
        while len(found := self.find(wanted)) < count:
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                break
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                pass
        return found


def page(catcher: Catcher, title: str, site: Path | None = None) -> Starlette:
    """The mailbox page: who got what, and each message as it came. Text only, nothing is executed or fetched."""

    async def index(_: Request) -> Response:
        boxes: dict[str, list[Caught]] = {}
        for one in catcher.kept:
            boxes.setdefault(one.recipient, []).append(one)
        return HTMLResponse(
            render(in_english(site), "demo/mailboxes.html", title=title, boxes=sorted(boxes.items())), headers=_SAFE
        )

    async def show(request: Request) -> Response:
        number = int(request.path_params["number"])
        if not 0 < number <= len(catcher.kept):
            return Response("There is no such message.", 404, headers=_SAFE)
        one = catcher.kept[number - 1]
        raw = one.data.decode("utf-8", "replace")
        return HTMLResponse(render(in_english(site), "demo/message.html", title=title, one=one, raw=raw), headers=_SAFE)

    return Starlette(routes=[Route("/", index), Route("/message/{number:int}", show)])


_SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
