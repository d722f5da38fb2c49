"""What the OpenAPI document says of items: their parameters and the forms they come in."""

from collections.abc import Mapping
from typing import Any

from geodata.filtering import LANGUAGES, MAX_BYTES
from geodata.reference_systems import CRS84, reference_systems
from service.api.item_forms import ENDINGS, FORM_NAMES, FORMS, ITEM_FORM_NAMES, MAX_STREAMED, WHOLE_FORMS
from service.api.item_parameters import MAX_OFFSET, MAX_WORDS

Json = dict[str, Any]
Parameter = tuple[str, str, Json]

ITEMS, ITEM = "/collections/{collectionId}/items", "/collections/{collectionId}/items/{featureId}"
ITEMS_IN_FORM = "/collections/{collectionId}/items.{ending}"

_TEXT: Json = {"type": "string"}
_BOX: Json = {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}
_NAMES: Json = {"type": "array", "minItems": 1, "items": {"type": "string"}}
_SYSTEM: Json = {"type": "string", "format": "uri", "enum": list(reference_systems()), "default": CRS84}
AS_OF: Parameter = (
    "as-of",
    "State after a revision: its number, a day (its end in Vietnam) or an RFC 3339 instant",
    _TEXT,
)
FILTER: list[Parameter] = [
    ("filter", "CQL2 over the queryables", {"type": "string", "maxLength": MAX_BYTES}),
    ("filter-lang", "Language of the filter", {"type": "string", "enum": list(LANGUAGES), "default": LANGUAGES[0]}),
    ("filter-crs", "Coordinate system of shapes in the filter", _SYSTEM),
]
_SHOWN: list[Parameter] = [
    ("properties", "Public fields to show; all by default", _NAMES),
    ("crs", "Coordinate system of the answer", _SYSTEM),
    ("profile", "Profile of GeoJSON", {"type": "string", "enum": ["rfc7946", "jsonfg", "jsonfg-plus"]}),
]
ASKED_OF_ITEMS: list[Parameter] = [
    ("bbox", "Least and greatest numbers of the axes: west, south, east, north in CRS84", _BOX),
    ("bbox-crs", "Coordinate system of the box", _SYSTEM),
    (
        "limit",
        "Items of an answer; pages have at most 1,000, streamed forms 100,000",
        {"type": "integer", "minimum": 1, "maximum": MAX_STREAMED, "default": 10},
    ),
    ("datetime", "Day or interval (RFC 3339) such as 2026-07-01; for units with validity dates", _TEXT),
    ("cursor", "From a next link", _TEXT),
    ("offset", "Items to skip; next links are better", {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET}),
    ("sortby", "Sortables in turn, - before those that descend", _NAMES),
    ("q", "Words of a name or a whole code; accents and case do not matter", {"type": "string", "minLength": 1, "maxLength": MAX_WORDS}),
    ("resultType", "hits counts only", {"type": "string", "enum": ["results", "hits"], "default": "results"}),
    ("bom", "Whether a CSV begins with the mark by which Excel knows UTF-8", {"type": "boolean", "default": False}),
    AS_OF,
    *FILTER,
    *_SHOWN,
]  # fmt: skip
ASKED_OF_ITEM: list[Parameter] = [AS_OF, *_SHOWN]
FORMS_OF: Mapping[str, tuple[str, ...]] = {ITEMS: FORM_NAMES, ITEMS_IN_FORM: FORM_NAMES, ITEM: ITEM_FORM_NAMES}
"""What ``f`` may be."""

ENDING: Json = {"type": "string", "enum": list(ENDINGS)}


def media_of(path: str) -> Json:
    """Return the content of a successful answer, by media type."""
    forms = WHOLE_FORMS if path == ITEM else FORMS
    return {form.media_type: {"schema": {"type": "object" if form.profile else "string"}} for form in forms.values()}
