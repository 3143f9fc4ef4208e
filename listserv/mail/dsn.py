"""What came back: a delivery report, a refusal in words, a complaint, or an answer of a machine. Pure, bytes in.

Between the return path of a copy and the score of an address (`bounces`). RFC 3464 first (message/delivery-status; RFC
6533 for the internationalised one), with the enhanced codes of RFC 3463; then known words of mail systems (`refusals`);
flufl.bounce is asked too, and never decides alone. Complaints are RFC 5965. Only a permanent failure of the address
itself is `hard`: a full mailbox, a delay, a refusal for content, reputation or policy do not say whether it exists.
"""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import dataclass
from enum import StrEnum

from listserv.mail import refusals
from listserv.mail.message import Message, iter_parts, text_header
from listserv.mail.shown import one_line
from listserv.mail.text import html_to_text, part_text


class BounceClass(StrEnum):
    HARD = "hard"  # the address does not exist, or takes no mail any more
    SOFT = "soft"  # not now: full, busy, delayed
    POLICY = "policy"  # this mail, or our server, is not wanted
    COMPLAINT = "complaint"  # its reader, or their provider, calls it spam
    NONE = "none"  # no failure: an automatic answer, a receipt, or nothing that can be told


@dataclass(frozen=True, slots=True)
class Bounce:
    """`status` is the enhanced code ("" when none was told); `words` one line of what was said; `about` the addresses
    that it names, which are never believed."""

    kind: BounceClass
    status: str = ""
    words: str = ""
    about: tuple[str, ...] = ()


LONGEST = 40_000  # characters of text that are looked at
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?<!\d)([45])(\d\d)(?=[ \-])(?!\.\d)")
_FIELD = re.compile(r"^([A-Za-z-]{3,40})[ \t]*:[ \t]*(.*(?:\n[ \t]+.*)*)", re.M)
_ADDRESS = re.compile(r"[\w.+=&'*/-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")


def classify(message: Message) -> Bounce:
    """What a message to a return path means. Never raises."""
    complaint = _complaint(message)
    if complaint is not None:
        return complaint
    report = _report(message)
    if report is not None:
        return report
    return _in_words(message)


def is_automatic_answer(message: Message) -> bool:
    """Whether it is the answer of a machine (a vacation, a receipt) and no failure at all (RFC 3834, RFC 8098)."""
    subject = text_header(message, "subject").strip()
    said = text_header(message, "auto-submitted").casefold().startswith("auto-replied")
    receipt = any(part.content_type == "message/disposition-notification" for part in iter_parts(message))
    return receipt or said or bool(refusals.NOTHING.match(subject))


def of_reply(reply: str) -> Bounce:
    """What a relay's own final reply (5xx, or the last 4xx) says of an address."""
    status = _first_status(reply)
    return Bounce(_judged("failed" if reply[:1] == "5" else "delayed", status, reply), status, one_line(reply, 300))


# --- reports -------------------------------------------------------------------------------------------------------


def _of_type(message: Message, *kinds: str) -> str:
    """The text of the first part of such a type; "" when there is none."""
    for part in iter_parts(message):
        if part.content_type in kinds:
            return part_text(part)[:LONGEST]
    return ""


def _complaint(message: Message) -> Bounce | None:
    """RFC 5965."""
    text = _of_type(message, "message/feedback-report")
    if not text:
        return None
    fields = {name.casefold(): " ".join(value.split()) for name, value in _FIELD.findall(text)}
    about = tuple(_ADDRESS.findall(fields.get("original-rcpt-to", "")))
    return Bounce(BounceClass.COMPLAINT, "", one_line(fields.get("feedback-type", "abuse"), 100), about)


