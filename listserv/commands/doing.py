"""Carries out the commands of a mail, each in its own words, and answers all of them in one mail.

Behind intake (`handling`), inside the transaction that takes the mail. Each command is a function that returns what its
answer says; what it changes and what it says are one commit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from listserv import farewell, life, membership, notices, permalinks, posts, routing
from listserv.archiver import connect, query
from listserv.archiver.pages import when
from listserv.commands import moderating
from listserv.commands.reading import Command, commands
from listserv.context import Context
from listserv.digest import asking, wishes
from listserv.digest.schedule import zone_of
from listserv.edge.languages import named
from listserv.errors import UserError
from listserv.mail.address import canonical, parse_mailboxes
from listserv.mail.dates import read_day
from listserv.mail.incoming import Incoming
from listserv.mail.message import parse
from listserv.mail.text import one_line, readable
from listserv.membership import Reader, Recipient
from listserv.model import Following, IssueKind, Person, Post, PostState, Status, Subscription
from listserv.routing import Route
from listserv.settings import HUB
from listserv.words import N_, Phrase

_person = Person.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]
_following = Following.__table__  # type: ignore[attr-defined]
_post = Post.__table__  # type: ignore[attr-defined]

RESULTS = 15
TIME_LIMIT = 0.3  # seconds of a search; it is asked inside the transaction that takes the mail
SHOWN = 6000  # characters of a message that `get` shows


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, by which address of ours, with which command. `reader` is None for who may not read at present."""

    ctx: Context
    tx: Connection
    route: Route
    to: Recipient
    row: Any  # of the person
    reader: Reader | None
    command: Command
    proof: str = ""  # what proves that the mail is theirs
    mail: str = ""  # the mail itself, in words: from which address, which Message-ID

    @property
    def lists(self) -> tuple[str, ...]:
        """The lists that a command is about: the one named, that of the address, or all that they are on."""
        named = self.named
        if named:
            return (named,)
        mine = self.on
        if self.route.list_name != HUB:
            return tuple(name for name in mine if name == self.route.list_name)
        return mine

    @property
    def named(self) -> str:
        """The list that the argument names, by its name or its title; "" for none."""
        wanted = self.command.argument.casefold().strip("[]#")
        for name, one in self.ctx.settings.lists.items():
            if wanted and wanted in (name, one.title.casefold(), routing.address(self.ctx.settings, name)):
                return name
        return ""

    @property
    def on(self) -> tuple[str, ...]:
        """The lists that they are on, in the order of the settings."""
        query_ = select(_subscription.c.list_name).where(
            _subscription.c.person_id == self.to.person, _subscription.c.left_at.is_(None)
        )
        found = {row.list_name for row in self.tx.execute(query_)}
        return tuple(name for name in self.ctx.settings.lists if name in found)


def is_command(incoming: Incoming) -> bool:
    """Whether a mail to a list is nothing but a command that was meant for the request address."""
    return incoming.only_command is not None and any(command.verb for command in commands(incoming))


def answer(ctx: Context, tx: Connection, route: Route, incoming: Incoming, proof: str = "") -> bool:
    """Carries out what a proven mail asks for, and answers once. False when it holds no command at all, and a person
    should read it."""
    found = commands(incoming)
    if not found:
        return False
    person = membership.person_of(tx, canonical(incoming.authors[0].address))
    to = membership.recipient(tx, person) if person is not None else None
    answering = notices.Answering(incoming.message_id)
    if to is None:
        outsider = incoming.authors[0].address
        if found[0].verb == "status" and life.status_of_applicant(ctx, tx, outsider, answering):
            return True
        notices.put(ctx, tx, "command-outsider", outsider, "command-outsider", list_name=route.list_name,
                    answering=answering, join=routing.address(ctx.settings, HUB, routing.Kind.JOIN))  # fmt: skip
        return True
    row = tx.execute(select(_person).where(_person.c.id == to.person)).one()
    if row.status in (Status.BANNED, Status.SUSPENDED):
        return False
    ctx = ctx.speaking(row.language, row.timezone)
    reader = membership.reader(tx, ctx.settings, to.person, ctx.clock())
    if not notices.room(ctx, tx, "commands", to.email):
        return True
    applies = row.status == Status.APPLIED and found[0].verb in ("status", "agree", "renew")
    if applies and life.status_of_applicant(ctx, tx, incoming.authors[0].address, answering):
        return True  # what is missing is answered there, in reply to a mail with a token
    mail = f"command from {one_line(incoming.authors[0].address, 200)}, Message-ID {incoming.message_id or 'none'}"
    results = [_result(Asked(ctx, tx, route, to, row, reader, command, proof, mail)) for command in found]
    results = [result for result in results if result["words"]]  # leaving is told by the mail that can undo it
    if not results:
        return True
    notices.put(
        ctx,
        tx,
        "commands",
        to,
        "commands",
        list_name=route.list_name,
        answering=answering,
        results=results,
        first=found[0].line,
        request_address=routing.address(ctx.settings, HUB, routing.Kind.REQUEST),
    )
    return True


