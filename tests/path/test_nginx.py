"""nginx in front, with the example configuration of the documentation: it serves the files, listserv says to whom."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from listserv import archiver
from listserv.mail.threads import tag_of
from tests import archives
from tests.conftest import SKIPPED, community
from tests.daemon import Daemon, free_port, running
from tests.house import notices
from tests.people import seed

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@dataclass
class Front:
    daemon: Daemon
    port: int
    log: Path

    def visitor(self) -> urllib.request.OpenerDirector:
        """A browser with a cookie jar that believes our certificate, and follows nothing."""

        class Still(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_: Any) -> None:
                return None

        context = ssl._create_unverified_context()
        return urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context), urllib.request.HTTPCookieProcessor(CookieJar()), Still()
        )

    def ask(self, visitor: Any, path: str, data: bytes | None = None) -> tuple[int, Any, bytes]:
        try:
            with visitor.open(f"https://127.0.0.1:{self.port}{path}", data, timeout=20) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The real nginx with docs/examples/nginx.conf, only names, ports and folders put in."""
    nginx = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else None)
    if nginx is None or shutil.which("openssl") is None:
        words = "nginx or openssl is not installed: the configuration for nginx is not tried"
        SKIPPED.append(words)
        pytest.skip(words)
    folder = tmp_path_factory.mktemp("front")
    folder.chmod(0o755)
    for parent in folder.parents[:2]:
        parent.chmod(0o755)
    web, https, http = free_port(), free_port(), free_port()
    data = community(
        web={"listen": f"127.0.0.1:{web}"},
        archive={"directory": str(folder / "srv" / "archive")},
        secrets={"key_file": str(folder / "secret.key")},
        database=f"sqlite:///{folder}/db.sqlite3",
    )
    data["community"]["url"] = f"https://127.0.0.1:{https}"
    with running(folder, data, start=False) as (daemon, _):
        seed(daemon.ctx)
        for name in ("perinatal", "anxiety"):
            archives.post(daemon.ctx, f"About {name}", message_id=f"<{name}@x.test>", to=f"{name}@lists.test")
        archiver.build(daemon.ctx)
        daemon.start()
        process = _nginx(nginx, folder, web, https, http)
        try:
            yield Front(daemon, https, folder / "access.log")
        finally:
            process.terminate()
            process.wait(10)


