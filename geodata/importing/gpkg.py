"""Read GeoPackages through SQLite alone, and WKB with our own walker.

GDAL is not used: an endless view in ``gpkg_contents`` hangs even its list of layers, and one bad blob fails
the whole file. Reading the table row by row costs little more and reports the row. WKB is walked here because
GEOS crashes on deep nesting; collections are refused, so the walk never goes deeper than four. Curves become
lines of 4 degrees a step, GDAL's default. Rules: OGC 12-128r19 (GeoPackage 1.4), 2.1; ISO 13249-3 codes.
"""

import math
import re
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geodata.importing.sandbox import EncodingChoice, LayerInfo, ReadContext, RowBatch, UnreadableFileError

GEOMETRY_CODES = {
    name: code
    for code, name in enumerate(
        ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"), start=1
    )
}
POINT, LINE, POLYGON, MULTI_POINT, MULTI_LINE, MULTI_POLYGON = GEOMETRY_CODES.values()
_COLLECTION, _ARC, _COMPOUND, _CURVE_POLYGON, _MULTI_CURVE, _MULTI_SURFACE = 7, 8, 9, 10, 11, 12
POINT_HEAD = struct.pack("<BI", 1, POINT)
MIN_RING, MIN_LINE = 4, 2
_POINT_BYTES = 21
_MEMBERS = {
    MULTI_POINT: {POINT},
    MULTI_LINE: {LINE},
    MULTI_POLYGON: {POLYGON},
    _MULTI_CURVE: {LINE, _ARC, _COMPOUND},
    _MULTI_SURFACE: {POLYGON, _CURVE_POLYGON},
}
_PLAIN = {_MULTI_CURVE: MULTI_LINE, _MULTI_SURFACE: MULTI_POLYGON}
_EWKB_Z, _EWKB_M, _EWKB_SRID, _EWKB_TYPE = 0x80000000, 0x40000000, 0x20000000, 0x0FFFFFFF
_ARC_STEP = math.radians(4)
_ENVELOPES = (0, 32, 48, 48, 64)
_BLOB_HEAD, _EMPTY, _EXTENDED = 8, 0x10, 0x20
_FETCH_ROWS, _BATCH_BYTES = 1_000, 64 << 20
_MAX_VALUE_BYTES = 64 << 20
_KNOWN_TRIGGER = re.compile(r"(rtree|gpkg|gpkgext|trigger_(insert|delete)_feature_count)_.*", re.DOTALL)
_RTREE = re.compile(r"\s*CREATE\s+VIRTUAL\s+TABLE\s.*\sUSING\s+\"?rtree\"?\s*\(.*", re.IGNORECASE | re.DOTALL)

# SQLite's own messages quote the damaged schema, which need not be UTF-8.
_SQLITE_ERRORS = (sqlite3.Error, OverflowError, UnicodeDecodeError)

Floats = NDArray[np.float64]


class GeometryProblemError(Exception):
    """One geometry cannot be built; the argument is the row's problem code."""


def close_ring(ring: Floats) -> tuple[Floats, bool]:
    """Close a ring, and say whether it was closed already."""
    if (ring[0] == ring[-1]).all():
        return ring, True
    return np.concatenate((ring, ring[:1])), False


def points_wkb(positions: Floats) -> pa.BinaryArray:
    """Write points, shape (n, 2), as an Arrow array of WKB."""
    count, head = len(positions), len(POINT_HEAD)
    block = np.empty((count, _POINT_BYTES), np.uint8)
    block[:, :head] = np.frombuffer(POINT_HEAD, np.uint8)
    block[:, head:] = np.ascontiguousarray(positions, "<f8").view(np.uint8).reshape(count, -1)
    offsets = np.arange(0, (count + 1) * _POINT_BYTES, _POINT_BYTES, dtype=np.int32)
    return pa.BinaryArray.from_buffers(pa.binary(), count, [None, pa.py_buffer(offsets), pa.py_buffer(block)])


def wkb_path(positions: Floats) -> bytes:
    """Write a line string."""
    return struct.pack("<BII", 1, LINE, len(positions)) + positions.tobytes()


def wkb_polygon(rings: list[Floats]) -> bytes:
    """Write a polygon of closed rings, the outer one first."""
    body = b"".join(struct.pack("<I", len(ring)) + ring.tobytes() for ring in rings)
    return struct.pack("<BII", 1, POLYGON, len(rings)) + body


