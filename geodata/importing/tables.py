"""Text columns in Arrow, features as columns, and CSV tables.

CSV is read without GDAL: pyarrow where the file is regular, the standard library from the first odd row on.
"""

import codecs
import csv
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from geodata.importing.geojson import CRS84_WKT, Feature, geometry_wkb
from geodata.importing.gpkg import GEOMETRY_CODES, Floats, points_wkb
from geodata.importing.sandbox import EncodingChoice, ReadContext, RowBatch, UnreadableFileError
from geodata.text import search_key

# Lead bytes of U+0300-U+036F in UTF-8; they occur nowhere else in valid UTF-8.
_COMBINING_LEADS = (0xCC, 0xCD)
_FIRST_HIGH = 0x80
_UTF8_BOM, _UTF16_BOMS = codecs.BOM_UTF8, (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SCAN_BYTES, _MAX_LINE_BYTES, _SAMPLE_BYTES = 1 << 20, 16 << 20, 64 << 10
_MAX_DISTINCT, _SNIFF_LINES = 50_000, 20
_BLOCK_BYTES, _SLOW_ROWS = 8 << 20, 10_000
_DELIMITERS = ",;\t|"
_WORD_BREAKS = re.compile(rb'[,;\t|"\r\n]+')
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


class ColumnsGrewError(Exception):
    """A later feature had a property the first ones lacked; the layer now knows all and is read again."""


class TextEvidence(NamedTuple):
    """What the bytes of a file's text look like; ``values`` are distinct ones with bytes above 127."""

    is_ascii: bool
    is_utf8: bool
    values: list[bytes]


def text_array(values: Sequence[Any]) -> pa.StringArray:
    """Write Python values as an Arrow column of plain text."""
    try:
        array = pa.array(values, pa.string())
    except (pa.ArrowException, UnicodeEncodeError, TypeError):
        array = pa.array([plain_text(value) for value in values], pa.string())
    return tidy_text(array)


def plain_text(value: object) -> str | None:
    """Write one value as text: no trailing ``.0``, no exponent, JSON for what is nested."""
    if value is None or isinstance(value, str):
        return value and value.encode("utf-8", "replace").decode()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return plain_decimal(repr(value)) if np.isfinite(value) else None
    if isinstance(value, int):
        return str(value)
    return orjson.dumps(value, default=str).decode()


def plain_decimal(text: str) -> str:
    """Write a number without exponent and without zeros after the decimal point; other text stays.

    Examples
    --------
    >>> plain_decimal("12.500"), plain_decimal("3.0e+003"), plain_decimal("7.000")
    ('12.5', '3000', '7')
    """
    if "e" in text or "E" in text:
        try:
            text = format(Decimal(text), "f")
        except InvalidOperation:
            return text
    return text.rstrip("0").rstrip(".") if "." in text else text


def tidy_text(array: pa.StringArray) -> pa.StringArray:
    """Trim, drop NULs, compose to NFC, and make blanks null."""
    if np.frombuffer(array.buffers()[2] or b"", np.uint8).min(initial=1) == 0:
        array = pc.replace_substring(array, "\0", "")
    return null_blanks(to_nfc(pc.ascii_trim_whitespace(array)))


def null_blanks(array: pa.StringArray) -> pa.StringArray:
    """Make empty strings null."""
    if array.null_count:
        return pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)
    _, offsets, data = array.buffers()
    filled = np.diff(np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]) > 0
    if filled.all() or array.offset:
        return array if filled.all() else pc.if_else(filled, array, pa.scalar(None, pa.string()))
    # No copy of the text: only validity bits are added.
    return pa.StringArray.from_buffers(len(array), offsets, data, pa.py_buffer(np.packbits(filled, bitorder="little")))


def to_nfc(array: pa.StringArray) -> pa.StringArray:
    """Compose letters and their combining marks; arrays without any come back untouched."""
    data = np.frombuffer(array.buffers()[2] or b"", np.uint8)
    if data.size and any((data == lead).any() for lead in _COMBINING_LEADS):
        return pc.utf8_normalize(array, form="NFC")
    return array


