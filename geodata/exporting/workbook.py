"""A workbook of open data: a sheet of records, and one for each list of a record."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from geodata.exporting.flat_values import as_json
from geodata.exporting.gdal_files import list_rows
from geodata.exporting.open_columns import GEOMETRY, ID
from geodata.exporting.snapshot import Part
from geodata.exporting.xlsx import MAX_ROWS, MAX_TEXT, MEDIA_TYPE
from geodata.geometry import from_wkb

__all__ = ["MAX_ROWS", "MEDIA_TYPE", "write_workbook"]

_EPOCH_DAY: Final = 25_569
"""Of the first day of 1970 in a workbook."""

_DECIMALS = 7
_WIDTH, _ID_WIDTH = 16, 38


def write_workbook(part: Part, path: Path) -> None:
    """Write a part as a workbook; texts are texts, whatever they look like.

    Points have longitude and latitude, areas the middle of their box: a cell does not hold their shape.
    """
    book = Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
    try:
        book.set_properties({
            "title": part.about["title"], "comments": part.about["description"],
            "created": datetime.fromisoformat(part.changed_at).replace(tzinfo=None),
        })  # fmt: skip
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        bold = book.add_format({"bold": True})
        _fill(book.add_worksheet(part.register.id), part, bold, day)
        for side in part.columns.lists:
            _fill_list(book.add_worksheet(side.name), part, side, bold)
    finally:
        book.close()


def _head(sheet: Worksheet, names: list[str], bold: Any) -> None:
    sheet.set_column(0, 0, _ID_WIDTH)
    sheet.set_column(1, len(names) - 1, _WIDTH)
    sheet.freeze_panes(1, 1)
    for at, name in enumerate(names):
        sheet.write_string(0, at, name, bold)


def _fill(sheet: Worksheet, part: Part, bold: Any, day: Any) -> None:
    names = [name for name in part.columns.names if name not in {side.name for side in part.columns.lists}]
    _head(sheet, [*names, "lon", "lat"], bold)
    at = 0
    for batch in part.batches([*names, GEOMETRY]):
        columns = [_values(batch.column(name)) for name in names]
        is_day = [batch.column(name).type == pa.date32() for name in names] + [False, False]
        for row in zip(*columns, *_places(batch.column(GEOMETRY)), strict=True):
            at += 1
            for place, value in enumerate(row):
                if value is None:
                    continue
                if isinstance(value, str):
                    sheet.write_string(at, place, value)
                elif is_day[place]:
                    sheet.write_number(at, place, value, day)
                else:
                    sheet.write_number(at, place, value)


def _values(column: pa.Array) -> list[Any]:
    """Return values as cells hold them: days as numbers, lists as texts."""
    if column.type == pa.date32():
        return [None if value is None else value + _EPOCH_DAY for value in column.cast(pa.int32()).to_pylist()]
    if pa.types.is_list(column.type):
        column = as_json(column)
    if pa.types.is_string(column.type):
        return [value and value[:MAX_TEXT] for value in column.to_pylist()]
    found: list[Any] = column.to_pylist()
    return found


def _places(wkb: pa.Array) -> list[list[float | None]]:
    boxes = shapely.bounds(from_wkb(wkb))
    middles = ((boxes[:, :2] + boxes[:, 2:]) / 2).round(_DECIMALS)
    return [[None if np.isnan(value) else float(value) for value in side] for side in middles.T]


def _fill_list(sheet: Worksheet, part: Part, side: Any, bold: Any) -> None:
    _head(sheet, [ID, *(kind.name for kind in part.columns.row_type(side))], bold)
    for at, row in enumerate(list_rows(part, side.name), 1):
        for place, value in enumerate(row):
            if value is not None:
                sheet.write_string(at, place, value[:MAX_TEXT])
