"""The archive behind its door: who gets what, how one logs in, and what nothing but a button does."""

from __future__ import annotations

import asyncio
import gzip
import mailbox
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import text, update

from listserv import archiver, web
from listserv.archiver.importing import import_mbox
from listserv.context import Context
from listserv.mail.mbox import written
from listserv.mail.threads import tag_of
from listserv.model import Credential, Person, Status, Subscription
from listserv.web import joining, login, reading
from tests import archives
from tests.conftest import NOW, community
from tests.house import notices, rows, scalar
from tests.people import add_person, mail, seed

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20_000


class Browser:
    """Keeps cookies, follows nothing by itself."""

    def __init__(self, ctx: Context) -> None:
        self._app = web.app(ctx, lambda: {"roles": ["web"]})
        self.cookies = httpx.Cookies()

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(
                transport=transport, base_url="https://lists.test", cookies=self.cookies
            ) as client:
                answer = await client.request(method, path, **more)
                self.cookies = client.cookies
            await asyncio.gather(*login.asked.tasks, *joining.begun.tasks)
            return answer

        return asyncio.run(ask())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **fields: str) -> httpx.Response:
        return self.request("POST", path, data={"sent": "", **fields})


def link_in(ctx: Context, email: str) -> str:
    """The path of the newest login link that went to an address."""
    found = re.search(r"https://lists\.test(/login/\S+)", notices(ctx, "login", email)[-1].text)
    assert found
    return found[1]


def logged_in(ctx: Context, email: str) -> Browser:
    browser = Browser(ctx)
    browser.post("/login", email=email)
    answer = browser.post(link_in(ctx, email))
    assert answer.status_code == 303 and answer.headers["location"] == "/archive/"
    return browser


@dataclass
class House:
    ctx: Context
    now: list[datetime]
    perinatal: str  # the tag of a post there
    anxiety: str


@pytest.fixture
def house(make_context: Callable[..., Context]) -> House:
    """Ann and Ben on both lists, Olga on anxiety alone; a post with a picture and a document on each list."""
    now = [NOW]
    ctx = make_context(community(web={"listen": "127.0.0.1:0"}), clock=lambda: now[0])
    seed(ctx)
    with ctx.db.transaction() as tx:
        add_person(tx, "olga@people.test", name="Olga Oak", lists=("anxiety",))
    tags = []
    for name in ("perinatal", "anxiety"):
        message_id = f"<{name}-1@people.test>"
        archives.post(ctx, raw=with_files(f"About {name}", message_id, f"{name}@lists.test"), to=f"{name}@lists.test")
        archives.post(ctx, f"Re: About {name}", f"Wombat{name} agrees.\n", to=f"{name}@lists.test",
                      sender="ben@people.test", in_reply_to=message_id)  # fmt: skip
        tags.append(tag_of(message_id))
    archiver.build(ctx)
    return House(ctx, now, *tags)


def with_files(subject: str, message_id: str, to: str) -> bytes:
    from email.message import EmailMessage
    from email.policy import SMTP

    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "Ann Archer <ann@people.test>", to, subject
    message["Message-ID"], message["Date"] = message_id, "Mon, 23 Nov 2026 18:00:00 +1100"
    message.set_content("Please look at these. What do you think?\n")
    message.add_attachment(PNG, "image", "png", filename="chart.png")
    message.add_attachment(b"%PDF-1.4 x", "application", "pdf", filename="notes.pdf")
    return message.as_bytes()


def every_url(house: House) -> list[str]:
    """All files of the archive as addresses, and everything that is made on demand."""
    found = []
    for name in archives.files(house.ctx.settings.archive.directory):
        found.append(f"/archive/{name}")
    for name, tag in (("perinatal", house.perinatal), ("anxiety", house.anxiety)):
        found += [f"/archive/{name}", f"/archive/{name}/", f"/archive/{name}/m/{tag}",
                  f"/archive/{name}/t/{tag}.mbox.gz", f"/archive/{name}/2026-11.mbox.gz",
                  f"/threads/{name}/{tag}"]  # fmt: skip
    return found


def list_of(url: str) -> str:
    return next((name for name in ("perinatal", "anxiety") if f"/{name}" in url), "")


