"""Tiles of crowded places: what is drawn of them, what is said of the rest, and how large they become."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from geodata.db import Database
from geodata.drawing import CROWD
from geodata.registers import discover, get_register
from service.settings import ServiceSettings
from tests.tiles.crowds import (
    CITY,
    COUNTRY,
    FIELDS,
    FILL_CITY,
    FILL_COUNTRY,
    FLATS,
    Address,
    corner,
    decode,
    dropped,
    features,
    fill,
    made,
)
from tiles.grid import BUFFER, EXTENT
from tiles.lowzoom import DROPPED, LARGE_CROWD, LEVELS, MAX_TILE_BYTES, is_small_enough
from tiles.sql import tile_sql, tile_statements


@pytest.fixture
def public(crowded: ServiceSettings) -> Iterator[Connection]:
    database = Database(crowded)
    with database.read() as connection:
        yield connection
    database.dispose()


def fetch(connection: Connection, layers: str, address: Address, thinning: int = 0) -> bytes:
    z, x, y = address
    statement = tile_sql(tuple(layers.split()), z, thinning).replace("$1::int", str(x)).replace("$2::int", str(y))
    return bytes(connection.exec_driver_sql(statement.replace("%", "%%")).one().tile)


# --- growing areas below a pixel


def test_a_crowd_of_small_areas_is_thinned_and_says_so(public: Connection) -> None:
    raw = fetch(public, "growing_areas", COUNTRY)
    drawn = features(raw, "growing_areas")
    assert FIELDS > CROWD
    assert dropped(raw) == {"growing_areas": (FIELDS - len(drawn), len(drawn))}
    assert {feature["geometry"]["type"] for feature in drawn} == {"Point"}


def test_each_square_draws_its_largest_area_and_of_equals_the_first(public: Connection) -> None:
    west, north, size = corner(COUNTRY)
    rows = public.execute(
        text("SELECT id, size_m, floor(floor((ST_X(point) - :west) / :unit + 0.5) / 32), floor(floor((:north - ST_Y(point)) / :unit + 0.5) / 32) FROM open.growing_areas_tile WHERE id > 1000"),
        {"west": west, "north": north, "unit": size / 4096},
    ).all()  # fmt: skip
    first: dict[tuple[int, int], tuple[int, int]] = {}
    for number, size_m, across, down in rows:
        best = first.setdefault((across, down), (-size_m, number))
        first[across, down] = min(best, (-size_m, number))
    drawn = {feature["id"] for feature in features(fetch(public, "growing_areas", COUNTRY), "growing_areas")}
    assert drawn == {number for _, number in first.values()}


def test_a_few_small_areas_are_all_drawn(connection: Connection) -> None:
    fill(connection, FILL_COUNTRY, COUNTRY, CROWD)
    raw = fetch(connection, "growing_areas", COUNTRY)
    assert len(features(raw, "growing_areas")) == CROWD
    assert set(decode(raw)) == {"growing_areas"}
    fill(connection, FILL_COUNTRY.replace("SELECT n, 'VN-A-'", "SELECT n + 100000, 'VN-B-'"), COUNTRY, 1)
    assert sum(dropped(fetch(connection, "growing_areas", COUNTRY))["growing_areas"]) == CROWD + 1


def test_neighbouring_tiles_draw_the_same_areas_at_their_seam(public: Connection, connection: Connection) -> None:
    """The city's tile is the middle of four, so that each has a crowd on both sides of the seam."""
    fill(connection, FILL_COUNTRY, (8, 203, 113), 4 * FIELDS)
    left, right = (8 + 1, 406, 226), (8 + 1, 407, 226)
    places = []
    for z, x, y in (left, right):
        found = features(fetch(connection, "growing_areas", (z, x, y)), "growing_areas")
        moved = {
            (f["id"], f["geometry"]["coordinates"][0] + x * EXTENT, f["geometry"]["coordinates"][1]) for f in found
        }
        places.append({one for one in moved if abs(one[1] - 407 * EXTENT) < BUFFER})
    assert places[0] == places[1]
    assert len(places[0]) > 20


def test_what_is_dropped_sums_up_over_the_tiles_of_a_zoom(connection: Connection) -> None:
    """Buffers overlap; each record left out is told of by one tile alone."""
    fill(connection, FILL_COUNTRY, (8, 203, 113), 4 * FIELDS)
    shown: set[int] = set()
    left_out = 0
    for x in (406, 407):
        for y in (226, 227):
            raw = fetch(connection, "growing_areas", (9, x, y))
            shown |= {feature["id"] for feature in features(raw, "growing_areas")}
            left_out += dropped(raw)["growing_areas"][0]
    assert len(shown) + left_out == 4 * FIELDS


