"""Where somebody can be reached or found: phones, mail, streets, towns, pages about people, plates."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers

from listserv.mail.passages import Place
from listserv.policy.screening.context import CASE, CLIENT, OF_A_CLIENT, OFFERED, OWN_CONTACT, SERVICE
from listserv.policy.screening.finding import Level
from listserv.policy.screening.known import Hit, Known, key
from listserv.policy.screening.numbers import ELSEWHERE
from listserv.policy.screening.places import TOWNS
from listserv.policy.screening.plain import View

_PHONE = re.compile(
    r"(?<![\w#$])(?<!\d[.,/-])(?:\+|\(\+|00|\(?0)[\d](?:[ \t]?[-./() \t][ \t]?|\n[ \t]*)?(?:\d(?:[ \t]?[-./() \t][ \t]?|\n[ "
    r"\t]*)?){5,13}\d(?![\w]|[.,/]\d)"
)
_MOBILE_WITHOUT_0 = re.compile(
    r"(?<![\w.+-])4\d{2}[ -]\d{3}[ -]\d{3}(?![\w-]|[ ]\d)|(?<![\w.+-])61[ ]?4\d{2}[ "
    r"-]?\d{3}[ -]?\d{3}(?!\w)"
)
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
    r"(?:St|Street|Rd|Road|Ave?|Avenue|Dr|Drv|Drive|Ct|Court|Cres|Cr|Crescent|Pl|Place|Way|Hwy|Highway|Pde|Parade|Tce|"
    r"Terrace|Lane|Ln|Cl|Close|Blvd|Boulevard|Bvd|Circuit|Cct|Esplanade|Esp|Grove|Gr|Square|Sq|Track|Mews|Loop|Rise|"
    r"Promenade|Crossing|Walk|Glen|Gardens|Gdns|Row|Parkway|Pwy)"
)
_WORD = r"[A-Z][A-Za-z'-]{1,20}"
_STREET = re.compile(
    rf"(?<![\w./$-])(?:(?:[Uu]nit|[Ff]lat|[Aa]pt|[Aa]partment|[Ss]hop|[Ss]uite|[Ll]evel|[Vv]illa|U)[ "
    rf"]?\d{{1,4}}[A-Za-z]?[ ]?[,/]?[ ]?)?"
    rf"(?:[Ll]ot[ ])?\d{{1,5}}[A-Za-z]?(?:[ ]?[/-][ ]?\d{{1,4}}[A-Za-z]?)?,?[ \n]"
    rf"(?:(?:Mt|St|Old|Upper|Lower|North|South|East|West|The|Van|De|La|Le)\.?[ ])?(?:{_WORD}[ "
    rf"\n]){{1,3}}{_TYPES}\b(?!\.?[ ](?:[A-Z][a-z]+'s)\b)\.?"
)  # fmt: skip
_LOWER_STREET = re.compile(
    r"(?<![\w./$-])\d{1,4}[a-z]?(?:[/-]\d{1,4})?[ ](?!(?:the|this|that|minutes?|mins?|hours?|km|kms|metres?|steps?|"
    r"more|other|of|"
    r"on|in|at|days?|weeks?|years?)\b)[a-z'-]{3,20}(?:[ ][a-z'-]{3,20})?[ ](?:street|road|avenue|crescent|parade|"
    r"highway|terrace|"
    r"boulevard|st|rd|ave|cres|pde|tce)\b", re.I
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
_VENUE = re.compile(
    r"\b(?:venue|workshops?|training|held|rooms|conference|hotel|parking|our|we(?:'ve| have)|office|premises|"
    r"practice|clinic|"
    r"located|relocat\w+|moved|library|hall|centre|center|registration|seminar|service|hospital|event|meet(?:ing)?|"
    r"branch|"
    r"consulting|suite|level)\b",
    re.I,
)
_LIVES = re.compile(
    r"\b(?:lives?|living|lived|resid\w+|home|house|address|moved|stays?|staying|flat|unit|discharged to|picked up from|"
    r"(?:client|patient|mother|mum|father|family|grandmother|nan|partner|husband|wife)(?:'s)?|wohnt|habite)\b",
    re.I,
)
_POSTCODE = re.compile(
    r"(?:(?:\b[A-Z][A-Za-z'-]+,?[ ]){1,3})?\b(?:NSW|VIC|Vic|QLD|Qld|SA|WA|TAS|Tas|NT|ACT|New South Wales|Victoria|"
    r"Queensland|South Australia|Western Australia|Tasmania|Northern Territory),?[ ]{0,2}\d{4}\b(?![-/.]?\d|[ ]\d{3})"
)
_TOWN = re.compile(r"\b[A-Z][a-z]+(?:[ ][A-Z][a-z]+){0,2}\b")
_PAGE = re.compile(
    r"(?:https?://)?(?:[\w-]+\.)*(?:facebook\.com|fb\.com|instagram\.com|linkedin\.com/in|tiktok\.com|twitter\.com|"
    r"x\.com|"
    r"snapchat\.com/add|threads\.net|youtube\.com/@|gofundme\.com|austlii\.[a-z.]{2,20}|ancestry\.[a-z.]+|legacy\.com|"
    r"mytributes\.com\.au|caselaw\.nsw\.gov\.au)/[^\s<>\"),;]{1,300}|"
    r"https?://(?:[\w-]+\.)*(?:abc\.net\.au/news|news\.com\.au|smh\.com\.au|theage\.com\.au|9news\.com\.au|"
    r"7news\.com\.au|"
    r"theguardian\.com|dailymail\.co\.uk|couriermail\.com\.au|heraldsun\.com\.au|dailytelegraph\.com\.au|"
    r"adelaidenow\.com\.au|"
    r"thewest\.com\.au|perthnow\.com\.au|watoday\.com\.au|brisbanetimes\.com\.au|canberratimes\.com\.au|"
    r"themercury\.com\.au|"
    r"ntnews\.com\.au|bbc\.co(?:m|\.uk)/news|20min\.ch|blick\.ch|[\w-]*(?:courier|advocate|times|herald|examiner|"
    r"gazette|"
    r"chronicle|advertiser|mercury|observer|telegraph|bulletin|star|news)[\w-]*\.com(?:\.au)?)/[^\s<>\"),;]{1,300}",
    re.I,
)
_HANDLE = re.compile(
    r"\b(?:insta(?:gram)?|snap(?:chat)?|tik[ ]?tok|facebook|fb|twitter|onlyfans|youtube|twitch|discord)\b[\w' ]{0,25}(?:[:=][ ]?@?|@|"
    r"[ ](?:is|as|name|handle)[ ]\"?@?(?=[\w.]*[\d_.]))(?P<handle>[\w][\w.]{2,29})\b",
    re.I,
)
_STORY = re.compile(
    r"https?://(?:[\w-]+\.)*news[\w-]*\.[a-z.]{2,20}/[^\s<>\"),;]{3,300}|https?://[^\s<>\"/]{3,80}/[^\s<>\"]{0,150}?(?:/news/|/story/|/stories/|/article/|/articles/|/obituar|/courts?/|/crime/|/judgments?/|"
    r"/cases?/|(?:coroner|inquest|court|trial|cleared|charged|sentenced|arrested|murder|missing)[\w-]*)[^\s<>\"),;]{0,300}",
    re.I,
)
_OF_GROUPS = re.compile(
    r"(?:facebook|fb)\.com/(?:groups|events)/|linkedin\.com/(?:company|groups)|"
    r"instagram\.com/(?:p/)?\Z",
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


def phones(view: View) -> Iterator[Hit]:
    """Phone numbers but for those of the author, of services and of emergencies."""
    text = view.digits
    own = {key(found[0])[-8:] for found in _PHONE.finditer(text) if view.in_signature(found.start())}
    for pattern in (_PHONE, _MOBILE_WITHOUT_0, _LOCAL):
        for found in pattern.finditer(text):
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
            if _may_be_a_clients(view, start, end, value, whose):
                yield Hit("phone", Level.CLINICAL, start, end)


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


def _may_be_a_clients(view: View, start: int, end: int, value: str, whose: bool) -> bool:
    """Whether a number may be a client's: not the author's, a service's, an event's. `whose`: people in care are named
    near it, which beside a service counts only for a mobile or when the words say that it is theirs."""
    if OWN_CONTACT.search(view.text, max(0, start - 60), start):
        return False
    if re.fullmatch(r"(?:0{0,2}61)?1[389]00\d{6}|(?:61)?13\d{4}|000", value):
        return False
    left, right = view.sentence(start, end, 140)
    line_left, line_right = view.line(start)
    place = (min(left, line_left), max(right, line_right)) if line_right - line_left < 200 else (left, right)
    offered = OFFERED.search(view.text, *place)
    if re.fullmatch(r"(?:0{0,2}61)?0?4\d{8}", value):
        return whose or not offered
    if not (SERVICE.search(view.text, *place) or offered):
        return True
    return whose and bool(_THEIRS.search(view.text, max(0, start - 60), start))


def addresses(view: View, known: Known) -> Iterator[Hit]:
    """Mail addresses but for the author's, members' and those of services and lists."""
    domains = {one.casefold().lstrip("@") for one in known.allowed if "." in one}
    of_members = _attributed(view, known)
    for pattern in (_ADDRESS, _HIDDEN_ADDRESS):
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
            if OWN_CONTACT.search(view.text, max(0, start - 60), start) or address.endswith((".png", ".jpg", ".gif")):
                continue
            left, right = view.sentence(start, end, 140)
            if OFFERED.search(view.text, left, right) and not OF_A_CLIENT.search(view.text, left, right):
                continue
            yield Hit("mail-address", Level.CLINICAL, start, end)


_WRITTEN_AT = re.compile(r"^.*\b(?:\d\d?[:.]\d\d(?:\s?[AaPp]\.?[Mm]\.?)?|\d{4}),?")


def _attributed(view: View, known: Known) -> set[str]:
    """Addresses beside the names of members: `Ann Archer <ann@example.org>`."""
    found = re.finditer(r"([^\n<>:,;\"]{2,60}?)\"?[ ]?<(?:mailto:)?([^\s<>@]{1,64}@[^\s<>@]{1,200})>", view.text)
    return {
        match[2].casefold() for match in found if known.people.is_named(_WRITTEN_AT.sub("", match[1]).strip(" ,\"'"))
    }


def mail_addresses(view: View) -> Iterator[str]:
    """Every mail address in the passage, in lower case."""
    return (found[0].casefold() for found in _ADDRESS.finditer(view.text))


def streets(view: View) -> Iterator[Hit]:
    """Street addresses but for the author's own, of services and of events."""
    for pattern in (_STREET, _LOWER_STREET, _ESTATE, _PO_BOX, _ABROAD):
        for found in pattern.finditer(view.text):
            start, end = found.span()
            if (
                view.in_signature(start)
                or view.in_web(start)
                or _COURTS.search(found[0])
                or _in_list_of_authors(found[0])
            ):
                continue
            left, right = view.sentence(start, end, 160)
            at_home = _LIVES.search(view.text, max(left, start - 80), start)
            if (_VENUE.search(view.text, left, right) or OFFERED.search(view.text, left, right)) and not at_home:
                continue
            if OWN_CONTACT.search(view.text, max(0, start - 60), start):
                continue
            yield Hit("street-address", Level.HIGH, start, end)


