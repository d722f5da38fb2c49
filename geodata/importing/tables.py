"""Read CSV tables, with geometry from their coordinate or WKT columns.

GDAL is not used: pyarrow reads while the file is regular, the standard library from the first odd row on.
"""

import codecs
import csv
import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from geodata.importing.context import ReadContext
from geodata.importing.csv_text import CsvBytes, CsvText
from geodata.importing.placed_table import PlacedTable
from geodata.importing.results import EncodingChoice, RowBatch, UnreadableFileError
from geodata.importing.text_columns import tidy_text

_UTF8_BOM, _UTF16_BOMS = codecs.BOM_UTF8, (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SCAN_BYTES, _MAX_LINE_BYTES, _SAMPLE_BYTES = 1 << 20, 16 << 20, 64 << 10
_SNIFF_LINES = 20
_BLOCK_BYTES, _SLOW_ROWS = 8 << 20, 10_000
_DELIMITERS = ",;\t|"
_BLANK = _UTF8_BOM + b"\r\n"
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f]")


def scan_csv(path: Path) -> CsvBytes:
    """Scan a text file.

    Raises
    ------
    UnreadableFileError
        ``CSV_LINE_TOO_LONG`` (16 MiB), ``UPLOAD_FORMAT`` where the bytes are not text.
    """
    with path.open("rb") as file:
        head = file.read(len(_UTF8_BOM))
        file.seek(0)
        if head.startswith(_UTF16_BOMS):
            return CsvBytes(is_ascii=False, is_utf8=False, mark="utf-16")
        is_ascii, decoder, line_bytes = True, codecs.getincrementaldecoder("utf-8")(), 0
        is_utf8, line_count = True, 0
        for chunk in iter(lambda: file.read(_SCAN_BYTES), b""):
            if b"\0" in chunk:
                raise _not_csv("binary")
            line_count += chunk.count(b"\n")
            line_bytes = len(chunk) - chunk.rfind(b"\n") - 1 + (0 if b"\n" in chunk else line_bytes)
            if line_bytes > _MAX_LINE_BYTES:
                raise _not_csv("line", code="CSV_LINE_TOO_LONG")
            if chunk.isascii():
                continue
            is_ascii = False
            is_utf8 = is_utf8 and _decodes(decoder, chunk)
    is_utf8 = is_utf8 and _decodes(decoder, b"", final=True)
    return CsvBytes(is_ascii, is_utf8, "utf-8" if head == _UTF8_BOM else None, line_count)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def transcode(path: Path, target: Path, codec: str) -> Path:
    """Write a text file again as UTF-8, without a byte order mark; ``latin-1`` makes each byte a letter."""
    with path.open(encoding=codec, errors="replace", newline="") as source:
        start = source.read(_SCAN_BYTES)
        with target.open("w", encoding="utf-8", newline="") as out:
            out.write(start.removeprefix(_UTF8_BOM.decode("latin-1")))
            while text := source.read(_SCAN_BYTES):
                out.write(text)
    return target


