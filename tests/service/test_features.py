"""Items of the collections: what can be asked, how pages follow each other, and what a reader may keep."""

import math
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from shapely.geometry import box, shape
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from starlette.testclient import TestClient

from geodata.db import Database
from geodata.features import items_statement
from geodata.matching import ItemsQuery
from geodata.registers import discover, get_register
from service.api.cursors import write_cursor
from service.app import create_app
from service.settings import ServiceSettings
from tests.conftest import settings_for

Feature = dict[str, Any]
ADDRESSES, AREAS, COMMUNES = (f"/collections/{name}/items" for name in ("addresses", "growing_areas", "communes"))
GEOJSON, PROBLEM = "application/geo+json", "application/problem+json"
INWARD_WORDS = ("select", "psycopg", "sqlalchemy", "traceback", "reg.", "ops.", "/service/")


def walk(client: TestClient, path: str, **asked: str | int) -> Iterator[dict[str, Any]]:
    """Return page after page along the links to the next one."""
    answer = client.get(path, params=asked)
    while True:
        assert answer.status_code == 200
        page = answer.json()
        yield page
        following = links(page, "next")
        if not following:
            return
        answer = client.get(following[0])


def links(document: dict[str, Any], relation: str) -> list[str]:
    """Return the addresses of a document's links of one relation."""
    return [link["href"] for link in document["links"] if link["rel"] == relation]


def features_of(client: TestClient, path: str, **asked: str | int) -> list[Feature]:
    """Return the features of every page."""
    return [feature for page in walk(client, path, limit=1000, **asked) for feature in page["features"]]


def ids(features: list[Feature]) -> set[str]:
    return {feature["id"] for feature in features}


def refuse(client: TestClient, path: str, parameters: Any) -> str:
    """Ask for something malformed; return the text of the problem."""
    answer = client.get(path, params=parameters)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == PROBLEM
    assert not [word for word in INWARD_WORDS if word in answer.text.lower()]
    return answer.text


@pytest.fixture(scope="module")
def addresses(client: TestClient) -> list[Feature]:
    """Every address, as its pages tell it."""
    return features_of(client, ADDRESSES)


@pytest.fixture(scope="module")
def areas(client: TestClient) -> list[Feature]:
    """Every growing area."""
    return features_of(client, AREAS)


def test_landing_page_links_lead_somewhere(client: TestClient) -> None:
    landing = client.get("/?f=json").json()
    assert {"self", "service-desc", "conformance", "data"} <= {link["rel"] for link in landing["links"]}
    for link in landing["links"]:
        if not link.get("templated"):
            assert client.get(link["href"]).status_code == 200, link["href"]


def test_conformance_declares_the_core_of_features_and_tiles(client: TestClient) -> None:
    declared = client.get("/conformance").json()["conformsTo"]
    assert len(declared) == len(set(declared))
    for wanted in (
        "ogcapi-features-1/1.0/conf/core",
        "ogcapi-features-1/1.0/conf/geojson",
        "ogcapi-tiles-1/1.0/conf/core",
    ):
        assert f"http://www.opengis.net/spec/{wanted}" in declared


def test_every_register_is_a_collection_whose_links_have_the_type_they_say(client: TestClient) -> None:
    collections = client.get("/collections").json()["collections"]
    assert {collection["id"] for collection in collections} == set(discover())
    for link in (link for collection in collections for link in collection["links"]):
        answer = client.get(link["href"])
        assert answer.status_code == 200, link["href"]
        assert answer.headers["content-type"].partition(";")[0] == link["type"]


@pytest.mark.parametrize(
    "path", ["/?f=json", "/collections", "/collections/villages", ADDRESSES, f"{ADDRESSES}/1", "/tiles/communes.json"]
)
def test_links_are_absolute(client: TestClient, path: str) -> None:
    document = client.get(path).json()
    entries = [document, *document.get("collections", []), *document.get("features", [])]
    links = [link for entry in entries for link in entry.get("links", []) if link["rel"] != "profile"]
    found = [link["href"] for link in links] + document.get("tiles", [])
    assert found
    assert all(href.startswith("http://testserver/") for href in found)


def test_links_carry_the_public_address_where_a_proxy_hides_it(sample_url: str) -> None:
    settings = settings_for(sample_url, public_url="https://ban-do.example/")
    with TestClient(create_app(settings)) as client:
        page = client.get(ADDRESSES).json()
    own = [link["href"] for link in page["links"] if link["rel"] != "profile"]
    assert all(href.startswith("https://ban-do.example/collections/") for href in own)


