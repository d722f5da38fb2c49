"""Property tests run without a deadline: the machine may be busy. Filters are tried on a few towns."""

import pytest
from hypothesis import settings
from sqlalchemy import Connection, FromClause

from tests.geodata.cql2_places import create_towns

settings.register_profile("bandoso", deadline=None, max_examples=60, database=None)
settings.load_profile("bandoso")


@pytest.fixture
def towns(connection: Connection) -> FromClause:
    """The towns of OGC's examples, as a table of this transaction."""
    return create_towns(connection)
