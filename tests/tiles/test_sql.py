"""What the statement behind a tile draws: where, how coarse, with what, and for whom."""

from collections.abc import Iterator
from typing import Any

import mapbox_vector_tile
import numpy as np
import pyproj
import pytest
import shapely
from shapely import Point
from sqlalchemy import Connection, text

from geodata.db import PUBLIC_ROLE, Database
from geodata.drawing import FULL_FROM_ZOOM, MID_FROM_ZOOM
from geodata.errors import UnknownRegisterError
from geodata.register import MAX_ZOOM
from geodata.registers import discover, get_register
from tests.conftest import TEMPLATE, Server, settings_for
from tests.geodata.builders import COMMUNE, agency, field_of, household, publish, set_policy, sight, take_role
from tiles.grid import BUFFER, EXTENT, HALF_WORLD_M
from tiles.sql import stamp_sql, tile_sql

TO_MERCATOR = pyproj.Transformer.from_crs(4326, 3857, always_xy=True)
TO_DEGREES = pyproj.Transformer.from_crs(3857, 4326, always_xy=True)
ORIGIN = (14, 13111, 7466)
"""A tile on the coast of Đà Nẵng, in which the sights of these tests lie."""

PIXELS = 512
Address = tuple[int, int, int]


def wavy(centre: tuple[float, float], radius: float) -> shapely.Polygon:
    angles = np.linspace(0, 2 * np.pi, 600, endpoint=False)
    reach = radius * (1 + 0.05 * np.sin(60 * angles))
    return shapely.Polygon(np.column_stack([centre[0] + reach * np.cos(angles), centre[1] + reach * np.sin(angles)]))


def unit(x: float, y: float, address: Address = ORIGIN) -> Point:
    """Return the place that lies at these units of a tile (4096 across, from its upper left corner)."""
    z, column, row = address
    size_m = 2 * HALF_WORLD_M / (1 << z)
    across = column * size_m - HALF_WORLD_M + x * size_m / EXTENT
    down = HALF_WORLD_M - row * size_m - y * size_m / EXTENT
    return Point(*TO_DEGREES.transform(across, down))


SIGHTS = {
    "corner": (10, 20), "middle": (2048, 2048), "half a unit": (1000.5, 999.4), "far side": (4090, 4000),
    "left buffer": (-30, 500), "lower buffer": (500, 4096 + 30), "beyond": (4096 + 90, 500),
}  # fmt: skip
LARGE, SMALL = wavy((108.2, 16.05), 0.12), shapely.box(108.1, 16.0, 108.1002, 16.0002)


@pytest.fixture(scope="module")
def database(server: Server, worker_name: str) -> Iterator[Database]:
    name = f"tiles_{worker_name}"
    found = Database(settings_for(server.create(name, TEMPLATE)))
    with found.worker() as connection:
        publish(connection, "tourism_points", [sight(name, geom=unit(*place)) for name, place in SIGHTS.items()])
        areas = [
            field_of("VN-A-1", geom=LARGE, area_ha=10.5),
            field_of("VN-A-2", geom=SMALL),
            field_of("VN-A-3", geom=Point(108.15, 16.02)),
        ]
        publish(connection, "growing_areas", areas)
        random = np.random.default_rng(1)
        places = random.uniform((107.9, 15.9), (108.4, 16.3), (500, 2))
        publish(connection, "addresses", [agency(f"{n:010}", geom=Point(*place)) for n, place in enumerate(places)])
    yield found
    found.dispose()
    server.drop(name)


@pytest.fixture
def public(database: Database) -> Iterator[Connection]:
    with database.read() as connection:
        yield connection


def fetch(connection: Connection, layers: str, address: Address) -> Any:
    z, x, y = address
    statement = tile_sql(tuple(layers.split()), z).replace("$1::int", str(x)).replace("$2::int", str(y))
    return connection.exec_driver_sql(statement.replace("%", "%%")).one()


def features(connection: Connection, layer: str, address: Address) -> list[dict[str, Any]]:
    """Return the features of one layer's tile, y down."""
    raw = bytes(fetch(connection, layer, address).tile)
    if not raw:
        return []
    decoded = mapbox_vector_tile.decode(raw, default_options={"y_coord_down": True})
    assert list(decoded) == [layer]
    assert decoded[layer]["extent"] == EXTENT
    found: list[dict[str, Any]] = decoded[layer]["features"]
    return found


