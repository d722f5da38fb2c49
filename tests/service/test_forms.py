"""The form of answers: pages for people, JSON for machines, ETags, HEAD, and what is not there."""

import re

import pytest
from starlette.testclient import TestClient

ADDRESSES, AREAS = "/collections/addresses/items", "/collections/growing_areas/items"
PROBLEM = "application/problem+json"
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
TILESETS = (
    "/tiles",
    "/tiles/WebMercatorQuad",
    "/collections/addresses/tiles",
    "/collections/addresses/tiles/VN2000UTM48Quad",
    "/tileMatrixSets",
    "/tileMatrixSets/VN2000UTM48Quad",
    "/archives",
    "/downloads",
    "/downloads/provinces",
    "/styles",
)
PAGES = ("/", "/collections", "/collections/addresses", ADDRESSES, f"{ADDRESSES}/1", *TILESETS)


@pytest.mark.parametrize("path", [ADDRESSES, f"{ADDRESSES}?kind=agency", f"{ADDRESSES}/1", "/tiles/addresses.json"])
def test_what_a_reader_has_already_is_not_sent_again(client: TestClient, path: str) -> None:
    etag = client.get(path).headers["etag"]
    for held in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = client.get(path, headers={"if-none-match": held})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200


def test_another_question_has_another_etag(client: TestClient) -> None:
    paths = (ADDRESSES, f"{ADDRESSES}?limit=11", AREAS, f"{ADDRESSES}/1", f"{ADDRESSES}/2", f"{ADDRESSES}?lang=en")
    assert len({client.get(path).headers["etag"] for path in paths}) == len(paths)


@pytest.mark.parametrize("path", PAGES)
def test_people_and_machines_meet_at_the_same_address(client: TestClient, path: str) -> None:
    for headers, query, is_page in (
        (BROWSER, "", True),
        ({}, "", False),
        (BROWSER, "?f=json", False),
        ({}, "?f=html", True),
    ):
        answer = client.get(f"{path}{query}", headers=headers)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/html") is is_page
        assert "Accept" in answer.headers["vary"]


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [("application/json", False), ("application/geo+json", False), ("*/*", False), ("text/html", True), ("text/html;q=0.4, application/json", False), ("text/html;q=x", False)],
)  # fmt: skip
def test_the_accept_header_chooses_the_form(client: TestClient, accept: str, is_page: bool) -> None:
    answer = client.get(ADDRESSES, headers={"accept": accept})
    assert answer.headers["content-type"].startswith("text/html") is is_page


@pytest.mark.parametrize(
    "path", [ADDRESSES, "/api", "/about", "/tiles/addresses/14/13026/7245.mvt", "/collections/addresses/tiles/WebMercatorQuad/14/7245/13026", "/widget.js"]
)  # fmt: skip
@pytest.mark.parametrize(
    ("accepts", "is_compressed"),
    [("gzip", True), ("br;q=0, GZIP;q=0.1", True), ("gzip;q=0", False), ("identity, gzip; q=0.0", False), ("", False)],
)
def test_an_answer_is_compressed_for_who_takes_it(
    client: TestClient, path: str, accepts: str, is_compressed: bool
) -> None:
    answer = client.get(path, headers={"accept-encoding": accepts})
    assert answer.status_code == 200
    assert (answer.headers.get("content-encoding") == "gzip") is is_compressed
    assert "Accept-Encoding" in answer.headers["vary"]


def test_an_unknown_form_is_refused(client: TestClient) -> None:
    answer = client.get(ADDRESSES, params={"f": "xml"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)


@pytest.mark.parametrize(
    "path", [*PAGES, "/conformance", "/api", "/healthz", "/tiles/addresses.json", "/search?q=thon", "/nothing"]
)
def test_head_is_get_without_the_body(client: TestClient, path: str) -> None:
    whole, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert head.headers.get("etag") == whole.headers.get("etag")


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/collections/nothing", "/collections/nothing/items", "/collections/nothing/schema", f"{ADDRESSES}/nothing", f"{ADDRESSES}/0", f"{ADDRESSES}/00000000-0000-0000-0000-000000000000", f"{ADDRESSES}/{'9' * 40}", f"{ADDRESSES}/%00"],
)  # fmt: skip
def test_what_is_not_there_is_a_404_problem(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/collections", f"{ADDRESSES}.csv", "/search", "/tiles/addresses/0/0/0.mvt"])
def test_reading_addresses_take_no_other_method(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (405, PROBLEM)
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("language", ["vi", "en"])
def test_links_say_in_words_where_they_lead(client: TestClient, language: str) -> None:
    for path in ("/collections/addresses", "/tiles", "/archives", "/styles", "/tileMatrixSets"):
        text = client.get(f"{path}?f=html&lang={language}").text
        shown = re.findall(r'<li><a href="[^"]*" rel="([^"]*)">([^<]*)</a>', text)
        assert shown
        assert not [rel for rel, words in shown if words == rel]
