"""What HTTP asks of every address, over the table of routes: HEAD, validators, Vary, methods, compression, CORS, Link."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.compression import LEAST_BYTES
from service.settings import ServiceSettings
from tests.service.test_policies import METHODS, OFFICERS, STRANGER

ENDLESS = {"/desk/tiles/{collectionId}/zooms/{z}"}
READ = {path: address for (method, path), (address, status) in STRANGER.items() if method == "GET" and status == 200}
TILES = {
    "/tiles/{layers}/{z}/{x}/{y}.mvt": "/tiles/addresses/14/13026/7245.mvt",
    "/collections/{collectionId}/tiles/WebMercatorQuad/{z}/{y}/{x}": "/collections/addresses/tiles/WebMercatorQuad/14/7245/13026",
}
NOT_KEPT = {"/healthz", "/readyz"}
"""Say how the service is at this moment."""
OF_THE_MOMENT = {"date", "x-request-id", "age", "server"}
ASKED: dict[str, tuple[str, str]] = {
    "accept": ("text/html", "application/json", "text/turtle"),
    "accept-language": ("vi", "en"),
    "accept-encoding": ("gzip", "identity"),
    "cookie": ("lang=vi", "lang=en"),
}
"""Two values of each header that an answer may depend on."""


@pytest.fixture(scope="module")
def reader(sample_settings: ServiceSettings) -> Iterator[TestClient]:
    """A client without cookies or preferences, on an application that keeps nothing of other tests."""
    with TestClient(create_app(sample_settings), client=("8.8.8.8", 40000)) as found:  # type: ignore[arg-type]
        found.headers.clear()
        yield found


def told(answer: Any) -> dict[str, str]:
    """Return the headers of an answer that are the same for the same request."""
    return {name: value for name, value in answer.headers.items() if name not in OF_THE_MOMENT}


def varied(answer: Any) -> set[str]:
    """Return the request headers that an answer says it depends on."""
    return {part.strip().lower() for part in answer.headers.get("vary", "").split(",") if part.strip()}


def essence(answer: Any) -> tuple[int, str | None, bytes]:
    """Return what an answer is beside its encoding."""
    return answer.status_code, answer.headers.get("content-type"), answer.content


@pytest.mark.parametrize("path", [*READ, *TILES])
def test_head_is_get_without_a_body(reader: TestClient, path: str) -> None:
    address = {**READ, **TILES}[path]
    whole, head = reader.get(address), reader.head(address)
    assert head.content == b""
    assert head.status_code == whole.status_code
    assert told(head) == told(whole)


@pytest.mark.parametrize("path", [*(path for path in READ if path not in NOT_KEPT), *TILES])
def test_what_a_reader_has_is_not_sent_again(reader: TestClient, path: str) -> None:
    address = {**READ, **TILES}[path]
    first = reader.get(address)
    if "no-store" in first.headers.get("cache-control", ""):
        assert path.startswith(OFFICERS)
        assert "etag" not in first.headers
        return
    again = reader.get(address, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    for name in ("cache-control", "vary", "content-location"):
        assert again.headers.get(name) == first.headers.get(name)
    assert "content-length" not in again.headers or again.headers["content-length"] == "0"


@pytest.mark.parametrize("path", [path for path in READ if path not in NOT_KEPT])
def test_vary_names_what_the_answer_depends_on(reader: TestClient, path: str) -> None:
    """In both ways: what changes the answer is named, and what is named changes it here or at another form of the address."""
    address = READ[path]
    said: set[str] = set()
    depends: set[str] = set()
    for name, values in ASKED.items():
        for other in ({}, {"accept": "text/html"}):
            if name in other:
                continue
            answers = [reader.get(address, headers={**other, name: value}) for value in values]
            said |= varied(answers[0]) | varied(answers[1])
            encoded = len({answer.headers.get("content-encoding") for answer in answers}) > 1
            if encoded or len({essence(answer) for answer in answers}) > 1:
                depends.add(name)
            reader.cookies.clear()
    assert depends <= said
    assert said - depends <= {"accept-encoding", "authorization"}, "names what changes nothing"


@pytest.mark.parametrize("path", sorted({path for _, path in STRANGER}))
def test_another_method_is_told_which_there_are(reader: TestClient, path: str) -> None:
    address = next(found for (_, known), (found, _) in STRANGER.items() if known == path)
    there = {method for method, known in STRANGER if known == path}
    there |= {"HEAD"} if "GET" in there else set()
    for method in METHODS:
        if method not in there:
            answer = reader.request(method, address)
            assert answer.status_code == 405
            assert {part.strip() for part in answer.headers["allow"].split(",")} == there
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", READ)
def test_large_answers_are_compressed_for_who_takes_it(reader: TestClient, path: str) -> None:
    plain = reader.get(READ[path], headers={"accept-encoding": "identity"})
    packed = reader.get(READ[path], headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    if path == "/favicon.ico":
        return  # lies there in both codings, however small
    is_text = re.search(r"json|text/|javascript|svg", plain.headers["content-type"])
    assert (packed.headers.get("content-encoding") == "gzip") is bool(is_text and len(plain.content) >= LEAST_BYTES)


@pytest.mark.parametrize("path", READ)
def test_public_data_is_open_to_scripts_of_other_sites_and_nothing_else_is(reader: TestClient, path: str) -> None:
    answer = reader.get(READ[path], headers={"origin": "https://xa.example"})
    is_page = answer.headers["content-type"].startswith("text/html")
    assert (answer.headers.get("access-control-allow-origin") == "*") is not (is_page or path.startswith(OFFICERS))
    assert "access-control-allow-credentials" not in answer.headers


LINKED = ["/collections/{collectionId}/items", "/collections/{collectionId}/items/{featureId}"]


@pytest.mark.parametrize("path", LINKED)
def test_links_of_the_body_stand_in_the_header_too(reader: TestClient, path: str) -> None:
    answer = reader.get(READ[path])
    header = answer.headers["link"]
    for link in answer.json()["links"]:
        assert f'<{link["href"]}>; rel="{link["rel"]}"' in header


@pytest.mark.parametrize(
    ("method", "path"), [(method, path) for (method, path), (_, status) in STRANGER.items() if status >= 400]
)
def test_refusals_are_problems_that_nobody_keeps(reader: TestClient, method: str, path: str) -> None:
    answer = reader.request(method, STRANGER[method, path][0])
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["status"] == answer.status_code