@pytest.mark.parametrize("height", [False, True], ids=["four numbers", "six numbers"])
def test_a_box_holds_the_points_inside_it_and_no_others(
    client: TestClient, addresses: list[Feature], height: bool
) -> None:
    west, south, east, north = 106.23, 20.32, 106.25, 20.35
    asked = f"{west},{south},-10,{east},{north},500" if height else f"{west},{south},{east},{north}"
    within = box(west, south, east, north)
    inside = ids([item for item in addresses if shape(item["geometry"]).within(within)])
    assert 0 < len(inside) < len(addresses)
    assert ids(features_of(client, ADDRESSES, bbox=asked)) == inside


def test_a_box_meets_areas_by_their_shape(client: TestClient, areas: list[Feature]) -> None:
    asked = box(106.231, 20.331, 106.2345, 20.3345)
    meeting = {item["id"] for item in areas if shape(item["geometry"]).intersects(asked)}
    near = {item["id"] for item in areas if box(*shape(item["geometry"]).bounds).intersects(asked)}
    assert meeting
    assert meeting <= near
    assert ids(features_of(client, AREAS, bbox="106.231,20.331,106.2345,20.3345")) == meeting


@pytest.mark.parametrize(("asked", "holds"), [("170,-90,107,90", True), ("107,-90,106,90", False)])
def test_a_box_across_the_antimeridian_is_two_boxes(client: TestClient, asked: str, holds: bool) -> None:
    assert client.get(ADDRESSES, params={"bbox": asked}).json()["numberMatched"] == (5000 if holds else 0)


@pytest.mark.parametrize(
    "asked",
    ["", "1,2,3", "1,2,3,4,5", "1,2,3,4,5,6,7", "a,b,c,d", "nan,0,1,1", "0,0,inf,1", "0,5,1,4", "0,0,181,1", "0,-91,1,1", "0;0;1;1"],
)  # fmt: skip
def test_a_malformed_box_is_refused(client: TestClient, asked: str) -> None:
    assert "bbox" in refuse(client, ADDRESSES, {"bbox": asked})


@pytest.mark.parametrize("asked", ["0", "-1", "abc", "1.5", "", "+5", "٥"])
def test_a_malformed_limit_is_refused(client: TestClient, asked: str) -> None:
    assert "limit" in refuse(client, ADDRESSES, {"limit": asked})


def test_a_large_limit_is_cut_to_a_thousand(client: TestClient) -> None:
    page = client.get(ADDRESSES, params={"limit": 5000}).json()
    assert len(page["features"]) == page["numberReturned"] == 1000
    assert page["numberMatched"] == 5000


@pytest.mark.parametrize(
    "asked", [{"no_such": "1"}, {"head_name": "x"}, {"'; DROP TABLE addresses;--": "1"}, {"id": "1"}, [("kind", "agency"), ("kind", "household")]],
)  # fmt: skip
def test_unknown_and_repeated_parameters_are_refused(client: TestClient, asked: Any) -> None:
    refuse(client, ADDRESSES, asked)


@pytest.mark.parametrize(
    ("collection", "field", "read"),
    [
        ("addresses", "kind", str),
        ("addresses", "street", str),
        ("addresses", "position_accuracy_m", float),
        ("addresses", "recorded_on", date.fromisoformat),
        ("villages", "household_count", int),
        ("tourism_points", "ocop_stars", int),
        ("growing_areas", "area_ha", float),
        ("communes", "code", str),
    ],
)
def test_a_field_filters_by_equality_in_its_own_type(
    client: TestClient, collection: str, field: str, read: Callable[[str], object]
) -> None:
    path = f"/collections/{collection}/items"
    every = features_of(client, path)
    wanted = next(item["properties"][field] for item in every if item["properties"][field] is not None)
    expected = {item["id"] for item in every if item["properties"][field] == wanted}
    assert read(str(wanted)) is not None
    assert ids(features_of(client, path, **{field: str(wanted)})) == expected


