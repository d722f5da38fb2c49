"""Read GeoPackages through SQLite alone.

GDAL is not used: an endless view in ``gpkg_contents`` hangs even its list of layers, and one bad blob fails
the whole file. Reading the table row by row costs little more and reports the row. Rules: OGC 12-128r19
(GeoPackage 1.4), 2.1.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from geodata.importing.context import ReadContext
from geodata.importing.results import EncodingChoice, LayerInfo, RowBatch, UnreadableFileError, unknown_format
from geodata.importing.text_columns import text_array
from geodata.importing.unicode_text import UnicodeText
from geodata.importing.wkb import POINT_BYTES, POINT_HEAD, points_wkb, read_wkb

_ENVELOPES = (0, 32, 48, 48, 64)
_BLOB_HEAD, _EMPTY, _EXTENDED = 8, 0x10, 0x20
_FETCH_ROWS, _BATCH_BYTES, _LOOKED_AT = 1_000, 64 << 20, 10_000
_MAX_VALUE_BYTES = 64 << 20
_KNOWN_TRIGGER = re.compile(r"(rtree|gpkg|gpkgext|trigger_(insert|delete)_feature_count)_.*", re.DOTALL)
_RTREE = re.compile(r"\s*CREATE\s+VIRTUAL\s+TABLE\s.*\sUSING\s+\"?rtree\"?\s*\(.*", re.IGNORECASE | re.DOTALL)

# SQLite's own messages quote the damaged schema, which need not be UTF-8.
_SQLITE_ERRORS = (sqlite3.Error, OverflowError, UnicodeDecodeError)


class GpkgFile:
    """A GeoPackage that passed its checks; ``layers`` lists its tables.

    Raises
    ------
    UnreadableFileError
        ``UPLOAD_FORMAT`` (SQLite, but no GeoPackage), ``GPKG_VIEW`` (views, unknown triggers, virtual tables
        other than the spatial index, generated columns: code that would run while we read), ``GPKG_BROKEN``.
    """

    def __init__(self, path: Path, context: ReadContext) -> None:
        self.context = context
        self.connection = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
        self.connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        self.connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
        try:
            for pragma in ("trusted_schema=OFF", "query_only=ON", "cell_size_check=ON", "mmap_size=0"):
                self.connection.execute(f"PRAGMA {pragma}")
            self._refuse_code()
            self.layers = list(self._find_layers())
        except _SQLITE_ERRORS as error:
            raise _broken(error) from error

    def _refuse_code(self) -> None:
        objects = self.connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        for kind, name, sql in objects:
            known = kind != "trigger" or _KNOWN_TRIGGER.fullmatch(str(name))
            virtual = re.match(r"\s*CREATE\s+VIRTUAL", str(sql), re.IGNORECASE) and not _RTREE.fullmatch(str(sql))
            if kind == "view" or not known or virtual:
                raise _has_code(f"{kind} {name}")
        tables = {name for kind, name, _ in objects if kind == "table"}
        if not {"gpkg_contents", "gpkg_spatial_ref_sys"} <= tables:
            raise unknown_format("SQLite")
        for _, name, kind, *_ in self.connection.execute("PRAGMA table_list").fetchall():
            if kind == "view" or (kind == "virtual" and not str(name).startswith("rtree_")):
                raise _has_code(f"{kind} {name}")
        self._tables = tables

    def _find_layers(self) -> Iterator["GpkgLayer"]:
        geometry = {}
        if "gpkg_geometry_columns" in self._tables:
            rows = self.connection.execute(
                "SELECT table_name, column_name, geometry_type_name, srs_id, z + m FROM gpkg_geometry_columns"
            )
            geometry = {row[0]: row[1:] for row in rows}
        contents = self.connection.execute("SELECT table_name, data_type FROM gpkg_contents ORDER BY rowid")
        for table in [name for name, kind in contents if kind in ("features", "attributes")]:
            if table not in self._tables:
                raise _has_code(f"contents {table}")
            column, kind, srs, extra_axes = geometry.get(table, (None, None, None, 0))
            yield GpkgLayer(self, table, column, kind, srs)
            if extra_axes:
                self.context.warn_flattened()
            if re.search("CURVE|CIRCULAR|SURFACE", str(kind).upper()):
                self.context.warn("CURVES_LINEARISED", layer=table)


class GpkgLayer:
    """One table of a GeoPackage, read row by row."""

    format = "GPKG"
    knows_itself_early = True

    def __init__(self, file: GpkgFile, table: str, column: str | None, kind: str | None, srs: int | None) -> None:
        self._file, self._table, self._column = file, table, column
        run = file.connection.execute
        columns = run("SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)", (table,)).fetchall()
        if any(hidden for *_, hidden in columns):
            raise _has_code(f"generated column in {table}")
        keys = [name for name, declared, pk, _ in columns if pk and declared.upper() == "INTEGER"]
        kept = [row for row in columns if row[0] != column and row[0] not in keys and row[1].upper()[:4] != "BLOB"]
        self.columns = [name for name, *_ in kept]
        self._booleans = [declared.upper() == "BOOLEAN" for _, declared, *_ in kept]
        # The quoted name is the uploaded file's own, on a read-only handle.
        (count,) = run(f"SELECT count(*) FROM {_quoted(table)}").fetchone()  # noqa: S608
        file.context.check_rows(count)
        file.context.check_columns(len(kept))
        self.crs_wkt, self.crs_hint = self._read_crs(srs)
        self.encoding = [EncodingChoice("utf-8", "format", certain=True)] * len(kept)
        self._text: UnicodeText | None = None
        self.info = LayerInfo(table, kind if column else None, count, self.crs_wkt)

    def _read_crs(self, srs: int | None) -> tuple[str | None, str | None]:
        row = self._file.connection.execute(
            "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?",
            (srs,),
        ).fetchone()
        if row is None or not str(row[2]).strip().endswith("]"):
            return None, None
        return str(row[2]), f"EPSG:{row[1]}" if str(row[0]).upper() == "EPSG" else None

    def batches(self) -> Iterator[RowBatch]:
        """Yield the rows in the table's own order."""
        wanted = ", ".join(_quoted(name) for name in ([self._column] if self._column else []) + self.columns)
        self._file.connection.text_factory = bytes
        start = 1
        try:
            self._look_at_text()
            cursor = self._file.connection.execute(f"SELECT {wanted or 1} FROM {_quoted(self._table)}")  # noqa: S608
            for rows in self._groups(cursor):
                yield self._batch(rows, start)
                start += len(rows)
        except _SQLITE_ERRORS as error:
            raise _broken(error) from error
        if self._text is not None:
            self._text.warn()

    def _look_at_text(self) -> None:
        """Decide by rows from all over the table whether its text was typed with an old font."""
        if not self.columns:
            return
        text = UnicodeText(self.columns, self._file.context)
        rows = self._evenly()
        text.gather([text_array(column) for column in zip(*rows, strict=True)] if rows else [])
        self._text = text if text.decide() else None
        self.columns, self.encoding = text.names, text.choices

    def _evenly(self) -> list[tuple[Any, ...]]:
        run, step = self._file.connection.execute, 1 + (self.info.row_count or 0) // _LOOKED_AT
        wanted = f"SELECT {', '.join(map(_quoted, self.columns))} FROM {_quoted(self._table)}"  # noqa: S608
        try:
            return run(f"{wanted} WHERE _rowid_ % ? = 0 LIMIT ?", (step, 2 * _LOOKED_AT)).fetchall()
        except sqlite3.OperationalError:  # a table without numbers of rows
            return run(f"{wanted} LIMIT ?", (_LOOKED_AT,)).fetchall()

    def _groups(self, cursor: sqlite3.Cursor) -> Iterator[list[tuple[Any, ...]]]:
        group, size = list[tuple[Any, ...]](), 0
        while rows := cursor.fetchmany(_FETCH_ROWS):
            group += rows
            size += sum(len(row[0]) for row in rows if isinstance(row[0], bytes))
            if size > _BATCH_BYTES or len(group) + _FETCH_ROWS > self._file.context.limits.batch_rows:
                yield group
                group, size = [], 0
        if group:
            yield group

    def _batch(self, rows: list[tuple[Any, ...]], start: int) -> RowBatch:
        values = [list(column) for column in zip(*rows, strict=True)]
        wkb, problem = pa.nulls(len(rows), pa.binary()), pa.nulls(len(rows), pa.string())
        if self._column:
            wkb, problem = read_blobs(values.pop(0), self._file.context.limits.max_vertices)
        for at, is_boolean in enumerate(self._booleans):
            if is_boolean:
                values[at] = [bool(value) if isinstance(value, int) else value for value in values[at]]
        numbers = np.arange(start, start + len(rows), dtype=np.int64)
        columns: Sequence[pa.Array | list[Any]] = values[: len(self.columns)]
        if self._text is not None:
            columns = self._text.decode([text_array(column) for column in columns])
        return RowBatch(numbers, wkb, problem, columns)


