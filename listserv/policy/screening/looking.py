"""The screen itself: every detector over every passage, what overlaps made one, the value masked.

`policy.rules` reads the findings; `scrubbed` does the same for what moderators write themselves.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice

from listserv.mail.passages import Passage, Place, Unread
from listserv.mail.whose import joined, signed_by, whose, with_asides
from listserv.policy.screening import (
    check_digits,
    circumstances,
    contacts,
    danger,
    dates,
    numbers,
    pages,
    people,
    recognised,
)
from listserv.policy.screening.context import CASE, CLIENT, INVENTED
from listserv.policy.screening.finding import GRAVITY, Finding, Level
from listserv.policy.screening.given_names import GIVEN
from listserv.policy.screening.kinds import BY_WORD
from listserv.policy.screening.known import Hit, Known, key
from listserv.policy.screening.plain import View, view, within

MAX_MASK = 40
NEAR_BY = 600  # characters for which it holds that somebody calls a case invented
MAX_FINDINGS = 500  # of one message; nobody reads more
REMOVED = "[removed]"
_APART = frozenset(("risk", "combination"))  # these stand beside others at the same place
_OF_SIGNATURES = frozenset(("phone", "mail-address", "street-address", "place", "page", "practitioner", "workplace"))
_CHECKS: dict[str, Callable[[str], bool]] = {
    "medicare-card": check_digits.is_medicare,
    "ihi": check_digits.is_luhn,
    "tax-file": check_digits.is_tfn,
    "bank": check_digits.is_luhn,
}
_WORD = re.compile(r"[^\W\d_]+")
_FILLED = re.compile(r"[^\W_]")
DETECTORS: tuple[Callable[[View], Iterator[Hit]], ...] = (
    numbers.find,
    dates.births,
    dates.dates,
    dates.ages,
    contacts.phones,
    contacts.streets,
    contacts.places,
    pages.pages,
    circumstances.workplaces,
    circumstances.third_parties,
    circumstances.combinations,
    circumstances.rare_ages,
    danger.risks,
)
WITH_PEOPLE: tuple[Callable[[View, Known], Iterator[Hit]], ...] = (
    contacts.addresses,
    people.names,
    people.initials,
    recognised.names,
)
_UNREAD = {
    Unread.PICTURE: "picture",
    Unread.ENCRYPTED: "unread",
    Unread.DOCUMENT: "unread",
    Unread.LONG: "unread",
}


def names(passages: Iterable[Passage]) -> frozenset[str]:
    """Every personal name that would be a finding if nobody in it were known, without titles. Ask who of them are
    members, and give those back as `Known.members`."""
    passages = tuple(passages)
    about = _subject(passages)
    return frozenset(name for passage in passages for name in people.names_in(_seen(passage, about)))


def addresses(passages: Iterable[Passage]) -> frozenset[str]:
    """Every mail address that stands in the passages; those of members belong into `Known.members` as well."""
    return frozenset(address for passage in passages for address in contacts.mail_addresses(view(passage)))


def screen(passages: Sequence[Passage], known: Known) -> tuple[Finding, ...]:
    """The findings by place: one for each value in each passage, quoted or not, the graver one where two overlap; a
    `risk` and the parts of a `combination` stand for themselves. At most MAX_FINDINGS, the gravest. Never raises."""
    found: list[Finding] = []
    about = _subject(passages)
    for number, passage in enumerate(passages):
        if passage.unread is not None:
            found.append(Finding(_UNREAD[passage.unread], Level.CLINICAL, passage.place, number, 0, 0, 1, ""))
        signed = _signed(passage, known)
        seen = _seen(signed, about)
        own = key(" ".join(signed.text[a:b] for a, b in signed.signature if not within(signed.quoted, a)))
        taken: set[tuple[str, str, bool]] = set()
        for hit in _resolved(_hits(seen, known)):
            start, end = seen.span(hit.start, hit.end)
            while start < end and passage.text[start] in " ,;:.\n":
                start += 1
            while end > start and passage.text[end - 1] in " ,;:.\n" and hit.kind != "initials":
                end -= 1
            quoted = within(passage.quoted, start)
            value = passage.text[start:end]
            same = (hit.kind, key(value) or value, quoted)
            carried = hit.kind == "mail-address" and seen.in_web(
                hit.start
            )  # by a link, which may stand behind all text
            theirs = hit.kind in _OF_SIGNATURES and key(value) in own and not carried
            if start < end and same not in taken and not theirs and key(value) not in known.people.allowed:
                taken.add(same)
                line = passage.text.count("\n", 0, start) + 1
                shown = hit.words or masked(hit.kind, value)
                found.append(Finding(hit.kind, hit.level, passage.place, number, start, end, line, shown, quoted))
    if len(found) > MAX_FINDINGS:
        gravest = sorted(found, key=lambda one: -GRAVITY[one.level])[:MAX_FINDINGS]
        found = sorted(gravest, key=lambda one: (one.passage, one.start, one.end))
    return tuple(found)


def _subject(passages: Sequence[Passage]) -> str:
    return next((passage.text[:400] for passage in passages if passage.place == Place.SUBJECT), "")


@lru_cache(8)
def _seen(passage: Passage, about: str) -> View:
    """A passage with the subject at hand: what a number is may be said there alone."""
    seen = view(passage)
    return seen if passage.place == Place.SUBJECT or not about else replace(seen, about=about)


def _signed(passage: Passage, known: Known) -> Passage:
    """The passage with the signatures that excuse what stands in them: the author's, also where nothing but the name
    introduces it, and within quotations those of members. A client's mail that is passed on has a signature as well."""
    if passage.place not in (Place.TEXT, Place.HTML):
        return passage
    spans = [
        span
        for span in passage.signature
        if not within(passage.quoted, span[0]) or known.people.stands_in(passage.text[span[0] : span[1]])
    ]
    shown = passage.text[: passage.asides[0][0]] if passage.asides else passage.text
    spans += signed_by(shown, known.people.signs)
    spans += _beside_the_author(passage.text, known)
    return replace(passage, signature=with_asides(joined(spans), passage.asides))


