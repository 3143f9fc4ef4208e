"""Hostile mails in a real browser: no script of theirs runs, and nothing is asked of another machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import archives
from tests.browser.conftest import ANN, CHROMIUM, Site, missing
from tests.conftest import NOW, community
from tests.daemon import free_port, running
from tests.data.hostile import XSS
from tests.people import add_person

_WATCH = """
window.__ran = [];
for (const name of ['xss', 'alert', 'confirm', 'prompt', 'print'])
  Object.defineProperty(window, name, {value: (...said) => { window.__ran.push(name + ': ' + said.join()); }});
"""
_LOOK = """() => ({
  ran: window.__ran, handlers: [...document.querySelectorAll('*')].filter(one => [...one.attributes].some(
    a => a.name.startsWith('on') || a.name === 'style')).length,
  schemes: [...document.querySelectorAll('a[href], area[href]')].map(one => one.protocol),
  loads: [...document.querySelectorAll('[src], [srcset], [background], [poster], [data], link[href], [action]')].map(
    one => one.src || one.href || one.action || one.outerHTML.slice(0, 80))})"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A community whose archive is nothing but attacks."""
    if not Path(CHROMIUM).exists():
        missing("Chromium is not installed: hostile mails are not opened in a browser")
    sync_api = pytest.importorskip("playwright.sync_api")
    from listserv.archiver.importing import import_mbox
    from listserv.mail.mbox import written

    folder, port = tmp_path_factory.mktemp("hostile"), free_port()
    data = community(web={"listen": f"127.0.0.1:{port}"}, archive={"directory": str(folder / "archive")})
    data["community"]["url"] = f"http://127.0.0.1:{port}"
    with running(folder, data, start=False) as (daemon, _):
        with daemon.ctx.db.transaction() as tx:
            add_person(tx, ANN, name="Ann Archer", lists=("perinatal",))
        box = folder / "attacks.mbox"
        box.write_bytes(b"".join(written(_told_apart(raw, n), NOW) for n, (_, raw) in enumerate(XSS)))
        report = import_mbox(daemon.ctx, "perinatal", box)
        assert report.added > len(XSS) - 5, report
        daemon.start()
        with sync_api.sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            daemon.until(lambda: (folder / "archive/perinatal/index.html").exists(), 60, "the archive")
            yield Site(daemon, data["community"]["url"], browser)
            browser.close()


def _told_apart(raw: bytes, number: int) -> bytes:
    """With a Message-ID of its own, so that each is a message of its own."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    head = re.sub(rb"(?im)^message-id:[^\r\n]*\r\n", b"", head + b"\r\n")
    return b"Message-ID: <attack-%d@x.test>\r\n" % number + head + b"\r\n" + rest


def pages_of(site: Site) -> list[str]:
    folder = site.daemon.ctx.settings.archive.directory
    files = [f"/archive/{name}" for name in archives.files(folder) if not name.startswith("_/")]
    authors = {row[0] for row in archives.table(site.daemon.ctx, "SELECT DISTINCT author FROM message")}
    tags = [row[0] for row in archives.table(site.daemon.ctx, "SELECT DISTINCT thread FROM message")]
    searches = [f"/search?q={word}&in=perinatal" for word in ("xss", "alert", "script", "evil", "a*", "list:perinatal")]
    return [
        *files,
        "/archive/",
        *searches,
        *(f"/author/{one}" for one in authors),
        *(f"/threads/perinatal/{t}" for t in tags),
    ]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("policy", [True, False], ids=["as it is", "without its policy"])
def test_no_script_runs_and_no_request_leaves(hostile: Site, policy: bool) -> None:
    """Once as served, once with the Content-Security-Policy switched off: the sanitiser alone has to hold."""
    context = hostile.browser.new_context(
        base_url=hostile.url, storage_state=hostile.logged_in(ANN), bypass_csp=not policy, accept_downloads=True
    )
    context.add_init_script(_WATCH)
    left: list[str] = []
    context.on("request", lambda one: _note(left, one.url))
    page = context.new_page()
    page.on("dialog", lambda one: (left.append(f"dialog {one.message}"), one.dismiss()))
    wrong: list[str] = []
    seen = 0
    for path in pages_of(hostile):
        try:
            page.goto(path, wait_until="load")
        except Exception as error:
            if "Download is starting" in str(error) or "ERR_ABORTED" in str(error):
                continue  # an attachment, which no browser opens
            raise
        seen += 1
        wrong += _judge(path, page.evaluate(_LOOK) if page.evaluate("document.contentType") == "text/html" else None)
    context.close()
    print(f"{seen} pages opened")
    assert left == [] and wrong == []
    assert seen > len(XSS), "every attack has a page"


def _note(left: list[str], url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https", "ws", "wss", "ftp") and parts.hostname != "127.0.0.1":
        left.append(url)


def _judge(path: str, look: dict[str, Any] | None) -> list[str]:
    if look is None:
        return []
    wrong = [f"{path}: ran {one}" for one in look["ran"]]
    wrong += [f"{path}: a link to {one}" for one in look["schemes"] if one not in ("http:", "https:", "mailto:")]
    wrong += [f"{path}: loads {one}" for one in look["loads"] if urlsplit(one).hostname != "127.0.0.1"]
    return wrong + ([f"{path}: attributes that act"] if look["handlers"] else [])


def test_the_watch_would_have_seen_it(hostile: Site) -> None:
    """The alarm itself: a page with a script, an image from elsewhere and a bad link is noticed in every way."""
    context = hostile.browser.new_context(bypass_csp=True)
    context.add_init_script(_WATCH)
    left: list[str] = []
    context.on("request", lambda one: _note(left, one.url))
    page = context.new_page()
    page.goto(f"{hostile.url}/login")
    page.set_content(
        '<script>xss(1)</script><img src="http://evil.test/x"><a href="javascript:xss(1)" onclick="1">x</a>'
    )
    found = _judge("x", page.evaluate(_LOOK))
    context.close()
    assert left == ["http://evil.test/x"] and len(found) == 4, found
