"""The role `imap`: each mailbox is emptied by a thread of its own, for ever.

Connect, take what waits in the order in which it came, move it where it belongs, wait for more (IDLE, or a look from
time to time), and begin anew when the connection breaks. Only a few messages are in memory at once. A message is moved
after the commit that accepts it (`taking`): being killed or cut off anywhere loses nothing and does nothing twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from listserv.context import Context
from listserv.intake import imap, replies, taking
from listserv.intake.taking import NotNow, Place
from listserv.model import Outcome
from listserv.settings.connections import Imap
from listserv.stages import stage

log = logging.getLogger(__name__)

FOLDERS = {Outcome.PROCESSED: "Processed", Outcome.REFUSED: "Refused", Outcome.QUARANTINE: "Quarantine"}
AT_ONCE = 20  # messages in memory, when they are small
SMALL = 100_000  # octets
HEADER = 32_768  # octets of a message that is too large: enough to say what it was
CHUNK = 500  # sizes asked for in one command
AGAIN, AGAIN_AT_MOST = 0.5, 300.0  # seconds until the next connection; twice as long each time
REFUSED, REFUSED_AT_MOST = 30.0, 900.0  # the same after a wrong password
WELL = 60.0  # a connection that lasted so long was no failure
SAY_AGAIN = 3600.0  # seconds after which a trouble that goes on is said again
PATIENCE = 24 * 3600.0  # seconds that a message waits for DNS to say who sent it
TRIES = 3  # how often a server may decline to give us one message
LATER_AT_MOST = 900.0
HANDS_OFF = 5.0  # seconds in which whoever has taken a message, perhaps another machine, may move it


@dataclass(slots=True)
class Delay:
    """A message that could not be dealt with at once: how often, since when, and when it is its turn again."""

    tries: int = 0
    fetched: int = 0  # how often we began to fetch it
    declined: int = 0
    taken: bool = False  # by somebody else, or by us before we died
    since: float = field(default_factory=time.monotonic)
    until: float = 0.0

    def later(self) -> None:
        self.tries += 1
        self.until = time.monotonic() + min(LATER_AT_MOST, 15.0 * 2 ** min(self.tries, 10))


class Mailbox:
    """One mailbox; `down` says why it cannot be read, None while it can."""

    def __init__(self, ctx: Context, account: Imap) -> None:
        self.ctx, self.account = ctx, account
        self.name = taking.name_of(account)
        self.down: str | None = "not reached yet"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._ended = asyncio.Event()
        self._bell, self._ring = socket.socketpair()
        self._session: imap.Session | None = None
        self._delays: dict[int, Delay] = {}
        self._uidvalidity = 0
        self._mine: set[int] = set()  # taken by us, and not moved yet
        self._handled = 0
        self._said, self._said_at = "", 0.0

    # -- from the event loop --

    async def run(self) -> None:
        """Until `stop`. Raises what we ourselves fail on."""
        self._loop = loop = asyncio.get_running_loop()
        self._ended.clear()
        failed: list[BaseException] = []

        def live() -> None:
            try:
                self._live()
            except BaseException as error:
                failed.append(error)
            finally:
                with contextlib.suppress(RuntimeError):  # the loop has not waited for us
                    loop.call_soon_threadsafe(self._ended.set)

        threading.Thread(target=live, name="imap", daemon=True).start()
        await self._ended.wait()
        if failed:
            raise failed[0]

    async def stop(self, grace: float = 5.0) -> None:
        """What is being accepted is finished and moved; a server that says nothing is left alone."""
        self._stopping.set()
        self._ring.send(b"!")
        for _ in range(2):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), grace)
                break
            if self._session is not None:
                imap.hang_up(self._session)
        if self._ended.is_set():
            self._bell.close()
            self._ring.close()
        self._ended.set()

    # -- the thread --

    def _live(self) -> None:
        pause = AGAIN
        while not self._stopping.is_set():
            began, handled = time.monotonic(), self._handled
            least, most = AGAIN, AGAIN_AT_MOST
            try:
                self._once()
                continue
            except imap.Trouble as error:
                self._report(str(error))
                least, most = (REFUSED, REFUSED_AT_MOST) if error.refused else (least, most)
            except (imap.Lost, imap.Declined) as error:
                self._report(f"the connection does not hold: {error}", quietly=self.down is None)
            except (NotNow, SQLAlchemyError) as error:
                self._report(f"nothing can be stored: {error if isinstance(error, NotNow) else type(error).__name__}")
            if self._handled > handled or time.monotonic() - began > WELL:
                pause = least
            self._stopping.wait(max(least, min(pause, most)))
            pause = max(least, min(pause * 2, most))

    def _report(self, words: str, *, quietly: bool = False) -> None:
        """Says a trouble once, and again when it goes on for long. A connection that just broke is no news."""
        now = time.monotonic()
        if not self._stopping.is_set() and not quietly and (words != self._said or now - self._said_at > SAY_AGAIN):
            log.warning("intake.imap: %s: %s", taking.label(self.account), words)
            self._said, self._said_at = words, now
        self.down = words

    def _once(self) -> None:
        """One connection, from its begin to its end."""
        session = imap.connect(self.account)
        self._session = session
        try:
            if not self._stopping.is_set():
                self._begin(session)
                self._follow(session)
        finally:
            self._session = None
            imap.close(session)

    def _begin(self, session: imap.Session) -> None:
        """Folders are made, and what was moved before we died is noted down."""
        imap.make(session, imap.missing(session, list(FOLDERS.values())))
        if session.uidvalidity != self._uidvalidity:
            self._uidvalidity = session.uidvalidity
            self._delays.clear()
            self._mine.clear()
            taking.forget_old(self.ctx, self.name, session.uidvalidity)
        open_rows = taking.not_moved(self.ctx, self.name, session.uidvalidity)
        if open_rows and session.exists <= imap.MANY:
            here = set(imap.waiting(session))
            taking.moved(self.ctx, [self._place(session, uid) for uid in open_rows if uid not in here])
        if self._said:
            log.warning("intake.imap: %s can be read again", taking.label(self.account))
        self.down, self._said = None, ""

    def _follow(self, session: imap.Session) -> None:
        poll = self.account.poll.total_seconds()
        while not self._stopping.is_set():
            if not self._round(session):
                first = min((delay.until for delay in self._delays.values()), default=float("inf"))
                imap.wait(session, max(0.0, min(poll, first - time.monotonic())), self._bell)

    def _round(self, session: imap.Session) -> bool:
        """Everything that waits and whose turn it is; whether there was anything."""
        uids = imap.waiting(session)
        here = set(uids)
        self._delays = {uid: delay for uid, delay in self._delays.items() if uid in here}
        now = time.monotonic()
        due = [uid for uid in uids if uid not in self._delays or self._delays[uid].until <= now]
        tried = {uid: delay.fetched for uid, delay in self._delays.items()}
        due.sort(key=lambda uid: (tried.get(uid, 0), uid))  # what made trouble does not hold up the rest
        handled = self._handled
        for start in range(0, len(due), CHUNK):
            chunk = due[start : start + CHUNK]
            sizes = imap.sizes(session, chunk)
            for batch in _batches(chunk, sizes, self._delays):
                if self._stopping.is_set():
                    return True
                self._batch(session, batch, sizes)
        return self._handled > handled

    def _batch(self, session: imap.Session, uids: Sequence[int], sizes: Mapping[int, int]) -> None:
        """A few small messages, or one: fetched, taken one after the other, and moved together."""
        done: dict[Outcome, list[int]] = {}
        most = self.ctx.settings.intake.max_size
        wanted = [uid for uid in uids if sizes[uid] <= most]
        with stage("fetch", uids[0]):
            found = self._fetch(session, wanted)
        for uid in uids:
            if self._stopping.is_set():
                break
            outcome = self._outcome(session, uid, found, sizes[uid])
            found.pop(uid, None)
            if outcome is not None:
                self._delays.pop(uid, None)
                done.setdefault(outcome, []).append(uid)
        for outcome, gone in done.items():
            with stage("move", gone[0]):
                self._move(session, gone, outcome)

    def _fetch(self, session: imap.Session, uids: Sequence[int]) -> dict[int, bytes]:
        """While it is being fetched, each is under suspicion: if the connection breaks, it comes last and alone."""
        if not uids:
            return {}
        suspects = [uid for uid in uids if uid not in self._delays]
        for uid in uids:
            delay = self._delays.setdefault(uid, Delay())
            delay.fetched += 1
            if delay.fetched > TRIES:
                delay.later()
        limit = 2 * SMALL if len(uids) > 1 else self.ctx.settings.intake.max_size + 1
        try:
            found = imap.fetch(session, uids, limit)
        except imap.Declined as error:
            log.info("%s: the server does not give us message %s: %s", taking.label(self.account), uids, error)
            found = {}
        for uid in suspects:
            if uid in found:
                del self._delays[uid]
        if len(uids) == 1 and uids[0] not in found:
            self._delays[uids[0]].declined += 1
            self._delays[uids[0]].later()
        return found

    def _outcome(self, session: imap.Session, uid: int, found: Mapping[int, bytes], size: int) -> Outcome | None:
        """Where one message belongs; None: it stays where it is for now."""
        place = self._place(session, uid)
        most = self.ctx.settings.intake.max_size
        raw = found.get(uid)
        if raw is not None and len(raw) == 2 * SMALL:  # larger than the server said
            raw = imap.fetch(session, [uid], most + 1).get(uid)
        if size > most or (raw is not None and len(raw) > most):
            head = imap.fetch_header(session, uid, HEADER)
            words = replies.filled(replies.TOO_BIG, size=most).text
            log.warning("%s: message %d is refused: too big, about %d octets", taking.label(self.account), uid, size)
            return taking.refuse(self.ctx, self.account, place, head, f"too-big: {words}")
        delay = self._delays.get(uid)
        if raw is None:
            if delay is not None and delay.declined >= TRIES:
                return taking.give_up(self.ctx, self.account, place, "the server does not give it to us")
            return None
        assert self._loop is not None
        patient = delay is None or time.monotonic() - delay.since < PATIENCE
        with stage("take", uid):
            taken = taking.take(self.ctx, self._loop, self.account, place, raw, patient=patient)
        if taken is None:
            if delay is None:
                words = "waits, for DNS does not answer who sent it"
                log.warning("%s: message %d %s", taking.label(self.account), uid, words)
            self._delays.setdefault(uid, Delay()).later()
            return None
        if not (taken.fresh or uid in self._mine or (delay is not None and delay.taken)):
            self._delays[uid] = Delay(taken=True, until=time.monotonic() + HANDS_OFF)
            return None
        self._mine.add(uid)
        return taken.outcome

    def _move(self, session: imap.Session, uids: Sequence[int], outcome: Outcome) -> None:
        """A message that cannot be moved is taken all the same; it is tried again later."""
        stay: Sequence[int] = ()
        try:
            imap.move(session, uids, FOLDERS[outcome])
        except imap.Declined as error:
            stay = self._stay(session, uids, outcome, error)
        gone = [uid for uid in uids if uid not in stay]
        taking.moved(self.ctx, [self._place(session, uid) for uid in gone])
        self._mine.difference_update(gone)
        self._handled += len(gone)

    def _stay(self, session: imap.Session, uids: Sequence[int], outcome: Outcome, error: Exception) -> Sequence[int]:
        """What is left after a move that the server declined: perhaps somebody else has moved some of them."""
        here = set(imap.waiting(session))
        left = [uid for uid in uids if uid in here]
        if left and len(left) < len(uids):
            try:
                imap.move(session, left, FOLDERS[outcome])
                return ()
            except imap.Declined as again:
                error = again
        if left:
            log.warning("%s: mail cannot be moved to %s: %s", taking.label(self.account), FOLDERS[outcome], error)
        for uid in left:
            self._delays.setdefault(uid, Delay()).later()
        return left

    def _place(self, session: imap.Session, uid: int) -> Place:
        return Place(self.name, session.uidvalidity, uid)


def _batches(uids: Sequence[int], sizes: Mapping[int, int], alone: Mapping[int, Delay]) -> Iterator[list[int]]:
    """In order: small ones together, large ones and those under suspicion each alone."""
    batch: list[int] = []
    for uid in uids:
        if uid not in sizes:  # gone meanwhile
            continue
        together = sizes[uid] <= SMALL and uid not in alone
        if batch and (not together or len(batch) >= AT_ONCE):
            yield batch
            batch = []
        if together:
            batch.append(uid)
        else:
            yield [uid]
    if batch:
        yield batch
