"""OGC API - Features - Part 1: Core."""

from datetime import datetime

import pytest
from shapely.geometry import box, shape

from tests.conformance.api import GEOJSON, HTML, JSON, OPENAPI, PROBLEM, Api, ids, links, media_type_of
from tests.conformance.classes import FEATURES

pytestmark = pytest.mark.conformance(FEATURES + "core")
ITEMS = "/collections/{collectionId}/items"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
DATED = "communes"
"""A register with dates of validity, from 2025-07-01 on in the sample."""


def test_http_1_1_is_spoken_and_the_landing_page_has_json(api: Api) -> None:
    """Abstract tests /conf/core/http, root-op and root-success."""
    answer = api.ask("/")
    assert answer.http_version == "HTTP/1.1"
    assert media_type_of(answer) == JSON
    for relation in ("service-desc", "service-doc", "conformance", "data"):
        assert links(answer.json(), relation), relation


def test_the_definition_of_the_interface_is_openapi(api: Api) -> None:
    """Abstract tests /conf/core/api-definition-op and api-definition-success."""
    assert media_type_of(api.ask("/api", OPENAPI)) == OPENAPI.partition(";")[0]
    assert ITEMS in api.definition["paths"]


def test_conformance_declares_the_core(api: Api) -> None:
    """Abstract tests /conf/core/conformance-op and conformance-success."""
    assert FEATURES + "core" in api.declared


def test_collections_are_listed_with_links_in_every_form(api: Api) -> None:
    """Abstract tests /conf/core/fc-md-op, fc-md-success and fc-md-links."""
    document = api.read(links(api.landing, "data")[0]["href"])
    assert links(document, "self", JSON)
    assert links(document, "alternate", HTML)
    assert all(link.get("rel") and link.get("type") for link in document["links"])
    assert document["collections"]


def test_every_collection_leads_to_its_items_in_every_form(api: Api) -> None:
    """Abstract tests /conf/core/fc-md-items and fc-md-items-links."""
    for one in api.collections:
        assert {link["type"] for link in links(one, "items")} >= {GEOJSON, HTML}
        assert all(link.get("type") for link in links(one, "items"))


def test_every_collection_says_where_and_when(api: Api) -> None:
    """Abstract test /conf/core/fc-md-extent."""
    for one in api.collections:
        extent = one["extent"]
        assert len(extent["spatial"]["bbox"][0]) == 4
        for interval in extent.get("temporal", {"interval": []})["interval"]:
            assert len(interval) == 2
            assert all(end is None or datetime.fromisoformat(end).tzinfo for end in interval)


def test_a_collection_by_itself_is_what_the_list_says(api: Api, collection: str) -> None:
    """Abstract tests /conf/core/sfc-md-op and sfc-md-success."""
    listed = next(one for one in api.collections if one["id"] == collection)
    assert {"id", "title", "extent", "links"} <= listed.keys()
    assert api.collection(collection) == listed


