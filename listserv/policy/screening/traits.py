"""Traits that are shared by few: each kind's pattern, and the words with which it begins, to be looked for there.

`circumstances` puts them together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from listserv.policy.screening.places import towns
from listserv.policy.screening.plain import View
from listserv.policy.screening.words import words

TRAITS: dict[str, re.Pattern[str]] = {
    "exact age": re.compile(
        r"(?<![\w-])(?:[1-9]\d?[- ]?(?:year|yr)s?[- ]old|[1-9]\d?[ ]?(?:yo|y/o)\b|aged[ ][1-9]\d?\b|[1-9]\d[MF]\b|"
        r"(?:(?<=he is )|(?<=hes )|(?<=he's ))[1-9]\d?(?=[,.]|[ ]and\b)|"
        r"^[ \t*•-]{0,6}[1-9]\d(?=,?[ ](?:and[ ])?(?:an?[ ])?[a-z])|"
        r"turned[ ][1-9]\d?\b|(?:(?<=is )|(?<=was ))[1-9]\d(?=[ ]?(?:,|and\b))|"
        r"(?:in )?Year (?:1[0-2]|[7-9])\b)|\b(?:twenty|thirty|forty|fifty|sixty|seventy|eighty)-\w+[- ]year[- ]old|"
        r"\b(?:fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twelve|thirteen)[- ]year[- ]old", re.I | re.M),
    "small place": re.compile(
        r"\b(?:small|tiny|remote|little|only|local|nearby)[ ](?:\w+[ ])?(?:town|village|island|community|township|"
        r"hamlet|mission)\b|\bisland[ ](?:school|clinic|community)\b|\bschool (?:with|of) (?:only )?(?:\w+|"
        r"\d+) (?:pupils|students|"
        r"kids|children)\b|\b(?:town|village|place) w(?:/|ith)? (?:only )?(?:one|1|two|a single) (?:pub|shop|street|"
        r"school|church|doctor|"
        r"gp)\b|\bpopulation (?:of )?\d|\btown of (?:about |around |under |just )?[\d,]+|\b(?:only|"
        r"one)[ ](?:\w+[ ]){1,3}in "
        r"(?:the )?(?:town|village|district|shire|valley|island)\b|"
        r"\bone-(?:teacher|pub|street|shop) (?:school|town|place)\b|"
        r"\b(?:at|in|near|from|of|out (?:past|at)|around) (?-i:(?:[A-Z][a-z]+ ){1,2}(?:Creek|Gully|Flat|Crossing|"
        r"Siding|Downs|Ridge|Waters|Hollow|Bore|Ranges))\b|"
        r"\b(?:NSW|VIC|QLD|SA|WA|TAS|NT)\s\d{4}\b"),
    "occupation": re.compile(
        r"\b(?:police (?:officer|sergeant|woman|man)|detective|paramedic|firefighter|fire-?fighter|helicopter pilot|"
        r"pilot|vet\b|veterinarian|dentist|surgeon|anaesthetist|midwife|"
        r"pharmacist|magistrate|barrister|solicitor|lawyer|judge|mayor|councillor|politician|priest|pastor|imam|nun|"
        r"monk|farmer|grazier|dairy farmer|shearer|miner|"
        r"(?:ex[- ])?(?:league|footy|cricket|rugby|netball|nrl|nrlw|aflw?) player|harbour master|"
        r"coach(?:es)? the under|fisherman|crayfisher\w*|abalone diver|beekeeper|winemaker|jockey|horse trainer|"
        r"footballer|afl (?:player|"
        r"umpire)|nrl player|olympi\w+|athlete|swimmer|gymnast|"
        r"ballet dancer|violinist|cellist|musician|opera singer|actor|actress|newsreader|journalist|tv presenter|"
        r"radio (?:host|presenter)|author|"
        r"school principal|principal|deputy principal|(?:music|maths|drama|kindergarten|primary|high school) "
        r"teacher|bus driver|truck driver|train driver|air traffic controller|flight attendant|"
        r"postmaster|postmistress|publican|undertaker|funeral director|lighthouse keeper|park ranger|ranger|soldier|"
        r"army (?:officer|medic|captain)|naval officer|submariner|"
        r"prison officer|customs officer|engineer|architect|professor|academic|marine biologist|geologist|butcher|"
        r"baker|hairdresser|"
        r"electrician|plumber|carpenter|locksmith|taxidermist|harpist|organist|pianist|bishop|rabbi|vicar|deacon|diver|drover|saddler|farrier|blacksmith|sculptor|puppeteer|"
        r"weightlifter|boxer|cyclist|rower|sailor|skipper|coroner|ambassador|astronomer|glassblower|luthier|jeweller|florist|tattooist|milliner|sommelier|brewer|croupier|magician|"
        r"deckhand|trawlerman|pearl diver|lifeguard|chef|nurse|gp|doctor|psychologist|social "
        r"worker)s?\b", re.I),
    "community": re.compile(
        r"\b(?:hazara|tongan|samoan|maori|māori|fijian|rohingya|karen|chin|hmong|uyghur|tibetan|bhutanese|nepali|"
        r"nepalese|somali|sudanese|south sudanese|dinka|nuer|eritrean|"
        r"ethiopian|oromo|congolese|burundian|rwandan|sierra leonean|liberian|zimbabwean|ghanaian|yazidi|kurdish|"
        r"assyrian|chaldean|mandaean|druze|coptic|maronite|"
        r"tamil|sinhalese|sikh|jain|bahai|baha'i|parsi|jehovah'?s witness(?:es)?|mormon|seventh-day adventist|"
        r"(?:exclusive|plymouth|christian|open) brethren|brethren family|"
        r"from (?:burundi|rwanda|congo|tonga|samoa|fiji|nauru|kiribati|tuvalu|vanuatu|somalia|eritrea|ethiopia|"
        r"south sudan|bhutan|nepal|"
        r"tibet|liberia|sierra leone|iceland|estonia|latvia|lithuania|malta|albania|armenia|mongolia|east timor|"
        r"timor-leste)|amish|mennonite|hasidic|orthodox jewish|"
        r"romani|roma\b|(?-i:[A-Z][a-z]{3,}(?:an|ese|ish|ic|er|i|ch))-born|"
        r"icelandic|estonian|latvian|lithuanian|maltese|cypriot|macedonian|bosnian|albanian|georgian|"
        r"armenian|mongolian|timorese|"
        r"yolngu|yolŋu|pitjantjatjara|anangu|arrernte|warlpiri|noongar|nyoongar|palawa|wiradjuri|gamilaraay|"
        r"kamilaroi|bundjalung|yuin|koori|murri|tiwi|torres strait islander)\b", re.I),
    "family": re.compile(
        r"\b(?:mother|father|mum|dad|parent) of (?:quadruplets|quintuplets|two|three|four|five|six|seven|eight|nine|"
        r"ten|twins|triplets|"
        r"\d)\b|\b(?:identical )?(?:twins?|triplets?|quadruplets?)\b|\b(?:youngest|oldest|eldest|middle|one|second|"
        r"third) of (?:four|five|six|seven|eight|nine|ten|eleven|twelve|\d+)\b|"
        r"\b(?:four|five|six|seven|eight|nine|ten|eleven) (?:children|kids|siblings|sisters|brothers|sons|daughters|"
        r"boys|girls|"
        r"foster children)\b|\bwidow(?:ed|er)?\b|\badopted (?:from|at|son|daughter|twin)|\bsame-sex parents\b|"
        r"\bsurrogate\b|\bonly child\b|\bfoster(?:ed|[ \n](?:son|daughter|child|kid|boy|girl)| mother of| carer of)\b|"
        r"\bfamily of (?:eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen)\b|\b(?:his|her) (?:mum|"
        r"mother|dad|father) "
        r"(?:runs|owns|is the (?:mayor|principal|doctor|gp|priest|publican))\b|"
        r"\bwhose (?:husband|wife|son|daughter|brother|sister|father|mother|partner|twin) (?:is|was|died|drowned|"
        r"played|ran|runs|works|worked)\b", re.I),
    "dated event": re.compile(
        r"\b(?:(?:19|20)\d\d|last (?:year|month|week|summer|winter|spring|autumn|january|february|march|april|may|"
        r"june|july|august|september|october|november|december|easter|christmas)'?s?|black (?:saturday|"
        r"summer))\b[^.\n]{0,40}\b(?:bushfires?|floods?|cyclone|earthquake|crash|accident|shooting|siege|massacre|"
        r"drowning|derailment|explosion|collapse|fire|murder|stabbing|attack|disaster|inquest|royal commission)\b|"
        r"\b(?:bushfires?|floods?|cyclone|earthquake|crash|shooting|siege|massacre|drowning|derailment|explosion|"
        r"mine collapse|(?:house|ferry|hospital|hotel|factory) fire|murder|stabbing|bus crash|plane crash|"
        r"train crash|helicopter crash|boating "
        r"accident)\b[^.\n]{0,40}\b(?:in|of|on)\b[^.\n]{0,25}\b(?:19|20)\d\d\b|"
        r"\b(?:the|that) (?:cyclone|flood|bushfires?|fire|earthquake|storm|tornado) (?:took|destroyed|hit|wiped|"
        r"burnt|burned|flattened)\b|"
        r"\b(?:fire|crash|shooting|siege|stabbing|drowning|murder|collapse|cyclone) last (?:year|week|summer|winter|"
        r"spring|autumn|"
        r"january|february|march|april|may|june|july|august|september|october|november|december|easter|christmas)\b|"
        r"\bwitness in the (?:trial|inquest)\b|\bat the (?:cup carnival|royal commission|inquest)\b|\b(?:bus|plane|"
        r"train|helicopter|"
        r"light plane|boat) crash\b|\bmade (?:the )?(?:national |local |front[- ]page )?(?:news|headlines)\b|\bin "
        r"the news\b|\bfront page\b|"
        r"\bwon (?:the|a) (?:gold|silver|bronze|lotto|lottery|state|national)\b", re.I),
    "the only one": re.compile(
        r"\b(?:the |their |our |its )?only (?:[\w-]+ ){0,4}(?:one|woman|man|female|male|girl|boy|person|family|child|"
        r"player|student)"
        r"(?:[ ](?:in|at|of|on|from|here|there|they|we|ever|with)\b)", re.I),
    "rare condition": re.compile(
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
        r"usher syndrome|glass eye|one (?:leg|arm|eye))\b", re.I),
}  # fmt: skip


def traits(view: View, kind: str) -> Iterator[tuple[int, int, str]]:
    """Where a trait stands; at most 200 of a kind."""
    pattern = TRAITS[kind]
    if kind == "small place":
        found = pattern.finditer(view.text) if view.mentions(_OF_SMALL_PLACES) else iter(())
    else:
        found = view.matches_at(pattern, _starts(view, kind))
    yield from ((one.start(), one.end(), kind) for one in islice(found, 200) if not view.in_signature(one.start()))
    if kind == "small place":
        yield from ((start, end, kind) for start, end in towns(view))


def _starts(view: View, kind: str) -> list[int]:
    """Where a trait of a kind may begin."""
    starts = view.starts(_BEGINNINGS[kind], _STEMS.get(kind, ()))
    beside = _BESIDE.get(kind)
    if beside is not None:
        starts += (found.start() for found in beside.finditer(view.text))
    return sorted(starts)


_BESIDE = {
    "exact age": re.compile(r"(?<!\d)[1-9]|^[ \t*\u2022-]", re.M),
    "community": re.compile(r"[A-Z][a-z]+-born"),
    "dated event": re.compile(r"(?:19|20)\d\d"),
    "rare condition": re.compile(r"22q", re.I),
}
"""Beginnings that are no words."""
_OF_SMALL_PLACES = (
    "small ", "tiny ", "remote ", "little ", "only ", "local ", "nearby ", "town of", "one ", "nsw", "vic", "qld",
    " sa ", " wa ", "tas", " nt ", "island", "school with", "school of", "town w", "village w", "place w",
    "population", "one-", "creek", "gully", " flat", "crossing", "siding", "downs", "ridge", "waters", "hollow",
    " bore", "ranges",
)  # fmt: skip
_BEGINNINGS = {
    "exact age": words("""
