"""DMARC records, the tree walk and alignment (RFC 9989)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listserv.policy.alignment import Policy, aligned, read_policy, related, steps, walk


def found(records: dict[str, str], domain: str) -> tuple[str, str | None, str | None]:
    """(organisation, whose policy, what it asks) of a domain, with these records at _dmarc.<name>."""

    def at(name: str) -> Policy | None:
        return read_policy(name, [records[name]] if name in records else [])

    result = walk(domain, at)
    return result.organisation, result.policy.domain if result.policy else None, result.choice(domain)


@pytest.mark.parametrize(
    ("domain", "names"),
    [
        ("example.com", ["example.com", "com"]),
        ("a.b.example.com", ["a.b.example.com", "b.example.com", "example.com", "com"]),
        ("a.b.c.d.e.f.g.h.i.j", ["a.b.c.d.e.f.g.h.i.j", "d.e.f.g.h.i.j", "e.f.g.h.i.j", "f.g.h.i.j", "g.h.i.j",
                                 "h.i.j", "i.j", "j"]),
        ("local", ["local"]),
    ],
)  # fmt: skip
def test_the_steps_of_the_walk_are_at_most_eight(domain: str, names: list[str]) -> None:
    assert steps(domain) == names and len(names) <= 8


CASES = [
    ({}, "mail.people.test", ("mail.people.test", None, None)),
    ({"people.test": "v=DMARC1; p=reject"}, "mail.people.test", ("people.test", "people.test", "reject")),
    ({"people.test": "v=DMARC1; p=reject; sp=none"}, "mail.people.test", ("people.test", "people.test", "none")),
    ({"people.test": "v=DMARC1"}, "people.test", ("people.test", "people.test", "none")),
    ({"people.test": "v=DMARC1; p=nonsense"}, "people.test", ("people.test", "people.test", "none")),
    (
        {"mail.people.test": "v=DMARC1; p=none", "people.test": "v=DMARC1; p=reject"},
        "mail.people.test",
        ("people.test", "mail.people.test", "none"),
    ),
    (
        {"mail.people.test": "v=DMARC1; p=none; psd=n", "people.test": "v=DMARC1; p=reject"},
        "mail.people.test",
        ("mail.people.test", "mail.people.test", "none"),
    ),
    ({"test": "v=DMARC1; p=reject; psd=y"}, "mail.people.test", ("people.test", "test", "reject")),
    ({"people.test": "v=DMARC1; p=none; psd=y"}, "people.test", ("people.test", "people.test", "none")),
]


@pytest.mark.parametrize(("records", "domain", "expected"), CASES)
def test_the_organisation_and_the_policy(
    records: dict[str, str], domain: str, expected: tuple[str, str | None, str | None]
) -> None:
    assert found(records, domain) == expected


@pytest.mark.parametrize(
    ("texts", "readable"),
    [
        (["v=DMARC1; p=none"], True),
        (["v=spf1 -all", "v=DMARC1;p=none"], True),
        (["v = DMARC1 ; p = none ; rua=mailto:x@y ; unknown=1; pct=50"], True),
        (["V=dmarc1; p=none"], False),
        (["p=none; v=DMARC1"], False),
        (["v=DMARC12; p=none"], False),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], False),
        ([], False),
    ],
)
def test_which_records_are_policies(texts: list[str], readable: bool) -> None:
    assert (read_policy("people.test", texts) is not None) == readable


def test_alignment_asks_for_organisations_only_when_it_must() -> None:
    asked: list[str] = []

    def organisation(domain: str) -> str:
        asked.append(domain)
        return "people.test"

    assert aligned("people.test", "people.test", strict=True, organisation=organisation)
    assert not aligned("mail.people.test", "people.test", strict=True, organisation=organisation)
    assert not aligned("people.other", "people.test", strict=False, organisation=organisation)
    assert asked == []
    assert aligned("mail.people.test", "people.test", strict=False, organisation=organisation)
    assert not related("test", "people.test")


_LABELS = st.lists(st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), min_size=1, max_size=12).map(".".join)


@given(_LABELS, st.dictionaries(_LABELS, st.text(max_size=60), max_size=4))
def test_any_records_give_an_organisation_that_holds_the_domain(domain: str, records: dict[str, str]) -> None:
    organisation, _, _ = found({**records, domain: "v=DMARC1; p=none; " + records.get(domain, "")}, domain)
    assert domain == organisation or domain.endswith("." + organisation)
