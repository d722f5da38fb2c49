"""Houses along lanes: both sides, 8 to 15 m apart, set back a little, never on a lane or on each other."""

from dataclasses import dataclass

import numpy as np
import shapely

from geodata.sample.lanes import Lane
from geodata.sample.plane import Floats

_FRONTAGE_M = (8.0, 15.0)
_SETBACK_M = (6.5, 10.5)
_FROM_JUNCTION_M = 13.0
_FROM_LANES_M = 5.0
_FROM_HOUSES_M = 7.0


@dataclass(frozen=True, slots=True)
class House:
    """A place for an address: metres of the plane, its lane, its number along it (odd left, even right)."""

    x: float
    y: float
    lane: int
    number: int


def place_houses(random: np.random.Generator, lanes: list[Lane]) -> list[House]:
    """Return a house for every plot along the lanes that has room for one."""
    roads = [lane.line for lane in lanes]
    tried = [house for n, lane in enumerate(lanes) for house in _along(random, n, lane)]
    if not tried:
        return []
    places = np.array([(house.x, house.y) for house in tried])
    free = shapely.distance(shapely.points(places), shapely.union_all(roads)) >= _FROM_LANES_M
    kept: list[int] = []
    for n in np.flatnonzero(free).tolist():
        if not kept or np.hypot(*(places[kept] - places[n]).T).min() >= _FROM_HOUSES_M:
            kept.append(n)
    return [tried[n] for n in kept]


def _along(random: np.random.Generator, number: int, lane: Lane) -> list[House]:
    found: list[House] = []
    for side, first in ((1, 1), (-1, 2)):
        steps = random.uniform(*_FRONTAGE_M, size=int(lane.line.length / _FRONTAGE_M[0]) + 1)
        start = _FROM_JUNCTION_M if lane.alley else random.uniform(4, 10)
        at = start + np.cumsum(steps) - steps[0]
        at = at[at < lane.line.length]
        places = _beside(lane.line, at, side * random.uniform(*_SETBACK_M, size=len(at)))
        found += [House(float(x), float(y), number, first + 2 * n) for n, (x, y) in enumerate(places)]
    return found


def _beside(line: shapely.LineString, at: Floats, aside: Floats) -> Floats:
    """Return the points ``at`` metres along a line and ``aside`` metres to its left."""
    here = shapely.get_coordinates(shapely.line_interpolate_point(line, np.maximum(at - 0.5, 0)))
    there = shapely.get_coordinates(shapely.line_interpolate_point(line, np.minimum(at + 0.5, line.length)))
    ahead = there - here
    ahead /= np.hypot(ahead[:, 0], ahead[:, 1])[:, None]
    beside: Floats = (here + there) / 2 + np.column_stack([-ahead[:, 1], ahead[:, 0]]) * aside[:, None]
    return beside
