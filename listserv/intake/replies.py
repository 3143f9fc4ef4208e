"""All replies that the SMTP and LMTP daemon gives by itself, in one table, and how a reply looks on the wire.

Every 2xx, 4xx and 5xx but the greeting and the answers to HELO, EHLO and LHLO has an enhanced code (RFC 2034,
RFC 3463). What aiosmtpd would say in its own words is translated by `dressed`.
"""

from __future__ import annotations

import re
import textwrap

from listserv.errors import Reply

LINE = 400  # octets of text in one reply line; RFC 5321 section 4.5.3.1.5 allows 512 with code and CRLF

OK = Reply(250, "2.0.0", "OK")
SENDER_OK = Reply(250, "2.1.0", "Sender OK")
BYE = Reply(221, "2.0.0", "Bye")
HELP = Reply(
    214, "2.0.0", "This server takes posts for mailing lists. Commands: {hello} MAIL RCPT DATA RSET NOOP VRFY HELP QUIT"
)
CANNOT_VERIFY = Reply(252, "2.5.0", "We tell nobody which addresses exist, but will try to deliver")
GO_AHEAD = Reply(354, "", "Send the message and end it with <CR><LF>.<CR><LF>")
START_TLS = Reply(220, "2.0.0", "Ready to start TLS")

UNKNOWN_COMMAND = Reply(500, "5.5.1", "We do not know this command")
NOT_IN_LMTP = Reply(500, "5.5.1", "This is LMTP: say LHLO instead of HELO or EHLO")
NOT_IN_SMTP = Reply(500, "5.5.1", "This is SMTP: say EHLO instead of LHLO")
NOT_OFFERED = Reply(502, "5.5.1", "This command is not offered here")
BARE_COMMAND = Reply(500, "5.5.2", "A command ends with CR LF, and neither may stand alone")
BAD_SYNTAX = Reply(500, "5.5.2", "We cannot read this line")
LINE_TOO_LONG = Reply(500, "5.5.2", "This command line is too long")
NO_ARGUMENT = Reply(501, "5.5.4", "This command takes no argument")
NEEDS_ARGUMENT = Reply(501, "5.5.4", "This command needs an argument")
BAD_HELO = Reply(501, "", "Say who you are: one host name after the command")
MAIL_SYNTAX = Reply(501, "5.5.2", "Write it as MAIL FROM:<name@example.org>")
RCPT_SYNTAX = Reply(501, "5.5.2", "Write it as RCPT TO:<name@example.org>")
BAD_SENDER = Reply(501, "5.1.7", "The sender address is malformed")
BAD_RECIPIENT = Reply(501, "5.1.3", "The recipient address is malformed")
NEEDS_SMTPUTF8 = Reply(553, "5.6.7", "An address beyond ASCII needs SMTPUTF8 in the MAIL command")
BAD_PARAMETER = Reply(501, "5.5.4", "A parameter has a value that it cannot have")
UNKNOWN_PARAMETER = Reply(555, "5.5.4", "We do not know a parameter of this command")
BAD_XFORWARD = Reply(501, "5.5.4", "We cannot read the XFORWARD attributes")

HELLO_FIRST = Reply(503, "5.5.1", "Introduce yourself first, with {hello}")
NESTED_MAIL = Reply(503, "5.5.1", "The sender was already given: send RSET to begin anew")
MAIL_FIRST = Reply(503, "5.5.1", "Give the sender first, with MAIL")
RCPT_FIRST = Reply(503, "5.5.1", "No recipient has been accepted: give one first, with RCPT")
IN_TRANSACTION = Reply(503, "5.5.1", "Not while a message is on its way: send RSET first")
TLS_ALREADY = Reply(503, "5.5.1", "This connection has TLS already")
TLS_FAILED = Reply(454, "4.7.0", "TLS is not available just now")
XFORWARD_DENIED = Reply(550, "5.7.0", "XFORWARD is for our own mail servers only")
TLS_REQUIRED = Reply(530, "5.7.0", "Send STARTTLS first")
INSECURE = Reply(554, "5.7.0", "Refused, for the connection is not secure enough")
AUTH_REQUIRED = Reply(530, "5.7.0", "Authentication is needed")
BAD_CREDENTIALS = Reply(535, "5.7.8", "The credentials are not valid")

TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients: send the rest in another transaction")
TOO_BIG = Reply(552, "5.3.4", "The message is larger than the {size} octets that we take")
HEADER_TOO_BIG = Reply(550, "5.6.0", "The message cannot be taken: its header is larger than {size} octets")
BARE_NEWLINE = Reply(
    550, "5.5.2", "The message has a CR or LF that stands alone: lines end with CR LF (RFC 5321, section 2.3.8)"
)
NO_MEMORY = Reply(452, "4.3.1", "We are too busy to take the message just now. Please try again later")
OUR_FAULT = Reply(451, "4.3.0", "Something went wrong on our side. Please try again later")

