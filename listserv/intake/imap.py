"""The conversation with one IMAP server: log in, see what waits, fetch it, move it, wait for more.

RFC 3501 with IDLE (2177), MOVE (6851), UIDPLUS (4315), NAMESPACE (2342), SASL PLAIN (4616) and XOAUTH2. The only module
that knows imapclient. Everything here blocks and belongs to one thread; when to do what is known to
`listserv.intake.mailbox`. Whatever goes wrong is one of three: Trouble (the operator has to do something, or wait),
Lost (the connection is gone or out of step), Declined (the server said no to this one command).
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import (
    CapabilityError,
    IMAPClientAbortError,
    IMAPClientError,
    IMAPClientReadOnlyError,
    LoginError,
)

from listserv.edge import oauth
from listserv.errors import UserError
from listserv.mail.text import one_line
from listserv.settings.connections import Imap

CONNECT_WITHIN, READ_WITHIN = 15.0, 60.0  # seconds
MANY = 50_000  # messages; with more of them a folder is searched in windows, for one line can only be so long
WINDOW = 100_000  # UIDs
_DELETED = b"\\Deleted"
_FOR_NOW = ("[UNAVAILABLE]", "[LIMIT]", "[INUSE]", "[SERVERBUG]")  # RFC 5530


class Trouble(Exception):
    """Why a mailbox cannot be used: the setting below intake.imap that it hangs on, and what to do. `refused`: the
    server does not let us in, and asking again and again would lock the account."""

    def __init__(self, setting: str, words: str, *, refused: bool = False) -> None:
        super().__init__(f"{setting}: {words}")
        self.setting, self.words, self.refused = setting, words, refused


class Lost(Exception):
    """The connection broke, or nobody knows any more what the server is answering."""


class Declined(Exception):
    """The server answered NO or BAD to one command, and the connection is good."""


@dataclass(slots=True)
class Session:
    """A mailbox that is open. `exists`: how many messages it had when it was opened."""

    client: Any
    account: Imap
    uidvalidity: int
    uidnext: int
    exists: int
    prefix: str  # of the names of folders
    offers: frozenset[bytes]

    def has(self, capability: bytes) -> bool:
        return capability in self.offers


@contextlib.contextmanager
def _talking() -> Iterator[None]:
    """Everything that imapclient and the socket can raise becomes Lost or Declined."""
    try:
        yield
    except (Trouble, Lost, Declined):
        raise
    except IMAPClientAbortError as error:
        raise Lost(_said(error)) from error
    except IMAPClientError as error:
        raise Declined(_said(error)) from error
    except Exception as error:  # sockets, and what imaplib and imapclient stumble over in an answer
        raise Lost(type(error).__name__) from error


def _said(error: BaseException) -> str:
    """The words of the server: one line, no end in sight cut off."""
    words = error.args[0] if error.args else ""
    return one_line(words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words), 200)


# --- opening -----------------------------------------------------------------------------------------------------


def connect(account: Imap) -> Session:
    """Connects, logs in and opens the folder. Raises Trouble or Lost."""
    client = _reach(account)
    try:
        with _talking():
            if account.tls == "starttls":
                _start_tls(client, account)
            _log_in(client, account)
            return _open(client, account)
    except BaseException:
        _cut(client)
        raise


def _reach(account: Imap) -> Any:
    where = f"{account.host}:{account.port}"
    try:
        client = IMAPClient(
            account.host,
            account.port,
            ssl=account.tls == "implicit",
            ssl_context=ssl.create_default_context() if account.tls == "implicit" else None,
            timeout=SocketTimeout(CONNECT_WITHIN, READ_WITHIN),
        )
        client._imap.debug = 0  # it would write out every answer, whole messages too, before it looks who wants to know
        return client
    except socket.gaierror:
        raise Trouble("host", f"{account.host} is not known in DNS; is it spelt right?") from None
    except ssl.SSLError as error:
        raise _tls_trouble(account, error) from None
    except OSError as error:
        why = "no answer" if isinstance(error, TimeoutError) else error.strerror or type(error).__name__
        raise Trouble("host", f"{where} cannot be reached: {why}") from None
    except IMAPClientError as error:
        raise Trouble("host", f"{where} does not answer like an IMAP server: {_said(error) or 'it hung up'}") from None


def _tls_trouble(account: Imap, error: ssl.SSLError) -> Trouble:
    where = f"{account.host}:{account.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return Trouble("tls", f"the certificate of {where} cannot be believed: {error.verify_message}")
    other = "starttls (usually port 143)" if account.tls == "implicit" else "implicit (usually port 993)"
    return Trouble("tls", f"{where} does not speak TLS when tls is {account.tls}; try {other}")


def _start_tls(client: Any, account: Imap) -> None:
    """Nothing is said before TLS is there, and nothing without it."""
    try:
        client.starttls(ssl.create_default_context())
    except CapabilityError:
        words = f"{account.host}:{account.port} offers no STARTTLS; write tls: implicit (usually port 993)"
        raise Trouble("tls", words) from None
    except ssl.SSLError as error:
        raise _tls_trouble(account, error) from None


def _log_in(client: Any, account: Imap) -> None:
    try:
        if account.auth == "xoauth2":
            token = oauth.by_command(account.token_command) if account.token_command else ""
            _by_token(client, account, token or oauth.by_endpoint(_given(account)))
            return
        name = account.password_env or ""
        password = oauth.secret(name, "password_env")
    except UserError as error:
        setting, _, words = str(error).partition(": ")
        raise Trouble(setting, words, refused=True) from None
    offered = client.capabilities()
    try:
        if b"AUTH=PLAIN" in offered:
            client.plain_login(account.username, password)
        elif b"LOGINDISABLED" in offered:
            other = "implicit or starttls" if account.tls == "none" else "another server name"
            raise Trouble("tls", f"{account.host} takes no password on such a connection; try {other}")
        else:
            client.login(account.username, password)
    except (LoginError, UnicodeEncodeError) as error:
        words = f"{account.host} does not let {account.username} in with the password in {name}"
        hint = "is it the right one? Some providers want an app password, or auth: xoauth2"
        raise _not_let_in("password_env", words, hint, error) from None


def _given(account: Imap) -> Any:
    assert account.oauth2 is not None  # the settings were checked
    return account.oauth2


def _by_token(client: Any, account: Imap, token: str) -> None:
    """XOAUTH2: a refusal comes as a challenge in JSON, which has to be answered with nothing."""
    challenges: list[bytes] = []

    def answer(challenge: bytes) -> str:
        challenges.append(challenge)
        return f"user={account.username}\x01auth=Bearer {token}\x01\x01" if len(challenges) == 1 else ""

    try:
        client.sasl_login("XOAUTH2", answer)
    except LoginError as error:
        words = f"{account.host} does not let {account.username} in with this access token{_status(challenges[1:])}"
        hint = "the token needs the scope for IMAP, and the mailbox has to allow IMAP"
        raise _not_let_in("auth", words, hint, error) from None


def _status(challenges: Sequence[bytes]) -> str:
    try:
        return f" (status {int(json.loads(challenges[0])['status'])})"
    except (IndexError, KeyError, TypeError, ValueError):
        return ""


def _not_let_in(setting: str, words: str, hint: str, error: Exception) -> Exception:
    if isinstance(error.__context__, IMAPClientAbortError):  # the connection broke meanwhile
        return Lost(_said(error))
    said = _said(error)
    if any(code in said.upper() for code in _FOR_NOW):
        return Trouble("host", f"{words} just now: {said}")
    return Trouble(setting, f"{words}: {said or 'no reason given'}; {hint}", refused=True)


def _open(client: Any, account: Imap) -> Session:
    offers = frozenset(client.capabilities())
    prefix = ""
    if b"NAMESPACE" in offers:
        personal = client.namespace().personal
        prefix = personal[0][0] if personal else ""
    try:
        found = client.select_folder(account.folder)
    except IMAPClientReadOnlyError:
        words = f"{account.folder!r} may only be read; {account.username} needs the right to move its messages"
        raise Trouble("folder", words) from None
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        names = ", ".join(sorted(str(name) for _, _, name in client.list_folders())[:20])
        words = f"{account.folder!r} cannot be opened: {_said(error)}; the folders are {names or 'none'}"
        raise Trouble("folder", words) from None
    if b"UIDVALIDITY" not in found:
        raise Trouble("folder", f"{account.folder!r} has no UIDVALIDITY: its messages cannot be told apart for long")
    exists = int(found.get(b"EXISTS", 0))
    return Session(client, account, found[b"UIDVALIDITY"], int(found.get(b"UIDNEXT", 0)), exists, prefix, offers)


def missing(session: Session, names: Sequence[str]) -> list[str]:
    """Which of these folders of ours are not there."""
    with _talking():
        return [name for name in names if not session.client.folder_exists(session.prefix + name)]


def make(session: Session, names: Sequence[str]) -> None:
    """Makes folders. Raises Trouble."""
    for name in names:
        full = session.prefix + name
        try:
            with _talking():
                session.client.create_folder(full)
        except Declined as error:
            if missing(session, [name]):  # else another machine was quicker
                raise Trouble("folder", f"the folder {full} cannot be made: {error}; make it by hand") from None
        with contextlib.suppress(Declined), _talking():
            session.client.subscribe_folder(full)


# --- messages ----------------------------------------------------------------------------------------------------


def waiting(session: Session) -> list[int]:
    """UIDs of what is in the folder, in the order in which it came; of a very full one a first part."""
    with _talking():
        session.client.noop()  # the server looks what is new
        if session.exists <= MANY:
            return sorted(session.client.search(["UNDELETED"]))
        for low in range(1, session.uidnext + 1, WINDOW):
            if found := session.client.search(["UID", f"{low}:{low + WINDOW - 1}", "UNDELETED"]):
                return sorted(found)
        session.exists = 0
        return sorted(session.client.search(["UNDELETED"]))


def sizes(session: Session, uids: Sequence[int]) -> dict[int, int]:
    """What the server says of sizes; a message that has just gone is not in it."""
    with _talking():
        found = session.client.fetch(uids, ["RFC822.SIZE"])
    return {uid: int(found[uid].get(b"RFC822.SIZE", 0)) for uid in uids if uid in found}


def fetch(session: Session, uids: Sequence[int], limit: int) -> dict[int, bytes]:
    """The messages themselves, each at most `limit` octets of it; what the server does not give is not in it."""
    return _bodies(session, uids, f"BODY.PEEK[]<0.{limit}>", b"BODY[]<0>")


def fetch_header(session: Session, uid: int, limit: int) -> bytes:
    """The begin of a header, for what is said of a message that is not taken."""
    return _bodies(session, [uid], f"BODY.PEEK[HEADER]<0.{limit}>", b"BODY[HEADER]<0>").get(uid, b"")


def _bodies(session: Session, uids: Sequence[int], item: str, key: bytes) -> dict[int, bytes]:
    with _talking():
        found = session.client.fetch(uids, [item])
    bodies = {uid: found[uid].get(key) for uid in uids if uid in found}
    return {uid: body for uid, body in bodies.items() if isinstance(body, bytes)}


def move(session: Session, uids: Sequence[int], name: str) -> None:
    """Into a folder of ours, which is made when it has gone. Raises Declined when the server does not do it."""
    full = session.prefix + name
    try:
        _move(session, uids, full)
    except Declined:
        if not missing(session, [name]):
            raise
        make(session, [name])
        _move(session, uids, full)


def _move(session: Session, uids: Sequence[int], full: str) -> None:
    client = session.client
    with _talking():
        if session.has(b"MOVE"):
            client.move(uids, full)
            return
        client.copy(uids, full)
        client.add_flags(uids, [_DELETED], silent=True)
        if session.has(b"UIDPLUS"):
            client.uid_expunge(uids)
        elif set(client.search(["DELETED"])) <= set(uids):  # EXPUNGE takes all: only when all are ours
            client.expunge()


# --- waiting -----------------------------------------------------------------------------------------------------


def wait(session: Session, seconds: float, bell: socket.socket) -> None:
    """Until the server has something to say (IDLE), `seconds` are over, or the bell rings."""
    if not session.has(b"IDLE"):
        _poll(seconds, bell)
        return
    client = session.client
    try:
        with _talking():
            client.idle()
    except Declined:  # offered, but not meant
        session.offers -= {b"IDLE"}
        _poll(seconds, bell)
        return
    with _talking():
        if not _unread(client):
            _poll(seconds, bell, client.socket())
        client.idle_done()


def _unread(client: Any) -> bool:
    """Whether news came along with the answer to IDLE: the socket alone would not show it."""
    sock = client.socket()
    sock.setblocking(False)
    try:
        return bool(client._imap.file.peek(1))
    except OSError:
        return False
    finally:
        sock.settimeout(READ_WITHIN)


def _poll(seconds: float, *sockets: socket.socket) -> None:
    poll = select.poll()
    for one in sockets:
        poll.register(one.fileno(), select.POLLIN)
    poll.poll(max(0.0, seconds) * 1000)


def close(session: Session) -> None:
    """Says good-bye, if the server still listens."""
    try:
        with _talking():
            session.client.socket().settimeout(2)
            session.client.logout()
    except (Lost, Declined):
        _cut(session.client)


def hang_up(session: Session) -> None:
    """From another thread: whatever waits for the server ends with Lost."""
    with contextlib.suppress(OSError, AttributeError):
        session.client.socket().shutdown(socket.SHUT_RDWR)


def _cut(client: Any) -> None:
    with contextlib.suppress(Exception):
        client.shutdown()
