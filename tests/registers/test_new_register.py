"""A later register touches one folder and one migration: this one lives outside the product, in a process of its own."""

import base64
import json
import os
import subprocess
import sys
from typing import Any

import mapbox_vector_tile
import pytest

from tests.conftest import ROOT, TEMPLATE, Server, environment_of, settings_for

PHONE = "0912345678"
SHEET = f"""Tên,Loại,Đơn vị quản lý,Giờ mở cửa,Điện thoại,Mã xã,Kinh độ,Vĩ độ
Nhà văn hóa Đông Thành,Nhà văn hóa,UBND phường,Mo-Fr 07:30-17:00,{PHONE},14329,105.956,20.258
Loa truyền thanh phố 3,loa,,,,14329,105.958,20.261
Wifi quảng trường,wifi cong cong,VNPT,24/7,,14329,105.957,20.256
Bể bơi phường,bể bơi,,,,14329,105.957,20.257
"""
PUBLIC = {"kind", "name", "operator", "opening_hours", "commune_code", "province_code"}
ADDED = {"added": 3, "changed": 0, "removed": 0}


@pytest.fixture(scope="module")
def seen(server: Server, worker_name: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process saw that added the register to a database with the unit lists and went through its life."""
    folder = tmp_path_factory.mktemp("facilities")
    (folder / "facilities.csv").write_text(SHEET, encoding="utf-8")
    database = f"new_register_{worker_name}"
    environment = {**os.environ, **environment_of(settings_for(server.create(database, TEMPLATE)))}
    command = [sys.executable, "-W", "error", "-m", "tests.registers.extra.rehearsal", str(folder)]
    ended = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    server.drop(database)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout.splitlines()[-1])


def tile(seen: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the features of one tile."""
    layers = mapbox_vector_tile.decode(base64.b64decode(seen["tiles"][name]))
    assert set(layers) == {"facilities"}
    features: list[dict[str, Any]] = layers["facilities"]["features"]
    return features


def test_a_sheet_is_imported_by_its_headers_and_lists_of_values(seen: dict[str, Any]) -> None:
    first, _ = seen["published"]
    assert (first["revision"], first["counts"]) == (1, ADDED)
    fields = {column["name"]: column["field"] for column in first["report"]["columns"]}
    assert fields["Đơn vị quản lý"] == "operator"
    assert first["report"]["rows"] == {"read": 4, "valid": 3, "repaired": 0, "rejected": 1}


def test_a_bad_row_is_reported_with_the_values_it_could_have(seen: dict[str, Any]) -> None:
    messages = [one for one in seen["published"][0]["report"]["messages"] if one["level"] == "error"]
    assert [(one["code"], one["row"], one["column"], one["value"]) for one in messages] == [
        ("CHOICE_UNKNOWN", 4, "Loại", "bể bơi")
    ]
    assert "Nhà văn hóa" in messages[0]["remedy"]["vi"]


def test_the_same_sheet_again_makes_no_revision(seen: dict[str, Any]) -> None:
    assert seen["published"][1]["revision"] is None


def test_items_are_geojson_with_the_public_fields(seen: dict[str, Any]) -> None:
    items = seen["pages"]["items"]["features"]
    assert {frozenset(item["properties"]) - {"revision", "updated_at"} for item in items} == {frozenset(PUBLIC)}
    house = next(item for item in items if item["properties"]["kind"] == "culture_house")
    assert house["geometry"] == {"type": "Point", "coordinates": [105.956, 20.258]}
    assert (house["properties"]["name"], house["properties"]["province_code"]) == ("Nhà văn hóa Đông Thành", "37")


def test_items_are_asked_by_any_public_field_and_by_no_private_one(seen: dict[str, Any]) -> None:
    assert [item["properties"]["name"] for item in seen["pages"]["loudspeakers"]["features"]] == [
        "Loa truyền thanh phố 3"
    ]
    assert {name for name, status in seen["status"].items() if status != 200} == {"by_phone"}
    assert seen["status"]["by_phone"] == 400


def test_a_private_field_is_in_no_answer(seen: dict[str, Any]) -> None:
    assert PHONE not in json.dumps([seen["pages"], seen["published"]])
    assert "phone" not in seen["pages"]["queryables"]["properties"]
    assert seen["pages"]["schema"]["properties"]["phone"]["writeOnly"]


def test_queryables_and_schema_list_the_public_fields(seen: dict[str, Any]) -> None:
    for page in ("queryables", "schema"):
        assert set(seen["pages"][page]["properties"]) >= PUBLIC


def test_a_tile_has_the_points_with_the_fields_that_tiles_carry(seen: dict[str, Any]) -> None:
    drawn = tile(seen, "point")
    assert sorted(one["properties"]["kind"] for one in drawn) == ["culture_house", "loudspeaker", "wifi"]
    assert {frozenset(one["properties"]) for one in drawn} == {frozenset({"kind", "name"})}


def test_a_tile_of_a_low_zoom_counts_them(seen: dict[str, Any]) -> None:
    found = [one["properties"] for one in tile(seen, "counts")]
    assert sum(one["count"] for one in found) == 3
    for kind in ("culture_house", "loudspeaker", "wifi"):
        assert sum(one.get(f"kind_{kind}", 0) for one in found) == 1
    assert all(0 < one["coverage"] <= 100 for one in found)


def test_tiles_with_counts_are_kept_finished(seen: dict[str, Any]) -> None:
    assert {int(tile.partition("/")[0]) for tile in seen["finished"]} == set(range(6, 11))
    assert seen["finished"]["10/813/453"] == seen["tiles"]["counts"]


def test_tilejson_describes_the_layer(seen: dict[str, Any]) -> None:
    found = seen["pages"]["tilejson"]
    assert (found["minzoom"], found["maxzoom"]) == (6, 14)
    counts = [
        "count",
        "coverage",
        *(f"kind_{kind}" for kind in ("wifi", "culture_house", "post_office", "loudspeaker")),
    ]
    assert [layer["id"] for layer in found["vector_layers"]] == ["facilities", "dropped"]
    assert found["vector_layers"][0]["fields"] == {
        "kind": "String",
        "name": "String",
        **dict.fromkeys(counts, "Number"),
    }
    assert found["bounds"] == pytest.approx([105.956, 20.256, 105.958, 20.261])


def test_the_style_draws_its_layers_in_the_colours_of_the_legend(seen: dict[str, Any]) -> None:
    layers = {layer["id"]: layer for layer in seen["pages"]["style"]["layers"]}
    assert layers["facilities-point"]["paint"]["circle-color"][:4] == ["match", ["get", "kind"], "wifi", "#2563eb"]
    assert layers["facilities-label"]["layout"]["text-field"] == ["coalesce", ["get", "name"], ""]


def test_search_finds_it_without_accents(seen: dict[str, Any]) -> None:
    found = [(one["properties"]["register"], one["properties"]["label"]) for one in seen["pages"]["search"]["features"]]
    assert ("facilities", "Nhà văn hóa Đông Thành") in found


def test_lists_of_registers_name_it(seen: dict[str, Any]) -> None:
    pages = seen["pages"]
    assert pages["collection"] in pages["collections"]["collections"]
    described = next(one for one in pages["registers"]["registers"] if one["id"] == "facilities")
    assert "Loa truyền thanh" in json.dumps(described, ensure_ascii=False)


def test_nothing_of_it_is_known_in_this_process() -> None:
    from geodata.registers import discover

    assert "facilities" not in discover()
