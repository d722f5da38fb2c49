"""What lies along the borders of tiles is drawn from both sides as it is without tiles.

The records come in as files in every coordinate system; each of 1,000 random borders is drawn from its two tiles, as a
client does, and held against the records' own shapes, which were never cut.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from shapely import Geometry
from sqlalchemy import Connection

from geodata.db import Database
from geodata.drawing import FULL_FROM_ZOOM, LOW_TOLERANCE_M, MID_FROM_ZOOM, MID_TOLERANCE_M
from geodata.register import MAX_ZOOM
from tests.conftest import TEMPLATE, Server, settings_for
from tests.tiles.seam_world import BUFFER, EXTENT, SYSTEMS, Seam, World, build, unit_m
from tiles.sql import tile_sql

SEAMS = {"tourism_points": 640, "growing_areas": 336, "addresses": 24}
"""How many borders of each layer are looked at: 1,000 in all."""

PIXEL = EXTENT // 512
BOX_UNITS = 4.0
"""So much more than the buffer may be found: boxes are compared in single precision, 1 m at this distance from 0/0."""

HALF_UNIT = 0.72
"""Farthest that rounding to whole units moves a place: half a diagonal, and a little."""

SHOWN = 60
"""Units beside a border that are compared: at the very end of the buffer a cut is rounded once more."""

Drawn = dict[int, Geometry]
Address = tuple[int, int, int]


class Tiles:
    """Tiles as a client reads them, each fetched once."""

    def __init__(self, connection: Connection, layer: str) -> None:
        self._connection: Any = connection.connection.driver_connection
        self._layer = layer
        self.drawn = cache(self._drawn)

    def _drawn(self, address: Address) -> Drawn:
        """Return what a tile draws by id, in units of the zoom counted from the world's upper left corner."""
        z, x, y = address
        statement = tile_sql((self._layer,), z).replace("%", "%%").replace("$1", "%(x)s").replace("$2", "%(y)s")
        raw = bytes(self._connection.execute(statement, {"x": x, "y": y}).fetchone()[1])
        layers = mapbox_vector_tile.decode(raw, default_options={"y_coord_down": True})
        features = layers[self._layer]["features"] if raw else []
        drawn = {feature["id"]: _shifted(feature["geometry"], x, y) for feature in features}
        assert len(drawn) == len(features), "a record is drawn twice"
        return drawn


def _shifted(geometry: dict[str, Any], x: int, y: int) -> Geometry:
    return shapely.affinity.translate(shapely.geometry.shape(geometry), x * EXTENT, y * EXTENT)


def with_deeper(seams: list[Seam], count: int, random: np.random.Generator) -> list[Seam]:
    """Return the borders that records were laid on, and of those on them one zoom deeper as many as are wanting."""
    deeper = [seam.below(place) for seam in seams if seam.z < MAX_ZOOM for place in (0.25, 0.75)]
    found = dict.fromkeys([*seams, *(deeper[at] for at in random.permutation(len(deeper)))])
    return list(found)[:count]


def box(address: Address, margin: float) -> Geometry:
    """Return a tile with a margin."""
    _, x, y = address
    left, top = x * EXTENT, y * EXTENT
    return shapely.box(left - margin, top - margin, left + EXTENT + margin, top + EXTENT + margin)


def tolerance(z: int) -> float:
    """Return how far a drawn outline may lie from the true one, units: one, and what the zoom's copy leaves out."""
    left_out_m = 0 if z >= FULL_FROM_ZOOM else MID_TOLERANCE_M if z >= MID_FROM_ZOOM else LOW_TOLERANCE_M
    return 1.01 + (left_out_m and 0.5 + left_out_m / unit_m(z))


def rounding(z: int) -> float:
    """Return by how many units the size of an area may be known wrongly: it is kept in whole metres."""
    return 0.1 + 0.5 / unit_m(z)


def is_same(one: Geometry, other: Geometry, shown: Geometry) -> bool:
    """Whether two areas differ by no more than what both were rounded, where they are shown."""
    parts = ((one.intersection(shown), other), (other.intersection(shown), one))
    return all(part.is_empty or whole.buffer(2 * HALF_UNIT).covers(part) for part, whole in parts)


def size_of(shape: Geometry) -> float:
    """Return the longer side of the box around a shape."""
    west, north, east, south = shape.bounds
    return max(east - west, south - north)


