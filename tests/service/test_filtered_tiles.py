"""Tiles with a CQL2 filter draw the records that a reading one by one finds, and no others."""

import asyncio
import math
from collections import Counter
from typing import Any
from urllib.parse import quote

import mapbox_vector_tile
import pytest
from shapely.geometry import Point, shape
from starlette.testclient import TestClient

from geodata.filter_scope import queryables
from geodata.filter_values import kind_of
from geodata.filtering import read_filter
from geodata.registers import get_register
from service.app import create_app
from service.settings import ServiceSettings
from service.tile_access import tile_settings
from tests.geodata.test_filter_reckoning import EXPRESSIONS, PLACE
from tests.service.test_filters import ADDRESS_FILTERS, ITEMS, all_items
from tests.service.test_tiles import MVT, Tile, around, path_of, place
from tiles.grid import TileAddress
from tiles.selection import Selection, TileSelections
from tiles.store import TileStore


@pytest.fixture(scope="module")
def addresses(client: TestClient) -> list[Any]:
    return all_items(client, ITEMS)


def tile_features(client: TestClient, layer: str, tile: Tile, query: str) -> list[Any]:
    answer = client.get(f"{path_of(layer, tile)}?{query}")
    assert answer.status_code in {200, 204}, answer.text[:300]
    decoded = mapbox_vector_tile.decode(answer.content) if answer.content else {}
    return list(decoded.get(layer, {}).get("features", []))


def tile_of(record: Any, z: int) -> Tile:
    x, y = place(*record["geometry"]["coordinates"], z)
    return z, int(x), int(y)


def numbers(raw: bytes) -> set[int]:
    """Return the ids of the growing areas that a tile draws."""
    return {feature["id"] for feature in mapbox_vector_tile.decode(raw)["growing_areas"]["features"]}


@pytest.fixture(scope="module")
def middle(addresses: list[Any]) -> Tile:
    return Counter(tile_of(record, 14) for record in addresses).most_common(1)[0][0]


@pytest.mark.parametrize("text", list(ADDRESS_FILTERS))
def test_a_tile_has_just_the_features_of_the_plain_tile_that_match(
    client: TestClient, addresses: list[Any], middle: Tile, text: str
) -> None:
    codes = {record["properties"]["code"] for record in addresses if ADDRESS_FILTERS[text](record["properties"], None)}
    plain = tile_features(client, "addresses", middle, "properties=code,kind,house_number")
    found = tile_features(client, "addresses", middle, f"filter={quote(text)}&properties=house_number,kind,code")
    assert found == [feature for feature in plain if feature["properties"]["code"] in codes]


@pytest.mark.parametrize(("layer", "z"), [("addresses", 9), ("addresses", 14), ("growing_areas", 9)])
def test_a_tile_takes_the_operations_of_each_type(client: TestClient, middle: Tile, layer: str, z: int) -> None:
    """Tiles have a driver of their own, which takes values otherwise."""
    tile = middle if z == 14 else around(client, layer, z)[0]
    fields = {kind_of(field): field.name for field in queryables(get_register(layer)).values()}
    written = [
        expression.format(q=name)
        for kind, name in fields.items()
        for expression in (*EXPRESSIONS[kind], "TRUE = ({q} IS NULL)")
    ]
    instants = "T_INTERSECTS(TIMESTAMP('2026-01-01T00:00:00Z'), INTERVAL('2026-01-01T00:00:00+07:00', '..'))"
    for text in (*written, *PLACE, instants, "2 ^ 3 > 7 % 4 + 9 div 2 / 3"):
        tile_features(client, layer, tile, f"filter={quote(text)}")


@pytest.mark.parametrize("z", [0, 6, 9, 12])
@pytest.mark.parametrize("text", ["kind = 'business'", "ACCENTI(CASEI(village)) LIKE '%thon 1%'", "kind = 'nothing'"])
def test_low_zooms_count_what_matches_in_the_cells_of_the_plain_tile(
    client: TestClient, addresses: list[Any], text: str, z: int
) -> None:
    expected: Counter[tuple[int, int]] = Counter()
    for record in addresses:
        if ADDRESS_FILTERS.get(text, lambda p, g: False)(record["properties"], None):
            x, y = place(*record["geometry"]["coordinates"], z + 6)
            expected[math.floor(x), math.floor(y)] += 1
    counted: Counter[tuple[int, int]] = Counter()
    for tile in around(client, "addresses", z):
        for feature in tile_features(client, "addresses", tile, f"filter={quote(text)}"):
            row, column = divmod(feature["id"], 64)
            assert set(feature["properties"]) == {"count"}
            counted[tile[1] * 64 + column, tile[2] * 64 + row] += feature["properties"]["count"]
    assert counted == expected


