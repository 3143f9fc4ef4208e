"""A member's life by mail: applying, being verified, agreeing, pausing, renewing, leaving.

Behind intake: `commands` and the answers to notices (`handling`) end here, and so do the daily jobs (`housekeeping`).
Every step is one commit and can be seen with the command `status`.
"""

from listserv.life.addresses import change_address, confirm_address
from listserv.life.applications import join_list
from listserv.life.joining import applied_answer, apply, begin, close_old, remind, status_of_applicant
from listserv.life.pausing import pause, receiving_again, resume, resume_due, thread_of
from listserv.life.renewing import renew, renewals
from listserv.life.standing import agreed, forget, midnight, status, why_not_reading
from listserv.life.terms import agree, campaign, terms_answer, terms_text
from listserv.life.verifying import verifier_answer

__all__ = [
    "agree",
    "agreed",
    "applied_answer",
    "apply",
    "begin",
    "campaign",
    "change_address",
    "close_old",
    "confirm_address",
    "forget",
    "join_list",
    "midnight",
    "pause",
    "receiving_again",
    "remind",
    "renew",
    "renewals",
    "resume",
    "resume_due",
    "status",
    "status_of_applicant",
    "terms_answer",
    "terms_text",
    "thread_of",
    "verifier_answer",
    "why_not_reading",
]
