"""The OpenAPI 3.0 document: OGC's clients and test suites read 3.0, the framework writes 3.1."""

from collections.abc import Mapping

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from geodata.exporting import gpkg, xlsx
from geodata.importing.diff import KINDS
from geodata.importing.report_schema import SCHEMA_FILE
from geodata.register import MAX_ZOOM
from geodata.registers import discover
from service.api.documents import MVT
from service.api.edit_bodies import FEATURE_MEDIA, PATCH_MEDIA
from service.api.forms import GEOJSON, SCHEMA
from service.api.reports import WRITERS
from service.api.styles import MAPLIBRE
from service.api.uploads import CHOICES
from service.auth.policy import COOKIE, CSRF_HEADER
from service.deprecations import DEPRECATED
from service.file_options import OPTION_NAMES, longest
from service.openapi_3_0 import downgrade
from service.openapi_changes import ASKED_OF_CHANGES
from service.openapi_datasets import ASKED_OF_DATASETS, MEDIA_OF_DATASETS
from service.openapi_examples import EXAMPLES, VN2000_EXAMPLES
from service.openapi_items import (
    ASKED_OF_ITEM,
    ASKED_OF_ITEMS,
    ENDING,
    FILTER,
    FORMS_OF,
    ITEM,
    ITEMS,
    ITEMS_IN_FORM,
    Json,
    Parameter,
    media_of,
)
from service.openapi_registers import items_of_registers
from service.problems import MEDIA_TYPE
from tiles.matrix_sets import MATRIX_SETS, VN2000_QUAD

REVISIONS = "/collections/{collectionId}/revisions"
REVISION = REVISIONS + "/{number}"
ROLLBACK = REVISION + "/rollback"
ROLLBACK_STATUS = "/collections/{collectionId}/rollbacks/{rollbackId}"
PLAIN_TILE = "/tiles/{layers}/{z}/{x}/{y}.mvt"
OGC_TILE = "/collections/{collectionId}/tiles/WebMercatorQuad/{tileMatrix}/{tileRow}/{tileCol}"
VN2000_TILE = "/collections/{collectionId}/tiles/VN2000UTM48Quad/{tileMatrix}/{tileRow}/{tileCol}"
TILE_EVENTS = "/tiles/{layers}/events"
CSV_STYLE = {"style": "form", "explode": False}
_CSV_STYLED = frozenset({"limit", "datetime"})
"""Beside lists: parameters whose whole description OGC API - Features prescribes."""

