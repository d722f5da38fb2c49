"""Every file of the shared upload cases, all the way: published, or refused with a report; never an exception."""

import csv
import gzip
import json
import shutil
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from pyproj.transformer import TransformerGroup
from sqlalchemy import text

from geodata.db import SYSTEM, Database
from geodata.importing.check import ImportRequest
from geodata.importing.messages import KINDS
from geodata.importing.publish import Published, import_file
from geodata.registers import get_register
from geodata.units.load import BoundaryReport, load_boundaries
from tests.conftest import TEMPLATE, Server, settings_for
from tests.shared_data.conftest import CASES, SHARED

MANIFEST = CASES / "MANIFEST.tsv"
LIMIT_S = 30

pytestmark = pytest.mark.skipif(not MANIFEST.exists(), reason="../shared/data/upload-cases is not here")

Expectation = tuple[str, str, dict[str, int]]

# File: the register it fits, the outcome, and what the report counts beside unused columns (with the value for notes
# and refusals of the whole file). Areas without a name of their own and lines go to the villages.
TABLE: dict[str, Expectation] = {
    "shp_trailing_byte_in_shp_and_dbf.zip": ("villages", "needs_choice", {"CRS_MISSING": 1}),
    "zip_two_shapefiles_no_prj.zip": ("villages", "needs_choice", {"LAYER_CHOICE": 1}),
    "zip_without_any_geodata.zip": ("villages", "refused", {"NO_LAYER": 1}),
    "zip_shapefile_in_subfolder.zip": (
        "growing_areas",
        "refused",
        {"CRS_INACCURATE": 1, "Z_DROPPED": 1, "GEOM_OUTSIDE_VIETNAM": 1},
    ),
    "not_a_zip.zip": ("villages", "refused", {"UPLOAD_FORMAT": 1}),
    "zip_only_shp_sbx.zip": ("villages", "needs_choice", {"CRS_MISSING": 1, "DBF_MISSING": 1}),
    "zip_lonlat_but_no_prj.zip": ("growing_areas", "needs_choice", {"CRS_MISSING": 1}),
    "filegdb_many_layers.gdb.zip": ("villages", "needs_choice", {"LAYER_CHOICE": 1}),
    "gpkg_curve.gpkg": ("villages", "refused", {"CURVES_LINEARISED": 1, "GEOM_TYPE": 1}),
    "gpkg_curvepolygon.gpkg": ("villages", "refused", {"CURVES_LINEARISED": 1, "GEOM_OUTSIDE_VIETNAM": 1}),
    "gpkg_line_zm.gpkg": ("villages", "refused", {"Z_DROPPED": 1, "GEOM_TYPE": 1}),
    "geojson_null_geometry.geojson": ("villages", "refused", {"GEOM_MISSING": 1, "GEOM_TYPE": 1}),
    "shp_mostly_null_shapes_gda94.zip": (
        "villages",
        "refused",
        {"CRS_INACCURATE": 1, "GEOM_MISSING": 12, "GEOM_OUTSIDE_VIETNAM": 1},
    ),
    "shp_zero_length_line_and_null.zip": ("villages", "refused", {"GEOM_MISSING": 1, "GEOM_TYPE": 2}),
    "shp_polylinez_with_m.zip": ("villages", "refused", {"Z_DROPPED": 1, "GEOM_TYPE": 1}),
    "shp_ring_not_closed_many.zip": ("growing_areas", "refused", {"GEOM_RING_NOT_CLOSED": 1492}),
    "shp_30_invalid_of_1204_spaces_in_name.zip": (
        "growing_areas",
        "refused",
        {"GEOM_SELF_CROSSING": 30, "GEOM_OUTSIDE_VIETNAM": 1174},
    ),
    "shp_nested_tiny_rings.zip": ("villages", "needs_choice", {"CRS_MISSING": 1}),
    "shp_lines_where_polygons_expected_25830.zip": ("growing_areas", "refused", {"GEOM_TYPE": 80}),
    "shp_alone_null_in_middle.zip": ("villages", "needs_choice", {"CRS_MISSING": 1, "DBF_MISSING": 1}),
    "shp_bad_record_length.zip": ("villages", "refused", {"SHP_BROKEN": 1}),
    "shp_all_attributes_null.zip": ("villages", "needs_choice", {"CRS_MISSING": 1}),
    "shp_empty_no_records.zip": ("villages", "refused", {"EMPTY_LAYER": 1}),
    "world_borders_antimeridian_no_prj.zip": (
        "provinces",
        "needs_choice",
        {"CRS_MISSING": 1, "ENCODING_UNSURE": 1},
    ),
    "shp_cpg_ansi_1250.zip": ("tourism_points", "refused", {"GEOM_OUTSIDE_VIETNAM": 2}),
    "shp_cpg_utf8.zip": ("tourism_points", "refused", {"GEOM_OUTSIDE_VIETNAM": 2}),
    "shp_cpg_is_html_page.zip": ("tourism_points", "refused", {"CPG_IGNORED": 1, "GEOM_OUTSIDE_VIETNAM": 2}),
    "geojson_bad-duplicate-properties.geojson": (
        "villages",
        "refused",
        {"GEOJSON_DUPLICATE_KEY": 1, "GEOM_MISSING": 1},
    ),
    "geojson_badcoordtype.geojson": ("villages", "refused", {"GEOM_NESTING": 1}),
    "geojson_stringcoord.geojson": (
        "tourism_points",
        "refused",
        {"GEOM_OUTSIDE_VIETNAM": 1, "GEOM_COORDINATE_TYPE": 1},
    ),
    "geojson_short-linearring.geojson": ("villages", "refused", {"GEOM_RING_NOT_CLOSED": 1}),
    "geojson_expected_object.geojson": ("villages", "refused", {"FEATURE_PROPERTIES": 1}),
    "geojson_point-toofew.geojson": ("tourism_points", "refused", {"GEOM_TOO_FEW_POSITIONS": 1}),
    "geojson_polygon_winding_order.geojson": ("villages", "refused", {"GEOM_OUTSIDE_VIETNAM": 1}),
    "geojson_rootstring.geojson": ("villages", "refused", {"UPLOAD_FORMAT": 1}),
    "geojson_bad-json.geojson": ("villages", "refused", {"GEOJSON_SYNTAX": 1}),
    "geojson_feature_changed_semantics.geojson": ("tourism_points", "refused", {"GEOM_OUTSIDE_VIETNAM": 1}),
    "vn_biosphere_reserves_crs_member.geojson": (
        "villages",
        "published 3",
        {"COMMUNE_NOT_FOUND": 10, "GEOM_SELF_CROSSING": 1, "GEOM_SPIKE": 4},
    ),
    "vn_48_hai_chau_self_intersection.geojson": ("communes", "refused", {"GEOM_SELF_CROSSING": 1}),
    "vn_48_hoa_cuong_self_intersection.geojson": ("communes", "refused", {"GEOM_SELF_CROSSING": 1}),
    "vn_56_truong_sa_offshore.geojson": ("villages", "refused", {"FIELD_MISSING": 1}),
    "vn_38_self_intersection.geojson": ("communes", "refused", {"GEOM_SELF_CROSSING": 1}),
    "kml_bad.kml": ("tourism_points", "refused", {"GEOM_COORDINATE_TYPE": 3}),
    "kml_null_geometry.kml": ("tourism_points", "refused", {"GEOM_MISSING": 1}),
    "kml_selfclosing.kml": ("tourism_points", "refused", {"GEOM_EMPTY": 1}),
    "kml_multigeometry_sibling.kml": ("tourism_points", "refused", {"GEOM_TYPE": 1}),
    "kml_gxtrack.kml": ("tourism_points", "refused", {"GEOM_TYPE": 1}),
    "kml_cdata.kml": ("tourism_points", "refused", {"GEOM_OUTSIDE_VIETNAM": 1}),
    "vn2000_epsg9208_nghe_an.zip": ("communes", "refused", {"FIELD_MISSING": 12}),
    "vn2000_esri_custom_name_da_nang.zip": ("communes", "refused", {"FIELD_MISSING": 16}),
    "dbf_cp1258_decomposed_ninh_binh.zip": ("communes", "refused", {"FIELD_MISSING": 12}),
    "dbf_utf8_no_cpg_nghe_an.zip": ("communes", "refused", {"FIELD_MISSING": 12}),
    "geojson_nfd_names_da_nang.geojson": ("communes", "refused", {"FIELD_MISSING": 16}),
    "geojson_metres_without_crs.geojson": ("communes", "refused", {"GEOM_OUTSIDE_VIETNAM": 8}),
    "gpkg_two_layers_two_crs.gpkg": ("growing_areas", "needs_choice", {"LAYER_CHOICE": 1}),
    "sqlite_renamed_gpkg.gpkg": ("villages", "refused", {"UPLOAD_FORMAT": 1}),
    "zip_duplicate_member.zip": ("communes", "refused", {"ZIP_DUPLICATE": 1}),
    "zip_vietnamese_member_names.zip": ("communes", "refused", {"FIELD_MISSING": 4}),
}

