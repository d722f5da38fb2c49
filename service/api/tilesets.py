"""What describes tiles: TileJSON, styles, base map data, OGC API - Tiles metadata."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request, Response

from geodata.errors import ParameterError
from geodata.features import BBox, read_versions
from geodata.reference import read_basemap, read_province_outlines
from geodata.register import MAX_ZOOM, Register
from geodata.registers import discover, get_register
from service.api.documents import MVT
from service.api.forms import etag_of, is_unchanged, json_response, link, unchanged
from service.api.parameters import only, read_layers
from service.api.tiles import MAX_LAYERS, tiles_version
from service.auth.policy import public
from service.catalogue import NEVER
from service.deps import CatalogueDep, DatabaseDep, RegisterDep, SettingsDep, base_url
from service.web.i18n import pick_language
from tiles.grid import HALF_WORLD_M
from tiles.style import map_style
from tiles.tilejson import tilejson

router = APIRouter(tags=["Tiles"])

MATRIX_SET = "WebMercatorQuad"
MATRIX_SET_URI = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
SCALE_AT_ZERO = 559082264.028717
TILING_SCHEME = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"
STATIC = {"Cache-Control": "public, max-age=3600"}


def _read_layers(text: str) -> list[Register]:
    names = text.split(",")
    registers = [get_register(name) for name in names]
    if len(set(names)) != len(names) or len(names) > MAX_LAYERS:
        raise ParameterError(
            name="layers", why_vi=f"mỗi lớp một lần, nhiều nhất {MAX_LAYERS} lớp.", why_en=f"each layer once, at most {MAX_LAYERS}.",
        )  # fmt: skip
    return registers


@router.get("/tiles/{layers}.json", dependencies=[public], summary="TileJSON")
def tilejson_document(
    request: Request,
    layers: Annotated[str, Path(description="Collection ids, comma separated")],
    database: DatabaseDep,
    catalogue: CatalogueDep,
    settings: SettingsDep,
) -> Response:
    """Return TileJSON 3.0 of one or several layers; the version in the URL changes with every revision."""
    only(request)
    registers = _read_layers(layers)
    with database.read() as connection:
        versions = read_versions(connection)
        states = [catalogue.state(connection, register, versions) for register in registers]
        policy = catalogue.policy(connection)
    version = tiles_version([state.version.revision for state in states], policy)
    document = tilejson(
        registers, url=f"{base_url(request)}/tiles/{layers}/{{z}}/{{x}}/{{y}}.mvt?v={version}", version=version,
        bounds=_union([state.extent for state in states]), language=pick_language(request),
        attribution=settings.attribution,
    )  # fmt: skip
    etag = etag_of(orjson.dumps(document))
    if is_unchanged(request, etag):
        return unchanged(etag)
    tags = " ".join(register.id for register in registers)
    return json_response(document, headers={"ETag": etag, "Cache-Control": "no-cache", "Surrogate-Key": tags})


def _union(boxes: list[BBox | None]) -> BBox | None:
    known = [box for box in boxes if box is not None]
    if not known:
        return None
    west, south, east, north = zip(*known, strict=True)
    return min(west), min(south), max(east), max(north)


@router.get("/styles/map.json", dependencies=[public], summary="MapLibre style")
def style(request: Request) -> Response:
    """Return a MapLibre style: the base map, and the layers asked for (all by default)."""
    asked = only(request, {"layers"}).get("layers")
    registers = read_layers(asked) if asked else list(discover().values())
    document = map_style(registers, base_url=base_url(request), language=pick_language(request))
    return json_response(document, media_type="application/json", headers=STATIC)


@router.get("/basemap.geojson", dependencies=[public], summary="Base map")
def basemap(request: Request) -> Response:
    """Return the neighbours' land and the labels that stand on every map."""
    only(request)
    return json_response(read_basemap(), media_type="application/geo+json", headers=STATIC)


@router.get("/basemap-provinces.geojson", dependencies=[public], summary="Base map: provinces")
def basemap_provinces(request: Request) -> Response:
    """Return the provinces' outlines, with Hoàng Sa and Trường Sa."""
    only(request)
    return json_response(read_province_outlines(), media_type="application/geo+json", headers=STATIC)


