"""Read the worksheets of XLSX, XLS and ODS workbooks.

GDAL is not used: calamine, which is written in a memory-safe language, reads what the checks of `archive` let through.
Of a zipped workbook it sees a clean copy made here, of the checked XML alone.
"""

import datetime
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO
from xml.parsers import expat

import numpy as np
import pyarrow as pa

from geodata.importing.context import ReadContext
from geodata.importing.members import Member
from geodata.importing.placed_table import PlacedTable
from geodata.importing.results import EncodingChoice, RowBatch, UnreadableFileError
from geodata.importing.text_columns import text_array
from geodata.importing.unicode_text import UnicodeText

_SCAN_BYTES = 1 << 20
_DOCTYPE = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_LONGEST_MARK = 64
_ODS_CONTENT = "content.xml"
# No text of a cell stands right before these tags.
_LAYOUT = re.compile(rb">\s+(?=</?(?:table:|text:p[\s/>]))")
_HEADER_WITHIN, _BATCH_ROWS, _LOOKED_AT = 30, 10_000, 200
# A header fills most of the columns that the fullest row fills, and nearly all of it is words.
_HEADER_FILL, _HEADER_WORDS, _CONTINUED_BLANKS = 0.6, 0.8, 1 / 3
_NUMBERING = re.compile(r"\(?(\d{1,3})(?:\.0)?\)?")
_LEAST_NUMBERING = 3
_LETTER = re.compile(r"[^\W\d_]")

Cells = list[Any]


