"""The folder of open data files: dated states of registers, each with its areas, whole or not there at all."""

import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import orjson

from geodata.errors import GeodataError
from geodata.exporting.datapackage import Written
from geodata.exporting.snapshot import Area
from geodata.past import VIETNAM

LATEST = "latest"
SUMS = "SHA256SUMS"
_RECORD, _FILES = "record.json", "files.json"
_NAME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}-r[0-9]{1,12}-[0-9a-f]{6}")
_AREA = re.compile(r"vietnam|province-[0-9]{2}|commune-[0-9]{5}")
_PART = "part-"
_LEFT_S = 3600


class FilesBusyError(GeodataError):
    """Another process makes files in the same folder."""

    code = "FILES_BUSY"
    vi_template = "Một tiến trình khác đang tạo tệp trong thư mục này."
    en_template = "Another process is making files in this folder."


@dataclass(frozen=True, slots=True)
class Dated:
    """One state of a register as files.

    Attributes
    ----------
    register : str
    name : str
        Its version in addresses: day, revision, and what tells it from another state of that day and number.
    day : date
        Of the snapshot, in Vietnam.
    state : str
        Of everything that the files depend on.
    policy : str
        The publication policy that they were made under.
    mark : str
        Of the database (`geodata.mark`).
    changed_at : str
        When the revision was published, ISO 8601.
    about : dict of str to str
        What the files say of themselves.
    areas : tuple of Area
    since : date or None
        From which day on the register tells how things are (`geodata.features.read_beginning`).
    has_tiles : bool
        Whether maps show anything of it.
    """

    register: str
    name: str
    day: date
    revision: int
    state: str
    policy: str
    mark: str
    changed_at: str
    made_at: datetime
    about: dict[str, str]
    areas: tuple[Area, ...]
    since: date | None = None
    has_tiles: bool = False

    @property
    def period(self) -> tuple[str, str] | None:
        """The first and the last day of which it tells, in Vietnam, as far as is known."""
        if self.since is None:
            return None
        last = datetime.fromisoformat(self.changed_at).astimezone(VIETNAM).date()
        return min(self.since, last).isoformat(), last.isoformat()

    def area(self, area: str) -> Area | None:
        """Return one of its areas, None where there is none of this id."""
        return next((one for one in self.areas if one.id == area), None)

    def record(self) -> bytes:
        """Write what is kept beside the files."""
        return orjson.dumps({**asdict(self), "areas": [area.as_dict() for area in self.areas]})

    @classmethod
    def from_record(cls, content: bytes) -> Self:
        """Read what is kept beside the files."""
        held: dict[str, Any] = orjson.loads(content)
        areas = tuple(Area.from_dict(area) for area in held["areas"])
        day, made_at = date.fromisoformat(held["day"]), datetime.fromisoformat(held["made_at"])
        since = held.get("since") and date.fromisoformat(held["since"])
        return cls(**{**held, "day": day, "made_at": made_at, "areas": areas, "since": since})


