"""What a storage keeps of an upload: its files under names of ours, and the record that says which is which."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, Self
from uuid import UUID

from service.problems import TooLargeError

RECORD = "upload.json"
"""Written last: without it the upload is not there, whatever of its files is."""

_BLOCK = 1 << 20
_PARTS = ((".shp", ".dbf", ".shx", ".prj", ".cpg"), (".tab", ".dat", ".map", ".id"), (".mif", ".mid"))
"""Suffixes of files that make one layer; people know it by the first."""
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One file of an upload.

    Attributes
    ----------
    stored_name : str
        Made by us: ``m000.shp``.
    given_name : str
        As the officer's machine called it; never part of a path.
    sha256 : str
        Of the content, hexadecimal.
    """

    stored_name: str
    given_name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """The files that were sent together, in the order they were sent."""

    parts: tuple[StoredPart, ...]

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(part.size_bytes for part in self.parts)

    @property
    def sha256(self) -> str:
        """Of a single file; of several the digest of their names and digests, in whichever order they were sent."""
        if len(self.parts) == 1:
            return self.parts[0].sha256
        listed = sorted((part.given_name, part.sha256) for part in self.parts)
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()

    @property
    def main_name(self) -> str:
        """Given name of the file; of several that by which people know the whole."""
        names = [part.given_name for part in self.parts]
        return next((name for suffix, *_ in _PARTS for name in names if name.lower().endswith(suffix)), names[0])

    @property
    def names(self) -> dict[str, str]:
        """Given name by stored name."""
        return {part.stored_name: part.given_name for part in self.parts}

    def record(self) -> bytes:
        """Write the record that is kept beside the files."""
        return json.dumps({"parts": [asdict(part) for part in self.parts]}, ensure_ascii=False).encode()

    @classmethod
    def from_record(cls, content: bytes) -> Self:
        """Read the record."""
        return cls(tuple(StoredPart(**part) for part in json.loads(content)["parts"]))


@dataclass(frozen=True, slots=True)
class FetchedUpload:
    """An upload whose files lie in a folder that the reader can be given; they are not to be changed there."""

    folder: Path
    stored: StoredUpload

    @property
    def path(self) -> Path:
        """The file where there is one, the folder where there are several."""
        return self.folder / self.stored.parts[0].stored_name if len(self.stored.parts) == 1 else self.folder

    @property
    def names(self) -> dict[str, str] | None:
        """Given names by stored ones where several files were sent together."""
        return self.stored.names if len(self.stored.parts) > 1 else None


GivenFiles = Sequence[tuple[str, BinaryIO]]
"""Given name and content of each file; the content can be read from its beginning again."""


class Storage(Protocol):
    """Keeps raw uploads.

    Every method raises `StorageAwayError` while the storage cannot be reached.
    """

    @property
    def name(self) -> str:
        """Say where it is, without secrets, for logs: processes that work together show the same place."""

    def write(self, upload_id: UUID, files: GivenFiles, max_bytes: int) -> StoredUpload:
        """Keep the files of an upload for good: they are there once this returns, all or none.

        Parameters
        ----------
        max_bytes : int
            For all files together.

        Raises
        ------
        TooLargeError
            Nothing is kept then.
        """

    def fetch(self, upload_id: UUID, folder: Path) -> FetchedUpload:
        """Bring the files of an upload to this machine, and compare them with their digests.

        Parameters
        ----------
        folder : Path
            Of the caller's own; unused where the files are on this machine anyway.

        Raises
        ------
        StoredFileError
        """

    def read(self, upload_id: UUID, stored_name: str) -> Iterator[bytes]:
        """Return the content of one file, block by block.

        Raises
        ------
        StoredFileError
        """

    def remove(self, upload_id: UUID) -> None:
        """Remove whatever there is of an upload."""

    def find_older(self, seconds: float) -> set[UUID]:
        """Return the uploads whose files were written longer ago than this, half-written ones included."""


def stored_name(number: int, given_name: str) -> str:
    """Return our name of a file; its suffix, which the reader looks at, is the one given where it is plain."""
    suffix = Path(given_name).suffix.lower()
    return f"m{number:03}{suffix if _SUFFIX.fullmatch(suffix) else ''}"


def write_parts(
    folder: Path, files: GivenFiles, max_bytes: int, write: Callable[[Path, Iterable[bytes]], int]
) -> StoredUpload:
    """Write files that were sent together into a folder, under names of ours.

    Parameters
    ----------
    max_bytes : int
        For all files together.
    write : callable
        Writes one file and returns its size.

    Raises
    ------
    TooLargeError
    """
    measure = Measure(max_bytes)
    return StoredUpload(tuple(_write_part(folder, at, *file, measure, write) for at, file in enumerate(files)))


def _write_part(
    folder: Path, number: int, given_name: str, source: BinaryIO, measure: "Measure",
    write: Callable[[Path, Iterable[bytes]], int],
) -> StoredPart:  # fmt: skip
    digest, name = hashlib.sha256(), stored_name(number, given_name)
    source.seek(0)
    size = write(folder / name, measure.blocks(source, digest))
    return StoredPart(name, given_name, size, digest.hexdigest())


def find_parts(paths: Sequence[Path]) -> list[Path]:
    """Return files as they are sent together: beside a lone .shp, .tab or .mif those of its name that belong to it."""
    path = paths[0]
    kinds = next((kinds for kinds in _PARTS if path.suffix.lower() == kinds[0]), None)
    if len(paths) > 1 or kinds is None:
        return list(paths)
    beside = (item for item in path.parent.iterdir() if item.stem.casefold() == path.stem.casefold() and item.is_file())
    return sorted(item for item in beside if item.suffix.lower() in kinds)


def keep_for_now(folder: Path, files: GivenFiles, max_bytes: int) -> FetchedUpload:
    """Write files into a new folder where they are read and then forgotten.

    Raises
    ------
    TooLargeError
    """
    folder.mkdir()
    return FetchedUpload(folder, write_parts(folder, files, max_bytes, _write))


def _write(path: Path, blocks: Iterable[bytes]) -> int:
    with path.open("xb") as file:
        file.writelines(blocks)
        return file.tell()


class Measure:
    """Digests what passes through, and refuses more than the files of an upload may have together."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._taken = 0

    def blocks(self, source: BinaryIO, digest: "hashlib._Hash") -> Iterator[bytes]:
        """Pass on one file.

        Raises
        ------
        TooLargeError
        """
        while block := source.read(_BLOCK):
            self._taken += len(block)
            if self._taken > self._max_bytes:
                raise TooLargeError(limit_mb=self._max_bytes >> 20)
            digest.update(block)
            yield block
