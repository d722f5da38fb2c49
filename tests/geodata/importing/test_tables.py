"""CSV tables: delimiters, coordinates as people write them, odd rows."""

from pathlib import Path

import numpy as np
import pytest

from geodata.importing.place_columns import parse_coordinate
from geodata.importing.wkt import parse_wkt
from tests.geodata.importing.files import codes, read, refusal, rows, values, wkt

LIMIT = 1000


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


@pytest.mark.parametrize("before", ["\n\n", "\r\n", "\ufeff\n", "\n" * 100_000, "\nsep=,\n"])
def test_blank_lines_above_the_header_are_no_rows(tmp_path: Path, before: str) -> None:
    result = read(tmp_path, f"{before}ten,lon,lat\na,105,21\nb,105,21\n", "a.csv")
    assert values(result, "ten") == ["a", "b"]


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
