"""Which areas have something in common, found with a bound on the work.

How long an intersection takes depends on how often the outlines cross, not on how many vertices they have: two combs of
a thousand teeth, laid across each other, keep GEOS busy for minutes and fill gigabytes, and nothing ends it before. And of n
areas on one spot there are n² / 2 pairs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.geometry import Geometries
from geodata.importing.shape_repairs import area_m2
from geodata.importing.tangles import crossings, lines_in, lines_of

LEAST_OVERLAP_M2, LEAST_OVERLAP_SHARE = 10.0, 0.01
"""Less than this, in m² or of the smaller area, is how accurately boundaries are drawn."""

SAME_SHARE = 0.95
"""What two areas have in common, of all they cover together, from which on they are one and the same."""

LEAST_WORK, WORK_OF_AREA = 200_000, 20
"""Pairs and crossings that are looked at in any file, and for each of its areas; some 30 µs each."""

_AREAS_AT_ONCE = 50
_LINES_AT_ONCE = 100_000
"""Lines of one area times those of the other, up to which as many crossings would do no harm."""

_FEW_CROSSINGS = 20_000
_WORK_OF_ESTIMATE, _WORK_OF_MEETING = 300, 0.1

Indexes = NDArray[np.intp]


class Overlap(NamedTuple):
    """Two areas that overlap: their indexes, m² in common, share of the whole; NaN where that was not found out."""

    area: int
    other: int
    common_m2: float
    share: float


@dataclass
class Allowance:
    """How much may still be done for one file."""

    left: float

    @classmethod
    def of(cls, areas: int) -> "Allowance":
        """Return the allowance of a file of so many areas."""
        return cls(LEAST_WORK + WORK_OF_AREA * areas)


def overlapping(
    areas: Geometries, others: Geometries | None = None, allowance: Allowance | None = None
) -> Iterator[Overlap]:
    """Yield the areas that overlap others, area by area; an area is the same as another only once.

    Where the allowance ends, the last one yielded has NaN and the area from which on nothing was looked at.

    Parameters
    ----------
    areas : object array, shape (n,)
        Valid areas, WGS 84.
    others : object array, shape (m,), optional
        What they are compared with; else each with those before it.
    allowance : Allowance, optional
        That of the whole file, where the areas are a part of it.
    """
    allowance = allowance or Allowance.of(len(areas))
    if others is not None:
        yield from _found(_Comparison(areas, others, allowance))
        return
    firsts: dict[bytes, int] = {}
    for at, shape in enumerate(shapely.to_wkb(areas)):
        if (first := firsts.setdefault(shape, at)) != at and (size := float(area_m2(areas[at]))) >= LEAST_OVERLAP_M2:
            yield Overlap(at, first, size, 1.0)
    distinct = np.fromiter(firsts.values(), dtype=np.intp)
    for found in _found(_Comparison(areas[distinct], None, allowance)):
        yield found._replace(area=int(distinct[found.area]), other=int(distinct[found.other]))


def _found(work: "_Comparison") -> Iterator[Overlap]:
    tree = shapely.STRtree(work.others)
    is_same = np.zeros(len(work.others), dtype=bool)
    for start in range(0, len(work.areas), _AREAS_AT_ONCE):
        area, other = tree.query(work.areas[start : start + _AREAS_AT_ONCE], predicate="intersects")
        area += start
        work.allowance.left -= _WORK_OF_MEETING * len(area)
        if work.is_of_one_file:
            is_pair = other < area
            yield from _within(work, area[is_pair], other[is_pair], is_same)
        else:
            yield from work.compare(area, other)
        if work.allowance.left < 0:
            yield Overlap(start, 0, np.nan, np.nan)
            return


def _within(work: "_Comparison", area: Indexes, other: Indexes, is_same: NDArray[np.bool_]) -> Iterator[Overlap]:
    """Compare areas of one file, noting which are the same as one before them; these are not told of each other."""
    for are_known in (False, True):
        now = (is_same[other] == are_known) & ~(is_same[area] & are_known)
        for found in work.compare(area[now], other[now]):
            if is_same[found.area] and is_same[found.other]:
                continue
            is_same[found.area] |= found.share >= SAME_SHARE
            yield found
        if not are_known:
            is_left = ~now
            area, other = area[is_left], other[is_left]


class _Comparison:
    """Compares pairs of areas as long as the allowance lasts."""

    def __init__(self, areas: Geometries, others: Geometries | None, allowance: Allowance) -> None:
        self.is_of_one_file = others is None
        self.areas, self.others, self.allowance = areas, areas if others is None else others, allowance
        self.sizes, self.other_sizes = area_m2(self.areas), area_m2(self.others)

    def compare(self, area: Indexes, other: Indexes) -> Iterator[Overlap]:
        """Yield those of some pairs that overlap, area by area."""
        order = np.lexsort((other, area))
        area, other = area[order], other[order]
        self.allowance.left -= len(area)
        lines = _vertices(self.areas[area]) * _vertices(self.others[other])
        for part in _portions(lines):
            if self.allowance.left < 0:
                return
            one, two = area[part], other[part]
            if lines[part][0] > _LINES_AT_ONCE and self._is_knotted(int(one[0]), int(two[0])):
                yield Overlap(int(one[0]), int(two[0]), np.nan, np.nan)
                continue
            yield from self._measure(one, two)

    def _is_knotted(self, area: int, other: int) -> bool:
        """Whether two outlines cross so often that it would take minutes to say what they have in common."""
        box = shapely.box(*shapely.bounds(self.areas[area])).intersection(
            shapely.box(*shapely.bounds(self.others[other]))
        )
        one, two = (lines_in(lines_of(shape), box.bounds) for shape in (self.areas[area], self.others[other]))
        if len(one) * len(two) <= _FEW_CROSSINGS:
            return False
        self.allowance.left -= _WORK_OF_ESTIMATE
        return crossings(one, two) > _FEW_CROSSINGS

    def _measure(self, area: Indexes, other: Indexes) -> Iterator[Overlap]:
        areas, others = self.areas[area], self.others[other]
        both = shapely.intersection(areas, others)
        # Each crossing makes a vertex that neither had.
        made = shapely.get_num_coordinates(both) - _vertices(areas) - _vertices(others)
        self.allowance.left -= float(np.maximum(made, 0).sum())
        common, sizes, other_sizes = area_m2(both), self.sizes[area], self.other_sizes[other]
        is_much = (common >= LEAST_OVERLAP_M2) & (common >= LEAST_OVERLAP_SHARE * np.minimum(sizes, other_sizes))
        for at in np.flatnonzero(is_much):
            share = common[at] / (sizes[at] + other_sizes[at] - common[at])
            yield Overlap(int(area[at]), int(other[at]), float(common[at]), float(share))


def _vertices(areas: Geometries) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = shapely.get_num_coordinates(areas).astype(np.int64)
    return counts


def _portions(lines: NDArray[np.int64]) -> Iterator[slice]:
    """Cut pairs into runs with no more lines than may be taken at once; a pair that has more is one of its own."""
    start, total = 0, 0
    for at, count in enumerate(lines.tolist()):
        if at > start and total + count > _LINES_AT_ONCE:
            yield slice(start, at)
            start, total = at, 0
        total += count
    if len(lines):
        yield slice(start, len(lines))
