"""Which message answers which: what a message says of its place in a conversation, and how a place is chosen.

Between a released post and the archive (and the digest). After Jamie Zawinski's "message threading" for References and
In-Reply-To (RFC 5322 section 3.6.4), [MS-OXOMSG] section 2.2.1.3 for Thread-Index, and the subject for programs that
write neither. Every choice is made from what is known and from nothing else, never from the order in which messages
came: whoever builds the archive anew gets the same threads.

A message is known by its tag, a hash of its Message-ID; the tag is in its permalink and in LIST+t.TAG@DOMAIN.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from listserv.mail.message import Message, every, last

WINDOW = 14 * 86_400 * 1_000_000  # microseconds in which a subject alone may join a message to a conversation
MAX_REFS = 40
TAG_LENGTH = 16
ERASED = "erased.invalid"
"""The domain of Message-IDs that took the place of others (RFC 2606): the left side is the tag of the one that was."""
_ID = re.compile(r"<([^<>\s]{1,996})>")
_TAG = re.compile(r"[a-z2-7]{16}\Z")
_REPLY = re.compile(
    r"\s*(?:re|aw|antw|antwort|sv|vs|ref|réf|rif|rép|odp|res|vá|ynt|atb|σχετ|απ|הנ|答复|回复|回覆|答覆|返信|답장)"
    r"(?:\s?[\[(]?\d{1,3}[\])]?|\^\d{1,2})?\s?[:：]",
    re.I,
)
_FORWARD = re.compile(r"\s*(?:fwd?|wg|tr|rv|enc|i|vl|doorst|转发|轉寄|転送|전달)\s?[:：]", re.I)
_WAS = re.compile(r"\s*[\[(]\s?(?:was|war|old|formerly)\s?[:：].{0,500}[\])]\s*\Z", re.I | re.S)
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Subject:
    """`key` is the subject as conversations are compared by it; empty when it says too little to join by."""

    key: str
    reply: bool


@dataclass(frozen=True, slots=True)
class Links:
    """What the header says: tags of the messages referred to, oldest first, and Outlook's own index (else b"")."""

    refs: tuple[str, ...]
    index: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """A message with what decides on its place. `date`: microseconds since 1970; `to`: the tag that it was sent to."""

    tag: str
    date: int
    subject: Subject
    refs: tuple[str, ...] = ()
    index: bytes = b""
    to: str = ""

    @property
    def order(self) -> tuple[int, str]:
        return (self.date, self.tag)


def tag_of(message_id: str, salt: str = "") -> str:
    """The tag of a Message-ID, with or without its angle brackets; `salt` tells two messages of one ID apart.

    An ID that stands for an erased one has the tag of that one, so that no conversation falls apart by an erasure.
    """
    bare = message_id.strip().strip("<>")
    left, _, right = bare.rpartition("@")
    if right == ERASED and not salt and is_tag(left):
        return left
    text = f"{bare}\0{salt}" if salt else bare
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest[:10]).decode("ascii").lower()


def is_tag(text: str) -> bool:
    return bool(_TAG.match(text))


def erased_id(message_id: str) -> str:
    """What stands in the place of a Message-ID whose author was erased; erasing it once more changes nothing."""
    return f"<{tag_of(message_id)}@{ERASED}>"


def subject_of(text: str, prefix: str | None = None) -> Subject:
    """Reads a subject; `prefix` is what the list puts in front of subjects, if it does."""
    key, reply = _bare(text, prefix)
    return Subject(key if _tells(key) else "", reply)


def same_subject(one: str, other: str, prefix: str | None = None) -> bool:
    """Whether two subjects say the same but for "Re:" and the like: then one of them is enough on a page."""
    return _bare(one, prefix)[0] == _bare(other, prefix)[0]


def _bare(text: str, prefix: str | None) -> tuple[str, bool]:
    rest, reply = _BLANKS.sub(" ", text[:1000]).strip(), False
    while True:
        if prefix and rest.lower().startswith(prefix.strip().lower()):
            rest = rest[len(prefix.strip()) :].lstrip()
        elif found := _REPLY.match(rest):
            rest, reply = rest[found.end() :].lstrip(), True
        elif found := _FORWARD.match(rest):
            rest = rest[found.end() :].lstrip()
            reply = False
        else:
            break
    rest = _WAS.sub("", rest) or rest
    return rest.casefold().strip(" .!?…-"), reply


def _tells(key: str) -> bool:
    """Whether a subject can only be about one thing: "question" and "hello" join strangers' conversations."""
    return len(key) >= 12 or (len(key) >= 6 and " " in key) or (len(key) >= 3 and not key.isascii())


