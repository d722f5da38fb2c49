"""The archive of tiles in a page of another site: MapLibre with the PMTiles project's own reader, as docs/api.md has it."""

import asyncio
from collections.abc import Iterator
from itertools import islice

import httpx2
import pytest
from playwright.sync_api import Response

from service.packing import Packed, pack
from service.settings import ServiceSettings
from tests.conftest import ROOT
from tests.service.people import PLACE
from tests.service.test_tiles import place
from tests.web.browsing import Open, Visit, await_map, needs_browser
from tests.web.test_browser import foreign_site
from tiles.archive import ArchiveReader
from tiles.decoding import read_tile

MODULES = ROOT / "service/web/node_modules"
SCRIPTS = (MODULES / "maplibre-gl/dist/maplibre-gl.js", MODULES / "pmtiles/dist/pmtiles.js")
PROVINCE, COMPARED = "37", 50

pytestmark = [
    *needs_browser,
    pytest.mark.skipif(
        not all(script.exists() for script in SCRIPTS), reason="pmtiles is not installed: run .ci/npm ci"
    ),
]

PAGE = """<!doctype html><meta charset="utf-8"><title>Trang tỉnh</title><link rel="icon" href="data:,">
<div id="map" style="width: 600px; height: 400px"></div>"""
DRAW = """async ([service, center]) => {
    maplibregl.addProtocol('pmtiles', new pmtiles.Protocol().tile);
    const { archives } = await (await fetch(`${service}/archives`)).json();
    const style = { version: 8, sources: {}, layers: [] };
    const map = new maplibregl.Map({ container: 'map', style, center, zoom: 14 });
    window.shownMap = map;
    await map.once('load');
    map.addSource('province', { type: 'vector', url: `pmtiles://${archives[0].href}` });
    map.addLayer({ id: 'houses', type: 'circle', source: 'province', 'source-layer': 'addresses' });
    map.on('idle', () => { map.getContainer().dataset.map = 'idle'; });
}"""
DRAWN = """() => window.shownMap.queryRenderedFeatures({ layers: ['houses'] })
    .map(({ id, properties }) => [id, properties])"""
COMPARE = """async ([service, layers, addresses]) => {
    const { archives } = await (await fetch(`${service}/archives`)).json();
    const archive = new pmtiles.PMTiles(archives[0].href);
    const others = [];
    for (const [z, x, y] of addresses) {
        const held = await archive.getZxy(z, x, y);
        const live = await fetch(`${service}/tiles/${layers}/${z}/${x}/${y}.mvt`);
        const [some, other] = [new Uint8Array(held.data), new Uint8Array(await live.arrayBuffer())];
        const isSame = some.length === other.length && some.every((byte, at) => byte === other[at]);
        if (live.status !== 200 || !isSame) others.push([z, x, y]);
    }
    return others;
}"""


@pytest.fixture(scope="module")
def packed(sample_settings: ServiceSettings) -> Packed:
    return asyncio.run(pack(sample_settings, PROVINCE, 2, lambda _done, _total: None))


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A page of another origin that holds both libraries and nothing of ours."""
    scripts = "".join(f"<script>{script.read_text(encoding='utf-8')}</script>" for script in SCRIPTS)
    with foreign_site(PAGE + scripts) as address:
        yield address


def watch(found: Visit) -> list[Response]:
    """Note what comes of the archive from now on."""
    answers: list[Response] = []
    found.page.on("response", lambda answer: answers.append(answer) if answer.url.endswith(".pmtiles") else None)
    return answers


def test_maplibre_draws_the_archive_and_asks_for_ranges_of_it(
    service: str, site: str, packed: Packed, visit: Open
) -> None:
    found = visit(site, service)
    answers = watch(found)
    found.page.evaluate(DRAW, [service, list(PLACE)])
    await_map(found.page)
    drawn = dict(map(tuple, found.page.evaluate(DRAWN)))
    x, y = map(int, place(*PLACE, 14))
    served = httpx2.get(f"{service}/tiles/addresses/14/{x}/{y}.mvt").content
    live = {feature.id: feature.properties for feature in read_tile(served)["addresses"]}
    assert len(drawn.keys() & live.keys()) > 10
    assert all(drawn[one] == live[one] for one in drawn.keys() & live.keys())
    assert {answer.status for answer in answers} == {206}
    assert all("range" in answer.request.headers for answer in answers)
    assert sum(int(answer.headers["content-length"]) for answer in answers) < packed.path.stat().st_size
    assert not any("/tiles/" in asked for asked in found.asked)


def test_its_reader_gets_the_tiles_of_the_service(service: str, site: str, packed: Packed, visit: Open) -> None:
    with ArchiveReader(packed.path) as archive:
        addresses = list(archive.addresses())
    chosen = list(islice(addresses[:: len(addresses) // COMPARED], COMPARED))
    assert len({tile.z for tile in chosen}) > 3
    found = visit(site, service)
    asked = [service, ",".join(packed.archive.layers), list(map(list, chosen))]
    assert found.page.evaluate(COMPARE, asked) == []
