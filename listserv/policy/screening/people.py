"""Names of people in the words around them: behind a title, behind "named", beside a word for somebody in care.

A name alone says nothing: members greet, quote and cite each other all day. What counts is where it stands. Names of
members, of the author and of people who are cited are no findings; a client who has a member's first name is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from listserv.mail.passages import Place
from listserv.policy.screening import around_names as around
from listserv.policy.screening import naming
from listserv.policy.screening.context import OF_A_CLIENT, OFFERED, PSEUDONYM, PUBLIC, case_in, of_a_case
from listserv.policy.screening.finding import Level
from listserv.policy.screening.given_names import ALL, GIVEN
from listserv.policy.screening.known import Hit, Known
from listserv.policy.screening.plain import View
from listserv.policy.screening.tables import cells
from listserv.policy.screening.words import ACRONYMS, EPONYMS, NO_INITIALS, NO_NAMES, OF_FILES, OF_STORIES

MANY = 300  # of one pattern in one passage that are judged; long before, the post is held
_MONTHS = ("April", "May", "June", "August")


@dataclass(frozen=True, slots=True)
class Relation:
    """A pattern of names beside words for people. `names`: the first word has to be one of them, None: any. `sure`:
    of a client, whatever members are called. `full`: first and last name together are as grave as a title."""

    pattern: re.Pattern[str]
    names: frozenset[str] | None
    begins: frozenset[str] | None = None  # the first words of the pattern; None: it begins with the name
    sure: bool = True
    full: bool = True
    greetings: bool = True  # whether a name in a greeting or beside "wrote" is nobody's


RELATIONS = (
    Relation(naming.RELATED, ALL, naming.PEOPLE, greetings=False),
    Relation(naming.RELATED_UNKNOWN, None, naming.DETERMINERS),
    Relation(naming.OF_RELATIVE, None, naming.OWNERS),
    Relation(naming.KIN, None),
    Relation(naming.THE_RELATIVE, None, frozenset(("the",)), sure=False, full=False),
    Relation(naming.FOR_QUOTED, GIVEN, frozenset(("for",)), sure=False, full=False),
    Relation(naming.AGED, None, sure=False),
    Relation(naming.APPOSED, GIVEN),
    Relation(naming.POSSESSIVE, GIVEN),
    Relation(naming.ACTING, GIVEN, sure=False, full=False),
)


@dataclass(frozen=True, slots=True)
class Named:
    """A name where it stands, and how it was found."""

    hit: Hit
    name: str
    sure: bool  # of a client: nobody's first name excuses it


def _trimmed(name: str) -> str:
    """The name without words at its end that only begin with a capital."""
    words = re.split(r"([ \t\n]+)", name)
    while len(words) > 1 and words[-1].strip(".").casefold() in NO_NAMES:
        del words[-2:]
    return "".join(words)


def _is_no_name(name: str) -> bool:
    return re.split(r"[\s'-]", name.strip("."), maxsplit=1)[0].casefold() in NO_NAMES


def _in_correspondence(view: View, start: int) -> bool:
    """Whether the name stands in a greeting, a sign-off, a header block or the line that introduces a quotation."""
    if view.in_signature(start):
        return True
    left, right = view.line(start)
    line = view.text[left : min(right, left + 400)]
    if around.WROTE.search(line) or around.ADDRESSED.match(line):
        return True
    above = left
    for _ in range(2):
        above = view.text.rfind("\n", max(0, above - 300), max(0, above - 1)) + 1
    found = around.ATTRIBUTION.finditer(view.text, above, min(len(view.text), right + 240))
    if any(one.start() <= start < one.end() for one in found):
        return True
    return len(line) < 100 and bool(around.GREETED.match(view.text[left:start]))


def _is_cited(view: View, end: int) -> bool:
    tail = view.text[end : end + 60]
    return bool(around.CITED.match(tail) or around.HONOURED.match(tail))


def _is_public(view: View, start: int, end: int) -> bool:
    left, right = view.sentence(start, end, 120)
    return bool(PUBLIC.search(view.text, left, right) or OFFERED.search(view.text, left, right))


def _is_made_up(view: View, start: int, end: int) -> bool:
    """Whether the words say so: beside the name, or once for all names of the passage."""
    left, right = view.sentence(start, end, 120)
    if around.FICTION.search(view.text, left, right) or view.made_up:
        return True
    return bool(PSEUDONYM.search(view.text, max(0, start - 60), min(len(view.text), end + 60)))


def is_nobodys(view: View, start: int, end: int) -> bool:
    """Whether the words around a name say that it is nobody in care: greeted, cited, published or made up."""
    if _in_correspondence(view, start) or _is_cited(view, end):
        return True
    return _is_made_up(view, start, end) or _is_public(view, start, end)


@lru_cache(8)
def _at_work(text: str, about: str) -> bool:
    """Whether something is offered or organised and nobody in care is spoken of."""
    if case_in(text, about):
        return False
    return any(words.search(one) for words in (OFFERED, around.STAFF) for one in (about, text))


def _titled(view: View) -> Iterator[Named]:
    """Names behind a title. Of doctors and professors only those who treat somebody: colleagues are named all day."""
    for found in islice(view.matches_at(naming.TITLED, view.starts(naming.TITLES)), MANY):
        name = _trimmed(found["name"])
        start, end = found.start("name"), found.start("name") + len(name)
        seen = around.TO_SEE.search(view.text, max(0, found.start() - 30), found.start())
        if _is_no_name(name) or (_in_correspondence(view, found.start()) and not seen) or _is_cited(view, end):
            continue
        last = name.split()[-1].casefold().removesuffix("'s")
        learned = re.match(r"d|p|a", found[0], re.I) is not None
        left, right = view.sentence(start, end, 160)
        treats = around.TREATS.search(view.text, left, right) or around.OF_CARE.search(view.text, left, right)
        sent = around.SENT_TO.search(view.text, max(0, found.start() - 50), found.start())
        public = PUBLIC.search(view.text, left, right) is not None if sent else _is_public(view, start, end)
        if learned and (last in EPONYMS or public or not treats):
            continue
        of_a_client = view.near(OF_A_CLIENT, start, end, 80, 80) or around.DUE.match(view.text, end) is not None
        if not learned and (
            last in OF_STORIES
            or around.STAFF.search(view.text, left, right)
            or _is_made_up(view, start, end)
            or (public and not of_a_client)
        ):
            continue
        # a colleague who is recommended or farewelled is named with good reason
        praised = (
            not learned
            and not of_a_client
            and not seen
            and (
                around.PROFESSIONAL.search(view.text, left, right)
                or around.THANKED.search(view.text, max(0, found.start() - 40), found.start())
            )
        )
        nobodys = not learned and not of_a_client and not seen and _at_work(view.text, view.about)
        yield Named(
            Hit("name", Level.WARNING if praised or nobodys else Level.CLINICAL, found.start(), end), name, False
        )
    for found in view.matches_at(naming.SMALL_TITLED, view.starts(naming.SMALL_TITLES)):
        if found["name"] not in NO_NAMES and not view.in_signature(found.start()):
            yield Named(Hit("name", Level.CLINICAL, *found.span()), found["name"], False)


def _called(view: View) -> Iterator[Named]:
    """Names behind "named", "called", "whose name is"."""
    for found in view.matches_at(naming.NAMED, view.starts(naming.NAMING)):
        name = _trimmed(found["name"])
        start = found.start("name")
        if _is_no_name(name) or around.SERVICES.match(name) or _is_made_up(view, found.start(), start + len(name)):
            continue
        left, _ = view.sentence(found.start(), found.end(), 45)
        before = view.text[left : found.start()]
        directly = around.SOMEBODY.search(before) is not None or found["how"] is None
        directly = directly or (found["how"] == "named" and " " in name and around.IN_CARE.search(before) is not None)
        given = name.split()[0].casefold() in ALL
        if around.ANIMALS.search(before) or not (directly or (given and around.WHO_AT_ALL.search(before))):
            continue
        level = Level.CLINICAL
        if found["how"] == "called":  # or somebody picked up a telephone
            is_so = around.IS_SO.search(before)
            if not (directly or (given and is_so)):
                continue
            level = Level.CLINICAL if is_so or around.SOME_NEW.search(before) else Level.WARNING
        yield Named(Hit("name", level, start, start + len(name)), name, True)


def _beside_numbers(view: View) -> Iterator[Named]:
    """Names that a number or a column says are a client's: "pt name Ann Example", "Ann Example, IHI 8003 ..."."""
    capitals = view.capitals_at() if view.mentions(naming.NUMBERS) else []
    for pattern, starts in (
        (naming.OF_CLIENT, view.starts(naming.CLIENTS) if view.mentions(("name",)) else []),
        (naming.RENAMED, view.starts(frozenset(), naming.RENAMING) if view.mentions(("name", "one")) else []),
        (naming.BESIDE_NUMBER, capitals),
    ):
        for found in islice(view.matches_at(pattern, starts), MANY):
            name = _trimmed(found["name"])
            words = name.split()
            start, end = found.start("name"), found.start("name") + len(name)
            if len(words) < 2 and (pattern is not naming.OF_CLIENT or name.casefold() not in GIVEN):
                continue
            if any(word.casefold() in NO_NAMES for word in words) or _is_made_up(view, start, end):
                continue
            public = pattern is not naming.BESIDE_NUMBER and _is_public(view, start, end)
            if not view.in_signature(start) and not public:
                level = Level.CLINICAL if pattern is naming.OF_CLIENT else Level.WARNING
                yield Named(Hit("name", level, start, end), name, False)
    for start, end, head, heads in cells(view.text):
        of_client = naming.CLIENT_HEAD.fullmatch(head)
        found_in = naming.IN_CELL.fullmatch(view.text, start, end)
        if found_in and (of_client or (naming.NAME_HEAD.fullmatch(head) and naming.NUMBER_HEADS.search(heads))):
            level = Level.CLINICAL if of_client and found_in[0].split()[0].casefold() in GIVEN else Level.WARNING
            if not _is_no_name(found_in[0]):
                yield Named(Hit("name", level, start, end), found_in[0], False)


