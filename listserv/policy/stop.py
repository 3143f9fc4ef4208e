"""The rules that stop a post: pure functions of its facts. First those about the message alone, then who is speaking.

`rules.STOP` has them in the order in which they are asked; the first hit ends it, whatever a moderator has approved.
"""

from __future__ import annotations

from listserv.policy.reasons import reason
from listserv.policy.verdict import Action, Facts, Reason
from listserv.words import N_

MAX_HOPS = 100


# --- about the message alone, the same for everybody -------------------------------------------------------------


def too_many_hops(facts: Facts) -> Reason | None:
    """It has passed through more than 100 mail servers: a loop."""
    if facts.hops <= MAX_HOPS:
        return None
    advice = N_(
        "The message has passed through %(hops)s mail servers, so it seems to go round in a circle.", hops=facts.hops
    )
    return reason(too_many_hops, advice, enhanced="5.4.6")


def loop(facts: Facts) -> Reason | None:
    """It already carries a List-Id of this community: a copy that came back."""
    return (
        reason(loop, N_("This is a copy that a list has already sent."), Action.DISCARD) if facts.own_list_id else None
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
    return reason(too_big, advice, enhanced="5.3.4")


def no_author(facts: Facts) -> Reason | None:
    """It names no author in From."""
    if facts.authors:
        return None
    return reason(
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
    return reason(several_authors, advice, enhanced="5.6.0")


def own_address(facts: Facts) -> Reason | None:
    """It claims to come from an address of the list system itself."""
    if not facts.own_address:
        return None
    return reason(
        own_address,
        N_("No person writes from an address of %(domain)s that belongs to the list system.", domain=facts.own_domain),
    )


def automatic(facts: Facts) -> Reason | None:
    """No person wrote it: an automatic reply, a delivery report or the like."""
    if facts.automatic is None:
        return None
    advice = N_("Automatic messages are not distributed (%(what)s).", what=facts.automatic)
    return reason(automatic, advice, detail=facts.automatic)


# --- who is speaking ---------------------------------------------------------------------------------------------


def own_domain_unproven(facts: Facts) -> Reason | None:
    """It claims to come from the lists' own domain, and nothing proves it."""
    if facts.proven or facts.approved or not any(_is_within(key, facts.own_domain) for key in facts.authors):
        return None
    return reason(
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
    return reason(unproven_rejected, advice)


def unproven_stranger(facts: Facts) -> Reason | None:
    """Nothing proves the sender, and nobody we know writes from this address."""
    if facts.proven or facts.approved:
        return None
    known = facts.author is not None and facts.author.status not in ("banned", "left")
    return None if known else reason(unproven_stranger, action=Action.DISCARD)


def unproven_member(facts: Facts) -> Reason | None:
    """Nothing proves that the sender is the member in From, so the member is asked."""
    if facts.proven or facts.approved or facts.unverified != "confirm":
        return None
    return reason(unproven_member, N_("Is this mail yours?"), Action.CONFIRM, "2.0.0")


def banned(facts: Facts) -> Reason | None:
    """Its author is banned from the community."""
    if facts.author is None or facts.author.status != "banned":
        return None
    return reason(banned, N_("You cannot post here any more."))


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
    return reason(not_a_member, advice)


def suspended(facts: Facts) -> Reason | None:
    """Its author is suspended."""
    if _in_question(facts) or facts.author is None or facts.author.status != "suspended":
        return None
    return reason(suspended, N_("Your membership is suspended at present."))


def not_verified(facts: Facts) -> Reason | None:
    """Its author's registration is missing or has run out."""
    if _in_question(facts) or facts.author is None or (facts.author.verified and facts.author.status != "lapsed"):
        return None
    advice = N_(
        "Posting needs a current professional registration, and yours is missing from our records or has run out. "
        "Nothing is lost: send us your renewed registration and post again."
    )
    return reason(not_verified, advice)


def terms_not_agreed(facts: Facts) -> Reason | None:
    """Its author has not agreed to the current terms."""
    if _in_question(facts) or facts.author is None or facts.author.terms_agreed:
        return None
    return reason(terms_not_agreed, N_("Posting needs your agreement to the current terms of the community."))


def not_permitted(facts: Facts) -> Reason | None:
    """Only moderators and owners post to this list."""
    if _in_question(facts) or facts.author is None or facts.posting != "moderators" or facts.author.moderator:
        return None
    return reason(
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
    return reason(not_subscribed, advice)


def no_topic(facts: Facts) -> Reason | None:
    """It was sent to the whole community without naming a topic."""
    if not facts.topic_missing or facts.approved:
        return None
    return reason(no_topic, N_("Which topic is it for?"), Action.CONFIRM, "2.0.0")
