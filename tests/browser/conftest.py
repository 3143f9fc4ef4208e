"""A real daemon with a small community, and a real Chromium that visits it."""

from __future__ import annotations

import re
import shutil
import sqlite3
import struct
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from listserv.errors import UserError
from listserv.life.terms import agree
from listserv.mail.threads import tag_of
from tests import archives
from tests.conftest import SKIPPED, community
from tests.daemon import Daemon, free_port, running
from tests.house import notices
from tests.people import add_person

CHROMIUM = "/usr/bin/chromium"
MODULES = Path(__file__).parent / "node_modules"
ANN, BEN, MIA = "ann@people.test", "ben@people.test", "mia@people.test"
NED = "ned@people.test"  # who has not agreed to the terms
GRACE, TOM, PRIYA = "grace@people.test", "tom@people.test", "priya@people.test"
NAMES = {ANN: "Ann Archer", BEN: "Ben Bower", MIA: "Mia Moss",
         GRACE: "Grace Nakamura", TOM: "Tom Callaghan", PRIYA: "Priya Menon"}  # fmt: skip


def missing(what: str) -> None:
    SKIPPED.append(what)
    pytest.skip(what)


def npm_package(name: str) -> Path:
    """Where a package of package.json is; `npm ci --prefix tests/browser` puts it there."""
    if not (MODULES / name).is_dir() or shutil.which("node") is None:
        missing(f"{name} is not installed (npm ci --prefix tests/browser): pages are not checked with it")
    return MODULES / name


