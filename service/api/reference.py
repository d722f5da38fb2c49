"""The OpenAPI document as people read it: groups of operations with parameters and a command to try."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from service.openapi_registers import TEMPLATE

Json = dict[str, Any]

KEY_HEADER = '-H "Authorization: Bearer $BANDOSO_KEY"'


def groups(document: Json, base: str) -> list[Json]:
    """Return the document's operations by tag, in the document's order; what is described in general stands there once.

    Parameters
    ----------
    document : dict
        OpenAPI 3.0.
    base : str
        Origin of the service, without a final slash; commands ask it.

    Returns
    -------
    list of dict
        With ``title`` and ``operations``: dicts of ``method``, ``path``, ``anchor``, ``summary``, ``parameters``
        (``name``, ``place``, ``required``, ``description``, ``example``) and ``command``.
    """
    found: dict[str, list[Json]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if TEMPLATE in operation:
                continue
            described = _describe(document, method, path, operation, base)
            found.setdefault(operation["tags"][0], []).append(described)
    return [{"title": title, "operations": operations} for title, operations in found.items()]


def _describe(document: Json, method: str, path: str, operation: Json, base: str) -> Json:
    parameters = [*map(_parameter, operation.get("parameters", [])), *_body_fields(document, operation)]
    return {
        "method": method.upper(),
        "path": path,
        "anchor": re.sub(r"[^a-z0-9]+", "-", f"{method}{path}".lower()).strip("-"),
        "summary": operation["summary"],
        "parameters": parameters,
        "command": _command(method, base + path, parameters, is_signed_in="security" in operation),
    }


def _parameter(given: Json) -> Json:
    return {
        "name": given["name"],
        "place": given["in"],
        "required": given["required"],
        "description": given.get("description", ""),
        "example": _text(given.get("example", "")),
        "values": [str(value) for value in given["schema"].get("enum", [])],
    }


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _body_fields(document: Json, operation: Json) -> Iterator[Json]:
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content["schema"]
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        place = "form" if media.startswith("multipart") else "body"
        for name, field in schema["properties"].items():
            yield _parameter(
                {"name": name, "in": place, "required": name in schema.get("required", ()), "schema": field, **field}
            )


def _command(method: str, address: str, parameters: list[Json], *, is_signed_in: bool) -> str:
    """Write the request for curl, with the examples in it; a place without an example keeps its name in braces."""
    given: dict[str, dict[str, str]] = {"path": {}, "query": {}, "form": {}, "body": {}}
    for item in parameters:
        if item["place"] in given and (item["example"] or item["place"] == "body"):
            given[item["place"]][item["name"]] = item["example"]
    for name, value in given["path"].items():
        address = address.replace(f"{{{name}}}", quote(value, safe=","))
    if given["query"]:
        address += f"?{urlencode(given['query'], safe=',/', quote_via=quote)}"
    parts = ["curl", f'"{address}"', *([KEY_HEADER] if is_signed_in else [])]
    parts += [f"-F {name}={value}" for name, value in given["form"].items()]
    if given["body"]:
        parts.append(f"--json '{json.dumps(given['body'])}'")
    elif method == "post" and not given["form"]:
        parts.append("-X POST")
    return " ".join(parts)
