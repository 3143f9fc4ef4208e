"""The archive: private static pages of every list, and an index to search them; derived from the posts, in one folder.

Behind the release of a post: `follow` waits for changes and brings them onto the pages, `build` makes everything anew.
Both do the same steps, so that their results are the same: posts become entries (`entries`), entries find their
threads (`placing`), what those touch is noted in the index, and the pages noted are written (`pages`, `files`). Killed
anywhere, the next run goes on where this one was.
"""

from listserv.archiver.building import Report, build, follow, update
from listserv.archiver.forgetting import forget
from listserv.archiver.index import FILE, connect

__all__ = ["FILE", "Report", "build", "connect", "follow", "forget", "update"]
