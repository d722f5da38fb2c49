"""What the OpenAPI document says of the catalogue of datasets."""

from collections.abc import Mapping

from service.api.forms import GEOJSON
from service.openapi_items import Json, Parameter

_TEXT: Json = {"type": "string"}
_PAGE: Parameter = ("page", "Page of the catalogue, from 1", {"type": "integer", "minimum": 1, "default": 1})
ASKED_OF_DATASETS: Mapping[tuple[str, str], list[Parameter]] = {
    ("get", "/catalog"): [_PAGE, ("f", "Form of the answer", {"type": "string", "enum": ["json", "ttl", "jsonld"]})],
    ("get", "/catalog.ttl"): [_PAGE],
    ("get", "/catalog.jsonld"): [_PAGE],
    ("get", "/catalog/datasets"): [
        ("q", "Words of titles and descriptions, with or without accents", _TEXT),
        ("bbox", "West, south, east, north in degrees", _TEXT),
        ("datetime", "Day or interval (RFC 3339) of which the datasets tell", _TEXT),
        ("register", "Collection ids, comma separated; all by default", _TEXT),
        ("type", "Kind of record", _TEXT),
        ("limit", "Datasets on a page", {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}),
        (
            "offset",
            "Datasets left out before the first",
            {"type": "integer", "minimum": 0, "maximum": 100000, "default": 0},
        ),
    ],
    ("get", "/downloads"): [("q", "Name of a register, a province or a commune, with or without accents", _TEXT)],
}
MEDIA_OF_DATASETS: Mapping[str, tuple[str, ...]] = {
    "/catalog": ("application/ld+json", "text/turtle"),
    "/catalog.ttl": ("text/turtle",),
    "/catalog.jsonld": ("application/ld+json",),
    "/catalog/datasets": (GEOJSON,),
}
