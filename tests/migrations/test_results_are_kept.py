"""New Rural Development results that stood beside communes are not dropped by an update."""

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.config import Config
from psycopg.errors import RaiseException
from sqlalchemy import Connection, NullPool, create_engine, text

from tests.conftest import ROOT, SAMPLE_TEMPLATE, Server

RESULT = text(
    "INSERT INTO reg.commune_ntm (feature_id, period, level, decision_number) "
    "SELECT min(id), '2021-2025', 'standard', :decision FROM reg.communes"
)


@pytest.fixture
def before(server: Server, worker_name: str) -> Iterator[tuple[Connection, Config]]:
    """Connection to a database of its own, as it was before results had a register, and how to migrate it."""
    name = f"results_{worker_name}"
    config = Config(ROOT / "alembic.ini")
    with create_engine(server.create(name, SAMPLE_TEMPLATE), poolclass=NullPool).connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0022")
        connection.commit()
        yield connection, config
        connection.rollback()
    server.drop(name)


def test_results_that_somebody_entered_stop_the_update_with_a_word_on_what_to_do(
    before: tuple[Connection, Config],
) -> None:
    connection, config = before
    connection.execute(RESULT, {"decision": "12/QĐ-UBND"})
    connection.commit()
    with pytest.raises(RaiseException, match=r"commune_ntm holds results[\s\S]*COPY \(SELECT c.code AS commune_code"):
        command.upgrade(config, "head")
    connection.rollback()
    assert connection.execute(text("SELECT decision_number FROM reg.commune_ntm")).scalars().all() == ["12/QĐ-UBND"]


def test_results_of_the_sample_do_not_stop_it(before: tuple[Connection, Config]) -> None:
    connection, config = before
    connection.execute(RESULT, {"decision": "12/QĐ-MẪU"})
    connection.commit()
    command.upgrade(config, "head")
    connection.commit()
    assert connection.execute(text("SELECT to_regclass('reg.commune_ntm'), count(*) FROM reg.ntm_results")).one() == (
        None,
        0,
    )
