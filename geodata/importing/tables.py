"""Read CSV tables, with geometry from their coordinate or WKT columns.

GDAL is not used: pyarrow reads while the file is regular, the standard library from the first odd row on.
"""

import codecs
import csv
import json
import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from geodata.importing.context import ReadContext
from geodata.importing.csv_text import CsvBytes, CsvText
from geodata.importing.features import CRS84_WKT
from geodata.importing.results import EncodingChoice, RowBatch, UnreadableFileError
from geodata.importing.text_columns import tidy_text
from geodata.importing.wkb import GEOMETRY_CODES, Floats, geometry_wkb, points_wkb
from geodata.text import search_key

_UTF8_BOM, _UTF16_BOMS = codecs.BOM_UTF8, (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SCAN_BYTES, _MAX_LINE_BYTES, _SAMPLE_BYTES = 1 << 20, 16 << 20, 64 << 10
_SNIFF_LINES = 20
_BLOCK_BYTES, _SLOW_ROWS = 8 << 20, 10_000
_DELIMITERS = ",;\t|"
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f]")
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_DEGREES = re.compile(
    r"(\d{1,3})\s*[°º]\s*(\d{1,2})\s*['\u2019\u2032]"
    r"\s*(?:(\d{1,2}(?:[.,]\d+)?)\s*[\"\u201d\u2033]?)?\s*([NSEWBĐT]?)"
)
_DEGREES_X, _DEGREES_Y = 180.0, 90.0
_WKT = re.compile(r"\s*(?:SRID=(\d+);)?\s*([A-Z]+)\s*(Z|M|ZM)?\s*(EMPTY|\(.*\))\s*", re.IGNORECASE | re.DOTALL)
_WKT_NAMES = {name.upper(): name for name in (*GEOMETRY_CODES, "GeometryCollection")}
_WKT_COLUMNS = frozenset(("wkt", "geom", "geometry", "the geom", "wkt geom", "geom wkt", "hinh hoc"))
# Pairs in the order they are looked for: names of the first axis, names of the second.
_AXIS_COLUMNS = (
    (("lon", "long", "lng", "longitude", "kinh do"), ("lat", "latitude", "vi do")),
    (("easting", "east", "dong"), ("northing", "north", "bac")),
    (("x", "toa do x", "x m"), ("y", "toa do y", "y m")),
)


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
        is_utf8 = True
        for chunk in iter(lambda: file.read(_SCAN_BYTES), b""):
            if b"\0" in chunk:
                raise _not_csv("binary")
            line_bytes = len(chunk) - chunk.rfind(b"\n") - 1 + (0 if b"\n" in chunk else line_bytes)
            if line_bytes > _MAX_LINE_BYTES:
                raise _not_csv("line", code="CSV_LINE_TOO_LONG")
            if chunk.isascii():
                continue
            is_ascii = False
            is_utf8 = is_utf8 and _decodes(decoder, chunk)
    is_utf8 = is_utf8 and _decodes(decoder, b"", final=True)
    return CsvBytes(is_ascii, is_utf8, "utf-8" if head == _UTF8_BOM else None)


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


