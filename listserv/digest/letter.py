"""The letter: text and HTML of one person's digest, joined from pieces that are made once for all readers.

The third step of a digest. Each conversation becomes a few encoded fragments (`Press`), whoever reads it; a letter is
an order of them between a top and a bottom of its own. RFC 2046 section 5.1.4 (alternatives, text first), RFC 2045
section 6.7 (quoted-printable: fragments end with a line, so that they can be joined). Under 90 kB in all: Gmail cuts
off what is longer than about 102 kB.
"""

from __future__ import annotations

import quopri
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from listserv import permalinks, routing
from listserv.context import Context
from listserv.digest.material import Material, Thread
from listserv.digest.schedule import Wanted
from listserv.edge.languages import Speech
from listserv.mail.shown import one_line
from listserv.model import IssueKind
from listserv.settings import HUB

LARGEST = 90_000  # octets of a letter as it is sent
RESERVED = 9_000  # octets for what stands around the conversations
FULL = 20  # conversations with their first words; others have a line
NAMES = 12  # new members by name
Variant = str  # full | line
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Choice:
    """What the facilitators decided: a note, what is coming up, conversations to leave out or to lead with."""

    note: str = ""
    upcoming: str = ""
    dropped: frozenset[Key] = frozenset()
    lead: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """A fragment in both forms, quoted-printable."""

    html: bytes
    text: bytes

    @property
    def size(self) -> int:
        return len(self.html) + len(self.text)


@dataclass(frozen=True, slots=True)
class Draft:
    """A letter without its bottom, which needs the number of the issue. `threads` in the order of the letter."""

    wanted: Wanted
    subject: str
    pieces: tuple[Piece, ...]
    bottom: dict[str, Any]
    threads: tuple[Key, ...]


@dataclass(slots=True)
class Press:
    """Makes fragments and keeps them for the next letter."""

    ctx: Context
    _threads: dict[tuple[int, Variant, bool], tuple[Thread, Piece]] = field(default_factory=dict)
    _others: dict[tuple[Any, ...], Piece] = field(default_factory=dict)

    def piece(self, template: str, **values: Any) -> Piece:
        return Piece(
            encoded(self.ctx.render(f"digest/{template}.html", **values)),
            encoded(self.ctx.render(f"digest/{template}.txt", **values)),
        )

    def thread(self, thread: Thread, variant: Variant, *, with_list: bool) -> Piece:
        key = (id(thread), variant, with_list)
        if key not in self._threads:
            if len(self._threads) > 5000:
                self._threads.clear()
            template = "line" if variant == "line" else "thread"
            made = self.piece(template, **_thread_values(self.ctx, thread, with_list=with_list))
            self._threads[key] = (thread, made)  # the thread is kept along, so that its id stays its own
        return self._threads[key][1]

    def shared(self, template: str, **values: Any) -> Piece:
        """A piece that many letters have, kept by its values."""
        key = (template, *(repr(item) for item in sorted(values.items())))
        if key not in self._others:
            if len(self._others) > 2000:
                self._others.clear()
            self._others[key] = self.piece(template, **values)
        return self._others[key]


def encoded(text: str) -> bytes:
    """Quoted-printable with CRLF, ending with a line end."""
    plain = text if text.endswith("\n") else text + "\n"
    return quopri.encodestring(plain.encode("utf-8", "replace")).replace(b"\n", b"\r\n")


def _thread_values(ctx: Context, thread: Thread, *, with_list: bool) -> dict[str, Any]:
    settings = ctx.settings
    listed = settings.lists[thread.list_name]
    hidden = listed.digest_excerpts == "hidden"
    may_answer = listed.posting != "moderators"
    url = permalinks.url(settings, thread.list_name, thread.tag) if settings.web is not None else ""
    address = permalinks.answer_address(settings, thread.list_name, thread.tag) if may_answer else ""
    return {
        "subject": one_line(thread.subject, 160) or ctx.phrase("(no subject)"),
        "name": one_line(thread.name, 80),
        "profession": one_line(thread.profession, 80),
        "said": said(ctx.speech, thread),
        "excerpt": "" if hidden else thread.excerpt,
        "answers": thread.answers,
        "url": url,
        "answer": _mailto(address, thread.subject) if address else "",
        "answer_address": address,
        "list_title": listed.title if with_list else "",
    }


