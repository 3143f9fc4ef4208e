"""An IMAP server on a real socket that can be made to behave oddly: it drops, declines, falls silent or says nonsense.

It knows one mailbox and just the commands that we say. `odd` is asked before each command is answered: it returns bytes
to send instead, None for the usual, or one of SILENCE and HANG_UP.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SILENCE, HANG_UP = b"<silence>", b"<hang up>"
Odd = Callable[[str], bytes | None]


class OddServer:
    def __init__(self, odd: Odd = lambda _: None, capability: str = "IMAP4rev1 AUTH=PLAIN UIDPLUS MOVE IDLE") -> None:
        self.odd, self.capability = odd, capability
        self.greeting = b"* OK ready\r\n"
        self.select = b"* %d EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 999] ok\r\n"
        self.writable = b"[READ-WRITE]"
        self.inbox: dict[int, bytes] = {}
        self.folders: dict[str, dict[int, bytes]] = {"INBOX": self.inbox}
        self.commands: list[str] = []
        self.sessions = 0
        self.port = 0
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []

    def put(self, *messages: bytes) -> None:
        for raw in messages:
            self.inbox[max(self.inbox, default=0) + 1] = raw

    def serve(self) -> None:
        while not self._closed.is_set():
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            self.sessions += 1
            self._open.append(one)
            threading.Thread(target=self._session, args=(one,), daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            one.close()

    def _session(self, sock: socket.socket) -> None:
        try:
            with sock, sock.makefile("rb") as lines:
                sock.sendall(self.greeting)
                for line in lines:
                    if not self._command(sock, line.decode().strip(), lines):
                        return
        except (OSError, ValueError):
            pass

    def _command(self, sock: socket.socket, line: str, lines: Iterator[bytes]) -> bool:
        tag, _, command = line.partition(" ")
        self.commands.append(command)
        strange = self.odd(command)
        if strange == HANG_UP:
            return False
        if strange == SILENCE:
            self._closed.wait(60)
            return False
        if strange is not None:
            sock.sendall(strange.replace(b"TAG", tag.encode()))
            return True
        if command == "IDLE":
            sock.sendall(b"+ idling\r\n")
            next(lines, b"")
        if command.startswith("AUTHENTICATE"):
            sock.sendall(b"+ \r\n")
            next(lines, b"")
        sock.sendall(self._answer(command) + f"{tag} OK ".encode() + self._code(command) + b"done\r\n")
        return command != "LOGOUT"

    def _code(self, command: str) -> bytes:
        return self.writable + b" " if command.startswith("SELECT") else b""

    def _answer(self, command: str) -> bytes:
        name, _, rest = command.removeprefix("UID ").partition(" ")
        match name:
            case "CAPABILITY":
                return f"* CAPABILITY {self.capability}\r\n".encode()
            case "LOGOUT":
                return b"* BYE bye\r\n"
            case "LIST":
                wanted = rest.rpartition(" ")[2].strip('"')
                found = [folder for folder in self.folders if wanted in ("*", folder)]
                return b"".join(f'* LIST () "/" "{folder}"\r\n'.encode() for folder in found)
            case "CREATE":
                self.folders[rest.strip('"')] = {}
            case "SELECT":
                return self.select % len(self.inbox) if b"%d" in self.select else self.select
            case "SEARCH":
                return f"* SEARCH {' '.join(map(str, sorted(self.inbox)))}".strip().encode() + b"\r\n"
            case "FETCH":
                return self._fetch(rest)
            case "MOVE":
                uids, _, folder = rest.partition(" ")
                for uid in self._uids(uids):
                    self.folders[folder.strip('"')][uid] = self.inbox.pop(uid)
        return b""

    def _uids(self, given: str) -> list[int]:
        return [int(uid) for uid in given.split(",") if int(uid) in self.inbox]

    def _fetch(self, rest: str) -> bytes:
        given, _, item = rest.partition(" ")
        out = b""
        for number, uid in enumerate(self._uids(given), 1):
            raw = self.inbox[uid]
            if "RFC822.SIZE" in item:
                out += b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % (number, uid, len(raw))
                continue
            found = re.search(r"BODY\.PEEK\[(\w*)\]<0\.(\d+)>", item)
            assert found is not None, item
            part = raw.partition(b"\r\n\r\n")[0] if found[1] else raw
            part = part[: int(found[2])]
            name = f"BODY[{found[1]}]<0>".encode()
            out += b"* %d FETCH (UID %d %s {%d}\r\n%s)\r\n" % (number, uid, name, len(part), part)
        return out


@contextmanager
def odd_server(odd: Odd = lambda _: None, **options: str) -> Iterator[OddServer]:
    server = OddServer(odd, **options)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(10)
