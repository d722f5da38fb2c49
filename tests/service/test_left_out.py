"""What tiles over HTTP say of the records they leave out, held against the records themselves."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from geodata.drawing import CROWD
from tests.conftest import Server
from tests.service.crowd import LARGE, SMALL, publish_crowd
from tests.service.office import Office, opened
from tiles.decoding import TileFeature, read_tile
from tiles.grid import HALF_WORLD_M, TileAddress
from tiles.lowzoom import DROPPED, MAX_TILE_BYTES

AREAS, ADDRESSES = "growing_areas", "addresses"
FLATS = 25_000
MADE = 1_000_000
"""Least id of what stands in no register but in the tiles alone: as many as no publish would bring in the time of a test."""

CITY = TileAddress(13, 6400, 3600)

FILL = """INSERT INTO reg.addresses_tile (id, kind, house_number, point)
    SELECT 1000000 + n, 'business', n::text, ST_Point(:west + :size * random(), :north - :size * random(), 3857)
    FROM generate_series(1, :count) n"""
FILL_AREAS = """INSERT INTO reg.growing_areas_tile (id, code, status, crop, area_ha, size_m, point, geom)
    SELECT 2000000 + n, 'VN-CITY-' || n, 'active', 'Chè', 1, 10, place, ST_Multi(ST_Expand(place, 5))
    FROM (SELECT n, ST_Point(:west + :size * random(), :north - :size * random(), 3857) AS place
          FROM generate_series(1, :count) n) p"""


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    with opened(server, f"left_out_{worker_name}", 1) as found:
        publish_crowd(found.database)
        with found.database.worker() as connection:
            size = 2 * HALF_WORLD_M / (1 << CITY.z)
            box = {"west": CITY.x * size - HALF_WORLD_M, "north": HALF_WORLD_M - CITY.y * size, "size": size}
            connection.execute(text("SELECT setseed(0.5)"))
            connection.execute(text(FILL), {**box, "count": FLATS})
            connection.execute(text(FILL_AREAS), {**box, "count": SMALL})
            connection.execute(text("ANALYZE reg.addresses_tile, reg.growing_areas_tile, reg.growing_areas"))
        yield found


Features = list[TileFeature]
Places = dict[int, tuple[int, int]]


def places_of(office: Office, layer: str, z: int) -> Places:
    """Return the tile in which the point of each record lies, of all that the public may see."""
    tile_m = 2 * HALF_WORLD_M / (1 << z)
    query = text(f"SELECT id, ST_X(point), ST_Y(point) FROM open.{layer}_tile")
    with office.database.read() as connection:
        return {
            one: (int((x + HALF_WORLD_M) // tile_m), int((HALF_WORLD_M - y) // tile_m))
            for one, x, y in connection.execute(query)
        }


def served(office: Office, layers: str, address: TileAddress, **asked: str) -> dict[str, Features]:
    answer = office.client.get("/tiles/{}/{}/{}/{}.mvt".format(layers, *address), params=asked)
    assert answer.status_code == 200, answer.text
    assert len(answer.content) <= MAX_TILE_BYTES
    return read_tile(answer.content)


def told(tile: dict[str, Features]) -> dict[str, tuple[int, int]]:
    """Return how many records each layer says it left out, and how many it shows."""
    found = [feature.properties for feature in tile.get(DROPPED, [])]
    assert len({one["layer"] for one in found}) == len(found)
    return {one["layer"]: (one["dropped"], one["shown"]) for one in found}


def counted(places: Places, address: TileAddress, drawn: Features) -> tuple[int, int]:
    """Count the records of a tile that it does not draw, and those that it draws."""
    here = {one for one, place in places.items() if place == (address.x, address.y)}
    return len(here - {feature.id for feature in drawn}), len(drawn)


def filled(places: Places, z: int) -> list[TileAddress]:
    """Return the tiles of the published areas."""
    return [TileAddress(z, *place) for place in sorted({at for one, at in places.items() if one < MADE})]


@pytest.mark.parametrize("z", [7, 8, 9])
def test_the_tiles_tell_exactly_how_many_records_they_do_not_draw(office: Office, z: int) -> None:
    places, dropped = places_of(office, AREAS, z), 0
    for address in filled(places, z):
        tile = served(office, AREAS, address)
        found = told(tile).get(AREAS, (0, len(tile[AREAS])))
        assert found == counted(places, address, tile[AREAS])
        dropped += found[0]
    assert dropped > SMALL // 4


def test_where_all_are_drawn_nothing_is_told(office: Office) -> None:
    places = places_of(office, AREAS, 12)
    for address in filled(places, 12):
        tile = served(office, AREAS, address)
        assert DROPPED not in tile
        assert counted(places, address, tile[AREAS])[0] == 0


def test_each_layer_of_a_tile_tells_its_own_number(office: Office) -> None:
    tile = served(office, f"{ADDRESSES},{AREAS},communes", CITY)
    expected = {layer: counted(places_of(office, layer, CITY.z), CITY, tile[layer]) for layer in (ADDRESSES, AREAS)}
    assert told(tile) == expected
    assert expected[ADDRESSES][0] > expected[AREAS][0] > 0
    # By itself each is small enough, or smaller than both together.
    assert told(served(office, AREAS, CITY)) == {}
    assert set(told(served(office, ADDRESSES, CITY))) == {ADDRESSES}


@pytest.mark.parametrize("filter_", ["code LIKE 'VN-CROWD-1%'", "code LIKE 'VN-CROWD-1%' AND commune_code = '20194'"])
def test_areas_that_do_not_match_leave_none_out_that_do(office: Office, filter_: str) -> None:
    with office.database.read() as connection:
        query = text("SELECT id FROM open.growing_areas WHERE code LIKE 'VN-CROWD-1%'")
        wanted = set(connection.scalars(query))
    address = filled(places_of(office, AREAS, 7), 7)[0]
    plain, tile = (served(office, AREAS, address, filter=asked) for asked in ("TRUE", filter_))
    assert {feature.id for feature in tile[AREAS]} == wanted
    assert wanted - {feature.id for feature in plain[AREAS]}
    assert DROPPED not in tile


@pytest.mark.parametrize("filter_", ["code <> 'VN-CROWD-1'", "commune_code = '20194' AND code <> 'VN-CROWD-1'"])
@pytest.mark.parametrize("fields", [{}, {"properties": "code,commune_code"}])
def test_a_filtered_tile_tells_how_many_it_leaves_out_of_those_that_match(
    office: Office, filter_: str, fields: dict[str, str]
) -> None:
    address = filled(places_of(office, AREAS, 8), 8)[0]
    with office.database.read() as connection:
        left = connection.scalar(text("SELECT id FROM open.growing_areas WHERE code = 'VN-CROWD-1'"))
        known = set(connection.scalars(text("SELECT id FROM open.growing_areas WHERE code LIKE 'VN-CROWD-%'")))
    places = {one: at for one, at in places_of(office, AREAS, 8).items() if one in known - {left}}
    tile = served(office, AREAS, address, filter=filter_, **fields)
    assert told(tile) == {AREAS: counted(places, address, tile[AREAS])}
    assert all(set(feature.properties) == {"code", "commune_code"} for feature in tile[AREAS] if fields)


def test_other_properties_leave_out_the_same(office: Office) -> None:
    address = filled(places_of(office, AREAS, 8), 8)[0]
    plain, tile = served(office, AREAS, address), served(office, AREAS, address, properties="commune_code")
    assert told(plain) == told(tile) != {}
    assert [feature.id for feature in plain[AREAS]] == [feature.id for feature in tile[AREAS]]


def test_tilejson_names_the_layer_that_tells(office: Office) -> None:
    layers = office.client.get(f"/tiles/{AREAS}.json").json()["vector_layers"]
    assert {layer["id"]: set(layer["fields"]) for layer in layers}[DROPPED] == {"layer", "dropped", "shown"}


def test_officers_are_told_the_number_of_a_zoom_and_of_a_tile(office: Office) -> None:
    officer, desk, z = office.officer(), f"/desk/tiles/{AREAS}", 9
    numbers = {}
    for address in {TileAddress(z, *place) for place in places_of(office, AREAS, z).values()}:
        numbers[address] = told(served(office, AREAS, address)).get(AREAS, (0, 0))[0]
        why = officer.get(f"{desk}/why", params={"tile": "{}/{}/{}".format(*address)}).json()
        assert why["tile"]["dropped"] == numbers[address]
    measured = officer.get(f"{desk}/zooms/{z}").json()
    assert measured["sample"] == measured["tiles"] == len(numbers)
    assert measured["dropped"] == sum(numbers.values()) > 0


def test_officers_are_told_which_record_is_left_out(office: Office) -> None:
    officer, z = office.officer(), 9
    places = places_of(office, AREAS, z)
    address = filled(places, z)[0]
    drawn = {feature.id for feature in served(office, AREAS, address)[AREAS]}
    here = {one for one, place in places.items() if place == (address.x, address.y)}
    assert here - drawn
    for one in [*sorted(here - drawn)[:2], *sorted(here & drawn)[:2]]:
        zooms = officer.get(f"/desk/tiles/{AREAS}/why", params={"record": str(one)}).json()["zooms"]
        assert [at["drawn"] == "dropped" for at in zooms if at["z"] == z] == [one not in drawn]


def test_the_published_areas_are_a_crowd(office: Office) -> None:
    with office.database.read() as connection:
        count = connection.scalar(text("SELECT count(*) FROM open.growing_areas WHERE code LIKE 'VN-CROWD-%'"))
    assert count == SMALL + LARGE > CROWD
