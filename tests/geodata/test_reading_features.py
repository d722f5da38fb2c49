"""Reading registers: pages of GeoJSON text, narrowed by box, value and time; only what is public."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

import pytest
import shapely
from shapely import Point
from sqlalchemy import Connection, text

from geodata.db import PUBLIC_ROLE, SAMPLE, Database
from geodata.errors import FeatureNotFoundError
from geodata.features import count_matches, items_statement, read_extent, read_feature, read_page, read_versions
from geodata.matching import ItemsQuery
from geodata.registers import get_register
from tests.conftest import TEMPLATE, Server, settings_for
from tests.geodata.builders import agency, field_of, household, publish, set_policy, sight, take_role

SIGHTS, AREAS, ADDRESSES = (get_register(name) for name in ("tourism_points", "growing_areas", "addresses"))
PROVINCES = get_register("provinces")
PERSON = "Nguyễn Thị Bí Mật"


@pytest.fixture(scope="module")
def database(server: Server, worker_name: str) -> Iterator[Database]:
    """Seven sights in a row, three growing areas, two addresses."""
    name = f"features_{worker_name}"
    found = Database(settings_for(server.create(name, TEMPLATE)))
    with found.worker() as connection:
        sights = [
            sight(f"Điểm {n}", geom=Point(108 + n / 10, 16), ocop_stars=n % 5 + 1, phone="0900123456") for n in range(7)
        ]
        publish(connection, "tourism_points", sights, actor=SAMPLE)
        triangle = shapely.Polygon([(108, 16), (109, 16), (108, 17)])
        areas = [
            field_of("VN-A-1", geom=triangle, area_ha=1.5),
            field_of("VN-A-2", geom=Point(107, 15)),
            field_of("VN-A-3"),
        ]
        publish(connection, "growing_areas", [{**area, "representative": PERSON} for area in areas])
        publish(
            connection,
            "addresses",
            [agency("0000000001", vpostcode="1000023456CF"), household("0000000002", head_name=PERSON)],
        )
    yield found
    found.dispose()
    server.drop(name)


@pytest.fixture
def public(database: Database) -> Iterator[Connection]:
    with database.read() as connection:
        yield connection


def names(connection: Connection, query: ItemsQuery) -> list[str]:
    return [json.loads(feature)["properties"]["name"] for feature in read_page(connection, SIGHTS, query).features]


def codes(connection: Connection, *boxes: tuple[float, float, float, float]) -> list[str]:
    page = read_page(connection, AREAS, ItemsQuery(boxes=boxes))
    return [json.loads(feature)["properties"]["code"] for feature in page.features]


def first(connection: Connection, register: Any) -> dict[str, Any]:
    feature: dict[str, Any] = json.loads(read_page(connection, register, ItemsQuery(limit=1)).features[0])
    return feature


# --- pages


def test_pages_follow_each_other_without_gap_or_double(public: Connection) -> None:
    found, after = [], 0
    while True:
        page = read_page(public, SIGHTS, ItemsQuery(limit=3, after=after))
        found += [json.loads(feature)["properties"]["name"] for feature in page.features]
        if page.last_id is None:
            break
        after = page.last_id
    assert found == [f"Điểm {n}" for n in range(7)]


def test_the_last_page_has_no_next_even_when_it_is_full(public: Connection) -> None:
    assert read_page(public, SIGHTS, ItemsQuery(limit=7)).last_id is None
    assert read_page(public, SIGHTS, ItemsQuery(limit=6)).last_id is not None


def test_a_box_from_pole_to_pole_holds_every_point(public: Connection) -> None:
    """Web Mercator, in which points are found, has no poles."""
    assert len(names(public, ItemsQuery(limit=20, boxes=((-180.0, -90.0, 180.0, 90.0),)))) == 7
    assert names(public, ItemsQuery(boxes=((107.95, 89.0, 108.05, 90.0), (107.95, -90.0, 108.05, 15.0)))) == []


def test_an_offset_skips_features(public: Connection) -> None:
    assert names(public, ItemsQuery(limit=2, offset=5)) == ["Điểm 5", "Điểm 6"]


def test_beyond_the_end_there_is_nothing(public: Connection) -> None:
    page = read_page(public, SIGHTS, ItemsQuery(after=10**9))
    assert (page.features, page.last_id) == ([], None)


def test_an_empty_register_has_an_empty_page(public: Connection) -> None:
    assert read_page(public, get_register("villages"), ItemsQuery()).features == []


# --- what a feature is


def test_a_feature_carries_its_public_fields_in_their_order_and_no_others(public: Connection) -> None:
    for register in (SIGHTS, AREAS, ADDRESSES, PROVINCES):
        feature = first(public, register)
        assert list(feature) == ["type", "id", "geometry", "properties"]
        lists = [side.name for side in register.lists]
        assert list(feature["properties"]) == [*(field.name for field in register.public_fields), *lists]


def test_no_private_value_is_in_any_feature(public: Connection) -> None:
    for register in (AREAS, ADDRESSES):
        assert PERSON not in "".join(read_page(public, register, ItemsQuery()).features)


def test_a_value_for_which_there_is_no_consent_is_null(public: Connection) -> None:
    assert first(public, SIGHTS)["properties"]["phone"] is None


def test_stars_whose_validity_is_not_given_are_null(public: Connection) -> None:
    assert first(public, SIGHTS)["properties"]["ocop_stars"] is None


def test_codes_stand_in_the_field_of_their_scheme(public: Connection) -> None:
    properties = first(public, ADDRESSES)["properties"]
    assert (properties["code"], properties["vpostcode"], properties["location_id"]) == (
        "0000000001",
        "1000023456CF",
        None,
    )


def test_an_area_known_as_a_point_only_is_that_point(public: Connection) -> None:
    found = {}
    for feature in read_page(public, AREAS, ItemsQuery()).features:
        item = json.loads(feature)
        found[item["properties"]["code"]] = item["geometry"]["type"]
    assert found == {"VN-A-1": "MultiPolygon", "VN-A-2": "Point", "VN-A-3": "MultiPolygon"}


def test_a_unit_without_boundary_has_no_geometry(public: Connection) -> None:
    assert first(public, PROVINCES)["geometry"] is None


def test_coordinates_have_seven_decimals_at_most(connection: Connection) -> None:
    publish(connection, "tourism_points", [sight("A", geom=Point(108.123456789, 16.987654321))])
    take_role(connection, PUBLIC_ROLE)
    assert first(connection, SIGHTS)["geometry"]["coordinates"] == [108.1234568, 16.9876543]


# --- narrowed


@pytest.mark.parametrize(
    ("box", "found"),
    [
        ((108.05, 15.9, 108.25, 16.1), ["Điểm 1", "Điểm 2"]),
        ((108.1, 16.0, 108.2, 16.0), ["Điểm 1", "Điểm 2"]),
        ((100.0, 0.0, 101.0, 1.0), []),
    ],
)
def test_a_box_holds_the_points_in_it_and_on_its_edge(
    public: Connection, box: tuple[float, float, float, float], found: list[str]
) -> None:
    assert names(public, ItemsQuery(boxes=(box,))) == found


def test_an_area_meets_a_box_with_its_shape_not_with_its_bounds(public: Connection) -> None:
    assert codes(public, (108.8, 16.8, 108.9, 16.9)) == []
    assert codes(public, (108.3, 16.3, 108.35, 16.35)) == ["VN-A-1"]


def test_an_area_known_as_a_point_meets_a_box_with_that_point(public: Connection) -> None:
    assert codes(public, (106.9, 14.9, 107.1, 15.1)) == ["VN-A-2"]


def test_several_boxes_hold_what_any_of_them_holds(public: Connection) -> None:
    assert codes(public, (106.9, 14.9, 107.1, 15.1), (108.3, 16.3, 108.35, 16.35)) == ["VN-A-1", "VN-A-2"]


def test_values_narrow_by_equality_of_their_own_type(public: Connection) -> None:
    assert names(public, ItemsQuery(equals={"name": "Điểm 3"})) == ["Điểm 3"]
    assert names(public, ItemsQuery(equals={"category": "heritage", "name": "Điểm 3"})) == ["Điểm 3"]
    assert names(public, ItemsQuery(equals={"category": "homestay"})) == []


@pytest.mark.parametrize(("field", "code"), [("code", "0000000001"), ("vpostcode", "1000023456CF")])
def test_an_address_is_found_by_each_of_its_codes(public: Connection, field: str, code: str) -> None:
    page = read_page(public, ADDRESSES, ItemsQuery(equals={field: code}))
    assert [json.loads(feature)["properties"]["code"] for feature in page.features] == ["0000000001"]


def test_a_code_of_one_scheme_is_not_one_of_another(public: Connection) -> None:
    assert read_page(public, ADDRESSES, ItemsQuery(equals={"location_id": "0000000001"})).features == []


def test_a_value_that_cannot_be_shown_cannot_be_asked_for(public: Connection) -> None:
    """Stars that are no longer valid are null to the public, so nobody finds them by their number."""
    assert names(public, ItemsQuery(equals={"ocop_stars": 3})) == []


@pytest.mark.parametrize(
    ("interval", "found"),
    [
        ((date(2025, 7, 1), None), True),
        ((None, date(2025, 6, 30)), False),
        ((date(2026, 1, 1), date(2026, 1, 1)), True),
        ((None, None), True),
        ((None, date(2025, 7, 1)), True),
    ],
)
def test_units_are_narrowed_to_those_valid_in_an_interval(
    public: Connection, interval: tuple[date | None, date | None], found: bool
) -> None:
    page = read_page(public, PROVINCES, ItemsQuery(equals={"code": "01"}, interval=interval))
    assert bool(page.features) is found


def test_time_does_not_narrow_registers_without_validity(public: Connection) -> None:
    assert len(names(public, ItemsQuery(interval=(date(1900, 1, 1), date(1900, 1, 2))))) == 7


def test_values_are_bound_and_never_written_into_the_statement() -> None:
    sql = str(
        items_statement(SIGHTS, ItemsQuery(equals={"name": "'; DROP TABLE x; --"}, boxes=((1.5, 2.5, 3.5, 4.5),)))
    )
    assert "DROP" not in sql
    assert "2.5" not in sql


def test_counts_are_exact_up_to_their_limit_and_not_known_above(public: Connection) -> None:
    assert count_matches(public, SIGHTS, ItemsQuery()) == 7
    assert count_matches(public, SIGHTS, ItemsQuery(boxes=((108.05, 15.9, 108.25, 16.1),), limit=1)) == 2
    assert count_matches(public, SIGHTS, ItemsQuery(), upto=6) is None
    assert count_matches(public, SIGHTS, ItemsQuery(), upto=None) == 7


# --- one feature


def test_a_feature_is_read_by_its_uuid_and_by_the_number_in_tiles(public: Connection) -> None:
    row = public.execute(text("SELECT id, uuid FROM open.tourism_points WHERE name = 'Điểm 4'")).one()
    by_uuid, by_number = (read_feature(public, SIGHTS, str(wanted)) for wanted in (row.uuid, row.id))
    assert by_uuid == by_number
    assert json.loads(by_uuid[0])["properties"]["name"] == "Điểm 4"
    assert by_uuid[1] == 1


@pytest.mark.parametrize(
    "wanted", ["0", "-1", "999999999", "9" * 30, "１", "x", "", str(UUID(int=7)), "00000000-0000-0000-0000-00000000000g", "1;2"]
)  # fmt: skip
def test_what_is_not_there_is_not_found_and_nothing_else_happens(public: Connection, wanted: str) -> None:
    with pytest.raises(FeatureNotFoundError):
        read_feature(public, SIGHTS, wanted)


@pytest.mark.parametrize(("policy", "is_shown"), [("code_point", True), ("lookup", False), ("aggregate", False)])
def test_a_household_is_a_feature_only_where_the_policy_shows_it(
    connection: Connection, policy: str, is_shown: bool
) -> None:
    publish(connection, "addresses", [agency("0000000001"), household("0000000002")])
    uuid = connection.scalar(text("SELECT uuid FROM reg.addresses WHERE kind = 'household'"))
    set_policy(connection, policy)
    take_role(connection, PUBLIC_ROLE)
    assert len(read_page(connection, ADDRESSES, ItemsQuery()).features) == 1 + is_shown
    if is_shown:
        assert read_feature(connection, ADDRESSES, str(uuid))
    else:
        with pytest.raises(FeatureNotFoundError):
            read_feature(connection, ADDRESSES, str(uuid))


# --- the register as a whole


def test_the_extent_holds_areas_with_their_whole_shape(public: Connection) -> None:
    extent = read_extent(public, AREAS)
    assert extent == pytest.approx((107.0, 15.0, 109.0, 17.0), abs=1e-6)


def test_an_empty_register_has_no_extent(public: Connection) -> None:
    assert read_extent(public, get_register("villages")) is None


def test_versions_tell_the_latest_revision_and_how_many_records_there_are(public: Connection) -> None:
    versions = read_versions(public)
    assert {name: (version.revision, version.count) for name, version in versions.items()} == {
        "provinces": (1, 34), "communes": (1, 3321), "tourism_points": (1, 7), "growing_areas": (1, 3), "addresses": (1, 2),
    }  # fmt: skip


def test_sample_data_is_known_as_such(public: Connection) -> None:
    versions = read_versions(public)
    assert (versions["tourism_points"].is_sample, versions["addresses"].is_sample) == (True, False)