def tile_at(place: Point, z: int) -> Address:
    x, y = TO_MERCATOR.transform(place.x, place.y)
    size_m = 2 * HALF_WORLD_M / (1 << z)
    return z, int((x + HALF_WORLD_M) / size_m), int((HALF_WORLD_M - y) / size_m)


# --- points


def drawn_sights(connection: Connection, address: Address = ORIGIN) -> dict[str, list[int]]:
    found = features(connection, "tourism_points", address)
    return {feature["properties"]["name"]: feature["geometry"]["coordinates"] for feature in found}


def test_points_lie_at_the_nearest_unit_of_the_tile(public: Connection) -> None:
    found = drawn_sights(public)
    assert {name: found[name] for name in ("corner", "middle", "far side")} == {
        "corner": [10, 20], "middle": [2048, 2048], "far side": [4090, 4000],
    }  # fmt: skip
    assert found["half a unit"] in ([1000, 999], [1001, 999])


def test_points_in_the_buffer_are_drawn_too_and_points_beyond_it_are_not(public: Connection) -> None:
    found = drawn_sights(public)
    assert set(found) == set(SIGHTS) - {"beyond"}
    assert found["left buffer"] == pytest.approx([-30, 500], abs=1)
    assert found["lower buffer"] == [500, 4126]


def test_a_point_in_a_buffer_is_in_both_tiles_at_the_same_place_to_a_unit(public: Connection) -> None:
    z, x, y = ORIGIN
    here, there = drawn_sights(public)["left buffer"], drawn_sights(public, (z, x - 1, y))["left buffer"]
    assert there == pytest.approx([here[0] + EXTENT, here[1]], abs=1)


def test_fast_placing_gives_what_postgis_own_function_gives_inside_the_tile(public: Connection) -> None:
    z, x, y = ORIGIN
    rows = public.execute(
        text(
            "SELECT name, ST_X(g), ST_Y(g) FROM (SELECT name, ST_AsMVTGeom(point, ST_TileEnvelope(:z, :x, :y), 4096, 64) AS g "
            "FROM open.tourism_points_tile) t WHERE g IS NOT NULL AND ST_X(g) >= 0"
        ),
        {"z": z, "x": x, "y": y},
    )
    found = drawn_sights(public)
    assert {name: [int(across), int(down)] for name, across, down in rows} == {
        name: place for name, place in found.items() if place[0] >= 0
    }


def test_a_feature_has_the_number_of_its_record(public: Connection) -> None:
    rows = public.execute(text("SELECT name, id FROM open.tourism_points"))
    wanted = dict(map(tuple, rows))
    for feature in features(public, "tourism_points", ORIGIN):
        assert feature["id"] == wanted[feature["properties"]["name"]]


def test_values_that_are_null_take_no_room(public: Connection) -> None:
    for feature in features(public, "tourism_points", ORIGIN):
        assert set(feature["properties"]) == {"name", "category"}


def test_records_come_in_the_order_of_their_numbers_so_the_same_data_gives_the_same_bytes(public: Connection) -> None:
    numbers = [feature["id"] for feature in features(public, "tourism_points", ORIGIN)]
    assert numbers == sorted(numbers)
    assert fetch(public, "tourism_points", ORIGIN) == fetch(public, "tourism_points", ORIGIN)


# --- counts


@pytest.mark.parametrize("z", range(13))
def test_counts_of_a_zoom_sum_up_to_the_register(public: Connection, z: int) -> None:
    rows = public.execute(text("SELECT DISTINCT x, y FROM open.addresses_grid WHERE z = :z"), {"z": z}).all()
    found = [feature for x, y in rows for feature in features(public, "addresses", (z, x, y))]
    assert sum(feature["properties"]["count"] for feature in found) == 500
    assert all(set(feature["properties"]) == {"count", "kind_agency", "coverage"} for feature in found)


def test_a_count_lies_in_the_middle_of_its_cell(public: Connection) -> None:
    for feature in features(public, "addresses", tile_at(Point(108.15, 16.1), 9)):
        across, down = feature["geometry"]["coordinates"]
        assert (across % 64, down % 64) == (32, 32)
        assert feature["id"] == down // 64 * 64 + across // 64


