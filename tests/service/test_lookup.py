"""Search by name and code, and the list of registers that widgets build themselves from."""

from typing import Any
from unicodedata import normalize

import pytest
from starlette.testclient import TestClient

from geodata.registers import discover

VILLAGE = "Thôn Xuân Điền (dữ liệu mẫu)"
PROBLEM = "application/problem+json"


def found(client: TestClient, words: str, **asked: Any) -> list[dict[str, Any]]:
    """Return what search says."""
    answer = client.get("/search", params={"q": words, **asked})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/geo+json")
    features: list[dict[str, Any]] = answer.json()["features"]
    return features


def labels(features: list[dict[str, Any]]) -> list[str]:
    return [feature["properties"]["label"] for feature in features]


@pytest.mark.parametrize(
    "words",
    [
        "Thôn Xuân Điền", "thon xuan dien", "THÔN XUÂN ĐIỀN", "xuân điền", "dien xuan", "xuan  die",
        normalize("NFD", "Thôn Xuân Điền"), "thôn-xuân-điền", "99001-01",
    ],
)  # fmt: skip
def test_a_village_is_found_however_it_is_typed(client: TestClient, words: str) -> None:
    assert VILLAGE in labels(found(client, words))


@pytest.mark.parametrize(
    ("words", "register"),
    [("Ninh Bình", "provinces"), ("tỉnh ninh binh", "provinces"), ("An Mẫu", "communes")],
)  # fmt: skip
def test_units_are_found_by_name(client: TestClient, words: str, register: str) -> None:
    assert found(client, words)[0]["properties"]["register"] == register


def test_an_area_is_found_by_its_code(client: TestClient) -> None:
    (area,) = client.get("/collections/growing_areas/items?limit=1").json()["features"]
    assert found(client, area["properties"]["code"])[0]["id"] == area["id"]


def test_a_result_says_what_it_is_and_where(client: TestClient) -> None:
    result = next(item for item in found(client, "xuan dien") if item["properties"]["register"] == "villages")
    properties = result["properties"]
    assert properties["code"] == "99001-01"
    assert properties["context"] == "Xã An Mẫu (dữ liệu mẫu)"
    assert properties["uuid"] == result["id"]
    assert result["geometry"]["type"] == "Point"
    assert client.get(f"/collections/villages/items/{result['id']}").json()["properties"]["name"] == VILLAGE


@pytest.mark.parametrize("words", ["0799700001", "07997 00001", " 0799700001 "])
def test_an_address_is_found_by_its_exact_code(client: TestClient, words: str) -> None:
    (result,) = found(client, words)
    assert result["properties"]["register"] == "addresses"
    assert result["properties"]["code"] == "0799700001"
    item = client.get(f"/collections/addresses/items/{result['id']}").json()
    assert item["geometry"] == result["geometry"]


@pytest.mark.parametrize("words", ["079970000", "07997000011", "9999999999", "0799", "0000000000"])
def test_a_part_of_an_address_code_finds_no_address(client: TestClient, words: str) -> None:
    assert not [item for item in found(client, words) if item["properties"]["register"] == "addresses"]


def test_a_house_is_not_found_by_what_stands_on_it(client: TestClient) -> None:
    street = client.get("/collections/addresses/items/1").json()["properties"]["street"]
    assert not [item for item in found(client, street) if item["properties"]["register"] == "addresses"]


@pytest.mark.parametrize("words", ["%", "_", "' OR 1=1 --", "\\", "(", "😀", "x" * 100])
def test_words_that_mean_nothing_find_nothing(client: TestClient, words: str) -> None:
    assert found(client, words) == []


@pytest.mark.parametrize("limit", [1, 5, 50])
def test_no_more_results_than_asked(client: TestClient, limit: int) -> None:
    assert len(found(client, "thon", limit=limit)) == min(limit, len(found(client, "thon", limit=50)))


def test_a_whole_name_comes_before_names_that_only_begin_so(client: TestClient) -> None:
    assert labels(found(client, "Hà Nội"))[0] in {"Hà Nội", "Thành phố Hà Nội"}


@pytest.mark.parametrize(
    "asked",
    [{}, {"q": ""}, {"q": "  "}, {"q": "x" * 101}, {"q": "\x00"}, {"q": "a", "limit": "0"}, {"q": "a", "limit": "51"}, {"q": "a", "limit": "x"}, {"q": "a", "x": "1"}],
)  # fmt: skip
def test_a_malformed_question_is_refused(client: TestClient, asked: dict[str, str]) -> None:
    answer = client.get("/search", params=asked)
    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)


def test_search_is_open_to_every_site_and_not_kept_without_asking(client: TestClient) -> None:
    headers = client.get("/search?q=thon").headers
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cache-control"] == "no-cache"


def test_the_list_of_registers_says_what_a_map_needs(client: TestClient) -> None:
    listed = {entry["id"]: entry for entry in client.get("/registers").json()["registers"]}
    assert set(listed) == set(discover())
    for entry in listed.values():
        assert all(entry["title"][language] for language in ("vi", "en"))
        assert entry["label"] in {field["name"] for field in entry["fields"]}
        assert entry["bounds"] is None or len(entry["bounds"]) == 4
    addresses = listed["addresses"]
    assert (addresses["count"], addresses["sample"], addresses["legend_field"]) == (5000, True, "kind")
    assert {entry["value"] for entry in addresses["legend"]} >= {"household", "agency"}


def test_the_list_of_registers_names_no_private_field(client: TestClient) -> None:
    named = {
        (entry["id"], field["name"])
        for entry in client.get("/registers").json()["registers"]
        for field in entry["fields"]
    }
    private = {
        (register.id, item.name) for register in discover().values() for item in register.fields if not item.public
    }
    assert not named & private
