"""Addresses: who stands in From, how two of them are compared, what may enter an SMTP command.

RFC 5322 section 3.4, RFC 5321 section 4.1.2, RFC 5891 for domains. The reader is our own, so that the address that is
checked is the one that people see: what can be read in two ways gives all the mailboxes it might mean.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from listserv.mail.headers import encode_phrase
from listserv.mail.message import Message, decode_words, every

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*\Z")
_QUOTED = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])*"\Z')
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\Z")
_LITERAL = re.compile(r"\[(?:IPv6:)?[0-9A-Fa-f:.]{2,45}\]\Z")
_UNSAFE = re.compile(
    r"[\s<>()\[\],;:\\\"@\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_TEXT = re.compile(r'[^\s"(),:;<>@]+')
LIMIT = 200_000  # characters of one field that are read


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address with its display name; the local part as written, quoted where it must be."""

    name: str
    local: str
    domain: str

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}" if self.domain else self.local


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # a special character, or "word", "quoted", "comment"
    text: str
    spaced: bool  # white space stood before it


def split(address: str) -> tuple[str, str]:
    """Local part and lower-case domain; the domain is empty when there is none."""
    local, at, domain = address.strip().rpartition("@")
    return (local, domain.lower()) if at else (domain, "")


def _tokens(value: str) -> list[_Token]:
    out: list[_Token] = []
    position, spaced = 0, False
    closed = {'"': True, "(": True}  # False once one was left open: the rest is not searched again
    while position < len(value):
        character = value[position]
        end = position + 1
        if character.isspace():
            spaced, position = True, end
            continue
        if closed.get(character):
            found = _quoted_end(value, end) if character == '"' else _comment_end(value, end)
            closed[character] = found >= 0
            if found >= 0:
                inner = re.sub(r"\\(.)", r"\1", value[end : found - 1], flags=re.S)
                out.append(_Token("quoted" if character == '"' else "comment", inner, spaced))
                end = found
        elif character in "(),:;<>@":
            out.append(_Token(character, character, spaced))
        elif character != '"' and (match := _TEXT.match(value, position)):
            out.append(_Token("word", match[0], spaced))
            end = match.end()
        position, spaced = end, False
    return out


def _quoted_end(value: str, position: int) -> int:
    """Behind the closing quote, or -1."""
    while position < len(value):
        if value[position] == '"':
            return position + 1
        position += 2 if value[position] == "\\" else 1
    return -1


def _comment_end(value: str, position: int) -> int:
    """Behind the closing bracket of a comment that may hold others, or -1."""
    depth = 1
    while position < len(value):
        character = value[position]
        depth += (character == "(") - (character == ")")
        if not depth:
            return position + 1
        position += 2 if character == "\\" else 1
    return -1


def parse_mailboxes(value: str) -> list[Mailbox]:
    """The mailboxes of an address list, members of groups included; garbage gives none. Never raises."""
    out: list[Mailbox] = []
    entry: list[_Token] = []
    angle = False
    for token in _tokens(value[:LIMIT]):
        if not angle and token.kind in (",", ";"):
            out += _entry(entry)
            entry = []
        elif not angle and token.kind == ":":
            entry = []  # the name of a group
        else:
            angle = (angle or token.kind == "<") and token.kind != ">"
            entry.append(token)
    return out + _entry(entry)


def _entry(tokens: list[_Token]) -> list[Mailbox]:
    """One entry: `name <address>`, `address`, `address (name)`; of unclear ones every address that is in it."""
    comment = " ".join(token.text for token in tokens if token.kind == "comment")
    tokens = [token for token in tokens if token.kind != "comment"]
    starts = [number for number, token in enumerate(tokens) if token.kind == "<"]
    if not starts:
        return _bare(tokens, comment)
    out: list[Mailbox] = []
    name = _phrase(tokens[: starts[0]]) or comment
    rest: list[_Token] = []
    for start, after in zip(starts, [*starts[1:], len(tokens)], strict=True):
        end = next((n for n in range(start, after) if tokens[n].kind == ">"), after)
        inner = tokens[start + 1 : end]
        colons = [number for number, token in enumerate(inner) if token.kind == ":"]
        if colons and inner[0].kind == "@":  # the route of RFC 822
            inner = inner[colons[-1] + 1 :]
        box = _mailbox(inner, name)
        out += [box] if box else []
        rest += tokens[end + 1 : after]
    return out + _bare(rest, "")


