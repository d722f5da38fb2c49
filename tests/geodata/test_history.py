"""Revisions: numbers in the order of commits, and a history from which every earlier state can be read."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from shapely import Point
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from geodata.db import Database
from geodata.history import Counts, latest_revision, lock_register, start_revision
from geodata.registers import get_register
from tests.conftest import settings_for
from tests.geodata.builders import agency, publish, rows_of

ADDRESSES = get_register("addresses")
ONE = Counts(1, 0)


@pytest.fixture
def database(scratch_url: str) -> Iterator[Database]:
    found = Database(settings_for(scratch_url))
    yield found
    found.dispose()


def start(connection: Connection, register_id: str = "addresses") -> int:
    return start_revision(connection, get_register(register_id), ONE, author="test", note=None, upload_id=None)


def state_at(connection: Connection, revision: int) -> dict[int, dict[str, Any]]:
    """Return the register as it was after a revision, from the live rows and the history alone."""
    codes = "SELECT jsonb_agg(to_jsonb(c) - 'feature_id' ORDER BY scheme, value) FROM reg.address_codes c"
    row = f"to_jsonb(a) || jsonb_strip_nulls(jsonb_build_object('address_codes', ({codes} WHERE feature_id = a.id)))"
    rows = {row["id"]: row for row in connection.scalars(text(f"SELECT {row} FROM reg.addresses a"))}
    later = connection.execute(
        text(
            "SELECT feature_id, before FROM ops.change "
            "WHERE register = 'addresses' AND revision > :revision ORDER BY revision DESC"
        ),
        {"revision": revision},
    )
    for feature_id, before in later:
        rows[feature_id] = before
    return {feature_id: row for feature_id, row in rows.items() if row["revision"] <= revision}


def test_numbers_count_up_from_one(connection: Connection) -> None:
    assert latest_revision(connection, "addresses") == 0
    assert [start(connection) for _ in range(3)] == [1, 2, 3]
    assert latest_revision(connection, "addresses") == 3


def test_every_earlier_state_can_be_read_from_the_history(connection: Connection) -> None:
    states = {}
    for revision, rows in enumerate(
        (
            [agency("0000000001"), agency("0000000002")],
            [agency("0000000001", name="Trạm y tế", location_id="000000000042"), agency("0000000003")],
            [agency("0000000001", name="Trường học", geom=Point(108.2, 16.2)), agency("0000000003", name="Chợ")],
            [agency("0000000001", name="Trường học", location_id="000000000043", geom=Point(108.2, 16.2))],
        ),
        1,
    ):
        assert publish(connection, "addresses", rows).revision == revision
        states[revision] = state_at(connection, revision)
    assert {revision: state_at(connection, revision) for revision in states} == states
    assert state_at(connection, 0) == {}


def test_states_tell_what_a_revision_counted(connection: Connection) -> None:
    """A state that follows on no other is an insert: the live rows and the replaced ones tell them all."""
    publish(connection, "addresses", [agency("0000000001"), agency("0000000002")])
    publish(connection, "addresses", [agency("0000000001", name="Trạm y tế"), agency("0000000003")])
    query = """
        WITH state AS (
            SELECT id, revision FROM reg.addresses UNION ALL
            SELECT feature_id, (before ->> 'revision')::bigint FROM ops.change WHERE register = 'addresses'
        )
        SELECT r.number, r.added, r.changed, count(s.id) FILTER (WHERE c IS NULL), count(c)
        FROM ops.revision r JOIN state s ON s.revision = r.number
        LEFT JOIN ops.change c ON (c.register, c.revision, c.feature_id) = (r.register, r.number, s.id)
        WHERE r.register = 'addresses' GROUP BY r.number, r.added, r.changed ORDER BY 1
    """
    assert rows_of(connection, query) == [(1, 2, 0, 2, 0), (2, 1, 1, 1, 1)]


@pytest.mark.parametrize(
    ("counts", "is_something"), [(Counts(0, 0), False), (Counts(0, 1), True), (Counts(0, 0, 1), True)]
)
def test_counts_are_something_when_anything_changed(counts: Counts, is_something: bool) -> None:
    assert bool(counts) is is_something


def test_a_second_publish_of_a_register_waits_for_the_first(database: Database) -> None:
    waited = threading.Event()

    def second() -> None:
        with database.worker() as connection:
            lock_register(connection, ADDRESSES)
            waited.set()

    with database.worker() as connection:
        lock_register(connection, ADDRESSES)
        thread = threading.Thread(target=second)
        thread.start()
        assert not waited.wait(0.3)
    thread.join(10)
    assert waited.is_set()


def test_publishes_of_two_registers_do_not_wait_for_each_other(database: Database) -> None:
    with database.worker() as first, database.worker() as second:
        lock_register(first, ADDRESSES)
        second.execute(text("SET LOCAL lock_timeout = '1s'"))
        lock_register(second, get_register("villages"))


def test_the_database_refuses_a_number_twice_even_without_the_lock(database: Database) -> None:
    with database.worker() as connection:
        start(connection)
        with pytest.raises(SQLAlchemyError, match="pk_revision"):
            connection.execute(text("INSERT INTO ops.revision SELECT * FROM ops.revision WHERE register = 'addresses'"))
