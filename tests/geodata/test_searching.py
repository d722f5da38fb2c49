"""Search finds what people mean: accents or not, words begun, in any order; an address by its exact code alone."""

import json
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from shapely import Point
from sqlalchemy import Connection

from geodata.db import PUBLIC_ROLE, Database
from geodata.search import MAX_QUERY, SearchQuery, find, looks_like_code
from tests.conftest import TEMPLATE, Server, settings_for
from tests.geodata.builders import (
    COMMUNE,
    OTHER_COMMUNE,
    agency,
    field_of,
    household,
    publish,
    set_policy,
    sight,
    take_role,
)

PERSON = "Nguyễn Thị Bí Mật"


ADDRESSES = [household("0000000001", head_name=PERSON), agency("0000000002", vpostcode="1000023456CF")]


@pytest.fixture(scope="module")
def filled_database(server: Server, worker_name: str) -> Iterator[Database]:
    """A database with a few things of every kind."""
    name = f"search_{worker_name}"
    database = Database(settings_for(server.create(name, TEMPLATE)))
    with database.worker() as connection:
        publish(connection, "tourism_points", [sight("Làng cổ Túy Loan"), sight("Chợ Túy Loan"), sight("Đình Đại Nam")])
        publish(connection, "villages", [sight("Thôn Túy Loan Đông", commune_code=OTHER_COMMUNE)])
        publish(connection, "growing_areas", [field_of("VN-DNOR-0269")])
        publish(connection, "addresses", ADDRESSES)
    yield database
    database.dispose()
    server.drop(name)


@pytest.fixture
def filled(filled_database: Database) -> Iterator[Connection]:
    """The filled database as the public sees it."""
    with filled_database.read() as connection:
        yield connection


def labels(connection: Connection, words: str, limit: int = 10) -> list[str]:
    return [feature["properties"]["label"] for feature in features(connection, words, limit)]


def features(connection: Connection, words: str, limit: int = 10) -> list[dict[str, Any]]:
    return [json.loads(feature) for feature in find(connection, SearchQuery(words, limit))]


@pytest.mark.parametrize("words", ["Đình Đại Nam", "dinh dai nam", "ĐÌNH ĐẠI NAM", "Dinh  Đai-Nam", "ðình đại nam"])
def test_accents_and_case_do_not_matter(filled: Connection, words: str) -> None:
    assert labels(filled, words) == ["Đình Đại Nam"]


def test_decomposed_letters_find_too(filled: Connection) -> None:
    assert labels(filled, unicodedata.normalize("NFD", "Đình Đại Nam")) == ["Đình Đại Nam"]


def test_words_may_be_begun_only(filled: Connection) -> None:
    assert labels(filled, "di da na") == ["Đình Đại Nam"]


def test_words_may_come_in_any_order(filled: Connection) -> None:
    assert labels(filled, "nam đình") == ["Đình Đại Nam"]


def test_a_part_inside_a_word_does_not_find(filled: Connection) -> None:
    assert labels(filled, "inh") == []


def test_every_word_must_be_there(filled: Connection) -> None:
    assert labels(filled, "đình tuy loan") == []


def test_the_whole_name_comes_before_names_that_hold_it(filled: Connection) -> None:
    assert labels(filled, "chợ túy loan")[0] == "Chợ Túy Loan"
    assert labels(filled, "túy loan")[0] == "Thôn Túy Loan Đông"


def test_units_come_before_things_in_them(filled: Connection) -> None:
    found = [feature["properties"]["register"] for feature in features(filled, "túy loan")]
    assert found == ["villages", "tourism_points", "tourism_points"]


def test_communes_are_found_by_name_once_they_have_a_place(connection: Connection) -> None:
    row = {
        "code": COMMUNE,
        "name": "Hải Vân",
        "full_name": "Phường Hải Vân",
        "province_code": "48",
        "geom": Point(108.1, 16.2).buffer(0.01),
    }
    publish(connection, "communes", [row])
    take_role(connection, PUBLIC_ROLE)
    found = features(connection, "hai van")
    assert [
        (item["properties"]["label"], item["properties"]["code"], item["properties"]["context"]) for item in found
    ] == [("Phường Hải Vân", COMMUNE, None)]


