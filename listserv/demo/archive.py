"""The Sunday of the demo: a conversation is found again in the archive, by members and by nobody else."""

from __future__ import annotations

import asyncio
import http.client
import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from listserv import archiver
from listserv.demo.stage import Stage, command
from listserv.mail.threads import tag_of

DOMAIN = "lists.demo.test"
SUBJECT = "Sleep diaries that people really keep"
CONVERSATION = (
    ("Chloe Tran <chloe.tran@people.demo.test>", SUBJECT, None,
     "Dear all,\n\nI ask every family for a sleep diary, and one in three brings it back. What do you use that people\n"
     "really fill in?\n\nWarm regards\nChloe\n-- \nChloe Tran, midwife\nRural birth centre\n"),
    ("Anna Hughes <anna.hughes@people.demo.test>", f"Re: {SUBJECT}", SUBJECT,
     "On Sunday, Chloe Tran wrote:\n> I ask every family for a sleep diary, and one in three brings it back. What do\n"
     "> you use that people really fill in?\n\nOne line a day, on the fridge: when to bed, when up, and a number from 0"
     " to 10.\nNobody has time for more, and it tells nearly as much: https://example.org/one-line-diary\n"),
    ("Ben Okafor <ben.okafor@people.demo.test>", f"Re: {SUBJECT}", f"Re: {SUBJECT}",
     "> One line a day, on the fridge\n\nThe same here. I ask for a photograph of it before the appointment.\n\n"
     "Ben\n"),
    ("Emma Walsh <emma.walsh@people.demo.test>", f"Re: {SUBJECT}", SUBJECT,
     "There is a good review on adherence; the short of it: three days beat fourteen.\n\nEmma\n"),
)  # fmt: skip


@dataclass
class Visitor:
    """A browser without a window: keeps its cookie, follows nothing."""

    listen: str
    cookie: str = ""

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, where it leads, and the page."""
        connection = http.client.HTTPConnection(self.listen, timeout=10)
        headers = {"Cookie": self.cookie} if self.cookie else {}
        body = None
        if form is not None:
            body = urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request("POST" if form is not None else "GET", path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        finally:
            connection.close()
        given = answer.getheader("Set-Cookie", "")
        self.cookie = given.partition(";")[0] if given else self.cookie
        return answer.status, answer.getheader("Location", ""), text


async def sunday(stage: Stage) -> None:
    stage.scene("Sunday: what was said can be found again, by members alone")
    ids: dict[str, str] = {}
    for number, (sender, subject, answered, words) in enumerate(CONVERSATION):
        own = f"<sunday-{number}@people.demo.test>"
        fields = {"Message_ID": own}
        if answered is not None:
            fields |= {"In_Reply_To": ids[answered], "References": ids[answered]}
        ids.setdefault(subject, own)
        await stage.post(sender, f"perinatal@{DOMAIN}", subject, words, **fields)
    tag = tag_of(ids[SUBJECT])
    await stage.post(
        "Anna Hughes <anna.hughes@people.demo.test>", f"perinatal+t.{tag}@{DOMAIN}", "Three days it is",
        "Written from webmail, which forgot what it answers: the thread's own address knows.\n",
    )  # fmt: skip
    stage.check(await _in_thread(stage, tag, 5), "five messages stand in one thread, the last one by its address alone")
    await _reading(stage, tag)
    code, found = await command(stage, "archive", "search", "from:emma adherence")
    stage.check(code == 0 and SUBJECT in found, "`listserv archive search` finds it as well:")
    stage.quote(found)


async def _in_thread(stage: Stage, tag: str, count: int) -> bool:
    for _ in range(200):
        try:
            db = archiver.connect(stage.ctx.settings.archive.directory)
            query = "SELECT COUNT(*) FROM message WHERE list = 'perinatal' AND thread = ?"
            try:
                if db.execute(query, (tag,)).fetchone()[0] == count:
                    page = stage.ctx.settings.archive.directory / "perinatal" / "t" / f"{tag}.html"
                    if page.read_text(encoding="utf-8").count("<article") == count:
                        return True
            finally:
                db.close()
        except Exception:  # noqa: S110  (not built yet: it is asked again)
            pass
        await asyncio.sleep(0.05)
    return False


async def _reading(stage: Stage, tag: str) -> None:
    settings = stage.ctx.settings
    assert settings.web is not None
    visitor, path = Visitor(settings.web.listen), f"/archive/perinatal/t/{tag}.html"
    status, where, page = await asyncio.to_thread(visitor.ask, path)
    stage.check((status, page) == (303, "") and "/login" in where, "a stranger sees the login form and not one title")
    target = {"email": "anna.hughes@people.demo.test", "next": path}
    await asyncio.to_thread(visitor.ask, "/login", target)
    mail = await stage.notice(target["email"], "Your link")
    link = re.search(r"http://[^/\s]+(/login/\S+)", mail[0].data.decode()) if mail else None
    stage.check(link is not None, "Anna asks for a link, and it comes by mail")
    if link is None:
        return
    await asyncio.to_thread(visitor.ask, link[1])
    status, _, _ = await asyncio.to_thread(visitor.ask, path)
    stage.check(status == 303, "a link scanner that opens it does not use it up")
    _, where, _ = await asyncio.to_thread(visitor.ask, link[1], {"next": path})
    status, _, page = await asyncio.to_thread(visitor.ask, path)
    stage.check(
        where == path and status == 200 and page.count("<article") == 5,
        "pressing its button opens the page that she wanted",
    )
    _, _, page = await asyncio.to_thread(visitor.ask, f"/search?q={quote('diary from:chloe')}")
    stage.check(SUBJECT in page and "<mark>diary</mark>" in page.lower(), "her search finds it, the words marked")


def where_to_read(stage: Stage) -> None:
    """How somebody at this machine opens the archive."""
    stage.tell(f"The archive:    {stage.ctx.settings.community.url}/")
    stage.tell("                log in as anna.hughes@people.demo.test; the link comes into her mailbox")
