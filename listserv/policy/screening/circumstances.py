"""What tells who somebody is without naming them: where they work, a combination of rare traits; and danger now."""

from __future__ import annotations

import re
from collections.abc import Iterator

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
    r"\b(?P<who>(?:Dr|Mr|Mrs|Ms|Prof|Professor|Nurse|Sister|Constable|Officer|Detective|Magistrate)\.?[ ][A-Z][\w'-]+(?:[ ][A-Z][\w'-]+)?|(?:our|my|their|her|his|the|"
    r"a)[ ](?:practice |line |team |clinical |former |old |local |previous |treating )?"
    r"(?:manager|supervisor|colleague|boss|director|principal|psychiatrist|psychologist|GP|employer|solicitor|"
    r"barrister|ex-husband|"
    r"ex-wife|teacher|priest|pastor|coach))\b"
)
_CRITICISED = re.compile(
    r"\b(?:complaint (?:against|about)|notif(?:ied|ication)[^.\n]{0,30}(?:ahpra|board|hccc|oho)|(?:ahpra|hccc|oho) "
    r"(?:notification|complaint|investigation)|reported[^.\n]{0,30}to (?:ahpra|the board|hccc|oho)|misconduct|"
    r"negligen\w+|"
    r"before the (?:board|tribunal)|blamed?\b|notify (?:the|as|him|her)|i notify|copies (?:the|other)|plagiari\w+|incompeten\w+|unprofessional\w*|malpractice|unethical\w*|dangerous practi\w+|sued|suing|lawsuit|charged with|"
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
        r"\b(?:" + "|".join(sorted(map(re.escape, TOWNS), key=len, reverse=True)) + r")\b|\b(?:NSW|VIC|QLD|SA|WA|"
        r"TAS|NT)\s\d{4}\b")),
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
_WHO = (
    r"(?:(?:my|the|our|a|this|one of my|another) (?:[\w-]+ ){0,2}(?:client|patient|pt|consumer|participant|boy|girl|"
    r"young person|young man|young woman|"
    r"son|daughter|husband|wife|partner|colleague|friend|mum|mother|dad|father|supervisee|man|woman|teen\w*|student|"
    r"teenager|brother|sister)|"
    r"she|he|they|i|client|patient|pt|her|him)"
)
_NOW = re.compile(
    r"\b(?:right now|as (?:i|we) (?:write|speak|type)|tonight|today|this (?:morning|afternoon|evening|minute|arvo|"
    r"weekend)|at the moment|tomorrow|imminent(?:ly)?|"
    r"immediate(?:ly)?|in the next (?:few |couple of )?(?:hours?|days?)|just (?:now |been )?(?:called|rang|phoned|"
    r"texted|messaged|left|told|sent|hung|emailed|walked|"
    r"said|disclosed|taken|got)|(?:an|one|two|half an|\d) hours? ago|(?:ten|twenty|\d+) minutes ago|within the hour|"
    r"later today|now|urgent(?:ly)?|still (?:has|have)|won't (?:answer|"
    r"pick up)|not (?:answering|picking up)|stopped (?:answering|replying)|can't (?:reach|get hold)|what (?:do|"
    r"should) i do|help)\b",
    re.I,
)
_CLEARLY_NOW = re.compile(
    r"\b(?:tonight|right now|as (?:i|we) (?:write|speak)|just (?:called|rang|texted|messaged|"
    r"left|told|sent|hung)|this (?:morning|afternoon|evening)|minutes ago)\b",
    re.I,
)
_PLAN = re.compile(
    r"\b(?:(?:is |are |am |was |he's |she's |they're |i'm )?(?:going|intends?|intending|plans?|planning|about|ready|"
    r"threaten(?:s|ed|ing)?|decided|will|gonna|'ll)(?: to)? (?:kill|shoot|stab|hang|"
    r"hurt|harm|drown|poison|gas|burn|end|jump|overdose|take (?:her|his|my|their) (?:own )?life|take (?:all|an "
    r"overdose)|do it|use it)\b|"
    r"(?:has|have|had|got|with|left|sent|wrote|writing|made) (?:me )?(?:a |an |her |his |the )?(?:\w+ )?(?:suicide|"
    r"suicidal|clear|detailed|specific|concrete|active|goodbye) (?:plan|intent|note|message|text|letter|email)|"
    r"(?:a |has )?plan,? (?:and |with )?(?:the )?(?:means|intent|access|date)|means and (?:a )?plan|taken an? "
    r"(?:\w+ )?overdose|(?:taken|swallowed) (?:\w+ ){0,4}(?:pills|tablets|packs?|packets|boxes|panadol|paracetamol)|"
    r"(?:on|at|to) (?:the|a) (?:bridge|ledge|cliffs?|train (?:tracks|line|station)|roof|railway|tracks)|(?:has|have|"
    r"holding|bought|got|loaded|hidden|access to|stockpil\w+) (?:a |the |his |her |their |enough )?(?:loaded "
    r")?(?:gun|rifle|"
    r"firearm|knife|rope|noose|shotgun|ligature|tablets|pills|medication)|(?:at |in |is )?(?:imminent|immediate|"
    r"acute|serious|grave|extreme) (?:risk|danger)|(?:life|lives) (?:is|are) in danger|(?:actively|acutely|highly) "
    r"suicidal|"
    r"(?:said|saying|says) goodbye|(?:is|isn't|am|not|feels?) (?:not )?(?:unsafe|safe)\b|(?:don't|do not|doesn't|"
    r"does not|can't|cannot|won't) (?:want to |think (?:i|he|she|they) can )?(?:be here|be alive|live (?:any|"
    r"through)|go on|keep (?:myself|himself|herself|"
    r"themselves|her|him|them) safe|make it through|survive)|wants? to die|kill(?:ing)? (?:my|him|her|them)sel\w+|"
    r"end(?:ing)? (?:my|his|her|their) (?:own )?li\w+|end it(?: all)?\b|"
    r"(?:being|is) (?:beaten|strangled|raped|held)|(?:beating|strangling|hitting|hurting|choking|molesting|abusing) "
    r"(?:her|him|the|his|them|my)\b|(?:child|kids|children|baby|toddler)[^.\n]{0,50}\b(?:in danger|at risk|unsafe|"
    r"not safe|alone with)|"
    r"suicidal(?: tonight| now| right now| today)?|threatening suicide)",
    re.I,
)
_TEACHING = re.compile(
    r"\b(?:(?:if|whether|unless|in case|should) (?:a|an|any|your|the|my|our|someone|somebody|you|she|he|they|i)\b|"
    r"when (?:a|an|any|your|clients?|patients?|someone|people|you)\b|(?:clients|people|patients|those|individuals|"
    r"young people|adolescents|adults|"
    r"veterans|men|women) (?:who|with|at|are|were|in)\b|anyone|e\.g\.|for example|textbook|hypothetical\w*|"
    r"vignettes?|role[- ]?play\w*|den(?:y|ies|ied|ying)|no (?:\w+ )?(?:\w+ )?(?:plan|intent|risk|ideation|"
    r"means)s?\b|(?:not|never|isn't|wasn't) (?:\w+ )?"
    r"(?:suicidal|at (?:\w+ )?risk|in (?:\w+ )?danger|planning)|without (?:a |any )?(?:plan|intent)|history of|"
    r"historical\w*|previous(?:ly)?|in the past|(?:years?|months?|weeks?) (?:ago|later|earlier)|last (?:year|month|"
    r"decade)|used to|in (?:19|20)\d\d|"
    r"risk assessments?|scales?|questionnaires?|workshops?|webinars?|training|guidelines?|protocols?|articles?|"
    r"papers?|stud(?:y|ies)|research|prevalence|rates? of|per cent|\d ?%|prevention|polic(?:y|ies)|definitions?|"
    r"criteri\w+|survived|recovered|now stable|stable now|"
    r"safe now|is safe\b|now safe|resolved|templates?|books?|films?|series|lecture|course|module|chapter|theory|"
    r"literature|generally|often|typically)\b",
    re.I,
)
_WHO_RX = re.compile(rf"\b{_WHO}\b", re.I)
_MYSELF = re.compile(
    r"\bI(?:'m| am|'ve| have)?(?: really| just| honestly| don't know what to do and)? (?:want to|going to|gonna|"
    r"plan to|planning to|intend to|decided to|about to|thinking (?:about|of)|can't stop thinking (?:about|of)|"
    r"will)[ ]?(?:kill(?:ing)? myself|end(?:ing)? (?:my life|it all|it)|die\b|dying|"
    r"tak(?:e|ing) my (?:own )?life|hurt(?:ing)? myself|not be(?:ing)? here)|\bI(?:'ve| have)? (?:just )?(?:taken|"
    r"swallowed|took) (?:an overdose|all|too many|a lot of|the whole)\b|\bI (?:don't|do not|can't|cannot) (?:want "
    r"to be (?:here|alive)|want to live|go on|keep myself safe|"
    r"do this any ?more)\b|\bI(?:'m| am) (?:suicidal|not safe|at the bridge|on the bridge)\b|\bI have a (?:plan|"
    r"rope|gun) (?:and|to)\b|\bI(?:'d| would) rather be dead\b|\bI(?:'m| am) saying goodbye\b",
    re.I,
)


