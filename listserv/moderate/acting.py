"""What moderators do besides deciding: claim, put off, note, return, redact, move, trust, ban, show.

Each is one change with its row in `decision`; what others should know is told to them in the same commit.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from listserv import membership, notices, permalinks, posts
from listserv.authenticate import Proof
from listserv.context import Context
from listserv.facts import gather
from listserv.mail.incoming import read
from listserv.mail.text import one_line
from listserv.model import Person, Post, PostState, Role, RoleName, Status, Subscription
from listserv.moderate import changing, returning
from listserv.moderate.announcing import covering, proven, proven_author, tell_author
from listserv.moderate.deciding import OWN, By, Outcome, earlier, record
from listserv.policy.rules import decide as verdict_of
from listserv.policy.screening.finding import Level
from listserv.policy.verdict import Action
from listserv.words import N_, Phrase, in_a_row

_post = Post.__table__  # type: ignore[attr-defined]
_person = Person.__table__  # type: ignore[attr-defined]
_role = Role.__table__  # type: ignore[attr-defined]
_subscription = Subscription.__table__  # type: ignore[attr-defined]

PUT_OFF = timedelta(hours=72)  # so long `hold` keeps reminders away
_NUMBERS = re.compile(
    r"(?:no\.?|#|finding|findings|and|und|et|,|\s)*(\d{1,3}(?:(?:\s|,|and|und|et|&)+\d{1,3})*)\W*", re.I
)


def _changed(tx: Connection, post: Any, **values: Any) -> bool:
    """Changes a post that is still held, without moving it."""
    where = (_post.c.id == post.id, _post.c.state == PostState.HELD)
    return tx.execute(update(_post).where(*where).values(**values)).rowcount == 1


def _gone(tx: Connection, post: Any) -> Outcome:
    post = tx.execute(select(_post).where(_post.c.id == post.id)).one()
    return Outcome(False, earlier(tx, post), earlier=True)


def claim(ctx: Context, tx: Connection, post: Any, by: By) -> Outcome:
    """This moderator sees to it; the others are told, and may decide all the same."""
    if not _changed(tx, post, claimed_by=by.person, remind_at=ctx.clock() + timedelta(hours=24)):
        return _gone(tx, post)
    record(tx, post.id, "claim", by, "", ctx.clock())
    _tell_others(ctx, tx, post, by, "claimed")
    return Outcome(True, N_("It is yours; the other moderators know."))


def put_off(ctx: Context, tx: Connection, post: Any, by: By) -> Outcome:
    """No reminders for three days; the post stays held."""
    if not _changed(tx, post, remind_at=ctx.clock() + PUT_OFF):
        return _gone(tx, post)
    record(tx, post.id, "hold", by, "", ctx.clock())
    return Outcome(True, N_("It stays held, and nobody is reminded of it for three days."))


def note(ctx: Context, tx: Connection, post: Any, by: By, words: str) -> Outcome:
    """A word from moderator to moderator; the author never sees it."""
    if not words.strip():
        return Outcome(False, N_("Your note has no words. Write them behind `note`."))
    record(tx, post.id, "note", by, words, ctx.clock())
    _tell_others(ctx, tx, post, by, "noted", words=words[:2000])
    return Outcome(True, N_("Your note has gone to the other moderators."))


def give_back(ctx: Context, tx: Connection, post: Any, by: By, words: str) -> Outcome:
    """Back to its author, with what should change."""
    if by.person is not None and by.person == post.person_id:
        return Outcome(False, OWN)
    if not words.strip():
        return Outcome(False, N_("Please say what the author should change: `return please leave out the age`."))
    if returning.give_back(ctx, tx, post, by, words):
        return Outcome(
            True, N_("It is back with its author, with your words; you see it again when they have answered.")
        )
    if post.state == PostState.HELD and proven_author(tx, post) is None:
        return Outcome(False, N_("It cannot be given back: nothing proves who wrote it."))
    return _gone(tx, post)


def redact_by_number(ctx: Context, tx: Connection, number: int, by: By, argument: str) -> tuple[Outcome, str]:
    """The same for the number of a post, which may not exist."""
    post = tx.execute(select(_post).where(_post.c.id == number)).first()
    if post is None:
        return Outcome(False, N_("There is no post with the number %(number)s.", number=number)), ""
    return redact(ctx, tx, post, by, argument)


def redact(ctx: Context, tx: Connection, post: Any, by: By, argument: str) -> tuple[Outcome, str]:
    """Takes findings by their numbers, all of them, or free words out; the outcome, and the text as it is then."""
    if post.state != PostState.HELD:
        return _gone(tx, post), ""
    words = argument.strip()
    numbers: set[int] | None = set()
    found = _NUMBERS.fullmatch(words)
    known = {number for number, _, _ in posts.screened_of(ctx, post).left()}
    if words.casefold().strip(" .!") in ("all", "alles", "alle", "tout", "tous", "everything"):
        numbers, words = None, ""
    elif found:
        numbers, words = {int(one) for one in re.findall(r"\d+", found[1])}, ""
        missing = numbers - known
        if missing:
            return Outcome(False, _no_such(missing, known)), ""
    elif not words:
        return Outcome(
            False, N_("Please say what to take out: `redact 1 3`, `redact all`, or `redact` and the words.")
        ), ""
    if numbers is None and not known:
        return Outcome(False, N_("Nothing was found in it that could be taken out by number; write the words.")), ""
    change = changing.redact_findings(ctx, tx, post, numbers, words, state=PostState.HELD)
    if not change.taken:
        said = N_("The words were not found in it.") if words else N_("It could not be taken out.")
        return Outcome(False, said), ""
    record(tx, post.id, "redact", by, "; ".join(change.taken)[:2000], ctx.clock())
    now = tx.execute(select(_post).where(_post.c.id == post.id)).one()
    text, files = notices.shown(posts.raw_message(ctx, tx, now.message_id), covering(posts.screened_of(ctx, now)))
    shown = N_("%(text)s\n\nFiles: %(files)s", text=text, files="; ".join(files)) if files else text
    taken = in_a_row("; ", change.taken)
    if not change.left:
        return Outcome(True, N_("Taken out: %(taken)s.", taken=taken)), shown
    words = N_(
        "Taken out: %(taken)s. What could not be taken out: %(left)s.", taken=taken, left=in_a_row("; ", change.left)
    )
    return Outcome(True, words), shown


def _no_such(missing: set[int], known: set[int]) -> str:
    have = ", ".join(map(str, sorted(known))) or N_("none")
    return N_(
        "There is no finding %(missing)s; the numbers are: %(numbers)s.",
        missing=", ".join(map(str, sorted(missing))),
        numbers=have,
    )


def move(ctx: Context, tx: Connection, post: Any, by: By, argument: str) -> Outcome:
    """To another list, where its own moderators look at it, if it is to be looked at."""
    if post.state != PostState.HELD:
        return _gone(tx, post)
    name = argument.strip().strip("<>[].").split("@")[0].casefold()
    named = {known: key for key, one in ctx.settings.lists.items() for known in (key.casefold(), one.title.casefold())}
    target = named.get(name) or named.get(argument.strip().casefold())
    if target is None:
        return Outcome(
            False,
            N_(
                "There is no list %(name)s; there are: %(lists)s.",
                name=one_line(name, 40),
                lists=", ".join(ctx.settings.lists),
            ),
        )
    if target == post.list_name:
        return Outcome(False, N_("It is on %(list)s already.", list=target))
    now = ctx.clock()
    incoming = read(posts.raw_message(ctx, tx, post.message_id), post.envelope_sender)
    proof = Proof.restored(proven(post), post.proof, post.auth)
    screened = posts.screened_of(ctx, post)
    facts, _ = gather(tx, ctx.settings, incoming, target, proof, now, screened=screened, exclude_post=post.id)
    verdict = verdict_of(facts)
    if verdict.action not in (Action.ACCEPT, Action.HOLD):
        return Outcome(False, N_("It cannot go to %(list)s: %(why)s", list=target, why=Phrase(verdict.reasons[0].text)))
    reasons = [asdict(one) for one in verdict.reasons if one.code not in ("list-not-addressed", "over-rate")]
    waits = bool(reasons)
    if not waits and screened.at(Level.HIGH):  # one moderator would send out what takes two
        words = N_("It cannot go to %(list)s as it is: nobody would look at it there. Redact it first.", list=target)
        return Outcome(False, words)
    values = {
        "list_name": target,
        "tag": permalinks.new_tag(tx, target, post.message_id_header, post.content_hash),
        "thread": "",
        "reasons": reasons,
        "rules": {"hits": verdict.hits, "misses": verdict.misses, "named": []},
        "notified": not waits,
        "release_at": None if waits else now,
        "reminded": 0,
        "claimed_by": None,
    }
    try:
        with tx.begin_nested():
            state = PostState.HELD if waits else PostState.ACCEPTED
            if not posts.change(tx, post.id, PostState.HELD, state, now, **values):
                return _gone(tx, post)
    except IntegrityError:
        return Outcome(False, N_("The same message is on %(list)s already.", list=target))
    record(tx, post.id, "move", by, f"from {post.list_name} to {target}", now)
    tell_author(ctx, tx, post, "move", "", target=target, title=ctx.settings.lists[target].title)
    ctx.wake.work.set()
    if waits:
        return Outcome(True, N_("It is on %(list)s now, where its moderators look at it.", list=target))
    return Outcome(True, N_("It is on %(list)s now, and goes out there.", list=target))


def trust(ctx: Context, tx: Connection, post: Any, by: By, *, on: bool) -> Outcome:
    """Whether posts of this author are looked at as a newcomer's, or each by itself."""
    if post.person_id is None or not proven(post):
        return Outcome(False, N_("Nothing proves who wrote it, so nobody is trusted for it."))
    if by.person == post.person_id:
        return Outcome(False, OWN)
    tx.execute(update(_person).where(_person.c.id == post.person_id).values(trusted=on))
    on_list = (_subscription.c.person_id == post.person_id, _subscription.c.list_name == post.list_name)
    tx.execute(update(_subscription).where(*on_list).values(moderated=not on))
    record(tx, post.id, "trust" if on else "untrust", by, "", ctx.clock())
    if on:
        return Outcome(True, N_("Posts of this author are no longer looked at as a newcomer's. This one still waits."))
    return Outcome(
        True,
        N_(
            "Every post of this author to %(list)s is looked at from now on. This one still waits.",
            list=post.list_name,
        ),
    )