def _nginx(nginx: str, folder: Path, web: int, https: int, http: int) -> subprocess.Popen[bytes]:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    text = (EXAMPLES / "nginx.conf").read_text()
    for old, new in (
        ("127.0.0.1:8080", f"127.0.0.1:{web}"),
        ("listen 443 ssl", f"listen 127.0.0.1:{https} ssl"),
        ("listen 80;", f"listen 127.0.0.1:{http};"),
        ("/etc/letsencrypt/live/lists.example.org/fullchain.pem", str(folder / "cert.pem")),
        ("/etc/letsencrypt/live/lists.example.org/privkey.pem", str(folder / "key.pem")),
        ("/srv/listserv", str(folder / "srv")),
        ("/etc/nginx/listserv-proxy.conf", str(folder / "listserv-proxy.conf")),
        ("    http2 on;\n", ""),  # nginx of Debian 12 is older than this directive
    ):
        assert old in text, old
        text = text.replace(old, new)
    shutil.copy(EXAMPLES / "listserv-proxy.conf", folder)
    (folder / "site.conf").write_text(text)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}pid {folder}/pid; error_log {folder}/error.log; daemon off;\nevents {{}}\n"
        f"http {{ include /etc/nginx/mime.types; access_log {folder}/access.log;\n"
        f"{temporary}include {folder}/site.conf; }}\n"
    )
    checked = subprocess.run([nginx, "-t", "-c", str(folder / "nginx.conf")], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen([nginx, "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
    import socket
    import time

    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", https), 1).close()
            return process
        except OSError:
            time.sleep(0.02)
    raise AssertionError((folder / "error.log").read_text())


def logged_in(front: Front, email: str) -> Any:
    visitor = front.visitor()
    before = len(notices(front.daemon.ctx, "login", email))
    front.ask(visitor, "/login", f"email={email}".encode())
    front.daemon.until(lambda: len(notices(front.daemon.ctx, "login", email)) > before, what="the link")
    link = re.findall(r"https://127\.0\.0\.1:\d+(/login/\S+)", notices(front.daemon.ctx, "login", email)[-1].text)[0]
    status, headers, _ = front.ask(visitor, link, b"next=")
    assert status == 303 and "__Host-listserv" in headers["set-cookie"]
    return visitor


PAGES = ("index.html", "2026-11.html")


def test_a_stranger_is_led_to_the_login_and_sees_nothing(front: Front) -> None:
    visitor = front.visitor()
    for name in ("perinatal", "anxiety"):
        for page in (*PAGES, f"t/{tag_of(f'{name}@x.test')}.html", "t/aaaaaaaaaaaaaaaa.html"):
            status, headers, body = front.ask(visitor, f"/archive/{name}/{page}")
            assert (status, body) == (303, b"")
            assert headers["location"] == f"/login?next=%2Farchive%2F{name}%2F{page.replace('/', '%2F')}"
    for path in ("search.sqlite3", ".lock", "perinatal/a/x.png"):
        assert front.ask(visitor, f"/archive/{path}")[0] == 401


def test_nginx_itself_serves_a_member_the_pages_of_their_lists(front: Front) -> None:
    max_ = logged_in(front, "max@people.test")  # on anxiety, and a moderator of both
    for name in ("perinatal", "anxiety"):
        status, headers, body = front.ask(max_, f"/archive/{name}/t/{tag_of(f'{name}@x.test')}.html")
        assert status == 200 and b"About " + name.encode() in body
        assert headers["server"].startswith("nginx") and headers["etag"]
        assert headers["cache-control"] == "no-store" and "default-src 'none'" in headers["content-security-policy"]
        assert len(headers.get_all("content-security-policy")) == 1
    assert front.ask(max_, "/archive/_/style.css")[0] == 200
    assert front.ask(max_, "/archive/news/index.html")[0] == 404
    status, headers, _ = front.ask(max_, f"/archive/anxiety/m/{tag_of('anxiety@x.test')}")
    assert status == 302 and headers["location"].startswith("/archive/anxiety/t/")


@pytest.mark.parametrize(
    "path",
    ["/archive/search.sqlite3", "/archive/.lock", "/archive/anxiety/../search.sqlite3", "/authorise",
     "/archive/anxiety/%2e%2e/search.sqlite3", "/archive/anxiety/..%2f..%2fdb.sqlite3", "/archive/perinatal/t/",
     "/archive//search.sqlite3", "/archive/anxiety/t/../../perinatal/x.html"],
)  # fmt: skip
def test_nothing_else_is_served(front: Front, path: str) -> None:
    status, _, body = front.ask(logged_in(front, "max@people.test"), path)
    assert status in (400, 404) and b"SQLite" not in body


def test_somebody_on_one_list_gets_no_other(front: Front) -> None:
    """The answer of listserv, not nginx's own, and the same as for a list that does not exist."""
    from sqlalchemy import text

    with front.daemon.ctx.db.transaction() as tx:
        tx.execute(
            text("UPDATE subscription SET left_at = '2026-01-01' WHERE person_id = 2 AND list_name = 'perinatal'")
        )
    ben = logged_in(front, "ben@people.test")
    assert front.ask(ben, "/archive/anxiety/index.html")[0] == 200
    there = front.ask(ben, "/archive/perinatal/index.html")
    assert there[0] == 404 and b"Nothing here" in there[2]
    assert there[2] == front.ask(ben, "/archive/nolist/index.html")[2]


def test_no_token_is_in_its_log(front: Front) -> None:
    assert "/login/" not in front.log.read_text()
