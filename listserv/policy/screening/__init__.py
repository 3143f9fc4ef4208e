"""What in a post could tell who a client is: found before anybody sees it, shown masked, never repeated.

Pure: passages of decoded text in (mail.passages), findings out. The stage that asks is `screen`; `policy.rules` decides
from the findings, `moderate` shows them. `kinds` is the table of what is looked for; `numbers`, `dates`, `contacts`,
`pages`, `people`, `circumstances` and `danger` look; `looking` puts together what they say.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from listserv.policy.screening.finding import GRAVITY, Finding, Level
from listserv.policy.screening.kinds import BUILT_IN, KINDS, Kind, advice, summary, title
from listserv.policy.screening.known import Known, OwnDetector

if TYPE_CHECKING:
    from listserv.policy.screening.looking import REMOVED, addresses, masked, names, screen, scrubbed

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


def __getattr__(name: str) -> Any:
    """The detectors, whose patterns take a quarter of a second to compile, are loaded when somebody first asks."""
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module("listserv.policy.screening.looking"), name)
