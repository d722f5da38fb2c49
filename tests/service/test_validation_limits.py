"""What a file to be checked may cost: its size, its time, how many at once; and what a form must be."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.app import Application, create_app
from service.settings import ServiceSettings
from tests.conftest import settings_for
from tests.service.people import address_csv
from tests.service.test_validation import ask, write_addresses, write_broken


@pytest.fixture(scope="module")
def app(sample_url: str) -> Application:
    """The service, generous to one client."""
    return create_app(settings_for(sample_url, validate_per_minute=1000, validate_per_day=1000, validate_max_mb=1))


@pytest.fixture(scope="module")
def checker(app: Application) -> Iterator[TestClient]:
    """A client without an account."""
    with TestClient(app) as found:  # type: ignore[arg-type]
        yield found


@contextmanager
def limited(sample_url: str, **changes: Any) -> Iterator[tuple[TestClient, Application]]:
    """A service with other limits, and its client."""
    app = create_app(settings_for(sample_url, **changes))
    yield TestClient(app), app  # type: ignore[arg-type]
    app.api.state.database.dispose()


@pytest.mark.parametrize("megabytes", [1.5, 3], ids=["file", "whole body"])
def test_a_file_that_is_too_large_is_refused(checker: TestClient, tmp_path: Path, megabytes: float) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * int(megabytes * 1024**2))
    answer = ask(checker, path)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:bandoso:problem:too_large")
    assert "vượt quá 1 MiB. Hãy nén tệp thành .zip" in answer.json()["detail"]
    assert "(BANDOSO_VALIDATE_MAX_MB)" in answer.json()["detail"]


def test_too_many_rows_are_refused_with_a_report(sample_url: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(address_csv(*(f"{n:010}" for n in range(1, 12))))
    with limited(sample_url, validate_max_rows=10) as (client, _):
        report = ask(client, path).json()
    assert (report["outcome"], report["messages"][0]["code"], report["rows"]["read"]) == (
        "refused",
        "TOO_MANY_ROWS",
        0,
    )


def test_a_file_that_takes_too_long_is_refused_with_a_report(sample_url: str, tmp_path: Path) -> None:
    with limited(sample_url, validate_timeout_s=0.01) as (client, _):
        report = ask(client, write_addresses(tmp_path)).json()
    assert (report["outcome"], report["messages"][0]["code"]) == ("refused", "TIMEOUT")


@pytest.mark.parametrize(
    ("limit", "most_s", "said"),
    [({"validate_per_minute": 2}, 60, "giây"), ({"validate_per_day": 2}, 86_400, "24 giờ")],
)
def test_a_client_has_a_few_files_checked_and_then_waits(
    sample_url: str, limit: Mapping[str, int], most_s: int, said: str
) -> None:
    with limited(sample_url, **limit) as (client, _):
        answers = [client.post("/validate") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert answers[2].json()["type"] == "urn:bandoso:problem:check_limit"
    assert most_s - 10 <= int(answers[2].headers["retry-after"]) <= most_s
    assert f"Hãy thử lại sau {said}" in answers[2].json()["detail"].replace(answers[2].headers["retry-after"] + " ", "")


def test_a_process_checks_a_few_files_at_once_and_sends_the_next_away(sample_url: str, tmp_path: Path) -> None:
    path = write_broken(tmp_path)
    with limited(sample_url, validate_readers=1) as (client, app):
        with app.api.state.readers:
            answer = ask(client, path)
        for _ in range(3):
            assert ask(client, path, register="nothing").status_code == 404
        assert ask(client, path).status_code == 200
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:bandoso:problem:checks_busy")
    assert int(answer.headers["retry-after"]) > 0


def test_other_requests_are_answered_while_a_file_is_checked(checker: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(address_csv(*(f"{n:010}" for n in range(1, 15_000))))
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(ask(checker, path)))
    thread.start()
    meanwhile = 0
    while thread.is_alive():
        assert checker.get("/healthz").status_code == 200
        meanwhile += thread.is_alive()
    thread.join()
    assert answers[0].json()["rows"]["read"] == 14_999
    assert meanwhile > 3


@pytest.mark.parametrize(
    ("parts", "part"),
    [
        ({"data": {"register": "addresses"}}, "file"),
        ({"files": {"file": ("a.csv", b"x")}}, "register"),
        ({"data": {"register": "addresses", "what": "x"}, "files": {"file": ("a.csv", b"x")}}, "what"),
        ({"data": {"register": "addresses", "note": "x"}, "files": {"file": ("a.csv", b"x")}}, "note"),
        ({"data": {"register": "addresses", "crs": "x" * 501}, "files": {"file": ("a.csv", b"x")}}, "crs"),
        ({"data": {"register": "addresses", "layer": "a\x00b"}, "files": {"file": ("a.csv", b"x")}}, "layer"),
        ({"data": {"register": ["addresses", "villages"]}, "files": {"file": ("a.csv", b"x")}}, "register"),
        ({"data": {"register": "addresses"}, "files": {"other": ("a.csv", b"x")}}, "other"),
        ({"data": {"register": "addresses", "columns": "[]"}, "files": {"file": ("a.csv", b"x")}}, "columns"),
        ({"data": {"register": "addresses", "accept": "[1]"}, "files": {"file": ("a.csv", b"x")}}, "accept"),
        ({"json": {"register": "addresses"}}, "file"),
    ],
)
def test_a_form_that_is_malformed_is_refused_with_the_part(checker: TestClient, parts: Any, part: str) -> None:
    answer = checker.post("/validate", **parts)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert f"“{part}”" in answer.json()["detail"]


def test_more_parts_than_a_file_can_have_are_refused(checker: TestClient) -> None:
    files = [("file", (f"a.{n}", b"x")) for n in range(21)]
    assert checker.post("/validate", data={"register": "addresses"}, files=files).status_code == 400


def test_the_report_needs_no_more_than_a_register_and_a_file(checker: TestClient) -> None:
    files = {"file": ("a.csv", address_csv("0790012345"))}
    answer = checker.post("/validate", data={"register": "addresses"}, files=files)
    assert json.loads(answer.content)["rows"] == {"read": 1, "valid": 1, "repaired": 0, "rejected": 0}


def test_parameters_in_the_address_are_refused(checker: TestClient) -> None:
    assert checker.post("/validate?register=addresses", files={"file": ("a.csv", b"x")}).status_code == 400


def test_limits_are_settings() -> None:
    named = [name for name in ServiceSettings.model_fields if name.startswith("validate_")]
    assert len(named) == 6
