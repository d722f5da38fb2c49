"""What the reader makes of each format: rows, values, problems and warnings."""

import contextlib
import json
import random
import shutil
import sqlite3
import struct
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely
from numpy.typing import NDArray

from geodata.importing.gpkg import read_wkb
from geodata.importing.reader import read_job
from geodata.importing.sandbox import ReaderLimits, ReadResult, UnreadableFileError, iter_batches, read_upload
from geodata.importing.shp import nest_rings
from geodata.importing.tables import ColumnsGrewError, parse_coordinate, parse_wkt

SQUARE = [[0.0, 0.0], [0.0, 4.0], [4.0, 4.0], [4.0, 0.0], [0.0, 0.0]]
LIMIT = 1000


def read(tmp_path: Path, data: bytes | str, name: str, **options: Any) -> ReadResult:
    path = tmp_path / "stored"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_upload(path, tmp_path / "work", original_name=name, **options)


def refusal(tmp_path: Path, data: bytes | str, name: str, **options: Any) -> UnreadableFileError:
    with pytest.raises(UnreadableFileError) as caught:
        read(tmp_path, data, name, **options)
    return caught.value


def rows(result: ReadResult) -> list[dict[str, Any]]:
    return [row for batch in iter_batches(result) for row in batch.to_pylist()]


def values(result: ReadResult, column: str) -> list[Any]:
    return [row[column] for row in rows(result)]


def wkt(result: ReadResult) -> list[str | None]:
    return [None if wkb is None else shapely.from_wkb(wkb).wkt for wkb in values(result, "_wkb")]


def codes(result: ReadResult) -> list[str]:
    return [warning.code for warning in result.warnings]


def collection(*geometries: object, **members: object) -> str:
    features = [
        {"type": "Feature", "properties": {"n": at}, "geometry": geometry} for at, geometry in enumerate(geometries)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features, **members})


def shape(kind: str, coordinates: object) -> dict[str, object]:
    return {"type": kind, "coordinates": coordinates}


# GeoJSON


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
        ({"type": "GeometryCollection", "geometries": [shape("Point", [1, 2])]}, "GEOM_COLLECTION"),
        (shape("Circle", [1, 2]), "GEOM_TYPE"),
        (shape("Point", {"x": 1}), "GEOM_NESTING"),
        ("POINT (1 2)", "GEOM_UNREADABLE"),
    ],
)
def test_a_broken_geojson_geometry_is_one_reported_row(tmp_path: Path, geometry: object, problem: str) -> None:
    result = read(tmp_path, collection(geometry, shape("Point", [1, 2])), "a.geojson")
    assert values(result, "_problem") == [problem, None]
    assert wkt(result) == [None, "POINT (1 2)"]


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


def test_column_names_that_collide_are_renamed_with_a_note(tmp_path: Path) -> None:
    feature = {
        "type": "Feature",
        "properties": {"_row": 1, "te\u0302n": 2, "tên": 3, " ": 4},
        "geometry": None,
    }
    result = read(tmp_path, json.dumps(feature), "a.json")
    assert result.columns == ("_row_2", "tên", "tên_2", "cot_4")
    assert codes(result) == ["COLUMN_RENAMED", "COLUMN_RENAMED"]


def test_hostile_column_names_are_data(tmp_path: Path) -> None:
    names = ('name"); DROP TABLE x;--', "<img onerror=1>", "a\nb")
    feature = {"type": "Feature", "properties": dict.fromkeys(names, "v"), "geometry": None}
    assert read(tmp_path, json.dumps(feature), "a.json").columns == names


def test_ten_thousand_columns_are_refused(tmp_path: Path) -> None:
    feature = {"type": "Feature", "properties": {str(n): n for n in range(10_000)}, "geometry": None}
    assert refusal(tmp_path, json.dumps(feature), "a.json").code == "TOO_MANY_COLUMNS"


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


# KML


def kml(*placemarks: str) -> str:
    return f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{"".join(placemarks)}</Document></kml>'


