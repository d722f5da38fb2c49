"""Records on and around tile borders, sent in as files in every coordinate system, and where they truly lie.

Where a record lies is computed here without the product: the places are drawn in Web Mercator, moved by pyproj to the
file's system and to tile units by shapely.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from uuid import uuid4

import geopandas
import numpy as np
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.enums import TransformDirection
from pyproj.transformer import TransformerGroup
from shapely import Geometry

from geodata.crs import EAST, NORTH, SOUTH, VN2000_ZONES, WEST
from geodata.db import SYSTEM, Database
from geodata.importing.check import ImportRequest
from geodata.importing.publish import publish_file
from geodata.placed import place_all
from geodata.register import MAX_ZOOM
from geodata.registers import get_register
from tests.geodata.builders import COMMUNE, units

HALF_WORLD_M = 20037508.342789244
EXTENT, BUFFER = 4096, 64
FINEST_M = 2 * HALF_WORLD_M / (1 << MAX_ZOOM) / EXTENT
"""A unit of the deepest tiles, metres; truth is kept in these units, counted from the world's upper left corner."""

VN2000 = "VN-2000 to WGS 84 (2)"
SYSTEMS = (*VN2000_ZONES, 4756, 4326, 32648, 32649)
"""All VN-2000 zones that EPSG numbers, VN-2000 and WGS 84 in degrees, UTM."""

FIRST_ZOOM = {"tourism_points": 5, "growing_areas": 7, "addresses": 13}
"""Zooms from which a layer shows the records themselves."""

_DEGREES = pyproj.Transformer.from_crs(3857, 4326, always_xy=True)
_MOST_EAST_DEG = 1.6


@dataclass(frozen=True)
class Seam:
    """The border between a tile and the one west of it (or north of it)."""

    z: int
    x: int
    y: int
    is_vertical: bool

    @property
    def tiles(self) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """The tile before the border and the one behind it."""
        before = (self.z, self.x - self.is_vertical, self.y - (not self.is_vertical))
        return before, (self.z, self.x, self.y)

    def strip(self, before: float, behind: float) -> Geometry:
        """Return what lies that far before and behind the border, units of the zoom counted from the world's corner."""
        left, top = self.x * EXTENT, self.y * EXTENT
        if self.is_vertical:
            return shapely.box(left - before, top - BUFFER, left + behind, top + EXTENT + BUFFER)
        return shapely.box(left - BUFFER, top - before, left + EXTENT + BUFFER, top + behind)

    def below(self, place: float) -> "Seam":
        """Return a seam of the next zoom, which lies on the same border, at a part (0 to 1) of its length."""
        on = int(place * 2)
        x, y = (self.x * 2, self.y * 2 + on) if self.is_vertical else (self.x * 2 + on, self.y * 2)
        return Seam(self.z + 1, x, y, self.is_vertical)


@dataclass
class World:
    """What was sent in, and where it lies.

    Attributes
    ----------
    shapes : mapping of layer to array
        Web Mercator metres, in the order of `names`.
    seams : mapping of layer to list
        At which the records were laid.
    """

    database: Database
    names: dict[str, list[str]] = field(default_factory=dict)
    shapes: dict[str, list[Geometry]] = field(default_factory=dict)
    seams: dict[str, list[Seam]] = field(default_factory=dict)

    @cached_property
    def truth(self) -> dict[str, tuple[NDArray[np.int64], NDArray[np.object_], shapely.STRtree]]:
        """By layer: ids, shapes in the deepest tiles' units from the world's corner (y down), and a tree of them."""
        found = {}
        for layer, names in self.names.items():
            with self.database.read() as connection:
                label = get_register(layer).label
                rows = connection.exec_driver_sql(f"SELECT {label}, id FROM open.{layer}").all()
            ids = dict(map(tuple, rows))
            assert len(ids) == len(names)
            shapes = shapely.transform(np.array(self.shapes[layer]), _to_units)
            found[layer] = np.array([ids[name] for name in names]), shapes, shapely.STRtree(shapes)
        return found


