"""Workbooks: where the table begins, values as text, places in columns, and what is refused."""

import contextlib
import datetime
import random
import time
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlwt

from geodata.importing.context import ReaderLimits
from geodata.importing.results import UnreadableFileError
from geodata.importing.workbook import find_header, read_header
from tests.geodata.importing.files import codes, read, refusal, refusal_here, rows, values, wkt
from tests.geodata.importing.workbooks import rewritten, workbook

HEADER = ["Tên", "Kinh độ", "Vĩ độ"]
PLACE = ["Huế", 107.5, 16.5]


def test_values_become_text_as_in_other_formats(tmp_path: Path) -> None:
    moment = datetime.datetime(2026, 3, 15, 7, 30)  # noqa: DTZ001 - spreadsheets know no zones
    header = ["Mã", "Số", "Lẻ", "Đúng", "Ngày", "Lúc", "Lỗi", "Điện thoại"]
    line = ["00123", 12, 12.5, True, datetime.date(2026, 3, 15), moment, None, 84912345678]

    def more(book: Any, sheets: list[Any]) -> None:
        sheets[0].write_formula(1, 6, "=1/0", value="#DIV/0!")
        sheets[0].write_datetime(1, 5, moment, book.add_format({"num_format": "dd/mm/yyyy hh:mm"}))

    result = read(tmp_path, workbook([header, line], change=more), "a.xlsx")
    found = {name: rows(result)[0][name] for name in header}
    assert found == {
        "Mã": "00123", "Số": "12", "Lẻ": "12.5", "Đúng": "true", "Ngày": "2026-03-15", "Lúc": "2026-03-15T07:30:00",
        "Lỗi": None, "Điện thoại": "84912345678",
    }  # fmt: skip
    assert (result.format, result.layer, result.geometry_type) == ("XLSX", "Trang 1", None)


@pytest.mark.parametrize("axes", [("Kinh độ", "Vĩ độ"), ("Lon", "Lat"), ("Easting (m)", "Northing (m)"), ("X", "Y")])
def test_places_come_from_the_columns_as_in_csv(tmp_path: Path, axes: tuple[str, str]) -> None:
    place = ["105°30'", "21,25"] if axes[0] in ("Kinh độ", "Lon") else [545123.5, "2.345.678"]
    result = read(tmp_path, workbook([["Tên", *axes], ["a", *place], ["b", None, None]]), "a.xlsx")
    expected = "POINT (105.5 21.25)" if axes[0] in ("Kinh độ", "Lon") else "POINT (545123.5 2345678)"
    assert wkt(result) == [expected, None]
    assert result.crs_hint == ("degrees" if "105" in expected else "metres")


def test_wkt_columns_are_read(tmp_path: Path) -> None:
    result = read(tmp_path, workbook([["id", "WKT"], [1, "POLYGON((0 0,0 4,4 4,0 0))"]]), "a.xlsx")
    assert (wkt(result), result.columns) == (["POLYGON ((0 0, 0 4, 4 4, 0 0))"], ("id",))


