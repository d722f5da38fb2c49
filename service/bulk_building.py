"""Making the files of open data: one snapshot of a register, and all areas and formats from it."""

import asyncio
import hashlib
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import orjson
import pyarrow as pa
from sqlalchemy import Connection, text

from geodata.db import Database
from geodata.exporting.datapackage import FILE as DATAPACKAGE
from geodata.exporting.datapackage import Written, datapackage
from geodata.exporting.formats import BY_SUFFIX, PMTILES, file_name, formats_of
from geodata.exporting.open_columns import OpenColumns
from geodata.exporting.readme import readme_of
from geodata.exporting.shapefile import write_shapefile
from geodata.exporting.snapshot import VIETNAM, Area, Part, take_snapshot
from geodata.features import read_beginning, read_day, read_versions
from geodata.register import Register
from geodata.registers import get_register
from service import VERSION
from service.archives import digest_of
from service.bulk_files import Dated, FileFolder, note_files, outdated, size_of, sole_maker
from service.bulk_tiles import cut_tiles, pack_register
from service.catalogue import NEVER, Catalogue
from service.settings import ServiceSettings
from service.tile_access import archive_settings
from tiles.release import open_release

README = "README.txt"
_FORM = 2
"""Raised when files of the same state are written otherwise."""

_SNAPSHOT = "parquet"
_PROCESSES, _MANY_ROWS = 2, 20_000
_MIB = 1 << 20
_ON_DEMAND = ("commune-*", "zone-*")

