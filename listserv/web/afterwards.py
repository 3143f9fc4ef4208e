"""What is done after the answer has gone, so that its time tells nothing about the address that was asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from listserv.context import Context

log = logging.getLogger(__name__)
WAITING = 200  # of one kind; more are dropped


@dataclass(frozen=True, slots=True)
class Afterwards:
    """One kind of such work; `what` is what the log calls it."""

    what: str
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def write(self, ctx: Context, function: Callable[[Connection], object]) -> None:
        """Runs `function` in a transaction, soon, and wakes who sends what it wrote."""
        if len(self.tasks) >= WAITING:
            log.warning("too many of %s at once: one is dropped", self.what)
            return

        async def work() -> None:
            try:
                await ctx.db.write(function)
                ctx.wake.outbox.set()
            except Exception as error:
                log.error("one of %s failed: %s", self.what, type(error).__name__)

        task = asyncio.create_task(work())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
