"""The folder of published archives of tiles, and what is known of each."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from tiles.pmtiles import sync_folder, write_whole

SUFFIX = ".pmtiles"
_NAME = re.compile(r"(?:vietnam|province-[0-9]{2})\.[0-9a-z-]{1,200}")


def area_name(province: str | None) -> str:
    """Return the first part of the names of archives: of a province, or of the whole country."""
    return "vietnam" if province is None else f"province-{province}"


@dataclass(frozen=True, slots=True)
class Archive:
    """What is known of an archive beside its tiles.

    Attributes
    ----------
    name : str
        Area and version: another state of the data is another name.
    province : str or None
        Its code; None for the whole country.
    version : str
        As in the TileJSON of the same layers.
    policy : str
        The publication policy that it was packed under.
    tile_count : int
    sha256 : str
        Of the file, hexadecimal.
    created_at : datetime
        UTC.
    """

    name: str
    province: str | None
    version: str
    policy: str
    layers: tuple[str, ...]
    tile_count: int
    size_bytes: int
    sha256: str
    created_at: datetime

    @property
    def etag(self) -> str:
        """The strong ETag of the file."""
        return f'"{self.sha256[:32]}"'

    def record(self) -> bytes:
        """Write what is kept beside the file."""
        return json.dumps({**asdict(self), "created_at": self.created_at.isoformat()}, ensure_ascii=False).encode()

    @classmethod
    def from_record(cls, content: bytes) -> Self:
        """Read what is kept beside the file."""
        held: dict[str, Any] = json.loads(content)
        created_at = datetime.fromisoformat(held["created_at"])
        return cls(**{**held, "layers": tuple(held["layers"]), "created_at": created_at})


class ArchiveFolder:
    """Archives in a folder, each with its record beside it; one without its record is not there.

    Parameters
    ----------
    folder : Path
        Read by every process that serves archives.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Return where an archive lies, or would."""
        return self.folder / f"{name}{SUFFIX}"

    def _record(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def work_folder(self, area: str) -> Path:
        """Return where the archives of an area are packed: on the disk where they will lie."""
        return self.folder / f"{area}.part"

    def find(self, name: str) -> Archive | None:
        """Return an archive by its name, None where there is none."""
        if not _NAME.fullmatch(name) or not self.path(name).is_file():
            return None
        try:
            return Archive.from_record(self._record(name).read_bytes())
        except FileNotFoundError:
            return None

    def all(self) -> list[Archive]:
        """Return all archives, the latest first."""
        names = (path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"*{SUFFIX}"))
        found = [archive for name in names if (archive := self.find(name)) is not None]
        return sorted(found, key=lambda archive: archive.created_at, reverse=True)

    def add(self, draft: Path, archive: Archive) -> None:
        """Give a finished file its name; its record is there before it."""
        write_whole(self._record(archive.name), archive.record())
        draft.rename(self.path(archive.name))
        sync_folder(self.folder)

    def remove(self, archive: Archive) -> None:
        """Remove an archive."""
        self.path(archive.name).unlink(missing_ok=True)
        self._record(archive.name).unlink(missing_ok=True)

    def keep_latest(self, area: str, count: int) -> list[Archive]:
        """Remove the archives of an area but the latest ones; returns those that are gone."""
        gone = [archive for archive in self.all() if area_name(archive.province) == area][count:]
        for archive in gone:
            self.remove(archive)
        return gone


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