# What becomes of a file once its sender has chosen what was asked for.
CHOSEN: list[tuple[str, dict[str, str], Expectation]] = [
    (
        "shp_trailing_byte_in_shp_and_dbf.zip",
        {"crs": "EPSG:4326"},
        ("villages", "refused", {"COORDINATES_ROUNDED": 1, "GEOM_TYPE": 10}),
    ),
    ("zip_two_shapefiles_no_prj.zip", {"layer": "blockgroups"}, ("villages", "needs_choice", {"CRS_MISSING": 1})),
    (
        "zip_two_shapefiles_no_prj.zip",
        {"layer": "blockgroups2", "crs": "EPSG:4326"},
        ("villages", "refused", {"GEOM_OUTSIDE_VIETNAM": 663}),
    ),
    (
        "zip_only_shp_sbx.zip",
        {"crs": "EPSG:4326"},
        ("villages", "refused", {"DBF_MISSING": 1, "GEOM_SELF_CROSSING": 9, "GEOM_OUTSIDE_VIETNAM": 5}),
    ),
    ("zip_lonlat_but_no_prj.zip", {"crs": "EPSG:4326"}, ("growing_areas", "refused", {"GEOM_OUTSIDE_VIETNAM": 1})),
    ("shp_nested_tiny_rings.zip", {"crs": "EPSG:4326"}, ("villages", "refused", {"GEOM_OUTSIDE_VIETNAM": 1})),
    (
        "shp_alone_null_in_middle.zip",
        {"crs": "EPSG:4326"},
        ("villages", "refused", {"DBF_MISSING": 1, "GEOM_MISSING": 1, "GEOM_OUTSIDE_VIETNAM": 2}),
    ),
    ("shp_all_attributes_null.zip", {"crs": "EPSG:25830"}, ("villages", "refused", {"GEOM_OUTSIDE_VIETNAM": 1})),
    (
        "world_borders_antimeridian_no_prj.zip",
        {"crs": "EPSG:4326"},
        (
            "provinces",
            "refused",
            {"FIELD_MISSING": 8, "ENCODING_UNSURE": 1, "GEOM_SELF_CROSSING": 4, "GEOM_OUTSIDE_VIETNAM": 238},
        ),
    ),
    ("gpkg_two_layers_two_crs.gpkg", {"layer": "vung_trong"}, ("growing_areas", "refused", {"FIELD_MISSING": 12})),
    ("gpkg_two_layers_two_crs.gpkg", {"layer": "không có"}, ("growing_areas", "needs_choice", {"LAYER_UNKNOWN": 1})),
    ("geojson_metres_without_crs.geojson", {"crs": "EPSG:5899"}, ("communes", "refused", {"FIELD_MISSING": 16})),
    ("geojson_metres_without_crs.geojson", {"crs": "EPSG:99999"}, ("communes", "needs_choice", {"CRS_UNUSABLE": 1})),
]

