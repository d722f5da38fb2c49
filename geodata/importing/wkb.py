"""Write 2D WKB from positions, and read WKB of any flavour with our own walker.

WKB is walked here because GEOS crashes on deep nesting; collections are given flat, and no deeper than four
within one another. Curves become lines of 4 degrees a step, GDAL's default. Type codes: ISO 13249-3.
"""

import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

GEOMETRY_CODES = {
    name: code
    for code, name in enumerate(
        ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"), start=1
    )
}
POINT, LINE, POLYGON, MULTI_POINT, MULTI_LINE, MULTI_POLYGON = GEOMETRY_CODES.values()
_MAX_COLLECTIONS = 4
_COLLECTION, _ARC, _COMPOUND, _CURVE_POLYGON, _MULTI_CURVE, _MULTI_SURFACE = 7, 8, 9, 10, 11, 12
POINT_HEAD = struct.pack("<BI", 1, POINT)
POINT_BYTES = 21
MIN_RING, MIN_LINE = 4, 2
MOST_RINGS = 5_000
"""Rings of one area: twice the islands of Ha Long Bay; the checks take time for each pair of them."""

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
_ONE_POINT = struct.Struct("<BIdd")
_AXES = 2

Floats = NDArray[np.float64]


class GeometryProblemError(Exception):
    """One geometry cannot be built; the argument is the row's problem code."""


def close_ring(ring: Floats) -> tuple[Floats, bool]:
    """Close a ring, and say whether it was closed already."""
    if (ring[0] == ring[-1]).all():
        return ring, True
    return np.concatenate((ring, ring[:1])), False


def rings_left(before: int) -> int:
    """Count a ring; raises ``GEOM_TOO_MANY_RINGS`` where there may be no more."""
    if before == 0:
        raise GeometryProblemError("GEOM_TOO_MANY_RINGS")
    return before - 1


def points_wkb(positions: Floats) -> pa.BinaryArray:
    """Write points, shape (n, 2), as an Arrow array of WKB."""
    count, head = len(positions), len(POINT_HEAD)
    block = np.empty((count, POINT_BYTES), np.uint8)
    block[:, :head] = np.frombuffer(POINT_HEAD, np.uint8)
    block[:, head:] = np.ascontiguousarray(positions, "<f8").view(np.uint8).reshape(count, -1)
    offsets = np.arange(0, (count + 1) * POINT_BYTES, POINT_BYTES, dtype=np.int32)
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


def geometry_wkb(kind: object, coordinates: object, max_vertices: int) -> tuple[bytes | None, str | None]:
    """Build 2D WKB (little endian) from a GeoJSON type name and nested lists of positions.

    Returns
    -------
    bytes or None, str or None
        The geometry and its problem. An open ring is given closed, with ``GEOM_RING_NOT_CLOSED``; with any
        other problem there is no geometry: ``GEOM_TYPE``, ``GEOM_COLLECTION``, ``GEOM_EMPTY``,
        ``GEOM_NESTING``, ``GEOM_COORDINATE_TYPE``, ``GEOM_TOO_FEW_POSITIONS``, ``GEOM_NOT_FINITE``,
        ``GEOM_TOO_MANY_VERTICES``, ``GEOM_TOO_MANY_RINGS``.
    """
    if kind == "Point" and isinstance(coordinates, list) and len(coordinates) >= _AXES:
        lon, lat = coordinates[:_AXES]
        if type(lon) is type(lat) is float and math.isfinite(lon + lat):
            return _ONE_POINT.pack(1, POINT, lon, lat), None
    if not isinstance(kind, str) or kind not in GEOMETRY_CODES:
        return None, "GEOM_COLLECTION" if kind == "GeometryCollection" else "GEOM_TYPE"
    builder = _Builder(max_vertices)
    try:
        return builder.build(GEOMETRY_CODES[kind], coordinates), builder.problem
    except GeometryProblemError as problem:
        return None, str(problem)


def collection_wkb(shapes: Sequence[tuple[str, object]], max_vertices: int) -> tuple[bytes | None, str]:
    """Build a flat collection from type names and nested positions, as `geometry_wkb` takes them.

    Returns
    -------
    bytes or None, str
        The collection, None where a member is broken; and ``GEOM_COLLECTION``, for no register takes one as it is.
    """
    builder = _Builder(max_vertices)
    try:
        members = [builder.build(GEOMETRY_CODES[kind], coordinates) for kind, coordinates in shapes]
    except (GeometryProblemError, KeyError):
        return None, "GEOM_COLLECTION"
    is_whole = members and builder.problem is None
    return (wkb_collection(_COLLECTION, members) if is_whole else None), "GEOM_COLLECTION"


