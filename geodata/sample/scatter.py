"""Many addresses at once: villages of lanes laid over communes with arrays, no loop over addresses.

Simpler than the sample's own villages: a village is a main road and straight or bent lanes off it. What falls outside
its commune is laid again in smaller villages, and in the end singly, so that every point is inside.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.geometry import PRECISION_DEGREES, Geometries
from geodata.sample.plane import Floats
from geodata.sample.shares import share_out

Integers = NDArray[np.int64]

METRES_PER_DEGREE_LAT = 110_650.0
METRES_PER_DEGREE_LON = 111_320.0

_VILLAGE_SIZES = (110, 110, 66, 33, 22, 11, 4)
_HOUSES_PER_LANE = 22
_MAIN_LANES = 2
_FRONTAGE_M, _FRONTAGE_NOISE_M = 11.5, 1.75
_SETBACK_M, _SETBACK_NOISE_M = 8.0, 1.5
_FIRST_HOUSE_M, _LANE_SPACING_M = 19.0, 48.0
_TURN_NOISE, _BEND_PER_M = 0.14, 0.0008
_REJECTIONS = 12


@dataclass(frozen=True, slots=True)
class Scattered:
    """Places for addresses, ordered by commune.

    Attributes
    ----------
    commune : int64 array, shape (n,)
        Position of the commune in the list given.
    lonlat : float64 array, shape (n, 2)
        Degrees WGS 84, rounded to the stored precision; strictly inside the commune.
    village, lane, number : int64 arrays, shape (n,)
        Village within the commune (from 1), lane within the village (0 is the main road), house number.
    """

    commune: Integers
    lonlat: Floats
    village: Integers
    lane: Integers
    number: Integers


def scatter(random: np.random.Generator, shapes: Geometries, count: int) -> Scattered:
    """Spread addresses over communes by area, in villages.

    Parameters
    ----------
    shapes : object array, shape (k,)
        Valid polygons or multi-polygons, degrees WGS 84.
    count : int
    """
    shapely.prepare(shapes)
    commune = np.repeat(np.arange(len(shapes)), share_by_area(shapes, count))
    lonlat: Floats = np.empty((count, 2))
    labels = np.zeros((count, 3), dtype=np.int64)
    first_village = np.zeros(len(shapes), dtype=np.int64)
    todo = np.arange(count)
    for size in _VILLAGE_SIZES:
        tried, found = _lay_villages(random, shapes, commune[todo], size)
        found[:, 0] += first_village[commune[todo]]
        np.maximum.at(first_village, commune[todo], found[:, 0])
        inside = _inside(shapes, commune[todo], tried)
        lonlat[todo[inside]], labels[todo[inside]] = tried[inside], found[inside]
        todo = todo[~inside]
    lonlat[todo] = _points_in(random, shapes, commune[todo])
    labels[todo] = np.column_stack([first_village[commune[todo]] + 1, np.zeros((len(todo), 2), dtype=np.int64)])
    return Scattered(commune, lonlat, labels[:, 0], labels[:, 1], labels[:, 2])


def share_by_area(shapes: Geometries, count: int) -> Integers:
    """Share a count out by the area that each shape has on the ground."""
    heights = np.radians(shapely.get_y(shapely.point_on_surface(shapes)))
    areas = shapely.area(shapes) * np.cos(heights)
    return share_out(count, areas)


def _lay_villages(
    random: np.random.Generator, shapes: Geometries, commune: Integers, size: int
) -> tuple[Floats, Integers]:
    """Lay addresses (communes ascending) out in villages of ``size``; return places and village, lane, number."""
    rank = np.arange(len(commune)) - np.searchsorted(commune, commune)
    village, house = np.divmod(rank, size)
    is_first = np.append(True, (np.diff(commune) != 0) | (np.diff(village) != 0))[: len(commune)]
    of = np.cumsum(is_first) - 1
    centres = _points_in(random, shapes, commune[is_first])
    lane, along = np.divmod(house, _HOUSES_PER_LANE)
    step, side = np.divmod(along, 2)
    offsets = _offsets(random, of, lane, step, side)
    lonlat = centres[of] + offsets / _metres_per_degree(centres[of][:, 1])
    is_backward = lane == 1
    number = 2 * (step + is_backward * (_HOUSES_PER_LANE // 2)) + 1 + side
    labels = np.column_stack([village + 1, np.maximum(lane - 1, 0), number])
    return np.round(lonlat, PRECISION_DEGREES), labels


def _offsets(random: np.random.Generator, of: Integers, lane: Integers, step: Integers, side: Integers) -> Floats:
    """Return the places of houses about their village's centre, metres east and north.

    Parameters
    ----------
    of, lane, step, side : int64 arrays, shape (n,)
        Village, lane, place along the lane and side of it; lanes 0 and 1 are the two ways of the main road.
    """
    if not len(of):
        return np.empty((0, 2))
    shape = (int(of[-1]) + 1, int(lane.max()) + 1)
    turn = np.where(np.arange(shape[1]) < _MAIN_LANES, 0.0, np.pi / 2) + np.pi * (np.arange(shape[1]) % 2)
    heading = random.uniform(0, 2 * np.pi, (shape[0], 1))
    lane_heading = heading + turn + random.normal(0, _TURN_NOISE, shape)
    bend = random.normal(0, _BEND_PER_M, shape)
    rows = np.maximum(np.arange(shape[1]) - _MAIN_LANES, 0)
    at_main = np.where(
        np.arange(shape[1]) < _MAIN_LANES, 0.0, (rows - (shape[1] - _MAIN_LANES - 1) / 2) * _LANE_SPACING_M
    )
    ahead = _FIRST_HOUSE_M + step * _FRONTAGE_M + random.uniform(-_FRONTAGE_NOISE_M, _FRONTAGE_NOISE_M, len(of))
    setback = _SETBACK_M + random.uniform(-_SETBACK_NOISE_M, _SETBACK_NOISE_M, len(of))
    aside = np.where(side == 0, setback, -setback) + bend[of, lane] * ahead**2
    along, main = lane_heading[of, lane], heading[of, 0]
    east = at_main[lane] * np.cos(main) + ahead * np.cos(along) - aside * np.sin(along)
    north = at_main[lane] * np.sin(main) + ahead * np.sin(along) + aside * np.cos(along)
    return np.column_stack([east, north])


def _metres_per_degree(lat: Floats) -> Floats:
    return np.column_stack([METRES_PER_DEGREE_LON * np.cos(np.radians(lat)), np.full(len(lat), METRES_PER_DEGREE_LAT)])


def _inside(shapes: Geometries, commune: Integers, lonlat: Floats) -> NDArray[np.bool_]:
    """Whether each point is strictly inside its commune; communes ascending."""
    inside = np.zeros(len(commune), dtype=bool)
    present = np.unique(commune)
    starts, ends = (np.searchsorted(commune, present, side=side) for side in ("left", "right"))
    for n, start, end in zip(present, starts, ends, strict=True):
        inside[start:end] = shapely.contains_xy(shapes[n], lonlat[start:end, 0], lonlat[start:end, 1])
    return inside


def _points_in(random: np.random.Generator, shapes: Geometries, commune: Integers) -> Floats:
    """Return a random point strictly inside each commune given (ascending, repeated as often as points are wanted)."""
    found: Floats = np.empty((len(commune), 2))
    bounds = shapely.bounds(shapes)
    todo = np.arange(len(commune))
    for _ in range(_REJECTIONS):
        box = bounds[commune[todo]]
        tried = np.round(random.uniform(box[:, :2], box[:, 2:]), PRECISION_DEGREES)
        inside = _inside(shapes, commune[todo], tried)
        found[todo[inside]] = tried[inside]
        todo = todo[~inside]
    for n in np.unique(commune[todo]):
        of_commune = todo[commune[todo] == n]
        found[of_commune] = _points_by_triangles(random, shapes[n], len(of_commune))
    return found


def _points_by_triangles(random: np.random.Generator, shape: shapely.Geometry, count: int) -> Floats:
    """Return points inside a shape that fills little of its box, islands for one."""
    triangles = shapely.get_parts(shapely.constrained_delaunay_triangles(shape))
    areas = shapely.area(triangles)
    corners = shapely.get_coordinates(triangles).reshape(-1, 4, 2)[:, :3]
    found: Floats = np.empty((0, 2))
    while len(found) < count:
        chosen = corners[random.choice(len(areas), 2 * count, p=areas / areas.sum())]
        weights = random.dirichlet((1, 1, 1), 2 * count)[:, :, None]
        tried = np.round((chosen * weights).sum(axis=1), PRECISION_DEGREES)
        found = np.vstack([found, tried[shapely.contains_xy(shape, tried[:, 0], tried[:, 1])]])
    return found[:count]
