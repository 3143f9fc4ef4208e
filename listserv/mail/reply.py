"""What a person answered: their own words out of a reply, and the one verb that their first line says.

Stands between the token of a notice (RFC 5233 detail of the address) and the decision. A reply is mostly not the
person's: attribution, quote (RFC 3676 section 4.5), header block, signature (section 4.3), what a phone or a company
adds. All of that is cut, and what is left decides only when its first line is the verb and nothing else. Whatever is
doubtful gives no verb: the person is asked again, which costs less than a post let through by its own quoted text.

The library mail-parser-reply finds attributions and header blocks in 13 languages. Its rules for signatures are not
used: they take ordinary sentences for closings ("Take ..." for Danish "Tak"), in time quadratic in blank lines.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from listserv.mail.message import Message, Part, iter_parts
from listserv.mail.text import part_text
from listserv.mail.visible import visible_text

MODERATION_VERBS: Mapping[str, str] = {
    "approve": "approve", "ok": "approve", "okay": "approve", "yes": "approve", "accept": "approve",
    "✅": "approve", "👍": "approve", "reject": "reject", "discard": "discard", "undo": "undo", "hold": "hold",
    "claim": "claim", "return": "return", "redact": "redact", "to": "move", "trust": "trust", "untrust": "untrust",
    "ban": "ban", "note": "note", "show": "show", "recall": "recall", "help": "help",
}  # fmt: skip
GERMAN_MODERATION_VERBS: Mapping[str, str] = {
    "freigeben": "approve", "annehmen": "approve", "ja": "approve", "ablehnen": "reject", "verwerfen": "discard",
    "rückgängig": "undo", "warten": "hold", "übernehmen": "claim", "zurückgeben": "return", "schwärzen": "redact",
    "nach": "move", "vertrauen": "trust", "misstrauen": "untrust", "sperren": "ban", "notiz": "note", "zeigen": "show",
    "zurückrufen": "recall", "hilfe": "help",
}  # fmt: skip
FRENCH_MODERATION_VERBS: Mapping[str, str] = {
    "approuver": "approve", "accepter": "approve", "oui": "approve", "rejeter": "reject", "refuser": "reject",
    "supprimer": "discard", "ignorer": "discard", "annuler": "undo", "attendre": "hold", "prendre": "claim",
    "renvoyer": "return", "caviarder": "redact", "vers": "move", "confiance": "trust", "méfiance": "untrust",
    "exclure": "ban", "noter": "note", "montrer": "show", "rappeler": "recall", "aide": "help",
}  # fmt: skip
_VERBS_IN = {"de": GERMAN_MODERATION_VERBS, "fr": FRENCH_MODERATION_VERBS}


def moderation_verbs(languages: Collection[str] = ()) -> Mapping[str, str]:
    """What moderators may write: English always, other languages (de, fr) where the settings name them."""
    found = dict(MODERATION_VERBS)
    for language in languages:
        found |= _VERBS_IN[language]
    return found


MAX_CHARS = 100_000
MAX_LINES = 2_000
MAX_LINE = 400  # characters of a line that the rules look at
WRAPPED = range(55, 81)  # widths at which clients break lines that they quote


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reply says; `verb` is one of those allowed, or None when nothing is decided."""

    verb: str | None
    argument: str
    first_line: str
    suggestion: str | None


# --- whose lines are they ----------------------------------------------------------------------------------------

_GONE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufe0e\ufe0f\ufeff]")
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


def _lines(text: str) -> list[str]:
    """Line by line as the rules see it: capped, blanks of one kind, what cannot be seen taken out. Quoted lines keep
    their length, which tells whether a client broke them."""
    plain = text[:MAX_CHARS].replace("\r\n", "\n").replace("\r", "\n")
    out: list[str] = []
    for raw in plain.split("\n", MAX_LINES)[:MAX_LINES]:
        seen = _BLANK.sub(" ", _GONE.sub("", raw[:MAX_LINE]))
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
    plain = _BLANK.sub(" ", _GONE.sub("", line[: 3 * MAX_LINE])).strip()
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


def _own_lines(text: str) -> list[str]:
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
    return "\n".join(_own_lines(text))


# --- what does it say --------------------------------------------------------------------------------------------

