"""OGC API - Features - Part 3: Filtering."""

import json
from urllib.parse import urljoin

import pytest

from tests.conformance.api import GEOJSON, Api, Json, ids, links, media_type_of
from tests.conformance.classes import FILTERING

ITEMS = "/collections/{collectionId}/items"
QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
DIALECTS = {"https://json-schema.org/draft/2019-09/schema", "https://json-schema.org/draft/2020-12/schema"}
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
LANGUAGES = {
    "cql2-text": ("{} IS NULL", "THIS IS NOT A FILTER"),
    "cql2-json": ('{{"op": "isNull", "args": [{{"property": "{}"}}]}}', '{"op": "THIS IS NOT A FILTER"}'),
}


def queryables(api: Api, collection: str) -> Json:
    """Return what a collection's items can be asked by."""
    return api.read(f"/collections/{collection}/queryables", "application/schema+json")


def spatial(document: Json) -> str:
    """Return the name of the queryable that is a shape."""
    return next(
        name for name, schema in document["properties"].items() if str(schema.get("format", "")).startswith("geometry-")
    )


def within(api: Api, collection: str, shift: float = 0) -> str:
    """Return the filter for a collection's own box, or for one beside it."""
    west, south, east, north = (
        round(edge + shift, 6) for edge in api.collection(collection)["extent"]["spatial"]["bbox"][0]
    )
    name = spatial(queryables(api, collection))
    # A hundred-thousandth of a degree more, since the numbers are rounded.
    return f"S_INTERSECTS({name}, BBOX({west - 1e-5:.6f}, {south - 1e-5:.6f}, {east + 1e-5:.6f}, {north + 1e-5:.6f}))"


@pytest.mark.conformance(FILTERING + "queryables")
def test_every_collection_has_queryables_that_are_a_schema(api: Api) -> None:
    """Abstract test /conf/queryables/get-queryables."""
    for one in api.collections:
        path = f"/collections/{one['id']}/queryables"
        assert media_type_of(api.ask(path, "application/schema+json")) == "application/schema+json"
        document = queryables(api, one["id"])
        assert document["$schema"] in DIALECTS
        assert document["$id"] == urljoin(api.address, path)
        assert document["type"] == "object"
        assert document["properties"]


@pytest.mark.conformance(FILTERING + "queryables")
def test_every_collection_leads_to_its_queryables(api: Api) -> None:
    """Abstract test /conf/queryables/get-collection."""
    for one in api.collections:
        assert links(one, QUERYABLES)[0]["href"] == urljoin(api.address, f"/collections/{one['id']}/queryables")


@pytest.mark.conformance(FILTERING + "queryables")
def test_items_lead_to_the_queryables_in_their_header(api: Api, collection: str) -> None:
    """Requirement /req/queryables/queryables-link B; abstract test /conf/queryables/get-queryables-uris."""
    header = api.ask(f"/collections/{collection}/items", GEOJSON).headers["link"]
    assert f'/collections/{collection}/queryables>; rel="{QUERYABLES}"' in header


@pytest.mark.conformance(FILTERING + "queryables")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_queryable_that_is_none_is_refused(api: Api, collection: str, language: str) -> None:
    """Abstract test /conf/queryables/expression-construction."""
    text = LANGUAGES[language][0].format("this_is_not_a_queryable")
    api.refuse(f"/collections/{collection}/items", filter=text, filter_lang=language)


@pytest.mark.conformance(FILTERING + "queryables-query-parameters")
def test_every_queryable_with_a_value_is_a_parameter_of_its_own(api: Api, collection: str) -> None:
    """Requirement /req/queryables-query-parameters/parameters: a parameter selects the items with its value."""
    everything = api.all_items(collection)
    asked = 0
    for name, schema in queryables(api, collection)["properties"].items():
        value = next(
            (one["properties"].get(name) for one in everything if one["properties"].get(name) is not None), None
        )
        if value is None or schema.get("type") not in {"string", "integer", "number", "boolean"}:
            continue
        found = api.all_items(collection, **{name: json.dumps(value) if not isinstance(value, str) else value})
        expected = {one["id"] for one in everything if one["properties"].get(name) == value}
        assert expected <= ids(found), name
        assert {one["properties"][name] for one in found} == {value}, name
        asked += 1
    assert asked > 3


@pytest.mark.conformance(FILTERING + "queryables-query-parameters")
def test_the_parameters_of_queryables_are_described(api: Api, collection: str) -> None:
    """Requirement /req/queryables-query-parameters/parameters: their definition."""
    for name, schema in queryables(api, collection)["properties"].items():
        if schema.get("type") in {"string", "integer", "number", "boolean"}:
            assert api.parameter(f"/collections/{collection}/items", name)["schema"]["type"] == schema["type"]