def test_there_is_something_to_try(house: House) -> None:
    urls = every_url(house)
    assert len([url for url in urls if "/a/" in url]) == 4 and len(urls) > 20


@pytest.mark.parametrize("who", ["nobody", "forged", "lapsed", "unregistered", "left", "suspended"])
def test_a_stranger_gets_nothing_not_even_a_title(house: House, who: str) -> None:
    """Login for a page, 401 for anything else, the same for what is there and what is not."""
    browser = Browser(house.ctx)
    if who == "forged":
        browser.cookies.set("__Host-listserv", "1.abcdefghijklmnop", domain="lists.test")
    elif who != "nobody":
        browser = logged_in(house.ctx, "ann@people.test")
        with house.ctx.db.transaction() as tx:
            if who == "unregistered":
                tx.execute(update(Credential).values(expires=date(2026, 11, 1)))
            else:
                tx.execute(update(Person).where(Person.id == 1).values(status=Status(who)))  # type: ignore[arg-type]
    for url in (*every_url(house), "/archive/", "/search?q=wombat", "/me", "/author/p1", "/archive/nolist/x.html"):
        answer = browser.get(url)
        page = url.endswith((".html", "/")) or "/m/" in url or "/threads/" in url or "." not in url.rpartition("/")[2]
        if "/_/" in url:
            assert answer.status_code == 200
        elif page:
            assert answer.status_code == 303, url
            assert answer.headers["location"] == f"/login?next={quote(url, safe='')}"
        else:
            assert answer.status_code == 401, url
        assert answer.content == b"" or "/_/" in url
    for url in ("/archive/search.sqlite3", "/archive/.lock", "/archive/perinatal/../search.sqlite3"):
        assert browser.get(url).status_code in (401, 404)


