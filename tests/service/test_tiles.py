"""Tiles over HTTP: their addresses, what is in them, and how long a copy of one stays good."""

import asyncio
import json
import math
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import mapbox_vector_tile
import numpy as np
import pytest
from shapely import transform
from shapely.geometry import box, shape
from starlette.testclient import TestClient

from geodata.db import SYSTEM, Database
from geodata.importing.check import ImportRequest
from geodata.importing.publish import import_file
from geodata.registers import discover, get_register
from service.app import create_app
from service.settings import ServiceSettings
from service.tile_access import tile_settings
from tests.conftest import Server, serving, settings_for
from tiles.grid import TileAddress
from tiles.store import TileStore

MVT, PROBLEM = "application/vnd.mapbox-vector-tile", "application/problem+json"
ADDRESS_COUNT = 5000
EMPTY = "addresses/14/0/0"
NOTICED_WITHIN_S = 1.0
BUFFER = 64 / 4096
Tile = tuple[int, int, int]


def place(lon: float, lat: float, z: int) -> tuple[float, float]:
    """Return x and y of a place in tiles of a zoom, with the part within the tile."""
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return (lon + 180) / 360 * (1 << z), y * (1 << z)


def around(client: TestClient, layer: str, z: int) -> list[Tile]:
    """Return the tiles of a zoom that hold or touch a layer's data."""
    west, south, east, north = client.get(f"/tiles/{layer}.json").json()["bounds"]
    x0, y1 = place(west, south, z)
    x1, y0 = place(east, north, z)
    last = (1 << z) - 1
    columns = range(max(0, int(x0 - BUFFER)), min(last, int(x1 + BUFFER)) + 1)
    rows = range(max(0, int(y0 - BUFFER)), min(last, int(y1 + BUFFER)) + 1)
    return [(z, x, y) for x in columns for y in rows]


def path_of(layers: str, tile: Tile) -> str:
    return f"/tiles/{layers}/{tile[0]}/{tile[1]}/{tile[2]}.mvt"


def features(client: TestClient, layer: str, tile: Tile) -> list[dict[str, Any]]:
    """Return a layer's features in one tile."""
    answer = client.get(path_of(layer, tile))
    assert answer.status_code in {200, 204}
    found: list[dict[str, Any]] = mapbox_vector_tile.decode(answer.content)[layer]["features"] if answer.content else []
    return found


@pytest.fixture(scope="module")
def middle(client: TestClient) -> Tile:
    """A tile of zoom 14 in the middle of a sample village."""
    lon, lat = client.get("/collections/addresses/items/1").json()["geometry"]["coordinates"]
    return (14, *(int(part) for part in place(lon, lat, 14)))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nothing/0/0/0", 404),
        ("addresses,nothing/0/0/0", 404),
        ("addresses,addresses/0/0/0", 400),
        (",".join([*discover(), "addresses"]) + "/0/0/0", 400),
        ("addresses/15/0/0", 400),
        ("addresses/1/2/0", 400),
        ("addresses/1/0/2", 400),
        ("addresses/-1/0/0", 400),
        ("addresses/1/0.5/0", 400),
        ("addresses/1/0/x", 400),
        ("addresses/1/0/٣", 400),
        ("addresses/1/0/" + "9" * 40, 400),
    ],
)
def test_a_wrong_address_is_refused_without_asking_the_database(path: str, status: int) -> None:
    """The application was never started: it has no connection that it could ask."""
    client = TestClient(create_app(settings_for("postgresql://nobody@127.0.0.1:1/nothing")))  # type: ignore[arg-type]
    answer = client.get(f"/tiles/{path}.mvt")
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert client.get("/tiles/addresses/0/0/0.mvt").status_code == 503


