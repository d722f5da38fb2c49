"""The files that are sent together, in an archive or loose: their names, and where they are put.

Names are the sender's and only data; files are stored under names made by us.
"""

import re
import stat
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from geodata.importing.context import ReaderLimits
from geodata.importing.results import UnreadableFileError

SHAPEFILE_PARTS = (".shp", ".dbf", ".prj", ".cpg")
MAPINFO_PARTS = (".tab", ".dat", ".map", ".id", ".mif", ".mid")
WANTED = {
    *SHAPEFILE_PARTS, *MAPINFO_PARTS, ".gpkg", ".geojson", ".geojsonl", ".geojsons", ".json", ".ndjson", ".kml", ".gpx",
    ".csv", ".tsv", ".dxf", ".xlsx", ".xls", ".ods",
}  # fmt: skip
GEODATABASE_TABLE = ".gdbtable"
# Indexes are left out: they are not needed to read every row, and only more to parse.
_GEODATABASE_FILE = re.compile(r"a[0-9a-f]{8}\.(gdbtable|gdbtablx)|gdb")
_WORKBOOK_SUFFIXES = (".xml", ".rels")
_WORKBOOKS = ({"xl/workbook.xml"}, {"content.xml", "mimetype"})
_NESTED = {".zip", ".kmz", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".z"}
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_MAX_NAME = 300


class Member(NamedTuple):
    """One file of an archive; ``path`` is where it was unpacked, None for kinds we do not read."""

    folder: str
    stem: str
    suffix: str
    path: Path | None

    @property
    def name(self) -> str:
        """Name as the archive or the sender gave it, with its folder."""
        return f"{self.folder}/{self.stem}{self.suffix}" if self.folder else self.stem + self.suffix


def gather(folder: Path, names: Mapping[str, str], limits: ReaderLimits) -> list[Member]:
    """Treat files that were sent together like the members of an archive.

    Parameters
    ----------
    folder : Path
        Holds the files under names made by us.
    names : mapping of str to str
        Name in the folder to the name the sender gave.

    Raises
    ------
    UnreadableFileError
        ``ZIP_TOO_MANY_ENTRIES``, ``ZIP_PATH``, ``ZIP_SPECIAL``, ``ZIP_DUPLICATE``, ``ZIP_NESTED``.
    """
    if len(names) > limits.max_entries:
        raise too_many(limits)
    for stored, name in names.items():
        check_name(name)
        if Path(stored).name != stored or not stat.S_ISREG((folder / stored).lstat().st_mode):
            raise special_file(name)
    kept = {stored: unicodedata.normalize("NFC", name) for stored, name in names.items() if not is_ignored(name)}
    check_duplicates(list(kept.values()))
    if len(kept) > 1:
        for name in kept.values():
            check_nesting(name)
    return [_member(name, folder / stored) for stored, name in kept.items()]


def _member(name: str, path: Path) -> Member:
    folder, stem, suffix = part_name(name)
    return Member(folder, stem, suffix, path if suffix in {*WANTED, ".zip", ".kmz"} else None)


def part_name(name: str) -> tuple[str, str, str]:
    """Part a name into folder, stem and suffix in small letters."""
    folder, _, base = name.replace("\\", "/").rpartition("/")
    stem, dot, suffix = base.rpartition(".")
    return (folder, stem, (dot + suffix).lower()) if stem else (folder, base, "")


def placing(names: set[str], target: Path) -> Callable[[str, Path, int], Path | None]:
    """Say where members are written, by what the archive is."""
    if any(parts <= names for parts in _WORKBOOKS):
        return _workbook_place
    tables = {part_name(name)[0] for name in names if name.lower().endswith(GEODATABASE_TABLE)}
    if not tables:
        return plain_place
    homes = {folder: target / f"g{at:03d}.gdb" for at, folder in enumerate(sorted(tables))}
    for home in homes.values():
        home.mkdir()

    def place(name: str, target: Path, number: int) -> Path | None:
        folder, stem, suffix = part_name(name)
        base = (stem + suffix).lower() if suffix else stem.lower()
        if folder in homes:
            return homes[folder] / base if _GEODATABASE_FILE.fullmatch(base) else None
        return plain_place(name, target, number)

    return place


def plain_place(name: str, target: Path, number: int) -> Path | None:
    """Place what is read, under names made by us."""
    suffix = part_name(name)[2]
    return target / f"m{number:03d}{suffix}" if suffix in WANTED else None


def _workbook_place(name: str, target: Path, number: int) -> Path | None:
    is_part = name == "mimetype" or name.lower().endswith(_WORKBOOK_SUFFIXES)
    return target / f"m{number:03d}.xml" if is_part else None


def is_workbook(members: Sequence[Member]) -> bool:
    """Say whether the files are the parts of a workbook."""
    names = {member.name for member in members}
    return any(parts <= names for parts in _WORKBOOKS)


def check_name(name: str) -> None:
    """Refuse a name that could lead out of a folder or name a device (``ZIP_PATH``)."""
    parts = name.replace("\\", "/").split("/")
    bad = (
        not name
        or len(name) > _MAX_NAME
        or any(ord(letter) < ord(" ") for letter in name)
        or name[0] in "/\\"
        or re.match(r"[A-Za-z]:", name) is not None
        or ".." in parts
        or any(_RESERVED.fullmatch(part) for part in parts)
    )
    if bad:
        raise UnreadableFileError("ZIP_PATH", name=name[:_MAX_NAME])


def is_ignored(name: str) -> bool:
    """Say whether a file is only an operating system's own note."""
    parts = name.replace("\\", "/").split("/")
    return "__MACOSX" in parts or (parts[-1].startswith(".") and parts != ["_rels", ".rels"])


def check_duplicates(names: list[str]) -> None:
    """Refuse names that are one where letter case does not count (``ZIP_DUPLICATE``)."""
    seen = set[str]()
    for name in names:
        key = name.replace("\\", "/").casefold()
        if key in seen:
            raise UnreadableFileError("ZIP_DUPLICATE", name=name)
        seen.add(key)


def check_nesting(name: str) -> None:
    """Refuse an archive within (``ZIP_NESTED``)."""
    if Path(name).suffix.lower() in _NESTED:
        raise UnreadableFileError("ZIP_NESTED", name=name)


def special_file(name: str) -> UnreadableFileError:
    """Refuse a link, device or the like."""
    return UnreadableFileError("ZIP_SPECIAL", name=name)


def too_many(limits: ReaderLimits) -> UnreadableFileError:
    """Refuse more files than the limit."""
    return UnreadableFileError("ZIP_TOO_MANY_ENTRIES", limit=limits.max_entries)
