"""The items of each register in the OpenAPI document: clients such as GDAL look there for the fields to ask by."""

from typing import Any

from geodata.registers import discover
from service.api.item_schemas import schema_of

Json = dict[str, Any]
TEMPLATE = "x-template"
"""Marks an operation that is described in general too, and says under which path."""
_SCALARS = frozenset({"string", "integer", "number", "boolean"})


def items_of_registers(template: str, general: Json) -> Json:
    """Return a path for the items of each register, with its fields as parameters.

    Parameters
    ----------
    template : str
        Path of the items of any collection, with ``{collectionId}``.
    general : dict
        Its operations.
    """
    paths = {}
    for name, register in discover().items():
        properties = schema_of(register, "queryables", base="", language="en")["properties"]
        fields = [
            _field(field, described) for field, described in properties.items() if described.get("type") in _SCALARS
        ]
        paths[template.replace("{collectionId}", name)] = {
            "get": _own(general["get"], template, f"Items of {name}", f"items_{name}", fields),
            "post": _own(general["post"], template, f"Add an item of {name}", f"add_item_{name}", []),
        }
    return paths


def _own(operation: Json, template: str, summary: str, name: str, fields: list[Json]) -> Json:
    """Return an operation on any collection as one on a certain one."""
    shared = [item for item in operation["parameters"] if item["in"] != "path"]
    own = {"summary": summary, "operationId": name, "parameters": [*shared, *fields], TEMPLATE: template}
    return {**operation, **own}


def _field(name: str, described: Json) -> Json:
    title = described["title"]
    # Another value than those of a list finds nothing; it is not refused.
    value = {key: part for key, part in described.items() if key not in {"title", "enum", "x-ogc-unit"}}
    return {"name": name, "in": "query", "required": False, "schema": value, "description": f"{title}: equal to"}