# Boundaries in every system, encoding and spelling, as an operator loads them.
BOUNDARIES: dict[str, tuple[int, dict[str, str]]] = {
    "vn2000_epsg9208_nghe_an.zip": (6, {}),
    "vn2000_esri_custom_name_da_nang.zip": (8, {}),
    "dbf_cp1258_decomposed_ninh_binh.zip": (6, {}),
    "dbf_utf8_no_cpg_nghe_an.zip": (6, {}),
    "geojson_nfd_names_da_nang.geojson": (8, {}),
    "geojson_metres_without_crs.geojson": (8, {"crs": "EPSG:5899"}),
    "gpkg_two_layers_two_crs.gpkg": (6, {"layer": "vung_trong"}),
    "zip_vietnamese_member_names.zip": (2, {}),
}


@pytest.fixture(scope="module")
def database(cases_database: Database) -> Database:
    """The database of all cases."""
    return cases_database


def send(database: Database, name: str, register: str, options: dict[str, str]) -> Published:
    """Import one file as the system."""
    return import_file(database, ImportRequest(CASES / name, name, get_register(register), SYSTEM, **options))


def count_rows(database: Database, register: str) -> tuple[int, int]:
    """Return the rows of a register and the tables left in the schema for staging."""
    query = text(
        f"SELECT (SELECT count(*) FROM reg.{register}), (SELECT count(*) FROM pg_tables WHERE schemaname = 'staging')"
    )
    with database.worker() as connection:
        row = connection.execute(query).one()
    return row[0], row[1]


