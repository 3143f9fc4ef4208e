"""What a person answered: the one verb that the first of their own lines says.

Stands between the token of a notice (RFC 5233 detail of the address) and the decision. `own_words` cuts away what is
not theirs, and what is left decides only when its first line is the verb and nothing else. Whatever is doubtful gives
no verb: the person is asked again, which costs less than a post let through by its own quoted text.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from listserv.mail.message import Message, Part, iter_parts
from listserv.mail.own_words import MAX_CHARS, UNSEEN, is_greeting, own_lines, own_text
from listserv.mail.text import part_text
from listserv.mail.visible import visible_text


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reply says; `verb` is one of those allowed, or None when nothing is decided."""

    verb: str | None
    argument: str
    first_line: str
    suggestion: str | None


# --- what does it say --------------------------------------------------------------------------------------------

_DECORATION = " \t*_\"'`´“”„‘’«»‹›()[]{}<>·•~"
_PUNCTUATION = re.compile(r"[\s*_\"'`´“”„‘’«»‹›()\[\]{}<>.!,;:·•~✅✔☑👍👌🙏🙂😀😊-]+")
_JOINED = re.compile(r"[-'’_@/.&+]?\w")
_COURTESY = frozenset(
    ("thanks", "thank you", "many thanks", "thank you very much", "thx", "please", "danke", "vielen dank", "bitte",
     "danke schön", "merci", "merci beaucoup", "s il vous plaît", "svp")
)  # fmt: skip
_PLACEHOLDER = re.compile(r"\W*<\s*(?:reason|grund|motif|raison)[^<>]{0,20}>\W*", re.I)


def _plain(text: str) -> str:
    """One way to write a word: folded case, compatible forms (RFC 8264 has the idea), no skin tones."""
    folded = unicodedata.normalize("NFKC", UNSEEN.sub("", text)).casefold()
    return unicodedata.normalize("NFC", re.sub("[\U0001f3fb-\U0001f3ff]", "", folded))


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
    own = [line for line in own_lines(text) if line]
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
    for line in own_lines(text):
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