_DECORATION = " \t*_\"'`´“”„‘’«»‹›()[]{}<>·•~"
_PUNCTUATION = re.compile(r"[\s*_\"'`´“”„‘’«»‹›()\[\]{}<>.!,;:·•~✅✔☑👍👌🙏🙂😀😊-]+")
_JOINED = re.compile(r"[-'’_@/.&+]?\w")
_COURTESY = frozenset(
    ("thanks", "thank you", "many thanks", "thank you very much", "thx", "please", "danke", "vielen dank", "bitte",
     "danke schön", "merci", "merci beaucoup", "s il vous plaît", "svp")
)  # fmt: skip
_GREETING = re.compile(
    r"\W*(?:hi|hello|hey|dear|hallo|liebe[rs]?|sehr geehrte[rns]?|guten (?:tag|morgen|abend)|moin|servus|grüezi|"
    r"good (?:morning|afternoon|evening|day)|g'day|greetings|bonjour|bonsoir|salut|chère?|madame|hola|buenos días|ciao|"
    r"buongiorno|hej|hei|beste)\b(?P<names>[^\d?,;:]{0,60}?)\W*",
    re.I,
)
_DENIALS = frozenset(("no", "not", "don't", "dont", "never", "nein", "nicht", "kein", "non", "pas", "ne"))
_PLACEHOLDER = re.compile(r"\W*<\s*(?:reason|grund|motif|raison)[^<>]{0,20}>\W*", re.I)


def _plain(text: str) -> str:
    """One way to write a word: folded case, compatible forms (RFC 8264 has the idea), no skin tones."""
    folded = unicodedata.normalize("NFKC", _GONE.sub("", text)).casefold()
    return unicodedata.normalize("NFC", re.sub("[\U0001f3fb-\U0001f3ff]", "", folded))


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


_EVERY_VERB = frozenset((*MODERATION_VERBS, *GERMAN_MODERATION_VERBS, *FRENCH_MODERATION_VERBS))


def _said(line: str, words: Mapping[str, str], with_argument: Collection[str]) -> tuple[str, str] | None:
    """The verb of a line and what follows it, or None when the line is not clearly that verb."""
    bare = _plain(line).lstrip(_DECORATION)
    for word in sorted(words, key=len, reverse=True):
        tail = bare[len(word) :]
        if not bare.startswith(word) or (word[-1].isalnum() and _JOINED.match(tail)):
            continue
        verb = words[word]
        if verb in with_argument:
            rest = _after(line, word)
            if tail.lstrip().startswith(("?", "...", "…")) or _PLACEHOLDER.fullmatch(rest):
                return None
            return verb, rest.lstrip("*_\"'`”’“)]}>").lstrip(" :;,.!-–—").rstrip(" *_")
        more = _PUNCTUATION.sub(" ", tail).strip()
        same = not more or more in _COURTESY or words.get(more) == verb
        return (verb, "") if same and not any(mark in tail for mark in ("?", "...", "…")) else None
    return None


def _after(line: str, word: str) -> str:
    """The line as written behind its first word, whatever folding does to the lengths."""
    ends = range(1, min(len(line), 200) + 1)
    return next((line[end:] for end in ends if _plain(line[:end]).lstrip(_DECORATION) == word), "")


def _suggested(line: str, words: Mapping[str, str]) -> str | None:
    """The verb that the first word, or a short line, was perhaps meant to be."""
    folded = _plain(line).strip(_DECORATION + ".,!?;:-")
    longer = [word for word in words if len(word) > 3]
    for wrote in (folded[:60], *(re.split(r"[\s,.!?;:]", folded, maxsplit=1)[:1])):
        if wrote in words:
            return None
        near = difflib.get_close_matches(wrote[:60], longer, n=1, cutoff=0.75)
        if near and near[0][0] == wrote[0]:
            return words[near[0]]
    return None


