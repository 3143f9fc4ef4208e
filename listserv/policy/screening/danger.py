"""Somebody in danger now: plain words of a plan, means or harm, of the author or somebody in their care.

No identifier, and nothing that holds a post by itself: whoever is on call is told at once, and the author gets the
community's words for emergencies. What is taught, asked in general, denied or long past is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from listserv.policy.screening.finding import Level
from listserv.policy.screening.known import Hit
from listserv.policy.screening.plain import Stretches, View
from listserv.policy.screening.words import words

_WHO = (
    r"(?:(?:my|the|our|a|this|one of my|another) (?:[\w-]+ ){0,2}(?:client|patient|pt|consumer|participant|boy|girl|"
    r"young person|young man|young woman|"
    r"son|daughter|husband|wife|partner|colleague|friend|mum|mother|dad|father|supervisee|man|woman|teen\w*|student|"
    r"teenager|brother|sister)|"
    r"she|he|they|i|client|patient|pt|her|him|shes|hes|theyre|im|ive|"
    r"(?:the |a |this )?(?:little one|baby|toddler|infant|kids?|child(?:ren)?|newborn))"
)
_NOW = re.compile(
    r"\b(?:right now|as (?:i|we) (?:write|speak|type)|tonight|today|this (?:morning|afternoon|evening|minute|arvo|"
    r"weekend)|at the moment|tomorrow|imminent(?:ly)?|"
    r"immediate(?:ly)?|in the next (?:few |couple of )?(?:hours?|days?)|just (?:now |been )?(?:called|rang|phoned|"
    r"texted|messaged|left|told|sent|hung|emailed|walked|"
    r"said|disclosed|taken|got)|(?:an|one|two|half an|\d) hours? ago|(?:ten|twenty|\d+) min(?:ute)?s? ago|"
    r"within the hour|"
    r"tonite|2nite|rn|(?:is|are|he's|hes|she's|shes) (?:downstairs|upstairs|outside|inside|in (?:my|the|our) "
    r"(?:waiting room|foyer|reception|car ?park|corridor|rooms?))|at (?:my|the|our) (?:front )?door|"
    r"on the other (?:phone|line)|"
    r"police (?:say|are)|(?:000|triple zero|ambulance|police) (?:called|rung|on)|again tonight|"
    r"later today|now|urgent(?:ly)?|still (?:has|have)|won't (?:answer|"
    r"pick up)|not (?:answering|picking up)|stopped (?:answering|replying)|can't (?:reach|get hold)|what (?:do|"
    r"should) i do|help)\b",
    re.I,
)
_CLEARLY_NOW = re.compile(
    r"\b(?:tonight|right now|as (?:i|we) (?:write|speak)|just (?:called|rang|texted|messaged|"
    r"left|told|sent|hung)|this (?:morning|afternoon|evening)|min(?:ute)?s? ago|tonite|2nite|on the other phone|"
    r"is downstairs)\b",
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
    r"(?:says?|saying|said|and|n) (?:that )?(?:she|he|they|i)(?:'s|s|'re|re|'m|m| is| are| am)? (?:jumping|doing it|"
    r"hanging|shooting)|"
    r"(?:on|at|to) (?:the|a) (?:[\w-]+ ){0,2}(?:bridge|ledge|cliffs?|train (?:tracks|line|station)|roof|railway|"
    r"tracks)|(?:has|have|"
    r"owns|keeps|holding|bought|got|loaded|hidden|access to|stockpil\w+) (?:a |the |his |her |their |"
    r"enough )?(?:[\w-]+'s )?(?:loaded "
    r")?(?:gun|rifle|pistol|weapon|machete|axe|bomb|"
    r"firearm|knife|rope|noose|shotgun|ligature|tablets|pills|medication)|(?:at |in |is )?(?:imminent|immediate|"
    r"acute|serious|grave|extreme) (?:risk|danger)|(?:life|lives) (?:is|are) in danger|(?:actively|acutely|highly) "
    r"suicidal|"
    r"(?:said|saying|says) goodbye|(?:is|isn't|am|not|feels?) (?:not )?(?:unsafe|safe)\b|(?:don't|do not|doesn't|"
    r"does not|can't|cannot|won't) (?:want to |think (?:i|he|she|they) can )?(?:be here|be alive|live (?:any|"
    r"through)|go on|keep (?:myself|himself|herself|"
    r"themselves|her|him|them) safe|make it through|survive)|wants? to die|kill(?:ing)? (?:my|him|her|them)sel\w+|"
    r"end(?:ing)? (?:my|his|her|their) (?:own )?li\w+|end it(?: all)?\b|"
    r"(?:being|is) (?:beaten|strangled|raped|held)|(?:beating|strangling|hitting|hurting|choking|molesting|abusing) "
    r"(?:her|him|the|his|them|my)\b|(?:child|kids|children|baby|toddler)\b[^.\n]{0,50}\b(?:in danger|at risk|unsafe|"
    r"not safe|alone with)|"
    r"(?:with|carrying|pulled|waving) (?:a|an|the|his|her) (?:[\w-]+ )?(?:gun|rifle|pistol|knife|machete|axe|bat|"
    r"hammer|weapon)|"
    r"they(?:'ll|ll| will) all (?:be sorry|pay|die|regret)|(?:shoot|bomb|burn|blow|stabb?)(?:ing)? (?:up |down |"
    r"everyone |somebody )?"
    r"(?:at |in )?(?:the |his |her |my |our )?(?:school|class\w*|office|clinic|ward|workplace|house|home|mosque|"
    r"church|synagogue)|"
    r"(?:child|kids?|children|baby|toddler|infant|little one|boy|girl|daughter|son|newborn)\b[^.\n]{0,50}\b(?:(?:alone|"
    r"in the house|back|left) "
    r"with (?:him|her|them|that man)|bruis\w+|locked in|being (?:hit|hurt|touched)|(?:was|got) (?:hit|beaten|choked|"
    r"burnt|burned))|"
    r"(?:uncle|father|dad|stepfather|stepdad|boyfriend|partner|husband|mother|mum|brother|carer|coach|he|she) "
    r"(?:hurts|hits|beats|touches|chokes|rapes) (?:her|him|them|me)\b|"
    r"bruis\w+ (?:round|on|around|all over) (?:the|her|his) (?:neck|throat|face|back|arms|legs|body)|"
    r"(?:wanna|want to|gonna) (?:die|kms|unalive)|unalive (?:my|him|her|them)sel\w+|taken all (?:her|his|their|the) "
    r"(?:tabs|meds|pills|tablets|medication)|od(?:'?d|'?ing| on)\b|"
    r"(?:suicidal(?: tonight| now| right now| today)?|threatening suicide)\b)",
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


def risks(view: View) -> Iterator[Hit]:
    """Plain words of a plan or a danger now, of the author or somebody in their care; no teaching, no past."""
    stretches = _at_risk(view)
    if not stretches:
        return
    text = _LINE_END.sub(" ", view.text)  # words that belong together stand on two lines
    for found in _matches_in(_MYSELF, text, stretches, view.starts(frozenset(("i",)))):
        left, right = view.sentence(*found.span(), 160)
        before = text[left : found.start()]
        if not _SOMEBODY_SAID.search(before) and not before.rstrip(" ").endswith(('"', "'")):
            yield Hit("risk", Level.NOTE, *found.span())
    starts = sorted([*view.starts(_PLANNED, _PLANNED_STEMS), *(start - 1 for start in view.words.get("ll", ()))])
    for found in _matches_in(_PLAN, text, stretches, starts):
        left, right = view.sentence(*found.span(), 200)
        if not _WHO_RX.search(text, left, right):
            continue
        if _TEACHING.search(text, left, right) and not (
            _CLEARLY_NOW.search(text, left, right) and not _DENIED.search(text, left, right)
        ):
            continue
        if _NOW.search(text, max(0, left - 200), min(len(text), right + 200)) or _HELP_NOW.search(view.about):
            yield Hit("risk", Level.NOTE, *found.span())


def _matches_in(
    pattern: re.Pattern[str], text: str, stretches: Stretches, starts: Iterable[int]
) -> Iterator[re.Match[str]]:
    """What `finditer` gives in the stretches for a pattern that matches at these places only; both are in order."""
    ahead = iter(stretches)
    begin, stop = next(ahead, (0, 0))
    end = 0
    for start in starts:
        while start >= stop and stop:
            begin, stop = next(ahead, (0, 0))
        if start >= max(begin, end) and stop and (found := pattern.match(text, start, stop)):
            yield found
            end = found.end()


_PLANNED = words("""
owns keeps uncle father dad stepfather stepdad boyfriend partner husband mother mum brother carer coach he she
a about abusing access actively acute acutely am and are at baby back be beating being blow blowing bomb bombing
bought boy burn burning can cannot carrying child children choking daughter decided do does doesn don end ending
extreme feel feels girl going gonna got grave had has have he hidden highly hitting holding hurting i immediate
imminent in infant intend intending intends is isn kid kids kill killing left life little lives ll loaded made means
molesting n newborn not oding od odd on plan planning plans pulled ready said say saying says sent serious she shoot
shooting son stab stabbing strangling suicidal swallowed taken they theyll threaten threatened threatening threatens to
toddler unalive want wants was waving will with won wanna writing wrote
""")
_PLANNED_STEMS = ("blow", "bomb", "bruis", "burn", "shoot", "stab", "stockpil")
"""First words of a plan."""
_LINE_END = re.compile(r"(?<!\n)\n(?!\n)")
_HELP_NOW = re.compile(r"\b(?:now|urgent\w*|emergency|tonight|asap|help)\b|\b(?:he|she)(?:'s| is) in my\b", re.I)


def _at_risk(view: View) -> Stretches:
    """Stretches around words without which nobody says that somebody is in danger; around 300 of them at most."""
    starts = view.starts(_CORE, _CORE_STEMS)
    for phrases in _CORE_PHRASES:
        first = phrases[0].split()[0]
        starts += (start for start in view.words.get(first, ()) if view.lower.startswith(phrases, start))
    return view.around(sorted(starts)[:300], 90, 105)


_CORE = words("beats chokes hits hurts rapes touches axe die gas gun held kms live meds od odd oding plan tabs")
_CORE_STEMS = tuple(
    sorted(
        words("""
abusing acute alive beat blow bomb bridge bruis burn choking cliff danger dead drown dying extreme firearm goodbye
grave hammer hang harm hitting hurt immediate imminent jump kill knife ledge ligature machete medication molest noose
overdose panadol paracetamol pills pistol poison railway raped rifle roof rope safe serious shoot shotgun stab strang
suicid survive swallowed tablets taken tracks train unalive unsafe wanna weapon
""")
    )
)
_CORE_PHRASES = (
    ("take her", "take his", "take my", "take their", "take all"),
    ("taking my",),
    ("end it", "end my", "end his", "end her", "end their"),
    ("ending my", "ending his", "ending her", "ending their"),
    ("do it", "do this"),
    ("doing it",),
    ("use it",),
    ("be here", "be sorry"),
    ("being here", "being hit"),
    ("go on",),
    ("make it",),
    ("at risk",),
    ("alone with",),
    ("house with",),
    ("left with",),
    ("back with",),
    ("all pay",),
    ("locked in",),
)  # fmt: skip
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
