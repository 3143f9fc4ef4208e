"""The rules of a post in two ordered tuples, and `decide`, which asks them.

STOP (`stop`): the first hit ends it. HOLD (`hold`): all are asked, so that a moderator sees every reason at once. An
approval switches off HOLD, never STOP. `docs/rules.md` lists them for people.
"""

from __future__ import annotations

from listserv.policy import hold, stop
from listserv.policy.reasons import Rule, code
from listserv.policy.verdict import Action, Facts, Reason, Verdict
from listserv.words import N_

ALONE: tuple[Rule, ...] = (
    stop.too_many_hops,
    stop.loop,
    stop.too_big,
    stop.no_author,
    stop.several_authors,
    stop.own_address,
    stop.automatic,
    stop.own_domain_unproven,
    stop.unproven_rejected,
)
"""STOP rules that ask nothing about a person: the same for members and strangers, asked inside the SMTP session."""
STOP: tuple[Rule, ...] = (
    *ALONE,
    stop.unproven_stranger,
    stop.unproven_member,
    stop.banned,
    stop.not_a_member,
    stop.suspended,
    stop.not_verified,
    stop.terms_not_agreed,
    stop.not_permitted,
    stop.not_subscribed,
    stop.no_topic,
)
HOLD: tuple[Rule, ...] = (
    hold.risk,
    hold.identifier,
    hold.unproven,
    hold.emergency,
    hold.recalled,
    hold.moderated_list,
    hold.newcomer,
    hold.moderated_member,
    hold.pretender,
    hold.list_not_addressed,
    hold.too_many_recipients,
    hold.command_to_list,
    hold.message_id_collision,
    hold.doubled_fields,
    hold.dangerous_attachment,
    hold.many_hops,
    hold.over_rate,
    hold.list_over_rate,
)


def _ask(rule: Rule, facts: Facts) -> Reason | None:
    """The rule's answer; a rule that breaks holds the post instead of losing or passing it."""
    try:
        return rule(facts)
    except Exception as error:
        text = N_("A rule of ours failed on it, so a person has to look.")
        return Reason("rule-error", text, "", Action.HOLD, "2.0.0", f"{code(rule)}: {type(error).__name__}")


def _stopped(
    facts: Facts, asked: tuple[Rule, ...], reasons: list[Reason], hits: list[str], misses: list[str]
) -> Verdict | None:
    """The verdict of the first rule that stops; a rule that broke is added to `reasons`."""
    for rule in asked:
        reason = _ask(rule, facts)
        (hits if reason else misses).append(code(rule))
        if reason is None:
            continue
        if reason.action is not Action.HOLD:
            return Verdict(reason.action, (reason,), tuple(hits), tuple(misses))
        reasons.append(reason)
    return None


def decide_alone(facts: Facts) -> Verdict | None:
    """The verdict that holds whoever wrote the message, None when it depends on that."""
    return _stopped(facts, ALONE, [], [], [])


def decide(facts: Facts) -> Verdict:
    """The verdict on one message for one list. Cannot end without one."""
    reasons: list[Reason] = []
    hits: list[str] = []
    misses: list[str] = []
    stopped = _stopped(facts, STOP, reasons, hits, misses)
    if stopped is not None:
        return stopped
    for rule in () if facts.approved else HOLD:
        reason = _ask(rule, facts)
        (hits if reason else misses).append(code(rule))
        if reason:
            reasons.append(reason)
    if reasons and not facts.approved:
        return Verdict(Action.HOLD, tuple(reasons), tuple(hits), tuple(misses))
    return Verdict(Action.ACCEPT, (), tuple(hits), tuple(misses))
