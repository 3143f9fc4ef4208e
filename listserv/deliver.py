"""Drains the outbox: claim, compose, send, record.

One task keeps a small stock of claimed rows; each connection to the relay takes from it, and a copy's 250 is on disk
before the same connection writes its next final dot, the recordings of all connections committed together. So after
a kill at most one extra copy per connection can go out (design: the promise). 4xx is retried for five days with
back-off; 5xx is never retried; a relay that is down costs nothing but time.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from listserv import copies, stages
from listserv.claims import LEASE, claim, give_back, let_go, owner_name, record, release_dead, renew, stopped
from listserv.context import Context
from listserv.edge import relay
from listserv.edge.relay import Copy, Outcome, RelayDown, Result
from listserv.model import DeliveryKind
from listserv.stages import stage

log = logging.getLogger(__name__)

LOW_WATER = 250
POLL = 1.0  # seconds; how soon rows of another process are found
SIGNERS = min(4, os.cpu_count() or 1)
AT_ONCE = 16  # copies that a thread signs before it hands them over
AHEAD = 200  # signed copies that wait to be sent; after a kill they are signed again
RELAY_BACK_OFF = (0.5, 1, 2, 5, 10, 30, 60)  # seconds between tries to reach a relay that is down


class Outbox:
    """The delivery role of one process."""

    def __init__(self, ctx: Context, cache: copies.Cache) -> None:
        self.ctx = ctx
        self.me = owner_name()
        self._stock: deque[Any] = deque()
        self._rows: dict[int, Any] = {}  # claimed and not recorded yet
        self._cache = cache
        self._personal = copies.Personal(ctx)
        self._ready: deque[Copy] = deque()  # signed ahead, when that is work for threads
        self._signing = 0  # rows that are being signed just now
        self._ahead = asyncio.Event()  # there is room for more signed copies
        self._linked = asyncio.Event()  # a first connection has told what the relay can do
        self._stocked = asyncio.Event()
        self._wanted = asyncio.Event()
        self._stopping = False
        self._recording: list[tuple[Outcome, Any, asyncio.Future[None]]] = []
        self._recorder: asyncio.Task[None] | None = None
        self._eightbit = True
        self.down: str | None = None  # why the relay cannot be reached, for /healthz

    async def run(self) -> None:
        """Sends until `stop`; never raises but on cancellation."""
        freed = await self.ctx.db.write(lambda tx: release_dead(tx, self.me))
        if freed:
            log.info("%d copies that a former process had claimed are taken up again", freed)
        count = self.ctx.settings.relay.connections
        keeping = [asyncio.create_task(self._keep_stock()), asyncio.create_task(self._keep_leases())]
        keeping.append(asyncio.create_task(self._keep_wanted()))
        if self._in_threads:
            keeping += [asyncio.create_task(self._keep_signing()) for _ in range(SIGNERS)]
        sending = [asyncio.create_task(self._keep_sending(number)) for number in range(count)]
        try:
            await asyncio.gather(*sending)
        finally:
            for task in (*keeping, *sending):
                task.cancel()
            await asyncio.gather(*keeping, *sending, return_exceptions=True)

    async def stop(self) -> None:
        """No new copies are begun; what was claimed is given back."""
        self._stopping = True
        self._stocked.set()
        self._wanted.set()
        self._ahead.set()
        await self._give_all_back()

    # -- stock --

    async def _keep_stock(self) -> None:
        bell = self.ctx.wake.outbox
        while not self._stopping:
            bell.clear()
            rows: list[Any] = []
            if len(self._stock) < LOW_WATER and self.down is None:
                try:
                    with stage("claim"):
                        rows = await self.ctx.db.write(lambda tx: claim(tx, self.me, self.ctx.clock()), durable=False)
                except Exception as error:
                    log.error("deliveries cannot be claimed, trying again: %s", type(error).__name__)
                    await asyncio.sleep(POLL)
                for row in rows:
                    self._rows[row.id] = row
                self._stock.extend(rows)
                if rows:
                    self._stocked.set()
                    self._ahead.set()
            event = self._wanted if rows or len(self._stock) >= LOW_WATER else bell
            self._wanted.clear()
            if len(self._stock) >= LOW_WATER or not rows:
                try:
                    await asyncio.wait_for(event.wait(), POLL)
                except TimeoutError:
                    pass

    async def _keep_leases(self) -> None:
        while not self._stopping:
            await asyncio.sleep(LEASE.total_seconds() / 4)
            ids, now = list(self._rows), self.ctx.clock()
            try:
                await self.ctx.db.write(partial(renew, ids=ids, me=self.me, now=now), durable=False)
            except Exception as error:
                log.error("leases cannot be renewed: %s", type(error).__name__)

    async def _keep_wanted(self) -> None:
        """What was stopped after it was claimed (its post taken back, its reader gone) leaves the stock unsent."""
        while not self._stopping:
            await asyncio.sleep(POLL)
            ids = [row.id for row in self._stock] + [copy.id for copy in self._ready]
            try:
                unwanted = await self.ctx.db.read(partial(stopped, ids)) if ids else set()
                gone = self._without(unwanted)
                if gone:
                    await self.ctx.db.write(partial(let_go, gone, self.me), durable=False)
            except Exception as error:
                log.error("what was stopped cannot be looked up, trying again: %s", type(error).__name__)

    def _without(self, unwanted: set[int]) -> list[int]:
        """Takes these rows out of the stock, as far as nobody has begun to send them."""
        gone = [row.id for row in self._stock if row.id in unwanted]
        gone += [copy.id for copy in self._ready if copy.id in unwanted]
        if gone:
            self._stock = deque(row for row in self._stock if row.id not in unwanted)
            self._ready = deque(copy for copy in self._ready if copy.id not in unwanted)
            for number in gone:
                self._rows.pop(number, None)
            self._wanted.set()
        return gone

    # -- signing ahead --

    @property
    def _in_threads(self) -> bool:
        return self.ctx.signer is not None and self.ctx.signer.slow

    async def _keep_signing(self) -> None:
        """Signs copies in a thread while others are sent: an RSA signature costs more than all else together."""
        while not self._stopping:
            if not (self._linked.is_set() and self._stock and len(self._ready) < AHEAD and self.down is None):
                self._ahead.clear()
                try:
                    await asyncio.wait_for(self._ahead.wait(), POLL / 4)
                except TimeoutError:
                    pass
                continue
            rows = [self._take_row() for _ in range(min(AT_ONCE, len(self._stock)))]
            self._signing += len(rows)
            try:
                await self._sign(rows)
            except Exception:
                log.exception("%d copies cannot be signed; they are tried again", len(rows))
                waiting = {row.id for row in self._stock} | {copy.id for copy in self._ready}
                self._stock.extendleft(row for row in reversed(rows) if row.id not in waiting and row.id in self._rows)
                await asyncio.sleep(POLL)
            finally:
                self._signing -= len(rows)
                self._stocked.set()

    async def _sign(self, rows: list[Any]) -> None:
        eightbit = self._eightbit
        ready: list[tuple[copies.Prepared, Any]] = []
        for row in rows:
            prepared = await self._prepared(row, eightbit=eightbit)
            if prepared is not None:
                ready.append((prepared, row))
        made = await asyncio.to_thread(self._copies, ready, eightbit)
        if self.down is not None or self._stopping:
            self._stock.extendleft(row for _, row in reversed(ready))
            await self._give_all_back()
        elif eightbit != self._eightbit:  # another relay answers now
            self._stock.extendleft(row for _, row in reversed(ready))
        else:
            self._ready.extend(made)

    def _copies(self, ready: list[tuple[copies.Prepared, Any]], eightbit: bool) -> list[Copy]:
        return [copies.copy(self._personal, prepared, row, eightbit=eightbit) for prepared, row in ready]

    def _unsigned(self) -> None:
        """What was signed for a relay of other abilities, or that cannot be sent now, is stock again."""
        self._stock.extendleft(self._rows[copy.id] for copy in reversed(self._ready))
        self._ready.clear()

    # -- sending --

    async def _keep_sending(self, number: int) -> None:
        failures = 0
        while not self._stopping:
            if self.down is not None and number > 0:
                await asyncio.sleep(0.5)  # the first connection finds out when the relay is back
            elif not self._anything and self.down is None:
                await self._until_stocked()
            else:
                connection = await self._connect(number, failures)
                if connection is None:
                    failures += 1
                elif await self._send(connection):
                    failures = 0
                else:  # it takes connections and nothing else
                    failures += 1
                    await asyncio.sleep(_pause(failures))

    async def _send(self, connection: relay.Connection) -> bool:
        """Sends over one connection until it ends; whether the relay answered to any copy at all."""
        if self._eightbit != connection.eightbit:
            self._eightbit = connection.eightbit
            self._unsigned()
        self._linked.set()
        self._ahead.set()
        answered, unsent = False, False

        async def record(outcome: Outcome) -> None:
            nonlocal answered, unsent
            answered = answered or outcome.result is not Result.UNSENT
            unsent = unsent or outcome.result is Result.UNSENT
            await self._record(outcome)

        try:
            await connection.send_all(self._next_copy, record, peek=self._peek)
        finally:
            await connection.close()
        return answered or not unsent

    async def _until_stocked(self) -> None:
        self._stocked.clear()
        self._wanted.set()
        if not self._anything and not self._stopping:
            await self._stocked.wait()

    @property
    def _anything(self) -> bool:
        return bool(self._stock or self._ready or self._signing)

    async def _connect(self, number: int, failures: int) -> relay.Connection | None:
        settings = self.ctx.settings.relay
        try:
            connection = await relay.connect_as_set(self.ctx.settings)
        except (RelayDown, ValueError) as error:
            if self.down is None:
                log.warning("the relay %s:%d cannot be used: %s", settings.host, settings.port, error)
            self.down = str(error)
            await self._give_all_back()
            if number == 0:
                await asyncio.sleep(_pause(failures))
            return None
        if self.down is not None:
            log.warning("the relay %s:%d is back", settings.host, settings.port)
            self.down = None
            self.ctx.wake.outbox.set()
        return connection

    async def _give_all_back(self) -> None:
        """The stock of a process whose relay is down is free for others; nothing is counted as an attempt."""
        self._unsigned()
        ids = [row.id for row in self._stock]
        self._stock.clear()
        for number in ids:
            self._rows.pop(number, None)
        if ids:
            now = self.ctx.clock()
            await self.ctx.db.write(lambda tx: give_back(tx, ids, now), durable=False)

    async def _next_copy(self) -> Copy | None:
        while not self._stopping:
            found = self._peek()
            if found is None and self._stock and not self._in_threads:
                found = await self._prepare_and_take()
            if found is not None:
                return found
            if self._stock and not self._in_threads:
                continue
            try:
                self._stocked.clear()
                self._wanted.set()
                await asyncio.wait_for(self._stocked.wait(), 30)
            except TimeoutError:
                return None  # an idle connection is closed rather than kept
        return None

    def _peek(self) -> Copy | None:
        """The next copy if it is there or can be made at once (its post is prepared)."""
        if self._stopping:
            return None
        if self._in_threads:
            if len(self._ready) <= AHEAD // 2:
                self._ahead.set()
            if not self._ready:
                return None
            found = self._ready.popleft()
            stages.begin("send", found.id)
            return found
        if not self._stock:
            return None
        prepared = self._cache.get(_key(self._stock[0]))
        if prepared is None or (prepared.eightbit and not self._eightbit):
            return None
        row = self._take_row()
        stages.begin("send", row.id)
        return copies.copy(self._personal, prepared, row, eightbit=self._eightbit)

    def _take_row(self) -> Any:
        row = self._stock.popleft()
        if len(self._stock) < LOW_WATER:
            self._wanted.set()
        return row

    async def _prepare_and_take(self) -> Copy | None:
        """Prepares the post at the head of the stock (in a thread), then takes its row."""
        row, eightbit = self._take_row(), self._eightbit
        prepared = await self._prepared(row, eightbit=eightbit)
        if prepared is None:
            return None
        stages.begin("send", row.id)
        return copies.copy(self._personal, prepared, row, eightbit=eightbit)

    async def _prepared(self, row: Any, *, eightbit: bool) -> copies.Prepared | None:
        """The post of a row, ready in the form for this relay; what cannot be composed is tried again later."""
        key = _key(row)
        prepared = self._cache.get(key)
        try:
            if prepared is None:
                prepared = await self.ctx.db.read(lambda tx: copies.prepare(self.ctx, tx, row.kind, key[1]))
                self._cache.put(key, prepared)
            if not eightbit:
                await asyncio.to_thread(prepared.form, eightbit=False)
        except Exception:
            log.exception("delivery %d cannot be composed; it is tried again later", row.id)
            later = self.ctx.clock() + timedelta(minutes=10)
            self._rows.pop(row.id, None)
            await self.ctx.db.write(lambda tx: give_back(tx, [row.id], later), durable=False)
            return None
        return prepared

    # -- recording --

    async def _record(self, outcome: Outcome) -> None:
        """Returns when the outcome is written down; all connections that wait share a commit."""
        row = self._rows[outcome.copy.id]
        stages.end("send", row.id)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._recording.append((outcome, row, done))
        if self._recorder is None or self._recorder.done():
            self._recorder = asyncio.create_task(self._write_down())
        await done

    async def _write_down(self) -> None:
        while self._recording:
            batch, self._recording = self._recording, []
            pairs = [(outcome, row) for outcome, row, _ in batch]
            while True:
                try:
                    with stage("record", len(pairs)):
                        await self.ctx.db.write(partial(_recorded, pairs, self.ctx.clock()), durable=False)
                    break
                except Exception as error:
                    log.error("%d outcomes cannot be written down yet: %s", len(pairs), type(error).__name__)
                    await asyncio.sleep(POLL)
            for _, row, done in batch:
                self._rows.pop(row.id, None)
                if not done.done():
                    done.set_result(None)


def _pause(failures: int) -> float:
    return RELAY_BACK_OFF[min(failures, len(RELAY_BACK_OFF) - 1)]


def _recorded(pairs: list[tuple[Outcome, Any]], now: datetime, tx: Connection) -> None:
    record(tx, pairs, now)


def _key(row: Any) -> tuple[str, int]:
    return (row.kind, row.notice_id if row.kind is DeliveryKind.NOTICE else row.post_id)
