"""An edit gives a new version to exactly the tiles that it changed: all tiles of a neighbourhood, before and after."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import shapely
from shapely import Point
from sqlalchemy import Connection, text

import geodata.stamps
from geodata.db import SYSTEM, Database
from geodata.registers import discover, get_register
from geodata.rollback import roll_back
from tests.conftest import TEMPLATE, Server, settings_for
from tests.geodata.builders import agency, field_of, household, publish, sight
from tests.geodata.series import remove, unit, village
from tests.tiles.patchwork import Seen, assert_exact, moved, moved_everywhere, patchwork, walk

SIZE = 0.1
BOX = (108.0, 16.0, 108.0 + SIZE, 16.0 + SIZE)
COMMUNES = patchwork(108.0, 16.0, SIZE, 3, seed=1)
VILLAGES = patchwork(108.04, 16.04, 0.02, 2, seed=2, vertices=30)
FIELDS = patchwork(108.01, 16.01, 0.01, 2, seed=3, vertices=20)
HOME = Point(108.050123, 16.050321)
PRIVATE = {"head_name": "Nguyễn Thị Mẫu", "phone": "0900000001"}
EDGE = Point(-180 + 360 / 2**14 * 13107, 16.05)
"""On the edge between two tiles of zoom 14."""

Edit = Callable[[Connection], Any]


def commune(at: int, **changes: Any) -> dict[str, Any]:
    return unit(f"9910{at}", **{"geom": COMMUNES[at], "province_code": "48", **changes})


def area(at: int, **changes: Any) -> dict[str, Any]:
    return field_of(f"VN-A-{at}", **{"geom": FIELDS[at % 4], **changes})


def send(register: str, *rows: dict[str, Any]) -> Edit:
    return lambda connection: publish(connection, register, rows)


def removing(register: str, label: str, value: str) -> Edit:
    def edit(connection: Connection) -> None:
        query = text(f"SELECT id FROM open.{register} WHERE {label} = :value")
        found = connection.scalar(query, {"value": value})
        assert found is not None
        remove(connection, get_register(register), found)

    return edit


def undoing(register: str) -> Edit:
    def edit(connection: Connection) -> None:
        number = connection.scalar(text("SELECT max(number) FROM ops.revision WHERE register = :r"), {"r": register})
        assert roll_back(connection, get_register(register), number, SYSTEM).revision == number + 1

    return edit


def near(place: Point, east_m: float, north_m: float = 0.0) -> Point:
    return Point(place.x + east_m / 107_000, place.y + north_m / 110_600)


@pytest.fixture(scope="module")
def world(server: Server, worker_name: str) -> Iterator[tuple[Database, Seen]]:
    """A neighbourhood with all layers, and what every tile of it shows."""
    name = f"stamps_{worker_name}"
    found = Database(settings_for(server.create(name, TEMPLATE)))
    random = np.random.default_rng(4)
    places = [Point(*place) for place in random.uniform(BOX[:2], BOX[2:], (60, 2))]
    with found.worker() as connection:
        publish(connection, "communes", [commune(at) for at in range(9)])
        publish(connection, "provinces", [unit("48", geom=shapely.union_all(COMMUNES))])
        publish(connection, "villages", [village(f"Thôn {at}", geom=shape) for at, shape in enumerate(VILLAGES)])
        publish(connection, "growing_areas", [area(at) for at in range(4)])
        publish(connection, "tourism_points", [sight(f"Làng {at}", geom=place) for at, place in enumerate(places[:9])])
        rows = [agency(f"{at:010}", geom=place) for at, place in enumerate(places)]
        publish(connection, "addresses", [*rows, household("0000009999", geom=HOME, house_number="1", **PRIVATE)])
    with found.worker() as connection:
        yield found, walk(connection, discover(), BOX)
    found.dispose()
    server.drop(name)


def home(**changes: Any) -> Edit:
    return send("addresses", household("0000009999", **{"geom": HOME, **changes}))


BORDER = shapely.get_coordinates(COMMUNES[4])[30]
BOTH = list(moved_everywhere([COMMUNES[1], COMMUNES[4]], BORDER, 90))

SEEN: dict[str, tuple[str, Edit]] = {
    "address moved within its tile": ("addresses", home(geom=near(HOME, 40))),
    "address moved to another tile": ("addresses", home(geom=near(HOME, 3000, 2500))),
    "address moved into the buffer of the next tile": ("addresses", home(geom=near(EDGE, 20))),
    "address moved out of the region": ("addresses", home(geom=Point(106, 20))),
    "house number of an address": ("addresses", home(house_number="2")),
    "kind of an address": ("addresses", send("addresses", agency("0000009999", geom=HOME))),
    "address removed": ("addresses", removing("addresses", "code", "0000000007")),
    "address added": ("addresses", send("addresses", agency("0000008888", geom=near(HOME, 700)))),
    "sight in another category": ("tourism_points", send("tourism_points", sight("Làng 3", category="homestay"))),
    "vertex of a growing area": ("growing_areas", send("growing_areas", area(1, geom=moved(FIELDS[1], 10, 5)))),
    "crop of a growing area": ("growing_areas", send("growing_areas", area(1, crop="Xoài"))),
    "growing area that has become a point": ("growing_areas", send("growing_areas", area(2, geom=Point(108.015, 16.015)))),
    "growing area withdrawn from maps": ("growing_areas", send("growing_areas", area(3, status="revoked"))),
    "growing area added": ("growing_areas", send("growing_areas", area(7, geom=shapely.affinity.translate(FIELDS[0], 0.03, 0.03)))),
    "growing area removed": ("growing_areas", removing("growing_areas", "code", "VN-A-0")),
    "vertex of one commune": ("communes", send("communes", commune(4, geom=moved(COMMUNES[4], 30, 90)))),
    "vertex of a border between two communes": ("communes", send("communes", commune(1, geom=BOTH[0]), commune(4, geom=BOTH[1]))),
    "name of a commune": ("communes", send("communes", commune(4, full_name="Phường Mới"))),
    "commune removed": ("communes", removing("communes", "code", "99104")),
    "vertex of a village": ("villages", send("villages", village("Thôn 1", geom=moved(VILLAGES[1], 10, 30)))),
    "vertex of a province": ("provinces", send("provinces", unit("48", geom=moved(shapely.union_all(COMMUNES), 10, 500)))),
}  # fmt: skip
UNSEEN: dict[str, tuple[str, Edit]] = {
    "phone of a household": ("addresses", home(phone="0900000002")),
    "street of an address": ("addresses", home(street="Đường Mới")),
    "address moved by a centimetre": ("addresses", home(geom=near(HOME, 0.01))),
    "certificate of a growing area": ("growing_areas", send("growing_areas", area(1, certificate="VietGAP"))),
    "vertex of a growing area moved by a millimetre": ("growing_areas", send("growing_areas", area(1, geom=moved(FIELDS[1], 10, 0.001)))),
    "size of a commune": ("communes", send("communes", commune(4, area_km2=12.5))),
    "note on a province": ("provinces", send("provinces", unit("48", geom=shapely.union_all(COMMUNES), legal_note="Nghị quyết 1"))),
}  # fmt: skip
EDITS = SEEN | UNSEEN
UNDONE = ("address moved to another tile", "address removed", "growing area withdrawn from maps", "vertex of one commune", "commune removed")  # fmt: skip


@pytest.fixture
def edited(world: tuple[Database, Seen]) -> Iterator[Connection]:
    """The neighbourhood, for changes that are taken back after the test."""
    with world[0]._worker.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.mark.parametrize("case", EDITS)
def test_exactly_the_tiles_that_show_another_content_get_another_version(
    world: tuple[Database, Seen], edited: Connection, case: str
) -> None:
    layer, edit = EDITS[case]
    edit(edited)
    after = walk(edited, [layer], BOX)
    before = {tile: seen for tile, seen in world[1].items() if tile in after}
    assert assert_exact(before, after) == (case in SEEN)


@pytest.mark.parametrize("case", UNDONE)
def test_undoing_gives_another_version_to_exactly_the_tiles_that_change_back(
    world: tuple[Database, Seen], edited: Connection, case: str
) -> None:
    layer, edit = EDITS[case]
    edit(edited)
    before = walk(edited, [layer], BOX)
    undoing(layer)(edited)
    after = walk(edited, [layer], BOX)
    assert assert_exact(before, after)
    assert {tile: seen[1] for tile, seen in after.items()} == {tile: world[1][tile][1] for tile in after}


@pytest.mark.long
def test_one_edit_after_another_changes_the_versions_of_all_layers_exactly(
    world: tuple[Database, Seen], edited: Connection
) -> None:
    before = world[1]
    for case in ("vertex of one commune", "address moved to another tile", "kind of an address", "vertex of a village"):
        EDITS[case][1](edited)
        after = walk(edited, discover(), BOX)
        assert assert_exact(before, after)
        before = after


def test_a_step_over_the_edge_of_a_tile_changes_both_sides(world: tuple[Database, Seen], edited: Connection) -> None:
    home(geom=near(EDGE, 1))(edited)
    before = walk(edited, ["addresses"], BOX)
    home(geom=near(EDGE, -1))(edited)
    after = walk(edited, ["addresses"], BOX)
    assert_exact(before, after)
    changed = {
        tile for (_, tile), (stamp, _) in after.items() if stamp != before["addresses", tile][0] and tile[0] == 14
    }
    assert {x for _, x, _ in changed} == {13106, 13107}


@pytest.mark.parametrize("case", ["vertex of one commune", "address moved to another tile", "growing area removed"])
def test_where_comparing_takes_too_long_every_changed_tile_is_stamped_and_few_more(
    world: tuple[Database, Seen], edited: Connection, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setattr(geodata.stamps, "MOST_WORK", 0)
    layer, edit = EDITS[case]
    edit(edited)
    after = walk(edited, [layer], BOX)
    changed = {tile for tile in after if after[tile][1] != world[1][tile][1]}
    stamped = {tile for tile in after if after[tile][0] != world[1][tile][0]}
    assert changed <= stamped < after.keys()


@pytest.mark.long
def test_a_file_of_100_000_stamps_every_tile_that_it_changes(world: tuple[Database, Seen], edited: Connection) -> None:
    random = np.random.default_rng(5)
    first, second = random.uniform((107.95, 15.95), (108.15, 16.15), (2, 100_000, 2))
    for places in (first, np.where(np.arange(100_000)[:, None] % 3, first, second)):
        before = walk(edited, ["addresses"], (107.95, 15.95, 108.15, 16.15))
        rows = [agency(f"1{at:09}", geom=Point(*place)) for at, place in enumerate(places)]
        publish(edited, "addresses", rows)
        # As after a load in production: without statistics the second file is matched row by row.
        edited.execute(text("ANALYZE"))
        after = walk(edited, ["addresses"], (107.95, 15.95, 108.15, 16.15))
        changed = {tile for tile in after if after[tile][1] != before[tile][1]}
        assert len(changed) > 50
        assert all(after[tile][0] > before[tile][0] for tile in changed)


CROWD_AROUND = """INSERT INTO reg.growing_areas_tile (id, code, status, crop, area_ha, size_m, point)
    SELECT 1000000 + n, 'VN-B-' || n, 'active', 'Chè', 1, 10, ST_Translate(point, (n % 60 - 30) * 800, (n / 60 - 25) * 800)
    FROM reg.growing_areas_tile, generate_series(1, 3000) n WHERE code = 'VN-A-1'"""


def test_a_crowded_tile_that_draws_another_of_its_small_areas_gets_another_version(connection: Connection) -> None:
    def small(code: str, metres: float) -> dict[str, Any]:
        return field_of(code, geom=shapely.box(108.05, 16.05, 108.05 + metres / 111_320, 16.05 + metres / 111_320))

    publish(connection, "growing_areas", [small("VN-A-1", 20), small("VN-A-2", 22)])
    connection.execute(text(CROWD_AROUND))
    zooms = range(5, 12)
    before = walk(connection, ["growing_areas"], BOX, zooms)
    publish(connection, "growing_areas", [small("VN-A-1", 25)])
    after = walk(connection, ["growing_areas"], BOX, zooms)
    assert assert_exact(before, after)