def workplaces(view: View) -> Iterator[Hit]:
    """Where a client works or learns."""
    if view.passage.place == Place.FILE_NAME:
        return
    of_a_case = CASE.search(view.text) is not None
    for pattern in (_WORKPLACE, _SCHOOL, _UNIT, _EMPLOYER):
        for found in pattern.finditer(view.text):
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
    r"(?<![\w])(?P<where>(?:[A-Z][\w']+\.?[ \n]){1,4}(?:(?:State |Girls'? |Boys'? )?(?:High|Primary|Secondary|Grammar|Public)"
    r"(?:[ \n](?:School|College))?|(?:Christian|Catholic|Islamic|Steiner|Montessori|Anglican|Lutheran|Special)[ \n](?:School|College)|"
    r"Kindergarten|Preschool|Fire Station|Police Station|Barracks|Correctional Centre|Abattoirs?|Detention Centre))\b"
)


def third_parties(view: View) -> Iterator[Hit]:
    """A person in one sentence, or beside one, with criticism or proceedings."""
    for pattern in (_THIRD, _BY_NAME):
        for found in pattern.finditer(view.text):
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
    """Each of three or more traits of different kinds that stand close together, one rarer than age, work and family."""
    if view.passage.place == Place.FILE_NAME or not CASE.search(view.text):
        return
    found: list[tuple[int, int, str]] = []
    for kind, pattern in _TRAITS:
        found += [
            (match.start(), match.end(), kind)
            for match in pattern.finditer(view.text)
            if not view.in_signature(match.start())
        ]
    found.sort()
    shown: set[tuple[int, int, str]] = set()
    first = 0
    for last in range(len(found)):
        while found[last][1] - found[first][0] > _WINDOW:
            first += 1
        kinds = {kind for _, _, kind in found[first : last + 1]}
        rare = kinds & {"small place", "community", "dated event", "rare condition"}
        if len(kinds) > 2 and rare and not _of_events(view, found[first][0], found[last][1]):
            shown.update(_one_of_each(found[max(first, last - 30) : last + 1]))
    yield from (Hit("combination", Level.CLINICAL, start, end, kind) for start, end, kind in sorted(shown))


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
    r"\b(?:my|a|an|the|one|this|our|another)[ ](?:[\w-]+[ ,]{1,2}){0,5}(?:client|patient|pt|man|woman|boy|girl|child|couple|family|veteran|student|teenager|"
    r"adolescent|mother|father|mum|dad|widow|widower|person|lady|gentleman|resident|nurse|teacher|farmer|officer)\b|\b(?:she|he|her|his)\b",
    re.I,
)


