"""Read MapInfo, DXF and File Geodatabase layers through GDAL, in windows of rows that shrink around a broken one."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from geodata.importing import gdal_mode
from geodata.importing.column_encodings import choose_encodings
from geodata.importing.context import ReadContext
from geodata.importing.encodings import Verdict, decode_value
from geodata.importing.gdal_text import DRAWING, MAPINFO, decoded, raw_values
from geodata.importing.results import EncodingChoice, LayerInfo, RowBatch, UnreadableFileError
from geodata.importing.text_columns import text_array
from geodata.importing.text_decoding import EvidenceCollector
from geodata.importing.unicode_text import UnicodeText
from geodata.importing.wkb import read_wkb

_EPSG = re.compile(r"EPSG:\d+")
_MAX_WINDOW, _MAX_BROKEN = 20_000, 200
_EXTRA_AXES, _EXTRA_FLAGS = 1_000, 0xC0000000
_BROKEN = b""
_FORMATS = {"MapInfo File": "MapInfo", "OpenFileGDB": "File Geodatabase", "DXF": "DXF"}
# Block definitions; the places where they are set stand among the entities.
_NOT_SHOWN = {"DXF": frozenset(("blocks",))}
_SHOWN = {"DXF": frozenset(("Layer", "Linetype", "EntityHandle", "Text", "BlockName", "BlockAttributes"))}


class _Window(NamedTuple):
    size: int
    wkb: Sequence[bytes | None]
    columns: list[list[Any]]


def find_gdal_layers(path: Path, context: ReadContext, hint: str | None) -> list["GdalLayer"]:
    """List the layers of a file or folder that passed our own checks.

    Parameters
    ----------
    path : Path
        A name made by us.
    hint : str or None
        Codec that the file says its text is in.

    Raises
    ------
    UnreadableFileError
        ``GDAL_BROKEN``, ``GDAL_UNSAFE``, ``TOO_MANY_ROWS``, ``TOO_MANY_COLUMNS``.
    """
    pyogrio = gdal_mode.load()
    try:
        found = [str(name) for name, _ in pyogrio.list_layers(path)]
        infos = [pyogrio.read_info(path, layer=name, encoding=MAPINFO, force_feature_count=True) for name in found]
    except _failures(pyogrio) as error:
        raise _broken(error) from error
    layers = [
        GdalLayer(path, name, info, context, hint)
        for name, info in zip(found, infos, strict=True)
        if name not in _NOT_SHOWN.get(info["driver"], ())
    ]
    if not layers:
        raise _broken(ValueError("no layers"))
    return layers


def _failures(pyogrio: Any) -> tuple[type[Exception], ...]:
    errors = pyogrio.errors
    return (
        errors.DataSourceError, errors.DataLayerError, errors.FeatureError, errors.FieldError, errors.GeometryError,
        errors.CRSError, UnicodeError, ValueError, OverflowError,
    )  # fmt: skip


class GdalLayer:
    """One layer, read a window of rows at a time."""

    knows_itself_early = True

    def __init__(self, path: Path, name: str, info: dict[str, Any], context: ReadContext, hint: str | None) -> None:
        self._path, self._name, self._context, self._hint = path, name, context, hint
        self.format = _FORMATS[info["driver"]]
        # A geodatabase is in UTF-8 whatever the system; of the others we get the bytes.
        self._is_raw = info["driver"] != "OpenFileGDB"
        self._stand_in = DRAWING if info["driver"] == "DXF" else MAPINFO
        self._text: UnicodeText | None = None
        self.encoding: EncodingChoice | list[EncodingChoice] = EncodingChoice("utf-8", "format", certain=True)
        self._verdicts = list[Verdict]()
        self._count = int(info["features"])
        context.check_rows(self._count)
        wanted = _SHOWN.get(info["driver"])
        self._fields = [str(name) for name in info["fields"] if wanted is None or str(name) in wanted]
        context.check_columns(len(self._fields))
        self.columns = self._fields
        crs = info["crs"]
        self.crs_hint = crs if crs and _EPSG.fullmatch(crs) else None
        self.crs_wkt = None if self.crs_hint else crs
        self.info = LayerInfo(name, _plain_type(info["geometry_type"]), self._count, crs)
        self._broken_rows = 0

    def batches(self) -> Iterator[RowBatch]:
        """Yield the rows; one that GDAL cannot read gets ``FEATURE_UNREADABLE``."""
        if self._is_raw:
            self._choose_encodings()
        else:
            self._look_at_text()
        done = 0
        for window in self._windows(with_shapes=True):
            yield self._batch(done, window)
            done += window.size
        if self._text is not None:
            self._text.warn()

    def _windows(self, *, with_shapes: bool) -> Iterator[_Window]:
        step = min(_MAX_WINDOW, self._context.limits.batch_rows)
        for start in range(0, self._count, step):
            yield from self._read(start, min(step, self._count - start), with_shapes=with_shapes)

    def _read(self, start: int, count: int, *, with_shapes: bool) -> Iterator[_Window]:
        """Read some rows; where that fails, each half, down to the row that is broken."""
        window = self._try(start, count, with_shapes=with_shapes)
        if window is not None:
            yield window
        elif count > 1:
            yield from self._read(start, count // 2, with_shapes=with_shapes)
            yield from self._read(start + count // 2, count - count // 2, with_shapes=with_shapes)
        else:
            self._broken_rows += 1
            if self._broken_rows > _MAX_BROKEN:
                raise _broken(ValueError("too many broken rows"))
            yield _Window(1, [_BROKEN], [[None]] * len(self._fields))

    def _try(self, start: int, count: int, *, with_shapes: bool) -> _Window | None:
        pyogrio = gdal_mode.load()
        try:
            _, _, shapes, columns = pyogrio.raw.read(
                self._path, layer=self._name, encoding=MAPINFO if self.format == "MapInfo" else None, skip_features=start,
                max_features=count, read_geometry=with_shapes, datetime_as_string=True, columns=self._fields,
            )  # fmt: skip
        except _failures(pyogrio):
            return None
        found = [column.tolist() for column in columns]
        wkb = [None] * len(found[0]) if shapes is None and found else list(shapes) if shapes is not None else []
        if len(wkb) < count and (shapes is not None or found):
            return None
        return _Window(count, wkb, found)

    def _batch(self, done: int, window: _Window) -> RowBatch:
        limit = self._context.limits.max_vertices
        built = [_shape(wkb, limit) for wkb in window.wkb] or [(None, None)] * window.size
        if any(_has_more_axes(wkb) for wkb in window.wkb):
            self._context.warn_flattened()
        if self.info.geometry_type is None:
            built = [(None, problem if problem != "GEOM_NULL" else None) for _, problem in built]
        wkb, problem = zip(*built, strict=True)
        rows = np.arange(done + 1, done + window.size + 1, dtype=np.int64)
        verdicts: Sequence[Verdict | None] = self._verdicts or [None] * len(window.columns)
        columns = [
            text_array(column if verdict is None else [decoded(value, self._stand_in, verdict) for value in column])
            for column, verdict in zip(window.columns, verdicts, strict=True)
        ]
        if self._text is not None:
            columns = self._text.decode(columns)
        return RowBatch(rows, pa.array(wkb, pa.binary()), pa.array(problem, pa.string()), columns)

    def _look_at_text(self) -> None:
        """Decide whether Unicode text was typed with an old font."""
        text = UnicodeText(self._fields, self._context, 1 + self._count // _MAX_WINDOW)
        for window in self._windows(with_shapes=False):
            text.gather([text_array(column) for column in window.columns])
        self._broken_rows = 0
        self._text = text if text.decide() else None
        self.encoding, self.columns = text.choices, text.names

    def _choose_encodings(self) -> None:
        """Decide how each field's text is encoded, from all its values."""
        collectors = [EvidenceCollector() for _ in self._fields]
        for window in self._windows(with_shapes=False):
            for column, collector in zip(window.columns, collectors, strict=True):
                values = sorted({raw for value in column for raw in raw_values(value, self._stand_in)})
                if not all(value.isascii() for value in values):
                    collector.note(is_utf8=all(map(_is_utf8, values)))
                collector.add(values)
        self._broken_rows = 0
        names = [next(raw_values(name, self._stand_in), name.encode()) for name in self._fields]
        evidence = [collector.evidence() for collector in collectors]
        text = choose_encodings(names, evidence, self._context, hint=self._hint)
        self.encoding, self.columns, self._verdicts = text.choices, text.names, text.verdicts


def _is_utf8(value: bytes) -> bool:
    return decode_value(value, "utf-8")[1] == "good"


def _shape(wkb: bytes | None, max_vertices: int) -> tuple[bytes | None, str | None]:
    if wkb is None:
        return None, "GEOM_NULL"
    return (None, "FEATURE_UNREADABLE") if wkb is _BROKEN else read_wkb(wkb, max_vertices)


def _has_more_axes(wkb: bytes | None) -> bool:
    if not wkb:
        return False
    code = int.from_bytes(wkb[1:5], "little" if wkb[0] == 1 else "big")
    return bool(code & _EXTRA_FLAGS) or code >= _EXTRA_AXES


def _plain_type(name: str | None) -> str | None:
    """Name a type of geometry as the other readers do; None for a table."""
    if name is None:
        return None
    plain = re.sub(r"^(2\.5D |Measured |3D Measured |3D )| (Z|M|ZM)$", "", name)
    return "Geometry" if plain == "Unknown" else plain


def _broken(error: Exception) -> UnreadableFileError:
    return UnreadableFileError("GDAL_BROKEN", why=str(error)[:200])