def read_blobs(blobs: list[object], max_vertices: int) -> tuple[pa.Array, pa.Array]:
    """Read geometry blobs into WKB and problem codes; plain points all at once."""
    sizes = {len(blob) if isinstance(blob, bytes) else 0 for blob in blobs}
    if sizes == {_BLOB_HEAD + POINT_BYTES}:
        block = np.frombuffer(b"".join(blobs), np.uint8).reshape(len(blobs), -1)  # type: ignore[arg-type]
        likeness = np.frombuffer(b"GP\x01" + POINT_HEAD, np.uint8)
        positions = np.ascontiguousarray(block[:, -16:]).view("<f8")
        if (block[:, [0, 1, 3, *range(8, 13)]] == likeness).all() and np.isfinite(positions).all():
            return points_wkb(positions), pa.nulls(len(blobs), pa.string())
    wkb, problem = zip(*(read_blob(blob, max_vertices) for blob in blobs), strict=True)
    return pa.array(wkb, pa.binary()), pa.array(problem, pa.string())


def read_blob(blob: object, max_vertices: int) -> tuple[bytes | None, str | None]:
    """Read a GeoPackage geometry blob (12-128r19, clause 2.1.3); never raises."""
    if blob is None:
        return None, "GEOM_NULL"
    if not isinstance(blob, bytes) or len(blob) < _BLOB_HEAD or blob[:2] != b"GP" or blob[3] & _EXTENDED:
        return None, "GEOM_UNREADABLE"
    if blob[3] & _EMPTY:
        return None, "GEOM_EMPTY"
    envelope = blob[3] >> 1 & 7
    if envelope >= len(_ENVELOPES):
        return None, "GEOM_UNREADABLE"
    return read_wkb(blob[_BLOB_HEAD + _ENVELOPES[envelope] :], max_vertices)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _has_code(what: str) -> UnreadableFileError:
    return UnreadableFileError("GPKG_VIEW", what=what[:200])


def _broken(error: Exception) -> UnreadableFileError:
    return UnreadableFileError("GPKG_BROKEN", why=str(error)[:200])
