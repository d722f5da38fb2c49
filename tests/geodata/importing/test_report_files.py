"""Reports as tables and maps: whole, readable by the programs officers have, and never a formula."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import geopandas
import openpyxl
import pytest

from geodata.importing.report import MESSAGES_KEPT, Report
from geodata.importing.report_files import LEVELS, OUTCOMES, csv_report, geojson_report, summary_rows, xlsx_report
from tests.geodata.importing.test_report import checked

HOSTILE = ["=1+1", "+84912345678", "-2", "@SUM(A1)", "\tx", '=HYPERLINK("http://x")', "http://example.org/", "a\nb"]


@pytest.fixture
def report() -> dict[str, Any]:
    """A report on hostile values, one message with a place."""
    found = Report("addresses", "20194")
    for row, value in enumerate(HOSTILE, 1):
        found.add("FIELD_INVALID", row=row, column=value, value=value, title_vi=value, title_en=value)
    found.add(
        "OUTSIDE_COMMUNE", row=9, value="20194", place=[106.25, 20.5], commune_name="xã Nghĩa Đô", distance="15 m"
    )
    found.matches = [{"name": "=A1", "field": None, "how": "none", "certain": False, "samples": ["=1", "2"]}]
    return found.as_dict()


def test_the_table_has_every_message_and_opens_in_a_spreadsheet(report: dict[str, Any]) -> None:
    written = csv_report(report)
    assert written.startswith(b"\xef\xbb\xbf")
    head, *rows = csv.reader(io.StringIO(written.decode("utf-8-sig"), newline=""))
    assert len(rows) == len(report["messages"]) == 9
    assert all(len(row) == len(head) for row in rows)
    assert rows[-1][:3] + rows[-1][9:] == ["Lỗi / Error", "OUTSIDE_COMMUNE", "9", "106.25", "20.5"]
    assert "xã Nghĩa Đô khoảng 15 m" in rows[-1][5]


def test_no_cell_of_the_table_runs_as_a_formula(report: dict[str, Any]) -> None:
    _, *rows = csv.reader(io.StringIO(csv_report(report).decode("utf-8-sig"), newline=""))
    assert [row[4] for row in rows[:8]] == [f"'{value}" for value in HOSTILE[:6]] + HOSTILE[6:]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_the_workbook_has_three_sheets_with_headings_that_stay(report: dict[str, Any]) -> None:
    book = openpyxl.load_workbook(io.BytesIO(xlsx_report(report)))
    assert book.sheetnames == ["Tóm tắt", "Thông báo", "Cột"]
    for sheet in book:
        assert sheet.freeze_panes == "A2"
        assert sheet.column_dimensions["A"].width > 15
    summary = {row[0]: row[1] for row in book["Tóm tắt"].iter_rows(values_only=True)}
    assert (summary["Lớp dữ liệu / Register"], summary["FIELD_INVALID"]) == ("addresses", 8)
    messages = list(book["Thông báo"].iter_rows(min_row=2, values_only=True))
    assert [row[4] for row in messages[:8]] == HOSTILE
    assert messages[-1][2:] == (9, None, "20194", *messages[-1][5:9], 106.25, 20.5)


def test_no_cell_of_the_workbook_is_a_formula_or_a_link(report: dict[str, Any]) -> None:
    book = openpyxl.load_workbook(io.BytesIO(xlsx_report(report)))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s", "n"}
    assert not [cell for cell in cells if cell.hyperlink]


def test_one_report_is_one_workbook_byte_by_byte(report: dict[str, Any]) -> None:
    assert xlsx_report(report) == xlsx_report(report)


def test_the_map_has_a_feature_for_every_message_and_opens_in_gdal(report: dict[str, Any], tmp_path: Path) -> None:
    written = geojson_report(report)
    features = json.loads(written)["features"]
    assert [feature["geometry"] for feature in features[:8]] == [None] * 8
    assert features[8]["geometry"] == {"type": "Point", "coordinates": [106.25, 20.5]}
    (tmp_path / "r.geojson").write_bytes(written)
    frame = geopandas.read_file(tmp_path / "r.geojson")
    assert (len(frame), frame.crs.to_epsg(), frame.geometry.notna().sum()) == (9, 4326, 1)
    assert frame.iloc[8][["code", "level", "row"]].tolist() == ["OUTSIDE_COMMUNE", "error", 9]
    assert {"vi", "en", "remedy_vi", "remedy_en", "value", "column"} <= set(frame.columns)


def test_a_real_report_and_an_empty_one_can_be_written_in_every_form(tmp_path: Path) -> None:
    for report in (checked(tmp_path).as_dict(), Report("villages").as_dict()):
        assert json.loads(geojson_report(report))["type"] == "FeatureCollection"
        assert csv_report(report).count(b"\r\n") == 1 + len(report["messages"])
        assert openpyxl.load_workbook(io.BytesIO(xlsx_report(report)))["Thông báo"].max_row == 1 + len(
            report["messages"]
        )
        assert {vi: value for vi, _, value in summary_rows(report)}["Lớp dữ liệu"] == report["register"]


def test_every_outcome_and_level_has_its_words() -> None:
    assert set(OUTCOMES) == {"ok", "needs_choice", "refused"}
    assert set(LEVELS) == {"error", "warning", "info"}


def test_the_longest_report_is_written_whole() -> None:
    report = Report("addresses")
    for row in range(MESSAGES_KEPT + 5):
        report.add("GEOM_MISSING", row=row + 1)
    book = openpyxl.load_workbook(io.BytesIO(xlsx_report(report.as_dict())))
    assert book["Thông báo"].max_row == 1 + MESSAGES_KEPT
