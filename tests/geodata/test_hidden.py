"""Records that the public does not meet: codes that are not yet, or no longer, a right."""

import json
from collections.abc import Iterator

import mapbox_vector_tile
import pytest
from sqlalchemy import Connection, text

from geodata.db import PUBLIC_ROLE
from geodata.errors import FeatureNotFoundError
from geodata.features import count_listed, count_matches, read_feature, read_page
from geodata.matching import ItemsQuery
from geodata.registers import get_register
from geodata.search import SearchQuery, find
from tests.geodata.builders import field_of, publish, rows_of, take_role
from tiles.grid import HALF_WORLD_M
from tiles.sql import tile_sql

AREAS = get_register("growing_areas")
SHOWN = {"active", "warned", "suspended"}
UNLISTED = {"revoked", "expired", "withdrawn"}
WITHHELD = {"proposed", "submitted"}
EVERYWHERE = (100.0, 5.0, 120.0, 25.0)


def code_of(status: str) -> str:
    return f"VN-{status.upper()}-1"


@pytest.fixture
def public(connection: Connection) -> Iterator[Connection]:
    """One area of every status, seen by the public."""
    statuses = sorted(SHOWN | UNLISTED | WITHHELD)
    publish(connection, "growing_areas", [field_of(code_of(status), status=status) for status in statuses])
    take_role(connection, PUBLIC_ROLE)
    return connection


def statuses(connection: Connection, query: ItemsQuery) -> set[str]:
    return {json.loads(feature)["properties"]["status"] for feature in read_page(connection, AREAS, query).features}


@pytest.mark.parametrize("query", [ItemsQuery(), ItemsQuery(boxes=(EVERYWHERE,)), ItemsQuery(equals={"crop": "Bưởi"})])
def test_lists_show_what_is_in_force(public: Connection, query: ItemsQuery) -> None:
    assert statuses(public, query) == SHOWN
    assert count_matches(public, AREAS, query) == count_listed(public, AREAS) == len(SHOWN)


@pytest.mark.parametrize("status", sorted(UNLISTED))
def test_a_lost_right_is_found_by_its_status_and_by_its_code(public: Connection, status: str) -> None:
    assert statuses(public, ItemsQuery(equals={"status": status})) == {status}
    assert statuses(public, ItemsQuery(equals={"code": code_of(status)})) == {status}
    found = [json.loads(feature) for feature in find(public, SearchQuery(code_of(status)))]
    assert [feature["properties"]["label"] for feature in found] == [code_of(status)]
    assert status in read_feature(public, AREAS, found[0]["id"])[0]


@pytest.mark.parametrize("status", sorted(WITHHELD))
def test_a_right_that_is_only_asked_for_is_found_nowhere(public: Connection, status: str) -> None:
    for query in (ItemsQuery(equals={"status": status}), ItemsQuery(equals={"code": code_of(status)})):
        assert statuses(public, query) == set()
    assert find(public, SearchQuery(code_of(status))) == []
    ids = rows_of(
        public, "SELECT id FROM generate_series(1, 100000) id WHERE id IN (SELECT id FROM open.growing_areas)"
    )
    assert len(ids) == len(SHOWN | UNLISTED)


def test_a_withheld_record_is_not_told_by_its_id(connection: Connection) -> None:
    publish(connection, "growing_areas", [field_of("VN-A-1", status="proposed")])
    ((number,),) = rows_of(connection, "SELECT id FROM reg.growing_areas")
    take_role(connection, PUBLIC_ROLE)
    with pytest.raises(FeatureNotFoundError):
        read_feature(connection, AREAS, str(number))


def drawn(connection: Connection) -> set[str]:
    """Return the statuses in the tile of zoom 10 that holds the areas."""
    size_m = 2 * HALF_WORLD_M / (1 << 10)
    query = "SELECT ST_X(p), ST_Y(p) FROM ST_Transform(ST_SetSRID(ST_MakePoint(108.1005, 16.1005), 4326), 3857) p"
    ((x, y),) = rows_of(connection, query)
    column, row = int((x + HALF_WORLD_M) / size_m), int((HALF_WORLD_M - y) / size_m)
    statement = tile_sql(("growing_areas",), 10).replace("$1::int", str(column)).replace("$2::int", str(row))
    tile = bytes(connection.exec_driver_sql(statement.replace("%", "%%")).one().tile)
    layer = mapbox_vector_tile.decode(tile).get("growing_areas", {"features": []})
    return {feature["properties"]["status"] for feature in layer["features"]}


def test_maps_show_what_is_in_force(public: Connection) -> None:
    assert drawn(public) == SHOWN


def test_an_area_leaves_the_map_when_its_code_is_revoked_and_its_tiles_are_stamped(connection: Connection) -> None:
    for status in ("active", "revoked"):
        publish(connection, "growing_areas", [field_of("VN-A-1", status=status)])
    assert drawn(connection) == set()
    stamps = connection.execute(text("SELECT DISTINCT revision FROM ops.tile_stamp WHERE layer = 'growing_areas'"))
    assert stamps.scalars().all() == [2]