def picture(width: int = 120, height: int = 80) -> bytes:
    """A PNG of more than 10 kB, so that it is no logo."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + bytes((x * y * 7 + 31 * x) % 256 for x in range(width * 3)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(rows, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def message(
    who: str, subject: str, text: str, number: int, answers: int | None = None, to: str = "perinatal"
) -> EmailMessage:
    one = EmailMessage(policy=SMTP)
    one["From"], one["To"], one["Subject"] = f"{NAMES[who]} <{who}>", f"{to}@lists.test", subject
    one["Message-ID"], one["Date"] = f"<b{number}@people.test>", "Mon, 23 Nov 2026 18:00:00 +1100"
    if answers is not None:
        one["In-Reply-To"] = one["References"] = f"<b{answers}@people.test>"
    one.set_content(text)
    return one


def elsewhere() -> list[tuple[str, EmailMessage]]:
    """The other conversations: what people of the two lists ask each other about their work."""
    video, group, second = "Graded exposure by video", "A supervision group in Ballarat", "Screening a second time"
    anxiety = "anxiety"
    signature = "-- \nTom Callaghan\nClinical psychologist, Ballarat\nTuesdays to Fridays\nhttps://example.org/tom\n"
    return [
        (GRACE, message(GRACE, video, "From Darwin I work by video with people who live hours away. How do you plan"
                        " exposure when you cannot be in the room?\n\nGrace\n", 8, to=anxiety)),
        (TOM, message(TOM, f"Re: {video}", "> How do you plan exposure\n\nIn steps that fit one call, written down"
                      f" by both of us beforehand.\n\n{signature}", 9, 8, anxiety)),
        (PRIYA, message(PRIYA, f"Re: {video}", "Tom, how long are your calls? Mine in Perth are 50 minutes.\n",
                        10, 9, anxiety)),
        (GRACE, message(GRACE, f"Re: {video}", "Thanks, this gives me a plan for next week.\n", 11, 8, anxiety)),
        (TOM, message(TOM, group, f"We have room for two more, every second Thursday at noon.\n\n{signature}",
                      12, to=anxiety)),
        (PRIYA, message(PRIYA, second, "Do you repeat the Edinburgh scale after the birth, and when?\n", 13)),
        (GRACE, message(GRACE, f"Re: {second}", "On Monday, Priya wrote:\n> Do you repeat the Edinburgh scale\n\n"
                        "At six weeks, together with the midwife.\n", 14, 13)),
        (TOM, message(TOM, f"Re: {second}", "Here too, and once more at six months.\n", 15, 14)),
    ]  # fmt: skip


def held() -> EmailMessage:
    """A post that waits: it names a client, and sounds like danger, so that moderators have it at once."""
    words = "My client Mrs Keogh says that she will kill herself tonight. Medicare 2123 45670 1.\n"
    one = message(ANN, "What would you do now?", words, 20)
    one.add_alternative(f"<p>{words}</p><p hidden>and more</p>", subtype="html")
    return one


LONG_QUOTE = "".join(f"> line {n} of what was said before, which nobody wants to read again\n" for n in range(12))


def posts() -> list[tuple[str, EmailMessage]]:
    """Who sends what."""
    html = message(MIA, "Our group room", "See the picture.\n", 5)
    html.add_alternative(
        '<h1>The room</h1><p>Here it is:</p><p><img src="cid:room@x" alt="The room"><br>With <b>chairs</b>.</p>'
        "<ul><li>quiet<li>bright</ul><blockquote>quoted in HTML</blockquote>"
        '<table border=1><tr><th>Day<th>Hour<tr><td>Monday<td>10</table><a href="https://example.org/x">a link</a>',
        subtype="html",
    )
    html.get_payload()[1].add_related(picture(), "image", "png", cid="<room@x>")
    files = message(ANN, "A form and a chart", "Both attached. What do you think?\n", 6)
    files.add_attachment(b"%PDF-1.4 not really", "application", "pdf", filename="intake form.pdf")
    files.add_attachment(picture(), "image", "png", filename="chart.png")
    return [
        (ANN, message(ANN, "Sleep diaries that people keep", "What do you use?\n\nAnn\n-- \nAnn Archer\nHobart\n", 1)),
        (BEN, message(BEN, "Re: Sleep diaries that people keep", f"On Monday, Ann wrote:\n{LONG_QUOTE}\n"
                      "One line a day: https://example.org/one-line?a=1&b=2\n", 2, 1)),
        (MIA, message(MIA, "Re: Sleep diaries that people keep", "> One line a day\n\nThe same here.\n", 3, 2)),
        (ANN, message(ANN, "Re: Sleep diaries that people keep", "Thank you, both of you.\n", 4, 1)),
        (MIA, html),
        (ANN, files),
        (BEN, message(BEN, "Code for the reminder", "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 @@\n-old\n+new\n", 7)),
        *elsewhere(),
    ]  # fmt: skip


@dataclass
class Site:
    """The running daemon, and what its pages are called."""

    daemon: Daemon
    url: str
    browser: Any
    state: dict[str, Any] = field(default_factory=dict)

    def path(self, number: int) -> str:
        return f"/archive/perinatal/t/{tag_of(f'b{number}@people.test')}.html"

    def link(self, email: str, target: str = "") -> str:
        """A fresh login link, out of the mail."""
        before = len(notices(self.daemon.ctx, "login", email))
        data = f"email={email}&next={target}".encode()
        urllib.request.urlopen(f"{self.url}/login", data, timeout=20).read()
        return self.sent_link(email, before)

    def sent_link(self, email: str, before: int) -> str:
        self.daemon.until(lambda: len(notices(self.daemon.ctx, "login", email)) > before, what="the login mail")
        found = re.search(r"http://127\.0\.0\.1:\d+/login/\S+", notices(self.daemon.ctx, "login", email)[-1].text)
        assert found
        return found[0]

    def logged_in(self, email: str) -> dict[str, Any]:
        """The cookies of somebody who has logged in, for new windows."""
        if email not in self.state:
            context = self.browser.new_context()
            page = context.new_page()
            page.goto(self.link(email))
            page.get_by_role("button").click()
            page.wait_for_url("**/archive/")
            self.state[email] = context.storage_state()
            context.close()
        return self.state[email]


def built(daemon: Daemon, messages: int) -> None:
    """Waits until the daemon has made every page of these messages."""

    def done() -> bool:
        try:
            there = archives.table(daemon.ctx, "SELECT COUNT(*) FROM message")[0][0]
            return there >= messages and not archives.table(daemon.ctx, "SELECT 1 FROM dirty LIMIT 1")
        except (UserError, sqlite3.OperationalError):  # there is no index yet
            return False

    daemon.until(done, 60, "the archive")


@pytest.fixture(scope="module")  # Playwright keeps a loop running, which no other test may meet
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if not Path(CHROMIUM).exists():
        missing("Chromium is not installed: no page is looked at in a browser")
    sync_api = pytest.importorskip("playwright.sync_api")
    folder, port = tmp_path_factory.mktemp("site"), free_port()
    data = community(web={"listen": f"127.0.0.1:{port}"}, archive={"directory": str(folder / "archive")})
    data["community"]["url"] = f"http://127.0.0.1:{port}"
    (folder / "terms.md").write_text("Terms\n\nBe kind, and tell nobody who a client is.\n")
    data["community"]["terms"] = str(folder / "terms.md")
    data["lists"]["perinatal"]["description"] = "Pregnancy, birth and the first year."
    with running(folder, data, start=False) as (daemon, _):
        with daemon.ctx.db.transaction() as tx:
            both = ("perinatal", "anxiety")
            for email, name in NAMES.items():
                mia = email == MIA
                lists = (*both, "news") if mia else both
                person = add_person(tx, email, name=name, lists=lists, moderates=both if mia else ())
                agree(daemon.ctx, tx, person, "when the site was made")
            add_person(tx, NED, name="Ned Newell", lists=both)
        for who, one in posts():
            archives.post(daemon.ctx, raw=one.as_bytes(), sender=who, to=str(one["To"]))
        archives.post(daemon.ctx, raw=held().as_bytes(), sender=ANN, to="perinatal@lists.test")
        daemon.start()
        with sync_api.sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            here = Site(daemon, data["community"]["url"], browser)
            built(daemon, len(posts()))
            yield here
            browser.close()


@pytest.fixture
def window(site: Site) -> Iterator[Callable[..., Any]]:
    """New windows; what goes wrong in one of them, or leaves this machine, fails the test.

    A page of its own that says 404 is no error; anything else that is refused, such as a picture, is one."""
    contexts: list[Any] = []
    wrong: list[str] = []
    opened: set[str] = set()
    refused = "Failed to load resource: the server responded with a status of 4"

    def watch(page: Any) -> None:
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("console", console)

    def console(said: Any) -> None:
        url = said.location["url"]
        if said.type != "error" or (said.text.startswith(refused) and url in opened):
            return
        if "/a/" in url and url.endswith(".png") and said.text.startswith("Applying inline style violates"):
            return  # the look that Chromium gives to a picture by itself; its policy allows none
        wrong.append(f"console: {said.text} {url}")

    def request(one: Any) -> None:
        if one.is_navigation_request():
            opened.add(one.url)
        if urlsplit(one.url).hostname not in ("127.0.0.1", None):
            wrong.append(f"request to {one.url}")

    def new(email: str | None = None, **more: Any) -> Any:
        state = site.logged_in(email) if email else None
        context = site.browser.new_context(base_url=site.url, storage_state=state, **more)
        context.set_default_timeout(15_000)
        context.on("page", watch)
        context.on("request", request)
        contexts.append(context)
        return context.new_page()

    yield new
    for context in contexts:
        context.close()
    assert wrong == []