def _labelled(view: View) -> Iterator[Named]:
    """Names behind a label at the beginning of a line: `Client: ...`."""
    for found in naming.LABEL.finditer(view.text):
        name = _trimmed(found["name"])
        words = [word.strip(",").casefold() for word in name.split()]
        about = re.match(r"[\s>*-]*re", found[0], re.I) is not None
        if _is_no_name(name) or view.in_signature(found.start()):
            continue
        if about and (
            view.passage.place == Place.SUBJECT  # only an answer
            or words[0] not in GIVEN
            or len(words) < 2
            or _is_public(view, *found.span("name"))
        ):
            continue
        if any(word in (ALL if len(words) > 1 else GIVEN) for word in words):
            start = found.start("name")
            yield Named(Hit("name", Level.CLINICAL, start, start + len(name)), name, True)


def _related(view: View) -> Iterator[Named]:
    """Names beside words for people in care."""
    capitals = view.capitals_at()
    for relation in RELATIONS:
        starts = capitals if relation.begins is None else view.starts(relation.begins)
        for found in islice(view.matches_at(relation.pattern, starts), MANY):
            name = _trimmed(found["name"])
            words = name.split()
            start, end = found.start("name"), found.start("name") + len(name)
            unlisted = relation.names is None and (name.isupper() or around.SERVICES.match(name))
            if _is_no_name(name) or unlisted:
                continue
            if relation.names is not None and words[0].casefold() not in relation.names:
                continue
            if _is_made_up(view, start, end) or _is_cited(view, end) or view.in_signature(start):
                continue
            said = around.SAID.match(view.text[end : end + 30])
            if relation.greetings and (said or _in_correspondence(view, start)):
                continue
            dated = words[0] in _MONTHS and view.text[end : end + 2].strip()[:1].isdigit()
            if words[-1].casefold() in EPONYMS or dated:
                continue
            full = relation.full and len(words) > 1 and words[1].casefold() not in NO_NAMES
            if relation.pattern is naming.RELATED and not around.IN_CARE.match(found[0]):
                full = False
            yield Named(Hit("name", Level.CLINICAL if full else Level.WARNING, start, end), name, relation.sure)
    yield from _written_small(view)


