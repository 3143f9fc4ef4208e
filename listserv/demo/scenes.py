"""The week, day by day: each scene says what happens, does it, and checks what can be read back."""

from __future__ import annotations

import asyncio
import signal
import urllib.request
from collections.abc import Awaitable, Callable

from listserv.catcher import Caught
from listserv.demo.archive import sunday
from listserv.demo.confidential import wednesday_afternoon
from listserv.demo.letter import monday_again
from listserv.demo.stage import Stage, command, message_id, start
from listserv.errors import Reply
from listserv.trace import held, queue, trace

DOMAIN = "lists.demo.test"

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
        len({one.header("list-unsubscribe") for one in copies}) == len(everybody), "each has its own unsubscribe link"
    )
    await stage.post(
        BEN, f"perinatal@{DOMAIN}", f"Re: {subject}", "Earlier feeds by somebody else, once a week.\n",
        In_Reply_To=message_id(subject), References=message_id(subject),
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
        code, out = await command(
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
    link = copy.header("list-unsubscribe").rpartition("<")[2].partition(">")[0]
    await asyncio.to_thread(_http, link, None)
    subject = "A room for Tuesday"
    await stage.post(ANNA, f"perinatal@{DOMAIN}", subject, "We meet in the small room by the garden this time.\n")
    stage.check("ben.okafor" in _addresses(await stage.copies(subject, 6)), "opening the link alone changes nothing")
    status = await asyncio.to_thread(_http, link, b"List-Unsubscribe=One-Click")
    subject = "Minutes of the last meeting"
    await stage.post(ANNA, f"perinatal@{DOMAIN}", subject, "They are short: we agreed to read before we meet.\n")
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


def _http(link: str, body: bytes | None) -> int:
    """Opens or presses a link of our web side."""
    request = urllib.request.Request(link, data=body)  # noqa: S310  (our own http address)
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
    stage.daemon = await start(stage.settings_file)
    await command(stage, "queue", "retry")
    copies = await stage.copies(subject, 6)
    stage.check(len(copies) == 6, f"Chloe has her copy: {len(copies)} copies, nothing lost, nothing twice")
    await _until(lambda: not _deferred(stage))
    with stage.ctx.db.reading() as tx:
        story = trace(tx, message_id(subject), "chloe.tran@people.demo.test")
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
    _monday, _stranger, _newcomer, _rejected, wednesday_afternoon, _two_lists, _leaving, _trouble, sunday, monday_again,
)  # fmt: skip
