"""The flat ground the sample is drawn on: metres east and north of one point in the Red River delta.

Fields, lanes and distances are made in metres; degrees appear only when a record is finished.
"""

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ORIGIN_LON, ORIGIN_LAT = 106.25, 20.335
"""Origin, degrees WGS 84."""

DECIMALS = 7
"""Decimals of a degree kept, 1 cm; every vertex is rounded alone, so shared borders stay shared."""

SQUARE_METRES_PER_HECTARE = 10_000.0


def _metres_per_degree() -> Floats:
    """Length of a degree of longitude and of latitude at the origin, metres (series of the WGS 84 ellipsoid)."""
    phi = np.radians(ORIGIN_LAT)
    lon = 111_412.84 * np.cos(phi) - 93.5 * np.cos(3 * phi) + 0.118 * np.cos(5 * phi)
    lat = 111_132.954 - 559.822 * np.cos(2 * phi) + 1.175 * np.cos(4 * phi)
    return np.array([lon, lat])


METRES_PER_DEGREE = _metres_per_degree()


def to_lonlat(geometry: shapely.Geometry) -> shapely.Geometry:
    """Move a geometry from the plane to longitude and latitude, degrees WGS 84.

    Parameters
    ----------
    geometry : Geometry
        Metres east and north of the origin.

    Notes
    -----
    Equirectangular: within 10 km of the origin an area is off by less than 0.1 %.
    """

    def move(coordinates: Floats) -> Floats:
        degrees: Floats = coordinates / METRES_PER_DEGREE + np.array([ORIGIN_LON, ORIGIN_LAT])
        return np.round(degrees, DECIMALS)

    return shapely.transform(geometry, move)


def area_ha(geometry: shapely.Geometry) -> float:
    """Return the area of a geometry of the plane in hectares, two decimals."""
    return round(float(geometry.area) / SQUARE_METRES_PER_HECTARE, 2)


def random_points(random: np.random.Generator, area: shapely.Geometry, count: int) -> Floats:
    """Return ``count`` points spread evenly over an area of the plane, shape (count, 2), metres."""
    west, south, east, north = area.bounds
    shapely.prepare(area)
    found: Floats = np.empty((0, 2))
    while len(found) < count:
        tried = random.uniform((west, south), (east, north), size=(4 * count, 2))
        found = np.vstack([found, tried[shapely.contains_xy(area, tried[:, 0], tried[:, 1])]])
    return found[:count]