def test_kml_names_folders_and_extended_data_become_columns(tmp_path: Path) -> None:
    data = (
        "<Folder><name>Thôn 1</name><Placemark><name>Nhà văn hóa</name><description><![CDATA[<b>x</b>]]></description>"
        '<ExtendedData><Data name="mã"><value>01</value></Data><SchemaData><SimpleData name="loại">A</SimpleData>'
        "</SchemaData></ExtendedData><Point><coordinates> 105.1 , 21.2 , 0 </coordinates></Point></Placemark></Folder>"
    )
    result = read(tmp_path, kml(data), "a.kml")
    row = rows(result)[0]
    assert shapely.from_wkb(row["_wkb"]).wkt == "POINT (105.1 21.2)"
    assert {name: row[name] for name in result.columns} == {
        "name": "Nhà văn hóa", "description": "<b>x</b>", "mã": "01", "loại": "A", "folder": "Thôn 1",
    }  # fmt: skip


def test_kml_polygons_keep_their_holes_and_mixed_parts_are_refused_by_row(tmp_path: Path) -> None:
    def ring(kind: str, low: int, high: int) -> str:
        corners = f"{low},{low} {high},{low} {high},{high} {low},{high} {low},{low}"
        return f"<{kind}><LinearRing><coordinates>{corners}</coordinates></LinearRing></{kind}>"

    polygon = f"<Polygon>{ring('innerBoundaryIs', 1, 2)}{ring('outerBoundaryIs', 0, 9)}</Polygon>"
    point = "<Point><coordinates>1,2</coordinates></Point>"
    result = read(
        tmp_path,
        kml(
            f"<Placemark>{polygon}</Placemark>",
            f"<Placemark><MultiGeometry>{point}{point}</MultiGeometry></Placemark>",
            f"<Placemark><MultiGeometry>{point}{polygon}</MultiGeometry></Placemark>",
        ),
        "a.kml",
    )
    first, second, third = wkt(result)
    assert first == "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1))"
    assert (second, third) == ("MULTIPOINT ((1 2), (1 2))", None)
    assert values(result, "_problem") == [None, None, "GEOM_COLLECTION"]


def test_kml_syntax_errors_name_their_line(tmp_path: Path) -> None:
    error = refusal(tmp_path, "<kml>\n<Placemark>\n</kml>", "a.kml")
    assert (error.code, error.detail["line"]) == ("XML_SYNTAX", 3)


def test_kmz_is_a_zip_with_kml(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as archive:
        archive.writestr("doc.kml", kml("<Placemark><Point><coordinates>1,2</coordinates></Point></Placemark>"))
    assert wkt(read(tmp_path, (tmp_path / "a.kmz").read_bytes(), "a.kmz")) == ["POINT (1 2)"]


# CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "names", [("lon", "lat"), ("Kinh độ", "Vĩ độ"), ("KINH_DO", "vi_do"), ("Longitude", "LATITUDE")]
)
def test_csv_delimiters_and_names_of_coordinates(tmp_path: Path, delimiter: str, names: tuple[str, str]) -> None:
    lines = [["tên", *names], ["Nhà A", "105.5", "21.25"]]
    result = read(tmp_path, "\n".join(delimiter.join(line) for line in lines), "a.csv")
    assert wkt(result) == ["POINT (105.5 21.25)"]
    assert result.columns == ("tên", *names)
    assert (result.crs_hint, result.crs_wkt is None) == ("degrees", False)


def test_csv_coordinates_as_people_write_them(tmp_path: Path) -> None:
    data = "ten;kinh do;vi do\na;105,5;21,25\nb;105°30'00\"E;21°15'00\"N\nc;;\nd;x;21\ne;105;\n"
    result = read(tmp_path, data, "a.csv")
    assert wkt(result) == ["POINT (105.5 21.25)", "POINT (105.5 21.25)", None, None, None]
    assert values(result, "_problem") == [
        None,
        None,
        "GEOM_NULL",
        "COORDINATE_UNREADABLE",
        "COORDINATE_UNREADABLE",
    ]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("545.123,45", 545123.45),
        ("2 345 678.5 m", 2345678.5),
        ("-1,5", -1.5),
        ("1e3", 1000.0),
        ("12°30′S", -12.5),
    ],
)
def test_coordinates_are_parsed(text: str, number: float) -> None:
    assert parse_coordinate(text) == number


