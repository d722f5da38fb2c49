"""Growing areas of any number: fields side by side on the communes, drawn with 20 to 200 points each."""

from pathlib import Path

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.geometry import PRECISION_DEGREES, Geometries
from geodata.sample.areas import CommuneAreas, read_commune_areas
from geodata.sample.crops import FRUIT, RICE, VEGETABLES
from geodata.sample.plane import Floats
from geodata.sample.scatter import METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON, share_by_area
from tests.benchmarks.load import BenchmarkError

FEWEST_POINTS, MOST_POINTS = 20, 200

_CELLS_A_FIELD = 1.8
"""Those at the border of a commune, and some of the others, hold no field."""

_BANK_SHARE = (0.03, 0.08)
"""How far a field stays away from the edge of its cell, as a share of the way to its middle."""

_SQUARE_METRES_PER_HECTARE = 10_000


def write_fields(within: Path, count: int, target: Path, *, seed: int) -> None:
    """Write a GeoPackage of growing areas as an officer would send it.

    Parameters
    ----------
    within : Path
        Commune polygons with their codes.
    target : Path
        Replaced when it is there.
    seed : int
        The same seed and communes make the same fields.
    """
    random = np.random.default_rng(seed)
    areas = read_commune_areas(within)
    number, cells = count, np.empty(0, dtype=object)
    while len(cells) < count:
        # Many of few large cells cross a border.
        number = round(number * _CELLS_A_FIELD)
        commune, cells = _cells(random, areas, number)
    chosen = np.sort(random.permutation(len(cells))[:count])
    fields = _drawn(random, cells[chosen])
    frame = geopandas.GeoDataFrame(_columns(random, areas, commune[chosen], fields), geometry=fields, crs="EPSG:4326")
    frame.to_file(target, layer="vung_trong", driver="GPKG")


def _cells(random: np.random.Generator, areas: CommuneAreas, number: int) -> tuple[NDArray[np.int64], Geometries]:
    """Divide each commune among random places; a cell that crosses its border is left out.

    Returns
    -------
    tuple of arrays, shape (n,)
        Position of the commune, and convex polygons in degrees.
    """
    communes, found = [], []
    shares = share_by_area(areas.shapes, number)
    for of, (shape, share) in enumerate(zip(areas.shapes, shares, strict=True)):
        shapely.prepare(shape)
        cells = shapely.get_parts(shapely.voronoi_polygons(_places(random, shape, int(share)), extend_to=shape))
        kept = cells[shapely.contains_properly(shape, cells)]
        communes.append(np.full(len(kept), of))
        found.append(kept)
    return np.concatenate(communes), np.concatenate(found)


def _places(random: np.random.Generator, shape: shapely.Geometry, count: int) -> shapely.MultiPoint:
    west, south, east, north = shape.bounds
    found: Floats = np.empty((0, 2))
    while len(found) < count:
        tried = random.uniform((west, south), (east, north), (4 * count, 2))
        found = np.vstack([found, tried[shapely.contains_xy(shape, tried[:, 0], tried[:, 1])]])
    return shapely.MultiPoint(found[:count])


def _drawn(random: np.random.Generator, cells: Geometries) -> Geometries:
    """Draw a field into each convex cell: every point lies on the way from the cell's edge to its middle.

    So a field is a star around its middle: its edge never crosses itself or that of another.
    """
    spread = random.uniform(np.log(FEWEST_POINTS), np.log(MOST_POINTS), len(cells))
    sizes = np.clip(np.rint(np.exp(spread)), FEWEST_POINTS, MOST_POINTS).astype(np.int64)
    of = np.repeat(np.arange(len(cells)), sizes)
    along = (np.arange(len(of)) - np.repeat(np.cumsum(sizes) - sizes, sizes)) / sizes[of]
    edge = shapely.get_coordinates(
        shapely.line_interpolate_point(shapely.get_exterior_ring(cells)[of], along, normalized=True)
    )
    middle = shapely.get_coordinates(shapely.centroid(cells))[of]
    bank = random.uniform(*_BANK_SHARE, len(of))[:, None]
    points = np.round(edge + (middle - edge) * bank, PRECISION_DEGREES)
    fields: Geometries = shapely.polygons(shapely.linearrings(points, indices=of))
    if not shapely.is_valid(fields).all():
        raise BenchmarkError("a field is not valid")
    return fields


def _columns(
    random: np.random.Generator, areas: CommuneAreas, commune: NDArray[np.int64], fields: Geometries
) -> dict[str, list[object]]:
    """Return the columns, named as officers do."""
    crops = (*RICE, *VEGETABLES, *FRUIT)
    grown = [crops[n] for n in random.integers(0, len(crops), len(fields))]
    heights = np.radians(shapely.get_y(shapely.centroid(fields)))
    square_metres = shapely.area(fields) * np.cos(heights) * METRES_PER_DEGREE_LON * METRES_PER_DEGREE_LAT
    return {
        "ma_so_vung": [f"99-PUC-{crop.letters}-{n:05d}" for n, crop in enumerate(grown, 1)],
        "ten_vung": [f"Vùng trồng {crop.name.lower()} {n}" for n, crop in enumerate(grown, 1)],
        "cay_trong": [crop.name for crop in grown],
        "giong": [crop.varieties[0] for crop in grown],
        "don_vi": [f"Hợp tác xã nông nghiệp số {n}" for n in random.integers(1, 900, len(fields))],
        "dien_tich": list(np.round(square_metres / _SQUARE_METRES_PER_HECTARE, 2)),
        "so_ho": list(random.integers(1, 60, len(fields))),
        "ma_xa": [areas.codes[n] for n in commune],
    }