def _to_units(metres: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([metres[:, 0] + HALF_WORLD_M, HALF_WORLD_M - metres[:, 1]]) / FINEST_M


def unit_m(z: int) -> float:
    """Return a unit of a tile, metres."""
    return FINEST_M * (1 << (MAX_ZOOM - z))


def _is_in_vietnam(shape: Geometry) -> bool:
    west, south, east, north = shape.bounds
    (west, east), (south, north) = _DEGREES.transform((west, east), (south, north))
    return bool(west > WEST and south > SOUTH and east < EAST and north < NORTH)


def _move(code: int, shapes: list[Geometry]) -> NDArray[np.object_]:
    """Move shapes from Web Mercator to a coordinate system."""
    found = TransformerGroup(code, 4326, always_xy=True).transformers
    way = next((one for one in found if VN2000 in one.description), found[0])

    def there(metres: NDArray[np.float64]) -> NDArray[np.float64]:
        degrees = _DEGREES.transform(metres[:, 0], metres[:, 1])
        return np.column_stack(way.transform(*degrees, direction=TransformDirection.INVERSE))

    moved: NDArray[np.object_] = shapely.transform(np.array(shapes), there)
    return moved


def _meridian(code: int) -> float:
    if code in VN2000_ZONES:
        return VN2000_ZONES[code][0]
    return 111.0 if code == 32649 else 105.0


def seam_near(random: np.random.Generator, code: int, z: int, *, is_vertical: bool) -> Seam | None:
    """Return a random border of a zoom in a zone of Vietnam; None where the zone has none."""
    tile_deg = 360 / (1 << z)
    meridian = max(_meridian(code), 103.0)
    west, east = (meridian + 180 - _MOST_EAST_DEG) / tile_deg, (meridian + 180 + _MOST_EAST_DEG) / tile_deg
    # Between 23 and 8 degrees north.
    north, south = (0.43422 * (1 << z), 0.47771 * (1 << z))
    columns, rows = np.arange(np.ceil(west), east), np.arange(np.ceil(north), south)
    if len(columns if is_vertical else rows) == 0:
        return None
    if is_vertical:
        return Seam(z, int(random.choice(columns)), int(random.uniform(north, south)), is_vertical)
    return Seam(z, int(random.uniform(west, east)), int(random.choice(rows)), is_vertical)


def _place(seam: Seam, along: float, across: float) -> tuple[float, float]:
    """Return the place at these units along a seam and across it, metres."""
    step = unit_m(seam.z)
    over = (across, along) if seam.is_vertical else (along, across)
    return (seam.x * EXTENT + over[0]) * step - HALF_WORLD_M, HALF_WORLD_M - (seam.y * EXTENT + over[1]) * step


def _points(random: np.random.Generator, seam: Seam) -> Iterator[Geometry]:
    """Lay points on the border, on the edges of both buffers and around, to fractions of a unit."""
    close = random.choice([0.0, 0.25, 0.5, 0.75, 1.0])
    for across in (0.0, close, -close, 63.4, -63.4, 66.0, -70.0, *random.uniform(-64, 64, 3)):
        yield shapely.Point(*_place(seam, random.uniform(0, EXTENT), across))
    yield shapely.Point(*_place(seam, random.choice([-40.0, 0.0, 4130.0]), random.uniform(-60, 60)))


def _areas(random: np.random.Generator, seam: Seam) -> Iterator[Geometry]:
    """Lay areas over the border: small and large, with holes, of two parts, as corners and as points."""
    for reach in (6.0, 30.0, 150.0, 700.0):
        along, across = random.uniform(100, EXTENT - 100), random.uniform(-1.2, 1.2) * min(reach, 100)
        yield _star(random, seam, (along, across), reach)
    ring = _star(random, seam, (random.uniform(0, EXTENT), random.uniform(-40, 40)), 90.0)
    yield shapely.Polygon(ring.exterior, [shapely.affinity.scale(ring.exterior, 0.4, 0.4, origin=_middle(ring)).coords])
    parts = [_star(random, seam, (along, random.uniform(-90, 90)), 50.0) for along in (1000, 1400)]
    yield shapely.MultiPolygon(parts)
    yield _pin(random, seam)
    yield shapely.Point(*_place(seam, random.uniform(0, EXTENT), random.uniform(-60, 60)))


def _pin(random: np.random.Generator, seam: Seam) -> shapely.Polygon:
    """Return a square that a needle thinner than a unit joins to the other side of the border."""
    along, across = random.uniform(200, EXTENT - 200), random.uniform(70, 120)
    outline = [(0, 0), (20, 0), (20, 20), (0.3, 20), (0.3, across + random.uniform(20, 150)), (0, across + 60)]
    side = random.choice([-1, 1])
    return shapely.Polygon([_place(seam, along + right, side * (up - across)) for right, up in outline])


def _star(random: np.random.Generator, seam: Seam, middle: tuple[float, float], reach: float) -> shapely.Polygon:
    angles = np.sort(random.uniform(0, 2 * np.pi, 4)) * 0.1 + np.linspace(0, 2 * np.pi, 4, endpoint=False)
    angles = np.sort(np.concatenate([angles, angles + np.pi / 4]))
    lengths = random.uniform(0.5, 1, len(angles)) * reach
    places = np.column_stack([middle[0] + lengths * np.cos(angles), middle[1] + lengths * np.sin(angles)])
    return shapely.Polygon([_place(seam, *place) for place in places])


def _middle(ring: shapely.Polygon) -> shapely.Point:
    # Of the star's corners: it sees all of them.
    return shapely.Point(shapely.get_coordinates(ring)[:-1].mean(axis=0))


_LAYING = {"tourism_points": _points, "growing_areas": _areas, "addresses": _points}


def _rows(layer: str, count: int, first: int) -> dict[str, list[str]]:
    """Return names for records of a layer, and what else they need."""
    numbers = range(first, first + count)
    if layer == "growing_areas":
        return {"code": [f"VN-ZZOR-{number:06}" for number in numbers], "crop": ["Bưởi"] * count}
    if layer == "tourism_points":
        return {"name": [f"Điểm {number}" for number in numbers]}
    return {"code": [f"{number:010}" for number in numbers], "kind": ["agency"] * count, "name": ["UBND"] * count}


def _send(world: World, layer: str, code: int, shapes: list[Geometry], folder: Path) -> None:
    names = world.names.setdefault(layer, [])
    columns = _rows(layer, len(shapes), len(names))
    frame = geopandas.GeoDataFrame(
        {**columns, "commune_code": [COMMUNE] * len(shapes)}, geometry=_move(code, shapes), crs=code
    )
    path = folder / f"{uuid4().hex}.gpkg"
    pyogrio.write_dataframe(frame, path, layer="a", driver="GPKG")
    register = get_register(layer)
    request = ImportRequest(path, path.name, register, SYSTEM, crs=f"EPSG:{code}")
    with world.database.worker() as connection:
        published = publish_file(connection, request, units(), folder / uuid4().hex)
    assert published.counts.added == len(shapes), published.report.as_dict()["messages"][:5]
    names += columns[register.label]
    world.shapes.setdefault(layer, []).extend(shapes)


def build(world: World, layers: Mapping[str, tuple[int, ...]], folder: Path, *, seed: int, times: int = 1) -> None:
    """Send files of layers, each in its systems, with records at random borders of every zoom."""
    random = np.random.default_rng(seed)
    for layer, systems in layers.items():
        for code in systems:
            shapes: list[Geometry] = []
            for z in np.repeat(np.arange(FIRST_ZOOM[layer], MAX_ZOOM + 1), times):
                for is_vertical in (True, False):
                    seam = seam_near(random, code, int(z), is_vertical=is_vertical)
                    if seam is not None:
                        world.seams.setdefault(layer, []).append(seam)
                        shapes += filter(_is_in_vietnam, _LAYING[layer](random, seam))
            _send(world, layer, code, shapes, folder)
    with world.database.worker() as connection:
        place_all(connection)