def test_the_header_is_found_below_titles_and_rows_keep_the_sheet_s_numbers(tmp_path: Path) -> None:
    def more(book: Any, sheets: list[Any]) -> None:
        sheets[0].merge_range(1, 0, 1, 4, "DANH SÁCH VÙNG TRỒNG NĂM 2026", book.add_format({"bold": True}))

    sheet = [
        ["UBND XÃ HẢI HẬU", None, None, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", None],
        [],
        [],
        ["STT", "Tên vùng", "Tọa độ", None, "Ghi chú"],
        [None, None, "Kinh độ", "Vĩ độ", None],
        ["(1)", "(2)", "(3)", "(4)", "(5)"],
        [1, "Vùng A", 106.5, 20.5, None],
        [],
        [2, "Vùng B", 106.6, 20.6, "mới"],
    ]
    result = read(tmp_path, workbook(sheet, change=more), "a.xlsx")
    assert result.columns == ("STT", "Tên vùng", "Kinh độ", "Vĩ độ", "Ghi chú")
    assert [(row["_row"], row["Tên vùng"]) for row in rows(result)] == [(7, "Vùng A"), (9, "Vùng B")]
    assert wkt(result) == ["POINT (106.5 20.5)", "POINT (106.6 20.6)"]


@pytest.mark.parametrize(
    ("table", "header"),
    [
        ([["a", "b"], ["x", "y"]], (["a", "b"], 1)),
        ([["Danh sách"], ["a", "b", "c"], ["x", "y", "z"]], (["a", "b", "c"], 2)),
        ([["a", "", "c"], ["x", "y", "z"], ["x", "y", "z"]], (["a", "", "c"], 1)),
        ([["a", "b", "c", ""], ["1", "2", "3", ""], [1.0, 2.0, 3.0, ""]], (["a", "b", "c"], 1)),
        ([["a", "b", "c", "d"], [1.0, 2.0, 3.0, 4.0], ["x", "y", "z", "t"]], (["a", "b", "c", "d"], 2)),
        ([["a\nb ", "c"], [1.0, 2.0]], (["a b", "c"], 1)),
    ],
)
def test_headers_of_one_and_of_two_rows(table: list[list[Any]], header: tuple[list[str], int]) -> None:
    at = find_header(table)
    assert at is not None
    assert read_header(table, at) == header


@pytest.mark.parametrize("table", [[], [["", ""]], [[1.0, 2.0], [3.0, 4.0]], [["a", 1.0, 2.0, 3.0]]])
def test_what_names_no_columns_is_no_header(table: list[list[Any]]) -> None:
    assert find_header(table) is None


def test_sheets_are_layers_and_empty_or_hidden_ones_are_none(tmp_path: Path) -> None:
    def more(_book: Any, sheets: list[Any]) -> None:
        sheets[3].hide()

    data = workbook([HEADER, PLACE], [["Tên", "X", "Y"], ["b", 1.5, 2.5]], [], [HEADER, PLACE], change=more)
    error = refusal(tmp_path, data, "a.xlsx")
    assert error.code == "LAYER_CHOICE"
    layers = [(item["name"], item["geometry_type"], list(item["columns"])) for item in error.detail["layers"]]
    assert layers == [("Trang 1", "Point", HEADER), ("Trang 2", "Point", ["Tên", "X", "Y"])]
    assert error.detail["layers"][0]["sample"] == [{"Tên": "Huế", "Kinh độ": "107.5", "Vĩ độ": "16.5"}]
    result = read(tmp_path, data, "a.xlsx", layer="Trang 2")
    assert (values(result, "Tên"), codes(result)) == (["b"], ["SHEET_HIDDEN"])


def test_the_only_sheet_with_places_is_read_and_lists_beside_it_are_not(tmp_path: Path) -> None:
    assert read(tmp_path, workbook([HEADER, PLACE], [["Mã", "Tên"], ["1", "a"]]), "a.xlsx").layer == "Trang 1"
    assert read(tmp_path, workbook([["Mã", "Tên"], ["1", "a"]], []), "a.xlsx").layer == "Trang 1"


def test_a_workbook_that_other_programs_wrote_is_read(tmp_path: Path) -> None:
    book, out = openpyxl.Workbook(), BytesIO()
    for row in (HEADER, PLACE):
        book.active.append(row)
    book.save(out)
    assert wkt(read(tmp_path, out.getvalue(), "a.xlsx")) == ["POINT (107.5 16.5)"]


def test_a_workbook_is_known_by_what_it_holds(tmp_path: Path) -> None:
    assert read(tmp_path, workbook([HEADER, PLACE]), "a.csv").format == "XLSX"
    assert refusal(tmp_path, b"a,b\n1,2\n", "a.xlsx").code == "UPLOAD_FORMAT"


def test_a_workbook_in_an_archive_is_read_and_two_are_too_many(tmp_path: Path) -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("Bảng/a.xlsx", workbook([HEADER, PLACE]))
    assert wkt(read(tmp_path, out.getvalue(), "a.zip")) == ["POINT (107.5 16.5)"]
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("Bảng/b.xlsx", workbook([HEADER, PLACE]))
    assert refusal(tmp_path, out.getvalue(), "a.zip").code == "WORKBOOKS_SEVERAL"


ODS_CONTENT = """<?xml version="1.0" encoding="UTF-8"?><office:document-content
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"><office:body><office:spreadsheet>
 <table:table table:name="Trang 1">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"""


def ods(*table: list[Any], row: str = "<table:table-row>", between: str = "") -> bytes:
    def cell(value: Any) -> str:
        kind = "float" if isinstance(value, float) else "string"
        number = f' office:value="{value}"' if kind == "float" else ""
        return f'<table:table-cell office:value-type="{kind}"{number}><text:p>{value}</text:p></table:table-cell>'

    lines = "".join(f"{row}{between.join(['', *map(cell, cells), ''])}</table:table-row>{between}" for cells in table)
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", ODS_CONTENT.format(rows=lines))
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
    return out.getvalue()


@pytest.mark.parametrize("between", ["", "\n", "\n" + 20_000 * " "])
def test_open_document_sheets_are_read_however_their_xml_is_laid_out(tmp_path: Path, between: str) -> None:
    name = "Huế <text:span>a</text:span> <text:span>b</text:span>"
    result = read(tmp_path, ods(HEADER, [name, *PLACE[1:]], *[PLACE] * 40, between=between), "a.ods")
    assert (wkt(result), values(result, "Tên")) == (["POINT (107.5 16.5)"] * 41, ["Huế a b", *["Huế"] * 40])


def test_an_end_tag_of_another_name_is_refused_before_a_library_looks_for_the_right_one(tmp_path: Path) -> None:
    data = rewritten(ods(HEADER), lambda name, data: data.replace(b"</table:table>", b"</table:tacle>"))
    assert refusal_here(tmp_path, data, "a.ods").code == "WORKBOOK_BROKEN"


def test_old_workbooks_are_read(tmp_path: Path) -> None:
    book, out = xlwt.Workbook(), BytesIO()
    sheet = book.add_sheet("Trang cũ")
    for at, row in enumerate([["DANH SÁCH"], HEADER, PLACE]):
        for column, cell in enumerate(row):
            sheet.write(at, column, cell)
    book.save(out)
    result = read(tmp_path, out.getvalue(), "a.xls")
    assert (result.layer, wkt(result), values(result, "_row")) == ("Trang cũ", ["POINT (107.5 16.5)"], [3])
    broken = bytearray(out.getvalue())
    broken[600:5000:7] = b"\xff" * len(broken[600:5000:7])
    assert refusal(tmp_path, bytes(broken), "a.xls").code in ("WORKBOOK_BROKEN", "WORKBOOK_NO_TABLE")


HOSTILE = {
    "document type": (
        lambda name, data: b'<!DOCTYPE x [<!ENTITY a "b">]>' + data if name.endswith("sheet1.xml") else data
    ),
    "entity in the strings": (lambda name, data: data.replace(b"<sst", b"<! DOCTYPE a><sst")),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_a_document_type_in_any_part_is_refused(tmp_path: Path, how: str) -> None:
    assert refusal_here(tmp_path, rewritten(workbook([HEADER, PLACE]), HOSTILE[how]), "a.xlsx").code == "XML_DOCTYPE"
    bad = rewritten(ods(HEADER, PLACE), lambda name, data: b"<!DOCTYPE a>" + data if name == "content.xml" else data)
    assert refusal_here(tmp_path, bad, "a.ods").code == "XML_DOCTYPE"


def test_parts_in_utf_16_are_refused_since_they_could_hide_one(tmp_path: Path) -> None:
    data = rewritten(
        workbook([HEADER, PLACE]), lambda name, data: data.decode().encode("utf-16") if "sheet1" in name else data
    )
    assert refusal_here(tmp_path, data, "a.xlsx").code == "WORKBOOK_BROKEN"


def without(part: str) -> bytes:
    return rewritten(workbook([HEADER, PLACE]), lambda name, data: None if name.endswith(part) else data)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (without("sheet1.xml"), "WORKBOOK_BROKEN"),
        (without("workbook.xml.rels"), "WORKBOOK_BROKEN"),
        (rewritten(workbook([HEADER]), lambda name, data: data[:200] if "sheet1" in name else data), "WORKBOOK_BROKEN"),
        (workbook([HEADER, PLACE])[:-300], "UPLOAD_FORMAT"),
        (workbook([]), "WORKBOOK_NO_TABLE"),
        (workbook([[1, 2], [3, 4]]), "WORKBOOK_NO_TABLE"),
        (workbook([HEADER]), "EMPTY_LAYER"),
        (workbook([[f"c{at}" for at in range(300)], list(range(300))]), "TOO_MANY_COLUMNS"),
        (rewritten(workbook([HEADER]), lambda _, data: data, **{"../x.xml": b"<a/>"}), "ZIP_PATH"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "WORKBOOK_PASSWORD"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "Workbook".encode("utf-16-le"), "WORKBOOK_BROKEN"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "WordDocument".encode("utf-16-le"), "UPLOAD_FORMAT"),
    ],
    ids=["no sheet", "no relations", "cut sheet", "cut zip", "empty", "no header", "no rows", "columns", "path", "password",
         "broken xls", "word"],
)  # fmt: skip
def test_workbook_refusals(tmp_path: Path, data: bytes, code: str) -> None:
    assert refusal_here(tmp_path, data, "a.xlsx").code == code


