"""Areas that share their borders vertex by vertex, and all tiles around them."""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection

from geodata.drawing import HALF_WORLD_M
from geodata.register import MAX_ZOOM
from tiles.sql import tile_sql

TO_MERCATOR = pyproj.Transformer.from_crs(4326, 3857, always_xy=True)

Address = tuple[int, int, int]
Box = tuple[float, float, float, float]
Seen = dict[tuple[str, Address], tuple[int, bytes]]
"""Stamp and bytes by layer and tile."""

Floats = NDArray[np.float64]


def patchwork(
    west: float, south: float, size: float, parts: int, *, seed: int, vertices: int = 60
) -> list[shapely.Polygon]:
    """Return parts² areas of a square (degrees), row by row from the south, with rough borders in common."""
    random = np.random.default_rng(seed)
    step = size / parts

    def line(start: tuple[int, int], end: tuple[int, int]) -> Floats:
        ends = np.array([start, end]) * step + (west, south)
        along = np.linspace(ends[0], ends[1], vertices)
        turns = np.linspace(0, random.integers(3, 7) * np.pi, vertices)
        bends = np.sin(turns) * np.sin(np.linspace(0, np.pi, vertices))
        along += bends[:, None] * (ends[1] - ends[0])[::-1] * random.uniform(0.05, 0.1)
        along[1:-1] += random.uniform(-0.4, 0.4, (vertices - 2, 2)) * step / vertices
        return along.round(9)

    eastward = {(x, y): line((x, y), (x + 1, y)) for x, y in product(range(parts), range(parts + 1))}
    northward = {(x, y): line((x, y), (x, y + 1)) for x, y in product(range(parts + 1), range(parts))}
    areas = [
        shapely.Polygon(
            np.vstack([eastward[x, y], northward[x + 1, y], eastward[x, y + 1][::-1], northward[x, y][::-1]])
        )
        for y, x in product(range(parts), range(parts))
    ]
    assert shapely.coverage_is_valid(areas)
    assert all(area.is_valid for area in areas)
    return areas


def turned(shape: shapely.Polygon, vertices: int) -> shapely.Polygon:
    """Return an area whose ring begins some vertices further on."""
    return shapely.Polygon(np.roll(shapely.get_coordinates(shape)[:-1], -vertices, axis=0))


def moved(shape: shapely.Polygon, vertex: int, east_m: float, north_m: float = 0.0) -> shapely.Polygon:
    """Return an area with one vertex at another place."""
    corners = shapely.get_coordinates(shape)
    corners[vertex] += (east_m / 107_000, north_m / 110_600)
    return shapely.Polygon(corners)


def moved_everywhere(shapes: Iterable[shapely.Polygon], place: Any, east_m: float) -> Iterator[shapely.Polygon]:
    """Yield areas with the vertex that lies at a place moved in all of them."""
    for shape in shapes:
        corners = shapely.get_coordinates(shape)
        corners[np.all(corners == place, axis=1)] += (east_m / 107_000, 0)
        yield shapely.Polygon(corners)


def columns_and_rows(box: Box, z: int, around: int = 1) -> tuple[range, range]:
    """Return the columns and rows of the tiles that meet a box (degrees), and as many around it."""
    size_m = 2 * HALF_WORLD_M / (1 << z)
    west, south = TO_MERCATOR.transform(box[0], box[1])
    east, north = TO_MERCATOR.transform(box[2], box[3])
    columns = [int((x + HALF_WORLD_M) / size_m) for x in (west, east)]
    rows = [int((HALF_WORLD_M - y) / size_m) for y in (north, south)]
    return tuple(  # type: ignore[return-value]
        range(max(0, first - around), min((1 << z) - 1, last + around) + 1) for first, last in (columns, rows)
    )


def walk(connection: Connection, layers: Iterable[str], box: Box, zooms: Iterable[int] = range(MAX_ZOOM + 1)) -> Seen:
    """Fetch every tile of every zoom in and around a box, each layer by itself."""
    seen: Seen = {}
    for layer, z in product(layers, zooms):
        columns, rows = columns_and_rows(box, z)
        statement = tile_sql((layer,), z).replace("%", "%%").replace("$1::int", "wx.x").replace("$2::int", "wy.y")
        found = connection.exec_driver_sql(
            f"SELECT wx.x, wy.y, t.stamps[1], t.tile FROM generate_series({columns[0]}, {columns[-1]}) AS wx (x), "
            f"generate_series({rows[0]}, {rows[-1]}) AS wy (y), LATERAL ({statement}) t"
        )
        seen |= {(layer, (z, x, y)): (stamp, bytes(tile)) for x, y, stamp, tile in found}
    return seen


def assert_exact(before: Seen, after: Seen) -> bool:
    """Compare versions with bytes; returns whether any tile is another one."""
    other_bytes = sorted(tile for tile in before if before[tile][1] != after[tile][1])
    other_stamp = sorted(tile for tile in before if before[tile][0] != after[tile][0])
    assert other_stamp == other_bytes
    return bool(other_bytes)