def links_of(message: Message) -> Links:
    """References and In-Reply-To as tags, duplicates out, the first and the last ones of a long list; Thread-Index."""
    ids: list[str] = []
    for value in every(message, "references")[-1:]:
        ids += _ID.findall(value[:60_000])
    answered = [one for value in every(message, "in-reply-to")[-1:] for one in _ID.findall(value[:5_000])]
    for one in answered[-1:]:  # the message answered is the nearest of all
        if one in ids:
            ids.remove(one)
        ids.append(one)
    tags = list(dict.fromkeys(reversed([tag_of(one) for one in ids])))[::-1]
    if len(tags) > MAX_REFS:
        tags = [tags[0], *tags[-(MAX_REFS - 1) :]]
    return Links(tuple(tags), _index(last(message, "thread-index") or ""))


def _index(value: str) -> bytes:
    """22 octets name the conversation, 5 more stand for each answer."""
    try:
        data = binascii.a2b_base64("".join(value.split())[:800], strict_mode=True)
    except (binascii.Error, ValueError):
        return b""
    return data if len(data) >= 22 and (len(data) - 22) % 5 == 0 else b""


def by_references(place: Place, known: Collection[str]) -> str | None:
    """The nearest message referred to that is here, else the one whose address it was sent to."""
    for ref in reversed(place.refs):
        if ref in known and ref != place.tag:
            return ref
    return place.to if place.to in known and place.to != place.tag else None


def by_index(place: Place, conversation: Iterable[Place]) -> str | None:
    """Outlook without references: the message whose index this one continues, else the first of the conversation."""
    others = [other for other in conversation if other.tag != place.tag]
    before = [other for other in others if len(other.index) < len(place.index) and place.index.startswith(other.index)]
    if before:
        return max(before, key=lambda other: (len(other.index), other.order)).tag
    first = min((other for other in others if other.order < place.order), key=lambda other: other.order, default=None)
    return first.tag if first and len(place.index) > 22 else None


def by_subject(place: Place, same: Iterable[Place]) -> str | None:
    """An answer that refers to nothing here goes below the latest message of its subject in the last two weeks.

    Not when two conversations of that subject began in this time: one of them would get what is not its own.
    """
    if not place.subject.reply or not place.subject.key:
        return None
    near = [other for other in same if place.date - WINDOW <= other.date and other.order < place.order]
    if sum(not other.subject.reply for other in near) > 1:
        return None
    return max(near, key=lambda other: other.order).tag if near else None


@dataclass(frozen=True, slots=True)
class Line:
    """A message in its thread: how deep it stands, and the tag it stands below (None at the top)."""

    tag: str
    depth: int
    parent: str | None


def outline(orders: Mapping[str, tuple[int, str]], parents: Mapping[str, str | None]) -> list[Line]:
    """One thread from its first message down, answers below what they answer, in order of time.

    `orders` gives each message's place in time. Where messages answer each other in a circle, the earliest is taken
    for the one that began. Further messages without a parent (what they answer is not here) stand below the first.
    """
    up = {tag: parent if (parent := parents.get(tag)) in orders else None for tag in orders}
    for tag in _circles(orders, up):
        up[tag] = None
    tops = sorted((tag for tag, parent in up.items() if parent is None), key=orders.__getitem__)
    first = tops[0]
    below: dict[str, list[str]] = {}
    for tag, parent in up.items():
        if tag != first:
            below.setdefault(parent or first, []).append(tag)
    lines: list[Line] = []
    open_: list[tuple[str, int]] = [(first, 0)]
    while open_:
        tag, depth = open_.pop()
        lines.append(Line(tag, depth, up[tag]))
        answers = sorted(below.get(tag, ()), key=orders.__getitem__, reverse=True)
        open_ += [(answer, depth + 1) for answer in answers]
    return lines


def _circles(orders: Mapping[str, tuple[int, str]], up: Mapping[str, str | None]) -> list[str]:
    """The earliest message of each circle of answers."""
    found: list[str] = []
    state: dict[str, int] = {}
    for number, start in enumerate(up):
        path: list[str] = []
        tag: str | None = start
        while tag is not None and tag not in state:
            state[tag] = number
            path.append(tag)
            tag = up[tag]
        if tag is not None and state[tag] == number and tag in path:
            found.append(min(path[path.index(tag) :], key=orders.__getitem__))
    return found


def components(tags: Iterable[str], neighbours: Callable[[str], Sequence[str]]) -> list[set[str]]:
    """What hangs together; `neighbours` must be symmetric within `tags`."""
    left = set(tags)
    found: list[set[str]] = []
    while left:
        start = left.pop()
        whole, open_ = {start}, [start]
        while open_:
            for other in neighbours(open_.pop()):
                if other in left:
                    left.discard(other)
                    whole.add(other)
                    open_.append(other)
        found.append(whole)
    return found