def clean_copy(members: Iterable[Member], target: Path) -> Path:
    """Write the checked XML of a workbook as a zip that holds nothing else.

    Raises
    ------
    UnreadableFileError
        ``XML_DOCTYPE`` where a part declares a document type, ``WORKBOOK_BROKEN`` where one is not UTF-8, or the table
        of an ODS is no XML.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for member in members:
            if member.path is not None:
                _refuse_doctype(member.path)
                if member.name == _ODS_CONTENT:
                    _refuse_malformed(member.path)
                with member.path.open("rb") as source, archive.open(member.name, "w", force_zip64=True) as part:
                    part.writelines(_without_layout(source) if member.name == _ODS_CONTENT else _chunks(source))
    return target


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(_SCAN_BYTES), b"")


def _without_layout(file: BinaryIO) -> Iterator[bytes]:
    """Leave out line ends and blanks between the rows and cells of ODS: QGIS writes them, calamine takes no such text."""
    rest = b""
    for chunk in _chunks(file):
        data = rest + chunk
        end = max(0, data.rfind(b">"))
        yield _LAYOUT.sub(b">", data[:end])
        rest = data[end:]
    yield rest


def _refuse_malformed(path: Path) -> None:
    """Refuse what is no XML to its end; calamine would look for an end tag without end."""
    parser = expat.ParserCreate()
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError as error:
        raise _broken(str(error)) from error


def _refuse_doctype(path: Path) -> None:
    with path.open("rb") as file:
        tail = b""
        while chunk := file.read(_SCAN_BYTES):
            # In UTF-16 the declaration would be out of sight; no spreadsheet program writes it.
            if b"\0" in chunk:
                raise _broken("a part is not UTF-8")
            if _DOCTYPE.search(tail + chunk):
                raise UnreadableFileError("XML_DOCTYPE")
            tail = chunk[-_LONGEST_MARK:]


class WorkbookFile:
    """An opened workbook; ``sheets`` are those that hold a table.

    Raises
    ------
    UnreadableFileError
        ``WORKBOOK_PASSWORD``, ``WORKBOOK_BROKEN``, ``WORKBOOK_NO_TABLE`` if no visible sheet holds a table.
    """

    def __init__(self, path: Path, context: ReadContext) -> None:
        import python_calamine as calamine  # noqa: PLC0415 - most files are no workbooks

        try:
            with path.open("rb") as file, calamine.CalamineWorkbook.from_filelike(file) as book:
                visible = [
                    info.name
                    for info in book.sheets_metadata
                    if info.visible == calamine.SheetVisibleEnum.Visible
                    and info.typ == calamine.SheetTypeEnum.WorkSheet
                ]
                hidden = len(book.sheet_names) - len(visible)
                found = [(name, book.get_sheet_by_name(name)) for name in visible]
        except calamine.PasswordError as error:
            raise password() from error
        except calamine.CalamineError as error:
            raise _broken(str(error)) from error
        except BaseException as error:
            # A panic of the library is no Exception.
            if type(error).__name__ != "PanicException":
                raise
            raise _broken("the library gave up") from error
        self.sheets = [(name, table) for name, sheet in found if (table := _find_table(sheet)) is not None]
        if not self.sheets:
            raise UnreadableFileError("WORKBOOK_NO_TABLE", sheets=visible)
        if hidden:
            context.warn("SHEET_HIDDEN", count=hidden)


class _Table:
    """Where the table of a sheet begins: row of the header (0-based), names, first row of the data."""

    def __init__(self, sheet: Any, names: list[str], first_row: int) -> None:
        self.sheet, self.names, self.first_row = sheet, names, first_row

    @property
    def row_count(self) -> int:
        """Rows below the header, blank ones included."""
        end = self.sheet.end
        return max(0, int(end[0]) + 1 - self.first_row) if end else 0


def _find_table(sheet: Any) -> _Table | None:
    rows = list(islice(sheet.iter_rows(), _HEADER_WITHIN))
    at = find_header(rows)
    if at is None:
        return None
    names, first = read_header(rows, at)
    return _Table(sheet, names, first)


def find_header(rows: Sequence[Cells]) -> int | None:
    """Find the row that names the columns: the first one full of different words, below titles and letterheads."""
    width = max((sum(not _is_blank(cell) for cell in row) for row in rows), default=0)
    for at, row in enumerate(rows):
        filled = [cell for cell in row if not _is_blank(cell)]
        words = {_tidy(cell) for cell in filled if isinstance(cell, str) and _LETTER.search(cell)}
        if len(words) >= max(1, _HEADER_FILL * width) and len(words) >= _HEADER_WORDS * len(filled):
            return at
    return None


def read_header(rows: Sequence[Cells], at: int) -> tuple[list[str], int]:
    """Read the names of the columns, from two rows where groups stand above them, and find the first row of data."""
    names, first = [_tidy(cell) for cell in rows[at]], at + 1
    below = [_tidy(cell) for cell in rows[first]] if first < len(rows) else []
    if _continues(names, below, rows[first + 1] if first + 1 < len(rows) else []):
        names, first = [lower or upper for upper, lower in zip(names, below, strict=True)], first + 1
    if first < len(rows) and _is_numbering(rows[first]):
        first += 1
    while names and not names[-1]:
        names.pop()
    return names, first


def _continues(names: list[str], below: list[str], following: Cells) -> bool:
    """Say whether a row holds the lower part of a header, which fills every gap of the upper one and is itself not full."""
    gaps = [lower for upper, lower in zip(names, below, strict=False) if not upper]
    blanks = sum(not lower for lower in below)
    filled_after = sum(not _is_blank(cell) for cell in following)
    return (
        any(gaps)
        and all(_LETTER.search(lower) for lower in below if lower)
        and blanks >= _CONTINUED_BLANKS * len(below)
        and filled_after > len(below) - blanks
    )


def _is_numbering(row: Cells) -> bool:
    """Say whether a row counts the columns: (1), (2), (3), …."""
    texts = [_tidy(cell) for cell in row if not _is_blank(cell)]
    numbers = [match[1] for text in texts if (match := _NUMBERING.fullmatch(text))]
    is_counted = numbers == [str(number) for number in range(1, len(texts) + 1)]
    return is_counted and len(texts) >= _LEAST_NUMBERING and ("(" in texts[0] or len(texts) > _LEAST_NUMBERING)


class SheetLayer(PlacedTable):
    """One worksheet; ``_row`` is the number that the spreadsheet program shows beside the row."""

    format, is_unicode = "XLSX", True
    encoding = EncodingChoice("utf-8", "format", certain=True)

    def __init__(self, table: _Table, context: ReadContext) -> None:
        self._table, self._width = table, len(table.names)
        super().__init__(self._read_names(context), context)

    def _read_names(self, context: ReadContext) -> list[str]:
        """Read the header, in the font of the first rows: what the columns are called says which hold the places."""
        names = self._table.names
        rows = list(islice(self._table.sheet.iter_rows(), self._table.first_row, self._table.first_row + _LOOKED_AT))
        if not rows or all(map(str.isascii, names)):
            return names
        text = UnicodeText(names, ReadContext(context.limits, context.encoding))
        text.gather([text_array([_as_value(row[at]) for row in rows]) for at in range(self._width)])
        text.decide()
        return text.names

    def batches(self) -> Iterator[RowBatch]:
        """Yield the rows that are not blank."""
        numbered = enumerate(islice(self._table.sheet.iter_rows(), self._table.first_row, None), 1)
        filled = ((number, row) for number, row in numbered if not all(map(_is_blank, row[: self._width])))
        done = 0
        while group := list(islice(filled, min(_BATCH_ROWS, self._context.limits.batch_rows))):
            done += len(group)
            self._context.check_rows(done)
            rows = np.array([number for number, _ in group], np.int64) + self._table.first_row
            cells = zip(*(row[: self._width] for _, row in group), strict=True)
            columns = [text_array([_as_value(cell) for cell in column]) for column in cells]
            yield self.place_rows(rows, columns, pa.nulls(len(group), pa.string()))


def _is_blank(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _tidy(cell: object) -> str:
    return unicodedata.normalize("NFC", " ".join(str(cell).split())) if not _is_blank(cell) else ""


def _as_value(cell: object) -> object:
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, datetime.timedelta) else cell


def password() -> UnreadableFileError:
    """Refuse a workbook that is locked."""
    return UnreadableFileError("WORKBOOK_PASSWORD")


def _broken(why: str) -> UnreadableFileError:
    return UnreadableFileError("WORKBOOK_BROKEN", why=why[:200])