def ban(ctx: Context, tx: Connection, post: Any, by: By, argument: str) -> Outcome:
    """Excludes the author from the community. Asked twice: `ban` explains, `ban yes <why>` does it."""
    if post.person_id is None or not proven(post):
        return Outcome(False, N_("Nothing proves who wrote it, so nobody can be excluded for it."))
    if by.person == post.person_id or _has_role(tx, post.person_id):
        return Outcome(False, N_("Its author has a role here; the operator has to do this."))
    first, _, why = argument.strip().partition(" ")
    who = one_line(post.from_name or post.from_address, 80)
    if first.casefold().strip(".!,:") not in ("yes", "ja", "oui"):
        words = N_(
            "`ban` excludes %(who)s from the whole community: no post, no mail, no archive, until the operator lifts "
            "it. If you mean it, reply `ban yes` and why; the owners read your reason.",
            who=who,
        )
        return Outcome(False, words)
    now = ctx.clock()
    tx.execute(update(_person).where(_person.c.id == post.person_id).values(status=Status.BANNED))
    for other in tx.execute(
        select(_post.c.id, _post.c.state).where(
            _post.c.person_id == post.person_id, _post.c.state.in_((PostState.HELD, PostState.RETURNED))
        )
    ).fetchall():
        posts.change(tx, other.id, other.state, PostState.DISCARDED, now, remind_at=None, return_by=None)
    record(tx, post.id, "ban", by, why, now)
    _tell_others(ctx, tx, post, by, "banned", who=who, words=why[:2000])
    contact = ctx.settings.community.contact
    values: dict[str, Any] = {"by": by.name, "who": who, "words": why[:2000], "subject": _subject(post)}
    notices.put(ctx, tx, "banned", contact, "banned", list_name=post.list_name, post_id=post.id, **values)
    return Outcome(True, N_("%(who)s is excluded, and what waited of them is dropped.", who=who))


def _has_role(tx: Connection, person: int) -> bool:
    roles = (RoleName.MODERATOR, RoleName.OWNER, RoleName.FACILITATOR, RoleName.VERIFIER)
    query = select(_role.c.id).where(_role.c.person_id == person, _role.c.role.in_(roles))
    return tx.execute(query.limit(1)).first() is not None


def _subject(post: Any) -> str:
    return one_line(post.subject, 200) or N_("(no subject)")


def _tell_others(ctx: Context, tx: Connection, post: Any, by: By, template: str, **more: Any) -> None:
    for other in membership.deciders(tx, post.list_name):
        if other.person not in (by.person, post.person_id):
            notices.put(
                ctx, tx, "moderators", other, template, list_name=post.list_name, post_id=post.id, by=by.name,
                subject=_subject(post), number=post.id, **more,
            )  # fmt: skip