@pytest.mark.parametrize("query", ["x=1", "v=1&token=2", "api_key=3"])
def test_an_unknown_parameter_of_a_tile_is_refused(client: TestClient, query: str) -> None:
    answer = client.get(f"/tiles/{EMPTY}.mvt?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)


def test_an_empty_tile_has_no_content_and_yet_an_etag(client: TestClient) -> None:
    answer = client.get(f"/tiles/{EMPTY}.mvt")
    assert (answer.status_code, answer.content) == (204, b"")
    again = client.get(f"/tiles/{EMPTY}.mvt", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


def test_a_compressed_tile_and_a_plain_one_are_the_same_tile(client: TestClient, middle: Tile) -> None:
    answers = [
        client.get(path_of("addresses", middle), headers={"accept-encoding": form}) for form in ("gzip", "identity")
    ]
    assert [answer.headers.get("content-encoding") for answer in answers] == ["gzip", None]
    assert answers[0].content == answers[1].content != b""
    assert answers[0].headers["etag"] != answers[1].headers["etag"]
    assert {answer.headers["content-type"] for answer in answers} == {MVT}
    assert {answer.headers["vary"] for answer in answers} == {"Accept-Encoding, Origin"}


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_tile_that_the_client_holds_is_not_sent_again(client: TestClient, middle: Tile, encoding: str) -> None:
    headers = {"accept-encoding": encoding}
    etag = client.get(path_of("addresses", middle), headers=headers).headers["etag"]
    for held in (etag, f'"old", {etag}', "*"):
        again = client.get(path_of("addresses", middle), headers={**headers, "if-none-match": held})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert client.get(path_of("addresses", middle), headers={**headers, "if-none-match": '"old"'}).status_code == 200


def test_a_tile_asked_with_its_version_may_be_kept_for_ever(client: TestClient, middle: Tile) -> None:
    template = client.get("/tiles/addresses.json").json()["tiles"][0]
    url = template.format(z=middle[0], x=middle[1], y=middle[2])
    assert "immutable" in client.get(url).headers["cache-control"]
    for other in ("", "?v=zzz", "?f=mvt", f"?v={url.partition('v=')[2]}0"):
        headers = client.get(path_of("addresses", middle) + other).headers
        assert "must-revalidate" in headers["cache-control"], other


def test_tiles_may_be_used_by_every_site(client: TestClient, middle: Tile) -> None:
    headers = client.get(path_of("addresses", middle), headers={"origin": "https://elsewhere.example"}).headers
    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in headers
    assert "set-cookie" not in headers


def test_head_of_a_tile_tells_its_length(client: TestClient, middle: Tile) -> None:
    head = client.head(path_of("addresses", middle), headers={"accept-encoding": "identity"})
    whole = client.get(path_of("addresses", middle), headers={"accept-encoding": "identity"})
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(whole.content)


def test_the_ogc_route_gives_the_same_tile_with_row_before_column(client: TestClient, middle: Tile) -> None:
    z, x, y = middle
    plain = client.get(path_of("addresses", middle))
    ogc = client.get(f"/collections/addresses/tiles/WebMercatorQuad/{z}/{y}/{x}")
    assert (ogc.status_code, ogc.content, ogc.headers["etag"]) == (200, plain.content, plain.headers["etag"])
    assert client.get(f"/collections/addresses/tiles/WebMercatorQuad/{z}/{x}/{y}").status_code == 204


def test_the_ogc_route_takes_one_collection(client: TestClient) -> None:
    assert client.get("/collections/addresses,villages/tiles/WebMercatorQuad/0/0/0").status_code == 404


def test_several_layers_share_one_tile(client: TestClient, middle: Tile) -> None:
    names = ("communes", "addresses", "villages")
    both = mapbox_vector_tile.decode(client.get(path_of(",".join(names), middle)).content)
    assert set(both) == set(names)
    for name in names:
        assert both[name] == mapbox_vector_tile.decode(client.get(path_of(name, middle)).content)[name]


@pytest.mark.parametrize("z", range(13))
def test_counts_sum_up_to_the_true_number_at_every_zoom(client: TestClient, z: int) -> None:
    counts = [
        feature["properties"]["count"]
        for tile in around(client, "addresses", z)
        for feature in features(client, "addresses", tile)
    ]
    assert sum(counts) == ADDRESS_COUNT
    assert min(counts) > 0


@pytest.mark.parametrize("z", [13, 14])
def test_every_point_is_in_the_tiles_of_the_large_zooms(client: TestClient, z: int) -> None:
    seen = {feature["id"] for tile in around(client, "addresses", z) for feature in features(client, "addresses", tile)}
    assert len(seen) == ADDRESS_COUNT


@pytest.mark.parametrize("z", [13, 14])
def test_a_point_near_an_edge_is_in_the_tiles_on_both_sides(client: TestClient, z: int) -> None:
    seen: defaultdict[int, set[Tile]] = defaultdict(set)
    for tile in around(client, "addresses", z):
        for feature in features(client, "addresses", tile):
            seen[feature["id"]].add(tile)
    seams = 0
    for number, tiles in sorted(seen.items())[::10]:
        lon, lat = client.get(f"/collections/addresses/items/{number}").json()["geometry"]["coordinates"]
        x, y = place(lon, lat, z)
        # A hundredth of the buffer is left open: whether a point on its very rim is in does not show.
        reach = BUFFER * 0.99
        wanted = {(z, int(x + east), int(y + south)) for east in (-reach, 0, reach) for south in (-reach, 0, reach)}
        seams += len(wanted) > 1
        assert wanted <= tiles
    assert seams > 5


def test_an_area_is_in_every_tile_that_its_shape_or_the_buffer_reaches(client: TestClient) -> None:
    z = 14
    tiles = around(client, "growing_areas", z)
    seen = {tile: {feature["id"] for feature in features(client, "growing_areas", tile)} for tile in tiles}
    areas = client.get("/collections/growing_areas/items?limit=300").json()["features"]
    numbers = {
        client.get(f"/collections/growing_areas/items/{number}").json()["id"]: number
        for number in set().union(*seen.values())
    }
    seams = 0
    for area in areas:
        drawn = transform(shape(area["geometry"]), lambda places: np.array([place(lon, lat, z) for lon, lat in places]))
        for tile in tiles:
            near = box(tile[1], tile[2], tile[1] + 1, tile[2] + 1)
            if drawn.intersects(near.buffer(BUFFER * 0.9, join_style="mitre")):
                assert numbers[area["id"]] in seen[tile]
                seams += not drawn.intersects(near)
            elif not drawn.intersects(near.buffer(BUFFER * 1.1, join_style="mitre")):
                assert numbers[area["id"]] not in seen[tile]
    assert seams > 0


@pytest.mark.parametrize("layer", list(discover()))
def test_the_same_data_gives_the_same_bytes_in_every_process(client: TestClient, service: str, layer: str) -> None:
    for tile in around(client, layer, 13)[:4]:
        headers = {"accept-encoding": "identity"}
        other = httpx2.get(f"{service}{path_of(layer, tile)}", headers=headers)
        mine = client.get(path_of(layer, tile), headers=headers)
        assert (other.status_code, other.content, other.headers["etag"]) == (
            mine.status_code,
            mine.content,
            mine.headers["etag"],
        )


def test_a_tile_asked_for_again_while_the_first_client_leaves_is_made(
    sample_settings: ServiceSettings, middle: Tile
) -> None:
    async def ask() -> None:
        store = TileStore(tile_settings(sample_settings))
        await store.start()
        try:
            for _ in range(20):
                leaving = asyncio.create_task(store.tile(("growing_areas",), TileAddress(*middle)))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                leaving.cancel()
                await asyncio.sleep(0)
                tile = await store.tile(("growing_areas",), TileAddress(*middle))
                assert tile.version
                store.cache.clear()
        finally:
            await store.stop()

    asyncio.run(ask())


@pytest.fixture(scope="module")
def live(server: Server, worker_name: str) -> Iterator[tuple[str, Database]]:
    """A running service on sample data of its own, and the database under it."""
    name = f"live_{worker_name}"
    settings = settings_for(server.create(name, "template_sample"))
    database = Database(settings)
    with serving(settings) as address:
        yield address, database
    database.dispose()
    server.drop(name)


def publish(database: Database, folder: Path, lon: float, lat: float, code: str) -> None:
    """Publish one address."""
    file = folder / "new.csv"
    file.write_text(f"ma_dia_chi,loai,kinh_do,vi_do\n{code},ho gia dinh,{lon},{lat}\n", encoding="utf-8")
    published = import_file(database, ImportRequest(file, file.name, get_register("addresses"), SYSTEM))
    assert published.counts.added == 1, published.report.as_dict()


def tile_answer(address: str, tile: Tile) -> tuple[str, bytes]:
    with urllib.request.urlopen(f"{address}{path_of('addresses', tile)}") as answer:
        return answer.headers["etag"], answer.read()


def test_a_publish_shows_in_the_tiles_it_touched_and_leaves_the_others_alone(
    live: tuple[str, Database], tmp_path: Path
) -> None:
    address, database = live
    with urllib.request.urlopen(f"{address}/collections/addresses/items/1") as answer:
        lon, lat = json.load(answer)["geometry"]["coordinates"]
    lon, lat = lon + 1e-5, lat + 1e-5
    touched: list[Tile] = [(z, *(int(part) for part in place(lon, lat, z))) for z in (0, 6, 12, 13, 14)]
    untouched = [(14, touched[-1][1] + 1, touched[-1][2] + 1), (13, touched[-1][1] // 2 + 2, touched[-1][2] // 2)]
    before = {tile: tile_answer(address, tile) for tile in [*touched, *untouched]}
    publish(database, tmp_path, lon, lat, "0799799001")
    deadline = time.monotonic() + NOTICED_WITHIN_S
    while any(tile_answer(address, tile)[0] == before[tile][0] for tile in touched):
        assert time.monotonic() < deadline
    for tile in touched:
        old, new = (
            mapbox_vector_tile.decode(body)["addresses"]["features"]
            for body in (before[tile][1], tile_answer(address, tile)[1])
        )
        assert total(new) == total(old) + 1
    for tile in untouched:
        assert tile_answer(address, tile) == before[tile]


def total(found: list[dict[str, Any]]) -> int:
    """Return how many records features stand for."""
    return sum(feature["properties"].get("count", 1) for feature in found)


def test_a_publish_gives_the_tilejson_another_version(live: tuple[str, Database], tmp_path: Path) -> None:
    address, database = live
    urls = []
    for code in ("0799799002", "0799799003"):
        publish(database, tmp_path, 106.230766, 20.3524974, code)
        with urllib.request.urlopen(f"{address}/tiles/addresses.json") as answer:
            urls.append(json.load(answer)["tiles"][0])
    assert urls[0] != urls[1]
