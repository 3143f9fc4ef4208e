"""Names of people in the words around them: behind a title, behind "named", beside a word for somebody in care.

A name alone says nothing: members greet, quote and cite each other all day. What counts is where it stands. Names of
members, of the author and of people who are cited are no findings; a client who has a member's first name is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from listserv.mail.passages import Place
from listserv.policy.screening.context import CASE, OFFERED, PERSON_WORDS, PSEUDONYM, PUBLIC
from listserv.policy.screening.finding import Level
from listserv.policy.screening.given_names import ALL, GIVEN
from listserv.policy.screening.known import Hit, Known
from listserv.policy.screening.plain import View
from listserv.policy.screening.words import ACRONYMS, EPONYMS, NO_INITIALS, NO_NAMES, OF_FILES, OF_STORIES

_UPPER = "A-ZÀ-ÖØ-ÞĀĆČĎĐĒĖĘĚĞĢĪĮİĶĹĻĽŁŃŅŇŌŐŒŔŘŚŞŠŢŤŪŮŰŲŹŻŽȘȚ"
_CAP = rf"[{_UPPER}][^\W\d_]{{1,30}}(?:['-][^\W\d_]{{1,30}})?"
_PARTICLE = r"(?:(?:van|von|der|den|de|di|da|dos|del|bin|binti|al|el|la|le|ben|ter|of)[ -]){0,2}"
_G = r"(?:[ \t]+|[ \t]*\n[ \t]*)"
_NAME = rf"{_PARTICLE}{_CAP}(?:{_G}{_PARTICLE}{_CAP}){{0,2}}"
_TITLED = re.compile(
    rf"(?<![\w/])(?:[Mm]r|MR|[Mm]rs|MRS|[Mm]s|[Mm]iss|MISS|[Mm]x|[Dd]r|DR|[Pp]rof(?:essor)?|A/Prof|Assoc\.? Prof|"
    rf"Herr[n]?|Frau|Mme|Madame|"
    rf"Monsieur|M(?=\.[ ][A-Z])|Constable|Sgt|Sergeant|Pastor|Magistrate|Aunty|Uncle|Imam|Rabbi)\.?{_G}"
    rf"(?P<name>(?:[A-Z]\.?[ ]){{0,2}}{_NAME})"
)
_WHO = rf"(?:{PERSON_WORDS})"
_NAMED = re.compile(
    rf"\b(?:(?P<how>named|called|nicknamed|known as|goes by|going by|by the name of|aka|a\.k\.a\.|heisst|heißt|namens|genannt|s'appelle|nommée?)|"
    rf"(?:whose|(?i:her|his|their|client'?s?|patient'?s?|child'?s?|mother'?s?|real|full|first|last|given|family)) (?:(?i:real|full|first|last|given|legal) )?(?i:sur)?names?(?:[ ](?:is|was|are)|'s|[ ]?[:=]))"
    rf"[ \n]+[\"'(]{{0,2}}(?P<name>{_NAME})"
)
_LABEL = re.compile(
    rf"^[ \t>*-]*(?i:re|regarding|client|patient|pt|child|name|client name|patient name|consumer|participant|full name|"
    rf"mother|father|mum|dad|carer|guardian|partner|next of kin|nok|parent|emergency contact|referral for|surname|"
    rf"name of (?:client|patient|child))[ ]?[:=][ \t]*(?P<name>{_CAP}(?:,?[ ]{_CAP}){{0,2}})",
    re.M,
)
_RELATED = re.compile(
    rf"(?<![\w-])(?i:{_WHO})(?:[ ]?[,:(-][ ]?|{_G})[\"'(]{{0,2}}(?P<name>{_CAP}(?:[ ]{_CAP}){{0,1}})(?![\w@])"
)
_RELATED_SMALL = re.compile(
    r"\b(?:client|patient|pt|consumer)[ ,(]{1,2}(?P<name>[a-z]{3,14})(?=[ ,.;:)'\n])|"
    r"\b(?:her|his|their|the|my client'?s) (?:son|daughter|husband|wife|mother|mum|father|dad|partner|sister|"
    r"brother|baby)[ ,(]{1,2}"
    r"(?P<other>[a-z]{3,14})(?=[ ,.;:)'\n])|\b(?:called|named) (?P<called>[a-z]{3,14})(?=[ ,.;:)'\n])"
)
_RELATED_UNKNOWN = re.compile(
    rf"\b(?:[Mm]y|[Oo]ur|[Tt]he|[Aa]|[Tt]his|[Nn]ew)[ ](?:[a-z]+[ ])?(?:client|patient|pt|consumer)(?:,[ ]|[ ]\(|[ "
    rf"])(?P<name>{_CAP}(?:[ ]{_CAP})?)"
    rf"(?=[,)]|'s|[ ](?:is|was|has|had|who|and|told|says|said|presented|came|lives|attends|reports|reported|"
    rf"disclosed|wants|feels|recently|again|for|in|at|on|with|about|\())"
)
_APPOSED = re.compile(
    rf"(?<![\w@])(?P<name>{_CAP}(?:[ ]{_CAP})?)(?:,?[ ]\(?(?:my |our |a |the |an )?(?:client|patient|pt)\b|,?[ "
    rf"]\(?(?:aged )?\d{{1,2}}\)?(?:,|[ ]?yo\b|"
    rf"[ ]?y/o|[ ]?years?[ -]old|\b(?=\)))|[ ]is[ ]an?[ ]\d{{1,2}}|,[ ]an?[ ]\d{{1,2}}[ -]?(?:year|yo|y/o))"
)
_POSSESSIVE = re.compile(
    rf"(?<![\w@])(?P<name>{_CAP})'s?[ \n](?i:mother|mum|mom|dad|father|parents?|brother|sister|husband|wife|partner|"
    rf"ex|boyfriend|"
    rf"girlfriend|son|daughter|kids|children|family|school|teacher|gp|doctor|psychiatrist|nan|nanna|grandmother|"
    rf"grandfather|carer|"
    rf"foster|diagnosis|symptoms|medication|treatment|care|case|risk|mood|therapy|therapist|behaviou?r|file|"
    rf"assessment|history|"
    rf"trauma|admission|discharge|self-harm|overdose|anxiety|depression|psychosis|presentation to|safety plan|house|"
    rf"home|"
    rf"birthday|funeral|death|suicide|attempt|disclosure|baby|caseworker|room|support worker)\b"
)
_ACTING = re.compile(
    rf"(?<![\w@.])(?P<name>{_CAP}(?:[ ]{_CAP})?)[ \n](?:(?:has|had|was|is|also|then|later|first|now|just|recently|"
    rf"still|who)[ ])?(?:disclosed|presented|presents|"
    rf"self-harm\w*|overdosed|was admitted|admitted|been admitted|was discharged|been discharged|was diagnosed|been "
    rf"diagnosed|"
    rf"attends|attended|cut herself|cut himself|refuses|refused|dissociat\w+|denies|denied|reports|reported|"
    rf"describes|described|"
    rf"told me|tells me|stopped eating|stopped taking|lives with|lost (?:her|his|their)|relapsed|been cutting|"
    rf"cutting|engaged well|"
    rf"experienc\w+|struggl\w+|witnessed|was (?:abused|assaulted|removed|placed|referred|sectioned|raped)|referred "
    rf"to me)\b"
)
_ABOUT = re.compile(
    rf"\b(?:[Rr]e|RE|[Aa]bout|[Rr]egarding|[Ff]or|[Ww]ith|[Ss]aw|[Ss]ee|[Ss]eeing|[Cc]oncerning|"
    rf"[Dd]iscuss|[Rr]eferred|[Rr]eview of)[ :]{{1,2}}(?P<name>{_CAP}[ ]{_CAP})(?![\w@])"
)
_INITIALS = re.compile(
    rf"(?<![\w.])[A-Z]\.[ ]?[A-Z]\.(?:[ ]?[A-Z]\.)?(?![\w])(?![ ]?{_CAP}[ ,(]*(?:\d|et|and|&|"
    rf"[A-Z]\.|{_CAP}))"
)
_CLIENT_INITIALS = re.compile(
    r"\b(?i:clients?|patients?|pt|re|child|case of)[ :,(]{1,2}(?P<initials>[A-Z]{2})(?=[ ,.;:)'\n?])|"
    r"(?<![\w])(?P<before>[A-Z]{2})[ ,]{1,2}(?:is an?|an?) "
    r"\d{1,2}[ -]?(?:yo|y/o|year)"
)
_CITED = re.compile(
    r"\A(?:'s)?[,]?[ ]?(?:\([^()\n]{0,20}(?:19|20)\d\d|et al|&|\((?:19|20)\d\d|,[ ](?:[A-Z]\.[ "
    r"]?){1,3}[,&(]|[ ]and[ ][A-Z][\w-]+[ ]?\(\d{4}|,?[ ](?:19|20)\d\d[a-z]?[);,.])"
)
_HONOURED = re.compile(
    r"\A'?s?[ ](?:scale|model|disease|syndrome|theory|criteria|inventory|index|test|method|approach|square|diagram|"
    r"schemas?|"
    r"mode|therapy manual|hierarchy|questionnaire|protocol|framework|principles|stages|type|area|palsy|award|"
    r"lecture|oration|"
    r"institute|foundation|centre|center|street|road|university|hospital|school|college|clinic|house|unit|chair|"
    r"list)\b",
    re.I,
)
_GREETED = re.compile(
    r"\A\W*(?:hi|hello|hey|dear|hallo|liebe[rs]?|good (?:morning|afternoon|evening)|g'day|morning|greetings|bonjour|"
    r"welcome|"
    r"thanks|thank you|many thanks|congratulations|well done|cheers|@)\b[^.?!;\n]{0,80}\Z",
    re.I,
)
_SPOKEN_TO = re.compile(
    r"\b(?:thanks|thank you|cheers|agree with|as|echo|echoing|to|from|hi|hello|welcome|well said|great (?:point|"
    r"question)|congratulations|"
    r"congrats|by|and|,|with|via|per|ask|contact|endorse)[ ,]{0,2}\Z", re.I
)  # fmt: skip
_SAID = re.compile(
    r"\A(?:'s)?,?[ ](?:wrote|said|mentioned|suggested|pointed out|asked|posted|shared|raised|noted|"
    r"recommended|replied|post|point|question|suggestion|email|reply|comment)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class _Named:
    """A name where it stands, and how it was found."""

    hit: Hit
    name: str
    sure: bool  # of a client: nobody's first name excuses it


def _trimmed(name: str) -> str:
    """The name without words at its end or beginning that only begin with a capital."""
    words = re.split(r"([ \t\n]+)", name)
    while len(words) > 1 and words[-1].strip(".").casefold() in NO_NAMES:
        del words[-2:]
    return "".join(words)


def _is_no_name(name: str) -> bool:
    first = re.split(r"[\s'-]", name.strip("."), maxsplit=1)[0].casefold()
    return first in NO_NAMES


def _in_correspondence(view: View, start: int) -> bool:
    """Whether the name stands in a greeting, a sign-off, a header block or the line that introduces a quotation."""
    if view.in_signature(start):
        return True
    left, right = view.line(start)
    line = view.text[left:right]
    if re.search(r"\b(?:wrote|schrieb|écrit|writes)\b\s*:?\s*$", line) or re.match(
        r"\W*(?:from|to|cc|von|an|de|"
        r"à)\s*:",
        line,
        re.I,
    ):
        return True
    return len(line) < 100 and bool(_GREETED.match(view.text[left:start]))


def _is_cited(view: View, end: int) -> bool:
    tail = view.text[end : end + 60]
    return bool(_CITED.match(tail) or _HONOURED.match(tail))


def _titled(view: View) -> Iterator[_Named]:
    """Names behind a title. Of doctors and professors only those who treat somebody: colleagues are named all day."""
    for found in _TITLED.finditer(view.text):
        name = _trimmed(found["name"])
        start, end = found.start("name"), found.start("name") + len(name)
        if _is_no_name(name) or _in_correspondence(view, found.start()) or _is_cited(view, end):
            continue
        words = [word.casefold() for word in name.split()]
        learned = re.match(r"(?:d|p(?!astor)|a/|a(?!unty))", found[0], re.I) is not None
        left, right = view.sentence(start, end, 160)
        if learned and (
            words[-1] in EPONYMS
            or PUBLIC.search(view.text, left, right)
            or (OFFERED.search(view.text, left, right) and not _TREATS.search(view.text, left, right))
            or not (_TREATS.search(view.text, left, right) or _HERS.search(view.text, left, right))
        ):
            continue
        if not learned and (words[-1] in OF_STORIES or _STAFF.search(view.text, left, right)):
            continue
        yield _Named(Hit("name", Level.CLINICAL, found.start(), end), name, False)


_TREATS = re.compile(
    r"\b(?:gp|treating|prescrib\w+|psychiatrist|paediatrician|pediatrician|neurologist|obstetrician|oncologist|"
    r"cardiologist|"
    r"referred by|under the care|(?:his|her|their) (?:doctor|specialist|surgeon|dentist)|admit\w*|discharg\w+|"
    r"(?:saw|sees|seen by|seeing|attends|consulted)|diagnosed)\b",
    re.I,
)
_HERS = re.compile(
    r"\b(?:clients?|patients?|she|he|her|his|him|mother|father|mum|dad|son|daughter|wife|"
    r"husband)\b",
    re.I,
)
_STAFF = re.compile(
    r"\b(?:receptionist|practice manager|office manager|registrar of|our (?:new )?(?:administrator|coordinator|"
    r"secretary|president|chair)|"
    r"minister|senator|commissioner|ombudsman|author|novel|film|book|series|character|keynote|webinar|workshop|"
    r"conference|"
    r"presenter|facilitator|will present|is presenting|presents on|rsvp|registrations?)\b",
    re.I,
)


def _is_public(view: View, start: int, end: int) -> bool:
    left, right = view.sentence(start, end, 120)
    return bool(PUBLIC.search(view.text, left, right) or OFFERED.search(view.text, left, right))


def _is_pseudonym(view: View, start: int, end: int) -> bool:
    return bool(PSEUDONYM.search(view.text, max(0, start - 60), min(len(view.text), end + 60)))


def _named(view: View) -> Iterator[_Named]:
    for found in _NAMED.finditer(view.text):
        name = _trimmed(found["name"])
        start = found.start("name")
        if _is_no_name(name) or _SERVICES.match(name) or _is_pseudonym(view, found.start(), start + len(name)):
            continue
        before = view.text[max(0, found.start() - 45) : found.start()]
        directly = _SOMEBODY.search(before) is not None or found["how"] is None
        given = name.split()[0].casefold() in (GIVEN if found["how"] == "called" else ALL)
        if _ANIMALS.search(before) or not (directly or (given and _WHO_AT_ALL.search(before))):
            continue
        if found["how"] == "called" and not given and not _SOMEBODY.search(before):
            continue
        yield _Named(Hit("name", Level.CLINICAL, start, start + len(name)), name, True)
    for found in _LABEL.finditer(view.text):
        name = _trimmed(found["name"])
        words = [word.strip(",").casefold() for word in name.split()]
        subject = re.match(r"[\s>*-]*re", found[0], re.I) is not None
        if (
            _is_no_name(name)
            or view.in_signature(found.start())
            or (subject and (words[0] not in GIVEN or len(words) < 2))
        ):
            continue
        if any(word in ALL for word in words) and not (subject and _is_public(view, *found.span("name"))):
            yield _Named(Hit("name", Level.CLINICAL, found.start("name"), found.start("name") + len(name)), name, True)


_ANIMALS = re.compile(
    r"\b(?:dogs?|pupp(?:y|et|ets|ies)|cats?|kitten|horse|pony|bear|teddy|robot|character|doll|avatar|rabbit|app|program|group|course|tool|book|film|"
    r"method|model|approach|technique|drug|file)\b[^.]{0,20}\Z",
    re.I,
)
_WHO_AT_ALL = re.compile(
    rf"\b(?:{PERSON_WORDS}|psychologist|psychiatrist|gp|teacher|worker|nurse|who|whose|one|someone|her|his|their|she|he)\b",
    re.I,
)


_OF_RELATIVE = re.compile(
    rf"\b(?:[Hh]er|[Hh]is|[Tt]heir|[Tt]he client's|[Mm]y client's|[Mm]y patient's|[Tt]he patient's)[ ](?:\w+[ ])?(?:son|daughter|husband|wife|partner|"
    rf"mother|mum|father|dad|brother|sister|boyfriend|girlfriend|baby|child|aunt|uncle|cousin|ex|grandmother|grandfather|nan|stepfather|stepmother|stepdad|"
    rf"stepmum|foster carer|carer|friend)(?:,[ ]|[ ]\(|[ ])(?P<name>{_CAP})(?![\w@])"
)
_SMALL_TITLED = re.compile(r"(?<![\w/])(?:mr|mrs)\.?[ ](?P<name>[a-z][a-z'-]{2,20})(?![\w@])")
_COMMA = re.compile(rf"(?<![\w])(?P<name>{_CAP}(?:[ ]{_CAP})?,[ ]{_CAP})(?![\w.]|[ ]?\()")
_ALONE = re.compile(rf"(?<![\w@.'-])(?P<name>{_CAP})(?:(?P<last>[ ]{_CAP})|(?='s\b|[ ,.;:)\n?!]|\Z))")
_SOMEBODY = re.compile(rf"\b(?:an?|my|our|one|another|this|his|her|their)[ ](?:[\w-]+[ ]){{0,4}}{_WHO},?[ ]?\Z", re.I)
_MONTHS = ("April", "May", "June", "August")
_SERVICES = re.compile(
    r"(?:Lifeline|Beyond|Headspace|Triple|Kids|MensLine|Mensline|QLife|Police|Ambulance|Emergency|SANE|Butterfly|"
    r"Centrelink|Medicare|"
    r"NDIS|Safe|Circle|Triage|CATT|CAT|Mental|Child|DBT|CBT|ACT|EMDR|Narcan|The|Suicide|13YARN|Yarn|Poisons|"
    r"Relationships|Open|Poly)\b"
)


def _related(view: View) -> Iterator[_Named]:
    """Names beside words for people in care; a full name is graver than a given name."""
    for pattern in (_RELATED, _RELATED_UNKNOWN, _OF_RELATIVE, _APPOSED, _POSSESSIVE, _ACTING, _ABOUT):
        for found in pattern.finditer(view.text):
            name = _trimmed(found["name"])
            words = name.split()
            wanted = ALL if pattern is _RELATED else GIVEN
            start, end = found.start("name"), found.start("name") + len(name)
            if _is_no_name(name) or (pattern in _NO_LIST and (name.isupper() or _SERVICES.match(name))):
                continue
            if (
                (pattern is not _RELATED_UNKNOWN and words[0].casefold() not in wanted)
                or _is_pseudonym(view, start, end)
                or _is_cited(view, end)
            ):
                continue
            if pattern is not _RELATED and (_in_correspondence(view, start) or _SAID.match(view.text[end : end + 30])):
                continue
            if pattern is _ABOUT and (len(words) < 2 or _is_public(view, start, end) or not CASE.search(view.text)):
                continue
            if pattern is _RELATED and view.in_signature(start):
                continue
            if words[-1].casefold() in EPONYMS or (
                words[0] in _MONTHS and view.text[end : end + 2].strip()[:1].isdigit()
            ):
                continue
            grave = pattern not in (_ACTING, _ABOUT) or (pattern is _ABOUT and view.passage.place == Place.SUBJECT)
            full = grave and len(words) > 1 and words[1].casefold() not in NO_NAMES
            sure = pattern in (_RELATED, _RELATED_UNKNOWN, _OF_RELATIVE, _APPOSED, _POSSESSIVE)
            yield _Named(Hit("name", Level.CLINICAL if full else Level.WARNING, start, end), name, sure)
    for found in _RELATED_SMALL.finditer(view.text):
        group = next(group for group in ("name", "other", "called") if found[group])
        if found[group] in GIVEN and not _is_pseudonym(view, *found.span(group)):
            sure = group == "called" and None is not re.search(
                rf"\b{_WHO}\b[^.\n]{{0,25}}\Z", view.text[max(0, found.start() - 40) : found.start()]
            )
            yield _Named(Hit("name", Level.CLINICAL if sure else Level.WARNING, *found.span(group)), found[group], True)


_NO_LIST = (_RELATED_UNKNOWN, _OF_RELATIVE)


def _elsewhere(view: View) -> Iterator[_Named]:
    """Given names in the text of a case that nobody is greeted or quoted by, and `Surname, Given` in a subject."""
    for found in _SMALL_TITLED.finditer(view.text):
        if found["name"] not in NO_NAMES and not view.in_signature(found.start()):
            yield _Named(Hit("name", Level.CLINICAL, *found.span()), found["name"], False)
    if view.passage.place == Place.SUBJECT:
        for found in _COMMA.finditer(view.text):
            last, _, first = found["name"].partition(", ")
            if first.casefold() in GIVEN and not _is_no_name(last):
                yield _Named(Hit("name", Level.CLINICAL, *found.span("name")), f"{first} {last}", False)
    if view.passage.place == Place.FILE_NAME or not CASE.search(view.text):
        return
    for found in _ALONE.finditer(view.text):
        start, end = found.span()
        if found["name"].casefold() not in GIVEN or _in_correspondence(view, start) or _is_pseudonym(view, start, end):
            continue
        if _SPOKEN_TO.search(view.text, max(0, start - 30), start) or _SAID.match(view.text[end : end + 30]):
            continue
        if _is_cited(view, end) or _is_public(view, start, end) or view.in_web(start):
            continue
        if (found["last"] or "").strip().casefold() in EPONYMS:
            continue
        left, right = view.sentence(start, end, 160)
        if not _SOMEBODYS.search(view.text, left, right) or (
            found["last"] and _PROFESSION.search(view.text, left, right)
        ):
            continue
        name = _trimmed(found[0])
        yield _Named(Hit("name", Level.WARNING, start, start + len(name)), name, False)


_SOMEBODYS = re.compile(
    rf"{CASE.pattern}|\b(?:his|him|they|their|mum|mother|dad|father|parents|school|ward|unit|session|home|class|year|drew|cried|said|asked|wants?)\b",
    re.I,
)
_PROFESSION = re.compile(
    r"\b(?:psychologist|psychiatrist|counsellor|therapist|social worker|nurse|gp|supervis\w+|colleague|recommend\w*|practice|"
    r"clinic|director|ceo|minister|founder|trainer|actor|actress|singer|celebrity|player|politician)\b",
    re.I,
)


def _in_file_name(view: View) -> Iterator[_Named]:
    if view.passage.place != Place.FILE_NAME:
        return
    words = [(found[0], found.start(), found.end()) for found in re.finditer(r"[^\W\d_]{2,}", view.text)]
    for number, (word, start, end) in enumerate(words):
        if word.casefold() not in GIVEN or (word.islower() and len(word) < 4):
            continue
        near = words[max(0, number - 1) : number] + words[number + 1 : number + 2]
        others = [one for one in near if one[0][:1].isupper() and one[0].casefold() not in NO_NAMES | OF_FILES]
        if others and others[-1][1] > end and view.text[end : others[-1][1]].strip(" -.") == "":
            yield _Named(Hit("name", Level.CLINICAL, start, others[-1][2]), view.text[start : others[-1][2]], False)
        elif others and others[0][2] < start and view.text[others[0][2] : start].strip(" -.,") == "":
            yield _Named(Hit("name", Level.CLINICAL, others[0][1], end), f"{word} {others[0][0]}", False)
        else:
            yield _Named(Hit("name", Level.CLINICAL, start, end), word, False)
        break


def _found(view: View) -> Iterator[_Named]:
    yield from _titled(view)
    yield from _named(view)
    yield from _related(view)
    yield from _elsewhere(view)
    yield from _in_file_name(view)


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
    """Two or three initials that stand for somebody in the text of a case."""
    if not CASE.search(view.text) and view.passage.place != Place.SUBJECT:
        return
    for found in _INITIALS.finditer(view.text):
        letters = re.sub(r"[^a-z]", "", found[0].casefold())
        if letters in NO_INITIALS or view.in_signature(found.start()) or _in_correspondence(view, found.start()):
            continue
        if re.search(rf"{_CAP},[ ]\Z", view.text[max(0, found.start() - 35) : found.start()]) or _is_cited(
            view, found.end()
        ):
            continue
        if letters == "".join(word[0] for word in known.author_name.casefold().split() if word):
            continue
        yield Hit("initials", Level.WARNING, *found.span())
    for found in _CLIENT_INITIALS.finditer(view.text):
        group = "initials" if found["initials"] else "before"
        if found[group].casefold() not in ACRONYMS and not view.in_signature(found.start()):
            yield Hit("initials", Level.WARNING, *found.span(group))
