"""Shapes in a CQL2 filter: read, checked, moved to degrees WGS 84."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from geodata.cql2 import GEOMETRY_TYPES, Tree
from geodata.filter_values import refuse

MAX_VERTICES = 1000
"""Of all shapes of a filter together, as they are written."""

Move = Callable[[shapely.Geometry], shapely.Geometry]
"""Moves a shape from another coordinate system to longitude and latitude in degrees."""

_COLLECTION = "GeometryCollection"
_PARTS: Sequence[tuple[str, ...]] = (("op", "args"), ("property",), ("interval",))
_LISTS = frozenset({"args", "interval"})
_MOST_MOVED, _PASSES = 5_000, 3
_STRAIGHT_M = 0.5
_DEGREE_M = 111_320.0
_ROUNDING_DEG = 1e-9
_WORLD = (-180.0, -90.0, 180.0, 90.0)


def is_shape(tree: Tree) -> bool:
    """Whether a shape or a box stands there."""
    return isinstance(tree, dict) and "op" not in tree and ("bbox" in tree or tree.get("type") in GEOMETRY_TYPES)


def in_degrees(tree: Tree, move: Move | None) -> Tree:
    """Return a filter with every shape as GeoJSON in degrees WGS 84, and with nothing in it that no filter has.

    Parameters
    ----------
    move : callable, optional
        From the coordinate system of the shapes, where that is another.

    Raises
    ------
    ParameterError
        When a shape is none, is invalid or lies outside the world, or all have more than `MAX_VERTICES`.
    """
    vertices = 0

    def walk(part: Tree) -> Tree:
        nonlocal vertices
        if isinstance(part, list):
            return [walk(inner) for inner in part]
        if is_shape(part):
            shape = _read(part, is_in_degrees=move is None)
            vertices += shapely.get_num_coordinates(shape)
            if vertices > MAX_VERTICES:
                refuse(f"các hình có nhiều nhất {MAX_VERTICES} đỉnh.", f"shapes have at most {MAX_VERTICES} vertices.")
            return dict(shapely.geometry.mapping(_checked(shape if move is None else moved(shape, move))))
        names = next((names for names in _PARTS if names[0] in part), ()) if isinstance(part, dict) else ()
        if names:
            # Only these lists have been measured; what else there is will be refused.
            kept = {name: part[name] for name in names if name in part}
            return {
                name: walk(inner) if name in _LISTS and isinstance(inner, list) else inner
                for name, inner in kept.items()
            }
        return part

    return walk(tree)


def read_shape(tree: Tree) -> shapely.Geometry:
    """Return a shape that `in_degrees` has written."""
    return shapely.geometry.shape(tree)


def moved(shape: shapely.Geometry, move: Move) -> shapely.Geometry:
    """Move a shape, with vertices added so that its edges stay as straight as they were.

    Parameters
    ----------
    shape : shapely geometry
        In any coordinate system, straight edges in its plane.

    Returns
    -------
    shapely geometry
        Degrees WGS 84. Between two vertices the true edge lies within 1 m of the straight one in degrees: its distance
        is measured at three points of each edge, and edges are parted until it is half a metre there at most (or three
        times, where a move has a break in it, which no parting closes).

    Raises
    ------
    ParameterError
        When that takes more than 5,000 vertices, or a vertex has no place in degrees.
    """
    for _ in range(_PASSES):
        longest, count = _longest_part(shape, move)
        if count > _MOST_MOVED:
            refuse("hình quá lớn để chuyển sang kinh độ, vĩ độ.", "the shape is too large to be moved to degrees.")
        if longest is None:
            break
        shape = shapely.segmentize(shape, longest)
    return move(shape)


def _longest_part(shape: shapely.Geometry, move: Move) -> tuple[float | None, int]:
    """Return how long parts of edges may be (None where no edge need be parted), and how many there are then."""
    starts, ends = _edges(shape)
    if not len(starts):
        return None, 0
    fractions = np.array([0, 0.25, 0.5, 0.75, 1])[:, None, None]
    samples = starts + fractions * (ends - starts)
    there = shapely.get_coordinates(move(shapely.MultiPoint(samples.reshape(-1, 2)))).reshape(samples.shape)
    if not np.isfinite(there).all():
        _refuse_place()
    offsets = np.sqrt(_off_line_m(there) / _STRAIGHT_M)
    lengths = np.linalg.norm(ends - starts, axis=1)
    bent = offsets > 1
    if not bent.any():
        return None, 0
    longest = float((lengths[bent] / np.ceil(offsets[bent])).min())
    return longest, int(np.ceil(lengths / longest).sum())


def _edges(shape: shapely.Geometry) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the starts and the ends of all edges, shape (n, 2) each."""
    single = shapely.get_parts(shapely.get_parts(shape))
    kinds = shapely.get_type_id(single)
    lines = np.concatenate([single[kinds == shapely.GeometryType.LINESTRING], shapely.get_rings(single)])
    places, line = shapely.get_coordinates(lines, return_index=True)
    is_edge = line[1:] == line[:-1]
    return places[:-1][is_edge], places[1:][is_edge]


