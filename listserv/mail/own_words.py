"""What a person wrote themselves, out of the plain text of a reply.

A reply is mostly not the person's: attribution, quote (RFC 3676 section 4.5), header block, signature (section 4.3),
what a phone or a company adds. All of that is cut here; `reply` reads what is left.

The library mail-parser-reply finds attributions and header blocks in 13 languages. Its rules for signatures are not
used: they take ordinary sentences for closings ("Take ..." for Danish "Tak"), in time quadratic in blank lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from listserv.mail.verbs import FRENCH_MODERATION_VERBS, GERMAN_MODERATION_VERBS, MODERATION_VERBS

MAX_CHARS = 100_000
MAX_LINES = 2_000
MAX_LINE = 400  # characters of a line that the rules look at
WRAPPED = range(55, 81)  # widths at which clients break lines that they quote

UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufe0e\ufe0f\ufeff]")
_BLANK = re.compile(r"\s")
_QUOTED = re.compile(r"\s*(?:[>|]|&gt;|[A-Za-z]{1,3}> )")
_RULED = re.compile(r"[-–—_=─]{3,}\s?[^\s\-–—_=─].{1,120}?[-–—_=─]{2,}|[-–—_=─#]{10,}|\*{10,}")
_FORWARDED = re.compile(
    r"\W*(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-mail)|début du message \w+"
    r"|inicio del mensaje reenviado|inizio messaggio inoltrato|begin doorgestuurd bericht"
    r"|(?:please )?(?:type|write) your reply above|reply above this line)\b.*",
    re.I,
)
_WROTE = re.compile(
    r"\b(?:wrote|writes|schrieb|schrieben|geschrieben|écrit|ecrit|escribió|escribio|escreveu|scritto|schreef|"
    r"geschreven|skrev|napsal|napisał|nadesłał|написала?|пишет|пише|написав|kirjoitti|írta|yazdı|scris|έγραψε)\b"
    r"|写道|寫道|작성|書きました|さんのメール|@\S{1,100}>\s?[:：]$",
    re.I,
)
_ENDS = re.compile(r"(?:[:：]|\b(?:wrote|writes|schrieb|écrit|napsal\(a\)|napisał\(a\)))[\s>*_.-]*$", re.I)
_STARTS = re.compile(
    r"[\s*_\"'(<-]*(?:(?:On|At|In message|Am|Le|El|Il|Op|Den|Dne|Dňa|Dnia|W dniu|Em|På|Pe|La|În|Στις|在|"
    r"(?:mån|man|tis|tir|ons|tor|fre|lör|lør|sön|søn|ma|ti|ke|to|pe|su|пн|вт|ср|чт|пт|сб|вс|"
    r"Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b\.?,?)\s|\d{1,4}\s?[-./年년\s])",
    re.I,
)
_WHEN = re.compile(r"(?:19|20)\d\d|\d{1,2}[:.h]\d\d")
_OPEN_ADDRESS = re.compile(r"<[^<>\s]{1,200}@[^<>\s]{1,200}$")
_TIME_OR_ADDRESS = re.compile(r"\d{1,2}[:.]\d\d|\S@\S")
_LABELS = {
    "from": "From|Von|De|Expéditeur|Da|Van|Od|Från|Fra|Lähettäjä|От|Від|Kimden|Feladó|De la|Από|差出人|发件人|寄件者|"
    "보낸 ?사람",
    "sent": "Sent|Date|Gesendet|Datum|Envoyé(?: le)?|Enviado(?: el)?|Enviada em|Fecha|Data|Inviato|Verzonden|Wysłano|"
    "Odesláno|Skickat|Sendt|Dato|Lähetetty|Päivämäärä|Отправлено|Дата|Надіслано|Gönderildi|Tarih|Elküldve|Dátum|Trimis|"
    "Στάλθηκε|送信日時|日時|发送时间|日期|寄件日期|보낸 ?날짜|날짜",
    "to": "To|An|À|A|Pour|Para|Aan|Do|Komu|Till|Til|Vastaanottaja|Кому|Kime|Címzett|Către|Προς|宛先|收件人|收件者|"
    "받는 ?사람|Cc|Kopie|Kopi|Reply-To|Antwort an",
    "subject": "Subject|Betreff|Objet|Asunto|Assunto|Oggetto|Onderwerp|Temat|Předmět|Ämne|Emne|Aihe|Тема|Konu|Tárgy|"
    "Subiect|Θέμα|件名|主题|主旨|제목",
}
_LABEL = re.compile(
    r"[\s*_]*(?:" + "|".join(f"(?P<{kind}>{words})" for kind, words in _LABELS.items()) + r")[\s*_]*[:：]", re.I
)
_SIGNATURE = re.compile(r"\s*(?:--|—|–|__)\s*")
_CLOSING = re.compile(
    r"\W*(?:(?:(?:best|kind|warm|kindest|with kind) )?regards|best wishes|best|many thanks|thanks|thank you|cheers|"
    r"(?:yours )?sincerely|(?:mit )?(?:freundliche|beste|viele|liebe|herzliche|schöne)n? gr(?:ü|ue)(?:ß|ss)en?|"
    r"gru(?:ß|ss)|mfg|vg|lg|danke|merci|(?:bien )?cordialement|bien à vous|salutations|bonne journée|(?:un )?saludos?|"
    r"atentamente|gracias|cordiali saluti|met vriendelijke groet(?:en)?|med venlig hilsen|mvh)\W*",
    re.I,
)
_BOILERPLATE = re.compile(
    r"\W*(?:sent from (?:my|mail|outlook|yahoo|aol|gmail|proton|windows|samsung|mobile|the all|an? )|"
    r"sent (?:via|with|using)(?: [^\s,]+){1,5}$|from my (?:iphone|ipad|phone|mobile)|(?:get|download) outlook\b|"
    r"gesendet (?:von|mit|über|aus)\b|von meine[mr] .{1,60}gesendet|diese (?:nachricht|e-?mail) wurde .{1,80}gesendet|"
    r"outlook .{1,30}(?:herunterladen|downloaden)|(?:holen sie sich|laden sie) outlook|"
    r"envoyé (?:de|depuis|à partir|avec)\b|(?:télécharge[rz]|obten(?:ir|ez)) outlook|inviato (?:da|con|dal)\b|"
    r"enviado (?:desde|do|com|via|a partir)\b|(?:obtener|obter o|descargar|scarica|ottieni|hent|hämta|pobierz) outlook|"
    r"(?:verzonden|verstuurd) (?:vanaf|met|via|van)\b|skickat från|sendt fra\b|wysłan[eoy] z|odesláno z|lähetetty\b|"
    r"отправлено (?:с|из)\b|надіслано з|iphoneから送信|[从從发發].{0,2}我的|내 .{1,30}에서 보냄).{0,140}",
    re.I,
)
_DISCLAIMER = re.compile(
    r"\W*(?:disclaimer\b|(?:confidentiality|confidential|privacy|legal) (?:notice|note|information)|confidential:|"
    r"(?:this|the (?:information|contents) (?:in|of) this) (?:e-?mail|message|communication)\b.{0,160}"
    r"(?:confidential|privileged|intended|recipient)|rechtlicher hinweis|virenfrei|virus-free|avis de confidentialité|"
    r"(?:diese|der inhalt dieser) (?:e-?mail|nachricht)\b.{0,160}(?:vertraulich|geschützt|bestimmt)|"
    r"(?:ce message|ce courriel|cet e-?mail)\b.{0,160}(?:confidentiel|destin|établi))",
    re.I,
)
_GREETING = re.compile(
    r"\W*(?:hi|hello|hey|dear|hallo|liebe[rs]?|sehr geehrte[rns]?|guten (?:tag|morgen|abend)|moin|servus|grüezi|"
    r"good (?:morning|afternoon|evening|day)|g'day|greetings|bonjour|bonsoir|salut|chère?|madame|hola|buenos días|ciao|"
    r"buongiorno|hej|hei|beste)\b(?P<names>[^\d?,;:]{0,60}?)\W*",
    re.I,
)
_DENIALS = frozenset(("no", "not", "don't", "dont", "never", "nein", "nicht", "kein", "non", "pas", "ne"))


_EVERY_VERB = frozenset((*MODERATION_VERBS, *GERMAN_MODERATION_VERBS, *FRENCH_MODERATION_VERBS))


def _lines(text: str) -> list[str]:
    """Line by line as the rules see it: capped, blanks of one kind, what cannot be seen taken out. Quoted lines keep
    their length, which tells whether a client broke them."""
    plain = text[:MAX_CHARS].replace("\r\n", "\n").replace("\r", "\n")
    out: list[str] = []
    for raw in plain.split("\n", MAX_LINES)[:MAX_LINES]:
        seen = _BLANK.sub(" ", UNSEEN.sub("", raw[:MAX_LINE]))
        line = seen if seen.startswith(">") else seen.rstrip()
        if line.startswith(">") and out and _OPEN_ADDRESS.search(out[-1]):
            out[-1] = (out[-1] + line)[:MAX_LINE]  # an attribution broken before the end of its address, no quote
        else:
            out.append(line)
    return out


def _attributions(lines: Sequence[str]) -> dict[int, int]:
    """First and last line of each "On ... wrote:", wrapped over at most four lines, in any of the languages known."""
    found: dict[int, int] = {}
    wrote = [bool(_WROTE.search(line)) for line in lines]
    for end, line in enumerate(lines):
        if not _ENDS.search(line) or _QUOTED.match(line):
            continue
        top = end
        while top > max(0, end - 3) and lines[top - 1].strip() and not _QUOTED.match(lines[top - 1]):
            top -= 1
        named: list[int] = []
        other: list[int] = []
        for start in range(top, end + 1):
            window = " ".join(lines[start : end + 1])
            if not any(wrote[start : end + 1]) or not (_WHEN.search(window) or "@" in window):
                break
            if _STARTS.match(lines[start]):
                named.append(start)
            elif _WHEN.search(window) and _TIME_OR_ADDRESS.search(window):
                other.append(start)
        if named or other:
            found[max(named or other)] = end
        elif wrote[end] and any(_QUOTED.match(after) for after in [a for a in lines[end + 1 : end + 4] if a][:1]):
            found[end] = end
    return found


def is_attribution(line: str) -> bool:
    """Whether a line (several, joined by blanks) is "On ..., ... wrote:", in any of the languages known."""
    plain = _BLANK.sub(" ", UNSEEN.sub("", line[: 3 * MAX_LINE])).strip()
    if not _ENDS.search(plain) or not _WROTE.search(plain) or not (_WHEN.search(plain) or "@" in plain):
        return False
    return bool(_STARTS.match(plain)) or bool(_TIME_OR_ADDRESS.search(plain))


def is_header_label(line: str) -> bool:
    """Whether a line begins like From:, Sent:, To: or Subject: of a quoted message."""
    return bool(_LABEL.match(line))


def _header_block(lines: Sequence[str], index: int) -> bool:
    """Whether From:, Sent:, To:, Subject: of a quoted message begin here, in any of the languages known."""
    if not _LABEL.match(lines[index]):
        return False
    kinds = {match.lastgroup for line in lines[index : index + 6] if (match := _LABEL.match(line))}
    return len(kinds) > 1 and ("from" in kinds or {"sent", "subject"} <= kinds)


@cache
def _library_headers() -> re.Pattern[str] | None:
    """What the library takes for the beginning of a quoted message; Polish left out, where one "Do:" is enough."""
    try:
        from mailparser_reply import EmailMessage

        languages = ["en", "de", "fr", "es", "it", "nl", "da", "sv", "cs", "ja", "ko", "zh", "david"]
        pattern: Any = EmailMessage(text="", languages=languages).HEADER_REGEX
    except Exception:  # another version of the library, other names: our own rules remain
        return None
    return pattern if isinstance(pattern, re.Pattern) else None


def _library_cut(lines: Sequence[str]) -> int:
    """How many of the first lines stand above what the library takes for a quoted message."""
    pattern = _library_headers()
    looked = list(lines[:120])
    text = "\n".join(line.strip() for line in looked)[:12_000]
    match = pattern.search(text) if pattern is not None else None
    if match is None:
        return len(lines)
    return text[: match.start()].count("\n") + (match.group().startswith("\n"))


def _trimmed(lines: Sequence[str]) -> list[str]:
    """Without signature, closing, disclaimer and what a phone adds."""
    out: list[str] = []
    for line in lines:
        if _SIGNATURE.fullmatch(line) or _DISCLAIMER.match(line) or (any(out) and _CLOSING.fullmatch(line)):
            break
        if not _BOILERPLATE.fullmatch(line):
            out.append(line)
    while out and not out[-1].strip():
        out.pop()
    while out and not out[0].strip():
        out.pop(0)
    return out


def _below(lines: Sequence[str], attributions: Mapping[int, int]) -> list[str]:
    """The first lines of the person below or between quoted lines; none where the quote has no marks."""
    index = attributions.get(0, -1) + 1
    while index < len(lines) and not lines[index]:
        index += 1
    if index == len(lines) or not _QUOTED.match(lines[index]):
        return []
    # a quoted line of several words shows that the client does not break lines of its length
    shown = (len(line) for line in lines if _QUOTED.match(line) and line.count(" ") > 1 and len(line) in WRAPPED)
    width = max(shown, default=WRAPPED.start)
    last = max(at for at, line in enumerate(lines) if _QUOTED.match(line))
    before = ""
    while index < len(lines):
        line = lines[index]
        if _QUOTED.match(line) or index in attributions:
            before = line
        elif not line:
            before = ""
        elif not before or (index > last and len(before) + 1 + len(line.split()[0]) <= width):
            break
        else:  # the end of a quoted line that a client broke without marking it again
            before = line + " " * width
        index += 1
    below = range(index, len(lines))
    stop = next((at for at in below if _is_mark(lines, at, attributions)), len(lines))
    return _trimmed(lines[index:stop])


def _is_mark(lines: Sequence[str], index: int, attributions: Mapping[int, int]) -> bool:
    line = lines[index].strip(" *") or lines[index]
    if not line:
        return False
    ruled = _RULED.fullmatch(line) or _FORWARDED.fullmatch(line)
    return bool(index in attributions or _QUOTED.match(line) or ruled or _header_block(lines, index))


def is_boilerplate(line: str) -> bool:
    """Whether a whole line is what a device puts below its mails ("Sent from my phone")."""
    return len(line) < 200 and bool(_BOILERPLATE.fullmatch(line))


def is_greeting(line: str) -> bool:
    """Whether a line is only a greeting with at most three names: nobody's answer, and no first words of a post."""
    match = _GREETING.fullmatch(line)
    if match is None:
        return False
    words = [word.strip(",.!").casefold() for word in match["names"].split()]
    return len(words) <= 3 and not any(word in _DENIALS or word in _EVERY_VERB for word in words)


def own_lines(text: str) -> list[str]:
    lines = _lines(text)
    attributions = _attributions(lines)
    cut = next((index for index in range(len(lines)) if _is_mark(lines, index, attributions)), len(lines))
    cut = min(cut, _library_cut(lines[:cut]))
    above = _trimmed(lines[:cut])
    if any(line and not is_greeting(line) for line in above):
        return above
    shifted = {start - cut: end - cut for start, end in attributions.items()}
    return _below(lines[cut:], shifted) or above


def own_text(text: str) -> str:
    """Only what this person wrote, out of the plain text of a reply. What stands above the quote counts; only when
    nothing does, the first lines below or between quoted lines count."""
    return "\n".join(own_lines(text))
