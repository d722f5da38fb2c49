"""The lanes of a village: a main road, lanes off it, lanes off those, as they grow in the delta."""

from dataclasses import dataclass, field

import numpy as np
import shapely

from geodata.sample.plane import Floats

_STEP_M = 20.0
_CLEARANCE_M = 15.0
_HOUSES_PER_M = 2 / 11.5 * 0.72
_FIRST_TURN_M = 14.0
_SPACING_M = ((44.0, 72.0), (40.0, 62.0), (36.0, 54.0))
_LENGTH_M = ((60.0, 170.0), (45.0, 110.0), (36.0, 70.0))
_ROAD_LENGTH_M = (180.0, 300.0)
_SHARE_OF_ROADS = 0.12
_SHARE_OF_SIDES = 0.85
_SHORTEST_M = 26.0
_STRETCHES = (1.0, 1.4, 1.9, 2.6, 3.6)
_WORDS = ("Ngõ", "Ngách", "Hẻm")


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane.

    Attributes
    ----------
    line : LineString
        Metres of the plane, from the junction outwards.
    road : int
        Number of the road in the village's list of road names.
    alley : tuple of int
        Numbers from the road inwards (ngõ, ngách, hẻm); empty on the road itself.
    """

    line: shapely.LineString
    road: int
    alley: tuple[int, ...] = ()

    @property
    def alley_name(self) -> str | None:
        """The lane as addresses write it, innermost first; None on a road."""
        parts = [f"{word} {number}" for word, number in zip(_WORDS, self.alley, strict=False)]
        return ", ".join(reversed(parts)) or None


@dataclass
class LaneNetwork:
    """Lanes growing inside the area they are allowed."""

    random: np.random.Generator
    allowed: shapely.Geometry
    lanes: list[Lane] = field(default_factory=list)
    roads: int = 0

    @property
    def capacity(self) -> float:
        """About how many houses stand along the lanes."""
        return float(sum(lane.line.length for lane in self.lanes)) * _HOUSES_PER_M

    def grow(self, centre: Floats, heading: float, houses: int) -> None:
        """Lay the main road through ``centre`` and branch off it until there is room for the houses."""
        half = 0.5 * (90 + 1.35 * houses)
        ahead = self._walk(centre, heading, half, 0.07)
        behind = self._walk(centre, heading + np.pi, half, 0.07)
        main = self._cut(np.vstack([behind[::-1], ahead[1:]]), is_branch=False)
        if main is None:
            return
        queue = [Lane(main, self._next_road())]
        self.lanes.append(queue[0])
        while queue and self.capacity < houses:
            queue += self._branches(queue.pop(0))

    def _next_road(self) -> int:
        self.roads += 1
        return self.roads - 1

    def _branches(self, parent: Lane) -> list[Lane]:
        level = len(parent.alley)
        if level == len(_WORDS):
            return []
        found: list[Lane] = []
        at = float(self.random.uniform(18, 40))
        while at < parent.line.length - 8:
            for side in (1, -1):
                if self.random.random() < _SHARE_OF_SIDES:
                    found += self._branch(parent, at, side, 1 + len(found))
            at += float(self.random.uniform(*_SPACING_M[level]))
        return found

    def _branch(self, parent: Lane, at: float, side: int, number: int) -> list[Lane]:
        is_road = not parent.alley and self.random.random() < _SHARE_OF_ROADS
        lengths = _ROAD_LENGTH_M if is_road else _LENGTH_M[len(parent.alley)]
        start, heading = point_and_heading(parent.line, at)
        turned = heading + side * (np.pi / 2 + self.random.normal(0, 0.13))
        line = self._cut(self._walk(start, turned, float(self.random.uniform(*lengths)), 0.06), is_branch=True)
        if line is None:
            return []
        lane = Lane(line, self._next_road()) if is_road else Lane(line, parent.road, (*parent.alley, number))
        self.lanes.append(lane)
        return [lane]

    def _walk(self, start: Floats, heading: float, length: float, bend: float) -> Floats:
        steps = max(2, round(length / _STEP_M))
        headings = heading + np.cumsum(self.random.normal(0, bend, steps))
        moves = length / steps * np.column_stack([np.cos(headings), np.sin(headings)])
        return np.vstack([start, start + np.cumsum(moves, axis=0)])

    def _cut(self, points: Floats, *, is_branch: bool) -> shapely.LineString | None:
        """Return the line as far as it stays in the allowed area and clear of other lanes; None when little is left."""
        inside = shapely.contains_xy(self.allowed, points[:, 0], points[:, 1])
        if is_branch:
            others = shapely.union_all([lane.line for lane in self.lanes])
            free = shapely.distance(shapely.points(points), others) > _CLEARANCE_M
            inside &= free | (np.arange(len(points)) == 0)
        middle = 0 if is_branch else len(points) // 2
        blocked = np.flatnonzero(~inside)
        first = max((n + 1 for n in blocked if n <= middle), default=0)
        last = min((n for n in blocked if n > middle), default=len(points))
        if last - first < 2:  # noqa: PLR2004  a line has two points
            return None
        line = shapely.LineString(points[first:last])
        return line if line.length >= _SHORTEST_M and first <= middle else None


def point_and_heading(line: shapely.LineString, at: float) -> tuple[Floats, float]:
    """Return the point ``at`` metres along a line and the direction there, radians from east."""
    here, there = shapely.get_coordinates(shapely.line_interpolate_point(line, [at - 0.5, at + 0.5]))
    ahead = there - here
    return (here + there) / 2, float(np.arctan2(ahead[1], ahead[0]))


def make_lanes(
    random: np.random.Generator, allowed: shapely.Geometry, centre: Floats, heading: float, houses: int
) -> list[Lane]:
    """Return the lanes of a village with room for about ``houses`` houses.

    Parameters
    ----------
    allowed : Geometry
        Where lanes may run, metres of the plane.
    centre : float64 array, shape (2,)
    heading : float
        Direction of the main road, radians from east.
    """
    shapely.prepare(allowed)
    for stretch in _STRETCHES:
        network = LaneNetwork(random, allowed)
        network.grow(centre, heading, round(houses * stretch))
        if network.capacity >= houses:
            break
    return network.lanes