def _in_list_of_authors(value: str) -> bool:
    return bool(re.match(r"(?:19|20)\d\d[ ]", value))


def places(view: View) -> Iterator[Hit]:
    """A place with its postcode, and small towns in the text of a case."""
    for found in _POSTCODE.finditer(view.text):
        if not view.in_signature(found.start()) and not _of_an_event(view, found.start(), found.end()):
            yield Hit("place", Level.WARNING, *found.span())
    if view.passage.place == Place.FILE_NAME or not CASE.search(view.text):
        return
    for found in _TOWN.finditer(view.text):
        words = found[0].split(" ")
        name = next((" ".join(words[at:to]) for at in range(len(words)) for to in range(len(words), at, -1)
                     if " ".join(words[at:to]) in TOWNS), "")  # fmt: skip
        if not name or view.in_signature(found.start()):
            continue
        start = found.start() + found[0].index(name)
        if not _of_an_event(view, start, start + len(name)):
            yield Hit("place", Level.WARNING, start, start + len(name))


def _of_an_event(view: View, start: int, end: int) -> bool:
    left, right = view.sentence(start, end, 140)
    offered = OFFERED.search(view.text, left, right) or (OFFERED.search(view.text) and not CASE.search(view.text))
    return bool(offered) and not CLIENT.search(view.text, left, right)


def pages(view: View) -> Iterator[Hit]:
    """Pages and accounts that show or name a person."""
    for pattern in (_PAGE, _STORY):
        for found in pattern.finditer(view.text):
            if not view.in_signature(found.start()) and not _OF_GROUPS.search(found[0]):
                yield Hit("page", Level.WARNING, found.start(), found.start() + len(found[0].rstrip(".,!?'")))
    for found in _HANDLE.finditer(view.text):
        if not view.in_signature(found.start()):
            yield Hit("page", Level.WARNING, *found.span("handle"))
