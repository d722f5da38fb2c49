"""Tiles of chosen records of crowded places: what matches is drawn, or the tile says how much of it is not."""

import asyncio
from typing import Any

import numpy as np
import pyproj
import pytest
from sqlalchemy import Connection, text

from geodata.db import Database
from geodata.drawing import CROWD
from geodata.filtering import read_filter
from geodata.registers import get_register
from service.app import tile_settings
from service.settings import ServiceSettings
from tests.tiles.crowds import (
    CITY,
    COUNTRY,
    FIELDS,
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
from tiles.grid import EXTENT, TileAddress
from tiles.lowzoom import MAX_TILE_BYTES, Thinning
from tiles.matrix_sets import VN2000_QUAD
from tiles.selection import Selection, TileSelections, selection_statement
from tiles.store import TileStore

TO_VN2000 = pyproj.Transformer.from_crs(3857, 3405, always_xy=True)


def chosen(settings: ServiceSettings, layer: str, address: Address, filter_: str | None = None, **choice: Any) -> bytes:
    """Return a tile of chosen records or fields as the service makes it."""

    async def run() -> bytes:
        selections = TileSelections(TileStore(tile_settings(settings)))
        register = get_register(layer)
        found = read_filter(register, filter_) if filter_ else None
        try:
            tile = await selections.tile(Selection(register, found, **choice), TileAddress(*address))
            return tile.body(is_packed=False)
        finally:
            await selections.stop()

    return asyncio.run(run())


def ids(raw: bytes, layer: str) -> set[int]:
    return {feature["id"] for feature in features(raw, layer)}


# --- areas that are thinned by their number


def test_a_match_that_the_plain_tile_leaves_out_is_drawn(crowded: ServiceSettings) -> None:
    plain = ids(made(crowded, ("growing_areas",), COUNTRY), "growing_areas")
    left_out = min(set(range(1001, 1001 + FIELDS)) - plain)
    raw = chosen(crowded, "growing_areas", COUNTRY, f"code = 'VN-A-{left_out}'")
    assert ids(raw, "growing_areas") == {left_out}
    assert set(decode(raw)) == {"growing_areas"}


def test_a_crowd_of_matches_is_thinned_among_themselves_and_says_so(crowded: ServiceSettings) -> None:
    """Each of their squares draws one, as if the others were not there."""
    raw = chosen(crowded, "growing_areas", COUNTRY, "area_ha < 1", fields=("code", "area_ha"))
    database = Database(crowded)
    with database.read() as connection:
        found = connection.scalars(text("SELECT id FROM open.growing_areas_tile WHERE area_ha < 1 AND id > 1000"))
        matching = set(found)
    database.dispose()
    assert CROWD < len(matching) < FIELDS
    drawn = features(raw, "growing_areas")
    assert ids(raw, "growing_areas") < matching
    assert dropped(raw) == {"growing_areas": (len(matching) - len(drawn), len(drawn))}
    squares = {tuple(unit // 32 for unit in feature["geometry"]["coordinates"]) for feature in drawn}
    assert len(squares) == len(drawn)
    plain = features(made(crowded, ("growing_areas",), COUNTRY), "growing_areas")
    assert squares <= {tuple(unit // 32 for unit in feature["geometry"]["coordinates"]) for feature in plain}
    assert all(set(feature["properties"]) == {"code", "area_ha"} for feature in drawn)


@pytest.mark.parametrize("choice", [{"filter_": "TRUE"}, {"fields": ("code", "status", "crop", "area_ha")}])
def test_a_choice_of_everything_is_the_plain_tile_of_a_crowd(crowded: ServiceSettings, choice: dict[str, Any]) -> None:
    plain = made(crowded, ("growing_areas",), COUNTRY)
    raw = chosen(crowded, "growing_areas", COUNTRY, **choice)
    assert dropped(raw) == dropped(plain) != {}
    if "filter_" in choice:
        assert raw == plain
    assert [one["id"] for one in features(raw, "growing_areas")] == [
        one["id"] for one in features(plain, "growing_areas")
    ]


# --- tiles that would be too large

EVERYTHING = ("kind", "house_number")


@pytest.mark.parametrize(
    ("address", "choice"), [(CITY, {"filter_": "kind IS NOT NULL"}), ((13, 6500, 3600), {"fields": EVERYTHING})]
)
def test_a_chosen_tile_of_a_city_is_thinned_as_the_plain_one(
    crowded: ServiceSettings, address: Address, choice: dict[str, Any]
) -> None:
    assert chosen(crowded, "addresses", address, **choice) == made(crowded, ("addresses",), address)


def test_one_kind_of_a_city_is_thinned_among_itself(crowded: ServiceSettings) -> None:
    raw = chosen(crowded, "addresses", CITY, "kind <> 'household'", fields=("kind",))
    drawn = features(raw, "addresses")
    assert {one["properties"]["kind"] for one in drawn} == {"business", "agency"}
    assert dropped(raw) == {"addresses": (FLATS * 2 // 3 - len(drawn), len(drawn))}
    assert len({tuple(unit // 32 for unit in one["geometry"]["coordinates"]) for one in drawn}) == len(drawn) > 10_000


# --- in VN-2000


def units_in_vn2000(places: Any, at: TileAddress) -> Any:
    """Return places of Web Mercator, shape (n, 2), in units of a tile of the VN-2000 matrix set."""
    unit_m = VN2000_QUAD.size_m / (1 << at.z) / EXTENT
    east, north = TO_VN2000.transform(*np.array(places, dtype=float).T)
    across, down = (east - VN2000_QUAD.left) / unit_m, (VN2000_QUAD.top - north) / unit_m
    return np.column_stack([across, down]) - [at.x * EXTENT, at.y * EXTENT]


def tile_around(address: Address, level: int) -> TileAddress:
    """Return the tile of the VN-2000 matrix set in which the middle of a Web Mercator tile lies."""
    west, north, size_m = corner(address)
    column, row = units_in_vn2000([(west + size_m / 2, north - size_m / 2)], TileAddress(level, 0, 0))[0] // EXTENT
    return TileAddress(level, int(column), int(row))


def is_inside(feature: dict[str, Any]) -> bool:
    return all(0 <= unit < EXTENT for unit in feature["geometry"]["coordinates"])


@pytest.mark.parametrize(("level", "square"), [pytest.param(9, 16, marks=pytest.mark.long), (10, 32)])
def test_a_tile_of_a_city_in_vn2000_is_thinned_and_says_so(crowded: ServiceSettings, level: int, square: int) -> None:
    at = tile_around(CITY, level)
    database = Database(crowded)
    with database.read() as connection:
        rows = connection.execute(text("SELECT ST_X(point), ST_Y(point) FROM open.addresses_tile WHERE id > 1000"))
        units = units_in_vn2000(list(map(tuple, rows)), at)
    database.dispose()
    raw = chosen(crowded, "addresses", (at.z, at.x, at.y), matrix_set=VN2000_QUAD.id)
    assert 100_000 < len(raw) <= MAX_TILE_BYTES
    drawn = features(raw, "addresses")
    left_out, shown = dropped(raw)["addresses"]
    assert shown == len(drawn)
    # A place on the very edge may be rounded to either tile.
    there = ((units >= 0) & (units < EXTENT)).all(axis=1).sum()
    assert left_out + sum(map(is_inside, drawn)) == pytest.approx(there, abs=20)
    squares = {tuple(unit // square for unit in one["geometry"]["coordinates"]) for one in drawn}
    assert len(squares) == len(drawn) > 5_000
    assert all(set(one["properties"]) == set(EVERYTHING) for one in drawn)
    assert [one["id"] for one in drawn] == sorted(one["id"] for one in drawn)


def test_small_areas_in_vn2000_are_thinned_as_points_and_large_ones_are_kept(connection: Connection) -> None:
    valley, squares = (12, 3250, 1800), 64
    fill(connection, FILL_COUNTRY, valley, 3_000)
    at = tile_around(valley, 8)
    selection = Selection(get_register("growing_areas"), matrix_set=VN2000_QUAD.id)
    raw = bytes(connection.execute(selection_statement(selection, at, Thinning(squares))).one().tile)
    drawn = features(raw, "growing_areas")
    rows = connection.execute(
        text("SELECT id, size_m, ST_X(point), ST_Y(point) FROM reg.growing_areas_tile WHERE id > 1000 ORDER BY size_m DESC, id")
    ).all()  # fmt: skip
    units = units_in_vn2000([row[2:] for row in rows], at)
    large_m = VN2000_QUAD.size_m / (1 << at.z) / squares
    first: dict[tuple[int, int], int] = {}
    small, large = 0, set()
    for (number, size_m, *_), place in zip(rows, units, strict=True):
        if not (0.6 <= min(place) <= max(place) < EXTENT - 0.6):
            continue
        if size_m >= large_m:
            large.add(number)
        else:
            small += 1
            first.setdefault(tuple((np.rint(place) // (EXTENT // squares)).tolist()), number)
    kinds = {kind: {one["id"] for one in drawn if one["geometry"]["type"] == kind} for kind in ("Point", "Polygon")}
    assert large
    assert large <= kinds["Polygon"]
    in_squares = {one["id"] for one in drawn if one["id"] in kinds["Point"] and is_inside(one)}
    assert len(in_squares ^ set(first.values())) <= 2
    assert dropped(raw)["growing_areas"][0] == pytest.approx(small - len(in_squares), abs=2)
    assert small > 2 * len(in_squares)