class FileFolder:
    """Files by register, version and area.

    Parameters
    ----------
    folder : Path
        Read by every process that serves files; written by those that make them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, register: str, name: str) -> Path:
        """Return where a version lies, or would."""
        return self.folder / register / name

    def find(self, register: str, name: str) -> Dated | None:
        """Return a version, None where there is none."""
        if not _NAME.fullmatch(name):
            return None
        path = self.path(register, name) / _RECORD
        try:
            return _read_record(path, path.stat().st_mtime_ns)
        except FileNotFoundError:
            return None

    def all(self, register: str) -> list[Dated]:
        """Return the versions of a register, the latest first."""
        return list(self._by_age(register))

    def _by_age(self, register: str) -> Iterator[Dated]:
        """Yield versions as they are read, the latest first: of a whole country a record is large."""
        records = {path: _age_ns(path) for path in (self.folder / register).glob(f"*-r*/{_RECORD}")}
        for path in sorted(records, key=lambda path: records[path]):
            dated = self.find(register, path.parent.name)
            if dated is not None:
                yield dated

    def latest(self, register: str, policy: str) -> Dated | None:
        """Return the latest version that may be shown under a publication policy."""
        return next((dated for dated in self._by_age(register) if dated.policy == policy), None)

    def remove(self, dated: Dated) -> None:
        """Remove a version: at once for readers, then from the disk."""
        path = self.path(dated.register, dated.name)
        gone = path.with_name(f"{_PART}{uuid4().hex}")
        path.rename(gone)
        shutil.rmtree(gone)

    @contextmanager
    def draft(self, register: str) -> Iterator[Path]:
        """Give a folder to make a version in; what is left in it is thrown away."""
        part = self.folder / register / f"{_PART}{uuid4().hex}"
        part.mkdir(parents=True)
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def add(self, draft: Path, dated: Dated) -> None:
        """Give a finished version its name."""
        (draft / _RECORD).write_bytes(dated.record())
        for folder, _, names in os.walk(draft):
            for name in names:
                _sync(Path(folder, name))
        draft.rename(self.path(dated.register, dated.name))
        _sync(self.folder / dated.register)

    def remove_drafts(self) -> None:
        """Remove what a process left that was killed; the caller is the only one who makes versions."""
        for path in self.folder.glob(f"*/{_PART}*"):
            shutil.rmtree(path, ignore_errors=True)
        for path in self.folder.glob(f"*/*/{_PART}*"):
            if time.time() - path.stat().st_mtime > _LEFT_S:
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def sole_maker(folder: FileFolder, *, waits: bool = False) -> Iterator[None]:
    """Be the only process that makes versions in a folder; what others left half-way is removed.

    Parameters
    ----------
    waits : bool
        Until another one is done.

    Raises
    ------
    FilesBusyError
        When there is another one, and it is not waited for.
    """
    folder.folder.mkdir(parents=True, exist_ok=True)
    with (folder.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FilesBusyError from None
        folder.remove_drafts()
        yield


@lru_cache(maxsize=16)
def _read_record(path: Path, _written_ns: int) -> Dated:
    return Dated.from_record(path.read_bytes())


def _age_ns(path: Path) -> int:
    try:
        return -path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def list_files(folder: Path) -> list[Written] | None:
    """Return the files of an area, None where they are not made."""
    try:
        return [Written(**held) for held in orjson.loads((folder / _FILES).read_bytes())]
    except FileNotFoundError:
        return None


def note_files(folder: Path, files: Iterable[Written]) -> None:
    """Write which files an area has, and their digests as ``sha256sum -c`` reads them."""
    listed = list(files)
    (folder / _FILES).write_bytes(orjson.dumps([asdict(file) for file in listed]))
    (folder / SUMS).write_text("".join(f"{file.sha256}  {file.name}\n" for file in listed), encoding="utf-8")


def is_area(area: str) -> bool:
    """Whether a text is the id of an area."""
    return _AREA.fullmatch(area) is not None


def outdated(versions: list[Dated], today: date, days: int, months: int) -> list[Dated]:
    """Return the versions that are not kept: neither of the last days nor the first of a month of the last months.

    Parameters
    ----------
    versions : list of Dated
        Of one register, the latest first; that one stays in any case.
    """
    firsts: dict[tuple[int, int], Dated] = {}
    for dated in versions:
        firsts[dated.day.year, dated.day.month] = dated
    since = today - timedelta(days=days)
    first_month = today.year * 12 + today.month - months
    kept = {dated.name for (year, month), dated in firsts.items() if year * 12 + month > first_month}
    return [dated for dated in versions[1:] if dated.day <= since and dated.name not in kept]


def size_of(folder: Path) -> int:
    """Return how many bytes a folder takes; a file under two names counts once."""
    found = {}
    for name, _, files in os.walk(folder):
        for file in files:
            state = os.stat(Path(name, file))
            found[state.st_ino] = state.st_size
    return sum(found.values())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
