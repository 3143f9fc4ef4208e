"""`listserv demo`: a throw-away community, the real daemon, real SMTP, a week of its life.

Each scene says what happens, does it through the doors that everybody uses, and tells only what it read back from
the catcher's mailboxes or the database. What is missing is marked, and the play then ends with exit 1.
"""

from __future__ import annotations

import asyncio
import os
import signal
import smtplib
import socket
import sys
import tempfile
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from textwrap import wrap

from rich.console import Console
from rich.text import Text

from listserv import signing
from listserv.catcher import Catcher, Caught, page
from listserv.context import Context, open_context
from listserv.edge.templates import render
from listserv.errors import Reply, UserError
from listserv.roster import import_csv
from listserv.settings import load
from listserv.trace import held, queue, trace

DOMAIN = "lists.demo.test"


@dataclass(slots=True)
class Stage:
    """What the scenes share: the doors, the catcher, and what has been found missing."""

    console: Console
    ctx: Context
    catcher: Catcher
    settings_file: Path
    smtp_port: int
    daemon: asyncio.subprocess.Process | None = None
    missing: list[str] = field(default_factory=list)

    def scene(self, title: str) -> None:
        self.console.print()
        self.console.print(Text(title, style="bold cyan"))

    def tell(self, words: str) -> None:
        self._print(words, "  ", Text(""))

    def quote(self, words: str) -> None:
        for line in words.strip().splitlines():
            self._print(line, "    | ", Text(""), style="dim")

    def _print(self, words: str, indent: str, mark: Text, style: str = "") -> None:
        """Wraps at the width of the terminal, further lines under the first."""
        width = max(40, min(self.console.width, 110)) - len(mark) - len(indent)
        for number, line in enumerate(wrap(words, width, break_on_hyphens=False, break_long_words=False) or [""]):
            start = mark if number == 0 else Text(" " * len(mark))
            self.console.print(start + Text(indent + line, style=style), soft_wrap=True)

    def check(self, found: bool, words: str) -> None:
        """Says what was read back; marks it when it is not there."""
        mark = Text("  ✓ ", style="green") if found else Text("  ✗ MISSING: ", style="bold red")
        self._print(words, "", mark)
        if not found:
            self.missing.append(words)

    def send(self, raw: bytes, sender: str, recipients: list[str]) -> tuple[int, str]:
        """One message over SMTP; the reply to its final dot (or to the RCPT that was refused)."""
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=30) as client:
            client.ehlo("mail.people.demo.test")
            client.mail(sender)
            for recipient in recipients:
                code, words = client.rcpt(recipient)
                if code >= 400:
                    return code, words.decode()
            code, words = client.data(raw)
            return code, words.decode()

    def signed(self, one: Caught) -> bool:
        """Whether our signature on a copy is good, as any receiver would find it."""
        import dkim

        key = signing.record(signing.load(self.settings_file.parent / "dkim.pem", "dkim")).encode()
        return bool(dkim.DKIM(one.data).verify(dnsfunc=lambda *_, **__: key))

    async def post(self, sender: str, to: str | list[str], subject: str, text: str, **headers: str) -> tuple[int, str]:
        recipients = [to] if isinstance(to, str) else to
        fields = {
            "From": sender,
            "To": ", ".join(recipients),
            "Subject": subject,
            "Date": format_datetime(datetime.now(UTC)),
            "Message-ID": _message_id(subject),
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        raw = (head + "\r\n" + text.replace("\n", "\r\n")).encode()
        return await asyncio.to_thread(self.send, raw, sender.rpartition("<")[2].rstrip(">"), recipients)

    async def copies(self, subject: str, count: int, seconds: float = 20) -> list[Caught]:
        """The copies of a post that have arrived (notices about it left out)."""
        return await self.catcher.wait(
            lambda one: one.header("subject") == subject and bool(one.header("list-id")), count, seconds
        )

    async def notice(self, to: str, about: str, count: int = 1) -> list[Caught]:
        """The notices of ours to somebody whose subject holds `about`."""
        return await self.catcher.wait(
            lambda one: one.recipient == to and about in one.header("subject") and bool(one.header("auto-submitted")),
            count,
        )


def _message_id(subject: str) -> str:
    return f"<{''.join(c for c in subject.lower() if c.isalnum())[:40]}@people.demo.test>"


ANNA = "Anna Hughes <anna.hughes@people.demo.test>"
BEN = "Ben Okafor <ben.okafor@people.demo.test>"
EMMA = "Emma Walsh <emma.walsh@people.demo.test>"
FARID = "Farid Aziz <farid.aziz@people.demo.test>"
GRACE = "Grace Lee <grace.lee@people.demo.test>"


def _addresses(copies: list[Caught]) -> list[str]:
    return sorted(one.recipient.partition("@")[0] for one in copies)


async def _monday(stage: Stage) -> None:
    stage.scene("Monday: Anna asks, Ben answers")
    subject = "Settling a baby when the mother cannot sleep"
    code, words = await stage.post(
        ANNA, f"perinatal@{DOMAIN}", subject,
        "Dear all,\n\nwhat has helped you when the nights are the worst part of it?\n\nAnna\n",
    )  # fmt: skip
    stage.tell(f"Anna's mail program hears: {code} {words}")
    copies = await stage.copies(subject, 5)
    everybody = ["anna.hughes", "ben.okafor", "chloe.tran", "emma.walsh", "grace.lee", "iris.novak"]
    copies = await stage.copies(subject, len(everybody), 5)
    stage.check(_addresses(copies) == everybody, f"{len(copies)} copies arrived: {', '.join(_addresses(copies))}")
    stage.tell("Hugo takes the weekly digest, so there is no copy for him.")
    stage.check(
        len({one.sender for one in copies}) == len(everybody),
        f"each has a return path of its own, as {copies[0].sender}",
    )
    stage.check(
        all(stage.signed(one) for one in copies), f"each is signed by {DOMAIN} (DKIM), so that providers believe it"
    )
    stage.check(
        all("One-Click" in one.header("list-unsubscribe-post") for one in copies), "each has its own unsubscribe button"
    )
    await stage.post(
        BEN, f"perinatal@{DOMAIN}", f"Re: {subject}", "Earlier feeds by somebody else, once a week.\n",
        In_Reply_To=_message_id(subject), References=_message_id(subject),
    )  # fmt: skip
    answers = await stage.copies(f"Re: {subject}", len(everybody))
    stage.check(len(answers) == len(everybody), f"Ben's answer reached {len(answers)} people, in the same thread")


async def _stranger(stage: Stage) -> None:
    stage.scene("Monday evening: somebody who is no member, and somebody whose registration has run out")
    code, words = await stage.post("Sam <sam@elsewhere.test>", f"perinatal@{DOMAIN}", "Buy now", "Cheap!\n")
    stage.check(code == 550, f"the stranger is refused inside the SMTP session: {code} {words}")
    code, words = await stage.post(
        "Iris Novak <iris.novak@people.demo.test>", f"perinatal@{DOMAIN}", "Hello again", "I am back.\n"
    )
    stage.check(code == 550 and "registration" in words, f"Iris is told why: {code} {words}")
    code, words = await stage.post(ANNA, f"perinatl@{DOMAIN}", "A typing mistake", "Hello?\n")
    stage.check(code == 550, f"a list that does not exist: {code} {words}")


async def _newcomer(stage: Stage) -> None:
    stage.scene("Tuesday: Grace's first post waits for a moderator, who answers by mail")
    subject = "Introducing myself"
    await stage.post(GRACE, f"perinatal@{DOMAIN}", subject, "I am a nurse in a small town and new here.\n")
    told = await stage.notice("grace.lee@people.demo.test", "waits for a moderator")
    stage.check(bool(told), "Grace is told that her post has arrived and waits")
    notice = (await stage.notice("emma.walsh@people.demo.test", f"held: {subject}"))[:1]
    stage.check(bool(notice), "Emma, who moderates, gets a notice:")
    if not notice:
        return
    stage.quote("\n".join(notice[0].text.splitlines()[:12]))
    with stage.ctx.db.reading() as tx:
        stage.check([row["subject"] for row in held(tx)] == [subject], "`listserv held` shows the one post")
    reply_to = notice[0].header("reply-to")
    quoted = "\n".join(f"> {line}" for line in notice[0].text.splitlines())
    await stage.post(
        EMMA, reply_to, f"Re: {notice[0].header('subject')}",
        f"Approve, thanks\n\nEmma\n\nOn Tue, the list wrote:\n{quoted}\n",
    )  # fmt: skip
    copies = await stage.copies(subject, 6)
    stage.check(len(copies) == 6, f"Emma answered `approve` from her phone: {len(copies)} copies went out")
    stage.check(bool(await stage.notice("grace.lee@people.demo.test", "on its way")), "Grace is told so")
    second = (await stage.notice("farid.aziz@people.demo.test", f"held: {subject}"))[:1]
    if second:
        await stage.post(
            FARID, second[0].header("reply-to"), f"Re: {second[0].header('subject')}", "reject off topic\n"
        )
        late = await stage.notice("farid.aziz@people.demo.test", "Already decided")
        stage.check(bool(late), "Farid, who comes second, is told who was first:")
        if late:
            stage.quote("\n".join(line for line in late[0].text.splitlines() if "Emma" in line))


async def _rejected(stage: Stage) -> None:
    stage.scene("Wednesday: a program as an attachment, decided from the shell")
    subject = "My little tool"
    body = (
        "--b\nContent-Type: text/plain\n\nTry this.\n--b\nContent-Type: application/octet-stream\n"
        'Content-Disposition: attachment; filename="tool.exe"\nContent-Transfer-Encoding: base64\n\nTVqQAAM=\n--b--\n'
    )
    await stage.post(
        ANNA, f"anxiety@{DOMAIN}", subject, body, MIME_Version="1.0", Content_Type='multipart/mixed; boundary="b"'
    )
    await stage.notice("emma.walsh@people.demo.test", f"held: {subject}")
    with stage.ctx.db.reading() as tx:
        waiting = held(tx)
    stage.check(
        [row["subject"] for row in waiting] == [subject], f"held: {', '.join(waiting[0]['reasons']) if waiting else ''}"
    )
    if waiting:
        code, out = await _command(
            stage, "reject", str(waiting[0]["id"]), "--reason", "Please send a link, not a program."
        )
        stage.check(code == 0, f"listserv reject {waiting[0]['id']}: {out}")
    told = await stage.notice("anna.hughes@people.demo.test", "was not sent")
    stage.check(bool(told) and "send a link" in told[0].text, "Anna gets the reason by mail")


async def _two_lists(stage: Stage) -> None:
    stage.scene("Thursday: one post to two lists, and one to the whole community without a topic")
    subject = "Panic in pregnancy: a reading list"
    await stage.post(ANNA, [f"anxiety@{DOMAIN}", f"perinatal@{DOMAIN}"], subject, "Five papers that I found useful.\n")
    copies = await stage.copies(subject, 8)
    people = _addresses(copies)
    stage.check(len(people) == len(set(people)) == 8, f"{len(people)} people on either list got it, each once")
    both = [one for one in copies if one.recipient.startswith("emma")]
    stage.check(bool(both) and "perinatal" in both[0].header("list-id"), "Emma, who is on both, by the first of them")
    subject = "Supervision groups after hours"
    await stage.post(BEN, f"community@{DOMAIN}", subject, "Who would like to join one?\n")
    asked = await stage.notice("ben.okafor@people.demo.test", "Which topic")
    stage.check(bool(asked), "Ben is asked which topic it is for")
    if asked:
        await stage.post(BEN, asked[0].header("reply-to"), f"Re: {asked[0].header('subject')}", "perinatal\n")
    stage.check(len(await stage.copies(subject, 6)) == 6, "he answers `perinatal`, and it goes there")


async def _leaving(stage: Stage) -> None:
    stage.scene("Friday: Ben presses the unsubscribe button, and changes his mind")
    copy = next(
        one for one in stage.catcher.kept if one.recipient.startswith("ben.") and one.header("list-unsubscribe")
    )
    link = copy.header("list-unsubscribe").partition("<")[2].partition(">")[0]
    await asyncio.to_thread(_http, stage, link, None)
    subject = "Before"
    await stage.post(ANNA, f"perinatal@{DOMAIN}", subject, "Still here?\n")
    stage.check("ben.okafor" in _addresses(await stage.copies(subject, 6)), "opening the link alone changes nothing")
    status = await asyncio.to_thread(_http, stage, link, b"List-Unsubscribe=One-Click")
    subject = "After"
    await stage.post(ANNA, f"perinatal@{DOMAIN}", subject, "And now?\n")
    people = _addresses(await stage.copies(subject, 5))
    stage.check(
        status == 200 and "ben.okafor" not in people, f"pressing the button does: {len(people)} copies without him"
    )
    told = await stage.notice("ben.okafor@people.demo.test", "left")
    stage.check(bool(told), "he is told, and that `undo` brings him back")
    if told:
        await stage.post(BEN, told[0].header("reply-to"), f"Re: {told[0].header('subject')}", "undo\n")
        await stage.notice("ben.okafor@people.demo.test", "back")
    subject = "Welcome back"
    await stage.post(ANNA, f"perinatal@{DOMAIN}", subject, "Good to see you.\n")
    stage.check("ben.okafor" in _addresses(await stage.copies(subject, 6)), "he replies `undo` and has mail again")


def _http(stage: Stage, link: str, body: bytes | None) -> int:
    """Opens or presses a link of our web side, as the proxy in front of it would pass it on."""
    settings = stage.ctx.settings
    url = link.replace(settings.community.url, f"http://{settings.web.listen}" if settings.web else "")
    request = urllib.request.Request(url, data=body)  # noqa: S310  (our own http address)
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return int(answer.status)


async def _trouble(stage: Stage) -> None:
    stage.scene("Saturday: the relay says «later», and the daemon is killed")
    later = Reply(451, "4.2.1", "mailbox busy, try later")
    stage.catcher.refuse = lambda address: later if address.startswith("chloe.") else None
    subject = "Weekend reading"
    await stage.post(ANNA, f"perinatal@{DOMAIN}", subject, "A long article.\n")
    await stage.copies(subject, 5)
    await _until(lambda: _deferred(stage))
    with stage.ctx.db.reading() as tx:
        waiting = queue(tx)
    stage.check(
        len(waiting) == 1,
        f"`listserv queue`: {waiting[0]['recipient']}, {waiting[0]['last_reply']}" if waiting else "one copy waits",
    )
    stage.catcher.refuse = lambda _: None
    assert stage.daemon is not None
    stage.daemon.send_signal(signal.SIGKILL)
    await stage.daemon.wait()
    stage.tell("kill -9: the daemon is gone; it is started again.")
    stage.daemon = await _start(stage.settings_file)
    await _command(stage, "queue", "retry")
    copies = await stage.copies(subject, 6)
    stage.check(len(copies) == 6, f"Chloe has her copy: {len(copies)} copies, nothing lost, nothing twice")
    await _until(lambda: not _deferred(stage))
    with stage.ctx.db.reading() as tx:
        story = trace(tx, _message_id(subject), "chloe.tran@people.demo.test")
    stage.tell("`listserv trace` tells her copy's story:")
    stage.quote(
        "\n".join(f"{row['time'][11:19]} {row['stage']}: {row['event']} {row['reply']}".rstrip() for row in story)
    )
    stage.check(
        [row["event"] for row in story if row["stage"] == "delivery"] == ["deferred", "sent"], "deferred, then sent"
    )


def _deferred(stage: Stage) -> bool:
    with stage.ctx.db.reading() as tx:
        return any(row["state"] == "deferred" for row in queue(tx))


async def _until(condition: Callable[[], bool], seconds: float = 10) -> None:
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        await asyncio.sleep(0.05)


SCENES: tuple[Callable[[Stage], Awaitable[None]], ...] = (
    _monday, _stranger, _newcomer, _rejected, _two_lists, _leaving, _trouble,
)  # fmt: skip


async def _command(stage: Stage, *words: str) -> tuple[int, str]:
    """One command of the shell, as an operator would give it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "listserv", "--settings", str(stage.settings_file), *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode().strip()


async def _start(settings_file: Path) -> asyncio.subprocess.Process:
    """The real daemon; returns when it has said `ready`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "listserv", "--settings", str(settings_file), "serve",
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "LISTSERV_LOG": os.environ.get("LISTSERV_LOG", "error")},
        process_group=0,
    )  # fmt: skip
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if line.strip() == b"ready":
            return process
    raise UserError("demo: the daemon did not start; its message is above")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for one in sockets:
        one.close()
    return ports


