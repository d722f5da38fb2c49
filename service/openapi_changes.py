"""What the OpenAPI document says of the changes feed."""

from collections.abc import Mapping

from geodata.registers import discover
from service.openapi_items import Json, Parameter

_TEXT: Json = {"type": "string"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_UNIT: Parameter = (
    "unit", "Code of a commune (5 digits) or province (2 digits)", {"type": "string", "pattern": "^([0-9]{2}|[0-9]{5})$"}
)  # fmt: skip
ASKED_OF_CHANGES: Mapping[tuple[str, str], list[Parameter]] = {
    ("get", "/changes"): [
        ("register", "Collection ids, comma separated; all by default", _TEXT),
        _UNIT,
        ("since", "Transactions after this number", _COUNT),
        ("until", "Transactions up to this number", _COUNT),
        ("limit", "Events on a page", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}),
        ("cursor", "From a next link", _TEXT),
    ],
    ("get", "/changes/snapshot"): [
        ("register", "Id of a collection", {"type": "string", "enum": list(discover())}),
        ("number", "As it was after this transaction; the latest by default", _COUNT),
        _UNIT,
    ],
    ("get", "/changes.atom"): [("register", "Collection ids, comma separated; all by default", _TEXT), _UNIT],
}
