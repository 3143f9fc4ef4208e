"""What in a post could tell who a client is: found before anybody sees it, shown masked, never repeated.

Pure: passages of decoded text in (mail.passages), findings out. The stage that asks is `screen`; `policy.rules` decides
from the findings, `moderate` shows them. `kinds` is the table of what is looked for; `numbers`, `dates`, `contacts`,
`pages`, `people`, `circumstances` and `danger` look; `looking` puts together what they say.
"""

from listserv.policy.screening.finding import GRAVITY, Finding, Level
from listserv.policy.screening.kinds import BUILT_IN, KINDS, Kind, advice, title
from listserv.policy.screening.known import Known, OwnDetector
from listserv.policy.screening.looking import REMOVED, addresses, masked, names, screen, scrubbed, summary

__all__ = [
    "BUILT_IN",
    "GRAVITY",
    "KINDS",
    "REMOVED",
    "Finding",
    "Kind",
    "Known",
    "Level",
    "OwnDetector",
    "addresses",
    "advice",
    "masked",
    "names",
    "screen",
    "scrubbed",
    "summary",
    "title",
]