def _result(asked: Asked) -> dict[str, str]:
    command = asked.command
    if not command.verb:
        return {
            "line": command.line,
            "words": N_("That was not understood. Did you mean: %(word)s?", word=command.suggestion),
        }
    needs_reading = command.verb in ("search", "last", "get", "follow", "mute", "digest", "join")
    if needs_reading and asked.reader is None:
        return {"line": command.line, "words": life.why_not_reading(asked.ctx, asked.tx, asked.to.person)}
    words = _VERBS[command.verb](asked)
    return {"line": command.line, "words": words if isinstance(words, Phrase) else words.strip()}


# --- asking ------------------------------------------------------------------------------------------------------


def _help(asked: Asked) -> str:
    return asked.ctx.render("mail/command-help.txt", request=routing.address(
        asked.ctx.settings, HUB, routing.Kind.REQUEST))  # fmt: skip


def _status(asked: Asked) -> str:
    return life.status(asked.ctx, asked.tx, asked.to.person)


def _lists(asked: Asked) -> str:
    mine = set(asked.on)
    lines = []
    for name, one in asked.ctx.settings.lists.items():
        mark = f" {asked.ctx.phrase('(you are on it)')}" if name in mine else ""
        about = f"\n  {one.description}" if one.description else ""
        lines.append(f"{name}: {one.title}{mark}{about}")
    return "\n".join(lines)


def _search(asked: Asked) -> str:
    ctx = asked.ctx
    assert asked.reader is not None
    if not asked.command.argument:
        return N_("What for? Write: search sleep diary")
    lists = asked.reader.lists
    if asked.route.list_name != HUB:
        lists = tuple(name for name in lists if name == asked.route.list_name)
    wanted = query.read(asked.command.argument, ctx.settings.community.zone)
    try:
        db = connect(ctx.settings.archive.directory)
    except UserError:
        return N_("The archive is not there yet.")
    try:
        found = query.search(db, wanted, lists, per_page=RESULTS, time_limit=TIME_LIMIT)
    finally:
        db.close()
    return ctx.render(
        "mail/command-search.txt",
        words=asked.command.argument,
        found=found,
        hits=[
            {
                "subject": hit.row["subject"],
                "name": hit.row["name"],
                "day": when(ctx, hit.row["date"]).day,
                "list": routing.title(ctx.settings, hit.row["list"]),
                "snippet": hit.snippet.replace(query.BEGIN, "*").replace(query.END, "*"),
                "url": _link(ctx, hit.row["list"], hit.row["tag"]),
            }
            for hit in found.hits
        ],
    )


def _link(ctx: Context, list_name: str, tag: str) -> str:
    if ctx.settings.web is None:
        return f"get {tag}"
    return permalinks.url(ctx.settings, list_name, tag)


def _last(asked: Asked) -> str:
    assert asked.reader is not None
    count = next((int(word) for word in asked.command.argument.split() if word.isdecimal() and len(word) < 3), 10)
    lists = [name for name in asked.lists if name in asked.reader.lists]
    rows = asked.tx.execute(
        select(_post.c.list_name, _post.c.subject, _post.c.from_name, _post.c.released_at, _post.c.tag)
        .where(_post.c.list_name.in_(lists), _post.c.state == PostState.RELEASED, _post.c.released_at.is_not(None))
        .order_by(_post.c.released_at.desc())
        .limit(min(count, 30))
    )
    lines = [
        f"{asked.ctx.speech.brief(row.released_at)}  {one_line(row.subject, 60)}\n"
        f"  {one_line(row.from_name, 40)}, {row.list_name}; get {row.tag}"
        for row in rows
    ]
    return "\n".join(lines) or N_("Nothing has been said yet.")


def _tag_in(text: str) -> str:
    """A tag, or the one at the end of a permalink."""
    return text.strip().rstrip("/").rpartition("/")[2].casefold()


