"""CQL2 filters on items and tiles find what a reading of the records one by one finds."""

import asyncio
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import mapbox_vector_tile
import pytest
from shapely.geometry import Point, box, shape
from starlette.testclient import TestClient

from geodata.filtering import read_filter
from geodata.registers import get_register
from service.app import create_app, tile_settings
from service.settings import ServiceSettings
from tests.service.test_tiles import MVT, Tile, around, path_of, place
from tiles.grid import TileAddress
from tiles.selection import Selection, TileSelections
from tiles.store import TileStore

Properties = dict[str, Any]
Rule = Callable[[Properties, Any], bool]
ITEMS = "/collections/addresses/items"


def folded(text: str | None) -> str:
    return (text or "").casefold()


def is_like(text: str | None, pattern: str) -> bool:
    written = "".join(".*" if part == "%" else "." if part == "_" else re.escape(part) for part in pattern)
    return text is not None and re.fullmatch(written, text, re.DOTALL) is not None


ADDRESS_FILTERS: dict[str, Rule] = {
    "kind = 'business'": lambda p, g: p["kind"] == "business",
    "kind <> 'household'": lambda p, g: p["kind"] != "household",
    "kind IN ('agency', 'public_place')": lambda p, g: p["kind"] in {"agency", "public_place"},
    "NOT kind IN ('household') AND house_number LIKE '1%'":
        lambda p, g: p["kind"] != "household" and is_like(p["house_number"], "1%"),
    "house_number LIKE '_'": lambda p, g: is_like(p["house_number"], "_"),
    "house_number IS NULL": lambda p, g: p["house_number"] is None,
    "street IS NOT NULL AND NOT (kind = 'household' OR kind = 'business')":
        lambda p, g: p["street"] is not None and p["kind"] not in {"household", "business"},
    "CASEI(village) LIKE CASEI('%THÔN 1%')": lambda p, g: "thôn 1" in folded(p["village"]),
    "ACCENTI(CASEI(village)) LIKE '%thon 1%'": lambda p, g: "thôn 1" in folded(p["village"]),
    "village LIKE '%THON 1%'": lambda p, g: False,
    "kind = 'x'' OR 1=1 --'": lambda p, g: False,
    "kind BETWEEN 'a' AND 'b'": lambda p, g: "a" <= p["kind"] <= "b",
    "TRUE": lambda p, g: True,
    "recorded_on >= DATE('2026-03-01')": lambda p, g: p["recorded_on"] is not None and p["recorded_on"] >= "2026-03-01",
    "position_accuracy_m <= 3.5": lambda p, g: p["position_accuracy_m"] is not None and p["position_accuracy_m"] <= 3.5,
}  # fmt: skip
AREA_FILTERS: dict[str, Rule] = {
    "status = 'active'": lambda p, g: p["status"] == "active",
    "area_ha > 2 AND area_ha < 99999999999999999999": lambda p, g: p["area_ha"] is not None and p["area_ha"] > 2,
    "status IN ('revoked', 'active') AND NOT area_ha > 2":
        lambda p, g: p["status"] in {"revoked", "active"} and p["area_ha"] is not None and not p["area_ha"] > 2,
}  # fmt: skip


def all_items(client: TestClient, path: str, **asked: str) -> list[Any]:
    """Return the features of every page."""
    page = client.get(path, params={"limit": 1000, **asked})
    assert page.status_code == 200, page.text[:300]
    found = list(page.json()["features"])
    while following := [link["href"] for link in page.json()["links"] if link["rel"] == "next"]:
        page = client.get(following[0])
        found += page.json()["features"]
    return found


@pytest.fixture(scope="module")
def addresses(client: TestClient) -> list[Any]:
    return all_items(client, ITEMS)


def matching(records: list[Any], rule: Rule) -> set[str]:
    return {record["id"] for record in records if rule(record["properties"], record["geometry"])}


@pytest.mark.parametrize("text", list(ADDRESS_FILTERS))
def test_a_filter_finds_just_the_items_that_match(client: TestClient, addresses: list[Any], text: str) -> None:
    expected = matching(addresses, ADDRESS_FILTERS[text])
    found = all_items(client, ITEMS, filter=text)
    assert {item["id"] for item in found} == expected
    assert client.get(ITEMS, params={"filter": text, "limit": 1}).json()["numberMatched"] == len(expected)


def test_the_filters_of_these_tests_tell_records_apart(addresses: list[Any]) -> None:
    counts = [len(matching(addresses, rule)) for rule in ADDRESS_FILTERS.values()]
    assert sum(0 < count < len(addresses) for count in counts) >= 8