def _write(directory: Path, relay: int, smtp: int, web: int) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    settings_file = directory / "settings.yaml"
    if settings_file.exists():
        raise UserError(f"demo --dir: {settings_file} exists already; a demo wants a folder of its own")
    text = render(None, "demo/settings.yaml", relay=relay, smtp=smtp, web=web)
    settings_file.write_text(text, encoding="utf-8")
    signing.make(directory / "dkim.pem", "rsa-sha256")
    (directory / "terms.md").write_text("# Terms\n\nBe kind; name no client.\n", encoding="utf-8")
    (directory / "roster.csv").write_text(render(None, "demo/roster.csv"), encoding="utf-8")
    return settings_file


async def _serve_page(catcher: Catcher, port: int) -> asyncio.Task[None]:
    import uvicorn

    config = uvicorn.Config(
        page(catcher, "Mailboxes of the demo community"), host="127.0.0.1", port=port, log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    return asyncio.create_task(server._serve())


async def _play(directory: Path, *, once: bool) -> bool:
    console = Console(highlight=False)
    catcher = Catcher()
    relay_port = await catcher.start()
    smtp_port, web_port, page_port = _free_ports(3)
    settings_file = _write(directory, relay_port, smtp_port, web_port)
    ctx = open_context(load(settings_file))
    report = import_csv(ctx, (directory / "roster.csv").read_text(encoding="utf-8"))
    stage = Stage(console, ctx, catcher, settings_file, smtp_port)
    console.print(Text("A week in a community of practice", style="bold"))
    stage.tell(f"Everything is in {directory}; nothing leaves this machine.")
    stage.check(report.added == 9, f"{report.added} members imported from roster.csv")
    mailboxes = await _serve_page(catcher, page_port)
    try:
        stage.daemon = await _start(settings_file)
        stage.tell(f"The daemon listens on 127.0.0.1:{smtp_port}.")
        for scene in SCENES:
            await scene(stage)
        _sum_up(stage, page_port)
        if not once and not stage.missing:
            await _until_interrupted(console)
    finally:
        await _end(stage, mailboxes)
    return not stage.missing


def _sum_up(stage: Stage, page_port: int) -> None:
    stage.console.print()
    copies = stage.catcher.find(lambda one: bool(one.header("list-id")))
    pairs = [(one.recipient, one.header("message-id")) for one in copies]
    stage.check(len(pairs) == len(set(pairs)), f"{len(copies)} copies in the week, none of them twice")
    if stage.missing:
        stage.console.print(Text(f"{len(stage.missing)} things were not where they should be.", style="bold red"))
    else:
        stage.console.print(Text("Everything was found where it should be.", style="bold green"))
    stage.tell(f"All mailboxes:  http://127.0.0.1:{page_port}/")
    stage.tell(f"Settings:       {stage.settings_file}")
    stage.tell("The archive and the digest are not built yet; they will play here.")


async def _until_interrupted(console: Console) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    console.print(Text("  It stays up; Ctrl-C ends it."))
    await stop.wait()


async def _end(stage: Stage, mailboxes: asyncio.Task[None]) -> None:
    if stage.daemon is not None and stage.daemon.returncode is None:
        stage.daemon.terminate()
        await stage.daemon.wait()
    mailboxes.cancel()
    await asyncio.gather(mailboxes, return_exceptions=True)
    await stage.catcher.close()
    stage.ctx.db.close()


def run(directory: Path | None, *, once: bool) -> bool:
    """Plays the week; whether everything was found where it should be."""
    if directory is not None:
        return asyncio.run(_play(directory.resolve(), once=once))
    with tempfile.TemporaryDirectory(prefix="listserv-demo-") as folder:
        return asyncio.run(_play(Path(folder), once=once))
