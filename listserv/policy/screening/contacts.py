"""Where somebody can be reached or found: phones, mail, streets, towns."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers

from listserv.mail.passages import Place
from listserv.policy.screening.context import (
    CASE,
    CLIENT,
    OF_A_CLIENT,
    OFFERED,
    OWN_BEHIND,
    OWN_CONTACT,
    PUBLIC,
    SERVICE,
    VENUE,
    case_in,
    of_a_case,
    only_offers,
)
from listserv.policy.screening.finding import Level
from listserv.policy.screening.known import Hit, Known, key
from listserv.policy.screening.numbers import ELSEWHERE
from listserv.policy.screening.places import towns
from listserv.policy.screening.plain import View, matches, stretches
from listserv.policy.screening.words import words

_PHONE = re.compile(
    r"(?<![\w#$])(?<!\d[.,/-])(?:\+|\(\+|00|\(?0)[\d](?:[ \t]?[-./() \t][ \t]?|\n[ \t]*)?(?:\d(?:[ \t]?[-./() \t][ "
    r"\t]?|\n[ "
    r"\t]*)?){5,13}\d(?![\w]|[.,/]\d)"
)
_BESIDE_ANOTHER = re.compile(r"(?<![\w.+$/-])(?:04\d\d[ ]\d{3}[ ]\d{3}|\(?0[2378]\)?[ ]\d{4}[ ]\d{4})(?=[ \t]{2,3}\d)")
"""In its groups, where the digits of something else follow after more than one blank."""
_MOBILE_WITHOUT_0 = re.compile(
    r"(?<![\w.+-])(?<!\d[ ])4\d{2}[ -]\d{3}[ -]\d{3}(?![\w-]|[ ]\d)|(?<![\w.+-])61[ ]?4\d{2}[ "
    r"-]?\d{3}[ -]?\d{3}(?!\w)"
)
_MOBILE = re.compile(r"(?:0{0,2}61)?0?4\d{8}|(?:0{0,2}44)?0?7[3-9]\d{8}|(?:0{0,2}41)?0?7[5-9]\d{7}")
_OF_SERVICES = re.compile(
    r"(?:0{0,2}61)?1[389]00\d{6}|(?:61)?13\d{4}|000|0{0,2}1?800\d{6,8}|0(?:800|808|300|345|845|848|870|500|900)\d{3,8}|"
    r"(?:0{0,2}61)?0?477131114|(?:0{0,2}61)?0?458737732"
)
"""Numbers for everybody: free calls, local rate, the text lines of Lifeline and 1800RESPECT."""
_ABOUT_PHONES = re.compile(
    r"\b(?:ph(?:one)?|mob(?:ile)?|m|t|tel(?:ephone)?|cell|call|ring|text|sms|number|contact(?:able)?|natel|handy|"
    r"portable|tél|"
    r"whatsapp|reach\w*)\b",
    re.I,
)
_LOCAL = re.compile(r"(?<![\w.+$/-])(?:[2-9]\d{3}[ -]\d{4}|\(?[2-9]\d{2}\)?[ -]\d{3}[ -]\d{4})(?![\w]|[ ./-]\d)")
_ADDRESS = re.compile(r"(?<![\w.+%-])[\w.+%'-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![\w-])")
_HIDDEN_ADDRESS = re.compile(
    r"(?<![\w.+-])[\w.+-]{2,40}[ ]?(?:\(at\)|\[at\]|\{at\})[ ]?[\w-]{2,40}(?:[ ]?(?:\(dot\)|\[dot\]|\.)[ "
    r"]?[a-z]{2,10}){1,3}",
    re.I,
)
_LINKED_ADDRESS = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}(?:%40|@)(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![\w-])", re.I
)
_ROLE = re.compile(
    r"(?:info|intake|admin|administration|reception|referrals?|enquir(?:y|ies)|inquir(?:y|ies)|contact|support|office|"
    r"bookings?|events?|no-?reply|donotreply|help|helpdesk|hello|mail|team|training|education|registrations?|"
    r"membership|"
    r"secretary|conference|research|ethics|feedback|news|newsletter|media|clinic|practice|service|services|community|"
    r"facilitators?|moderators?|postmaster|abuse|webmaster|accounts?|jobs|careers|editor|submissions?|library|privacy|"
    r"complaints|supervision|rsvp|[\w.-]*-?(?:owner|request|leave|join|admin|list|group|team|intake|referrals?|"
    r"clinic))\Z",
    re.I,
)
_TYPES = (
    r"(?:"
    r"St|Street|Rd|Road|Av|Ave|Avenue|Drv|Drive|Ct|Court|Cres|Cr|Crescent|Pl|Place|Way|Hwy|"
    r"Highway|Pde|Parade|Tce|Terrace|Lane|Ln|Cl|Close|Blvd|Boulevard|Bvd|Circuit|Cct|Esplanade|Esp|"
    r"Grove|Gr|Square|Sq|Track|Mews|Loop|Rise|Promenade|Crossing|Walk|Glen|Gardens|Gdns|Row|"
    r"Parkway|Pwy|View|Ridge|Quay|Wharf|Bend|Chase|Mall|Retreat|Vista|Cove|Trail|Alley|Link|Green|"
    r"Hill|Vale|ST|STREET|RD|ROAD|AV|AVE|AVENUE|DRV|DRIVE|CT|COURT|CRES|CR|CRESCENT|PL|PLACE|"
    r"WAY|HWY|HIGHWAY|PDE|PARADE|TCE|TERRACE|LANE|LN|CL|CLOSE|BLVD|BOULEVARD|BVD|CIRCUIT|CCT|"
    r"ESPLANADE|ESP|GROVE|GR|SQUARE|SQ|TRACK|MEWS|LOOP|RISE|PROMENADE|CROSSING|WALK|GLEN|GARDENS|"
    r"GDNS|ROW|PARKWAY|PWY|VIEW|RIDGE|QUAY|WHARF|BEND|CHASE|MALL|RETREAT|VISTA|COVE|TRAIL|ALLEY|"
    r"LINK|GREEN|HILL|VALE"
    r"|(?:Dr|DR)(?=[ ]?(?:[,.;)\n]|\Z|[a-z])))"
)
_WORD = (
    r"(?!(?:January|February|March|April|May|June|July|August|September|October|November|December|Monday|Tuesday|"
    r"Wednesday|"
    r"Thursday|Friday|Saturday|Sunday|Day|Week|Month|Minute|Hour|Year|Session|Keynote|Welcome)\b)[A-Z][A-Za-z'-]{1,20}"
)
_B = r"(?:[ ]{1,2}|[ ]?\n[ ]{0,4})"
_STREET = re.compile(
    rf"(?<![\w./$:-])(?:(?:[Uu]nit|[Ff]lat|[Aa]pt|[Aa]partment|[Ss]hop|[Ss]uite|[Ll]evel|[Vv]illa|U)[ "
    rf"]?\d{{1,4}}[A-Za-z]?[ ]?[,/]?[ ]?)?"
    rf"(?:[Ll]ot[ ])?\d{{1,5}}[A-Za-z]?(?:[ ]?[/-][ ]?\d{{1,4}}[A-Za-z]?)?,?{_B}"
    rf"(?:(?:Mt|St|Old|Upper|Lower|North|South|East|West|The|Van|De|La|Le)\.?[ ])?(?:{_WORD}{_B}){{1,3}}{_TYPES}\b"
    r"(?!\.?[ ](?:[A-Z][a-z]+'s|John|Vincents?|George|Andrews?|Marys?|Lukes?|Josephs?|Pauls?|Peters?|Kilda|Leonards|"
    r"Ives|Albans|Patricks?)\b)"
)
_LOWER_STREET = re.compile(
    r"(?<![\w./$-])\d{1,4}[a-z]?(?:[/-]\d{1,4})?[ ](?!(?:the|this|that|minutes?|mins?|hours?|km|kms|metres?|steps?|"
    r"more|other|of|"
    r"on|in|at|days?|weeks?|years?)\b)[a-z'-]{3,20}(?:[ ][a-z'-]{3,20})?[ ](?:street|road|avenue|crescent|parade|"
    r"highway|terrace|"
    r"boulevard|st|rd|ave|cres|pde|tce)\b(?=[ ]?(?:[,.;:)\n]|\Z|(?:in|and|on|at|with|when|where|since|is)\b|"
    r"(?-i:[A-Z]))|[ ]?-)(?![ ](?:John|Vincent|map\b))", re.I
)  # fmt: skip
_ESTATE = re.compile(r"(?<!\w)(?:Lot|RMB|RSD)[ ]\d{1,5}[,]?[ ](?:[A-Z][a-z'-]{1,20}[ ]?){1,4}")
_PO_BOX = re.compile(r"\b(?:G\.?P\.?O\.?|P\.?[ ]?O\.?|Locked|Private)[ ]?(?:Box|Bag)[ ](?:No\.?[ ])?\d{1,6}\b", re.I)
_ABROAD = re.compile(
    r"\b[A-ZÄÖÜ][a-zäöüß-]{2,30}(?:strasse|straße|str\.|gasse|weg|platz|allee)[ ]\d{1,4}[a-z]?\b|"
    r"(?<![\w.])\d{1,4}(?:[ ]?(?:bis|ter))?,?[ ](?:rue|avenue|chemin|route|place|boulevard|quai|impasse|allée)[ "
    r"](?:de[ ]la[ ]|de[ ]l'|des?[ ]|du[ ]|d')?"
    r"[A-ZÉ][\w'-]+(?:[ -][A-ZÉ][\w'-]+)?"
)
_COURTS = re.compile(
    r"\b(?:Supreme|Federal|Family|High|District|County|Magistrates'?|Local|Children's|Circuit|Youth|Drug|Coroners?'?|"
    r"Appeals?|Safe|First|Market|Work|Right|Best|Only|Same|Second|Long|Easy|Better)[ \n](?:Court|Place|Way|Walk|"
    r"Rise|Close|"
    r"Track|Row|Drive|Grove|Loop|Square|Lane|Circuit)\b"
)
_BUILDING = re.compile(
    r"\b(?:Court|Police|Station|School|Council|Chambers|Embassy|Consulate|Museum|Park|Headspace|headspace|"
    r"Centrelink|Hospital|Library|House|Building|Health|Psychology|Medical|Rooms|Arcade|Arts|Church|Club|Motel|Inn|"
    r"Restaurant|Brewery|Gallery|Studios?|Tower|Plaza|Wellness|Therapy|Counselling|Services?|ICC|MCEC|"
    r"Hall|Hotel|Theatre|Centre|Clinic|Institute|College|Press|Society)[^.\n]{0,12}\Z"
)
_ASKED_FOR = re.compile(
    r"\b(?i:address of|where is|way to|find)[ ](?:the[ ]|our[ ])?(?:[A-Z][\w']+[ ]){0,4}(?:Court|Registry|Hospital|"
    r"Clinic|Centre|Office|"
    r"Library|Station|School|University|Tribunal|Museum|Hall)\b"
)
_FAMOUS = re.compile(
    r"\b(?:Downing|Baker|Sesame|Coronation|Ramsay|Wall|Harley|Pennsylvania|Wallaby|Evergreen|Privet)[ ](?:Street|"
    r"Avenue|Way|Terrace|Drive)"
)
_OFFICE = re.compile(r"(?:level|suite|shop|ground floor)\b", re.I)
_LIVES = re.compile(
    r"\b(?:home (?:visits?|assessments?)|(?:they|she|he)(?:'re|'s| is| are) (?:now |still )?at|"
    r"lives?|living|lived|resid\w+|home address|(?:her|his|their|the|this|'s) house|house (?:is|at|number)\b|"
    r"(?:stays?|staying|sleeps)(?= (?:at|in|with|on|near)\b)|discharged to|picked up from|"
    r"(?:client|patient|mother|mum|father|family|grandmother|nan|partner|husband|wife)'s|wohnt|habite)\b",
    re.I,
)
_POSTCODE = re.compile(
    r"(?:(?:\b[A-Z][A-Za-z'-]+,?[ ]){1,3})?\b(?:NSW|VIC|Vic|QLD|Qld|SA|WA|TAS|Tas|NT|ACT|New South Wales|Victoria|"
    r"Queensland|South Australia|Western Australia|Tasmania|Northern Territory),?[ ]{0,2}\d{4}\b(?![-/.]?\d|[ ]\d{3})"
)
_LINE = re.compile(
    r"\b(?:assistant|secretary|coordinator|organi[sz]er|treasurer|convenor)\b|"
    r"\b(?:help|hot|text|support|crisis|life|advice|warm|duty)[ ]?(?:line|phone|worker)s?\b|\b(?:intake|reception|"
    r"on[- ]call|after[- ]hours|bookings?|"
    r"referrals?|clinic|practice|services?)\b",
    re.I,
)
_THEIRS = re.compile(
    r"\b(?:her|his|their|(?:client|patient|mother|mum|father|dad|partner|wife|husband|carer|sister|brother)'s|next "
    r"of kin|nok|"
    r"emergency contact|(?:client|patient|mum|mother|father|dad|wife|husband|partner|carer|she|he)[ :,(]+(?:\w+[ "
    r":]){0,3})"
    r"(?=[^.\n]{0,40}\Z)",
    re.I,
)


_CALL_SOMEBODY = re.compile(
    r"\b(?i:call|contact|ring|text|phone|message|rsvp to|speak (?:to|with)|let)[ ]"
    r"[A-Z][^\W\d_]{1,20}(?:[ ][A-Z][^\W\d_]{1,20})?(?:[ ]know)?[ ,:(]{0,2}(?:on|at|via)?[ :(]{0,2}\Z"
)


def _said_own(view: View, at: int) -> bool:
    """Whether the author says that what follows is theirs; in words that somebody else is heard to say it is not."""
    return OWN_CONTACT.search(view.text, max(0, at - 60), at) is not None and not _in_speech(view, at)


def _in_speech(view: View, at: int) -> bool:
    """Whether quotation marks were opened in the paragraph and not closed."""
    return view.text.count('"', max(0, view.text.rfind("\n\n", 0, at)), at) % 2 == 1


def phones(view: View) -> Iterator[Hit]:
    """Phone numbers but for those of the author, of services and of emergencies."""
    text = view.digits
    own = {
        key(found[0])[-8:]
        for found in matches(_PHONE, text, view.longest_numbers)
        if view.in_signature(found.start()) or _said_own(view, found.start())
    }
    for pattern in (_PHONE, _BESIDE_ANOTHER, _MOBILE_WITHOUT_0, _LOCAL):
        for found in matches(pattern, text, view.longest_numbers):
            start, end = found.span()
            value = re.sub(r"\D", "", found[0])
            if view.in_signature(start) or view.in_web(start) or value[-8:] in own:
                continue
            if ELSEWHERE.search(text, max(0, start - 40), start):
                continue
            calling = view.near(_ABOUT_PHONES, start, end, 40, 15)
            whose = view.near(OF_A_CLIENT, start, end, 70, 40)
            if pattern is _LOCAL and not (calling and whose):
                continue
            if pattern is _PHONE and not _is_phone(found[0], value, calling or whose):
                continue
            level = _whose(view, start, end, value, whose)
            if level is not None:
                yield Hit("phone", level, start, end)


def _is_phone(written: str, value: str, about_phones: bool) -> bool:
    written = written.replace("\n", " ")
    if re.fullmatch(r"(?:61|0061)?0?[2-478]\d{8}", value) and len(value) in (9, 10, 11, 12, 13):
        return True
    if written.lstrip("(").startswith(("+", "00")):
        return _possible(written if "+" in written else f"+{value[2:]}")
    return about_phones and 9 <= len(value) <= 11


def _possible(written: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(written, None))
    except phonenumbers.NumberParseException:
        return False


def _whose(view: View, start: int, end: int, value: str, people: bool) -> Level | None:
    """How grave a number is. None for the author's, a service's, an event's; a warning where nothing tells whose it is
    but a landline. `people`: somebody in care is named near it, which beside a service counts only as a possessive."""
    if _OF_SERVICES.fullmatch(value) or _said_own(view, start):
        return None
    if OWN_BEHIND.match(view.text, end):
        return None
    left, right = view.sentence(start, end, 140)
    line_left, line_right = view.line(start)
    place = (min(left, line_left), max(right, line_right)) if line_right - line_left < 200 else (left, right)
    offered = OFFERED.search(view.text, *place)
    mobile = _MOBILE.fullmatch(value) is not None
    if SERVICE.search(view.text, *place) or offered:
        if people and _THEIRS.search(view.text, max(0, start - 60), start):
            return Level.CLINICAL
        if not mobile or offered:
            return None
        if not people and only_offers(view.text, view.about):
            return Level.WARNING
        return Level.WARNING if _LINE.search(view.text, *place) else Level.CLINICAL
    case = people or CASE.search(view.text, left, right)
    if not case and not of_a_case(view.text):
        colleague = _CALL_SOMEBODY.search(view.text, max(0, start - 60), start)  # who is to be called
        if colleague or only_offers(view.text, view.about) or not _of_somebody(view, start, end):
            return Level.WARNING
    return Level.CLINICAL if mobile or case else Level.WARNING


def _of_somebody(view: View, start: int, end: int) -> bool:
    """Whether somebody in care, or whoever is called Mr or Mrs, is spoken of not far from there, or wrote it."""
    if view.in_quotation(start) or _in_speech(view, start):
        return True
    near = max(0, start - 300), min(len(view.text), end + 300)
    return CLIENT.search(view.text, *near) is not None or _TITLE.search(view.text, *near) is not None


_TITLE = re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Mx)\b")


def addresses(view: View, known: Known) -> Iterator[Hit]:
    """Mail addresses but for the author's, members' and those of services and lists."""
    domains = {one.casefold().lstrip("@") for one in known.allowed if "." in one}
    patterns = [_ADDRESS] if "@" in view.text else []
    patterns += [_HIDDEN_ADDRESS] if view.mentions(("(at)", "[at]", "{at}")) else []
    of_members = _attributed(view, known) if patterns else set()
    yield from _in_links(view, known, domains)
    for pattern in patterns:
        for found in pattern.finditer(view.text):
            start, end = found.span()
            address = found[0].casefold()
            local, _, domain = address.partition("@")
            if (
                address in known.people.addresses
                or address in of_members
                or view.in_signature(start)
                or view.in_web(start)
            ):
                continue
            if _ROLE.match(local) or any(domain == one or domain.endswith("." + one) for one in domains):
                continue
            if _said_own(view, start) or address.endswith((".png", ".jpg", ".gif")):
                continue
            left, right = view.sentence(start, end, 140)
            if OFFERED.search(view.text, left, right) and not OF_A_CLIENT.search(view.text, left, right):
                continue
            somebodys = case_in(view.text, view.about) or _of_somebody(view, start, end)
            yield Hit("mail-address", Level.CLINICAL if somebodys else Level.WARNING, start, end)


def _in_links(view: View, known: Known, domains: set[str]) -> Iterator[Hit]:
    """Addresses that a link carries along: `?to=ann%40example.org`."""
    for begin, stop in view.web:
        for found in _LINKED_ADDRESS.finditer(view.text, begin, stop):
            local, _, domain = found[0].casefold().replace("%40", "@").partition("@")
            told = f"{local}@{domain}" in known.people.addresses or _ROLE.match(local) is not None
            of_the_site = any(domain == one or domain.endswith("." + one) for one in domains)
            if view.text[found.start() - 1] in "=?&;:#" and not told and not of_the_site:
                yield Hit("mail-address", Level.CLINICAL, *found.span())


_WRITTEN_AT = re.compile(r"^.*\b(?:\d\d?[:.]\d\d(?:\s?[AaPp]\.?[Mm]\.?)?|\d{4}),?")


def _attributed(view: View, known: Known) -> set[str]:
    """Addresses beside the names of members: `Ann Archer <ann@example.org>`."""
    found: set[str] = set()
    for match in _IN_BRACKETS.finditer(view.text):
        before = re.split(r"[\n<>:,;\"]", view.text[max(0, match.start() - 60) : match.start()].rstrip(' \n"'))[-1]
        if known.people.is_named(_WRITTEN_AT.sub("", before).strip(" ,\"'")):
            found.add(match[1].casefold())
    return found


_IN_BRACKETS = re.compile(r"<(?:mailto:)?([^\s<>@]{1,64}@[^\s<>@]{1,200})>")


def mail_addresses(view: View) -> Iterator[str]:
    """Every mail address in the passage, in lower case."""
    return (found[0].casefold() for found in _ADDRESS.finditer(view.text)) if "@" in view.text else iter(())


def streets(view: View) -> Iterator[Hit]:
    """Street addresses but for the author's own, of services and of events."""
    for found in _street_addresses(view):
        start, end = found.span()
        if view.in_signature(start) or view.in_web(start) or _COURTS.search(found[0]) or _in_list_of_authors(found[0]):
            continue
        left, right = view.sentence(start, end, 160)
        at_home = _LIVES.search(view.text, max(left, start - 80), start)
        offered = any(said.search(view.text, left, right) for said in (VENUE, OFFERED, PUBLIC))
        if _FAMOUS.search(found[0]):
            continue
        office = (
            _OFFICE.match(found[0])
            or _BUILDING.search(view.text, max(0, start - 45), start)
            or _ASKED_FOR.search(view.text, max(0, start - 120), start)
        )
        if (offered or office) and not at_home:
            continue
        if _said_own(view, start):
            continue
        of_a_person = at_home or _in_speech(view, start) or not only_offers(view.text, view.about)
        yield Hit("street-address", Level.HIGH if of_a_person else Level.WARNING, start, end)