def _report(message: Message) -> Bounce | None:
    """RFC 3464: the worst of its recipients; None when there is no report in it."""
    text = _of_type(message, "message/delivery-status", "message/global-delivery-status")
    if not text:
        return None
    found: list[Bounce] = []
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        fields = {name.casefold(): " ".join(value.split()) for name, value in _FIELD.findall(block)}
        if "action" not in fields and "status" not in fields and "final-recipient" not in fields:
            continue
        action = fields.get("action", "failed").casefold().partition(" ")[0]
        diagnostic = fields.get("diagnostic-code", "")
        status = _first_status(fields.get("status", "")) or _first_status(diagnostic)
        told = _first_status(diagnostic)
        if told and status.endswith(".0.0"):  # the reporting server did not know better than the one that refused
            status = told
        about = tuple(_ADDRESS.findall(f"{fields.get('final-recipient', '')} {fields.get('original-recipient', '')}"))
        kind = _judged(action, status, diagnostic or ("" if status[2:] in ("1.1", "1.10") else _own_words(message)))
        found.append(Bounce(kind, status, one_line(diagnostic, 300), tuple(dict.fromkeys(about))))
    if not found:
        return None
    order = [BounceClass.HARD, BounceClass.POLICY, BounceClass.SOFT, BounceClass.NONE]
    return min(found, key=lambda one: order.index(one.kind))


def _own_words(message: Message) -> str:
    """What a report says for people, without the message that came back."""
    words = []
    for part in iter_parts(message):
        if any(kind.startswith("message/") for kind in part.within) or part.content_type == "text/rfc822-headers":
            continue
        if part.content_type in ("text/plain", "text/html"):
            text = part_text(part)[:LONGEST]
            words.append(html_to_text(text) if part.content_type == "text/html" else text)
    return _without_original("\n".join(words))[:LONGEST]


_ORIGINAL = re.compile(
    r"^.{0,20}(?:-{2,}.{0,10}(?:this is a copy|original|below (?:this line )?is|returned message|message header|"
    r"enclosed|unsent|undelivered|received:)|(?:your |the )?(?:original|unsent) (?:message|mail|headers)|"
    r"received: from |return-path:|le message .{0,30}origine|ursprüngliche nachricht)",
    re.I | re.M,
)


def _without_original(text: str) -> str:
    """The report alone: what it quotes of our own mail may be about anything."""
    found = _ORIGINAL.search(text, 40)
    return text[: found.start()] if found else text


def _first_status(text: str) -> str:
    found = _STATUS.search(text)
    return f"{found[1]}.{int(found[2])}.{int(found[3])}" if found else ""


# --- what it means -------------------------------------------------------------------------------------------------


def _judged(action: str, status: str, words: str) -> BounceClass:
    """By action and code, and by words where the code says too little."""
    if action in ("delivered", "relayed", "expanded"):
        return BounceClass.NONE
    if action == "delayed" or status.startswith("4"):
        return BounceClass.SOFT
    if status.startswith("2"):
        return BounceClass.NONE
    by_words = _by_words(words)
    _, _, rest = status.partition(".")
    subject, _, detail = rest.partition(".")
    if subject == "7":
        # 5.7.x is policy; some servers refuse unknown recipients with it, and say so in plain words
        plain = by_words is BounceClass.HARD and not refusals.POLICY.search(words)
        return BounceClass.HARD if plain else BounceClass.POLICY
    if subject == "1":
        if detail in ("7", "8"):  # our own address, not theirs
            return BounceClass.POLICY
        return (
            BounceClass.POLICY
            if by_words is BounceClass.POLICY and not refusals.HARD.search(words)
            else BounceClass.HARD
        )
    if subject == "2":
        if detail == "1":
            return BounceClass.SOFT if by_words is BounceClass.SOFT else BounceClass.HARD
        return BounceClass.SOFT if detail in ("2", "0") and by_words is not BounceClass.HARD else _or(
            by_words, BounceClass.POLICY)  # fmt: skip
    if subject in ("3", "5", "6"):
        return by_words if by_words in (BounceClass.HARD, BounceClass.SOFT) else BounceClass.POLICY
    if subject == "4":
        return BounceClass.HARD if by_words is BounceClass.HARD or _gone_host(detail, words) else BounceClass.SOFT
    return by_words