_TEXT: Json = {"type": "string"}
_COMMON: list[Parameter] = [
    ("f", "Form of the answer", {"type": "string", "enum": ["json", "html"]}),
    ("lang", "Language of the answer", {"type": "string", "enum": ["vi", "en"]}),
]
_LANGUAGE_OF_ERRORS: Parameter = ("lang", "Language of errors", {"type": "string", "enum": ["vi", "en"]})
_TILE: list[Parameter] = [
    ("v", "Version from TileJSON; such a tile may be kept for ever", _TEXT),
    *FILTER,
    ("properties", "Public fields of the features, comma separated; those of TileJSON by default", _TEXT),
    _LANGUAGE_OF_ERRORS,
]
_PAGE: list[Parameter] = [
    ("limit", "Rows on a page", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 10}),
    ("cursor", "From a next link", {"type": "string"}),
]
_PRIVATE = "All that is known of one's own communes; for officers who signed in"
_EXPORT: list[Parameter] = [("private", _PRIVATE, {"type": "boolean", "default": False})]
REPAIRED = "/uploads/{uploadId}/repaired.gpkg"
_FILES: Mapping[str, str] = {
    "/collections/{collectionId}/export.gpkg": gpkg.MEDIA_TYPE,
    "/collections/{collectionId}/export.xlsx": xlsx.MEDIA_TYPE,
    REPAIRED: gpkg.MEDIA_TYPE,
}
_QUERIES: Mapping[tuple[str, str], list[Parameter]] = {
    ("get", ITEMS): ASKED_OF_ITEMS,
    ("get", ITEMS_IN_FORM): ASKED_OF_ITEMS,
    ("get", ITEM): ASKED_OF_ITEM,
    **{("get", path): _EXPORT for path in _FILES if path != REPAIRED},
    ("get", REVISIONS): _PAGE,
    ("get", REVISION): _PAGE,
    ("post", ROLLBACK): [("dry-run", "Only say what would be done", {"type": "boolean", "default": False})],
    **ASKED_OF_CHANGES,
    **ASKED_OF_DATASETS,
    ("get", "/search"): [
        ("q", "Words or a code", {"type": "string", "minLength": 1, "maxLength": 100}),
        ("limit", "Results", {"type": "integer", "minimum": 1, "maximum": 50, "default": 10}),
    ],
    ("get", "/styles/map.json"): [("layers", "Collection ids, comma separated; all by default", _TEXT)],
    ("get", "/uploads"): [
        ("limit", "Uploads, latest first", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
        ("waiting", "Those of others that wait for approval", {"type": "string", "enum": ["approval"]}),
    ],
    ("get", "/uploads/{uploadId}/diff"): [
        ("kind", "Kind of change", {"type": "string", "enum": list(KINDS), "default": "changed"}),
        ("limit", "Rows on a page", {"type": "integer", "minimum": 1, "maximum": 500, "default": 100}),
        ("after", "From `next` of the page before", {"type": "integer", "minimum": 0, "default": 0}),
    ],
}  # fmt: skip
_REQUIRED = {("/search", "q"), ("/changes/snapshot", "register")}
_MEDIA: Mapping[str, str] = {
    "/search": GEOJSON,
    "/changes/snapshot": "application/x-ndjson",
    "/changes.atom": "application/atom+xml",
    "/styles/map.json": MAPLIBRE,
    "/styles/{styleId}.json": MAPLIBRE,
    "/basemap.geojson": GEOJSON,
    "/basemap-provinces.geojson": GEOJSON,
    "/uploads/{uploadId}/diff.geojson": GEOJSON,
    "/collections/{collectionId}/queryables": SCHEMA,
    "/collections/{collectionId}/schema": SCHEMA,
    "/collections/{collectionId}/sortables": SCHEMA,
    f"/schemas/{SCHEMA_FILE}": SCHEMA,
    "/uploads/{uploadId}/events": "text/event-stream",
}
_PAGES = frozenset(
    {
        "/", "/collections", "/collections/{collectionId}", ITEMS, ITEM, REVISIONS, REVISION, "/archives", "/styles", "/tiles",
        "/tiles/{tileMatrixSetId}", "/collections/{collectionId}/tiles", "/collections/{collectionId}/tiles/{tileMatrixSetId}",
        "/tileMatrixSets", "/tileMatrixSets/{tileMatrixSetId}", "/changes", "/downloads", "/downloads/{collectionId}",
        "/downloads/{collectionId}/{area}",
    }
)  # fmt: skip
"""What people can read at the same address."""
_REPORT_MEDIA: Mapping[str, str] = {**{name: media for name, (media, _) in WRITERS.items()}, "html": "text/html"}
_PROBLEM: Json = {"description": "Problem", "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
_LEFT_TO_WORKER: Json = {
    "description": "Left to a worker; Location says where the answer will be",
    "content": {"application/json": {"schema": {"type": "object"}}},
}
_SIGNED_IN = ("/uploads", "/auth/me", "/auth/logout")


def build_openapi(app: FastAPI) -> Json:
    """Return the app's OpenAPI document in version 3.0.3, without references outside itself."""
    document = get_openapi(
        title="bandoso", version=app.version, openapi_version="3.0.3", routes=app.routes,
        description="Bản đồ số: địa chỉ số, vùng trồng, du lịch nông thôn. / Digital addresses, growing areas, rural tourism.",
    )  # fmt: skip
    paths = document["paths"]
    paths.pop("/api", None)
    paths["/uploads"]["post"]["requestBody"] = _upload_body(_UPLOAD_OPTIONS, _UPLOAD_CHOICES)
    paths["/validate"]["post"]["requestBody"] = _upload_body(_CHECK_OPTIONS, {})
    for path, operations in paths.items():
        for method, operation in operations.items():
            _complete(method, path, operation)
            if path in DEPRECATED:
                operation["deprecated"] = True
    paths |= items_of_registers(ITEMS, paths[ITEMS])
    paths[PLAIN_TILE] = {"get": _tile("tile", "Vector tile", {"layers": _TEXT, **_numbers("z", "x", "y")})}
    ogc = {"collectionId": _collection_ids(), **_numbers("tileMatrix", "tileRow", "tileCol")}
    paths[OGC_TILE] = {"get": _tile("ogcTile", "Vector tile of one collection", ogc)}
    last = VN2000_QUAD.max_level
    vn2000 = {"collectionId": _collection_ids(), **_numbers("tileMatrix", "tileRow", "tileCol", last=last)}
    paths[VN2000_TILE] = {
        "get": _tile("vn2000Tile", "Vector tile of one collection in VN-2000", vn2000, [_TILE[0], _TILE[-1]])
    }
    for parameter in paths[VN2000_TILE]["get"]["parameters"]:
        if parameter["name"] in VN2000_EXAMPLES:
            parameter["example"] = VN2000_EXAMPLES[parameter["name"]]
    paths[TILE_EVENTS] = {"get": _tile_events()}
    components = document.setdefault("components", {})
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
    }
    downgraded: Json = downgrade(document)
    return downgraded


def _collection_ids() -> Json:
    return {"type": "string", "enum": list(discover())}


def _numbers(zoom: str, *others: str, last: int = MAX_ZOOM) -> Json:
    """Return schemas of a tile's zoom and of its two places."""
    largest = {zoom: last, **dict.fromkeys(others, (1 << last) - 1)}
    return {name: {"type": "integer", "minimum": 0, "maximum": value} for name, value in largest.items()}


def _parameter(name: str, place: str, schema: Json, description: str = "", *, is_required: bool = False) -> Json:
    written = {"name": name, "in": place, "required": place == "path" or is_required, "schema": schema}
    if description:
        written["description"] = description
    return _exemplify(written) | (CSV_STYLE if schema.get("type") == "array" or name in _CSV_STYLED else {})


def _exemplify(parameter: Json) -> Json:
    name = parameter["name"]
    return {**parameter, "example": EXAMPLES[name]} if name in EXAMPLES else parameter


def _add_edit(method: str, operation: Json, parameters: Json, responses: Json) -> None:
    """Add what edits of single items are sent with, and how they are answered."""
    media = PATCH_MEDIA if method == "patch" else FEATURE_MEDIA
    if method != "delete":
        schema: Json = {
            "type": "object",
            "properties": {"properties": {"type": "object"}, "geometry": {"type": "object"}},
        }
        if method != "patch":
            schema |= {"required": ["type", "geometry", "properties"]}
            schema["properties"] |= {"type": {"type": "string", "enum": ["Feature"]}}
        operation["requestBody"] = {"required": True, "content": {one: {"schema": schema} for one in media}}
        parameters["prefer"] = _parameter("Prefer", "header", _TEXT, "return=representation answers with the item")
        parameters["crs"] = _parameter("Content-Crs", "header", _TEXT, "Coordinate system of the geometry that is sent")
        responses |= {"413": _PROBLEM, "415": _PROBLEM, "422": _PROBLEM}
        item: Json = {"description": "The item as it is now", "content": {GEOJSON: {"schema": {"type": "object"}}}}
        responses |= {"201": item | {"description": "Added"}} if method == "post" else {"200": item}
    if method != "post":
        parameters["if_match"] = _parameter("If-Match", "header", _TEXT, "The ETag of the item as it was read, or *")
        responses |= {"412": _PROBLEM, "428": _PROBLEM}
    parameters["key"] = _parameter("Idempotency-Key", "header", _TEXT, "One for each edit")
    parameters["note"] = _parameter("Bandoso-Note", "header", _TEXT, "Note on the revision; UTF-8, percent-encoded")
    responses |= {"429": _PROBLEM}


def _add_conditions(method: str, path: str, parameters: Json, responses: Json) -> None:
    """Add what changes ask of the state that the client has seen."""
    if (method, path) == ("post", ROLLBACK):
        parameters["key"] = _parameter("Idempotency-Key", "header", _TEXT, "One for each rollback")
        parameters["if_match"] = _parameter("If-Match", "header", _TEXT, "The etag of the list of revisions")
        parameters["prefer"] = _parameter("Prefer", "header", _TEXT, "respond-async leaves it to a worker")
        responses |= {"202": _LEFT_TO_WORKER, "412": _PROBLEM, "428": _PROBLEM}


def _places() -> Mapping[str, tuple[Json] | tuple[Json, str]]:
    """Return schema and meaning of the parts of paths that are the same everywhere."""
    uuid: Json = {"type": "string", "format": "uuid"}
    return {
        "collectionId": (_collection_ids(), "Id of a collection"),
        "styleId": (_collection_ids(), "Id of a collection"),
        "ending": (ENDING, "Form, as f names it"),
        "tileMatrixSetId": ({"type": "string", "enum": list(MATRIX_SETS)}, "Id of a tile matrix set"),
        "uploadId": (uuid,),
        "rollbackId": (uuid,),
    }


def _complete(method: str, path: str, operation: Json) -> None:
    """Add what the framework cannot know: strict parameters, media types, problem answers, who may ask."""
    parameters = {item["name"]: _exemplify(item) for item in operation.get("parameters", [])}
    parameters |= {name: _parameter(name, "path", *known) for name, known in _places().items() if f"{{{name}}}" in path}
    asked = _QUERIES.get((method, path), []) + (_COMMON if method == "get" and path != "/auth/me" else [])
    parameters |= {
        name: _parameter(name, "query", schema, text, is_required=(path, name) in _REQUIRED)
        for name, text, schema in asked
    }
    if path in FORMS_OF and method == "get":
        parameters["f"]["schema"] = {"type": "string", "enum": list(FORMS_OF[path])}
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)
    is_edit = path in {ITEMS, ITEM} and method != "get"
    if path.startswith(_SIGNED_IN) or path in {ROLLBACK, ROLLBACK_STATUS} or is_edit:
        operation["security"] = [{"key": []}, {"session": []}]
        responses |= {"401": _PROBLEM, "403": _PROBLEM}
        if method != "get":
            parameters["csrf"] = _parameter(CSRF_HEADER, "header", _TEXT, "From /auth/me; for browsers only")
    _complete_files(method, path, parameters, responses)
    _add_conditions(method, path, parameters, responses)
    if is_edit:
        _add_edit(method, operation, parameters, responses)
    operation["parameters"] = list(parameters.values())
    _name_media(method, path, responses)
    for status in ("400", "404", *(["429"] if method == "get" else []), "500", "503"):
        responses.setdefault(status, _PROBLEM)


