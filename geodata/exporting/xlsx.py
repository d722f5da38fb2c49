"""A register as a workbook, written as the rows come: points with longitude and latitude, areas without their shape."""

import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from geodata.errors import ExportTooLargeError
from geodata.exporting.rows import Export

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

MAX_ROWS: Final = 1_048_576 - 1
"""Rows that a sheet holds below its header."""

MAX_TEXT: Final = 32_767
"""Characters that a cell holds."""

_POINT = struct.Struct("<BIdd")
_WIDTH, _ID_WIDTH = 16, 38


def write_xlsx(connection: Connection, export: Export, path: Path, published_at: datetime) -> int:
    """Write a register as a workbook of one sheet; the same state gives the same bytes.

    Texts are texts, whatever they look like: no formula, no link, no number without its first zeros. A number that the
    format would round is written as text, so that it reads back as the same number.

    Returns
    -------
    int
        How many rows it has.

    Raises
    ------
    ExportTooLargeError
        When a sheet does not hold all of them.
    """
    book = Workbook(str(path), {"constant_memory": True})
    try:
        # Without a time zone, as the format has it.
        book.set_properties(
            {"created": published_at.astimezone(UTC).replace(tzinfo=None), "title": export.register.title.vi}
        )
        sheet = book.add_worksheet(export.register.id)
        count = _fill(sheet, export, connection, book.add_format({"bold": True}))
    finally:
        book.close()
    return count


def _fill(sheet: Worksheet, export: Export, connection: Connection, bold: Any) -> int:
    is_point = export.register.geometry_kind == "point"
    headers = [*export.names, *(("lon", "lat") if is_point else ())]
    sheet.set_column(0, 0, _ID_WIDTH)
    sheet.set_column(1, len(headers) - 1, _WIDTH)
    sheet.freeze_panes(1, 1)
    for at, header in enumerate(headers):
        sheet.write_string(0, at, header, bold)
    count = 0
    for count, row in enumerate(export.rows(connection), 1):
        if count > MAX_ROWS:
            raise ExportTooLargeError(limit=MAX_ROWS)
        wkb = row.pop()
        values = [*row, *(_position(wkb) if is_point else ())]
        for at, value in enumerate(values):
            _write(sheet, count, at, value)
    return count


def _position(wkb: bytes | None) -> tuple[float, float] | tuple[None, None]:
    if wkb is None:
        return None, None
    _, _, lon, lat = _POINT.unpack(bytes(wkb))
    return lon, lat


def _write(sheet: Worksheet, row: int, at: int, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, at, value)
    elif isinstance(value, int | float) and float(f"{value:.16G}") == value:
        sheet.write_number(row, at, value)
    else:
        sheet.write_string(row, at, value if isinstance(value, str) else repr(value))
