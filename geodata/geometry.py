"""Geometry on its way into a register: type, validity, orientation, precision."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from geodata.crs import EAST, NORTH, SOUTH, WEST, ToWgs84
from geodata.register import GeometryKind

Geometries = NDArray[Any]
Problems = NDArray[np.object_]

METRES_PER_DEGREE = 111_195.0
"""On a sphere of the Earth's mean radius."""

PRECISION_DEGREES = 9
"""Decimals kept, 0.1 mm: what the history can write as text and read back as the same number."""

_NOWHERE = 1e9

_WKB_POINT = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])
_EWKB_POINT = np.dtype([("order", "u1"), ("type", "<u4"), ("srid", "<u4"), ("x", "<f8"), ("y", "<f8")])
_EWKB_POINT_TYPE = 0x20000001

_POINT, _MULTIPOINT = shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT
_POLYGON, _MULTIPOLYGON = shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON


def from_wkb(column: pa.Array) -> Geometries:
    """Read a column of WKB; nothing but points is read as one block of numbers, five times faster.

    Parameters
    ----------
    column : binary array, shape (n,)
        Null gives None.
    """
    places = plain_points(column)
    if places is not None:
        points: Geometries = shapely.points(*places)
        return points
    geometries: Geometries = shapely.from_wkb(np.array(column.to_pylist(), dtype=object))
    return geometries