def _name_media(method: str, path: str, responses: Json) -> None:
    """Add the media types of what is answered."""
    if path in _MEDIA:
        kind = "string" if _MEDIA[path].startswith("text/") else "object"
        responses["200"]["content"] = {_MEDIA[path]: {"schema": {"type": kind}}}
    if path in MEDIA_OF_DATASETS:
        responses["200"]["content"] = {media: {"schema": {}} for media in MEDIA_OF_DATASETS[path]}
    if path in FORMS_OF and method == "get":
        responses["200"]["content"] = media_of(path)
    if path in _FILES:
        responses["200"]["content"] = {_FILES[path]: {"schema": {"type": "string", "format": "binary"}}}
        responses |= {"401": _PROBLEM, "403": _PROBLEM}
    if method == "get" and path in _PAGES:
        responses["200"]["content"]["text/html"] = {"schema": _TEXT}
    if path == "/auth/login":
        responses |= {"401": _PROBLEM, "429": _PROBLEM}


def _complete_files(method: str, path: str, parameters: Json, responses: Json) -> None:
    """Add what is only said of files that are sent, and of what becomes of them."""
    if "{format}" in path:
        schema = {"type": "string", "enum": list(_REPORT_MEDIA)}
        parameters["format"] = _parameter("format", "path", schema, "Form of the report")
        responses["200"]["content"] = {media: {"schema": _TEXT} for media in _REPORT_MEDIA.values()}
    if (method, path) in {("post", "/uploads"), ("post", "/validate")}:
        responses |= {"413": _PROBLEM, "429": _PROBLEM}
    if (method, path) == ("post", "/uploads"):
        parameters["key"] = _parameter("Idempotency-Key", "header", _TEXT, "One for each file sent")
    if path == REPAIRED:
        responses |= {"410": _PROBLEM}
    elif path.startswith("/uploads/{uploadId}/") and "{format}" not in path:
        responses |= {"409": _PROBLEM}
    if (method, path) == ("post", "/uploads/{uploadId}/publish"):
        parameters["match"] = _parameter("If-Match", "header", _TEXT, "ETag of the changes that were seen")
        responses |= {"412": _PROBLEM, "428": _PROBLEM}


