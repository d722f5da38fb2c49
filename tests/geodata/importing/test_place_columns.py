"""Which columns hold the places: by name, by the officer's choice, or asked about."""

from pathlib import Path
from typing import Any

import pytest

from geodata.importing.context import WEB_LIMITS, ReadContext
from geodata.importing.place_columns import PlaceColumns, parse_coordinate
from tests.geodata.importing.files import codes, read, refusal, wkt
from tests.geodata.importing.workbooks import workbook


def pair(*names: str) -> list[str] | None:
    """Name the two columns that are taken without asking."""
    places = PlaceColumns(names, ReadContext(WEB_LIMITS))
    return None if places._axes is None else [names[at] for at in places._axes[:2]]


@pytest.mark.parametrize(
    "names",
    [
        ("KINH_DO", "VI_DO"), ("Kinh độ (độ)", "Vĩ độ (độ)"), ("Long", "Lat"), ("lng", "lat"), ("KD", "VD"),
        ("Tọa độ X (m)", "Tọa độ Y (m)"), ("X_VN2000", "Y_VN2000"), ("Toạ độ Đông", "Toạ độ Bắc"), ("E", "N"),
        ("Easting (m)", "Northing (m)"), ("x1", "y1"), ("Kinh độ WGS84", "Vĩ độ WGS84"),
    ],
)  # fmt: skip
def test_names_of_one_clear_pair_are_taken(names: tuple[str, str]) -> None:
    assert pair("Tên", *names) == list(names)
    assert pair(*reversed(names), "Ghi chú") == list(names)


def test_the_kind_that_needs_no_guess_about_its_system_comes_first() -> None:
    assert pair("x", "y", "lon", "lat") == ["lon", "lat"]
    assert pair("x", "y", "easting", "northing") == ["easting", "northing"]


@pytest.mark.parametrize("names", [("Tên", "Mã"), ("x",), ("Điểm", "Ngày"), ("lat", "x")])
def test_halves_and_other_names_are_no_pair(names: tuple[str, ...]) -> None:
    assert pair(*names) is None


TWO = "ten,x,y,x2,y2\na,105.5,21.5,105.6,21.6\n"


@pytest.mark.parametrize("is_workbook", [False, True], ids=["csv", "xlsx"])
def test_several_pairs_are_asked_about_with_candidates_and_samples(tmp_path: Path, is_workbook: bool) -> None:
    rows = [line.split(",") for line in TWO.splitlines()]
    data: bytes | str = workbook(rows) if is_workbook else TWO
    name = "a.xlsx" if is_workbook else "a.csv"
    error = refusal(tmp_path, data, name)
    assert error.code == "COLUMN_CHOICE"
    assert [(item["x_column"], item["y_column"]) for item in error.detail["candidates"]] == [("x", "y"), ("x2", "y2")]
    assert error.detail["sample"] == [dict(zip(*rows, strict=True))]
    assert error.detail["layer"] == ("Trang 1" if is_workbook else "a")
    chosen = {"x_column": "x2", "y_column": "y2"}
    assert wkt(read(tmp_path, data, name, place_columns=chosen)) == ["POINT (105.6 21.6)"]


def valued(*columns: list[Any], names: str = "c1,c2,c3") -> str:
    return "\n".join([names, *(",".join(map(str, row)) for row in zip(*columns, strict=True))])


DEGREES = (
    [f"n{at}" for at in range(9)],
    [105.5123 + at / 1000 for at in range(9)],
    [21.1234 + at / 1000 for at in range(9)],
)
METRES = (DEGREES[0], [2_345_678 + at for at in range(9)], [545_123 + at for at in range(9)])


def test_values_that_look_like_coordinates_are_asked_about_in_the_order_east_north(tmp_path: Path) -> None:
    for columns, expected in ((DEGREES, ("c2", "c3")), (METRES, ("c3", "c2"))):
        error = refusal(tmp_path, valued(*columns), "a.csv")
        found = [(item["x_column"], item["y_column"], item["how"]) for item in error.detail["candidates"]]
        assert (error.code, found) == ("COLUMN_CHOICE", [(*expected, "values")])


@pytest.mark.parametrize(
    "columns",
    [
        (DEGREES[0], [105] * 9, [21] * 9),
        (DEGREES[0], range(100, 109), range(10, 19)),
        (DEGREES[0], [250_000] * 9, [1_200_000] * 9),
        (DEGREES[0], DEGREES[0], METRES[1]),
        (DEGREES[0], METRES[1], METRES[1]),
        ([at + 0.51234 for at in range(9)], [at + 0.61234 for at in range(9)], DEGREES[0]),
    ],
    ids=["same degrees", "counts", "prices", "one only", "two northings", "small numbers"],
)
def test_other_numbers_are_not_taken_for_coordinates(tmp_path: Path, columns: tuple[list[Any], ...]) -> None:
    assert codes(read(tmp_path, valued(*columns), "a.csv")) == ["CSV_NO_GEOMETRY"]


