"""Held posts: notices out, replies in, the first decision wins.

`announcing` writes what people are told (`calling`: whom and when), `answering` reads what moderators reply and
`carrying` carries it out: `deciding` makes the one decision, `acting` does the rest of what they may do. `listing` is
several posts in one mail. `returning` is the author's turn, `changing` puts other words in the place of a post's own,
`reminding` is what the clock does, and `asking` makes the tokens.
"""

from listserv.moderate.acting import redact_by_number as redact
from listserv.moderate.announcing import (
    announce,
    approved_by_person,
    covering_for_author,
    released,
    speech_of,
    tell_author,
)
from listserv.moderate.answering import answer
from listserv.moderate.asking import TOKEN_LIFE, find, issue
from listserv.moderate.deciding import By, Outcome, decide
from listserv.moderate.reminding import run as remind
from listserv.moderate.returning import answer as author_answer
from listserv.moderate.returning import ask as ask_author
from listserv.moderate.returning import overdue

__all__ = [
    "TOKEN_LIFE",
    "By",
    "Outcome",
    "announce",
    "answer",
    "approved_by_person",
    "ask_author",
    "author_answer",
    "covering_for_author",
    "decide",
    "find",
    "issue",
    "overdue",
    "redact",
    "released",
    "remind",
    "speech_of",
    "tell_author",
]
