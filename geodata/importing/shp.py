"""Read shapefiles record by record, so that one broken ring is one reported row.

The index (.shx) is not needed and not trusted. Rules: ESRI Shapefile Technical Description, July 1998; outer
rings run clockwise, holes anticlockwise, and where a file breaks that, containment decides.
"""

import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geodata.importing.context import ReadContext
from geodata.importing.dbf import DbfFile
from geodata.importing.results import EncodingChoice, LayerInfo, RowBatch, UnreadableFileError
from geodata.importing.rings import nest_rings
from geodata.importing.wkb import (
    MIN_LINE,
    MIN_RING,
    MOST_RINGS,
    MULTI_LINE,
    MULTI_POINT,
    MULTI_POLYGON,
    POINT_HEAD,
    POLYGON,
    Floats,
    GeometryProblemError,
    close_ring,
    points_wkb,
    wkb_collection,
    wkb_path,
    wkb_polygon,
)

_FILE_CODE, _HEADER_BYTES, _RECORD_HEAD = 9994, 100, 8
_MIN_CONTENT = 4
_NULL_SHAPE, _POINT, _LINE, _POLYGON, _MULTI_POINT, _MULTI_PATCH = 0, 1, 3, 5, 8, 31
_NAMES = {_POINT: "Point", _LINE: "LineString", _POLYGON: "Polygon", _MULTI_POINT: "MultiPoint"}
# 11, 13, … carry Z and 21, 23, … carry M; both come after the plane coordinates.
_PLANE = {dimension + shape: shape for dimension in (0, 10, 20) for shape in _NAMES}
_OTHER_SHAPES = {_NULL_SHAPE: "GEOM_NULL", _MULTI_PATCH: "GEOM_TYPE"}
_WINDOW_BYTES, _BATCH_BYTES = 16 << 20, 64 << 20
_POSITION_BYTES, _PARTS_AT = 16, 44
_VERTEX_BYTES, _SLACK_BYTES = 36, 200
_ONE_RING = struct.pack("<BII", 1, POLYGON, 1)
_MAX_SIDE_FILE = 64 << 10
_DELETED = ord("*")
_WKT = re.compile(r"(PROJ|GEOG|GEOC|COMPD|LOCAL|BOUND|VERT)?(CS|CRS)\s*\[", re.IGNORECASE)