@router.get("/tileMatrixSets", dependencies=[public], summary="Tile matrix sets")
def tile_matrix_sets(request: Request) -> Response:
    """Return the tile matrix sets that tiles are cut by."""
    only(request)
    at = f"{base_url(request)}/tileMatrixSets/{MATRIX_SET}"
    entry = {
        "id": MATRIX_SET,
        "title": MATRIX_SET,
        "uri": MATRIX_SET_URI,
        "links": [link(at, "self", "application/json")],
    }
    return json_response({"tileMatrixSets": [entry]})


@router.get("/tileMatrixSets/WebMercatorQuad", dependencies=[public], summary="WebMercatorQuad")
def tile_matrix_set(request: Request) -> Response:
    """Return the definition of WebMercatorQuad down to the last zoom that has tiles."""
    only(request)
    matrices = [
        {
            "id": str(z),
            "scaleDenominator": SCALE_AT_ZERO / (1 << z),
            "cellSize": 2 * HALF_WORLD_M / 256 / (1 << z),
            "cornerOfOrigin": "topLeft",
            "pointOfOrigin": [-HALF_WORLD_M, HALF_WORLD_M],
            "matrixWidth": 1 << z,
            "matrixHeight": 1 << z,
            "tileWidth": 256,
            "tileHeight": 256,
        }
        for z in range(MAX_ZOOM + 1)
    ]
    return json_response(
        {
            "id": MATRIX_SET,
            "title": "Google Maps Compatible for the World",
            "uri": MATRIX_SET_URI,
            "crs": "http://www.opengis.net/def/crs/EPSG/0/3857",
            "orderedAxes": ["X", "Y"],
            "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
            "tileMatrices": matrices,
        }
    )


@router.get("/collections/{collectionId}/tiles", dependencies=[public], summary="Tilesets of a collection")
def tilesets(request: Request, register: RegisterDep) -> Response:
    """Return the tilesets of a collection."""
    only(request)
    at = f"{base_url(request)}/collections/{register.id}/tiles"
    entry = _tileset_head(request, register) | {"links": [link(f"{at}/{MATRIX_SET}", "self", "application/json")]}
    return json_response({"links": [link(at, "self", "application/json")], "tilesets": [entry]})


@router.get("/collections/{collectionId}/tiles/WebMercatorQuad", dependencies=[public], summary="Tileset metadata")
def tileset(request: Request, register: RegisterDep, database: DatabaseDep, catalogue: CatalogueDep) -> Response:
    """Return the metadata of a collection's tileset."""
    only(request)
    base = base_url(request)
    with database.read() as connection:
        state = catalogue.state(connection, register)
    at = f"{base}/collections/{register.id}/tiles/{MATRIX_SET}"
    template = link(f"{at}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}", "item", MVT) | {"templated": True}
    document: dict[str, Any] = _tileset_head(request, register) | {
        "layers": [
            {
                "id": register.id,
                "dataType": "vector",
                "minTileMatrix": str(register.tile.min_zoom),
                "maxTileMatrix": str(MAX_ZOOM),
            }
        ],
        "links": [
            link(at, "self", "application/json"),
            template,
            link(f"{base}/tileMatrixSets/{MATRIX_SET}", TILING_SCHEME, "application/json"),
            link(f"{base}/tiles/{register.id}.json", "describedby", "application/json", "TileJSON"),
        ],
    }
    if state.version != NEVER and state.extent is not None:
        west, south, east, north = state.extent
        document["boundingBox"] = {"lowerLeft": [west, south], "upperRight": [east, north]}
    return json_response(document)


def _tileset_head(request: Request, register: Register) -> dict[str, Any]:
    return {
        "title": register.title.in_language(pick_language(request)),
        "dataType": "vector",
        "crs": "http://www.opengis.net/def/crs/EPSG/0/3857",
        "tileMatrixSetURI": MATRIX_SET_URI,
    }
