"""Which rings of a shape are outer ones and which holes, and whose; shapefiles tell only by their direction."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from geodata.importing.wkb import Floats, GeometryProblemError

_MAX_SAMPLES = 12
# What the rings of one shape may be compared, in vertices; one comparison costs as much as so many of them.
_MOST_COMPARED, _COMPARISON = 10_000_000, 400


def nest_rings(rings: list[Floats]) -> list[list[int]]:
    """Sort closed rings into polygons.

    Parameters
    ----------
    rings : list of float64 arrays, shape (n, 2)

    Returns
    -------
    list of list of int
        One list a polygon: its outer ring, then its holes. A hole goes to the smallest outer ring around it;
        without one it is an outer ring itself. If no ring runs clockwise, every second level is a hole.
    """
    if len(rings) == 1:
        return [[0]]
    areas = np.array([_signed_area(ring) for ring in rings])
    by_size = np.argsort(np.abs(areas), kind="stable")
    is_hole, budget = areas > 0, _Budget()
    if is_hole.all():
        around = _Around(rings, by_size, budget)
        is_hole = np.array([len(list(around.containers(at))) % 2 == 1 for at in range(len(rings))])
    around = _Around(rings, by_size[~is_hole[by_size]], budget)
    groups = {at: [at] for at in np.flatnonzero(~is_hole).tolist()}
    for at in np.flatnonzero(is_hole).tolist():
        owner = next(around.containers(at), at)
        groups.setdefault(owner, [owner]).extend([at] if owner != at else [])
    return list(groups.values())


class _Budget:
    """Limits how many vertices the rings of one shape are compared with."""

    def __init__(self) -> None:
        self._left = _MOST_COMPARED

    def spend(self, vertices: int) -> None:
        self._left -= vertices + _COMPARISON
        if self._left < 0:
            raise GeometryProblemError("GEOM_TOO_MANY_RINGS")


class _Around:
    """Finds the rings around a ring among some of them, given by size."""

    def __init__(self, rings: list[Floats], by_size: NDArray[np.int64], budget: _Budget) -> None:
        self._rings, self._by_size, self._budget = rings, by_size, budget
        self._boxes = np.array([_box(rings[at]) for at in by_size.tolist()]).reshape(-1, 4)

    def containers(self, at: int) -> Iterator[int]:
        """Yield the rings around a ring, the smallest first; raises ``GEOM_TOO_MANY_RINGS`` where that takes too long."""
        for outer in self._by_size[(self._boxes <= _box(self._rings[at])).all(axis=1)].tolist():
            if outer == at:
                continue
            self._budget.spend(len(self._rings[outer]))
            if _is_inside(self._rings[at], self._rings[outer]):
                yield outer


def _box(ring: Floats) -> Floats:
    return np.concatenate([ring.min(axis=0), -ring.max(axis=0)])


def _is_inside(inner: Floats, outer: Floats) -> bool:
    """Vote with vertices and edge middles, since single ones may lie on the outer ring."""
    step = max(1, len(inner) // (_MAX_SAMPLES // 2))
    samples = np.concatenate((inner[:-1:step], ((inner[:-1] + inner[1:]) / 2)[::step]))
    x, y = samples[:, :1], samples[:, 1:]
    x1, y1, x2, y2 = outer[:-1, 0], outer[:-1, 1], outer[1:, 0], outer[1:, 1]
    straddles = (y1 > y) != (y2 > y)
    with np.errstate(all="ignore"):
        crossings = straddles & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return bool((crossings.sum(axis=1) % 2).mean() > 1 / 2)


def _signed_area(ring: Floats) -> float:
    with np.errstate(all="ignore"):
        x, y = (ring - ring[0]).T
        return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2
