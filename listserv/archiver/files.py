"""Files of the archive: written whole or not at all, private from the first byte, and cleared away when they are stale.

A page is written aside and renamed into its place, so that no reader ever sees half of one. There is one writer at a
time (index.locked), so one name aside is enough, and what a killed one leaves there is gone with the next. What has not
changed is not written.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from listserv.mail.served import Served

ASSETS = "_"
MODE = 0o640
FOLDER_MODE = 0o750
ASIDE = ".part"


def write(root: Path, name: str, data: bytes, *, sync: bool = False) -> bool:
    """Puts a file into its place below the archive's folder in one step; False when it stood there already.

    `sync`: it is on disk when this returns.
    """
    path = root / name
    try:
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return False
    except OSError:
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    aside = root / ASIDE
    handle = os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, MODE)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    aside.replace(path)
    return True


def remove(path: Path) -> None:
    """Takes a file or a folder away, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def put_attachments(root: Path, folder: Path, attached: Iterable[Served]) -> None:
    """Writes the files of one message, under names of ours; `folder` is below `root`, the archive's."""
    kept = set()
    for one in attached:
        write(root, str(folder.relative_to(root) / one.file), one.part.decoded())
        kept.add(one.file)
    if folder.is_dir():
        keep_only(folder, kept)


def keep_only(folder: Path, names: Collection[str]) -> None:
    """Clears a folder of everything else, and away when nothing is left."""
    left = 0
    with os.scandir(folder) as found:
        for item in found:
            if item.name in names:
                left += 1
            else:
                remove(Path(item.path))
    if not left:
        try:
            folder.rmdir()
        except OSError:
            pass
