"""Reference data shipped with the product: administrative units, old-to-new tables, map outlines.

The files beside this module are made by the committed ``build_*.py`` scripts; every folder has a
``SOURCE.md`` that names packages, versions, licences and known faults. Nothing here needs a database.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Any, Literal, cast

__all__ = [
    "CommuneKind",
    "CommuneRow",
    "CrosswalkKind",
    "CrosswalkRow",
    "ProvinceCrosswalkRow",
    "ProvinceKind",
    "ProvinceRow",
    "read_basemap",
    "read_communes",
    "read_crosswalk",
    "read_province_crosswalk",
    "read_province_outlines",
    "read_provinces",
]

ProvinceKind = Literal["tinh", "thanh_pho"]
CommuneKind = Literal["xa", "phuong", "dac_khu"]
CrosswalkKind = Literal["whole", "part"]


@dataclass(frozen=True, slots=True)
class ProvinceRow:
    """One province or centrally governed city as it is named today.

    Attributes
    ----------
    code : str
        Two digits with leading zero, Decision 19/2025/QĐ-TTg.
    name, full_name, name_en : str
        Without unit word, with it (``Tỉnh``, ``Thành phố``), and in plain ASCII.
    kind : {"tinh", "thanh_pho"}
    rep_lon, rep_lat : float or None
        Degrees, WGS 84; a point inside or near the unit, ``None`` where the source's point is wrong.
    valid_from : date
        When this name and kind came into force.
    valid_to : date or None
        First day the row no longer holds; ``None`` while it does.
    legal_note : str
        The source's words on the resolution; empty where it gives none.
    """

    code: str
    name: str
    full_name: str
    kind: ProvinceKind
    name_en: str
    rep_lon: float | None
    rep_lat: float | None
    valid_from: date
    valid_to: date | None
    legal_note: str


@dataclass(frozen=True, slots=True)
class CommuneRow:
    """One commune, ward or special zone as it is named today.

    Attributes
    ----------
    code : str
        Five digits with leading zeros, Decision 19/2025/QĐ-TTg.
    name, full_name, name_en : str
        Without unit word, with it (``Xã``, ``Phường``, ``Đặc khu``), and in plain ASCII.
    kind : {"xa", "phuong", "dac_khu"}
    province_code : str
        Code of the province it belongs to.
    rep_lon, rep_lat : float or None
        Degrees, WGS 84. Not exact: a few lie just outside the commune; ``None`` where the source is wrong.
    valid_from : date
        When this name and kind came into force.
    valid_to : date or None
        First day the row no longer holds; ``None`` while it does.
    legal_note : str
        How the unit was made, with number and date of the resolution, in the source's words.
    """

    code: str
    name: str
    full_name: str
    kind: CommuneKind
    name_en: str
    province_code: str
    rep_lon: float | None
    rep_lat: float | None
    valid_from: date
    valid_to: date | None
    legal_note: str


@dataclass(frozen=True, slots=True)
class CrosswalkRow:
    """One old commune going, whole or in part, into one commune of 2025-07-01.

    Attributes
    ----------
    old_code : str
        Five digits; three for the five island districts that had no communes.
    old_name, old_district, old_province : str
        Full names with unit word. For an island district ``old_name`` equals ``old_district``.
    new_code : str
        Code of today's commune.
    kind : {"whole", "part"}
        ``part`` when the old commune was divided among several.
    source : str
        ``vietnamadminunits``, with ``+note`` when the new unit's legal note names the old one too.
    """

    old_code: str
    old_name: str
    old_district: str
    old_province: str
    new_code: str
    kind: CrosswalkKind
    source: str


@dataclass(frozen=True, slots=True)
class ProvinceCrosswalkRow:
    """One of the 63 provinces before 2025-07-01 and the province it is part of now.

    Attributes
    ----------
    old_code, old_name : str
        Code and full name before 2025-07-01. Seven codes mean another province today.
    new_code : str
        Code of today's province.
    """

    old_code: str
    old_name: str
    new_code: str


def read_provinces() -> list[ProvinceRow]:
    """Read the 34 provinces, ordered by code.

    Returns
    -------
    list of ProvinceRow

    Examples
    --------
    >>> [row.full_name for row in read_provinces() if row.code == "48"]
    ['Thành phố Đà Nẵng']
    """
    return [
        ProvinceRow(
            code=row["code"],
            name=row["name"],
            full_name=row["full_name"],
            kind=cast("ProvinceKind", row["kind"]),
            name_en=row["name_en"],
            rep_lon=_parse_degrees(row["rep_lon"]),
            rep_lat=_parse_degrees(row["rep_lat"]),
            valid_from=date.fromisoformat(row["valid_from"]),
            valid_to=_parse_date(row["valid_to"]),
            legal_note=row["legal_note"],
        )
        for row in _rows("units", "provinces.tsv")
    ]


def read_communes() -> list[CommuneRow]:
    """Read the 3,321 communes, wards and special zones, ordered by code.

    Returns
    -------
    list of CommuneRow

    Examples
    --------
    >>> [row.full_name for row in read_communes() if row.code in {"20333", "22736"}]
    ['Đặc khu Hoàng Sa', 'Đặc khu Trường Sa']
    """
    return [
        CommuneRow(
            code=row["code"],
            name=row["name"],
            full_name=row["full_name"],
            kind=cast("CommuneKind", row["kind"]),
            name_en=row["name_en"],
            province_code=row["province_code"],
            rep_lon=_parse_degrees(row["rep_lon"]),
            rep_lat=_parse_degrees(row["rep_lat"]),
            valid_from=date.fromisoformat(row["valid_from"]),
            valid_to=_parse_date(row["valid_to"]),
            legal_note=row["legal_note"],
        )
        for row in _rows("units", "communes.tsv")
    ]


def read_crosswalk() -> list[CrosswalkRow]:
    """Read the table from the communes before 2025-07-01 to today's, ordered by old then new code.

    Returns
    -------
    list of CrosswalkRow
        A divided old commune has several rows; a new commune usually has several old ones.
    """
    return [
        CrosswalkRow(
            old_code=row["old_code"],
            old_name=row["old_name"],
            old_district=row["old_district"],
            old_province=row["old_province"],
            new_code=row["new_code"],
            kind=cast("CrosswalkKind", row["kind"]),
            source=row["source"],
        )
        for row in _rows("units", "crosswalk.tsv")
    ]


def read_province_crosswalk() -> list[ProvinceCrosswalkRow]:
    """Read the table from the 63 provinces before 2025-07-01 to the 34 of today, ordered by old code.

    Returns
    -------
    list of ProvinceCrosswalkRow
    """
    return [
        ProvinceCrosswalkRow(old_code=row["old_code"], old_name=row["old_name"], new_code=row["new_code"])
        for row in _rows("units", "province_crosswalk.tsv")
    ]


def read_province_outlines() -> dict[str, Any]:
    """Read the generalised outlines of the 34 provinces, both archipelagos included.

    Returns
    -------
    dict
        GeoJSON FeatureCollection (RFC 7946: WGS 84, longitude first), one MultiPolygon per province with
        ``code``, ``name`` and ``full_name``. For drawing only; never use it to decide where a point lies.
    """
    return _read_geojson("provinces.geojson")


def read_basemap() -> dict[str, Any]:
    """Read what every map draws besides the province outlines: neighbouring land and always-on labels.

    Returns
    -------
    dict
        GeoJSON FeatureCollection. ``kind`` is ``neighbour`` or ``far`` (each one MultiPolygon without a name),
        ``archipelago``, ``sea``, ``province`` or ``island`` (points with ``name`` and ``name_en``).
    """
    return _read_geojson("basemap.geojson")


def _rows(folder: str, name: str) -> Iterator[dict[str, str]]:
    with (files(__name__) / folder / name).open(encoding="utf-8") as lines:
        yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def _read_geojson(name: str) -> dict[str, Any]:
    text = (files(__name__) / "outlines" / name).read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def _parse_degrees(text: str) -> float | None:
    return float(text) if text else None


def _parse_date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
