"""What describes tiles: TileJSON, styles, base map data, OGC API - Tiles metadata."""

from datetime import UTC
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Request, Response

from geodata.db import Database
from geodata.errors import ParameterError, UnknownMatrixSetError
from geodata.features import read_versions
from geodata.matching import BBox
from geodata.reference import read_basemap, read_province_outlines
from geodata.register import Register
from geodata.registers import discover, get_register
from service.api.documents import MVT
from service.api.forms import (
    VARY_BY_LANGUAGE,
    etag_of,
    is_unchanged,
    json_response,
    link,
    own_links,
    pick_form,
    unchanged,
)
from service.api.parameters import only
from service.api.tiles import MAX_LAYERS, tiles_version
from service.auth.policy import public
from service.catalogue import Catalogue
from service.deps import CatalogueDep, DatabaseDep, RegisterDep, SettingsDep, base_url
from service.settings import ServiceSettings
from service.web.i18n import pick_language, translator
from service.web.rendering import render
from tiles.matrix_sets import MATRIX_SETS, WEB_MERCATOR_QUAD, MatrixSet
from tiles.tilejson import tilejson
from tiles.tileset import Layer, tileset_details, tileset_head

router = APIRouter(tags=["Tiles"])

TILING_SCHEME = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"
GEODATA = "http://www.opengis.net/def/rel/ogc/1.0/geodata"
NO_CACHE = {"Cache-Control": "no-cache"}
STATIC = {"Cache-Control": "public, max-age=3600"}


MatrixSetId = Annotated[str, Path(alias="tileMatrixSetId", description="Id of a tile matrix set")]


def read_matrix_set(wanted: MatrixSetId) -> MatrixSet:
    """Return the tile matrix set of a path.

    Raises
    ------
    UnknownMatrixSetError
    """
    found = MATRIX_SETS.get(wanted)
    if found is None:
        raise UnknownMatrixSetError(name=wanted[:40], known=", ".join(MATRIX_SETS))
    return found


MatrixSetDep = Annotated[MatrixSet, Depends(read_matrix_set)]


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
        policy, mark = catalogue.policy(connection), catalogue.mark(connection)
    version = tiles_version([state.version.revision for state in states], policy, mark)
    document = tilejson(
        registers, url=f"{base_url(request)}/tiles/{layers}/{{z}}/{{x}}/{{y}}.mvt?v={version}", version=version,
        bounds=_union([state.extent for state in states]), language=pick_language(request),
        attribution=settings.attribution,
    )  # fmt: skip
    etag = etag_of(orjson.dumps(document))
    if is_unchanged(request, etag):
        return unchanged(etag, VARY_BY_LANGUAGE)
    tags = " ".join(register.id for register in registers)
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": VARY_BY_LANGUAGE, "Surrogate-Key": tags}
    return json_response(document, headers=headers)


def _union(boxes: list[BBox | None]) -> BBox | None:
    known = [box for box in boxes if box is not None]
    if not known:
        return None
    west, south, east, north = zip(*known, strict=True)
    return min(west), min(south), max(east), max(north)


@router.get("/basemap.geojson", dependencies=[public], summary="Base map")
def basemap(request: Request) -> Response:
    """Return the neighbours' land and the labels that stand on every map."""
    only(request)
    return json_response(read_basemap(), media_type="application/geo+json", headers={**STATIC, "Vary": ""})


@router.get("/basemap-provinces.geojson", dependencies=[public], summary="Base map: provinces")
def basemap_provinces(request: Request) -> Response:
    """Return the provinces' outlines, with Hoàng Sa and Trường Sa."""
    only(request)
    return json_response(read_province_outlines(), media_type="application/geo+json", headers={**STATIC, "Vary": ""})


@router.get("/tileMatrixSets", dependencies=[public], summary="Tile matrix sets")
def tile_matrix_sets(request: Request) -> Response:
    """Return the tile matrix sets that tiles are cut by."""
    only(request)
    at, language = f"{base_url(request)}/tileMatrixSets", pick_language(request)
    entries = [
        {
            "id": found.id,
            "title": found.title.in_language(language),
            **({"uri": found.uri} if found.uri else {}),
            "crs": found.crs,
            "links": [link(f"{at}/{found.id}", TILING_SCHEME, "application/json")],
        }
        for found in MATRIX_SETS.values()
    ]
    return _list(request, "Tile matrix sets", at, {"tileMatrixSets": entries})


@router.get("/tileMatrixSets/{tileMatrixSetId}", dependencies=[public], summary="A tile matrix set")
def tile_matrix_set(request: Request, found: MatrixSetDep) -> Response:
    """Return the definition of a tile matrix set down to the last level that has tiles."""
    only(request)
    at = f"{base_url(request)}/tileMatrixSets/{found.id}"
    definition, links = found.as_dict(pick_language(request)), own_links(at)
    if pick_form(request) == "html":
        return render(request, "matrixSet.html", {"matrix_set": definition, "links": links})
    return json_response(definition | {"links": links})