@pytest.mark.parametrize(
    ("collection", "field", "value"),
    [
        ("addresses", "recorded_on", "yesterday"),
        ("addresses", "position_accuracy_m", "near"),
        ("addresses", "position_accuracy_m", "nan"),
        ("addresses", "position_accuracy_m", "1e400"),
        ("villages", "household_count", "1.5"),
        ("villages", "household_count", "99999999999"),
        ("tourism_points", "ocop_stars", "40000"),
        ("growing_areas", "markets", "CN"),
        ("addresses", "street", "x" * 1001),
    ],
)
def test_a_value_that_the_field_cannot_hold_is_refused(
    client: TestClient, collection: str, field: str, value: str
) -> None:
    assert field in refuse(client, f"/collections/{collection}/items", {field: value})


def test_filters_and_box_hold_together(client: TestClient, addresses: list[Feature]) -> None:
    found = features_of(client, ADDRESSES, kind="household", commune_code="99002", bbox="106.2,20.2,106.24,20.4")
    assert found
    wanted = {
        item["id"]
        for item in addresses
        if item["properties"]["kind"] == "household"
        and item["properties"]["commune_code"] == "99002"
        and item["geometry"]["coordinates"][0] <= 106.24
    }
    assert ids(found) == wanted


def test_an_address_is_found_by_its_code_through_the_index(sample_database: Database) -> None:
    query = ItemsQuery(equals={"code": "0799700001"})
    statement = items_statement(get_register("addresses"), query)
    compiled = statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    with sample_database.read() as connection:
        plan = "\n".join(connection.execute(text(f"EXPLAIN {compiled}".replace(":", r"\:"))).scalars())
    assert "address_codes_scheme_value" in plan
    assert "Seq Scan on address" not in plan


@pytest.mark.parametrize(
    ("collection", "asked"),
    [("addresses", {"limit": 700}), ("villages", {"limit": 12}), ("addresses", {"limit": 77, "commune_code": "99001", "kind": "business"})],
)  # fmt: skip
def test_the_next_links_walk_everything_once_and_end(
    client: TestClient, collection: str, asked: dict[str, Any]
) -> None:
    path = f"/collections/{collection}/items"
    pages = list(walk(client, path, **asked))
    seen = [feature["id"] for page in pages for feature in page["features"]]
    assert len(seen) == len(set(seen)) == pages[0]["numberMatched"]
    assert len(pages) == math.ceil(len(seen) / asked["limit"])
    assert not links(pages[-1], "next")


def test_the_link_header_says_what_the_body_says(client: TestClient) -> None:
    answer = client.get(ADDRESSES)
    assert f'<{links(answer.json(), "next")[0]}>; rel="next"' in answer.headers["link"]


def test_a_cursor_of_another_collection_is_refused(client: TestClient) -> None:
    following = links(client.get("/collections/villages/items").json(), "next")[0]
    cursor = following.partition("cursor=")[2]
    assert "cursor" in refuse(client, ADDRESSES, {"cursor": cursor})


def test_a_cursor_that_somebody_changed_is_refused(client: TestClient, sample_settings: ServiceSettings) -> None:
    good = write_cursor(100, get_register("addresses"), sample_settings.signing_key)
    assert client.get(ADDRESSES, params={"cursor": good}).status_code == 200
    for place in range(len(good)):
        other = "A" if good[place] != "A" else "B"
        refuse(client, ADDRESSES, {"cursor": good[:place] + other + good[place + 1 :]})


@pytest.mark.parametrize("made_up", ["", "x", "0", "é", "=" * 9, "ỷ", "AAAAAAAAAAAA", "A" * 999])
def test_a_made_up_cursor_is_refused(client: TestClient, made_up: str) -> None:
    refuse(client, ADDRESSES, {"cursor": made_up})


def test_a_cursor_signed_with_another_secret_is_refused(client: TestClient) -> None:
    refuse(client, ADDRESSES, {"cursor": write_cursor(100, get_register("addresses"), b"another secret")})


def test_an_offset_skips_rows(client: TestClient, addresses: list[Feature]) -> None:
    page = client.get(ADDRESSES, params={"offset": 7, "limit": 3}).json()
    assert [item["id"] for item in page["features"]] == [item["id"] for item in addresses[7:10]]
    after = client.get(links(page, "next")[0]).json()
    assert after["features"][0]["id"] == addresses[10]["id"]


