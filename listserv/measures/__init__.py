"""The measures of the community: who takes part, what is answered and how soon, what moderators had to do.

Beside the way of a post, for those who look after the community. `reading` asks database and archive,
`policy.measuring` does the arithmetic, `taking` says what is told. Nobody is named, and nothing is told over fewer than
five people. Only what happened anyway is counted: mails hold no pixel and no link that would tell who has read them.
"""

from __future__ import annotations

from listserv.measures.taking import OTHERS, Measure, measures

__all__ = ["OTHERS", "Measure", "measures"]
