"""The OpenAPI 3.0 document: OGC's clients and test suites read 3.0, the framework writes 3.1."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from geodata.registers import discover
from service.problems import MEDIA_TYPE

_TEXT = {"type": "string"}
_ITEM_PARAMETERS = [
    ("bbox", "West, south, east, north in degrees (CRS84)", {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}),
    ("limit", "Items on a page", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 10}),
    ("datetime", "Instant or interval (RFC 3339); meant for units with validity dates", _TEXT),
    ("cursor", "From a next link", _TEXT),
    ("offset", "Items to skip, at most 10,000; next links are better", {"type": "integer", "minimum": 0, "maximum": 10000}),
    ("f", "json or html", {"type": "string", "enum": ["json", "html"]}),
    ("lang", "vi or en", {"type": "string", "enum": ["vi", "en"]}),
]  # fmt: skip


def build_openapi(app: FastAPI) -> dict[str, Any]:
    """Return the app's OpenAPI document in version 3.0.3, without references outside itself."""
    document = get_openapi(
        title="bandoso", version=app.version, openapi_version="3.0.3", routes=app.routes,
        description="Bản đồ số: địa chỉ số, vùng trồng, du lịch nông thôn. / Digital addresses, growing areas, rural tourism.",
    )  # fmt: skip
    document["paths"].pop("/api", None)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    document["components"] = document.get("components", {})
    downgraded: dict[str, Any] = _downgrade(document)
    return downgraded


def _complete(path: str, operation: dict[str, Any]) -> None:
    """Add what the framework cannot know: strict parameters and problem answers."""
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        if parameter["name"] == "collectionId":
            parameter["schema"] = {"type": "string", "enum": list(discover())}
    if path == "/collections/{collectionId}/items":
        parameters += [
            {"name": name, "in": "query", "required": False, "description": text, "schema": schema,
             **({"style": "form", "explode": False} if name == "bbox" else {})}
            for name, text, schema in _ITEM_PARAMETERS
        ]  # fmt: skip
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)
    problem = {"description": "Problem", "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
    for status in ("400", "404", "500"):
        responses.setdefault(status, problem)


def _downgrade(part: Any) -> Any:
    """Rewrite what 3.0 writes otherwise: nullable instead of a null type, enum instead of const."""
    if isinstance(part, list):
        return [_downgrade(item) for item in part]
    if not isinstance(part, dict):
        return part
    found = {name: _downgrade(value) for name, value in part.items()}
    if "const" in found:
        found["enum"] = [found.pop("const")]
    if isinstance(found.get("anyOf"), list) and {"type": "null"} in found["anyOf"]:
        rest = [item for item in found["anyOf"] if item != {"type": "null"}]
        found.pop("anyOf")
        found |= rest[0] if len(rest) == 1 else {"anyOf": rest}
        found["nullable"] = True
    found.pop("contentMediaType", None)
    return found
