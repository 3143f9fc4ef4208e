"""Hostile mails in a real browser: no script of theirs runs, and nothing is asked of another machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from listserv.archiver.query import PER_PAGE
from listserv.mail.served import TYPES
from tests import archives
from tests.browser.conftest import ANN, CHROMIUM, Site, built, missing
from tests.conftest import NOW, community
from tests.daemon import free_port, running
from tests.data.hostile import BLOCKS, INLINE, XSS
from tests.people import add_person

_WATCH = """
window.__ran = [];
for (const name of ['xss', 'alert', 'confirm', 'prompt', 'print', 'open'])
  Object.defineProperty(window, name, {value: (...said) => {
    window.__ran.push(name + ': ' + said.join());
    window.told?.(name + ': ' + said.join() + ' at ' + location.href);
  }});
"""
"""Before any script of a page, in every frame: what a payload calls is noted, here and by the test itself."""
_LOOK = """async ([tags, names]) => {
  const all = [...document.querySelectorAll('*')], inside = [...document.querySelectorAll('.body *')];
  const acting = ['style', 'srcdoc', 'srcset', 'ping', 'autofocus', 'formaction'];
  const act = a => a.name.startsWith('on') || acting.includes(a.name);
  const links = [...document.querySelectorAll('a, area, [href]')].filter(one => one.protocol || one.href);
  const look = {
    kind: document.contentType,
    frames: window.length,
    handlers: all.filter(one => [...one.attributes].some(act)).length,
    strange: inside.filter(one => !tags.includes(one.localName) || one.namespaceURI !== 'http://www.w3.org/1999/xhtml'
      || [...one.attributes].some(a => !names.includes(a.name))).map(one => one.cloneNode().outerHTML ?? one.localName),
    schemes: links.map(one => new URL(one.href, 'about:blank').protocol),
    loads: [...document.querySelectorAll('[src], [srcset], [background], [poster], [data], link[href], [action]')].map(
      one => one.src || one.href || one.action || one.outerHTML.slice(0, 80)),
    scripts: [...document.scripts].map(one => one.src ? new URL(one.src).pathname : 'inline'),
  };
  if (look.kind !== 'text/html') return {...look, ran: window.__ran};  // its sandbox stops every timer
  document.addEventListener('click', event => event.preventDefault(), true);
  for (const one of document.querySelectorAll('details')) one.open = true;
  for (const one of document.images) one.loading = 'eager';
  for (const one of inside) {
    for (const kind of ['mouseover', 'focus', 'toggle', 'animationstart', 'error', 'load'])
      one.dispatchEvent(new Event(kind));
    if (one.localName === 'a') { one.focus(); one.click(); }
  }
  await new Promise(done => setTimeout(done, 5));
  return {...look, ran: window.__ran};
}"""
"""What is on a page; then everything is unfolded, loaded, pointed at and clicked, without leaving the page."""
_NAMES = ["class", "href", "rel", "src", "alt", "loading", "colspan", "rowspan", "download"]
_TAGS = sorted(INLINE | BLOCKS)


TYPES_SERVED = {kind.partition(";")[0] for kind in TYPES.values()}


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
            add_person(tx, ANN, name="Ann Archer", lists=("perinatal",), moderates=("perinatal",))
        box = folder / "attacks.mbox"
        box.write_bytes(b"".join(written(_told_apart(raw, n), NOW) for n, (_, raw) in enumerate(XSS)))
        report = import_mbox(daemon.ctx, "perinatal", box)
        assert report.added == len(XSS), report
        daemon.start()
        with sync_api.sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            built(daemon, len(XSS))
            yield Site(daemon, data["community"]["url"], browser)
            browser.close()


def _told_apart(raw: bytes, number: int) -> bytes:
    """With a Message-ID of its own, so that each is a message of its own."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    head = re.sub(rb"(?im)^message-id:[^\r\n]*\r\n", b"", head + b"\r\n")
    return b"Message-ID: <attack-%d@x.test>\r\n" % number + head + b"\r\n" + rest


