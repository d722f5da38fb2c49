"""Programs that were written for a released version go on working until the next major one, and know a year before what ends."""

import json
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from service import VERSION, app, deprecations, openapi
from service.app import create_app
from service.deprecations import Deprecation
from service.settings import ServiceSettings
from tests.conftest import ROOT
from tests.service.compatibility import breaking_changes

ITEMS, ITEM = "/collections/{collectionId}/items", "/collections/{collectionId}/items/{featureId}"
RELEASED = sorted((ROOT / "docs" / "schemas").glob("openapi-*.json"))
Document = dict[str, Any]


@pytest.fixture(scope="module")
def document(client: TestClient) -> Document:
    found: Document = client.get("/api").json()
    return found


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_nothing_breaks_that_was_written_for_a_released_version(document: Document, path: Path) -> None:
    released = json.loads(path.read_text(encoding="utf-8"))
    if released["info"]["version"].partition(".")[0] == VERSION.partition(".")[0]:
        assert breaking_changes(released, document) == []


def test_some_version_is_released() -> None:
    assert RELEASED


def parameter(document: Document, name: str) -> Document:
    found: Document = next(one for one in document["paths"][ITEMS]["get"]["parameters"] if one["name"] == name)
    return found


def drop_operation(document: Document) -> None:
    del document["paths"][ITEM]["delete"]


def drop_path(document: Document) -> None:
    del document["paths"]["/search"]


def drop_parameter(document: Document) -> None:
    document["paths"][ITEMS]["get"]["parameters"].remove(parameter(document, "bbox"))


def require_parameter(document: Document) -> None:
    parameter(document, "bbox")["required"] = True


def add_required_parameter(document: Document) -> None:
    document["paths"]["/search"]["get"]["parameters"].append(
        {"in": "query", "name": "unit", "required": True, "schema": {}}
    )


def take_fewer_values(document: Document) -> None:
    parameter(document, "crs")["schema"]["enum"].pop()


def take_a_list_of_values_only(document: Document) -> None:
    parameter(document, "q")["schema"]["enum"] = ["a", "b"]


def lower_the_most(document: Document) -> None:
    parameter(document, "limit")["schema"]["maximum"] = 5


def raise_the_least(document: Document) -> None:
    parameter(document, "bbox")["schema"]["minItems"] = 6


def change_the_default(document: Document) -> None:
    parameter(document, "limit")["schema"]["default"] = 20


def change_the_type(document: Document) -> None:
    parameter(document, "limit")["schema"]["type"] = "string"


def drop_a_form(document: Document) -> None:
    del document["paths"][ITEMS]["get"]["responses"]["200"]["content"]["text/csv"]


def drop_a_status(document: Document) -> None:
    responses = document["paths"][ITEMS]["get"]["responses"]
    responses["206"] = responses.pop("200")


def drop_a_body(document: Document) -> None:
    content = document["paths"][ITEMS]["post"]["requestBody"]["content"]
    content.pop(next(iter(content)))


BREAKING = [
    drop_operation, drop_path, drop_parameter, require_parameter, add_required_parameter, take_fewer_values,
    take_a_list_of_values_only, lower_the_most, raise_the_least, change_the_default, change_the_type, drop_a_form, drop_a_status, drop_a_body,
]  # fmt: skip


@pytest.mark.parametrize("change", BREAKING)
def test_a_change_that_breaks_programs_is_found(document: Document, change: Any) -> None:
    changed = deepcopy(document)
    change(changed)
    assert breaking_changes(document, changed)


def add_operation(document: Document) -> None:
    document["paths"]["/new"] = document["paths"]["/search"]


def add_parameter(document: Document) -> None:
    document["paths"]["/search"]["get"]["parameters"].append({"in": "query", "name": "unit", "schema": {}})


def take_more_values(document: Document) -> None:
    parameter(document, "crs")["schema"]["enum"].append("urn:new")


def raise_the_most(document: Document) -> None:
    parameter(document, "limit")["schema"]["maximum"] = 10_000_000


def add_a_form(document: Document) -> None:
    document["paths"][ITEMS]["get"]["responses"]["200"]["content"]["application/x-new"] = {"schema": {}}


def say_it_otherwise(document: Document) -> None:
    parameter(document, "limit")["description"] = "Otherwise"


@pytest.mark.parametrize(
    "change", [add_operation, add_parameter, take_more_values, raise_the_most, add_a_form, say_it_otherwise]
)
def test_a_change_that_breaks_nothing_passes(document: Document, change: Any) -> None:
    changed = deepcopy(document)
    change(changed)
    assert breaking_changes(document, changed) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {"type": "object"}, "a is gone"),
        ({"type": "object", "required": ["a"]}, {"type": "object"}, "a may be missing"),
        ({"type": "string"}, {"type": "string", "nullable": True}, "may be null"),
        ({"type": "array", "items": {"type": "string"}}, {"type": "array", "items": {"type": "integer"}}, "[] is integer"),
        ({"$ref": "#/components/schemas/A"}, {"type": "integer"}, "is integer"),
    ],
)  # fmt: skip
def test_an_answer_that_has_less_breaks_programs(old: Document, new: Document, says: str) -> None:
    def wrapped(schema: Document) -> Document:
        answer = {"200": {"content": {"application/json": {"schema": schema}}}}
        return {"paths": {"/x": {"get": {"responses": answer}}}, "components": {"schemas": {"A": {"type": "string"}}}}

    (found,) = breaking_changes(wrapped(old), wrapped(new))
    assert says in found
    assert breaking_changes(wrapped(old), wrapped(old)) == []


def test_an_operation_that_will_end_says_so(sample_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = {"/search": Deprecation(date(2027, 1, 1), date(2028, 1, 1), "/collections/addresses/items")}
    monkeypatch.setattr(app, "DEPRECATED", ends)
    monkeypatch.setattr(openapi, "DEPRECATED", ends)
    with TestClient(create_app(sample_settings)) as client:  # type: ignore[arg-type]  # an ASGI application
        for path, status in (("/search?q=thon", 200), ("/search?q=thon&x=1", 400)):
            told = client.get(path)
            assert told.status_code == status
            assert told.headers["deprecation"] == "@1798761600"
            assert told.headers["sunset"] == "Sat, 01 Jan 2028 00:00:00 GMT"
            assert 'rel="successor-version"' in told.headers["link"]
        assert "deprecation" not in client.get("/collections").headers
        paths = client.get("/api").json()["paths"]
        assert paths["/search"]["get"]["deprecated"] is True
        assert "deprecated" not in paths["/collections"]["get"]


def test_programs_have_a_year() -> None:
    with pytest.raises(ValueError, match="less than a year"):
        Deprecation(date(2027, 1, 1), date(2027, 12, 31))
    assert all(found.sunset > found.since for found in deprecations.DEPRECATED.values())
