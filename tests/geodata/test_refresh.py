"""What is derived from a register equals what the register holds, after every publish."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from shapely import Point
from sqlalchemy import Connection, text

from geodata.derived import geometry_names
from geodata.register import MAX_ZOOM, Register
from geodata.registers import get_register
from tests.geodata.builders import COMMUNE, Row, agency, field_of, household, publish, sight
from tiles.grid import BUFFER, EXTENT, HALF_WORLD_M
from tiles.sql import tile_sql

TO_MERCATOR = pyproj.Transformer.from_crs(4326, 3857, always_xy=True)
TO_DEGREES = pyproj.Transformer.from_crs(3857, 4326, always_xy=True)
COUNTED = range(13)
CELL = 1 / 16
"""Zooms at which addresses are counts per cell."""

Address = tuple[int, int, int]


def scattered(count: int, seed: int) -> list[Point]:
    random = np.random.default_rng(seed)
    return [Point(*place) for place in random.uniform((107.9, 15.9), (108.4, 16.3), (count, 2)).round(9)]


def tile_of(place: Point, z: int, margin: float = 0.0) -> set[Address]:
    """Return the tiles within ``margin`` tiles of a place, by the formula of the matrix set."""
    size_m = 2 * HALF_WORLD_M / (1 << z)
    x, y = TO_MERCATOR.transform(place.x, place.y)
    across, down = (x + HALF_WORLD_M) / size_m, (HALF_WORLD_M - y) / size_m
    return {(z, int(across + dx), int(down + dy)) for dx in (-margin, margin) for dy in (-margin, margin)}


def stamps(connection: Connection, layer: str) -> dict[Address, int]:
    rows = connection.execute(
        text("SELECT z, x, y, revision FROM ops.tile_stamp WHERE layer = :layer"), {"layer": layer}
    )
    return {(z, x, y): revision for z, x, y, revision in rows}


def tile(connection: Connection, layer: str, address: Address) -> bytes:
    z, x, y = address
    statement = tile_sql((layer,), z).replace("$1::int", str(x)).replace("$2::int", str(y))
    return bytes(connection.exec_driver_sql(statement.replace("%", "%%")).one().tile)


def mercator(x: float, y: float) -> Point:
    lon, lat = TO_DEGREES.transform(x, y)
    return Point(round(lon, 9), round(lat, 9))


# --- the slim copy


def assert_slim_copy_is_right(connection: Connection, register: Register) -> None:
    """Compare the slim copy with the public view, which reads the register itself."""
    place = f"coalesce({', '.join(geometry_names(register))})"
    fields = ", ".join(field.name for field in register.tile_fields)
    exact = "point" if register.geometry_kind == "point" else "coalesce(geom::geometry, point)"
    wanted = f"SELECT id, {fields}, ST_AsBinary(ST_Transform({place}, 3857)) FROM open.{register.id} WHERE {place} IS NOT NULL"
    found = f"SELECT id, {fields}, ST_AsBinary({exact}) FROM reg.{register.id}_tile"
    rows = [connection.execute(text(f"{query} ORDER BY id")).all() for query in (wanted, found)]
    assert rows[0] == rows[1]
    assert rows[0]


@pytest.mark.parametrize(
    ("register", "first", "then"),
    [
        ("addresses", [agency("0000000001"), household("0000000002")], [agency("0000000001", house_number="7"), agency("0000000003")]),
        ("addresses", [agency("0000000001")], [agency("0000000001", geom=Point(108.2, 16.2))]),
        ("growing_areas", [field_of("VN-A-1"), field_of("VN-A-2", geom=Point(108, 16))], [field_of("VN-A-2"), field_of("VN-A-3")]),
        ("tourism_points", [sight("A"), sight("B")], [sight("B", category="homestay"), sight("C")]),
        ("villages", [sight("A"), sight("B", geom=shapely.box(108, 16, 108.1, 16.1))], [sight("A", geom=shapely.box(108, 16, 108.1, 16.1))]),
        ("communes", [{"code": COMMUNE, "name": "X", "full_name": "X", "province_code": "48", "geom": shapely.box(108, 16, 108.1, 16.1)}],
         [{"code": COMMUNE, "name": "X", "full_name": "Phường Y", "province_code": "48", "geom": shapely.box(108, 16, 108.2, 16.1)}]),
    ],
)  # fmt: skip
def test_the_slim_copy_equals_the_register(
    connection: Connection, register: str, first: list[Row], then: list[Row]
) -> None:
    publish(connection, register, first)
    assert_slim_copy_is_right(connection, get_register(register))
    publish(connection, register, then)
    assert_slim_copy_is_right(connection, get_register(register))


def test_the_slim_copy_carries_nothing_that_tiles_do_not(connection: Connection) -> None:
    columns = connection.scalars(
        text(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'reg' AND table_name = 'addresses_tile'"
        )
    )
    assert set(columns) == {"id", "kind", "house_number", "point"}


def test_simplified_copies_stay_valid_areas(connection: Connection) -> None:
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    wobbly = shapely.Polygon(
        np.column_stack([108.2 + 0.05 * np.cos(angles) * (1 + np.sin(40 * angles) / 9), 16 + 0.05 * np.sin(angles)])
    )
    publish(connection, "growing_areas", [field_of("VN-A-1", geom=wobbly)])
    query = (
        "SELECT ST_IsValid(geom_mid), ST_IsValid(geom_low), ST_NPoints(geom) > ST_NPoints(geom_mid), "
        "ST_NPoints(geom_mid) > ST_NPoints(geom_low), ST_Contains(geom, point) FROM reg.growing_areas_tile"
    )
    assert tuple(connection.execute(text(query)).one()) == (True,) * 5


# --- counts per cell


def assert_counts_are_right(connection: Connection, places: Iterable[Point]) -> None:
    """Compare every cell of every zoom with places counted here."""
    x, y = TO_MERCATOR.transform(*shapely.get_coordinates(list(places)).T)
    wanted: Counter[tuple[int, ...]] = Counter()
    for z in COUNTED:
        cell_m = 2 * HALF_WORLD_M / (1 << (z + 6))
        across, down = ((x + HALF_WORLD_M) // cell_m).astype(int), ((HALF_WORLD_M - y) // cell_m).astype(int)
        cells = zip([z] * len(x), across // 64, down // 64, down % 64 * 64 + across % 64, strict=True)
        wanted.update(tuple(map(int, cell)) for cell in cells)
    rows = connection.execute(text("SELECT z, x, y, cell, count FROM reg.addresses_grid"))
    assert {tuple(row[:4]): row[4] for row in rows} == dict(wanted)


def test_counts_of_every_zoom_sum_up_to_the_register_after_inserts_and_moves(connection: Connection) -> None:
    codes = [f"{number:010}" for number in range(300)]
    places = dict(zip(codes, scattered(300, seed=1), strict=True))

    def send(changed: Sequence[str]) -> None:
        publish(connection, "addresses", [agency(code, geom=places[code]) for code in changed])
        assert_counts_are_right(connection, places.values())

    send(codes)
    places |= dict(zip(codes[::3], scattered(100, seed=2), strict=True))
    send(codes[::3])
    added = [f"{number:010}" for number in range(300, 340)]
    places |= dict(zip(added + codes[:10], scattered(50, seed=3), strict=True))
    send(added + codes[:10])
    sums = connection.execute(text("SELECT z, sum(count)::int FROM reg.addresses_grid GROUP BY z ORDER BY z")).all()
    assert [tuple(row) for row in sums] == [(z, 340) for z in COUNTED]


def test_a_cell_that_is_left_is_gone(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001")])
    publish(connection, "addresses", [agency("0000000001", geom=Point(106, 20))])
    assert_counts_are_right(connection, [Point(106, 20)])


def test_a_change_without_a_move_leaves_the_counts(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001")])
    publish(connection, "addresses", [agency("0000000001", house_number="7")])
    assert_counts_are_right(connection, [Point(108.1, 16.1)])
    # Nothing in the tiles that show counts is another one; those that show the address itself are stamped.
    assert {z: revision for (z, _, _), revision in stamps(connection, "addresses").items()} == {
        **dict.fromkeys(COUNTED, 1), 13: 2, 14: 2,
    }  # fmt: skip


def test_a_move_stamps_only_those_counted_tiles_in_which_a_count_changes(connection: Connection) -> None:
    """A step of 300 m changes cells of 153 m at zoom 12, and none of the 40 km cells at zoom 4."""
    publish(connection, "addresses", [agency("0000000001", geom=Point(108.1, 16.1))])
    publish(connection, "addresses", [agency("0000000001", geom=Point(108.103, 16.1))])
    stamped = {z for (z, _, _), revision in stamps(connection, "addresses").items() if revision == 2}
    assert 12 in stamped
    assert 4 not in stamped


# --- stamps


def test_a_first_load_stamps_every_tile_it_is_drawn_in(connection: Connection) -> None:
    places = scattered(40, seed=4)
    publish(connection, "addresses", [agency(f"{n:010}", geom=place) for n, place in enumerate(places)])
    counted = {address for place in places for z in COUNTED for address in tile_of(place, z)}
    drawn = {address for place in places for z in (13, 14) for address in tile_of(place, z, BUFFER / EXTENT)}
    # And no other but those that a cell with a point in it, a sixteenth of a tile of zoom 14, reaches.
    reached = {address for place in places for z in (13, 14) for address in tile_of(place, z, CELL + BUFFER / EXTENT)}
    stamped = stamps(connection, "addresses")
    assert counted | drawn <= stamped.keys() <= counted | reached
    assert set(stamped.values()) == {1}


def test_a_move_stamps_the_tiles_of_both_places_and_no_others(connection: Connection) -> None:
    old, new, other = Point(108.1, 16.1), Point(108.3, 16.25), Point(105.8, 21.0)
    publish(connection, "tourism_points", [sight("A", geom=old), sight("B", geom=other)])
    before = stamps(connection, "tourism_points")
    publish(connection, "tourism_points", [sight("A", geom=new)])
    first_zoom = get_register("tourism_points").tile.min_zoom
    touched = {
        address
        for z in range(first_zoom, MAX_ZOOM + 1)
        for place in (old, new)
        for address in tile_of(place, z, BUFFER / EXTENT)
    }
    after = stamps(connection, "tourism_points")
    assert {address for address, revision in after.items() if revision == 2} == touched
    assert all(after[address] == 1 for address in before.keys() - touched)


def test_tiles_below_the_first_zoom_are_never_stamped(connection: Connection) -> None:
    publish(connection, "villages", [sight("A")])
    assert {z for z, _, _ in stamps(connection, "villages")} == set(range(10, MAX_ZOOM + 1))


def test_an_area_stamps_every_tile_its_box_meets(connection: Connection) -> None:
    area = shapely.box(108.0, 16.0, 108.1, 16.05)
    publish(connection, "growing_areas", [field_of("VN-A-1", geom=area)])
    corners = [Point(108.0, 16.0), Point(108.1, 16.05)]
    across, down = (
        sorted({address[axis] for corner in corners for address in tile_of(corner, 14, BUFFER / EXTENT)})
        for axis in (1, 2)
    )
    wanted = {(x, y) for x in range(across[0], across[-1] + 1) for y in range(down[0], down[-1] + 1)}
    assert {(x, y) for z, x, y in stamps(connection, "growing_areas") if z == 14} == wanted


@pytest.mark.parametrize("beyond_m", [-0.5, 0.2, 0.9])
def test_whatever_a_tile_shows_has_stamped_it_to_the_rounding_of_the_index(
    connection: Connection, beyond_m: float
) -> None:
    """The spatial index compares in single precision, so a point just beyond the buffer may be drawn all the same."""
    z, x, y = address = (14, 13111, 7466)
    size_m = 2 * HALF_WORLD_M / (1 << z)
    left, top = x * size_m - HALF_WORLD_M, HALF_WORLD_M - y * size_m
    publish(connection, "tourism_points", [sight("A", geom=mercator(left + size_m / 2, top - size_m / 2))])
    before = tile(connection, "tourism_points", address)
    publish(
        connection,
        "tourism_points",
        [sight("B", geom=mercator(left - size_m * BUFFER / EXTENT - beyond_m, top - size_m / 2))],
    )
    is_drawn = tile(connection, "tourism_points", address) != before
    is_stamped = stamps(connection, "tourism_points")[address] == 2
    assert is_stamped or not is_drawn


@pytest.mark.parametrize("register", ["addresses", "tourism_points"])
def test_a_tile_whose_content_changed_has_a_new_stamp(connection: Connection, register: str) -> None:
    def rows(seed: int) -> list[dict[str, Any]]:
        make = agency if register == "addresses" else sight
        return [make(f"{n:010}", geom=place) for n, place in enumerate(scattered(60, seed))]

    publish(connection, register, rows(seed=5))
    first = stamps(connection, register)
    sample = sorted(first)[:: max(1, len(first) // 150)]
    before = {address: tile(connection, register, address) for address in sample}
    publish(connection, register, rows(seed=6)[:5])
    second = stamps(connection, register)
    changed = {address for address in sample if tile(connection, register, address) != before[address]}
    assert changed
    assert all(second[address] == 2 for address in changed)


# --- search entries


def entries(connection: Connection, register: str) -> list[tuple[str, ...]]:
    query = text(
        "SELECT label, code, key, commune_code FROM reg.search_entry WHERE register = :register ORDER BY label"
    )
    return [tuple(row) for row in connection.execute(query, {"register": register})]


def test_named_registers_are_found_by_name_and_code(connection: Connection) -> None:
    publish(connection, "tourism_points", [sight("Làng Túy Loan")])
    publish(connection, "growing_areas", [field_of("VN-DNOR-0269")])
    assert entries(connection, "tourism_points") == [("Làng Túy Loan", None, " lang tuy loan", COMMUNE)]
    assert entries(connection, "growing_areas") == [("VN-DNOR-0269", "VN-DNOR-0269", " vn dnor 0269", COMMUNE)]


def test_a_new_name_takes_the_place_of_the_old_one(connection: Connection) -> None:
    publish(connection, "tourism_points", [sight("Làng A", slug="lang"), sight("Làng B", slug="khac")])
    publish(connection, "tourism_points", [sight("Làng Mới", slug="lang")])
    assert [entry[0] for entry in entries(connection, "tourism_points")] == ["Làng B", "Làng Mới"]


def test_addresses_are_not_listed_for_search_by_name(connection: Connection) -> None:
    publish(connection, "addresses", [agency("0000000001"), household("0000000002", head_name="Nguyễn Thị Bí Mật")])
    assert entries(connection, "addresses") == []


def test_nothing_temporary_stays_in_the_session(connection: Connection) -> None:
    for name in ("0000000001", "0000000002"):
        publish(connection, "addresses", [agency(name)])
    query = "SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r'"
    assert connection.scalar(text(query)) == 0
