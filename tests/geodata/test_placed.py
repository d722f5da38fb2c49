"""Points of the largest zoom in their tiles: the same as the slim copy says, after a first load and after every edit."""

import itertools

import numpy as np
import pytest
from shapely import Point
from sqlalchemy import Connection, text
from sqlalchemy.dialects import postgresql

from geodata.db import PUBLIC_ROLE
from geodata.drawing import BUFFER, EXTENT, HALF_WORLD_M, encoded
from geodata.placed import is_placed, place_all
from geodata.register import MAX_ZOOM
from geodata.registers import get_register
from tests.geodata.builders import Row, agency, household, publish, set_policy, take_role
from tests.geodata.test_refresh import mercator
from tiles.sql import _placed_points, _records

ADDRESSES = get_register("addresses")
SIZE_M = 2 * HALF_WORLD_M / (1 << MAX_ZOOM)
UNIT_M = SIZE_M / EXTENT
COLUMN, ROW = 13111, 7466
"""A tile of Đà Nẵng; these tests fill it and those around it."""

AROUND = [(COLUMN + dx, ROW + dy) for dx, dy in itertools.product((-1, 0, 1), repeat=2)]


def at(across: float, down: float) -> Point:
    """Return the place at these units of the tile."""
    return mercator(COLUMN * SIZE_M - HALF_WORLD_M + across * UNIT_M, HALF_WORLD_M - ROW * SIZE_M - down * UNIT_M)


def everywhere() -> list[Row]:
    """Return addresses at random and on every edge that decides which tiles show them."""
    edges = [
        e + d for e in (-BUFFER, 0, BUFFER, EXTENT - BUFFER, EXTENT, EXTENT + BUFFER) for d in (-0.7, -0.5, 0, 0.4, 0.6)
    ]
    random = np.random.default_rng(14).uniform(-EXTENT, 2 * EXTENT, (200, 2))
    places = [*itertools.product(edges, edges), *random]
    kinds = itertools.cycle((agency, household))
    return [next(kinds)(f"{n:010}", geom=at(*place), house_number=f"{n % 7}") for n, place in enumerate(places)]


def drawn(connection: Connection) -> dict[str, list[bytes]]:
    """Return all tiles, from the placed points and from the slim copy."""
    found = {}
    for name, rows in (("placed", _placed_points(ADDRESSES)), ("slim", _records(ADDRESSES, MAX_ZOOM, None))):
        dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]  # untyped upstream
        statement = str(encoded(ADDRESSES, rows).compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
        found[name] = [
            bytes(connection.exec_driver_sql(
                f"SELECT {statement.replace('$1::int', str(x)).replace('$2::int', str(y)).replace('%', '%%')}"
            ).scalar_one())
            for x, y in AROUND
        ]  # fmt: skip
    return found


def assert_all_are_placed(connection: Connection) -> None:
    tiles = drawn(connection)
    assert tiles["placed"] == tiles["slim"]
    assert all(tiles["slim"])


def test_points_are_placed_after_a_first_load_and_not_twice(connection: Connection) -> None:
    publish(connection, "addresses", everywhere())
    assert not is_placed(connection, ADDRESSES)
    for _ in range(2):
        place_all(connection)
        assert is_placed(connection, ADDRESSES)
        assert_all_are_placed(connection)


@pytest.mark.parametrize(
    "then",
    [
        [agency("0000000000", geom=at(2000, 2000)), agency("0000000002", geom=at(-3000, 10))],
        [agency("0000000000", geom=at(0, 0)), household("0000000001", geom=at(EXTENT, -BUFFER), house_number="88")],
        [agency("0000009999", geom=at(EXTENT + BUFFER, 7))],
    ],
    ids=["moved away", "moved onto edges", "added"],
)
def test_edits_move_placed_points(connection: Connection, then: list[Row]) -> None:
    publish(connection, "addresses", everywhere())
    place_all(connection)
    before = drawn(connection)["placed"]
    publish(connection, "addresses", then)
    assert_all_are_placed(connection)
    assert drawn(connection)["placed"] != before


def test_an_edit_before_the_points_are_placed_is_placed_with_them(connection: Connection) -> None:
    publish(connection, "addresses", everywhere())
    publish(connection, "addresses", [agency("0000000000", geom=at(2000, 2000))])
    assert not is_placed(connection, ADDRESSES)
    place_all(connection)
    assert_all_are_placed(connection)


@pytest.mark.parametrize("policy", ["lookup", "aggregate"])
def test_guarded_records_are_in_no_tile_of_placed_points(connection: Connection, policy: str) -> None:
    publish(connection, "addresses", everywhere())
    place_all(connection)
    set_policy(connection, policy)
    take_role(connection, PUBLIC_ROLE)
    kinds = connection.scalars(text("SELECT DISTINCT kind FROM open.addresses_placed")).all()
    assert kinds == ["agency"]
    assert_all_are_placed(connection)