def risks(view: View) -> Iterator[Hit]:
    """Plain words of a plan or a danger now, of the author or somebody in their care; no teaching, no past."""
    for found in _MYSELF.finditer(view.text):
        left, right = view.sentence(*found.span(), 160)
        before = view.text[left : found.start()]
        if not _SOMEBODY_SAID.search(before) and not before.rstrip(" ").endswith(('"', "'")):
            yield Hit("risk", Level.NOTE, *found.span())
    for found in _PLAN.finditer(view.text):
        left, right = view.sentence(*found.span(), 200)
        if not _WHO_RX.search(view.text, left, right):
            continue
        if _TEACHING.search(view.text, left, right) and not (
            _CLEARLY_NOW.search(view.text, left, right) and not _DENIED.search(view.text, left, right)
        ):
            continue
        if _NOW.search(view.text, max(0, left - 200), min(len(view.text), right + 200)):
            yield Hit("risk", Level.NOTE, *found.span())


_SOMEBODY_SAID = re.compile(
    r"\b(?:if|clients?|patients?|says?|said|told|tells|example|e\.g\.|statements?|phrases?|"
    r"like|items?)\b",
    re.I,
)
_DENIED = re.compile(
    r"\b(?:den(?:y|ies|ied|ying)|no (?:\w+ )?(?:plan|intent|risk|ideation)|if (?:a|an|any|your|"
    r"someone)|when (?:a|an|your|clients?|someone)|webinar|workshop|training|role[- ]?play)\b",
    re.I,
)
