"""A city and a country fuller than any publish of a test, and what tiles of them say."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mapbox_vector_tile
from sqlalchemy import Connection, text

from geodata.db import Database
from service.app import tile_settings
from service.settings import ServiceSettings
from tests.conftest import TEMPLATE, Server, settings_for
from tests.geodata.builders import agency, field_of, publish
from tiles.grid import HALF_WORLD_M, TileAddress
from tiles.lowzoom import DROPPED
from tiles.store import TileStore

Address = tuple[int, int, int]
CITY, COUNTRY = (14, 13000, 7200), (9, 406, 226)
"""A tile full of addresses, and one full of growing areas."""

FLATS, FIELDS = 60_000, 6_000


def corner(address: Address) -> tuple[float, float, float]:
    """Return the west and north edge of a tile and the length of its side, EPSG:3857 metres."""
    z, x, y = address
    size_m = 2 * HALF_WORLD_M / (1 << z)
    return x * size_m - HALF_WORLD_M, HALF_WORLD_M - y * size_m, size_m


FILL_CITY = """INSERT INTO reg.addresses_tile (id, kind, house_number, point)
    SELECT n, (ARRAY['household', 'business', 'agency'])[1 + n % 3], (n % 997)::text,
        ST_Point(:west + :size * (n * 0.7548776662466927 % 1), :north - :size * (n * 0.5698402909980532 % 1), 3857)
    FROM generate_series(1001, 1000 + :count) n"""
"""Spread evenly by a low-discrepancy sequence: nothing but thinning makes such a tile small."""

FILL_COUNTRY = """INSERT INTO reg.growing_areas_tile (id, code, status, crop, area_ha, size_m, point, geom, geom_mid, geom_low)
    SELECT n, 'VN-A-' || n, 'active', 'Chè', half / 50, 2 * half, place, area, area, area
    FROM (SELECT n, half, place, ST_Multi(ST_Expand(place, half)) AS area FROM (
        SELECT n, 20 + n % 60 AS half,
            ST_Point(:west + :size * (0.001 + 0.998 * (n / 3 * 0.7548776662466927 % 1)), :north - :size * (0.001 + 0.998 * (n / 3 * 0.5698402909980532 % 1)), 3857) AS place
        FROM generate_series(1001, 1000 + :count) n) a) b"""
"""Three at each place, of different sizes."""


def fill(connection: Connection, statement: str, address: Address, count: int) -> None:
    west, north, size = corner(address)
    connection.execute(text(statement), {"west": west, "north": north, "size": size, "count": count})
    connection.execute(text("ANALYZE reg.addresses_tile, reg.growing_areas_tile"))


@contextmanager
def crowded_database(server: Server, name: str) -> Iterator[ServiceSettings]:
    """Make a database with a city and a country that no publish would make in the time of a test."""
    settings = settings_for(server.create(name, TEMPLATE))
    database = Database(settings)
    with database.worker() as connection:
        # What was never published is not asked for.
        publish(connection, "addresses", [agency("0000000001")])
        publish(connection, "growing_areas", [field_of("VN-A-1")])
        fill(connection, FILL_CITY, CITY, FLATS)
        fill(connection, FILL_COUNTRY, COUNTRY, FIELDS)
    database.dispose()
    yield settings
    server.drop(name)


def made(settings: ServiceSettings, layers: tuple[str, ...], address: Address) -> bytes:
    """Return a tile as the service makes it."""

    async def run() -> bytes:
        store = TileStore(tile_settings(settings))
        await store.start()
        try:
            return (await store.tile(layers, TileAddress(*address))).body(is_packed=False)
        finally:
            await store.stop()

    return asyncio.run(run())


def decode(raw: bytes) -> dict[str, Any]:
    return mapbox_vector_tile.decode(raw, default_options={"y_coord_down": True}) if raw else {}


def features(raw: bytes, layer: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = decode(raw).get(layer, {"features": []})["features"]
    return found


def dropped(raw: bytes) -> dict[str, tuple[int, int]]:
    """Return how many records each layer left out and how many it shows, by layer."""
    found = [feature["properties"] for feature in features(raw, DROPPED)]
    return {one["layer"]: (one["dropped"], one["shown"]) for one in found}
