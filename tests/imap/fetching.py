"""The role `imap` in this process: mailboxes emptied by their threads while a test looks on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from listserv.context import Context
from listserv.intake.mailbox import Mailbox
from tests.conftest import community
from tests.imap.dovecot import USER, Dovecot


def mailbox(server: Dovecot, **changes: Any) -> dict[str, Any]:
    """intake.imap for a Dovecot; IDLE has to wake us, for the next look would come too late."""
    box = {"host": "127.0.0.1", "port": server.port, "tls": "none", "username": USER, "password_env": "IMAP_PASSWORD"}
    return {**box, "poll": "28min", **changes}


def house(*boxes: dict[str, Any], **changes: Any) -> dict[str, Any]:
    intake = {"smtp": "127.0.0.1:0", "imap": list(boxes), **changes.pop("intake", {})}
    return community(intake=intake, **changes)


@contextmanager
def fetching(ctx: Context) -> Iterator[list[Mailbox]]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    boxes = [Mailbox(ctx, account) for account in ctx.settings.intake.imap]
    runs = [asyncio.run_coroutine_threadsafe(box.run(), loop) for box in boxes]
    try:
        yield boxes
    finally:
        for box in boxes:
            asyncio.run_coroutine_threadsafe(box.stop(), loop).result(30)
        for run in runs:
            run.result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def until(condition: Callable[[], Any], seconds: float = 20, what: Callable[[], str] | str = "") -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what() if callable(what) else what or 'a condition'}")
        time.sleep(0.02)
