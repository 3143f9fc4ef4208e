"""The only wiring: opens the Context, starts the roles of `serve`, holds the table of periodic jobs, stops in order.

Roles run in one process on one event loop; more machines run any of them on one PostgreSQL.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from listserv import archiver, copies, housekeeping, routing, screen, worker
from listserv.context import Context, open_context
from listserv.deliver import Outbox
from listserv.edge import documents, entities
from listserv.edge.resolver import Resolver
from listserv.errors import Reply, UserError
from listserv.intake import accept as acceptance
from listserv.intake import smtp
from listserv.intake.mailbox import Mailbox
from listserv.posts import Envelope
from listserv.settings import Settings, load
from listserv.signing import signer

log = logging.getLogger(__name__)

ROLES = ("intake", "imap", "worker", "delivery", "scheduler", "web")
READERS = {"intake", "imap", "worker"}  # those that look at what a post says
SPARE_FILES = 256  # for the database, DNS, the web side and the rest
STOP_WITHIN = 20.0  # seconds for what is under way


@dataclass(frozen=True, slots=True)
class Door:
    """What the SMTP and LMTP daemons ask: who a recipient is, and what becomes of a message."""

    ctx: Context

    async def recipient(self, address: str, sender: str) -> tuple[Any | None, Reply]:
        """RCPT: one of our addresses, or a refusal that says which kind it is."""
        route = routing.resolve(self.ctx.settings, address)
        if route is not None:
            return acceptance.Recipient(address, route), Reply(250, "2.1.5", "Recipient ok")
        domain = address.rpartition("@")[2].lower()
        if domain != self.ctx.settings.domain:
            return None, Reply(550, "5.7.1", f"This server takes mail for {self.ctx.settings.domain} only")
        return None, Reply(550, "5.1.1", "There is no list and no person with this address")

    async def message(
        self, data: bytes, sender: str, recipients: list[tuple[str, Any]], peer: smtp.Peer, per_recipient: bool
    ) -> list[Reply]:
        """The final dot: one reply for SMTP, one per recipient for LMTP."""
        now = self.ctx.clock()
        envelope = Envelope(sender, peer.ip, peer.helo, peer.protocol, now, peer.trusted, peer.forwarded)
        replies = await acceptance.accept(self.ctx, data, envelope, [route for _, route in recipients])
        return replies if per_recipient else [acceptance.combined(replies)]


def run(settings_file: Path, roles: Sequence[str] = ()) -> None:
    """Runs roles until SIGTERM or SIGINT; SIGHUP reads the settings again. Raises UserError when it cannot start."""
    settings = load(settings_file)
    _allow_files(settings.intake.connections + settings.relay.connections + SPARE_FILES)
    wanted = tuple(roles) or ROLES
    if READERS & set(wanted):
        entities.ready(settings.screening.names)
    try:
        import uvloop
    except ImportError:
        asyncio.run(_serve(settings_file, settings, wanted))
    else:
        uvloop.run(_serve(settings_file, settings, wanted))


def _allow_files(wanted: int) -> None:
    """As many open files as a full room needs, as far as the system lets us: else the relay could not be reached."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < wanted:
        log.warning("only %d files may be open at once, %d would be safe; raise LimitNOFILE", most, wanted)


async def _serve(settings_file: Path, settings: Settings, roles: Collection[str]) -> None:
    ctx = open_context(settings)
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, signals.put_nowait, number)
    try:
        announced = False
        while True:
            async with Running(ctx, roles):
                if not announced:
                    sys.stdout.write("ready\n")
                    sys.stdout.flush()
                    announced = True
                fresh = await _until_told(settings_file, signals, roles)
            if fresh is None:
                return
            ctx = replace(ctx, settings=fresh, resolver=Resolver(fresh), signer=signer(fresh))
    finally:
        ctx.db.close()


async def _until_told(
    settings_file: Path, signals: asyncio.Queue[signal.Signals], roles: Collection[str]
) -> Settings | None:
    """Waits for a signal: None to stop, new settings to go on with. Settings with mistakes change nothing."""
    while True:
        number = await signals.get()
        if number is not signal.SIGHUP:
            return None
        try:
            fresh = load(settings_file)
            signer(fresh)
            if READERS & set(roles):
                await asyncio.to_thread(entities.ready, fresh.screening.names)
        except UserError as error:
            log.error("SIGHUP: the settings stay as they were: %s", error)
        else:
            log.warning("SIGHUP: going on with the settings as they are now")
            return fresh


