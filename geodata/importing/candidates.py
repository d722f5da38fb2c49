"""Which coordinate systems explain where a file's places lie, ranked by how well each brings them into their communes.

The measure is the share of places outside, taken per cell of `CELL_M` and not per place: a hamlet of a hundred houses
behind a badly drawn border says no more than one house there. Two systems are told apart only by cells that one
brings inside and the other does not; where there are too few of these, nothing is certain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geodata.crs import (
    FILE_CHOICE,
    VN2000_DATUM,
    VN2000_ZONES,
    WGS84_DATUM,
    WGS84_DEGREES,
    SourceCrs,
    from_epsg,
    swapped,
    vn2000,
    vn2000_geographic,
    vn2000_zone,
    without_shift,
)
from geodata.importing.communes import ExpectedCommunes

Floats = NDArray[np.float64]
Trap = Literal["no_datum_shift", "swapped_axes", "scale", "zone"]

CELL_M = 500.0
SAME_PLACE_M = 1.0
"""Systems that differ by no more are one."""

_LEAST_INSIDE = 0.9
"""Share of places inside below which nothing is certain."""
_AGAINST_WEIGHT = 3.0
_CERTAIN_CELLS = 3.0
"""By how many cells those that speak for one system must exceed `_AGAINST_WEIGHT` times those that speak against it."""
_LEAST_INSIDE_TO_DOUBT = 0.5
_NATS_A_CELL = 3.0
_SCREENED = 64
_LEAST_NEAR = 0.05
"""Share of places in their communes' boxes below which a system is not looked at any more."""

_METRES_A_DEGREE_EAST, _METRES_A_DEGREE_NORTH = 111_370.0, 110_700.0
"""Along the equator and a meridian, as in Vietnam (8° to 23° N) to one part in a thousand."""

_WEB_MERCATOR = 3857
_OLD_DATUMS = (2044, 3148, 3149)
"""Hanoi 1972 / Gauss-Kruger zone 18, known to 5 m; Indian 1960 / UTM zones 48N and 49N, known to 44 m."""
_WGS84_UTM = {105.0: 32648, 111.0: 32649}
_USUAL_SCALE, _UTM_SCALE = 0.9999, 0.9996


@dataclass(frozen=True)
class Candidate:
    """A coordinate system that a file may be in.

    Attributes
    ----------
    prior : float
        How usual it is, as a logarithm; orders what the places cannot.
    """

    crs: SourceCrs
    prior: float


@dataclass(frozen=True)
class Fit:
    """How well one coordinate system explains the places.

    Attributes
    ----------
    inside : float
        Share of the places in their commune, or within its boundary's accuracy of it.
    outside_by_cell : float64 array, shape (cells,)
        Share of each cell's places outside; the cells are the same for all systems.
    lon, lat : float64 arrays, shape (n,)
        The places in WGS 84.
    score : float
        0 to 1; of all systems together at most 1.
    trap : str or None
        How the system differs from what the file states, or from the best.
    shift_m : float or None
        How far apart the two bring a place, median.
    """

    crs: SourceCrs
    prior: float
    inside: float
    outside_by_cell: Floats
    lon: Floats
    lat: Floats
    score: float = 0.0
    trap: Trap | None = None
    shift_m: float | None = None

    @property
    def weight(self) -> float:
        """Logarithm of how likely the system is, up to a constant."""
        return self.prior - _NATS_A_CELL * float(self.outside_by_cell.sum())


@dataclass(frozen=True)
class Ranking:
    """Coordinate systems, best first.

    Attributes
    ----------
    stated : Fit or None
        What the file states, wherever it ranks.
    is_certain : bool
        Whether the places prove the first: nothing that differs by more than `SAME_PLACE_M` explains them nearly as well.
    """

    fits: tuple[Fit, ...]
    stated: Fit | None
    is_certain: bool

    @property
    def refutes_stated(self) -> bool:
        """Whether another system explains the places better than what the file states, by more than that is worth."""
        best, stated = self.fits[0], self.stated
        return stated is not None and best is not stated and best.inside >= _LEAST_INSIDE_TO_DOUBT

    @property
    def open_trap(self) -> Fit | None:
        """What differs from the stated system by the datum shift alone, where the places do not tell the two apart."""
        twin = next((fit for fit in self.fits if fit.trap == "no_datum_shift"), None)
        if self.stated is None or twin is None or twin.inside < _LEAST_INSIDE_TO_DOUBT:
            return None
        return None if _proves(self.stated, twin) else twin


