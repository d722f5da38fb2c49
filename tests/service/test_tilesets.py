"""What OGC API - Tiles says of the tiles: sets, lists, metadata; it is whole, and true of the tiles themselves."""

from datetime import datetime
from html import unescape
from typing import Any

import mapbox_vector_tile
import morecantile
import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from geodata.registers import discover
from tests.service.test_tiles import around

SCHEME = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"
SETS = "/tileMatrixSets"
QUAD = "WebMercatorQuad"
PLACE = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}}
BOX = {
    "type": "object", "required": ["lowerLeft", "upperRight"],
    "properties": {"lowerLeft": PLACE, "upperRight": PLACE, "crs": {"type": "string", "format": "uri"}},
}  # fmt: skip
LINKS = {
    "type": "array", "minItems": 1, "items": {"type": "object", "required": ["href", "rel"]},
    "contains": {"properties": {"rel": {"const": SCHEME}}},
}  # fmt: skip
LEVEL = {"type": "string", "pattern": "^[0-9]+$"}
NUMBER = {"type": "integer", "minimum": 0}
LIMITS = {
    "type": "array", "minItems": 1, "items": {
        "type": "object", "required": ["tileMatrix", "minTileRow", "maxTileRow", "minTileCol", "maxTileCol"],
        "properties": {"tileMatrix": LEVEL} | dict.fromkeys(["minTileRow", "maxTileRow", "minTileCol", "maxTileCol"], NUMBER),
    },
}  # fmt: skip
LAYER = {
    "type": "object", "required": ["id", "dataType", "geometryDimension", "propertiesSchema", "minTileMatrix", "maxTileMatrix"],
    "properties": {
        "dataType": {"const": "vector"}, "geometryDimension": {"enum": [0, 1, 2]}, "minTileMatrix": LEVEL, "maxTileMatrix": LEVEL,
        "boundingBox": BOX, "propertiesSchema": {"$ref": "https://json-schema.org/draft/2020-12/schema"},
    },
}  # fmt: skip
TILESET = {
    "type": "object",
    "required": ["title", "dataType", "crs", "links", "layers", "tileMatrixSetLimits", "boundingBox", "centerPoint", "updated"],
    "properties": {
        "dataType": {"enum": ["map", "vector", "coverage"]}, "crs": {"type": "string", "format": "uri"}, "links": LINKS,
        "tileMatrixSetURI": {"type": "string", "format": "uri"}, "tileMatrixSetLimits": LIMITS, "boundingBox": BOX,
        "layers": {"type": "array", "minItems": 1, "items": LAYER}, "attribution": {"type": "string"},
        "license": {"type": "string"}, "centerPoint": {"type": "object", "properties": {"coordinates": PLACE, "tileMatrix": LEVEL}},
    },
}  # fmt: skip
"""The parts of OGC 17-083r4 and 20-057 that apply here, with what is optional there required where we have it."""

TILESETS = ["/tiles/WebMercatorQuad", *(f"/collections/{name}/tiles/WebMercatorQuad" for name in discover())]


def template_of(document: Any) -> str:
    (found,) = [link["href"] for link in document["links"] if link["rel"] == "item"]
    return str(found)


def filled(template: str, z: int, x: int, y: int) -> str:
    return template.format(tileMatrix=z, tileRow=y, tileCol=x)


def test_every_tile_matrix_set_of_the_list_is_defined_as_others_read_it(client: TestClient) -> None:
    listed = client.get(SETS).json()["tileMatrixSets"]
    assert QUAD in {entry["id"] for entry in listed}
    for entry in listed:
        document = client.get(entry["links"][0]["href"]).json()
        read = morecantile.TileMatrixSet.model_validate(document)
        assert (read.id, document["crs"]) == (entry["id"], entry["crs"])


def test_web_mercator_is_cut_as_everybody_cuts_it(client: TestClient) -> None:
    ours = morecantile.TileMatrixSet.model_validate(client.get(f"{SETS}/{QUAD}").json())
    theirs = morecantile.tms.get(QUAD)
    for mine, other in zip(ours.tileMatrices, theirs.tileMatrices, strict=False):
        numbers = ("scaleDenominator", "cellSize", "matrixWidth", "matrixHeight", "tileWidth", "tileHeight")
        assert [getattr(mine, name) for name in numbers] == pytest.approx([getattr(other, name) for name in numbers])
        assert mine.pointOfOrigin == pytest.approx(other.pointOfOrigin)
    assert ours.maxzoom == 14


