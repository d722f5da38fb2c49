"""Health, figures and the log: what an operator sees, and what nobody may."""

import json
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import ServiceSettings
from tests.conftest import free_port, settings_for

WRITTEN_WITHIN_S = 5.0
WORDS = "tìm người tên Thử"


@pytest.fixture
def away() -> TestClient:
    """An application whose database does not answer."""
    app: Any = create_app(settings_for(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"))
    return TestClient(app)


def test_the_process_lives_without_its_database(away: TestClient) -> None:
    answer = away.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["cache-control"] == "no-store"


def test_the_process_is_not_ready_without_its_database(away: TestClient) -> None:
    assert away.get("/readyz").status_code == 503


def test_the_process_is_ready_with_its_database(client: TestClient) -> None:
    assert client.get("/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", 200), ("10.1.2.3", 200), ("192.168.0.9", 200), ("::1", 200), ("8.8.8.8", 404), ("2001:4860::1", 404), ("evil.example", 404)],
)  # fmt: skip
def test_figures_are_for_this_machine_and_private_networks(client: TestClient, host: str, status: int) -> None:
    assert TestClient(client.app, client=(host, 1)).get("/metrics").status_code == status


def test_figures_do_not_leave_through_a_proxy(client: TestClient) -> None:
    inside = TestClient(client.app, client=("127.0.0.1", 1))
    assert inside.get("/metrics", headers={"x-forwarded-for": "10.0.0.1"}).status_code == 404


def test_figures_count_requests_by_route_and_never_by_what_was_asked(client: TestClient) -> None:
    inside = TestClient(client.app, client=("127.0.0.1", 1))
    client.get("/collections/addresses/items/1")
    client.get("/search", params={"q": WORDS})
    text = inside.get("/metrics").text
    assert (
        'bandoso_requests_total{method="GET",route="/collections/{collectionId}/items/{featureId}",status="200"}'
        in text
    )
    assert WORDS not in text
    assert "q=" not in text


def test_unknown_paths_share_one_figure(client: TestClient) -> None:
    inside = TestClient(client.app, client=("127.0.0.1", 1))
    for number in range(5):
        client.get(f"/made-up-{number}")
    assert "made-up" not in inside.get("/metrics").text


def lines_of(log: Path, request_id: str) -> list[dict[str, Any]]:
    """Return the log's lines about one request, which come when its answer is out."""
    deadline = time.monotonic() + WRITTEN_WITHIN_S
    while request_id not in log.read_text(encoding="utf-8"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    lines = log.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if request_id in line]


def test_the_log_has_one_json_line_for_a_request_and_not_what_was_asked(
    service: str, sample_settings: ServiceSettings
) -> None:
    answer = httpx2.get(f"{service}/search", params={"q": WORDS}, headers={"cookie": "lang=vi; other=cookie-value"})
    log = sample_settings.var_dir / "service.log"
    (line,) = lines_of(log, answer.headers["x-request-id"])
    assert (line["event"], line["method"], line["route"], line["status"]) == ("request", "GET", "/search", 200)
    assert {"timestamp", "level", "ms"} <= set(line)
    written = log.read_text(encoding="utf-8")
    for hidden in (WORDS, "cookie-value", "t%C3%ACm", "?q="):
        assert hidden not in written


def test_ids_in_paths_do_not_reach_the_log(service: str, sample_settings: ServiceSettings) -> None:
    item = httpx2.get(f"{service}/collections/addresses/items/1").json()["id"]
    httpx2.get(f"{service}/collections/addresses/items/{item}")
    last = httpx2.get(f"{service}/nothing/{item}")
    log = sample_settings.var_dir / "service.log"
    assert lines_of(log, last.headers["x-request-id"])
    assert item not in log.read_text(encoding="utf-8")


def test_a_path_that_no_route_knows_makes_no_label_of_its_own(client: TestClient) -> None:
    client.get("/nguyen-van-a-1/x", headers={"host": "evil.example"})
    client.post("/nguyen-van-b-2", content=b"x" * 70_000)
    figures = TestClient(client.app, client=("127.0.0.1", 1)).get("/metrics").text
    assert "nguyen" not in figures
    assert 'route="unknown"' in figures
