"""Whose words a plain text holds: spans of what is quoted from others, and of the author's signature.

Below `passages`. Nothing is cut away: the screen reads all of it, and only judges a signature and a quotation by rules
of their own. In doubt a line is the author's own text, which has the strictest rules.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

from listserv.mail.own_words import is_attribution, is_header_label

Span = tuple[int, int]
MAX_SIGNATURE = 25  # lines
_MARKS = re.compile(r"[ \t]?(?:>[ \t]?)+")
_MAY_END = re.compile(r"[:：]\W{0,5}\Z|\b(?:wrote|writes|schrieb|écrit)\W{0,5}\Z", re.I)
_BEGINS = re.compile(r"\W{0,3}(?:On|At|Am|Le|El|Il|Op|Den|Em|W dniu)\b", re.I)
_EARLIER = re.compile(
    r"\s*(?:[-_=]{2,}\s*(?:original message|original-?nachricht|ursprüngliche nachricht|message d'origine|"
    r"forwarded message|weitergeleitete nachricht|forwarded by\b.{0,60})\s*[-_=]{2,}|begin forwarded message:)\s*\Z",
    re.I,
)
_RULE = re.compile(r"\s*[_=-]{10,}\s*\Z")
_DASHES = re.compile(r"\s*(?:-{2,}|—+|–|_{2,}|={3,}|\*{3,}|~{3,}|[-*~·•]{3,})\s*\Z")
_POSTSCRIPT = re.compile(r"\W*(?:p\.?\s?p?\.?s\b|n\.?b\b)", re.I)
_OF_SIGNATURES = re.compile(
    r"\b(?:acknowledg\w+|traditional (?:owners|custodians)|elders|pronouns|my (?:working )?(?:days|hours)|i work\b|"
    r"please (?:consider|note that i)|confidential|privileged|intended recipient|sent from|disclaimer|abn|provider)\b",
    re.I,
)
_CLOSING = re.compile(
    r"\W*(?:(?:with )?(?:best|kind|kindest|very best|warm|warmest|many|all good|with)?[ ,]*(?:regards|wishes)|warmly|"
    r"warmest|cheers|best|(?:many |with |with many )?thanks(?: again| so much| in advance| all| everyone| everybody)*|"
    r"thank you(?: all| in advance)*|(?:yours )?(?:sincerely|faithfully)|in solidarity|take care|yours|respectfully|"
    r"cordially|with gratitude|ta|thx|tks|ty|regards and thanks|(?:mit )?(?:freundliche|beste|viele|liebe|"
    r"herzliche)n? gr(?:ü|ue)(?:ß|ss)en?|"
    r"gru(?:ß|ss)|mfg|vg|lg|(?:bien )?cordialement|bien à vous|salutations|met vriendelijke groet(?:en)?|"
    r"(?:un )?saludos?|cordiali saluti)(?=\W|\Z)[\s,.!;:–—-]*",
    re.I,
)
_FROM_A_PHONE = re.compile(
    r"\W*(?:sent (?:from|via|with) |get outlook |gesendet (?:von|mit) |envoyé (?:de|depuis) )", re.I
)
_DISCLAIMER = re.compile(
    r"\W*(?:disclaimer\b|(?:confidentiality|confidential|privacy|legal|important) (?:notice|note|information)|"
    r"confidential:|this (?:e-?mail|message|communication|transmission)\b.{0,200}(?:confidential|privileged|intended)|"
    r"the (?:information|contents) (?:contained )?(?:in|of) this (?:e-?mail|message)|"
    r"(?:diese|der inhalt dieser) (?:e-?mail|nachricht)\b.{0,160}(?:vertraulich|geschützt|bestimmt)|"
    r"ce (?:message|courriel)\b.{0,160}(?:confidentiel|destin))",
    re.I,
)
_OF_OTHERS = re.compile(
    r"\b(?:my |the |our )?(?:client|patient)(?:'s)?\b(?![ ](?:safety|services|liaison|experience|advoca\w+|care))|"
    r"(?<!/)\b(?:her|his|she|he)\b(?!\s?[/,)]|$)|"
    r"\b(?:next of kin|nok|dob|d\.o\.b|born|medicare (?:card|number|no)|mrn|lives)\b",
    re.I,
)
_CONTACT = re.compile(
    r"^\W*(?:ph?|m|t|tel|mob|mobile|phone|fax|f|e|email|w|web|a|address|rooms|abn|provider|ahpra|level \d|suite|po "
    r"box)\b\.?[\s:|]+\S*[\d@.]",
    re.I,
)
_SMALL = frozenset(("and", "&", "-", "–", "—", "x", "von", "van", "de"))


def is_closing(line: str) -> bool:
    """Whether a line ends a letter ("Kind regards,"), with at most four words of a name behind it, or says that it was
    sent from a phone."""
    if _FROM_A_PHONE.match(line):
        return True
    found = _CLOSING.match(line)
    words = line[found.end() :].strip(" *_").split() if found else []
    return found is not None and len(words) < 5 and all(word[:1].isupper() or word in _SMALL for word in words)


def is_disclaimer(line: str) -> bool:
    """Whether a notice of confidentiality begins with this line."""
    return bool(_DISCLAIMER.match(line[:400]))


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Begin, end behind the line end, and the line itself."""
    at = 0
    while at < len(text):
        found = text.find("\n", at)
        end = len(text) if found < 0 else found + 1
        yield at, end, text[at : end if found < 0 else found]
        at = end


def bare(line: str) -> str:
    """A line without its quotation marks."""
    marks = _MARKS.match(line)
    return line[marks.end() :] if marks else line


def _depth(line: str) -> int:
    marks = _MARKS.match(line)
    return marks[0].count(">") if marks else 0


