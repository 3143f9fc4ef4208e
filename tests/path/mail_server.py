"""Debian's Postfix with OpenDKIM in front of it, started in a folder of the tests: a receiver that we did not write."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.conftest import SKIPPED
from tests.daemon import free_port

_SERVICES = """
{port}     inet  n - n - - smtpd
pickup     unix  n - n 60 1 pickup
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 300 1 qmgr
tlsmgr     unix  - - n 1000? 1 tlsmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
trace      unix  - - n - 0 bounce
verify     unix  - - n - 1 verify
flush      unix  n - n 1000? 0 flush
proxymap   unix  - - n - - proxymap
proxywrite unix  - - n - 1 proxymap
smtp       unix  - - n - - smtp
relay      unix  - - n - - smtp
showq      unix  n - n - - showq
error      unix  - - n - - error
retry      unix  - - n - - error
discard    unix  - - n - - discard
anvil      unix  - - n - 1 anvil
scache     unix  - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
"""


def _need(program: str) -> str:
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None or os.geteuid() != 0:
        words = f"{program} cannot be started here: nobody but us has looked at our signatures"
        SKIPPED.append(words)
        pytest.skip(words)
    return found


@contextlib.contextmanager
def postfix_with_opendkim(
    next_hop: int, keys: Mapping[str, str], routes: Mapping[str, int] | None = None
) -> Iterator[int]:
    """The port of a Postfix that lets OpenDKIM verify and passes all on to `next_hop` of this machine.

    `keys` are TXT records by name, without a final dot; `routes` are domains whose mail goes to other ports.
    """
    postfix, opendkim = _need("postfix"), _need("opendkim")
    root = Path(tempfile.mkdtemp(prefix="listserv-mx-"))
    root.chmod(0o755)
    port, milter = free_port(), free_port()
    (root / "keys").write_text("".join(f"{name} {text}\n" for name, text in keys.items()))
    (root / "opendkim.conf").write_text(
        f"Mode v\nSocket inet:{milter}@127.0.0.1\nTestPublicKeys {root}/keys\nAuthservID mx.receiver.test\n"
        "AlwaysAddARHeader yes\nInternalHosts 192.0.2.99\nSyslog no\nRequireSafeKeys no\nBackground no\n"
    )
    filter_ = subprocess.Popen([opendkim, "-f", "-x", str(root / "opendkim.conf")], stderr=subprocess.DEVNULL)
    etc = root / "etc"
    etc.mkdir()
    (root / "data").mkdir()
    shutil.chown(root / "data", "postfix")
    (root / "queue").mkdir()
    transports = ", ".join(f"{{ {domain} = smtp:[127.0.0.1]:{to} }}" for domain, to in (routes or {}).items())
    (etc / "main.cf").write_text(
        f"compatibility_level = 3.6\nqueue_directory = {root}/queue\ndata_directory = {root}/data\n"
        f"maillog_file = {root}/log\nmaillog_file_prefixes = {root}\nmyhostname = mx.receiver.test\n"
        "mydestination =\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\n"
        "smtpd_relay_restrictions = permit_mynetworks, reject\nsmtputf8_enable = no\n"
        f"transport_maps = inline:{{ {transports} }}\n"
        f"relayhost = [127.0.0.1]:{next_hop}\nsmtpd_milters = inet:127.0.0.1:{milter}\n"
        "milter_default_action = tempfail\nsmtp_tls_security_level = none\nalias_maps =\nalias_database =\n"
    )
    if not transports:
        main = (etc / "main.cf").read_text()
        (etc / "main.cf").write_text(main.replace("transport_maps = inline:{  }\n", ""))
    (etc / "master.cf").write_text(_SERVICES.format(port=port))
    done = subprocess.run([postfix, "-c", str(etc), "start"], capture_output=True, text=True, check=False)
    try:
        if done.returncode:
            raise AssertionError(f"Postfix did not start: {done.stdout}{done.stderr}")
        _until_open(milter)
        _until_open(port)
        yield port
    finally:
        subprocess.run([postfix, "-c", str(etc), "stop"], capture_output=True, check=False)
        filter_.terminate()
        filter_.wait(10)
        shutil.rmtree(root, ignore_errors=True)


def _until_open(port: int) -> None:
    import socket

    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < end, f"nothing listens on {port}"
            time.sleep(0.05)
