"""OpenLayers draws the tiles in a page of another site, from nothing but the address of a tileset."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.conftest import ROOT
from tests.service.people import PLACE
from tests.service.test_tiles import place
from tests.web.browsing import PATIENCE_MS, Open, needs_browser
from tests.web.test_browser import foreign_site
from tiles.decoding import read_tile

LIBRARY = ROOT / "service/web/node_modules/ol/dist/ol.js"
pytestmark = [
    *needs_browser,
    pytest.mark.skipif(not LIBRARY.exists(), reason="ol is not installed: run .ci/npm ci"),
]
PAGE = """<!doctype html><meta charset="utf-8"><title>Trang tỉnh</title><link rel="icon" href="data:,">
<div id="map" style="width: 600px; height: 400px"></div>"""
DRAW = """async ([tileset, center, zoom]) => {
    const source = new ol.source.OGCVectorTile({ url: tileset, format: new ol.format.MVT() });
    const layer = new ol.layer.VectorTile({ source });
    window.drawn = layer;
    const view = new ol.View({ center: ol.proj.fromLonLat(center), zoom });
    const map = new ol.Map({ target: 'map', layers: [layer], view });
    await new Promise((done, refused) => {
        source.on('error', refused);
        source.on('tileloaderror', refused);
        map.on('loadend', done);
    });
    return source.getState();
}"""
IDS = "() => window.drawn.getFeaturesInExtent([-2e7, -2e7, 2e7, 2e7]).map(one => one.getId())"


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A page of another origin that holds the library and nothing of ours."""
    with foreign_site(f"{PAGE}<script>{LIBRARY.read_text(encoding='utf-8')}</script>") as address:
        yield address


@pytest.mark.parametrize("register", ["addresses", "growing_areas"])
def test_openlayers_draws_a_tileset(service: str, site: str, visit: Open, register: str) -> None:
    found = visit(site, service)
    tileset = f"{service}/collections/{register}/tiles/WebMercatorQuad"
    assert found.page.evaluate(DRAW, [tileset, list(PLACE), 14]) == "ready"
    found.page.wait_for_function(f"({IDS})().length > 3", timeout=PATIENCE_MS)
    x, y = map(int, place(*PLACE, 14))
    served = read_tile(httpx2.get(f"{service}/tiles/{register}/14/{x}/{y}.mvt").content)[register]
    assert {one.id for one in served} <= set(found.page.evaluate(IDS))
    assert any("/tiles/WebMercatorQuad/14/" in address for address in found.asked)
