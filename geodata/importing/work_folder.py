"""Folders in which a file is read: one a job, gone when the job ends, however it ends."""

import contextlib
import fcntl
import shutil
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
        _remove_left_behind(Path(name).parent)
        yield Path(name)


def _remove_left_behind(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        # Folders of other users, or that end at this moment, are not ours to judge.
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _YOUNG_S and _is_left(folder / _LOCK):
                shutil.rmtree(folder)


def _is_left(lock: Path) -> bool:
    if not lock.exists():
        return True
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