@pytest.mark.parametrize("text", ["", "nan", "inf", "12abc", "--1", "1e9999", "°"])
def test_what_is_no_coordinate_is_nan_or_not_finite(text: str) -> None:
    assert not np.isfinite(parse_coordinate(text))


def test_csv_in_metres_says_so(tmp_path: Path) -> None:
    result = read(tmp_path, "ten,easting,northing\na,545123.5,2345678\n", "a.csv")
    assert (result.crs_wkt, result.crs_hint, wkt(result)) == (None, "metres", ["POINT (545123.5 2345678)"])
    result = read(tmp_path, "ten,x,y\na,2345678,545123\n", "a.csv")
    assert (result.crs_wkt, result.crs_hint, wkt(result)) == (None, "metres", ["POINT (2345678 545123)"])


def test_csv_with_wkt(tmp_path: Path) -> None:
    lines = [
        '"POINT (1 2)"',
        '"SRID=4326;MULTIPOINT((1 2),(3 4))"',
        '"POLYGON Z((0 0 1,0 4 1,4 4 1,0 0 1))"',
        "rubbish",
        "",
    ]
    result = read(tmp_path, "id,wkt\n" + "\n".join(f"{at},{line}" for at, line in enumerate(lines)), "a.csv")
    assert wkt(result) == [
        "POINT (1 2)",
        "MULTIPOINT ((1 2), (3 4))",
        "POLYGON ((0 0, 0 4, 4 4, 0 0))",
        None,
        None,
    ]
    assert values(result, "_problem") == [None, None, None, "GEOM_UNREADABLE", "GEOM_NULL"]
    assert (result.columns, result.crs_hint) == (("id",), "EPSG:4326")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("POINT EMPTY", "GEOM_EMPTY"),
        ("GEOMETRYCOLLECTION (POINT (1 2))", "GEOM_COLLECTION"),
        ("POINT (1)", "GEOM_TOO_FEW_POSITIONS"),
        ("CIRCULARSTRING (0 0, 1 1, 2 0)", "GEOM_TYPE"),
        ("POINT (a b)", "GEOM_UNREADABLE"),
        ("POLYGON (((((1 2)))))", "GEOM_NESTING"),
        ("POINT (1 2", "GEOM_UNREADABLE"),
        ("LINESTRING (0 0)", "GEOM_TOO_FEW_POSITIONS"),
    ],
)
def test_broken_wkt_is_coded(text: str, problem: str) -> None:
    assert parse_wkt(text, LIMIT) == (None, problem, None)


def test_csv_encodings(tmp_path: Path) -> None:
    data = "tên;lon;lat\nXã Nghĩa Đô;105;21\n"
    for raw in (
        data.encode(),
        data.encode("utf-8-sig"),
        data.encode("utf-16"),
        "tên;lon;lat\nXa\u0303 Nghi\u0303a Đô;105;21\n".encode("cp1258"),
    ):
        result = read(tmp_path, raw, "a.csv")
        assert result.columns[0] == "tên"
        assert values(result, "tên") == ["Xã Nghĩa Đô"]


def test_odd_rows_are_reported_and_the_numbers_of_the_others_hold(tmp_path: Path) -> None:
    body = [f"{number},105,21" for number in range(1, 1001)]
    body[499], body[799] = "500,105,21,extra", "800,105"
    result = read(tmp_path, "n,lon,lat\n" + "\n".join(body), "a.csv")
    found = rows(result)
    assert [row["_row"] for row in found] == list(range(1, 1001))
    assert all(row["n"] == str(row["_row"]) for row in found)
    assert [row["_row"] for row in found if row["_problem"] == "ROW_COLUMNS"] == [500, 800]