class _Builder:
    def __init__(self, max_vertices: int) -> None:
        self.problem: str | None = None
        self._vertices_left, self._rings_left = max_vertices, MOST_RINGS

    def build(self, code: int, coordinates: object) -> bytes:
        parts = _parts(coordinates)
        if code == POINT:
            return POINT_HEAD + self._positions([parts], 1).tobytes()
        if code == LINE:
            return wkb_path(self._positions(parts, MIN_LINE))
        if code == MULTI_POINT:
            return wkb_collection(code, [POINT_HEAD + point.tobytes() for point in self._positions(parts, 1)])
        if code == POLYGON:
            return wkb_polygon([self._ring(part) for part in parts])
        return wkb_collection(code, [self.build(code - MULTI_POINT + POINT, part) for part in parts])

    def _ring(self, part: object) -> Floats:
        self._rings_left = rings_left(self._rings_left)
        ring, was_closed = close_ring(self._positions(_parts(part), 1))
        if len(ring) < MIN_RING:
            raise GeometryProblemError("GEOM_TOO_FEW_POSITIONS")
        self.problem = self.problem if was_closed else "GEOM_RING_NOT_CLOSED"
        return ring

    def _positions(self, items: list[Any], at_least: int) -> Floats:
        self._vertices_left -= len(items)
        if self._vertices_left < 0:
            raise GeometryProblemError("GEOM_TOO_MANY_VERTICES")
        positions = _as_array(items)
        if not np.isfinite(positions).all():
            raise GeometryProblemError("GEOM_NOT_FINITE")
        if len(positions) < at_least:
            raise GeometryProblemError("GEOM_TOO_FEW_POSITIONS")
        return positions


def _parts(raw: object) -> list[Any]:
    if raw is None or raw == []:
        raise GeometryProblemError("GEOM_EMPTY")
    if not isinstance(raw, list):
        raise GeometryProblemError("GEOM_NESTING")
    return raw


def _as_array(items: list[Any]) -> Floats:
    """Check a list of positions; float64, shape (n, 2), the third number and further ones dropped."""
    if not all(isinstance(item, list) for item in items):
        raise GeometryProblemError("GEOM_NESTING")
    pairs = [item[:_AXES] for item in items]
    kinds = {type(number) for pair in pairs for number in pair}
    if list in kinds:
        raise GeometryProblemError("GEOM_NESTING")
    if not kinds <= {int, float}:
        raise GeometryProblemError("GEOM_COORDINATE_TYPE")
    if any(len(pair) < _AXES for pair in pairs):
        raise GeometryProblemError("GEOM_TOO_FEW_POSITIONS")
    try:
        return np.array(pairs, np.float64)
    except OverflowError as error:
        raise GeometryProblemError("GEOM_NOT_FINITE") from error


def read_wkb(data: bytes, max_vertices: int) -> tuple[bytes | None, str | None]:
    """Read ISO WKB or EWKB of any byte order and dimension into 2D little-endian WKB.

    Returns
    -------
    bytes or None, str or None
        Geometry and problem, as from ``geometry_wkb``; ``GEOM_UNREADABLE`` where counts or bytes lie.
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
        self._data, self._at = data, 0
        self._vertices_left, self._rings_left = max_vertices, MOST_RINGS
        self._order, self._axes = "<", 2

    def read(self, allowed: set[int] | None = None) -> bytes:
        code = self._head(allowed)
        if code == _COLLECTION and allowed is None:
            return self._collection()
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

    def _collection(self) -> bytes:
        """Read a collection and those within it as a flat one."""
        members = self._members(1)
        if self.problem is not None:
            raise GeometryProblemError("GEOM_COLLECTION")
        self.problem = "GEOM_COLLECTION"
        return wkb_collection(_COLLECTION, members)

    def _members(self, depth: int) -> list[bytes]:
        found: list[bytes] = []
        for _ in range(self._count()):
            start = self._at
            if self._head() != _COLLECTION:
                self._at = start
                found.append(self.read())
            elif depth < _MAX_COLLECTIONS:
                found += self._members(depth + 1)
            else:
                raise GeometryProblemError("GEOM_COLLECTION")
        return found

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
        self._rings_left = rings_left(self._rings_left)
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
