"""OGC API - Common - Part 3 / Features - Part 5: Schemas (23-058r2)."""

from typing import Any
from urllib.parse import urljoin

import jsonschema
import pytest

from tests.conformance.api import Api, Json, links, media_type_of
from tests.conformance.classes import SCHEMAS

MEDIA_TYPE, DIALECT = "application/schema+json", "https://json-schema.org/draft/2020-12/schema"
KINDS = ("schema", "queryables", "sortables")
PLACES = {f"geometry-{name}" for name in (
    "point", "multipoint", "linestring", "multilinestring", "polygon", "multipolygon", "geometrycollection", "any",
    "point-or-multipoint", "linestring-or-multilinestring", "polygon-or-multipolygon",
)}  # fmt: skip
KEYWORDS = {
    "title", "type", "format", "enum", "items", "readOnly", "writeOnly", "minLength", "maxLength", "pattern", "minimum",
    "maximum", "exclusiveMinimum", "exclusiveMaximum", "maxItems",
}  # fmt: skip
INTERVAL = {"primary-interval-start", "primary-interval-end"}
kinds = pytest.mark.parametrize("kind", KINDS)


def schemas(api: Api, kind: str) -> dict[str, Json]:
    """Return the schema of a kind of each collection."""
    return {one["id"]: api.read(f"/collections/{one['id']}/{kind}", MEDIA_TYPE) for one in api.collections}


def with_role(document: Json, role: str) -> list[Json]:
    """Return the properties of a schema that have a role."""
    return [told for told in document["properties"].values() if told.get("x-ogc-role") == role]


@kinds
@pytest.mark.conformance(SCHEMAS + "schemas")
def test_every_schema_is_one_and_is_found_at_its_own_address(api: Api, kind: str) -> None:
    """Abstract test /conf/schemas/basic-schema-inspection."""
    for document in schemas(api, kind).values():
        jsonschema.Draft202012Validator.check_schema(document)
        assert (document["$schema"], document["type"]) == (DIALECT, "object")
        assert "?" not in document["$id"]
        answer = api.ask(document["$id"], MEDIA_TYPE)
        assert (media_type_of(answer), answer.json()) == (MEDIA_TYPE, document)
        for told in document["properties"].values():
            assert "type" in told or ("$ref" not in told and told["format"] in PLACES)
            assert all(keyword in KEYWORDS or keyword.startswith("x-ogc-") for keyword in told)


@kinds
@pytest.mark.conformance(SCHEMAS + "schemas")
def test_roles_and_units_are_texts_and_units_are_of_numbers(api: Api, kind: str) -> None:
    """Abstract tests /conf/schemas/role and /conf/schemas/unit."""
    for document in schemas(api, kind).values():
        for told in document["properties"].values():
            assert isinstance(told.get("x-ogc-role", ""), str)
            if "x-ogc-unit" in told:
                assert (told["type"] in {"number", "integer"}, told["x-ogc-unit"] in {"m", "har", "km2", "t"}) == (
                    True,
                    True,
                )


@pytest.mark.conformance(SCHEMAS + "schemas")
def test_one_property_is_the_id(api: Api) -> None:
    """Abstract test /conf/schemas/role-id."""
    for document in schemas(api, "schema").values():
        (found,) = with_role(document, "id")
        assert found["type"] == "string"


@kinds
@pytest.mark.conformance(SCHEMAS + "advanced-property-roles")
def test_one_property_at_most_is_the_place_and_the_others_are_none(api: Api, kind: str) -> None:
    """Abstract test /conf/advanced-property-roles/role-primary-geometry."""
    for document in schemas(api, kind).values():
        found = with_role(document, "primary-geometry")
        assert len(found) == (0 if kind == "sortables" else 1)
        assert [told for told in document["properties"].values() if told.get("format") in PLACES] == found


@pytest.mark.conformance(SCHEMAS + "advanced-property-roles")
def test_units_and_results_say_from_when_to_when_they_hold(api: Api) -> None:
    """Abstract test /conf/advanced-property-roles/role-primary-temporal."""
    dated = set()
    for name, document in schemas(api, "schema").items():
        found = {role: with_role(document, role) for role in sorted(INTERVAL)}
        assert all(len(told) <= 1 for told in found.values())
        assert all(one["type"] == "string" and one["format"] == "date" for told in found.values() for one in told)
        if any(found.values()):
            dated.add(name)
        assert not any(with_role(document, role) for role in ("primary-instant", "primary-interval", "type"))
    assert dated == {"provinces", "communes", "ntm_results"}


def leads_to(api: Api, kind: str) -> None:
    """Assert that every collection links to its schema of a kind, which has the media type."""
    for one in api.collections:
        wanted = urljoin(api.address, f"/collections/{one['id']}/{kind}")
        found = links(api.read(f"/collections/{one['id']}"), f"http://www.opengis.net/def/rel/ogc/1.0/{kind}")
        assert [link["href"] for link in found] == [wanted]
        answer = api.ask(wanted, MEDIA_TYPE)
        assert (answer.status_code, media_type_of(answer)) == (200, MEDIA_TYPE)


@pytest.mark.conformance(SCHEMAS + "returnables-and-receivables")
def test_every_collection_leads_to_the_schema_of_its_items(api: Api) -> None:
    """Abstract tests /conf/returnables-and-receivables/link and op-and-response."""
    leads_to(api, "schema")


@pytest.mark.conformance(SCHEMAS + "returnables-and-receivables")
def test_items_are_valid_by_their_schema(api: Api) -> None:
    """Abstract test /conf/returnables-and-receivables/response-1; a property that is null has no value."""
    for name, document in schemas(api, "schema").items():
        returned = {key: told for key, told in document["properties"].items() if not told.get("writeOnly")}
        validator = jsonschema.Draft202012Validator(
            {**document, "properties": returned}, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
        )
        page = api.items(name, limit=1000)["features"]
        assert page
        for item in [*page, api.read(f"/collections/{name}/items/{page[0]['id']}", "application/geo+json")]:
            assert item["properties"].keys() == returned.keys() - {"id", "geometry"}
            _assert_valid(validator, _without_nulls({"id": item["id"], **item["properties"]}))


def _assert_valid(validator: Any, values: Json) -> None:
    faults = [f"{list(fault.path)}: {fault.message}" for fault in validator.iter_errors(values)]
    assert faults == []


def _without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nulls(part) for part in value]
    if not isinstance(value, dict):
        return value
    return {key: _without_nulls(part) for key, part in value.items() if part is not None}


@pytest.mark.conformance(SCHEMAS + "queryables")
def test_every_collection_leads_to_the_schema_of_what_it_can_be_asked_by(api: Api) -> None:
    """Abstract tests /conf/queryables/link and op-and-response."""
    leads_to(api, "queryables")


@pytest.mark.conformance(SCHEMAS + "queryables")
def test_what_is_no_queryable_is_refused(api: Api) -> None:
    """Requirement /req/queryables/response C, of a schema that allows no other properties."""
    for name, document in schemas(api, "queryables").items():
        assert document["additionalProperties"] is False
        answer = api.ask(f"/collections/{name}/items", "application/geo+json", filter="no_such_property = 1")
        assert answer.status_code == 400


@pytest.mark.conformance(SCHEMAS + "sortables")
def test_every_collection_leads_to_the_schema_of_what_it_can_be_sorted_by(api: Api) -> None:
    """Abstract tests /conf/sortables/link and op-and-response."""
    leads_to(api, "sortables")
    for document in schemas(api, "sortables").values():
        assert all(told["type"] not in {"array", "object"} for told in document["properties"].values())