def test_quoted_line_breaks_formulas_and_trailing_blanks_survive_as_text(tmp_path: Path) -> None:
    data = 'sep=;\nten;lon;lat\n"dòng 1\ndòng 2";105;21\n=1+1;105;21\n"a;""b""";105;21\n00123;105;21\n'
    result = read(tmp_path, data, "a.csv")
    assert values(result, "ten") == ["dòng 1\ndòng 2", "=1+1", 'a;"b"', "00123"]


def test_a_table_without_coordinates_is_read_with_a_warning(tmp_path: Path) -> None:
    result = read(tmp_path, "mã,tên\n1,a\n", "a.csv")
    assert (result.geometry_type, values(result, "_problem"), codes(result)) == (
        None,
        [None],
        ["CSV_NO_GEOMETRY"],
    )


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"1,2\n3,4\n", "CSV_NO_HEADER"),
        (b"a,b\n\0\0\0", "UPLOAD_FORMAT"),
        (b"lon,lat\n", "EMPTY_LAYER"),
        (b"a" * (17 << 20), "CSV_LINE_TOO_LONG"),
        (b",".join(b"c%d" % n for n in range(10_000)) + b"\n", "TOO_MANY_COLUMNS"),
    ],
    ids=["no header", "binary", "empty", "one long line", "columns"],
)
def test_csv_refusals(tmp_path: Path, data: bytes, code: str) -> None:
    assert refusal(tmp_path, data, "a.csv").code == code


def test_rows_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    limits = ReaderLimits(max_rows=10)
    assert refusal(tmp_path, "lon,lat\n" + "105,21\n" * 11, "a.csv", limits=limits).code == "TOO_MANY_ROWS"
    assert refusal(tmp_path, collection(*[None] * 11), "a.geojson", limits=limits).code == "TOO_MANY_ROWS"


def test_a_text_beyond_64_kib_is_a_problem_of_its_row(tmp_path: Path) -> None:
    data = "t,lon,lat\n" + "x" * 65_536 + ",105,21\n" + "x" * 65_537 + ",105,21\n"
    result = read(tmp_path, data, "a.csv")
    assert values(result, "_problem") == [None, "TEXT_TOO_LONG"]
    assert [len(text or "") for text in values(result, "t")] == [65_536, 0]


# GeoPackage


def table(geometries: list[Any], crs: str = "EPSG:4326", **columns: list[Any]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=geometries, crs=crs)


def test_a_geopackage_written_by_gdal_is_read_whole(tmp_path: Path) -> None:
    frame = table(
        [shapely.Point(105, 21), None, shapely.Point()],
        ten=["Xã Nghĩa", None, " "],
        so=[1, 2, 3],
        r=[1.0, 2.5, None],
        co=[True, False, True],
    )
    pyogrio.write_dataframe(frame, tmp_path / "a.gpkg", layer="Điểm")
    result = read(tmp_path, (tmp_path / "a.gpkg").read_bytes(), "a.gpkg")
    assert (result.layer, result.columns, result.crs_hint) == ("Điểm", ("ten", "so", "r", "co"), "EPSG:4326")
    assert [list(row.values())[2:] for row in rows(result)] == [
        [None, "Xã Nghĩa", "1", "1", "true"],
        ["GEOM_NULL", None, "2", "2.5", "false"],
        ["GEOM_EMPTY", None, "3", None, "true"],
    ]


