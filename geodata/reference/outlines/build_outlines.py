"""Make ``provinces.geojson`` and ``basemap.geojson`` from the committed Natural Earth extract.

Run ``python -m geodata.reference.outlines.build_outlines``. Every island of ``islands.tsv`` ends up in
its province, so neither archipelago can be missing: where Natural Earth has no outline, a small octagon
marks the place.
"""

import csv
import gzip
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from geodata.reference import ProvinceRow, read_communes, read_province_crosswalk, read_provinces
from geodata.reference.outlines.border_corrections import correct_borders
from geodata.reference.outlines.extract_far_land import FAR_LAND
from geodata.reference.outlines.extract_natural_earth import EXTRACT

FOLDER = Path(__file__).parent
PROVINCE_TOLERANCE_DEG = 0.002
NEIGHBOUR_TOLERANCE_DEG = 0.015
NEIGHBOUR_MIN_AREA_DEG2 = 0.002
NEAR_DEG, FAR_DEG = 0.3, 0.2
GRID_DECIMALS = 4
MARK_ONLY_BEYOND_DEG = 0.03
METRES_PER_DEGREE = 111_320.0

MOVED = (("79", shapely.Point(106.61, 8.70)), ("31", shapely.Point(107.00, 20.79)))
"""Islands Natural Earth gives to the wrong province: Côn Đảo to Sóc Trăng, Cát Bà to Quảng Ninh."""

ARCHIPELAGO_PROVINCES = {"hoang_sa": "48", "truong_sa": "56"}

LABELS = (
    ("archipelago", "Quần đảo Hoàng Sa (TP. Đà Nẵng, Việt Nam)",
     "Hoàng Sa Archipelago (Da Nang City, Viet Nam)", 111.9, 16.5),
    ("archipelago", "Quần đảo Trường Sa (tỉnh Khánh Hòa, Việt Nam)",
     "Trường Sa Archipelago (Khanh Hoa Province, Viet Nam)", 113.8, 9.6),
    ("sea", "Biển Đông", "East Sea (Biển Đông)", 112.5, 13.2),
    ("sea", "Vịnh Bắc Bộ", "Bac Bo Gulf (Vịnh Bắc Bộ)", 107.6, 19.6),
    ("sea", "Vịnh Thái Lan", "Gulf of Thailand (Vịnh Thái Lan)", 102.6, 9.6),
)  # fmt: skip

Feature = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Island:
    """One row of ``islands.tsv``; degrees WGS 84, radius in metres."""

    name: str
    name_en: str
    province_code: str
    group: str
    lon: float
    lat: float
    mark_radius_m: float


@dataclass(frozen=True, slots=True)
class Extract:
    """What the Natural Earth extract holds, by today's province code."""

    provinces: dict[str, BaseGeometry]
    archipelagos: dict[str, BaseGeometry]
    neighbour: BaseGeometry


def read_islands() -> list[Island]:
    """Read ``islands.tsv``.

    Returns
    -------
    list of Island
    """
    with (FOLDER / "islands.tsv").open(encoding="utf-8") as lines:
        return [
            Island(
                name=row["name"],
                name_en=row["name_en"],
                province_code=row["province_code"],
                group=row["group"],
                lon=float(row["lon"]),
                lat=float(row["lat"]),
                mark_radius_m=float(row["mark_radius_m"]),
            )
            for row in csv.DictReader(lines, delimiter="\t")
        ]


def read_extract() -> Extract:
    """Read the extract, unite its 63 old provinces to today's 34 and correct outdated borders.

    Returns
    -------
    Extract
        Degrees, WGS 84; archipelagos by the province they belong to.
    """
    features = json.loads(gzip.decompress(EXTRACT.read_bytes()))["features"]
    new_codes = _read_new_codes()
    parts: defaultdict[str, list[BaseGeometry]] = defaultdict(list)
    archipelagos: dict[str, BaseGeometry] = {}
    neighbour: BaseGeometry = shapely.MultiPolygon()
    for feature in features:
        properties, geometry = feature["properties"], shape(feature["geometry"])
        if "neighbour" in properties:
            neighbour = geometry
        elif "archipelago" in properties:
            archipelagos[ARCHIPELAGO_PROVINCES[properties["archipelago"]]] = geometry
        else:
            for polygon in _polygons(geometry):
                parts[find_moved_code(polygon) or new_codes[properties["hasc"]]].append(polygon)
    provinces, neighbour = correct_borders(
        {code: shapely.union_all(parts[code]) for code in sorted(parts)}, neighbour, read_communes()
    )
    return Extract(provinces, archipelagos, neighbour)