@pytest.mark.parametrize("register", ["provinces", "communes"])
def test_units_are_never_thinned(register: str) -> None:
    rule = get_register(register).tile
    assert rule.keeps_all
    assert "row_number" not in tile_sql((register,), max(rule.min_zoom, 5))


def test_a_crowd_of_a_hundred_thousand_areas_makes_a_small_tile(connection: Connection) -> None:
    fill(connection, FILL_COUNTRY, (7, 101, 56), LARGE_CROWD + 5_000)
    raw = fetch(connection, "growing_areas", (7, 101, 56))
    assert sum(dropped(raw)["growing_areas"]) == LARGE_CROWD + 5_000
    assert len(raw) < 300_000


# --- tiles that are too large


@pytest.mark.parametrize("address", [CITY, (13, 6500, 3600)])
def test_no_tile_of_a_city_is_too_large(crowded: ServiceSettings, public: Connection, address: Address) -> None:
    assert len(fetch(public, "addresses", address)) > 2 * MAX_TILE_BYTES
    raw = made(crowded, ("addresses",), address)
    assert 100_000 < len(raw) <= MAX_TILE_BYTES
    assert sum(dropped(raw)["addresses"]) == FLATS
    drawn = features(raw, "addresses")
    assert len(drawn) == dropped(raw)["addresses"][1]
    assert {frozenset(feature["properties"]) for feature in drawn} == {frozenset({"kind", "house_number"})}
    assert raw == made(crowded, ("addresses",), address)


def test_a_tile_that_is_small_enough_is_the_one_of_the_first_statement(
    crowded: ServiceSettings, public: Connection
) -> None:
    z, x, y = CITY
    assert made(crowded, ("growing_areas",), COUNTRY) == fetch(public, "growing_areas", COUNTRY)
    beside = (z, x + 1, y)
    assert made(crowded, ("addresses",), beside) == fetch(public, "addresses", beside)


def test_each_level_draws_one_point_of_a_square_in_a_fixed_order_and_fewer_than_the_one_before(
    public: Connection,
) -> None:
    sizes, before = [], FLATS
    for thinning, level in enumerate(LEVELS):
        raw = fetch(public, "addresses", CITY, thinning)
        drawn = features(raw, "addresses")
        sizes.append(len(raw))
        if level is not None:
            side = EXTENT // level.squares
            squares = [tuple(part // side for part in one["geometry"]["coordinates"]) for one in drawn]
            assert len(set(squares)) == len(squares) < before
            assert [one["id"] for one in drawn] == sorted(one["id"] for one in drawn)
            assert all(bool(one["properties"]) == level.has_properties for one in drawn)
        before = len(drawn)
    assert sizes == sorted(sizes, reverse=True)
    assert is_small_enough(b"0" * sizes[3])
    assert sizes[-1] < 10_000


def test_the_coarsest_tile_of_six_full_layers_is_small_enough(connection: Connection) -> None:
    """Each square of each layer holds at most one record without its fields, so the worst tile has a bound."""
    fill(connection, FILL_CITY, CITY, 5_000)
    raw = fetch(connection, "addresses", CITY, len(LEVELS) - 1)
    assert len(features(raw, "addresses")) <= 18 * 18
    assert 6 * len(raw) < MAX_TILE_BYTES // 4


def test_several_thinned_layers_share_one_layer_of_what_is_dropped(connection: Connection) -> None:
    fill(connection, FILL_CITY, CITY, 4_000)
    fill(connection, FILL_COUNTRY, CITY, 3_000)
    raw = fetch(connection, "addresses growing_areas communes", CITY, thinning=4)
    assert set(dropped(raw)) == {"addresses", "growing_areas"}
    assert {tuple(f["geometry"]["coordinates"]) for f in features(raw, DROPPED)} == {(EXTENT // 2, EXTENT // 2)}
    # A layer that stands twice in a tile is against the specification: clients read one of the two.
    assert raw.count(b"\x0a\x07dropped") == 1


@pytest.mark.parametrize("register", discover())
@pytest.mark.parametrize("z", [0, 7, 13])
def test_every_statement_of_a_tile_reads_public_views_alone(register: str, z: int) -> None:
    statements = list(tile_statements((register,), z))
    assert len(statements) == len(LEVELS)
    assert statements[0] == tile_sql((register,), z)
    for statement in statements:
        assert "reg." not in statement
        assert "ops." not in statement
    assert list(tile_statements((), z)) == []