aged eighteen eighty fifteen fifty forty fourteen in nineteen seventeen seventy sixteen sixty thirteen thirty turned
twelve twenty year
"""),
    "occupation": frozenset(
        one + end
        for one in words("""
abalone academic actor actress afl aflw air ambassador anaesthetist architect army astronomer athlete author baker
ballet barrister beekeeper bishop blacksmith boxer brewer bus butcher carpenter cellist chef coach coache coroner
councillor cricket croupier customs cyclist dairy deacon deckhand dentist deputy detective diver doctor drama drover
electrician engineer ex farmer farrier fire firefighter fisherman flight florist footballer footy funeral geologist
glassblower gp grazier gymnast hairdresser harbour harpist helicopter high horse imam jeweller jockey journalist judge
kindergarten lawyer league lifeguard lighthouse locksmith luthier magician magistrate marine maths mayor midwife
milliner miner monk music musician naval netball newsreader nrl nrlw nun nurse opera organist paramedic park pastor
pearl pharmacist pianist pilot plumber police politician postmaster postmistress priest primary principal prison
professor psychologist publican puppeteer rabbi radio ranger rower rugby saddler sailor school sculptor shearer skipper
social soldier solicitor sommelier submariner surgeon swimmer tattooist taxidermist train trawlerman truck tv
undertaker vet veterinarian vicar violinist weightlifter winemaker
""")
        for end in ("", "s")
    ),
    "community": words("""