def test_rows_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    data = workbook([HEADER, *[PLACE] * 11])
    assert refusal(tmp_path, data, "a.xlsx", limits=ReaderLimits(max_rows=10)).code == "TOO_MANY_ROWS"


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_a_stray_cell_at_the_end_of_the_sheet_costs_no_more_memory_than_allowed(tmp_path: Path, kind: str) -> None:
    started = time.monotonic()
    if kind == "xlsx":
        data = workbook([HEADER, PLACE], change=lambda _, sheets: sheets[0].write(1_048_575, 16_383, "x"))
    else:
        data = ods(HEADER, PLACE, ["x"] * 900, row='<table:table-row table:number-rows-repeated="1000000">')
    assert refusal(tmp_path, data, f"a.{kind}").code in (
        "READER_MEMORY",
        "READER_DIED",
        "WORKBOOK_BROKEN",
    )
    assert time.monotonic() - started < 60


@pytest.mark.long
def test_mutated_workbooks_end_in_rows_or_a_coded_refusal(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    seed = workbook([["DANH SÁCH"], HEADER, *[PLACE] * 20], [HEADER])
    for at in range(300):
        part = chance.choice(["sheet1.xml", "workbook.xml", "sharedStrings.xml", "styles.xml", ".rels"])

        def change(name: str, data: bytes, part: str = part) -> bytes:
            if not name.endswith(part):
                return data
            changed = bytearray(data)
            for _ in range(chance.choice([1, 3, 20])):
                changed[chance.randrange(len(changed))] = chance.choice(b"<>\"'/=&;0129AZ \xff")
            return bytes(changed)

        with contextlib.suppress(UnreadableFileError):
            rows(read(tmp_path, rewritten(seed, change), f"{at}.xlsx", timeout_s=30))