def told(published: Published) -> dict[str, int]:
    """Count what the report says beside unused columns; notes on the file by their own code."""
    report = published.report
    found = Counter({code: count for code, count in report.counts.items() if not code.startswith("COLUMN_")})
    return dict(found)


def outcome(published: Published) -> str:
    """Say in a word or two what became of a file."""
    return f"published {published.counts.added}" if published.revision else published.report.outcome


def check(database: Database, name: str, expected: Expectation, options: dict[str, str]) -> None:
    """Import a file and compare what became of it."""
    register, ending, counts = expected
    rows_before, _ = count_rows(database, register)
    started = time.monotonic()
    published = send(database, name, register, options)
    assert time.monotonic() - started < LIMIT_S
    assert (outcome(published), told(published)) == (ending, counts)
    report = published.report
    assert report.read == report.valid + report.rejected
    assert count_rows(database, register) == (rows_before + published.counts.added, 0)
    for message in report.messages:
        assert message["code"] in KINDS
        assert message["vi"]
        assert message["en"]
        assert message["level"] != "error" or message["remedy"]["vi"]


def test_the_table_has_every_file_of_the_manifest() -> None:
    with MANIFEST.open(encoding="utf-8", newline="") as file:
        names = [row["file"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    assert sorted(names) == sorted(TABLE)
    assert len(names) == 58


@pytest.mark.parametrize("name", TABLE)
def test_every_file_ends_in_a_revision_or_a_coded_report(database: Database, name: str) -> None:
    check(database, name, TABLE[name], {})


@pytest.mark.parametrize(("name", "options", "expected"), CHOSEN, ids=[f"{one[0]}-{one[1]}" for one in CHOSEN])
def test_a_file_goes_on_with_what_its_sender_chose(
    database: Database, name: str, options: dict[str, str], expected: Expectation
) -> None:
    check(database, name, expected, options)


def test_layers_to_choose_from_are_told_with_their_coordinate_systems(database: Database) -> None:
    layers = send(database, "gpkg_two_layers_two_crs.gpkg", "communes", {}).report.layers
    assert [(one["name"], one["rows"], one["crs"]) for one in layers] == [
        ("vung_trong", 6, "VN-2000 / TM-3 105-45"),
        ("diem_4326", 6, "WGS 84"),
    ]
    chosen = send(database, "gpkg_two_layers_two_crs.gpkg", "communes", {"layer": "vung_trong"}).report
    told = ("name", "geometry", "rows", "crs")
    assert [[one[name] for name in told] for one in chosen.layers] == [[one[name] for name in told] for one in layers]
    assert all(one["columns"] == ["ma_xa", "ten_xa", "dt_km2"] and len(one["sample"]) == 5 for one in layers)
    assert [bool(one["sample"]) for one in chosen.layers] == [True, False]
    assert chosen.crs is not None
    assert chosen.crs["chosen"] == "EPSG:9210"


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("vn_48_hai_chau_self_intersection.geojson", (108.217108, 16.056879)),
        ("vn_48_hoa_cuong_self_intersection.geojson", None),
        ("vn_38_self_intersection.geojson", None),
    ],
)
def test_a_broken_boundary_is_reported_with_the_place_where_it_crosses_itself(
    database: Database, name: str, place: tuple[float, float] | None
) -> None:
    message = next(
        one for one in send(database, name, "communes", {}).report.messages if one["code"] == "GEOM_SELF_CROSSING"
    )
    outline = shapely.from_geojson(json.dumps(json.loads((CASES / name).read_text(encoding="utf-8"))))
    assert outline.distance(shapely.Point(message["place"])) < 1e-6
    if place is not None:
        assert message["place"] == pytest.approx(place, abs=1e-6)