@router.get("/tiles", dependencies=[public], summary="Tilesets of all collections together")
def dataset_tilesets(request: Request) -> Response:
    """Return the tilesets that hold every layer."""
    only(request)
    layers = [Layer(register, None, None) for register in _together()]
    return _tilesets(request, "Tilesets of all collections together", "/tiles", layers, [WEB_MERCATOR_QUAD])


@router.get("/tiles/{tileMatrixSetId}", dependencies=[public], summary="Tileset metadata of all collections together")
def dataset_tileset(
    request: Request, wanted: MatrixSetId, database: DatabaseDep, catalogue: CatalogueDep, settings: SettingsDep
) -> Response:
    """Return the metadata of the tileset that holds every layer; it is cut by WebMercatorQuad alone."""
    only(request)
    if wanted != WEB_MERCATOR_QUAD.id:
        raise UnknownMatrixSetError(name=wanted[:40], known=WEB_MERCATOR_QUAD.id)
    base, registers = base_url(request), _together()
    names = ",".join(register.id for register in registers)
    links: list[dict[str, Any]] = [
        *own_links(f"{base}/tiles/{WEB_MERCATOR_QUAD.id}"),
        link(f"{base}/tiles/{names}/{{tileMatrix}}/{{tileCol}}/{{tileRow}}.mvt", "item", MVT) | {"templated": True},
        link(f"{base}/tiles/{names}.json", "describedby", "application/json", "TileJSON"),
    ]
    layers = _layers(registers, database, catalogue)
    return _tileset(request, layers, WEB_MERCATOR_QUAD, links, settings)


@router.get("/collections/{collectionId}/tiles", dependencies=[public], summary="Tilesets of a collection")
def tilesets(request: Request, register: RegisterDep) -> Response:
    """Return the tilesets of a collection."""
    only(request)
    at = f"/collections/{register.id}/tiles"
    return _tilesets(request, "Tilesets of a collection", at, [Layer(register, None, None)], list(MATRIX_SETS.values()))


@router.get("/collections/{collectionId}/tiles/{tileMatrixSetId}", dependencies=[public], summary="Tileset metadata")
def tileset(
    request: Request,
    register: RegisterDep,
    found: MatrixSetDep,
    database: DatabaseDep,
    catalogue: CatalogueDep,
    settings: SettingsDep,
) -> Response:
    """Return the metadata of a collection's tileset."""
    only(request)
    base = base_url(request)
    at = f"{base}/collections/{register.id}/tiles/{found.id}"
    links: list[dict[str, Any]] = [
        *own_links(at),
        link(f"{at}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}", "item", MVT) | {"templated": True},
        link(f"{base}/collections/{register.id}", GEODATA, "application/json"),
    ]
    if found is WEB_MERCATOR_QUAD:
        # The only grid that TileJSON knows.
        links.append(link(f"{base}/tiles/{register.id}.json", "describedby", "application/json", "TileJSON"))
    return _tileset(request, _layers([register], database, catalogue), found, links, settings)


def _together() -> list[Register]:
    """Return the registers whose layers one tile holds."""
    return list(discover().values())[:MAX_LAYERS]


def _layers(registers: list[Register], database: Database, catalogue: Catalogue) -> list[Layer]:
    with database.read() as connection:
        versions = read_versions(connection)
        states = [catalogue.state(connection, register, versions) for register in registers]
    return [
        Layer(register, state.extent, state.version.published_at and state.version.published_at.astimezone(UTC))
        for register, state in zip(registers, states, strict=True)
    ]


def _list(request: Request, heading: str, at: str, document: dict[str, Any]) -> Response:
    """Answer with a list: the one member of a document."""
    ((_, entries),) = document.items()
    if pick_form(request) == "html":
        shown = {"heading": translator(pick_language(request))(heading), "entries": entries, "links": own_links(at)}
        return render(request, "tilesets.html", shown)
    return json_response({"links": own_links(at), **document})


def _tilesets(request: Request, heading: str, path: str, layers: list[Layer], sets: list[MatrixSet]) -> Response:
    language, at = pick_language(request), f"{base_url(request)}{path}"
    entries = [
        tileset_head(layers, found, language)
        | {"links": [link(f"{at}/{found.id}", "self", "application/json"), _scheme(request, found)]}
        for found in sets
    ]
    return _list(request, heading, at, {"tilesets": entries})


def _tileset(
    request: Request, layers: list[Layer], found: MatrixSet, links: list[dict[str, Any]], settings: ServiceSettings
) -> Response:
    language = pick_language(request)
    document = tileset_head(layers, found, language) | tileset_details(layers, found, language)
    if settings.licence:
        document["license"] = settings.licence
    document |= {"attribution": settings.attribution, "links": [*links, _scheme(request, found)]}
    if pick_form(request) == "html":
        return render(request, "tileset.html", {"tileset": document})
    return json_response(document, headers=NO_CACHE)


def _scheme(request: Request, found: MatrixSet) -> dict[str, str]:
    return link(f"{base_url(request)}/tileMatrixSets/{found.id}", TILING_SCHEME, "application/json")