class ShpFile:
    """The geometries of a shapefile.

    Raises
    ------
    UnreadableFileError
        ``SHP_BROKEN`` with the offset where the header or a record's length cannot be true.
    """

    def __init__(self, path: Path, context: ReadContext) -> None:
        self._context, self._path = context, path
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
        if len(head) < _HEADER_BYTES or struct.unpack_from(">i", head)[0] != _FILE_CODE:
            raise _broken(0, code="UPLOAD_FORMAT")
        declared = 2 * struct.unpack_from(">i", head, 24)[0]
        (self.shape_type,) = struct.unpack_from("<i", head, 32)
        # Some writers leave the length at the header's own size; what follows is then taken as it is.
        self._end = min(size, declared) if declared > _HEADER_BYTES else size
        self._max_record = _VERTEX_BYTES * context.limits.max_vertices + _SLACK_BYTES

    @property
    def geometry_type(self) -> str | None:
        """Name the type the header declares."""
        return "MultiPatch" if self.shape_type == _MULTI_PATCH else _NAMES.get(_PLANE.get(self.shape_type, 0))

    @property
    def has_extra_axes(self) -> bool:
        """Say whether the header declares Z or M."""
        return self.shape_type > _MULTI_POINT and self.shape_type in _PLANE

    def blocks(self, rows: int) -> Iterator[tuple[pa.Array, pa.Array]]:
        """Yield WKB and problem codes of at most ``rows`` records at a time."""
        offset = _HEADER_BYTES
        if _PLANE.get(self.shape_type) == _POINT:
            for positions, stride in self._point_blocks(rows):
                offset += len(positions) * stride
                finite = np.asarray(np.isfinite(positions).all(axis=1))
                wkb = points_wkb(positions)
                nothing = pa.nulls(len(wkb), pa.string())
                if finite.all():
                    yield wkb, nothing
                else:
                    wkb = pc.if_else(finite, wkb, pa.scalar(None, pa.binary()))
                    yield wkb, pc.if_else(finite, nothing, "GEOM_NOT_FINITE")
        wkb_list, problems, size = list[bytes | None](), list[str | None](), 0
        for buffer, start, end in self._records(offset):
            wkb_one, problem = self._read_shape(buffer, start, end)
            wkb_list.append(wkb_one)
            problems.append(problem)
            size += end - start
            if len(wkb_list) == rows or size > _BATCH_BYTES:
                yield pa.array(wkb_list, pa.binary()), pa.array(problems, pa.string())
                wkb_list, problems, size = [], [], 0
        if wkb_list:
            yield pa.array(wkb_list, pa.binary()), pa.array(problems, pa.string())

    def _point_blocks(self, rows: int) -> Iterator[tuple[Floats, int]]:
        """Read points while each record looks like the first; the rest is left to the slow way."""
        with self._path.open("rb") as file:
            file.seek(_HEADER_BYTES)
            head = file.read(_RECORD_HEAD + _MIN_CONTENT)
            if len(head) < _RECORD_HEAD + _MIN_CONTENT:
                return
            stride = 2 * struct.unpack_from(">i", head, 4)[0] + _RECORD_HEAD
            if not _RECORD_HEAD + _MIN_CONTENT + _POSITION_BYTES <= stride <= _SLACK_BYTES:
                return
            for offset in range(_HEADER_BYTES, self._end - stride + 1, rows * stride):
                file.seek(offset)
                raw = file.read(min(rows, (self._end - offset) // stride) * stride)
                block = np.frombuffer(raw, np.uint8).reshape(-1, stride)
                if not (block[:, 4:12] == np.frombuffer(head, np.uint8)[4:12]).all():
                    return
                yield np.ascontiguousarray(block[:, 12:28]).view("<f8"), stride

    def _records(self, offset: int) -> Iterator[tuple[bytes, int, int]]:
        """Walk the records; a record too long to hold an allowed geometry is given empty."""
        with self._path.open("rb") as file:
            file.seek(offset)
            buffer, at = b"", 0
            while offset + _RECORD_HEAD <= self._end:
                if len(buffer) - at < _RECORD_HEAD:
                    buffer, at = buffer[at:] + file.read(_WINDOW_BYTES), 0
                size = 2 * struct.unpack_from(">i", buffer, at + 4)[0]
                offset += _RECORD_HEAD + size
                if size < _MIN_CONTENT or offset > self._end:
                    raise _broken(offset - size - _RECORD_HEAD)
                if size > self._max_record:
                    file.seek(offset)
                    buffer, at = b"", 0
                    yield b"", 0, 0
                    continue
                at += _RECORD_HEAD
                if len(buffer) - at < size:
                    buffer, at = buffer[at:] + file.read(max(_WINDOW_BYTES, size)), 0
                yield buffer, at, at + size
                at += size

    def _read_shape(self, buffer: bytes, start: int, end: int) -> tuple[bytes | None, str | None]:
        try:
            return self._read_kind(buffer, start, end)
        except GeometryProblemError as problem:
            return None, str(problem)
        except struct.error:
            return None, "GEOM_UNREADABLE"

    def _read_kind(self, buffer: bytes, start: int, end: int) -> tuple[bytes, str | None]:
        if end == start:
            raise GeometryProblemError("GEOM_TOO_MANY_VERTICES")
        (kind,) = struct.unpack_from("<i", buffer, start)
        shape = _PLANE.get(kind)
        if shape is None:
            raise GeometryProblemError(_OTHER_SHAPES.get(kind, "GEOM_UNREADABLE"))
        if shape == _POINT:
            return POINT_HEAD + _positions(buffer, start + _MIN_CONTENT, 1, end).tobytes(), None
        if shape == _MULTI_POINT:
            (count,) = struct.unpack_from("<i", buffer, start + 36)
            positions = _positions(buffer, start + 40, self._allowed(count), end)
            return wkb_collection(MULTI_POINT, [POINT_HEAD + one.tobytes() for one in positions]), None
        return self._read_parts(buffer, start, end, shape)

    def _allowed(self, count: int) -> int:
        if count <= 0:
            raise GeometryProblemError("GEOM_EMPTY")
        if count > self._context.limits.max_vertices:
            raise GeometryProblemError("GEOM_TOO_MANY_VERTICES")
        return count

    def _read_parts(self, buffer: bytes, start: int, end: int, shape: int) -> tuple[bytes, str | None]:
        part_count, count = struct.unpack_from("<ii", buffer, start + 36)
        self._allowed(count)
        at = start + _PARTS_AT + 4 * self._allowed(part_count)
        positions = _positions(buffer, at, count, end)
        parts = [positions]
        if part_count == 1:
            stop = at + _POSITION_BYTES * count
            is_closed = buffer[at : at + _POSITION_BYTES] == buffer[stop - _POSITION_BYTES : stop]
            if shape == _POLYGON and is_closed and count >= MIN_RING:
                # The record holds the bytes WKB wants.
                return _ONE_RING + struct.pack("<I", count) + buffer[at:stop], None
        else:
            firsts = np.frombuffer(buffer, "<i4", part_count, start + _PARTS_AT)
            if firsts[0] != 0 or (np.diff(firsts) <= 0).any() or firsts[-1] >= count:
                raise GeometryProblemError("GEOM_UNREADABLE")
            parts = np.split(positions, firsts[1:])
        return _polygons(parts) if shape == _POLYGON else (_paths(parts), None)


def _positions(buffer: bytes, at: int, count: int, end: int) -> Floats:
    if at + _POSITION_BYTES * count > end:
        raise GeometryProblemError("GEOM_UNREADABLE")
    positions = np.frombuffer(buffer, "<f8", 2 * count, at).reshape(-1, 2)
    if not np.isfinite(positions).all():
        raise GeometryProblemError("GEOM_NOT_FINITE")
    return positions


def _paths(parts: list[Floats]) -> bytes:
    if any(len(part) < MIN_LINE for part in parts):
        raise GeometryProblemError("GEOM_TOO_FEW_POSITIONS")
    paths = [wkb_path(part) for part in parts]
    return paths[0] if len(paths) == 1 else wkb_collection(MULTI_LINE, paths)


def _polygons(parts: list[Floats]) -> tuple[bytes, str | None]:
    if len(parts) > MOST_RINGS:
        raise GeometryProblemError("GEOM_TOO_MANY_RINGS")
    closed = [close_ring(part) for part in parts]
    rings = [ring for ring, _ in closed]
    if any(len(ring) < MIN_RING for ring in rings):
        raise GeometryProblemError("GEOM_TOO_FEW_POSITIONS")
    polygons = [wkb_polygon([rings[at] for at in group]) for group in nest_rings(rings)]
    problem = None if all(was_closed for _, was_closed in closed) else "GEOM_RING_NOT_CLOSED"
    return polygons[0] if len(polygons) == 1 else wkb_collection(MULTI_POLYGON, polygons), problem


class ShapefileLayer:
    """A shapefile's parts read side by side.

    Parameters
    ----------
    parts : mapping of str to Path
        By suffix (``.shp``, ``.dbf``, ``.prj``, ``.cpg``); only ``.shp`` is needed.
    """

    format = "ESRI Shapefile"
    knows_itself_early = True

    def __init__(self, parts: Mapping[str, Path], name: str, context: ReadContext) -> None:
        self._parts, self._context = parts, context
        self._shapes = ShpFile(parts[".shp"], context)
        self._table = DbfFile(parts[".dbf"], context) if ".dbf" in parts else None
        self._deleted = 0
        self.columns: list[str] = []
        self.encoding = list[EncodingChoice]()
        self.crs_wkt, self.crs_hint = self._read_prj(), None
        count = self._table.record_count if self._table else None
        self.info = LayerInfo(name, self._shapes.geometry_type, count, self.crs_wkt)

    def _read_prj(self) -> str | None:
        if ".prj" not in self._parts:
            return None
        text = side_text(self._parts[".prj"]).strip("\ufeff\0 \r\n\t")
        if _WKT.match(text):
            return text
        self._context.warn("PRJ_UNREADABLE")
        return None

    def batches(self) -> Iterator[RowBatch]:
        """Yield the rows; columns and encoding are known from the first one on."""
        if self._table is None:
            self._context.warn("DBF_MISSING")
        else:
            declared = side_text(self._parts[".cpg"]) if ".cpg" in self._parts else None
            self.encoding = self._table.choose_encodings(declared)
            self.columns = self._table.names()
        if self._shapes.has_extra_axes:
            self._context.warn_flattened()
        step = self._table.block_rows if self._table else self._context.limits.batch_rows
        start = 0
        for wkb, problem in self._shapes.blocks(step):
            yield self._join(start, wkb, problem)
            start += len(wkb)
            self._context.check_rows(start)
        records = self._table.record_count if self._table else start
        for rest in range(start, records, step):
            count = min(step, records - rest)
            yield self._join(rest, pa.nulls(count, pa.binary()), pa.array(["GEOM_NULL"] * count, pa.string()))
        self._warn(start, records)

    def _join(self, start: int, wkb: pa.Array, problem: pa.Array) -> RowBatch:
        rows = np.arange(start + 1, start + len(wkb) + 1, dtype=np.int64)
        if self._table is None:
            return RowBatch(rows, wkb, problem, [])
        count = min(len(wkb), max(0, self._table.record_count - start))
        block = self._table.read_block(start, count)
        missing = pa.nulls(len(wkb) - count, pa.string())
        columns = [
            pa.concat_arrays([column, missing]) if len(missing) else column for column in self._table.columns(block)
        ]
        kept = np.ones(len(wkb), bool)
        kept[:count] = block[:, 0] != _DELETED
        if kept.all():
            return RowBatch(rows, wkb, problem, columns)
        self._deleted += int((~kept).sum())
        return RowBatch(rows[kept], wkb.filter(kept), problem.filter(kept), [column.filter(kept) for column in columns])

    def _warn(self, shapes: int, records: int) -> None:
        if self._table:
            self._table.warn_about_text()
        if self._table and shapes != records:
            self._context.warn("SHP_DBF_COUNT", shapes=shapes, records=records)
        warn_deleted(self._deleted, self._context)


def warn_deleted(count: int, context: ReadContext) -> None:
    """Say how many records of a DBF table were left out."""
    if count:
        context.warn("DBF_DELETED", count=count)


def side_text(path: Path) -> str:
    """Read a small side file (.prj, .cpg) as text."""
    with path.open("rb") as file:
        raw = file.read(_MAX_SIDE_FILE)
    return raw.decode("utf-8", "replace")


def _broken(offset: int, *, code: str = "SHP_BROKEN") -> UnreadableFileError:
    return UnreadableFileError(code, what=".shp", offset=offset)
