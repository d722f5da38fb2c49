"""Reports as files that officers work through: tables for a spreadsheet, places for a map."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

Report = Mapping[str, Any]
"""As `geodata.importing.report.Report.as_dict` gives it."""

Row = Sequence[Any]

OUTCOMES = {
    "ok": ("Nhận được", "Can be taken"),
    "needs_choice": ("Cần chọn thêm", "Needs a choice"),
    "refused": ("Không nhận được", "Cannot be taken"),
}
LEVELS = {"error": ("Lỗi", "Error"), "warning": ("Cảnh báo", "Warning"), "info": ("Thông tin", "Information")}

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_MESSAGE_HEADS = (
    "Mức / Level", "Mã / Code", "Dòng / Row", "Cột / Column", "Giá trị / Value", "Thông báo", "Cách sửa", "Message",
    "Remedy", "Kinh độ / Longitude", "Vĩ độ / Latitude",
)  # fmt: skip
_COLUMN_HEADS = ("Cột / Column", "Trường / Field", "Cách nhận ra / How", "Chắc chắn / Certain", "Ví dụ / Samples")
_HOW = {
    "name": "tên cột / name", "values": "giá trị / values", "memory": "lần trước / memory", "chosen": "đã chọn / chosen",
    "place": "tọa độ / place", "id": "mã bản ghi / record id", "none": "không rõ / none",
}  # fmt: skip
_MADE_ON = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
"""Written into every workbook, so that one report is one file byte by byte."""


def _message_rows(report: Report) -> Iterator[Row]:
    for said in report["messages"]:
        lon, lat = said["place"] or (None, None)
        remedy = said["remedy"]
        yield (
            " / ".join(LEVELS[said["level"]]), said["code"], said["row"], said["column"], said["value"], said["vi"],
            remedy["vi"], said["en"], remedy["en"], lon, lat,
        )  # fmt: skip


def csv_report(report: Report) -> bytes:
    """Write the messages as CSV that spreadsheets open: UTF-8 with its mark, and no cell that runs as a formula.

    Notes
    -----
    A text that begins as a formula gets an apostrophe before it (OWASP, “CSV Injection”).
    """
    written = io.StringIO(newline="")
    rows = csv.writer(written)
    rows.writerow(_MESSAGE_HEADS)
    rows.writerows([_guarded(cell) for cell in row] for row in _message_rows(report))
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def _guarded(cell: Any) -> Any:
    return "'" + cell if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def geojson_report(report: Report) -> bytes:
    """Write the messages as GeoJSON (RFC 7946), at their places; those without one have no geometry."""
    features = [
        {
            "type": "Feature",
            "geometry": said["place"] and {"type": "Point", "coordinates": said["place"]},
            "properties": {
                "code": said["code"], "level": said["level"], "row": said["row"], "column": said["column"],
                "value": said["value"], "vi": said["vi"], "en": said["en"],
                "remedy_vi": said["remedy"]["vi"], "remedy_en": said["remedy"]["en"],
            },
        }
        for said in report["messages"]
    ]  # fmt: skip
    collection = {"type": "FeatureCollection", "name": "report", "features": features}
    return orjson.dumps(collection, option=orjson.OPT_APPEND_NEWLINE)


def summary_rows(report: Report) -> Iterator[tuple[str, str, Any]]:
    """Yield what the report says of the file as a whole: title in Vietnamese, in English, value."""
    file, crs, rows = report["file"] or {}, report["crs"] or {}, report["rows"]
    yield "Kết quả", "Outcome", " / ".join(OUTCOMES[report["outcome"]])
    yield "Tệp", "File", file.get("name")
    yield "Định dạng", "Format", file.get("format")
    yield "Dung lượng (byte)", "Size (bytes)", file.get("size_bytes")
    yield "SHA-256", "SHA-256", file.get("sha256")
    yield "Lớp dữ liệu", "Register", report["register"]
    yield "Mã xã", "Commune code", report["commune"]
    yield "Lớp trong tệp", "Layer", report["layer"]
    yield "Hệ tọa độ", "Coordinate system", crs.get("chosen") or crs.get("name")
    yield "Phép chuyển", "Operation", crs.get("operation")
    yield "Số dòng", "Rows", rows["read"]
    yield "Hợp lệ", "Valid", rows["valid"]
    yield "Đã sửa tự động", "Repaired", rows["repaired"]
    yield "Bị từ chối", "Rejected", rows["rejected"]


def xlsx_report(report: Report) -> bytes:
    """Write the report as a workbook: summary, messages, columns. All texts are texts, none is a formula."""
    written = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(written, options) as book:
        book.set_properties({"title": "bandoso", "created": _MADE_ON})
        style = {
            "head": book.add_format({"bold": True, "bg_color": "#dbe7f3", "text_wrap": True, "valign": "top"}),
            "cell": book.add_format({"text_wrap": True, "valign": "top"}),
        }
        summary = [(f"{vi} / {en}" if vi != en else vi, value) for vi, en, value in summary_rows(report)]
        counts = [(code, count) for code, count in sorted(report["counts"].items())]
        _fill(book.add_worksheet("Tóm tắt"), ("Mục / Item", "Giá trị / Value"), [*summary, *counts], (34, 70), style)
        messages = book.add_worksheet("Thông báo")
        widths = (20, 24, 9, 20, 26, 60, 50, 60, 50, 14, 14)
        _fill(messages, _MESSAGE_HEADS, list(_message_rows(report)), widths, style)
        _fill(book.add_worksheet("Cột"), _COLUMN_HEADS, list(_column_rows(report)), (28, 24, 24, 20, 60), style)
    return written.getvalue()


def _column_rows(report: Report) -> Iterator[Row]:
    for column in report["columns"]:
        is_certain = "có / yes" if column["certain"] else "không / no"
        yield column["name"], column["field"], _HOW[column["how"]], is_certain, "; ".join(column["samples"])


def _fill(
    sheet: Worksheet, heads: Sequence[str], rows: Sequence[Row], widths: Sequence[int], style: Mapping[str, Any]
) -> None:
    """Write a table with a heading that stays in sight and can be filtered by."""
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)
    for at, row in enumerate([heads, *rows]):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(at, column, cell, style["cell" if at else "head"])
            elif cell is not None:
                sheet.write_number(at, column, cell, style["cell"])
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(rows), len(heads) - 1)
