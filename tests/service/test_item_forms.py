"""Items in every form and coordinate system: the same records, whichever way they are asked for."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
import shapely
from shapely.geometry import shape
from starlette.testclient import TestClient

from geodata.reference_systems import CRS84, reference_systems
from geodata.register import Register
from geodata.registers import discover

Feature = dict[str, Any]
ITEMS = "/collections/{}/items"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
GRID, LAT_LON = f"{EPSG}9211", f"{EPSG}4326"
REGISTERS = list(discover().values())

of_registers = pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.id)


def features(client: TestClient, register: Register, **asked: Any) -> list[Feature]:
    answer = client.get(ITEMS.format(register.id), params={"limit": 60, **asked})
    assert answer.status_code == 200, answer.text
    found: list[Feature] = answer.json()["features"]
    return found


def sequence(text: str) -> list[Feature]:
    """Read a GeoJSON text sequence as RFC 8142 has it: each text between a record separator and a line feed."""
    parts = text.split("\x1e")
    assert parts[0] == ""
    assert all(part.endswith("\n") for part in parts[1:])
    return [json.loads(part) for part in parts[1:]]


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def links(document: dict[str, Any], relation: str) -> list[dict[str, str]]:
    return [link for link in document["links"] if link["rel"] == relation]


@of_registers
def test_a_sequence_holds_the_same_features(client: TestClient, register: Register) -> None:
    answer = client.get(ITEMS.format(register.id), params={"limit": 60, "f": "geojsonseq"})
    assert answer.headers["content-type"] == "application/geo+json-seq"
    assert [item["id"] for item in sequence(answer.text)] == [item["id"] for item in features(client, register)]
    for found, plain in zip(sequence(answer.text), features(client, register), strict=True):
        assert found["properties"] == plain["properties"]
        if plain["geometry"] is not None:
            assert shapely.equals_exact(shape(found["geometry"]), shape(plain["geometry"]), tolerance=1e-6)


@of_registers
def test_a_table_holds_the_same_values(client: TestClient, register: Register) -> None:
    answer = client.get(ITEMS.format(register.id), params={"limit": 60, "f": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows, plain = table(answer.text), features(client, register)
    assert [row["id"] for row in rows] == [item["id"] for item in plain]
    for row, item in zip(rows, plain, strict=True):
        for name, value in item["properties"].items():
            assert row[name] == _cell(value), name
        place = shape(item["geometry"]) if item["geometry"] else None
        if register.geometry_kind == "point" and place is not None:
            assert (float(row["lon"]), float(row["lat"])) == pytest.approx((place.x, place.y), abs=1e-7)
        elif place is not None:
            assert shapely.equals_exact(shapely.from_wkt(row["geometry"]), place, tolerance=1e-6)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, list):
        return str(value)
    is_flat = not any(isinstance(part, dict | list) for part in value)
    return "; ".join(map(str, value)) if is_flat else orjson.dumps(value).decode()


def test_a_table_begins_with_the_mark_for_excel_where_that_is_asked_for(client: TestClient) -> None:
    path = ITEMS.format("communes")
    assert client.get(path, params={"f": "csv", "bom": "true"}).content.startswith(b"\xef\xbb\xbfid,")
    assert client.get(path, params={"f": "csv"}).content.startswith(b"id,")
    assert client.get(path, params={"f": "csv", "bom": "yes"}).status_code == 400


@pytest.mark.parametrize(
    ("ending", "media"),
    [
        ("json", "application/geo+json"), ("geojson", "application/geo+json"), ("jsonfg", "application/fg+json"),
        ("geojsonseq", "application/geo+json-seq"), ("csv", "text/csv"), ("fgb", "application/vnd.flatgeobuf"),
        ("html", "text/html"),
    ],
)  # fmt: skip
def test_a_form_is_asked_for_by_ending_by_parameter_and_by_accept(client: TestClient, ending: str, media: str) -> None:
    path = ITEMS.format("communes")
    ways = [
        client.get(f"{path}.{ending}"),
        client.get(path, params={"f": ending}),
        client.get(path, headers={"accept": f"{media}, */*;q=0.1"}),
    ]
    assert [way.headers["content-type"].partition(";")[0] for way in ways] == [media] * 3
    language = ["Accept-Language", "Cookie"] if ending == "html" else []
    varies = [[part.strip() for part in way.headers.get("vary", "").split(",")] for way in ways]
    assert [[name for name in found if name not in {"", "Accept-Encoding"}] for found in varies] == [
        language, language, ["Accept", *language],
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["items.css", "items.txt", "items.", "items.json.html", "items/1.css", "items/1.csv"])
def test_other_endings_are_not_found(client: TestClient, path: str) -> None:
    assert client.get(f"/collections/communes/{path}").status_code == 404


def test_an_item_has_the_form_that_its_address_ends_in(client: TestClient) -> None:
    path = f"{ITEMS.format('communes')}/1"
    kinds = {ending: client.get(f"{path}.{ending}").headers["content-type"] for ending in ("geojson", "jsonfg", "html")}
    assert kinds == {
        "geojson": "application/geo+json", "jsonfg": "application/fg+json", "html": "text/html; charset=utf-8",
    }  # fmt: skip


@of_registers
@pytest.mark.parametrize("crs", [GRID, LAT_LON, f"{EPSG}3857"])
def test_features_come_in_the_system_that_is_asked_for(client: TestClient, register: Register, crs: str) -> None:
    system = reference_systems()[crs]
    plain, moved = features(client, register), features(client, register, crs=crs)
    assert [item["properties"] for item in moved] == [item["properties"] for item in plain]
    for before, after in zip(plain, moved, strict=True):
        if before["geometry"] is None:
            assert after["geometry"] is None
        else:
            assert shapely.hausdorff_distance(system.read(shape(after["geometry"])), shape(before["geometry"])) < 2e-7


def test_an_item_is_the_same_in_the_list_and_by_itself_in_every_system(client: TestClient) -> None:
    for crs in reference_systems():
        first = client.get(ITEMS.format("growing_areas"), params={"limit": 1, "crs": crs}).json()["features"][0]
        alone = client.get(f"{ITEMS.format('growing_areas')}/{first['id']}", params={"crs": crs}).json()
        assert (alone["geometry"], alone["properties"]) == (first["geometry"], first["properties"])


@pytest.mark.parametrize("name", ["addresses", "growing_areas"])
@pytest.mark.parametrize("crs", [*reference_systems()][1:])
def test_a_box_of_any_system_finds_what_lies_in_it_there(client: TestClient, name: str, crs: str) -> None:
    system = reference_systems()[crs]
    corners = system.written(shapely.points([[106.235, 20.325], [106.245, 20.34]]))
    (a, b), (c, d) = shapely.get_coordinates(corners)
    asked = {"bbox": f"{a},{b},{c},{d}", "bbox-crs": crs, "crs": crs, "limit": 1000}
    box = shapely.box(a, b, c, d)
    inside, around = box, box.buffer(2e-5 if system.is_degrees else 2)
    everything = client.get(ITEMS.format(name), params={"limit": 1000, "crs": crs, "bbox": "106.2,20.3,106.28,20.37"})
    found = {item["id"] for item in client.get(ITEMS.format(name), params=asked).json()["features"]}
    shapes = {item["id"]: shape(item["geometry"]) for item in everything.json()["features"]}
    if name == "growing_areas":
        assert {one for one, place in shapes.items() if place.intersects(inside)} <= found
    assert found
    held = {
        item["id"]: shape(item["geometry"]) for item in client.get(ITEMS.format(name), params=asked).json()["features"]
    }
    assert all(place.intersects(around) for place in held.values())


@pytest.mark.parametrize("name", ["addresses", "growing_areas"])
@pytest.mark.parametrize("crs", [*reference_systems()][1:])
def test_a_filter_in_any_system_finds_what_a_box_of_it_does(client: TestClient, name: str, crs: str) -> None:
    system = reference_systems()[crs]
    corners = system.written(shapely.points([[106.2351, 20.3252], [106.2447, 20.3398]]))
    (a, b), (c, d) = shapely.get_coordinates(corners)
    boxed = client.get(ITEMS.format(name), params={"bbox": f"{a},{b},{c},{d}", "bbox-crs": crs, "limit": 1000}).json()
    area = f"S_INTERSECTS(geometry, POLYGON(({a} {b}, {c} {b}, {c} {d}, {a} {d}, {a} {b})))"
    asked = {"filter": area, "filter-crs": crs, "limit": 1000}
    found = {item["id"] for item in client.get(ITEMS.format(name), params=asked).json()["features"]}
    assert found
    # A box of degrees or of Web Mercator takes points a metre beside it too.
    beside = {item["id"] for item in boxed["features"]} ^ found
    assert len(beside) <= (3 if name == "addresses" else 0)


@pytest.mark.parametrize("bbox", ["600000,2200000,500000,2300000", "1e300,0,1.1e300,1", "1,2,3", "a,b,c,d"])
def test_a_malformed_box_of_a_grid_is_refused(client: TestClient, bbox: str) -> None:
    answer = client.get(ITEMS.format("addresses"), params={"bbox": bbox, "bbox-crs": GRID})
    assert (answer.status_code, "bbox" in answer.text) == (400, True)


@of_registers
@pytest.mark.parametrize("crs", [CRS84, GRID])
@pytest.mark.parametrize("profile", ["jsonfg", "jsonfg-plus"])
def test_json_fg_has_places_of_other_systems_beside_the_geometry(
    client: TestClient, register: Register, crs: str, profile: str
) -> None:
    asked = {"profile": profile, "crs": crs, "limit": 5}
    document = client.get(ITEMS.format(register.id), params=asked).json()
    assert "http://www.opengis.net/spec/json-fg-1/1.0/conf/core" in document["conformsTo"]
    assert document["coordRefSys"] == crs
    assert document["featureType"] == register.id
    assert [link["href"].rpartition("/")[2] for link in links(document, "profile")] == [profile]
    for item in document["features"]:
        assert {"time", "place", "geometry", "properties", "type", "id"} == item.keys()
        has_both = crs != CRS84 and profile == "jsonfg-plus"
        if crs == CRS84:
            assert item["place"] is None
        elif item["place"] is not None:
            assert (item["geometry"] is not None) == has_both
        assert (item["time"] is None) == (not register.has_validity)


def test_json_fg_tells_when_a_unit_was_in_force_both_days_included(client: TestClient) -> None:
    found = client.get(ITEMS.format("provinces"), params={"profile": "jsonfg", "limit": 1000}).json()["features"]
    for item in found:
        start, end = item["time"]["interval"]
        assert start == item["properties"]["valid_from"]
        assert end == ".." or end < item["properties"]["valid_to"]


@pytest.mark.parametrize(("form", "profile"), [("csv", "jsonfg"), ("html", "rfc7946"), ("json", "made-up")])
def test_a_profile_is_of_geojson_only(client: TestClient, form: str, profile: str) -> None:
    assert client.get(ITEMS.format("communes"), params={"f": form, "profile": profile}).status_code == 400


@of_registers
def test_properties_leave_out_the_others_in_every_form(client: TestClient, register: Register) -> None:
    names: Sequence[str] = [register.public_fields[-1].name, register.label]
    asked = {"properties": ",".join(names), "limit": 3}
    expected = [item.name for item in register.public_fields if item.name in names]
    path = ITEMS.format(register.id)
    assert all(list(item["properties"]) == expected for item in features(client, register, **asked))
    assert all(
        list(item["properties"]) == expected for item in sequence(client.get(f"{path}.geojsonseq", params=asked).text)
    )
    head = client.get(f"{path}.csv", params=asked).text.partition("\r\n")[0].split(",")
    assert head[: len(expected) + 1] == ["id", *expected]
    one = client.get(f"{path}/1", params={"properties": names[0]}).json()
    assert list(one["properties"]) == [names[0]]
    whole = {item["id"]: item["properties"] for item in features(client, register)}
    assert all(
        item["properties"] == {name: whole[item["id"]][name] for name in expected}
        for item in features(client, register, **asked)
    )


@pytest.mark.parametrize("names", ["", "phone", "head_name", "code,code", "code;name", "id"])
def test_only_public_fields_can_be_chosen_each_once(client: TestClient, names: str) -> None:
    answer = client.get(ITEMS.format("addresses"), params={"properties": names})
    assert (answer.status_code, "properties" in answer.text) == (400, True)


def test_hits_are_counted_exactly_and_nothing_else_comes(client: TestClient) -> None:
    page = client.get(ITEMS.format("addresses"), params={"resultType": "hits"}).json()
    assert (page["numberMatched"], page["numberReturned"], page["features"]) == (5000, 0, [])
    some = {"filter": "kind = 'agency'", "resultType": "hits"}
    narrowed = client.get(ITEMS.format("addresses"), params=some).json()["numberMatched"]
    assert narrowed == len(features_of_all(client, "addresses", filter="kind = 'agency'"))


def features_of_all(client: TestClient, name: str, **asked: Any) -> list[Feature]:
    answer = client.get(f"{ITEMS.format(name)}.geojsonseq", params={"limit": 100_000, **asked})
    assert answer.status_code == 200
    return sequence(answer.text)


def test_a_stream_goes_on_where_the_one_before_ended(client: TestClient) -> None:
    whole = [item["id"] for item in features_of_all(client, "addresses")]
    found: list[str] = []
    address = f"{ITEMS.format('addresses')}.geojsonseq?limit=1700"
    while address:
        answer = client.get(address)
        part = [item["id"] for item in sequence(answer.text)]
        assert answer.headers["ogc-numberreturned"] == str(len(part))
        found += part
        address = answer.links.get("next", {}).get("url", "")
    assert found == whole
    assert len(set(found)) == 5000
