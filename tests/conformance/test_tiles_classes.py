"""OGC API - Tiles - Part 1."""

import re
from typing import Any

import mapbox_vector_tile
import pytest

from tests.conformance.api import JSON, PROBLEM, Api, Json, links, media_type_of
from tests.conformance.classes import TILES

MVT = "application/vnd.mapbox-vector-tile"
TILESETS = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"
SCHEME = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"
PLACE = re.compile(r"\{(tileMatrix|tileRow|tileCol)\}")


def tileset(api: Api, owner: Json, matrix_set: str = "WebMercatorQuad") -> Json:
    """Return the metadata of the tileset that a landing page or a collection leads to."""
    listed = api.read(links(owner, TILESETS)[0]["href"])["tilesets"]
    found = next(one for one in listed if one["tileMatrixSetId"] == matrix_set)
    return api.read(links(found, "self", JSON)[0]["href"])


def places(document: Json) -> list[tuple[str, int, int]]:
    """Return a place inside the limits of each level, and so of each tile matrix."""
    limits = document["tileMatrixSetLimits"]
    return [(one["tileMatrix"], one["minTileRow"], one["minTileCol"]) for one in limits]


def address(document: Json, matrix: str, row: int, column: int) -> str:
    """Return the address of a tile."""
    values = {"tileMatrix": matrix, "tileRow": str(row), "tileCol": str(column)}
    template: str = links(document, "item", MVT)[0]["href"]
    return PLACE.sub(lambda part: values[part[1]], template)


@pytest.fixture(params=["tourism_points", "growing_areas", None], ids=["points", "areas", "dataset"])
def owner(request: pytest.FixtureRequest, api: Api) -> Json:
    """A collection of points, one of areas, and the landing page."""
    return api.landing if request.param is None else api.collection(request.param)


@pytest.mark.conformance(TILES + "core")
def test_tiles_are_where_the_template_says(api: Api, owner: Json) -> None:
    """Abstract tests /conf/core/tc-op and tc-success."""
    document = tileset(api, owner)
    template = links(document, "item", MVT)[0]
    assert template["templated"] is True
    statuses = set()
    for place in places(document):
        answer = api.ask(address(document, *place), MVT)
        statuses.add(answer.status_code)
        assert answer.status_code in {200, 204}
        assert answer.status_code == 204 or media_type_of(answer) == MVT
    assert 200 in statuses


@pytest.mark.conformance(TILES + "core")
@pytest.mark.parametrize("name", ["tileMatrix", "tileRow", "tileCol"])
def test_the_places_of_a_tile_are_described(api: Api, owner: Json, name: str) -> None:
    """Abstract tests /conf/core/tc-tilematrix-definition, tc-tilerow-definition and tc-tilecol-definition."""
    template = links(tileset(api, owner), "item", MVT)[0]["href"]
    assert f"{{{name}}}" in template


@pytest.mark.conformance(TILES + "core")
@pytest.mark.parametrize(
    "place", [("99", 0, 0), ("x", 0, 0), ("3", 8, 0), ("3", 0, 8), ("3", -1, 0), ("3", 0, -1)], ids=str
)
def test_a_place_outside_of_the_matrix_is_refused(api: Api, owner: Json, place: tuple[str, int, int]) -> None:
    """Abstract test /conf/core/tc-error: 400 or 404, as a problem."""
    answer = api.ask(address(tileset(api, owner), *place), MVT)
    assert answer.status_code in {400, 404}
    assert answer.headers["content-type"] == PROBLEM


@pytest.mark.conformance(TILES + "core")
def test_conformance_declares_the_core_of_tiles(api: Api) -> None:
    """Abstract test /conf/core/conformance-success."""
    assert TILES + "core" in api.declared


@pytest.mark.conformance(TILES + "tileset")
def test_a_tileset_says_what_the_standard_asks(api: Api, owner: Json) -> None:
    """Abstract test /conf/tileset/tileset-description."""
    document = tileset(api, owner)
    assert document["dataType"] == "vector"
    assert document["crs"].startswith("http://www.opengis.net/def/crs/")
    matrix_set = api.read(links(document, SCHEME)[0]["href"])
    assert document["tileMatrixSetURI"] == matrix_set["uri"]
    levels = {matrix["id"]: matrix for matrix in matrix_set["tileMatrices"]}
    assert all(0 <= row < levels[level]["matrixHeight"] for level, row, _ in places(document))
    assert {layer["id"] for layer in document["layers"]} <= {one["id"] for one in api.collections}


@pytest.mark.conformance(TILES + "tilesets-list")
def test_a_list_of_tilesets_leads_to_each_of_them(api: Api, owner: Json) -> None:
    """Abstract test /conf/tilesets-list/tileset-links."""
    listed: list[dict[str, Any]] = api.read(links(owner, TILESETS)[0]["href"])["tilesets"]
    assert listed
    for one in listed:
        document = api.read(links(one, "self", JSON)[0]["href"])
        same = ("dataType", "crs", "title")
        assert {name: one[name] for name in same} == {name: document[name] for name in same}
        assert one.get("tileMatrixSetURI") == document.get("tileMatrixSetURI")
        assert one.get("tileMatrixSetURI") or links(one, SCHEME)


@pytest.mark.conformance(TILES + "dataset-tilesets")
def test_the_landing_page_leads_to_tiles_of_everything(api: Api) -> None:
    """Abstract tests /conf/dataset-tilesets/landingpage and operation."""
    assert links(api.landing, TILESETS, JSON)
    assert {layer["id"] for layer in tileset(api, api.landing)["layers"]} == {one["id"] for one in api.collections}


@pytest.mark.conformance(TILES + "geodata-tilesets")
def test_every_collection_leads_to_its_tiles(api: Api) -> None:
    """Abstract tests /conf/geodata-tilesets/desc-links and operation."""
    for one in api.collections:
        assert links(one, TILESETS, JSON)
        assert [layer["id"] for layer in tileset(api, one)["layers"]] == [one["id"]]


@pytest.mark.conformance(TILES + "mvt")
def test_a_tile_is_a_vector_tile_with_the_layers_of_its_tileset(api: Api, owner: Json) -> None:
    """Abstract test /conf/mvt/content."""
    document = tileset(api, owner)
    assert document.get("mediaTypes", [MVT]) == [MVT]
    answer = api.ask(address(document, *places(document)[-1]), MVT)
    if answer.status_code == 204:
        answer = next(
            found
            for found in (api.ask(address(document, *place), MVT) for place in places(document))
            if found.status_code == 200
        )
    layers = mapbox_vector_tile.decode(answer.content)
    assert layers
    assert layers.keys() <= {layer["id"] for layer in document["layers"]} | {"dropped"}
    assert all(layer["extent"] == 4096 and layer["version"] == 2 for layer in layers.values())
