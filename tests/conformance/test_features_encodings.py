"""OGC API - Features - Part 1: GeoJSON, HTML and OpenAPI 3.0."""

import html.parser
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator
from shapely.geometry import shape

from tests.conformance.api import GEOJSON, HTML, Api, links, media_type_of
from tests.conformance.classes import FEATURES

SHAPES = {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}


@pytest.mark.conformance(FEATURES + "geojson")
@pytest.mark.parametrize("accept", [GEOJSON, "application/json", "*/*"])
def test_items_and_single_items_say_that_they_are_geojson(api: Api, collection: str, accept: str) -> None:
    """Abstract test /conf/geojson/definition."""
    page = api.ask(f"/collections/{collection}/items", accept)
    assert media_type_of(page) == GEOJSON
    one = api.ask(f"/collections/{collection}/items/{page.json()['features'][0]['id']}", accept)
    assert media_type_of(one) == GEOJSON


@pytest.mark.conformance(FEATURES + "geojson")
def test_what_is_in_them_is_geojson(api: Api, collection: str) -> None:
    """Abstract test /conf/geojson/content."""
    page = api.items(collection, limit=100)
    assert page["type"] == "FeatureCollection"
    assert "crs" not in page
    for feature in page["features"]:
        assert feature["type"] == "Feature"
        assert isinstance(feature["id"], str | int)
        assert isinstance(feature["properties"], dict)
        assert feature["geometry"] is None or feature["geometry"]["type"] in SHAPES
        assert feature["geometry"] is None or shape(feature["geometry"]).is_valid


class _Outline(html.parser.HTMLParser):
    """The elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.language: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        if tag == "html":
            self.language = dict(attrs).get("lang")


@pytest.mark.conformance(FEATURES + "html")
def test_pages_show_what_the_documents_hold(api: Api, collection: str) -> None:
    """Abstract tests /conf/html/definition and content."""
    page = api.items(collection, limit=5)
    addresses = ["/", "/collections", f"/collections/{collection}", links(page, "alternate", HTML)[0]["href"]]
    for address in addresses:
        answer = api.ask(address, HTML)
        assert media_type_of(answer) == HTML
        outline = _Outline()
        outline.feed(answer.text)
        assert {"html", "head", "title", "body"} <= outline.elements
        assert outline.language in {"vi", "en"}
    shown = api.ask(addresses[-1], HTML).text
    assert all(str(feature["id"]) in shown for feature in page["features"])


@pytest.mark.conformance(FEATURES + "oas30")
def test_the_openapi_document_is_valid(api: Api) -> None:
    """Abstract tests /conf/oas30/oas-definition-1, oas-definition-2 and oas-impl."""
    assert api.definition["openapi"].startswith("3.0.")
    OpenAPIV30SpecValidator(api.definition).validate()


@pytest.mark.conformance(FEATURES + "oas30")
def test_every_operation_says_what_it_answers(api: Api) -> None:
    """Abstract test /conf/oas30/completeness."""
    for path, method, operation in api.operations():
        good = [status for status in operation["responses"] if status[0] in "23"]
        assert good, (method, path)
        for status in good:
            assert "content" in operation["responses"][status] or status in {"202", "204", "304"}, (
                method,
                path,
                status,
            )


@pytest.mark.conformance(FEATURES + "oas30")
def test_every_operation_says_how_it_refuses(api: Api) -> None:
    """Abstract test /conf/oas30/exception-codes."""
    for path, method, operation in api.operations():
        assert "400" in operation["responses"], (method, path)


@pytest.mark.conformance(FEATURES + "oas30")
def test_every_way_to_sign_in_is_described(api: Api) -> None:
    """Abstract test /conf/oas30/security."""
    schemes: dict[str, Any] = api.definition["components"]["securitySchemes"]
    asked = {name for _, _, operation in api.operations() for way in operation.get("security", []) for name in way}
    assert asked == set(schemes)
    assert not api.definition["paths"]["/collections/{collectionId}/items"]["get"].get("security")
