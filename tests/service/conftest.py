"""What tests of several parts of the service are given."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from geodata.db import Database
from service.bulk_files import Dated
from service.settings import ServiceSettings
from tests.conftest import Server, settings_for
from tests.service.bulk import FIELDS, build_now
from tests.service.shell import Shell


@pytest.fixture(scope="module")
def shell(server: Server, worker_name: str) -> Iterator[Shell]:
    """A shell with the sample data."""
    name = f"shell_{worker_name}"
    yield Shell(settings_for(server.create(name, "template_sample"), secret=SecretStr("s" * 40)))
    server.drop(name)


@pytest.fixture
def own(scratch_sample_url: str) -> Iterator[tuple[ServiceSettings, Database]]:
    """A database of the test's own, and its files."""
    settings = settings_for(scratch_sample_url)
    with Database(settings) as database:
        yield settings, database


@pytest.fixture(scope="session")
def made(sample_settings: ServiceSettings, sample_database: Database) -> Dated:
    """The files of the sample's addresses and growing areas, where the service and the client of the sample look."""
    build_now(sample_settings, sample_database, FIELDS)
    return build_now(sample_settings, sample_database)
