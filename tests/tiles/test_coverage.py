"""Areas that share borders have neither gaps nor overlaps between them, at any zoom and after any edit."""

from collections.abc import Callable, Iterator
from typing import Any

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from sqlalchemy import Connection, text

from geodata.coverage import simplified
from geodata.db import Database
from geodata.drawing import LOW_TOLERANCE_M, MID_TOLERANCE_M
from geodata.register import MAX_ZOOM
from geodata.registers import get_register
from tests.conftest import TEMPLATE, Server, settings_for
from tests.geodata.builders import publish
from tests.geodata.series import remove, unit, village
from tests.tiles.area_sums import WIDEST, margin_m, measure
from tests.tiles.patchwork import moved, moved_everywhere, patchwork, turned, walk

COMMUNES = [turned(area, 150 * at) for at, area in enumerate(patchwork(108.0, 16.0, 0.3, 3, seed=1, vertices=400))]
WHOLE = shapely.union_all(COMMUNES)
ISLET = shapely.box(112.0, 15.9, 112.0009, 15.9009)
"""About 100 m across."""

ZOOMS = range(5, MAX_ZOOM + 1)
Edit = Callable[[Connection], Any]


def commune(at: int, **changes: Any) -> dict[str, Any]:
    return unit(f"9910{at}", **{"geom": COMMUNES[at % 9], "province_code": "48", **changes})


@pytest.fixture(scope="module")
def world(server: Server, worker_name: str) -> Iterator[Database]:
    """Nine communes with winding borders, and one that is an islet."""
    name = f"coverage_{worker_name}"
    found = Database(settings_for(server.create(name, TEMPLATE)))
    with found.worker() as connection:
        publish(connection, "communes", [*(commune(at) for at in range(9)), commune(9, geom=ISLET)])
    yield found
    found.dispose()
    server.drop(name)


@pytest.fixture
def edited(world: Database) -> Iterator[Connection]:
    """The communes, for changes that are taken back after the test."""
    with world._worker.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.mark.parametrize("z", [5, 7, 8, 11, 13])
def test_neighbours_leave_no_gap_and_no_overlap(world: Database, z: int) -> None:
    with world.read() as connection:
        sums = measure(connection, "communes", WHOLE, z, margin_m(z))
    assert sums.border > 400
    assert sums.width < WIDEST


def test_areas_that_are_simplified_one_by_one_do_leave_gaps_and_overlaps(edited: Connection) -> None:
    """What the test above must notice."""
    alone = (
        "UPDATE reg.communes_tile SET geom_mid = ST_Multi(ST_SimplifyPreserveTopology(geom, :mid)), "
        "geom_low = ST_Multi(ST_SimplifyPreserveTopology(geom, :low))"
    )
    edited.execute(text(alone), {"mid": MID_TOLERANCE_M, "low": LOW_TOLERANCE_M})
    widths = [measure(edited, "communes", WHOLE, z, margin_m(z)).width for z in (5, 7, 8, 11)]
    assert min(widths) > 20 * WIDEST


@pytest.mark.parametrize("z", ZOOMS)
def test_the_sample_s_communes_leave_no_gap_and_no_overlap(sample_database: Database, z: int) -> None:
    with sample_database.read() as connection:
        raw = connection.scalar(text("SELECT ST_AsBinary(ST_Union(geom)) FROM open.communes WHERE geom IS NOT NULL"))
        sums = measure(connection, "communes", shapely.from_wkb(bytes(raw)), z, margin_m(z))
    assert sums.border > 30
    assert sums.width < WIDEST


@pytest.mark.parametrize("z", ZOOMS)
def test_a_unit_smaller_than_a_pixel_is_drawn_as_a_point(world: Database, z: int) -> None:
    with world.read() as connection:
        tiles = walk(connection, ["communes"], ISLET.bounds, [z]).values()
        size_m = connection.scalar(text("SELECT size_m FROM open.communes_tile WHERE code = '99109'"))
    layers = [mapbox_vector_tile.decode(raw)["communes"]["features"] for _, raw in tiles if raw]
    drawn = {one["geometry"]["type"] for layer in layers for one in layer if one["properties"]["code"] == "99109"}
    assert drawn == {"Point" if size_m < 40_075_017 / (1 << z) / 512 else "Polygon"}


# --- edits


