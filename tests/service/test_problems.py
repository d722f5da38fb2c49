"""Errors: problem documents in the reader's language, with nothing of the inside in them."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter
from sqlalchemy import text
from starlette.testclient import TestClient

from service import app as app_module
from service.app import create_app
from service.auth.policy import public
from service.deps import DatabaseDep
from tests.conftest import Server, free_port, settings_for

PROBLEM = "application/problem+json"
ITEMS = "/collections/addresses/items"
SECRET = "mật khẩu trong lỗi"
ERRORS = [
    ("GET", "/nothing", 404, "not_found"),
    ("GET", "/collections/nothing", 404, "register_unknown"),
    ("GET", f"{ITEMS}/nothing", 404, "feature_not_found"),
    ("GET", "/tiles/nothing/0/0/0.mvt", 404, "register_unknown"),
    ("GET", "/tiles/addresses/99/0/0.mvt", 400, "parameter"),
    ("GET", f"{ITEMS}?limit=0", 400, "parameter"),
    ("GET", "/search", 400, "parameter"),
    ("GET", "/auth/me", 401, "not_signed_in"),
    ("POST", "/auth/login", 400, "malformed"),
    ("POST", "/uploads", 401, "not_signed_in"),
    ("GET", "/uploads?api_key=x", 400, "key_in_address"),
    ("DELETE", ITEMS, 405, "method_not_allowed"),
    ("POST", "/tiles/addresses/0/0/0.mvt", 405, "method_not_allowed"),
]


@pytest.mark.parametrize(("method", "path", "status", "code"), ERRORS)
def test_every_error_is_a_problem_document(client: TestClient, method: str, path: str, status: int, code: str) -> None:
    answer = client.request(method, path)
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert (body["status"], body["type"]) == (status, f"urn:bandoso:problem:{code}")
    assert body["title"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("language", "title"), [("vi", "Không tìm thấy"), ("en", "Not Found")])
def test_the_page_of_an_error_is_headed_in_the_language_of_its_reader(
    client: TestClient, language: str, title: str
) -> None:
    page = client.get("/nothing", headers={"accept": "text/html", "accept-language": language})
    assert page.status_code == 404
    assert f"<h1>{title}</h1>" in page.text


@pytest.mark.parametrize(("method", "path", "status", "code"), ERRORS)
def test_the_sentence_is_vietnamese_unless_english_is_asked(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    vi, en = (
        client.request(method, path, headers={"accept-language": language}).json()["detail"]
        for language in ("vi-VN,vi;q=0.9", "en-GB,en;q=0.9")
    )
    silent = client.request(method, path).json()["detail"]
    assert silent == vi != en
    assert re.search("[à-ỹ]", vi)
    assert en.isascii() or "“" in en or "…" in en


def test_a_problem_names_the_request_that_the_log_knows(client: TestClient) -> None:
    answer = client.get("/nothing")
    assert answer.json()["instance"] == f"urn:bandoso:request:{answer.headers['x-request-id']}"


def test_no_request_has_the_id_of_another(client: TestClient) -> None:
    assert len({client.get("/healthz").headers["x-request-id"] for _ in range(20)}) == 20


@pytest.fixture(scope="module")
def broken(sample_url: str) -> Iterator[TestClient]:
    """An application with routes that fail in ways nobody foresaw."""
    router = APIRouter()

    @router.get("/fails", dependencies=[public])
    def fails() -> None:
        raise RuntimeError(f"SELECT 1; {SECRET}")

    @router.get("/refused-by-the-database", dependencies=[public])
    def refused(database: DatabaseDep) -> None:
        with database.read() as connection:
            connection.execute(text("SELECT head_name FROM reg.household_private"))

    @router.get("/too-slow", dependencies=[public])
    def slow(database: DatabaseDep) -> None:
        with database.read() as connection:
            connection.execute(text("SELECT pg_sleep(2)"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_module, "routers", [*app_module.routers, router])
        app: Any = create_app(settings_for(sample_url, read_timeout_ms=100))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(("path", "status"), [("/fails", 500), ("/refused-by-the-database", 500), ("/too-slow", 503)])
@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("vi", {500: "Máy chủ gặp lỗi. Hãy gửi mã yêu cầu cho người vận hành.", 503: "Cơ sở dữ liệu tạm thời chưa sẵn sàng. Hãy thử lại sau giây lát."}),
        ("en", {500: "The server failed. Give the request id to its operator.", 503: "The database is not ready for the moment. Try again soon."}),
    ],
)  # fmt: skip
def test_what_nobody_foresaw_gets_a_fixed_sentence(
    broken: TestClient, path: str, status: int, language: str, sentences: dict[int, str]
) -> None:
    answer = broken.get(path, headers={"accept-language": language})
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert set(answer.json()) == {"type", "title", "status", "detail", "instance"}
    assert answer.json()["detail"] == sentences[status]
    assert not [word for word in (SECRET, "SELECT", "household", "psycopg") if word in answer.text]


def test_one_slow_statement_is_not_logged_as_an_outage(broken: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    request_id = broken.get("/too-slow").headers["x-request-id"]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if request_id in line]
    events = {line["event"]: line["level"] for line in lines}
    assert events["a statement took too long and was ended"] == "warning"
    assert not [event for event in events if "does not answer" in event]


def test_a_failure_has_its_request_id_and_its_cause_in_the_log(
    broken: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    request_id = broken.get("/fails").headers["x-request-id"]
    lines = [line for line in capsys.readouterr().out.splitlines() if request_id in line]
    assert any("RuntimeError" in line for line in lines)


@pytest.fixture
def away() -> TestClient:
    """An application whose database does not answer; it was never started."""
    app: Any = create_app(settings_for(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"))
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    "path", ["/collections", ITEMS, "/search?q=a", "/registers", "/tiles/addresses.json", "/tiles/addresses/0/0/0.mvt", "/readyz"]
)  # fmt: skip
def test_without_its_database_the_service_asks_to_come_back(away: TestClient, path: str) -> None:
    answer = away.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
    assert int(answer.headers["retry-after"]) > 0
    assert "127.0.0.1" not in answer.text


@pytest.mark.parametrize(
    "path", ["/healthz", "/conformance", "/?f=json", "/about", "/desk", "/basemap.geojson", "/api", "/styles/map.json"]
)
def test_what_needs_no_database_is_there_without_it(away: TestClient, path: str) -> None:
    assert away.get(path).status_code == 200


def test_the_service_recovers_when_its_database_does(server: Server, worker_name: str) -> None:
    name = f"recovering_{worker_name}"
    settings = settings_for(server.create(name, "template_sample"))
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:  # type: ignore[arg-type]
        paths = (ITEMS, "/tiles/addresses/14/13026/7245.mvt")
        before = [client.get(path).status_code for path in paths]
        server.drop(name)
        during = [client.get(path).status_code for path in ("/collections", "/tiles/addresses/14/13026/7246.mvt")]
        server.create(name, "template_sample")
        after = [client.get(path).status_code for path in paths]
    server.drop(name)
    assert (before, during, after) == ([200, 200], [503, 503], [200, 200])
