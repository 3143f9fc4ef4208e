"""export and erase: what is held about a person, given out or taken away."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from listserv import audit, privacy
from listserv.cli.output import say
from listserv.context import Context, open_context
from listserv.errors import UserError
from listserv.mail.address import canonical
from listserv.membership import person_with
from listserv.privacy import Survey
from listserv.privacy.export import export as exported
from listserv.privacy.export import write
from listserv.settings import load

Somebody = Annotated[str, typer.Argument(metavar="ADDRESS", help="Any mail address of the person.")]
SHOWN = 20  # numbers of posts that are named


def register(app: typer.Typer) -> None:
    app.command()(export)
    app.command()(erase)


def export(
    context: typer.Context,
    address: Somebody,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR|FILE", help="A folder, or a file that ends in .zip.")
    ] = None,
) -> None:
    """Everything held about a person, in files that can be read."""
    ctx = open_context(load(context.obj))
    with ctx.db.reading() as tx:
        person = person_with(tx, canonical(address))
        if person is None:
            raise UserError(f"export: nobody has the address {address}")
        target = out or Path(f"export-of-{person}-{ctx.clock():%Y-%m-%d}.zip")
        write(exported(ctx, tx, person), target)
    with ctx.db.transaction() as tx:
        audit.note(tx, ctx.clock(), "export", audit.OPERATOR, about=person)
    ctx.db.close()
    say(f"wrote {target}")
    say("Give it to nobody but this person, and delete it here when they have it.")


def erase(
    context: typer.Context,
    address: Somebody,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    posts: Annotated[bool, typer.Option("--posts", help="Remove their posts as well.")] = False,
) -> None:
    """Takes away everything held about a person. Their posts stay, without their name, unless --posts is given."""
    ctx = open_context(load(context.obj))
    if not canonical(address):
        raise UserError(f"erase: {address} is not a mail address; write it like person@example.org")
    found = privacy.survey(ctx, address)
    if found.empty:
        if not privacy.is_unfinished(ctx):
            raise UserError(f"erase: nobody has the address {address}, and nothing is held about it")
        privacy.finish(ctx)
        say(f"Nothing is held about {address}; the files of an erasure that was interrupted are tidied now.")
        return
    for line in _told(found, posts=posts):
        say(line)
    if not yes and not _agreed():
        raise UserError("erase: nothing was erased (answer yes, or give --yes)")
    privacy.erase(ctx, found, posts=posts)
    for line in _afterwards(ctx):
        say(line)
    ctx.db.close()


def _agreed() -> bool:
    sys.stdout.write("\nErase all of this for good? Type yes: ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() == "yes"


_WORDS = {
    "person": "the person",
    "address": "addresses",
    "subscription": "subscriptions",
    "role": "roles",
    "credential": "registration",
    "agreement": "agreements to terms",
    "confirmation": "confirmed senders",
    "session": "sessions on the web (they end at once)",
    "feed": "feeds",
    "token": "open questions",
    "issue": "digests",
    "notice": "mails of ours to this person",
    "delivery": "records of copies to this person",
    "arrival": "mails without proof",
    "refusal": "envelopes of refused mail",
    "quarantine": "mails set aside",
}


def _told(found: Survey, *, posts: bool) -> list[str]:
    """What would go and what stays, for whoever has to agree."""
    who = "What is held about this person:" if found.someone.number else "Nobody has this address; held about it is:"
    lines = [who]
    for name, words in _WORDS.items():
        if found.counts.get(name):
            lines.append(f"  {found.counts[name]:>6}  {words}: erased")
    others = {name: count for name, count in found.counts.items() if name not in _WORDS and count}
    for name, count in others.items():
        fate = "erased"
        if name == "posts":
            fate = "removed; their place in the conversation stays" if posts else "stay, as a former member's"
        elif name == "decision":
            name, fate = "decisions as a moderator", "stay, as a former moderator's"
        lines.append(f"  {count:>6}  {name}: {fate}")
    if found.traces.count:
        lines.append(f"  {found.traces.count:>6}  mails and texts of others or of ours that name them: rewritten")
    mentions = found.traces.mentions
    if mentions:
        shown = ", ".join(map(str, mentions[:SHOWN])) + (", ..." if len(mentions) > SHOWN else "")
        lines.append(f"  {len(mentions):>6}  posts of others name or quote them: NOT changed (numbers {shown})")
    return lines + [f"WARNING: {words}" for words in found.warnings]


def _afterwards(ctx: Context) -> list[str]:
    days = ctx.settings.retention.backups.days
    return [
        "Erased. The database, its log, the archive's pages and its index hold nothing of it any more.",
        "What other members wrote or quoted is theirs and was not changed; copies in their mailboxes are out of reach.",
        f"Backups made before today still hold it: delete them within {days} days (retention.backups).",
    ]
