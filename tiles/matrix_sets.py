"""The tile matrix sets that tiles are cut by, as OGC's Two Dimensional Tile Matrix Set standard writes them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from geodata.crs import grid_from_wgs84, vn2000
from geodata.drawing import BUFFER, EXTENT, HALF_WORLD_M
from geodata.matching import BBox
from geodata.register import MAX_ZOOM, Label

_PIXELS_ACROSS = 256
_METRES_A_PIXEL = 0.00028
"""Size of a pixel by which OGC tells scales."""

_MERCATOR_TOP = 85.05
_STEPS = 32
"""Parts of a box's side when it is moved to another system, in which sides are curves."""

Project = Callable[[Any, Any], tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class MatrixSet:
    """Square tiles, four for each one of the level above.

    Attributes
    ----------
    uri : str
        Empty where nobody has registered the set.
    crs : str
        Coordinate system: URI.
    left, top : float
        Upper left corner, metres of ``crs``.
    size_m : float
        Side of the one tile of level 0.
    zoom_offset : int
        What level has about the same scale in WebMercatorQuad, less the level here.
    project : callable
        From degrees WGS 84 (longitude, latitude) to ``crs``.
    """

    id: str
    title: Label
    uri: str
    crs: str
    left: float
    top: float
    size_m: float
    max_level: int
    project: Project
    zoom_offset: int = 0
    scale_set: str = ""

    def as_dict(self, language: str) -> dict[str, Any]:
        """Return the definition."""
        known = {"uri": self.uri, "wellKnownScaleSet": self.scale_set}
        return {
            "id": self.id,
            "title": self.title.in_language(language),
            **{name: value for name, value in known.items() if value},
            "crs": self.crs,
            "orderedAxes": ["E", "N"] if self.zoom_offset else ["X", "Y"],
            "tileMatrices": [self._matrix(level) for level in range(self.max_level + 1)],
        }

    def _matrix(self, level: int) -> dict[str, Any]:
        cell_m = self.size_m / (1 << level) / _PIXELS_ACROSS
        return {
            "id": str(level), "scaleDenominator": cell_m / _METRES_A_PIXEL, "cellSize": cell_m, "cornerOfOrigin": "topLeft",
            "pointOfOrigin": [self.left, self.top], "matrixWidth": 1 << level, "matrixHeight": 1 << level,
            "tileWidth": _PIXELS_ACROSS, "tileHeight": _PIXELS_ACROSS,
        }  # fmt: skip

    def limits(self, box: BBox, first: int) -> list[dict[str, Any]]:
        """Return which tiles of each level can hold something of a box, buffers included.

        Parameters
        ----------
        box : tuple of float
            West, south, east, north in degrees WGS 84.
        first : int
            Level from which on there are tiles.
        """
        west, south, east, north = self.bounds(box)
        found = []
        for level in range(first, self.max_level + 1):
            size_m, last, margin = self.size_m / (1 << level), (1 << level) - 1, BUFFER / EXTENT
            sides = ((west - self.left) / size_m - margin, (east - self.left) / size_m + margin,
                     (self.top - north) / size_m - margin, (self.top - south) / size_m + margin)  # fmt: skip
            columns = [min(max(int(np.floor(side)), 0), last) for side in sides]
            names = ("minTileCol", "maxTileCol", "minTileRow", "maxTileRow")
            found.append({"tileMatrix": str(level), **dict(zip(names, columns, strict=True))})
        return found

    def bounds(self, box: BBox) -> BBox:
        """Return the least box of ``crs`` around a box in degrees WGS 84."""
        west, south, east, north = box
        south, north = max(south, -_MERCATOR_TOP), min(north, _MERCATOR_TOP)
        across, up = np.linspace(west, east, _STEPS + 1), np.linspace(south, north, _STEPS + 1)
        lon = np.concatenate([across, across, np.full_like(up, west), np.full_like(up, east)])
        lat = np.concatenate([np.full_like(across, south), np.full_like(across, north), up, up])
        x, y = self.project(lon, lat)
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _to_mercator(lon: Any, lat: Any) -> tuple[Any, Any]:
    return lon / 180 * HALF_WORLD_M, np.arcsinh(np.tan(np.radians(lat))) / np.pi * HALF_WORLD_M


WEB_MERCATOR_QUAD = MatrixSet(
    id="WebMercatorQuad",
    title=Label("Hệ chia ô Web Mercator", "Google Maps Compatible for the World"),
    uri="http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad",
    crs="http://www.opengis.net/def/crs/EPSG/0/3857",
    left=-HALF_WORLD_M,
    top=HALF_WORLD_M,
    size_m=2 * HALF_WORLD_M,
    max_level=MAX_ZOOM,
    project=_to_mercator,
    scale_set="http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
)


def _to_vn2000(lon: Any, lat: Any) -> tuple[Any, Any]:
    return grid_from_wgs84(vn2000(105.0, 0.9996, 3405), np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))


VN2000_QUAD = MatrixSet(
    id="VN2000UTM48Quad",
    title=Label("Hệ chia ô VN-2000 múi 48 (6°)", "VN-2000 / UTM zone 48N for Vietnam"),
    uri="",
    crs="http://www.opengis.net/def/crs/EPSG/0/3405",
    left=0.0,
    top=2_700_000.0,
    size_m=float(1 << 21),
    max_level=MAX_ZOOM - 4,
    project=_to_vn2000,
    zoom_offset=4,
)
"""Of our own: no authority has defined one. From 102° to 118° E, from 6° to 23.5° N all lies in the tile of level 0."""

MATRIX_SETS = {found.id: found for found in (WEB_MERCATOR_QUAD, VN2000_QUAD)}
