"""Every kind of finding in one table: its stable word, its name for people, how grave it is, how to write it instead.

The kinds follow 18 identifiers of the HIPAA Safe Harbor list and what Australian practitioners write besides; docs/
screening.md explains them. A finding may be milder than its kind, where its context says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from listserv.policy.screening.finding import Level


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of identifier; `advice` continues "Instead: "."""

    word: str
    title: str
    level: Level
    advice: str
    secret: bool = False  # a mask shows nothing of it


_H, _C, _W, _N = Level.HIGH, Level.CLINICAL, Level.WARNING, Level.NOTE
_NUMBER = "leave the number out; nobody needs it to answer you."
KINDS: tuple[Kind, ...] = (
    Kind("medicare-card", "Medicare card number", _H, _NUMBER),
    Kind("ihi", "Individual healthcare identifier", _H, _NUMBER),
    Kind("dva-file", "DVA file number", _H, _NUMBER),
    Kind("tax-file", "Tax file number", _H, _NUMBER),
    Kind("centrelink", "Centrelink reference number", _H, _NUMBER),
    Kind("record-number", "Record or file number", _H, _NUMBER),
    Kind("health-number", "Health or social insurance number", _H, _NUMBER),
    Kind("birth-date", "Date of birth", _H, "give the age in tens, such as “in her thirties”.", secret=True),
    Kind("date", "Full date", _W, "say “about six weeks ago”, or the season."),
    Kind("phone", "Phone number", _C, "leave it out; offer to give it in a private mail."),
    Kind("mail-address", "Email address", _C, "leave it out; offer to give it in a private mail."),
    Kind("street-address", "Street address", _H, "say “in a regional town” or “in a big city”."),
    Kind("place", "Small place or postcode", _W, "say “in regional Queensland” or “in a small town”."),
    Kind("driver-licence", "Driver licence number", _H, _NUMBER),
    Kind("passport", "Passport number", _H, _NUMBER),
    Kind("ndis", "NDIS participant number", _H, _NUMBER),
    Kind("bank", "Bank account or card number", _H, _NUMBER),
    Kind("plate", "Vehicle plate", _W, "leave it out."),
    Kind("page", "Web page about a person", _W, "tell what it says that matters, without the link."),
    Kind("name", "Name of a person", _C, "say “my client”, “her mother”, or use a letter such as X.", secret=True),
    Kind("initials", "Initials", _W, "use a letter that has nothing to do with the name, such as X.", secret=True),
    Kind("age", "Rare age", _W, "say “over 90”, or “in her forties”."),
    Kind("workplace", "Workplace, school or unit", _W, "say “at a secondary school” or “at a hospital”."),
    Kind("combination", "Part of an unusual combination", _C,
         "make two of these details vaguer: together they may be enough for a neighbour to know who it is."),
    Kind("picture", "Picture or scan", _C, "describe what it shows; faces and handwriting are recognised."),
    Kind("unread", "File or part that could not be read", _C, "put what matters into the text of your mail."),
    Kind("practitioner", "Provider or registration number", _W, "leave it out; a colleague is found without it."),
    Kind("third-party", "Somebody else criticised or in proceedings", _W,
         "tell what happened without who did it."),
    Kind("risk", "Perhaps somebody in danger now", _N,
         "call 000, or Lifeline on 13 11 14; a mailing list is read too late."),
)  # fmt: skip
BY_WORD = {kind.word: kind for kind in KINDS}
BUILT_IN = frozenset(BY_WORD)


def title(kind: str) -> str:
    """What a kind is called for people; a site's own detector is called by its name."""
    return BY_WORD[kind].title if kind in BY_WORD else kind


def advice(kind: str, own: dict[str, str] | None = None) -> str:
    """How to write it instead; `own` has the words of a site's own detectors by their names."""
    return BY_WORD[kind].advice if kind in BY_WORD else (own or {}).get(kind, "leave it out.")
