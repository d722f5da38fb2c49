"""Take the land around the extract out of Natural Earth 1 : 110 million, as the npm package world-atlas has it.

Run ``npm pack world-atlas@2.0.2``, unpack it, then
``python -m geodata.reference.outlines.extract_far_land package/land-110m.json``.
Only land and sea are told apart: the source has no countries, borders or names.
"""

import json
import sys
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from geodata.reference.outlines.extract_natural_earth import CLIP

FAR_LAND = Path(__file__).with_name("far_land.geojson")
REACH = shapely.box(50, -50, 170, 66)
"""West, south, east, north in degrees: what a very wide or very tall map shows around Vietnam and its sea."""
OVERLAP_DEG = 0.1
"""How far the two reach into each other, so that no seam shows."""
AROUND_THE_WORLD_DEG = 300
GRID_DECIMALS = 2


def extract(land: Path, target: Path) -> None:
    """Write the land between ``CLIP`` and ``REACH``.

    Parameters
    ----------
    land : Path
        ``land-110m.json`` of world-atlas 2.0.2 (TopoJSON).
    target : Path
        Overwritten: one GeoJSON MultiPolygon.
    """
    topology = json.loads(land.read_text(encoding="utf-8"))
    polygons = [
        shape({"type": "Polygon", "coordinates": [_ring(topology, ring) for ring in polygon]})
        for geometry in topology["objects"]["land"]["geometries"]
        for polygon in geometry["arcs"]
    ]
    north = [polygon for polygon in polygons if not _is_southern_band(polygon)]
    far = shapely.union_all(shapely.make_valid(north)).intersection(REACH).difference(CLIP.buffer(-OVERLAP_DEG))
    rounded = shapely.make_valid(shapely.transform(far, lambda places: np.round(places, GRID_DECIMALS)))
    target.write_text(json.dumps(mapping(_polygons(rounded)), separators=(",", ":")) + "\n", encoding="utf-8")


def _ring(topology: dict[str, Any], arcs: list[int]) -> list[tuple[float, float]]:
    """Join a ring's arcs; a negative number means an arc backwards, and an arc begins where the last one ended."""
    ring: list[tuple[float, float]] = []
    for arc in arcs:
        places = _places(topology, topology["arcs"][arc if arc >= 0 else ~arc])
        ring += (places if arc >= 0 else places[::-1])[bool(ring) :]
    return ring


def _places(topology: dict[str, Any], steps: list[list[int]]) -> list[tuple[float, float]]:
    (x_scale, y_scale), (x_first, y_first) = topology["transform"]["scale"], topology["transform"]["translate"]
    xs, ys = accumulate(step[0] for step in steps), accumulate(step[1] for step in steps)
    return [(x * x_scale + x_first, y * y_scale + y_first) for x, y in zip(xs, ys, strict=True)]


def _is_southern_band(polygon: shapely.Polygon) -> bool:
    """Whether a ring goes around the world: Antarctica, and an island in the Pacific that the 180th meridian cuts."""
    west, _, east, north = polygon.bounds
    return bool(east - west > AROUND_THE_WORLD_DEG and north < 0)


def _polygons(geometry: BaseGeometry) -> shapely.MultiPolygon:
    return shapely.MultiPolygon([part for part in shapely.get_parts(geometry) if isinstance(part, shapely.Polygon)])


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004
        sys.exit("Give the path of package/land-110m.json of world-atlas.")
    extract(Path(sys.argv[1]), FAR_LAND)
