"""What installations counted before is there after an update: by kind, and as finished layers."""

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import NullPool, create_engine, text

from geodata.db import Database
from geodata.importing.publish import settle
from tests.conftest import ROOT, SAMPLE_TEMPLATE, Server, settings_for


@pytest.fixture
def filled(server: Server, worker_name: str) -> Iterator[str]:
    """URL of a database of its own with the sample."""
    name = f"counts_{worker_name}"
    yield server.create(name, SAMPLE_TEMPLATE)
    server.drop(name)


def read(url: str, columns: str) -> list[tuple[object, ...]]:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return sorted(tuple(row) for row in connection.execute(text(f"SELECT {columns} FROM reg.addresses_grid t")))


def test_counts_are_the_same_after_going_back_and_up_again(filled: str) -> None:
    before, counts = read(filled, "t::text"), read(filled, "z, x, y, cell, count")
    config = Config(ROOT / "alembic.ini")
    with create_engine(filled, poolclass=NullPool).connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0015")
        connection.commit()
        assert read(filled, "z, x, y, cell, count") == counts
        command.upgrade(config, "0016")
        connection.commit()
    assert read(filled, "t::text") == before
    assert len(before) > 500


def test_layers_of_counts_that_were_there_before_are_finished_by_the_first_who_settles(filled: str) -> None:
    made = "SELECT z, x, y, mvt FROM reg.addresses_finished WHERE mvt IS NOT NULL ORDER BY 1, 2, 3"
    config = Config(ROOT / "alembic.ini")
    with create_engine(filled, poolclass=NullPool).connect() as connection:
        before = connection.execute(text(made)).all()
        config.attributes["connection"] = connection
        command.downgrade(config, "0017")
        command.upgrade(config, "head")
        connection.commit()
        assert connection.execute(text(made)).all() == []
        connection.rollback()
        with Database(settings_for(filled)) as database:
            settle(database)
        assert connection.execute(text(made)).all() == before
    assert len(before) > 10