def _street_addresses(view: View) -> Iterator[re.Match[str]]:
    """Whatever looks like one."""
    if view.numbers:
        houses = stretches((found.span() for found in _HOUSE.finditer(view.text)), view.text, 35, 140)
        yield from matches(_STREET, view.text, houses)
        yield from matches(_LOWER_STREET, view.text, view.around(view.starts(_OF_STREETS), 70, 15))
        yield from view.matches_at(_ESTATE, view.starts(_LOTS))
        yield from view.matches_at(_PO_BOX, view.starts(*_BOXES))
        if view.mentions(_STREETS_ABROAD):
            yield from view.by_numbers(_ABROAD)


_HOUSE = re.compile(r"\d[A-Za-z]?,?(?:[ ]{1,2}|[ ]?\n[ ]{0,4})[A-Z]")
_OF_STREETS = words("street road avenue crescent parade highway terrace boulevard st rd ave cres pde tce")
_LOTS = words("lot rmb rsd")
_BOXES = words("g p"), ("gp", "po", "locked", "private")
_STREETS_ABROAD = (
    "strasse", "straße", "str.", "gasse", "weg", "platz", "allee", "rue ", "avenue ", "chemin ", "route ", "place ",
    "boulevard ", "quai ", "impasse ", "allée ",
)  # fmt: skip


def _in_list_of_authors(value: str) -> bool:
    return bool(re.match(r"(?:19|20)\d\d[ ]", value))


def places(view: View) -> Iterator[Hit]:
    """A place with its postcode, and small towns in the text of a case."""
    case = of_a_case(view.text)
    found = [one.span() for one in matches(_POSTCODE, view.text, view.around(view.starts(_STATES), 80, 45))]
    if view.passage.place != Place.FILE_NAME and case:
        found += towns(view)
    offers = bool(found) and not case and OFFERED.search(view.text) is not None
    for start, end in found:
        if not view.in_signature(start) and not _of_an_event(view, start, end, offers):
            yield Hit("place", Level.WARNING, start, end)


_STATES = words("nsw vic qld sa wa tas nt act new victoria queensland south western tasmania northern")


def _of_an_event(view: View, start: int, end: int, offers: bool) -> bool:
    left, right = view.sentence(start, end, 140)
    offered = offers or OFFERED.search(view.text, left, right) is not None
    return offered and not CLIENT.search(view.text, left, right)
