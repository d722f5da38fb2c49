"""What is measured of tiles: those that are served, thinned where they are too large, and a fair choice of them."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from geodata.registers import get_register
from service.api.tile_reports import _at_zoom, _point
from tests.conftest import Server
from tests.service.office import Office, opened
from tiles.connections import PLANNING
from tiles.decoding import read_tile
from tiles.grid import HALF_WORLD_M, TileAddress
from tiles.measuring import FULLEST, SAMPLE, _as_served, _make, _sample, measure_tile
from tiles.sql import many, tile_sql

CITY = TileAddress(13, 6500, 3600)
FIRST, COUNT = 5_000_001, 20_000
FILL = """INSERT INTO reg.tourism_points_tile (id, name, point)
    SELECT :first + n, 'Quán ' || n, ST_Point(:west + :size * (n * 0.7548776662466927 % 1),
        :north - :size * (n * 0.5698402909980532 % 1), 3857) FROM generate_series(0, :count - 1) n"""
LAYER = "tourism_points"
WHY = "/desk/tiles/tourism_points/why"


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    """The sample, and a tile that is too large."""
    size_m = 2 * HALF_WORLD_M / (1 << CITY.z)
    place = {"west": CITY.x * size_m - HALF_WORLD_M, "north": HALF_WORLD_M - CITY.y * size_m, "size": size_m}
    with opened(server, f"tile_measuring_{worker_name}", 1) as found:
        with found.database.worker() as connection:
            connection.execute(text(FILL), {"first": FIRST, "count": COUNT} | place)
        yield found


@pytest.fixture(scope="module")
def officer(office: Office) -> TestClient:
    return office.officer()


@pytest.fixture
def public(office: Office) -> Iterator[Connection]:
    with office.database.read() as connection:
        yield connection


def told(client: TestClient, path: str, **query: str) -> dict[str, Any]:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


# --- a tile that is too large


def test_a_tile_that_was_too_large_is_told_as_it_is_served(office: Office, officer: TestClient) -> None:
    address = f"{CITY.z}/{CITY.x}/{CITY.y}"
    answer = told(officer, WHY, tile=address)
    tile = answer["tile"]
    served = office.client.get(f"/tiles/tourism_points/{address}.mvt", headers={"accept-encoding": "identity"}).content
    left_out = read_tile(served)["dropped"][0].properties
    assert left_out["dropped"] > COUNT // 2
    assert (answer["outcome"], tile["bytes"]) == ("shown", len(served))
    assert (tile["features"], tile["dropped"]) == (left_out["shown"], left_out["dropped"])
    assert tile["made_anew"] == 3
    zoom = told(officer, "/desk/tiles/tourism_points/zooms/13")
    assert zoom["made_anew"] == 1
    assert (zoom["dropped"], zoom["largest_bytes"]) == (tile["dropped"], len(served))


def test_the_time_of_a_tile_made_anew_is_that_of_all_attempts(
    public: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_a_second(connection: Connection, statement: str, address: TileAddress) -> tuple[int, bytes, float]:
        return *_make(connection, statement, address)[:2], 1.0

    monkeypatch.setattr("tiles.measuring._make", in_a_second)
    measured, _ = measure_tile(public, get_register(LAYER), CITY)
    assert (measured.made_anew, measured.ms) == (3, 4000)


def test_a_record_that_a_tile_leaves_out_is_not_called_drawn(public: Connection) -> None:
    register = get_register(LAYER)
    drawn = {feature.id for feature in read_tile(measure_tile(public, register, CITY)[1])[LAYER]}
    for name, is_drawn in (("dropped", False), ("point", True)):
        number = next(at for at in range(FIRST, FIRST + COUNT) if (at in drawn) is is_drawn)
        place = _point(public, register, number)
        assert place is not None
        assert _at_zoom(public, register, number, place, CITY.z)["drawn"] == name


# --- which tiles


@pytest.mark.parametrize("count", [0, 1, 5, 6, 16, 19, 20, 21, 29, 31, 100])
def test_the_sample_has_the_fullest_tiles_and_others_evenly_spread(connection: Connection, count: int) -> None:
    """Records in a row of tiles: one each, but in the last ones, the more the further east."""
    z, first = 14, 12_000
    values = {"first": first, "count": count, "side": 2 * HALF_WORLD_M / (1 << z), "half": HALF_WORLD_M}
    row = """INSERT INTO reg.tourism_points_tile (id, name, point)
        SELECT 9000000 + n * 100 + again, 'x', ST_Point((:first + n + 0.5) * :side - :half, 100, 3857)
        FROM generate_series(0, :count - 1) n, generate_series(0, greatest(n - (:count - 6), 0)) again"""
    connection.execute(text(row), values)
    tiles, sample = _sample(connection, get_register(LAYER), z)
    columns = [address.x - first for address in sample]
    fullest = list(range(count - 1, max(count - 1 - FULLEST, -1), -1))
    assert tiles == count
    assert len(columns) == len(set(columns)) == min(count, SAMPLE)
    assert columns[: len(fullest)] == fullest
    others = columns[len(fullest) :]
    gaps = [after - before for before, after in zip([-1, *others], others, strict=False)]
    assert not gaps or max(gaps) - min(gaps) <= 1
    assert not others or others[-1] == count - 1 - FULLEST


# --- the plan


def test_the_plan_is_the_one_that_the_tiles_are_served_with(public: Connection) -> None:
    statement = tile_sql((LAYER,), CITY.z)
    kept = text("SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements WHERE name = 'measured'")
    with _as_served(public, statement, CITY) as question:
        public.exec_driver_sql(f"EXPLAIN {question}")
        settings = {name: public.scalar(text(f"SHOW {name}")) for name in PLANNING}
        prepared = public.execute(kept).one()
    assert settings == PLANNING
    assert many(statement) in prepared.statement
    assert (prepared.generic_plans > 0, prepared.custom_plans) == (True, 0)


def test_measuring_leaves_nothing_behind_in_its_connection_even_where_time_ran_out(public: Connection) -> None:
    settings = text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names) ORDER BY name")
    before = public.execute(settings, {"names": list(PLANNING)}).all()
    limit = public.scalar(text("SHOW statement_timeout"))
    public.execute(text("SET statement_timeout = 5"))
    try:
        measured, raw = measure_tile(public, get_register(LAYER), CITY)
    finally:
        public.execute(text(f"SET statement_timeout = '{limit}'"))
    assert (measured.ms, raw) == (None, b"")
    assert measure_tile(public, get_register(LAYER), CITY)[0].features > 0
    assert public.execute(settings, {"names": list(PLANNING)}).all() == before
    assert public.scalar(text("SELECT count(*) FROM pg_prepared_statements WHERE name = 'measured'")) == 0
