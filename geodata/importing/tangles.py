"""How often the lines of areas cross, estimated: what mends or compares areas takes time for each crossing.

A scribble of a thousand lines crosses itself half a million times, and keeps GEOS busy for minutes.
"""

import numpy as np
import shapely
from numpy.typing import NDArray

MOST_CROSSINGS, MOST_RINGS = 200, 300
"""Of an area that is mended: no survey errs so often."""

_LINES, _AGAINST = 200, 2_000

Lines = NDArray[np.float64]


def is_tangled(area: shapely.Geometry) -> bool:
    """Whether an area has too many rings or crosses itself too often to be mended in good time."""
    if shapely.get_num_interior_rings(shapely.get_parts(area)).sum() > MOST_RINGS:
        return True
    lines = lines_of(area)
    return crossings(lines, lines) / 2 > MOST_CROSSINGS


def crossings(one: Lines, other: Lines) -> float:
    """Estimate how often some lines cross others, by a sample of both; exact where there are few.

    Parameters
    ----------
    one, other : float64 arrays, shape (n, 4) and (m, 4)
        First and second end of each, x and y.
    """
    few, against = _some(one, _LINES), _some(other, _AGAINST)
    if not len(few) or not len(against):
        return 0.0
    start, end = few[:, None, :2], few[:, None, 2:]
    first, second = against[None, :, :2], against[None, :, 2:]
    is_crossed = (_side(start, end, first) * _side(start, end, second) < 0) & (
        _side(first, second, start) * _side(first, second, end) < 0
    )
    return float(np.count_nonzero(is_crossed)) * (len(one) / len(few)) * (len(other) / len(against))


def lines_of(area: shapely.Geometry) -> Lines:
    """Return the lines that the rings of an area are of, shape (n, 4)."""
    # Of an area of several parts the library finds no ring.
    rings_of_parts = shapely.get_rings(shapely.get_parts(area))
    positions, rings = shapely.get_coordinates(rings_of_parts, return_index=True)
    lines: Lines = np.hstack([positions[:-1], positions[1:]])[rings[:-1] == rings[1:]]
    return lines


def lines_in(lines: Lines, box: tuple[float, float, float, float]) -> Lines:
    """Return those of some lines that reach into a box: west, south, east, north."""
    west, south, east, north = box
    across, up = lines[:, ::2], lines[:, 1::2]
    is_across = (across.max(axis=1) >= west) & (across.min(axis=1) <= east)
    found: Lines = lines[is_across & (up.max(axis=1) >= south) & (up.min(axis=1) <= north)]
    return found


def _some(lines: Lines, most: int) -> Lines:
    if len(lines) <= most:
        return lines
    # By chance, as rows that stand at equal distances may be alike; always the same ones.
    return lines[np.random.default_rng(0).choice(len(lines), most, replace=False)]


def _side(start: Lines, end: Lines, point: Lines) -> Lines:
    along, towards = end - start, point - start
    side: Lines = np.sign(along[..., 0] * towards[..., 1] - along[..., 1] * towards[..., 0])
    return side