def test_all_of_the_filtered_counts_are_the_counts_of_the_plain_tile(client: TestClient) -> None:
    for z in (3, 11):
        for tile in around(client, "addresses", z):
            plain = tile_features(client, "addresses", tile, "f=mvt")
            counted = tile_features(client, "addresses", tile, "filter=TRUE")
            assert [(each["id"], each["geometry"], each["properties"]["count"]) for each in counted] == [
                (each["id"], each["geometry"], each["properties"]["count"]) for each in plain
            ]


@pytest.mark.parametrize("layer", ["growing_areas", "communes", "tourism_points"])
def test_a_filter_that_all_match_changes_no_byte_of_a_tile(client: TestClient, layer: str) -> None:
    for tile in around(client, layer, 9)[:6]:
        headers = {"accept-encoding": "identity"}
        plain, filtered = (
            client.get(f"{path_of(layer, tile)}?{query}", headers=headers) for query in ("", "filter=TRUE")
        )
        assert (plain.status_code, plain.content) == (filtered.status_code, filtered.content)


@pytest.mark.parametrize("layer", ["addresses", "growing_areas", "communes", "provinces", "villages", "tourism_points"])
def test_every_public_field_can_be_had_in_a_tile(client: TestClient, middle: Tile, layer: str) -> None:
    fields = client.get(f"/collections/{layer}/queryables").json()["properties"]
    # Tiles have no lists: those are written out as a text.
    listed = {name for name, field in fields.items() if name != "geometry" and field["type"] != "array"}
    tile = middle if layer == "addresses" else around(client, layer, 11 if layer == "villages" else 7)[0]
    features = tile_features(client, layer, tile, f"properties={','.join(sorted(listed))}")[:10]
    for feature in features:
        item = client.get(f"/collections/{layer}/items/{feature['id']}").json()["properties"]
        known = {name: item[name] for name in listed if item[name] is not None}
        assert feature["properties"] == pytest.approx(known)
    assert features


def test_a_selected_tile_has_an_etag_of_its_own_and_is_not_sent_twice(client: TestClient, middle: Tile) -> None:
    plain = client.get(path_of("addresses", middle)).headers["etag"]
    etags = []
    for query in (
        "filter=kind='agency'",
        "filter=kind='business'",
        "properties=kind",
        "filter=kind='agency'&properties=kind",
    ):
        first = client.get(f"{path_of('addresses', middle)}?{query}")
        assert (first.status_code, first.headers["content-type"]) == (200, MVT)
        assert "must-revalidate" in first.headers["cache-control"]
        held = {"if-none-match": first.headers["etag"]}
        again = client.get(f"{path_of('addresses', middle)}?{query}", headers=held)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        etags.append(first.headers["etag"])
    assert len({plain, *etags}) == 5


def test_one_filter_written_in_two_ways_is_one_tile(client: TestClient, middle: Tile) -> None:
    answers = [
        client.get(f"{path_of('addresses', middle)}?filter={quote(text)}")
        for text in ("kind='agency' AND house_number='1'", "(kind = 'agency')  and  (house_number = '1')")
    ]
    assert answers[0].headers["etag"] == answers[1].headers["etag"]


def test_the_version_of_the_tilejson_holds_for_selected_tiles_too(client: TestClient, middle: Tile) -> None:
    template = client.get("/tiles/addresses.json").json()["tiles"][0]
    url = template.format(z=middle[0], x=middle[1], y=middle[2])
    assert "immutable" in client.get(f"{url}&filter=kind='agency'").headers["cache-control"]
    assert "must-revalidate" in client.get(f"{url}0&filter=kind='agency'").headers["cache-control"]


def test_the_ogc_route_takes_the_same_choice(client: TestClient, middle: Tile) -> None:
    z, x, y = middle
    query = "filter=kind='business'&properties=code"
    plain = client.get(f"{path_of('addresses', middle)}?{query}")
    ogc = client.get(f"/collections/addresses/tiles/WebMercatorQuad/{z}/{y}/{x}?{query}")
    assert (ogc.status_code, ogc.content, ogc.headers["etag"]) == (200, plain.content, plain.headers["etag"])


def test_points_are_found_within_a_shape_in_tiles_too(client: TestClient, addresses: list[Any], middle: Tile) -> None:
    centre = next(record for record in addresses if tile_of(record, 14) == middle)["geometry"]["coordinates"]
    area = Point(centre).buffer(0.002)
    text = f"S_INTERSECTS(geometry, {area.wkt})"
    within = {record["properties"]["code"] for record in addresses if shape(record["geometry"]).intersects(area)}
    plain = tile_features(client, "addresses", middle, "properties=code")
    found = tile_features(client, "addresses", middle, f"filter={quote(text)}&properties=code")
    assert found == [feature for feature in plain if feature["properties"]["code"] in within]
    assert 0 < len(found) < len(plain)