def _mailto(address: str, subject: str) -> str:
    about = subject if subject[:3].lower() == "re:" else f"Re: {subject}"
    return f"mailto:{quote(address, safe='@+.')}?subject={quote(one_line(about, 120), safe='')}"


def said(speech: Speech, thread: Thread) -> str:
    """How many answers a conversation has, how many of them are new, and by whom."""
    if thread.answers == 0:
        return ""
    if len(thread.people) <= 1:  # whoever adds to their own words has not been answered
        return speech.phrases("%(num)s more message", "%(num)s more messages", thread.answers)
    answered = thread.new - (1 if thread.begun else 0)
    words = [speech.phrases("%(num)s answer", "%(num)s answers", thread.answers)]
    if not thread.begun and 0 < answered < thread.answers:
        words.append(speech.phrases("%(num)s new", "%(num)s new", answered))
    names = [_who(*one) for one in thread.newest if one[0] != thread.name or not thread.begun]
    if names and answered:
        words.append(speech.phrase("by %(names)s", names=_some(speech, names, 3)))
    return ", ".join(words)


def _who(name: str, profession: str) -> str:
    return f"{one_line(name, 40)} ({one_line(profession, 40)})" if profession else one_line(name, 40)


def _some(speech: Speech, names: Sequence[str], most: int, more: int = 0) -> str:
    """The first of some names, and how many others there are; `more` are not among the names."""
    others = max(0, len(names) - most) + more
    if not others:
        return speech.listed(names)
    shown = ", ".join(names[:most])
    return speech.phrases("%(names)s and %(num)s other", "%(names)s and %(num)s others", others, names=shown)


# --- one letter --------------------------------------------------------------------------------------------------


def draft(
    press: Press, wanted: Wanted, materials: Sequence[Material], choice: Choice, *, note_if_empty: bool
) -> Draft | None:
    """The letter of one person, None when there is nothing to say and nothing is wanted then."""
    threads = _shown(materials, choice)
    questions = _questions(materials, threads, choice, older=wanted.kind is IssueKind.WEEKLY)
    if not threads and not questions and not choice.note and not choice.upcoming and not note_if_empty:
        return None
    scope = wanted.scope
    title = routing.title(press.ctx.settings, scope)
    speech = press.ctx.speaking(wanted.language, wanted.zone.key).speech
    heading = heading_of(speech, wanted)
    counts = counts_of(speech, materials, threads)
    subject = (
        f"{title}: {heading[0].lower() + heading[1:]}" if wanted.kind is not IssueKind.DAILY else f"{title}: {heading}"
    )
    top = press.piece(
        "top", subject=subject, title=title, heading=heading, counts=counts,
        preview=_preview(choice, questions, threads),
    )  # fmt: skip
    pieces = [top]
    if choice.note:
        pieces.append(
            press.shared("note", heading=speech.phrase("From the facilitators"), paragraphs=_paragraphs(choice.note))
        )
    if choice.upcoming:
        pieces.append(press.shared("note", heading=speech.phrase("Coming up"), paragraphs=_paragraphs(choice.upcoming)))
    told, left = _conversations(press, wanted, materials, threads, questions, choice, pieces)
    bottom = _bottom(press.ctx, speech, wanted, materials, left)
    return Draft(wanted, subject, tuple(pieces), bottom, tuple(told))


def _shown(materials: Sequence[Material], choice: Choice) -> list[Thread]:
    """All conversations of these lists, without what was left out and what stands on an earlier list already."""
    found: list[Thread] = []
    origins: set[int] = set()
    for material in materials:
        for thread in material.threads:
            if thread.key not in choice.dropped and not (thread.origins and thread.origins <= origins):
                found.append(thread)
        for thread in material.threads:
            origins |= thread.origins
    return found