def _written_small(view: View) -> Iterator[Named]:
    """The same in small letters, as on a phone; only names that are no words."""
    for found in view.matches_at(naming.RELATED_SMALL, view.starts(naming.SMALL_RELATED)):
        group = next(group for group in ("name", "other", "called") if found[group])
        if found[group] in GIVEN and not _is_made_up(view, *found.span(group)):
            before = view.text[max(0, found.start() - 40) : found.start()]
            sure = group == "called" and around.WHO_BEFORE.search(before) is not None
            level = Level.CLINICAL if sure else Level.WARNING
            yield Named(Hit("name", level, *found.span(group)), found[group], True)


def _in_subject(view: View) -> Iterator[Named]:
    """`Surname, Given` or `about Given Surname` in a subject."""
    if view.passage.place != Place.SUBJECT:
        return
    for found in naming.COMMA.finditer(view.text):
        last, _, first = found["name"].partition(", ")
        if first.casefold() in GIVEN and not _is_no_name(last) and not _is_public(view, *found.span("name")):
            yield Named(Hit("name", Level.CLINICAL, *found.span("name")), f"{first} {last}", False)
    for found in islice(naming.ABOUT.finditer(view.text), 20):
        words = found["name"].split()
        known = words[0].casefold() in GIVEN and words[1].casefold() not in EPONYMS | NO_NAMES
        if known and of_a_case(view.text) and not _is_public(view, *found.span("name")):
            yield Named(Hit("name", Level.CLINICAL, *found.span("name")), found["name"], False)