def test_a_tile_matrix_set_that_is_not_there_is_named(client: TestClient) -> None:
    for path in (f"{SETS}/Nothing", "/collections/addresses/tiles/Nothing"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:bandoso:problem:matrix_set_unknown")
        assert QUAD in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/tiles", *(f"/collections/{name}/tiles" for name in discover())])
def test_lists_of_tilesets_lead_to_their_metadata(client: TestClient, path: str) -> None:
    for entry in client.get(path).json()["tilesets"]:
        assert {"title", "dataType", "crs", "links"} <= entry.keys()
        links = {link["rel"]: link["href"] for link in entry["links"]}
        assert client.get(links[SCHEME]).json()["crs"] == entry["crs"]
        document = client.get(links["self"]).json()
        assert {name: document[name] for name in entry if name != "links"} == {
            name: value for name, value in entry.items() if name != "links"
        }


@pytest.mark.parametrize("path", TILESETS)
def test_metadata_of_a_tileset_have_the_standard_s_form(client: TestClient, path: str) -> None:
    answer = client.get(path)
    Draft202012Validator(TILESET, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(answer.json())
    assert datetime.fromisoformat(answer.json()["updated"]).tzinfo is not None
    held = client.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (held.status_code, held.content) == (304, b"")


@pytest.mark.parametrize("path", TILESETS)
def test_the_limits_hold_every_tile_that_is_not_empty(client: TestClient, path: str) -> None:
    document = client.get(path).json()
    layers = [layer["id"] for layer in document["layers"]]
    template = template_of(document)
    for limits in document["tileMatrixSetLimits"][:9]:
        z = int(limits["tileMatrix"])
        columns, rows = (range(limits[f"minTile{name}"] - 1, limits[f"maxTile{name}"] + 2) for name in ("Col", "Row"))
        filled_tiles = set()
        for x in columns:
            for y in rows:
                is_edge = x in {columns[0], columns[-1]} or y in {rows[0], rows[-1]}
                if min(x, y) >= 0 and max(x, y) < 1 << z and (z < 5 or is_edge):
                    answer = client.get(filled(template, z, x, y))
                    assert answer.status_code == 204 or not is_edge, (z, x, y)
                    filled_tiles |= {(x, y)} if answer.status_code == 200 else set()
        assert filled_tiles or z >= 5
    for layer in layers:
        (z, x, y) = around(client, layer, 12)[0]
        limits = next(each for each in document["tileMatrixSetLimits"] if each["tileMatrix"] == str(z))
        assert limits["minTileCol"] <= x <= limits["maxTileCol"]
        assert limits["minTileRow"] <= y <= limits["maxTileRow"]


@pytest.mark.parametrize("name", list(discover()))
def test_a_layer_tells_the_fields_and_the_geometry_that_its_features_have(client: TestClient, name: str) -> None:
    document = client.get(f"/collections/{name}/tiles/{QUAD}").json()
    (layer,) = document["layers"]
    kinds = {0: {"Point"}, 2: {"Polygon", "MultiPolygon", "Point"}}[layer["geometryDimension"]]
    seen: set[str] = set()
    for z in (int(layer["minTileMatrix"]), 11, 14):
        for tile in around(client, name, z)[:4]:
            answer = client.get(filled(template_of(document), *tile))
            features = mapbox_vector_tile.decode(answer.content)[name]["features"] if answer.content else []
            for feature in features:
                assert feature["geometry"]["type"] in kinds
                seen |= feature["properties"].keys()
                Draft202012Validator(layer["propertiesSchema"]).validate(feature["properties"])
    assert seen
    assert seen <= layer["propertiesSchema"]["properties"].keys()


@pytest.mark.parametrize("path", TILESETS)
def test_a_tileset_lies_where_its_data_lies(client: TestClient, path: str) -> None:
    document = client.get(path).json()
    names = ",".join(layer["id"] for layer in document["layers"])
    box = document["boundingBox"]
    assert [*box["lowerLeft"], *box["upperRight"]] == pytest.approx(client.get(f"/tiles/{names}.json").json()["bounds"])
    centre = document["centerPoint"]["coordinates"]
    assert all(low <= at <= high for low, at, high in zip(box["lowerLeft"], centre, box["upperRight"], strict=True))


# --- pages for people


@pytest.mark.parametrize("path", [*TILESETS, "/collections/addresses/tiles/VN2000UTM48Quad"])
def test_the_page_of_a_tileset_says_what_the_document_says(client: TestClient, path: str) -> None:
    document, page = client.get(path).json(), unescape(client.get(path, params={"f": "html", "lang": "en"}).text)
    assert template_of(document) in page
    assert f"/tileMatrixSets/{document['tileMatrixSetId']}" in page
    for layer in client.get(path, params={"lang": "en"}).json()["layers"]:
        assert f">{layer['title']}</a>" in page
        assert f"{layer['minTileMatrix']}–{layer['maxTileMatrix']}" in page
        assert all(f"<code>{name}</code>" in page for name in layer["propertiesSchema"]["properties"])


@pytest.mark.parametrize("path", ["/tiles", "/collections/addresses/tiles", SETS])
def test_the_page_of_a_list_leads_to_the_page_of_each_entry(client: TestClient, path: str) -> None:
    document, page = client.get(path).json(), client.get(path, headers={"accept": "text/html"}).text
    (entries,) = (part for name, part in document.items() if name != "links")
    assert {"self", "alternate"} == {link["rel"] for link in document["links"]}
    for entry in entries:
        href = entry["links"][0]["href"]
        assert f'href="{href}"' in page
        assert client.get(href, headers={"accept": "text/html"}).headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_page_of_a_matrix_set_has_a_row_for_each_level(client: TestClient, language: str) -> None:
    path = f"{SETS}/VN2000UTM48Quad"
    levels = client.get(path).json()["tileMatrices"]
    page = client.get(path, params={"f": "html", "lang": language}).text
    assert page.count('<th scope="row">') == len(levels) > 10
    assert {"vi": "Hệ chia ô", "en": "Tile matrix set"}[language] in page
    assert "<td>1024 × 1024</td>" in page
    assert {"vi": "<td>1 : 28.571,4</td>", "en": "<td>1 : 28,571.4</td>"}[language] in page


@pytest.mark.parametrize(("matrix_set", "count"), [(QUAD, 1), ("VN2000UTM48Quad", 0)])
def test_a_tileset_leads_to_tilejson_where_that_has_the_same_tiles(
    client: TestClient, matrix_set: str, count: int
) -> None:
    links = client.get(f"/collections/addresses/tiles/{matrix_set}?f=json").json()["links"]
    assert sum(link["rel"] == "describedby" for link in links) == count