def test_addresses_are_counts_up_to_zoom_12_and_themselves_from_13_on(public: Connection) -> None:
    place = public.scalar(text("SELECT ST_AsText(geom) FROM open.addresses WHERE code = '0000000007'"))
    point = shapely.from_wkt(place)
    assert all("count" in feature["properties"] for feature in features(public, "addresses", tile_at(point, 12)))
    drawn = {feature["id"] for feature in features(public, "addresses", tile_at(point, 13))}
    assert public.scalar(text("SELECT id FROM open.addresses WHERE code = '0000000007'")) in drawn


# --- areas


def kinds(connection: Connection, place: Point, z: int) -> dict[str, str]:
    found = features(connection, "growing_areas", tile_at(place, z))
    return {feature["properties"]["code"]: feature["geometry"]["type"] for feature in found}


@pytest.mark.parametrize("z", range(7, MAX_ZOOM + 1))
def test_an_area_is_drawn_as_one_from_a_pixel_on_and_as_a_point_below(public: Connection, z: int) -> None:
    size_m = public.scalar(text("SELECT size_m FROM open.growing_areas_tile WHERE code = 'VN-A-2'"))
    pixel_m = 2 * HALF_WORLD_M / (1 << z) / PIXELS
    wanted = "Polygon" if size_m >= pixel_m else "Point"
    assert kinds(public, SMALL.centroid, z)["VN-A-2"] == wanted


@pytest.mark.parametrize("z", [7, 10, 14])
def test_an_area_known_as_a_point_is_a_point_at_every_zoom(public: Connection, z: int) -> None:
    assert kinds(public, Point(108.15, 16.02), z)["VN-A-3"] == "Point"


def vertices(connection: Connection, z: int) -> float:
    """Return how many vertices the large area has per tile that it crosses, at a zoom."""
    corners = [tile_at(Point(LARGE.bounds[i], LARGE.bounds[j]), z) for i, j in ((0, 3), (2, 1))]
    total = 0
    for x in range(corners[0][1], corners[1][1] + 1):
        for y in range(corners[0][2], corners[1][2] + 1):
            for feature in features(connection, "growing_areas", (z, x, y)):
                if feature["properties"]["code"] == "VN-A-1" and feature["geometry"]["type"] != "Point":
                    total += shapely.get_num_coordinates(shapely.geometry.shape(feature["geometry"]))
    return total


def test_areas_are_drawn_finer_from_zoom_to_zoom(public: Connection) -> None:
    assert (
        vertices(public, MID_FROM_ZOOM - 1)
        < vertices(public, FULL_FROM_ZOOM - 1)
        < vertices(public, FULL_FROM_ZOOM + 1)
    )


@pytest.mark.parametrize("z", [9, 11, 13])
def test_an_area_is_cut_off_at_the_buffer_and_fills_the_tiles_it_covers(public: Connection, z: int) -> None:
    middle = features(public, "growing_areas", tile_at(Point(108.2, 16.05), z))
    drawn = next(feature for feature in middle if feature["properties"]["code"] == "VN-A-1")
    shape = shapely.geometry.shape(drawn["geometry"])
    assert shape.is_valid
    assert shapely.box(-BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER).buffer(1).contains(shape)


def test_neighbouring_tiles_show_an_area_without_a_gap(public: Connection) -> None:
    """Put together and counted once, the pieces of the zoom have the area of the whole."""
    z = 12
    size_m = 2 * HALF_WORLD_M / (1 << z)
    corners = [tile_at(Point(LARGE.bounds[i], LARGE.bounds[j]), z) for i, j in ((0, 3), (2, 1))]
    pieces = []
    for x in range(corners[0][1], corners[1][1] + 1):
        for y in range(corners[0][2], corners[1][2] + 1):
            for feature in features(public, "growing_areas", (z, x, y)):
                if feature["properties"]["code"] == "VN-A-1":
                    shape = shapely.geometry.shape(feature["geometry"])
                    pieces.append(shapely.affinity.translate(shape, x * EXTENT, y * EXTENT))
    whole = shapely.transform(LARGE, TO_MERCATOR.transform, interleaved=False)
    found_m2 = shapely.union_all(pieces).area * (size_m / EXTENT) ** 2
    assert found_m2 == pytest.approx(whole.area, rel=1e-4)


