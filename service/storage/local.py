"""Uploads in a directory: a folder each, whole or not there."""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from service.problems import StoredFileError
from service.storage.parts import RECORD, FetchedUpload, GivenFiles, StoredUpload, write_parts

_NAME = re.compile(r"([0-9a-f]{32})(?:\.part)?")
_BLOCK = 1 << 20


class LocalStorage:
    """Keeps raw uploads in a directory.

    Parameters
    ----------
    directory : Path
        Made when missing, readable by the service's user only. Workers on other machines need it mounted.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def name(self) -> str:
        """Say where the files are; see `Storage`."""
        return str(self.directory.absolute())

    def _folder(self, upload_id: UUID) -> Path:
        return self.directory / upload_id.hex

    def _draft(self, upload_id: UUID) -> Path:
        return self.directory / f"{upload_id.hex}.part"

    def write(self, upload_id: UUID, files: GivenFiles, max_bytes: int) -> StoredUpload:
        """Keep the files so that they survive a power cut once this returns; see `Storage.write`."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._draft(upload_id)
        draft.mkdir(mode=0o700)
        try:
            stored = write_parts(draft, files, max_bytes, _write)
            _write(draft / RECORD, [stored.record()])
            _sync(draft)
            draft.rename(self._folder(upload_id))
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        _sync(self.directory)
        return stored

    def fetch(self, upload_id: UUID, folder: Path) -> FetchedUpload:  # noqa: ARG002  the files are on this machine
        """Return where the files are; see `Storage.fetch`."""
        own = self._folder(upload_id)
        try:
            stored = StoredUpload.from_record((own / RECORD).read_bytes())
            for part in stored.parts:
                with (own / part.stored_name).open("rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != part.sha256:
                        raise StoredFileError
        except FileNotFoundError as error:
            raise StoredFileError from error
        return FetchedUpload(own, stored)

    def read(self, upload_id: UUID, stored_name: str) -> Iterator[bytes]:
        """Return the content of one file; see `Storage.read`."""
        try:
            file = (self._folder(upload_id) / stored_name).open("rb")
        except FileNotFoundError as error:
            raise StoredFileError from error
        return _blocks(file)

    def remove(self, upload_id: UUID) -> None:
        """Remove whatever there is of an upload."""
        for folder in (self._folder(upload_id), self._draft(upload_id)):
            if folder.exists():
                shutil.rmtree(folder)

    def find_older(self, seconds: float) -> set[UUID]:
        """Return the uploads written longer ago than this; see `Storage.find_older`."""
        before = time.time() - seconds
        found = self.directory.iterdir() if self.directory.exists() else ()
        return {
            UUID(hex=named[1])
            for folder in found
            if (named := _NAME.fullmatch(folder.name)) and folder.stat().st_mtime < before
        }


def _write(path: Path, blocks: Iterable[bytes]) -> int:
    """Write a file through to the disk; returns its size."""
    with path.open("xb") as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