def wkb_collection(code: int, members: list[bytes]) -> bytes:
    """Write a multi-geometry from the WKB of its members."""
    return struct.pack("<BII", 1, code, len(members)) + b"".join(members)


def read_wkb(data: bytes, max_vertices: int) -> tuple[bytes | None, str | None]:
    """Read ISO WKB or EWKB of any byte order and dimension into 2D little-endian WKB.

    Returns
    -------
    bytes or None, str or None
        Geometry and problem, as from ``geojson.geometry_wkb``; ``GEOM_UNREADABLE`` where counts or bytes lie.
    """
    walker = _Walker(data, max_vertices)
    try:
        return walker.read(), walker.problem
    except GeometryProblemError as problem:
        return None, str(problem)
    except (struct.error, IndexError):
        return None, "GEOM_UNREADABLE"


class _Walker:
    def __init__(self, data: bytes, max_vertices: int) -> None:
        self.problem: str | None = None
        self._data, self._at, self._vertices_left = data, 0, max_vertices
        self._order, self._axes = "<", 2

    def read(self, allowed: set[int] | None = None) -> bytes:
        code = self._head(allowed)
        if code == POINT:
            return self._point()
        if code in (LINE, _ARC, _COMPOUND):
            return wkb_path(self._curve(code))
        if code in (POLYGON, _CURVE_POLYGON):
            return wkb_polygon([self._ring(code) for _ in range(self._count())])
        if code in _MEMBERS:
            members = [self.read(_MEMBERS[code]) for _ in range(self._count())]
            return wkb_collection(_PLAIN.get(code, code), members)
        raise GeometryProblemError("GEOM_COLLECTION" if code == _COLLECTION else "GEOM_TYPE")

    def _head(self, allowed: set[int] | None = None) -> int:
        self._order = "<" if self._data[self._at] == 1 else ">"
        (kind,) = struct.unpack_from(f"{self._order}I", self._data, self._at + 1)
        self._at += 9 if kind & _EWKB_SRID else 5
        thousands, code = divmod(kind & _EWKB_TYPE, 1000)
        in_flags = (kind & _EWKB_Z > 0) + (kind & _EWKB_M > 0)
        self._axes = 2 + ((0, 1, 1, 2)[thousands] or in_flags)
        if allowed is not None and code not in allowed:
            raise GeometryProblemError("GEOM_UNREADABLE")
        return int(code)

    def _count(self) -> int:
        count: int = struct.unpack_from(f"{self._order}I", self._data, self._at)[0]
        self._at += 4
        if count == 0:
            raise GeometryProblemError("GEOM_EMPTY")
        if count > len(self._data) - self._at:
            raise GeometryProblemError("GEOM_UNREADABLE")
        return count

    def _positions(self, count: int) -> Floats:
        self._spend(count)
        size = count * self._axes
        if size * 8 > len(self._data) - self._at:
            raise GeometryProblemError("GEOM_UNREADABLE")
        raw = np.frombuffer(self._data, f"{self._order}f8", size, self._at).reshape(count, self._axes)
        self._at += size * 8
        return np.ascontiguousarray(raw[:, :2], "<f8")

    def _spend(self, vertices: int) -> None:
        self._vertices_left -= vertices
        if self._vertices_left < 0:
            raise GeometryProblemError("GEOM_TOO_MANY_VERTICES")

    def _point(self) -> bytes:
        position = self._positions(1)
        if np.isnan(position).all():
            raise GeometryProblemError("GEOM_EMPTY")
        return POINT_HEAD + _finite(position).tobytes()

    def _curve(self, code: int) -> Floats:
        if code == _COMPOUND:
            pieces = [self._curve(self._head({LINE, _ARC})) for _ in range(self._count())]
            path = np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])
        else:
            path = _finite(self._positions(self._count()))
        if code == _ARC:
            path = _linearise(path)
            self._spend(len(path))
        if len(path) < MIN_LINE:
            raise GeometryProblemError("GEOM_TOO_FEW_POSITIONS")
        return path

    def _ring(self, code: int) -> Floats:
        if code == POLYGON:
            path = _finite(self._positions(self._count()))
        else:
            path = self._curve(self._head({LINE, _ARC, _COMPOUND}))
        ring, was_closed = close_ring(path)
        if len(ring) < MIN_RING:
            raise GeometryProblemError("GEOM_TOO_FEW_POSITIONS")
        self.problem = self.problem if was_closed else "GEOM_RING_NOT_CLOSED"
        return ring


