"""Quick answers about items are those that the long way gives, byte for byte, and each is given where it can be."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from httpx2 import Response
from prometheus_client import REGISTRY
from starlette.testclient import TestClient

from geodata.db import Database
from geodata.importing.publish import settle
from service.api import quick_items
from service.api.kept_pages import KeptPage, KeptPages
from service.api.quick_items import QuickItems
from service.app import create_app
from tests.conftest import SAMPLE_TEMPLATE, Server, settings_for
from tests.geodata.builders import agency, publish
from tests.service.test_item_forms import ITEMS

ADDRESSES = ITEMS.format("addresses")
PLAIN = [
    ADDRESSES,
    f"{ADDRESSES}?limit=1",
    f"{ADDRESSES}?limit=1000&f=json",
    f"{ADDRESSES}?bbox=106.235,20.325,106.245,20.34",
    f"{ADDRESSES}?bbox=106.235,20.325,106.245,20.34&limit=7",
    f"{ADDRESSES}?limit=5000&bbox=106.23,20.32,106.25,20.35",
    f"{ADDRESSES}?bbox=1,1,2,2",
    f"{ADDRESSES}?f=geojson",
]
OTHERS = [
    f"{ADDRESSES}?limit=0",
    f"{ADDRESSES}?bbox=1,2,3",
    f"{ADDRESSES}?bbox=170,-80,-170,80",
    f"{ADDRESSES}?f=html",
    f"{ADDRESSES}?f=csv",
    f"{ADDRESSES}?kind=agency&limit=2",
    f"{ADDRESSES}?cursor=made-up",
    f"{ADDRESSES}?limit=2&limit=2",
    f"{ADDRESSES}/00000000-0000-0000-0000-000000000000",
    ITEMS.format("villages"),
    f"{ADDRESSES}/1?properties=code",
]


@pytest.fixture(scope="module")
def written_out(server: Server, worker_name: str) -> Iterator[TestClient]:
    """A service whose addresses are written out, in a database of its own."""
    name = f"quick_{worker_name}"
    settings = settings_for(server.create(name, SAMPLE_TEMPLATE))
    database = Database(settings)
    settle(database)
    database.dispose()
    with TestClient(create_app(settings)) as client:
        wait_until_heard(client)
        yield client
    server.drop(name)


@pytest.fixture
def quick(written_out: TestClient) -> TestClient:
    """The same, some time after the last publish."""
    wait_until_dated(written_out)
    return written_out


def wait_until_heard(client: TestClient) -> None:
    """Wait until the service hears of revisions: before that it cannot say of which database an answer is."""
    state = client.app.api.state  # type: ignore[attr-defined]  # our own application
    with state.database.read() as connection:
        mark = state.catalogue.mark(connection)
    for _ in range(100):
        if state.tiles.mark == mark:
            return
        time.sleep(0.05)


def wait_until_dated(client: TestClient) -> None:
    """Wait until what is shown is old enough to be told by its time, lest it become so between two answers."""
    for _ in range(100):
        if "last-modified" in client.get(ADDRESSES).headers:
            return
        time.sleep(0.05)


def the_long_way(client: TestClient, monkeypatch: pytest.MonkeyPatch, path: str, headers: dict[str, str]) -> Response:
    with monkeypatch.context() as patched:
        patched.setattr(quick_items, "_ROUTES", {})
        return client.get(path, headers=headers)


def forget_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_self: Database) -> None:
        raise AssertionError("the long way was gone")

    monkeypatch.setattr(Database, "read", read)


def told(answer: Response) -> tuple[int, dict[str, str], bytes]:
    own = {"x-request-id", "date"}
    return (
        answer.status_code,
        {name: value for name, value in answer.headers.items() if name not in own},
        answer.content,
    )


def single(client: TestClient) -> str:
    """Return the address of an address."""
    return f"{ADDRESSES}/{client.get(ADDRESSES).json()['features'][3]['id']}"


def following(client: TestClient) -> str:
    """Return the address of a second page."""
    return client.get(f"{ADDRESSES}?limit=700").links["next"]["url"]


@pytest.mark.parametrize("coding", ["identity", "gzip", "br"])
@pytest.mark.parametrize("path", [*PLAIN, *OTHERS, single, following])
def test_an_answer_is_the_same_either_way(
    quick: TestClient, monkeypatch: pytest.MonkeyPatch, path: str | Callable[[TestClient], str], coding: str
) -> None:
    address, headers = path if isinstance(path, str) else path(quick), {"accept-encoding": coding}
    found, expected = quick.get(address, headers=headers), the_long_way(quick, monkeypatch, address, headers)
    if found.status_code >= 400:
        assert (found.status_code, found.json()["detail"]) == (expected.status_code, expected.json()["detail"])
    else:
        assert told(found) == told(expected)
    if "etag" in found.headers:
        again = quick.get(address, headers={**headers, "if-none-match": found.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("coding", ["identity", "zstd"])
@pytest.mark.parametrize("path", PLAIN)
def test_a_page_asked_for_again_is_given_from_memory(
    quick: TestClient, monkeypatch: pytest.MonkeyPatch, path: str, coding: str
) -> None:
    headers = {"accept-encoding": coding}
    quick.get(ADDRESSES)
    first = quick.get(path, headers=headers)
    with monkeypatch.context() as patched:
        patched.setattr(QuickItems, "_anew", None)
        again = quick.get(path, headers=headers)
        held = quick.get(path, headers={**headers, "if-none-match": first.headers["etag"]})
    assert told(again) == told(first)
    assert (held.status_code, held.headers["vary"]) == (304, first.headers["vary"])


def test_no_more_is_kept_than_fits_and_what_was_asked_for_last_stays() -> None:
    pages, kept = KeptPages(60_000), KeptPage((1, "", ""), datetime.now(UTC), {}, bytes(12_000))
    for name in "abcdef":
        pages.keep(name, kept)
        pages.find("a")
    pages.keep("too large", replace(kept, body=bytes(60_000)))
    assert [name for name in (*"abcdef", "too large") if pages.find(name)] == [*"adef"]


@pytest.mark.parametrize("path", [*PLAIN, single, following])
def test_plain_requests_do_not_go_the_long_way(
    quick: TestClient, monkeypatch: pytest.MonkeyPatch, path: str | Callable[[TestClient], str]
) -> None:
    address = path if isinstance(path, str) else path(quick)
    # How many there are in all is counted once, the long way.
    quick.get(ADDRESSES)
    forget_the_long_way(monkeypatch)
    assert quick.get(address).status_code == 200


@pytest.mark.parametrize("policy", ["lookup", "aggregate"])
def test_under_another_policy_no_household_is_shown(
    scratch_sample_url: str, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    settings = settings_for(scratch_sample_url)
    database = Database(settings)
    settle(database)
    database.dispose()
    changed = settings_for(scratch_sample_url, publication_policy=policy)
    with TestClient(create_app(changed)) as client:
        wait_until_heard(client)
        wait_until_dated(client)
        found = client.get(f"{ADDRESSES}?limit=1000")
        kinds = {item["properties"]["kind"] for item in found.json()["features"]}
        assert kinds
        assert "household" not in kinds
        assert told(found) == told(the_long_way(client, monkeypatch, f"{ADDRESSES}?limit=1000", {}))


def test_what_was_just_published_is_shown_at_once(quick: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    database: Database = quick.app.api.state.database  # type: ignore[attr-defined]  # our own application
    code, before = "0790012345", quick.get(ADDRESSES).headers["etag"]
    with database.worker() as connection:
        publish(connection, "addresses", [agency(code, house_number="4711")])
    found = quick.get(ADDRESSES, headers={"if-none-match": before})
    assert found.status_code == 200
    assert found.headers["etag"] != before
    assert quick.get(ADDRESSES).content == found.content
    page = quick.get(f"{ADDRESSES}?q={code}").json()["features"][0]
    forget_the_long_way(monkeypatch)
    assert quick.get(f"{ADDRESSES}/{page['id']}").json()["properties"] == page["properties"]


def test_what_is_not_written_out_yet_is_not_missing(scratch_sample_url: str) -> None:
    with TestClient(create_app(settings_for(scratch_sample_url))) as client:
        wait_until_heard(client)
        for path in (ADDRESSES, f"{ADDRESSES}?bbox=106,20,107,21"):
            # How many there are in all is counted by the first.
            first, second = client.get(path).json(), client.get(path).json()
            assert first["numberReturned"] == 10
            assert second["features"] == first["features"]


@pytest.mark.parametrize("query", ["", "?bbox=106,20,107,21"])
def test_a_register_without_a_revision_has_an_empty_page(scratch_url: str, query: str) -> None:
    with TestClient(create_app(settings_for(scratch_url))) as client:
        wait_until_heard(client)
        page = client.get(f"{ADDRESSES}{query}").json()
    assert (page["numberMatched"], page["numberReturned"], page["features"]) == (0, 0, [])


def test_a_host_that_is_not_ours_is_refused(quick: TestClient) -> None:
    assert quick.get(ADDRESSES, headers={"host": "evil.example"}).status_code == 400


def test_quick_answers_are_counted_as_all_are(quick: TestClient) -> None:
    def counted() -> float:
        labels = {"route": "/collections/{collectionId}/items", "method": "GET", "status": "200"}
        return REGISTRY.get_sample_value("bandoso_requests_total", labels) or 0

    before = counted()
    quick.get(f"{ADDRESSES}?limit=3")
    assert counted() == before + 1
