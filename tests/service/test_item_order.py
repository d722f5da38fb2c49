"""The order of items: sorted lists are walked page by page without a gap or a repetition; words find by name."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from geodata.db import Database
from geodata.register import Register
from geodata.registers import discover
from geodata.sorting import sortables
from service.settings import ServiceSettings

ITEMS = "/collections/{}/items"
KEYS = [(register, name) for register in discover().values() for name in sortables(register)]

of_keys = pytest.mark.parametrize(("register", "name"), KEYS, ids=[f"{one.id}-{name}" for one, name in KEYS])


def walk(client: TestClient, register_id: str, **asked: Any) -> Iterator[dict[str, Any]]:
    answer = client.get(ITEMS.format(register_id), params=asked)
    while True:
        assert answer.status_code == 200, answer.text
        yield from answer.json()["features"]
        following = [link["href"] for link in answer.json()["links"] if link["rel"] == "next"]
        if not following:
            return
        answer = client.get(following[0])


@of_keys
@pytest.mark.parametrize("sign", ["", "-"])
def test_a_list_is_sorted_and_records_without_a_value_come_last(
    client: TestClient, register: Register, name: str, sign: str
) -> None:
    asked = {"sortby": sign + name, "properties": name, "limit": 300}
    found = client.get(ITEMS.format(register.id), params=asked).json()["features"]
    values = [item["properties"][name] for item in found]
    given = [value for value in values if value is not None]
    assert values[: len(given)] == given
    if register.field(name).column.type.python_type is not str:
        assert given == sorted(given, reverse=bool(sign))
    runs = [value for value, _ in itertools.groupby(given)]
    assert len(runs) == len(set(runs))


def test_names_are_sorted_as_vietnamese_dictionaries_have_them(
    client: TestClient, sample_settings: ServiceSettings
) -> None:
    names = [item["properties"]["name"] for item in walk(client, "provinces", sortby="name", limit=1000)]
    database = Database(sample_settings)
    with database.read() as connection:
        expected = connection.scalars(
            text('SELECT name FROM open.provinces ORDER BY name COLLATE "vi-x-icu", id')
        ).all()
    database.dispose()
    assert names == list(expected)
    letters = "".join(dict.fromkeys(name[0] for name in names))
    assert letters.index("Đ") == letters.index("D") + 1 if "D" in letters else letters.index("Đ") > letters.index("C")


@pytest.mark.parametrize(
    ("register_id", "sortby"),
    [
        ("addresses", "-street,house_number"), ("addresses", "village,-house_number,street,commune_code"),
        ("growing_areas", "-area_ha"), ("growing_areas", "issued_on,-crop"), ("villages", "household_count"),
        ("tourism_points", "-name"),
    ],
)  # fmt: skip
def test_pages_of_a_sorted_list_hold_each_record_once_and_in_order(
    client: TestClient, register_id: str, sortby: str
) -> None:
    asked = {"sortby": sortby} | ({"filter": "house_number < '2'"} if register_id == "addresses" else {})
    paged = [item["id"] for item in walk(client, register_id, limit=17, **asked)]
    whole = [item["id"] for item in walk(client, register_id, limit=1000, **asked)]
    assert len(paged) > 17 or register_id == "tourism_points"
    assert paged == whole
    assert len(set(paged)) == len(paged)


def test_a_plus_sign_and_none_are_the_same_order(client: TestClient) -> None:
    path = ITEMS.format("villages")
    pages = [client.get(f"{path}?sortby={sign}name").json()["features"] for sign in ("", "%2B", "+")]
    assert pages[0] == pages[1] == pages[2]


@pytest.mark.parametrize(
    "sortby",
    ["", "phone", "head_name", "code", "geometry", "name,name", "name,-name", "--name", "name;id", "id", "entrances"],
)
def test_other_orders_are_refused(client: TestClient, sortby: str) -> None:
    answer = client.get(ITEMS.format("addresses"), params={"sortby": sortby})
    assert (answer.status_code, "sortby" in answer.text) == (400, True)


@pytest.mark.parametrize("name", ["sortby", "q"])
def test_a_list_of_the_past_has_one_order_and_no_words(client: TestClient, name: str) -> None:
    answer = client.get(ITEMS.format("villages"), params={name: "name", "as-of": "1"})
    assert (answer.status_code, "as-of" in answer.text) == (400, True)


def test_a_cursor_is_of_one_order_only(client: TestClient) -> None:
    first = client.get(ITEMS.format("villages"), params={"sortby": "name", "limit": 3}).json()
    address = next(link["href"] for link in first["links"] if link["rel"] == "next")
    assert client.get(address).status_code == 200
    assert client.get(address.replace("sortby=name", "sortby=-name")).status_code == 400
    assert client.get(address.replace("sortby=name&", "")).status_code == 400


def test_sortables_are_what_lists_can_be_sorted_by(client: TestClient) -> None:
    for register in discover().values():
        schema = client.get(f"/collections/{register.id}/sortables").json()
        assert list(schema["properties"]) == list(sortables(register))
        assert schema["properties"]


@pytest.mark.parametrize("words", ["lang nghe", "LÀNG NGHỀ", "nghe lang", "làng ngh"])
def test_words_find_names_with_and_without_accents(client: TestClient, words: str) -> None:
    found = client.get(ITEMS.format("tourism_points"), params={"q": words, "limit": 100}).json()
    names = [item["properties"]["name"] for item in found["features"]]
    assert names
    assert all("làng" in name.lower() and "nghề" in name.lower() for name in names)
    assert found["numberMatched"] == len(names)


def test_words_and_other_conditions_hold_together(client: TestClient) -> None:
    every = client.get(ITEMS.format("villages"), params={"q": "thon", "limit": 1000}).json()["features"]
    code = every[0]["properties"]["commune_code"]
    some = client.get(ITEMS.format("villages"), params={"q": "thon", "limit": 1000, "commune_code": code}).json()[
        "features"
    ]
    assert some == [item for item in every if item["properties"]["commune_code"] == code]


def test_an_address_is_found_by_its_whole_code(client: TestClient) -> None:
    item = client.get(ITEMS.format("addresses"), params={"limit": 1}).json()["features"][0]
    code = item["properties"]["code"]
    assert client.get(ITEMS.format("addresses"), params={"q": code.lower()}).json()["features"] == [item]
    assert client.get(ITEMS.format("addresses"), params={"q": code[:-1]}).json()["features"] == []


@pytest.mark.parametrize("words", ["", "!!!", "x" * 101, "%", "_"])
def test_words_need_letters_or_digits(client: TestClient, words: str) -> None:
    assert client.get(ITEMS.format("villages"), params={"q": words}).status_code == 400
