"""What is no tile is refused with a problem document and not one statement in the database."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import make_url
from starlette.testclient import TestClient

from geodata.registers import discover
from tests.conftest import Server

PROBLEM = "application/problem+json"
WRONG_NUMBERS = (
    "-1", "007", "01", "+1", "1.0", "1e0", "0x1", " 1", "1 ", "٣", "１", "²", "", "x", "NaN", "null", "9" * 5, "9" * 40,
    "9" * 5000, "1_0", "1\n", "0;SELECT 1", "1'--", "\x00", "\ud7ff",
)  # fmt: skip
"""None of them is a row or column of zoom 1."""

WRONG_LAYERS = {
    "nothing": 404, "Addresses": 404, "addresses,nothing": 404, "addresses,": 404, ",addresses": 404, ",": 404,
    " addresses": 404, "addresses;": 404, "addresses_tile": 404, "ops.account": 404, "address%": 404, "x" * 3000: 404,
    "addresses,addresses": 400, "addresses,communes,addresses": 400, ",".join([*discover(), "addresses"]): 400,
}  # fmt: skip
DEEP = "NOT " * 17 + "kind = 'household'"
WRONG_QUERIES = {
    "unknown": "x=1", "unknown and empty": "x", "sql": "sql=SELECT%201", "table": "table=ops.account",
    "twice": "v=1&v=1", "form": "f=json", "filter twice": "filter=kind%3D1&filter=kind%3D1", "empty filter": "filter=",
    "no expression": "filter=" + quote("kind"), "cut short": "filter=" + quote("kind = "),
    "bracket": "filter=" + quote("(kind = 'x'"), "two statements": "filter=" + quote("kind = 'x'; DROP TABLE reg.addresses"),
    "comment": "filter=" + quote("kind = 'x' -- y"), "private field": "filter=" + quote("full_address = 'x'"),
    "private of a person": "filter=" + quote("head_name LIKE '%'"), "column of the engine": "filter=" + quote("id = 1"),
    "list field": "filter=" + quote("entrances = 'x'"), "wrong type": "filter=" + quote("kind = 1"),
    "function": "filter=" + quote("pg_sleep(9) = 1"), "two types": "filter=" + quote("kind = recorded_on"),
    "brackets that need exponential time elsewhere": "filter=" + quote("(a=(" * 12 + "a=1"),
    "brackets that end other parsers": "filter=" + "(" * 8000, "deep": "filter=" + quote(DEEP),
    "long": "filter=" + quote(f"kind = '{'x' * 8200}'"), "long value": "filter=" + quote(f"kind = '{'x' * 1001}'"),
    "many parts": "filter=" + quote(" OR ".join(["kind='x'"] * 90)),
    "many values": "filter=" + quote(f"kind IN ({','.join(['1'] * 201)})"),
    "many vertices": "filter=" + quote(f"S_INTERSECTS(geometry, LINESTRING({','.join(f'1 {n % 9}' for n in range(1001))}))"),
    "many places": "filter=" + quote(" OR ".join(["S_INTERSECTS(geometry, POINT(1 1))"] * 5)),
    "shape across itself": "filter=" + quote("S_INTERSECTS(geometry, POLYGON((0 0,1 1,1 0,0 1,0 0)))"),
    "collections": "filter=" + quote("S_INTERSECTS(geometry, GEOMETRYCOLLECTION(GEOMETRYCOLLECTION(POINT(1 1))))"),
    "metres": "filter=" + quote("S_INTERSECTS(geometry, POINT(600000 2200000))"),
    "endless": "filter=" + quote("position_accuracy_m < 1e999"), "language": "filter-lang=ecql&filter=1",
    "no json": "filter-lang=cql2-json&filter=%7B", "deep json": "filter-lang=cql2-json&filter=" + quote('{"op":"not","args":[' * 300),
    "deep closed json": "filter-lang=cql2-json&filter=" + quote('{"op":"not","args":[' * 40 + "true" + "]}" * 40),
    "no operation": "filter-lang=cql2-json&filter=" + quote('{"op":{},"args":[]}'),
    "other system": "filter-crs=EPSG:32648&filter=" + quote("kind='x'"), "no text": "filter=%ff", "zero": "filter=kind%3D%27%00%27",
    "no field": "properties=", "unknown field": "properties=kind,nothing", "private property": "properties=head_name",
    "field twice": "properties=kind,kind", "many": "&".join(f"v{n}=filter" for n in range(40)),
}  # fmt: skip
PLAIN, OGC = "/tiles/{layer}/{z}/{x}/{y}.mvt", "/collections/{layer}/tiles/WebMercatorQuad/{z}/{y}/{x}"
both_paths = pytest.mark.parametrize("path", [PLAIN, OGC], ids=["plain", "ogc"])
Statements = Callable[[], list[Any]]


@pytest.fixture(scope="module")
def statements(server: Server, sample_url: str) -> Iterator[Statements]:
    """When each connection of the service to the database began its latest statement: another moment is another one."""
    asked = (
        "SELECT pid, query_start FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name LIKE 'bandoso%' AND query !~ '^(SELECT$|SELECT register, max|LISTEN)' ORDER BY pid"
    )
    # The connection for news asks nothing every five seconds, to see whether it is still there.
    with server.administrator(make_url(sample_url).database or "") as connection:
        yield lambda: connection.execute(asked).fetchall()


def test_a_tile_that_is_there_is_seen_to_ask_the_database(client: TestClient, statements: Statements) -> None:
    for address in ("1/1.mvt", "1/2.mvt?properties=code", "1/3.mvt?filter=kind='agency'"):
        before = statements()
        assert client.get(f"/tiles/addresses/13/{address}").status_code == 204
        assert statements() != before


@both_paths
@pytest.mark.parametrize("part", ["z", "x", "y"])
def test_a_number_that_is_none_is_refused_without_a_statement(
    client: TestClient, statements: Statements, path: str, part: str
) -> None:
    before = statements()
    for number in WRONG_NUMBERS:
        place = {"z": "1", "x": "0", "y": "0", part: quote(number)}
        answer = client.get(path.format(layer="addresses", **place))
        # An empty part, or one of two, is another address, which is not there.
        assert answer.status_code == (404 if number == "" else 400), number[:20]
        assert answer.headers["content-type"] == PROBLEM
    assert statements() == before


@both_paths
@pytest.mark.parametrize(
    "place", [("15", "0", "0"), ("14", "16384", "0"), ("14", "0", "16384"), ("0", "1", "0"), ("0", "0", "1")]
)
def test_a_place_outside_the_matrix_is_refused_without_a_statement(
    client: TestClient, statements: Statements, path: str, place: tuple[str, str, str]
) -> None:
    before = statements()
    answer = client.get(path.format(layer="addresses", z=place[0], x=place[1], y=place[2]))
    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)
    assert statements() == before


@both_paths
@pytest.mark.parametrize("layers", list(WRONG_LAYERS), ids=lambda layers: layers[:24])
def test_layers_that_are_not_there_are_refused_without_a_statement(
    client: TestClient, statements: Statements, path: str, layers: str
) -> None:
    before = statements()
    answer = client.get(path.format(layer=quote(layers), z=0, x=0, y=0))
    # The path of a collection takes one layer, so there two of them are an address that is not there.
    expected = 404 if path == OGC and "," in layers else WRONG_LAYERS[layers]
    assert (answer.status_code, answer.headers["content-type"]) == (expected, PROBLEM)
    assert statements() == before


@both_paths
@pytest.mark.parametrize("query", list(WRONG_QUERIES.values()), ids=list(WRONG_QUERIES))
def test_a_query_that_is_wrong_is_refused_without_a_statement(
    client: TestClient, statements: Statements, path: str, query: str
) -> None:
    before = statements()
    answers = [
        client.get(f"{path.format(layer='addresses', z=14, x=0, y=0)}?{query}", headers={"accept-language": language})
        for language in ("vi", "en")
    ]
    assert [(answer.status_code, answer.headers["content-type"]) for answer in answers] == [(400, PROBLEM)] * 2
    assert answers[0].json()["detail"] != answers[1].json()["detail"]
    assert statements() == before


def test_a_name_of_a_field_that_is_not_there_is_answered_with_those_that_are(client: TestClient) -> None:
    for query in ("filter=nothing=1", "properties=nothing"):
        detail = client.get(f"/tiles/addresses/14/0/0.mvt?{query}").json()["detail"]
        assert {"kind", "house_number", "commune_code"} <= set(detail.replace(".", ",").replace(" ", "").split(","))
        assert "head_name" not in detail


def test_a_filter_takes_one_layer(client: TestClient) -> None:
    for query in ("filter=kind=1", "properties=kind"):
        answer = client.get(f"/tiles/addresses,communes/14/0/0.mvt?{query}")
        assert (answer.status_code, "một lớp" in answer.json()["detail"]) == (400, True)


def test_a_refusal_is_a_whole_problem_document_in_the_language_asked_for(client: TestClient) -> None:
    for query, headers, detail in (
        ("", {}, "Tham số “x” không hợp lệ: nằm ngoài phạm vi các ô của mức này."),
        ("?lang=en", {}, "The parameter “x” is not valid: it is outside the zoom's tile matrix."),
        (
            "",
            {"accept-language": "fr,en;q=0.8"},
            "The parameter “x” is not valid: it is outside the zoom's tile matrix.",
        ),
        ("?lang=vi", {"accept-language": "en"}, "Tham số “x” không hợp lệ: nằm ngoài phạm vi các ô của mức này."),
    ):
        answer = client.get(f"/tiles/addresses/0/1/0.mvt{query}", headers=headers)
        document = answer.json()
        assert document["detail"] == detail
        assert document["instance"] == f"urn:bandoso:request:{answer.headers['x-request-id']}"
        assert (document["status"], document["type"]) == (400, "urn:bandoso:problem:parameter")
    assert client.get("/tiles/addresses/0/0/0.mvt?lang=en").status_code == 200
    assert client.get("/tiles/addresses/0/0/0.mvt?lang=fr").json()["detail"].startswith("Tham số “lang”")
    assert client.get("/tiles/addresses/nothing?lang=en").status_code == 404


def test_parts_of_an_ogc_address_are_told_by_their_ogc_names(client: TestClient) -> None:
    at = "/collections/addresses/tiles"
    for place, name in (("15/0/0", "tileMatrix"), ("1/2/0", "tileRow"), ("1/0/2", "tileCol"), ("a/0/0", "tileMatrix")):
        assert f"“{name}”" in client.get(f"{at}/WebMercatorQuad/{place}").json()["detail"]
    assert "“tileMatrix”" in client.get(f"{at}/VN2000UTM48Quad/11/0/0").json()["detail"]


def test_a_matrix_set_that_is_not_there_is_told_with_those_that_are(client: TestClient) -> None:
    for path, known in (
        ("/collections/addresses/tiles/GoogleMapsCompatible/0/0/0", "WebMercatorQuad, VN2000UTM48Quad"),
        ("/collections/addresses/tiles/GoogleMapsCompatible", "WebMercatorQuad, VN2000UTM48Quad"),
        ("/tiles/VN2000UTM48Quad", "; có: WebMercatorQuad."),
        ("/tiles/GoogleMapsCompatible", "; có: WebMercatorQuad."),
    ):
        answer = client.get(path)
        document = answer.json()
        assert (answer.status_code, document["type"]) == (404, "urn:bandoso:problem:matrix_set_unknown")
        assert known in document["detail"]