def removing(code: str) -> Edit:
    def edit(connection: Connection) -> None:
        found = connection.scalar(text("SELECT id FROM open.communes WHERE code = :code"), {"code": code})
        assert found is not None
        remove(connection, get_register("communes"), found)

    return edit


def send(*rows: dict[str, Any]) -> Edit:
    return lambda connection: publish(connection, "communes", rows)


NODE, INNER = (shapely.get_coordinates(COMMUNES[4])[at - 600] for at in (0, 130))
EDITS: dict[str, Edit] = {
    "one vertex of one": send(commune(4, geom=moved(COMMUNES[4], 130, 900))),
    "a vertex of a border": send(*(commune(at, geom=area) for at, area in enumerate(moved_everywhere(COMMUNES, INNER, 900)) if at in (1, 3, 4, 5, 7))),
    "the place where four meet": send(*(commune(at, geom=area) for at, area in enumerate(moved_everywhere(COMMUNES, NODE, 900)) if at in (0, 1, 3, 4))),
    "one removed": removing("99104"),
    "two become one": lambda connection: (removing("99101")(connection), send(commune(4, geom=COMMUNES[4].union(COMMUNES[1])))(connection)),
    "one added": send(commune(9, geom=shapely.affinity.translate(ISLET, -3.5))),
    "a name": send(commune(4, full_name="Phường Mới")),
}  # fmt: skip


def copies(connection: Connection) -> dict[int, tuple[bytes, ...]]:
    columns = ", ".join(f"ST_AsBinary({name})" for name in ("geom", "geom_mid", "geom_low"))
    rows = connection.execute(text(f"SELECT id, {columns} FROM reg.communes_tile WHERE geom IS NOT NULL ORDER BY id"))
    return {row[0]: tuple(map(bytes, row[1:])) for row in rows}


@pytest.mark.parametrize("case", EDITS)
def test_after_an_edit_the_copies_are_those_of_the_layer_drawn_whole(edited: Connection, case: str) -> None:
    EDITS[case](edited)
    found = copies(edited)
    shapes = shapely.from_wkb(np.array([shape for shape, _, _ in found.values()], dtype=object))
    for at, tolerance_m in ((1, MID_TOLERANCE_M), (2, LOW_TOLERANCE_M)):
        wanted = shapely.to_wkb(simplified(shapes, tolerance_m))
        assert [copy[at] for copy in found.values()] == list(wanted)


def test_an_edit_that_moves_nothing_leaves_all_copies(edited: Connection) -> None:
    before = copies(edited)
    EDITS["a name"](edited)
    assert copies(edited) == before


def test_the_copies_have_vertices_of_the_areas_alone(world: Database) -> None:
    with world.worker() as connection:
        found = copies(connection)
    for shape, *others in found.values():
        corners = set(map(tuple, shapely.get_coordinates(shapely.from_wkb(shape))))
        fewer = [set(map(tuple, shapely.get_coordinates(shapely.from_wkb(other)))) for other in others]
        assert fewer[1] <= corners >= fewer[0]


# --- areas that do not fit together


def test_areas_that_overlap_stay_valid_and_whole(connection: Connection) -> None:
    shapes = patchwork(108.0, 16.0, 0.05, 2, seed=2)
    over = [shapely.affinity.translate(shapes[0], 0.004, 0.003), shapes[0], shapely.box(108.01, 16.01, 108.02, 16.02)]
    publish(
        connection, "villages", [village(f"Thôn {at}", geom=shape) for at, shape in enumerate([*shapes[1:], *over])]
    )
    query = (
        "SELECT bool_and(ST_IsValid(geom_mid) AND ST_IsValid(geom_low)), min(ST_Area(geom_mid) / ST_Area(geom)), "
        "max(ST_Area(geom_mid) / ST_Area(geom)), count(geom_low) FROM reg.villages_tile"
    )
    is_valid, least, most, count = connection.execute(text(query)).one()
    assert (is_valid, count) == (True, 6)
    assert 0.99 < least <= most < 1.01


def test_an_area_that_breaks_in_company_is_simplified_by_itself() -> None:
    bow = shapely.MultiPolygon([shapely.Polygon([(0, 0), (100, 100), (100, 0), (0, 100)])])
    whole = shapely.MultiPolygon([shapely.box(100, 0, 200, 100)])
    found = simplified(np.array([bow, whole], dtype=object), 3.0)
    assert [one.geom_type for one in found] == ["MultiPolygon", "MultiPolygon"]
    assert not any(one.is_empty for one in found)