def find_moved_code(polygon: shapely.Polygon) -> str | None:
    """Find the right province of an island Natural Earth gives to the wrong one.

    Parameters
    ----------
    polygon : Polygon

    Returns
    -------
    str or None
        Province code, ``None`` for every other polygon.
    """
    return next((code for code, point in MOVED if polygon.contains(point)), None)


def simplify(extract: Extract) -> tuple[dict[str, BaseGeometry], BaseGeometry]:
    """Simplify provinces and neighbours as one coverage, so that no gap opens between them.

    Parameters
    ----------
    extract : Extract

    Returns
    -------
    tuple
        Provinces by code, and the neighbours' land: exact along Vietnam's border, coarse far from it.
    """
    codes = list(extract.provinces)
    coverage = [*extract.provinces.values(), extract.neighbour]
    *provinces, neighbour = shapely.coverage_simplify(coverage, PROVINCE_TOLERANCE_DEG)
    vietnam = shapely.union_all(provinces)
    near = neighbour.intersection(vietnam.buffer(NEAR_DEG))
    coarse = shapely.coverage_simplify([neighbour], NEIGHBOUR_TOLERANCE_DEG)[0]
    # The two overlap between FAR_DEG and NEAR_DEG, which hides that their edges differ there.
    far = coarse.difference(vietnam.buffer(FAR_DEG))
    land = [polygon for polygon in _polygons(shapely.union_all([near, far])) if polygon.area >= NEIGHBOUR_MIN_AREA_DEG2]
    return dict(zip(codes, provinces, strict=True)), shapely.MultiPolygon(land)


def make_mark(island: Island) -> shapely.Polygon:
    """Draw the octagon that stands for an island without an outline.

    Parameters
    ----------
    island : Island

    Returns
    -------
    Polygon
        Degrees; ``mark_radius_m`` from centre to corner.
    """
    radius = island.mark_radius_m / METRES_PER_DEGREE
    stretch = 1 / math.cos(math.radians(island.lat))
    angles = [math.pi * (2 * corner + 1) / 8 for corner in range(8)]
    return shapely.Polygon(
        [(island.lon + radius * stretch * math.cos(angle), island.lat + radius * math.sin(angle)) for angle in angles]
    )


def add_islands(
    provinces: Mapping[str, BaseGeometry], archipelagos: Mapping[str, BaseGeometry], islands: Iterable[Island]
) -> dict[str, BaseGeometry]:
    """Add both archipelagos and every listed island to its province.

    Parameters
    ----------
    provinces, archipelagos : mapping of str to geometry
        By province code.
    islands : iterable of Island
        Marked only where no outline lies within ``MARK_ONLY_BEYOND_DEG``.

    Returns
    -------
    dict of str to geometry
    """
    parts = {code: [geometry] for code, geometry in provinces.items()}
    for code, geometry in archipelagos.items():
        parts[code].append(geometry)
    outlines = {code: shapely.union_all(geometries) for code, geometries in parts.items()}
    for island in islands:
        outline = outlines[island.province_code]
        if not shapely.dwithin(outline, shapely.Point(island.lon, island.lat), MARK_ONLY_BEYOND_DEG):
            parts[island.province_code].append(make_mark(island))
    return {code: shapely.union_all(geometries) for code, geometries in parts.items()}


def make_province_features(provinces: Sequence[ProvinceRow], outlines: Mapping[str, BaseGeometry]) -> list[Feature]:
    """Make the features of ``provinces.geojson``.

    Parameters
    ----------
    provinces : sequence of ProvinceRow
    outlines : mapping of str to geometry
        By province code.

    Returns
    -------
    list of dict
        In the order of ``provinces``.
    """
    return [
        make_feature({"code": row.code, "name": row.name, "full_name": row.full_name}, outlines[row.code])
        for row in provinces
    ]


