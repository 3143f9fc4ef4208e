"""The rules of a post, as small pure functions in two ordered tuples, and `decide`, which asks them.

STOP: the first hit ends it. HOLD: all are asked, so that a moderator sees every reason at once. The name of a rule
is its reason code (with hyphens); the first line of its docstring is what moderators read. An approval switches off
HOLD, never STOP. `docs/rules.md` lists them for people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from listserv.policy.screening import Finding, Level, title
from listserv.policy.verdict import Action, Facts, Reason, Verdict
from listserv.words import N_

Rule = Callable[[Facts], Reason | None]

NEWCOMER_POSTS = 2
MAX_HOPS = 100
SUSPICIOUS_HOPS = 50
MAX_HEADER_RECIPIENTS = 10


def code(rule: Rule) -> str:
    return rule.__name__.replace("_", "-")


def words(rule: Rule) -> str:
    return (rule.__doc__ or rule.__name__).strip().splitlines()[0]


def _reason(
    rule: Rule, advice: str = "", action: Action = Action.REJECT, enhanced: str = "5.7.1", detail: str = ""
) -> Reason:
    return Reason(code(rule), words(rule), advice, action, enhanced, detail)


def _held(rule: Rule, detail: str = "", advice: str = "") -> Reason:
    return _reason(rule, advice, Action.HOLD, "2.0.0", detail)


# --- STOP: about the message alone, the same for everybody -------------------------------------------------------


def too_many_hops(facts: Facts) -> Reason | None:
    """It has passed through more than 100 mail servers: a loop."""
    if facts.hops <= MAX_HOPS:
        return None
    advice = N_(
        "The message has passed through %(hops)s mail servers, so it seems to go round in a circle.", hops=facts.hops
    )
    return _reason(too_many_hops, advice, enhanced="5.4.6")


def loop(facts: Facts) -> Reason | None:
    """It already carries a List-Id of this community: a copy that came back."""
    return (
        _reason(loop, N_("This is a copy that a list has already sent."), Action.DISCARD) if facts.own_list_id else None
    )


def too_big(facts: Facts) -> Reason | None:
    """It is larger than messages may be here."""
    if facts.size <= facts.max_size:
        return None
    advice = N_(
        "The message has %(size)s MB; at most %(most)s MB are accepted here. "
        "Please send a link to large files instead.",
        size=f"{facts.size / 1e6:.1f}",
        most=f"{facts.max_size / 1e6:.1f}",
    )
    return _reason(too_big, advice, enhanced="5.3.4")


def no_author(facts: Facts) -> Reason | None:
    """It names no author in From."""
    if facts.authors:
        return None
    return _reason(
        no_author,
        N_("The message has no readable From address. Please check your mail program."),
        enhanced="5.6.0",
    )


def several_authors(facts: Facts) -> Reason | None:
    """It names several authors in From."""
    if len(facts.authors) < 2:
        return None
    advice = N_(
        "The message names several addresses in From; a post has exactly one author. Please send it from one address."
    )
    return _reason(several_authors, advice, enhanced="5.6.0")


def own_address(facts: Facts) -> Reason | None:
    """It claims to come from an address of the list system itself."""
    if not facts.own_address:
        return None
    return _reason(
        own_address,
        N_("No person writes from an address of %(domain)s that belongs to the list system.", domain=facts.own_domain),
    )


def automatic(facts: Facts) -> Reason | None:
    """No person wrote it: an automatic reply, a delivery report or the like."""
    if facts.automatic is None:
        return None
    advice = N_("Automatic messages are not distributed (%(what)s).", what=facts.automatic)
    return _reason(automatic, advice, detail=facts.automatic)


# --- STOP: who is speaking ---------------------------------------------------------------------------------------


def own_domain_unproven(facts: Facts) -> Reason | None:
    """It claims to come from the lists' own domain, and nothing proves it."""
    if facts.proven or facts.approved or not any(_is_within(key, facts.own_domain) for key in facts.authors):
        return None
    return _reason(
        own_domain_unproven, N_("Nothing proves that the message comes from %(domain)s.", domain=facts.own_domain)
    )


def _is_within(address: str, domain: str) -> bool:
    host = address.rpartition("@")[2]
    return host == domain or host.endswith("." + domain)


def unproven_rejected(facts: Facts) -> Reason | None:
    """Nothing proves that the sender is who From says, and such mail is refused here."""
    if facts.proven or facts.approved or facts.unverified != "reject":
        return None
    advice = N_(
        "Nothing in the message proves that it comes from the address it names. Please send it through the mail "
        "server of your own address, with DKIM or SPF."
    )
    return _reason(unproven_rejected, advice)


