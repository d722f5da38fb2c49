"""While an empty register is loaded for the first time, its tables are locked; nobody who looks at maps notices."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from service import setup
from service.app import create_app
from service.settings import ServiceSettings
from tests.conftest import TEMPLATE, Server, settings_for

TABLES = "reg.addresses, reg.address_codes, reg.household_private, reg.addresses_tile, reg.addresses_grid"


@pytest.fixture(scope="module")
def settings(server: Server, worker_name: str) -> Iterator[ServiceSettings]:
    """A service without a single address."""
    name = f"first_load_{worker_name}"
    yield settings_for(server.create(name, TEMPLATE))
    server.drop(name)


@contextmanager
def loading(settings: ServiceSettings) -> Iterator[None]:
    """Hold the locks that a first load holds until it ends."""
    with setup.owner(settings) as connection:
        connection.execute(text(f"LOCK TABLE {TABLES} IN ACCESS EXCLUSIVE MODE"))
        yield


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/tiles/addresses/14/13026/7245.mvt", 204),
        ("/tiles/addresses,communes/10/814/452.mvt", 204),
        ("/tiles/addresses/8/203/113.mvt", 204),
        ("/tiles/addresses.json", 200),
        ("/collections", 200),
        ("/collections/addresses", 200),
        ("/collections/addresses/items", 200),
        ("/collections/addresses/items?bbox=106,20,107,21", 200),
        ("/collections/addresses/items/1", 404),
        ("/search?q=0790000001", 200),
        ("/registers", 200),
    ],
)
def test_a_first_load_keeps_nobody_waiting(settings: ServiceSettings, path: str, status: int) -> None:
    with TestClient(create_app(settings)) as client, loading(settings):
        answer = client.get(path)
        assert answer.status_code == status, answer.text
