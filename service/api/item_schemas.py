"""Schemas of items (OGC 23-058r2): what is returned and received, what can be asked by, what can be sorted by."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any, Final, Literal

from geodata.edit_content import list_fields, single_fields
from geodata.filter_scope import GEOMETRY, queryables
from geodata.register import Field, Label, Register, SideList
from geodata.sorting import sortables
from geodata.writing import WriteModel

Json = dict[str, Any]
SchemaKind = Literal["schema", "queryables", "sortables"]

JSON_TYPES: Final[Mapping[type, Json]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    date: {"type": "string", "format": "date"},
    list: {"type": "array"},
}
_ID_TITLE = Label("Định danh", "Id")
_ID: Final[Json] = {"type": "string", "format": "uuid", "readOnly": True, "x-ogc-role": "id"}
_ROLES: Final = {"valid_from": "primary-interval-start", "valid_to": "primary-interval-end"}
_UNITS: Final = {"m": "m", "ha": "har", "km2": "km2", "t": "t"}
"""UCUM codes by the last part of a field's name."""
_BOUNDS: Final = frozenset({
    "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "items", "maxItems",
    "enum",
})  # fmt: skip


def schema_of(register: Register, kind: SchemaKind, *, base: str, language: str) -> Json:
    """Return the JSON Schema of a register's items, or of the fields that they can be asked or sorted by.

    Items have what everybody may read; what only officers send is ``writeOnly``, what the service fills in itself
    ``readOnly``. A property that is null has no value.
    """
    document: Json = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{base}/collections/{register.id}/{kind}",
        "type": "object",
        "title": register.title.in_language(language),
    }
    if kind == "schema":
        document["required"] = _required(register)
        properties = dict(_item_properties(register, language))
    else:
        fields: Iterable[Field] = (queryables if kind == "queryables" else sortables)(register).values()
        properties = {item.name: _property(item, language) for item in fields}
    if kind != "sortables":
        properties[GEOMETRY] = _geometry_property(register)
    return {**document, "properties": properties, "additionalProperties": False}


def _item_properties(register: Register, language: str) -> Iterator[tuple[str, Json]]:
    yield "id", {"title": _ID_TITLE.in_language(language), **_ID}
    bounds = _bounds(register.write)
    received = {**single_fields(register), **list_fields(register)}
    for item in register.public_fields:
        limits = bounds[item.name] if item.name in received else {"readOnly": True}
        yield item.name, {**_property(item, language), **limits, **_role(register, item)}
    for side in register.lists:
        yield side.name, {**_list_property(register, side, language), "readOnly": True}
    shown = {item.name for item in register.public_fields}
    for name, item in received.items():
        if name not in shown:
            yield name, {**_property(item, language), **bounds[name], "writeOnly": True}


def _required(register: Register) -> list[str]:
    """Return the fields that every item has; a commune that is not sent is found by the place."""
    fields = register.write.model_fields
    return [name for name, found in fields.items() if found.is_required() and name != "commune_code"]


@cache
def _bounds(write: type[WriteModel]) -> Mapping[str, Json]:
    """Return what the write model asks of each field's value, as JSON Schema has it."""
    found: dict[str, Json] = {}
    for name, told in write.model_json_schema()["properties"].items():
        (kind,) = (one for one in told.get("anyOf", [told]) if one.get("type") != "null")
        found[name] = {keyword: kind[keyword] for keyword in kind if keyword in _BOUNDS}
    return found


def _role(register: Register, item: Field) -> Json:
    return {"x-ogc-role": _ROLES[item.name]} if register.has_validity and item.name in _ROLES else {}


def _geometry_property(register: Register) -> Json:
    shape = "geometry-point" if register.geometry_kind == "point" else "geometry-multipolygon"
    return {"x-ogc-role": "primary-geometry", "format": shape if register.point is None else "geometry-any"}


def _property(item: Field, language: str) -> Json:
    kind = item.column.type
    described = {"title": item.title.in_language(language), **JSON_TYPES[kind.python_type]}
    if item.choices:
        described["enum"] = list(item.choices)
    if kind.python_type is list:
        described["items"] = dict(JSON_TYPES[kind.item_type.python_type])
    unit = _UNITS.get(item.name.rpartition("_")[2])
    if unit is not None and kind.python_type in {int, float}:
        described["x-ogc-unit"] = unit
    return described


def _list_property(register: Register, side: SideList, language: str) -> Json:
    parts = {item.column.key: _property(item, language) for item in register.list_fields(side)}
    row = {"type": "object", "properties": parts}
    return {"title": side.title.in_language(language), "type": "array", "items": row}
