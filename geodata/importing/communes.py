"""Where the places of a file should lie: in the commune each row names, else in any of those the file can be for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.crs import Floats
from geodata.db import Actor
from geodata.importing.sampling import Sample
from geodata.units.index import TOLERANCE_DEG, UnitIndex

Mask = NDArray[np.bool_]

_FEW = 200
"""Up to how many communes each one's widened boundary is made, which is asked faster afterwards; above, any will do."""
_MOST_PLACES = 300
"""Places compared with the communes of the whole country, each of which is asked slowly."""
_LEAST_NAMED = 0.5


@dataclass(frozen=True)
class ExpectedCommunes:
    """The communes of a sample of places.

    Attributes
    ----------
    units : UnitIndex
    codes : tuple of str
        Communes with a boundary in which the places may lie.
    own : int array, shape (n,), or None
        For each place the position in ``codes`` of its own commune; None where any of them will do.
    is_complete : bool
        Whether these are all: then a place in none of them is misplaced.
    """

    units: UnitIndex
    codes: Sequence[str]
    own: NDArray[np.intp] | None = None
    is_complete: bool = True

    @cached_property
    def _boxes(self) -> Floats:
        found: Floats = shapely.bounds(np.array([self.units.boundaries[code] for code in self.codes], dtype=object))
        found += np.array([-TOLERANCE_DEG, -TOLERANCE_DEG, TOLERANCE_DEG, TOLERANCE_DEG])
        return found

    def near(self, lon: Floats, lat: Floats, which: NDArray[np.intp]) -> Mask:
        """Whether places lie in the box around their communes.

        Parameters
        ----------
        lon, lat : float64 arrays, shape (m,)
        which : int array, shape (m,)
            Which of the sample's places these are.
        """
        if self.own is not None:
            return _in_boxes(lon, lat, self._boxes[self.own[which]])
        if len(self.codes) > _FEW:
            west_south, east_north = self._boxes[:, :2].min(axis=0), self._boxes[:, 2:].max(axis=0)
            return _in_boxes(lon, lat, np.concatenate([west_south, east_north])[None, :])
        return np.asarray(_in_boxes(lon[:, None], lat[:, None], self._boxes[None, :, :]).any(axis=1))

    def hold(self, lon: Floats, lat: Floats) -> Mask:
        """Whether each place of the sample lies in its commune or within the boundary's accuracy of it."""
        is_finite = np.isfinite(lon) & np.isfinite(lat)
        points = shapely.points(np.where(is_finite, lon, 0.0), np.where(is_finite, lat, 0.0))
        if self.own is not None:
            return self._hold_own(points, lon, lat) & is_finite
        if len(self.codes) > _FEW:
            return self.units.near_any(points) & is_finite
        found = np.zeros(len(points), dtype=bool)
        for number, code in enumerate(self.codes):
            asked = np.flatnonzero(~found & _in_boxes(lon, lat, self._boxes[number]))
            if len(asked):
                found[asked] = self.units.inside(code, points[asked])
        return found & is_finite

    def _hold_own(self, points: NDArray[np.object_], lon: Floats, lat: Floats) -> Mask:
        assert self.own is not None
        found = np.zeros(len(points), dtype=bool)
        close = _in_boxes(lon, lat, self._boxes[self.own])
        for number in np.unique(self.own[close]):
            asked = np.flatnonzero(close & (self.own == number))
            found[asked] = self.units.inside(self.codes[number], points[asked])
        return found


def _in_boxes(lon: Floats, lat: Floats, boxes: Floats) -> Mask:
    west, south, east, north = np.moveaxis(boxes, -1, 0)
    within: Mask = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return within


@dataclass(frozen=True)
class FileCommunes:
    """Which communes a file can be for.

    Attributes
    ----------
    units : UnitIndex
    actor : Actor
    commune : str, optional
        The one chosen for the file.
    column : str, optional
        The file's column that names each row's commune.
    """

    units: UnitIndex
    actor: Actor
    commune: str | None = None
    column: str | None = None

    def expect(self, sample: Sample) -> tuple[Sample, ExpectedCommunes] | None:
        """Say where a sample's places should lie, and for which of them this is known; None where it is not.

        The chosen commune counts, else those that most rows name, else those of the actor, else all.
        """
        boundaries = self.units.boundaries
        if not len(sample) or not boundaries:
            return None
        if self.commune is not None:
            return (sample, ExpectedCommunes(self.units, (self.commune,))) if self.commune in boundaries else None
        is_named = np.array([code in boundaries for code in sample.codes], dtype=bool)
        if is_named.mean() >= _LEAST_NAMED:
            named = sample.at(is_named)
            codes, own = np.unique(named.codes.astype(str), return_inverse=True)
            return named, ExpectedCommunes(self.units, tuple(codes.tolist()), own)
        allowed = self.units.provinces if self.actor.communes is None else self.actor.communes
        drawn = tuple(code for code in allowed if code in boundaries)
        if not drawn:
            return None
        if len(drawn) > _FEW and len(sample) > _MOST_PLACES:
            sample = sample.at(np.linspace(0, len(sample) - 1, _MOST_PLACES).astype(np.intp))
        return sample, ExpectedCommunes(self.units, drawn, is_complete=len(drawn) == len(allowed))
