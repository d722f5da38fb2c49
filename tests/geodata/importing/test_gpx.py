"""GPX: waypoints, routes and tracks."""

from pathlib import Path

import pytest

from geodata.importing.context import ReaderLimits
from tests.geodata.importing.files import read, refusal, refusal_here, rows, values, wkt

POINTS = (
    "<wpt lat='21' lon='105.5'><ele>7</ele><time>2026-03-15T01:00:00Z</time><name>Cổng làng</name><sym>Flag</sym></wpt>"
)
SEGMENT = "<trkseg><trkpt lat='21' lon='105'/><trkpt lat='21.5' lon='105.5'><ele>3</ele></trkpt></trkseg>"
TRACKS = (
    f"<trk><name>Tuyến 1</name>{SEGMENT}{SEGMENT}<trkseg><trkpt lat='1' lon='1'/></trkseg></trk><trk>{SEGMENT}</trk>"
)
ROUTES = "<rte><name>Đường</name><rtept lat='21' lon='105'><name>a</name></rtept><rtept lat='22' lon='106'/></rte>"


def gpx(*parts: str, prefix: str = "") -> str:
    body = "".join(parts)
    return f'<?xml version="1.0"?><gpx version="1.1" xmlns{prefix}="http://www.topografix.com/GPX/1/1">{body}</gpx>'


def test_waypoints_are_points_with_their_texts(tmp_path: Path) -> None:
    result = read(tmp_path, gpx(POINTS), "a.gpx")
    assert (result.format, result.layer, result.crs_hint, wkt(result)) == (
        "GPX",
        "waypoints",
        "degrees",
        ["POINT (105.5 21)"],
    )
    assert rows(result)[0]["name"] == "Cổng làng"
    assert set(result.columns) == {"ele", "time", "name", "sym"}


def test_attributes_that_programs_write_as_extensions_are_columns(tmp_path: Path) -> None:
    """QGIS and GDAL write so what GPX has no element for; a receiver's own settings lie deeper."""
    mine = "<ogr:don_vi>Hợp tác xã Mỹ Lộc</ogr:don_vi><ogr:name>khác</ogr:name>"
    other = "<g:WaypointExtension><g:DisplayMode>Symbol</g:DisplayMode></g:WaypointExtension>"
    spaces = "xmlns:ogr='http://osgeo.org/gdal' xmlns:g='http://g'"
    data = f"<wpt lat='21' lon='105'><name>Đình</name><extensions {spaces}>{mine}{other}</extensions></wpt>"
    assert rows(read(tmp_path, gpx(data), "a.gpx"))[0]["don_vi"] == "Hợp tác xã Mỹ Lộc"
    assert {*read(tmp_path, gpx(data), "a.gpx").columns} == {"name", "don_vi"}
    assert values(read(tmp_path, gpx(data), "a.gpx"), "name") == ["Đình"]


def test_tracks_are_lines_and_parts_of_one_position_are_left_out(tmp_path: Path) -> None:
    result = read(tmp_path, gpx(TRACKS), "a.gpx")
    line = "(105 21, 105.5 21.5)"
    assert wkt(result) == [f"MULTILINESTRING ({line}, {line})", f"LINESTRING {line}"]
    assert values(result, "name") == ["Tuyến 1", None]


def test_routes_keep_their_own_name_and_not_that_of_a_point(tmp_path: Path) -> None:
    result = read(tmp_path, gpx(ROUTES), "a.gpx")
    assert (wkt(result), values(result, "name")) == (["LINESTRING (105 21, 106 22)"], ["Đường"])


def test_several_kinds_are_layers_to_choose_from(tmp_path: Path) -> None:
    data = gpx(POINTS, TRACKS, ROUTES)
    error = refusal(tmp_path, data, "a.gpx")
    found = [(item["name"], item["row_count"]) for item in error.detail["layers"]]
    assert (error.code, found) == ("LAYER_CHOICE", [("waypoints", 1), ("routes", 1), ("tracks", 2)])
    assert error.detail["layers"][0]["sample"][0]["name"] == "Cổng làng"
    assert read(tmp_path, data, "a.gpx", layer="tracks").row_count == 2


def test_broken_positions_are_problems_of_their_rows(tmp_path: Path) -> None:
    bad = "<wpt lat='x' lon='105'/><wpt lon='105'/><wpt lat='nan' lon='1'/>" + POINTS
    result = read(tmp_path, gpx(bad), "a.gpx")
    problems = ["GEOM_COORDINATE_TYPE", "GEOM_COORDINATE_TYPE", "GEOM_NOT_FINITE", None]
    assert values(result, "_problem") == problems
    alone = read(tmp_path, gpx("<trk/><trk><trkseg><trkpt lat='1' lon='2'/></trkseg></trk>"), "a.gpx")
    assert values(alone, "_problem") == ["GEOM_EMPTY", "GEOM_TOO_FEW_POSITIONS"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (gpx(), "EMPTY_LAYER"),
        (gpx(POINTS)[:-10], "XML_SYNTAX"),
        ("<!DOCTYPE gpx [<!ENTITY a 'b'>]>" + gpx(POINTS), "XML_DOCTYPE"),
        (gpx("<extensions>" + "<a>" * 100 + "</a>" * 100 + "</extensions>"), "TOO_DEEP"),
        ("no xml", "XML_SYNTAX"),
        (gpx(POINTS * 20), "TOO_MANY_ROWS"),
    ],
    ids=["empty", "cut", "document type", "deep", "text", "rows"],
)
def test_gpx_refusals(tmp_path: Path, data: str, code: str) -> None:
    assert refusal_here(tmp_path, data, "a.gpx", limits=ReaderLimits(max_rows=10)).code == code


def test_gpx_is_known_by_its_root_whatever_the_name_prefix_or_encoding(tmp_path: Path) -> None:
    prefixed = gpx(POINTS, prefix=":g").replace("<gpx", "<g:gpx").replace("</gpx", "</g:gpx")
    for data in (gpx(POINTS).encode(), prefixed.encode(), gpx(POINTS).encode("utf-16")):
        assert (
            read(tmp_path, b"<!-- x -->" * (data[:1] == b"<" and data[1:2] != b"?") + data, "a.xml.csv").format == "GPX"
        )
