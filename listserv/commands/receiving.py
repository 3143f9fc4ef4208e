"""Commands by mail that say what comes to a member: lists, delivery, digests, pauses, conversations.

Each returns what its answer says (`doing`).
"""

from __future__ import annotations

from sqlalchemy import insert, select, update

from listserv import farewell, life, routing
from listserv.commands.asked import Asked, tag_in
from listserv.digest import asking, wishes
from listserv.digest.schedule import zone_of
from listserv.mail.dates import read_day
from listserv.mail.text import one_line
from listserv.model import Following, IssueKind, Post, PostState, Status, Subscription
from listserv.settings import HUB
from listserv.words import N_

_subscription = Subscription.__table__  # type: ignore[attr-defined]
_following = Following.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]


def join(asked: Asked) -> str:
    name = asked.named or (asked.route.list_name if asked.route.list_name != HUB else "")
    if not name:
        return N_("Which list? `lists` shows them all; then write, for example: join perinatal")
    return life.join_list(asked.ctx, asked.tx, asked.to.person, name)


def leave(asked: Asked) -> str:
    everything = asked.command.argument.casefold() in ("all", "everything", "community", "alle", "tout")
    names = asked.on if everything else asked.lists
    if asked.route.list_name == HUB and not everything and not asked.named:
        return N_("Which list? Write `leave perinatal`, or `leave all` for every list. Your membership stays.")
    rows = asked.tx.execute(
        select(_subscription.c.id, _subscription.c.list_name).where(
            _subscription.c.person_id == asked.to.person,
            _subscription.c.list_name.in_(names),
            _subscription.c.left_at.is_(None),
        )
    )
    left = [row for row in list(rows) if farewell.leave(asked.ctx, asked.tx, row.id) is not None]
    return "" if left else N_("You are not on that list.")


def delivery(asked: Asked) -> str:
    modes = {"nomail": "none", "täglich": "daily", "wöchentlich": "weekly", "einzeln": "each", "quotidien": "daily",
             "hebdomadaire": "weekly"}  # fmt: skip
    mode = modes.get(asked.command.word, asked.command.word)
    if asked.command.argument and not asked.named:
        return N_("There is no list %(name)s; `lists` shows them.", name=one_line(asked.command.argument, 40))
    changed = wishes.set_mode(asked.tx, asked.to.person, mode, asked.lists, asked.ctx.clock())
    if asked.route.list_name == HUB and not asked.named:
        wishes.set_person(asked.tx, asked.to.person, delivery=mode)
    titles = [routing.title(asked.ctx.settings, name) for name in asked.lists]
    if not changed:
        return N_("It is so already: %(mode)s.", mode=wishes.WORDS[mode])
    return N_("From now on: %(mode)s, for %(lists)s.", mode=wishes.WORDS[mode], lists=", ".join(titles))


def digest(asked: Asked) -> str:
    ctx, tx, person = asked.ctx, asked.tx, asked.to.person
    zone = zone_of(ctx.settings, asked.row.timezone)
    wish = wishes.read(asked.command.argument, ctx.clock().astimezone(zone).date())
    if wish.what in ("now", "since"):
        since = life.midnight(wish.since, zone) if wish.since is not None else None
        asking.ask(ctx, tx, person, asked.route.list_name, since, IssueKind.ASKED)
    wishes.carry_out(ctx, tx, person, wish, asked.lists)
    return ctx.render(
        "mail/command-digest.txt",
        words=one_line(asked.command.argument, 80),
        changed=wish.what in ("mode", "when", "form", "per-list", "zone"),
        coming=wish.what in ("now", "since"),
        waits=asking.waits(ctx, tx, person, asked.route.list_name),
        unclear=wish.what == "unclear",
        lists=wishes.in_words(ctx, tx, person),
        regular=wishes.regular(ctx, tx, person),
    )


def pause(asked: Asked) -> str:
    zone = zone_of(asked.ctx.settings, asked.row.timezone)
    today = asked.ctx.clock().astimezone(zone).date()
    words = asked.command.argument
    for start in ("until", "till", "bis", "jusqu'au", "jusqu’au"):
        words = words.removeprefix(start).strip() if words.casefold().startswith(start) else words
    until = read_day(words, today) if words else None
    if words and (until is None or until <= today):
        return N_(
            'Until when? "%(words)s" was not understood. Write, for example: pause until 15 Jan',
            words=one_line(words, 60),
        )
    return life.pause(asked.ctx, asked.tx, asked.to.person, life.midnight(until, zone) if until else None)


def resume(asked: Asked) -> str:
    if asked.row.status != Status.PAUSED:
        return N_("You were not paused; your mail comes as usual.")
    life.resume(asked.ctx, asked.tx, asked.to.person)
    return N_("Welcome back. Your mail comes again, and a letter with what was said meanwhile follows in a minute.")


def follow(asked: Asked) -> str:
    return _set_following(asked, muted=False)


def mute(asked: Asked) -> str:
    return _set_following(asked, muted=True)


def _set_following(asked: Asked, *, muted: bool) -> str:
    """A list by its name, or a conversation by the link or tag of any of its messages."""
    assert asked.reader is not None
    if asked.named:
        mode = "none" if muted else "each"
        wishes.set_mode(asked.tx, asked.to.person, mode, [asked.named], asked.ctx.clock())
        return f"{routing.title(asked.ctx.settings, asked.named)}: {asked.ctx.phrase(wishes.WORDS[mode])}."
    tag = tag_in(asked.command.argument)
    row = asked.tx.execute(
        select(_post.c.list_name, _post.c.tag, _post.c.subject).where(
            _post.c.tag == tag, _post.c.list_name.in_(asked.reader.lists), _post.c.state == PostState.RELEASED
        )
    ).first()
    if row is None:
        verb = "mute" if muted else "follow"
        return N_(
            "Which conversation? Write %(verb)s and the link of one of its messages, or a list's name.", verb=verb
        )
    tag = life.thread_of(asked.ctx, row.list_name, row.tag)
    same = (
        _following.c.person_id == asked.to.person,
        _following.c.list_name == row.list_name,
        _following.c.tag == tag,
    )
    changed = asked.tx.execute(update(_following).where(*same).values(muted=muted))
    if not changed.rowcount:
        values = {"person_id": asked.to.person, "list_name": row.list_name, "tag": tag, "muted": muted,
                  "at": asked.ctx.clock()}  # fmt: skip
        asked.tx.execute(insert(_following).values(values))
    subject = one_line(row.subject, 80)
    if muted:
        return N_('Nothing more of "%(subject)s" comes to you. `follow` undoes it.', subject=subject)
    return N_('Each message of "%(subject)s" comes to you from now on. `mute` undoes it.', subject=subject)