def unproven_stranger(facts: Facts) -> Reason | None:
    """Nothing proves the sender, and nobody we know writes from this address."""
    if facts.proven or facts.approved:
        return None
    known = facts.author is not None and facts.author.status not in ("banned", "left")
    return None if known else _reason(unproven_stranger, action=Action.DISCARD)


def unproven_member(facts: Facts) -> Reason | None:
    """Nothing proves that the sender is the member in From, so the member is asked."""
    if facts.proven or facts.approved or facts.unverified != "confirm":
        return None
    return _reason(unproven_member, N_("Is this mail yours?"), Action.CONFIRM, "2.0.0")


def banned(facts: Facts) -> Reason | None:
    """Its author is banned from the community."""
    if facts.author is None or facts.author.status != "banned":
        return None
    return _reason(banned, N_("You cannot post here any more."))


def _in_question(facts: Facts) -> bool:
    """An unproven post of somebody known: it is held or asked about before anything personal is said."""
    return not facts.proven and not facts.approved


def not_a_member(facts: Facts) -> Reason | None:
    """Its author is not a member of the community."""
    if facts.author is not None and facts.author.status not in ("left", "applied"):
        return None
    advice = N_(
        "%(list)s takes posts from members only, and %(address)s is no member's address here. "
        "If you are a member, please post from the address you are registered with.",
        list=facts.list_address,
        address=facts.authors[0],
    )
    return _reason(not_a_member, advice)


def suspended(facts: Facts) -> Reason | None:
    """Its author is suspended."""
    if _in_question(facts) or facts.author is None or facts.author.status != "suspended":
        return None
    return _reason(suspended, N_("Your membership is suspended at present."))


def not_verified(facts: Facts) -> Reason | None:
    """Its author's registration is missing or has run out."""
    if _in_question(facts) or facts.author is None or (facts.author.verified and facts.author.status != "lapsed"):
        return None
    advice = N_(
        "Posting needs a current professional registration, and yours is missing from our records or has run out. "
        "Nothing is lost: send us your renewed registration and post again."
    )
    return _reason(not_verified, advice)


def terms_not_agreed(facts: Facts) -> Reason | None:
    """Its author has not agreed to the current terms."""
    if _in_question(facts) or facts.author is None or facts.author.terms_agreed:
        return None
    return _reason(terms_not_agreed, N_("Posting needs your agreement to the current terms of the community."))


def not_permitted(facts: Facts) -> Reason | None:
    """Only moderators and owners post to this list."""
    if _in_question(facts) or facts.author is None or facts.posting != "moderators" or facts.author.moderator:
        return None
    return _reason(
        not_permitted, N_("Only its moderators post to %(list)s. Replies to them are welcome.", list=facts.list_address)
    )


def not_subscribed(facts: Facts) -> Reason | None:
    """Its author is a member, but not on this list."""
    if _in_question(facts) or facts.author is None or facts.posting != "subscribers" or facts.topic_missing:
        return None
    if facts.author.subscribed or facts.author.moderator:
        return None
    advice = N_(
        "You are a member of the community but not on the list %(list)s; its posts come from its subscribers.",
        list=facts.list_name,
    )
    return _reason(not_subscribed, advice)


def no_topic(facts: Facts) -> Reason | None:
    """It was sent to the whole community without naming a topic."""
    if not facts.topic_missing or facts.approved:
        return None
    return _reason(no_topic, N_("Which topic is it for?"), Action.CONFIRM, "2.0.0")


# --- HOLD: a person looks at it ----------------------------------------------------------------------------------


def risk(facts: Facts) -> Reason | None:
    """It sounds as if somebody may be in danger now."""
    if facts.screening == "off" or not any(found.kind == "risk" for found in facts.findings):
        return None
    return _held(risk, advice=N_("It sounds as if somebody may be in danger, so a moderator reads it at once."))


def identifier(facts: Facts) -> Reason | None:
    """It may tell who a client is."""
    found = _grave(facts.findings, facts.screening)
    if not found:
        return None
    what = kinds_in_words(found)
    return _held(identifier, what, N_("It may tell who a client is (%(what)s).", what=what))


def screened_reasons(findings: Sequence[Finding], screening: str) -> list[Reason]:
    """Why an old post, which is imported, would have been held; empty when it can be published."""
    grave = _grave(findings, screening)
    return [_held(identifier, kinds_in_words(grave))] if grave else []


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
    return _held(pretender, facts.pretends, advice) if facts.pretends else None


def unproven(facts: Facts) -> Reason | None:
    """Nothing proves that the sender is who From says."""
    return _held(unproven) if not facts.proven else None


def emergency(facts: Facts) -> Reason | None:
    """Emergency moderation is on: every post is looked at."""
    return _held(emergency, advice=N_("Every post is looked at for the time being.")) if facts.emergency else None