class CsvLayer:
    """A CSV table whose first row is the header, with geometry from its columns.

    Parameters
    ----------
    path : Path
        In UTF-8, or each byte a letter where `geodata.importing.csv_text.is_bytewise` says so.
    found : CsvBytes
        What the bytes of the officer's file are.

    Notes
    -----
    Geometry comes from a WKT column, else longitude and latitude, easting and northing, or x and y. The one
    named first in these pairs gives the first axis; whether it is the easting is for the CRS step to decide.
    """

    format = "CSV"
    knows_itself_early = False

    def __init__(self, path: Path, found: CsvBytes, context: ReadContext) -> None:
        self._path, self._context = path, context
        self._delimiter, self._lines_before = _sniff(path)
        header = next(self._records(), [])
        context.check_columns(len(header))
        self._width = len(header)
        self._text = CsvText(header, found, context, 1 + path.stat().st_size // _BLOCK_BYTES)
        if self._text.is_bytewise:
            for _, columns, _ in self._raw_batches():
                self._text.gather(columns)
        names = [unicodedata.normalize("NFC", name).strip() for name in self._text.names()]
        if any(_CONTROLS.search(name) for name in names):
            raise _not_csv("binary")
        if not any(re.search(r"[^\W\d_]", name) for name in names):
            raise _not_csv("no header", code="CSV_NO_HEADER")
        keys = [search_key(name) for name in names]
        self._wkt = next((at for at, key in enumerate(keys) if key in _WKT_COLUMNS), None)
        self._axes = None if self._wkt is not None else _find_axes(keys)
        self.columns = [name or f"cot_{at}" for at, name in enumerate(names, 1) if at - 1 != self._wkt]
        self._reach = np.zeros(2)
        self._srids = set[str]()
        if self._wkt is None and self._axes is None:
            context.warn(
                "CSV_NO_GEOMETRY",
                "Bảng không có cột tọa độ (kinh độ, vĩ độ; easting, northing; hoặc WKT): chỉ sửa được bản ghi đã có, "
                "vị trí giữ nguyên.",
                "The table has no coordinate columns (longitude, latitude; easting, northing; or WKT): it can only change "
                "records that are there already, which stay where they are.",
            )

    @property
    def geometry_type(self) -> str | None:
        """Say what the header promises."""
        return "Point" if self._axes else "Geometry" if self._wkt is not None else None

    @property
    def crs_hint(self) -> str | None:
        """Say what header and values tell; complete once all rows are read."""
        if self._axes is None:
            return f"EPSG:{self._srids.copy().pop()}" if len(self._srids) == 1 else None
        in_degrees = self._reach[0] <= _DEGREES_X and self._reach[1] <= _DEGREES_Y
        return "degrees" if in_degrees and self._axes[2] != 1 else "metres"

    @property
    def crs_wkt(self) -> str | None:
        """CRS84 where the columns are called longitude and latitude and the values agree."""
        return CRS84_WKT if self._axes and self._axes[2] == 0 and self.crs_hint == "degrees" else None

    def batches(self) -> Iterator[RowBatch]:
        """Yield the rows; a row with too many or too few cells gets ``ROW_COLUMNS``."""
        for done, columns, problem in self._raw_batches():
            yield self._batch(done, columns, problem)
        self._text.warn()

    @property
    def encoding(self) -> list[EncodingChoice]:
        """Say how each column was encoded; known once all rows are read."""
        return [choice for at, choice in enumerate(self._text.choices()) if at != self._wkt]

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
        wkb, found = self._geometry(columns, len(problem))
        kept = [column for at, column in enumerate(columns) if at != self._wkt]
        rows = np.arange(done + 1, done + len(problem) + 1, dtype=np.int64)
        return RowBatch(rows, wkb, pc.coalesce(problem, found), kept)

    def _geometry(self, columns: list[pa.Array], count: int) -> tuple[pa.Array, pa.Array]:
        if self._wkt is not None:
            built = [self._read_wkt(text) for text in columns[self._wkt].to_pylist()]
            wkb, problem = zip(*built, strict=True)
            return pa.array(wkb, pa.binary()), pa.array(problem, pa.string())
        if self._axes is None:
            return pa.nulls(count, pa.binary()), pa.nulls(count, pa.string())
        axes = [columns[at] for at in self._axes[:2]]
        numbers = np.column_stack([_coordinates(axis) for axis in axes])
        finite = np.isfinite(numbers).all(axis=1)
        blank = pc.and_(*(axis.is_null() for axis in axes))
        if finite.any():
            self._reach = np.maximum(self._reach, np.abs(numbers[finite]).max(axis=0))
        bad = pc.if_else(blank, "GEOM_NULL", "COORDINATE_UNREADABLE")
        wkb = pc.if_else(finite, points_wkb(numbers), pa.scalar(None, pa.binary()))
        return wkb, pc.if_else(finite, pa.scalar(None, pa.string()), bad)

    def _read_wkt(self, text: str | None) -> tuple[bytes | None, str | None]:
        if text is None:
            return None, "GEOM_NULL"
        wkb, problem, srid = parse_wkt(text, self._context.limits.max_vertices)
        self._srids.update([srid] if srid else [])
        return wkb, problem


def parse_wkt(text: str, max_vertices: int) -> tuple[bytes | None, str | None, str | None]:
    """Read WKT or EWKT into 2D WKB.

    Returns
    -------
    bytes or None, str or None, str or None
        Geometry, problem code, SRID.
    """
    match = _WKT.fullmatch(text)
    if match is None:
        return None, "GEOM_UNREADABLE", None
    srid, kind, body = match[1], match[2].upper(), match[4]
    # "(1 2, 3 4)" becomes "[[1,2],[3,4]]", which is the GeoJSON form but for points.
    nested = re.sub(r"[^(),]+", lambda part: f"[{','.join(part[0].split())}]" if part[0].strip() else "", body)
    try:
        found = [] if body.upper() == "EMPTY" else json.loads(nested.replace("(", "[").replace(")", "]"))
    except (ValueError, RecursionError):
        found = None
    if found is None and kind in _WKT_NAMES and kind != "GEOMETRYCOLLECTION":
        return None, "GEOM_UNREADABLE", srid
    if kind == "POINT" and found:
        found = found[0]
    if kind == "MULTIPOINT" and found and isinstance(found[0], list) and found[0] and isinstance(found[0][0], list):
        found = [point[0] for point in found if point]
    return *geometry_wkb(_WKT_NAMES.get(kind, kind), found, max_vertices), srid


def _find_axes(keys: list[str]) -> tuple[int, int, int] | None:
    for kind, (firsts, seconds) in enumerate(_AXIS_COLUMNS):
        first = next((at for at, key in enumerate(keys) if key in firsts), None)
        second = next((at for at, key in enumerate(keys) if key in seconds), None)
        if first is not None and second is not None:
            return first, second, kind
    return None


def _coordinates(texts: pa.StringArray) -> Floats:
    """Read a column of coordinates; NaN where there is none."""
    texts = pc.replace_substring_regex(texts, r"^([+-]?\d+),(\d+)$", r"\1.\2")
    plain = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False)  # noqa: FBT003 - positional in Arrow
    numbers: Floats = (
        pc.if_else(plain, texts, pa.scalar(None, pa.string())).cast(pa.float64()).to_numpy(zero_copy_only=False).copy()
    )
    for at in np.flatnonzero(~plain.to_numpy(zero_copy_only=False)).tolist():
        numbers[at] = parse_coordinate(texts[at].as_py() or "")
    return numbers