@pytest.mark.parametrize("asked", ["106.2,20.2,106.24,20.4", "106.24,20.2,106.23,20.4"], ids=["one box", "two boxes"])
def test_pages_of_a_box_go_on_from_a_cursor_and_skip_rows_after_it(client: TestClient, asked: str) -> None:
    inside = [item["id"] for item in features_of(client, ADDRESSES, bbox=asked)]
    assert 50 < len(inside) < 5000
    first = client.get(ADDRESSES, params={"bbox": asked, "limit": 20}).json()
    following = links(first, "next")[0]
    assert [item["id"] for item in client.get(following).json()["features"]] == inside[20:40]
    skipped = client.get(f"{following}&offset=7").json()
    assert [item["id"] for item in skipped["features"]] == inside[27:47]
    after = client.get(links(skipped, "next")[0]).json()
    assert [item["id"] for item in after["features"]] == inside[47:67]


@pytest.mark.parametrize("asked", ["10001", "-1", "x"])
def test_an_offset_has_a_bound(client: TestClient, asked: str) -> None:
    assert client.get(ADDRESSES, params={"offset": 10_000}).status_code == 200
    assert "offset" in refuse(client, ADDRESSES, {"offset": asked})


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ("2025-06-30", False),
        ("2025-07-01", True),
        ("2025-07-01T00:00:00Z", True),
        ("2025-12-31T23:30:00+07:00", True),
        ("2020-01-01/2025-06-30", False),
        ("2020-01-01/2025-07-01", True),
        ("../2025-06-30", False),
        ("/2025-06-30", False),
        ("2025-07-01/..", True),
        ("2025-07-01T00:00:00Z/", True),
    ],
)
def test_communes_are_those_in_force_at_the_time(client: TestClient, asked: str, holds: bool) -> None:
    page = client.get(COMMUNES, params={"datetime": asked, "code": "99001"}).json()
    assert page["numberMatched"] == holds


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "..",
        "../..",
        "2025",
        "2025-13-01",
        "01/07/2025",
        "2026-01-01/2025-01-01",
        "a/b",
        "2025-01-01/2025-02-01/2025-03-01",
    ],
)
def test_a_malformed_time_is_refused(client: TestClient, asked: str) -> None:
    assert "datetime" in refuse(client, COMMUNES, {"datetime": asked})


def test_a_time_takes_nothing_away_from_records_without_validity(client: TestClient) -> None:
    assert client.get(ADDRESSES, params={"datetime": "1999-01-01"}).json()["numberMatched"] == 5000


def test_an_item_has_its_uuid_and_the_number_that_tiles_carry(client: TestClient) -> None:
    by_number = client.get(f"{ADDRESSES}/1").json()
    for name in (by_number["id"], by_number["id"].upper()):
        assert client.get(f"{ADDRESSES}/{name}").json() == by_number


def test_a_record_without_a_place_has_a_null_geometry(client: TestClient) -> None:
    page = client.get(COMMUNES, params={"code": "00004"}).json()
    assert [item["geometry"] for item in page["features"]] == [None]


def page_of(client: TestClient, path: str) -> str:
    """Return a page for people."""
    answer = client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 200
    return answer.text


def test_the_page_of_an_item_begins_with_what_people_ask_and_ends_with_what_is_technical(client: TestClient) -> None:
    place = client.get("/collections/tourism_points/items?limit=1").json()["features"][0]
    text = page_of(client, f"/collections/tourism_points/items/{place['id']}")
    parts = ("<h1>Homestay", "<dt>Loại", "<dt>Giới thiệu", "<h2>Thông tin kỹ thuật", "<dt>Tên đường dẫn")
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert places[-1] < text.index(f"<code>{place['id']}</code>")
    assert "Sao OCOP" not in text, "nothing is known of it"
    assert '<dt>Tên tiếng Anh</dt><dd lang="en">' in text
    lon, lat = place["geometry"]["coordinates"]
    assert f"<dt>Vĩ độ, kinh độ</dt><dd>{lat}, {lon}</dd>" in text


@pytest.mark.parametrize("register", discover())
def test_a_table_has_a_handful_of_columns(client: TestClient, register: str) -> None:
    text = page_of(client, f"/collections/{register}/items")
    assert 3 <= text.count('<th scope="col">') <= 8


def test_the_list_of_collections_marks_those_that_hold_sample_data(client: TestClient) -> None:
    parts = page_of(client, "/collections").split("<h2>")[1:]
    marked = {
        part.partition("/collections/")[2].partition('"')[0].partition("?")[0] for part in parts if "badge" in part
    }
    assert marked == {"addresses", "communes", "growing_areas", "ntm_results", "tourism_points", "villages"}
