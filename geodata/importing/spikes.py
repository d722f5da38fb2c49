"""Needle-like spikes in the boundaries of areas, as a slip of the hand while drawing leaves them."""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.geometry import Geometries

SHARPEST_DEGREES = 1.0
"""A corner sharper than this is no corner of a field."""

SHORTEST_ARM_M = 0.5
_METRES_PER_DEGREE = 111_000.0
_COSINE = np.cos(np.radians(SHARPEST_DEGREES))

Floats = NDArray[np.float64]


def find_spikes(areas: Geometries) -> tuple[NDArray[np.intp], Floats]:
    """Find the tips of spikes.

    Parameters
    ----------
    areas : object array, shape (n,)
        Polygons and multi-polygons, WGS 84.

    Returns
    -------
    owners : int array, shape (k,)
        Which area each spike is of.
    tips : float64 array, shape (k, 2)
        Longitude and latitude.
    """
    polygons, area_of = shapely.get_parts(areas, return_index=True)
    rings, polygon_of = shapely.get_rings(polygons, return_index=True)
    places, ring_of = shapely.get_coordinates(rings, return_index=True)
    is_tip = spike_mask(places, ring_of)
    return area_of[polygon_of[ring_of[is_tip]]], places[is_tip]


def spike_mask(places: Floats, ring_of: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which vertices are tips; ``ring_of`` tells the closed ring of each, rings in order."""
    count = len(places)
    if count == 0:
        return np.zeros(0, dtype=bool)
    starts = np.flatnonzero(np.diff(ring_of, prepend=-1))
    ends = np.append(starts[1:], count) - 1
    before, after = np.arange(-1, count - 1), np.arange(1, count + 1)
    # The last position of a ring repeats the first, whose neighbour is the one before the last.
    before[starts] = ends - 1
    after[ends] = starts
    scale = _METRES_PER_DEGREE * np.column_stack([np.cos(np.radians(places[:, 1])), np.ones(count)])
    back, forth = (places[before] - places) * scale, (places[after] - places) * scale
    arms = np.hypot(*back.T), np.hypot(*forth.T)
    cosine = np.einsum("ij,ij->i", back, forth)
    is_tip = (np.minimum(*arms) >= SHORTEST_ARM_M) & (cosine > _COSINE * arms[0] * arms[1])
    is_tip[ends] = False
    tips: NDArray[np.bool_] = is_tip
    return tips
