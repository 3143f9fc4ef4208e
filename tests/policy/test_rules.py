"""Every rule hits and misses where it should; the order of STOP is policy; no approval saves what must be stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.mail.passages import Place
from listserv.policy import rules
from listserv.policy.reasons import code, words
from listserv.policy.rules import ALONE, HOLD, STOP, decide, decide_alone
from listserv.policy.screening import Finding, Level
from listserv.policy.verdict import Action, Author, Facts

ANN = Author(
    person=1,
    name="Ann",
    status="active",
    verified=True,
    terms_agreed=True,
    subscribed=True,
    moderator=False,
    trusted=True,
    moderated=False,
    approved_posts=0,
)
GOOD = Facts(
    now=datetime(2026, 11, 23, tzinfo=UTC),
    list_name="perinatal",
    list_address="perinatal@lists.test",
    own_domain="lists.test",
    pretends="",
    size=4000,
    max_size=15_000_000,
    authors=("ann@people.test",),
    automatic=None,
    own_list_id=False,
    hops=4,
    addressed=True,
    header_recipients=1,
    doubled_fields=(),
    only_command=None,
    dangerous=(),
    proven=True,
    unverified="confirm",
    author=ANN,
    own_address=False,
    topic_missing=False,
    topics=("perinatal", "anxiety"),
    collision=False,
    over_rate=False,
    list_over_rate=False,
    posting="subscribers",
    moderation="newcomers",
    emergency=False,
)


def by(**changes: Any) -> Facts:
    """The good post, by somebody a little different."""
    return replace(GOOD, author=replace(ANN, **changes))


def finding(kind: str, level: Level) -> Finding:
    return Finding(kind, level, Place.TEXT, 1, 0, 4, 1, "••")


HITS: list[tuple[str, Facts, Action]] = [
    ("too-many-hops", replace(GOOD, hops=101), Action.REJECT),
    ("loop", replace(GOOD, own_list_id=True), Action.DISCARD),
    ("too-big", replace(GOOD, size=15_000_001), Action.REJECT),
    ("no-author", replace(GOOD, authors=()), Action.REJECT),
    ("several-authors", replace(GOOD, authors=("a@x.test", "b@x.test")), Action.REJECT),
    ("own-address", replace(GOOD, own_address=True), Action.REJECT),
    ("automatic", replace(GOOD, automatic="it is a delivery report"), Action.REJECT),
    ("own-domain-unproven", replace(GOOD, proven=False, authors=("ann@lists.test",)), Action.REJECT),
    ("own-domain-unproven", replace(GOOD, proven=False, authors=("ann@office.lists.test",)), Action.REJECT),
    ("unproven-rejected", replace(GOOD, proven=False, unverified="reject"), Action.REJECT),
    ("unproven-stranger", replace(GOOD, proven=False, author=None), Action.DISCARD),
    ("unproven-stranger", replace(by(status="left"), proven=False), Action.DISCARD),
    ("unproven-stranger", replace(by(status="banned"), proven=False), Action.DISCARD),
    ("unproven-member", replace(GOOD, proven=False), Action.CONFIRM),
    ("banned", by(status="banned"), Action.REJECT),
    ("not-a-member", replace(GOOD, author=None), Action.REJECT),
    ("not-a-member", by(status="left"), Action.REJECT),
    ("not-a-member", by(status="applied"), Action.REJECT),
    ("suspended", by(status="suspended"), Action.REJECT),
    ("not-verified", by(verified=False), Action.REJECT),
    ("not-verified", by(status="lapsed"), Action.REJECT),
    ("terms-not-agreed", by(terms_agreed=False), Action.REJECT),
    ("not-permitted", replace(GOOD, posting="moderators"), Action.REJECT),
    ("not-subscribed", by(subscribed=False), Action.REJECT),
    ("no-topic", replace(GOOD, topic_missing=True), Action.CONFIRM),
    ("unproven", replace(GOOD, proven=False, unverified="hold"), Action.HOLD),
    ("emergency", replace(GOOD, emergency=True), Action.HOLD),
    ("recalled", replace(GOOD, repeats_recalled=True), Action.HOLD),
    ("moderated-list", replace(GOOD, moderation="all"), Action.HOLD),
    ("newcomer", by(trusted=False, approved_posts=1), Action.HOLD),
    ("moderated-member", by(moderated=True), Action.HOLD),
    ("list-not-addressed", replace(GOOD, addressed=False), Action.HOLD),
    ("too-many-recipients", replace(GOOD, header_recipients=11), Action.HOLD),
    ("command-to-list", replace(GOOD, only_command="unsubscribe"), Action.HOLD),
    ("message-id-collision", replace(GOOD, collision=True), Action.HOLD),
    ("doubled-fields", replace(GOOD, doubled_fields=("subject",)), Action.HOLD),
    ("dangerous-attachment", replace(GOOD, dangerous=("tool.exe",)), Action.HOLD),
    ("many-hops", replace(GOOD, hops=51), Action.HOLD),
    ("over-rate", replace(GOOD, over_rate=True), Action.HOLD),
    ("list-over-rate", replace(GOOD, list_over_rate=True), Action.HOLD),
    ("pretender", replace(GOOD, pretends="Ben Bower is another member"), Action.HOLD),
    ("risk", replace(GOOD, screening="general", findings=(finding("risk", Level.NOTE),)), Action.HOLD),
    ("identifier", replace(GOOD, screening="general", findings=(finding("ihi", Level.HIGH),)), Action.HOLD),
    ("identifier", replace(GOOD, screening="clinical", findings=(finding("phone", Level.CLINICAL),)), Action.HOLD),
]

MISSES: list[tuple[str, Facts]] = [
    ("too-many-hops", replace(GOOD, hops=100)),
    ("too-big", replace(GOOD, size=15_000_000)),
    ("own-domain-unproven", replace(GOOD, proven=False, authors=("ann@otherlists.test",))),
    ("not-permitted", replace(by(moderator=True), posting="moderators")),
    ("not-subscribed", replace(by(subscribed=False), posting="members")),
    ("not-subscribed", by(subscribed=False, moderator=True)),
    ("newcomer", by(trusted=False, approved_posts=2)),
    ("newcomer", by(trusted=False, moderator=True)),
    ("newcomer", replace(by(trusted=False), moderation="none")),
    ("too-many-recipients", replace(GOOD, header_recipients=10)),
    ("many-hops", replace(GOOD, hops=50)),
    ("risk", replace(GOOD, screening="off", findings=(finding("risk", Level.NOTE),))),
    ("identifier", replace(GOOD, screening="off", findings=(finding("ihi", Level.HIGH),))),
    ("identifier", replace(GOOD, screening="general", findings=(finding("phone", Level.CLINICAL),))),
    ("identifier", replace(GOOD, screening="clinical", findings=(finding("date", Level.WARNING),))),
]


@pytest.mark.parametrize(("name", "facts", "action"), HITS)
def test_a_rule_hits_and_decides(name: str, facts: Facts, action: Action) -> None:
    verdict = decide(facts)
    assert (verdict.action, verdict.codes) == (action, [name])
    assert name in verdict.hits


@pytest.mark.parametrize(("name", "facts"), MISSES)
def test_a_rule_misses_at_its_edge(name: str, facts: Facts) -> None:
    verdict = decide(facts)
    assert name in verdict.misses
    assert verdict.action is Action.ACCEPT or name != verdict.codes[0]


def test_a_good_post_is_accepted_and_every_rule_was_asked() -> None:
    verdict = decide(GOOD)
    assert verdict.action is Action.ACCEPT
    assert not verdict.reasons and not verdict.hits
    assert verdict.misses == tuple(code(rule) for rule in (*STOP, *HOLD))


def test_every_rule_has_a_hit_in_the_table_and_words_for_people() -> None:
    tried = {name for name, _, _ in HITS}
    for rule in (*STOP, *HOLD):
        assert code(rule) in tried
        assert words(rule).endswith((".", "here"))


def test_a_moderator_sees_all_reasons_to_hold_at_once() -> None:
    facts = replace(by(moderated=True), addressed=False, dangerous=("a.exe",), emergency=True)
    assert decide(facts).codes == ["emergency", "moderated-member", "list-not-addressed", "dangerous-attachment"]


def test_a_rule_that_breaks_holds_the_post(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(facts: Facts) -> None:
        """It breaks."""
        raise ZeroDivisionError

    monkeypatch.setattr(rules, "HOLD", (broken,))
    verdict = decide(GOOD)
    assert (verdict.action, verdict.codes) == (Action.HOLD, ["rule-error"])
    monkeypatch.setattr(rules, "HOLD", ())
    monkeypatch.setattr(rules, "STOP", (broken, *STOP))
    assert decide(GOOD).codes == ["rule-error"]


@pytest.mark.parametrize(("unverified", "action"), [("confirm", Action.CONFIRM), ("hold", Action.HOLD)])
def test_an_unproven_member_is_asked_or_held_whatever_else_is_known_about_them(unverified: str, action: Action) -> None:
    for facts in (by(verified=False), by(terms_agreed=False), by(subscribed=False), by(status="suspended")):
        verdict = decide(replace(facts, proven=False, unverified=unverified))
        assert verdict.action is action  # the same 250 as for anybody: nothing can be found out


def test_what_is_decided_in_the_session_without_a_person_is_what_is_decided_with_one() -> None:
    for name, facts, action in HITS:
        alone = decide_alone(replace(facts, author=None))
        assert (alone is not None) == (name in {code(rule) for rule in ALONE}), name
        assert alone is None or (alone.action, alone.codes) == (action, [name])


def test_with_reject_the_unproven_hear_the_same_whoever_they_claim_to_be() -> None:
    claims = [replace(GOOD, author=None), GOOD, by(status="banned"), by(subscribed=False)]
    verdicts = [decide(replace(facts, proven=False, unverified="reject")) for facts in claims]
    assert len({verdict.reasons[0].advice for verdict in verdicts}) == 1
    assert {verdict.action for verdict in verdicts} == {Action.REJECT}


_authors = st.none() | st.builds(
    Author,
    person=st.integers(1, 9),
    name=st.text(max_size=5),
    status=st.sampled_from(["active", "applied", "lapsed", "paused", "bouncing", "suspended", "banned", "left"]),
    verified=st.booleans(),
    terms_agreed=st.booleans(),
    subscribed=st.booleans(),
    moderator=st.booleans(),
    trusted=st.booleans(),
    moderated=st.booleans(),
    approved_posts=st.integers(0, 3),
)
_facts = st.builds(
    replace,
    st.just(GOOD),
    size=st.sampled_from([1, 15_000_001]),
    authors=st.sampled_from([(), ("a@x.test",), ("a@x.test", "b@x.test")]),
    automatic=st.none() | st.just("a robot"),
    own_list_id=st.booleans(),
    hops=st.sampled_from([1, 60, 200]),
    addressed=st.booleans(),
    only_command=st.none() | st.just("help"),
    dangerous=st.sampled_from([(), ("x.exe",)]),
    proven=st.booleans(),
    unverified=st.sampled_from(["confirm", "hold", "reject", "accept"]),
    author=_authors,
    own_address=st.booleans(),
    topic_missing=st.booleans(),
    collision=st.booleans(),
    posting=st.sampled_from(["subscribers", "members", "moderators"]),
    moderation=st.sampled_from(["all", "newcomers", "none"]),
    approved=st.booleans(),
)


@given(_facts)
def test_there_is_always_a_verdict_and_it_says_what_was_asked(facts: Facts) -> None:
    verdict = decide(facts)
    asked = (*verdict.hits, *verdict.misses)
    assert len(asked) == len(set(asked))
    assert set(asked) <= {code(rule) for rule in (*STOP, *HOLD)}
    assert (verdict.action is Action.ACCEPT) == (not verdict.reasons)


@given(_facts)
def test_no_approval_saves_a_loop_a_machine_a_banned_author_or_a_stranger(facts: Facts) -> None:
    status = facts.author.status if facts.author else "stranger"
    hopeless = facts.own_list_id or facts.automatic or facts.hops > 100 or len(facts.authors) != 1 or facts.own_address
    if hopeless or status in ("stranger", "banned", "left", "applied"):
        assert decide(replace(facts, approved=True)).action in (Action.REJECT, Action.DISCARD)


@given(_facts)
def test_an_approved_post_is_never_held_again(facts: Facts) -> None:
    assert decide(replace(facts, approved=True)).action is not Action.HOLD