def test_one_broken_blob_does_not_fail_a_geopackage(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    pyogrio.write_dataframe(
        table([shapely.Point(n, n) for n in range(5)], n=list(range(5))), path, layer="v", SPATIAL_INDEX="NO"
    )
    blobs = [b"GP", b"junk", b"GP\0\x01" + bytes(4) + b"\1\3\0\0\0\xff\xff\xff\xff", None]
    with contextlib.closing(sqlite3.connect(path)) as database:
        for fid, blob in enumerate(blobs, start=1):
            database.execute("UPDATE v SET geom = ? WHERE fid = ?", (blob, fid))
        database.commit()
    result = read(tmp_path, path.read_bytes(), "a.gpkg")
    assert values(result, "_problem") == ["GEOM_UNREADABLE"] * 3 + ["GEOM_NULL", None]


def test_geopackage_rtree_and_feature_count_triggers_are_no_reason_to_refuse(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    pyogrio.write_dataframe(table([shapely.Point(1, 2)], a=["x"]), path, SPATIAL_INDEX="YES")
    with contextlib.closing(sqlite3.connect(path)) as database:
        kinds = {kind for (kind,) in database.execute("SELECT type FROM sqlite_master")}
    assert "trigger" in kinds
    assert read(tmp_path, path.read_bytes(), "a.gpkg").row_count == 1


def test_several_layers_must_be_chosen_unless_one_alone_has_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    for name in ("một", "hai"):
        pyogrio.write_dataframe(table([shapely.Point(1, 2)], a=[name]), path, layer=name)
    error = refusal(tmp_path, path.read_bytes(), "a.gpkg")
    assert error.code == "LAYER_CHOICE"
    assert [(item["name"], item["row_count"]) for item in error.detail["layers"]] == [("một", 1), ("hai", 1)]
    assert values(read(tmp_path, path.read_bytes(), "a.gpkg", layer="hai"), "a") == ["hai"]
    assert refusal(tmp_path, path.read_bytes(), "a.gpkg", layer="ba").code == "NO_LAYER"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute('DELETE FROM "một"')
        database.commit()
    assert read(tmp_path, path.read_bytes(), "a.gpkg").layer == "hai"


@pytest.mark.parametrize("order", ["<", ">"])
def test_wkb_of_any_order_and_dimension_is_read(order: str) -> None:
    for text in (
        "POINT Z (1 2 3)",
        "LINESTRING ZM (0 0 1 2, 1 1 3 4)",
        "MULTIPOLYGON Z (((0 0 1, 0 1 1, 1 1 1, 0 0 1)))",
    ):
        geometry = shapely.from_wkt(text)
        for flavour in ("iso", "extended"):
            data = shapely.to_wkb(geometry, byte_order=int(order == "<"), flavor=flavour)
            wkb, problem = read_wkb(data, LIMIT)
            assert problem is None
            assert shapely.from_wkb(wkb).wkt == shapely.force_2d(geometry).wkt


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "GEOM_UNREADABLE"),
        (b"\1\1\0\0\0", "GEOM_UNREADABLE"),
        (struct.pack("<BII", 1, 2, 0), "GEOM_EMPTY"),
        (struct.pack("<BII", 1, 2, 0xFFFFFFFF), "GEOM_UNREADABLE"),
        (struct.pack("<BII", 1, 7, 1) * 100_000, "GEOM_COLLECTION"),
        (struct.pack("<BII", 1, 12, 1) * 100_000, "GEOM_UNREADABLE"),
        (struct.pack("<BII", 1, 15, 1), "GEOM_TYPE"),
        (struct.pack("<BIdd", 1, 1, float("inf"), 0), "GEOM_NOT_FINITE"),
        (shapely.to_wkb(shapely.LineString(np.zeros((1001, 2)))), "GEOM_TOO_MANY_VERTICES"),
    ],
)
def test_lying_wkb_is_coded(data: bytes, problem: str) -> None:
    assert read_wkb(data, LIMIT) == (None, problem)


def test_arcs_become_lines_close_to_the_circle() -> None:
    full = struct.pack("<BII6d", 1, 8, 3, 1, 0, -1, 0, 1, 0)
    wkb, problem = read_wkb(full, LIMIT)
    circle = shapely.from_wkb(wkb)
    assert problem is None
    assert circle.is_closed
    assert abs(circle.length - 2 * np.pi) < 0.01
    half = shapely.from_wkb(read_wkb(struct.pack("<BII6d", 1, 8, 3, 0, 0, 1, 1, 2, 0), LIMIT)[0])
    assert abs(half.length - np.pi) < 0.01
    assert half.coords[0] == (0, 0)
    assert half.coords[-1] == (2, 0)