def test_the_officer_may_say_that_a_table_has_no_places_or_name_a_wkt_column(tmp_path: Path) -> None:
    result = read(tmp_path, valued(*DEGREES), "a.csv", place_columns={})
    assert (result.geometry_type, codes(result)) == (None, ["CSV_NO_GEOMETRY"])
    data = "ten,hinh\na,POINT(1 2)\n"
    assert wkt(read(tmp_path, data, "a.csv", place_columns={"wkt_column": "hinh"})) == ["POINT (1 2)"]


SHAPES = [f"POLYGON ((105.{at} 21, 105.9 21, 105.9 21.5, 105.{at} 21))" for at in range(1, 5)]


@pytest.mark.parametrize("is_workbook", [False, True], ids=["csv", "xlsx"])
@pytest.mark.parametrize(
    ("header", "more", "candidates"),
    [
        (["ten", "Vị trí"], [], [("Vị trí",)]),
        (["ten", "Ranh giới", "lon", "lat"], ["105.5", "21.5"], [("Ranh giới",), ("lon", "lat")]),
        (["ten", "geom", "wkt"], ["POINT (1 2)"], [("geom",), ("wkt",)]),
    ],
    ids=["by values alone", "beside a pair", "two by name"],
)
def test_columns_of_shapes_that_no_name_decides_are_asked_about(
    tmp_path: Path, is_workbook: bool, header: list[str], more: list[str], candidates: list[tuple[str, ...]]
) -> None:
    rows = [header, *([f"n{at}", shape, *more] for at, shape in enumerate(SHAPES))]
    lines = "\n".join(";".join(row) for row in rows)
    data, name = (workbook(rows), "a.xlsx") if is_workbook else (lines, "a.csv")
    error = refusal(tmp_path, data, name)
    found = [tuple(name for key, name in item.items() if key != "how") for item in error.detail["candidates"]]
    assert (error.code, found) == ("COLUMN_CHOICE", candidates)
    result = read(tmp_path, data, name, place_columns={"wkt_column": header[1]})
    assert wkt(result)[0].startswith("POLYGON ((105.1 21")
    assert "CSV_NO_GEOMETRY" in codes(read(tmp_path, data, name, place_columns={}))


def test_remarks_that_begin_like_a_shape_are_none(tmp_path: Path) -> None:
    data = "ten;ghi\n" + "".join(
        f"n{at};{text}\n" for at, text in enumerate(["Point Coffee", "polygon", "POINT (1 2)"])
    )
    assert codes(read(tmp_path, data, "a.csv")) == ["CSV_NO_GEOMETRY"]


def test_a_chosen_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    error = refusal(tmp_path, TWO, "a.csv", place_columns={"x_column": "x9", "y_column": "y"})
    assert (error.code, error.detail["columns"]) == ("COLUMN_UNKNOWN", ["ten", "x", "y", "x2", "y2"])


def test_columns_of_one_name_can_be_told_apart(tmp_path: Path) -> None:
    data = "x,y,x,y\n105.5,21.5,105.6,21.6\n"
    error = refusal(tmp_path, data, "a.csv")
    assert [(item["x_column"], item["y_column"]) for item in error.detail["candidates"]] == [("x", "y"), ("x_2", "y_2")]
    assert wkt(read(tmp_path, data, "a.csv", place_columns={"x_column": "x_2", "y_column": "y_2"})) == [
        "POINT (105.6 21.6)"
    ]


@pytest.mark.parametrize(
    "data",
    [
        'Tên;Kinh độ;Vĩ độ\n"dòng 1\ndòng 2";105,5;21,25\n',
        "Tên|Kinh độ|Vĩ độ\na|105°30'|21°15'\n",
        "Tên\tKinh độ\tVĩ độ\na\t105 30 00\t21 15 00\n",
        "Tên,Vĩ độ,Kinh độ\na,21°15.0' N,E 105°30.0'\n",
        "Tên,Kinh độ,Vĩ độ\na,105 độ 30 phút 0 giây,21 độ 15 phút\n",
    ],
    ids=["semicolon", "pipe", "tab", "hemispheres", "words"],
)
def test_tables_as_spreadsheets_and_people_write_them(tmp_path: Path, data: str) -> None:
    # What Windows programs call Unicode text is UTF-16 between tabs.
    result = read(tmp_path, data.encode("utf-16" if "\t" in data else "utf-8-sig"), "a.csv")
    assert (wkt(result), result.crs_hint) == (["POINT (105.5 21.25)"], "degrees")


@pytest.mark.parametrize("text", ["105 61 00", "105 30 75", "105 30 36 12", "12 345", "105°"])
def test_what_is_no_degree_minute_second_is_not_read_as_one(text: str) -> None:
    assert not 105 < parse_coordinate(text) < 107