def test_the_commune_tells_two_of_one_name_apart(filled: Connection) -> None:
    found = {
        feature["properties"]["label"]: feature["properties"]["context"] for feature in features(filled, "túy loan")
    }
    assert found["Thôn Túy Loan Đông"] == "Phường Liên Chiểu"


def test_what_is_found_is_a_geojson_feature_with_its_place(filled: Connection) -> None:
    feature = features(filled, "dinh dai nam")[0]
    assert feature["type"] == "Feature"
    assert feature["geometry"] == {"type": "Point", "coordinates": [108.1, 16.1]}
    assert feature["id"] == feature["properties"]["uuid"]
    assert feature["properties"]["register"] == "tourism_points"


@pytest.mark.parametrize("words", ["VN-DNOR-0269", "vn dnor 0269", "dnor", "0269"])
def test_growing_areas_are_found_by_their_code(filled: Connection, words: str) -> None:
    assert labels(filled, words) == ["VN-DNOR-0269"]


@pytest.mark.parametrize("words", ["0000000001", "00000 00001", "0000-000001", " 0000000001 "])
def test_an_address_is_found_by_its_exact_code_however_it_is_written(filled: Connection, words: str) -> None:
    assert labels(filled, words) == ["0000000001"]


def test_an_address_is_found_by_a_code_of_any_scheme(filled: Connection) -> None:
    assert labels(filled, "1000023456cf") == ["0000000002"]


@pytest.mark.parametrize(
    "words", ["000000000", "00000000011", "0000000003", "00000%", "__________", PERSON, "UBND phường"]
)
def test_an_address_is_not_found_by_anything_else(filled: Connection, words: str) -> None:
    assert labels(filled, words) == []


def test_an_address_s_card_tells_nothing_about_a_person(filled: Connection) -> None:
    properties = features(filled, "0000000001")[0]["properties"]
    assert PERSON not in json.dumps(properties, ensure_ascii=False)
    assert set(properties) == {
        "code", "kind", "house_number", "village", "commune_code", "province_code", "register", "uuid", "label", "context",
    }  # fmt: skip


@pytest.mark.parametrize(("policy", "is_found"), [("code_point", True), ("lookup", True), ("aggregate", False)])
def test_a_household_is_found_by_its_code_as_far_as_the_policy_allows(
    connection: Connection, policy: str, is_found: bool
) -> None:
    publish(connection, "addresses", ADDRESSES)
    set_policy(connection, policy)
    take_role(connection, PUBLIC_ROLE)
    assert bool(labels(connection, "0000000001")) is is_found
    assert labels(connection, "0000000002") == ["0000000002"]


@pytest.mark.parametrize(
    "words", ["", "   ", "!!!", "%", "\\", "'; DROP TABLE reg.addresses; --", "a" * 10_000, "\u0300"]
)
def test_nonsense_finds_nothing_and_breaks_nothing(filled: Connection, words: str) -> None:
    assert labels(filled, words) == []


def test_no_more_is_found_than_was_asked_for(filled: Connection) -> None:
    assert len(labels(filled, "tuy loan")) == 3
    assert len(labels(filled, "tuy loan", limit=2)) == 2


def test_words_beyond_the_longest_query_are_not_looked_at(filled: Connection) -> None:
    assert labels(filled, "dinh dai nam" + " " * MAX_QUERY + "khong co") == ["Đình Đại Nam"]


@pytest.mark.parametrize(
    ("words", "is_code"),
    [
        ("0000000001", True),
        ("1000023456CF", True),
        ("00000 00001", True),
        ("0269", False),
        ("Thôn 12", False),
        ("Trần Hưng Đạo 25", False),
    ],
)
def test_a_code_is_told_from_a_name_by_its_digits(words: str, is_code: bool) -> None:
    assert looks_like_code(words) is is_code