def _beside_the_author(text: str, known: Known) -> Iterator[tuple[int, int]]:
    """From the author's first and last name to the next name or the end of the line, where nobody is in care:
    `Contact: Ann Archer, team leader, 02 5550 1234`."""
    if len(known.people.author_in_order) > 1:
        for found in re.finditer(r"\s+".join(map(re.escape, known.people.author_in_order)), text, re.I):
            end = text.find("\n", found.end())
            end = min(len(text) if end < 0 else end, found.end() + 120)
            others = (word.start() for word in _WORD.finditer(text, found.end(), end) if word[0].casefold() in GIVEN)
            end = next(others, end)
            if not CLIENT.search(text, found.end(), end) and not CASE.search(text, found.end(), end):
                yield found.start(), end


def _hits(seen: View, known: Known) -> Iterator[Hit]:
    if not seen.text.strip():
        return
    in_subject = INVENTED.search(seen.about) is not None
    said = [found.start() for found in islice(INVENTED.finditer(seen.text), 20)] if seen.mentions(_OF_INVENTION) else []
    for detector in DETECTORS:
        for hit in detector(seen):
            invented = in_subject or any(abs(hit.start - at) < NEAR_BY for at in said)
            yield _of_an_example(hit, seen) if invented else hit
    for with_people in WITH_PEOPLE:
        yield from with_people(seen, known)
    for own in known.detectors:
        for found in own.pattern.finditer(seen.text):
            if found.end() > found.start():
                yield Hit(own.name, own.level, *found.span())


_OF_INVENTION = (
    "made-up", "made up", "invented", "imagin", "fabricated", "fictional", "fictitious", "hypothetical", "mock ",
    "likeness", "resemblance", "similarity", "not real", "not a real",
)  # fmt: skip


def _of_an_example(hit: Hit, seen: View) -> Hit:
    """A hit near which the text says that it is made up: a warning, unless a check digit says that it is real."""
    check = _CHECKS.get(hit.kind)
    real = check is not None and check(re.sub(r"[^0-9A-Za-z]", "", seen.digits[hit.start : hit.end]))
    grave = GRAVITY[hit.level] > GRAVITY[Level.WARNING]
    return replace(hit, level=Level.WARNING) if grave and not real else hit


def _resolved(hits: Iterable[Hit]) -> list[Hit]:
    """What is left when of two that overlap the graver one stands, then the longer one; in order of place."""
    kept: list[Hit] = []
    starts: list[tuple[int, int]] = []
    ordered = sorted(hits, key=lambda hit: (-GRAVITY[hit.level], hit.start - hit.end, hit.start))
    apart = {hit for hit in ordered if hit.kind in _APART}
    for hit in ordered:
        if hit in apart:
            continue
        rest = _rest(starts, hit)
        if rest is not None:
            insort(starts, (rest.start, rest.end))
            kept.append(rest)
    alone = [hit for hit in apart if hit.kind == "risk" or not _overlaps_graver(kept, hit)]
    return sorted((*kept, *alone), key=lambda hit: (hit.start, hit.end, hit.kind))


def _overlaps_graver(kept: Sequence[Hit], hit: Hit) -> bool:
    """Whether the very characters of a trait are found already, as grave."""
    return any(
        one.start <= hit.start and hit.end <= one.end and GRAVITY[one.level] >= GRAVITY[hit.level] for one in kept
    )


def _rest(spans: list[tuple[int, int]], hit: Hit) -> Hit | None:
    """What of a hit no graver one has; None when little is left."""
    start, end = hit.start, hit.end
    at = bisect_left(spans, (start, start))
    if at > 0 and spans[at - 1][1] > start:
        start = spans[at - 1][1]
    if at < len(spans) and spans[at][0] < end:
        if spans[at][0] - start < end - spans[at][1]:
            start = max(start, spans[at][1])
        else:
            end = spans[at][0]
        at = bisect_left(spans, (start, start))
        if at < len(spans) and spans[at][0] < end:
            return None
    whole = (start, end) == (hit.start, hit.end)
    return hit if whole else replace(hit, start=start, end=end) if end - start > 4 else None


def masked(kind: str, value: str) -> str:
    """A value as it may be shown: its first character, a second one of long numbers; of names and birth dates, and
    whatever a site looks for itself, none."""
    flat = " ".join(value.split())[:MAX_MASK]
    known = BY_WORD.get(kind)
    if known is None or known.secret:
        return " ".join("•••" for _ in flat.split()[:4])
    if kind == "risk":
        return ""
    shown = 2 if kind == "phone" else 1
    out: list[str] = []
    for character in flat:
        if not _FILLED.match(character):
            out.append(character if character in " -/.@:(),+" else "•")
        elif shown and character.isascii():
            out.append(character)
            shown -= 1
        else:
            out.append("•")
    return "".join(out)


def scrubbed(text: str, known: Known) -> str:
    """A plain text, such as a moderator's reason, with `[removed]` for what would hold a post on a clinical list."""
    passage = Passage(Place.TEXT, -1, "", text, whose(text)[0])
    spans = [
        (found.start, found.end)
        for found in screen((passage,), known)
        if GRAVITY[found.level] >= GRAVITY[Level.CLINICAL] and found.kind != "combination"
    ]
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + REMOVED + text[end:]
    return text