def _get(asked: Asked) -> str:
    assert asked.reader is not None
    tag = _tag_in(asked.command.argument)
    row = asked.tx.execute(
        select(_post).where(
            _post.c.tag == tag, _post.c.state == PostState.RELEASED, _post.c.list_name.in_(asked.reader.lists)
        )
    ).first()
    if row is None:
        return N_("There is no such message, or it is on a list that you are not on. `last` shows what there is.")
    text = readable(parse(posts.raw_message(asked.ctx, asked.tx, row.message_id)), SHOWN + 1)
    if len(text) > SHOWN:
        text = text[:SHOWN].rstrip() + "\n[...]"
    speech = asked.ctx.speech
    head = asked.ctx.phrase(
        "Subject: %(subject)s\nFrom: %(name)s\nDate: %(day)s, %(clock)s\nAnswer: %(address)s",
        subject=one_line(row.subject, 200),
        name=one_line(row.from_name or row.from_address, 80),
        day=speech.day(row.received_at),
        clock=speech.clock(row.received_at),
        address=permalinks.answer_address(asked.ctx.settings, row.list_name, row.tag),
    )
    return f"{head}\n\n{text.strip()}"


# --- lists and delivery ------------------------------------------------------------------------------------------


def _join(asked: Asked) -> str:
    name = asked.named or (asked.route.list_name if asked.route.list_name != HUB else "")
    if not name:
        return N_("Which list? `lists` shows them all; then write, for example: join perinatal")
    return life.join_list(asked.ctx, asked.tx, asked.to.person, name)


def _leave(asked: Asked) -> str:
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


def _delivery(asked: Asked) -> str:
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


def _digest(asked: Asked) -> str:
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


def _pause(asked: Asked) -> str:
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


def _resume(asked: Asked) -> str:
    if asked.row.status != Status.PAUSED:
        return N_("You were not paused; your mail comes as usual.")
    life.resume(asked.ctx, asked.tx, asked.to.person)
    return N_("Welcome back. Your mail comes again, and a letter with what was said meanwhile follows in a minute.")


def _follow(asked: Asked) -> str:
    return _set_following(asked, muted=False)


def _mute(asked: Asked) -> str:
    return _set_following(asked, muted=True)


def _set_following(asked: Asked, *, muted: bool) -> str:
    """A list by its name, or a conversation by the link or tag of any of its messages."""
    assert asked.reader is not None
    if asked.named:
        mode = "none" if muted else "each"
        wishes.set_mode(asked.tx, asked.to.person, mode, [asked.named], asked.ctx.clock())
        return f"{routing.title(asked.ctx.settings, asked.named)}: {asked.ctx.phrase(wishes.WORDS[mode])}."
    tag = _tag_in(asked.command.argument)
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


# --- the person --------------------------------------------------------------------------------------------------


def _address_(asked: Asked) -> str:
    verb, _, rest = asked.command.argument.partition(" ")
    boxes = parse_mailboxes(rest) if rest else []
    email = boxes[0].address if len(boxes) == 1 else ""
    if verb.casefold() not in ("add", "remove", "prefer") or not email:
        return N_("Write: address add new@example.org, address prefer ..., or address remove ...")
    return life.change_address(asked.ctx, asked.tx, asked.to, verb.casefold(), email)


def _terms(asked: Asked) -> str:
    return life.terms_text(asked.ctx) or N_("This community has no terms to agree to.")


def _agree(asked: Asked) -> str:
    return life.agree(asked.ctx, asked.tx, asked.to.person, asked.mail)


def _renew(asked: Asked) -> str:
    return life.renew(asked.ctx, asked.tx, asked.to, asked.command.argument)


def _language(asked: Asked) -> str:
    wanted = named(asked.command.argument)
    if wanted is None:
        return N_(
            "Which language? Write `language en` for English, `language de` for German or `language fr` for French."
        )
    asked.tx.execute(update(_person).where(_person.c.id == asked.to.person).values(language=wanted))
    return N_("From now on we write to you in English.")


def _export(asked: Asked) -> str:
    settings = asked.ctx.settings
    if settings.web is None:
        return N_("Your data cannot be sent by mail. Please write to %(contact)s.", contact=settings.community.contact)
    url = f"{settings.community.url}/me"
    return N_("Your data is not sent by mail. Log in here, and take it with you:\n%(url)s", url=url)


def _forget(asked: Asked) -> str:
    return life.forget(asked.ctx, asked.tx, asked.to)


_VERBS: dict[str, Callable[[Asked], str]] = {
    "help": _help, "status": _status, "lists": _lists, "join": _join, "leave": _leave, "delivery": _delivery,
    "pause": _pause, "resume": _resume, "follow": _follow, "mute": _mute, "address": _address_, "search": _search,
    "last": _last, "get": _get, "terms": _terms, "agree": _agree, "renew": _renew, "export": _export,
    "forget": _forget, "digest": _digest, "language": _language, "recall": moderating.take_back,
    "emergency": moderating.switch,
}  # fmt: skip