def test_names_keep_their_accents(scratch_url: str) -> None:
    name = "vn_biosphere_reserves_crs_member.geojson"
    database = Database(settings_for(scratch_url))
    path = CASES / name
    request = ImportRequest(path, name, get_register("villages"), SYSTEM, commune="20333")
    published = import_file(database, request)
    with database.read() as connection:
        stored = sorted(connection.scalars(text("SELECT name FROM open.villages")))
    database.dispose()
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    invalid = {one["row"] for one in published.report.messages if one["code"] == "GEOM_SELF_CROSSING"}
    wanted = [one["properties"]["Ten"] for row, one in enumerate(features, 1) if row not in invalid]
    assert stored == sorted(unicodedata.normalize("NFC", name) for name in wanted)
    assert len(stored) == 13
    assert "Cù Lao Chàm - Hội An" in stored


# --- boundaries


@pytest.fixture(scope="module")
def blank(server: Server, worker_name: str) -> Iterator[Database]:
    """A database whose communes have no boundary yet."""
    name = f"boundary_cases_{worker_name}"
    found = Database(settings_for(server.create(name, TEMPLATE)))
    yield found
    found.dispose()
    server.drop(name)


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, shapely.Geometry]:
    """The full boundaries of five provinces by commune code."""
    path = tmp_path_factory.mktemp("seed") / "seed.gpkg"
    with gzip.open(SHARED / "boundaries" / "vn_units_seed.gpkg.gz") as packed, path.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    frame = pyogrio.read_dataframe(path, layer="commune_seed", columns=["code"])
    return dict(zip(frame["code"], frame.geometry, strict=True))


def load(blank: Database, name: str) -> tuple[BoundaryReport, dict[str, Any]]:
    """Load a file of boundaries; return the report and what the register then holds."""
    count, options = BOUNDARIES[name]
    report = load_boundaries(blank, CASES / name, get_register("communes"), **options)
    assert (len(report.matched), report.unknown, report.invalid) == (count, [], [])
    query = text("SELECT code, ST_AsBinary(geom) FROM open.communes WHERE code = ANY(:codes)")
    with blank.read() as connection:
        rows = connection.execute(query, {"codes": report.matched}).all()
    return report, {row[0]: shapely.from_wkb(bytes(row[1])) for row in rows}


@pytest.mark.parametrize("name", BOUNDARIES)
def test_boundaries_cover_the_commune_whose_code_they_carry(
    blank: Database, seed: dict[str, shapely.Geometry], name: str
) -> None:
    _, found = load(blank, name)
    for code, shape in found.items():
        true = seed[code]
        assert shape.intersection(true).area / max(shape.area, true.area) >= 0.98, code


def test_vn_2000_lands_within_five_centimetres_of_epsg_s_own_operation(blank: Database) -> None:
    name = "vn2000_epsg9208_nghe_an.zip"
    report, found = load(blank, name)
    assert report.crs is not None
    assert (report.crs["chosen"], report.crs["operation"]) == ("EPSG:9208", "VN-2000 to WGS 84 (2)")
    frame = pyogrio.read_dataframe(CASES / name)
    group = TransformerGroup(9208, 4326, always_xy=True)
    operation = next(one for one in group.transformers if "VN-2000 to WGS 84 (2)" in one.description)
    ellipsoid = pyproj.Geod(ellps="WGS84")
    for code, shape in zip(frame["ma_xa"], frame.geometry, strict=True):
        true = np.column_stack(operation.transform(*shapely.get_coordinates(shape).T))
        landed = shapely.get_coordinates(found[code])
        assert len(landed) == len(true)
        nearest = shapely.STRtree(shapely.points(landed)).nearest(shapely.points(true))
        _, _, apart_m = ellipsoid.inv(*true.T, *landed[nearest].T)
        assert apart_m.max() < 0.05
