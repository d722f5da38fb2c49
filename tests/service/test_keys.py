"""API keys: what a program sends instead of a session, and when it is no longer good."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from service import setup
from service.app import create_app
from service.settings import ServiceSettings
from tests.conftest import Server, settings_for
from tests.service.people import add_key, add_officer, upload_parts

PROBLEM = "urn:bandoso:problem:"


@dataclass(frozen=True)
class Gate:
    """The service on a database without data."""

    client: TestClient
    settings: ServiceSettings

    def change(self, statement: str, **values: object) -> None:
        """Run a statement as the owner."""
        with setup.owner(self.settings) as connection:
            connection.execute(text(statement), values)


@pytest.fixture(scope="module")
def gate(server: Server, worker_name: str) -> Iterator[Gate]:
    """The application on a database of its own."""
    name = f"gate_{worker_name}"
    settings = settings_for(server.create(name, "template_migrated"))
    with TestClient(create_app(settings)) as client:  # type: ignore[arg-type]
        yield Gate(client, settings)
    server.drop(name)


@pytest.fixture
def officer(gate: Gate) -> str:
    """The user name of a new account."""
    return add_officer(gate.settings)


@pytest.fixture
def headers(gate: Gate, officer: str) -> dict[str, str]:
    """The header of a good key."""
    found = add_key(gate.settings, officer)
    assert gate.client.get("/uploads", headers=found).status_code == 200
    return found


def secret_of(headers: dict[str, str]) -> str:
    return headers["authorization"].removeprefix("Bearer ")


def test_a_key_without_the_right_sends_nothing(gate: Gate, officer: str) -> None:
    answer = gate.client.post("/uploads", **upload_parts(b"x"), headers=add_key(gate.settings, officer, scopes="read"))
    assert (answer.status_code, answer.json()["type"]) == (403, f"{PROBLEM}forbidden")


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
def test_a_key_that_is_no_longer_good_is_refused(gate: Gate, headers: dict[str, str], column: str) -> None:
    prefix, past = secret_of(headers).partition(".")[0], datetime.now(UTC) - timedelta(seconds=1)
    gate.change(f"UPDATE ops.api_key SET {column} = :past WHERE prefix = :prefix", past=past, prefix=prefix)
    assert gate.client.get("/uploads", headers=headers).status_code == 401


def test_a_key_ends_with_its_account(gate: Gate, officer: str, headers: dict[str, str]) -> None:
    gate.change("UPDATE ops.account SET is_disabled = true WHERE username = :name", name=officer)
    assert gate.client.get("/uploads", headers=headers).status_code == 401


@pytest.mark.parametrize("made_up", ["Bearer x", "Bearer ", "Bearer a.b.c", "bearer 00000000.x", "Basic eDp5"])
def test_an_unknown_key_is_refused(gate: Gate, made_up: str) -> None:
    answer = gate.client.post("/uploads", **upload_parts(b"x"), headers={"authorization": made_up})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_the_right_prefix_with_a_wrong_secret_is_refused(gate: Gate, headers: dict[str, str]) -> None:
    other = "A" if headers["authorization"][-1] != "A" else "B"
    wrong = {"authorization": headers["authorization"][:-1] + other}
    assert gate.client.get("/uploads", headers=wrong).status_code == 401


def test_a_key_in_the_address_is_refused_even_if_it_is_good(gate: Gate, headers: dict[str, str]) -> None:
    answer = gate.client.get("/uploads", params={"api_key": secret_of(headers)}, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, f"{PROBLEM}key_in_address")
    assert secret_of(headers) not in answer.text


def test_a_key_is_stored_as_a_fingerprint_and_its_use_is_noted(gate: Gate, headers: dict[str, str]) -> None:
    prefix, _, secret = secret_of(headers).partition(".")
    with setup.owner(gate.settings) as connection:
        statement = text("SELECT k::text, last_used_at FROM ops.api_key k WHERE prefix = :prefix")
        line, used = connection.execute(statement, {"prefix": prefix}).one()
    assert secret not in line
    assert datetime.now(UTC) - used < timedelta(minutes=1)