_UPLOAD_OPTIONS = {
    "commune": "Code of the commune that all rows belong to",
    "layer": "Layer of a file that holds several",
    "crs": "Coordinate system, such as EPSG:9209",
    "encoding": "Encoding of the letters, such as cp1258; or JSON: one for each column",
    "columns": "JSON: field of each column, null for none",
    "place_columns": "JSON: columns of the coordinates",
    "accept": "JSON: codes of the repairs to make",
    "note": "Remark that is kept with the upload",
}


_CHECK_OPTIONS = {name: text for name, text in _UPLOAD_OPTIONS.items() if name in OPTION_NAMES}
_UPLOAD_CHOICES: Json = {
    "mode": {
        "type": "string", "enum": list(CHOICES["mode"]), "default": "upsert",
        "description": "Update by key, replace the commune's whole set, or only add",
    },
    "publish": {
        "type": "string", "enum": list(CHOICES["publish"]), "default": "ask",
        "description": "Wait until the changes were seen, or publish at once",
    },
}  # fmt: skip


def _upload_body(options: Mapping[str, str], choices: Json) -> Json:
    properties: Json = {
        "register": {**_collection_ids(), "description": "Id of a collection", "example": "addresses"},
        "file": {
            "type": "string",
            "format": "binary",
            "description": "The file itself; several that belong together, such as the parts of a shapefile",
            "example": "@dia-chi.zip",
        },
    }
    properties |= choices
    properties |= {
        name: {"type": "string", "maxLength": longest(name), "description": text} for name, text in options.items()
    }
    schema = {"type": "object", "required": ["register", "file"], "properties": properties}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def _tile(operation_id: str, summary: str, places: Json, asked: list[Parameter] = _TILE) -> Json:
    """Describe a route of the tile application, which the framework does not know."""
    tile = {"description": "Tile", "content": {MVT: {"schema": {"type": "string", "format": "binary"}}}}
    return {
        "tags": ["Tiles"],
        "summary": summary,
        "operationId": operation_id,
        "parameters": [
            *(_parameter(name, "path", schema) for name, schema in places.items()),
            *(_parameter(name, "query", schema, text) for name, text, schema in asked),
        ],
        "responses": {
            "200": tile,
            "204": {"description": "Nothing there"},
            "304": {"description": "The tile that the client holds is current"},
            **dict.fromkeys(("400", "404", "422", "429", "503"), _PROBLEM),
        },
    }


def _tile_events() -> Json:
    """Describe the news of changed tiles, which the framework does not know either."""
    stream = {"description": "Events, as they happen", "content": {"text/event-stream": {"schema": _TEXT}}}
    since = "Versions of the layers that the client has, in their order, comma separated; what it missed is told first"
    return {
        "tags": ["Tiles"],
        "summary": "Changed tiles as they change",
        "description": "Server-sent events `tiles`: a layer, its new version, and which of its tiles changed.",
        "operationId": "tileEvents",
        "parameters": [
            _parameter("layers", "path", _TEXT, "Collection ids, comma separated, each once"),
            _parameter("since", "query", _TEXT, since),
            _parameter(_LANGUAGE_OF_ERRORS[0], "query", _LANGUAGE_OF_ERRORS[2], _LANGUAGE_OF_ERRORS[1]),
            _parameter("Last-Event-ID", "header", _TEXT, "The same, as browsers send it when they come again"),
        ],
        "responses": {"200": stream, **dict.fromkeys(("400", "404", "429", "503"), _PROBLEM)},
    }