def test_pages_are_packed_and_what_holds_secrets_is_not(house: House) -> None:
    browser = logged_in(house.ctx, "ann@people.test")
    page = f"/archive/perinatal/t/{house.perinatal}.html"
    whole = (house.ctx.settings.archive.directory / page.removeprefix("/archive/")).read_bytes()
    packed = browser.get(page, headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["content-encoding"] == "gzip" and packed.content == whole
    assert "accept-encoding" in packed.headers["vary"].lower()
    assert int(packed.headers.get("content-length", 0)) < len(whole)
    plain = browser.get(page, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.content == whole
    head = browser.request("HEAD", page)
    assert head.status_code == 200 and head.content == b""
    picture = next(url for url in every_url(house) if url.startswith("/archive/perinatal/a/") and url.endswith("png"))
    for url in ("/me", "/search?q=wombat", "/archive/", picture):
        assert "content-encoding" not in browser.get(url).headers, url


def test_a_member_gets_their_own_lists_and_nothing_else(house: House) -> None:
    both, one = logged_in(house.ctx, "ann@people.test"), logged_in(house.ctx, "olga@people.test")
    for url in every_url(house):
        mine = list_of(url) != "perinatal"
        expected = {403} if "/threads/" in url else {404} if "/news/" in url else {200, 302, 303}
        assert both.get(url).status_code in expected, url
        answer = one.get(url)
        assert answer.status_code in (expected if mine else {404}), url
        assert mine or b"About perinatal" not in answer.content
    front = one.get("/archive/").text
    assert "About anxiety" in front and "erinatal" not in front
    assert "/archive/perinatal" not in one.get("/me").text


def test_a_word_of_another_list_is_never_found(house: House) -> None:
    one = logged_in(house.ctx, "olga@people.test")
    for query in ("wombatperinatal", "list:perinatal about", "wombat*", "from:ann", "l706572696e6174616c0",
                  "has:attachment", "marks:l706572696e6174616c0", "about OR perinatal",
                  '"about perinatal"'):  # fmt: skip
        for more in ("", "&in=perinatal", "&sort=date", "&part=1"):
            answer = one.get(f"/search?q={quote(query)}{more}")
            assert answer.status_code == 200
            results = answer.text.partition('id="results"')[2] if not more.startswith("&part") else answer.text
            assert "Perinatal" not in results and "About perinatal" not in results, query
    assert "Wombatanxiety" in one.get("/search?q=wombatanxiety").text.replace("<mark>", "").replace("</mark>", "")
    assert one.get("/author/p1").text.count("<li>") == 1
    assert logged_in(house.ctx, "ann@people.test").get("/author/p1").text.count("<li>") == 2


def test_leaving_a_list_closes_it_at_once(house: House) -> None:
    browser = logged_in(house.ctx, "olga@people.test")
    assert browser.get("/archive/anxiety/").status_code == 200
    with house.ctx.db.transaction() as tx:
        tx.execute(update(Subscription).where(Subscription.person_id == scalar(house.ctx, "SELECT MAX(id) FROM person"))  # type: ignore[arg-type]
                   .values(left_at=NOW))  # fmt: skip
    assert browser.get("/archive/anxiety/").status_code == 404


PATHS = """
search.sqlite3 search.sqlite3-wal .lock perinatal/../search.sqlite3 perinatal/%2e%2e/search.sqlite3
perinatal/..%2fsearch.sqlite3 perinatal/t/../../search.sqlite3 perinatal//index.html perinatal/index.html/ perinatal/t/
perinatal/a/ perinatal/t/x.html perinatal/index.html%00.png _/../search.sqlite3 perinatal/link.html
perinatal/2026-12.html perinatal/a/aaaaaaaaaaaaaaaa/1.svg perinatal/m/AAAA _/x.css perinatal/t/aaaaaaaaaaaaaaaa.html
perinatal/m/aaaaaaaaaaaaaaaa perinatal/2020-01.mbox.gz
"""


@pytest.mark.parametrize("path", PATHS.split())
def test_nothing_but_the_files_of_the_archive_is_served(house: House, path: str) -> None:
    folder = house.ctx.settings.archive.directory
    (folder / "perinatal/link.html").symlink_to(folder / "search.sqlite3")
    (folder / "perinatal/a/aaaaaaaaaaaaaaaa").mkdir()
    (folder / "perinatal/a/aaaaaaaaaaaaaaaa/1.svg").write_text("<svg/>")
    assert logged_in(house.ctx, "ann@people.test").get(f"/archive/{path}").status_code == 404


def test_types_and_policies(house: House) -> None:
    browser = logged_in(house.ctx, "ann@people.test")
    page = browser.get("/archive/perinatal/")
    assert page.headers["content-security-policy"] == reading.POLICY and "unsafe" not in reading.POLICY
    assert page.headers["cache-control"] == "no-store" and page.headers["x-robots-tag"] == "noindex, noarchive"
    picture = browser.get(f"/archive/perinatal/a/{house.perinatal}/1.png")
    assert picture.headers["content-type"] == "image/png" and "content-disposition" not in picture.headers
    paper = browser.get(f"/archive/perinatal/a/{house.perinatal}/2.pdf")
    assert paper.headers["content-disposition"] == "attachment"
    for answer in (picture, paper):
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert picture.content == PNG


def test_a_permalink_leads_to_the_message_wherever_it_is(house: House) -> None:
    browser = logged_in(house.ctx, "ann@people.test")
    answer = browser.get(f"/archive/perinatal/m/{house.perinatal}")
    assert answer.status_code == 302
    assert answer.headers["location"] == f"/archive/perinatal/t/{house.perinatal}.html#m-{house.perinatal}"


def test_an_old_address_of_a_thread_leads_to_what_became_of_it(
    make_context: Callable[..., Context], tmp_path: Path
) -> None:
    """An answer comes before what it answers: its thread gets another first message, and the old link holds."""
    ctx = make_context()
    seed(ctx)
    archives.post(ctx, "Re: Late", "An answer.\n", message_id="<answer@x.test>", references="<question@x.test>")
    archiver.build(ctx)
    browser = logged_in(ctx, "ann@people.test")
    old = f"/archive/perinatal/t/{tag_of('answer@x.test')}.html"
    assert browser.get(old).status_code == 200
    box = tmp_path / "old.mbox"
    raw = mail(subject="Late", message_id="<question@x.test>").replace(b"23 Nov", b"02 Nov")
    box.write_bytes(written(raw, NOW - timedelta(days=21)))
    import_mbox(ctx, "perinatal", box)
    archiver.update(ctx)
    answer = browser.get(old)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"/archive/perinatal/t/{tag_of('question@x.test')}.html#")


def test_the_mbox_has_the_distributed_form(house: House, tmp_path: Path) -> None:
    answer = logged_in(house.ctx, "ann@people.test").get(f"/archive/perinatal/t/{house.perinatal}.mbox.gz")
    file = tmp_path / "thread.mbox"
    file.write_bytes(gzip.decompress(answer.content))
    box = mailbox.mbox(file)
    found = sorted(box, key=lambda one: len(one["subject"]))
    box.close()
    assert [one["subject"] for one in found] == ["About perinatal", "Re: About perinatal"]
    assert all(one["list-id"] and not one["received"] and not one["list-unsubscribe"] for one in found)
    assert found[0]["archived-at"] == f"<https://lists.test/archive/perinatal/m/{house.perinatal}>"


def test_hidden_addresses_are_in_no_page_no_index_and_no_mbox(make_context: Callable[..., Context]) -> None:
    ctx = make_context(community(archive={"addresses": "hidden"}, web={"listen": "127.0.0.1:0"}))
    seed(ctx)
    raw = mail("Ann Archer <ann@people.test>", subject="Write to me", message_id="<m@x.test>",
               text="I am ann@people.test, or dr.x@clinic.example.org\n")  # fmt: skip
    archives.post(ctx, raw=raw)
    archiver.build(ctx)
    browser = logged_in(ctx, "ben@people.test")
    mbox = gzip.decompress(browser.get(f"/archive/perinatal/t/{tag_of('m@x.test')}.mbox.gz").content)
    page = browser.get(f"/archive/perinatal/t/{tag_of('m@x.test')}.html").content
    index = b"".join(path.read_bytes() for path in ctx.settings.archive.directory.glob("search.sqlite3*"))
    for where in (mbox, page, index, browser.get("/search?q=clinic").content):
        assert b"ann@people.test" not in where and b"clinic.example" not in where
    assert "ann@…" in page.decode() and "Ann Archer" in page.decode()


# --- logging in --------------------------------------------------------------------------------------------------


def test_the_answer_is_the_same_for_everybody(house: House) -> None:
    browser = Browser(house.ctx)
    answers = {
        browser.post("/login", email=email).text
        for email in ("ann@people.test", "stranger@people.test", "", "x" * 500, "ann@people.test\r\nBcc: x@y.test")
    }
    assert len(answers) == 1
    assert [one.recipient for one in notices(house.ctx, "login")] == ["ann@people.test"]


def test_a_scanner_does_not_use_the_link_up(house: House) -> None:
    browser = Browser(house.ctx)
    browser.post("/login", email="ann@people.test", next="/archive/perinatal/")
    path = link_in(house.ctx, "ann@people.test")
    for method in ("GET", "HEAD", "GET"):
        answer = Browser(house.ctx).request(method, path)
        assert answer.status_code == 200 and "set-cookie" not in answer.headers
    assert scalar(house.ctx, "SELECT COUNT(*) FROM session") == 0
    answer = browser.post(path, next="/archive/perinatal/")
    assert answer.headers["location"] == "/archive/perinatal/"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-listserv=")
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert part in cookie
    assert browser.get("/archive/perinatal/").status_code == 200


def test_a_link_is_good_once_and_for_a_quarter_of_an_hour(house: House) -> None:
    Browser(house.ctx).post("/login", email="ann@people.test")
    path = link_in(house.ctx, "ann@people.test")
    assert Browser(house.ctx).post(path).status_code == 303
    assert Browser(house.ctx).post(path).status_code == 410
    Browser(house.ctx).post("/login", email="ann@people.test")
    late = link_in(house.ctx, "ann@people.test")
    house.now[0] += timedelta(minutes=15)
    assert Browser(house.ctx).get(late).status_code == 410 and Browser(house.ctx).post(late).status_code == 410


def test_no_token_is_kept_as_it_is(house: House) -> None:
    Browser(house.ctx).post("/login", email="ann@people.test")
    token = link_in(house.ctx, "ann@people.test").rpartition("/")[2]
    assert not scalar(house.ctx, "SELECT COUNT(*) FROM token WHERE hash = :t", t=token)


def test_links_to_all_together_are_limited(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from collections import deque

    monkeypatch.setattr(login, "LINKS_PER_HOUR", 3)
    monkeypatch.setattr(login, "_sent", deque(maxlen=3))
    people = ["ann", "ben", "mia", "max", "olga"]
    for name in people:
        Browser(house.ctx).post("/login", email=f"{name}@people.test")
    assert [one.recipient.partition("@")[0] for one in notices(house.ctx, "login")] == people[:3]
    house.now[0] += timedelta(hours=1)
    Browser(house.ctx).post("/login", email="olga@people.test")
    assert len(notices(house.ctx, "login")) == 4


def test_links_to_one_address_are_limited(house: House) -> None:
    for _ in range(15):
        Browser(house.ctx).post("/login", email="ann@people.test")
    assert len(notices(house.ctx, "login")) == 10


@pytest.mark.parametrize(
    "target",
    ["https://evil.test/", "//evil.test/", "/\\evil.test", "/login", "javascript:alert(1)", "/archive/\r\nX: y",
     "/archivex", "/archive/" + "x" * 700],
)  # fmt: skip
def test_login_leads_nowhere_else(house: House, target: str) -> None:
    browser = Browser(house.ctx)
    browser.post("/login", email="ann@people.test", next=target)
    path = link_in(house.ctx, "ann@people.test")
    assert "next" not in path
    assert browser.post(path, next=target).headers["location"] == "/archive/"


def test_who_changes_the_cookie_is_a_stranger(house: House) -> None:
    browser = logged_in(house.ctx, "ann@people.test")
    value = browser.cookies["__Host-listserv"]
    for forged in (value[:-5] + ("A" if value[-5] != "A" else "B") + value[-4:], "2" + value[1:], "", "x" * 5000):
        other = Browser(house.ctx)
        other.cookies.set("__Host-listserv", forged, domain="lists.test")
        assert other.get("/archive/").status_code == 303


def test_a_session_ends(house: House) -> None:
    """By its age, by the button, on all devices by the other button."""
    one, two = logged_in(house.ctx, "ann@people.test"), logged_in(house.ctx, "ann@people.test")
    seal = re.search(r'name="seal" value="(\w+)"', one.get("/me").text)
    assert seal
    assert one.post("/logout", seal="x" * 24).status_code == 403
    stolen = dict(one.cookies)
    assert one.post("/logout", seal=seal[1]).status_code == 200
    again = Browser(house.ctx)
    again.cookies.update(stolen)
    assert again.get("/archive/").status_code == 303 and two.get("/archive/").status_code == 200
    three = logged_in(house.ctx, "ann@people.test")
    seal = re.search(r'name="seal" value="(\w+)"', three.get("/me").text)
    assert seal and three.post("/logout", seal=seal[1], where="everywhere").status_code == 200
    assert two.get("/archive/").status_code == 303
    old = logged_in(house.ctx, "ann@people.test")
    house.now[0] += timedelta(days=30)
    assert old.get("/archive/").status_code == 303


def test_no_other_site_can_send_our_forms(house: House) -> None:
    browser = logged_in(house.ctx, "ann@people.test")
    for site, expected in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        answer = browser.request("POST", "/login", data={"email": "x@y.test"}, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == expected, site


def test_whom_to_tell_about_a_hole(house: House) -> None:
    said = Browser(house.ctx).get("/.well-known/security.txt").text
    assert "Contact: mailto:facilitators@people.test" in said and "Expires: 2027-05-22T00:00:00Z" in said


# --- feeds -------------------------------------------------------------------------------------------------------


def make_feed(browser: Browser, name: str) -> str:
    page = browser.get("/me").text
    seal = re.search(r'name="seal" value="(\w+)"', page)
    assert seal
    assert browser.post("/me", seal=seal[1], list=name, action="make").status_code == 303
    found = re.search(r"https://lists\.test(/feed/\w+)", browser.get("/me").text)
    assert found
    return found[1]


def test_a_feed_is_its_members_own_and_can_be_taken_back(house: House) -> None:
    browser, reader = logged_in(house.ctx, "olga@people.test"), Browser(house.ctx)
    path = make_feed(browser, "anxiety")
    answer = reader.get(path)
    atom = "{http://www.w3.org/2005/Atom}"
    titles = [one.text for one in ET.fromstring(answer.content).iterfind(f"{atom}entry/{atom}title")]
    assert titles == ["Re: About anxiety", "About anxiety"]
    assert reader.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    seal = re.search(r'name="seal" value="(\w+)"', browser.get("/me").text)
    assert seal
    assert browser.post("/me", seal="forged", list="anxiety", action="revoke").status_code == 403
    assert reader.get(path).status_code == 200
    browser.post("/me", seal=seal[1], list="anxiety", action="revoke")
    assert reader.get(path).status_code == 404
    assert make_feed(browser, "anxiety") != path


def test_a_feed_ends_with_the_membership(house: House) -> None:
    path = make_feed(logged_in(house.ctx, "olga@people.test"), "anxiety")
    with house.ctx.db.transaction() as tx:
        tx.execute(update(Person).values(status=Status.LAPSED))
    assert Browser(house.ctx).get(path).status_code == 404
    assert Browser(house.ctx).get("/feed/" + "a" * 24).status_code == 404


# --- moderators --------------------------------------------------------------------------------------------------


def test_a_moderator_splits_and_joins(house: House) -> None:
    ann, mia = logged_in(house.ctx, "ann@people.test"), logged_in(house.ctx, "mia@people.test")
    path = f"/threads/perinatal/{house.perinatal}"
    assert ann.get(path).status_code == 403
    page = mia.get(path).text
    seal = re.search(r'name="seal" value="(\w+)"', page)
    answer_tag = next(t for t in re.findall(r'name="message" value="(\w+)"', page) if t != house.perinatal)
    assert seal
    assert mia.post(path, seal="x", message=answer_tag, action="split").status_code == 403
    assert "begins a conversation of its own" in mia.post(path, seal=seal[1], message=answer_tag, action="split").text
    assert len(archives.threads(house.ctx)) == 2
    link = f"https://lists.test/archive/perinatal/m/{house.perinatal}"
    circle = mia.post(path, seal=seal[1], message=house.perinatal, action="join", below=link).text
    assert "Nothing was changed" in circle
    assert "stands below" in mia.post(path, seal=seal[1], message=answer_tag, action="join", below=link).text
    assert len(archives.threads(house.ctx)) == 1
    assert archiver.build(house.ctx, full=True).written == 0


def test_corrections_outlive_a_new_archive(house: House) -> None:
    from listserv.archiver.correcting import correct

    answer = archives.table(house.ctx, "SELECT message_id FROM message WHERE subject = 'Re: About perinatal'")[0][0]
    correct(house.ctx, "perinatal", answer, None, "a test")
    archiver.build(house.ctx, full=True)
    assert len(archives.threads(house.ctx)) == 2


# --- answers by the thread's own address -------------------------------------------------------------------------


def test_an_answer_by_the_threads_address_finds_its_thread_without_any_reference(house: House) -> None:
    from listserv import copies
    from listserv.model import DeliveryKind

    to = f"perinatal+t.{house.perinatal}@lists.test"
    archives.post(house.ctx, "Something from webmail", "No references here.\n", to=to, message_id="<web@mail.test>")
    archiver.update(house.ctx)
    assert any("<web@mail.test>" in one and len(one) == 3 for one in archives.threads(house.ctx))
    with house.ctx.db.reading() as tx:
        post = tx.execute(text("SELECT id FROM post WHERE message_id_header = '<web@mail.test>'")).scalar_one()
        prepared = copies.prepare(house.ctx, tx, DeliveryKind.POST, post)
    copy = prepared.form(eightbit=True)[0]
    assert b"In-Reply-To: <perinatal-1@people.test>" in copy and b"References: <perinatal-1@people.test>" in copy


# --- by mail and in the shell ------------------------------------------------------------------------------------


def test_search_by_mail_finds_what_the_page_finds(house: House) -> None:
    from tests.house import put

    raw = mail("olga@people.test", "community-request@lists.test", "search wombatanxiety", "\n")
    put(house.ctx, raw, "community-request@lists.test", sender="olga@people.test")
    raw = mail("olga@people.test", "community-request@lists.test", "Hello", "search wombatperinatal\n")
    put(house.ctx, raw, "community-request@lists.test", sender="olga@people.test")
    found, nothing = notices(house.ctx, "commands", "olga@people.test")
    assert "1 message for: wombatanxiety" in found.text and "https://lists.test/archive/anxiety/m/" in found.text
    assert "Nothing was found" in nothing.text and "perinatal/m/" not in nothing.text


def test_search_by_mail_is_for_members(house: House) -> None:
    from tests.house import put

    raw = mail("stranger@people.test", "community-request@lists.test", "search wombat", "\n")
    put(house.ctx, raw, "community-request@lists.test", sender="stranger@people.test")
    assert not notices(house.ctx, "commands")


def test_nginx_is_told_the_same(house: House) -> None:
    """What auth_request asks gets the answer that a visitor would get."""
    one = logged_in(house.ctx, "olga@people.test")
    for url in every_url(house):
        asked = one.get("/authorise", headers={"X-Original-URI": url}).status_code
        nobody = Browser(house.ctx).get("/authorise", headers={"X-Original-URI": url}).status_code
        if "/_/" in url:
            assert (asked, nobody) == (204, 204)
            continue
        assert nobody == 401, url
        file = reading.kind(url.removeprefix("/archive/")) is not None
        assert asked == (204 if file and list_of(url) == "anxiety" else 403), url
    for url in (
        "/archive/anxiety/../perinatal/index.html",
        "/archive/search.sqlite3",
        "",
        "/archive/anxiety%2f..%2fx.html",
    ):
        assert one.get("/authorise", headers={"X-Original-URI": url}).status_code == 403


def test_logs_hold_no_token(house: House, caplog: pytest.LogCaptureFixture) -> None:
    import logging

    with caplog.at_level(logging.DEBUG, "listserv"):
        browser = logged_in(house.ctx, "ann@people.test")
        path = make_feed(browser, "anxiety")
        Browser(house.ctx).get(path)
        Browser(house.ctx).get(link_in(house.ctx, "ann@people.test"))
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert path.rpartition("/")[2] not in said and "/login/***" in said
    assert link_in(house.ctx, "ann@people.test").rpartition("/")[2] not in said
    assert not re.search(r"listserv=|wombat", said)


def test_a_member_chooses_how_mail_comes(house: House) -> None:
    browser = logged_in(house.ctx, "ann@people.test")
    page = browser.get("/me").text
    seal = re.search(r'name="seal" value="(\w+)"', page)
    assert seal and 'name="list-perinatal"' in page
    wish = {"seal": seal[1], "action": "delivery", "list-perinatal": "weekly", "list-anxiety": "daily", "day": "friday",
            "time": "18:30", "zone": "Europe/Berlin", "form": "plain", "per-list": "yes"}  # fmt: skip
    assert browser.post("/me", **{**wish, "seal": "forged"}).status_code == 403
    for wrong in ({"time": "late"}, {"zone": "Mars/North"}, {"form": "gopher"}, {"list-perinatal": "hourly"}):
        assert browser.post("/me", **{**wish, **wrong}).status_code == 400
    assert browser.post("/me", **wish).status_code == 303
    found = rows(house.ctx, "SELECT list_name, delivery FROM subscription WHERE person_id = 1 ORDER BY list_name")
    assert [tuple(row) for row in found] == [("anxiety", "daily"), ("perinatal", "weekly")]
    query = "SELECT digest_day, digest_time, timezone, digest_format, digest_per_list FROM person WHERE id = 1"
    assert tuple(rows(house.ctx, query)[0]) == ("friday", "18:30", "Europe/Berlin", "plain", 1)
    assert 'value="18:30"' in browser.get("/me").text


def test_a_member_joins_leaves_and_changes_addresses(house: House) -> None:
    """As by mail; nothing without the seal of the page, nothing that is not theirs."""
    browser = logged_in(house.ctx, "ann@people.test")
    seal = re.search(r'name="seal" value="(\w+)"', browser.get("/me").text)
    assert seal
    on = "SELECT list_name FROM subscription WHERE person_id = 1 AND left_at IS NULL ORDER BY 1"
    before = [row.list_name for row in rows(house.ctx, on)]
    name = before[0]
    assert browser.post("/me", seal="forged", action="leave", list=name).status_code == 403
    assert browser.post("/me", seal=seal[1], action="leave", list="community").status_code == 400
    assert browser.get(f"/me?action=leave&list={name}").status_code == 200
    assert [row.list_name for row in rows(house.ctx, on)] == before
    assert browser.post("/me", seal=seal[1], action="leave", list=name).status_code == 303
    assert [row.list_name for row in rows(house.ctx, on)] == before[1:]
    assert rows(house.ctx, "SELECT recipient FROM notice WHERE kind = 'left'")[-1].recipient == "ann@people.test"
    assert 'value="join"' in browser.get("/me").text
    assert browser.post("/me", seal=seal[1], action="join", list=name).status_code == 303
    assert [row.list_name for row in rows(house.ctx, on)] == before

    assert browser.post("/me", seal=seal[1], action="address-add", email="nobody").status_code == 400
    answer = browser.post("/me", seal=seal[1], action="address-add", email="ann@home.test")
    assert "A mail has gone" in browser.get(answer.headers["location"]).text
    assert rows(house.ctx, "SELECT recipient FROM notice WHERE kind = 'address'")[-1].recipient == "ann@home.test"
    own = "SELECT email, preferred FROM address WHERE person_id = 1 ORDER BY id"
    assert [row.email for row in rows(house.ctx, own)] == ["ann@people.test"]  # until it is answered
    browser.post("/me", seal=seal[1], action="address-remove", email="ann@people.test")
    browser.post("/me", seal=seal[1], action="address-prefer", email="olga@people.test")
    assert [tuple(row) for row in rows(house.ctx, own)] == [("ann@people.test", 1)]
    with house.ctx.db.transaction() as tx:
        tx.exec_driver_sql("INSERT INTO address(person_id, email, canonical, untagged, preferred, bounce_score)"
                           " VALUES (1, 'ann@home.test', 'ann@home.test', 'ann@home.test', 0, 0)")  # fmt: skip
    browser.post("/me", seal=seal[1], action="address-prefer", email="ann@home.test")
    assert [row.preferred for row in rows(house.ctx, own)] == [0, 1]
    browser.post("/me", seal=seal[1], action="address-remove", email="ann@people.test")
    assert [row.email for row in rows(house.ctx, own)] == ["ann@home.test"]
    assert browser.get("/me").status_code == 303, "logged out, for safety"


def test_a_member_pauses_and_takes_their_data(house: House) -> None:
    import io
    import zipfile

    browser = logged_in(house.ctx, "ann@people.test")
    page = browser.get("/me").text
    seal = re.search(r'name="seal" value="(\w+)"', page)
    assert seal and "You are a member." in page
    assert browser.post("/me", seal="forged", action="export").status_code == 403
    answer = browser.post("/me", seal=seal[1], action="export")
    assert answer.headers["content-type"] == "application/zip"
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert {"README.txt", "person.json", "posts.json"} <= set(names)
    assert browser.post("/me", seal=seal[1], action="pause", until="2020-01-01").status_code == 400
    assert browser.post("/me", seal=seal[1], action="pause", until="2027-02-01").status_code == 303
    assert rows(house.ctx, "SELECT status FROM person WHERE id = 1")[0].status == "paused"
    assert "Send me mail again" in browser.get("/me").text
    browser.post("/me", seal=seal[1], action="resume")
    assert rows(house.ctx, "SELECT status FROM person WHERE id = 1")[0].status == "active"


def test_applying_on_the_web_says_the_same_to_everybody(house: House) -> None:
    said = set()
    for email in ("new@there.test", "ann@people.test", "no address", "robot@there.test"):
        browser = Browser(house.ctx)
        page = browser.get("/join").text
        time = re.search(r'name="time" value="([^"]+)"', page)
        assert time
        house.now[0] += timedelta(seconds=5)
        extra = {"website": "http://spam.test"} if email.startswith("robot") else {}
        answer = browser.post("/join", time=time[1], email=email, name="Nora Neu", **{"list-perinatal": "yes"}, **extra)
        said.add((answer.status_code, answer.text))
    assert len(said) == 1
    assert [n.recipient for n in notices(house.ctx, "join")] == ["new@there.test"]
    assert [n.recipient for n in notices(house.ctx, "join-member")] == ["ann@people.test"]
    forged = Browser(house.ctx).post("/join", time="x.y", email="other@there.test")
    assert forged.status_code == 200 and len(notices(house.ctx, "join")) == 1
