"""How much of a layer's tiles lies under two areas or under none."""

from dataclasses import dataclass
from functools import partial

import mapbox_vector_tile
import numpy as np
import shapely
from sqlalchemy import Connection

from geodata.drawing import EXTENT, HALF_WORLD_M, LOW_TOLERANCE_M, MID_TOLERANCE_M, shape_level
from tests.tiles.patchwork import TO_MERCATOR, Floats, walk

WIDEST = 0.001
"""How wide gaps and overlaps may be in the mean, tile units. Both sides of a border have the same vertices, which go to the
same whole units; only where a part is so narrow that rounding makes it cross itself does the tile's repair move a side by
half a unit here or there: up to 0.0004 of the border's length in all measured."""

_TILE = shapely.box(0, 0, EXTENT, EXTENT)


@dataclass
class Sums:
    """Areas and lengths of one zoom, in units of its tiles.

    Attributes
    ----------
    overlap : float
        Sum of the areas of all polygons, less the area of their union.
    gap : float
        What of the whole, as far from its outline as is asked, lies under no polygon.
    border : float
        Length of the lines between two polygons.
    """

    overlap: float = 0.0
    gap: float = 0.0
    border: float = 0.0
    points: int = 0

    @property
    def width(self) -> float:
        """How wide the overlaps and gaps are if spread along all borders."""
        return (self.overlap + self.gap) / max(self.border, 1.0)


def measure(connection: Connection, layer: str, whole: shapely.Geometry, z: int, margin_m: float) -> Sums:
    """Sum up the polygons of all tiles of a zoom that meet the whole.

    Parameters
    ----------
    whole : geometry
        What the areas cover together, EPSG:4326.
    margin_m : float
        How far the tiles' outline of the whole may lie from the true one, EPSG:3857 metres.
    """
    sums = Sums()
    unit_m = 2 * HALF_WORLD_M / (1 << z) / EXTENT
    covered = shapely.transform(whole, TO_MERCATOR.transform, interleaved=False).buffer(-margin_m - 2 * unit_m)
    for (_, (_, x, y)), (_, raw) in walk(connection, [layer], whole.bounds, [z]).items():
        if not raw:
            continue
        features = mapbox_vector_tile.decode(raw, default_options={"y_coord_down": True})[layer]["features"]
        shapes = [shapely.geometry.shape(one["geometry"]) for one in features]
        sums.points += sum(one.geom_type == "Point" for one in shapes)
        pieces = [one.intersection(_TILE) for one in map(shapely.make_valid, shapes) if one.area]
        union = shapely.union_all(pieces).buffer(0)
        sums.overlap += sum(piece.area for piece in pieces) - union.area
        inside = shapely.transform(covered, partial(_in_units, x=x, y=y, unit_m=unit_m)).intersection(_TILE).buffer(0)
        sums.gap += inside.difference(union).area
        sums.border += (sum(piece.length for piece in pieces) - union.length) / 2
    return sums


def margin_m(z: int) -> float:
    """Return how far the outline of the whole may be from its place at a zoom, EPSG:3857 metres."""
    return 3.0 * (0, LOW_TOLERANCE_M, MID_TOLERANCE_M, 0)[shape_level(z)]


def _in_units(places: Floats, x: int, y: int, unit_m: float) -> Floats:
    corner = np.array((-HALF_WORLD_M, HALF_WORLD_M)) + np.array((x, -y)) * unit_m * EXTENT
    return (places - corner) / (unit_m, -unit_m)