def _header_block(lines: Sequence[str], at: int) -> bool:
    """Whether the labels of a quoted message begin here: at least three of them in five lines, or two with From."""
    if not is_header_label(lines[at]):
        return False
    labels = sum(is_header_label(line) for line in lines[at : at + 6])
    return labels > 2 or (labels > 1 and bool(re.match(r"[\s*_]*(?:from|von|de)\b", lines[at], re.I)))


def _quoted_lines(lines: Sequence[str]) -> tuple[list[bool], int]:
    """Which lines are quoted with what introduces them, and the line from which on everything is of somebody else."""
    quoted = [bool(_MARKS.match(line)) for line in lines]
    for at, line in enumerate(lines):
        if quoted[at] or not line.strip():
            continue
        if _EARLIER.match(line) or _header_block(lines, at) or (_RULE.match(line) and _header_after(lines, at)):
            return quoted, at
        if len(line) > 400 or not _MAY_END.search(line[-40:]):
            continue
        tops = [n for n in (at, at - 1, at - 2) if n >= 0 and is_attribution(" ".join(lines[n : at + 1]))]
        top = next((n for n in tops if _BEGINS.match(lines[n])), tops[0] if tops else None)
        if top is None:
            continue
        after = next((n for n in range(at + 1, min(at + 4, len(lines))) if lines[n].strip()), None)
        if after is None or not quoted[after]:
            return quoted, top
        quoted[top : at + 1] = [True] * (at + 1 - top)
    return quoted, len(lines)


def _header_after(lines: Sequence[str], at: int) -> bool:
    return any(line.strip() and _header_block(lines, n) for n, line in enumerate(lines[at + 1 : at + 3], at + 1)
               if n < len(lines))  # fmt: skip


def _is_sentence(line: str) -> bool:
    words = line.split()
    return len(words) > 8 and sum(word[:1].islower() for word in words) * 2 > len(words)


def _signature_end(lines: Sequence[str], quoted: Sequence[bool], at: int) -> int:
    """Behind the last line of the signature whose first line is `at`."""
    end = at + 1
    while end < min(len(lines), at + MAX_SIGNATURE) and quoted[end] == quoted[at]:
        line = bare(lines[end])
        if quoted[end] and _depth(lines[end]) != _depth(lines[at]) and line.strip():
            break  # somebody else's words
        if _POSTSCRIPT.match(line) or (is_header_label(line) and _header_block(lines, end)):
            break
        if is_disclaimer(line):  # everything down to the quotation
            while end < len(lines) and quoted[end] == quoted[at]:
                end += 1
            break
        if (
            _is_sentence(line)
            and not _OF_OTHERS.search(line)
            and any(_CONTACT.search(bare(later)) for later in lines[end + 1 : end + 7])
        ):
            end += 1
            continue  # a motto, above the ways to reach the author
        if (_is_sentence(line) or _OF_OTHERS.search(line)) and not _OF_SIGNATURES.search(line):
            break
        end += 1
    return end


def _signed_lines(lines: Sequence[str], quoted: Sequence[bool]) -> list[bool]:
    signed = [False] * len(lines)
    at = 0
    while at < len(lines):
        line = bare(lines[at])
        short = 1 < len(line) <= 80
        if short and (_DASHES.match(line) or (is_closing(line) and any(text.strip() for text in lines[:at][-3:]))):
            end = _signature_end(lines, quoted, at)
            signed[at:end] = [True] * (end - at)
            at = end
        elif len(line) > 40 and is_disclaimer(line):
            signed[at] = True
            at += 1
        else:
            at += 1
    return signed


def joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans in order, those that touch or overlap made one."""
    out: list[Span] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        elif end > start:
            out.append((start, end))
    return tuple(out)


def with_asides(spans: Sequence[Span], asides: Sequence[tuple[int, int, int]]) -> tuple[Span, ...]:
    """Spans of a text and of what is not shown, such as where a link leads, that stood within them."""
    ends = [end for _, end in spans]
    carried: list[Span] = []
    for start, end, stood in asides:
        number = bisect_right(ends, stood)
        if number < len(spans) and spans[number][0] <= stood:
            carried.append((start, end))
    return joined((*spans, *carried))


def whose(text: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """What is quoted, and what is signature: of the author, or within a quotation of somebody else. Never raises."""
    places = list(_lines(text))
    lines = [line for _, _, line in places]
    quoted, rest = _quoted_lines(lines)
    quoted[rest:] = [True] * (len(lines) - rest)
    signed = _signed_lines(lines, quoted)
    return (
        joined([(start, end) for (start, end, _), yes in zip(places, quoted, strict=True) if yes]),
        joined([(start, end) for (start, end, _), yes in zip(places, signed, strict=True) if yes]),
    )


def signed_by(text: str, is_name: Callable[[str, bool], bool]) -> tuple[Span, ...]:
    """What stands from a line on that `is_name`, as far as it looks like a signature; told is also whether the line is
    quoted."""
    places = list(_lines(text))
    lines = [line for _, _, line in places]
    quoted = [bool(_MARKS.match(line)) for line in lines]
    spans: list[Span] = []
    at = 0
    while at < len(lines):
        line = lines[at].strip(" \t*_-–—,.")
        line = bare(line).strip(" \t*_-–—,.")
        closing = _CLOSING.match(line) if 1 < len(line) <= 240 else None
        named = 1 < len(line) <= 240 and (
            is_name(line, quoted[at]) or (closing is not None and is_name(line[closing.end() :], quoted[at]))
        )
        if not named:
            at += 1
            continue
        end = _signature_end(lines, quoted, at)
        spans.append((places[at][0], places[end - 1][1]))
        at = end
    return joined(spans)
