"""Where the program is: the beginning and end of each stage in the log, at level debug.

With LISTSERV_LOG=debug an operator sees the way of every post; the crash tests read from it what was under way when
they killed the daemon.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger("listserv.stage")


def begin(name: str, what: object = "") -> None:
    log.debug("> %s %s", name, what)


def end(name: str, what: object = "") -> None:
    log.debug("< %s %s", name, what)


@contextmanager
def stage(name: str, what: object = "") -> Iterator[None]:
    """Logs `> name what` and, however it ends, `< name what`."""
    begin(name, what)
    try:
        yield
    finally:
        end(name, what)
