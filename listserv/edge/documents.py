"""The text of attached documents, for the screen: read in processes of their own, with hard limits.

A document may be made to harm its reader: endless loops, gigabytes in a few bytes, bugs of a library. So nothing of one
is opened here. `document_worker` does it, without our environment, in bounded memory and time; it is started with the
first document, kept for the next ones, and killed when it is late. At most two are at work; the others wait.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import selectors
import signal
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO

from listserv.mail.message import Message, Part, iter_parts

SECONDS = 10.0  # for one document
MEGABYTES = 512  # of address space, for one process
AT_ONCE = 2
MOST_OF_A_MESSAGE = 3  # times the seconds of one document, for all of a message
MOST_CHARACTERS = 1_000_000
SLOW = "reading it takes too long"
FAILED = "it could not be read"
NOT_READ = "it is not a kind of file that can be read"
ARCHIVE = "it is an archive, and archives are not opened"
OLD_OFFICE = "it is an old kind of office file, which cannot be read"
ENCRYPTED = "it is encrypted"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PASSED_OVER = ("text/", "multipart/", "message/", "image/", "audio/", "video/")
_LOOKED_AT = frozenset(("text/rtf", "image/svg+xml", "message/rfc822", "message/global", "message/partial"))
_SIGNATURES = frozenset(
    (
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-keys",
    )
)
_ENCRYPTED = frozenset(("application/pgp-encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"))
_LARGE = 200_000  # octets, which are decoded in a thread
_LARGEST_ANSWER = 8 * MOST_CHARACTERS


@dataclass(frozen=True, slots=True)
class Documents:
    """`texts`: what each document says, by the number of its leaf part as `iter_parts` counts; `unread`: what could not
    be read (or not all of it), and why in words: "it is encrypted". A part may be in both. Pictures are in neither."""

    texts: dict[int, str] = field(default_factory=dict, repr=False)
    unread: dict[int, str] = field(default_factory=dict)


async def texts(message: Message, *, seconds: float = SECONDS) -> Documents:
    """What is written in the documents that are attached to a message. Never raises for what they hold."""
    found = Documents()
    until = time.monotonic() + seconds * MOST_OF_A_MESSAGE
    for number, part in enumerate(iter_parts(message)):
        if _is_passed_over(part):
            continue
        large = part.end - part.start > _LARGE
        data = await asyncio.to_thread(part.decoded) if large else part.decoded()
        kind = _kind(part, data)
        if kind in ("pdf", "office"):
            loop = asyncio.get_running_loop()
            left = until - time.monotonic()
            text, why = "", SLOW
            if left > 0:
                text, why = await loop.run_in_executor(_READERS.threads(), _READERS.read, data, min(seconds, left))
        elif kind == "text":
            text, why = _as_text(data) or "", ""
        else:
            text, why = "", kind
        if text:
            found.texts[number] = text[:MOST_CHARACTERS]
        if why:
            found.unread[number] = why
    return found


def _is_passed_over(part: Part) -> bool:
    """What other readers look at, and what holds no words. What calls itself a picture and is a document is one."""
    if part.content_type in _SIGNATURES or part.content_type in _LOOKED_AT:
        return part.content_type in _SIGNATURES
    start = part.source[part.start : part.start + 12].lstrip()
    return part.content_type.startswith(_PASSED_OVER) and not start.startswith((b"JVBERi", b"%PDF-"))


def _kind(part: Part, data: bytes) -> str:
    """pdf, office, text; "" when there is nothing to read; else why it cannot be read."""
    if part.content_type in _ENCRYPTED or b"-----BEGIN PGP MESSAGE-----" in data[:100]:
        return ENCRYPTED
    if part.content_type.startswith("message/"):  # a leaf: encoded, cut in pieces, or too deep
        return NOT_READ
    if not data:
        return ""
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(b"PK"):
        return "office" if b"[Content_Types].xml" in data or b"mimetypeapplication/vnd.oasis" in data[:200] else ARCHIVE
    if data.startswith(_OLE):
        return ENCRYPTED if "EncryptedPackage".encode("utf-16-le") in data else OLD_OFFICE
    if data.startswith((b"Rar!", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"MSCF", b"BZh")) or data[257:262] == b"ustar":
        return ARCHIVE
    return "text" if _as_text(data) is not None else NOT_READ


def _as_text(data: bytes) -> str | None:
    """Plain text that calls itself something else."""
    if data.startswith(b"{\\rtf"):
        return None
    for name in ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8",):
        try:
            text = data.decode(name)
        except UnicodeError:
            return None
        if not any(character < " " and character not in "\t\r\n\f" for character in text[:10_000]):
            return text
    return None


class _Late(Exception):
    """The worker did not answer in time."""


class _Gone(Exception):
    """The worker ended without an answer."""


class _Readers:
    """The processes, at most as many as threads; one is with one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._idle: list[subprocess.Popen[bytes]] = []

    def threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="documents")
                atexit.register(self.close)
            return self._pool

    def read(self, data: bytes, seconds: float) -> tuple[str, str]:
        """Text, and why there is none or not all of it."""
        until = time.monotonic() + seconds
        with self._lock:
            process = self._idle.pop() if self._idle else None
        if process is not None and process.poll() is not None:
            _end(process)
            process = None
        process = process or _started()
        try:
            answer = _answer(process, data, seconds, until)
        except (_Late, _Gone, ValueError, OSError) as error:
            _end(process)
            slow = isinstance(error, _Late) or (isinstance(error, _Gone) and process.returncode == -signal.SIGXCPU)
            return "", SLOW if slow else FAILED
        if answer.get("last"):
            _end(process)
        else:
            with self._lock:
                self._idle.append(process)
        return str(answer.get("text", "")), str(answer.get("why", ""))

    def close(self) -> None:
        """Ends every process; the next document starts another."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True)
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            _end(process)


_READERS = _Readers()


def close() -> None:
    """Ends the processes that read documents."""
    _READERS.close()


def _started() -> subprocess.Popen[bytes]:
    """A worker: it inherits no secret of ours, and nothing that it says of a document reaches a log."""
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(  # noqa: S603  (our own module)
        [sys.executable, "-m", "listserv.edge.document_worker", str(MEGABYTES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            try:
                stream.close()
            except OSError:  # bytes that nobody took
                pass
    process.wait()


def _answer(process: subprocess.Popen[bytes], data: bytes, seconds: float, until: float) -> dict[str, object]:
    assert process.stdin is not None and process.stdout is not None
    _send(process.stdin, struct.pack("!dQ", seconds, len(data)) + data, until)
    (size,) = struct.unpack("!Q", _receive(process, process.stdout, 8, until))
    if size > _LARGEST_ANSWER:
        raise ValueError("an answer that is too long")
    answer = json.loads(_receive(process, process.stdout, size, until))
    if not isinstance(answer, dict):
        raise ValueError("no answer")
    return answer


def _send(stream: IO[bytes], data: bytes, until: float) -> None:
    os.set_blocking(stream.fileno(), False)
    view = memoryview(data)
    with selectors.DefaultSelector() as ready:
        ready.register(stream, selectors.EVENT_WRITE)
        while view:
            _wait(ready, until)
            try:
                view = view[os.write(stream.fileno(), view[:65_536]) :]
            except BlockingIOError:
                continue


def _receive(process: subprocess.Popen[bytes], stream: IO[bytes], size: int, until: float) -> bytes:
    os.set_blocking(stream.fileno(), False)
    out = bytearray()
    with selectors.DefaultSelector() as ready:
        ready.register(stream, selectors.EVENT_READ)
        while len(out) < size:
            _wait(ready, until)
            try:
                piece = os.read(stream.fileno(), min(size - len(out), 65_536))
            except BlockingIOError:
                continue
            if not piece:
                process.wait(timeout=5)
                raise _Gone
            out += piece
    return bytes(out)


def _wait(ready: selectors.BaseSelector, until: float) -> None:
    left = until - time.monotonic()
    if left <= 0 or not ready.select(left):
        raise _Late
