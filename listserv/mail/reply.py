"""placeholder until the real one"""
from __future__ import annotations
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from listserv.mail.message import Message
from listserv.mail.text import readable

@dataclass(frozen=True, slots=True)
class Answer:
    verb: str | None
    argument: str
    first_line: str
    suggestion: str | None

MODERATION_VERBS = {"approve": "approve", "ok": "approve", "yes": "approve", "reject": "reject", "discard": "discard", "undo": "undo"}

def answer_text(message: Message) -> str:
    return readable(message)

def read_answer(text: str, verbs: Mapping[str, str], with_argument: Collection[str] = ()) -> Answer:
    lines = [l.strip() for l in text.splitlines() if l.strip() and not l.startswith(">")]
    if not lines: return Answer(None, "", "", None)
    word, _, rest = lines[0].partition(" ")
    verb = verbs.get(word.lower().strip(".,!*"))
    return Answer(verb, rest, lines[0], None)
