"""Where uploaded files are kept: one folder an upload, under names of ours."""

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from service.problems import TooLargeError

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is on the disk for good."""

    path: Path
    size_bytes: int
    sha256: str


class FileStore:
    """Keeps raw uploads in a directory.

    Parameters
    ----------
    directory : Path
        Made when missing, readable by the service's user only.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, upload_id: UUID) -> Path:
        """Return where the file of an upload is."""
        return self.directory / upload_id.hex

    def write(self, upload_id: UUID, source: BinaryIO, max_bytes: int) -> StoredFile:
        """Write a file so that it survives a power cut once this returns.

        Raises
        ------
        TooLargeError
            When it is larger than ``max_bytes``; nothing is left on the disk then.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = self.path(upload_id)
        digest, size = hashlib.sha256(), 0
        try:
            with target.open("xb") as file:
                while block := source.read(_BLOCK):
                    size += len(block)
                    if size > max_bytes:
                        raise TooLargeError(limit_mb=max_bytes >> 20)
                    digest.update(block)
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        self._sync_directory()
        return StoredFile(target, size, digest.hexdigest())

    def _sync_directory(self) -> None:
        handle = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def find_older(self, seconds: float) -> list[UUID]:
        """Return the uploads whose files were written longer ago than this."""
        before = time.time() - seconds
        found = self.directory.glob("[0-9a-f]" * 32)
        return [UUID(hex=file.name) for file in found if file.stat().st_mtime < before]

    def remove(self, upload_id: UUID) -> None:
        """Remove the file of an upload."""
        self.path(upload_id).unlink(missing_ok=True)
