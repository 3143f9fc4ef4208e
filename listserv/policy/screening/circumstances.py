"""What tells who somebody is without naming them: where they work, a combination of rare traits; who is criticised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from listserv.mail.passages import Place
from listserv.policy.screening.context import CLIENT, EVENT, OFFERED, PUBLIC, case_in, of_a_case
from listserv.policy.screening.finding import Level
from listserv.policy.screening.given_names import ALL
from listserv.policy.screening.known import Hit
from listserv.policy.screening.plain import View, stretches, within
from listserv.policy.screening.traits import TRAITS, traits
from listserv.policy.screening.words import NO_NAMES, words

_CAPS = r"(?:[A-Z][\w']+[ \n]|(?:of|the|and|de|du|la)[ ]){0,4}"
_PLACE_OF_WORK = (
    r"(?:(?:State |Senior |Girls'? |Boys'? )?(?:High|Primary|Secondary|Grammar|Public|Christian|Catholic|Islamic|"
    r"Steiner|Montessori)"
    r"(?:[ ](?:School|College))|School|College|University|Uni|TAFE|Kindergarten|Preschool|Childcare(?: Centre)?|"
    r"Hospital|Base|Station|"
    r"Barracks|Church|Mosque|Temple|Synagogue|Prison|Gaol|Jail|Correctional Centre|Mine|Abattoir|Bakery|Café|Cafe|"
    r"Pharmacy|Surgery|"
    r"Medical Centre|Council|Shire|Shire Council|Battalion|Regiment|Squadron|Brigade|RSL|Football Club|Club|Nursing "
    r"Home|Aged Care|"
    r"Private|Refinery|Airport|Depot|Foods|Transport|Logistics)\b"
)
_WORKPLACE = re.compile(
    rf"\b(?:[Aa]t|[Ff]rom|[Ff]or|[Tt]o|[Aa]ttends|[Aa]ttending|[Jj]oined|with)[ \n](?:the[ "
    rf"])?(?P<where>[A-Z][\w']+[ \n]{_CAPS}{_PLACE_OF_WORK})"
)
_UNIT = re.compile(
    r"\b(?P<where>\d{1,2}(?:st|nd|rd|th)[ ](?:Battalion|Regiment|Squadron|Brigade|Field "
    r"Ambulance)\b(?:[ ][A-Z]+)?|HMAS[ ][A-Z][a-z]+|RAAF[ ](?:Base[ ])?[A-Z][a-z]+)"
)
_EMPLOYER = re.compile(
    r"\b(?:works?|worked|working|employed|job|shifts?|teaches|teacher|nurse|apprentice|manager|principal|enrolled|"
    r"student)\b[^.\n]{0,30}?\b(?:at|for|with|by)[ ](?:the[ ])?"
    r"(?P<where>(?:[A-Z][\w'&]+)(?:[ ](?:[A-Z][\w'&]+|of|and|&)){0,4})"
)
_OWN_WORK = re.compile(r"\b(?:I|we|our|my|I'm|I've|us|team|colleagues?)\b[^.\n]{0,60}\Z")
_PUBLIC_PLACE = re.compile(
    r"\b(?:Emergency|Supreme|Family|the Royal Commission|Headspace|headspace|Lifeline|Beyond|"
    r"Medicare|Centrelink|NDIS|Zoom|Teams|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|"
    r"Sunday|January|February|March|April|June|July|August|September|October|November|"
    r"December|Australia|Australian|Victoria|Queensland|NSW|CBT|DBT|ACT|EMDR)\b"
)
_THIRD = re.compile(
    r"\b(?P<who>(?:Dr|Mr|Mrs|Ms|Prof|Professor|Nurse|Sister|Brother|Pastor|Father|Rev|Reverend|Rabbi|Swami|Judge|"
    r"Justice|Senator|Constable|Officer|Detective|Magistrate)\.?[ "
    r"][A-Z][\w'-]+(?:[ ][A-Z][\w'-]+)?|(?:our|my|their|her|his|the|"
    r"a)[ ](?:practice |line |team |clinical |former |old |local |previous |treating )?"
    r"(?:manager|supervisor|colleague|boss|director|principal|psychiatrist|psychologist|GP|employer|solicitor|"
    r"barrister|ex-husband|"
    r"ex-wife|teacher|priest|pastor|coach))\b"
)
_CRITICISED = re.compile(
    r"\b(?:complaint (?:against|about)|notif(?:ied|ication)[^.\n]{0,30}(?:ahpra|board|hccc|oho)|(?:ahpra|hccc|oho) "
    r"(?:notification|complaint|investigation)|reported\b[^.\n]{0,30}\bto (?:ahpra|the board|hccc|oho)|misconduct|"
    r"negligen\w+|"
    r"notifications? (?:about|against)|(?:over)?charged (?:my|the|her|his|our|me|us) |(?:the )?other side's|"
    r"opposing (?:expert|counsel)|"
    r"never (?:met|saw|examined|assessed) (?:the|my|her|him)|stop (?:the |their |her |his )?(?:insulin|medication|"
    r"chemo\w*)|"
    r"before the (?:board|tribunal)|blamed?\b|notify (?:the|as|him|her)|i notify|copies (?:the|other)|plagiari\w+|"
    r"incompeten\w+|unprofessional\w*|malpractice|unethical\w*|dangerous practi\w+|sued|suing|lawsuit|charged with|"
    r"convicted|found guilty|"
    r"under investigation|investigated|struck off|deregistered|suspended|boundary violation|slept with|sexual "
    r"relationship with|bull(?:y|ied|ying)|"
    r"fraud\w*|drunk at work|botched|abus(?:ed|ing|ive)|harass\w+|coroner'?s? (?:inquest|inquiry|found)|inquest|"
    r"tribunal found)\b",
    re.I,
)
_WINDOW = 700  # characters in which the traits have to stand


def workplaces(view: View) -> Iterator[Hit]:
    """Where a client works or learns."""
    if view.passage.place == Place.FILE_NAME:
        return
    case = case_in(view.text, view.about)
    for pattern, found in _places_of_work(view, case):
        start, end = found.span("where")
        if view.in_signature(start) or _OWN_WORK.search(view.text, max(0, start - 70), start):
            continue
        left, right = view.sentence(start, end, 140)
        offered = OFFERED.search(view.text, left, right) or EVENT.search(view.text, left, right)
        if offered and not OFFERED.search(view.text, left, right) and _WORKED.search(view.text, left, start):
            offered = None  # "until" and "from" of a life, not of a course
        if _PUBLIC_PLACE.match(view.text, start) or (offered and not CLIENT.search(view.text, left, right)):
            continue
        if pattern is _EMPLOYER and (" " not in found["where"] and not CLIENT.search(view.text, left, start)):
            continue
        yield Hit("workplace", Level.WARNING, start, end)


def _places_of_work(view: View, case: bool) -> Iterator[tuple[re.Pattern[str], re.Match[str]]]:
    """Whatever looks like one; without a case only schools and stations, which tell where somebody is anyhow."""
    looks = [(_SCHOOL, view.capitals_at() if view.says(_SCHOOLS) else [])]
    if case:
        looks = [
            (_WORKPLACE, view.starts(_TOWARDS) if view.says(_WORKS) else []),
            *looks,
            (_UNIT, _units(view)),
            (_EMPLOYER, view.starts(_EMPLOYED)),
            (_LABELLED, view.starts(_EMPLOYERS) if any(mark in view.text for mark in ":=|") else []),
        ]
    for pattern, starts in looks:
        for found in islice(view.matches_at(pattern, starts), 300):
            yield pattern, found


def _units(view: View) -> list[int]:
    """Where a unit of the forces may begin: with its name, or the digits before it."""
    named = view.starts(frozenset(("hmas", "raaf")))
    if view.says(_FORCES):
        named += (found.start() for found in _ORDINAL.finditer(view.text))
    return sorted(named)


_ORDINAL = re.compile(r"\d{1,2}(?:st|nd|rd|th)[ ]")
_FORCES = words("battalion regiment squadron brigade field")
_TOWARDS = words("at from for to attends attending joined with")
_WORKS = words("""
abattoir aged airport bakery barracks base battalion brigade cafe café childcare church club college correctional
council depot foods football gaol hospital jail kindergarten logistics medical mine mosque nursing pharmacy preschool
prison private refinery regiment rsl school shire squadron station surgery synagogue tafe temple transport uni
university
""")
_SCHOOLS = words("""
abattoir abattoirs anglican barracks catholic christian correctional detention fire grammar high islamic kindergarten
lutheran montessori police preschool primary public secondary special steiner
""")
_EMPLOYED = words("""
apprentice employed enrolled job manager nurse principal shift shifts student teacher teaches work worked working works
""")
_EMPLOYERS = words("employer place school work works workplace")


_WORKED = re.compile(
    r"\b(?:works?|worked|working|attend(?:s|ed|ing)?|employed|enrolled|expelled|suspended|teach(?:es|ing)?|taught|"
    r"stud(?:ies|ied|ying)|"
    r"goes to|went to|pupil|student)\b",
    re.I,
)
_LABELLED = re.compile(
    r"\b(?:[Ee]mployer|EMPLOYER|[Ww]ork ?place|[Pp]lace of work|[Ss]chool|[Ww]orks? (?:at|for))[ ]?[:=|][^\n]{0,40}?"
    r"(?P<where>[A-Z][\w'-]+(?:[ ](?:[A-Z][\w'-]+|of|and|&)){1,5})"
)
_SCHOOL = re.compile(
    r"(?<![\w])(?P<where>(?:[A-Z][\w']+\.?[ \n]){1,4}(?:(?:State |Girls'? |Boys'? )?(?:High|Primary|Secondary|"
    r"Grammar|Public)"
    r"(?:[ \n](?:School|College))?|(?:Christian|Catholic|Islamic|Steiner|Montessori|Anglican|Lutheran|Special)[ "
    r"\n](?:School|College)|"
    r"Kindergarten|Preschool|Fire Station|Police Station|Barracks|Correctional Centre|Abattoirs?|Detention Centre))\b"
)


_OF_COMPLAINTS = (
    "complain", "notif", "ahpra", "hccc", "misconduct", "neglig", "incompet", "unprof", "malprac", "unethic",
    "dangerous", "sued", "suing", "charged", "other side", "opposing", "never ", "stop ", " v ", " v. ", "matter of",
    "lawsuit", "convict", "guilty", "investigat", "struck",
    "deregister", "suspend", "violation", "slept with", "sexual", "bull", "fraud", "drunk", "botched", "abus",
    "harass", "inquest", "coroner", "tribunal", "blame", "before the board", "copies", "plagiari", "reported",
)  # fmt: skip


def third_parties(view: View) -> Iterator[Hit]:
    """A person in one sentence, or beside one, with criticism or proceedings."""
    if not view.mentions(_OF_COMPLAINTS):
        return
    critical = (found.span() for found in view.matches_at(_CRITICISED, view.starts(_CRITICAL, _CRITICAL_STEMS)))
    near = stretches(critical, view.text, 400, 400)
    for pattern, starts in ((_THIRD, view.starts(_THIRDS)), (_BY_NAME, view.capitals_at())) if near else ():
        for found in islice(view.matches_at(pattern, (start for start in starts if within(near, start))), 300):
            start, end = found.span("who")
            left, right = view.sentence(start, end, 200)
            if pattern is _THIRD and " " in found["who"] and found["who"][:1].isupper():
                right = view.sentence(min(right + 1, len(view.text)), min(right + 1, len(view.text)), 160)[1]
            if pattern is _BY_NAME:
                first = found["who"].split()[0].casefold()
                if first not in ALL or found["who"].split()[1].casefold() in NO_NAMES:
                    continue
                right = view.sentence(min(right + 1, len(view.text)), min(right + 1, len(view.text)), 160)[1]
            if not view.in_signature(start) and _CRITICISED.search(view.text, left, right):
                yield Hit("third-party", Level.WARNING, start, end)
    for found in _MATTER.finditer(view.text) if " v" in view.text else ():
        left, right = view.sentence(*found.span(), 200)
        if _OWN_MATTER.search(view.text, left, right) and not view.in_signature(found.start()):
            yield Hit("third-party", Level.WARNING, *found.span("who"))


_THIRDS = words("""
a brother constable detective dr father her his judge justice magistrate mr mrs ms my nurse officer our pastor prof
professor rabbi rev reverend senator sister swami the their
""")
_CRITICAL = words("""
abused abusing abusive ahpra before blame blamed botched boundary bullied bully bullying charged complaint convicted
copies coroner coroners dangerous deregistered drunk found hccc i inquest investigated lawsuit malpractice misconduct
never oho opposing other overcharged reported sexual slept stop struck sued suing suspended the tribunal under
""")
_CRITICAL_STEMS = ("fraud", "harass", "incompeten", "negligen", "notif", "plagiari", "unethical", "unprofessional")
_MATTER = re.compile(
    r"(?<![\w@])(?P<who>[A-Z][^\W\d_]{2,20}[ ]v\.?[ ][A-Z][^\W\d_]{2,20})(?![\w@]|[ ]?[(\[]?(?:19|20)\d\d)"
)
_OWN_MATTER = re.compile(
    r"\b(?:my|mine|our|matter of|subpoena\w*|next (?:week|month)|hearing|is listed|listed for|family court|"
    r"report for|give evidence)\b",
    re.I,
)
_BY_NAME = re.compile(r"(?<![\w@])(?P<who>[A-Z][^\W\d_]+[ ][A-Z][^\W\d_]+)(?![\w@])")


def combinations(view: View) -> Iterator[Hit]:
    """Each of three or more traits of different kinds close together, one of them rarer than age, work and family."""
    if view.passage.place == Place.FILE_NAME or not of_a_case(view.text):
        return
    found = [one for kind in _RARE for one in traits(view, kind)]
    if not found:
        return
    found += [one for kind in _COMMON for one in traits(view, kind)]
    found.sort()
    shown: set[tuple[int, int, str]] = set()
    first = 0
    for last in range(len(found)):
        while found[last][1] - found[first][0] > _WINDOW:
            first += 1
        near = found[max(first, last - 30) : last + 1]
        if len({kind for _, _, kind in near}) > 2 and any(kind in _RARE for _, _, kind in near):
            together = _one_of_each(near)
            if not shown.issuperset(together) and not _of_events(view, near[0][0], near[-1][1]):
                shown.update(together)
    yield from (Hit("combination", Level.CLINICAL, start, end, kind) for start, end, kind in sorted(shown))


def rare_ages(view: View) -> Iterator[Hit]:
    """An exact age beside a rare condition, which may stand in the subject."""
    rare = TRAITS["rare condition"]
    in_subject = view.about and rare.search(view.about)
    if view.passage.place == Place.FILE_NAME or not of_a_case(view.text):
        return
    if not in_subject and next(traits(view, "rare condition"), None) is None:
        return
    for start, end, _ in traits(view, "exact age"):
        if in_subject or rare.search(view.text, max(0, start - 300), min(len(view.text), end + 300)):
            yield Hit("age", Level.WARNING, start, end)


_RARE = ("small place", "community", "dated event", "rare condition", "the only one")
_COMMON = ("exact age", "occupation", "family")


def _one_of_each(found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    first: dict[str, tuple[int, int, str]] = {}
    for one in found:
        first.setdefault(one[2], one)
    return list(first.values())


def _of_events(view: View, start: int, end: int) -> bool:
    """Whether nobody in particular is spoken of: a course, a service, a study."""
    around = (max(0, start - 120), min(len(view.text), end + 120))
    if _SOMEBODY_SURELY.search(view.text, *around):
        return False
    return not _SOMEBODY.search(view.text, *around) or bool(
        OFFERED.search(view.text, *around) or PUBLIC.search(view.text, *around)
    )


_SOMEBODY_SURELY = re.compile(
    r"\b(?:my|our|one|this) (?:client|patient|pt)\b|\b(?:she|he)(?:'s| is| was) (?:an? |the |about |only )?[1-9]\d?\b",
    re.I,
)
_SOMEBODY = re.compile(
    r"\b(?:my|a|an|the|one|this|our|another)[ ](?:[\w-]+[ ,]{1,2}){0,5}(?:client|patient|pt|man|woman|boy|girl|"
    r"child|couple|family|veteran|student|teenager|"
    r"adolescent|mother|father|mum|dad|widow|widower|person|lady|gentleman|resident|nurse|teacher|farmer|officer)\b|"
    r"\b(?:she|he|her|his|shes|hes|(?:wo)?man,? (?:aged )?[1-9]\d)\b|"
    r"\b[1-9]\d[ -]?(?:yo|y/o|years?[ -]old)\b",
    re.I,
)