def map_distinct(array: pa.Array, convert: Callable[[Any], str | None]) -> pa.StringArray:
    """Apply ``convert`` to each distinct value once; null stays null."""
    encoded = array.dictionary_encode()
    converted = pa.array([convert(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return converted.take(encoded.indices)


class FeatureLayer:
    """Features whose columns appear as they are read (GeoJSON, KML), as Arrow columns.

    Parameters
    ----------
    features : callable
        Gives the features from the start, in lists that each become one batch.
    """

    encoding = EncodingChoice("utf-8", "format", certain=True)

    def __init__(
        self,
        context: ReadContext,
        format_name: str,
        features: Callable[[], Iterable[list[Feature]]],
        crs: tuple[str | None, str | None] = (CRS84_WKT, "degrees"),
    ) -> None:
        self.format, (self.crs_wkt, self.crs_hint) = format_name, crs
        self.columns: list[str] = []
        self._context, self._features = context, features

    def batches(self) -> Iterator[RowBatch]:
        """Yield the rows; raises ``ColumnsGrewError`` at the end if the columns were not complete."""
        found, start = dict.fromkeys(self.columns), 1
        for features in self._features():
            for feature in features:
                if not feature.properties.keys() <= found.keys():
                    found.update(dict.fromkeys(feature.properties))
            self._context.check_columns(len(found))
            self._context.check_rows(start + len(features) - 1)
            if start == 1 and not self.columns:
                self.columns = list(found)
            yield RowBatch(
                np.arange(start, start + len(features), dtype=np.int64),
                pa.array([feature.wkb for feature in features], pa.binary()),
                pa.array([feature.problem for feature in features], pa.string()),
                [text_array([feature.properties.get(name) for feature in features]) for name in self.columns],
            )
            start += len(features)
        if len(found) > len(self.columns):
            self.columns = list(found)
            raise ColumnsGrewError


def gather_csv_evidence(path: Path) -> tuple[TextEvidence, str | None]:
    """Scan a text file: what its bytes look like, and the codec its byte order mark names.

    Raises
    ------
    UnreadableFileError
        ``CSV_LINE_TOO_LONG`` (16 MiB), ``UPLOAD_FORMAT`` where the bytes are not text.
    """
    with path.open("rb") as file:
        head = file.read(len(_UTF8_BOM))
        file.seek(0)
        if head.startswith(_UTF16_BOMS):
            return TextEvidence(is_ascii=False, is_utf8=False, values=[]), "utf-16"
        is_ascii, decoder, line_bytes, values = True, codecs.getincrementaldecoder("utf-8")(), 0, set[bytes]()
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
            if not is_utf8 and len(values) < _MAX_DISTINCT:
                values.update(word for word in _WORD_BREAKS.split(chunk) if not word.isascii())
    is_utf8 = is_utf8 and _decodes(decoder, b"", final=True)
    return TextEvidence(is_ascii, is_utf8, sorted(values)), "utf-8" if head == _UTF8_BOM else None


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def transcode(path: Path, target: Path, codec: str) -> Path:
    """Write a text file again as UTF-8; bytes the codec does not know become U+FFFD."""
    with (
        path.open(encoding=codec, errors="replace", newline="") as source,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        while text := source.read(_SCAN_BYTES):
            out.write(text)
    return target


class CsvLayer:
    """A CSV table in UTF-8 whose first row is the header, with geometry from its columns.

    Notes
    -----
    Geometry comes from a WKT column, else longitude and latitude, easting and northing, or x and y. The one
    named first in these pairs gives the first axis; whether it is the easting is for the CRS step to decide.
    """

    format = "CSV"

    def __init__(self, path: Path, encoding: EncodingChoice, context: ReadContext) -> None:
        self._path, self.encoding, self._context = path, encoding, context
        self._delimiter, self._lines_before = _sniff(path)
        names = [unicodedata.normalize("NFC", name).strip() for name in next(self._records(), [])]
        if not any(re.search(r"[^\W\d_]", name) for name in names):
            raise _not_csv("no header", code="CSV_NO_HEADER")
        context.check_columns(len(names))
        self._width = len(names)
        keys = [search_key(name) for name in names]
        self._wkt = next((at for at, key in enumerate(keys) if key in _WKT_COLUMNS), None)
        self._axes = None if self._wkt is not None else _find_axes(keys)
        self.columns = [name or f"cot_{at}" for at, name in enumerate(names, 1) if at - 1 != self._wkt]
        self._reach = np.zeros(2)
        self._srids = set[str]()
        if self._wkt is None and self._axes is None:
            context.warn(
                "CSV_NO_GEOMETRY",
                "Bảng không có cột tọa độ (kinh độ, vĩ độ; easting, northing; hoặc WKT).",
                "The table has no coordinate columns (longitude, latitude; easting, northing; or WKT).",
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
        done = 0
        for columns in self._regular():
            yield self._batch(done, columns, pa.nulls(len(columns[0]), pa.string()))
            done += len(columns[0])
        if self._is_irregular:
            for columns, problem in self._irregular(done):
                yield self._batch(done, columns, problem)
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
        columns = [tidy_text(column) for column in raw]
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