class CsvLayer(PlacedTable):
    """A CSV table whose first row is the header, with geometry from its columns.

    Parameters
    ----------
    path : Path
        In UTF-8, or each byte a letter where `geodata.importing.csv_text.is_bytewise` says so.
    found : CsvBytes
        What the bytes of the officer's file are.
    """

    format = "CSV"

    def __init__(self, path: Path, found: CsvBytes, context: ReadContext) -> None:
        self._path, self._context = path, context
        self._delimiter, self._lines_before = _sniff(path)
        header = next(self._records(), [])
        context.check_columns(len(header))
        self._width = len(header)
        blocks = 1 + path.stat().st_size // _BLOCK_BYTES + found.line_count // context.limits.batch_rows
        self._text = CsvText(header, found, context, blocks)
        if not found.is_ascii:
            for _, columns, _ in self._raw_batches():
                self._text.gather(columns)
        names = [unicodedata.normalize("NFC", name).strip() for name in self._text.names()]
        if any(_CONTROLS.search(name) for name in names):
            raise _not_csv("binary")
        if not any(re.search(r"[^\W\d_]", name) for name in names):
            raise _not_csv("no header", code="CSV_NO_HEADER")
        super().__init__(names, context)

    def batches(self) -> Iterator[RowBatch]:
        """Yield the rows; a row with too many or too few cells gets ``ROW_COLUMNS``."""
        for done, columns, problem in self._raw_batches():
            yield self._batch(done, columns, problem)
        self._text.warn()

    @property
    def encoding(self) -> list[EncodingChoice]:
        """Say how each column was encoded; known once all rows are read."""
        return [choice for at, choice in enumerate(self._text.choices()) if at != self._places.wkt]

    def _raw_batches(self) -> Iterator[tuple[int, list[pa.Array], pa.Array]]:
        """Yield the number of rows before, the cells as they stand in the file, and what is wrong with each row."""
        done = 0
        for columns in self._regular():
            yield done, columns, pa.nulls(len(columns[0]), pa.string())
            done += len(columns[0])
        if self._is_irregular:
            for columns, problem in self._irregular(done):
                yield done, columns, problem
                done += len(problem)

    def _regular(self) -> Iterator[list[pa.Array]]:
        """Read with pyarrow up to the block before the first odd row."""
        self._is_irregular = False
        names = [str(at) for at in range(self._width)]
        try:
            reader = arrow_csv.open_csv(
                self._path,
                arrow_csv.ReadOptions(
                    column_names=names,
                    skip_rows=self._lines_before,
                    skip_rows_after_names=1,
                    block_size=_BLOCK_BYTES,
                    use_threads=False,
                ),
                arrow_csv.ParseOptions(
                    delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=self._note_odd_row
                ),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
                ),
            )
            for batch in reader:
                if self._is_irregular:
                    return
                for start in range(0, len(batch), self._context.limits.batch_rows):
                    yield batch.slice(start, self._context.limits.batch_rows).columns
        except pa.ArrowInvalid:
            self._is_irregular = True

    def _note_odd_row(self, _row: arrow_csv.InvalidRow) -> str:
        self._is_irregular = True
        return "skip"

    def _irregular(self, done: int) -> Iterator[tuple[list[pa.Array], pa.Array]]:
        """Read on row by row with the standard library, after ``done`` rows."""
        records = islice(self._records(), done + 1, None)
        while rows := list(islice(records, _SLOW_ROWS)):
            even = [(row + [""] * self._width)[: self._width] for row in rows]
            odd = [len(row) < self._width or any(row[self._width :]) for row in rows]
            problem = pa.array(["ROW_COLUMNS" if is_odd else None for is_odd in odd], pa.string())
            yield [pa.array(column, pa.string()) for column in zip(*even, strict=True)], problem

    def _records(self) -> Iterator[list[str]]:
        csv.field_size_limit(_MAX_LINE_BYTES)
        with self._path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            lines = islice(file, self._lines_before, None)
            try:
                yield from (record for record in csv.reader(lines, delimiter=self._delimiter) if record)
            except csv.Error as error:
                raise _not_csv(str(error), code="CSV_SYNTAX") from error

    def _batch(self, done: int, raw: list[pa.Array], problem: pa.Array) -> RowBatch:
        columns = [tidy_text(column) for column in self._text.decode(raw)]
        self._context.check_rows(done + len(problem))
        return self.place_rows(np.arange(done + 1, done + len(problem) + 1, dtype=np.int64), columns, problem)


def _sniff(path: Path) -> tuple[str, int]:
    """Find the delimiter, and how many lines come before the header."""
    with path.open("rb") as file:
        blank, line = 0, file.readline(_SAMPLE_BYTES)
        while line and not line.strip(_BLANK):
            blank, line = blank + 1, file.readline(_SAMPLE_BYTES)
        sample = (line + file.read(_SAMPLE_BYTES)).decode("utf-8-sig", "ignore")
    lines = re.sub(r'"[^"]*"', "", sample).splitlines()[:_SNIFF_LINES]
    if lines and (match := re.fullmatch(r"sep=([,;|\t])", lines[0].strip(" "), re.IGNORECASE)):
        return match[1], blank + 1

    def agreement(delimiter: str) -> tuple[int, int]:
        counts = [line.count(delimiter) for line in lines]
        return (counts.count(counts[0]), counts[0]) if counts and counts[0] else (0, 0)

    return max(_DELIMITERS, key=agreement), blank


def _not_csv(why: str, *, code: str = "UPLOAD_FORMAT") -> UnreadableFileError:
    return UnreadableFileError(code, what="CSV", why=why)
