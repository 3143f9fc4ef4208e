"""Every kind of finding in one table: its stable word, its name for people, how grave it is, how to write it instead.

The kinds follow 18 identifiers of the HIPAA Safe Harbor list and what Australian practitioners write besides; docs/
screening.md explains them. A finding may be milder than its kind, where its context says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from listserv.mail.passages import Place
from listserv.policy.screening.finding import Finding, Level
from listserv.words import N_, in_a_row


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of identifier; `advice` continues "Instead: "."""

    word: str
    title: str
    level: Level
    advice: str
    secret: bool = False  # a mask shows nothing of it


_H, _C, _W, _N = Level.HIGH, Level.CLINICAL, Level.WARNING, Level.NOTE
_NUMBER = N_("leave the number out; nobody needs it to answer you.")
KINDS: tuple[Kind, ...] = (
    Kind("medicare-card", N_("Medicare card number"), _H, _NUMBER),
    Kind("ihi", N_("Individual healthcare identifier"), _H, _NUMBER),
    Kind("dva-file", N_("DVA file number"), _H, _NUMBER),
    Kind("tax-file", N_("Tax file number"), _H, _NUMBER),
    Kind("centrelink", N_("Centrelink reference number"), _H, _NUMBER),
    Kind("record-number", N_("Record or file number"), _H, _NUMBER),
    Kind("health-number", N_("Health or social insurance number"), _H, _NUMBER),
    Kind("birth-date", N_("Date of birth"), _H, N_("give the age in tens, such as “in her thirties”."), secret=True),
    Kind("date", N_("Full date"), _W, N_("say “about six weeks ago”, or the season.")),
    Kind("phone", N_("Phone number"), _C, N_("leave it out; offer to give it in a private mail.")),
    Kind("mail-address", N_("Email address"), _C, N_("leave it out; offer to give it in a private mail.")),
    Kind("street-address", N_("Street address"), _H, N_("say “in a regional town” or “in a big city”.")),
    Kind("place", N_("Small place or postcode"), _W, N_("say “in regional Queensland” or “in a small town”.")),
    Kind("driver-licence", N_("Driver licence number"), _H, _NUMBER),
    Kind("passport", N_("Passport number"), _H, _NUMBER),
    Kind("ndis", N_("NDIS participant number"), _H, _NUMBER),
    Kind("bank", N_("Bank account or card number"), _H, _NUMBER),
    Kind("plate", N_("Vehicle plate"), _W, N_("leave it out.")),
    Kind("page", N_("Web page about a person"), _W, N_("tell what it says that matters, without the link.")),
    Kind("name", N_("Name of a person"), _C,
         N_("say “my client”, “her mother”, or use a letter such as X."), secret=True),
    Kind("initials", N_("Initials"), _W,
         N_("use a letter that has nothing to do with the name, such as X."), secret=True),
    Kind("age", N_("Rare age"), _W, N_("say “over 90”, or “in her forties”.")),
    Kind("workplace", N_("Workplace, school or unit"), _W, N_("say “at a secondary school” or “at a hospital”.")),
    Kind("combination", N_("Part of an unusual combination"), _C,
         N_("make two of these details vaguer: together they may be enough for a neighbour to know who it is.")),
    Kind("picture", N_("Picture or scan"), _C, N_("describe what it shows; faces and handwriting are recognised.")),
    Kind("unread", N_("File or part that could not be read"), _C, N_("put what matters into the text of your mail.")),
    Kind("practitioner", N_("Provider or registration number"), _W,
         N_("leave it out; a colleague is found without it.")),
    Kind("third-party", N_("Somebody else criticised or in proceedings"), _W,
         N_("tell what happened without who did it.")),
    Kind("risk", N_("Perhaps somebody in danger now"), _N,
         N_("call for help where it comes at once; a mailing list is read too late.")),
)  # fmt: skip
BY_WORD = {kind.word: kind for kind in KINDS}
BUILT_IN = frozenset(BY_WORD)


def title(kind: str) -> str:
    """What a kind is called for people; a site's own detector is called by its name."""
    return BY_WORD[kind].title if kind in BY_WORD else kind


def advice(kind: str, own: dict[str, str] | None = None) -> str:
    """How to write it instead; `own` has the words of a site's own detectors by their names."""
    return BY_WORD[kind].advice if kind in BY_WORD else (own or {}).get(kind, N_("leave it out."))


_PLACES = {
    Place.SUBJECT: N_("in the subject"),
    Place.TEXT: N_("in the text"),
    Place.HTML: N_("in the formatted text"),
    Place.FILE_NAME: N_("in the name of a file"),
    Place.FILE: N_("in an attached file"),
}


def summary(finding: Finding) -> str:
    """One line of a notice: `Medicare card number, 2••• ••••• •, in the text, line 4`. Nothing of the value."""
    where = _PLACES[finding.place]
    if finding.place in (Place.TEXT, Place.HTML, Place.FILE) and finding.start < finding.end:
        where = N_("%(where)s, line %(line)s", where=where, line=finding.line)
    words = [title(finding.kind), finding.masked, where, N_("in quoted words") if finding.quoted else ""]
    return in_a_row(", ", filter(None, words))