class Running:
    """The roles, started on entering (every listener accepts then) and stopped on leaving."""

    def __init__(self, ctx: Context, roles: Collection[str]) -> None:
        self.ctx, self.roles = ctx, roles
        self.outbox: Outbox | None = None
        self.mailboxes: list[Mailbox] = []
        self.ports: dict[str, int] = {}
        self._stopping = asyncio.Event()
        self._servers: list[smtp.Server] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._warming: asyncio.Task[None] | None = None
        self._closers: list[Callable[[], Coroutine[Any, Any, None]]] = []

    async def __aenter__(self) -> Running:
        cache = copies.Cache()
        if "delivery" in self.roles:
            self.outbox = Outbox(self.ctx, cache)
            self._start("delivery", self.outbox.run)
            self._closers.append(self.outbox.stop)
        if "worker" in self.roles:
            self._start("worker", lambda: worker.run(self.ctx, cache, self._stopping))
        try:
            if "intake" in self.roles:
                await self._listen()
            if "imap" in self.roles:
                self._fetch()
            if "web" in self.roles and self.ctx.settings.web is not None:
                await self._start_web()
            if "web" in self.roles:
                self._start("archiver", lambda: archiver.follow(self.ctx, self._stopping))
            if "scheduler" in self.roles:
                self._schedule()
            if READERS & set(self.roles):
                self._warming = asyncio.create_task(asyncio.to_thread(screen.warm))
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def _stop(self) -> None:
        self._stopping.set()
        for server in self._servers:
            await server.close(grace=5)
        for close in self._closers:
            try:
                await asyncio.wait_for(close(), STOP_WITHIN)
            except Exception:
                log.exception("a role did not stop in order")
        if self._warming is not None:
            await asyncio.gather(self._warming, return_exceptions=True)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=STOP_WITHIN)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await asyncio.to_thread(documents.close)

    def _start(self, name: str, body: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """A role that dies of an error of ours is started again, and says so: nothing stops silently."""

        async def keep() -> None:
            while not self._stopping.is_set():
                try:
                    await body()
                    return
                except Exception:
                    log.exception("the role %s failed and is started again", name)
                    await asyncio.sleep(1)

        self._tasks.append(asyncio.create_task(keep(), name=name))

    async def _listen(self) -> None:
        intake = self.ctx.settings.intake
        limits = smtp.Limits(
            max_size=intake.max_size,
            connections=intake.connections,
            per_peer=intake.per_peer,
            trusted_peers=intake.trusted_peers,
        )
        tls = _tls(self.ctx.settings)
        for key, listen, lmtp in (("smtp", intake.smtp, False), ("lmtp", intake.lmtp, True)):
            if listen is None:
                continue
            try:
                server = await smtp.start(
                    listen, Door(self.ctx), limits, hostname=self.ctx.settings.domain, lmtp=lmtp, tls=tls
                )
            except OSError as error:
                raise UserError(f"intake.{key}: cannot listen on {listen}: {error.strerror or error}") from error
            self._servers.append(server)
            self.ports[key] = server.port

    def _fetch(self) -> None:
        """A mailbox that cannot be reached keeps nothing else from starting: it is tried again."""
        self.mailboxes = [Mailbox(self.ctx, account) for account in self.ctx.settings.intake.imap]
        for number, mailbox in enumerate(self.mailboxes):
            self._start(f"imap {number}" if number else "imap", mailbox.run)

        async def close() -> None:
            await asyncio.gather(*(mailbox.stop() for mailbox in self.mailboxes))

        self._closers.append(close)

    async def _start_web(self) -> None:
        import uvicorn

        from listserv import web

        listen = self.ctx.settings.web.listen if self.ctx.settings.web else ""
        host, _, port = listen.rpartition(":")
        host = host.strip("[]")
        try:
            bound = socket.create_server(
                (host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=256
            )
        except OSError as error:
            raise UserError(f"web.listen: cannot listen on {listen}: {error.strerror}") from error
        config = uvicorn.Config(
            web.app(self.ctx, self.health),
            log_config=None,
            access_log=False,
            lifespan="off",
            proxy_headers=False,
            server_header=False,
        )
        server = uvicorn.Server(config)
        server.capture_signals = _no_signals  # type: ignore[method-assign]
        self.ports["web"] = bound.getsockname()[1]
        task = asyncio.create_task(server.serve(sockets=[bound]), name="web")
        self._tasks.append(task)

        async def close() -> None:
            server.should_exit = True

        self._closers.append(close)
        while not server.started and not task.done():  # noqa: ASYNC110  (uvicorn has no event for it)
            await asyncio.sleep(0.005)

    def _schedule(self) -> None:
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        scheduler = AsyncIOScheduler(timezone=self.ctx.settings.community.zone)
        for job in housekeeping.JOBS:
            scheduler.add_job(
                job.run,
                args=[self.ctx],
                trigger=job.trigger,
                id=job.name,
                coalesce=True,
                misfire_grace_time=None,
                **job.when,
            )
        scheduler.start()

        async def close() -> None:
            scheduler.shutdown(wait=False)

        self._closers.append(close)

    def health(self) -> dict[str, Any]:
        """What /healthz shows: the roles that run, and whether relay and mailboxes can be reached."""
        return {
            "roles": sorted(self.roles),
            "imap": ["ok" if one.down is None else "cannot be reached" for one in self.mailboxes],
            "relay": self.outbox.down or "ok" if self.outbox else "not here",
            "tasks": {task.get_name(): "running" if not task.done() else "ended" for task in self._tasks},
        }


def _no_signals() -> Any:
    """uvicorn's place for signal handlers; ours are set already."""
    from contextlib import nullcontext

    return nullcontext()


def _tls(settings: Settings) -> ssl.SSLContext | None:
    given = settings.intake.tls
    if given is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(given.certificate, given.key)
    except (OSError, ssl.SSLError) as error:
        raise UserError(f"intake.tls: {given.certificate} with {given.key} cannot be used: {error}") from error
    return context


def set_up_logging() -> None:
    """One line per event on stderr; LISTSERV_LOG chooses how much we ourselves say (default warning)."""
    level = os.environ.get("LISTSERV_LOG", "warning").upper()
    logging.basicConfig(
        level="WARNING", format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr, force=True
    )
    logging.getLogger("listserv").setLevel(level if level in ("DEBUG", "INFO", "WARNING", "ERROR") else "WARNING")
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