def _bare(tokens: list[_Token], name: str) -> list[Mailbox]:
    """Addresses that stand without angle brackets; white space ends one unless it stands at an @ or a dot."""
    runs: list[list[_Token]] = []
    for token in tokens:
        last = runs[-1][-1] if runs else None
        joined = last is not None and (
            not token.spaced or "@" in (token.kind, last.kind) or token.text.startswith(".") or last.text.endswith(".")
        )
        if joined:
            runs[-1].append(token)
        else:
            runs.append([token])
    boxes = [(run, _mailbox(run, "")) for run in runs]
    words = " ".join(_phrase(run) for run, box in boxes if box is None)
    name = _shown(words) if words.strip("@ ") else name
    return [Mailbox(_shown(name), box.local, box.domain) for _, box in boxes if box]


def _mailbox(tokens: list[_Token], name: str) -> Mailbox | None:
    ats = [number for number, token in enumerate(tokens) if token.kind == "@"]
    if len(ats) != 1 or any(token.kind not in ("word", "quoted", "@") for token in tokens):
        return None
    left, right = tokens[: ats[0]], tokens[ats[0] + 1 :]
    if any(token.kind == "quoted" for token in right):
        return None
    quoted = any(token.kind == "quoted" for token in left)
    local, domain = "".join(token.text for token in left), "".join(token.text for token in right)
    if quoted and not _DOT_ATOM.match(local):
        escaped = local.replace("\\", "\\\\").replace('"', '\\"')
        local = f'"{escaped}"'
        if _HIDDEN.search(local):
            return None
    elif _UNSAFE.search(local):
        return None
    if not local or not domain or re.search(r"[^\w.\[\]:-]", domain):
        return None
    return Mailbox(_shown(name), local, domain.lower())


def _phrase(tokens: list[_Token]) -> str:
    return "".join((" " if token.spaced else "") + token.text for token in tokens).strip()


def _shown(name: str) -> str:
    return " ".join(_HIDDEN.sub(" ", decode_words(name)).split())


def authors(message: Message) -> list[Mailbox]:
    """All mailboxes of all From fields."""
    return [box for value in every(message, "from") for box in parse_mailboxes(value)]


def ascii_domain(domain: str) -> str:
    """The domain as A-labels, lower case; "" when it has none."""
    if domain.isascii():
        return domain.lower()
    if len(domain) > 255:
        return ""
    try:
        return unicodedata.normalize("NFC", domain).encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""


def _is_local(local: str) -> bool:
    if not local or len(local.encode("utf-8", "surrogatepass")) > 64:
        return False
    if local.isascii():
        return bool(_DOT_ATOM.match(local) or _QUOTED.match(local))
    return not _UNSAFE.search(local)


def canonical(address: str) -> str:
    """The key for comparing: trimmed, case folded, domain as A-labels; "" for what is no address."""
    local, domain = split(address)
    domain = ascii_domain(domain.rstrip("."))
    local = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).casefold())
    if len(local) > 2 and local[0] == local[-1] == '"' and _DOT_ATOM.match(local[1:-1]):
        local = local[1:-1]
    return f"{local}@{domain}" if _is_local(local) and _DOMAIN.match(domain) else ""


def without_tag(address: str) -> str:
    """For recognition only: canonical, without +tag, and without dots where the provider ignores them."""
    local, _, domain = canonical(address).rpartition("@")
    if not local or local.startswith('"'):
        return f"{local}@{domain}" if local else ""
    local = local.partition("+")[0] or local
    if domain in ("gmail.com", "googlemail.com"):
        local, domain = local.replace(".", "") or local, "gmail.com"
    return f"{local}@{domain}"


def is_valid_for_smtp(address: str, *, utf8: bool = False) -> bool:
    """Whether it may stand between < and > in MAIL or RCPT (RFC 5321 section 4.1.2, RFC 6531 section 3.3)."""
    local, _, domain = address.rpartition("@")
    if not _is_local(local) or len(domain.encode("utf-8", "surrogatepass")) > 255:
        return False
    if address.isascii():
        return bool(_DOMAIN.match(domain) or _LITERAL.match(domain))
    return utf8 and not _UNSAFE.search(domain) and bool(_DOMAIN.match(ascii_domain(domain)))


def format_mailbox(name: str, address: str) -> bytes:
    """`Name <address>` for a header, the name quoted or encoded as it needs to be."""
    phrase = encode_phrase(name)
    safe = re.sub(r"[\s<>\x00-\x1f\x7f-\x9f]", "", address)
    return (f"{phrase} <{safe}>" if phrase else safe).encode("utf-8", "replace")