@pytest.mark.parametrize(
    ("text", "is_crowd"), [("code LIKE '%1'", False), ("NOT code_raw LIKE '%7'", False), ("household_count > 20", True)]
)
def test_a_filter_is_asked_before_a_crowd_of_areas_is_thinned(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, text: str, *, is_crowd: bool
) -> None:
    (tile,) = around(client, "growing_areas", 7)
    path = f"{path_of('growing_areas', tile)}?filter={quote(text)}"
    matching = numbers(client.get(path).content)
    monkeypatch.setattr("tiles.lowzoom.CROWD", 50)
    raw = client.get(path).content
    told = [
        feature["properties"] for feature in mapbox_vector_tile.decode(raw).get("dropped", {"features": []})["features"]
    ]
    drawn = numbers(raw)
    assert (len(matching) > 50, drawn < matching, bool(told)) == (is_crowd,) * 3
    left_out = {"layer": "growing_areas", "dropped": len(matching - drawn), "shown": len(drawn)}
    assert told == ([left_out] if is_crowd else [])
    assert drawn <= matching != set()


def test_a_filter_that_takes_too_long_is_refused_with_what_to_do(sample_settings: ServiceSettings) -> None:
    app = create_app(sample_settings)
    app.api.state.selections.settings.server_settings["statement_timeout"] = "1"
    with TestClient(app) as hurried:  # type: ignore[arg-type]
        slow = quote("ACCENTI(CASEI(village)) LIKE '%a%b%' AND S_INTERSECTS(geometry, BBOX(-180,-80,180,80))")
        answers = [
            hurried.get(f"/tiles/addresses/0/0/0.mvt?filter={slow}", headers={"accept-language": language})
            for language in ("vi", "en")
        ]
        assert [answer.status_code for answer in answers] == [422, 422]
        assert {answer.json()["type"] for answer in answers} == {"urn:bandoso:problem:selection_too_slow"}
        assert ["phóng to" in answers[0].json()["detail"], "Zoom in" in answers[1].json()["detail"]] == [True, True]
        assert hurried.get("/tiles/addresses/0/0/0.mvt").status_code == 200


def test_requests_for_one_choice_in_flight_are_one_statement(sample_settings: ServiceSettings) -> None:
    async def ask() -> None:
        made = []
        selections = TileSelections(TileStore(tile_settings(sample_settings)))
        make = selections._make
        selections._make = lambda *wanted: made.append(wanted) or make(*wanted)  # type: ignore[method-assign,func-returns-value]
        register = get_register("addresses")
        try:
            wanted = [
                Selection(register, read_filter(register, text)) for text in ["kind='agency'", "kind = 'agency'"] * 5
            ]
            tiles = await asyncio.gather(*(selections.tile(each, TileAddress(0, 0, 0)) for each in wanted))
            other = await selections.tile(Selection(register, read_filter(register, "TRUE")), TileAddress(0, 0, 0))
        finally:
            await selections.stop()
        assert len(made) == 2
        assert len({(tile.version, tile.plain) for tile in tiles}) == 1
        assert other.plain != tiles[0].plain

    asyncio.run(ask())


@pytest.mark.parametrize("choice", ["properties=code,village", "filter=village%20IS%20NOT%20NULL&properties=kind"])
def test_a_tile_that_would_be_too_large_is_thinned_and_says_so(
    client: TestClient, middle: Tile, monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    path = f"{path_of('addresses', middle)}?{choice}"
    everything = client.get(path).content
    whole = mapbox_vector_tile.decode(everything)["addresses"]["features"]
    inside = [one for one in whole if all(0 <= unit < 4096 for unit in one["geometry"]["coordinates"])]
    fewer = len(whole)
    for part in (2, 6, len(everything)):
        monkeypatch.setattr("tiles.lowzoom.MAX_TILE_BYTES", len(everything) // part)
        answer = client.get(path)
        assert answer.status_code == 200
        layers = mapbox_vector_tile.decode(answer.content)
        drawn, (told,) = layers["addresses"]["features"], layers["dropped"]["features"]
        assert len(drawn) < fewer
        fewer = len(drawn)
        shown = [one for one in drawn if all(0 <= unit < 4096 for unit in one["geometry"]["coordinates"])]
        assert told["properties"] == {"layer": "addresses", "dropped": len(inside) - len(shown), "shown": len(drawn)}
        # The last resort is without fields, and is taken whatever its size.
        is_last = part == len(everything)
        assert is_last or len(answer.content) <= len(everything) // part
        known = {one["id"]: one["properties"] for one in whole}
        assert all(one["properties"] == ({} if is_last else known[one["id"]]) for one in drawn)
