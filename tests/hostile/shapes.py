"""Geometry that nests, has no end or no area: in GeoJSON, WKT, WKB, KML and through a GeoPackage's blobs."""

import json
import struct
from collections.abc import Iterator

from tests.hostile.cases import COMMUNE, LAT, LON, Case, feature, fixed, geojson
from tests.hostile.geopackages import _HEAD, POINT, geopackage

FAMILY = "geometry"
_DEPTHS = (5, 50, 100_000)
_SQUARE = [[LON, LAT], [LON + 0.01, LAT], [LON + 0.01, LAT + 0.01], [LON, LAT + 0.01], [LON, LAT]]


def nested_json(depth: int) -> str:
    """Return a collection in a collection in …, around a point."""
    inner = json.dumps({"type": "Point", "coordinates": [LON, LAT]})
    text = '{"type":"GeometryCollection","geometries":[' * depth + inner + "]}" * depth
    return geojson(feature(), feature("X")).replace('"X"', text)


def nested_wkt(depth: int) -> str:
    """Return the same as a table with WKT."""
    text = "GEOMETRYCOLLECTION(" * depth + f"POINT({LON} {LAT})" + ")" * depth
    return f'ten,ma_xa,wkt\nSuối Mơ,{COMMUNE},"POINT({LON} {LAT})"\nx,{COMMUNE},"{text}"\n'


def nested_wkb(depth: int) -> bytes:
    """Return the same as a GeoPackage's blob."""
    return _HEAD + struct.pack("<BII", 1, 7, 1) * depth + POINT[8:]


def _wkt(text: str) -> str:
    return f'ten,ma_xa,wkt\nSuối Mơ,{COMMUNE},"POINT({LON} {LAT})"\nx,{COMMUNE},"{text}"\n'


def _shape(kind: str, coordinates: object) -> str:
    return geojson(feature(), feature({"type": kind, "coordinates": coordinates}))


_COMB = [[LON + at * 1e-6, LAT + (at % 2) * 0.01] for at in range(2_000)]
_JSON: dict[str, tuple[str, str]] = {
    "bow-tie": (
        _shape("Polygon", [[_SQUARE[at] for at in (0, 2, 1, 3, 0)]]),
        "ok 1/2 GEOM_SELF_CROSSING REPAIR_TOO_LARGE",
    ),
    "ring of 100,001 places": (
        _shape("Polygon", [[[LON, LAT]] * 100_001]),
        "ok 1/2 GEOM_TOO_MANY_VERTICES",
    ),
    "line of one place many times": (_shape("LineString", [[LON, LAT]] * 1_000), "ok 1/2 GEOM_TYPE"),
    "polygon of 2,000 holes": (_shape("Polygon", [_SQUARE] * 2_000), "ok 1/2 GEOM_SELF_CROSSING"),
    "polygon that crosses itself 2,000 times": (
        _shape("Polygon", [[*_COMB, [LON, LAT - 1], _COMB[0]]]),
        "ok 1/2 GEOM_SELF_CROSSING",
    ),
    "polygon without rings": (_shape("Polygon", []), "ok 1/2 GEOM_EMPTY"),
    "multipolygon of nothing": (_shape("MultiPolygon", [[], [[]], [[[]]]]), "ok 1/2 GEOM_EMPTY"),
    "curve": (_shape("CircularString", [[0, 0], [1, 1], [2, 0]]), "ok 1/2 GEOM_TYPE_UNKNOWN"),
    "collection of nothing": (
        geojson(feature(), feature({"type": "GeometryCollection", "geometries": []})),
        "ok 1/2 GEOM_COLLECTION",
    ),
    "around the world": (
        _shape("Polygon", [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]]),
        "ok 1/2 GEOM_OUTSIDE_VIETNAM",
    ),
    "degrees beyond the pole": (_shape("Point", [200, 95]), "ok 1/2 GEOM_OUTSIDE_VIETNAM"),
    "minus zero": (_shape("Point", [-0.0, -0.0]), "ok 1/2 GEOM_ZERO"),
    "the smallest number there is": (_shape("Point", [5e-324, 5e-324]), "ok 1/2 GEOM_OUTSIDE_VIETNAM"),
    "four axes": (_shape("Point", [LON, LAT, 1, 2]), "ok 1/2 CODE_DOUBLED"),
}
_TEXTS: dict[str, tuple[str, str]] = {
    "WKT of 100,000 brackets": (_wkt("POLYGON" + "(" * 60_000), "ok 1/2 CRS_ASSUMED GEOM_UNREADABLE"),
    "WKT of a polygon 5,000 deep": (
        _wkt("POLYGON" + "(" * 5_000 + "1 2" + ")" * 5_000),
        "ok 1/2 CRS_ASSUMED GEOM_UNREADABLE",
    ),
    "WKT of words": (_wkt("POINT(một hai)"), "ok 1/2 CRS_ASSUMED GEOM_UNREADABLE"),
    "WKT of another system": (_wkt("SRID=9999999999;POINT(1 2)"), "needs_choice CRS_UNUSABLE"),
    "WKT of NaN": (_wkt("POINT(nan inf)"), "ok 1/2 CRS_ASSUMED GEOM_UNREADABLE"),
    "WKT of nothing": (_wkt("POINT EMPTY"), "ok 1/2 CRS_ASSUMED GEOM_EMPTY"),
}


def _blob(blob: bytes, expected: str, name: str) -> Case:
    return Case(FAMILY, name, ".gpkg", expected, lambda bait: geopackage(bait, blobs=(POINT, blob)))


def cases() -> Iterator[Case]:
    """Yield the family."""
    collection, broken = "ok 1/2 GEOM_COLLECTION", "ok 1/2 GEOM_UNREADABLE"
    for depth in _DEPTHS:
        in_json = "refused TOO_DEEP" if depth > _DEPTHS[0] else collection
        yield Case(FAMILY, f"GeoJSON {depth:,} deep", ".geojson", in_json, fixed(nested_json(depth)))
        in_text = collection.replace("GEOM", "CRS_ASSUMED GEOM", 1)
        yield Case(FAMILY, f"WKT {depth:,} deep", ".csv", in_text, fixed(nested_wkt(depth)))
        yield _blob(nested_wkb(depth), collection, f"WKB {depth:,} deep")
        nested = _HEAD + struct.pack("<BII", 1, 6, 1) * depth + POINT[8:]
        yield _blob(nested, broken, f"WKB of multipolygons {depth:,} deep")
    for name, (text, expected) in _JSON.items():
        yield Case(FAMILY, name, ".geojson", expected, fixed(text), register="villages")
    for name, (text, expected) in _TEXTS.items():
        yield Case(FAMILY, name, ".csv", expected, fixed(text))
    many = _HEAD + struct.pack("<BII", 1, 4, 1_000) + (POINT[8:] * 999)
    yield _blob(many, broken, "WKB of one point fewer than told")
    yield _blob(POINT + bytes(100_000), "ok 1/2 NAME_DOUBLED", "WKB with rubbish behind")
    mixed = _HEAD + struct.pack("<BII", 1, 4, 2) + struct.pack(">BI2d", 0, 1, LON, LAT) + POINT[8:]
    yield _blob(mixed, "ok 1/2 GEOM_TYPE", "WKB of two byte orders")
