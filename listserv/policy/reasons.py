"""What a rule says: its code, its words, and the reason it gives when it hits.

The name of a rule is its reason code (with hyphens); the first line of its docstring is what moderators read.
"""

from __future__ import annotations

from collections.abc import Callable

from listserv.policy.verdict import Action, Facts, Reason

Rule = Callable[[Facts], Reason | None]


def code(rule: Rule) -> str:
    return rule.__name__.replace("_", "-")


def words(rule: Rule) -> str:
    return (rule.__doc__ or rule.__name__).strip().splitlines()[0]


def reason(
    rule: Rule, advice: str = "", action: Action = Action.REJECT, enhanced: str = "5.7.1", detail: str = ""
) -> Reason:
    return Reason(code(rule), words(rule), advice, action, enhanced, detail)


def held(rule: Rule, detail: str = "", advice: str = "") -> Reason:
    return reason(rule, advice, Action.HOLD, "2.0.0", detail)
