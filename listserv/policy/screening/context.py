"""Words around a value that tell whether it is a client's: people in care, services, events, publications."""

from __future__ import annotations

import re
from functools import lru_cache

PERSON_WORDS = (
    r"clients?|patients?|pts?|consumers?|residents?|participants?|child(?:ren)?|kids?|boy|girl|man|woman|lady|"
    r"gentleman|"
    r"mother|mum|mom|father|dad|son|daughter|baby|infant|toddler|brother|sister|sibling|husband|wife|partner|"
    r"fianc[ée]e?|"
    r"boyfriend|girlfriend|ex|ex-partner|ex-husband|ex-wife|teen(?:ager)?|adolescent|student|pupil|veteran|carer|"
    r"cousin|nephew|niece|aunt(?:y|ie)?|uncle|grand(?:mother|father|ma|pa|son|daughter|parents?)|nan|nanna|pop|"
    r"step(?:mother|father|mum|dad|son|daughter|brother|sister)|foster (?:mother|father|carer|mum|child)|friend|"
    r"neighbou?r|survivor|inmate|refugee|young person|young man|young woman|person|family|couple|guardian|parents?|"
    r"next of kin|nok|emergency contact|case|supervisee|klientin?|patientin?|mutter|vater|sohn|tochter|mère|père|"
    r"fils|fille"
)
CLIENT = re.compile(
    r"\b(?:client|patient|pt|consumer|resident|mother|mum|father|dad|son|daughter|husband|wife|partner|carer|"
    r"next of kin|nok|emergency contact|guardian|parent|sister|brother|grandmother|grandfather|nan|her|his|him|she|he|"
    r"their|boyfriend|girlfriend|family|lives|home|klient\w*|patient\w*)(?:'s|s)?\b",
    re.I,
)
CASE = re.compile(
    r"\b(?:clients?|patients?|pts?|yo|y/o|presented|presents|presenting|referred (?:by|to) me|admitted|admission|"
    r"discharged|diagnos\w+|disclosed|self[- ]harm\w*|overdose\w*|my (?:session|sessions) with|first seen|first "
    r"session|"
    r"symptoms|she|he|her|his|shes|hes|young person|boy|girl|(?:wo)?man,? (?:aged )?[1-9]\d)\b",
    re.I,
)
SERVICE = re.compile(
    r"\b(?:services?|clinics?|intake|reception|practice|hospital|lines?|helplines?|hotlines?|triage|referrals?|"
    r"bookings?|"
    r"fax|office|centres?|centers?|enquir\w+|inquir\w+|switchboard|secretary|admin|support line|24/7|24 hours?|crisis|"
    r"foundations?|council|institute|universit\w+|schools?|librar\w+|legal aid|lawyers?|police|court registry|registry|"
    r"pharmacy|psychiatry line|advice line|warmline|griefline|victims? (?:support|services)|advocacy|ombudsman|"
    r"commissioner|"
    r"tribunal|network|phn|health direct|healthdirect|nurse on call|1800respect|respect|relationships australia|mind|"
    r"wellways|blue knot|open arms|lifeline|beyond ?blue|headspace|kids helpline|mensline|13yarn|poisons|dardi|"
    r"qlife|sane|butterfly|carers "
    r"australia|"
    r"team|unit|department|rooms|register|rsvp|venue|organi[sz]ers?|college|society|association|counselling)\b",
    re.I,
)
EVENT = re.compile(
    r"\b(?:webinars?|workshops?|trainings?|conferences?|courses?|seminars?|registrations?|register|rsvp|closes?|"
    r"closing|"
    r"deadline|due|zoom|teams|agm|cpd|events?|join us|save the date|presenters?|venue|early ?bird|supervision group|"
    r"peer (?:group|supervision)|journal club|network meeting|meeting|masterclass|symposium|retreat|intensive|expires?|"
    r"valid|published|updated|accessed|retrieved|effective|commenc\w+|takes effect|public holiday|launch\w*|"
    r"applications?|"
    r"eoi|expressions? of interest|submissions?|abstracts?|starts?|starting|semester|term [1-4]|newsletter|agenda|"
    r"minutes|"
    r"roster|on call|leave|positions?|vacanc\w+|budget|legislation|act|guidelines?|version|reviewed|renewals?|monthly|"
    r"series|module|group (?:starts|begins|runs)|next (?:group|session|meeting)|facilitat\w+|workgroup|forum|lecture|"
    r"edition|issue|vol|pp|doi|ahpra|medicare changes|mbs|ndis pricing|policy|from|until)\b",
    re.I,
)
PUBLIC = re.compile(
    r"\b(?:webinars?|workshops?|training|trained (?:by|with)|conferences?|books?|papers?|articles?|chapters?|keynotes?|"
    r"presen(?:ts|ting|tation|ter|ters)\b(?! with)|facilitat(?:es|ed by|ing|or|ors)|courses?|published|publication|"
    r"lecture|"
    r"podcasts?|study|studies|et al|research|author(?:s|ed)?|manual|model|theory|wrote|writes about|editors?|edited by|"
    r"professor of|speaker|guest|hosted by|episode of|interview with|ted talk|youtube|journal|work on|developed by|"
    r"founder|founded|pioneer\w*|textbook|film|documentary|series|memoir)\b",
    re.I,
)
OFFERED = re.compile(
    r"\b(?:(?:takes?|taking|accepts?|accepting|sees|welcomes?) (?:new |more )?(?:patients|clients|referrals)|"
    r"webinars?|workshops?|trainings?|conferences?|seminars?|registrations?|register|rsvp|enquir\w+|inquir\w+|"
    r"venue|"
    r"organi[sz]\w+|applications?|eoi|expressions? of interest|submissions?|abstracts?|supervision|supervisors?|"
    r"vacanc\w+|"
    r"facilitat\w+|convenor|convener|coordinator|bookings?|referrals? (?:to|can|go|welcome|via)|intake|service|"
    r"clinic|cpd|"
    r"position (?:available|vacant|open)|job ad\w*|locums?|apply (?:by|to|at|via)|salary|fte|for (?:more |further "
    r")?(?:details|"
    r"info(?:rmation)?)|to book|if (?:you are |you're )?keen|zoom|webex|teams "
    r"link|join by phone|dial by|meeting id|dial[- ]?in|passcode|recording|ae[ds]t|early bird|"
    r"abstracts?|convention|"
    r"tickets?|room(?:s)? (?:available|to rent|for rent)|interested|peer group|study|recruit\w+|ethics)\b",
    re.I,
)
VENUE = re.compile(
    r"\b(?:membership|subscriptions?|invoices?|payments?|donations?|publish\w+|press|guilford|routledge|association|"
    r"foundation|"
    r"society|institute|universit\w+|college|faculty|clinics?|campus|foyer|theatre|corner of|opposite|car ?park|"
    r"entrance|tram|"
    r"upstairs|downstairs|visit us|come to|find us|lunch|dinner|drinks|restaurant|cafe|café|gallery|function|hall|"
    r"cbd|studio|"
    r"(?<!no )reception|funeral|memorial service|chapel|cathedral|wake|requiem|crematorium|"
    r"open day|exhibition|opening|rally|march|meet (?:at|outside)|parcels?|subpoena|offices?|post to|mail to|send "
    r"to|cheques?|sublet|rent|lease|venue|workshops?|trainings?|held|rooms|conference|"
    r"hotel|parking|"
    r"our (?:\w+ )?(?:new )?(?:rooms|office|practice|service|unit|team|address|premises|building|site|branch|home)|"
    r"premises|practice|relocat\w+|library|"
    r"registration|secretary|treasurer|committee|weekend with (?-i:[A-Z])\w*|retreat|masterclass|symposium|talk by|"
    r"seminar|event|consulting|suite|level \d+)\b",
    re.I,
)
SOLD = re.compile(
    r"\b(?:to swap|house[- ]swap|(?:rooms?|house|flat|office|space) to let|for rent|"
    r"bedrooms|sleeps (?:two|three|four|five|six|seven|eight|\d)|"
    r"for sale|selling|to sell|giving away|give ?away|good home|wanted to buy|o\.?n\.?o\b|second[- ]hand|"
    r"we(?:'re| are) hiring|salar(?:y|ies)|pro rata|part[- ]time|full[- ]time|applicants?|contractors?|sublet)\b",
    re.I,
)
OF_A_CLIENT = re.compile(
    r"\b(?:client|patient|pt|consumer|mother|mum|father|dad|son|daughter|husband|wife|partner|carer|next of kin|nok|"
    r"emergency contact|guardian|sister|brother|grandmother|grandfather|nan|boyfriend|girlfriend|family|ex|"
    r"klient\w*|patient\w*)(?:'s|s)?\b|\b(?:her|his|their) (?:\w+ )?(?:mobile|mob|phone|landline|cell|line|work|"
    r"number|email|e-mail|address|"
    r"home)\b|"
    r"\b(?:she|he|they)(?:'s| is|'re| are)? (?:on|at|reachable|emailed|wrote|rang|texted|calls?|called)\b",
    re.I,
)
OWN_CONTACT = re.compile(
    r"(?<!her )(?<!his )(?<!their )(?<!'s )\bnew (?:mobile |phone )?number(?: is|:)?[ ]{1,2}\Z|"
    r"\b(?:my|our)\s+(?:\w+\s+)?(?:mobile|mob|number|phone|cell|email|e-mail|mail|address|direct line|line|rooms|"
    r"office|"
    r"practice|clinic|fax|landline|website)\b[^.\n]{0,20}\Z|\b(?:call|text|ring|reach|contact|email|e-mail|mail|phone|"
    r"message|sms|whatsapp|signal|write to) (?:me|us)\b[^.\n]{0,30}\Z|\bi(?:'m| am) (?:on|at|"
    r"reachable)\b[^.\n]{0,25}\Z|"
    r"\bhappy to (?:chat|talk|discuss|help|share)\b[^.\n]{0,40}\Z|\bfeel free to\b[^.\n]{0,40}\Z|"
    r"\bgive me a (?:call|ring|bell|buzz)\b[^.\n]{0,25}\Z|\bdrop me a line\b[^.\n]{0,25}\Z|\bi'm \w+,[ ]?\Z|"
    r"\bi(?: can|'ll| will) be (?:reached|contacted)\b[^.\n]{0,25}\Z|\b(?:speak|talk) (?:to|with) me\b[^.\n]{0,25}\Z|"
    r"\b(?:find|catch|try) me\b[^.\n]{0,25}\Z|\bring or text me\b[^.\n]{0,25}\Z|\bmy (?:cell|mob(?:ile)?|"
    r"number) is[ ]?\Z|"
    r"\b(?:me|us) (?:on|at|via) (?:(?!from\b)\w+ ){0,3}\Z|\bget in touch\b[^.\n]{0,30}\Z",
    re.I,
)
INVENTED = re.compile(
    r"\b(?:made[- ]up|invented|imagined|fabricated) (?:by|for|case|client|patient|vignette|example|person|scenario|"
    r"story)\b|"
    r"\b(?:fictional|fictitious|imaginary|hypothetical|mock) (?:case|client|patient|vignette|example|person|scenario|"
    r"for|exercise|referral)\b|\bany (?:likeness|resemblance|similarity)\b[^.\n]{0,60}\b(?:chance|"
    r"coincid\w+|accident\w*|unintended|unintentional)\b|"
    r"\((?:\w+ ){0,2}(?:invented|made[- ]up|fictional|fictitious|not real|not a real (?:case|person|client))\)|"
    r"\b(?:vignettes?|examples?|case|scenario|client|patient|everything|all of it|all details?) (?:here |below |"
    r"above )?"
    r"(?:is|are|was|were|has been|have been) (?:\w+ )?(?:invented|made[- ]up|fictional|fictitious|imaginary)\b",
    re.I,
)
"""Says that what is told did not happen; stronger than names that were changed."""
OWN_BEHIND = re.compile(
    r"[ ]?[(,-]?[ ]?(?:(?:that'?s|it'?s|is) )?(?:me|mine|my own|my (?:mobile|number))(?=[).,;!\n]|\Z)", re.I
)
"""Behind a number: it is the author's own."""
PSEUDONYM = re.compile(
    r"not (?:her|his|their|the) real name|pseudonym|names? (?:has|have)? ?(?:been )?changed|names? and details? "
    r"changed|"
    r"let'?s call|let us call|i'?ll call|i will call|we'?ll call|i(?:'m| am) calling|i(?:'ll| will) refer to|alias|"
    r"fictional|fictitious|composite|made[- ]up|invented|not a real|character",
    re.I,
)


@lru_cache(16)
def of_a_case(text: str) -> bool:
    """Whether a text speaks of somebody in care at all; kept, for every hit in the text asks it."""
    return CASE.search(text) is not None


def case_in(text: str, about: str) -> bool:
    """The same of a text or its subject."""
    return of_a_case(text) or of_a_case(about)


@lru_cache(16)
def only_offers(text: str, about: str) -> bool:
    """Whether something is offered, sold or organised and nobody in care is spoken of, in a text and its subject."""
    return not case_in(text, about) and any(
        said.search(one) for said in (OFFERED, VENUE, SOLD) for one in (about, text)
    )
