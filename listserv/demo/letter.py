"""The Monday after in the demo: Hugo reads the week in one letter, and answers right from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from listserv.catcher import Caught
from listserv.demo.archive import SUBJECT
from listserv.demo.stage import Stage, command
from listserv.digest.schedule import schedule_of
from listserv.mail.message import normalise, parse
from listserv.mail.text import readable
from listserv.model import IssueKind
from listserv.policy.periods import after, latest
from listserv.settings import HUB

HUGO = "Hugo Martin <hugo.martin@people.demo.test>"
ANSWER = "With children I let them draw the night: it is filled in every time."


async def monday_again(stage: Stage) -> None:
    stage.scene("Monday again: Hugo gets the week as one letter, and answers from it")
    schedule = schedule_of(stage.ctx.settings, IssueKind.WEEKLY, HUB, "", "", "")
    slot = after(schedule, latest(schedule, datetime.now(UTC)))
    at = (slot.at + timedelta(minutes=1)).isoformat(timespec="minutes")
    code, out = await command(stage, "digest", "send", "--at", at)
    stage.check(code == 0 and out.startswith("1 letter"), f"`listserv digest send`, as if it were Monday: {out}")
    code, out = await command(stage, "digest", "send", "--at", at)
    stage.check(out == "Nothing is due.", f"once more: {out} Nobody gets an issue twice")
    found = await stage.catcher.wait(
        lambda one: one.recipient.startswith("hugo.") and "the week to" in one.header("subject"), 1
    )
    stage.check(bool(found), "Hugo has his letter, with the questions first that nobody has answered:")
    if not found:
        return
    letter = found[0]
    text = readable(parse(normalise(letter.data)))
    lines = text.splitlines()
    stage.quote("\n".join(line for line in lines[:18] if line.strip()))
    stage.check(len(letter.data) < 90_000 and stage.signed(letter), f"{len(letter.data) // 1000} kB, signed")
    await _answered(stage, letter, lines)


async def _answered(stage: Stage, letter: Caught, lines: list[str]) -> None:
    start = next((n for n, line in enumerate(lines) if line.startswith(f"* {SUBJECT}")), None)
    stage.check(start is not None, "the conversation about sleep diaries is in it")
    if start is None:
        return
    end = next((n for n in range(start, len(lines)) if not lines[n].strip()), len(lines))
    quoted = "\n".join(f"> {line}" for line in lines[start:end])
    reply_to = letter.header("reply-to").rpartition("<")[2].rstrip(">")
    own_id = letter.header("message-id")
    await stage.post(
        HUGO, reply_to, f"Re: {letter.header('subject')}",
        f"{ANSWER}\n\nOn Monday, the list wrote:\n{quoted}\n", In_Reply_To=own_id, References=own_id,
    )  # fmt: skip
    copies = await stage.catcher.wait(lambda one: ANSWER.encode() in one.data and bool(one.header("list-id")), 6)
    good = [one for one in copies if one.header("subject") == f"Re: {SUBJECT}" and one.header("in-reply-to")]
    stage.check(len(good) == 6, f"he replies to the letter, and {len(good)} people get it in that very conversation")
    stage.check(all(b"Answer: " not in one.data for one in good), "the letter's own text was cut away")