@pytest.mark.conformance(FILTERING + "queryables-query-parameters")
def test_parameters_of_queryables_hold_together_with_the_filter(api: Api) -> None:
    """Requirement /req/queryables-query-parameters/parameters: all of them are joined by AND."""
    categories = {one["properties"]["category"] for one in api.all_items("tourism_points")}
    assert len(categories) > 1
    first, second, *_ = sorted(categories)
    assert not api.items("tourism_points", category=first, filter=f"category = '{second}'")["features"]


@pytest.mark.conformance(FILTERING + "filter")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_filter_selects_what_matches_and_another_text_is_refused(api: Api, collection: str, language: str) -> None:
    """Abstract test /conf/filter/filter-param."""
    valid, invalid = LANGUAGES[language]
    everything = api.all_items(collection)
    name = next(
        name for name in queryables(api, collection)["properties"]
        if 0 < sum(one["properties"].get(name) is None for one in everything) < len(everything)
    )  # fmt: skip
    found = api.all_items(collection, filter=valid.format(name), filter_lang=language)
    assert ids(found) == {one["id"] for one in everything if one["properties"].get(name) is None}
    api.refuse(f"/collections/{collection}/items", filter=invalid, filter_lang=language)


@pytest.mark.conformance(FILTERING + "filter")
def test_text_is_the_language_where_none_is_named(api: Api, collection: str) -> None:
    """Abstract test /conf/filter/filter-lang-default."""
    name = next(iter(queryables(api, collection)["properties"]))
    text = LANGUAGES["cql2-text"][0].format(name)
    named = api.items(collection, filter=text, filter_lang="cql2-text")
    assert api.items(collection, filter=text)["features"] == named["features"]
    api.refuse(f"/collections/{collection}/items", filter=LANGUAGES["cql2-text"][1])
    api.refuse(f"/collections/{collection}/items", filter=text, filter_lang="dUmmYlAnG")


@pytest.mark.conformance(FILTERING + "filter")
def test_places_in_a_filter_are_longitude_and_latitude(api: Api, collection: str) -> None:
    """Abstract test /conf/filter/filter-crs-wgs84."""
    located = api.items(collection, filter="geometry IS NOT NULL")["numberMatched"]
    assert api.items(collection, filter=within(api, collection))["numberMatched"] == located
    name = spatial(queryables(api, collection))
    api.refuse(
        f"/collections/{collection}/items", filter=f"S_INTERSECTS({name}, BBOX(1000000,1000000,2000000,2000000))"
    )


@pytest.mark.conformance(FILTERING + "filter")
def test_a_coordinate_system_that_is_none_is_refused(api: Api, collection: str) -> None:
    """Abstract test /conf/filter/filter-crs-param."""
    text = within(api, collection)
    plain = api.items(collection, filter=text)
    assert api.items(collection, filter=text, filter_crs=CRS84)["features"] == plain["features"]
    api.refuse(
        f"/collections/{collection}/items",
        filter=text,
        filter_crs="http://www.opengis.net/def/crs/OGC/0/does_not_exist",
    )


@pytest.mark.conformance(FILTERING + "filter")
def test_filter_and_box_hold_together(api: Api, collection: str) -> None:
    """Abstract test /conf/filter/mixing-expression."""
    box = ",".join(map(str, api.collection(collection)["extent"]["spatial"]["bbox"][0]))
    located = api.items(collection, filter="geometry IS NOT NULL")["numberMatched"]
    assert api.items(collection, filter=within(api, collection), bbox=box)["numberMatched"] == located
    assert not api.items(collection, filter=within(api, collection, shift=3), bbox=box)["features"]


@pytest.mark.conformance(FILTERING + "features-filter")
def test_the_filter_is_described_for_items(api: Api) -> None:
    """Requirements /req/features-filter/filter-param, filter-lang-param and filter-crs-param."""
    assert api.parameter(ITEMS, "filter")["schema"]["type"] == "string"
    language = api.parameter(ITEMS, "filter-lang")["schema"]
    assert set(language["enum"]) == set(LANGUAGES)
    assert language["default"] == "cql2-text"
    assert api.parameter(ITEMS, "filter-crs")["schema"]["type"] == "string"


@pytest.mark.conformance(FILTERING + "features-filter")
def test_items_are_filtered_and_stay_geojson(api: Api, collection: str) -> None:
    """Abstract test /conf/features-filter/filter-on-items."""
    answer = api.ask(f"/collections/{collection}/items", GEOJSON, filter=within(api, collection), limit=3)
    assert answer.status_code == 200
    assert media_type_of(answer) == GEOJSON
    assert links(answer.json(), "next")
