"""Folders in which a file is read: one a job, gone when it ends, or soon after it was killed."""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PREFIX, _LOCK = "bandoso-read-", "lock"
_YOUNG_S = 60.0
"""A folder younger than this may not have its lock yet."""


@contextlib.contextmanager
def work_folder() -> Iterator[Path]:
    """Make a folder for one job, readable by its owner alone, and remove those that killed jobs left behind.

    What lies there holds rows of uploads, people's names among them, so it must not outlive its job.

    Yields
    ------
    Path
        Below the system's folder for temporary files.
    """
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name, Path(name, _LOCK).open("wb") as lock:
        # The lock ends with the process that holds it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove_left_behind()
        yield Path(name)


def remove_left_behind() -> None:
    """Remove the folders of this user's jobs that were killed; the next job does it, and every worker now and then."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # A folder may go at this moment.
        with contextlib.suppress(OSError):
            found = folder.lstat()
            is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
            if is_ours and time.time() - found.st_mtime > _YOUNG_S and _is_left(folder / _LOCK):
                shutil.rmtree(folder)


def _is_left(lock: Path) -> bool:
    if not lock.is_file():
        return True
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