def _finite(positions: Floats) -> Floats:
    if not np.isfinite(positions).all():
        raise GeometryProblemError("GEOM_NOT_FINITE")
    return positions


def _linearise(path: Floats) -> Floats:
    """Replace arcs (start, a point between, end; the end starts the next one) by lines."""
    pieces = [path[:1]]
    for at in range(0, len(path) - 2, 2):
        pieces.append(_arc(*path[at : at + 3]))
    return np.concatenate(pieces)


def _arc(start: Floats, between: Floats, end: Floats) -> Floats:
    """Give the points of an arc after its start; the end is kept exactly."""
    if (start == end).all():
        centre, sweep = (start + between) / 2, 2 * math.pi
    else:
        chord, other = between - start, end - start
        cross = 2 * (chord[0] * other[1] - chord[1] * other[0])
        if cross == 0:
            return np.array([between, end])
        squares = np.array([chord @ chord, other @ other])
        across = np.array(
            [other[1] * squares[0] - chord[1] * squares[1], chord[0] * squares[1] - other[0] * squares[0]]
        )
        centre = start + across / cross
        turn = math.atan2(end[1] - centre[1], end[0] - centre[0]) - math.atan2(
            start[1] - centre[1], start[0] - centre[0]
        )
        sweep = turn % (2 * math.pi) if cross > 0 else -(-turn % (2 * math.pi))
    steps = max(2, math.ceil(abs(sweep) / _ARC_STEP))
    angles = np.arange(1, steps) * sweep / steps
    spoke = start - centre
    turned = np.column_stack(
        [
            spoke[0] * np.cos(angles) - spoke[1] * np.sin(angles),
            spoke[0] * np.sin(angles) + spoke[1] * np.cos(angles),
        ]
    )
    return np.concatenate((centre + turned, [end]))


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
            raise UnreadableFileError(
                "UPLOAD_FORMAT",
                "Tệp là cơ sở dữ liệu SQLite nhưng không phải GeoPackage. Hãy xuất lại thành GeoPackage.",
                "The file is an SQLite database but not a GeoPackage. Export the layer as GeoPackage.",
            )
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
                self.context.warn(
                    "CURVES_LINEARISED",
                    f"Lớp “{table}” có đường cong; đã đổi thành đoạn thẳng.",
                    f"The layer “{table}” holds curves; they became straight segments.",
                )


class GpkgLayer:
    """One table of a GeoPackage, read row by row."""

    format = "GPKG"
    encoding = EncodingChoice("utf-8", "format", certain=True)

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
            cursor = self._file.connection.execute(f"SELECT {wanted or 1} FROM {_quoted(self._table)}")  # noqa: S608
            for rows in self._groups(cursor):
                yield self._batch(rows, start)
                start += len(rows)
        except _SQLITE_ERRORS as error:
            raise _broken(error) from error

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
        return RowBatch(numbers, wkb, problem, values[: len(self.columns)])


def read_blobs(blobs: list[object], max_vertices: int) -> tuple[pa.Array, pa.Array]:
    """Read geometry blobs into WKB and problem codes; plain points all at once."""
    sizes = {len(blob) if isinstance(blob, bytes) else 0 for blob in blobs}
    if sizes == {_BLOB_HEAD + _POINT_BYTES}:
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
    return UnreadableFileError(
        "GPKG_VIEW",
        "GeoPackage chứa khung nhìn, trigger hoặc bảng ảo lạ nên bị từ chối. Hãy xuất riêng lớp cần gửi.",
        "The GeoPackage holds views, unknown triggers or virtual tables and is refused. Export one layer.",
        what=what[:200],
    )


def _broken(error: Exception) -> UnreadableFileError:
    return UnreadableFileError(
        "GPKG_BROKEN",
        "Cơ sở dữ liệu GeoPackage bị hỏng. Hãy lưu lại lớp dữ liệu bằng QGIS rồi gửi lại.",
        "The GeoPackage is damaged. Save the layer anew in QGIS and send that.",
        why=str(error)[:200],
    )