def rank(coordinates: Floats, stated: SourceCrs | None, communes: ExpectedCommunes) -> Ranking:
    """Rank the coordinate systems that a file may be in.

    Parameters
    ----------
    coordinates : float64 array, shape (n, 2)
        A sample of the file's coordinates as they stand there, n ≥ 1.
    stated : SourceCrs, optional
        What the file states; preferred where the places do not speak against it.
    communes : ExpectedCommunes
        Where each of the places should lie.
    """
    known = list(all_candidates())
    if stated is not None:
        known = [Candidate(stated, _PRIOR_STATED), *known, *_kin(stated)]
    cells = _cells(coordinates)
    fits: list[Fit] = []
    for candidate in _near(coordinates, known, communes):
        fit = _fit(candidate, coordinates, cells, communes)
        if all(_apart_m(fit, other) > SAME_PLACE_M for other in fits):
            fits.append(fit)
    first = fits[0] if stated is not None else None
    return _ranked(fits, first)


_PRIOR_STATED = 2.0
_PRIOR_SWAPPED, _PRIOR_NO_SHIFT, _PRIOR_OLD_DATUM, _PRIOR_OTHER_SCALE = -0.5, -2.5, -3.0, -4.0


@cache
def all_candidates() -> tuple[Candidate, ...]:
    """Return every coordinate system that is tried; of two that are the same, one."""
    straight = [
        Candidate(WGS84_DEGREES, 0.0),
        Candidate(vn2000_geographic(), -1.0),
        Candidate(from_epsg(_WEB_MERCATOR), -1.0),
        *(Candidate(from_epsg(code), _PRIOR_OLD_DATUM) for code in _OLD_DATUMS),
    ]
    for code, (meridian, scale) in VN2000_ZONES.items():
        zone = from_epsg(code)
        if scale == _UTM_SCALE:
            straight += [Candidate(zone, -1.0), Candidate(from_epsg(_WGS84_UTM[meridian]), -1.5)]
            continue
        other = vn2000(meridian, _UTM_SCALE)
        straight += [Candidate(zone, 0.0), Candidate(without_shift(zone), _PRIOR_NO_SHIFT)]
        if meridian not in _WGS84_UTM:
            straight += [
                Candidate(other, _PRIOR_OTHER_SCALE),
                Candidate(without_shift(other), _PRIOR_OTHER_SCALE + _PRIOR_NO_SHIFT),
            ]
    return _both_ways(straight)


def _both_ways(straight: Sequence[Candidate]) -> tuple[Candidate, ...]:
    return (*straight, *(Candidate(swapped(one.crs), one.prior + _PRIOR_SWAPPED) for one in straight))


def _kin(stated: SourceCrs) -> list[Candidate]:
    """Return what a grid that the file states is easily mistaken for and that is in no list: its meridian is its own."""
    if stated.grid is None:
        return []
    meridian, stated_scale = stated.grid
    straight = []
    for scale in dict.fromkeys([stated_scale, _USUAL_SCALE, _UTM_SCALE]):
        grid, prior = vn2000_zone(meridian, scale), 0.0 if scale == stated_scale else _PRIOR_OTHER_SCALE
        straight += [Candidate(grid, prior), Candidate(without_shift(grid), prior + _PRIOR_NO_SHIFT)]
    listed = {candidate.crs.choice for candidate in all_candidates()}
    return [one for one in _both_ways(straight) if one.crs.choice not in listed]


def _near(coordinates: Floats, known: Sequence[Candidate], communes: ExpectedCommunes) -> list[Candidate]:
    """Return the systems that bring some of the places near their communes; the first, stated one always."""
    few = np.unique(np.linspace(0, len(coordinates) - 1, _SCREENED).astype(int))
    first, second = coordinates[few].T
    is_degrees, is_northing_first = _in_degrees(coordinates), bool(np.median(first) > np.median(second))
    found = []
    for candidate in known:
        crs = candidate.crs
        # In Vietnam longitude is greater than latitude, and the northing of a grid than its easting.
        if crs.grid is not None and (is_degrees or crs.is_swapped != is_northing_first):
            continue
        lon, lat = crs.to_wgs84(first, second)
        if communes.near(lon, lat, few).mean() >= _LEAST_NEAR:
            found.append(candidate)
    return found if known[0] in found or known[0].prior != _PRIOR_STATED else [known[0], *found]