def parse_coordinate(text: str) -> float:
    r"""Read a coordinate as people write it; NaN if it is none.

    Examples
    --------
    >>> parse_coordinate("105°30'36\"E"), parse_coordinate("2.345.678,5"), parse_coordinate("abc")
    (105.51, 2345678.5, nan)
    """
    text = text.strip().removesuffix("m").strip()
    if match := _DEGREES.fullmatch(text.upper()):
        seconds = float((match[3] or "0").replace(",", "."))
        value = int(match[1]) + int(match[2]) / 60 + seconds / 3600
        return -value if match[4] in ("S", "W") else value
    text = re.sub(r"\s", "", text)
    if text.rfind(",") > text.rfind("."):
        text = text.replace(".", "").replace(",", "." if text.count(",") == 1 else "")
    else:
        text = text.replace(",", "").replace(".", "." if text.count(".") == 1 else "")
    return float(text) if re.fullmatch(_NUMBER, text) else float("nan")


def _sniff(path: Path) -> tuple[str, int]:
    """Find the delimiter, and how many lines come before the header."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES).decode("utf-8-sig", "ignore")
    lines = re.sub(r'"[^"]*"', "", sample).splitlines()[:_SNIFF_LINES]
    if lines and (match := re.fullmatch(r"sep=([,;|\t])", lines[0].strip(" "), re.IGNORECASE)):
        return match[1], 1

    def agreement(delimiter: str) -> tuple[int, int]:
        counts = [line.count(delimiter) for line in lines]
        return (counts.count(counts[0]), counts[0]) if counts and counts[0] else (0, 0)

    return max(_DELIMITERS, key=agreement), 0


def _not_csv(why: str, *, code: str = "UPLOAD_FORMAT") -> UnreadableFileError:
    return UnreadableFileError(
        code,
        "Không đọc được bảng CSV. Dòng đầu phải là tên cột; hãy lưu lại bằng Excel dạng “CSV UTF-8”.",
        "The CSV table cannot be read. Its first row must name the columns; save it as “CSV UTF-8” in Excel.",
        why=why,
    )