def plain_points(column: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the coordinates of a column that holds nothing but little-endian 2D points, None for any other."""
    if len(column) == 0 or column.null_count:
        return None
    sizes = pc.min_max(pc.binary_length(column))
    if not sizes["min"].as_py() == sizes["max"].as_py() == _WKB_POINT.itemsize:
        return None
    _, starts, data = column.cast(pa.binary()).buffers()
    first = int(np.frombuffer(starts, np.int32)[column.offset])
    records = np.frombuffer(data, _WKB_POINT, len(column), first)
    if not ((records["order"] == 1).all() and (records["type"] == 1).all()):
        return None
    return records["x"].copy(), records["y"].copy()


def degrees_from_wkb(column: pa.Array, to_wgs84: ToWgs84) -> Geometries:
    """Read a column of WKB and move it to WGS 84: `from_wkb` and `to_degrees` in one, points without a detour.

    Parameters
    ----------
    column : binary array, shape (n,)
        Null gives None.
    to_wgs84 : callable
        See `geodata.crs.SourceCrs`.
    """
    places = plain_points(column)
    if places is None:
        return to_degrees(from_wkb(column), to_wgs84)
    lon, lat = to_wgs84(*places)
    points: Geometries = shapely.points(_rounded(lon), _rounded(lat))
    return points


def _rounded(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    # What is no place at all stays none, without numbers that no arithmetic bears.
    return np.asarray(np.round(np.clip(degrees, -_NOWHERE, _NOWHERE), PRECISION_DEGREES), dtype=np.float64)


def to_degrees(geometries: Geometries, to_wgs84: ToWgs84) -> Geometries:
    """Move geometries to WGS 84 and round them to the stored precision.

    Parameters
    ----------
    geometries : object array, shape (n,)
        Shapely geometries in the source system; None stays None.
    to_wgs84 : callable
        See `geodata.crs.SourceCrs`.
    """

    def move(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = to_wgs84(coordinates[:, 0], coordinates[:, 1])
        return _rounded(np.column_stack([lon, lat]))

    moved: Geometries = shapely.transform(geometries, move)
    return moved


def as_kind(geometries: Geometries, kind: GeometryKind, *, points_too: bool) -> tuple[Geometries, Problems]:
    """Bring geometries to the register's type and find what is wrong with each.

    Parameters
    ----------
    geometries : object array, shape (n,)
        WGS 84; None where there is none.
    kind : {"point", "polygon"}
        What the register stores; polygons become multi-polygons with counter-clockwise outer rings.
    points_too : bool
        Whether a polygon register also takes points.

    Returns
    -------
    geometries, problems : object arrays, shape (n,)
        A problem is a code (``GEOM_TYPE``, ``GEOM_INVALID``, ``GEOM_OUTSIDE_VIETNAM``) or None.
    """
    problems: Problems = np.full(len(geometries), None, dtype=object)
    types = shapely.get_type_id(geometries)
    single = (types == _MULTIPOINT) & (shapely.get_num_geometries(geometries) == 1)
    result = geometries.copy()
    if single.any():
        result[single] = shapely.get_geometry(geometries[single], 0)
    is_point = (types == _POINT) | single
    is_polygon = (types == _POLYGON) | (types == _MULTIPOLYGON)
    wanted = is_point if kind == "point" else (is_polygon | (is_point & points_too))
    problems[~wanted & (types >= 0)] = "GEOM_TYPE"
    areas = is_polygon & wanted
    if areas.any():
        result[areas], problems[areas] = _clean_polygons(result[areas])
    problems[(problems == None) & _outside(result)] = "GEOM_OUTSIDE_VIETNAM"  # noqa: E711  element-wise
    return result, problems


def _clean_polygons(polygons: Geometries) -> tuple[Geometries, Problems]:
    problems: Problems = np.full(len(polygons), None, dtype=object)
    problems[~shapely.is_valid(polygons)] = "GEOM_INVALID"
    oriented = shapely.orient_polygons(polygons)
    singles = shapely.get_type_id(oriented) == _POLYGON
    if singles.any():
        found = np.flatnonzero(singles)
        oriented[singles] = shapely.multipolygons(oriented[singles], indices=np.arange(len(found)))
    return oriented, problems


def _outside(geometries: Geometries) -> NDArray[np.bool_]:
    west, south, east, north = shapely.bounds(geometries).T
    inside = (west >= WEST) & (south >= SOUTH) & (east <= EAST) & (north <= NORTH)
    outside: NDArray[np.bool_] = ~inside & ~np.isnan(west)
    return outside


def explain_invalid(geometry: shapely.Geometry) -> tuple[str, list[float] | None]:
    """Say why a geometry is invalid and where: GEOS' reason and ``[lon, lat]`` when it names a place."""
    reason = shapely.is_valid_reason(geometry)
    text, _, place = reason.partition("[")
    numbers = place.rstrip("]").split()
    if len(numbers) < 2:  # noqa: PLR2004  a place is two numbers
        return text.strip(), None
    return text.strip(), [float(numbers[0]), float(numbers[1])]


def metres_of(geometries: Any) -> Any:
    """Lay geometries in degrees out in metres (equirectangular, each at its own middle latitude).

    Good for areas and lengths to 0.7 %, not for places: east and north are those of the equator's crossing with the
    prime meridian, shrunk by the cosine of the latitude.
    """
    column = np.atleast_1d(np.asarray(geometries, dtype=object))
    _, south, _, north = np.nan_to_num(shapely.bounds(column)).T
    shrink = np.cos(np.radians((south + north) / 2))
    places, owners = shapely.get_coordinates(column, return_index=True)
    scaled = places * np.column_stack([shrink[owners] * METRES_PER_DEGREE, np.full(len(owners), METRES_PER_DEGREE)])
    laid = shapely.set_coordinates(shapely.force_2d(column), scaled)
    return laid if np.ndim(geometries) else laid[0]


def to_hex_ewkb(geometries: Geometries, srid: int = 4326) -> pa.Array:
    """Write geometries as PostGIS reads them from text; None gives null."""
    if len(geometries) and (shapely.get_type_id(geometries) == _POINT).all():
        records = np.empty(len(geometries), _EWKB_POINT)
        records["order"], records["type"], records["srid"] = 1, _EWKB_POINT_TYPE, srid
        records["x"], records["y"] = shapely.get_coordinates(geometries).T
        digits = np.frombuffer(records.tobytes().hex().encode(), f"S{2 * _EWKB_POINT.itemsize}")
        return pa.array(digits).cast(pa.string())
    return pa.array(shapely.to_wkb(shapely.set_srid(geometries, srid), hex=True, include_srid=True), pa.string())
