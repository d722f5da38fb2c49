"""Rows of one file that are in another zone than the file: what merging two provinces' files leaves behind."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.crs import VN2000_ZONES, SourceCrs, from_epsg, grid_from_wgs84
from geodata.units.index import UnitIndex

_ROOM_DEG = 0.05


@dataclass(frozen=True)
class ZoneMixture:
    """Finds the zone of rows that lie outside their commune.

    Attributes
    ----------
    crs : SourceCrs
        That of the file.
    units : UnitIndex
    counts : Counter
        Rows found, by the name of their zone.
    """

    crs: SourceCrs
    units: UnitIndex
    counts: Counter[str] = field(default_factory=Counter)

    def find(self, code: str, points: NDArray[Any]) -> list[SourceCrs | None]:
        """Return for each place outside a commune the other VN-2000 zone that puts it inside, None where none does.

        Parameters
        ----------
        code : str
            A commune with a boundary.
        points : object array, shape (n,)
            Where the file's system puts the rows, WGS 84.
        """
        found: list[SourceCrs | None] = [None] * len(points)
        if self.crs.grid is None or not len(points):
            return found
        lon, lat = shapely.get_coordinates(points).T
        west, south, east, north = self.units.boundaries[code].bounds
        # The same numbers in a zone farther east lie as much farther east, and where they were north of south.
        needed = (west + east) / 2 - lon + self.crs.grid[0]
        within = (east - west) / 2 + _ROOM_DEG
        near = (lat > south - _ROOM_DEG) & (lat < north + _ROOM_DEG)
        easting, northing = grid_from_wgs84(self.crs, lon, lat)
        for zone in self._others():
            meridian = zone.grid[0] if zone.grid else np.nan
            asked = np.flatnonzero(
                near & (np.abs(needed - meridian) < within) & np.array([one is None for one in found])
            )
            if not len(asked):
                continue
            moved = shapely.points(*zone.to_wgs84(easting[asked], northing[asked]))
            for at in asked[self.units.inside(code, moved)]:
                found[int(at)] = zone
                self.counts[zone.name] += 1
        return found

    def _others(self) -> list[SourceCrs]:
        """Return the other zones, those first that rows were found in already."""
        zones = [from_epsg(epsg) for epsg in VN2000_ZONES]
        others = [zone for zone in zones if zone.grid and self.crs.grid and zone.grid[0] != self.crs.grid[0]]
        return sorted(others, key=lambda zone: -self.counts[zone.name])