def _gone_host(detail: str, words: str) -> bool:
    """5.4.4: there is no such domain."""
    return detail == "4" and refusals.HARD.search(words) is not None


def _or(found: BounceClass, other: BounceClass) -> BounceClass:
    return other if found is BounceClass.NONE else found


def _by_words(words: str) -> BounceClass:
    """By known texts: what is about this mail or our server before what is about the address."""
    text = words[:LONGEST]
    hard, soft, policy = refusals.HARD.search(text), refusals.SOFT.search(text), refusals.POLICY.search(text)
    if hard and not (policy or soft):
        return BounceClass.HARD
    if hard and policy and hard.start() < policy.start() and not re.search(r"spam|block|policy|reputation", text, re.I):
        return BounceClass.HARD
    if hard and soft and not policy and re.search(r"\b55[0134]\b|\b5\.1\.", text):
        return BounceClass.HARD
    if soft and not policy:
        return BounceClass.SOFT
    if policy:
        return BounceClass.POLICY
    return BounceClass.SOFT if soft else BounceClass.NONE


def _in_words(message: Message) -> Bounce:
    """A refusal without a report: qmail, old Exim, gateways; and machines that answer."""
    subject = text_header(message, "subject")
    text = _own_words(message)
    permanent, temporary = _second_opinion(message)
    status = _first_status(re.sub(r"(?<![\d.])[0-36-9]\.\d{1,3}\.\d{1,3}", " ", text))
    about = tuple(dict.fromkeys((*permanent, *temporary)))
    if refusals.NOTHING.match(subject.strip()) and not permanent:
        return Bounce(BounceClass.NONE, status, one_line(subject, 200), about)
    if not (permanent or temporary or _looks_like_failure(subject, text)):
        return Bounce(BounceClass.NONE, "", one_line(subject, 200), about)
    reply = _REPLY.search(text)
    action = "delayed" if (status or (reply[1] if reply else "5"))[:1] == "4" else "failed"
    kind = _judged(action, status, text) if status else _by_words(text)
    if kind is BounceClass.NONE and permanent and not temporary:
        kind = BounceClass.HARD if refusals.HARD.search(f"{subject} {text}") else BounceClass.SOFT
    if temporary and not permanent and kind is BounceClass.HARD:
        kind = BounceClass.SOFT
    return Bounce(kind, status, one_line(_telling_line(text), 300), about)


_FAILURE = re.compile(
    r"undeliver|returned|delivery (?:status|failure|fail|problem|report|has failed)|failure notice|mail (?:delivery|"
    r"system) (?:failed|error)|could ?n[o']t be delivered|not delivered|unzustell|nicht zugestellt|non remis|bounce|"
    r"delivery notification|rejected|unable to deliver|message (?:status|error)|mailer-daemon",
    re.I,
)


def _looks_like_failure(subject: str, text: str) -> bool:
    return bool(_FAILURE.search(subject) or _FAILURE.search(text[:1500]))


def _telling_line(text: str) -> str:
    """The line that says why."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    for pattern in (refusals.HARD, refusals.SOFT, refusals.POLICY):
        for line in lines[:200]:
            if pattern.search(line):
                return line
    return lines[0] if lines else ""


def _second_opinion(message: Message) -> tuple[list[str], list[str]]:
    """The addresses that flufl.bounce takes for failed for good, and for now. It may fail on hostile mail."""
    try:
        from flufl.bounce import all_failures

        parsed = email.message_from_bytes(message.raw[:400_000], policy=email.policy.compat32)
        temporary, permanent = all_failures(parsed)
    except Exception:
        return [], []

    def words(found: object) -> list[str]:
        some = sorted(found) if isinstance(found, set | frozenset) else list(found)  # type: ignore[call-overload]
        return [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in some]

    return words(permanent), words(temporary)
