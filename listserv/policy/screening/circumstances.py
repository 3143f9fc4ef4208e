"""What tells who somebody is without naming them: where they work, a combination of rare traits; who is criticised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from listserv.mail.passages import Place
from listserv.policy.screening.context import CASE, CLIENT, EVENT, OFFERED, PUBLIC
from listserv.policy.screening.finding import Level
from listserv.policy.screening.given_names import ALL
from listserv.policy.screening.known import Hit
from listserv.policy.screening.places import TOWNS
from listserv.policy.screening.plain import View
from listserv.policy.screening.words import NO_NAMES

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
    r"Ambulance)(?:[ ][A-Z]+)?|HMAS[ ][A-Z][a-z]+|RAAF[ ](?:Base[ ])?[A-Z][a-z]+)"
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
    r"\b(?P<who>(?:Dr|Mr|Mrs|Ms|Prof|Professor|Nurse|Sister|Constable|Officer|Detective|Magistrate)\.?[ "
    r"][A-Z][\w'-]+(?:[ ][A-Z][\w'-]+)?|(?:our|my|their|her|his|the|"
    r"a)[ ](?:practice |line |team |clinical |former |old |local |previous |treating )?"
    r"(?:manager|supervisor|colleague|boss|director|principal|psychiatrist|psychologist|GP|employer|solicitor|"
    r"barrister|ex-husband|"
    r"ex-wife|teacher|priest|pastor|coach))\b"
)
_CRITICISED = re.compile(
    r"\b(?:complaint (?:against|about)|notif(?:ied|ication)[^.\n]{0,30}(?:ahpra|board|hccc|oho)|(?:ahpra|hccc|oho) "
    r"(?:notification|complaint|investigation)|reported[^.\n]{0,30}to (?:ahpra|the board|hccc|oho)|misconduct|"
    r"negligen\w+|"
    r"before the (?:board|tribunal)|blamed?\b|notify (?:the|as|him|her)|i notify|copies (?:the|other)|plagiari\w+|"
    r"incompeten\w+|unprofessional\w*|malpractice|unethical\w*|dangerous practi\w+|sued|suing|lawsuit|charged with|"
    r"convicted|found guilty|"
    r"under investigation|investigated|struck off|deregistered|suspended|boundary violation|slept with|sexual "
    r"relationship with|bull(?:y|ied|ying)|"
    r"fraud\w*|drunk at work|botched|abus(?:ed|ing|ive)|harass\w+|coroner'?s? (?:inquest|inquiry|found)|inquest|"
    r"tribunal found)\b",
    re.I,
)
_TRAITS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("exact age", re.compile(
        r"(?<![\w-])(?:[1-9]\d?[- ]?(?:year|yr)s?[- ]old|[1-9]\d?[ ]?(?:yo|y/o)\b|aged[ ][1-9]\d?\b|[1-9]\d[MF]\b|"
        r"turned[ ][1-9]\d?\b|(?:(?<=is )|(?<=was ))[1-9]\d(?=[ ]?(?:,|and\b))|"
        r"(?:in )?Year (?:1[0-2]|[7-9])\b)|\b(?:twenty|thirty|forty|fifty|sixty|seventy|eighty)-\w+[- ]year[- ]old|"
        r"\b(?:fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twelve|thirteen)[- ]year[- ]old", re.I)),
    ("small place", re.compile(
        r"\b(?:small|tiny|remote|little|only|local|nearby)[ ](?:\w+[ ])?(?:town|village|island|community|township|"
        r"hamlet|mission)\b|\btown of (?:about |around |under |just )?[\d,]+|\b(?:only|one)[ ](?:\w+[ ]){1,3}in "
        r"(?:the )?(?:town|village|district|shire|valley|island)\b|"
        r"\b(?:NSW|VIC|QLD|SA|WA|TAS|NT)\s\d{4}\b")),
    ("occupation", re.compile(
        r"\b(?:police (?:officer|sergeant|woman|man)|detective|paramedic|firefighter|fire-?fighter|helicopter pilot|"
        r"pilot|vet\b|veterinarian|dentist|surgeon|anaesthetist|midwife|"
        r"pharmacist|magistrate|barrister|solicitor|lawyer|judge|mayor|councillor|politician|priest|pastor|imam|nun|"
        r"monk|farmer|grazier|dairy farmer|shearer|miner|"
        r"fisherman|crayfisher\w*|abalone diver|beekeeper|winemaker|jockey|horse trainer|footballer|afl (?:player|"
        r"umpire)|nrl player|olympi\w+|athlete|swimmer|gymnast|"
        r"ballet dancer|violinist|cellist|musician|opera singer|actor|actress|newsreader|journalist|tv presenter|"
        r"radio (?:host|presenter)|author|"
        r"school principal|principal|deputy principal|(?:music|maths|drama|kindergarten|primary|high school) "
        r"teacher|bus driver|truck driver|train driver|air traffic controller|flight attendant|"
        r"postmaster|postmistress|publican|undertaker|funeral director|lighthouse keeper|park ranger|ranger|soldier|"
        r"army (?:officer|medic|captain)|naval officer|submariner|"
        r"prison officer|customs officer|engineer|architect|professor|academic|marine biologist|geologist|butcher|"
        r"baker|hairdresser|"
        r"electrician|plumber|carpenter|locksmith|taxidermist|chef|nurse|gp|doctor|psychologist|social "
        r"worker)s?\b", re.I)),
    ("community", re.compile(
        r"\b(?:hazara|tongan|samoan|maori|māori|fijian|rohingya|karen|chin|hmong|uyghur|tibetan|bhutanese|nepali|"
        r"nepalese|somali|sudanese|south sudanese|dinka|nuer|eritrean|"
        r"ethiopian|oromo|congolese|burundian|rwandan|sierra leonean|liberian|zimbabwean|ghanaian|yazidi|kurdish|"
        r"assyrian|chaldean|mandaean|druze|coptic|maronite|"
        r"tamil|sinhalese|sikh|jain|bahai|baha'i|parsi|jehovah'?s witness(?:es)?|mormon|seventh-day adventist|"
        r"exclusive brethren|amish|mennonite|hasidic|orthodox jewish|"
        r"romani|roma\b|icelandic|estonian|latvian|lithuanian|maltese|cypriot|macedonian|bosnian|albanian|georgian|"
        r"armenian|mongolian|timorese|"
        r"yolngu|yolŋu|pitjantjatjara|anangu|arrernte|warlpiri|noongar|nyoongar|palawa|wiradjuri|gamilaraay|"
        r"kamilaroi|bundjalung|yuin|koori|murri|tiwi|torres strait islander)\b", re.I)),
    ("family", re.compile(
        r"\b(?:mother|father|mum|dad|parent) of (?:two|three|four|five|six|seven|eight|nine|ten|twins|triplets|"
        r"\d)\b|\b(?:identical )?(?:twins?|triplets?|quadruplets?)\b|\b(?:youngest|oldest|eldest|middle|one|second|"
        r"third) of (?:four|five|six|seven|eight|nine|ten|eleven|twelve|\d+)\b|"
        r"\b(?:four|five|six|seven|eight|nine|ten|eleven) (?:children|kids|siblings|sisters|brothers|sons|daughters|"
        r"foster children)\b|\bwidow(?:ed|er)?\b|\badopted (?:from|at|son|daughter|twin)|\bsame-sex parents\b|"
        r"\bsurrogate\b|\bonly child\b|\bfoster(?:ed| mother of| carer of)\b|"
        r"\bwhose (?:husband|wife|son|daughter|brother|sister|father|mother|partner|twin) (?:is|was|died|drowned|"
        r"played|ran|runs|works|worked)\b", re.I)),
    ("dated event", re.compile(
        r"\b(?:(?:19|20)\d\d|last (?:year|month|week|summer|winter|spring|autumn|january|february|march|april|may|"
        r"june|july|august|september|october|november|december|easter|christmas)'?s?|black (?:saturday|"
        r"summer))\b[^.\n]{0,40}\b(?:bushfires?|floods?|cyclone|earthquake|crash|accident|shooting|siege|massacre|"
        r"drowning|derailment|explosion|collapse|fire|murder|stabbing|attack|disaster|inquest|royal commission)\b|"
        r"\b(?:bushfires?|floods?|cyclone|earthquake|crash|shooting|siege|massacre|drowning|derailment|explosion|"
        r"mine collapse|house fire|murder|stabbing|bus crash|plane crash|train crash|helicopter crash|boating "
        r"accident)\b[^.\n]{0,40}\b(?:in|of|on)\b[^.\n]{0,25}\b(?:19|20)\d\d\b|\b(?:bus|plane|train|helicopter|"
        r"light plane|boat) crash\b|\bmade (?:the )?(?:national |local |front[- ]page )?(?:news|headlines)\b|\bin "
        r"the news\b|\bfront page\b|"
        r"\bwon (?:the|a) (?:gold|silver|bronze|lotto|lottery|state|national)\b", re.I)),
    ("rare condition", re.compile(
        r"\b(?:huntington'?s|prader[- ]willi|angelman|rett syndrome|turner syndrome|klinefelter|williams syndrome|"
        r"fragile x|22q11|digeorge|smith[- ]magenis|kleine[- ]levin|kleefstra|locked-in|"
        r"xeroderma|epidermolysis|ehlers[- ]danlos|marfan|osteogenesis imperfecta|achondroplasia|dwarfism|albinism|"
        r"cystic fibrosis|muscular dystrophy|motor neuron[e]? disease|mnd|als\b|"
        r"batten disease|wilson'?s disease|porphyria|phenylketonuria|pku|sickle cell|haemophilia|thalassaemia|"
        r"creutzfeldt[- ]jakob|cjd|narcolepsy|cataplexy|tourette'?s|moebius|"
        r"conjoined|double amput\w+|amputee|prosthetic (?:leg|arm|hand)|facial burns|deaf-?blind|capgras|cotard|"
        r"fregoli|alien hand|stiff[- ]person|dissociative fugue|trichotillophagia|factitious|pica\b|selective "
        r"mutism|heart transplant|face transplant|transplant recipient|"
        r"anti-nmda|autoimmune encephalitis|landau[- ]kleffner|neurofibromatosis|tuberous sclerosis|lesch[- ]nyhan|"
        r"usher syndrome|glass eye|one (?:leg|arm|eye))\b", re.I)),
)  # fmt: skip
_WINDOW = 700  # characters in which the traits have to stand


def workplaces(view: View) -> Iterator[Hit]:
    """Where a client works or learns."""
    if view.passage.place == Place.FILE_NAME:
        return
    of_a_case = CASE.search(view.text) is not None
    for pattern in (_WORKPLACE, _SCHOOL, _UNIT, _EMPLOYER):
        for found in islice(pattern.finditer(view.text), 300):
            start, end = found.span("where")
            if view.in_signature(start) or _OWN_WORK.search(view.text, max(0, start - 70), start):
                continue
            left, right = view.sentence(start, end, 140)
            offered = OFFERED.search(view.text, left, right) or EVENT.search(view.text, left, right)
            if _PUBLIC_PLACE.match(view.text, start) or (offered and not CLIENT.search(view.text, left, right)):
                continue
            if pattern is not _SCHOOL and not of_a_case:
                continue
            if pattern is _EMPLOYER and (" " not in found["where"] and not CLIENT.search(view.text, left, start)):
                continue
            yield Hit("workplace", Level.WARNING, start, end)


_SCHOOL = re.compile(
    r"(?<![\w])(?P<where>(?:[A-Z][\w']+\.?[ \n]){1,4}(?:(?:State |Girls'? |Boys'? )?(?:High|Primary|Secondary|"
    r"Grammar|Public)"
    r"(?:[ \n](?:School|College))?|(?:Christian|Catholic|Islamic|Steiner|Montessori|Anglican|Lutheran|Special)[ "
    r"\n](?:School|College)|"
    r"Kindergarten|Preschool|Fire Station|Police Station|Barracks|Correctional Centre|Abattoirs?|Detention Centre))\b"
)


_OF_COMPLAINTS = (
    "complain", "notif", "ahpra", "hccc", "misconduct", "neglig", "incompet", "unprof", "malprac", "unethic",
    "dangerous", "sued", "suing", "lawsuit", "charged", "convict", "guilty", "investigat", "struck",
    "deregister", "suspend", "violation", "slept with", "sexual", "bull", "fraud", "drunk", "botched", "abus",
    "harass", "inquest", "coroner", "tribunal", "blame", "before the board", "copies", "plagiari", "reported",
)  # fmt: skip


def third_parties(view: View) -> Iterator[Hit]:
    """A person in one sentence, or beside one, with criticism or proceedings."""
    if not view.mentions(_OF_COMPLAINTS):
        return
    for pattern in (_THIRD, _BY_NAME):
        for found in islice(pattern.finditer(view.text), 300):
            start, end = found.span("who")
            left, right = view.sentence(start, end, 200)
            if pattern is _BY_NAME:
                first = found["who"].split()[0].casefold()
                if first not in ALL or found["who"].split()[1].casefold() in NO_NAMES:
                    continue
                right = view.sentence(min(right + 1, len(view.text)), min(right + 1, len(view.text)), 160)[1]
            if not view.in_signature(start) and _CRITICISED.search(view.text, left, right):
                yield Hit("third-party", Level.WARNING, start, end)


_BY_NAME = re.compile(r"(?<![\w@])(?P<who>[A-Z][^\W\d_]+[ ][A-Z][^\W\d_]+)(?![\w@])")


def combinations(view: View) -> Iterator[Hit]:
    """Each of three or more traits of different kinds close together, one of them rarer than age, work and family."""
    if view.passage.place == Place.FILE_NAME or not CASE.search(view.text):
        return
    found = [one for kind in _RARE for one in _traits(view, kind)]
    if not found:
        return
    found += [one for kind in _COMMON for one in _traits(view, kind)]
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


_RARE = ("small place", "community", "dated event", "rare condition")
_COMMON = ("exact age", "occupation", "family")


def _traits(view: View, kind: str) -> Iterator[tuple[int, int, str]]:
    """Where a trait stands; at most 200 of a kind."""
    if kind not in _GATES or view.mentions(_GATES[kind]):
        matches = dict(_TRAITS)[kind].finditer(view.text)
        yield from (
            (one.start(), one.end(), kind) for one in islice(matches, 200) if not view.in_signature(one.start())
        )
    if kind == "small place":
        for one in islice(_CAPITALISED.finditer(view.text), 20_000):
            if one[0] in TOWNS or one[0].split(" ")[0] in TOWNS:
                yield one.start(), one.end(), kind


_CAPITALISED = re.compile(r"(?<![\w])[A-Z][a-z]{2,}(?:[ ][A-Z][a-z]{2,})?")
_GATES = {
    "small place": (
        "small ", "tiny ", "remote ", "little ", "only ", "local ", "nearby ", "town of", "one ", "nsw", "vic",
        "qld", " sa ", " wa ", "tas", " nt ",
    ),
    "dated event": (
        "fire", "flood", "cyclone", "earthquake", "crash", "accident", "shoot", "siege", "massacre", "drown",
        "derail", "explosion", "collapse", "murder", "stabbing", "attack", "disaster", "inquest", "commission",
        " news", "headlines", "front page", " won ",
    ),
    "community": (
        "hazara", "tongan", "samoan", "maori", "māori", "fijian", "rohingya", "karen", "chin ", "hmong",
        "uyghur", "tibet", "bhutan", "nepal", "somali", "sudan", "dinka", "nuer", "eritre", "ethiopia", "oromo",
        "congol", "burund", "rwand", "leone", "liberia", "zimbab", "ghana", "yazidi", "kurd", "assyr",
        "chaldean", "mandae", "druze", "coptic", "maronite", "tamil", "sinhal", "sikh", "jain", "baha", "parsi",
        "jehovah", "mormon", "adventist", "brethren", "amish", "mennonite", "hasid", "orthodox", "roma",
        "iceland", "estonia", "latvia", "lithuan", "malt", "cypriot", "macedon", "bosnia", "albania",
        "georgian", "armenia", "mongol", "timor", "yol", "pitjant", "anangu", "arrernte", "warlpiri", "noongar",
        "nyoongar", "palawa", "wiradjuri", "gamil", "kamil", "bundjalung", "yuin", "koori", "murri", "tiwi",
        "torres",
    ),
    "rare condition": (
        "huntington", "prader", "angelman", "rett ", "turner", "klinefelter", "williams", "fragile", "22q",
        "digeorge", "magenis", "kleine", "kleefstra", "locked-in", "xeroderma", "epidermo", "ehlers", "marfan",
        "osteogenesis", "achondro", "dwarf", "albin", "cystic", "dystrophy", "motor neuron", "mnd", "als",
        "batten", "wilson", "porphyria", "phenylket", "pku", "sickle", "haemo", "thalass", "creutz", "cjd",
        "narcolep", "cataplex", "tourette", "moebius", "conjoined", "amput", "prosthetic", "facial burns",
        "deaf", "capgras", "cotard", "fregoli", "alien hand", "stiff", "fugue", "trichot", "factitious", "pica",
        "mutism", "transplant", "nmda", "encephalitis", "landau", "neurofibro", "tuberous", "lesch", "usher",
        "glass eye", "one leg", "one arm", "one eye",
    ),
}  # fmt: skip


def _one_of_each(found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    first: dict[str, tuple[int, int, str]] = {}
    for one in found:
        first.setdefault(one[2], one)
    return list(first.values())


def _of_events(view: View, start: int, end: int) -> bool:
    """Whether nobody in particular is spoken of: a course, a service, a study."""
    around = (max(0, start - 120), min(len(view.text), end + 120))
    return not _SOMEBODY.search(view.text, *around) or bool(
        OFFERED.search(view.text, *around) or PUBLIC.search(view.text, *around)
    )


_SOMEBODY = re.compile(
    r"\b(?:my|a|an|the|one|this|our|another)[ ](?:[\w-]+[ ,]{1,2}){0,5}(?:client|patient|pt|man|woman|boy|girl|"
    r"child|couple|family|veteran|student|teenager|"
    r"adolescent|mother|father|mum|dad|widow|widower|person|lady|gentleman|resident|nurse|teacher|farmer|officer)\b|"
    r"\b(?:she|he|her|his)\b",
    re.I,
)
