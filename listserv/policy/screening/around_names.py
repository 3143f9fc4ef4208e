"""The words around a name that say whose it is: somebody greeted, cited or made up, or somebody in care."""

from __future__ import annotations

import re

from listserv.policy.screening.context import CASE, PERSON_WORDS
from listserv.policy.screening.naming import CAP, WHO

CITED = re.compile(
    r"\A(?:'s)?[,]?[ ]?(?:\([^()\n]{0,20}(?:19|20)\d\d|et al|&|\((?:19|20)\d\d|,[ ](?:[A-Z]\.[ "
    r"]?){1,3}[,&(]|[ ]and[ ][A-Z][\w-]+[ ]?\(\d{4}|,?[ ](?:19|20)\d\d[a-z]?[);,.])"
)
HONOURED = re.compile(
    r"\A'?s?[ ](?:scale|model|disease|syndrome|theory|criteria|inventory|index|test|method|approach|square|diagram|"
    r"schemas?|"
    r"mode|therapy manual|hierarchy|questionnaire|protocol|framework|principles|stages|type|area|palsy|award|"
    r"lecture|oration|"
    r"institute|foundation|centre|center|street|road|university|hospital|school|college|clinic|house|unit|chair|"
    r"list)\b",
    re.I,
)
GREETED = re.compile(
    r"\A\W*(?:hi|hello|hey|dear|hallo|liebe[rs]?|good (?:morning|afternoon|evening)|g'day|morning|greetings|bonjour|"
    r"welcome|"
    r"thanks|thank you|many thanks|congratulations|well done|cheers|@)\b[^.?!;\n]{0,80}\Z",
    re.I,
)
SPOKEN_TO = re.compile(
    r"\b(?:thanks|thank you|thanks to|thank you to|cheers|agree with|as|echo|echoing|hi|hello|welcome|well said|"
    r"great (?:point|question)|"
    r"congratulations|congrats|per|ask|contact|endorse|supervisor|colleague|author|presenter|by)[ ,]{0,2}\Z",
    re.I,
)
THANKED = re.compile(
    r"\b(?:thanks|thank you|grateful|gratitude|congratulations|congrats|welcome|farewell|vote of thanks)\b[ ]?(?:to|"
    r"again)?[ ]?\Z",
    re.I,
)
SAID = re.compile(
    r"\A(?:'s)?,?[ ](?:wrote|said|mentioned|suggested|pointed out|asked|posted|shared|raised|noted|"
    r"recommended|replied|post|point|question|suggestion|email|reply|comment)\b",
    re.I,
)
ATTRIBUTION = re.compile(
    r"^\W{0,3}(?:On|Am|Le|El|Il|Op)\b[^\n]{5,180}(?:\n[^\n]{0,120}){0,2}?\b(?:wrote|writes|schrieb|"
    r"écrit)\b[^\n]{0,40}:",
    re.M,
)
TREATS = re.compile(
    r"\b(?:(?:her|his|their|client's|patient's|treating|usual|previous|current|family|new|old)[ ](?:\w+[ ])?(?:gp|"
    r"doctor|psychiatrist|paediatrician|"
    r"pediatrician|neurologist|obstetrician|oncologist|cardiologist|specialist|surgeon|dentist|psychologist|therapist)|"
    r"prescrib\w+|(?:a |the )?(?:referral|referred (?:him|her|them|the client|my client)|sent (?:him|her|"
    r"them)) to (?:a/)?"
    r"(?=(?:assoc|prof|dr)\b)|(?:seen|reviewed|assessed|diagnosed|treated|admitted|medicated) by (?:a/)?(?=(?:assoc|"
    r"prof|dr)\b)|"
    r"referred by|under the care|(?:admitted|discharged) (?:by|under)|(?:she|he|they|client|patient|mum|"
    r"mother)[ ](?:saw|sees|was seen by|attends|"
    r"consulted|has seen))\b",
    re.I,
)
SENT_TO = re.compile(
    r"\b(?:(?:a|the|her|his|their|after|with|by) referral to|(?:referred|sent) (?:him|her|them|the client|"
    r"my client) to|"
    r"(?:seen|reviewed|assessed|diagnosed|treated|admitted|medicated) by)[ ](?:a/)?\Z",
    re.I,
)
TO_SEE = re.compile(
    r"\b(?:for|to|by|about|of|we|i) (?:see(?:ing)?|saw|assess(?:ing)?|review(?:ing)?|treat(?:ing)?|accept(?:ing)?|"
    r"take on|taking on|refer(?:ring)?)[ \n]\Z",
    re.I,
)
DUE = re.compile(
    r"'?s?[ ,](?:is (?:due|booked|overdue|waiting)|needs|refuses|declined|rang|missed|has missed|will tell you|"
    r"turned up|didn't (?:come|attend)|did not (?:come|attend))\b"
)
"""Behind the name of somebody in care, as colleagues hand over."""
OF_CARE = re.compile(r"\b(?:her|his|their) (?:medication|treatment|admission|script|referral)\b", re.I)
STAFF = re.compile(
    r"\b(?:receptionist|practice manager|office manager|registrar of|our (?:new )?(?:administrator|coordinator|"
    r"secretary|president|chair)|"
    r"ministers?|premier|senat\w+|commission(?:er)?|royal commission|ombudsman|keynote|webinar|workshop|conference|"
    r"coroner|inquest|parliament|election|judgment|mp|v|department|ministry|interpret(?:er|s|ing)|chaplain|librarian|tutor|lecturer|trainer|"
    r"speaker|"
    r"treasurer|convenor|editor|journalist|"
    r"presenter|facilitator|will present|is presenting|presents on|rsvp|registrations?|welcome to country)\b",
    re.I,
)
PROFESSIONAL = re.compile(
    r"\b(?:recommend\w*|colleagues?|supervis\w+|psychologist|counsellor|psychotherapist|social worker|physio\w*|"
    r"dietitian|speech pathologist|"
    r"practi[sc]es|practising|bulk[- ]bills?|takes? (?:new|on)|taking (?:new|on)|waitlist|waiting list|books are|"
    r"speciali[sz]es|"
    r"retir\w+|farewell|vale|congratulat\w+|awarded|appointed|elected|obituary|memorial|welcome to the team)\b",
    re.I,
)
FICTION = re.compile(
    r"\b(?:novels?|films?|movies?|books?|series|characters?|memoirs?|plays?|episodes?|fiction\w*|vignettes?|"
    r"textbooks?|stor(?:y|ies) (?:by|of)|podcasts?|"
    r"documentar\w+|manual|chapter|(?:Freud|Breuer|Jung|Erikson|Winnicott|Yalom|Rogers|Watson|Klein|Bowlby|Charcot|"
    r"Janet|Sacks|Luria)(?:'s)?)\b"
)
CHANGED = re.compile(
    r"\b(?:all |the )?names?(?: and (?:\w+ ){1,4})?(?: here| below| above)?(?: have been| has been| are| were| is)? "
    r"(?:all )?(?:been )?(?:changed|altered|invented|made up|"
    r"fictional|fictitious)\b|\bpseudonyms?\b|\bcomposite (?:case|client|of)|\b(?:fictional|fictitious|made[- ]up|"
    r"invented) (?:case|client|patient|example|person|vignette)|\b(?:made[- ]up|invented) (?:by|for)\b|"
    r"\bany (?:likeness|resemblance)\b|\bhypothetical (?:for|case|client|vignette)",
    re.I,
)
IS_SO = re.compile(r"\b(?:is|was|are|were|be|being|been|who's|she's|he's)[ ]?\Z")
SOME_NEW = re.compile(rf"\b(?:an?|another|one|some|new)[ ](?:[\w-]+[ ]){{0,4}}{WHO},?[ ]?\Z", re.I)
SOMEBODY = re.compile(rf"\b(?:an?|my|our|one|another|this|his|her|their)[ ](?:[\w-]+[ ]){{0,4}}{WHO},?[ ]?\Z", re.I)
ANIMALS = re.compile(
    r"\b(?:dogs?|pupp(?:y|et|ets|ies)|cats?|kitten|horse|pony|bear|teddy|robot|character|doll|avatar|rabbit|app|"
    r"program|group|course|tool|book|film|"
    r"method|model|approach|technique|drug|file)\b[^.]{0,20}\Z",
    re.I,
)
WHO_AT_ALL = re.compile(
    rf"\b(?:{PERSON_WORDS}|psychologist|psychiatrist|gp|teacher|worker|nurse|who|whose|one|someone|her|his|their|"
    rf"she|he)\b",
    re.I,
)
SERVICES = re.compile(
    r"(?:Lifeline|Beyond|Headspace|Triple|Kids|MensLine|Mensline|QLife|Police|Ambulance|Emergency|SANE|Butterfly|"
    r"Centrelink|Medicare|"
    r"NDIS|Safe|Circle|Triage|CATT|CAT|Mental|Child|DBT|CBT|ACT|EMDR|Narcan|The|Suicide|13YARN|Yarn|Poisons|"
    r"Relationships|Open|Poly)\b"
)
IN_CARE = re.compile(
    r"(?:(?i:clients?|patients?|pts?|consumers?|residents?|participants?|child|baby|infant|boy|girl|husband|wife|"
    r"son|daughter|next of kin|nok|carer)|"
    r"mother|mum|father|dad|brother|sister)\b"
)
SOMEBODYS = re.compile(
    rf"{CASE.pattern}|\b(?:his|him|they|their|mum|mother|dad|father|parents|school|ward|unit|session|home|class|"
    rf"year|drew|cried|said|asked|wants?)\b",
    re.I,
)
PROFESSION = re.compile(
    r"\b(?:psychologist|psychiatrist|counsellor|therapist|social worker|nurse|gp|supervis\w+|colleague|recommend\w*|"
    r"practice|"
    r"clinic|director|ceo|minister|founder|trainer|actor|actress|singer|celebrity|player|politician)\b",
    re.I,
)
WROTE = re.compile(r"\b(?:wrote|schrieb|écrit|writes)\b\s*:?\s*$")
ADDRESSED = re.compile(r"\W*(?:from|to|cc|von|an|de|à)\s*:", re.I)
WHO_BEFORE = re.compile(rf"\b{WHO}\b[^.\n]{{0,25}}\Z")
LAST_NAME = re.compile(rf"{CAP},[ ]\Z")
