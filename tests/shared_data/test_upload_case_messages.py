"""Shared upload cases: which rows their messages name, in which column, with which value, and where."""

import numpy as np
import pyogrio
import pytest
import shapely

from geodata.db import SYSTEM, Database
from geodata.importing.check import ImportRequest
from geodata.importing.publish import import_file
from geodata.importing.report import MESSAGES_KEPT, Report
from geodata.registers import get_register
from tests.shared_data.conftest import CASES

pytestmark = pytest.mark.skipif(not CASES.exists(), reason="../shared/data/upload-cases is not here")

Said = tuple[str, int | None, str | None, str | None]

OUTSIDE, TYPE, MISSING = "GEOM_OUTSIDE_VIETNAM", "GEOM_TYPE", "GEOM_MISSING"

# File and register: code, row, column and value of every message but those about columns that are not used.
SAID: dict[tuple[str, str], list[Said]] = {
    ("geojson_null_geometry.geojson", "villages"): [(MISSING, 1, None, None), (TYPE, 2, None, "LineString")],
    ("shp_zero_length_line_and_null.zip", "villages"): [
        (TYPE, 1, None, "LineString"), (MISSING, 2, None, None), (TYPE, 3, None, "LineString"),
    ],
    ("shp_polylinez_with_m.zip", "villages"): [
        ("Z_DROPPED", None, None, None), (TYPE, 1, None, "MultiLineString"),
    ],
    ("gpkg_line_zm.gpkg", "villages"): [("Z_DROPPED", None, None, None), (TYPE, 1, None, "LineString")],
    ("gpkg_curve.gpkg", "villages"): [("CURVES_LINEARISED", None, None, None), (TYPE, 1, None, "LineString")],
    ("zip_shapefile_in_subfolder.zip", "growing_areas"): [
        ("CRS_INACCURATE", None, None, "MGI / Austria Lambert"), ("Z_DROPPED", None, None, None),
        (OUTSIDE, 1, None, "12.27151, 46.93123"),
    ],
    ("shp_cpg_is_html_page.zip", "tourism_points"): [
        ("CPG_IGNORED", None, None, None), (OUTSIDE, 1, None, "-108.63281, 41.24477"),
        (OUTSIDE, 2, None, "-108.97957, 41.25303"),
    ],
    ("geojson_bad-duplicate-properties.geojson", "villages"): [
        ("GEOJSON_DUPLICATE_KEY", None, None, None), (MISSING, 1, None, None),
    ],
    ("geojson_badcoordtype.geojson", "villages"): [("GEOM_NESTING", 1, None, None)],
    ("geojson_stringcoord.geojson", "tourism_points"): [
        ("GEOM_COORDINATE_TYPE", 1, None, None), (OUTSIDE, 2, None, "20.39062, 41.50858"),
    ],
    ("geojson_short-linearring.geojson", "villages"): [("GEOM_RING_NOT_CLOSED", 1, None, None)],
    ("geojson_expected_object.geojson", "villages"): [("FEATURE_PROPERTIES", 1, None, None)],
    ("geojson_point-toofew.geojson", "tourism_points"): [("GEOM_TOO_FEW_POSITIONS", 1, None, None)],
    ("kml_bad.kml", "tourism_points"): [("GEOM_COORDINATE_TYPE", row, None, None) for row in (1, 2, 3)],
    ("kml_null_geometry.kml", "tourism_points"): [(MISSING, 1, None, None)],
    ("kml_selfclosing.kml", "tourism_points"): [("GEOM_EMPTY", 1, None, None)],
    ("kml_multigeometry_sibling.kml", "tourism_points"): [(TYPE, 1, None, "MultiLineString")],
    ("kml_gxtrack.kml", "tourism_points"): [(TYPE, 1, None, "LineString")],
    ("kml_cdata.kml", "tourism_points"): [(OUTSIDE, 1, None, "-122.08220, 37.42229")],
    ("vn_56_truong_sa_offshore.geojson", "villages"): [("FIELD_MISSING", 1, "name", None)],
}  # fmt: skip

# What the sentence itself must tell where the message has no value.
TOLD = {
    "geojson_bad-json.geojson": "dòng 3 (vị trí byte 31)",
    "shp_bad_record_length.zip": "vị trí byte 2956",
    "zip_duplicate_member.zip": "“lop.shp”",
    "zip_two_shapefiles_no_prj.zip": "2 lớp",
    "filegdb_many_layers.gdb.zip": "37 lớp",
    "sqlite_renamed_gpkg.gpkg": "SQLite",
    "not_a_zip.zip": ".zip",
    "geojson_rootstring.geojson": "JSON",
}


def send(database: Database, name: str, register: str) -> Report:
    """Have the system import a file of which nothing can be taken."""
    return import_file(database, ImportRequest(CASES / name, name, get_register(register), SYSTEM)).report


def said(report: Report) -> list[Said]:
    messages = report.as_dict()["messages"]
    found = [(one["code"], one["row"], one["column"], one["value"]) for one in messages]
    return [one for one in found if not one[0].startswith("COLUMN_")]


@pytest.mark.parametrize(("name", "register"), SAID)
def test_messages_name_the_row_the_column_and_the_value(cases_database: Database, name: str, register: str) -> None:
    assert said(send(cases_database, name, register)) == SAID[name, register]


@pytest.mark.parametrize("name", TOLD)
def test_a_file_that_is_no_use_as_a_whole_is_told_why(cases_database: Database, name: str) -> None:
    (message,) = send(cases_database, name, "villages").messages
    assert (message["row"], TOLD[name] in message["vi"]) == (None, True), message["vi"]


@pytest.mark.parametrize(
    ("name", "register", "code"),
    [
        ("shp_mostly_null_shapes_gda94.zip", "villages", MISSING),
        ("shp_30_invalid_of_1204_spaces_in_name.zip", "growing_areas", "GEOM_SELF_CROSSING"),
    ],
)
def test_the_rows_named_are_those_that_another_reader_finds(
    cases_database: Database, name: str, register: str, code: str
) -> None:
    report = send(cases_database, name, register)
    shapes = pyogrio.read_dataframe(CASES / name).geometry.to_numpy()
    is_wrong = shapely.is_missing(shapes) if code == MISSING else ~shapely.is_valid(shapes)
    last = report.messages[-1]["row"] if len(report.messages) == MESSAGES_KEPT else len(shapes)
    wanted = [row for row in (np.flatnonzero(is_wrong) + 1).tolist() if row <= last]
    found = [one for one in report.messages if one["code"] == code]
    assert sorted(one["row"] for one in found) == wanted
    assert len(wanted) >= 10
    for one in found if code != MISSING else ():
        assert shapes[one["row"] - 1].distance(shapely.Point(one["place"])) < 1e-6


@pytest.mark.parametrize(
    ("name", "encoding", "how"), [("shp_cpg_ansi_1250.zip", "cp1250", "cpg"), ("shp_cpg_utf8.zip", "utf-8", "bytes")]
)
def test_text_is_read_as_its_cpg_says(cases_database: Database, name: str, encoding: str, how: str) -> None:
    described = send(cases_database, name, "tourism_points").encoding["field"]
    assert (described["chosen"], described["how"], described["certain"]) == (encoding, how, True)
    read = pyogrio.read_dataframe(CASES / name, read_geometry=False)["field"].to_list()
    assert sorted(one["after"] for one in described["samples"]) == sorted(read)
