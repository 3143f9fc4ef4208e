"""What the screen for identifiers costs: posts of people, and what somebody sends to keep it busy."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.message import EmailMessage

from listserv.mail.message import parse
from listserv.mail.passages import passages
from listserv.policy.screening import Known, names, screen

PARAGRAPH = (
    "My client, a woman in her forties, came to the clinic about six weeks ago after a difficult winter. She sleeps badly and "
    "has stopped seeing her friends. We have tried behavioural activation (Martell et al., 2010) and 50 mg of sertraline by "
    "her GP, without much change so far; her PHQ-9 went from 17 to 15. What would you look at next?\n\n"
)
HOSTILE = {
    "digits": "2123 45670 ",
    "one long word": "a",
    "capitals": "Ann Archer Mrs ",
    "quotes": ">>>>>>>>>> \n",
    "open tags": '<a "',
    "blanks": " ",
    "numbers and blanks": "1 ",
    "addresses": "a.b@c.d ",
    "full width": "\uff12\uff11\u200b",
    "dates": "born 3 March 1988 ",
    "clients": "My client Sarah Nguyen was born 3/4/1988. ",
    "a table": "Mrs Smith;3/4/1988;0412 345 678;12 High Street, Yass NSW 2582;MRN 1234567\n",
}


def message(text: str, html: bool = False) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "ann@people.test", "A case for you"
    if html:
        mail.set_content(text, subtype="html", cte="base64")
    else:
        mail.set_content(text, cte="8bit")
    return mail.as_bytes().replace(b"\n", b"\r\n")


def once(raw: bytes, known: Known) -> tuple[float, int]:
    """Milliseconds of CPU for one look at a message, and how many findings it gave."""
    begun = time.process_time()
    read = passages(parse(raw))
    names(read)
    found = screen(read, known)
    return (time.process_time() - begun) * 1e3, len(found)


def run(say: Callable[[str], None]) -> None:
    known = Known("Ann Archer", ("ann@people.test",))
    once(message(PARAGRAPH), known)  # patterns are compiled, libraries loaded
    for size in (2_000, 20_000, 200_000, 10_000_000):
        for html in (False, True):
            text = (PARAGRAPH * (size // len(PARAGRAPH) + 1))[:size]
            raw = message("<p>" + text.replace("\n\n", "</p><p>") if html else text, html)
            took = sorted(once(raw, known)[0] for _ in range(5 if size > 100_000 else 21))
            say(
                f"screening, {size:>10,} octets of {'HTML' if html else 'text'}: median {took[len(took) // 2]:.1f} ms of CPU"
            )
    for words, piece in HOSTILE.items():
        for html in (False, True):
            took, found = once(message((piece * (10_000_000 // len(piece)))[:10_000_000], html), known)
            say(
                f"screening, 10 MB of {words} as {'HTML' if html else 'text'}: {took / 1e3:.2f} s of CPU, {found} findings"
            )