# Shapefile


def shapefile(folder: Path, frame: gpd.GeoDataFrame, name: str = "a", **options: Any) -> Path:
    folder.mkdir(exist_ok=True)
    pyogrio.write_dataframe(frame, folder / f"{name}.shp", **options)
    return folder / f"{name}.shp"


def zipped(folder: Path, *suffixes: str, inside: str = "") -> bytes:
    path = folder.parent / "made.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in sorted(folder.iterdir()):
            if not suffixes or item.suffix in suffixes:
                archive.write(item, inside + item.name)
    return path.read_bytes()


GEOMETRIES = {
    "Point": [shapely.Point(1, 2), None, shapely.Point(3, 4)],
    "PointZ": [shapely.Point(1, 2, 9), shapely.Point(3, 4, 9)],
    "MultiPoint": [shapely.MultiPoint([(1, 2), (3, 4)])],
    "LineString": [shapely.LineString([(0, 0), (1, 1)]), shapely.MultiLineString([[(0, 0), (1, 1)], [(2, 2), (3, 3)]])],
    "Polygon": [
        shapely.box(0, 0, 9, 9) - shapely.box(1, 1, 2, 2) - shapely.box(4, 4, 8, 8),
        shapely.MultiPolygon([shapely.box(0, 0, 9, 9) - shapely.box(1, 1, 8, 8), shapely.box(3, 3, 4, 4) - shapely.box(3.2, 3.2, 3.4, 3.4)]),
        shapely.box(0, 0, 1, 1),
    ],
    "PolygonZ": [shapely.force_3d(shapely.box(0, 0, 1, 1), 5)],
}  # fmt: skip


@pytest.mark.parametrize("kind", GEOMETRIES)
def test_shapefiles_written_by_gdal_come_back_equal(tmp_path: Path, kind: str) -> None:
    geometries = GEOMETRIES[kind]
    path = shapefile(tmp_path / "s", table(geometries, n=list(range(len(geometries)))))
    result = read_upload(path, tmp_path / "work", original_name="a.shp")
    found = [None if wkb is None else shapely.from_wkb(wkb) for wkb in values(result, "_wkb")]
    assert values(result, "n") == [str(n) for n in range(len(geometries))]
    for ours, theirs in zip(found, geometries, strict=True):
        assert (ours is None) == (theirs is None)
        assert ours is None or ours.normalize().equals_exact(shapely.force_2d(theirs).normalize(), 0)
    assert codes(result) == (["Z_DROPPED"] if kind.endswith("Z") else [])


def test_parts_are_found_in_folders_whatever_their_case(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "s", table([shapely.Point(1, 2)], ten=["Huế"]), ENCODING="UTF-8")
    path.with_suffix(".dbf").rename(path.with_suffix(".DBF"))
    path.with_suffix(".prj").rename(path.parent / "A.PRJ")
    result = read(tmp_path, zipped(tmp_path / "s", inside="Bản đồ/"), "a.zip")
    assert (result.layer, values(result, "ten"), str(result.crs_wkt)[:6]) == ("a", ["Huế"], "GEOGCS")


def test_missing_parts(tmp_path: Path) -> None:
    shapefile(tmp_path / "s", table([shapely.Point(1, 2)], ten=["Huế"]))
    result = read(tmp_path, zipped(tmp_path / "s", ".shp"), "a.zip")
    assert (codes(result), result.columns, result.crs_wkt) == (["DBF_MISSING"], (), None)
    error = refusal(tmp_path, zipped(tmp_path / "s", ".dbf", ".shx"), "a.zip")
    assert (error.code, error.detail["missing"]) == ("SHP_PARTS_MISSING", [".shp"])
    assert refusal(tmp_path, (tmp_path / "s" / "a.dbf").read_bytes(), "a.dbf").code == "SHP_PARTS_MISSING"


