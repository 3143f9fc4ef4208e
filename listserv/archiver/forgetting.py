"""The archive forgets: after an erasure no page, file or index of it holds what was erased, nor what they were made of.

Like any other change, but waited for: when this returns, it is done on this machine.
"""

from __future__ import annotations

from listserv.archiver import index
from listserv.archiver.building import update
from listserv.context import Context
from listserv.edge.forgetting import empty_log
from listserv.errors import UserError


def forget(ctx: Context) -> None:
    """Takes over all changes, and writes the index anew. Nothing is done where no archive is kept. Raises UserError."""
    directory = ctx.settings.archive.directory
    if not (directory / index.FILE).is_file():
        return
    update(ctx)
    with index.locked(directory):
        db = index.connect(directory, write=True)
        try:
            index.forget(db)
            db.execute("VACUUM")
            if not empty_log(db):
                raise UserError(f"archive: the log of {directory / index.FILE} could not be emptied; try again")
        finally:
            db.close()
