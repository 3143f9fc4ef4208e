"""Wednesday afternoon: a post that names a client, from its author's second thoughts to its release."""

from __future__ import annotations

from listserv.demo.stage import Stage

DOMAIN = "lists.demo.test"
BEN = "Ben Okafor <ben.okafor@people.demo.test>"
EMMA = "Emma Walsh <emma.walsh@people.demo.test>"
NUMBER = "2123 45670 1"  # the one that Services Australia uses in its own examples


def _seen(stage: Stage) -> int:
    """In how many mails of the whole week the number stands, with or without its blanks."""
    bare = NUMBER.replace(" ", "")
    mails = stage.catcher.find(lambda _: True)
    return sum(bare in one.data.decode("utf-8", "replace").replace(" ", "").replace("=\r\n", "") for one in mails)


async def wednesday_afternoon(stage: Stage) -> None:
    stage.scene("Wednesday afternoon: a Medicare number, which nobody but its author ever sees")
    subject = "Which item for a couple?"
    code, words = await stage.post(
        BEN, f"perinatal@{DOMAIN}", subject,
        f"Dear all,\n\nher Medicare number is {NUMBER}, and the claim bounced twice. What did you do?\n\nBen\n",
    )  # fmt: skip
    stage.check(code == 250, f"Ben's mail program hears: {code} {words}")
    back = (await stage.notice("ben.okafor@people.demo.test", "Before your post goes out"))[:1]
    stage.check(bool(back), "the post comes back to Ben, before any moderator sees it:")
    if not back:
        return
    lines = back[0].text.splitlines()
    stage.quote("\n".join(lines[:6] + ["..."] + [line for line in lines if "redact for me" in line]))
    early = stage.catcher.find(lambda one: one.recipient.startswith("emma") and subject in one.header("subject"))
    stage.check(not early, "Emma, who moderates, has heard nothing of it yet")
    await stage.post(BEN, back[0].header("reply-to"), f"Re: {back[0].header('subject')}", "redact for me, thanks\n")
    notice = (await stage.notice("emma.walsh@people.demo.test", f"held: {subject}"))[:1]
    marked = bool(notice) and "[redacted by moderator]" in notice[0].text
    stage.check(marked, "Ben answers `redact for me`, and Emma sees it like that:")
    if not notice:
        return
    stage.quote("\n".join(line for line in notice[0].text.splitlines() if "redacted by" in line or "mended" in line))
    await stage.post(EMMA, notice[0].header("reply-to"), f"Re: {notice[0].header('subject')}", "approve\n")
    copies = await stage.copies(subject, 6)
    stage.check(len(copies) == 6, f"she answers `approve`: {len(copies)} copies went out")
    stage.check(_seen(stage) == 0, "the number stands in no copy, no notice and no mail of the whole week")
