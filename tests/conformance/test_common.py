"""OGC API - Common: Part 1 (core, landing page, JSON, HTML, OpenAPI 3.0) and Part 2 (collections)."""

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from tests.conformance.api import GEOJSON, HTML, JSON, OPENAPI, Api, links, media_type_of
from tests.conformance.classes import COLLECTIONS, COMMON

SCHEMA = "application/schema+json"


@pytest.mark.conformance(COMMON + "core")
def test_http_1_1_is_spoken(api: Api) -> None:
    """Abstract test /conf/core/http."""
    assert api.ask("/").http_version == "HTTP/1.1"


@pytest.mark.conformance(COMMON + "core")
@pytest.mark.parametrize("path", ["/", "/conformance", "/api", "/collections"])
def test_an_unknown_parameter_is_refused(api: Api, path: str) -> None:
    """Abstract test /conf/core/query-param-name-unknown."""
    api.refuse(path, dUmmYpArAm="1")


@pytest.mark.conformance(COMMON + "core")
@pytest.mark.parametrize("asked", [{"f": "dUmmY"}, {"lang": "dUmmY"}])
def test_a_value_that_is_none_is_refused(api: Api, asked: dict[str, str]) -> None:
    """Abstract test /conf/core/query-param-value-invalid."""
    api.refuse("/collections", **asked)


@pytest.mark.conformance(COMMON + "landing-page")
def test_the_landing_page_leads_to_definition_conformance_and_data(api: Api) -> None:
    """Abstract tests /conf/landing-page/root-op and root-success."""
    for relation in ("self", "service-desc", "service-doc", "conformance", "data"):
        found = links(api.landing, relation)
        assert found, relation
        assert all(link["href"] and link["type"] for link in found)


@pytest.mark.conformance(COMMON + "landing-page")
def test_the_definition_of_the_interface_is_where_the_links_lead(api: Api) -> None:
    """Abstract tests /conf/landing-page/api-definition-op and api-definition-success."""
    for relation in ("service-desc", "service-doc"):
        for link in links(api.landing, relation):
            answer = api.ask(link["href"], link["type"])
            assert answer.status_code == 200
            assert media_type_of(answer) == link["type"].partition(";")[0]


@pytest.mark.conformance(COMMON + "landing-page")
def test_the_declaration_names_classes(api: Api) -> None:
    """Abstract tests /conf/landing-page/conformance-op and conformance-success."""
    document = api.read(links(api.landing, "conformance")[0]["href"])
    assert COMMON + "core" in document["conformsTo"]
    assert all(
        uri.startswith(("http://www.opengis.net/spec/", "https://www.opengis.net/spec/"))
        for uri in document["conformsTo"]
    )


PLACES = ("/", "/conformance", "/collections", "/collections/tourism_points", "/collections/tourism_points/items")


@pytest.mark.conformance(COMMON + "json")
@pytest.mark.parametrize("path", PLACES)
def test_every_resource_is_there_as_json(api: Api, path: str) -> None:
    """Abstract tests /conf/json/definition and content."""
    answer = api.ask(path, JSON)
    assert answer.status_code == 200
    assert media_type_of(answer) in {JSON, GEOJSON}
    assert isinstance(answer.json(), dict)


@pytest.mark.conformance(COMMON + "html")
@pytest.mark.parametrize("path", [path for path in PLACES if path != "/conformance"])
def test_every_resource_is_there_as_html(api: Api, path: str) -> None:
    """Abstract tests /conf/html/definition and content."""
    answer = api.ask(path, HTML)
    assert answer.status_code == 200
    assert media_type_of(answer) == HTML
    assert answer.text.lower().startswith("<!doctype html>")
    assert "<title>" in answer.text


@pytest.mark.conformance(COMMON + "oas30")
def test_the_openapi_document_is_valid_and_its_links_say_so(api: Api) -> None:
    """Abstract tests /conf/oas30/definition-1, definition-2 and oas-impl."""
    assert links(api.landing, "service-desc")[0]["type"] == OPENAPI
    OpenAPIV30SpecValidator(api.definition).validate()


@pytest.mark.conformance(COLLECTIONS)
def test_the_list_holds_every_collection_as_it_stands_by_itself(api: Api) -> None:
    """Abstract tests /conf/collections/collections-list-op, -success and description-success."""
    assert links(api.landing, "data")
    assert len({one["id"] for one in api.collections}) == len(api.collections) > 0
    for one in api.collections:
        assert api.collection(one["id"]) == one


@pytest.mark.conformance(COLLECTIONS)
def test_the_list_leads_to_itself_in_every_form(api: Api) -> None:
    """Abstract test /conf/collections/collections-list-links."""
    document = api.read("/collections")
    assert links(document, "self", JSON)
    assert links(document, "alternate", HTML)


@pytest.mark.conformance(COLLECTIONS)
def test_a_collection_leads_to_its_data(api: Api, collection: str) -> None:
    """Abstract test /conf/collections/description-links."""
    document = api.collection(collection)
    for relation in ("self", "alternate", "items"):
        for link in links(document, relation):
            answer = api.ask(link["href"], link["type"])
            assert answer.status_code == 200
            assert media_type_of(answer) == link["type"]


@pytest.mark.conformance(COLLECTIONS)
def test_the_extent_of_a_collection_is_a_box_around_its_items(api: Api, collection: str) -> None:
    """Abstract tests /conf/collections/description-extent and description-extent-multi."""
    west, south, east, north = api.collection(collection)["extent"]["spatial"]["bbox"][0]
    assert -180 <= west <= east <= 180
    assert -90 <= south <= north <= 90
    inside = api.items(collection, bbox=f"{west},{south},{east},{north}")
    assert inside["numberMatched"] == api.items(collection, filter="geometry IS NOT NULL")["numberMatched"]
