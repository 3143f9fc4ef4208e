"""`listserv demo`: a throw-away community, the real daemon, real SMTP, a week of its life.

Each scene says what happens, does it through the doors that everybody uses, and tells only what it read back from
the catcher's mailboxes or the database. What is missing is marked, and the play then ends with exit 1.
"""

from __future__ import annotations

from listserv.demo.play import run
from listserv.demo.scenes import ANNA, BEN, DOMAIN, EMMA, FARID, GRACE, SCENES
from listserv.demo.stage import Stage

__all__ = ["ANNA", "BEN", "DOMAIN", "EMMA", "FARID", "GRACE", "SCENES", "Stage", "run"]
