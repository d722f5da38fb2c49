"""Finds files of open data, and describes them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from geodata.crs import VN2000_ZONES
from geodata.db import Database
from geodata.exporting.datapackage import FILE as DATAPACKAGE
from geodata.exporting.datapackage import SHAPEFILE, Written
from geodata.exporting.formats import BY_SUFFIX, formats_of
from geodata.exporting.shapefile import zone_of
from geodata.exporting.snapshot import VIETNAM, Area
from geodata.features import read_versions
from geodata.register import Label, Register
from service.api.forms import own_links
from service.archives import SUFFIX as PMTILES
from service.archives import ArchiveFolder, digest_of
from service.bulk_building import README, is_due, make_area, make_in_zone, part_of, read_wanted, zone_folder
from service.bulk_files import LATEST, SUMS, Dated, FileFolder, is_area, list_files
from service.catalogue import NEVER
from service.file_errors import DownloadNotFoundError, DownloadNotReadyError
from service.problems import ExportBusyError
from service.settings import ServiceSettings

ON_DEMAND_ROWS = 50_000
"""Records of an area up to which its files, or a shapefile in another zone, are made when first asked for."""

WAIT_S = 20.0
_turn = threading.Lock()
"""One area is made at a time in each process."""


@dataclass(frozen=True)
class FileDesk:
    """Finds files, and describes them."""

    settings: ServiceSettings
    database: Database
    base: str

    @property
    def folder(self) -> FileFolder:
        """Where the files lie."""
        return FileFolder(self.settings.files_dir)

    def get(self, register: Register, version: str) -> Dated:
        """Return a version that may be shown."""
        policy = self.settings.effective_policy
        found = self.folder.latest(register.id, policy) if version == LATEST else self.folder.find(register.id, version)
        if found is not None and found.policy == policy:
            return found
        if version == LATEST and self._is_published(register) and self.settings.files_every_minutes:
            raise DownloadNotReadyError
        raise DownloadNotFoundError

    def _is_published(self, register: Register) -> bool:
        with self.database.read() as connection:
            return read_versions(connection).get(register.id, NEVER).revision > 0

    def part(self, dated: Dated, area: str) -> Area:
        """Return an area of a version.

        Raises
        ------
        DownloadNotFoundError
        """
        found = dated.area(area) if is_area(area) else None
        if found is None:
            raise DownloadNotFoundError
        return found

    def file(self, dated: Dated, area: Area, name: str) -> tuple[Path, str]:
        """Return where a file lies, and its digest; a small area is made now if it is not there."""
        folder = self.folder.path(dated.register, dated.name) / area.id
        zone = _zone_of(name, dated)
        if list_files(folder) is None and zone is None:
            self._make(dated, area, folder)
        _note_asked(folder)
        found = next((one for one in list_files(folder) or [] if one.name == name), None)
        if found is not None:
            return folder / name, found.sha256
        if name == SUMS:
            return folder / name, digest_of(folder / name)
        if zone is None or area.count > ON_DEMAND_ROWS:
            raise DownloadNotFoundError
        return self._in_zone(dated, area, zone, name)

    def _make(self, dated: Dated, area: Area, folder: Path) -> None:
        with _one_at_a_time():
            if list_files(folder) is None:
                make_area(self.folder, dated, area, self.settings.files_communes_mb)

    def _in_zone(self, dated: Dated, area: Area, zone: int, name: str) -> tuple[Path, str]:
        """Return a shapefile in a zone of choice, made when it is first asked for."""
        path = zone_folder(self.folder, dated, area, zone) / name
        with _one_at_a_time():
            if not path.exists():
                make_in_zone(self.folder, dated, area, zone, self.settings.files_communes_mb)
        _note_asked(path.parent)
        return path, digest_of(path)

    def register(self, register: Register) -> dict[str, Any]:
        """Describe the files of a register."""
        latest = self.folder.latest(register.id, self.settings.effective_policy)
        interval = timedelta(minutes=self.settings.files_every_minutes)
        with self.database.read() as connection:
            wanted = read_wanted(connection, register, self.settings)
        is_old = is_due(wanted, latest, timedelta())
        due = None
        if is_old and interval:
            due = "soon" if latest is None else (latest.made_at + interval).isoformat(timespec="seconds")
        return {
            "id": register.id,
            "title": _both(register.title),
            "description": _both(register.description),
            "href": f"{self.base}/downloads/{register.id}",
            "latest": None if latest is None else _version(latest),
            "revision": 0 if wanted is None else wanted.revision,
            "next": due,
            "license": self.settings.licence or None,
            "attribution": self.settings.attribution,
        }

    def areas(self, register: Register, province: str | None) -> list[dict[str, Any]]:
        """Describe the areas of a register: the whole and provinces, or the communes of a province."""
        latest = self.folder.latest(register.id, self.settings.effective_policy)
        found = [] if latest is None else latest.areas
        listed = [
            area
            for area in found
            if (area.province == province if area.id.startswith("commune-") else province is None)
        ]
        return [self._named(register, area) for area in listed]

    def _named(self, register: Register, area: Area) -> dict[str, Any]:
        href = f"{self.base}/downloads/{register.id}/{area.id}"
        return {"id": area.id, "name": area.name, "count": area.count, "bbox": area.box, "href": href}

    def area(self, register: Register, area_id: str) -> dict[str, Any]:
        """Describe the files of an area."""
        dated = self.get(register, LATEST)
        area = self.part(dated, area_id)
        at = f"{self.base}/downloads/{register.id}/{area.id}"
        policy = self.settings.effective_policy
        kept = [one for one in self.folder.all(register.id) if one.policy == policy and one.area(area_id) is not None]
        is_province = area.id.startswith("province-")
        return {
            **self.register(register),
            "area": self._named(register, area),
            "files": self._files(dated, area, f"{at}/{LATEST}"),
            "described": [f"{at}/{LATEST}/{name}" for name in (DATAPACKAGE, SUMS, README)],
            "versions": [{**_version(one), "href": f"{at}/{one.name}/{DATAPACKAGE}"} for one in kept],
            "areas": self.areas(register, area.province) if is_province else [],
            "archives": self._archives(area),
            "links": own_links(at),
        }

    def _files(self, dated: Dated, area: Area, at: str) -> list[dict[str, Any]]:
        root = self.folder.path(dated.register, dated.name)
        known = {file.suffix: file for file in list_files(root / area.id) or []}
        forms = sorted(formats_of(area.count, has_tiles=dated.has_tiles), key=lambda one: _ORDER.index(one.suffix))
        nearest = zone_of(part_of(root, dated, area))
        listed = [(one.suffix, nearest if one.suffix == SHAPEFILE else None) for one in forms]
        zones = [suffix for suffix in known if suffix.endswith(f".{SHAPEFILE}")]
        listed += [(suffix, int(suffix.partition(".")[0])) for suffix in zones]
        return [_described(suffix, zone, dated, known.get(suffix), at) for suffix, zone in listed]

    def _archives(self, area: Area) -> list[dict[str, Any]]:
        """Return the latest archive of tiles of the same area: of all layers together."""
        province = area.id.removeprefix("province-") if area.id.startswith("province-") else None
        if province is None and area.id != VIETNAM:
            return []
        policy = self.settings.effective_policy
        found = [one for one in ArchiveFolder(self.settings.archive_dir).all() if one.policy == policy]
        return [
            {"name": one.name, "href": f"{self.base}/archives/{one.name}{PMTILES}", "size": one.size_bytes, "sha256": one.sha256}
            for one in [one for one in found if one.province == province][:1]
        ]  # fmt: skip


_ORDER = ("csv", "xlsx", "gpkg", "shp.zip", "geojsons", "fgb", "parquet", "csv.gz", "pmtiles")
"""As people look for them."""


def _zone_of(name: str, dated: Dated) -> int | None:
    """Return the zone of VN-2000 that the name of a shapefile asks for, None where it asks for none."""
    zone, _, rest = name.removeprefix(f"{dated.register}.").partition(".")
    is_zone = rest == SHAPEFILE and zone in map(str, VN2000_ZONES) and name.startswith(f"{dated.register}.")
    return int(zone) if is_zone else None


def _note_asked(folder: Path) -> None:
    """Note that a folder made on demand is of use: what nobody asks for makes room."""
    if folder.name.startswith(("commune-", "zone-")) and folder.exists():
        folder.touch()


def _both(title: Label) -> dict[str, str]:
    return {"vi": title.vi, "en": title.en}


def _version(dated: Dated) -> dict[str, Any]:
    return {
        "version": dated.name,
        "revision": dated.revision,
        "published": dated.changed_at,
        "created": dated.made_at.isoformat(timespec="seconds"),
    }


def _described(suffix: str, zone: int | None, dated: Dated, file: Written | None, at: str) -> dict[str, Any]:
    form, name = BY_SUFFIX[SHAPEFILE if zone else suffix], f"{dated.register}.{suffix}"
    described = {
        "name": name,
        "format": suffix,
        "title": _both(form.title),
        "type": form.media_type,
        "href": f"{at}/{name}",
        "size": None if file is None else file.size_bytes,
        "sha256": None if file is None else file.sha256,
    }
    return {**described, "crs": f"EPSG:{zone}"} if zone else described


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    if not _turn.acquire(timeout=WAIT_S):
        raise ExportBusyError
    try:
        yield
    finally:
        _turn.release()
