"""The same data gives the same tile, byte for byte, and a record has one id for life, in every tile."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mapbox_vector_tile
import numpy as np
import psycopg
import pytest
from shapely import Point
from sqlalchemy import Connection, text

from geodata.db import PUBLIC_ROLE, SYSTEM, Database
from geodata.derived import grid_table, placed_table, tile_table
from geodata.placed import place_all
from geodata.registers import discover, get_register
from geodata.rollback import roll_back
from tests.conftest import TEMPLATE, Server, settings_for
from tests.geodata.builders import agency, field_of, publish, sight
from tiles.sql import tile_sql

LAYERS = ("addresses", "growing_areas", "tourism_points")
PLACES = np.random.default_rng(5).uniform((107.9, 15.9), (108.4, 16.3), (300, 2))
ZOOMS = (7, 9, 11, 12, 13, 14)
PLANS = {
    "as chosen": {},
    "without index scans": {"enable_indexscan": "off", "enable_bitmapscan": "off"},
    "by index scans": {"enable_seqscan": "off", "enable_bitmapscan": "off"},
    "by bitmaps": {"enable_seqscan": "off", "enable_indexscan": "off"},
    "in parallel": {
        "max_parallel_workers_per_gather": "4", "parallel_setup_cost": "0", "parallel_tuple_cost": "0",
        "min_parallel_table_scan_size": "0", "min_parallel_index_scan_size": "0",
    },
    "generic, unsorted": {"plan_cache_mode": "force_generic_plan", "enable_sort": "off"},
}  # fmt: skip

Tiles = dict[tuple[str, int, int, int], bytes]


def fill(connection: Connection) -> None:
    publish(connection, "addresses", [agency(f"{n:010}", geom=Point(*place)) for n, place in enumerate(PLACES)])
    publish(connection, "tourism_points", [sight(f"Điểm {n}", geom=Point(*place)) for n, place in enumerate(PLACES)])
    areas = [
        field_of(f"VN-A-{n}", geom=Point(*place).buffer(0.004 * (1 + n % 3))) for n, place in enumerate(PLACES[:60])
    ]
    publish(connection, "growing_areas", areas)


@pytest.fixture(scope="module")
def database(server: Server, worker_name: str) -> Iterator[Database]:
    name = f"bytes_{worker_name}"
    found = Database(settings_for(server.create(name, TEMPLATE)))
    with found.worker() as connection:
        fill(connection)
        place_all(connection)
    yield found
    found.dispose()
    server.drop(name)


def addresses() -> list[tuple[str, int, int, int]]:
    """Return tiles of every layer and several zooms around the places."""
    found = []
    for z in ZOOMS:
        across = (PLACES[:40, 0] + 180) / 360 * (1 << z)
        down = (1 - np.arcsinh(np.tan(np.radians(PLACES[:40, 1]))) / np.pi) / 2 * (1 << z)
        places = sorted({(int(x), int(y)) for x, y in zip(across, down, strict=True)})[:8]
        found += [(layer, z, x, y) for layer in LAYERS for x, y in places]
    return found


ADDRESSES = addresses()


@contextmanager
def as_public(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """Open a connection of its own, with a server process of its own, as tiles have it."""
    url = database.url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True, options=f"-c role={PUBLIC_ROLE}") as connection:
        yield connection


def read_tiles(database: Database, settings: dict[str, str] | None = None) -> Tiles:
    """Read the tiles over a new connection."""
    found: Tiles = {}
    with as_public(database) as connection:
        for name, value in (settings or {}).items():
            connection.execute("SELECT set_config(%s, %s, false)", [name, value])
        for layer, z, x, y in ADDRESSES:
            statement = tile_sql((layer,), z).replace("%", "%%").replace("$1", "%(x)s").replace("$2", "%(y)s")
            row = connection.execute(statement, {"x": x, "y": y}).fetchone()
            assert row is not None
            found[layer, z, x, y] = row[1]
    return found


@pytest.fixture(scope="module")
def tiles(database: Database) -> Tiles:
    """The tiles as the database plans them by itself."""
    found = read_tiles(database)
    assert sum(map(bool, found.values())) > 0.8 * len(found)
    return found


@pytest.mark.parametrize("settings", PLANS.values(), ids=PLANS)
def test_whatever_way_the_database_takes_the_bytes_are_the_same(
    database: Database, tiles: Tiles, settings: dict[str, str]
) -> None:
    assert read_tiles(database, settings) == tiles


def derived_tables() -> Iterator[str]:
    for layer in LAYERS:
        register = get_register(layer)
        yield str(tile_table(register))
        if register.tile.counts_below is not None:
            yield str(grid_table(register))
        if register.is_dense:
            yield str(placed_table(register))


def test_rows_stored_in_another_order_give_the_same_bytes(server: Server, database: Database, tiles: Tiles) -> None:
    """As after a dump that was loaded again, or CLUSTER and VACUUM FULL."""
    name = database.url.rpartition("/")[2].partition("?")[0]
    with server.administrator(name) as connection:
        for table in derived_tables():
            connection.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM {table} t ORDER BY md5(t::text)")
            connection.execute(f"TRUNCATE {table}")
            connection.execute(f"INSERT INTO {table} SELECT * FROM kept")
            connection.execute("DROP TABLE kept")
            connection.execute(f"VACUUM (ANALYZE) {table}")
    assert read_tiles(database) == tiles
    assert read_tiles(database, PLANS["in parallel"]) == tiles


def drawn_ids(tiles: Tiles) -> dict[str, set[tuple[str, int]]]:
    """Return the ids under which records are drawn, by label (of addresses: by whatever the tile carries)."""
    found: dict[str, set[tuple[str, int]]] = {}
    for (layer, *_), raw in tiles.items():
        for feature in mapbox_vector_tile.decode(raw).get(layer, {"features": []})["features"]:
            if "count" not in feature["properties"]:
                name = feature["properties"].get(get_register(layer).label) or f"address {feature['id']}"
                found.setdefault(name, set()).add((layer, feature["id"]))
    return found


def test_a_record_has_the_same_id_in_every_tile_and_zoom(database: Database, tiles: Tiles) -> None:
    found = drawn_ids(tiles)
    assert len(found) > 100
    assert [ids for ids in found.values() if len(ids) > 1] == []
    with database.read() as connection:
        for layer in LAYERS[1:]:
            label = get_register(layer).label
            ids = dict(map(tuple, connection.execute(text(f"SELECT {label}, id FROM open.{layer}"))))
            drawn = {name: number for name, one in found.items() for register, number in one if register == layer}
            assert drawn.items() <= ids.items()


def test_ids_outlive_edits_and_undoing_gives_the_bytes_of_before_back(database: Database, tiles: Tiles) -> None:
    with database.worker() as connection:
        moved = [sight(f"Điểm {n}", beds=3, geom=Point(x + 0.003, y)) for n, (x, y) in enumerate(PLACES[:40])]
        number = publish(connection, "tourism_points", moved).revision
    changed = read_tiles(database)
    assert changed != tiles
    before, after = drawn_ids(tiles), drawn_ids(changed)
    assert {name: after[name] for name in before.keys() & after.keys()} == {
        name: before[name] for name in before.keys() & after.keys()
    }
    assert number is not None
    with database.worker() as connection:
        roll_back(connection, get_register("tourism_points"), number, SYSTEM)
    assert read_tiles(database) == tiles


STATEMENTS = """
from geodata.registers import discover
from tiles.sql import tile_sql
print([tile_sql((layer,), z) for layer in discover() for z in range(15)])
"""


def test_another_process_asks_with_the_same_statements() -> None:
    seed = "1" if os.environ.get("PYTHONHASHSEED") == "2" else "2"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    said = subprocess.run(
        [sys.executable, "-c", STATEMENTS], env=environment, check=True, capture_output=True, text=True
    ).stdout
    assert said == f"{[tile_sql((layer,), z) for layer in discover() for z in range(15)]}\n"
