"""Accounts, keys and files that the tests of the service share."""

from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from argon2 import PasswordHasher
from starlette.testclient import TestClient

from service import setup
from service.app import Application
from service.auth import accounts, passwords
from service.auth.principal import Role
from service.settings import ServiceSettings
from tests.conftest import PASSWORD

SAMPLE_COMMUNE, OTHER_COMMUNE = "99001", "99002"
HEADER = "ma_dia_chi,loai,so_nha,kinh_do,vi_do"
PLACE = (106.230766, 20.3524974)
"""Longitude and latitude of a house in the sample commune."""

_QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


def add_officer(settings: ServiceSettings, *scope: str, role: Role = "commune_officer") -> str:
    """Make an officer of the sample commune, or of the units named; return the user name."""
    username = f"can-bo-{uuid4().hex[:10]}"
    account = accounts.NewAccount(username, "Cán bộ thử", role, PASSWORD, scope or (SAMPLE_COMMUNE,))
    # As strong as it must be in earnest, a hash takes a tenth of a second to make, and as long at each sign-in.
    with setup.owner(settings) as connection, patch.object(passwords, "_HASHER", _QUICK):
        accounts.add_account(connection, account)
    return username


def add_key(settings: ServiceSettings, username: str, *, scopes: str = "upload", days: int = 1) -> dict[str, str]:
    """Make an API key; return the header that carries it."""
    with setup.owner(settings) as connection:
        return {"authorization": f"Bearer {accounts.add_key(connection, username, 'phép thử', scopes, days)}"}


def sign_in(app: Application, username: str, password: str = PASSWORD) -> TestClient:
    """Return a client with a session of its own, which sends what unsafe requests need."""
    client = TestClient(app)  # type: ignore[arg-type]
    answer = client.post("/auth/login", json={"username": username, "password": password})
    assert answer.status_code == 204, answer.text
    client.headers["x-csrf-token"] = client.get("/auth/me").json()["csrf"]
    return client


def address_csv(*codes: str, place: tuple[float, float] = PLACE) -> bytes:
    """Write a table of households that stand in one place, one for each code."""
    rows = [f"{code},ho gia dinh,{number},{place[0]},{place[1]}" for number, code in enumerate(codes, 1)]
    return "\n".join([HEADER, *rows, ""]).encode()


def upload_parts(content: bytes | Path, name: str = "dia-chi.csv", **values: str) -> dict[str, Any]:
    """Return what a client posts to send a file of addresses."""
    given = content if isinstance(content, bytes) else content.read_bytes()
    return {"data": {"register": "addresses", "publish": "auto", **values}, "files": {"file": (name, given)}}
