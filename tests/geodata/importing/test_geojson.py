"""GeoJSON: geometries, values, the scan for brackets, and broken files."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.geodata.importing.files import SQUARE, codes, collection, read, refusal, rows, shape, values, wkt


def test_geojson_geometries_become_plane_wkb(tmp_path: Path) -> None:
    data = collection(
        shape("Point", [105, 21, 7]),
        shape("LineString", [[0, 0], [1, 1, 5]]),
        shape("Polygon", [SQUARE]),
        shape("MultiPoint", [[1, 2], [3, 4]]),
        shape("MultiLineString", [[[0, 0], [1, 1]]]),
        shape("MultiPolygon", [[SQUARE]]),
    )
    result = read(tmp_path, data, "a.geojson")
    assert wkt(result) == [
        "POINT (105 21)",
        "LINESTRING (0 0, 1 1)",
        "POLYGON ((0 0, 0 4, 4 4, 4 0, 0 0))",
        "MULTIPOINT ((1 2), (3 4))",
        "MULTILINESTRING ((0 0, 1 1))",
        "MULTIPOLYGON (((0 0, 0 4, 4 4, 4 0, 0 0)))",
    ]
    assert values(result, "_problem") == [None] * 6
    assert values(result, "_row") == [1, 2, 3, 4, 5, 6]
    assert (result.geometry_type, result.crs_hint) == ("Geometry", "degrees")


@pytest.mark.parametrize(
    ("geometry", "problem"),
    [
        (None, "GEOM_NULL"),
        (shape("Point", ["105", "21"]), "GEOM_COORDINATE_TYPE"),
        (shape("Point", [True, 1]), "GEOM_COORDINATE_TYPE"),
        (shape("LineString", [[0, 0], [None, 1]]), "GEOM_COORDINATE_TYPE"),
        (shape("Point", [105]), "GEOM_TOO_FEW_POSITIONS"),
        (shape("Point", []), "GEOM_EMPTY"),
        (shape("Polygon", [[]]), "GEOM_EMPTY"),
        (shape("Point", [[105, 21]]), "GEOM_NESTING"),
        (shape("Polygon", SQUARE), "GEOM_NESTING"),
        (shape("MultiPolygon", [[[1]]]), "GEOM_NESTING"),
        (shape("LineString", [[0, 0]]), "GEOM_TOO_FEW_POSITIONS"),
        (shape("Polygon", [[[0, 0], [1, 1], [0, 0]]]), "GEOM_TOO_FEW_POSITIONS"),
        (shape("Point", [float("nan"), 1]), "GEOM_NOT_FINITE"),
        (shape("Point", [10**400, 1]), "GEOM_NOT_FINITE"),
        (shape("LineString", [[0, 0]] * 100_001), "GEOM_TOO_MANY_VERTICES"),
        (shape("Circle", [1, 2]), "GEOM_TYPE"),
        (shape("Point", {"x": 1}), "GEOM_NESTING"),
        ("POINT (1 2)", "GEOM_UNREADABLE"),
    ],
)
def test_a_broken_geojson_geometry_is_one_reported_row(tmp_path: Path, geometry: object, problem: str) -> None:
    result = read(tmp_path, collection(geometry, shape("Point", [1, 2])), "a.geojson")
    assert values(result, "_problem") == [problem, None]
    assert wkt(result) == [None, "POINT (1 2)"]


def test_a_collection_is_given_whole_with_its_problem(tmp_path: Path) -> None:
    inner = {"type": "GeometryCollection", "geometries": [shape("Point", [3, 4])]}
    members = {"type": "GeometryCollection", "geometries": [shape("Point", [1, 2]), inner]}
    result = read(tmp_path, collection(members), "a.geojson")
    assert values(result, "_problem") == ["GEOM_COLLECTION"]
    assert wkt(result) == ["GEOMETRYCOLLECTION (POINT (1 2), POINT (3 4))"]


def test_an_open_ring_is_given_closed_with_its_problem(tmp_path: Path) -> None:
    result = read(tmp_path, collection(shape("Polygon", [SQUARE[:-1]])), "a.geojson")
    assert values(result, "_problem") == ["GEOM_RING_NOT_CLOSED"]
    assert wkt(result) == ["POLYGON ((0 0, 0 4, 4 4, 4 0, 0 0))"]


def test_geojson_values_become_plain_text(tmp_path: Path) -> None:
    properties = {
        "a": 5.0, "b": 1e21, "c": 0.1, "d": True, "e": None, "f": {"x": [1]}, "g": "  Xa\u0303  ", "h": "",
        "i": 12345678901234567890, "j": "a\u0000b", "k": float("nan"), "l": "\ud800",
    }  # fmt: skip
    feature = {"type": "Feature", "id": "k1", "properties": properties, "geometry": None}
    (row,) = rows(read(tmp_path, json.dumps(feature), "a.json"))
    found = {name: value for name, value in row.items() if not name.startswith("_")}
    assert found == {
        "a": "5", "b": "1000000000000000000000", "c": "0.1", "d": "true", "e": None, "f": '{"x":[1]}', "g": "Xã",
        "h": None, "i": "12345678901234567890", "j": "ab", "k": None, "l": "?", "id": "k1",
    }  # fmt: skip


def test_columns_that_appear_late_are_kept(tmp_path: Path) -> None:
    features: list[dict[str, Any]]
    features = [{"type": "Feature", "properties": {"a": n}, "geometry": None} for n in range(6000)]
    features[5999]["properties"] = {"Ghi chú": "cuối"}
    result = read(tmp_path, json.dumps({"type": "FeatureCollection", "features": features}), "a.geojson")
    assert result.columns == ("a", "Ghi chú")
    assert result.row_count == 6000
    assert values(result, "Ghi chú")[-1] == "cuối"


def test_syntax_errors_name_offset_and_line_wherever_they_are(tmp_path: Path) -> None:
    whole = collection(*[shape("Point", [n, n]) for n in range(200)]).replace("}, {", "},\n{")
    for line, broken in ((1, '{"type" "x"'), (151, '"coordinates": [150, 150')):
        data = whole.replace(broken.replace('"type" "x"', '"type": "FeatureCollection"'), broken + ",,", 1)
        error = refusal(tmp_path, data, "a.geojson")
        assert (error.code, error.detail["line"]) == ("GEOJSON_SYNTAX", line)
        assert abs(error.detail["offset"] - (data.index(broken) + len(broken))) < 20


@pytest.mark.parametrize(
    "data", ['{"type":"FeatureCollection","features":[', '{"a":"b', "{}}", '{"features":[]]}', "[{}", "{]"]
)
def test_unbalanced_json_is_a_syntax_error(tmp_path: Path, data: str) -> None:
    assert refusal(tmp_path, data, "a.geojson").code == "GEOJSON_SYNTAX"


@pytest.mark.parametrize(
    "data",
    [
        '"x"',
        "null",
        "[]",
        "[1,2]",
        "{}",
        '{"type":"Topology"}',
        '{"type":"FeatureCollection"}',
        '{"type":["Feature"]}',
        '{"type":"FeatureCollection","features":{}}',
        '{"features":[],"type":"Feature"} []',
    ],
)
def test_json_that_is_no_geojson_is_refused(tmp_path: Path, data: str) -> None:
    assert refusal(tmp_path, data, "a.geojson").code == "UPLOAD_FORMAT"


def test_an_empty_collection_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, '{"type":"FeatureCollection","features":[ ]}', "a.geojson").code == "EMPTY_LAYER"


def test_elements_that_are_no_features_are_reported_rows(tmp_path: Path) -> None:
    data = '{"type":"FeatureCollection","features":[null, 1, {"type":"Feature","geometry":null}, [], "x"]}'
    found = values(read(tmp_path, data, "a.geojson"), "_problem")
    assert found == [
        "FEATURE_UNREADABLE",
        "FEATURE_UNREADABLE",
        "GEOM_NULL",
        "FEATURE_UNREADABLE",
        "FEATURE_UNREADABLE",
    ]


def test_brackets_and_quotes_in_text_do_not_confuse_the_scan(tmp_path: Path) -> None:
    tricky = ['"}],{"', "\\", '\\"', "\\\\", "{[" * 50, 'a\\\\\\"b', "]}"]
    features = [{"type": "Feature", "properties": {"t": text}, "geometry": None} for text in tricky * 50]
    result = read(tmp_path, json.dumps({"features": features, "type": "FeatureCollection"}), "a.geojson")
    assert values(result, "t") == tricky * 50


def test_quotes_and_slashes_at_the_edge_of_a_scanned_chunk_are_understood(tmp_path: Path) -> None:
    chunk = 4 << 20
    for shift in range(-3, 4):
        head = '{"type":"Feature","geometry":null,"properties":{"a":"'
        text = "x" * (chunk - len(head) + shift)
        data = head + text + '\\\\\\"{' + '","b":"{["}}'
        row = rows(read(tmp_path, data, "a.geojson"))[0]
        assert (row["a"], row["_problem"], row["b"]) == (None, "GEOM_NULL", "{[")


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\n\x1e", " "])
def test_geojson_sequences_are_read(tmp_path: Path, separator: str) -> None:
    lines = [
        json.dumps({"type": "Feature", "properties": {"n": n}, "geometry": shape("Point", [n, n])}) for n in range(3)
    ]
    result = read(tmp_path, ("\x1e" if "\x1e" in separator else "") + separator.join(lines), "a.geojsonl")
    assert values(result, "n") == ["0", "1", "2"]


def test_a_byte_order_mark_and_bare_geometries_are_accepted(tmp_path: Path) -> None:
    result = read(tmp_path, b"\xef\xbb\xbf" + json.dumps(shape("Point", [1, 2])).encode(), "a.geojson")
    assert wkt(result) == ["POINT (1 2)"]


def test_geojson_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    data = collection(None).replace('"n"', '"tên"').encode("cp1258")
    assert refusal(tmp_path, data, "a.geojson").code == "GEOJSON_ENCODING"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "degrees"),
        ("urn:ogc:def:crs:EPSG::9210", "EPSG:9210"),
        ("EPSG:3405", "EPSG:3405"),
    ],
)
def test_named_crs_are_understood(tmp_path: Path, name: str, hint: str) -> None:
    data = collection(shape("Point", [500000, 2000000]), crs={"type": "name", "properties": {"name": name}})
    result = read(tmp_path, data, "a.geojson")
    assert (result.crs_hint, result.crs_wkt is None) == (hint, hint != "degrees")
    assert wkt(result) == ["POINT (500000 2000000)"]


@pytest.mark.parametrize("name", ["VN-2000", "urn:ogc:def:crs:EPSG::", ""])
def test_unknown_crs_names_are_refused(tmp_path: Path, name: str) -> None:
    data = collection(None, crs={"type": "name", "properties": {"name": name}})
    assert refusal(tmp_path, data, "a.geojson").code == "GEOJSON_CRS"


def test_repeated_keys_are_noted(tmp_path: Path) -> None:
    data = '{"type":"Feature","geometry":null,"properties":{"a":1,"a":2}}'
    result = read(tmp_path, data, "a.geojson")
    assert (values(result, "a"), codes(result)) == (["2"], ["GEOJSON_DUPLICATE_KEY"])
