"""ARC: closing the chain of what was found about a post on its way (RFC 8617), off unless the operator asks for it.

Sealed once per post, after all that its copies share is in its final form; the fields of one recipient and our
DKIM signature, which stand on top of it, are not covered and break nothing. dkimpy does the work; it wants our own
Authentication-Results, which `copies` has put there.
"""

from __future__ import annotations

import dataclasses
import logging

import dkim

from listserv.mail.compose import Shared
from listserv.mail.signature import PERSONAL, SIGNED
from listserv.signing import Signer

log = logging.getLogger(__name__)
_SILENT = logging.getLogger("listserv.dkimpy")
MOST_SETS = 50


def sealed(signer: Signer, shared: Shared, seconds: int) -> Shared:
    """The post with one more ARC set on top, or as it was where no set may be added (a chain that has failed)."""
    if signer.seal is None:
        return shared
    selector, pem = signer.seal
    raw = shared.head + b"\r\n" + shared.body
    names = {
        field.partition(b":")[0].strip().lower() for field in shared.head.split(b"\r\n") if field[:1] not in b" \t"
    }
    covered = [name.encode() for name in SIGNED if name not in PERSONAL and name.encode() in names]
    domain = signer.domain.encode()
    try:
        fields = dkim.arc_sign(
            raw, selector.encode(), domain, pem, domain, include_headers=covered, timestamp=seconds, logger=_SILENT
        )
    except dkim.DKIMException as error:
        log.warning("a post goes out without an ARC seal: %s", error)
        return shared
    if not fields or any(b"cv=fail" in field for field in fields):
        return shared
    return dataclasses.replace(shared, head=b"".join(fields) + shared.head)
