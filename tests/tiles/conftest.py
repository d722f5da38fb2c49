"""What several tests of tiles begin with."""

from collections.abc import Iterator

import pytest

from service.settings import ServiceSettings
from tests.conftest import Server
from tests.tiles.crowds import crowded_database


@pytest.fixture(scope="session")
def crowded(server: Server, worker_name: str) -> Iterator[ServiceSettings]:
    """A database with a full city and a full country; only to be read."""
    with crowded_database(server, f"crowded_{worker_name}") as settings:
        yield settings
