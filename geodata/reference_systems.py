"""The coordinate reference systems that answers, boxes and filters may be in, by their names with OGC.

VN-2000 goes through the pinned pipeline of `geodata.crs`, so what came in as VN-2000 goes out with the same numbers.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from geodata.crs import VN2000_GEOGRAPHIC, VN2000_ZONES, WGS84, WGS84_DEGREES, Floats, SourceCrs, from_epsg, from_wgs84

CRS84: Final = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
WEB_MERCATOR: Final = 3857
_EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
_NAME = re.compile(
    r"(?:http://www\.opengis\.net/def/crs/EPSG/[0-9.]+/|urn:ogc:def:crs:EPSG:[0-9.]*:|\[?EPSG:)([0-9]{4,5})\]?",
    re.IGNORECASE,
)
_CRS84_NAMES = frozenset(
    {CRS84.lower(), "urn:ogc:def:crs:ogc:1.3:crs84", "urn:ogc:def:crs:ogc::crs84", "ogc:crs84", "[ogc:crs84]", "crs84"}
)
_DEGREE_DECIMALS, _METRE_DECIMALS = 7, 3
_SIDE = 64
"""Parts into which a side of a box is cut before it is moved: a side of 100 km is true to 2 mm then, one of 1,000 km to 2 m."""

Move = Callable[[Floats, Floats], tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceSystem:
    """A coordinate reference system by its name with OGC.

    Attributes
    ----------
    uri : str
    srid : int
        EPSG code; of CRS84 that of WGS 84.
    is_latitude_first : bool
        Whether the authority's axes are latitude, longitude; grids are easting, northing.
    decimals : int
        Of coordinates in answers: 1 cm in degrees, 1 mm in metres.
    to_wgs84, from_wgs84 : callable
        Easting (longitude), northing (latitude) arrays → longitude, latitude in degrees, and back.
    """

    uri: str
    title: str
    srid: int
    is_latitude_first: bool
    decimals: int
    to_wgs84: Move
    from_wgs84: Move

    @property
    def is_degrees(self) -> bool:
        """Whether coordinates are degrees, not metres."""
        return self.decimals == _DEGREE_DECIMALS

    @property
    def is_lon_lat(self) -> bool:
        """Whether coordinates are those that are stored, in the order in which they are."""
        return self.uri == CRS84

    def written(self, shapes: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return shapes of WGS 84 (longitude, latitude) as this system writes them: moved, its axes first, rounded.

        Parameters
        ----------
        shapes : object array of shapely geometries, shape (n,); None stays None
        """
        return np.asarray(shapely.transform(shapes, self._write), dtype=object)

    def with_east_first(self, shapes: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return shapes as `written` does, easting or longitude first in every system, as files of GIS have them."""
        return np.asarray(shapely.transform(shapes, self._move), dtype=object)

    def _write(self, coordinates: Floats) -> Floats:
        moved = self._move(coordinates)
        return moved[:, ::-1] if self.is_latitude_first else moved

    def _move(self, coordinates: Floats) -> Floats:
        return np.column_stack(self.from_wgs84(coordinates[:, 0], coordinates[:, 1])).round(self.decimals)

    def read(self, shape: shapely.Geometry) -> shapely.Geometry:
        """Return a shape that is written in this system in WGS 84, longitude first."""

        def move(coordinates: Floats) -> Floats:
            first, second = coordinates[:, ::-1].T if self.is_latitude_first else coordinates.T
            return np.column_stack(self.to_wgs84(first, second))

        return shape if self.is_lon_lat else shapely.transform(shapely.force_2d(shape), move)

    def read_box(self, box: tuple[float, float, float, float]) -> shapely.Geometry:
        """Return a box (the first axis's and the second's least, then their greatest value) as an area of WGS 84."""
        longest = max(box[2] - box[0], box[3] - box[1])
        outline = shapely.box(*box) if longest else shapely.Point(box[:2])
        return self.read(shapely.segmentize(outline, longest / _SIDE) if longest else outline)


@cache
def reference_systems() -> dict[str, ReferenceSystem]:
    """Return every system by its name, CRS84 first, the grids of VN-2000 from west to east."""
    zones = sorted(VN2000_ZONES, key=lambda code: (VN2000_ZONES[code][1], VN2000_ZONES[code][0]))
    known = [_degrees(CRS84, WGS84, "WGS 84 (CRS84)", is_latitude_first=False)]
    known += [_degrees(f"{_EPSG}{code}", code, title, is_latitude_first=True) for code, title in _DEGREES.items()]
    known += [_web_mercator(), *(_zone(code) for code in zones)]
    return {system.uri: system for system in known}


_DEGREES = {WGS84: "WGS 84", VN2000_GEOGRAPHIC: "VN-2000"}


def find_system(name: str) -> ReferenceSystem | None:
    """Return the system of a name: an OGC address or URN, or short as ``EPSG:9209``; None where there is none.

    Examples
    --------
    >>> find_system("EPSG:9209").uri
    'http://www.opengis.net/def/crs/EPSG/0/9209'
    """
    if name.lower() in _CRS84_NAMES:
        return reference_systems()[CRS84]
    match = _NAME.fullmatch(name)
    return None if match is None else reference_systems().get(f"{_EPSG}{match[1]}")


def _keep(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    return first, second


def _degrees(uri: str, code: int, title: str, *, is_latitude_first: bool) -> ReferenceSystem:
    source = WGS84_DEGREES if code == WGS84 else from_epsg(code)
    return ReferenceSystem(uri, title, code, is_latitude_first, _DEGREE_DECIMALS, source.to_wgs84, _back(source))


def _zone(code: int) -> ReferenceSystem:
    source = from_epsg(code)
    return _grid(code, source.name, source.to_wgs84, _back(source))


def _back(source: SourceCrs) -> Move:
    return from_wgs84(source.pipeline) if source.pipeline else _keep


def _web_mercator() -> ReferenceSystem:
    there = pyproj.Transformer.from_crs(WEB_MERCATOR, WGS84, always_xy=True)
    back = pyproj.Transformer.from_crs(WGS84, WEB_MERCATOR, always_xy=True)
    return _grid(WEB_MERCATOR, "WGS 84 / Pseudo-Mercator", there.transform, back.transform)


def _grid(code: int, title: str, to_wgs84: Move, from_wgs84: Move) -> ReferenceSystem:
    return ReferenceSystem(
        f"{_EPSG}{code}", title, code, is_latitude_first=False, decimals=_METRE_DECIMALS,
        to_wgs84=to_wgs84, from_wgs84=from_wgs84,
    )  # fmt: skip
