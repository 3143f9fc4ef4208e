"""Numbers that belong to one person: a row for each kind, and one function that reads the rows.

A row counts by its check digit, by the words around it, or by both; see `_level`. What stands in an address of the web
or beside words of meetings, orders and publications is none of these.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from listserv.policy.screening import check_digits as digits
from listserv.policy.screening.context import CLIENT, only_offers
from listserv.policy.screening.finding import Level
from listserv.policy.screening.known import Hit
from listserv.policy.screening.plain import View, matches
from listserv.policy.screening.tables import cells
from listserv.policy.screening.words import words

_H, _C, _W, _N = Level.HIGH, Level.CLINICAL, Level.WARNING, Level.NOTE
# what may stand between the digits of one number, and what has to stand between its groups
_S = r"(?:[ \t]{0,3}[-./_]?[ \t]{0,3}\n[ \t]{0,12}|[ \t]{1,3}|[ \t]?[-./_][ \t]?)?"
_SEP = r"(?:[ \t]{1,3}|[ \t]{0,3}[-./_]?[ \t]{0,3}\n[ \t]{0,12}|[ \t]?[-./_][ \t]?)"
_IS = r"(?:[ \t]*(?:\([\w .]{1,12}\))?[ \t]*(?:number|numbers|num|nos?|nr|id|ids|ref|reference|code|#)\b\.?)?"
_SO = r"[ \t]*(?:\(?[A-Z]{2,5}\)?)?[ \t]*(?:is|was|being|of|ist|:|=|#|-|\u2116)*[ \t\"'(]*\n?[ \t]*"


def _rx(pattern: str, flags: re.RegexFlag = re.I) -> re.Pattern[str]:
    return re.compile(pattern, flags)


ELSEWHERE = _rx(
    r"\b(?:zoom|teams|meeting(?: id)?|webex|passcode|webinar|isbn(?:-1[03])?|issn|pmid|pmcid|abn|acn|arbn|mbs|"
    r"items?(?: numbers?| nos?\.?)?|grant|trial|actrn|nct|invoice|version|ethics(?: approval)?|hrec|activity|course|"
    r"eventbrite|ticket|licensed under)\b[\s:#.,(-]{0,4}(?:(?:no|number|id|is|code)\b[\s:.#]{0,3})?\Z"
)


@dataclass(frozen=True, slots=True)
class Number:
    """`sure` is the level where the words `near` it stand close by and the check digit, if there is one, is right;
    `unsure` without such words; `wrong` with the words and a wrong check digit. None: no finding."""

    kind: str
    pattern: re.Pattern[str]
    near: re.Pattern[str] | None = None
    check: Callable[[str], bool] | None = None
    sure: Level | None = Level.HIGH
    unsure: Level | None = None
    wrong: Level | None = None
    unless: re.Pattern[str] | None = None
    before: int = 60
    after: int = 30
    digits: int = 6  # that the pattern has at least; 4 and 6 spare looking at shorter numbers
    words: tuple[str, ...] = ()  # in small letters, without one of which the text has no such number
    labelled: bool = False  # whether the pattern begins with one of _LABELS
    by_subject: bool = False  # whether the words may stand in the subject alone
    as_written: bool = False  # letters are letters, none passes for a digit


_MEDICARE = _rx(
    r"\bmedicare\b(?![ ]+(?:items?|rebate|provider|locals?|funded|benefits))|\bcards?\b|\bmcn\b|\birn\b|"
    r"\bm(?:edi)?care\b|\bmed(?:i|e)?c(?:ar|are|re|aer)\b|\bbulk[ -]bill\w*|\brebates?\b"
)
_VETERAN = _rx(r"\bDVA\b|\bveterans?\b|\bvets\b|\b(?:gold|white|orange)[ -]card\b|\bveterans'? affairs\b")
_TAX = _rx(r"\bt\.?f\.?n\b|\btax[ -]?fi(?:le|el|l)\b|\btax (?:no|number)\b")
_CENTRELINK = _rx(
    r"\bcent(?:re|er|r)[ -]?l(?:in|n|i)k\b|\bcrn\b|\bconcession\b|\bpension(?:er)?\b|\bhealth ?care card\b|\bhcc\b|"
    r"\bjobseeker\b|"
    r"\bcustomer (?:reference|ref)\b|\bservices australia\b|\bdsp\b"
)
_LICENCE = _rx(
    r"\bdriv(?:er|ers|er's|ers'|ing)\b.{0,4}licen[cs]e|\blicen[cs]e (?:no\b|number|num|#|nr)|\bDL ?(?:no|number|#|:)|"
    r"\b(?:lic[ie]n[cs]e|lic[ie]?n[cs]|lisen[cs]e|lic\.?) ?(?:no\b|number|num\b|#|nr)|"
    r"\blicen[cs]e[ ](?:is[ ]|was[ ]|card[ ])?\Z|\b(?:vicroads|service nsw|licensing)\b|"
    r"\blicen[cs]e\s*(?:\(?(?:NSW|VIC|QLD|SA|WA|TAS|NT|ACT)\)?)?\s*[:#]|\b(?:NSW|VIC|QLD|SA|WA|TAS|NT|ACT|Queensland|"
    r"Victorian|Tasmanian) (?:driver.{0,3} )?licen[cs]e\b|\bführerschein|\bpermis de conduire\b"
)
_PROFESSIONAL = _rx(r"\b(?:software|creative commons|licen[cs]ed? to|practi[cs]e|ahpra|registration|liquor)\b")
_ONE_IN_CARE = _rx(
    r"\b(?:the|my|our|this|that|another)[ ](?:\w+[ ])?(?:client|patient|participant|consumer)\b|\b(?:she|he|her|his)\b"
)
_PASSPORT = _rx(r"\bpas{1,2}p(?:o?r?t|rot|otr)s?\b|\breisepass\b|\bpasseport\b")
_NDIS = _rx(r"\bndis\b|\bndia\b|\bparticipant (?:no\b|num\w*|id\b|#)")
_NDIS_FIRM = _rx(r"\b(?:provider|practice|our|registered|registration)\b")
_BANK = _rx(r"\bbsb\b|\bacc(?:oun)?t?\b\.?|\bbank\b")
_CARD = _rx(r"\bcards?\b|\bvisa\b|\bmaster ?card\b|\bamex\b|\bcredit\b|\bdebit\b|\beftpos\b")
_TEST = _rx(
    r"\b(?:test(?:ing)?|sample|dummy|demo|sandbox|placeholder)[ -]+(?:cards?|numbers?|accounts?|data|mode|pay\w*)\b"
)
_EVENT_PAY = _rx(
    r"\b(?:signator(?:y|ies)|treasurer|"
    r"workshop|registrations?|register|donat\w+|our account|association|membership|invoice|fee|conference|"
    r"training|"
    r"course|tickets?|fundrais\w+|eft)\b"
)
_NHS = _rx(r"\bnhs\b")
_AHV = _rx(r"\bahv\b|\bavs\b|\bsozialversicherung\w*\b|\bversicherten\w*\b")
_NIR = _rx(r"\bs[ée]cu(?:rit[ée] sociale)?\b|\bnir\b|\bn° ?ss\b|\bcarte vitale\b|\binsee\b")
_PLATE = _rx(r"\brego\b|\bregistration plates?\b|\bnumber ?plates?\b|\bplates?\b|\bnumber-plate\b|\bkennzeichen\b")
_OWN = _rx(r"\bmy\b|\bmine\b|\bour\b")
_PROVIDER = _rx(r"\bprovider\b|\bprescriber\b")

_RECORD = (
    r"medical record|health record|hospital(?: record)?|hosp\.?|patient|client|unit record|record|file|case|chart|"
    r"admission|"
    r"episode|referral|claim|incident|custody|inmate|prisoner|offender|police(?: report| event| incident| reference|"
    r" job|"
    r" case| file)?|court(?: file| case| matter| reference)?|matter|docket|crime(?: report| reference)?|"
    r"(?:intervention|protection|family violence|restraining|domestic violence|treatment|guardianship)[ -]order|avo|"
    r"dvo|"
    r"ivo|advo|apvo|vro|workcover(?: claim)?|tac(?: claim)?|icare(?: claim)?|insurance|policy|membership|member|fund|"
    r"health fund|private health|visa|immigration|boat|vevo|tribunal|ncat|vcat|qcat|child protection|dcj|docs|cps|"
    r"fallnummer|dossier|aktenzeichen|patienten|sozialhilfe"
)
_STRONG = r"(?:MRN|U/?R/?N?|U\.R\.(?:N\.)?|UMRN|HRN|PRN|PMI|CRIS|LEAP|JID|QPRIME|CHI)"
_FILL = (
    r"(?:[ \t]+(?i:for|at|of|from|the|her|his|their|is|was|in|on|hospital|this|client|patient|him|ending|"
    r"[A-Z][a-z]+|[A-Z]{2,5})\b){0,6}"
)
_RECORD_LABEL = (
    rf"(?:(?<![^\W\d_]){_STRONG}(?=\d|\b|(?<=\.)|#)" + _IS + _FILL + r"|\b(?i:mrn|urn|umrn|hrn)\b" + _IS + _FILL + r"|"
    r"\b(?i:medical record|patient|client|hospital|hosp\.?|unit record)(?=[ \t:#]{1,3}[A-Z]{0,3}-?\d{5})|\b(?i:"
    + _RECORD
    + r")[ \t]+(?i:(?:number|num|nos?|nr|id|ref|reference)\b\.?|#|n°)"
    + _FILL
    + r"|\b(?i:(?:case|file|record|claim|chart|matter)[ \t]?[:#])|\b(?i:(?:medical |hospital )?(?:record|file|chart|"
    r"admission)[ ])(?=[A-Z]?\d{5})|"
    r"\b(?i:police|court|crime|custody|leap|qprime|avo|dvo|ivo|advo|apvo|vro|intervention order)\b(?:[ "
    r"\t]+(?i:event|job|incident|report|case|file|"
    r"order|matter|proceedings?|reference|ref|number|no|is|was)\b\.?){0,3}|"
    r"\b(?i:fallnummer|fall-nr\.?|patientennummer|patienten-nr\.?|aktenzeichen|az\.|dossiernummer|"
    r"versichertennummer|versicherungsnummer|"
    r"num[ée]ro de (?:dossier|patient)|dossier(?: m[ée]dical)? n°|n° (?:de )?dossier)(?![^\W\d_]))"
)
_FILE_NUMBER = r"(?:[A-Z]{1,5}[-/ ]?|[a-z]{1,3}-?)?[A-Z]{0,2}\d(?:[-/. ]?[A-Z]{0,2}\d){3,13}[A-Z]{0,2}(?:/\d{2,4})?"
_LABELS = words("""
admission advo aktenzeichen apvo avo az boat case chart chi child claim client court cps crime cris custody dcj docket
docs domestic dossier dossiernummer dvo episode fall fallnummer family file fund guardianship health hosp hospital hrn
icare immigration incident inmate insurance intervention ivo jid leap matter medical member membership mrn n ncat
numero numéro offender patient patienten patientennummer pmi police policy prisoner private prn protection qcat qprime
record referral restraining sozialhilfe tac treatment tribunal u umrn unit ur urn vcat versichertennummer
versicherungsnummer vevo visa vro workcover
""")
"""First words of what may stand before a record number."""
_OF_VETERANS = ("dva", "veteran", "vets", "gold", "white", "orange")
_OF_NDIS = ("ndis", "ndia", "participant")
ROWS: tuple[Number, ...] = (
    Number("medicare-card", _rx(rf"(?<!\d)(?<!\d[ -])([2-6]\d{{3}}{_SEP}\d{{5}}{_SEP}\d)(?:[ ]?[/-][ "
        rf"]?[1-9])?(?![\d/])"),
           check=digits.is_medicare, unsure=_H),
    Number("medicare-card", _rx(rf"(?<!\d)[2-6](?:{_S}\d){{9}}(?!\d)(?:[ ]?[/-][ ]?[1-9](?!\d))?"), _MEDICARE,
           digits.is_medicare, before=160, after=60,
           words=("medicare", "card", "mcn", "irn", "mcare", "medi", "med", "bulk", "rebate")),
    Number("medicare-card", _rx(r"(?<![\d.+/-])[2-6]\d{9}[1-9]?(?![\d/-])"), None, digits.is_medicare, unsure=_C),
    Number("medicare-card", _rx(
        rf"\bmedicare(?:[ \t]+card)?[ \t]*(?:number|nos?\b\.?|#|card)?[ \t]*(?:is|was|:|=|#)?[ "
        rf"\t]*(?P<value>\d(?:{_S}\d){{9,10}})(?!\d)"),
        unsure=_H, digits=1, words=("medicare",)),
    Number("ihi", _rx(rf"(?<!\d)80036(?:{_S}0)(?:{_S}\d){{10}}(?!\d)"), _rx(r"\bihi\b|\bhealthcare identifier\b"),
           digits.is_luhn, unsure=_H, wrong=_H),
    Number("ihi", _rx(rf"(?<!\d)8{_S}0{_S}0{_S}3{_S}6{_S}0(?:{_S}\d){{10}}(?!\d)"), None, digits.is_luhn, unsure=_H),
    Number("practitioner", _rx(rf"(?<!\d)8003{_S}6[12](?:{_S}\d){{10}}(?!\d)"), None, digits.is_luhn, unsure=_N),
    Number("dva-file", _rx(r"(?<![A-Za-z0-9])[NVWQST][A-Z]{1,3}[ \n]{0,2}\d{2,6}[A-Z]?(?![A-Za-z0-9])",
                           re.RegexFlag(0)), _VETERAN, as_written=True, before=80, digits=2, words=_OF_VETERANS),
    Number("dva-file", _rx(r"(?<![A-Za-z0-9])[NVWQST][ \n]{0,2}\d{4,6}[A-Z]?(?![A-Za-z0-9])", re.RegexFlag(0)),
           _rx(r"\b(?:dva|file|card|veterans?'?s?'? affairs)\b[ ]?(?:file|card)?[ ]?(?:no\b\.?|number|num\b|"
               r"#)?[ :.#]{0,3}"
               r"(?:(?:is|was)[ ])?\Z"), as_written=True, before=40, after=0, digits=4,
           words=("dva", "file", "card", "veteran")),
    Number("dva-file", _rx(r"(?<![A-Za-z0-9])[NVWQST][A-Z]{1,3}[ ]?\d{3,6}[A-Z]?(?![A-Za-z0-9])", re.RegexFlag(0)),
           _VETERAN, as_written=True, by_subject=True, digits=3, words=_OF_VETERANS),
    Number("tax-file", _rx(rf"(?<![\d.])\d(?:{_S}\d){{7,8}}(?![\d])"), _TAX, digits.is_tfn, wrong=_H, before=40,
           after=15, words=("tf", "t.f", "tax")),
    Number("tax-file", _rx(r"(?<![\d.+-])\d{3} \d{3} \d{3}(?![\d -]\d|[A-Z\d])"), None, digits.is_tfn, unsure=_N),
    Number("centrelink", _rx(rf"(?<![\d])\d(?:{_S}\d){{8}}[ -]?[A-Z](?![A-Za-z0-9])"), _CENTRELINK,
           unsure=None, before=90, after=50, as_written=True,
           words=("centr", "center", "crn", "concession", "pension", "care card", "hcc", "jobseeker", "customer",
                  "services australia", "dsp")),
    Number("centrelink", _rx(r"(?<![\d])\d{3}[ -]\d{3}[ -]\d{3}[A-Z](?![A-Za-z0-9])", re.RegexFlag(0)), None, unsure=_W,
           as_written=True),
    Number("ndis", _rx(rf"(?<![\d_])\d(?:{_S}\d){{8}}(?![\d_])"), _NDIS, unless=_NDIS_FIRM, words=_OF_NDIS),
    Number("ndis", _rx(rf"(?<![\d_])43\d{_SEP}\d{{3}}{_SEP}\d{{3}}(?![\d_])"), _NDIS, unless=_NDIS_FIRM,
           by_subject=True, words=_OF_NDIS),
    Number("health-number", _rx(rf"(?<!\d)\d{{3}}{_S}\d{{3}}{_S}\d{{4}}(?!\d)"), _NHS, digits.is_nhs, wrong=_H,
           words=("nhs",)),
    Number("health-number", _rx(r"(?<!\d)\d{3} \d{3} \d{4}(?!\d)"), None, digits.is_nhs, unsure=_C),
    Number("health-number", _rx(rf"(?<!\d)756{_S}\d{{4}}{_S}\d{{4}}{_S}\d{{2}}(?!\d)"), _AHV, digits.is_ahv, unsure=_H,
           wrong=_H),
    Number("health-number",
           _rx(rf"(?<!\d)[1278]{_S}\d{{2}}{_S}\d{{2}}{_S}\d[\dAB]{_S}\d{{3}}{_S}\d{{3}}{_S}\d{{2}}(?!\d)"), _NIR,
           digits.is_nir, unsure=_H, wrong=_H),
    Number("health-number", _rx(r"(?<![A-Z\d])[A-Z]{3}\d{4}(?![A-Z\d])"), re.compile(r"\bNHI\b"), as_written=True,
           digits=4, words=("nhi",)),
    Number("driver-licence", _rx(r"(?<![\w])(?=[A-Z\d ]{0,4}\d{3})(?:[A-Z]{0,2}\d{5,10}|\d{2,4}(?:[ -]\d{2,4}){1,3}|"
        r"\d{4}[A-Z]{2})(?![\w])"),
           _LICENCE, unless=_PROFESSIONAL, before=50, after=0, as_written=True, digits=4,
           words=("lic", "lisen", "dl", "führerschein", "permis", "vicroads", "service nsw")),
    Number("passport", _rx(r"(?<!\w)[A-Z]{1,2}[ ]?(?:\d{6,8}|\d{3}[ ]\d{3,4})(?!\w)|(?<!\w)\d{9}(?!\w)|"
                           r"(?<!\w)\d{2}[A-Z]{2}\d{5}(?!\w)"), _PASSPORT,
           before=60, as_written=True, words=("pasp", "passp", "pass", "passeport")),
    Number("bank", _rx(r"(?<![\d-])\d{3}[- ]?\d{3}(?!\d)[\s,;:/|()-]{0,6}(?:(?:acc(?:oun)?t?|a/c|konto)\b\.?[\s:#]{0,3}"
                       r"(?:(?:no|number|nr)\b[\s.:#]{0,4})?)?\d{2,4}[ -]?\d{2,4}[ -]?\d{0,4}(?!\d)"),
           _rx(r"\bbsb\b"), unless=_EVENT_PAY, before=40, words=("bsb",)),
    Number("bank", _rx(r"(?<![\d-])\d{3}-\d{3}(?![\d-])"), _rx(r"\bbsb\b"), unless=_EVENT_PAY,
           words=("bsb",)),
    Number("bank", _rx(r"(?<!\d)\d{4}[ -]?\d{2,4}[ -]?\d{0,3}(?!\d)"), _rx(r"\b(?:account|acct?|a/c)\b\.?[ ]*(?:no|"
        r"number|num|#|:)[ .:#]*\Z"),
           unless=_EVENT_PAY, before=30, after=0, words=("acc", "a/c")),
    Number("bank", _rx(rf"(?<!\d)[3-6](?:{_S}\d){{12,18}}(?!\d)"), _CARD, digits.is_luhn, unless=_TEST,
           before=80, words=("card", "visa", "master", "amex", "credit", "debit", "eftpos")),
    Number("bank", _rx(rf"(?<![\d-])(?:[3-6]\d{{3}}(?:{_SEP}\d{{4}}){{3}}|3[47]\d{{2}}{_SEP}\d{{6}}{_SEP}\d{{5}}|"
                       r"[45]\d{15})(?![\d-])"), None,
           digits.is_luhn, unsure=_H, unless=_TEST),
    Number("bank", _rx(r"(?<!\w)[A-Z]{2}\d{2}(?:[ ]?[A-Z\d]{4}){3,7}(?:[ ]?[A-Z\d]{1,3})?(?!\w)"), None, digits.is_iban,
           unsure=_H, as_written=True),
    Number("plate", _rx(r"(?<![\w-])(?=[A-Z\d -]{0,5}\d)(?=[A-Z\d -]{0,5}[A-Z])[A-Z\d]{1,4}[ -]?[A-Z\d]{1,4}(?:[ "
                        r"-]?[A-Z\d]{1,3})?(?![\w-])",
                        re.RegexFlag(0)), _PLATE, sure=_W, before=60, after=0, as_written=True, digits=1,
           words=("rego", "plate", "kennzeichen")),
    Number("practitioner", _rx(r"(?<![\w])\d{6}[ \n-]{0,2}[0-9A-HJ-NP-RT-Y][ ]?[YXWTLKJHFBA](?!\w)"), None,
           digits.is_provider, unsure=_W, as_written=True),
    Number("practitioner", _rx(r"(?<!\w)[A-Z]{3}[ ]?000\d{7}(?!\w)"), None, unsure=_W, as_written=True),
    Number("practitioner", _rx(r"(?<!\w)(?=[A-Z]*\d)[A-Z\d]{6,10}(?!\w)"), _rx(r"\b(?:provider|prescriber)[ ](?:no|"
        r"number|num|#)[ .:#]{0,3}(?:is|was)?[ ]?\Z"),
           sure=_W, before=30, after=0, as_written=True, digits=1, words=("provider", "prescriber")),
    Number("record-number", re.compile(_RECORD_LABEL + _SO + rf"(?P<value>{_FILE_NUMBER})(?![\w])"), unsure=_H,
           as_written=True, labelled=True),
    Number("record-number", re.compile(rf"(?<![\w.])[A-Z]{{0,2}}\d{{5,10}}(?=[ ]?[(,]?[ ]?(?:is[ ](?:her|his|their|"
        rf"the)[ ])?(?:{_STRONG}|(?i:hospital|patient|record|file|client) (?i:number|no|id))\b)"),
           unsure=_H, as_written=True, digits=4),
    Number("record-number", _rx(r"(?<!\w)(?:\(?[A-Z]\)?)?[A-Z]{2,3}[ ]?\d{2,6}[ ]of[ ](?:19|20)\d\d(?!\d)",
           re.RegexFlag(0)), None, unsure=_H, as_written=True, digits=4),
    Number("record-number", _rx(r"(?<!\w)\(?[A-Z]\)?[A-Z]{2,3}[ ]?\d{2,6}/(?:19|20)\d\d(?!\d)", re.RegexFlag(0)),
           _rx(r"\b(?:court|file|matter|family law|proceedings|tribunal)\b"), as_written=True, before=90,
           digits=4, words=("court", "file", "matter", "family law", "proceedings", "tribunal")),
    Number("record-number", _rx(r"(?<![\w.])(?:[A-Z]{1,4}[ -]?)?\d{5,12}(?![\w])"),
           _rx(r"\b(?:police|court|crime|custody|magistrates?'?|prison|remand|jail|gaol)\b.{0,40}\b(?:number|no\.?|"
               r"ref(?:erence)?|report|event|file|case|warrant)[ :#,(]*(?:is|was)?[ ]*\Z"),
           before=80, after=0, as_written=True, digits=4,
           words=("police", "court", "crime", "custody", "magistrate", "prison", "remand", "jail", "gaol")),
)  # fmt: skip


_RECORD_HEAD = _rx(
    r"\W*(?:mrn|u\.?[/.]?r\.?n?\.?|urn|umrn|hrn|(?:medical |hospital |unit |patient |client |case )?(?:record|file|"
    r"chart|claim|"
    r"case|patient|client|hospital)[ ](?:no\.?|number|num|id|#))(?:[ ](?:no\.?|number|#))?\W*"
)
_IN_CELL = re.compile(_FILE_NUMBER)


def find(view: View) -> Iterator[Hit]:
    """Every number of the rows."""
    if not view.numbers:
        return
    for row in ROWS:
        if not _may_have(view, row):
            continue
        text = view.text if row.as_written else view.digits
        for found in _matches(view, row, text):
            start, end = found.span("value") if "value" in row.pattern.groupindex else found.span()
            named = row.near is not None and row.near.search(view.text, max(0, start - 25), start)
            if (view.in_web(start) and not (named and row.check)) or ELSEWHERE.search(
                view.text, max(0, start - 40), start
            ):
                continue
            level = _level(row, view, re.sub(r"[^0-9A-Za-z]", "", text[start:end]), start, end)
            if level is not None and not (row.kind == "practitioner" and view.in_signature(start)):
                yield Hit(row.kind, _milder(row, view, level, start), start, end)
    yield from _in_tables(view)


def _may_have(view: View, row: Number) -> bool:
    """Whether the words without which a row finds nothing stand anywhere."""
    about = view.about.lower() if row.by_subject else ""
    return not row.words or view.mentions(row.words) or any(word in about for word in row.words)


def _matches(view: View, row: Number, text: str) -> Iterator[re.Match[str]]:
    if row.labelled:
        return view.matches_at(row.pattern, view.starts(_LABELS))
    where = view.longest_numbers if row.digits > 5 else view.long_numbers if row.digits > 3 else view.numbers
    return matches(row.pattern, text, where)


def _level(row: Number, view: View, value: str, start: int, end: int) -> Level | None:
    right = row.check is None or row.check(value)
    near = row.near is not None and (
        view.near(row.near, start, end, row.before, row.after)
        or (row.by_subject and row.near.search(view.about) is not None)
        or row.near.search(_head(view, start)) is not None
    )
    level = (row.sure if right else row.wrong) if near else (row.unsure if right else None)
    if level is None:
        return None
    if row.unless is _EVENT_PAY:
        offered = view.near(_EVENT_PAY, start, end, 60, 60) or only_offers(view.text, view.about)
        if offered and not view.near(_ONE_IN_CARE, start, end, 160, 160):
            return None
    elif row.unless is not None and view.near(row.unless, start, end, 60, 60):
        return None
    if row.kind == "tax-file" and level == Level.NOTE and digits.is_business(value):
        return None
    if row.labelled and _OF_MEMBERS.search(view.text, max(0, start - 30), start) and not _of_a_client(view, start):
        return None
    if row.kind == "record-number" and re.fullmatch(r"(?:19|20)\d\d", value):
        return None
    return level


_OF_MEMBERS = _rx(r"\bmember(?:ship)?\b[^\n]{0,15}\Z")


def _of_a_client(view: View, start: int) -> bool:
    """Whether somebody in care is spoken of nearby: members of the list have a number as well."""
    return CLIENT.search(view.text, max(0, start - 160), min(len(view.text), start + 160)) is not None


def _head(view: View, start: int) -> str:
    """The head of the column in which a number stands."""
    table = cells(view.text)
    number = bisect_right(table, start, key=lambda cell: cell[0]) - 1
    return table[number][2] if number >= 0 and start < table[number][1] else ""


def _in_tables(view: View) -> Iterator[Hit]:
    """Record numbers below their head."""
    for start, end, head, _ in cells(view.text):
        if _RECORD_HEAD.fullmatch(head) and _IN_CELL.fullmatch(view.text, start, end):
            yield Hit("record-number", Level.HIGH, start, end)


def _milder(row: Number, view: View, level: Level, start: int) -> Level:
    """A practitioner's own numbers are no more than a note."""
    own = row.kind == "practitioner" and _OWN.search(view.text, max(0, start - 50), start) is not None
    return Level.NOTE if own else level