def read_answer(text: str, verbs: Mapping[str, str], with_argument: Collection[str] = ()) -> Answer:
    """What the plain text of a reply answers. `verbs` leads from each word to its verb; those in `with_argument` take
    the rest of their line and the own lines below it, all others stand alone but for thanks. Never raises."""
    words = {_plain(word).strip(_DECORATION) or _plain(word): verb for word, verb in verbs.items()}
    words.pop("", None)
    own = [line for line in _own_lines(text) if line]
    if not own:
        return Answer(None, "", "", None)
    if len(own) > 1 and is_greeting(own[0]) and not any(word in words for word in re.findall(r"\w+", _plain(own[0]))):
        own = own[1:]
    first = own[0].strip()
    said = _said(first, words, with_argument)
    if said is None:
        return Answer(None, "", first, _suggested(first, words))
    verb, argument = said
    below = own[1:]
    others = {
        other[0] for line in below if (other := _said(line, words, () if verb in with_argument else with_argument))
    }
    if others - {verb}:  # two answers are none
        return Answer(None, "", first, None)
    return Answer(verb, "\n".join(filter(None, (argument, *below))), first, None)


_AND = r"(?:\s*[,;&+]\s*(?:and\s|und\s|et\s)?|\s+(?:and|und|et)\s+|\s+)\s*"
_NUMBERED = re.compile(
    rf"[\s*_]*(?:no\.?\s?|nr\.?\s?|#)?(\d{{1,3}}(?:\s*[-–]\s*\d{{1,3}}(?!\d)|(?:{_AND}#?\d{{1,3}}(?!\d))*))"
    r"\s*[.):,–-]?\s+(?=\S)", re.I
)  # fmt: skip


def _numbers(written: str) -> list[int]:
    """`2`, `1 2 and 4`, `1-3`: the numbers that are meant, each once."""
    found = [int(one) for one in re.findall(r"\d+", written)]
    if re.fullmatch(r"\d+\s*[-–]\s*\d+", written):
        found = list(range(found[0], found[1] + 1))
    return list(dict.fromkeys(found))


def read_answers(text: str, verbs: Mapping[str, str], with_argument: Collection[str] = ()) -> list[tuple[int, Answer]]:
    """What a reply says line by line to a mail with numbered questions (`1 approve`, `2 3 reject off topic`). Own lines
    below one that takes an argument belong to it, up to the next number. Each number comes once: two different answers
    to it are none. Empty when no own line has a number."""
    blocks: list[tuple[list[int], list[str]]] = []
    for line in _own_lines(text):
        found = _NUMBERED.match(line)
        if found:
            blocks.append((_numbers(found[1]), [line[found.end() :]]))
        elif blocks and line.strip():
            blocks[-1][1].append(line)
    answers: dict[int, Answer] = {}
    for numbers, lines in blocks:
        said = _read_block(lines, verbs, with_argument)
        for number in numbers:
            before = answers.get(number, said)
            same = (before.verb, before.argument) == (said.verb, said.argument)
            answers[number] = before if same else Answer(None, "", f"{before.first_line} ... {said.first_line}", None)
    return list(answers.items())


def _read_block(lines: Sequence[str], verbs: Mapping[str, str], with_argument: Collection[str]) -> Answer:
    words = {_plain(word).strip(_DECORATION) or _plain(word): verb for word, verb in verbs.items()}
    words.pop("", None)
    said = _said(lines[0], words, with_argument)
    if said is None:
        return Answer(None, "", lines[0].strip(), _suggested(lines[0], words))
    verb, argument = said
    below = lines[1:] if verb in with_argument else []
    return Answer(verb, "\n".join(filter(None, (argument, *below))), lines[0].strip(), None)


# --- where do they stand in the message --------------------------------------------------------------------------


def answer_text(message: Message) -> str:
    """The text to read an answer from: the plain part when it has words of the person, else the HTML with everything
    quoted or hidden cut out. Parts of attached messages are nobody's answer. Never raises."""
    plain: Part | None = None
    html: Part | None = None
    for part in iter_parts(message):
        attached = part.disposition == "attachment" or (part.filename and part.disposition != "inline")
        if attached or any(kind.startswith("message/") for kind in part.within):
            continue
        if part.content_type == "text/plain" and plain is None:
            if html is not None and "multipart/alternative" not in html.within:
                break  # added below HTML on the way, such as a disclaimer
            plain = part
        elif part.content_type == "text/html" and html is None:
            html = part
    text = part_text(plain)[:MAX_CHARS] if plain is not None else ""
    if html is None or own_text(text):
        return text
    return visible_text(part_text(html))[:MAX_CHARS] or text