albania albanian amish anangu armenia armenian arrernte assyrian baha bahai bhutan bhutanese bosnian brethren
bundjalung burundi burundian chaldean chin christian congo congolese coptic cypriot dinka druze east eritrea eritrean
estonia estonian ethiopia ethiopian exclusive fiji fijian from gamilaraay georgian ghanaian hasidic hazara hmong
iceland icelandic jain jehovah jehovahs kamilaroi karen koori kurdish latvian liberian lithuanian macedonian maltese
mandaean maori maronite mennonite mongolian mormon murri māori nepalese nepali noongar nuer nyoongar open oromo
orthodox palawa parsi pitjantjatjara plymouth rohingya roma romani rwandan samoan seventh sierra sikh sinhalese somali
south sudanese tamil tibetan timorese tiwi tongan torres uyghur warlpiri wiradjuri yazidi yolngu yolŋu yuin zimbabwean
"""),
    "family": words("""
adopted dad eight eldest eleven family father five foster fostered four her his identical middle mother mum nine oldest
one only parent quadruplet quadruplets quintuplets same second seven six surrogate ten third triplet triplets twin twins
whose widow widowed widower youngest
"""),
    "dated event": words("""
at black boat boating bus bushfire bushfires collapse crash cyclone derailment drowning earthquake explosion factory
ferry fire flood floods front helicopter hospital hotel house in last light made massacre mine murder plane shooting
siege stabbing that the train witness won
"""),
    "the only one": words("its only our the their"),
    "rare condition": words("""
achondroplasia albinism alien als amputee angelman anti autoimmune batten capgras cataplexy cjd conjoined cotard
creutzfeldt cystic deaf deafblind digeorge dissociative double dwarfism ehlers epidermolysis face facial factitious
fragile fregoli glass haemophilia heart huntington huntingtons kleefstra kleine klinefelter landau lesch locked marfan
mnd moebius motor muscular narcolepsy neurofibromatosis one osteogenesis phenylketonuria pica pku porphyria prader
prosthetic rett selective sickle smith stiff thalassaemia tourette tourettes transplant trichotillophagia tuberous
turner usher williams wilson wilsons xeroderma
"""),
}
"""First words of each trait."""
_STEMS = {"occupation": ("olympi", "crayfisher")}
