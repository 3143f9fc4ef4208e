"""How names of people stand in a text: the patterns of `people`, each with the name as its group `name`.

Case tells names from words, so these look at letters as they are written.
"""

from __future__ import annotations

import re

from listserv.policy.screening.context import PERSON_WORDS
from listserv.policy.screening.words import words

UPPER = "A-ZÀ-ÖØ-ÞĀĆČĎĐĒĖĘĚĞĢĪĮİĶĹĻĽŁŃŅŇŌŐŒŔŘŚŞŠŢŤŪŮŰŲŹŻŽȘȚ"
CAP = rf"[{UPPER}][^\W\d_]{{1,30}}(?:['-][^\W\d_]{{1,30}})?"
PARTICLE = r"(?:(?:van|von|der|den|de|di|da|dos|del|bin|binti|al|el|la|le|ben|ter|of)[ -]){0,2}"
G = r"(?:[ \t]+|[ \t]*\n[ \t]*)"
NAME = rf"{PARTICLE}{CAP}(?:{G}{PARTICLE}{CAP}){{0,2}}"
WHO = rf"(?:{PERSON_WORDS})"
TITLED = re.compile(
    rf"(?<![\w/])(?:[Mm]r|MR|[Mm]rs|MRS|Ms|Miss|MISS|Mx|[Dd]r|DR|[Pp]rof(?:essor)?|A/Prof|Assoc\.? Prof|Herrn?|Frau|"
    rf"Mme|Madame|"
    rf"Monsieur)\.?{G}(?P<name>(?:[A-Z]\.?[ ]){{0,2}}{NAME})"
)
SMALL_TITLED = re.compile(r"(?<![\w/])(?:mr|mrs)\.?[ ](?P<name>[a-z][a-z'-]{2,20})(?![\w@])")
NAMED = re.compile(
    rf"\b(?:(?P<how>named|called|nicknamed|known as|goes by|going by|by the name of|aka|a\.k\.a\.|heisst|heißt|"
    rf"namens|genannt|s'appelle|nommée?)|"
    rf"(?:whose|(?i:her|his|their|client'?s?|patient'?s?|child'?s?|mother'?s?|real|full|first|last|given|family)) "
    rf"(?:(?i:real|full|first|last|given|legal) )?(?i:sur)?names?(?:[ ](?:is|was|are)|'s|[ ]?[:=]))"
    rf"[ \n]+[\"'(]{{0,2}}(?P<name>{NAME})"
)
OF_CLIENT = re.compile(
    rf"\b(?i:(?:pt|patient|client|child|consumer|participant|resident)(?:'?s)?[ ](?:full |first )?name)[ ]?(?:is[ ]|"
    rf"was[ ]|[:=,-][ ]?|[ ])"
    rf"[\"'(]{{0,2}}(?P<name>{CAP}(?:[ ]{CAP}){{0,2}})"
)
RENAMED = re.compile(
    rf"\b(?i:old|former|previous|maiden|birth|dead|married|legal)[ ]?(?i:name|one)(?:[ ](?:is|was|of)|,|:|"
    rf"[ ]?\()?[ ]?(?P<name>{CAP}[ ]{CAP})"
)
BESIDE_NUMBER = re.compile(
    rf"(?<![\w@.])(?P<name>{CAP}[ ]{CAP})[ ]?[,;:(|-]{{0,2}}[ ]{{0,3}}(?i:ihi|mrn|urn?|u/r|crn|tfn|dob|d\.o\.b\.?|"
    rf"medicare|ndis|born|dva|nhs|"
    rf"pension|passport|licen[cs]e)\b(?=[^\n\d]{{0,25}}\d)"
)
THE_RELATIVE = re.compile(
    rf"\b[Tt]he[ ](?:\w+[ ])?(?:son|daughter|husband|wife|partner|mother|mum|father|dad|brother|sister|boyfriend|"
    rf"girlfriend|baby|aunt|"
    rf"uncle|cousin|grandmother|grandfather|nan|stepfather|stepmother)(?:,[ ]|[ ]\()"
    rf"(?![A-Z][a-z]+(?:ese|ian|ish|ean|can|lim|ist|man)\b)(?P<name>{CAP})(?=[,)])"
)
FOR_QUOTED = re.compile(rf"(?<=\")[Ff]or[ ](?P<name>{CAP})\"")
LABEL = re.compile(
    rf"^[ \t>*-]*(?i:re|regarding|client|patient|pt|child|name|client name|patient name|consumer|participant|full name|"
    rf"mother|father|mum|dad|carer|guardian|partner|next of kin|nok|parent|emergency contact|referral for|surname|"
    rf"name of (?:client|patient|child))[ ]?[:=][ \t]*(?P<name>{CAP}(?:,?[ ]{CAP}){{0,2}})",
    re.M,
)
COMMA = re.compile(rf"(?<![\w])(?P<name>{CAP}(?:[ ]{CAP})?,[ ]{CAP})(?![\w.]|[ ]?\()")
RELATED = re.compile(
    rf"(?<![\w-])(?i:{WHO})(?:[ ]?[,:(-][ ]?|{G})[\"'(]{{0,2}}(?P<name>{CAP}(?:[ ]{CAP}){{0,1}})(?![\w@])"
)
RELATED_SMALL = re.compile(
    r"\b(?:client|patient|pt|consumer)[ ,(]{1,2}(?P<name>[a-z]{3,14})(?=[ ,.;:)'\n])|"
    r"\b(?:her|his|their|the|my client'?s) (?:son|daughter|husband|wife|mother|mum|father|dad|partner|sister|"
    r"brother|baby)[ ,(]{1,2}"
    r"(?P<other>[a-z]{3,14})(?=[ ,.;:)'\n])|\b(?:called|named) (?P<called>[a-z]{3,14})(?=[ ,.;:)'\n])"
)
RELATED_UNKNOWN = re.compile(
    rf"\b(?:[Mm]y|[Oo]ur|[Tt]he|[Aa]|[Tt]his|[Nn]ew)[ ](?:[a-z]+[ ])?(?:client|patient|pt|consumer)(?:,[ ]|[ ]\(|[ "
    rf"])(?P<name>{CAP}(?:[ ]{CAP})?)"
    rf"(?=[,)]|'s|[ ](?:is|was|has|had|who|and|told|says|said|presented|came|lives|attends|reports|reported|"
    rf"disclosed|wants|feels|recently|again|for|in|at|on|with|about|\())"
)
OF_RELATIVE = re.compile(
    rf"\b(?:[Hh]er|[Hh]is|[Tt]heir|[Tt]he client's|[Mm]y client's|[Mm]y patient's|[Tt]he patient's)[ ](?:\w+[ "
    rf"])?(?:son|daughter|husband|wife|partner|"
    rf"mother|mum|father|dad|brother|sister|boyfriend|girlfriend|baby|child|aunt|uncle|cousin|ex|grandmother|"
    rf"grandfather|nan|stepfather|stepmother|stepdad|"
    rf"stepmum|foster carer|carer|friend)(?:,[ ]|[ ]\(|[ ])(?P<name>{CAP})(?![\w@])"
)
KIN = re.compile(
    rf"(?<![\w@])(?P<name>{CAP})'s?[ \n](?:mother|mum|mom|dad|father|parents|brother|sister|husband|wife|boyfriend|"
    rf"girlfriend|son|daughter|grandmother|nan|"
    rf"stepfather|stepdad|foster (?:mother|carer|parents)|psychiatrist|diagnosis|safety plan|self-harm|overdose|"
    rf"suicide attempt)\b"
)
AGED = re.compile(
    rf"(?<![\w@])(?P<name>{CAP})(?:[ ]is[ ](?:an?[ ])?\d{{1,2}}[ -]?(?:years?|yo|y/o)|[ ]\((?:aged )?\d{{1,2}}[ "
    rf"]?(?:yo|y/o|years? old|[MFmf])\)|,[ ]an?[ ]\d{{1,2}}[ -]year[ -]old)"
)
APPOSED = re.compile(
    rf"(?<![\w@])(?P<name>{CAP}(?:[ ]{CAP})?)(?:,?[ ]\(?(?:my |our |a |an )?(?:client|patient|pt)\b|,?[ "
    rf"]\(?(?:aged )?\d{{1,2}}\)?(?:,|[ ]?yo\b|"
    rf"[ ]?y/o|[ ]?years?[ -]old|\b(?=\)))|[ ]is[ ]an?[ ]\d{{1,2}}|,[ ]an?[ ]\d{{1,2}}[ -]?(?:year|yo|y/o))"
)
POSSESSIVE = re.compile(
    rf"(?<![\w@])(?P<name>{CAP})'s?[ \n](?i:mother|mum|mom|dad|father|parents?|brother|sister|husband|wife|partner|"
    rf"ex|boyfriend|"
    rf"girlfriend|son|daughter|kids|children|family|school|teacher|gp|doctor|psychiatrist|nan|nanna|grandmother|"
    rf"grandfather|carer|"
    rf"foster|diagnosis|symptoms|medication|treatment|care|case|risk|mood|therapy|therapist|behaviou?r|file|"
    rf"assessment|history|"
    rf"trauma|admission|discharge|self-harm|overdose|anxiety|depression|psychosis|presentation to|safety plan|house|"
    rf"home|"
    rf"birthday|funeral|death|suicide|attempt|disclosure|baby|caseworker|room|support worker)\b"
)
ACTING = re.compile(
    rf"(?<![\w@.])(?P<name>{CAP}(?:[ ]{CAP})?)[ \n](?:(?:has|had|was|is|also|then|later|first|now|just|recently|"
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
ABOUT = re.compile(
    rf"\b(?:[Rr]e|RE|[Aa]bout|[Rr]egarding|[Ff]or|[Ww]ith|[Ss]aw|[Ss]ee|[Ss]eeing|[Cc]oncerning|"
    rf"[Dd]iscuss|[Rr]eferred|[Rr]eview of)[ :]{{1,2}}(?P<name>{CAP}[ ]{CAP})(?![\w@])"
)
ALONE = re.compile(rf"(?<![\w@.'-])(?P<name>{CAP})(?:(?P<last>[ ]{CAP})|(?='s\b|[ ,.;:)\n?!]|\Z))")
INITIALS = re.compile(
    rf"(?<![\w.])[A-Z]\.[ ]?[A-Z]\.(?:[ ]?[A-Z]\.)?(?![\w])(?![ ]?{CAP}[ ,(]*(?:\d|et|and|&|"
    rf"[A-Z]\.|{CAP}))"
)
TITLED_INITIAL = re.compile(r"(?<![\w])(?:Mr|Mrs|Ms|Miss|Mx)\.?[ ](?P<initial>[C-W])(?:\.|\b)(?![ ]?[A-Za-z]*\.|[-'])")
TWO_LETTERS = re.compile(
    r"(?<![\w&./-])(?P<two>[A-Z]{2})(?:'s[ ](?:mother|mum|dad|father|parents|partner|wife|husband|school|brother|"
    r"sister|mood|sleep)|"
    r"[ ](?:is|was|has|had|said|says|feels|told|presented|lives|attends|wants|came|disclosed)[ ](?!a |an |the |used|"
    r"available|not |in )|[ ]?\(\d\d?\)|,[ ]\d\d?(?:,|[ ]?yo))"
)
CLIENT_INITIALS = re.compile(
    r"\b(?i:clients?|patients?|pt|re|child|case of)[ :,(]{1,2}(?P<initials>[A-Z]{2})(?=[ ,.;:)'\n?])|"
    r"(?<![\w])(?P<before>[A-Z]{2})[ ,]{1,2}(?:is an?|an?) "
    r"\d{1,2}[ -]?(?:yo|y/o|year)"
)
CLIENT_HEAD = re.compile(
    r"\W*(?:client|patient|pt|child|consumer|participant|resident)(?:'?s)?(?:[ ](?:full[ ])?names?)?\W*", re.I
)
NAME_HEAD = re.compile(r"\W*(?:(?:full|first|given|last|family|sur)[ ]?)?names?\W*", re.I)
NUMBER_HEADS = re.compile(
    r"\b(?:d\.?o\.?b|born|birth\w*|medicare|card|ihi|mrn|urn?|crn|tfn|ndis|dva|diagnos[ie]s|k-?10|phq-?9|risk)\b", re.I
)
IN_CELL = re.compile(rf"{CAP}[ ]{CAP}(?:[ ]{CAP})?")
FILE_OF_COLLEAGUES = re.compile(
    r"\b(?:flyers?|cv|resume|workshops?|webinars?|articles?|papers?|slides?|chapters?|books?|reviews?|program(?:me)?|"
    r"brochure|"
    r"invoices?|certificates?|headshot|portrait|bio|agenda|minutes|et al|lectures?|talks?|keynotes?|posters?|"
    r"conference|"
    r"(?:19|20)\d\d (?:article|paper|book|chapter|review))\b",
    re.I,
)
RECORDED = re.compile(
    rf"(?P<name>{CAP})[ .-]{{1,3}}(?:\d|session)[^\n]{{0,30}}\.(?:m4a|mp3|mp4|wav|mov|aac|ogg|jpe?g|png|heic)\Z", re.I
)

# The first words of the patterns above: looked for only there. A test holds each pattern to its list.
TITLES = words("a assoc dr frau herr herrn madame miss mme monsieur mr mrs ms mx prof professor")
SMALL_TITLES = words("mr mrs")
NAMING = words("""
a aka by called child childs client clients family first full genannt given goes going heisst heißt her his known last
mother mothers named namens nicknamed nommé nommée patient patients real s their whose
""")
CLIENTS = words("""
child childs client clients consumer consumers participant participants patient patients pt pts resident residents
""")
RENAMING = ("old", "former", "previous", "maiden", "birth", "dead", "married", "legal")
NUMBERS = (
    "ihi", "mrn", "ur", "u/r", "crn", "tfn", "dob", "d.o.b", "medicare", "ndis", "born", "dva", "nhs", "pension",
    "passport", "licen",
)  # fmt: skip
PEOPLE = words("""
adolescent aunt auntie aunty baby boy boyfriend brother carer case child children client clients consumer consumers
couple cousin dad daughter emergency ex family father fiance fiancee fiancé fiancée fille fils foster friend gentleman
girl girlfriend granddaughter grandfather grandma grandmother grandpa grandparent grandparents grandson guardian
husband infant inmate kid kids klient klienti klientin lady mama man mom mother mum mutter mère nan nanna neighbor
neighbour nephew next niece nok parent parents participant participants partner patient patienti patientin patients
person pop pt pts pupil père refugee resident residents sibling sister sohn son stepbrother stepdad stepdaughter
stepfather stepmother stepmum stepsister stepson student supervisee survivor teen teenager tochter toddler uncle vater
veteran wife woman young
""")
DETERMINERS = words("a my new our the this")
OWNERS = words("her his my the their")
SMALL_RELATED = words("called client consumer her his my named patient pt the their")
INITIALLED = words("case child client clients patient patients pt re")
