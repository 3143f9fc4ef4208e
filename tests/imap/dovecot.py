"""Debian's Dovecot, started in a folder of the tests: a real mail server that we fetch from."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from imapclient import IMAPClient

from tests.conftest import SKIPPED
from tests.daemon import free_port

USER, PASSWORD = "lists@people.test", "correct horse é battery"

_CONFIG = """
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
protocols = imap
listen = 127.0.0.1
ssl = {ssl}
{certificate}
mail_location = maildir:{root}/mail/%u
mailbox_list_index = no
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
disable_plaintext_auth = no
auth_mechanisms = plain login{mechanisms}
auth_cache_size = 0
auth_failure_delay = 0
auth_verbose = yes
mail_max_userip_connections = 100
login_trusted_networks = 127.0.0.0/8
imap_capability = {capability}
{extra}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {root}/passwd
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={root}/mail/%u
}}
service imap-login {{
  chroot =
  user = {user}
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = {listener_ssl}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  user = {user}
  chroot =
}}
namespace inbox {{
  inbox = yes
  prefix = {prefix}
  separator = {separator}
}}
"""


def need() -> str:
    found = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        words = "Dovecot is not installed: fetching mail by IMAP was not tried on a real server"
        SKIPPED.append(words)
        pytest.skip(words)
    return found


class Dovecot:
    """A server on ports of its own; `stop` and `start` as often as wanted, mail stays."""

    def __init__(
        self, *, capability: str = "", prefix: str = "", separator: str = "/", tls: bool = False, oauth: str = "",
    ) -> None:  # fmt: skip
        self.program = need()
        self.root = Path(tempfile.mkdtemp(prefix="listserv-dovecot-"))
        self.root.chmod(0o755)
        self.port, self.tls_port = free_port(), free_port()
        self.certificate = self.root / "cert.pem"
        user = "nobody" if os.geteuid() == 0 else getpass.getuser()
        group = "nogroup" if os.geteuid() == 0 else str(os.getgid())
        for name in ("mail", "run", "state"):
            (self.root / name).mkdir()
        self.users: dict[str, str] = {USER: PASSWORD}
        self._write_users()
        if tls:
            self._make_certificate()
        self.owner = pwd.getpwnam(user)
        if os.geteuid() == 0:
            os.chown(self.root / "mail", self.owner.pw_uid, self.owner.pw_gid)
        extra = self._ask(oauth) if oauth else ""
        certificate = f"ssl_cert = <{self.certificate}\nssl_key = <{self.root}/key.pem" if tls else ""
        (self.root / "dovecot.conf").write_text(
            _CONFIG.format(
                root=self.root, port=self.port, tls_port=self.tls_port if tls else 0, user=user, group=group,
                ssl="yes" if tls else "no", listener_ssl="yes" if tls else "no", certificate=certificate,
                capability=capability, prefix=prefix, separator=separator, extra=extra,
                mechanisms=" xoauth2" if oauth else "",
            )
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def _ask(self, provider: str) -> str:
        """XOAUTH2 with a provider that is asked whose a token is."""
        file = self.root / "oauth2.conf"
        file.write_text(
            f"introspection_url = {provider}/whose\nintrospection_mode = auth\nusername_attribute = email\n"
        )
        return f"passdb {{\n  driver = oauth2\n  mechanisms = xoauth2\n  args = {file}\n}}"

    def _write_users(self) -> None:
        lines = [f"{name}:{{PLAIN}}{password}\n" for name, password in self.users.items()]
        (self.root / "passwd").write_text("".join(lines))

    def add_user(self, name: str, password: str) -> None:
        self.users[name] = password
        self._write_users()

    def _make_certificate(self) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-keyout", str(self.root / "key.pem"), "-out", str(self.certificate), "-days", "2"]
        command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        subprocess.run(command, check=True, capture_output=True)

    def start(self) -> None:
        command = [self.program, "-F", "-c", str(self.root / "dovecot.conf")]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as one:
                    if one.recv(4).startswith(b"* OK"):
                        return
            except OSError:
                pass
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop(signal.SIGKILL)
                raise AssertionError(f"Dovecot did not start: {self.log()}")
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        self._process.wait(20)
        self._process = None

    def log(self) -> str:
        file = self.root / "log"
        return file.read_text() if file.exists() else "no log"

    # -- as the owner of the mailbox would --

    @contextmanager
    def client(self, user: str = USER) -> Iterator[IMAPClient]:
        with IMAPClient("127.0.0.1", self.port, ssl=False, timeout=30) as client:
            client.plain_login(user, self.users[user])
            yield client

    def put(self, *messages: bytes, folder: str = "INBOX", user: str = USER) -> None:
        """As delivered: the bytes as they are, over the wire."""
        with self.client(user) as client:
            for raw in messages:
                client.append(folder, raw)

    def deliver(self, messages: Sequence[bytes], user: str = USER) -> None:
        """Many at once, as a delivery agent puts them into a maildir."""
        folder = self.root / "mail" / user
        for name in ("cur", "new", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for number, raw in enumerate(messages):
            (folder / "tmp" / f"{time.time_ns()}.M{number:06}.test").write_bytes(raw)
        if os.geteuid() == 0:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.owner.pw_uid, self.owner.pw_gid)
        for path in sorted((folder / "tmp").iterdir()):
            path.rename(folder / "new" / path.name)

    def uidvalidity(self, name: str = "INBOX", user: str = USER) -> int:
        with self.client(user) as client:
            return int(client.select_folder(name, readonly=True)[b"UIDVALIDITY"])

    def forget(self, user: str = USER) -> None:
        """As if the mailbox had been made anew: the same messages under another UIDVALIDITY, with other UIDs."""
        for path in (self.root / "mail" / user).glob("dovecot*"):
            if path.is_file():
                path.unlink()

    def folder(self, name: str = "INBOX", user: str = USER) -> list[bytes]:
        """All messages of a folder, oldest first; none where there is no such folder."""
        with self.client(user) as client:
            if not client.folder_exists(name):
                return []
            client.select_folder(name, readonly=True)
            uids = sorted(client.search(["UNDELETED"]))
            found: list[bytes] = []
            for start in range(0, len(uids), 200):
                part = client.fetch(uids[start : start + 200], ["BODY.PEEK[]"])
                found += [part[uid][b"BODY[]"] for uid in uids[start : start + 200]]
            return found

    def counts(self, *names: str, user: str = USER) -> dict[str, int]:
        """How many messages are in folders; none where there is no such folder."""
        with self.client(user) as client:
            there = {name for _, _, name in client.list_folders()}
            found = dict.fromkeys(names, 0)
            for name in there & set(names):
                client.select_folder(name, readonly=True)
                found[name] = len(client.search(["UNDELETED"]))
            return found

    def count(self, name: str = "INBOX", user: str = USER) -> int:
        return self.counts(name, user=user)[name]


@contextmanager
def dovecot(**options: object) -> Iterator[Dovecot]:
    server = Dovecot(**options)  # type: ignore[arg-type]
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.root, ignore_errors=True)
