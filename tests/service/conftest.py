"""What tests of several parts of the service are given."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from tests.conftest import Server, settings_for
from tests.service.shell import Shell


@pytest.fixture(scope="module")
def shell(server: Server, worker_name: str) -> Iterator[Shell]:
    """A shell with the sample data."""
    name = f"shell_{worker_name}"
    yield Shell(settings_for(server.create(name, "template_sample"), secret=SecretStr("s" * 40)))
    server.drop(name)
