"""The OpenAPI document: valid, whole, the agreed one, and true when somebody tries everything it allows."""

import json
import os
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator
from starlette.testclient import TestClient

from geodata.registers import discover
from service import app as app_module

SNAPSHOT = Path(__file__).parent / "openapi.json"
WRITE = os.environ.get("BANDOSO_WRITE_SNAPSHOTS") == "1"
STREAM = "/tiles/{layers}/events"
"""Has no end: test_tile_events.py tries what it takes."""

TILES = {
    STREAM,
    "/tiles/{layers}/{z}/{x}/{y}.mvt",
    "/collections/{collectionId}/tiles/WebMercatorQuad/{tileMatrix}/{tileRow}/{tileCol}",
    "/collections/{collectionId}/tiles/VN2000UTM48Quad/{tileMatrix}/{tileRow}/{tileCol}",
}
ARCHIVE = "/archives/{name}.pmtiles"
MADE = {"/downloads/{collectionId}/{area}", "/downloads/{collectionId}/{area}/{version}/{file}"}
"""Addresses of what a worker makes."""

"""There is none in the sample."""


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    """The document as the service gives it."""
    answer = client.get("/api")
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Return path, method and description of every operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def values_of(part: Any, key: str) -> Iterator[Any]:
    """Return everything that stands under a key, however deep."""
    for name, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        if name == key:
            yield value
        yield from values_of(value, key)


def test_the_document_is_valid_openapi_3_0(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.0.")
    OpenAPIV30SpecValidator(document).validate()


def test_no_reference_leaves_the_document(document: dict[str, Any]) -> None:
    assert all(reference.startswith("#/") for reference in values_of(document, "$ref"))


def test_every_route_of_the_interface_is_described(document: dict[str, Any]) -> None:
    routes: list[Any] = [route for router in app_module.routers for route in router.routes if route.include_in_schema]
    own = {f"/collections/{name}/items" for name in discover()}
    assert set(document["paths"]) == {route.path for route in routes} | TILES | own


def test_the_items_of_a_register_are_described_with_the_fields_to_ask_by(document: dict[str, Any]) -> None:
    general = {item["name"] for item in document["paths"]["/collections/{collectionId}/items"]["get"]["parameters"]}
    for name, register in discover().items():
        asked = {item["name"] for item in document["paths"][f"/collections/{name}/items"]["get"]["parameters"]}
        fields = {field.name for field in register.public_fields if field.column.type.python_type is not list}
        assert asked == fields | general - {"collectionId"}


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    assert all(operation["summary"] for _, _, operation in operations(document))


def test_every_path_parameter_is_described(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        named = {part.partition("}")[0] for part in path.split("{")[1:]}
        described = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
        assert described == named, path


def test_every_described_parameter_is_taken(client: TestClient, document: dict[str, Any]) -> None:
    """A parameter that is not known gets 400, so none of these may."""
    values = {"q": "thon", "register": "provinces", "number": "1", "unit": "20194", "since": "0", "until": "9", "bbox": "106,20,107,21", "datetime": "2026-01-01", "limit": "1", "offset": "0", "f": "json", "lang": "en", "layers": "addresses", "v": "1", "as-of": "1", "filter": "TRUE", "filter-lang": "cql2-text"}  # fmt: skip
    places = {
        "collectionId": "addresses",
        "featureId": "1",
        "ending": "json",
        "layers": "addresses",
        "number": "1",
        "tileMatrixSetId": "WebMercatorQuad",
        "styleId": "addresses",
    }
    for path, method, operation in operations(document):
        if method == "get" and "security" not in operation and path not in {ARCHIVE, STREAM, *MADE}:
            asked = {
                item["name"]: values[item["name"]]
                for item in operation["parameters"]
                if item["in"] == "query" and item["name"] in values
            }
            if "as-of" in asked:
                asked.pop("q", None)
            answer = client.get(path.format_map(_Zeros(places)), params=asked)
            assert answer.status_code in {200, 204}, (path, answer.text)


class _Zeros(dict[str, str]):
    def __missing__(self, _key: str) -> str:
        return "0"


def test_problems_are_described_as_problems(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= HTTPStatus.BAD_REQUEST:
                assert list(response["content"]) == ["application/problem+json"]


def test_private_operations_say_how_to_sign_in(document: dict[str, Any]) -> None:
    guarded = {path for path, _, operation in operations(document) if operation.get("security")}
    uploads = {path for path in document["paths"] if path.startswith("/uploads")}
    rollback = "/collections/{collectionId}/revisions/{number}/rollback"
    status = "/collections/{collectionId}/rollbacks/{rollbackId}"
    items = {"/collections/{collectionId}/items", "/collections/{collectionId}/items/{featureId}"}
    items |= {f"/collections/{name}/items" for name in discover()}
    assert guarded == {*uploads, *items, "/auth/me", "/auth/logout", rollback, status}
    assert not any(document["paths"][path]["get"].get("security") for path in items)
    assert set(document["components"]["securitySchemes"]) == {"key", "session"}


def test_the_document_is_the_agreed_one(document: dict[str, Any]) -> None:
    """A change shows in the difference of openapi.json; BANDOSO_WRITE_SNAPSHOTS=1 writes it anew."""
    written = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if WRITE:
        SNAPSHOT.write_text(written, encoding="utf-8")
    assert SNAPSHOT.read_text(encoding="utf-8") == written
