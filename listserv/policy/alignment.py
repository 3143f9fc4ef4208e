"""What a proved domain says about an author: DMARC's organisational domains and alignment, without a look at DNS.

RFC 9989 sections 4.7 (records), 4.10 (the tree walk) and 4.4 (alignment). Policies are found by walking up the DNS
tree, not by a list of public suffixes. The stage `authenticate` brings the records and asks here what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Choice = Literal["none", "quarantine", "reject"]
_VERSION = re.compile(r"v\s*=\s*DMARC1\s*(?:;|\Z)")
_POLICIES: dict[str, Choice] = {"none": "none", "quarantine": "quarantine", "reject": "reject"}
MOST_LABELS = 8


@dataclass(frozen=True, slots=True)
class Policy:
    """One DMARC record. `psd` is `y`, `n` or `u` (not said); strict means that domains must be the same."""

    domain: str
    policy: Choice
    subdomains: Choice
    strict_dkim: bool
    strict_spf: bool
    psd: str


@dataclass(frozen=True, slots=True)
class Walk:
    """What the tree walk from one domain found: its organisational domain, and the policy that holds for it."""

    organisation: str
    policy: Policy | None

    def choice(self, domain: str) -> Choice | None:
        """What the policy asks for mail from `domain` that fails; None when there is no policy."""
        if self.policy is None:
            return None
        return self.policy.policy if self.policy.domain == domain else self.policy.subdomains


def read_policy(domain: str, texts: Sequence[str]) -> Policy | None:
    """The policy of the TXT records at _dmarc.`domain`; None when there is none, or more than one."""
    found = [text for text in texts if _VERSION.match(text)]
    if len(found) != 1:
        return None
    tags: dict[str, str] = {}
    for part in found[0].split(";"):
        name, mark, value = part.partition("=")
        if mark:
            tags.setdefault(name.strip().lower(), value.strip().lower())
    policy = _POLICIES.get(tags.get("p", ""), "none")
    return Policy(
        domain=domain,
        policy=policy,
        subdomains=_POLICIES.get(tags.get("sp", ""), policy),
        strict_dkim=tags.get("adkim") == "s",
        strict_spf=tags.get("aspf") == "s",
        psd=tags.get("psd", "u") if tags.get("psd") in ("y", "n") else "u",
    )


def steps(domain: str) -> list[str]:
    """The domains of a tree walk, at most eight: the domain itself, then upwards, from the seventh label on."""
    labels = domain.split(".")
    first = [domain]
    rest = labels[1:] if len(labels) < MOST_LABELS else labels[-(MOST_LABELS - 1) :]
    return first + [".".join(rest[i:]) for i in range(len(rest))]


def walk(domain: str, policy_at: Callable[[str], Policy | None]) -> Walk:
    """Walks up from `domain`; `policy_at` gives the policy published for one domain."""
    found: list[Policy] = []
    for name in steps(domain):
        policy = policy_at(name)
        if policy is None:
            continue
        found.append(policy)
        if policy.psd in ("y", "n"):
            break
    own = next((policy for policy in found if policy.domain == domain), None)
    organisation = _organisation(domain, found)
    at_organisation = next((policy for policy in found if policy.domain == organisation), None)
    suffix = found[-1] if found and found[-1].psd == "y" else None
    return Walk(organisation, own or at_organisation or suffix)


def _organisation(domain: str, found: Sequence[Policy]) -> str:
    if not found:
        return domain
    last = found[-1]
    if last.psd == "n":
        return last.domain
    if last.psd == "y" and last.domain != domain:
        return ".".join(domain.split(".")[-(len(last.domain.split(".")) + 1) :])
    return last.domain


def aligned(one: str, author: str, *, strict: bool, organisation: Callable[[str], str]) -> bool:
    """Whether a proved domain speaks for the author's domain. Asks for organisational domains only if it must."""
    if one == author:
        return True
    if strict or not related(one, author):
        return False
    return organisation(one) == organisation(author)


def related(one: str, other: str) -> bool:
    """Whether two domains share their last two labels: without that they cannot belong to one organisation."""
    return one.split(".")[-2:] == other.split(".")[-2:] and "." in one
