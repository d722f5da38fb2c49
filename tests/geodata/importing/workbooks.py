"""Workbooks for the tests, written by the libraries that people's programs use."""

import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import xlsxwriter

Row = list[Any]


def workbook(*sheets: list[Row], change: Callable[[Any, list[Any]], None] | None = None) -> bytes:
    """Write sheets called Trang 1, Trang 2, …; ``change`` may do more to the open workbook."""
    out = BytesIO()
    book = xlsxwriter.Workbook(out, {"default_date_format": "dd/mm/yyyy", "in_memory": True})
    made = [book.add_worksheet(f"Trang {at}") for at in range(1, len(sheets) + 1)]
    for sheet, rows in zip(made, sheets, strict=True):
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, ["" if cell is None else cell for cell in row])
    if change is not None:
        change(book, made)
    book.close()
    return out.getvalue()


def rewritten(data: bytes, change: Callable[[str, bytes], bytes | None], **added: bytes) -> bytes:
    """Write a zip again with members changed, left out (None) or added."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            if (changed := change(name, source.read(name))) is not None:
                target.writestr(name, changed)
        for name, content in added.items():
            target.writestr(name, content)
    return out.getvalue()