def _questions(
    materials: Sequence[Material], threads: Sequence[Thread], choice: Choice, *, older: bool
) -> list[Thread]:
    """What nobody has answered yet: of these days first; in weekly letters the older ones too."""
    fresh = [thread for thread in threads if thread.unanswered and thread.key not in choice.lead]
    newest = sorted(fresh, key=lambda t: -t.first)[:8]
    if not older:
        return newest
    waiting = [thread for material in materials for thread in material.questions if thread.key not in choice.dropped]
    return newest + sorted(waiting, key=lambda t: -t.first)[:4]


def _conversations(
    press: Press, wanted: Wanted, materials: Sequence[Material], threads: list[Thread], questions: list[Thread],
    choice: Choice, pieces: list[Piece],
) -> tuple[list[Key], int]:  # fmt: skip
    """Adds the conversations to the pieces as far as there is room; those that are in, and how many are not."""
    settings = press.ctx.settings
    several = len(materials) > 1
    me = f"p{wanted.person}"
    lead = [thread for key in choice.lead for thread in threads if thread.key == key]
    asked = {thread.key for thread in questions}
    mine = [t for t in threads if me in t.people and t not in lead and t.key not in asked]
    rest = [t for t in threads if t not in lead and t not in mine and t.key not in asked]
    phrase = press.ctx.phrase
    sections: list[tuple[str, str, list[Thread], bool]] = [
        (phrase("Worth a look"), phrase("Chosen by the facilitators"), lead, several),
        (phrase("Can you help?"), phrase("Nobody has answered yet"), questions, several),
        (phrase("Where you took part"), "", mine, several),
    ]
    if several:
        sections += [
            (settings.lists[m.list_name].title, "", [t for t in rest if t.list_name == m.list_name], False)
            for m in materials
        ]
    else:
        sections.append((phrase("Conversations"), "", rest, False))
    room = LARGEST - RESERVED - sum(piece.size for piece in pieces)
    told: list[Key] = []
    left = 0
    for heading, words, members, with_list in sections:
        if not members:
            continue
        head = press.shared("heading", heading=heading, words=words)
        for number, thread in enumerate(members):
            variant = "full" if len(told) < FULL else "line"
            piece = press.thread(thread, variant, with_list=with_list)
            size = piece.size + (head.size if number == 0 else 0)
            if size > room and variant == "full":
                piece = press.thread(thread, "line", with_list=with_list)
                size = piece.size + (head.size if number == 0 else 0)
            if size > room:
                left += len(members) - number
                break
            if number == 0:
                pieces.append(head)
            pieces.append(piece)
            told.append(thread.key)
            room -= size
    return told, left


def heading_of(speech: Speech, wanted: Wanted) -> str:
    """What time the letter is about, in the zone of its reader."""
    words = _heading(speech, wanted)
    return words[:1].upper() + words[1:]


def _heading(speech: Speech, wanted: Wanted) -> str:
    begins, ends = speech.days(wanted.since + timedelta(minutes=2), wanted.until)
    if wanted.kind is IssueKind.DAILY and wanted.until - wanted.since < timedelta(hours=30):
        return speech.phrase("%(weekday)s, %(day)s", weekday=speech.weekday(wanted.until), day=ends)
    if wanted.kind is IssueKind.WEEKLY and wanted.until - wanted.since < timedelta(days=8):
        return speech.phrase("The week to %(day)s", day=ends)
    if wanted.kind is IssueKind.CATCH_UP:
        if begins == ends:
            return speech.phrase("While you were away, %(day)s", day=ends)
        return speech.phrase("While you were away, %(begins)s to %(ends)s", begins=begins, ends=ends)
    if begins == ends:
        return speech.phrase("From %(day)s", day=ends)
    return speech.phrase("From %(begins)s to %(ends)s", begins=begins, ends=ends)


def counts_of(speech: Speech, materials: Sequence[Material], threads: Sequence[Thread]) -> str:
    if not threads:
        return speech.phrase("Nothing new was said.")
    people = len({author for material in materials for author in material.authors})
    messages = speech.phrases("%(num)s message", "%(num)s messages", sum(thread.new for thread in threads))
    conversations = speech.phrases("%(num)s conversation", "%(num)s conversations", len(threads))
    words = speech.phrase("%(messages)s in %(conversations)s", messages=messages, conversations=conversations)
    return words + (speech.phrases(", by %(num)s member", ", by %(num)s members", people) if people else "")