def test_more_shapes_than_records_and_the_reverse(tmp_path: Path) -> None:
    long = shapefile(tmp_path / "long", table([shapely.Point(n, n) for n in range(3)], n=[1, 2, 3]))
    short = shapefile(tmp_path / "short", table([shapely.Point(n, n) for n in range(2)], n=[8, 9]))
    (tmp_path / "a").mkdir()
    shutil.copy(long, tmp_path / "a" / "x.shp")
    shutil.copy(short.with_suffix(".dbf"), tmp_path / "a" / "x.dbf")
    result = read(tmp_path, zipped(tmp_path / "a"), "a.zip")
    assert (values(result, "n"), codes(result)) == (["8", "9", None], ["SHP_DBF_COUNT"])
    (tmp_path / "b").mkdir()
    shutil.copy(short, tmp_path / "b" / "x.shp")
    shutil.copy(long.with_suffix(".dbf"), tmp_path / "b" / "x.dbf")
    result = read(tmp_path, zipped(tmp_path / "b"), "b.zip")
    assert (values(result, "n"), values(result, "_problem")) == (["1", "2", "3"], [None, None, "GEOM_NULL"])


def test_deleted_records_are_left_out_with_their_shapes(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "s", table([shapely.Point(n, n) for n in range(3)], n=[1, 2, 3]))
    with path.with_suffix(".dbf").open("r+b") as file:
        header, record = struct.unpack("<HH", (file.seek(8), file.read(4))[1])
        file.seek(header + record)
        file.write(b"*")
    result = read_upload(path, tmp_path / "work", original_name="a.shp")
    assert (values(result, "_row"), values(result, "n"), wkt(result)) == (
        [1, 3],
        ["1", "3"],
        ["POINT (0 0)", "POINT (2 2)"],
    )
    assert codes(result) == ["DBF_DELETED"]


def test_points_that_are_not_finite_are_reported(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "s", table([shapely.Point(n, n) for n in range(3)], n=[1, 2, 3]))
    with path.open("r+b") as file:
        file.seek(100 + 28 + 12)
        file.write(struct.pack("<d", float("nan")))
    result = read_upload(path, tmp_path / "work", original_name="a.shp")
    assert values(result, "_problem") == [None, "GEOM_NOT_FINITE", None]


def test_a_record_with_too_many_vertices_is_skipped_without_reading_it(tmp_path: Path) -> None:
    lines = [
        shapely.LineString([(0, 0), (1, 1)]),
        shapely.LineString(np.random.default_rng(1).random((5000, 2))),
        shapely.LineString([(2, 2), (3, 3)]),
    ]
    path = shapefile(tmp_path / "s", table(lines, n=[1, 2, 3]))
    result = read_upload(path, tmp_path / "work", original_name="a.shp", limits=ReaderLimits(max_vertices=1000))
    assert values(result, "_problem") == [None, "GEOM_TOO_MANY_VERTICES", None]
    assert wkt(result)[2] == "LINESTRING (2 2, 3 3)"


def test_a_cut_shp_is_refused(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "s", table([shapely.box(n, n, n + 1, n + 1) for n in range(9)], n=list(range(9))))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(UnreadableFileError, match="SHP_BROKEN"):
        read_upload(path, tmp_path / "work", original_name="a.shp")


def test_unreadable_members_beside_a_layer_are_left_out_with_a_note(tmp_path: Path) -> None:
    shapefile(tmp_path / "s", table([shapely.Point(1, 2)], ten=["Huế"]))
    (tmp_path / "s" / "metadata.json").write_text('{"author": "x"}', encoding="ascii")
    result = read(tmp_path, zipped(tmp_path / "s"), "a.zip")
    assert (result.row_count, codes(result)) == (1, ["MEMBER_IGNORED"])


def ring(*corners: tuple[float, float]) -> NDArray[np.float64]:
    return np.array([*corners, corners[0]], np.float64)


def box_ring(low: float, high: float, *, clockwise: bool) -> NDArray[np.float64]:
    corners = [(low, low), (low, high), (high, high), (high, low)]
    return ring(*(corners if clockwise else corners[::-1]))