def _off_line_m(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far the inner points of edges lie off the line between the outer ones.

    Parameters
    ----------
    places : float64 array, shape (5, n, 2)
        Degrees.

    Returns
    -------
    float64 array, shape (n,)
        Metres, the largest of an edge.
    """
    metres = places * _DEGREE_M
    metres[..., 0] *= np.cos(np.radians(places[..., 1].mean(axis=0)))
    line, inner = metres[-1] - metres[0], metres[1:-1] - metres[0]
    length = np.maximum(np.linalg.norm(line, axis=1), 1e-9)
    across = np.abs(line[:, 0] * inner[..., 1] - line[:, 1] * inner[..., 0]) / length
    found: NDArray[np.float64] = across.max(axis=0)
    return found


def _read(tree: Tree, *, is_in_degrees: bool) -> shapely.Geometry:
    if "bbox" in tree:
        return _box(tree["bbox"], may_cross=is_in_degrees)
    members = tree.get("geometries", ())
    is_nested = isinstance(members, list) and any(
        isinstance(member, dict) and member.get("type") == _COLLECTION for member in members
    )
    try:
        shape = None if is_nested else shapely.from_geojson(orjson.dumps(tree))
    except (shapely.errors.GEOSException, orjson.JSONEncodeError):
        shape = None
    if shape is None or shape.is_empty:
        names = ", ".join(GEOMETRY_TYPES)
        refuse(f"hình phải là {names} hoặc bbox.", f"a shape has to be one of {names} or a bbox.")
    return shapely.force_2d(shape)


def _checked(shape: shapely.Geometry) -> shapely.Geometry:
    west, south, east, north = shape.bounds
    least_lon, least_lat, most_lon, most_lat = _WORLD
    slack = _ROUNDING_DEG
    is_within = west >= least_lon - slack and south >= least_lat - slack
    if not (is_within and east <= most_lon + slack and north <= most_lat + slack):
        _refuse_place()
    if not shape.is_valid:
        refuse("hình tự cắt chính nó.", "the shape crosses itself.")
    return _united(shape)


def _united(shape: shapely.Geometry) -> shapely.Geometry:
    """Return a collection of one dimension as one shape, which can be compared in every way."""
    if shape.geom_type != _COLLECTION:
        return shape
    dimensions = set(shapely.get_dimensions(shapely.get_parts(shape)).tolist())
    return shapely.union_all(shapely.get_parts(shape)) if len(dimensions) == 1 else shape


def _refuse_place() -> None:
    refuse("tọa độ phải là kinh độ, vĩ độ (độ).", "coordinates are longitude and latitude in degrees.")


def _box(numbers: Tree, *, may_cross: bool) -> shapely.Geometry:
    """Read a box; in degrees it may cross the antimeridian."""
    if isinstance(numbers, list) and len(numbers) == 6:  # noqa: PLR2004  with heights
        numbers = [numbers[at] for at in (0, 1, 3, 4)]
    if isinstance(numbers, list) and len(numbers) == 4 and all(map(_is_number, numbers)):  # noqa: PLR2004
        west, south, east, north = numbers
        if south <= north and west <= east:
            return _rectangle(west, south, east, north)
        if south <= north and may_cross:
            parts: Sequence[Any] = (
                _rectangle(west, south, _WORLD[2], north),
                _rectangle(_WORLD[0], south, east, north),
            )
            return shapely.union_all(parts)
    refuse("bbox cần tây, nam, đông, bắc (độ).", "bbox takes west, south, east, north in degrees.")


def _is_number(number: Any) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and abs(number) < float("inf")


def _rectangle(west: float, south: float, east: float, north: float) -> shapely.Geometry:
    return shapely.envelope(shapely.LineString([(west, south), (east, north)]))
