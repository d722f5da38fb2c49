"""Programs that others wrote read the running service: GDAL, OWSLib, GeoPandas, and what MapLibre is given."""

import json
import shutil
import subprocess
import urllib.request
from typing import Any

import geopandas
import numpy as np
import pytest
from owslib.ogcapi.features import Features
from pyproj import Transformer

from geodata.registers import discover
from tests.service.people import SAMPLE_COMMUNE

GDAL_TIMEOUT_S = 60
TILE = "/tiles/addresses/14/13026/7245.mvt"
"""A tile with some hundreds of the sample's houses."""
IN_THE_SAMPLE = (106.2, 20.28, 106.3, 20.38)
"""A box in degrees around the communes of the sample."""

needs_gdal = pytest.mark.skipif(
    shutil.which("ogrinfo") is None, reason="GDAL's ogrinfo is not installed (Debian package gdal-bin)"
)


def ogrinfo(*arguments: str) -> list[str]:
    """Return what Debian's ogrinfo writes, line by line."""
    answer = subprocess.run(
        ["ogrinfo", "-ro", *arguments], capture_output=True, text=True, timeout=GDAL_TIMEOUT_S, check=False
    )
    assert answer.returncode == 0, answer.stdout[-500:] + answer.stderr
    assert "ERROR" not in answer.stderr, answer.stderr
    return answer.stdout.splitlines()


def read_json(address: str) -> Any:
    """Read a JSON document."""
    with urllib.request.urlopen(address, timeout=30) as answer:
        return json.load(answer)


def count_of(service: str, register: str) -> int:
    """Return how many features the service says a collection has."""
    count: int = read_json(f"{service}/collections/{register}")["bandoso:count"]
    return count


@needs_gdal
def test_gdal_lists_every_collection(service: str) -> None:
    layers = [line.split()[1] for line in ogrinfo("-q", f"OAPIF:{service}") if line[:1].isdigit()]
    assert sorted(layers) == sorted(discover())


@needs_gdal
@pytest.mark.parametrize(("register", "first"), [("addresses", "POINT (106."), ("communes", None)])
def test_gdal_reads_every_feature_page_by_page(service: str, register: str, first: str | None) -> None:
    lines = ogrinfo("-q", "-oo", "PAGE_SIZE=1000", f"OAPIF:{service}", register)
    ids = [line for line in lines if line.startswith("  id (String) = ")]
    assert len(ids) == len(set(ids)) == count_of(service, register)
    if first is not None:
        assert sum(line.strip().startswith(first) for line in lines) == len(ids)


@needs_gdal
def test_gdal_reads_communes_with_vietnamese_names_and_outlines(service: str) -> None:
    west, south, east, north = map(str, IN_THE_SAMPLE)
    lines = ogrinfo("-q", "-spat", west, south, east, north, f"OAPIF:{service}", "communes")
    assert any(line.startswith(f"  code (String) = {SAMPLE_COMMUNE}") for line in lines)
    assert any(line.startswith("  full_name (String) = Xã An Mẫu") for line in lines)
    assert any(line.strip().startswith("MULTIPOLYGON (((106.") for line in lines)


@needs_gdal
@pytest.mark.parametrize("prefix", ["MVT:", "MVT:/vsicurl/"])
def test_gdal_finds_the_points_of_a_tile_by_its_address(service: str, prefix: str) -> None:
    lines = ogrinfo("-al", f"{prefix}{service}{TILE}")
    assert "Layer name: addresses" in lines
    texts = [line.strip()[len("POINT (") : -1] for line in lines if line.strip().startswith("POINT (")]
    points = np.array([text.split() for text in texts], dtype=float)
    assert len(points) > 100
    west, south, east, north = Transformer.from_crs(4326, 3857, always_xy=True).transform_bounds(*IN_THE_SAMPLE)
    assert np.all((points > (west, south)) & (points < (east, north)))


def test_owslib_reads_collections_queryables_and_items(service: str) -> None:
    client = Features(service)
    assert "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core" in client.conformance()["conformsTo"]
    assert sorted(client.feature_collections()) == sorted(discover())
    assert "kind" in client.collection_queryables("addresses")["properties"]
    page = client.collection_items("addresses", limit=3, bbox=list(IN_THE_SAMPLE), kind="business")
    assert page["numberReturned"] == 3 < page["numberMatched"]
    assert {feature["properties"]["kind"] for feature in page["features"]} == {"business"}
    wanted = page["features"][1]
    item = client.collection_item("addresses", wanted["id"])
    assert (item["geometry"], item["properties"]) == (wanted["geometry"], wanted["properties"])


def test_owslib_reads_schemas_and_filters(service: str) -> None:
    client = Features(service)
    assert client.api()["openapi"].startswith("3.0.")
    schema = client.collection_schema("tourism_points")
    page = client.collection_items("tourism_points", limit=1000, filter="category = 'homestay' AND beds > 2")
    assert 0 < len(page["features"]) == page["numberMatched"] < count_of(service, "tourism_points")
    for feature in page["features"]:
        assert feature["properties"].keys() <= schema["properties"].keys()
        assert feature["properties"]["category"] == "homestay"
        assert feature["properties"]["beds"] > 2


def test_geopandas_reads_an_address_of_items(service: str) -> None:
    frame = geopandas.read_file(f"{service}/collections/growing_areas/items?limit=1000")
    assert len(frame) == count_of(service, "growing_areas")
    assert frame.crs == 4326
    west, south, east, north = IN_THE_SAMPLE
    assert frame.cx[west:east, south:north].shape == frame.shape
    assert frame["code"].notna().all()


@pytest.mark.parametrize("layers", [None, "addresses,growing_areas"])
def test_the_style_is_whole(service: str, layers: str | None) -> None:
    style = read_json(f"{service}/styles/map.json" + (f"?layers={layers}" if layers else ""))
    assert style["version"] == 8
    ids = [layer["id"] for layer in style["layers"]]
    assert len(ids) == len(set(ids))
    assert style["layers"][0]["type"] == "background"
    drawn = {layer["source"] for layer in style["layers"] if layer["type"] != "background"}
    assert drawn == set(style["sources"])
    for name, source in style["sources"].items():
        found = read_json(source["url"] if source["type"] == "vector" else source["data"])
        if source["type"] == "geojson":
            assert found["features"]
            continue
        vector_layers = {layer["id"] for layer in found["vector_layers"]}
        asked = {layer["source-layer"] for layer in style["layers"] if layer.get("source") == name}
        assert vector_layers - asked == {"dropped"}
        assert asked <= vector_layers