def _elsewhere(view: View) -> Iterator[Named]:
    """Given names in the text of a case that nobody is greeted, thanked or quoted by."""
    if view.passage.place == Place.FILE_NAME or not case_in(view.text, view.about):
        return
    for found in islice(view.matches_at(naming.ALONE, view.capitals_at()), 10 * MANY):
        start, end = found.span()
        last = (found["last"] or "").strip().casefold()
        if found["name"].casefold() not in GIVEN or last in EPONYMS or view.in_web(start):
            continue
        if around.SPOKEN_TO.search(view.text, max(0, start - 30), start) or around.SAID.match(
            view.text[end : end + 30]
        ):
            continue
        if _in_correspondence(view, start) or _is_made_up(view, start, end) or _is_cited(view, end):
            continue
        left, right = view.sentence(start, end, 160)
        if _is_public(view, start, end) or not around.SOMEBODYS.search(view.text, left, right):
            continue
        if not (last and around.PROFESSION.search(view.text, left, right)):
            name = _trimmed(found[0])
            yield Named(Hit("name", Level.WARNING, start, start + len(name)), name, False)


def _in_file_name(view: View) -> Iterator[Named]:
    if view.passage.place != Place.FILE_NAME:
        return
    words = [(found[0], found.start(), found.end()) for found in re.finditer(r"[^\W\d_]{2,}", view.text)]
    level = Level.WARNING if naming.FILE_OF_COLLEAGUES.search(view.text) else Level.CLINICAL
    memo = naming.RECORDED.match(view.text)
    if memo and words and words[0][0].casefold() not in NO_NAMES | OF_FILES | GIVEN:
        yield Named(Hit("name", Level.WARNING, *memo.span("name")), memo["name"], False)
    for number, (word, start, end) in enumerate(words):
        if word.casefold() not in GIVEN or (word.islower() and len(word) < 4):
            continue
        near = words[max(0, number - 1) : number] + words[number + 1 : number + 2]
        others = [one for one in near if one[0][:1].isupper() and one[0].casefold() not in NO_NAMES | OF_FILES]
        if others and others[-1][1] > end and view.text[end : others[-1][1]].strip(" -.") == "":
            last = others[-1][2]
            yield Named(Hit("name", level, start, last), view.text[start:last], False)
        elif others and others[0][2] < start and view.text[others[0][2] : start].strip(" -.,") == "":
            yield Named(Hit("name", level, others[0][1], end), f"{word} {others[0][0]}", False)
        else:
            yield Named(Hit("name", level, start, end), word, False)
        break


FINDERS = (_titled, _called, _labelled, _beside_numbers, _related, _in_subject, _elsewhere, _in_file_name)


@lru_cache(8)
def _found(view: View) -> tuple[Named, ...]:
    return tuple(_looked_for(view))


_OF_CHANGES = (
    "name", "pseudonym", "composite", "fictional", "fictitious", "made", "invented", "likeness", "resemblance",
    "hypothetical",
)  # fmt: skip


def _looked_for(view: View) -> Iterator[Named]:
    if view.mentions(_OF_CHANGES):
        view = replace(view, made_up=around.CHANGED.search(view.text) is not None)
    for finder in FINDERS:
        yield from finder(view)


def names_in(view: View) -> Iterator[str]:
    """Every name that would be a finding if it were nobody's that may be named."""
    return (" ".join(one.name.split()) for one in _found(view))


def names(view: View, known: Known) -> Iterator[Hit]:
    """Names of people who are not the author, a member or somebody cited."""
    for one in _found(view):
        single = len(one.name.split()) == 1
        if one.sure and single:
            excused = one.name.casefold() in known.people.author
        else:
            excused = known.people.is_known(one.name) or (single and known.people.is_first_name(one.name))
        if not excused:
            yield one.hit


def initials(view: View, known: Known) -> Iterator[Hit]:
    """Two or three initials that stand for somebody."""
    author = "".join(word[0] for word in known.author_name.casefold().split())
    for found in view.matches_at(naming.INITIALS, view.capitals_at(1)):
        letters = re.sub(r"[^a-z]", "", found[0].casefold())
        if letters in NO_INITIALS or letters == author or _in_correspondence(view, found.start()):
            continue
        before = view.text[max(0, found.start() - 35) : found.start()]
        if not (_is_public(view, *found.span()) or around.LAST_NAME.search(before) or _is_cited(view, found.end())):
            yield Hit("initials", Level.WARNING, *found.span())
    for found in view.matches_at(naming.TITLED_INITIAL, view.starts(naming.TITLES)):
        if not view.in_signature(found.start()):
            yield Hit("initials", Level.WARNING, *found.span())
    two = view.capitals_at(2)
    patterns = [(naming.TWO_LETTERS, two)] if of_a_case(view.text) else []
    for pattern, starts in (*patterns, (naming.CLIENT_INITIALS, sorted({*two, *view.starts(naming.INITIALLED)}))):
        for found in view.matches_at(pattern, starts):
            group = next(group for group in ("two", "initials", "before") if found.groupdict().get(group))
            if found[group].casefold() not in ACRONYMS and not view.in_signature(found.start()):
                yield Hit("initials", Level.WARNING, *found.span(group))