TIMED_OUT = Reply(421, "4.4.2", "{host} closes the connection, for nothing came in time")
CROWDED = Reply(421, "4.3.2", "{host} has too many connections. Please try again later")
SHUTTING_DOWN = Reply(421, "4.3.2", "{host} is being restarted. Please try again in a moment")
TOO_MANY_FROM_PEER = Reply(421, "4.7.0", "{host} has too many connections from your address. Please try again later")
TOO_MANY_ERRORS = Reply(421, "4.7.0", "{host} closes the connection after too many errors")
NOT_MAIL = Reply(421, "4.7.0", "{host} speaks SMTP, this looks like something else")

# What aiosmtpd 1.4.6 can say, by how it begins, and what we say instead; the first that fits counts.
_THEIRS: tuple[tuple[str, Reply], ...] = (
    ("220 Ready to start TLS", START_TLS),
    ("221 Bye", BYE),
    ("235 ", Reply(235, "2.7.0", "Authenticated")),
    ("250 Syntax:", HELP),
    ("250 Supported commands", HELP),
    ("250 ", OK),
    ("252 ", CANNOT_VERIFY),
    ("334 ", Reply(334, "", "")),
    ("354 ", GO_AHEAD),
    ("421 ", TOO_MANY_ERRORS),
    ("454 TLS", TLS_FAILED),
    ("500 Command line too long", LINE_TOO_LONG),
    ("500 Line too long", Reply(500, "5.6.0", "A line of the message is too long")),
    ("500 Error: bad syntax", BAD_SYNTAX),
    ("500 Error: strict ASCII", Reply(500, "5.6.7", "Only ASCII is taken here")),
    ("500 Error: command", UNKNOWN_COMMAND),
    ("500 Error: (", OUR_FAULT),
    ("500 Error: Cannot describe", OUR_FAULT),
    ("501 Syntax: MAIL", MAIL_SYNTAX),
    ("501 Syntax: RCPT", RCPT_SYNTAX),
    ("501 Syntax: HELO", BAD_HELO),
    ("501 Syntax: EHLO", BAD_HELO),
    ("501 Syntax:", NO_ARGUMENT),
    ("501 Error: BODY", BAD_PARAMETER),
    ("501 Error: SMTPUTF8", BAD_PARAMETER),
    ("501 Supported commands", NEEDS_ARGUMENT),
    ("501 ", NEEDS_ARGUMENT),
    ("502 ", NOT_OFFERED),
    ("503 Error: send", HELLO_FIRST),
    ("503 Error: nested", NESTED_MAIL),
    ("503 Error: need MAIL", MAIL_FIRST),
    ("503 Error: need RCPT", RCPT_FIRST),
    ("503 ", IN_TRANSACTION),
    ("530 Must issue", TLS_REQUIRED),
    ("530 ", AUTH_REQUIRED),
    ("535 ", BAD_CREDENTIALS),
    ("552 Error:", TOO_BIG),
    ("553 ", BAD_SENDER),
    ("554 ", INSECURE),
    ("555 ", UNKNOWN_PARAMETER),
)
_ENHANCED = re.compile(r"(\d{3}) ([245]\.\d{1,3}\.\d{1,3}) ")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def dressed(line: str) -> Reply | None:
    """Our reply for one line of aiosmtpd's; one that has an enhanced code keeps it. None: not in the table."""
    found = _ENHANCED.match(line)
    if found:
        return Reply(int(found[1]), found[2], line[found.end() :])
    return next((reply for begin, reply in _THEIRS if line.startswith(begin)), None)


def filled(reply: Reply, **values: object) -> Reply:
    """The reply with the places in its text filled in."""
    return Reply(reply.code, reply.enhanced, reply.text.format(**values))


def wire(reply: Reply, *, utf8: bool = False) -> bytes:
    """The octets of a reply with the final CRLF: short lines, no control character, UTF-8 only where it may be."""
    text = reply.text
    if len(text) > LINE or not (text.isascii() and text.isprintable()):
        text = _tamed(text, utf8)
        reply = Reply(reply.code, reply.enhanced, text)
    return str(reply).encode("utf-8" if utf8 else "ascii", "replace") + b"\r\n"


def _tamed(text: str, utf8: bool) -> str:
    lines: list[str] = []
    width = LINE // 4 if utf8 else LINE  # a character has at most four octets
    for line in text.splitlines():
        lines += textwrap.wrap(_CONTROL.sub(" ", line), width) or [""]
    return "\n".join(lines)
