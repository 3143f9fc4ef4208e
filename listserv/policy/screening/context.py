"""Words around a value that tell whether it is a client's: people in care, services, events, publications."""

from __future__ import annotations

import re

PERSON_WORDS = (
    r"clients?|patients?|pts?|consumers?|residents?|participants?|child(?:ren)?|kids?|boy|girl|man|woman|lady|gentleman|"
    r"mother|mum|mom|father|dad|son|daughter|baby|infant|toddler|brother|sister|sibling|husband|wife|partner|fianc[ée]e?|"
    r"boyfriend|girlfriend|ex|ex-partner|ex-husband|ex-wife|teen(?:ager)?|adolescent|student|pupil|veteran|carer|"
    r"cousin|nephew|niece|aunt(?:y|ie)?|uncle|grand(?:mother|father|ma|pa|son|daughter|parents?)|nan|nanna|pop|"
    r"step(?:mother|father|mum|dad|son|daughter|brother|sister)|foster (?:mother|father|carer|mum|child)|friend|"
    r"neighbou?r|survivor|inmate|refugee|young person|young man|young woman|person|family|couple|guardian|parents?|"
    r"next of kin|nok|emergency contact|case|supervisee|klientin?|patientin?|mutter|vater|sohn|tochter|mère|père|fils|fille"
)
CLIENT = re.compile(
    r"\b(?:client|patient|pt|consumer|resident|mother|mum|father|dad|son|daughter|husband|wife|partner|carer|"
    r"next of kin|nok|emergency contact|guardian|parent|sister|brother|grandmother|grandfather|nan|her|his|him|she|he|"
    r"their|boyfriend|girlfriend|family|lives|home|klient\w*|patient\w*)(?:'s|s)?\b",
    re.I,
)
CASE = re.compile(
    r"\b(?:clients?|patients?|pts?|yo|y/o|presented|presents|presenting|referred (?:by|to) me|admitted|admission|"
    r"discharged|diagnos\w+|disclosed|self[- ]harm\w*|overdose\w*|my (?:session|sessions) with|first seen|first session|"
    r"symptoms|she|he|her|his|young person|boy|girl)\b",
    re.I,
)
SERVICE = re.compile(
    r"\b(?:services?|clinics?|intake|reception|practice|hospital|lines?|helplines?|hotlines?|triage|referrals?|bookings?|"
    r"fax|office|centres?|centers?|enquir\w+|inquir\w+|switchboard|secretary|admin|support line|24/7|24 hours?|crisis|"
    r"lifeline|beyond ?blue|headspace|kids helpline|mensline|13yarn|poisons|dardi|qlife|sane|butterfly|carers australia|"
    r"team|unit|department|rooms|register|rsvp|venue|organi[sz]ers?|college|society|association|college|counselling)\b",
    re.I,
)
EVENT = re.compile(
    r"\b(?:webinars?|workshops?|trainings?|conferences?|courses?|seminars?|registrations?|register|rsvp|closes?|closing|"
    r"deadline|due|zoom|teams|agm|cpd|events?|join us|save the date|presenters?|venue|early ?bird|supervision group|"
    r"peer (?:group|supervision)|journal club|network meeting|meeting|masterclass|symposium|retreat|intensive|expires?|"
    r"valid|published|updated|accessed|retrieved|effective|commenc\w+|takes effect|public holiday|launch\w*|applications?|"
    r"eoi|expressions? of interest|submissions?|abstracts?|starts?|starting|semester|term [1-4]|newsletter|agenda|minutes|"
    r"roster|on call|leave|positions?|vacanc\w+|budget|legislation|act|guidelines?|version|reviewed|renewals?|monthly|"
    r"series|module|group (?:starts|begins|runs)|next (?:group|session|meeting)|facilitat\w+|workgroup|forum|lecture|"
    r"edition|issue|vol|pp|doi|ahpra|medicare changes|mbs|ndis pricing|policy|from|until)\b",
    re.I,
)
PUBLIC = re.compile(
    r"\b(?:webinars?|workshops?|training|trained (?:by|with)|conferences?|books?|papers?|articles?|chapters?|keynotes?|"
    r"presen(?:ts|ting|tation|ter|ters)\b(?! with)|facilitat(?:es|ed by|ing|or|ors)|courses?|published|publication|lecture|"
    r"podcasts?|study|studies|et al|research|author(?:s|ed)?|manual|model|theory|wrote|writes about|editors?|edited by|"
    r"professor of|speaker|guest|hosted by|episode of|interview with|ted talk|youtube|journal|work on|developed by|"
    r"founder|founded|pioneer\w*|textbook|film|documentary|series|memoir)\b",
    re.I,
)
OFFERED = re.compile(
    r"\b(?:webinars?|workshops?|trainings?|conferences?|seminars?|registrations?|register|rsvp|enquir\w+|inquir\w+|venue|"
    r"organi[sz]\w+|applications?|eoi|expressions? of interest|submissions?|abstracts?|supervision|supervisors?|vacanc\w+|"
    r"facilitat\w+|convenor|convener|coordinator|bookings?|referrals? (?:to|can|go|welcome|via)|intake|service|clinic|cpd|"
    r"tickets?|room(?:s)? (?:available|to rent|for rent)|interested|peer group|study|recruit\w+|ethics)\b",
    re.I,
)
OF_A_CLIENT = re.compile(
    r"\b(?:client|patient|pt|consumer|mother|mum|father|dad|son|daughter|husband|wife|partner|carer|next of kin|nok|"
    r"emergency contact|guardian|sister|brother|grandmother|grandfather|nan|boyfriend|girlfriend|family|ex|"
    r"klient\w*|patient\w*)(?:'s|s)?\b|\b(?:her|his|their) (?:\w+ )?(?:mobile|mob|phone|number|email|e-mail|address|home)\b|"
    r"\b(?:she|he|they)(?:'s| is|'re| are)? (?:on|at|reachable|emailed|wrote|rang|texted|calls?|called)\b",
    re.I,
)
OWN_CONTACT = re.compile(
    r"\b(?:my|our)\s+(?:\w+\s+)?(?:mobile|mob|number|phone|cell|email|e-mail|mail|address|direct line|line|rooms|office|"
    r"practice|clinic|fax|landline|website)\b[^.\n]{0,20}\Z|\b(?:call|text|ring|reach|contact|email|e-mail|mail|phone|"
    r"message|sms|whatsapp|signal|write to) (?:me|us)\b[^.\n]{0,30}\Z|\bi(?:'m| am) (?:on|at|reachable)\b[^.\n]{0,25}\Z|"
    r"\b(?:me|us) (?:on|at|via) (?:\w+ ){0,3}\Z|\bget in touch\b[^.\n]{0,30}\Z",
    re.I,
)
PSEUDONYM = re.compile(
    r"not (?:her|his|their|the) real name|pseudonym|names? (?:has|have)? ?(?:been )?changed|names? and details? changed|"
    r"let'?s call|let us call|i'?ll call|i will call|we'?ll call|i(?:'m| am) calling|i(?:'ll| will) refer to|alias|"
    r"fictional|fictitious|composite|made[- ]up|invented|not a real|character",
    re.I,
)
EPONYMS = frozenset(
    "beck young linehan bowlby ainsworth winnicott freud jung adler erikson piaget maslow rogers perls ellis yalom frankl "  # noqa: SIM905
    "harris hayes siegel porges gottman johnson levine kolk herman shapiro fonagy bateman kernberg kohut klein bion "
    "hamilton young-rizvi montgomery zung edinburgh padua rorschach bender hare conners vineland wechsler stanford binet "
    "becker kessler asperger tourette rett korsakoff alzheimer parkinson huntington lewy pick down prader willi turner "
    "klinefelter marfan ehlers danlos cushing addison graves hashimoto munchausen stockholm capgras cotard fregoli othello "
    "ganser de clerambault diogenes charles bonnet wernicke broca bell socrates pavlov skinner milgram zimbardo bandura "
    "seligman csikszentmihalyi rosenberg epstein minuchin satir bowen white haley erickson berne gendlin greenberg neff "
    "gilbert germer brach kabat zinn segal teasdale clark salkovskis ehlers foa barlow wells leahy padesky greenberger "
    "burns meichenbaum lazarus prochaska diclemente miller rollnick marlatt mcgoldrick anderson schwartz fisher ogden "
    "schore crittenden zeanah hughes perry dweck attwood baron cohen barkley hallowell ratey mate maté judith aaron jeffrey "
    "sensory bond ben furman sackett cochrane likert cronbach bonferroni pearson spearman wilcoxon mann whitney kolmogorov "
    "fergus epworth glasgow braden morse waterlow norton barthel katz lawton karnofsky apgar denver bayley griffiths".split()
)
CAPITALS_THAT_ARE_NO_NAMES = frozenset(
    "the a an and or but if we i you he she it they this that these those there then there's what when where who why how "  # noqa: SIM905
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september "
    "october november december easter christmas ramadan diwali hanukkah anzac australia australian new zealand england "
    "english british american european chinese indian lebanese greek italian vietnamese aboriginal torres strait islander "
    "first nations queensland victoria tasmania medicare centrelink ndis ahpra lifeline headspace beyond blue triple zero "
    "kids helpline mensline police ambulance emergency hospital clinic service services google facebook zoom teams word "
    "dbt cbt act emdr ifs ptsd adhd asd bpd ocd gp ot ed icu camhs cymhs team dear hi hello hey thanks thank regards kind "
    "cheers best warm yes no not re fwd fw subject from to cc bcc sent date page table figure chapter in on at by for with "
    "circle security safe place stepping stones parents parent group program programme project my your our his her their "
    "health mental community private public national state local school college university centre center court council "
    "government department ministry minister everyone all team folks colleagues list members please any is are was were "
    "has have had do does did can could would should will may might must also just only very some many most each both "
    "after before during since until while because although though however therefore so as than like about over under "
    "pty ltd inc dr mr mrs ms miss prof client patient unknown none nil na name first last family given doctor "
    "psychologist psychiatrist nurse social worker therapist counsellor practitioner clinician intake reception "
    "alcoholics narcotics anonymous pokémon minecraft roblox netflix tiktok instagram snapchat whatsapp windows apple".split()
)
