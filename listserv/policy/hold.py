"""The rules that hold a post, so that a person looks at it: pure functions of its facts.

`rules.HOLD` has them in the order in which they are asked, all of them, so that a moderator sees every reason at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from listserv.policy.reasons import held
from listserv.policy.screening import Finding, Level, title
from listserv.policy.verdict import Facts, Reason
from listserv.words import N_

NEWCOMER_POSTS = 2
SUSPICIOUS_HOPS = 50
MAX_HEADER_RECIPIENTS = 10


def risk(facts: Facts) -> Reason | None:
    """It sounds as if somebody may be in danger now."""
    if facts.screening == "off" or not any(found.kind == "risk" for found in facts.findings):
        return None
    return held(risk, advice=N_("It sounds as if somebody may be in danger, so a moderator reads it at once."))


def identifier(facts: Facts) -> Reason | None:
    """It may tell who a client is."""
    found = _grave(facts.findings, facts.screening)
    if not found:
        return None
    what = kinds_in_words(found)
    return held(identifier, what, N_("It may tell who a client is (%(what)s).", what=what))


def screened_reasons(findings: Sequence[Finding], screening: str) -> list[Reason]:
    """Why an old post, which is imported, would have been held; empty when it can be published."""
    grave = _grave(findings, screening)
    return [held(identifier, kinds_in_words(grave))] if grave else []


def _grave(findings: Sequence[Finding], screening: str) -> list[Finding]:
    """What holds a post on a list that is screened in this way (clinical, general or off)."""
    levels = {"clinical": {Level.HIGH, Level.CLINICAL}, "general": {Level.HIGH}}.get(screening, set())
    return [one for one in findings if one.level in levels]


def kinds_in_words(findings: Sequence[Finding]) -> str:
    """What was found, each kind once: `Medicare card number, phone number (2)`."""
    counts: dict[str, int] = {}
    for one in findings:
        counts[title(one.kind)] = counts.get(title(one.kind), 0) + 1
    return ", ".join(name if count == 1 else f"{name} ({count})" for name, count in counts.items())


def pretender(facts: Facts) -> Reason | None:
    """The name in From is somebody else's: readers would take it for theirs."""
    advice = N_("The name in your From line reads like somebody else's here; please check it in your mail program.")
    return held(pretender, facts.pretends, advice) if facts.pretends else None


def unproven(facts: Facts) -> Reason | None:
    """Nothing proves that the sender is who From says."""
    return held(unproven) if not facts.proven else None


def emergency(facts: Facts) -> Reason | None:
    """Emergency moderation is on: every post is looked at."""
    return held(emergency, advice=N_("Every post is looked at for the time being.")) if facts.emergency else None


def recalled(facts: Facts) -> Reason | None:
    """It repeats words of a message that was taken back."""
    advice = N_("It repeats words of a message that was taken back; without them it need not wait.")
    return held(recalled, advice=advice) if facts.repeats_recalled else None


def moderated_list(facts: Facts) -> Reason | None:
    """Every post to this list is looked at."""
    advice = N_("Every post to this list is looked at before it goes out.")
    return held(moderated_list, advice=advice) if facts.moderation == "all" else None


def newcomer(facts: Facts) -> Reason | None:
    """The author is new here: the first two posts are looked at."""
    author = facts.author
    if facts.moderation != "newcomers" or author is None or author.moderator or author.trusted:
        return None
    if author.approved_posts >= NEWCOMER_POSTS:
        return None
    advice = N_("You are new here, welcome! The first two posts of everybody are looked at.")
    return held(newcomer, f"{author.approved_posts} approved so far", advice)


def moderated_member(facts: Facts) -> Reason | None:
    """Every post of this member is looked at."""
    advice = N_("Your posts are looked at for the time being.")
    return held(moderated_member, advice=advice) if facts.author is not None and facts.author.moderated else None


def list_not_addressed(facts: Facts) -> Reason | None:
    """Neither To nor Cc names the list: a blind copy, or mail meant for somebody else."""
    advice = N_("Neither To nor Cc names the list, so we want to be sure that it was meant for it.")
    return None if facts.addressed else held(list_not_addressed, advice=advice)


def too_many_recipients(facts: Facts) -> Reason | None:
    """It is addressed to many others as well."""
    if facts.header_recipients <= MAX_HEADER_RECIPIENTS:
        return None
    advice = N_(
        "It is addressed to %(count)s people as well, and answers would reach them too.", count=facts.header_recipients
    )
    return held(too_many_recipients, f"{facts.header_recipients} addresses in To and Cc", advice)


def command_to_list(facts: Facts) -> Reason | None:
    """It looks like a command that was meant for the list's request address."""
    advice = N_("It looks like a command to the list system rather than a post to everybody.")
    return held(command_to_list, facts.only_command, advice) if facts.only_command else None


def message_id_collision(facts: Facts) -> Reason | None:
    """A different post with the same Message-ID is already here."""
    advice = N_("Another post with the same Message-ID is here already, with a different text.")
    return held(message_id_collision, advice=advice) if facts.collision else None


def doubled_fields(facts: Facts) -> Reason | None:
    """Header fields that a message has once occur twice: mail programs may show different ones."""
    advice = N_("Its header has fields twice that belong there once; mail programs may show different ones.")
    return held(doubled_fields, ", ".join(facts.doubled_fields), advice) if facts.doubled_fields else None


def dangerous_attachment(facts: Facts) -> Reason | None:
    """It carries a file that may contain a program."""
    names = ", ".join(facts.dangerous)
    advice = N_("It carries a kind of file that can do harm (%(names)s); a link or a PDF is safer.", names=names)
    return held(dangerous_attachment, names, advice) if facts.dangerous else None


def many_hops(facts: Facts) -> Reason | None:
    """It has passed through more than 50 mail servers."""
    advice = N_("It has come through unusually many mail servers.")
    return held(many_hops, f"{facts.hops} servers", advice) if facts.hops > SUSPICIOUS_HOPS else None


def over_rate(facts: Facts) -> Reason | None:
    """Its author has posted unusually often in a short time."""
    advice = N_("You have sent unusually many posts in a short time.")
    return held(over_rate, advice=advice) if facts.over_rate else None


def list_over_rate(facts: Facts) -> Reason | None:
    """The list has got unusually many posts in a short time."""
    advice = N_("The list has got unusually many posts in a short time.")
    return held(list_over_rate, advice=advice) if facts.list_over_rate else None
