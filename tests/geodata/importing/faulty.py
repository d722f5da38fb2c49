"""A file for each fault that a report knows: which register, what is written, where the fault is."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import shapely
from shapely import Point, Polygon, box

from geodata.importing.context import ReaderLimits
from tests.geodata.builders import COMMUNE, OTHER_COMMUNE, PLACE, Row, agency, field_of, sight, write_geojson
from tests.geodata.importing.files import collection, shape

WEST, SOUTH = 108.1, 16.1
SQUARE = [[WEST, SOUTH], [WEST + 0.01, SOUTH], [WEST + 0.01, SOUTH + 0.01], [WEST, SOUTH + 0.01], [WEST, SOUTH]]
HOLE = [[WEST + 0.002, SOUTH + 0.002], [WEST + 0.004, SOUTH + 0.002], [WEST + 0.004, SOUTH + 0.004], [WEST + 0.002, SOUTH + 0.002]]  # fmt: skip
IN_HOLE = [[WEST + x, SOUTH + y] for x, y in ((0.003, 0.0023), (0.0035, 0.0023), (0.0035, 0.0027), (0.003, 0.0023))]
TOUCHING = [
    [[WEST + x, SOUTH + y] for x, y in ((0, 0.005), (0.005, 0.004), (0.005, 0.006), (0, 0.005))],
    [[WEST + x, SOUTH + y] for x, y in ((0.01, 0.005), (0.005, 0.004), (0.006, 0.003), (0.01, 0.005))],
]
LOOP = [[WEST, SOUTH], [WEST + 0.01, SOUTH], [WEST + 0.01, SOUTH + 0.01], [WEST + 0.00501, SOUTH + 0.01],
        [WEST + 0.005, SOUTH + 0.01002], [WEST + 0.00501, SOUTH + 0.01002], [WEST + 0.005, SOUTH + 0.01], [WEST, SOUTH + 0.01],
        [WEST, SOUTH]]  # fmt: skip
BOWTIE = [SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0]]
SPIKED = [
    *SQUARE[:2],
    [WEST + 0.01, SOUTH + 0.005],
    [WEST + 0.02, SOUTH + 0.005],
    [WEST + 0.01, SOUTH + 0.00501],
    *SQUARE[2:],
]


class Fault(NamedTuple):
    """One fault: the file, and where the report has to say so (row and column; None for the file as a whole)."""

    code: str
    register: str
    write: Callable[[Path], Path]
    row: int | None = None
    column: str | None = None
    options: dict[str, Any] = {}  # noqa: RUF012  a named tuple's default, never changed


def rows(*given: Row) -> Callable[[Path], Path]:
    return lambda folder: write_geojson(folder / "f.geojson", given)


def content(name: str, data: str | bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
        return folder / name

    return write


def area(kind: str, coordinates: object) -> Callable[[Path], Path]:
    """Write two growing areas, the second with the geometry given."""
    good, odd = shape("Polygon", [SQUARE]), shape(kind, coordinates)
    return content("f.geojson", _growing(good, odd))


def _growing(*geometries: object) -> str:
    text = collection(*geometries)
    for at in range(len(geometries)):
        text = text.replace(
            f'{{"n": {at}}}', f'{{"code": "VN-DNOR-{at:04}", "crop": "x", "commune_code": "{COMMUNE}"}}'
        )
    return text


def value(register: str, column: str, text: object, *, base: Row | None = None) -> Callable[[Path], Path]:
    """Write two rows, the second with the value given."""
    bases = {"addresses": agency, "growing_areas": field_of, "tourism_points": sight}
    codes = {"addresses": ("0000000001", "0000000002"), "growing_areas": ("VN-DNOR-0001", "VN-DNOR-0002")}
    first, second = codes.get(register, ("Một", "Hai"))
    make = bases[register]
    good = {column: None, **make(first)}
    return rows(good, {**make(second), **(base or {}), column: text})


def csv(*lines: str) -> Callable[[Path], Path]:
    return content("f.csv", "\n".join(lines) + "\n")


def line_of(*geometries: shapely.Geometry) -> list[Row]:
    return [field_of(f"VN-DNOR-{at:04}", geom=geometry) for at, geometry in enumerate(geometries)]


def circle(vertices: int) -> shapely.Geometry:
    return Point(WEST + 0.005, SOUTH + 0.005).buffer(0.0005, quad_segs=vertices // 4)


VALUES: Sequence[Fault] = [
    Fault("FIELD_MISSING", "growing_areas", value("growing_areas", "crop", None), 2, "crop"),
    Fault("FIELD_INVALID", "tourism_points", value("tourism_points", "slug", "Không Dấu"), 2, "slug"),
    Fault("FIELD_TOO_LONG", "addresses", value("addresses", "street", "x" * 201), 2, "street"),
    Fault("CHOICE_UNKNOWN", "addresses", value("addresses", "kind", "lâu đài"), 2, "kind"),
    Fault("CODE_FORMAT", "addresses", value("addresses", "code", "12A"), 2, "code"),
    Fault("CODE_FORMAT", "growing_areas", value("growing_areas", "code", "!"), 2, "code"),
    Fault("CODE_MISSING", "addresses", rows(agency("0000000001"), agency(None)), 2, "code"),
    Fault("CODE_DOUBLED", "addresses", rows(agency("0000000001"), agency("0000000001")), 2, "code"),
    Fault("NAME_DOUBLED", "tourism_points", rows(sight("A"), sight("A")), 2, "name"),
    Fault("CODE_UNUSUAL", "growing_areas", value("growing_areas", "code", "HD-12", base={"regime": "export"}), 2, "code"),
    Fault("AREA_SMALL", "growing_areas", value("growing_areas", "area_ha", "1,1", base={"regime": "export"}), 2, "area_ha"),
    Fault("NUMBER_UNCLEAR", "growing_areas", value("growing_areas", "area_ha", "1,234"), 2, "area_ha"),
    Fault("NUMBER_UNREADABLE", "growing_areas", value("growing_areas", "tree_count", "nhiều"), 2, "tree_count"),
    Fault("NUMBER_UNREADABLE", "growing_areas", value("growing_areas", "area_ha", "2 sào"), 2, "area_ha"),
    Fault("NUMBER_NOT_WHOLE", "growing_areas", value("growing_areas", "tree_count", "12,5"), 2, "tree_count"),
    Fault("NUMBER_NEGATIVE", "growing_areas", value("growing_areas", "household_count", "-3"), 2, "household_count"),
    Fault("NUMBER_TOO_SMALL", "tourism_points", value("tourism_points", "ocop_stars", "0"), 2, "ocop_stars"),
    Fault("NUMBER_TOO_LARGE", "growing_areas", value("growing_areas", "area_ha", "2500000"), 2, "area_ha"),
    Fault("DATE_UNREADABLE", "addresses", value("addresses", "recorded_on", "31/02/2026"), 2, "recorded_on"),
    Fault("DATE_FUTURE", "addresses", value("addresses", "recorded_on", "01/01/2199"), 2, "recorded_on"),
    Fault("DATE_TOO_EARLY", "addresses", value("addresses", "recorded_on", "1900-01-00".replace("-00", "-01")), 2, "recorded_on"),
    Fault("DATES_REVERSED", "growing_areas", value("growing_areas", "market_valid_to", "01/01/2025",
          base={"market": "CHN", "market_valid_from": "01/01/2026"}), 2, "market_valid_to"),
    Fault("YES_NO_UNREADABLE", "tourism_points", value("tourism_points", "contact_consent", "có lẽ"), 2, "contact_consent"),
    Fault("PHONE_FORM", "addresses", value("addresses", "phone", "gọi chị Ba"), 2, "phone"),
    Fault("LINK_FORM", "tourism_points", value("tourism_points", "website", "www.xa.vn"), 2, "website"),
    Fault("LIST_TOO_LONG", "tourism_points", value("tourism_points", "languages", ",".join(map(str, range(51)))), 2, "languages"),
    Fault("LIST_ENTRY", "growing_areas", value("growing_areas", "harvest_months", "1, 13"), 2, "harvest_months"),
    Fault("COMMUNE_UNKNOWN", "addresses", value("addresses", "commune_code", "99999"), 2, "commune_code"),
    Fault("COMMUNE_OTHER", "addresses", rows(agency("0000000001"), agency("0000000002", commune_code=OTHER_COMMUNE)), 2,
          "commune_code", {"commune": COMMUNE}),
    Fault("COMMUNE_NOT_FOUND", "addresses", rows(agency("0000000001"), agency("0000000002", commune_code=None)), 2, "commune_code"),
    Fault("BOUNDARY_UNKNOWN", "addresses", rows(agency("0000000001"))),
    Fault("COLUMN_UNUSED", "addresses", rows(agency("0000000001", mau="xanh"))),
]  # fmt: skip

SHAPES: Sequence[Fault] = [
    Fault("GEOM_MISSING", "addresses", rows(agency("0000000001"), agency("0000000002", geom=None)), 2),
    Fault("GEOM_EMPTY", "growing_areas", area("Polygon", []), 2),
    Fault("GEOM_TYPE", "addresses", rows(agency("0000000001"), agency("0000000002", geom=box(108, 16, 109, 17))), 2),
    Fault("GEOM_TYPE_UNKNOWN", "growing_areas", area("Circle", [WEST, SOUTH]), 2),
    Fault("GEOM_COLLECTION", "growing_areas", rows(*line_of(Polygon(SQUARE), shapely.GeometryCollection([Polygon(SQUARE), PLACE]))), 2),
    Fault("GEOM_NESTING", "growing_areas", area("Polygon", [[WEST, SOUTH]]), 2),
    Fault("GEOM_COORDINATE_TYPE", "growing_areas", area("Polygon", [[["108", "16"]] * 4]), 2),
    Fault("GEOM_TOO_FEW_POSITIONS", "growing_areas", area("Polygon", [SQUARE[:2]]), 2),
    Fault("GEOM_NOT_FINITE", "growing_areas", area("Polygon", [[*SQUARE[:3], [float("nan"), 1.0], SQUARE[0]]]), 2),
    Fault("GEOM_UNREADABLE", "growing_areas", content("f.geojson", _growing(shape("Polygon", [SQUARE]), "x")), 2),
    Fault("GEOM_TOO_MANY_VERTICES", "growing_areas", rows(*line_of(Polygon(SQUARE), circle(400))), 2, None,
          {"limits": ReaderLimits(max_vertices=100)}),
    Fault("GEOM_RING_NOT_CLOSED", "growing_areas", area("Polygon", [SQUARE[:4]]), 2),
    Fault("GEOM_SELF_CROSSING", "growing_areas", area("Polygon", [BOWTIE]), 2),
    Fault("REPAIR_TOO_LARGE", "growing_areas", area("Polygon", [BOWTIE]), 2),
    Fault("GEOM_HOLE_OUTSIDE", "growing_areas", area("Polygon", [HOLE, SQUARE]), 2),
    Fault("GEOM_NESTED", "growing_areas", area("MultiPolygon", [[SQUARE], [HOLE]]), 2),
    Fault("GEOM_NESTED", "growing_areas", area("Polygon", [SQUARE, HOLE, IN_HOLE]), 2),
    Fault("GEOM_SPLIT_BY_HOLES", "growing_areas", area("Polygon", [SQUARE, *TOUCHING]), 2),
    Fault("GEOM_COLLAPSED", "growing_areas", area("Polygon", [[SQUARE[0]] * 4]), 2),
    Fault("GEOM_TOO_SMALL", "growing_areas", rows(*line_of(Polygon(SQUARE), box(WEST, SOUTH, WEST + 1e-5, SOUTH + 1e-5))), 2),
    Fault("GEOM_OUTSIDE_VIETNAM", "addresses", rows(agency("0000000001"), agency("0000000002", geom=Point(2.35, 48.85))), 2),
    Fault("GEOM_SWAPPED", "addresses", rows(agency("0000000001"), agency("0000000002", geom=Point(16.1, 108.1))), 2),
    Fault("GEOM_ZERO", "addresses", rows(agency("0000000001"), agency("0000000002", geom=Point(0, 0))), 2),
    Fault("GEOM_DUPLICATE_VERTICES", "growing_areas", area("Polygon", [[SQUARE[0], SQUARE[1], *SQUARE[1:]]]), 2),
    Fault("GEOM_SPIKE", "growing_areas", area("Polygon", [SPIKED]), 2),
    Fault("GEOM_DENSE", "growing_areas", rows(*line_of(Polygon(SQUARE), circle(12_000))), 2),
    Fault("GEOM_AREA_DIFFERS", "growing_areas", value("growing_areas", "area_ha", "118"), 2, "area_ha"),
    Fault("COORDINATES_ROUNDED", "addresses", rows(*(agency(f"{n:010}", geom=Point(108 + n / 1000, 16)) for n in range(5)))),
    Fault("POINTS_IDENTICAL", "addresses", rows(*(agency(f"{n:010}") for n in range(5)))),
    Fault("POINTS_SHARED", "addresses", rows(agency("0000000001"), agency("0000000002"), agency("0000000003", geom=Point(108.2, 16)))),
    Fault("GEOM_DOUBLED", "growing_areas", rows(*line_of(Polygon(SQUARE), Polygon(SQUARE))), 2),
    Fault("GEOM_OVERLAP", "growing_areas", rows(*line_of(Polygon(SQUARE), shapely.box(WEST + 0.005, SOUTH, WEST + 0.02, SOUTH + 0.01))), 2),
    Fault("COORDINATE_UNREADABLE", "addresses", csv("ma_dia_chi,ma_xa,lon,lat", f"0000000001,{COMMUNE},108.1,16.1", f"0000000002,{COMMUNE},a,16.1"), 2),
    Fault("ROW_COLUMNS", "addresses", csv("ma_dia_chi,ma_xa,lon,lat", f"0000000001,{COMMUNE},108.1,16.1", f"0000000002,{COMMUNE},108.1,16.1,9,9"), 2),
    Fault("TEXT_TOO_LONG", "addresses", rows(agency("0000000001"), agency("0000000002", full_address="x" * 70_000)), 2),
    Fault("FEATURE_UNREADABLE", "addresses", content("f.geojson", '{"type": "FeatureCollection", "features": [{"type": "x"}, {"type": "Feature", "geometry": null, "properties": {}}]}'), 1),
    Fault("FEATURE_PROPERTIES", "addresses", content("f.geojson", '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": null, "properties": 1}]}'), 1),
]  # fmt: skip
