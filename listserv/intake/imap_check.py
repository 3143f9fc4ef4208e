"""What `listserv check` says of the mailboxes: it logs in, looks, and changes nothing there."""

from __future__ import annotations

from collections.abc import Iterator

from listserv.intake import imap
from listserv.intake.mailbox import FOLDERS
from listserv.settings import Settings
from listserv.settings.connections import Imap
from listserv.setup import Finding

_HERE = ("127.0.0.1", "::1", "localhost")


def findings(settings: Settings) -> list[Finding]:
    """For each mailbox of intake.imap what works, and what does not and how to mend it."""
    found: list[Finding] = []
    accounts = settings.intake.imap
    for number, account in enumerate(accounts):
        at = f"intake.imap.{number}" if len(accounts) > 1 else "intake.imap"
        found += _mailbox(at, account)
    if accounts and settings.authentication.unverified in ("confirm", "hold", "reject"):
        ids = settings.authentication.authserv_ids
        words = (
            "whose Authentication-Results count" if ids else "none, so that mail from a mailbox is proven by DKIM alone"
        )
        found.append(Finding("note", "authentication.authserv_ids", f"{', '.join(ids)} {words}".strip()))
    return found


def _mailbox(at: str, account: Imap) -> Iterator[Finding]:
    if account.tls == "none" and account.host not in _HERE:
        yield Finding("note", f"{at}.tls", f"none: everybody on the way to {account.host} can read password and mail")
    try:
        session = imap.connect(account)
    except imap.Trouble as error:
        yield Finding("problem", f"{at}.{error.setting}", error.words)
        return
    except (imap.Lost, imap.Declined) as error:
        yield Finding("problem", at, f"{account.host}:{account.port} breaks off the conversation: {error}")
        return
    try:
        yield from _inside(at, session)
    except (imap.Lost, imap.Declined) as error:
        yield Finding("problem", at, f"{account.host}:{account.port} breaks off the conversation: {error}")
    finally:
        imap.close(session)


def _inside(at: str, session: imap.Session) -> Iterator[Finding]:
    account = session.account
    count = len(imap.waiting(session))
    yield Finding("ok", at, f"{account.folder} of {account.username} can be read; {count} messages wait in it")
    absent = imap.missing(session, list(FOLDERS.values()))
    if absent:
        yield Finding("note", at, f"the folders {', '.join(absent)} are not there yet; `serve` makes them")
    if not session.has(b"IDLE"):
        seconds = int(account.poll.total_seconds())
        words = f"{account.host} cannot tell when mail comes (no IDLE), so it is looked for every {seconds} s"
        yield Finding("note", f"{at}.poll", words)
    if not session.has(b"MOVE") and not session.has(b"UIDPLUS"):
        words = f"{account.host} has neither MOVE nor UIDPLUS: moved messages may stay behind, marked as deleted"
        yield Finding("note", at, words)
