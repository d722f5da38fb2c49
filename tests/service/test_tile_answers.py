"""What a tile's answer says to whom: codings, ETags, how long a copy stays good, and that what lies ready is the same."""

import gzip
import os
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.api.tile_answers import GZIP, IDENTITY, NONE, PROXY, REVALIDATE, Asked, build_answer, choose_coding
from service.app import create_app
from service.settings import ServiceSettings
from tiles.cache import Tile, TileCache
from tiles.grid import TileAddress

TILE = "/tiles/addresses/14/13026/7245.mvt"
EMPTY = "/tiles/addresses/14/0/0.mvt"
CHROME = "gzip, deflate, br, zstd"


@pytest.fixture(scope="module")
def asked(sample_settings: ServiceSettings) -> Iterator[TestClient]:
    """A client of a service of these tests' own: what lies ready in its memory is what they asked for."""
    with TestClient(create_app(sample_settings)) as found:  # type: ignore[arg-type]
        assert found.get(TILE).status_code == 200
        yield found


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (CHROME, GZIP),
        ("gzip", GZIP),
        ("x-gzip", GZIP),
        ("GZIP;q=0.1", GZIP),
        ("*", GZIP),
        ("*;q=0.1", GZIP),
        ("identity;q=0, *", GZIP),
        ("gzip, identity", GZIP),
        ("gzip;q=1.0, *;q=0", GZIP),
        ("gzip, identity;q=0", GZIP),
        ("", IDENTITY),
        ("identity", IDENTITY),
        ("br, zstd", IDENTITY),
        ("gzip;q=0", IDENTITY),
        ("gzip;q=0, *", IDENTITY),
        ("gzip;q=0.5, identity", IDENTITY),
        ("gzip;q=0.2, identity;q=0.3, br", IDENTITY),
        ("identity, *;q=0", IDENTITY),
        ("identity;q=0", NONE),
        ("*;q=0", NONE),
        ("br, *;q=0", NONE),
        ("br, identity;q=0", NONE),
        ("gzip;q=0, identity;q=0", NONE),
    ],
)
def test_the_client_gets_the_coding_that_it_likes_best(asked: TestClient, accepted: str, coding: str) -> None:
    assert choose_coding(accepted.encode()) == coding
    for _ in range(3):
        answer = asked.get(TILE, headers={"accept-encoding": accepted})
        assert answer.status_code == (406 if coding == NONE else 200)
        assert answer.headers.get("content-encoding") == ("gzip" if coding == GZIP else None)
        assert coding == NONE or "Accept-Encoding" in answer.headers["vary"]


def test_a_client_that_says_nothing_of_codings_gets_the_tile_as_it_is(asked: TestClient) -> None:
    request = asked.build_request("GET", TILE)
    del request.headers["accept-encoding"]
    assert "content-encoding" not in asked.send(request).headers


FORMS = ("", "?f=mvt", "?v=", "?v=0", "?v={version}", "?f=pbf&v={version}")
CLIENTS = (
    {"accept-encoding": CHROME},
    {"accept-encoding": "identity"},
    {"accept-encoding": "gzip", "origin": "https://xa.example"},
    {"accept-encoding": "gzip", "x-forwarded-for": "10.0.0.1"},
    {"accept-encoding": "br", "via": "1.1 cache"},
)


@pytest.mark.parametrize("client_headers", CLIENTS)
@pytest.mark.parametrize("path", [TILE, EMPTY, TILE.replace(".mvt", ".pbf"), "/collections/addresses/tiles/WebMercatorQuad/14/7245/13026"])  # fmt: skip
def test_an_answer_that_lies_ready_is_the_one_that_was_made(
    asked: TestClient, path: str, client_headers: dict[str, str]
) -> None:
    """The third request is the first that finds an answer ready."""
    version = asked.get("/tiles/addresses.json").json()["bandoso:version"]
    for form in FORMS:
        url = path + form.format(version=version)
        asked_before = asked.app.api.state.tiles.cache._answers  # type: ignore[attr-defined]
        answers = [asked.get(url, headers=client_headers) for _ in range(4)]
        assert {(answer.status_code, answer.content, str(answer.headers)) for answer in answers} == {
            (answers[0].status_code, answers[0].content, str(answers[0].headers))
        }
        is_ready = any(name[:2] == (path, form.format(version=version)[1:].encode()) for name in asked_before)
        assert is_ready == (form != "?v=0")
        etag = answers[0].headers["etag"]
        for held in (etag, f'"other", W/{etag}', f"W/{etag}", "*"):
            unchanged = asked.get(url, headers={**client_headers, "if-none-match": held})
            assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", etag)
            kept = ("cache-control", "vary", "access-control-allow-origin", "surrogate-key")
            assert [unchanged.headers.get(name) for name in kept] == [answers[0].headers.get(name) for name in kept]
        assert asked.get(url, headers={**client_headers, "if-none-match": '"other"'}).status_code != 304
        head = asked.head(url, headers=client_headers)
        assert (head.status_code, head.content, str(head.headers)) == (
            answers[0].status_code,
            b"",
            str(answers[0].headers),
        )


