"""Addresses: who stands in From, how two of them are compared, what may enter an SMTP command.

RFC 5322 section 3.4, RFC 5321 section 4.1.2, RFC 5891 for domains. Comparing never grants anything by itself.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from email.utils import getaddresses

from listserv.mail.message import Message, decode_words, every

_LOCAL = re.compile(
    r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*|\"(?:[ !#-\[\]-~]|\\[ -~])*\")\Z"
)
_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\Z"
)
_LITERAL = re.compile(r"\[[0-9A-Fa-f:.]+\]\Z|\[IPv6:[0-9A-Fa-f:.]+\]\Z")
_SPECIAL = re.compile(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]")


@dataclass(frozen=True, slots=True)
class Mailbox:
    name: str
    local: str
    domain: str

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}" if self.domain else self.local


def split(address: str) -> tuple[str, str]:
    """Local part and lower-case domain."""
    local, _, domain = address.strip().rpartition("@")
    return (local, domain.lower()) if local else (domain, "")


def parse_mailboxes(value: str) -> list[Mailbox]:
    """The mailboxes of an address list, members of groups included; garbage gives none."""
    try:
        pairs = getaddresses([value[:100_000]], strict=False)
    except TypeError:  # Python before 3.11.10 has no `strict`
        pairs = getaddresses([value[:100_000]])
    except (ValueError, IndexError, RecursionError):
        return []
    out = []
    for name, address in pairs:
        local, domain = split(address)
        if local and domain and not re.search(r"[\s<>]", address):
            out.append(Mailbox(" ".join(decode_words(name).split()), local, domain))
    return out


def authors(message: Message) -> list[Mailbox]:
    """All mailboxes of all From fields."""
    return [box for value in every(message, "from") for box in parse_mailboxes(value)]


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    try:
        return unicodedata.normalize("NFC", domain).encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""


def canonical(address: str) -> str:
    """The key for comparing: case folded, domain as A-labels; "" for what is no address."""
    local, domain = split(address)
    domain = _ascii_domain(domain.rstrip("."))
    local = unicodedata.normalize("NFC", local).casefold()
    if not local or not _DOMAIN.match(domain) or len(local.encode()) > 64:
        return ""
    if local.isascii() and not _LOCAL.match(local):
        return ""
    if not local.isascii() and re.search(r"[\s<>()\[\],;:\\\"@\x00-\x1f\x7f-\x9f]", local):
        return ""
    return f"{local}@{domain}"


def without_tag(address: str) -> str:
    """For recognition only: canonical, without +tag, and without dots where the provider ignores them."""
    local, _, domain = canonical(address).rpartition("@")
    if not local:
        return ""
    local = local.partition("+")[0] or local
    if domain in ("gmail.com", "googlemail.com"):
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def is_valid_for_smtp(address: str, *, utf8: bool = False) -> bool:
    """Whether it may stand between < and > in MAIL or RCPT."""
    local, _, domain = address.rpartition("@")
    if not local or len(local.encode()) > 64 or len(domain.encode()) > 255:
        return False
    if address.isascii():
        return bool(_LOCAL.match(local)) and bool(_DOMAIN.match(domain) or _LITERAL.match(domain))
    if not utf8 or not _DOMAIN.match(_ascii_domain(domain)):
        return False
    return not re.search(r"[\s<>()\[\],;:\\\"@\x00-\x1f\x7f-\x9f\u2028\u2029]", local)


def format_mailbox(name: str, address: str) -> bytes:
    """`Name <address>` for a header, the name quoted or encoded as it needs to be."""
    from listserv.mail.headers import encode_phrase

    phrase = encode_phrase(name)
    return (f"{phrase} <{address}>" if phrase else f"<{address}>" if name else address).encode("utf-8", "replace")