@dataclass
class Sight:
    """One border of one layer: what its two tiles draw, and what is there, in units of the zoom."""

    seam: Seam
    tiles: tuple[Drawn, Drawn]
    truth: Drawn

    def check(self) -> int:
        """Hold both tiles against the truth and against each other; return how many records both draw."""
        for address, drawn in zip(self.seam.tiles, self.tiles, strict=True):
            assert drawn.keys() <= self.truth.keys(), f"{self.seam}: what lies elsewhere is drawn"
            for number, shape in self.truth.items():
                trouble = self._trouble(box(address, BUFFER), shape, drawn.get(number))
                assert trouble is None, f"{self.seam}, {number}: {trouble}"
        self._check_one_at_least()
        both = self.tiles[0].keys() & self.tiles[1].keys()
        for number in both:
            self._check_both(number)
        return len(both)

    def _check_one_at_least(self) -> None:
        """See that what lies in the two tiles is drawn by one of them, wherever the point of a small area lies."""
        inside = shapely.union_all([box(address, 0) for address in self.seam.tiles])
        shown = self.tiles[0].keys() | self.tiles[1].keys()
        lost = [number for number, shape in self.truth.items() if number not in shown and inside.covers(shape)]
        assert not lost, f"{self.seam}, {lost}: drawn by neither"

    def _trouble(self, there: Geometry, shape: Geometry, drawn: Geometry | None) -> str | None:
        """Say what is wrong with what a tile with its buffer (there) draws of a record."""
        if drawn is None and there.covers(shape):
            return "missing"
        if shape.geom_type == "Point":
            is_there = drawn is None or drawn.distance(shape) <= HALF_UNIT
            return None if is_there else "drawn beside its place"
        if size_of(shape) < PIXEL - rounding(self.seam.z) or (drawn is not None and drawn.geom_type == "Point"):
            return self._trouble_of_small(shape, drawn)
        return self._trouble_of_area(there, shape, drawn)

    def _trouble_of_small(self, shape: Geometry, drawn: Geometry | None) -> str | None:
        if drawn is None:
            return None
        if drawn.geom_type != "Point":
            return "an area below a pixel drawn as one"
        # Only what the grid of units swallows whole may be a point though it is larger than a pixel.
        is_thin = shape.buffer(-tolerance(self.seam.z)).is_empty
        if size_of(shape) > PIXEL + rounding(self.seam.z) and not is_thin:
            return "an area drawn as a point"
        return None if drawn.distance(shape) <= HALF_UNIT else "drawn beside its place"

    def _trouble_of_area(self, there: Geometry, shape: Geometry, drawn: Geometry | None) -> str | None:
        by = tolerance(self.seam.z)
        rounded = shapely.make_valid(shapely.transform(shape, np.round))
        core = rounded.buffer(-by).intersection(there)
        if drawn is None:
            return None if core.is_empty else "missing"
        if not rounded.buffer(by).covers(drawn):
            return "drawn beyond its outline"
        if not core.is_empty and not drawn.buffer(1.01).covers(core):
            return "a part of it is missing"
        return None if drawn.is_valid else "drawn as no valid area"

    def _check_both(self, number: int) -> None:
        """Compare what both tiles draw of a record in the strip that both show, and the picture put together of both."""
        one, other = (drawn[number] for drawn in self.tiles)
        assert (one.geom_type == "Point") == (other.geom_type == "Point"), f"{self.seam}, {number}: a point on one side"
        shown = self.seam.strip(SHOWN, SHOWN)
        assert is_same(one, other, shown), f"{self.seam}, {number}"
        halves = one.intersection(self.seam.strip(BUFFER, 0)), other.intersection(self.seam.strip(0, BUFFER))
        assert is_same(shapely.union_all(halves), one, shown), f"{self.seam}, {number}: no whole picture"


@pytest.fixture(scope="module")
def lay(
    server: Server, worker_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AbstractContextManager[World]]:
    """Make a world in a database of its own."""

    @contextmanager
    def laid(layers: Mapping[str, tuple[int, ...]], **options: int) -> Iterator[World]:
        name = f"seams_{worker_name}_{uuid4().hex[:6]}"
        found = World(Database(settings_for(server.create(name, TEMPLATE))))
        build(found, layers, tmp_path_factory.mktemp("seams"), **options)
        yield found
        found.database.dispose()
        server.drop(name)

    return laid


@pytest.fixture(scope="module")
def world(lay: Callable[..., AbstractContextManager[World]]) -> Iterator[World]:
    """Every coordinate system once: points in every other, areas in those between."""
    layers = {"tourism_points": SYSTEMS[::2], "growing_areas": SYSTEMS[1::2], "addresses": SYSTEMS[5:7]}
    with lay(layers, seed=2026, times=2) as found:
        yield found


def check(world: World, layer: str, count: int) -> None:
    """Look at random borders of a layer."""
    seams = with_deeper(world.seams[layer], count, np.random.default_rng(1))
    ids, shapes, tree = world.truth[layer]
    with world.database.read() as connection:
        tiles = Tiles(connection, layer)
        drawn_by_both = 0
        for seam in seams:
            part = 1 << (MAX_ZOOM - seam.z)
            around = shapely.union_all([box(address, BUFFER + BOX_UNITS) for address in seam.tiles])
            there = tree.query(shapely.affinity.scale(around, part, part, origin=(0, 0)), predicate="intersects")
            near = shapely.transform(shapes[there], lambda places, part=part: places / part)
            truth = dict(zip(ids[there].tolist(), near.tolist(), strict=True))
            before, behind = (tiles.drawn(address) for address in seam.tiles)
            drawn_by_both += Sight(seam, (before, behind), truth).check()
    assert len(seams) == count
    assert drawn_by_both > count


@pytest.mark.parametrize(("layer", "count"), SEAMS.items())
def test_both_sides_of_a_border_draw_what_is_there(world: World, layer: str, count: int) -> None:
    check(world, layer, count)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_both_sides_draw_what_is_there_for_every_layer_in_every_system(
    lay: Callable[..., AbstractContextManager[World]],
) -> None:
    with lay(dict.fromkeys(SEAMS, SYSTEMS), seed=7, times=3) as world:
        for layer in SEAMS:
            check(world, layer, len(set(world.seams[layer])))