Tell = Callable[[str, Written, float], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the files of a register would be made of now."""

    register: Register
    revision: int
    published_at: datetime
    policy: str
    mark: str
    day: date
    state: str

    @property
    def name(self) -> str:
        """The version's name."""
        return f"{self.day.isoformat()}-r{self.revision}-{self.state[:6]}"


def read_wanted(connection: Connection, register: Register, settings: ServiceSettings) -> Wanted | None:
    """Return what the files of a register would be made of; None before its first revision."""
    version = read_versions(connection).get(register.id, NEVER)
    if version.published_at is None:
        return None
    catalogue = Catalogue()
    policy, mark = catalogue.policy(connection), catalogue.mark(connection)
    day = read_day(connection)
    parts = [
        _FORM, VERSION, register.id, version.revision, policy, mark, day if register.changes_by_day else "",
        settings.licence, settings.attribution,
    ]  # fmt: skip
    state = hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()
    return Wanted(register, version.revision, version.published_at, policy, mark, day, state)


def is_due(wanted: Wanted | None, latest: Dated | None, interval: timedelta) -> bool:
    """Whether files are to be made: there are none of this state, and the last are old enough or may not be shown."""
    if wanted is None or (latest is not None and latest.state == wanted.state):
        return False
    is_same_ground = latest is not None and (latest.policy, latest.mark) == (wanted.policy, wanted.mark)
    return latest is None or not is_same_ground or datetime.now(UTC) - latest.made_at >= interval


def build(
    settings: ServiceSettings, database: Database, register: Register, tell: Tell, *, only_due: bool
) -> Dated | None:
    """Make the files of a register's present state, if they are not there.

    Parameters
    ----------
    tell : callable
        Told of each file: the area, the file, and the seconds it took.
    only_due : bool
        Leave a register whose files are younger than the least interval.

    Returns
    -------
    Dated or None
        None where there was nothing to make.

    Raises
    ------
    FilesBusyError
    """
    folder = FileFolder(settings.files_dir)
    interval = timedelta(minutes=settings.files_every_minutes if only_due else 0)
    with sole_maker(folder), folder.draft(register.id) as draft:
        dated = asyncio.run(_read_state(settings, database, register, draft, interval))
        if dated is None:
            return None
        _write_areas(draft, dated, settings.zones, tell)
        folder.add(draft, dated)
    return dated


async def _read_state(
    settings: ServiceSettings, database: Database, register: Register, draft: Path, interval: timedelta
) -> Dated | None:
    """Write the snapshot of a register and its map tiles, both of one state; None where nothing is due."""
    folder = FileFolder(settings.files_dir)
    async with open_release(archive_settings(settings), (register.id,), _PROCESSES) as release:
        with database.worker() as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            # No parameter can stand here; the name is the database's own.
            connection.execute(text(f"SET TRANSACTION SNAPSHOT '{release.snapshot}'"))
            wanted = read_wanted(connection, register, settings)
            if wanted is None or not is_due(wanted, folder.latest(register.id, wanted.policy), interval):
                return None
            (draft / VIETNAM).mkdir()
            about = _about(register, wanted.revision, settings)
            since = read_beginning(connection, register)
            snapshot = draft / VIETNAM / _name(register, _SNAPSHOT)
            areas = take_snapshot(connection, register, snapshot, {"bandoso": orjson.dumps(about).decode()})
        pa.default_memory_pool().release_unused()
        has_tiles = await pack_register(release, register, settings, draft / VIETNAM / _name(register, PMTILES))
    changed_at = wanted.published_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return Dated(
        register.id, wanted.name, wanted.day, wanted.revision, wanted.state, wanted.policy, wanted.mark, changed_at,
        datetime.now(UTC), about, tuple(areas or [Area(VIETNAM, None, None, (), None)]), since, has_tiles,
    )  # fmt: skip


def _about(register: Register, revision: int, settings: ServiceSettings) -> dict[str, str]:
    return {
        "title": register.title.vi, "description": register.description.vi, "licence": settings.licence,
        "attribution": settings.attribution, "revision": str(revision),
    }  # fmt: skip


def _name(register: Register, suffix: str) -> str:
    return file_name(register.id, BY_SUFFIX[suffix])


def part_of(root: Path, dated: Dated, area: Area) -> Part:
    """Return the rows of an area of a version that lies in a folder."""
    register = get_register(dated.register)
    snapshot = root / VIETNAM / _name(register, _SNAPSHOT)
    return Part(OpenColumns(register), snapshot, area, dated.about, dated.changed_at)


def _write_areas(root: Path, dated: Dated, zones: tuple[int, ...], tell: Tell) -> None:
    """Write the files of the whole and of the provinces, two at a time where they are large."""
    whole, *others = [area for area in dated.areas if not area.id.startswith("commune-")]
    # Where all of it lies in one province, that has the same files.
    same = [area for area in others if area.runs == whole.runs and whole.province]
    written = [whole, *(area for area in others if area not in same)]
    with _writers(whole.count) as pool:
        asked = {area.id: _ask(pool, root, dated, area, zones) for area in written}
        files = {area.id: [_told(area, done, tell) for done in asked[area.id]] for area in written}
    for area in written:
        _finish(part_of(root, dated, area), root / area.id, files[area.id])
    for area in same:
        (root / area.id).mkdir()
        for file in files[whole.id]:
            _share(root / whole.id / file.name, root / area.id / file.name)
        _finish(part_of(root, dated, area), root / area.id, files[whole.id])


def _share(file: Path, other: Path) -> None:
    """Give a file a second name, or a copy where the disk knows no second names."""
    try:
        os.link(file, other)
    except OSError:
        shutil.copyfile(file, other)


def _writers(count: int) -> Executor:
    """Return who writes: processes of their own take longer to start than a small register to write."""
    if count < _MANY_ROWS:
        return ThreadPoolExecutor(1)
    return ProcessPoolExecutor(_PROCESSES, multiprocessing.get_context("spawn"))


def _ask(
    pool: Executor, root: Path, dated: Dated, area: Area, zones: tuple[int, ...]
) -> list["Future[tuple[Written, float]]"]:
    (root / area.id).mkdir(exist_ok=True)
    suffixes = [one.suffix for one in formats_of(area.count, has_tiles=dated.has_tiles)]
    extra = [f"{zone}.shp.zip" for zone in zones]
    return [pool.submit(write_file, root, dated, area, suffix) for suffix in [*suffixes, *extra]]


def _told(area: Area, done: "Future[tuple[Written, float]]", tell: Tell) -> Written:
    file, seconds = done.result()
    tell(area.id, file, seconds)
    return file


def write_file(root: Path, dated: Dated, area: Area, suffix: str) -> tuple[Written, float]:
    """Write one file of an area; returns what it is, and the seconds it took."""
    started = time.monotonic()
    part = part_of(root, dated, area)
    path = root / area.id / f"{dated.register}.{suffix}"
    # The whole's GeoParquet is the snapshot, and its map tiles were packed with that.
    if not path.exists():
        write_in_format(part, suffix, path)
        # What one format took is no use to the next.
        pa.default_memory_pool().release_unused()
    return Written(path.name, suffix, path.stat().st_size, digest_of(path)), time.monotonic() - started


def write_in_format(part: Part, suffix: str, path: Path) -> None:
    """Write a part; ``9211.shp.zip`` is a shapefile in the zone of that code."""
    zone, _, rest = suffix.partition(".")
    if zone.isdigit() and rest == "shp.zip":
        write_shapefile(part, path, readme_of(part), int(zone))
    elif suffix == PMTILES:
        cut_tiles(part.snapshot.with_name(path.name), path, _title(part), part.area.box)
    else:
        write = BY_SUFFIX[suffix].write
        assert write is not None
        write(part, path)


def _title(part: Part) -> str:
    return f"{part.about['title']}, {part.area.name}" if part.area.name else part.about["title"]


def _finish(part: Part, folder: Path, files: list[Written]) -> None:
    """Write what describes the files; last the list of them, with which the area is there."""
    others = {
        DATAPACKAGE: orjson.dumps(datapackage(part, files), option=orjson.OPT_INDENT_2),
        README: readme_of(part).encode(),
    }
    for name, content in others.items():
        (folder / name).write_bytes(content)
    described = [
        Written(name, Path(name).suffix[1:], len(content), hashlib.sha256(content).hexdigest())
        for name, content in others.items()
    ]
    note_files(folder, [*files, *described])


def make_area(folder: FileFolder, dated: Dated, area: Area, most_mb: int) -> None:
    """Make all files of a small area that has none yet, from its version's snapshot.

    Parameters
    ----------
    most_mb : int
        What is made on demand may take together; what nobody asked for longest goes first.
    """
    root = folder.path(dated.register, dated.name)

    def fill(draft: Path) -> None:
        files = []
        for one in formats_of(area.count, has_tiles=dated.has_tiles):
            path = draft / file_name(dated.register, one)
            write_in_format(part_of(root, dated, area), one.suffix, path)
            files.append(Written(path.name, one.suffix, path.stat().st_size, digest_of(path)))
        _finish(part_of(root, dated, area), draft, files)

    _make_folder(folder, root / area.id, fill, most_mb)


def zone_folder(folder: FileFolder, dated: Dated, area: Area, zone: int) -> Path:
    """Return where the shapefile of an area in a zone of choice lies, or would."""
    return folder.path(dated.register, dated.name) / f"zone-{zone}-{area.id}"


def make_in_zone(folder: FileFolder, dated: Dated, area: Area, zone: int, most_mb: int) -> None:
    """Make the shapefile of a small area in a zone of VN-2000, by its EPSG code."""
    root = folder.path(dated.register, dated.name)
    suffix = f"{zone}.shp.zip"

    def fill(draft: Path) -> None:
        write_in_format(part_of(root, dated, area), suffix, draft / f"{dated.register}.{suffix}")

    _make_folder(folder, zone_folder(folder, dated, area, zone), fill, most_mb)


def _make_folder(folder: FileFolder, target: Path, fill: Callable[[Path], None], most_mb: int) -> None:
    """Make a folder that is there whole or not at all; another process may be making the same."""
    draft = target.with_name(f"part-{uuid4().hex}")
    draft.mkdir()
    try:
        fill(draft)
        with suppress(OSError):
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _make_room(folder, target, most_mb * _MIB)


def _make_room(folder: FileFolder, kept: Path, most_bytes: int) -> None:
    """Remove what was made on demand, what was asked for longest ago first, until the rest takes no more than it may."""
    made = [path for pattern in _ON_DEMAND for path in folder.folder.glob(f"*/*/{pattern}")]
    total = 0
    for path in sorted(made, key=_asked_at, reverse=True):
        total += size_of(path)
        if total > most_bytes and path != kept:
            gone = path.with_name(f"part-{uuid4().hex}")
            with suppress(OSError):
                path.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)


def _asked_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def remove_outdated(settings: ServiceSettings, register: str, today: date, policy: str) -> list[Dated]:
    """Remove the versions that are kept no longer, and those of another publication policy; returns them."""
    folder = FileFolder(settings.files_dir)
    versions = folder.all(register)
    hidden = [dated for dated in versions if dated.policy != policy]
    shown = [dated for dated in versions if dated.policy == policy]
    gone = [*hidden, *outdated(shown, today, settings.files_days, settings.files_months)]
    for dated in gone:
        folder.remove(dated)
    return gone
