"""Is it a machine that wrote this? One answer for posts, replies, commands and bounces (RFC 3834, RFC 3464).

Only what a machine says of itself counts. `Precedence: list` or a foreign List-Id alone make a mail no robot's: people
pass list mail on.
"""

from __future__ import annotations

import re

from listserv.mail.message import Message, every, last, text_header

_ROBOTS = re.compile(r"(mailer-daemon|mail-daemon|postmaster|autoreply|auto-reply|no-?reply-auto)@", re.I)
_AWAY = re.compile(
    r"(out of (the )?office|automatic reply|auto(matic)?[- ]?(reply|response)|autoreply|automatische antwort|"
    r"abwesenheit|abwesend|réponse automatique|absence du bureau|respuesta automática|fuera de la oficina|"
    r"risposta automatica|automatisch antwoord|afwezig|autosvar|frånvaro|automatisk svar|resposta automática|"
    r"automaattinen vastaus|odpowiedź automatyczna)\b",
    re.I,
)
_OURS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-autoreply-from", "x-mail-autoreply", "x-vacation")


def automatic(message: Message, envelope_sender: str) -> str | None:
    """Why no person wrote this, in words; None for a person's mail."""
    if envelope_sender in ("", "<>"):
        return "it has the null return path of delivery reports and automatic replies"
    submitted = (last(message, "auto-submitted") or "no").partition(";")[0].strip().lower()
    if submitted not in ("no", ""):
        return f"it says Auto-Submitted: {submitted[:40]}"
    kind = (last(message, "content-type") or "").lower()
    if kind.startswith(("multipart/report", "message/delivery-status", "message/disposition-notification")):
        return "it is a delivery report"
    if any(every(message, name) for name in _OURS):
        return "its program says that it answers by itself"
    precedence = (last(message, "precedence") or "").strip().lower()
    if precedence in ("junk", "auto_reply", "auto-reply"):
        return f"it says Precedence: {precedence}"
    if _ROBOTS.match(envelope_sender):
        return "it comes from a mail robot"
    subject = text_header(message, "subject")
    if _AWAY.match(subject) and (
        precedence == "bulk" or every(message, "x-auto-response-suppress") or not every(message, "mime-version")
    ):
        return "it is an out-of-office reply"
    return None


def from_a_list(message: Message) -> str | None:
    """The List-Id (without brackets) or the like of the list that a mail came through."""
    for name in ("list-id", "list-post", "mailing-list"):
        value = last(message, name)
        if value:
            inner = re.search(r"<([^<>]+)>", value)
            return (inner[1] if inner else value).strip().lower().removeprefix("mailto:")
    return None