def _in_degrees(coordinates: Floats) -> bool:
    return float(np.abs(np.median(coordinates, axis=0)).max()) <= 360.0  # noqa: PLR2004  a full circle


def _cells(coordinates: Floats) -> NDArray[np.intp]:
    """Give each place the number of its cell in the file's own coordinates, which is the same for every system."""
    size = CELL_M / _METRES_A_DEGREE_NORTH if _in_degrees(coordinates) else CELL_M
    _, cells = np.unique(np.floor(coordinates / size), axis=0, return_inverse=True)
    return cells.reshape(-1)


def _fit(candidate: Candidate, coordinates: Floats, cells: NDArray[np.intp], communes: ExpectedCommunes) -> Fit:
    lon, lat = candidate.crs.to_wgs84(*coordinates.T)
    is_inside = communes.hold(lon, lat)
    outside_by_cell = np.bincount(cells, ~is_inside) / np.bincount(cells)
    return Fit(candidate.crs, candidate.prior, float(is_inside.mean()), outside_by_cell, lon, lat)


def _apart_m(one: Fit, other: Fit) -> float:
    """Return how far apart two systems bring a place, metres, median (equirectangular; infinite where not finite)."""
    east = (one.lon - other.lon) * np.cos(np.radians(np.clip(one.lat, -90, 90))) * _METRES_A_DEGREE_EAST
    apart = np.hypot(east, (one.lat - other.lat) * _METRES_A_DEGREE_NORTH)
    found = float(np.median(np.nan_to_num(apart, nan=np.inf, posinf=np.inf)))
    return found


def _proves(one: Fit, other: Fit) -> bool:
    """Whether the places leave no doubt between one system and another."""
    difference = other.outside_by_cell - one.outside_by_cell
    speak_for = float(difference[difference > 0].sum())
    speak_against = -float(difference[difference < 0].sum())
    return speak_for >= _CERTAIN_CELLS + _AGAINST_WEIGHT * speak_against


def _has_twin(crs: SourceCrs) -> bool:
    """Whether what is easily mistaken for the system was looked at, too: not so for a projection that only the file has."""
    return crs.grid is not None or not crs.choice.startswith(FILE_CHOICE)


def _ranked(fits: list[Fit], stated: Fit | None) -> Ranking:
    if not fits:
        return Ranking((), None, is_certain=False)
    ordered = sorted(fits, key=lambda fit: -fit.weight)
    best = ordered[0]
    is_certain = best.inside >= _LEAST_INSIDE and _has_twin(best.crs) and all(_proves(best, one) for one in ordered[1:])
    reference = stated or best
    likely = np.exp([fit.weight - best.weight for fit in ordered])
    described = {
        id(fit): _described(fit, reference, float(share))
        for fit, share in zip(ordered, likely / likely.sum(), strict=True)
    }
    return Ranking(tuple(described.values()), None if stated is None else described[id(stated)], is_certain)


def _described(fit: Fit, reference: Fit, share: float) -> Fit:
    is_same = fit is reference
    return Fit(
        fit.crs, fit.prior, fit.inside, fit.outside_by_cell, fit.lon, fit.lat, score=share * fit.inside,
        trap=None if is_same else trap_between(fit.crs, reference.crs),
        shift_m=None if is_same else _apart_m(fit, reference),
    )  # fmt: skip


def trap_between(crs: SourceCrs, reference: SourceCrs) -> Trap | None:
    """Say in what a system differs from another; None if in nothing that is easily mistaken."""
    if crs.is_swapped != reference.is_swapped:
        return "swapped_axes"
    if (crs.grid is None) != (reference.grid is None) or (
        crs.grid and reference.grid and crs.grid[0] != reference.grid[0]
    ):
        return "zone"
    if crs.grid != reference.grid:
        return "scale"
    return "no_datum_shift" if {crs.datum, reference.datum} == {VN2000_DATUM, WGS84_DATUM} else None