def test_holes_go_to_the_smallest_ring_around_them() -> None:
    rings = [box_ring(0, 20, clockwise=True), box_ring(1, 19, clockwise=False)]
    rings += [box_ring(2, 18, clockwise=True), box_ring(3, 17, clockwise=False)]
    assert nest_rings(rings) == [[0, 1], [2, 3]]
    assert nest_rings(rings[::-1]) == [[1, 0], [3, 2]]


def test_a_hole_without_a_ring_around_it_is_a_polygon() -> None:
    assert nest_rings([box_ring(0, 1, clockwise=True), box_ring(5, 6, clockwise=False)]) == [[0], [1]]


def test_rings_that_all_run_the_wrong_way_are_nested_by_containment() -> None:
    rings = [box_ring(low, 20 - low, clockwise=False) for low in (0, 1, 2)]
    assert nest_rings(rings) == [[0, 1], [2]]


def test_a_hole_that_touches_its_ring_is_still_its_hole() -> None:
    outer = ring((0, 0), (0, 10), (10, 10), (10, 0))
    touching = ring((0, 5), (3, 4), (3, 6))
    assert nest_rings([outer, touching]) == [[0, 1]]


# Mutated files


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    if chance.random() < 0.2:
        return data[: chance.randrange(len(data))]
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        at = chance.randrange(min(len(data), 400) if chance.random() < 0.5 else len(data))
        changed[at] = chance.choice([0, 255, 127, 128, changed[at] ^ 1 << chance.randrange(8), chance.randrange(256)])
    return bytes(changed)


def seeds(tmp_path: Path) -> dict[str, bytes]:
    points = table([shapely.Point(n, n) for n in range(20)], ten=["Xã Nghĩa Đô"] * 20, so=list(range(20)))
    areas = table(GEOMETRIES["Polygon"], ten=["Huế"] * 3)
    shapefile(tmp_path / "points", points, ENCODING="UTF-8")
    shapefile(tmp_path / "areas", areas)
    pyogrio.write_dataframe(areas, tmp_path / "a.gpkg", layer="a")
    return {
        "points.zip": zipped(tmp_path / "points"),
        "areas.gpkg": (tmp_path / "a.gpkg").read_bytes(),
        "a.geojson": collection(shape("Polygon", [SQUARE]), shape("Point", [1, 2])).encode(),
        "a.kml": kml("<Placemark><name>Huế</name><Point><coordinates>1,2</coordinates></Point></Placemark>").encode(),
        "a.csv": 'tên;lon;lat\n"Xã; Nghĩa";105,5;21\nb;105°30\'00"E;21\n'.encode(),
        "areas.shp": (tmp_path / "areas" / "a.shp").read_bytes(),
        "points.shp": (tmp_path / "points" / "a.shp").read_bytes(),
        "points.dbf": (tmp_path / "points" / "a.dbf").read_bytes(),
    }


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_mutated_files_end_in_rows_or_a_coded_refusal(tmp_path: Path) -> None:
    chance = random.Random(20260301)
    work = tmp_path / "work"
    for name, data in seeds(tmp_path).items():
        for _ in range(60):
            work.mkdir()
            path = work / f"in{Path(name).suffix}"
            path.write_bytes(mutated(data, chance))
            if path.suffix == ".dbf":
                shutil.copy(tmp_path / "points" / "a.shp", path := work / "in.shp")
            job = {
                "path": str(path),
                "suffix": path.suffix,
                "work_dir": str(work),
                "layer": None,
                "encoding": None,
            }
            with contextlib.suppress(UnreadableFileError):
                read_job(job, ReaderLimits())
                with pa.OSFile(str(work / "rows.arrow")) as file, pa.ipc.open_file(file) as reader:
                    for number in range(reader.num_record_batches):
                        reader.get_batch(number).validate(full=True)
            shutil.rmtree(work)


def test_limits_survive_the_way_to_the_child() -> None:
    assert ReaderLimits(**json.loads(json.dumps(asdict(ReaderLimits(max_rows=7))))).max_rows == 7
    assert issubclass(ColumnsGrewError, Exception)