@pytest.mark.parametrize("text", list(AREA_FILTERS))
def test_a_filter_finds_areas_that_stand_in_no_list_where_it_asks_for_their_status(
    client: TestClient, text: str
) -> None:
    path = "/collections/growing_areas/items"
    listed = all_items(client, path)
    everything = listed + [
        item for status in ("revoked", "expired", "withdrawn") for item in all_items(client, path, status=status)
    ]
    known = everything if "status" in text else listed
    assert {item["id"] for item in all_items(client, path, filter=text)} == matching(known, AREA_FILTERS[text])


@pytest.mark.parametrize("form", ["polygon", "bbox", "json"])
@pytest.mark.parametrize("layer", ["addresses", "growing_areas", "communes"])
def test_a_shape_finds_what_it_meets(client: TestClient, layer: str, form: str) -> None:
    west, south, east, north = client.get(f"/tiles/{layer}.json").json()["bounds"]
    area = box(west + (east - west) / 3, south + (north - south) / 3, east - (east - west) / 3, north)
    if form == "polygon":
        area = area.union(area.centroid.buffer((east - west) / 2.5, quad_segs=4))
    asked: dict[str, str] = {"filter": f"S_INTERSECTS(geometry, {area.wkt})"}
    if form == "bbox":
        asked = {"filter": "S_INTERSECTS(geometry, BBOX({},{},{},{}))".format(*area.bounds)}
    if form == "json":
        tree = {
            "op": "s_intersects",
            "args": [{"property": "geometry"}, json.loads(json.dumps(area.__geo_interface__))],
        }
        asked = {"filter": json.dumps(tree), "filter-lang": "cql2-json"}
    path = f"/collections/{layer}/items"
    everything = all_items(client, path)
    expected = {item["id"] for item in everything if item["geometry"] and shape(item["geometry"]).intersects(area)}
    assert {item["id"] for item in all_items(client, path, **asked)} == expected
    assert 0 < len(expected) < len(everything)


def test_a_code_is_found_by_its_index_in_the_present_and_in_its_document_in_the_past(
    client: TestClient, addresses: list[Any]
) -> None:
    wanted = addresses[7]
    text = f"code = '{wanted['properties']['code']}'"
    latest = str(client.get("/collections/addresses").json()["bandoso:revision"])
    for asked in ({}, {"as-of": latest}):
        found = client.get(ITEMS, params={"filter": text, **asked}).json()["features"]
        assert [item["id"] for item in found] == [wanted["id"]]


def test_json_and_text_are_the_same_filter(client: TestClient) -> None:
    tree = {"op": "and", "args": [
        {"op": "=", "args": [{"property": "kind"}, "business"]},
        {"op": "not", "args": [{"op": "isNull", "args": [{"property": "house_number"}]}]},
    ]}  # fmt: skip
    pages = [
        client.get(ITEMS, params={"limit": "1000", **asked}).json()["features"]
        for asked in (
            {"filter": "kind = 'business' AND house_number IS NOT NULL"},
            {"filter": json.dumps(tree), "filter-lang": "cql2-json"},
        )
    ]
    assert pages[0] == pages[1] != []


@pytest.mark.parametrize(
    "filter_", ["full_address IS NULL", "head_name = 'x'", "phone LIKE '0%'", "id = 1", "nothing = 1"]
)
def test_what_is_private_is_as_unknown_as_what_is_not_there(client: TestClient, filter_: str) -> None:
    answer = client.get(ITEMS, params={"filter": filter_})
    assert answer.status_code == 400
    assert f"“{filter_.split(maxsplit=1)[0]}”" in answer.json()["detail"]


def test_the_queryables_name_all_that_a_filter_takes(client: TestClient) -> None:
    for layer in ("addresses", "growing_areas", "communes"):
        names = client.get(f"/collections/{layer}/queryables").json()["properties"]
        for name in names:
            assert client.get(f"/collections/{layer}/items", params={"filter": f"{name} IS NULL"}).status_code == 200, (
                name
            )


# --- tiles


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
    names = list(client.get(f"/collections/{layer}/schema").json()["properties"])
    listed = set(client.get(f"/collections/{layer}/queryables").json()["properties"]) & set(names) - {"geometry"}
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
        slow = quote("ACCENTI(CASEI(village)) LIKE '%a%b%c%' AND S_INTERSECTS(geometry, BBOX(-180,-80,180,80))")
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
