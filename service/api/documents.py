"""The OGC API documents: landing page, conformance, collections. Pure functions of state."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from geodata.exporting import gpkg, xlsx
from geodata.reference_systems import CRS84, reference_systems
from geodata.register import Field, Register
from service.api.forms import GEOJSON, SCHEMA, link
from service.api.item_schemas import JSON_TYPES
from service.catalogue import State

MVT = "application/vnd.mapbox-vector-tile"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"

CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/landing-page",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/oas30",
    "https://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/schemas",
    "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/advanced-property-roles",
    "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/returnables-and-receivables",
    "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/sortables",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/ogcapi-features-8/1.0/conf/sortables",
    "http://www.opengis.net/spec/ogcapi-features-8/1.0/conf/sorting",
    "http://www.opengis.net/spec/ogcapi-features-8/1.0/conf/features-sorting",
    "http://www.opengis.net/spec/json-fg-1/1.0/conf/core",
    "http://www.opengis.net/spec/json-fg-1/1.0/conf/types-schemas",
    "http://www.opengis.net/spec/json-fg-1/1.0/conf/profiles",
    "http://www.opengis.net/spec/json-fg-1/1.0/conf/api",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/case-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/accent-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
    # The name that drafts had for it, which older versions of QGIS look for.
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/array-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/property-property",
    "http://www.opengis.net/spec/cql2/1.0/conf/arithmetic",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/features",
    "http://www.opengis.net/spec/ogcapi-common-5/1.0/conf/create-replace-delete",
    "http://www.opengis.net/spec/ogcapi-common-5/1.0/conf/update",
    "http://www.opengis.net/spec/ogcapi-common-5/1.0/conf/optimistic-locking-etags",
    "http://www.opengis.net/spec/ogcapi-common-5/1.0/conf/return-resource-representation-in-response",
    "http://www.opengis.net/spec/ogcapi-common-5/1.0/conf/handling",
    # As older drafts call them, which clients look for.
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/create-replace-delete",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/update",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/optimistic-locking-etags",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/dataset-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/geodata-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/mvt",
)


def landing(base: str, title: str, description: str) -> dict[str, Any]:
    """Return the landing page."""
    return {
        "title": title,
        "description": description,
        "links": [
            link(f"{base}/?f=json", "self", "application/json"),
            link(f"{base}/", "alternate", "text/html", "HTML"),
            link(f"{base}/api", "service-desc", OPENAPI, "OpenAPI 3.0"),
            link(f"{base}/api.html", "service-doc", "text/html", "API"),
            link(f"{base}/conformance", "conformance", "application/json"),
            link(f"{base}/collections", "data", "application/json"),
            link(f"{base}/tiles", "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector", "application/json"),
            link(f"{base}/tileMatrixSets", "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes", "application/json"),
            link(f"{base}/styles", "http://www.opengis.net/def/rel/ogc/1.0/styles", "application/json"),
            link(f"{base}/search{{?q,limit}}", "search", GEOJSON) | {"templated": True},
        ],
    }  # fmt: skip


def collection(register: Register, state: State, *, base: str, language: str, licence: str) -> dict[str, Any]:
    """Return a collection's description; the same here and in the list of collections."""
    at = f"{base}/collections/{register.id}"
    document: dict[str, Any] = {
        "id": register.id,
        "title": register.title.in_language(language),
        "description": register.description.in_language(language),
        "itemType": "feature",
        "crs": list(reference_systems()),
        "storageCrs": CRS84,
        "extent": _extent(state),
        "bandoso:revision": state.version.revision,
        "bandoso:count": state.count,
        "links": [
            link(at, "self", "application/json"),
            link(f"{at}?f=html", "alternate", "text/html"),
            link(f"{at}/items", "items", GEOJSON, register.title.in_language(language)),
            link(f"{at}/items?f=html", "items", "text/html"),
            link(f"{at}/queryables", "http://www.opengis.net/def/rel/ogc/1.0/queryables", SCHEMA),
            link(f"{at}/sortables", "http://www.opengis.net/def/rel/ogc/1.0/sortables", SCHEMA),
            link(f"{at}/schema", "http://www.opengis.net/def/rel/ogc/1.0/schema", SCHEMA),
            link(f"{at}/tiles", "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector", "application/json"),
            link(f"{base}/tiles/{register.id}.json", "describedby", "application/json", "TileJSON"),
            link(f"{base}/styles/{register.id}.json", "stylesheet", "application/vnd.mapbox.style+json", "MapLibre"),
            link(f"{at}/revisions", "version-history", "application/json"),
            link(f"{base}/downloads/{register.id}", "enclosure", "application/json", "CSV, GeoPackage, GeoParquet …"),
            link(f"{at}/export.gpkg", "enclosure", gpkg.MEDIA_TYPE, "GeoPackage"),
            link(f"{at}/export.xlsx", "enclosure", xlsx.MEDIA_TYPE, "XLSX"),
        ],
    }
    if licence:
        document["license"] = licence
    return document


def _extent(state: State) -> dict[str, Any]:
    box = list(state.extent) if state.extent else [102.1, 6.5, 117.9, 23.5]
    extent: dict[str, Any] = {"spatial": {"bbox": [box], "crs": CRS84}}
    if state.validity is not None:
        ends = [day and f"{day.isoformat()}T00:00:00Z" for day in state.validity]
        extent["temporal"] = {"interval": [ends]}
    return extent


def list_list(register: Register) -> list[dict[str, Any]]:
    """Return lists as pages show them: name, titles, the fields of their rows as ``columns``."""
    lists = []
    for side in register.lists:
        fields = register.list_fields(side)
        rows = [{**shown, "name": item.column.key} for item, shown in zip(fields, field_list(fields), strict=True)]
        titles = {"vi": side.title.vi, "en": side.title.en}
        lists.append({"name": side.name, "title": titles, "type": "list", "choices": [], "columns": rows})
    return lists


PLACE_AND_STATE = frozenset({"street", "village", "commune_code", "status"})
"""Names of the fields that say where a record is and whether it is in force."""


def reading_order(register: Register) -> list[Field]:
    """Return the public fields as people read them: the label, what maps show, the rest, what is worked out."""

    def rank(item: Field) -> int:
        if item.name in register.write.computed:
            return 3
        return 0 if item.name == register.label else 1 if _is_on_maps(item) else 2

    return sorted(register.public_fields, key=rank)


def columns(register: Register) -> list[Field]:
    """Return the handful of fields that a table shows beside the label; pages of single items have the others."""
    found = [item for item in reading_order(register) if item.tile or item.name in PLACE_AND_STATE]
    return [item for item in found if item.name != register.label and not item.name.endswith("_en")]


def _is_on_maps(item: Field) -> bool:
    return item.tile or bool(item.choices)


def field_list(fields: Sequence[Field]) -> list[dict[str, Any]]:
    """Return fields as pages show them: name, titles, type, labels of coded values."""
    return [
        {
            "name": item.name,
            "title": {"vi": item.title.vi, "en": item.title.en},
            "type": "date"
            if item.column.type.python_type is date
            else JSON_TYPES[item.column.type.python_type]["type"],
            "choices": [
                {"value": value, "label": {"vi": choice.label.vi, "en": choice.label.en}, "color": choice.color}
                for value, choice in item.choices.items()
            ],
        }
        for item in fields
    ]