def _preview(choice: Choice, questions: Sequence[Thread], threads: Sequence[Thread]) -> str:
    """What mail programs show beside the subject."""
    subjects = [one_line(thread.subject, 60) for thread in (*questions[:4], *threads[:4])][:4]
    return one_line(choice.note, 120) or " · ".join(dict.fromkeys(subjects))


def _paragraphs(text: str) -> list[list[str]]:
    blocks = [block.strip() for block in text.replace("\r", "").split("\n\n")]
    return [[line.strip() for line in block.split("\n") if line.strip()] for block in blocks if block]


def _bottom(ctx: Context, speech: Speech, wanted: Wanted, materials: Iterable[Material], left: int) -> dict[str, Any]:
    settings = ctx.settings
    web = settings.web is not None
    where = f"{wanted.scope}/" if wanted.scope != HUB else ""
    joined, count = _joined(wanted, materials)
    names = [f"{one_line(name, 60)} ({one_line(what, 60)})" if what else one_line(name, 60) for name, what in joined]
    words = ", ".join(names) if count == len(names) else _some(speech, names, len(names), count - len(names))
    more = speech.phrases("And %(num)s more conversation.", "And %(num)s more conversations.", left)
    return {
        "more": more if left else "",
        "archive": f"{settings.community.url}/archive/{where}" if web else "",
        "joined": words if settings.community.digest.new_members else "",
        "why": _why(ctx, speech, wanted),
        "me": f"{settings.community.url}/me" if web else "",
        "request_address": routing.address(settings, wanted.scope, routing.Kind.REQUEST),
        "contact": settings.community.contact,
    }


def _joined(wanted: Wanted, materials: Iterable[Material]) -> tuple[list[tuple[str, str]], int]:
    """New members of the reader's lists, without the reader; of a crowd, as after an import, only the number."""
    people: dict[int, tuple[str, str]] = {}
    unnamed = 0
    for material in materials:
        unnamed += max(0, material.joined_count - len(material.joined))
        people.update({number: (name, what) for number, name, what in material.joined if number != wanted.person})
    return list(people.values())[:NAMES], len(people) + unnamed


def _why(ctx: Context, speech: Speech, wanted: Wanted) -> str:
    if wanted.kind is IssueKind.CATCH_UP:
        return speech.phrase("You get this letter because you were away, and your usual mail again from now on.")
    if wanted.kind is IssueKind.ASKED:
        return speech.phrase("You get this letter because you asked for it.")
    title = routing.title(ctx.settings, wanted.scope)
    weekly = wanted.kind is IssueKind.WEEKLY
    if wanted.scope == HUB and weekly:
        return speech.phrase("You get a letter each week about your lists in %(title)s.", title=title)
    if wanted.scope == HUB:
        return speech.phrase("You get a letter each day about your lists in %(title)s.", title=title)
    if weekly:
        return speech.phrase("You get a letter each week about %(title)s.", title=title)
    return speech.phrase("You get a letter each day about %(title)s.", title=title)


def finished(press: Press, made: Draft, links: dict[str, str]) -> tuple[bytes, bytes]:
    """The encoded text and HTML of a letter. `links` has `stop` and `stop_mail`, which name its issue."""
    bottom = press.piece("bottom", **made.bottom, **links)
    text = b"".join((*(piece.text for piece in made.pieces), bottom.text))
    html = b"".join((*(piece.html for piece in made.pieces), bottom.html))
    return text, html


def alternatives(text: bytes, html: bytes, boundary: bytes) -> bytes:
    """The body of multipart/alternative, text first."""
    part = b"\r\n--%b\r\nContent-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return b"".join(
        ((part % (boundary, b"plain")).removeprefix(b"\r\n"), text, part % (boundary, b"html"), html,
         b"\r\n--" + boundary + b"--\r\n")
    )  # fmt: skip