@pytest.fixture
def statements(asked: TestClient, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the database is asked for tiles from here on; it is really asked."""
    store, seen = asked.app.api.state.tiles, list[str]()  # type: ignore[attr-defined]
    fetch = store._fetch

    async def noted(statement: str, address: TileAddress) -> Any:
        seen.append(statement)
        return await fetch(statement, address)

    monkeypatch.setattr(store, "_fetch", noted)
    store.cache.clear()
    return seen


@pytest.mark.parametrize("path", [TILE, EMPTY, "/tiles/addresses/8/203/113.mvt"])
def test_an_unchanged_tile_costs_no_tile_query(asked: TestClient, statements: list[str], path: str) -> None:
    etag = asked.get(path).headers["etag"]
    made = list(statements)
    assert len(made) == 1
    for _ in range(3):
        assert asked.get(path, headers={"if-none-match": etag}).status_code == 304
    assert statements == made
    asked.app.api.state.tiles.cache.clear()  # type: ignore[attr-defined]
    assert asked.get(path, headers={"if-none-match": f'"other", {etag}'}).status_code == 304
    for held in (f'"other", {etag}', etag, "*"):
        assert asked.get(path, headers={"if-none-match": held}).status_code == 304
    assert [("ST_AsMVT" in statement, "stamp" in statement) for statement in statements] == [(True, True), (False, True)]  # fmt: skip


@pytest.mark.parametrize("path", [TILE, EMPTY])
def test_a_tile_of_which_only_the_version_is_known_is_made_for_who_does_not_hold_it(
    asked: TestClient, statements: list[str], path: str
) -> None:
    whole = asked.get(path)
    asked.app.api.state.tiles.cache.clear()  # type: ignore[attr-defined]
    for _ in range(3):
        assert asked.get(path, headers={"if-none-match": whole.headers["etag"]}).status_code == 304
    for headers in ({"if-none-match": '"other"'}, {"if-none-match": '"other"'}, {}, {}):
        answer = asked.get(path, headers=headers)
        assert (answer.status_code, answer.content, answer.headers) == (whole.status_code, whole.content, whole.headers)
    assert len([statement for statement in statements if "ST_AsMVT" in statement]) == 2


def test_the_etag_of_one_coding_is_not_that_of_another(asked: TestClient) -> None:
    """A cache that holds the compressed tile may not take it for the other one (RFC 9110, section 8.8.3)."""
    packed, plain = (asked.get(TILE, headers={"accept-encoding": form}) for form in ("gzip", "identity"))
    assert packed.headers["etag"] != plain.headers["etag"]
    for form, other in (("gzip", plain), ("identity", packed)):
        headers = {"accept-encoding": form, "if-none-match": other.headers["etag"]}
        assert [asked.get(TILE, headers=headers).status_code for _ in range(3)] == [200] * 3


def test_codings_asked_for_in_turn_hold_the_same_tile(asked: TestClient) -> None:
    contents = set()
    for _ in range(3):
        for form in ("gzip", "identity", "br", CHROME):
            request = asked.build_request("GET", TILE, headers={"accept-encoding": form})
            answer = asked.send(request, stream=True)
            raw = b"".join(answer.iter_raw())
            contents.add(gzip.decompress(raw) if answer.headers.get("content-encoding") == "gzip" else raw)
    assert len(contents) == 1


@pytest.mark.parametrize(
    ("layers", "tags"),
    [
        ("addresses", "addresses addresses/14/13026/7245"),
        ("communes,addresses", "communes addresses communes/14/13026/7245 addresses/14/13026/7245"),
    ],
)
@pytest.mark.parametrize("place", ["14/13026/7245", "14/0/0"])
def test_a_proxy_is_told_the_tags_that_drop_a_tile(asked: TestClient, layers: str, tags: str, place: str) -> None:
    path = f"/tiles/{layers}/{place}.mvt"
    for _ in range(3):
        headers = asked.get(path, headers={"x-forwarded-for": "10.0.0.1"}).headers
        assert headers["surrogate-key"] == tags.replace("14/13026/7245", place)
        assert (headers["vary"], headers["access-control-allow-origin"]) == ("Accept-Encoding", "*")
        assert "surrogate-key" not in asked.get(path).headers


def test_a_description_of_tiles_has_the_tags_of_its_layers(asked: TestClient) -> None:
    assert asked.get("/tiles/communes,addresses.json").headers["surrogate-key"] == "communes addresses"


def test_another_site_may_read_a_tile_and_its_etag(asked: TestClient) -> None:
    for _ in range(3):
        headers = asked.get(TILE, headers={"origin": "https://xa.example"}).headers
        assert headers["access-control-allow-origin"] == "*"
        assert headers["access-control-expose-headers"] == "ETag"
        assert "Origin" in headers["vary"]
    assert "Origin" in asked.get(TILE).headers["vary"]


@pytest.mark.parametrize(("size", "is_sent"), [(0, True), (300, False), (300, True), (10_000, True)])
def test_a_cache_takes_the_memory_that_it_counts(size: int, is_sent: bool) -> None:
    cache = TileCache(1 << 30)
    tracemalloc.start()
    try:
        for number in range(4000):
            key = (("addresses",), TileAddress(14, number + 1000, 7245))
            tile = Tile(f"{number:x}", os.urandom(size))
            cache.put(key, tile)
            if is_sent:
                asked = Asked(b"", GZIP, PROXY)
                name = (f"/tiles/addresses/14/{number}/7245.mvt", f"v={number:x}".encode(), GZIP, PROXY)
                answer = build_answer(key, tile, asked, etag=f'"2c-{number:x}"'.encode(), caching=REVALIDATE)
                cache.keep_answer(key, name, answer)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.6 < taken / cache.bytes < 1.05


@pytest.mark.parametrize("path", ["/tiles/nothing/0/0/0.mvt", "/tiles/addresses/0/0/9.mvt", TILE + "?x=1"])
def test_no_cache_may_keep_a_refusal(asked: TestClient, path: str) -> None:
    answer = asked.get(path, headers={"x-forwarded-for": "10.0.0.1"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