def pages_of(site: Site) -> list[str]:
    """Every file of the archive, and what is put together from it: searches, authors, corrections."""
    ctx = site.daemon.ctx
    files = [f"/archive/{name}" for name in archives.files(ctx.settings.archive.directory) if not name.startswith("_/")]
    files = [path for path in files if not path.startswith(("/archive/anxiety/", "/archive/news/"))]
    words = ("xss", "alert", "script", "evil", "a*", "has:attachment", "%3Cscript%3Exss(1)%3C/script%3E")
    everything = [f"/search?q=list:perinatal&page={n}" for n in range(1, len(XSS) // PER_PAGE + 2)]
    authors = archives.table(ctx, "SELECT author, COUNT(*) AS count FROM message GROUP BY author")
    special = "SELECT MIN(thread) FROM message GROUP BY subject, name"
    return [
        *files,
        "/archive/",
        *everything,
        *(f"/search?q={word}&in=perinatal" for word in words),
        *(f"/author/{row['author']}?page={n}" for row in authors for n in range(1, (row["count"] - 1) // PER_PAGE + 2)),
        *(f"/threads/perinatal/{row[0]}" for row in archives.table(ctx, special)),
    ]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("policy", [True, False], ids=["as it is", "without its policy"])
def test_no_script_runs_and_no_request_leaves(hostile: Site, policy: bool) -> None:
    """Once as served, once with the Content-Security-Policy switched off: the sanitiser alone has to hold."""
    context = hostile.browser.new_context(
        base_url=hostile.url, storage_state=hostile.logged_in(ANN), bypass_csp=not policy, accept_downloads=False
    )
    wrong: list[str] = []
    context.expose_function("told", lambda words: wrong.append(words))
    context.add_init_script(_WATCH)
    context.on("request", lambda one: _note(wrong, one.url))
    page = context.new_page()
    context.on("page", lambda one: wrong.append(f"a window opened: {one.url}"))
    page.on("dialog", lambda one: (wrong.append(f"dialog {one.message}"), one.dismiss()))
    seen = 0
    for path in pages_of(hostile):
        try:
            answer = page.goto(path, wait_until="load")
        except Exception as error:
            if "/a/" in path and ("Download is starting" in str(error) or "ERR_ABORTED" in str(error)):
                continue  # an attachment, which no browser opens
            raise
        assert answer.status == 200, path
        seen += 1
        wrong += _judge(path, page.evaluate(_LOOK, [_TAGS, _NAMES]))
    context.close()
    assert wrong == []
    assert seen > len(XSS), "every attack has a page"


def test_no_attachment_is_served_as_something_that_runs(hostile: Site) -> None:
    """Whatever a mail says of its files: a type of ours, never sniffed, and saved unless it is a picture."""
    context = hostile.browser.new_context(base_url=hostile.url, storage_state=hostile.logged_in(ANN))
    attachments = [path for path in pages_of(hostile) if "/a/" in path]
    assert len(attachments) > 20
    for path in attachments:
        answer = context.request.get(path)
        kind, headers = answer.headers["content-type"].partition(";")[0], answer.headers
        assert answer.status == 200 and headers["x-content-type-options"] == "nosniff", path
        assert "sandbox" in headers["content-security-policy"], path
        assert kind in TYPES_SERVED and not re.search("html|xml|svg|javascript|css", kind.rpartition("/")[2]), path
        assert kind.startswith("image/") or headers["content-disposition"] == "attachment", path
    context.close()


def _note(left: list[str], url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https", "ws", "wss", "ftp") and parts.hostname != "127.0.0.1":
        left.append(url)


def _judge(path: str, look: dict[str, Any]) -> list[str]:
    wrong = [f"{path}: ran {one}" for one in look["ran"]]
    wrong += [f"{path}: a link to {one}" for one in look["schemes"] if one not in ("http:", "https:", "mailto:")]
    wrong += [f"{path}: loads {one}" for one in look["loads"] if urlsplit(one).hostname != "127.0.0.1"]
    wrong += [f"{path}: a message with {one}" for one in look["strange"]]
    wrong += [f"{path}: a script {one}" for one in look["scripts"] if one != "/archive/_/archive.js"]
    if "/a/" in path and not look["kind"].startswith("image/"):
        return [*wrong, f"{path}: a file is shown as {look['kind']}"]
    if look["frames"]:
        wrong.append(f"{path}: has frames")
    if look["handlers"] and "/a/" not in path:  # Chromium shows a picture by itself with a style of its own
        wrong.append(f"{path}: attributes that act")
    return wrong


def test_the_watch_would_have_seen_it(hostile: Site) -> None:
    """The alarm itself: each of these is noticed, in the page and by the test."""
    context = hostile.browser.new_context(bypass_csp=True)
    told: list[str] = []
    context.expose_function("told", lambda words: told.append(words))
    context.add_init_script(_WATCH)
    context.on("request", lambda one: _note(told, one.url))
    page = context.new_page()
    page.goto(f"{hostile.url}/login")
    page.set_content(
        '<script>xss(1)</script><div class="body"><img src="http://evil.test/x"><a href="javascript:1" onclick="xss(2)"'
        '>x</a><svg></svg><details ontoggle="xss(3)">x</details><iframe src="javascript:parent.xss(4)"></iframe></div>'
    )
    found = _judge("x", page.evaluate(_LOOK, [_TAGS, _NAMES]))
    context.close()
    ran = {words.partition(" at ")[0] for words in told}
    assert {"xss: 1", "xss: 2", "xss: 3", "xss: 4", "http://evil.test/x"} <= ran, told
    noticed = (
        "ran xss: 1", "ran xss: 2", "ran xss: 3", "a link to javascript:", "loads http://evil.test/x", "has frames",
        "a message with <svg>", "a message with <iframe", "a script inline", "attributes that act",
    )  # fmt: skip
    assert [words for words in noticed if not any(words in one for one in found)] == [], found