@pytest.mark.parametrize("path", ["/collections/dUmmYcOlLeCtIoN", "/collections/dUmmYcOlLeCtIoN/items"])
def test_a_collection_that_is_not_there_is_not_found(api: Api, path: str) -> None:
    """Requirement /req/core/sfc-md-op: 404."""
    answer = api.ask(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == PROBLEM


def test_items_are_a_feature_collection_in_crs84(api: Api, collection: str) -> None:
    """Abstract tests /conf/core/fc-op, fc-response and crs84."""
    page = api.items(collection)
    assert page["type"] == "FeatureCollection"
    assert page["features"]
    for feature in page["features"]:
        west, south, east, north = shape(feature["geometry"]).bounds
        assert 102 < west <= east < 118
        assert 6 < south <= north < 24


def test_a_page_leads_to_itself_to_other_forms_and_to_the_next(api: Api, collection: str) -> None:
    """Abstract tests /conf/core/fc-links and fc-rel-type."""
    page = api.items(collection, limit=5)
    assert links(page, "self", GEOJSON)
    assert links(page, "alternate", HTML)
    assert all(link.get("rel") and link.get("type") for link in page["links"])
    following = api.read(links(page, "next", GEOJSON)[0]["href"], GEOJSON)
    assert not ids(page["features"]) & ids(following["features"])


def test_the_number_matched_is_that_of_all_pages(api: Api, collection: str) -> None:
    """Abstract test /conf/core/fc-numberMatched."""
    assert api.items(collection, limit=1)["numberMatched"] == len(api.all_items(collection))


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_the_number_returned_is_that_of_the_page(api: Api, collection: str, limit: int) -> None:
    """Abstract test /conf/core/fc-numberReturned."""
    page = api.items(collection, limit=limit)
    assert page["numberReturned"] == len(page["features"]) <= limit


def test_the_box_is_described_as_the_standard_asks(api: Api) -> None:
    """Abstract test /conf/core/fc-bbox-definition."""
    found = api.parameter(ITEMS, "bbox")
    assert not found["required"]
    assert (found["style"], found["explode"]) == ("form", False)
    schema = found["schema"]
    assert (schema["type"], schema["minItems"], schema["maxItems"]) == ("array", 4, 6)
    assert schema["items"]["type"] == "number"


def test_a_box_holds_the_items_that_it_meets(api: Api, collection: str) -> None:
    """Abstract test /conf/core/fc-bbox-response."""
    everything = api.all_items(collection)
    west, south, east, north = api.collection(collection)["extent"]["spatial"]["bbox"][0]
    half = box(west, south, (west + east) / 2, (south + north) / 2)
    inside = api.all_items(collection, bbox=",".join(map(str, half.bounds)))
    expected = {one["id"] for one in everything if one["geometry"] and shape(one["geometry"]).intersects(half)}
    assert ids(inside) == expected
    assert 0 < len(expected) < len(everything)


def test_a_box_with_heights_is_taken(api: Api, collection: str) -> None:
    """Requirement /req/core/fc-bbox-response: four numbers or six."""
    west, south, east, north = api.collection(collection)["extent"]["spatial"]["bbox"][0]
    flat = api.items(collection, bbox=f"{west},{south},{east},{north}")
    assert (
        api.items(collection, bbox=f"{west},{south},-10,{east},{north},9000")["numberMatched"] == flat["numberMatched"]
    )


def test_the_limit_is_described_as_the_standard_asks(api: Api) -> None:
    """Abstract test /conf/core/fc-limit-definition."""
    found = api.parameter(ITEMS, "limit")
    assert not found["required"]
    assert (found["style"], found["explode"]) == ("form", False)
    schema = found["schema"]
    assert schema["type"] == "integer"
    assert schema["minimum"] == 1
    assert 1 <= schema["default"] <= schema["maximum"]


def test_the_limit_is_kept_and_one_that_is_too_large_is_cut(api: Api, collection: str) -> None:
    """Abstract test /conf/core/fc-limit-response."""
    schema = api.parameter(ITEMS, "limit")["schema"]
    assert len(api.items(collection)["features"]) == schema["default"]
    assert len(api.items(collection, limit=3)["features"]) == 3
    assert len(api.items(collection, limit=schema["maximum"] * 5)["features"]) <= schema["maximum"]


def test_the_time_is_described_as_the_standard_asks(api: Api) -> None:
    """Abstract test /conf/core/fc-time-definition."""
    found = api.parameter(ITEMS, "datetime")
    assert not found["required"]
    assert (found["style"], found["explode"]) == ("form", False)
    assert found["schema"]["type"] == "string"


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ("2026-02-12T23:20:50Z", True), ("2026-02-12", True), ("2020-01-01", False),
        ("2026-02-12T00:00:00Z/2026-03-18T12:31:12Z", True), ("2026-02-12T00:00:00Z/..", True), ("../2020-03-18T12:31:12Z", False),
        ("2019-02-12T00:00:00Z/", True), ("/2020-03-18T12:31:12Z", False),
    ],
)  # fmt: skip
def test_a_time_holds_what_was_in_force(api: Api, asked: str, holds: bool) -> None:
    """Abstract test /conf/core/fc-time-response, for records with a time."""
    assert bool(api.items(DATED, limit=1, datetime=asked)["features"]) is holds


def test_a_time_keeps_records_that_have_none(api: Api, collection: str) -> None:
    """Abstract test /conf/core/fc-time-response, for records without a time."""
    assert api.items(collection, datetime="1990-01-01")["numberMatched"] == api.items(collection)["numberMatched"]


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": "0"}, {"limit": "-1"}, {"limit": "x"}, {"bbox": "106,20,107"}, {"bbox": "a,b,c,d"}, {"bbox": "106,21,107,20"},
        {"datetime": "yesterday"}, {"datetime": "2026-02-30"},
    ],
)  # fmt: skip
def test_a_malformed_parameter_is_refused(api: Api, collection: str, asked: dict[str, str]) -> None:
    """Abstract test /conf/core/query-param-invalid."""
    api.refuse(f"/collections/{collection}/items", **asked)


def test_an_unknown_parameter_is_refused(api: Api, collection: str) -> None:
    """Abstract test /conf/core/query-param-unknown."""
    api.refuse(f"/collections/{collection}/items", dUmmYpArAm="1")
    first = api.items(collection, limit=1)["features"][0]["id"]
    api.refuse(f"/collections/{collection}/items/{first}", dUmmYpArAm="1")


def test_an_item_by_itself_is_the_one_of_the_page(api: Api, collection: str) -> None:
    """Abstract tests /conf/core/f-op and f-success."""
    wanted = api.items(collection, limit=1)["features"][0]
    found = api.read(f"/collections/{collection}/items/{wanted['id']}", GEOJSON)
    assert found["type"] == "Feature"
    assert {name: found[name] for name in wanted} == wanted


def test_an_item_leads_to_itself_to_other_forms_and_to_its_collection(api: Api, collection: str) -> None:
    """Abstract test /conf/core/f-links."""
    wanted = api.items(collection, limit=1)["features"][0]["id"]
    found = api.read(f"/collections/{collection}/items/{wanted}", GEOJSON)
    assert links(found, "self", GEOJSON)
    assert links(found, "alternate", HTML)
    assert links(found, "collection")[0]["href"].endswith(f"/collections/{collection}")


def test_the_coordinate_system_is_crs84_where_none_is_asked_for(api: Api) -> None:
    """Abstract test /conf/core/crs84."""
    for one in api.collections:
        assert one["extent"]["spatial"].get("crs", CRS84) == CRS84
        assert one["crs"][0] == CRS84