def recalled(facts: Facts) -> Reason | None:
    """It repeats words of a message that was taken back."""
    advice = N_("It repeats words of a message that was taken back; without them it need not wait.")
    return _held(recalled, advice=advice) if facts.repeats_recalled else None


def moderated_list(facts: Facts) -> Reason | None:
    """Every post to this list is looked at."""
    advice = N_("Every post to this list is looked at before it goes out.")
    return _held(moderated_list, advice=advice) if facts.moderation == "all" else None


def newcomer(facts: Facts) -> Reason | None:
    """The author is new here: the first two posts are looked at."""
    author = facts.author
    if facts.moderation != "newcomers" or author is None or author.moderator or author.trusted:
        return None
    if author.approved_posts >= NEWCOMER_POSTS:
        return None
    advice = N_("You are new here, welcome! The first two posts of everybody are looked at.")
    return _held(newcomer, f"{author.approved_posts} approved so far", advice)


def moderated_member(facts: Facts) -> Reason | None:
    """Every post of this member is looked at."""
    advice = N_("Your posts are looked at for the time being.")
    return _held(moderated_member, advice=advice) if facts.author is not None and facts.author.moderated else None


def list_not_addressed(facts: Facts) -> Reason | None:
    """Neither To nor Cc names the list: a blind copy, or mail meant for somebody else."""
    advice = N_("Neither To nor Cc names the list, so we want to be sure that it was meant for it.")
    return None if facts.addressed else _held(list_not_addressed, advice=advice)


def too_many_recipients(facts: Facts) -> Reason | None:
    """It is addressed to many others as well."""
    if facts.header_recipients <= MAX_HEADER_RECIPIENTS:
        return None
    advice = N_(
        "It is addressed to %(count)s people as well, and answers would reach them too.", count=facts.header_recipients
    )
    return _held(too_many_recipients, f"{facts.header_recipients} addresses in To and Cc", advice)


def command_to_list(facts: Facts) -> Reason | None:
    """It looks like a command that was meant for the list's request address."""
    advice = N_("It looks like a command to the list system rather than a post to everybody.")
    return _held(command_to_list, facts.only_command, advice) if facts.only_command else None


def message_id_collision(facts: Facts) -> Reason | None:
    """A different post with the same Message-ID is already here."""
    advice = N_("Another post with the same Message-ID is here already, with a different text.")
    return _held(message_id_collision, advice=advice) if facts.collision else None


def doubled_fields(facts: Facts) -> Reason | None:
    """Header fields that a message has once occur twice: mail programs may show different ones."""
    advice = N_("Its header has fields twice that belong there once; mail programs may show different ones.")
    return _held(doubled_fields, ", ".join(facts.doubled_fields), advice) if facts.doubled_fields else None


def dangerous_attachment(facts: Facts) -> Reason | None:
    """It carries a file that may contain a program."""
    names = ", ".join(facts.dangerous)
    advice = N_("It carries a kind of file that can do harm (%(names)s); a link or a PDF is safer.", names=names)
    return _held(dangerous_attachment, names, advice) if facts.dangerous else None


def many_hops(facts: Facts) -> Reason | None:
    """It has passed through more than 50 mail servers."""
    advice = N_("It has come through unusually many mail servers.")
    return _held(many_hops, f"{facts.hops} servers", advice) if facts.hops > SUSPICIOUS_HOPS else None


def over_rate(facts: Facts) -> Reason | None:
    """Its author has posted unusually often in a short time."""
    advice = N_("You have sent unusually many posts in a short time.")
    return _held(over_rate, advice=advice) if facts.over_rate else None


def list_over_rate(facts: Facts) -> Reason | None:
    """The list has got unusually many posts in a short time."""
    advice = N_("The list has got unusually many posts in a short time.")
    return _held(list_over_rate, advice=advice) if facts.list_over_rate else None


ALONE: tuple[Rule, ...] = (
    too_many_hops,
    loop,
    too_big,
    no_author,
    several_authors,
    own_address,
    automatic,
    own_domain_unproven,
    unproven_rejected,
)
"""STOP rules that ask nothing about a person: the same for members and strangers, asked inside the SMTP session."""
STOP: tuple[Rule, ...] = (
    *ALONE,
    unproven_stranger,
    unproven_member,
    banned,
    not_a_member,
    suspended,
    not_verified,
    terms_not_agreed,
    not_permitted,
    not_subscribed,
    no_topic,
)
HOLD: tuple[Rule, ...] = (
    risk,
    identifier,
    unproven,
    emergency,
    recalled,
    moderated_list,
    newcomer,
    moderated_member,
    pretender,
    list_not_addressed,
    too_many_recipients,
    command_to_list,
    message_id_collision,
    doubled_fields,
    dangerous_attachment,
    many_hops,
    over_rate,
    list_over_rate,
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