# --- the statement


@pytest.mark.parametrize("register", [name for name, found in discover().items() if found.tile.min_zoom > 0])
def test_below_its_first_zoom_a_layer_is_empty(public: Connection, register: str) -> None:
    z = get_register(register).tile.min_zoom - 1
    assert bytes(fetch(public, register, tile_at(Point(108.2, 16.05), z)).tile) == b""


def test_a_tile_without_a_feature_is_empty(public: Connection) -> None:
    for register in discover():
        assert bytes(fetch(public, register, (14, 0, 0)).tile) == b""


def test_several_layers_make_one_tile_in_the_order_asked(public: Connection) -> None:
    both = fetch(public, "growing_areas tourism_points", ORIGIN)
    assert bytes(both.tile) == b"".join(
        bytes(fetch(public, layer, ORIGIN).tile) for layer in ("growing_areas", "tourism_points")
    )


def test_stamps_stand_in_the_order_of_the_layers_and_are_0_where_nothing_happened(public: Connection) -> None:
    assert fetch(public, "villages tourism_points", ORIGIN).stamps == [0, 1]
    z, x, y = ORIGIN
    statement = stamp_sql(("tourism_points", "villages"), z).replace("$1::int", str(x)).replace("$2::int", str(y))
    assert public.exec_driver_sql(statement).scalar() == [1, 0]


def test_an_unknown_layer_is_refused_before_any_sql() -> None:
    with pytest.raises(UnknownRegisterError):
        tile_sql(("no_such_layer",), 3)


@pytest.mark.parametrize("register", discover())
@pytest.mark.parametrize("z", [0, 7, 13])
def test_the_statement_reads_public_views_alone_and_binds_x_and_y(register: str, z: int) -> None:
    statement = tile_sql((register,), z)
    assert "reg." not in statement
    assert "ops." not in statement
    assert ":" not in statement.replace("::", "")


# --- for whom


def test_a_point_near_a_seam_has_one_place_in_both_tiles(connection: Connection) -> None:
    places = [unit(-30 + step * 1.3717, -25 + step * 0.9313) for step in range(60)]
    publish(connection, "addresses", [agency(f"{n:010}", geom=place) for n, place in enumerate(places)])
    drawn = {}
    for across, down in ((0, 0), (-1, 0), (0, -1), (-1, -1)):
        z, x, y = ORIGIN
        found = features(connection, "addresses", (z, x + across, y + down))
        for feature in found:
            east, south = feature["geometry"]["coordinates"]
            drawn.setdefault(feature["id"], set()).add((east + EXTENT * across, south + EXTENT * down))
    assert len(drawn) == len(places)
    assert [place for place in drawn.values() if len(place) > 1] == []


@pytest.mark.parametrize(("policy", "is_shown"), [("code_point", True), ("lookup", False), ("aggregate", False)])
def test_a_household_s_own_point_is_in_the_tile_only_where_the_policy_shows_it(
    connection: Connection, policy: str, is_shown: bool
) -> None:
    publish(
        connection,
        "addresses",
        [
            agency("0000000001", house_number="1", geom=unit(100, 100)),
            household("0000000002", house_number="2", geom=unit(200, 200)),
        ],
    )
    set_policy(connection, policy)
    take_role(connection, PUBLIC_ROLE)
    numbers = {feature["properties"]["house_number"] for feature in features(connection, "addresses", ORIGIN)}
    assert numbers == {"1", *(["2"] if is_shown else [])}


def test_nothing_private_is_in_any_tile(connection: Connection) -> None:
    person = "Nguyễn Thị Bí Mật"
    publish(connection, "addresses", [household("0000000002", head_name=person, phone="0900123456", geom=unit(9, 9))])
    publish(connection, "growing_areas", [field_of("VN-A-1", representative=person, geom=SMALL)])
    publish(connection, "villages", [sight("A", source=person, commune_code=COMMUNE)])
    take_role(connection, PUBLIC_ROLE)
    for layer, place in (
        ("addresses", unit(9, 9)),
        ("growing_areas", SMALL.centroid),
        ("villages", Point(108.1, 16.1)),
    ):
        raw = bytes(fetch(connection, layer, tile_at(place, 14)).tile)
        assert raw
        assert person.encode() not in raw
        assert b"0900123456" not in raw
