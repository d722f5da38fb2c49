"""One client reads as fast as its budget lets it, and slows nobody else."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from service import read_budget
from service.app import create_app
from service.read_budget import ReadBudget
from tests.conftest import settings_for

BURST = 5
PATHS = [
    "/conformance",
    "/collections/addresses/items?limit=1",
    "/tiles/addresses/14/13026/7245.mvt",
    "/about",
    "/nothing",
]


def scope(client: str, path: str = "/collections", method: str = "GET") -> dict[str, Any]:
    return {"type": "http", "client": (client, 40000), "path": path, "method": method}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set."""
    now = [1000.0]
    monkeypatch.setattr(read_budget.time, "monotonic", lambda: now[0])
    return now


def test_tokens_are_spent_and_come_back_with_time(clock: list[float]) -> None:
    budget = ReadBudget(0.5, BURST)
    assert [budget.wait_s(scope("8.8.8.8")) for _ in range(BURST + 1)] == [0] * BURST + [2]
    clock[0] += 1.0
    assert budget.wait_s(scope("8.8.8.8")) == 1
    clock[0] += 1.0
    assert [budget.wait_s(scope("8.8.8.8")) for _ in range(2)] == [0, 2]
    clock[0] += 1e6
    assert [budget.wait_s(scope("8.8.8.8")) for _ in range(BURST + 1)] == [0] * BURST + [2]


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [("8.8.8.8", "8.8.4.4", False), ("2001:db8::1", "2001:db8::2", True), ("2001:db8::1", "2001:db8:0:1::1", False)],
)
def test_a_subscriber_is_one_client(clock: list[float], first: str, second: str, is_one: bool) -> None:
    budget = ReadBudget(1, 1)
    assert budget.wait_s(scope(first)) == 0
    assert bool(budget.wait_s(scope(second))) is is_one


@pytest.mark.parametrize(
    ("client", "path", "method"),
    [
        ("127.0.0.1", "/collections", "GET"), ("::1", "/collections", "GET"), ("8.8.8.8", "/readyz", "GET"),
        ("8.8.8.8", "/uploads", "GET"), ("8.8.8.8", "/auth/login", "POST"), ("testclient", "/collections", "GET"),
    ],
)  # fmt: skip
def test_the_machine_itself_probes_and_officers_are_not_counted(
    clock: list[float], client: str, path: str, method: str
) -> None:
    budget = ReadBudget(1, 1)
    assert [budget.wait_s(scope(client, path, method)) for _ in range(3)] == [0, 0, 0]


def test_clients_that_were_not_seen_for_longest_are_forgotten(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_budget, "CLIENTS_KEPT", 2)
    budget = ReadBudget(1, 1)
    for last in (1, 2, 3):
        assert budget.wait_s(scope(f"8.8.8.{last}")) == 0
    assert budget.wait_s(scope("8.8.8.3")) == 1
    assert budget.wait_s(scope("8.8.8.1")) == 0


@pytest.fixture
def reader(sample_url: str) -> Iterator[TestClient]:
    """A reader from the internet of a service that lets five requests through and one more in a hundred seconds."""
    application = create_app(settings_for(sample_url, reads_per_second=0.01, reads_burst=BURST))
    with TestClient(application, client=("8.8.8.8", 40000)) as found:  # type: ignore[arg-type]
        yield found


@pytest.mark.parametrize("path", PATHS)
def test_who_reads_too_fast_is_told_when_to_come_again(reader: TestClient, path: str) -> None:
    for _ in range(BURST):
        assert reader.get(path).status_code != 429
    refused = reader.get(path, headers={"accept-language": "en"})
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert 90 <= int(refused.headers["retry-after"]) <= 100
    assert refused.headers["cache-control"] == "no-store"
    assert refused.headers["access-control-allow-origin"] == "*"
    assert refused.json()["type"] == "urn:bandoso:problem:read_limit"
    assert "too fast" in refused.json()["detail"]
    head = reader.head(path)
    assert (head.status_code, head.content) == (429, b"")
    assert reader.get("/healthz").status_code == 200


def test_the_default_budget_lets_a_map_be_read(sample_url: str) -> None:
    settings = settings_for(sample_url)
    budget = ReadBudget(settings.reads_per_second, settings.reads_burst)
    assert all(budget.wait_s(scope("8.8.8.8")) == 0 for _ in range(2000))
