"""Repairs of geometry that need no guess: what is proposed for a row, and how much it would change.

A repair that changes an area by more than 1 %, or drops parts of more than 1 m², is none.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.crs import EAST, NORTH, SOUTH, WEST
from geodata.geometry import Geometries, Problems, as_kind, metres_of
from geodata.importing.spikes import spike_mask
from geodata.importing.tangles import is_tangled
from geodata.register import Register

MOST_SHARE, MOST_LOST_M2 = 0.01, 1.0
"""A repair may change this share of an area, and drop parts of this size."""

_LEAST_RING = 4
_ROUNDS = 10
_POLYGON, _MULTIPOLYGON = shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON


@dataclass(frozen=True)
class Mending:
    """What repairs would make of a geometry.

    Attributes
    ----------
    codes : list of str
        The repairs, in the order in which they are done.
    change_m2, dropped_m2 : float
        How much larger or smaller the area becomes, and how much of what its lines enclose goes.
    area_m2 : float
        Before.
    parts : int
        How many parts were taken out of a collection.
    """

    geometry: shapely.Geometry
    codes: list[str] = field(default_factory=list)
    change_m2: float = 0.0
    dropped_m2: float = 0.0
    area_m2: float = 0.0
    parts: int = 0

    @property
    def is_too_much(self) -> bool:
        """Whether the area would change more than a repair may change it."""
        return is_too_much(self.change_m2, self.area_m2) or self.dropped_m2 > MOST_LOST_M2


def area_m2(geometries: Any) -> Any:
    """Return areas in m² (equirectangular at their own latitude, within 0.7 %); works for invalid ones too."""
    return shapely.area(metres_of(geometries))


def is_too_much(change_m2: float, whole_m2: float) -> bool:
    """Whether a repair would change an area by more than its share."""
    return change_m2 > MOST_SHARE * whole_m2


def mend(geometry: shapely.Geometry, read_as: str | None, register: Register) -> Mending | None:
    """Repair one geometry as far as the register needs it.

    Parameters
    ----------
    geometry : Geometry
        WGS 84, as it was read.
    read_as : str or None
        What the reader found: ``GEOM_RING_NOT_CLOSED`` (given closed), ``GEOM_COLLECTION`` (given flat) or nothing.

    Returns
    -------
    Mending or None
        None where no repair helps.
    """
    codes, parts = [], 0
    if read_as == "GEOM_RING_NOT_CLOSED":
        codes.append("REPAIR_CLOSE_RING")
    elif read_as == "GEOM_COLLECTION":
        fitting = _fitting_parts(geometry, register)
        if fitting is None:
            return None
        geometry, parts = fitting
        codes.append("REPAIR_COLLECTION")
    elif read_as is not None:
        return None
    if is_swapped(geometry):
        geometry = shapely.transform(geometry, lambda places: places[:, ::-1])
        codes.append("REPAIR_SWAPPED")
    return _mend_area(geometry, register, codes, parts) if _is_in_vietnam(geometry) else None


def _mend_area(geometry: shapely.Geometry, register: Register, codes: list[str], parts: int) -> Mending | None:
    final, problem = _as_kind(geometry, register)
    # Holes larger than their shell make the sum negative.
    before, dropped = abs(float(area_m2(geometry))), 0.0
    if problem == "GEOM_INVALID" and is_tangled(geometry):
        return None
    if problem == "GEOM_INVALID":
        valid = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
        codes.append("REPAIR_SELF_CROSSING")
        if valid.is_empty or shapely.get_type_id(valid) not in (_POLYGON, _MULTIPOLYGON):
            return Mending(geometry, codes, before, before, before, parts) if before > MOST_LOST_M2 else None
        final, problem = _as_kind(shapely.remove_repeated_points(valid), register)
        dropped = _dropped_m2(geometry, final)
    if problem is not None or not codes:
        return None
    return Mending(final, codes, abs(float(area_m2(final)) - before), dropped, before, parts)


def _dropped_m2(before: shapely.Geometry, after: shapely.Geometry) -> float:
    """Return the size of what the lines of a broken area enclose and the repaired one does not hold."""
    enclosed = shapely.buffer(shapely.make_valid(before, method="linework"), 0)
    return float(area_m2(shapely.difference(enclosed, after)))


def _as_kind(geometry: shapely.Geometry, register: Register) -> tuple[shapely.Geometry, str | None]:
    column: Geometries = np.array([geometry], dtype=object)
    problems: Problems
    final, problems = as_kind(column, register.geometry_kind, points_too=register.point is not None)
    return final[0], problems[0]


def _fitting_parts(collection: shapely.Geometry, register: Register) -> tuple[shapely.Geometry, int] | None:
    """Return the parts of a collection that the register takes, and how many; None where it is not clear which."""
    parts = shapely.get_parts(shapely.get_parts(collection))
    types = shapely.get_type_id(parts)
    areas, points = parts[types == _POLYGON], parts[types == shapely.GeometryType.POINT]
    if register.geometry_kind == "polygon" and len(areas):
        return shapely.multipolygons(areas), len(areas)
    takes_points = register.geometry_kind == "point" or register.point is not None
    return (points[0], 1) if takes_points and len(points) == 1 else None


def _is_in_vietnam(geometry: shapely.Geometry) -> bool:
    west, south, east, north = geometry.bounds or (np.nan,) * 4
    return bool(west >= WEST and south >= SOUTH and east <= EAST and north <= NORTH)


def is_swapped(geometry: shapely.Geometry) -> bool:
    """Whether a geometry lies in Vietnam once its longitudes and latitudes change places, and does not before."""
    if shapely.is_empty(geometry):
        return False
    south, west, north, east = geometry.bounds
    is_inside_swapped = west >= WEST and east <= EAST and south >= SOUTH and north <= NORTH
    return bool(is_inside_swapped and not (south >= WEST and north <= EAST))


def without_spikes(area: shapely.Geometry) -> shapely.Geometry | None:
    """Return an area without its spikes; None where that does not leave a valid one."""
    parts = [_polygon_without_spikes(part) for part in shapely.get_parts(area)]
    if any(part is None for part in parts):
        return None
    mended = shapely.multipolygons(parts)
    return mended if shapely.is_valid(mended) else None


def _polygon_without_spikes(polygon: shapely.Geometry) -> shapely.Geometry | None:
    rings = [_ring_without_spikes(shapely.get_coordinates(ring)) for ring in shapely.get_rings(polygon)]
    if len(rings[0]) < _LEAST_RING:
        return None
    return shapely.Polygon(rings[0], [ring for ring in rings[1:] if len(ring) >= _LEAST_RING])


def _ring_without_spikes(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Remove tips until there is none: behind one there may be another."""
    for _ in range(_ROUNDS):
        is_tip = spike_mask(ring, np.zeros(len(ring), dtype=np.intp))
        if not is_tip.any():
            break
        open_ring = ring[:-1][~is_tip[:-1]]
        is_new = np.any(open_ring != np.roll(open_ring, 1, axis=0), axis=1)
        open_ring = open_ring[is_new]
        ring = np.concatenate((open_ring, open_ring[:1]))
    return ring