def make_basemap_features(
    provinces: Sequence[ProvinceRow],
    outlines: Mapping[str, BaseGeometry],
    islands: Iterable[Island],
    neighbour: BaseGeometry,
    far: BaseGeometry,
) -> list[Feature]:
    """Make the features of ``basemap.geojson``.

    Parameters
    ----------
    provinces : sequence of ProvinceRow
    outlines : mapping of str to geometry
        By province code; a label goes to the middle of the largest part.
    islands : iterable of Island
    neighbour, far : geometry

    Returns
    -------
    list of dict
        Neighbouring and far land first, then archipelagos and seas, provinces, islands.
    """
    features = [make_feature({"kind": "neighbour"}, neighbour), make_feature({"kind": "far"}, far)]
    for kind, name, name_en, lon, lat in LABELS:
        features.append(make_feature({"kind": kind, "name": name, "name_en": name_en}, shapely.Point(lon, lat)))
    for row in provinces:
        label = {"kind": "province", "name": row.name, "name_en": row.name_en, "code": row.code}
        features.append(make_feature(label, find_label_point(outlines[row.code])))
    for island in islands:
        label = {
            "kind": "island",
            "name": island.name,
            "name_en": island.name_en,
            "code": island.province_code,
            "group": island.group,
        }
        features.append(make_feature(label, shapely.Point(island.lon, island.lat)))
    return features


def find_label_point(outline: BaseGeometry) -> shapely.Point:
    """Find the point of the largest part that is farthest from its edge.

    Parameters
    ----------
    outline : Polygon or MultiPolygon

    Returns
    -------
    Point
    """
    largest = max(_polygons(outline), key=lambda polygon: polygon.area)
    radius = shapely.maximum_inscribed_circle(largest, tolerance=0.001)
    return shapely.Point(radius.coords[0])


def make_feature(properties: Mapping[str, object], geometry: BaseGeometry) -> Feature:
    """Make a GeoJSON feature: MultiPolygon or Point, 1e-4 degree grid, RFC 7946 winding.

    Parameters
    ----------
    properties : mapping
    geometry : Point, Polygon or MultiPolygon
        Degrees, WGS 84.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If rounding made the geometry invalid: use a larger tolerance.
    """
    if not isinstance(geometry, shapely.Point):
        geometry = shapely.orient_polygons(shapely.MultiPolygon(_polygons(geometry)))
    rounded = shapely.transform(geometry, lambda coordinates: np.round(coordinates, GRID_DECIMALS))
    if not rounded.is_valid:
        raise ValueError(f"{dict(properties)}: {shapely.is_valid_reason(rounded)}")
    return {"type": "Feature", "properties": dict(properties), "geometry": mapping(rounded)}


def write_collection(path: Path, features: Iterable[Feature]) -> None:
    """Write a FeatureCollection, one feature a line.

    Parameters
    ----------
    path : Path
        Overwritten.
    features : iterable of dict
    """
    lines = [json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features]
    text = '{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def build(target: Path) -> None:
    """Write ``provinces.geojson`` and ``basemap.geojson``.

    Parameters
    ----------
    target : Path
        An existing folder.
    """
    extract = read_extract()
    islands = read_islands()
    provinces = read_provinces()
    simplified, neighbour = simplify(extract)
    outlines = add_islands(simplified, extract.archipelagos, islands)
    write_collection(target / "provinces.geojson", make_province_features(provinces, outlines))
    far = shape(json.loads(FAR_LAND.read_text(encoding="utf-8")))
    write_collection(target / "basemap.geojson", make_basemap_features(provinces, outlines, islands, neighbour, far))


def _read_new_codes() -> dict[str, str]:
    new_codes = {row.old_code: row.new_code for row in read_province_crosswalk()}
    with (FOLDER / "natural_earth_units.tsv").open(encoding="utf-8") as lines:
        return {row["hasc"]: new_codes[row["old_code"]] for row in csv.DictReader(lines, delimiter="\t")}


def _polygons(geometry: BaseGeometry) -> list[shapely.Polygon]:
    parts: Iterable[BaseGeometry] = getattr(geometry, "geoms", (geometry,))
    return [part for part in parts if isinstance(part, shapely.Polygon)]


if __name__ == "__main__":
    build(FOLDER)
