"""Which commands a mail holds: in its subject, else in its first own lines. Pure.

Quotations and signatures are cut first (mail.own_words). Case and punctuation do not matter; words of German and French
are understood; a typing mistake gets a suggestion and carries nothing out.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from listserv.mail.incoming import Incoming
from listserv.mail.own_words import is_greeting, own_text
from listserv.mail.reply import answer_text
from listserv.mail.text import one_line

MOST = 8  # commands of one mail
ARGUMENT = 200  # characters
WORDS: dict[str, tuple[str, ...]] = {
    "help": ("help", "info", "hilfe", "aide"),
    "status": ("status", "whoami", "which", "who am i", "stand", "statut"),
    "lists": ("lists", "topics", "listen", "listes"),
    "join": ("join", "subscribe", "beitreten", "abonnieren", "rejoindre"),
    "leave": ("leave", "unsubscribe", "signoff", "verlassen", "abmelden", "quitter"),
    "delivery": ("each", "daily", "weekly", "none", "nomail", "täglich", "wöchentlich", "einzeln", "quotidien",
                 "hebdomadaire"),
    "pause": ("pause", "vacation", "urlaub", "vacances"),
    "resume": ("resume", "unpause", "weiter", "reprendre"),
    "follow": ("follow", "folgen", "suivre"),
    "mute": ("mute", "unfollow", "stumm"),
    "address": ("address", "adresse"),
    "search": ("search", "find", "suche", "chercher"),
    "last": ("last", "latest", "index", "letzte", "derniers"),
    "get": ("get", "hole", "obtenir"),
    "terms": ("terms", "regeln", "conditions"),
    "agree": ("i agree", "agree", "ich stimme zu", "j'accepte"),
    "renew": ("renew", "verlängern", "renouveler"),
    "export": ("export my data", "export", "meine daten", "mes données"),
    "forget": ("forget me", "delete my data", "erase me"),
    "digest": ("set digest", "digest"),
    "language": ("language", "sprache", "langue"),
    "recall": ("recall",),
    "emergency": ("emergency on", "emergency off"),
}  # fmt: skip
_VERB_OF = {word: verb for verb, words in WORDS.items() for word in words}
_LONGEST = sorted(_VERB_OF, key=len, reverse=True)
_ALONE = frozenset(("help", "status", "lists", "resume", "terms", "agree", "export", "forget"))
"""Verbs after which nothing may come: a sentence that begins like them is none."""
_TERMS = re.compile(r"(?:to|with) (?:all |the |these |your |new |present )*terms(?: and conditions)?", re.I)
_COURTESY = frozenset(("please", "thanks", "thank you", "bitte", "danke", "merci", "s'il vous plaît"))
_MARKS = " \t*_\"'`´“”„‘’.,!?:;<>()[]"


@dataclass(frozen=True, slots=True)
class Command:
    """`verb` is empty when the line was not understood; then `suggestion` is what was perhaps meant."""

    verb: str
    word: str  # as it was written, in lower case
    argument: str
    line: str
    suggestion: str = ""


def one(line: str) -> Command | None:
    """The command of a line, None when it is nothing like one."""
    shown = one_line(line, ARGUMENT)
    bare = re.sub(r"^(?:re|aw|fwd?|wg)\s*:\s*", "", shown, flags=re.I).strip(_MARKS)
    folded = bare.casefold()
    for word in _LONGEST:
        if not folded.startswith(word) or (len(folded) > len(word) and folded[len(word)].isalnum()):
            continue
        rest = bare[len(word) :].strip(_MARKS)
        verb = _VERB_OF[word]
        if rest.casefold() in _COURTESY or (verb == "agree" and _TERMS.fullmatch(rest)):
            rest = ""
        if rest and verb in _ALONE and rest.casefold() != "me":
            return None
        return Command(verb, word, rest, shown)
    first, *more = folded.split(" ")
    known = [word for word in _VERB_OF if len(word) > 3 and word[0] == first[:1]]
    near = difflib.get_close_matches(first, known, n=1, cutoff=0.75)
    if not near and len(more) < 2 and not is_greeting(shown):  # a line as short as a command
        near = difflib.get_close_matches(first, known, n=1, cutoff=0.66)
    if near and len(more) < 4:
        return Command("", first, "", shown, " ".join((near[0], *more)))
    return None


def commands(incoming: Incoming) -> list[Command]:
    """The commands of a mail in order; none when it holds nothing like one."""
    subject = one(incoming.subject)
    if subject is not None and subject.verb:
        return [subject]
    found: list[Command] = []
    lines = [line for line in own_text(answer_text(incoming.message)).splitlines() if line.strip()]
    if lines and is_greeting(lines[0]) and one(lines[0]) is None:
        lines = lines[1:]
    for line in lines[:MOST]:
        command = one(line)
        if command is None or command.word in ("end", "quit"):
            break
        found.append(command)
    return found or ([subject] if subject is not None else [])
