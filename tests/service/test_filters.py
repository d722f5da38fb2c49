"""CQL2 filters on items find what a reading of the records one by one finds."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import shapely
from shapely.geometry import box, shape
from starlette.testclient import TestClient

Properties = dict[str, Any]
Rule = Callable[[Properties, Any], bool]
ITEMS = "/collections/addresses/items"


def folded(text: str | None) -> str:
    return (text or "").casefold()


def is_like(text: str | None, pattern: str) -> bool:
    written = "".join(".*" if part == "%" else "." if part == "_" else re.escape(part) for part in pattern)
    return text is not None and re.fullmatch(written, text, re.DOTALL) is not None


ADDRESS_FILTERS: dict[str, Rule] = {
    "kind = 'business'": lambda p, g: p["kind"] == "business",
    "kind <> 'household'": lambda p, g: p["kind"] != "household",
    "kind IN ('agency', 'public_place')": lambda p, g: p["kind"] in {"agency", "public_place"},
    "NOT kind IN ('household') AND house_number LIKE '1%'":
        lambda p, g: p["kind"] != "household" and is_like(p["house_number"], "1%"),
    "house_number LIKE '_'": lambda p, g: is_like(p["house_number"], "_"),
    "house_number IS NULL": lambda p, g: p["house_number"] is None,
    "street IS NOT NULL AND NOT (kind = 'household' OR kind = 'business')":
        lambda p, g: p["street"] is not None and p["kind"] not in {"household", "business"},
    "CASEI(village) LIKE CASEI('%THÔN 1%')": lambda p, g: "thôn 1" in folded(p["village"]),
    "ACCENTI(CASEI(village)) LIKE '%thon 1%'": lambda p, g: "thôn 1" in folded(p["village"]),
    "village LIKE '%THON 1%'": lambda p, g: False,
    "kind = 'x'' OR 1=1 --'": lambda p, g: False,
    "kind BETWEEN 'a' AND 'b'": lambda p, g: "a" <= p["kind"] <= "b",
    "TRUE": lambda p, g: True,
    "recorded_on >= DATE('2026-03-01')": lambda p, g: p["recorded_on"] is not None and p["recorded_on"] >= "2026-03-01",
    "'business' = kind": lambda p, g: p["kind"] == "business",
    "house_number = CASEI(house_number) AND kind <> street":
        lambda p, g: p["house_number"] == folded(p["house_number"]) and p["street"] is not None and p["kind"] != p["street"],
    "position_accuracy_m * 2 + 1 <= 8":
        lambda p, g: p["position_accuracy_m"] is not None and p["position_accuracy_m"] * 2 + 1 <= 8,
    "T_INTERSECTS(recorded_on, INTERVAL('2026-03-01', '2026-04-30'))":
        lambda p, g: p["recorded_on"] is not None and "2026-03-01" <= p["recorded_on"] <= "2026-04-30",
    "position_accuracy_m <= 3.5": lambda p, g: p["position_accuracy_m"] is not None and p["position_accuracy_m"] <= 3.5,
}  # fmt: skip
AREA_FILTERS: dict[str, Rule] = {
    "status = 'active'": lambda p, g: p["status"] == "active",
    "area_ha > 2 AND area_ha < 99999999999999999999": lambda p, g: p["area_ha"] is not None and p["area_ha"] > 2,
    "A_CONTAINS(markets, ('CHN'))": lambda p, g: "CHN" in (p["markets"] or ()),
    "A_OVERLAPS(harvest_months, (5, 6)) AND status = 'active'":
        lambda p, g: bool({5, 6} & set(p["harvest_months"] or ())) and p["status"] == "active",
    "expected_yield_t / area_ha > household_count ^ 0.5": lambda p, g:
        None not in {p["expected_yield_t"], p["area_ha"], p["household_count"]} and p["area_ha"] > 0
        and p["expected_yield_t"] / p["area_ha"] > p["household_count"] ** 0.5,
    "status IN ('revoked', 'active') AND NOT area_ha > 2":
        lambda p, g: p["status"] in {"revoked", "active"} and p["area_ha"] is not None and not p["area_ha"] > 2,
}  # fmt: skip


def all_items(client: TestClient, path: str, **asked: str) -> list[Any]:
    """Return the features of every page."""
    page = client.get(path, params={"limit": 1000, **asked})
    assert page.status_code == 200, page.text[:300]
    found = list(page.json()["features"])
    while following := [link["href"] for link in page.json()["links"] if link["rel"] == "next"]:
        page = client.get(following[0])
        found += page.json()["features"]
    return found


@pytest.fixture(scope="module")
def addresses(client: TestClient) -> list[Any]:
    return all_items(client, ITEMS)


def matching(records: list[Any], rule: Rule) -> set[str]:
    return {record["id"] for record in records if rule(record["properties"], record["geometry"])}


@pytest.mark.parametrize("text", list(ADDRESS_FILTERS))
def test_a_filter_finds_just_the_items_that_match(client: TestClient, addresses: list[Any], text: str) -> None:
    expected = matching(addresses, ADDRESS_FILTERS[text])
    found = all_items(client, ITEMS, filter=text)
    assert {item["id"] for item in found} == expected
    assert client.get(ITEMS, params={"filter": text, "limit": 1}).json()["numberMatched"] == len(expected)


def test_the_filters_of_these_tests_tell_records_apart(addresses: list[Any]) -> None:
    counts = [len(matching(addresses, rule)) for rule in ADDRESS_FILTERS.values()]
    assert sum(0 < count < len(addresses) for count in counts) >= 8


@pytest.mark.parametrize("text", list(AREA_FILTERS))
def test_a_filter_finds_areas_that_stand_in_no_list_where_it_asks_for_their_status(
    client: TestClient, text: str
) -> None:
    path = "/collections/growing_areas/items"
    listed = all_items(client, path)
    everything = listed + [
        item for status in ("revoked", "expired", "withdrawn") for item in all_items(client, path, status=status)
    ]
    known = everything if "status" in text else listed
    assert {item["id"] for item in all_items(client, path, filter=text)} == matching(known, AREA_FILTERS[text])


@pytest.mark.parametrize("form", ["polygon", "bbox", "json"])
@pytest.mark.parametrize("layer", ["addresses", "growing_areas", "communes"])
def test_a_shape_finds_what_it_meets(client: TestClient, layer: str, form: str) -> None:
    west, south, east, north = client.get(f"/tiles/{layer}.json").json()["bounds"]
    area = box(west + (east - west) / 3, south + (north - south) / 3, east - (east - west) / 3, north)
    if form == "polygon":
        area = area.union(area.centroid.buffer((east - west) / 2.5, quad_segs=4))
    asked: dict[str, str] = {"filter": f"S_INTERSECTS(geometry, {area.wkt})"}
    if form == "bbox":
        asked = {"filter": "S_INTERSECTS(geometry, BBOX({},{},{},{}))".format(*area.bounds)}
    if form == "json":
        tree = {
            "op": "s_intersects",
            "args": [{"property": "geometry"}, json.loads(json.dumps(area.__geo_interface__))],
        }
        asked = {"filter": json.dumps(tree), "filter-lang": "cql2-json"}
    path = f"/collections/{layer}/items"
    everything = all_items(client, path)
    expected = {item["id"] for item in everything if item["geometry"] and shape(item["geometry"]).intersects(area)}
    assert {item["id"] for item in all_items(client, path, **asked)} == expected
    assert 0 < len(expected) < len(everything)


RELATIONS = {
    "S_INTERSECTS": shapely.intersects, "S_DISJOINT": shapely.disjoint, "S_WITHIN": shapely.within, "S_CONTAINS": shapely.contains,
    "S_OVERLAPS": shapely.overlaps, "S_CROSSES": shapely.crosses, "S_TOUCHES": shapely.touches, "S_EQUALS": shapely.equals,
}  # fmt: skip


@pytest.mark.parametrize("layer", ["addresses", "growing_areas", "communes"])
def test_each_spatial_function_finds_what_geos_finds_by_index_and_without(client: TestClient, layer: str) -> None:
    path = f"/collections/{layer}/items"
    known = [(item["id"], shape(item["geometry"])) for item in all_items(client, path) if item["geometry"]]
    middle = known[len(known) // 2][1]
    area = shapely.box(*middle.buffer(0.02).bounds)
    # A box whose corner is a vertex of one record touches, crosses or overlaps others.
    corner = shapely.Point(shapely.get_coordinates(middle)[0])
    given = {
        "S_CONTAINS": corner if middle.geom_type == "Point" else middle.representative_point(), "S_EQUALS": middle,
        "S_TOUCHES": shapely.LineString([corner, (corner.x + 0.3, corner.y + 0.3)]), "S_CROSSES": area.boundary,
    }  # fmt: skip
    revision = str(client.get(f"/collections/{layer}").json()["bandoso:revision"])
    found_any = 0
    for function, relation in RELATIONS.items():
        against = given.get(function, area)
        text = shapely.to_wkt(against, rounding_precision=-1)
        if len(text) > 4000:
            continue
        expected = {number for number, place in known if relation(place, against)}
        found_any += bool(expected)
        # The past has no index to go by.
        for asked in ({}, {"as-of": revision})[: 1 + (len(expected) < len(known) / 2)]:
            items = all_items(client, path, filter=f"{function}(geometry, {text})", **asked)
            assert {item["id"] for item in items} == expected, (function, asked)
        converse = {"S_WITHIN": "S_CONTAINS", "S_CONTAINS": "S_WITHIN"}.get(function, function)
        mirrored = client.get(path, params={"filter": f"{converse}({text}, geometry)", "limit": 1}).json()
        assert mirrored["numberMatched"] == len(expected), function
    assert found_any >= 4


def test_a_code_is_found_by_its_index_in_the_present_and_in_its_document_in_the_past(
    client: TestClient, addresses: list[Any]
) -> None:
    wanted = addresses[7]
    code = wanted["properties"]["code"]
    latest = str(client.get("/collections/addresses").json()["bandoso:revision"])
    for text in (f"code = '{code}'", f"'{code}' = code", f"code IN ('{code}', 'x')", f"code IN (street, '{code}')"):
        for asked in ({}, {"as-of": latest}):
            found = client.get(ITEMS, params={"filter": text, **asked}).json()["features"]
            assert wanted["id"] in [item["id"] for item in found], text
            assert len(found) == 1 or "street" in text


def test_json_and_text_are_the_same_filter(client: TestClient) -> None:
    tree = {"op": "and", "args": [
        {"op": "=", "args": [{"property": "kind"}, "business"]},
        {"op": "not", "args": [{"op": "isNull", "args": [{"property": "house_number"}]}]},
    ]}  # fmt: skip
    pages = [
        client.get(ITEMS, params={"limit": "1000", **asked}).json()["features"]
        for asked in (
            {"filter": "kind = 'business' AND house_number IS NOT NULL"},
            {"filter": json.dumps(tree), "filter-lang": "cql2-json"},
        )
    ]
    assert pages[0] == pages[1] != []


@pytest.mark.parametrize(
    "filter_",
    [
        "full_address IS NULL",
        "phone + 1 = 2",
        "uuid IS NULL",
        "head_name = 'x'",
        "phone LIKE '0%'",
        "id = 1",
        "nothing = 1",
    ],
)
def test_what_is_private_is_as_unknown_as_what_is_not_there(client: TestClient, filter_: str) -> None:
    answer = client.get(ITEMS, params={"filter": filter_})
    assert answer.status_code == 400
    assert f"“{filter_.split(maxsplit=1)[0]}”" in answer.json()["detail"]


def test_the_queryables_name_all_that_a_filter_takes(client: TestClient) -> None:
    for layer in ("addresses", "growing_areas", "communes", "tourism_points"):
        names = client.get(f"/collections/{layer}/queryables").json()["properties"]
        for name in names:
            assert client.get(f"/collections/{layer}/items", params={"filter": f"{name} IS NULL"}).status_code == 200, (
                name
            )


def test_a_list_is_a_queryable_of_type_array_and_no_plain_parameter(client: TestClient) -> None:
    queryables = client.get("/collections/growing_areas/queryables").json()["properties"]
    assert {name: field["items"]["type"] for name, field in queryables.items() if field.get("type") == "array"} == {
        "harvest_months": "integer", "markets": "string",
    }  # fmt: skip
    assert client.get("/collections/growing_areas/items", params={"markets": "CHN"}).status_code == 400


def test_the_classes_of_cql2_that_are_covered_are_declared_and_no_other(client: TestClient) -> None:
    start = "http://www.opengis.net/spec/cql2/1.0/conf/"
    declared = {
        uri.removeprefix(start) for uri in client.get("/conformance").json()["conformsTo"] if uri.startswith(start)
    }
    assert declared == {
        "basic-cql2", "cql2-text", "cql2-json", "advanced-comparison-operators", "case-insensitive-comparison",
        "accent-insensitive-comparison", "basic-spatial-functions", "basic-spatial-functions-plus", "basic-spatial-operators",
        "spatial-functions", "temporal-functions", "array-functions", "property-property", "arithmetic",
    }  # fmt: skip
